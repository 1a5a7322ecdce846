//! Counters that were not scraped at an edge of the hour and ran on: which to ask for beyond it.

use std::collections::{BTreeMap, BTreeSet};

use types::{Hour, SLOT_SECONDS};

use crate::snapshot::{Instance, Snapshot, Uid};
use crate::usage::Usage;

/// Pods of which the counters are to be asked for before the hour, and after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gaps {
    pub(crate) before: BTreeSet<String>,
    pub(crate) after: BTreeSet<String>,
}

/// What was scraped of a node.
#[derive(Debug, Clone, Copy, Default)]
struct Scraped {
    at_start: bool,
    at_end: bool,
}

/// Finds the pods whose counters have no sample at an edge of the hour because nothing of their node has, or one that does
/// not go with the next.
///
/// Of a container that merely ended, or began, the others of its node show at that edge.
pub(crate) fn of(snapshot: &Snapshot, hour: Hour) -> Gaps {
    let mut gaps = Gaps::default();
    if snapshot.usage != Usage::Cadvisor {
        return gaps;
    }
    let pods: BTreeMap<Uid, _> = snapshot.pods.iter().filter_map(|(uid, pod)| Some((Uid::of_pod(uid)?, pod))).collect();
    let mut nodes: BTreeMap<&str, Scraped> = BTreeMap::new();
    let measured = || {
        let of_pod = |uid: Option<Uid>| uid.and_then(|uid| pods.get(&uid));
        snapshot.instances.iter().filter_map(move |(key, instance)| Some((key, instance, of_pod(key.pod_uid)?)))
    };
    for (_, instance, pod) in measured() {
        let node = nodes.entry(&pod.node).or_default();
        node.at_start |= instance.cpu.iter().next().flatten().is_some();
        node.at_end |= instance.cpu.iter().next_back().flatten().is_some();
    }
    for (key, instance, pod) in measured() {
        let Some(node) = nodes.get(&*pod.node) else { continue };
        let edges: Vec<Option<f64>> = instance.cpu.iter().collect();
        let (Some([first, second, ..]), Some([.., last_but_one, last])) =
            (edges.get(..2), edges.get(edges.len().saturating_sub(2)..))
        else {
            continue;
        };
        if edges.iter().all(Option::is_none) {
            continue;
        }
        if (first.is_none() && !node.at_start && is_older(instance, hour)) || breaks(*first, *second) {
            gaps.before.insert(key.pod.to_string());
        }
        let ended = pod.completion().is_some_and(|at| at < hour.end_seconds());
        if (last.is_none() && !node.at_end && !ended) || breaks(*last_but_one, *last) {
            gaps.after.insert(key.pod.to_string());
        }
    }
    gaps
}

/// Whether the instance may have run before the hour.
fn is_older(instance: &Instance, hour: Hour) -> bool {
    instance
        .start_seconds
        .is_none_or(|start| start < hour.start_seconds() - SLOT_SECONDS || start > hour.start_seconds())
}

/// Whether no counter can show the one value and then the other.
fn breaks(before: Option<f64>, after: Option<f64>) -> bool {
    /// More than any machine does in two slots, in core-seconds.
    const MOST: f64 = 1e6;
    before.zip(after).is_some_and(|(before, after)| !(before..=before + MOST).contains(&after))
}
