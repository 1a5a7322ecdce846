//! Waits of pods: when they are asked for, what a late start costs a service, and what it does to work.

use crate::common::*;
use replay::*;

/// A pod: what becomes of it late, when it was created, scheduled and ended, in seconds of the replay, and what it uses
/// in each slot of its life.
struct Pod {
    workload: u32,
    role: Role,
    created: i64,
    scheduled: i64,
    ended: i64,
    ask: Ask,
    uses: fn(i64) -> u32,
    run: u64,
}

const ASK: Ask = Ask { cpu_millicores: 1000, memory_mib: 1000 };

/// A pod of workload 0 that was scheduled when it was created, and uses 300 millicores.
fn pod(role: Role, scheduled: i64, ended: i64) -> Pod {
    Pod { workload: 0, role, created: scheduled, scheduled, ended, ask: ASK, uses: |_| 300, run: 0 }
}

fn hours(pods: &[Pod], n: i64) -> Vec<Hour> {
    let hour = |h: i64| {
        let (start, end) = (h * HOUR_SECONDS, (h + 1) * HOUR_SECONDS);
        let here = |(_, pod): &(usize, &Pod)| pod.scheduled < end && pod.ended > start;
        let (mut rows, mut containers) = (Vec::new(), Vec::new());
        for (i, pod) in pods.iter().enumerate().filter(here) {
            let second = |at: i64| (at.clamp(start, end) - start) as u16;
            let waited = if pod.scheduled >= start { pod.scheduled - pod.created } else { 0 };
            let uses = std::array::from_fn(|k| (pod.uses)(start / SLOT_SECONDS + k as i64));
            containers.push(ContainerRow {
                pod: rows.len() as u32,
                class: pod.workload,
                ask: pod.ask,
                cpu_mean_millicores: Lane(uses),
                cpu_max_millicores: Lane::UNKNOWN,
                memory_mean_mib: Lane([400; SLOTS]),
                memory_max_mib: Lane([500; SLOTS]),
            });
            rows.push(PodRow {
                uid: i as u128 + 1,
                workload: pod.workload,
                zone: 0,
                platform: 0,
                observed_type: 0,
                movable: true.into(),
                daemon: false,
                role: pod.role,
                ask: pod.ask,
                volumes: 0,
                pausing_volumes: 0,
                alive_from: second(pod.scheduled),
                alive_to: second(pod.ended),
                waited: waited as u32,
                run: pod.run,
                unknown_slots: 0,
                node: NONE,
                node_group: 0,
            });
        }
        Hour::new(EPOCH + start, rows, containers, vec![]).unwrap()
    };
    (0..n).map(hour).collect()
}

/// EC2 nodes without daemons that boot so long, risk counted from the first second.
fn nodes(boot: i64) -> Setup {
    let mut setup = ec2("ec2");
    (setup.daemons, setup.daemon_pods, setup.warm_up_seconds) = (Ask::default(), 0, 0);
    setup.node_boot_seconds = boot;
    setup.ec2.types = vec![0];
    setup
}

fn run(setup: Setup, pods: &[Pod], n: i64) -> (Outcome, Log) {
    let mut replay = Replay::observed(vec![(setup, Log::default())], RightSizing::default());
    hours(pods, n).iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0)
}

fn used(outcome: &Outcome) -> Vec<u64> {
    outcome.series.iter().map(|point| point.cpu_millicores).collect()
}

/// Slots that are not zero, by slot.
fn some(values: &[u64]) -> Vec<(usize, u64)> {
    values.iter().copied().enumerate().filter(|(_, value)| *value > 0).collect()
}

/// Pod-seconds served, by slot.
fn served(outcome: &Outcome) -> Vec<u64> {
    outcome.groups.iter().flat_map(|group| group.served.iter().flatten().map(|served| served.pods)).collect()
}

fn done_and_owed(outcome: &Outcome) -> (u64, u64, u64) {
    let service = &outcome.service;
    assert_eq!(service.served_seconds + service.unserved_seconds, service.asked_seconds);
    assert!(service.owed_batch.seconds <= service.unserved_seconds);
    assert_eq!(served(outcome).iter().sum::<u64>(), service.served_seconds);
    let requested = outcome.groups.iter().flat_map(|group| group.served.iter().flatten());
    let sum = requested.fold((0, 0), |(cpu, memory), served| (cpu + served.cpu, memory + served.memory));
    assert_eq!((service.done.millicore_seconds, service.done.mib_seconds), sum);
    assert_eq!(service.done.seconds, service.served_seconds);
    (service.served_seconds, service.unserved_seconds, service.owed_batch.seconds)
}

#[test]
fn a_minute_of_a_cron_job_that_waits_75_s_is_done_75_s_later() {
    let (outcome, _) = run(nodes(75), &[pod(Role::Periodic, 1105, 1165)], 1);
    assert_eq!(done_and_owed(&outcome), (60, 0, 0));
    // It runs from 1180 to 1240: 20 seconds in slot 3 and 40 in slot 4.
    assert_eq!(some(&served(&outcome)), [(3, 20), (4, 40)]);
    // As recorded it used 300 m for 60 s of slot 3, a mean of 60 m.
    assert_eq!(some(&used(&outcome)), [(3, 20), (4, 40)]);
    let waiting = outcome.waiting();
    assert_eq!((waiting.batch.starts, waiting.batch.late, waiting.batch.largest_seconds), (1, 1, 75));
    assert_eq!((waiting.periodic, waiting.overtaken, waiting.services.starts), (1, 0, 0));
    // The node is empty from 1240 on, and leaves with the first slot 600 seconds later.
    assert_eq!(outcome.hours[0].node_seconds, [(0, 2100 - 1105)]);
}

#[test]
fn three_hours_of_a_job_that_is_400_s_late_use_what_they_used_400_s_later() {
    let uses = |slot: i64| [900, 100, 500, 0, 700, 33][slot.rem_euclid(6) as usize];
    let job = Pod { uses, ..pod(Role::Batch, 900, 900 + 3 * HOUR_SECONDS) };
    let recorded: Vec<u64> = (0..48).map(|k| if (3..39).contains(&k) { uses(k) as u64 } else { 0 }).collect();
    let (outcome, _) = run(nodes(400), &[job], 4);
    assert_eq!(done_and_owed(&outcome), (3 * 3600, 0, 0));
    let used = used(&outcome);
    assert_eq!(used.iter().sum::<u64>(), recorded.iter().sum::<u64>());
    for k in 2..48 {
        // 400 s are one slot and a third.
        let expect = (2.0 * recorded[k - 1] as f64 + recorded[k - 2] as f64) / 3.0;
        assert!((used[k] as f64 - expect).abs() <= 1.0, "{k}: {} {expect}", used[k]);
    }
    // From 1300 to 12,100.
    let served = served(&outcome);
    assert_eq!((served[4], served[5], served[39], served[40], served[41]), (200, 300, 300, 100, 0));
    // 400 s are within a tenth of three hours.
    let batch = outcome.waiting().batch;
    assert_eq!((batch.starts, batch.late, batch.largest_seconds, batch.worst()), (1, 0, 400, None));
}

#[test]
fn the_memory_of_late_work_is_there_in_every_slot_it_comes_to_lie_in() {
    let (outcome, _) = run(nodes(400), &[pod(Role::Batch, 900, 1500)], 1);
    let memory: Vec<u64> = outcome.series.iter().map(|point| point.memory_mib).collect();
    // From 1300 to 1900.
    assert_eq!(some(&memory), [(4, 500), (5, 500), (6, 500)]);
}

#[test]
fn a_service_that_is_240_s_late_loses_240_s() {
    let (outcome, _) = run(nodes(240), &[pod(Role::Service, 900, 2700), pod(Role::Stateful, 900, 2700)], 1);
    assert_eq!(done_and_owed(&outcome), (2 * 1560, 480, 0));
    assert_eq!(some(&served(&outcome)).last().unwrap(), &(8, 600));
    assert_eq!(some(&used(&outcome)).last().unwrap(), &(8, 600));
    let services = outcome.waiting().services;
    assert_eq!((services.starts, services.late, services.largest_seconds, services.worst()), (2, 2, 240, Some((0, 2))));
}

#[test]
fn what_waited_as_recorded_and_does_not_here_is_not_late_and_runs_no_longer() {
    let small = Ask { cpu_millicores: 100, memory_mib: 100 };
    for role in [Role::Service, Role::Stateful, Role::Batch, Role::Periodic] {
        let late = Pod { created: 580, ..pod(role, 670, 1270) };
        let there = Pod { workload: 7, uses: |_| 0, ask: small, ..pod(Role::Service, 0, 3600) };
        let (outcome, Log(log)) = run(nodes(75), &[there, late], 1);
        assert_eq!(done_and_owed(&outcome), (3600 + 600, 0, 0));
        let placed = log.iter().find(|(_, decision)| matches!(decision, Decision::PodPlaced { pod: 2, .. })).unwrap();
        assert_eq!(placed.0, 580, "it holds its machine from when it is asked for");
        let of_others = |pods: u64| pods.saturating_sub(300);
        let served: Vec<u64> = served(&outcome).into_iter().map(of_others).collect();
        assert_eq!(some(&served), [(2, 230), (3, 300), (4, 70)]);
        assert_eq!(some(&used(&outcome)), [(2, 230), (3, 300), (4, 70)]);
        let waiting = outcome.waiting();
        let starts = if role.shifts() { waiting.batch } else { waiting.services };
        assert_eq!((starts.starts, starts.late, starts.largest_seconds), (1, 0, 0));
        assert_eq!((starts.recorded_seconds, starts.recorded_long), (90, 1));
        assert_eq!((starts.waited_seconds, starts.waited_long), (0, 0));
    }
}

#[test]
fn the_wait_for_a_node_counts_from_creation_and_late_is_what_exceeds_the_recorded() {
    // Ready at 1175: within what it waited as recorded; then 30 seconds beyond it.
    for (boot, waited, late) in [(75, 75, 0), (120, 120, 30)] {
        let (outcome, _) = run(nodes(boot), &[Pod { created: 1100, ..pod(Role::Service, 1190, 2000) }], 1);
        let services = outcome.waiting().services;
        assert_eq!((services.waited_seconds, services.largest_seconds, services.late), (waited, late, 0));
        assert_eq!(done_and_owed(&outcome), (810 - late, late, 0));
    }
    // Created in the hour before: asked for when the hour begins.
    let (outcome, Log(log)) = run(nodes(75), &[Pod { created: 3000, ..pod(Role::Service, 3650, 5000) }], 2);
    assert_eq!(log[0].0, 3600);
    let services = outcome.waiting().services;
    assert_eq!((services.waited_seconds, services.recorded_seconds, services.largest_seconds), (75, 650, 25));
}

#[test]
fn a_run_that_starts_after_the_next_was_asked_for_is_overtaken() {
    // Two minutes apart on nodes that take four; each fills one.
    let check = |role: Role, second: i64, workload: u32, expect: u64| {
        let large = Ask { cpu_millicores: 1500, memory_mib: 1000 };
        let first = Pod { ask: large, ..pod(role, 600, 660) };
        let next = Pod { ask: large, workload, ..pod(role, second, second + 60) };
        let (outcome, _) = run(nodes(240), &[first, next], 1);
        assert_eq!(outcome.waiting().overtaken, expect, "{role:?} {second} {workload}");
        assert_eq!(done_and_owed(&outcome), (120, 0, 0));
    };
    check(Role::Periodic, 720, 0, 1);
    // Pods of one run; the same second, at which the first has started; another workload; jobs, which follow each other.
    check(Role::Periodic, 630, 0, 0);
    check(Role::Periodic, 840, 0, 0);
    check(Role::Periodic, 720, 1, 0);
    check(Role::Batch, 720, 0, 0);
}

#[test]
fn a_run_is_counted_once_by_its_first_pod_however_many_it_has() {
    // Each fills a node that takes four minutes.
    let ask = Ask { cpu_millicores: 1500, memory_mib: 1000 };
    let of = |rows: &[(i64, u64)]| {
        let pods: Vec<Pod> =
            rows.iter().map(|(at, run)| Pod { ask, run: *run, ..pod(Role::Periodic, *at, at + 60) }).collect();
        let waiting = run(nodes(240), &pods, 1).0.waiting();
        (waiting.batch.starts, waiting.periodic, waiting.overtaken)
    };
    // A run whose pods come one after the other overtakes itself by none of them.
    assert_eq!(of(&[(600, 7), (630, 7), (750, 7)]), (3, 1, 0));
    // The next run comes while the first waits, and counts once though it has two pods that are late.
    assert_eq!(of(&[(600, 7), (720, 8), (725, 8)]), (3, 2, 1));
    // Later pods of the first run that start late are no start of it.
    assert_eq!(of(&[(600, 7), (2000, 7), (2100, 8)]), (3, 2, 0));
    // Without numbers a minute makes a run.
    assert_eq!(of(&[(600, 0), (630, 0), (720, 0)]), (3, 2, 1));
}

#[test]
fn work_is_followed_for_two_hours_after_its_recorded_end_though_ids_are_used_again() {
    // Ninety seconds before the hour ends; meanwhile pods come and go beside it every ten minutes.
    let others = (0..60).map(|i| Pod { uses: |_| 0, ..pod(Role::Service, 600 * i, 600 * i + 599) });
    let work = pod(Role::Batch, 3500, 3590);
    let pods: Vec<Pod> =
        std::iter::once(Pod { ask: Ask { cpu_millicores: 1900, memory_mib: 100 }, ..work }).chain(others).collect();
    let (outcome, _) = run(nodes(7000), &pods, 10);
    let (_, _, owed) = done_and_owed(&outcome);
    assert_eq!(owed, 0);
    // It ran from 10,500 to 10,590.
    assert_eq!(some(&used(&outcome)), [(35, 90)]);
    assert_eq!(outcome.waiting().batch.largest_seconds, 7000);
    // Not started two hours after 3590, it is given up, and all of it owed, with its requests.
    let (outcome, _) = run(nodes(7300), &pods, 10);
    assert_eq!(some(&used(&outcome)), []);
    assert_eq!(outcome.service.owed_batch, Owed { seconds: 90, millicore_seconds: 90 * 1900, mib_seconds: 90 * 100 });
    assert_eq!(outcome.service.unfinished, Owed::default());
    assert_eq!(outcome.waiting().batch.largest_seconds, 3590 + 7200 - 3500);
}

#[test]
fn work_that_waits_for_more_than_two_hours_owes_what_is_beyond_them() {
    let job = Pod { uses: |slot| slot as u32, ..pod(Role::Batch, 900, 900 + 5 * HOUR_SECONDS) };
    let (outcome, _) = run(nodes(3 * HOUR_SECONDS), &[job], 9);
    assert_eq!(done_and_owed(&outcome), (4 * 3600, 3600, 3600));
    // From 11,700 on what it used as recorded two hours before, to two hours after its recorded end.
    let expect: Vec<(usize, u64)> = (39..87).map(|k| (k, k as u64 - 24)).collect();
    assert_eq!(some(&used(&outcome)), expect);
}

#[test]
fn a_pod_that_fits_no_machine_owes_all() {
    let large = Ask { cpu_millicores: 9000, memory_mib: 1000 };
    let work = Pod { ask: large, ..pod(Role::Periodic, 900, 1200) };
    let next = Pod { ask: large, ..pod(Role::Periodic, 1000, 1300) };
    let (outcome, _) = run(nodes(0), &[work, next], 2);
    assert_eq!(done_and_owed(&outcome), (0, 600, 600));
    assert_eq!(outcome.service.owed_batch.millicore_seconds, 600 * 9000);
    let waiting = outcome.waiting();
    assert_eq!((waiting.batch.late, waiting.batch.largest_seconds, waiting.overtaken), (2, 300, 1));
    assert_eq!(outcome.service.unplaceable, 2);
}

#[test]
fn work_that_is_owed_is_priced_by_the_larger_of_its_shares_of_what_was_done() {
    let work = |seconds, millicore_seconds, mib_seconds| Owed { seconds, millicore_seconds, mib_seconds };
    let done = work(1000, 2_000_000, 8_000_000);
    assert_eq!(work(10, 40_000, 80_000).largest_share(&done), Some((40_000, 2_000_000)));
    assert_eq!(work(10, 40_000, 800_000).largest_share(&done), Some((800_000, 8_000_000)));
    // What requests nothing is no cheaper than the pods there are; of nothing done nothing can be said.
    assert_eq!(work(10, 0, 0).largest_share(&done), Some((10, 1000)));
    assert_eq!(work(10, 40_000, 0).largest_share(&Owed::default()), None);
    assert_eq!(Owed::default().largest_share(&done), Some((0, 1000)));
}

#[test]
fn late_work_ends_when_it_does_though_a_right_sized_scenario_starts_anew_meanwhile() {
    // The day is over at 86,400, and pods are placed anew. The work started 400 seconds late at 86,200.
    let pods = [
        pod(Role::Service, 0, 90_000),
        Pod { workload: 1, ..pod(Role::Batch, 85_800, 86_300) },
        // This one still waits then, and goes on to a machine that is ready at once.
        Pod { workload: 2, ..pod(Role::Batch, 86_100, 86_350) },
    ];
    let setup = Setup { requests: Requests::RightSized, ..nodes(400) };
    let (outcome, _) = run(setup, &pods, 25);
    assert_eq!(done_and_owed(&outcome), (90_000 + 500 + 250, 0, 0));
    let served: Vec<u64> = served(&outcome).into_iter().map(|pods| pods - 300).collect();
    assert_eq!(some(&served), [(287, 200), (288, 300 + 250)]);
    assert_eq!(outcome.waiting().batch.largest_seconds, 400);
}

#[test]
fn what_is_imputed_of_late_work_is_shifted_with_it() {
    let mut replay = Replay::new(vec![nodes(400)]);
    let hour = &hours(&[pod(Role::Batch, 900, 1500)], 1)[0];
    let silent =
        |row: &ContainerRow| ContainerRow { cpu_mean_millicores: Lane::UNKNOWN, memory_max_mib: Lane::UNKNOWN, ..*row };
    let containers = hour.containers().iter().map(silent).collect();
    replay.advance(&Hour::new(hour.start(), hour.pods().to_vec(), containers, vec![]).unwrap());
    let (outcome, _) = replay.finish().remove(0);
    // What it requests stands in, from 1300 to 1900; the machine is there from 1300 to 2700.
    assert_eq!(some(&used(&outcome)), [(4, 667), (5, 1000), (6, 333)]);
    assert_eq!((outcome.machines.silent, outcome.machines.slots), (3, 2));
}

#[test]
fn every_window_has_its_own_worst_and_asks_for_what_was_still_to_be_done() {
    // Workload 1 starts late in the first hour, workload 2 in the second; a job spans both.
    let of = |workload: u32, role, from, to| Pod {
        workload,
        ask: Ask { cpu_millicores: 1500, memory_mib: 100 },
        ..pod(role, from, to)
    };
    let pods = [
        of(1, Role::Service, 700, 3600),
        of(3, Role::Batch, 1400, 3700),
        of(4, Role::Batch, 3400, 3450),
        of(2, Role::Service, 3900, 4500),
        of(2, Role::Service, 3930, 4500),
        // Still waiting when the hours end.
        of(5, Role::Batch, 10_700, 12_000),
    ];
    let mut setup = nodes(240);
    setup.headroom.empty_seconds = 0;
    let mut replay = Replay::new(vec![setup]);
    let hours = hours(&pods, 3);
    replay.advance(&hours[0]);
    let first = replay.so_far().remove(0);
    hours[1..].iter().for_each(|hour| replay.advance(hour));
    let whole = replay.finish().remove(0).0;
    let rest = whole.since(&first);
    // At the end of the first hour a job is 240 s late and the other, asked for at 3400, has not begun.
    let requests = |seconds: u64| Owed { seconds, millicore_seconds: seconds * 1500, mib_seconds: seconds * 100 };
    assert_eq!(first.service.owed_batch, requests(240 + 50));
    assert_eq!(first.service.unfinished, requests(240 + 50));
    for window in [&first, &rest, &whole] {
        let service = window.service;
        assert_eq!(service.served_seconds + service.unserved_seconds, service.asked_seconds);
        assert_eq!(service.done.seconds, service.served_seconds);
    }
    assert_eq!(whole.service.owed_batch, requests(100));
    assert_eq!((rest.service.owed_batch, rest.service.unfinished), (requests(100), requests(100)));
    assert_eq!(rest.service.asked_seconds, 100 + 600 + 570 + 290 + 100);
    assert_eq!(first.service.served_seconds + rest.service.served_seconds, whole.service.served_seconds);
    let worst = |outcome: &Outcome| outcome.waiting().services.worst();
    assert_eq!((worst(&first), worst(&rest), worst(&whole)), (Some((1, 1)), Some((2, 2)), Some((2, 2))));
    let batch = |outcome: &Outcome| (outcome.waiting().batch.starts, outcome.waiting().batch.largest_seconds);
    assert_eq!((batch(&first), batch(&rest), batch(&whole)), ((2, 240), (1, 100), (3, 240)));
}

#[test]
fn what_is_there_when_the_hours_begin_or_go_on_is_no_start_and_the_warm_up_counts_none() {
    let pods = [pod(Role::Service, 0, 9000), pod(Role::Service, 600, 9000), pod(Role::Batch, 4000, 9000)];
    let all = run(nodes(75), &pods, 2).0.waiting();
    assert_eq!((all.services.starts, all.batch.starts), (1, 1));
    let warm = Setup { warm_up_seconds: 1000, ..nodes(75) };
    let rest = run(warm, &pods, 2).0.waiting();
    assert_eq!((rest.services.starts, rest.batch.starts), (0, 1));
}

#[test]
fn limits_are_the_setups() {
    let check = |after: i64, share: f64, expect: (u64, u64)| {
        let setup = Setup { late_after_seconds: after, late_share_of_batch: share, ..nodes(200) };
        let pods = [pod(Role::Service, 600, 2600), Pod { workload: 1, ..pod(Role::Batch, 600, 2600) }];
        let waiting = run(setup, &pods, 1).0.waiting();
        assert_eq!((waiting.services.late, waiting.batch.late), expect, "{after} {share}");
    };
    check(60, 0.1, (1, 0));
    check(60, 0.09, (1, 1));
    check(200, 0.0, (0, 0));
    check(199, 0.0, (1, 1));
}

#[test]
fn where_nobody_waits_work_and_services_come_to_the_same() {
    let with = |role: Role| {
        let mut setups = vec![ec2("ec2-repacked"), emp("emp")];
        for setup in &mut setups {
            setup.node_boot_seconds = 0;
            // Jobs are never drained, services are.
            setup.ec2.consolidation = Consolidation::EmptyOnly;
            setup.ec2.least_machines = 0;
            if let Some(pool) = &mut setup.pool {
                (pool.evm_boot_seconds, pool.host_boot_seconds) = (0, 0);
            }
        }
        let mut trace = Trace::new(5, 300, 2);
        let mut replay =
            Replay::observed(setups.into_iter().map(|s| (s, Log::default())).collect(), RightSizing::default());
        for hour in trace.hours(48) {
            let rows = hour.pods().iter().map(|row| PodRow { role, ..*row }).collect();
            replay.advance(&Hour::new(hour.start(), rows, hour.containers().to_vec(), hour.nodes().to_vec()).unwrap());
        }
        replay.finish()
    };
    for ((service, service_log), (work, work_log)) in with(Role::Service).into_iter().zip(with(Role::Batch)) {
        assert_eq!(work.waiting().batch, service.waiting().services);
        assert!(work.waiting().batch.starts > 100);
        let work = Outcome { waiting: service.waiting.clone(), evictions: service.evictions, ..work };
        assert_eq!((work, work_log), (service, service_log));
    }
}
