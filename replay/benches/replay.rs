//! One replay of 10,000 pods over 30 days, further scenarios beside it, and the memory it takes for 30 and 90 days.
//!
//! Seconds are those of the thread on a CPU. They cover what the engine does; making up the hours is measured apart and is the peer: the cost of touching
//! every value of every hour once.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops where it fails")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Duration;

use common::{Trace, catalog, ec2, emp};
use replay::{Buy, Consolidation, Grain, HostType, Hour, Pool, Replay, Setup, lower_bound, screen};

/// Time this thread has had on a CPU: what others do on the machine does not count.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or_default())
}

fn resident_peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// Reads every value of an hour once.
fn touch(hour: &Hour) -> u64 {
    let lane = |lane: &replay::Lane| lane.0.iter().map(|v| u64::from(*v)).sum::<u64>();
    let rows = hour.containers().iter();
    rows.map(|row| lane(&row.cpu_mean_millicores) + lane(&row.cpu_max_millicores) + lane(&row.memory_max_mib)).sum()
}

fn run(name: &str, setups: Vec<Setup>, pods: u32, days: usize) -> Duration {
    let mut trace = Trace::new(1, pods, 3);
    let mut replay = Replay::new(setups);
    let (mut engine, mut peer, mut sum, mut rows) = (Duration::ZERO, Duration::ZERO, 0_u64, 0);
    for _ in 0..days * 24 {
        let hour = trace.hour();
        rows += hour.pods().len();
        let start = on_cpu();
        sum = sum.wrapping_add(touch(&hour));
        peer += on_cpu() - start;
        let start = on_cpu();
        replay.advance(&hour);
        engine += on_cpu() - start;
    }
    let outcomes = replay.finish();
    let per = engine.as_nanos() / u128::try_from(rows).unwrap_or(1);
    println!(
        "{name}: {days} days, {rows} pod-hours, engine {:.2} s ({per} ns a pod-hour, {:.1} times reading every value once), peak {} MiB [{}]",
        engine.as_secs_f64(),
        engine.as_secs_f64() / peer.as_secs_f64(),
        resident_peak_mib(),
        sum % 10,
    );
    for (outcome, _) in outcomes.iter().take(2) {
        let last = outcome.series.last().copied().unwrap_or_default();
        println!(
            "  {}: {:?} {:?} nodes {} evms {} hosts {}",
            outcome.id, outcome.service, outcome.motion, last.nodes, last.evms, last.hosts
        );
    }
    if let Some(((outcome, _), setup)) = outcomes.first().zip(Some(emp("emp"))).filter(|((o, _), _)| o.id == "emp") {
        let start = on_cpu();
        let bound = lower_bound(outcome, &setup, Grain::Slot);
        println!("  bound {:?} in {:.2} s", bound.map(|b| b.total().usd()), (on_cpu() - start).as_secs_f64());
    }
    engine
}

/// Ninety host candidates bounded on what one replay of 30 days served.
fn screening() {
    let mut trace = Trace::new(1, 10_000, 3);
    let mut replay = Replay::new(vec![emp("emp")]);
    for _ in 0..30 * 24 {
        replay.advance(&trace.hour());
    }
    let (outcome, _) = replay.finish().remove(0);
    let candidates: Vec<Setup> = (0..90)
        .map(|i| {
            let mut setup = emp("emp");
            let threads = 48 * (1 + i % 4);
            let host = HostType { threads, memory_mib: threads * 1024 * (2 + i % 7), ..common::m5_metal() };
            setup.pool = Some(Pool::new(host, &catalog(), &[0, 1, 2, 3, 4]));
            setup
        })
        .collect();
    let start = on_cpu();
    let best = screen(&outcome, &candidates, 10);
    println!("screened {} candidates to {} in {:.2} s", candidates.len(), best.len(), (on_cpu() - start).as_secs_f64());
}

fn main() {
    let what = std::env::args().find(|arg| ["one", "long", "further", "grid", "screen"].contains(&arg.as_str()));
    let what = what.unwrap_or_else(|| "all".to_owned());
    let is = |name: &str| what == name || what == "all";
    if is("one") {
        run("emp", vec![emp("emp")], 10_000, 30);
    }
    if is("further") {
        let one = run("one", vec![emp("emp")], 10_000, 10);
        let mut today = ec2("ec2-today-replayed");
        today.ec2.buy = Buy::AsObserved;
        today.ec2.consolidation = Consolidation::EmptyOnly;
        let mut karpenter = ec2("karpenter");
        karpenter.ec2.buy = Buy::FirstFitDecreasing;
        for setup in [today, karpenter, ec2("ec2-repacked"), emp("emp-again")] {
            let name = setup.id.clone();
            let two = run(&name, vec![emp("emp"), setup], 10_000, 10);
            println!("further {name}: {:.2} s for 30 days", 3.0 * (two.saturating_sub(one)).as_secs_f64());
        }
    }
    if is("grid") {
        let grid = (0..25).map(|i| {
            let mut setup = emp("grid");
            let pool = setup.pool.as_mut().unwrap();
            pool.memory_overcommit = 1.0 + 0.5 * f64::from(i % 5);
            pool.cpu_overcommit = 1.0 + f64::from(i / 5);
            setup
        });
        run("grid of 25", grid.collect(), 10_000, 30);
    }
    if is("long") {
        run("emp", vec![emp("emp")], 10_000, 90);
    }
    if is("screen") {
        screening();
    }
}
