//! What is replayed: the cluster's own hours through one engine, scenario after scenario.
//!
//! The lake is read again for each pass, a day at a time, because what may be bought is known only after the first
//! reading and which host is worth a replay only after the second. A pass advances all its scenarios together.

mod headroom;
mod interval;
mod judged;
mod machines;
mod money;
mod movability;
mod passes;
mod plan;
mod report;
mod selection;
mod terms;
mod variants;
mod verdict;
mod waterfall;
mod what_if;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use lake::Lake;
use replay::{Limits, Outcome, Setup};
use types::analysis::{Limit, ScenarioId};
use types::{ClusterId, NanoUsd};

use crate::assumptions::Assumptions;
use crate::input::AnalyzeError;
use crate::observed::Observed;
use crate::prices::PriceBook;
use crate::profile::Profile;
use crate::scenarios::today::Bill;
use crate::trace::{Counted, Names};
pub(crate) use machines::{Candidate, Machines};
pub(crate) use money::{Money, Pricer};
use passes::{OnPool, Passes, Source};
pub(crate) use report::{Conclusion, conclude};
use selection::{Selection, Selector};
pub(crate) use verdict::{Grounds, verdict};
pub(crate) use waterfall::waterfall;
pub(crate) use windows::Windows;

/// Hosts replayed of those that the bound leaves.
const HOSTS_REPLAYED: usize = 10;
/// Share of the memory that may move by the end of the first step, and of the second.
const STEP_PERCENT: [i128; 2] = [10, 50];

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
    /// Level by level, as in [`Headroom::LEVELS`] from the second on.
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
    /// `emp` at each pair of ratios tried.
    pub(crate) grid: Vec<Replayed>,
    /// `emp` with one assumption changed.
    pub(crate) changed: Vec<(Change, Replayed)>,
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

/// What other values assumptions are tried at, one at a time: the bars of the tornado.
const CHANGES: [(&str, &[&str]); 8] = [
    ("emp.memory_model", &["working_set", "touched"]),
    ("emp.host_threshold", &["0.7", "0.9"]),
    ("emp.spare_hosts_per_zone", &["1"]),
    ("emp.evm_consolidation", &["drain"]),
    ("scheduler.score", &["most_allocated"]),
    ("scheduler.zones", &["free"]),
    ("machine.smt_yield", &["0.625"]),
    ("emp.guest_mib", &["512", "2048"]),
];

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
    let reference = pricer.usual_host(&machines).cloned();
    let mut passes = Passes { source: &mut source, base, pricer: &pricer, names: &mut names, limits };
    let mut on_ec2 = passes.on_ec2(reference.as_ref(), &selector).await?;
    let counted = passes.names.counted.take();
    let emp = if on_ec2.last().is_some_and(|replayed| replayed.host.is_some()) { on_ec2.pop() } else { None };
    let moves = emp.filter(|emp| emp.whole.hours.iter().any(|hour| !hour.evm_seconds.is_empty()));
    let mut pool = OnPool::default();
    let mut hosts = Vec::new();
    if let Some(emp) = &moves {
        hosts = passes.hosts(emp, &selector).await?;
    }
    let chosen = hosts.iter().find(|host| host.chosen).map(|host| host.candidate.clone());
    let tuned = passes.tune(chosen.as_ref(), &selector).await?;
    if let Some(host) = &chosen {
        let steps = steps(passes.names, counted.as_ref());
        let choices = Lifted::of(&in_force, counted.as_ref(), &steps);
        let selector = Selector { machines: &machines, selections: &choices.selections };
        pool = passes.on_pool(host, &tuned, &choices, &selector).await?;
        let moved = std::mem::take(&mut pool.waves).into_iter();
        // With the last step everything has moved, and that is the scenario itself.
        let moved = moved.chain(pool.scenarios.first().cloned().map(Replayed::without_course));
        pool.steps = steps.into_iter().zip(moved).collect();
    }
    for chosen in passes.tuned_on_ec2(&tuned, on_ec2.as_slice(), &selector).await? {
        // A policy that was chosen takes the place of the default of its scenario.
        on_ec2.retain(|default| default.setup.id != chosen.setup.id);
        on_ec2.push(chosen);
    }
    let (on_ec2, on_emp, ladders) = passes.headroom(on_ec2, pool.scenarios, &selector).await?;
    for tried in &mut hosts {
        tried.replayed = tried.replayed.take().map(Replayed::without_course);
    }
    names.counted = counted;
    let replays = source.replays;
    Ok(Some(Model {
        windows,
        limits,
        on_ec2,
        hosts,
        on_emp,
        like_for_like: pool.like_for_like,
        grid: tuned.grid,
        changed: pool.changed,
        waves: pool.steps,
        lifted: pool.lifted,
        ladders,
        replays,
        names,
        pricer,
        profile,
        assumptions,
    }))
}

/// Selections replayed beside the one in force: with a choice lifted, and step by step.
struct Lifted<'a> {
    /// The one in force first.
    selections: Vec<Selection<'a>>,
    /// Which of them lifts the choice behind which reason.
    reasons: Vec<(u8, &'static str)>,
    /// Which of them are steps, all but the last.
    steps: Vec<u8>,
}

impl<'a> Lifted<'a> {
    fn of(in_force: &Selection<'a>, counted: Option<&BTreeMap<u32, Counted>>, steps: &[Vec<String>]) -> Self {
        let kept = |why: &str| counted.into_iter().flatten().any(|(_, counted)| counted.stays.contains_key(why));
        let mut lifted = Self { selections: vec![in_force.clone()], reasons: Vec::new(), steps: Vec::new() };
        for why in selection::BY_CHOICE.into_iter().filter(|why| kept(why)) {
            let at = lifted.add(Selection { lifted: Some(why), ..in_force.clone() });
            lifted.reasons.push((at, why));
        }
        for n in 1..steps.len() {
            let namespaces: BTreeSet<String> = steps.iter().take(n).flatten().cloned().collect();
            let at = lifted.add(Selection { namespaces: Some(namespaces), ..in_force.clone() });
            lifted.steps.push(at);
        }
        lifted
    }

    fn add(&mut self, selection: Selection<'a>) -> u8 {
        self.selections.push(selection);
        u8::try_from(self.selections.len() - 1).unwrap_or(u8::MAX)
    }
}

/// In which order namespaces move: those that reserve least first, a tenth of the memory, then four tenths, then the
/// rest, so that the first steps risk little and teach much.
fn steps(names: &Names, counted: Option<&BTreeMap<u32, Counted>>) -> Vec<Vec<String>> {
    let mut sizes: BTreeMap<&str, i128> = BTreeMap::new();
    for (workload, counted) in counted.into_iter().flatten().filter(|(_, counted)| counted.moves_seconds > 0) {
        let name = usize::try_from(*workload).ok().and_then(|at| names.workloads.names().get(at));
        if let Some(name) = name {
            *sizes.entry(&name.namespace).or_default() += counted.moving_mib_seconds();
        }
    }
    let all: i128 = sizes.values().sum();
    let mut sizes: Vec<_> = sizes.into_iter().map(|(namespace, size)| (size, namespace)).collect();
    sizes.sort_unstable();
    let (mut steps, mut so_far) = (vec![Vec::new()], 0);
    for (size, namespace) in sizes {
        let full = STEP_PERCENT.get(steps.len() - 1).is_some_and(|percent| 100 * (so_far + size) > all * percent);
        if full && steps.last().is_some_and(|step| !step.is_empty()) {
            steps.push(Vec::new());
        }
        so_far += size;
        if let Some(step) = steps.last_mut() {
            step.push(namespace.to_owned());
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// Seconds of machines that stay as they are, hour by hour.
pub(crate) type AsIs = Vec<(types::Hour, BTreeMap<crate::prices::MachineKind, i64>)>;
