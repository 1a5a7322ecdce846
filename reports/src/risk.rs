//! What went wrong in each replay, by the same measures for all.

use types::analysis::{Risk, Scenario, ScenarioHour};

use crate::format;
use crate::table::{Cell, Column, Row, Table};
use crate::view::View;

/// The table; empty where nothing was replayed.
pub(crate) fn risk(analysis: &View<'_>) -> Table {
    let rows = analysis.scenarios.iter().filter_map(|scenario| Some(row(scenario, scenario.risk.as_ref()?)));
    Table::new(
        "On the last third of the window, which no choice was made on; migrations and restarts over all of it",
        vec![
            Column::text("Scenario"),
            Column::number("Served", "of pod-seconds"),
            Column::number("Over CPU", "of machine-slots"),
            Column::number("Over CPU", "of host-slots"),
            Column::number("Swapping", "of host-slots"),
            Column::number("CPU lost", "core-hours"),
            Column::number("Worst slot", "of a host’s threshold"),
            Column::number("Migrations", "live"),
            Column::number("Restarted", "pods"),
            Column::number("On the busiest", "pods"),
        ],
        rows.collect(),
    )
}

fn row(scenario: &Scenario, risk: &Risk) -> Row {
    let share = |share: Option<f64>| {
        share.map_or_else(|| Cell::absent("no hosts"), |share| Cell::new(format::percent_fine(share)))
    };
    let lost = Cell::new(format::quantity(risk.lost_core_hours)).sub(match risk.lost_core_hours_at_peaks {
        Some(most) => format!("up to {}", format::quantity(most)),
        None => "peaks not known".to_owned(),
    });
    let workloads = risk.workloads_on_busiest;
    Row::new(vec![
        Cell::new(&scenario.label).badge(if risk.holds_target { "" } else { "over the target" }),
        Cell::new(format::percent_fine(risk.served_fraction)),
        share(Some(risk.machine_slots_over_cpu)),
        share(risk.host_slots_over_cpu),
        share(risk.host_slots_over_memory).sub(if risk.swap_gib_hours > 0.0 {
            format!("{} GiB-hours", format::quantity(risk.swap_gib_hours))
        } else {
            String::new()
        }),
        lost,
        worst(scenario),
        Cell::new(many(risk.migrations)),
        Cell::new(many(risk.restarted_pods)),
        Cell::new(format::count(risk.pods_on_busiest))
            .sub(format!("{workloads} {} whole", if workloads == 1 { "workload" } else { "workloads" })),
    ])
}

/// The fullest a host ever was, and when.
fn worst(scenario: &Scenario) -> Cell {
    let hosts = scenario.by_hour.iter().filter_map(|hour| Some((hour, hour.hottest_host_fraction?)));
    let hottest: Option<(&ScenarioHour, f64)> =
        hosts.fold(None, |worst, hour| if worst.is_some_and(|worst| worst.1 >= hour.1) { worst } else { Some(hour) });
    match hottest {
        Some((hour, share)) => Cell::new(format::percent(share)).sub(hour.start.format("%-d %b %H:00").to_string()),
        None if scenario.by_hour.iter().any(|hour| hour.hosts > 0) => Cell::absent(format::UNKNOWN),
        None => Cell::absent("no hosts"),
    }
}

/// A count that may be large.
fn many(count: u64) -> String {
    u32::try_from(count).map_or_else(|_| "over 4 billion".to_owned(), format::count)
}
