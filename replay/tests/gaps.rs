//! What silence does to a result: as little as it can.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops where it fails, helpers outside `#[test]` too"
)]

mod common;

use common::*;
use replay::*;

/// Slots of a lane that `silent` names are not known.
fn without(lane: Lane, silent: &dyn Fn(usize) -> bool) -> Lane {
    Lane(std::array::from_fn(|k| if silent(k) { UNKNOWN } else { lane.0[k] }))
}

/// An hour in which containers are silent in the slots that `silent` names, by the place of their row.
fn hushed(hour: &Hour, silent: &mut dyn FnMut(usize, usize) -> bool) -> Hour {
    let containers = hour.containers().iter().enumerate().map(|(row, container)| {
        let slots: Vec<bool> = (0..SLOTS).map(|k| silent(row, k)).collect();
        let silent = |k: usize| slots[k];
        ContainerRow {
            cpu_mean_millicores: without(container.cpu_mean_millicores, &silent),
            cpu_max_millicores: without(container.cpu_max_millicores, &silent),
            memory_mean_mib: Lane::UNKNOWN,
            memory_max_mib: without(container.memory_max_mib, &silent),
            ..*container
        }
    });
    Hour::new(hour.start(), hour.pods().to_vec(), containers.collect(), hour.nodes().to_vec()).unwrap()
}

/// Pods of 15 cores and 54,000 MiB, each with containers that use so many millicores and MiB all the time.
fn pods_of(pods: u32, hours: i64, uses: &[(u32, u32)]) -> Vec<Hour> {
    let pod = |i: u32| PodRow {
        uid: u128::from(i) + 1,
        workload: 0,
        zone: 0,
        platform: 0,
        observed_type: M5_4XLARGE,
        movable: true.into(),
        daemon: false,
        role: Role::Service,
        ask: Ask { cpu_millicores: 15_000, memory_mib: 54_000 },
        volumes: 0,
        pausing_volumes: 0,
        alive_from: 0,
        alive_to: 3600,
        waited: 0,
        run: 0,
        unknown_slots: 0,
    };
    let container = |pod: u32, class: u32, (cpu, memory): (u32, u32)| ContainerRow {
        pod,
        class,
        ask: if class == 0 { Ask { cpu_millicores: 15_000, memory_mib: 54_000 } } else { Ask::default() },
        cpu_mean_millicores: Lane([cpu; SLOTS]),
        cpu_max_millicores: Lane([cpu; SLOTS]),
        memory_mean_mib: Lane::UNKNOWN,
        memory_max_mib: Lane([memory; SLOTS]),
    };
    let of_pod = |i: u32| (0..).zip(uses).map(move |(class, used)| container(i, class, *used));
    let hour = |h: i64| {
        let containers = (0..pods).flat_map(of_pod).collect();
        Hour::new(EPOCH + h * HOUR_SECONDS, (0..pods).map(pod).collect(), containers, vec![]).unwrap()
    };
    (0..hours).map(hour).collect()
}

/// Every scenario a verdict speaks of, and a pool that is filled to the brim.
fn scenarios() -> Vec<Setup> {
    let today = {
        let mut setup = ec2("ec2-today-replayed");
        (setup.ec2.buy, setup.ec2.consolidation) = (Buy::AsObserved, Consolidation::EmptyOnly);
        setup
    };
    let sized = |setup: Setup, id: &str| Setup { requests: Requests::RightSized, id: id.to_owned(), ..setup };
    let mut dense = emp("emp-tuned");
    let pool = dense.pool.as_mut().unwrap();
    (pool.memory_overcommit, pool.cpu_overcommit) = (2.5, 8.0);
    vec![
        today,
        ec2("ec2-repacked"),
        sized(ec2(""), "ec2-rightsized"),
        emp("emp"),
        dense.clone(),
        sized(dense, "emp-rightsized"),
    ]
}

fn outcomes(setups: &[Setup], hours: &[Hour]) -> Vec<Outcome> {
    let mut replay = Replay::new(setups.to_vec());
    hours.iter().for_each(|hour| replay.advance(hour));
    replay.finish().into_iter().map(|(outcome, _)| outcome).collect()
}

fn usd(outcome: &Outcome, setup: &Setup) -> f64 {
    compute_cost(outcome, setup).unwrap().into_iter().map(|cost| cost.usd()).sum()
}

#[test]
fn half_an_hour_without_samples_in_four_days_changes_no_cost_by_a_per_mille() {
    let whole = pods_of(20, 96, &[(2000, 12_000)]);
    let gap: Vec<Hour> =
        (0..).zip(&whole).map(|(h, hour)| hushed(hour, &mut |_, k| h == 30 && (3..9).contains(&k))).collect();
    let setups = scenarios();
    for ((setup, whole), gap) in setups.iter().zip(outcomes(&setups, &whole)).zip(outcomes(&setups, &gap)) {
        let (whole_usd, gap_usd) = (usd(&whole, setup), usd(&gap, setup));
        assert!((gap_usd - whole_usd).abs() <= 1e-3 * whole_usd, "{}: {whole_usd} became {gap_usd}", setup.id);
        assert_eq!((whole.hosts.over_cpu, whole.hosts.over_memory), (gap.hosts.over_cpu, gap.hosts.over_memory));
    }
}

/// A cluster in which nothing comes or goes, with an hour silent everywhere; and the same without that hour.
fn silent_and_missing(at: usize) -> (Vec<Hour>, Vec<Hour>) {
    let mut trace = Trace::new(11, 300, 2);
    (trace.churn, trace.jobs) = (0.0, 0.0);
    let whole = trace.hours(60);
    let silent = whole.iter().enumerate().map(|(h, hour)| hushed(hour, &mut |_, _| h == at)).collect();
    let missing = whole.into_iter().enumerate().filter(|(h, _)| *h != at).map(|(_, hour)| hour).collect();
    (silent, missing)
}

#[test]
fn an_hour_that_is_silent_everywhere_is_as_if_it_were_not_there() {
    let at = 40;
    let (silent, missing) = silent_and_missing(at);
    // Requests are renewed by the day, which the hour is a part of.
    let setups: Vec<Setup> = scenarios().into_iter().filter(|setup| setup.requests == Requests::AsTheyAre).collect();
    for (silent, missing) in outcomes(&setups, &silent).into_iter().zip(outcomes(&setups, &missing)) {
        let id = &silent.id;
        let start = EPOCH + at as i64 * HOUR_SECONDS;
        let others: Vec<HourBilled> = silent.hours.iter().filter(|hour| hour.start != start).cloned().collect();
        assert_eq!(others, missing.hours, "{id}");
        let told = |risk: &Risk| Risk { silent: 0, worst: risk.worst.map(|worst| Worst { at: 0, ..worst }), ..*risk };
        assert_eq!(told(&silent.machines), told(&missing.machines), "{id}");
        assert_eq!(told(&silent.hosts), told(&missing.hosts), "{id}");
        let machines = silent.series[at * SLOTS].nodes + silent.series[at * SLOTS].evms;
        assert_eq!(silent.machines.silent, u64::from(machines) * SLOTS as u64, "{id}");
        assert_eq!(silent.motion, missing.motion, "{id}");
    }
}

#[test]
fn a_silent_container_beside_a_sidecar_is_not_zero() {
    // Silent for four hours, while no other of its class tells anything: by its last hour first, then by the day before.
    let hours: Vec<Hour> = (0..)
        .zip(&pods_of(1, 30, &[(8000, 40_000), (10, 100)]))
        .map(|(h, hour)| hushed(hour, &mut |row, _| h >= 26 && row == 0))
        .collect();
    for outcome in outcomes(&scenarios()[..2], &hours) {
        for point in &outcome.series[26 * SLOTS..] {
            assert_eq!((point.cpu_millicores, point.memory_mib), (8010, 40_100), "{}", outcome.id);
        }
    }
}

#[test]
fn what_is_imputed_stays_in_no_memory_no_history_and_no_risk() {
    // In its first hour the pod tells nothing, so what it requests stands in; after that it uses a fifth of it.
    let hours: Vec<Hour> =
        (0..).zip(&pods_of(1, 6, &[(2000, 12_000)])).map(|(h, hour)| hushed(hour, &mut |_, _| h == 0)).collect();
    let mut setup = emp("emp");
    setup.warm_up_seconds = 0;
    let outcome = outcomes(&[setup], &hours).remove(0);
    let memory: Vec<u64> = outcome.series.iter().map(|point| point.memory_mib).collect();
    assert_eq!(memory[0] - memory[SLOTS], 54_000 - 12_000, "{memory:?}");
    assert!(memory[SLOTS..].iter().all(|mib| *mib == memory[SLOTS]), "{memory:?}");
    for risk in [outcome.machines, outcome.hosts] {
        assert_eq!((risk.silent, risk.slots), (12, 60));
        assert!(risk.worst.unwrap().at >= HOUR_SECONDS);
    }
}

#[test]
fn a_machine_that_is_silent_leaves_risk_and_the_others_stay() {
    // Two pods on two nodes, and one of them is silent for four slots.
    let hours: Vec<Hour> = (0..)
        .zip(&pods_of(2, 3, &[(2000, 12_000)]))
        .map(|(h, hour)| hushed(hour, &mut |row, k| h == 1 && row == 0 && k < 4))
        .collect();
    let mut setup = scenarios().remove(0);
    setup.warm_up_seconds = 0;
    let outcome = outcomes(&[setup], &hours).remove(0);
    assert_eq!((outcome.machines.silent, outcome.machines.slots), (4, 2 * 36 - 4));
    let total = outcome.imputed.total();
    assert_eq!(total.cpu_share(), Some(4.0 / 72.0));
    assert_eq!(total.memory_share(), Some(4.0 / 72.0));
}

#[test]
fn samples_removed_at_random_move_a_month_by_no_more_than_their_share_and_one_machine() {
    let share = 0.05;
    let whole = Trace::new(17, 220, 1).hours(96);
    let setups = scenarios();
    let known = outcomes(&setups, &whole);
    let today = usd(&known[0], &setups[0]);
    let host = m5_metal().price.unwrap().usd_per_hour() * 96.0;
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let thinned: Vec<Hour> = whole.iter().map(|hour| hushed(hour, &mut |_, _| rng.f64() < share)).collect();
        for ((setup, known), thinned) in setups.iter().zip(&known).zip(outcomes(&setups, &thinned)) {
            let machine = if setup.pool.is_some() { host } else { 32.0 * 0.063 * 96.0 };
            let (before, after) = (usd(known, setup), usd(&thinned, setup));
            let most = share * today + machine;
            assert!(
                (after - before).abs() <= most,
                "{} seed {seed}: {before} became {after}, by more than {most}",
                setup.id
            );
        }
    }
}
