//! The step before a change of which little or nothing is saved where an assumption does not hold: to find out whether it does.

use super::step_amounts::step;
use crate::analysis::{Analysis, MachineRole, ScenarioId, Step, StepKind};
use crate::wording::{self, AssumptionTest};

/// The step; `None` where no assumption that can be found out decides on the saving.
pub(super) fn step_of(analysis: &Analysis) -> Option<Step> {
    let test = AssumptionTest::first_of(&analysis.verdict)?;
    let price = analysis
        .verdict
        .recommended()
        .filter(|id| id.is_emp() && test.key == "emp.memory_model")
        .and_then(|id| host_week(analysis, id));
    let price = price.map(|(name, usd)| {
        format!(
            " A week shows every hour of day and day of the week; one {name} costs {} for it.",
            wording::money(usd, &analysis.currency)
        )
    });
    Some(step(StepKind::TestAssumption, test.what.to_owned(), Some(0.0)).with(
        format!(
            "Do this before anything is changed: with another result the recommendation is another.{}",
            price.unwrap_or_default()
        ),
        format!("then set `{}` in the assumptions and run the analysis again", test.key),
    ))
}

/// Type of the host that a pool has most hours of, and its cost for a week; `None` where it has no price.
fn host_week(analysis: &Analysis, id: ScenarioId) -> Option<(&str, f64)> {
    const HOURS: f64 = 168.0;
    let scenario = analysis.scenarios.iter().find(|scenario| scenario.id == id.as_str())?;
    let hosts = scenario.machine_hours.iter().filter(|row| row.kind == MachineRole::Host && row.hours > 0.0);
    let host = hosts.max_by(|a, b| a.hours.total_cmp(&b.hours))?;
    Some((&host.instance_type, host.usd_per_hour? * HOURS))
}
