//! File systems of EFS that several claims are on: AWS bills what is stored once, however many claims show it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use types::window::HOUR_SECONDS;

use crate::sums::volume_billing::{Store, VolumeRow};

/// Claims on file systems of EFS whose ids are known, until all of their hours are: by hour and file system, then by what of
/// it they mount, which is empty for all of it.
#[derive(Debug, Default)]
pub(crate) struct FileSystems(BTreeMap<(i64, String), BTreeMap<String, Vec<VolumeRow>>>);

impl FileSystems {
    /// Keeps a claim on EFS whose file system is known; gives back any other.
    pub(crate) fn keep(&mut self, hour: i64, volume: VolumeRow) -> Option<VolumeRow> {
        let handle = volume.volume_id.as_deref().filter(|_| volume.kind.store == Store::Efs);
        let Some(handle) = handle else { return Some(volume) };
        // `fs-0abc`, `fs-0abc::fsap-0def` for an access point, or `fs-0abc:/dir`.
        let (id, part) = handle.split_once(':').unwrap_or((handle, ""));
        let (file_system, part) = ((hour, id.to_owned()), part.to_owned());
        self.0.entry(file_system).or_default().entry(part).or_default().push(volume);
        None
    }

    /// The claims with the seconds in which they stand for what is stored, each with its hour.
    ///
    /// The driver of EFS measures the directory that a claim mounts. So claims on one access point show the same bytes, of
    /// which the one with the most counts; those on different ones show different bytes; and one on the whole file system
    /// shows all of them.
    pub(crate) fn counted_once(self) -> impl Iterator<Item = (i64, VolumeRow)> {
        self.0.into_iter().flat_map(|((hour, _), mut parts)| {
            parts.values_mut().for_each(|claims| share_seconds(claims));
            let mut whole = parts.remove("").unwrap_or_default();
            let mut others: Vec<VolumeRow> = parts.into_values().flatten().collect();
            // A part that nobody measured is in what is measured of the whole.
            if whole.iter().any(|claim| claim.used_bytes.is_some()) {
                let is_all = byte_seconds(&whole) >= byte_seconds(&others);
                let counted = if is_all { &mut others } else { &mut whole };
                counted.iter_mut().for_each(|claim| claim.present_seconds = 0);
            }
            whole.into_iter().chain(others).map(move |claim| (hour, claim))
        })
    }
}

/// Leaves of the hour to each of some claims that show the same bytes what those with more of them do not cover.
fn share_seconds(claims: &mut [VolumeRow]) {
    claims.sort_by(|a, b| {
        let order = |claim: &VolumeRow| Reverse(claim.used_bytes);
        order(a).cmp(&order(b)).then_with(|| (&a.namespace, &a.claim).cmp(&(&b.namespace, &b.claim)))
    });
    let mut left = HOUR_SECONDS;
    for claim in claims {
        claim.present_seconds = claim.present_seconds.clamp(0, left);
        left -= claim.present_seconds;
    }
}

fn byte_seconds(claims: &[VolumeRow]) -> i128 {
    let of_claim = |claim: &VolumeRow| i128::from(claim.used_bytes.unwrap_or(0)) * i128::from(claim.present_seconds);
    claims.iter().map(of_claim).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::volume_billing::VolumeKind;

    fn claim(name: &str, id: &str, used: Option<i64>, seconds: i64) -> VolumeRow {
        VolumeRow {
            namespace: "ns".to_owned(),
            claim: name.to_owned(),
            storage_class: None,
            volume_id: Some(id.to_owned()),
            kind: VolumeKind {
                region: None,
                store: Store::Efs,
                volume_type: None,
                iops: None,
                throughput_mib_per_second: None,
            },
            capacity_bytes: Some(1),
            used_bytes: used,
            present_seconds: seconds,
            on_outpost: None,
        }
    }

    /// Checks the seconds of each claim, by name.
    fn check(claims: &[(&str, Option<i64>, i64)], expect: &[i64]) {
        let rows = claims.iter().enumerate().map(|(n, (id, used, seconds))| claim(&n.to_string(), id, *used, *seconds));
        for reversed in [false, true] {
            let mut rows: Vec<VolumeRow> = rows.clone().collect();
            if reversed {
                rows.reverse();
            }
            let mut file_systems = FileSystems::default();
            assert!(rows.into_iter().all(|row| file_systems.keep(0, row).is_none()));
            let mut counted: Vec<VolumeRow> = file_systems.counted_once().map(|(_, row)| row).collect();
            counted.sort_by(|a, b| a.claim.cmp(&b.claim));
            let seconds: Vec<i64> = counted.iter().map(|row| row.present_seconds).collect();
            assert_eq!(seconds, expect, "{claims:?}");
        }
    }

    #[test]
    fn what_is_stored_counts_once() {
        let (a, b) = ("fs-0a::fsap-1", "fs-0a::fsap-2");
        check(&[(a, Some(5), 3600), (a, Some(7), 3600)], &[0, 3600]);
        check(&[("fs-0a", Some(5), 3600), ("fs-0a", None, 3600)], &[3600, 0]);
        check(&[(a, Some(5), 3600), (b, Some(5), 3600)], &[3600, 3600]);
        check(&[(a, Some(5), 3600), (b, Some(5), 3600), ("fs-0a", Some(12), 3600)], &[0, 0, 3600]);
        // Measured at another time.
        check(&[(a, Some(5), 3600), ("fs-0a", Some(4), 3600)], &[3600, 0]);
        // Nobody knows what is beside the access point.
        check(&[(a, Some(5), 3600), ("fs-0a", None, 3600)], &[3600, 3600]);
        check(&[("fs-0a:/a", Some(5), 3600), ("fs-0b:/a", Some(5), 3600)], &[3600, 3600]);
        // It changed hands within the hour.
        check(&[(a, Some(5), 1800), (a, Some(5), 1800)], &[1800, 1800]);
    }

    #[test]
    fn other_volumes_are_given_back() {
        let ebs = VolumeKind { store: Store::Ebs, ..claim("a", "vol-0a", None, 0).kind };
        let volumes = [
            VolumeRow { kind: ebs, ..claim("a", "vol-0a", None, 3600) },
            VolumeRow { volume_id: None, ..claim("a", "", Some(5), 3600) },
        ];
        for volume in volumes {
            assert_eq!(FileSystems::default().keep(0, volume.clone()), Some(volume));
        }
    }
}
