//! Tables of scenarios and what lies between them.

use types::analysis::{Analysis, PriceOrigin};

use super::csv_table::Sheet;
use super::safe_cells::{Cell, joined, row};

pub(super) const SCENARIOS: Sheet = Sheet {
    name: "scenarios",
    about: "One row for each way to run the cluster; do not add them up, they are alternatives.",
    columns: &[
        ("scenario", "stable id, such as `ec2-today`"),
        ("label", "name for people"),
        ("recommended", "whether the verdict recommends it"),
        ("total_usd", "cost over the window"),
        ("monthly_usd", "the same scaled to a month of 730 hours"),
        ("partial", "whether the total leaves something out"),
        ("compute_list_usd", "its compute at list prices"),
        ("compute_contracted_usd", "its compute at contracted prices, before commitments"),
        ("compute_effective_usd", "its compute after commitments"),
        ("compute_lower_bound_usd", "what its compute cannot have cost less than"),
        ("holds_target", "whether it holds every limit"),
        ("served_fraction", "pod-seconds served"),
        ("machine_slots_over_cpu_fraction", "slots in which a machine was over its CPU"),
        ("machine_slots_over_memory_fraction", "slots in which a machine was over its memory"),
        ("host_slots_over_cpu_fraction", "slots in which a host was over its CPU"),
        ("host_slots_over_memory_fraction", "slots in which a host swapped"),
        ("lost_core_hours", "asked for beyond capacity, by slot means: the least"),
        ("lost_core_hours_at_peaks", "the same by slot peaks: the most"),
        ("swap_gib_hours", "beyond the memory of hosts"),
        ("migrations", "live migrations"),
        ("restarted_pods", "pods restarted elsewhere"),
        ("pods_on_busiest", "most pods on one host, or node where there are no hosts"),
        ("workloads_on_busiest", "most workloads all of whose pods stood there"),
        ("worst_slot", "start of the five minutes in which a host, or a machine without hosts, was fullest"),
        ("worst_slot_fraction", "the larger of its shares of CPU and memory then; above one it was short of it"),
    ],
    rows: |analysis| {
        let recommended = analysis.verdict.recommendation.as_deref();
        let of = |scenario: &types::analysis::Scenario| {
            let (compute, risk) = (scenario.compute_cost.as_ref(), scenario.risk.as_ref());
            row![
                &scenario.id,
                &scenario.label,
                recommended.map(|id| id == scenario.id),
                scenario.cost_usd.total,
                scenario.monthly_usd,
                scenario.partial,
                compute.and_then(|c| c.list_usd),
                compute.map(|c| c.contracted_usd),
                compute.map(|c| c.effective_usd),
                scenario.lower_bound_usd,
                risk.map(|r| r.holds_target),
                risk.map(|r| r.served_fraction),
                risk.map(|r| r.machine_slots_over_cpu),
                risk.map(|r| r.machine_slots_over_memory),
                risk.and_then(|r| r.host_slots_over_cpu),
                risk.and_then(|r| r.host_slots_over_memory),
                risk.map(|r| r.lost_core_hours),
                risk.and_then(|r| r.lost_core_hours_at_peaks),
                risk.map(|r| r.swap_gib_hours),
                risk.map(|r| r.migrations),
                risk.map(|r| r.restarted_pods),
                risk.map(|r| r.pods_on_busiest),
                risk.map(|r| r.workloads_on_busiest),
                risk.and_then(|r| r.worst_slot.as_ref()).map(|slot| slot.start),
                risk.and_then(|r| r.worst_slot.as_ref()).map(|slot| slot.fraction),
            ]
        };
        analysis.scenarios.iter().map(of).collect()
    },
};

pub(super) const COST_LINES: Sheet = Sheet {
    name: "cost-lines",
    about: "One row for each scenario and cost line.",
    columns: &[
        ("scenario", "the scenario"),
        ("line", "the cost line"),
        ("window_usd", "cost over the window; empty where it is not modelled"),
    ],
    rows: |analysis| {
        let lines = |scenario: &types::analysis::Scenario| {
            let id = scenario.id.clone();
            scenario.cost_usd.lines().map(|(line, usd)| row![&id, line, usd])
        };
        analysis.scenarios.iter().flat_map(lines).collect()
    },
};

/// The four columns of a price's origin.
fn origin(price: Option<&PriceOrigin>) -> [Cell; 4] {
    let of = |field: fn(&PriceOrigin) -> &str| Cell::from(price.map(field));
    [of(|p| p.layer.as_str()), of(|p| p.kind.as_str()), of(|p| &p.date), of(|p| &p.source)]
}

pub(super) const MACHINES: Sheet = Sheet {
    name: "machines",
    about: "One row for each scenario and kind of machine at one price.",
    columns: &[
        ("scenario", "the scenario"),
        ("kind", "`node` (EC2), `host` (bare metal) or `evm` (elastic VM, which AWS does not bill)"),
        ("instance_type", "EC2 instance type, or the type an elastic VM mirrors"),
        ("capacity_type", "`on-demand` or `spot`"),
        ("machine_hours", "hours over the window"),
        ("usd_per_hour", "price before commitments; empty where there is none"),
        ("cost_usd", "cost over the window after commitments; empty where it is unpriced"),
        ("price_layer", "layer of the price book: `user`, `imported` or `catalog`"),
        ("price_kind", "`user`, `observed`, `derived`, `estimated` or `invoice`"),
        ("price_date", "date of the price"),
        ("price_source", "list or file it comes from"),
    ],
    rows: |analysis| {
        let each = analysis.scenarios.iter().flat_map(|s| s.machine_hours.iter().map(move |m| (s, m)));
        each.map(|(s, m)| {
            let mut row =
                row![&s.id, m.kind.as_str(), &m.instance_type, &m.capacity_type, m.hours, m.usd_per_hour, m.cost_usd];
            row.extend(origin(m.price.as_ref()));
            row
        })
        .collect()
    },
};

pub(super) const ITEMS: Sheet = Sheet {
    name: "items",
    about: "One row for each scenario and what its lines other than compute are made of.",
    columns: &[
        ("scenario", "the scenario"),
        ("line", "the cost line"),
        ("what", "what it is"),
        ("quantity", "how much over the window, in `unit`"),
        ("unit", "unit of the quantity"),
        ("usd_per_unit", "price of one unit"),
        ("cost_usd", "cost over the window"),
        ("price_layer", "layer of the price book: `user`, `imported` or `catalog`"),
        ("price_kind", "`user`, `observed`, `derived`, `estimated` or `invoice`"),
        ("price_date", "date of the price"),
        ("price_source", "list or file it comes from"),
    ],
    rows: |analysis| {
        let each = analysis.scenarios.iter().flat_map(|s| s.items.iter().map(move |i| (s, i)));
        each.map(|(s, i)| {
            let mut row = row![&s.id, &i.line, &i.what, i.quantity, &i.unit, i.usd_per_unit, i.cost_usd];
            row.extend(origin(Some(&i.price)));
            row
        })
        .collect()
    },
};

pub(super) const UNPRICED: Sheet = Sheet {
    name: "unpriced",
    about: "One row for each scenario and thing without a price, which is in no total.",
    columns: &[
        ("scenario", "the scenario"),
        ("what", "what it is"),
        ("quantity", "how much over the window, in `unit`"),
        ("unit", "unit of the quantity"),
        ("reason", "why it has no price, and what would give it one"),
    ],
    rows: |analysis| {
        let each = analysis.scenarios.iter().flat_map(|s| s.unpriced.iter().map(move |u| (s, u)));
        each.map(|(s, u)| row![&s.id, &u.what, u.quantity, &u.unit, &u.reason]).collect()
    },
};

pub(super) const SAVINGS: Sheet = Sheet {
    name: "savings",
    about: "One row for each pair of scenarios compared, over the lines priced in both.",
    columns: &[
        ("from", "scenario compared with"),
        ("to", "scenario moved to"),
        ("window_usd", "saved over the window; negative where it is dearer"),
        ("monthly_usd", "scaled to a month of 730 hours"),
        ("yearly_usd", "twelve such months"),
        ("saved_fraction", "of the cost of `from` over the same lines"),
        ("lines", "cost lines compared, joined by `;`"),
    ],
    rows: |analysis| {
        let of = |s: &types::analysis::Saving| {
            row![&s.from, &s.to, s.window_usd, s.monthly_usd, s.yearly_usd, s.fraction, joined(&s.lines)]
        };
        analysis.savings.iter().map(of).collect()
    },
};

pub(super) const WATERFALL: Sheet = Sheet {
    name: "waterfall",
    about: "One row for each step from today's cost to that of the scenario recommended; the steps add up.",
    columns: &[
        ("step", "what changes: `start`, the steps, then `end`"),
        ("scenario", "scenario reached with it; empty inside a scenario"),
        ("window_usd", "what it adds over the window, negative where it saves; of `start` and `end` the cost itself"),
    ],
    rows: |analysis: &Analysis| {
        let Some(waterfall) = &analysis.waterfall else { return Vec::new() };
        let mut rows = vec![row!["start", &waterfall.from, waterfall.from_usd]];
        rows.extend(waterfall.steps.iter().map(|step| row![step.what.as_str(), step.scenario.as_ref(), step.usd]));
        rows.push(row!["end", &waterfall.to, waterfall.to_usd]);
        rows
    },
};
