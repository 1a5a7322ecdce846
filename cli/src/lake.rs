//! `emp-cost lake`: lists, verifies, compacts and prunes a lake, and documents its columns.

mod compact;
mod ls;
mod prune;
mod schema;
mod shared_args;
mod sql;
mod verify;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use crate::exit_codes::Failure;
use crate::progress::Progress;

/// Inspect and maintain a lake: list, verify, compact, prune, data dictionary, and views for DuckDB
#[derive(Debug, Args)]
pub(crate) struct LakeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(ls::LsArgs),
    Verify(verify::VerifyArgs),
    Compact(compact::CompactArgs),
    Prune(prune::PruneArgs),
    Schema(schema::SchemaArgs),
    Sql(sql::SqlArgs),
}

pub(crate) async fn run(args: LakeArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    match args.command {
        Command::Ls(args) => ls::run(args, now).await,
        Command::Verify(args) => verify::run(args, now, progress).await,
        Command::Compact(args) => compact::run(args, now, progress).await,
        Command::Prune(args) => prune::run(args, now).await,
        Command::Schema(args) => schema::run(&args),
        Command::Sql(args) => sql::run(&args),
    }
}
