//! Nodes: what decides how one is billed, and the seconds it was up.

use std::collections::BTreeSet;

use catalog::Minor;
use lake::SlotValues;
use prices::OperatingSystem;
use types::{ComputeType, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::sums::unknown_slots::SlotBits;
use crate::sums::zone_regions::{outpost_of, zone_location};

/// Kind of a node: what decides its price and whether it can move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKind {
    pub(crate) instance_type: Option<String>,
    pub(crate) instance_type_source: String,
    /// As in the lake, where it may be a word that is no [`types::CapacityType`].
    pub(crate) capacity_type: Option<String>,
    /// As in the lake, with EC2 machines in Local Zones and Wavelength Zones apart.
    pub(crate) compute_type: ComputeType,
    pub(crate) arch: Option<String>,
    /// As [`os_name`] gives it.
    pub(crate) os: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) emp_owned: bool,
}

impl NodeKind {
    /// Returns true when scenarios may replace it: an EC2 machine with Linux that is no elastic VM.
    pub(crate) fn may_be_replaced(&self) -> bool {
        self.compute_type == ComputeType::Ec2 && !self.emp_owned && is_linux(self.os.as_deref().unwrap_or("linux"))
    }
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
        if self.kind.compute_type == ComputeType::Outpost {
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
}
