//! Costs of what was replayed: cost lines, spare hosts, and commitments that are left unused.

pub(crate) mod scenario_cost;
#[cfg(test)]
pub(crate) mod scenario_cost_laws;
pub(crate) mod spare_hosts;
pub(crate) mod unused_commitments;
