//! Evidence of cAdvisor about lives: a pod that it no longer lists may run on, because one of
//! its shards is gone; and one that it lists may be gone with its node.

use std::collections::{BTreeMap, BTreeSet};

use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::snapshot::{Instance, Name, Pod, Snapshot, Uid, edge_time};
use crate::usage_source::UsageSource;

/// Time after its end for which a container may still show its last values.
const TAIL_SECONDS: i64 = 2 * SLOT_SECONDS;

/// Until when an instance certainly ran after `since`, seen from an hour: to the last sample by which its counter had
/// risen between two moments that are later than the scrape of kube-state-metrics that should have seen its pod again.
/// Of one that uses nothing, to its last sample that is too late to be of a container that is gone.
pub(crate) fn ran_until(instance: &Instance, since: i64, hour: Hour) -> Option<i64> {
    let samples: Vec<(i64, f64)> =
        instance.cpu.iter().enumerate().filter_map(|(edge, value)| Some((edge_time(edge, hour), value?))).collect();
    let rose = samples.windows(2).rev().find_map(|pair| match pair {
        [(before, a), (after, b)] if *before >= since && b > a => Some(*after),
        _ => None,
    });
    let gauge = instance.memory_mean_bytes.iter().enumerate().rev().find(|(_, bytes)| bytes.is_some());
    let held = gauge
        .filter(|(slot, _)| edge_time(*slot, hour) >= since.saturating_add(TAIL_SECONDS))
        .map(|(slot, _)| edge_time(slot + 1, hour));
    rose.max(held)
}

/// The same of all instances of a pod, or of a node.
pub(crate) fn all_ran_until<'a>(instances: impl Iterator<Item = &'a Instance>, since: i64, hour: Hour) -> Option<i64> {
    instances.filter_map(|instance| ran_until(instance, since, hour)).max()
}

/// Until when pods ran on the nodes that kube-state-metrics no longer listed in the hour, by name: those for which it is
/// later than it was listed last.
pub(crate) fn nodes_ran_until(snapshot: &Snapshot, hour: Hour) -> BTreeMap<String, i64> {
    let mut ran = BTreeMap::new();
    let last_seen = |name: &str| {
        let machines = snapshot.nodes.get(name)?.known_machines();
        machines.map(|(_, machine)| machine.last_seen_seconds).max().flatten()
    };
    let names = snapshot.nodes.keys().filter_map(|name| Some((name.as_str(), last_seen(name)?)));
    let gone: BTreeMap<&str, i64> = names.filter(|(_, seen)| *seen < hour.end_seconds()).collect();
    if gone.is_empty() || snapshot.usage != UsageSource::Cadvisor {
        return ran;
    }
    let on_node =
        snapshot.pods.iter().filter_map(|(uid, pod)| Some((Uid::of_pod(uid)?, gone.get_key_value(&*pod.node)?)));
    let node_of: BTreeMap<Uid, (&&str, &i64)> = on_node.collect();
    for (key, instance) in &snapshot.instances {
        let Some((node, seen)) = key.pod_uid.and_then(|uid| node_of.get(&uid)) else { continue };
        if let Some(until) = ran_until(instance, seen.saturating_add(snapshot.listing_seconds), hour) {
            let there = ran.entry((**node).to_owned()).or_insert(until);
            *there = until.max(*there);
        }
    }
    ran
}

/// Pods, by uid, that are listed through all of the hour and of which nothing is measured, although others of their node are
/// in every slot, and others of their namespace are: they may be gone, or those of a cluster within this one. Where nothing
/// of a namespace is, a rule may drop it.
pub(crate) fn unmeasured(snapshot: &Snapshot, hour: Hour) -> Vec<String> {
    if snapshot.usage != UsageSource::Cadvisor {
        return Vec::new();
    }
    let pods: BTreeMap<Uid, &Pod> =
        snapshot.pods.iter().filter_map(|(uid, pod)| Some((Uid::of_pod(uid)?, &**pod))).collect();
    let mut nodes: BTreeMap<&str, [bool; SLOTS_PER_HOUR]> = BTreeMap::new();
    let mut namespaces: BTreeSet<&str> = BTreeSet::new();
    let (mut by_uid, mut by_name) = (BTreeSet::new(), BTreeSet::new());
    for (key, instance) in &snapshot.instances {
        namespaces.insert(&key.namespace);
        by_name.insert((&*key.namespace, &*key.pod));
        let Some((uid, pod)) = key.pod_uid.and_then(|uid| Some((uid, *pods.get(&uid)?))) else { continue };
        by_uid.insert(uid);
        let slots = nodes.entry(&pod.node).or_default();
        slots.iter_mut().zip(instance.memory_mean_bytes.iter()).for_each(|(slot, bytes)| *slot |= bytes.is_some());
    }
    let there_all_hour = |pod: &Pod| {
        let bound = pod.scheduled_seconds.or(pod.created_seconds);
        bound.is_some_and(|at| at <= hour.start_seconds())
            && pod.last_seen_seconds.is_some_and(|at| at >= hour.end_seconds())
            && pod.completion().is_none()
            && !pod.ended_slots.contains(&true)
    };
    let is_suspect = |(uid, pod): &(&Name, &Pod)| {
        let measured = Uid::of_pod(uid).is_some_and(|uid| by_uid.contains(&uid));
        !measured
            && !by_name.contains(&(&*pod.namespace, &*pod.name))
            && namespaces.contains(&*pod.namespace)
            && nodes.get(&*pod.node).is_some_and(|slots| !slots.contains(&false))
            && there_all_hour(pod)
    };
    let listed = snapshot.pods.iter().map(|(uid, pod)| (uid, &**pod));
    listed.filter(is_suspect).map(|(uid, _)| uid.to_string()).collect()
}

/// When the pod after it was created, by the uid of a pod whose namespace and name another one took: there is one at a
/// time. And the names that several had.
#[derive(Debug, Default)]
pub(crate) struct Namesakes {
    replaced: BTreeMap<Name, i64>,
    shared: BTreeSet<(Name, Name)>,
}

impl Namesakes {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let bound = snapshot.pods.iter().filter(|(_, pod)| !pod.node.is_empty());
        let mut pods: Vec<_> = bound.map(|(uid, pod)| (&pod.namespace, &pod.name, pod.created_seconds, uid)).collect();
        pods.sort_unstable();
        let mut namesakes = Self::default();
        for pair in pods.windows(2) {
            let [(namespace, name, created, uid), (other, other_name, replaced, _)] = pair else { continue };
            if (namespace, name) != (other, other_name) {
                continue;
            }
            namesakes.shared.insert((Name::clone(namespace), Name::clone(name)));
            if let Some(at) = replaced.filter(|at| created.is_some_and(|created| created < *at)) {
                namesakes.replaced.insert(Name::clone(uid), at);
            }
        }
        namesakes
    }

    /// When the next pod of its name was created.
    pub(crate) fn replaced(&self, uid: &Name) -> Option<i64> {
        self.replaced.get(uid).copied()
    }

    /// Returns whether several pods had a name.
    pub(crate) fn share(&self, namespace: &Name, name: &Name) -> bool {
        !self.shared.is_empty() && self.shared.contains(&(Name::clone(namespace), Name::clone(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 1_782_864_000;

    fn check(cpu: &[(usize, f64)], memory: &[usize], since: i64, expect: Option<i64>) {
        let mut instance = Instance::default();
        cpu.iter().for_each(|(edge, value)| instance.cpu.set(*edge, *value));
        memory.iter().for_each(|slot| instance.memory_mean_bytes.set(*slot, 1.0));
        let hour = Hour::starting_at(HOUR).unwrap();
        assert_eq!(ran_until(&instance, HOUR + since, hour), expect.map(|at| HOUR + at), "{cpu:?} {memory:?}");
    }

    #[test]
    fn a_counter_that_rises_tells_that_it_runs_and_a_tail_does_not() {
        let rising = [(9, 5.0), (10, 6.0), (11, 7.0), (12, 8.0)];
        check(&rising, &[], 3_250, Some(3_600));
        check(&rising[..3], &[], 2_900, Some(3_300));
        // The sample before it may be from before the end.
        check(&rising, &[], 3_301, None);
        check(&[(9, 5.0), (10, 6.0), (11, 6.0), (12, 6.0)], &[], 2_000, Some(3_000));
        check(&[(10, 6.0), (11, 6.0), (12, 6.0)], &[9, 10, 11], 2_900, None);
        check(&[(10, 6.0), (11, 6.0), (12, 6.0)], &[9, 10, 11], 2_700, Some(3_600));
        check(&[], &[], 0, None);
    }
}
