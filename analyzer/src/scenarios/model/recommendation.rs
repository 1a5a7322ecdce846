//! Recommendation: scenarios by the same limits, the decision, and the verdict with its confidence.

pub(crate) mod confidence;
pub(crate) mod decision;
pub(crate) mod limits_and_remedies;
pub(crate) mod verdict;
pub(crate) mod verdict_basis;
