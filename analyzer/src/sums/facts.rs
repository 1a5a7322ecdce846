//! Facts of one hour as the model knows them: plain rows and exact integer sums, no frames.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Minor;
use lake::SlotValues;
use prices::OperatingSystem;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::sums::unknown::{SlotBits, UnknownSlots, of_zone};

/// Everything the model needs of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HourFacts {
    pub(crate) hour: Hour,
    /// Every node that was up, sorted by name.
    pub(crate) nodes: Vec<NodeRow>,
    /// Every claim that was there, sorted.
    pub(crate) volumes: Vec<VolumeRow>,
    /// Every address of a load balancer that an object shows, sorted.
    pub(crate) load_balancers: Vec<LoadBalancerRow>,
    /// True when Services are collected at all, so that no load balancer means that there is none.
    pub(crate) services_show: bool,
    /// Reservation and use by the workload's number in the ledger.
    pub(crate) workloads: BTreeMap<u32, WorkloadHour>,
    pub(crate) slots: SlotTotals,
    /// Hash of each pod's uid, by namespace.
    pub(crate) pod_ids: BTreeMap<String, Vec<u64>>,
    /// Hash of each container's pod uid and name.
    pub(crate) container_ids: Vec<u64>,
    /// Slots of which not even lives are known, by zone.
    pub(crate) unknown: UnknownSlots,
    /// How pods are spread at its end.
    pub(crate) spread: Spread,
}

/// How pods that are placed, daemons aside, are spread over nodes and zones at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spread {
    pub(crate) pods: u32,
    /// Most on one node.
    pub(crate) on_one: u32,
    /// Most in one zone.
    pub(crate) in_zone: u32,
}

impl HourFacts {
    /// An hour of which nothing is known yet.
    pub(crate) fn new(hour: Hour) -> Self {
        Self {
            hour,
            nodes: Vec::new(),
            volumes: Vec::new(),
            load_balancers: Vec::new(),
            services_show: false,
            workloads: BTreeMap::new(),
            slots: SlotTotals::default(),
            pod_ids: BTreeMap::new(),
            container_ids: Vec::new(),
            unknown: UnknownSlots::new(),
            spread: Spread::default(),
        }
    }

    /// Seconds of the hour of which something is known, by the share of its nodes' time.
    pub(crate) fn known_seconds(&self) -> i64 {
        let start = self.hour.start_seconds();
        let unknown =
            |node: &NodeRow| node.up_in(start, of_zone(&self.unknown, node.zone.as_deref())).min(node.up_seconds);
        let up: i64 = self.nodes.iter().map(|node| node.up_seconds).sum();
        let known = up - self.nodes.iter().map(unknown).sum::<i64>();
        if up == 0 { types::window::HOUR_SECONDS } else { types::window::HOUR_SECONDS * known / up }
    }
}

/// Kind of a node: what decides its price and whether it can move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKind {
    pub(crate) instance_type: Option<String>,
    pub(crate) instance_type_source: String,
    pub(crate) capacity_type: Option<String>,
    /// As in the lake; `local-zone` or `wavelength` for EC2 machines that are there.
    pub(crate) compute_type: String,
    pub(crate) arch: Option<String>,
    /// As [`os_name`] gives it.
    pub(crate) os: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) emp_owned: bool,
}

/// One node in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeRow {
    pub(crate) name: String,
    pub(crate) provider_id: String,
    pub(crate) kind: NodeKind,
    pub(crate) zone: Option<String>,
    pub(crate) cpu_capacity_millicores: Option<i64>,
    pub(crate) memory_capacity_bytes: Option<i64>,
    pub(crate) cpu_allocatable_millicores: Option<i64>,
    pub(crate) memory_allocatable_bytes: Option<i64>,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) first_seen_seconds: i64,
    pub(crate) last_seen_seconds: i64,
    pub(crate) up_seconds: i64,
    /// Managed node group or Karpenter node pool.
    pub(crate) node_group: Option<String>,
    pub(crate) kubelet: Option<Minor>,
    pub(crate) root_disk_bytes: Option<i64>,
    /// Size that a Fargate node says it was provisioned with, such as `0.25vCPU 0.5GB`.
    pub(crate) fargate_provisioned: Option<String>,
    /// Bytes that its interfaces sent and received.
    pub(crate) network_bytes: Option<i64>,
    /// Public IPv4 addresses it shows.
    pub(crate) public_ipv4_addresses: Option<i64>,
    pub(crate) seen: NodeSlots,
}

/// Samples of a node's own exporter in each slot; `None` = no sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeSlots {
    pub(crate) cpu_used_millicores: Option<SlotValues>,
    pub(crate) cpu_steal_millicores: Option<SlotValues>,
    pub(crate) memory_used_mib: Option<SlotValues>,
    pub(crate) memory_touched_mib: Option<SlotValues>,
}

/// Nodes that are billed alike: of one kind, group and zone, and by name where the user prices single nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BilledAs {
    pub(crate) kind: NodeKind,
    pub(crate) node_group: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) node: Option<String>,
}

impl BilledAs {
    /// Where it stands in price lists: its Local Zone or Wavelength Zone, else its region. A machine on an Outpost stands
    /// in none, since the rack is paid for and not the machine, so it has a location that no list knows.
    pub(crate) fn location(&self) -> Option<String> {
        if self.kind.compute_type == "outpost" {
            return self.kind.region.as_ref().map(|region| outpost_of(region));
        }
        self.zone.as_deref().and_then(zone_location).or_else(|| self.kind.region.clone())
    }
}

impl NodeRow {
    /// Returns how it is billed; `named` are the nodes that have a price of their own.
    pub(crate) fn billed_as(&self, named: &BTreeSet<String>) -> BilledAs {
        BilledAs {
            kind: self.kind.clone(),
            node_group: self.node_group.clone(),
            zone: self.zone.clone(),
            node: Some(self.name.clone()).filter(|name| named.contains(name)),
        }
    }

    /// Seconds of these slots of its hour in which it was up.
    pub(crate) fn up_in(&self, hour_start: i64, slots: SlotBits) -> i64 {
        let of_slots = self.up_by_slot(hour_start).into_iter().enumerate();
        of_slots.filter(|(k, _)| slots >> k & 1 == 1).map(|(_, seconds)| seconds).sum()
    }

    /// Seconds of each slot of its hour in which it was up.
    pub(crate) fn up_by_slot(&self, hour_start: i64) -> [i64; SLOTS_PER_HOUR] {
        let mut start = hour_start;
        std::array::from_fn(|_| {
            let (from, to) = (start.max(self.first_seen_seconds), (start + SLOT_SECONDS).min(self.last_seen_seconds));
            start += SLOT_SECONDS;
            (to - from).max(0)
        })
    }
}

/// One persistent volume claim in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeRow {
    pub(crate) namespace: String,
    pub(crate) claim: String,
    pub(crate) storage_class: Option<String>,
    /// The EBS volume behind it, which may be behind other claims too.
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
        let is_there = |node: &&NodeRow| node.kind.compute_type == "outpost";
        let Some(node) = nodes.iter().find(is_there) else { return };
        if self.kind.store == Store::Ebs && self.on_outpost != Some(false) {
            let region = self.kind.region.as_ref().or(node.kind.region.as_ref());
            self.kind.region = region.map(|region| outpost_of(region));
        }
    }
}

/// One address of one object that has a load balancer, in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoadBalancerRow {
    /// Empty where no metric shows one.
    pub(crate) address: String,
    /// Kind, namespace and name.
    pub(crate) object: String,
    /// `application`, `network` or `classic`.
    pub(crate) load_balancer_type: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) internet_facing: Option<bool>,
    pub(crate) ingress_class: Option<String>,
    /// Empty for an Ingress that is in none.
    pub(crate) ingress_group: Option<String>,
    pub(crate) present_seconds: i64,
}

/// Where a machine or volume on an Outpost of a region stands in price lists, none of which knows it.
fn outpost_of(region: &str) -> String {
    format!("{region}{OUTPOST}")
}

/// Ending of the location of what is on an Outpost.
pub(crate) const OUTPOST: &str = "-outpost";

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
    /// EFS, by the name of its storage class.
    Efs,
    /// FSx, by the name of its storage class.
    Fsx,
    /// Something else: it shows no EBS volume, and others of its hour do.
    Other,
}

/// Kinds of workload that are on every node: they are not placed, and every machine carries them.
pub(crate) const DAEMONS: [&str; 2] = ["DaemonSet", "Node"];

/// A workload; without a pod row its kind and name are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct WorkloadKey {
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// Reservation and use of one workload in one hour, in exact units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WorkloadHour {
    pub(crate) alive_seconds: i64,
    pub(crate) alive_seconds_without_requests: i64,
    /// Alive seconds of pods that ask for resources as a whole, which no metric shows.
    pub(crate) alive_seconds_pod_level: i64,
    pub(crate) cpu_request_millicore_seconds: i64,
    pub(crate) memory_request_byte_seconds: i128,
    pub(crate) cpu_limit_millicore_seconds: i64,
    pub(crate) memory_limit_byte_seconds: i128,
    pub(crate) cpu_core_milliseconds: i64,
    pub(crate) memory_kib_seconds: i128,
    /// Alive seconds of containers without any usage sample.
    pub(crate) container_seconds_without_usage: i64,
}

/// The cluster's use in each five-minute slot of an hour. The slots add up to the hour's exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SlotTotals {
    pub(crate) cpu_core_milliseconds: [i64; SLOTS_PER_HOUR],
    pub(crate) memory_kib_seconds: [i64; SLOTS_PER_HOUR],
}

/// A zone's name as it is made up: its region, and what stands after that.
///
/// `us-east-1a` is zone `a` of its region; `us-west-2-lax-1a` a Local Zone, `us-east-1-wl1-bos-wlz-1` a Wavelength Zone.
fn zone_parts(zone: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for part in zone.split('-') {
        let digits = part.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && end > 0 {
            return zone.split_at_checked(end + digits.len());
        }
        end += part.len() + 1;
    }
    None
}

/// The region a zone belongs to: `us-east-1a` is in `us-east-1`, and so is `us-east-1-bos-1a`.
pub(crate) fn region_of_zone(zone: &str) -> Option<String> {
    let (region, rest) = zone_parts(zone)?;
    (!rest.is_empty()).then(|| region.to_owned())
}

/// Where a Local Zone or Wavelength Zone stands in price lists, such as `us-west-2-lax-1`; `None` for zones that are in
/// their region, whose prices are the region's.
pub(crate) fn zone_location(zone: &str) -> Option<String> {
    let (region, rest) = zone_parts(zone)?;
    let place = rest.strip_prefix('-')?;
    match place.split_once("-wlz-") {
        Some((city, number)) => Some(format!("{region}-{city}{number}")),
        None => Some(format!("{region}-{}", place.trim_end_matches(|c: char| c.is_ascii_lowercase()))),
    }
}

/// The compute type of a node where it stands: EC2 machines in Local Zones and Wavelength Zones are apart from those of
/// the region, whose machines and prices they do not share.
pub(crate) fn placed<'a>(compute_type: &'a str, zone: Option<&str>) -> &'a str {
    let outside = zone.filter(|zone| compute_type == "ec2" && zone_location(zone).is_some());
    match outside {
        Some(zone) if zone.contains("-wlz-") => "wavelength",
        Some(_) => "local-zone",
        None => compute_type,
    }
}

/// `rhel` for Red Hat Enterprise Linux, whose subscription AWS may bill with the machine.
pub(crate) const RHEL: &str = "rhel";
/// `suse` for SUSE Linux Enterprise Server.
pub(crate) const SUSE: &str = "suse";

/// Returns true for Linux, with a subscription or without.
pub(crate) fn is_linux(os: &str) -> bool {
    ["linux", RHEL, SUSE].contains(&os)
}

/// The operating system as its licence goes: [`RHEL`] and [`SUSE`] by the image, where the label says `linux` or is not
/// there; else what the label says.
pub(crate) fn os_name<'a>(label: Option<&'a str>, image: Option<&str>) -> Option<&'a str> {
    match image.map(OperatingSystem::of_image).filter(|_| label.is_none_or(|label| label == "linux")) {
        Some(OperatingSystem::Rhel) => Some(RHEL),
        Some(OperatingSystem::Suse) => Some(SUSE),
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_names_the_licence_where_the_label_says_linux() {
        let rhel = Some("Red Hat Enterprise Linux 9.4 (Plow)");
        assert_eq!(os_name(Some("linux"), rhel), Some("rhel"));
        assert_eq!(os_name(None, rhel), Some("rhel"));
        assert_eq!(os_name(Some("windows"), rhel), Some("windows"));
        assert_eq!(os_name(Some("linux"), Some("SUSE Linux Enterprise Server 15 SP6")), Some("suse"));
        assert_eq!(os_name(Some("linux"), Some("Red Hat Enterprise Linux CoreOS 418.94")), Some("linux"));
        assert_eq!(os_name(Some("linux"), None), Some("linux"));
        assert_eq!(os_name(None, Some("Amazon Linux 2023")), None);
    }

    #[test]
    fn a_zone_names_its_region() {
        assert_eq!(region_of_zone("us-east-1a").as_deref(), Some("us-east-1"));
        assert_eq!(region_of_zone("use1-az1"), None);
        assert_eq!(region_of_zone(""), None);
        assert_eq!(region_of_zone("us-gov-west-1b").as_deref(), Some("us-gov-west-1"));
        assert_eq!(region_of_zone("us-west-2-lax-1a").as_deref(), Some("us-west-2"));
        assert_eq!(region_of_zone("us-east-1-wl1-bos-wlz-1").as_deref(), Some("us-east-1"));
        assert_eq!(region_of_zone("us-east-1"), None);
    }

    #[test]
    fn a_local_zone_is_not_its_region() {
        let check = |zone: &str, expect: Option<&str>, compute_type: &str| {
            assert_eq!(zone_location(zone).as_deref(), expect, "{zone}");
            assert_eq!(placed("ec2", Some(zone)), compute_type, "{zone}");
            assert_eq!(placed("auto", Some(zone)), "auto");
        };
        check("us-east-1a", None, "ec2");
        check("us-gov-west-1b", None, "ec2");
        check("us-west-2-lax-1a", Some("us-west-2-lax-1"), "local-zone");
        check("ap-southeast-1-bkk-1a", Some("ap-southeast-1-bkk-1"), "local-zone");
        check("us-east-1-wl1-bos-wlz-1", Some("us-east-1-wl1-bos1"), "wavelength");
        check("use1-az1", None, "ec2");
    }
}
