//! Persistent volume claims and what is behind them.

use std::collections::BTreeMap;

use lake::tables::VolumeHour;
use types::{Hour, SLOT_SECONDS};

use crate::life::int32;
use crate::pod::whole;
use crate::snapshot::{Claim, Snapshot};

/// EBS volume types that the name of a storage class may contain. Not `standard`: many clusters call their default
/// class that, whatever is behind it.
const EBS_TYPES: [&str; 6] = ["gp3", "gp2", "io2", "io1", "st1", "sc1"];

/// The rows of all claims that were bound in the hour.
pub(crate) fn rows(snapshot: &Snapshot, hour: Hour) -> Vec<VolumeHour> {
    let mounts = mounts(snapshot);
    let row = |((namespace, name), claim): (&(String, String), &Claim)| {
        let volume = snapshot.volumes.get(&claim.volume);
        let handles = volume.map(|v| [v.csi_handle.as_str(), v.ebs_volume_id.as_str()]).unwrap_or_default();
        let volume_id = handles.into_iter().find_map(ebs_volume_id);
        let volume_type = volume_type(&claim.storage_class);
        VolumeHour {
            hour_start_seconds: hour.start_seconds(),
            namespace: namespace.clone(),
            volume_claim: name.clone(),
            volume: claim.volume.clone(),
            zone: None,
            storage_class: (!claim.storage_class.is_empty()).then(|| claim.storage_class.clone()),
            volume_id,
            volume_type: volume_type.map(ToOwned::to_owned),
            volume_type_source: volume_type.map_or("unknown", |_| "storage-class-name").to_owned(),
            iops: None,
            throughput_mib_per_second: None,
            capacity_bytes: volume.and_then(|v| v.capacity_bytes).and_then(whole),
            used_max_bytes: claim.used_max_bytes.and_then(whole),
            present_seconds: int32(i64::try_from(claim.slots).unwrap_or_default() * SLOT_SECONDS),
            pods: mounts.get(&(namespace.as_str(), name.as_str())).cloned().unwrap_or_default(),
            zone_source: None,
        }
    };
    snapshot.claims.iter().map(row).collect()
}

/// The pods that mount each claim, sorted.
fn mounts(snapshot: &Snapshot) -> BTreeMap<(&str, &str), Vec<String>> {
    let mut mounts: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for pod in snapshot.pods.values().filter(|pod| !pod.node.is_empty()) {
        for claim in &pod.claims {
            mounts.entry((&pod.namespace, claim)).or_default().push(pod.name.clone());
        }
    }
    for pods in mounts.values_mut() {
        pods.sort_unstable();
        pods.dedup();
    }
    mounts
}

/// `vol-0abc`, or the last segment of `aws://us-east-1a/vol-0abc`.
fn ebs_volume_id(handle: &str) -> Option<String> {
    let id = handle.rsplit('/').next()?;
    id.starts_with("vol-").then(|| id.to_owned())
}

/// The EBS type that the name of a storage class contains as a word: `gp3`, `ebs-gp3-encrypted`, `db_io2`.
///
/// Metrics do not carry the parameters of a storage class, so this is a guess from its name, and marked as one.
fn volume_type(storage_class: &str) -> Option<&'static str> {
    let words: Vec<_> = storage_class.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    EBS_TYPES.into_iter().find(|name| words.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_type_is_a_word_of_the_class_name() {
        for (class, expect) in [
            ("gp3", Some("gp3")),
            ("ebs-gp3-encrypted", Some("gp3")),
            ("db_io2", Some("io2")),
            ("standard", None),
            ("gp30", None),
            ("", None),
        ] {
            assert_eq!(volume_type(class), expect, "{class}");
        }
    }

    #[test]
    fn volume_ids_come_from_either_driver() {
        assert_eq!(ebs_volume_id("vol-0abc").as_deref(), Some("vol-0abc"));
        assert_eq!(ebs_volume_id("aws://us-east-1a/vol-0abc").as_deref(), Some("vol-0abc"));
        assert_eq!(ebs_volume_id("fs-0123::fsap-4"), None);
    }
}
