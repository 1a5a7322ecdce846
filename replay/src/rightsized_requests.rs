//! Requests from usage: what a trailing week says a container needs.
//!
//! Vertical Pod Autoscaler's shape with its own figures: CPU at a percentile of the slots, memory at its largest with
//! a margin, floors under both, from days that are over when the request begins to hold.

use crate::input_hour::{Ask, Lane, NONE, UNKNOWN};
use crate::number::{float, index, whole};

/// Returns how requests follow usage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RightSizing {
    /// Days looked back; at most 14.
    pub days: u32,
    /// Percentile of the slot means of CPU, from 0 to 100.
    pub cpu_percent: f64,
    /// Margin on the largest memory, as a share of it.
    pub memory_margin: f64,
    /// The smallest request of a container.
    pub floor: Ask,
    /// A running pod is rolled only where its request changes by more than this share, in either resource.
    pub tolerance: f64,
}

impl Default for RightSizing {
    fn default() -> Self {
        Self {
            days: 7,
            cpu_percent: 95.0,
            memory_margin: 0.15,
            floor: Ask { cpu_millicores: 10, memory_mib: 100 },
            tolerance: 0.10,
        }
    }
}

impl RightSizing {
    /// Returns what to request, by the CPU at the percentile and the largest memory of the days looked back.
    pub fn request(&self, cpu_millicores: u32, memory_mib: u32) -> Ask {
        let memory = whole((f64::from(memory_mib) * (1.0 + self.memory_margin)).ceil());
        Ask {
            cpu_millicores: cpu_millicores.max(self.floor.cpu_millicores),
            memory_mib: memory.max(self.floor.memory_mib),
        }
    }
}

/// The most days a window may have.
pub(crate) const MAX_DAYS: u32 = 14;
/// Steps to each doubling of CPU, so that a step is at most 6.25 %.
const STEPS: u32 = 16;
/// Steps up to 262 cores.
const BUCKETS: usize = 256;

/// The usage of one class of containers in a day.
#[derive(Debug, Clone)]
struct Day {
    cpu: [u32; BUCKETS],
    samples: u32,
    /// The largest; `None` without a sample.
    memory_mib: Option<u32>,
}

impl Day {
    const NONE: Self = Self { cpu: [0; BUCKETS], samples: 0, memory_mib: None };
}

/// Usage by class of containers, day by day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sizer {
    rule: RightSizing,
    /// The last days, and in each what its classes used: today's lie side by side.
    days: Vec<Vec<Day>>,
    /// Sizes that hold today, by class.
    sizes: Vec<Option<Ask>>,
    day: usize,
}

/// The bucket of a value: exact below 16, then 16 to each doubling.
fn bucket(value: u32) -> usize {
    if value < STEPS {
        return index(value);
    }
    let octave = 31 - value.leading_zeros();
    let within = (value >> (octave - 4)) - STEPS;
    index(((octave - 3) * STEPS + within).min(255))
}

/// The largest value of a bucket.
fn upper(bucket: u32) -> u32 {
    if bucket < STEPS {
        return bucket;
    }
    let (octave, within) = (bucket / STEPS + 3, bucket % STEPS);
    ((STEPS + within + 1) << (octave - 4)) - 1
}

impl Sizer {
    pub(crate) fn new(rule: RightSizing) -> Self {
        let rule = RightSizing { days: rule.days.clamp(1, MAX_DAYS), ..rule };
        Self { rule, days: vec![Vec::new(); index(rule.days)], ..Self::default() }
    }

    pub(crate) fn rule(&self) -> &RightSizing {
        &self.rule
    }

    /// Notes what a container of `class` used in an hour.
    pub(crate) fn observe(&mut self, class: u32, cpu: &Lane, memory: &Lane) {
        if class == NONE {
            return;
        }
        let Some(today) = self.days.get_mut(self.day) else { return };
        let place = index(class);
        if place >= today.len() {
            today.resize(place + 1, Day::NONE);
        }
        let Some(day) = today.get_mut(place) else { return };
        for value in cpu.0.iter().filter(|value| **value != UNKNOWN) {
            day.samples += 1;
            if let Some(count) = day.cpu.get_mut(bucket(*value)) {
                *count += 1;
            }
        }
        day.memory_mib = day.memory_mib.max(memory.0.iter().copied().filter(|value| *value != UNKNOWN).max());
    }

    /// Ends a day: what was seen becomes what is asked for, and the oldest day is forgotten.
    pub(crate) fn end_day(&mut self) {
        let classes = self.days.iter().map(Vec::len).max().unwrap_or_default();
        self.sizes = (0..classes).map(|class| self.size_over_days(class)).collect();
        self.day = (self.day + 1) % index(self.rule.days);
        if let Some(oldest) = self.days.get_mut(self.day) {
            oldest.clear();
        }
    }

    fn size_over_days(&self, class: usize) -> Option<Ask> {
        let (rule, days) = (&self.rule, self.days.iter().filter_map(|day| day.get(class)));
        let samples: u64 = days.clone().map(|day| u64::from(day.samples)).sum();
        if samples == 0 {
            return None;
        }
        let rank = crate::number::whole_u64((float(samples) * rule.cpu_percent / 100.0).ceil()).max(1);
        let mut seen = 0_u64;
        let mut cpu = 0;
        for step in 0..u32::try_from(BUCKETS).unwrap_or_default() {
            seen += days.clone().filter_map(|day| day.cpu.get(index(step))).map(|n| u64::from(*n)).sum::<u64>();
            if seen >= rank {
                cpu = upper(step);
                break;
            }
        }
        let memory = days.filter_map(|day| day.memory_mib).max()?;
        Some(rule.request(cpu, memory))
    }

    /// Returns what a container of `class` asks for from today on; `None` while nothing is known of it.
    pub(crate) fn size(&self, class: u32) -> Option<Ask> {
        self.sizes.get(index(class)).copied().flatten()
    }
}

#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_at_most_a_sixteenth_wide(value in 0_u32..262_000) {
            let top = upper(u32::try_from(bucket(value)).unwrap());
            prop_assert!(top >= value && u64::from(top) * 16 <= u64::from(value) * 17, "{value} {top}");
        }

        #[test]
        fn a_size_is_the_percentile_and_the_largest_of_the_days_that_are_over(
            days in prop::collection::vec(prop::collection::vec((1_u32..20_000, 1_u32..50_000), 12), 1..10),
        ) {
            let mut sizer = Sizer::new(RightSizing::default());
            for (today, day) in days.iter().enumerate() {
                let lane = |of: &dyn Fn(&(u32, u32)) -> u32| Lane(std::array::from_fn(|k| of(&day[k])));
                sizer.observe(3, &lane(&|v| v.0), &lane(&|v| v.1));
                sizer.end_day();
                let week = &days[(today + 1).saturating_sub(7)..=today];
                let mut cpu: Vec<u32> = week.iter().flatten().map(|v| v.0).collect();
                cpu.sort_unstable();
                let p95 = cpu[(cpu.len() as f64 * 0.95).ceil() as usize - 1];
                let most = week.iter().flatten().map(|v| v.1).max().unwrap();
                let size = sizer.size(3).unwrap();
                prop_assert_eq!(size.cpu_millicores, upper(u32::try_from(bucket(p95)).unwrap()).max(10));
                prop_assert_eq!(size.memory_mib, ((f64::from(most) * 1.15).ceil() as u32).max(100));
            }
            prop_assert_eq!(sizer.size(2), None);
            prop_assert_eq!(sizer.size(99), None);
        }
    }
}
