//! The costs of a scenario in the words of FOCUS, the FinOps Open Cost and Usage Specification, as CSV and as Parquet.
//!
//! One file for each scenario, because scenarios are alternatives: nobody is to add them up. Its rows are the machines and
//! items of the cost lines ([`scenario_charges`]), and their `EffectiveCost` adds up to the scenario's total, to the nano-dollar.
//! Of today's cost there is a second file by workload ([`workload_split`]), which adds up to the same total. Nothing in them was
//! invoiced, so `BilledCost` is 0 in every row: the invoice is in the export of AWS.
//!
//! Rules: <https://focus.finops.org>, versions 1.2 and 1.3, and their requirements model 1.2.0.1 (read 2026-11-21).

mod columns;
mod common_values;
mod decimal;
mod scenario_charges;
mod table;
mod version;
mod workload_split;

use types::analysis::Analysis;

use crate::scenario_words::TODAY;
pub use columns::{COLUMNS, Column, Kind, Level};
use common_values::Frame;
pub use common_values::Settings;
pub use table::{FocusError, Table};
pub use version::{UnknownVersion, Version};

/// The files of an analysis: each scenario, and today's cost by workload where it was given out.
pub fn tables(analysis: &Analysis, settings: &Settings) -> Vec<Table> {
    let mut tables = Vec::new();
    for scenario in &analysis.scenarios {
        let frame = |view| Frame::new(analysis, scenario, settings, view);
        let name = file_name(&scenario.id);
        tables.push(Table {
            name: name.clone(),
            frame: frame("charges"),
            rows: scenario_charges::rows(analysis, scenario),
        });
        if let Some(allocation) = analysis.allocation.as_ref().filter(|_| scenario.id == TODAY) {
            let rows = workload_split::rows(analysis, allocation, settings.version);
            tables.push(Table { name: format!("{name}-by-workload"), frame: frame("workloads"), rows });
        }
    }
    tables
}

/// A scenario's id as the name of a file: an analysis may come from anywhere.
fn file_name(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    id.chars().take(100).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_scenario_cannot_name_a_file_elsewhere() {
        assert_eq!(file_name("../../etc/passwd"), "------etc-passwd");
        assert_eq!(file_name("ec2-today"), "ec2-today");
    }
}
