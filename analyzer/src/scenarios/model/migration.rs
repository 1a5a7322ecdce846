//! Migration to a pool: pods that move, pods that stay, and in which order.

pub(crate) mod build_plan;
pub(crate) mod movability;
pub(crate) mod namespace_waves;
pub(crate) mod pod_selection;
