//! Replays that are made: passes over the hours, what each side chooses before it is reported, waves of a plan, and other
//! assumptions.

pub(crate) mod all_replays;
pub(crate) mod host_type;
pub(crate) mod namespace_waves;
pub(crate) mod replay_passes;
pub(crate) mod tornado_replays;
pub(crate) mod variant_trials;
pub(crate) mod variants;
pub(crate) mod warm_machines;
