//! What a rule is compared with on a cluster now.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use lake::Lake;
use lake::admit::CLOCK_SKEW;
use reports::{Money, format};
use types::{ClusterId, HOURS_PER_MONTH, NanoUsd, Window};

use super::rule::{AlertRule, Condition};
use crate::app::App;
use crate::problem::Problem;
use crate::rights::Scope;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Measured {
    /// A value in the unit of the rule's limit, and the currency of an amount.
    Value(f64, Option<String>),
    /// It cannot be said, and why.
    Unknown(String),
}

/// The clusters that a rule is checked on: those with reports, and those that only bring hours yet.
pub(super) async fn clusters(app: &App, rule: &AlertRule, now: DateTime<Utc>) -> Result<Vec<ClusterId>, Problem> {
    let mut all = app.shelf.clusters(&Scope::of_service(), now).await?;
    if matches!(rule.condition(), Ok(Condition::BehindAbove(_))) {
        all.extend(lake_of(app).clusters().await.map_err(told)?);
        all.sort();
        all.dedup();
    }
    all.retain(|cluster| rule.names(cluster));
    Ok(all)
}

fn lake_of(app: &App) -> Lake {
    Lake::new(std::sync::Arc::clone(&app.store))
}

fn told(error: lake::LakeError) -> Problem {
    Problem::internal("read the lake", &error)
}

/// What a rule is compared with on a cluster.
///
/// # Errors
/// A [`Problem`] when the store fails: then nothing is known, and nothing changes.
pub(super) async fn measured(
    app: &App,
    rule: &AlertRule,
    condition: Condition,
    cluster: &ClusterId,
    now: DateTime<Utc>,
) -> Result<Measured, Problem> {
    if let Condition::BehindAbove(_) = condition {
        return behind(app, cluster, now).await;
    }
    let report = match app.shelf.latest(&Scope::of_service(), cluster, now).await {
        Ok(report) => report,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => {
            return Ok(Measured::Unknown("there is no report yet".to_owned()));
        }
        Err(problem) => return Err(problem),
    };
    let (present, expected) = (f64::from(report.pointer.hours_present), f64::from(report.pointer.hours_expected));
    if let Condition::CoverageBelow(_) = condition {
        let share = types::number::ratio(100.0 * present, expected);
        return Ok(share.map_or_else(
            || Measured::Unknown("the report does not say how many hours it has".to_owned()),
            |share| Measured::Value(share, None),
        ));
    }
    if matches!(condition, Condition::CostAbove(_)) && rule.is_of_part() {
        return part(app, rule, cluster, present, now).await;
    }
    let Some(figures) = report.standing.map(|standing| standing.figures()) else {
        return Ok(Measured::Unknown("this version does not read the numbers of the report".to_owned()));
    };
    Ok(match (condition, figures.today_monthly_usd) {
        (Condition::SavingAbove(_), _) => {
            Measured::Value(figures.recommended_saving_monthly_usd.unwrap_or(0.0), Some(figures.currency))
        }
        (_, Some(cost)) => Measured::Value(cost, Some(figures.currency)),
        (_, None) => Measured::Unknown("the report has no cost of the cluster".to_owned()),
    })
}

/// The cost of a month of a namespace's or label's workloads, at the rate of the report's window.
async fn part(
    app: &App,
    rule: &AlertRule,
    cluster: &ClusterId,
    hours: f64,
    now: DateTime<Utc>,
) -> Result<Measured, Problem> {
    let Some(found) = app.shelf.rows(&Scope::of_service(), cluster, now).await? else {
        return Ok(Measured::Unknown("the report has no costs by day; the next `emp-cost run` writes them".to_owned()));
    };
    let costs: Vec<i128> = found.rows.iter().filter(|row| rule.takes(row)).map(lake::WorkloadDay::nano_usd).collect();
    if costs.is_empty() {
        let labels = if rule.label.is_some() { "; see `emp-cost run --label`" } else { "" };
        return Ok(Measured::Unknown(format!("the report has no cost of {}{labels}", rule.about())));
    }
    let cost = NanoUsd::new(costs.iter().sum()).usd();
    let monthly = types::number::ratio(cost * HOURS_PER_MONTH, hours);
    Ok(monthly.map_or_else(
        || Measured::Unknown("the report has no hours".to_owned()),
        |monthly| Measured::Value(monthly, Some(found.currency)),
    ))
}

/// Hours since the end of the newest hour that is over. What lies in the lake for later hours came from a clock that is
/// wrong, and says nothing of how far the collector is.
async fn behind(app: &App, cluster: &ClusterId, now: DateTime<Utc>) -> Result<Measured, Problem> {
    let lake = lake_of(app);
    for day in lake.days(cluster).await.map_err(told)?.into_iter().rev() {
        let window = Window::try_new(day.first_hour().start(), day.end());
        let window = window.map_err(|error| Problem::internal("read a day", &error))?;
        let hours = lake.hours(cluster, window).await.map_err(told)?;
        if let Some(newest) = hours.iter().rev().find(|hour| hour.next().start() <= now + CLOCK_SKEW) {
            let seconds = (now - newest.next().start()).num_seconds().max(0);
            let hours = u32::try_from(seconds / 3600).unwrap_or(u32::MAX);
            return Ok(Measured::Value(f64::from(hours), None));
        }
    }
    Ok(Measured::Unknown("no hour has arrived yet".to_owned()))
}

/// A value, or a limit, as people read it.
pub(crate) fn shown(condition: Condition, value: f64, currency: Option<&str>) -> String {
    match (condition, currency) {
        (Condition::CostAbove(_) | Condition::SavingAbove(_), Some(currency)) => {
            format!("{} a month", Money::native(currency).show(value))
        }
        (Condition::CostAbove(_) | Condition::SavingAbove(_), None) => format!("{} a month", format::quantity(value)),
        (Condition::CoverageBelow(_), _) => format!("{value:.1} % of hours"),
        (Condition::BehindAbove(_), _) => format!("{} hours behind", format::quantity(value)),
    }
}
