//! Checks of policies on clusters under load: that every kind of decision is reached, and for its reason.

use crate::common::*;
use replay::*;
use types::analysis::Limit;

fn run(setup: Setup, mut trace: Trace, hours: usize) -> (Outcome, Vec<(i64, Decision)>) {
    let mut replay = Replay::observed(vec![(setup, Log::default())], RightSizing::default());
    trace.hours(hours).iter().for_each(|hour| replay.advance(hour));
    let (outcome, log) = replay.finish().remove(0);
    (outcome, log.0)
}

fn count(log: &[(i64, Decision)], wanted: fn(&Decision) -> bool) -> usize {
    log.iter().filter(|(_, decision)| wanted(decision)).count()
}

fn dense() -> Setup {
    let mut setup = emp("emp");
    let pool = setup.pool.as_mut().unwrap();
    (pool.memory_overcommit, pool.cpu_overcommit) = (3.0, 8.0);
    setup
}

#[test]
fn a_rising_load_makes_hosts_hot_and_migrations_cool_them() {
    // Two days as they are, by which hosts are filled; then use more than doubles.
    let mut trace = Trace::new(3, 700, 2);
    let mut replay = Replay::observed(vec![(dense(), Log::default())], RightSizing::default());
    for h in 0..72 {
        trace.load = if h < 48 { 1.0 } else { 2.4 };
        replay.advance(&trace.hour());
    }
    let (outcome, Log(log)) = replay.finish().remove(0);
    assert!(count(&log, |d| matches!(d, Decision::Migration { hot: true, .. })) > 0);
    assert!(count(&log, |d| matches!(d, Decision::HostRequested { reason: HostReason::Hot, .. })) > 0);
    assert_eq!(outcome.motion.rebalanced, count(&log, |d| matches!(d, Decision::Migration { hot: true, .. })) as u64);
    // No endless requests: hosts stay within what the EVMs' nominal sizes need.
    let most = outcome.series.iter().map(|point| (point.hosts, point.evms)).max().unwrap();
    assert!(most.0 <= most.1, "{most:?}");
}

#[test]
fn a_night_without_load_lets_hosts_go() {
    let (outcome, log) = run(dense(), Trace::new(4, 700, 1), 96);
    assert!(count(&log, |d| matches!(d, Decision::HostEmptied { .. })) > 0);
    assert!(count(&log, |d| matches!(d, Decision::HostReleased { .. })) > 0);
    assert!(outcome.motion.pauses > 0 && outcome.motion.consolidated > 0);
    let hosts: Vec<u32> = outcome.series.iter().map(|point| point.hosts).collect();
    assert!(hosts.last().unwrap() < &hosts[0], "{hosts:?}");
}

#[test]
fn a_full_pool_makes_elastic_vms_wait_and_pods_go_unserved() {
    let mut setup = emp("emp");
    setup.pool.as_mut().unwrap().max_hosts_per_zone = Some(1);
    let (outcome, log) = run(setup, Trace::new(5, 700, 1), 6);
    assert!(count(&log, |d| matches!(d, Decision::EvmWaits { .. })) > 0);
    assert!(outcome.service.evm_slots_without_host > 0 && outcome.service.unserved_seconds > 0);
    let checks = judge(&outcome, &Outcome::default(), &Assumptions::default().limits());
    assert!(checks.iter().any(|check| !check.holds));
    assert!(outcome.series.iter().all(|point| point.hosts == 1));
}

#[test]
fn repacking_drains_replaces_and_ends_near_the_bound() {
    for (buy, most) in [(Buy::FirstFitDecreasing, 1.5), (Buy::Cheapest, 1.35)] {
        let mut setup = ec2("ec2-repacked");
        setup.ec2.buy = buy;
        let (outcome, log) = run(setup.clone(), Trace::new(6, 900, 2), 72);
        assert!(count(&log, |d| matches!(d, Decision::MachineRequested { replaces: true, .. })) > 0);
        assert!(count(&log, |d| matches!(d, Decision::PodMoved { .. })) > 0);
        let bound = lower_bound(&outcome, &setup, Grain::Slot).unwrap().total().usd();
        let cost = compute_cost(&outcome, &setup).unwrap().into_iter().map(|cost| cost.usd()).sum::<f64>();
        println!("{buy:?}: {cost:.0} USD over a bound of {bound:.0}: {:.3}", cost / bound);
        assert!(cost >= bound && cost <= most * bound, "{buy:?}: {cost} {bound}");
    }
}

#[test]
fn a_lot_at_its_fewest_machines_still_gets_cheaper_ones() {
    // Twelve services of three cores on two machines; two of them are left after three hours.
    let pod = |uid: u128| PodRow {
        workload: uid as u32,
        movable: false.into(),
        ..service(uid, Ask { cpu_millicores: 3000, memory_mib: 6000 })
    };
    let hour = |h: i64, pods: &[u128]| {
        Hour::new(EPOCH + h * HOUR_SECONDS, pods.iter().copied().map(pod).collect(), vec![], vec![]).unwrap()
    };
    let all: Vec<u128> = (0..12).collect();
    for buy in [Buy::FirstFitDecreasing, Buy::Cheapest] {
        let mut setup = ec2("ec2-repacked");
        setup.ec2.buy = buy;
        // One of the pods on each machine stays, so that none empties.
        let mut first = Replay::observed(vec![(setup.clone(), Log::default())], RightSizing::default());
        first.advance(&hour(0, &all));
        let (_, Log(log)) = first.finish().remove(0);
        let mut on: std::collections::BTreeMap<u32, u128> = Default::default();
        for (_, decision) in &log {
            if let Decision::PodWaits { pod, machine } = decision {
                on.entry(*machine).or_insert(*pod);
            }
        }
        let left: Vec<u128> = on.into_values().collect();
        setup.ec2.least_machines = left.len() as u32;
        let mut replay = Replay::new(vec![setup]);
        (0..6).for_each(|h| replay.advance(&hour(h, if h < 3 { &all } else { &left })));
        let (outcome, _) = replay.finish().remove(0);
        let paid = |hour: usize| -> f64 {
            let price = |kind: u32| catalog().machines[kind as usize].price.unwrap().usd_per_hour();
            let rows = outcome.hours[hour].node_seconds.iter();
            rows.map(|(kind, seconds)| price(*kind) * *seconds as f64 / 3600.0).sum()
        };
        // A c5.xlarge holds each of them, at 0.17.
        let cheapest = 0.17 * left.len() as f64;
        assert!(left.len() >= 2 && paid(0) > 1.3, "{buy:?}: {left:?} {}", paid(0));
        assert!((paid(5) - cheapest).abs() < 1e-9, "{buy:?}: {} {cheapest}", paid(5));
        assert!(outcome.series.iter().all(|point| point.nodes as usize >= left.len()), "{buy:?}");
    }
}

#[test]
fn right_sizing_lowers_requests_and_with_them_nodes() {
    let mut sized = ec2("ec2-rightsized");
    sized.requests = Requests::RightSized;
    let (sized, _) = run(sized, Trace::new(8, 400, 1), 24 * 9);
    let (as_is, _) = run(ec2("ec2-repacked"), Trace::new(8, 400, 1), 24 * 9);
    let served = |outcome: &Outcome, hour: usize| outcome.groups[0].served[hour][0];
    // The first day asks for what it always did; the last for less of both.
    assert_eq!(served(&sized, 0), served(&as_is, 0));
    assert!(served(&sized, 200).cpu < served(&as_is, 200).cpu);
    assert!(served(&sized, 200).memory < served(&as_is, 200).memory);
    let nodes = |outcome: &Outcome| outcome.hours[200].node_seconds.iter().map(|(_, seconds)| seconds).sum::<u64>();
    assert!(sized.hours[200] != as_is.hours[200], "{} {}", nodes(&sized), nodes(&as_is));
}

#[test]
fn more_resident_memory_never_needs_fewer_hosts_here_and_is_told_apart() {
    let hosts = [MemoryModel::WorkingSet, MemoryModel::HighWater, MemoryModel::Touched].map(|model| {
        let mut setup = dense();
        setup.pool.as_mut().unwrap().memory_model = model;
        let (outcome, _) = run(setup, Trace::new(9, 700, 1), 72);
        outcome.hours.iter().map(|hour| hour.host_seconds).sum::<u64>()
    });
    assert!(hosts[0] <= hosts[1] && hosts[1] < hosts[2], "{hosts:?}");
}

#[test]
fn spare_hosts_are_paid_for_and_change_nothing_else() {
    let with = |spare| {
        let mut setup = emp("emp");
        setup.pool.as_mut().unwrap().spare_hosts_per_zone = spare;
        run(setup, Trace::new(10, 200, 3), 24).0
    };
    let (none, one) = (with(0), with(1));
    for (a, b) in none.hours.iter().zip(&one.hours) {
        assert_eq!((a.host_seconds, a.spare_host_seconds, b.spare_host_seconds), (b.host_seconds, 0, b.zone_seconds));
    }
    assert_eq!((none.hosts, none.series), (one.hosts, one.series));
}

#[test]
fn hosts_are_screened_by_their_bounds() {
    let base = |host: HostType| {
        let mut setup = emp("emp");
        setup.pool = Some(Pool::new(host, &catalog(), &[0, 1, 2, 3, 4]));
        setup
    };
    let dear = HostType { price: usd(9.0), ..m5_metal() };
    let unpriced = HostType { price: None, ..m5_metal() };
    let half = HostType { threads: 48, memory_mib: 192 * 1024, price: usd(2.0), ..m5_metal() };
    let candidates = [m5_metal(), dear, unpriced, half].map(base);
    let (outcome, _) = run(candidates[0].clone(), Trace::new(12, 500, 2), 24);
    let screened = screen(&outcome, &candidates, 10);
    assert_eq!(screened.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 0, 1]);
    assert_eq!(screen(&outcome, &candidates, 1).len(), 1);
}

#[test]
fn a_pod_with_more_volumes_than_a_host_attaches_is_unplaceable_and_requests_nothing() {
    let mut setup = emp("emp");
    let pool = setup.pool.as_mut().unwrap();
    pool.host.max_attachments = 6;
    let pod =
        |uid: u128, volumes: u16| PodRow { volumes, ..service(uid, Ask { cpu_millicores: 100, memory_mib: 100 }) };
    // Nine volumes that fit one by one, on two hosts of five beside a root disk; and a pod that fits none.
    let rows: Vec<PodRow> = (1..10).map(|uid| pod(uid, 1)).chain([pod(99, 6)]).collect();
    let mut replay = Replay::observed(vec![(setup, Log::default())], RightSizing::default());
    for h in 0..3 {
        replay.advance(&Hour::new(EPOCH + h * HOUR_SECONDS, rows.clone(), vec![], vec![]).unwrap());
    }
    let (outcome, Log(log)) = replay.finish().remove(0);
    assert_eq!(count(&log, |d| matches!(d, Decision::PodUnplaceable { pod: 99 })), 1);
    assert_eq!(count(&log, |d| matches!(d, Decision::HostRequested { .. })), 2);
    assert_eq!(outcome.service.unserved_seconds, 3 * 3600);
    assert_eq!((outcome.series[35].hosts, outcome.series[35].evms), (2, 2));
}

#[test]
fn pods_that_never_get_a_machine_break_a_limit_from_the_first_second_on() {
    let hour = |h: i64, rows: Vec<PodRow>| Hour::new(EPOCH + h * HOUR_SECONDS, rows, vec![], vec![]).unwrap();
    let breaks = |setup: Setup, rows: &[PodRow]| {
        let mut replay = Replay::new(vec![setup]);
        (0..30).for_each(|h| replay.advance(&hour(h, rows.to_vec())));
        let before = replay.so_far().remove(0);
        (30..60).for_each(|h| replay.advance(&hour(h, rows.to_vec())));
        let whole = replay.finish().remove(0).0;
        let broken = |outcome: &Outcome| {
            let checks = judge(outcome, &Outcome::default(), &Assumptions::default().limits());
            checks.iter().any(|check| check.limit == Limit::Unplaceable && !check.holds)
        };
        (broken(&whole), broken(&whole.since(&before)))
    };
    let small = service(1, Ask { cpu_millicores: 100, memory_mib: 100 });
    let rows = [small, service(2, Ask { cpu_millicores: 1_000_000, memory_mib: 100 })];
    for setup in [emp("emp"), ec2("ec2-repacked")] {
        assert_eq!(breaks(setup.clone(), &rows[..1]), (false, false), "{}", setup.id);
        assert_eq!(breaks(setup.clone(), &rows), (true, true), "{}", setup.id);
    }
    // A pool that may have no host leaves its elastic VMs waiting.
    let mut full = emp("emp");
    full.pool.as_mut().unwrap().max_hosts_per_zone = Some(0);
    assert_eq!(breaks(full, &rows[..1]), (true, true));
}

#[test]
fn elastic_vms_too_hot_for_any_host_end_alone_and_hosts_are_not_requested_for_ever() {
    let mut setup = emp("emp");
    setup.warm_up_seconds = 0;
    let pool = setup.pool.as_mut().unwrap();
    (pool.host.threads, pool.host.memory_mib, pool.mature_slots) = (16, 256 * 1024, 3);
    let ask = Ask { cpu_millicores: 9000, memory_mib: 32_000 };
    let pod = |uid: u128| PodRow { workload: uid as u32, ..service(uid, ask) };
    let container = |pod: u32, millicores: u32| ContainerRow {
        pod,
        class: pod,
        ask,
        cpu_mean_millicores: Lane([millicores; 12]),
        cpu_max_millicores: Lane::UNKNOWN,
        memory_mean_mib: Lane::UNKNOWN,
        memory_max_mib: Lane([4000; 12]),
    };
    let mut replay = Replay::observed(vec![(setup, Log::default())], RightSizing::default());
    // Idle until both elastic VMs share one host; then each alone is more than any host's threshold.
    for h in 0..16 {
        let millicores = if h < 6 { 500 } else { 15_000 };
        let containers = (0..2).map(|pod| container(pod, millicores)).collect();
        replay.advance(&Hour::new(EPOCH + h * HOUR_SECONDS, vec![pod(1), pod(2)], containers, vec![]).unwrap());
    }
    let (outcome, Log(log)) = replay.finish().remove(0);
    assert_eq!(outcome.series[70].hosts, 1);
    assert_eq!(outcome.series.last().unwrap().hosts, 2);
    assert_eq!(count(&log, |d| matches!(d, Decision::HostRequested { reason: HostReason::Hot, .. })), 1);
    assert!(outcome.hosts.stuck > 0 && count(&log, |d| matches!(d, Decision::LeftHot { .. })) > 0);
    assert!(outcome.machines.lost_core_ms == 0 && outcome.machines.lost_core_ms_at_peaks.is_none());
}

/// The same hour with every pod's movability replaced.
fn moving(hour: &Hour, movable: impl Fn(&PodRow) -> Movable) -> Hour {
    let pods = hour.pods().iter().map(|row| PodRow { movable: movable(row), ..*row }).collect();
    Hour::new(hour.start(), pods, hour.containers().to_vec(), hour.nodes().to_vec()).unwrap()
}

#[test]
fn a_selection_is_as_if_no_other_were_there() {
    let mut trace = Trace::new(21, 400, 2);
    let hours = trace.hours(30);
    let even = |row: &PodRow| row.workload.is_multiple_of(2);
    let mut all = Replay::new(vec![emp("emp"), Setup { selection: 3, ..emp("emp") }]);
    let (mut every, mut half) = (Replay::new(vec![emp("emp")]), Replay::new(vec![emp("emp")]));
    for hour in &hours {
        let both = |row: &PodRow| {
            let movable = Movable::NEVER.and_under(0);
            if even(row) { movable.and_under(3) } else { movable }
        };
        all.advance(&moving(hour, both));
        every.advance(&moving(hour, |_| Movable::ALWAYS));
        half.advance(&moving(hour, |row| even(row).into()));
    }
    let (all, every, half) = (all.finish(), every.finish(), half.finish());
    assert_eq!((&all[0].0, &all[1].0), (&every[0].0, &half[0].0));
    assert_ne!(every[0].0.hours, half[0].0.hours);
}

#[test]
fn extents_are_the_fewest_and_the_most_of_any_slot_after_the_warm_up() {
    let mut setup = emp("emp");
    setup.warm_up_seconds = 6 * HOUR_SECONDS;
    let (outcome, _) = run(setup, Trace::new(4, 700, 2), 30);
    let settled = &outcome.series[6 * SLOTS..];
    let sum = |hosts: bool, of: fn(&Extent) -> u32| -> u32 {
        outcome.pools.iter().filter(|extent| (extent.kind == NONE) == hosts).map(of).sum()
    };
    assert!(outcome.pools.is_sorted_by_key(|extent| (extent.zone, extent.kind)));
    assert!(outcome.pools.iter().all(|extent| extent.fewest <= extent.most && extent.most > 0));
    for (hosts, of) in [(true, (|p: &Point| p.hosts) as fn(&Point) -> u32), (false, |p: &Point| p.evms)] {
        let (fewest, most) = (settled.iter().map(of).min().unwrap(), settled.iter().map(of).max().unwrap());
        // Zones need not have their extremes in the same slot.
        assert!(sum(hosts, |e| e.fewest) <= fewest && sum(hosts, |e| e.most) >= most, "{hosts} {:?}", outcome.pools);
    }
    let worst = outcome.hosts.worst.unwrap();
    assert!(worst.at >= 6 * HOUR_SECONDS && worst.permille > 0 && worst.at % SLOT_SECONDS == 0, "{worst:?}");
}

#[test]
fn pods_of_another_platform_that_move_run_on_the_elastic_vms_there_are() {
    let mut trace = Trace::new(9, 300, 1);
    // Platform 1 has no machine of its own in the catalog of the tests.
    let hours: Vec<Hour> = trace
        .hours(3)
        .iter()
        .map(|hour| {
            let pods = hour.pods().iter().map(|row| PodRow { platform: 1, movable: Movable::ALWAYS, ..*row }).collect();
            Hour::new(hour.start(), pods, hour.containers().to_vec(), vec![]).unwrap()
        })
        .collect();
    let mut replay = Replay::new(vec![emp("emp"), ec2("ec2-repacked")]);
    hours.iter().for_each(|hour| replay.advance(hour));
    let outcomes = replay.finish();
    let (moved, stayed) = (&outcomes[0].0, &outcomes[1].0);
    assert!(moved.served_share() > 0.9 && moved.series.last().unwrap().evms > 0, "{:?}", moved.service);
    assert_eq!(stayed.served_share(), 0.0);
}
#[test]
fn machines_never_go_where_nobody_scales_in() {
    let mut setup = ec2("ec2-repacked");
    setup.ec2.consolidation = Consolidation::Never;
    let (outcome, log) = run(setup, Trace::new(6, 300, 1), 30);
    assert_eq!(count(&log, |d| matches!(d, Decision::MachineReleased { .. } | Decision::PodMoved { .. })), 0);
    assert!(outcome.series.is_sorted_by_key(|point| point.nodes));
}

/// An m5.4xlarge that is there all hour.
fn node(node: u32) -> NodeRow {
    NodeRow {
        zone: 0,
        platform: 0,
        machine_type: M5_4XLARGE,
        up_seconds: 3600,
        memory_mib: 65_536,
        touched_mib: Lane::UNKNOWN,
        node,
        node_group: 0,
    }
}

#[test]
fn todays_pods_begin_on_the_nodes_they_ran_on() {
    // Three pods of five cores on one node and one of fourteen on the other: spread in the order of their uids, the small
    // ones lie on both nodes, and the large one needs a third.
    let pod = |(uid, cpu_millicores, node): (u128, u32, u32)| PodRow {
        workload: uid as u32,
        movable: false.into(),
        node,
        ..service(uid, Ask { cpu_millicores, memory_mib: 4000 })
    };
    let machines = |on: [u32; 4], group_of_large: u16| {
        let asked = [4500, 4500, 4500, 14_000];
        let mut pods: Vec<_> = (1..).zip(asked).zip(on).map(|((uid, cpu), on)| pod((uid, cpu, on))).collect();
        pods[3].node_group = group_of_large;
        let mut setup = ec2("ec2-today-replayed");
        (setup.ec2.buy, setup.ec2.consolidation) = (Buy::AsObserved, Consolidation::EmptyOnly);
        let mut replay = Replay::new(vec![setup]);
        replay.advance(&Hour::new(EPOCH, pods, vec![], vec![node(7), node(3)]).unwrap());
        let (outcome, _) = replay.finish().remove(0);
        outcome.hours[0].node_seconds.iter().map(|(_, seconds)| *seconds).sum::<u64>()
    };
    assert_eq!(machines([3, 3, 3, 7], 0), 2 * 3600);
    // Of whose node nothing is known, or which do not fit together, the scheduler decides.
    assert_eq!(machines([NONE; 4], 0), 3 * 3600);
    assert_eq!(machines([3; 4], 0), 2 * 3600);
    // It does not leave a node group: another node is bought, and the empty one goes after ten minutes.
    assert_eq!(machines([3; 4], 1), 2 * 3600 + 600);
}

#[test]
fn what_stays_beside_a_pool_is_not_packed_by_the_move_of_others() {
    // Six nodes with a small pod each that stays, beside the first of which one moves; and a seventh whose pod moves.
    let pod = |n: u32| PodRow {
        workload: n,
        movable: (n >= 6).into(),
        node: n % 7,
        ..service(u128::from(n) + 1, Ask { cpu_millicores: 500, memory_mib: 1000 })
    };
    let mut setup = emp("emp");
    (setup.ec2.buy, setup.ec2.consolidation) = (Buy::AsObserved, Consolidation::EmptyOnly);
    let mut replay = Replay::new(vec![setup]);
    replay.advance(&Hour::new(EPOCH, (0..8).map(pod).collect(), vec![], (0..7).map(node).collect()).unwrap());
    let point = replay.finish().remove(0).0.series[11];
    assert_eq!((point.nodes, point.hosts, point.pods), (6, 1, 8));
}
