//! The in-cluster binary: collects closed hours on a schedule, for as long as it runs.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Parser;
use collector::args::{CollectArgs, ConfigErrors, LogArgs, ScheduleArgs, without_secrets};
use collector::{logging, scheduled_collection};

/// Collects closed hours from Prometheus into a lake, on a schedule.
///
/// Each time the schedule fires, the newest closed hour is collected, and then older ones that the lake does not have,
/// oldest first. The lake is the only state: the collector may be stopped and started at any time.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    collect: CollectArgs,

    #[command(flatten)]
    schedule: ScheduleArgs,

    /// Collect once and exit
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    log: LogArgs,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

// The heavy work stays on the main thread, beside one that answers probes: memory freed by one thread is not readily
// used by another.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| without_secrets(error).exit());
    logging::start(&cli.log, logging::Readers::Log);
    let (collection, plan) = match ConfigErrors::and(cli.collect.resolve(), cli.schedule.resolve(now())) {
        Ok(checked) => checked,
        Err(errors) => {
            tracing::error!("{errors}");
            return ExitCode::from(2);
        }
    };
    let outcome = match cli.once {
        true => scheduled_collection::once(&collection, &plan, now).await.and_then(|collected| {
            let failed = types::wording::counted(collected.failed, "hour");
            anyhow::ensure!(collected.failed == 0, "{failed} failed; the next run tries again");
            Ok(())
        }),
        false => scheduled_collection::run(&collection, &plan, now).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
