//! Runs of the engine: the machines it is given, the passes over the hours, and what was replayed.

pub(crate) mod all_replays;
pub(crate) mod machine_candidates;
pub(crate) mod replay_passes;
pub(crate) mod replayed_scenario;
