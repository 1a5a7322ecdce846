//! What is known of claims and of the volumes behind them.

use types::SLOTS_PER_HOUR;

use super::{Snapshot, text, value};
use crate::decode::Series;

/// A persistent volume claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Claim {
    pub(crate) storage_class: String,
    pub(crate) volume: String,
    pub(crate) slots: usize,
    pub(crate) used_max_bytes: Option<f64>,
}

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Volume {
    pub(crate) csi_handle: String,
    pub(crate) ebs_volume_id: String,
    pub(crate) capacity_bytes: Option<f64>,
}

pub(super) fn claim_info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
    let claim = s.claims.entry(key).or_default();
    claim.storage_class = text(series, 2).unwrap_or_default().to_owned();
    claim.volume = text(series, 3)?.to_owned();
    claim.slots = series.points.len().min(SLOTS_PER_HOUR);
    Some(())
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let volume = s.volumes.entry(text(series, 0)?.to_owned()).or_default();
    volume.csi_handle = text(series, 3).unwrap_or_default().to_owned();
    volume.ebs_volume_id = text(series, 4).unwrap_or_default().to_owned();
    Some(())
}

pub(super) fn capacity(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.volumes.entry(text(series, 0)?.to_owned()).or_default().capacity_bytes = value(series);
    Some(())
}

pub(super) fn used(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
    if let Some(claim) = s.claims.get_mut(&key) {
        claim.used_max_bytes = series.points.iter().map(|(_, bytes)| *bytes).reduce(f64::max);
    }
    Some(())
}
