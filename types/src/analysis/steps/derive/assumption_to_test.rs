//! The step before a change of which little or nothing is saved where an assumption does not hold: to find out whether it does.

use super::step_amounts::step;
use crate::analysis::{Analysis, Step, StepKind};
use crate::wording::AssumptionTest;

/// The step; `None` where no assumption that can be found out decides on the saving.
pub(super) fn step_of(analysis: &Analysis) -> Option<Step> {
    let test = AssumptionTest::first_of(&analysis.verdict)?;
    Some(step(StepKind::TestAssumption, test.what.to_owned(), Some(0.0)).with(
        "Do this before anything is changed: with another result the recommendation is another.",
        format!("then set `{}` in the assumptions and run the analysis again", test.key),
    ))
}
