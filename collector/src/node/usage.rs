//! What node-exporter measured of a node.

use std::collections::BTreeMap;

use lake::SlotValues;
use types::{Hour, SLOT_SECONDS};

use crate::life::{Life, int32};
use crate::pod::whole;
use crate::snapshot::{Edges, Exporter, Io, Slots, Snapshot};

/// The mode of CPU time that the hypervisor gave to others.
const STEAL: &str = "steal";

/// The exporters of the hour, by the node they ran on.
#[derive(Debug, Default)]
pub(crate) struct Exporters<'a> {
    by_node: BTreeMap<&'a str, Vec<(&'a str, &'a Exporter)>>,
    /// How many nodes each instance was on.
    nodes_of: BTreeMap<&'a str, usize>,
}

/// What an exporter says of one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured<'a> {
    exporter: &'a Exporter,
    /// The life of the machine.
    life: Life,
    hour: Hour,
    /// Whether its address belonged to another machine in this hour too, so that samples from outside the life of this
    /// one are the other's.
    shared: bool,
}

impl<'a> Exporters<'a> {
    /// Finds the node of every instance of node-exporter, by the first of these that names one: the name the kernel
    /// gives the machine, a label of the scrape job, the host part of the instance, the short form of the kernel's
    /// name, the instance id in it, the address.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let names = Names::of(snapshot);
        let mut exporters = Self::default();
        for (instance, exporter) in &snapshot.exporters {
            let nodes = names.find(instance, exporter);
            exporters.nodes_of.insert(instance, nodes.len());
            for node in nodes {
                exporters.by_node.entry(node).or_default().push((instance, exporter));
            }
        }
        exporters
    }

    /// The exporter of a machine. Of two on one node the one with more samples of the CPU counts, and of two as good the
    /// first by instance: they measure the same.
    pub(crate) fn of_machine(&self, node: &str, life: Life, other_machines: bool, hour: Hour) -> Option<Measured<'a>> {
        let points = |exporter: &Exporter| {
            let most = exporter.cpu_core_seconds.values().map(|edges| edges.iter().flatten().count()).max();
            (most.unwrap_or_default(), exporter.io_bytes.len())
        };
        let candidates = self.by_node.get(node)?;
        let best =
            candidates.iter().min_by_key(|(instance, exporter)| (std::cmp::Reverse(points(exporter)), *instance));
        let (instance, exporter) = best?;
        let shared = other_machines || self.nodes_of.get(instance).is_some_and(|nodes| *nodes > 1);
        Some(Measured { exporter, life, hour, shared })
    }
}

/// Ways to a node.
struct Names<'a> {
    nodes: BTreeMap<&'a str, &'a str>,
    short: BTreeMap<&'a str, Vec<&'a str>>,
    ids: BTreeMap<&'a str, Vec<&'a str>>,
    addresses: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Names<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let mut names =
            Self { nodes: BTreeMap::new(), short: BTreeMap::new(), ids: BTreeMap::new(), addresses: BTreeMap::new() };
        for (name, node) in &snapshot.nodes {
            names.nodes.insert(name, name);
            names.short.entry(short(name)).or_default().push(name);
            for (id, machine) in node.known_machines() {
                if let Some(id) = instance_id(id) {
                    names.ids.entry(id).or_default().push(name);
                }
                if !machine.internal_ip.is_empty() {
                    names.addresses.entry(&machine.internal_ip).or_default().push(name);
                }
            }
        }
        names
    }

    /// The nodes an instance was on: several when the address moved.
    fn find(&self, instance: &str, exporter: &Exporter) -> Vec<&'a str> {
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let exact = |name: &str| self.nodes.get(name).copied();
        let only = |nodes: Option<&Vec<&'a str>>| match nodes.map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        let ways: [Vec<&'a str>; 6] = [
            exporter.nodenames.iter().filter_map(|name| exact(name)).collect(),
            exporter.node_labels.iter().filter_map(|name| exact(name)).collect(),
            exact(host).into_iter().collect(),
            exporter.nodenames.iter().filter_map(|name| only(self.short.get(short(name)))).collect(),
            exporter.nodenames.iter().filter_map(|name| only(self.ids.get(short(name)))).collect(),
            self.addresses.get(host).into_iter().flatten().copied().collect(),
        ];
        let mut nodes = ways.into_iter().find(|nodes| !nodes.is_empty()).unwrap_or_default();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

/// `ip-10-0-0-1` of `ip-10-0-0-1.ec2.internal`.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// `i-0abc` of `aws:///us-east-1a/i-0abc`.
pub(crate) fn instance_id(provider_id: &str) -> Option<&str> {
    let id = provider_id.rsplit('/').next()?;
    id.strip_prefix("i-").is_some_and(|digits| !digits.is_empty()).then_some(id)
}

impl Measured<'_> {
    /// What the firmware calls the machine; unknown where the address moved between machines of two kinds.
    pub(crate) fn product_name(&self) -> Option<&str> {
        let names = &self.exporter.product_names;
        names.first().filter(|_| names.len() == 1).map(String::as_str)
    }

    /// CPU used, without what waited or was stolen.
    pub(crate) fn used_millicores(&self) -> Option<SlotValues> {
        self.millicores(|mode| mode != STEAL)
    }

    /// CPU the hypervisor gave to others.
    pub(crate) fn steal_millicores(&self) -> Option<SlotValues> {
        self.millicores(|mode| mode == STEAL)
    }

    /// Core-seconds of the chosen modes, slot by slot, as a rate.
    ///
    /// Counters are rounded to milliseconds first: a server adds the cores up in any order, and what that changes in the
    /// last digits must not reach the files.
    fn millicores(&self, counts: impl Fn(&str) -> bool) -> Option<SlotValues> {
        let modes = self.exporter.cpu_core_seconds.iter().filter(|(mode, _)| counts(mode));
        let modes: Vec<Edges> = modes.map(|(_, edges)| self.own_edges(edges)).collect();
        let mut slots = SlotValues::default();
        for (k, slot) in slots.iter_mut().enumerate() {
            let at =
                |edges: &Edges, k: usize| edges.get(k).copied().flatten().and_then(|seconds| whole(seconds * 1000.0));
            let difference = |edges: &Edges| match (at(edges, k), at(edges, k + 1)) {
                (Some(before), Some(after)) if after >= before => after.checked_sub(before),
                _ => None,
            };
            let used = modes.iter().map(difference).try_fold(0_i64, |sum, more| sum.checked_add(more?));
            *slot = used
                .filter(|_| !modes.is_empty())
                .map(|used| int32(used.saturating_add(SLOT_SECONDS / 2) / SLOT_SECONDS));
        }
        slots.iter().any(Option::is_some).then_some(slots)
    }

    /// Memory in use.
    pub(crate) fn memory_used_mib(&self) -> Option<SlotValues> {
        self.less_mib(&self.exporter.memory_available)
    }

    /// Memory touched, page cache included.
    pub(crate) fn memory_touched_mib(&self) -> Option<SlotValues> {
        self.less_mib(&self.exporter.memory_free)
    }

    fn less_mib(&self, rest: &Slots) -> Option<SlotValues> {
        let mut slots = SlotValues::default();
        for (k, ((slot, total), rest)) in slots.iter_mut().zip(&self.exporter.memory_total).zip(rest).enumerate() {
            let bytes = total.zip(*rest).filter(|_| self.is_own(k + 1)).map(|(total, rest)| (total - rest).max(0.0));
            *slot = bytes.and_then(|bytes| whole(bytes / (1024.0 * 1024.0))).map(int32);
        }
        slots.iter().any(Option::is_some).then_some(slots)
    }

    /// Bytes of all devices of a kind; `None` without a sample.
    pub(crate) fn bytes(&self, io: Io) -> Option<i64> {
        let devices = self.exporter.io_bytes.iter().filter(|((kind, _), _)| *kind == io);
        let devices: Vec<Edges> = devices.map(|(_, edges)| self.own_edges(edges)).collect();
        let seen_at_start = devices.iter().any(|edges| edges.first().is_some_and(Option::is_some));
        // A device that shows while others were there already is new, and counts from zero; so does every device of a
        // machine that started in the hour. Else the first sample is where counting begins.
        let from_zero = seen_at_start || self.life.start > self.hour.start_seconds();
        let mut amounts = devices.iter().filter_map(|edges| counted(edges, from_zero));
        // What fits no column is not known.
        let first = amounts.next()?;
        amounts.try_fold(first, i64::checked_add)
    }

    /// The samples at the edges that are this machine's.
    fn own_edges(&self, edges: &Edges) -> Edges {
        let mut own = *edges;
        for (k, edge) in own.iter_mut().enumerate() {
            *edge = edge.filter(|_| self.is_own(k));
        }
        own
    }

    /// Whether what shows at an edge of the hour's slots is of this machine.
    fn is_own(&self, edge: usize) -> bool {
        let at = self.hour.start_seconds() + i64::try_from(edge).unwrap_or_default() * SLOT_SECONDS;
        !self.shared || (self.life.start <= at && at <= self.life.end)
    }
}

/// What a counter counted over the hour. After a reset it counted from zero.
fn counted(edges: &Edges, from_zero: bool) -> Option<i64> {
    let mut points = edges.iter().flatten().filter_map(|value| whole(*value));
    let first = points.next()?;
    let new = from_zero && edges.first().is_some_and(Option::is_none);
    let (mut sum, mut before) = (i128::from(if new { first } else { 0 }), first);
    for point in points {
        sum += i128::from(point) - if point >= before { i128::from(before) } else { 0 };
        before = point;
    }
    i64::try_from(sum).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{EDGES, Machine, Node};

    fn edges(values: &[(usize, f64)]) -> Edges {
        let mut edges = [None; EDGES];
        values.iter().for_each(|(k, value)| edges[*k] = Some(*value));
        edges
    }

    #[test]
    fn a_counter_adds_up_over_resets_and_gaps() {
        assert_eq!(counted(&edges(&[]), true), None);
        assert_eq!(counted(&edges(&[(0, 100.0), (1, 150.0), (12, 400.0)]), true), Some(300));
        // Reset between the second and the third.
        assert_eq!(counted(&edges(&[(0, 100.0), (1, 150.0), (2, 30.0)]), true), Some(80));
        // Shows later: from zero only where that is known.
        assert_eq!(counted(&edges(&[(3, 100.0), (4, 150.0)]), true), Some(150));
        assert_eq!(counted(&edges(&[(3, 100.0), (4, 150.0)]), false), Some(50));
    }

    fn exporter(nodename: &str) -> Exporter {
        Exporter { nodenames: [nodename.to_owned()].into(), ..Exporter::default() }
    }

    fn world(nodes: &[(&str, &str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (name, id, ip) in nodes {
            let machine = Machine { internal_ip: (*ip).to_owned(), ..Machine::default() };
            let node = Node { machines: [((*id).to_owned(), machine)].into(), ..Node::default() };
            snapshot.nodes.insert((*name).to_owned(), node);
        }
        snapshot
    }

    #[test]
    fn an_exporter_finds_its_node_by_name_label_id_or_address() {
        let id = "aws:///us-east-1a/i-0123456789abcdef0";
        let snapshot = world(&[
            ("ip-10-0-0-1.ec2.internal", "", "10.0.0.1"),
            ("i-0123456789abcdef0.us-east-1.compute.internal", id, "10.0.0.2"),
            ("custom", "aws:///us-east-1a/i-0fedcba9876543210", "10.0.0.3"),
        ]);
        let names = Names::of(&snapshot);
        let check = |instance: &str, exporter: Exporter, expect: &[&str]| {
            assert_eq!(names.find(instance, &exporter), expect, "{instance} {exporter:?}");
        };
        check("x:9100", exporter("ip-10-0-0-1.ec2.internal"), &["ip-10-0-0-1.ec2.internal"]);
        check("x:9100", exporter("ip-10-0-0-1"), &["ip-10-0-0-1.ec2.internal"]);
        check("x:9100", exporter("i-0123456789abcdef0"), &["i-0123456789abcdef0.us-east-1.compute.internal"]);
        check("x:9100", exporter("i-0fedcba9876543210.us-east-1.compute.internal"), &["custom"]);
        check("10.0.0.3:9388", exporter("localhost"), &["custom"]);
        check("custom", exporter("localhost"), &["custom"]);
        let labelled = Exporter { node_labels: ["custom".to_owned()].into(), ..exporter("pod-7c9") };
        check("10.0.0.1:9100", labelled, &["custom"]);
        check("10.9.9.9:9100", exporter("elsewhere"), &[]);
    }
}
