//! What kube-state-metrics says of pods and of who owns them.

use std::collections::{BTreeMap, BTreeSet};

use types::SLOTS_PER_HOUR;

use super::containers::Resources;
use super::{Snapshot, slots, text, value, value_seconds};
use crate::decode::Series;
use crate::queries;

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
    pub(crate) containers: BTreeMap<String, Resources>,
}

impl Pod {
    /// When the pod completed; `None` while it lives, whatever became of single containers.
    pub(crate) fn completion(&self) -> Option<i64> {
        self.completed_seconds.filter(|_| self.ended)
    }
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let pod = s.pod(series, 2)?;
    if !pod.node.is_empty() {
        *s.duplicates.entry(queries::POD_INFO.name).or_default() += 1;
        return Some(());
    }
    let owned = |at| text(series, at).unwrap_or_default().to_owned();
    pod.namespace = owned(0);
    pod.name = owned(1);
    pod.node = owned(3);
    pod.created_by = (owned(4), owned(5));
    pod.priority_class = owned(6);
    pod.host_network = owned(7);
    Some(())
}

pub(super) fn times(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let pod = s.pod(series, 1)?;
    let field = match metric {
        "kube_pod_created" => &mut pod.created_seconds,
        "kube_pod_status_scheduled_time" => &mut pod.scheduled_seconds,
        "kube_pod_start_time" => &mut pod.started_seconds,
        "kube_pod_status_phase" => {
            pod.ended = value(series) == Some(1.0);
            return Some(());
        }
        _ => &mut pod.completed_seconds,
    };
    *field = value_seconds(series);
    Some(())
}

pub(super) fn last_seen(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.pod(series, 0)?.last_seen_seconds = value_seconds(series);
    Some(())
}

pub(super) fn ended(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.pod(series, 0)?.ended_slots = slots(series, start).map(|value| value.is_some());
    Some(())
}

pub(super) fn owner(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let owner = (text(series, 1), text(series, 2));
    let pod = s.pod(series, 0)?;
    if let (Some(kind), Some(name)) = owner {
        pod.owner = Some((kind.to_owned(), name.to_owned()));
    }
    Some(())
}

pub(super) fn replicaset_owner(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let (object, owner) = owned(series)?;
    s.replicaset_owners.insert(object, owner);
    Some(())
}

pub(super) fn job_owner(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let (object, owner) = owned(series)?;
    s.job_owners.insert(object, owner);
    Some(())
}

pub(super) fn qos(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.pod(series, 0)?.qos_class = text(series, 1)?.to_owned();
    Some(())
}

pub(super) fn overhead(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let pod = s.pod(series, 1)?;
    match metric.ends_with("_cores") {
        true => pod.overhead_cores = value(series),
        false => pod.overhead_bytes = value(series),
    }
    Some(())
}

pub(super) fn claims(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let claim = text(series, 3)?.to_owned();
    s.pod(series, 2)?.claims.insert(claim);
    Some(())
}

/// `(namespace, name)` of an owned object, and `(kind, name)` of its owner.
type Owned = ((String, String), (String, String));

fn owned(series: &Series<'_, '_>) -> Option<Owned> {
    let own = |at| text(series, at).map(ToOwned::to_owned);
    Some(((own(0)?, own(1)?), (own(2)?, own(3)?)))
}
