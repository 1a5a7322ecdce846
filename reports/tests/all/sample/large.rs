//! The analysis of a large cluster.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use chrono::TimeDelta;
use types::analysis::{Analysis, ClaimCost, HourPoint, NamespaceCost, ScenarioHour, WorkloadCost, WorkloadMovability};

const WORKLOADS: usize = 5_000;
const NAMESPACES: usize = 200;
const HOURS: usize = 60 * 24;

/// The full sample with as much in it as a large cluster has.
pub(crate) fn large() -> Analysis {
    let mut analysis = super::full();
    let start = analysis.window.start;
    let at = |hour: usize| start + TimeDelta::hours(i64::try_from(hour).unwrap());
    let hourly = analysis.utilisation.hourly.clone();
    let points = hourly.iter().cycle().take(HOURS).enumerate();
    analysis.utilisation.hourly = points.map(|(n, point)| HourPoint { hour: at(n), ..point.clone() }).collect();
    for scenario in &mut analysis.scenarios {
        let hours = scenario.by_hour.iter().cycle().take(HOURS).enumerate();
        scenario.by_hour = hours.map(|(n, hour)| ScenarioHour { start: at(n), ..*hour }).collect();
    }
    analysis.window.end = at(HOURS);
    analysis.window.hours_expected = u32::try_from(HOURS).unwrap();
    analysis.window.hours_present = analysis.window.hours_expected;
    let namespace = |n: usize| format!("team-{:03}", n % NAMESPACES);
    let workload = |n: usize| format!("service-with-a-longer-name-{n:04}");
    let allocation = analysis.allocation.as_mut().unwrap();
    let one = allocation.by_workload.first().unwrap().clone();
    let some = |n: usize| WorkloadCost { namespace: namespace(n), workload: workload(n), ..one.clone() };
    allocation.by_workload = (0..WORKLOADS).map(some).collect();
    let one = allocation.by_namespace.first().unwrap().clone();
    let some = |n: usize| NamespaceCost { namespace: namespace(n), ..one.clone() };
    allocation.by_namespace = (0..NAMESPACES).map(some).collect();
    let one = allocation.by_volume_claim.first().unwrap().clone();
    let some = |n: usize| ClaimCost { namespace: namespace(n), claim: format!("data-{n}"), ..one.clone() };
    allocation.by_volume_claim = (0..WORKLOADS / 4).map(some).collect();
    let one = analysis.movability.first().unwrap().clone();
    let some = |n: usize| WorkloadMovability { namespace: namespace(n), workload: workload(n), ..one.clone() };
    analysis.movability = (0..1_000).map(some).collect();
    analysis
}
