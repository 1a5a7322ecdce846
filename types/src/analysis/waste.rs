//! Total waste: what is paid for today and does no work, as one number with its parts.

use serde::{Deserialize, Serialize};

use super::{Allocation, Analysis, WorkloadCost};

/// What today's bill pays for and nothing uses. Amounts are USD a month of 730 hours.
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
    /// What it comes to.
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
    /// What it pays over the window for requests that it does not use, in USD.
    pub fn unused_usd(&self) -> f64 {
        let part = |usd: f64, used: f64, requested: f64| {
            if requested > 0.0 { usd * (1.0 - used / requested).max(0.0) } else { 0.0 }
        };
        part(self.cpu_usd, self.cpu_used_core_hours, self.cpu_request_core_hours)
            + part(self.memory_usd, self.memory_used_gib_hours, self.memory_request_gib_hours)
    }
}

impl Waste {
    /// The waste of an analysis; `None` where it does not give today's bill out, or has no hour.
    pub fn of(analysis: &Analysis) -> Option<Self> {
        let months = analysis.window.months()?;
        let allocation = analysis.allocation.as_ref()?;
        let unmounted = || allocation.by_volume_claim.iter().filter(|claim| claim.unmounted);
        let volumes: f64 = unmounted().filter_map(|claim| claim.usd).sum();
        let unpriced = unmounted().filter(|claim| claim.usd.is_none()).count();
        let today = analysis.scenarios.iter().find(|scenario| scenario.id == "ec2-today");
        let commitments = today.and_then(|today| today.cost_usd.unused_commitments).unwrap_or_default();
        let mut parts: Vec<WastePart> = [
            (WasteKind::IdleNodes, (allocation.total.idle_usd - volumes).max(0.0)),
            (WasteKind::ReservedUnused, unused(allocation)),
            (WasteKind::UnmountedVolumes, volumes),
            (WasteKind::UnusedCommitments, commitments),
        ]
        .into_iter()
        .map(|(kind, usd)| WastePart { kind, monthly_usd: usd * months })
        .filter(|part| part.monthly_usd > 0.0)
        .collect();
        parts.sort_by(|a, b| b.monthly_usd.total_cmp(&a.monthly_usd).then_with(|| a.kind.cmp(&b.kind)));
        let monthly_usd: f64 = parts.iter().map(|part| part.monthly_usd).sum();
        let bill = allocation.total.total_usd * months;
        Some(Self {
            monthly_usd,
            fraction: (bill > 0.0).then(|| (monthly_usd / bill).min(1.0)),
            parts,
            unpriced_volumes: u32::try_from(unpriced).unwrap_or(u32::MAX),
        })
    }
}

/// Requested and not used, of workloads that are not on every node; never more than is paid for them.
fn unused(allocation: &Allocation) -> f64 {
    let all: f64 = allocation.by_workload.iter().filter(|row| !row.overhead).map(WorkloadCost::unused_usd).sum();
    all.min((allocation.total.workloads_usd - allocation.total.oversubscribed_usd).max(0.0))
}
