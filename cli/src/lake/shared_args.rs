//! Arguments and answers that the subcommands share.

use std::sync::Arc;

use anyhow::anyhow;
use chrono::TimeDelta;
use clap::{Args, ValueEnum};
use lake::{Lake, LakeUri, Store};
use types::ClusterId;
use types::time_parsing::parse_span;

use crate::exit_codes::Failure;

/// The lake to work on.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhichLake {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
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
