//! Integers of the sums as numbers to print.

use types::NanoUsd;

use crate::number::float;

/// Bytes of a GiB.
pub(crate) const GIB: f64 = 1_073_741_824.0;

/// Core-hours of millicore-seconds.
pub(crate) fn core_hours(millicore_seconds: i128) -> f64 {
    float(millicore_seconds) / 1000.0 / 3600.0
}

/// GiB-hours of byte-seconds.
pub(crate) fn gib_hours(byte_seconds: i128) -> f64 {
    float(byte_seconds) / GIB / 3600.0
}

/// A count as a number.
pub(crate) fn unsigned(number: u64) -> f64 {
    float(number.into())
}

/// An amount of USD, exact to the nano-dollar.
pub(crate) fn nanos(usd: f64) -> NanoUsd {
    NanoUsd::new(crate::number::whole(usd * 1e9).into())
}
