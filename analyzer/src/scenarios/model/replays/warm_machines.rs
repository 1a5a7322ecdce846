//! Waiting that can be bought off: how many machines a scenario keeps warm, and for how long empty ones.
//!
//! The cheapest level that holds every limit, and whose next level up holds too, is part of the scenario's cost. More
//! headroom can let a pod wait longer, since placements change; so a level that holds by luck is not taken. Levels are
//! tried from the lowest on, until one holds and the next is dearer (two small warm machines may cost less than empty
//! ones kept for hours), for the scenario of each side that saves most; for the next one only where none holds for the
//! first.

use replay::{Check, Headroom, Limits, Setup, WAITING, holds, judge};
use types::NanoUsd;
use types::analysis::{LEAST_SAVING_FRACTION, Limit, ScenarioId};

use crate::read::error::AnalyzeError;
use crate::scenarios::model::costs::spare_hosts::{lines_with_spares, with_spares};
use crate::scenarios::model::replays::replay_passes::{MOST_REPLAYS, Passes, Setups};
use crate::scenarios::model::runs::pod_selection::Selector;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::units::nanos;

/// Scenarios on each side that headroom is tried for at the most.
const TRIED: usize = 2;
/// Replays of the window that steps to a pool and bars come to, for which room is left.
const RESERVED: f64 = 10.0;

/// Scenarios on EC2, those on a pool, and what was tried for them.
pub(crate) type WithHeadroom = (Vec<Replayed>, Vec<Replayed>, Vec<Ladder>);

/// Levels at which more is kept than `base` keeps, the lowest first.
pub(crate) fn levels_above(base: Headroom) -> impl Iterator<Item = Headroom> {
    let keeps_more = move |level: &Headroom| {
        level.warm_machines >= base.warm_machines && level.empty_seconds >= base.empty_seconds && *level != base
    };
    Headroom::LEVELS.into_iter().filter(keeps_more)
}

/// Result of one level: whether it holds every limit, and its cost; `None` where something of it has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tried {
    holds: bool,
    cost: Option<NanoUsd>,
}

impl Tried {
    fn is_cheaper_than(&self, other: &Self) -> bool {
        self.cost.zip(other.cost).is_some_and(|(own, other)| own < other)
    }
}

/// The cheapest level that holds and whose next holds too, the lowest of equals; `None` where there is none, or what was
/// tried does not tell yet. `tried` is of the lowest of so many levels, from what the scenario keeps by itself on.
fn cheapest_sure(tried: &[Tried], levels: usize) -> Option<usize> {
    let next_holds = |at: usize| at + 1 == levels || tried.get(at + 1).is_some_and(|next| next.holds);
    let sure = tried.iter().enumerate().filter(|(at, level)| level.holds && next_holds(*at));
    sure.reduce(|best, next| if next.1.is_cheaper_than(best.1) { next } else { best }).map(|(at, _)| at)
}

/// Returns true when another level may still be the one to take: none is sure, or the last one tried is cheaper.
fn is_open(tried: &[Tried], levels: usize) -> bool {
    if tried.len() >= levels {
        return false;
    }
    let sure = cheapest_sure(tried, levels).and_then(|at| tried.get(at));
    sure.is_none_or(|sure| tried.last().is_some_and(|last| last.holds && last.is_cheaper_than(sure)))
}

/// One side under way.
struct Climb {
    /// Scenarios still to be tried with their cost, the one that saves most last.
    left: Vec<(NanoUsd, Replayed)>,
    /// Difference of cost below which the one that changes less is recommended.
    near: NanoUsd,
    now: Option<Ladder>,
    done: Vec<Ladder>,
}

impl Climb {
    fn of(mut ranked: Vec<(NanoUsd, Replayed)>, near: NanoUsd) -> Self {
        ranked.reverse();
        let mut climb = Self { left: ranked, near, now: None, done: Vec::new() };
        climb.begin();
        climb
    }

    fn begin(&mut self) {
        let next = self.left.pop();
        self.now = next.map(|(_, base)| Ladder { base, levels: Vec::new(), costs: Vec::new(), chosen: None });
    }

    /// The next levels to be replayed: two at a time, one where the level before holds and only needs to be confirmed.
    fn wanted(&self, holds: &dyn Fn(&Replayed) -> bool) -> Setups {
        let Some(ladder) = &self.now else { return Vec::new() };
        let n = if holds(ladder.levels.last().unwrap_or(&ladder.base)) { 1 } else { 2 };
        let base = &ladder.base;
        let setup = |headroom| (Setup { headroom, ..base.setup.clone() }, base.host.clone());
        levels_above(base.setup.headroom).skip(ladder.levels.len()).take(n).map(setup).collect()
    }

    /// Takes what came of them, and goes on to the next scenario where none of all levels holds, or, while there is room for
    /// more replays, where the next saves nearly as much.
    fn take(
        &mut self,
        replayed: Vec<Replayed>,
        has_room: bool,
        holds: &dyn Fn(&Replayed) -> bool,
        cost: &dyn Fn(&Replayed) -> Option<NanoUsd>,
    ) {
        let Some(mut ladder) = self.now.take() else { return };
        ladder.levels.extend(replayed);
        let known = ladder.costs.len();
        let new: Vec<_> = ladder.all().skip(known).map(cost).collect();
        ladder.costs.extend(new);
        let tried = ladder.tried(holds);
        let levels = ladder.levels_there();
        ladder.chosen = cheapest_sure(&tried, levels);
        if is_open(&tried, levels) {
            self.now = Some(ladder);
            return;
        }
        let found = ladder.chosen.and_then(|at| ladder.costs.get(at).copied().flatten());
        self.done.push(ladder);
        // Between those that save nearly as much, the one that changes less is recommended, so it is tried too.
        let near = |cost: NanoUsd| self.left.last().is_some_and(|(next, _)| *next < cost + self.near);
        if found.is_none_or(|cost| has_room && near(cost)) {
            self.begin();
        }
    }
}

impl Passes<'_, '_, '_> {
    /// Gives each scenario that could be recommended the headroom it needs.
    pub(crate) async fn headroom(
        &mut self,
        mut on_ec2: Vec<Replayed>,
        mut on_emp: Vec<Replayed>,
        selector: &Selector<'_>,
    ) -> Result<WithHeadroom, AnalyzeError> {
        let Some(today) = on_ec2.first().cloned() else { return Ok((on_ec2, on_emp, Vec::new())) };
        let limits = self.limits;
        let fits = |replayed: &Replayed| fits(replayed, &today, &limits);
        let near = self.pricer.reported_cost(&today).unwrap_or_default().usd() * LEAST_SAVING_FRACTION;
        let mut sides = [&on_ec2, &on_emp].map(|side| Climb::of(self.worth_headroom(side, &today), nanos(near)));
        loop {
            let wanted = sides.each_ref().map(|side| side.wanted(&fits));
            let sizes = wanted.each_ref().map(Vec::len);
            if sizes == [0, 0] {
                break;
            }
            let all = self.source.all();
            let mut replayed = self.pass(wanted.into_iter().flatten().collect(), all, selector).await?.into_iter();
            let cost = |replayed: &Replayed| self.reported_cost(replayed, &today);
            let has_room = self.source.replays + RESERVED <= MOST_REPLAYS;
            for (side, n) in sides.iter_mut().zip(sizes) {
                let of_side: Vec<Replayed> = replayed.by_ref().take(n).collect();
                side.take(of_side, has_room, &fits, &cost);
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
    fn worth_headroom(&self, scenarios: &[Replayed], today: &Replayed) -> Vec<(NanoUsd, Replayed)> {
        let Some(of_today) = self.pricer.reported_cost(today) else { return Vec::new() };
        let recommendable = |replayed: &&Replayed| replayed.id().is_some_and(ScenarioId::may_be_recommended);
        let mut ranked: Vec<(NanoUsd, usize)> = scenarios
            .iter()
            .enumerate()
            .filter(|(_, replayed)| recommendable(replayed))
            .filter(|(_, replayed)| holds(&checks_with_spares(replayed, today, &self.limits), &WAITING))
            .filter_map(|(at, replayed)| Some((self.reported_cost(replayed, today)?, at)))
            .filter(|(cost, _)| *cost < of_today)
            .collect();
        ranked.sort_unstable();
        ranked.truncate(TRIED);
        ranked.into_iter().filter_map(|(cost, at)| Some((cost, scenarios.get(at)?.clone()))).collect()
    }

    /// Cost on the reported hours with the spare hosts that a scenario needs; `None` where something of it has no price.
    fn reported_cost(&self, replayed: &Replayed, today: &Replayed) -> Option<NanoUsd> {
        let hours = (&replayed.reported, &today.reported);
        lines_with_spares(self.pricer, &self.limits, replayed, hours).total()
    }
}

/// The checks of a scenario on the reported hours; where spare hosts let it stand the loss of one, they are taken to be
/// there.
pub(crate) fn checks_with_spares(replayed: &Replayed, today: &Replayed, limits: &Limits) -> Vec<Check> {
    let mut checks = judge(&replayed.reported, &today.reported, limits);
    if let Some(spared) = with_spares(&checks, &replayed.reported)
        && let Some(check) = checks.iter_mut().find(|check| check.limit == Limit::HostLoss)
    {
        (check.value, check.holds) = (Some(spared), true);
    }
    checks
}

/// Returns true when a scenario holds every limit on the reported hours, with the spare hosts it is priced with.
pub(crate) fn fits(replayed: &Replayed, today: &Replayed, limits: &Limits) -> bool {
    holds(&checks_with_spares(replayed, today, limits), &[])
}

/// A scenario at each level of headroom that was tried, the lowest first.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// Replay without any beyond the default.
    pub(crate) base: Replayed,
    /// Level by level, as in [`Headroom::LEVELS`](replay::Headroom::LEVELS) from the second on.
    pub(crate) levels: Vec<Replayed>,
    /// Cost of the base and of each level on the reported hours.
    costs: Vec<Option<NanoUsd>>,
    /// The level in force; `None` where no level holds, or none is needed.
    pub(crate) chosen: Option<usize>,
}

impl Ladder {
    /// The level in force; `None` where none holds, or none is needed.
    pub(crate) fn level(&self) -> Option<&Replayed> {
        self.levels.get(self.chosen?.checked_sub(1)?)
    }

    /// The same ladder as other limits would have it chosen, of the levels that were tried.
    pub(crate) fn under(&self, today: &Replayed, limits: &Limits) -> Option<usize> {
        let fits = |replayed: &Replayed| fits(replayed, today, limits);
        cheapest_sure(&self.tried(&fits), self.levels_there())
    }

    /// The lowest level that was tried and breaks a limit, else the base.
    pub(crate) fn first_that_breaks(&self, today: &Replayed, limits: &Limits) -> &Replayed {
        self.all().find(|replayed| !fits(replayed, today, limits)).unwrap_or(&self.base)
    }

    /// Levels there are, the base among them.
    fn levels_there(&self) -> usize {
        1 + levels_above(self.base.setup.headroom).count()
    }

    /// The base, then each level.
    fn all(&self) -> impl Iterator<Item = &Replayed> {
        std::iter::once(&self.base).chain(&self.levels)
    }

    fn tried(&self, holds: &dyn Fn(&Replayed) -> bool) -> Vec<Tried> {
        self.all().zip(&self.costs).map(|(replayed, cost)| Tried { holds: holds(replayed), cost: *cost }).collect()
    }
}

#[cfg(test)]
mod tests {
    use types::NanoUsd;

    use replay::Headroom;

    use super::{Tried, cheapest_sure, is_open, levels_above};

    #[test]
    fn the_cheapest_level_is_taken_once_the_next_is_known_to_hold_too() {
        // What each level costs, and whether it holds; the level taken, and whether another is tried.
        for (levels, expect) in [
            (&[(9_i128, true)][..], (None, true)),
            (&[(9, true), (10, true)], (Some(0), false)),
            (&[(9, true), (10, false)], (None, true)),
            (&[(9, true), (10, false), (11, true), (12, true)], (Some(2), false)),
            (&[(9, false), (10, false), (11, true)], (None, true)),
            (&[(9, false), (10, false), (11, false), (15, true), (12, true)], (Some(3), true)),
            (&[(9, false), (10, false), (11, false), (15, true), (12, true), (20, true)], (Some(4), false)),
            (&[(9, false), (10, false), (11, false), (15, true), (12, true), (20, false)], (Some(3), false)),
            (&[(9, false), (9, false), (9, false), (9, false), (9, false), (9, true)], (Some(5), false)),
            (&[(9, false), (9, true), (9, false), (9, true), (9, false), (9, false)], (None, false)),
        ] {
            let tried: Vec<Tried> =
                levels.iter().map(|(cost, holds)| Tried { holds: *holds, cost: Some(NanoUsd::new(*cost)) }).collect();
            let levels = Headroom::LEVELS.len();
            assert_eq!((cheapest_sure(&tried, levels), is_open(&tried, levels)), expect, "{levels:?}");
        }
        // Without prices the lowest counts.
        let unpriced = [Tried { holds: true, cost: None }; 3];
        let levels = Headroom::LEVELS.len();
        assert_eq!((cheapest_sure(&unpriced, levels), is_open(&unpriced, levels)), (Some(0), false));
        // Where nothing more can be kept, there is no next level.
        assert_eq!(cheapest_sure(&unpriced[..1], 1), Some(0));
    }

    #[test]
    fn levels_keep_more_than_the_scenario_does_by_itself() {
        let above = |warm_machines, empty_seconds| {
            let levels = levels_above(Headroom { warm_machines, empty_seconds });
            levels.map(|level| (level.warm_machines, level.empty_seconds)).collect::<Vec<_>>()
        };
        assert_eq!(above(0, 600), [(0, 3600), (1, 600), (1, 7200), (2, 3600), (4, 7200)]);
        assert_eq!(above(2, 600), [(2, 3600), (4, 7200)]);
        assert_eq!(above(4, 7200), []);
    }
}
