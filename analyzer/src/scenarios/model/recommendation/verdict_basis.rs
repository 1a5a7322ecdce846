//! Conclusions and windows a verdict stands on.

use types::analysis::{ExactLines, Scenario};

use crate::monthly_scaling::Month;
use crate::scenarios::model::results::Conclusion;

/// Grounds of a verdict.
pub(crate) struct Grounds<'a> {
    pub(crate) conclusion: &'a Conclusion,
    pub(crate) today: (&'a Scenario, &'a ExactLines),
    /// Over the window, and over the reported hours.
    pub(crate) window: Month,
    pub(crate) reported: Month,
    pub(crate) chosen_hours: u32,
    /// Share of the hours of the window that are not in the lake, or of which nothing is known.
    pub(crate) hours_missing: f64,
    /// From the launch of a node to its registration.
    pub(crate) ec2_boot_seconds: f64,
    /// End of the window.
    pub(crate) end: chrono::DateTime<chrono::Utc>,
    /// Currency of every amount.
    pub(crate) currency: &'static str,
}
