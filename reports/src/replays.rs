//! The replayed scenarios: what each costs, how sure, at what risk, and on which machines.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{HostConsidered, Plan, Scenario, WhatIf, WorkloadMovability};

use crate::format;
use crate::table::{Cell, Column, Row, Table};
use crate::view::View;
use crate::words::{self, TODAY, VENDOR};

/// The section; empty where nothing was replayed.
#[derive(Debug, Template)]
#[template(path = "replays.html")]
pub(crate) struct Replays {
    /// What the engine makes of today's own machines, as a sentence.
    optimism: String,
    /// Requests as they are or right-sized, on EC2 or elastic VMs.
    choice: Table,
    scenarios: Table,
    risk: Table,
    hosts: Table,
    grid: Option<Grid>,
    tornado: Table,
    movability: Table,
    moving: String,
    plan: Option<PlanPart>,
}

impl HtmlSafe for Replays {}

/// `emp` at each pair of ratios.
#[derive(Debug)]
struct Grid {
    /// CPU ratios, as heads of columns.
    columns: Vec<String>,
    rows: Vec<GridRow>,
}

/// One memory ratio.
#[derive(Debug)]
struct GridRow {
    label: String,
    cells: Vec<GridCell>,
}

/// One pair of ratios.
#[derive(Debug)]
struct GridCell {
    text: String,
    /// `gain`, `loss` or `risky`.
    class: &'static str,
    sub: String,
}

/// What to build.
#[derive(Debug)]
struct PlanPart {
    text: String,
    waves: Table,
}

/// Scenarios of the choice: as they are and right-sized, on EC2 and on elastic VMs.
const CHOICE: [[&str; 2]; 2] = [["ec2-repacked", "emp"], ["ec2-rightsized", "emp-rightsized"]];

impl Replays {
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let replayed: Vec<_> = analysis.scenarios.iter().filter(|scenario| scenario.risk.is_some()).collect();
        if replayed.is_empty() {
            return None;
        }
        let moves = |verdict: &str| analysis.movability.iter().filter(|row| row.verdict == verdict).count();
        Some(Self {
            optimism: optimism(analysis),
            choice: choice(analysis),
            scenarios: scenarios(analysis, &replayed),
            risk: risk(&replayed),
            hosts: hosts(analysis),
            grid: analysis.what_if.as_ref().and_then(|what_if| grid(analysis, what_if)),
            tornado: tornado(analysis),
            movability: movability(&analysis.movability),
            moving: format!("{} workloads move, {} in part, {} stay.", moves("moves"), moves("partly"), moves("stays")),
            plan: analysis.plan.as_ref().map(|plan| plan_part(analysis, plan)),
        })
    }
}

fn money(analysis: &View<'_>, usd: Option<f64>) -> Cell {
    analysis.monthly_cell(usd)
}

fn optimism(analysis: &View<'_>) -> String {
    match analysis.model_optimism {
        None => "How the engine's own idea of today compares with what was observed is not known.".to_owned(),
        Some(ratio) if ratio < 1.0 => format!(
            "Replayed on today's own machine types, the engine needs {} less than the cluster really used. A saving smaller than that is within the model's error.",
            format::percent(1.0 - ratio)
        ),
        Some(ratio) => format!(
            "Replayed on today's own machine types, the engine needs {} more than the cluster really used: it is no optimist here. A saving smaller than that is within the model's error.",
            format::percent(ratio - 1.0)
        ),
    }
}

fn choice(analysis: &View<'_>) -> Table {
    let cell = |id: &str| match words::scenario(analysis, id) {
        None => Cell::absent("not replayed"),
        Some(scenario) => {
            let holds = scenario.risk.as_ref().is_some_and(|risk| risk.holds_target);
            let saved = analysis.savings.iter().find(|saving| saving.from == TODAY && saving.to == id);
            let sub = saved.map(|saving| format!("{} against today", analysis.usd(-saving.monthly_usd)));
            Cell::new(analysis.money.show_or_unknown(scenario.monthly_usd))
                .sub(sub.unwrap_or_default())
                .badge(if holds { "" } else { "over the risk target" })
        }
    };
    let row = |label: &str, ids: [&str; 2]| {
        let mut cells = vec![Cell::new(label)];
        cells.extend(ids.into_iter().map(cell));
        Row::new(cells)
    };
    let [as_they_are, sized] = CHOICE;
    Table::new(
        "Cost per month of 730 hours",
        vec![
            Column::text("Requests"),
            Column::number("On EC2", "repacked"),
            Column::number("On elastic VMs", "net of fee"),
        ],
        vec![row("As they are", as_they_are), row("Right-sized from usage", sized)],
    )
}

fn scenarios(analysis: &View<'_>, replayed: &[&Scenario]) -> Table {
    let observed = [TODAY, VENDOR].into_iter().filter_map(|id| words::scenario(analysis, id));
    let hours = f64::from(analysis.window.hours_present);
    let row = |scenario: &Scenario| {
        let of = |kind: &str| -> f64 {
            scenario.machine_hours.iter().filter(|row| row.kind == kind).map(|row| row.hours).sum()
        };
        let at_once = |kind: &str| match of(kind) {
            total if total > 0.0 && hours > 0.0 => Cell::new(format::tenths(total / hours)),
            _ => Cell::absent("none"),
        };
        let how = match scenario.id.as_str() {
            TODAY => "observed",
            VENDOR => "arithmetic",
            _ => "replayed",
        };
        Row::new(vec![
            Cell::new(&scenario.label).sub(how),
            Cell::new(analysis.money.show_or_unknown(scenario.monthly_usd)),
            money(analysis, scenario.cost_usd.compute),
            money(analysis, scenario.lower_bound_usd),
            at_once("node"),
            at_once("evm"),
            at_once("host"),
        ])
    };
    Table::new(
        "Per month of 730 hours; machines at once, on average",
        vec![
            Column::text("Scenario"),
            Column::number("Total", "per month"),
            Column::number("Compute", "per month"),
            Column::number("Compute at least", "per month"),
            Column::number("EC2 nodes", "at once"),
            Column::number("Elastic VMs", "at once"),
            Column::number("Hosts", "at once"),
        ],
        observed.chain(replayed.iter().copied()).map(row).collect(),
    )
}

fn risk(replayed: &[&Scenario]) -> Table {
    let row = |scenario: &&Scenario| {
        let risk = scenario.risk.as_ref()?;
        let share =
            |share: Option<f64>| share.map_or_else(|| Cell::absent("no hosts"), |s| Cell::new(format::percent_fine(s)));
        Some(Row::new(vec![
            Cell::new(&scenario.label).badge(if risk.holds_target { "" } else { "over the target" }),
            Cell::new(format::percent_fine(risk.served_fraction)),
            share(Some(risk.machine_slots_over_cpu)),
            share(risk.host_slots_over_cpu),
            share(risk.host_slots_over_memory),
            Cell::new(format::quantity(risk.lost_core_hours)),
            Cell::new(format::quantity(precise(risk.migrations))),
            Cell::new(format::quantity(precise(risk.restarted_pods))),
            Cell::new(format::count(risk.pods_on_busiest)).sub(format!("{} workloads", risk.workloads_on_busiest)),
        ]))
    };
    Table::new(
        "On the last third of the window, which no choice was made on; migrations and restarts over all of it",
        vec![
            Column::text("Scenario"),
            Column::number("Served", "of pod-seconds"),
            Column::number("Over CPU", "of machine-slots"),
            Column::number("Over CPU", "of host-slots"),
            Column::number("Swapping", "of host-slots"),
            Column::number("CPU lost", "core-hours"),
            Column::number("Migrations", ""),
            Column::number("Restarted", "pods"),
            Column::number("On the busiest", "pods"),
        ],
        replayed.iter().filter_map(row).collect(),
    )
}

fn hosts(analysis: &View<'_>) -> Table {
    let row = |host: &HostConsidered| {
        let cells = vec![
            Cell::name(&host.instance_type).badge(if host.chosen { "chosen" } else { "" }),
            Cell::new(analysis.money.unit_price(host.usd_per_hour)),
            money(analysis, host.lower_bound_usd),
            money(analysis, host.total_usd),
            Cell::new(&host.reason),
        ];
        if host.chosen { Row::total(cells) } else { Row::new(cells) }
    };
    Table::new(
        "Bare-metal types, by the least their hosts could cost",
        vec![
            Column::text("Host type"),
            Column::number("Price", "per hour"),
            Column::number("Compute at least", "per month"),
            Column::number("Whole scenario", "per month"),
            Column::text("Why"),
        ],
        analysis.hosts_considered.iter().map(row).collect(),
    )
    .stacking()
}

fn grid(analysis: &View<'_>, what_if: &WhatIf) -> Option<Grid> {
    let mut memory: Vec<f64> = what_if.grid.iter().map(|point| point.memory_overcommit).collect();
    let mut cpu: Vec<f64> = what_if.grid.iter().map(|point| point.cpu_overcommit).collect();
    for ratios in [&mut memory, &mut cpu] {
        ratios.sort_by(f64::total_cmp);
        ratios.dedup();
    }
    let cell = |memory: f64, cpu: f64| {
        let at = |p: &&types::analysis::WhatIfPoint| p.memory_overcommit == memory && p.cpu_overcommit == cpu;
        let Some(point) = what_if.grid.iter().find(at) else {
            return GridCell { text: format::UNKNOWN.to_owned(), class: "", sub: String::new() };
        };
        let text = point.saving_usd.map_or_else(|| format::UNKNOWN.to_owned(), |usd| analysis.monthly(usd));
        let class = match point.saving_usd {
            _ if !point.holds_target => "risky",
            Some(usd) if usd > 0.0 => "gain",
            Some(usd) if usd < 0.0 => "loss",
            _ => "",
        };
        let sub = if point.holds_target { String::new() } else { "over the risk target".to_owned() };
        GridCell { text, class, sub }
    };
    (!memory.is_empty()).then(|| Grid {
        columns: cpu.iter().map(|ratio| format!("CPU × {ratio}")).collect(),
        rows: memory
            .iter()
            .map(|memory| GridRow {
                label: format!("memory × {memory}"),
                cells: cpu.iter().map(|cpu| cell(*memory, *cpu)).collect(),
            })
            .collect(),
    })
}

fn tornado(analysis: &View<'_>) -> Table {
    let bars = analysis.what_if.iter().flat_map(|what_if| &what_if.tornado);
    let largest = bars.clone().filter_map(|bar| bar.change_usd).map(f64::abs).fold(0.0, f64::max);
    let row = |bar: &types::analysis::TornadoBar| {
        let change = money(analysis, bar.change_usd);
        let width = bar.change_usd.filter(|_| largest > 0.0).map(|usd| format!("{:.1}%", 100.0 * usd.abs() / largest));
        Row::new(vec![
            Cell::name(&bar.key).sub(format!("= {}", bar.value)),
            change.meter(width.unwrap_or_default()),
            money(analysis, bar.saving_usd),
            Cell::new(if bar.holds_target { "holds the risk target" } else { "over the risk target" }),
        ])
    };
    Table::new(
        "Saving of the elastic machine pool against EC2 repacked, per month, with one assumption changed",
        vec![
            Column::text("Assumption"),
            Column::number("Changes the saving by", "per month"),
            Column::number("Saving then", "per month"),
            Column::text("Risk"),
        ],
        bars.map(row).collect(),
    )
    .stacking()
}

fn movability(rows: &[WorkloadMovability]) -> Table {
    let row = |row: &WorkloadMovability| {
        Row::new(vec![
            Cell::name(&row.workload).sub(format!("{} · {}", row.namespace, row.workload_kind)),
            Cell::new(&row.verdict),
            Cell::new(&row.reason),
            Cell::new(format::quantity(row.cpu_request_core_hours)),
            Cell::new(format::quantity(row.memory_request_gib_hours)),
        ])
    };
    Table::new(
        "Workloads, by memory reserved over the window",
        vec![
            Column::text("Workload"),
            Column::short("Verdict"),
            Column::text("Why"),
            Column::number("CPU reserved", "core-hours"),
            Column::number("Memory reserved", "GiB-hours"),
        ],
        rows.iter().map(row).collect(),
    )
    .stacking()
}

fn plan_part(analysis: &View<'_>, plan: &Plan) -> PlanPart {
    let (least, most) = plan.hosts;
    let largest: Vec<_> = plan.evm_types.iter().take(3).map(|(name, _)| name.clone()).collect();
    let row = |(n, wave): (usize, &types::analysis::Wave)| {
        Row::new(vec![
            Cell::new(format!("Step {}", n + 1)).sub(wave.namespaces.join(", ")),
            money(analysis, wave.saving_usd),
            money(analysis, wave.marginal_saving_usd),
            wave.dual_running_usd.map_or_else(|| Cell::absent(format::UNKNOWN), |usd| Cell::new(analysis.usd(usd))),
            match wave.payback_days {
                Some(days) => Cell::new(format!("{} days", format::tenths(days))),
                None => Cell::absent("never"),
            },
        ])
    };
    PlanPart {
        text: format!(
            "Hosts of type {}: {least} to {most} at once after the first day. Elastic VMs mostly of {}.",
            plan.host_type,
            words::list(&largest)
        ),
        waves: Table::new(
            "Steps, each a replay of everything moved so far, against EC2 repacked",
            vec![
                Column::text("Step"),
                Column::number("Saving so far", "per month"),
                Column::number("By this step", "per month"),
                Column::number("Running both", "two weeks of its hosts"),
                Column::number("Paid back in", ""),
            ],
            plan.waves.iter().enumerate().map(row).collect(),
        )
        .stacking(),
    }
}

fn precise(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
