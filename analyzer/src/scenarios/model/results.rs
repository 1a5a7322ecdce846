//! Report of the replays, as it is written.

use chrono::{DateTime, Utc};
use replay::{Grain, HOUR_SECONDS, Outcome, PoolZones, Requests, Zones, lower_bound};
use types::analysis::{
    HostConsidered, MachineHours, MachineRole, Note, Risk, Scenario, ScenarioHour, ScenarioId, WorstSlot,
};
use types::wording::{brief, counted, quantity};
use types::{CapacityType, NanoUsd, SLOTS_PER_HOUR};

use super::accuracy::back_test::{self, back_test};
use super::accuracy::saving_interval;
use super::costs::scenario_cost::{Money, Pricer, evm_hours};
use super::costs::spare_hosts::with_spare_hosts;
use super::judgement::decision::{Basis, decide};
use super::judgement::limits_and_remedies::{Judgement, Yardstick, after_expiries, in_force, judgement};
use super::migration::build_plan::plan;
use super::migration::movability::{autoscaled, exclusions, movability, no_pool, selected, unseen};
use super::recommendation::verdict_basis::{Conclusion, PricedScenario};
use super::replays::all_replays::Model;
use super::replays::host_type::HostTried;
use super::replays::warm_machines::fits;
use super::runs::replayed_scenario::Replayed;
use super::sensitivity::tornado_bars::Bars;
use super::sensitivity::what_if::what_if;
use crate::bill::today::{Bill, compute_cost, hours};
use crate::monthly_scaling::Month;
use crate::number::{float, ratio};
use crate::prices::MachineKind;
use crate::pricing::HourlyCost;
use crate::units::unsigned;

/// Lines that cost what they cost today in every scenario.
const AS_TODAY: [&str; 7] =
    ["fargate", "volumes", "auto_mode", "control_plane", "network", "load_balancers", "public_ipv4"];

/// Concludes.
pub(crate) fn conclude(model: &Model<'_>, bill: &Bill, month: Month) -> Conclusion {
    let basis = Basis::new(model, bill);
    let judgement = judgement(model, basis.reported, &Yardstick::new(&model.assumptions.replay));
    // What is judged is what is shown: the same headroom, and the same spare hosts.
    let made = |replayed: &Replayed| {
        let judged = replayed.id().and_then(|id| Some((in_force(model, id)?, judgement.spares(id))));
        let (replayed, spares) = judged.unwrap_or((replayed, 0));
        made((replayed, spares), model, bill, month)
    };
    let scenarios: Vec<_> = model.on_ec2.iter().chain(&model.on_emp).map(made).collect();
    let repacked = scenarios.iter().find(|made| made.scenario.id == "ec2-repacked").map(|made| made.lines);
    let planned = scenarios.iter().find(|made| made.scenario.id == model.planned.as_str()).map(|made| made.lines);
    // What a pool saves is said of its twin that treats leftovers as `ec2-repacked` does.
    let twin = like_for_like(model, &judgement, month);
    let emp = twin.as_ref().map(|twin| twin.lines);
    let decision = decide(&judgement, &basis);
    let (tornado, tornado_of) = {
        let bars = Bars { model, judgement: &judgement, basis: &basis, decision: &decision };
        (bars.all(), bars.of())
    };
    let what_if = what_if(model, repacked.as_ref().zip(twin.as_ref()), (&tornado, tornado_of));
    let back_test = model.today().map(|today| back_test(&today.reported, basis.optimism));
    let (after_expiries, after_commitments_usd) =
        decision.row(&judgement).map_or((Vec::new(), None), |row| after_expiries(model, row, basis.reported));
    let priced = scenarios.iter().flat_map(|made| &made.scenario.machine_hours);
    let origins = priced.filter_map(|machine| machine.price.clone()).collect();
    Conclusion {
        offer: super::recommendation::savings_plan_offer::offer(model, &judgement, decision.recommended),
        hosts: model.hosts.iter().map(|tried| considered(tried, model)).collect(),
        what_if,
        movability: movability(
            model,
            repacked.zip(emp).and_then(|(repacked, emp)| repacked.less(&emp)).map(|(saved, ..)| saved),
        ),
        selection: selected(model),
        exclusions: exclusions(model, planned.as_ref().map(|lines| (lines, judgement.spares(model.planned)))),
        interval_usd: saving_interval::interval(model, &judgement),
        plan: model.today().and_then(|today| plan(model, &judgement, &model.pricer.of(today).lines, month)),
        notes: notes(model, &scenarios).into_iter().chain(back_test.as_ref().and_then(back_test::note)).collect(),
        origins,
        back_test,
        after_expiries,
        after_commitments_usd,
        like_for_like: emp,
        judgement,
        basis,
        decision,
        tornado,
        tornado_of,
        unpriced_changes: unpriced_changes(model, bill),
        scenarios,
    }
}

/// Lists what another scenario changes in the bill and that has no price here.
fn unpriced_changes(model: &Model<'_>, bill: &Bill) -> Vec<String> {
    let replay = &model.assumptions.replay;
    let crosses = replay.scheduler_zones == Zones::Free || replay.emp_zones != PoolZones::All;
    let traffic = crosses.then(|| "traffic between zones".to_owned());
    traffic.into_iter().chain(bill.unpriced_moving.iter().cloned()).collect()
}

/// Cost of `emp` with what does not move repacked as `ec2-repacked` repacks it. It needs the spare hosts and the headroom that
/// `emp` does; `None` without a pool.
fn like_for_like(model: &Model<'_>, judgement: &Judgement, month: Month) -> Option<Money> {
    let twin = model.like_for_like.as_ref()?;
    let mut money = with_spare_hosts(&model.pricer, twin, judgement.spares(ScenarioId::Emp));
    let headroom = judgement.row(ScenarioId::Emp).and_then(|row| row.judged.headroom.as_ref());
    let kept = headroom.map(|headroom| month.of_window(headroom.monthly_usd)).unwrap_or_default();
    money.lines.compute = money.lines.compute.map(|compute| compute + kept);
    Some(money)
}

fn made((replayed, spares): (&Replayed, u32), model: &Model<'_>, bill: &Bill, month: Month) -> PricedScenario {
    let pricer = &model.pricer;
    let Replayed { setup, whole, reported, host, .. } = replayed;
    let Money { lines, compute, items, .. } = with_spare_hosts(pricer, replayed, spares);
    let mut all_items: Vec<_> = bill.cost_items().into_iter().filter(|item| AS_TODAY.contains(&&*item.line)).collect();
    all_items.extend(items);
    all_items.sort_by(|a, b| (&a.line, &a.what).cmp(&(&b.line, &b.what)));
    let label = match replayed.id() {
        Some(id) => types::wording::label(id),
        None => setup.id.as_str(),
    };
    let host = host.as_ref().map(|host| &host.machine);
    let bound = lower_bound(whole, setup, Grain::Hour).map(|bound| bound.total() + pricer.as_is_contracted());
    // Under a pool they may become another type, which may have no price.
    let volumes_unknown = lines.volumes.is_none() && bill.lines.volumes.is_some();
    let scenario = Scenario {
        id: setup.id.clone(),
        label: label.to_owned(),
        cost_usd: lines.cost(),
        partial: lines.partial() || !bill.unpriced_moving.is_empty() || volumes_unknown,
        monthly_usd: lines.total().map(|total| month.usd(total)),
        compute_cost: lines.compute.map(|_| compute_cost(&compute)),
        machine_hours: machine_hours(&compute, whole, pricer, host),
        items: all_items,
        unpriced: bill.unpriced.clone(),
        lower_bound_usd: bound.map(NanoUsd::usd),
        risk: Some(risk(reported, whole, model.today().is_some_and(|today| fits(replayed, today, &model.limits)))),
        by_hour: by_hour(whole),
        variants: Vec::new(),
        notes: scenario_notes(replayed, model),
    };
    PricedScenario { scenario, lines }
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
            "In {} a host was over the rebalancer's threshold with one elastic VM alone, which no move mends.",
            counted(stuck, "host-slot")
        )));
    }
    let unplaceable = replayed.whole.service.unplaceable;
    if unplaceable > 0 {
        notes.push(Note::warning(format!(
            "{} {} no machine on offer and {} never served.",
            counted(unplaceable, "pod"),
            if unplaceable == 1 { "fits" } else { "fit" },
            if unplaceable == 1 { "was" } else { "were" }
        )));
    }
    notes.extend(left_on_ec2(&replayed.reported, model));
    notes
}

/// Notes what stays on EC2 beside a pool and never empties, what stays for its volume, and what AWS takes back of spot,
/// on the reported hours.
fn left_on_ec2(reported: &Outcome, model: &Model<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let restarts = reported.interruptions.expected();
    if restarts >= 1.0 {
        notes.push(Note::info(format!(
            "About {} on spot machines can be expected to restart because AWS takes machines back, in every scenario alike.",
            quantity(restarts.round(), "pod")
        )));
    }
    let half_empty: u64 = reported.stranded.iter().map(|row| row.half_empty_seconds).sum();
    if half_empty > 0 {
        let all: u64 = reported.stranded.iter().map(|row| row.node_seconds).sum();
        let kinds = reported.stranded.iter().filter_map(|row| model.pricer.kind(row.kind));
        let mut names: Vec<&str> = kinds.map(|kind| kind.instance_type.as_str()).collect();
        names.dedup();
        notes.push(Note::info(format!(
            "Nodes stay on EC2 for pods that do not move ({}): {}, of which {} with less than half of the node requested.",
            names.join(", "),
            quantity(unsigned(all) / 3600.0, "node-hour"),
            brief(unsigned(half_empty) / 3600.0)
        )));
    }
    if !reported.held_by_volumes.is_empty() {
        notes.push(Note::warning(format!(
            "Pods of {} have a volume in a zone that the pool is not in, and stay on EC2.",
            counted(reported.held_by_volumes.len(), "workload")
        )));
    }
    notes
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
        kind: if host == Some(machine) { MachineRole::Host } else { MachineRole::Node },
        instance_type: machine.instance_type.clone(),
        capacity_type: machine.capacity_type.to_string(),
        hours: hours(cost.seconds),
        usd_per_hour: Some(cost.rate.contracted.price.usd_per_hour()),
        cost_usd: Some(cost.effective.usd()),
        price: Some(cost.rate.contracted.origin.clone()),
    });
    let mut all: Vec<_> = billed.collect();
    all.extend(evm_hours(outcome, pricer).into_iter().map(|(instance_type, hours)| MachineHours {
        kind: MachineRole::Evm,
        instance_type,
        capacity_type: CapacityType::OnDemand.to_string(),
        hours,
        usd_per_hour: None,
        cost_usd: None,
        price: None,
    }));
    all
}

fn risk(reported: &Outcome, whole: &Outcome, holds_target: bool) -> Risk {
    let share = |part: u64, of: u64| ratio(unsigned(part), unsigned(of));
    let (machines, hosts) = (&reported.machines, &reported.hosts);
    let core_hours = |core_ms: u64| unsigned(core_ms) / 1000.0 / 3600.0;
    let motion = &whole.motion;
    Risk {
        holds_target,
        served_fraction: reported.served_share(),
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
        pods_on_busiest: whole.most_on_one().0,
        workloads_on_busiest: whole.most_on_one().1,
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

fn considered(tried: &HostTried, model: &Model<'_>) -> HostConsidered {
    // Hosts are tried on the hours that serve choices; what they cost is scaled to all of them.
    let total = |replayed: &Replayed| {
        let hours = |n: usize| i128::try_from(n).ok();
        Some(tried.cost?.scaled(hours(model.windows.hours)?, hours(replayed.whole.hours.len())?).usd())
    };
    let holds = tried.replayed.as_ref().map(|_| tried.over.is_empty());
    let over: Vec<&str> = tried.over.iter().map(|limit| types::wording::limit(*limit)).collect();
    let reason = match (&tried.replayed, tried.chosen, over.is_empty()) {
        (None, ..) => "its lower bound is above that of the ten that were replayed".to_owned(),
        (_, true, true) => "the cheapest that holds the limits which no money mends, spare hosts counted".to_owned(),
        (_, true, false) => {
            format!("the cheapest; none holds every limit that no money mends, nor does this: {}", over.join(", "))
        }
        (_, false, true) => "dearer than the one chosen, spare hosts counted".to_owned(),
        (_, false, false) => {
            format!("over a limit that neither warm machines nor spare hosts mend: {}", over.join(", "))
        }
    };
    HostConsidered {
        instance_type: tried.candidate.host.name.clone(),
        usd_per_hour: tried.candidate.host.price.map(|price| price.usd_per_hour()).unwrap_or_default(),
        lower_bound_usd: tried.bound.map(NanoUsd::usd),
        total_usd: tried.replayed.as_ref().and_then(total),
        holds_target: holds,
        chosen: tried.chosen,
        reason,
    }
}

fn notes(model: &Model<'_>, scenarios: &[PricedScenario]) -> Vec<Note> {
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
    if !model.windows.tuned && !scenarios.is_empty() {
        notes.push(Note::info(
            "Under three whole weeks nothing is tuned on either side: neither EC2's policy nor the pool's ratios.",
        ));
        if model.hosts.iter().any(|host| host.chosen) {
            notes.push(Note::info(match model.windows.reported_from {
                0 => "Bare metal was chosen on the same hours that are reported, since there are no others.".to_owned(),
                hours => {
                    format!("Bare metal was chosen on the first {}, which are not reported.", counted(hours, "hour"))
                }
            }));
        }
    }
    notes.push(Note::info(
        "Replays know no affinity, anti-affinity or topology spread (kube-state-metrics does not export them), no bandwidth of network and disks, no autoscaler that reacts, no interruption of spot, and no latency.",
    ));
    notes
}
