//! Prediction of a host's use, from what its elastic VMs used.
//!
//! A predictor sees the sum over the elastic VMs a host carries, or would carry, slot by slot: peaks at different
//! hours do not add up, which is what overcommitting lives on. Bashir and others, "Take it to the limit" (EuroSys
//! 2021), compare such predictors on Google's machines.

use crate::number::float;

/// Slots in a day, the longest history kept.
pub(crate) const DAY_SLOTS: usize = 288;
const SLOTS_PER_HOUR: u32 = 12;

/// Predictor of the coming slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predictor {
    /// The most of the last hours, 24 at most.
    Max {
        /// Hours looked back.
        hours: u32,
    },
    /// The mean of the last hours and so many standard deviations.
    NSigma {
        /// Standard deviations.
        sigmas: f64,
        /// Hours looked back.
        hours: u32,
    },
    /// A percentile of the last hours, by nearest rank; Resource Central's idea without its learned classes.
    Percentile {
        /// From 0 to 100.
        percent: f64,
        /// Hours looked back.
        hours: u32,
    },
    /// The larger of N-sigma over 10 hours (N = 5) and the 99th percentile of 24 hours: what Google's study ran.
    Larger,
}

impl Default for Predictor {
    fn default() -> Self {
        Self::Max { hours: 24 }
    }
}

/// The last day of a quantity, slot by slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    values: Box<[u32; DAY_SLOTS]>,
}

impl Default for Series {
    fn default() -> Self {
        Self { values: Box::new([0; DAY_SLOTS]) }
    }
}

impl Series {
    /// Writes the value of slot `slot`, over that of a day before.
    pub fn write(&mut self, slot: u64, value: u32) {
        if let Some(cell) = self.cell(slot) {
            *cell = value;
        }
    }

    fn cell(&mut self, slot: u64) -> Option<&mut u32> {
        usize::try_from(slot).ok().and_then(|slot| self.values.get_mut(slot % DAY_SLOTS))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (cell, add) in self.values.iter_mut().zip(other.values.iter()) {
            *cell = cell.wrapping_add(*add);
        }
    }

    pub(crate) fn sub(&mut self, other: &Self) {
        for (cell, sub) in self.values.iter_mut().zip(other.values.iter()) {
            *cell = cell.wrapping_sub(*sub);
        }
    }

    /// The last `slots` values before slot `end`, the two parts of the ring in which they lie.
    fn last(&self, end: u64, slots: usize) -> impl Iterator<Item = &u32> + Clone {
        let slots = slots.min(DAY_SLOTS);
        let end = usize::try_from(end).unwrap_or_default() % DAY_SLOTS;
        let wrapped = slots.saturating_sub(end);
        let head = self.values.get(DAY_SLOTS - wrapped..).unwrap_or_default();
        let tail = self.values.get(end.saturating_sub(slots)..end).unwrap_or_default();
        head.iter().chain(tail)
    }
}

/// The last day of a host, of which the most is always known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    series: Series,
    most: u32,
}

impl Watched {
    pub(crate) fn write(&mut self, slot: u64, value: u32) {
        let before = self.series.cell(slot).map(|cell| std::mem::replace(cell, value));
        if value >= self.most {
            self.most = value;
        } else if before == Some(self.most) {
            self.look();
        }
    }

    pub(crate) fn add(&mut self, other: &Series) {
        self.series.add(other);
        self.look();
    }

    pub(crate) fn sub(&mut self, other: &Series) {
        self.series.sub(other);
        self.look();
    }

    fn look(&mut self) {
        self.most = self.series.values.iter().copied().fold(0, u32::max);
    }
}

impl Predictor {
    /// Predicts the use of `a` and `b` together, as [`Self::predict`] says.
    pub(crate) fn expect(&self, a: &Watched, b: Option<&Series>, end: u64, known: usize) -> f64 {
        match b {
            None if self.wants_the_most() && known > 0 => f64::from(a.most),
            b => self.predict(&a.series, b, end, known),
        }
    }

    /// Between which values [`Self::expect`] lies with another series that never exceeded `most`, where that can be
    /// told without looking at every slot.
    pub(crate) fn range(&self, a: &Watched, most: u32, known: usize) -> Option<(f64, f64)> {
        let told = self.wants_the_most() && known > 0;
        told.then(|| (f64::from(a.most), f64::from(a.most) + f64::from(most)))
    }

    /// Returns true when it is the most of a whole day that is expected. Slots before the first are zero and change no
    /// maximum, so what is known of a day is as good as a day.
    fn wants_the_most(&self) -> bool {
        matches!(self, Self::Max { hours } if crate::number::index(hours * SLOTS_PER_HOUR) >= DAY_SLOTS)
    }

    /// Predicts the use of `a` and `b` together after slot `end`, of which `known` slots are known.
    pub fn predict(&self, a: &Series, b: Option<&Series>, end: u64, known: usize) -> f64 {
        let slots = |hours: u32| crate::number::index(hours * SLOTS_PER_HOUR).min(known).min(DAY_SLOTS);
        match *self {
            Self::Max { .. } if self.wants_the_most() && known > 0 => f64::from(Self::max(a, b, end, DAY_SLOTS)),
            Self::Max { hours } => f64::from(Self::max(a, b, end, slots(hours))),
            Self::NSigma { sigmas, hours } => n_sigma(sum(a, b, end, slots(hours)), sigmas),
            Self::Percentile { percent, hours } => percentile(sum(a, b, end, slots(hours)), percent),
            Self::Larger => {
                let sigma = n_sigma(sum(a, b, end, slots(10)), 5.0);
                sigma.max(percentile(sum(a, b, end, slots(24)), 99.0))
            }
        }
    }

    fn max(a: &Series, b: Option<&Series>, end: u64, slots: usize) -> u32 {
        match b {
            // A whole day needs no cut.
            Some(b) if slots == DAY_SLOTS => {
                a.values.iter().zip(b.values.iter()).map(|(a, b)| a.wrapping_add(*b)).fold(0, u32::max)
            }
            None if slots == DAY_SLOTS => a.values.iter().copied().fold(0, u32::max),
            _ => sum(a, b, end, slots).max().unwrap_or_default(),
        }
    }
}

fn sum<'s>(a: &'s Series, b: Option<&'s Series>, end: u64, slots: usize) -> impl Iterator<Item = u32> + Clone + 's {
    let other = b.map(|b| b.last(end, slots));
    let mut other = other.into_iter().flatten();
    a.last(end, slots).map(move |a| a + other.next().copied().unwrap_or_default())
}

fn n_sigma(values: impl Iterator<Item = u32>, sigmas: f64) -> f64 {
    let (mut n, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
    for value in values.map(u64::from) {
        n += 1;
        sum += value;
        squares += value * value;
    }
    if n == 0 {
        return 0.0;
    }
    // Integers up to the last step: n Σx² − (Σx)² is exact, where a running float mean would not be.
    let spread = u128::from(n) * u128::from(squares) - u128::from(sum) * u128::from(sum);
    let variance = float(u64::try_from(spread).unwrap_or(u64::MAX)) / float(n * n);
    float(sum) / float(n) + sigmas * variance.sqrt()
}

fn percentile(values: impl Iterator<Item = u32>, percent: f64) -> f64 {
    let mut sorted: Vec<u32> = values.collect();
    sorted.sort_unstable();
    let rank = crate::number::whole((percent / 100.0 * float(crate::number::id(sorted.len()).into())).ceil());
    sorted.get(crate::number::index(rank.saturating_sub(1))).copied().map_or(0.0, f64::from)
}

#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, written as the definitions say it, over everything seen so far.
    fn reference(predictor: Predictor, all: &[f64]) -> f64 {
        let last = |hours: u32| &all[all.len().saturating_sub(12 * hours as usize)..];
        let sigma = |values: &[f64], n: f64| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            mean + n * variance.sqrt()
        };
        let rank = |values: &[f64], percent: f64| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
            sorted[rank.max(1) - 1]
        };
        match predictor {
            Predictor::Max { hours } => last(hours).iter().copied().fold(0.0, f64::max),
            Predictor::NSigma { sigmas, hours } => sigma(last(hours), sigmas),
            Predictor::Percentile { percent, hours } => rank(last(hours), percent),
            Predictor::Larger => sigma(last(10), 5.0).max(rank(last(24), 99.0)),
        }
    }

    fn predictors() -> impl Strategy<Value = Predictor> {
        prop_oneof![
            (1_u32..=24).prop_map(|hours| Predictor::Max { hours }),
            (0.0..6.0, 1_u32..=24).prop_map(|(sigmas, hours)| Predictor::NSigma { sigmas, hours }),
            (0.1..100.0, 1_u32..=24).prop_map(|(percent, hours)| Predictor::Percentile { percent, hours }),
            Just(Predictor::Larger),
        ]
    }

    proptest! {
        #[test]
        fn predictors_equal_their_definitions(
            predictor in predictors(),
            values in prop::collection::vec((0_u32..96_000, 0_u32..96_000), 1..700),
            with_other in any::<bool>(),
        ) {
            let (mut a, mut b) = (Series::default(), Series::default());
            let mut all = Vec::new();
            for (slot, (x, y)) in values.into_iter().enumerate() {
                a.write(slot as u64, x);
                b.write(slot as u64, y);
                all.push(f64::from(x) + if with_other { f64::from(y) } else { 0.0 });
            }
            let got = predictor.predict(&a, with_other.then_some(&b), all.len() as u64, all.len().min(DAY_SLOTS));
            let expect = reference(predictor, &all);
            prop_assert!((got - expect).abs() <= 1e-9 * expect.max(1.0), "{got} {expect}");
        }
    }

    proptest! {
        #[test]
        fn a_watched_day_always_knows_its_most(
            steps in prop::collection::vec((0_u32..50, 0_u32..1000, 0_u8..12), 1..700),
        ) {
            let (mut watched, mut guest, mut guests) = (Watched::default(), Series::default(), 0);
            for (slot, (value, guest_value, what)) in steps.into_iter().enumerate() {
                guest.write(slot as u64, guest_value);
                // What came is taken away as it is by then, and written to both meanwhile.
                watched.write(slot as u64, value + guests * guest_value);
                if what == 0 && guests == 0 {
                    watched.add(&guest);
                    guests = 1;
                } else if what == 1 && guests == 1 {
                    watched.sub(&guest);
                    guests = 0;
                }
                prop_assert_eq!(watched.most, watched.series.values.iter().copied().max().unwrap());
                let exact = f64::from(watched.series.values.iter().zip(guest.values.iter()).map(|(a, b)| a + b).max().unwrap());
                let most = guest.values.iter().copied().max().unwrap();
                let (least, at_most) = Predictor::default().range(&watched, most, 1).unwrap();
                prop_assert!(least <= exact && exact <= at_most);
            }
        }
    }

    #[test]
    fn what_was_added_and_taken_away_is_as_if_never_there() {
        let (mut a, mut b) = (Series::default(), Series::default());
        a.write(3, 5);
        b.write(3, 7);
        let before = a.clone();
        a.add(&b);
        assert_eq!(Predictor::default().predict(&a, None, 4, 4), 12.0);
        a.sub(&b);
        assert_eq!(a, before);
        assert_eq!(Predictor::default().predict(&a, Some(&b), 4, 0), 0.0);
    }
}
