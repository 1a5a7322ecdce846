//! Passes over the hours: what every one of them shares, and the first, on EC2.

use std::ops::Range;

use lake::Lake;
use replay::{Base, Hour, Limits, Replay, RightSizing, Setup, judge};
use types::analysis::Limit;
use types::{ClusterId, NanoUsd};

use super::machines::Candidate;
use super::money::Pricer;
use super::replayed::Replayed;
use super::selection::Selector;
use super::spares::{SPARES, spared, with_spares};
use super::windows::Windows;
use crate::read::decode::read_traces;
use crate::read::error::AnalyzeError;
use crate::read::fetch::Days;
use crate::read::trace::Names;

/// Limits that a choice of variants and hosts leaves open, since warm machines and spare hosts mend them. Spare hosts are in
/// the cost it goes by; what warm machines cost is little.
pub(super) const MENDED: [Limit; 4] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns, Limit::HostLoss];

/// Scenarios to be replayed, each with its host where it has one.
pub(super) type Setups = Vec<(Setup, Option<Candidate>)>;

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
        let mut days = Days::new(self.lake, self.cluster, self.hours);
        Ok(match days.next().await? {
            Some(day) => read_traces(&day, names, choices)?.into_iter().next(),
            None => None,
        })
    }

    /// Replays scenarios over a stretch of the hours.
    async fn pass(
        &mut self,
        setups: Setups,
        stretch: Stretch,
        sizing: RightSizing,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        if setups.is_empty() {
            return Ok(Vec::new());
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let engines: Vec<Setup> = setups.iter().map(|(setup, _)| setup.clone()).collect();
        let mut replay = Replay::right_sizing(engines, sizing).with_threads(threads);
        let hours = self.hours.get(stretch.hours.clone()).unwrap_or_default();
        let share = |part: usize, of: usize| crate::number::ratio(count(part), count(of)).unwrap_or_default();
        self.replays += count(setups.len()) * share(hours.len(), self.hours.len());
        let mut days = Days::new(self.lake, self.cluster, hours);
        let mut at = stretch.hours.start;
        let mut before = None;
        while let Some(day) = days.next().await? {
            for hour in read_traces(&day, names, choices)? {
                if at == stretch.split {
                    before = Some(replay.so_far());
                }
                replay.advance(&hour);
                at += 1;
            }
        }
        // A pass that ends before the split has all of it before that.
        let before = before.unwrap_or_else(|| replay.so_far());
        let outcomes = replay.finish().into_iter().map(|(outcome, _)| outcome);
        let replayed = setups.into_iter().zip(outcomes.zip(before)).map(|((setup, host), (whole, before))| Replayed {
            reported: whole.since(&before),
            before,
            whole,
            setup,
            host,
        });
        Ok(replayed.collect())
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.hours.len()
    }
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
        self.pass_over(setups, Stretch { hours, split }, self.base.assumptions.right_sizing(), selector).await
    }

    /// The same over a stretch split elsewhere, by another rule of right-sizing.
    pub(super) async fn pass_over(
        &mut self,
        setups: Setups,
        stretch: Stretch,
        sizing: RightSizing,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        self.source.pass(setups, stretch, sizing, self.names, selector).await
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
        let spares = with_spares(&judge(&tried.whole, &today.whole, &self.limits), &tried.whole).map_or(0, |_| SPARES);
        self.pricer.money(tried, &spared(&tried.whole, spares)).lines.total()
    }
}
