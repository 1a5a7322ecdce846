//! What was seen over the window: exact sums, merged hour by hour.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use types::Hour;

use crate::facts::{FargatePod, HourFacts, NodeKind, NodeRow, VolumeKind, VolumeRow, WorkloadKey};
use crate::slots::hash;

/// The shortest a Fargate pod is billed for.
const FARGATE_MINIMUM_SECONDS: i64 = 60;

/// Sums over the hours taken so far. Grows with what is distinct (a pod costs 8 bytes), not with its hours.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The hours there are, to know in which of them a node was created.
    present: BTreeSet<i64>,
    pub(crate) hours: Vec<HourSums>,
    /// Core-milliseconds used in each five-minute slot, oldest first.
    pub(crate) cpu_slots: Vec<i64>,
    /// KiB-seconds used in each five-minute slot, oldest first.
    pub(crate) memory_slots: Vec<i64>,
    pub(crate) namespaces: BTreeMap<String, NamespaceSums>,
    pub(crate) workloads: BTreeSet<WorkloadKey>,
    pub(crate) nodes: BTreeMap<NodeKind, NodeSums>,
    pub(crate) volumes: BTreeMap<VolumeKind, VolumeSums>,
    pub(crate) fargate: BTreeMap<FargateKind, i64>,
    pub(crate) alive_seconds: i128,
    pub(crate) alive_seconds_without_requests: i128,
    pub(crate) container_seconds_without_usage: i128,
    node_ids: HashSet<u64>,
    pod_ids: HashSet<u64>,
    container_ids: HashSet<u64>,
    claim_ids: HashSet<u64>,
}

/// The cluster in one hour. CPU in millicore-seconds, memory in byte-seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HourSums {
    pub(crate) hour: Hour,
    pub(crate) node_seconds: i128,
    pub(crate) capacity: Both,
    pub(crate) allocatable: Both,
    pub(crate) requested: Both,
    pub(crate) limit: Both,
    pub(crate) used: Both,
    /// The largest slot of the hour, times the slots in an hour: in the same unit as `used`.
    pub(crate) peak: Both,
}

/// A sum of CPU, in millicore-seconds, and one of memory, in byte-seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Both {
    pub(crate) cpu: i128,
    pub(crate) memory: i128,
}

impl std::ops::AddAssign for Both {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
    }
}

/// One namespace over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NamespaceSums {
    pub(crate) pods: usize,
    pub(crate) requested: Both,
    pub(crate) used: Both,
}

/// Nodes of one kind over the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeSums {
    /// Distinct nodes first seen as of this kind.
    pub(crate) nodes: usize,
    /// Of those, nodes created in an hour that is there.
    pub(crate) created: i64,
    pub(crate) up_seconds: i64,
    pub(crate) zones: BTreeSet<String>,
    /// The largest capacity seen, of one node.
    pub(crate) cpu_capacity_millicores: Option<i64>,
    pub(crate) memory_capacity_bytes: Option<i64>,
}

/// Volumes of one kind over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VolumeSums {
    pub(crate) byte_seconds: i128,
    pub(crate) seconds: i128,
}

/// What decides the price of a Fargate pod; the value beside it is billed seconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FargateKind {
    pub(crate) region: Option<String>,
    pub(crate) cpu_request_millicores: i64,
    pub(crate) memory_request_bytes: i64,
}

impl Observed {
    /// Nothing yet of these hours.
    pub(crate) fn new(hours: &[Hour]) -> Self {
        Self { present: hours.iter().map(|hour| hour.start_seconds()).collect(), ..Self::default() }
    }

    /// Adds an hour; hours come oldest first.
    pub(crate) fn take(&mut self, facts: &HourFacts) {
        let mut sums = HourSums {
            hour: facts.hour,
            node_seconds: 0,
            capacity: Both::default(),
            allocatable: Both::default(),
            requested: Both::default(),
            limit: Both::default(),
            used: Both::default(),
            peak: peak(facts),
        };
        for node in &facts.nodes {
            self.take_node(node, &mut sums);
        }
        for (key, workload) in &facts.workloads {
            let cpu = |seconds: i64| i128::from(seconds);
            let requested = Both {
                cpu: cpu(workload.cpu_request_millicore_seconds),
                memory: workload.memory_request_byte_seconds.into(),
            };
            let used =
                Both { cpu: cpu(workload.cpu_core_milliseconds), memory: kib(workload.memory_kib_seconds.into()) };
            sums.requested += requested;
            sums.used += used;
            sums.limit += Both {
                cpu: cpu(workload.cpu_limit_millicore_seconds),
                memory: workload.memory_limit_byte_seconds.into(),
            };
            let namespace = entry(&mut self.namespaces, &key.namespace);
            namespace.requested += requested;
            namespace.used += used;
            self.alive_seconds += i128::from(workload.alive_seconds);
            self.alive_seconds_without_requests += i128::from(workload.alive_seconds_without_requests);
            self.container_seconds_without_usage += i128::from(workload.container_seconds_without_usage);
            // Containers without a pod row name no workload.
            if !key.kind.is_empty() && !self.workloads.contains(key) {
                self.workloads.insert(key.clone());
            }
        }
        for (namespace, ids) in &facts.pod_ids {
            let new = ids.iter().filter(|id| self.pod_ids.insert(**id)).count();
            entry(&mut self.namespaces, namespace).pods += new;
        }
        self.container_ids.extend(&facts.container_ids);
        facts.volumes.iter().for_each(|volume| self.take_volume(volume));
        facts.fargate.iter().for_each(|pod| self.take_fargate(facts.hour, pod));
        self.cpu_slots.extend(facts.slots.cpu_core_milliseconds);
        self.memory_slots.extend(facts.slots.memory_kib_seconds);
        self.hours.push(sums);
    }

    fn take_node(&mut self, node: &NodeRow, sums: &mut HourSums) {
        let up = i128::from(node.up_seconds);
        let times_up = |quantity: Option<i64>| i128::from(quantity.unwrap_or_default()) * up;
        sums.node_seconds += up;
        sums.capacity +=
            Both { cpu: times_up(node.cpu_capacity_millicores), memory: times_up(node.memory_capacity_bytes) };
        sums.allocatable +=
            Both { cpu: times_up(node.cpu_allocatable_millicores), memory: times_up(node.memory_allocatable_bytes) };
        let new = self.node_ids.insert(hash(&[&node.name, &node.provider_id]));
        let group = entry(&mut self.nodes, &node.kind);
        group.up_seconds += node.up_seconds;
        group.cpu_capacity_millicores = group.cpu_capacity_millicores.max(node.cpu_capacity_millicores);
        group.memory_capacity_bytes = group.memory_capacity_bytes.max(node.memory_capacity_bytes);
        if let Some(zone) = node.zone.as_ref().filter(|zone| !group.zones.contains(*zone)) {
            group.zones.insert(zone.clone());
        }
        if new {
            group.nodes += 1;
            let created_here =
                |created: i64| self.present.contains(&(created - created.rem_euclid(types::window::HOUR_SECONDS)));
            group.created += i64::from(node.created_seconds.is_some_and(created_here));
        }
    }

    fn take_volume(&mut self, volume: &VolumeRow) {
        self.claim_ids.insert(hash(&[&volume.namespace, &volume.claim]));
        let sums = entry(&mut self.volumes, &volume.kind);
        let seconds = i128::from(volume.present_seconds);
        sums.byte_seconds += i128::from(volume.capacity_bytes.unwrap_or_default()) * seconds;
        sums.seconds += seconds;
    }

    fn take_fargate(&mut self, hour: Hour, pod: &FargatePod) {
        let kind = FargateKind {
            region: pod.region.clone(),
            cpu_request_millicores: pod.cpu_request_millicores.unwrap_or_default(),
            memory_request_bytes: pod.memory_request_bytes.unwrap_or_default(),
        };
        // A pod shorter than the minimum is topped up in the hour it ends in.
        let ends_here = |ended: &i64| *ended > hour.start_seconds() && *ended <= hour.end_seconds();
        let lived = pod.scheduled_seconds.zip(pod.ended_seconds.filter(ends_here)).map(|(from, to)| to - from);
        let missing = lived.map_or(0, |lived| (FARGATE_MINIMUM_SECONDS - lived.max(0)).max(0));
        *entry(&mut self.fargate, &kind) += pod.alive_seconds + missing;
    }

    /// Seconds in all the hours taken.
    pub(crate) fn seconds(&self) -> i128 {
        self.hours.iter().map(|_| i128::from(types::window::HOUR_SECONDS)).sum()
    }

    /// The region of the nodes; `None` when no node says it or they disagree.
    pub(crate) fn region(&self) -> Option<&str> {
        let mut regions = self.nodes.keys().filter_map(|kind| kind.region.as_deref());
        let first = regions.next()?;
        regions.all(|region| region == first).then_some(first)
    }

    /// Distinct nodes, pods, containers and claims.
    pub(crate) fn distinct(&self) -> [usize; 4] {
        [self.node_ids.len(), self.pod_ids.len(), self.container_ids.len(), self.claim_ids.len()]
    }
}

/// The value under `key`, made if it is not there.
fn entry<'m, K: Ord + Clone, V: Default>(map: &'m mut BTreeMap<K, V>, key: &K) -> &'m mut V {
    map.entry(key.clone()).or_default()
}

fn kib(kib_seconds: i128) -> i128 {
    kib_seconds * 1024
}

fn peak(facts: &HourFacts) -> Both {
    let slots = i128::try_from(types::SLOTS_PER_HOUR).unwrap_or_default();
    let most = |totals: &[i64]| i128::from(totals.iter().copied().max().unwrap_or_default()) * slots;
    Both { cpu: most(&facts.slots.cpu_core_milliseconds), memory: kib(most(&facts.slots.memory_kib_seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour() -> Hour {
        Hour::starting_at(1_782_864_000).unwrap()
    }

    fn billed(alive_seconds: i64, scheduled: Option<i64>, ended: Option<i64>) -> i64 {
        let mut observed = Observed::default();
        let pod = FargatePod {
            pod_uid: "a".into(),
            region: None,
            cpu_request_millicores: None,
            memory_request_bytes: None,
            alive_seconds,
            scheduled_seconds: scheduled,
            ended_seconds: ended,
        };
        observed.take_fargate(hour(), &pod);
        observed.fargate.into_values().sum()
    }

    #[test]
    fn a_fargate_pod_is_billed_for_a_minute_at_least_once() {
        let start = hour().start_seconds();
        assert_eq!(billed(10, Some(start + 5), Some(start + 15)), 60);
        assert_eq!(billed(100, Some(start), Some(start + 100)), 100);
        assert_eq!(billed(20, Some(start - 30), Some(start + 20)), 30);
        assert_eq!(billed(30, Some(start + 3570), None), 30);
        assert_eq!(billed(30, Some(start + 3570), Some(start + 3610)), 30);
    }
}
