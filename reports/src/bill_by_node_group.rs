//! Today's bill by node group, zone and instance family.

use std::collections::BTreeMap;

use types::analysis::{GroupCost, MachineRole, Scenario};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::{self, TODAY, share};

/// The identity of the bill by some grouping of nodes.
pub(crate) fn identity(analysis: &View<'_>, label: &'static str, groups: &[GroupCost]) -> Table {
    let mut rows: Vec<Row> = Vec::with_capacity(groups.len() + 1);
    rows.extend(groups.iter().map(|row| {
        let name = match &row.name {
            Some(name) => Cell::name(name),
            None => Cell::new("not on nodes").sub("control plane, volumes, Fargate"),
        };
        let shares = &row.shares;
        Row::new(vec![
            name,
            Cell::new(number_format::quantity(row.node_hours)),
            analysis.monthly_cell(Some(shares.total_usd)),
            analysis.monthly_cell(Some(shares.workloads_usd)),
            analysis.monthly_cell(Some(shares.overhead_usd)),
            analysis
                .monthly_cell(Some(shares.idle_usd))
                .sub(format!("{} of it", number_format::percent(share(shares.idle_usd, shares.total_usd)))),
            analysis.monthly_cell(Some(shares.oversubscribed_usd)),
        ])
    }));
    if rows.len() > 1 {
        rows.push(together(analysis, groups));
    }
    Table::new(
        format!("By {}, per month of 730 hours", label.to_lowercase()),
        vec![
            Column::text(label),
            Column::number("Node-hours", "in the window"),
            Column::number("Cost", "per month"),
            Column::number("Workloads", "per month"),
            Column::number("Overhead", "per month"),
            Column::number("Idle", "per month"),
            Column::number("Oversubscribed", "per month"),
        ],
        rows,
    )
}

fn together(analysis: &View<'_>, groups: &[GroupCost]) -> Row {
    let sum = |of: fn(&GroupCost) -> f64| groups.iter().map(of).sum::<f64>();
    let (idle, total) = (sum(|row| row.shares.idle_usd), sum(|row| row.shares.total_usd));
    Row::total(vec![
        Cell::new("Together"),
        Cell::new(number_format::quantity(sum(|row| row.node_hours))),
        analysis.monthly_cell(Some(total)),
        analysis.monthly_cell(Some(sum(|row| row.shares.workloads_usd))),
        analysis.monthly_cell(Some(sum(|row| row.shares.overhead_usd))),
        analysis.monthly_cell(Some(idle)).sub(format!("{} of it", number_format::percent(share(idle, total)))),
        analysis.monthly_cell(Some(sum(|row| row.shares.oversubscribed_usd))),
    ])
}

/// Hours and cost of one family in one scenario.
#[derive(Debug, Default, Clone, Copy)]
struct Family {
    hours: f64,
    /// `None` when a type of it has no price.
    usd: Option<f64>,
}

/// Machines that AWS bills, by the part of their type before the point.
fn by_family(scenario: &Scenario) -> BTreeMap<&str, Family> {
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    for row in scenario.machine_hours.iter().filter(|row| row.kind != MachineRole::Evm) {
        let name = row.instance_type.split_once('.').map_or(row.instance_type.as_str(), |(family, _)| family);
        let family = families.entry(name).or_insert(Family { hours: 0.0, usd: Some(0.0) });
        family.hours += row.hours;
        family.usd = family.usd.zip(row.cost_usd).map(|(sum, usd)| sum + usd);
    }
    families
}

/// Instance families today and with the elastic machine pool; empty without a scenario of today.
pub(crate) fn families(analysis: &View<'_>) -> Table {
    let of = |id: &str| scenario_words::scenario(analysis, id).map(by_family).unwrap_or_default();
    let (today, pool) = (of(TODAY), of(scenario_words::pool(analysis)));
    let mut names: Vec<&str> = today.keys().chain(pool.keys()).copied().collect();
    let cost = |name: &str| today.get(name).and_then(|family| family.usd).unwrap_or(0.0);
    names.sort_by(|a, b| cost(b).total_cmp(&cost(a)).then(a.cmp(b)));
    names.dedup();
    let hours = f64::from(analysis.window.hours_present);
    let cells = |family: Option<&Family>| match family {
        Some(family) => [Cell::new(number_format::tenths(family.hours / hours)), analysis.monthly_cell(family.usd)],
        None => [Cell::absent("none"), Cell::absent("–")],
    };
    let rows = names.into_iter().map(|name| {
        let mut row = vec![Cell::name(name)];
        row.extend(cells(today.get(name)));
        row.extend(cells(pool.get(name)));
        Row::new(row)
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.len() > 1 {
        let together = |families: &BTreeMap<&str, Family>| match families.is_empty() {
            true => [Cell::absent("none"), Cell::absent("–")],
            false => {
                let usd: Vec<Option<f64>> = families.values().map(|family| family.usd).collect();
                let up: f64 = families.values().map(|family| family.hours).sum();
                [Cell::new(number_format::tenths(up / hours)), analysis.monthly_total(&usd)]
            }
        };
        let [today, pool] = [together(&today), together(&pool)];
        rows.push(Row::total([Cell::new("All families")].into_iter().chain(today).chain(pool).collect()));
    }
    Table::new(
        "By instance family, per month of 730 hours",
        vec![
            Column::text("Family"),
            Column::number("Today", "machines at once"),
            Column::number("Compute today", "per month"),
            Column::number("With EMP", "machines at once"),
            Column::number("Compute with EMP", "per month"),
        ],
        rows,
    )
}
