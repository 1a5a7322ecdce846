//! Small clusters whose answer is known without a model: what a verdict may never get wrong.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{HourOrigin, HourRows, Lake};
use types::Hour;
use types::analysis::{Analysis, ConfidenceLevel, Doubt, Reason, Scenario, StepKind};

const START: i64 = 1_782_777_600;
const MIB: i64 = 1 << 20;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

async fn analysis(hours: impl IntoIterator<Item = (i64, HourRows)>) -> Analysis {
    analysis_with(hours, Assumptions::default()).await
}

async fn analysis_with(hours: impl IntoIterator<Item = (i64, HourRows)>, assumptions: Assumptions) -> Analysis {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for (n, rows) in hours {
        lake.write_hour(&"mini".parse().unwrap(), hour(n), rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: "mini".parse().unwrap(),
        window: None,
        assumptions,
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
async fn use_without_a_sample_is_no_waste() {
    let of = async |silent: fn(i64, usize) -> bool| {
        analysis((0..96).map(|n| (n, rows(n, 4, (8000, 40_000), |k| silent(n, k))))).await.waste.unwrap()
    };
    let whole = of(|_, _| false).await;
    for silent in [|n, k| n == 30 && (3..9).contains(&k), |n, _| n >= 60] {
        let waste = of(silent).await;
        let off = waste.monthly_usd / whole.monthly_usd - 1.0;
        assert!(off.abs() < 0.002, "{off}: {waste:?} for {whole:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_sizing_counts_the_pods_of_the_hours_that_are_there() {
    // Four days, and seven with twelve hours missing.
    for hours in [(0..96).collect::<Vec<i64>>(), (0..168).filter(|n| !(100..112).contains(n)).collect()] {
        let all = analysis(hours.into_iter().map(|n| (n, rows(n, 5, (2000, 12_000), |_| false)))).await;
        let sizes = all.right_sizing.unwrap();
        assert_eq!(sizes.containers.iter().map(|one| one.pods_mean).collect::<Vec<_>>(), [5.0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_contract_is_advised_on_a_few_days_or_where_nothing_can_be_recommended() {
    let buys =
        |all: &Analysis| all.next_steps.as_ref().unwrap().steps.iter().any(|step| step.kind == StepKind::BuyCommitment);
    let of = async |hours: i64, pods: usize| {
        analysis((0..hours).map(|n| (n, rows(n, pods, (14_000, 50_000), |_| false)))).await
    };
    let weeks = of(504, 3).await;
    assert!(weeks.verdict.recommendation.is_some() && buys(&weeks), "{:?}", weeks.next_steps);
    for hours in [2, 80, 400] {
        assert!(!buys(&of(hours, 3).await), "{hours} hours");
    }
    let mut without_pods = (0..504).map(|n| (n, rows(n, 3, (0, 0), |_| false))).collect::<Vec<_>>();
    without_pods.iter_mut().for_each(|(_, rows)| (rows.pods, rows.containers) = (Vec::new(), Vec::new()));
    let all = analysis(without_pods).await;
    assert!(!buys(&all), "{:?}", all.next_steps);
    let why: Vec<_> = all.notes.iter().filter(|note| note.text.contains("No elastic machine pool")).collect();
    assert!(why.iter().all(|note| note.text.contains("no pod ran")) && !why.is_empty(), "{:?}", all.notes);
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

/// A busy day: pods use three times as much from 9 to 17 UTC. `silent` says which hours (of the window) lack half their slots.
fn by_day(n: i64, silent: impl Fn(i64) -> bool) -> (i64, HourRows) {
    let of_day = hour(n).start_seconds() / 3600 % 24;
    let used = if (9..17).contains(&of_day) { (6000, 30_000) } else { (2000, 10_000) };
    (n, rows(n, 6, used, |k| silent(of_day) && k < 6 && n >= 24))
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_shown_by_hour_of_day_and_where_it_falls_on_the_busiest_confidence_is_not_high() {
    let of = async |silent: &dyn Fn(i64) -> bool| analysis((0..96).map(|n| by_day(n, silent))).await;
    let whole = of(&|_| false).await;
    let silence = whole.silence.as_ref().unwrap();
    assert_eq!((silence.cpu_fraction, silence.memory_fraction, silence.in_busy_hours), (Some(0.0), Some(0.0), false));
    assert_eq!(silence.by_hour_of_day.len(), 24);
    let at_ten = &silence.by_hour_of_day[10];
    assert!((at_ten.cpu_used_cores - 36.0).abs() < 1e-6 && at_ten.busy, "{at_ten:?}");
    let busy = of(&|of_day| of_day == 12).await;
    let night = of(&|of_day| of_day == 3).await;
    for (analysis, at, falls) in [(&busy, 12, true), (&night, 3, false)] {
        let silence = analysis.silence.as_ref().unwrap();
        assert_eq!(silence.in_busy_hours, falls, "{silence:?}");
        // Half of each of the last three days' hours, of four.
        let fraction = silence.by_hour_of_day[at].cpu_fraction.unwrap();
        assert!((fraction - 3.0 * 0.5 / 4.0).abs() < 0.02, "{fraction}");
        assert!(
            silence
                .by_hour_of_day
                .iter()
                .all(|hour| usize::try_from(hour.hour) == Ok(at) || hour.cpu_fraction == Some(0.0))
        );
        let confidence = analysis.verdict.confidence.as_ref().unwrap();
        assert_eq!(confidence.doubts.contains(&Doubt::SilentBusyHours), falls, "{confidence:?}");
        assert!(!falls || confidence.level < ConfidenceLevel::High);
    }
    let much = of(&|of_day| (9..13).contains(&of_day)).await;
    assert_eq!((much.verdict.reason, much.verdict.recommendation), (Some(Reason::UsageMissing), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_conclusion_says_how_sure_it_is_and_why() {
    let pods = |pods: usize, hours: i64, silent: bool| {
        (0..hours).map(move |n| {
            let mut rows = rows(n, 3, (7000, 30_000), |k| silent && k % 2 == 0 && n > 24);
            if pods == 0 {
                (rows.pods, rows.containers) = (Vec::new(), Vec::new());
            }
            (n, rows)
        })
    };
    let unpriced = |(n, mut rows): (i64, HourRows)| {
        rows.nodes.iter_mut().for_each(|node| node.instance_type = Some("m99.large".to_owned()));
        (n, rows)
    };
    let nothing = |doubt: &Doubt| *doubt == Doubt::NothingCompared;
    let short = |doubt: &Doubt| matches!(doubt, Doubt::ShortWindow { .. });
    let silent = |doubt: &Doubt| matches!(doubt, Doubt::UsagePartlyMissing { .. });
    type IsDoubt<'d> = &'d dyn Fn(&Doubt) -> bool;
    let rows: [(Analysis, Option<Reason>, IsDoubt); 4] = [
        (analysis(pods(0, 80, false)).await, Some(Reason::NoPods), &nothing),
        (analysis(pods(3, 30, false)).await, Some(Reason::WindowTooShort), &short),
        (analysis(pods(3, 80, true)).await, Some(Reason::UsageMissing), &silent),
        (analysis(pods(3, 80, false).map(unpriced)).await, None, &nothing),
    ];
    for (analysis, reason, doubt) in rows {
        assert_eq!((analysis.verdict.reason, &analysis.verdict.recommendation), (reason, &None));
        let confidence = analysis.verdict.confidence.unwrap();
        assert_eq!(confidence.level, ConfidenceLevel::Low, "{reason:?}");
        assert!(confidence.doubts.iter().any(doubt), "{reason:?}: {confidence:?}");
    }
    // Where the answer is to stay, that has its confidence too.
    let stay = analysis(pods(3, 80, false)).await.verdict;
    assert!(stay.confidence.is_some_and(|confidence| !confidence.doubts.is_empty()), "{:?}", stay.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_partial_only_where_what_differs_between_scenarios_is_not_known() {
    let with_disks = |n: i64| {
        let mut rows = rows(n, 3, (7000, 30_000), |_| false);
        rows.nodes.iter_mut().for_each(|node| node.root_disk_bytes = Some(20 << 30));
        // A claim that nothing prices costs the same wherever the pods run.
        rows.volumes.push(lake::tables::VolumeHour {
            hour_start_seconds: hour(n).start_seconds(),
            namespace: "app".to_owned(),
            volume_claim: "shared".to_owned(),
            volume_type: None,
            capacity_bytes: Some(100 << 30),
            present_seconds: 3600,
            ..lake::tables::VolumeHour::default()
        });
        (n, rows)
    };
    let partial = |analysis: &Analysis, id: &str| scenario(analysis, id).partial;
    let known = analysis((0..30).map(with_disks)).await;
    for id in ["ec2-today", "ec2-repacked", "emp"] {
        assert!(!partial(&known, id), "{id}: {:?}", scenario(&known, id).unpriced);
    }
    assert!(scenario(&known, "ec2-today").unpriced.iter().any(|row| row.what.contains("volume")), "it is still listed");
    // What a disk costs of which no size is known could differ.
    let unknown = analysis((0..30).map(|n| (n, rows(n, 3, (7000, 30_000), |_| false)))).await;
    assert!(partial(&unknown, "ec2-today") && partial(&unknown, "ec2-repacked"));
    let none = Assumptions::from_toml("ec2.root_disk_type = \"none\"").unwrap();
    let none = analysis_with((0..30).map(|n| (n, rows(n, 3, (7000, 30_000), |_| false))), none).await;
    for scenario in none.scenarios.iter().filter(|scenario| scenario.id != "emp-vendor") {
        assert_eq!((scenario.cost_usd.root_disks, scenario.partial), (Some(0.0), false), "{}", scenario.id);
        assert!(scenario.unpriced.is_empty(), "{:?}", scenario.unpriced);
    }
}

/// Eight small pods on a node each; three nodes leave with theirs, which go on elsewhere.
fn drained(n: i64) -> (i64, HourRows) {
    let mut rows = rows(n, 8, (500, 2000), |_| false);
    let at = hour(n);
    let start = at.start_seconds();
    for k in 0..3_usize {
        let left = hour(30 + 5 * i64::try_from(k).unwrap()).start_seconds();
        if start < left {
            continue;
        }
        let mut moved = pod(at, 100 + k);
        moved.node = "n07".to_owned();
        moved.scheduled_seconds = Some(left + 2320);
        let mut used = container(at, 100 + k, "app", [Some(500); 12], [Some(2000); 12]);
        used.node = "n07".to_owned();
        if start == left {
            // Those that left before are gone.
            let node = rows.nodes.iter_mut().find(|node| node.node == format!("n{k:02}")).unwrap();
            let old = rows.pods.iter_mut().find(|pod| pod.pod_uid == uid(k)).unwrap();
            (node.last_seen_seconds, node.up_seconds) = (start + 2400, 2400);
            old.ended_seconds = Some(start + 2300);
            let alive = |from: i64, to: i64| {
                let slot = |i: usize| {
                    let slot = 300 * i64::try_from(i).unwrap();
                    i32::try_from((to.min(slot + 300) - from.max(slot)).max(0)).ok()
                };
                std::array::from_fn(slot)
            };
            (old.alive_seconds_by_slot, moved.alive_seconds_by_slot) = (alive(0, 2300), alive(2320, 3600));
        } else {
            rows.nodes.retain(|node| node.node != format!("n{k:02}"));
            rows.pods.retain(|pod| pod.pod_uid != uid(k));
            rows.containers.retain(|container| container.pod_uid != uid(k));
        }
        rows.pods.push(moved);
        rows.containers.push(used);
    }
    for pod in &mut rows.pods {
        (pod.cpu_effective_request_millicores, pod.memory_effective_request_bytes) = (Some(1000), Some(4000 * MIB));
    }
    (n, rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_left_with_pods_are_taken_for_drained_unless_somebody_says_otherwise() {
    let inferred = |analysis: &Analysis| {
        analysis.notes.iter().any(|note| note.text.contains("it is inferred that something drains"))
    };
    let seen = analysis((0..50).map(drained)).await;
    assert!(inferred(&seen), "{:?}", seen.notes);
    let said = Assumptions::from_toml("ec2.today_consolidates = \"no\"").unwrap();
    let no = analysis_with((0..50).map(drained), said).await;
    assert!(!inferred(&no));
    let yes = Assumptions::from_toml("ec2.today_consolidates = \"yes\"").unwrap();
    let yes = analysis_with((0..50).map(drained), yes).await;
    let today = |analysis: &Analysis| scenario(analysis, "ec2-today-replayed").cost_usd.total.unwrap();
    assert_eq!(today(&seen), today(&yes), "what was seen is replayed as what is said");
    assert!(today(&seen) < today(&no), "five nodes with a pod each are fewer once they are drained");
    // The first thirty hours show nothing of it.
    assert!(!inferred(&analysis((0..30).map(drained)).await));
}
