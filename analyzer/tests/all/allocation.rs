//! The bill is given out whole: the identity, on random clusters, at every level.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour, VolumeHour};
use lake::{HourOrigin, HourRows, Lake};
use proptest::prelude::*;
use types::analysis::{Allocation, Analysis, Shares};
use types::{ClusterId, Hour};

const START: i64 = 1_782_864_000;
const GIB: i64 = 1 << 30;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

fn cluster() -> ClusterId {
    "prod-1".parse().unwrap()
}

/// A node of some kind: priced or not, of known capacity or not, there for a part of the hour.
fn node() -> impl Strategy<Value = NodeHour> {
    let kind = (0..6_usize, 0..3_usize, prop::option::of(0..2_usize), 0..3_usize);
    let life = (0..3600_i64, 0..=3600_i64);
    let size = (prop::option::weighted(0.95, 1..64_i32), 1..256_i64, 0..2_000_i32);
    (kind, life, size, any::<bool>()).prop_map(
        |((kind, zone, group, capacity), (from, to), (cores, gib, kept), new)| {
            let (from, to) = (from.min(to), from.max(to));
            let instance_type = ["m5.4xlarge", "r5.large", "c6g.xlarge", "m99.large", "", "i3.metal"][kind];
            NodeHour {
                instance_type: Some(instance_type.to_owned()).filter(|name| !name.is_empty()),
                instance_type_source: "label".to_owned(),
                region: Some("us-east-1".to_owned()),
                zone: Some(["us-east-1a", "us-east-1b", "us-east-1c"][zone].to_owned()),
                capacity_type: [Some("on-demand"), Some("spot"), None][capacity].map(ToOwned::to_owned),
                compute_type: ["ec2", "ec2", "auto", "ec2", "fargate", "hybrid"][kind].to_owned(),
                node_group: group.map(|group| format!("group-{group}")),
                arch: Some("amd64".to_owned()),
                os: Some("linux".to_owned()),
                cpu_capacity_millicores: cores.map(|cores| cores * 1000),
                cpu_allocatable_millicores: cores.map(|cores| cores * 1000 - kept.min(cores * 1000)),
                memory_capacity_bytes: Some(gib * GIB),
                memory_allocatable_bytes: Some(gib * GIB - GIB / 2),
                root_disk_bytes: Some(50 * GIB + gib),
                created_seconds: new.then_some(START + from),
                first_seen_seconds: from,
                last_seen_seconds: to,
                up_seconds: i32::try_from(to - from).unwrap(),
                ..NodeHour::default()
            }
        },
    )
}

/// A pod with a container: on a node that is there or not, a daemonset or not, that may use more than a node has.
fn pod() -> impl Strategy<Value = (PodHour, ContainerHour, bool)> {
    let names = (0..4_usize, 0..4_usize, 0..7_usize);
    let requests = (prop::option::of(0..20_000_i32), prop::option::of(0..64 * GIB));
    let used = (prop::option::of(0..400_000_000_i64), prop::option::of(0..(1_i64 << 40)));
    let means = prop::option::of(prop::array::uniform12(prop::option::of(0..64_000_i32)));
    (names, requests, used, means, prop::array::uniform12(0..=300_i32), any::<bool>()).prop_map(
        |((namespace, workload, node), requests, used, means, alive, mounts)| {
            let pod = PodHour {
                namespace: format!("ns-{namespace}"),
                node: format!("node-{node}"),
                workload_kind: ["Deployment", "DaemonSet", "StatefulSet", "Job"][workload].to_owned(),
                workload: format!("w-{workload}"),
                alive_seconds_by_slot: alive.map(Some),
                cpu_effective_request_millicores: requests.0,
                memory_effective_request_bytes: requests.1,
                labels: Some(vec![format!("team=t{}", workload % 2), "tier=x".to_owned()]),
                ..PodHour::default()
            };
            let container = ContainerHour {
                container: "c".to_owned(),
                namespace: pod.namespace.clone(),
                container_kind: "app".to_owned(),
                cpu_core_milliseconds: used.0,
                memory_kib_seconds: used.1,
                cpu_mean_millicores_by_slot: means,
                ..ContainerHour::default()
            };
            (pod, container, mounts)
        },
    )
}

/// Some hours of one random cluster.
fn hours() -> impl Strategy<Value = Vec<HourRows>> {
    let one = (prop::collection::vec(node(), 0..6), prop::collection::vec(pod(), 0..12), 0..4_usize);
    prop::collection::vec(one, 1..4).prop_map(|hours| {
        hours.into_iter().enumerate().map(|(n, (nodes, pods, volumes))| rows(n, nodes, pods, volumes)).collect()
    })
}

fn rows(n: usize, nodes: Vec<NodeHour>, pods: Vec<(PodHour, ContainerHour, bool)>, volumes: usize) -> HourRows {
    let start = hour(i64::try_from(n).unwrap()).start_seconds();
    let mut rows = HourRows::default();
    for (i, node) in nodes.into_iter().enumerate() {
        rows.nodes.push(NodeHour {
            hour_start_seconds: start,
            node: format!("node-{i}"),
            provider_id: format!("aws:///us-east-1a/i-{i}"),
            first_seen_seconds: start + node.first_seen_seconds,
            last_seen_seconds: start + node.last_seen_seconds,
            ..node
        });
    }
    let claim = |i: usize| format!("claim-{}", i % 3);
    for (i, (pod, container, mounts)) in pods.into_iter().enumerate() {
        let pod_uid = format!("uid-{i:02}");
        rows.containers.push(ContainerHour { hour_start_seconds: start, pod_uid: pod_uid.clone(), ..container });
        let volume_claims = if mounts { vec![claim(i)] } else { Vec::new() };
        rows.pods.push(PodHour { hour_start_seconds: start, pod_uid, pod: format!("p{i}"), volume_claims, ..pod });
    }
    for i in 0..volumes {
        rows.volumes.push(VolumeHour {
            hour_start_seconds: start,
            namespace: format!("ns-{i}"),
            volume_claim: claim(i),
            zone: Some("us-east-1a".to_owned()),
            volume_type: Some(["gp3", "io1", "gp9"][i % 3].to_owned()),
            iops: Some(4000),
            capacity_bytes: Some(100 * GIB + 7),
            present_seconds: 3600,
            ..VolumeHour::default()
        });
    }
    rows
}

fn analysis(hours: &[HourRows], prices: &str, sharing: &Sharing, compacted: bool) -> Analysis {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let lake = Lake::new(Arc::new(MemoryStore::default()));
        for (n, rows) in hours.iter().enumerate() {
            let hour = hour(i64::try_from(n).unwrap());
            lake.write_hour(&cluster(), hour, rows.clone(), HourOrigin::generator()).await.unwrap();
        }
        if compacted {
            let policy =
                lake::Compaction { delete_hours_after: Some(chrono::TimeDelta::zero()), ..lake::Compaction::default() };
            lake.compact(&cluster(), policy, hour(24 * 30).start(), &mut |_, _, _| {}).await.unwrap();
        }
        let request = Request {
            cluster: cluster(),
            window: None,
            assumptions: Assumptions::default(),
            prices: PriceBook::catalog().unwrap().with_user_toml(prices).unwrap(),
            sharing: sharing.clone(),
            profile: None,
            bill_only: false,
        };
        analyze(&lake, request, |_, _| {}).await.unwrap()
    })
}

fn nanos(text: &str) -> i128 {
    text.parse().unwrap()
}

/// The identity, in whole nano-dollars.
fn check_identity(shares: &Shares) {
    let [total, workloads, overhead, idle, oversubscribed, residual] = [
        &shares.total_nano_usd,
        &shares.workloads_nano_usd,
        &shares.overhead_nano_usd,
        &shares.idle_nano_usd,
        &shares.oversubscribed_nano_usd,
        &shares.residual_nano_usd,
    ]
    .map(|text| nanos(text));
    assert_eq!(total, workloads + overhead + idle - oversubscribed + residual, "{shares:?}");
    assert!(workloads >= 0 && overhead >= 0 && idle >= 0 && oversubscribed >= 0, "{shares:?}");
}

/// Every roll-up holds the same money.
fn check(allocation: &Allocation) {
    check_identity(&allocation.total);
    let total = &allocation.total;
    for groups in [&allocation.by_node_group, &allocation.by_zone] {
        groups.iter().for_each(|group| check_identity(&group.shares));
        let sum = |of: fn(&Shares) -> &String| groups.iter().map(|group| nanos(of(&group.shares))).sum::<i128>();
        assert_eq!(sum(|shares| &shares.total_nano_usd), nanos(&total.total_nano_usd));
        assert_eq!(sum(|shares| &shares.workloads_nano_usd), nanos(&total.workloads_nano_usd));
        assert_eq!(sum(|shares| &shares.idle_nano_usd), nanos(&total.idle_nano_usd));
        assert_eq!(sum(|shares| &shares.oversubscribed_nano_usd), nanos(&total.oversubscribed_nano_usd));
    }
    let workloads = nanos(&total.workloads_nano_usd);
    let daemonsets = |row: &&types::analysis::WorkloadCost| row.overhead;
    let of_workloads = |overhead: bool| -> i128 {
        let rows = allocation.by_workload.iter().filter(|row| daemonsets(row) == overhead);
        rows.map(|row| nanos(&row.workload_nano_usd)).sum()
    };
    assert_eq!(of_workloads(false), workloads);
    for row in &allocation.by_workload {
        let on_demand = row.on_demand_usd.unwrap();
        assert!(on_demand >= 0.0 && on_demand <= row.cpu_usd + row.memory_usd + 1e-8, "{row:?}");
    }
    let namespaces = &allocation.by_namespace;
    assert_eq!(namespaces.iter().map(|row| nanos(&row.workload_nano_usd)).sum::<i128>(), workloads);
    assert_eq!(namespaces.iter().map(|row| nanos(&row.daemonset_nano_usd)).sum::<i128>(), of_workloads(true));
    let overhead: i128 = allocation.overhead.iter().map(|row| nanos(&row.nano_usd)).sum();
    assert_eq!(overhead, nanos(&total.overhead_nano_usd));
    let mut labels: Vec<_> = allocation.by_label.iter().map(|row| &row.label).collect();
    labels.dedup();
    for label in labels {
        let rows = allocation.by_label.iter().filter(|row| row.label == *label);
        assert_eq!(rows.map(|row| nanos(&row.workload_nano_usd)).sum::<i128>(), workloads, "{label}");
    }
    assert_eq!(allocation.residual_causes.is_empty(), nanos(&total.residual_nano_usd) == 0);
}

const COMMITTED: &str = r#"
[discount]
edp_fraction = 0.07

[[commitment]]
name = "any"
kind = "compute-savings-plan"
usd_per_hour = 0.9
discount_fraction = 0.25

[[licence]]
name = "agent"
usd_per_node_hour = 0.011

[[node]]
node = "node-2"
usd_per_hour = 0.5
"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_identity_holds_exactly_at_every_level(hours in hours(), committed in any::<bool>()) {
        let sharing = Sharing {
            shared_namespaces: vec!["ns-0".to_owned()],
            labels: vec!["team".to_owned(), "absent".to_owned()],
        };
        let analysis = analysis(&hours, if committed { COMMITTED } else { "" }, &sharing, false);
        let allocation = analysis.allocation.as_ref().unwrap();
        check(allocation);
        let today = &analysis.scenarios[0];
        let total = today.cost_usd.total.unwrap_or_default();
        prop_assert!((total - allocation.total.total_usd).abs() < 1e-9 * total.max(1.0));
        let evidence = analysis.evidence.as_ref().unwrap();
        let graded = evidence.measured_usd + evidence.listed_usd + evidence.inferred_usd + evidence.assumed_usd;
        prop_assert!((graded - total).abs() < 1e-6, "{graded} of {total}");
    }

    #[test]
    fn neither_the_order_of_rows_nor_compaction_changes_a_byte(hours in hours(), turn in 0..1000_usize) {
        let sharing = Sharing { shared_namespaces: Vec::new(), labels: vec!["team".to_owned()] };
        let plain = analysis(&hours, COMMITTED, &sharing, false);
        let mut turned = hours.clone();
        for rows in &mut turned {
            let by = |n: usize| if n == 0 { 0 } else { turn % n };
            let (pods, nodes) = (by(rows.pods.len()), by(rows.nodes.len()));
            rows.pods.rotate_left(pods);
            rows.containers.reverse();
            rows.nodes.rotate_left(nodes);
            rows.volumes.reverse();
        }
        let turned = analysis(&turned, COMMITTED, &sharing, true);
        prop_assert_eq!(serde_json::to_string(&plain).unwrap(), serde_json::to_string(&turned).unwrap());
    }
}

/// Two nodes of 16 cores and 64 GiB for an hour; 12 cores and 32 GiB requested on one, with a daemonset on both.
fn known() -> HourRows {
    let start = hour(0).start_seconds();
    let node = |n: usize| NodeHour {
        hour_start_seconds: start,
        node: format!("node-{n}"),
        provider_id: format!("aws:///us-east-1a/i-{n}"),
        instance_type: Some("m5.4xlarge".to_owned()),
        instance_type_source: "label".to_owned(),
        region: Some("us-east-1".to_owned()),
        zone: Some("us-east-1a".to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: "ec2".to_owned(),
        node_group: Some("general".to_owned()),
        os: Some("linux".to_owned()),
        cpu_capacity_millicores: Some(16_000),
        memory_capacity_bytes: Some(64 * GIB),
        cpu_allocatable_millicores: Some(15_000),
        memory_allocatable_bytes: Some(60 * GIB),
        first_seen_seconds: start,
        last_seen_seconds: start + 3600,
        up_seconds: 3600,
        ..NodeHour::default()
    };
    let pod = |n: usize, node: usize, kind: &str, cores: i32, gib: i64| PodHour {
        hour_start_seconds: start,
        pod_uid: format!("uid-{n}"),
        pod: format!("p{n}"),
        namespace: if kind == "DaemonSet" { "kube-system" } else { "shop" }.to_owned(),
        node: format!("node-{node}"),
        workload_kind: kind.to_owned(),
        workload: format!("{kind}-{n}"),
        alive_seconds_by_slot: [Some(300); 12],
        cpu_effective_request_millicores: Some(cores * 1000),
        memory_effective_request_bytes: Some(gib * GIB),
        ..PodHour::default()
    };
    HourRows {
        nodes: vec![node(0), node(1)],
        pods: vec![pod(0, 0, "Deployment", 12, 32), pod(1, 0, "DaemonSet", 1, 1), pod(2, 1, "DaemonSet", 1, 1)],
        ..HourRows::default()
    }
}

#[test]
fn a_small_cluster_is_given_out_as_by_hand() {
    let analysis = analysis(&[known()], "", &Sharing::default(), false);
    let allocation = analysis.allocation.unwrap();
    check(&allocation);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} and {b}");
    // A node costs 0.768; 16 cores at 7.46 against 64 GiB at 1.
    let (cpu, memory) = (0.768 * 16.0 * 7.46 / (16.0 * 7.46 + 64.0), 0.768 * 64.0 / (16.0 * 7.46 + 64.0));
    near(allocation.total.workloads_usd, cpu * 12.0 / 16.0 + memory * 32.0 / 64.0);
    let overhead = |what: &str| allocation.overhead.iter().find(|row| row.what.starts_with(what)).unwrap().usd;
    near(overhead("daemonsets"), 2.0 * (cpu / 16.0 + memory / 64.0));
    near(overhead("capacity kept"), 2.0 * (cpu / 16.0 + memory * 4.0 / 64.0));
    near(overhead("control plane"), 0.10);
    near(allocation.total.idle_usd, cpu * (2.0 + 14.0) / 16.0 + memory * (27.0 + 59.0) / 64.0);
    assert_eq!((allocation.total.oversubscribed_usd, allocation.total.residual_usd), (0.0, 0.0));
    assert_eq!(allocation.by_namespace[0].namespace, "shop");
    near(allocation.by_namespace[0].cpu_request_core_hours, 12.0);
}

#[test]
fn what_a_workload_costs_on_demand_is_told_from_what_it_costs_on_spot() {
    let mut rows = known();
    // A job that runs on both nodes alike, one of which is spot.
    let job = |n: usize| {
        let mut pod = known().pods[0].clone();
        (pod.pod_uid, pod.pod) = (format!("uid-job-{n}"), format!("job-{n}"));
        (pod.workload_kind, pod.workload) = ("CronJob".to_owned(), "job".to_owned());
        (pod.cpu_effective_request_millicores, pod.memory_effective_request_bytes) = (Some(2_000), Some(8 * GIB));
        pod.node = format!("node-{n}");
        pod
    };
    rows.pods.extend([job(0), job(1)]);
    let on_demand = |rows: HourRows, name: &str| {
        let allocation = analysis(&[rows], "", &Sharing::default(), false).allocation.unwrap();
        check(&allocation);
        let row = allocation.by_workload.iter().find(|row| row.workload == name).unwrap();
        (row.on_demand_usd.unwrap(), row.cpu_usd + row.memory_usd)
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} and {b}");
    let (both, all) = on_demand(rows.clone(), "job");
    near(both, all);
    rows.nodes[1].capacity_type = Some("spot".to_owned());
    let (one, _) = on_demand(rows.clone(), "job");
    near(one, both / 2.0);
    let (service, all) = on_demand(rows, "Deployment-0");
    near(service, all);
}

#[test]
fn use_beyond_capacity_is_paid_by_its_workload_and_counted_as_oversubscribed() {
    let mut rows = known();
    // 20 cores on a node of 16, in every slot.
    rows.containers.push(ContainerHour {
        hour_start_seconds: hour(0).start_seconds(),
        pod_uid: "uid-0".to_owned(),
        container: "c".to_owned(),
        namespace: "shop".to_owned(),
        container_kind: "app".to_owned(),
        cpu_core_milliseconds: Some(20_000 * 3600),
        ..ContainerHour::default()
    });
    let allocation = analysis(&[rows], "", &Sharing::default(), false).allocation.unwrap();
    check(&allocation);
    let cpu = 0.768 * 16.0 * 7.46 / (16.0 * 7.46 + 64.0);
    assert!((allocation.total.oversubscribed_usd - cpu * 5.0 / 16.0).abs() < 1e-8, "{:?}", allocation.total);
}

#[test]
fn a_shared_namespace_is_paid_by_the_others_in_proportion() {
    let mut rows = known();
    rows.pods[0].namespace = "platform".to_owned();
    let mut more = known().pods[0].clone();
    for (n, (namespace, cores)) in [("a", 3), ("b", 1)].into_iter().enumerate() {
        more.pod_uid = format!("uid-{}", n + 3);
        more.namespace = namespace.to_owned();
        more.node = "node-1".to_owned();
        more.cpu_effective_request_millicores = Some(cores * 1000);
        more.memory_effective_request_bytes = Some(i64::from(cores) * GIB);
        rows.pods.push(more.clone());
    }
    let sharing = Sharing { shared_namespaces: vec!["platform".to_owned(), "typo".to_owned()], labels: Vec::new() };
    let analysis = analysis(&[rows], "", &sharing, false);
    let allocation = analysis.allocation.unwrap();
    check(&allocation);
    let shared = |name: &str| allocation.by_namespace.iter().find(|row| row.namespace == name).unwrap().shared_usd;
    assert!((shared("a") / shared("b") - 3.0).abs() < 1e-6);
    assert_eq!(allocation.by_namespace.iter().find(|row| row.namespace == "platform").unwrap().workload_usd, 0.0);
    assert_eq!(allocation.shared_namespaces, ["platform"]);
    assert!(analysis.notes.iter().any(|note| note.text.contains("`typo`")));
}

#[test]
fn a_volume_belongs_to_who_mounts_it_and_is_idle_where_nobody_does() {
    let mut rows = known();
    let volume = |claim: &str| VolumeHour {
        hour_start_seconds: hour(0).start_seconds(),
        namespace: "shop".to_owned(),
        volume_claim: claim.to_owned(),
        zone: Some("us-east-1a".to_owned()),
        volume_type: Some("gp3".to_owned()),
        capacity_bytes: Some(730 * GIB),
        present_seconds: 3600,
        ..VolumeHour::default()
    };
    let without = analysis(&[rows.clone()], "", &Sharing::default(), false).allocation.unwrap();
    rows.volumes = vec![volume("mounted"), volume("left-behind")];
    rows.pods[0].volume_claims = vec!["mounted".to_owned()];
    let allocation = analysis(&[rows], "", &Sharing::default(), false).allocation.unwrap();
    check(&allocation);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} and {b}");
    near(allocation.total.workloads_usd - without.total.workloads_usd, 0.08);
    near(allocation.total.idle_usd - without.total.idle_usd, 0.08);
    let shop = allocation.by_workload.iter().find(|row| row.workload == "Deployment-0").unwrap();
    near(shop.volume_usd, 0.08);
}
