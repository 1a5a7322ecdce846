//! Cost lines by scenario, and what they leave out.

use types::analysis::Scenario;

use crate::page_view::View;
use crate::scenario_words;

/// Text in a cost line that a scenario does not model.
const NOT_MODELLED: &str = "not modelled";

/// Cost lines by scenario: a row for each scenario.
#[derive(Debug)]
pub(crate) struct CostTable {
    pub(crate) caption: String,
    /// The lines that cost something somewhere.
    pub(crate) lines: Vec<String>,
    pub(crate) rows: Vec<CostRow>,
    /// Lines that are no column, and why, as sentences.
    pub(crate) left_out: Vec<String>,
    pub(crate) has_absent: bool,
}

/// One scenario in every cost line, the total last.
#[derive(Debug)]
pub(crate) struct CostRow {
    pub(crate) label: String,
    pub(crate) cells: Vec<CostCell>,
}

/// One cost line in one scenario.
#[derive(Debug)]
pub(crate) struct CostCell {
    pub(crate) text: String,
    /// Of the line, for phones.
    pub(crate) label: String,
    pub(crate) absent: bool,
    pub(crate) badge: &'static str,
    pub(crate) total: bool,
}

/// Returns the factor from an amount over the window to a month, in this scenario.
pub(crate) fn monthly_factor(analysis: &View<'_>, scenario: &Scenario) -> Option<f64> {
    match (scenario.monthly_usd, scenario.cost_usd.total) {
        (Some(monthly), Some(total)) if total > 0.0 => Some(monthly / total),
        _ => scenario_words::months_per_window(analysis),
    }
}

/// The table.
pub(crate) fn cost_table(analysis: &View<'_>) -> CostTable {
    let names = types::analysis::CostLines::default().lines().map(|(line, _)| line);
    let amounts = |line: &str| -> Vec<Option<f64>> {
        let of = |scenario: &Scenario| scenario.cost_usd.lines().into_iter().find(|(name, _)| *name == line)?.1;
        scenario_words::shown(analysis).map(of).collect()
    };
    let (mut columns, mut nothing, mut not_modelled) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let amounts = amounts(name);
        if amounts.iter().all(Option::is_none) {
            not_modelled.push(scenario_words::cost_line(name));
        } else if amounts.iter().flatten().all(|usd| *usd == 0.0) {
            nothing.push(scenario_words::cost_line(name));
        } else {
            columns.push((scenario_words::sentence(&scenario_words::cost_line(name)), amounts));
        }
    }
    let badge = if all_partial(analysis) { "" } else { "partial" };
    let row = |(i, scenario): (usize, &Scenario)| {
        let cell = |(label, amounts): &(String, Vec<Option<f64>>)| {
            let usd = amounts.get(i).copied().flatten();
            let month = usd.and_then(|usd| monthly_factor(analysis, scenario).map(|factor| usd * factor));
            CostCell {
                text: usd.map_or_else(|| NOT_MODELLED.to_owned(), |_| analysis.money.show_or_unknown(month)),
                label: label.clone(),
                absent: usd.is_none(),
                badge: "",
                total: false,
            }
        };
        let total = CostCell {
            text: scenario.monthly_usd.map_or_else(|| "no total".to_owned(), |usd| analysis.usd(usd)),
            label: "Total".to_owned(),
            absent: scenario.monthly_usd.is_none(),
            badge: match scenario.monthly_usd {
                Some(_) if scenario.cost_usd.compute.is_none() => "without compute",
                Some(_) if scenario.partial => badge,
                _ => "",
            },
            total: true,
        };
        CostRow { label: scenario.label.clone(), cells: columns.iter().map(cell).chain([total]).collect() }
    };
    let rows: Vec<CostRow> = scenario_words::shown(analysis).enumerate().map(row).collect();
    let sentence = |names: &[String], is: &str| {
        (!names.is_empty()).then(|| format!("{} {is}.", scenario_words::sentence(&scenario_words::list(names))))
    };
    let verb =
        |names: &[String], one: &str, many: &str| if names.len() == 1 { one.to_owned() } else { many.to_owned() };
    CostTable {
        caption: format!("{} per month of 730 hours", analysis.money.code()),
        has_absent: rows.iter().flat_map(|row| &row.cells).any(|cell| cell.absent) || !not_modelled.is_empty(),
        lines: columns.iter().map(|column| column.0.clone()).chain(["Total".to_owned()]).collect(),
        rows,
        left_out: [
            sentence(&nothing, &verb(&nothing, "costs nothing in any scenario", "cost nothing in any scenario")),
            sentence(
                &not_modelled,
                &verb(&not_modelled, "is not modelled in any scenario", "are not modelled in any scenario"),
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// Returns true when every total leaves something out: then it is said once, and not beside each.
pub(crate) fn all_partial(analysis: &View<'_>) -> bool {
    analysis.scenarios.iter().all(|scenario| scenario.partial)
}

/// Cost lines that no scenario models.
pub(crate) fn not_modelled(analysis: &View<'_>) -> Vec<String> {
    let names = types::analysis::CostLines::default().lines().map(|(line, _)| line);
    let is_there = |name: &str| {
        analysis.scenarios.iter().any(|s| s.cost_usd.lines().iter().any(|(line, usd)| *line == name && usd.is_some()))
    };
    names.into_iter().filter(|name| !is_there(name)).map(scenario_words::cost_line).collect()
}
