//! Pods that move, pods that stay on EC2 and why, and what it costs that they stay.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Combine, Exclusion, Mobility, Selection, WorkloadMovability};
use types::wording::counted;

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "exclusions.html")]
pub(crate) struct Exclusions {
    moving: String,
    selection: String,
    table: Table,
}

impl HtmlSafe for Exclusions {}

impl Exclusions {
    /// The part; `None` where no workload was looked at.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let is_there = !analysis.movability.is_empty() || !analysis.exclusions.is_empty();
        is_there.then(|| Self {
            moving: moving(&analysis.movability),
            selection: analysis.selection.as_ref().map(selection).unwrap_or_default(),
            table: table(analysis),
        })
    }
}

fn moving(rows: &[WorkloadMovability]) -> String {
    let count = |verdict: Mobility| rows.iter().filter(|row| row.verdict == verdict).count();
    let unsure = match count(Mobility::Unsure) {
        0 => String::new(),
        n => format!(
            " Not sure about {}: moved here, but asking for a node label that elastic VMs do not have by themselves.",
            counted(n, "workload")
        ),
    };
    format!(
        "Of {}, {} can move, {} in part and {} not at all.{unsure}",
        counted(rows.len(), "workload"),
        count(Mobility::Moves),
        count(Mobility::Partly),
        count(Mobility::Stays)
    )
}

fn selection(selection: &Selection) -> String {
    let spot = if selection.moves_spot { "Pods on spot move too." } else { "Pods on spot stay there." };
    let Some(profile) = &selection.profile else {
        return format!("No profile was given: everything moves that can. {spot}");
    };
    let names = |names: &[String]| {
        scenario_words::list(&names.iter().map(|name| scenario_words::plain(name)).collect::<Vec<_>>())
    };
    let parts = [("namespaces", &selection.namespaces), ("labels", &selection.labels)];
    let parts = parts.iter().filter(|(_, values)| !values.is_empty());
    let parts: Vec<String> = parts.map(|(what, values)| format!("{what} {}", names(values))).collect();
    let joined = parts.join(if selection.combine == Combine::Any { " or " } else { " and " });
    format!(
        "The profile {} selects {}. {spot}",
        scenario_words::plain(profile),
        if joined.is_empty() { "nothing".to_owned() } else { joined }
    )
}

fn table(analysis: &View<'_>) -> Table {
    let row = |row: &Exclusion| {
        let costs = match row.costs_usd {
            Some(usd) => analysis.monthly_cell(Some(usd)).tone(-usd),
            None if row.by_choice => Cell::absent(number_format::UNKNOWN),
            None => Cell::absent("no choice"),
        };
        Row::new(vec![
            Cell::new(scenario_words::sentence(&row.reason)).sub(if row.by_choice {
                "by choice: another would let them move"
            } else {
                "elastic VMs cannot run them"
            }),
            Cell::new(number_format::count(row.workloads)),
            Cell::new(number_format::quantity(row.pod_hours)),
            Cell::new(number_format::quantity(row.memory_request_gib_hours)),
            costs,
        ])
    };
    Table::new(
        "Why pods stay on EC2, and what it costs that they do",
        vec![
            Column::text("Reason"),
            Column::number("Workloads", ""),
            Column::number("Pod-hours", "in the window"),
            Column::number("Memory reserved", "GiB-hours"),
            Column::number("Costs", "per month"),
        ],
        analysis.exclusions.iter().map(row).collect(),
    )
}
