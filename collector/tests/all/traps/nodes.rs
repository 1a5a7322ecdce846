//! Nodes.

use collector::{Overrides, Settings};
use lake::tables::{NodeHour, VolumeHour};

use crate::world::*;

/// A counter that has counted `rate` in each of so many seconds.
fn plain_count(seconds: i64, rate: i64) -> f64 {
    f64::from(i32::try_from(seconds * rate).unwrap())
}

/// The row of a node.
async fn node(hours: &Hours, name: &str) -> NodeHour {
    let rows = hours.rows::<NodeHour>().await;
    rows.into_iter().find(|node| node.node == name).unwrap()
}

/// A counter of an instance of node-exporter, scraped all hour.
fn counter(world: &mut World, name: &str, instance: &str, more: &[(&str, &str)], value: impl Fn(i64) -> f64) {
    let labels: Vec<_> = [("instance", instance)].iter().chain(more).copied().collect();
    world.add(name, &labels, (-590, 3_900), 30, value);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_counts_from_its_creation_and_one_born_after_the_hour_not_at_all() {
    let mut world = plain();
    world.node("n2", 3_590);
    world.node("n3", 3_610);
    let Some(hours) = collected("a_node_counts_from_its_creation", world).await else { return };
    let up: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|n| (n.node, n.up_seconds)).collect();
    assert_eq!(up, [("n1".to_owned(), 3600), ("n2".to_owned(), 10)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_name_used_by_two_machines_is_two_rows() {
    let mut world = plain();
    let info = |id: &'static str| [("node", "n9"), ("provider_id", id)];
    // By id the later machine comes first: the order must come from time.
    world.add("kube_node_info", &info("aws:///us-east-1b/i-b"), (-593, 1_500), 60, |_| 1.0);
    world.add("kube_node_info", &info("aws:///us-east-1a/i-a"), (1_700, 3_900), 60, |_| 1.0);
    let created = |second: i64| seconds(if second < 1_600 { -9000 } else { 1_690 });
    world.add("kube_node_created", &[("node", "n9")], (-593, 3_900), 60, created);
    let cpus = |second: i64| if second < 1_600 { 4.0 } else { 8.0 };
    let cpu = [("node", "n9"), ("resource", "cpu")];
    world.add("kube_node_status_capacity", &cpu, (-593, 1_500), 60, cpus);
    world.add("kube_node_status_capacity", &cpu, (1_700, 3_900), 60, cpus);
    let labels = |kind: &'static str| [("node", "n9"), ("label_node_kubernetes_io_instance_type", kind)];
    world.add("kube_node_labels", &labels("m5.xlarge"), (-593, 1_500), 60, |_| 1.0);
    world.add("kube_node_labels", &labels("c5.2xlarge"), (1_700, 3_900), 60, |_| 1.0);
    // One address for both: the exporter's samples are split by the lives.
    let used =
        |second: i64| if second < 1_600 { plain_count(second + 5_000, 2) } else { plain_count(second - 1_690, 1) };
    let cores = [("instance", "10.0.0.9:9100"), ("cpu", "0"), ("mode", "user")];
    world.add("node_cpu_seconds_total", &cores, (-590, 1_500), 30, used);
    world.add("node_cpu_seconds_total", &cores, (1_720, 3_900), 30, used);
    world.fact_from("node_uname_info", &[("instance", "10.0.0.9:9100"), ("nodename", "n9")], 1.0, -590);
    let Some(hours) = collected("a_node_name_used_by_two_machines", world).await else { return };
    let nodes: Vec<_> = hours.rows::<NodeHour>().await.into_iter().filter(|node| node.node == "n9").collect();
    let [later, earlier] = nodes.as_slice() else { panic!("{nodes:?}") };
    assert_eq!((later.instance_id.as_deref(), earlier.instance_id.as_deref()), (Some("i-a"), Some("i-b")));
    // Scraped every minute from -593 s on: 1447 is the last scrape that saw the first machine.
    assert_eq!((earlier.up_seconds, later.up_seconds), (1_447, 3_600 - 1_690));
    assert_eq!((earlier.created_seconds, later.created_seconds), (Some(HOUR - 9_000), Some(HOUR + 1_690)));
    assert_eq!((earlier.cpu_capacity_millicores, later.cpu_capacity_millicores), (Some(4_000), Some(8_000)));
    let kinds = (earlier.instance_type.as_deref(), later.instance_type.as_deref());
    assert_eq!(kinds, (Some("m5.xlarge"), Some("c5.2xlarge")));
    assert_eq!((earlier.zone.as_deref(), later.zone.as_deref()), (Some("us-east-1b"), Some("us-east-1a")));
    let (first, second) = (earlier.cpu_used_millicores_by_slot.unwrap(), later.cpu_used_millicores_by_slot.unwrap());
    assert_eq!((first[0], first[3], first[5], first[11]), (Some(2_000), Some(2_000), None, None));
    assert_eq!((second[0], second[4], second[6], second[11]), (None, None, Some(1_000), Some(1_000)));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert!(!manifest.faults.iter().any(|fault| fault.contains("two machines")), "{manifest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_node_exporter_a_node_has_no_usage_and_that_is_null() {
    let Some(hours) = collected("without_node_exporter", plain()).await else { return };
    let node = &hours.rows::<NodeHour>().await[0];
    assert_eq!((node.cpu_used_millicores_by_slot, &node.usage_source), (None, &None));
    assert_eq!((node.instance_type.as_deref(), node.instance_type_source.as_str()), (None, "unknown"));
    assert_eq!((node.zone.as_deref(), node.region.as_deref()), (Some("us-east-1a"), Some("us-east-1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn network_and_disk_count_physical_devices_over_resets() {
    let mut world = plain();
    let at = "10.0.0.1:9100";
    world.fact_from("node_uname_info", &[("instance", at), ("nodename", "n1")], 1.0, -590);
    for (device, rate) in
        [("eth0", 1_000), ("ens5", 10), ("lo", 7), ("veth12ab", 7), ("eni1a2b3c", 7), ("docker0", 7), ("cni0", 7)]
    {
        let labels = [("device", device)];
        counter(&mut world, "node_network_receive_bytes_total", at, &labels, |s| plain_count(s + 5_000, rate));
    }
    // The machine is booted within the seventh slot, between the scrapes at 1930 and 1960.
    let booted = |s: i64| seconds(if s < 1_950 { -9_000 } else { 1_950 });
    counter(&mut world, "node_boot_time_seconds", at, &[], booted);
    let reset = |s: i64| plain_count(if s < 1_950 { s + 5_000 } else { s - 1_950 }, 100);
    counter(&mut world, "node_network_transmit_bytes_total", at, &[("device", "eth0")], reset);
    for (device, rate) in [("nvme0n1", 500), ("nvme0n1p1", 7), ("dm-0", 7), ("md127", 7), ("sda", 5), ("sda1", 7)] {
        counter(&mut world, "node_disk_read_bytes_total", at, &[("device", device)], |s| plain_count(s + 5_000, rate));
    }
    // A volume attached in the hour counts from zero.
    let late = [("instance", at), ("device", "nvme1n1")];
    world.add("node_disk_written_bytes_total", &late, (1_210, 3_900), 30, |s| plain_count(s - 1_200, 100));
    counter(&mut world, "node_disk_written_bytes_total", at, &[("device", "nvme0n1")], |_| 42.0);
    let Some(hours) = collected("network_and_disk_count_physical_devices", world).await else { return };
    let node = node(&hours, "n1").await;
    // Scrapes are at 10 s past the half minute: the last before an edge is 20 s old, at both ends.
    assert_eq!(node.network_receive_bytes, Some(3_600 * 1_010));
    // Up to the reset until the edge before it (1800 - 20), and from it to the last scrape of the hour: what was counted
    // between the edge and the reset is not seen on the grid.
    assert_eq!(node.network_transmit_bytes, Some((1_780 + 20) * 100 + (3_580 - 1_950) * 100));
    assert_eq!(node.disk_read_bytes, Some(3_600 * 505));
    assert_eq!(node.disk_written_bytes, Some((3_580 - 1_200) * 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exporters_on_one_node_one_counts() {
    let mut world = plain();
    for (at, rate) in [("10.0.0.1:9388", 1), ("10.0.0.1:9100", 1), ("10.0.0.1:9099", 3)] {
        world.fact_from("node_uname_info", &[("instance", at), ("nodename", "n1")], 1.0, -590);
        let mode = [("cpu", "0"), ("mode", "user")];
        // The one that came late measures the same, but less of it.
        if at.ends_with("9099") {
            let labels = [("instance", at), mode[0], mode[1]];
            world.add("node_cpu_seconds_total", &labels, (1_810, 3_900), 30, |s| plain_count(s, rate));
        } else {
            counter(&mut world, "node_cpu_seconds_total", at, &mode, |s| plain_count(s + 5_000, rate));
        }
    }
    let Some(hours) = collected("of_two_exporters_on_one_node", world).await else { return };
    assert_eq!(node(&hours, "n1").await.cpu_used_millicores_by_slot, Some([Some(1_000); 12]));
}

#[tokio::test(flavor = "multi_thread")]
async fn steal_is_not_use_and_idle_neither() {
    let mut world = plain();
    world.fact_from(
        "kube_node_info",
        &[("node", "n1"), ("provider_id", "aws:///us-east-1a/i-n1"), ("internal_ip", "10.0.0.1")],
        1.0,
        -593,
    );
    for (mode, rate) in [("user", 2), ("system", 1), ("steal", 1), ("idle", 9), ("iowait", 8)] {
        let labels = [("cpu", "0"), ("mode", mode)];
        counter(&mut world, "node_cpu_seconds_total", "10.0.0.1:9388", &labels, |s| plain_count(s + 5_000, rate));
    }
    // A name of the pod, not of the node: the address joins.
    world.fact_from("node_uname_info", &[("instance", "10.0.0.1:9388"), ("nodename", "node-exporter-x1")], 1.0, -590);
    let Some(hours) = collected("steal_is_not_use", world).await else { return };
    let node = node(&hours, "n1").await;
    assert_eq!(node.cpu_used_millicores_by_slot, Some([Some(3_000); 12]));
    assert_eq!(node.cpu_steal_millicores_by_slot, Some([Some(1_000); 12]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_label_a_conflicting_label_and_a_split_label_all_tell() {
    let mut world = plain();
    let named = |node: &'static str, more: &[(&'static str, &'static str)]| [&[("node", node)][..], more].concat();
    for name in ["n2", "n3", "n4", "n5"] {
        world.node(name, -9000);
    }
    let labels = |world: &mut World, node, more: &[(&'static str, &'static str)]| {
        world.fact_from("kube_node_labels", &named(node, more), 1.0, -593);
    };
    labels(
        &mut world,
        "n1",
        &[
            ("label_beta_kubernetes_io_instance_type", "m5.xlarge"),
            ("label_failure_domain_beta_kubernetes_io_zone", "us-east-1-bos-1a"),
        ],
    );
    labels(
        &mut world,
        "n2",
        &[
            ("label_eks_amazonaws_com_capacity_type_conflict1", "SPOT"),
            ("label_eks_amazonaws_com_capacity_type_conflict2", "SPOT"),
            ("label_karpenter_k8s_aws_instance_family", "m7i"),
            ("label_karpenter_k8s_aws_instance_size", "xlarge"),
        ],
    );
    labels(
        &mut world,
        "n3",
        &[
            ("label_eks_amazonaws_com_capacity_type_conflict1", "SPOT"),
            ("label_eks_amazonaws_com_capacity_type_conflict2", "ON_DEMAND"),
            ("label_eks_amazonaws_com_compute_type", "auto"),
        ],
    );
    labels(&mut world, "n4", &[("label_emp_pf9_io_owned", "true")]);
    world.fact_from("kube_node_status_capacity", &[("node", "n5"), ("resource", "nvidia_com_gpu")], 1.0, -593);
    world.fact_from("kube_node_status_capacity", &[("node", "n5"), ("resource", "hugepages_2Mi")], 1.0, -593);
    world.fact_from(
        "kube_node_spec_taint",
        &[("node", "n5"), ("key", "nvidia.com/gpu"), ("value", ""), ("effect", "NoSchedule")],
        1.0,
        -593,
    );
    let Some(hours) = collected("labels_all_tell", world).await else { return };
    let n1 = node(&hours, "n1").await;
    assert_eq!((n1.instance_type.as_deref(), n1.instance_type_source.as_str()), (Some("m5.xlarge"), "label"));
    assert_eq!((n1.zone.as_deref(), n1.region.as_deref()), (Some("us-east-1-bos-1a"), Some("us-east-1")));
    let n2 = node(&hours, "n2").await;
    assert_eq!((n2.instance_type.as_deref(), n2.capacity_type.as_deref()), (Some("m7i.xlarge"), Some("spot")));
    let n3 = node(&hours, "n3").await;
    assert_eq!((n3.capacity_type.as_deref(), n3.compute_type.as_str()), (None, "auto"));
    assert!(node(&hours, "n4").await.emp_owned && !n3.emp_owned);
    let n5 = node(&hours, "n5").await;
    assert_eq!(n5.extended_capacity, Some(vec!["hugepages_2Mi=1".to_owned(), "nvidia_com_gpu=1".to_owned()]));
    assert_eq!(n5.taints, ["nvidia.com/gpu=:NoSchedule"]);
    assert_eq!(n3.extended_capacity, Some(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn fargate_is_its_own_class_and_says_what_was_provisioned() {
    let mut world = plain();
    let name = "fargate-ip-10-0-0-7.ec2.internal";
    let id = "aws:///us-east-1a/0ab1-2/fargate-ip-10-0-0-7.ec2.internal";
    let uid = "1f3a1b2c-1111-2222-3333-444455556666";
    world.fact_from("kube_node_info", &[("node", name), ("provider_id", id)], 1.0, -593);
    world.fact_from("kube_node_created", &[("node", name)], seconds(-9000), -593);
    for (resource, value) in [("cpu", 2.0), ("memory", 4e9)] {
        world.fact_from("kube_node_status_capacity", &[("node", name), ("resource", resource)], value, -593);
    }
    let pod = [("namespace", "ns"), ("pod", "f1"), ("uid", uid)];
    let with = |more: (&'static str, &'static str)| [&pod[..], &[more]].concat();
    world.fact_from("kube_pod_info", &with(("node", name)), 1.0, -593);
    world.fact_from("kube_pod_annotations", &with(("annotation_capacity_provisioned", "0.25vCPU 0.5GB")), 1.0, -593);
    let Some(hours) = collected("fargate_is_its_own_class", world).await else { return };
    let fargate = node(&hours, name).await;
    assert_eq!((fargate.compute_type.as_str(), fargate.instance_id), ("fargate", None));
    assert_eq!(fargate.fargate_provisioned.as_deref(), Some("0.25vCPU 0.5GB"));
    assert_eq!((fargate.instance_type, fargate.instance_type_candidates), (None, None));
    assert_eq!(node(&hours, "n1").await.fargate_provisioned, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_nobody_names_is_open_until_the_user_says_it() {
    let plain_hours = collected("a_type_nobody_names", plain()).await;
    let Some(hours) = plain_hours else { return };
    let open = node(&hours, "n1").await;
    assert_eq!((open.instance_type, open.instance_type_source.as_str()), (None, "unknown"));
    let candidates = open.instance_type_candidates.unwrap();
    assert!(candidates.contains(&"m5.xlarge".to_owned()) && candidates.len() > 5, "{candidates:?}");
    // A type that no catalog knows is taken as it is.
    let overrides = Overrides::read("[instance_types.instances]\ni-n1 = \"m99.xlarge\"").unwrap();
    let settings = Settings { overrides, ..Settings::default() };
    let Some(hours) = collected_with("a_type_nobody_names", plain(), &settings).await else { return };
    let said = node(&hours, "n1").await;
    assert_eq!((said.instance_type.as_deref(), said.instance_type_source.as_str()), (Some("m99.xlarge"), "override"));
    assert_eq!(said.instance_type_candidates, None);
}

/// A claim with a volume of EBS, mounted by the pod of [`plain`].
fn with_volume(labels: &[(&str, &str)]) -> World {
    let mut world = plain();
    let claim =
        [("namespace", "ns"), ("persistentvolumeclaim", "data"), ("storageclass", "fast"), ("volumename", "pvc-1")];
    world.fact_from("kube_persistentvolumeclaim_info", &claim, 1.0, -593);
    let volume = [("persistentvolume", "pvc-1"), ("csi_driver", "ebs.csi.aws.com"), ("csi_volume_handle", "vol-0abc")];
    world.fact_from("kube_persistentvolume_info", &volume, 1.0, -593);
    world.fact_from("kube_persistentvolume_capacity_bytes", &volume[..1], 107_374_182_400.0, -593);
    if !labels.is_empty() {
        world.fact_from("kube_persistentvolume_labels", &[&volume[..1], labels].concat(), 1.0, -593);
    }
    let mount = [("namespace", "ns"), ("pod", "p1"), ("uid", UID), ("persistentvolumeclaim", "data")];
    world.fact_from("kube_pod_spec_volumes_persistentvolumeclaims_info", &mount, 1.0, -593);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_in_the_zone_of_its_label_else_of_its_pods_node() {
    let text = "[storage_classes.fast]\nvolume_type = \"io2\"\niops = 16000\nthroughput_mib_per_second = 500";
    let settings = Settings { overrides: Overrides::read(text).unwrap(), ..Settings::default() };
    let world = with_volume(&[("label_topology_kubernetes_io_zone", "us-east-1c")]);
    let Some(hours) = collected_with("a_volume_is_in_the_zone", world, &settings).await else { return };
    let volume = hours.rows::<VolumeHour>().await.remove(0);
    assert_eq!((volume.zone.as_deref(), volume.zone_source.as_deref()), (Some("us-east-1c"), Some("label")));
    assert_eq!((volume.volume_type.as_deref(), volume.volume_type_source.as_str()), (Some("io2"), "override"));
    assert_eq!((volume.iops, volume.throughput_mib_per_second), (Some(16_000), Some(500)));
    assert_eq!((volume.capacity_bytes, volume.present_seconds), (Some(100 << 30), 3_600));
    let Some(hours) = collected("a_volume_is_in_the_zone", with_volume(&[])).await else { return };
    let volume = hours.rows::<VolumeHour>().await.remove(0);
    assert_eq!((volume.zone.as_deref(), volume.zone_source.as_deref()), (Some("us-east-1a"), Some("node")));
    assert_eq!((volume.volume_type, volume.volume_type_source.as_str(), volume.iops), (None, "unknown", None));
    assert_eq!((volume.volume_id.as_deref(), volume.pods.as_slice()), (Some("vol-0abc"), &["p1".to_owned()][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_volume_nobody_exposes_is_a_row_that_knows_less() {
    let mut world = with_volume(&[]);
    world
        .series
        .retain(|(labels, _)| !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("kube_persistentvolume_")));
    // One that waits for a volume has none to pay for.
    let waiting =
        [("namespace", "ns"), ("persistentvolumeclaim", "waiting"), ("storageclass", "fast"), ("volumename", "")];
    world.fact_from("kube_persistentvolumeclaim_info", &waiting, 1.0, -593);
    let Some(hours) = collected("a_claim_whose_volume_nobody_exposes", world).await else { return };
    let volumes = hours.rows::<VolumeHour>().await;
    let [volume] = volumes.as_slice() else { panic!("{volumes:?}") };
    assert_eq!((volume.volume_claim.as_str(), volume.volume.as_str()), ("data", "pvc-1"));
    assert_eq!((volume.capacity_bytes, &volume.volume_id, volume.present_seconds), (None, &None, 3_600));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!((manifest.complete, manifest.faults), (true, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_moves_to_another_node_takes_no_usage_along() {
    let mut world = plain();
    let info =
        |node: &'static str, id: &'static str| [("node", node), ("provider_id", id), ("internal_ip", "10.0.0.5")];
    world.add("kube_node_info", &info("old", "aws:///us-east-1a/i-0"), (-593, 1_500), 60, |_| 1.0);
    world.add("kube_node_created", &[("node", "old")], (-593, 1_500), 60, |_| seconds(-9000));
    world.add("kube_node_info", &info("new", "aws:///us-east-1a/i-1"), (1_700, 3_900), 60, |_| 1.0);
    world.fact_from("kube_node_created", &[("node", "new")], seconds(1_690), 1_700);
    let at = "10.0.0.5:9100";
    world.add("node_uname_info", &[("instance", at), ("nodename", "old")], (-590, 1_500), 30, |_| 1.0);
    world.fact_from("node_uname_info", &[("instance", at), ("nodename", "new")], 1.0, 1_720);
    for (product, span) in [("m5.large", (-590, 1_500)), ("m5.metal", (1_720, 3_900))] {
        world.add("node_dmi_info", &[("instance", at), ("product_name", product)], span, 30, |_| 1.0);
    }
    // The new machine counts faster, so that its counter does not even look reset.
    let received = |s: i64| if s < 1_600 { plain_count(s + 600, 100) } else { plain_count(s - 1_690, 100_000) };
    let device = [("instance", at), ("device", "eth0")];
    world.add("node_network_receive_bytes_total", &device, (-590, 1_500), 30, received);
    world.add("node_network_receive_bytes_total", &device, (1_720, 3_900), 30, received);
    let Some(hours) = collected("an_address_that_moves", world).await else { return };
    let (old, new) = (node(&hours, "old").await, node(&hours, "new").await);
    // Edges within the life of each: -20 to 1180 for the first, which ended between two edges, and all of the second.
    assert_eq!(old.network_receive_bytes, Some(1_200 * 100));
    assert_eq!(new.network_receive_bytes, Some((3_580 - 1_690) * 100_000));
    // The firmware's name is of one of them, and nothing says which.
    assert_eq!((old.instance_type_source.as_str(), new.instance_type_source.as_str()), ("unknown", "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_no_instance_type_gives_way_to_the_firmware() {
    let test = "a_label_that_is_no_instance_type_gives_way_to_the_firmware";
    let world = |product: Option<&'static str>| {
        let mut world = plain();
        let labels = [("node", "n1"), ("label_node_kubernetes_io_instance_type", "rke2")];
        world.fact_from("kube_node_labels", &labels, 1.0, -593);
        let at = [("instance", "n1:9100")];
        world.fact_from("node_uname_info", &[&at[..], &[("nodename", "n1")]].concat(), 1.0, -593);
        if let Some(product) = product {
            world.fact_from("node_dmi_info", &[&at[..], &[("product_name", product)]].concat(), 1.0, -593);
        }
        world
    };
    for (product, kind, source) in
        [(Some("m5.xlarge"), "m5.xlarge", "dmi"), (Some("PowerEdge R650"), "rke2", "label"), (None, "rke2", "label")]
    {
        let Some(hours) = collected(test, world(product)).await else { return };
        let row = node(&hours, "n1").await;
        assert_eq!((row.instance_type.as_deref(), row.instance_type_source.as_str()), (Some(kind), source));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_of_a_node_tells_its_operating_system_where_no_label_does() {
    let test = "the_image_of_a_node_tells_its_operating_system_where_no_label_does";
    let os = |image: &'static str, label: Option<&'static str>| async move {
        let mut world = plain();
        for (labels, _) in &mut world.series {
            if labels.iter().any(|(_, v)| v == "kube_node_info") && !image.is_empty() {
                labels.push(("os_image".to_owned(), image.to_owned()));
                labels.sort();
            }
        }
        if let Some(label) = label {
            world.fact_from("kube_node_labels", &[("node", "n1"), ("label_kubernetes_io_os", label)], 1.0, -593);
        }
        let hours = collected(test, world).await?;
        Some(node(&hours, "n1").await.os)
    };
    let Some(windows) = os("Windows Server 2022 Datacenter", None).await else { return };
    assert_eq!(windows.as_deref(), Some("windows"));
    assert_eq!(os("Bottlerocket OS 1.41.0 (aws-k8s-1.33)", None).await.unwrap().as_deref(), Some("linux"));
    assert_eq!(os("Amazon Linux 2023", Some("windows")).await.unwrap().as_deref(), Some("windows"));
    assert_eq!(os("", None).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_pages_of_a_node_are_capacity_beside_memory() {
    let test = "huge_pages_of_a_node_are_capacity_beside_memory";
    let mut world = plain();
    for (resource, bytes) in [("hugepages_2Mi", 8_589_934_592.0), ("hugepages_1Gi", 0.0)] {
        let labels = [("node", "n1"), ("resource", resource), ("unit", "byte")];
        world.fact_from("kube_node_status_capacity", &labels, bytes, -593);
    }
    let Some(hours) = collected(test, world).await else { return };
    let expect = Some(vec!["hugepages_2Mi=8589934592".to_owned()]);
    assert_eq!(node(&hours, "n1").await.extended_capacity, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_of_a_volume_is_told() {
    let test = "the_driver_of_a_volume_is_told";
    let mut world = plain();
    for (claim, driver, handle) in [
        ("a", "ebs.csi.aws.com", "vol-0abc"),
        ("b", "efs.csi.aws.com", "fs-0abc::fsap-0def"),
        ("c", "fsx.csi.aws.com", "fs-0def"),
        ("d", "", ""),
    ] {
        let volume = format!("pv-{claim}");
        let labels = [("namespace", "ns"), ("persistentvolumeclaim", claim), ("storageclass", "x")];
        let labels = [&labels[..], &[("volumename", volume.as_str())]].concat();
        world.fact_from("kube_persistentvolumeclaim_info", &labels, 1.0, -593);
        let labels = [("persistentvolume", volume.as_str()), ("csi_driver", driver), ("csi_volume_handle", handle)];
        let labels: Vec<_> = labels.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        world.fact_from("kube_persistentvolume_info", &labels, 1.0, -593);
    }
    let Some(hours) = collected(test, world).await else { return };
    let drivers: Vec<_> = hours.rows::<VolumeHour>().await.into_iter().map(|volume| volume.csi_driver).collect();
    let expect = [Some("ebs.csi.aws.com"), Some("efs.csi.aws.com"), Some("fsx.csi.aws.com"), None];
    assert_eq!(drivers, expect.map(|driver| driver.map(ToOwned::to_owned)));
}

async fn faults(hours: &Hours) -> Vec<String> {
    hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest.faults
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_listed_under_two_names_is_one_machine() {
    let test = "a_machine_that_is_listed_under_two_names_is_one_machine";
    // Its host name changed; the node it was registered as before is left over.
    for (created, old) in [(-3_000, None), (1_200, Some(1_200))] {
        let mut world = plain();
        let from = created.max(-593);
        world.fact_from("kube_node_info", &[("node", "n1-new"), ("provider_id", "aws:///us-east-1a/i-n1")], 1.0, from);
        world.fact_from("kube_node_created", &[("node", "n1-new")], seconds(created), from);
        for (resource, value) in [("cpu", 4.0), ("memory", 16e9)] {
            let capacity = [("node", "n1-new"), ("resource", resource)];
            world.fact_from("kube_node_status_capacity", &capacity, value, from);
        }
        let Some(hours) = collected(test, world).await else { return };
        let up: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|n| (n.node, n.up_seconds)).collect();
        let new = ("n1-new".to_owned(), 3_600 - old.unwrap_or(0));
        let expected: Vec<_> = old.map(|seconds| ("n1".to_owned(), seconds)).into_iter().chain([new]).collect();
        assert_eq!(up, expected);
        let told = faults(&hours).await;
        assert!(told[0].contains("`aws:///us-east-1a/i-n1`") && told[0].contains("`n1` and as `n1-new`"), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_deleted_and_registered_again_is_the_machine_it_was() {
    let test = "a_node_that_was_deleted_and_registered_again_is_the_machine_it_was";
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        let of_node = |(k, v): &(String, String)| k == "__name__" && v.starts_with("kube_node_");
        if labels.iter().any(of_node) {
            samples.retain(|sample| !(1_500..1_900).contains(&(sample.milliseconds.div_euclid(1_000) - HOUR)));
        }
        if labels.iter().any(|(_, v)| v == "kube_node_created") {
            for sample in samples.iter_mut().filter(|sample| sample.milliseconds >= (HOUR + 1_900) * 1_000) {
                sample.value = seconds(1_895);
            }
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    let row = node(&hours, "n1").await;
    assert_eq!((row.up_seconds, row.created_seconds), (3_600, Some(HOUR - 9_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_series_of_all_processors_beside_each_counts_once() {
    let test = "one_series_of_all_processors_beside_each_counts_once";
    let at = "n1:9100";
    let world = |processors: &[&'static str], all: Option<&'static str>| {
        let mut world = plain();
        world.fact_from("node_uname_info", &[("instance", at), ("nodename", "n1")], 1.0, -590);
        for cpu in processors {
            let labels = [("cpu", *cpu), ("mode", "user")];
            counter(&mut world, "node_cpu_seconds_total", at, &labels, |s| plain_count(s + 5_000, 1) / 2.0);
        }
        if let Some(all) = all {
            let labels = [("cpu", all), ("mode", "user")];
            counter(&mut world, "node_cpu_seconds_total", at, &labels, |s| plain_count(s + 5_000, 1));
        }
        world
    };
    for (processors, all) in [
        (&["0", "1"][..], None),
        (&["0", "1"], Some("total")),
        (&["cpu0", "cpu1"], Some("cpu-total")),
        (&[], Some("total")),
    ] {
        let Some(hours) = collected(test, world(processors, all)).await else { return };
        let used = node(&hours, "n1").await.cpu_used_millicores_by_slot;
        assert_eq!(used, Some([Some(1_000); 12]), "{processors:?} {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_say_two_things_of_how_a_machine_is_paid_for_say_nothing() {
    let test = "labels_that_say_two_things_of_how_a_machine_is_paid_for_say_nothing";
    let said = |eks: &'static str, karpenter: &'static str| {
        let mut world = plain();
        let labels = [
            ("node", "n1"),
            ("label_eks_amazonaws_com_capacity_type", eks),
            ("label_karpenter_sh_capacity_type", karpenter),
        ];
        world.fact_from("kube_node_labels", &labels, 1.0, -593);
        world
    };
    for (eks, karpenter, expect) in
        [("SPOT", "spot", Some("spot")), ("ON_DEMAND", "spot", None), ("ON_DEMAND", "reserved", Some("on-demand"))]
    {
        let Some(hours) = collected(test, said(eks, karpenter)).await else { return };
        assert_eq!(node(&hours, "n1").await.capacity_type.as_deref(), expect, "{eks} {karpenter}");
        let told = faults(&hours).await;
        assert_eq!(told.iter().any(|fault| fault.contains("node `n1` is said to be on-demand")), expect.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_does_not_make_a_windows_machine_of_another_system() {
    let test = "a_label_does_not_make_a_windows_machine_of_another_system";
    let said = |label: &'static str, image: &'static str| {
        let mut world = plain();
        world.series.retain(|(labels, _)| !labels.iter().any(|(_, v)| v == "kube_node_info"));
        let info = [("node", "n1"), ("provider_id", "aws:///us-east-1a/i-n1"), ("os_image", image)];
        world.fact_from("kube_node_info", &info, 1.0, -593);
        world.fact_from("kube_node_labels", &[("node", "n1"), ("label_kubernetes_io_os", label)], 1.0, -593);
        world
    };
    for (label, image, expect, is_told) in [
        ("linux", "Windows Server 2022 Datacenter", "windows", true),
        ("windows", "Windows Server 2022 Datacenter", "windows", false),
        ("linux", "Amazon Linux 2023", "linux", false),
        ("linux", "Bottlerocket OS 1.41.0 (aws-k8s-1.33)", "linux", false),
    ] {
        let Some(hours) = collected(test, said(label, image)).await else { return };
        assert_eq!(node(&hours, "n1").await.os.as_deref(), Some(expect), "{label} {image}");
        let told = faults(&hours).await;
        assert_eq!(told.iter().any(|fault| fault.contains("node `n1` is said to run linux")), is_told, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_no_machine_has_are_left_out_and_told() {
    let test = "devices_that_no_machine_has_are_left_out_and_told";
    for (pieces, expect) in [(4.0, vec!["nvidia_com_gpu=4".to_owned()]), (9.2e18, vec![]), (-1.0, vec![])] {
        let mut world = plain();
        let capacity = [("node", "n1"), ("resource", "nvidia_com_gpu")];
        world.fact_from("kube_node_status_capacity", &capacity, pieces, -593);
        let Some(hours) = collected(test, world).await else { return };
        assert_eq!(node(&hours, "n1").await.extended_capacity, Some(expect.clone()), "{pieces}");
        let told = faults(&hours).await;
        assert_eq!(told.iter().any(|fault| fault.contains("`node_resources`")), expect.is_empty(), "{told:?}");
    }
}
