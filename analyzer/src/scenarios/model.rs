//! Model of replays: the cluster's own hours through one engine, scenario after scenario.
//!
//! The lake is read again for the first pass, a day at a time, because what may be bought is known only after the first
//! reading. Every hour is taken in once and kept in a small form for the passes after it, each of which hangs on what came
//! of those before. A pass advances all its scenarios over the same hours, side by side.

mod accuracy;
mod costs;
mod judgement;
mod migration;
mod recommendation;
mod replays;
mod results;
mod runs;
mod sensitivity;

use std::collections::BTreeMap;

use lake::Lake;
use replay::Base;
use types::ClusterId;
use types::analysis::{Combine, ScenarioId};

use crate::assumptions::Assumptions;
use crate::assumptions::choices::PoolVolumes;
use crate::bill::today::Bill;
use crate::prices::PriceBook;
use crate::read::error::AnalyzeError;
use crate::read::replay_input::Names;
use crate::scenarios::emp_profile::Profile;
use crate::sums::window_totals::Observed;
use costs::scenario_cost::Pricer;
use judgement::decision::{Basis, decide};
use judgement::limits_and_remedies::{Yardstick, judgement};
pub(crate) use recommendation::confidence::nothing_compared;
pub(crate) use recommendation::verdict::verdict;
pub(crate) use recommendation::verdict_basis::Grounds;
pub(crate) use recommendation::waterfall::waterfall;
pub(crate) use replays::all_replays::Model;
use replays::host_type::Hosts;
use replays::replay_passes::{Passes, Source};
use replays::variant_trials::Defaults;
pub(crate) use results::conclude;
use runs::machine_candidates::Machines;
use runs::pod_selection::{Selection, Selector};
use runs::replayed_scenario::Replayed;
use sensitivity::tornado_bars::subject;

/// Inputs of the replays of a cluster, and the choices made for them.
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
        all: assumptions.terms.emp_profile_combine == Combine::All,
        spot: assumptions.terms.moves_spot(),
        lifted: None,
        namespaces: None,
    };
    let only = std::slice::from_ref(&in_force);
    let mut source = Source::new(lake, cluster, hours);
    let windows = source.windows;
    let mut names = Names::default();
    names.io2 = assumptions.terms.emp_volumes == PoolVolumes::Io2;
    names.unknown = observed.unknown.clone();
    let selector = Selector { machines: &machines, selections: only };
    let Some(first) = source.first_hour(&mut names, &selector).await? else { return Ok(None) };
    let base = machines.base(&first, observed, assumptions);
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
        planned: ScenarioId::Emp,
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
    /// Adds what an answer brings with it: the scenario it is about under other assumptions, and where a pool pays, the
    /// steps to it and what choices of the user cost.
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
        self.planned = decision.recommended.filter(|id| id.is_emp()).unwrap_or(ScenarioId::Emp);
        let (planned, today) = (self.scenario(self.planned).cloned(), self.today().cloned());
        let as_today = self.scenario(ScenarioId::Emp).map(|emp| emp.setup.ec2.clone());
        let limits = self.limits;
        let counted = self.names.counted.take();
        let mut passes = Passes { source, base, pricer: &self.pricer, names: &mut self.names, limits };
        if let Some((planned, as_today)) = planned.zip(as_today) {
            let steps = replays::namespace_waves::order(passes.names, counted.as_ref());
            let taken = if pays { &steps[..] } else { &[] };
            let choices = replays::namespace_waves::Lifted::of(in_force, counted.as_ref(), taken);
            let selector = Selector { machines, selections: &choices.selections };
            let (lifted, mut waves) = passes.steps(&planned, as_today, &choices, &selector).await?;
            self.lifted = lifted;
            // With the last step everything has moved, and that is the scenario itself.
            waves.push(planned.without_course());
            self.waves = if pays { steps.into_iter().zip(waves).collect() } else { Vec::new() };
        }
        // Last, since how much of it is replayed hangs on how much was.
        let selector = Selector { machines, selections: std::slice::from_ref(in_force) };
        if let Some((of, today)) = of.as_ref().zip(today.as_ref()) {
            self.tornado = Some(passes.tornado(of, today, &selector).await?);
        }
        self.names.counted = counted;
        Ok(())
    }
}
