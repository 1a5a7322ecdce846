//! The tables of an analysis as CSV: one file each, for spreadsheets and scripts.
//!
//! A number is a number, written so that it reads back as the same one; what is not known is an empty field, never 0. Text
//! that a spreadsheet would take for a formula gets an apostrophe in front, see [`safe_cells::guarded`].

mod bill_tables;
pub(crate) mod csv_table;
mod host_and_what_if_tables;
pub(crate) mod safe_cells;
mod scenario_tables;
mod step_tables;
mod usage_tables;
mod verdict_tables;

pub use csv_table::{Sheet, SheetError};

/// Every table, in the order of the documentation.
pub const SHEETS: [Sheet; 32] = [
    verdict_tables::VERDICT,
    verdict_tables::JUDGED,
    verdict_tables::LIMITS,
    verdict_tables::REMEDIES,
    verdict_tables::DOUBTS,
    step_tables::NEXT_STEPS,
    step_tables::WASTE,
    step_tables::RIGHT_SIZING,
    step_tables::NOT_RIGHT_SIZED,
    scenario_tables::SCENARIOS,
    scenario_tables::COST_LINES,
    scenario_tables::MACHINES,
    scenario_tables::ITEMS,
    scenario_tables::UNPRICED,
    scenario_tables::SAVINGS,
    scenario_tables::WATERFALL,
    bill_tables::NAMESPACES,
    bill_tables::WORKLOADS,
    bill_tables::NODE_GROUPS,
    bill_tables::ZONES,
    bill_tables::LABELS,
    bill_tables::VOLUME_CLAIMS,
    usage_tables::NODE_KINDS,
    usage_tables::HOURS,
    usage_tables::SCENARIO_HOURS,
    host_and_what_if_tables::HOSTS,
    host_and_what_if_tables::WHAT_IF,
    host_and_what_if_tables::TORNADO,
    host_and_what_if_tables::EXCLUSIONS,
    host_and_what_if_tables::WAVES,
    host_and_what_if_tables::ASSUMPTIONS,
    host_and_what_if_tables::NOTES,
];
