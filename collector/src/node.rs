//! What nodes are, how long they were there, and what they used.

use std::collections::BTreeMap;

use lake::SlotValues;
use lake::tables::NodeHour;
use types::{Hour, SLOT_SECONDS};

use crate::life::{Life, int32};
use crate::pod::whole;
use crate::snapshot::{Bound, Edges, Exporter, Machine, Node, Slots, Snapshot};

/// The mode of CPU time that the hypervisor gave to others.
const STEAL: &str = "steal";

/// The rows of all nodes that were there for a second of the hour.
pub(crate) fn rows(snapshot: &Snapshot, hour: Hour) -> Vec<NodeHour> {
    let by_node = exporters_by_node(snapshot);
    let latest_scrape = snapshot.nodes.values().filter_map(|node| node.last_seen_seconds).max();
    let row = |(name, node): (&String, &Node)| {
        let exporter = by_node.get(name.as_str()).copied();
        row(name, node, exporter, latest_scrape, hour)
    };
    snapshot.nodes.iter().filter_map(row).collect()
}

/// Which node each node-exporter runs on: by the name the kernel gives it, else by the node's address.
fn exporters_by_node(snapshot: &Snapshot) -> BTreeMap<&str, &Exporter> {
    let nodes = &snapshot.nodes;
    let by_ip: BTreeMap<_, _> =
        nodes.iter().map(|(name, node)| (machine(node).1.internal_ip.as_str(), name.as_str())).collect();
    let mut joined = BTreeMap::new();
    for (instance, exporter) in &snapshot.exporters {
        let address = instance.rsplit_once(':').map_or(instance.as_str(), |(host, _)| host);
        let by_name = nodes.get_key_value(&exporter.nodename).map(|(name, _)| name.as_str());
        if let Some(node) = by_name.or_else(|| by_ip.get(address).copied()) {
            joined.insert(node, exporter);
        }
    }
    joined
}

fn row(
    name: &str,
    node: &Node,
    exporter: Option<&Exporter>,
    latest_scrape: Option<i64>,
    hour: Hour,
) -> Option<NodeHour> {
    // Seen after the hour only, and no word of its creation: nothing says that it was there.
    if !node.in_hour && node.created_seconds.is_none() {
        return None;
    }
    let (provider_id, machine) = machine(node);
    let vanished = node.last_seen_seconds.filter(|seen| Some(*seen) < latest_scrape);
    let life = Life {
        start: node.created_seconds.unwrap_or_else(|| hour.start_seconds()),
        end: vanished.unwrap_or_else(|| hour.end_seconds()),
    }
    .within(hour);
    if life.seconds() == 0 {
        return None;
    }
    let (instance_type, instance_type_source) = instance_type(node, exporter);
    let zone = label(node, &["label_topology_kubernetes_io_zone", "label_failure_domain_beta_kubernetes_io_zone"])
        .or_else(|| zone_of_provider_id(provider_id));
    let region =
        label(node, &["label_topology_kubernetes_io_region", "label_failure_domain_beta_kubernetes_io_region"])
            .or_else(|| zone.as_deref().and_then(region_of_zone));
    let amount = |bound, resource: &str| node.resources.get(&(bound, resource.to_owned())).copied();
    let cores = |bound| amount(bound, "cpu").and_then(|cores| whole(cores * 1000.0)).map(int32);
    let bytes = |bound, resource| amount(bound, resource).and_then(whole);
    let cpu_used = exporter.and_then(|e| used_millicores(e, |mode| mode != STEAL));
    Some(NodeHour {
        hour_start_seconds: hour.start_seconds(),
        node: name.to_owned(),
        provider_id: provider_id.to_owned(),
        instance_id: provider_id.rsplit('/').next().filter(|id| id.starts_with("i-")).map(ToOwned::to_owned),
        instance_type,
        instance_type_source: instance_type_source.to_owned(),
        region,
        zone,
        capacity_type: capacity_type(node).map(ToOwned::to_owned),
        compute_type: compute_type(name, provider_id, node).to_owned(),
        node_group: label(
            node,
            &[
                "label_eks_amazonaws_com_nodegroup",
                "label_karpenter_sh_nodepool",
                "label_karpenter_sh_provisioner_name",
                "label_alpha_eksctl_io_nodegroup_name",
            ],
        ),
        arch: label(node, &["label_kubernetes_io_arch"]),
        os: label(node, &["label_kubernetes_io_os"]),
        kubelet_version: (!machine.kubelet_version.is_empty()).then(|| machine.kubelet_version.clone()),
        emp_owned: machine.kubelet_version.contains("-emp.")
            || label(node, &["label_emp_pf9_io_owned"]).as_deref() == Some("true"),
        cpu_capacity_millicores: cores(Bound::Capacity),
        memory_capacity_bytes: bytes(Bound::Capacity, "memory"),
        pods_capacity: bytes(Bound::Capacity, "pods").map(int32),
        cpu_allocatable_millicores: cores(Bound::Allocatable),
        memory_allocatable_bytes: bytes(Bound::Allocatable, "memory"),
        taints: node.taints.iter().cloned().collect(),
        created_seconds: node.created_seconds,
        first_seen_seconds: life.start,
        last_seen_seconds: life.end,
        up_seconds: int32(life.seconds()),
        usage_source: cpu_used.map(|_| "node-exporter".to_owned()),
        cpu_used_millicores_by_slot: cpu_used,
        cpu_steal_millicores_by_slot: exporter.and_then(|e| used_millicores(e, |mode| mode == STEAL)),
        memory_used_mib_by_slot: exporter.and_then(|e| less_mib(&e.memory_total, &e.memory_available)),
        memory_touched_mib_by_slot: exporter.and_then(|e| less_mib(&e.memory_total, &e.memory_free)),
        network_receive_bytes: None,
        network_transmit_bytes: None,
        root_disk_bytes: bytes(Bound::Capacity, "ephemeral_storage"),
        disk_read_bytes: None,
        disk_written_bytes: None,
        instance_type_candidates: None,
        extended_capacity: None,
        fargate_provisioned: None,
    })
}

/// Provider id and facts of the machine behind a node: the one that is there after the hour, else the last by id.
fn machine(node: &Node) -> (&str, &Machine) {
    static UNKNOWN: Machine = Machine { kubelet_version: String::new(), internal_ip: String::new() };
    let current = node.current.as_ref().and_then(|id| node.machines.get_key_value(id));
    let machine = current.or_else(|| node.machines.last_key_value());
    machine.map_or(("", &UNKNOWN), |(id, machine)| (id, machine))
}

/// The first of the labels the node has.
fn label(node: &Node, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| node.labels.get(name)).cloned()
}

/// The instance type and how it is known.
fn instance_type(node: &Node, exporter: Option<&Exporter>) -> (Option<String>, &'static str) {
    let labels = ["label_node_kubernetes_io_instance_type", "label_beta_kubernetes_io_instance_type"];
    if let Some(name) = label(node, &labels) {
        return (Some(name), "label");
    }
    // The firmware of other machines names products with spaces and without a dot.
    let product = exporter.map(|e| e.product_name.as_str()).unwrap_or_default();
    let is_type = product.split_once('.').is_some_and(|(family, size)| !family.is_empty() && !size.is_empty());
    if is_type && !product.contains(char::is_whitespace) {
        return (Some(product.to_owned()), "dmi");
    }
    (None, "unknown")
}

/// `on-demand` or `spot`, in any of the spellings in use.
fn capacity_type(node: &Node) -> Option<&'static str> {
    let labels = [
        "label_eks_amazonaws_com_capacity_type",
        "label_eks_amazonaws_com_capacityType",
        "label_karpenter_sh_capacity_type",
        "label_node_lifecycle",
    ];
    match label(node, &labels)?.to_ascii_lowercase().as_str() {
        "spot" | "ec2spot" => Some("spot"),
        "on-demand" | "on_demand" | "ondemand" | "normal" | "reserved" => Some("on-demand"),
        _ => None,
    }
}

/// `ec2`, `fargate`, `auto` or `hybrid`.
fn compute_type(name: &str, provider_id: &str, node: &Node) -> &'static str {
    match label(node, &["label_eks_amazonaws_com_compute_type"]).as_deref() {
        Some("fargate") => "fargate",
        Some("auto") => "auto",
        Some("hybrid") => "hybrid",
        _ if name.starts_with("fargate-ip-") => "fargate",
        _ if provider_id.starts_with("eks-hybrid:") => "hybrid",
        _ => "ec2",
    }
}

/// `aws:///us-east-1a/i-0abc` names the zone.
fn zone_of_provider_id(provider_id: &str) -> Option<String> {
    let zone = provider_id.strip_prefix("aws:///")?.split('/').next()?;
    region_of_zone(zone).map(|_| zone.to_owned())
}

/// `us-east-1a` lies in `us-east-1`. Local and wavelength zones are left out.
fn region_of_zone(zone: &str) -> Option<String> {
    let region = zone.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    let is_region = region.split('-').count() >= 3 && region.ends_with(|c: char| c.is_ascii_digit());
    is_region.then(|| region.to_owned())
}

/// Core-seconds of the chosen modes, slot by slot, as a rate.
///
/// Counters are rounded to milliseconds first: a server adds the cores up in any order, and what that changes in the
/// last digits must not reach the files.
fn used_millicores(exporter: &Exporter, counts: impl Fn(&str) -> bool) -> Option<SlotValues> {
    let modes: Vec<&Edges> =
        exporter.cpu_core_seconds.iter().filter(|(mode, _)| counts(mode)).map(|(_, edges)| edges).collect();
    let mut slots = SlotValues::default();
    for (k, slot) in slots.iter_mut().enumerate() {
        let at = |edges: &Edges, k: usize| edges.get(k).copied().flatten().and_then(|seconds| whole(seconds * 1000.0));
        let difference = |edges: &&Edges| match (at(edges, k), at(edges, k + 1)) {
            (Some(before), Some(after)) if after >= before => Some(after - before),
            _ => None,
        };
        let used: Option<i64> = modes.iter().map(difference).sum();
        *slot = used.filter(|_| !modes.is_empty()).map(|used| int32((used + SLOT_SECONDS / 2) / SLOT_SECONDS));
    }
    slots.iter().any(Option::is_some).then_some(slots)
}

fn less_mib(total: &Slots, rest: &Slots) -> Option<SlotValues> {
    let mut slots = SlotValues::default();
    for ((slot, total), rest) in slots.iter_mut().zip(total).zip(rest) {
        let bytes = total.zip(*rest).map(|(total, rest)| (total - rest).max(0.0));
        *slot = bytes.and_then(|bytes| whole(bytes / (1024.0 * 1024.0))).map(int32);
    }
    slots.iter().any(Option::is_some).then_some(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(labels: &[(&'static str, &str)]) -> Node {
        Node { labels: labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), ..Node::default() }
    }

    #[test]
    fn capacity_types_are_read_in_every_spelling() {
        for (label, value, expect) in [
            ("label_eks_amazonaws_com_capacity_type", "SPOT", Some("spot")),
            ("label_eks_amazonaws_com_capacityType", "ON_DEMAND", Some("on-demand")),
            ("label_karpenter_sh_capacity_type", "on-demand", Some("on-demand")),
            ("label_node_lifecycle", "Ec2Spot", Some("spot")),
            ("label_karpenter_sh_capacity_type", "something", None),
        ] {
            assert_eq!(capacity_type(&node(&[(label, value)])), expect, "{label}={value}");
        }
        assert_eq!(capacity_type(&node(&[])), None);
    }

    #[test]
    fn the_firmware_names_the_type_only_where_it_looks_like_one() {
        let check = |product: &str, expect: (Option<&str>, &str)| {
            let exporter = Exporter { product_name: product.to_owned(), ..Exporter::default() };
            let (found, source) = instance_type(&node(&[]), Some(&exporter));
            assert_eq!((found.as_deref(), source), expect, "{product}");
        };
        check("m5.4xlarge", (Some("m5.4xlarge"), "dmi"));
        check("c7i.metal-24xl", (Some("c7i.metal-24xl"), "dmi"));
        check("Standard PC (i440FX + PIIX, 1996)", (None, "unknown"));
        check("VMware7.1 x", (None, "unknown"));
        check("", (None, "unknown"));
    }

    #[test]
    fn a_provider_id_names_the_zone_and_the_zone_its_region() {
        assert_eq!(zone_of_provider_id("aws:///eu-west-1b/i-0abc").as_deref(), Some("eu-west-1b"));
        assert_eq!(region_of_zone("us-gov-west-1a").as_deref(), Some("us-gov-west-1"));
        assert_eq!(region_of_zone("us-west-2-lax-1a").as_deref(), Some("us-west-2-lax-1"));
        assert_eq!(zone_of_provider_id("eks-hybrid:///x/y"), None);
        assert_eq!(zone_of_provider_id("aws:///"), None);
    }

    #[test]
    fn a_node_born_after_the_hour_is_not_in_it() {
        let hour = Hour::starting_at(1_782_864_000).unwrap();
        let at = |s: i64| Some(hour.start_seconds() + s);
        let born = |s| Node { created_seconds: at(s), last_seen_seconds: at(3700), ..Node::default() };
        assert_eq!(row("n", &born(3590), None, at(3700), hour).unwrap().up_seconds, 10);
        assert_eq!(row("n", &born(3610), None, at(3700), hour), None);
        let unknown = Node { last_seen_seconds: at(3700), ..Node::default() };
        assert_eq!(row("n", &unknown, None, at(3700), hour), None);
        let seen = Node { in_hour: true, ..unknown };
        assert_eq!(row("n", &seen, None, at(3700), hour).unwrap().up_seconds, 3600);
    }

    #[test]
    fn a_node_that_vanished_ends_when_it_was_last_seen() {
        let hour = Hour::starting_at(1_782_864_000).unwrap();
        let at = |s: i64| Some(hour.start_seconds() + s);
        let node = Node { created_seconds: at(100), last_seen_seconds: at(1900), ..Node::default() };
        let gone = row("n", &node, None, at(3700), hour).unwrap();
        assert_eq!((gone.up_seconds, gone.last_seen_seconds), (1800, hour.start_seconds() + 1900));
        assert_eq!(row("n", &node, None, at(1900), hour).unwrap().up_seconds, 3500);
        assert_eq!(row("n", &node, None, at(3700), hour.next()), None);
    }
}
