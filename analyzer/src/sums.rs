//! Integer sums over the hours read: what ran, who held what of which nodes, what was left idle.

pub(crate) mod cpu_and_memory;
pub(crate) mod drained_nodes;
pub(crate) mod efs_file_systems;
pub(crate) mod histogram;
pub(crate) mod hour_facts;
pub(crate) mod load_balancers;
pub(crate) mod node_billing;
pub(crate) mod node_usage_by_owner;
pub(crate) mod plausibility_bounds;
pub(crate) mod pod_row;
pub(crate) mod unknown_slots;
pub(crate) mod volume_billing;
pub(crate) mod window_totals;
pub(crate) mod workload_usage;
pub(crate) mod zone_regions;
