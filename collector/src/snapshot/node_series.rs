//! Facts of kube-state-metrics and node-exporter about nodes.
//!
//! Where series of one thing disagree, the greater word and the greater number win: which series comes first is the
//! server's choice, and must not be seen in the rows.

use std::collections::{BTreeMap, BTreeSet};

use types::Hour;

use super::contradictory_facts::last_in_hour;
use super::{Beyond, EDGES, Edges, Slots, Snapshot, edges, is_moment, last_of_hour, moment, slots, value_seconds};
use crate::decode::{Answer, DecodeError, Series, decode};
use crate::machine_limits::Limits;
use crate::metric_catalogue::DeviceCounter;
use crate::queries;

/// Suffixes of kube-state-metrics for two names that would be alike.
const CONFLICTS: [&str; 2] = ["_conflict1", "_conflict2"];

/// Facts about the name of a node: of the machine that has it, or of those that had it one after another.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Node {
    /// By provider id; empty for a machine that has none, or had none yet.
    pub(crate) machines: BTreeMap<String, Machine>,
    /// Tells whether a scrape within the hour saw it.
    pub(crate) in_hour: bool,
    /// Facts under the name, whichever machine had it.
    pub(crate) facts: Facts,
}

/// Facts about a machine beside its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Machine {
    pub(crate) kubelet_version: String,
    pub(crate) os_image: String,
    pub(crate) internal_ip: String,
    /// First scrape that saw it, in milliseconds since the epoch; known only of what vanished or was replaced.
    pub(crate) first_seen_ms: Option<i64>,
    /// Last scrape that saw it.
    pub(crate) last_seen_seconds: Option<i64>,
    /// Facts about this machine alone, where its name was used by another too.
    pub(crate) facts: Option<Facts>,
}

/// Facts of kube-state-metrics about a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Facts {
    /// When the node was created, every time it was within the hour, in seconds since the epoch.
    pub(crate) created_seconds: BTreeSet<i64>,
    /// `(capacity or allocatable, resource)` to its value.
    pub(crate) resources: BTreeMap<(Bound, String), f64>,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) taints: BTreeSet<String>,
    /// Kinds and values of addresses; none where they are not shown.
    pub(crate) addresses: BTreeSet<(String, String)>,
    /// Labels of which two values were said, for which the later is to be found by time: with the moment it was last
    /// said within the hour, in milliseconds since the epoch, once that is known.
    pub(crate) changed: BTreeMap<&'static str, (Option<i64>, String)>,
}

/// Which of a node's two sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Capacity,
    Allocatable,
}

/// A counter, and the device it is of.
type Counter = (DeviceCounter, String);

/// Series of one node-exporter. It may have moved from one node to another within the hour, with its address.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Exporter {
    /// Names of the machine in its kernel.
    pub(crate) nodenames: BTreeSet<String>,
    /// The node, as a relabeling rule of the scrape job names it.
    pub(crate) node_labels: BTreeSet<String>,
    pub(crate) product_names: BTreeSet<String>,
    /// When the machine was booted last.
    pub(crate) booted_seconds: Option<i64>,
    /// Counters by mode.
    pub(crate) cpu_core_seconds: BTreeMap<String, Edges>,
    /// Counters of devices, in bytes.
    pub(crate) io_bytes: BTreeMap<Counter, Edges>,
    /// Counters beyond the hour, where that was asked for.
    pub(crate) cpu_beyond: BTreeMap<String, Beyond>,
    pub(crate) io_beyond: BTreeMap<Counter, Beyond>,
    pub(crate) memory_total: Slots,
    pub(crate) memory_available: Slots,
    pub(crate) memory_free: Slots,
}

impl Node {
    /// The machines that had this name. One that showed before it had registered fully is the one it became.
    pub(crate) fn known_machines(&self) -> impl Iterator<Item = (&String, &Machine)> {
        let any_id = self.machines.keys().any(|id| !id.is_empty());
        self.machines.iter().filter(move |(id, _)| !any_id || !id.is_empty())
    }

    /// Returns whether more than one machine had this name.
    pub(crate) fn is_reused(&self) -> bool {
        self.known_machines().nth(1).is_some()
    }

    fn born_after(&self, hour: Hour) -> bool {
        self.facts.created_seconds.first().is_some_and(|created| *created >= hour.end_seconds())
    }
}

impl Exporter {
    /// Takes in what the same exporter says elsewhere; its own word comes first.
    fn join(&mut self, other: Self) {
        self.nodenames.extend(other.nodenames);
        self.node_labels.extend(other.node_labels);
        self.product_names.extend(other.product_names);
        self.booted_seconds = self.booted_seconds.max(other.booted_seconds);
        for (mode, edges) in other.cpu_core_seconds {
            self.cpu_core_seconds.entry(mode).or_insert(edges);
        }
        for (device, edges) in other.io_bytes {
            self.io_bytes.entry(device).or_insert(edges);
        }
        let pairs = [
            (&mut self.memory_total, other.memory_total),
            (&mut self.memory_available, other.memory_available),
            (&mut self.memory_free, other.memory_free),
        ];
        for (own, other) in pairs {
            own.iter_mut().zip(other).for_each(|(own, other)| *own = own.or(other));
        }
    }
}

impl Facts {
    /// Takes in a label or taint series.
    fn label_series(&mut self, series: &Series<'_, '_>) -> Option<()> {
        if series.label("__name__") == Some("kube_node_status_addresses") {
            let said = |label| series.label(label).unwrap_or_default().to_owned();
            self.addresses.insert((said("type"), said("address")));
            return Some(());
        }
        if let Some(key) = series.label("key") {
            let value = series.label("value").unwrap_or_default();
            self.taints.insert(format!("{key}={value}:{}", series.label("effect")?));
            return Some(());
        }
        let mut found: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in node_labels(series) {
            let plain = CONFLICTS.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
            found.entry(plain).or_default().insert(value);
        }
        // Two keys under one name that say different things say nothing.
        for (name, values) in found {
            if let (Some(value), 1) = (values.first(), values.len()) {
                let known = self.labels.entry(name).or_insert_with(|| (*value).to_owned());
                if known != value {
                    self.changed.entry(name).or_default();
                    if known.as_str() < *value {
                        (*value).clone_into(known);
                    }
                }
            }
        }
        Some(())
    }

    /// Takes in when the labels of a series were last said.
    fn label_times(&mut self, series: &Series<'_, '_>, hour: Hour) {
        let last_ms = last_in_hour(series, hour);
        for (name, value) in node_labels(series) {
            let Some(latest) = self.changed.get_mut(name) else { continue };
            if (latest.0, latest.1.as_str()) < (last_ms, value) {
                *latest = (last_ms, value.to_owned());
                self.labels.insert(name, value.to_owned());
            }
        }
    }

    /// Limits of the machine, by its capacity.
    pub(crate) fn limits(&self) -> Limits {
        let capacity = |resource: &str| self.resources.get(&(Bound::Capacity, resource.to_owned())).copied();
        Limits::of(capacity("cpu"), capacity("memory"))
    }

    /// Takes in a creation, a capacity or an allocatable amount.
    fn amount(&mut self, metric: &str, resource: Option<&str>, amount: f64) -> Option<()> {
        let bound = if metric.contains("_allocatable") { Bound::Allocatable } else { Bound::Capacity };
        // kube-state-metrics 1 has the resource in the name.
        let resource = match metric {
            _ if metric.ends_with("_cpu_cores") => "cpu",
            _ if metric.ends_with("_memory_bytes") => "memory",
            _ if metric.ends_with("_pods") => "pods",
            _ => resource?,
        };
        let known = self.resources.entry((bound, resource.to_owned())).or_insert(amount);
        *known = known.max(amount);
        Some(())
    }
}

/// The labels of a node that a series has, by the name kube-state-metrics gives them.
fn node_labels<'a>(series: &'a Series<'_, '_>) -> impl Iterator<Item = (&'static str, &'a str)> {
    let known = |name: &str| queries::NODE_LABELS.labels.iter().find(|label| **label == name).copied();
    let labels = series.iter().filter(|(name, _)| name.starts_with("label_"));
    labels.filter_map(move |(name, value)| Some((known(name)?, value)))
}

/// Names of nodes of the hour of which some machine's end is not known.
pub(super) fn vanished(snapshot: &Snapshot, hour: Hour) -> Vec<String> {
    let unknown_end =
        |node: &Node| node.is_reused() || node.known_machines().any(|(_, machine)| machine.last_seen_seconds.is_none());
    let gone = snapshot.nodes.iter().filter(|(_, node)| !node.born_after(hour) && unknown_end(node));
    gone.map(|(name, _)| name.clone()).collect()
}

/// Takes in all samples of the nodes that vanished or were replaced.
pub(super) fn read_seen(snapshot: &mut Snapshot, body: &[u8]) -> Result<Answer, DecodeError> {
    let node_label = snapshot.node_label();
    let labels = [node_label, "provider_id"];
    decode(body, &labels, &mut |series| {
        let Some(node) = series.label(node_label).and_then(|name| snapshot.nodes.get_mut(name)) else { return };
        let machine = node.machines.get_mut(series.label("provider_id").unwrap_or_default());
        let (Some(machine), Some((first, _)), Some((last, _))) = (machine, series.points.first(), series.points.last())
        else {
            return;
        };
        machine.first_seen_ms = Some(machine.first_seen_ms.map_or(*first, |known| known.min(*first)));
        machine.last_seen_seconds = machine.last_seen_seconds.max(Some(last.div_euclid(1000)));
    })
}

impl Snapshot {
    /// Names of nodes that two machines had within the hour, or whose labels changed in it.
    pub(crate) fn changed_nodes(&self) -> Vec<String> {
        let changed = |node: &Node| node.is_reused() || !node.facts.changed.is_empty();
        self.nodes.iter().filter(|(_, node)| changed(node)).map(|(name, _)| name.clone()).collect()
    }

    /// Takes in everything said of nodes that changed, and tells by time of which machine it was said, or what was said
    /// last.
    pub(crate) fn read_changed_nodes(&mut self, body: &[u8], hour: Hour) -> Result<Answer, DecodeError> {
        let start = hour.start_seconds();
        let own = queries::NODE_LABELS.labels.iter().copied();
        let node_label = self.node_label();
        let own = own.map(|label| if label == "node" { node_label } else { label });
        let labels: Vec<&str> = ["resource"].into_iter().chain(own).collect();
        decode(body, &labels, &mut |series| {
            let Some(node) = series.label(node_label).and_then(|name| self.nodes.get_mut(name)) else { return };
            let metric = series.label("__name__").unwrap_or_default();
            if !node.is_reused() {
                if metric == "kube_node_labels" {
                    node.facts.label_times(&series, hour);
                }
                return;
            }
            let mut machines: Vec<&mut Machine> =
                node.machines.iter_mut().filter(|(id, _)| !id.is_empty()).map(|(_, machine)| machine).collect();
            machines.sort_by_key(|machine| machine.first_seen_ms);
            let starts: Vec<_> = machines.iter().map(|machine| machine.first_seen_ms).collect();
            for (n, machine) in machines.into_iter().enumerate() {
                // Its samples: from when it was first seen until the next was; the first has those before it too.
                let from = starts.get(n).copied().flatten().filter(|_| n > 0).unwrap_or(i64::MIN);
                let to = starts.get(n + 1).copied().flatten().unwrap_or(i64::MAX);
                let facts = machine.facts.get_or_insert_default();
                let own = || series.points.iter().filter(move |(ms, _)| (from..to).contains(ms));
                match metric {
                    "kube_node_created" => {
                        facts.created_seconds.extend(own().filter_map(|(_, seconds)| created_at(*seconds, start)));
                    }
                    "kube_node_labels" | "kube_node_spec_taint" | "kube_node_status_addresses" => {
                        if own().next().is_some() {
                            let _complete = facts.label_series(&series);
                        }
                    }
                    _ => {
                        let in_hour = own().rfind(|(ms, _)| *ms <= hour.end_seconds().saturating_mul(1000));
                        if let Some((_, amount)) = in_hour.or_else(|| own().next_back()) {
                            let _complete = facts.amount(metric, series.label("resource"), *amount);
                        }
                    }
                }
            }
        })
    }
}

/// A value that is the creation of a node.
fn created_at(seconds: f64, start: i64) -> Option<i64> {
    #[expect(clippy::as_conversions, reason = "checked to lie far inside i64")]
    let seconds = (seconds.abs() < 1e12).then_some(seconds.floor() as i64)?;
    is_moment(seconds, start).then_some(seconds)
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let own = |label| series.label(label).unwrap_or_default().to_owned();
    let machine = s.node(series)?.machines.entry(own("provider_id")).or_default();
    machine.kubelet_version = own("kubelet_version").max(std::mem::take(&mut machine.kubelet_version));
    machine.os_image = own("os_image").max(std::mem::take(&mut machine.os_image));
    machine.internal_ip = own("internal_ip").max(std::mem::take(&mut machine.internal_ip));
    Some(())
}

pub(super) fn last_seen(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let provider_id = series.label("provider_id").unwrap_or_default().to_owned();
    let machine = s.node(series)?.machines.entry(provider_id).or_default();
    machine.last_seen_seconds = machine.last_seen_seconds.max(value_seconds(series));
    Some(())
}

pub(super) fn created(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let node = s.node(series)?;
    node.in_hour = true;
    node.facts.created_seconds.extend(series.points.iter().filter_map(|(_, value)| created_at(*value, start)));
    let seen = slots(series, start);
    s.scraped_slots.iter_mut().zip(seen).for_each(|(scraped, sample)| *scraped |= sample.is_some());
    Some(())
}

pub(super) fn resources(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let (metric, amount) = (series.label("__name__")?, last_of_hour(series, start)?);
    let facts = &mut s.node(series)?.facts;
    match metric {
        "kube_node_created" => facts.created_seconds.extend(moment(series, start)),
        _ => facts.amount(metric, series.label("resource"), amount)?,
    }
    Some(())
}

pub(super) fn labels(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.node(series)?.facts.label_series(series)
}

pub(super) fn cpu(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let mode = series.label("mode")?.to_owned();
    s.exporter(series)?.cpu_core_seconds.insert(mode, edges(series, start));
    Some(())
}

pub(super) fn memory(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let metric = series.label("__name__")?;
    let exporter = s.exporter(series)?;
    let field = match metric {
        "node_memory_MemTotal_bytes" => &mut exporter.memory_total,
        "node_memory_MemAvailable_bytes" => &mut exporter.memory_available,
        _ => &mut exporter.memory_free,
    };
    *field = slots(series, start);
    Some(())
}

pub(super) fn io(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let counter = counter(series)?;
    s.exporter(series)?.io_bytes.insert(counter, edges(series, start));
    Some(())
}

pub(super) fn cpu_beyond(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let mode = series.label("mode")?.to_owned();
    if let Some(exporter) = known_exporter(s, series) {
        exporter.cpu_beyond.entry(mode).or_default().take(series, start);
    }
    Some(())
}

pub(super) fn io_beyond(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let counter = counter(series)?;
    if let Some(exporter) = known_exporter(s, series) {
        exporter.io_beyond.entry(counter).or_default().take(series, start);
    }
    Some(())
}

/// What is counted, and the device it is counted at.
fn counter(series: &Series<'_, '_>) -> Option<Counter> {
    Some((DeviceCounter::named(series.label("__name__")?)?, series.label("device")?.to_owned()))
}

/// The exporter of the hour that a series is of; of what has no label of a node, the one it was joined to.
fn known_exporter<'s>(s: &'s mut Snapshot, series: &Series<'_, '_>) -> Option<&'s mut Exporter> {
    let (instance, node) = (series.label("instance")?, series.label("node").unwrap_or_default());
    let first = (instance.to_owned(), node.to_owned());
    let (key, exporter) = s.exporters.range_mut(first..).next()?;
    (key.0 == instance && (node.is_empty() || key.1 == node)).then_some(exporter)
}

impl Snapshot {
    /// Instances of node-exporter that were scraped in the hour, and not at its beginning, and those not at its end.
    pub(crate) fn cut_off_exporters(&self) -> [BTreeSet<&str>; 2] {
        let cut_off = |edge: usize| {
            let is_cut =
                |edges: &Edges| edges.get(edge).is_some_and(Option::is_none) && edges.iter().any(Option::is_some);
            let exporters = self.exporters.iter().filter(|(_, exporter)| {
                exporter.cpu_core_seconds.values().chain(exporter.io_bytes.values()).any(is_cut)
            });
            exporters.map(|((instance, _), _)| instance.as_str()).collect()
        };
        [cut_off(0), cut_off(EDGES - 1)]
    }
}

pub(super) fn exporters(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let own = |label| series.label(label).map(ToOwned::to_owned);
    let exporter = s.exporter(series)?;
    if series.label("__name__") == Some("node_boot_time_seconds") {
        exporter.booted_seconds = exporter.booted_seconds.max(moment(series, start));
    }
    exporter.nodenames.extend(own("nodename"));
    exporter.product_names.extend(own("product_name"));
    exporter.node_labels.extend(own("kubernetes_node"));
    Some(())
}

/// Makes one of what an instance says with the label of a node and without it, where it has that of one node alone.
pub(super) fn join_exporters(exporters: &mut BTreeMap<(String, String), Exporter>) {
    let bare: Vec<String> =
        exporters.keys().filter(|(_, node)| node.is_empty()).map(|(instance, _)| instance.clone()).collect();
    for instance in bare {
        let of_instance = (instance.clone(), String::new())..;
        let mut labelled = exporters.range(of_instance).take_while(|((other, _), _)| *other == instance).skip(1);
        let (Some((key, _)), None) = (labelled.next(), labelled.next()) else { continue };
        let key = key.clone();
        let Some(rest) = exporters.remove(&(instance, String::new())) else { continue };
        if let Some(exporter) = exporters.get_mut(&key) {
            exporter.join(rest);
        }
    }
}
