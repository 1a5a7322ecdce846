//! `emp-cost lake verify`: checks a lake against its manifests.

use std::fmt::Write;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use lake::verification::{self, Scope, Verified};
use types::ClusterId;
use types::wording::counted;

use super::shared_args::{Format, WhichLake};
use crate::exit_codes::Failure;
use crate::output::print;
use crate::progress::Progress;
use crate::time_range::RangeArgs;

/// Check every object of a lake against its manifest
///
/// Reads everything and checks sizes, SHA-256, row counts and columns, that hours do not overlap, that no row is
/// duplicated, and that every object belongs to a manifest. A range covers whole days. The exit code is 1 when
/// something is wrong, and when nothing is found.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    lake: WhichLake,

    /// Cluster id [default: all]
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: Option<ClusterId>,

    #[command(flatten)]
    range: RangeArgs,

    /// Remove what interrupted writers left: orphaned objects and temporary files
    #[arg(long)]
    clean: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

pub(crate) async fn run(args: VerifyArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let window = args.range.open(now)?;
    let store = args.lake.lake.open().await;
    let scope = Scope { cluster: args.cluster_id, window, clean: args.clean };
    let step = progress.step("verify");
    let found = verification::verify(&store, &scope).await?;
    step.finish(&format!("{}, {}", counted(found.manifests, "manifest"), counted(found.objects, "object")));
    print(&match args.format {
        Format::Json => serde_json::to_string_pretty(&found).context("write the findings as JSON")? + "\n",
        Format::Text => text(&found, args.clean),
    })?;
    match found.faults.len() {
        0 if found.is_empty() => {
            Err(super::shared_args::nothing(&store, scope.cluster.as_ref(), window.is_some()).await?)
        }
        0 => Ok(()),
        1 => Err(anyhow!("1 fault in `{}`", store.location()).into()),
        n => Err(anyhow!("{n} faults in `{}`", store.location()).into()),
    }
}

fn text(found: &Verified, clean: bool) -> String {
    let mut text = String::new();
    for fault in &found.faults {
        let _ = writeln!(text, "fault: `{}`: {}; next: {}", fault.key, fault.problem, fault.next_step);
    }
    for key in &found.unfinished {
        let _ = writeln!(
            text,
            "unfinished: `{key}`: no manifest names it, so no reader sees it; a collector or a compaction is at work on it, or was stopped"
        );
    }
    for key in &found.abandoned {
        let done = if clean { "removed" } else { "remove it with --clean" };
        let _ = writeln!(
            text,
            "abandoned: `{key}`: of a collector or a compaction that was stopped; no manifest names it and none will; {done}"
        );
    }
    for key in &found.leftovers {
        let done = if clean { "removed" } else { "remove it with --clean" };
        let _ = writeln!(text, "leftover: `{key}`: a temporary file of a writer that died; {done}");
    }
    let Verified { manifests, objects, rows, bytes, faults, .. } = found;
    let faults = faults.len();
    let _ = writeln!(
        text,
        "{}, {}, {}, {bytes} bytes read: {}, {} unfinished, {} abandoned, {}",
        counted(*manifests, "manifest"),
        counted(*objects, "object"),
        counted(*rows, "row"),
        counted(faults, "fault"),
        found.unfinished.len(),
        found.abandoned.len(),
        counted(found.leftovers.len(), "leftover")
    );
    text
}
