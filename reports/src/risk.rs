//! Risks in each replay, by the same measures for all.

use types::analysis::{Risk, Scenario, WorstSlot};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// The table; empty where nothing was replayed.
pub(crate) fn risk(analysis: &View<'_>) -> Table {
    let rows =
        scenario_words::shown(analysis).filter_map(|scenario| Some(row(analysis, scenario, scenario.risk.as_ref()?)));
    let part = match analysis.verdict.reported_hours {
        0 => "the last third of the window".to_owned(),
        n => format!("the last {} of the window", number_format::hours(n)),
    };
    Table::new(
        format!("On {part}, which no choice was made on; migrations and restarts over all of it"),
        vec![
            Column::text("Scenario"),
            Column::number("Served", "of pod-seconds"),
            Column::number("Over CPU", "of machine-slots"),
            Column::number("Over CPU", "of host-slots"),
            Column::number("Swapping", "of host-slots"),
            Column::number("CPU lost", "core-hours"),
            Column::number("Worst slot", "of a machine"),
            Column::number("Migrations", "live"),
            Column::number("Restarted", "pods"),
            Column::number("On the busiest", "pods"),
        ],
        rows.collect(),
    )
}

/// The risk target in words; empty where its limits are not among the assumptions.
pub(crate) fn target(analysis: &View<'_>) -> String {
    let limit = |key: &str| {
        let assumption = analysis.assumptions.iter().find(|assumption| assumption.key == key)?;
        assumption.value.parse::<f64>().ok().filter(|limit| limit.is_finite())
    };
    let (Some(cpu), Some(swap), Some(unserved)) = (limit("risk.over_cpu"), limit("risk.swap"), limit("risk.unserved"))
    else {
        return String::new();
    };
    format!(
        "The risk target: at least {} of pod-seconds served, at most {} of host-slots over CPU, {} swapping.",
        number_format::percent_fine(1.0 - unserved),
        number_format::percent_fine(cpu),
        if swap > 0.0 { format!("at most {}", number_format::percent_fine(swap)) } else { "none".to_owned() },
    )
}

fn row(analysis: &View<'_>, scenario: &Scenario, risk: &Risk) -> Row {
    let share = |share: Option<f64>| {
        share.map_or_else(|| Cell::absent("no hosts"), |share| Cell::new(number_format::percent_fine(share)))
    };
    let lost = Cell::new(number_format::quantity(risk.lost_core_hours)).sub(match risk.lost_core_hours_at_peaks {
        Some(most) => format!("up to {}", number_format::quantity(most)),
        None => "peaks not known".to_owned(),
    });
    let workloads = risk.workloads_on_busiest;
    Row::new(vec![
        Cell::new(&scenario.label).badge(match scenario_words::holds(analysis, scenario) {
            Some(false) => scenario_words::holding_briefly(analysis, false),
            _ => "",
        }),
        Cell::new(number_format::percent_fine(risk.served_fraction)),
        share(Some(risk.machine_slots_over_cpu)),
        share(risk.host_slots_over_cpu),
        share(risk.host_slots_over_memory).sub(if risk.swap_gib_hours > 0.0 {
            format!("{} GiB-hours", number_format::quantity(risk.swap_gib_hours))
        } else {
            String::new()
        }),
        lost,
        worst(risk.worst_slot.as_ref()),
        Cell::new(many(risk.migrations)),
        Cell::new(many(risk.restarted_pods)),
        Cell::new(number_format::count(risk.pods_on_busiest))
            .sub(format!("all pods of {}", types::wording::counted(workloads, "workload"))),
    ])
}

/// The fullest a machine ever was, and when.
fn worst(worst: Option<&WorstSlot>) -> Cell {
    worst.map_or_else(
        || Cell::absent(number_format::UNKNOWN),
        |worst| Cell::new(number_format::percent(worst.fraction)).sub(worst.start.format("%-d %b %H:%M").to_string()),
    )
}

/// A count that may be large.
fn many(count: u64) -> String {
    u32::try_from(count).map_or_else(|_| "over 4 billion".to_owned(), number_format::count)
}
