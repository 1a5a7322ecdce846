//! What the scenarios share: a month, and what moving from one to another saves.

pub(crate) mod today;
pub(crate) mod vendor;

use types::NanoUsd;
use types::analysis::{ExactLines, Saving, Scenario};

/// Scales a cost over the window to a month, in plain proportion to the hours present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Month {
    pub(crate) hours_present: f64,
}

impl Month {
    /// The cost of a month.
    pub(crate) fn usd(self, window: NanoUsd) -> f64 {
        crate::number::ratio(window.usd() * types::HOURS_PER_MONTH, self.hours_present).unwrap_or_default()
    }

    /// What an amount of a month comes to over the window.
    pub(crate) fn of_window(self, monthly_usd: f64) -> NanoUsd {
        NanoUsd::new(crate::number::whole(monthly_usd * self.hours_present / types::HOURS_PER_MONTH * 1e9).into())
    }
}

/// Hours of a week.
pub(crate) const HOURS_A_WEEK: usize = 168;

/// Seconds of a month, as prices of storage are meant.
pub(crate) fn month_seconds() -> i128 {
    crate::number::whole(types::HOURS_PER_MONTH * 3600.0).into()
}

/// The saving from one scenario to another; `None` when no line is priced in both.
pub(crate) fn saving(from: (&Scenario, &ExactLines), to: (&Scenario, &ExactLines), month: Month) -> Option<Saving> {
    let (saved, base, lines) = from.1.less(to.1)?;
    let monthly_usd = month.usd(saved);
    Some(Saving {
        from: from.0.id.clone(),
        to: to.0.id.clone(),
        window_usd: saved.usd(),
        monthly_usd,
        yearly_usd: monthly_usd * types::MONTHS_PER_YEAR,
        fraction: crate::number::ratio(saved.usd(), base.usd()),
        lines: lines.into_iter().map(ToOwned::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_is_formed_only_over_lines_priced_in_both() {
        let usd = |n: i128| Some(NanoUsd::new(n * 1_000_000_000));
        let a = ExactLines { compute: usd(100), volumes: usd(7), fee: usd(0), ..ExactLines::default() };
        let b = ExactLines { compute: usd(60), network: usd(9), fee: usd(10), ..ExactLines::default() };
        let (saved, base, lines) = a.less(&b).unwrap();
        assert_eq!((saved.usd(), base.usd(), lines), (30.0, 100.0, vec!["compute", "fee"]));
        assert_eq!(a.total().unwrap().usd(), 107.0);
        assert!(a.partial(), "what disks of machines cost is not known");
        let zero = Some(NanoUsd::ZERO);
        let known = ExactLines { root_disks: zero, unused_commitments: zero, pool_network: zero, ..a };
        assert!(!known.partial(), "network and licences are not given, and differ in no scenario that is known of");
        assert_eq!(ExactLines::default().total(), None);
        assert!(a.less(&ExactLines::default()).is_none());
    }
}
