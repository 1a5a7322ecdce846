//! Who spends: namespaces and workloads, with what they use and what moving them would save.

use std::collections::BTreeMap;

use types::analysis::{Allocation, Mobility, NamespaceCost, WorkloadCost, WorkloadMovability};
use types::wording::counted;

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table, cut, others};
use crate::page_view::View;
use crate::scenario_words::share;

/// Rows shown before the fold.
const SHOWN: usize = 5;

/// Used over reserved, or what stands where nothing is reserved.
fn used_of_reserved(used: f64, reserved: f64) -> Cell {
    if reserved > 0.0 {
        Cell::new(number_format::percent(used / reserved)).meter(number_format::css_percent(used / reserved))
    } else {
        Cell::absent("none reserved")
    }
}

/// Saving of moving the workloads of a namespace, and how many of them move.
#[derive(Debug, Default, Clone, Copy)]
struct Moving {
    saving: Option<f64>,
    workloads: usize,
    moving: usize,
}

fn moving(rows: &[WorkloadMovability]) -> BTreeMap<&str, Moving> {
    let mut by_namespace: BTreeMap<&str, Moving> = BTreeMap::new();
    for row in rows {
        let entry = by_namespace.entry(&row.namespace).or_default();
        entry.workloads += 1;
        entry.moving += usize::from(row.verdict != Mobility::Stays);
        entry.saving = match (entry.saving, row.saving_usd) {
            (None, None) => None,
            (sum, saving) => Some(sum.unwrap_or(0.0) + saving.unwrap_or(0.0)),
        };
    }
    by_namespace
}

/// Every namespace, dearest first.
pub(crate) fn namespaces(analysis: &View<'_>, allocation: &Allocation) -> Table {
    let moving = if has_savings(analysis) { moving(&analysis.movability) } else { BTreeMap::new() };
    let mut unused: BTreeMap<&str, f64> = BTreeMap::new();
    for row in allocation.by_workload.iter().filter(|row| !row.overhead) {
        *unused.entry(&row.namespace).or_default() += row.unused_usd();
    }
    let largest = allocation.by_namespace.iter().map(|row| row.workload_usd).fold(0.0, f64::max);
    let mut rows: Vec<Row> = allocation
        .by_namespace
        .iter()
        .map(|row| namespace(analysis, largest, row, unused.get(row.namespace.as_str()).copied(), &moving))
        .collect();
    if rows.len() > 1 {
        rows.push(all_namespaces(analysis, allocation, unused.values().sum(), !moving.is_empty()));
    }
    let mut columns = vec![
        Column::text("Namespace"),
        Column::number("Workloads", "per month"),
        Column::number("Requested, unused", "per month"),
        Column::number("Daemonsets", "overhead"),
        Column::number("CPU", "used of reserved"),
        Column::number("Memory", "used of reserved"),
    ];
    if !moving.is_empty() {
        columns.push(Column::number("If moved", "saved per month"));
    }
    Table::new("By namespace, per month of 730 hours", columns, rows).first(SHOWN)
}

fn namespace(
    analysis: &View<'_>,
    largest: f64,
    row: &NamespaceCost,
    unused: Option<f64>,
    moving: &BTreeMap<&str, Moving>,
) -> Row {
    let shared = if row.shared_usd > 0.0 {
        format!("{} of it shared out to it", analysis.monthly(row.shared_usd))
    } else {
        String::new()
    };
    let mut cells = vec![
        Cell::name(&row.namespace),
        analysis
            .monthly_cell(Some(row.workload_usd))
            .sub(shared)
            .meter(number_format::css_percent(share(row.workload_usd, largest))),
        unused.map_or_else(|| Cell::absent("–"), |usd| analysis.monthly_cell(Some(usd))),
        analysis.monthly_cell(Some(row.daemonset_usd)),
        used_of_reserved(row.cpu_used_core_hours, row.cpu_request_core_hours),
        used_of_reserved(row.memory_used_gib_hours, row.memory_request_gib_hours),
    ];
    if !moving.is_empty() {
        let of = moving.get(row.namespace.as_str()).copied().unwrap_or_default();
        cells.push(match of.workloads {
            0 => Cell::absent("–"),
            _ if of.moving == 0 => Cell::absent("stays"),
            n => saving(analysis, of.saving).sub(format!("{} of {} can move", of.moving, counted(n, "workload"))),
        });
    }
    Row::new(cells)
}

/// Every namespace together.
fn all_namespaces(analysis: &View<'_>, allocation: &Allocation, unused: f64, moves: bool) -> Row {
    let sum = |of: fn(&NamespaceCost) -> f64| allocation.by_namespace.iter().map(of).sum::<f64>();
    let mut cells = vec![
        Cell::new("All namespaces"),
        analysis.monthly_cell(Some(sum(|row| row.workload_usd))),
        analysis.monthly_cell(Some(unused)),
        analysis.monthly_cell(Some(sum(|row| row.daemonset_usd))),
        used_of_reserved(sum(|row| row.cpu_used_core_hours), sum(|row| row.cpu_request_core_hours)),
        used_of_reserved(sum(|row| row.memory_used_gib_hours), sum(|row| row.memory_request_gib_hours)),
    ];
    if moves {
        let known: Vec<f64> = analysis.movability.iter().filter_map(|row| row.saving_usd).collect();
        cells.push(saving(analysis, (!known.is_empty()).then(|| known.iter().sum())));
    }
    Row::total(cells)
}

fn saving(analysis: &View<'_>, usd: Option<f64>) -> Cell {
    match usd.and_then(|usd| analysis.month(usd)) {
        Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
        None => Cell::absent("cannot be said"),
    }
}

/// Movability of each workload, by namespace, kind and name.
type Moves<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a WorkloadMovability>;

fn key(row: &WorkloadCost) -> (&str, &str, &str) {
    (&row.namespace, &row.workload_kind, &row.workload)
}

/// Which columns there is something for.
#[derive(Debug, Clone, Copy)]
struct Shown {
    moves: bool,
    savings: bool,
}

/// Returns true when it is known of any workload what moving it saves.
pub(crate) fn has_savings(analysis: &View<'_>) -> bool {
    analysis.movability.iter().any(|row| row.saving_usd.is_some())
}

/// Every workload, dearest first.
pub(crate) fn workloads(analysis: &View<'_>, allocation: &Allocation) -> Table {
    let movability: Moves<'_> = analysis
        .movability
        .iter()
        .map(|row| ((row.namespace.as_str(), row.workload_kind.as_str(), row.workload.as_str()), row))
        .collect();
    let shown = Shown { moves: !movability.is_empty(), savings: has_savings(analysis) };
    let all = &allocation.by_workload;
    let row = |row: &WorkloadCost| workload(analysis, row, movability.get(&key(row)).copied(), shown);
    let mut rows: Vec<Row> = all.iter().map(row).collect();
    cut(&mut rows, |from| {
        let rest = all.get(from..).unwrap_or_default();
        Row::new(together(analysis, others(rest.len(), "workload"), rest, &movability, shown))
    });
    if rows.len() > 1 {
        let has_overhead = all.iter().any(|row| row.overhead);
        let head = Cell::new("All workloads").sub(if has_overhead { "daemonsets too" } else { "" });
        rows.push(Row::total(together(analysis, head, all, &movability, shown)));
    }
    let mut columns = vec![
        Column::text("Workload"),
        Column::number("Cost", "per month"),
        Column::number("Requested, unused", "per month"),
        Column::number("CPU", "used of reserved"),
        Column::number("Memory", "used of reserved"),
    ];
    if movability.is_empty() {
        columns.insert(3, Column::number("Volumes", "per month"));
    } else {
        if shown.savings {
            columns.push(Column::number("If moved", "saved per month"));
        }
        columns.push(Column::text("Can it move?"));
    }
    Table::new("By workload, per month of 730 hours", columns, rows).first(SHOWN)
}

fn workload(analysis: &View<'_>, row: &WorkloadCost, moves: Option<&WorkloadMovability>, shown: Shown) -> Row {
    let name = Cell::name(&row.workload).sub(format!("{} in {}", row.workload_kind, row.namespace));
    let mut cells = vec![
        if row.overhead { name.badge("overhead") } else { name },
        analysis.monthly_cell(Some(row.workload_usd)),
        analysis.monthly_cell(Some(row.unused_usd())),
        used_of_reserved(row.cpu_used_core_hours, row.cpu_request_core_hours),
        used_of_reserved(row.memory_used_gib_hours, row.memory_request_gib_hours),
    ];
    if shown.savings {
        cells.push(match moves {
            Some(moves) if moves.verdict == Mobility::Stays => Cell::absent("stays"),
            Some(moves) => saving(analysis, moves.saving_usd),
            None => Cell::absent("–"),
        });
    }
    if shown.moves {
        cells.push(match moves {
            Some(moves) => Cell::new(moves.verdict.as_str()).sub(&moves.reason),
            None if row.overhead => Cell::absent("on every machine"),
            None => Cell::absent("not looked at"),
        });
    } else {
        cells.insert(3, analysis.monthly_cell(Some(row.volume_usd + row.fargate_usd)));
    }
    Row::new(cells)
}

/// Workloads together, under a head.
fn together(analysis: &View<'_>, head: Cell, rows: &[WorkloadCost], moves: &Moves<'_>, shown: Shown) -> Vec<Cell> {
    let sum = |of: fn(&WorkloadCost) -> f64| rows.iter().map(of).sum::<f64>();
    let mut cells = vec![
        head,
        analysis.monthly_cell(Some(sum(|row| row.workload_usd))),
        analysis.monthly_cell(Some(sum(WorkloadCost::unused_usd))),
        used_of_reserved(sum(|row| row.cpu_used_core_hours), sum(|row| row.cpu_request_core_hours)),
        used_of_reserved(sum(|row| row.memory_used_gib_hours), sum(|row| row.memory_request_gib_hours)),
    ];
    if shown.savings {
        let known: Vec<f64> = rows.iter().filter_map(|row| moves.get(&key(row))?.saving_usd).collect();
        cells.push(saving(analysis, (!known.is_empty()).then(|| known.iter().sum())));
    }
    if shown.moves {
        cells.push(Cell::new(""));
    } else {
        cells.insert(3, analysis.monthly_cell(Some(sum(|row| row.volume_usd + row.fargate_usd))));
    }
    cells
}
