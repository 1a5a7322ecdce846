//! In which parts each query was last answered, so that the next hour starts there. Pure.

use std::collections::BTreeMap;

use super::query_split::Part;

/// Samples a series brings into one hour's query: an hour and a window before it, at a scrape every 30 s. It is an
/// estimate of what the server reads, not of what it answers with (at most thirteen points a series).
const SAMPLES_A_SERIES: i64 = (3600 + 300) / 30;
/// Hours in a row without trouble after which larger parts are tried again. Doubles with each try that failed.
const HOURS_TO_GROW: u32 = 24;
/// The longest it comes to: a week.
const MOST_HOURS_TO_GROW: u32 = 7 * 24;
/// Times a part may be halved for the budget alone: 64 parts.
const MAX_DEPTH_FOR_BUDGET: u8 = 6;

/// The parts of each query that the server could answer.
#[derive(Debug, Default)]
pub(super) struct Sizes(BTreeMap<&'static str, Size>);

/// One query's.
#[derive(Debug, Clone)]
struct Size {
    /// The parts, and the series each returned. Together they are the whole.
    parts: Vec<(Part, i64)>,
    /// Hours answered in these parts without a split.
    calm_hours: u32,
    /// Calm hours after which larger parts are tried.
    grow_after: u32,
    /// Tells whether the parts now asked for are larger than those known to work.
    trying: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { parts: vec![(Part::whole(), 0)], calm_hours: 0, grow_after: HOURS_TO_GROW, trying: false }
    }
}

/// Estimates the samples that a query with so many series makes the server read.
pub(super) fn estimated_samples(series: i64) -> i64 {
    series.saturating_mul(SAMPLES_A_SERIES)
}

impl Sizes {
    /// The parts to ask a query in now: those that worked, smaller where the estimate is over `budget`, larger where
    /// all was calm for long.
    pub(super) fn parts(&mut self, query: &'static str, budget: i64) -> Vec<Part> {
        let size = self.0.entry(query).or_default();
        if size.calm_hours >= size.grow_after && size.parts.len() > 1 {
            size.merge(budget);
        }
        let mut parts = Vec::new();
        for (part, series) in &size.parts {
            within(part, estimated_samples(*series), budget, &mut parts);
        }
        parts
    }

    /// Remembers the parts that were answered, with the series of each, and whether any had to be split.
    pub(super) fn answered(&mut self, query: &'static str, parts: Vec<(Part, i64)>, split: bool) {
        let size = self.0.entry(query).or_default();
        size.parts = parts;
        if !split {
            size.calm_hours = if size.trying { 0 } else { size.calm_hours.saturating_add(1) };
        } else {
            size.calm_hours = 0;
            if size.trying {
                size.grow_after = size.grow_after.saturating_mul(2).min(MOST_HOURS_TO_GROW);
            }
        }
        size.trying = false;
    }
}

impl Size {
    /// Puts halves together again, one level, where both are there and the whole fits the budget.
    fn merge(&mut self, budget: i64) {
        self.parts.sort();
        let mut merged: Vec<(Part, i64)> = Vec::new();
        for (part, series) in std::mem::take(&mut self.parts) {
            let parent = part.parent();
            match merged.last() {
                Some((before, more))
                    if parent.is_some()
                        && before.depth() == part.depth()
                        && before.parent() == parent
                        && estimated_samples(more.saturating_add(series)) <= budget =>
                {
                    let sum = more.saturating_add(series);
                    merged.pop();
                    merged.push((parent.unwrap_or_default(), sum));
                    self.trying = true;
                }
                _ => merged.push((part, series)),
            }
        }
        self.parts = merged;
        // If nothing could be merged for the budget's sake, it is not looked at again every hour.
        self.calm_hours = 0;
    }
}

/// Appends `part`, halved until what is expected of each piece fits the budget.
fn within(part: &Part, samples: i64, budget: i64, parts: &mut Vec<Part>) {
    match part.halves() {
        Some(halves) if samples > budget && part.depth() < MAX_DEPTH_FOR_BUDGET => {
            for half in &halves {
                within(half, samples / 2, budget, parts);
            }
        }
        _ => parts.push(part.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: &str = "q";
    const BUDGET: i64 = 1_000 * SAMPLES_A_SERIES;

    fn answer(sizes: &mut Sizes, parts: &[Part], series: i64, split: bool) {
        sizes.answered(Q, parts.iter().map(|part| (part.clone(), series)).collect(), split);
    }

    #[test]
    fn the_next_hour_starts_with_what_worked() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.parts(Q, BUDGET), [Part::whole()]);
        let halves = Part::whole().halves().unwrap();
        answer(&mut sizes, &halves, 10, true);
        assert_eq!(sizes.parts(Q, BUDGET), halves);
    }

    #[test]
    fn more_than_the_budget_is_asked_in_parts() {
        let mut sizes = Sizes::default();
        answer(&mut sizes, &[Part::whole()], 3_000, false);
        let parts = sizes.parts(Q, BUDGET);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.depth() == 2));
    }

    #[test]
    fn larger_parts_are_tried_after_a_day_and_later_each_time_they_fail() {
        let mut sizes = Sizes::default();
        let halves = Part::whole().halves().unwrap();
        answer(&mut sizes, &halves, 10, true);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let mut hours = 0;
            while sizes.parts(Q, BUDGET).len() == 2 {
                answer(&mut sizes, &halves, 10, false);
                hours += 1;
            }
            waits.push(hours);
            answer(&mut sizes, &halves, 10, true);
        }
        assert_eq!(waits, [24, 48, 96]);
    }

    #[test]
    fn parts_do_not_grow_over_the_budget() {
        let mut sizes = Sizes::default();
        let halves = Part::whole().halves().unwrap();
        answer(&mut sizes, &halves, 900, true);
        for _ in 0..100 {
            let mut parts = sizes.parts(Q, BUDGET);
            parts.sort_by(|one, other| other.cmp(one));
            assert_eq!(parts, halves);
            answer(&mut sizes, &halves, 900, false);
        }
    }
}
