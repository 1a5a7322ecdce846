//! Tables of hosts, what-if, the plan and what everything stands on.

use types::analysis::Gravity;

use super::csv_table::Sheet;
use super::safe_cells::{joined, row};

pub(super) const HOSTS: Sheet = Sheet {
    name: "hosts",
    about: "One row for each bare-metal type that was looked at, the lowest bound first.",
    columns: &[
        ("instance_type", "its name"),
        ("usd_per_hour", "its price"),
        ("lower_bound_usd", "least compute cost of what would run on it, over the window"),
        ("total_usd", "what `emp` costs on it over the window; empty where it was not replayed or priced"),
        (
            "holds_target",
            "whether it held the limits that nothing kept ready mends, where hosts are chosen; empty where it was not replayed",
        ),
        ("chosen", "whether it is the host of the scenarios"),
        ("reason", "why, or why not"),
    ],
    rows: |analysis| {
        let of = |h: &types::analysis::HostConsidered| {
            row![&h.instance_type, h.usd_per_hour, h.lower_bound_usd, h.total_usd, h.holds_target, h.chosen, &h.reason,]
        };
        analysis.hosts_considered.iter().map(of).collect()
    },
};

pub(super) const WHAT_IF: Sheet = Sheet {
    name: "what-if",
    about: "One row for each pair of overcommit ratios: `emp` against `ec2-repacked`.",
    columns: &[
        ("memory_overcommit_ratio", "memory of elastic VMs on a host, as a multiple of its own"),
        ("cpu_overcommit_ratio", "vCPU of elastic VMs on a host, as a multiple of its threads"),
        ("total_usd", "what it costs over the window"),
        ("saving_usd", "what it saves over the window; negative where it is dearer"),
        ("holds_target", "whether it holds every limit on the hours it was tried on"),
        ("host_slots_over_cpu_fraction", "slots in which a host was over its CPU, on these hours"),
        ("host_slots_over_memory_fraction", "slots in which a host swapped, on these hours"),
        ("served_fraction", "pod-seconds served, on these hours"),
        ("on_frontier", "whether no other pair saves as much at no more risk"),
    ],
    rows: |analysis| {
        let of = |p: &types::analysis::WhatIfPoint| {
            row![
                p.memory_overcommit,
                p.cpu_overcommit,
                p.total_usd,
                p.saving_usd,
                p.holds_target,
                p.host_slots_over_cpu,
                p.host_slots_over_memory,
                p.served_fraction,
                p.on_frontier,
            ]
        };
        analysis.what_if.iter().flat_map(|what_if| &what_if.grid).map(of).collect()
    },
};

pub(super) const TORNADO: Sheet = Sheet {
    name: "tornado",
    about: "One row for each assumption changed alone, the largest effect first.",
    columns: &[
        ("assumption", "its key"),
        ("value", "the other value"),
        ("saving_usd", "what the scenario that the tornado is of then saves against today over the window"),
        ("change_usd", "that less what is saved without the change"),
        ("holds_target", "whether the scenario holds every limit then"),
        ("breaks", "the first limit it breaks; empty for none"),
    ],
    rows: |analysis| {
        let of = |b: &types::analysis::TornadoBar| {
            let breaks = b.breaks.as_ref().map(|check| types::wording::limit(check.limit));
            row![&b.key, &b.value, b.saving_usd, b.change_usd, b.holds_target, breaks]
        };
        analysis.what_if.iter().flat_map(|what_if| &what_if.tornado).map(of).collect()
    },
};

pub(super) const EXCLUSIONS: Sheet = Sheet {
    name: "exclusions",
    about: "One row for each reason for which pods stay on EC2, the most memory first.",
    columns: &[
        ("reason", "why they stay"),
        ("workloads", "workloads with such pods"),
        ("pod_hours", "pod-hours of them over the window"),
        ("memory_request_gib_hours", "memory they reserve"),
        ("by_choice", "whether a choice of the user keeps them"),
        ("costs_usd", "what `emp` would cost less over the window if they moved too; empty where it was not replayed"),
    ],
    rows: |analysis| {
        let of = |e: &types::analysis::Exclusion| {
            row![&e.reason, e.workloads, e.pod_hours, e.memory_request_gib_hours, e.by_choice, e.costs_usd]
        };
        analysis.exclusions.iter().map(of).collect()
    },
};

pub(super) const WAVES: Sheet = Sheet {
    name: "waves",
    about: "One row for each step of the migration, in order; costs and savings are of everything moved so far.",
    columns: &[
        ("wave", "its number, from 1"),
        ("namespaces", "namespaces that move in it, joined by `;`"),
        ("total_usd", "what everything moved so far costs over the window"),
        ("saving_usd", "what it saves against `ec2-today-replayed`, on whose machines the rest stays, over the window"),
        ("marginal_saving_usd", "of that, by this step alone"),
        ("dual_running_usd", "what two weeks of both old and new machines cost"),
        ("payback_days", "until the step has paid for that; empty where it never does"),
    ],
    rows: |analysis| {
        let waves = analysis.plan.iter().flat_map(|plan| &plan.waves);
        (1_u32..)
            .zip(waves)
            .map(|(n, w)| {
                row![
                    n,
                    joined(&w.namespaces),
                    w.total_usd,
                    w.saving_usd,
                    w.marginal_saving_usd,
                    w.dual_running_usd,
                    w.payback_days,
                ]
            })
            .collect()
    },
};

pub(super) const ASSUMPTIONS: Sheet = Sheet {
    name: "assumptions",
    about: "One row for each assumption in force, changed or not, by key.",
    columns: &[
        ("assumption", "its key in the assumptions file"),
        ("value", "its value in force, as text"),
        ("unit", "unit of the value; empty for a ratio or a name"),
        ("default", "its default, as text"),
        ("changed", "whether it was changed"),
        ("source", "where the default comes from"),
        ("effect", "what it changes"),
    ],
    rows: |analysis| {
        let of = |a: &types::analysis::Assumption| {
            row![&a.key, &a.value, &a.unit, &a.default, a.changed, &a.source, &a.effect]
        };
        analysis.assumptions.iter().map(of).collect()
    },
};

pub(super) const NOTES: Sheet = Sheet {
    name: "notes",
    about: "One row for each thing to know beside the numbers, gravest first, those of the whole analysis before those of scenarios.",
    columns: &[
        ("scenario", "scenario it is about; empty for all of them"),
        ("gravity", "`warning` where a number is incomplete or may mislead, else `info`"),
        ("text", "the note"),
    ],
    rows: |analysis| {
        let word = |gravity: Gravity| match gravity {
            Gravity::Warning => "warning",
            Gravity::Info => "info",
        };
        let of_all = analysis.notes.iter().map(|note| row![None::<&str>, word(note.gravity), &note.text]);
        let of_scenarios = analysis.scenarios.iter().flat_map(|s| s.notes.iter().map(move |note| (s, note)));
        of_all.chain(of_scenarios.map(|(s, note)| row![&s.id, word(note.gravity), &note.text])).collect()
    },
};
