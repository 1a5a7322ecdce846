//! Spare hosts: whether one a zone lets it stand the loss of a host, and what it adds.

use replay::{Check, Limits, Outcome, judge};
use types::analysis::{ExactLines, Limit};

use crate::scenarios::model::costs::scenario_cost::{Money, Pricer};
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// Spare hosts of each zone where a zone cannot stand the loss of a host by itself.
const SPARES: u32 = 1;

/// The share of the time a zone could not take over from a lost host though it has a spare; `None` where no spare is
/// needed, or it does not help.
pub(crate) fn with_spares(checks: &[Check], outcome: &Outcome) -> Option<f64> {
    let check = checks.iter().find(|check| check.limit == Limit::HostLoss && !check.holds)?;
    let spared = outcome.host_loss_share_with_a_spare();
    (spared <= check.allowed).then_some(spared)
}

/// Spare hosts of each zone that a scenario needs, where they help.
pub(crate) fn spares(checks: &[Check], outcome: &Outcome) -> u32 {
    with_spares(checks, outcome).map_or(0, |_| SPARES)
}

/// What is paid for of an outcome with so many spare hosts in each zone, which change what is paid and nothing that
/// happens.
pub(crate) fn spared(outcome: &Outcome, spares: u32) -> Outcome {
    let (hours, service) = (outcome.hours.clone(), outcome.service);
    let mut outcome = Outcome { hours, service, ..Outcome::default() };
    for hour in &mut outcome.hours {
        hour.spare_host_seconds += hour.zone_seconds * u64::from(spares);
    }
    outcome
}

/// Cost of a scenario over all hours it was replayed on, with so many spare hosts in each zone.
pub(crate) fn with_spare_hosts(pricer: &Pricer<'_>, replayed: &Replayed, spares: u32) -> Money {
    pricer.money(replayed, &spared(&replayed.whole, spares))
}

/// Lines of a scenario over some hours with the spare hosts that it needs there; `today` is the replay of today's machines
/// over the same hours.
pub(crate) fn lines_with_spares(
    pricer: &Pricer<'_>,
    limits: &Limits,
    replayed: &Replayed,
    (outcome, today): (&Outcome, &Outcome),
) -> ExactLines {
    let spares = spares(&judge(outcome, today, limits), outcome);
    pricer.money(replayed, &spared(outcome, spares)).lines
}
