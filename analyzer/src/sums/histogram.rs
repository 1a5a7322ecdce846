//! Histogram of a quantity, in memory that does not grow with the number of samples.

/// Buckets of each doubling: a percentile is at most a sixty-fourth too high.
const BUCKETS_PER_DOUBLING: i64 = 64;

/// Counts of samples by size. Sum and maximum are exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Histogram {
    /// Number of the first bucket of `counts`.
    first: usize,
    counts: Vec<u32>,
    pub(crate) samples: u64,
    pub(crate) sum: i128,
    pub(crate) max: i64,
}

impl Histogram {
    /// Adds a sample, which is not negative.
    pub(crate) fn add(&mut self, value: i64) {
        let bucket = bucket(value.max(0));
        if self.counts.is_empty() {
            self.first = bucket;
        } else if bucket < self.first {
            let grown = self.first - bucket;
            self.counts.splice(0..0, std::iter::repeat_n(0, grown));
            self.first = bucket;
        }
        let at = bucket - self.first;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.samples += 1;
        self.sum += i128::from(value);
        self.max = self.max.max(value);
    }

    /// The sample that `thousandths` of all do not exceed, rounded up to the end of its bucket, never over the maximum.
    pub(crate) fn percentile(&self, thousandths: u64) -> i64 {
        let rank = (self.samples * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        for (n, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return end(self.first + n).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a value: one each below 64, then 64 for each doubling.
fn bucket(value: i64) -> usize {
    let doublings = i64::from(63 - value.max(1).leading_zeros()) - 6;
    let number = if doublings <= 0 { value } else { doublings * BUCKETS_PER_DOUBLING + (value >> doublings) };
    usize::try_from(number).unwrap_or_default()
}

/// The largest value of a bucket.
fn end(bucket: usize) -> i64 {
    let number = i64::try_from(bucket).unwrap_or_default();
    let doublings = number / BUCKETS_PER_DOUBLING - 1;
    if doublings <= 0 {
        return number;
    }
    let kept = number - doublings * BUCKETS_PER_DOUBLING;
    ((kept + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_are_never_low_and_at_most_a_sixty_fourth_high(
            mut values in prop::collection::vec((0_u32..62, 0_i64..1 << 62).prop_map(|(bits, v)| v >> bits), 1..200),
            thousandths in 1_u64..=1000,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.add(*value));
            values.sort_unstable();
            let rank = (values.len() * usize::try_from(thousandths).unwrap()).div_ceil(1000);
            let exact = values[rank - 1];
            let given = histogram.percentile(thousandths);
            prop_assert!(given >= exact && given - exact <= exact / 64, "{given} for {exact}");
            prop_assert_eq!(histogram.max, *values.last().unwrap());
            prop_assert_eq!(histogram.sum, values.iter().copied().map(i128::from).sum::<i128>());
        }

        #[test]
        fn a_value_lies_in_its_bucket(value in 0_i64..1 << 62) {
            let b = bucket(value);
            prop_assert!(end(b) >= value);
            prop_assert!(b == 0 || end(b - 1) < value);
        }
    }
}
