//! The vendor's fee.

use types::NanoUsd;

/// The vendor's fee over the window: a share of Before (the elastic VMs at EC2 prices) less host spend, and nothing where
/// that is negative. By millionths of the share.
pub fn fee(before: NanoUsd, host_spend: NanoUsd, fraction: f64) -> NanoUsd {
    let millionths = crate::number::whole_u64(fraction * 1e6);
    (before - host_spend).at_least_zero().scaled(millionths.into(), 1_000_000)
}
