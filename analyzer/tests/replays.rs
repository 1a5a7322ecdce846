//! Replays over a whole lake: what they must agree on, and what they conclude of clusters whose answer is known.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use chrono::TimeDelta;
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{Compaction, HourOrigin, HourRows, Lake};
use types::analysis::{Analysis, Scenario};
use types::{Hour, Window};

const START: i64 = 1_782_864_000;
const GIB: i64 = 1 << 30;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

fn request() -> Request {
    Request {
        cluster: "c1".parse().unwrap(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
    }
}

async fn lake_with(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> Lake {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for (hour, rows) in hours {
        lake.write_hour(&"c1".parse().unwrap(), hour, rows, HourOrigin::generator()).await.unwrap();
    }
    lake
}

async fn analysis(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> Analysis {
    analyze(&lake_with(hours).await, request(), |_, _| {}).await.unwrap()
}

fn scenario<'a>(analysis: &'a Analysis, id: &str) -> &'a Scenario {
    analysis.scenarios.iter().find(|scenario| scenario.id == id).unwrap_or_else(|| panic!("no `{id}`"))
}

/// How full of requests nodes are, and how busy.
#[derive(Clone, Copy)]
struct Load {
    nodes: usize,
    pods_per_node: usize,
    request_millicores: i32,
    request_gib: i64,
    used_millicores: i32,
    used_mib: i32,
    arch: &'static str,
    instance_type: &'static str,
}

/// Requests fill the nodes, and next to nothing is used.
const RESERVED: Load = Load {
    nodes: 15,
    pods_per_node: 7,
    request_millicores: 2000,
    request_gib: 8,
    used_millicores: 120,
    used_mib: 1024,
    arch: "amd64",
    instance_type: "m5.4xlarge",
};

fn rows(load: Load, at: Hour) -> HourRows {
    let mut rows = HourRows::default();
    let zone = |n: usize| format!("us-east-1{}", ["a", "b", "c"][n % 3]);
    for n in 0..load.nodes {
        rows.nodes.push(NodeHour {
            hour_start_seconds: at.start_seconds(),
            node: format!("node-{n:02}"),
            provider_id: format!("aws:///{}/i-{n}", zone(n)),
            instance_type: Some(load.instance_type.to_owned()),
            instance_type_source: "label".to_owned(),
            region: Some("us-east-1".to_owned()),
            zone: Some(zone(n)),
            capacity_type: Some("on-demand".to_owned()),
            compute_type: "ec2".to_owned(),
            arch: Some(load.arch.to_owned()),
            os: Some("linux".to_owned()),
            cpu_capacity_millicores: Some(16_000),
            memory_capacity_bytes: Some(64 * GIB),
            cpu_allocatable_millicores: Some(15_890),
            memory_allocatable_bytes: Some(57 * GIB),
            first_seen_seconds: at.start_seconds(),
            last_seen_seconds: at.end_seconds(),
            up_seconds: 3600,
            ..NodeHour::default()
        });
        for p in 0..load.pods_per_node {
            let pod_uid = format!("{:032x}", 1 + n * 100 + p);
            rows.pods.push(PodHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid: pod_uid.clone(),
                namespace: ["shop", "search", "data"][p % 3].to_owned(),
                pod: format!("pod-{n}-{p}"),
                node: format!("node-{n:02}"),
                workload_kind: "Deployment".to_owned(),
                workload: format!("app-{p}"),
                alive_seconds_by_slot: [Some(300); 12],
                cpu_effective_request_millicores: Some(load.request_millicores),
                memory_effective_request_bytes: Some(load.request_gib * GIB),
                ..PodHour::default()
            });
            rows.containers.push(ContainerHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid,
                container: "app".to_owned(),
                namespace: ["shop", "search", "data"][p % 3].to_owned(),
                container_kind: "app".to_owned(),
                running_seconds: Some(3600),
                cpu_core_milliseconds: Some(i64::from(load.used_millicores) * 3600),
                memory_kib_seconds: Some(i64::from(load.used_mib) * 1024 * 3600),
                cpu_mean_millicores_by_slot: Some([Some(load.used_millicores); 12]),
                memory_mean_mib_by_slot: Some([Some(load.used_mib); 12]),
                memory_max_mib_by_slot: Some([Some(load.used_mib); 12]),
                ..ContainerHour::default()
            });
        }
    }
    rows
}

async fn of(load: Load, hours: i64) -> Analysis {
    analysis((0..hours).map(|n| (hour(n), rows(load, hour(n))))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_replay_must_agree_on() {
    let window = Window::try_new(hour(0).start(), hour(80).start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let all = analysis((0..80).map(|n| (hour(n), cluster.hour_rows(hour(n))))).await;
    let today = scenario(&all, "ec2-today");
    let replayed: Vec<_> = all.scenarios.iter().filter(|scenario| scenario.risk.is_some()).collect();
    for id in
        ["ec2-today-replayed", "ec2-repacked-karpenter", "ec2-repacked", "ec2-rightsized", "emp", "emp-rightsized"]
    {
        assert!(replayed.iter().any(|scenario| scenario.id == id), "{id}");
    }
    for scenario in &replayed {
        let id = &scenario.id;
        let compute = scenario.cost_usd.compute.unwrap();
        assert!(compute >= scenario.lower_bound_usd.unwrap(), "{id} is cheaper than is possible");
        for line in ["fargate", "volumes", "control_plane", "auto_mode", "network"] {
            let of = |s: &Scenario| s.cost_usd.lines().into_iter().find(|(name, _)| *name == line).unwrap().1;
            assert_eq!(of(scenario), of(today), "{id}: {line} depends on machines");
        }
        assert_eq!(scenario.by_hour.len(), 80, "{id}");
        assert!(scenario.risk.as_ref().unwrap().served_fraction > 0.99, "{id}");
        let billed: f64 = scenario.machine_hours.iter().filter_map(|row| row.cost_usd).sum();
        assert!((billed - compute).abs() < 1e-6 * compute, "{id}: machines cost {billed}, the line says {compute}");
        if !id.starts_with("emp") {
            assert_eq!((scenario.cost_usd.fee, scenario.cost_usd.pool_network), (Some(0.0), Some(0.0)), "{id}");
        }
    }
    let chosen: Vec<_> = all.hosts_considered.iter().filter(|host| host.chosen).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(all.hosts_considered.iter().filter(|host| host.total_usd.is_some()).count(), 10);
    assert!(all.hosts_considered.is_sorted_by_key(|host| host.lower_bound_usd.map(f64::to_bits)));
    let plan = all.plan.as_ref().unwrap();
    assert_eq!(plan.host_type, chosen[0].instance_type);
    let marginal: f64 = plan.waves.iter().filter_map(|wave| wave.marginal_saving_usd).sum();
    let last = plan.waves.last().unwrap();
    assert!((marginal - last.saving_usd.unwrap()).abs() < 1e-6, "steps add up to {marginal}");
    // Everything has moved in the last step, so it is the scenario itself.
    assert_eq!(last.total_usd, scenario(&all, "emp").cost_usd.total);
    let grid = &all.what_if.as_ref().unwrap().grid;
    let documented = grid.iter().find(|point| (point.memory_overcommit, point.cpu_overcommit) == (1.5, 3.0)).unwrap();
    assert_eq!(documented.total_usd, scenario(&all, "emp").cost_usd.total);
    assert!(all.model_optimism.is_some_and(|ratio| (0.3..1.5).contains(&ratio)), "{:?}", all.model_optimism);
    // What stays says why, and daemons are on every machine.
    let stays = |why: &str| all.movability.iter().any(|row| row.verdict == "stays" && row.reason.contains(why));
    assert!(stays("arm64") && stays("on every node"));
    // The recommendation is the cheapest of those that hold the target.
    let holds = |s: &&&Scenario| {
        let risk = s.risk.as_ref().unwrap();
        risk.holds_target && risk.served_fraction >= 0.9995 && !s.id.contains("karpenter") && !s.id.contains("today")
    };
    let cheapest =
        replayed.iter().filter(holds).min_by(|a, b| a.cost_usd.total.unwrap().total_cmp(&b.cost_usd.total.unwrap()));
    let cheaper = cheapest.filter(|scenario| scenario.cost_usd.total.unwrap() < today.cost_usd.total.unwrap());
    assert_eq!(all.verdict.recommendation.as_deref(), Some(cheaper.map_or("ec2-today", |scenario| &scenario.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_hours_give_the_same_bytes_compacted_or_not() {
    let window = Window::try_new(hour(0).start(), hour(30).start()).unwrap();
    let cluster = Cluster::generate(3, window);
    let lake = lake_with((0..30).map(|n| (hour(n), cluster.hour_rows(hour(n))))).await;
    let text = |analysis: &Analysis| serde_json::to_string(analysis).unwrap();
    let before = text(&analyze(&lake, request(), |_, _| {}).await.unwrap());
    let now = hour(30).start() + TimeDelta::days(9);
    lake.compact(&"c1".parse().unwrap(), Compaction::default(), now, &mut |_, _, _| {}).await.unwrap();
    assert_eq!(before, text(&analyze(&lake, request(), |_, _| {}).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_requests_fill_the_nodes_and_use_is_low_elastic_vms_beat_repacking_and_right_sizing_beats_both() {
    // Eighteen nodes a zone fill two hosts; five would have one host to themselves, and lose.
    let all = of(Load { nodes: 54, ..RESERVED }, 80).await;
    assert!(all.verdict.saving_vs_best_ec2_usd.unwrap() > 0.0, "{:?}", all.verdict);
    assert_eq!(all.verdict.recommendation.as_deref(), Some("ec2-rightsized"), "{}", all.verdict.text);
    let emp = scenario(&all, "emp");
    let hosts = emp.by_hour.last().unwrap().hosts;
    assert!((3..15).contains(&hosts), "{hosts} hosts for 54 nodes in three zones");
    // The fee is a quarter of what the elastic VMs would cost on EC2 less what the hosts cost.
    let sum = |kind: &'static str| emp.machine_hours.iter().filter(move |row| row.kind == kind);
    let before: f64 = sum("evm").map(|row| row.hours * 0.768).sum();
    let spent: f64 = sum("host").filter_map(|row| row.cost_usd).sum();
    assert!(sum("evm").all(|row| row.instance_type == "m5.4xlarge") || !emp.notes[0].text.contains("m5.metal"));
    if emp.notes[0].text.contains("m5.metal") {
        assert!((emp.cost_usd.fee.unwrap() - 0.25 * (before - spent)).abs() < 1e-6, "{:?}", emp.cost_usd);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nodes_stand_empty_repacking_is_enough() {
    let all = of(Load { pods_per_node: 1, request_millicores: 500, request_gib: 1, ..RESERVED }, 80).await;
    let total = |id: &str| scenario(&all, id).cost_usd.total.unwrap();
    assert!(total("ec2-repacked") < 0.5 * total("ec2-today"), "{} {}", total("ec2-repacked"), total("ec2-today"));
    assert!(total("emp") > total("ec2-repacked"), "a host in each of three zones costs more than a few small nodes");
    assert!(all.verdict.saving_vs_best_ec2_usd.unwrap() < 0.0);
    assert!(all.verdict.recommendation.as_deref().is_some_and(|id| id.starts_with("ec2-")), "{}", all.verdict.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_cannot_move_get_no_machine_pool() {
    let all = of(Load { arch: "arm64", instance_type: "m6g.4xlarge", ..RESERVED }, 80).await;
    assert!(all.scenarios.iter().any(|scenario| scenario.id == "ec2-repacked"));
    assert!(!all.scenarios.iter().any(|scenario| scenario.id == "emp"));
    assert!(all.hosts_considered.is_empty() && all.what_if.is_none() && all.plan.is_none());
    assert!(all.movability.iter().all(|row| row.verdict == "stays" && row.reason.contains("arm64")));
    assert!(all.notes.iter().any(|note| note.text.contains("No elastic machine pool was replayed")));
    assert_eq!(all.verdict.saving_vs_best_ec2_usd, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_three_days_nothing_is_recommended() {
    let all = of(Load { nodes: 4, ..RESERVED }, 71).await;
    assert_eq!(all.verdict.recommendation, None);
    assert!(all.verdict.text.contains("three days are the least"), "{}", all.verdict.text);
}
