//! Analysis to self-contained pages.
//!
//! Everything here is a function of its arguments: the same analysis gives the same bytes.
//! Numbers are turned to text in [`format`](mod@format) and nowhere else; templates hold no arithmetic.

pub mod focus;
pub mod format;

mod answer;
mod assumptions;
mod bill;
mod chart;
mod choice;
mod claims;
mod clause;
mod compare;
mod cost_lines;
mod costs;
mod coverage;
mod drafts;
mod error;
mod evidence;
mod exclusions;
pub mod export;
mod figures;
mod fleet;
mod grades;
mod groups;
mod headline;
mod inventory;
mod invoice;
mod judged;
mod key_figure;
mod labels;
mod mail;
mod markdown;
mod money;
mod over_time;
mod page;
mod peaks;
mod plan;
mod prose;
mod ratios;
mod realised;
mod reduction;
mod rightsizing;
mod risk;
pub mod sheets;
mod spending;
mod standing;
mod steps;
mod summary;
mod sure;
mod table;
mod trend;
mod trust;
mod utilisation;
mod view;
mod waterfall;
mod words;
pub mod workbook;

pub use compare::{CompareError, Comparison};
pub use drafts::{Draft, drafts};
pub use error::RenderError;
pub use figures::Figures;
pub use fleet::{FLEET_COLUMNS, Member, fleet, fleet_csv};
pub use invoice::{invoice_markdown, invoice_page, invoice_summary};
pub use mail::{MailContext, mail};
pub use markdown::markdown;
pub use money::{Money, MoneyError};
pub use page::{Options, page};
pub use standing::Standing;
pub use summary::summary;
pub use words::assumption as assumption_in_words;
pub use workbook::workbook;

/// The JSON Schema (draft 2020-12) of `analysis.json`, made from the types; fields that it does not know are allowed.
pub const ANALYSIS_SCHEMA: &str = include_str!("../analysis.schema.json");

/// The style sheet of the pages, for those who serve pages that look alike.
pub const STYLE: &str = include_str!("../templates/style.css");
