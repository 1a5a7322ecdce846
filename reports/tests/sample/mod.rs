//! Analyses to render: a believable cluster over a month, and awkward ones made from it.

#![allow(dead_code, reason = "each test file and the example use a part of the samples")]

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use types::analysis::*;

/// Hours of the believable window, and how many of them at its end are from Prometheus.
const HOURS: u32 = 720;
const FROM_PROMETHEUS: u32 = 24;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_748_736_000, 0).unwrap_or_default()
}

/// A pseudo-random number between 0 and 1, the same on every machine.
fn noise(seed: u32) -> f64 {
    let mut x = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^= x >> 13;
    f64::from(x % 10_000) / 10_000.0
}

fn hour(i: u32) -> HourPoint {
    let hour = start() + TimeDelta::hours(i64::from(i));
    let of_day = f64::from(hour.hour());
    let working = if hour.weekday().num_days_from_monday() < 5 { 1.0 } else { 0.45 };
    let day = (((of_day - 14.0) / 24.0 * std::f64::consts::TAU).cos() + 1.0) / 2.0 * working;
    let extra = if i > 400 { 0.0 } else { 16.0 };
    let used = 46.0 + 44.0 * day + 6.0 * noise(i);
    HourPoint {
        hour,
        source: if i >= HOURS - FROM_PROMETHEUS { "prometheus" } else { "generator" }.to_owned(),
        nodes: 41.0 + (4.0 * day).round(),
        cpu_capacity_cores: 496.0 + extra + 16.0 * (4.0 * day).round(),
        cpu_requested_cores: 331.0 + 40.0 * day + 4.0 * noise(i + 7),
        cpu_used_cores: used,
        cpu_used_peak_cores: used * (1.18 + 0.3 * noise(i + 99)),
        memory_capacity_gib: 2112.0 + 4.0 * extra + 64.0 * (4.0 * day).round(),
        memory_requested_gib: 1480.0 + 90.0 * day,
        memory_used_gib: 612.0 + 70.0 * day + 12.0 * noise(i + 3),
        memory_used_peak_gib: 640.0 + 84.0 * day + 20.0 * noise(i + 5),
        cpu_allocatable_cores: None,
        cpu_limit_cores: None,
        memory_allocatable_gib: None,
        memory_limit_gib: None,
    }
}

fn origin(kind: &str) -> PriceOrigin {
    PriceOrigin {
        layer: "catalog".to_owned(),
        kind: kind.to_owned(),
        date: "2025-05-28".to_owned(),
        source: "ec2_prices.csv (karpenter-shared)".to_owned(),
    }
}

fn machine(kind: &str, instance_type: &str, capacity: &str, hours: f64, price: Option<f64>) -> MachineHours {
    MachineHours {
        kind: kind.to_owned(),
        instance_type: instance_type.to_owned(),
        capacity_type: capacity.to_owned(),
        hours,
        usd_per_hour: price,
        cost_usd: price.map(|price| price * hours),
        price: price.map(|_| origin(if capacity == "spot" { "estimated" } else { "observed" })),
    }
}

#[allow(clippy::too_many_arguments, reason = "a table of node groups, one line each")]
fn group(
    t: Option<&str>,
    by: &str,
    capacity: Option<&str>,
    compute: &str,
    arch: &str,
    nodes: u32,
    cores: f64,
    gib: f64,
    moves: bool,
    reason: &str,
) -> NodeGroup {
    NodeGroup {
        instance_type: t.map(str::to_owned),
        instance_type_source: by.to_owned(),
        capacity_type: capacity.map(str::to_owned),
        compute_type: compute.to_owned(),
        arch: Some(arch.to_owned()),
        zones: ["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).to_vec(),
        nodes,
        node_hours: f64::from(nodes) * 702.5,
        cpu_capacity_cores: (cores > 0.0).then_some(cores),
        memory_capacity_gib: (gib > 0.0).then_some(gib),
        movable: Movable { moves, reason: reason.to_owned() },
    }
}

fn cost(compute: f64, fargate: Option<f64>, fee: Option<f64>) -> CostLines {
    let mut cost = CostLines {
        compute: Some(compute),
        fargate,
        volumes: Some(812.4),
        control_plane: Some(72.0),
        fee,
        ..CostLines::default()
    };
    cost.total = Some(cost.lines().iter().filter_map(|line| line.1).sum());
    cost
}

fn scenario(id: &str, label: &str, cost_usd: CostLines, machine_hours: Vec<MachineHours>) -> Scenario {
    Scenario {
        id: id.to_owned(),
        label: label.to_owned(),
        monthly_usd: cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS)),
        cost_usd,
        partial: true,
        compute_cost: None,
        machine_hours,
        items: vec![CostItem {
            line: "volumes".to_owned(),
            what: "gp3 storage".to_owned(),
            quantity: 7_989.0,
            unit: "GiB-month".to_owned(),
            usd_per_unit: 0.08,
            cost_usd: 639.12,
            price: PriceOrigin {
                layer: "catalog".to_owned(),
                kind: "observed".to_owned(),
                date: "2025".to_owned(),
                source: "a price list".to_owned(),
            },
        }],
        unpriced: Vec::new(),
        lower_bound_usd: None,
        risk: None,
        by_hour: Vec::new(),
        variants: Vec::new(),
        notes: Vec::new(),
    }
}

fn variant(label: &str, total_usd: f64, host_hours: f64, today: f64) -> Variant {
    let scale = 730.0 / f64::from(HOURS);
    Variant {
        label: label.to_owned(),
        total_usd,
        monthly_usd: total_usd * scale,
        host_hours,
        saving_monthly_usd: (today - total_usd) * scale,
    }
}

fn resource(
    hourly: &[HourPoint],
    of: fn(&HourPoint) -> [f64; 4],
    allocatable: f64,
    limits: f64,
) -> ResourceUtilisation {
    let n = hourly.iter().map(|_| 1.0).sum::<f64>();
    let mean = |i: usize| {
        let sum: f64 = hourly.iter().filter_map(|hour| of(hour).get(i).copied()).sum();
        if n > 0.0 { sum / n } else { 0.0 }
    };
    let (capacity, requested, used) = (mean(0), mean(1), mean(2));
    let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    ResourceUtilisation {
        capacity_mean: capacity,
        allocatable_mean: capacity * allocatable,
        requested_mean: requested,
        limit_mean: requested * limits,
        used_mean: used,
        used_median: used * 0.94,
        used_p95: used * 1.3,
        used_p99: used * 1.4,
        used_peak: hourly.iter().filter_map(|hour| of(hour).get(3).copied()).fold(0.0, f64::max),
        used_of_capacity: ratio(used, capacity),
        used_of_requested: ratio(used, requested),
        requested_of_capacity: ratio(requested, capacity),
    }
}

fn utilisation(hourly: Vec<HourPoint>) -> Utilisation {
    Utilisation {
        cpu: resource(
            &hourly,
            |h| [h.cpu_capacity_cores, h.cpu_requested_cores, h.cpu_used_cores, h.cpu_used_peak_cores],
            0.985,
            1.7,
        ),
        memory: resource(
            &hourly,
            |h| [h.memory_capacity_gib, h.memory_requested_gib, h.memory_used_gib, h.memory_used_peak_gib],
            0.93,
            1.15,
        ),
        hourly,
        steal: Some(Steal { mean_fraction: 0.001, peak_fraction: 0.04, known_fraction: 1.0 }),
        distributions: Vec::new(),
        coincidence: Some(coincidence()),
    }
}

fn coincidence() -> Coincidence {
    let row = |level: &str, sum: f64, peak: f64| CoincidenceRow {
        level: level.to_owned(),
        sum_of_peaks: sum,
        peak_of_sum: peak,
        coincidence: Some(peak / sum),
    };
    let safe = |resource: &str, measure: &str, worst: Option<f64>| SafeOvercommit {
        resource: resource.to_owned(),
        measure: measure.to_owned(),
        worst_of_capacity: worst,
        ratio: worst.map(|worst| 0.8 / worst),
    };
    Coincidence {
        cpu: vec![row("workload", 240.0, 151.0), row("node", 265.0, 151.0)],
        memory: vec![row("workload", 1100.0, 1010.0), row("node", 1070.0, 1010.0)],
        safe_overcommit: vec![
            safe("cpu", "used", Some(0.22)),
            safe("memory", "used", Some(0.41)),
            safe("memory", "high_water", Some(0.52)),
            safe("memory", "touched", None),
        ],
    }
}

/// The identity over a window, from dollars.
fn shares(workloads: f64, overhead: f64, idle: f64, oversubscribed: f64) -> Shares {
    let nano = |usd: f64| format!("{:.0}", usd * 1e9);
    let total = workloads + overhead + idle - oversubscribed;
    Shares {
        total_usd: total,
        total_nano_usd: nano(total),
        workloads_usd: workloads,
        workloads_nano_usd: nano(workloads),
        overhead_usd: overhead,
        overhead_nano_usd: nano(overhead),
        idle_usd: idle,
        idle_nano_usd: nano(idle),
        oversubscribed_usd: oversubscribed,
        oversubscribed_nano_usd: nano(oversubscribed),
        residual_usd: 0.0,
        residual_nano_usd: "0".to_owned(),
    }
}

fn allocation(names: &[&str]) -> Allocation {
    let nano = |usd: f64| format!("{:.0}", usd * 1e9);
    let by_namespace = names.iter().zip([9_800.0, 4_100.0, 900.0]).map(|(name, usd)| NamespaceCost {
        namespace: (*name).to_owned(),
        workload_usd: usd,
        workload_nano_usd: nano(usd),
        shared_usd: usd / 50.0,
        daemonset_usd: 12.5,
        daemonset_nano_usd: nano(12.5),
        cpu_request_core_hours: 70_000.0,
        cpu_used_core_hours: 21_000.0,
        memory_request_gib_hours: 300_000.0,
        memory_used_gib_hours: 150_000.0,
    });
    let by_workload = names.iter().zip([6_000.0, 3_000.0, 40.0]).map(|(name, usd)| WorkloadCost {
        namespace: (*name).to_owned(),
        workload_kind: "Deployment".to_owned(),
        workload: format!("{name}-api"),
        overhead: usd < 100.0,
        workload_usd: usd,
        workload_nano_usd: nano(usd),
        cpu_usd: usd * 0.6,
        memory_usd: usd * 0.35,
        volume_usd: usd * 0.05,
        fargate_usd: 0.0,
        cpu_request_core_hours: 40_000.0,
        cpu_used_core_hours: 9_000.0,
        memory_request_gib_hours: 0.0,
        memory_used_gib_hours: 10.0,
    });
    let group =
        |name: Option<&str>, shares: Shares| GroupCost { name: name.map(str::to_owned), node_hours: 14_040.0, shares };
    let groups = || {
        vec![
            group(names.first().copied(), shares(14_000.0, 700.0, 5_200.0, 30.0)),
            group(None, shares(800.0, 72.0, 0.0, 0.0)),
        ]
    };
    Allocation {
        total: shares(14_800.0, 772.0, 5_200.0, 30.0),
        overhead: vec![OverheadCost { what: "daemonsets".to_owned(), usd: 600.0, nano_usd: nano(600.0) }],
        residual_causes: Vec::new(),
        shared_namespaces: vec![names.last().copied().unwrap_or_default().to_owned()],
        by_namespace: by_namespace.collect(),
        by_workload: by_workload.collect(),
        by_node_group: groups(),
        by_zone: groups(),
        by_label: vec![LabelCost {
            label: "team".to_owned(),
            value: names.first().map(|name| (*name).to_owned()),
            workload_usd: 9_000.0,
            workload_nano_usd: nano(9_000.0),
        }],
        by_volume_claim: Vec::new(),
    }
}

fn evidence() -> Evidence {
    Evidence {
        measured_usd: 0.0,
        listed_usd: 18_000.0,
        inferred_usd: 642.0,
        assumed_usd: 2_100.0,
        unpriced_node_hours: 40.0,
        lines: vec![EvidenceLine {
            line: "compute".to_owned(),
            grade: "listed".to_owned(),
            reason: "quantity seen, price from a public list".to_owned(),
            usd: 18_000.0,
        }],
        raise: vec![
            Raise {
                what: "instance type not known".to_owned(),
                usd: 0.0,
                node_hours: 40.0,
                how: "export the label node.kubernetes.io/instance-type".to_owned(),
            },
            Raise {
                what: "quantity seen, price from a public list".to_owned(),
                usd: 18_000.0,
                node_hours: 0.0,
                how: "give your own prices".to_owned(),
            },
        ],
    }
}

fn namespace(name: &str, pods: u32, cpu: f64, cpu_used: f64, memory: f64, memory_used: f64) -> NamespaceUsage {
    let hours = f64::from(HOURS);
    NamespaceUsage {
        namespace: name.to_owned(),
        pods,
        cpu_request_core_hours: cpu * hours,
        cpu_used_core_hours: cpu_used * hours,
        memory_request_gib_hours: memory * hours,
        memory_used_gib_hours: memory_used * hours,
    }
}

fn assumption(key: &str, value: &str, unit: &str, default: &str, source: &str, effect: &str) -> Assumption {
    Assumption {
        key: key.to_owned(),
        value: value.to_owned(),
        unit: unit.to_owned(),
        default: default.to_owned(),
        changed: value != default,
        source: source.to_owned(),
        effect: effect.to_owned(),
    }
}

/// A cluster over a month, mostly synthetic, where EMP pays by the vendor's arithmetic.
pub(crate) fn believable() -> Analysis {
    let hourly: Vec<HourPoint> = (0..HOURS).map(hour).collect();
    let end = start() + TimeDelta::hours(i64::from(HOURS));
    let split = end - TimeDelta::hours(i64::from(FROM_PROMETHEUS));
    let today_machines = vec![
        machine("node", "m5.4xlarge", "on-demand", 12_645.0, Some(0.768)),
        machine("node", "r6i.2xlarge", "on-demand", 9_132.5, Some(0.504)),
        machine("node", "m5.4xlarge", "spot", 3_512.5, Some(0.2918)),
        machine("node", "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
    ];
    let compute: f64 = today_machines.iter().filter_map(|m| m.cost_usd).sum();
    let mut today = scenario("ec2-today", "EC2 today", cost(compute, Some(141.8), Some(0.0)), today_machines);
    today.unpriced = vec![Unpriced {
        what: "nodes of unknown instance type".to_owned(),
        quantity: 702.5,
        unit: "node-hours".to_owned(),
        reason:
            "no label names the type; add `node.kubernetes.io/instance-type` to the labels kube-state-metrics exposes"
                .to_owned(),
    }];
    let hosts = vec![
        machine("host", "m5.metal", "on-demand", 1_440.0, Some(4.608)),
        machine("node", "m5.4xlarge", "spot", 3_512.5, Some(0.2918)),
        machine("node", "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
        machine("evm", "m5.4xlarge", "on-demand", 12_645.0, None),
    ];
    let after: f64 = hosts.iter().filter_map(|m| m.cost_usd).sum();
    let mut vendor = scenario(
        "emp-vendor",
        "EMP, the vendor's arithmetic",
        cost(after, Some(141.8), Some((compute - after) * 0.25)),
        hosts,
    );
    let (before, total) = (today.cost_usd.total.unwrap_or(0.0), vendor.cost_usd.total.unwrap_or(0.0));
    vendor.variants = vec![
        variant("Hosts in three zones", total * 1.14, 2_160.0, before),
        variant("With KubeVirt's memory overhead", total * 1.04, 1_584.0, before),
        variant("Memory overcommit 1.5 instead of 2.5", total * 1.29, 2_400.0, before),
        variant("No overcommit", total * 1.82, 3_600.0, before),
    ];
    vendor.notes = vec![
        Note::warning("r6i.2xlarge nodes were mapped to m5.4xlarge elastic VMs, because one pool has one host family."),
        Note::info("Spot and arm64 nodes stay on EC2 and are paid for as today."),
    ];
    let scale = 730.0 / f64::from(HOURS);
    let saved = before - total;
    Analysis {
        schema: SCHEMA.to_owned(),
        cluster_id: "shop-production".to_owned(),
        region: Some("us-east-1".to_owned()),
        allocation: Some(allocation(&["shop", "search", "kube-system"])),
        evidence: Some(evidence()),
        window: WindowCoverage {
            start: start(),
            end,
            hours_expected: HOURS,
            hours_present: HOURS,
            hours_by_source: vec![
                SourceHours { source: "generator".to_owned(), hours: HOURS - FROM_PROMETHEUS, first: start(), last: split },
                SourceHours { source: "prometheus".to_owned(), hours: FROM_PROMETHEUS, first: split, last: end },
            ],
        },
        inventory: Inventory {
            node_groups: vec![
                group(Some("m5.4xlarge"), "label", Some("on-demand"), "ec2", "amd64", 18, 16.0, 61.8, true, "x86, on-demand, Linux"),
                group(Some("r6i.2xlarge"), "label", Some("on-demand"), "ec2", "amd64", 13, 8.0, 61.9, true, "x86, on-demand, Linux"),
                group(Some("m5.4xlarge"), "dmi", Some("spot"), "ec2", "amd64", 5, 16.0, 61.8, false, "spot capacity stays on EC2"),
                group(Some("m7g.2xlarge"), "label", Some("on-demand"), "ec2", "arm64", 4, 8.0, 30.9, false, "arm64: EMP runs x86 only"),
                group(None, "unknown", None, "ec2", "amd64", 1, 8.0, 30.9, false, "instance type not known"),
                group(None, "unknown", None, "fargate", "amd64", 3, 0.0, 0.0, false, "Fargate has no node to replace"),
            ],
            nodes: 44,
            nodes_mean: 42.3,
            pods: 18_412,
            pods_mean: 512.4,
            containers: 21_077,
            workloads: 143,
            namespaces: 9,
            volume_claims: 38,
            volume_gib_mean: 4_120.0,
            by_namespace: vec![
                namespace("search", 62, 84.0, 17.2, 512.0, 251.0),
                namespace("checkout", 118, 96.0, 21.5, 402.0, 140.0),
                namespace("recommendations", 44, 71.0, 12.0, 288.0, 97.0),
                namespace("data-platform", 9_640, 48.0, 9.4, 164.0, 92.0),
                namespace("ci", 8_120, 22.0, 14.1, 88.0, 41.0),
                namespace("observability", 41, 14.0, 5.2, 49.0, 38.0),
                namespace("kube-system", 260, 9.0, 3.3, 18.0, 15.0),
                namespace("sandbox", 12, 0.0, 0.2, 0.0, 1.4),
            ],
            pod_hours_without_requests: 8_640.0,
            container_hours_without_usage: 212.0,
        },
        utilisation: utilisation(hourly),
        scenarios: vec![today, vendor],
        savings: vec![Saving {
            from: "ec2-today".to_owned(),
            to: "emp-vendor".to_owned(),
            window_usd: saved,
            monthly_usd: saved * scale,
            yearly_usd: saved * scale * 12.0,
            fraction: Some(saved / before),
            lines: ["compute", "fargate", "volumes", "control_plane", "fee"].map(str::to_owned).to_vec(),
        }],
        verdict: Verdict {
            text: "By the vendor's published ratios, moving 31 of 44 nodes to elastic VMs on two m5.metal hosts would have cost about a quarter less than today, after the fee; your own peaks have not been replayed yet.".to_owned(),
            recommendation: None,
            saving_vs_today_usd: Some(saved),
            saving_vs_best_ec2_usd: None,
            range_usd: None,
            interval_usd: None,
        },
        model_optimism: None,
        selection: None,
        exclusions: Vec::new(),
        waterfall: None,
        realised: None,
        hosts_considered: Vec::new(),
        what_if: None,
        movability: Vec::new(),
        plan: None,
        assumptions: vec![
            assumption("emp.overcommit_memory", "2.5", "", "1.5", "platform9.com, pool documentation", "Divides the memory that hosts must have; the dimension that binds."),
            assumption("emp.overcommit_cpu", "3", "", "3", "sample manifest 05_evmpool.yaml", "Divides the CPU that hosts must have."),
            assumption("emp.fee_fraction", "0.25", "", "0.25", "vendor's pricing FAQ, February 2025", "The vendor's share of the instance saving; zero when nothing is saved."),
            assumption("emp.host_type", "m5.metal", "", "m5.metal", "vendor's recommendation", "Price and size of a host."),
            assumption("prices.spot_factor", "0.38", "of on-demand", "0.38", "mean of the catalog", "Prices spot nodes where no price was observed."),
            assumption("prices.gp3_usd_per_gib_month", "0.08", "USD", "0.08", "AWS price list, us-east-1, 2025-05-28", "Prices volumes whose type is not known."),
        ],
        notes: vec![
            Note::info("Volumes are priced by capacity; IOPS and throughput above the free amount are not known."),
            Note::warning("696 of 720 hours are synthetic: this page shows the method, not this cluster's bill."),
            Note::warning("One node has no known instance type; it is in no total."),
        ],
        provenance: Provenance {
            tool_version: "0.1.0".to_owned(),
            lake: "/var/tmp/emp-cost-demo/lake".to_owned(),
            manifests_sha256: "9f2c7a1de0b4c85f31a6d9e7720f4bb6a5c1908e3d4f67aa21b0c9d8e7f65432".to_owned(),
            query_sets: vec!["b1946ac92492d2347c6235b4d2611184".to_owned()],
            servers: vec!["prometheus 2.53.3 at 127.0.0.1:9090".to_owned()],
            prices: vec![
                PriceList { name: "ec2_prices.csv".to_owned(), oldest: "2025-05-14".to_owned(), newest: "2025-05-28".to_owned(), sha256: "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e".to_owned() },
                PriceList { name: "ebs_prices.csv".to_owned(), oldest: "2025-05-28".to_owned(), newest: "2025-05-28".to_owned(), sha256: "0cc175b9c0f1b6a831c399e2697726610cc175b9c0f1b6a831c399e269772661".to_owned() },
            ],
        },
    }
}

/// EMP costs more than today.
pub(crate) fn losing() -> Analysis {
    let mut analysis = believable();
    if let Some(vendor) = analysis.scenarios.last_mut() {
        vendor.cost_usd = cost(17_400.0, Some(141.8), Some(0.0));
        vendor.monthly_usd = vendor.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
    }
    let total = |i: usize| analysis.scenarios.get(i).and_then(|scenario| scenario.cost_usd.total).unwrap_or_default();
    let (before, after) = (total(0), total(1));
    let scale = 730.0 / f64::from(HOURS);
    for saving in &mut analysis.savings {
        saving.window_usd = before - after;
        saving.monthly_usd = saving.window_usd * scale;
        saving.yearly_usd = saving.monthly_usd * 12.0;
        saving.fraction = Some(saving.window_usd / before);
    }
    analysis.verdict.text =
        "Moving to elastic VMs would have cost more than today: the cluster is too small to fill a host in each zone."
            .to_owned();
    analysis.verdict.recommendation = Some("ec2-today".to_owned());
    analysis
}

/// Nothing could be priced, and nothing was seen.
pub(crate) fn empty() -> Analysis {
    let mut analysis = believable();
    analysis.region = None;
    analysis.window.hours_present = 0;
    analysis.window.hours_by_source.clear();
    analysis.utilisation = utilisation(Vec::new());
    for scenario in &mut analysis.scenarios {
        scenario.cost_usd = CostLines::default();
        scenario.monthly_usd = None;
        scenario.machine_hours.clear();
        scenario.variants.clear();
        scenario.items.clear();
        scenario.notes.clear();
    }
    analysis.savings.clear();
    analysis.assumptions.clear();
    analysis.notes.clear();
    analysis.inventory.by_namespace.clear();
    analysis.inventory.node_groups.clear();
    analysis.provenance.prices.clear();
    analysis.provenance.query_sets.clear();
    analysis.provenance.servers.clear();
    analysis.verdict = Verdict {
        text: "It cannot be said whether an elastic machine pool pays: nothing in this window could be priced."
            .to_owned(),
        recommendation: None,
        saving_vs_today_usd: None,
        saving_vs_best_ec2_usd: None,
        range_usd: None,
        interval_usd: None,
    };
    analysis
}

/// One hour, from Prometheus.
pub(crate) fn one_hour() -> Analysis {
    let mut analysis = believable();
    let first = hour(HOURS - 1);
    analysis.window = WindowCoverage {
        start: first.hour,
        end: first.hour + TimeDelta::hours(1),
        hours_expected: 1,
        hours_present: 1,
        hours_by_source: vec![SourceHours {
            source: "prometheus".to_owned(),
            hours: 1,
            first: first.hour,
            last: first.hour + TimeDelta::hours(1),
        }],
    };
    analysis.utilisation = utilisation(vec![first]);
    analysis
}

/// Four days of hours are missing in the middle, and one near the end.
pub(crate) fn with_gaps() -> Analysis {
    let mut analysis = believable();
    analysis.utilisation.hourly = (0..HOURS).filter(|i| !(300..396).contains(i) && *i != 700).map(hour).collect();
    analysis.window.hours_present = HOURS - 97;
    for part in &mut analysis.window.hours_by_source {
        part.hours -= if part.source == "generator" { 96 } else { 1 };
    }
    analysis
}

/// Names that try to be markup, to reverse the text, or to burst the page.
pub(crate) const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img onerror=alert(1) x='",
    "</title></style><b>bold",
    "\u{202e}desrever\u{2066}",
    "🦀🔥 {{ 7 * 7 }} {% raw %}",
    "&lt;already&amp;escaped",
];

/// Every label of the analysis is hostile.
pub(crate) fn hostile() -> Analysis {
    let long = "x".repeat(253);
    let mut analysis = believable();
    analysis.allocation = Some(allocation(&HOSTILE[..3]));
    let mut names = HOSTILE.iter().copied().chain([long.as_str()]).cycle();
    let mut set = |text: &mut String| *text = names.next().unwrap_or_default().to_owned();
    set(&mut analysis.cluster_id);
    analysis.region = Some(HOSTILE[0].to_owned());
    for group in &mut analysis.inventory.node_groups {
        for text in [&mut group.instance_type_source, &mut group.compute_type, &mut group.movable.reason] {
            set(text);
        }
        group.zones.iter_mut().for_each(&mut set);
        group.instance_type.iter_mut().for_each(&mut set);
        group.capacity_type.iter_mut().for_each(&mut set);
        group.arch.iter_mut().for_each(&mut set);
    }
    analysis.inventory.by_namespace.iter_mut().for_each(|usage| set(&mut usage.namespace));
    for scenario in &mut analysis.scenarios {
        set(&mut scenario.label);
        for machine in &mut scenario.machine_hours {
            set(&mut machine.kind);
            set(&mut machine.instance_type);
            set(&mut machine.capacity_type);
            if let Some(price) = &mut machine.price {
                set(&mut price.kind);
                set(&mut price.date);
                set(&mut price.source);
            }
        }
        for unpriced in &mut scenario.unpriced {
            set(&mut unpriced.what);
            set(&mut unpriced.unit);
            set(&mut unpriced.reason);
        }
        scenario.variants.iter_mut().for_each(|variant| set(&mut variant.label));
        scenario.items.iter_mut().for_each(|item| set(&mut item.what));
        scenario.notes.iter_mut().for_each(|note| set(&mut note.text));
    }
    for saving in &mut analysis.savings {
        saving.lines.iter_mut().for_each(&mut set);
    }
    for assumption in &mut analysis.assumptions {
        for text in [
            &mut assumption.key,
            &mut assumption.value,
            &mut assumption.unit,
            &mut assumption.default,
            &mut assumption.source,
            &mut assumption.effect,
        ] {
            set(text);
        }
    }
    analysis.notes.iter_mut().for_each(|note| set(&mut note.text));
    set(&mut analysis.verdict.text);
    analysis.verdict.recommendation = Some(HOSTILE[1].to_owned());
    for part in &mut analysis.window.hours_by_source {
        set(&mut part.source);
    }
    for point in &mut analysis.utilisation.hourly {
        point.source = HOSTILE[0].to_owned();
    }
    let provenance = &mut analysis.provenance;
    for text in [&mut provenance.tool_version, &mut provenance.lake, &mut provenance.manifests_sha256] {
        set(text);
    }
    provenance.query_sets.iter_mut().chain(&mut provenance.servers).for_each(&mut set);
    for list in &mut provenance.prices {
        for text in [&mut list.name, &mut list.oldest, &mut list.newest, &mut list.sha256] {
            set(text);
        }
    }
    analysis
}

/// Every analysis with a name.
pub(crate) fn all() -> Vec<(&'static str, Analysis)> {
    vec![
        ("believable", believable()),
        ("losing", losing()),
        ("empty", empty()),
        ("one-hour", one_hour()),
        ("with-gaps", with_gaps()),
        ("hostile", hostile()),
    ]
}
