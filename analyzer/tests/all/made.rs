//! Clusters made by hand: nodes of one type, pods that fill them in order, and use as a function of time.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{HourOrigin, HourRows, Lake};
use types::Hour;
use types::analysis::{Analysis, Judged, Scenario, ScenarioId};

/// A Monday at midnight, UTC.
const START: i64 = 1_782_691_200;
const GIB: i64 = 1 << 30;

/// The hour so many after the first.
pub(crate) fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

/// A node type as its nodes report themselves.
#[derive(Clone, Copy)]
pub(crate) struct NodeType {
    pub(crate) name: &'static str,
    pub(crate) cores: i32,
    pub(crate) gib: i64,
    pub(crate) allocatable_millicores: i32,
    pub(crate) allocatable_mib: i64,
}

pub(crate) const M5_4XLARGE: NodeType =
    NodeType { name: "m5.4xlarge", cores: 16, gib: 64, allocatable_millicores: 15_890, allocatable_mib: 57_691 };
pub(crate) const M6A_4XLARGE: NodeType = NodeType { name: "m6a.4xlarge", ..M5_4XLARGE };

/// Millicores and MiB a pod uses in a slot: by its number, the hour from the first, and the slot.
pub(crate) type Use = fn(usize, i64, usize) -> (i32, i32);

/// Pods of one kind. Each workload is a Deployment in `namespace` with `replicas` pods.
#[derive(Clone, Copy)]
pub(crate) struct Pods {
    pub(crate) namespace: &'static str,
    pub(crate) pods: usize,
    pub(crate) replicas: usize,
    pub(crate) request: (i32, i64),
    pub(crate) used: Use,
}

/// A cluster that stays as it is.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) node: NodeType,
    pub(crate) nodes: usize,
    pub(crate) zones: usize,
    pub(crate) pods_per_node: usize,
    pub(crate) pods: Vec<Pods>,
}

impl Cluster {
    fn zone(&self, node: usize) -> String {
        format!("us-east-1{}", ["a", "b", "c"][node % self.zones])
    }

    fn node_row(&self, at: Hour, n: usize) -> NodeHour {
        let of = self.node;
        NodeHour {
            hour_start_seconds: at.start_seconds(),
            node: format!("node-{n:03}"),
            provider_id: format!("aws:///{}/i-{n}", self.zone(n)),
            instance_type: Some(of.name.to_owned()),
            instance_type_source: "label".to_owned(),
            region: Some("us-east-1".to_owned()),
            zone: Some(self.zone(n)),
            capacity_type: Some("on-demand".to_owned()),
            compute_type: "ec2".to_owned(),
            arch: Some("amd64".to_owned()),
            os: Some("linux".to_owned()),
            cpu_capacity_millicores: Some(of.cores * 1000),
            memory_capacity_bytes: Some(of.gib * GIB),
            cpu_allocatable_millicores: Some(of.allocatable_millicores),
            memory_allocatable_bytes: Some(of.allocatable_mib << 20),
            root_disk_bytes: Some(50 * GIB),
            first_seen_seconds: at.start_seconds(),
            last_seen_seconds: at.end_seconds(),
            up_seconds: 3600,
            ..NodeHour::default()
        }
    }

    /// The rows of the hour so many after the first.
    pub(crate) fn rows(&self, n: i64) -> HourRows {
        let at = hour(n);
        let mut rows =
            HourRows { nodes: (0..self.nodes).map(|i| self.node_row(at, i)).collect(), ..HourRows::default() };
        let mut number = 0;
        for kind in &self.pods {
            for i in 0..kind.pods {
                let (pod, container) = self.pod_rows(at, n, kind, i, number);
                rows.pods.push(pod);
                rows.containers.push(container);
                number += 1;
            }
        }
        rows
    }

    fn pod_rows(&self, at: Hour, n: i64, kind: &Pods, i: usize, number: usize) -> (PodHour, ContainerHour) {
        let (millicores, mib) = kind.request;
        let used: [(i32, i32); 12] = std::array::from_fn(|slot| (kind.used)(i, n, slot));
        let sum = |of: fn(&(i32, i32)) -> i32| used.iter().map(|used| i64::from(of(used))).sum::<i64>() * 300;
        let (cpu, memory) = (used.map(|used| Some(used.0)), used.map(|used| Some(used.1)));
        let pod_uid = format!("{:08x}-0000-4000-8000-{number:012x}", 0x0a11_0000 + number);
        let name = format!("{}-{}", kind.namespace, i / kind.replicas);
        let pod = PodHour {
            hour_start_seconds: at.start_seconds(),
            pod_uid: pod_uid.clone(),
            namespace: kind.namespace.to_owned(),
            pod: format!("{name}-{i}"),
            node: format!("node-{:03}", number / self.pods_per_node % self.nodes),
            workload_kind: "Deployment".to_owned(),
            workload: name.clone(),
            alive_seconds_by_slot: [Some(300); 12],
            cpu_effective_request_millicores: Some(millicores),
            memory_effective_request_bytes: Some(mib << 20),
            ..PodHour::default()
        };
        let container = ContainerHour {
            hour_start_seconds: at.start_seconds(),
            pod_uid,
            container: "app".to_owned(),
            namespace: kind.namespace.to_owned(),
            pod: pod.pod.clone(),
            node: pod.node.clone(),
            container_kind: "app".to_owned(),
            cpu_request_millicores: Some(millicores),
            memory_request_bytes: Some(mib << 20),
            running_seconds: Some(3600),
            instances: 1,
            cpu_core_milliseconds: Some(sum(|used| used.0)),
            memory_kib_seconds: Some(sum(|used| used.1) * 1024),
            cpu_mean_millicores_by_slot: Some(cpu),
            memory_mean_mib_by_slot: Some(memory),
            memory_max_mib_by_slot: Some(memory),
            ..ContainerHour::default()
        };
        (pod, container)
    }
}

/// A lake of these hours.
pub(crate) async fn lake_of(hours: impl IntoIterator<Item = (i64, HourRows)>) -> Lake {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for (n, rows) in hours {
        lake.write_hour(&"made".parse().unwrap(), hour(n), rows, HourOrigin::generator()).await.unwrap();
    }
    lake
}

/// A request for all of it, at list prices.
pub(crate) fn request() -> Request {
    Request {
        cluster: "made".parse().unwrap(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    }
}

/// Returns the analysis of these hours.
pub(crate) async fn analysis(hours: impl IntoIterator<Item = (i64, HourRows)>) -> Analysis {
    analyze(&lake_of(hours).await, request(), |_, _| {}).await.unwrap()
}

/// A scenario by its id.
pub(crate) fn scenario<'a>(analysis: &'a Analysis, id: &str) -> &'a Scenario {
    analysis.scenarios.iter().find(|scenario| scenario.id == id).unwrap_or_else(|| panic!("no `{id}`"))
}

/// Returns the judgement of a scenario.
pub(crate) fn judged(analysis: &Analysis, id: ScenarioId) -> &Judged {
    analysis.verdict.judged(id).unwrap_or_else(|| panic!("`{id}` was not judged"))
}

/// Every judged scenario in a line: what it saves, its headroom and spares, and the limits it breaks.
pub(crate) fn table(analysis: &Analysis) -> String {
    let verdict = &analysis.verdict;
    let mut text = format!("{}\n{:?}\n", verdict.text, verdict.confidence);
    for row in &verdict.judged {
        let broken = row.limits.iter().filter(|check| !check.holds);
        let broken: String =
            broken.map(|check| format!(" {:?} {:?} of {:.4}", check.limit, check.value, check.allowed)).collect();
        text += &format!(
            "{} ${:.0}, saves {:.0} ({:?} to {:?}), chosen at {:?}, spares {}, {:?}:{broken}\n",
            row.scenario,
            row.monthly_usd,
            row.saving_monthly_usd,
            row.saving_vs_rival_monthly_usd.map(f64::round),
            row.rival,
            row.chosen_monthly_usd.map(f64::round),
            row.spare_hosts_per_zone,
            row.headroom,
        );
    }
    for scenario in &analysis.scenarios {
        text += &format!("{}: {:?}\n", scenario.id, scenario.notes.first().map(|note| &note.text));
        for machine in scenario.machine_hours.iter().take(4) {
            text += &format!("  {} {} {:.0} h\n", machine.kind.as_str(), machine.instance_type, machine.hours);
        }
    }
    text + &format!("replays {:?}\n", analysis.provenance.replays)
}

/// Pseudo-random from numbers: the same numbers give the same.
pub(crate) fn mixed(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ 0x2545_f491_4f6c_dd1d;
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}
