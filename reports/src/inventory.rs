//! Inventory of the cluster: counts, node groups, namespaces.

use askama::Template;
use askama::filters::HtmlSafe;
use types::ComputeType;
use types::analysis::{MachineHours, MachineRole, NodeGroup};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_costs::price_cell;
use crate::scenario_words::{self, TODAY};

/// The section.
#[derive(Debug, Template)]
#[template(path = "inventory.html")]
pub(crate) struct InventoryPart {
    pub(crate) counts: Vec<Count>,
    pub(crate) node_groups: Table,
    pub(crate) namespaces: Option<Table>,
    pub(crate) without: String,
}

impl HtmlSafe for InventoryPart {}

/// One count.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) sub: String,
}

impl InventoryPart {
    pub(crate) fn new(analysis: &View<'_>) -> Self {
        Self {
            counts: counts(analysis),
            node_groups: node_groups(analysis),
            // Namespaces stand with their cost where that is known.
            namespaces: analysis.allocation.is_none().then(|| namespaces(analysis)),
            without: without(analysis),
        }
    }
}

fn counts(analysis: &View<'_>) -> Vec<Count> {
    let inventory = &analysis.inventory;
    let count = |name, n: u32, sub: String| Count { name, value: number_format::count(n), sub };
    vec![
        count(
            "Nodes seen",
            inventory.nodes,
            format!("{} at once on average", number_format::tenths(inventory.nodes_mean)),
        ),
        count(
            "Pods seen",
            inventory.pods,
            format!("{} at once on average", number_format::quantity(inventory.pods_mean)),
        ),
        count("Containers", inventory.containers, "restarts not counted again".to_owned()),
        count("Workloads", inventory.workloads, "owners of pods".to_owned()),
        count("Namespaces", inventory.namespaces, String::new()),
        count(
            "Volume claims",
            inventory.volume_claims,
            format!("{} together on average", number_format::gib(inventory.volume_gib_mean)),
        ),
    ]
}

/// Says what the shares of the namespaces leave out.
fn without(analysis: &View<'_>) -> String {
    format!(
        "Pods that request neither CPU nor memory ran for {}; for {} no usage was seen.",
        number_format::with_unit(analysis.inventory.pod_hours_without_requests, "pod-hour"),
        number_format::with_unit(analysis.inventory.container_hours_without_usage, "container-hour"),
    )
}

fn node_groups(analysis: &View<'_>) -> Table {
    let rows = analysis
        .inventory
        .node_groups
        .iter()
        .map(|group| {
            let shape: Vec<String> = [
                group.cpu_capacity_cores.map(number_format::cores),
                group.memory_capacity_gib.map(number_format::gib),
                group.arch.clone(),
            ]
            .into_iter()
            .flatten()
            .collect();
            let known = match group.instance_type_source.as_str() {
                "label" => "by label",
                "dmi" => "by hardware",
                "unknown" => number_format::UNKNOWN,
                other => other,
            };
            let fargate = group.compute_type == ComputeType::Fargate;
            let (price, origin) = price(analysis, group);
            Row::new(vec![
                group
                    .instance_type
                    .as_ref()
                    .map_or_else(|| Cell::new(type_unknown(group)), Cell::name)
                    .sub(shape.join(" · ")),
                Cell::new(if fargate { "does not apply" } else { known }),
                Cell::new(group.capacity_type.as_deref().unwrap_or(if fargate {
                    "by the pod"
                } else {
                    number_format::UNKNOWN
                }))
                .sub(group.compute_type.as_str()),
                Cell::new(zones(&group.zones)),
                Cell::new(number_format::count(group.nodes)),
                Cell::new(number_format::quantity(group.node_hours)),
                price,
                origin,
                Cell::new(if group.movable.moves { "yes" } else { "no" }).sub(&group.movable.reason),
            ])
        })
        .collect();
    Table::new(
        format!("Node groups, {}", scenario_words::window(analysis)),
        vec![
            Column::text("Instance type"),
            Column::text("Type known"),
            Column::short("Bought as"),
            Column::text("Zones"),
            Column::number("Nodes", "seen"),
            Column::number("Node-hours", ""),
            Column::number("Price", "per hour"),
            Column::text("Price from"),
            Column::text("Can it move?"),
        ],
        rows,
    )
}

/// Zones in words, a region they share named once: `us-east-1 a, b, c`.
fn zones(zones: &[String]) -> String {
    let split = |zone: &String| {
        let letter = zone.chars().last().filter(char::is_ascii_lowercase)?;
        Some((zone.get(..zone.len() - 1)?.to_owned(), letter.to_string()))
    };
    let parts: Option<Vec<(String, String)>> = zones.iter().map(split).collect();
    match parts.as_deref() {
        _ if zones.is_empty() => number_format::UNKNOWN.to_owned(),
        Some([(region, _), others @ ..]) if others.iter().all(|other| other.0 == *region) => {
            let letters: Vec<&str> = parts.iter().flatten().map(|part| part.1.as_str()).collect();
            format!("{region}{}{}", number_format::SPACE, letters.join(", "))
        }
        _ => zones.join(", "),
    }
}

fn type_unknown(group: &NodeGroup) -> &'static str {
    if group.compute_type == ComputeType::Fargate { "Fargate" } else { "type not known" }
}

/// The price that scenario `ec2-today` gave to a group, and where it comes from.
fn price(analysis: &View<'_>, group: &NodeGroup) -> (Cell, Cell) {
    if group.compute_type == ComputeType::Fargate {
        return (Cell::absent("by pod size"), Cell::absent("see Fargate in the costs"));
    }
    let machines: Vec<&MachineHours> = scenario_words::scenario(analysis, TODAY)
        .into_iter()
        .flat_map(|today| &today.machine_hours)
        .filter(|m| m.kind == MachineRole::Node && Some(&m.instance_type) == group.instance_type.as_ref())
        .filter(|m| group.capacity_type.as_ref().is_none_or(|capacity| *capacity == m.capacity_type))
        .collect();
    let unknown = || (Cell::absent(number_format::UNKNOWN), Cell::absent("no price found"));
    match machines.as_slice() {
        [] => unknown(),
        [one] => match (one.usd_per_hour, &one.price) {
            (Some(price), Some(origin)) => (Cell::new(analysis.money.unit_price(price)), price_cell(origin)),
            (Some(price), None) => (Cell::new(analysis.money.unit_price(price)), Cell::absent(number_format::UNKNOWN)),
            (None, _) => unknown(),
        },
        _ => (Cell::absent("several"), Cell::absent("see the machines above")),
    }
}

fn namespaces(analysis: &View<'_>) -> Table {
    let hours = f64::from(analysis.window.hours_present);
    let mean = |total: f64| {
        if hours > 0.0 { Cell::new(number_format::tenths(total / hours)) } else { Cell::absent(number_format::UNKNOWN) }
    };
    let share = |used: f64, requested: f64| {
        if requested > 0.0 {
            Cell::new(number_format::percent(used / requested)).meter(number_format::css_percent(used / requested))
        } else {
            Cell::absent("no requests")
        }
    };
    let rows = analysis
        .inventory
        .by_namespace
        .iter()
        .map(|usage| {
            Row::new(vec![
                Cell::name(&usage.namespace),
                Cell::new(number_format::count(usage.pods)),
                mean(usage.cpu_request_core_hours),
                mean(usage.cpu_used_core_hours),
                share(usage.cpu_used_core_hours, usage.cpu_request_core_hours),
                mean(usage.memory_request_gib_hours),
                mean(usage.memory_used_gib_hours),
                share(usage.memory_used_gib_hours, usage.memory_request_gib_hours),
            ])
        })
        .collect();
    Table::new(
        "Namespaces by reserved memory: means over the hours of the window",
        vec![
            Column::text("Namespace"),
            Column::number("Pods", "seen"),
            Column::number("CPU requested", "cores"),
            Column::number("CPU used", "cores"),
            Column::number("CPU used", "of requested"),
            Column::number("Memory requested", "GiB"),
            Column::number("Memory used", "GiB"),
            Column::number("Memory used", "of requested"),
        ],
        rows,
    )
}
