//! `emp-cost lake`: lists, verifies, compacts and prunes a lake, and documents its columns.

mod compact;
mod ls;
mod prune;
mod schema;
mod sql;
mod verify;

use std::sync::Arc;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand, ValueEnum};
use lake::{Lake, LakeUri, Store};
use types::ClusterId;
use types::moment::parse_span;

use crate::failure::Failure;
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

/// The lake to work on.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhichLake {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    pub(crate) lake: LakeUri,
}

/// Output format of a result.
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
        Command::Sql(args) => sql::run(&args),
    }
}

/// Reports that a lake, a cluster or a range holds nothing: a mistyped location must not pass for a sound lake.
pub(crate) async fn nothing(
    store: &Arc<dyn Store>,
    cluster: Option<&ClusterId>,
    in_range: bool,
) -> anyhow::Result<Failure> {
    let clusters = Lake::new(Arc::clone(store)).clusters().await?;
    let place = store.location();
    let range = if in_range { " in the range given" } else { "" };
    let names: Vec<_> = clusters.iter().map(|id| format!("`{id}`")).collect();
    Ok(match (cluster, clusters.is_empty()) {
        (_, true) => anyhow!("nothing is in `{place}`; check --lake, a collector writes its first hour there"),
        (Some(cluster), false) if !clusters.contains(cluster) => {
            anyhow!("cluster `{cluster}` is not in `{place}`; it holds {}", names.join(", "))
        }
        _ => anyhow!("nothing is in `{place}`{range}"),
    }
    .into())
}

/// Parses a span of time from the command line.
pub(crate) fn span(text: &str) -> Result<TimeDelta, String> {
    parse_span(text).ok_or_else(|| "not a span; write it as a number and m, h, d or w, such as 400d".to_owned())
}
