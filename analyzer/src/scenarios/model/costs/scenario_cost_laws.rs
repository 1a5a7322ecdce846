//! Laws of the code that makes the money, without a replay: what outcomes cost, whatever made them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use replay::{Base, EvictionLimits, HourBilled, Outcome};
use types::analysis::ExactLines;
use types::{CapacityType, ComputeType, Hour};

use crate::scenarios::model::*;
use crate::sums::hour_facts::HourFacts;
use crate::sums::node_billing::{NodeKind, NodeRow, NodeSlots};
use crate::sums::node_usage_by_owner::Ledger;

const START: i64 = 1_782_691_200;
const HOURS: i64 = 6;

fn node(hour: Hour, n: usize, instance_type: &str, os: &str, zone: &str) -> NodeRow {
    NodeRow {
        name: format!("node-{n}"),
        provider_id: format!("aws:///{zone}/i-{n}"),
        kind: NodeKind {
            instance_type: Some(instance_type.to_owned()),
            instance_type_source: "label".to_owned(),
            capacity_type: Some(if n == 2 { CapacityType::Spot } else { CapacityType::OnDemand }.to_string()),
            compute_type: ComputeType::Ec2,
            arch: Some("amd64".to_owned()),
            os: Some(os.to_owned()),
            region: Some("us-east-1".to_owned()),
            emp_owned: false,
        },
        zone: Some(zone.to_owned()),
        cpu_capacity_millicores: Some(4000),
        memory_capacity_bytes: Some(16 << 30),
        cpu_allocatable_millicores: Some(3920),
        memory_allocatable_bytes: Some(14 << 30),
        created_seconds: Some(START - 1),
        first_seen_seconds: hour.start_seconds(),
        last_seen_seconds: hour.end_seconds(),
        up_seconds: 3600,
        node_group: None,
        kubelet: None,
        root_disk_bytes: Some(50 << 30),
        fargate_provisioned: None,
        network_bytes: None,
        public_ipv4_addresses: None,
        seen: NodeSlots::default(),
    }
}

/// Nodes that can move and one that stays, in two zones.
fn observed(turned: usize, unknown: &[(i64, &str, u16)]) -> Observed {
    let first = Hour::starting_at(START).unwrap();
    let hours: Vec<Hour> = (0..HOURS).map(|n| first.plus(n)).collect();
    let mut observed = Observed::new(&hours, BTreeSet::new());
    for (n, hour) in (0..).zip(&hours) {
        let rows = [("m5.xlarge", "linux"), ("m5.xlarge", "linux"), ("r5.large", "linux"), ("m5.2xlarge", "windows")];
        let zones = ["us-east-1a", "us-east-1b", "us-east-1a", "us-east-1b"];
        let mut nodes: Vec<NodeRow> = (0..)
            .zip(rows.into_iter().zip(zones))
            .map(|(n, ((name, os), zone))| node(*hour, n, name, os, zone))
            .collect();
        nodes.rotate_left(turned % 4);
        let of_hour = unknown.iter().filter(|(at, ..)| *at == n);
        let mut facts = HourFacts { nodes, ..HourFacts::new(*hour) };
        facts.unknown = of_hour.map(|(_, zone, bits)| ((*zone).to_owned(), *bits)).collect();
        observed.take(&facts);
    }
    observed.end(&Ledger::default().workloads);
    observed
}

fn book() -> PriceBook {
    let commitment = "[[commitment]]\nname = \"half\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 0.3\n\
                      discount_fraction = 0.3\nexpires = \"2027-01-01\"\n\
                      [[commitment]]\nname = \"later\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 0.1\n\
                      discount_fraction = 0.2\nexpires = \"2028-01-01\"";
    PriceBook::catalog().unwrap().with_user_toml(commitment).unwrap()
}

/// What a test does with a pricer, its kinds of machines, and a scenario whose outcomes it prices.
fn with_pricer<R>(turned: usize, unknown: &[(i64, &str, u16)], test: impl FnOnce(&Pricer<'_>, &Replayed) -> R) -> R {
    let (book, assumptions) = (book(), Assumptions::default());
    let observed = observed(turned, unknown);
    let bill = Bill::new(&observed, &Ledger::default(), &book, &assumptions);
    let machines = Machines::new(observed.nodes.keys(), "us-east-1", &book, &assumptions);
    let pricer = Pricer::new(&observed, &bill, &book, &machines, &assumptions);
    let base = Base {
        catalog: machines.catalog.clone(),
        ec2_types: machines.ec2_types.clone(),
        daemons: replay::Ask::default(),
        daemon_pods: 0,
        zones: Vec::new(),
        spot: Vec::new(),
        largest: None,
        evictions: EvictionLimits::OPEN,
        karpenter: false,
        most_pods: u32::MAX,
        assumptions: assumptions.replay,
    };
    let host = pricer.usual_host(&machines).cloned();
    let setup = host.as_ref().map_or_else(|| base.repacked(), |host| base.emp(&host.host, &host.family));
    let empty = Outcome::default();
    let of = Replayed { setup, whole: empty.clone(), before: empty.clone(), reported: empty, host };
    test(&pricer, &of)
}

/// Seconds of machines of some kinds, hour by hour.
fn outcome(seconds: &[Vec<u32>]) -> Outcome {
    let of_hour = |(n, kinds): (i64, &Vec<u32>)| HourBilled {
        start: START + 3600 * n,
        node_seconds: (0..).zip(kinds).map(|(kind, seconds)| (kind, u64::from(*seconds))).collect(),
        evm_seconds: kinds.first().map(|seconds| (0, u64::from(*seconds) / 2)).into_iter().collect(),
        host_seconds: kinds.last().map_or(0, |seconds| u64::from(*seconds) / 8),
        spare_host_seconds: 0,
        zone_seconds: 3600,
    };
    Outcome { hours: (0..).zip(seconds).map(of_hour).collect(), ..Outcome::default() }
}

/// The same seconds in every hour.
fn steady(kinds: &[u32]) -> Outcome {
    let hours: Vec<Vec<u32>> = (0..HOURS).map(|_| kinds.to_vec()).collect();
    outcome(&hours)
}

fn parts(outcome: &Outcome, at: usize) -> [Outcome; 2] {
    let (first, rest) = outcome.hours.split_at(at);
    [first, rest].map(|hours| Outcome { hours: hours.to_vec(), ..Outcome::default() })
}

/// The lines but the fee, which is taken once of all hours and is never less than nothing.
fn without_fee(lines: &ExactLines) -> i128 {
    ExactLines { fee: None, ..*lines }.total().unwrap().nanos()
}

fn seconds() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let of_hour = prop::collection::vec(0_u32..40_000, 4);
    prop::collection::vec(of_hour, usize::try_from(HOURS).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_two_parts_of_the_hours_cost_adds_up_to_all_of_them(seconds in seconds(), at in 0_usize..=6) {
        with_pricer(0, &[(2, "us-east-1a", 7), (2, "us-east-1b", 7)], |pricer, of| {
            let all = outcome(&seconds);
            let [first, rest] = parts(&all, at).map(|part| without_fee(&pricer.money(of, &part).lines));
            let off = first + rest - without_fee(&pricer.money(of, &all).lines);
            // Each line of each part, and each kind of machine, is rounded to a nano-dollar once.
            prop_assert!(off.abs() < 40, "{off}");
            let today = |hours| pricer.today(hours);
            let off = without_fee(&today(0..at)) + without_fee(&today(at..6)) - without_fee(&today(0..6));
            prop_assert!(off.abs() < 40, "{off} of today");
            Ok(())
        })?;
    }

    #[test]
    fn the_same_machines_cost_the_same_whatever_had_them_and_in_any_order(
        seconds in seconds(),
        turned in 0_usize..4,
        cut in 0_u32..40_000,
    ) {
        let text = |turned: usize, outcome: &Outcome, id: &str| {
            with_pricer(turned, &[], |pricer, of| {
                let mut of = of.clone();
                of.setup.id = id.to_owned();
                let money = pricer.money(&of, outcome);
                format!("{:?} {:?} {:?} {:?}", money.lines, money.hosts, money.before, money.items)
            })
        };
        let plain = outcome(&seconds);
        // The same seconds, the kinds from last to first, and those of one kind in two rows.
        let mut turned_rows = plain.clone();
        for hour in &mut turned_rows.hours {
            let split: Vec<(u32, u64)> = hour
                .node_seconds
                .iter()
                .rev()
                .flat_map(|(kind, seconds)| {
                    let part = (*seconds).min(u64::from(cut));
                    [(*kind, part), (*kind, seconds - part)]
                })
                .collect();
            hour.node_seconds = split;
        }
        prop_assert_eq!(text(0, &plain, "a"), text(turned, &turned_rows, "b"));
    }

    #[test]
    fn twice_the_machines_cost_twice_what_no_commitment_covers(seconds in seconds()) {
        with_pricer(0, &[], |pricer, of| {
            let once = outcome(&seconds);
            // Twice the seconds themselves: halves and eighths of them are whole seconds.
            let mut twice = once.clone();
            for hour in &mut twice.hours {
                hour.node_seconds.iter_mut().chain(&mut hour.evm_seconds).for_each(|(_, seconds)| *seconds *= 2);
                hour.host_seconds *= 2;
            }
            let cost = |outcome: &Outcome| pricer.money(of, outcome).compute.contracted().nanos();
            let none: Vec<Vec<u32>> = seconds.iter().map(|hour| vec![0; hour.len()]).collect();
            let as_is = cost(&outcome(&none));
            let off = cost(&twice) - as_is - 2 * (cost(&once) - as_is);
            prop_assert!(off.abs() < 40, "{off}");
            Ok(())
        })?;
    }
}

/// Elastic VMs on one host, in every hour.
fn pool() -> Outcome {
    let hours = (0..HOURS).map(|n| HourBilled {
        start: START + 3600 * n,
        evm_seconds: vec![(0, 200_000)],
        host_seconds: 3600,
        zone_seconds: 7200,
        ..HourBilled::default()
    });
    Outcome { hours: hours.collect(), ..Outcome::default() }
}

#[test]
fn once_commitments_are_gone_the_fee_is_of_what_hosts_cost_then() {
    with_pricer(0, &[], |pricer, of| {
        let now = pricer.money(of, &pool());
        let book = pricer.book().without_commitments();
        let gone = pricer.by(&book).money(of, &pool());
        assert!(gone.compute.plans.is_empty() && gone.lines.unused_commitments == Some(types::NanoUsd::ZERO));
        assert_eq!(now.before, gone.before);
        assert!(now.hosts < gone.hosts, "a commitment covers hosts, or there is nothing to see");
        let fee = |money: &super::scenario_cost::Money| {
            replay::fee(money.before.unwrap(), money.hosts, pricer.fee_fraction())
        };
        assert_eq!((now.lines.fee, gone.lines.fee), (Some(fee(&now)), Some(fee(&gone))));
        assert!(gone.lines.fee < now.lines.fee, "hosts that cost more save less, and a share of less is less");
    });
}

#[test]
fn spare_hosts_are_a_line_of_their_own_and_change_no_other_but_the_fee_and_what_stands_unused() {
    with_pricer(0, &[], |pricer, of| {
        let bare = pricer.money(of, &pool());
        let with = pricer.money(of, &super::spare_hosts::spared(&pool(), 1));
        assert_eq!(bare.lines.spare_hosts, Some(types::NanoUsd::ZERO));
        assert!(with.lines.spare_hosts.unwrap() > with.spare_hosts && with.spare_hosts > types::NanoUsd::ZERO);
        for (line, usd) in bare.lines.named() {
            let changes = ["spare_hosts", "fee", "unused_commitments"].contains(&line);
            assert!(changes || usd == with.lines.line(line), "{line}");
        }
        let items = with.items.iter().filter(|item| item.line == "spare_hosts");
        let told: Vec<(f64, f64)> = items.map(|item| (item.quantity, item.cost_usd)).collect();
        // Two zones for six hours.
        assert_eq!(told, [(12.0, with.lines.spare_hosts.unwrap().usd())]);
    });
}

#[test]
fn work_that_is_owed_costs_what_the_work_that_was_done_does() {
    with_pricer(0, &[], |pricer, of| {
        let work = |n: u64| replay::Owed { seconds: n, millicore_seconds: 250 * n, mib_seconds: 1000 * n };
        let line = |done: u64, owed: u64| {
            let mut outcome = steady(&[7200, 0, 0, 900]);
            (outcome.service.done, outcome.service.owed_batch) = (work(done), work(owed));
            pricer.money(of, &outcome).lines.work_owed
        };
        let all = line(100_000, 100_000).unwrap();
        // The scenario's own machines at contracted prices: what stays as it is does none of its work.
        let contracted = |outcome: &Outcome| pricer.money(of, outcome).compute.contracted();
        assert_eq!(all, contracted(&steady(&[7200, 0, 0, 900])) - contracted(&steady(&[0, 0, 0, 0])));
        assert!((line(100_000, 1000).unwrap().usd() * 100.0 - all.usd()).abs() < 1e-6);
        assert_eq!((line(100_000, 0), line(0, 0)), (Some(types::NanoUsd::ZERO), Some(types::NanoUsd::ZERO)));
        assert_eq!(line(0, 1000), None);
    });
}

#[test]
fn what_two_outcomes_differ_by_is_what_their_lines_differ_by() {
    with_pricer(0, &[], |pricer, of| {
        let (a, b) = (steady(&[7200, 0, 0, 900]), steady(&[0, 3600, 500, 0]));
        let (a, b) = (pricer.money(of, &a).lines, pricer.money(of, &b).lines);
        let (saved, base, lines) = a.less(&b).unwrap();
        let of_lines: i128 =
            lines.iter().map(|line| a.line(line).unwrap().nanos() - b.line(line).unwrap().nanos()).sum();
        assert_eq!((saved.nanos(), base.nanos()), (of_lines, a.total().unwrap().nanos()));
    });
}

#[test]
fn slots_of_which_nothing_is_known_are_in_no_bill_and_in_no_month() {
    let month = |unknown: &[(i64, &str, u16)]| {
        with_pricer(0, unknown, |pricer, _| {
            let month = pricer.month(0..6);
            (month.hours_present, pricer.today(0..6), month.usd(pricer.today(0..6).total().unwrap()))
        })
    };
    let (hours, lines, usd) = month(&[]);
    // Two hours of all zones, in three places.
    let all = |n: i64, bits: u16| [(n, "us-east-1a", bits), (n, "us-east-1b", bits)];
    let (known, less, same) = month(&[all(0, 0xfff), all(3, 0b11_1111), all(5, 0xfc0)].concat());
    assert_eq!((hours, known), (6.0, 4.0));
    // A commitment is paid by the hour, known or not.
    let machines = |lines: &ExactLines| lines.root_disks.unwrap().usd();
    assert!((machines(&less) - machines(&lines) * 4.0 / 6.0).abs() < 1e-6);
    assert!((usd - same).abs() < 0.2 * usd, "{usd} and {same}");
    // One of two zones that have as many nodes.
    assert!((month(&[(2, "us-east-1a", 0xfff), (2, "us-east-1b", 0)]).0 - 5.5).abs() < 1e-9);
}

#[test]
fn commitments_end_one_after_the_other() {
    with_pricer(0, &[], |pricer, of| {
        let expiries = pricer.expiries();
        assert_eq!(expiries.values().cloned().collect::<Vec<_>>(), [vec!["half".to_owned()], vec!["later".to_owned()]]);
        let outcome = steady(&[100, 0, 0, 0]);
        let plans: Vec<usize> = expiries
            .keys()
            .map(|at| {
                let book = pricer.book().once_expired(*at);
                pricer.by(&book).money(of, &outcome).compute.plans.len()
            })
            .collect();
        assert_eq!((pricer.money(of, &outcome).compute.plans.len(), plans), (2, vec![1, 0]));
    });
}
