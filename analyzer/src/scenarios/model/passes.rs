//! Passes over the hours: what every one of them shares, and the first, on EC2.

use std::ops::Range;

use lake::Lake;
use replay::{Base, Hour, Limits, Outcome, Replay, RightSizing, Setup, judge};
use types::analysis::Limit;
use types::{ClusterId, NanoUsd};

use super::machines::Candidate;
use super::money::Pricer;
use super::replayed::Replayed;
use super::selection::Selector;
use super::spares::{spared, spares};
use super::windows::Windows;
use crate::read::decode::read_traces;
use crate::read::error::AnalyzeError;
use crate::read::fetch::{Days, REPLAYED};
use crate::read::trace::Names;

/// Limits that a choice of variants and hosts leaves open, since warm machines and spare hosts mend them. Spare hosts are in
/// the cost it goes by; what warm machines cost is little.
pub(super) const MENDED: [Limit; 4] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns, Limit::HostLoss];

/// Replays of the window that an analysis may take; what is left out where there would be more, may be.
pub(super) const MOST_REPLAYS: f64 = 40.0;

/// Scenarios to be replayed, each with its host where it has one.
pub(super) type Setups = Vec<(Setup, Option<Candidate>)>;

/// Scenarios that are replayed by one rule of right-sizing.
type Group = (Setups, RightSizing);

/// A scenario with its host, and the rule of right-sizing it is replayed by.
pub(super) type Ruled = ((Setup, Option<Candidate>), RightSizing);

/// Hours of a pass, and the first of those that are kept apart at its end.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) hours: Range<usize>,
    pub(super) split: usize,
}

/// Where hours are read from.
pub(super) struct Source<'l> {
    pub(super) lake: &'l Lake,
    pub(super) cluster: &'l ClusterId,
    pub(super) hours: &'l [types::Hour],
    pub(super) windows: Windows,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(super) replays: f64,
}

impl Source<'_> {
    pub(super) async fn first_hour(
        &self,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Option<Hour>, AnalyzeError> {
        let mut days = Days::new(self.lake, self.cluster, self.hours, REPLAYED);
        Ok(match days.next().await? {
            Some(day) => read_traces(&day, names, choices)?.into_iter().next(),
            None => None,
        })
    }

    /// Replays scenarios over a stretch of the hours, those of each rule of right-sizing together, over one reading.
    async fn pass(
        &mut self,
        groups: Vec<Group>,
        stretch: Stretch,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Vec<Vec<Replayed>>, AnalyzeError> {
        let scenarios: usize = groups.iter().map(|(setups, _)| setups.len()).sum();
        if scenarios == 0 {
            return Ok(groups.into_iter().map(|_| Vec::new()).collect());
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let replay = |(setups, sizing): &Group| {
            let engines: Vec<Setup> = setups.iter().map(|(setup, _)| setup.clone()).collect();
            Replay::right_sizing(engines, *sizing).with_threads(threads)
        };
        let mut replays: Vec<Replay> = groups.iter().map(replay).collect();
        let hours = self.hours.get(stretch.hours.clone()).unwrap_or_default();
        self.replays = self.replays_with(scenarios, &stretch.hours);
        let mut days = Days::new(self.lake, self.cluster, hours, REPLAYED);
        let mut at = stretch.hours.start;
        let mut before = None;
        while let Some(day) = days.next().await? {
            for hour in read_traces(&day, names, choices)? {
                if at == stretch.split {
                    before = Some(so_far(&replays));
                }
                replays.iter_mut().for_each(|replay| replay.advance(&hour));
                at += 1;
            }
        }
        // A pass that ends before the split has all of it before that.
        let before = before.unwrap_or_else(|| so_far(&replays));
        let of_group =
            |((setups, _), (replay, before)): (Group, (Replay, Vec<Outcome>))| -> Vec<Replayed> {
                let outcomes = replay.finish().into_iter().map(|(outcome, _)| outcome);
                let made = |((setup, host), (whole, before)): ((Setup, Option<Candidate>), (Outcome, Outcome))| {
                    Replayed { reported: whole.since(&before), before, whole, setup, host }
                };
                setups.into_iter().zip(outcomes.zip(before)).map(made).collect()
            };
        Ok(groups.into_iter().zip(replays.into_iter().zip(before)).map(of_group).collect())
    }

    /// What the replays come to with so many scenarios more, over a range of the hours.
    pub(super) fn replays_with(&self, scenarios: usize, hours: &Range<usize>) -> f64 {
        let share = crate::number::ratio(count(hours.len()), count(self.hours.len())).unwrap_or_default();
        self.replays + count(scenarios) * share
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.hours.len()
    }
}

fn so_far(replays: &[Replay]) -> Vec<Vec<Outcome>> {
    replays.iter().map(Replay::so_far).collect()
}

fn count(n: usize) -> f64 {
    crate::number::float(i128::try_from(n).unwrap_or_default())
}

/// State that every pass shares.
pub(super) struct Passes<'p, 'l, 'a> {
    pub(super) source: &'p mut Source<'l>,
    pub(super) base: Base,
    pub(super) pricer: &'p Pricer<'a>,
    pub(super) names: &'p mut Names,
    pub(super) limits: Limits,
}

impl Passes<'_, '_, '_> {
    /// Replays scenarios over a range of the hours; what comes from the first reported hour on is kept apart.
    pub(super) async fn pass(
        &mut self,
        setups: Setups,
        hours: Range<usize>,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let split = self.source.windows.reported_from;
        let group = (setups, self.base.assumptions.right_sizing());
        let replayed = self.source.pass(vec![group], Stretch { hours, split }, self.names, selector).await?;
        Ok(replayed.into_iter().flatten().collect())
    }

    /// The same over a stretch split elsewhere, each scenario by a rule of right-sizing of its own.
    pub(super) async fn pass_over(
        &mut self,
        scenarios: Vec<Ruled>,
        stretch: Stretch,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places = Vec::with_capacity(scenarios.len());
        for (scenario, rule) in scenarios {
            let at = groups.iter().position(|(_, of)| *of == rule).unwrap_or_else(|| {
                groups.push((Vec::new(), rule));
                groups.len() - 1
            });
            places.push(at);
            if let Some((setups, _)) = groups.get_mut(at) {
                setups.push(scenario);
            }
        }
        let mut replayed: Vec<_> =
            self.source.pass(groups, stretch, self.names, selector).await?.into_iter().map(Vec::into_iter).collect();
        Ok(places.into_iter().filter_map(|at| replayed.get_mut(at)?.next()).collect())
    }

    /// Today's machines, and the rivals at their defaults.
    pub(super) async fn on_ec2(&mut self, selector: &Selector<'_>) -> Result<Vec<Replayed>, AnalyzeError> {
        let all = self.source.all();
        let mut replayed = Vec::new();
        // Others may evict a tenth more than Karpenter does today, which is known only once today was replayed.
        if self.base.karpenter {
            let counted = self.names.counted.take();
            replayed = self.pass(vec![(self.base.today_replayed(), None)], all.clone(), selector).await?;
            self.names.counted = counted;
            if let Some(today) = replayed.first() {
                let of_today = |default: f64, today: f64| default.max(self.limits.today_factor * today);
                let evictions = &today.reported.evictions;
                self.base.evictions.per_pod_day = of_today(self.limits.evictions, evictions.per_pod_day());
                self.base.evictions.per_single_pod_day =
                    of_today(self.limits.single_evictions, evictions.per_single_pod_day());
            }
        }
        let base = &self.base;
        let mut setups: Setups = Vec::new();
        if replayed.is_empty() {
            setups.push((base.today_replayed(), None));
        }
        setups.push((base.repacked_by_karpenter(), None));
        setups.push((base.repacked(), None));
        setups.push((base.ec2_rightsized(), None));
        replayed.extend(self.pass(setups, all, selector).await?);
        Ok(replayed)
    }

    /// Returns the cost of a variant on all the hours it was replayed on, the spare hosts that it needs there among it;
    /// `None` where something of it has no price. `today` is the replay of today's machines over the same hours.
    pub(super) fn cost(&self, tried: &Replayed, today: &Replayed) -> Option<NanoUsd> {
        let spares = spares(&judge(&tried.whole, &today.whole, &self.limits), &tried.whole);
        self.pricer.money(tried, &spared(&tried.whole, spares)).lines.total()
    }
}
