//! Steps of the recommended change, which come to no more than it saves.

use std::collections::BTreeMap;

use super::assumption_to_test;
use super::step_amounts::{WORTH_DOING, change, counted, ready_place, step};
use crate::analysis::{Analysis, Judged, MachineRole, ScenarioId, Step, StepKind, Verdict, WaterfallChange, Wave};
use crate::wording;

/// Saving of each part of the change, in USD a month; negative where it costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Parts {
    pack: f64,
    size: f64,
    pool: f64,
    ready: f64,
}

impl Parts {
    fn sum(&self) -> f64 {
        self.pack + self.size + self.pool + self.ready
    }

    /// The part that the change is named for.
    fn main(&mut self, id: ScenarioId) -> &mut f64 {
        if id.is_emp() {
            &mut self.pool
        } else if id.is_rightsized() {
            &mut self.size
        } else {
            &mut self.pack
        }
    }

    /// The same with every part that only costs taken into the part the change is named for.
    fn folded(mut self, id: ScenarioId) -> Self {
        let Self { mut pack, mut size, mut ready, .. } = self;
        // What EC2 alone would save by packing is in what a pool saves.
        let fold_pack = id.is_emp() || (id.is_rightsized() && pack < WORTH_DOING);
        let (fold_size, fold_ready) = (size < WORTH_DOING, ready > 0.0);
        let moved = take(&mut pack, fold_pack) + take(&mut size, fold_size) + take(&mut ready, fold_ready);
        (self.pack, self.size, self.ready) = (pack, size, ready);
        *self.main(id) += moved;
        self
    }

    /// The same, cut where it comes to more than the change saves: the largest gain first.
    fn within(mut self, saving: f64) -> Self {
        let mut over = self.sum() - saving;
        while over > 0.0 {
            let parts = [&mut self.pack, &mut self.size, &mut self.pool];
            let Some(largest) = parts.into_iter().max_by(|a, b| a.total_cmp(b)).filter(|part| **part > 0.0) else {
                break;
            };
            let cut = over.min(*largest);
            *largest -= cut;
            over -= cut;
        }
        self
    }
}

/// Takes all of an amount where that is so.
fn take(amount: &mut f64, all: bool) -> f64 {
    if all { std::mem::take(amount) } else { 0.0 }
}

/// The steps, and what of the saving is in none.
pub(super) fn steps(analysis: &Analysis) -> (Vec<Step>, f64) {
    let verdict = &analysis.verdict;
    let Some((id, amounts)) = change(analysis).zip(verdict.amounts.as_ref()) else { return (Vec::new(), 0.0) };
    let saving = amounts.saving_monthly_usd;
    let parts = parts(analysis, id, saving).folded(id).within(saving);
    let mut ranked: Vec<(f64, Vec<Step>)> = Vec::new();
    if parts.pack >= WORTH_DOING {
        ranked.push((parts.pack, vec![pack(analysis, id, parts.pack)]));
    }
    if parts.size >= WORTH_DOING {
        ranked.push((parts.size, vec![right_size(analysis, parts.size)]));
    }
    if id.is_emp() {
        ranked.push((parts.pool, waves(analysis, parts.pool)));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ready = verdict.judged(id).and_then(|judged| keep_ready(judged, parts.ready));
    let test = assumption_to_test::step_of(analysis);
    let steps: Vec<Step> =
        test.into_iter().chain(ready).chain(ranked.into_iter().flat_map(|(_, steps)| steps)).collect();
    let in_steps: f64 = steps.iter().filter_map(|step| step.saving_monthly_usd).sum();
    (steps, (saving - in_steps).max(0.0))
}

/// Splits a saving by the waterfall; where that leads elsewhere or is not there, all is the main part's.
fn parts(analysis: &Analysis, id: ScenarioId, saving: f64) -> Parts {
    let months = analysis.window.months().unwrap_or_default();
    let kept = analysis.verdict.judged(id).map_or(0.0, |judged| kept_monthly(&analysis.verdict, judged));
    let Some(waterfall) = analysis.waterfall.as_ref().filter(|waterfall| waterfall.to == id.as_str()) else {
        let mut parts = Parts { ready: -kept, ..Parts::default() };
        *parts.main(id) = saving + kept;
        return parts;
    };
    // What leaves its machines as they are packs nothing.
    let packs = waterfall.steps.iter().any(|one| one.what == WaterfallChange::Repack);
    let mut parts = Parts::default();
    for one in &waterfall.steps {
        let saved = -one.usd * months;
        match one.what {
            WaterfallChange::BackTest => {}
            WaterfallChange::EmptyNodes if packs => parts.pack += saved,
            WaterfallChange::EmptyNodes => *parts.main(id) += saved,
            WaterfallChange::Repack => parts.pack += saved,
            WaterfallChange::RightSize => parts.size += saved,
            WaterfallChange::Headroom | WaterfallChange::SpareHosts => parts.ready += saved,
            WaterfallChange::Overcommit
            | WaterfallChange::Pool
            | WaterfallChange::Leftovers
            | WaterfallChange::Fee
            | WaterfallChange::WorkOwed => {
                *parts.main(id) += saved;
            }
        }
    }
    if !waterfall.steps.iter().any(|one| matches!(one.what, WaterfallChange::Headroom | WaterfallChange::SpareHosts)) {
        parts.ready -= kept;
        *parts.main(id) += kept;
    }
    parts
}

/// Returns the cost of what is kept ready, in USD a month.
fn kept_monthly(verdict: &Verdict, judged: &Judged) -> f64 {
    let warm = judged.headroom.as_ref().map_or(0.0, |headroom| headroom.monthly_usd);
    let spare = |remedy: &&crate::analysis::Remedy| {
        remedy.scenario == judged.scenario
            && remedy.included
            && matches!(remedy.what, crate::analysis::RemedyKind::SpareHosts { .. })
    };
    let spares = verdict.remedies.iter().find(spare).and_then(|remedy| remedy.monthly_usd).unwrap_or_default();
    warm + if judged.spare_hosts_per_zone > 0 { spares } else { 0.0 }
}

fn keep_ready(judged: &Judged, saved: f64) -> Option<Step> {
    let what = wording::keep_ready(judged.headroom.as_ref(), judged.spare_hosts_per_zone, judged.scenario)?;
    let types = judged.headroom.iter().flat_map(|kept| kept.instance_types.clone()).collect();
    let step = step(StepKind::KeepReady, what, Some(saved)).about(types);
    Some(step.with(
        "Do this first: without it pods would start late, or could not be taken over.",
        ready_place(judged.scenario),
    ))
}

fn right_size(analysis: &Analysis, saved: f64) -> Step {
    let files = "right-sizing/ (--format right-sizing): kubectl commands, a Kustomize component, VPA objects";
    let caution = "Requests set too low starve pods, and a memory limit set too low gets them killed: change a few workloads at a time, and \
                   watch them.";
    if let Some(sizes) = analysis.right_sizing.as_ref().filter(|sizes| sizes.savers().next().is_some()) {
        let mut workloads: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for one in sizes.savers() {
            *workloads.entry((&one.namespace, &one.workload)).or_default() += one.saving_monthly_usd.unwrap_or(0.0);
        }
        let careful = sizes.savers().filter(|one| !one.cautions.is_empty()).count();
        let careful = match careful {
            0 => String::new(),
            n => format!(
                " {} with a caution.",
                wording::sentence_case(&counted(n, "container comes", "containers come"))
            ),
        };
        let rule = format!(
            " CPU goes to the {} percentile of five-minute means, memory to the largest sample and {} more.",
            wording::ordinal(sizes.cpu_percentile),
            wording::percent_brief(sizes.memory_margin)
        );
        let n = sizes.savers().count();
        return step(
            StepKind::RightSize,
            format!("Lower the requests of {} to what they use", counted(n, "container", "containers")),
            Some(saved),
        )
        .about(largest(workloads.into_iter().map(|((namespace, name), usd)| (usd, format!("{namespace}/{name}")))))
        .with(format!("{caution}{careful}{rule}"), files);
    }
    let workloads = analysis.allocation.iter().flat_map(|allocation| &allocation.by_workload);
    let unused = workloads
        .filter(|row| !row.overhead)
        .map(|row| (row.unused_usd(), format!("{}/{}", row.namespace, row.workload)))
        .filter(|(usd, _)| *usd > 0.0);
    step(StepKind::RightSize, "Lower requests to what is used, the largest workloads first".to_owned(), Some(saved))
        .about(largest(unused))
        .with(caution, "the resources of each workload’s containers")
}

/// Names, the largest amount first.
fn largest(amounts: impl Iterator<Item = (f64, String)>) -> Vec<String> {
    let mut ranked: Vec<(f64, String)> = amounts.collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    ranked.into_iter().map(|(_, name)| name).collect()
}

fn pack(analysis: &Analysis, id: ScenarioId, saved: f64) -> Step {
    let scenario = analysis.scenarios.iter().find(|scenario| scenario.id == id.as_str());
    let nodes =
        scenario.into_iter().flat_map(|scenario| &scenario.machine_hours).filter(|row| row.kind == MachineRole::Node);
    let types = largest(nodes.map(|row| (row.cost_usd.unwrap_or_default(), row.instance_type.clone())));
    let mut distinct: Vec<String> = Vec::new();
    for name in types {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    step(StepKind::Pack, "Let pods be packed on the cheapest machine types, and empty nodes go".to_owned(), Some(saved))
        .about(distinct)
        .with(
            "Pods are evicted and start elsewhere; PodDisruptionBudgets and minimum replicas say how many at once.",
            "Karpenter’s NodePool: instance types, and consolidationPolicy WhenEmptyOrUnderutilized; or the node groups and \
             the Cluster Autoscaler’s scale-down",
        )
}

/// One step a wave, with its share of what the pool saves; one for all where it is not known what each brings.
fn waves(analysis: &Analysis, saved: f64) -> Vec<Step> {
    let caution = "Pods that peak together slow down or are killed: watch memory and CPU pressure on the hosts after each wave. Old machines run beside new \
                   ones while a wave moves; shrink the node groups after each.";
    let waves = analysis.plan.as_ref().map_or(&[][..], |plan| &plan.waves);
    let marginal: Option<Vec<f64>> = waves.iter().map(|wave| wave.marginal_saving_usd).collect();
    let marginal = marginal.filter(|amounts| amounts.iter().sum::<f64>() > 0.0);
    let Some(marginal) = marginal.filter(|amounts| amounts.len() > 1) else {
        let names = waves.iter().flat_map(|wave| wave.namespaces.clone()).collect();
        let place = if waves.is_empty() { "the vendor’s installer" } else { "drafts/ (--format drafts)" };
        let what = "Move what can move to an elastic machine pool".to_owned();
        return vec![step(StepKind::MoveToPool, what, Some(saved)).about(names).with(caution, place)];
    };
    let all: f64 = marginal.iter().sum();
    let one = |(n, (wave, share)): (usize, (&Wave, &f64))| {
        let what = format!(
            "Wave {} of {}: move {} to the elastic machine pool",
            n + 1,
            waves.len(),
            counted(wave.namespaces.len(), "namespace", "namespaces"),
        );
        step(StepKind::MoveToPool, what, Some(saved * share / all)).about(wave.namespaces.clone()).with(
            if n == 0 { caution } else { "" },
            format!("drafts/emp-profile-cm-wave-{}.yaml{}", n + 1, if n == 0 { " (--format drafts)" } else { "" }),
        )
    };
    waves.iter().zip(&marginal).enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_never_come_to_more_than_the_change_saves(
            (pack, size, pool) in (-5e3..9e3_f64, -5e3..9e3_f64, -5e3..9e3_f64),
            (ready, saving) in (-2e3..2e3_f64, 1.0..9e3_f64),
            id in prop::sample::select(vec![ScenarioId::Ec2Tuned, ScenarioId::Ec2Rightsized, ScenarioId::EmpRightsized]),
        ) {
            let pool = if id.is_emp() { pool } else { 0.0 };
            let size = if id.is_rightsized() { size } else { 0.0 };
            let before = Parts { pack, size, pool, ready };
            let folded = before.folded(id);
            prop_assert!((folded.sum() - before.sum()).abs() < 1e-6, "{before:?} {folded:?}");
            let within = folded.within(saving);
            prop_assert!(within.sum() <= saving + 1e-6, "{within:?} of {saving}");
            prop_assert!(within.ready <= 0.0 && within.sum() <= folded.sum() + 1e-6);
        }
    }
}
