//! Amounts that lead from one analysis to the other and add up to the difference.

use std::collections::BTreeMap;

use types::analysis::{Analysis, MachineRole, Scenario, ScenarioId};
use types::wording;

use crate::scenario_words::{self, TODAY};

/// From one amount to another, step by step. Amounts are USD a month of 730 hours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bridge {
    pub(super) title: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) from_name: String,
    pub(super) to_name: String,
    pub(super) steps: Vec<Step>,
    /// `true` when the amounts are savings: a rise is then good.
    pub(super) is_saving: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) what: &'static str,
    pub(super) usd: f64,
    pub(super) why: String,
}

/// Today's bill, the recommended scenario and the saving; none where a bill has no price.
pub(super) fn bridges(before: &Analysis, after: &Analysis) -> Vec<Bridge> {
    let today = (scenario_words::scenario(before, TODAY), scenario_words::scenario(after, TODAY));
    let (Some(a), Some(b)) = today else { return Vec::new() };
    let Some(bill) = bill(before, after, a, b) else { return Vec::new() };
    let recommended = recommended(before, after);
    let saving = recommended.as_ref().map(|cost| saving(before, after, &bill, cost));
    [Some(bill), recommended, saving].into_iter().flatten().collect()
}

/// A machine by what its price goes by.
type Machine = (MachineRole, String, String);

/// Hours a month and cost a month of each kind of machine that has a price.
fn machines(analysis: &Analysis, scenario: &Scenario) -> BTreeMap<Machine, (f64, f64)> {
    let months = analysis.window.months().unwrap_or_default();
    let mut machines: BTreeMap<_, (f64, f64)> = BTreeMap::new();
    for row in &scenario.machine_hours {
        let Some(usd) = row.cost_usd else { continue };
        let of = (row.kind, row.instance_type.clone(), row.capacity_type.clone());
        let entry = machines.entry(of).or_default();
        *entry = (entry.0 + row.hours * months, entry.1 + usd * months);
    }
    machines
}

/// Returns what the machines of before would have cost at the prices of after, where both have them.
fn repriced(before: &BTreeMap<Machine, (f64, f64)>, after: &BTreeMap<Machine, (f64, f64)>) -> f64 {
    let price = |of: &(f64, f64)| (of.0 > 0.0).then(|| of.1 / of.0);
    before.iter().map(|(key, old)| after.get(key).and_then(price).map_or(old.1, |new| old.0 * new)).sum()
}

/// Compute of a scenario, taken apart: prices, requests or usage, and how full machines are packed.
fn compute(before: (&Analysis, &Scenario), after: (&Analysis, &Scenario), sized: bool) -> Vec<Step> {
    let line = |of: (&Analysis, &Scenario)| monthly(of.0, of.1.cost_usd.compute);
    let (Some(from), Some(to)) = (line(before), line(after)) else { return Vec::new() };
    let (old, new) = (machines(before.0, before.1), machines(after.0, after.1));
    let listed: f64 = old.values().map(|of| of.1).sum();
    // Prices move the compute line as they move the machines it is made of.
    let at_new_prices = if listed > 0.0 { from * repriced(&old, &new) / listed } else { from };
    let load = |of: &Analysis| {
        let (cpu, memory) = (&of.utilisation.cpu, &of.utilisation.memory);
        if sized { (cpu.used_mean, memory.used_mean) } else { (cpu.requested_mean, memory.requested_mean) }
    };
    let grown = growth(load(before.0), load(after.0));
    let at_new_load = at_new_prices * grown;
    let what = if sized { "usage" } else { "requests" };
    let verb = if sized { "use" } else { "request" };
    let change = match crate::number_format::percent((grown - 1.0).abs()) {
        none if none == crate::number_format::percent(0.0) => "as much as before".to_owned(),
        change => format!("{change} {}", if grown < 1.0 { "less" } else { "more" }),
    };
    let versions = before.0.provenance.tool_version != after.0.provenance.tool_version;
    vec![
        Step {
            what: "prices",
            usd: at_new_prices - from,
            why: "the same machines at the later prices and commitments".to_owned(),
        },
        Step { what, usd: at_new_load - at_new_prices, why: format!("pods {verb} {change}") },
        Step {
            what: if versions { "the model and packing" } else { "packing" },
            usd: to - at_new_load,
            why: "other machine types, and how full they are".to_owned(),
        },
    ]
}

/// By how much CPU and memory grew, the two alike in weight; one where it is not known.
fn growth(before: (f64, f64), after: (f64, f64)) -> f64 {
    let ratios = [(before.0, after.0), (before.1, after.1)];
    let known: Vec<f64> = ratios.into_iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| b / a).collect();
    if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / crate::number_format::number(known.len()) }
}

fn monthly(analysis: &Analysis, usd: Option<f64>) -> Option<f64> {
    Some(usd? * analysis.window.months()?)
}

/// A step for each other line that changed; a line that is priced on one side only is compared with nothing.
fn other_lines(before: (&Analysis, &Scenario), after: (&Analysis, &Scenario)) -> (Vec<Step>, f64, f64) {
    let pairs = before.1.cost_usd.lines().into_iter().zip(after.1.cost_usd.lines());
    let (mut steps, mut from, mut to) = (Vec::new(), 0.0, 0.0);
    for ((name, a), (_, b)) in pairs {
        let (Some(a), Some(b)) = (monthly(before.0, a), monthly(after.0, b)) else { continue };
        (from, to) = (from + a, to + b);
        if name != "compute" && (b - a).abs() >= 0.005 {
            steps.push(Step {
                what: line(name),
                usd: b - a,
                why: "by the line’s own quantities and prices".to_owned(),
            });
        }
    }
    (steps, from, to)
}

fn line(name: &str) -> &'static str {
    match name {
        "fargate" => "Fargate",
        "root_disks" => "root disks",
        "volumes" => "persistent volumes",
        "auto_mode" => "the EKS Auto Mode fee",
        "unused_commitments" => "unused commitments",
        "cpu_credits" => "CPU credits",
        "control_plane" => "the EKS control plane",
        "network" => "network",
        "load_balancers" => "load balancers",
        "public_ipv4" => "public IPv4 addresses",
        "licences" => "licences",
        "pool_network" => "NAT of the machine pool",
        "spare_hosts" => "spare hosts",
        "work_owed" => "work still owed",
        "fee" => "the EMP fee",
        _ => "another line",
    }
}

/// The lines of two scenarios: what they come to over lines priced in both, and the steps between.
fn lines(before: (&Analysis, &Scenario), after: (&Analysis, &Scenario), sized: bool) -> (f64, f64, Vec<Step>) {
    let (others, from, to) = other_lines(before, after);
    let steps = compute(before, after, sized).into_iter().chain(others);
    (from, to, steps.filter(|step| step.usd.abs() >= 0.005).collect())
}

fn bill(before: &Analysis, after: &Analysis, a: &Scenario, b: &Scenario) -> Option<Bridge> {
    a.cost_usd.compute.or(a.cost_usd.total).and(b.cost_usd.compute.or(b.cost_usd.total))?;
    let (from, to, steps) = lines((before, a), (after, b), false);
    let name = |of: &Analysis| scenario_words::window(of);
    Some(Bridge {
        title: "Today’s bill",
        from,
        to,
        from_name: name(before),
        to_name: name(after),
        steps,
        is_saving: false,
    })
}

/// Explains the recommendation: the same scenario at the later load and prices, then another scenario where that
/// changed.
fn recommended(before: &Analysis, after: &Analysis) -> Option<Bridge> {
    let old = before.verdict.recommended()?;
    let new = after.verdict.recommended()?;
    let a = scenario_words::scenario(before, old.as_str())?;
    let same = scenario_words::scenario(after, old.as_str())?;
    let (from, at, mut steps) = lines((before, a), (after, same), old.is_rightsized());
    let mut to = at;
    if old != new {
        let other = scenario_words::scenario(after, new.as_str())?;
        let (_, kept, then) = other_lines((after, same), (after, other));
        steps.push(Step {
            what: "another recommendation",
            usd: then - kept,
            why: format!("{} instead of {}", wording::scenario(new), wording::scenario(old)),
        });
        to += then - kept;
    }
    let name = |of: &Analysis, id: ScenarioId| scenario_words::scenario_name(of, id);
    Some(Bridge {
        title: "What is recommended",
        from,
        to,
        from_name: name(before, old),
        to_name: name(after, new),
        steps,
        is_saving: false,
    })
}

/// The saving: what the bill changed by, less what the recommended scenario changed by.
fn saving(before: &Analysis, after: &Analysis, bill: &Bridge, cost: &Bridge) -> Bridge {
    let step = |what, usd, why: &str| Step { what, usd, why: why.to_owned() };
    let name = |of: &Analysis| {
        let level = of.verdict.confidence.as_ref().map(|confidence| crate::confidence_words::level(confidence.level));
        let level = level.map(|level| format!(", {level} confidence")).unwrap_or_default();
        let changes = of.verdict.recommended().filter(|id| id.is_change());
        // Pools of other ratios are told apart.
        let what = changes.map_or_else(|| wording::stance(&of.verdict), wording::action);
        format!("{what}{level}")
    };
    Bridge {
        title: "What the recommendation saves",
        from: bill.from - cost.from,
        to: bill.to - cost.to,
        from_name: name(before),
        to_name: name(after),
        steps: vec![
            step("today’s bill", bill.to - bill.from, "a larger bill leaves more to save"),
            step("what is recommended", cost.from - cost.to, "what costs more to run saves less"),
        ],
        is_saving: true,
    }
}
