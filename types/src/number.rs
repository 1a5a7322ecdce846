//! Integers to floats, in one place: sums stay integers until they are shown.

/// An exact sum as a float, for display.
pub fn float(sum: i128) -> f64 {
    #[expect(clippy::as_conversions, reason = "display only; nearest float of an exact sum")]
    let float = sum as f64;
    float
}

/// A ratio as thousandths, so that a capacity formula floors exactly: 1.1 is 1100.
pub fn thousandths(ratio: f64) -> i64 {
    whole(ratio * 1000.0)
}

/// The nearest whole number; the ends of the range for what lies beyond it, zero for NaN.
pub fn whole(number: f64) -> i64 {
    #[expect(clippy::as_conversions, reason = "a float to integer cast saturates, which is what is wanted")]
    let whole = number.round() as i64;
    whole
}

/// The whole part of a number that is not negative.
pub fn floor(number: f64) -> i64 {
    #[expect(clippy::as_conversions, reason = "a float to integer cast cuts off the fraction, which is what is wanted")]
    let whole = number as i64;
    whole
}

/// A count that fits wherever counts are shown.
pub fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// `a / b`; `None` when `b` is zero.
pub fn ratio(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_with_a_rounding_error_in_binary_is_exact_in_thousandths() {
        assert_eq!((thousandths(1.1), thousandths(2.5), thousandths(f64::NAN)), (1100, 2500, 0));
        assert_eq!(96 * thousandths(1.1) / 1000, 105);
        assert_eq!(ratio(1.0, 0.0), None);
    }
}
