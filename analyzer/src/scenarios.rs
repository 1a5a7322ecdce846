//! What the scenarios share: cost lines as integers, and how they become a scenario of the analysis.

pub(crate) mod today;
pub(crate) mod vendor;

use types::NanoUsd;
use types::analysis::{CostLines, Saving, Scenario};

/// Cost lines over the window, exact. `None`: not modelled, or nothing of it could be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lines {
    pub(crate) compute: Option<NanoUsd>,
    pub(crate) fargate: Option<NanoUsd>,
    pub(crate) volumes: Option<NanoUsd>,
    pub(crate) control_plane: Option<NanoUsd>,
    pub(crate) network: Option<NanoUsd>,
    pub(crate) licences: Option<NanoUsd>,
    pub(crate) fee: Option<NanoUsd>,
}

impl Lines {
    fn named(&self) -> [(&'static str, Option<NanoUsd>); 7] {
        [
            ("compute", self.compute),
            ("fargate", self.fargate),
            ("volumes", self.volumes),
            ("control_plane", self.control_plane),
            ("network", self.network),
            ("licences", self.licences),
            ("fee", self.fee),
        ]
    }

    /// The sum of what is priced; `None` when nothing is.
    pub(crate) fn total(&self) -> Option<NanoUsd> {
        let priced: Vec<_> = self.named().into_iter().filter_map(|(_, line)| line).collect();
        (!priced.is_empty()).then(|| priced.into_iter().sum())
    }

    /// Whether a line is missing.
    pub(crate) fn partial(&self) -> bool {
        self.named().iter().any(|(_, line)| line.is_none())
    }

    /// The lines as they are written.
    pub(crate) fn cost(&self) -> CostLines {
        let usd = |line: Option<NanoUsd>| line.map(NanoUsd::usd);
        CostLines {
            compute: usd(self.compute),
            fargate: usd(self.fargate),
            volumes: usd(self.volumes),
            control_plane: usd(self.control_plane),
            network: usd(self.network),
            licences: usd(self.licences),
            fee: usd(self.fee),
            total: usd(self.total()),
        }
    }

    /// What `self` costs more than `other`, over the lines priced in both, with what `self` costs over them and
    /// their names; `None` when there is no such line.
    pub(crate) fn less(&self, other: &Self) -> Option<(NanoUsd, NanoUsd, Vec<&'static str>)> {
        let mut both = Vec::new();
        let (mut from, mut to) = (NanoUsd::ZERO, NanoUsd::ZERO);
        for ((name, ours), (_, theirs)) in self.named().into_iter().zip(other.named()) {
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                from += ours;
                to += theirs;
                both.push(name);
            }
        }
        (!both.is_empty()).then(|| (from - to, from, both))
    }
}

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
}

/// The saving from one scenario to another; `None` when no line is priced in both.
pub(crate) fn saving(from: (&Scenario, &Lines), to: (&Scenario, &Lines), month: Month) -> Option<Saving> {
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
        let a = Lines { compute: usd(100), volumes: usd(7), fee: usd(0), ..Lines::default() };
        let b = Lines { compute: usd(60), network: usd(9), fee: usd(10), ..Lines::default() };
        let (saved, base, lines) = a.less(&b).unwrap();
        assert_eq!((saved.usd(), base.usd(), lines), (30.0, 100.0, vec!["compute", "fee"]));
        assert_eq!(a.total().unwrap().usd(), 107.0);
        assert!(a.partial());
        assert_eq!(Lines::default().total(), None);
        assert!(a.less(&Lines::default()).is_none());
    }
}
