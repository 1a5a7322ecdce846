//! Notes, what is missing, and where the numbers come from.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use types::analysis::{Analysis, Gravity, Note, PriceList};

use crate::backtick_prose::Prose;
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// The section.
#[derive(Debug, Template)]
#[template(path = "notes_and_sources.html")]
pub(crate) struct Evidence {
    /// Warnings.
    pub(crate) notes: Vec<NoteLine>,
    /// Notes worth knowing.
    pub(crate) infos: Vec<NoteLine>,
    pub(crate) infos_count: String,
    /// Measures that would make more of the bill known.
    pub(crate) raise: Table,
    pub(crate) unpriced: Table,
    pub(crate) gaps: Table,
}

impl HtmlSafe for Evidence {}

/// Where the numbers come from.
#[derive(Debug, Template)]
#[template(path = "provenance.html")]
pub(crate) struct Origin {
    pub(crate) provenance: Vec<Fact>,
    pub(crate) price_lists: Table,
}

impl HtmlSafe for Origin {}

impl Origin {
    pub(crate) fn new(analysis: &View<'_>) -> Self {
        Self { provenance: provenance(analysis), price_lists: price_lists(analysis) }
    }
}

/// One note.
#[derive(Debug)]
pub(crate) struct NoteLine {
    pub(crate) class: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) about: String,
    pub(crate) text: Prose<String>,
}

/// One line of the provenance.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<String>,
}

impl Evidence {
    pub(crate) fn new(analysis: &View<'_>) -> Self {
        let (notes, infos): (Vec<NoteLine>, Vec<NoteLine>) =
            notes(analysis).into_iter().partition(|note| note.class == "warning");
        Self {
            infos_count: types::wording::counted(infos.len(), "more note"),
            infos,
            notes,
            raise: raise(analysis),
            unpriced: unpriced(analysis),
            gaps: gaps(analysis),
        }
    }
}

/// All notes, warnings first; the order among equals is the analyzer's.
fn notes(analysis: &View<'_>) -> Vec<NoteLine> {
    let line = |about: &str, note: &Note| {
        let (class, kind) = match note.gravity {
            Gravity::Warning => ("warning", "Warning"),
            Gravity::Info => ("info", "Note"),
        };
        (note.gravity, NoteLine { class, kind, about: about.to_owned(), text: Prose(analysis.sentence(&note.text)) })
    };
    let own = analysis.notes.iter().map(|note| line("", note));
    let of_scenarios = scenario_words::shown(analysis).flat_map(|scenario| {
        let grave = scenario.notes.iter().filter(|note| note.gravity == Gravity::Warning);
        grave.map(|note| line(&scenario.label, note))
    });
    let mut notes: Vec<(Gravity, NoteLine)> = own.chain(of_scenarios).collect();
    notes.sort_by_key(|note| note.0);
    notes.into_iter().map(|note| note.1).collect()
}

fn raise(analysis: &View<'_>) -> Table {
    let rows = analysis.evidence.iter().flat_map(|evidence| &evidence.raise).map(|row| {
        let bears = if row.node_hours > 0.0 {
            Cell::new(number_format::with_unit(row.node_hours, "node-hour")).sub("without a price")
        } else {
            analysis.monthly_cell(Some(row.usd))
        };
        Row::new(vec![Cell::new(scenario_words::sentence(&row.what)), bears, Cell::new(&row.how)])
    });
    Table::new(
        "What would make more of the bill known",
        vec![Column::text("What"), Column::number("At stake", "per month"), Column::text("What to do")],
        rows.collect(),
    )
}

fn unpriced(analysis: &Analysis) -> Table {
    let rows = scenario_words::shown(analysis).flat_map(|scenario| {
        scenario.unpriced.iter().map(|unpriced| {
            Row::new(vec![
                Cell::new(&unpriced.what),
                Cell::new(&scenario.label),
                Cell::new(number_format::with_unit(unpriced.quantity, &unpriced.unit)),
                Cell::new(&unpriced.reason),
            ])
        })
    });
    Table::new(
        "Without a price, and so outside every total",
        vec![
            Column::text("What"),
            Column::short("Scenario"),
            Column::number("How much", "in the window"),
            Column::text("Why, and what would mend it"),
        ],
        rows.collect(),
    )
}

/// Stretches of the window without data.
fn gaps(analysis: &Analysis) -> Table {
    let mut rows = Vec::new();
    let mut gap = |from: DateTime<Utc>, to: DateTime<Utc>| {
        let hours = u32::try_from((to - from).num_hours()).unwrap_or(0);
        if hours > 0 {
            rows.push(Row::new(vec![
                Cell::new(number_format::moment(from)),
                Cell::new(number_format::moment(to)),
                Cell::new(number_format::count(hours)),
            ]));
        }
    };
    let mut covered_to = analysis.window.start;
    for point in &analysis.utilisation.hourly {
        gap(covered_to, point.hour);
        covered_to = point.hour + TimeDelta::hours(1);
    }
    gap(covered_to, analysis.window.end);
    Table::new(
        "Hours without data (UTC); they count in no scenario",
        vec![Column::text("From"), Column::text("To"), Column::number("Hours", "")],
        rows,
    )
}

fn provenance(analysis: &Analysis) -> Vec<Fact> {
    let provenance = &analysis.provenance;
    let some = |values: &[String], none: &str| {
        if values.is_empty() { vec![none.to_owned()] } else { values.to_vec() }
    };
    let replays = provenance.replays.map(|times| Fact {
        name: "Replayed",
        values: vec![format!("{} times the hours present, all scenarios together", number_format::quantity(times))],
    });
    let mut facts = vec![
        Fact { name: "Tool", values: vec![format!("emp-cost {}", provenance.tool_version)] },
        Fact { name: "Cluster", values: vec![analysis.cluster_id.clone()] },
        Fact { name: "Window", values: vec![scenario_words::window(analysis)] },
        Fact { name: "Layout of the analysis", values: vec![analysis.schema.clone()] },
        Fact { name: "Lake", values: vec![provenance.lake.clone()] },
        Fact { name: "SHA-256 of the manifests", values: vec![provenance.manifests_sha256.clone()] },
        Fact { name: "Query sets", values: some(&provenance.query_sets, "none recorded") },
        Fact { name: "Servers", values: some(&provenance.servers, "none: every hour is synthetic") },
    ];
    facts.extend(replays);
    facts
}

fn price_lists(analysis: &Analysis) -> Table {
    // Lists of one file have one hash; they share a row.
    let mut files: Vec<Vec<&PriceList>> = Vec::new();
    for list in &analysis.provenance.prices {
        match files.iter_mut().find(|of| of.first().is_some_and(|first| first.sha256 == list.sha256)) {
            Some(of) => of.push(list),
            None => files.push(vec![list]),
        }
    }
    let row = |lists: Vec<&PriceList>| {
        let names: Vec<String> = lists.iter().map(|list| list.name.clone()).collect();
        let dated = |date: &&String| !date.is_empty();
        let oldest = lists.iter().map(|list| &list.oldest).filter(dated).min().cloned().unwrap_or_default();
        let newest = lists.iter().map(|list| &list.newest).filter(dated).max().cloned().unwrap_or_default();
        Row::new(vec![
            Cell::new(names.join(", ")),
            Cell::new(number_format::date_text(&oldest)),
            Cell::new(number_format::date_text(&newest)),
            Cell::name(lists.first().map(|list| list.sha256.clone()).unwrap_or_default()),
        ])
    };
    let rows = files.into_iter().map(row).collect();
    Table::new(
        "Price lists",
        vec![
            Column::text("List"),
            Column::text("Oldest price used"),
            Column::text("Newest price used"),
            Column::text("SHA-256"),
        ],
        rows,
    )
}
