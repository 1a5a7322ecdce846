//! Grades of today's bill: each amount by the weakest of its quantity and its price.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::Evidence;

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::{self, share};
use crate::todays_bill::{Part, bar};

/// The part.
#[derive(Debug, Template)]
#[template(path = "bill_grades.html")]
pub(crate) struct Grades {
    parts: Vec<Part>,
    lines: Table,
}

impl HtmlSafe for Grades {}

impl Grades {
    /// The part; `None` for an analysis that predates it.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let evidence = analysis.evidence.as_ref().filter(|_| analysis.window.hours_present > 0)?;
        Some(Self { parts: parts(analysis, evidence), lines: lines(analysis, evidence) })
    }
}

/// The grades with their words, best first.
fn amounts(evidence: &Evidence) -> [(&'static str, &'static str, f64); 4] {
    [
        ("compute", "measured", evidence.measured_usd),
        ("fargate", "from a list", evidence.listed_usd),
        ("volumes", "inferred", evidence.inferred_usd),
        ("fee", "assumed", evidence.assumed_usd),
    ]
}

fn parts(analysis: &View<'_>, evidence: &Evidence) -> Vec<Part> {
    bar(amounts(evidence).to_vec(), analysis)
}

/// The evidence of today's bill in a sentence for the top of the page; `None` without any.
pub(crate) fn sentence(analysis: &View<'_>) -> Option<String> {
    let evidence = analysis.evidence.as_ref()?;
    let all: f64 = amounts(evidence).iter().map(|(.., usd)| usd).sum();
    let known = amounts(evidence).into_iter().filter(|(.., usd)| *usd > 0.0);
    let words: Vec<String> =
        known.map(|(_, name, usd)| format!("{} {name}", number_format::percent(share(usd, all)))).collect();
    (all > 0.0).then(|| format!("Of today’s bill: {}.", scenario_words::list(&words)))
}

fn lines(analysis: &View<'_>, evidence: &Evidence) -> Table {
    let rows = evidence.lines.iter().map(|row| {
        Row::new(vec![
            Cell::new(scenario_words::sentence(&row.reason)),
            Cell::new(scenario_words::sentence(&scenario_words::cost_line(&row.line))),
            Cell::new(&row.grade),
            analysis.monthly_cell(Some(row.usd)),
        ])
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.len() > 1 {
        let all = evidence.lines.iter().map(|row| row.usd).sum();
        let blank = || Cell::new("");
        rows.push(Row::total(vec![
            Cell::new("All of today’s bill"),
            blank(),
            blank(),
            analysis.monthly_cell(Some(all)),
        ]));
    }
    Table::new(
        "Each amount by the weakest of its quantity and its price, per month",
        vec![
            Column::text("Because"),
            Column::short("Cost line"),
            Column::short("Grade"),
            Column::number("Cost", "per month"),
        ],
        rows,
    )
}
