//! Lines of a cluster's bill: each case a cluster made by hand, its bill worked out on paper beside it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{LoadBalancerHour, NodeHour, PodHour, QualityHour, VolumeHour};
use lake::{HourOrigin, HourRows, Lake};
use types::analysis::{Analysis, CostItem, Note};
use types::{ClusterId, Hour};

const GIB: i64 = 1 << 30;
/// Hours of a month, as prices by the month are meant.
const MONTH: f64 = 730.0;
/// Midnight of 2026-06-15, in seconds.
const JUNE: i64 = 1_781_481_600;

fn cluster() -> ClusterId {
    "priced".parse().unwrap()
}

fn node(name: &str, instance_type: &str, zone: &str) -> NodeHour {
    let region: String = zone.split('-').take(3).collect::<Vec<_>>().join("-");
    let region = region.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned();
    NodeHour {
        node: name.to_owned(),
        provider_id: format!("aws:///{zone}/i-{name}"),
        instance_type: Some(instance_type.to_owned()),
        instance_type_source: "label".to_owned(),
        region: Some(region),
        zone: Some(zone.to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: "ec2".to_owned(),
        arch: Some("amd64".to_owned()),
        os: Some("linux".to_owned()),
        kubelet_version: Some("v1.34.1-eks-0000000".to_owned()),
        cpu_capacity_millicores: Some(4000),
        memory_capacity_bytes: Some(16 * GIB),
        cpu_allocatable_millicores: Some(3920),
        memory_allocatable_bytes: Some(15 * GIB),
        up_seconds: 3600,
        ..NodeHour::default()
    }
}

fn volume(claim: &str, zone: &str, gib: i64) -> VolumeHour {
    VolumeHour {
        namespace: "shop".to_owned(),
        volume_claim: claim.to_owned(),
        volume: format!("pv-{claim}"),
        zone: Some(zone.to_owned()),
        volume_id: Some(format!("vol-{claim}")),
        volume_type: Some("gp3".to_owned()),
        capacity_bytes: Some(gib * GIB),
        present_seconds: 3600,
        ..VolumeHour::default()
    }
}

/// A cluster that stays as it is.
#[derive(Debug, Clone, Default)]
struct World {
    nodes: Vec<NodeHour>,
    volumes: Vec<VolumeHour>,
    pods: Vec<PodHour>,
    load_balancers: Vec<LoadBalancerHour>,
    /// True when Services are collected.
    services_show: bool,
}

impl World {
    fn of(nodes: impl IntoIterator<Item = NodeHour>) -> Self {
        Self { nodes: nodes.into_iter().collect(), ..Self::default() }
    }

    fn at(&self, hour: Hour) -> HourRows {
        let mut nodes = self.nodes.clone();
        for node in &mut nodes {
            (node.hour_start_seconds, node.first_seen_seconds) = (hour.start_seconds(), hour.start_seconds());
            node.last_seen_seconds = hour.end_seconds();
        }
        let mut volumes = self.volumes.clone();
        volumes.iter_mut().for_each(|volume| volume.hour_start_seconds = hour.start_seconds());
        let mut pods = self.pods.clone();
        pods.iter_mut().for_each(|pod| pod.hour_start_seconds = hour.start_seconds());
        let mut load_balancers = self.load_balancers.clone();
        load_balancers.iter_mut().for_each(|one| one.hour_start_seconds = hour.start_seconds());
        let quality = self.services_show.then(|| QualityHour {
            hour_start_seconds: hour.start_seconds(),
            query: "load_balancers".to_owned(),
            series: 1,
            ..QualityHour::default()
        });
        let quality = quality.into_iter().collect();
        HourRows { nodes, volumes, pods, load_balancers, quality, ..HourRows::default() }
    }

    async fn lake(&self, from: i64, hours: i64) -> Lake {
        let lake = Lake::new(Arc::new(MemoryStore::default()));
        for n in 0..hours {
            let hour = Hour::starting_at(from).unwrap().plus(n);
            lake.write_hour(&cluster(), hour, self.at(hour), HourOrigin::generator()).await.unwrap();
        }
        lake
    }

    async fn bill(&self, from: i64, hours: i64) -> Analysis {
        self.bill_by(from, hours, "", PriceBook::catalog().unwrap()).await
    }

    async fn bill_by(&self, from: i64, hours: i64, assumptions: &str, prices: PriceBook) -> Analysis {
        let request = Request {
            cluster: cluster(),
            window: None,
            assumptions: Assumptions::from_toml(assumptions).unwrap(),
            prices,
            sharing: Sharing::default(),
            profile: None,
            bill_only: true,
        };
        analyze(&self.lake(from, hours).await, request, |_, _| {}).await.unwrap()
    }
}

fn near(a: Option<f64>, b: f64) {
    let a = a.unwrap();
    assert!((a - b).abs() <= 1e-8 * a.abs().max(b.abs()).max(1.0), "{a} and {b}");
}

fn line(analysis: &Analysis, name: &str) -> Option<f64> {
    analysis.scenarios[0].cost_usd.lines().into_iter().find(|(line, _)| *line == name).unwrap().1
}

fn item<'a>(analysis: &'a Analysis, what: &str) -> &'a CostItem {
    let items = &analysis.scenarios[0].items;
    items.iter().find(|item| item.what == what).unwrap_or_else(|| panic!("{what} in {items:#?}"))
}

fn grades<'a>(analysis: &'a Analysis, line: &str) -> Vec<(&'a str, &'a str)> {
    let lines = &analysis.evidence.as_ref().unwrap().lines;
    lines.iter().filter(|row| row.line == line).map(|row| (row.grade.as_str(), row.reason.as_str())).collect()
}

fn noted(analysis: &Analysis, words: &str) -> bool {
    let notes = analysis.notes.iter().chain(&analysis.scenarios[0].notes);
    notes.map(|note: &Note| &note.text).any(|text| text.contains(words))
}

fn unpriced<'a>(analysis: &'a Analysis, what: &str) -> Option<&'a str> {
    let lines = &analysis.scenarios[0].unpriced;
    lines.iter().find(|line| line.what.contains(what)).map(|line| line.reason.as_str())
}

#[tokio::test]
async fn a_version_past_its_standard_support_pays_for_extended_support() {
    let of = |kubelet: Option<&str>| {
        World::of([NodeHour {
            kubelet_version: kubelet.map(ToOwned::to_owned),
            ..node("a", "m5.xlarge", "us-east-1a")
        }])
    };
    let old = of(Some("v1.31.13-eks-113cf36")).bill(JUNE, 2).await;
    near(line(&old, "control_plane"), 2.0 * 0.60);
    assert_eq!(
        grades(&old, "control_plane"),
        [("inferred", "support of the control plane follows from the newest kubelet")]
    );
    assert!(noted(&old, "Kubernetes 1.31, which pays for extended support since 2025-11-27"));
    let current = of(Some("v1.34.1-eks-abc")).bill(JUNE, 2).await;
    near(line(&current, "control_plane"), 2.0 * 0.10);
    // Two hours before and three after midnight of the day 1.31 left standard support, 2025-11-27.
    let both = of(Some("v1.31.13-eks-113cf36")).bill(1_764_201_600 - 7200, 5).await;
    near(line(&both, "control_plane"), 2.0 * 0.10 + 3.0 * 0.60);
    // Out of extended support too: EKS has moved the control plane on, to what no kubelet tells.
    let ended = of(Some("v1.28.9")).bill(JUNE, 1).await;
    assert_eq!(grades(&ended, "control_plane")[0].0, "assumed");
    let unknown = of(None).bill(JUNE, 1).await;
    near(line(&unknown, "control_plane"), 0.10);
    assert_eq!(grades(&unknown, "control_plane")[0].0, "assumed");
    let said = of(Some("v1.31.13")).bill_by(JUNE, 1, "eks.support = \"standard\"", PriceBook::catalog().unwrap()).await;
    near(line(&said, "control_plane"), 0.10);
    // The newest kubelet decides: nodes may be older than the control plane.
    let mut mixed = of(Some("v1.31.13"));
    mixed.nodes.push(node("b", "m5.xlarge", "us-east-1a"));
    near(line(&mixed.bill(JUNE, 1).await, "control_plane"), 0.10);
}

#[tokio::test]
async fn hybrid_nodes_pay_eks_by_the_vcpu() {
    let hybrid = |n: i64, cores: i32| NodeHour {
        provider_id: format!("eks-hybrid:///us-east-1/prod/mi-{n}"),
        instance_type: None,
        capacity_type: None,
        zone: None,
        compute_type: "hybrid".to_owned(),
        cpu_capacity_millicores: Some(cores * 1000),
        ..node(&format!("mi-{n}"), "", "us-east-1a")
    };
    let small = World::of([node("a", "m5.xlarge", "us-east-1a"), hybrid(1, 32)]).bill(JUNE, 1).await;
    near(line(&small, "control_plane"), 0.10 + 32.0 * 0.02);
    assert_eq!(item(&small, "hybrid nodes").quantity, 32.0);
    assert!(unpriced(&small, "hybrid node").unwrap().contains("only the fee of EKS"));
    assert!(noted(&small, "your own machines"));
    // 20 nodes of 96: 1920 x 730 = 1,401,600 vCPU-hours a month, of which 576,000 at 0.02, 576,000 at 0.014, the rest,
    // 249,600, at 0.01.
    let many = World::of((0..20).map(|n| hybrid(n, 96))).bill(JUNE, 1).await;
    let month = 576_000.0 * 0.02 + 576_000.0 * 0.014 + 249_600.0 * 0.01;
    let fee: f64 = many.scenarios[0].items.iter().filter(|item| item.what == "hybrid nodes").map(|i| i.cost_usd).sum();
    assert!((fee - month / MONTH).abs() < 1e-6, "{fee}");
    let nothing = World::of([NodeHour { cpu_capacity_millicores: None, ..hybrid(1, 0) }]).bill(JUNE, 1).await;
    assert!(unpriced(&nothing, "fee of hybrid nodes").is_some());
}

/// An imported list with the price of a machine in a Local Zone.
const LOS_ANGELES: &str = "kind,region,name,plan,usd,unit,date,source
ec2,us-west-2-lax-1,m5.xlarge,,0.23,hour,2026-06-01,AWS price list AmazonEC2
ec2,us-east-1-wl1-bos1,t3.medium,,0.0556,hour,2026-06-01,AWS price list AmazonEC2
item,us-west-2-lax-1,ebs.gp3,,0.096,GiB-month,2026-06-01,AWS price list AmazonEC2
";

#[tokio::test]
async fn a_local_zone_has_prices_of_its_own_or_none() {
    let zone = "us-west-2-lax-1a";
    let mut world = World::of([node("a", "m5.xlarge", zone), node("b", "m5.xlarge", "us-west-2a")]);
    world.volumes = vec![volume("data", zone, 73)];
    world.nodes[0].root_disk_bytes = Some(730 * GIB);
    let without = world.bill(JUNE, 1).await;
    near(line(&without, "compute"), 0.192);
    let reason = unpriced(&without, "node of m5.xlarge").unwrap();
    assert!(reason.contains("in us-west-2-lax-1; ") && reason.contains("import"), "{reason}");
    assert!(unpriced(&without, "volume of gp3").unwrap().contains("us-west-2-lax-1"));
    assert!(unpriced(&without, "root disk").unwrap().contains("us-west-2-lax-1"));
    assert!(noted(&without, "1 node-hour is in us-west-2-lax-1"));
    assert_eq!(without.region.as_deref(), Some("us-west-2"));
    let book = PriceBook::catalog().unwrap().with_list(LOS_ANGELES).unwrap();
    let with = world.bill_by(JUNE, 1, "", book.clone()).await;
    near(line(&with, "compute"), 0.23 + 0.192);
    near(line(&with, "volumes"), 73.0 * 0.096 / MONTH);
    near(line(&with, "root_disks"), 730.0 * 0.096 / MONTH);
    let group =
        with.inventory.node_groups.iter().find(|group| group.compute_type == types::ComputeType::LocalZone).unwrap();
    assert!(!group.movable.moves && group.movable.reason.contains("Local Zone"), "{:?}", group.movable);
    // The label for the region missing changes nothing.
    world.nodes.iter_mut().for_each(|node| node.region = None);
    assert_eq!(
        world.bill_by(JUNE, 1, "", book.clone()).await.scenarios[0].cost_usd.compute,
        with.scenarios[0].cost_usd.compute
    );
    // Where a list has gp2 there and no gp3, root disks are of gp2, and a claim that says gp3 is left without a price.
    let gp2 = LOS_ANGELES.replace("ebs.gp3,,0.096", "ebs.gp2,,0.12");
    let only = world.bill_by(JUNE, 1, "", PriceBook::catalog().unwrap().with_list(&gp2).unwrap()).await;
    near(line(&only, "root_disks"), 730.0 * 0.12 / MONTH);
    assert!(unpriced(&only, "volume of gp3").unwrap().contains("us-west-2-lax-1"));
    let boston = World::of([node("a", "t3.medium", "us-east-1-wl1-bos-wlz-1")]);
    near(line(&boston.bill_by(JUNE, 1, "", book).await, "compute"), 0.0556);
}

#[tokio::test]
async fn burstable_machines_pay_for_cpu_beyond_their_baseline() {
    let t3 = |name: &str, busy: i32| NodeHour {
        cpu_capacity_millicores: Some(2000),
        cpu_used_millicores_by_slot: Some([Some(busy); 12]),
        ..node(name, "t3.large", "us-east-1a")
    };
    // Two vCPUs of which 30 % are given: 1.4 vCPU-hours beyond, at 0.05.
    let busy = World::of([t3("a", 2000)]).bill(JUNE, 1).await;
    near(line(&busy, "compute"), 0.0832);
    near(line(&busy, "cpu_credits"), 2.0 * 0.7 * 0.05);
    assert_eq!(grades(&busy, "cpu_credits")[0].0, "inferred");
    // What one machine leaves is not another's.
    let two = World::of([t3("a", 2000), t3("b", 0)]).bill(JUNE, 1).await;
    near(line(&two, "cpu_credits"), 0.07);
    near(line(&World::of([t3("a", 600)]).bill(JUNE, 24).await, "cpu_credits"), 0.0);
    let standard = World::of([t3("a", 2000)]);
    let said = standard.bill_by(JUNE, 1, "ec2.cpu_credits = \"standard\"", PriceBook::catalog().unwrap()).await;
    near(line(&said, "cpu_credits"), 0.0);
    let blind = World::of([node("a", "t3.large", "us-east-1a")]).bill(JUNE, 1).await;
    assert_eq!(line(&blind, "cpu_credits"), None);
    assert!(unpriced(&blind, "CPU credits").unwrap().contains("node-exporter"));
    near(line(&World::of([node("a", "m5.xlarge", "us-east-1a")]).bill(JUNE, 1).await, "cpu_credits"), 0.0);
    // Graviton is cheaper, Windows dearer.
    let t4g = NodeHour { arch: Some("arm64".to_owned()), instance_type: Some("t4g.large".to_owned()), ..t3("a", 2000) };
    near(line(&World::of([t4g]).bill(JUNE, 1).await, "cpu_credits"), 1.4 * 0.04);
    let windows = NodeHour { os: Some("windows".to_owned()), ..t3("a", 2000) };
    near(line(&World::of([windows]).bill(JUNE, 1).await, "cpu_credits"), 1.4 * 0.096);
    // Two thirds of a vCPU more than is given in the first hour of a day, and nothing after it: earned back.
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for n in 0..24 {
        let hour = Hour::starting_at(JUNE).unwrap().plus(n);
        let rows = World::of([t3("a", if n == 0 { 2000 } else { 0 })]).at(hour);
        lake.write_hour(&cluster(), hour, rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: cluster(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: true,
    };
    near(line(&analyze(&lake, request, |_, _| {}).await.unwrap(), "cpu_credits"), 0.0);
}

#[tokio::test]
async fn windows_pays_its_licence_by_the_vcpu() {
    let windows = |instance_type: &str| NodeHour {
        os: Some("windows".to_owned()),
        cpu_capacity_millicores: Some(16_000),
        ..node("win", instance_type, "us-east-1a")
    };
    let bill = World::of([windows("m5.4xlarge"), node("a", "m5.4xlarge", "us-east-1a")]).bill(JUNE, 1).await;
    near(line(&bill, "compute"), 0.768 + 16.0 * 0.046 + 0.768);
    let licence = "licence of Windows is taken as a surcharge by the vCPU";
    assert!(grades(&bill, "compute").contains(&("inferred", licence)));
    assert!(noted(&bill, "1 node-hour runs Windows"));
    // t3.large has a licence of its own: 2 x 0.0138.
    near(line(&World::of([windows("t3.large")]).bill(JUNE, 1).await, "compute"), 0.0832 + 2.0 * 0.0138);
    let spot = NodeHour { capacity_type: Some("spot".to_owned()), ..windows("m5.4xlarge") };
    assert!(unpriced(&World::of([spot]).bill(JUNE, 1).await, "m5.4xlarge").unwrap().contains("with Windows"));
    // A price of the type is one of Linux, a price of the group is theirs.
    let of_type = "[[node]]\ninstance_type = \"m5.4xlarge\"\nusd_per_hour = 0.5\n";
    let of_group = "[[node]]\nnode_group = \"win\"\nusd_per_hour = 1.1\n";
    let grouped = World::of([NodeHour { node_group: Some("win".to_owned()), ..windows("m5.4xlarge") }]);
    for (text, expect) in [(of_type, 0.768 + 16.0 * 0.046), (of_group, 1.1)] {
        let book = PriceBook::catalog().unwrap().with_user_toml(text).unwrap();
        near(line(&grouped.bill_by(JUNE, 1, "", book).await, "compute"), expect);
    }
    // Where nothing says what runs there, Linux is assumed, and said.
    let unknown = World::of([NodeHour { os: None, ..windows("m5.4xlarge") }]).bill(JUNE, 1).await;
    near(line(&unknown, "compute"), 0.768);
    assert!(noted(&unknown, "operating system of 1 node-hour is not known"));
}

#[tokio::test]
async fn what_is_no_ebs_volume_is_not_priced_as_one() {
    let zone = "us-east-1a";
    let claim = |name: &str, class: &str, id: Option<&str>, gib: i64| VolumeHour {
        volume_id: id.map(ToOwned::to_owned),
        volume_type: None,
        storage_class: Some(class.to_owned()),
        ..volume(name, zone, gib)
    };
    let mut world = World::of([node("a", "m5.xlarge", zone)]);
    world.volumes = vec![claim("data", "fast", Some("vol-0abc"), 100), claim("shared", "shared-files", None, 5 * 1024)];
    let gp3 = "volumes.unknown_type = \"gp3\"";
    let bill = world.bill_by(JUNE, 1, gp3, PriceBook::catalog().unwrap()).await;
    near(line(&bill, "volumes"), 100.0 * 0.08 / MONTH);
    assert!(unpriced(&bill, "volume of unknown type").unwrap().contains("no EBS volume"));
    // A class that names EFS: by what is stored, whatever the claim asked for.
    world.volumes[1] = VolumeHour { used_max_bytes: Some(73 * GIB), ..claim("shared", "efs-sc", None, 5 * 1024) };
    let efs = world.bill_by(JUNE, 1, gp3, PriceBook::catalog().unwrap()).await;
    near(line(&efs, "volumes"), 100.0 * 0.08 / MONTH + 73.0 * 0.30 / MONTH);
    assert!(grades(&efs, "volumes").iter().any(|(grade, reason)| *grade == "inferred" && reason.contains("EFS")));
    world.volumes[1] = claim("shared", "efs-sc", None, 5 * 1024);
    let blind = world.bill_by(JUNE, 1, gp3, PriceBook::catalog().unwrap()).await;
    near(line(&blind, "volumes"), 100.0 * 0.08 / MONTH);
    assert!(unpriced(&blind, "claim on EFS").unwrap().contains("what is stored"));
    // FSx has a price once somebody gives it: by the size that was asked for.
    world.volumes[1] = claim("shared", "fsx-lustre", None, 1200);
    let user = "[[volume]]\nvolume_type = \"fsx\"\nusd_per_gib_month = 0.14\n";
    let book = PriceBook::catalog().unwrap().with_user_toml(user).unwrap();
    near(line(&world.bill_by(JUNE, 1, gp3, book).await, "volumes"), 100.0 * 0.08 / MONTH + 1200.0 * 0.14 / MONTH);
    // Where no claim shows an id, the exporter does not tell, and the assumption stands for all.
    world.volumes = vec![claim("data", "fast", None, 100)];
    let silent = world.bill_by(JUNE, 1, gp3, PriceBook::catalog().unwrap()).await;
    near(line(&silent, "volumes"), 100.0 * 0.08 / MONTH);
}

#[tokio::test]
async fn a_volume_is_billed_once_by_its_driver_and_only_with_a_size() {
    let zone = "us-east-1a";
    let mut world = World::of([node("a", "m5.xlarge", zone)]);
    let behind = |claim: &str, id: &str| VolumeHour { volume_id: Some(id.to_owned()), ..volume(claim, zone, 100) };
    world.volumes = vec![behind("a", "vol-0a"), behind("b", "vol-0a"), behind("c", "vol-0c")];
    near(line(&world.bill(JUNE, 2).await, "volumes"), 2.0 * 200.0 * 0.08 / MONTH);
    // A claim that changed hands within the hour: each has its part of it.
    world.volumes[0].present_seconds = 1_800;
    world.volumes[1].present_seconds = 1_800;
    near(line(&world.bill(JUNE, 1).await, "volumes"), 200.0 * 0.08 / MONTH);
    // The driver tells what the name of a class does not.
    let of_driver = |claim: &str, driver: &str| VolumeHour {
        volume_id: None,
        volume_type: None,
        storage_class: Some("shared".to_owned()),
        csi_driver: Some(driver.to_owned()),
        ..volume(claim, zone, 100)
    };
    let gp3 = "volumes.unknown_type = \"gp3\"";
    world.volumes = vec![
        of_driver("a", "efs.csi.aws.com"),
        of_driver("b", "fsx.csi.aws.com"),
        of_driver("c", "local.csi.example.com"),
        of_driver("d", "ebs.csi.aws.com"),
    ];
    let bill = world.bill_by(JUNE, 1, gp3, PriceBook::catalog().unwrap()).await;
    near(line(&bill, "volumes"), 100.0 * 0.08 / MONTH);
    for (what, words) in
        [("claim on EFS", "stored"), ("volume of fsx", "no price"), ("volume of unknown type", "no EBS")]
    {
        assert!(unpriced(&bill, what).unwrap().contains(words), "{what}");
    }
    // Without a size it costs something, and nobody knows what.
    world.volumes = vec![VolumeHour { capacity_bytes: None, ..behind("a", "vol-0a") }];
    let bill = world.bill(JUNE, 1).await;
    assert_eq!(line(&bill, "volumes"), None);
    assert!(unpriced(&bill, "gp3 volume of unknown size").unwrap().contains("kube_persistentvolume_capacity_bytes"));
}

#[tokio::test]
async fn what_a_file_system_stores_is_billed_once_whatever_class_its_claims_name() {
    let zone = "us-east-1a";
    let on = |claim: &str, handle: &str, gib: i64| VolumeHour {
        volume_id: Some(handle.to_owned()),
        // Of the class, by an older collector.
        volume_type: Some("gp2".to_owned()),
        storage_class: Some("gp2".to_owned()),
        csi_driver: Some("efs.csi.aws.com".to_owned()),
        used_max_bytes: Some(gib * GIB),
        ..volume(claim, zone, 5 * 1024)
    };
    let mut world = World::of([node("a", "m5.xlarge", zone)]);
    let efs = |gib: f64| gib * 0.30 / MONTH;
    for (claims, gib) in [
        (vec![on("a", "fs-0a", 73)], 73.0),
        (vec![on("a", "fs-0a", 73), on("b", "fs-0a", 73)], 73.0),
        (vec![on("a", "fs-0a::fsap-1", 73), on("b", "fs-0a::fsap-1", 73)], 73.0),
        // Each access point is a directory of its own, and the whole has both.
        (vec![on("a", "fs-0a::fsap-1", 73), on("b", "fs-0a::fsap-2", 20)], 93.0),
        (vec![on("a", "fs-0a::fsap-1", 73), on("b", "fs-0a::fsap-2", 20), on("c", "fs-0a", 100)], 100.0),
        (vec![on("a", "fs-0a", 73), on("b", "fs-0b", 20)], 93.0),
    ] {
        world.volumes = claims;
        near(line(&world.bill(JUNE, 2).await, "volumes"), 2.0 * efs(gib));
    }
    // A local disk costs nothing beside its machine, in an hour that shows no id too.
    world.volumes = vec![VolumeHour {
        volume_id: None,
        volume_type: None,
        csi_driver: Some("kubernetes.io/local-volume".to_owned()),
        ..volume("a", zone, 100)
    }];
    let bill = world.bill_by(JUNE, 1, "volumes.unknown_type = \"gp3\"", PriceBook::catalog().unwrap()).await;
    assert_eq!(line(&bill, "volumes"), None);
}

#[tokio::test]
async fn hours_before_a_price_changed_cost_what_it_was() {
    // Midnight of 2025-06-01, when p4d became a third cheaper; Ireland saw both prices.
    let changed = 1_748_736_000;
    let ireland = World::of([NodeHour { kubelet_version: None, ..node("a", "p4d.24xlarge", "eu-west-1a") }]);
    let both = ireland.bill(changed - 2 * 3600, 5).await;
    near(line(&both, "compute"), 2.0 * 35.3965 + 3.0 * 23.71569);
    assert!(noted(&both, "p4d.24xlarge changed on 2025-06-01: 2 of its 5 hours are from before"));
    near(line(&ireland.bill(changed, 3).await, "compute"), 3.0 * 23.71569);
    let before = ireland.bill(changed - 3 * 3600, 3).await;
    near(line(&before, "compute"), 3.0 * 35.3965);
    assert_eq!(before.scenarios[0].machine_hours[0].usd_per_hour, Some(35.3965));
    // Virginia was seen only since: the change is told, and the price before is not made up.
    let virginia = World::of([NodeHour { kubelet_version: None, ..node("a", "p4d.24xlarge", "us-east-1a") }]);
    let unknown = virginia.bill(changed - 3600, 2).await;
    near(line(&unknown, "compute"), 2.0 * 21.957642);
    assert!(noted(&unknown, "what it was before is not known"));
    // A price of the user's own holds for every hour.
    let mine = "[[node]]\ninstance_type = \"p4d.24xlarge\"\nusd_per_hour = 20.0\n";
    let book = PriceBook::catalog().unwrap().with_user_toml(mine).unwrap();
    near(line(&ireland.bill_by(changed - 3600, 2, "", book).await, "compute"), 2.0 * 20.0);
}

#[tokio::test]
async fn the_fee_of_auto_mode_goes_by_family_and_date() {
    let auto = |instance_type: &str| {
        World::of([NodeHour { compute_type: "auto".to_owned(), ..node("a", instance_type, "us-east-1a") }])
    };
    // Midnight of 2026-07-01.
    let changed = 1_782_864_000;
    near(line(&auto("m5.xlarge").bill(changed - 3600, 2).await, "auto_mode"), 2.0 * 0.192 * 0.12);
    let both = auto("g5.xlarge").bill(changed - 2 * 3600, 3).await;
    near(line(&both, "auto_mode"), 1.006 * (2.0 * 0.12 + 0.078));
    near(line(&auto("p4d.24xlarge").bill(changed, 1).await, "auto_mode"), 21.957642 * 0.048);
    near(line(&auto("trn1.2xlarge").bill(changed, 1).await, "auto_mode"), 1.34375 * 0.048);
    near(line(&auto("inf2.xlarge").bill(changed, 1).await, "auto_mode"), 0.7582 * 0.12);
    let mine = "[[item]]\nitem = \"eks.auto_mode_share\"\nusd_per_unit = 0.10\n";
    let book = PriceBook::catalog().unwrap().with_user_toml(mine).unwrap();
    near(line(&auto("g5.xlarge").bill_by(changed - 3600, 2, "", book).await, "auto_mode"), 2.0 * 1.006 * 0.10);
}

#[tokio::test]
async fn an_image_of_red_hat_pays_for_its_subscription() {
    let image = |name: &str, instance_type: &str, image: &str| NodeHour {
        os_image: Some(image.to_owned()),
        ..node(name, instance_type, "us-east-1a")
    };
    let rhel = "Red Hat Enterprise Linux 9.4 (Plow)";
    // By the vCPU: 0.0144 up to 8, 0.0108 from 9 to 96.
    let small = World::of([image("a", "m5.xlarge", rhel)]).bill(JUNE, 1).await;
    near(line(&small, "compute"), 0.192 + 4.0 * 0.0144);
    let large = World::of([image("a", "m5.4xlarge", rhel)]).bill(JUNE, 1).await;
    near(line(&large, "compute"), 0.768 + 16.0 * 0.0108);
    // Graviton pays the same for it.
    let arm = NodeHour { arch: Some("arm64".to_owned()), ..image("a", "m7g.xlarge", rhel) };
    near(line(&World::of([arm]).bill(JUNE, 1).await, "compute"), 0.1632 + 4.0 * 0.0144);
    // Who is paid shows nowhere, so the line is assumed, and says how to settle it.
    let assumed = grades(&small, "compute");
    assert!(matches!(&assumed[..], [("assumed", reason)] if reason.contains("RHEL")), "{assumed:?}");
    assert!(noted(&small, "1 node-hour runs RHEL") && noted(&small, "ec2.subscriptions"));
    let own = World::of([image("a", "m5.xlarge", rhel)]);
    let own = own.bill_by(JUNE, 1, "ec2.subscriptions = \"own\"", PriceBook::catalog().unwrap()).await;
    near(line(&own, "compute"), 0.192);
    assert!(!noted(&own, "run RHEL"));
    // Of SUSE no list has the fee, and CoreOS belongs to OpenShift.
    let suse = World::of([image("a", "m5.xlarge", "SUSE Linux Enterprise Server 15 SP6")]).bill(JUNE, 1).await;
    assert_eq!(line(&suse, "compute"), None);
    assert!(unpriced(&suse, "ec2 node").is_some_and(|reason| reason.contains("m5.xlarge with SUSE")));
    let core = image("a", "m5.xlarge", "Red Hat Enterprise Linux CoreOS 418.94.202411");
    near(line(&World::of([core]).bill(JUNE, 1).await, "compute"), 0.192);
    // In China the fee is not known in CNY.
    let beijing = NodeHour { os_image: Some(rhel.to_owned()), ..node("a", "m5.xlarge", "cn-north-1a") };
    assert_eq!(line(&World::of([beijing]).bill(JUNE, 1).await, "compute"), None);
}

#[tokio::test]
async fn a_rack_on_your_premises_is_not_priced_as_its_region() {
    let rack = || NodeHour {
        compute_type: "outpost".to_owned(),
        root_disk_bytes: Some(80 * GIB),
        ..node("a", "m5.xlarge", "us-west-2a")
    };
    let unknown = World::of([rack()]).bill(JUNE, 1).await;
    assert_eq!((line(&unknown, "compute"), line(&unknown, "root_disks")), (None, Some(0.0)));
    assert!(unpriced(&unknown, "outpost node").is_some_and(|reason| reason.contains("on an Outpost")));
    assert!(noted(&unknown, "1 node-hour is on an Outpost"));
    let group = &unknown.inventory.node_groups[0];
    assert!(!group.movable.moves && group.movable.reason.contains("Outpost"), "{:?}", group.movable);
    // Only the user knows what an hour of it costs; a price of the region is none of its.
    let user = |text: &str| PriceBook::catalog().unwrap().with_user_toml(text).unwrap();
    let own = user("[[node]]\nregion = \"us-west-2-outpost\"\ninstance_type = \"m5.xlarge\"\nusd_per_hour = 0.15\n");
    near(line(&World::of([rack()]).bill_by(JUNE, 1, "", own).await, "compute"), 0.15);
    let regional = user("[[node]]\nregion = \"us-west-2\"\ninstance_type = \"m5.xlarge\"\nusd_per_hour = 0.15\n");
    assert_eq!(line(&World::of([rack()]).bill_by(JUNE, 1, "", regional).await, "compute"), None);
    // Beside machines of the region, which stay priced.
    let both = World::of([rack(), node("b", "m5.xlarge", "us-west-2a")]).bill(JUNE, 1).await;
    near(line(&both, "compute"), 0.192);
}

#[tokio::test]
async fn what_no_metric_shows_is_counted_where_somebody_says_so() {
    let text = "volumes.snapshot_gib = 730\n[network]\napplication_load_balancers = 2\nnetwork_load_balancers = 1\n\
                interface_endpoints = 3\nnat_gateways = 1\n";
    let world = World::of([node("a", "m5.xlarge", "ap-northeast-1a")]);
    let bill = world.bill_by(JUNE, 1, text, PriceBook::catalog().unwrap()).await;
    near(line(&bill, "network"), 3.0 * 0.014 + 0.062);
    near(line(&bill, "load_balancers"), 2.0 * 0.0243 + 0.0243);
    near(line(&bill, "volumes"), 0.05);
    for line in ["network", "load_balancers"] {
        assert!(grades(&bill, line).iter().all(|(grade, _)| *grade == "assumed"), "{line}");
    }
    // Of Stockholm no list has load balancers.
    let north = World::of([node("a", "m5.xlarge", "eu-north-1a")]);
    let bill = north.bill_by(JUNE, 1, text, PriceBook::catalog().unwrap()).await;
    assert!(unpriced(&bill, "application load balancers").is_some());
    for words in ["load balancers", "Container Insights", "RHEL and SUSE", "which bytes do", "on Outposts"] {
        assert!(noted(&bill, words), "{words}");
    }
}

#[tokio::test]
async fn traffic_between_zones_is_said_as_a_bound_and_in_no_total() {
    let talking = |name: &str, zone: &str| NodeHour {
        network_receive_bytes: Some(40 * GIB),
        network_transmit_bytes: Some(60 * GIB),
        ..node(name, "m5.xlarge", zone)
    };
    let bill = World::of([talking("a", "us-east-1a"), talking("b", "us-east-1b")]).bill(JUNE, 1).await;
    // 200 GiB at 0.01 an end, 730 times a month.
    assert!(noted(&bill, "sent and received 200 GiB") && noted(&bill, "it would be $1,460 a month at most"));
    assert_eq!(line(&bill, "network"), None);
    let one_zone = World::of([talking("a", "us-east-1a"), talking("b", "us-east-1a")]).bill(JUNE, 1).await;
    assert!(!noted(&one_zone, "sent and received"));
    // No price of it is known in CNY, and none is made up.
    let beijing = World::of([talking("a", "cn-north-1a"), talking("b", "cn-north-1b")]).bill(JUNE, 1).await;
    assert!(!noted(&beijing, "sent and received"));
}

fn load_balancer(address: &str, object: &str, kind: Option<&str>, facing: Option<bool>) -> LoadBalancerHour {
    LoadBalancerHour {
        address: address.to_owned(),
        object: object.to_owned(),
        load_balancer_type: kind.map(ToOwned::to_owned),
        region: address.ends_with("amazonaws.com").then(|| "ap-northeast-1".to_owned()),
        internet_facing: facing,
        present_seconds: 3600,
        ..LoadBalancerHour::default()
    }
}

fn ingress(object: &str, group: Option<&str>, facing: Option<bool>) -> LoadBalancerHour {
    LoadBalancerHour {
        ingress_class: Some("alb".to_owned()),
        ingress_group: group.map(ToOwned::to_owned),
        ..load_balancer("", object, Some("application"), facing)
    }
}

/// Tokyo, two hours: a Network Load Balancer of two Services, one Application Load Balancer of a group of Ingresses and one
/// of an Ingress alone, a Classic one, and a node with a public address.
#[tokio::test]
async fn load_balancers_and_public_addresses_cost_what_paper_says() {
    let zone = "ap-northeast-1a";
    let public = NodeHour { public_ipv4_addresses: Some(1), ..node("a", "m5.xlarge", zone) };
    let private = NodeHour { public_ipv4_addresses: Some(0), ..node("b", "m5.xlarge", zone) };
    let mut world = World::of([public, private]);
    let (nlb, clb) = ("n.elb.ap-northeast-1.amazonaws.com", "c.ap-northeast-1.elb.amazonaws.com");
    world.services_show = true;
    world.load_balancers = vec![
        ingress("Ingress/a/x", Some("front"), Some(true)),
        ingress("Ingress/b/y", Some("front"), Some(true)),
        ingress("Ingress/b/z", Some(""), Some(false)),
        load_balancer(clb, "Service/a/old", Some("classic"), Some(true)),
        load_balancer(nlb, "Service/a/x", Some("network"), Some(true)),
        load_balancer(nlb, "Service/a/y", Some("network"), Some(true)),
    ];
    world.load_balancers.sort_by(|a, b| (&a.address, &a.object).cmp(&(&b.address, &b.object)));
    let bill = world.bill(JUNE, 2).await;
    near(line(&bill, "load_balancers"), 0.1458); // 0.0243 x 3 x 2
    // Two hours of one address of the node, one of each of two load balancers, two of the third: 0.005 x 5 x 2.
    near(line(&bill, "public_ipv4"), 0.05);
    assert_eq!(line(&bill, "network"), None);
    near(Some(item(&bill, "application load balancers").quantity), 4.0);
    near(Some(item(&bill, "public IPv4 addresses of nodes").quantity), 2.0);
    let of_ingresses = "load balancers of Ingresses follow from their classes and groups";
    // Tokyo's prices are single figures without a date, seen all the same.
    assert_eq!(
        grades(&bill, "load_balancers"),
        [("listed", "quantity seen, price from a public list"), ("inferred", of_ingresses)]
    );
    assert_eq!(grades(&bill, "public_ipv4")[1].0, "inferred");
    assert!(unpriced(&bill, "classic load balancers").is_some(), "no list has Tokyo's");
    assert!(unpriced(&bill, "capacity units").unwrap().contains("no metric of a cluster shows"));
    assert!(!noted(&bill, "load balancers unless assumptions") && !noted(&bill, "public addresses of nodes"));
    // What assumptions count is all of them, those that metrics show among them.
    let counted = "[network]\napplication_load_balancers = 3\npublic_ipv4_addresses = 9\n";
    let counted = world.bill_by(JUNE, 2, counted, PriceBook::catalog().unwrap()).await;
    near(line(&counted, "load_balancers"), 0.1944); // 0.0243 x 4 x 2
    near(line(&counted, "public_ipv4"), 0.09); // 0.005 x 9 x 2
    let given: f64 = bill.allocation.as_ref().unwrap().overhead.iter().map(|row| row.usd).sum();
    assert!(given > 0.1458 + 0.05, "{given}");
}

#[tokio::test]
async fn no_load_balancer_is_zero_where_services_show_and_unknown_where_they_do_not() {
    let plain = World::of([node("a", "m5.xlarge", "us-east-1a")]);
    let old = plain.bill(JUNE, 1).await;
    assert_eq!((line(&old, "load_balancers"), line(&old, "public_ipv4")), (None, None));
    assert!(noted(&old, "kube_service_spec_type") && noted(&old, "kube_node_status_addresses"));
    let mut world = World { services_show: true, ..plain };
    world.nodes[0].public_ipv4_addresses = Some(0);
    let none = world.bill(JUNE, 1).await;
    assert_eq!((line(&none, "load_balancers"), line(&none, "public_ipv4")), (Some(0.0), Some(0.0)));
    assert!(unpriced(&none, "load balancer").is_none() && unpriced(&none, "IPv4").is_none());
    // A Network Load Balancer does not tell by its name whether it is internet-facing, and a Service may wait for one.
    let nlb = "n.elb.us-east-1.amazonaws.com";
    world.load_balancers = vec![
        load_balancer("", "Service/a/waits", None, None),
        load_balancer(nlb, "Service/a/x", Some("network"), None),
    ];
    let unknown = world.bill(JUNE, 1).await;
    assert_eq!(line(&unknown, "public_ipv4"), None);
    assert!(unpriced(&unknown, "public IPv4 addresses of load balancers").unwrap().contains("internet-facing"));
    assert!(unpriced(&unknown, "load balancer without an address").is_some());
    // An address that is none of AWS's.
    world.load_balancers = vec![load_balancer("192.0.2.7", "Service/a/home", None, None)];
    let home = world.bill(JUNE, 1).await;
    assert!(unpriced(&home, "load balancer of unknown type").unwrap().contains("none of AWS's"));
    assert_eq!((line(&home, "load_balancers"), line(&home, "public_ipv4")), (None, Some(0.0)));
}

#[tokio::test]
async fn ingresses_that_show_no_group_have_one_load_balancer_a_class_at_least() {
    let mut world = World::of([node("a", "m5.xlarge", "us-east-1a")]);
    world.services_show = true;
    world.load_balancers = ["x", "y", "z"].map(|name| ingress(&format!("Ingress/a/{name}"), None, None)).to_vec();
    let bill = world.bill(JUNE, 2).await;
    near(line(&bill, "load_balancers"), 0.045); // 0.0225 x 1 x 2
    assert_eq!(grades(&bill, "load_balancers")[0].0, "inferred");
    let further = bill.scenarios[0].unpriced.iter().find(|row| row.what.contains("further Ingresses")).unwrap();
    near(Some(further.quantity), 4.0);
    assert!(further.reason.contains("alb.ingress.kubernetes.io/group.name"));
}

#[tokio::test]
async fn a_volume_on_an_outpost_has_no_price_of_the_region() {
    let rack = NodeHour { compute_type: "outpost".to_owned(), ..node("a", "m5.xlarge", "us-west-2a") };
    let of = |claim: &str, on_outpost: Option<bool>| VolumeHour { on_outpost, ..volume(claim, "us-west-2a", 730) };
    let mut world = World::of([rack, node("b", "m5.xlarge", "us-west-2a")]);
    // Of one that no pod mounts nobody knows where it is.
    world.volumes = vec![of("here", Some(false)), of("there", Some(true)), of("unmounted", None)];
    let bill = world.bill(JUNE, 1).await;
    near(line(&bill, "volumes"), 0.08); // 730 GiB x 0.08 / 730
    let lines = &bill.scenarios[0].unpriced;
    let on_rack: Vec<_> = lines.iter().filter(|row| row.what == "volume of gp3").collect();
    assert_eq!(on_rack.len(), 1);
    near(Some(on_rack[0].quantity), 2.0);
    assert!(on_rack[0].reason.contains("paid for by the term"), "{}", on_rack[0].reason);
    let own =
        "[[volume]]\nregion = \"us-west-2-outpost\"\nvolume_type = \"gp3\"\nusd_per_gib_month = 0.01\nunusual = true\n";
    let own = PriceBook::catalog().unwrap().with_user_toml(own).unwrap();
    near(line(&world.bill_by(JUNE, 1, "", own).await, "volumes"), 0.1);
    // Without an Outpost a volume that no pod mounts is the region's, as it was.
    let region = World { nodes: vec![node("b", "m5.xlarge", "us-west-2a")], ..world };
    near(line(&region.bill(JUNE, 1).await, "volumes"), 0.24);
}

/// Stockholm, a day: three machines with disks, a volume with IOPS, a NAT gateway.
#[tokio::test]
async fn a_cluster_in_stockholm_costs_what_paper_says() {
    let mut world = World::of(["a", "b", "c"].map(|name| node(name, "m5.xlarge", "eu-north-1a")));
    world.nodes.iter_mut().for_each(|node| node.root_disk_bytes = Some(80 * GIB));
    world.volumes = vec![VolumeHour { iops: Some(4000), ..volume("data", "eu-north-1a", 500) }];
    let bill = world.bill_by(JUNE, 24, "network.nat_gateways = 1", PriceBook::catalog().unwrap()).await;
    near(line(&bill, "compute"), 14.688); // 3 x 0.204 x 24
    near(line(&bill, "root_disks"), 240.0 * 0.0836 * 24.0 / MONTH);
    near(line(&bill, "volumes"), (500.0 * 0.0836 + 1000.0 * 0.0052) * 24.0 / MONTH);
    near(line(&bill, "control_plane"), 2.4); // 0.10 x 24
    near(line(&bill, "network"), 1.104); // 0.046 x 24
    // 14.688 + 0.659638356 + 1.545205479 + 2.4 + 1.104
    near(bill.scenarios[0].cost_usd.total, 20.396_843_835_6);
    assert_eq!((bill.currency.as_str(), bill.region.as_deref()), ("USD", Some("eu-north-1")));
}

/// Bangkok, two hours: machines of two architectures, a pod on Fargate, an EFS claim, three public addresses. Of EBS no
/// list of the region is known.
#[tokio::test]
async fn a_cluster_in_bangkok_costs_what_paper_says_and_its_disks_are_unknown() {
    let zone = "ap-southeast-7a";
    let arm = NodeHour { arch: Some("arm64".to_owned()), ..node("b", "m7g.2xlarge", zone) };
    let fargate = NodeHour {
        instance_type: None,
        capacity_type: None,
        compute_type: "fargate".to_owned(),
        fargate_provisioned: Some("2vCPU 4GB".to_owned()),
        ..node("fargate-1", "", zone)
    };
    let mut world = World::of([node("a", "m7i.2xlarge", zone), arm, fargate]);
    world.nodes[0].root_disk_bytes = Some(80 * GIB);
    world.pods = vec![PodHour {
        pod_uid: "uid-1".to_owned(),
        namespace: "shop".to_owned(),
        pod: "web-1".to_owned(),
        node: "fargate-1".to_owned(),
        workload_kind: "Deployment".to_owned(),
        workload: "web".to_owned(),
        alive_seconds_by_slot: [Some(300); 12],
        cpu_effective_request_millicores: Some(1500),
        memory_effective_request_bytes: Some(3 * GIB),
        ..PodHour::default()
    }];
    let efs = VolumeHour {
        volume_id: None,
        volume_type: None,
        storage_class: Some("efs".to_owned()),
        ..volume("f", zone, 9)
    };
    world.volumes = vec![VolumeHour { used_max_bytes: Some(146 * GIB), ..efs }, volume("data", zone, 100)];
    let bill = world.bill_by(JUNE, 2, "network.public_ipv4_addresses = 3", PriceBook::catalog().unwrap()).await;
    near(line(&bill, "compute"), 1.5504); // (0.4284 + 0.3468) x 2
    near(line(&bill, "fargate"), 0.221_832); // (2 x 0.045504 + 4 x 0.004977) x 2
    near(line(&bill, "volumes"), 0.1296); // 146 x 0.324 / 730 x 2
    near(line(&bill, "control_plane"), 0.2);
    near(line(&bill, "public_ipv4"), 0.03); // 3 x 0.005 x 2
    near(bill.scenarios[0].cost_usd.total, 2.131_832);
    // Fargate's node is no EC2 node.
    let hour = &bill.utilisation.hourly[0];
    near(Some(hour.nodes), 3.0);
    near(hour.ec2_nodes, 2.0);
    assert_eq!(line(&bill, "root_disks"), None);
    assert!(unpriced(&bill, "root disk").unwrap().contains("no price of gp3 in ap-southeast-7"));
    assert!(unpriced(&bill, "volume of gp3").unwrap().contains("no price of gp3 in ap-southeast-7"));
}

/// Beijing, ten hours, in yuan. Of EBS and the control plane no list is known, and no dollar price stands in for them.
#[tokio::test]
async fn a_cluster_in_beijing_costs_yuan() {
    let mut world = World::of([node("a", "m5.2xlarge", "cn-north-1a"), node("b", "c5.xlarge", "cn-north-1b")]);
    world.nodes[0].root_disk_bytes = Some(80 * GIB);
    world.volumes = vec![volume("data", "cn-north-1a", 100)];
    let catalog = || PriceBook::catalog().unwrap();
    let bill = world.bill(JUNE, 10).await;
    assert_eq!(bill.currency, "CNY");
    near(line(&bill, "compute"), 55.32); // (4.053 + 1.479) x 10
    near(bill.scenarios[0].cost_usd.total, 55.32);
    assert_eq!((line(&bill, "control_plane"), line(&bill, "root_disks"), line(&bill, "volumes")), (None, None, None));
    assert!(unpriced(&bill, "EKS control plane").is_some());
    // A prices file in dollars says nothing of yuan; one in yuan does.
    let rows = "[control_plane]\nusd_per_hour = 0.688\n[[node]]\ninstance_type = \"c5.xlarge\"\nusd_per_hour = 1.2\n";
    let dollars = catalog().with_user_toml("[[node]]\ninstance_type = \"c5.xlarge\"\nusd_per_hour = 0.15\n").unwrap();
    let aside = world.bill_by(JUNE, 10, "", dollars).await;
    near(line(&aside, "compute"), 55.32);
    assert!(noted(&aside, "stand aside: AWS bills cn-north-1 in CNY"));
    let yuan = catalog().with_user_toml(&format!("currency = \"CNY\"\n{rows}")).unwrap();
    let mine = world.bill_by(JUNE, 10, "", yuan).await;
    near(line(&mine, "compute"), 52.53); // (4.053 + 1.2) x 10
    near(line(&mine, "control_plane"), 6.88);
    near(mine.scenarios[0].cost_usd.total, 59.41);
    // A list of the region in yuan is taken, one in dollars is refused.
    let list = "kind,region,name,plan,usd,unit,date,source,currency\nitem,cn-north-1,ebs.gp3,,0.5312,GiB-month,2026-06-01,AWS price list AmazonEC2,CNY\n";
    let priced = world.bill_by(JUNE, 10, "", catalog().with_list(list).unwrap()).await;
    near(line(&priced, "volumes"), 100.0 * 0.5312 * 10.0 / MONTH);
    let refused = catalog().with_list(&list.replace("CNY", "USD")).unwrap_err().to_string();
    assert!(refused.contains("is in USD, and AWS lists that region in CNY"), "{refused}");
    let error = catalog().with_user_toml("currency = \"EUR\"\n").unwrap_err().to_string();
    assert!(error.contains("`EUR` is no currency in which AWS lists prices"), "{error}");
}
