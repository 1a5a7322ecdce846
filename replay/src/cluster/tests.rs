use super::intake::Intake;
use super::*;
use crate::input_hour::{ContainerRow, NONE, UNKNOWN};

fn pod(uid: u128, from: u16, to: u16) -> PodRow {
    PodRow {
        uid,
        workload: 0,
        zone: 0,
        platform: 0,
        observed_type: NONE,
        movable: true.into(),
        daemon: false,
        role: Role::Service,
        ask: Ask { cpu_millicores: 900, memory_mib: 800 },
        volumes: 0,
        pausing_volumes: 0,
        alive_from: from,
        alive_to: to,
        waited: 0,
        run: 0,
        unknown_slots: 0,
        node: NONE,
        node_group: 0,
    }
}

fn container(row: u32, class: u32, cpu: Lane, memory: Lane) -> ContainerRow {
    ContainerRow {
        pod: row,
        class,
        ask: Ask { cpu_millicores: 700, memory_mib: 600 },
        cpu_mean_millicores: cpu,
        cpu_max_millicores: Lane::UNKNOWN,
        memory_mean_mib: Lane::UNKNOWN,
        memory_max_mib: memory,
    }
}

/// A lane known in some slots.
fn known(slots: &[(usize, u32)]) -> Lane {
    let mut lane = Lane::UNKNOWN;
    for (k, value) in slots {
        lane.0[*k] = *value;
    }
    lane
}

fn advance(intake: &mut Intake, h: i64, pods: Vec<PodRow>, containers: Vec<ContainerRow>) {
    let hour = Hour::new(h * HOUR_SECONDS, pods, containers, vec![]).unwrap();
    intake.advance(&hour);
}

fn demand(intake: &Intake, uid: u128) -> Demand {
    let pod = intake.cluster.pods.ids().find(|pod| intake.cluster.pods[*pod].uid == uid).unwrap();
    intake.cluster.demand[pod]
}

#[test]
fn a_silent_container_is_its_own_last_known_slots_for_as_many_then_its_class_then_its_request() {
    let mut intake = Intake::new(None);
    let ramp = Lane([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
    let gone = Lane::UNKNOWN;
    let two = || vec![pod(1, 0, 3600), pod(2, 0, 3600)];
    advance(&mut intake, 0, two(), vec![container(0, 0, ramp, ramp), container(1, 0, gone, gone)]);
    // The other never told anything: the mean of its class, which is the first.
    assert_eq!((demand(&intake, 2).cpu, demand(&intake, 2).memory), (ramp, ramp));
    intake.end_hour();
    // Five slots later: the mean CPU and the largest memory of the twelve before, slots 5 to 11 and 0 to 4.
    let five = known(&[(0, 100), (1, 100), (2, 100), (3, 100), (4, 100)]);
    advance(&mut intake, 1, two(), vec![container(0, 0, five, five), container(1, 0, gone, gone)]);
    let mean = (50 + 60 + 70 + 80 + 90 + 100 + 110 + 500) / 12;
    assert_eq!(demand(&intake, 1).cpu.0, [100, 100, 100, 100, 100, mean, mean, mean, mean, mean, mean, mean]);
    assert_eq!(demand(&intake, 1).memory.0[5..], [110; 7]);
    // In slot 5 nobody of the class is known: what it requests, since it never told anything itself.
    assert_eq!(demand(&intake, 2).cpu.0[4..7], [100, 700, 700]);
    assert_eq!(demand(&intake, 2).memory.0[4..7], [100, 600, 600]);
    intake.end_hour();
    // The gap goes on, and twelve slots of it are over after five more: the class, where it is known, else its own past.
    let later = known(&[(4, 33), (5, 33), (6, 33)]);
    advance(&mut intake, 2, two(), vec![container(0, 0, gone, gone), container(1, 0, later, later)]);
    assert_eq!(demand(&intake, 1).cpu.0[3..8], [mean, mean, 33, 33, mean]);
    // What it requests is no less than nothing: a container that requests nothing gets what a scheduler counts for it.
    intake.end_hour();
    let asks_nothing = ContainerRow { ask: Ask::default(), ..container(0, 5, gone, gone) };
    advance(&mut intake, 3, vec![pod(3, 0, 3600)], vec![asks_nothing]);
    assert_eq!((demand(&intake, 3).cpu.0[0], demand(&intake, 3).memory.0[0]), (100, 200));
}

#[test]
fn a_container_silent_for_longer_is_what_it_was_a_day_before() {
    let mut intake = Intake::new(None);
    let gone = Lane::UNKNOWN;
    let one = || vec![pod(1, 0, 3600)];
    for h in 0..30 {
        let lane = if h < 26 { Lane([100 * u32::try_from(h).unwrap() + 7; 12]) } else { gone };
        // Another hour is missing altogether, and changes no hour of the day.
        if h == 20 {
            continue;
        }
        advance(&mut intake, h, one(), vec![container(0, 0, lane, lane)]);
        match h {
            26 => assert_eq!(demand(&intake, 1).cpu.0, [2507; 12]),
            27..30 => assert_eq!(demand(&intake, 1).cpu.0, [100 * (u32::try_from(h).unwrap() - 24) + 7; 12], "{h}"),
            _ => {}
        }
        intake.end_hour();
    }
    // A day before, the hour was missing: its own last slots, however long ago.
    for h in 30..45 {
        advance(&mut intake, h, one(), vec![container(0, 0, gone, gone)]);
        let expect = if h == 44 { 2507 } else { 100 * (u32::try_from(h).unwrap() - 24) + 7 };
        assert_eq!(demand(&intake, 1).cpu.0, [expect; 12], "{h}");
        intake.end_hour();
    }
}

#[test]
fn cpu_and_memory_fall_silent_each_for_itself_and_a_container_without_a_row_is_silent() {
    let mut intake = Intake::new(None);
    let flat = |n| Lane([n; 12]);
    let one = || vec![pod(1, 0, 3600)];
    advance(
        &mut intake,
        0,
        one(),
        vec![container(0, 0, flat(8000), flat(40_000)), container(0, 1, flat(10), flat(100))],
    );
    intake.end_hour();
    advance(
        &mut intake,
        1,
        one(),
        vec![container(0, 0, Lane::UNKNOWN, flat(41_000)), container(0, 1, flat(11), flat(100))],
    );
    assert_eq!((demand(&intake, 1).cpu, demand(&intake, 1).memory), (flat(8011), flat(41_100)));
    let guess = *intake.cluster.guess_of(intake.alive[0].1).unwrap();
    assert_eq!((guess.cpu, guess.memory), (flat(8000), Lane::ZERO));
    intake.end_hour();
    advance(&mut intake, 2, one(), vec![container(0, 1, flat(12), flat(100))]);
    assert_eq!(demand(&intake, 1).memory, flat(41_100));
    let total = intake.cluster.imputed.total();
    assert_eq!(
        (total.core_milliseconds, total.mib_seconds),
        ((8010 + 8011 + 8012) * 3600, (40_100 + 41_100 + 41_100) * 3600)
    );
    assert_eq!((total.imputed_core_milliseconds, total.imputed_mib_seconds), (2 * 8000 * 3600, 41_000 * 3600));
    assert_eq!((intake.cluster.imputed.pod_slots, intake.cluster.imputed.imputed_pod_slots), (36, 24));
    assert!(intake.cluster.imputed.by_hour_of_day[3..].iter().all(|amounts| *amounts == Amounts::default()));
    intake.end_hour();
    advance(&mut intake, 3, one(), vec![container(0, 0, flat(1), flat(1)), container(0, 1, flat(1), flat(1))]);
    assert!(intake.cluster.guess_of(intake.alive[0].1).is_none());
}

#[test]
fn what_is_imputed_enters_no_mean_and_a_wholly_silent_slot_is_no_time_of_histories() {
    let mut intake = Intake::new(None);
    let flat = |n| Lane([n; 12]);
    let half = known(&[(0, 100), (1, 100), (2, 100), (3, 100), (4, 100), (5, 100)]);
    let two = || vec![pod(1, 0, 3600), pod(2, 0, 3600)];
    let of = |lane| vec![container(0, 0, lane, lane), container(1, 1, lane, lane), container(1, 2, lane, lane)];
    // One of two containers of the second pod is silent: that pod tells nothing of its workload.
    let mut beside = of(flat(100));
    beside[2] = container(1, 2, Lane::UNKNOWN, Lane::UNKNOWN);
    advance(&mut intake, 0, two(), beside);
    assert_eq!(intake.cluster.known_slots_before(SLOTS), 12);
    intake.end_hour();
    assert_eq!(intake.cluster.habits[0].mean(), Some((100.0, 100.0)));
    let before = intake.cluster.habits[0];
    advance(&mut intake, 1, two(), of(Lane::UNKNOWN));
    assert_eq!((intake.cluster.known_slots_before(SLOTS), intake.cluster.is_silent(0)), (12, true));
    intake.end_hour();
    assert_eq!(format!("{before:?}"), format!("{:?}", intake.cluster.habits[0]));
    advance(&mut intake, 2, two(), of(half));
    assert_eq!((intake.cluster.known_slots_before(3), intake.cluster.known_slots_before(SLOTS)), (15, 18));
}

#[test]
fn init_containers_that_are_over_and_daemons_have_their_gaps_too() {
    let mut intake = Intake::new(None);
    let flat = |n| Lane([n; 12]);
    let rows = vec![
        container(0, 0, flat(30), flat(30)),
        // An init container that was over after the first slot is silent, and that is no gap.
        container(0, NONE, known(&[(0, 1000)]), known(&[(0, 2000)])),
    ];
    advance(&mut intake, 0, vec![pod(1, 0, 3600)], rows);
    assert_eq!((demand(&intake, 1).cpu.0[..2].to_vec(), intake.cluster.imputed.imputed_pod_slots), (vec![1030, 30], 0));
    intake.end_hour();
    let daemon = || vec![PodRow { daemon: true, ..pod(9, 0, 3600) }];
    advance(&mut intake, 1, daemon(), vec![container(0, 3, flat(50), flat(60))]);
    intake.end_hour();
    advance(&mut intake, 2, daemon(), vec![container(0, 3, Lane::UNKNOWN, Lane::UNKNOWN)]);
    assert_eq!((intake.cluster.daemons.cpu, intake.cluster.daemons.guess.memory), (flat(50), flat(60)));
}

#[test]
fn a_part_of_a_slot_counts_as_a_part_and_memory_whole() {
    let mut intake = Intake::new(None);
    advance(&mut intake, 0, vec![pod(1, 100, 450)], vec![container(0, 0, Lane([300; 12]), Lane([50; 12]))]);
    let demand = demand(&intake, 1);
    assert_eq!(demand.cpu.0[..3], [200, 150, 0]);
    assert_eq!(demand.memory.0[..3], [50, 50, 0]);
    assert_eq!(intake.cluster.asked_seconds, 350);
    let events: Vec<_> = intake.cluster.events.iter().map(|event| (event.second, event.what)).collect();
    assert_eq!(events, [(100, What::Asked), (450, What::Ends)]);
}

#[test]
fn a_pod_that_is_gone_uses_nothing_while_its_id_is_kept() {
    let mut intake = Intake::new(None);
    advance(&mut intake, 0, vec![pod(1, 0, 450)], vec![container(0, 0, Lane([300; 12]), Lane([50; 12]))]);
    assert_eq!(demand(&intake, 1).cpu.0[..2], [300, 150]);
    intake.end_hour();
    advance(&mut intake, 1, vec![], vec![]);
    assert_eq!(demand(&intake, 1).cpu, Lane::ZERO);
}

#[test]
fn pods_that_vanish_end_with_the_hour_and_ids_are_used_again() {
    let mut intake = Intake::new(None);
    for h in 0..50 {
        let uid = u128::try_from(h).unwrap();
        advance(&mut intake, h, vec![pod(1000 + uid, 0, 3600), pod(7, 0, 3600)], vec![]);
        let ends = intake.cluster.events.iter().filter(|event| event.what == What::Ends).count();
        assert_eq!(ends, usize::from(h > 0));
        intake.end_hour();
    }
    assert!(intake.cluster.pods.len() <= 6, "{}", intake.cluster.pods.len());
    assert_eq!(intake.cluster.asked_seconds, 50 * 2 * 3600);
}

#[test]
fn habits_need_an_hour_and_daemons_are_shared_among_nodes() {
    let mut intake = Intake::new(None);
    let daemon = PodRow { daemon: true, ..pod(9, 0, 3600) };
    let node = NodeRow {
        zone: 0,
        platform: 0,
        machine_type: NONE,
        up_seconds: 3600,
        memory_mib: 1000,
        touched_mib: known(&[(0, 250)]),
        node: NONE,
        node_group: 0,
    };
    let rows = vec![pod(1, 0, 3600), daemon, PodRow { uid: 10, ..daemon }, PodRow { uid: 11, ..daemon }];
    let containers = (0..4).map(|row| container(row, row, Lane([50; 12]), Lane([60; 12]))).collect();
    let hour = Hour::new(0, rows, containers, vec![node, node]).unwrap();
    intake.advance(&hour);
    assert!(intake.cluster.habits.len() == 0 || intake.cluster.habits[0].mean().is_none());
    intake.end_hour();
    assert_eq!(intake.cluster.habits[0].mean(), Some((50.0, 60.0)));
    assert_eq!((intake.cluster.daemons.cpu.0[0], intake.cluster.daemons.memory.0[0]), (75, 90));
    assert_eq!((intake.cluster.touched.0[0], intake.cluster.touched.0[1]), (250_000, UNKNOWN));
    assert_eq!(daemons_of(&hour), (Ask { cpu_millicores: 1350, memory_mib: 1200 }, 2));
}
