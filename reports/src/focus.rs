//! The costs of a scenario in the words of FOCUS, the FinOps Open Cost and Usage Specification, as CSV and as Parquet.
//!
//! One file for each scenario, because scenarios are alternatives: nobody is to add them up. Its rows are the machines and
//! items of the cost lines ([`charges`]), and their `EffectiveCost` adds up to the scenario's total, to the nano-dollar.
//! Of today's cost there is a second file by workload ([`split`]), which adds up to the same total. Nothing in them was
//! invoiced, so `BilledCost` is 0 in every row: the invoice is in the export of AWS.
//!
//! Rules: <https://focus.finops.org>, versions 1.2 and 1.3, and their requirements model 1.2.0.1 (read 2026-11-21).

mod charges;
mod columns;
mod decimal;
mod split;
mod table;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use types::analysis::{Analysis, Scenario};

use crate::words::TODAY;
use columns::Row;
pub use columns::{COLUMNS, Column, Kind, Level};

/// A version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// 1.2, of May 2025.
    #[default]
    V1_2,
    /// 1.3, which has columns for costs that are split.
    V1_3,
}

impl Version {
    /// Every version that can be written.
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}

/// A version that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FOCUS `{0}` cannot be written; use 1.2 or 1.3")]
pub struct UnknownVersion(String);

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|version| version.to_string() == text).ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

/// Settings of a file that no metric of a cluster tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Version of the specification.
    pub version: Version,
    /// The account that pays, as AWS's own export names it; `None` gives `cluster/` and the cluster's name, which no
    /// account is called.
    pub billing_account_id: Option<String>,
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write FOCUS rows of `{scenario}`")]
pub struct FocusError {
    scenario: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The rows of one file.
#[derive(Debug)]
pub struct Table {
    /// Name of the file without its ending: the scenario, or `ec2-today-by-workload`.
    pub name: String,
    frame: Frame,
    rows: Vec<Row>,
}

/// Frame that all rows of a file share.
#[derive(Debug)]
struct Frame {
    version: Version,
    billing_account_id: String,
    currency: String,
    billing_start: DateTime<Utc>,
    billing_end: DateTime<Utc>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    cluster_id: String,
    region: Option<String>,
    scenario: String,
    scenario_label: String,
    partial: bool,
    view: &'static str,
    hours_present: u32,
    hours_expected: u32,
    tool_version: String,
    manifests_sha256: String,
}

/// The files of an analysis: each scenario, and today's cost by workload where it was given out.
pub fn tables(analysis: &Analysis, settings: &Settings) -> Vec<Table> {
    let mut tables = Vec::new();
    for scenario in &analysis.scenarios {
        let frame = |view| Frame::new(analysis, scenario, settings, view);
        let name = file_name(&scenario.id);
        tables.push(Table { name: name.clone(), frame: frame("charges"), rows: charges::rows(analysis, scenario) });
        if let Some(allocation) = analysis.allocation.as_ref().filter(|_| scenario.id == TODAY) {
            let rows = split::rows(analysis, allocation, settings.version);
            tables.push(Table { name: format!("{name}-by-workload"), frame: frame("workloads"), rows });
        }
    }
    tables
}

impl Table {
    /// As CSV: UTF-8, a header, moments as `2026-06-01T00:00:00Z`, null as an empty field.
    ///
    /// # Errors
    /// [`FocusError`] when it cannot be written, which memory aside does not happen.
    pub fn csv(&self) -> Result<Vec<u8>, FocusError> {
        table::csv(self).map_err(|source| self.error(source))
    }

    /// As Parquet: decimals of 38 digits with 12 after the point, timestamps of milliseconds in UTC, UTF-8 strings.
    ///
    /// # Errors
    /// [`FocusError`] when it cannot be written, which memory aside does not happen.
    pub fn parquet(&self) -> Result<Vec<u8>, FocusError> {
        table::parquet(self).map_err(|source| self.error(source))
    }

    /// The columns of this file, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + '_ {
        COLUMNS.iter().filter(|column| column.since <= self.frame.version)
    }

    fn error(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FocusError {
        FocusError { scenario: self.frame.scenario.clone(), source: source.into() }
    }
}

impl Frame {
    fn new(analysis: &Analysis, scenario: &Scenario, settings: &Settings, view: &'static str) -> Self {
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

/// A scenario's id as the name of a file: an analysis may come from anywhere.
fn file_name(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    id.chars().take(100).map(safe).collect()
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

    #[test]
    fn a_hostile_scenario_cannot_name_a_file_elsewhere() {
        assert_eq!(file_name("../../etc/passwd"), "------etc-passwd");
        assert_eq!(file_name("ec2-today"), "ec2-today");
    }

    #[test]
    fn versions_are_named_as_the_specification_names_them() {
        assert_eq!("1.2".parse::<Version>(), Ok(Version::V1_2));
        assert_eq!("1.3".parse::<Version>(), Ok(Version::V1_3));
        assert_eq!("1.4".parse::<Version>().unwrap_err().to_string(), "FOCUS `1.4` cannot be written; use 1.2 or 1.3");
    }
}
