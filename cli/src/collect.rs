//! `emp-cost collect`: closed hours from Prometheus into the lake.

use chrono::{DateTime, TimeDelta, Utc};
use collector::args::{CollectArgs, ConfigErrors, DEFAULT_SCHEDULE, ScheduleArgs};
use collector::server::Server;
use collector::{Bounds, Collected, HourResult, Settings};
use lake::Lake;
use types::{ClusterId, Hour, Window};

use crate::failure::Failure;
use crate::progress::{Progress, Step};
use crate::range::RangeArgs;

/// How far back to look without `--from`: what a Prometheus of the usual Helm charts keeps.
const REACH: TimeDelta = TimeDelta::days(15);

/// Collect closed hours from Prometheus into a lake, once or on a schedule
///
/// Hours that are in the lake are skipped, so running it twice changes nothing. An hour of which Prometheus knows
/// nothing is skipped too, and said so. Without --from, the last 15 days are collected; an hour is collected five
/// minutes after its end at the earliest. With --schedule it stays and does what the in-cluster `emp-cost-collector`
/// does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    collect: CollectArgs,

    #[command(flatten)]
    range: RangeArgs,

    /// Stay, and collect what is missing whenever this cron expression (UTC) fires: five past every hour unless given
    #[arg(long, value_name = "CRON", num_args = 0..=1, default_missing_value = DEFAULT_SCHEDULE, conflicts_with = "to")]
    schedule: Option<String>,

    /// Hours collected each time at most, with --schedule
    #[arg(long, value_name = "HOURS", requires = "schedule", default_value = "48")]
    hours_per_run: String,

    /// Where to tell of health with --schedule: /livez, /readyz and /metrics; nowhere unless given
    #[arg(long, value_name = "ADDRESS", requires = "schedule", default_value = "")]
    listen: String,
}

pub(crate) async fn run(args: Args, now: fn() -> DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    if let Some(schedule) = args.schedule {
        let reach = args.range.from.unwrap_or_else(|| format!("{}d", REACH.num_days()));
        let schedule = ScheduleArgs::new(schedule, reach, args.hours_per_run, args.listen);
        let checked = ConfigErrors::and(args.collect.resolve(), schedule.resolve(now()));
        let (collection, plan) = checked.map_err(Failure::usage)?;
        return Ok(collector::daemon::run(&collection, &plan, now).await?);
    }
    let collection = args.collect.resolve().map_err(Failure::usage)?;
    let window = args.range.closed(now(), REACH)?;
    let server = Server::connect(&collection.source.server, None).await?;
    let settings = collection.source.settings_of_now().await?;
    let lake = Lake::new(collection.lake.open().await);
    let step = progress.step("collect");
    let collected = hours(&server, &lake, &collection.cluster, window, &settings, &step).await?;
    step.finish(&describe(&collected));
    if collected.failed > 0 {
        return Err(
            anyhow::anyhow!("{} hours failed; run the same command again to retry them", collected.failed).into()
        );
    }
    if collected.written + collected.corrected + collected.present + collected.different == 0 {
        return Err(anyhow::anyhow!(
            "`{}` has no data from {} to {}; check the range, and what `emp-cost doctor` says of this server",
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
    settings: &Settings,
    step: &Step,
) -> Result<Collected, Failure> {
    let all = window.hours().count();
    let (mut done, mut without) = (0, Vec::new());
    let mut each = |hour: Hour, result: &HourResult| {
        done += 1;
        step.set(done, all);
        match result {
            HourResult::Failed(error) => tracing::error!("hour {hour}: {}", collector::logging::chain(error)),
            HourResult::NoData { slots: 0 } => without.push(hour),
            HourResult::NoData { slots } => {
                tracing::warn!(
                    "hour {hour}: Prometheus has data in {slots} of 12 slots, too few; the hour is left out"
                );
            }
            HourResult::Written { .. } | HourResult::Corrected { .. } | HourResult::Present | HourResult::Different => {
            }
        }
    };
    let collected = collector::collect(server, lake, cluster, window, settings, &Bounds::default(), &mut each).await;
    tell_without_data(without);
    Ok(collected?)
}

/// Says of which hours Prometheus has no data: a line for each run of them, since there may be years.
fn tell_without_data(mut hours: Vec<Hour>) {
    hours.sort_unstable();
    for run in hours.chunk_by(|a, b| a.next() == *b) {
        match run {
            [hour] => tracing::warn!("hour {hour}: Prometheus has no data"),
            [first, .., last] => {
                tracing::warn!("{} hours from {first} to {}: Prometheus has no data", run.len(), last.next());
            }
            [] => {}
        }
    }
}

/// What a run did, in a line.
pub(crate) fn describe(collected: &Collected) -> String {
    let mut parts = vec![format!("{} hours written", collected.written)];
    for (count, what) in [
        (collected.corrected, "corrected"),
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
