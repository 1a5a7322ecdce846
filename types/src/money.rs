//! Money as integers, so that sums are exact in any order.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

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
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Neg for NanoUsd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// Splits `total` over parts in proportion to `weights` (zero or more), in whole nano-dollars that add up to it
/// exactly: each part gets its share rounded down, and the nano-dollars left go to the largest remainders, equal ones
/// in the order of the parts. `None` when the weights add up to nothing.
pub fn split(total: NanoUsd, weights: &[i128]) -> Option<Vec<NanoUsd>> {
    let all: i128 = weights.iter().sum();
    if all <= 0 {
        return None;
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given = 0;
    for (n, weight) in weights.iter().enumerate() {
        let (share, remainder) = scaled_down(total.0, *weight, all);
        given += share;
        parts.push(NanoUsd(share));
        remainders.push((std::cmp::Reverse(remainder), n));
    }
    remainders.sort_unstable();
    let left = usize::try_from(total.0 - given).unwrap_or_default();
    for (_, n) in remainders.into_iter().take(left) {
        if let Some(part) = parts.get_mut(n) {
            *part += NanoUsd(1);
        }
    }
    Some(parts)
}

/// `total * weight / all`, rounded down, with the remainder, for products that may not fit 128 bits: the bits of
/// `total` are taken one after the other, as in long division.
fn scaled_down(total: i128, weight: i128, all: i128) -> (i128, i128) {
    if let Some(product) = total.checked_mul(weight) {
        return (product.div_euclid(all), product.rem_euclid(all));
    }
    let (sign, size) = (total.signum(), total.unsigned_abs());
    let (mut quotient, mut remainder) = (0_i128, 0_i128);
    for bit in (0..u128::BITS - size.leading_zeros()).rev() {
        let added = if size >> bit & 1 == 1 { weight } else { 0 };
        let (whole, rest) = (added.div_euclid(all), added.rem_euclid(all));
        remainder = remainder * 2 + rest;
        quotient = quotient * 2 + whole + remainder.div_euclid(all);
        remainder = remainder.rem_euclid(all);
    }
    match (sign, remainder) {
        (-1, 0) => (-quotient, 0),
        (-1, rest) => (-quotient - 1, all - rest),
        _ => (quotient, remainder),
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

    /// Returns the cost of `seconds` at this price, still undivided.
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
    /// The whole seconds that this pays for at `price`; `None` when the price is zero, and it pays for any.
    pub fn seconds_at(self, price: UsdPerHour) -> Option<i64> {
        let seconds = self.0.checked_div(i128::from(price.0))?;
        Some(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

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

impl Sub for PriceSeconds {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
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
#[expect(clippy::as_conversions, reason = "tests compare with floats")]
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
        fn a_split_adds_up_and_no_part_is_off_by_a_nano_dollar(
            total in -1_000_000_000_000_000_i128..1_000_000_000_000_000,
            weights in prop::collection::vec(0_i128..1 << 90, 1..30),
        ) {
            let all: i128 = weights.iter().sum();
            match split(NanoUsd(total), &weights) {
                None => prop_assert_eq!(all, 0),
                Some(parts) => {
                    prop_assert_eq!(parts.iter().copied().sum::<NanoUsd>(), NanoUsd(total));
                    for (part, weight) in parts.iter().zip(&weights) {
                        let exact = total as f64 * (*weight as f64 / all as f64);
                        prop_assert!((part.0 as f64 - exact).abs() <= 1.0 + exact.abs() * 1e-9, "{part:?} {exact}");
                    }
                }
            }
        }

        #[test]
        fn long_division_is_division(total in -1_000_000_i128..1_000_000, weight in 0_i128..1_000_000, all in 1_i128..1_000_000) {
            // Sizes at which the product fits, scaled so that it does not.
            let wide = 1_i128 << 100;
            let (quotient, remainder) = scaled_down(total, weight, all);
            prop_assert_eq!(quotient * all + remainder, total * weight);
            let (wide_quotient, wide_remainder) = scaled_down(total, weight * wide, all * wide);
            prop_assert_eq!((wide_quotient, wide_remainder), (quotient, remainder * wide));
        }

        #[test]
        fn rounding_is_symmetric_and_within_half(n in -1_000_000_i128..1_000_000, d in 1_i128..1000) {
            let rounded = div_round(n, d);
            prop_assert!((rounded * d - n).abs() * 2 <= d);
            prop_assert_eq!(div_round(-n, d), -rounded);
        }
    }
}
