//! Recommendation: the verdict with its confidence, the path to it from today's cost, and the Savings Plan to buy then.

pub(crate) mod confidence;
pub(crate) mod savings_plan_offer;
pub(crate) mod verdict;
pub(crate) mod verdict_basis;
pub(crate) mod waterfall;
