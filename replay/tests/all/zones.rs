//! A pool in fewer zones than the cluster, what stays beside it, and spot machines that AWS takes back.

use crate::common::*;
use replay::*;

fn base(zones: &str, hour: &Hour) -> Base {
    Base {
        ec2_types: (0..catalog().machines.len() as u32).collect(),
        catalog: catalog(),
        daemons: DAEMONS,
        daemon_pods: 4,
        zones: zones_of(hour),
        spot: vec![],
        largest: None,
        evictions: EvictionLimits::OPEN,
        karpenter: false,
        most_pods: u32::MAX,
        assumptions: Assumptions::default().with("emp.zones", zones).unwrap(),
    }
}

fn run(setup: Setup, hours: &[Hour]) -> Outcome {
    let mut replay = Replay::new(vec![setup]);
    hours.iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0).0
}

/// Three zones, two thirds of the pods in the last.
fn three_zones(hours: usize) -> Vec<Hour> {
    let turned = |hour: &Hour| {
        let zone = |row: &PodRow| if row.uid.is_multiple_of(2) { 2 } else { row.zone };
        let pods = hour.pods().iter().map(|row| PodRow { zone: zone(row), ..*row }).collect();
        Hour::new(hour.start(), pods, hour.containers().to_vec(), hour.nodes().to_vec()).unwrap()
    };
    Trace::new(31, 300, 3).hours(hours).iter().map(turned).collect()
}

#[test]
fn a_pool_in_one_zone_takes_what_no_volume_keeps_elsewhere_and_says_what_stays() {
    let hours = three_zones(30);
    assert_eq!(zones_of(&hours[0])[0], 2);
    let of = |zones: &str| run(base(zones, &hours[0]).emp(&m5_metal(), &[0, 1, 2, 3, 4]), &hours);
    let (all, two, one) = (of("all"), of("two"), of("one"));
    let hosts = |outcome: &Outcome| {
        let mut zones: Vec<u16> =
            outcome.pools.iter().filter(|extent| extent.kind == NONE).map(|extent| extent.zone).collect();
        zones.dedup();
        zones
    };
    assert_eq!((hosts(&all), hosts(&two).len(), hosts(&one)), (vec![0, 1, 2], 2, vec![2]));
    assert!(all.held_by_volumes.is_empty() && all.stranded.is_empty());
    // Of each workload that has volumes and pods elsewhere those stay, each counted as it starts.
    let mut held = std::collections::BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for row in hours.iter().flat_map(Hour::pods).filter(|row| !row.daemon && row.volumes > 0 && row.zone != 2) {
        if seen.insert(row.uid) {
            *held.entry(row.workload).or_insert(0) += 1;
        }
    }
    assert!(!held.is_empty());
    assert_eq!(one.held_by_volumes, held.into_iter().collect::<Vec<_>>());
    // They stay on EC2 in their zones, and everything else is served by the pool.
    let nodes: u64 = one.hours.iter().flat_map(|hour| &hour.node_seconds).map(|(_, seconds)| seconds).sum();
    let stranded: u64 = one.stranded.iter().map(|row| row.node_seconds).sum();
    assert!(stranded > 0 && stranded <= nodes, "{stranded} {nodes}");
    assert!(one.stranded.iter().all(|row| row.half_empty_seconds <= row.node_seconds));
    assert!(one.groups.iter().all(|group| !group.evm || group.zone == 2));
    assert_eq!(one.service.asked_seconds, all.service.asked_seconds);
    assert!(one.served_share() > 0.99);
    // Three lone hosts are more than one zone's.
    let host_seconds = |outcome: &Outcome| outcome.hours.iter().map(|hour| hour.host_seconds).sum::<u64>();
    assert!(host_seconds(&one) < host_seconds(&two) && host_seconds(&two) < host_seconds(&all));
}

#[test]
fn what_may_be_taken_back_is_counted_where_pods_run_on_spot_and_nowhere_else() {
    let mut trace = Trace::new(32, 200, 1);
    trace.movable = 0.5;
    let hours = trace.hours(30);
    let mut catalog = (*catalog()).clone();
    let spot: Vec<MachineType> = catalog
        .machines
        .iter()
        .map(|kind| MachineType { platform: 1, price: usd(kind.price.unwrap().usd_per_hour() * 0.4), ..kind.clone() })
        .collect();
    catalog.machines.extend(spot);
    // Every third workload runs on spot, and none of those moves.
    let on_spot = |row: &PodRow| row.workload.is_multiple_of(3) && !row.daemon;
    let hours: Vec<Hour> = hours
        .iter()
        .map(|hour| {
            let pods = hour.pods().iter().map(|row| {
                let spot = on_spot(row);
                PodRow {
                    platform: u16::from(spot),
                    observed_type: row.observed_type + if spot { 15 } else { 0 },
                    movable: if spot { Movable::NEVER } else { row.movable },
                    ..*row
                }
            });
            Hour::new(hour.start(), pods.collect(), hour.containers().to_vec(), hour.nodes().to_vec()).unwrap()
        })
        .collect();
    let base = Base {
        ec2_types: (0..30).collect(),
        catalog: std::sync::Arc::new(catalog),
        spot: vec![1],
        ..base("all", &hours[0])
    };
    let setups = [base.today_replayed(), base.repacked(), base.emp(&m5_metal(), &[0, 1, 2, 3, 4])];
    let seconds: u64 = hours[24..]
        .iter()
        .flat_map(Hour::pods)
        .filter(|row| on_spot(row))
        .map(|row| u64::from(row.alive_to - row.alive_from))
        .sum();
    for setup in setups {
        let outcome = run(Setup { node_boot_seconds: 0, ..setup }, &hours);
        assert_eq!(outcome.interruptions.pod_seconds, seconds, "{}", outcome.id);
        let expect = seconds as f64 / (730.0 * 3600.0) * 0.05;
        assert!((outcome.interruptions.expected() - expect).abs() < 1e-9);
        // They are the cloud's, and no eviction of the scenario's own.
        assert!(outcome.id != "ec2-today-replayed" || outcome.evictions.pods == 0);
    }
    let nowhere = run(Setup { spot: vec![], ..base.repacked() }, &hours);
    assert_eq!(nowhere.interruptions.expected(), 0.0);
}
