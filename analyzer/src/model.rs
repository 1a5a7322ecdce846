//! What is replayed: the cluster's own hours through one engine, scenario after scenario.
//!
//! The lake is read again for each pass, a day at a time, because what may be bought is known only after the first
//! reading and which host is worth a replay only after the second. A pass advances all its scenarios together.

mod back_test;
mod bars;
mod confidence;
mod decide;
mod headroom;
mod host_choice;
mod interval;
mod judged;
mod machines;
mod money;
mod movability;
mod passes;
mod plan;
mod report;
mod selection;
mod silence;
mod steps;
mod terms;
mod tornado;
mod tune;
mod variants;
mod verdict;
mod waterfall;
mod what_if;
mod windows;

use std::collections::BTreeMap;

use lake::Lake;
use replay::{Base, Limits, Outcome, Setup};
use types::analysis::{Limit, ScenarioId};
use types::{ClusterId, NanoUsd};

use crate::assumptions::Assumptions;
use crate::input::AnalyzeError;
use crate::observed::Observed;
use crate::prices::PriceBook;
use crate::profile::Profile;
use crate::scenarios::today::Bill;
use crate::trace::{Counted, Names};
use bars::subject;
pub(crate) use confidence::nothing_compared;
use decide::{Basis, decide};
use host_choice::Hosts;
use judged::{Yardstick, judgement};
pub(crate) use machines::{Candidate, Machines};
pub(crate) use money::{Money, Pricer};
use passes::{Passes, Source};
pub(crate) use report::{Conclusion, conclude};
use selection::{Selection, Selector};
use tornado::Tornado;
use tune::Defaults;
pub(crate) use verdict::{Grounds, verdict};
pub(crate) use waterfall::waterfall;
pub(crate) use windows::Windows;

/// A scenario that was replayed.
#[derive(Debug, Clone)]
pub(crate) struct Replayed {
    pub(crate) setup: Setup,
    /// Over all the hours it was replayed on: what is billed.
    pub(crate) whole: Outcome,
    /// Before the hours that are reported: what choices are made on.
    pub(crate) before: Outcome,
    /// The hours that are reported: what is judged and compared.
    pub(crate) reported: Outcome,
    /// The host, where there is one.
    pub(crate) host: Option<Candidate>,
}

impl Replayed {
    /// The same for its bill and risk alone.
    fn without_course(self) -> Self {
        Self { whole: self.whole.without_course(), ..self }
    }

    /// The same on the hours that serve choices, where it was replayed on more.
    fn on_choosing(&self, windows: &Windows) -> Self {
        let is_longer = self.whole.hours.len() > windows.choosing().len();
        if is_longer { Self { whole: self.before.clone(), ..self.clone() } } else { self.clone() }
    }

    /// Whether anything ran on elastic VMs.
    fn has_elastic_vms(&self) -> bool {
        self.whole.hours.iter().any(|hour| !hour.evm_seconds.is_empty())
    }

    /// Its scenario; `None` for what is replayed only to compare.
    pub(crate) fn id(&self) -> Option<ScenarioId> {
        ScenarioId::parse(&self.setup.id)
    }
}

/// A scenario at each level of headroom that was tried, the lowest first.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// What it costs without any beyond the default.
    pub(crate) base: Replayed,
    /// Level by level, as in [`Headroom::LEVELS`](replay::Headroom::LEVELS) from the second on.
    pub(crate) levels: Vec<Replayed>,
    /// The level in force; `None` where no level holds, or none is needed.
    pub(crate) chosen: Option<usize>,
}

/// Everything that was replayed.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) pricer: Pricer<'a>,
    pub(crate) names: Names,
    pub(crate) windows: Windows,
    pub(crate) limits: Limits,
    /// `ec2-today-replayed` first, then the rivals on EC2, each with the headroom it needs.
    pub(crate) on_ec2: Vec<Replayed>,
    /// Candidates with their bounds; those that were replayed with what came of it, the cheapest bound first.
    pub(crate) hosts: Vec<HostTried>,
    /// `emp`, and the pools whose leftovers are treated as their rivals treat them, each with the headroom it needs.
    pub(crate) on_emp: Vec<Replayed>,
    /// `emp` with leftovers repacked as `ec2-repacked` repacks them: for the difference between the two alone.
    pub(crate) like_for_like: Option<Replayed>,
    /// `emp` at each pair of ratios tried, and today's machines over the same hours.
    pub(crate) grid: Vec<Replayed>,
    pub(crate) grid_today: Option<Replayed>,
    /// The scenario the answer is about with one assumption changed; `None` where none was replayed.
    pub(crate) tornado: Option<Tornado>,
    /// Namespaces that move step by step, each with `emp` of everything moved so far.
    pub(crate) waves: Vec<(Vec<String>, Replayed)>,
    /// `emp` with a choice lifted that keeps pods on EC2, by the reason it keeps them for.
    pub(crate) lifted: Vec<(&'static str, Replayed)>,
    /// Headroom tried, scenario by scenario.
    pub(crate) ladders: Vec<Ladder>,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(crate) replays: f64,
    /// The profile in force.
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) assumptions: &'a Assumptions,
}

impl Model<'_> {
    /// What moves and what does not, workload by workload.
    fn counted(&self) -> impl Iterator<Item = &Counted> {
        self.names.counted.iter().flatten().map(|(_, counted)| counted)
    }

    /// A scenario that was replayed.
    pub(crate) fn scenario(&self, id: ScenarioId) -> Option<&Replayed> {
        self.on_ec2.iter().chain(&self.on_emp).find(|replayed| replayed.id() == Some(id))
    }

    /// The replay of today's machines, by which others are judged.
    pub(crate) fn today(&self) -> Option<&Replayed> {
        self.scenario(ScenarioId::Ec2TodayReplayed)
    }
}

/// A host type that was looked at.
#[derive(Debug)]
pub(crate) struct HostTried {
    pub(crate) candidate: Candidate,
    /// Least compute cost of what would run on it; `None` where it cannot carry that.
    pub(crate) bound: Option<NanoUsd>,
    pub(crate) replayed: Option<Replayed>,
    /// Limits it breaks on the hours that serve choices, and that neither warm machines nor spare hosts mend.
    pub(crate) over: Vec<Limit>,
    pub(crate) chosen: bool,
}

/// One assumption changed to one of its other values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) key: &'static str,
    pub(crate) value: String,
}

/// What is replayed of a cluster, and by which choices.
#[derive(Debug)]
pub(crate) struct Inputs<'l, 'a> {
    pub(crate) lake: &'l Lake,
    pub(crate) cluster: &'l ClusterId,
    pub(crate) hours: &'l [types::Hour],
    pub(crate) observed: &'l Observed,
    pub(crate) bill: &'l Bill,
    pub(crate) book: &'a PriceBook,
    pub(crate) assumptions: &'a Assumptions,
    pub(crate) profile: Option<&'a Profile>,
}

/// Replays the hours; `None` where nothing can be replayed: no region, or no node of a known type with a price.
///
/// # Errors
/// [`AnalyzeError`] when the lake fails.
pub(crate) async fn replay<'a>(inputs: Inputs<'_, 'a>) -> Result<Option<Model<'a>>, AnalyzeError> {
    let Inputs { lake, cluster, hours, observed, bill, book, assumptions, profile } = inputs;
    let Some(region) = observed.region() else { return Ok(None) };
    let machines = Machines::new(observed.nodes.keys(), region, book, assumptions);
    if machines.kinds.is_empty() {
        return Ok(None);
    }
    let in_force = Selection {
        profile,
        all: assumptions.terms.emp_profile_combine == "all",
        spot: assumptions.terms.moves_spot(),
        lifted: None,
        namespaces: None,
    };
    let only = std::slice::from_ref(&in_force);
    let windows = Windows::of(hours.len());
    let mut source = Source { lake, cluster, hours, windows, replays: 0.0 };
    let mut names = Names::default();
    names.io2 = assumptions.terms.emp_volumes == "io2";
    let selector = Selector { machines: &machines, selections: only };
    let Some(first) = source.first_hour(&mut names, &selector).await? else { return Ok(None) };
    let base = machines.base(&first, assumptions);
    let pricer = Pricer::new(observed, bill, book, &machines, assumptions);
    let limits = base.assumptions.limits();
    names.counted = Some(BTreeMap::new());
    let usual = pricer.usual_host(&machines).cloned();
    let mut passes = Passes { source: &mut source, base, pricer: &pricer, names: &mut names, limits };
    let mut on_ec2 = passes.on_ec2(&selector).await?;
    let Some(today) = on_ec2.first().cloned() else { return Ok(None) };
    let counted = passes.names.counted.take();
    let moves = counted.iter().flatten().any(|(_, counted)| counted.moves_seconds > 0);
    let hosts = match usual.filter(|_| moves) {
        Some(usual) => passes.hosts(&usual, &today, &selector).await?,
        None => Hosts { tried: Vec::new(), today: None },
    };
    let host = hosts.chosen().cloned();
    let mut pools = passes.pools(host.as_ref(), &selector).await?.into_iter();
    let emp = pools.next();
    let repacked: Vec<Replayed> = pools.collect();
    let tuned = {
        let defaults = Defaults { on_ec2: &on_ec2, pools: &repacked, today: hosts.today };
        passes.tune(defaults, &selector).await?
    };
    let mut on_emp: Vec<Replayed> = emp.into_iter().collect();
    for chosen in passes.tuned(&tuned, &on_ec2, &repacked, &selector).await? {
        // A policy that was chosen takes the place of the default of its scenario.
        let side = if chosen.host.is_some() { &mut on_emp } else { &mut on_ec2 };
        side.retain(|default| default.setup.id != chosen.setup.id);
        side.push(chosen);
    }
    let (on_ec2, on_emp, ladders) = passes.headroom(on_ec2, on_emp, &selector).await?;
    let base = passes.base;
    names.counted = counted;
    let mut model = Model {
        windows,
        limits,
        on_ec2,
        hosts: hosts.tried,
        on_emp,
        like_for_like: repacked.into_iter().next(),
        grid: tuned.grid,
        grid_today: tuned.grid_today,
        tornado: None,
        waves: Vec::new(),
        lifted: Vec::new(),
        ladders,
        replays: 0.0,
        names,
        pricer,
        profile,
        assumptions,
    };
    model.look_closer(&mut source, base, bill, (&machines, &in_force)).await?;
    model.replays = source.replays;
    Ok(Some(model))
}

impl<'a> Model<'a> {
    /// What an answer brings with it: the scenario it is about under other assumptions, and where a pool pays, the steps to
    /// it and what choices of the user cost.
    async fn look_closer(
        &mut self,
        source: &mut Source<'_>,
        base: Base,
        bill: &Bill,
        (machines, in_force): (&Machines<'_>, &Selection<'_>),
    ) -> Result<(), AnalyzeError> {
        let basis = Basis::new(self, bill);
        let judged = judgement(self, basis.reported, &Yardstick::new(&self.assumptions.replay));
        let decision = decide(&judged, &basis);
        let of = subject(&judged, &decision).and_then(|row| self.scenario(row.id)).cloned();
        let pays = judged.reported.iter().any(|row| row.id.is_emp() && row.judged.saving_monthly_usd > 0.0);
        let (emp, today) = (self.scenario(ScenarioId::Emp).cloned(), self.today().cloned());
        let limits = self.limits;
        let counted = self.names.counted.take();
        let mut passes = Passes { source, base, pricer: &self.pricer, names: &mut self.names, limits };
        let selector = Selector { machines, selections: std::slice::from_ref(in_force) };
        if let Some((of, today)) = of.as_ref().zip(today.as_ref()) {
            self.tornado = Some(passes.tornado(of, today, &selector).await?);
        }
        if let Some(emp) = emp {
            let steps = steps::order(passes.names, counted.as_ref());
            let taken = if pays { &steps[..] } else { &[] };
            let choices = steps::Lifted::of(in_force, counted.as_ref(), taken);
            let selector = Selector { machines, selections: &choices.selections };
            let (lifted, mut waves) = passes.steps(&emp, &choices, &selector).await?;
            self.lifted = lifted;
            // With the last step everything has moved, and that is the scenario itself.
            waves.push(emp.without_course());
            self.waves = if pays { steps.into_iter().zip(waves).collect() } else { Vec::new() };
        }
        self.names.counted = counted;
        Ok(())
    }
}

/// Seconds of machines that stay as they are, hour by hour.
pub(crate) type AsIs = Vec<(types::Hour, BTreeMap<crate::prices::MachineKind, i64>)>;
