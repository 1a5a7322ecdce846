//! Months and weeks: what a cost over the window comes to.

use types::NanoUsd;

use crate::number::{float, ratio, whole};

/// Scales a cost over the window to a month, in plain proportion to the hours present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Month {
    pub(crate) hours_present: f64,
}

impl Month {
    /// Scales by so many seconds.
    pub(crate) fn of_seconds(seconds: i128) -> Self {
        Self { hours_present: float(seconds) / 3600.0 }
    }

    /// The cost of a month.
    pub(crate) fn usd(self, window: NanoUsd) -> f64 {
        ratio(window.usd() * types::HOURS_PER_MONTH, self.hours_present).unwrap_or_default()
    }

    /// Returns an amount of a month over the window.
    pub(crate) fn of_window(self, monthly_usd: f64) -> NanoUsd {
        NanoUsd::new(whole(monthly_usd * self.hours_present / types::HOURS_PER_MONTH * 1e9).into())
    }
}

/// Hours of a week.
pub(crate) const HOURS_A_WEEK: usize = 168;

/// Seconds of a month, as prices of storage are meant.
pub(crate) fn month_seconds() -> i128 {
    whole(types::HOURS_PER_MONTH * 3600.0).into()
}
