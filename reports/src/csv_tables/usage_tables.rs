//! Tables of what runs, and when.

use super::csv_table::Sheet;
use super::safe_cells::{joined, row};

pub(super) const NODE_KINDS: Sheet = Sheet {
    name: "node-kinds",
    about: "One row for nodes alike in type, capacity type and compute type, dearest first.",
    columns: &[
        ("instance_type", "EC2 instance type; empty where it is not known, and for Fargate"),
        ("instance_type_source", "how it is known: `label`, `dmi` or `unknown`"),
        ("capacity_type", "`on-demand` or `spot`; empty where no label says it"),
        ("compute_type", "`ec2`, `fargate`, `auto`, `hybrid`, `outpost`, `local-zone` or `wavelength`"),
        ("arch", "CPU architecture"),
        ("zones", "availability zones, joined by `;`"),
        ("nodes", "distinct nodes"),
        ("node_hours", "hours up, all nodes together"),
        ("capacity_cores", "CPU of one node"),
        ("capacity_gib", "memory of one node"),
        ("moves", "whether nothing known speaks against a move to elastic VMs"),
        ("moves_reason", "the reason"),
    ],
    rows: |analysis| {
        let of = |g: &types::analysis::NodeGroup| {
            row![
                g.instance_type.as_ref(),
                &g.instance_type_source,
                g.capacity_type.as_ref(),
                g.compute_type.as_str(),
                g.arch.as_ref(),
                joined(&g.zones),
                g.nodes,
                g.node_hours,
                g.cpu_capacity_cores,
                g.memory_capacity_gib,
                g.movable.moves,
                &g.movable.reason,
            ]
        };
        analysis.inventory.node_groups.iter().map(of).collect()
    },
};

pub(super) const HOURS: Sheet = Sheet {
    name: "hours",
    about: "One row for each hour present, oldest first: the cluster as it was.",
    columns: &[
        ("hour", "its start, UTC"),
        ("source", "`prometheus`, or `generator` for synthetic hours"),
        ("nodes_mean", "nodes up"),
        ("cpu_capacity_cores", "CPU of the nodes"),
        ("cpu_allocatable_cores", "of that, for pods"),
        ("cpu_requested_cores", "CPU reserved"),
        ("cpu_limit_cores", "limits of the containers that have one"),
        ("cpu_used_cores", "CPU used, mean"),
        ("cpu_used_peak_cores", "CPU used, largest five-minute total"),
        ("memory_capacity_gib", "memory of the nodes"),
        ("memory_allocatable_gib", "of that, for pods"),
        ("memory_requested_gib", "memory reserved"),
        ("memory_limit_gib", "limits of the containers that have one"),
        ("memory_used_gib", "memory used (working set), mean"),
        ("memory_used_peak_gib", "memory used, largest five-minute total"),
    ],
    rows: |analysis| {
        let of = |h: &types::analysis::HourPoint| {
            row![
                h.hour,
                h.source.as_str(),
                h.nodes,
                h.cpu_capacity_cores,
                h.cpu_allocatable_cores,
                h.cpu_requested_cores,
                h.cpu_limit_cores,
                h.cpu_used_cores,
                h.cpu_used_peak_cores,
                h.memory_capacity_gib,
                h.memory_allocatable_gib,
                h.memory_requested_gib,
                h.memory_limit_gib,
                h.memory_used_gib,
                h.memory_used_peak_gib,
            ]
        };
        analysis.utilisation.hourly.iter().map(of).collect()
    },
};

pub(super) const SCENARIO_HOURS: Sheet = Sheet {
    name: "scenario-hours",
    about: "One row for each replayed scenario and hour present, oldest first.",
    columns: &[
        ("scenario", "the scenario"),
        ("hour", "its start, UTC"),
        ("nodes_max", "most EC2 nodes at once"),
        ("evms_max", "most elastic VMs at once"),
        ("hosts_max", "most hosts at once"),
        ("cpu_used_cores", "CPU used on nodes and hosts, mean"),
        ("cpu_capacity_cores", "CPU of nodes and hosts, mean"),
        ("memory_used_gib", "memory used on nodes and hosts, mean"),
        ("memory_capacity_gib", "memory of nodes and hosts, mean"),
        ("hottest_host_fraction", "fullest host of any slot, of what the rebalancer fills hosts by"),
    ],
    rows: |analysis| {
        let each = analysis.scenarios.iter().flat_map(|s| s.by_hour.iter().map(move |h| (s, h)));
        each.map(|(s, h)| {
            row![
                &s.id,
                h.start,
                h.nodes,
                h.evms,
                h.hosts,
                h.cpu_used_cores,
                h.cpu_capacity_cores,
                h.memory_used_gib,
                h.memory_capacity_gib,
                h.hottest_host_fraction,
            ]
        })
        .collect()
    },
};
