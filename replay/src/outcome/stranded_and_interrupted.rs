//! Machines that stay on EC2 beside a pool, and what AWS takes back of spot.

use crate::number::float;

/// Nodes of one type that carry pods which do not move, and so never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stranded {
    /// Their type, as an index into the catalog.
    pub kind: u32,
    /// Node-seconds, by whole slots.
    pub node_seconds: u64,
    /// Of these, node-seconds in which pods asked for less than half of a node's CPU and of its memory.
    pub half_empty_seconds: u64,
}

impl Stranded {
    /// Counts a slot of a node; rows are by type.
    pub(crate) fn count(rows: &mut Vec<Self>, kind: u32, half_empty: bool) {
        let at = rows.binary_search_by_key(&kind, |row| row.kind).unwrap_or_else(|at| {
            rows.insert(at, Self { kind, ..Self::default() });
            at
        });
        if let Some(row) = rows.get_mut(at) {
            row.node_seconds += 300;
            row.half_empty_seconds += if half_empty { 300 } else { 0 };
        }
    }

    /// Returns what came after `earlier`; types of which nothing did are left out.
    pub(crate) fn since(rows: &[Self], earlier: &[Self]) -> Vec<Self> {
        let less = |row: &Self| {
            let before = earlier.iter().find(|before| before.kind == row.kind).copied().unwrap_or_default();
            Self {
                kind: row.kind,
                node_seconds: row.node_seconds - before.node_seconds,
                half_empty_seconds: row.half_empty_seconds - before.half_empty_seconds,
            }
        };
        rows.iter().map(less).filter(|row| row.node_seconds > 0).collect()
    }
}

/// Pods that restart since AWS takes their spot machine back: evictions by the cloud, not by the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interruptions {
    /// Seconds of pods on spot machines, outside the warm-up.
    pub pod_seconds: u64,
    /// Share of spot machines that are taken back in a month of 730 hours.
    pub per_month: f64,
}

impl Interruptions {
    /// Pods that restart, as many as are to be expected.
    pub fn expected(&self) -> f64 {
        float(self.pod_seconds) / (730.0 * 3600.0) * self.per_month
    }
}
