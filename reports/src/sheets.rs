//! The tables of an analysis as CSV: one file each, for spreadsheets and scripts.
//!
//! A number is a number, written so that it reads back as the same one; what is not known is an empty field, never 0. Text
//! that a spreadsheet would take for a formula gets an apostrophe in front, see [`cell::guarded`].

pub(crate) mod cell;
mod costs;
mod model;
mod money;
pub(crate) mod sheet;
mod steps;
mod usage;
mod verdict;

pub use sheet::{Sheet, SheetError};

/// Every table, in the order of the documentation.
pub const SHEETS: [Sheet; 32] = [
    verdict::VERDICT,
    verdict::JUDGED,
    verdict::LIMITS,
    verdict::REMEDIES,
    verdict::DOUBTS,
    steps::NEXT_STEPS,
    steps::WASTE,
    steps::RIGHT_SIZING,
    steps::NOT_RIGHT_SIZED,
    money::SCENARIOS,
    money::COST_LINES,
    money::MACHINES,
    money::ITEMS,
    money::UNPRICED,
    money::SAVINGS,
    money::WATERFALL,
    costs::NAMESPACES,
    costs::WORKLOADS,
    costs::NODE_GROUPS,
    costs::ZONES,
    costs::LABELS,
    costs::VOLUME_CLAIMS,
    usage::NODE_KINDS,
    usage::HOURS,
    usage::SCENARIO_HOURS,
    model::HOSTS,
    model::WHAT_IF,
    model::TORNADO,
    model::EXCLUSIONS,
    model::WAVES,
    model::ASSUMPTIONS,
    model::NOTES,
];
