//! Scenarios the same hours are held against, and what moving from one to another saves.

pub(crate) mod emp_profile;
pub(crate) mod model;
pub(crate) mod realised_saving;
pub(crate) mod vendor_estimate;
pub(crate) mod vendor_host_count;

use types::analysis::{ExactLines, Saving, Scenario};

use crate::monthly_scaling::Month;

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
    use types::NanoUsd;

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
