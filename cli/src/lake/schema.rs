//! `emp-cost lake schema`: prints the data dictionary.

use anyhow::Context;
use clap::ValueEnum;
use lake::schema;

use crate::exit_codes::Failure;
use crate::output::print;

/// Print the data dictionary: every table and column, its type, unit and meaning
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = Form::Markdown, value_name = "FORMAT")]
    format: Form,

    /// Location of the lake on S3, for --format athena
    #[arg(long, value_name = "URI", default_value = "s3://my-bucket/emp-cost")]
    location: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Markdown tables, as in lake/README.md
    Markdown,
    /// JSON
    Json,
    /// CREATE TABLE statements for Athena
    Athena,
}

pub(crate) fn run(args: &SchemaArgs) -> Result<(), Failure> {
    Ok(print(&match args.format {
        Form::Markdown => schema::markdown(),
        Form::Json => schema::json().context("write the dictionary as JSON")?,
        Form::Athena => {
            let ddl = schema::TABLES.iter().map(|table| schema::athena(table, args.location.trim_end_matches('/')));
            ddl.collect::<Vec<_>>().join("\n")
        }
    })?)
}
