//! The calendar month, in UTC, in which the window of a report ends: what was spent in it so far, and what it comes to.
//!
//! A month of a report has 730 hours, which is a rate. A budget is of a month that has 672 to 744.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use lake::WorkloadDay;
use lake::workload_day::Part;
use types::NanoUsd;
use types::analysis::Analysis;
use types::number::ratio;

use super::delivery_file::{Budget, Config};

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    first: NaiveDate,
    days: i64,
}

impl Month {
    /// The month in which a window ends; `None` beyond what a calendar has.
    fn of(end: DateTime<Utc>) -> Option<Self> {
        let last = end.checked_sub_signed(TimeDelta::seconds(1))?.date_naive();
        let first = last.format("%Y-%m-01").to_string().parse().ok()?;
        let days = next(first)?.signed_duration_since(first).num_days();
        Some(Self { first, days })
    }

    fn hours(self) -> f64 {
        f64::from(i32::try_from(self.days).unwrap_or_default()) * 24.0
    }

    fn has(self, date: NaiveDate) -> bool {
        (0..self.days).contains(&date.signed_duration_since(self.first).num_days())
    }

    /// Its name, such as `July 2026`.
    pub(super) fn name(self) -> String {
        self.first.format("%B %Y").to_string()
    }

    /// The same for programs, such as `2026-07`.
    pub(super) fn id(self) -> String {
        self.first.format("%Y-%m").to_string()
    }
}

/// The first day of the month after.
fn next(first: NaiveDate) -> Option<NaiveDate> {
    first.checked_add_months(Months::new(1))
}

/// Amounts of a month: what was measured, and what it comes to in the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amounts {
    /// Spent in the hours of the month that the report has; `None` where it has none.
    pub(super) spent: Option<f64>,
    /// That, and the other hours of the month at the rate of the window.
    pub(super) forecast: f64,
}

/// Part of a report that is in the calendar month in which its window ends.
#[derive(Debug, Clone, PartialEq)]
pub struct SoFar {
    pub(super) month: Month,
    /// Hours of the month that the report has.
    pub(super) hours: u32,
    /// Share of the cluster's cost over the window that is of the month.
    cluster: f64,
    /// The same of each budget, in the order of the delivery file.
    budgets: Vec<f64>,
}

impl SoFar {
    /// The part of a report that is in the month, by its costs by day; `None` without an hour.
    pub fn of(analysis: &Analysis, days: &[WorkloadDay], config: &Config) -> Option<Self> {
        let month = Month::of(analysis.window.end)?;
        let measured = analysis.utilisation.hourly.iter().filter(|point| month.has(point.hour.date_naive())).count();
        let hours = u32::try_from(measured).unwrap_or(u32::MAX);
        let by_time = ratio(f64::from(hours), f64::from(analysis.window.hours_present))?.min(1.0);
        let share = |takes: &dyn Fn(&WorkloadDay) -> bool| {
            let (mut within, mut all) = (0_i128, 0_i128);
            for row in days.iter().filter(|row| takes(row)) {
                // What is of no day is taken to be spread as the rest is.
                let Some(date) = row.date.as_ref().and_then(|date| date.parse().ok()) else { continue };
                all += row.nano_usd();
                within += if month.has(date) { row.nano_usd() } else { 0 };
            }
            ratio(NanoUsd::new(within).usd(), NanoUsd::new(all).usd()).unwrap_or(by_time)
        };
        let of_budget = |budget: &Budget| share(&|row| takes(budget, row));
        let budgets = config.budget.iter().map(of_budget).collect();
        Some(Self { month, hours, cluster: share(&|_| true), budgets })
    }

    /// Amounts of the cluster, by its cost over the window and that of a month of 730 hours.
    pub(super) fn of_cluster(&self, in_window: f64, monthly: f64) -> Amounts {
        self.amounts(in_window * self.cluster, monthly)
    }

    /// Amounts of the budget that is the nth of the delivery file.
    pub(super) fn of_budget(&self, n: usize, in_window: f64, monthly: f64) -> Amounts {
        let share = self.budgets.get(n).copied().unwrap_or(self.cluster);
        self.amounts(in_window * share, monthly)
    }

    fn amounts(&self, spent: f64, monthly: f64) -> Amounts {
        let left = (self.month.hours() - f64::from(self.hours)).max(0.0);
        let spent = Some(spent).filter(|_| self.hours > 0);
        Amounts { spent, forecast: spent.unwrap_or_default() + monthly * left / types::HOURS_PER_MONTH }
    }
}

/// Returns true when a row is part of what a budget is of.
fn takes(budget: &Budget, row: &WorkloadDay) -> bool {
    match (&budget.namespace, &budget.label) {
        (None, None) => true,
        (Some(namespace), _) => row.part == Part::Workload && row.namespace.as_deref() == Some(namespace),
        (None, Some(label)) => {
            let of = label.split_once('=');
            row.part == Part::Workload && of.is_some_and(|(name, value)| row.label(name) == Some(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(end: &str) -> Month {
        Month::of(end.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_month_is_that_of_the_calendar_in_which_the_window_ends() {
        for (end, name, hours) in [
            ("2026-07-01T00:00:00Z", "June 2026", 720.0),
            ("2026-07-01T01:00:00Z", "July 2026", 744.0),
            ("2027-02-10T12:00:00Z", "February 2027", 672.0),
            ("2028-02-29T12:00:00Z", "February 2028", 696.0),
            ("2026-12-31T23:00:00Z", "December 2026", 744.0),
        ] {
            let month = month(end);
            assert_eq!((month.name().as_str(), month.hours()), (name, hours));
        }
        let july = month("2026-07-05T00:00:00Z");
        assert_eq!(july.id(), "2026-07");
        let days = ["2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01"];
        assert_eq!(days.map(|day| july.has(day.parse().unwrap())), [false, true, true, false]);
    }

    #[test]
    fn a_forecast_is_what_was_spent_and_the_rest_at_the_rate_of_the_window() {
        // Ten days of July at 5 an hour, in a window of 28 that costs 2 an hour on average.
        let so_far = SoFar {
            month: month("2026-07-11T00:00:00Z"),
            hours: 240,
            cluster: 240.0 * 5.0 / (672.0 * 2.0),
            budgets: vec![0.5],
        };
        let found = so_far.of_cluster(672.0 * 2.0, 730.0 * 2.0);
        assert!((found.spent.unwrap() - 1_200.0).abs() < 1e-9, "{found:?}");
        assert!((found.forecast - (1_200.0 + 504.0 * 2.0)).abs() < 1e-9, "{found:?}");
        let found = so_far.of_budget(0, 100.0, 730.0);
        assert!((found.spent.unwrap() - 50.0).abs() < 1e-9 && (found.forecast - 554.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_month_of_which_no_hour_was_measured_goes_by_the_rate_alone() {
        let month = month("2026-07-11T00:00:00Z");
        let so_far = SoFar { month, hours: 0, cluster: 0.0, budgets: Vec::new() };
        assert_eq!(so_far.of_cluster(100.0, 730.0), Amounts { spent: None, forecast: 744.0 });
    }

    #[test]
    fn a_budget_takes_the_rows_of_its_workloads() {
        let row = |part, namespace: &str, label: &str| WorkloadDay {
            namespace: Some(namespace.into()),
            labels: [label.into()].into(),
            ..WorkloadDay::of("prod-1", part)
        };
        let budget = |namespace: Option<&str>, label: Option<&str>| Budget {
            cluster: None,
            namespace: namespace.map(str::to_owned),
            label: label.map(str::to_owned),
            monthly: 1.0,
        };
        let rows = [
            row(Part::Workload, "a", "team=x"),
            row(Part::Workload, "b", "team=y"),
            row(Part::Daemonset, "a", "team=x"),
            row(Part::Idle, "", ""),
        ];
        let taken = |budget: &Budget| rows.each_ref().map(|row| takes(budget, row));
        assert_eq!(taken(&budget(None, None)), [true; 4]);
        assert_eq!(taken(&budget(Some("a"), None)), [true, false, false, false]);
        assert_eq!(taken(&budget(None, Some("team=y"))), [false, true, false, false]);
    }
}
