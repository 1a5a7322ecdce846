//! One run of the engine: which machines may be bought, which pods move, which hours it is of, and what came of it.

pub(crate) mod machine_candidates;
pub(crate) mod pod_selection;
pub(crate) mod replayed_scenario;
pub(crate) mod trial_and_report_hours;
