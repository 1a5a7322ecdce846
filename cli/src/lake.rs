//! `emp-cost lake`: what is in a lake, whether it is sound, what its columns mean, and its upkeep.

mod compact;
mod ls;
mod prune;
mod schema;
mod verify;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand, ValueEnum};
use lake::LakeUri;
use types::moment::parse_span;

use crate::failure::Failure;
use crate::progress::Progress;

/// Look into a lake and keep it: list, verify, compact, prune, and the dictionary of its columns
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
}

/// Which lake.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhichLake {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    pub(crate) lake: LakeUri,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(crate) async fn run(args: LakeArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    match args.command {
        Command::Ls(args) => ls::run(args, now).await,
        Command::Verify(args) => verify::run(args, now, progress).await,
        Command::Compact(args) => compact::run(args, now, progress).await,
        Command::Prune(args) => prune::run(args, now).await,
        Command::Schema(args) => schema::run(&args),
    }
}

/// Reads a span of time given on the command line.
pub(crate) fn span(text: &str) -> Result<TimeDelta, String> {
    parse_span(text).ok_or_else(|| "not a span; write it as a number and m, h, d or w, such as 400d".to_owned())
}
