//! Judgement of scenarios: by the same limits, on the reported hours, each with what it costs to hold them.

use replay::{Check, Limits, Outcome, judge};
use types::analysis::{
    AfterExpiry, ExactLines, Headroom, Judged, Limit, LimitCheck, Remedy, RemedyKind, ScenarioId, WorkOwed, ZoneHosts,
};

use crate::monthly_scaling::Month;
use crate::number::ratio;
use crate::prices::PriceBook;
use crate::scenarios::model::costs::scenario_cost::Money;
use crate::scenarios::model::costs::spare_hosts::{spared, spares, with_spares};
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::replays::warm_machines::Ladder;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::units::unsigned;

/// Fill below which hosts are there for their zone and not for what they carry.
const MOSTLY_EMPTY: f64 = 0.5;

/// A judged scenario with its exact lines over the reported hours, spare hosts among them.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) id: ScenarioId,
    pub(crate) judged: Judged,
    pub(crate) money: Money,
    /// Spare hosts of each zone that it needs beside those it was replayed with.
    pub(crate) spares: u32,
}

/// Every scenario judged, and what would mend those that break a limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judgement {
    /// Today over the reported hours.
    pub(crate) today: ExactLines,
    /// The largest saving first.
    pub(crate) reported: Vec<Reported>,
    pub(crate) remedies: Vec<Remedy>,
    /// Limits that today's machines are over themselves.
    pub(crate) today_breaches: Vec<LimitCheck>,
}

impl Judgement {
    /// The row of a scenario.
    pub(crate) fn row(&self, id: ScenarioId) -> Option<&Reported> {
        self.reported.iter().find(|row| row.id == id)
    }

    /// Spare hosts of each zone that a scenario needs beside those it was replayed with.
    pub(crate) fn spares(&self, id: ScenarioId) -> u32 {
        self.row(id).map_or(0, |row| row.spares)
    }
}

/// Yardstick by which scenarios are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Yardstick {
    pub(crate) limits: Limits,
    /// The largest share of compute that headroom may cost.
    pub(crate) headroom_cost: f64,
}

impl Yardstick {
    /// The yardstick of these assumptions.
    pub(crate) fn new(assumptions: &replay::Assumptions) -> Self {
        Self { limits: assumptions.limits(), headroom_cost: assumptions.risk_headroom_cost }
    }
}

/// A scenario with the headroom that a yardstick asks for.
struct Settled<'m> {
    replayed: &'m Replayed,
    ladder: Option<&'m Ladder>,
    /// The level of the ladder; `None` where none holds.
    level: Option<usize>,
}

fn settled<'m>(model: &'m Model<'_>, id: ScenarioId, today: &Replayed, limits: &Limits) -> Option<Settled<'m>> {
    let ladder = model.ladders.iter().find(|ladder| ladder.base.id() == Some(id));
    let Some(tried) = ladder else { return Some(Settled { replayed: model.scenario(id)?, ladder, level: None }) };
    let level = tried.under(today, limits);
    let replayed = match level {
        Some(level) => level.checked_sub(1).and_then(|at| tried.levels.get(at)).unwrap_or(&tried.base),
        // What holds at one level and not at the next holds by chance.
        None => tried.first_that_breaks(today, limits),
    };
    Some(Settled { replayed, ladder, level })
}

/// The replay of a scenario that is judged: with the headroom it needs, or at the level that breaks a limit. What it costs is
/// told of the same one everywhere.
pub(crate) fn in_force<'m>(model: &'m Model<'_>, id: ScenarioId) -> Option<&'m Replayed> {
    settled(model, id, model.today()?, &model.limits).map(|settled| settled.replayed)
}

/// Judges every scenario that was replayed.
pub(crate) fn judgement(model: &Model<'_>, reported: Month, yardstick: &Yardstick) -> Judgement {
    let limits_in_force = &yardstick.limits;
    let Some(today) = model.today() else { return Judgement::default() };
    let today_lines = model.pricer.today(model.windows.reported_from..model.windows.hours);
    let breaches = replay::breaches(&today.reported, limits_in_force);
    let mut judgement = Judgement {
        today: today_lines,
        today_breaches: breaches.iter().map(|check| limit_check(model, check, None)).collect(),
        ..Judgement::default()
    };
    for id in ScenarioId::ALL.into_iter().filter(|id| id.is_change()) {
        let Some(Settled { replayed, ladder, level }) = settled(model, id, today, limits_in_force) else { continue };
        let checks = judge(&replayed.reported, &today.reported, limits_in_force);
        let spare = with_spares(&checks, &replayed.reported);
        let spares = spares(&checks, &replayed.reported);
        let money = model.pricer.money(replayed, &spared(&replayed.reported, spares));
        let Some((saved, base, _)) = today_lines.less(&money.lines) else { continue };
        let headroom = ladder.and_then(|ladder| headroom(model, ladder, level, reported));
        let mut limits: Vec<LimitCheck> = checks.iter().map(|check| limit_check(model, check, spare)).collect();
        limits.extend(
            headroom.as_ref().and_then(|headroom| cost_check(headroom, &money, reported, yardstick.headroom_cost)),
        );
        limits.sort_by_key(|check| (check.holds, check.limit));
        let mended = Mended { replayed, ladder, headroom: headroom.as_ref(), spares };
        judgement.remedies.extend(remedies(model, id, &mended, limits_in_force, reported));
        let judged = Judged {
            scenario: id,
            monthly_usd: reported.usd(base - saved),
            saving_monthly_usd: reported.usd(saved),
            saving_fraction: ratio(saved.usd(), base.usd()),
            rival: None,
            saving_vs_rival_monthly_usd: None,
            chosen_monthly_usd: model.windows.tuned.then(|| chosen_on(model, replayed)).flatten(),
            holds: limits.iter().all(|check| check.holds),
            limits,
            headroom,
            spare_hosts_per_zone: spares + replayed.setup.pool.as_ref().map_or(0, |pool| pool.spare_hosts_per_zone),
            zone_hosts: zone_hosts(replayed, model.windows.reported_from),
            work_owed: work_owed(&replayed.reported, money.lines.work_owed.map(|usd| reported.usd(usd))),
        };
        judgement.reported.push(Reported { id, judged, money, spares });
    }
    against_rivals(model, &mut judgement, reported);
    judgement.reported.sort_by(|a, b| {
        b.judged.saving_monthly_usd.total_cmp(&a.judged.saving_monthly_usd).then_with(|| a.id.cmp(&b.id))
    });
    judgement
}

/// What a scenario saves a month from each date on at which commitments expire, and once none is left.
pub(crate) fn after_expiries(model: &Model<'_>, row: &Reported, reported: Month) -> (Vec<AfterExpiry>, Option<f64>) {
    let Some(replayed) = in_force(model, row.id) else { return (Vec::new(), None) };
    let outcome = spared(&replayed.reported, row.spares);
    // The same hours by another book: hosts without a commitment cost more, and the fee on what they save is less.
    let saved = |book: &PriceBook| {
        let pricer = model.pricer.by(book);
        let today = pricer.today(model.windows.reported_from..model.windows.hours);
        let (saved, ..) = today.less(&pricer.money(replayed, &outcome).lines)?;
        Some(reported.usd(saved))
    };
    let after = |(at, commitments): (i64, Vec<String>)| {
        let from = chrono::DateTime::from_timestamp(at, 0)?.date_naive();
        Some(AfterExpiry { from, commitments, saving_monthly_usd: saved(&model.pricer.book().once_expired(at))? })
    };
    let expiries = model.pricer.expiries().into_iter().filter_map(after).collect();
    (expiries, saved(&model.pricer.book().without_commitments()))
}

/// Work that an outcome owes at its end; `None` where it owes none.
fn work_owed(outcome: &Outcome, monthly_usd: Option<f64>) -> Option<WorkOwed> {
    let owed = outcome.service.owed_batch;
    (owed.seconds > 0).then(|| WorkOwed {
        pod_hours: unsigned(owed.seconds) / 3600.0,
        core_hours: unsigned(owed.millicore_seconds) / 1000.0 / 3600.0,
        gib_hours: unsigned(owed.mib_seconds) / 1024.0 / 3600.0,
        monthly_usd,
    })
}

/// What it cost on the hours that choices were made on; `None` where there are none.
fn chosen_on(model: &Model<'_>, replayed: &Replayed) -> Option<f64> {
    let hours = replayed.before.hours.len();
    let before = model.pricer.month_of(&replayed.before);
    let total = model.pricer.money(replayed, &replayed.before).lines.total()?;
    (hours > 0).then(|| before.usd(total))
}

/// Sets what each pool saves against its rival: both treat what does not move alike.
fn against_rivals(model: &Model<'_>, judgement: &mut Judgement, reported: Month) {
    let lines = |id: ScenarioId| judgement.reported.iter().find(|row| row.id == id).map(|row| row.money.lines);
    let like_for_like = model.like_for_like.as_ref();
    let mut found = Vec::new();
    for id in ScenarioId::ALL {
        let Some(rival) = id.rival().and_then(|rival| {
            let fallback = if rival == ScenarioId::Ec2Tuned { ScenarioId::Ec2Repacked } else { rival };
            lines(rival).map(|lines| (rival, lines)).or_else(|| Some((fallback, lines(fallback)?)))
        }) else {
            continue;
        };
        let Some(row) = judgement.reported.iter().find(|row| row.id == id) else { continue };
        // The default pool leaves leftovers as they are today, so its twin that repacks them is what is compared.
        // The twin has no spare hosts and no headroom of its own: it needs what its row does.
        let (own, headroom) = match (id, like_for_like) {
            (ScenarioId::Emp, Some(twin)) => (
                model.pricer.money(twin, &spared(&twin.reported, row.spares)).lines,
                row.judged.headroom.as_ref().map_or(0.0, |headroom| headroom.monthly_usd),
            ),
            _ => (row.money.lines, 0.0),
        };
        let saved = rival.1.less(&own).map(|(saved, ..)| reported.usd(saved) - headroom);
        found.push((id, rival.0, saved));
    }
    for (id, rival, saved) in found {
        if let Some(row) = judgement.reported.iter_mut().find(|row| row.id == id) {
            (row.judged.rival, row.judged.saving_vs_rival_monthly_usd) = (Some(rival), saved);
        }
    }
}

/// A check as the analysis has it; `spare` is the share of the time a zone could not take over though it has a spare host.
pub(crate) fn limit_check(model: &Model<'_>, check: &Check, spare: Option<f64>) -> LimitCheck {
    let spare = spare.filter(|_| check.limit == Limit::HostLoss);
    let worst = check.worst.and_then(|workload| {
        let name = model.names.workloads.names().get(usize::try_from(workload).ok()?)?;
        Some(format!("{}/{}", name.namespace, name.name))
    });
    LimitCheck {
        limit: check.limit,
        value: spare.or(check.value),
        allowed: check.allowed,
        today: check.today,
        holds: check.holds || spare.is_some(),
        worst,
    }
}

/// Returns the headroom in force and its cost beyond the same scenario without.
fn headroom(model: &Model<'_>, ladder: &Ladder, level: Option<usize>, reported: Month) -> Option<Headroom> {
    let level = ladder.levels.get(level?.checked_sub(1)?)?;
    Some(headroom_of(model, level, &ladder.base, reported))
}

fn headroom_of(model: &Model<'_>, level: &Replayed, base: &Replayed, reported: Month) -> Headroom {
    let cost = |replayed: &Replayed| model.pricer.reported_cost(replayed);
    let more = cost(level).zip(cost(base)).map(|(level, base)| level - base).unwrap_or_default();
    let mut instance_types: Vec<String> = level
        .reported
        .warm
        .iter()
        .filter_map(|(_, kind)| model.pricer.kind(*kind).map(|machine| machine.instance_type.clone()))
        .collect();
    instance_types.sort_unstable();
    instance_types.dedup();
    Headroom {
        warm_machines: level.setup.headroom.warm_machines,
        instance_types,
        empty_seconds: u32::try_from(level.setup.headroom.empty_seconds).unwrap_or(u32::MAX),
        monthly_usd: reported.usd(more),
    }
}

fn cost_check(headroom: &Headroom, money: &Money, reported: Month, allowed: f64) -> Option<LimitCheck> {
    headroom_check(headroom.monthly_usd, reported.usd(money.lines.machines()?), allowed)
}

/// Checks what headroom costs against the compute of its scenario, both in USD a month; `None` without any compute.
pub(crate) fn headroom_check(headroom_usd: f64, compute_usd: f64, allowed: f64) -> Option<LimitCheck> {
    let value = ratio(headroom_usd, compute_usd)?;
    Some(LimitCheck {
        limit: Limit::HeadroomCost,
        value: Some(value),
        allowed,
        today: None,
        holds: value <= allowed,
        worst: None,
    })
}

/// Remedy that mends a scenario, or was tried.
struct Mended<'m> {
    replayed: &'m Replayed,
    ladder: Option<&'m Ladder>,
    headroom: Option<&'m Headroom>,
    spares: u32,
}

/// The pool that is spoken of: of those that hold every limit the one that saves most, else of all.
pub(crate) fn best_pool(judgement: &Judgement) -> Option<&Reported> {
    let pools = || judgement.reported.iter().filter(|row| row.id.is_emp());
    pools().find(|row| row.judged.holds).or_else(|| pools().next())
}

/// Lists what makes a scenario hold, or would.
fn remedies(model: &Model<'_>, id: ScenarioId, mended: &Mended<'_>, limits: &Limits, reported: Month) -> Vec<Remedy> {
    let Some(today) = model.today() else { return Vec::new() };
    let mut remedies: Vec<Remedy> =
        mended.ladder.and_then(|ladder| of_headroom(id, (ladder, mended), today, limits)).into_iter().collect();
    if mended.spares > 0 {
        let cost = |outcome: &Outcome| model.pricer.money(mended.replayed, outcome).lines.total();
        let reported_hours = &mended.replayed.reported;
        let more = cost(&spared(reported_hours, mended.spares)).zip(cost(reported_hours));
        remedies.push(Remedy {
            scenario: id,
            mends: vec![Limit::HostLoss],
            monthly_usd: more.map(|(with, without)| reported.usd(with - without)),
            what: RemedyKind::SpareHosts { per_zone: mended.spares },
            included: true,
        });
    }
    remedies
}

/// The headroom in force, or that none was found.
fn of_headroom(
    id: ScenarioId,
    (ladder, mended): (&Ladder, &Mended<'_>),
    today: &Replayed,
    limits: &Limits,
) -> Option<Remedy> {
    let headroom = mended.headroom;
    let without = if headroom.is_some() { &ladder.base } else { mended.replayed };
    let checks = judge(&without.reported, &today.reported, limits);
    let broken = checks.iter().filter(|check| !check.holds && replay::WAITING.contains(&check.limit));
    let mends: Vec<Limit> = broken.map(|check| check.limit).collect();
    let what = match headroom {
        Some(headroom) => RemedyKind::KeepWarm { headroom: headroom.clone() },
        None if mends.is_empty() => return None,
        None => RemedyKind::NoneFound,
    };
    let monthly_usd = headroom.map(|headroom| headroom.monthly_usd);
    Some(Remedy { scenario: id, mends, monthly_usd, what, included: headroom.is_some() })
}

/// Share of the elastic VMs allowed on the hosts that are there in the reported hours: of vCPU or of memory, the larger.
fn allowed_fill(replayed: &Replayed) -> Option<f64> {
    let pool = replayed.setup.pool.as_ref()?;
    let hours = &replayed.reported.hours;
    let size = |(kind, seconds): &(u32, u64)| {
        let machine = replayed.setup.catalog.machines.get(usize::try_from(*kind).ok()?)?;
        Some([machine.vcpu, machine.memory_mib].map(|of| f64::from(of) * unsigned(*seconds)))
    };
    let evms = hours.iter().flat_map(|hour| &hour.evm_seconds).filter_map(size);
    let [vcpu, mib] = evms.fold([0.0; 2], |[vcpu, mib], [more_vcpu, more_mib]| [vcpu + more_vcpu, mib + more_mib]);
    let hosts = unsigned(hours.iter().map(|hour| hour.host_seconds).sum());
    let threads = hosts * f64::from(pool.host.threads) * pool.cpu_overcommit;
    let memory = hosts * f64::from(pool.host.memory_mib) * pool.memory_overcommit;
    Some(ratio(vcpu, threads)?.max(ratio(mib, memory)?))
}

/// Hosts that are there because each zone needs its own, and how full they are: by what is used of them, or by the elastic VMs
/// that their overcommit allows, whichever is more.
fn zone_hosts(replayed: &Replayed, reported_from: usize) -> Option<ZoneHosts> {
    let Replayed { reported, whole, .. } = replayed;
    let zones = reported.failures.iter().map(|hour| hour.host_loss.zones).max().filter(|zones| *zones > 1)?;
    let slots = whole.series.get(reported_from * types::SLOTS_PER_HOUR..).unwrap_or_default();
    let with_hosts: Vec<_> = slots.iter().filter(|point| point.hosts > 0).collect();
    let n = unsigned(u64::try_from(with_hosts.len()).ok()?);
    let mean = |of: &dyn Fn(&replay::Point) -> f64| ratio(with_hosts.iter().map(|point| of(point)).sum(), n);
    let hosts = mean(&|point| f64::from(point.hosts))?;
    let share = |used: u64, of: u64| ratio(unsigned(used), unsigned(of)).unwrap_or_default();
    let used = mean(&|point| {
        let (cpu, memory) = (point.host_cpu_millicores, point.host_memory_mib);
        share(cpu.0, cpu.1).max(share(memory.0, memory.1))
    })?;
    let fill = used.max(allowed_fill(replayed)?);
    let least = f64::from(zones);
    (fill < MOSTLY_EMPTY && hosts < least + 0.5).then_some(ZoneHosts { zones, hosts, fill_fraction: fill })
}
