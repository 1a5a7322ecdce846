//! What a rule is compared with on a cluster now.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use lake::Lake;
use lake::ingest_admission::CLOCK_SKEW;
use reports::{Figures, Money, number_format};
use types::{ClusterId, HOURS_PER_MONTH, NanoUsd, Window};

use super::rule::{AlertRule, Condition};
use crate::access_rules::Scope;
use crate::app_state::App;
use crate::problem::Problem;

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
        Err(problem) if problem.status == StatusCode::BAD_GATEWAY => return Ok(Measured::Unknown(problem.detail)),
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
        (Condition::SavingAbove(_), _) => saving(figures),
        (_, Some(cost)) => Measured::Value(cost, Some(figures.currency)),
        (_, None) => Measured::Unknown("the report has no cost of the cluster".to_owned()),
    })
}

/// What is recommended saves. Staying as it is saves nothing; without a conclusion nothing is known.
fn saving(figures: Figures) -> Measured {
    match (figures.recommended_saving_monthly_usd, figures.change_recommended) {
        (Some(saving), _) => Measured::Value(saving, Some(figures.currency)),
        (None, Some(false)) => Measured::Value(0.0, Some(figures.currency)),
        (None, _) => {
            let why = "the report does not say what to change; one that is made without `--bill-only` does";
            Measured::Unknown(why.to_owned())
        }
    }
}

/// The cost of a month of a namespace's or label's workloads, at the rate of the report's window.
async fn part(
    app: &App,
    rule: &AlertRule,
    cluster: &ClusterId,
    hours: f64,
    now: DateTime<Utc>,
) -> Result<Measured, Problem> {
    let found = match app.shelf.rows(&Scope::of_service(), cluster, None, now).await {
        Err(problem) if problem.status == StatusCode::BAD_GATEWAY => return Ok(Measured::Unknown(problem.detail)),
        found => found?,
    };
    let Some(found) = found else {
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
        (Condition::CostAbove(_) | Condition::SavingAbove(_), None) => {
            format!("{} a month", number_format::quantity(value))
        }
        (Condition::CoverageBelow(_), _) => format!("{value:.1} % of hours"),
        (Condition::BehindAbove(_), _) => format!("{} hours behind", number_format::quantity(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(saving: Option<f64>, change_recommended: Option<bool>) -> Figures {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Figures {
            cluster_id: "prod".to_owned(),
            region: None,
            currency: "USD".to_owned(),
            start: at,
            end: at,
            hours_present: 1,
            hours_expected: 1,
            hours_synthetic: 0,
            today_monthly_usd: Some(100.0),
            today_partial: false,
            ec2_monthly_usd: None,
            pool_monthly_usd: None,
            pool_note: None,
            saving_vs_today_monthly_usd: None,
            saving_vs_today_fraction: None,
            saving_vs_ec2_monthly_usd: None,
            saving_vs_ec2_fraction: None,
            change_recommended,
            recommended_action: None,
            recommended_saving_monthly_usd: saving,
            confidence: None,
            seen_fraction: None,
            realised_monthly_usd: None,
        }
    }

    #[test]
    fn a_saving_that_no_report_concludes_on_is_not_known_and_not_nothing() {
        let dollars = Some("USD".to_owned());
        assert_eq!(saving(figures(Some(5.0), Some(true))), Measured::Value(5.0, dollars.clone()));
        assert_eq!(saving(figures(None, Some(false))), Measured::Value(0.0, dollars), "to stay saves nothing");
        let unknown = saving(figures(None, None));
        assert!(matches!(&unknown, Measured::Unknown(why) if why.contains("--bill-only")), "{unknown:?}");
    }
}
