//! Facts about claims and the volumes behind them.

use std::collections::BTreeMap;

use super::presence_slots::{Around, Gap, Seen, add};
use super::{Snapshot, mean_of_hour, slots};
use crate::decode::Series;

/// A persistent volume claim. Where a claim was deleted and made anew within the hour, it is what it was last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ClaimSeries {
    pub(crate) storage_class: String,
    pub(crate) volume: String,
    /// Slots in which it was there, once everything is read.
    pub(crate) present: Seen,
    /// Slots in which it was seen bound to each volume, by the name of that.
    seen: BTreeMap<String, Around>,
    /// Slots in which the kubelet of a pod that mounts it showed how full it is.
    mounted: Seen,
    /// How well the last slot in which it had this volume and class tells of the hour.
    last_slot: usize,
    pub(crate) used_max_bytes: Option<f64>,
}

impl ClaimSeries {
    /// Tells in which slots it was there, with each of its volumes by itself.
    pub(super) fn bridge(&mut self, scraped: &Seen) {
        for (volume, seen) in &mut self.seen {
            // A claim that is mounted is not deleted, and it has the volume it had last.
            if *volume == self.volume {
                add(&mut seen.within, &self.mounted);
            }
            // The name of a volume is never used again.
            add(&mut self.present, &seen.bridged(Gap::Any, scraped));
        }
    }
}

/// Slots in which the kubelet may show a claim that is gone.
const MOST_SLOTS_AFTER_ITS_END: usize = 2;

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Volume {
    /// CSI driver, or the driver that is part of Kubernetes, such as `kubernetes.io/nfs`. Empty for the one of EBS.
    pub(crate) driver: String,
    pub(crate) csi_handle: String,
    pub(crate) ebs_volume_id: String,
    pub(crate) zone: String,
    pub(crate) capacity_bytes: Option<f64>,
    /// What was said before the hour or after it alone, until everything is read.
    pub(crate) beyond: Option<Box<Self>>,
}

impl Volume {
    /// Takes what is not said in the hour from what is said around it.
    pub(super) fn settle(&mut self) {
        let Some(beyond) = self.beyond.take() else { return };
        if [&self.driver, &self.csi_handle, &self.ebs_volume_id].iter().all(|said| said.is_empty()) {
            (self.driver, self.csi_handle, self.ebs_volume_id) =
                (beyond.driver, beyond.csi_handle, beyond.ebs_volume_id);
        }
        if self.zone.is_empty() {
            self.zone = beyond.zone;
        }
        self.capacity_bytes = self.capacity_bytes.or(beyond.capacity_bytes);
    }
}

/// The labels in which the zone of a volume may be.
const ZONES: [&str; 3] = [
    "label_topology_kubernetes_io_zone",
    "label_failure_domain_beta_kubernetes_io_zone",
    "label_topology_ebs_csi_aws_com_zone",
];

/// Labels that only volumes of a driver that is part of Kubernetes have, with the name of it.
const IN_TREE: [(&str, &str); 8] = [
    ("nfs_server", "kubernetes.io/nfs"),
    ("host_path", "kubernetes.io/host-path"),
    ("local_path", "kubernetes.io/local-volume"),
    ("iscsi_iqn", "kubernetes.io/iscsi"),
    ("fc_wwids", "kubernetes.io/fc"),
    ("fc_target_wwns", "kubernetes.io/fc"),
    ("gce_persistent_disk_name", "kubernetes.io/gce-pd"),
    ("azure_disk_name", "kubernetes.io/azure-disk"),
];

/// Namespace and name of a claim.
fn claim_key(series: &Series<'_, '_>) -> Option<(String, String)> {
    Some((series.label("namespace")?.to_owned(), series.label("persistentvolumeclaim")?.to_owned()))
}

pub(super) fn claim_info(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let key = claim_key(series)?;
    let (storage_class, volume) = (series.label("storageclass").unwrap_or_default(), series.label("volumename")?);
    let seen = Around::of(series, start);
    let last_slot = seen.nearness()?;
    let claim = s.claims.entry(key).or_default();
    claim.seen.entry(volume.to_owned()).or_default().add(&seen);
    // The later wins, and of two at once the greater: not the one that came first.
    let known = (claim.last_slot, claim.volume.as_str(), claim.storage_class.as_str());
    if (last_slot, volume, storage_class) > known {
        claim.last_slot = last_slot;
        volume.clone_into(&mut claim.volume);
        storage_class.clone_into(&mut claim.storage_class);
    }
    Some(())
}

pub(super) fn info(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let volume = s.volumes.entry(series.label("persistentvolume")?.to_owned()).or_default();
    let in_hour = slots(series, start).iter().any(Option::is_some);
    let volume = if in_hour { volume } else { &mut **volume.beyond.get_or_insert_default() };
    if series.label("__name__")? == "kube_persistentvolume_capacity_bytes" {
        let bytes = mean_of_hour(series, start, |bytes| bytes > 0.0)?;
        volume.capacity_bytes = Some(volume.capacity_bytes.map_or(bytes, |known| known.max(bytes)));
        return Some(());
    }
    let greater = |field: &mut String, value: Option<&str>| {
        if let Some(value) = value.filter(|value| *value > field.as_str()) {
            value.clone_into(field);
        }
    };
    let in_tree = IN_TREE.iter().find(|(label, _)| series.label(label).is_some()).map(|(_, driver)| *driver);
    greater(&mut volume.driver, series.label("csi_driver").or(in_tree));
    greater(&mut volume.csi_handle, series.label("csi_volume_handle"));
    greater(&mut volume.ebs_volume_id, series.label("ebs_volume_id"));
    let zones = ZONES.into_iter().filter_map(|label| series.label(label));
    greater(&mut volume.zone, zones.max());
    Some(())
}

pub(super) fn used(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let claim = s.claims.entry(claim_key(series)?).or_default();
    add(&mut claim.mounted, &slots(series, start).map(|sample| sample.is_some()));
    let most = series.points.iter().map(|(_, bytes)| *bytes).reduce(f64::max)?;
    claim.used_max_bytes = Some(claim.used_max_bytes.map_or(most, |known| known.max(most)));
    Some(())
}

impl Snapshot {
    /// Claims, by namespace and name, that are mounted and never listed where others are: what is behind them is not
    /// known. Of a claim that is deleted the kubelet shows a little more for a while.
    pub(crate) fn unlisted_claims(&self) -> Vec<String> {
        if self.claims.values().all(|claim| claim.seen.is_empty()) {
            return Vec::new();
        }
        let mounted =
            |claim: &ClaimSeries| claim.mounted.iter().filter(|mounted| **mounted).count() > MOST_SLOTS_AFTER_ITS_END;
        let unlisted = self.claims.iter().filter(|(_, claim)| claim.seen.is_empty() && mounted(claim));
        unlisted.map(|((namespace, name), _)| format!("{namespace}/{name}")).collect()
    }
}
