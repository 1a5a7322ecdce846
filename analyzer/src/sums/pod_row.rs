//! Pods as the ledger takes them.

use types::SLOTS_PER_HOUR;

/// One pod in one hour.
#[derive(Debug, Clone)]
pub(crate) struct PodRow {
    pub(crate) hour: i64,
    pub(crate) alive: [i16; SLOTS_PER_HOUR],
    pub(crate) cpu_request_millicores: i64,
    pub(crate) memory_request_bytes: i64,
    pub(crate) scheduled_seconds: Option<i64>,
    pub(crate) ended_seconds: Option<i64>,
    /// Number of the node's name.
    pub(crate) node: u32,
    /// Number of the owner.
    pub(crate) owner: u32,
}

impl PodRow {
    pub(crate) fn alive_seconds(&self) -> i64 {
        self.alive.iter().copied().map(i64::from).sum()
    }
}
