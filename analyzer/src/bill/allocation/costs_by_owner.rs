//! Costs as they are given out: to owners, node groups and zones, so that each part of the bill is in one of the parts.

use std::collections::BTreeMap;

use types::{NanoUsd, split};

use crate::sums::hour_facts::WorkloadKey;
use crate::sums::node_usage_by_owner::NodeGroup;

const DAEMONSETS: &str = "daemonsets";
/// Name of the group or zone of nodes that name none.
const NO_GROUP: &str = "(no node group)";
const NO_ZONE: &str = "(no zone)";

/// The identity, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Parts {
    pub(super) total: NanoUsd,
    pub(super) workloads: NanoUsd,
    pub(super) overhead: NanoUsd,
    pub(super) idle: NanoUsd,
    pub(super) oversubscribed: NanoUsd,
    pub(super) residual: NanoUsd,
}

impl Parts {
    pub(super) fn add(&mut self, other: Self) {
        self.total += other.total;
        self.workloads += other.workloads;
        self.overhead += other.overhead;
        self.idle += other.idle;
        self.oversubscribed += other.oversubscribed;
        self.residual += other.residual;
    }

    fn holds(&self) -> bool {
        self.total == self.workloads + self.overhead + self.idle - self.oversubscribed + self.residual
    }
}

/// Cost of one owner, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OwnerCost {
    pub(super) cpu: NanoUsd,
    pub(super) memory: NanoUsd,
    pub(super) volumes: NanoUsd,
    pub(super) fargate: NanoUsd,
    /// Of CPU and memory, for on-demand machines, what comes with them apart.
    pub(super) on_demand: NanoUsd,
}

impl OwnerCost {
    /// A cost of nodes, of which so many parts of so many are for on-demand machines.
    pub(super) fn of_nodes(cost: NanoUsd, is_cpu: bool, (part, whole): (i128, i128)) -> Self {
        let on_demand = split(cost, &[part.max(0), (whole - part).max(0)]).and_then(|parts| parts.first().copied());
        let (cpu, memory) = if is_cpu { (cost, NanoUsd::ZERO) } else { (NanoUsd::ZERO, cost) };
        Self { cpu, memory, on_demand: on_demand.unwrap_or_default(), ..Self::default() }
    }

    pub(super) fn all(self) -> NanoUsd {
        self.cpu + self.memory + self.volumes + self.fargate
    }

    pub(super) fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.volumes += other.volumes;
        self.fargate += other.fargate;
        self.on_demand += other.on_demand;
    }
}

/// Workload and labels.
pub(super) type OwnerKey = (WorkloadKey, Vec<String>);

/// Costs as they are given out.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) cluster: Parts,
    /// By name of the node group, with the seconds its nodes were up.
    pub(super) groups: BTreeMap<Option<String>, (i64, Parts)>,
    pub(super) zones: BTreeMap<Option<String>, (i64, Parts)>,
    pub(super) owners: BTreeMap<OwnerKey, OwnerCost>,
    /// The same by the group of nodes it stands on as well; `None` for what does not stand on nodes.
    pub(super) owners_at: BTreeMap<(Option<String>, OwnerKey), OwnerCost>,
    /// The group of nodes whose cost is being given out.
    pub(super) here: Option<String>,
    /// Of its cost, the part of the whole that on-demand machines are.
    pub(super) on_demand: (i128, i128),
    pub(super) overhead: BTreeMap<&'static str, NanoUsd>,
    pub(super) residual_causes: BTreeMap<String, NanoUsd>,
}

impl Books {
    /// Books parts under a group and a zone; `None` for what does not stand on nodes.
    pub(super) fn book(&mut self, place: Option<(&NodeGroup, i64)>, parts: Parts) {
        debug_assert!(parts.holds(), "{parts:?}");
        self.cluster.add(parts);
        let (group, zone, seconds) = match place {
            Some((group, seconds)) => {
                let zone = group.billed_as.zone.clone().unwrap_or_else(|| NO_ZONE.to_owned());
                (Some(group_name(group)), Some(zone), seconds)
            }
            None => (None, None, 0),
        };
        for (seconds_up, sums) in [self.groups.entry(group).or_default(), self.zones.entry(zone).or_default()] {
            *seconds_up += seconds;
            sums.add(parts);
        }
    }

    /// Gives an owner a cost, and the parts it makes.
    pub(super) fn give(&mut self, owner: OwnerKey, cost: OwnerCost) -> Parts {
        let all = cost.all();
        let daemonset = is_daemonset(&owner.0);
        self.owners_at.entry((self.here.clone(), owner.clone())).or_default().add(cost);
        self.owners.entry(owner).or_default().add(cost);
        if daemonset {
            *self.overhead.entry(DAEMONSETS).or_default() += all;
            return Parts { total: all, overhead: all, ..Parts::default() };
        }
        Parts { total: all, workloads: all, ..Parts::default() }
    }

    pub(super) fn overhead(&mut self, what: &'static str, cost: NanoUsd) -> Parts {
        *self.overhead.entry(what).or_default() += cost;
        Parts { total: cost, overhead: cost, ..Parts::default() }
    }

    pub(super) fn residual(&mut self, cause: String, cost: NanoUsd) -> Parts {
        *self.residual_causes.entry(cause).or_default() += cost;
        Parts { total: cost, residual: cost, ..Parts::default() }
    }
}

/// The name under which the nodes of a group are booked.
pub(super) fn group_name(group: &NodeGroup) -> String {
    group.billed_as.node_group.clone().unwrap_or_else(|| NO_GROUP.to_owned())
}

/// A daemonset runs on every node whatever else does: overhead, as no packing gets rid of it.
pub(super) fn is_daemonset(key: &WorkloadKey) -> bool {
    key.kind == "DaemonSet"
}
