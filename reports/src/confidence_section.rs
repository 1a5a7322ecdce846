//! Certainty of the result: evidence, the model's error, and what happens when an assumption is another.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{BreakEven, TornadoBar, WhatIf, WhatIfPoint};

use crate::bill_grades::Grades;
use crate::chart::frontier::{self, Dot, Frontier};
use crate::chart::matrix::{self, Matrix};
use crate::chart::rows::{self, Bar, Piece, Rows};
use crate::chart::{Figure, Ink, Words};
use crate::confidence_words;
use crate::error::RenderError;
use crate::number_format;
use crate::overcommit_grid::{Grid, grid};
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;
use crate::window_coverage::{Coverage, coverage};

/// The section.
#[derive(Debug, Template)]
#[template(path = "confidence_section.html")]
pub(crate) struct Sure {
    lead: String,
    /// Doubts that limit the confidence, a sentence each, the gravest first.
    doubts: Vec<String>,
    /// Error of the engine on today's own machines, as a sentence.
    optimism: String,
    coverage: Coverage,
    /// Evidence of today's bill, as a sentence.
    known: String,
    grades: Option<Grades>,
    /// `true` when there is something to fold under "what if".
    has_what_if: bool,
    risk: Table,
    target: String,
    tornado: Option<Figure>,
    /// Assumptions that were tried and change nothing, as a sentence.
    without_effect: String,
    break_even: Vec<Figure>,
    grid: Option<Grid>,
    frontier: Option<Figure>,
    /// Why there is no frontier, where ratios were tried.
    no_frontier: &'static str,
}

impl HtmlSafe for Sure {}

impl Sure {
    pub(crate) fn new(analysis: &View<'_>) -> Result<Self, RenderError> {
        let what_if = analysis.what_if.as_ref().filter(|_| analysis.window.hours_present > 0);
        let pools = what_if.filter(|what_if| !what_if.grid.is_empty());
        let break_even = what_if.map_or(&[][..], |what_if| &what_if.break_even);
        // Ids of charts are known beforehand, so no more than these are drawn; the analyzer makes three.
        let ids = ["break-even-1", "break-even-2", "break-even-3"];
        let is_known = |terms: &BreakEven| terms.saving_usd.iter().flatten().any(Option::is_some);
        let break_even = ids.into_iter().zip(break_even).filter(|(_, terms)| is_known(terms));
        Ok(Self {
            lead: scenario_words::unbroken(&lead(analysis)),
            doubts: doubts(analysis),
            optimism: optimism(analysis),
            coverage: coverage(analysis),
            known: crate::bill_grades::sentence(analysis).unwrap_or_default(),
            grades: Grades::new(analysis),
            has_what_if: what_if.is_some(),
            risk: crate::risk::risk(analysis),
            target: crate::risk::target(analysis),
            tornado: what_if.map(|what_if| tornado(analysis, what_if)).transpose()?.flatten(),
            without_effect: what_if.map(without_effect).unwrap_or_default(),
            break_even: break_even.map(|(id, terms)| contour(analysis, id, terms)).collect::<Result<_, _>>()?,
            grid: pools.and_then(|what_if| grid(analysis, what_if)),
            no_frontier: pools.filter(|what_if| without_risk(what_if)).map(no_frontier).unwrap_or_default(),
            frontier: pools
                .filter(|what_if| !without_risk(what_if))
                .map(|what_if| risk_frontier(analysis, what_if))
                .transpose()?
                .flatten(),
        })
    }
}

/// Why there is no frontier; a pair may break another limit all the same.
fn no_frontier(what_if: &WhatIf) -> &'static str {
    if what_if.grid.iter().all(|point| point.holds_target) {
        "At no pair of ratios tried was a host over its CPU or its memory, so there is no risk to weigh against the saving."
    } else {
        "At no pair of ratios tried was a host over its CPU or its memory; what breaks is another limit, such as late \
         starts or the loss of a host, which other ratios do not mend."
    }
}

/// The range over assumptions, or the interval where there is one.
fn lead(analysis: &View<'_>) -> String {
    let verdict = &analysis.verdict;
    if verdict.reason.is_some() {
        return confidence(analysis);
    }
    let of = "what the elastic machine pool saves against the best alternative on EC2 with the same requests";
    let two = |[least, most]: [f64; 2]| format!("{} to {}", analysis.monthly(least), analysis.monthly(most));
    let has_hours = |_: &[f64; 2]| analysis.window.hours_present > 0;
    match (verdict.interval_usd.filter(has_hours), verdict.range_usd.filter(has_hours)) {
        (Some(interval), _) => format!(
            "When whole weeks of the window are drawn again and again, each with its own fee, the middle 90 % of {of} is {} a \
             month.",
            two(interval)
        ),
        (None, Some(range)) => format!(
            "Over the assumptions tried, one at a time{}, {of} ranges from {} a month. An interval of confidence needs eight \
             whole weeks of hours, which are not there.",
            if scenario_words::pool(analysis) == scenario_words::TUNED { " and at the documented ratios" } else { "" },
            two(range)
        ),
        (None, None) => "Nothing was replayed with other assumptions, so no range can be given.".to_owned(),
    }
}

/// The level of confidence and the range of the saving over the assumptions tried.
fn confidence(analysis: &View<'_>) -> String {
    let verdict = &analysis.verdict;
    let Some(confidence) = verdict.confidence.as_ref().filter(|_| verdict.recommendation.is_some()) else {
        return "Nothing is recommended, so there is no confidence to give.".to_owned();
    };
    let level = format!(
        "Confidence is {}: {}.",
        confidence_words::level(confidence.level),
        confidence_words::meaning(confidence.level)
    );
    match verdict.amounts.as_ref().and_then(|amounts| amounts.range_monthly_usd) {
        Some([least, most]) => format!(
            "{level} Over the assumptions tried, one at a time, what is recommended saves {} to {} a month.",
            analysis.usd(least),
            analysis.usd(most)
        ),
        None => level,
    }
}

fn doubts(analysis: &View<'_>) -> Vec<String> {
    let doubts = analysis.verdict.confidence.iter().flat_map(|confidence| &confidence.doubts);
    doubts
        .map(|doubt| analysis.sentence(&confidence_words::doubt(doubt, Some(analysis))))
        .map(|doubt| format!("{}.", scenario_words::sentence(&doubt)))
        .collect()
}

fn optimism(analysis: &View<'_>) -> String {
    let within = "A saving smaller than that is within the model’s error.";
    match analysis.model_optimism {
        None => "How the engine’s own idea of today compares with what was observed is not known.".to_owned(),
        Some(ratio) if (ratio - 1.0).abs() < 0.0005 => {
            "Our simulation of today’s machines needs what the cluster used, nodes that nothing ran on aside."
                .to_owned()
        }
        Some(ratio) if ratio < 1.0 => format!(
            "Our simulation of today’s machines needs {} less than the cluster really used. {within}",
            number_format::percent(1.0 - ratio)
        ),
        Some(ratio) => format!(
            "Our simulation of today’s machines needs {} more than the cluster really used. {within}",
            number_format::percent(ratio - 1.0)
        ),
    }
}

/// Bars of less than this a month, in USD, are named and not drawn.
const VISIBLE: f64 = 1.0;

/// Bars whose change is known and visible.
fn visible<'a>(analysis: &View<'_>, what_if: &'a WhatIf) -> Vec<(&'a TornadoBar, f64, f64)> {
    let month = |usd: Option<f64>| usd.and_then(|usd| analysis.month(usd));
    let bars = what_if.tornado.iter().filter_map(|bar| Some((bar, month(bar.saving_usd)?, month(bar.change_usd)?)));
    bars.filter(|(.., change)| change.abs() >= VISIBLE).collect()
}

fn bar_label(bar: &TornadoBar) -> String {
    scenario_words::clipped(
        &format!("{}: {}", scenario_words::assumption(&bar.key), scenario_words::value(&bar.key, &bar.value)),
        40,
    )
}

/// Names what a tornado is of: one scenario against today; a pool against EC2 repacked in analyses that do not say.
fn tornado_of(what_if: &WhatIf) -> String {
    let of = what_if.tornado_of.as_deref().and_then(types::analysis::ScenarioId::parse);
    let of = of.map(|id| format!("{} against today", types::wording::scenario(id).trim_end_matches(',')));
    of.unwrap_or_else(|| "the pool against EC2 repacked".to_owned())
}

fn tornado(analysis: &View<'_>, what_if: &WhatIf) -> Result<Option<Figure>, RenderError> {
    let bars = visible(analysis, what_if);
    let Some((first, saving, change)) = bars.first() else { return Ok(None) };
    let base = saving - change;
    let shown = |usd: f64| analysis.money.convert(usd);
    let row = |(bar, saving, change): &(&TornadoBar, f64, f64)| Bar {
        label: bar_label(bar),
        pieces: vec![Piece {
            from: shown(base),
            to: shown(*saving),
            ink: if *change > 0.0 { Ink::Gain } else { Ink::Loss },
            text: analysis.money.short(*change),
        }],
        end: shown(*saving),
    };
    let rows = Rows {
        axis: format!("saved by {}, {} a month", tornado_of(what_if), analysis.money.code()),
        money: analysis.money,
        rows: bars.iter().map(row).collect(),
        marks: vec![
            (shown(base), format!("as assumed: {}", analysis.money.short(base))),
            (0.0, "nothing saved".to_owned()),
        ],
        joined: false,
    };
    let turns = bars.iter().filter(|(_, saving, _)| (*saving > 0.0) != (base > 0.0)).count();
    let words = Words {
        id: "tornado",
        title: "Which assumption matters most".to_owned(),
        finding: format!(
            "The largest effect has “{}”: it changes the saving by {} a month. {} One assumption is changed at a time.",
            bar_label(first),
            analysis.usd(*change),
            match (turns, base > 0.0) {
                (0, true) => "None of them turns the saving into a loss.".to_owned(),
                (0, false) => "None of them turns the loss into a saving.".to_owned(),
                (1, true) => "One of them turns the saving into a loss.".to_owned(),
                (1, false) => "One of them turns the loss into a saving.".to_owned(),
                (n, true) => format!("{n} of them turn the saving into a loss."),
                (n, false) => format!("{n} of them turn the loss into a saving."),
            }
        ),
    };
    let figure = Figure::new(words, |words, size| rows::draw(words, &rows, size))?;
    Ok(Some(figure.folded("Every assumption tried, as numbers", tornado_table(analysis, what_if))))
}

fn tornado_table(analysis: &View<'_>, what_if: &WhatIf) -> Table {
    let row = |bar: &TornadoBar| {
        Row::new(vec![
            Cell::name(&bar.key).sub(format!("= {}", bar.value)),
            analysis.monthly_cell(bar.change_usd).tone(bar.change_usd.unwrap_or(0.0)),
            analysis.monthly_cell(bar.saving_usd),
            match &bar.breaks {
                Some(check) => Cell::new(format!("breaks the limit on {}", types::wording::limit(check.limit))),
                None => Cell::new(scenario_words::holding(analysis, bar.holds_target)),
            },
        ])
    };
    Table::new(
        format!("Saving of {}, per month, with one assumption changed", tornado_of(what_if)),
        vec![
            Column::text("Assumption"),
            Column::number("Changes the saving by", "per month"),
            Column::number("Saving then", "per month"),
            Column::text("Risk"),
        ],
        what_if.tornado.iter().map(row).collect(),
    )
}

fn without_effect(what_if: &WhatIf) -> String {
    let small = what_if.tornado.iter().filter(|bar| bar.change_usd.is_some_and(|usd| usd.abs() < VISIBLE));
    let names: Vec<String> = small.map(bar_label).collect();
    if names.is_empty() { String::new() } else { format!("Tried and without effect here: {}.", names.join("; ")) }
}

/// Names a term of the break-even.
fn term(name: &str) -> String {
    match name {
        "fee_fraction" => "the vendor’s fee, of the saving".to_owned(),
        "host_discount" => "discount on bare-metal hosts".to_owned(),
        "ec2_discount" => "discount on EC2 nodes".to_owned(),
        other => scenario_words::plain(other),
    }
}

fn contour(analysis: &View<'_>, id: &'static str, terms: &BreakEven) -> Result<Figure, RenderError> {
    let [here_x, here_y] = terms.here;
    let saving = |usd: &Option<f64>| usd.and_then(|usd| analysis.month(usd));
    let cell = |usd: &Option<f64>| saving(usd).map(|usd| (usd, analysis.money.short(usd)));
    let matrix = Matrix {
        x: term(&terms.x),
        y: term(&terms.y),
        xs: terms.xs.clone(),
        ys: terms.ys.clone(),
        here: (here_x, here_y),
        cells: terms.saving_usd.iter().map(|row| row.iter().map(cell).collect()).collect(),
    };
    let known: Vec<f64> = terms.saving_usd.iter().flatten().filter_map(saving).collect();
    let gains = known.iter().filter(|usd| **usd > 0.0).count();
    let words = Words {
        id,
        title: format!("Break-even: {} against {}", term(&terms.x), term(&terms.y)),
        finding: format!(
            "{} The frame marks the terms in force, {} and {}; the thick line parts what saves from what does not. Saving of the pool \
             against EC2 repacked, per month.",
            match gains {
                0 => "At no pair of terms shown does the pool save anything.".to_owned(),
                n if n == known.len() => "At every pair of terms shown the pool saves.".to_owned(),
                n => format!("The pool saves at {n} of the {} pairs of terms shown.", known.len()),
            },
            number_format::percent_round(here_x),
            number_format::percent_round(here_y),
        ),
    };
    let figure = Figure::new(words, |words, size| matrix::draw(words, &matrix, size))?;
    Ok(figure.folded("The same as numbers", contour_table(analysis, terms)))
}

/// One row for each pair would be long; one for each value of `y` has as many cells as there are values of `x`.
fn contour_table(analysis: &View<'_>, terms: &BreakEven) -> Table {
    let rows = terms.ys.iter().zip(&terms.saving_usd).map(|(y, savings)| {
        let cells = terms.xs.iter().zip(savings).map(|(x, usd)| {
            let cell = analysis.monthly_cell(*usd).tone(usd.unwrap_or(0.0));
            cell.sub(format!("at {}", number_format::percent_round(*x)))
        });
        Row::new([Cell::new(number_format::percent_round(*y))].into_iter().chain(cells).collect())
    });
    let heads = terms.xs.iter().map(|_| Column::number("Saving", "per month"));
    Table::new(
        format!("Rows: {}. Columns: {}", term(&terms.y), term(&terms.x)),
        [Column::text("Term")].into_iter().chain(heads).collect(),
        rows.collect(),
    )
}

/// Host-slots over CPU or memory.
fn risk(point: &WhatIfPoint) -> f64 {
    point.host_slots_over_cpu + point.host_slots_over_memory.unwrap_or(0.0)
}

/// Returns true when ratios were tried and none put a host over its capacity.
fn without_risk(what_if: &WhatIf) -> bool {
    let is_known = what_if.grid.iter().any(|point| point.saving_usd.is_some());
    is_known && what_if.grid.iter().all(|point| risk(point) == 0.0)
}

fn risk_frontier(analysis: &View<'_>, what_if: &WhatIf) -> Result<Option<Figure>, RenderError> {
    let dot = |point: &WhatIfPoint| {
        Some(Dot {
            risk: risk(point),
            saving: analysis.money.convert(analysis.month(point.saving_usd?)?),
            holds: point.holds_target,
            on_frontier: point.on_frontier,
            label: format!("{} × {}", point.memory_overcommit, point.cpu_overcommit),
        })
    };
    let points: Vec<Dot> = what_if.grid.iter().filter_map(dot).collect();
    let on_frontier = what_if.grid.iter().filter(|point| point.on_frontier);
    let best = on_frontier.max_by(|a, b| a.saving_usd.unwrap_or(f64::MIN).total_cmp(&b.saving_usd.unwrap_or(f64::MIN)));
    let Some(best) = best.filter(|_| points.len() > 1) else { return Ok(None) };
    let words = Words {
        id: "frontier",
        title: "What more risk would buy".to_owned(),
        finding: format!(
            "Each dot is a pair of overcommit ratios, memory × CPU, replayed. The line joins those that no other pair beats in \
             both saving and risk; filled dots hold every limit. The most that is saved, {} a month, is at memory × {} and \
             CPU × {}, where {} of host-slots are over capacity.",
            best.saving_usd.map_or_else(|| number_format::UNKNOWN.to_owned(), |usd| analysis.monthly(usd)),
            best.memory_overcommit,
            best.cpu_overcommit,
            number_format::percent_fine(risk(best)),
        ),
    };
    let frontier = Frontier { money: analysis.money, y: format!("saved, {} a month", analysis.money.code()), points };
    let figure = Figure::new(words, |words, size| frontier::draw(words, &frontier, size))?;
    Ok(Some(figure.folded("Every pair of ratios", crate::overcommit_grid::table(analysis, what_if)).not_printed()))
}
