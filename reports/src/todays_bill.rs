//! Where the money goes: today's bill by who causes it.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Allocation, Shares};

use crate::exclusions::Exclusions;
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::share;
use crate::{bill_by_node_group, scenario_words, spending_by_workload, volume_claims};

/// The section; nothing is shown of an analysis that has no allocation.
#[derive(Debug, Template)]
#[template(path = "todays_bill.html")]
pub(crate) struct Bill {
    lead: String,
    parts: Vec<Part>,
    identity: String,
    shared: String,
    /// Why something could not be given out, as sentences.
    residual: Vec<String>,
    namespaces: Table,
    workloads: Table,
    has_savings: bool,
    exclusions: Option<Exclusions>,
    groups: Table,
    zones: Table,
    families: Table,
    claims: Table,
    labels: Table,
    overhead: Table,
    effective: Table,
}

impl HtmlSafe for Bill {}

/// A part of a bar.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) class: &'static str,
    pub(crate) width: String,
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

impl Bill {
    /// The section; `None` for an analysis that predates it.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let allocation = analysis.allocation.as_ref().filter(|_| analysis.window.hours_present > 0)?;
        let total = &allocation.total;
        Some(Self {
            lead: lead(analysis, total),
            parts: parts(analysis, total),
            identity: identity(analysis, total),
            shared: shared(allocation),
            residual: allocation.residual_causes.iter().map(|cause| analysis.sentence(cause)).collect(),
            namespaces: spending_by_workload::namespaces(analysis, allocation),
            workloads: spending_by_workload::workloads(analysis, allocation),
            has_savings: spending_by_workload::has_savings(analysis),
            exclusions: Exclusions::new(analysis),
            groups: bill_by_node_group::identity(analysis, "Node group", &allocation.by_node_group),
            zones: bill_by_node_group::identity(analysis, "Zone", &allocation.by_zone),
            families: bill_by_node_group::families(analysis),
            claims: volume_claims::claims(analysis, allocation),
            labels: labels(analysis, allocation),
            overhead: overhead(analysis, allocation),
            effective: effective(analysis),
        })
    }
}

fn lead(analysis: &View<'_>, total: &Shares) -> String {
    if total.total_usd <= 0.0 {
        return "Nothing in the bill has a price, so there is nothing to give out.".to_owned();
    }
    format!(
        "Of {} a month today, {} is for what workloads reserve or use, {} is idle, and {} is overhead that every plan has.",
        analysis.monthly(total.total_usd),
        number_format::percent(share(total.workloads_usd - total.oversubscribed_usd, total.total_usd)),
        number_format::percent(share(total.idle_usd, total.total_usd)),
        number_format::percent(share(total.overhead_usd, total.total_usd)),
    )
}

/// The parts of a bar, those that are nothing left out.
pub(crate) fn bar(parts: Vec<(&'static str, &'static str, f64)>, analysis: &View<'_>) -> Vec<Part> {
    let all: f64 = parts.iter().map(|(.., usd)| usd.max(0.0)).sum();
    let part = |(class, name, usd): (&'static str, &'static str, f64)| Part {
        class,
        name,
        width: number_format::css_percent(share(usd.max(0.0), all)),
        value: format!("{}, {}", analysis.monthly(usd), number_format::percent(share(usd, all))),
    };
    parts.into_iter().filter(|(.., usd)| *usd > 0.0).map(part).collect()
}

/// The same of amounts that are USD a month already.
pub(crate) fn bar_of_months(parts: Vec<(&'static str, &'static str, f64)>, analysis: &View<'_>) -> Vec<Part> {
    let all: f64 = parts.iter().map(|(.., usd)| usd.max(0.0)).sum();
    let part = |(class, name, usd): (&'static str, &'static str, f64)| Part {
        class,
        name,
        width: number_format::css_percent(share(usd, all)),
        value: format!("{}, {}", analysis.usd(usd), number_format::percent(share(usd, all))),
    };
    parts.into_iter().filter(|(.., usd)| *usd > 0.0).map(part).collect()
}

fn parts(analysis: &View<'_>, total: &Shares) -> Vec<Part> {
    let of = vec![
        // What is promised beyond capacity is in the workloads and paid by nobody.
        ("compute", "workloads", total.workloads_usd - total.oversubscribed_usd),
        ("idle", "idle", total.idle_usd),
        ("control-plane", "overhead", total.overhead_usd),
        ("fee", "residual", total.residual_usd),
    ];
    bar(of, analysis)
}

fn identity(analysis: &View<'_>, total: &Shares) -> String {
    format!(
        "Over the window, exactly: {} = {} workloads + {} overhead + {} idle − {} oversubscribed + {} residual.",
        analysis.usd(total.total_usd),
        analysis.usd(total.workloads_usd),
        analysis.usd(total.overhead_usd),
        analysis.usd(total.idle_usd),
        analysis.usd(total.oversubscribed_usd),
        analysis.usd(total.residual_usd),
    )
}

fn shared(allocation: &Allocation) -> String {
    if allocation.shared_namespaces.is_empty() {
        return String::new();
    }
    let names: Vec<String> = allocation.shared_namespaces.iter().map(|name| scenario_words::plain(name)).collect();
    format!("The cost of {} is shared out to the others.", scenario_words::list(&names))
}

fn labels(analysis: &View<'_>, allocation: &Allocation) -> Table {
    let all = |label: &str| -> f64 {
        allocation.by_label.iter().filter(|row| row.label == label).map(|row| row.workload_usd).sum()
    };
    let rows = allocation.by_label.iter().map(|row| {
        let value = row.value.as_ref().map_or_else(|| Cell::absent("without this label"), Cell::name);
        Row::new(vec![
            value.sub(&row.label),
            analysis.monthly_cell(Some(row.workload_usd)),
            Cell::new(number_format::percent(share(row.workload_usd, all(&row.label)))),
            Cell::new(number_format::grouped(number_format::number(row.workloads.len()), 0)),
        ])
    });
    let mut rows: Vec<Row> = rows.collect();
    // Labels overlap, and a workload may have pods with several values; the values of one label do not.
    if let Some(first) = allocation.by_label.first()
        && rows.len() > 1
        && allocation.by_label.iter().all(|row| row.label == first.label)
    {
        let all = all(&first.label);
        rows.push(Row::total(vec![
            Cell::new("All workloads"),
            analysis.monthly_cell(Some(all)),
            Cell::new(number_format::percent(share(all, all))),
            Cell::new(""),
        ]));
    }
    Table::new(
        "By label, per month of 730 hours; every value of a label together with what has none is all of the workloads",
        vec![
            Column::text("Value"),
            Column::number("Workloads", "per month"),
            Column::number("Share", "of the workloads"),
            Column::number("Workloads", "in number"),
        ],
        rows,
    )
    .first(10)
}

fn overhead(analysis: &View<'_>, allocation: &Allocation) -> Table {
    let rows = allocation.overhead.iter().map(|row| {
        Row::new(vec![Cell::new(scenario_words::sentence(&row.what)), analysis.monthly_cell(Some(row.usd))])
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.len() > 1 {
        let all = allocation.overhead.iter().map(|row| row.usd).sum();
        rows.push(Row::total(vec![Cell::new("All overhead"), analysis.monthly_cell(Some(all))]));
    }
    Table::new(
        "What overhead is, per month of 730 hours",
        vec![Column::text("What"), Column::number("Cost", "per month")],
        rows,
    )
}

/// List, contracted and effective cost, where they differ or commitments are given.
fn effective(analysis: &View<'_>) -> Table {
    let mut rows = Vec::new();
    for scenario in scenario_words::shown(analysis) {
        let Some(cost) = &scenario.compute_cost else { continue };
        if cost.commitments.is_empty() && cost.list_usd == Some(cost.effective_usd) {
            continue;
        }
        rows.push(Row::new(vec![
            Cell::new(&scenario.label),
            analysis.monthly_cell(cost.list_usd),
            analysis.monthly_cell(Some(cost.contracted_usd)),
            analysis.monthly_cell(Some(cost.effective_usd)),
            analysis.monthly_cell(Some(cost.commitments.iter().map(|plan| plan.unused_usd).sum())),
        ]));
    }
    Table::new(
        "Compute at three prices, per month",
        vec![
            Column::text("Scenario"),
            Column::number("List", "public prices"),
            Column::number("Contracted", "your prices"),
            Column::number("Effective", "with commitments"),
            Column::number("Unused", "commitments"),
        ],
        rows,
    )
}
