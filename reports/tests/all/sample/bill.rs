//! Today's bill by who causes it, and how well it is known.

use types::analysis::*;

/// The identity over a window, from dollars.
pub(super) fn shares(workloads: f64, overhead: f64, idle: f64, oversubscribed: f64) -> Shares {
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

pub(super) fn allocation(names: &[&str]) -> Allocation {
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
        on_demand_usd: Some(usd * 0.95),
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
        by_label: [(names.first(), 9_000.0), (names.get(1), 3_600.0), (None, 2_200.0)]
            .into_iter()
            .map(|(value, usd)| LabelCost {
                label: "team".to_owned(),
                value: value.map(|name| (*name).to_owned()),
                workload_usd: usd,
                workload_nano_usd: nano(usd),
                workloads: of_label(value.unwrap_or(&"unnamed"), usd),
            })
            .collect(),
        by_volume_claim: Vec::new(),
    }
}

fn of_label(name: &str, usd: f64) -> Vec<LabelWorkload> {
    [("api", 0.7), ("worker", 0.3)]
        .map(|(kind, share)| LabelWorkload {
            namespace: name.to_owned(),
            workload_kind: "Deployment".to_owned(),
            workload: format!("{name}-{kind}"),
            workload_usd: usd * share,
        })
        .to_vec()
}

pub(super) fn evidence() -> Evidence {
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
