//! Amounts and quantities as a bill writes them, exact: decimals of which a sum loses none.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use types::NanoUsd;
use types::number::float;

/// Decimals kept. AWS writes amounts with ten.
const DECIMALS: usize = 12;
/// One, in the unit of the sums.
const ONE: i128 = 1_000_000_000_000;
/// Of a nano-dollar.
const NANO: i128 = 1_000;

/// An amount of money or a quantity in millionths of a millionth, so that sums are exact in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pico(i128);

impl Pico {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many whole ones.
    pub const fn whole(n: i64) -> Self {
        #[expect(clippy::as_conversions, reason = "an i64 fits an i128")]
        let wide = n as i128;
        Self(wide * ONE)
    }

    /// Reads a decimal, with an exponent or without; `None` when it is none, or far too large for a bill.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let mut value: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            value = value.checked_mul(10)?.checked_add(i128::from(digit.saturating_sub(b'0')))?;
        }
        let places =
            i32::try_from(DECIMALS).ok()?.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let value = match u32::try_from(places) {
            Ok(places) => value.checked_mul(10_i128.checked_pow(places)?)?,
            Err(_) => div_round(value, 10_i128.checked_pow(places.unsigned_abs()).unwrap_or(i128::MAX)),
        };
        Some(Self(if negative { -value } else { value }))
    }

    /// The decimal that a float stands for: the shortest that reads back as the same float, which is what the writer had.
    pub fn of_float(value: f64) -> Option<Self> {
        if value.is_finite() { Self::parse(&value.to_string()) } else { None }
    }

    /// An integer with so many decimals.
    pub(crate) fn of_decimal(value: i128, scale: i8) -> Option<Self> {
        let places = i32::try_from(DECIMALS).ok()?.checked_sub(i32::from(scale))?;
        match u32::try_from(places) {
            Ok(places) => Some(Self(value.checked_mul(10_i128.checked_pow(places)?)?)),
            Err(_) => Some(Self(div_round(value, 10_i128.checked_pow(places.unsigned_abs())?))),
        }
    }

    /// `self` times `numerator / denominator`, rounded half away from zero; nothing for a zero denominator.
    pub fn scaled(self, numerator: i64, denominator: i64) -> Self {
        match self.0.checked_mul(i128::from(numerator)) {
            Some(product) if denominator != 0 => Self(div_round(product, i128::from(denominator))),
            _ => Self::ZERO,
        }
    }

    /// `self` times `times` to the next whole number; the largest there is where that is beyond it.
    pub(crate) fn whole_times(self, times: i64) -> i64 {
        let product = self.0.saturating_mul(i128::from(times));
        i64::try_from(div_round(product, ONE)).unwrap_or(i64::MAX)
    }

    /// Rounded once to a nano-dollar.
    pub fn nano_usd(self) -> NanoUsd {
        NanoUsd::new(div_round(self.0, NANO))
    }

    /// For display and for files, rounded to billionths; not for further sums.
    pub fn float(self) -> f64 {
        self.nano_usd().usd()
    }

    /// `self / other` as a float; `None` when that is zero.
    pub fn over(self, other: Self) -> Option<f64> {
        (other.0 != 0).then(|| float(self.0) / float(other.0))
    }
}

/// Rounds half away from zero. Wide enough for any numerator and half of any denominator.
fn div_round(numerator: i128, denominator: i128) -> i128 {
    let (size, by) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let quotient = size.saturating_add(by / 2).checked_div(by).and_then(|quotient| i128::try_from(quotient).ok());
    let quotient = quotient.unwrap_or(i128::MAX);
    if (numerator < 0) == (denominator < 0) { quotient } else { -quotient }
}

impl Add for Pico {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Pico {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Pico {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Pico {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Pico {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_decimal_is_read_to_the_last_place_a_bill_has() {
        for (text, expect) in [
            ("0.0960000000", Some(96_000_000_000)),
            ("-1.5", Some(-1_500_000_000_000)),
            ("1e-3", Some(1_000_000_000)),
            ("2.5E2", Some(250_000_000_000_000)),
            (".5", Some(500_000_000_000)),
            ("7", Some(7_000_000_000_000)),
            ("0.0000000000004", Some(0)),
            ("0.0000000000005", Some(1)),
            ("", None),
            (".", None),
            ("1,5", None),
            ("NaN", None),
            ("1e400", None),
            ("1e2147483647", None),
            ("1e-2147483648", Some(0)),
            ("170141183460469231731687303715884105727e-13", Some(17_014_118_346_046_923_173_168_730_371_588_410_573)),
        ] {
            assert_eq!(Pico::parse(text).map(|pico| pico.0), expect, "{text:?}");
        }
        assert_eq!(Pico::of_float(0.1), Pico::parse("0.1"));
        assert_eq!(Pico::of_decimal(123_456, 4), Pico::parse("12.3456"));
        assert_eq!(Pico::parse("0.0000000005").map(|pico| pico.nano_usd().nanos()), Some(1));
    }

    proptest! {
        #[test]
        fn a_float_reads_back_as_the_decimal_it_was_written_from(nanos in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            let text = format!("{}.{:09}", nanos / 1_000_000_000, (nanos % 1_000_000_000).abs());
            let text = if nanos < 0 && !text.starts_with('-') { format!("-{text}") } else { text };
            let exact = Pico::parse(&text).unwrap();
            prop_assert_eq!(exact.nano_usd().nanos(), i128::from(nanos));
            prop_assert_eq!(Pico::of_float(text.parse().unwrap()), Some(exact));
        }

        #[test]
        fn no_text_stops_the_program(text in "\\PC{0,40}") {
            let _ = Pico::parse(&text);
        }
    }
}
