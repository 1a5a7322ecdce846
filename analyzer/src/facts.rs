//! What the model knows of one hour: plain rows and exact integer sums, no frames.

use std::collections::{BTreeMap, BTreeSet};

use lake::SlotValues;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

/// Everything the model needs of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HourFacts {
    pub(crate) hour: Hour,
    /// Every node that was up, sorted by name.
    pub(crate) nodes: Vec<NodeRow>,
    /// Every claim that was there, sorted.
    pub(crate) volumes: Vec<VolumeRow>,
    /// Reservation and use by the workload's number in the ledger.
    pub(crate) workloads: BTreeMap<u32, WorkloadHour>,
    pub(crate) slots: SlotTotals,
    /// Hash of each pod's uid, by namespace.
    pub(crate) pod_ids: BTreeMap<String, Vec<u64>>,
    /// Hash of each container's pod uid and name.
    pub(crate) container_ids: Vec<u64>,
}

impl HourFacts {
    /// An hour of which nothing is known yet.
    pub(crate) fn new(hour: Hour) -> Self {
        Self {
            hour,
            nodes: Vec::new(),
            volumes: Vec::new(),
            workloads: BTreeMap::new(),
            slots: SlotTotals::default(),
            pod_ids: BTreeMap::new(),
            container_ids: Vec::new(),
        }
    }
}

/// What decides the price of a node and whether it can move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKind {
    pub(crate) instance_type: Option<String>,
    pub(crate) instance_type_source: String,
    pub(crate) capacity_type: Option<String>,
    pub(crate) compute_type: String,
    pub(crate) arch: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) emp_owned: bool,
}

/// One node in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeRow {
    pub(crate) name: String,
    pub(crate) provider_id: String,
    pub(crate) kind: NodeKind,
    pub(crate) zone: Option<String>,
    pub(crate) cpu_capacity_millicores: Option<i64>,
    pub(crate) memory_capacity_bytes: Option<i64>,
    pub(crate) cpu_allocatable_millicores: Option<i64>,
    pub(crate) memory_allocatable_bytes: Option<i64>,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) first_seen_seconds: i64,
    pub(crate) last_seen_seconds: i64,
    pub(crate) up_seconds: i64,
    /// Managed node group or Karpenter node pool.
    pub(crate) node_group: Option<String>,
    pub(crate) root_disk_bytes: Option<i64>,
    /// What a Fargate node says it was provisioned with, such as `0.25vCPU 0.5GB`.
    pub(crate) fargate_provisioned: Option<String>,
    pub(crate) seen: NodeSlots,
}

/// What a node's own exporter saw in each slot; `None` = no sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeSlots {
    pub(crate) cpu_used_millicores: Option<SlotValues>,
    pub(crate) cpu_steal_millicores: Option<SlotValues>,
    pub(crate) memory_used_mib: Option<SlotValues>,
    pub(crate) memory_touched_mib: Option<SlotValues>,
}

/// Nodes that are billed alike: of one kind, group and zone, and by name where the user prices single nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BilledAs {
    pub(crate) kind: NodeKind,
    pub(crate) node_group: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) node: Option<String>,
}

impl NodeRow {
    /// How it is billed; `named` are the nodes that have a price of their own.
    pub(crate) fn billed_as(&self, named: &BTreeSet<String>) -> BilledAs {
        BilledAs {
            kind: self.kind.clone(),
            node_group: self.node_group.clone(),
            zone: self.zone.clone(),
            node: Some(self.name.clone()).filter(|name| named.contains(name)),
        }
    }

    /// Seconds of each slot of its hour in which it was up.
    pub(crate) fn up_by_slot(&self, hour_start: i64) -> [i64; SLOTS_PER_HOUR] {
        let mut start = hour_start;
        std::array::from_fn(|_| {
            let (from, to) = (start.max(self.first_seen_seconds), (start + SLOT_SECONDS).min(self.last_seen_seconds));
            start += SLOT_SECONDS;
            (to - from).max(0)
        })
    }
}

/// One persistent volume claim in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeRow {
    pub(crate) namespace: String,
    pub(crate) claim: String,
    pub(crate) storage_class: Option<String>,
    pub(crate) kind: VolumeKind,
    pub(crate) capacity_bytes: Option<i64>,
    pub(crate) present_seconds: i64,
}

/// What decides the price of a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VolumeKind {
    pub(crate) region: Option<String>,
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<i64>,
    pub(crate) throughput_mib_per_second: Option<i64>,
}

/// A workload; without a pod row its kind and name are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct WorkloadKey {
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// Reservation and use of one workload in one hour, in exact units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WorkloadHour {
    pub(crate) alive_seconds: i64,
    pub(crate) alive_seconds_without_requests: i64,
    pub(crate) cpu_request_millicore_seconds: i64,
    pub(crate) memory_request_byte_seconds: i128,
    pub(crate) cpu_limit_millicore_seconds: i64,
    pub(crate) memory_limit_byte_seconds: i128,
    pub(crate) cpu_core_milliseconds: i64,
    pub(crate) memory_kib_seconds: i128,
    /// Alive seconds of containers without any usage sample.
    pub(crate) container_seconds_without_usage: i64,
}

/// The cluster's use in each five-minute slot of an hour. The slots add up to the hour's exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SlotTotals {
    pub(crate) cpu_core_milliseconds: [i64; SLOTS_PER_HOUR],
    pub(crate) memory_kib_seconds: [i64; SLOTS_PER_HOUR],
}

/// The region a zone belongs to: `us-east-1a` is in `us-east-1`.
pub(crate) fn region_of_zone(zone: &str) -> Option<String> {
    let region = zone.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    region.ends_with(|c: char| c.is_ascii_digit()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_names_its_region() {
        assert_eq!(region_of_zone("us-east-1a").as_deref(), Some("us-east-1"));
        assert_eq!(region_of_zone("use1-az1"), None);
        assert_eq!(region_of_zone(""), None);
    }
}
