//! What kube-state-metrics says of pods and of who owns them.

use std::collections::{BTreeMap, BTreeSet};

use types::SLOTS_PER_HOUR;

use super::containers::Resources;
use super::{Snapshot, slots, text, value, value_seconds};
use crate::decode::Series;
use crate::queries::POD_SPEC;

/// What kube-state-metrics says of a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) created_by: (String, String),
    pub(crate) priority_class: String,
    pub(crate) host_network: String,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) scheduled_seconds: Option<i64>,
    pub(crate) started_seconds: Option<i64>,
    pub(crate) completed_seconds: Option<i64>,
    /// Whether its phase is one of an ended pod.
    pub(crate) ended: bool,
    /// Slots in which it had ended.
    pub(crate) ended_slots: [bool; SLOTS_PER_HOUR],
    /// When a scrape last saw it.
    pub(crate) last_seen_seconds: Option<i64>,
    pub(crate) owner: Option<(String, String)>,
    pub(crate) qos_class: String,
    pub(crate) overhead_cores: Option<f64>,
    pub(crate) overhead_bytes: Option<f64>,
    pub(crate) claims: BTreeSet<String>,
    /// Whether `node` may be the node of kube-state-metrics: the server renamed the pod and no node.
    pub(crate) node_of_exporter: bool,
    /// Allow-listed labels, by key; `None` when no series of the pod has labels.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) tolerations: BTreeSet<String>,
    /// `None` when node selectors of the pod are not exposed.
    pub(crate) node_selector: Option<BTreeSet<String>>,
    /// What is requested beside CPU and memory, by resource and container.
    pub(crate) extended: BTreeMap<(String, String), f64>,
    pub(crate) containers: BTreeMap<String, Resources>,
}

impl Pod {
    /// When the pod completed; `None` while it lives, whatever became of single containers.
    pub(crate) fn completion(&self) -> Option<i64> {
        self.completed_seconds.filter(|_| self.ended)
    }
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let owned = |at| text(series, at).unwrap_or_default().to_owned();
    // The first labels are those of the query, then come the renamed ones: namespace, pod, node.
    let renamed = |at: usize| text(series, 8 + at).is_some();
    let pod = s.pod(series, 2)?;
    let new = (owned(3), owned(0), owned(1), (owned(4), owned(5)), owned(6), owned(7));
    let take = std::mem::take::<String>;
    let there = (
        take(&mut pod.node),
        take(&mut pod.namespace),
        take(&mut pod.name),
        std::mem::take(&mut pod.created_by),
        take(&mut pod.priority_class),
        take(&mut pod.host_network),
    );
    if new >= there {
        pod.node_of_exporter = renamed(1) && !renamed(2);
    }
    (pod.node, pod.namespace, pod.name, pod.created_by, pod.priority_class, pod.host_network) = new.max(there);
    Some(())
}

pub(super) fn facts(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let pod = s.pod(series, 1)?;
    let field = match metric {
        "kube_pod_created" => &mut pod.created_seconds,
        "kube_pod_status_scheduled_time" => &mut pod.scheduled_seconds,
        "kube_pod_start_time" => &mut pod.started_seconds,
        "kube_pod_completion_time" => &mut pod.completed_seconds,
        "kube_pod_status_phase" => {
            pod.ended = true;
            return Some(());
        }
        "kube_pod_status_qos_class" => {
            let class = text(series, 2)?;
            if pod.qos_class.as_str() < class {
                class.clone_into(&mut pod.qos_class);
            }
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
    *field = (*field).max(value_seconds(series));
    Some(())
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::max)
}

pub(super) fn last_seen(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let pod = s.pod(series, 0)?;
    pod.last_seen_seconds = pod.last_seen_seconds.max(value_seconds(series));
    Some(())
}

pub(super) fn ended(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let ended = slots(series, start);
    let pod = s.pod(series, 0)?;
    pod.ended_slots.iter_mut().zip(ended).for_each(|(there, sample)| *there |= sample.is_some());
    Some(())
}

pub(super) fn spec(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    match text(series, 0)? {
        "kube_pod_owner" => {
            let owner = text(series, 2).zip(text(series, 3));
            let pod = s.pod(series, 1)?;
            let owner = owner.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
            pod.owner = owner.max(pod.owner.take());
        }
        "kube_pod_labels" => labels(s, series)?,
        "kube_pod_tolerations" => {
            // An empty key with `Exists` tolerates everything.
            let own = |at| text(series, at).unwrap_or_default();
            let (key, operator, value, effect) = (own(5), own(6), own(7), own(8));
            let toleration = match operator {
                "Exists" => format!("{key}:{effect}"),
                _ => format!("{key}={value}:{effect}"),
            };
            s.pod(series, 1)?.tolerations.insert(toleration);
        }
        _ => {
            let claim = text(series, 4)?.to_owned();
            s.pod(series, 1)?.claims.insert(claim);
        }
    }
    Some(())
}

/// Reads the allow-listed labels, which come after the labels of the query.
fn labels(s: &mut Snapshot, series: &Series<'_, '_>) -> Option<()> {
    let columns = s.label_columns.clone();
    let mut found = BTreeMap::new();
    for (n, column) in columns.into_iter().enumerate() {
        let Some(value) = series.labels.get(POD_SPEC.labels.len() + n).filter(|value| !value.is_empty()) else {
            continue;
        };
        s.labels_exposed = true;
        if column.conflict {
            s.label_conflicts.insert(column.key);
        } else {
            let there: &mut String = found.entry(column.key).or_default();
            *there = std::mem::take(there).max(value.to_string());
        }
    }
    let pod = s.pod(series, 1)?;
    let there = pod.labels.get_or_insert_default();
    for (key, value) in found {
        let known = there.entry(key).or_default();
        *known = std::mem::take(known).max(value);
    }
    Some(())
}

pub(super) fn node_selector(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let lines = series.labels.get(1)?;
    let pod = s.pod(series, 0)?;
    pod.node_selector.get_or_insert_default().extend(lines.lines().map(ToOwned::to_owned));
    Some(())
}

pub(super) fn owners(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let own = |at| text(series, at).map(ToOwned::to_owned);
    let (object_at, owners) = match text(series, 0)? {
        "kube_replicaset_owner" => (2, &mut s.replicaset_owners),
        "kube_job_owner" => (3, &mut s.job_owners),
        _ => {
            s.autoscaled.insert((own(1)?, own(6)?, own(7)?));
            return Some(());
        }
    };
    let object = (own(1)?, own(object_at)?);
    // Nobody owns it.
    let Some(owner) = own(4).zip(own(5)) else { return Some(()) };
    let there = owners.entry(object).or_default();
    *there = std::mem::take(there).max(owner);
    Some(())
}
