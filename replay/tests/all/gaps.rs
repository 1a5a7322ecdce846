//! Effect of silence on a result: as little as there can be.

use crate::common::*;
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
    let pod = |i: u32| service(u128::from(i) + 1, Ask { cpu_millicores: 15_000, memory_mib: 54_000 });
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
fn what_is_silent_from_the_first_hour_on_counts_at_the_use_that_is_usual() {
    // Two hours of forty tell nothing, nor does anything before them; what is requested is far more than what is used.
    let hours: Vec<Hour> =
        (0..).zip(&pods_of(2, 40, &[(2000, 12_000)])).map(|(h, hour)| hushed(hour, &mut |_, _| h < 2)).collect();
    let outcome = outcomes(&scenarios()[..1], &hours).remove(0);
    let as_requested = outcome.imputed.total();
    assert!(as_requested.cpu_share().unwrap() > 0.1, "{as_requested:?}");
    let usual = outcome.imputed.at_usual_use().total();
    for share in [usual.cpu_share(), usual.memory_share()] {
        assert!((share.unwrap() - 2.0 / 40.0).abs() < 1e-6, "{usual:?}");
    }
    // Where nothing at all is known, requests are all there is.
    let silent: Vec<Hour> =
        pods_of(2, 4, &[(2000, 12_000)]).iter().map(|hour| hushed(hour, &mut |_, _| true)).collect();
    let outcome = outcomes(&scenarios()[..1], &silent).remove(0);
    assert_eq!(outcome.imputed.at_usual_use().total().cpu_share(), Some(1.0));
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

/// An hour in which the lives of some pods are not known in some slots.
fn unknown(hour: &Hour, slots: &[usize], whose: impl Fn(&PodRow) -> bool) -> Hour {
    let bits = slots.iter().fold(0, |bits, k| bits | 1 << k);
    let pods = hour.pods().iter().map(|row| PodRow { unknown_slots: if whose(row) { bits } else { 0 }, ..*row });
    Hour::new(hour.start(), pods.collect(), hour.containers().to_vec(), hour.nodes().to_vec()).unwrap()
}

const ALL: [usize; SLOTS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[test]
fn an_hour_of_which_nothing_is_known_is_as_if_it_were_missing() {
    let hours = Trace::new(17, 300, 2).hours(40);
    let frozen: Vec<Hour> = (0..)
        .zip(&hours)
        .map(|(h, hour)| if h == 30 || h == 31 { unknown(hour, &ALL, |_| true) } else { hour.clone() })
        .collect();
    let missing: Vec<Hour> =
        (0..).zip(&hours).filter(|(h, _)| *h != 30 && *h != 31).map(|(_, hour)| hour.clone()).collect();
    let setups = scenarios();
    for (frozen, missing) in outcomes(&setups, &frozen).into_iter().zip(outcomes(&setups, &missing)) {
        let seconds = |h: i64, zone: u16| Frozen { start: EPOCH + h * HOUR_SECONDS, zone, seconds: 3600 };
        assert_eq!(frozen.frozen, [seconds(30, 0), seconds(30, 1), seconds(31, 0), seconds(31, 1)]);
        assert_eq!(Outcome { frozen: vec![], ..frozen }, missing);
    }
}

#[test]
fn of_a_frozen_slot_nothing_counts_whatever_rows_say_of_it() {
    let hours = Trace::new(18, 300, 2).hours(36);
    // Pods that start or end in slots 4 to 6 of hour 20 do so at other seconds of them, and use ten times as much.
    let moved = |second: u16| if (1200..2100).contains(&second) { 1201 + (second * 7) % 890 } else { second };
    let garbled = |hour: &Hour| {
        let pods = hour.pods().iter().map(|row| {
            let to = if row.alive_to < 3600 { moved(row.alive_to) } else { 3600 };
            PodRow { alive_from: moved(row.alive_from).min(to), alive_to: to, ..*row }
        });
        let containers = hour.containers().iter().map(|row| {
            let times_ten = |lane: Lane| {
                Lane(std::array::from_fn(|k| match lane.0[k] {
                    UNKNOWN => UNKNOWN,
                    value if (4..7).contains(&k) => 10 * value,
                    value => value,
                }))
            };
            ContainerRow {
                cpu_mean_millicores: times_ten(row.cpu_mean_millicores),
                memory_max_mib: times_ten(row.memory_max_mib),
                ..*row
            }
        });
        Hour::new(hour.start(), pods.collect(), containers.collect(), hour.nodes().to_vec()).unwrap()
    };
    // Only pods that do not both start and end in the slots keep their order by uid within a second.
    let lives = |row: &PodRow| !(row.alive_from >= 1200 && row.alive_to < 2100);
    let kept = |hour: &Hour| {
        let rows: Vec<usize> = (0..hour.pods().len()).filter(|row| lives(&hour.pods()[*row])).collect();
        let place = |row: u32| rows.binary_search(&(row as usize)).ok().map(|at| at as u32);
        let containers = hour.containers().iter().filter_map(|c| Some(ContainerRow { pod: place(c.pod)?, ..*c }));
        let pods = rows.iter().map(|row| hour.pods()[*row]).collect();
        Hour::new(hour.start(), pods, containers.collect(), hour.nodes().to_vec()).unwrap()
    };
    let with = |change: &dyn Fn(&Hour) -> Hour| -> Vec<Hour> {
        let hour = |(h, hour): (i64, &Hour)| {
            if h == 20 { unknown(&change(&kept(hour)), &[4, 5, 6], |_| true) } else { hour.clone() }
        };
        (0..).zip(&hours).map(hour).collect()
    };
    let setups: Vec<Setup> = scenarios().into_iter().map(|setup| Setup { warm_up_seconds: 0, ..setup }).collect();
    let (plain, garbled) = (outcomes(&setups, &with(&Hour::clone)), outcomes(&setups, &with(&garbled)));
    for ((plain, garbled), setup) in plain.iter().zip(&garbled).zip(&setups) {
        assert_eq!(plain, garbled, "{}", setup.id);
        // Nothing was served, used or billed in the slots.
        let slots = &plain.series[20 * SLOTS..][..SLOTS];
        assert!((4..7).all(|k| slots[k].cpu_capacity_millicores == 0 && slots[k].pods > 0), "{}", setup.id);
        assert!(plain.groups.iter().all(|group| group.served[20][4..7].iter().all(|served| served.pods == 0)));
        let bound = lower_bound(plain, setup, Grain::Slot).unwrap().hours;
        assert!(bound.iter().zip(compute_cost(plain, setup).unwrap()).all(|(bound, cost)| *bound <= cost));
        let service = &plain.service;
        assert_eq!(service.served_seconds + service.unserved_seconds, service.asked_seconds);
    }
}

#[test]
fn a_frozen_zone_is_not_billed_and_others_go_on() {
    let hours = pods_of(24, 30, &[(2000, 12_000)]);
    let zones = |hour: &Hour| {
        let pods = hour.pods().iter().map(|row| PodRow { zone: (row.uid % 2) as u16, ..*row }).collect();
        Hour::new(hour.start(), pods, hour.containers().to_vec(), vec![]).unwrap()
    };
    let frozen = |(h, hour): (i64, &Hour)| {
        let hour = zones(hour);
        if h == 25 { unknown(&hour, &[0, 5, 11], |row| row.zone == 1) } else { hour }
    };
    let (plain, some): (Vec<Hour>, Vec<Hour>) =
        (hours.iter().map(zones).collect(), (0..).zip(&hours).map(frozen).collect());
    let setups = scenarios();
    for ((setup, plain), some) in setups.iter().zip(outcomes(&setups, &plain)).zip(outcomes(&setups, &some)) {
        assert_eq!(some.frozen, [Frozen { start: EPOCH + 25 * HOUR_SECONDS, zone: 1, seconds: 900 }]);
        let usd = |outcome: &Outcome, h: usize| compute_cost(outcome, setup).unwrap()[h].usd();
        // Half of all machines go unbilled for a quarter of the hour, and nothing else is different.
        assert!((usd(&some, 25) / usd(&plain, 25) - 0.875).abs() < 1e-9, "{}: {}", setup.id, usd(&some, 25));
        assert!((0..30).filter(|h| *h != 25).all(|h| some.hours[h] == plain.hours[h]), "{}", setup.id);
        assert_eq!(some.service.asked_seconds, plain.service.asked_seconds - 12 * 900);
        assert_eq!((some.waiting(), some.evictions.pods), (plain.waiting(), plain.evictions.pods));
    }
}

#[test]
fn a_zone_is_frozen_where_lives_of_over_half_of_its_requests_are_unknown() {
    let hours = pods_of(5, 2, &[(2000, 12_000)]);
    let of = |unknown_pods: u128| {
        let hour = |(h, hour): (i64, &Hour)| {
            if h == 1 { unknown(hour, &[3], |row| row.uid <= unknown_pods) } else { hour.clone() }
        };
        outcomes(&[ec2("ec2-repacked")], &(0..).zip(&hours).map(hour).collect::<Vec<_>>()).remove(0).frozen.len()
    };
    assert_eq!([of(0), of(2), of(3), of(5)], [0, 0, 1, 1]);
}

#[test]
fn what_began_while_its_zone_was_frozen_finds_its_machines_and_is_no_start() {
    let plain = pods_of(4, 3, &[(2000, 12_000)]);
    let hours = |unknown_in: &[usize]| -> Vec<Hour> {
        let hour = |(h, hour): (i64, &Hour)| {
            let late = |row: &PodRow| PodRow { alive_from: if h == 1 { 1000 } else { 0 }, ..*row };
            let rows = hour.pods().iter().map(|row| if row.uid < 4 || h == 0 { *row } else { late(row) });
            let rows: Vec<PodRow> = rows.filter(|row| h > 0 || row.uid < 4).collect();
            let n = rows.len() as u32;
            let containers = hour.containers().iter().filter(|row| row.pod < n).copied().collect();
            let hour = Hour::new(hour.start(), rows, containers, vec![]).unwrap();
            if h == 1 { unknown(&hour, unknown_in, |row| row.uid < 4) } else { hour }
        };
        (0..).zip(&plain).map(hour).collect()
    };
    let setup = Setup { warm_up_seconds: 0, ..ec2("ec2-repacked") };
    let of = |unknown_in: &[usize]| outcomes(std::slice::from_ref(&setup), &hours(unknown_in)).remove(0);
    let (seen, frozen) = (of(&[]), of(&[3, 4]));
    // It starts at 1000 and waits for its node; in a zone frozen from 900 to 1500 it is there when the zone goes on.
    assert_eq!((seen.waiting().services.starts, seen.service.unserved_seconds), (1, 75));
    assert_eq!((frozen.waiting().services.starts, frozen.service.unserved_seconds), (0, 0));
    assert_eq!(frozen.service.asked_seconds, 3 * 3 * 3600 - 3 * 600 + 3600 - 1500 + 3600);
    // Frozen to the end of the hour, it comes with the next.
    let to_the_end = of(&[3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!((to_the_end.waiting().services.starts, to_the_end.service.unserved_seconds), (0, 0));
    assert_eq!(to_the_end.service.asked_seconds, 3 * 3 * 3600 - 3 * 2700 + 3600);
}
