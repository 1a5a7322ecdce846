//! Small clusters whose answer is known without a model: what a verdict may never get wrong.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{HourOrigin, HourRows, Lake};
use types::Hour;
use types::analysis::{Analysis, Reason, Scenario};

const START: i64 = 1_782_777_600;
const MIB: i64 = 1 << 20;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

async fn analysis(hours: impl IntoIterator<Item = (i64, HourRows)>) -> Analysis {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for (n, rows) in hours {
        lake.write_hour(&"mini".parse().unwrap(), hour(n), rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: "mini".parse().unwrap(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    };
    analyze(&lake, request, |_, _| {}).await.unwrap()
}

fn scenario<'a>(analysis: &'a Analysis, id: &str) -> &'a Scenario {
    analysis.scenarios.iter().find(|scenario| scenario.id == id).unwrap_or_else(|| panic!("no `{id}`"))
}

fn node(at: Hour, n: usize) -> NodeHour {
    NodeHour {
        hour_start_seconds: at.start_seconds(),
        node: format!("n{n:02}"),
        provider_id: format!("aws:///us-east-1a/i-{n}"),
        instance_type: Some("m5.4xlarge".to_owned()),
        instance_type_source: "label".to_owned(),
        region: Some("us-east-1".to_owned()),
        zone: Some("us-east-1a".to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: "ec2".to_owned(),
        arch: Some("amd64".to_owned()),
        os: Some("linux".to_owned()),
        cpu_capacity_millicores: Some(16_000),
        memory_capacity_bytes: Some(63 << 30),
        cpu_allocatable_millicores: Some(15_890),
        memory_allocatable_bytes: Some(57_691 * MIB),
        pods_capacity: Some(234),
        first_seen_seconds: at.start_seconds(),
        last_seen_seconds: at.end_seconds(),
        up_seconds: 3600,
        ..NodeHour::default()
    }
}

fn uid(n: usize) -> String {
    format!("11111111-0000-4000-8000-{n:012}")
}

/// A pod that fills a node: 15,000 m and 54,000 MiB.
fn pod(at: Hour, n: usize) -> PodHour {
    PodHour {
        hour_start_seconds: at.start_seconds(),
        pod_uid: uid(n),
        namespace: "app".to_owned(),
        pod: format!("web-{n}"),
        node: format!("n{n:02}"),
        workload_kind: "Deployment".to_owned(),
        workload: "web".to_owned(),
        alive_seconds_by_slot: [Some(300); 12],
        cpu_effective_request_millicores: Some(15_000),
        memory_effective_request_bytes: Some(54_000 * MIB),
        ..PodHour::default()
    }
}

type Slots = [Option<i32>; 12];

fn container(at: Hour, n: usize, name: &str, cpu: Slots, memory: Slots) -> ContainerHour {
    let known = |slots: &Slots| slots.iter().flatten().map(|value| i64::from(*value)).sum::<i64>();
    ContainerHour {
        hour_start_seconds: at.start_seconds(),
        pod_uid: uid(n),
        container: name.to_owned(),
        namespace: "app".to_owned(),
        pod: format!("web-{n}"),
        node: format!("n{n:02}"),
        container_kind: "app".to_owned(),
        cpu_request_millicores: Some(15_000),
        memory_request_bytes: Some(54_000 * MIB),
        running_seconds: Some(3600),
        instances: 1,
        cpu_core_milliseconds: cpu.iter().any(Option::is_some).then(|| known(&cpu) * 300),
        memory_kib_seconds: memory.iter().any(Option::is_some).then(|| known(&memory) * 300 * 1024),
        cpu_mean_millicores_by_slot: Some(cpu),
        memory_mean_mib_by_slot: Some(memory),
        memory_max_mib_by_slot: Some(memory),
        ..ContainerHour::default()
    }
}

/// An hour of so many pods, each on a node of its own; `silent` slots have no sample.
fn rows(n: i64, pods: usize, (millicores, mib): (i32, i32), silent: impl Fn(usize) -> bool) -> HourRows {
    let at = hour(n);
    let slots = |value: i32| std::array::from_fn(|k| (!silent(k)).then_some(value));
    HourRows {
        nodes: (0..pods).map(|i| node(at, i)).collect(),
        pods: (0..pods).map(|i| pod(at, i)).collect(),
        containers: (0..pods).map(|i| container(at, i, "app", slots(millicores), slots(mib))).collect(),
        ..HourRows::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_packing_of_ec2_costs_more_than_the_machines_that_are_there_or_a_cheaper_type_for_each_pod() {
    for pods in [4, 12, 24, 36] {
        let all = analysis((0..2).map(|n| (n, rows(n, pods, (7000, 30_000), |_| false)))).await;
        let hours = 2.0;
        let compute = |id: &str| scenario(&all, id).cost_usd.compute.unwrap() / hours;
        // m5a.4xlarge at 0.688 an hour holds one such pod, as m5.4xlarge at 0.768 does today.
        let one_each = f64::from(u32::try_from(pods).unwrap()) * 0.688;
        assert!(compute("ec2-repacked") <= one_each + 1e-6, "{pods}: {} over {one_each}", compute("ec2-repacked"));
        assert!(compute("ec2-repacked") <= compute("ec2-today") + 1e-6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_hour_without_samples_changes_nothing_by_more_than_a_per_mille() {
    let of = async |gap: Option<i64>| {
        analysis((0..96).map(|n| (n, rows(n, 20, (2000, 12_000), |k| gap == Some(n) && (3..9).contains(&k))))).await
    };
    let (whole, gap) = (of(None).await, of(Some(30)).await);
    for scenario_whole in &whole.scenarios {
        let id = &scenario_whole.id;
        let (a, b) = (scenario_whole.cost_usd.total.unwrap(), scenario(&gap, id).cost_usd.total.unwrap());
        assert!((a - b).abs() <= 0.001 * a, "{id}: {a} whole, {b} with a gap");
    }
    assert_eq!(whole.verdict.recommendation, gap.verdict.recommendation);
    for (a, b) in whole.verdict.judged.iter().zip(&gap.verdict.judged) {
        assert_eq!((a.scenario, a.holds), (b.scenario, b.holds));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_falls_silent_beside_a_sidecar_is_not_idle() {
    let all = analysis((0..30).map(|n| {
        let at = hour(n);
        let app = if n >= 26 { None } else { Some(()) };
        let (cpu, memory) = ([app.map(|()| 8000); 12], [app.map(|()| 40_000); 12]);
        let mut rows = rows(n, 1, (0, 0), |_| false);
        rows.containers =
            vec![container(at, 0, "app", cpu, memory), container(at, 0, "mesh", [Some(10); 12], [Some(100); 12])];
        (n, rows)
    }))
    .await;
    let last = scenario(&all, "ec2-today-replayed").by_hour.last().unwrap();
    assert!((last.cpu_used_cores.unwrap() - 8.01).abs() < 0.02, "{last:?}");
    assert!((last.memory_used_gib.unwrap() - 40_100.0 / 1024.0).abs() < 0.1, "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_pods_is_not_told_to_repack() {
    let all = analysis((0..80).map(|n| {
        let mut rows = rows(n, 3, (0, 0), |_| false);
        (rows.pods, rows.containers) = (Vec::new(), Vec::new());
        (n, rows)
    }))
    .await;
    assert_eq!((all.verdict.recommendation.as_deref(), all.verdict.reason), (None, Some(Reason::NoPods)));
    assert!(all.verdict.amounts.is_none() && all.verdict.text.contains("no pod ran"), "{}", all.verdict.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_move_every_rule_still_holds_and_amounts_add_up_to_the_waterfall() {
    // One busy pod on a node of its own, beside nodes that hold next to nothing.
    let small = |n: i64| {
        let mut rows = rows(n, 8, (1500, 6000), |_| false);
        for pod in &mut rows.pods {
            (pod.cpu_effective_request_millicores, pod.memory_effective_request_bytes) = (Some(2000), Some(8000 * MIB));
        }
        (n, rows)
    };
    let all = analysis((0..80).map(small)).await;
    let verdict = &all.verdict;
    let amounts = verdict.amounts.as_ref().unwrap();
    let fall = all.waterfall.as_ref().unwrap();
    assert_eq!(Some(&fall.to), verdict.recommendation.as_ref());
    let month = 730.0 / 80.0;
    assert!((amounts.today_monthly_usd - fall.from_usd * month).abs() < 0.01, "{amounts:?} {fall:?}");
    assert!((amounts.monthly_usd - fall.to_usd * month).abs() < 0.01, "{amounts:?} {fall:?}");
    let steps: f64 = fall.steps.iter().map(|step| step.usd).sum();
    assert!((fall.from_usd + steps - fall.to_usd).abs() < 1e-6, "{fall:?}");
    let today = amounts.today_monthly_usd;
    assert!((today - amounts.saving_monthly_usd - amounts.monthly_usd).abs() < 1e-6);
    if let Some([least, most]) = amounts.range_monthly_usd {
        assert!((least..=most).contains(&amounts.saving_monthly_usd), "{amounts:?}");
    }
    // The judged are those replayed, the largest saving first, and each names every limit.
    assert!(verdict.judged.windows(2).all(|pair| pair[0].saving_monthly_usd >= pair[1].saving_monthly_usd));
    assert!(verdict.judged.iter().all(|judged| judged.limits.len() >= 12));
}
