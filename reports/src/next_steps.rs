//! Next steps, ranked by what they save, and what is paid for and does no work.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{NextSteps, Step, StepKind, Waste, WasteKind};

use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;
use crate::todays_bill::{Part, bar_of_months};

/// The section.
#[derive(Debug, Template)]
#[template(path = "next_steps.html")]
pub(crate) struct StepsPart {
    lead: String,
    recommended: Table,
    /// Steps that would hold the limits that keep a change from being recommended.
    limits: Table,
    beside: Table,
    asked: Table,
    /// Steps that are about more than their row names.
    named: Vec<Named>,
    /// Total waste in a sentence; empty where it is not known.
    waste: String,
    parts: Vec<Part>,
}

impl HtmlSafe for StepsPart {}

/// Everything that a step is about, as far as the analysis names it.
#[derive(Debug)]
struct Named {
    what: String,
    names: Vec<String>,
    /// How many more there are; empty for none.
    more: String,
}

impl StepsPart {
    /// The section; `None` for an analysis that predates both.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let steps = analysis.next_steps.as_ref();
        let waste = analysis.waste.as_ref();
        (steps.is_some() || waste.is_some()).then(|| {
            let none = NextSteps::default();
            let steps = steps.unwrap_or(&none);
            Self {
                lead: lead(analysis, steps),
                recommended: recommended(analysis, steps),
                limits: limits(analysis, steps),
                beside: beside(analysis, steps),
                asked: asked(analysis, steps),
                named: steps.steps.iter().filter_map(|step| named(analysis, step)).collect(),
                waste: waste.map(|waste| waste_in_words(analysis, waste)).unwrap_or_default(),
                parts: waste.map(|waste| parts(analysis, waste)).unwrap_or_default(),
            }
        })
    }
}

fn lead(analysis: &View<'_>, steps: &NextSteps) -> String {
    let mut sentences: Vec<String> = Vec::new();
    if steps.steps.is_empty() {
        return "There is nothing to do now: no step would save anything worth it.".to_owned();
    }
    if steps.of_recommended().next().is_none() {
        sentences.push("No change of machines or requests is recommended.".to_owned());
    } else {
        sentences.push(format!(
            "The recommended steps together save {} a month, after their own costs.",
            analysis.usd(steps.recommended_monthly_usd)
        ));
    }
    if steps.model_error_monthly_usd >= 1.0 {
        sentences.push(format!(
            "{} of the saving is model error: our simulation of today costs that much less than the bill.",
            analysis.usd(steps.model_error_monthly_usd)
        ));
    }
    if steps.of_limits().next().is_some() {
        sentences
            .push("What a limit keeps from being recommended needs a decision first, and is not counted.".to_owned());
    }
    if steps.beside().next().is_some() {
        let changes = steps.of_recommended().next().is_some();
        let another = if changes { "another " } else { "" };
        let which = if changes || steps.of_limits().next().is_some() { "The others" } else { "These steps" };
        let amount = if steps.beside_monthly_usd > 0.0 {
            format!(" and save {another}{} a month", analysis.usd(steps.beside_monthly_usd))
        } else {
            String::new()
        };
        sentences.push(format!("{which} change neither machines nor requests{amount}."));
    }
    if steps.asked().next().is_some() {
        sentences.push("Discounts not yet agreed are not counted.".to_owned());
    }
    sentences.join(" ")
}

fn row(analysis: &View<'_>, step: &Step) -> Row {
    let subjects = subjects(step);
    Row::new(vec![
        Cell::new(analysis.sentence(&step.what)).sub(subjects),
        match step.saving_monthly_usd {
            Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
            None => Cell::absent(saving(step, analysis.money)),
        },
        Cell::new(step.effort.name()),
        Cell::new(step.risk.name()),
        Cell::new(analysis.sentence(&step.place)).sub(analysis.sentence(&step.caution)),
    ])
}

/// Saving of a step as text: what depends on somebody's word is in no sum before it was given.
pub(crate) fn saving(step: &Step, money: &Money) -> String {
    match (step.saving_monthly_usd, step.kind) {
        (Some(usd), _) => money.show(usd),
        (None, StepKind::AskDiscount) => "if agreed".to_owned(),
        (None, StepKind::HoldLimits) => "if decided".to_owned(),
        (None, StepKind::LetCommitmentsEnd) => "once ended".to_owned(),
        (None, _) => number_format::UNKNOWN.to_owned(),
    }
}

/// Names that a step's row has room for.
const MOST_NAMES: usize = 3;

/// Names a step is about, and how many more there are; none where the step itself says them in short.
pub(crate) fn subjects(step: &Step) -> String {
    if step.kind == StepKind::KeepReady {
        return String::new();
    }
    let named: Vec<String> =
        step.subjects.iter().take(MOST_NAMES).map(|name| scenario_words::clipped(name, 60)).collect();
    match more(step, named.len()) {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), number_format::count(more)),
    }
}

/// How many names a step has beyond so many.
fn more(step: &Step, shown: usize) -> u32 {
    step.subjects_count.saturating_sub(u32::try_from(shown).unwrap_or(u32::MAX))
}

/// Every name of a step, where its row has no room for them.
fn named(analysis: &View<'_>, step: &Step) -> Option<Named> {
    (step.subjects.len() > MOST_NAMES).then(|| Named {
        what: analysis.sentence(&step.what),
        names: step.subjects.iter().map(|name| scenario_words::clipped(name, 120)).collect(),
        more: match more(step, step.subjects.len()) {
            0 => String::new(),
            more => format!("{} more", number_format::count(more)),
        },
    })
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("Step"),
        Column::number("Saves", "a\u{a0}month"),
        Column::short("Effort"),
        Column::short("Risk"),
        Column::text("Where, and what to watch"),
    ]
}

fn together(analysis: &View<'_>, usd: f64) -> Row {
    let empty = || Cell::new("");
    Row::total(vec![Cell::new("Together"), Cell::new(analysis.usd(usd)).tone(usd), empty(), empty(), empty()])
}

fn recommended(analysis: &View<'_>, steps: &NextSteps) -> Table {
    let mut rows: Vec<Row> = steps.of_recommended().map(|step| row(analysis, step)).collect();
    if rows.len() > 1 {
        rows.push(together(analysis, steps.recommended_monthly_usd));
    }
    Table::new("Steps of the recommended change, per month of 730 hours", columns(), rows)
}

fn limits(analysis: &View<'_>, steps: &NextSteps) -> Table {
    let rows = steps.of_limits().map(|step| row(analysis, step)).collect();
    Table::new("To decide on, not counted", columns(), rows)
}

fn beside(analysis: &View<'_>, steps: &NextSteps) -> Table {
    let mut rows: Vec<Row> = steps.beside().map(|step| row(analysis, step)).collect();
    if rows.len() > 1 {
        rows.push(together(analysis, steps.beside_monthly_usd));
    }
    let which = if steps.of_recommended().next().is_some() { "Steps beside it" } else { "Other steps" };
    Table::new(format!("{which}, per month of 730 hours"), columns(), rows)
}

fn asked(analysis: &View<'_>, steps: &NextSteps) -> Table {
    let rows = steps.asked().map(|step| row(analysis, step)).collect();
    Table::new("Discounts to ask for, not counted", columns(), rows)
}

/// Total waste as a sentence: one number, its share of the bill, and its parts.
pub(crate) fn waste_in_words(analysis: &View<'_>, waste: &Waste) -> String {
    let share = waste.fraction.map(|share| format!(", {} of today’s bill,", number_format::percent(share)));
    let unpriced = match waste.unpriced_volumes {
        0 => String::new(),
        1 => " One unmounted volume has no price and is in no part.".to_owned(),
        n => format!(" {} unmounted volumes have no price and are in no part.", number_format::count(n)),
    };
    format!(
        "{} a month{} is paid for and does no work.{unpriced}",
        analysis.usd(waste.monthly_usd),
        share.unwrap_or_default()
    )
}

fn parts(analysis: &View<'_>, waste: &Waste) -> Vec<Part> {
    // The colours that the same things have in the bars of the bill.
    let class = |kind: WasteKind| match kind {
        WasteKind::IdleNodes => "idle",
        WasteKind::ReservedUnused => "compute",
        WasteKind::UnmountedVolumes => "volumes",
        WasteKind::UnusedCommitments => "unused-commitments",
    };
    let parts = waste.parts.iter().map(|part| (class(part.kind), part.kind.name(), part.monthly_usd));
    bar_of_months(parts.collect(), analysis)
}
