//! The elastic machine pool at each pair of overcommit ratios, as a matrix and pair by pair.

use types::analysis::{WhatIf, WhatIfPoint};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// `emp` at each pair of ratios.
#[derive(Debug)]
pub(crate) struct Grid {
    /// CPU ratios, as heads of columns.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<GridRow>,
}

/// One memory ratio.
#[derive(Debug)]
pub(crate) struct GridRow {
    pub(crate) label: String,
    pub(crate) cells: Vec<GridCell>,
}

/// One pair of ratios.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GridCell {
    pub(crate) text: String,
    /// `gain`, `loss` or `risky`.
    pub(crate) class: &'static str,
    pub(crate) sub: &'static str,
}

/// The matrix; `None` where no pair was tried, or no saving is known.
pub(crate) fn grid(analysis: &View<'_>, what_if: &WhatIf) -> Option<Grid> {
    let mut memory: Vec<f64> = what_if.grid.iter().map(|point| point.memory_overcommit).collect();
    let mut cpu: Vec<f64> = what_if.grid.iter().map(|point| point.cpu_overcommit).collect();
    for ratios in [&mut memory, &mut cpu] {
        ratios.sort_by(f64::total_cmp);
        ratios.dedup();
    }
    let cell = |memory: f64, cpu: f64| {
        let at = |p: &&WhatIfPoint| p.memory_overcommit == memory && p.cpu_overcommit == cpu;
        let Some(point) = what_if.grid.iter().find(at) else {
            return GridCell { text: "not tried".to_owned(), class: "absent", sub: "" };
        };
        let text = point.saving_usd.map_or_else(|| number_format::UNKNOWN.to_owned(), |usd| analysis.monthly(usd));
        let class = match point.saving_usd {
            _ if !point.holds_target => "risky",
            Some(usd) if usd > 0.0 => "gain",
            Some(usd) if usd < 0.0 => "loss",
            _ => "",
        };
        GridCell { text, class, sub: if point.holds_target { "" } else { scenario_words::holding(analysis, false) } }
    };
    what_if.grid.iter().any(|point| point.saving_usd.is_some()).then(|| {
        let rows: Vec<(f64, Vec<GridCell>)> =
            memory.iter().map(|memory| (*memory, cpu.iter().map(|cpu| cell(*memory, *cpu)).collect())).collect();
        merged(&cpu, rows)
    })
}

/// The matrix with neighbours that are alike in every cell as one: ratios that change nothing fill no rows or columns.
fn merged(cpu: &[f64], rows: Vec<(f64, Vec<GridCell>)>) -> Grid {
    let column = |at: usize| rows.iter().map(move |(_, cells)| cells.get(at)).collect::<Vec<_>>();
    let mut columns: Vec<(usize, f64, f64)> = Vec::new();
    for (at, ratio) in cpu.iter().enumerate() {
        match columns.last_mut() {
            Some(last) if column(last.0) == column(at) => last.2 = *ratio,
            _ => columns.push((at, *ratio, *ratio)),
        }
    }
    let mut kept: Vec<(f64, f64, Vec<GridCell>)> = Vec::new();
    for (ratio, cells) in &rows {
        let cells: Vec<GridCell> = columns.iter().filter_map(|(at, ..)| cells.get(*at)).cloned().collect();
        match kept.last_mut() {
            Some(last) if last.2 == cells => last.1 = *ratio,
            _ => kept.push((*ratio, *ratio, cells)),
        }
    }
    let span = |of: &str, from: f64, to: f64| {
        if from == to { format!("{of} × {from}") } else { format!("{of} × {from} to {to}") }
    };
    Grid {
        columns: columns.iter().map(|(_, from, to)| span("CPU", *from, *to)).collect(),
        rows: kept.into_iter().map(|(from, to, cells)| GridRow { label: span("memory", from, to), cells }).collect(),
    }
}

/// Pair by pair.
pub(crate) fn table(analysis: &View<'_>, what_if: &WhatIf) -> Table {
    let share = |share: Option<f64>| {
        share
            .map_or_else(|| Cell::absent(number_format::UNKNOWN), |share| Cell::new(number_format::percent_fine(share)))
    };
    let row = |point: &WhatIfPoint| {
        let badge = if point.on_frontier { "on the line" } else { "" };
        Row::new(vec![
            Cell::new(format!("memory × {}, CPU × {}", point.memory_overcommit, point.cpu_overcommit)).badge(badge),
            analysis.monthly_cell(point.saving_usd).tone(point.saving_usd.unwrap_or(0.0)),
            share(Some(point.host_slots_over_cpu)),
            share(point.host_slots_over_memory),
            share(point.served_fraction),
            Cell::new(scenario_words::holding_briefly(analysis, point.holds_target)),
        ])
    };
    Table::new(
        "Pairs of overcommit ratios, on the hours they were tried on",
        vec![
            Column::text("Ratios"),
            Column::number("Saving", "per month"),
            Column::number("Over CPU", "of host-slots"),
            Column::number("Swapping", "of host-slots"),
            Column::number("Served", "of pod-seconds"),
            Column::text("Risk"),
        ],
        what_if.grid.iter().map(row).collect(),
    )
    .whole()
}
