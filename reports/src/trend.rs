//! Where the cluster stood at the ends of earlier windows, beside now: cost, saving and use over time.
//!
//! Costs are per month of 730 hours and use is a share of capacity, so that windows of different length compare.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::ScenarioId;

use crate::chart::runs::{self, RunLine, Runs};
use crate::chart::{Figure, Ink, Words, scale};
use crate::cluster_summary::{Compared, Cost, Standing};
use crate::error::RenderError;
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "trend.html")]
pub(crate) struct TrendPart {
    lead: String,
    caveats: Vec<String>,
    figures: Vec<Figure>,
    table: Table,
}

impl HtmlSafe for TrendPart {}

impl TrendPart {
    /// The part; `None` where nothing is known of an earlier window of this cluster.
    ///
    /// # Errors
    /// When a chart cannot be drawn, which memory aside does not happen.
    pub(crate) fn new(now: &Standing, earlier: &[Standing], money: &Money) -> Result<Option<Self>, RenderError> {
        let standings = in_order(now, earlier);
        let Some(first) = standings.first().filter(|_| standings.len() > 1) else { return Ok(None) };
        Ok(Some(Self {
            lead: lead(first, now, money),
            caveats: caveats(&standings),
            figures: vec![costs(&standings, money)?, use_of_capacity(&standings)?],
            table: table(&standings, money),
        }))
    }
}

/// A line through what is known of each window.
fn line(name: &'static str, ink: Ink, standings: &[&Standing], value: impl Fn(&Standing) -> Option<f64>) -> RunLine {
    RunLine { name, ink, points: standings.iter().map(|standing| (standing.end, value(standing))).collect() }
}

/// The change of a quantity from the first window it is known of to the last, in words; `None` without two.
fn change(line: &RunLine, text: impl Fn(f64) -> String) -> Option<String> {
    let mut known = line.points.iter().filter_map(|point| point.1);
    let (was, is) = (text(known.next()?), text(known.next_back()?));
    let name = line.name;
    Some(if was == is { format!("{name} stayed at {is}") } else { format!("{name} went from {was} to {is}") })
}

fn costs(standings: &[&Standing], money: &Money) -> Result<Figure, RenderError> {
    let in_currency = |cost: Cost| cost.monthly_usd.map(|usd| money.convert(usd));
    let lines = vec![
        line("today", Ink::Capacity, standings, |standing| in_currency(standing.today)),
        line("best EC2", Ink::Requested, standings, |standing| in_currency(standing.ec2)),
        line("pool", Ink::Used, standings, |standing| in_currency(standing.pool)),
    ];
    let changes = lines.iter().filter_map(|line| change(line, |amount| money.axis(amount)));
    let words = Words { id: "trend-cost", title: "Cost per month".to_owned(), finding: sentence(changes.collect()) };
    let runs = Runs { unit: format!("{} a month", money.code()), lines };
    Figure::new(words, |words, size| runs::draw(words, &runs, size, |value, _| money.axis(value)))
}

fn use_of_capacity(standings: &[&Standing]) -> Result<Figure, RenderError> {
    let percent = |fraction: Option<f64>| fraction.map(|fraction| fraction * 100.0);
    let lines = vec![
        line("CPU requested", Ink::Requested, standings, |standing| percent(standing.cpu_requested_of_capacity)),
        line("CPU used", Ink::Used, standings, |standing| percent(standing.cpu_used_of_capacity)),
        line("memory requested", Ink::Limit, standings, |standing| percent(standing.memory_requested_of_capacity)),
        line("memory used", Ink::Peak, standings, |standing| percent(standing.memory_used_of_capacity)),
    ];
    let changes = lines.iter().filter_map(|line| change(line, |percent| number_format::percent(percent / 100.0)));
    let words = Words {
        id: "trend-use",
        title: "Requested and used, of capacity".to_owned(),
        finding: sentence(changes.collect()),
    };
    let runs = Runs { unit: "% of capacity".to_owned(), lines };
    Figure::new(words, |words, size| runs::draw(words, &runs, size, scale::axis_number))
}

/// Findings as a sentence.
fn sentence(changes: Vec<String>) -> String {
    if changes.is_empty() {
        "Fewer than two windows have this data.".to_owned()
    } else {
        format!("{}.", scenario_words::sentence(&scenario_words::list(&changes)))
    }
}

/// Earlier windows of this cluster and now, oldest first. Of two that end at the same moment the last one given holds;
/// one that ends with the present window, or after it, is not earlier.
pub(crate) fn in_order<'a>(now: &'a Standing, earlier: &'a [Standing]) -> Vec<&'a Standing> {
    let is_earlier = |standing: &&Standing| standing.cluster_id == now.cluster_id && standing.end < now.end;
    let by_end: std::collections::BTreeMap<_, &Standing> =
        earlier.iter().filter(is_earlier).map(|standing| (standing.end, standing)).collect();
    by_end.into_values().chain([now]).collect()
}

fn lead(first: &Standing, now: &Standing, money: &Money) -> String {
    let since = format!("Since the window that ended on {}", number_format::moment(first.end));
    let saving = |standing: &Standing| {
        let saving = standing.saving_vs_ec2.as_ref().or(standing.saving_vs_today.as_ref());
        saving.map(|saving| saving.monthly_usd)
    };
    let against = if now.saving_vs_ec2.is_some() { "the best EC2 alternative" } else { "today" };
    // A saving against EC2 and one against today are not one quantity over time.
    let comparable = first.saving_vs_ec2.is_some() == now.saving_vs_ec2.is_some();
    let saved = saving(first).zip(saving(now)).filter(|_| comparable).map(|(was, is)| {
        format!("what a pool saves against {against} went from {} to {} a month", money.show(was), money.show(is))
    });
    let cost = first
        .today
        .monthly_usd
        .zip(now.today.monthly_usd)
        .map(|(was, is)| format!("today’s cost from {} to {}", money.show(was), money.show(is)));
    let used = first.cpu_used_of_capacity.zip(now.cpu_used_of_capacity).map(|(was, is)| {
        format!("CPU in use from {} to {} of capacity", number_format::percent(was), number_format::percent(is))
    });
    let parts: Vec<String> = [saved, cost, used].into_iter().flatten().collect();
    if parts.is_empty() {
        return format!("{since} nothing can be compared.");
    }
    format!("{since}: {}.", parts.join("; "))
}

/// Lists what keeps the windows from being alike.
fn caveats(standings: &[&Standing]) -> Vec<String> {
    let mut caveats = Vec::new();
    let pairs = || standings.iter().zip(standings.iter().skip(1));
    if pairs().any(|(before, after)| after.start < before.end) {
        caveats.push("Windows overlap where reports are made more often than their window is long: a change shows in all that hold it.".to_owned());
    }
    if pairs().any(|(before, after)| before.pool_id != after.pool_id) {
        caveats.push("The pool is not the same scenario in every window; the table names it.".to_owned());
    }
    if standings.iter().any(|standing| standing.hours_present < standing.hours_expected) {
        caveats.push("Hours are missing in some windows; costs are scaled from the hours present.".to_owned());
    }
    if standings.iter().any(|standing| standing.hours_synthetic > 0) {
        caveats.push("Some windows hold synthetic hours, which were not measured.".to_owned());
    }
    caveats
}

fn table(standings: &[&Standing], money: &Money) -> Table {
    let usd = |cost: Cost| match cost.monthly_usd {
        Some(usd) => Cell::new(money.show(usd)).badge(if cost.partial { "partial" } else { "" }),
        None => Cell::absent(number_format::UNKNOWN),
    };
    let saved = |saving: &Option<Compared>| match saving {
        Some(saving) => Cell::new(money.show(saving.monthly_usd))
            .sub(saving.fraction.map(number_format::percent).unwrap_or_default()),
        None => Cell::absent("cannot be said"),
    };
    let share = |fraction: Option<f64>| match fraction {
        Some(fraction) => Cell::new(number_format::percent(fraction)),
        None => Cell::absent(number_format::UNKNOWN),
    };
    let row = |standing: &&Standing| {
        let pool = match ScenarioId::parse(&standing.pool_id) {
            Some(ScenarioId::EmpVendor) => "vendor’s arithmetic",
            Some(id) => types::wording::scenario(id),
            None => standing.pool_id.as_str(),
        };
        Row::new(vec![
            Cell::new(format!("{} to {}", number_format::moment(standing.start), number_format::moment(standing.end)))
                .sub(format!(
                    "{} of {} hours",
                    number_format::count(standing.hours_present),
                    number_format::count(standing.hours_expected)
                )),
            usd(standing.today),
            usd(standing.ec2),
            usd(standing.pool).sub(pool),
            saved(&standing.saving_vs_today),
            saved(&standing.saving_vs_ec2),
            share(standing.cpu_requested_of_capacity),
            share(standing.cpu_used_of_capacity),
            share(standing.memory_requested_of_capacity),
            share(standing.memory_used_of_capacity),
        ])
    };
    let columns = vec![
        Column::text("Window (UTC)"),
        Column::number("Today", "per month"),
        Column::number("Best EC2", "per month"),
        Column::number("Pool", "per month"),
        Column::number("Saves against today", "per month"),
        Column::number("Saves against best EC2", "per month"),
        Column::number("CPU requested", "of capacity"),
        Column::number("CPU used", "of capacity"),
        Column::number("Memory requested", "of capacity"),
        Column::number("Memory used", "of capacity"),
    ];
    Table::new("Windows, oldest first", columns, standings.iter().map(row).collect()).whole()
}
