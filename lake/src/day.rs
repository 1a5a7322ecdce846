//! One UTC day, and what of it is in the lake.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use types::{ClusterId, Hour, Window};

use crate::error::LakeError;
use crate::keys::{self, ManifestName};

/// Hours in a day.
pub const HOURS_PER_DAY: usize = 24;

/// One UTC day: the unit of compaction and of retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Hour);

/// Why a text is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not a day; write it as 2026-07-31")]
pub struct InvalidDay {
    given: String,
}

impl Day {
    /// The day of an hour.
    pub fn of(hour: Hour) -> Self {
        Self(hour.plus(-hour.of_day()))
    }

    /// The day of a moment.
    pub fn containing(moment: DateTime<Utc>) -> Self {
        Self::of(Hour::containing(moment))
    }

    /// Its first hour.
    pub fn first_hour(self) -> Hour {
        self.0
    }

    /// Its 24 hours, oldest first.
    pub fn hours(self) -> impl DoubleEndedIterator<Item = Hour> + Clone {
        (0..24).map(move |n| self.0.plus(n))
    }

    /// The first moment after it.
    pub fn end(self) -> DateTime<Utc> {
        self.0.plus(24).start()
    }

    /// The day `n` later, or earlier when `n` is negative.
    pub fn plus(self, n: i64) -> Self {
        Self(self.0.plus(24 * n))
    }

    /// The days that share an hour with `window`, oldest first.
    pub fn of_window(window: Window) -> impl Iterator<Item = Self> {
        let mut hours = window.hours();
        let (first, last) = (hours.next(), hours.next_back());
        let last = last.or(first).map(Self::of);
        std::iter::successors(first.map(Self::of), |day| Some(day.plus(1)))
            .take_while(move |day| last.is_some_and(|last| *day <= last))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.date())
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse::<NaiveDate>().map(|date| Self::containing(date.and_time(NaiveTime::MIN).and_utc()));
        // What a date is written as is part of the keys, so only the one spelling is taken.
        // Ten characters: the years of the calendar, none of those at the end of what chrono can hold.
        day.ok()
            .filter(|day| text.len() == 10 && day.to_string() == text)
            .ok_or_else(|| InvalidDay { given: text.to_owned() })
    }
}

/// The manifests of a day, by their names alone: one listing, nothing read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DayListing {
    /// Revisions of each hour, ascending.
    pub(crate) hours: BTreeMap<Hour, Vec<u32>>,
    /// Revisions of the day, ascending.
    pub(crate) days: Vec<u32>,
    /// Tries to correct each hour that did not better it.
    pub(crate) tries: BTreeMap<Hour, u32>,
}

impl DayListing {
    pub(crate) fn of(day: Day, keys: &[String]) -> Self {
        let mut listing = Self::default();
        let hour = |of_day| day.first_hour().plus(of_day);
        for name in keys.iter().filter_map(|key| keys::manifest_name(key)) {
            match name {
                ManifestName::Hour { of_day, revision } => {
                    listing.hours.entry(hour(of_day)).or_default().push(revision);
                }
                ManifestName::Day { revision } => listing.days.push(revision),
                ManifestName::Try { of_day, n } => {
                    let most = listing.tries.entry(hour(of_day)).or_default();
                    *most = n.max(*most);
                }
            }
        }
        listing.hours.values_mut().for_each(|revisions| revisions.sort_unstable());
        listing.days.sort_unstable();
        listing
    }

    /// The key of the manifest that holds for an hour: its newest revision.
    pub(crate) fn newest(&self, cluster: &ClusterId, hour: Hour) -> Option<String> {
        let revision = self.hours.get(&hour)?.last()?;
        Some(keys::revision(&keys::hour_manifest(cluster, hour), *revision))
    }

    /// The number the next revision of an hour gets.
    pub(crate) fn next_revision(&self, cluster: &ClusterId, hour: Hour) -> Result<u32, LakeError> {
        next(self.hours.get(&hour), &keys::hour_manifest(cluster, hour))
    }

    /// The number the next revision of the day gets.
    pub(crate) fn next_day_revision(&self, cluster: &ClusterId, day: Day) -> Result<u32, LakeError> {
        next(Some(&self.days), &keys::day_manifest(cluster, day))
    }
}

/// The number after the last of `revisions`, which are those of the manifest `first`.
fn next(revisions: Option<&Vec<u32>>, first: &str) -> Result<u32, LakeError> {
    match revisions.and_then(|revisions| revisions.last()) {
        None => Ok(0),
        Some(last) if *last < keys::MOST_REVISIONS => Ok(last + 1),
        Some(last) => Err(LakeError::LastRevision { key: keys::revision(first, *last) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_24_hours_and_written_one_way() {
        let day: Day = "2026-06-30".parse().unwrap();
        assert_eq!(day.to_string(), "2026-06-30");
        assert_eq!(day.hours().count(), HOURS_PER_DAY);
        assert!(day.hours().all(|hour| Day::of(hour) == day && hour.date() == "2026-06-30"));
        assert_eq!(day.end().to_rfc3339(), "2026-07-01T00:00:00+00:00");
        for bad in ["2026-6-30", "2026-06-31", "", "today", "+2026-06-30", "+262142-12-31", "-0001-01-01"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_touches_the_days_of_its_hours() {
        let day: Day = "2026-06-30".parse().unwrap();
        let days = |from: i64, to: i64| {
            let window = Window::try_new(day.first_hour().plus(from).start(), day.first_hour().plus(to).start());
            Day::of_window(window.unwrap()).map(|day| day.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(days(23, 25), ["2026-06-30", "2026-07-01"]);
        assert_eq!(days(0, 24), ["2026-06-30"]);
        assert_eq!(days(5, 6), ["2026-06-30"]);
    }

    #[test]
    fn the_newest_revision_of_an_hour_holds() {
        let day: Day = "2026-06-30".parse().unwrap();
        let names =
            ["x/hour=07.json", "x/hour=07.r10.json", "x/hour=07.r2.json", "x/day.json", "x/hour=07.try2", "x/y"];
        let listing = DayListing::of(day, &names.map(ToOwned::to_owned));
        let cluster = "c".parse().unwrap();
        let hour = day.first_hour().plus(7);
        assert!(listing.newest(&cluster, hour).unwrap().ends_with("hour=07.r10.json"));
        assert_eq!(listing.next_revision(&cluster, hour).unwrap(), 11);
        assert_eq!(listing.next_day_revision(&cluster, day).unwrap(), 1);
        assert_eq!((listing.days.as_slice(), listing.tries.get(&hour)), ([0].as_slice(), Some(&2)));
        assert_eq!(listing.newest(&cluster, hour.next()), None);
    }

    #[test]
    fn the_last_number_there_is_has_no_next_and_greater_ones_are_nobodys() {
        let day: Day = "2026-06-30".parse().unwrap();
        let cluster = "c".parse().unwrap();
        let hour = day.first_hour().plus(7);
        for beyond in ["x/hour=07.r4294967295.json", "x/hour=07.r1000000000.json", "x/hour=07.try4294967295"] {
            let listing = DayListing::of(day, &["x/hour=07.json".to_owned(), beyond.to_owned()]);
            assert_eq!(listing.next_revision(&cluster, hour).unwrap(), 1, "{beyond}");
        }
        let names = ["x/hour=07.r999999999.json", "x/day.r999999999.json"].map(ToOwned::to_owned);
        let listing = DayListing::of(day, &names);
        for error in [listing.next_revision(&cluster, hour), listing.next_day_revision(&cluster, day)] {
            let said = error.unwrap_err().to_string();
            assert!(said.contains(".r999999999.json` has the greatest number"), "{said}");
        }
    }
}
