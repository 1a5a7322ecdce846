//! The conclusion as plain text, for a terminal.

use types::analysis::{Analysis, Judged, ScenarioId};
use types::wording;

use crate::confidence_words;
use crate::number_format;
use crate::page_currency::Money;
use crate::scenario_words::{self, TODAY, VENDOR};

/// A plain-text summary: today, with EMP, the saving, the verdict and what they stand on.
///
/// Names lose their control characters, so that they cannot steer the terminal.
pub fn summary(analysis: &Analysis) -> String {
    // AWS bills the regions of China in CNY, and what is in the analysis is in that currency.
    let money = Money::native(&analysis.currency);
    let (rows, sure) = match analysis.verdict.reason {
        Some(_) => (judged(analysis), sure(analysis, &money)),
        None => (older(analysis), String::new()),
    };
    let width = rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0);

    let window = &analysis.window;
    let sources: Vec<String> = window
        .hours_by_source
        .iter()
        .map(|part| format!("{} {}", number_format::count(part.hours), scenario_words::source(part.source)))
        .collect();
    let mut text = format!("Cluster   {}", scenario_words::plain(&analysis.cluster_id));
    if let Some(region) = &analysis.region {
        text.push_str(&format!(" in {}", scenario_words::plain(region)));
    }
    text.push_str(&format!("\nWindow    {}\n", scenario_words::window(analysis)));
    text.push_str(&format!(
        "Coverage  {} of {} hours",
        number_format::count(window.hours_present),
        number_format::count(window.hours_expected)
    ));
    if !sources.is_empty() {
        text.push_str(&format!(": {}", scenario_words::list(&sources)));
    }
    text.push_str(&format!("\n\n{:width$}  {:>14}  {:>14}\n", "", "a month", "a year, about"));
    for (label, month, year, share) in rows {
        let (month, year) = (money.sentence(&month), money.sentence(&year));
        text.push_str(&format!("{label:width$}  {month:>14}  {year:>14}{share}\n"));
    }
    text.push_str(&format!(
        "\n{}\n{sure}",
        wrapped(&scenario_words::plain(&money.sentence(&wording::verdict(&analysis.verdict, &analysis.currency))))
    ));
    text.push_str(&next(analysis, &money));
    text
}

/// A row: what it is, a month, a year, and a share.
type Line = (String, String, String, String);

/// Today, what is recommended and what it saves, and the best of the other side.
fn judged(analysis: &Analysis) -> Vec<Line> {
    let verdict = &analysis.verdict;
    let line = |label: String, monthly: Option<f64>, share: String| {
        let yearly = monthly.map(|usd| usd * types::MONTHS_PER_YEAR);
        (label, number_format::usd_or_unknown(monthly), about(yearly), share)
    };
    let today = scenario_words::today_monthly(analysis);
    let recommended = verdict.recommended();
    let stays = if recommended == Some(ScenarioId::Ec2Today) { "Today (recommended)" } else { "Today" };
    let mut rows = vec![line(stays.to_owned(), today, String::new())];
    let change = recommended.filter(|id| id.is_change()).and_then(|id| verdict.judged(id));
    let saving = |judged: &Judged| {
        let share =
            judged.saving_fraction.map(|share| format!("  {}", number_format::percent(share))).unwrap_or_default();
        line("Saving".to_owned(), Some(judged.saving_monthly_usd), share)
    };
    let name = |judged: &Judged, what: &str| {
        let breaks = if judged.holds { "" } else { ", breaks a limit" };
        format!("{}{what}{breaks}", scenario_words::plain(&scenario_words::scenario_name(analysis, judged.scenario)))
    };
    rows.extend(change.map(|judged| line(name(judged, " (recommended)"), Some(judged.monthly_usd), String::new())));
    rows.extend(change.map(saving));
    let others = [verdict.best_on_ec2(), verdict.best_pool()].into_iter().flatten();
    let others = others.filter(|judged| Some(judged.scenario) != recommended);
    rows.extend(others.map(|judged| line(name(judged, ""), Some(judged.monthly_usd), String::new())));
    rows
}

/// Shows the amount of a year under a head that says it is an estimate.
fn about(yearly: Option<f64>) -> String {
    let text = yearly.map_or_else(|| number_format::UNKNOWN.to_owned(), wording::usd_about);
    text.replacen("about ", "", 1)
}

/// Says how sure the recommendation is, as a line.
fn sure(analysis: &Analysis, money: &Money) -> String {
    let confidence = analysis.verdict.confidence.as_ref().filter(|_| analysis.verdict.recommendation.is_some());
    let sure = confidence.map(|confidence| money.sentence(&confidence_words::how_sure(confidence, Some(analysis))));
    let sure = sure.map(|sure| wrapped(&format!("How sure: {sure}")));
    sure.map(|sure| format!("\n{sure}\n")).unwrap_or_default()
}

/// Steps that a terminal shows.
const MOST_STEPS: usize = 5;

/// Total waste, and the steps with their amounts; nothing for an analysis that predates them.
fn next(analysis: &Analysis, money: &Money) -> String {
    let mut text = String::new();
    if let Some(waste) = analysis.waste.as_ref().filter(|waste| waste.monthly_usd >= 1.0) {
        let share = waste.fraction.map(|share| format!(", {} of today’s bill", number_format::percent(share)));
        let line = format!(
            "Total waste: {} a month{}; the page has its parts.",
            money.show(waste.monthly_usd),
            share.unwrap_or_default()
        );
        text.push_str(&format!("\n{}\n", wrapped(&line)));
    }
    let Some(steps) = analysis.next_steps.as_ref().filter(|steps| !steps.steps.is_empty()) else { return text };
    text.push_str("\nNext steps, a month:\n");
    for step in steps.steps.iter().take(MOST_STEPS) {
        let on_top = if steps.is_on_top(step) { " (on top)" } else { "" };
        text.push_str(&format!(
            "  {:>10}  {}{on_top}\n",
            crate::next_steps::saving(step, money),
            scenario_words::plain(&money.sentence(&step.what))
        ));
    }
    if let Some(more) = steps.steps.len().checked_sub(MOST_STEPS).filter(|more| *more > 0) {
        text.push_str(&format!("  and {} more, on the page\n", number_format::grouped(number_format::number(more), 0)));
    }
    text
}

/// The rows of an analysis whose verdict predates its data.
fn older(analysis: &Analysis) -> Vec<Line> {
    let monthly = |id: &str| scenario_words::scenario(analysis, id).and_then(|scenario| scenario.monthly_usd);
    let partial = |id: &str| scenario_words::scenario(analysis, id).is_some_and(|scenario| scenario.partial);
    let yearly = |usd: Option<f64>| about(usd.map(|usd| usd * types::MONTHS_PER_YEAR));
    let total = |label: &str, id: &str| {
        let label = if partial(id) { format!("{label} (partial)") } else { label.to_owned() };
        (label, number_format::usd_or_unknown(monthly(id)), yearly(monthly(id)), String::new())
    };
    let saving = scenario_words::headline_saving(analysis).map_or_else(
        || ("Saving".to_owned(), "cannot be said".to_owned(), "cannot be said".to_owned(), String::new()),
        |saving| {
            let share =
                saving.fraction.map(|fraction| format!("  {}", number_format::percent(fraction))).unwrap_or_default();
            let nothing_left = crate::headline::nothing_left(analysis, saving.monthly_usd);
            let label = match saving.monthly_usd {
                usd if usd < 0.0 => "Saving (it does not pay)",
                _ if nothing_left => "Saving (on nominal sizes only)",
                _ => "Saving",
            };
            let label = if scenario_words::pool(analysis) == VENDOR {
                label.to_owned()
            } else {
                format!("{label} against today")
            };
            (label, number_format::usd(saving.monthly_usd), about(Some(saving.yearly_usd)), share)
        },
    );
    let replayed = scenario_words::scenario(analysis, scenario_words::REPACKED).is_some();
    let mut rows = vec![total("Today", TODAY)];
    if replayed {
        rows.push(total("EC2 repacked, replayed", scenario_words::REPACKED));
        rows.push(total("Elastic machine pool, replayed", scenario_words::pool(analysis)));
    } else {
        rows.push(total("With EMP, vendor's arithmetic", VENDOR));
    }
    rows.push(saving);
    rows
}

/// Breaks a sentence into lines that fit a terminal.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 88;
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > COLUMNS {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
    }
    lines
}
