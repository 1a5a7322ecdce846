//! Choices that each scenario makes before it is reported: hosts, variants, warm machines, and the hours they are made on.

pub(crate) mod host_type;
pub(crate) mod trial_and_report_hours;
pub(crate) mod variant_trials;
pub(crate) mod variants;
pub(crate) mod warm_machines;
