//! What kube-state-metrics and node-exporter say of nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edges, Slots, Snapshot, edges, slots, text, value, value_seconds};
use crate::decode::Series;
use crate::queries;

/// What kube-state-metrics and node-exporter say of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Node {
    /// The machines that had this name, by provider id. More than one when a name was used again within the hour.
    pub(crate) machines: BTreeMap<String, Machine>,
    /// Provider id of the machine that is there after the hour.
    pub(crate) current: Option<String>,
    /// Whether a scrape within the hour saw it.
    pub(crate) in_hour: bool,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) last_seen_seconds: Option<i64>,
    /// `(capacity or allocatable, resource)` to its value.
    pub(crate) resources: BTreeMap<(Bound, String), f64>,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) taints: BTreeSet<String>,
}

/// What is known of a machine beside its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Machine {
    pub(crate) kubelet_version: String,
    pub(crate) internal_ip: String,
}

/// Which of a node's two sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Capacity,
    Allocatable,
}

/// What one node-exporter says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Exporter {
    pub(crate) nodename: String,
    pub(crate) product_name: String,
    /// Counters by mode.
    pub(crate) cpu_core_seconds: BTreeMap<String, Edges>,
    pub(crate) memory_total: Slots,
    pub(crate) memory_available: Slots,
    pub(crate) memory_free: Slots,
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let own = |at| text(series, at).unwrap_or_default().to_owned();
    let machine = s.node(series, 0)?.machines.entry(own(1)).or_default();
    // A node that has not registered fully shows once without, once with; in which order is the server's.
    machine.kubelet_version = own(2).max(std::mem::take(&mut machine.kubelet_version));
    machine.internal_ip = own(4).max(std::mem::take(&mut machine.internal_ip));
    Some(())
}

pub(super) fn last_seen(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let provider_id = text(series, 1).unwrap_or_default().to_owned();
    let node = s.node(series, 0)?;
    let seen = value_seconds(series);
    if node.last_seen_seconds < seen {
        node.last_seen_seconds = seen;
        node.current = Some(provider_id);
    }
    Some(())
}

pub(super) fn created(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.node(series, 0)?.in_hour = true;
    let seen = slots(series, start);
    s.scraped_slots.iter_mut().zip(seen).for_each(|(scraped, sample)| *scraped |= sample.is_some());
    Some(())
}

pub(super) fn resources(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let bound = match text(series, 0)? {
        "kube_node_created" => {
            s.node(series, 1)?.created_seconds = value_seconds(series);
            return Some(());
        }
        metric if metric.contains("_allocatable") => Bound::Allocatable,
        _ => Bound::Capacity,
    };
    // kube-state-metrics 1 has the resource in the name.
    let resource = match text(series, 0)? {
        metric if metric.ends_with("_cpu_cores") => "cpu",
        metric if metric.ends_with("_memory_bytes") => "memory",
        metric if metric.ends_with("_pods") => "pods",
        _ => text(series, 2)?,
    };
    let resource = resource.to_owned();
    s.node(series, 1)?.resources.insert((bound, resource), value(series)?);
    Some(())
}

pub(super) fn labels(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let labels = queries::NODE_LABELS.labels.iter().enumerate().skip(1);
    let known = labels.filter_map(|(at, name)| Some((*name, text(series, at)?.to_owned())));
    let known: Vec<_> = known.collect();
    s.node(series, 0)?.labels.extend(known);
    Some(())
}

pub(super) fn taints(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let value = text(series, 2).unwrap_or_default();
    let taint = format!("{}={value}:{}", text(series, 1)?, text(series, 3)?);
    s.node(series, 0)?.taints.insert(taint);
    Some(())
}

pub(super) fn cpu(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let mode = text(series, 1)?.to_owned();
    s.exporter(series, 0)?.cpu_core_seconds.insert(mode, edges(series, start));
    Some(())
}

pub(super) fn memory(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let exporter = s.exporter(series, 1)?;
    let field = match metric {
        "node_memory_MemTotal_bytes" => &mut exporter.memory_total,
        "node_memory_MemAvailable_bytes" => &mut exporter.memory_available,
        _ => &mut exporter.memory_free,
    };
    *field = slots(series, start);
    Some(())
}

pub(super) fn uname(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.exporter(series, 0)?.nodename = text(series, 1)?.to_owned();
    Some(())
}

pub(super) fn dmi(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.exporter(series, 0)?.product_name = text(series, 1)?.to_owned();
    Some(())
}
