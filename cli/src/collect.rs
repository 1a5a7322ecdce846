//! `emp-cost collect`: writes closed hours from Prometheus into the lake.

use chrono::{DateTime, TimeDelta, Utc};
use collector::args::{CollectArgs, ConfigErrors, DEFAULT_SCHEDULE, ScheduleArgs};
use collector::server::Server;
use collector::{Bounds, Collected, HourResult, Settings};
use lake::Lake;
use types::wording::counted;
use types::{ClusterId, Hour, Window};

use crate::exit_codes::Failure;
use crate::progress::{Progress, Step};
use crate::time_range::RangeArgs;

/// Span looked back over without `--from`: what a Prometheus of the usual Helm charts keeps.
const REACH: TimeDelta = TimeDelta::days(15);

/// Collect closed hours from Prometheus into a lake, once or on a schedule
///
/// Hours already in the lake are skipped, so running it twice changes nothing. Hours for which Prometheus has no data
/// are skipped and reported. Without --from, collects the last 15 days; an hour is collected five minutes after its end
/// at the earliest. With --schedule, keeps running and does what the in-cluster `emp-cost-collector` does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    collect: CollectArgs,

    #[command(flatten)]
    range: RangeArgs,

    /// Keep running, and collect missing hours whenever this cron expression (UTC) fires [default: five past every
    /// hour]
    #[arg(long, value_name = "CRON", num_args = 0..=1, default_missing_value = DEFAULT_SCHEDULE, conflicts_with = "to")]
    schedule: Option<String>,

    /// Most hours to collect each time, with --schedule
    #[arg(long, value_name = "HOURS", requires = "schedule", default_value = "48")]
    hours_per_run: String,

    /// Address to serve /livez, /readyz and /metrics on, with --schedule [default: none]
    #[arg(long, value_name = "ADDRESS", requires = "schedule", default_value = "")]
    listen: String,
}

impl Args {
    /// Returns true when it runs until it is stopped.
    pub(crate) fn keeps_running(&self) -> bool {
        self.schedule.is_some()
    }
}

pub(crate) async fn run(args: Args, now: fn() -> DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    if let Some(schedule) = args.schedule {
        let reach = args.range.from.unwrap_or_else(|| format!("{}d", REACH.num_days()));
        let schedule = ScheduleArgs::new(schedule, reach, args.hours_per_run, args.listen);
        let checked = ConfigErrors::and(args.collect.resolve(), schedule.resolve(now()));
        let (collection, plan) = checked.map_err(Failure::usage)?;
        return Ok(collector::scheduled_collection::run(&collection, &plan, now).await?);
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
        return Err(anyhow::anyhow!(
            "{} failed; run the same command again to retry",
            counted(collected.failed, "hour")
        )
        .into());
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

/// Collects the hours of a window and shows its progress.
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

/// Reports the hours for which Prometheus has no data: one line per run of hours, since there may be years of them.
fn tell_without_data(mut hours: Vec<Hour>) {
    hours.sort_unstable();
    for run in hours.chunk_by(|a, b| a.next() == *b) {
        match run {
            [hour] => tracing::warn!("hour {hour}: Prometheus has no data"),
            [first, .., last] => {
                let hours = counted(run.len(), "hour");
                tracing::warn!("{hours} from {first} to {}: Prometheus has no data", last.next());
            }
            [] => {}
        }
    }
}

/// Summarizes a run in one line.
pub(crate) fn describe(collected: &Collected) -> String {
    let mut parts = vec![format!("{} written", counted(collected.written, "hour"))];
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
    parts.push(format!(
        "{} {}, {} samples",
        collected.queries,
        if collected.queries == 1 { "query" } else { "queries" },
        collected.samples
    ));
    parts.push(format!("{}, {} bytes", counted(collected.rows, "row"), collected.bytes));
    parts.join("; ")
}
