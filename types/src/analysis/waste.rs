//! Total waste: what is paid for today and does no work, as one number with its parts.

use serde::{Deserialize, Serialize};

mod derive;

use super::bill::WorkloadCost;

/// Waste: what today's bill pays for and nothing uses. Amounts are USD a month of 730 hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waste {
    /// All parts together.
    pub monthly_usd: f64,
    /// As a share of today's bill, unused commitments among it; `null` where that is zero.
    pub fraction: Option<f64>,
    /// The parts, the largest first; those that come to nothing are left out.
    pub parts: Vec<WastePart>,
    /// Unmounted volumes without a price, whose cost is in no part.
    pub unpriced_volumes: u32,
}

/// One kind of waste.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WastePart {
    /// Which.
    pub kind: WasteKind,
    /// Amount.
    pub monthly_usd: f64,
}

/// The kinds of waste; no dollar is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WasteKind {
    /// Capacity of nodes that no pod requested or used.
    IdleNodes,
    /// Requested by pods and not used: each resource of a workload by its share not used over the window.
    ReservedUnused,
    /// Persistent volumes that no pod mounted in any hour.
    UnmountedVolumes,
    /// Commitments paid and not used.
    UnusedCommitments,
}

impl WasteKind {
    /// Its name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdleNodes => "idle_nodes",
            Self::ReservedUnused => "reserved_unused",
            Self::UnmountedVolumes => "unmounted_volumes",
            Self::UnusedCommitments => "unused_commitments",
        }
    }

    /// Its name, as a sentence has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdleNodes => "idle nodes",
            Self::ReservedUnused => "requested and not used",
            Self::UnmountedVolumes => "unmounted volumes",
            Self::UnusedCommitments => "unused commitments",
        }
    }
}

impl WorkloadCost {
    /// Returns what it cost over the window on on-demand machines, in USD; `None` where that is nothing or not known.
    pub fn on_demand(&self) -> Option<f64> {
        self.on_demand_usd.filter(|usd| *usd > 0.0)
    }

    /// Returns what it pays over the window for requests that it does not use, in USD.
    pub fn unused_usd(&self) -> f64 {
        self.unused_cpu_and_memory_usd().into_iter().sum()
    }

    /// The same of CPU and of memory.
    pub(crate) fn unused_cpu_and_memory_usd(&self) -> [f64; 2] {
        let part = |usd: f64, used: f64, requested: f64| {
            if requested > 0.0 { usd * (1.0 - used / requested).max(0.0) } else { 0.0 }
        };
        [
            part(self.cpu_usd, self.cpu_used_core_hours, self.cpu_request_core_hours),
            part(self.memory_usd, self.memory_used_gib_hours, self.memory_request_gib_hours),
        ]
    }
}
