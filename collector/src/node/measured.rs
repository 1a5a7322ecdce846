//! Measurements of a node by node-exporter.

use std::collections::BTreeMap;

use lake::SlotValues;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::counter::{self, Counted, Most, Sample};
use crate::doubt::Doubts;
use crate::life::Life;
use crate::limits::Limits;
use crate::numbers::int32;
use crate::numbers::whole;
use crate::queries;
use crate::snapshot::{Edges, Exporter, Io, Slots, Snapshot, edge_time};

/// The mode of CPU time that the hypervisor gave to others.
const STEAL: &str = "steal";

/// Most memory the kernel may tell, as a multiple of what the kubelet tells.
const MOST_MEMORY_TOTAL: f64 = 1.1;

/// The exporters of the hour, by the node they ran on.
#[derive(Debug, Default)]
pub(crate) struct Exporters<'a> {
    slack_seconds: i64,
    by_node: BTreeMap<&'a str, Vec<(&'a str, &'a Exporter)>>,
    /// Number of nodes each instance was on.
    nodes_of: BTreeMap<&'a str, usize>,
}

/// Measurements of one machine by its exporter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured<'a> {
    exporter: &'a Exporter,
    /// The name of the machine.
    name: &'a str,
    /// The life of the machine.
    life: Life,
    hour: Hour,
    /// Tells whether its address belonged to another machine in this hour too, so that samples from outside the life of
    /// this one are the other's.
    shared: bool,
    /// Limits of the machine.
    limits: Limits,
    /// Greatest age of a sample at the moment it is looked at.
    slack_seconds: i64,
}

impl<'a> Exporters<'a> {
    /// Finds the node of every instance of node-exporter, by the first of these that names one: the name the kernel
    /// gives the machine, a label of the scrape job, the host part of the instance, the short form of the kernel's
    /// name, the instance id in it, the address.
    ///
    /// An instance runs on one node at a time. One that is found on two that `live` at once is several in one, whose
    /// greatest values are nobody's: it serves none, and that is told to `doubts`.
    pub(crate) fn of(snapshot: &'a Snapshot, live: &BTreeMap<&str, Life>, doubts: &mut Doubts) -> Self {
        let names = Names::of(snapshot);
        let mut exporters = Self { slack_seconds: snapshot.slack_seconds, ..Self::default() };
        for ((instance, _), exporter) in &snapshot.exporters {
            let nodes = names.find(instance, exporter);
            if let Some((one, other)) = at_once(&nodes, live) {
                doubts.say(format!(
                    "node-exporter `{instance}` is said to run on `{one}` and on `{other}` at once, so what they used \
                     is not known; its series need a label that tells them apart, such as `instance`"
                ));
                continue;
            }
            let served = exporters.nodes_of.entry(instance).or_default();
            *served = nodes.len().max(*served);
            for node in nodes {
                exporters.by_node.entry(node).or_default().push((instance, exporter));
            }
        }
        exporters
    }

    /// The exporter of a machine. Of two on one node the one with more samples of the CPU counts, and of two as good the
    /// first by instance: they measure the same.
    pub(crate) fn of_machine(
        &self,
        node: &str,
        (life, other_machines): (Life, bool),
        limits: Limits,
        hour: Hour,
    ) -> Option<Measured<'a>> {
        let points = |exporter: &Exporter| {
            let most = exporter.cpu_core_seconds.values().map(|edges| edges.iter().flatten().count()).max();
            (most.unwrap_or_default(), exporter.io_bytes.len())
        };
        let (name, candidates) = self.by_node.get_key_value(node)?;
        let best =
            candidates.iter().min_by_key(|(instance, exporter)| (std::cmp::Reverse(points(exporter)), *instance));
        let (instance, exporter) = best?;
        let shared = other_machines || self.nodes_of.get(instance).is_some_and(|nodes| *nodes > 1);
        Some(Measured { exporter, life, hour, name, shared, limits, slack_seconds: self.slack_seconds })
    }
}

/// Two of some nodes that live at once for longer than a scrape may lag.
fn at_once<'n>(nodes: &[&'n str], live: &BTreeMap<&str, Life>) -> Option<(&'n str, &'n str)> {
    let lives: Vec<(&str, Life)> = nodes.iter().filter_map(|node| Some((*node, *live.get(node)?))).collect();
    let pairs = lives.iter().enumerate().flat_map(|(n, one)| lives.iter().skip(n + 1).map(move |other| (one, other)));
    let mut both =
        pairs.filter(|((_, a), (_, b))| a.end.min(b.end).saturating_sub(a.start.max(b.start)) > SLOT_SECONDS);
    both.next().map(|((one, _), (other, _))| (*one, *other))
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
    /// Product name of the machine in its firmware; unknown where the address moved between machines of two kinds.
    pub(crate) fn product_name(&self) -> Option<&str> {
        let names = &self.exporter.product_names;
        names.first().filter(|_| names.len() == 1).map(String::as_str)
    }

    /// CPU used, without what waited or was stolen.
    pub(crate) fn used_millicores(&self, doubts: &mut Doubts) -> Option<SlotValues> {
        self.millicores(|mode| mode != STEAL, doubts)
    }

    /// CPU the hypervisor gave to others.
    pub(crate) fn steal_millicores(&self, doubts: &mut Doubts) -> Option<SlotValues> {
        self.millicores(|mode| mode == STEAL, doubts)
    }

    /// Core-seconds of the chosen modes, slot by slot, as a rate.
    ///
    /// Counters are rounded to milliseconds first: a server adds the cores up in any order, and what that changes in the
    /// last digits must not reach the files. The slot in which the machine was booted has no rate: what it used before is
    /// not known.
    fn millicores(&self, counts: impl Fn(&str) -> bool, doubts: &mut Doubts) -> Option<SlotValues> {
        let modes: Vec<_> = self.exporter.cpu_core_seconds.iter().filter(|(mode, _)| counts(mode)).collect();
        let mut sums = [Some(0_i64); SLOTS_PER_HOUR];
        let most = Most { per_second: self.limits.millicores, slack_seconds: self.slack_seconds };
        let mut implausible = 0;
        for (_, edges) in &modes {
            let zero = self.booted();
            let counted = self.counted(edges, 1000.0, zero, most);
            implausible += counted.implausible;
            let mut used = [None; SLOTS_PER_HOUR];
            for step in counted.steps.iter().filter(|step| Some(step.from) != zero) {
                used.iter_mut().zip(step.by_slot(self.hour)).for_each(|(used, part)| *used = used.or(part));
            }
            for (sum, used) in sums.iter_mut().zip(used) {
                *sum = sum.zip(used).map(|(sum, used)| sum.saturating_add(used));
            }
        }
        let mut slots = SlotValues::default();
        let most_of_a_slot = most.per_second.saturating_mul(SLOT_SECONDS.saturating_add(most.slack_seconds));
        for (slot, used) in slots.iter_mut().zip(sums).filter(|_| !modes.is_empty()) {
            let possible = used.is_none_or(|used| used <= most_of_a_slot);
            implausible += usize::from(!possible);
            *slot = used.filter(|_| possible).map(|used| int32(used.saturating_add(SLOT_SECONDS / 2) / SLOT_SECONDS));
        }
        doubts.add(queries::NODE_CPU.name, implausible, || self.name.to_owned());
        slots.iter().any(Option::is_some).then_some(slots)
    }

    /// Reads a counter, in thousandths or in units.
    fn counted(&self, edges: &Edges, scale: f64, zero: Option<i64>, most: Most) -> Counted {
        let (mut samples, mut unreadable) = (Vec::with_capacity(edges.len()), 0);
        for (edge, value) in self.own_edges(edges).into_iter().enumerate() {
            match value.map(|value| whole(value * scale)) {
                Some(Some(value)) => samples.push(Sample { at: edge_time(edge, self.hour), value }),
                Some(None) => unreadable += 1,
                None => {}
            }
        }
        let mut counted = counter::count(&samples, zero, most);
        counted.implausible += unreadable;
        counted
    }

    /// When the machine was booted, where that was within the hour.
    fn booted(&self) -> Option<i64> {
        self.exporter.booted_seconds.filter(|booted| *booted > self.hour.start_seconds())
    }

    /// Memory in use.
    pub(crate) fn memory_used_mib(&self, doubts: &mut Doubts) -> Option<SlotValues> {
        self.less_mib(&self.exporter.memory_available, doubts)
    }

    /// Memory touched, page cache included.
    pub(crate) fn memory_touched_mib(&self, doubts: &mut Doubts) -> Option<SlotValues> {
        self.less_mib(&self.exporter.memory_free, doubts)
    }

    /// Memory that is not free. All of it cannot be, and not more of it than there is.
    fn less_mib(&self, rest: &Slots, doubts: &mut Doubts) -> Option<SlotValues> {
        let (mut slots, mut implausible) = (SlotValues::default(), 0);
        for (k, ((slot, total), rest)) in slots.iter_mut().zip(&self.exporter.memory_total).zip(rest).enumerate() {
            let Some((total, rest)) = total.zip(*rest).filter(|_| self.is_own(k + 1)) else { continue };
            // What the firmware keeps, the kubelet may not count.
            let most = self.limits.memory_bytes * MOST_MEMORY_TOTAL;
            if !(0.0..total).contains(&rest) || total > most {
                implausible += 1;
                continue;
            }
            *slot = whole((total - rest) / (1024.0 * 1024.0)).map(int32);
        }
        doubts.add(queries::NODE_MEMORY.name, implausible, || self.name.to_owned());
        slots.iter().any(Option::is_some).then_some(slots)
    }

    /// Bytes of all devices of a kind; `None` without a sample, and where a device's counter fell and nobody knows why.
    pub(crate) fn bytes(&self, io: Io, doubts: &mut Doubts) -> Option<i64> {
        let devices: Vec<_> = self.exporter.io_bytes.iter().filter(|((kind, _), _)| *kind == io).collect();
        let of_edges = |edges: &Edges| self.own_edges(edges).first().is_some_and(Option::is_some);
        let seen_at_start = devices.iter().any(|(_, edges)| of_edges(edges));
        // A device that shows while others were there already is new, and counts from zero; so does every device of a
        // machine that started in the hour. Else the first sample is where counting begins.
        let began = (self.life.start > self.hour.start_seconds()).then_some(self.life.start);
        let appeared = seen_at_start.then(|| self.hour.start_seconds());
        let most = Most { per_second: self.limits.io_bytes_per_second(), slack_seconds: self.slack_seconds };
        let (mut total, mut implausible) = (None, 0);
        let mut known = true;
        for (_, edges) in devices {
            let new = began.or(appeared).filter(|_| !of_edges(edges));
            let counted = self.counted(edges, 1.0, new.or(self.booted()), most);
            implausible += counted.implausible;
            known &= counted.lost <= 1;
            let own = self.own_edges(edges);
            if own.iter().any(Option::is_some) {
                let bytes: i64 = counted.steps.iter().fold(0, |sum, step| sum.saturating_add(step.counted));
                total = Some(total.unwrap_or(0_i64).saturating_add(bytes));
            }
        }
        doubts.add(queries::NODE_IO.name, implausible, || self.name.to_owned());
        total.filter(|_| known)
    }

    /// The samples at the edges that are this machine's.
    fn own_edges(&self, edges: &Edges) -> Edges {
        let mut own = *edges;
        for (k, edge) in own.iter_mut().enumerate() {
            *edge = edge.filter(|_| self.is_own(k));
        }
        own
    }

    /// Returns whether what shows at an edge of the hour's slots is of this machine.
    fn is_own(&self, edge: usize) -> bool {
        let at = edge_time(edge, self.hour);
        !self.shared || (self.life.start <= at && at <= self.life.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Machine, Node};

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
