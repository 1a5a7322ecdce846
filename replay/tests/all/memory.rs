//! Laws of memory on the engine: what is short is short whatever the machines, and more memory never makes it shorter.

use std::sync::Arc;

use crate::common::{EPOCH, M5_4XLARGE, catalog, m5_metal, service};
use proptest::prelude::*;
use replay::*;
use types::analysis::Limit;

const HOURS: usize = 2;
const SLOTS_SEEN: usize = HOURS * 12;

/// Mean memory of each pod in each slot, in MiB.
fn pods() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0_u32..9000, SLOTS_SEEN), 1..8)
}

/// So many copies of the pods, each in a zone of its own, or all in one. Requests are small, so that one machine takes all
/// that is in a zone.
fn hours(pods: &[Vec<u32>], copies: usize, apart: bool) -> Vec<Hour> {
    let hour = |h: usize| {
        let (mut rows, mut containers) = (Vec::new(), Vec::new());
        for copy in 0..copies {
            for (n, slots) in pods.iter().enumerate() {
                let uid = (copy * 100 + n + 1) as u128;
                let zone = if apart { copy as u16 } else { 0 };
                let ask = Ask { cpu_millicores: 100, memory_mib: 100 };
                let mean: [u32; 12] = std::array::from_fn(|k| slots[h * 12 + k]);
                containers.push(ContainerRow {
                    pod: rows.len() as u32,
                    class: 0,
                    ask,
                    cpu_mean_millicores: Lane([100; 12]),
                    cpu_max_millicores: Lane([100; 12]),
                    memory_mean_mib: Lane(mean),
                    memory_max_mib: Lane(mean.map(|mib| mib + mib / 4)),
                });
                rows.push(PodRow { zone, ..service(uid, ask) });
            }
        }
        Hour::new(EPOCH + h as i64 * HOUR_SECONDS, rows, containers, vec![]).unwrap()
    };
    (0..HOURS).map(hour).collect()
}

/// Machines of one type with so much memory, risk counted from the first second; under elastic VMs of the usual size where
/// there is a host.
fn setup(memory_mib: u32, host_mib: Option<u32>) -> Setup {
    let mut catalog = (*catalog()).clone();
    let kind = &mut catalog.machines[M5_4XLARGE as usize];
    (kind.memory_mib, kind.allocatable_mib) = (memory_mib, memory_mib);
    let catalog = Arc::new(catalog);
    let mut setup = Setup::new("of-memory", catalog.clone());
    setup.ec2.types = vec![M5_4XLARGE];
    setup.ec2.buy = Buy::AsObserved;
    setup.ec2.consolidation = Consolidation::Never;
    setup.warm_up_seconds = 0;
    setup.pool = host_mib.map(|memory_mib| {
        let host = HostType { memory_mib, ..m5_metal() };
        Pool { memory_overcommit: 9.0, ..Pool::new(host, &catalog, &[M5_4XLARGE]) }
    });
    setup
}

fn outcome(setup: Setup, hours: &[Hour]) -> Outcome {
    let mut replay = Replay::new(vec![setup]);
    hours.iter().for_each(|hour| replay.advance(hour));
    replay.finish().remove(0).0
}

fn of_memory(outcome: &Outcome) -> Vec<Check> {
    let checks = judge(outcome, &Outcome::default(), &Assumptions::default().limits());
    checks.into_iter().filter(|c| [Limit::MemoryOverMean, Limit::MemoryOverMax].contains(&c.limit)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equal_demand_and_equal_loss_of_memory_are_judged_alike_whatever_the_machines(
        pods in pods(), copies in 2_usize..5, mib in 8_000_u32..40_000,
    ) {
        let small = outcome(setup(mib, None), &hours(&pods, copies, true));
        let large = outcome(setup(mib * copies as u32, None), &hours(&pods, copies, false));
        let nodes = |outcome: &Outcome| outcome.series.iter().map(|point| point.nodes as usize).max();
        prop_assert_eq!((nodes(&small), nodes(&large)), (Some(copies), Some(1)));
        prop_assert_eq!(small.machines.pods_mib, large.machines.pods_mib);
        prop_assert_eq!(small.machines.over_mib_seconds, large.machines.over_mib_seconds);
        // One slot alone is chance on one machine, and as many on each of several are not (MODEL.md, section 7).
        prop_assume!(large.machines.over_memory_mean != 1);
        prop_assert_eq!(of_memory(&small), of_memory(&large));
    }

    #[test]
    fn more_memory_never_puts_more_of_it_over_capacity(
        pods in pods(), mib in 8_000_u32..40_000, more in 1_u32..30_000, on_hosts in any::<bool>(),
    ) {
        let hours = hours(&pods, 2, true);
        let of = |mib: u32| {
            // An elastic VM holds what its pods use; its host has so much.
            let setup = if on_hosts { setup(80_000, Some(mib + 20_000)) } else { setup(mib, None) };
            outcome(setup, &hours)
        };
        let (less, more) = (of(mib), of(mib + more));
        let machines = |outcome: &Outcome| (outcome.machines.slots, outcome.hosts.slots);
        prop_assert_eq!(machines(&less), machines(&more));
        prop_assert_eq!(less.hosts.slots > 0, on_hosts);
        let over = |risk: fn(&Risk) -> u64| (risk(&less.machines) + risk(&less.hosts), risk(&more.machines) + risk(&more.hosts));
        for risk in [
            |risk: &Risk| risk.pods_mib_over,
            |risk: &Risk| risk.pods_mib_over_mean,
            |risk: &Risk| risk.over_mib_seconds,
            |risk: &Risk| risk.over_memory,
        ] {
            let (less, more) = over(risk);
            prop_assert!(more <= less, "{more} over with more memory, {less} with less");
        }
        for (less, more) in of_memory(&less).iter().zip(of_memory(&more)) {
            prop_assert!(more.value <= less.value && (more.holds || !less.holds), "{less:?} {more:?}");
        }
    }
}
