//! Which workloads move, which stay and why, and what that costs.

use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::{ExactLines, Exclusion, Mobility, Note, Selection, WorkloadMovability};
use types::wording::{counted, percent_brief};

use crate::bill::today::hours;
use crate::number::{float, ratio};
use crate::read::replay_input::{self, Counted, Stays, WorkloadName};
use crate::scenarios::model::costs::spare_hosts::with_spare_hosts;
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::runs::pod_selection;

/// Workloads listed at most.
const MOST_WORKLOADS: usize = 10_000;

/// Why a workload moves.
const MOVES: &str = "x86, Linux, on a machine that is priced";
/// Notes what right-sizing does to workloads that a horizontal autoscaler drives.
pub(crate) fn autoscaled(model: &Model<'_>) -> Option<Note> {
    let workloads = model.counted().filter(|counted| counted.autoscaled).count();
    let share = model.autoscaled_share()?;
    Some(Note::info(format!(
        "With smaller requests horizontal pod autoscalers run more replicas than the saving counts, unless their targets are raised; they drive {} with {} of the CPU requested.",
        counted(workloads, "workload"),
        percent_brief(share)
    )))
}

/// Returns what decided which pods move.
pub(crate) fn selected(model: &Model<'_>) -> Selection {
    let terms = &model.assumptions.terms;
    Selection {
        profile: model.profile.map(|profile| profile.source().to_owned()),
        namespaces: model.profile.map(|profile| profile.namespaces().to_vec()).unwrap_or_default(),
        labels: model.profile.map(|profile| profile.labels().to_vec()).unwrap_or_default(),
        combine: terms.emp_profile_combine,
        moves_spot: terms.moves_spot(),
    }
}

/// Why pods stay, and what each reason costs that a choice of the user is behind; `planned` is the pool that is planned, with
/// its spare hosts of each zone.
pub(crate) fn exclusions(model: &Model<'_>, planned: Option<(&ExactLines, u32)>) -> Vec<Exclusion> {
    let mut sums: BTreeMap<&'static str, (u32, Stays)> = BTreeMap::new();
    for (why, stays) in model.counted().flat_map(|counted| &counted.stays) {
        let (workloads, sum) = sums.entry(why).or_default();
        *workloads += 1;
        sum.seconds += stays.seconds;
        sum.mib_seconds += stays.mib_seconds;
    }
    let mut rows: Vec<_> = sums
        .into_iter()
        .filter(|(why, _)| *why != replay_input::DAEMON)
        .map(|(why, (workloads, stays))| {
            let lifted = model.lifted.iter().find(|(of, _)| *of == why);
            let costs = planned.zip(lifted).and_then(|((planned, spares), (_, lifted))| {
                planned.less(&with_spare_hosts(&model.pricer, lifted, spares).lines)
            });
            let costs = costs.map(|(costs, ..)| costs.usd());
            Exclusion {
                reason: why.to_owned(),
                workloads,
                pod_hours: hours(stays.seconds),
                memory_request_gib_hours: float(stays.mib_seconds) / 1024.0 / 3600.0,
                by_choice: pod_selection::BY_CHOICE.contains(&why),
                costs_usd: costs,
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        b.memory_request_gib_hours.total_cmp(&a.memory_request_gib_hours).then_with(|| a.reason.cmp(&b.reason))
    });
    rows
}

pub(crate) fn movability(model: &Model<'_>, saving: Option<NanoUsd>) -> Vec<WorkloadMovability> {
    // By name, since numbers come in the order of the rows, and a sum of fractions hangs on its order.
    let mut workloads: Vec<(&WorkloadName, &Counted)> = model
        .names
        .counted
        .iter()
        .flatten()
        .filter_map(|(at, counted)| Some((model.names.workloads.names().get(usize::try_from(*at).ok()?)?, counted)))
        .collect();
    workloads.sort_by_key(|(name, _)| *name);
    let all = || workloads.iter().map(|(_, counted)| *counted);
    let cpu: i128 = all().map(Counted::moving_millicore_seconds).sum();
    let memory: i128 = all().map(Counted::moving_mib_seconds).sum();
    // The larger of its shares of what moves.
    let weight = |counted: &Counted| {
        let of = |part: i128, all: i128| ratio(float(part), float(all)).unwrap_or_default();
        of(counted.moving_millicore_seconds(), cpu).max(of(counted.moving_mib_seconds(), memory))
    };
    let weights: f64 = all().map(weight).sum();
    let mut rows: Vec<_> = workloads
        .iter()
        .map(|(name, counted)| {
            let most = counted.stays.iter().max_by_key(|(why, stays)| (stays.seconds, std::cmp::Reverse(**why)));
            let (verdict, reason) = match (counted.moves_seconds, &counted.selector, most) {
                (0, _, Some((why, _))) => (Mobility::Stays, (*why).to_owned()),
                (_, Some(key), _) => (
                    Mobility::Unsure,
                    format!("its node selector asks for `{key}`, which elastic VMs do not have by themselves"),
                ),
                (_, None, Some((why, _))) => (Mobility::Partly, (*why).to_owned()),
                (_, None, None) => (Mobility::Moves, MOVES.to_owned()),
            };
            let part = ratio(weight(counted), weights).filter(|_| counted.moves_seconds > 0);
            WorkloadMovability {
                namespace: name.namespace.clone(),
                workload_kind: name.kind.clone(),
                workload: name.name.clone(),
                verdict,
                reason,
                pod_hours: hours(counted.seconds()),
                cpu_request_core_hours: crate::units::core_hours(counted.millicore_seconds),
                memory_request_gib_hours: float(counted.mib_seconds) / 1024.0 / 3600.0,
                saving_usd: saving.zip(part).map(|(saving, part)| saving.usd() * part),
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        let by_memory = b.memory_request_gib_hours.total_cmp(&a.memory_request_gib_hours);
        let name = |row: &WorkloadMovability| (row.namespace.clone(), row.workload_kind.clone(), row.workload.clone());
        by_memory.then_with(|| name(a).cmp(&name(b)))
    });
    rows.truncate(MOST_WORKLOADS);
    rows
}

/// Why there is no machine pool.
pub(crate) fn no_pool(model: &Model<'_>) -> String {
    let kept = exclusions(model, None);
    let moves = model.counted().any(|counted| counted.moves_seconds > 0);
    if moves {
        return "No elastic machine pool was replayed: no bare metal has a price in the region.".to_owned();
    }
    if kept.is_empty() {
        return "No elastic machine pool was replayed, since no pod ran but those of DaemonSets.".to_owned();
    }
    let why: Vec<_> =
        kept.iter().take(3).map(|row| format!("{} ({})", row.reason, counted(row.workloads, "workload"))).collect();
    format!("No elastic machine pool was replayed, since no pod could move: {}.", why.join("; "))
}

/// Notes what a profile names and no pod showed.
pub(crate) fn unseen(model: &Model<'_>) -> Vec<Note> {
    let Some(profile) = model.profile else { return Vec::new() };
    let namespaces = profile.namespaces().iter().filter(|name| !model.names.namespaces.contains(*name));
    let keys = profile.labels().iter().filter_map(|label| label.split('=').next());
    let keys = keys.filter(|key| !model.names.label_keys.contains(*key));
    let of_namespace = |name: &String| format!("The profile names the namespace `{name}`, in which no pod was seen.");
    let of_key = |key: &str| {
        format!(
            "The profile asks for the label `{key}`, which no pod showed; if pods have it, tell the collector to keep it."
        )
    };
    namespaces.map(of_namespace).chain(keys.map(of_key)).map(Note::warning).collect()
}
