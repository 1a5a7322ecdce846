//! Judgement: every scenario by the same limits, what would mend those that break one, and the decision.

pub(crate) mod decision;
pub(crate) mod limits_and_remedies;
pub(crate) mod missing_samples;
