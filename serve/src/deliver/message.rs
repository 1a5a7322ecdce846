//! The message about one report: what is in it, and why it is sent. A function of the analysis and the delivery file.

use reports::Money;
use serde_json::{Value, json};
use types::analysis::Analysis;
use types::wording;

use super::budget_month::{Amounts, Month, SoFar};
use super::delivery_file::{Budget, Config};

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

/// A budget that the cost of the calendar month exceeds.
#[derive(Debug, Clone, PartialEq)]
struct Exceeded {
    what: String,
    /// Cost of a month of 730 hours at the rate of the window.
    monthly: f64,
    /// Amounts of the calendar month in which the window ends; `None` where none of it was measured.
    month: Option<Amounts>,
    budget: f64,
}

impl Exceeded {
    /// Says so, as a line.
    fn notice(&self, money: &Money, month: Option<Month>) -> String {
        let cost = match self.month.zip(month) {
            Some((Amounts { spent, forecast }, month)) => {
                let so_far = spent.map(|spent| format!(", {} of it so far", money.show(spent))).unwrap_or_default();
                format!("{} in {} by the forecast{so_far}", money.show(forecast), month.name())
            }
            None => format!("{} a month at this rate", money.show(self.monthly)),
        };
        format!("Over budget: {} costs {cost}; the budget is {}", self.what, money.show(self.budget))
    }
}

/// Says what the calendar month comes to, as a line.
fn forecast(money: &Money, amounts: Amounts, so_far: &SoFar) -> String {
    let of = match amounts.spent {
        Some(spent) => format!(
            ", of which {} in the {} measured; the rest at the rate of the window",
            money.show(spent),
            wording::counted(so_far.hours, "hour")
        ),
        None => ", at the rate of the window".to_owned(),
    };
    format!("Forecast for {}: {}{of}", so_far.month.name(), money.show(amounts.forecast))
}

impl Message {
    /// Makes the message about a report that lies at `location`; `None` when no threshold is reached.
    ///
    /// `before` is what the cluster cost in a month by the report before, in its currency; `so_far` what of the report is in
    /// the calendar month in which its window ends, which budgets are compared with.
    pub fn about(
        analysis: &Analysis,
        location: &str,
        before: Option<f64>,
        so_far: Option<&SoFar>,
        config: &Config,
    ) -> Option<Self> {
        let money = Money::native(&analysis.currency);
        let today = monthly(analysis, "ec2-today");
        let change = today.zip(before).and_then(|(now, before)| types::number::ratio(now - before, before));
        let saving = analysis.verdict.amounts.as_ref().map(|amounts| amounts.saving_monthly_usd);
        let all = config.budget.iter().enumerate();
        let budgets: Vec<_> = all.filter(|(_, budget)| is_of(budget, &analysis.cluster_id)).collect();
        let exceeded: Vec<_> = budgets.iter().filter_map(|budget| exceeded(*budget, analysis, so_far)).collect();
        let unknown: Vec<_> =
            budgets.iter().map(|(_, budget)| budget).filter(|b| cost_of(b, analysis).is_none()).collect();
        let reached = config.when.as_ref().is_none_or(|when| {
            when.saving_at_least.zip(saving).is_some_and(|(least, saving)| saving >= least)
                || when.cost_change_percent.zip(change).is_some_and(|(least, change)| 100.0 * change.abs() >= least)
        });
        if !reached && exceeded.is_empty() && unknown.is_empty() {
            return None;
        }
        let mut lines = vec![format!("Cost today: {} a month{}", money.show_or_unknown(today), changed(change))];
        let month = so_far.map(|so_far| so_far.month);
        let amounts = so_far.and_then(|so_far| Some(so_far.of_cluster(in_window(analysis)?, today?)));
        lines.extend(amounts.zip(so_far).map(|(amounts, so_far)| forecast(&money, amounts, so_far)));
        lines.push(format!("Verdict: {}", wording::stance(&analysis.verdict)));
        if let Some(saving) = saving.filter(|_| analysis.verdict.recommended().is_some()) {
            lines.push(format!("Saving: {} a month", money.show(saving)));
        }
        let mut notices: Vec<String> = Vec::new();
        notices.extend(exceeded.iter().map(|over| over.notice(&money, month)));
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
            "month_spent": amounts.and_then(|amounts| amounts.spent),
            "month_forecast": amounts.map(|amounts| amounts.forecast),
            "change_fraction": change,
            "recommended": analysis.verdict.recommended().map(|id| id.as_str()),
            "saving_monthly": saving,
            "over_budget": exceeded
                .iter()
                .map(|over| json!({
                    "what": over.what,
                    "monthly": over.monthly,
                    "month_spent": over.month.and_then(|amounts| amounts.spent),
                    "month_forecast": over.month.map(|amounts| amounts.forecast),
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

/// Cost of the cluster over the window.
fn in_window(analysis: &Analysis) -> Option<f64> {
    analysis.scenarios.iter().find(|one| one.id == "ec2-today")?.cost_usd.total
}

/// Cost of a budget's scope over the window; `None` when the report does not have it.
fn cost_of(budget: &Budget, analysis: &Analysis) -> Option<f64> {
    match (&budget.namespace, &budget.label) {
        (None, None) => in_window(analysis),
        (Some(namespace), _) => {
            let row = analysis.allocation.as_ref()?.by_namespace.iter().find(|row| row.namespace == *namespace);
            Some(row?.workload_usd)
        }
        (None, Some(label)) => {
            let (label, value) = label.split_once('=')?;
            let of = |row: &&types::analysis::LabelCost| row.label == label && row.value.as_deref() == Some(value);
            Some(analysis.allocation.as_ref()?.by_label.iter().find(of)?.workload_usd)
        }
    }
}

/// The budget that is the nth of the delivery file, where the cost of the calendar month exceeds it; without one, where that
/// of a month of 730 hours does.
fn exceeded((n, budget): (usize, &Budget), analysis: &Analysis, so_far: Option<&SoFar>) -> Option<Exceeded> {
    let cost = cost_of(budget, analysis)?;
    let monthly = match (&budget.namespace, &budget.label) {
        (None, None) => monthly(analysis, "ec2-today")?,
        _ => cost * analysis.window.months()?,
    };
    let month = so_far.map(|so_far| so_far.of_budget(n, cost, monthly));
    let reached = month.map_or(monthly, |amounts| amounts.forecast);
    (reached > budget.monthly).then(|| Exceeded { what: budget.what(), monthly, month, budget: budget.monthly })
}
