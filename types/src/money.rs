//! Money as integers, so that sums are exact in any order.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// Nano-dollars in a dollar.
const NANO: f64 = 1e9;
/// Seconds in an hour.
const SECONDS_PER_HOUR: i128 = 3600;

/// An amount of money in nano-dollars (1e-9 USD). Negative when something is lost or credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NanoUsd(i128);

impl NanoUsd {
    /// Nothing. A real zero: an unknown amount is `Option::None`.
    pub const ZERO: Self = Self(0);

    /// The amount of `nanos` nano-dollars.
    pub const fn new(nanos: i128) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// The amount in dollars, for display and for files; not for further sums.
    pub fn usd(self) -> f64 {
        #[expect(clippy::as_conversions, reason = "display only; exact up to nine million dollars")]
        let nanos = self.0 as f64;
        nanos / NANO
    }

    /// `self` times `numerator / denominator`, rounded half away from zero.
    ///
    /// A zero denominator gives zero: there is nothing to share.
    pub fn scaled(self, numerator: i128, denominator: i128) -> Self {
        Self(div_round(self.0 * numerator, denominator))
    }

    /// The greater of `self` and zero.
    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// A unit price in nano-dollars per hour, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerHour(i64);

/// Why a price was rejected.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{usd_per_hour} USD per hour is not a price; expected a number from 0 to 10000")]
pub struct InvalidPrice {
    usd_per_hour: f64,
}

impl UsdPerHour {
    /// The highest price accepted, in USD per hour. The dearest EC2 instance lists near 440; a price above
    /// this is a monthly figure in an hourly field.
    pub const MAX: f64 = 10_000.0;

    /// The price of `usd_per_hour`, rounded to a nano-dollar.
    ///
    /// # Errors
    /// [`InvalidPrice`] when it is negative, not finite, or above [`Self::MAX`].
    pub fn try_new(usd_per_hour: f64) -> Result<Self, InvalidPrice> {
        if !usd_per_hour.is_finite() || !(0.0..=Self::MAX).contains(&usd_per_hour) {
            return Err(InvalidPrice { usd_per_hour });
        }
        #[expect(clippy::as_conversions, reason = "bounded by MAX, far inside i64")]
        let nanos = (usd_per_hour * NANO).round() as i64;
        Ok(Self(nanos))
    }

    /// The price in USD per hour, for display.
    pub fn usd_per_hour(self) -> f64 {
        NanoUsd(i128::from(self.0)).usd()
    }

    /// What `seconds` at this price come to, still undivided.
    pub fn for_seconds(self, seconds: i64) -> PriceSeconds {
        PriceSeconds(i128::from(self.0) * i128::from(seconds))
    }

    /// This price less a saving: `0.65` off leaves 35 %.
    pub fn less(self, saving_fraction: f64) -> Option<Self> {
        Self::try_new(self.usd_per_hour() * (1.0 - saving_fraction)).ok()
    }
}

/// Price times seconds, summed before the one division by 3600, so that no rounding is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceSeconds(i128);

impl PriceSeconds {
    /// The cost, rounded once to a nano-dollar.
    pub fn cost(self) -> NanoUsd {
        NanoUsd(div_round(self.0, SECONDS_PER_HOUR))
    }
}

impl Add for PriceSeconds {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for PriceSeconds {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// Integer division, rounded half away from zero; zero for a zero denominator.
fn div_round(numerator: i128, denominator: i128) -> i128 {
    if denominator == 0 {
        return 0;
    }
    let half = denominator.abs() / 2;
    let sign = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    sign * ((numerator.abs() + half) / denominator.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_year_of_m5_4xlarge_is_what_the_price_list_says() {
        let price = UsdPerHour::try_new(0.768).unwrap();
        assert_eq!(price.for_seconds(8760 * 3600).cost(), NanoUsd::new(6_727_680_000_000));
    }

    #[test]
    fn prices_that_cannot_be_hourly_are_rejected() {
        for bad in [-0.1, f64::NAN, f64::INFINITY, 10_000.01] {
            assert!(UsdPerHour::try_new(bad).is_err(), "{bad}");
        }
        assert_eq!(UsdPerHour::try_new(0.0).unwrap().for_seconds(3600).cost(), NanoUsd::ZERO);
    }

    proptest! {
        #[test]
        fn splitting_a_span_never_changes_its_cost(price in 0.0..500.0_f64, cuts in prop::collection::vec(0_i64..3600, 1..20)) {
            let price = UsdPerHour::try_new(price).unwrap();
            let whole = price.for_seconds(cuts.iter().sum()).cost();
            let parts = cuts.iter().fold(PriceSeconds::default(), |sum, s| sum + price.for_seconds(*s)).cost();
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn rounding_is_symmetric_and_within_half(n in -1_000_000_i128..1_000_000, d in 1_i128..1000) {
            let rounded = div_round(n, d);
            prop_assert!((rounded * d - n).abs() * 2 <= d);
            prop_assert_eq!(div_round(-n, d), -rounded);
        }
    }
}
