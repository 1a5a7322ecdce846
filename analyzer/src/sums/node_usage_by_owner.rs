//! Who used what of which nodes: exact integer sums over the window, a day at a time.
//!
//! The unit of account is a slot of a node: A = sum over its pods of max(request, use), against capacity C. What is
//! capacity and in no pod is idle, what pods hold beyond capacity is oversubscribed; neither is netted over slots,
//! nodes or resources. Within a group of nodes of one size and price a unit of capacity costs the same in every slot,
//! so the sums over slots are all that money needs, and money is divided once, at the end.
//!
//! CPU is in millicore-seconds (which are core-milliseconds), memory in byte-seconds.

mod daily_peaks;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use types::{ComputeType, Hour, SLOTS_PER_HOUR};

use crate::fast_maps::FastMap;
use crate::interner::Interner;
use crate::sums::cpu_and_memory::{CpuMemory, CpuMemoryBySlot};
use crate::sums::hour_facts::{DAEMONS, WorkloadKey};
use crate::sums::node_billing::{BilledAs, NodeRow};
use crate::sums::plausibility_bounds::Implausible;
use crate::sums::pod_row::PodRow;
use crate::sums::volume_billing::{VolumeKind, VolumeRow};
use daily_peaks::Day;
pub(crate) use daily_peaks::{Distributions, Spreads};

/// The shortest a Fargate pod is billed for.
const FARGATE_MINIMUM_SECONDS: i64 = 60;

/// Account of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner {
    /// Number of its workload.
    pub(crate) workload: u32,
    /// The labels asked for, as `key=value`.
    pub(crate) labels: Vec<String>,
}

/// Nodes of which a unit of capacity costs the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeGroup {
    pub(crate) billed_as: BilledAs,
    pub(crate) cpu_capacity_millicores: Option<i64>,
    pub(crate) memory_capacity_bytes: Option<i64>,
    pub(crate) cpu_allocatable_millicores: Option<i64>,
    pub(crate) memory_allocatable_bytes: Option<i64>,
    pub(crate) root_disk_bytes: Option<i64>,
}

/// Sums of what became of the capacity of a group of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GroupSums {
    pub(crate) up_seconds: i64,
    /// In no pod, less what is kept.
    pub(crate) idle: CpuMemory,
    /// In no pod, and not allocatable.
    pub(crate) kept: CpuMemory,
    /// Held beyond capacity.
    pub(crate) over: CpuMemory,
}

/// Kind of a Fargate pod: what decides its price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FargateKind {
    pub(crate) region: Option<String>,
    pub(crate) cpu_request_millicores: i64,
    pub(crate) memory_request_bytes: i64,
    /// Size that the node says it was provisioned with.
    pub(crate) provisioned: Option<String>,
}

/// A persistent volume claim by its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClaimName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Account of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VolumeOf {
    pub(crate) kind: VolumeKind,
    /// Number of the claim.
    pub(crate) claim: u32,
    /// Number of the owner that mounts it, if one does.
    pub(crate) owner: Option<u32>,
}

/// A volume under one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VolumeShare {
    pub(crate) byte_seconds: i128,
    pub(crate) seconds: i128,
    /// Of these, with a size.
    pub(crate) sized_seconds: i128,
}

/// A node in an hour of the part that is read.
#[derive(Debug)]
struct NodeHour {
    group: Option<u32>,
    /// Of a Fargate node: its region, and what it was provisioned with.
    fargate: Option<(Option<String>, Option<String>)>,
    name: u32,
    /// Provider id, which tells two machines of one name apart.
    provider_id: String,
    node_group: Option<String>,
    up_seconds: i64,
    up: [i64; SLOTS_PER_HOUR],
    /// Capacity and allocatable, of CPU and of memory.
    sizes: [(Option<i64>, Option<i64>); 2],
    held: [[i128; SLOTS_PER_HOUR]; 2],
}

/// Sums over everything read so far. Grows with what is distinct, not with hours.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    named: BTreeSet<String>,
    /// Labels to keep apart.
    pub(crate) labels: Vec<String>,
    pub(crate) workloads: Interner<WorkloadKey>,
    pub(crate) owners: Interner<Owner>,
    pub(crate) node_names: Interner<String>,
    pub(crate) groups: Interner<NodeGroup>,
    pub(crate) group_sums: FastMap<u32, GroupSums>,
    /// Capacity that owners hold of groups of nodes.
    held: FastMap<(u32, u32), CpuMemory>,
    pub(crate) claims: Interner<ClaimName>,
    /// Storage class of each claim, by its number.
    pub(crate) storage_classes: FastMap<u32, Option<String>>,
    pub(crate) volumes: FastMap<VolumeOf, VolumeShare>,
    /// Billed seconds.
    pub(crate) fargate: FastMap<(FargateKind, u32), i64>,
    /// Seconds of pods whose node has no row.
    pub(crate) nodeless_pod_seconds: i128,
    nodes: Vec<NodeHour>,
    by_name: FastMap<(i64, u32), usize>,
    /// Who mounts a claim, by hour, namespace and claim, in the part that is read.
    mounts: FastMap<(i64, String, String), u32>,
    day: Day,
    pub(crate) distributions: Distributions,
    /// Numbers that no machine can have, and that were taken for unknown.
    pub(crate) implausible: Implausible,
}

impl Ledger {
    /// Nothing yet. `named` are nodes with a price of their own, `labels` those to keep apart.
    pub(crate) fn new(named: BTreeSet<String>, labels: Vec<String>) -> Self {
        Self { named, labels, ..Self::default() }
    }

    /// The number of an owner.
    pub(crate) fn owner(&mut self, workload: &WorkloadKey, mut labels: Vec<String>) -> u32 {
        let asked = |label: &String| {
            let name = label.split('=').next().unwrap_or_default();
            self.labels.iter().any(|asked| asked == name)
        };
        labels.retain(asked);
        labels.sort();
        let workload = self.workloads.index(workload);
        self.owners.index(&Owner { workload, labels })
    }

    /// Whether an owner's pods are on every node: of a daemonset, or the kubelet's own.
    pub(crate) fn is_daemon(&self, owner: u32) -> bool {
        let workload = self.owners.name(owner).and_then(|owner| self.workloads.name(owner.workload));
        workload.is_some_and(|workload| DAEMONS.contains(&workload.kind.as_str()))
    }

    /// Takes a node of the part; nodes come before pods.
    pub(crate) fn node(&mut self, hour: i64, row: &NodeRow) {
        let fargate = row.kind.compute_type == ComputeType::Fargate;
        let group = (!fargate).then(|| {
            self.groups.index(&NodeGroup {
                billed_as: row.billed_as(&self.named),
                cpu_capacity_millicores: row.cpu_capacity_millicores,
                memory_capacity_bytes: row.memory_capacity_bytes,
                cpu_allocatable_millicores: row.cpu_allocatable_millicores,
                memory_allocatable_bytes: row.memory_allocatable_bytes,
                root_disk_bytes: row.root_disk_bytes,
            })
        });
        let name = self.node_names.index(&row.name);
        let n = self.nodes.len();
        // Two machines that had one name within the hour: pods go to the one that was there longer.
        let better = match self.by_name.get(&(hour, name)).and_then(|n| self.nodes.get(*n)) {
            Some(other) => (other.up_seconds, &row.provider_id) < (row.up_seconds, &other.provider_id),
            None => true,
        };
        if better {
            self.by_name.insert((hour, name), n);
        }
        let fargate = fargate.then(|| (row.kind.region.clone(), row.fargate_provisioned.clone()));
        self.nodes.push(NodeHour {
            group,
            fargate,
            name,
            provider_id: row.provider_id.clone(),
            node_group: row.node_group.clone(),
            up_seconds: row.up_seconds,
            up: row.up_by_slot(hour),
            sizes: [
                (row.cpu_capacity_millicores, row.cpu_allocatable_millicores),
                (row.memory_capacity_bytes, row.memory_allocatable_bytes),
            ],
            held: [[0; SLOTS_PER_HOUR]; 2],
        });
    }

    /// Notes that a pod mounts a claim; of several pods the first owner by name has it.
    pub(crate) fn mount(&mut self, hour: i64, namespace: &str, claim: String, owner: u32) {
        let key = (hour, namespace.to_owned(), claim);
        let name = |owner: u32| {
            let owner = self.owners.name(owner)?;
            Some((self.workloads.name(owner.workload)?, &owner.labels))
        };
        let first = match self.mounts.get(&key) {
            Some(other) => name(owner) < name(*other),
            None => true,
        };
        if first {
            self.mounts.insert(key, owner);
        }
    }

    /// Takes a pod of the part with what its containers used; after the part's nodes.
    pub(crate) fn pod(&mut self, row: &PodRow, used: &CpuMemoryBySlot) {
        let alive = row.alive.map(i64::from);
        let workload = self.owners.name(row.owner).map_or(0, |owner| owner.workload);
        let node = self.by_name.get(&(row.hour, row.node)).and_then(|n| self.nodes.get_mut(*n));
        let name = node.as_ref().map(|node| node.name);
        match node {
            Some(node) => {
                let mut held = CpuMemory::default();
                let [cpu_used, memory_used] = used;
                let [cpu_held, memory_held] = &mut node.held;
                let cpu = cpu_held.iter_mut().zip(alive).zip(cpu_used);
                for ((sum, alive), used) in cpu {
                    let billable = (row.cpu_request_millicores * alive).max(*used);
                    *sum += i128::from(billable);
                    held.cpu += i128::from(billable);
                }
                let memory = memory_held.iter_mut().zip(alive).zip(memory_used);
                for ((sum, alive), used) in memory {
                    let billable = (row.memory_request_bytes * alive).max(*used);
                    *sum += i128::from(billable);
                    held.memory += i128::from(billable);
                }
                if let Some(group) = node.group {
                    *self.held.entry((group, row.owner)).or_default() += held;
                }
                if let Some((region, provisioned)) = &node.fargate {
                    let kind = FargateKind {
                        region: region.clone(),
                        cpu_request_millicores: row.cpu_request_millicores,
                        memory_request_bytes: row.memory_request_bytes,
                        provisioned: provisioned.clone(),
                    };
                    *self.fargate.entry((kind, row.owner)).or_default() += fargate_seconds(row);
                }
            }
            None => self.nodeless_pod_seconds += alive.iter().copied().map(i128::from).sum::<i128>(),
        }
        let of_group = name.is_some().then_some(row.node);
        self.day.pod(row, &alive, used, workload, of_group);
    }

    /// Takes a volume of the part; after the part's pods.
    pub(crate) fn volume(&mut self, hour: i64, row: &VolumeRow) {
        let owner = self.mounts.get(&(hour, row.namespace.clone(), row.claim.clone())).copied();
        let claim = self.claims.index(&ClaimName { namespace: row.namespace.clone(), name: row.claim.clone() });
        // The greatest of several, so that it does not hang on the order of the rows.
        let class = self.storage_classes.entry(claim).or_default();
        if row.storage_class > *class {
            class.clone_from(&row.storage_class);
        }
        let share = self.volumes.entry(VolumeOf { kind: row.kind.clone(), claim, owner }).or_default();
        let seconds = i128::from(row.present_seconds);
        share.byte_seconds += i128::from(row.capacity_bytes.unwrap_or_default()) * seconds;
        share.seconds += seconds;
        share.sized_seconds += if row.capacity_bytes.is_some() { seconds } else { 0 };
    }

    /// Closes the part: what the pods left of its nodes.
    pub(crate) fn end_part(&mut self) {
        for node in std::mem::take(&mut self.nodes) {
            self.day.node(node.name, node.node_group.as_deref());
            let Some(group) = node.group else { continue };
            let sums = self.group_sums.entry(group).or_default();
            sums.up_seconds += node.up_seconds;
            let left = [0, 1].map(|n| {
                let (Some((Some(capacity), allocatable)), Some(held)) = (node.sizes.get(n), node.held.get(n)) else {
                    return [0; 3];
                };
                let kept = (capacity - allocatable.unwrap_or(*capacity)).max(0);
                left(*capacity, kept, &node.up, held)
            });
            let [cpu, memory] = left;
            let both = |n: usize| CpuMemory {
                cpu: cpu.get(n).copied().unwrap_or_default(),
                memory: memory.get(n).copied().unwrap_or_default(),
            };
            sums.idle += both(0);
            sums.kept += both(1);
            sums.over += both(2);
        }
        self.by_name.clear();
        self.mounts.clear();
    }

    /// Closes the day: distributions and peaks.
    pub(crate) fn end_day(&mut self) {
        let namespace =
            |workload: u32| self.workloads.name(workload).map(|key| key.namespace.clone()).unwrap_or_default();
        self.distributions.end_day(&mut self.day, namespace);
    }

    /// Returns what owners hold of each group of nodes, sorted by owner, so that the same data gives the same bytes.
    pub(crate) fn holders(&self) -> BTreeMap<u32, Vec<(u32, CpuMemory)>> {
        let mut holders: BTreeMap<u32, Vec<(u32, CpuMemory)>> = BTreeMap::new();
        for ((group, owner), held) in &self.held {
            holders.entry(*group).or_default().push((*owner, *held));
        }
        let name = |owner: &u32| self.owner_key(*owner);
        holders.values_mut().for_each(|held| held.sort_by(|(a, _), (b, _)| name(a).cmp(&name(b))));
        holders
    }

    /// Workload and labels of an owner.
    pub(crate) fn owner_key(&self, owner: u32) -> Option<(&WorkloadKey, &Vec<String>)> {
        let owner = self.owners.name(owner)?;
        Some((self.workloads.name(owner.workload)?, &owner.labels))
    }
}

/// Returns what pods leave of a node in its slots: idle, kept and oversubscribed.
fn left(capacity: i64, kept: i64, up: &[i64; SLOTS_PER_HOUR], held: &[i128; SLOTS_PER_HOUR]) -> [i128; 3] {
    let (mut idle, mut kept_sum, mut over) = (0, 0, 0);
    for (up, held) in up.iter().zip(held) {
        let capacity = i128::from(capacity) * i128::from(*up);
        let free = capacity - *held;
        let kept = (i128::from(kept) * i128::from(*up)).min(free.max(0));
        idle += free.max(0) - kept;
        kept_sum += kept;
        over += (-free).max(0);
    }
    [idle, kept_sum, over]
}

/// Seconds a Fargate pod is billed for in an hour; one shorter than the minimum is topped up in the hour it ends in.
fn fargate_seconds(row: &PodRow) -> i64 {
    let alive = row.alive_seconds();
    let Some(hour) = Hour::starting_at(row.hour) else { return alive };
    let ends_here = |ended: &i64| *ended > hour.start_seconds() && *ended <= hour.end_seconds();
    let lived = row.scheduled_seconds.zip(row.ended_seconds.filter(ends_here)).map(|(from, to)| to - from);
    alive + lived.map_or(0, |lived| (FARGATE_MINIMUM_SECONDS - lived.max(0)).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn billed(alive_seconds: i16, scheduled: Option<i64>, ended: Option<i64>) -> i64 {
        let mut alive = [0; SLOTS_PER_HOUR];
        alive[0] = alive_seconds;
        fargate_seconds(&PodRow {
            hour: 1_782_864_000,
            alive,
            cpu_request_millicores: 0,
            memory_request_bytes: 0,
            scheduled_seconds: scheduled,
            ended_seconds: ended,
            node: 0,
            owner: 0,
        })
    }

    #[test]
    fn a_fargate_pod_is_billed_for_a_minute_at_least_once() {
        let start = 1_782_864_000;
        assert_eq!(billed(10, Some(start + 5), Some(start + 15)), 60);
        assert_eq!(billed(100, Some(start), Some(start + 100)), 100);
        assert_eq!(billed(20, Some(start - 30), Some(start + 20)), 30);
        assert_eq!(billed(30, Some(start + 3570), None), 30);
        assert_eq!(billed(30, Some(start + 3570), Some(start + 3610)), 30);
    }

    proptest! {
        #[test]
        fn held_idle_and_kept_less_oversubscribed_are_capacity(
            capacity in 0_i64..1 << 45,
            kept in 0_i64..1 << 40,
            up in prop::array::uniform12(0_i64..=300),
            held in prop::array::uniform12(0_i128..1 << 54),
        ) {
            let [idle, kept, over] = left(capacity, kept, &up, &held);
            let sum = |of: &[i64]| of.iter().copied().map(i128::from).sum::<i128>();
            prop_assert_eq!(held.iter().sum::<i128>() + idle + kept - over, i128::from(capacity) * sum(&up));
            prop_assert!(idle >= 0 && kept >= 0 && over >= 0);
        }
    }
}
