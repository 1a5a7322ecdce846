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

/// The instances of each container of each pod, by uid and container name.
type Instances<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Instance>>;

/// The rows of the hour, the quality rows left to the caller.
pub(crate) fn rows(snapshot: &Snapshot, settings: &Settings, hour: Hour) -> HourRows {
    let latest_scrape = snapshot.pods.values().filter_map(|pod| pod.last_seen_seconds).max();
    let instances = instances(snapshot);
    let (mut containers, mut pods) = (Vec::new(), Vec::new());
    for (uid, pod) in snapshot.pods.iter().filter(|(_, pod)| !pod.node.is_empty()) {
        let pod_life = pod::life(pod, hour, latest_scrape);
        if let Some(row) = pod::row(snapshot, settings, uid, pod, pod_life, hour) {
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
        let uid = match key.pod_uid {
            Some(uid) => snapshot.pods.get_key_value(&uid.to_string()).map(|(uid, _)| uid.as_str()),
            None => by_name.get(&(&*key.namespace, &*key.pod)).copied(),
        };
        if let Some(uid) = uid {
            sorted.entry((uid, &*key.container)).or_default().push(instance);
        }
    }
    sorted
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
    keys.filter(|key| match key.pod_uid {
        Some(uid) => !snapshot.pods.contains_key(&uid.to_string()),
        None => !known.contains(&(&*key.namespace, &*key.pod)),
    })
    .collect()
}
