//! Numbers of Prometheus as the integers of columns.

/// A finite quantity as an integer.
pub(crate) fn whole(quantity: f64) -> Option<i64> {
    let rounded = quantity.round();
    #[expect(clippy::as_conversions, reason = "checked to lie inside i64")]
    (rounded.abs() < 9e18).then_some(rounded as i64)
}

/// A number of seconds within an hour as the integer of a column.
pub(crate) fn int32(seconds: i64) -> i32 {
    i32::try_from(seconds).unwrap_or(if seconds < 0 { i32::MIN } else { i32::MAX })
}
