//! `emp-cost lake ls`: lists clusters, days, hours, gaps, rows and bytes.

use std::fmt::Write;

use anyhow::Context;
use chrono::{DateTime, Utc};
use lake::inventory::{self, ClusterListing};
use types::ClusterId;
use types::wording::counted;

use super::shared_args::{Format, WhichLake};
use crate::exit_codes::Failure;
use crate::output::print;
use crate::time_range::RangeArgs;

/// List clusters, days, hours, gaps, rows and bytes
///
/// Reads manifests only. Rows and bytes are what a reader sees: the latest revision of each hour, or the compacted day
/// where there is one. A range covers whole days. The exit code is 1 when nothing is found.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    lake: WhichLake,

    /// Cluster id [default: all]
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: Option<ClusterId>,

    #[command(flatten)]
    range: RangeArgs,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

pub(crate) async fn run(args: LsArgs, now: DateTime<Utc>) -> Result<(), Failure> {
    let window = args.range.open(now)?;
    let store = args.lake.lake.open().await;
    let clusters = inventory::list(&store, args.cluster_id.as_ref(), window).await?;
    print(&match args.format {
        Format::Json => serde_json::to_string_pretty(&clusters).context("write the listing as JSON")? + "\n",
        Format::Text => clusters.iter().map(text).collect::<Vec<_>>().join("\n"),
    })?;
    if clusters.is_empty() {
        return Err(super::shared_args::nothing(&store, args.cluster_id.as_ref(), window.is_some()).await?);
    }
    Ok(())
}

/// Formats the end of the hour that begins at `start`; returns `start` itself when it is not an hour.
fn end_of(start: &str) -> String {
    let begins = chrono::NaiveDateTime::parse_from_str(start, "%Y-%m-%dT%H:%MZ");
    begins.map_or_else(
        |_| start.to_owned(),
        |begins| (begins + chrono::TimeDelta::hours(1)).format("%Y-%m-%dT%H:%MZ").to_string(),
    )
}

/// Formats a cluster as a table of its days.
fn text(cluster: &ClusterListing) -> String {
    let ClusterListing { cluster_id, first_hour, last_hour, hours, rows, bytes, .. } = cluster;
    let mut text = format!(
        "{cluster_id}: {} from {first_hour} to {}, {}, {bytes} bytes\n",
        counted(*hours, "hour"),
        end_of(last_hour),
        counted(*rows, "row")
    );
    text.push_str("  date        hours  incomplete  corrections  compacted        rows         bytes\n");
    for day in &cluster.days {
        // Outdated: some hours are newer than the day, and read from their own objects until it is compacted again.
        let compacted = match (day.compacted, day.newer_hours) {
            (true, 0) => "yes",
            (true, _) => "outdated",
            (false, _) => "no",
        };
        let _ = writeln!(
            text,
            "  {:<10}  {:>5}  {:>10}  {:>11}  {compacted:>9}  {:>10}  {:>12}",
            day.date, day.hours, day.incomplete_hours, day.revisions, day.rows, day.bytes
        );
    }
    for gap in &cluster.gaps {
        let hours = if gap.hours == 1 { "hour" } else { "hours" };
        let _ = writeln!(text, "  missing: {} {hours} from {} to {}", gap.hours, gap.from, gap.to);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_where_its_last_hour_ends() {
        assert_eq!(end_of("2026-06-30T23:00Z"), "2026-07-01T00:00Z");
        assert_eq!(end_of("unknown"), "unknown");
    }
}
