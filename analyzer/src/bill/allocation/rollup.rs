//! Costs of owners as they are written: by namespace, workload, node group, zone and label.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use types::analysis::{
    Allocation, GroupCost, LabelCost, LabelWorkload, NamespaceCost, OverheadCost, Shares, WorkloadCost,
};
use types::{NanoUsd, split};

use super::costs_by_owner::{Books, OwnerCost, OwnerKey, Parts, is_daemonset};
use crate::bill::today::hours;
use crate::sums::hour_facts::WorkloadKey;
use crate::sums::window_totals::{NamespaceSums, Observed};
use crate::sums::workload_usage::WorkloadSums;
use crate::units::{core_hours, gib_hours};

pub(super) fn write(books: Books, observed: &Observed, shared_namespaces: &[String]) -> Allocation {
    let mut workloads: BTreeMap<&WorkloadKey, OwnerCost> = BTreeMap::new();
    for ((workload, _), cost) in &books.owners {
        workloads.entry(workload).or_default().add(*cost);
    }
    let mut overhead: Vec<_> = books.overhead.iter().filter(|(_, cost)| **cost != NanoUsd::ZERO).collect();
    overhead.sort_by_key(|(what, cost)| (Reverse(**cost), **what));
    let overhead = overhead.into_iter().map(|(what, cost)| OverheadCost {
        what: (*what).to_owned(),
        usd: cost.usd(),
        nano_usd: exact(*cost),
    });
    let (by_namespace, shared) = by_namespace(&workloads, observed, shared_namespaces);
    Allocation {
        total: shares(books.cluster),
        overhead: overhead.collect(),
        residual_causes: books
            .residual_causes
            .into_iter()
            .filter(|(_, cost)| *cost != NanoUsd::ZERO)
            .map(|(cause, _)| cause)
            .collect(),
        shared_namespaces: shared,
        by_namespace,
        by_workload: by_workload(&workloads, observed),
        by_node_group: groups(books.groups),
        by_zone: groups(books.zones),
        by_label: by_label(&books.owners),
        by_volume_claim: Vec::new(),
    }
}

fn exact(cost: NanoUsd) -> String {
    cost.nanos().to_string()
}

fn shares(parts: Parts) -> Shares {
    Shares {
        total_usd: parts.total.usd(),
        total_nano_usd: exact(parts.total),
        workloads_usd: parts.workloads.usd(),
        workloads_nano_usd: exact(parts.workloads),
        overhead_usd: parts.overhead.usd(),
        overhead_nano_usd: exact(parts.overhead),
        idle_usd: parts.idle.usd(),
        idle_nano_usd: exact(parts.idle),
        oversubscribed_usd: parts.oversubscribed.usd(),
        oversubscribed_nano_usd: exact(parts.oversubscribed),
        residual_usd: parts.residual.usd(),
        residual_nano_usd: exact(parts.residual),
    }
}

/// Groups by cost, dearest first, then by name; what does not stand on nodes comes last.
fn groups(groups: BTreeMap<Option<String>, (i64, Parts)>) -> Vec<GroupCost> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a_name, (_, a)), (b_name, (_, b))| {
        (a_name.is_none(), Reverse(a.total), a_name).cmp(&(b_name.is_none(), Reverse(b.total), b_name))
    });
    let row = |(name, (seconds, parts))| GroupCost { name, node_hours: hours(seconds), shares: shares(parts) };
    groups.into_iter().map(row).collect()
}

/// One namespace, exact.
#[derive(Debug, Clone, Copy, Default)]
struct NamespaceExact {
    workloads: NanoUsd,
    shared: NanoUsd,
    daemonsets: NanoUsd,
}

/// Costs by namespace, and the shared namespaces that were there. The workloads of those are shared out over the
/// others in proportion to theirs.
fn by_namespace(
    workloads: &BTreeMap<&WorkloadKey, OwnerCost>,
    observed: &Observed,
    shared_namespaces: &[String],
) -> (Vec<NamespaceCost>, Vec<String>) {
    let mut namespaces: BTreeMap<&str, NamespaceExact> = BTreeMap::new();
    for name in observed.namespaces.keys() {
        namespaces.entry(name).or_default();
    }
    for (key, cost) in workloads {
        let namespace = namespaces.entry(&key.namespace).or_default();
        if is_daemonset(key) {
            namespace.daemonsets += cost.all();
        } else {
            namespace.workloads += cost.all();
        }
    }
    let is_shared = |name: &str| shared_namespaces.iter().any(|shared| shared == name);
    let own: Vec<_> =
        namespaces.iter().filter(|(name, _)| !is_shared(name)).map(|(_, of)| of.workloads.nanos()).collect();
    let pot: NanoUsd = namespaces.iter().filter(|(name, _)| is_shared(name)).map(|(_, of)| of.workloads).sum();
    let mut shared = Vec::new();
    // Where nobody else pays anything there is nobody to share with.
    if let Some(parts) = split(pot, &own) {
        let mut parts = parts.into_iter();
        for (name, of) in &mut namespaces {
            if is_shared(name) {
                shared.push((*name).to_owned());
                of.workloads = NanoUsd::ZERO;
            } else {
                of.shared = parts.next().unwrap_or_default();
                of.workloads += of.shared;
            }
        }
    }
    let mut namespaces: Vec<_> = namespaces.into_iter().collect();
    namespaces.sort_by_key(|(name, of)| (Reverse(of.workloads), Reverse(of.daemonsets), *name));
    let row = |(name, of): (&str, NamespaceExact)| {
        let NamespaceSums { requested, used, .. } = observed.namespaces.get(name).copied().unwrap_or_default();
        NamespaceCost {
            namespace: name.to_owned(),
            workload_usd: of.workloads.usd(),
            workload_nano_usd: exact(of.workloads),
            shared_usd: of.shared.usd(),
            daemonset_usd: of.daemonsets.usd(),
            daemonset_nano_usd: exact(of.daemonsets),
            cpu_request_core_hours: core_hours(requested.cpu),
            cpu_used_core_hours: core_hours(used.cpu),
            memory_request_gib_hours: gib_hours(requested.memory),
            memory_used_gib_hours: gib_hours(used.memory),
        }
    };
    (namespaces.into_iter().map(row).collect(), shared)
}

fn by_workload(workloads: &BTreeMap<&WorkloadKey, OwnerCost>, observed: &Observed) -> Vec<WorkloadCost> {
    let mut rows: Vec<_> = workloads.iter().collect();
    rows.sort_by_key(|(key, cost)| (Reverse(cost.all()), **key));
    let row = |(key, cost): (&&WorkloadKey, &OwnerCost)| {
        let WorkloadSums { requested, used } = observed.workloads.get(*key).copied().unwrap_or_default();
        WorkloadCost {
            namespace: key.namespace.clone(),
            workload_kind: key.kind.clone(),
            workload: key.name.clone(),
            overhead: is_daemonset(key),
            workload_usd: cost.all().usd(),
            workload_nano_usd: exact(cost.all()),
            cpu_usd: cost.cpu.usd(),
            memory_usd: cost.memory.usd(),
            volume_usd: cost.volumes.usd(),
            fargate_usd: cost.fargate.usd(),
            on_demand_usd: Some(cost.on_demand.usd()),
            cpu_request_core_hours: core_hours(requested.cpu),
            cpu_used_core_hours: core_hours(used.cpu),
            memory_request_gib_hours: gib_hours(requested.memory),
            memory_used_gib_hours: gib_hours(used.memory),
        }
    };
    rows.into_iter().map(row).collect()
}

/// Costs of workloads that are not daemonsets, by each label that any of them has.
fn by_label(owners: &BTreeMap<OwnerKey, OwnerCost>) -> Vec<LabelCost> {
    let of_workloads = || owners.iter().filter(|((workload, _), _)| !is_daemonset(workload));
    let mut labels: BTreeMap<&str, BTreeMap<Option<&str>, BTreeMap<&WorkloadKey, NanoUsd>>> = BTreeMap::new();
    let named = |label: &'_ str| label.split_once('=').map_or(label.len(), |(name, _)| name.len());
    for (_, of) in owners.keys() {
        for label in of {
            labels.entry(label.get(..named(label)).unwrap_or_default()).or_default();
        }
    }
    for (name, values) in &mut labels {
        for ((workload, of), cost) in of_workloads() {
            let value = of.iter().find_map(|label| label.strip_prefix(name)?.strip_prefix('='));
            *values.entry(value).or_default().entry(workload).or_default() += cost.all();
        }
    }
    let row = |(label, values): (&str, BTreeMap<Option<&str>, BTreeMap<&WorkloadKey, NanoUsd>>)| {
        let sum = |of: &BTreeMap<&WorkloadKey, NanoUsd>| of.values().copied().sum::<NanoUsd>();
        let mut values: Vec<_> = values.into_iter().map(|(value, of)| (Reverse(sum(&of)), value, of)).collect();
        values.sort_by_key(|(cost, value, _)| (*cost, *value));
        let cost = |(Reverse(cost), value, of): (Reverse<NanoUsd>, Option<&str>, _)| LabelCost {
            label: label.to_owned(),
            value: value.map(ToOwned::to_owned),
            workload_usd: cost.usd(),
            workload_nano_usd: exact(cost),
            workloads: of_label(of),
        };
        values.into_iter().map(cost).collect::<Vec<_>>()
    };
    labels.into_iter().flat_map(row).collect()
}

/// The workloads with one value of a label, dearest first.
fn of_label(workloads: BTreeMap<&WorkloadKey, NanoUsd>) -> Vec<LabelWorkload> {
    let mut rows: Vec<_> = workloads.into_iter().collect();
    rows.sort_by_key(|(key, cost)| (Reverse(*cost), *key));
    let row = |(key, cost): (&WorkloadKey, NanoUsd)| LabelWorkload {
        namespace: key.namespace.clone(),
        workload_kind: key.kind.clone(),
        workload: key.name.clone(),
        workload_usd: cost.usd(),
    };
    rows.into_iter().map(row).collect()
}
