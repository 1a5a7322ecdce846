//! The window: hours with a working week in them, and what is made of them.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use types::HourSource;
use types::analysis::*;

/// Hours of the believable window, and how many of them at its end are from Prometheus.
pub(super) const HOURS: u32 = 720;
pub(super) const FROM_PROMETHEUS: u32 = 24;

pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_748_736_000, 0).unwrap_or_default()
}

/// A pseudo-random number between 0 and 1, the same on every machine.
pub(super) fn noise(seed: u32) -> f64 {
    let mut x = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^= x >> 13;
    f64::from(x % 10_000) / 10_000.0
}

pub(super) fn hour(i: u32) -> HourPoint {
    let hour = start() + TimeDelta::hours(i64::from(i));
    let of_day = f64::from(hour.hour());
    let working = if hour.weekday().num_days_from_monday() < 5 { 1.0 } else { 0.45 };
    let day = (((of_day - 14.0) / 24.0 * std::f64::consts::TAU).cos() + 1.0) / 2.0 * working;
    let extra = if i > 400 { 0.0 } else { 16.0 };
    let capacity = 496.0 + extra + 16.0 * (4.0 * day).round();
    let memory = 2112.0 + 4.0 * extra + 64.0 * (4.0 * day).round();
    let used = 46.0 + 44.0 * day + 6.0 * noise(i);
    HourPoint {
        hour,
        source: if i >= HOURS - FROM_PROMETHEUS { HourSource::Prometheus } else { HourSource::Generator },
        nodes: 41.0 + (4.0 * day).round(),
        ec2_nodes: Some(38.0 + (4.0 * day).round()),
        cpu_capacity_cores: capacity,
        cpu_requested_cores: 331.0 + 40.0 * day + 4.0 * noise(i + 7),
        cpu_used_cores: used,
        cpu_used_peak_cores: used * (1.18 + 0.3 * noise(i + 99)),
        memory_capacity_gib: memory,
        memory_requested_gib: 1480.0 + 90.0 * day,
        memory_used_gib: 612.0 + 70.0 * day + 12.0 * noise(i + 3),
        memory_used_peak_gib: 640.0 + 84.0 * day + 20.0 * noise(i + 5),
        cpu_allocatable_cores: Some(capacity * 0.985),
        cpu_limit_cores: Some(560.0 + 30.0 * day),
        memory_allocatable_gib: Some(memory * 0.93),
        memory_limit_gib: Some(1702.0 + 95.0 * day),
    }
}

pub(super) fn resource(
    hourly: &[HourPoint],
    of: fn(&HourPoint) -> [f64; 4],
    allocatable: f64,
    limits: f64,
) -> ResourceUtilisation {
    let n = hourly.iter().map(|_| 1.0).sum::<f64>();
    let mean = |i: usize| {
        let sum: f64 = hourly.iter().filter_map(|hour| of(hour).get(i).copied()).sum();
        if n > 0.0 { sum / n } else { 0.0 }
    };
    let (capacity, requested, used) = (mean(0), mean(1), mean(2));
    let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    ResourceUtilisation {
        capacity_mean: capacity,
        allocatable_mean: capacity * allocatable,
        requested_mean: requested,
        limit_mean: requested * limits,
        used_mean: used,
        used_median: used * 0.94,
        used_p95: used * 1.3,
        used_p99: used * 1.4,
        used_peak: hourly.iter().filter_map(|hour| of(hour).get(3).copied()).fold(0.0, f64::max),
        used_of_capacity: ratio(used, capacity),
        used_of_requested: ratio(used, requested),
        requested_of_capacity: ratio(requested, capacity),
    }
}

pub(super) fn utilisation(hourly: Vec<HourPoint>) -> Utilisation {
    Utilisation {
        cpu: resource(
            &hourly,
            |h| [h.cpu_capacity_cores, h.cpu_requested_cores, h.cpu_used_cores, h.cpu_used_peak_cores],
            0.985,
            1.7,
        ),
        memory: resource(
            &hourly,
            |h| [h.memory_capacity_gib, h.memory_requested_gib, h.memory_used_gib, h.memory_used_peak_gib],
            0.93,
            1.15,
        ),
        hourly,
        steal: Some(Steal { mean_fraction: 0.001, peak_fraction: 0.04, known_fraction: 1.0 }),
        distributions: Vec::new(),
        coincidence: Some(coincidence()),
    }
}

pub(super) fn coincidence() -> Coincidence {
    let row = |level: &str, sum: f64, peak: f64| CoincidenceRow {
        level: level.to_owned(),
        sum_of_peaks: sum,
        peak_of_sum: peak,
        coincidence: Some(peak / sum),
    };
    let safe = |resource: &str, measure: &str, worst: Option<f64>| SafeOvercommit {
        resource: resource.to_owned(),
        measure: measure.to_owned(),
        worst_of_capacity: worst,
        ratio: worst.map(|worst| 0.8 / worst),
    };
    Coincidence {
        cpu: vec![row("workload", 240.0, 151.0), row("node", 265.0, 151.0)],
        memory: vec![row("workload", 1100.0, 1010.0), row("node", 1070.0, 1010.0)],
        safe_overcommit: vec![
            safe("cpu", "used", Some(0.22)),
            safe("memory", "used", Some(0.41)),
            safe("memory", "high_water", Some(0.52)),
            safe("memory", "touched", None),
        ],
    }
}
