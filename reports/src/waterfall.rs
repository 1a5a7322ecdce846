//! From today's cost to that of the scenario recommended, in bars that add up.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Waterfall, WaterfallChange, WaterfallStep};

use crate::chart::rows::{self, Bar, Piece, Rows};
use crate::chart::{Figure, Ink, Words};
use crate::error::RenderError;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "waterfall.html")]
pub(crate) struct WaterfallPart {
    figure: Figure,
    table: Table,
    lines: String,
}

impl HtmlSafe for WaterfallPart {}

impl WaterfallPart {
    /// The part; `None` for an analysis without one.
    pub(crate) fn new(analysis: &View<'_>) -> Result<Option<Self>, RenderError> {
        let Some(waterfall) = analysis.waterfall.as_ref().filter(|_| analysis.window.hours_present > 0) else {
            return Ok(None);
        };
        let (from, to) = (label(analysis, &waterfall.from), label(analysis, &waterfall.to));
        let saved = waterfall.from_usd - waterfall.to_usd;
        let verb = if saved >= 0.0 { "less" } else { "more" };
        let words = Words {
            id: "waterfall",
            title: format!("From {from} to {to}: {} a month {verb}", analysis.monthly(saved.abs())),
            finding: finding(analysis, waterfall),
        };
        let rows = Rows {
            axis: format!("{} a month", analysis.money.code()),
            money: analysis.money,
            rows: bars(analysis, waterfall, &from, &to),
            marks: Vec::new(),
            joined: true,
        };
        let lines: Vec<String> = waterfall.lines.iter().map(|line| scenario_words::cost_line(line)).collect();
        Ok(Some(Self {
            figure: Figure::new(words, |words, size| rows::draw(words, &rows, size))?,
            table: table(analysis, waterfall, &from, &to),
            lines: scenario_words::list(&lines),
        }))
    }
}

fn label(analysis: &View<'_>, id: &str) -> String {
    scenario_words::clipped(scenario_words::scenario(analysis, id).map_or(id, |scenario| &scenario.label), 38)
}

/// Names a step, and says why it is there.
const fn step(what: WaterfallChange) -> (&'static str, &'static str) {
    match what {
        WaterfallChange::BackTest => (
            "The model’s own error",
            "today’s machine types and policy, replayed: what the engine packs better than the cluster did",
        ),
        WaterfallChange::EmptyNodes => ("Empty nodes", "nodes that nothing ran on, which the replay lets go"),
        WaterfallChange::Repack => ("Repacked on EC2", "the same requests on the cheapest EC2 types that fit"),
        WaterfallChange::RightSize => ("Requests right-sized", "requests set from what pods used"),
        WaterfallChange::Overcommit => (
            "Overcommitted hosts",
            "compute: EC2 nodes become bare-metal hosts with elastic VMs, and the nodes that stay",
        ),
        WaterfallChange::Pool => {
            ("What a pool needs", "root disks, licences, and a NAT gateway in each zone with hosts")
        }
        WaterfallChange::Leftovers => {
            ("Everything else", "every other line, commitments that are no longer used above all")
        }
        WaterfallChange::Headroom => ("Kept ready", "machines kept ready, so that every limit holds"),
        WaterfallChange::SpareHosts => ("Spare hosts", "hosts kept empty, so that a lost one can be taken over from"),
        WaterfallChange::WorkOwed => {
            ("Work still owed", "jobs not done by the end, at what the scenario’s own work costs")
        }
        WaterfallChange::Fee => ("The vendor’s fee", "a share of what elastic VMs save against EC2"),
    }
}

fn finding(analysis: &View<'_>, waterfall: &Waterfall) -> String {
    let largest = waterfall.steps.iter().max_by(|a, b| a.usd.abs().total_cmp(&b.usd.abs()));
    let largest = largest.map_or_else(String::new, |largest| {
        let verb = if largest.usd < 0.0 { "takes off" } else { "adds" };
        let (name, _) = step(largest.what);
        format!(" The largest step, “{}”, {verb} {}.", name, analysis.monthly(largest.usd.abs()))
    });
    format!(
        "{} a month becomes {}.{largest} Each bar begins where the one before it ended.",
        analysis.monthly(waterfall.from_usd),
        analysis.monthly(waterfall.to_usd),
    )
}

fn bars(analysis: &View<'_>, waterfall: &Waterfall, from: &str, to: &str) -> Vec<Bar> {
    let amount = |usd: f64| analysis.month(usd).map_or(0.0, |usd| analysis.money.convert(usd));
    let whole = |label: &str, usd: f64| Bar {
        label: label.to_owned(),
        pieces: vec![Piece { from: 0.0, to: amount(usd), ink: Ink::Total, text: analysis.monthly(usd) }],
        end: amount(usd),
    };
    let mut bars = vec![whole(from, waterfall.from_usd)];
    let mut at = waterfall.from_usd;
    for WaterfallStep { what, usd, .. } in &waterfall.steps {
        let ink = if *usd < 0.0 { Ink::Gain } else { Ink::Loss };
        let text = signed(analysis, *usd);
        let pieces = vec![Piece { from: amount(at), to: amount(at + usd), ink, text }];
        at += usd;
        bars.push(Bar { label: scenario_words::clipped(step(*what).0, 38), pieces, end: amount(at) });
    }
    bars.push(whole(to, waterfall.to_usd));
    bars
}

/// An amount a month with its sign, a plus too.
fn signed(analysis: &View<'_>, usd: f64) -> String {
    let text = analysis.monthly(usd);
    if usd > 0.0 && text != analysis.usd(0.0) { format!("+{text}") } else { text }
}

fn table(analysis: &View<'_>, waterfall: &Waterfall, from: &str, to: &str) -> Table {
    let mut rows = vec![Row::total(vec![
        Cell::new(from),
        Cell::absent("–"),
        Cell::new(analysis.monthly(waterfall.from_usd)),
        Cell::new("what was observed, priced"),
    ])];
    let mut at = waterfall.from_usd;
    for one in &waterfall.steps {
        at += one.usd;
        let (name, why) = step(one.what);
        rows.push(Row::new(vec![
            Cell::new(name),
            Cell::new(signed(analysis, one.usd)).tone(-one.usd),
            Cell::new(analysis.monthly(at)),
            Cell::new(why),
        ]));
    }
    let end = vec![
        Cell::new(to),
        Cell::new(signed(analysis, waterfall.to_usd - waterfall.from_usd)),
        Cell::new(analysis.monthly(waterfall.to_usd)),
        Cell::new("the sum of the steps"),
    ];
    rows.push(Row::total(end));
    Table::new(
        "Step by step, per month of 730 hours",
        vec![
            Column::text("Step"),
            Column::number("Changes the cost by", "per month"),
            Column::number("Cost then", "per month"),
            Column::text("Why"),
        ],
        rows,
    )
}
