//! A scenario's cost lines, row by row: machines, items, and what is not made of either.

use types::analysis::{
    Analysis, CommitmentUse, ComputeCost, CostItem, MachineHours, MachineRole, PriceKind, PriceOrigin, Scenario,
};
use types::{CapacityType, CommitmentKind, NanoUsd, split};

use super::columns::{Commitment, Row, Service};
use super::decimal::Decimal;
use crate::scenario_words::{self, TODAY};

const AWS: &str = "AWS";
/// Who is paid the fee.
const VENDOR: &str = "Elastic machine pool vendor";

/// Returns what a line's charges are called in FOCUS.
fn service(line: &str) -> Service {
    let of = |category, subcategory, name| Service { category, subcategory, name, provider: AWS };
    match line {
        "compute" | "cpu_credits" | "unused_commitments" | "spare_hosts" | "work_owed" => {
            of("Compute", "Virtual Machines", "Amazon Elastic Compute Cloud")
        }
        "fargate" => of("Compute", "Serverless Compute", "AWS Fargate"),
        "root_disks" | "volumes" => of("Storage", "Block Storage", "Amazon Elastic Block Store"),
        "control_plane" | "auto_mode" => of("Compute", "Containers", "Amazon Elastic Kubernetes Service"),
        "load_balancers" => of("Networking", "Application Networking", "Elastic Load Balancing"),
        "network" | "public_ipv4" | "pool_network" => {
            of("Networking", "Network Infrastructure", "Amazon Virtual Private Cloud")
        }
        "fee" => Service { provider: VENDOR, ..of("Compute", "Virtual Machines", "Elastic machine pool") },
        _ => of("Other", "Other (Other)", "Licences and other charges"),
    }
}

/// The rows of a scenario: every cost line that is modelled, in the order of the lines, dearest first within a line.
/// Their effective costs add up to the scenario's total, to the nano-dollar.
pub(super) fn rows(analysis: &Analysis, scenario: &Scenario) -> Vec<Row> {
    let mut rows = Vec::new();
    for (line, usd) in scenario.cost_usd.lines() {
        let Some(total) = usd.and_then(nanos) else { continue };
        let mut of_line = match line {
            "compute" => machines(analysis, scenario),
            "unused_commitments" => scenario
                .compute_cost
                .iter()
                .flat_map(|c| &c.commitments)
                .filter_map(|plan| unused(analysis, plan))
                .collect(),
            _ => items(analysis, scenario, line),
        };
        let told: Decimal = of_line.iter().map(|row| row.effective).sum();
        let rest = Decimal::new(Decimal::from(total).trillionths() - told.trillionths());
        // A line of zero without a row says nothing; the rest of one that is not itemised is a row of its own.
        if rest != Decimal::ZERO {
            of_line.push(whole(analysis, scenario, line, rest, of_line.is_empty()));
        }
        rows.append(&mut of_line);
    }
    rows
}

/// Dollars as whole nano-dollars: amounts of an analysis are nano-dollars written as dollars.
fn nanos(usd: f64) -> Option<NanoUsd> {
    Some(NanoUsd::new(Decimal::of(usd)?.trillionths() / 1_000))
}

fn origin(price: &PriceOrigin) -> [String; 4] {
    [price.layer.as_str().to_owned(), price.kind.as_str().to_owned(), price.date.clone(), price.source.clone()]
}

/// Returns how well a cost is known: in a replayed scenario its quantity comes from a model; today, from the grades of
/// its line where they agree, else from its price alone.
fn evidence(analysis: &Analysis, scenario: &Scenario, line: &str, price: Option<&PriceOrigin>) -> Option<String> {
    if scenario.id != TODAY {
        return Some("modelled".to_owned());
    }
    let lines = analysis.evidence.iter().flat_map(|evidence| &evidence.lines);
    let mut grades: Vec<&str> = lines.filter(|part| part.line == line).map(|part| part.grade.as_str()).collect();
    grades.dedup();
    if let [grade] = grades.as_slice() {
        return Some((*grade).to_owned());
    }
    let of_price = match price?.kind {
        PriceKind::User | PriceKind::Invoice => "measured",
        PriceKind::Observed => "listed",
        PriceKind::Derived => "inferred",
        PriceKind::Estimated => "assumed",
    };
    Some(of_price.to_owned())
}

/// The machines that are paid for, at list, contracted and effective prices.
fn machines(analysis: &Analysis, scenario: &Scenario) -> Vec<Row> {
    let priced: Vec<(&MachineHours, NanoUsd, NanoUsd)> = scenario
        .machine_hours
        .iter()
        .filter_map(|machine| {
            let effective = nanos(machine.cost_usd?)?;
            let contracted = nanos(machine.usd_per_hour? * machine.hours)?;
            Some((machine, contracted, effective))
        })
        .collect();
    let committed = scenario.compute_cost.as_ref().is_some_and(|compute| !compute.commitments.is_empty());
    // Without commitments what is paid is what was contracted: no product is rounded twice.
    let contracted: Vec<NanoUsd> =
        priced.iter().map(|(_, product, effective)| if committed { *product } else { *effective }).collect();
    let (list, basis) = list_costs(scenario.compute_cost.as_ref(), &contracted);
    let each = priced.iter().zip(contracted.iter().zip(list));
    each.map(|((machine, _, effective), (contracted, list))| {
        let hours = Decimal::of(machine.hours).unwrap_or_default();
        let sku = format!("ec2/{}", machine.instance_type);
        Row {
            description: format!(
                "{} {} hours, {}{}",
                machine.instance_type,
                if machine.kind == MachineRole::Host { "bare-metal host" } else { "node" },
                machine.capacity_type,
                if committed { ", after commitments" } else { "" },
            ),
            service: service("compute"),
            sku_price: format!("{sku}/{}", machine.capacity_type),
            sku,
            meter: "Instance hours".to_owned(),
            instance_type: Some(machine.instance_type.clone()),
            pricing_category: match (machine.capacity(), contracted == effective) {
                (Some(CapacityType::Spot), _) => "Dynamic",
                (_, true) => "Standard",
                (_, false) => "Other",
            },
            quantity: hours,
            unit: "Hours".to_owned(),
            list_unit_price: unit_price(list.into(), hours, machine.usd_per_hour),
            contracted_unit_price: unit_price((*contracted).into(), hours, machine.usd_per_hour),
            list: list.into(),
            contracted: (*contracted).into(),
            effective: (*effective).into(),
            cost_line: Some("compute".to_owned()),
            machine_kind: Some(machine.kind),
            capacity_type: Some(machine.capacity_type.clone()),
            price: machine.price.as_ref().map(origin),
            list_basis: basis,
            evidence: evidence(analysis, scenario, "compute", machine.price.as_ref()),
            ..Row::default()
        }
    })
    .collect()
}

/// Returns what machines cost at list prices, and how that is known. Only the sum over all machines is in an analysis.
fn list_costs(compute: Option<&ComputeCost>, contracted: &[NanoUsd]) -> (Vec<NanoUsd>, &'static str) {
    let same = || contracted.to_vec();
    let Some(total) = compute.and_then(|c| c.list_usd).and_then(nanos) else { return (same(), "contracted") };
    if total == contracted.iter().copied().sum() {
        return (same(), "list");
    }
    let weights: Vec<i128> = contracted.iter().map(|amount| amount.nanos()).collect();
    split(total, &weights).map_or_else(|| (same(), "contracted"), |shares| (shares, "shared"))
}

/// The price as it is stated where it gives the cost, else the cost over the quantity.
fn unit_price(cost: Decimal, quantity: Decimal, stated: Option<f64>) -> Decimal {
    let stated = stated.and_then(Decimal::of).filter(|price| price.times_is(quantity, cost));
    stated.unwrap_or_else(|| cost.over(quantity))
}

/// Commitments paid and not used.
fn unused(analysis: &Analysis, commitment: &CommitmentUse) -> Option<Row> {
    let unused = Decimal::from(nanos(commitment.unused_usd)?);
    if unused == Decimal::ZERO {
        return None;
    }
    let usage = commitment.kind == CommitmentKind::ReservedInstances;
    let sku = format!("commitment/{}", commitment.name);
    Some(Row {
        description: format!("Commitment {} not used", commitment.name),
        service: service("unused_commitments"),
        sku_price: sku.clone(),
        sku,
        meter: "Commitment".to_owned(),
        pricing_category: "Committed",
        quantity: unused,
        unit: analysis.currency.clone(),
        list_unit_price: Decimal::ONE,
        contracted_unit_price: Decimal::ONE,
        list: unused,
        contracted: unused,
        effective: unused,
        commitment: Some(Commitment {
            name: commitment.name.clone(),
            kind: commitment.kind,
            category: if usage { "Usage" } else { "Spend" },
            unused,
        }),
        cost_line: Some("unused_commitments".to_owned()),
        list_basis: "contracted",
        evidence: Some("measured".to_owned()),
        ..Row::default()
    })
}

fn items(analysis: &Analysis, scenario: &Scenario, line: &str) -> Vec<Row> {
    scenario.items.iter().filter(|item| item.line == line).filter_map(|i| item(analysis, scenario, i)).collect()
}

fn item(analysis: &Analysis, scenario: &Scenario, item: &CostItem) -> Option<Row> {
    let (cost, quantity) = (Decimal::from(nanos(item.cost_usd)?), Decimal::of(item.quantity)?);
    // A product with a quantity of nothing is nothing: what costs all the same is one unit.
    let (quantity, unit) = if quantity == Decimal::ZERO && cost != Decimal::ZERO {
        (Decimal::ONE, "Units".to_owned())
    } else {
        (quantity, unit(&item.unit))
    };
    let price = unit_price(cost, quantity, Some(item.usd_per_unit));
    let sku = format!("{}/{}", item.line, item.what.replace(' ', "-"));
    Some(Row {
        description: format!("{}: {}", scenario_words::sentence(&scenario_words::cost_line(&item.line)), item.what),
        service: service(&item.line),
        sku_price: sku.clone(),
        sku,
        meter: scenario_words::sentence(&item.what),
        pricing_category: "Standard",
        quantity,
        unit,
        list_unit_price: price,
        contracted_unit_price: price,
        list: cost,
        contracted: cost,
        effective: cost,
        cost_line: Some(item.line.clone()),
        price: Some(origin(&item.price)),
        list_basis: "contracted",
        evidence: evidence(analysis, scenario, &item.line, Some(&item.price)),
        ..Row::default()
    })
}

/// A line, or the rest of one, that is not made of machines or items.
fn whole(analysis: &Analysis, scenario: &Scenario, line: &str, cost: Decimal, all: bool) -> Row {
    let name = scenario_words::sentence(&scenario_words::cost_line(line));
    // A rest may be negative where rows are rounded; a price may not.
    let negative = cost < Decimal::ZERO;
    let price = Decimal::new(cost.trillionths().abs());
    let sku = if all { line.to_owned() } else { format!("{line}/rest") };
    Row {
        description: if all { name } else { format!("{name}, what is not itemised") },
        service: service(line),
        sku_price: sku.clone(),
        sku,
        meter: "Charge over the window".to_owned(),
        pricing_category: "Standard",
        quantity: if negative { Decimal::new(-Decimal::ONE.trillionths()) } else { Decimal::ONE },
        unit: "Units".to_owned(),
        list_unit_price: price,
        contracted_unit_price: price,
        list: cost,
        contracted: cost,
        effective: cost,
        cost_line: Some(line.to_owned()),
        list_basis: "contracted",
        evidence: evidence(analysis, scenario, line, None),
        ..Row::default()
    }
}

/// A unit as FOCUS writes it: `GiB-month` is `GiB-Months`, `hour` is `Hours`.
fn unit(unit: &str) -> String {
    let (first, last) = unit.rsplit_once('-').map_or((None, unit), |(first, last)| (Some(first), last));
    let known = ["hour", "month", "unit"].contains(&last);
    let last = if known { format!("{}s", scenario_words::sentence(last)) } else { last.to_owned() };
    match first {
        Some("unit") => format!("Units-{last}"),
        Some(first) => format!("{first}-{last}"),
        None if last.is_empty() => "Units".to_owned(),
        None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_as_focus_writes_them() {
        for (ours, focus) in [
            ("GiB-month", "GiB-Months"),
            ("hour", "Hours"),
            ("vCPU-hour", "vCPU-Hours"),
            ("unit-month", "Units-Months"),
            ("", "Units"),
        ] {
            assert_eq!(unit(ours), focus);
        }
    }

    #[test]
    fn a_list_total_is_shared_out_exactly_or_named_as_unknown() {
        let compute =
            |list_usd| ComputeCost { list_usd, contracted_usd: 0.9, effective_usd: 0.9, commitments: Vec::new() };
        let contracted = [NanoUsd::new(300_000_000), NanoUsd::new(600_000_000)];
        let (list, basis) = list_costs(Some(&compute(Some(1.000_000_001))), &contracted);
        assert_eq!(list.iter().copied().sum::<NanoUsd>(), NanoUsd::new(1_000_000_001));
        assert_eq!(basis, "shared");
        assert_eq!(list_costs(Some(&compute(Some(0.9))), &contracted), (contracted.to_vec(), "list"));
        assert_eq!(list_costs(Some(&compute(None)), &contracted), (contracted.to_vec(), "contracted"));
        assert_eq!(list_costs(None, &contracted), (contracted.to_vec(), "contracted"));
    }
}
