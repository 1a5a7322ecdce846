//! `emp-cost lake prune`: removes days past their retention.

use std::fmt::Write;
use std::io::IsTerminal;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Day, Lake, Pruned};
use types::ClusterId;

use super::shared_args::{WhichLake, span};
use crate::exit_codes::Failure;
use crate::output::{eprint, print};

/// Remove whole days that are older than the retention period
///
/// Manifests are removed before the objects they name, so readers never see half a day. If interrupted, run it again to
/// finish. Removed days cannot be restored: try --dry-run first. Asks for confirmation, and needs --yes where there is
/// no terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    lake: WhichLake,

    /// Cluster id [default: all]
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: Option<ClusterId>,

    /// Retention period, such as 400d; the day it begins in is kept whole
    #[arg(long, value_name = "SPAN", value_parser = span)]
    keep: TimeDelta,

    /// Print what would be removed without removing it
    #[arg(long)]
    dry_run: bool,

    /// Remove without confirmation
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

pub(crate) async fn run(args: PruneArgs, now: DateTime<Utc>) -> Result<(), Failure> {
    let unreachable = || Failure::usage(anyhow::anyhow!("--keep reaches further back than time does"));
    let before = Day::containing(now.checked_sub_signed(args.keep).ok_or_else(unreachable)?);
    let lake = Lake::new(args.lake.lake.open().await);
    let clusters = match args.cluster_id {
        Some(cluster) => vec![cluster],
        None => lake.clusters().await?,
    };
    let mut planned = Vec::new();
    for cluster in clusters {
        let pruned = lake.prune(&cluster, before, true).await?;
        planned.push((cluster, pruned));
    }
    let (days, keys) = planned.iter().fold((0, 0), |(days, keys), (_, p)| (days + p.days.len(), keys + p.keys.len()));
    let total = |done: &str| {
        let days_word = if days == 1 { "day" } else { "days" };
        format!("{done} {days} {days_word} before {before}, {keys} objects and manifests\n")
    };
    if args.dry_run {
        for (cluster, pruned) in &planned {
            print(&text(cluster, before, pruned, true))?;
        }
        return Ok(print(&total("would remove"))?);
    }
    if keys > 0 && !args.yes && !asked(&total("about to remove"), &lake.location())? {
        return Err(Failure::from(anyhow::anyhow!("nothing was removed; say --yes to remove without being asked")));
    }
    for (cluster, planned) in planned {
        // What was planned, and what else became so old since; nothing of days that stay.
        let pruned = if planned.keys.is_empty() { planned } else { lake.prune(&cluster, before, false).await? };
        print(&text(&cluster, before, &pruned, false))?;
    }
    Ok(print(&total("removed"))?)
}

/// Asks for confirmation; returns false where there is no terminal.
fn asked(question: &str, place: &str) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(false);
    }
    eprint(&format!("{}in `{place}`; nothing brings it back. Go on? [y/N] ", question.replace('\n', " ")));
    let mut answer = String::new();
    input.read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Formats what was removed: every key in a dry run, so that it can be checked, else the days.
fn text(cluster: &ClusterId, before: Day, pruned: &Pruned, dry_run: bool) -> String {
    let Pruned { days, keys } = pruned;
    let done = if dry_run { "would remove" } else { "removed" };
    let mut text = String::new();
    if dry_run {
        keys.iter().for_each(|key| text.extend([key, "\n"]));
    }
    let span = match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!(", from {first} to {last}"),
        _ => String::new(),
    };
    let (count, keys) = (days.len(), keys.len());
    let days = if count == 1 { "day" } else { "days" };
    let _ = writeln!(text, "{cluster}: {done} {count} {days} before {before}{span}, {keys} objects and manifests");
    text
}
