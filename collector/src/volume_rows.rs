//! Persistent volume claims and what is behind them.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::{NodeHour, VolumeHour};
use types::{ComputeType, Hour, SLOT_SECONDS};

use crate::impossible_measurements::Doubts;
use crate::machine_limits::possible_ebs_volume;
use crate::node_rows::label_facts::region_of_zone;
use crate::numbers::int32;
use crate::numbers::whole;
use crate::queries;
use crate::settings::Settings;
use crate::snapshot::{ClaimSeries, Snapshot, Volume};

/// The drivers of EBS: ours to install, and the one of EKS Auto Mode.
const EBS_DRIVERS: [&str; 2] = ["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"];

/// EBS volume types that the name of a storage class may contain. Not `standard`: many clusters call their default
/// class that, whatever is behind it.
const EBS_TYPES: [&str; 6] = ["gp3", "gp2", "io2", "io1", "st1", "sc1"];

/// The rows of all claims that were bound in the hour. `nodes` are the hour's, for the zones of volumes.
///
/// A size that cannot be is unknown, and told to `doubts`.
pub(crate) fn rows(
    snapshot: &Snapshot,
    nodes: &[NodeHour],
    settings: &Settings,
    hour: Hour,
    doubts: &mut Doubts,
) -> Vec<VolumeHour> {
    let mounts = mounts(snapshot);
    let node_zones = node_zones(nodes);
    let outposts = outposts(nodes);
    let row = |((namespace, name), claim): (&(String, String), &ClaimSeries)| {
        let volume = snapshot.volumes.get(&claim.volume);
        let handles = volume.map(|v| [v.csi_handle.as_str(), v.ebs_volume_id.as_str()]).unwrap_or_default();
        let ebs_id = handles.into_iter().find_map(ebs_volume_id);
        let file_system = volume.and_then(|v| file_system(&v.csi_handle));
        let mounted = mounts.get(&(namespace.as_str(), name.as_str()));
        let zone = zone(claim, volume, settings)
            .or_else(|| zone_of_nodes(mounted?, &node_zones, ebs_id.as_deref()).map(|zone| (zone, "node")));
        let kind = Kind::of(claim, volume, settings);
        let on_outpost = mounted.zip(ebs_id.as_ref()).and_then(|(mounted, _)| on_outpost(mounted, &outposts));
        let (capacity, used) = sizes(claim, volume, ebs_id.is_some());
        let given = [(volume.and_then(|v| v.capacity_bytes), capacity), (claim.used_max_bytes, used)];
        let dropped = given.into_iter().filter(|(told, believed)| told.is_some() && believed.is_none()).count();
        doubts.add(queries::VOLUME_USED.name, dropped, || format!("{namespace}/{name}"));
        VolumeHour {
            hour_start_seconds: hour.start_seconds(),
            namespace: namespace.clone(),
            volume_claim: name.clone(),
            volume: claim.volume.clone(),
            zone: zone.as_ref().map(|(zone, _)| zone.clone()),
            storage_class: (!claim.storage_class.is_empty()).then(|| claim.storage_class.clone()),
            volume_id: ebs_id.or_else(|| file_system.map(ToOwned::to_owned)),
            volume_type: kind.volume_type,
            volume_type_source: kind.source.to_owned(),
            iops: kind.iops,
            throughput_mib_per_second: kind.throughput_mib_per_second,
            capacity_bytes: capacity.and_then(whole),
            used_max_bytes: used.and_then(whole),
            present_seconds: int32(present_slots(claim).saturating_mul(SLOT_SECONDS)),
            pods: mounted.map(names).unwrap_or_default(),
            zone_source: zone.map(|(_, source)| source.to_owned()),
            csi_driver: volume.map(|v| v.driver.clone()).filter(|driver| !driver.is_empty()),
            on_outpost,
        }
    };
    snapshot.claims.iter().filter(|(_, claim)| present_slots(claim) > 0).map(row).collect()
}

/// Capacity and most use of a claim in bytes, as far as they can be: what a volume of EBS has, and no more in it than it
/// has. A file system may tell any capacity, and hold more than its claim says.
fn sizes(claim: &ClaimSeries, volume: Option<&Volume>, is_ebs: bool) -> (Option<f64>, Option<f64>) {
    let told = volume.and_then(|v| v.capacity_bytes);
    let capacity = if is_ebs { told.and_then(possible_ebs_volume) } else { told.filter(|bytes| *bytes > 0.0) };
    let most = capacity.filter(|_| is_ebs).unwrap_or(f64::MAX);
    (capacity, claim.used_max_bytes.filter(|used| (0.0..=most).contains(used)))
}

fn present_slots(claim: &ClaimSeries) -> i64 {
    claim.present.iter().map(|present| i64::from(*present)).sum()
}

/// The zone of a volume and how it is known: by its labels or its id, else by the Kubernetes API.
fn zone(claim: &ClaimSeries, volume: Option<&Volume>, settings: &Settings) -> Option<(String, &'static str)> {
    if let Some(volume) = volume.filter(|volume| !volume.zone.is_empty()) {
        return Some((volume.zone.clone(), "label"));
    }
    // The driver that is part of Kubernetes writes `aws://us-east-1a/vol-0abc`.
    let in_id = volume.and_then(|v| v.ebs_volume_id.strip_prefix("aws://")?.split('/').find(|part| !part.is_empty()));
    if let Some(zone) = in_id.filter(|zone| region_of_zone(zone).is_some()) {
        return Some((zone.to_owned(), "volume-id"));
    }
    settings.api.volume_zone(&claim.volume).map(|zone| (zone.to_owned(), "api"))
}

/// Zones by node name; none where two machines of one name were in different zones.
fn node_zones(nodes: &[NodeHour]) -> BTreeMap<&str, Option<&str>> {
    let mut zones = BTreeMap::new();
    for node in nodes {
        let zone = node.zone.as_deref();
        let known = zones.entry(node.node.as_str()).or_insert(zone);
        *known = known.filter(|known| Some(*known) == zone);
    }
    zones
}

/// The zone of the nodes of the pods that mount an EBS volume, which can be attached only there. Other volumes are not
/// bound to the zone of their pods.
fn zone_of_nodes(
    mounted: &Mounted<'_>,
    zones: &BTreeMap<&str, Option<&str>>,
    volume_id: Option<&str>,
) -> Option<String> {
    volume_id?;
    let found = mounted.iter().filter_map(|(_, node)| zones.get(node).copied().flatten());
    let found: BTreeSet<&str> = found.collect();
    found.first().filter(|_| found.len() == 1).map(|zone| (*zone).to_owned())
}

/// Nodes by name, with `true` for those on an Outpost.
fn outposts(nodes: &[NodeHour]) -> BTreeMap<&str, bool> {
    nodes.iter().map(|node| (node.node.as_str(), ComputeType::of(&node.compute_type) == ComputeType::Outpost)).collect()
}

/// Returns whether the nodes of the pods that mount an EBS volume are on an Outpost; `None` where none of them is known.
fn on_outpost(mounted: &Mounted<'_>, outposts: &BTreeMap<&str, bool>) -> Option<bool> {
    let known: Vec<bool> = mounted.iter().filter_map(|(_, node)| outposts.get(node).copied()).collect();
    (!known.is_empty()).then(|| known.contains(&true))
}

/// Names of pods, each once: a pod of a stateful set may have been on two nodes.
fn names(mounted: &Mounted<'_>) -> Vec<String> {
    let mut names: Vec<String> = mounted.iter().map(|(pod, _)| (*pod).to_owned()).collect();
    names.dedup();
    names
}

/// Kind of a volume, and its source.
struct Kind {
    volume_type: Option<String>,
    source: &'static str,
    iops: Option<i64>,
    throughput_mib_per_second: Option<i32>,
}

impl Kind {
    /// By what the user says of the storage class, else by its parameters, else by its name, as far as the driver keeps data
    /// on EBS. IOPS and throughput come from the first two alone, each where it is given.
    fn of(claim: &ClaimSeries, volume: Option<&Volume>, settings: &Settings) -> Self {
        let store = Store::of(volume.map(|v| v.driver.as_str()).unwrap_or_default());
        let is_ebs = store == Store::Ebs;
        let given = settings.overrides.storage_class(&claim.storage_class);
        let given = given.filter(|given| store.may_be(given.volume_type.as_deref()));
        let api = settings.api.class(&claim.storage_class).filter(|_| is_ebs);
        let gib = volume.and_then(|v| v.capacity_bytes).and_then(whole).map(|bytes| bytes >> 30);
        let api_iops = api.and_then(|api| api.iops.or_else(|| api.iops_per_gib?.checked_mul(gib?)));
        let by_user = given.and_then(|given| given.volume_type.clone()).map(|name| (name, "override"));
        let by_api = || api.and_then(|api| api.volume_type.clone()).map(|name| (name, "api"));
        let by_name = || volume_type(&claim.storage_class).filter(|_| is_ebs);
        let found = by_user.or_else(by_api).or_else(|| by_name().map(|name| (name.to_owned(), "storage-class-name")));
        let (volume_type, source) = found.unzip();
        Self {
            volume_type,
            source: source.unwrap_or("unknown"),
            iops: given.and_then(|given| given.iops).or(api_iops),
            throughput_mib_per_second: given
                .and_then(|given| given.throughput_mib_per_second)
                .or_else(|| api?.throughput_mib_per_second),
        }
    }
}

/// What a driver keeps data on, which comes before anything that is said of a storage class: a volume that was made by hand
/// may name any class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    /// EBS, or nothing says that it is not.
    Ebs,
    /// EFS or FSx.
    FileSystem,
    /// What a driver of Kubernetes itself reaches, such as a local disk, or NFS, behind which may be EFS or FSx.
    InTree,
    /// That of a driver that nobody here knows; the user may.
    Unknown,
}

impl Store {
    fn of(driver: &str) -> Self {
        match driver {
            "" => Self::Ebs,
            _ if EBS_DRIVERS.contains(&driver) => Self::Ebs,
            "efs.csi.aws.com" => Self::FileSystem,
            _ if driver.starts_with("fsx.") => Self::FileSystem,
            _ if driver.starts_with("kubernetes.io/") => Self::InTree,
            _ => Self::Unknown,
        }
    }

    /// Returns whether it may be what a user says of the storage class.
    fn may_be(self, volume_type: Option<&str>) -> bool {
        match self {
            Self::Ebs | Self::Unknown => true,
            Self::FileSystem => false,
            Self::InTree => matches!(volume_type, Some("efs" | "fsx")),
        }
    }
}

/// Pods and their nodes, sorted.
type Mounted<'a> = BTreeSet<(&'a str, &'a str)>;

/// The pods that mount each claim.
fn mounts(snapshot: &Snapshot) -> BTreeMap<(&str, &str), Mounted<'_>> {
    let mut mounts: BTreeMap<(&str, &str), Mounted<'_>> = BTreeMap::new();
    for pod in snapshot.pods.values().filter(|pod| !pod.node.is_empty()) {
        for claim in pod.claims.keys() {
            mounts.entry((&pod.namespace, claim)).or_default().insert((&pod.name, &pod.node));
        }
    }
    mounts
}

/// `vol-0abc`, or the last segment of `aws://us-east-1a/vol-0abc`.
fn ebs_volume_id(handle: &str) -> Option<String> {
    let id = handle.rsplit('/').next().filter(|_| file_system(handle).is_none())?;
    id.starts_with("vol-").then(|| id.to_owned())
}

/// The file system of EFS or FSx in a handle, with what of it is mounted: `fs-0abc`, `fs-0abc::fsap-0def` or `fs-0abc:/dir`.
fn file_system(handle: &str) -> Option<&str> {
    ["fs-", "fsvol-"].iter().any(|start| handle.starts_with(start)).then_some(handle)
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

    #[test]
    fn file_systems_come_with_what_of_them_is_mounted() {
        for handle in ["fs-0123", "fs-0123::fsap-4", "fs-0123:/a/vol-b", "fsvol-0123"] {
            assert_eq!(file_system(handle), Some(handle));
        }
        assert_eq!((file_system("vol-0abc"), file_system("")), (None, None));
    }

    #[test]
    fn the_driver_decides_before_the_class() {
        let settings = Settings {
            overrides: crate::Overrides::read("[storage_classes.gp2]\nvolume_type = \"gp3\"").unwrap(),
            ..Settings::default()
        };
        let mut claim = ClaimSeries::default();
        "gp2".clone_into(&mut claim.storage_class);
        for (driver, expect) in [
            ("", Some("gp3")),
            ("ebs.csi.aws.com", Some("gp3")),
            ("efs.csi.aws.com", None),
            ("fsx.csi.aws.com", None),
            ("kubernetes.io/nfs", None),
            ("pxd.portworx.com", Some("gp3")),
        ] {
            let volume = Volume { driver: driver.to_owned(), ..Volume::default() };
            let kind = Kind::of(&claim, Some(&volume), &settings);
            assert_eq!(kind.volume_type.as_deref(), expect, "{driver}");
            let kind = Kind::of(&claim, Some(&volume), &Settings::default());
            let by_name = Some("gp2").filter(|_| ["", "ebs.csi.aws.com"].contains(&driver));
            assert_eq!(kind.volume_type.as_deref(), by_name, "{driver}");
        }
    }
}
