//! The bars of the tornado: what the answer hangs on, one assumption, term or limit at a time.
//!
//! Each is of one scenario against today: the one recommended, or where nothing is, the one that comes closest.

use types::analysis::{Judged, LimitCheck, ScenarioId, TornadoBar};

use crate::scenarios::model::costs::spare_hosts::lines_with_spares;
use crate::scenarios::model::judgement::decision::{Basis, Decision, decide};
use crate::scenarios::model::judgement::limits_and_remedies::{
    Judgement, Reported, Yardstick, headroom_check, judgement, limit_check,
};
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::replays::tornado_replays::{Bar, Tornado};
use crate::scenarios::model::replays::warm_machines::checks_with_spares;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::scenarios::model::sensitivity::fee_and_discounts::Deal;
use crate::units::nanos;

/// Limits by the keys of their assumptions. What fits no machine has none.
type Limited = (&'static str, fn(&mut Yardstick) -> &mut f64);
const LIMITS: [Limited; 12] = [
    ("risk.cpu_lost", |y| &mut y.limits.cpu_lost),
    ("risk.workload_cpu_lost", |y| &mut y.limits.workload_cpu_lost),
    ("risk.memory_over_mean", |y| &mut y.limits.memory_over_mean),
    ("risk.memory_over_max", |y| &mut y.limits.memory_over_max),
    ("risk.evictions", |y| &mut y.limits.evictions),
    ("risk.single_evictions", |y| &mut y.limits.single_evictions),
    ("risk.blast_radius", |y| &mut y.limits.blast_radius),
    ("risk.host_loss", |y| &mut y.limits.host_loss),
    ("risk.late_services", |y| &mut y.limits.late_services),
    ("risk.late_batch", |y| &mut y.limits.late_batch),
    ("risk.overtaken", |y| &mut y.limits.overtaken),
    ("risk.headroom_cost", |y| &mut y.headroom_cost),
];
/// Value to which a limit of zero is loosened. A zone that need not take over from a lost host is a choice, not a
/// share.
const LOOSENED: f64 = 0.001;
const HOST_LOSS: &str = "risk.host_loss";

/// Sources of the bars.
pub(crate) struct Bars<'m, 'a> {
    pub(crate) model: &'m Model<'a>,
    pub(crate) judgement: &'m Judgement,
    pub(crate) basis: &'m Basis,
    pub(crate) decision: &'m Decision,
}

/// A change with what it does to the saving of a month.
struct Changed {
    key: &'static str,
    value: String,
    /// The saving that changes: of the scenario the bars are of, or of what is recommended.
    from_usd: f64,
    monthly_usd: f64,
    /// The first limit that breaks then.
    breaks: Option<LimitCheck>,
    turns: bool,
}

/// The first limit that a scenario breaks; broken ones stand first.
fn first_broken(judged: &Judged) -> Option<LimitCheck> {
    judged.limits.iter().find(|check| !check.holds).cloned()
}

/// The scenario a tornado is about: the one recommended; else of those that hold every limit the one that saves most, else
/// of all.
pub(crate) fn subject<'j>(judgement: &'j Judgement, decision: &Decision) -> Option<&'j Reported> {
    let changes = || judgement.reported.iter().filter(|row| row.id.may_be_recommended());
    decision.row(judgement).or_else(|| changes().find(|row| row.judged.holds)).or_else(|| changes().next())
}

impl Bars<'_, '_> {
    /// Every bar, the largest change first.
    pub(crate) fn all(&self) -> Vec<TornadoBar> {
        let Some(row) = self.judgement.reported.iter().find(|row| Some(row.id) == self.of()) else { return Vec::new() };
        let mut changed = self.model.tornado.as_ref().map(|tornado| self.assumptions(row, tornado)).unwrap_or_default();
        changed.extend(self.terms(row));
        changed.extend(self.limits(row));
        changed.sort_by(|a, b| {
            b.monthly_usd.abs().total_cmp(&a.monthly_usd.abs()).then_with(|| (a.key, &a.value).cmp(&(b.key, &b.value)))
        });
        let over_window = |monthly: f64| self.basis.window.of_window(monthly).usd();
        let bar = |changed: Changed| TornadoBar {
            key: changed.key.to_owned(),
            value: changed.value,
            saving_usd: Some(over_window(changed.from_usd + changed.monthly_usd)),
            change_usd: Some(over_window(changed.monthly_usd)),
            holds_target: changed.breaks.is_none(),
            breaks: changed.breaks,
            turns_around: changed.turns,
        };
        changed.into_iter().map(bar).collect()
    }

    /// The scenario bars are of.
    pub(crate) fn of(&self) -> Option<ScenarioId> {
        let replayed = self.model.tornado.as_ref().and_then(Tornado::of);
        replayed.or_else(|| subject(self.judgement, self.decision).map(|row| row.id))
    }

    /// Returns true when the answer is another with a saving changed by so much.
    fn turns(&self, row: &Reported, monthly_usd: f64, held: bool, holds: bool, of_pool: bool) -> bool {
        let least = self.basis.least_saving(self.judgement);
        let saving = row.judged.saving_monthly_usd + monthly_usd;
        match self.decision.recommended {
            Some(ScenarioId::Ec2Today) => holds && saving > least,
            Some(id) if id == row.id => {
                let rival = row.judged.saving_vs_rival_monthly_usd.filter(|_| of_pool);
                saving <= least || (held && !holds) || rival.is_some_and(|rival| rival + monthly_usd <= 0.0)
            }
            _ => false,
        }
    }

    /// Assumptions that change what happens, replayed.
    fn assumptions(&self, row: &Reported, tornado: &Tornado) -> Vec<Changed> {
        let limits = &self.model.limits;
        let month = self.model.pricer.month_of(&tornado.base.reported);
        let lines = |replayed: &Replayed, today: &Replayed| {
            lines_with_spares(&self.model.pricer, limits, replayed, (&replayed.reported, &today.reported))
        };
        let broken = |replayed: &Replayed, today: &Replayed| {
            let checks = checks_with_spares(replayed, today, limits);
            let check = checks.into_iter().filter(|check| !check.holds).min_by_key(|check| check.limit)?;
            Some(limit_check(self.model, &check, None))
        };
        let base = lines(&tornado.base, &tornado.today);
        let held = broken(&tornado.base, &tornado.today).is_none();
        let now = row.judged.headroom.as_ref().map_or(0.0, |headroom| headroom.monthly_usd);
        // What a bar keeps warm may be no larger a share of compute than in any scenario.
        let too_dear = |bar: &Bar| {
            let today = bar.today.as_ref().unwrap_or(&tornado.today);
            let (with, without) = (lines(&bar.replayed, today), lines(bar.before.as_ref()?, today));
            let more = without.less(&with).map_or(0.0, |(saved, ..)| -month.usd(saved));
            let compute = with.machines().map_or(0.0, |machines| month.usd(machines));
            let check = headroom_check(now + more, compute, self.model.assumptions.replay.risk_headroom_cost);
            check.filter(|check| !check.holds)
        };
        let changed = tornado.changed.iter().filter_map(|bar| {
            let Bar { change, replayed, .. } = bar;
            let today = bar.today.as_ref().unwrap_or(&tornado.today);
            let (saved, ..) = base.less(&lines(replayed, today))?;
            let (monthly_usd, breaks) = (month.usd(saved), broken(replayed, today).or_else(|| too_dear(bar)));
            let turns = self.turns(row, monthly_usd, held, breaks.is_none(), change.key.starts_with("emp."));
            let from_usd = row.judged.saving_monthly_usd;
            Some(Changed { key: change.key, value: change.value.clone(), from_usd, monthly_usd, breaks, turns })
        });
        changed.collect()
    }

    /// Terms that change what is paid alone. Where nodes are recommended, also those by which a pool would be instead.
    fn terms(&self, row: &Reported) -> Vec<Changed> {
        let held = row.judged.holds;
        let own = self.deal(row).into_iter().map(|(key, value, monthly_usd)| {
            let turns = self.turns(row, monthly_usd, held, held, row.id.is_emp());
            let from_usd = row.judged.saving_monthly_usd;
            Changed { key, value, from_usd, monthly_usd, breaks: first_broken(&row.judged), turns }
        });
        own.chain(self.pool_instead(row)).collect()
    }

    /// Terms by which the pool that saves most would be recommended in the place of nodes: what would be saved more.
    fn pool_instead(&self, row: &Reported) -> Vec<Changed> {
        let mut pools = self.judgement.reported.iter().filter(|pool| pool.id.is_emp() && pool.judged.holds);
        let Some(pool) = pools.next().filter(|_| self.decision.recommended.is_some() && !row.id.is_emp()) else {
            return Vec::new();
        };
        let least = self.basis.least_saving(self.judgement);
        let now = self.decision.row(self.judgement).map_or(0.0, |row| row.judged.saving_monthly_usd);
        let better = self.deal(pool).into_iter().filter_map(|(key, value, usd)| {
            let monthly_usd = pool.judged.saving_monthly_usd + usd - now;
            let turns = monthly_usd > least && key != "ec2_discount";
            turns.then_some(Changed { key, value, from_usd: now, monthly_usd, breaks: None, turns })
        });
        better.collect()
    }

    /// Returns what each term alone changes of a scenario's saving of a month.
    fn deal(&self, row: &Reported) -> Vec<(&'static str, String, f64)> {
        let deal = Deal::between(self.model.pricer.fee_fraction(), &self.judgement.today, &row.money);
        let changes = deal.map(|deal| deal.changes(row.id.is_emp())).unwrap_or_default();
        changes.into_iter().map(|(key, value, usd)| (key, value, self.basis.reported.usd(nanos(usd)))).collect()
    }

    /// Returns bars of the limits, each halved and doubled, whichever changes more: the saving of what is
    /// recommended then. Nothing is replayed; of headroom the levels that were tried count.
    fn limits(&self, row: &Reported) -> Vec<Changed> {
        let in_force = Yardstick::new(&self.model.assumptions.replay);
        let replayed: Vec<&str> =
            self.model.tornado.iter().flat_map(|tornado| &tornado.changed).map(|bar| bar.change.key).collect();
        let saving = |decision: &Decision, judgement: &Judgement| {
            decision.row(judgement).map_or(0.0, |row| row.judged.saving_monthly_usd)
        };
        let now = saving(self.decision, self.judgement);
        let under = |key: &'static str, of: fn(&mut Yardstick) -> &mut f64, value: f64| {
            let mut yardstick = in_force;
            *of(&mut yardstick) = value;
            let judged = judgement(self.model, self.basis.reported, &yardstick);
            let decision = decide(&judged, self.basis);
            let same = judged.reported.iter().find(|other| other.id == row.id);
            Changed {
                key,
                value: value.to_string(),
                from_usd: now,
                monthly_usd: saving(&decision, &judged) - now,
                breaks: same.and_then(|same| first_broken(&same.judged)),
                turns: decision.recommended != self.decision.recommended,
            }
        };
        let bar = |(key, of): Limited| {
            let mut now = in_force;
            let value = *of(&mut now);
            let values = match (key, value) {
                (HOST_LOSS, value) if value < 1.0 => vec![1.0],
                (_, 0.0) => vec![LOOSENED],
                (_, value) => vec![value * 2.0, value / 2.0],
            };
            let bars = values.into_iter().map(|value| under(key, of, value));
            bars.reduce(|a, b| if b.monthly_usd.abs() > a.monthly_usd.abs() { b } else { a })
        };
        LIMITS.into_iter().filter(|(key, _)| !replayed.contains(key)).filter_map(bar).collect()
    }
}
