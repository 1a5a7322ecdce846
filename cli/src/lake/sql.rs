//! `emp-cost lake sql`: prints views for DuckDB.

use lake::{LakeUri, schema};

use super::shared_args::WhichLake;
use crate::exit_codes::Failure;
use crate::output::print;

/// Print SQL for DuckDB that creates a view of each table
///
/// The views follow the manifests, so they stay right while the lake is written to and compacted: `duckdb -init
/// lake.sql`. The lake is not read. lake/README.md shows more.
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    #[command(flatten)]
    lake: WhichLake,
}

pub(crate) fn run(args: &SqlArgs) -> Result<(), Failure> {
    let location = match &args.lake.lake {
        LakeUri::Dir(folder) => folder.display().to_string().trim_end_matches('/').to_owned(),
        LakeUri::S3 { bucket, prefix, .. } => format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned(),
        LakeUri::Https { url, .. } => {
            return Err(Failure::usage(anyhow::anyhow!(
                "`{url}` is a reporting service, whose files SQL cannot read; give the bucket behind it"
            )));
        }
    };
    Ok(print(&schema::duckdb(&location))?)
}
