//! Machines kept ready, right-sized pools that start from sized requests, and what a lost host would do.

use crate::common::{EPOCH, M5_4XLARGE, Trace, catalog, ec2, emp, m5_metal, service};
use replay::{
    Ask, Assumptions, Base, Buy, Consolidation, ContainerRow, EvictionLimits, Headroom, Hour, Lane, Outcome, PodRow,
    Replay, Requests, Setup,
};

fn pod(uid: u128, workload: u32, cpu_millicores: u32, life: (u16, u16)) -> PodRow {
    PodRow { workload, alive_from: life.0, alive_to: life.1, ..service(uid, Ask { cpu_millicores, memory_mib: 2048 }) }
}

/// Fifteen cores of a service fill a node; each hour a job of two cores runs for ten minutes.
fn full_node_and_jobs(hours: i64) -> Vec<Hour> {
    (0..hours)
        .map(|h| {
            let pods = vec![pod(1, 0, 15_000, (0, 3600)), pod(100 + h as u128, 1, 2000, (1800, 2400))];
            let used = |pod| ContainerRow {
                pod,
                class: pod,
                ask: Ask { cpu_millicores: 900, memory_mib: 800 },
                cpu_mean_millicores: Lane([900; 12]),
                cpu_max_millicores: Lane([900; 12]),
                memory_mean_mib: Lane::UNKNOWN,
                memory_max_mib: Lane([800; 12]),
            };
            Hour::new(EPOCH + h * 3600, pods, vec![used(0), used(1)], vec![]).unwrap()
        })
        .collect()
}

fn run(setup: Setup, hours: &[Hour]) -> Outcome {
    let mut replay = Replay::new(vec![setup]);
    hours.iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0).0
}

fn with(mut setup: Setup, warm_machines: u32, empty_seconds: i64) -> Setup {
    setup.ec2.buy = Buy::AsObserved;
    setup.ec2.consolidation = Consolidation::EmptyOnly;
    setup.headroom = Headroom { warm_machines, empty_seconds };
    setup
}

fn machine_hours(outcome: &Outcome) -> f64 {
    let seconds: u64 = outcome.hours.iter().flat_map(|hour| &hour.node_seconds).map(|(_, seconds)| seconds).sum();
    seconds as f64 / 3600.0
}

#[test]
fn a_warm_machine_takes_the_pod_that_fits_nowhere_and_another_comes() {
    let hours = full_node_and_jobs(6);
    let none = run(with(ec2("none"), 0, 600), &hours);
    assert_eq!((none.service.unserved_seconds, none.warm.len()), (6 * 75, 0));
    let warm = run(with(ec2("warm"), 1, 600), &hours);
    // A machine is warm from the first second on; the first job finds it booted.
    assert_eq!(warm.service.unserved_seconds, 0);
    assert_eq!(warm.warm, [(0, M5_4XLARGE)]);
    // Beside the full one and the one kept, a machine for each job while it runs and is empty for ten minutes.
    assert!(machine_hours(&warm) > 12.0 && machine_hours(&warm) < 12.0 + 6.0 * 0.5, "{}", machine_hours(&warm));
    // Kept for an hour, the machine of one job is still there for the next.
    let kept = run(with(ec2("kept"), 0, 3600), &hours);
    assert_eq!(kept.service.unserved_seconds, 75);
}

#[test]
fn where_types_are_chosen_by_price_a_warm_machine_is_the_cheapest_that_holds_the_largest_pod() {
    let hours = full_node_and_jobs(6);
    let mut setup = with(ec2("warm"), 1, 600);
    setup.ec2.buy = Buy::Cheapest;
    let warm = run(setup, &hours);
    // It holds the service of fifteen cores, which would need room were its machine lost, and so no job waits.
    assert_eq!(warm.service.unserved_seconds, 0);
    let [(0, kind)] = warm.warm[..] else { panic!("{:?}", warm.warm) };
    let types = catalog();
    let (kept, price) = (types.machine(kind).unwrap(), |kind| types.machine(kind).unwrap().price);
    assert!(kept.allocatable_millicores >= 15_000 && price(kind) <= price(M5_4XLARGE), "{kept:?}");
}

#[test]
fn nobody_is_scheduled_onto_a_warm_machine_while_another_has_room() {
    let hours: Vec<Hour> = (0..3)
        .map(|h| {
            let pods = (0..4).map(|n| pod(n + 1, 0, 1000, (0, 3600))).collect();
            Hour::new(EPOCH + h * 3600, pods, vec![], vec![]).unwrap()
        })
        .collect();
    let outcome = run(with(ec2("warm"), 1, 600), &hours);
    // Four small pods on one machine, the other stays empty, and none is requested beside.
    assert_eq!(machine_hours(&outcome), 6.0);
}

#[test]
fn warm_elastic_vms_have_hosts_and_boot_before_they_are_needed() {
    let hours = full_node_and_jobs(6);
    let none = run(with(emp("none"), 0, 600), &hours);
    assert_eq!(none.service.unserved_seconds, 6 * 240);
    let warm = run(with(emp("warm"), 1, 600), &hours);
    assert_eq!(warm.service.unserved_seconds, 0);
    let evm_seconds =
        |outcome: &Outcome| -> u64 { outcome.hours.iter().flat_map(|h| &h.evm_seconds).map(|e| e.1).sum() };
    assert!(evm_seconds(&warm) > evm_seconds(&none) + 5 * 3600);
}

fn base() -> Base {
    let catalog = catalog();
    Base {
        ec2_types: (0..catalog.machines.len() as u32).collect(),
        catalog,
        daemons: crate::common::DAEMONS,
        daemon_pods: 4,
        zones: vec![0, 1],
        spot: vec![],
        largest: None,
        evictions: EvictionLimits::OPEN,
        karpenter: false,
        most_pods: u32::MAX,
        assumptions: Assumptions::default(),
    }
}

#[test]
fn a_right_sized_pool_starts_from_sized_requests_and_shrinks() {
    let base = base();
    let hours = Trace::new(7, 400, 1).hours(60);
    let host = m5_metal();
    let family = [0, 1, 2, 3, 4];
    let evms = |outcome: &Outcome| outcome.series.last().unwrap().evms;
    let as_is = run(base.emp(&host, &family), &hours);
    let setup = base.emp_rightsized(&host, &family);
    assert_eq!(setup.requests, Requests::RightSized);
    let sized = run(setup, &hours);
    assert!(evms(&sized) * 3 < evms(&as_is) * 2, "{} of {}", evms(&sized), evms(&as_is));
    let service = &sized.service;
    assert_eq!(service.asked_seconds, service.served_seconds + service.unserved_seconds);
}

#[test]
fn a_lone_host_cannot_be_taken_over_from_and_a_spare_can() {
    let hours = full_node_and_jobs(3);
    let lone = run(emp("lone"), &hours);
    assert_eq!(lone.host_loss_share(), 1.0);
    let mut spare = emp("spare");
    spare.pool.as_mut().unwrap().spare_hosts_per_zone = 1;
    assert_eq!(run(spare, &hours).host_loss_share(), 0.0);
    assert_eq!(run(ec2("nodes"), &hours).host_loss_share(), 0.0);
}

#[test]
fn the_blast_radius_is_a_share_of_what_runs() {
    let hours = full_node_and_jobs(3);
    let outcome = run(with(ec2("nodes"), 0, 600), &hours);
    assert_eq!(outcome.most_on_one(), (1, 1));
    assert_eq!(outcome.blast_share(), 1.0);
}
