//! Facts of one hour as the model knows them: plain rows and exact integer sums, no frames.

use std::collections::BTreeMap;

use types::{Hour, SLOTS_PER_HOUR};

use crate::sums::node_billing::NodeRow;
use crate::sums::unknown_slots::{UnknownSlots, of_zone};
use crate::sums::volume_billing::VolumeRow;
use crate::sums::workload_usage::WorkloadHour;

/// Everything the model needs of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HourFacts {
    pub(crate) hour: Hour,
    /// Every node that was up, sorted by name.
    pub(crate) nodes: Vec<NodeRow>,
    /// Every claim that was there, sorted.
    pub(crate) volumes: Vec<VolumeRow>,
    /// Every address of a load balancer that an object shows, sorted.
    pub(crate) load_balancers: Vec<LoadBalancerRow>,
    /// True when Services are collected at all, so that no load balancer means that there is none.
    pub(crate) services_show: bool,
    /// Reservation and use by the workload's number in the ledger.
    pub(crate) workloads: BTreeMap<u32, WorkloadHour>,
    pub(crate) slots: SlotTotals,
    /// Hash of each pod's uid, by namespace.
    pub(crate) pod_ids: BTreeMap<String, Vec<u64>>,
    /// Hash of each container's pod uid and name.
    pub(crate) container_ids: Vec<u64>,
    /// Slots of which not even lives are known, by zone.
    pub(crate) unknown: UnknownSlots,
    /// How pods are spread at its end.
    pub(crate) spread: Spread,
    /// Moments at which pods of services left a node by its name, and others of the same workload were bound elsewhere.
    pub(crate) moved: BTreeMap<String, Vec<i64>>,
}

/// How pods that are placed, daemons aside, are spread over nodes and zones at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spread {
    pub(crate) pods: u32,
    /// Most on one node.
    pub(crate) on_one: u32,
    /// Most in one zone.
    pub(crate) in_zone: u32,
}

impl HourFacts {
    /// An hour of which nothing is known yet.
    pub(crate) fn new(hour: Hour) -> Self {
        Self {
            hour,
            nodes: Vec::new(),
            volumes: Vec::new(),
            load_balancers: Vec::new(),
            services_show: false,
            workloads: BTreeMap::new(),
            slots: SlotTotals::default(),
            pod_ids: BTreeMap::new(),
            container_ids: Vec::new(),
            unknown: UnknownSlots::new(),
            spread: Spread::default(),
            moved: BTreeMap::new(),
        }
    }

    /// Seconds of the hour of which something is known, by the share of its nodes' time.
    pub(crate) fn known_seconds(&self) -> i64 {
        let start = self.hour.start_seconds();
        let unknown =
            |node: &NodeRow| node.up_in(start, of_zone(&self.unknown, node.zone.as_deref())).min(node.up_seconds);
        let up: i64 = self.nodes.iter().map(|node| node.up_seconds).sum();
        let known = up - self.nodes.iter().map(unknown).sum::<i64>();
        if up == 0 { types::window::HOUR_SECONDS } else { types::window::HOUR_SECONDS * known / up }
    }
}

/// One address of one object that has a load balancer, in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoadBalancerRow {
    /// Empty where no metric shows one.
    pub(crate) address: String,
    /// Kind, namespace and name.
    pub(crate) object: String,
    /// `application`, `network` or `classic`.
    pub(crate) load_balancer_type: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) internet_facing: Option<bool>,
    pub(crate) ingress_class: Option<String>,
    /// Empty for an Ingress that is in none.
    pub(crate) ingress_group: Option<String>,
    pub(crate) present_seconds: i64,
}

/// Kinds of workload that are on every node: they are not placed, and every machine carries them.
pub(crate) const DAEMONS: [&str; 2] = ["DaemonSet", "Node"];

/// A workload; without a pod row its kind and name are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct WorkloadKey {
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// The cluster's use in each five-minute slot of an hour. The slots add up to the hour's exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SlotTotals {
    pub(crate) cpu_core_milliseconds: [i64; SLOTS_PER_HOUR],
    pub(crate) memory_kib_seconds: [i64; SLOTS_PER_HOUR],
}
