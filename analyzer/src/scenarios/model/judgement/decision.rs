//! Decision on what to do, by one rule.
//!
//! Of the scenarios that hold every limit, the one that saves most is recommended, if it saves more than 3 % of the bill
//! and more than the back-test is off by. Between those that differ by less than that, the one that changes less.

use replay::Outcome;
use types::analysis::{LEAST_SAVING_FRACTION, MOST_SILENT_FRACTION, Reason, ScenarioId, Silence};

use crate::bill::today::Bill;
use crate::monthly_scaling::Month;
use crate::number::ratio;
use crate::scenarios::model::judgement::limits_and_remedies::{Judgement, Reported};
use crate::scenarios::model::judgement::missing_samples::silence;
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::units::{nanos, unsigned};

/// Hours below which nothing is recommended: a day to warm up, and two to judge by.
const HOURS: f64 = 72.0;

/// Basis of a decision beside how scenarios are judged.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    /// `true` when a pod ran that can be placed.
    pub(crate) pods: bool,
    /// Use without a sample; `None` where today's machines were not replayed.
    pub(crate) silence: Option<Silence>,
    /// The replay of today's machines over their bill, compute at contracted prices. Nodes in hours in which nothing ran on
    /// them, which the replay lets go, count as they were paid: that is no error.
    pub(crate) optimism: Option<f64>,
    /// Share of the CPU requested that is of workloads which a horizontal autoscaler drives; `None` where there is none.
    pub(crate) autoscaled: Option<f64>,
    /// Over the window, and over the reported hours.
    pub(crate) window: Month,
    pub(crate) reported: Month,
}

impl Basis {
    /// Takes what the replays and today's bill say.
    pub(crate) fn new(model: &Model<'_>, bill: &Bill) -> Self {
        let today = model.today();
        let money = today.map(|today| model.pricer.of(today)).filter(|_| bill.lines.compute.is_some());
        let billed = bill.compute.contracted().usd();
        let replayed = money.map(|money| money.compute.contracted().usd());
        let empty = today.map_or(0.0, |today| empty_usd(today, &today.whole));
        let with_empty = replayed.map(|replayed| replayed + empty.min(billed - replayed).max(0.0));
        Self {
            pods: today.is_some_and(|today| today.whole.service.asked_seconds > 0),
            silence: today.map(|today| silence(&today.whole)),
            optimism: with_empty.and_then(|replayed| ratio(replayed, billed)),
            autoscaled: model.autoscaled_share(),
            window: model.pricer.month(0..model.windows.hours),
            reported: model.pricer.month(model.windows.reported_from..model.windows.hours),
        }
    }

    /// Returns the difference of the replay of today's machines from today's compute cost, as a share of it.
    pub(crate) fn off_by(&self) -> f64 {
        self.optimism.map_or(0.0, |optimism| (1.0 - optimism).abs())
    }

    /// Share of the use without a sample, of CPU or of memory, the larger.
    pub(crate) fn silent(&self) -> f64 {
        self.silence.as_ref().map_or(0.0, Silence::fraction)
    }

    /// The least saving in USD a month that is worth a change: 3 % of the bill, or what the back-test is off by.
    pub(crate) fn least_saving(&self, judgement: &Judgement) -> f64 {
        let today = &judgement.today;
        let bill = today.total().unwrap_or_default();
        let off = self.off_by() * today.compute.unwrap_or_default().usd();
        (LEAST_SAVING_FRACTION * self.reported.usd(bill)).max(self.reported.usd(nanos(off)))
    }
}

/// Cost of today's nodes over some hours of a replay of them, where nothing ran on them in an hour, at contracted prices; those
/// without a price aside.
pub(crate) fn empty_usd(today: &Replayed, hours: &Outcome) -> f64 {
    let cost = |(kind, seconds): &(u32, u64)| {
        let machine = today.setup.catalog.machines.get(usize::try_from(*kind).ok()?)?;
        Some(machine.price?.usd_per_hour() * unsigned(*seconds) / 3600.0)
    };
    hours.empty_nodes.iter().filter_map(cost).sum()
}

/// Decision, and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The scenario to change to, or today's; `None` where nothing can be recommended.
    pub(crate) recommended: Option<ScenarioId>,
    pub(crate) reason: Reason,
}

impl Decision {
    /// The row of the scenario to change to.
    pub(crate) fn row<'j>(&self, judgement: &'j Judgement) -> Option<&'j Reported> {
        judgement.reported.iter().find(|row| Some(row.id) == self.recommended)
    }
}

/// Decides.
pub(crate) fn decide(judgement: &Judgement, basis: &Basis) -> Decision {
    if let Some(reason) = impossible(judgement, basis) {
        return Decision { recommended: None, reason };
    }
    let least = basis.least_saving(judgement);
    let rows = || judgement.reported.iter().filter(|row| row.id.may_be_recommended());
    let saves = |row: &&Reported| row.judged.saving_monthly_usd > least;
    let Some(best) = rows().filter(|row| row.judged.holds).find(saves) else {
        let reason = if rows().any(|row| saves(&row)) {
            Reason::LimitsBroken
        } else if rows().any(|row| row.judged.saving_monthly_usd > 0.0) {
            Reason::SavesTooLittle
        } else {
            Reason::NothingSaves
        };
        return Decision { recommended: Some(ScenarioId::Ec2Today), reason };
    };
    let near = |row: &&Reported| {
        row.judged.holds && saves(row) && row.judged.saving_monthly_usd >= best.judged.saving_monthly_usd - least
    };
    let chosen = rows().filter(near).min_by_key(|row| row.id).unwrap_or(best);
    let reason = if chosen.id == best.id { Reason::SavesMost } else { Reason::ChangesLess };
    Decision { recommended: Some(chosen.id), reason }
}

/// Why nothing can be recommended, where that is so.
fn impossible(judgement: &Judgement, basis: &Basis) -> Option<Reason> {
    if !basis.pods {
        return Some(Reason::NoPods);
    }
    if basis.window.hours_present < HOURS {
        return Some(Reason::WindowTooShort);
    }
    if basis.silent() > MOST_SILENT_FRACTION {
        return Some(Reason::UsageMissing);
    }
    if judgement.today.compute.is_none() {
        return Some(Reason::Unpriced);
    }
    let any = judgement.reported.iter().any(|row| row.id.may_be_recommended());
    (!any).then_some(Reason::NotReplayed)
}
