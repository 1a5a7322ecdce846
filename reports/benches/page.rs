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

use peak_alloc::PeakAlloc;

#[path = "../tests/all/sample/mod.rs"]
mod sample;

#[global_allocator]
static ALLOCATIONS: PeakAlloc = PeakAlloc;

const ROUNDS: usize = 9;

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
    let analysis = sample::large();
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
