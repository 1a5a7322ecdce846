//! Measurements of a node by node-exporter.

use std::collections::BTreeMap;

use lake::SlotValues;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::counter_increase::{self, Counted, Most, Sample};
use crate::impossible_measurements::Doubts;
use crate::lifespan::Life;
use crate::machine_limits::Limits;
use crate::metric_catalogue::DeviceCounter;
use crate::numbers::int32;
use crate::numbers::whole;
use crate::queries;
use crate::slot_usage_bounds::{self, BySlot};
use crate::snapshot::{Beyond, EDGES, Edges, Exporter, Slots, Snapshot, edge_time};

/// The mode of CPU time that the hypervisor gave to others.
const STEAL: &str = "steal";

/// Most memory the kernel may tell, as a multiple of what the kubelet tells.
const MOST_MEMORY_TOTAL: f64 = 1.1;

/// Time a machine may be listed after its exporter was last seen, before that is a gap of the exporter: one that is shut down
/// is listed until its node is deleted.
const GONE_LISTED_SECONDS: i64 = 2 * SLOT_SECONDS;

/// CPU of a machine slot by slot, in millicores.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// Used, without what waited or was stolen.
    pub(crate) used: Option<SlotValues>,
    /// Given to others by the hypervisor.
    pub(crate) stolen: Option<SlotValues>,
}

/// Reading of some modes of the CPU.
#[derive(Debug, Clone, Copy, Default)]
struct CoreMilliseconds {
    by_slot: BySlot,
    /// Samples that are not believed.
    implausible: usize,
    /// Greatest age of a sample that a gap begins with.
    slack_seconds: i64,
}

/// The exporters of the hour, by the node they ran on.
#[derive(Debug, Default)]
pub(crate) struct Exporters<'a> {
    slack_seconds: i64,
    by_node: BTreeMap<&'a str, Vec<(&'a str, &'a Exporter)>>,
    /// Number of nodes each instance was on.
    nodes_of: BTreeMap<&'a str, usize>,
}

/// Samples of a counter of one machine: at the edges, and the nearest beyond the hour where there is none at an end of it.
#[derive(Debug, Clone, Copy)]
struct Own {
    edges: Edges,
    before: Option<(i64, f64)>,
    after: Option<(i64, f64)>,
}

/// Measurements of one machine by its exporter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured<'a> {
    exporter: &'a Exporter,
    /// The name of the machine.
    name: &'a str,
    /// The life of the machine within the hour.
    life: Life,
    /// When it was created.
    created: Option<i64>,
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
        created: Option<i64>,
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
        Some(Measured { exporter, life, created, hour, name, shared, limits, slack_seconds: self.slack_seconds })
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

    /// CPU of all modes, which together are no more than the machine has.
    pub(crate) fn cpu(&self, doubts: &mut Doubts) -> Cpu {
        let (mut used, mut stolen) =
            (self.core_milliseconds(|mode| mode != STEAL), self.core_milliseconds(|mode| mode == STEAL));
        let mut implausible = used.implausible + stolen.implausible;
        let most = Most {
            per_second: self.limits.millicores,
            slack_seconds: self.slack_seconds.max(used.slack_seconds).max(stolen.slack_seconds),
        };
        let mut together = used.by_slot;
        for (sum, stolen) in together.iter_mut().zip(stolen.by_slot) {
            *sum = sum.map(|sum| sum.saturating_add(stolen.unwrap_or(0)));
        }
        implausible += slot_usage_bounds::disbelieve(&mut together, most)
            + slot_usage_bounds::disbelieve(&mut stolen.by_slot, most);
        for ((used, stolen), together) in used.by_slot.iter_mut().zip(&mut stolen.by_slot).zip(together) {
            if together.is_none() && used.take().is_some() {
                *stolen = None;
            }
        }
        doubts.add(queries::NODE_CPU.name, implausible, || self.name.to_owned());
        let full = [most.per_second.saturating_mul(SLOT_SECONDS); SLOTS_PER_HOUR];
        let rates = |mut by_slot: BySlot| {
            slot_usage_bounds::move_back(&mut by_slot, full);
            let rate = |used: i64| int32(used.saturating_add(SLOT_SECONDS / 2) / SLOT_SECONDS);
            let slots = by_slot.map(|used| used.map(rate));
            slots.iter().any(Option::is_some).then_some(slots)
        };
        Cpu { used: rates(used.by_slot), stolen: rates(stolen.by_slot) }
    }

    /// Core-milliseconds of the chosen modes, slot by slot.
    ///
    /// Counters are rounded to milliseconds first: a server adds the cores up in any order, and what that changes in the
    /// last digits must not reach the files. The slot in which the machine was booted has no rate: what it used before is
    /// not known.
    fn core_milliseconds(&self, counts: impl Fn(&str) -> bool) -> CoreMilliseconds {
        let modes: Vec<_> = self.exporter.cpu_core_seconds.iter().filter(|(mode, _)| counts(mode)).collect();
        let most = Most { per_second: self.limits.millicores, slack_seconds: self.slack_seconds };
        let mut all = CoreMilliseconds::default();
        if !modes.is_empty() {
            all.by_slot = [Some(0); SLOTS_PER_HOUR];
        }
        for (mode, edges) in &modes {
            let zero = self.booted();
            let own = self.own(edges, self.exporter.cpu_beyond.get(*mode));
            let counted = self.counted(&own, 1000.0, zero, most);
            all.implausible += counted.implausible;
            let mut used = BySlot::default();
            for step in counted.steps.iter().filter(|step| Some(step.from) != zero) {
                // Over a gap, nobody knows how old the sample is that it begins with.
                all.slack_seconds = all.slack_seconds.max(if step.is_gap() { SLOT_SECONDS } else { 0 });
                used.iter_mut().zip(step.by_slot(self.hour)).for_each(|(used, part)| *used = used.or(part));
            }
            for (sum, used) in all.by_slot.iter_mut().zip(used) {
                *sum = sum.zip(used).map(|(sum, used)| sum.saturating_add(used));
            }
        }
        all
    }

    /// Reads a counter, in thousandths or in units.
    fn counted(&self, own: &Own, scale: f64, zero: Option<i64>, most: Most) -> Counted {
        let (mut samples, mut unreadable) = (Vec::with_capacity(own.edges.len()), 0);
        let at_edges = own.edges.iter().enumerate();
        let at_edges = at_edges.filter_map(|(edge, value)| Some((edge_time(edge, self.hour), (*value)?)));
        for (at, value) in own.before.into_iter().chain(at_edges).chain(own.after) {
            match whole(value * scale) {
                Some(value) => samples.push(Sample { at, value }),
                None => unreadable += 1,
            }
        }
        let mut counted = counter_increase::count(&samples, zero, most);
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

    /// Bytes of all devices by a counter; `None` without a sample, where a device's counter fell and nobody knows why, and
    /// where none shows at the beginning or the end of the machine's time in the hour: what they counted then nobody saw.
    pub(crate) fn bytes(&self, counter: DeviceCounter, doubts: &mut Doubts) -> Option<i64> {
        let devices = self.exporter.io_bytes.iter().filter(|((of, _), _)| *of == counter);
        let devices = devices.map(|(device, edges)| self.own(edges, self.exporter.io_beyond.get(device)));
        let devices: Vec<Own> = devices.collect();
        let shown = |edge: usize| devices.iter().any(|own| own.edges.get(edge).is_some_and(Option::is_some));
        let shown: [bool; EDGES] = std::array::from_fn(shown);
        if !shown.contains(&true) {
            return None;
        }
        let most = Most { per_second: self.limits.io_bytes_per_second(), slack_seconds: self.slack_seconds };
        let (mut total, mut implausible) = (0_i64, 0);
        let mut known = true;
        for own in &devices {
            let counted = self.counted(own, 1.0, self.began(own, &shown).or(self.booted()), most);
            implausible += counted.implausible;
            known &= counted.lost <= 1;
            // Of a step over an edge of the hour, its share.
            let shares = counted.steps.iter().flat_map(|step| step.by_slot(self.hour)).flatten();
            total = shares.fold(total, i64::saturating_add);
        }
        doubts.add(queries::NODE_IO.name, implausible, || self.name.to_owned());
        let mut shown = shown;
        let [at_start, .., at_end] = &mut shown;
        *at_start |= devices.iter().any(|own| own.before.is_some());
        *at_end |= devices.iter().any(|own| own.after.is_some());
        let is_whole = self.is_whole(&shown);
        if !is_whole {
            doubts.cut_off(queries::NODE_IO.name, self.name);
        }
        Some(total).filter(|_| known && is_whole)
    }

    /// When the counter of a device began, where it does not show from the start of the hour: when others were last seen
    /// without it, or the machine began. `None` where the first sample is where counting begins.
    fn began(&self, own: &Own, shown: &[bool; EDGES]) -> Option<i64> {
        let first = own.edges.iter().position(Option::is_some).filter(|first| *first > 0 && own.before.is_none())?;
        let without = shown.iter().take(first).rposition(|shown| *shown).map(|edge| edge_time(edge, self.hour));
        let machine = Some(self.life.start).filter(|start| *start > self.hour.start_seconds());
        without.max(machine)
    }

    /// Returns whether what shows of devices at the edges shows all of the machine's time in the hour. A machine that was
    /// booted in it counts from zero, one that was created in it or in the slot before it may show a little later, and one
    /// that is gone may have been listed for a while after that.
    fn is_whole(&self, shown: &[bool; EDGES]) -> bool {
        let slot_before = self.hour.start_seconds().saturating_sub(SLOT_SECONDS);
        let is_new = self.life.start > self.hour.start_seconds() || self.created.is_some_and(|at| at >= slot_before);
        let from_start = shown.first() == Some(&true) || is_new || self.booted().is_some();
        let last = shown.iter().rposition(|shown| *shown).map_or(self.life.start, |edge| edge_time(edge, self.hour));
        let listed_seconds = if self.life.end < self.hour.end_seconds() { GONE_LISTED_SECONDS } else { 0 };
        from_start && last.saturating_add(listed_seconds) >= self.life.end
    }

    /// The samples of a counter that are this machine's: beyond the hour, of one that was there at that end of it and had
    /// its address to itself.
    fn own(&self, edges: &Edges, beyond: Option<&Beyond>) -> Own {
        let mut own = *edges;
        for (k, edge) in own.iter_mut().enumerate() {
            *edge = edge.filter(|_| self.is_own(k));
        }
        let from_start = self.life.start <= self.hour.start_seconds() && own.first().is_some_and(Option::is_none);
        let to_end = self.life.end >= self.hour.end_seconds() && own.last().is_some_and(Option::is_none);
        let beyond = beyond.filter(|_| !self.shared && own.iter().any(Option::is_some));
        let is_later = |(at, _): &(i64, f64)| from_start && self.created.is_none_or(|created| created < *at);
        Own {
            edges: own,
            before: beyond.and_then(|beyond| beyond.before).filter(is_later),
            after: beyond.and_then(|beyond| beyond.after).filter(|_| to_end),
        }
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
