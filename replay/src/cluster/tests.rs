use super::*;
use crate::hour::{ContainerRow, NodeRow};

fn pod(uid: u128, from: u16, to: u16) -> PodRow {
    PodRow {
        uid,
        workload: 0,
        zone: 0,
        platform: 0,
        observed_type: NONE,
        movable: true.into(),
        daemon: false,
        ask: Ask { cpu_millicores: 900, memory_mib: 800 },
        volumes: 0,
        pausing_volumes: 0,
        alive_from: from,
        alive_to: to,
    }
}

fn container(row: u32, class: u32, cpu: Lane, memory: Lane) -> ContainerRow {
    ContainerRow {
        pod: row,
        class,
        cpu_mean_millicores: cpu,
        cpu_max_millicores: Lane::UNKNOWN,
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

fn advance(cluster: &mut Cluster, h: i64, pods: Vec<PodRow>, containers: Vec<ContainerRow>) {
    let hour = Hour::new(h * HOUR_SECONDS, pods, containers, vec![]).unwrap();
    cluster.advance(&hour);
}

fn demand(cluster: &Cluster, uid: u128) -> Demand {
    let pod = cluster.pods.ids().find(|pod| cluster.pods[*pod].uid == uid).unwrap();
    cluster.demand[pod]
}

#[test]
fn a_gap_is_the_last_value_for_three_slots_then_the_workload_then_the_request() {
    let mut cluster = Cluster::new(None);
    let full = Lane([100; 12]);
    let gappy = known(&[(0, 40), (6, 70)]);
    advance(
        &mut cluster,
        0,
        vec![pod(1, 0, 3600), pod(2, 0, 3600)],
        vec![container(0, 0, gappy, gappy), container(1, 0, Lane([100; 12]), full)],
    );
    // Slots 1 to 3 the last value; 4 and 5 the workload's mean, of the other pod alone; 7 to 9 the last, 10 and 11 the mean.
    assert_eq!(demand(&cluster, 1).cpu.0, [40, 40, 40, 40, 100, 100, 70, 70, 70, 70, 100, 100]);
    assert_eq!(cluster.imputed, Imputed { pod_slots: 24, imputed_pod_slots: 10, pod_slots_without_peak: 24 });
    // With nobody to tell, the request.
    cluster.end_hour();
    advance(&mut cluster, 1, vec![pod(3, 600, 1500)], vec![]);
    assert_eq!(demand(&cluster, 3).memory.0, [0, 0, 800, 800, 800, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_container_without_a_sample_beside_another_is_the_mean_of_its_class() {
    let mut cluster = Cluster::new(None);
    let flat = |n| Lane([n; 12]);
    advance(
        &mut cluster,
        0,
        vec![pod(1, 0, 3600), pod(2, 0, 3600)],
        vec![
            container(0, 0, flat(10), flat(10)),
            container(0, 1, known(&[(0, 5)]), known(&[(0, 5)])),
            container(1, 0, flat(30), flat(30)),
            container(1, 1, flat(7), flat(9)),
            // An init container that was over after the first slot is silent, and that is no gap.
            container(1, NONE, known(&[(0, 1000)]), known(&[(0, 2000)])),
        ],
    );
    assert_eq!(demand(&cluster, 1).cpu.0[..3], [15, 17, 17]);
    assert_eq!(demand(&cluster, 1).memory.0[..3], [15, 19, 19]);
    assert_eq!(demand(&cluster, 2).cpu.0[..2], [1037, 37]);
    assert_eq!(cluster.imputed.imputed_pod_slots, 11);
}

#[test]
fn a_part_of_a_slot_counts_as_a_part_and_memory_whole() {
    let mut cluster = Cluster::new(None);
    advance(&mut cluster, 0, vec![pod(1, 100, 450)], vec![container(0, 0, Lane([300; 12]), Lane([50; 12]))]);
    let demand = demand(&cluster, 1);
    assert_eq!(demand.cpu.0[..3], [200, 150, 0]);
    assert_eq!(demand.memory.0[..3], [50, 50, 0]);
    assert_eq!(cluster.asked_seconds, 350);
    let events: Vec<_> = cluster.events.iter().map(|event| (event.second, event.starts)).collect();
    assert_eq!(events, [(100, true), (450, false)]);
}

#[test]
fn pods_that_vanish_end_with_the_hour_and_ids_are_used_again() {
    let mut cluster = Cluster::new(None);
    for h in 0..50 {
        let uid = u128::try_from(h).unwrap();
        advance(&mut cluster, h, vec![pod(1000 + uid, 0, 3600), pod(7, 0, 3600)], vec![]);
        let ends = cluster.events.iter().filter(|event| !event.starts).count();
        assert_eq!(ends, usize::from(h > 0));
        cluster.end_hour();
    }
    assert!(cluster.pods.len() <= 4, "{}", cluster.pods.len());
    assert_eq!(cluster.asked_seconds, 50 * 2 * 3600);
}

#[test]
fn habits_need_an_hour_and_daemons_are_shared_among_nodes() {
    let mut cluster = Cluster::new(None);
    let daemon = PodRow { daemon: true, ..pod(9, 0, 3600) };
    let node = NodeRow {
        zone: 0,
        platform: 0,
        machine_type: NONE,
        up_seconds: 3600,
        memory_mib: 1000,
        touched_mib: known(&[(0, 250)]),
    };
    let rows = vec![pod(1, 0, 3600), daemon, PodRow { uid: 10, ..daemon }, PodRow { uid: 11, ..daemon }];
    let containers = (0..4).map(|row| container(row, row, Lane([50; 12]), Lane([60; 12]))).collect();
    let hour = Hour::new(0, rows, containers, vec![node, node]).unwrap();
    cluster.advance(&hour);
    assert!(cluster.habits.len() == 0 || cluster.habits[0].mean().is_none());
    cluster.end_hour();
    assert_eq!(cluster.habits[0].mean(), Some((50.0, 60.0)));
    assert_eq!((cluster.daemons.cpu.0[0], cluster.daemons.memory.0[0]), (75, 90));
    assert_eq!((cluster.touched.0[0], cluster.touched.0[1]), (250_000, UNKNOWN));
    assert_eq!(daemons_of(&hour), (Ask { cpu_millicores: 1350, memory_mib: 1200 }, 2));
}
