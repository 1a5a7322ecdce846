//! Analyses to render: a believable cluster over a month, the same with replays, and awkward ones made from them.

#![allow(dead_code, reason = "each test file and the example use a part of the samples")]

mod awkward;
mod bill;
mod hours;
mod invoice;
mod large;
mod parts;
mod plan;
mod replayed;
mod sizes;
mod verdicts;
mod what_if;

use chrono::TimeDelta;
use types::HourSource;
use types::analysis::*;

pub(crate) use awkward::*;
use bill::{allocation, evidence};
use hours::{FROM_PROMETHEUS, HOURS, hour, start, utilisation};
pub(crate) use invoice::billed;
#[allow(unused_imports, reason = "each test file and the example use a part of the samples")]
pub(crate) use large::large;
use parts::{assumption, cost, group, machine, namespace, scenario, variant};
pub(crate) use replayed::full;
pub(crate) use verdicts::*;

/// A cluster over a month, mostly synthetic, where EMP pays by the vendor's arithmetic.
pub(crate) fn believable() -> Analysis {
    let hourly: Vec<HourPoint> = (0..HOURS).map(hour).collect();
    let end = start() + TimeDelta::hours(i64::from(HOURS));
    let split = end - TimeDelta::hours(i64::from(FROM_PROMETHEUS));
    let today_machines = vec![
        machine(MachineRole::Node, "m5.4xlarge", "on-demand", 12_645.0, Some(0.768)),
        machine(MachineRole::Node, "r6i.2xlarge", "on-demand", 9_132.5, Some(0.504)),
        machine(MachineRole::Node, "m5.4xlarge", "spot", 3_512.5, Some(0.2918)),
        machine(MachineRole::Node, "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
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
        machine(MachineRole::Host, "m5.metal", "on-demand", 1_440.0, Some(4.608)),
        machine(MachineRole::Node, "m5.4xlarge", "spot", 3_512.5, Some(0.2918)),
        machine(MachineRole::Node, "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
        machine(MachineRole::Evm, "m5.4xlarge", "on-demand", 12_645.0, None),
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
        invoice: None,
        currency: "USD".to_owned(),
        schema: SCHEMA.to_owned(),
        cluster_id: "shop-production".to_owned(),
        region: Some("us-east-1".to_owned()),
        allocation: Some(allocation(&["checkout", "search", "kube-system"])),
        evidence: Some(evidence()),
        window: WindowCoverage {
            start: start(),
            end,
            hours_expected: HOURS,
            hours_present: HOURS,
            hours_by_source: vec![
                SourceHours { source: HourSource::Generator, hours: HOURS - FROM_PROMETHEUS, first: start(), last: split },
                SourceHours { source: HourSource::Prometheus, hours: FROM_PROMETHEUS, first: split, last: end },
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
            ..Verdict::default()
        },
        model_optimism: None,
        selection: None,
        exclusions: Vec::new(),
        waterfall: None,
        back_test: None,
        silence: None,
        realised: None,
        waste: None,
        next_steps: None,
        right_sizing: None,
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
            replays: Some(31.5),
            agreed: Some(AgreedPrices::default()),
            prices: vec![
                PriceList { name: "ec2_prices.csv".to_owned(), oldest: "2025-05-14".to_owned(), newest: "2025-05-28".to_owned(), sha256: "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e".to_owned() },
                PriceList { name: "ebs_prices.csv".to_owned(), oldest: "2025-05-28".to_owned(), newest: "2025-05-28".to_owned(), sha256: "0cc175b9c0f1b6a831c399e2697726610cc175b9c0f1b6a831c399e269772661".to_owned() },
            ],
        },
    }
}

/// Every analysis with a name.
pub(crate) fn all() -> Vec<(&'static str, Analysis)> {
    let mut all = vec![
        ("full", full()),
        ("full-losing", full_losing()),
        ("half-unpriced", half_unpriced()),
        ("no-difference", no_difference()),
        ("believable", believable()),
        ("losing", losing()),
        ("empty", empty()),
        ("full-empty", full_empty()),
        ("one-hour", one_hour()),
        ("with-gaps", with_gaps()),
        ("hostile", hostile()),
        ("billed", billed()),
    ];
    all.extend(decided());
    all
}
