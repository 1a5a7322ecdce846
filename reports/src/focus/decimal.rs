//! Amounts and quantities as decimals, so that their sums are exact.

use std::fmt;
use std::iter::Sum;

use types::NanoUsd;

/// Digits after the point.
pub(super) const SCALE: u8 = 12;
/// Digits in all: the most that Parquet's and Arrow's 128 bits hold.
pub(super) const PRECISION: u8 = 38;
/// Trillionths in one.
const ONE: i128 = 1_000_000_000_000;
/// Trillionths in a nano-dollar.
const NANO: i128 = 1_000;

/// A number in trillionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Decimal(i128);

impl Decimal {
    pub(super) const ZERO: Self = Self(0);
    pub(super) const ONE: Self = Self(ONE);

    /// The number of `trillionths`.
    pub(super) const fn new(trillionths: i128) -> Self {
        Self(trillionths)
    }

    pub(super) const fn trillionths(self) -> i128 {
        self.0
    }

    /// The number as it is written, cut after twelve decimals; `None` when it is not finite or beyond 25 digits.
    pub(super) fn of(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        // The shortest text that reads back as the number: its digits are known, those after them are not.
        let text = number.abs().to_string();
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        let decimals: String = decimals.chars().chain(std::iter::repeat('0')).take(usize::from(SCALE)).collect();
        if whole.len() > 25 {
            return None;
        }
        let trillionths = whole.parse::<i128>().ok()? * ONE + decimals.parse::<i128>().ok()?;
        Some(Self(if number < 0.0 { -trillionths } else { trillionths }))
    }

    /// `self / other` to twelve decimals; zero where `other` is.
    pub(super) fn over(self, other: Self) -> Self {
        if other.0 == 0 {
            return Self::ZERO;
        }
        match self.0.checked_mul(ONE) {
            Some(product) => Self(NanoUsd::new(product).scaled(1, other.0).nanos()),
            None => Self(self.0 / other.0 * ONE),
        }
    }

    /// Returns true when `self * other` is `product`, to a billionth of it or a billionth: what the specification's own
    /// validator allows a product of doubles.
    pub(super) fn times_is(self, other: Self, product: Self) -> bool {
        let (Some(is), Some(expect)) = (self.0.checked_mul(other.0), product.0.checked_mul(ONE)) else { return false };
        let allowed = (expect.abs() / 1_000_000_000).max(ONE * NANO);
        (is - expect).abs() <= allowed
    }
}

impl From<NanoUsd> for Decimal {
    fn from(amount: NanoUsd) -> Self {
        Self(amount.nanos() * NANO)
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        Self(numbers.map(|number| number.0).sum())
    }
}

/// With a point always, and without zeros at the end beyond the first decimal: `16119.924315826`, `0.0`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let decimals = format!("{rest:0width$}", width = usize::from(SCALE));
        let decimals = decimals.trim_end_matches('0');
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{}", if decimals.is_empty() { "0" } else { decimals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_shortest_digits_and_reads_back() {
        for (number, expect) in [
            (16119.924315826, "16119.924315826"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (1e-13, "0.0"),
            (0.1 + 0.2, "0.3"),
            (1e20, "100000000000000000000.0"),
        ] {
            assert_eq!(Decimal::of(number).unwrap().to_string(), expect, "{number}");
        }
        assert_eq!(Decimal::of(f64::NAN), None);
        assert_eq!(Decimal::of(1e300), None);
        assert_eq!(Decimal::from(NanoUsd::new(1)).to_string(), "0.000000001");
    }

    #[test]
    fn quotients_and_products_agree() {
        let (cost, hours) = (Decimal::of(12_027.024_64).unwrap(), Decimal::of(2_610.031_388_888_889).unwrap());
        assert!(cost.over(hours).times_is(hours, cost));
        assert!(Decimal::of(4.608).unwrap().times_is(hours, cost));
        assert!(!Decimal::of(4.609).unwrap().times_is(hours, cost));
        assert_eq!(cost.over(Decimal::ZERO), Decimal::ZERO);
    }
}
