//! The message about one report: what is in it, and why it is sent. A function of the analysis and the delivery file.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use reports::Money;
use serde_json::{Value, json};
use types::analysis::Analysis;
use types::show;

use super::file::{Budget, Config};

/// The schema of the JSON that a webhook gets.
const SCHEMA: &str = "emp-cost/message/v1";

/// A message about one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line, such as `prod-1: $12,345 a month, EMP saves $2,000`.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Lines of it about budgets: exceeded, or not checked.
    pub notices: Vec<String>,
    /// The same as data.
    pub json: Value,
}

/// A budget that the cost of a month exceeds.
#[derive(Debug, Clone, PartialEq)]
struct Exceeded {
    what: String,
    monthly: f64,
    /// Cost of the calendar month in which the window ends, at the same rate.
    forecast: f64,
    budget: f64,
}

impl Message {
    /// Makes the message about a report that lies at `location`; `None` when no threshold is reached.
    ///
    /// `before` is what the cluster cost in a month by the report before, in its currency.
    pub fn about(analysis: &Analysis, location: &str, before: Option<f64>, config: &Config) -> Option<Self> {
        let money = Money::native(&analysis.currency);
        let today = monthly(analysis, "ec2-today");
        let change = today.zip(before).and_then(|(now, before)| types::number::ratio(now - before, before));
        let saving = analysis.verdict.amounts.as_ref().map(|amounts| amounts.saving_monthly_usd);
        let budgets: Vec<_> = config.budget.iter().filter(|budget| is_of(budget, &analysis.cluster_id)).collect();
        let exceeded: Vec<_> = budgets.iter().filter_map(|budget| exceeded(budget, analysis)).collect();
        let unknown: Vec<_> = budgets.iter().filter(|budget| cost_of(budget, analysis).is_none()).collect();
        let reached = config.when.as_ref().is_none_or(|when| {
            when.saving_at_least.zip(saving).is_some_and(|(least, saving)| saving >= least)
                || when.cost_change_percent.zip(change).is_some_and(|(least, change)| 100.0 * change.abs() >= least)
        });
        if !reached && exceeded.is_empty() && unknown.is_empty() {
            return None;
        }
        let mut lines = vec![format!("Cost today: {} a month{}", money.show_or_unknown(today), changed(change))];
        let month = Month::of(analysis.window.end);
        let forecast = today.zip(month).map(|(today, month)| month.forecast(today));
        if let Some((forecast, month)) = forecast.zip(month) {
            lines.push(format!("Forecast for {}, at this rate: {}", month.name(), money.show(forecast)));
        }
        lines.push(format!("Verdict: {}", show::stance(&analysis.verdict)));
        if let Some(saving) = saving.filter(|_| analysis.verdict.recommended().is_some()) {
            lines.push(format!("Saving: {} a month", money.show(saving)));
        }
        let mut notices: Vec<String> = Vec::new();
        notices.extend(exceeded.iter().map(|over| {
            let [monthly, budget, forecast] = [over.monthly, over.budget, over.forecast].map(|usd| money.show(usd));
            let month = month.map_or_else(String::new, |month| format!(", {forecast} by the end of {}", month.name()));
            format!("Over budget: {} costs {monthly} a month at this rate{month}; the budget is {budget}", over.what)
        }));
        notices.extend(unknown.iter().map(|budget| {
            format!("Budget not checked: the report has no cost of {}; see `run --label` for labels", budget.what())
        }));
        lines.extend(notices.iter().cloned());
        let window = &analysis.window;
        lines.push(format!(
            "Window: {} to {}, {} of {} hours",
            window.start.format("%Y-%m-%d %H:%M"),
            window.end.format("%Y-%m-%d %H:%M UTC"),
            window.hours_present,
            window.hours_expected
        ));
        lines.push(format!("Report: {location}"));
        let over = if exceeded.is_empty() { "" } else { ", over budget" };
        let subject = format!("{}: {} a month{over}", analysis.cluster_id, money.show_or_unknown(today));
        let json = json!({
            "schema": SCHEMA,
            "cluster_id": analysis.cluster_id,
            "currency": analysis.currency,
            "window": {"start": window.start, "end": window.end},
            "today_monthly": today,
            "month": month.map(Month::id),
            "month_forecast": forecast,
            "change_fraction": change,
            "recommended": analysis.verdict.recommended().map(|id| id.as_str()),
            "saving_monthly": saving,
            "over_budget": exceeded
                .iter()
                .map(|over| json!({
                    "what": over.what,
                    "monthly": over.monthly,
                    "month_forecast": over.forecast,
                    "budget": over.budget,
                }))
                .collect::<Vec<_>>(),
            "budgets_not_checked": unknown.iter().map(|budget| budget.what()).collect::<Vec<_>>(),
            "report": location,
        });
        // Names come from the cluster: nothing in them may end a line of a header.
        Some(Self { subject: one_line(&subject), text: format!("{}\n", lines.join("\n")), notices, json })
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn changed(change: Option<f64>) -> String {
    change.map(|change| format!(" ({:+.1} % since the report before)", 100.0 * change)).unwrap_or_default()
}

fn monthly(analysis: &Analysis, scenario: &str) -> Option<f64> {
    analysis.scenarios.iter().find(|one| one.id == scenario)?.monthly_usd
}

fn is_of(budget: &Budget, cluster: &str) -> bool {
    budget.cluster.as_deref().is_none_or(|of| of == cluster)
}

/// Cost of a budget's scope in a month of 730 hours, at the rate of the window; `None` when the report does not have it.
fn cost_of(budget: &Budget, analysis: &Analysis) -> Option<f64> {
    let in_window = match (&budget.namespace, &budget.label) {
        (None, None) => return monthly(analysis, "ec2-today"),
        (Some(namespace), _) => {
            let row = analysis.allocation.as_ref()?.by_namespace.iter().find(|row| row.namespace == *namespace);
            row?.workload_usd
        }
        (None, Some(label)) => {
            let (label, value) = label.split_once('=')?;
            let of = |row: &&types::analysis::LabelCost| row.label == label && row.value.as_deref() == Some(value);
            analysis.allocation.as_ref()?.by_label.iter().find(of)?.workload_usd
        }
    };
    let hours = f64::from(analysis.window.hours_present);
    types::number::ratio(in_window * types::HOURS_PER_MONTH, hours)
}

fn exceeded(budget: &Budget, analysis: &Analysis) -> Option<Exceeded> {
    let monthly = cost_of(budget, analysis).filter(|monthly| *monthly > budget.monthly)?;
    let forecast = Month::of(analysis.window.end).map_or(monthly, |month| month.forecast(monthly));
    Some(Exceeded { what: budget.what(), monthly, forecast, budget: budget.monthly })
}

/// A calendar month, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Month {
    first: NaiveDate,
    days: i64,
}

impl Month {
    /// The month in which a window ends; `None` beyond what a calendar has.
    fn of(end: DateTime<Utc>) -> Option<Self> {
        let last = end.checked_sub_signed(TimeDelta::seconds(1))?.date_naive();
        let first = last.with_day(1)?;
        let days = first.checked_add_months(Months::new(1))?.signed_duration_since(first).num_days();
        Some(Self { first, days })
    }

    /// Cost at the end of it, where a month of 730 hours costs so much: what is over at the rate of the window too.
    fn forecast(self, monthly: f64) -> f64 {
        let hours = f64::from(i32::try_from(self.days).unwrap_or_default()) * 24.0;
        monthly * hours / types::HOURS_PER_MONTH
    }

    /// Its name, such as `July 2026`.
    fn name(self) -> String {
        self.first.format("%B %Y").to_string()
    }

    /// The same for programs, such as `2026-07`.
    fn id(self) -> String {
        self.first.format("%Y-%m").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_for_the_calendar_month_in_which_the_window_ends() {
        for (end, name, hours) in [
            ("2026-07-01T00:00:00Z", "June 2026", 720.0),
            ("2026-07-01T01:00:00Z", "July 2026", 744.0),
            ("2028-02-29T12:00:00Z", "February 2028", 696.0),
            ("2026-12-31T23:00:00Z", "December 2026", 744.0),
        ] {
            let month = Month::of(end.parse().unwrap()).unwrap();
            assert_eq!(month.name(), name);
            assert!((month.forecast(730.0) - hours).abs() < 1e-9, "{end}");
        }
        assert_eq!(Month::of("2026-07-05T00:00:00Z".parse().unwrap()).unwrap().id(), "2026-07");
    }
}
