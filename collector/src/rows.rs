//! The snapshot of an hour into the rows of the lake. Pure.

use std::collections::BTreeMap;

use lake::HourRows;
use lake::tables::{ContainerHour, PodHour};
use types::Hour;

use crate::container::{self, Identity};
use crate::life::Life;
use crate::node;
use crate::pod::{self, PodLife};
use crate::settings::Settings;
use crate::snapshot::{Instance, InstanceKey, Pod, Resources, Snapshot};
use crate::volume;

/// Length of a uid, with its four dashes.
const UID_LEN: usize = 36;

/// The instances of each container of each pod, by uid and container name.
type Instances<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Instance>>;

/// The rows of the hour, the quality rows left to the caller.
pub(crate) fn rows(snapshot: &Snapshot, settings: &Settings, hour: Hour) -> HourRows {
    let latest_scrape = snapshot.pods.values().filter_map(|pod| pod.last_seen_seconds).max();
    let instances = instances(snapshot);
    let (mut containers, mut pods) = (Vec::new(), Vec::new());
    for (uid, pod) in snapshot.pods.iter().filter(|(_, pod)| !pod.node.is_empty()) {
        let pod_life = pod::life(pod, hour, latest_scrape);
        if let Some(row) = pod::row(snapshot, uid, pod, pod_life, hour) {
            containers.extend(pod_containers(uid, pod, pod_life, &instances, hour));
            pods.push(row);
        }
    }
    let nodes = node::rows(snapshot, settings, hour);
    HourRows {
        containers,
        pods: unique(pods),
        volumes: volume::rows(snapshot, &nodes, settings, hour),
        nodes,
        quality: Vec::new(),
    }
}

/// Sorts cAdvisor's instances to the pods of kube-state-metrics: by the uid in the cgroup's path; by name only where the
/// path has none, since a pod of a stateful set has the name of the one before it.
fn instances(snapshot: &Snapshot) -> Instances<'_> {
    let mut by_name: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (uid, pod) in &snapshot.pods {
        let name = (pod.namespace.as_str(), pod.name.as_str());
        let newest = |there: &&str| snapshot.pods.get(*there).and_then(|p| p.created_seconds);
        if by_name.get(&name).is_none_or(|there| newest(there) < pod.created_seconds) {
            by_name.insert(name, uid);
        }
    }
    let mut sorted: Instances<'_> = BTreeMap::new();
    for (key, instance) in &snapshot.instances {
        let uid = match uid_of_cgroup(&key.id) {
            Some(uid) => snapshot.pods.get_key_value(&uid).map(|(uid, _)| uid.as_str()),
            None => by_name.get(&(key.namespace.as_str(), key.pod.as_str())).copied(),
        };
        if let Some(uid) = uid {
            sorted.entry((uid, key.container.as_str())).or_default().push(instance);
        }
    }
    sorted
}

/// The pod uid in a cgroup path, in the spelling of either driver: `…-pod12ab_34….slice/…` or `…/pod12ab-34…/…`. `None`
/// for a static pod, whose path has a hash that no other metric knows.
fn uid_of_cgroup(id: &str) -> Option<String> {
    let segment = id.split('/').rev().find(|segment| segment.contains("pod") && !segment.starts_with("kubepods."))?;
    let (_, uid) = segment.strip_suffix(".slice").unwrap_or(segment).rsplit_once("pod")?;
    let uid = uid.replace('_', "-");
    (uid.len() == UID_LEN && uid.contains('-')).then_some(uid)
}

/// The rows of a pod's containers: those that should run, and init containers that did.
fn pod_containers<'a>(
    uid: &'a str,
    pod: &'a Pod,
    pod_life: PodLife,
    instances: &Instances<'a>,
    hour: Hour,
) -> Vec<ContainerHour> {
    let mut containers: BTreeMap<&str, Resources> = pod.containers.iter().map(|(n, r)| (n.as_str(), *r)).collect();
    for (_, name) in seen(instances, uid) {
        containers.entry(name).or_default();
    }
    let main_start = main_start(&containers, uid, instances, hour);
    let mut rows = Vec::new();
    for (name, resources) in containers {
        let own = instances.get(&(uid, name)).cloned().unwrap_or_default();
        let init = container::kind(resources) == "init";
        if init && own.is_empty() {
            continue;
        }
        let end = match main_start.filter(|_| init) {
            Some(start) => start.min(pod_life.life.end),
            None => pod_life.life.end,
        };
        let life = Life { start: pod_life.life.start, end };
        // An init container that had finished before the hour still shows for a scrape or two.
        if init && life.within(hour).seconds() == 0 {
            continue;
        }
        rows.push(container::row(Identity { pod_uid: uid, container: name, pod, resources }, life, own, hour));
    }
    rows
}

fn seen<'a>(instances: &Instances<'a>, uid: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    instances.range((uid, "")..).map(|(key, _)| *key).take_while(move |(of, _)| *of == uid)
}

/// When the first of a pod's main containers started: the end of its init containers.
fn main_start(containers: &BTreeMap<&str, Resources>, uid: &str, instances: &Instances<'_>, hour: Hour) -> Option<i64> {
    let main = containers.iter().filter(|(_, resources)| container::kind(**resources) == "app");
    let instances = main.filter_map(|(name, _)| instances.get(&(uid, *name))).flatten();
    instances.map(|instance| container::instance_start(instance, hour)).min()
}

/// Rows with distinct keys: a uid is one pod.
fn unique(mut pods: Vec<PodHour>) -> Vec<PodHour> {
    pods.dedup_by(|a, b| a.pod_uid == b.pod_uid);
    pods
}

/// Instances that belong to no known pod, for the hour's quality: their usage is in no row.
pub(crate) fn instances_without_pod(snapshot: &Snapshot) -> Vec<&InstanceKey> {
    let known: std::collections::BTreeSet<_> =
        snapshot.pods.values().map(|pod| (pod.namespace.as_str(), pod.name.as_str())).collect();
    let keys = snapshot.instances.keys();
    keys.filter(|key| match uid_of_cgroup(&key.id) {
        Some(uid) => !snapshot.pods.contains_key(&uid),
        None => !known.contains(&(key.namespace.as_str(), key.pod.as_str())),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_is_read_from_the_cgroup_of_either_driver() {
        let uid = "0f3a1b2c-1111-2222-3333-444455556666";
        let systemd = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-ab.scope",
            uid.replace('-', "_")
        );
        assert_eq!(uid_of_cgroup(&systemd).as_deref(), Some(uid));
        assert_eq!(uid_of_cgroup(&format!("/kubepods/burstable/pod{uid}/abcdef")).as_deref(), Some(uid));
        let guaranteed = format!("/kubepods.slice/kubepods-pod{}.slice/crio-ab.scope", uid.replace('-', "_"));
        assert_eq!(uid_of_cgroup(&guaranteed).as_deref(), Some(uid));
        assert_eq!(uid_of_cgroup("/system.slice/containerd.service"), None);
        assert_eq!(uid_of_cgroup("/kubepods/burstable/pod0123456789abcdef0123456789abcdef/abc"), None);
    }
}
