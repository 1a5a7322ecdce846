//! What each side may tune: EC2 its policy, the pool its ratios; as many variants on either.
//!
//! Variants are tried on the first week, the best few on all hours that serve choices, and the best of these replaces the
//! default only where it is clearly cheaper there and holds every limit that machines kept warm cannot mend.

use replay::placement::Score;
use replay::{Base, Buy, Consolidation, Ec2, Requests, Setup};

/// Variants a side may try.
pub(crate) const MOST: usize = 12;
/// Of these, how many are tried on all hours that serve choices.
pub(crate) const FINALISTS: usize = 4;
/// What a variant costs at the most of the default, on the hours that choices are made on, to replace it.
pub(crate) const CLEARLY_CHEAPER: f64 = 0.98;

/// Overcommit ratios tried, memory then CPU. The documented pair is the default itself.
const RATIOS: [(f64, f64); MOST] = [
    (1.0, 2.0),
    (1.25, 2.0),
    (1.25, 3.0),
    (1.5, 2.0),
    (1.5, 3.0),
    (1.5, 5.0),
    (2.0, 3.0),
    (2.0, 5.0),
    (2.0, 8.0),
    (2.5, 3.0),
    (2.5, 5.0),
    (2.5, 8.0),
];

/// Sizes of the largest machine bought, as multiples of the largest that may be.
const SIZES: [f64; 3] = [1.0, 0.5, 0.25];

/// The policies of EC2 that are tried, today's first: its machine types and its consolidation.
pub(crate) fn ec2(base: &Base, id: &str, requests: Requests) -> Vec<Setup> {
    let today = base.today_replayed().ec2;
    let repacked = base.repacked().ec2;
    let drain = repacked.consolidation;
    let mut policies = vec![today.clone(), Ec2 { consolidation: drain, ..today.clone() }];
    policies.push(Ec2 { score: Score::MostAllocated, consolidation: drain, ..today });
    for size in SIZES {
        let types = base.no_larger_than(size);
        if types.is_empty() || policies.iter().any(|policy| policy.types == types && policy.buy == Buy::Cheapest) {
            continue;
        }
        for consolidation in [drain, Consolidation::EmptyOnly] {
            for score in [Score::LeastAllocated, Score::MostAllocated] {
                policies.push(Ec2 { types: types.clone(), score, consolidation, ..repacked.clone() });
            }
        }
    }
    policies.truncate(MOST);
    policies.into_iter().map(|policy| base.ec2_by(id, policy, requests)).collect()
}

/// The ratios that are tried on a pool.
pub(crate) fn pools(documented: &Setup, id: &str) -> Vec<Setup> {
    let with = |(memory, cpu): (f64, f64)| {
        let mut setup = documented.clone();
        id.clone_into(&mut setup.id);
        if let Some(pool) = &mut setup.pool {
            (pool.memory_overcommit, pool.cpu_overcommit) = (memory, cpu);
        }
        setup
    };
    RATIOS.into_iter().map(with).collect()
}
