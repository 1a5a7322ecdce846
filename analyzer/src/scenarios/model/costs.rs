//! Costs of what was replayed: cost lines, spare hosts, commitments, and the path from today's cost.

pub(crate) mod savings_plan_offer;
pub(crate) mod scenario_cost;
#[cfg(test)]
pub(crate) mod scenario_cost_laws;
pub(crate) mod spare_hosts;
pub(crate) mod unused_commitments;
pub(crate) mod waterfall;
