//! Waiting that can be bought off: how many machines a scenario keeps warm, and for how long empty ones.
//!
//! The cheapest level that holds every limit, and whose next level up holds too, is part of the scenario's cost. More
//! headroom can let a pod wait longer, since placements change; so a level that holds by luck is not taken.

use replay::{Check, Headroom, Setup, WAITING, holds};
use types::NanoUsd;
use types::analysis::{Limit, ScenarioId};

use super::judged::with_spares;
use super::passes::Passes;
use super::selection::Selector;
use super::{Candidate, Ladder, Replayed};
use crate::input::AnalyzeError;

/// Scenarios on each side that headroom is tried for: those that save most.
const TRIED: usize = 2;

/// Scenarios on EC2, those on a pool, and what was tried for them.
pub(super) type WithHeadroom = (Vec<Replayed>, Vec<Replayed>, Vec<Ladder>);

/// Levels beyond the default.
fn levels() -> impl Iterator<Item = Headroom> {
    Headroom::LEVELS.into_iter().skip(1)
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
        let mut bases = self.worth_headroom(&on_ec2, &today);
        bases.extend(self.worth_headroom(&on_emp, &today));
        let mut setups: Vec<(Setup, Option<Candidate>)> = Vec::new();
        for base in &bases {
            setups.extend(levels().map(|headroom| (Setup { headroom, ..base.setup.clone() }, base.host.clone())));
        }
        let all = 0..self.source.hours.len();
        let mut replayed = self.pass(setups, all, selector).await?.into_iter();
        let mut ladders = Vec::new();
        for base in bases {
            let tried: Vec<Replayed> = replayed.by_ref().take(levels().count()).collect();
            let fits = |replayed: &Replayed| holds(&self.checks_with_spares(replayed, &today), &[]);
            let held: Vec<bool> = std::iter::once(&base).chain(&tried).map(fits).collect();
            let next_holds = |at: usize| held.get(at + 1).copied().unwrap_or(true);
            let first = held.iter().enumerate().position(|(at, holds)| *holds && next_holds(at));
            let ladder = Ladder { base, levels: tried, chosen: first };
            if let Some(level) = first.and_then(|at| ladder.levels.get(at.checked_sub(1)?)) {
                let place = on_ec2.iter_mut().chain(&mut on_emp).find(|other| other.setup.id == level.setup.id);
                place.into_iter().for_each(|place| place.clone_from(level));
            }
            ladders.push(ladder);
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
            .filter(|(_, replayed)| holds(&self.checks_with_spares(replayed, today), &WAITING))
            .filter_map(|(at, replayed)| Some((cost(replayed)?, at)))
            .filter(|(cost, _)| *cost < of_today)
            .collect();
        ranked.sort_unstable();
        ranked.truncate(TRIED);
        ranked.into_iter().filter_map(|(_, at)| scenarios.get(at).cloned()).collect()
    }

    /// The checks of a scenario on the reported hours; where spare hosts let it stand the loss of one, they are taken to be
    /// there.
    pub(super) fn checks_with_spares(&self, replayed: &Replayed, today: &Replayed) -> Vec<Check> {
        let mut checks = self.checks(&replayed.reported, &today.reported);
        if let Some(spared) = with_spares(&checks, &replayed.reported)
            && let Some(check) = checks.iter_mut().find(|check| check.limit == Limit::HostLoss)
        {
            (check.value, check.holds) = (Some(spared), true);
        }
        checks
    }
}
