//! Frame of a file: what all of its rows have in common.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use types::analysis::{Analysis, Scenario};

use super::version::Version;

/// Settings of a file that no metric of a cluster tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Version of the specification.
    pub version: Version,
    /// The account that pays, as AWS's own export names it; `None` gives `cluster/` and the cluster's name, which no
    /// account is called.
    pub billing_account_id: Option<String>,
}

/// Frame that all rows of a file share.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) version: Version,
    pub(super) billing_account_id: String,
    pub(super) currency: String,
    pub(super) billing_start: DateTime<Utc>,
    pub(super) billing_end: DateTime<Utc>,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) cluster_id: String,
    pub(super) region: Option<String>,
    pub(super) scenario: String,
    pub(super) scenario_label: String,
    pub(super) partial: bool,
    pub(super) view: &'static str,
    pub(super) hours_present: u32,
    pub(super) hours_expected: u32,
    pub(super) tool_version: String,
    pub(super) manifests_sha256: String,
}

impl Frame {
    pub(super) fn new(analysis: &Analysis, scenario: &Scenario, settings: &Settings, view: &'static str) -> Self {
        let window = &analysis.window;
        let (billing_start, billing_end) = months(window.start, window.end);
        let account = settings.billing_account_id.clone();
        Self {
            version: settings.version,
            billing_account_id: account.unwrap_or_else(|| format!("cluster/{}", analysis.cluster_id)),
            currency: analysis.currency.clone(),
            billing_start,
            billing_end,
            start: window.start,
            end: window.end,
            cluster_id: analysis.cluster_id.clone(),
            region: analysis.region.clone(),
            scenario: scenario.id.clone(),
            scenario_label: scenario.label.clone(),
            partial: scenario.partial,
            view,
            hours_present: window.hours_present,
            hours_expected: window.hours_expected,
            tool_version: analysis.provenance.tool_version.clone(),
            manifests_sha256: analysis.provenance.manifests_sha256.clone(),
        }
    }
}

/// The calendar months that a window touches, end exclusive: the billing period of AWS is one month, and a cost of a
/// window that touches two belongs to both.
fn months(start: DateTime<Utc>, end: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let first = |date: NaiveDate| date.with_day(1).unwrap_or(date);
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
    let last = (end - chrono::TimeDelta::nanoseconds(1)).max(start).date_naive();
    let after = first(last).checked_add_months(Months::new(1)).unwrap_or(last);
    (midnight(first(start.date_naive())), midnight(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_billing_period_is_the_months_the_window_touches() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        for (start, end, from, to) in [
            ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            ("2026-06-12T05:00:00Z", "2026-07-03T00:00:00Z", "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z"),
            ("2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(months(at(start), at(end)), (at(from), at(to)), "{start} {end}");
        }
    }
}
