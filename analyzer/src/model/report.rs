//! What the replays come to, as it is written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use replay::{Extent, Grain, HOUR_SECONDS, NONE, Outcome, Requests, RiskTarget, lower_bound};
use types::analysis::{
    ExactLines, Exclusion, HostConsidered, MachineHours, Note, Plan, PoolPlan, PriceOrigin, Risk, Scenario,
    ScenarioHour, Selection, TornadoBar, Wave, WhatIf, WhatIfPoint, WorkloadMovability, WorstSlot,
};
use types::{NanoUsd, SLOTS_PER_HOUR};

use super::terms::Deal;
use super::{HostTried, Model, Money, Pricer, Replayed, interval, selection};
use crate::number::{float, ratio};
use crate::prices::MachineKind;
use crate::pricing::HourlyCost;
use crate::scenarios::Month;
use crate::scenarios::today::{Bill, compute_cost, hours};
use crate::trace::{self, Counted, Stays, WorkloadName};

/// Workloads listed at most.
const MOST_WORKLOADS: usize = 10_000;

/// A replayed scenario, as it is written and exact.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) scenario: Scenario,
    pub(crate) lines: ExactLines,
}

/// What the replays come to.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) scenarios: Vec<Made>,
    pub(crate) optimism: Option<f64>,
    pub(crate) hosts: Vec<HostConsidered>,
    pub(crate) what_if: Option<WhatIf>,
    pub(crate) movability: Vec<WorkloadMovability>,
    pub(crate) selection: Selection,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) plan: Option<Plan>,
    /// The saving of the pool that is judged against `ec2-repacked`, over weeks drawn again.
    pub(crate) interval_usd: Option<[f64; 2]>,
    pub(crate) notes: Vec<Note>,
    pub(crate) origins: Vec<PriceOrigin>,
    /// Largest share of pod-seconds that may pass waiting.
    pub(crate) unserved_allowed: f64,
    /// Share of pod-slots whose use is imputed.
    pub(crate) imputed: f64,
}

impl Conclusion {
    /// The replayed scenario of an id.
    pub(crate) fn scenario(&self, id: &str) -> Option<&Made> {
        self.scenarios.iter().find(|made| made.scenario.id == id)
    }
}

/// Lines that cost what they cost today in every scenario.
const AS_TODAY: [&str; 5] = ["fargate", "volumes", "auto_mode", "control_plane", "network"];

/// Why a workload moves.
const MOVES: &str = "x86, Linux, on a machine that is priced";
/// Names for people.
const LABELS: [(&str, &str); 7] = [
    ("ec2-today-replayed", "EC2 today, replayed"),
    ("ec2-repacked-karpenter", "EC2 repacked as Karpenter would"),
    ("ec2-repacked", "EC2 repacked"),
    ("ec2-rightsized", "EC2 right-sized and repacked"),
    ("emp", "Elastic machine pool"),
    ("emp-tuned", "Elastic machine pool, ratios tuned"),
    ("emp-rightsized", "Elastic machine pool, right-sized"),
];

/// Concludes.
pub(crate) fn conclude(model: &Model<'_>, bill: &Bill, month: Month) -> Conclusion {
    let made = |replayed: &Replayed| made(replayed, model, bill, month);
    let scenarios: Vec<_> = model.on_ec2.iter().chain(&model.on_emp).map(made).collect();
    let repacked = scenarios.iter().find(|made| made.scenario.id == "ec2-repacked").map(|made| made.lines);
    let emp = scenarios.iter().find(|made| made.scenario.id == "emp").map(|made| made.lines);
    let today = model.on_ec2.first().map(|replayed| model.pricer.of(replayed));
    let optimism = today
        .filter(|_| bill.lines.compute.is_some())
        .and_then(|money| ratio(money.compute.contracted().usd(), bill.compute.contracted().usd()));
    let what_if = repacked.zip(emp).map(|(repacked, emp)| what_if(model, &repacked, &emp));
    let imputed = model.on_ec2.first().map(|replayed| replayed.whole.imputed).unwrap_or_default();
    let priced = scenarios.iter().flat_map(|made| &made.scenario.machine_hours);
    let origins = priced.filter_map(|machine| machine.price.clone()).collect();
    Conclusion {
        optimism,
        hosts: model.hosts.iter().map(|tried| considered(tried, &model.pricer, &model.target)).collect(),
        what_if,
        movability: movability(
            model,
            repacked.zip(emp).and_then(|(repacked, emp)| repacked.less(&emp)).map(|(saved, ..)| saved),
        ),
        selection: selected(model),
        exclusions: exclusions(model, emp.as_ref()),
        interval_usd: judged(&scenarios).and_then(|made| interval::interval(model, &made.scenario.id)),
        plan: repacked.and_then(|repacked| plan(model, &repacked, month)),
        notes: notes(model, &scenarios),
        origins,
        unserved_allowed: model.target.unserved,
        imputed: ratio(unsigned(imputed.imputed_pod_slots), unsigned(imputed.pod_slots)).unwrap_or_default(),
        scenarios,
    }
}

/// Whether a scenario may be recommended: it holds the risk target, which says how much must be served too.
pub(super) fn fits(made: &Made) -> bool {
    made.scenario.risk.as_ref().is_some_and(|risk| risk.holds_target)
}

/// The pool a saving is said of: with tuned ratios where these may be recommended, else at the documented ones.
pub(super) fn judged(scenarios: &[Made]) -> Option<&Made> {
    let find = |id: &str| scenarios.iter().find(|made| made.scenario.id == id);
    find("emp-tuned").filter(|made| fits(made)).or_else(|| find("emp"))
}

fn made(replayed: &Replayed, model: &Model<'_>, bill: &Bill, month: Month) -> Made {
    let pricer = &model.pricer;
    let Replayed { setup, whole, last_third, host, .. } = replayed;
    let Money { lines, compute, items, .. } = pricer.of(replayed);
    let mut all_items: Vec<_> = bill.cost_items().into_iter().filter(|item| AS_TODAY.contains(&&*item.line)).collect();
    all_items.extend(items);
    all_items.sort_by(|a, b| (&a.line, &a.what).cmp(&(&b.line, &b.what)));
    let label = LABELS.iter().find(|(id, _)| *id == setup.id).map_or(setup.id.as_str(), |(_, label)| label);
    let host = host.as_ref().map(|host| &host.machine);
    let bound = lower_bound(whole, setup, Grain::Hour).map(|bound| bound.total() + pricer.as_is_contracted());
    let scenario = Scenario {
        id: setup.id.clone(),
        label: label.to_owned(),
        cost_usd: lines.cost(),
        partial: lines.partial() || !bill.unpriced.is_empty(),
        monthly_usd: lines.total().map(|total| month.usd(total)),
        compute_cost: lines.compute.map(|_| compute_cost(&compute)),
        machine_hours: machine_hours(&compute, whole, pricer, host),
        items: all_items,
        unpriced: bill.unpriced.clone(),
        lower_bound_usd: bound.map(NanoUsd::usd),
        risk: Some(risk(last_third, whole, model.target.holds(last_third))),
        by_hour: by_hour(whole),
        variants: Vec::new(),
        notes: scenario_notes(replayed, model),
    };
    Made { scenario, lines }
}

fn scenario_notes(replayed: &Replayed, model: &Model<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    if replayed.setup.requests == Requests::RightSized {
        notes.extend(autoscaled(model));
    }
    if let Some(pool) = &replayed.setup.pool {
        notes.push(Note::info(format!(
            "Elastic VMs on {}, overcommitted {} times in memory and {} times in CPU.",
            pool.host.name, pool.memory_overcommit, pool.cpu_overcommit
        )));
    }
    let stuck = replayed.whole.hosts.stuck;
    if stuck > 0 {
        notes.push(Note::warning(format!(
            "In {stuck} host-slots a host was over the rebalancer's threshold with one elastic VM alone, which nothing mends."
        )));
    }
    let unplaceable = replayed.whole.service.unplaceable;
    if unplaceable > 0 {
        notes.push(Note::warning(format!("{unplaceable} pods fit no machine on offer and were never served.")));
    }
    notes
}

/// What right-sizing does to workloads that a horizontal autoscaler drives.
fn autoscaled(model: &Model<'_>) -> Option<Note> {
    let all = || model.names.counted.iter().flatten().map(|(_, counted)| counted);
    let cpu =
        |of: &dyn Fn(&Counted) -> bool| float(all().filter(|counted| of(counted)).map(|c| c.millicore_seconds).sum());
    let workloads = all().filter(|counted| counted.autoscaled).count();
    let share = ratio(cpu(&|counted| counted.autoscaled), cpu(&|_| true)).filter(|_| workloads > 0)?;
    Some(Note::warning(format!(
        "{workloads} workloads with {:.0}\u{a0}% of the CPU requested are driven by a horizontal autoscaler; smaller requests change how many replicas it runs, which no replay shows.",
        share * 100.0
    )))
}

/// Machines by type: what is billed, dearest first, then elastic VMs.
fn machine_hours(
    compute: &HourlyCost,
    outcome: &Outcome,
    pricer: &Pricer<'_>,
    host: Option<&MachineKind>,
) -> Vec<MachineHours> {
    let mut rows: Vec<_> = compute.machines.iter().filter(|(_, cost)| cost.seconds > 0).collect();
    rows.sort_by(|(a_kind, a), (b_kind, b)| b.effective.cmp(&a.effective).then_with(|| a_kind.cmp(b_kind)));
    let billed = rows.into_iter().map(|(machine, cost)| MachineHours {
        kind: if host == Some(machine) { "host" } else { "node" }.to_owned(),
        instance_type: machine.instance_type.clone(),
        capacity_type: machine.capacity_type.as_str().to_owned(),
        hours: hours(cost.seconds),
        usd_per_hour: Some(cost.rate.contracted.price.usd_per_hour()),
        cost_usd: Some(cost.effective.usd()),
        price: Some(cost.rate.contracted.origin.clone()),
    });
    let mut all: Vec<_> = billed.collect();
    all.extend(evm_hours(outcome, pricer).into_iter().map(|(instance_type, hours)| MachineHours {
        kind: "evm".to_owned(),
        instance_type,
        capacity_type: "on-demand".to_owned(),
        hours,
        usd_per_hour: None,
        cost_usd: None,
        price: None,
    }));
    all
}

/// Hours of elastic VMs by type, most first.
pub(super) fn evm_hours(outcome: &Outcome, pricer: &Pricer<'_>) -> Vec<(String, f64)> {
    let mut by_type = BTreeMap::new();
    for (kind, seconds) in outcome.hours.iter().flat_map(|hour| &hour.evm_seconds) {
        let name = pricer.kind(*kind).map(|machine| machine.instance_type.clone()).unwrap_or_default();
        *by_type.entry(name).or_insert(0_u64) += seconds;
    }
    let mut rows: Vec<_> = by_type.into_iter().map(|(name, seconds)| (name, unsigned(seconds) / 3600.0)).collect();
    rows.sort_by(|(a_name, a), (b_name, b)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    rows
}

fn risk(last_third: &Outcome, whole: &Outcome, holds_target: bool) -> Risk {
    let share = |part: u64, of: u64| ratio(unsigned(part), unsigned(of));
    let (machines, hosts) = (&last_third.machines, &last_third.hosts);
    let core_hours = |core_ms: u64| unsigned(core_ms) / 1000.0 / 3600.0;
    let motion = &whole.motion;
    Risk {
        holds_target,
        served_fraction: last_third.served_share(),
        machine_slots_over_cpu: share(machines.over_cpu, machines.slots).unwrap_or_default(),
        machine_slots_over_memory: share(machines.over_memory, machines.slots).unwrap_or_default(),
        host_slots_over_cpu: share(hosts.over_cpu, hosts.slots),
        host_slots_over_memory: share(hosts.over_memory, hosts.slots),
        lost_core_hours: core_hours(machines.lost_core_ms + hosts.lost_core_ms),
        lost_core_hours_at_peaks: machines
            .lost_core_ms_at_peaks
            .zip(hosts.lost_core_ms_at_peaks)
            .map(|(machines, hosts)| core_hours(machines + hosts)),
        swap_gib_hours: unsigned(hosts.over_mib_seconds) / 1024.0 / 3600.0,
        migrations: motion.rebalanced + motion.consolidated,
        restarted_pods: motion.drained_pods + motion.rolled_pods,
        pods_on_busiest: whole.blast_pods,
        workloads_on_busiest: whole.blast_workloads,
        worst_slot: worst(whole),
    }
}

/// The slot in which a host was fullest; a machine where there are no hosts.
fn worst(whole: &Outcome) -> Option<WorstSlot> {
    let risk = if whole.hosts.slots > 0 { &whole.hosts } else { &whole.machines };
    let worst = risk.worst?;
    // Hours that are missing have no seconds of their own.
    let hour = whole.hours.get(usize::try_from(worst.at / HOUR_SECONDS).ok()?)?;
    let start = DateTime::from_timestamp(hour.start + worst.at % HOUR_SECONDS, 0)?;
    Some(WorstSlot { start, fraction: f64::from(worst.permille) / 1000.0 })
}

fn by_hour(outcome: &Outcome) -> Vec<ScenarioHour> {
    let slots = outcome.series.chunks(SLOTS_PER_HOUR);
    let hours = outcome.hours.iter().zip(slots).filter_map(|(hour, slots)| {
        let start: DateTime<Utc> = DateTime::from_timestamp(hour.start, 0)?;
        let most = |of: fn(&replay::Point) -> u32| slots.iter().map(of).max().unwrap_or_default();
        let mean = |of: fn(&replay::Point) -> u64, unit: f64| {
            ratio(unsigned(slots.iter().map(of).sum()), unit * float(slots.len().try_into().ok()?))
        };
        let hosts = most(|p| p.hosts);
        Some(ScenarioHour {
            start,
            nodes: most(|p| p.nodes),
            evms: most(|p| p.evms),
            hosts,
            cpu_used_cores: mean(|p| p.cpu_millicores, 1000.0),
            cpu_capacity_cores: mean(|p| p.cpu_capacity_millicores, 1000.0),
            memory_used_gib: mean(|p| p.memory_mib, 1024.0),
            memory_capacity_gib: mean(|p| p.memory_capacity_mib, 1024.0),
            hottest_host_fraction: (hosts > 0).then(|| f64::from(most(|p| p.hottest_permille)) / 1000.0),
        })
    });
    hours.collect()
}

fn considered(tried: &HostTried, pricer: &Pricer<'_>, target: &RiskTarget) -> HostConsidered {
    let total = |replayed: &Replayed| pricer.of(replayed).lines.total().map(NanoUsd::usd);
    let holds = tried.replayed.as_ref().map(|replayed| target.holds(&replayed.first_two_thirds));
    let reason = match (&tried.replayed, tried.chosen, holds) {
        (None, ..) => "its bound is above that of the ten that were replayed",
        (_, true, Some(true)) => "the cheapest that holds the risk target",
        (_, true, _) => "the cheapest; none holds the risk target",
        (_, false, Some(false)) => "it does not hold the risk target in the first two thirds",
        _ => "dearer than the one chosen",
    };
    HostConsidered {
        instance_type: tried.candidate.host.name.clone(),
        usd_per_hour: tried.candidate.host.price.map(|price| price.usd_per_hour()).unwrap_or_default(),
        lower_bound_usd: tried.bound.map(NanoUsd::usd),
        total_usd: tried.replayed.as_ref().and_then(total),
        holds_target: holds,
        chosen: tried.chosen,
        reason: reason.to_owned(),
    }
}

fn what_if(model: &Model<'_>, repacked: &ExactLines, emp: &ExactLines) -> WhatIf {
    let lines = |replayed: &Replayed| model.pricer.of(replayed).lines;
    let saving = |lines: &ExactLines| repacked.less(lines).map(|(saved, ..)| saved);
    let point = |replayed: &Replayed| {
        let pool = replayed.setup.pool.as_ref()?;
        let (lines, hosts) = (lines(replayed), &replayed.last_third.hosts);
        Some(WhatIfPoint {
            memory_overcommit: pool.memory_overcommit,
            cpu_overcommit: pool.cpu_overcommit,
            total_usd: lines.total().map(NanoUsd::usd),
            saving_usd: saving(&lines).map(NanoUsd::usd),
            holds_target: model.target.holds(&replayed.last_third),
            host_slots_over_cpu: ratio(unsigned(hosts.over_cpu), unsigned(hosts.slots)).unwrap_or_default(),
            host_slots_over_memory: ratio(unsigned(hosts.over_memory), unsigned(hosts.slots)),
            served_fraction: Some(replayed.last_third.served_share()),
            on_frontier: false,
        })
    };
    let base = saving(emp);
    let find = |of: &[Replayed], id: &str| of.iter().find(|replayed| replayed.setup.id == id).cloned();
    let deal = find(&model.on_ec2, "ec2-repacked")
        .zip(find(&model.on_emp, "emp"))
        .and_then(|(repacked, emp)| Some((Deal::new(model, &repacked, &emp)?, model.target.holds(&emp.last_third))));
    let mut tornado: Vec<_> = model
        .changed
        .iter()
        .map(|(change, replayed)| {
            let with = saving(&lines(replayed));
            TornadoBar {
                key: change.key.to_owned(),
                value: change.value.clone(),
                saving_usd: with.map(NanoUsd::usd),
                change_usd: with.zip(base).map(|(with, base)| (with - base).usd()),
                holds_target: model.target.holds(&replayed.last_third),
            }
        })
        .collect();
    tornado.extend(deal.iter().flat_map(|(deal, holds)| deal.bars(*holds)));
    tornado.sort_by(|a, b| {
        let size = |bar: &TornadoBar| bar.change_usd.unwrap_or_default().abs();
        size(b).total_cmp(&size(a)).then_with(|| (&a.key, &a.value).cmp(&(&b.key, &b.value)))
    });
    let mut grid: Vec<_> = model.grid.iter().filter_map(point).collect();
    mark_frontier(&mut grid);
    WhatIf { grid, tornado, break_even: deal.map(|(deal, _)| deal.break_even()).unwrap_or_default() }
}

/// Marks the points that no other beats: as much saved at less risk, or more at no more.
fn mark_frontier(grid: &mut [WhatIfPoint]) {
    let measure = |point: &WhatIfPoint| {
        let risk = point.host_slots_over_cpu + point.host_slots_over_memory.unwrap_or_default();
        point.saving_usd.map(|saving| (saving, risk))
    };
    let all: Vec<_> = grid.iter().filter_map(measure).collect();
    for point in grid {
        let beaten = |(saving, risk): (f64, f64)| {
            let beats = |other: &(f64, f64)| other.0 >= saving && other.1 <= risk && *other != (saving, risk);
            all.iter().any(beats)
        };
        point.on_frontier = measure(point).is_some_and(|own| !beaten(own));
    }
}

/// Hours that old machines and new ones run side by side in a step.
const DUAL_HOURS: f64 = 336.0;

fn plan(model: &Model<'_>, repacked: &ExactLines, month: Month) -> Option<Plan> {
    let emp = model.on_emp.iter().find(|replayed| replayed.setup.id == "emp")?;
    let warm_up = usize::try_from(emp.setup.warm_up_seconds / replay::SLOT_SECONDS).unwrap_or_default();
    let series = &emp.whole.series;
    // A window that is all warm-up is better shown than nothing.
    let settled = series.get(warm_up..).filter(|settled| !settled.is_empty()).unwrap_or(series);
    let hosts = settled.iter().map(|point| point.hosts).min().zip(settled.iter().map(|point| point.hosts).max())?;
    let mut waves: Vec<Wave> = Vec::new();
    let (mut saved_so_far, mut hosts_so_far) = (NanoUsd::ZERO, NanoUsd::ZERO);
    for (namespaces, replayed) in &model.waves {
        let money = model.pricer.of(replayed);
        let saved = repacked.less(&money.lines).map(|(saved, ..)| saved);
        let marginal = saved.map(|saved| saved - saved_so_far);
        let window = |usd: f64| ratio(usd, month.hours_present);
        let dual = window((money.hosts - hosts_so_far).at_least_zero().usd()).map(|hourly| hourly * DUAL_HOURS);
        let daily = marginal.and_then(|marginal| window(marginal.usd() * 24.0)).filter(|daily| *daily > 0.0);
        waves.push(Wave {
            namespaces: namespaces.clone(),
            total_usd: money.lines.total().map(NanoUsd::usd),
            saving_usd: saved.map(NanoUsd::usd),
            marginal_saving_usd: marginal.map(NanoUsd::usd),
            dual_running_usd: dual,
            payback_days: dual.zip(daily).and_then(|(dual, daily)| ratio(dual, daily)),
        });
        (saved_so_far, hosts_so_far) = (saved.unwrap_or(saved_so_far), money.hosts);
    }
    let host_type = emp.host.as_ref()?.host.name.clone();
    let pool = emp.setup.pool.as_ref();
    Some(Plan {
        host_type,
        hosts,
        evm_types: evm_hours(&emp.whole, &model.pricer),
        pools: pools(model, &emp.whole),
        memory_overcommit: pool.map(|pool| pool.memory_overcommit),
        cpu_overcommit: pool.map(|pool| pool.cpu_overcommit),
        waves,
    })
}

/// Elastic VMs and hosts by zone.
fn pools(model: &Model<'_>, outcome: &Outcome) -> Vec<PoolPlan> {
    let zone_name =
        |zone: u16| model.names.zones.names().get(usize::from(zone)).filter(|name| !name.is_empty()).cloned();
    let of_zone = |rows: &[Extent]| {
        let (hosts, evms): (Vec<&Extent>, Vec<&Extent>) = rows.iter().partition(|row| row.kind == NONE);
        let evms = evms.into_iter().filter_map(|row| {
            let machine = model.pricer.kind(row.kind)?;
            Some((machine.instance_type.clone(), row.fewest, row.most))
        });
        Some(PoolPlan {
            zone: zone_name(rows.first()?.zone),
            hosts: hosts.first().map_or((0, 0), |row| (row.fewest, row.most)),
            evms: evms.collect(),
        })
    };
    let mut pools: Vec<_> = outcome.pools.chunk_by(|a, b| a.zone == b.zone).filter_map(of_zone).collect();
    pools.sort_by(|a, b| a.zone.cmp(&b.zone));
    pools
}

/// What decided which pods move.
fn selected(model: &Model<'_>) -> Selection {
    let terms = &model.assumptions.terms;
    Selection {
        profile: model.profile.map(|profile| profile.source().to_owned()),
        namespaces: model.profile.map(|profile| profile.namespaces().to_vec()).unwrap_or_default(),
        labels: model.profile.map(|profile| profile.labels().to_vec()).unwrap_or_default(),
        combine: terms.emp_profile_combine.to_owned(),
        moves_spot: terms.emp_move_spot == "yes",
    }
}

/// Why pods stay, and what each reason costs that a choice of the user is behind.
fn exclusions(model: &Model<'_>, emp: Option<&ExactLines>) -> Vec<Exclusion> {
    let mut sums: BTreeMap<&'static str, (u32, Stays)> = BTreeMap::new();
    for (why, stays) in model.names.counted.iter().flatten().flat_map(|(_, counted)| &counted.stays) {
        let (workloads, sum) = sums.entry(why).or_default();
        *workloads += 1;
        sum.seconds += stays.seconds;
        sum.mib_seconds += stays.mib_seconds;
    }
    let mut rows: Vec<_> = sums
        .into_iter()
        .filter(|(why, _)| *why != trace::DAEMON)
        .map(|(why, (workloads, stays))| {
            let lifted =
                model.lifted.iter().find(|(of, _)| *of == why).map(|(_, replayed)| model.pricer.of(replayed).lines);
            let costs = emp.zip(lifted).and_then(|(emp, lifted)| emp.less(&lifted)).map(|(costs, ..)| costs.usd());
            Exclusion {
                reason: why.to_owned(),
                workloads,
                pod_hours: hours(stays.seconds),
                memory_request_gib_hours: float(stays.mib_seconds) / 1024.0 / 3600.0,
                by_choice: selection::BY_CHOICE.contains(&why),
                costs_usd: costs,
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        b.memory_request_gib_hours.total_cmp(&a.memory_request_gib_hours).then_with(|| a.reason.cmp(&b.reason))
    });
    rows
}

fn movability(model: &Model<'_>, saving: Option<NanoUsd>) -> Vec<WorkloadMovability> {
    // By name, since numbers come in the order of the rows, and a sum of fractions hangs on its order.
    let mut workloads: Vec<(&WorkloadName, &Counted)> = model
        .names
        .counted
        .iter()
        .flatten()
        .filter_map(|(at, counted)| Some((model.names.workloads.names().get(usize::try_from(*at).ok()?)?, counted)))
        .collect();
    workloads.sort_by_key(|(name, _)| *name);
    let all = || workloads.iter().map(|(_, counted)| *counted);
    let cpu: i128 = all().map(Counted::moving_millicore_seconds).sum();
    let memory: i128 = all().map(Counted::moving_mib_seconds).sum();
    // The larger of its shares of what moves.
    let weight = |counted: &Counted| {
        let of = |part: i128, all: i128| ratio(float(part), float(all)).unwrap_or_default();
        of(counted.moving_millicore_seconds(), cpu).max(of(counted.moving_mib_seconds(), memory))
    };
    let weights: f64 = all().map(weight).sum();
    let mut rows: Vec<_> = workloads
        .iter()
        .map(|(name, counted)| {
            let stays: i64 = counted.stays.values().map(|stays| stays.seconds).sum();
            let most = counted.stays.iter().max_by_key(|(why, stays)| (stays.seconds, std::cmp::Reverse(**why)));
            let (verdict, reason) = match (counted.moves_seconds, &counted.selector, most) {
                (0, _, Some((why, _))) => ("stays", (*why).to_owned()),
                (_, Some(key), _) => (
                    "unsure",
                    format!("its node selector asks for `{key}`, which elastic VMs do not have by themselves"),
                ),
                (_, None, Some((why, _))) => ("partly", (*why).to_owned()),
                (_, None, None) => ("moves", MOVES.to_owned()),
            };
            let part = ratio(weight(counted), weights).filter(|_| counted.moves_seconds > 0);
            WorkloadMovability {
                namespace: name.namespace.clone(),
                workload_kind: name.kind.clone(),
                workload: name.name.clone(),
                verdict: verdict.to_owned(),
                reason,
                pod_hours: hours(counted.moves_seconds + stays),
                cpu_request_core_hours: crate::conclude::core_hours(counted.millicore_seconds),
                memory_request_gib_hours: float(counted.mib_seconds) / 1024.0 / 3600.0,
                saving_usd: saving.zip(part).map(|(saving, part)| saving.usd() * part),
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        let by_memory = b.memory_request_gib_hours.total_cmp(&a.memory_request_gib_hours);
        let name = |row: &WorkloadMovability| (row.namespace.clone(), row.workload_kind.clone(), row.workload.clone());
        by_memory.then_with(|| name(a).cmp(&name(b)))
    });
    rows.truncate(MOST_WORKLOADS);
    rows
}

/// Why there is no machine pool.
fn no_pool(model: &Model<'_>) -> String {
    let kept = exclusions(model, None);
    let moves = model.names.counted.iter().flatten().any(|(_, counted)| counted.moves_seconds > 0);
    if moves || kept.is_empty() {
        return "No elastic machine pool was replayed: no bare metal has a price in the region.".to_owned();
    }
    let why: Vec<_> = kept.iter().take(3).map(|row| format!("{} ({} workloads)", row.reason, row.workloads)).collect();
    format!("No elastic machine pool was replayed, since no pod could move: {}.", why.join("; "))
}

/// What a profile names and no pod showed.
fn unseen(model: &Model<'_>) -> Vec<Note> {
    let Some(profile) = model.profile else { return Vec::new() };
    let namespaces = profile.namespaces().iter().filter(|name| !model.names.namespaces.contains(*name));
    let keys = profile.labels().iter().filter_map(|label| label.split('=').next());
    let keys = keys.filter(|key| !model.names.label_keys.contains(*key));
    let of_namespace = |name: &String| format!("The profile names the namespace `{name}`, in which no pod was seen.");
    let of_key = |key: &str| {
        format!(
            "The profile asks for the label `{key}`, which no pod showed; if pods have it, tell the collector to keep it."
        )
    };
    namespaces.map(of_namespace).chain(keys.map(of_key)).map(Note::warning).collect()
}

fn notes(model: &Model<'_>, scenarios: &[Made]) -> Vec<Note> {
    let mut notes = Vec::new();
    if model.on_emp.is_empty() {
        notes.push(Note::warning(no_pool(model)));
    } else if !model.hosts.iter().any(|host| host.chosen && host.replayed.is_some()) {
        notes.push(Note::warning("No host type could be chosen, because none could be priced."));
    }
    notes.extend(unseen(model));
    if !model.names.knows_devices {
        notes.push(Note::info(
            "What pods ask for beside CPU and memory was not collected; pods that need a GPU or another device are taken for pods that can move.",
        ));
    }
    if !scenarios.iter().any(|made| made.scenario.id == "emp-tuned") && !model.grid.is_empty() {
        notes.push(Note::info(
            "There is no scenario with tuned ratios: at no pair of ratios tried did the host hold the risk target.",
        ));
    }
    notes.push(Note::info(
        "Replays know no affinity, anti-affinity or topology spread (kube-state-metrics does not export them), no bandwidth of network and disks, no autoscaler that reacts, no interruption of spot, and no latency.",
    ));
    notes
}

fn unsigned(number: u64) -> f64 {
    float(number.into())
}
