//! Right-sized requests of whole lakes, side by side with the rule that Kubernetes Resource Recommender (KRR) goes by.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]
#![expect(clippy::as_conversions, reason = "numbers made here, far from any bound")]

use std::collections::BTreeMap;
use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{HourOrigin, HourRows, Lake};
use types::Hour;
use types::analysis::{Analysis, Caution, ContainerSize, SkipReason};

const START: i64 = 1_782_864_000;
const MIB: i64 = 1 << 20;
const DAY: i64 = 24;

/// Returns the use of one pod in a slot: millicores and MiB; the same in every run.
fn used(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let mut state = (pod as u64) << 40 ^ (hour as u64) << 8 ^ slot as u64 ^ 0x9E37_79B9_7F4A_7C15;
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let random = ((state ^ (state >> 31)) % 1_000) as i32;
    let busy = if (8..18).contains(&(hour % DAY)) { 300 } else { 60 };
    (busy + random / 4 + pod as i32 * 20, 400 + random / 5 + pod as i32 * 30)
}

/// A workload: its name, kind, pods, the hours it runs in, and its request and limit in millicores and MiB.
struct Of {
    name: &'static str,
    kind: &'static str,
    pods: usize,
    hours: std::ops::Range<i64>,
    request: (i32, i64),
    limit: (Option<i32>, Option<i64>),
    autoscaled: bool,
    is_seen: bool,
}

fn of(name: &'static str, hours: i64) -> Of {
    Of {
        name,
        kind: "Deployment",
        pods: 3,
        hours: 0..hours,
        request: (2_000, 4_096),
        limit: (None, None),
        autoscaled: false,
        is_seen: true,
    }
}

fn rows(workloads: &[Of], n: i64) -> HourRows {
    let at = Hour::starting_at(START).unwrap().plus(n);
    let (mut pods, mut containers) = (Vec::new(), Vec::new());
    for (w, of) in workloads.iter().enumerate().filter(|(_, of)| of.hours.contains(&n)) {
        for pod in 0..of.pods {
            let uid = format!("uid-{w}-{pod}");
            pods.push(PodHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid: uid.clone(),
                namespace: "shop".to_owned(),
                pod: uid.clone(),
                node: "node-0".to_owned(),
                workload_kind: of.kind.to_owned(),
                workload: of.name.to_owned(),
                alive_seconds_by_slot: [Some(300); 12],
                cpu_effective_request_millicores: Some(of.request.0),
                memory_effective_request_bytes: Some(of.request.1 * MIB),
                hpa_target: Some(of.autoscaled),
                ..PodHour::default()
            });
            let of_slots = |value: fn((i32, i32)) -> i32| -> Option<[Option<i32>; 12]> {
                of.is_seen.then(|| std::array::from_fn(|slot| Some(value(used(pod, n, slot)))))
            };
            containers.push(ContainerHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid: uid,
                container: "app".to_owned(),
                namespace: "shop".to_owned(),
                container_kind: "app".to_owned(),
                cpu_request_millicores: Some(of.request.0),
                memory_request_bytes: Some(of.request.1 * MIB),
                cpu_limit_millicores: of.limit.0,
                memory_limit_bytes: of.limit.1.map(|mib| mib * MIB),
                running_seconds: Some(3600),
                instances: 1,
                cpu_core_milliseconds: of.is_seen.then(|| (0..12).map(|k| i64::from(used(pod, n, k).0) * 300).sum()),
                memory_kib_seconds: of
                    .is_seen
                    .then(|| (0..12).map(|k| i64::from(used(pod, n, k).1) * 1024 * 300).sum()),
                cpu_mean_millicores_by_slot: of_slots(|used| used.0),
                memory_mean_mib_by_slot: of_slots(|used| used.1),
                memory_max_mib_by_slot: of_slots(|used| used.1),
                ..ContainerHour::default()
            });
        }
    }
    let node = NodeHour {
        hour_start_seconds: at.start_seconds(),
        node: "node-0".to_owned(),
        provider_id: "aws:///us-east-1a/i-0".to_owned(),
        instance_type: Some("m5.24xlarge".to_owned()),
        instance_type_source: "label".to_owned(),
        region: Some("us-east-1".to_owned()),
        zone: Some("us-east-1a".to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: "ec2".to_owned(),
        arch: Some("amd64".to_owned()),
        os: Some("linux".to_owned()),
        cpu_capacity_millicores: Some(96_000),
        memory_capacity_bytes: Some(384 * 1024 * MIB),
        cpu_allocatable_millicores: Some(95_000),
        memory_allocatable_bytes: Some(380 * 1024 * MIB),
        first_seen_seconds: at.start_seconds(),
        last_seen_seconds: at.end_seconds(),
        up_seconds: 3600,
        ..NodeHour::default()
    };
    HourRows { pods, containers, nodes: vec![node], ..HourRows::default() }
}

async fn analysis(workloads: &[Of], hours: i64) -> Analysis {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let cluster: types::ClusterId = "prod-1".parse().unwrap();
    for n in 0..hours {
        let at = Hour::starting_at(START).unwrap().plus(n);
        lake.write_hour(&cluster, at, rows(workloads, n), HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster,
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: true,
    };
    analyze(&lake, request, |_, _| {}).await.unwrap()
}

fn size<'a>(analysis: &'a Analysis, name: &str) -> &'a ContainerSize {
    let sizes = analysis.right_sizing.as_ref().unwrap();
    sizes.containers.iter().find(|one| one.workload == name).unwrap_or_else(|| panic!("no {name} in {sizes:?}"))
}

/// numpy's percentile: linear between the two nearest ranks.
fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() - 1) as f64 * percent / 100.0;
    let (low, part) = (at.floor() as usize, at.fract());
    values[low] + (values[(low + 1).min(values.len() - 1)] - values[low]) * part
}

#[tokio::test]
async fn targets_are_those_of_krr_on_the_same_data() {
    // Ten days, of which the last seven are looked at, as KRR's `--history_duration` of 168 hours would.
    let hours = 10 * DAY;
    let analysis = analysis(&[of("api", hours)], hours).await;
    let ours = size(&analysis, "api");
    let mut by_pod: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
    for (pod, hour, slot) in
        (0..3).flat_map(|pod| (3 * DAY..hours).flat_map(move |n| (0..12).map(move |k| (pod, n, k))))
    {
        let (cpu, memory) = used(pod, hour, slot);
        let entry = by_pod.entry(pod).or_default();
        entry.0.push(cpu.into());
        entry.1 = entry.1.max(memory.into());
    }
    // KRR's simple strategy: memory is the largest of all pods with a margin of 15 %.
    let memory = by_pod.values().map(|of| of.1).fold(0.0, f64::max);
    assert_eq!(f64::from(ours.memory_target_mib), (memory * 1.15).ceil());
    // CPU is the percentile over the samples of all pods together.
    let all: Vec<f64> = by_pod.values().flat_map(|of| of.0.clone()).collect();
    for (percent, mine) in
        [(95.0, ours.cpu_target_millicores), (95.0, ours.cpu_p95_millicores), (99.0, ours.cpu_p99_millicores)]
    {
        let krr = percentile(all.clone(), percent);
        let off = f64::from(mine) / krr - 1.0;
        assert!((-0.005..0.02).contains(&off), "at {percent}: {mine} millicores, KRR {krr:.1}");
    }
    // Since version 1.8 it is the largest of the pods' own percentiles, which is never less than that of all together.
    let largest = by_pod.values().map(|of| percentile(of.0.clone(), 95.0)).fold(0.0, f64::max);
    assert!(f64::from(ours.cpu_target_millicores) <= largest * 1.02, "{} and {largest}", ours.cpu_target_millicores);
    assert_eq!((ours.days_seen, ours.pods_mean), (7, 3.0));
    // What is freed costs what the workload pays for it: today's price of a core-hour and a GiB-hour of what it holds.
    let row = &analysis.allocation.as_ref().unwrap().by_workload[0];
    let usd = row.cpu_usd / row.cpu_request_core_hours * (2.0 - f64::from(ours.cpu_target_millicores) / 1000.0)
        + row.memory_usd / row.memory_request_gib_hours * (4.0 - f64::from(ours.memory_target_mib) / 1024.0);
    let saving = ours.saving_monthly_usd.unwrap();
    assert!((saving / (usd * 3.0 * 730.0) - 1.0).abs() < 1e-9, "{saving} and {usd}");
    assert_eq!(ours.cautions, []);
}

#[tokio::test]
async fn what_to_be_careful_about_is_said() {
    let hours = 8 * DAY;
    let workloads = [
        Of { limit: (Some(640), Some(700)), ..of("tight", hours) },
        Of { autoscaled: true, ..of("scaled", hours) },
        Of { hours: hours - 3 * DAY..hours, ..of("young", hours) },
        Of { request: (40, 200), ..of("starved", hours) },
    ];
    let analysis = analysis(&workloads, hours).await;
    let tight = size(&analysis, "tight");
    assert!(tight.cautions.contains(&Caution::MemoryNearLimit) && tight.cautions.contains(&Caution::LimitBelowTarget));
    assert!(tight.cpu_max_millicores > 580 && size(&analysis, "scaled").cautions == [Caution::Autoscaled]);
    assert_eq!(size(&analysis, "young").cautions, [Caution::FewDays]);
    assert_eq!(size(&analysis, "young").days_seen, 3);
    let starved = size(&analysis, "starved");
    assert!(starved.cpu_target_millicores > 40 && starved.saving_monthly_usd.unwrap() < 0.0, "{starved:?}");
}

#[tokio::test]
async fn a_container_without_a_target_says_why() {
    let hours = 8 * DAY;
    let workloads = [
        Of { is_seen: false, ..of("silent", hours) },
        Of { hours: hours - 20..hours, ..of("new", hours) },
        Of { kind: "Pod", ..of("alone", hours) },
        Of { request: (520, 720), ..of("fitting", hours) },
    ];
    let analysis = analysis(&workloads, hours).await;
    let sizes = analysis.right_sizing.as_ref().unwrap();
    let reason = |name: &str| sizes.skipped.iter().find(|one| one.workload == name).map(|one| one.reason);
    assert_eq!(reason("silent"), Some(SkipReason::NoUsage));
    assert_eq!(reason("new"), Some(SkipReason::TooFewDays));
    assert_eq!(reason("alone"), Some(SkipReason::NoOwner));
    assert_eq!(reason("fitting"), Some(SkipReason::Fits), "{:?}", sizes.containers);
}

#[tokio::test]
async fn waste_and_steps_are_in_the_analysis() {
    let hours = 3 * DAY;
    let analysis = analysis(&[of("api", hours)], hours).await;
    let waste = analysis.waste.as_ref().unwrap();
    let total: f64 = waste.parts.iter().map(|part| part.monthly_usd).sum();
    assert!(waste.monthly_usd > 0.0 && (waste.monthly_usd - total).abs() < 1e-6);
    // One node of 96 cores for six requested: nearly all of it stands idle.
    assert!(waste.fraction.unwrap() > 0.8 && waste.fraction.unwrap() < 1.0, "{waste:?}");
    assert!(analysis.next_steps.is_some());
}
