//! Counters that were not scraped at an edge of the hour and ran on: which to ask for beyond it.

use std::collections::{BTreeMap, BTreeSet};

use types::{Hour, SLOT_SECONDS};

use crate::counter_increase::{self, Most, Sample};
use crate::numbers::whole;
use crate::snapshot::{Snapshot, Uid};
use crate::usage_source::UsageSource;

/// Pods of which the counters are to be asked for before the hour, and after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gaps {
    pub(crate) before: BTreeSet<String>,
    pub(crate) after: BTreeSet<String>,
}

/// Scrapes of a node.
#[derive(Debug, Clone, Copy, Default)]
struct Scraped {
    at_start: bool,
    at_end: bool,
}

/// Finds, once it is learnt what the nodes can do, the pods whose counters have no sample at an edge of the hour because nothing of their node has, or one that does
/// not go with the next.
///
/// Of a container that merely ended, or began, the others of its node show at that edge.
pub(crate) fn of(snapshot: &Snapshot, hour: Hour) -> Gaps {
    let mut gaps = Gaps::default();
    if snapshot.usage != UsageSource::Cadvisor {
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
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else { continue };
        if edges.iter().all(Option::is_none) {
            continue;
        }
        let limits = snapshot.limits_of(&pod.node);
        let most = Most { per_second: limits.millicores, slack_seconds: snapshot.slack_seconds };
        let (at_start, at_end) = disbelieved(&edges, most);
        // Whatever is said of its start: that moves where something touches its cgroup, to just before the hour too.
        if (first.is_none() && !node.at_start) || at_start {
            gaps.before.insert(key.pod.to_string());
        }
        let ended = pod.completion().is_some_and(|at| at < hour.end_seconds());
        if (last.is_none() && !node.at_end && !ended) || at_end {
            gaps.after.insert(key.pod.to_string());
        }
    }
    gaps
}

/// Returns whether what the counter shows at the start of the hour, and at its end, does not go with the most of what
/// it shows. Then it is wrong there, and what lies beyond the edge tells what was used.
fn disbelieved(edges: &[Option<f64>], most: Most) -> (bool, bool) {
    let known = (0..).zip(edges).filter_map(|(edge, value)| Some((SLOT_SECONDS.saturating_mul(edge), (*value)?)));
    // What is beyond all numbers stays a sample, which nothing goes with.
    let sample = |(at, value): (i64, f64)| Sample { at, value: whole(value * 1000.0).unwrap_or(i64::MAX) };
    let samples: Vec<Sample> = known.map(sample).collect();
    let steps = counter_increase::count(&samples, None, most).steps;
    let (Some(begins), Some(ends)) = (steps.first().map(|step| step.from), steps.last().map(|step| step.to)) else {
        return (false, false);
    };
    let wrong = |outside: &dyn Fn(&Sample) -> bool| {
        (1..=MOST_WRONG).contains(&samples.iter().filter(|sample| outside(sample)).count())
    };
    (wrong(&|sample| sample.at < begins), wrong(&|sample| sample.at > ends))
}

/// Most values at an edge that may be wrong before it is not they that are: a counter that stays low began anew.
const MOST_WRONG: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_an_edge_that_goes_with_no_other_is_asked_about() {
        let most = Most { per_second: 16_000, slack_seconds: 60 };
        let check = |wrong: &[(usize, f64)], expect: (bool, bool)| {
            let mut edges: Vec<Option<f64>> = (0..13_u8).map(|k| Some(52_000.0 + f64::from(k) * 150.0)).collect();
            wrong.iter().for_each(|(edge, value)| edges[*edge] = Some(*value));
            assert_eq!(disbelieved(&edges, most), expect, "{wrong:?}");
        };
        check(&[], (false, false));
        for value in [0.0, 1e9, 1e18, f64::MAX, -1.0] {
            check(&[(0, value)], (true, false));
            check(&[(12, value)], (false, true));
            check(&[(6, value)], (false, false));
            check(&[(0, value), (1, value), (12, value)], (true, true));
        }
        // A value of a while ago.
        check(&[(12, 53_000.0)], (false, true));
        // It began anew.
        check(&[(10, 1.0), (11, 2.0), (12, 3.0)], (false, false));
        assert_eq!(disbelieved(&[None, Some(1.0), None], most), (false, false));
        assert_eq!(disbelieved(&[None; 13], most), (false, false));
    }
}
