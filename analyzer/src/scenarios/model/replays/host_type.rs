//! Which bare-metal type carries the pool: every type bounded, the ten with the lowest bound replayed for a week, the best
//! of these on all hours that serve choices.

use replay::{Setup, holds, judge, screen};
use types::NanoUsd;
use types::analysis::Limit;

use crate::read::error::AnalyzeError;
use crate::scenarios::model::replays::replay_passes::{MENDED, Passes, Setups};
use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::pod_selection::Selector;
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// A host type that was looked at.
#[derive(Debug)]
pub(crate) struct HostTried {
    pub(crate) candidate: Candidate,
    /// Least compute cost of what would run on it; `None` where it cannot carry that.
    pub(crate) bound: Option<NanoUsd>,
    pub(crate) replayed: Option<Replayed>,
    /// Cost on the hours it was replayed on, with the spare hosts that it needs there.
    pub(crate) cost: Option<NanoUsd>,
    /// Limits it breaks on the hours that serve choices, and that neither warm machines nor spare hosts mend.
    pub(crate) over: Vec<Limit>,
    pub(crate) chosen: bool,
}

/// Hosts replayed of those that the bound leaves.
const REPLAYED: usize = 10;
/// Of these, how many are replayed on all hours that serve choices.
const FINALISTS: usize = 2;

/// The types that were looked at, and today's machines over the first hours that choices are made on.
pub(crate) struct Hosts {
    pub(crate) tried: Vec<HostTried>,
    pub(crate) today: Option<Replayed>,
}

impl Hosts {
    /// The type chosen.
    pub(crate) fn chosen(&self) -> Option<&Candidate> {
        self.tried.iter().find(|host| host.chosen).map(|host| &host.candidate)
    }
}

impl Passes<'_, '_, '_> {
    /// The cheapest type is chosen that holds every limit warm machines and spare hosts cannot mend; where none does, the
    /// cheapest. `today` is the replay of today's machines, and `first` the host one would think of.
    pub(crate) async fn hosts(
        &mut self,
        first: &Candidate,
        today: &Replayed,
        selector: &Selector<'_>,
    ) -> Result<Hosts, AnalyzeError> {
        let machines = selector.machines;
        let (week, choosing) = (self.source.windows.first_week(), self.source.windows.choosing());
        let reference = self.reference(first, selector).await?;
        let Some(reference) = reference else { return Ok(Hosts { tried: Vec::new(), today: None }) };
        let windows = self.source.windows;
        // Where choices have no whole day beyond the warm-up, the half of them tells risk.
        let warmed = |setup: Setup| {
            let warm_up_seconds = windows.warm_up_of_choices(setup.warm_up_seconds);
            Setup { warm_up_seconds, ..setup }
        };
        let setup = |candidate: &Candidate| warmed(self.base.emp(&candidate.host, &candidate.family));
        let candidates: Vec<_> = machines.hosts.iter().map(setup).collect();
        let screened = screen(&reference.whole, &candidates, candidates.len());
        let worth = screened.iter().take(REPLAYED).filter_map(|(at, _)| machines.hosts.get(*at));
        let mut setups: Setups = worth.map(|host| (setup(host), Some(host.clone()))).collect();
        setups.push((warmed(self.base.today_replayed()), None));
        let mut replayed = self.pass(setups, week.clone(), selector).await?;
        let Some(of_week) = replayed.pop() else { return Ok(Hosts { tried: Vec::new(), today: None }) };
        let mut ranked = self.ranked(&replayed, &of_week);
        let mut beside = &of_week;
        let of_choosing = today.on_choosing(&self.source.windows);
        if week != choosing {
            ranked.truncate(FINALISTS);
            let again = ranked.iter().filter_map(|at| replayed.get(*at));
            let setups = again.map(|tried| (tried.setup.clone(), tried.host.clone())).collect();
            for (at, longer) in ranked.iter().zip(self.pass(setups, choosing, selector).await?) {
                replayed.get_mut(*at).into_iter().for_each(|place| *place = longer.clone());
            }
            beside = &of_choosing;
            let finalists: Vec<Replayed> = ranked.iter().filter_map(|at| replayed.get(*at).cloned()).collect();
            let order = self.ranked(&finalists, beside);
            ranked = order.into_iter().filter_map(|at| ranked.get(at).copied()).collect();
        }
        let chosen = ranked.first().copied();
        let beside_of = |at: usize| if ranked.contains(&at) { beside } else { &of_week };
        let all = || replayed.iter().enumerate();
        let over: Vec<Vec<Limit>> = all().map(|(at, tried)| self.broken(tried, beside_of(at))).collect();
        let costs: Vec<_> = all().map(|(at, tried)| self.cost(tried, beside_of(at))).collect();
        let mut replayed: Vec<_> = replayed.into_iter().map(Some).collect();
        let tried = screened.into_iter().enumerate().filter_map(|(place, (at, bound))| {
            Some(HostTried {
                candidate: machines.hosts.get(at)?.clone(),
                bound: Some(bound),
                replayed: replayed.get_mut(place).and_then(Option::take).map(Replayed::without_course),
                cost: costs.get(place).copied().flatten(),
                over: over.get(place).cloned().unwrap_or_default(),
                chosen: chosen == Some(place),
            })
        });
        Ok(Hosts { tried: tried.collect(), today: Some(of_week) })
    }

    /// A pool on the host one would think of first, on the first hours in which something runs on it; `None` where nothing
    /// ever does. What it serves is what hosts are bounded by.
    async fn reference(
        &mut self,
        first: &Candidate,
        selector: &Selector<'_>,
    ) -> Result<Option<Replayed>, AnalyzeError> {
        for hours in [self.source.windows.first_week(), self.source.all()] {
            let setup = self.base.emp(&first.host, &first.family);
            let replayed = self.pass(vec![(setup, Some(first.clone()))], hours, selector).await?.pop();
            if let Some(replayed) = replayed.filter(Replayed::has_elastic_vms) {
                return Ok(Some(replayed));
            }
        }
        Ok(None)
    }

    /// Variants in the order in which they would be taken: those that hold what warm machines and spare hosts cannot mend
    /// first, the cheapest first; the first of equals. What has no price is left out.
    pub(crate) fn ranked(&self, tried: &[Replayed], today: &Replayed) -> Vec<usize> {
        let rank = |(at, tried): (usize, &Replayed)| Some((!self.fits(tried, today), self.cost(tried, today)?, at));
        let mut ranked: Vec<(bool, NanoUsd, usize)> = tried.iter().enumerate().filter_map(rank).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., at)| at).collect()
    }

    /// Returns true when a variant holds what warm machines and spare hosts cannot mend, over the same hours as today's
    /// machines.
    pub(crate) fn fits(&self, tried: &Replayed, today: &Replayed) -> bool {
        holds(&judge(&tried.whole, &today.whole, &self.limits), &MENDED)
    }

    /// The limits it breaks of these.
    fn broken(&self, tried: &Replayed, today: &Replayed) -> Vec<Limit> {
        let checks = judge(&tried.whole, &today.whole, &self.limits);
        checks.iter().filter(|check| !check.holds && !MENDED.contains(&check.limit)).map(|check| check.limit).collect()
    }
}
