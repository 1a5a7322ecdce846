//! Persistent volumes: what keeps a claim's data, what decides its price, and the seconds a volume is billed for.

use std::collections::BTreeMap;

use types::ComputeType;

use crate::sums::node_billing::NodeRow;
use crate::sums::zone_regions::outpost_of;

/// One persistent volume claim in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeRow {
    pub(crate) namespace: String,
    pub(crate) claim: String,
    pub(crate) storage_class: Option<String>,
    /// The EBS volume or file system behind it, which may be behind other claims too.
    pub(crate) volume_id: Option<String>,
    pub(crate) kind: VolumeKind,
    pub(crate) capacity_bytes: Option<i64>,
    /// Most bytes used.
    pub(crate) used_bytes: Option<i64>,
    pub(crate) present_seconds: i64,
    /// True when it is on an Outpost, as far as its hour tells.
    pub(crate) on_outpost: Option<bool>,
}

impl VolumeRow {
    /// Gives an EBS volume on an Outpost a location that no price list knows, since the rack is paid for and not the volume;
    /// so, where it is not known and some of the hour's nodes are on one, no price of the region either.
    pub(crate) fn place(&mut self, nodes: &[NodeRow]) {
        let is_there = |node: &&NodeRow| node.kind.compute_type == ComputeType::Outpost;
        let Some(node) = nodes.iter().find(is_there) else { return };
        if self.kind.store == Store::Ebs && self.on_outpost != Some(false) {
            let region = self.kind.region.as_ref().or(node.kind.region.as_ref());
            self.kind.region = region.map(|region| outpost_of(region));
        }
    }
}

/// Kind of a volume: what decides its price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VolumeKind {
    /// Region, or the Local Zone, as price lists name it.
    pub(crate) region: Option<String>,
    pub(crate) store: Store,
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<i64>,
    pub(crate) throughput_mib_per_second: Option<i64>,
}

impl VolumeKind {
    /// The type by which it is priced; `None` where it is not known.
    pub(crate) fn price_name(&self) -> Option<&str> {
        match self.store {
            Store::Ebs => self.volume_type.as_deref(),
            Store::Efs => Some("efs"),
            Store::Fsx => Some("fsx"),
            Store::Other => None,
        }
    }
}

/// Store of a volume's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) enum Store {
    /// An EBS volume, or nothing says that it is not one.
    #[default]
    Ebs,
    /// EFS, by its driver or the name of its storage class.
    Efs,
    /// FSx, by its driver or the name of its storage class.
    Fsx,
    /// Something else, by its driver; or it shows no EBS volume, and others of its hour do.
    Other,
}

/// Decides what keeps a volume's data: by the driver that made it, by what the user says where that is none of AWS, else by
/// the rest. A claim that shows no EBS volume where others of its hour do is of another driver: its capacity is what was
/// asked for, of which those bill nothing.
///
/// A storage class says nothing against the driver: a volume that was made by hand may name any class.
pub(crate) fn store(
    volume_id: Option<&str>,
    storage_class: Option<&str>,
    volume_type: Option<&str>,
    driver: Option<&str>,
    ids_show: bool,
) -> Store {
    let class = storage_class.unwrap_or_default();
    match (driver, volume_type) {
        (Some("efs.csi.aws.com"), _) => Store::Efs,
        (Some("ebs.csi.aws.com" | "ebs.csi.eks.amazonaws.com" | "kubernetes.io/aws-ebs"), _) => Store::Ebs,
        (Some(driver), _) if driver.starts_with("fsx.") => Store::Fsx,
        (_, Some("efs")) => Store::Efs,
        (_, Some("fsx")) => Store::Fsx,
        (Some(driver), _) if driver.starts_with("kubernetes.io/") => Store::Other,
        (_, Some(_)) => Store::Ebs,
        (Some(_), None) => Store::Other,
        (None, None) if volume_id.is_some_and(is_ebs_id) => Store::Ebs,
        (None, None) if class.contains("efs") => Store::Efs,
        (None, None) if class.contains("fsx") => Store::Fsx,
        (None, None) if ids_show => Store::Other,
        (None, None) => Store::Ebs,
    }
}

/// Returns whether the id of a volume is one of EBS.
pub(crate) fn is_ebs_id(id: &str) -> bool {
    id.starts_with("vol-")
}

/// Leaves of a volume the seconds in which no claim before it had it: AWS bills a volume once, however many claims it is
/// behind.
pub(crate) fn count_once(billed: &mut BTreeMap<(i64, String), i64>, hour: i64, volume: &mut VolumeRow) {
    let Some(id) = &volume.volume_id else { return };
    let before = billed.entry((hour, id.clone())).or_default();
    volume.present_seconds = volume.present_seconds.min(types::window::HOUR_SECONDS - *before).max(0);
    *before += volume.present_seconds;
}
