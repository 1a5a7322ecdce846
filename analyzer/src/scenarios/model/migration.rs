//! Migration to a pool: pods that move, pods that stay, and the plan that builds it.

pub(crate) mod build_plan;
pub(crate) mod movability;
