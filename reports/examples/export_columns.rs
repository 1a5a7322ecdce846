//! Prints the tables of `docs/exports.md` that list columns, as the code has them.

#![expect(clippy::print_stdout, reason = "that is its purpose")]

use reports::csv_tables::SHEETS;
use reports::focus::COLUMNS;

fn main() {
    println!("## CSV tables\n\n| table | what a row is |\n|---|---|");
    for sheet in SHEETS {
        println!("| `{}` | {} |", sheet.name, sheet.about);
    }
    let columns = |columns: &[(&str, &str)]| {
        println!("| column | what |\n|---|---|");
        for (name, about) in columns {
            println!("| `{name}` | {about} |");
        }
    };
    for sheet in SHEETS {
        println!("\n### {}.csv\n\n{}\n", sheet.name, sheet.about);
        columns(sheet.columns);
    }
    println!("\n### fleet.csv\n\nOne row for each cluster, in the order of the fleet's page. Amounts are in USD.\n");
    columns(reports::FLEET_COLUMNS);
    println!("\n## FOCUS columns\n\n| column | since | level | what it holds |\n|---|---|---|---|");
    for column in COLUMNS {
        let level = column.level.name();
        println!("| `{}` | {} | {level} | {} |", column.name, column.since, column.about);
    }
}
