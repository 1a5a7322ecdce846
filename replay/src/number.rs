//! The few conversions between number types, each proven once.

/// An index as the machine counts.
#[expect(clippy::as_conversions, reason = "u32 fits usize on every platform this is built for")]
pub(crate) const fn index(n: u32) -> usize {
    n as usize
}

/// A length as an id; tables here never hold four billion rows.
pub(crate) fn id(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A count as a float; exact up to 2^53.
#[expect(clippy::as_conversions, reason = "sums here stay below 2^53, or are shown as shares")]
pub(crate) const fn float(n: u64) -> f64 {
    n as f64
}

/// A float as a count: the nearest, from zero to the largest.
#[expect(clippy::as_conversions, reason = "a float's cast saturates and NaN becomes zero")]
pub(crate) fn whole(x: f64) -> u32 {
    x.round() as u32
}

/// A float as a large count: the nearest, from zero to the largest.
#[expect(clippy::as_conversions, reason = "a float's cast saturates and NaN becomes zero")]
pub(crate) fn whole_u64(x: f64) -> u64 {
    x.round() as u64
}

/// A count as the 32-bit float that scans compare; exact up to 2^24 (16 million millicores, 16 TiB in MiB).
#[expect(clippy::as_conversions, reason = "machines are far below 2^24 millicores and MiB")]
pub(crate) const fn float32(n: u32) -> f32 {
    n as f32
}

/// A duration or a moment as a count; negative becomes zero.
pub(crate) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}
