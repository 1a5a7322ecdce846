//! Time of replays of 10,000 pods, beside what they should take: one scenario for 30 and for 90 days, each further one
//! beside it, every host candidate of a region, and the what-if of 25 variants.
//!
//! Each case runs in a process of its own, so that the memory at its peak is its own. Seconds are those of the thread on
//! a CPU and cover what the engine does; making up the hours is measured apart, and reading every value of every hour
//! once is the peer. Without the name of a case all of them run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a bench prints, and stops where it fails"
)]

#[path = "../tests/all/common/mod.rs"]
mod common;

use std::process::Command;
use std::time::Duration;

use common::{Trace, catalog, ec2, emp, usd};
use replay::{
    Buy, Consolidation, EvictionLimits, Grain, HostType, Hour, Pool, Replay, Requests, Setup, lower_bound, screen,
};

const PODS: u32 = 10_000;

/// Time this thread has had on a CPU: what others do on the machine does not count.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or_default())
}

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = on_cpu();
    let done = work();
    *sum += on_cpu() - start;
    done
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

/// Replays `days` of the trace, and says what came of it.
fn run(name: &str, aim: &str, setups: Vec<Setup>, days: usize) {
    let mut trace = Trace::new(1, PODS, 3);
    let first = setups[0].clone();
    let mut replay = Replay::new(setups);
    let (mut engine, mut peer, mut sum, mut rows) = (Duration::ZERO, Duration::ZERO, 0_u64, 0);
    for _ in 0..days * 24 {
        let hour = trace.hour();
        rows += hour.pods().len();
        sum = sum.wrapping_add(timed(&mut peer, || touch(&hour)));
        timed(&mut engine, || replay.advance(&hour));
    }
    let peak = resident_peak_mib();
    let (outcome, _) = replay.finish().remove(0);
    println!(
        "{name}, {days} days: {:.2} s, {peak} MiB (aim {aim}); {} ns a pod-hour, {:.1} times reading every value once [{}]",
        engine.as_secs_f64(),
        engine.as_nanos() / rows as u128,
        engine.as_secs_f64() / peer.as_secs_f64(),
        sum % 10,
    );
    let last = outcome.series.last().copied().unwrap_or_default();
    let mut bounding = Duration::ZERO;
    let bound = timed(&mut bounding, || lower_bound(&outcome, &first, Grain::Slot));
    println!(
        "  {}: {} EVMs on {} hosts at the end; bound of every slot, {:.0} USD, in {:.2} s",
        first.id,
        last.evms,
        last.hosts,
        bound.map(|b| b.total().usd()).unwrap_or_default(),
        bounding.as_secs_f64()
    );
}

/// Measures what each further scenario adds, all over the same hours: `emp` alone beside `emp` and the other.
fn further(days: usize) {
    let mut today = ec2("ec2-today-replayed");
    today.ec2.buy = Buy::AsObserved;
    today.ec2.consolidation = Consolidation::EmptyOnly;
    let mut karpenter = ec2("ec2-repacked-karpenter");
    karpenter.ec2.buy = Buy::FirstFitDecreasing;
    let mut sized = ec2("ec2-rightsized");
    sized.requests = Requests::RightSized;
    let mut dense = emp("emp at 2.5 and 8");
    dense.pool.iter_mut().for_each(|pool| (pool.memory_overcommit, pool.cpu_overcommit) = (2.5, 8.0));
    // As a verdict has it: restarts are limited.
    let mut kept = ec2("ec2-repacked within the limits on evictions");
    kept.evictions = EvictionLimits { per_pod_day: 0.1, per_single_pod_day: 0.03 };
    let others = [today, karpenter, ec2("ec2-repacked"), kept, sized, emp("emp again"), dense];
    let mut trace = Trace::new(1, PODS, 3);
    let mut alone = (Replay::new(vec![emp("emp")]), Duration::ZERO);
    let mut beside: Vec<(String, Replay, Duration)> = others
        .into_iter()
        .map(|setup| (setup.id.clone(), Replay::new(vec![emp("emp"), setup]), Duration::ZERO))
        .collect();
    for _ in 0..days * 24 {
        let hour = trace.hour();
        timed(&mut alone.1, || alone.0.advance(&hour));
        for (_, replay, time) in &mut beside {
            timed(time, || replay.advance(&hour));
        }
    }
    for (name, _, time) in beside {
        let seconds = 30.0 / days as f64 * time.saturating_sub(alone.1).as_secs_f64();
        println!("further {name}, 30 days: {seconds:.2} s (aim 2 s)");
    }
}

/// Bare-metal hosts as a region has them: five families, six sizes, three generations.
fn candidates() -> Vec<Setup> {
    let mut all = Vec::new();
    for (gib, per_thread, family) in
        [(2, 0.0425, 5..10), (4, 0.048, 0..5), (8, 0.063, 10..15), (8, 0.078, 10..15), (16, 0.104, 10..15)]
    {
        for threads in [48, 64, 72, 96, 128, 192] {
            for dearer in [1.0, 1.06, 1.13] {
                let price = usd(f64::from(threads) * per_thread * dearer);
                let host = HostType { threads, memory_mib: threads * gib * 1024, price, ..common::m5_metal() };
                let evms: Vec<u32> = family.clone().collect();
                let mut setup = emp("emp");
                setup.pool = Some(Pool::new(host, &catalog(), &evms));
                all.push(setup);
            }
        }
    }
    all
}

/// Every candidate bounded on what one replay served, and the ten best replayed.
fn hosts(days: usize) {
    let (mut reference, mut screening, mut replaying) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let pass = |setups: Vec<Setup>, time: &mut Duration| {
        let mut trace = Trace::new(1, PODS, 3);
        let mut replay = Replay::new(setups);
        for _ in 0..days * 24 {
            let hour = trace.hour();
            timed(time, || replay.advance(&hour));
        }
        replay.finish()
    };
    let (outcome, _) = pass(vec![emp("emp")], &mut reference).remove(0);
    let candidates = candidates();
    let best = timed(&mut screening, || screen(&outcome, &candidates, 10));
    let worth = best.iter().map(|(at, _)| candidates[*at].clone()).collect();
    let replayed = pass(worth, &mut replaying);
    println!(
        "{} host candidates, {days} days: {:.2} s, {} MiB (aim 60 s); the reference {:.2} s, bounds {:.2} s, the best {} replayed {:.2} s",
        candidates.len(),
        (reference + screening + replaying).as_secs_f64(),
        resident_peak_mib(),
        reference.as_secs_f64(),
        screening.as_secs_f64(),
        replayed.len(),
        replaying.as_secs_f64()
    );
}

/// Every pair of five ratios of memory and five of CPU.
fn grid() -> Vec<Setup> {
    let pairs = [1.0, 1.25, 1.5, 2.0, 2.5].map(|memory| [1.5, 2.0, 3.0, 5.0, 8.0].map(|cpu| (memory, cpu)));
    let variant = |(memory, cpu)| {
        let mut setup = emp("what-if");
        setup.pool.iter_mut().for_each(|pool| (pool.memory_overcommit, pool.cpu_overcommit) = (memory, cpu));
        setup
    };
    pairs.into_iter().flatten().map(variant).collect()
}

fn main() {
    const CASES: [&str; 5] = ["one", "long", "further", "hosts", "grid"];
    let named = std::env::args().find(|arg| CASES.contains(&arg.as_str()));
    match named.as_deref() {
        Some("one") => run("emp", "5 s with reading, 256 MiB", vec![emp("emp")], 30),
        Some("long") => run("emp", "the same memory", vec![emp("emp")], 90),
        Some("further") => further(10),
        Some("hosts") => hosts(30),
        Some(_) => run("25 variants of the what-if", "30 s, 512 MiB", grid(), 30),
        None => {
            let program = std::env::current_exe().unwrap();
            for case in CASES {
                assert!(Command::new(&program).arg(case).status().unwrap().success(), "{case}");
            }
        }
    }
}
