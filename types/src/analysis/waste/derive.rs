//! Waste from an analysis, part by part.

use super::{Waste, WasteKind, WastePart};
use crate::analysis::{Allocation, Analysis, WorkloadCost};

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
