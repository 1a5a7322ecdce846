//! `emp-cost lake compact`: merges the hours of closed days into one object per table.

use std::fmt::Write;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{CompactOutcome, Compaction, Day, Lake};
use types::ClusterId;
use types::wording::counted;

use super::shared_args::{WhichLake, span};
use crate::exit_codes::Failure;
use crate::output::print;
use crate::progress::Progress;

/// Merge the hours of closed days into one object per table
///
/// A running collector does this by itself; this command is for lakes filled by hand. A day is compacted when it has
/// all its hours, or three days after its end. Hours added or corrected later make a new revision of the day. Running
/// it twice changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct CompactArgs {
    #[command(flatten)]
    lake: WhichLake,

    /// Cluster id
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: ClusterId,

    /// Delete the hourly objects of a compacted day this long after its end, such as 7d, once the day was verified to
    /// hold all their rows [default: never]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    delete_hours_after: Option<TimeDelta>,
}

pub(crate) async fn run(args: CompactArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let lake = Lake::new(args.lake.lake.open().await);
    let cluster = &args.cluster_id;
    let days = lake.days(cluster).await?.len();
    if days == 0 {
        return Err(anyhow!("cluster `{cluster}` is not in `{}`; see `emp-cost lake ls`", lake.location()).into());
    }
    let compaction = Compaction { delete_hours_after: args.delete_hours_after, ..Compaction::default() };
    let step = progress.step("compact");
    let (mut text, mut done) = (String::new(), 0);
    let mut each = |day: Day, outcome: CompactOutcome, deleted: &[String]| {
        done += 1;
        step.set(done, days);
        let _ = write!(text, "{day}: {}", describe(outcome));
        let _ = match deleted.len() {
            0 => writeln!(text),
            n => writeln!(text, "; {} deleted", counted(n, "outdated object")),
        };
    };
    let outcome = lake.compact(cluster, compaction, now, &mut each).await;
    // What was done before something failed is told, too.
    print(&text)?;
    outcome?;
    step.finish(&counted(days, "day"));
    Ok(())
}

fn describe(outcome: CompactOutcome) -> String {
    match outcome {
        CompactOutcome::Compacted { hours, revision, rows, bytes } => {
            let what =
                if revision == 0 { "compacted".to_owned() } else { format!("compacted again, revision {revision}") };
            format!("{what}: {}, {}, {bytes} bytes", counted(hours, "hour"), counted(rows, "row"))
        }
        CompactOutcome::UpToDate => "up to date".to_owned(),
        CompactOutcome::Open { hours } => format!("open: {} of 24, and more may come", counted(hours, "hour")),
        CompactOutcome::Empty => "no hour".to_owned(),
    }
}
