//! The planted bill: a generated cluster's cost, worked out from what was planted, against the analysis of its lake.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]
#![expect(clippy::as_conversions, reason = "longhand in floats")]

use std::collections::BTreeMap;
use std::sync::Arc;

use analyzer::{Assumptions, CapacityType, PriceBook, Request, Sharing, analyze};
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::tables::NodeHour;
use lake::{HourOrigin, HourRows, Lake};
use types::{Hour, Window};

const GIB: f64 = 1_073_741_824.0;

/// Dollars by what they are for, and by namespace: of pods that are not daemonsets.
#[derive(Debug, Default)]
struct Planted {
    nodes: f64,
    root_disks: f64,
    fargate: f64,
    volumes: f64,
    namespaces: BTreeMap<String, f64>,
    daemonsets: f64,
}

/// Returns the cost of a node for an hour, root disk included; `None` on Fargate.
fn node_price(book: &PriceBook, node: &NodeHour) -> Option<(f64, f64)> {
    let name = node.instance_type.as_deref()?;
    let spot = node.capacity_type.as_deref() == Some("spot");
    let kind = if spot { CapacityType::Spot } else { CapacityType::OnDemand };
    let price = book.node(name, kind, Cluster::REGION).unwrap().price.usd_per_hour();
    Some((price, node.root_disk_bytes.unwrap() as f64 / GIB * 0.08 / 730.0))
}

/// Smallest size on Fargate that holds a request, in vCPU and GiB.
fn fargate_size(cores: f64, gib: f64) -> (f64, f64) {
    let gib = gib + 0.25;
    let sizes: [(f64, &[f64]); 4] = [
        (0.25, &[0.5, 1.0, 2.0]),
        (0.5, &[1.0, 2.0, 3.0, 4.0]),
        (1.0, &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        (2.0, &[4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]),
    ];
    let fits = |(vcpu, memory): &(f64, &[f64])| {
        let memory = memory.iter().copied().find(|memory| *memory >= gib)?;
        (*vcpu >= cores).then_some((*vcpu, memory))
    };
    sizes.iter().find_map(fits).unwrap()
}

/// Shares of an amount over slots: mean times alive, as the lake's contract says.
fn by_slot(amount: Option<i64>, means: Option<lake::SlotValues>, alive: [f64; 12]) -> [f64; 12] {
    let Some(amount) = amount else { return [0.0; 12] };
    let means = means.map_or([1.0; 12], |means| means.map(|mean| f64::from(mean.unwrap_or_default())));
    let mut weights: [f64; 12] = std::array::from_fn(|k| means[k] * alive[k]);
    if weights.iter().sum::<f64>() <= 0.0 {
        weights = if alive.iter().sum::<f64>() > 0.0 { alive } else { [1.0; 12] };
    }
    let all: f64 = weights.iter().sum();
    weights.map(|weight| amount as f64 * weight / all)
}

fn add_hour(planted: &mut Planted, book: &PriceBook, rows: &HourRows) {
    let nodes: BTreeMap<_, _> = rows.nodes.iter().map(|node| (node.node.as_str(), node)).collect();
    for node in &rows.nodes {
        if let Some((price, disk)) = node_price(book, node) {
            planted.nodes += price * f64::from(node.up_seconds) / 3600.0;
            planted.root_disks += disk * f64::from(node.up_seconds) / 3600.0;
        }
    }
    let mut owners = BTreeMap::new();
    for pod in &rows.pods {
        let alive = pod.alive_seconds_by_slot.map(|seconds| f64::from(seconds.unwrap()));
        let (mut cpu, mut memory) = ([0.0; 12], [0.0; 12]);
        for container in rows.containers.iter().filter(|container| container.pod_uid == pod.pod_uid) {
            let used = by_slot(container.cpu_core_milliseconds, container.cpu_mean_millicores_by_slot, alive);
            (0..12).for_each(|k| cpu[k] += used[k]);
            let used = by_slot(container.memory_kib_seconds, container.memory_mean_mib_by_slot, alive);
            (0..12).for_each(|k| memory[k] += used[k] * 1024.0);
        }
        let cores = f64::from(pod.cpu_effective_request_millicores.unwrap_or_default());
        let bytes = pod.memory_effective_request_bytes.unwrap_or_default() as f64;
        let Some(node) = nodes.get(pod.node.as_str()) else { continue };
        let usd = match node_price(book, node) {
            Some((price, disk)) => {
                let cpu_held: f64 = (0..12).map(|k| (cores * alive[k]).max(cpu[k])).sum();
                let memory_held: f64 = (0..12).map(|k| (bytes * alive[k]).max(memory[k])).sum();
                let (node_cores, node_gib) = (
                    f64::from(node.cpu_capacity_millicores.unwrap()) / 1000.0,
                    node.memory_capacity_bytes.unwrap() as f64 / GIB,
                );
                let for_one = (price + disk) / (node_cores * 7.46 + node_gib) / 3600.0;
                for_one * (cpu_held / 1000.0 * 7.46 + memory_held / GIB)
            }
            None => {
                let (vcpu, gib) = fargate_size(cores / 1000.0, bytes / GIB);
                let usd = (vcpu * 0.04048 + gib * 0.004445) * alive.iter().sum::<f64>() / 3600.0;
                planted.fargate += usd;
                usd
            }
        };
        for claim in &pod.volume_claims {
            owners.insert((pod.namespace.as_str(), claim.as_str()), pod.namespace.as_str());
        }
        match pod.workload_kind.as_str() {
            "DaemonSet" => planted.daemonsets += usd,
            _ => *planted.namespaces.entry(pod.namespace.clone()).or_default() += usd,
        }
    }
    for volume in &rows.volumes {
        let unit = match volume.volume_type.as_deref() {
            Some("gp3") => 0.08,
            Some("gp2") => 0.10,
            Some("io2" | "io1") => 0.125,
            Some("st1") => 0.045,
            _ => continue,
        };
        let gib = volume.capacity_bytes.unwrap() as f64 / GIB;
        let usd = gib * unit * f64::from(volume.present_seconds) / 3600.0 / 730.0;
        planted.volumes += usd;
        if let Some(namespace) = owners.get(&(volume.namespace.as_str(), volume.volume_claim.as_str())) {
            *planted.namespaces.entry((*namespace).to_owned()).or_default() += usd;
        }
    }
}

fn near(what: &str, ours: f64, planted: f64) {
    assert!((ours - planted).abs() <= 1e-4 * planted.abs(), "{what}: {ours} and planted {planted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_planted_bill_is_found_in_total_and_for_every_namespace() {
    let first = Hour::starting_at(1_782_864_000).unwrap();
    let window = Window::try_new(first.start(), first.plus(30).start()).unwrap();
    let (cluster, id) = (Cluster::generate(42, window), "demo".parse().unwrap());
    let book = PriceBook::catalog().unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let mut planted = Planted::default();
    for hour in window.hours() {
        let rows = cluster.hour_rows(hour);
        add_hour(&mut planted, &book, &rows);
        let seen: i64 = rows.nodes.iter().map(|node| i64::from(node.up_seconds)).sum();
        let truth: i64 = cluster.truth(hour).node_seconds.iter().map(|(_, seconds)| seconds).sum();
        assert_eq!(seen, truth, "{hour}");
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: id,
        window: None,
        assumptions: Assumptions::from_toml("ec2.boot_seconds = 0").unwrap(),
        prices: book,
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    };
    let analysis = analyze(&lake, request, |_, _| {}).await.unwrap();
    let cost = &analysis.scenarios[0].cost_usd;
    near("nodes", cost.compute.unwrap(), planted.nodes);
    near("root disks", cost.root_disks.unwrap(), planted.root_disks);
    near("fargate", cost.fargate.unwrap(), planted.fargate);
    near("volumes", cost.volumes.unwrap(), planted.volumes);
    let total = planted.nodes + planted.root_disks + planted.fargate + planted.volumes + 0.10 * 30.0;
    near("total", cost.total.unwrap(), total);
    let allocation = analysis.allocation.unwrap();
    near("allocated", allocation.total.total_usd, total);
    assert_eq!(allocation.total.residual_nano_usd, "0");
    assert!(planted.namespaces.len() > 5 && planted.fargate > 0.0 && planted.volumes > 0.0);
    for row in &allocation.by_namespace {
        near(&row.namespace, row.workload_usd, planted.namespaces.remove(&row.namespace).unwrap_or_default());
    }
    assert!(planted.namespaces.is_empty(), "{:?}", planted.namespaces);
    let daemonsets = allocation.overhead.iter().find(|row| row.what == "daemonsets").unwrap();
    near("daemonsets", daemonsets.usd, planted.daemonsets);
}
