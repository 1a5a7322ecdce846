//! Conclusions and windows a verdict stands on.

use types::analysis::{ExactLines, Scenario};

use super::report::Conclusion;
use crate::month::Month;

/// Grounds of a verdict.
pub(crate) struct Grounds<'a> {
    pub(crate) conclusion: &'a Conclusion,
    pub(crate) today: (&'a Scenario, &'a ExactLines),
    /// Over the window, and over the reported hours.
    pub(crate) window: Month,
    pub(crate) reported: Month,
    pub(crate) chosen_hours: u32,
    /// Hours of the window that are not in the lake.
    pub(crate) hours_missing: f64,
    /// End of the window.
    pub(crate) end: chrono::DateTime<chrono::Utc>,
    /// Currency of every amount.
    pub(crate) currency: &'static str,
}
