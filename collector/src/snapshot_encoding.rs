//! The snapshot of an hour into the rows of the lake, table by table, letting go of what is through. Pure.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{ContainerHour, PodHour, QualityHour};
use lake::{EncodedHour, HourEncoder, LakeError};
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::cadvisor_liveness::{self, Namesakes};
use crate::container_rows::{self, Identity};
use crate::hour_quality::Unmeasured;
use crate::impossible_measurements::Doubts;
use crate::lifespan::Life;
use crate::load_balancer_rows;
use crate::node_rows;
use crate::node_usage_check::NodeUse;
use crate::pod_rows::{self, Listing, PodLife};
use crate::queries;
use crate::settings::Settings;
use crate::snapshot::{Grid, Instance, InstanceKey, Name, Pod, Resources, Snapshot, Uid};
use crate::usage_source::UsageSource;
use crate::volume_rows;
use crate::workload_owner;

/// Facts about an hour beside its rows.
pub(crate) struct Origin {
    pub(crate) server: String,
    pub(crate) faults: Vec<String>,
    /// Its quality, to be completed with what the rows tell.
    pub(crate) quality: Vec<QualityHour>,
    /// Its queries, in words.
    pub(crate) query_set: String,
}

/// Encodes the hour. Nodes and volumes come first, since containers need neither; then pod after pod with its
/// containers, so that of the largest two tables only what is not encoded yet is there as rows.
///
/// # Errors
/// [`LakeError::Encode`], for which rows of a snapshot give no reason: their keys are those of its maps.
pub(crate) fn encode(
    mut snapshot: Snapshot,
    settings: &Settings,
    hour: Hour,
    mut encoder: HourEncoder,
    origin: Origin,
) -> Result<EncodedHour, LakeError> {
    snapshot.learn_limits();
    let mut doubts = std::mem::take(&mut snapshot.doubts);
    let nodes = node_rows::rows(&snapshot, settings, hour, &mut doubts);
    snapshot.learn_node_ends(&nodes);
    (snapshot.nodes, snapshot.exporters) = Default::default();
    encoder.add_rows(volume_rows::rows(&snapshot, &nodes, settings, hour, &mut doubts))?;
    snapshot.doubts = doubts;
    (snapshot.claims, snapshot.volumes) = Default::default();
    encoder.add_rows_if_any(load_balancer_rows::rows(&std::mem::take(&mut snapshot.load_balancers), hour))?;
    encoder.add_rows(nodes)?;
    let (mut pods, mut containers) = (encoder.table::<PodHour>()?, encoder.table::<ContainerHour>()?);
    let mut unmeasured = Unmeasured::default();
    let Origin { server, mut faults, mut quality, query_set } = origin;
    let rest = each_pod(snapshot, settings, hour, &mut |pod, own| {
        unmeasured.add(&pod, &own);
        pods.push(pod)?;
        own.into_iter().try_for_each(|container| containers.push(container))
    })?;
    encoder.add(pods)?;
    encoder.add(containers)?;
    crate::hour_quality::complete(&mut quality, &rest, unmeasured, &query_set);
    encoder.add_rows(quality)?;
    faults.extend(rest.doubts.faults());
    Ok(encoder.finish(server, faults))
}

/// Hands on the row of each pod with those of its containers, in the order of their keys, and lets go of what it has
/// handed on. Gives back what is left of the snapshot.
pub(crate) fn each_pod<E>(
    mut snapshot: Snapshot,
    settings: &Settings,
    hour: Hour,
    each: &mut dyn FnMut(PodHour, Vec<ContainerHour>) -> Result<(), E>,
) -> Result<Snapshot, E> {
    let mut doubts = std::mem::take(&mut snapshot.doubts);
    let latest_scrape = snapshot.pods.values().filter_map(|pod| pod.last_seen_seconds).max();
    let mut by_name = instances_by_name(&mut snapshot);
    let namesakes = Namesakes::of(&snapshot);
    snapshot.pod_owners = workload_owner::pod_owners(&snapshot);
    let pods = std::mem::take(&mut snapshot.pods);
    let mut node_use = NodeUse::default();
    for (uid, pod) in pods {
        // What the path of its cgroup does not tell comes first, as it always did.
        let mut instances = by_name.remove(&uid).unwrap_or_default();
        if let Some(id) = Uid::of_pod(&uid) {
            instances.extend(of_pod(&mut snapshot.instances, id));
        }
        if pod.node.is_empty() {
            continue;
        }
        let listing = Listing {
            latest_scrape_seconds: latest_scrape,
            replaced_seconds: namesakes.replaced(&uid),
            node_end_seconds: snapshot.node_end(&pod.node, hour),
        };
        let pod_life = pod_rows::life(&pod, hour, listing, |since| {
            let counters = instances.iter().filter(|_| snapshot.usage == UsageSource::Cadvisor);
            let counters = counters.map(|(_, instance)| &**instance);
            cadvisor_liveness::all_ran_until(counters, since.saturating_add(snapshot.listing_seconds), hour)
        });
        let own = by_container(&instances);
        let started =
            |container: &str| own.get(container)?.iter().filter_map(|instance| instance.start_seconds()).min();
        if let Some(row) = pod_rows::row(&snapshot, settings, (&uid, &pod), pod_life, &started, hour) {
            let shared = namesakes.share(&pod.namespace, &pod.name);
            let limits = snapshot.limits_of(&pod.node);
            let impossible = pod_rows::impossible_requests(&pod, &row, limits);
            doubts.add(queries::CONTAINER_RESOURCES.name, impossible, || format!("{}/{}", pod.namespace, pod.name));
            let containers = pod_containers(&snapshot, &uid, (&pod, shared), pod_life, &own, hour, &mut doubts);
            node_use.add(&pod.node, &containers);
            each(row, containers)?;
        }
    }
    node_use.faults(&snapshot.limits).into_iter().for_each(|fault| doubts.say(fault));
    snapshot.doubts = doubts;
    Ok(snapshot)
}

/// The recorded peaks of a container. They come by its name, so where another pod had it too, those of a slot are its own
/// only when it lived through all of it.
fn peaks(
    snapshot: &Snapshot,
    (pod, shared): (&Pod, bool),
    container: &str,
    life: Life,
    hour: Hour,
) -> Option<Grid<SLOTS_PER_HOUR>> {
    let key = (Name::clone(&pod.namespace), Name::clone(&pod.name), Name::from(container));
    let mut peaks = **snapshot.peaks.get(&key)?;
    if shared {
        let whole = life.by_slot(hour).map(|seconds| seconds == SLOT_SECONDS);
        peaks.retain(|slot| whole.get(slot).copied().unwrap_or_default());
    }
    Some(peaks)
}

/// A pod's instances with their keys.
type Instances = Vec<(InstanceKey, Box<Instance>)>;
/// The instances of each container of one pod, in the order of their keys.
type ByContainer<'a> = BTreeMap<&'a str, Vec<&'a Instance>>;

/// Takes out the instances whose cgroup's path has the uid of a pod.
fn of_pod(instances: &mut BTreeMap<InstanceKey, Box<Instance>>, uid: Uid) -> Instances {
    let keys: Vec<InstanceKey> = instances
        .range(InstanceKey::least_of(uid)..)
        .map(|(key, _)| key)
        .take_while(|key| key.pod_uid == Some(uid))
        .cloned()
        .collect();
    keys.into_iter().filter_map(|key| instances.remove_entry(&key)).collect()
}

/// Takes out the instances whose cgroup's path has no uid, by the uid of the pod that has their name: the newest, since
/// a pod of a stateful set has the name of the one before it.
fn instances_by_name(snapshot: &mut Snapshot) -> BTreeMap<Name, Instances> {
    let with_uid = snapshot.instances.split_off(&InstanceKey::least_of(Uid::LEAST));
    let nameless = std::mem::replace(&mut snapshot.instances, with_uid);
    let names: BTreeSet<(&str, &str)> = nameless.keys().map(|key| (&*key.namespace, &*key.pod)).collect();
    let mut newest: BTreeMap<(&str, &str), (&Name, Option<i64>)> = BTreeMap::new();
    for (uid, pod) in &snapshot.pods {
        let name = (&*pod.namespace, &*pod.name);
        if names.contains(&name) && newest.get(&name).is_none_or(|(_, created)| *created < pod.created_seconds) {
            newest.insert(name, (uid, pod.created_seconds));
        }
    }
    let uid_of = |key: &InstanceKey| newest.get(&(&*key.namespace, &*key.pod)).map(|(uid, _)| Name::clone(uid));
    let uids: Vec<Option<Name>> = nameless.keys().map(uid_of).collect();
    let mut by_uid: BTreeMap<Name, Instances> = BTreeMap::new();
    for (uid, instance) in uids.into_iter().zip(nameless) {
        if let Some(uid) = uid {
            by_uid.entry(uid).or_default().push(instance);
        }
    }
    by_uid
}

fn by_container(instances: &Instances) -> ByContainer<'_> {
    let mut sorted = ByContainer::new();
    for (key, instance) in instances {
        sorted.entry(&key.container).or_default().push(instance);
    }
    sorted
}

/// The rows of a pod's containers: those that should run, and init containers that did.
fn pod_containers(
    snapshot: &Snapshot,
    uid: &str,
    (pod, shared): (&Pod, bool),
    pod_life: PodLife,
    instances: &ByContainer<'_>,
    hour: Hour,
    doubts: &mut Doubts,
) -> Vec<ContainerHour> {
    let limits = snapshot.limits_of(&pod.node);
    let mut containers: BTreeMap<&str, Resources> = pod.containers.iter().map(|(n, r)| (&**n, *r)).collect();
    for name in instances.keys() {
        containers.entry(name).or_default();
    }
    let main_start = main_start(&containers, instances, hour);
    let mut rows = Vec::new();
    for (name, resources) in containers {
        let own = instances.get(name).cloned().unwrap_or_default();
        let init = container_rows::kind(resources) == "init";
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
        let peaks = peaks(snapshot, (pod, shared), name, life, hour);
        let (usage, slack_seconds) = (snapshot.usage, snapshot.slack_seconds);
        let identity = Identity { pod_uid: uid, container: name, pod, resources, usage, peaks, limits, slack_seconds };
        rows.push(container_rows::row(identity, life, own, hour, doubts));
    }
    rows
}

/// When the first of a pod's main containers started: the end of its init containers.
fn main_start(containers: &BTreeMap<&str, Resources>, instances: &ByContainer<'_>, hour: Hour) -> Option<i64> {
    let main = containers.iter().filter(|(_, resources)| container_rows::kind(**resources) == "app");
    let instances = main.filter_map(|(name, _)| instances.get(name)).flatten();
    instances.map(|instance| container_rows::instance_start(instance, hour)).min()
}
