//! Slots in which an object was there, by those in which a scrape saw it.

use types::window::HOUR_SECONDS;
use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

use super::{on_grid, slots};
use crate::decode::Series;

/// Slots, `true` for those in which something was seen, or was there.
pub(crate) type Seen = [bool; SLOTS_PER_HOUR];

/// Slots in which something was seen in the hour before, in the hour itself, and in the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Around {
    pub(crate) before: Seen,
    pub(crate) within: Seen,
    pub(crate) after: Seen,
}

/// Time for which something may not be seen that is there before and after, and was there meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Any, of what is one and the same before and after, such as a volume or an address.
    Any,
    /// Less than an hour.
    WithinAnHour,
}

impl Around {
    /// The slots in which a series has samples.
    pub(super) fn of(series: &Series<'_, '_>, start_seconds: i64) -> Self {
        let hour_from = |start: i64| -> Seen {
            let samples: [Option<f64>; SLOTS_PER_HOUR] = on_grid(series, start.saturating_add(SLOT_SECONDS));
            samples.map(|sample| sample.is_some())
        };
        Self {
            before: hour_from(start_seconds.saturating_sub(HOUR_SECONDS)),
            within: slots(series, start_seconds).map(|sample| sample.is_some()),
            after: hour_from(start_seconds.saturating_add(HOUR_SECONDS)),
        }
    }

    /// Adds the slots of another.
    pub(super) fn add(&mut self, more: &Self) {
        add(&mut self.before, &more.before);
        add(&mut self.within, &more.within);
        add(&mut self.after, &more.after);
    }

    /// How well it tells of the hour, the greater the better: by its last slot in the hour or before it, else by how soon
    /// after the hour it is seen. `None` where it is not seen.
    pub(super) fn nearness(&self) -> Option<usize> {
        let last = |seen: &Seen| seen.iter().rposition(|seen| *seen);
        let (within, before) = (last(&self.within), last(&self.before));
        let until_end = within.map(|slot| slot + SLOTS_PER_HOUR).or(before).map(|slot| slot + SLOTS_PER_HOUR);
        until_end.or_else(|| Some(SLOTS_PER_HOUR - 1 - self.after.iter().position(|seen| *seen)?))
    }

    /// The slots of the hour in which an object was there: those that saw it, and those between two that saw it, where the
    /// part of kube-state-metrics that lists it was not there.
    ///
    /// At either end of the hour it was there as long as nothing of kube-state-metrics was `scraped`.
    pub(crate) fn bridged(&self, gap: Gap, scraped: &Seen) -> Seen {
        let seen: Vec<usize> = self
            .before
            .iter()
            .chain(&self.within)
            .chain(&self.after)
            .enumerate()
            .filter(|(_, seen)| **seen)
            .map(|(slot, _)| slot)
            .collect();
        let mut there = self.within;
        for pair in seen.windows(2) {
            let [from, to] = pair else { continue };
            if gap == Gap::Any || to - from < SLOTS_PER_HOUR {
                let slots = there.iter_mut().zip(SLOTS_PER_HOUR..);
                slots.filter(|(_, slot)| (from..to).contains(&slot)).for_each(|(there, _)| *there = true);
            }
        }
        let (Some(first), Some(last)) = (there.iter().position(|there| *there), there.iter().rposition(|there| *there))
        else {
            return there;
        };
        if !scraped.iter().take(first).any(|scraped| *scraped) {
            there.iter_mut().take(first).for_each(|there| *there = true);
        }
        if !scraped.iter().skip(last + 1).any(|scraped| *scraped) {
            there.iter_mut().skip(last + 1).for_each(|there| *there = true);
        }
        there
    }
}

/// Adds the slots of one to those of another.
pub(crate) fn add(to: &mut Seen, more: &Seen) {
    to.iter_mut().zip(more).for_each(|(there, more)| *there |= more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(of: &[usize]) -> Seen {
        let mut slots = Seen::default();
        of.iter().for_each(|slot| slots[*slot] = true);
        slots
    }

    fn check(gap: Gap, seen: [&[usize]; 3], scraped: &[usize], expect: &[usize]) {
        let [before, within, after] = seen.map(slots);
        let got = Around { before, within, after }.bridged(gap, &slots(scraped));
        assert_eq!(got, slots(expect), "{gap:?} {seen:?} {scraped:?}");
    }

    #[test]
    fn what_was_seen_before_a_gap_and_after_it_was_there_meanwhile() {
        let all: Vec<usize> = (0..SLOTS_PER_HOUR).collect();
        let check = |seen: &[usize], scraped: &[usize], expect: &[usize]| {
            for gap in [Gap::Any, Gap::WithinAnHour] {
                check(gap, [&[], seen, &[]], scraped, expect);
            }
        };
        check(&[], &all, &[]);
        check(&[0, 1, 4, 5], &all, &[0, 1, 2, 3, 4, 5]);
        check(&[0, 11], &all, &all);
        // It came and went while others were seen.
        check(&[3, 4], &all, &[3, 4]);
        // Nothing was scraped after it, or before it.
        check(&[0, 1], &[0, 1], &all);
        check(&[10, 11], &[10, 11], &all);
        // It was not there when scrapes began again, or ended.
        check(&[0, 1], &[0, 1, 11], &[0, 1]);
        check(&[10, 11], &[0, 10, 11], &[10, 11]);
    }

    #[test]
    fn a_gap_over_an_edge_of_the_hour_is_one_like_any_other() {
        let all: Vec<usize> = (0..SLOTS_PER_HOUR).collect();
        for gap in [Gap::Any, Gap::WithinAnHour] {
            check(gap, [&[10], &[2, 3], &[]], &all, &[0, 1, 2, 3]);
            check(gap, [&[], &[2, 3], &[2]], &all, &all[2..]);
            check(gap, [&[11], &[], &[]], &all, &[]);
        }
        // Longer than an hour.
        check(Gap::Any, [&[11], &[], &[0]], &all, &all);
        check(Gap::WithinAnHour, [&[11], &[], &[0]], &all, &[]);
        check(Gap::Any, [&[0], &[1], &[]], &all, &[0, 1]);
        check(Gap::WithinAnHour, [&[0], &[1], &[]], &all, &[1]);
    }

    #[test]
    fn the_hour_tells_before_what_lies_around_it() {
        let near = |before: &[usize], within: &[usize], after: &[usize]| {
            Around { before: slots(before), within: slots(within), after: slots(after) }.nearness()
        };
        let places = [
            near(&[], &[], &[5]),
            near(&[], &[], &[0]),
            near(&[3], &[], &[0]),
            near(&[], &[2], &[]),
            near(&[3], &[11], &[]),
        ];
        assert!(places.is_sorted() && places[0].is_some() && near(&[], &[], &[]).is_none(), "{places:?}");
    }
}
