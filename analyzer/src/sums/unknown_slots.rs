//! Slots of which a lake says nothing, not even who lived: what of a zone is then left out of every scenario.
//!
//! No column says slot by slot whether kube-state-metrics was scraped. The lake knows two things of it: how many of the
//! hour's scrapes failed ([`quality_hour`](lake::tables::quality_hour)), and the slots in which no container of a zone has a sample. Where scrapes of
//! kube-state-metrics are missing for as long as a zone is silent, it is taken to have been silent with it; then neither
//! who came nor who went is known. Where they are not missing, or nobody counted them, lives are as recorded, and only the
//! use of them is not known.

use std::collections::{BTreeMap, BTreeSet};

use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

/// Slots as bits, slot `k` as bit `k`.
pub(crate) type SlotBits = u16;

/// Zones of an hour and their slots of which nothing is known.
pub(crate) type UnknownSlots = BTreeMap<String, SlotBits>;

/// How kube-state-metrics was scraped, by hour: scrapes expected, and seen.
#[derive(Debug, Default)]
pub(crate) struct Scrapes(BTreeMap<i64, (i64, i64)>);

impl Scrapes {
    /// Adds scrapes of an hour.
    pub(crate) fn add(&mut self, hour: i64, expected: i64, seen: i64) {
        let sum = self.0.entry(hour).or_default();
        *sum = (sum.0.saturating_add(expected), sum.1.saturating_add(seen));
    }

    /// Hours in which any scrape is missing.
    pub(crate) fn lacking(&self) -> BTreeSet<i64> {
        self.0.iter().filter(|(_, (expected, seen))| seen < expected).map(|(hour, _)| *hour).collect()
    }

    /// Whether scrapes are missing for so many slots of an hour, give or take half a slot.
    fn lack(&self, hour: i64, slots: u32) -> bool {
        let Some((expected, seen)) = self.0.get(&hour) else { return false };
        let missing = i128::from(expected.saturating_sub(*seen));
        let slots_in_hour = i128::try_from(SLOTS_PER_HOUR).unwrap_or_default();
        *expected > 0 && slots > 0 && 2 * slots_in_hour * missing >= i128::from(2 * slots - 1) * i128::from(*expected)
    }
}

/// What pods of a zone request in each slot of an hour, in millicore-seconds, and what of it is of pods without a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Silent {
    asked: [i64; SLOTS_PER_HOUR],
    silent: [i64; SLOTS_PER_HOUR],
}

impl Silent {
    /// Adds a pod, by its seconds alive in each slot and the slots in which something was sampled of it. One that requests
    /// nothing counts as a millicore.
    pub(crate) fn add(&mut self, millicores: i64, alive: &[i16; SLOTS_PER_HOUR], sampled: SlotBits) {
        for (k, (alive, (asked, silent))) in alive.iter().zip(self.asked.iter_mut().zip(&mut self.silent)).enumerate() {
            let core_ms = millicores.max(1).saturating_mul(i64::from(*alive));
            *asked = asked.saturating_add(core_ms);
            *silent = silent.saturating_add(if sampled >> k & 1 == 0 { core_ms } else { 0 });
        }
    }

    /// Slots in which pods that request over half of what is requested have no sample.
    fn slots(&self) -> SlotBits {
        let silent = self.asked.iter().zip(&self.silent).enumerate();
        silent
            .filter(|(_, (asked, silent))| i128::from(**silent) * 2 > i128::from(**asked))
            .fold(0, |bits, (k, _)| bits | 1 << k)
    }
}

/// Slots of each zone of an hour that nothing is known of, of zones with pods; nothing where there are none.
pub(crate) fn unknown_slots(hour: i64, zones: &BTreeMap<String, Silent>, scrapes: &Scrapes) -> UnknownSlots {
    let unknown = |silent: &Silent| Some(silent.slots()).filter(|bits| scrapes.lack(hour, bits.count_ones()));
    let bits = zones.iter().map(|(zone, silent)| (zone.clone(), unknown(silent).unwrap_or_default()));
    let bits: UnknownSlots = bits.collect();
    if bits.values().all(|bits| *bits == 0) { UnknownSlots::new() } else { bits }
}

/// Slots that nothing is known of in any zone.
pub(crate) fn in_all(unknown: &UnknownSlots) -> SlotBits {
    unknown.values().copied().reduce(|a, b| a & b).unwrap_or_default()
}

/// Slots of a zone that nothing is known of; those of all zones where the zone has no pods.
pub(crate) fn of_zone(unknown: &UnknownSlots, zone: Option<&str>) -> SlotBits {
    unknown.get(zone.unwrap_or_default()).copied().unwrap_or_else(|| in_all(unknown))
}

/// Seconds of these slots of `[from, to)`, seconds of the hour.
pub(crate) fn seconds_of(bits: SlotBits, from: i64, to: i64) -> i64 {
    let starts = (0_i64..).step_by(usize::try_from(SLOT_SECONDS).unwrap_or(1)).take(SLOTS_PER_HOUR);
    let unknown = starts.enumerate().filter(|(k, _)| bits >> k & 1 == 1);
    unknown.map(|(_, start)| ((start + SLOT_SECONDS).min(to) - start.max(from)).max(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_zone_is_unknown_where_scrapes_are_missing_for_as_long() {
        let check = |expected: i64, seen: i64, slots: u32, expect: bool| {
            let scrapes = Scrapes([(7200, (expected, seen))].into());
            assert_eq!(scrapes.lack(7200, slots), expect, "{seen} of {expected}, {slots} slots");
        };
        check(120, 60, 6, true);
        // A scrape more or less at either end.
        check(120, 64, 6, true);
        check(120, 70, 6, false);
        check(120, 120, 6, false);
        check(120, 120, 0, false);
        check(120, 110, 1, true);
        check(120, 118, 1, false);
        check(0, 0, 12, false);
        assert!(!Scrapes::default().lack(7200, 6), "nobody counted");
    }

    #[test]
    fn a_zone_is_silent_where_most_of_what_is_requested_has_no_sample() {
        let mut zone = Silent::default();
        let all = [300; SLOTS_PER_HOUR];
        zone.add(1000, &all, 0b1111_1111_1001);
        zone.add(999, &all, 0b1111_1111_1011);
        // One that requests nothing decides nothing.
        zone.add(0, &all, 0);
        assert_eq!(zone.slots(), 0b0110);
        let scrapes = Scrapes([(0, (120, 100))].into());
        let zones: BTreeMap<String, Silent> = [("a".to_owned(), zone), ("b".to_owned(), Silent::default())].into();
        let unknown = unknown_slots(0, &zones, &scrapes);
        assert_eq!(unknown, [("a".to_owned(), 0b0110), ("b".to_owned(), 0)].into());
        assert_eq!(
            (of_zone(&unknown, Some("a")), of_zone(&unknown, Some("b")), of_zone(&unknown, Some("c"))),
            (6, 0, 0)
        );
        assert!(unknown_slots(3600, &zones, &scrapes).is_empty(), "nobody counted its scrapes");
    }

    #[test]
    fn seconds_are_those_of_the_slots_within_a_span() {
        assert_eq!(seconds_of(0b11, 0, 3600), 600);
        assert_eq!(seconds_of(0b1000_0000_0001, 100, 3400), 300);
        assert_eq!(seconds_of(0b10, 0, 300), 0);
    }
}
