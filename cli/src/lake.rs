//! `emp-cost lake`: what is in a lake, whether it is sound, and what its columns mean.

mod ls;
mod schema;
mod verify;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use lake::LakeUri;

use crate::failure::Failure;
use crate::progress::Progress;

/// Look into a lake: what it holds, whether it is sound, what its columns mean
#[derive(Debug, Args)]
pub(crate) struct LakeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(ls::LsArgs),
    Verify(verify::VerifyArgs),
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
        Command::Schema(args) => schema::run(&args),
    }
}
