//! Tables of who causes today's bill.

use std::collections::BTreeMap;

use types::analysis::{Allocation, Analysis, GroupCost, WorkloadMovability};

use super::csv_table::Sheet;
use super::safe_cells::{Cell, row};

/// Rows of a part of the allocation; none where there is no allocation.
fn of<T>(analysis: &Analysis, part: fn(&Allocation) -> &Vec<T>, row: impl FnMut(&T) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    analysis.allocation.as_ref().map(|allocation| part(allocation).iter().map(row).collect()).unwrap_or_default()
}

fn exact(nano: &str) -> Cell {
    Cell::Exact(nano.to_owned())
}

pub(super) const NAMESPACES: Sheet = Sheet {
    name: "namespaces",
    about: "One row for each namespace, dearest first: its part of today's bill.",
    columns: &[
        ("namespace", "the namespace"),
        ("workload_usd", "its workloads, daemonsets apart, with what was shared out to it"),
        ("workload_nano_usd", "the same, exact, in nano-dollars"),
        ("shared_usd", "of that, shared out to it from the shared namespaces"),
        ("daemonset_usd", "its daemonsets, which are overhead"),
        ("daemonset_nano_usd", "the same, exact, in nano-dollars"),
        ("cpu_request_core_hours", "CPU reserved"),
        ("cpu_used_core_hours", "CPU used"),
        ("memory_request_gib_hours", "memory reserved"),
        ("memory_used_gib_hours", "memory used (working set)"),
    ],
    rows: |analysis| {
        of(
            analysis,
            |a| &a.by_namespace,
            |n| {
                row![
                    &n.namespace,
                    n.workload_usd,
                    exact(&n.workload_nano_usd),
                    n.shared_usd,
                    n.daemonset_usd,
                    exact(&n.daemonset_nano_usd),
                    n.cpu_request_core_hours,
                    n.cpu_used_core_hours,
                    n.memory_request_gib_hours,
                    n.memory_used_gib_hours,
                ]
            },
        )
    },
};

pub(super) const WORKLOADS: Sheet = Sheet {
    name: "workloads",
    about: "One row for each workload, dearest first: its part of today's bill, its use, whether it can move and what that saves.",
    columns: &[
        ("namespace", "its namespace"),
        ("workload_kind", "its kind, such as `Deployment`"),
        ("workload", "its name"),
        ("overhead", "whether it is a daemonset, which is overhead"),
        ("workload_usd", "its cost over the window, before anything is shared out"),
        ("workload_nano_usd", "the same, exact, in nano-dollars"),
        ("cpu_usd", "of that, for CPU"),
        ("memory_usd", "of that, for memory"),
        ("volume_usd", "of that, for persistent volumes"),
        ("fargate_usd", "of that, for Fargate"),
        ("cpu_request_core_hours", "CPU reserved"),
        ("cpu_used_core_hours", "CPU used"),
        ("memory_request_gib_hours", "memory reserved"),
        ("memory_used_gib_hours", "memory used (working set)"),
        (
            "cpu_used_mean_cores",
            "CPU used while it had pods; this and the four below only of those that reserve most memory",
        ),
        ("cpu_used_p95_cores", "its 95th percentile over five-minute slots"),
        ("memory_used_mean_gib", "memory used while it had pods"),
        ("memory_used_p95_gib", "its 95th percentile over five-minute slots"),
        ("memory_used_max_gib", "its maximum"),
        ("pod_hours", "pod-hours over the window"),
        ("movability", "`moves`, `partly`, `unsure` or `stays`; empty where it is not known"),
        ("movability_reason", "why"),
        ("saving_usd", "its part of what `emp` saves against `ec2-repacked` over the window"),
    ],
    rows: |analysis| {
        let key = |m: &WorkloadMovability| (m.namespace.clone(), m.workload_kind.clone(), m.workload.clone());
        let movability: BTreeMap<_, _> = analysis.movability.iter().map(|m| (key(m), m)).collect();
        let level = |d: &&types::analysis::Distribution| d.level == "workload";
        let use_of: BTreeMap<&str, _> =
            analysis.utilisation.distributions.iter().filter(level).map(|d| (d.name.as_str(), d)).collect();
        of(
            analysis,
            |a| &a.by_workload,
            |w| {
                let moves =
                    movability.get(&(w.namespace.clone(), w.workload_kind.clone(), w.workload.clone())).copied();
                let spread =
                    use_of.get(format!("{}/{}/{}", w.namespace, w.workload_kind, w.workload).as_str()).copied();
                row![
                    &w.namespace,
                    &w.workload_kind,
                    &w.workload,
                    w.overhead,
                    w.workload_usd,
                    exact(&w.workload_nano_usd),
                    w.cpu_usd,
                    w.memory_usd,
                    w.volume_usd,
                    w.fargate_usd,
                    w.cpu_request_core_hours,
                    w.cpu_used_core_hours,
                    w.memory_request_gib_hours,
                    w.memory_used_gib_hours,
                    spread.map(|d| d.cpu.mean),
                    spread.map(|d| d.cpu.p95),
                    spread.map(|d| d.memory.mean),
                    spread.map(|d| d.memory.p95),
                    spread.map(|d| d.memory.max),
                    moves.map(|m| m.pod_hours),
                    moves.map(|m| m.verdict.as_str()),
                    moves.map(|m| &m.reason),
                    moves.and_then(|m| m.saving_usd),
                ]
            },
        )
    },
};

/// The columns of the identity, for node groups and zones alike.
macro_rules! identity_columns {
    ($name:literal, $what:literal) => {
        &[
            ($name, $what),
            ("node_hours", "hours its nodes were up"),
            ("total_usd", "all of it: workloads + overhead + idle - oversubscribed + residual"),
            ("total_nano_usd", "the same, exact, in nano-dollars"),
            ("workloads_usd", "pods that are not daemonsets"),
            ("overhead_usd", "what no packing recovers"),
            ("idle_usd", "neither requested nor used"),
            ("oversubscribed_usd", "held beyond capacity: counted in workloads and paid by nobody"),
            ("residual_usd", "could be given to nothing"),
        ]
    };
}

fn identity(group: &GroupCost) -> Vec<Cell> {
    let s = &group.shares;
    row![
        group.name.as_ref(),
        group.node_hours,
        s.total_usd,
        exact(&s.total_nano_usd),
        s.workloads_usd,
        s.overhead_usd,
        s.idle_usd,
        s.oversubscribed_usd,
        s.residual_usd,
    ]
}

pub(super) const NODE_GROUPS: Sheet = Sheet {
    name: "node-groups",
    about: "One row for each node group: its part of today's bill.",
    columns: identity_columns!("node_group", "its name; empty for what has none or does not stand on nodes"),
    rows: |analysis| of(analysis, |a| &a.by_node_group, identity),
};

pub(super) const ZONES: Sheet = Sheet {
    name: "zones",
    about: "One row for each availability zone: its part of today's bill.",
    columns: identity_columns!("zone", "its name; empty for what does not stand on nodes"),
    rows: |analysis| of(analysis, |a| &a.by_zone, identity),
};

pub(super) const LABELS: Sheet = Sheet {
    name: "labels",
    about: "One row for each value of each label asked for: its part of today's bill.",
    columns: &[
        ("label", "the label"),
        ("value", "its value; empty for pods without it"),
        ("workload_usd", "the cost of these workloads, daemonsets apart"),
        ("workload_nano_usd", "the same, exact, in nano-dollars"),
    ],
    rows: |analysis| {
        of(analysis, |a| &a.by_label, |l| row![&l.label, l.value.as_ref(), l.workload_usd, exact(&l.workload_nano_usd)])
    },
};

pub(super) const VOLUME_CLAIMS: Sheet = Sheet {
    name: "volume-claims",
    about: "One row for each persistent volume claim, dearest first.",
    columns: &[
        ("namespace", "its namespace"),
        ("claim", "its name"),
        ("storage_class", "its storage class"),
        ("volume_type", "EBS volume type; empty where it is not known"),
        ("size_mean_gib", "its size on average over its hours"),
        ("claim_hours", "hours it was there"),
        ("unmounted", "whether no pod mounted it in any hour"),
        ("cost_usd", "its cost over the window; empty where it has no price"),
    ],
    rows: |analysis| {
        of(
            analysis,
            |a| &a.by_volume_claim,
            |c| {
                row![
                    &c.namespace,
                    &c.claim,
                    c.storage_class.as_ref(),
                    c.volume_type.as_ref(),
                    c.gib_mean,
                    c.hours,
                    c.unmounted,
                    c.usd,
                ]
            },
        )
    },
};
