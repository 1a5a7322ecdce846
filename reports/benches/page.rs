//! Time for the page of a large cluster, its memory, and its size, beside writing the same analysis
//! as JSON.
//!
//!     cargo bench --profile dev --package emp-cost-reports --bench page
//!
//! 5,000 workloads in 200 namespaces over 60 days, with every scenario of a replay. Nine rounds, the two sides in turn;
//! the median of each is printed. Memory is the most that was allocated at once beyond the analysis itself. It fails
//! where the page is over 3 MB, takes over a second or over 256 MiB.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::as_conversions,
    reason = "a benchmark prints, and stops where it fails"
)]

use std::hint::black_box;
use std::time::Instant;

use chrono::TimeDelta;
use peak_alloc::PeakAlloc;
use types::analysis::{Analysis, ClaimCost, HourPoint, NamespaceCost, ScenarioHour, WorkloadCost, WorkloadMovability};

#[path = "../tests/all/sample/mod.rs"]
mod sample;

#[global_allocator]
static ALLOCATIONS: PeakAlloc = PeakAlloc;

const WORKLOADS: usize = 5_000;
const NAMESPACES: usize = 200;
const HOURS: usize = 60 * 24;
const ROUNDS: usize = 9;

/// The full sample with as much in it as a large cluster has.
fn large() -> Analysis {
    let mut analysis = sample::full();
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

/// Runs `side` once: its bytes, seconds, and the most bytes allocated at once beyond what was there before.
fn measured(side: impl FnOnce() -> String) -> (usize, f64, f64) {
    ALLOCATIONS.reset_peak_usage();
    let (before, begun) = (ALLOCATIONS.current_usage(), Instant::now());
    let text = black_box(side());
    (text.len(), begun.elapsed().as_secs_f64(), (ALLOCATIONS.peak_usage() - before) as f64 / f64::from(1 << 20))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).unwrap()
}

fn main() {
    let analysis = large();
    let options = reports::Options::default();
    let (mut page, mut json) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        page.push(measured(|| reports::page(&analysis, &options).unwrap()));
        json.push(measured(|| serde_json::to_string(&analysis).unwrap()));
    }
    let of = |rounds: &[(usize, f64, f64)]| {
        let bytes = rounds.first().unwrap().0 as f64 / 1e6;
        let seconds = median(rounds.iter().map(|round| round.1).collect());
        (bytes, seconds, median(rounds.iter().map(|round| round.2).collect()))
    };
    let ((bytes, seconds, mib), peer) = (of(&page), of(&json));
    println!("page: {bytes:.2} MB in {:.0} ms with {mib:.1} MiB", seconds * 1e3);
    println!("json: {:.2} MB in {:.0} ms with {:.1} MiB", peer.0, peer.1 * 1e3, peer.2);
    println!("page over json: time {:.1}, memory {:.1}, size {:.2}", seconds / peer.1, mib / peer.2, bytes / peer.0);
    assert!(bytes < 3.0 && seconds < 1.0 && mib < 256.0, "over a limit");
}
