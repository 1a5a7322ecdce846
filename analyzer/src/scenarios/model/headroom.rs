//! Waiting that can be bought off: how many machines a scenario keeps warm, and for how long empty ones.
//!
//! The cheapest level that holds every limit, and whose next level up holds too, is part of the scenario's cost. More
//! headroom can let a pod wait longer, since placements change; so a level that holds by luck is not taken. Levels are
//! tried from the lowest on, as far as that takes, for the scenario of each side that saves most; for the next one only
//! where none holds for the first.

use replay::{Check, Headroom, Limits, Setup, WAITING, holds, judge};
use types::NanoUsd;
use types::analysis::{Limit, ScenarioId};

use super::passes::{Passes, Setups};
use super::replayed::Replayed;
use super::selection::Selector;
use super::spares::with_spares;
use crate::read::error::AnalyzeError;

/// Scenarios on each side that headroom is tried for at the most.
const TRIED: usize = 2;

/// Scenarios on EC2, those on a pool, and what was tried for them.
pub(super) type WithHeadroom = (Vec<Replayed>, Vec<Replayed>, Vec<Ladder>);

/// Levels beyond the default.
fn levels() -> impl Iterator<Item = Headroom> {
    Headroom::LEVELS.into_iter().skip(1)
}

/// The first level that holds and whose next holds too; `None` where there is none, or what was tried does not tell yet.
/// `held` is of the lowest levels, from the default on.
fn first_sure(held: &[bool]) -> Option<usize> {
    let next_holds = |at: usize| at + 1 == Headroom::LEVELS.len() || held.get(at + 1).copied().unwrap_or_default();
    held.iter().enumerate().position(|(at, holds)| *holds && next_holds(at))
}

/// One side under way.
struct Climb {
    /// Scenarios still to be tried, the one that saves most last.
    left: Vec<Replayed>,
    now: Option<Ladder>,
    done: Vec<Ladder>,
}

impl Climb {
    fn of(mut ranked: Vec<Replayed>) -> Self {
        ranked.reverse();
        let mut climb = Self { left: ranked, now: None, done: Vec::new() };
        climb.begin();
        climb
    }

    fn begin(&mut self) {
        self.now = self.left.pop().map(|base| Ladder { base, levels: Vec::new(), chosen: None });
    }

    /// The next levels to be replayed: two at a time, one where the level before holds and only needs to be confirmed.
    fn wanted(&self, holds: &dyn Fn(&Replayed) -> bool) -> Setups {
        let Some(ladder) = &self.now else { return Vec::new() };
        let n = if holds(ladder.levels.last().unwrap_or(&ladder.base)) { 1 } else { 2 };
        let base = &ladder.base;
        let setup = |headroom| (Setup { headroom, ..base.setup.clone() }, base.host.clone());
        levels().skip(ladder.levels.len()).take(n).map(setup).collect()
    }

    /// Takes what came of them, and goes on to the next scenario where none of all levels holds.
    fn take(&mut self, replayed: Vec<Replayed>, holds: &dyn Fn(&Replayed) -> bool) {
        let Some(mut ladder) = self.now.take() else { return };
        ladder.levels.extend(replayed);
        let held: Vec<bool> = std::iter::once(&ladder.base).chain(&ladder.levels).map(holds).collect();
        ladder.chosen = first_sure(&held);
        if ladder.chosen.is_none() && ladder.levels.len() < levels().count() {
            self.now = Some(ladder);
            return;
        }
        let found = ladder.chosen.is_some();
        self.done.push(ladder);
        if !found {
            self.begin();
        }
    }
}

impl Passes<'_, '_, '_> {
    /// Gives each scenario that could be recommended the headroom it needs.
    pub(super) async fn headroom(
        &mut self,
        mut on_ec2: Vec<Replayed>,
        mut on_emp: Vec<Replayed>,
        selector: &Selector<'_>,
    ) -> Result<WithHeadroom, AnalyzeError> {
        let Some(today) = on_ec2.first().cloned() else { return Ok((on_ec2, on_emp, Vec::new())) };
        let limits = self.limits;
        let fits = |replayed: &Replayed| holds(&checks_with_spares(replayed, &today, &limits), &[]);
        let mut sides = [&on_ec2, &on_emp].map(|side| Climb::of(self.worth_headroom(side, &today)));
        loop {
            let wanted = sides.each_ref().map(|side| side.wanted(&fits));
            let sizes = wanted.each_ref().map(Vec::len);
            if sizes == [0, 0] {
                break;
            }
            let all = self.source.all();
            let mut replayed = self.pass(wanted.into_iter().flatten().collect(), all, selector).await?.into_iter();
            for (side, n) in sides.iter_mut().zip(sizes) {
                let of_side: Vec<Replayed> = replayed.by_ref().take(n).collect();
                side.take(of_side, &fits);
            }
        }
        let ladders: Vec<Ladder> = sides.into_iter().flat_map(|side| side.done).collect();
        for level in ladders.iter().filter_map(Ladder::level) {
            let place = on_ec2.iter_mut().chain(&mut on_emp).find(|other| other.setup.id == level.setup.id);
            place.into_iter().for_each(|place| place.clone_from(level));
        }
        Ok((on_ec2, on_emp, ladders))
    }

    /// Those that save most and break nothing but what headroom can mend.
    fn worth_headroom(&self, scenarios: &[Replayed], today: &Replayed) -> Vec<Replayed> {
        let cost = |replayed: &Replayed| self.pricer.money(replayed, &replayed.reported).lines.total();
        let Some(of_today) = cost(today) else { return Vec::new() };
        let recommendable = |replayed: &&Replayed| {
            replayed
                .id()
                .is_some_and(|id| !matches!(id, ScenarioId::Ec2TodayReplayed | ScenarioId::Ec2RepackedKarpenter))
        };
        let mut ranked: Vec<(NanoUsd, usize)> = scenarios
            .iter()
            .enumerate()
            .filter(|(_, replayed)| recommendable(replayed))
            .filter(|(_, replayed)| holds(&checks_with_spares(replayed, today, &self.limits), &WAITING))
            .filter_map(|(at, replayed)| Some((cost(replayed)?, at)))
            .filter(|(cost, _)| *cost < of_today)
            .collect();
        ranked.sort_unstable();
        ranked.truncate(TRIED);
        ranked.into_iter().filter_map(|(_, at)| scenarios.get(at).cloned()).collect()
    }
}

/// The checks of a scenario on the reported hours; where spare hosts let it stand the loss of one, they are taken to be
/// there.
pub(super) fn checks_with_spares(replayed: &Replayed, today: &Replayed, limits: &Limits) -> Vec<Check> {
    let mut checks = judge(&replayed.reported, &today.reported, limits);
    if let Some(spared) = with_spares(&checks, &replayed.reported)
        && let Some(check) = checks.iter_mut().find(|check| check.limit == Limit::HostLoss)
    {
        (check.value, check.holds) = (Some(spared), true);
    }
    checks
}

/// A scenario at each level of headroom that was tried, the lowest first.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// Replay without any beyond the default.
    pub(crate) base: Replayed,
    /// Level by level, as in [`Headroom::LEVELS`](replay::Headroom::LEVELS) from the second on.
    pub(crate) levels: Vec<Replayed>,
    /// The level in force; `None` where no level holds, or none is needed.
    pub(crate) chosen: Option<usize>,
}

impl Ladder {
    /// The level in force; `None` where none holds, or none is needed.
    pub(super) fn level(&self) -> Option<&Replayed> {
        self.levels.get(self.chosen?.checked_sub(1)?)
    }

    /// The same ladder as other limits would have it chosen, of the levels that were tried.
    pub(super) fn under(&self, today: &Replayed, limits: &Limits) -> Option<usize> {
        let fits = |replayed: &Replayed| holds(&checks_with_spares(replayed, today, limits), &[]);
        let held: Vec<bool> = std::iter::once(&self.base).chain(&self.levels).map(fits).collect();
        first_sure(&held)
    }
}

#[cfg(test)]
mod tests {
    use super::first_sure;

    #[test]
    fn a_level_is_taken_once_the_next_is_known_to_hold_too() {
        for (held, expect) in [
            (&[true][..], None),
            (&[true, true], Some(0)),
            (&[true, false], None),
            (&[true, false, true, true], Some(2)),
            (&[false, false, true], None),
            (&[false, false, false, false, false, true], Some(5)),
            (&[false, true, false, true, false, false], None),
        ] {
            assert_eq!(first_sure(held), expect, "{held:?}");
        }
    }
}
