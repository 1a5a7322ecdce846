//! The one yardstick: what it measures, what it allows, and that scenarios keep what they are judged by.

use crate::common::{Trace, catalog, ec2, m5_metal};
use replay::{
    Assumptions, Base, Buy, Check, Decision, EvictionLimits, Failures, Hour, HourBilled, Log, Movable, Outcome, PodRow,
    Replay, RightSizing, Risk, Role, Starts, Waiting, breaches, holds, judge,
};
use types::analysis::Limit;

fn check(outcome: &Outcome, today: &Outcome, limit: Limit) -> Check {
    let checks = judge(outcome, today, &Assumptions::default().limits());
    *checks.iter().find(|check| check.limit == limit).unwrap()
}

/// A week in which so much was asked of machines and of hosts, and so much of it lost.
fn of_cpu(machines: (u64, u64), hosts: (u64, u64), slots: (u64, u64)) -> Outcome {
    let risk = |(used, lost): (u64, u64), slots: u64| Risk {
        slots,
        used_core_ms: used,
        lost_core_ms: lost,
        over_cpu: lost.min(slots),
        ..Risk::default()
    };
    Outcome {
        machines: risk(machines, slots.0),
        hosts: risk(hosts, slots.1),
        hours: vec![HourBilled::default(); 168],
        ..Outcome::default()
    }
}

#[test]
fn equal_demand_and_equal_loss_are_judged_alike_whatever_the_machines() {
    let today = of_cpu((1_000_000, 0), (0, 0), (5000, 0));
    // Ten thousand small machines, ten large ones, or elastic VMs on hosts, where the host loses what the guests do not.
    let judged: Vec<Vec<Check>> = [
        of_cpu((1_000_000, 900), (0, 0), (10_000, 0)),
        of_cpu((1_000_000, 900), (0, 0), (10, 0)),
        of_cpu((1_000_000, 500), (900_000, 400), (400, 20)),
    ]
    .iter()
    .map(|outcome| judge(outcome, &today, &Assumptions::default().limits()))
    .collect();
    assert!(judged.windows(2).all(|pair| pair[0] == pair[1]), "{judged:#?}");
    assert!(holds(&judged[0], &[]));
    let lost = check(&of_cpu((1_000_000, 700), (900_000, 400), (400, 20)), &today, Limit::CpuLost);
    assert_eq!((lost.value, lost.holds), (Some(0.0011), false));
}

#[test]
fn a_limit_is_a_default_or_a_tenth_above_today_and_today_never_fails() {
    let today = of_cpu((1_000_000, 2000), (0, 0), (5000, 0));
    let a_tenth_worse = of_cpu((1_000_000, 2199), (0, 0), (5000, 0));
    let check = |outcome: &Outcome| check(outcome, &today, Limit::CpuLost);
    assert!((check(&today).allowed - 0.0022).abs() < 1e-12 && check(&today).holds && check(&a_tenth_worse).holds);
    assert!(!check(&of_cpu((1_000_000, 2201), (0, 0), (5000, 0))).holds);
    assert!(holds(&judge(&today, &today, &Assumptions::default().limits()), &[]));
}

#[test]
fn what_today_itself_breaks_is_listed_with_the_limit_as_it_is_set() {
    let limits = Assumptions::default().limits();
    let listed = |today: &Outcome| breaches(today, &limits);
    let today = of_cpu((1_000_000, 2000), (0, 0), (5000, 0));
    let [lost] = &listed(&today)[..] else { panic!("{:?}", listed(&today)) };
    assert_eq!((lost.limit, lost.value, lost.allowed, lost.holds), (Limit::CpuLost, Some(0.002), 0.001, false));
    // Others are allowed a tenth more than that, so what breaks for today is no breach of its own by `judge`.
    assert!(holds(&judge(&today, &today, &limits), &[]));
    assert_eq!(listed(&of_cpu((1_000_000, 1000), (0, 0), (5000, 0))), []);
    // A cluster in two zones is laid out to lose half of its pods at once, and one in a single zone is not.
    let of_zones = |in_zone: u32| {
        let blast = replay::Blast { pods: 40, of: 100, workloads: 0 };
        let hour = Failures { blast, largest_zone: in_zone, ..Failures::default() };
        Outcome { failures: vec![hour; 24], ..Outcome::default() }
    };
    let broken = |today: &Outcome| listed(today).iter().map(|check| check.limit).collect::<Vec<_>>();
    assert_eq!((broken(&of_zones(50)), broken(&of_zones(100))), (vec![], vec![Limit::BlastRadius]));
}

#[test]
fn one_starved_workload_is_found_under_a_mean_that_holds_and_named() {
    let mut outcome = of_cpu((1_000_000_000, 100_000), (0, 0), (5000, 0));
    let today = of_cpu((1_000_000_000, 0), (0, 0), (5000, 0));
    // A tenth of a core for a week is 60,480,000 core-milliseconds; the second uses more than that, the third less.
    outcome.cpu_used_by_workload = vec![800_000_000, 70_000_000, 9_000_000];
    outcome.cpu_lost_by_workload = vec![1000, 1_400_000, 900_000];
    assert!(check(&outcome, &today, Limit::CpuLost).holds);
    let worst = check(&outcome, &today, Limit::WorkloadCpuLost);
    assert_eq!((worst.value, worst.holds, worst.worst), (Some(0.02), false, Some(1)));
}

#[test]
fn of_few_starts_two_may_be_late_and_of_many_one_in_a_hundred() {
    let of = |starts: u64, late: u64| Outcome {
        waiting: vec![Waiting { services: Starts { starts, late, ..Starts::default() }, ..Waiting::default() }],
        ..Outcome::default()
    };
    let holds = |starts: u64, late: u64| check(&of(starts, late), &Outcome::default(), Limit::LateServices).holds;
    assert!(holds(0, 0) && holds(2, 2) && holds(199, 2) && holds(1000, 10));
    assert!(!holds(3, 3) && !holds(199, 3) && !holds(1000, 11));
}

#[test]
fn memory_counts_by_means_and_by_maxima_over_machines_and_hosts_together() {
    // Slots in which pods use a MiB each.
    let risk = |slots: u64, mean: u64, max: u64| Risk {
        slots,
        pods_mib: slots,
        over_memory_mean: mean,
        pods_mib_over_mean: mean,
        over_memory: max,
        pods_mib_over: max,
        ..Risk::default()
    };
    let of = |mean: u64, max: u64| Outcome { machines: risk(100_000, mean, max), ..Outcome::default() };
    let holds = |mean: u64, max: u64| {
        let outcome = of(mean, max);
        let check = |limit: Limit| check(&outcome, &Outcome::default(), limit).holds;
        (check(Limit::MemoryOverMean), check(Limit::MemoryOverMax))
    };
    assert_eq!([holds(0, 10), holds(0, 11)], [(true, true), (true, false)]);
    // One of 100,000 is chance, and two are not.
    assert_eq!([holds(1, 1), holds(2, 2)], [(true, true), (false, true)]);
    // One alone is never judged by its mean; where it is one of few, its maximum tells.
    let small = Outcome { machines: risk(576, 1, 1), ..Outcome::default() };
    let limit = |limit: Limit| check(&small, &Outcome::default(), limit).holds;
    assert_eq!((limit(Limit::MemoryOverMean), limit(Limit::MemoryOverMax)), (true, false));
}

#[test]
fn memory_that_is_short_weighs_the_same_on_nodes_and_on_hosts_under_many_elastic_vms() {
    // Three slots of a large machine with 300 GiB of pods on it are short: of a node, or of a host, whose elastic VMs have
    // thirty times as many slots.
    let (large, all) = (300_000, 16_128 * 300_000);
    let short = |risk: Risk| Risk {
        over_memory: 3,
        over_memory_mean: 3,
        pods_mib_over: 3 * large,
        pods_mib_over_mean: 3 * large,
        ..risk
    };
    let of = |slots: u64| Risk { slots, pods_mib: all, ..Risk::default() };
    let nodes = Outcome { machines: short(of(16_128)), ..Outcome::default() };
    let hosts = Outcome { machines: of(30 * 16_128), hosts: short(of(16_128)), ..Outcome::default() };
    let judged = |outcome: &Outcome| judge(outcome, &Outcome::default(), &Assumptions::default().limits());
    assert_eq!(judged(&nodes), judged(&hosts));
    assert!(!check(&hosts, &Outcome::default(), Limit::MemoryOverMax).holds);
}

#[test]
fn an_hour_in_which_hardly_a_pod_runs_tells_nothing_of_a_lost_machine() {
    let of = |pods: &[(u32, u32)]| {
        let failure = |(pods, of): &(u32, u32)| {
            let mut failures = Failures { largest_zone: of / 2, ..Failures::default() };
            (failures.blast.pods, failures.blast.of) = (*pods, *of);
            failures
        };
        Outcome { failures: pods.iter().map(failure).collect(), ..Outcome::default() }
    };
    // A thousand by day, of which a machine has fifty, and one by night.
    let (day, night) = (of(&[(50, 1000), (50, 1000), (1, 1)]), of(&[(400, 1000), (400, 1000), (1, 1)]));
    assert!(day.blast_share() < 0.08 && night.blast_share() > 0.5);
    assert!((of(&[(1, 1000), (1, 1)]).zone_share() - 0.5).abs() < 0.01);
    // Today's one pod at night lets nobody put all pods onto one machine by day.
    assert!(!check(&night, &day, Limit::BlastRadius).holds);
}

#[test]
fn the_blast_radius_is_a_share_and_the_largest_of_any_hour() {
    let of = |pods: &[(u32, u32)]| {
        let failures = pods.iter().map(|(pods, of)| {
            let mut failures = Failures::default();
            (failures.blast.pods, failures.blast.of) = (*pods, *of);
            failures
        });
        Outcome { failures: failures.collect(), ..Outcome::default() }
    };
    let holds = |pods: &[(u32, u32)]| check(&of(pods), &Outcome::default(), Limit::BlastRadius).holds;
    assert!(holds(&[(20, 100), (5, 100)]) && !holds(&[(5, 100), (21, 100)]));
    // Where today is one node, no more is asked of anybody else.
    assert!(check(&of(&[(10, 10)]), &of(&[(10, 10)]), Limit::BlastRadius).holds);
}

#[test]
fn a_host_may_carry_a_zone_where_today_is_laid_out_to_lose_one() {
    let of = |blast: u32, zone: u32| {
        let mut failures = Failures { largest_zone: zone, ..Failures::default() };
        (failures.blast.pods, failures.blast.of) = (blast, 100);
        Outcome { failures: vec![failures], ..Outcome::default() }
    };
    let allowed = |zone: u32| check(&of(40, zone), &of(1, zone), Limit::BlastRadius).allowed;
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    // Three zones alike and two; one zone, and one with nearly all, are laid out to lose none.
    assert!(near(allowed(34), 0.374) && near(allowed(50), 0.55) && near(allowed(100), 0.2) && near(allowed(95), 0.2));
    assert!(near(allowed(60), 0.44));
    // What counts is how pods are spread today, not how the scenario spreads them.
    assert!(!check(&of(34, 34), &of(1, 100), Limit::BlastRadius).holds);
    assert!(check(&of(36, 36), &of(1, 34), Limit::BlastRadius).holds);
}

#[test]
fn of_few_periodic_runs_two_may_be_overtaken_and_of_many_one_in_ten_thousand() {
    let holds = |periodic: u64, overtaken: u64| {
        let outcome =
            Outcome { waiting: vec![Waiting { periodic, overtaken, ..Waiting::default() }], ..Outcome::default() };
        check(&outcome, &Outcome::default(), Limit::OvertakenRuns).holds
    };
    assert!(holds(10, 2) && holds(122_000, 12) && holds(20_000, 2));
    assert!(!holds(10, 3) && !holds(122_000, 13) && !holds(19_999, 3));
}

/// Ten days of a cluster that loses a tenth of its pods at night, when draining pays.
fn nights(role: Role) -> Vec<Hour> {
    let mut trace = Trace::new(5, 300, 1);
    let hours = trace.hours(240);
    hours
        .iter()
        .enumerate()
        .map(|(h, hour)| {
            let night = h % 24 < 8;
            let there = |row: &&PodRow| row.daemon || !night || !row.uid.is_multiple_of(3);
            let pods: Vec<PodRow> =
                hour.pods().iter().filter(there).map(|row| PodRow { role, movable: Movable::NEVER, ..*row }).collect();
            Hour::new(hour.start(), pods, vec![], hour.nodes().to_vec()).unwrap()
        })
        .collect()
}

fn run(setup: replay::Setup, hours: &[Hour]) -> Outcome {
    let mut replay = Replay::new(vec![setup]);
    hours[..72].iter().for_each(|hour| replay.advance(hour));
    let before = replay.so_far().remove(0);
    hours[72..].iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0).0.since(&before)
}

#[test]
fn draining_keeps_to_the_limits_it_is_judged_by_and_never_touches_jobs() {
    let hours = nights(Role::Service);
    let limits = EvictionLimits { per_pod_day: 0.1, per_single_pod_day: 0.03 };
    let of = |evictions: EvictionLimits, hours: &[Hour]| {
        let mut setup = ec2("ec2-repacked");
        (setup.evictions, setup.ec2.buy) = (evictions, Buy::Cheapest);
        run(setup, hours)
    };
    let (open, kept) = (of(EvictionLimits::OPEN, &hours), of(limits, &hours));
    assert!(open.evictions.per_pod_day() > 0.2, "{}", open.evictions.per_pod_day());
    assert!(kept.evictions.pods > 0 && kept.evictions.per_pod_day() <= 0.1, "{}", kept.evictions.per_pod_day());
    let checks = judge(&kept, &Outcome::default(), &Assumptions::default().limits());
    let evictions = |limit: Limit| checks.iter().find(|check| check.limit == limit).unwrap().holds;
    assert!(evictions(Limit::Evictions) && evictions(Limit::SingleEvictions));
    let jobs = of(EvictionLimits::OPEN, &nights(Role::Batch));
    assert_eq!((jobs.evictions.pods, jobs.motion.drained_pods), (0, 0));
    // Stateful sets move less often.
    let stateful = of(limits, &nights(Role::Stateful));
    assert!(stateful.evictions.per_single_pod_day() <= 0.03, "{}", stateful.evictions.per_single_pod_day());
    assert_eq!(stateful.evictions.pods, stateful.evictions.singles);
}

#[test]
fn no_more_than_five_replicas_of_a_workload_restart_in_a_slot() {
    let hours = nights(Role::Service);
    let workloads: std::collections::BTreeMap<u128, u32> =
        hours.iter().flat_map(Hour::pods).map(|row| (row.uid, row.workload)).collect();
    for buy in [Buy::FirstFitDecreasing, Buy::Cheapest] {
        let mut setup = ec2("ec2-repacked");
        // So many that only what may restart at once is limited.
        setup.evictions = EvictionLimits { per_pod_day: 1e6, per_single_pod_day: 1e6 };
        setup.ec2.buy = buy;
        let mut replay = Replay::observed(vec![(setup, Log::default())], RightSizing::default());
        hours.iter().for_each(|hour| replay.advance(hour));
        let mut restarts = std::collections::BTreeMap::new();
        for (at, decision) in replay.finish().remove(0).1.0 {
            if let Decision::PodMoved { pod, .. } = decision {
                *restarts.entry((at.div_euclid(300), workloads[&pod])).or_insert(0) += 1;
            }
        }
        assert!(restarts.len() > 100 && restarts.values().all(|n| *n <= 5), "{buy:?}: {:?}", restarts.values().max());
    }
}

#[test]
fn the_largest_machine_bought_and_the_fewest_are_what_was_asked_for() {
    let base = |largest: Option<(u32, u32)>| Base {
        ec2_types: (0..catalog().machines.len() as u32).collect(),
        catalog: catalog(),
        daemons: crate::common::DAEMONS,
        daemon_pods: 4,
        zones: vec![0, 1],
        spot: vec![],
        largest,
        evictions: EvictionLimits::OPEN,
        karpenter: false,
        most_pods: u32::MAX,
        assumptions: Assumptions::default(),
    };
    let hours = Trace::new(3, 24, 1).hours(4);
    let kinds = |outcome: &Outcome| -> Vec<u32> {
        outcome.hours.iter().flat_map(|hour| &hour.node_seconds).map(|(kind, _)| *kind).collect()
    };
    let small = run_all(base(Some((8, 32 * 1024))).repacked(), &hours);
    assert!(kinds(&small).iter().all(|kind| catalog().machines[*kind as usize].vcpu <= 8));
    // One machine would hold it all, and two there are.
    assert!(small.series.iter().all(|point| point.nodes >= 2));
    let emp = base(Some((8, 32 * 1024))).emp(&m5_metal(), &[0, 1, 2, 3, 4]);
    assert_eq!(emp.ec2.buy, Buy::AsObserved);
}

fn run_all(setup: replay::Setup, hours: &[Hour]) -> Outcome {
    let mut replay = Replay::new(vec![setup]);
    hours.iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0).0
}
