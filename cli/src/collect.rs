//! `emp-cost collect`: closed hours from Prometheus into the lake.

use chrono::{DateTime, TimeDelta, Utc};
use collector::args::CollectArgs;
use collector::server::{Server, ServerOptions};
use collector::{Collected, HourResult, Settings};
use lake::Lake;
use types::{ClusterId, Hour, Window};

use crate::failure::Failure;
use crate::progress::{Progress, Step};
use crate::range::RangeArgs;

/// How far back to look without `--from`: what a Prometheus of the usual Helm charts keeps.
const REACH: TimeDelta = TimeDelta::days(15);

/// Collect closed hours from Prometheus into a lake, then exit
///
/// Hours that are in the lake are skipped, so running it twice changes nothing. An hour of which Prometheus knows
/// nothing is skipped too, and said so. Without --from, the last 15 days are collected; an hour is collected five
/// minutes after its end at the earliest.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    collect: CollectArgs,

    #[command(flatten)]
    range: RangeArgs,
}

pub(crate) async fn run(args: Args, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let window = args.range.closed(now, REACH)?;
    let server = Server::connect(&ServerOptions::new(args.collect.prometheus_url.clone()), None).await?;
    let lake = Lake::new(args.collect.lake.open().await);
    let step = progress.step("collect");
    let collected = hours(&server, &lake, &args.collect.cluster_id, window, &step).await?;
    step.finish(&describe(&collected));
    if collected.failed > 0 {
        return Err(
            anyhow::anyhow!("{} hours failed; run the same command again to retry them", collected.failed).into()
        );
    }
    if collected.written + collected.present + collected.different == 0 {
        return Err(anyhow::anyhow!(
            "`{}` has no data from {} to {}; check the range, and that this Prometheus scrapes kube-state-metrics and cAdvisor",
            server.url(),
            window.start(),
            window.end()
        )
        .into());
    }
    Ok(())
}

/// Collects the hours of a window, showing each.
pub(crate) async fn hours(
    server: &Server,
    lake: &Lake,
    cluster: &ClusterId,
    window: Window,
    step: &Step,
) -> Result<Collected, Failure> {
    let all = window.hours().count();
    let mut done = 0;
    let mut each = |hour: Hour, result: &HourResult| {
        done += 1;
        step.set(done, all);
        match result {
            HourResult::Failed(error) => tracing::error!("hour {hour}: {}", collector::logging::chain(error)),
            HourResult::NoData { slots: 0 } => tracing::warn!("hour {hour}: Prometheus has no data"),
            HourResult::NoData { slots } => {
                tracing::warn!(
                    "hour {hour}: Prometheus has data in {slots} of 12 slots, too few; the hour is left out"
                );
            }
            HourResult::Written { .. } | HourResult::Present | HourResult::Different => {}
        }
    };
    Ok(collector::collect(server, lake, cluster, window, &Settings::default(), &mut each).await?)
}

/// What a run did, in a line.
pub(crate) fn describe(collected: &Collected) -> String {
    let mut parts = vec![format!("{} hours written", collected.written)];
    for (count, what) in [
        (collected.present, "already there"),
        (collected.different, "there with other content, kept"),
        (collected.no_data, "without data"),
        (collected.failed, "failed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("{} queries, {} samples", collected.queries, collected.samples));
    parts.push(format!("{} rows, {} bytes", collected.rows, collected.bytes));
    parts.join("; ")
}
