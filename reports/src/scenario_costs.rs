//! Costs of each scenario: bars, cost lines, other readings, and the machines and prices behind them.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{CostItem, Gravity, MachineHours, MachineRole, PriceKind, PriceOrigin, Scenario};

use crate::backtick_prose::Prose;
use crate::cost_lines::{CostTable, all_partial, cost_table, monthly_factor};
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::{self, TODAY, VENDOR};

/// The section.
#[derive(Debug, Template)]
#[template(path = "scenario_costs.html")]
pub(crate) struct Costs {
    pub(crate) bars: Vec<Bar>,
    pub(crate) legend: Vec<LegendEntry>,
    pub(crate) caption: String,
    pub(crate) has_bounds: bool,
    pub(crate) all_partial: bool,
    pub(crate) some_partial: bool,
    pub(crate) table: CostTable,
    pub(crate) scenario_notes: Vec<ScenarioNotes>,
    /// Other readings of the vendor's arithmetic; `None` where there are none.
    pub(crate) variants: Option<Table>,
    pub(crate) machines: Table,
    pub(crate) items: Table,
}

impl HtmlSafe for Costs {}

/// One scenario's cost per month as a stacked bar.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) total: String,
    pub(crate) badge: &'static str,
    pub(crate) segments: Vec<Segment>,
    /// Where compute cannot have cost less, as CSS; empty where it is not known.
    pub(crate) bound: String,
    pub(crate) bound_text: String,
    /// Origin of the total, and whether it holds the risk target.
    pub(crate) how: String,
}

/// One cost line in a bar.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) class: &'static str,
    pub(crate) width: String,
    /// The style sheet hides it where it does not fit.
    pub(crate) name: String,
}

/// A colour and what it stands for.
#[derive(Debug)]
pub(crate) struct LegendEntry {
    pub(crate) class: &'static str,
    pub(crate) name: String,
}

/// Notes that a reader must know about one scenario.
#[derive(Debug)]
pub(crate) struct ScenarioNotes {
    pub(crate) label: String,
    pub(crate) notes: Vec<Prose<String>>,
}

impl Costs {
    pub(crate) fn new(analysis: &View<'_>) -> Self {
        let bars = bars(analysis);
        let drawn: Vec<&str> = bars.iter().flat_map(|bar| bar.segments.iter().map(|s| s.name.as_str())).collect();
        Self {
            legend: types::analysis::CostLines::default()
                .lines()
                .into_iter()
                .map(|(line, _)| LegendEntry { class: class(line), name: scenario_words::cost_line(line) })
                .filter(|entry| drawn.contains(&entry.name.as_str()))
                .collect(),
            bars,
            caption: format!(
                "Cost per month of 730 hours, scaled from {} of {}; {}.",
                number_format::hours(analysis.window.hours_present),
                scenario_words::window(analysis),
                scenario_words::prices(analysis)
            ),
            has_bounds: analysis.scenarios.iter().any(|scenario| scenario.lower_bound_usd.is_some()),
            all_partial: all_partial(analysis),
            some_partial: analysis.scenarios.iter().any(|scenario| scenario.partial),
            table: cost_table(analysis),
            scenario_notes: scenario_words::shown(analysis)
                .map(|scenario| ScenarioNotes { label: scenario.label.clone(), notes: info(analysis, scenario) })
                .filter(|part| !part.notes.is_empty())
                .collect(),
            variants: scenario_words::scenario(analysis, VENDOR)
                .filter(|vendor| !vendor.variants.is_empty())
                .map(|vendor| variants(analysis, vendor)),
            machines: machines(analysis),
            items: items(analysis),
        }
    }
}

/// Explains a scenario; its warnings stand among all warnings, further down.
fn info(analysis: &View<'_>, scenario: &Scenario) -> Vec<Prose<String>> {
    scenario
        .notes
        .iter()
        .filter(|note| note.gravity == Gravity::Info)
        .map(|note| Prose(analysis.sentence(&note.text)))
        .collect()
}

/// The class that colours a cost line.
fn class(line: &str) -> &'static str {
    match line {
        "compute" => "compute",
        "fargate" => "fargate",
        "root_disks" => "root-disks",
        "volumes" => "volumes",
        "auto_mode" => "auto-mode",
        "unused_commitments" => "unused-commitments",
        "control_plane" => "control-plane",
        "cpu_credits" => "cpu-credits",
        "network" => "network",
        "load_balancers" => "load-balancers",
        "public_ipv4" => "public-ipv4",
        "licences" => "licences",
        "fee" => "fee",
        "pool_network" => "pool-network",
        "spare_hosts" => "spare-hosts",
        "work_owed" => "work-owed",
        _ => "other",
    }
}

fn bars(analysis: &View<'_>) -> Vec<Bar> {
    let longest = analysis.scenarios.iter().filter_map(|scenario| scenario.monthly_usd).fold(0.0, f64::max);
    scenario_words::shown(analysis)
        .map(|scenario| {
            let factor = monthly_factor(analysis, scenario).unwrap_or(0.0);
            let segments = scenario.cost_usd.lines().into_iter().filter_map(|(line, usd)| {
                let share = usd.filter(|usd| *usd > 0.0 && longest > 0.0)? * factor / longest;
                Some(Segment {
                    class: class(line),
                    width: number_format::css_percent(share),
                    name: scenario_words::cost_line(line),
                })
            });
            let bound = scenario.lower_bound_usd.map(|usd| usd * factor).filter(|_| longest > 0.0 && factor > 0.0);
            Bar {
                label: scenario.label.clone(),
                total: scenario.monthly_usd.map_or_else(|| "no total".to_owned(), |usd| analysis.usd(usd)),
                badge: match scenario.monthly_usd {
                    Some(_) if scenario.cost_usd.compute.is_none() => "without compute",
                    Some(_) if scenario.partial && !all_partial(analysis) => "partial",
                    _ => "",
                },
                segments: segments.collect(),
                bound: bound.map(|bound| number_format::css_percent(bound / longest)).unwrap_or_default(),
                bound_text: bound.map(|bound| format!("compute at least {}", analysis.usd(bound))).unwrap_or_default(),
                how: how(analysis, scenario),
            }
        })
        .collect()
}

/// Explains the total: observed, worked out or replayed; its machines; whether it holds the risk target.
fn how(analysis: &View<'_>, scenario: &Scenario) -> String {
    let how = match scenario.id.as_str() {
        TODAY => "observed",
        VENDOR => "arithmetic, not replayed",
        _ => "replayed",
    };
    let machines = [(MachineRole::Node, "EC2 nodes"), (MachineRole::Evm, "elastic VMs"), (MachineRole::Host, "hosts")];
    let machines = machines.into_iter().filter_map(|(kind, name)| {
        Some(format!("{} {name}", number_format::tenths(scenario_words::at_once(analysis, scenario, kind)?)))
    });
    let risk =
        scenario_words::holds(analysis, scenario).map(|holds| scenario_words::holding(analysis, holds).to_owned());
    let parts: Vec<String> = [how.to_owned()].into_iter().chain(machines).chain(risk).collect();
    parts.join(" · ")
}

fn variants(analysis: &View<'_>, vendor: &Scenario) -> Table {
    let hosts: f64 = vendor.machine_hours.iter().filter(|m| m.kind == MachineRole::Host).map(|m| m.hours).sum();
    let per_present_hour = |hours: f64| {
        let present = f64::from(analysis.window.hours_present);
        if present > 0.0 { format!("{} at once", number_format::tenths(hours / present)) } else { String::new() }
    };
    let mut rows = vec![Row::total(vec![
        Cell::new("As published (the figures above)"),
        Cell::new(analysis.money.show_or_unknown(vendor.monthly_usd)),
        scenario_words::vendor_saving(analysis)
            .map_or_else(|| Cell::absent("cannot be said"), |saving| Cell::new(analysis.usd(saving.monthly_usd))),
        Cell::new(number_format::quantity(hosts)).sub(per_present_hour(hosts)),
    ])];
    rows.extend(vendor.variants.iter().map(|variant| {
        Row::new(vec![
            Cell::new(&variant.label),
            Cell::new(analysis.usd(variant.monthly_usd)),
            Cell::new(analysis.usd(variant.saving_monthly_usd)),
            Cell::new(number_format::quantity(variant.host_hours)).sub(per_present_hour(variant.host_hours)),
        ])
    }));
    Table::new(
        "Per month of 730 hours, every other assumption unchanged",
        vec![
            Column::text("Reading"),
            Column::number("Cost", "per month"),
            Column::number("Saving against today", "per month"),
            Column::number("Host-hours", "in the window"),
        ],
        rows,
    )
}

fn machines(analysis: &View<'_>) -> Table {
    let of = |scenario: &Scenario| {
        let rows = scenario.machine_hours.iter().map(|machine| machine_row(analysis, scenario, machine));
        rows.chain(machines_together(analysis, scenario)).collect::<Vec<_>>()
    };
    let rows = scenario_words::shown(analysis).flat_map(of).collect();
    Table::new(
        format!("Machines over the {} of the window", number_format::hours(analysis.window.hours_present)),
        vec![
            Column::text("Machine"),
            Column::short("Scenario"),
            Column::short("Bought as"),
            Column::number("Hours", "in the window"),
            Column::number("Price", "per hour"),
            Column::number("Cost", "in the window"),
            Column::text("Price from"),
        ],
        rows,
    )
}

/// The machines of one scenario together, those that AWS bills; `None` where there is one row of them or less.
fn machines_together(analysis: &View<'_>, scenario: &Scenario) -> Option<Row> {
    let billed: Vec<&MachineHours> = scenario.machine_hours.iter().filter(|row| row.kind != MachineRole::Evm).collect();
    let costs: Vec<Option<f64>> = billed.iter().map(|row| row.cost_usd).collect();
    let hours: f64 = billed.iter().map(|row| row.hours).sum();
    (billed.len() > 1).then(|| {
        Row::total_of_part(vec![
            Cell::new("Billed machines"),
            Cell::new(&scenario.label),
            Cell::new(""),
            Cell::new(number_format::quantity(hours)),
            Cell::new(""),
            analysis.total_cell(&costs, |view, usd| Cell::new(view.usd(usd))),
            Cell::new(""),
        ])
    })
}

/// Lists the items of the other lines: the same in every scenario so far, so they are shown for today.
fn items(analysis: &View<'_>) -> Table {
    let today = scenario_words::scenario(analysis, TODAY);
    let row = |item: &CostItem| {
        Row::new(vec![
            Cell::new(&item.what).sub(scenario_words::cost_line(&item.line)),
            Cell::new(number_format::quantity(item.quantity)).sub(number_format::unit_of(item.quantity, &item.unit)),
            Cell::new(analysis.money.unit_price(item.usd_per_unit)),
            Cell::new(analysis.usd(item.cost_usd)),
            price_cell(&item.price),
        ])
    };
    let items = || today.into_iter().flat_map(|scenario| &scenario.items);
    let mut rows: Vec<Row> = items().map(row).collect();
    if rows.len() > 1 {
        let all = items().map(|item| item.cost_usd).sum();
        let blank = || Cell::new("");
        rows.push(Row::total(vec![Cell::new("All of these"), blank(), blank(), Cell::new(analysis.usd(all)), blank()]));
    }
    Table::new(
        format!("Other cost lines over the {} of the window", number_format::hours(analysis.window.hours_present)),
        vec![
            Column::text("What"),
            Column::number("Quantity", "in the window"),
            Column::number("Price", "of one unit"),
            Column::number("Cost", "in the window"),
            Column::text("Price from"),
        ],
        rows,
    )
}

fn machine_row(analysis: &View<'_>, scenario: &Scenario, machine: &MachineHours) -> Row {
    let kind = match machine.kind {
        MachineRole::Node => "EC2 node",
        MachineRole::Host => "bare-metal host",
        MachineRole::Evm => "elastic VM",
    };
    // AWS bills the host, not the elastic VMs on it: no price is missing there.
    let unpriced =
        || Cell::absent(if machine.kind == MachineRole::Evm { "not billed" } else { number_format::UNKNOWN });
    Row::new(vec![
        Cell::name(&machine.instance_type).sub(kind),
        Cell::new(&scenario.label),
        Cell::new(if machine.kind == MachineRole::Evm { "on the hosts" } else { &machine.capacity_type }),
        Cell::new(number_format::quantity(machine.hours)),
        machine.usd_per_hour.map_or_else(unpriced, |price| Cell::new(analysis.money.unit_price(price))),
        machine.cost_usd.map_or_else(unpriced, |usd| Cell::new(analysis.usd(usd))),
        machine.price.as_ref().map_or_else(
            || Cell::absent(if machine.kind == MachineRole::Evm { "the host's price" } else { "no price found" }),
            price_cell,
        ),
    ])
}

/// Where a price comes from, in two lines.
pub(crate) fn price_cell(price: &PriceOrigin) -> Cell {
    let kind = match price.kind {
        PriceKind::User => "yours",
        PriceKind::Invoice => "billed",
        PriceKind::Observed => "seen in a list",
        PriceKind::Derived => "derived from another size",
        PriceKind::Estimated => "estimated",
    };
    Cell::new(format!("{kind}, {}", number_format::date_text(&price.date))).sub(&price.source)
}
