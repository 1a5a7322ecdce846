//! Every assumption in force, and what the model leaves out.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::Analysis;

use crate::page_table::{Cell, Column, Row, Table};

/// The section.
#[derive(Debug, Template)]
#[template(path = "assumptions.html")]
pub(crate) struct Assumptions {
    pub(crate) changed: String,
    /// Number of those that were changed; empty for none.
    pub(crate) changed_count: String,
    pub(crate) table: Table,
}

impl HtmlSafe for Assumptions {}

impl Assumptions {
    pub(crate) fn new(analysis: &Analysis) -> Self {
        let rows = analysis
            .assumptions
            .iter()
            .map(|assumption| {
                let with_unit = |value: &str| {
                    if assumption.unit.is_empty() {
                        value.to_owned()
                    } else {
                        format!("{value}\u{a0}{}", assumption.unit)
                    }
                };
                let value = Cell::new(with_unit(&assumption.value));
                Row::new(vec![
                    Cell::name(&assumption.key),
                    if assumption.changed { value.badge("changed") } else { value },
                    Cell::new(with_unit(&assumption.default)),
                    Cell::new(&assumption.effect),
                    Cell::new(&assumption.source),
                ])
            })
            .collect();
        let changed = analysis.assumptions.iter().filter(|assumption| assumption.changed).count();
        Self {
            changed_count: if changed > 0 { changed.to_string() } else { String::new() },
            changed: match changed {
                0 => "All stand at their defaults.".to_owned(),
                1 => "One was changed from its default.".to_owned(),
                n => format!("{n} were changed from their defaults."),
            },
            table: Table::new(
                "Assumptions in force",
                vec![
                    Column::text("Key"),
                    Column::text("Value"),
                    Column::text("Default"),
                    Column::text("What it changes"),
                    Column::text("Where the default comes from"),
                ],
                rows,
            ),
        }
    }
}
