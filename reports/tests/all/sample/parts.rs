//! Small parts that the samples are put together from.

use types::analysis::*;

use super::hours::HOURS;

pub(super) fn origin(kind: PriceKind) -> PriceOrigin {
    PriceOrigin {
        layer: PriceLayer::Catalog,
        kind,
        date: "2025-05-28".to_owned(),
        source: "ec2_prices.csv (karpenter-shared)".to_owned(),
    }
}

pub(super) fn machine(
    kind: MachineRole,
    instance_type: &str,
    capacity: &str,
    hours: f64,
    price: Option<f64>,
) -> MachineHours {
    MachineHours {
        kind,
        instance_type: instance_type.to_owned(),
        capacity_type: capacity.to_owned(),
        hours,
        usd_per_hour: price,
        cost_usd: price.map(|price| price * hours),
        price: price.map(|_| origin(if capacity == "spot" { PriceKind::Estimated } else { PriceKind::Observed })),
    }
}

#[allow(clippy::too_many_arguments, reason = "a table of node groups, one line each")]
pub(super) fn group(
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
        compute_type: types::ComputeType::of(compute),
        arch: Some(arch.to_owned()),
        zones: ["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).to_vec(),
        nodes,
        node_hours: f64::from(nodes) * 702.5,
        cpu_capacity_cores: (cores > 0.0).then_some(cores),
        memory_capacity_gib: (gib > 0.0).then_some(gib),
        movable: Movable { moves, reason: reason.to_owned() },
    }
}

pub(super) fn cost(compute: f64, fargate: Option<f64>, fee: Option<f64>) -> CostLines {
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

pub(super) fn scenario(id: &str, label: &str, cost_usd: CostLines, machine_hours: Vec<MachineHours>) -> Scenario {
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
                layer: PriceLayer::Catalog,
                kind: PriceKind::Observed,
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

pub(super) fn variant(label: &str, total_usd: f64, host_hours: f64, today: f64) -> Variant {
    let scale = 730.0 / f64::from(HOURS);
    Variant {
        label: label.to_owned(),
        total_usd,
        monthly_usd: total_usd * scale,
        host_hours,
        saving_monthly_usd: (today - total_usd) * scale,
    }
}

pub(super) fn namespace(
    name: &str,
    pods: u32,
    cpu: f64,
    cpu_used: f64,
    memory: f64,
    memory_used: f64,
) -> NamespaceUsage {
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

pub(super) fn assumption(key: &str, value: &str, unit: &str, default: &str, source: &str, effect: &str) -> Assumption {
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
