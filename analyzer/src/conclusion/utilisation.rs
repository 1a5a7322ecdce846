//! Capacity, reservation and use: over time, how they are spread, and whether peaks meet.

use types::analysis::{
    Coincidence, CoincidenceRow, Distribution, HourPoint, ResourceUtilisation, SafeOvercommit, Spread, Steal,
    Utilisation,
};

use crate::conclusion::provenance::Origins;
use crate::number::{float, ratio};
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::node_usage_by_owner::{Ledger, Spreads};
use crate::sums::window_totals::{Exporter, Observed, Worst};
use crate::units::{core_hours, gib_hours};

pub(crate) fn utilisation(observed: &Observed, ledger: &Ledger, origins: &Origins) -> Utilisation {
    let total = |of: fn(&crate::sums::window_totals::HourSums) -> CpuMemory| {
        let mut sum = CpuMemory::default();
        observed.hours.iter().for_each(|hour| sum += of(hour));
        sum
    };
    let capacity = total(|hour| hour.capacity);
    let allocatable = total(|hour| hour.allocatable);
    let requested = total(|hour| hour.requested);
    let limit = total(|hour| hour.limit);
    let used = total(|hour| hour.used);
    let hours = float(observed.seconds()) / 3600.0;
    let resource = |pick: fn(CpuMemory) -> i128, unit_hours: fn(i128) -> f64, slots: Vec<f64>| {
        let mean = |sum: CpuMemory| ratio(unit_hours(pick(sum)), hours).unwrap_or_default();
        ResourceUtilisation {
            capacity_mean: mean(capacity),
            allocatable_mean: mean(allocatable),
            requested_mean: mean(requested),
            limit_mean: mean(limit),
            used_mean: mean(used),
            used_median: median(&slots),
            used_p95: percentile(&slots, 95),
            used_p99: percentile(&slots, 99),
            used_peak: slots.iter().copied().fold(0.0, f64::max),
            used_of_capacity: ratio(mean(used), mean(capacity)),
            used_of_requested: ratio(mean(used), mean(requested)),
            requested_of_capacity: ratio(mean(requested), mean(capacity)),
        }
    };
    // A slot is a twelfth of an hour: what an hour at this rate would come to.
    let slots_per_hour = 12;
    let cpu_slots = observed.cpu_slots.iter().map(|sum| core_hours(i128::from(*sum) * slots_per_hour)).collect();
    let memory_slots =
        observed.memory_slots.iter().map(|sum| gib_hours(i128::from(*sum) * 1024 * slots_per_hour)).collect();
    let hourly = observed.hours.iter().zip(&origins.sources).map(|(sums, (_, source))| HourPoint {
        hour: sums.hour.start(),
        source: *source,
        nodes: float(sums.node_seconds) / 3600.0,
        ec2_nodes: Some(float(sums.ec2_node_seconds) / 3600.0),
        cpu_capacity_cores: core_hours(sums.capacity.cpu),
        cpu_requested_cores: core_hours(sums.requested.cpu),
        cpu_used_cores: core_hours(sums.used.cpu),
        cpu_used_peak_cores: core_hours(sums.peak.cpu),
        memory_capacity_gib: gib_hours(sums.capacity.memory),
        memory_requested_gib: gib_hours(sums.requested.memory),
        memory_used_gib: gib_hours(sums.used.memory),
        memory_used_peak_gib: gib_hours(sums.peak.memory),
        cpu_allocatable_cores: Some(core_hours(sums.allocatable.cpu)),
        cpu_limit_cores: Some(core_hours(sums.limit.cpu)),
        memory_allocatable_gib: Some(gib_hours(sums.allocatable.memory)),
        memory_limit_gib: Some(gib_hours(sums.limit.memory)),
    });
    Utilisation {
        cpu: resource(|both| both.cpu, core_hours, cpu_slots),
        memory: resource(|both| both.memory, gib_hours, memory_slots),
        hourly: hourly.collect(),
        steal: steal(&observed.exporter),
        distributions: distributions(ledger, observed),
        coincidence: Some(coincidence(ledger, observed)),
    }
}

/// The value that a share of all, in percent, do not exceed; zero of none.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn steal(exporter: &Exporter) -> Option<Steal> {
    let fraction = |a: i128, b: i128| ratio(float(a), float(b));
    Some(Steal {
        mean_fraction: fraction(exporter.steal, exporter.steal_capacity)?,
        peak_fraction: exporter.steal_peak.fraction()?,
        known_fraction: fraction(exporter.steal_seconds.into(), exporter.seconds.into())?.min(1.0),
    })
}

/// CPU and memory of a slot, in the units of a spread.
fn in_slot(cpu: bool, sum: i128) -> f64 {
    let hour = sum * SLOTS_IN_AN_HOUR;
    if cpu { core_hours(hour) } else { gib_hours(hour) }
}

const SLOTS_IN_AN_HOUR: i128 = 12;

fn spread(spreads: &Spreads, n: usize) -> Spread {
    let cpu = n == 0;
    let (Some(used), Some(requested)) = (spreads.used.get(n), spreads.requested.get(n)) else {
        return Spread { requested_mean: 0.0, mean: 0.0, p50: 0.0, p95: 0.0, p99: 0.0, max: 0.0 };
    };
    let samples = float(used.samples.into());
    let mean = |sum: i128| ratio(in_slot(cpu, sum), samples).unwrap_or_default();
    let at = |thousandths| in_slot(cpu, used.percentile(thousandths).into());
    Spread {
        requested_mean: mean(*requested),
        mean: mean(used.sum),
        p50: at(500),
        p95: at(950),
        p99: at(990),
        max: in_slot(cpu, used.max.into()),
    }
}

/// Workloads listed at most; the others are in the allocation, without a distribution.
const MOST_WORKLOADS: usize = 200;

/// Node groups, namespaces, and the workloads that reserve most, each level by name.
fn distributions(ledger: &Ledger, observed: &Observed) -> Vec<Distribution> {
    let distribution = |level: &str, name: String, spreads: &Spreads| Distribution {
        level: level.to_owned(),
        name,
        cpu: spread(spreads, 0),
        memory: spread(spreads, 1),
    };
    let of = &ledger.distributions;
    let groups = of.node_groups.iter().map(|(name, spreads)| {
        let name = if name.is_empty() { "(no node group)" } else { name };
        distribution("node_group", name.to_owned(), spreads)
    });
    let namespaces = of.namespaces.iter().map(|(name, spreads)| distribution("namespace", name.clone(), spreads));
    let workloads =
        of.workloads.iter().filter_map(|(number, spreads)| Some((ledger.workloads.name(*number)?, spreads)));
    let mut workloads: Vec<_> = workloads.collect();
    let memory = |key| observed.workloads.get(key).map(|sums| sums.requested.memory).unwrap_or_default();
    workloads.sort_by_key(|(key, _)| (std::cmp::Reverse(memory(*key)), *key));
    workloads.truncate(MOST_WORKLOADS);
    workloads.sort_by_key(|(key, _)| *key);
    let workloads = workloads.into_iter().map(|(key, spreads)| {
        distribution("workload", format!("{}/{}/{}", key.namespace, key.kind, key.name), spreads)
    });
    groups.chain(namespaces).chain(workloads).collect()
}

/// The share of a host's capacity up to which it may be filled: the documented threshold of the rebalancer.
const THRESHOLD: f64 = 0.8;

fn coincidence(ledger: &Ledger, observed: &Observed) -> Coincidence {
    let rows = |n: usize| {
        let peaks = ledger.distributions.peaks.get(n).copied().unwrap_or_default();
        let cpu = n == 0;
        let of_sum = in_slot(cpu, peaks.of_sum.into());
        let levels = [("workload", peaks.workloads), ("namespace", peaks.namespaces), ("node", peaks.nodes)];
        let row = |(level, sum): (&str, i128)| CoincidenceRow {
            level: level.to_owned(),
            sum_of_peaks: in_slot(cpu, sum),
            peak_of_sum: of_sum,
            coincidence: ratio(of_sum, in_slot(cpu, sum)),
        };
        levels.into_iter().map(row).collect::<Vec<_>>()
    };
    let exporter = &observed.exporter;
    let safe = |resource: &str, measure: &str, worst: Worst| {
        let worst = worst.fraction();
        SafeOvercommit {
            resource: resource.to_owned(),
            measure: measure.to_owned(),
            worst_of_capacity: worst,
            ratio: worst.and_then(|worst| ratio(THRESHOLD, worst)),
        }
    };
    Coincidence {
        cpu: rows(0),
        memory: rows(1),
        safe_overcommit: vec![
            safe("cpu", "used", exporter.cpu),
            safe("memory", "used", exporter.memory),
            safe("memory", "high_water", exporter.high_water),
            safe("memory", "touched", exporter.touched),
        ],
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or_default();
    if sorted.len().is_multiple_of(2) {
        let lower = middle.checked_sub(1).and_then(|lower| sorted.get(lower)).copied().unwrap_or_default();
        return (lower + upper) / 2.0;
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }
}
