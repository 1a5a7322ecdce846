//! What is known of claims and of the volumes behind them.

use types::SLOTS_PER_HOUR;

use super::{Snapshot, slots, text, value};
use crate::decode::Series;

/// A persistent volume claim. Where a claim was deleted and made anew within the hour, it is what it was last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Claim {
    pub(crate) storage_class: String,
    pub(crate) volume: String,
    /// Slots in which it was there.
    pub(crate) present: [bool; SLOTS_PER_HOUR],
    /// The last slot in which it had this volume and class.
    last_slot: usize,
    pub(crate) used_max_bytes: Option<f64>,
}

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Volume {
    pub(crate) csi_driver: String,
    pub(crate) csi_handle: String,
    pub(crate) ebs_volume_id: String,
    pub(crate) zone: String,
    pub(crate) capacity_bytes: Option<f64>,
}

pub(super) fn claim_info(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
    let (storage_class, volume) = (text(series, 2).unwrap_or_default(), text(series, 3)?);
    let seen = slots(series, start).map(|sample| sample.is_some());
    let last_slot = seen.iter().rposition(|seen| *seen)?;
    let claim = s.claims.entry(key).or_default();
    claim.present.iter_mut().zip(seen).for_each(|(present, seen)| *present |= seen);
    // The later wins, and of two at once the greater: not the one that came first.
    let known = (claim.last_slot, claim.volume.as_str(), claim.storage_class.as_str());
    if (last_slot, volume, storage_class) > known {
        claim.last_slot = last_slot;
        volume.clone_into(&mut claim.volume);
        storage_class.clone_into(&mut claim.storage_class);
    }
    Some(())
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let volume = s.volumes.entry(text(series, 1)?.to_owned()).or_default();
    if text(series, 0)? == "kube_persistentvolume_capacity_bytes" {
        let bytes = value(series)?;
        volume.capacity_bytes = Some(volume.capacity_bytes.map_or(bytes, |known| known.max(bytes)));
        return Some(());
    }
    let greater = |field: &mut String, value: Option<&str>| {
        if let Some(value) = value.filter(|value| *value > field.as_str()) {
            value.clone_into(field);
        }
    };
    greater(&mut volume.csi_driver, text(series, 2));
    greater(&mut volume.csi_handle, text(series, 3));
    greater(&mut volume.ebs_volume_id, text(series, 4));
    let zones = [5, 6, 7].into_iter().filter_map(|at| text(series, at));
    greater(&mut volume.zone, zones.max());
    Some(())
}

pub(super) fn used(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
    if let Some(claim) = s.claims.get_mut(&key) {
        let most = series.points.iter().map(|(_, bytes)| *bytes).reduce(f64::max)?;
        claim.used_max_bytes = Some(claim.used_max_bytes.map_or(most, |known| known.max(most)));
    }
    Some(())
}
