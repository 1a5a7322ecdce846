//! Facts of kube-state-metrics about pods and their owners.

use std::cmp::Ordering;

use types::SLOTS_PER_HOUR;

use super::container_series::Resources;
use super::contradictory_facts::Between;
use super::{Name, Names, SmallMap, SmallSet, Snapshot, moment, slots, value, value_seconds};
use crate::decode::Series;

/// Facts of kube-state-metrics about a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pod {
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    pub(crate) node: Name,
    pub(crate) created_by: Names,
    pub(crate) priority_class: Name,
    pub(crate) host_network: Name,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) scheduled_seconds: Option<i64>,
    pub(crate) started_seconds: Option<i64>,
    /// When its init containers were through and its sidecars started.
    pub(crate) initialized_seconds: Option<i64>,
    pub(crate) completed_seconds: Option<i64>,
    /// Tells whether its phase is one of an ended pod.
    pub(crate) ended: bool,
    /// Slots in which it had ended.
    pub(crate) ended_slots: [bool; SLOTS_PER_HOUR],
    /// When a scrape last saw it.
    pub(crate) last_seen_seconds: Option<i64>,
    pub(crate) owner: Option<Names>,
    pub(crate) qos_class: Name,
    pub(crate) overhead_cores: Option<f64>,
    pub(crate) overhead_bytes: Option<f64>,
    pub(crate) claims: SmallSet<Name>,
    /// Tells whether `node` may be the node of kube-state-metrics: the server renamed the pod and no node.
    pub(crate) node_of_exporter: bool,
    /// Allow-listed labels, by key; `None` when no series of the pod has labels.
    pub(crate) labels: Option<SmallMap<Name, Name>>,
    pub(crate) tolerations: SmallSet<Name>,
    /// `None` when node selectors of the pod are not exposed.
    pub(crate) node_selector: Option<SmallSet<Name>>,
    /// Requests of other resources than CPU and memory, by resource and container.
    pub(crate) extended: SmallMap<Names, f64>,
    pub(crate) containers: SmallMap<Name, Resources>,
    /// Tells whether a series said who owns it, be it nobody.
    pub(crate) owner_told: bool,
    /// Tells whether two owners, or two values of a label, were said of it.
    pub(crate) changed: bool,
    /// Tells whether one series shows labels that another does not.
    pub(crate) labels_differ: bool,
}

impl Pod {
    /// When the pod completed; `None` while it lives, whatever became of single containers.
    pub(crate) fn completion(&self) -> Option<i64> {
        self.completed_seconds.filter(|_| self.ended)
    }
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let mut own = |label| s.name(series.label(label).unwrap_or_default());
    let created_by = (own("created_by_kind"), own("created_by_name"));
    let new = (own("node"), own("namespace"), own("pod"), created_by, own("priority_class"), own("host_network"));
    let renamed = |label| series.label(label).is_some();
    let pod = s.pod(series)?;
    let take = std::mem::take::<Name>;
    let there = (
        take(&mut pod.node),
        take(&mut pod.namespace),
        take(&mut pod.name),
        std::mem::take(&mut pod.created_by),
        take(&mut pod.priority_class),
        take(&mut pod.host_network),
    );
    let of_exporter = renamed("exported_pod") && !renamed("exported_node");
    pod.node_of_exporter = match new.cmp(&there) {
        Ordering::Greater => of_exporter,
        // One that names the node itself is enough, whichever comes first.
        Ordering::Equal => of_exporter && pod.node_of_exporter,
        Ordering::Less => pod.node_of_exporter,
    };
    (pod.node, pod.namespace, pod.name, pod.created_by, pod.priority_class, pod.host_network) = new.max(there);
    Some(())
}

pub(super) fn facts(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let metric = series.label("__name__")?;
    if metric == "kube_pod_status_qos_class" {
        let class = s.name(series.label("qos_class")?);
        let pod = s.pod(series)?;
        pod.qos_class = class.max(std::mem::take(&mut pod.qos_class));
        return Some(());
    }
    let pod = s.pod(series)?;
    let field = match metric {
        "kube_pod_created" => &mut pod.created_seconds,
        "kube_pod_status_scheduled_time" => &mut pod.scheduled_seconds,
        "kube_pod_start_time" => &mut pod.started_seconds,
        "kube_pod_status_initialized_time" => &mut pod.initialized_seconds,
        "kube_pod_completion_time" => &mut pod.completed_seconds,
        "kube_pod_status_phase" => {
            pod.ended = true;
            return Some(());
        }
        "kube_pod_overhead_cpu_cores" => {
            pod.overhead_cores = larger(pod.overhead_cores, value(series));
            return Some(());
        }
        _ => {
            pod.overhead_bytes = larger(pod.overhead_bytes, value(series));
            return Some(());
        }
    };
    *field = (*field).max(moment(series, start));
    Some(())
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::max)
}

pub(super) fn last_seen(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let pod = s.pod(series)?;
    pod.last_seen_seconds = pod.last_seen_seconds.max(value_seconds(series));
    Some(())
}

pub(super) fn ended(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let ended = slots(series, start);
    let pod = s.pod(series)?;
    pod.ended_slots.iter_mut().zip(ended).for_each(|(there, sample)| *there |= sample.is_some());
    Some(())
}

pub(super) fn spec(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    match series.label("__name__")? {
        "kube_pod_owner" => {
            let owner = series.label("owner_kind").zip(series.label("owner_name"));
            let owner = owner.map(|(kind, name)| (s.name(kind), s.name(name)));
            let pod = s.pod(series)?;
            pod.changed |= pod.owner_told && pod.owner != owner;
            pod.owner_told = true;
            pod.owner = owner.max(pod.owner.take());
        }
        "kube_pod_labels" => labels(s, series)?,
        // There for every pod as soon as any annotation is shown.
        "kube_pod_annotations" => {
            if let Some(said) = series.label("annotation_capacity_provisioned") {
                let provisioned = s.fargate_provisioned.entry(series.label("uid")?.to_owned()).or_default();
                *provisioned = said.to_owned().max(std::mem::take(provisioned));
            }
        }
        "kube_pod_tolerations" => {
            // An empty key with `Exists` tolerates everything.
            let own = |label| series.label(label).unwrap_or_default();
            let (key, operator, value, effect) = (own("key"), own("operator"), own("value"), own("effect"));
            let toleration = match operator {
                "Exists" => format!("{key}:{effect}"),
                _ => format!("{key}={value}:{effect}"),
            };
            let toleration = s.name(&toleration);
            s.pod(series)?.tolerations.insert(toleration);
        }
        _ => {
            let claim = s.name(series.label("persistentvolumeclaim")?);
            s.pod(series)?.claims.insert(claim);
        }
    }
    Some(())
}

/// The allow-listed labels of a series.
pub(super) fn labels_of(s: &mut Snapshot, series: &Series<'_, '_>) -> SmallMap<Name, Name> {
    let columns = s.label_columns.clone();
    let mut found: SmallMap<Name, Name> = SmallMap::default();
    for column in columns {
        let Some(value) = series.label(&column.label) else { continue };
        s.labels_exposed = true;
        if column.conflict {
            s.label_conflicts.insert(column.key);
        } else {
            let value = s.name(value);
            let there = found.entry(s.name(&column.key));
            *there = std::mem::take(there).max(value);
        }
    }
    found
}

fn labels(s: &mut Snapshot, series: &Series<'_, '_>) -> Option<()> {
    series.label("uid")?;
    let found = labels_of(s, series);
    let pod = s.pod(series)?;
    if let Some(there) = &pod.labels {
        let other = |(key, value)| there.iter().any(|(known, said)| known == key && said != value);
        pod.changed |= found.iter().any(other);
        pod.labels_differ |= *there != found;
    }
    let there = pod.labels.get_or_insert_default();
    for (key, value) in found.iter() {
        let known = there.entry(Name::clone(key));
        *known = std::mem::take(known).max(Name::clone(value));
    }
    Some(())
}

pub(super) fn node_selector(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    for line in series.label("nodeselector_*").unwrap_or_default().lines() {
        let line = s.name(line);
        s.pod(series)?.node_selector.get_or_insert_default().insert(line);
    }
    s.pod(series)?.node_selector.get_or_insert_default();
    Some(())
}

pub(super) fn owners(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let mut own = |label| series.label(label).map(|name| s.name(name));
    let metric = series.label("__name__")?;
    if metric == "kube_horizontalpodautoscaler_info" {
        let target = (own("namespace")?, own("scaletargetref_kind")?, own("scaletargetref_name")?);
        s.autoscaled.insert(target);
        return Some(());
    }
    let of_replicaset = metric == "kube_replicaset_owner";
    let object = (own("namespace")?, own(if of_replicaset { "replicaset" } else { "job_name" })?);
    // Nobody owns it.
    let Some(owner) = own("owner_kind").zip(own("owner_name")) else { return Some(()) };
    let owners = if of_replicaset { &mut s.replicaset_owners } else { &mut s.job_owners };
    let name = Name::clone(&object.1);
    let there = owners.entry(object).or_insert_with(|| owner.clone());
    if *there != owner {
        s.changed_owners.insert((if of_replicaset { Between::ReplicaSets } else { Between::Jobs }, name));
        *there = std::mem::take(there).max(owner);
    }
    Some(())
}
