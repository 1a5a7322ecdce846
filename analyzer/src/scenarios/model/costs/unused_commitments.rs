//! Commitments that stand unused after a change, month by month until they expire.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use types::analysis::StrandedMonth;

use crate::number::{float, ratio};
use crate::pricing::PlanCost;

/// Months listed of a commitment whose end the prices file does not give, and at most of any.
const MOST_OPEN: u32 = 12;
const MOST: u32 = 36;

/// Lists what stays to be paid unused from `end` on, month by month, given what was unused over `hours`; nothing where
/// all of it is used, or has expired.
pub(crate) fn stranded(plans: &[PlanCost], hours: f64, end: DateTime<Utc>) -> Vec<StrandedMonth> {
    let unused = |plan: &PlanCost| ratio((plan.committed - plan.used).usd(), hours).unwrap_or_default();
    let stranded: Vec<_> = plans.iter().map(|plan| (unused(plan), plan.expires_seconds)).collect();
    let Some(first) = end.date_naive().with_day(1) else { return Vec::new() };
    let month = |n: u32| -> Option<StrandedMonth> {
        let [start, next] = [n, n + 1].map(|n| first.checked_add_months(Months::new(n)).map(seconds));
        let (start, next) = (start?.max(end.timestamp()), next?);
        let of = |(usd, expires): &(f64, Option<i64>)| {
            let until = match expires {
                Some(expires) => next.min(*expires),
                None if n < MOST_OPEN => next,
                None => start,
            };
            usd * float((until - start).max(0).into()) / 3600.0
        };
        let usd: f64 = stranded.iter().map(of).sum();
        let month = DateTime::from_timestamp(start, 0)?.format("%Y-%m").to_string();
        Some(StrandedMonth { month, usd })
    };
    (0..MOST).filter_map(month).filter(|month| month.usd > 0.0).collect()
}

fn seconds(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}

#[cfg(test)]
mod tests {
    use types::NanoUsd;

    use super::*;

    fn plan(unused_per_hour: i128, expires: Option<&str>) -> PlanCost {
        let day = |text: &str| seconds(text.parse().unwrap());
        PlanCost {
            name: String::new(),
            kind: types::CommitmentKind::ComputeSavingsPlan,
            // Over a hundred hours.
            committed: NanoUsd::new(unused_per_hour * 100_000_000_000),
            used: NanoUsd::ZERO,
            covered: NanoUsd::ZERO,
            expires_seconds: expires.map(day),
        }
    }

    fn months(plans: &[PlanCost]) -> Vec<(String, f64)> {
        let end = "2026-07-30T12:00:00Z".parse().unwrap();
        stranded(plans, 100.0, end).into_iter().map(|month| (month.month, month.usd)).collect()
    }

    #[test]
    fn each_month_is_paid_until_the_day_of_expiry() {
        let two = [plan(2, Some("2026-09-02")), plan(1, Some("2026-08-01"))];
        let expect = [("2026-07", 3.0 * 36.0), ("2026-08", 2.0 * 744.0), ("2026-09", 2.0 * 24.0)];
        assert_eq!(months(&two), expect.map(|(month, usd)| (month.to_owned(), usd)));
    }

    #[test]
    fn what_is_used_or_expired_is_not_stranded() {
        assert_eq!(months(&[plan(0, None), plan(5, Some("2026-07-01"))]), []);
        assert_eq!(months(&[]), []);
    }

    #[test]
    fn a_commitment_without_an_end_is_listed_for_a_year() {
        let open = months(&[plan(1, None)]);
        assert_eq!((open.len(), open[0].0.as_str(), open[11].0.as_str()), (12, "2026-07", "2027-06"));
        let three_years = months(&[plan(1, Some("2029-07-01"))]);
        assert_eq!(three_years.len(), 36);
    }
}
