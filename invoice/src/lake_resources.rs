//! Machines and volumes that the lake saw, by the ids that a bill has.

use std::collections::BTreeMap;

use types::window::HOUR_SECONDS;
use types::{CapacityType, Hour, NanoUsd, UsdPerHour};

/// Everything of a cluster that a bill can name, in the hours of the lake.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Start of each hour, oldest first.
    hours: Vec<i64>,
    /// By instance id.
    pub(crate) nodes: BTreeMap<String, Tracked<SeenNode>>,
    /// By volume id.
    pub(crate) volumes: BTreeMap<String, Tracked<SeenVolume>>,
}

/// A machine.
#[derive(Debug, Clone, Default)]
pub struct SeenNode {
    /// Name of its node.
    pub name: String,
    /// EC2 instance type; empty where it is not known.
    pub instance_type: String,
    /// Capacity type as it is priced.
    pub capacity_type: CapacityType,
    /// Price of an hour in the analysis.
    pub price: Option<UsdPerHour>,
}

/// A volume.
#[derive(Debug, Clone, Default)]
pub struct SeenVolume {
    /// `namespace/claim`.
    pub claim: String,
    /// EBS volume type; empty where it is not known.
    pub volume_type: String,
    /// Size.
    pub bytes: Option<i64>,
    /// Price of a GiB-month in the analysis.
    pub price: Option<NanoUsd>,
}

/// A resource with its hours.
#[derive(Debug, Clone)]
pub(crate) struct Tracked<T> {
    pub(crate) about: T,
    pub(crate) track: Track,
}

/// The hours of one resource, from the first in which it was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Track {
    first: usize,
    /// Seconds seen in each hour, and whether the bill has the hour.
    hours: Vec<(u16, bool)>,
}

impl Track {
    fn see(&mut self, hour: usize, seconds: i64) {
        if self.hours.is_empty() {
            self.first = hour;
        }
        let Some(n) = hour.checked_sub(self.first) else { return };
        if n >= self.hours.len() {
            self.hours.resize(n + 1, (0, false));
        }
        if let Some((seen, _)) = self.hours.get_mut(n) {
            *seen = seen.saturating_add(u16::try_from(seconds).unwrap_or(u16::MAX)).min(3600);
        }
    }

    /// Notes that the bill has an hour, and returns the seconds in which the resource was seen in it.
    pub(crate) fn bill(&mut self, hour: usize) -> i64 {
        let there = hour.checked_sub(self.first).and_then(|n| self.hours.get_mut(n)).filter(|(seen, _)| *seen > 0);
        there.map_or(0, |(seen, billed)| {
            *billed = true;
            i64::from(*seen)
        })
    }

    /// Seconds in which the resource was seen in an hour.
    pub(crate) fn saw(&self, hour: usize) -> i64 {
        hour.checked_sub(self.first).and_then(|n| self.hours.get(n)).map_or(0, |(seen, _)| i64::from(*seen))
    }

    /// Seconds seen in the hours of `both`, and of those the seconds that were not billed.
    pub(crate) fn seconds(&self, both: &[bool]) -> (i64, i64) {
        let hours = self.hours.iter().zip(both.iter().skip(self.first)).filter(|(_, both)| **both);
        hours.fold((0, 0), |(seen, missing), ((seconds, billed), _)| {
            let seconds = i64::from(*seconds);
            let unbilled = if *billed { 0 } else { seconds };
            (i64::saturating_add(seen, seconds), i64::saturating_add(missing, unbilled))
        })
    }
}

/// Adds what was seen of a resource in an hour, where that is one of `hours`.
fn see<T>(
    all: &mut BTreeMap<String, Tracked<T>>,
    hours: &[i64],
    (hour, id, seconds): (Hour, &str, i64),
    about: impl FnOnce() -> T,
) {
    let Ok(n) = hours.binary_search(&hour.start_seconds()) else { return };
    if !all.contains_key(id) {
        all.insert(id.to_owned(), Tracked { about: about(), track: Track::default() });
    }
    if let Some(resource) = all.get_mut(id) {
        resource.track.see(n, seconds);
    }
}

impl Seen {
    /// Nothing yet, in these hours, which are sorted.
    pub fn new(hours: &[Hour]) -> Self {
        Self { hours: hours.iter().map(|hour| hour.start_seconds()).collect(), ..Self::default() }
    }

    /// Hours there are.
    pub fn hours(&self) -> &[i64] {
        &self.hours
    }

    /// Adds what was seen of a machine in an hour; hours come oldest first.
    pub fn node(&mut self, hour: Hour, id: &str, seconds: i64, about: impl FnOnce() -> SeenNode) {
        see(&mut self.nodes, &self.hours, (hour, id, seconds), about);
    }

    /// Adds what was seen of a volume in an hour; hours come oldest first.
    pub fn volume(&mut self, hour: Hour, id: &str, seconds: i64, about: impl FnOnce() -> SeenVolume) {
        see(&mut self.volumes, &self.hours, (hour, id, seconds), about);
    }

    /// The places of the hours that lie in `[start, end)` as a whole or in part.
    pub(crate) fn places(&self, start: i64, end: i64) -> std::ops::Range<usize> {
        let from = self.hours.partition_point(|hour| hour.saturating_add(HOUR_SECONDS) <= start);
        let to = self.hours.partition_point(|hour| *hour < end);
        from..to.max(from)
    }
}

/// The instance id in a provider id such as `aws:///us-east-1a/i-0abc`; `None` for Fargate and for machines of others.
pub fn instance_id(provider_id: &str) -> Option<&str> {
    provider_id.rsplit('/').next().filter(|id| id.starts_with("i-"))
}

/// The id of an instance or a volume in what a bill calls a resource: the id itself, or an ARN that ends with it.
pub(crate) fn id_of(resource: &str) -> &str {
    match resource.rsplit_once('/') {
        Some((arn, id)) if arn.starts_with("arn:") && (id.starts_with("i-") || id.starts_with("vol-")) => id,
        _ => resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_found_by_the_time_of_a_line() {
        let first = Hour::starting_at(1_782_864_000).unwrap();
        let seen = Seen::new(&[first, first.plus(1), first.plus(3)]);
        let start = first.start_seconds();
        assert_eq!(seen.places(start, start + 3600), 0..1);
        assert_eq!(seen.places(start + 3600, start + 7200), 1..2);
        assert_eq!(seen.places(start + 7200, start + 10_800), 2..2);
        assert_eq!(seen.places(start, start + 86_400), 0..3);
        assert_eq!(seen.places(start - 7200, start - 3600), 0..0);
    }

    #[test]
    fn an_id_is_found_in_what_others_call_it() {
        assert_eq!(instance_id("aws:///us-east-1a/i-0abc"), Some("i-0abc"));
        assert_eq!(instance_id("aws:///us-east-1a/fargate-10-0-0-1"), None);
        assert_eq!(id_of("arn:aws:ec2:us-east-1:1:volume/vol-1"), "vol-1");
        assert_eq!(id_of("i-0abc"), "i-0abc");
        assert_eq!(id_of("arn:aws:eks:us-east-1:1:cluster/i-am-a-name"), "i-am-a-name");
    }

    #[test]
    fn what_was_seen_and_not_billed_is_told_by_the_second() {
        let mut track = Track::default();
        track.see(2, 1800);
        track.see(3, 3600);
        assert_eq!([track.bill(1), track.bill(3), track.bill(4), track.saw(2)], [0, 3600, 0, 1800]);
        assert_eq!(track.seconds(&[true; 5]), (5400, 1800));
        assert_eq!(track.seconds(&[true, true, false, true, true]), (3600, 0));
    }
}
