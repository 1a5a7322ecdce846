//! Passes over the hours: what every one of them shares, and the first, on EC2.

use std::ops::Range;
use std::sync::Arc;

use lake::Lake;
use replay::{
    Base, Hour, HourIntake, Limits, Outcome, RightSizing, Scenario, Setup, SharedHour, TakenHour, Walk, side_by_side,
};
use types::analysis::Limit;
use types::{ClusterId, NanoUsd};

use crate::read::decode::{each_trace, read_traces};
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::{Days, MOVING, REPLAYED};
use crate::read::replay_input::Names;
use crate::scenarios::model::costs::scenario_cost::Pricer;
use crate::scenarios::model::costs::spare_hosts::lines_with_spares;
use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::pod_selection::Selector;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::scenarios::model::runs::trial_and_report_hours::Windows;

/// Limits that a choice of variants and hosts leaves open, since warm machines and spare hosts mend them. Spare hosts are in
/// the cost it goes by; what warm machines cost is little.
pub(crate) const MENDED: [Limit; 4] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns, Limit::HostLoss];

/// Bytes of hours that are kept from the first pass for those after it; what there is beyond is read again.
const KEPT_BYTES: usize = 384 << 20;

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

/// A scenario under way.
struct Ongoing {
    scenario: Scenario,
    setup: Setup,
    rule: RightSizing,
    /// The first hour it has not seen.
    from: usize,
    /// What came of the hours before those that are reported; `None` until it is there.
    before: Option<Outcome>,
}

impl Ongoing {
    fn is(&self, setup: &Setup, rule: &RightSizing) -> bool {
        self.setup == *setup && self.rule == *rule
    }

    /// All scenarios of a pass, those of each group by the hour they begin with: those that were begun `before` go on where
    /// they did not come further than the pass goes, the others begin.
    fn all(groups: &[Group], stretch: &Stretch, before: Vec<Self>) -> Vec<Self> {
        let mut usable: Vec<Option<Self>> =
            before.into_iter().filter(|one| one.from <= stretch.hours.end.min(stretch.split)).map(Some).collect();
        let mut all = Vec::new();
        for (setups, rule) in groups {
            let mut known: Vec<Self> = Vec::new();
            for (setup, _) in setups {
                let found = usable.iter_mut().find(|one| one.as_ref().is_some_and(|one| one.is(setup, rule)));
                match found.and_then(Option::take) {
                    Some(one) => known.push(Self { before: None, ..one }),
                    None if known.iter().any(|one| one.is(setup, rule)) => {}
                    None => all.push(Self {
                        scenario: Scenario::new(setup.clone()),
                        setup: setup.clone(),
                        rule: *rule,
                        from: stretch.hours.start,
                        before: None,
                    }),
                }
            }
            all.extend(known);
        }
        all
    }

    /// Advances by an hour that it has not seen.
    fn advance(&mut self, at: usize, hour: &SharedHour, split: usize) {
        if at >= self.from {
            if at == split {
                self.split_here();
            }
            self.scenario.advance(hour);
        }
    }

    /// Takes all that was replayed so far for the hours before those that are reported, unless these have begun.
    fn split_here(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.scenario.outcome().without_course());
        }
    }

    /// What it came to; it goes on where it is given back.
    fn replayed(self, goes_on: bool) -> (Option<Replayed>, Option<Self>) {
        let (setup, before) = (self.setup.clone(), self.before.clone());
        let (whole, rest) =
            if goes_on { (self.scenario.outcome(), Some(self)) } else { (self.scenario.finish(), None) };
        let replayed =
            before.map(|before| Replayed { reported: whole.since(&before), before, whole, setup, host: None });
        (replayed, rest)
    }
}

/// Results in the order in which scenarios were given; one that was given twice may have been replayed once.
fn in_order(groups: &[Group], made: Vec<(RightSizing, Replayed)>) -> Vec<Vec<Replayed>> {
    let mut made: Vec<(RightSizing, Option<Replayed>)> =
        made.into_iter().map(|(rule, replayed)| (rule, Some(replayed))).collect();
    let of_group = |(setups, rule): &Group| {
        let mut done: Vec<Replayed> = Vec::with_capacity(setups.len());
        for (setup, host) in setups {
            let is = |(of, one): &&mut (RightSizing, Option<Replayed>)| {
                of == rule && one.as_ref().is_some_and(|one| one.setup == *setup)
            };
            let own = made.iter_mut().find(is).and_then(|(_, one)| one.take());
            let same = own.or_else(|| done.iter().find(|one| one.setup == *setup).cloned());
            done.extend(same.map(|one| Replayed { host: host.clone(), ..one }));
        }
        done
    };
    groups.iter().map(of_group).collect()
}

/// Hours from one on, taken in by one rule of right-sizing under the selection in force, and kept.
struct Kept {
    start: usize,
    rule: RightSizing,
    hours: Vec<Arc<TakenHour>>,
    /// What is known after the last of them.
    intake: HourIntake,
    bytes: usize,
}

impl Kept {
    fn new(start: usize, rule: RightSizing) -> Self {
        Self { start, rule, hours: Vec::new(), intake: HourIntake::new(rule), bytes: 0 }
    }

    /// The first hour that is not kept.
    fn end(&self) -> usize {
        self.start + self.hours.len()
    }

    /// No hour comes after these, so what is known of the last day and week is let go.
    fn complete(&mut self) {
        self.intake = HourIntake::new(self.rule);
    }

    fn hour(&self, at: usize) -> Option<&Arc<TakenHour>> {
        self.hours.get(at.checked_sub(self.start)?)
    }

    fn take_in(&mut self, hour: &Hour) -> Arc<TakenHour> {
        let taken = Arc::new(self.intake.take_in(hour));
        self.bytes += taken.bytes();
        self.hours.push(Arc::clone(&taken));
        taken
    }
}

/// Hours of a pass as they are taken in by one rule.
struct ByRule {
    rule: RightSizing,
    /// `true` where those kept are by this rule, and from the first hour of the pass on.
    by_kept: bool,
    /// What is known after the last hour that was taken in and is not kept.
    intake: Option<HourIntake>,
}

impl ByRule {
    /// Takes in an hour that was read, which is kept where there is room and pods move as in those kept.
    fn take_in(&mut self, at: usize, hour: &Hour, kept: &mut Kept, as_kept: bool) -> Arc<TakenHour> {
        if !self.by_kept {
            return Arc::new(self.intake.get_or_insert_with(|| HourIntake::new(self.rule)).take_in(hour));
        }
        if let Some(taken) = kept.hour(at) {
            return Arc::clone(taken);
        }
        if as_kept && at == kept.end() && kept.bytes < KEPT_BYTES {
            return kept.take_in(hour);
        }
        Arc::new(self.intake.get_or_insert_with(|| kept.intake.clone()).take_in(hour))
    }
}

/// An hour taken in by each rule of a pass, and which pods move in it where that is not as it was read first.
type Taken = (usize, Vec<Arc<TakenHour>>, Option<Hour>);

/// Where hours are read from.
pub(crate) struct Source<'l> {
    pub(crate) lake: &'l Lake,
    pub(crate) cluster: &'l ClusterId,
    pub(crate) hours: &'l [types::Hour],
    pub(crate) windows: Windows,
    /// The first hours of the last passes; those from another hour on take their place.
    kept: Option<Kept>,
    /// Scenarios of the last pass, where it ended before the last hour, and how far their hours were gone through.
    unfinished: Vec<Ongoing>,
    walked: Walk,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(crate) replays: f64,
}

impl<'l> Source<'l> {
    pub(crate) fn new(lake: &'l Lake, cluster: &'l ClusterId, hours: &'l [types::Hour]) -> Self {
        let windows = Windows::of(hours.len());
        Self {
            lake,
            cluster,
            hours,
            windows,
            kept: None,
            unfinished: Vec::new(),
            walked: Walk::default(),
            replays: 0.0,
        }
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
        let mut all = Ongoing::all(&groups, &stretch, if goes_on { before } else { Vec::new() });
        for one in all.chunk_by(|a, b| (a.from, a.rule) == (b.from, b.rule)) {
            let from = one.first().map_or(stretch.hours.start, |one| one.from);
            self.replays = self.replays_with(one.len(), &(from..stretch.hours.end));
        }
        self.each_hour(&mut all, &stretch, names, choices).await?;
        let end = stretch.hours.end;
        let goes_on = goes_on && end < self.hours.len();
        let mut made = Vec::with_capacity(all.len());
        for one in all {
            let rule = one.rule;
            let (replayed, rest) = one.replayed(goes_on);
            made.extend(replayed.map(|replayed| (rule, replayed)));
            self.unfinished.extend(rest.map(|rest| Ongoing { from: end, ..rest }));
        }
        Ok(in_order(&groups, made))
    }

    /// Advances every scenario by the hours of a stretch that it has not seen.
    async fn each_hour(
        &mut self,
        all: &mut [Ongoing],
        stretch: &Stretch,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<(), AnalyzeError> {
        let Some(first) = all.first() else { return Ok(()) };
        let Range { start, end } = stretch.hours;
        if self.kept.as_ref().is_none_or(|kept| kept.start != start) {
            self.kept = Some(Kept::new(start, first.rule));
        }
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let as_kept = choices.selections.len() == 1;
        let mut rules: Vec<ByRule> = Vec::new();
        for one in all.iter() {
            if !rules.iter().any(|by| by.rule == one.rule) {
                rules.push(ByRule { rule: one.rule, by_kept: one.rule == kept.rule, intake: None });
            }
        }
        // Those that go on all come from one pass.
        let from = all.iter().map(|one| one.from).min().unwrap_or(start);
        let walked = std::mem::take(&mut self.walked);
        let mut walks: Vec<Walk> = rules.iter().map(|_| Walk::default()).collect();
        if from > start {
            walks = vec![walked];
        }
        let rules_of: Vec<RightSizing> = rules.iter().map(|by| by.rule).collect();
        let mut advance = |all: &mut [Ongoing], hours: &mut (dyn Iterator<Item = Taken> + Send)| {
            let shared = hours.map(|(at, taken, moving)| {
                let by_rule = walks.iter_mut().zip(&taken).map(|(walk, hour)| walk.next(hour, moving.as_ref()));
                (at, by_rule.collect::<Vec<SharedHour>>())
            });
            side_by_side(all, shared, |one, (at, by_rule)| {
                let own = rules_of.iter().position(|rule| *rule == one.rule).and_then(|place| by_rule.get(place));
                own.into_iter().for_each(|hour| one.advance(*at, hour, stretch.split));
            });
        };
        // Where every rule has its hours, nothing but what moves has to be read.
        let there = if rules.iter().all(|by| by.by_kept) { kept.end().min(end) } else { start };
        let of_kept = from..there.max(from);
        let hour_of = |kept: &Kept, at: usize, moving: Option<Hour>| -> Option<Taken> {
            Some((at, vec![Arc::clone(kept.hour(at)?)], moving))
        };
        if as_kept {
            advance(all, &mut of_kept.filter_map(|at| hour_of(kept, at, None)));
        } else {
            let hours = self.hours.get(of_kept.clone()).unwrap_or_default();
            let mut days = Days::new(self.lake, self.cluster, hours, MOVING);
            let (mut at, mut read) = (of_kept, Vec::new());
            loop {
                let day = days.next().await?;
                let moving = read.into_iter().zip(at.by_ref());
                let mut hours = moving.filter_map(|(moving, at)| hour_of(kept, at, Some(moving)));
                let next = || day.as_ref().map_or_else(|| Ok(Vec::new()), |day| read_traces(day, names, choices));
                read = beside(|| advance(all, &mut hours), next)?;
                if day.is_none() {
                    break;
                }
            }
        }
        let mut days = Days::new(self.lake, self.cluster, self.hours.get(there..end).unwrap_or_default(), REPLAYED);
        let (mut at, mut read): (usize, Vec<Taken>) = (there, Vec::new());
        loop {
            let day = days.next().await?;
            let next = || {
                let mut hours: Vec<Taken> = Vec::new();
                let take = |hour: Hour| {
                    let at = at + hours.len();
                    hours.push((at, rules.iter_mut().map(|by| by.take_in(at, &hour, kept, as_kept)).collect(), None));
                };
                day.as_ref().map_or(Ok(()), |day| each_trace(day, names, choices, take))?;
                Ok::<_, AnalyzeError>(hours)
            };
            let mut hours = read.into_iter().filter(|(at, ..)| *at >= from);
            read = beside(|| advance(all, &mut hours), next)?;
            at += read.len();
            if day.is_none() {
                break;
            }
        }
        // A pass that ends before the split has all of it before that.
        all.iter_mut().for_each(Ongoing::split_here);
        if kept.end() == self.hours.len() {
            kept.complete();
        }
        if end < self.hours.len() {
            self.walked = walks.pop().unwrap_or_default();
        }
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

/// Does `work` while something is read.
fn beside<R>(work: impl FnOnce() + Send, read: impl FnOnce() -> R) -> R {
    std::thread::scope(|threads| {
        threads.spawn(work);
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
