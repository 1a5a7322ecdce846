//! Differences of a counter between its samples: nothing twice, and no more than its machine can do.
//!
//! Counters of real clusters show nought for one scrape, or 2^64, or what they showed a while ago, and go on as if
//! nothing had been. So of the samples the longest row is believed in which none is less than the one before it and none
//! more than could be counted since. What lies beside the row is taken as unknown: what is climbed again counts once.

use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

/// A value of a counter, and the moment at which it is looked at, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: i64,
    pub(crate) value: i64,
}

/// The most that a counter can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) per_second: i64,
    /// Seconds it may have counted beyond those between the moments: a scrape lies up to an interval before the moment
    /// at which its sample is looked at.
    pub(crate) slack_seconds: i64,
}

/// Difference between two samples that are believed, or from zero to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) counted: i64,
}

/// Reading of the samples of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    /// In the order of time; none where nothing is known.
    pub(crate) steps: Vec<Step>,
    /// Samples that are not believed.
    pub(crate) implausible: usize,
    /// The most of them at one end: of what they stand for, nothing is known.
    pub(crate) lost: usize,
    /// Tells whether it began anew at the moment it was said to, after samples that are older.
    pub(crate) restarted: bool,
}

/// Reads the samples of a counter, in the order of time.
///
/// `zero` is the moment at which it is said to have begun. It did where the first sample after it could have been counted
/// since. Of a counter that was sampled before, that is a restart, and only where it fell: one that did not fall ran on,
/// whatever is said of its start.
pub(crate) fn count(samples: &[Sample], zero: Option<i64>, most: Most) -> Counted {
    let Some(zero) = zero else { return most.believed(samples) };
    let (older, newer) = samples.split_at(samples.partition_point(|sample| sample.at <= zero));
    let begun = Sample { at: zero, value: 0 };
    let accrued = newer.iter().any(|sample| most.allows(begun, *sample));
    let fell = match (older.last(), newer.first()) {
        (Some(last), Some(first)) => first.value < last.value,
        _ => older.is_empty(),
    };
    if !accrued || !fell {
        return most.believed(samples);
    }
    let mut from_zero = vec![begun];
    from_zero.extend_from_slice(newer);
    let (mut before, after) = (most.believed(older), most.believed(&from_zero));
    before.steps.extend(after.steps);
    before.implausible += after.implausible;
    before.lost = before.lost.max(after.lost);
    before.restarted = !older.is_empty();
    before
}

impl Most {
    /// Returns whether a counter that showed `a` can show `b` later.
    fn allows(self, a: Sample, b: Sample) -> bool {
        let seconds = b.at.saturating_sub(a.at);
        // Over a gap, nobody knows how old the sample is that it begins with.
        let slack = if seconds > SLOT_SECONDS { self.slack_seconds.max(SLOT_SECONDS) } else { self.slack_seconds };
        let counted = b.value.saturating_sub(a.value);
        counted >= 0 && counted <= self.per_second.saturating_mul(seconds.saturating_add(slack))
    }

    /// The steps of the longest row of samples that follow from one another.
    fn believed(self, samples: &[Sample]) -> Counted {
        let follow = |row: &[Sample]| row.windows(2).all(|pair| matches!(pair, [a, b] if self.allows(*a, *b)));
        let row = if follow(samples) { samples.to_vec() } else { self.longest_row(samples) };
        // Each step may be a little too long, and all of them together are not.
        let together = match row.as_slice() {
            [first, .., last] => self.allows(*first, *last),
            _ => true,
        };
        if !together {
            return Counted { implausible: samples.len(), lost: samples.len(), ..Counted::default() };
        }
        let step = |pair: &[Sample]| match pair {
            [a, b] => Some(Step { from: a.at, to: b.at, counted: b.value.saturating_sub(a.value) }),
            _ => None,
        };
        let steps = row.windows(2).filter_map(step).collect();
        let outside = |from: Option<&Sample>, to: Option<&Sample>| match (from, to) {
            (Some(from), Some(to)) => samples.iter().filter(|sample| sample.at < from.at || sample.at > to.at).count(),
            _ => 0,
        };
        let lost = outside(row.first(), samples.last()).max(outside(samples.first(), row.last()));
        Counted { steps, implausible: samples.len() - row.len(), lost, restarted: false }
    }

    /// The longest row; of two as long the one that ends later. Of two samples of which either may be wrong, the higher is
    /// believed: a sample that is old is more usual than one that is ahead.
    fn longest_row(self, samples: &[Sample]) -> Vec<Sample> {
        // For each sample, how long the longest row is that ends with it, and the place of the one before it.
        let mut rows: Vec<(usize, Option<usize>)> = Vec::with_capacity(samples.len());
        for (n, sample) in samples.iter().enumerate() {
            let before = samples.iter().zip(&rows).enumerate().take(n);
            let before = before.filter(|(_, (earlier, _))| self.allows(**earlier, *sample));
            let best = before.map(|(place, (earlier, (length, _)))| (*length, earlier.value, place)).max();
            rows.push(best.map_or((1, None), |(length, _, place)| (length + 1, Some(place))));
        }
        let mut place = rows.iter().enumerate().map(|(n, (length, _))| (*length, n)).max().map(|(_, n)| n);
        let mut row = Vec::new();
        while let Some((sample, (_, before))) = place.and_then(|n| samples.get(n).zip(rows.get(n))) {
            row.push(*sample);
            place = *before;
        }
        row.reverse();
        row
    }
}

impl Step {
    /// Returns whether it is longer than a slot, so that nobody knows what of it was counted when.
    pub(crate) fn is_gap(self) -> bool {
        self.seconds() > SLOT_SECONDS
    }

    /// Its length.
    pub(crate) fn seconds(self) -> i64 {
        self.to.saturating_sub(self.from)
    }

    /// Its share of each slot of an hour, as if it had been counted evenly. The parts of a step add up to it, over
    /// the edges of hours too.
    pub(crate) fn by_slot(self, hour: Hour) -> [Option<i64>; SLOTS_PER_HOUR] {
        let mut slot_start = hour.start_seconds();
        [(); SLOTS_PER_HOUR].map(|()| {
            let (start, end) = (slot_start.max(self.from), slot_start.saturating_add(SLOT_SECONDS).min(self.to));
            slot_start = slot_start.saturating_add(SLOT_SECONDS);
            (start < end).then(|| self.counted_by(end).saturating_sub(self.counted_by(start)))
        })
    }

    fn counted_by(self, at: i64) -> i64 {
        let (since, whole) = (i128::from(at) - i128::from(self.from), i128::from(self.to) - i128::from(self.from));
        i64::try_from(i128::from(self.counted) * since / whole.max(1)).unwrap_or(self.counted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A machine of 16 cores that is scraped every 30 s, counted in core-seconds.
    const MOST: Most = Most { per_second: 16, slack_seconds: 60 };

    /// Samples at the edges of slots.
    fn samples(values: &[(i64, i64)]) -> Vec<Sample> {
        values.iter().map(|(edge, value)| Sample { at: edge * 300, value: *value }).collect()
    }

    /// `(from, to, counted)` of each step, by edge, and how many samples are not believed.
    fn check(values: &[(i64, i64)], zero: Option<i64>, steps: &[(i64, i64, i64)], implausible: usize) -> Counted {
        let counted = count(&samples(values), zero, MOST);
        let got: Vec<_> = counted.steps.iter().map(|step| (step.from / 300, step.to / 300, step.counted)).collect();
        assert_eq!((got.as_slice(), counted.implausible), (steps, implausible), "{values:?}");
        counted
    }

    #[test]
    fn a_sample_that_falls_or_leaps_is_not_believed_and_what_lies_around_it_is() {
        let rising = [(0, 5_000), (1, 5_150), (2, 5_300)];
        check(&rising, None, &[(0, 1, 150), (1, 2, 150)], 0);
        for wrong in [0, 5_100, 1_730_000_000_000, i64::MAX, -7, 12_000] {
            let values = [(0, 5_000), (1, 5_150), (2, wrong), (3, 5_450), (4, 5_600)];
            check(&values, None, &[(0, 1, 150), (1, 3, 300), (3, 4, 150)], 1);
        }
        // At either end there is nothing to say what was counted there.
        // Sixteen cores count 5,760 at the most between two looks that are a slot and two scrapes apart.
        check(&[(0, 0), (1, 6_150), (2, 6_300)], None, &[(1, 2, 150)], 1);
        check(&[(0, 5_000), (1, 5_150), (2, 0)], None, &[(0, 1, 150)], 1);
    }

    #[test]
    fn what_is_climbed_again_counts_once() {
        let lagging = [(0, 870), (1, 900), (2, 930), (3, 880), (4, 910), (5, 990), (6, 1_020)];
        check(&lagging, None, &[(0, 1, 30), (1, 2, 30), (2, 5, 60), (5, 6, 30)], 2);
        // It falls and stays low: nobody knows what that is, unless it began anew.
        let fallen = [(0, 900), (1, 930), (2, 960), (3, 10), (4, 40)];
        check(&fallen, None, &[(0, 1, 30), (1, 2, 30)], 2);
    }

    #[test]
    fn a_fall_is_a_restart_where_the_start_moved_there() {
        let values = [(0, 900), (1, 930), (2, 10), (3, 40)];
        let restarted = check(&values, Some(400), &[(0, 1, 30), (1, 2, 10), (2, 3, 30)], 0);
        assert!(restarted.restarted);
        assert_eq!(restarted.steps[1].from, 400);
        // The start moved and the counter ran on.
        let ran_on = check(&[(0, 900), (1, 930), (2, 960)], Some(400), &[(0, 1, 30), (1, 2, 30)], 0);
        assert!(!ran_on.restarted);
        // It began anew, but what it shows could not have been counted since.
        check(&[(0, 900_000), (1, 900_030), (2, 800_000)], Some(400), &[(0, 1, 30)], 1);
    }

    #[test]
    fn a_first_value_counts_from_zero_where_it_could_have_accrued() {
        check(&[(2, 200), (3, 350)], Some(480), &[(1, 2, 200), (2, 3, 150)], 0);
        check(&[(2, 50_000), (3, 50_150)], Some(480), &[(2, 3, 150)], 0);
        check(&[(2, 50_000)], Some(480), &[], 0);
    }

    #[test]
    fn more_than_the_machine_can_do_is_unknown_over_the_hour_too() {
        // Each step is within what the slack allows; all together are a sixth too much.
        let busy: Vec<_> = (0..13).map(|k| (k, k * 300 * 16 * 7 / 6)).collect();
        check(&busy, None, &[], 13);
        let full: Vec<_> = (0..13).map(|k| (k, k * 300 * 16)).collect();
        assert_eq!(count(&samples(&full), None, MOST).steps.len(), 12);
    }

    #[test]
    fn a_counter_that_stood_still_and_caught_up_counts_over_the_gap() {
        let values = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 15_000), (5, 18_000)];
        check(&values, None, &[(0, 1, 0), (1, 4, 15_000), (4, 5, 3_000)], 2);
    }

    proptest! {
        #[test]
        fn nothing_is_counted_beyond_the_machine_and_shares_add_up(
            values in prop::collection::vec(prop_oneof![0_i64..60_000, Just(0), Just(i64::MAX)], 0..14),
            zero in prop::option::of(-300_i64..3600),
        ) {
            let values: Vec<_> = (0..).zip(values).collect();
            let counted = count(&samples(&values), zero, MOST);
            let total: i64 = counted.steps.iter().map(|step| step.counted).sum();
            prop_assert!((0..=16 * (3600 + 300 + 2 * 300)).contains(&total), "{total}");
            let hour = Hour::starting_at(0).unwrap();
            for step in counted.steps.iter().filter(|step| step.from >= 0) {
                let shares: i64 = step.by_slot(hour).into_iter().flatten().sum();
                prop_assert_eq!(shares, step.counted);
            }
        }

        #[test]
        fn one_wrong_sample_changes_nothing_but_its_place(rate in 0_i64..16, wrong in any::<i64>(), place in 1_usize..12) {
            let mut values: Vec<_> = (0..13).map(|k| (k, 1_000 + k * 300 * rate)).collect();
            values[place].1 = wrong;
            let counted = count(&samples(&values), None, MOST);
            let total: i64 = counted.steps.iter().map(|step| step.counted).sum();
            prop_assert_eq!(total, 12 * 300 * rate);
        }
    }
}
