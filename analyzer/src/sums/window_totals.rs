//! Observations over the window: exact sums, merged hour by hour.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Minor;
use types::{ComputeType, Hour};

use crate::fast_maps::{FastSet, hash};
use crate::interner::Interner;
use crate::prices::PriceBook;
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::drained_nodes::Drained;
use crate::sums::hour_facts::{HourFacts, Spread, WorkloadKey};
use crate::sums::load_balancers::LoadBalancers;
use crate::sums::node_billing::{BilledAs, NodeKind, NodeRow};
use crate::sums::unknown_slots::{self, UnknownSlots, of_zone};
use crate::sums::volume_billing::{VolumeKind, VolumeRow};
use crate::sums::workload_usage::WorkloadSums;

mod burstable_cpu;
mod distinct_count;
mod node_exporter;

pub(crate) use burstable_cpu::Burst;
use distinct_count::Distinct;
pub(crate) use node_exporter::{Exporter, Worst};

/// Sums over the hours taken so far. Grows with distinct nodes, claims and workloads, and by some hundred bytes an
/// hour; of pods and containers those of two days are kept.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The hours there are, to know in which of them a node was created.
    present: BTreeSet<i64>,
    /// Slots of which not even lives are known, by hour and zone: nothing of them is billed.
    pub(crate) unknown: BTreeMap<i64, UnknownSlots>,
    /// Seconds of nodes in each zone.
    zone_seconds: BTreeMap<String, i64>,
    /// How pods are spread at the end of each hour that has any.
    pub(crate) spread: Vec<Spread>,
    /// Nodes that left with pods on them.
    pub(crate) drained: Drained,
    pub(crate) hours: Vec<HourSums>,
    /// Bytes that interfaces of nodes sent and received; `None` where no node tells.
    pub(crate) network_bytes: Option<i128>,
    /// Core-milliseconds used in each five-minute slot, oldest first.
    pub(crate) cpu_slots: Vec<i64>,
    /// KiB-seconds used in each five-minute slot, oldest first.
    pub(crate) memory_slots: Vec<i64>,
    pub(crate) namespaces: BTreeMap<String, NamespaceSums>,
    pub(crate) workloads: BTreeMap<WorkloadKey, WorkloadSums>,
    pub(crate) nodes: BTreeMap<NodeKind, NodeSums>,
    /// Nodes by how they are billed.
    pub(crate) billed: BTreeMap<BilledAs, BilledSums>,
    /// The same in each hour, in the order of `hours`.
    pub(crate) billed_by_hour: Vec<BTreeMap<BilledAs, BilledHour>>,
    pub(crate) volumes: BTreeMap<VolumeKind, VolumeSums>,
    pub(crate) load_balancers: LoadBalancers,
    /// Public IPv4 addresses of nodes.
    pub(crate) public_ipv4: PublicIpv4,
    /// CPU of machines that earn credits for what they leave.
    pub(crate) burst: Burst,
    /// Sums of the nodes' own exporters.
    pub(crate) exporter: Exporter,
    /// Nodes with a price of their own.
    named: BTreeSet<String>,
    pub(crate) alive_seconds: i128,
    pub(crate) alive_seconds_without_requests: i128,
    /// Alive seconds of pods that ask for resources as a whole, which no metric shows.
    pub(crate) alive_seconds_pod_level: i128,
    pub(crate) container_seconds_without_usage: i128,
    /// Sums of what workloads reserve and use, by their numbers in the ledger; `None` for one that is in no hour taken.
    numbered: Vec<Option<WorkloadSums>>,
    node_ids: FastSet<u64>,
    pods: Distinct,
    containers: Distinct,
    claim_ids: FastSet<u64>,
}

/// The cluster in one hour. CPU in millicore-seconds, memory in byte-seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HourSums {
    pub(crate) hour: Hour,
    pub(crate) node_seconds: i128,
    /// Of those, of EC2 nodes: not of Fargate, and not hybrid.
    pub(crate) ec2_node_seconds: i128,
    pub(crate) capacity: CpuMemory,
    pub(crate) allocatable: CpuMemory,
    pub(crate) requested: CpuMemory,
    pub(crate) limit: CpuMemory,
    pub(crate) used: CpuMemory,
    /// The largest slot of the hour, times the slots in an hour: in the same unit as `used`.
    pub(crate) peak: CpuMemory,
    /// The newest kubelet: the control plane is at least that new.
    pub(crate) kubelet: Option<Minor>,
}

/// One namespace over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NamespaceSums {
    pub(crate) pods: usize,
    pub(crate) requested: CpuMemory,
    pub(crate) used: CpuMemory,
}

/// Nodes of one kind over the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeSums {
    /// Distinct nodes first seen as of this kind.
    pub(crate) nodes: usize,
    pub(crate) up_seconds: i64,
    pub(crate) zones: BTreeSet<String>,
    /// The largest capacity seen, of one node.
    pub(crate) cpu_capacity_millicores: Option<i64>,
    pub(crate) memory_capacity_bytes: Option<i64>,
}

/// Nodes billed alike, over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BilledSums {
    pub(crate) up_seconds: i64,
    /// Nodes created in an hour that is there.
    pub(crate) created: i64,
    /// Size of root disks times time.
    pub(crate) root_disk_byte_seconds: i128,
    /// Up while the size of the root disk was known.
    pub(crate) root_disk_seconds: i64,
    /// CPU capacity times time.
    pub(crate) millicore_seconds: i128,
}

/// Nodes billed alike, in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BilledHour {
    pub(crate) up_seconds: i64,
    pub(crate) created: i64,
}

/// Public IPv4 addresses of nodes whose addresses AWS bills, over the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PublicIpv4 {
    /// Addresses times time, by region.
    pub(crate) address_seconds: BTreeMap<Option<String>, i128>,
    /// Up while their addresses were known.
    pub(crate) known_seconds: i64,
    /// Up while they were not.
    pub(crate) unknown_seconds: i64,
}

/// Volumes of one kind over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VolumeSums {
    pub(crate) byte_seconds: i128,
    pub(crate) seconds: i128,
    /// Of those, in which their size was known.
    pub(crate) sized_seconds: i128,
    /// Bytes used times time, while they were known.
    pub(crate) used_byte_seconds: i128,
    pub(crate) used_seconds: i128,
}

impl Observed {
    /// Nothing yet of these hours; `named` are nodes with a price of their own.
    pub(crate) fn new(hours: &[Hour], named: BTreeSet<String>) -> Self {
        Self { present: hours.iter().map(|hour| hour.start_seconds()).collect(), named, ..Self::default() }
    }

    /// Adds an hour; hours come oldest first.
    pub(crate) fn take(&mut self, facts: &HourFacts) {
        let mut sums = HourSums {
            hour: facts.hour,
            node_seconds: 0,
            ec2_node_seconds: 0,
            capacity: CpuMemory::default(),
            allocatable: CpuMemory::default(),
            requested: CpuMemory::default(),
            limit: CpuMemory::default(),
            used: CpuMemory::default(),
            peak: peak(facts),
            kubelet: facts.nodes.iter().filter_map(|node| node.kubelet).max(),
        };
        let mut billed = BTreeMap::new();
        for node in &facts.nodes {
            self.take_node(node, facts, &mut sums, &mut billed);
        }
        self.billed_by_hour.push(billed);
        self.spread.extend(Some(facts.spread).filter(|spread| spread.pods > 0));
        if !facts.unknown.is_empty() {
            self.unknown.insert(facts.hour.start_seconds(), facts.unknown.clone());
        }
        self.drained.take(facts);
        self.exporter.take(facts);
        for (number, workload) in &facts.workloads {
            sums.requested += workload.requested();
            sums.used += workload.used();
            sums.limit += workload.limit();
            self.alive_seconds += i128::from(workload.alive_seconds);
            self.alive_seconds_without_requests += i128::from(workload.alive_seconds_without_requests);
            self.alive_seconds_pod_level += i128::from(workload.alive_seconds_pod_level);
            self.container_seconds_without_usage += i128::from(workload.container_seconds_without_usage);
            let number = usize::try_from(*number).unwrap_or(usize::MAX);
            if number >= self.numbered.len() {
                self.numbered.resize(number + 1, None);
            }
            if let Some(of_workload) = self.numbered.get_mut(number) {
                *of_workload.get_or_insert_default() += workload;
            }
        }
        for (namespace, ids) in &facts.pod_ids {
            let new = ids.iter().filter(|id| self.pods.insert(facts.hour.start_seconds(), **id)).count();
            entry(&mut self.namespaces, namespace).pods += new;
        }
        for id in &facts.container_ids {
            self.containers.insert(facts.hour.start_seconds(), *id);
        }
        facts.volumes.iter().for_each(|volume| self.take_volume(volume));
        self.load_balancers.take(facts);
        self.cpu_slots.extend(facts.slots.cpu_core_milliseconds);
        self.memory_slots.extend(facts.slots.memory_kib_seconds);
        self.hours.push(sums);
    }

    /// Ends the window: what was summed by number goes to the names that `workloads` knows, and to their namespaces.
    pub(crate) fn end(&mut self, workloads: &Interner<WorkloadKey>) {
        for (number, sums) in (0..).zip(std::mem::take(&mut self.numbered)) {
            let Some((key, sums)) = workloads.name(number).zip(sums) else { continue };
            let namespace = entry(&mut self.namespaces, &key.namespace);
            namespace.requested += sums.requested;
            namespace.used += sums.used;
            self.workloads.insert(key.clone(), sums);
        }
    }

    fn take_node(
        &mut self,
        node: &NodeRow,
        facts: &HourFacts,
        sums: &mut HourSums,
        billed: &mut BTreeMap<BilledAs, BilledHour>,
    ) {
        let up = i128::from(node.up_seconds);
        let times_up = |quantity: Option<i64>| i128::from(quantity.unwrap_or_default()) * up;
        sums.node_seconds += up;
        if !matches!(node.kind.compute_type, ComputeType::Fargate | ComputeType::Hybrid) {
            sums.ec2_node_seconds += up;
        }
        sums.capacity +=
            CpuMemory { cpu: times_up(node.cpu_capacity_millicores), memory: times_up(node.memory_capacity_bytes) };
        sums.allocatable += CpuMemory {
            cpu: times_up(node.cpu_allocatable_millicores),
            memory: times_up(node.memory_allocatable_bytes),
        };
        let new = self.node_ids.insert(hash(&[&node.name, &node.provider_id]));
        let group = entry(&mut self.nodes, &node.kind);
        group.up_seconds += node.up_seconds;
        group.cpu_capacity_millicores = group.cpu_capacity_millicores.max(node.cpu_capacity_millicores);
        group.memory_capacity_bytes = group.memory_capacity_bytes.max(node.memory_capacity_bytes);
        if let Some(zone) = node.zone.as_ref().filter(|zone| !group.zones.contains(*zone)) {
            group.zones.insert(zone.clone());
        }
        let created_here =
            |created: i64| self.present.contains(&(created - created.rem_euclid(types::window::HOUR_SECONDS)));
        let created = i64::from(new && node.created_seconds.is_some_and(created_here));
        if new {
            group.nodes += 1;
        }
        if node.kind.compute_type == ComputeType::Fargate {
            return;
        }
        if let Some(bytes) = node.network_bytes {
            *self.network_bytes.get_or_insert_default() += i128::from(bytes);
        }
        *entry(&mut self.zone_seconds, &node.zone.clone().unwrap_or_default()) += node.up_seconds;
        let billed_as = node.billed_as(&self.named);
        let unknown = of_zone(&facts.unknown, node.zone.as_deref());
        let up_seconds = node.up_seconds - node.up_in(facts.hour.start_seconds(), unknown).min(node.up_seconds);
        let of_hour = entry(billed, &billed_as);
        of_hour.up_seconds += up_seconds;
        of_hour.created += created;
        self.burst.take(node, &billed_as, sums.hour);
        self.take_addresses(node, up_seconds);
        let of_window = entry(&mut self.billed, &billed_as);
        of_window.millicore_seconds += times_up(node.cpu_capacity_millicores);
        of_window.up_seconds += up_seconds;
        of_window.created += created;
        if let Some(bytes) = node.root_disk_bytes {
            of_window.root_disk_byte_seconds += i128::from(bytes) * i128::from(up_seconds);
            of_window.root_disk_seconds += up_seconds;
        }
    }

    /// Takes the public addresses of a node that AWS bills them of: not of your own machines, nor of what an Outpost has.
    fn take_addresses(&mut self, node: &NodeRow, up_seconds: i64) {
        let has = matches!(node.kind.compute_type, ComputeType::Ec2 | ComputeType::AutoMode | ComputeType::LocalZone);
        if node.kind.emp_owned || !has {
            return;
        }
        let Some(count) = node.public_ipv4_addresses else {
            self.public_ipv4.unknown_seconds += up_seconds;
            return;
        };
        self.public_ipv4.known_seconds += up_seconds;
        if count > 0 {
            let of_region = self.public_ipv4.address_seconds.entry(node.kind.region.clone()).or_default();
            *of_region += i128::from(count) * i128::from(up_seconds);
        }
    }

    fn take_volume(&mut self, volume: &VolumeRow) {
        self.claim_ids.insert(hash(&[&volume.namespace, &volume.claim]));
        let sums = entry(&mut self.volumes, &volume.kind);
        let seconds = i128::from(volume.present_seconds);
        sums.sized_seconds += if volume.capacity_bytes.is_some() { seconds } else { 0 };
        sums.byte_seconds += i128::from(volume.capacity_bytes.unwrap_or_default()) * seconds;
        sums.seconds += seconds;
        if let Some(used) = volume.used_bytes {
            sums.used_byte_seconds += i128::from(used) * seconds;
            sums.used_seconds += seconds;
        }
    }

    /// The seconds in each hour of nodes billed alike, each boot with them.
    pub(crate) fn billed_seconds(&self, billed_as: &BilledAs, boot_seconds: i64) -> impl Iterator<Item = (Hour, i64)> {
        let hours = self.hours.iter().zip(&self.billed_by_hour);
        hours.filter_map(move |(sums, billed)| {
            let of_hour = billed.get(billed_as)?;
            Some((sums.hour, of_hour.up_seconds + of_hour.created * boot_seconds))
        })
    }

    /// Seconds in all the hours taken.
    pub(crate) fn seconds(&self) -> i128 {
        self.hours.iter().map(|_| i128::from(types::window::HOUR_SECONDS)).sum()
    }

    /// Hours of which something is known: those taken, less the slots of which nothing is, each zone by the share of the
    /// nodes it has.
    pub(crate) fn known_hours(&self) -> f64 {
        self.hours.iter().map(|sums| self.known_of(sums.hour.start_seconds())).sum()
    }

    /// The share of an hour of which something is known.
    pub(crate) fn known_of(&self, hour_start: i64) -> f64 {
        let Some(unknown) = self.unknown.get(&hour_start) else { return 1.0 };
        let in_all = unknown_slots::in_all(unknown);
        if unknown.values().all(|bits| *bits == in_all) {
            return 1.0 - share_of_hour(in_all);
        }
        let float = |seconds: i64| crate::number::float(seconds.into());
        let of_zone = |(zone, seconds): (&String, &i64)| float(*seconds) * share_of_hour(of_zone(unknown, Some(zone)));
        let all: i64 = self.zone_seconds.values().sum();
        1.0 - crate::number::ratio(self.zone_seconds.iter().map(of_zone).sum(), float(all)).unwrap_or_default()
    }

    /// Seconds of which something is known.
    pub(crate) fn known_seconds(&self) -> i128 {
        crate::number::whole(self.known_hours() * 3600.0).into()
    }

    /// The region of the nodes; `None` when no node says it or they disagree.
    pub(crate) fn region(&self) -> Option<&str> {
        let mut regions = self.nodes.keys().filter_map(|kind| kind.region.as_deref());
        let first = regions.next()?;
        regions.all(|region| region == first).then_some(first)
    }

    /// The currency in which AWS bills the region.
    pub(crate) fn currency(&self) -> &'static str {
        self.region().map_or("USD", PriceBook::currency)
    }

    /// Distinct nodes, pods, containers and claims.
    pub(crate) fn distinct(&self) -> [usize; 4] {
        [self.node_ids.len(), self.pods.count(), self.containers.count(), self.claim_ids.len()]
    }
}

/// The share of an hour that slots are.
fn share_of_hour(bits: unknown_slots::SlotBits) -> f64 {
    f64::from(bits.count_ones()) / 12.0
}

/// The value under `key`, made if it is not there.
///
/// The key is copied only where there is none yet: an hour finds nearly all of its names.
#[expect(clippy::expect_used, reason = "it is put there one line above")]
fn entry<'m, K: Ord + Clone, V: Default>(map: &'m mut BTreeMap<K, V>, key: &K) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.clone(), V::default());
    }
    map.get_mut(key).expect("the entry was just made")
}

fn peak(facts: &HourFacts) -> CpuMemory {
    let slots = i128::try_from(types::SLOTS_PER_HOUR).unwrap_or_default();
    let most = |totals: &[i64]| i128::from(totals.iter().copied().max().unwrap_or_default()) * slots;
    CpuMemory { cpu: most(&facts.slots.cpu_core_milliseconds), memory: most(&facts.slots.memory_kib_seconds) * 1024 }
}
