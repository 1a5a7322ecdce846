//! Passes over the hours: what every one of them shares, and the first, on EC2.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use lake::Lake;
use replay::{Base, Hour, Limits, Outcome, PackedHours, Replay, RightSizing, Setup};
use types::analysis::Limit;
use types::{ClusterId, NanoUsd};

use crate::read::decode::read_traces;
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::{Days, MOVING, REPLAYED};
use crate::read::replay_input::Names;
use crate::scenarios::model::choices::trial_and_report_hours::Windows;
use crate::scenarios::model::costs::scenario_cost::Pricer;
use crate::scenarios::model::costs::spare_hosts::lines_with_spares;
use crate::scenarios::model::migration::pod_selection::Selector;
use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// Limits that a choice of variants and hosts leaves open, since warm machines and spare hosts mend them. Spare hosts are in
/// the cost it goes by; what warm machines cost is little.
pub(crate) const MENDED: [Limit; 4] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns, Limit::HostLoss];

/// Bytes of hours that are kept from the first pass for those after it; what there is beyond is read again.
const KEPT_BYTES: usize = 384 << 20;
/// Hours that are ready before a run takes them.
const HOURS_AHEAD: usize = 2;

/// Replays of the window that an analysis may take; what is left out where there would be more, may be.
pub(crate) const MOST_REPLAYS: f64 = 40.0;

/// Scenarios to be replayed, each with its host where it has one.
pub(crate) type Setups = Vec<(Setup, Option<Candidate>)>;

/// Scenarios that are replayed by one rule of right-sizing.
type Group = (Setups, RightSizing);

/// A scenario with its host, and the rule of right-sizing it is replayed by.
pub(crate) type Ruled = ((Setup, Option<Candidate>), RightSizing);

/// Hours of a pass, and the first of those that are kept apart at its end.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) hours: Range<usize>,
    pub(crate) split: usize,
}

/// Scenarios under way that share what they know of the cluster, by one rule of right-sizing.
struct Run {
    replay: Replay,
    setups: Vec<Setup>,
    rule: RightSizing,
    /// The first hour it has not seen.
    from: usize,
    /// What came of the hours before those that are reported; `None` until it is there.
    before: Option<Vec<Outcome>>,
}

impl Run {
    fn new(setups: Vec<Setup>, rule: RightSizing, from: usize) -> Self {
        let replay = Replay::right_sizing(setups.clone(), rule);
        Self { replay, setups, rule, from, before: None }
    }

    fn place(&self, setup: &Setup, rule: &RightSizing) -> Option<usize> {
        self.setups.iter().position(|own| own == setup && self.rule == *rule)
    }

    /// Runs of all scenarios of a pass: those that were begun `before` go on where it did not come further than the pass
    /// goes, the others begin.
    fn all(groups: &[Group], stretch: &Stretch, before: &[Self]) -> Vec<Self> {
        let usable = || before.iter().filter(|run| run.from <= stretch.hours.end.min(stretch.split));
        let mut runs = Vec::new();
        for (setups, rule) in groups {
            let mut new = Vec::new();
            let mut known: Vec<Vec<usize>> = usable().map(|_| Vec::new()).collect();
            for (setup, _) in setups {
                let found = usable().zip(&mut known).find_map(|(run, known)| Some((known, run.place(setup, rule)?)));
                match found {
                    Some((known, place)) if !known.contains(&place) => known.push(place),
                    Some(_) => {}
                    None => new.push(setup.clone()),
                }
            }
            if !new.is_empty() {
                runs.push(Self::new(new, *rule, stretch.hours.start));
            }
            for (run, known) in usable().zip(known).filter(|(_, known)| !known.is_empty()) {
                let of = known.iter().filter_map(|place| run.setups.get(*place)).cloned().collect();
                runs.push(Self {
                    replay: run.replay.only(&known),
                    setups: of,
                    rule: *rule,
                    from: run.from,
                    before: None,
                });
            }
        }
        runs
    }

    /// Advances by those of the hours that it has not seen.
    fn advance(&mut self, hours: impl Iterator<Item = (usize, Arc<Hour>)>, split: usize) {
        let from = self.from;
        let mut hours = hours.filter(|(at, _)| *at >= from).peekable();
        self.replay.advance_over(std::iter::from_fn(|| hours.next_if(|(at, _)| *at != split)).map(|(_, hour)| hour));
        if hours.peek().is_some() {
            self.split_here();
            self.replay.advance_over(hours.map(|(_, hour)| hour));
        }
    }

    /// Takes all that was replayed so far for the hours before those that are reported, unless these have begun.
    fn split_here(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.replay.so_far());
        }
    }

    /// Results in the order in which scenarios were given.
    fn replayed(groups: &[Group], runs: &[Self]) -> Vec<Vec<Replayed>> {
        let outcomes: Vec<Vec<Outcome>> = runs.iter().map(|run| run.replay.outcomes()).collect();
        let of = |setup: &Setup, host: &Option<Candidate>, rule: &RightSizing| -> Option<Replayed> {
            let (run, outcomes) = runs.iter().zip(&outcomes).find(|(run, _)| run.place(setup, rule).is_some())?;
            let place = run.place(setup, rule)?;
            let whole = outcomes.get(place)?.clone();
            let before = run.before.as_ref()?.get(place)?.clone();
            Some(Replayed { reported: whole.since(&before), before, whole, setup: setup.clone(), host: host.clone() })
        };
        let of_group =
            |(setups, rule): &Group| setups.iter().filter_map(|(setup, host)| of(setup, host, rule)).collect();
        groups.iter().map(of_group).collect()
    }
}

/// Where hours are read from.
pub(crate) struct Source<'l> {
    pub(crate) lake: &'l Lake,
    pub(crate) cluster: &'l ClusterId,
    pub(crate) hours: &'l [types::Hour],
    pub(crate) windows: Windows,
    /// The first hours, as they were read: with the pods that move under the selection in force.
    kept: PackedHours,
    /// Scenarios of the last pass, where it ended before the last hour.
    unfinished: Vec<Run>,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(crate) replays: f64,
}

impl<'l> Source<'l> {
    pub(crate) fn new(lake: &'l Lake, cluster: &'l ClusterId, hours: &'l [types::Hour]) -> Self {
        let windows = Windows::of(hours.len());
        Self { lake, cluster, hours, windows, kept: PackedHours::default(), unfinished: Vec::new(), replays: 0.0 }
    }

    pub(crate) async fn first_hour(
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

    /// Replays scenarios over a stretch of the hours, those of each rule of right-sizing together, over one reading. Those
    /// that the pass before replayed on hours from the first on, and no others, go on from there.
    async fn pass(
        &mut self,
        groups: Vec<Group>,
        stretch: Stretch,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Vec<Vec<Replayed>>, AnalyzeError> {
        // Other selections move other pods.
        let as_kept = choices.selections.len() == 1;
        let before = std::mem::take(&mut self.unfinished);
        let goes_on = as_kept && stretch.hours.start == 0;
        let mut runs = Run::all(&groups, &stretch, if goes_on { &before } else { &[] });
        drop(before);
        for run in &runs {
            self.replays = self.replays_with(run.setups.len(), &(run.from..stretch.hours.end));
        }
        self.each_hour(&mut runs, &stretch, names, choices).await?;
        let made = Run::replayed(&groups, &runs);
        if goes_on && stretch.hours.end < self.hours.len() {
            let end = stretch.hours.end;
            self.unfinished = runs.into_iter().map(|run| Run { from: end, ..run }).collect();
        }
        Ok(made)
    }

    /// Advances every run by the hours of a stretch that it has not seen.
    async fn each_hour(
        &mut self,
        runs: &mut [Run],
        stretch: &Stretch,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<(), AnalyzeError> {
        let Some(start) = runs.iter().map(|run| run.from).min() else { return Ok(()) };
        let as_kept = choices.selections.len() == 1;
        let from = stretch.hours.end.min(self.kept.len()).max(start);
        let of_kept = start..from;
        if as_kept {
            let kept = |at: usize| Some((at, self.kept.hour(at)?));
            advance(runs, of_kept.filter_map(kept), stretch.split);
        } else {
            let hours = self.hours.get(of_kept.clone()).unwrap_or_default();
            let mut days = Days::new(self.lake, self.cluster, hours, MOVING);
            let (mut at, mut read) = (of_kept, Vec::new());
            loop {
                let day = days.next().await?;
                let moving = |(moving, at): (Hour, usize)| Some((at, self.kept.hour(at)?.moving_as(&moving)));
                let hours = read.into_iter().zip(at.by_ref()).filter_map(moving);
                let next = || day.as_ref().map_or_else(|| Ok(Vec::new()), |day| read_traces(day, names, choices));
                read = advance_beside(runs, hours, stretch.split, next)?;
                if day.is_none() {
                    break;
                }
            }
        }
        let left = self.hours.get(from..stretch.hours.end).unwrap_or_default();
        let mut days = Days::new(self.lake, self.cluster, left, REPLAYED);
        let (mut at, mut read) = (from, Vec::new());
        loop {
            let day = days.next().await?;
            let next = || {
                let read = day.as_ref().map_or_else(|| Ok(Vec::new()), |day| read_traces(day, names, choices))?;
                let hours: Vec<(usize, Hour)> = (at..).zip(read).collect();
                for (at, hour) in &hours {
                    if as_kept && *at == self.kept.len() && self.kept.bytes() < KEPT_BYTES {
                        self.kept.push(hour);
                    }
                }
                Ok::<_, AnalyzeError>(hours)
            };
            read = advance_beside(runs, read.into_iter(), stretch.split, next)?;
            at += read.len();
            if day.is_none() {
                break;
            }
        }
        // A pass that ends before the split has all of it before that.
        runs.iter_mut().for_each(Run::split_here);
        Ok(())
    }

    /// What the replays come to with so many scenarios more, over a range of the hours.
    pub(crate) fn replays_with(&self, scenarios: usize, hours: &Range<usize>) -> f64 {
        let share = crate::number::ratio(count(hours.len()), count(self.hours.len())).unwrap_or_default();
        self.replays + count(scenarios) * share
    }

    pub(crate) fn all(&self) -> Range<usize> {
        0..self.hours.len()
    }
}

/// Advances every run by hours as they come, each on threads of its own.
fn advance(runs: &mut [Run], hours: impl Iterator<Item = (usize, Hour)>, split: usize) {
    std::thread::scope(|threads| {
        let mut begun = Vec::with_capacity(runs.len());
        for run in runs {
            let (ready, hours) = sync_channel(HOURS_AHEAD);
            threads.spawn(move || run.advance(hours.into_iter(), split));
            begun.push(ready);
        }
        for (at, hour) in hours {
            let hour = Arc::new(hour);
            // Who takes none any more has panicked, and so does this thread once it has joined it.
            begun.iter().for_each(|run| drop(run.send((at, Arc::clone(&hour)))));
        }
    });
}

/// Advances every run by hours while the next ones are read.
fn advance_beside<R>(
    runs: &mut [Run],
    hours: impl Iterator<Item = (usize, Hour)> + Send,
    split: usize,
    read: impl FnOnce() -> R,
) -> R {
    std::thread::scope(|threads| {
        threads.spawn(move || advance(runs, hours, split));
        read()
    })
}

fn count(n: usize) -> f64 {
    crate::number::float(i128::try_from(n).unwrap_or_default())
}

/// State that every pass shares.
pub(crate) struct Passes<'p, 'l, 'a> {
    pub(crate) source: &'p mut Source<'l>,
    pub(crate) base: Base,
    pub(crate) pricer: &'p Pricer<'a>,
    pub(crate) names: &'p mut Names,
    pub(crate) limits: Limits,
}

impl Passes<'_, '_, '_> {
    /// Replays scenarios over a range of the hours; what comes from the first reported hour on is kept apart.
    pub(crate) async fn pass(
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
    pub(crate) async fn pass_over(
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
    pub(crate) async fn on_ec2(&mut self, selector: &Selector<'_>) -> Result<Vec<Replayed>, AnalyzeError> {
        let all = self.source.all();
        let mut replayed = Vec::new();
        // Others may evict a tenth more than Karpenter does today, which is known only once today was replayed.
        let mut counted = None;
        if self.base.karpenter {
            replayed = self.pass(vec![(self.base.today_replayed(), None)], all.clone(), selector).await?;
            // What moves is counted once.
            counted = self.names.counted.take();
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
        self.names.counted = self.names.counted.take().or(counted);
        Ok(replayed)
    }

    /// Returns the cost of a variant on all the hours it was replayed on, the spare hosts that it needs there among it;
    /// `None` where something of it has no price. `today` is the replay of today's machines over the same hours.
    pub(crate) fn cost(&self, tried: &Replayed, today: &Replayed) -> Option<NanoUsd> {
        lines_with_spares(self.pricer, &self.limits, tried, (&tried.whole, &today.whole)).total()
    }
}
