//! Scenarios that would save and break a limit: what would make the best of them hold, and at what price.

use super::verdict::{Judged, Limit, LimitCheck, Reason, Remedy, RemedyKind, Verdict, saves_most};

/// A scenario that breaks a limit, with what mends that.
#[derive(Debug, Clone, PartialEq)]
pub struct Mend<'a> {
    /// The scenario.
    pub judged: &'a Judged,
    /// Its remedies, none of which is in its cost yet.
    pub remedies: Vec<&'a Remedy>,
    /// Price of them together, in USD a month.
    pub price_monthly_usd: f64,
    /// Saving in USD a month that is left once the price is paid; more than zero.
    pub net_monthly_usd: f64,
}

impl Verdict {
    /// The largest saving that breaks a limit and would hold with what was found to mend it, if that leaves something;
    /// `None` where it is not limits that keep everything as it is.
    pub fn mend(&self) -> Option<Mend<'_>> {
        let mends = self.rejected().filter_map(|judged| {
            let of = self.remedies.iter().filter(|remedy| remedy.scenario == judged.scenario && !remedy.included);
            let remedies: Vec<&Remedy> = of.filter(|remedy| remedy.what != RemedyKind::NoneFound).collect();
            let is_mended = |check: &LimitCheck| remedies.iter().any(|remedy| remedy.mends.contains(&check.limit));
            if remedies.is_empty() || !judged.broken().all(is_mended) {
                return None;
            }
            let price: Option<f64> = remedies.iter().map(|remedy| remedy.monthly_usd).sum();
            let price_monthly_usd = price?;
            let net_monthly_usd = judged.saving_monthly_usd - price_monthly_usd;
            (net_monthly_usd > 0.0).then_some(Mend { judged, remedies, price_monthly_usd, net_monthly_usd })
        });
        mends.max_by(|a, b| {
            let by_saving = a.net_monthly_usd.total_cmp(&b.net_monthly_usd);
            by_saving.then_with(|| b.judged.scenario.cmp(&a.judged.scenario))
        })
    }

    /// The largest saving that a limit keeps from being recommended, with the limits it breaks; `None` where it is not
    /// limits that keep everything as it is.
    pub fn largest_rejected(&self) -> Option<(&Judged, Vec<&LimitCheck>)> {
        let best = saves_most(self.rejected())?;
        Some((best, best.broken().collect()))
    }

    fn rejected(&self) -> impl Iterator<Item = &Judged> {
        let by_limits = self.reason == Some(Reason::LimitsBroken);
        let breaks = move |judged: &&Judged| by_limits && judged.scenario.may_be_recommended() && !judged.holds;
        self.judged.iter().filter(breaks)
    }
}

impl Judged {
    /// Limits that it breaks.
    pub fn broken(&self) -> impl Iterator<Item = &LimitCheck> {
        self.limits.iter().filter(|check| !check.holds)
    }

    /// Returns true when all that it breaks is the limit on what may be paid for machines kept warm: then they mend it,
    /// and their price is in its cost.
    pub fn breaks_price_alone(&self) -> bool {
        self.headroom.is_some() && self.broken().all(|check| check.limit == Limit::HeadroomCost)
    }
}
