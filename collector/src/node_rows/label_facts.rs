//! Facts about a node from its labels, its name and its provider id, in every spelling in use.

use std::collections::BTreeSet;

use types::{CapacityType, ComputeType};

use crate::snapshot::Facts;

/// Labels of managed node groups and node pools: EKS, Karpenter before and after its first version, eksctl, kops.
const GROUPS: [&str; 5] = [
    "label_eks_amazonaws_com_nodegroup",
    "label_karpenter_sh_nodepool",
    "label_karpenter_sh_provisioner_name",
    "label_alpha_eksctl_io_nodegroup_name",
    "label_kops_k8s_io_instancegroup",
];
/// Labels of how a machine is bought: EKS (also as a relabeling rule spells it), Karpenter, eksctl, Spot Ocean, and the
/// ones people set by hand on self-managed groups and with kops.
const CAPACITY_TYPES: [&str; 8] = [
    "label_eks_amazonaws_com_capacity_type",
    "label_eks_amazonaws_com_capacityType",
    "label_karpenter_sh_capacity_type",
    "label_node_lifecycle",
    "label_lifecycle",
    "label_kubernetes_io_lifecycle",
    "label_node_kubernetes_io_lifecycle",
    "label_spotinst_io_node_lifecycle",
];

/// The first of the labels the node has.
pub(crate) fn label<'a>(facts: &'a Facts, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| facts.labels.get(*name)).map(String::as_str)
}

/// The capacity type; both where labels differ. A label with a word nobody knows does not hide one with a word that is
/// known.
pub(crate) fn capacity_types(facts: &Facts) -> BTreeSet<CapacityType> {
    let known = |name: &&str| match facts.labels.get(*name)?.to_ascii_lowercase().replace('_', "-").as_str() {
        "spot" | "ec2spot" => Some(CapacityType::Spot),
        // Reserved capacity and capacity blocks are paid for at the on-demand rate or before; neither is spot.
        "on-demand" | "ondemand" | "od" | "normal" | "reserved" | "capacity-block" => Some(CapacityType::OnDemand),
        _ => None,
    };
    let mut said: BTreeSet<CapacityType> = CAPACITY_TYPES.iter().filter_map(known).collect();
    // kops marks the role; that the label is there is what it says.
    if said.is_empty() && facts.labels.contains_key("label_node_role_kubernetes_io_spot_worker") {
        said.insert(CapacityType::Spot);
    }
    said
}

/// The compute type, Local Zones and Wavelength Zones not told apart.
///
/// The zone of a node on an Outpost is the parent's; the EBS CSI driver labels it with the Outpost.
pub(crate) fn compute_type(name: &str, provider_id: &str, facts: &Facts) -> ComputeType {
    let said = label(facts, &["label_eks_amazonaws_com_compute_type"]).map(str::to_ascii_lowercase);
    match said.as_deref() {
        Some("fargate") => ComputeType::Fargate,
        Some("auto") => ComputeType::AutoMode,
        Some("hybrid") => ComputeType::Hybrid,
        _ if name.starts_with("fargate-") || provider_id.contains("/fargate-") => ComputeType::Fargate,
        _ if provider_id.starts_with("eks-hybrid:") => ComputeType::Hybrid,
        _ if label(facts, &["label_topology_ebs_csi_aws_com_outpost_id"]).is_some_and(|id| !id.is_empty()) => {
            ComputeType::Outpost
        }
        _ => ComputeType::Ec2,
    }
}

/// The operating system by what the kubelet calls its image, such as `Windows Server 2022 Datacenter` or `Amazon Linux
/// 2023`: a kubelet runs on either of two. `None` where it says nothing.
pub(crate) fn os_of_image(image: &str) -> Option<&'static str> {
    let name = image.trim().to_ascii_lowercase();
    (!name.is_empty()).then_some(if name.starts_with("windows") || name.starts_with("microsoft") {
        "windows"
    } else {
        "linux"
    })
}

/// Managed node group or node pool.
pub(crate) fn node_group(facts: &Facts) -> Option<&str> {
    label(facts, &GROUPS)
}

/// The labels of regions.
const REGIONS: [&str; 2] = ["label_topology_kubernetes_io_region", "label_failure_domain_beta_kubernetes_io_region"];

/// Zone and region, by labels, else by the provider id. Of two regions that differ the cloud's own word is believed.
pub(crate) fn place(provider_id: &str, facts: &Facts) -> (Option<String>, Option<String>) {
    let zones = ["label_topology_kubernetes_io_zone", "label_failure_domain_beta_kubernetes_io_zone"];
    let by_id = zone_of_provider_id(provider_id);
    let zone = label(facts, &zones).map(ToOwned::to_owned).or_else(|| by_id.clone());
    let region = label(facts, &REGIONS).map(ToOwned::to_owned).or_else(|| zone.as_deref().and_then(region_of_zone));
    match (region_of_provider_id(provider_id), region) {
        (Some(own), Some(said)) if own != said => (by_id, Some(own)),
        (_, region) => (zone, region),
    }
}

/// The region that labels name, where the provider id names another.
pub(crate) fn wrong_region<'a>(provider_id: &str, facts: &'a Facts) -> Option<&'a str> {
    let own = region_of_provider_id(provider_id)?;
    label(facts, &REGIONS).filter(|said| *said != own)
}

/// `aws:///us-east-1a/i-0abc` names the zone.
fn zone_of_provider_id(provider_id: &str) -> Option<String> {
    let zone = provider_id.strip_prefix("aws:///")?.split('/').next()?;
    region_of_zone(zone).map(|_| zone.to_owned())
}

/// The region of a machine of EC2 or Fargate, by its id.
pub(crate) fn region_of_provider_id(provider_id: &str) -> Option<String> {
    zone_of_provider_id(provider_id).as_deref().and_then(region_of_zone)
}

/// `us-east-1a` lies in `us-east-1`, and so does the local zone `us-east-1-bos-1a` and the wavelength zone
/// `us-east-1-wl1-bos-wlz-1`. An Outpost is in a zone of its region.
pub(crate) fn region_of_zone(zone: &str) -> Option<String> {
    let segments: Vec<&str> = zone.split('-').collect();
    let at = segments.iter().position(|segment| segment.starts_with(|c: char| c.is_ascii_digit()))?;
    let number = segments.get(at)?;
    let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let whole = digits.len() == number.len();
    let is_zone = number.len() == digits.len() + 1 || (whole && segments.len() > at + 1);
    let is_region = at >= 2 && digits.chars().all(|c| c.is_ascii_digit());
    let before = segments.get(..at)?.join("-");
    (is_region && is_zone).then(|| format!("{before}-{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(labels: &[(&'static str, &str)]) -> Facts {
        Facts { labels: labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), ..Facts::default() }
    }

    #[test]
    fn of_two_regions_the_one_of_the_provider_id_is_believed() {
        let said = facts(&[
            ("label_topology_kubernetes_io_zone", "us-east-1a"),
            ("label_topology_kubernetes_io_region", "us-east-1"),
        ]);
        let check = |id: &str, zone: &str, region: &str, wrong: Option<&str>| {
            assert_eq!(place(id, &said), (Some(zone.to_owned()), Some(region.to_owned())), "{id}");
            assert_eq!(wrong_region(id, &said), wrong, "{id}");
        };
        check("aws:///us-east-1b/i-0abc", "us-east-1a", "us-east-1", None);
        check("aws:///eu-west-1b/i-0abc", "eu-west-1b", "eu-west-1", Some("us-east-1"));
        check("kind://docker/a/b", "us-east-1a", "us-east-1", None);
    }

    #[test]
    fn capacity_types_are_read_in_every_spelling() {
        for (label, value, expect) in [
            ("label_eks_amazonaws_com_capacity_type", "SPOT", Some(CapacityType::Spot)),
            ("label_eks_amazonaws_com_capacityType", "ON_DEMAND", Some(CapacityType::OnDemand)),
            ("label_eks_amazonaws_com_capacity_type", "CAPACITY_BLOCK", Some(CapacityType::OnDemand)),
            ("label_karpenter_sh_capacity_type", "on-demand", Some(CapacityType::OnDemand)),
            ("label_karpenter_sh_capacity_type", "reserved", Some(CapacityType::OnDemand)),
            ("label_node_lifecycle", "Ec2Spot", Some(CapacityType::Spot)),
            ("label_lifecycle", "OnDemand", Some(CapacityType::OnDemand)),
            ("label_kubernetes_io_lifecycle", "spot", Some(CapacityType::Spot)),
            ("label_spotinst_io_node_lifecycle", "od", Some(CapacityType::OnDemand)),
            ("label_node_role_kubernetes_io_spot_worker", "true", Some(CapacityType::Spot)),
            ("label_karpenter_sh_capacity_type", "something", None),
        ] {
            assert_eq!(capacity_types(&facts(&[(label, value)])), expect.into_iter().collect(), "{label}={value}");
        }
        assert_eq!(capacity_types(&facts(&[])), BTreeSet::new());
        let both = [("label_eks_amazonaws_com_capacity_type", "?"), ("label_lifecycle", "spot")];
        assert_eq!(capacity_types(&facts(&both)), BTreeSet::from([CapacityType::Spot]));
        let both =
            [("label_eks_amazonaws_com_capacity_type", "ON_DEMAND"), ("label_karpenter_sh_capacity_type", "spot")];
        assert_eq!(capacity_types(&facts(&both)), BTreeSet::from([CapacityType::OnDemand, CapacityType::Spot]));
    }

    #[test]
    fn compute_types_come_from_the_label_the_name_or_the_provider_id() {
        let by = |value| facts(&[("label_eks_amazonaws_com_compute_type", value)]);
        assert_eq!(compute_type("n", "", &by("fargate")), ComputeType::Fargate);
        assert_eq!(compute_type("n", "", &by("auto")), ComputeType::AutoMode);
        assert_eq!(compute_type("n", "", &by("hybrid")), ComputeType::Hybrid);
        let none = facts(&[]);
        assert_eq!(compute_type("fargate-ip-10-0-0-1.ec2.internal", "", &none), ComputeType::Fargate);
        assert_eq!(
            compute_type("n", "aws:///us-east-1a/0ab-1/fargate-ip-10-0-0-1.ec2.internal", &none),
            ComputeType::Fargate
        );
        assert_eq!(compute_type("n", "eks-hybrid:///us-west-2/c/mi-0ab", &none), ComputeType::Hybrid);
        assert_eq!(compute_type("n", "aws:///us-east-1a/i-0abc", &none), ComputeType::Ec2);
        let on_outpost = |id| facts(&[("label_topology_ebs_csi_aws_com_outpost_id", id)]);
        let rack = on_outpost("arn:aws:outposts:us-west-2:111122223333:outpost/op-0ab23c4567EXAMPLE");
        assert_eq!(compute_type("n", "aws:///us-west-2a/i-0abc", &rack), ComputeType::Outpost);
        assert_eq!(compute_type("n", "aws:///us-west-2a/i-0abc", &on_outpost("")), ComputeType::Ec2);
    }

    #[test]
    fn the_image_tells_the_operating_system() {
        for image in ["Windows Server 2022 Datacenter", "windows Server 2019", "Microsoft Windows Server 2025"] {
            assert_eq!(os_of_image(image), Some("windows"), "{image}");
        }
        for image in ["Amazon Linux 2023.8.20250707", "Bottlerocket OS 1.41.0 (aws-k8s-1.33)", "Ubuntu 22.04.5 LTS"] {
            assert_eq!(os_of_image(image), Some("linux"), "{image}");
        }
        assert_eq!(os_of_image(" "), None);
    }

    #[test]
    fn groups_are_read_in_every_spelling() {
        for name in GROUPS {
            assert_eq!(node_group(&facts(&[(name, "g")])), Some("g"));
        }
    }

    #[test]
    fn a_provider_id_names_the_zone_and_the_zone_its_region() {
        assert_eq!(zone_of_provider_id("aws:///eu-west-1b/i-0abc").as_deref(), Some("eu-west-1b"));
        assert_eq!(zone_of_provider_id("eks-hybrid:///x/y"), None);
        assert_eq!(zone_of_provider_id("aws:///"), None);
        for (zone, region) in [
            ("us-gov-west-1a", Some("us-gov-west-1")),
            ("cn-north-1b", Some("cn-north-1")),
            ("us-iso-east-1a", Some("us-iso-east-1")),
            ("eusc-de-east-1a", Some("eusc-de-east-1")),
            ("ap-southeast-4c", Some("ap-southeast-4")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-east-1-wl1-bos-wlz-1", Some("us-east-1")),
            ("us-east-1", None),
            ("zone-a", None),
            ("1a", None),
        ] {
            assert_eq!(region_of_zone(zone).as_deref(), region, "{zone}");
        }
    }
}
