//! What is replayed: the cluster's own hours through one engine, scenario after scenario.
//!
//! The lake is read again for each pass, a day at a time, because what may be bought is known only after the first
//! reading and which host is worth a replay only after the second. A pass advances all its scenarios together.

mod interval;
mod machines;
mod money;
mod movability;
mod plan;
mod report;
mod selection;
mod terms;
mod verdict;
mod waterfall;
mod what_if;

use std::collections::{BTreeMap, BTreeSet};

use lake::Lake;
use replay::{Base, Hour, Outcome, Replay, RiskTarget, Setup, choose, daemons_of, screen};
use types::{ClusterId, NanoUsd};

use crate::assumptions::Assumptions;
use crate::input::{AnalyzeError, Days, read_traces};
use crate::observed::Observed;
use crate::prices::PriceBook;
use crate::profile::Profile;
use crate::scenarios::today::Bill;
use crate::trace::{Counted, Names};
pub(crate) use machines::{Candidate, Machines};
pub(crate) use money::{Money, Pricer};
pub(crate) use report::{Conclusion, conclude};
use selection::{Selection, Selector};
pub(crate) use verdict::verdict;
pub(crate) use waterfall::waterfall;

/// Hosts replayed of those that the bound leaves.
const HOSTS_REPLAYED: usize = 10;
/// Share of the memory that may move by the end of the first step, and of the second.
const STEP_PERCENT: [i128; 2] = [10, 50];
/// Ratios of the what-if grid, and of `emp-tuned`, which is chosen from it.
pub(crate) const MEMORY_RATIOS: [f64; 5] = [1.0, 1.25, 1.5, 2.0, 2.5];
pub(crate) const CPU_RATIOS: [f64; 5] = [1.5, 2.0, 3.0, 5.0, 8.0];

/// A scenario that was replayed.
#[derive(Debug, Clone)]
pub(crate) struct Replayed {
    pub(crate) setup: Setup,
    /// Over the whole window: what is billed.
    pub(crate) whole: Outcome,
    /// After the two thirds on which choices are made: what risk is reported on.
    pub(crate) last_third: Outcome,
    pub(crate) first_two_thirds: Outcome,
    /// The host, where there is one.
    pub(crate) host: Option<Candidate>,
}

impl Replayed {
    /// The same for its bill and risk alone.
    fn without_course(self) -> Self {
        Self { whole: self.whole.without_course(), ..self }
    }
}

/// Everything that was replayed.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) machines: Machines<'a>,
    pub(crate) pricer: Pricer<'a>,
    pub(crate) names: Names,
    pub(crate) target: RiskTarget,
    /// `ec2-today-replayed`, `ec2-repacked-karpenter`, `ec2-repacked`, `ec2-rightsized`.
    pub(crate) on_ec2: Vec<Replayed>,
    /// Candidates with their bounds; those that were replayed with what came of it, the cheapest bound first.
    pub(crate) hosts: Vec<HostTried>,
    /// `emp` and `emp-rightsized` on the chosen host, and `emp-tuned` where some ratios hold the target.
    pub(crate) on_emp: Vec<Replayed>,
    /// `emp` at each pair of ratios.
    pub(crate) grid: Vec<Replayed>,
    /// `emp` with one assumption changed.
    pub(crate) changed: Vec<(Change, Replayed)>,
    /// Namespaces that move step by step, each with `emp` of everything moved so far.
    pub(crate) waves: Vec<(Vec<String>, Replayed)>,
    /// `emp` with a choice lifted that keeps pods on EC2, by the reason it keeps them for.
    pub(crate) lifted: Vec<(&'static str, Replayed)>,
    /// The profile in force.
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) assumptions: &'a Assumptions,
}

impl Model<'_> {
    /// What moves and what does not, workload by workload.
    fn counted(&self) -> impl Iterator<Item = &Counted> {
        self.names.counted.iter().flatten().map(|(_, counted)| counted)
    }
}

/// A host type that was looked at.
#[derive(Debug)]
pub(crate) struct HostTried {
    pub(crate) candidate: Candidate,
    /// Least compute cost of what would run on it; `None` where it cannot carry that.
    pub(crate) bound: Option<NanoUsd>,
    pub(crate) replayed: Option<Replayed>,
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

/// What a pass reads, and how its pods are judged.
struct Source<'l> {
    lake: &'l Lake,
    cluster: &'l ClusterId,
    hours: &'l [types::Hour],
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
    let source = Source { lake, cluster, hours };
    let mut names = Names::default();
    names.io2 = assumptions.terms.emp_volumes == "io2";
    let selector = Selector { machines: &machines, selections: only };
    let Some(first) = source.first_hour(&mut names, &selector).await? else { return Ok(None) };
    let (daemons, daemon_pods) = daemons_of(&first);
    let base = Base {
        catalog: machines.catalog.clone(),
        ec2_types: machines.ec2_types.clone(),
        daemons,
        daemon_pods,
        karpenter: assumptions.terms.ec2_today_consolidates == "yes",
        assumptions: assumptions.replay,
    };
    let target = base.assumptions.risk_target();
    let pricer = Pricer::new(observed, bill, book, &machines, assumptions);
    let mut setups = vec![
        (base.today_replayed(), None),
        (base.repacked_by_karpenter(), None),
        (base.repacked(), None),
        (base.ec2_rightsized(), None),
    ];
    let reference = pricer.usual_host(&machines).cloned();
    if let Some(host) = &reference {
        setups.push((base.emp(&host.host, &host.family), Some(host.clone())));
    }
    names.counted = Some(BTreeMap::new());
    let mut on_ec2 = source.pass(setups, &base, &mut names, &selector).await?;
    let counted = names.counted.take();
    let mut model = Model {
        target,
        hosts: Vec::new(),
        on_emp: Vec::new(),
        grid: Vec::new(),
        changed: Vec::new(),
        waves: Vec::new(),
        lifted: Vec::new(),
        on_ec2: Vec::new(),
        names: Names::default(),
        machines,
        pricer,
        profile,
        assumptions,
    };
    if reference.is_some()
        && let Some(emp) = on_ec2.pop()
        && emp.whole.hours.iter().any(|hour| !hour.evm_seconds.is_empty())
    {
        let selector = Selector { machines: &model.machines, selections: only };
        model.hosts = source.hosts(&base, &model.pricer, emp, &mut names, &selector, &target).await?;
        if let Some(chosen) = model.hosts.iter().find(|host| host.chosen) {
            let steps = steps(&names, counted.as_ref());
            let choices = Lifted::of(&in_force, counted.as_ref(), &steps);
            let selector = Selector { machines: &model.machines, selections: &choices.selections };
            let emp = chosen.replayed.clone();
            let candidate = chosen.candidate.clone();
            for tried in &mut model.hosts {
                tried.replayed = tried.replayed.take().map(Replayed::without_course);
            }
            let on_host = source.on_host(&base, &candidate, &choices, &mut names, &selector).await?;
            model.on_emp = emp.into_iter().chain(on_host.sized).collect();
            model.on_emp.extend(tuned(&on_host.grid, &model.pricer, &target));
            let bare = Replayed::without_course;
            model.grid = on_host.grid.into_iter().map(bare).collect();
            model.changed = on_host.changed.into_iter().map(|(change, replayed)| (change, bare(replayed))).collect();
            model.lifted = on_host.lifted.into_iter().map(|(why, replayed)| (why, bare(replayed))).collect();
            // With the last step everything has moved, and that is the scenario itself.
            let moved = on_host.waves.into_iter().chain(model.on_emp.first().cloned());
            model.waves = steps.into_iter().zip(moved).collect();
        }
    }
    names.counted = counted;
    (model.on_ec2, model.names) = (on_ec2, names);
    Ok(Some(model))
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

/// What is replayed on the chosen host beside `emp` itself.
#[derive(Default)]
struct OnHost {
    sized: Option<Replayed>,
    grid: Vec<Replayed>,
    changed: Vec<(Change, Replayed)>,
    lifted: Vec<(&'static str, Replayed)>,
    waves: Vec<Replayed>,
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

/// The cheapest pair of ratios that held the target in the first two thirds.
fn tuned(grid: &[Replayed], pricer: &Pricer<'_>, target: &RiskTarget) -> Option<Replayed> {
    let outcomes: Vec<_> = grid.iter().map(|variant| variant.first_two_thirds.clone()).collect();
    let cost = |at: usize, outcome: &Outcome| pricer.money(grid.get(at)?, outcome).lines.total();
    let at = choose(&outcomes, target, cost)?;
    let mut chosen = grid.get(at)?.clone();
    "emp-tuned".clone_into(&mut chosen.setup.id);
    Some(chosen)
}

impl Source<'_> {
    async fn first_hour(&self, names: &mut Names, choices: &Selector<'_>) -> Result<Option<Hour>, AnalyzeError> {
        let mut days = Days::new(self.lake, self.cluster, self.hours);
        Ok(match days.next().await? {
            Some(day) => read_traces(&day, names, choices)?.into_iter().next(),
            None => None,
        })
    }

    /// Replays scenarios over all hours; what came after two thirds of them is kept apart.
    async fn pass(
        &self,
        setups: Vec<(Setup, Option<Candidate>)>,
        base: &Base,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let engines = setups.iter().map(|(setup, _)| setup.clone()).collect();
        let mut replay = Replay::right_sizing(engines, base.assumptions.right_sizing()).with_threads(threads);
        let mut days = Days::new(self.lake, self.cluster, self.hours);
        let (mut done, two_thirds) = (0, self.hours.len() * 2 / 3);
        let mut earlier = None;
        while let Some(day) = days.next().await? {
            for hour in read_traces(&day, names, choices)? {
                if done == two_thirds {
                    earlier = Some(replay.so_far());
                }
                replay.advance(&hour);
                done += 1;
            }
        }
        let earlier = earlier.unwrap_or_else(|| replay.so_far());
        let outcomes = replay.finish().into_iter().map(|(outcome, _)| outcome);
        let replayed = setups.into_iter().zip(outcomes.zip(earlier)).map(|((setup, host), (whole, earlier))| {
            Replayed { last_third: whole.since(&earlier), first_two_thirds: earlier, whole, setup, host }
        });
        Ok(replayed.collect())
    }

    /// Every host type bounded, the best replayed, and the cheapest that holds the target chosen; where none holds it,
    /// the cheapest.
    async fn hosts(
        &self,
        base: &Base,
        pricer: &Pricer<'_>,
        reference: Replayed,
        names: &mut Names,
        selector: &Selector<'_>,
        target: &RiskTarget,
    ) -> Result<Vec<HostTried>, AnalyzeError> {
        let machines = selector.machines;
        let candidates: Vec<_> =
            machines.hosts.iter().map(|candidate| base.emp(&candidate.host, &candidate.family)).collect();
        let screened = screen(&reference.whole, &candidates, candidates.len());
        let worth = screened.iter().take(HOSTS_REPLAYED).filter_map(|(at, _)| machines.hosts.get(*at));
        let setups = worth.map(|host| (base.emp(&host.host, &host.family), Some(host.clone()))).collect();
        let replayed = self.pass(setups, base, names, selector).await?;
        let cost = |tried: &Replayed| pricer.money(tried, &tried.first_two_thirds).lines.total();
        let cheapest = |holding: bool| {
            let of = |(at, tried): (usize, &Replayed)| {
                let holds = target.holds(&tried.first_two_thirds) || !holding;
                holds.then(|| Some((cost(tried)?, at))).flatten()
            };
            replayed.iter().enumerate().filter_map(of).min().map(|(_, at)| at)
        };
        let chosen = cheapest(true).or_else(|| cheapest(false));
        let mut replayed: Vec<_> = replayed.into_iter().map(Some).collect();
        let tried = screened.into_iter().enumerate().filter_map(|(place, (at, bound))| {
            Some(HostTried {
                candidate: machines.hosts.get(at)?.clone(),
                bound: Some(bound),
                replayed: replayed.get_mut(place).and_then(Option::take),
                chosen: chosen == Some(place),
            })
        });
        Ok(tried.collect())
    }

    /// What is replayed on the chosen host beside `emp` itself: right-sized, every pair of ratios, each change alone,
    /// each choice lifted, and the steps.
    async fn on_host(
        &self,
        base: &Base,
        host: &Candidate,
        choices: &Lifted<'_>,
        names: &mut Names,
        selector: &Selector<'_>,
    ) -> Result<OnHost, AnalyzeError> {
        let mut setups = vec![base.emp_rightsized(&host.host, &host.family)];
        setups.extend(base.tuning_grid(&host.host, &host.family, &MEMORY_RATIOS, &CPU_RATIOS));
        let grid = setups.len() - 1;
        let mut changes = Vec::new();
        for (key, values) in CHANGES {
            for value in values {
                let Some(assumptions) = base.assumptions.with(key, value) else { continue };
                let changed = Base { assumptions, ..base.clone() };
                setups.push(changed.emp(&host.host, &host.family));
                changes.push(Change { key, value: (*value).to_owned() });
            }
        }
        let selecting = |selection: u8| Setup { selection, ..base.emp(&host.host, &host.family) };
        setups.extend(choices.reasons.iter().map(|(at, _)| selecting(*at)));
        setups.extend(choices.steps.iter().map(|at| selecting(*at)));
        let setups = setups.into_iter().map(|setup| (setup, Some(host.clone()))).collect();
        let mut replayed = self.pass(setups, base, names, selector).await?.into_iter();
        Ok(OnHost {
            sized: replayed.next(),
            grid: replayed.by_ref().take(grid).collect(),
            changed: changes.into_iter().zip(replayed.by_ref()).collect(),
            lifted: choices.reasons.iter().map(|(_, why)| *why).zip(replayed.by_ref()).collect(),
            waves: replayed.collect(),
        })
    }
}

/// Seconds of machines that stay as they are, hour by hour.
pub(crate) type AsIs = Vec<(types::Hour, BTreeMap<crate::prices::MachineKind, i64>)>;
