//! The manifests of one day, by their names.

use std::collections::BTreeMap;

use types::{ClusterId, Hour};

use crate::error::LakeError;
use crate::object_keys::{self, ManifestName};
use crate::utc_day::Day;

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
        for name in keys.iter().filter_map(|key| object_keys::manifest_name(key)) {
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
        Some(object_keys::revision(&object_keys::hour_manifest(cluster, hour), *revision))
    }

    /// The number the next revision of an hour gets.
    pub(crate) fn next_revision(&self, cluster: &ClusterId, hour: Hour) -> Result<u32, LakeError> {
        next(self.hours.get(&hour), &object_keys::hour_manifest(cluster, hour))
    }

    /// The number the next revision of the day gets.
    pub(crate) fn next_day_revision(&self, cluster: &ClusterId, day: Day) -> Result<u32, LakeError> {
        next(Some(&self.days), &object_keys::day_manifest(cluster, day))
    }
}

/// The number after the last of `revisions`, which are those of the manifest `first`.
fn next(revisions: Option<&Vec<u32>>, first: &str) -> Result<u32, LakeError> {
    match revisions.and_then(|revisions| revisions.last()) {
        None => Ok(0),
        Some(last) if *last < object_keys::MOST_REVISIONS => Ok(last.saturating_add(1)),
        Some(last) => Err(LakeError::LastRevision { key: object_keys::revision(first, *last) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
