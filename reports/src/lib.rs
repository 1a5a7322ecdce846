//! Analysis to self-contained pages.
//!
//! Everything here is a function of its arguments: the same analysis gives the same bytes.
//! Numbers are turned to text in [`number_format`](mod@number_format) and nowhere else; templates hold no arithmetic.

pub mod focus;
pub mod number_format;

mod assumption_clause;
mod assumptions;
mod backtick_prose;
mod bill_by_node_group;
mod bill_grades;
mod build_plan;
mod chart;
mod cluster_summary;
mod compare;
mod confidence_section;
mod confidence_words;
mod cost_lines;
pub mod csv_tables;
mod error;
mod exclusions;
pub mod export;
mod first_screen;
mod fleet;
mod fleet_figures;
mod headline;
mod inventory;
mod invoice;
mod key_figure;
mod label_showback;
mod mail;
mod manifest_drafts;
mod markdown;
mod next_steps;
mod notes_and_sources;
mod over_time;
mod overcommit_grid;
mod page;
mod page_currency;
mod page_table;
mod page_view;
mod peak_coincidence;
mod realised_saving;
mod removed_ec2_nodes;
mod rightsizing;
mod rightsizing_or_platform;
mod risk;
mod scenario_costs;
mod scenario_limits;
mod scenario_words;
mod spending_by_workload;
mod terminal_summary;
mod todays_bill;
mod trend;
mod utilisation;
mod volume_claims;
mod waterfall;
mod window_coverage;
pub mod workbook;

pub use cluster_summary::Standing;
pub use compare::{CompareError, Comparison};
pub use error::RenderError;
pub use fleet::{FLEET_COLUMNS, Member, fleet, fleet_csv};
pub use fleet_figures::Figures;
pub use invoice::{invoice_markdown, invoice_page, invoice_summary};
pub use mail::{MailContext, mail};
pub use manifest_drafts::{Draft, drafts};
pub use markdown::markdown;
pub use page::{Options, page};
pub use page_currency::{Money, MoneyError};
pub use scenario_words::assumption as assumption_in_words;
pub use terminal_summary::summary;
pub use workbook::workbook;

/// The JSON Schema (draft 2020-12) of `analysis.json`, made from the types; fields that it does not know are allowed.
pub const ANALYSIS_SCHEMA: &str = include_str!("../analysis.schema.json");

/// The style sheet of the pages, for those who serve pages that look alike.
pub const STYLE: &str = include_str!("../templates/style.css");
