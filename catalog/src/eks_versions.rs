//! Until when EKS supports which version of Kubernetes, and so when a control plane begins to cost more.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::Deserialize;

use crate::{CatalogError, rows};

pub(crate) const EKS_VERSIONS: &str = include_str!("../data/eks_versions.csv");

/// A minor version of Kubernetes, such as 1.31.
pub type Minor = (u32, u32);

/// Level of support that a control plane pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// Within the first 14 months.
    Standard,
    /// Within the 12 months after.
    Extended,
    /// After these: EKS has moved the control plane on, to a version it does support.
    Ended,
}

/// The release calendar of EKS.
#[derive(Debug, Clone)]
pub struct EksVersions(BTreeMap<Minor, Row>);

#[derive(Debug, Clone, Deserialize)]
struct Row {
    version: String,
    standard_until: NaiveDate,
    extended_until: NaiveDate,
}

impl EksVersions {
    pub(crate) fn read() -> Result<Self, CatalogError> {
        let mut versions = BTreeMap::new();
        for row in rows::<Row>("eks_versions.csv", EKS_VERSIONS)? {
            let bad = || CatalogError::Price { file: "eks_versions.csv", row: row.version.clone() };
            versions.insert(minor(&row.version).ok_or_else(bad)?, row);
        }
        Ok(Self(versions))
    }

    /// The support of a version on a day, and whether the calendar has the version: older ones have ended, newer ones
    /// are taken for standard. The day on which standard support ends is its last.
    pub fn support(&self, version: Minor, day: NaiveDate) -> (Support, bool) {
        let Some(row) = self.0.get(&version) else {
            let older = self.0.keys().next().is_some_and(|first| version < *first);
            return (if older { Support::Ended } else { Support::Standard }, false);
        };
        if day <= row.standard_until {
            (Support::Standard, true)
        } else if day <= row.extended_until {
            (Support::Extended, true)
        } else {
            (Support::Ended, true)
        }
    }

    /// The first day of extended support; `None` where the calendar does not have the version.
    pub fn extended_from(&self, version: Minor) -> Option<NaiveDate> {
        self.0.get(&version)?.standard_until.checked_add_days(Days::new(1))
    }
}

/// The minor version in what a kubelet says, such as `v1.31.13-eks-113cf36`.
pub fn minor(text: &str) -> Option<Minor> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some((digits(parts.next()?)?, digits(parts.next()?)?))
}

#[cfg(test)]
mod tests {
    use chrono::Months;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn support_goes_from_standard_to_extended_to_ended() {
        let versions = EksVersions::read().unwrap();
        for (on, expect) in [
            ("2025-11-26", Support::Standard),
            ("2025-11-27", Support::Extended),
            ("2026-11-26", Support::Extended),
            ("2026-11-27", Support::Ended),
        ] {
            assert_eq!(versions.support((1, 31), day(on)), (expect, true), "{on}");
        }
        assert_eq!(versions.support((1, 19), day("2026-01-01")), (Support::Ended, false));
        assert_eq!(versions.support((1, 99), day("2026-01-01")), (Support::Standard, false));
        assert_eq!(versions.extended_from((1, 31)), Some(day("2025-11-27")));
    }

    #[test]
    fn a_calendar_runs_fourteen_months_and_twelve_more() {
        let versions = EksVersions::read().unwrap();
        for (version, row) in &versions.0 {
            assert_eq!(row.standard_until + Months::new(12), row.extended_until, "{version:?}");
        }
        let last: Vec<_> = versions.0.values().map(|row| row.standard_until).collect();
        assert!(last.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_kubelet_names_its_minor_version() {
        assert_eq!(minor("v1.31.13-eks-113cf36"), Some((1, 31)));
        assert_eq!(minor("1.34"), Some((1, 34)));
        assert_eq!((minor("v1.x"), minor(""), minor("latest")), (None, None, None));
    }
}
