//! Compares what is read from a lake with plain loops over the rows that were written.
#![expect(clippy::as_conversions, reason = "longhand of what rounds through a float")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lake::store::MemoryStore;
use lake::tables::NodeHour;
use lake::{HourOrigin, HourRows, Lake, SlotValues};
use proptest::prelude::*;
use types::{ClusterId, Hour, SLOTS_PER_HOUR};

use super::*;
use crate::read::lake_objects::{Days, SUMMED, coverage};
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::hour_facts::WorkloadKey;
use crate::sums::node_usage_by_owner::{FargateKind, GroupSums};
use crate::sums::plausibility_bounds::MOST_BYTES;
use crate::sums::workload_usage::WorkloadHour;

fn first_hour() -> Hour {
    Hour::starting_at(1_782_864_000).unwrap()
}

fn cluster() -> ClusterId {
    "c1".parse().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Writes hours through the lake's encoder and reads them back as facts.
fn read_back(hours: &[HourRows]) -> Vec<HourFacts> {
    read_with_ledger(hours).0
}

fn read_with_ledger(hours: &[HourRows]) -> (Vec<HourFacts>, Ledger) {
    runtime().block_on(async {
        let lake = Lake::new(Arc::new(MemoryStore::default()));
        for (n, rows) in hours.iter().enumerate() {
            let hour = first_hour().plus(i64::try_from(n).unwrap());
            lake.write_hour(&cluster(), hour, rows.clone(), HourOrigin::generator()).await.unwrap();
        }
        let coverage = coverage(&lake, &cluster(), None).await.unwrap();
        let mut days = Days::new(&lake, &cluster(), &coverage.hours, SUMMED);
        let (mut facts, mut ledger) = (Vec::new(), Ledger::default());
        while let Some(day) = days.next().await.unwrap() {
            facts.extend(decode_day(&day, &mut ledger).unwrap());
        }
        (facts, ledger)
    })
}

fn slots(range: std::ops::Range<i32>) -> impl Strategy<Value = SlotValues> {
    prop::array::uniform12(prop::option::weighted(0.8, range))
}

fn alive() -> impl Strategy<Value = SlotValues> {
    prop::array::uniform12(0..=300_i32).prop_map(|slots| slots.map(Some))
}

fn pod() -> impl Strategy<Value = PodHour> {
    let names = (0..6_usize, 0..4_usize, 0..5_usize);
    let requests = (prop::option::of(0..64_000_i32), prop::option::of(0..(1_i64 << 47)));
    let times = (prop::option::of(0..2_000_000_000_i64), prop::option::of(0..2_000_000_000_i64));
    (names, requests, times, alive()).prop_map(|(names, requests, times, alive)| PodHour {
        namespace: format!("ns-{}", names.0 % 3),
        workload_kind: ["Deployment", "Job"][names.0 % 2].to_owned(),
        workload: format!("w-{}", names.1),
        node: format!("node-{}", names.2),
        cpu_effective_request_millicores: requests.0,
        memory_effective_request_bytes: requests.1,
        pod_level_requests: [None, Some(false), Some(true)][names.0 % 3],
        scheduled_seconds: times.0,
        ended_seconds: times.1,
        alive_seconds_by_slot: alive,
        ..PodHour::default()
    })
}

fn container() -> impl Strategy<Value = ContainerHour> {
    let limits = (prop::option::of(0..64_000_i32), prop::option::of(0..(1_i64 << 47)));
    let sums = (prop::option::of(0..10_000_000_000_i64), prop::option::of(0..1_000_000_000_000_i64));
    let lists = (prop::option::of(slots(0..8000)), prop::option::of(slots(0..64_000)));
    (0..3_usize, limits, sums, lists).prop_map(|(kind, limits, sums, lists)| ContainerHour {
        namespace: "set below".to_owned(),
        container_kind: ["app", "init", "sidecar"][kind].to_owned(),
        cpu_limit_millicores: limits.0,
        memory_limit_bytes: limits.1,
        cpu_core_milliseconds: sums.0,
        memory_kib_seconds: sums.1,
        cpu_mean_millicores_by_slot: lists.0,
        memory_mean_mib_by_slot: lists.1,
        ..ContainerHour::default()
    })
}

fn node() -> impl Strategy<Value = NodeHour> {
    let sizes = (prop::option::of(0..96_000_i32), prop::option::of(0..1_i64 << 38), 0..4_000_i32);
    (0..4_usize, 0..=3600_i32, sizes).prop_map(|(kind, up_seconds, (cpu, memory, kept))| NodeHour {
        compute_type: ["ec2", "fargate", "fargate", "auto"][kind].to_owned(),
        zone: Some(["us-east-1a", "us-west-2b"][kind % 2].to_owned()),
        up_seconds,
        cpu_capacity_millicores: cpu,
        cpu_allocatable_millicores: cpu.map(|cpu| (cpu - kept).max(0)),
        memory_capacity_bytes: memory,
        ..NodeHour::default()
    })
}

/// An hour: pods with containers, containers of pods that have no row, nodes.
fn hour_rows() -> impl Strategy<Value = HourRows> {
    let pods =
        prop::collection::vec((pod(), prop::collection::vec(container(), 0..4), prop::bool::weighted(0.9)), 0..12);
    (pods, prop::collection::vec(node(), 0..5)).prop_map(|(pods, nodes)| {
        let mut rows = HourRows::default();
        for (n, (pod, containers, has_row)) in pods.into_iter().enumerate() {
            // Uids whose order is not the order of the rows.
            let pod_uid = format!("uid-{:02}", (n * 7) % 12);
            for (k, container) in containers.into_iter().enumerate() {
                let (pod_uid, namespace) = (pod_uid.clone(), pod.namespace.clone());
                rows.containers.push(ContainerHour { pod_uid, namespace, container: format!("c-{k}"), ..container });
            }
            if has_row {
                rows.pods.push(PodHour { pod_uid, ..pod });
            }
        }
        rows.nodes =
            nodes.into_iter().enumerate().map(|(n, row)| NodeHour { node: format!("node-{n}"), ..row }).collect();
        rows
    })
}

/// Rows with the hour they are of.
fn with_hours(hours: Vec<HourRows>) -> Vec<HourRows> {
    let mut hours = hours;
    for (n, rows) in hours.iter_mut().enumerate() {
        let start = first_hour().plus(i64::try_from(n).unwrap()).start_seconds();
        rows.pods.iter_mut().for_each(|row| row.hour_start_seconds = start);
        rows.containers.iter_mut().for_each(|row| row.hour_start_seconds = start);
        for row in &mut rows.nodes {
            (row.hour_start_seconds, row.first_seen_seconds) = (start, start);
            row.last_seen_seconds = start + i64::from(row.up_seconds);
        }
    }
    hours
}

fn alive_seconds(pod: &PodHour) -> i64 {
    pod.alive_seconds_by_slot.iter().flatten().map(|seconds| i64::from(*seconds)).sum()
}

/// A memory quantity as the pipelines take it: none above what a machine has.
fn plausible(bytes: Option<i64>) -> i64 {
    bytes.filter(|bytes| *bytes <= MOST_BYTES).unwrap_or_default()
}

/// Reservation and use by workload, longhand.
fn workloads_longhand(rows: &HourRows) -> BTreeMap<WorkloadKey, WorkloadHour> {
    let mut workloads = BTreeMap::<WorkloadKey, WorkloadHour>::new();
    let pods: HashMap<_, _> = rows.pods.iter().map(|pod| (pod.pod_uid.as_str(), pod)).collect();
    let key = |namespace: &str, pod: Option<&&PodHour>| WorkloadKey {
        namespace: namespace.to_owned(),
        kind: pod.map(|pod| pod.workload_kind.clone()).unwrap_or_default(),
        name: pod.map(|pod| pod.workload.clone()).unwrap_or_default(),
    };
    for pod in &rows.pods {
        let alive = alive_seconds(pod);
        let sums = workloads.entry(key(&pod.namespace, Some(&pod))).or_default();
        let memory = pod.memory_effective_request_bytes.filter(|bytes| *bytes <= MOST_BYTES);
        let cpu = pod.cpu_effective_request_millicores;
        sums.alive_seconds += alive;
        let nothing_known = if cpu.is_none() && memory.is_none() { alive } else { 0 };
        match pod.pod_level_requests {
            Some(true) => sums.alive_seconds_pod_level += nothing_known,
            _ => sums.alive_seconds_without_requests += nothing_known,
        }
        sums.cpu_request_millicore_seconds += i64::from(cpu.unwrap_or_default()) * alive;
        sums.memory_request_byte_seconds += i128::from(memory.unwrap_or_default()) * i128::from(alive);
    }
    for container in &rows.containers {
        let pod = pods.get(container.pod_uid.as_str());
        let lasting = if container.container_kind == "init" { 0 } else { pod.map_or(0, |pod| alive_seconds(pod)) };
        let (cpu, memory) = (container.cpu_core_milliseconds, container.memory_kib_seconds);
        let sums = workloads.entry(key(&container.namespace, pod)).or_default();
        sums.cpu_limit_millicore_seconds += i64::from(container.cpu_limit_millicores.unwrap_or_default()) * lasting;
        sums.memory_limit_byte_seconds += i128::from(plausible(container.memory_limit_bytes)) * i128::from(lasting);
        sums.cpu_core_milliseconds += cpu.unwrap_or_default();
        sums.memory_kib_seconds += i128::from(memory.unwrap_or_default());
        sums.container_seconds_without_usage += if cpu.is_none() && memory.is_none() { lasting } else { 0 };
    }
    workloads
}

/// Billed seconds of pods on Fargate nodes, longhand.
fn add_fargate(rows: &HourRows, seconds: &mut BTreeMap<(FargateKind, String), i64>) {
    for pod in &rows.pods {
        let node = rows.nodes.iter().find(|node| node.node == pod.node && node.up_seconds > 0);
        let Some(node) = node.filter(|node| node.compute_type == "fargate") else { continue };
        let kind = FargateKind {
            region: node.zone.as_deref().map(|zone| zone[..zone.len() - 1].to_owned()),
            cpu_request_millicores: pod.cpu_effective_request_millicores.map_or(0, i64::from),
            memory_request_bytes: plausible(pod.memory_effective_request_bytes),
            provisioned: None,
        };
        let hour = pod.hour_start_seconds;
        let missing = match (pod.scheduled_seconds, pod.ended_seconds) {
            (Some(from), Some(to)) if to > hour && to <= hour + 3600 => (60 - (to - from).max(0)).max(0),
            _ => 0,
        };
        let owner = format!("{}/{}/{}", pod.namespace, pod.workload_kind, pod.workload);
        *seconds.entry((kind, owner)).or_default() += alive_seconds(pod) + missing;
    }
}

/// A sum over the slots of an hour: in proportion to mean times alive, else to alive, else evenly.
fn spread_longhand(sum: i64, means: Option<SlotValues>, alive: [i64; SLOTS_PER_HOUR]) -> [i64; SLOTS_PER_HOUR] {
    let by_mean = means.map(|means| std::array::from_fn(|k| i64::from(means[k].unwrap_or_default()) * alive[k]));
    let candidates = [by_mean.unwrap_or(alive), alive, [1; SLOTS_PER_HOUR]];
    let weights = candidates.into_iter().find(|weights| weights.iter().sum::<i64>() > 0).unwrap();
    let all: i64 = weights.iter().sum();
    let each = sum as f64 / all as f64;
    let until = |k: usize| match weights[..k].iter().sum::<i64>() {
        so_far if so_far == all => sum,
        so_far => (so_far as f64 * each) as i64,
    };
    std::array::from_fn(|k| until(k + 1) - until(k))
}

/// Capacity that pods hold of each node, and that they leave, longhand: by node and owner, and by node.
type Held = (BTreeMap<(String, String), CpuMemory>, BTreeMap<String, GroupSums>);

fn add_held(rows: &HourRows, (held, left): &mut Held) {
    let up = |node: &&NodeHour| node.up_seconds > 0 && node.compute_type != "fargate";
    for node in rows.nodes.iter().filter(up) {
        let mut by_slot = [[0_i64; 2]; SLOTS_PER_HOUR];
        for pod in rows.pods.iter().filter(|pod| pod.node == node.node) {
            let alive = pod.alive_seconds_by_slot.map(|seconds| i64::from(seconds.unwrap()));
            let mut used = [[0_i64; 2]; SLOTS_PER_HOUR];
            for container in rows.containers.iter().filter(|container| container.pod_uid == pod.pod_uid) {
                if let Some(sum) = container.cpu_core_milliseconds {
                    let cpu = spread_longhand(sum, container.cpu_mean_millicores_by_slot, alive);
                    (0..SLOTS_PER_HOUR).for_each(|k| used[k][0] += cpu[k]);
                }
                if let Some(sum) = container.memory_kib_seconds {
                    let memory = spread_longhand(sum, container.memory_mean_mib_by_slot, alive);
                    (0..SLOTS_PER_HOUR).for_each(|k| used[k][1] += memory[k] * 1024);
                }
            }
            let owner = format!("{}/{}/{}", pod.namespace, pod.workload_kind, pod.workload);
            let of_owner = held.entry((node.node.clone(), owner)).or_default();
            let cpu_request = pod.cpu_effective_request_millicores.map_or(0, i64::from);
            let memory_request = plausible(pod.memory_effective_request_bytes);
            for k in 0..SLOTS_PER_HOUR {
                let billable = [(cpu_request * alive[k]).max(used[k][0]), (memory_request * alive[k]).max(used[k][1])];
                by_slot[k][0] += billable[0];
                by_slot[k][1] += billable[1];
                of_owner.cpu += i128::from(billable[0]);
                of_owner.memory += i128::from(billable[1]);
            }
        }
        let sums = left.entry(node.node.clone()).or_default();
        sums.up_seconds += i64::from(node.up_seconds);
        for (k, held) in by_slot.iter().enumerate() {
            let slot = i64::try_from(k).unwrap() * 300;
            let up = i128::from((i64::from(node.up_seconds) - slot).clamp(0, 300));
            if let (Some(capacity), Some(allocatable)) = (node.cpu_capacity_millicores, node.cpu_allocatable_millicores)
            {
                let free = i128::from(capacity) * up - i128::from(held[0]);
                let kept = (i128::from(capacity - allocatable) * up).min(free.max(0));
                sums.kept.cpu += kept;
                sums.idle.cpu += free.max(0) - kept;
                sums.over.cpu += (-free).max(0);
            }
            if let Some(capacity) = node.memory_capacity_bytes {
                let free = i128::from(capacity) * up - i128::from(held[1]);
                sums.idle.memory += free.max(0);
                sums.over.memory += (-free).max(0);
            }
        }
    }
}

/// The sums of two hours, or of two groups of nodes.
fn plus(a: GroupSums, b: GroupSums) -> GroupSums {
    let both = |a: CpuMemory, b: CpuMemory| CpuMemory { cpu: a.cpu + b.cpu, memory: a.memory + b.memory };
    GroupSums {
        up_seconds: a.up_seconds + b.up_seconds,
        idle: both(a.idle, b.idle),
        kept: both(a.kept, b.kept),
        over: both(a.over, b.over),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pipelines_equal_plain_loops_over_the_rows(hours in prop::collection::vec(hour_rows(), 1..4)) {
        let hours = with_hours(hours);
        let (facts, ledger) = read_with_ledger(&hours);
        let named = |(number, sums): (&u32, &WorkloadHour)| (ledger.workloads.name(*number).unwrap().clone(), *sums);
        prop_assert_eq!(facts.len(), hours.len());
        for (facts, rows) in facts.iter().zip(&hours) {
            let workloads: BTreeMap<_, _> = facts.workloads.iter().map(named).collect();
            prop_assert_eq!(workloads, workloads_longhand(rows));
            let used: i64 = rows.containers.iter().filter_map(|row| row.cpu_core_milliseconds).sum();
            prop_assert_eq!(facts.slots.cpu_core_milliseconds.iter().sum::<i64>(), used);
            let used: i64 = rows.containers.iter().filter_map(|row| row.memory_kib_seconds).sum();
            prop_assert_eq!(facts.slots.memory_kib_seconds.iter().sum::<i64>(), used);
            let up: Vec<_> = rows.nodes.iter().filter(|row| row.up_seconds > 0).map(|row| &row.node).collect();
            prop_assert_eq!(facts.nodes.iter().map(|row| &row.name).collect::<Vec<_>>(), up);
            let ids: BTreeSet<_> = facts.pod_ids.values().flatten().collect();
            prop_assert_eq!(ids.len(), rows.pods.len());
            prop_assert_eq!(facts.container_ids.len(), rows.containers.len());
        }
    }

    #[test]
    fn the_ledger_equals_plain_loops_over_slots_pods_and_nodes(hours in prop::collection::vec(hour_rows(), 1..4)) {
        let hours = with_hours(hours);
        let (_, ledger) = read_with_ledger(&hours);
        let (mut fargate, mut expect): (BTreeMap<_, i64>, Held) = Default::default();
        for rows in &hours {
            add_fargate(rows, &mut fargate);
            add_held(rows, &mut expect);
        }
        let name = |owner: u32| {
            let (key, _) = ledger.owner_key(owner).unwrap();
            format!("{}/{}/{}", key.namespace, key.kind, key.name)
        };
        let of_fargate: BTreeMap<_, _> =
            ledger.fargate.iter().map(|((kind, owner), seconds)| ((kind.clone(), name(*owner)), *seconds)).collect();
        prop_assert_eq!(of_fargate, fargate);
        // Groups of nodes are finer than nodes here or not: compare what is summed over either.
        let mut held: BTreeMap<String, CpuMemory> = BTreeMap::new();
        for (owner, both) in ledger.holders().into_values().flatten() {
            *held.entry(name(owner)).or_default() += both;
        }
        let mut held_longhand: BTreeMap<String, CpuMemory> = BTreeMap::new();
        for ((_, owner), both) in expect.0 {
            *held_longhand.entry(owner).or_default() += both;
        }
        prop_assert_eq!(held, held_longhand);
        let all = ledger.group_sums.values().copied().fold(GroupSums::default(), plus);
        prop_assert_eq!(all, expect.1.into_values().fold(GroupSums::default(), plus));
    }

    #[test]
    fn the_order_of_rows_changes_nothing(rows in hour_rows(), seed in 0..1000_usize) {
        let rows = with_hours(vec![rows]).remove(0);
        let mut turned = rows.clone();
        let turn = |n: usize| if n == 0 { 0 } else { seed % n };
        turned.pods.rotate_left(turn(rows.pods.len()));
        turned.containers.reverse();
        turned.nodes.rotate_left(turn(rows.nodes.len()));
        prop_assert_eq!(read_back(&[rows]), read_back(&[turned]));
    }
}

/// The frames of one hour, through the lake's encoder.
fn frames(rows: &HourRows) -> (polars::prelude::DataFrame, polars::prelude::DataFrame) {
    runtime().block_on(async {
        let lake = Lake::new(Arc::new(MemoryStore::default()));
        lake.write_hour(&cluster(), first_hour(), rows.clone(), HourOrigin::generator()).await.unwrap();
        let read = lake.manifest(&cluster(), first_hour()).await.unwrap();
        let (_, pods) = lake.table_bytes::<PodHour>(&read).await.unwrap().unwrap();
        let (_, containers) = lake.table_bytes::<ContainerHour>(&read).await.unwrap().unwrap();
        let pods = usage_by_owner::read(pods, usage_by_owner::POD_COLUMNS).unwrap();
        (pods, usage_by_owner::read(containers, usage_by_owner::CONTAINER_COLUMNS).unwrap())
    })
}

#[test]
fn what_the_lake_writes_polars_reads_with_the_types_of_the_tables() {
    let rows = with_hours(vec![HourRows {
        pods: vec![PodHour { pod_uid: "a".into(), ..PodHour::default() }],
        containers: vec![ContainerHour { pod_uid: "a".into(), ..ContainerHour::default() }],
        ..HourRows::default()
    }]);
    // `usage::read` compares every type with that of its column.
    let (pods, containers) = frames(&rows[0]);
    assert_eq!((pods.height(), containers.height()), (1, 1));
    let empty = frames(&HourRows::default());
    assert_eq!((empty.0.height(), empty.1.height()), (0, 0));
}

#[test]
fn slots_weigh_a_mean_by_the_time_its_pod_was_alive() {
    let half: SlotValues = std::array::from_fn(|k| Some(if k < 6 { 300 } else { 0 }));
    let rows = with_hours(vec![HourRows {
        pods: vec![PodHour { pod_uid: "a".into(), alive_seconds_by_slot: half, ..PodHour::default() }],
        containers: vec![ContainerHour {
            pod_uid: "a".into(),
            container: "c".into(),
            cpu_core_milliseconds: Some(6 * 300 * 500),
            cpu_mean_millicores_by_slot: Some([Some(500); SLOTS_PER_HOUR]),
            ..ContainerHour::default()
        }],
        ..HourRows::default()
    }]);
    let facts = read_back(&rows).remove(0);
    assert_eq!(facts.slots.cpu_core_milliseconds, std::array::from_fn(|k| if k < 6 { 150_000 } else { 0 }));
}

#[test]
fn hours_are_read_by_day_and_in_order() {
    let hours: Vec<_> = (0..50).map(|_| HourRows::default()).collect();
    let facts = read_back(&hours);
    let expect: Vec<_> = (0..50).map(|n| first_hour().plus(n)).collect();
    assert_eq!(facts.iter().map(|facts| facts.hour).collect::<Vec<_>>(), expect);
}
