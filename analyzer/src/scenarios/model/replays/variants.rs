//! Variants that each side may tune: EC2 its policy, the pool its ratios; as many variants on either.
//!
//! EC2 varies the largest machine it buys, whether machines are drained, and how the scheduler scores; today's types and
//! policy, and the default, are always among what is weighed. A pool varies its two ratios.

use replay::placement::Score;
use replay::{Base, Buy, Consolidation, Ec2, Requests, Setup};

/// Variants a side may weigh, today's policy and the default among them.
pub(crate) const MOST: usize = 12;
/// The same with right-sized requests, which are a second choice of the same kind.
pub(crate) const MOST_SIZED: usize = 8;
/// Of these, how many are tried on all hours that serve choices, the default among them.
pub(crate) const FINALISTS: usize = 4;
/// The same with right-sized requests.
pub(crate) const FINALISTS_SIZED: usize = 3;
/// What a variant costs at the most of the default, on the hours that choices are made on, to replace it.
pub(crate) const CLEARLY_CHEAPER: f64 = 0.98;

/// Overcommit ratios tried beside the pair assumed, memory then CPU: what is likeliest to be chosen first.
const RATIOS: [(f64, f64); MOST] = [
    (2.0, 3.0),
    (1.25, 3.0),
    (1.5, 2.0),
    (1.5, 5.0),
    (2.0, 5.0),
    (1.0, 2.0),
    (2.5, 5.0),
    (1.5, 3.0),
    (1.25, 2.0),
    (2.0, 8.0),
    (2.5, 3.0),
    (2.5, 8.0),
];

/// Rule by which machines that are not needed go away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drain {
    UnderUsed,
    Empty,
}

/// Policies tried beside the default: the largest machine as a share of the largest that may be, how machines go, and the
/// score; what is likeliest to be chosen first.
const POLICIES: [(f64, Drain, Score); 11] = [
    (1.0, Drain::UnderUsed, Score::MostAllocated),
    (0.5, Drain::UnderUsed, Score::MostAllocated),
    (0.5, Drain::UnderUsed, Score::LeastAllocated),
    (1.0, Drain::Empty, Score::MostAllocated),
    (0.25, Drain::UnderUsed, Score::MostAllocated),
    (0.25, Drain::UnderUsed, Score::LeastAllocated),
    (0.5, Drain::Empty, Score::MostAllocated),
    (1.0, Drain::Empty, Score::LeastAllocated),
    (0.25, Drain::Empty, Score::MostAllocated),
    (0.5, Drain::Empty, Score::LeastAllocated),
    (0.25, Drain::Empty, Score::LeastAllocated),
];

/// The policies of EC2 that are weighed, so many at most: today's first, the default second.
pub(crate) fn ec2(base: &Base, id: &str, requests: Requests, most: usize) -> Vec<Setup> {
    let today = base.today_replayed().ec2;
    let repacked = base.repacked().ec2;
    let drain = repacked.consolidation;
    let mut policies = vec![today.clone(), repacked.clone()];
    policies.push(Ec2 { score: Score::MostAllocated, consolidation: drain, ..today });
    for (size, how, score) in POLICIES {
        let types = base.no_larger_than(size);
        let consolidation = match how {
            Drain::UnderUsed => drain,
            Drain::Empty => Consolidation::EmptyOnly,
        };
        let policy = Ec2 { types, score, consolidation, ..repacked.clone() };
        // Where no cap is in force, sizes are all one.
        let buys = !policy.types.is_empty() || policy.buy == Buy::AsObserved;
        if buys && !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    policies.truncate(most);
    policies.into_iter().map(|policy| base.ec2_by(id, policy, requests)).collect()
}

/// The ratios that are weighed on a pool, so many at most, the pair assumed first.
pub(crate) fn pools(assumed: &Setup, most: usize) -> Vec<Setup> {
    let with = |(memory, cpu): (f64, f64)| {
        let mut setup = assumed.clone();
        if let Some(pool) = &mut setup.pool {
            (pool.memory_overcommit, pool.cpu_overcommit) = (memory, cpu);
        }
        setup
    };
    let mut setups = vec![assumed.clone()];
    setups.extend(RATIOS.into_iter().map(with).filter(|setup| setup != assumed));
    setups.truncate(most);
    setups
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use replay::{Ask, Assumptions, Catalog, EvictionLimits, HostType, MachineType, Pool};

    fn base() -> Base {
        let machine = |name: &str, vcpu: u32| MachineType {
            name: name.to_owned(),
            platform: 0,
            vcpu,
            memory_mib: 4096 * vcpu,
            allocatable_millicores: 1000 * vcpu - 100,
            allocatable_mib: 4096 * vcpu - 1000,
            max_pods: 100,
            max_volumes: 26,
            price: types::UsdPerHour::try_new(f64::from(vcpu) * 0.048).ok(),
        };
        let machines = vec![machine("a", 2), machine("b", 4), machine("c", 8), machine("d", 16)];
        Base {
            catalog: Arc::new(Catalog { machines }),
            ec2_types: vec![0, 1, 2, 3],
            daemons: Ask::default(),
            daemon_pods: 0,
            zones: Vec::new(),
            spot: Vec::new(),
            largest: Some((16, 65_536)),
            evictions: EvictionLimits::OPEN,
            karpenter: false,
            most_pods: u32::MAX,
            assumptions: Assumptions::default(),
        }
    }

    #[test]
    fn both_sides_weigh_as_many_and_todays_policy_and_the_default_are_always_among_them() {
        let base = base();
        for most in [MOST, MOST_SIZED] {
            let ec2 = ec2(&base, "ec2-tuned", Requests::AsTheyAre, most);
            assert_eq!(ec2.len(), most);
            assert!(ec2.iter().any(|setup| setup.ec2 == base.today_replayed().ec2));
            assert!(ec2.iter().any(|setup| setup.ec2 == base.repacked().ec2));
            for (n, setup) in ec2.iter().enumerate() {
                assert!(!ec2[..n].iter().any(|other| other.ec2 == setup.ec2), "{setup:?} is there twice");
                assert!(setup.id == "ec2-tuned" && !setup.ec2.types.is_empty());
            }
            for score in [Score::LeastAllocated, Score::MostAllocated] {
                let drains = |setup: &&Setup| matches!(setup.ec2.consolidation, Consolidation::Drain { .. });
                let buys = || ec2.iter().filter(|setup| setup.ec2.buy == Buy::Cheapest && setup.ec2.score == score);
                assert!(buys().any(|setup| drains(&setup)));
            }
            let host = HostType {
                name: "d.metal".to_owned(),
                threads: 32,
                memory_mib: 131_072,
                max_attachments: 20,
                max_ips: 200,
                price: None,
            };
            let mut assumed = base.emp(&host, &[0, 1, 2, 3]);
            assert_eq!(pools(&assumed, most).len(), most);
            // A pair of the user's own comes first, and takes the last one's place.
            if let Some(Pool { memory_overcommit, .. }) = &mut assumed.pool {
                *memory_overcommit = 1.7;
            }
            let own = pools(&assumed, most);
            assert_eq!((own.len(), &own[0]), (most, &assumed));
        }
    }

    #[test]
    fn sizes_that_no_cap_tells_apart_are_tried_once() {
        let open = Base { largest: None, ..base() };
        let ec2 = ec2(&open, "ec2-tuned", Requests::AsTheyAre, MOST);
        assert_eq!(ec2.len(), 6, "today's two, drained or not by either score");
    }
}
