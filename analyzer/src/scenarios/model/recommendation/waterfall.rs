//! From today's cost to the recommended scenario's, by one path whose steps add up.
//!
//! Everything is measured on the reported hours and scaled to the window, so that the steps add up to what the verdict
//! saves.

use types::NanoUsd;
use types::analysis::{ExactLines, ScenarioId, Verdict, Waterfall, WaterfallChange, WaterfallStep};

use crate::bill::today;
use crate::monthly_scaling::Month;
use crate::number::ratio;
use crate::scenarios::model::judgement::decision::empty_usd;
use crate::scenarios::model::judgement::limits_and_remedies::{Reported, in_force};
use crate::scenarios::model::recommendation::verdict_basis::Conclusion;
use crate::scenarios::model::replays::all_replays::Model;
use crate::units::nanos;

/// Lines of a machine pool that EC2 alone does not have in this form.
const POOL_LINES: [&str; 3] = ["pool_network", "root_disks", "licences"];

/// Lists what changes on the way to a scenario, and the scenario reached with it. A pool whose leftovers stay as they
/// are is reached without repacking; one whose leftovers are repacked, after that.
fn path(to: ScenarioId, tuned: bool) -> Vec<(WaterfallChange, ScenarioId)> {
    let back_test = (WaterfallChange::BackTest, ScenarioId::Ec2TodayReplayed);
    let repack = (WaterfallChange::Repack, if tuned { ScenarioId::Ec2Tuned } else { ScenarioId::Ec2Repacked });
    let right_size = (WaterfallChange::RightSize, ScenarioId::Ec2Rightsized);
    match to {
        ScenarioId::Ec2Repacked => vec![back_test, (WaterfallChange::Repack, to)],
        ScenarioId::Emp => vec![back_test],
        ScenarioId::Ec2Rightsized | ScenarioId::EmpRightsized => vec![back_test, repack, right_size],
        _ => vec![back_test, repack],
    }
}

/// A scenario on the way, exact over the reported hours.
struct Rung {
    what: WaterfallChange,
    scenario: Option<ScenarioId>,
    lines: ExactLines,
}

/// The steps; `None` where a scenario of the path was not replayed or has no line in common with the others.
pub(crate) fn waterfall(
    model: &Model<'_>,
    conclusion: &Conclusion,
    verdict: &Verdict,
    (window, reported): (Month, Month),
) -> Option<Waterfall> {
    let judgement = &conclusion.judgement;
    let find = |id: ScenarioId| judgement.reported.iter().find(|row| row.id == id);
    let recommended = verdict.recommendation.as_deref().and_then(ScenarioId::parse).and_then(find);
    let end = recommended.or_else(|| find(ScenarioId::Emp))?;
    let back_test = model.today().map(|today| model.pricer.money(today, &today.reported).lines)?;
    let mut rungs = Vec::new();
    for (what, id) in path(end.id, find(ScenarioId::Ec2Tuned).is_some()) {
        let lines = if id == ScenarioId::Ec2TodayReplayed { back_test } else { without_headroom(model, find(id)?) };
        rungs.push(Rung { what, scenario: Some(id), lines });
    }
    let bare = without_headroom(model, end);
    // Without the spare hosts that are priced in.
    let unspared = in_force(model, end.id).map(|replayed| model.pricer.money(replayed, &replayed.reported).lines);
    let unspared = unspared.unwrap_or(end.money.lines);
    let ends = [&judgement.today, &bare, &unspared, &end.money.lines];
    let all: Vec<&ExactLines> = rungs.iter().map(|rung| &rung.lines).chain(ends).collect();
    let named = judgement.today.named();
    let names = named.iter().map(|(name, _)| *name).filter(|name| all.iter().all(|lines| lines.line(name).is_some()));
    let names: Vec<&'static str> = names.collect();
    if names.is_empty() {
        return None;
    }
    let total = |lines: &ExactLines, of: &dyn Fn(&str) -> bool| -> NanoUsd {
        names.iter().filter(|name| of(name)).filter_map(|name| lines.line(name)).sum()
    };
    let everything = |_: &str| true;
    let scaled = |usd: NanoUsd| window.of_window(reported.usd(usd)).usd();
    let step = |what: WaterfallChange, scenario: Option<ScenarioId>, usd: NanoUsd| WaterfallStep {
        what,
        scenario: scenario.map(|id| id.as_str().to_owned()),
        usd: scaled(usd),
    };
    let some = |what: WaterfallChange, usd: NanoUsd| (usd != NanoUsd::ZERO).then(|| step(what, Some(end.id), usd));
    let (mut steps, mut reached) = (Vec::new(), judgement.today);
    for rung in &rungs {
        let change = total(&rung.lines, &everything) - total(&reached, &everything);
        let empty = match rung.what {
            WaterfallChange::BackTest => model.today().map_or(0.0, |today| empty_usd(today, &today.reported)),
            _ => 0.0,
        };
        // What goes with nodes that nothing ran on is no error of the model.
        let less =
            |line: &str| (total(&reached, &|name| name == line) - total(&rung.lines, &|name| name == line)).usd();
        let gone = nanos(with_empty_nodes(less("compute"), less("root_disks"), empty));
        steps.push(step(rung.what, rung.scenario, change + gone));
        steps.extend(some(WaterfallChange::EmptyNodes, -gone));
        reached = rung.lines;
    }
    let mut spares = total(&end.money.lines, &everything) - total(&unspared, &everything);
    if end.id.is_emp() {
        let change = |of: &dyn Fn(&str) -> bool| total(&bare, of) - total(&reached, of);
        let pool = |name: &str| POOL_LINES.contains(&name);
        let rest = |name: &str| !pool(name) && !["compute", "fee", "spare_hosts", "work_owed"].contains(&name);
        steps.push(step(WaterfallChange::Overcommit, None, change(&|name| name == "compute")));
        steps.push(step(WaterfallChange::Pool, None, change(&pool)));
        steps.push(step(WaterfallChange::Leftovers, None, change(&rest)));
        steps.push(step(WaterfallChange::Fee, Some(end.id), change(&|name| name == "fee")));
        steps.extend(some(WaterfallChange::WorkOwed, change(&|name| name == "work_owed")));
        // Those it was replayed with.
        spares += change(&|name| name == "spare_hosts");
    }
    steps.extend(some(WaterfallChange::Headroom, total(&unspared, &everything) - total(&bare, &everything)));
    steps.extend(some(WaterfallChange::SpareHosts, spares));
    Some(Waterfall {
        from: today::ID.to_owned(),
        to: end.id.as_str().to_owned(),
        from_usd: scaled(total(&judgement.today, &everything)),
        to_usd: scaled(total(&end.money.lines, &everything)),
        steps,
        lines: names.into_iter().map(ToOwned::to_owned).collect(),
    })
}

/// What of the compute and the root disks that a replay has less is of nodes that nothing ran on, whose compute costs `empty`.
fn with_empty_nodes(compute: f64, root_disks: f64, empty: f64) -> f64 {
    let gone = empty.min(compute).max(0.0);
    gone + ratio(gone, compute).unwrap_or_default() * root_disks.max(0.0)
}

/// Returns the cost of a scenario without the machines it keeps warm and without spare hosts.
fn without_headroom(model: &Model<'_>, row: &Reported) -> ExactLines {
    let ladder = model.ladders.iter().find(|ladder| ladder.base.id() == Some(row.id));
    let base = ladder.map(|ladder| &ladder.base).or_else(|| model.scenario(row.id));
    base.map_or(row.money.lines, |base| model.pricer.money(base, &base.reported).lines)
}
