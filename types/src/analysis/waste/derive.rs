//! Waste from an analysis, part by part.

use super::{Waste, WasteKind, WastePart};
use crate::analysis::{Allocation, Analysis, Silence, WorkloadCost};

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
            (WasteKind::ReservedUnused, unused(allocation, in_place_of_samples(analysis, allocation))),
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

/// Requested and not used, of workloads that are not on every node, less what is used without a sample; never more than is
/// paid for them.
fn unused(allocation: &Allocation, without_sample_usd: [f64; 2]) -> f64 {
    let parts = workloads(allocation).map(WorkloadCost::unused_cpu_and_memory_usd);
    let [cpu, memory] =
        parts.fold([0.0; 2], |[cpu, memory], [more_cpu, more_memory]| [cpu + more_cpu, memory + more_memory]);
    let [of_cpu, of_memory] = without_sample_usd;
    let paid = allocation.total.workloads_usd - allocation.total.oversubscribed_usd;
    ((cpu - of_cpu).max(0.0) + (memory - of_memory).max(0.0)).min(paid.max(0.0))
}

fn workloads(allocation: &Allocation) -> impl Iterator<Item = &WorkloadCost> {
    allocation.by_workload.iter().filter(|row| !row.overhead)
}

/// Cost over the window of the CPU and of the memory that pods use without a sample: what the replays put in its place, at
/// what workloads pay on average for a core-hour and a GiB-hour. Zero where nothing was replayed.
fn in_place_of_samples(analysis: &Analysis, allocation: &Allocation) -> [f64; 2] {
    let Some(silence) = &analysis.silence else { return [0.0; 2] };
    let hours = f64::from(analysis.window.hours_present);
    let [cores, gib] = used_without_sample(silence).map(|mean| mean * hours);
    let price = |usd: fn(&WorkloadCost) -> f64, held: fn(&WorkloadCost) -> f64| {
        let (usd, held): (f64, f64) = (workloads(allocation).map(usd).sum(), workloads(allocation).map(held).sum());
        if held > 0.0 { usd / held } else { 0.0 }
    };
    let of_core = price(|row| row.cpu_usd, |row| row.cpu_request_core_hours.max(row.cpu_used_core_hours));
    let of_gib = price(|row| row.memory_usd, |row| row.memory_request_gib_hours.max(row.memory_used_gib_hours));
    [cores * of_core, gib * of_gib]
}

/// Cores and GiB used without a sample, on average over the hours of the day.
fn used_without_sample(silence: &Silence) -> [f64; 2] {
    let hours = f64::from(u32::try_from(silence.by_hour_of_day.len().max(1)).unwrap_or(u32::MAX));
    let rows = silence.by_hour_of_day.iter().map(|hour| {
        let cores = hour.cpu_used_cores * hour.cpu_fraction.unwrap_or_default();
        [cores, hour.memory_used_gib * hour.memory_fraction.unwrap_or_default()]
    });
    rows.fold([0.0; 2], |[cores, gib], [more_cores, more_gib]| [cores + more_cores / hours, gib + more_gib / hours])
}
