//! The whole way: rows into a lake, an analysis out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::{Arc, Mutex};

use analyzer::{AnalyzeError, Assumptions, PriceBook, Request, Sharing, analyze};
use bytes::Bytes;
use lake::store::{MemoryStore, Store};
use lake::tables::{ContainerHour, NodeHour, PodHour, VolumeHour};
use lake::{HourOrigin, HourRows, Lake};
use types::analysis::{AgreedPrices, Analysis, PriceKind, Scenario};
use types::{ClusterId, CommitmentKind, Hour, Window};

const START: i64 = 1_782_864_000;
const GIB: i64 = 1 << 30;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

fn cluster() -> ClusterId {
    "prod-1".parse().unwrap()
}

fn node(n: usize, instance_type: &str, cores: i32, gib: i64, at: Hour) -> NodeHour {
    NodeHour {
        hour_start_seconds: at.start_seconds(),
        node: format!("node-{n:02}"),
        provider_id: format!("aws:///us-east-1a/i-{n}"),
        instance_type: Some(instance_type.to_owned()),
        instance_type_source: "label".to_owned(),
        region: Some("us-east-1".to_owned()),
        zone: Some(format!("us-east-1{}", ["a", "b", "c"][n % 3])),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: "ec2".to_owned(),
        arch: Some("amd64".to_owned()),
        os: Some("linux".to_owned()),
        cpu_capacity_millicores: Some(cores * 1000),
        memory_capacity_bytes: Some(gib * GIB),
        cpu_allocatable_millicores: Some(cores * 1000 - 100),
        memory_allocatable_bytes: Some((gib - 2) * GIB),
        first_seen_seconds: at.start_seconds(),
        last_seen_seconds: at.end_seconds(),
        up_seconds: 3600,
        ..NodeHour::default()
    }
}

fn pod(n: usize, at: Hour) -> (PodHour, ContainerHour) {
    let pod = PodHour {
        hour_start_seconds: at.start_seconds(),
        pod_uid: format!("uid-{n:03}"),
        namespace: ["shop", "search"][n % 2].to_owned(),
        pod: format!("pod-{n}"),
        node: format!("node-{:02}", n % 15),
        workload_kind: "Deployment".to_owned(),
        workload: format!("app-{}", n % 5),
        alive_seconds_by_slot: [Some(300); 12],
        cpu_effective_request_millicores: Some(2000),
        memory_effective_request_bytes: Some(8 * GIB),
        ..PodHour::default()
    };
    let container = ContainerHour {
        hour_start_seconds: at.start_seconds(),
        pod_uid: pod.pod_uid.clone(),
        container: "app".to_owned(),
        namespace: pod.namespace.clone(),
        container_kind: "app".to_owned(),
        cpu_limit_millicores: Some(4000),
        running_seconds: Some(3600),
        cpu_core_milliseconds: Some(300 * 3600),
        memory_kib_seconds: Some(2 * 1024 * 1024 * 3600),
        cpu_mean_millicores_by_slot: Some(std::array::from_fn(|k| Some(if k == 4 { 600 } else { 272 }))),
        memory_mean_mib_by_slot: Some([Some(2048); 12]),
        ..ContainerHour::default()
    };
    (pod, container)
}

/// Fifteen m5.4xlarge in three zones, thirty pods, a volume.
fn rows(at: Hour) -> HourRows {
    let (pods, containers) = (0..30).map(|n| pod(n, at)).unzip();
    let volume = VolumeHour {
        hour_start_seconds: at.start_seconds(),
        namespace: "shop".to_owned(),
        volume_claim: "data".to_owned(),
        zone: Some("us-east-1a".to_owned()),
        volume_type: Some("gp3".to_owned()),
        capacity_bytes: Some(730 * GIB),
        present_seconds: 3600,
        ..VolumeHour::default()
    };
    HourRows {
        pods,
        containers,
        nodes: (0..15).map(|n| node(n, "m5.4xlarge", 16, 64, at)).collect(),
        volumes: vec![volume],
        ..HourRows::default()
    }
}

async fn lake_with(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> (Arc<MemoryStore>, Lake) {
    let store = Arc::new(MemoryStore::default());
    let lake = Lake::new(Arc::<MemoryStore>::clone(&store));
    for (hour, rows) in hours {
        lake.write_hour(&cluster(), hour, rows, HourOrigin::generator()).await.unwrap();
    }
    (store, lake)
}

fn request() -> Request {
    Request {
        cluster: cluster(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    }
}

async fn analysis(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> Analysis {
    let (_, lake) = lake_with(hours).await;
    analyze(&lake, request(), |_, _| {}).await.unwrap()
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{a} and {b}");
}

fn line(scenario: &Scenario, name: &str) -> Option<f64> {
    scenario.cost_usd.lines().into_iter().find(|(line, _)| *line == name).unwrap().1
}

#[tokio::test]
async fn a_known_cluster_has_the_known_bill_and_saving() {
    let hours = 48;
    let analysis = analysis((0..hours).map(|n| (hour(n), rows(hour(n))))).await;
    let [today, vendor, ..] = &analysis.scenarios[..] else { panic!("two scenarios") };
    let h = 48.0;
    near(line(today, "compute").unwrap(), 15.0 * 0.768 * h);
    near(line(today, "volumes").unwrap(), 0.08 * h);
    near(line(today, "control_plane").unwrap(), 0.10 * h);
    assert_eq!((line(today, "fargate"), line(today, "fee"), line(today, "network")), (Some(0.0), Some(0.0), None));
    near(today.monthly_usd.unwrap(), today.cost_usd.total.unwrap() / h * 730.0);
    assert!(today.partial);
    // Fifteen at memory 1.5 need two hosts.
    near(line(vendor, "compute").unwrap(), 2.0 * 4.608 * h);
    near(line(vendor, "fee").unwrap(), 0.25 * (15.0 * 0.768 - 2.0 * 4.608) * h);
    assert_eq!(line(vendor, "volumes"), line(today, "volumes"));
    let saving = &analysis.savings[0];
    near(saving.window_usd, 0.75 * (15.0 * 0.768 - 2.0 * 4.608) * h);
    let compared =
        ["compute", "fargate", "volumes", "auto_mode", "cpu_credits", "control_plane", "unused_commitments", "fee"];
    assert_eq!(saving.lines, compared);
    let replayed = analysis.savings.iter().find(|saving| (&*saving.from, &*saving.to) == ("ec2-today", "emp"));
    assert!(replayed.unwrap().lines.contains(&"pool_network".to_owned()), "what the pool needs beside hosts counts");
    // The verdict speaks of the hours after the first day, with a spare host in the zone.
    let emp = analysis.verdict.judged.iter().find(|row| row.scenario == types::analysis::ScenarioId::Emp).unwrap();
    assert_eq!((emp.spare_hosts_per_zone, analysis.verdict.reported_hours), (1, 24));
    near(analysis.verdict.saving_vs_today_usd.unwrap(), emp.saving_monthly_usd * h / 730.0);
    assert_eq!(analysis.verdict.recommendation, None);
    assert_eq!(analysis.verdict.reason, Some(types::analysis::Reason::WindowTooShort));
    assert_eq!(vendor.variants.len(), 4);
    assert_eq!(today.machine_hours[0].price.as_ref().unwrap().kind, PriceKind::Observed);
}

#[tokio::test]
async fn utilisation_and_inventory_are_those_of_the_rows() {
    let analysis = analysis((0..3).map(|n| (hour(n), rows(hour(n))))).await;
    let cpu = &analysis.utilisation.cpu;
    near(cpu.capacity_mean, 15.0 * 16.0);
    near(cpu.allocatable_mean, 15.0 * 15.9);
    near(cpu.requested_mean, 60.0);
    near(cpu.limit_mean, 120.0);
    near(cpu.used_mean, 9.0);
    // The list is the shape: 600 against 272 millicores, scaled to the exact sum.
    let scale = 300.0 * 12.0 / (600.0 + 11.0 * 272.0);
    assert!((cpu.used_peak - 30.0 * 0.6 * scale).abs() < 1e-3, "{}", cpu.used_peak);
    assert!((cpu.used_median - 30.0 * 0.272 * scale).abs() < 1e-3, "{}", cpu.used_median);
    near(cpu.used_of_requested.unwrap(), 9.0 / 60.0);
    let memory = &analysis.utilisation.memory;
    near(memory.capacity_mean, 15.0 * 64.0);
    near(memory.requested_mean, 240.0);
    near(memory.used_mean, 60.0);
    near(memory.used_peak, 60.0);
    assert_eq!(analysis.utilisation.hourly.len(), 3);
    near(analysis.utilisation.hourly[1].cpu_used_cores, 9.0);
    let inventory = &analysis.inventory;
    assert_eq!((inventory.nodes, inventory.pods, inventory.containers), (15, 30, 30));
    assert_eq!((inventory.workloads, inventory.namespaces, inventory.volume_claims), (10, 2, 1));
    near(inventory.volume_gib_mean, 730.0);
    near(inventory.nodes_mean, 15.0);
    near(inventory.pods_mean, 30.0);
    let group = &inventory.node_groups[0];
    assert_eq!((group.nodes, group.zones.len(), group.movable.moves), (15, 3, true));
    near(group.node_hours, 45.0);
    let names: Vec<_> = inventory.by_namespace.iter().map(|n| (n.namespace.as_str(), n.pods)).collect();
    assert_eq!(names, [("search", 15), ("shop", 15)]);
    near(inventory.by_namespace[0].memory_request_gib_hours, 15.0 * 8.0 * 3.0);
}

#[tokio::test]
async fn the_same_lake_gives_the_same_bytes() {
    let (_, lake) = lake_with((0..30).map(|n| (hour(n), rows(hour(n))))).await;
    let (_, turned) = lake_with((0..30).rev().map(|n| {
        let mut rows = rows(hour(n));
        rows.nodes.reverse();
        rows.pods.rotate_left(7);
        rows.containers.reverse();
        (hour(n), rows)
    }))
    .await;
    let a = serde_json::to_string_pretty(&analyze(&lake, request(), |_, _| {}).await.unwrap()).unwrap();
    let b = serde_json::to_string_pretty(&analyze(&turned, request(), |_, _| {}).await.unwrap()).unwrap();
    assert_eq!(a, b);
    let read: Analysis = serde_json::from_str(&a).unwrap();
    assert_eq!(rounded(serde_json::to_value(&read).unwrap()), rounded(serde_json::from_str(&a).unwrap()));
}

/// The same with numbers to twelve digits: serde_json reads a float to its last bit but one.
fn rounded(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => format!("{:.12e}", number.as_f64().unwrap()).into(),
        serde_json::Value::Array(items) => items.into_iter().map(rounded).collect(),
        serde_json::Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}

#[tokio::test]
async fn missing_hours_are_counted_and_leave_every_scenario() {
    let present = [0, 1, 5, 30];
    let (_, lake) = lake_with(present.map(|n| (hour(n), rows(hour(n))))).await;
    let seen = Mutex::new(Vec::new());
    let all = analyze(&lake, request(), |done, all| seen.lock().unwrap().push((done, all))).await.unwrap();
    assert_eq!((all.window.hours_expected, all.window.hours_present), (31, 4));
    assert_eq!(*seen.lock().unwrap(), [(0, 4), (3, 4), (4, 4)]);
    near(line(&all.scenarios[0], "compute").unwrap(), 15.0 * 0.768 * 4.0);
    assert!(all.notes.iter().any(|note| note.text.contains("27 of 31 hours")));
    let window = Window::try_new(hour(1).start(), hour(6).start()).unwrap();
    let part = analyze(&lake, Request { window: Some(window), ..request() }, |_, _| {}).await.unwrap();
    assert_eq!((part.window.hours_expected, part.window.hours_present), (5, 2));
    assert_eq!(part.window.start, hour(1).start());
}

#[tokio::test]
async fn a_node_created_in_the_window_is_billed_for_its_boot_once() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes[0].created_seconds = Some(hour(1).start_seconds() + 600);
        rows.nodes[1].created_seconds = Some(hour(-5).start_seconds());
        (hour(n), rows)
    };
    let all = analysis((1..4).map(at)).await;
    near(all.scenarios[0].cost_usd.compute.unwrap(), (15.0 * 3.0 + 75.0 / 3600.0) * 0.768);
    near(all.scenarios[0].machine_hours[0].hours, 45.0 + 75.0 / 3600.0);
}

#[tokio::test]
async fn what_has_no_price_stands_outside_the_totals() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes[0].instance_type = None;
        rows.nodes[1].instance_type = Some("m99.large".to_owned());
        rows.nodes[2].emp_owned = true;
        rows.nodes[3].compute_type = "hybrid".to_owned();
        rows.volumes[0].volume_type = None;
        (hour(n), rows)
    };
    let all = analysis((0..2).map(at)).await;
    let [today, vendor, ..] = &all.scenarios[..] else { panic!("two scenarios") };
    near(line(today, "compute").unwrap(), 11.0 * 2.0 * 0.768);
    assert_eq!(line(today, "volumes"), None);
    // Four kinds of node, the volume, and the root disks, whose size nothing tells.
    assert_eq!(today.unpriced.len(), 6);
    let of_nodes = |line: &&types::analysis::Unpriced| line.unit == "node-hour" && line.what.contains("node of");
    assert!(today.unpriced.iter().filter(of_nodes).all(|line| line.quantity == 2.0));
    assert_eq!(vendor.unpriced, today.unpriced);
    assert!(!all.savings[0].lines.contains(&"volumes".to_owned()));
    assert_eq!(all.inventory.node_groups.iter().filter(|group| group.movable.moves).count(), 1);
}

#[tokio::test]
async fn what_elastic_vms_already_save_is_before_less_what_the_user_says_their_hosts_cost() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes.iter_mut().take(10).for_each(|node| node.emp_owned = true);
        (hour(n), rows)
    };
    let (_, lake) = lake_with((0..10).map(at)).await;
    let of = |text: &str| Request { assumptions: Assumptions::from_toml(text).unwrap(), ..request() };
    let unknown = analyze(&lake, of(""), |_, _| {}).await.unwrap().realised.unwrap();
    near(unknown.before_usd.unwrap(), 10.0 * 10.0 * 0.768);
    assert_eq!((unknown.after_usd, unknown.fee_usd, unknown.saving_usd), (None, None, None));
    assert_eq!(unknown.evm_types, [("m5.4xlarge".to_owned(), 100.0)]);
    // A host of 4.608 an hour.
    let said = format!("emp.running_hosts_usd_per_month = {}", 4.608 * 730.0);
    let known = analyze(&lake, of(&said), |_, _| {}).await.unwrap().realised.unwrap();
    near(known.after_usd.unwrap(), 46.08);
    near(known.fee_usd.unwrap(), 0.25 * (76.8 - 46.08));
    near(known.saving_usd.unwrap(), 0.75 * (76.8 - 46.08));
    assert_eq!(analysis((0..2).map(|n| (hour(n), rows(hour(n))))).await.realised, None);
}

#[tokio::test]
async fn every_claim_is_listed_with_its_cost_and_whether_anything_mounts_it() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.pods[0].volume_claims = vec!["data".to_owned()];
        rows.volumes[0].storage_class = Some("fast".to_owned());
        let of = |name: &str| VolumeHour { volume_claim: name.to_owned(), ..rows.volumes[0].clone() };
        let (old, odd) = (of("old"), VolumeHour { volume_type: None, capacity_bytes: None, ..of("odd") });
        rows.volumes.extend([old, odd]);
        (hour(n), rows)
    };
    let all = analysis((0..3).map(at)).await;
    let allocation = all.allocation.as_ref().unwrap();
    let claims: Vec<_> = allocation.by_volume_claim.iter().map(|row| (row.claim.as_str(), row.unmounted)).collect();
    assert_eq!(claims, [("data", false), ("old", true), ("odd", true)]);
    let [data, old, odd] = &*allocation.by_volume_claim else { panic!("three claims") };
    near(data.usd.unwrap() + old.usd.unwrap(), line(&all.scenarios[0], "volumes").unwrap());
    assert_eq!((data.gib_mean, data.hours, data.storage_class.as_deref()), (Some(730.0), 3.0, Some("fast")));
    assert_eq!((odd.usd, odd.gib_mean, odd.volume_type.as_deref()), (None, None, None));
}

#[tokio::test]
async fn what_no_label_says_is_priced_by_an_assumption_and_noted() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes.iter_mut().for_each(|node| (node.capacity_type, node.os) = (None, None));
        (hour(n), rows)
    };
    let (_, lake) = lake_with((0..2).map(at)).await;
    let run = |toml: &str| {
        let request = Request { assumptions: Assumptions::from_toml(toml).unwrap(), ..request() };
        let lake = lake.clone();
        async move { analyze(&lake, request, |_, _| {}).await.unwrap() }
    };
    let all = run("").await;
    near(line(&all.scenarios[0], "compute").unwrap(), 15.0 * 2.0 * 0.768);
    for said in ["on-demand or spot", "operating system"] {
        assert!(all.scenarios[0].notes.iter().any(|note| note.text.contains(said)), "{said}");
    }
    let all = run("ec2.unlabelled_capacity_type = \"unpriced\"").await;
    assert_eq!(line(&all.scenarios[0], "compute"), None);
}

#[tokio::test]
async fn a_cluster_without_a_priced_node_has_no_compute_line_and_no_saving() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes.iter_mut().for_each(|node| node.instance_type = None);
        (hour(n), rows)
    };
    let all = analysis((0..2).map(at)).await;
    assert!(all.scenarios.iter().all(|scenario| scenario.cost_usd.compute.is_none()));
    assert_eq!(all.verdict.saving_vs_today_usd, None);
    assert!(all.verdict.text.contains("could not be priced"));
}

#[tokio::test]
async fn an_hour_with_nothing_in_it_is_analyzed() {
    let all = analysis([(hour(0), HourRows::default())]).await;
    assert_eq!((all.inventory.nodes, all.inventory.pods), (0, 0));
    assert_eq!(all.utilisation.cpu.used_of_capacity, None);
    assert_eq!(all.region, None);
    near(all.scenarios[0].cost_usd.total.unwrap(), 0.10);
}

#[tokio::test]
async fn fargate_is_paid_by_what_it_provisions() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes.truncate(1);
        rows.nodes[0].compute_type = "fargate".to_owned();
        rows.nodes[0].instance_type = None;
        rows.pods.truncate(1);
        rows.containers.truncate(1);
        (hour(n), rows)
    };
    let all = analysis((0..2).map(at)).await;
    // 2 vCPU and 8 + 0.25 GiB become 2 vCPU and 9 GiB.
    near(line(&all.scenarios[0], "fargate").unwrap(), 2.0 * (2.0 * 0.04048 + 9.0 * 0.004445));
    assert_eq!(line(&all.scenarios[0], "compute"), Some(0.0));
    assert!(all.verdict.text.starts_with("Nothing here could move"));
    assert!(all.inventory.node_groups.iter().all(|group| !group.movable.moves));
}

#[tokio::test]
async fn a_loss_is_shown_as_one_and_costs_no_fee() {
    let at = |n: i64| {
        let mut rows = rows(hour(n));
        rows.nodes.truncate(3);
        (hour(n), rows)
    };
    let all = analysis((0..2).map(at)).await;
    assert!(all.savings[0].window_usd < 0.0);
    assert_eq!(line(&all.scenarios[1], "fee"), Some(0.0));
    assert_eq!(all.verdict.recommendation, None);
}

#[tokio::test]
async fn prices_and_assumptions_of_the_user_are_used_and_shown() {
    let (_, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
    let prices = "[[node]]\ninstance_type = \"m5.4xlarge\"\nusd_per_hour = 0.5\n";
    let request = Request {
        assumptions: Assumptions::from_toml("emp.fee_fraction = 0.0\nemp.memory_overcommit = 2.5").unwrap(),
        prices: PriceBook::catalog().unwrap().with_user_toml(prices).unwrap(),
        ..request()
    };
    let all = analyze(&lake, request, |_, _| {}).await.unwrap();
    near(line(&all.scenarios[0], "compute").unwrap(), 7.5);
    near(line(&all.scenarios[1], "compute").unwrap(), 4.608);
    assert_eq!(line(&all.scenarios[1], "fee"), Some(0.0));
    let changed: Vec<_> = all.assumptions.iter().filter(|a| a.changed).map(|a| a.key.as_str()).collect();
    assert_eq!(changed, ["emp.memory_overcommit", "emp.fee_fraction"]);
    assert!(all.provenance.prices.iter().any(|list| list.name == "prices file"));
}

#[tokio::test]
async fn what_is_agreed_with_aws_is_said_as_it_is_in_force() {
    let (_, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
    let agreed = async |prices: &str| {
        let prices = PriceBook::catalog().unwrap().with_user_toml(prices).unwrap();
        let all = analyze(&lake, Request { prices, ..request() }, |_, _| {}).await.unwrap();
        all.provenance.agreed.unwrap()
    };
    assert_eq!(agreed("").await, AgreedPrices::default());
    let plan = |name: &str, more: &str| {
        format!(
            "[[commitment]]\nname = \"{name}\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 4.0\ndiscount_fraction = 0.27\n{more}"
        )
    };
    let prices = "[discount]\nedp_fraction = 0.07\n[bare_metal]\ndiscount_fraction = 0.2\n".to_owned()
        + &plan("over", "expires = \"2001-01-01\"\n")
        + &plan("base", "");
    let found = agreed(&prices).await;
    assert_eq!((found.discount_fraction, found.bare_metal_discount_fraction), (0.07, Some(0.2)));
    let [base] = found.commitments.as_slice() else { panic!("{found:?}") };
    assert_eq!((base.name.as_str(), base.kind, base.usd_per_hour), ("base", CommitmentKind::ComputeSavingsPlan, 4.0));
}

/// The error, with what lies behind it.
async fn error(lake: &Lake, request: Request) -> String {
    let error = analyze(lake, request, |_, _| {}).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[tokio::test]
async fn an_unknown_cluster_names_those_that_exist() {
    let (_, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
    let text = error(&lake, Request { cluster: "prod-2".parse().unwrap(), ..request() }).await;
    assert!(text.contains("no cluster `prod-2`") && text.contains("it holds `prod-1`"), "{text}");
    let (_, empty) = lake_with([]).await;
    assert!(error(&empty, request()).await.contains("it holds no cluster"));
}

#[tokio::test]
async fn a_window_without_hours_names_the_dates_that_exist() {
    let (_, lake) = lake_with([(hour(0), rows(hour(0))), (hour(30), rows(hour(30)))]).await;
    for (from, to) in [(100, 200), (-50, -10), (3, 6)] {
        let window = Window::try_new(hour(from).start(), hour(to).start()).unwrap();
        let text = error(&lake, Request { window: Some(window), ..request() }).await;
        assert!(text.contains("no hours") && text.contains("from 2026-07-01 to 2026-07-02"), "{text}");
    }
}

/// A store in which one object was replaced.
#[derive(Debug)]
struct Replaced {
    inner: Arc<MemoryStore>,
    key: String,
    with: Bytes,
}

#[async_trait::async_trait]
impl Store for Replaced {
    async fn get(&self, key: &str) -> Result<Bytes, lake::StoreError> {
        if key == self.key { Ok(self.with.clone()) } else { self.inner.get(key).await }
    }
    async fn put_new(&self, key: &str, object: Bytes) -> Result<lake::PutOutcome, lake::StoreError> {
        self.inner.put_new(key, object).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, lake::StoreError> {
        self.inner.list(prefix).await
    }
    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, lake::StoreError> {
        self.inner.list_names(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<(), lake::StoreError> {
        self.inner.delete(key).await
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

#[tokio::test]
async fn a_damaged_object_is_named_by_its_key() {
    for table in ["container_hour", "pod_hour", "node_hour", "volume_hour"] {
        let (store, _) = lake_with([(hour(0), rows(hour(0))), (hour(1), rows(hour(1)))]).await;
        let key = lake::object_keys::hour_object(table, &cluster(), hour(1));
        let replaced = Replaced { inner: store, key: key.clone(), with: Bytes::from_static(b"<html>") };
        let text = error(&Lake::new(Arc::new(replaced)), request()).await;
        assert!(text.contains(&format!("`{key}` is damaged")), "{text}");
    }
}

#[tokio::test]
async fn parquet_that_matches_its_manifest_and_cannot_be_read_is_named_by_its_key() {
    let manifest_key = lake::object_keys::hour_manifest(&cluster(), hour(0));
    // The object of another table is good Parquet with other columns.
    for (table, other) in [("container_hour", "node_hour"), ("pod_hour", "volume_hour"), ("node_hour", "pod_hour")] {
        let (store, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
        let mut manifest = lake.manifest(&cluster(), hour(0)).await.unwrap().manifest;
        let mut wrong = manifest.object(other).unwrap().clone();
        let bytes = store.get(&wrong.key).await.unwrap();
        wrong.key = wrong.key.replace(other, table).replace("hour=00", "hour=00.r9");
        store.put_new(&wrong.key, bytes).await.unwrap();
        let entry = manifest.objects.iter_mut().find(|object| object.table == table).unwrap();
        *entry = lake::manifest::ObjectEntry { table: table.to_owned(), ..wrong.clone() };
        let with = serde_json::to_vec(&manifest).unwrap().into();
        let lake = Lake::new(Arc::new(Replaced { inner: store, key: manifest_key.clone(), with }));
        let text = error(&lake, request()).await;
        assert!(text.contains(&wrong.key) && text.contains("could not read object"), "{text}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_parquet_but_match_their_manifest_are_named() {
    let (store, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
    let junk = Bytes::from_static(b"PAR1 this is not Parquet PAR1");
    let mut manifest = lake.manifest(&cluster(), hour(0)).await.unwrap().manifest;
    let entry = manifest.objects.iter_mut().find(|object| object.table == "pod_hour").unwrap();
    let junk_key = entry.key.replace("hour=00", "hour=00.r9");
    store.put_new(&junk_key, junk.clone()).await.unwrap();
    (entry.key, entry.sha256) = (junk_key.clone(), lake::digest(&junk));
    let with = serde_json::to_vec(&manifest).unwrap().into();
    let key = lake::object_keys::hour_manifest(&cluster(), hour(0));
    let lake = Lake::new(Arc::new(Replaced { inner: store, key, with }));
    assert!(error(&lake, request()).await.contains(&format!("could not decode object `{junk_key}`")));
    assert!(matches!(analyze(&lake, request(), |_, _| {}).await, Err(AnalyzeError::Lake(_))));
}

#[tokio::test]
async fn every_field_of_the_analysis_is_documented() {
    let document = include_str!("../../ANALYSIS.md");
    let all = analysis([(hour(0), rows(hour(0)))]).await;
    let mut undocumented = Vec::new();
    let mut visit = vec![serde_json::to_value(&all).unwrap()];
    while let Some(value) = visit.pop() {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, inner) in fields {
                    if !document.contains(&format!("`{name}`")) {
                        undocumented.push(name);
                    }
                    visit.push(inner);
                }
            }
            serde_json::Value::Array(items) => visit.extend(items),
            _ => {}
        }
    }
    undocumented.sort();
    undocumented.dedup();
    assert_eq!(undocumented, Vec::<String>::new());
}

/// The TOML blocks of ANALYSIS.md, in order: assumptions, prices.
fn documented_toml() -> Vec<&'static str> {
    let blocks = include_str!("../../ANALYSIS.md").split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn the_documented_files_are_read_and_name_every_key_at_its_default() {
    let [assumptions, prices] = documented_toml().try_into().unwrap();
    let assumptions = Assumptions::from_toml(assumptions).unwrap().in_force();
    let changed: Vec<_> = assumptions.iter().filter(|a| a.value != a.default).map(|a| &a.key).collect();
    assert_eq!(changed, Vec::<&String>::new());
    for key in analyzer::Terms::KEYS {
        let name = key.name.rsplit('.').next().unwrap();
        assert!(documented_toml()[0].contains(&format!("{name} = ")), "{name}");
    }
    PriceBook::catalog().unwrap().with_user_toml(prices).unwrap();
}

#[tokio::test]
async fn a_price_that_stands_for_nothing_is_a_warning() {
    let (_, lake) = lake_with([(hour(0), rows(hour(0)))]).await;
    let of = |text: &str| PriceBook::catalog().unwrap().with_user_toml(text).unwrap();
    let typed = "[[node]]\ninstance_type = \"m5.4xlrge\"\nusd_per_hour = 0.5";
    let mut request = request();
    request.prices = of(typed);
    let analysis = analyzer::analyze(&lake, request, |_, _| {}).await.unwrap();
    assert!(analysis.notes.iter().any(|n| n.text.contains("`m5.4xlrge`") && n.text.contains("matches nothing")));
}

#[tokio::test]
async fn the_items_of_a_line_add_up_to_it() {
    let all = analysis((0..30).map(|n| (hour(n), rows(hour(n))))).await;
    for scenario in &all.scenarios {
        for (name, total) in scenario.cost_usd.lines() {
            let items: Vec<_> = scenario.items.iter().filter(|item| item.line == name).collect();
            if !items.is_empty() {
                near(items.iter().map(|item| item.cost_usd).sum(), total.unwrap());
                for item in items {
                    assert!((item.quantity * item.usd_per_unit - item.cost_usd).abs() < 1e-6, "{item:?}");
                }
            }
        }
        let lines: std::collections::BTreeSet<_> = scenario.items.iter().map(|item| item.line.as_str()).collect();
        assert!(lines.contains("volumes") && lines.contains("control_plane"), "{lines:?}");
    }
}

#[tokio::test]
async fn hours_whose_cpu_is_inferred_from_a_rule_are_told() {
    let (_, lake) = lake_with((0..4).map(|n| (hour(n), rows(hour(n))))).await;
    let inferred = HourOrigin { query_set: "0a1b container-usage=a:rule".to_owned(), ..HourOrigin::generator() };
    lake.write_hour(&cluster(), hour(4), rows(hour(4)), inferred).await.unwrap();
    let analysis = analyze(&lake, request(), |_, _| {}).await.unwrap();
    let told: Vec<_> = analysis.notes.iter().filter(|note| note.text.contains("recording rule a:rule")).collect();
    assert!(matches!(told.as_slice(), [note] if note.text.starts_with("In 1 of 5 hours")), "{told:?}");
}

/// Two days, with an hour that was incomplete at first and one that came late. `compact` is called on the way with
/// the lake as it is then.
async fn two_days(compact: impl AsyncFn(&Lake, u32)) -> String {
    let hours = (0..48).filter(|n| ![5, 17].contains(n));
    let (_, lake) = lake_with(hours.map(|n| (hour(n), rows(hour(n))))).await;
    let faulty = HourOrigin { faults: vec!["half of it is missing".to_owned()], ..HourOrigin::generator() };
    let half = HourRows { volumes: Vec::new(), ..rows(hour(5)) };
    lake.write_hour(&cluster(), hour(5), half, faulty).await.unwrap();
    compact(&lake, 1).await;
    lake.correct_hour(&cluster(), hour(5), rows(hour(5)), HourOrigin::generator()).await.unwrap();
    lake.write_hour(&cluster(), hour(17), rows(hour(17)), HourOrigin::generator()).await.unwrap();
    compact(&lake, 2).await;
    // A window that cuts both days.
    let cut = Window::try_new(hour(3).start(), hour(40).start()).unwrap();
    let whole = analyze(&lake, request(), |_, _| {}).await.unwrap();
    let part = analyze(&lake, Request { window: Some(cut), ..request() }, |_, _| {}).await.unwrap();
    assert_eq!(whole.window.hours_present, 48);
    serde_json::to_string(&(whole, part)).unwrap()
}

/// The first hour of a compacted day, corrected: the day's own rows of it are outdated.
#[tokio::test]
async fn a_corrected_first_hour_of_a_compacted_day_counts_once() {
    let corrected = async |compact: bool| {
        let (_, lake) = lake_with((1..24).map(|n| (hour(n), rows(hour(n))))).await;
        let faulty = HourOrigin { faults: vec!["half of it is missing".to_owned()], ..HourOrigin::generator() };
        let half = HourRows { volumes: Vec::new(), ..rows(hour(0)) };
        lake.write_hour(&cluster(), hour(0), half, faulty).await.unwrap();
        if compact {
            compact_all(&lake, true).await;
        }
        lake.correct_hour(&cluster(), hour(0), rows(hour(0)), HourOrigin::generator()).await.unwrap();
        serde_json::to_string(&analyze(&lake, request(), |_, _| {}).await.unwrap()).unwrap()
    };
    assert_eq!(corrected(false).await, corrected(true).await);
}

async fn compact_all(lake: &Lake, delete_hours: bool) {
    let now = hour(24 * 30).start();
    let policy = lake::Compaction {
        delete_hours_after: delete_hours.then(chrono::TimeDelta::zero),
        ..lake::Compaction::default()
    };
    lake.compact(&cluster(), policy, now, &mut |_, _, _| {}).await.unwrap();
}

#[tokio::test]
async fn hours_days_and_a_mixture_give_the_same_bytes() {
    let hours = two_days(async |_, _| {}).await;
    let days = two_days(async |lake, at| {
        if at == 2 {
            compact_all(lake, false).await
        }
    })
    .await;
    assert_eq!(hours, days);
    let days_alone = two_days(async |lake, at| {
        if at == 2 {
            compact_all(lake, true).await
        }
    })
    .await;
    assert_eq!(hours, days_alone);
    let mixed = two_days(async |lake, at| {
        if at == 1 {
            compact_all(lake, true).await
        }
    })
    .await;
    assert_eq!(hours, mixed);
    let twice = two_days(async |lake, _| compact_all(lake, true).await).await;
    assert_eq!(hours, twice);
}
