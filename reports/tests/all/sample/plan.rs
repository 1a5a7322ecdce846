//! Pods that move, that stay and why, what to build, and how today's cost becomes that of the plan.

use types::analysis::*;

/// Puts the plan and everything around it into an analysis that has its scenarios.
pub(super) fn add(analysis: &mut Analysis) {
    let total = |id: &str| analysis.scenarios.iter().find(|s| s.id == id).and_then(|s| s.cost_usd.total).unwrap_or(0.0);
    let (today, replayed, repacked, tuned) =
        (total("ec2-today"), total("ec2-today-replayed"), total("ec2-repacked"), total("emp-tuned"));
    let step = |what: WaterfallChange, scenario: Option<&str>, usd: f64| WaterfallStep {
        what,
        scenario: scenario.map(str::to_owned),
        usd,
    };
    let (fee, network, leftovers) = (1_138.0, 97.2, 640.0);
    analysis.waterfall = Some(Waterfall {
        from: "ec2-today".to_owned(),
        to: "emp-tuned".to_owned(),
        from_usd: today,
        to_usd: tuned,
        steps: vec![
            step(WaterfallChange::BackTest, Some("ec2-today-replayed"), replayed - today),
            step(WaterfallChange::Repack, Some("ec2-repacked"), repacked - replayed),
            step(WaterfallChange::Overcommit, None, tuned - repacked - fee - network - leftovers),
            step(WaterfallChange::Pool, None, network + leftovers),
            step(WaterfallChange::Leftovers, None, 0.0),
            step(WaterfallChange::Fee, Some("emp-tuned"), fee),
        ],
        lines: ["compute", "fargate", "root_disks", "volumes", "control_plane", "pool_network", "fee"]
            .map(str::to_owned)
            .to_vec(),
    });
    analysis.hosts_considered = hosts();
    analysis.movability = movability();
    analysis.selection = Some(Selection {
        profile: Some("emp-profile-cm.yaml".to_owned()),
        namespaces: ["search", "checkout", "recommendations", "data-platform", "ci"].map(str::to_owned).to_vec(),
        labels: vec!["elastic=true".to_owned()],
        combine: Combine::Any,
        moves_spot: false,
    });
    analysis.exclusions = vec![
        exclusion("spot capacity stays on EC2", 11, 410.0, true, Some(-212.0)),
        exclusion("not in the profile", 6, 120.0, true, Some(340.0)),
        exclusion("arm64: elastic VMs run on x86 only", 9, 96.0, false, None),
    ];
    analysis.realised = None;
    analysis.plan = Some(plan());
    if let Some(allocation) = &mut analysis.allocation {
        allocation.by_volume_claim = vec![
            claim("search", "index-0", Some("gp3"), Some(1_024.0), false, Some(81.92)),
            claim("data-platform", "warehouse-0", Some("io2"), Some(512.0), false, Some(64.0)),
            claim("search", "old-0", Some("gp2"), Some(900.0), false, Some(90.0)),
            claim("sandbox", "left-behind", Some("gp3"), Some(600.0), true, Some(48.0)),
            claim("sandbox", "scratch", None, None, true, None),
        ];
    }
}

fn hosts() -> Vec<HostConsidered> {
    let host = |name: &str, price: f64, bound: f64, total: Option<f64>, reason: &str| HostConsidered {
        instance_type: name.to_owned(),
        usd_per_hour: price,
        lower_bound_usd: Some(bound),
        total_usd: total,
        holds_target: total.map(|_| true),
        chosen: name == "m5.metal",
        reason: reason.to_owned(),
    };
    vec![
        host("m5.metal", 4.608, 7_020.0, Some(11_605.0), "the cheapest that holds the risk target"),
        host("m6i.metal", 6.144, 7_110.0, Some(11_980.0), "$375 dearer over the window"),
        host("r6i.metal", 8.064, 7_340.0, Some(12_420.0), "dearer over the window"),
        host("c6i.metal", 5.44, 8_020.0, None, "its bound is above what another costs"),
    ]
}

fn movability() -> Vec<WorkloadMovability> {
    let row =
        |namespace: &str, kind: &str, name: &str, verdict: Mobility, reason: &str, gib: f64, saving: Option<f64>| {
            WorkloadMovability {
                namespace: namespace.to_owned(),
                workload_kind: kind.to_owned(),
                workload: name.to_owned(),
                verdict,
                reason: reason.to_owned(),
                pod_hours: 4_320.0,
                cpu_request_core_hours: gib / 4.0,
                memory_request_gib_hours: gib,
                saving_usd: saving,
            }
        };
    let x86 = "x86, Linux, on-demand";
    vec![
        row("checkout", "Deployment", "checkout-api", Mobility::Moves, x86, 41_000.0, Some(1_420.0)),
        row("search", "StatefulSet", "index", Mobility::Partly, "some of its pods run on spot", 30_000.0, Some(610.0)),
        row("search", "Deployment", "search-api", Mobility::Moves, x86, 22_000.0, Some(340.0)),
        row("ci", "Job", "build", Mobility::Stays, "spot capacity stays on EC2", 9_000.0, None),
        row(
            "sandbox",
            "Deployment",
            "arm-experiments",
            Mobility::Stays,
            "arm64: elastic VMs run on x86 only",
            2_000.0,
            None,
        ),
    ]
}

fn exclusion(reason: &str, workloads: u32, pod_hours: f64, by_choice: bool, costs_usd: Option<f64>) -> Exclusion {
    Exclusion {
        reason: reason.to_owned(),
        workloads,
        pod_hours: pod_hours * 24.0,
        memory_request_gib_hours: pod_hours * 96.0,
        by_choice,
        costs_usd,
    }
}

fn claim(
    namespace: &str,
    claim: &str,
    volume_type: Option<&str>,
    gib_mean: Option<f64>,
    unmounted: bool,
    usd: Option<f64>,
) -> ClaimCost {
    ClaimCost {
        namespace: namespace.to_owned(),
        claim: claim.to_owned(),
        storage_class: volume_type.map(|name| format!("ebs-{name}")),
        volume_type: volume_type.map(str::to_owned),
        gib_mean,
        hours: 720.0,
        unmounted,
        usd,
    }
}

fn plan() -> Plan {
    let wave = |names: &[&str], saving: f64, marginal: f64, dual: f64, payback: Option<f64>| Wave {
        namespaces: names.iter().map(|name| (*name).to_owned()).collect(),
        total_usd: Some(13_185.0 - saving),
        saving_usd: Some(saving),
        marginal_saving_usd: Some(marginal),
        dual_running_usd: Some(dual),
        payback_days: payback,
    };
    let pool = |zone: &str, hosts: (u32, u32), evms: (u32, u32)| PoolPlan {
        zone: Some(zone.to_owned()),
        hosts,
        evms: vec![("m5.4xlarge".to_owned(), evms.0, evms.1), ("m5.2xlarge".to_owned(), 0, 2)],
    };
    Plan {
        scenario: None,
        host_type: "m5.metal".to_owned(),
        spare_hosts_per_zone: 0,
        hosts: (3, 4),
        evm_types: vec![("m5.4xlarge".to_owned(), 13_100.0), ("m5.2xlarge".to_owned(), 1_110.0)],
        pools: vec![
            pool("us-east-1a", (1, 2), (6, 8)),
            pool("us-east-1b", (1, 1), (6, 7)),
            pool("us-east-1c", (1, 1), (5, 7)),
        ],
        memory_overcommit: Some(1.5),
        cpu_overcommit: Some(3.0),
        waves: vec![
            wave(&["ci", "data-platform"], -1_240.0, -1_240.0, 2_322.0, None),
            wave(&["recommendations"], 310.0, 1_550.0, 774.0, Some(15.0)),
            wave(&["checkout", "search"], 1_580.0, 1_270.0, 0.0, Some(0.0)),
        ],
    }
}
