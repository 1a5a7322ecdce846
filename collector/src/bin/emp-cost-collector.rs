//! The in-cluster binary: collects closed hours on a schedule, for as long as it runs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use collector::args::{CollectArgs, LogArgs};
use collector::server::{Server, ServerOptions};
use collector::{HourResult, Settings, logging};
use cron::Schedule;
use lake::Lake;
use types::Window;
use types::moment::parse_moment;

/// Collects closed hours from Prometheus into a lake, on a schedule.
///
/// Each time the schedule fires, every hour of the reach that is closed, settled and not in the lake yet is
/// collected. The lake is the only state: the collector may be stopped and started at any time.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    collect: CollectArgs,

    /// When to collect: second, minute, hour, day of month, month, day of week (UTC)
    #[arg(long, value_name = "CRON", default_value = "0 7 * * * *", env = "EMP_COST_SCHEDULE")]
    schedule: Schedule,

    /// How far back to look for hours that are missing: RFC 3339, or a span such as 10d
    #[arg(long, value_name = "TIME", default_value = "10d", env = "EMP_COST_FROM")]
    from: String,

    /// Collect once and exit
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    log: LogArgs,
}

/// How long after its end an hour is taken to be settled in Prometheus.
const SETTLE: TimeDelta = TimeDelta::minutes(5);

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.log);
    if let Err(error) = parse_moment(&cli.from, now()) {
        tracing::error!("{error}");
        return ExitCode::from(2);
    }
    let outcome = if cli.once { tick(&cli).await } else { run(&cli).await };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Collects whenever the schedule fires, until a signal says stop. A tick that fails is logged; the next one tries
/// the same hours again.
async fn run(cli: &Cli) -> anyhow::Result<()> {
    let mut stop =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("listen for SIGTERM")?;
    loop {
        tokio::select! {
            outcome = tick(cli) => if let Err(error) = outcome { tracing::error!("{error:#}") },
            _ = stop.recv() => return Ok(()),
            interrupt = tokio::signal::ctrl_c() => return interrupt.context("listen for an interrupt"),
        }
        let next = cli.schedule.after(&now()).next().context("find the schedule's next time; it never fires again")?;
        let wait = (next - now()).to_std().unwrap_or(Duration::ZERO);
        tracing::info!(next = %next.to_rfc3339(), "waiting");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.recv() => return Ok(()),
            interrupt = tokio::signal::ctrl_c() => return interrupt.context("listen for an interrupt"),
        }
    }
}

/// Collects what is missing now.
async fn tick(cli: &Cli) -> anyhow::Result<()> {
    let now = now();
    let from = parse_moment(&cli.from, now)?;
    let Some(window) = Window::try_new(from, now)?.closed_at(now, SETTLE) else { return Ok(()) };
    let server = Server::connect(&ServerOptions::new(cli.collect.prometheus_url.clone()), None).await?;
    let lake = Lake::new(cli.collect.lake.open().await);
    let mut each = |hour: types::Hour, result: &HourResult| match result {
        HourResult::Written { rows, bytes } => tracing::info!(%hour, rows, bytes, "hour written"),
        HourResult::Failed(error) => tracing::error!(%hour, "{}", logging::chain(error)),
        HourResult::NoData { slots } if *slots > 0 => {
            tracing::warn!(%hour, slots, "samples in too few of 12 slots; the hour is left out");
        }
        HourResult::Present | HourResult::Different | HourResult::NoData { .. } => {}
    };
    let collected =
        collector::collect(&server, &lake, &cli.collect.cluster_id, window, &Settings::default(), &mut each).await?;
    tracing::info!(
        written = collected.written,
        present = collected.present,
        no_data = collected.no_data,
        failed = collected.failed,
        queries = collected.queries,
        samples = collected.samples,
        "collected"
    );
    anyhow::ensure!(collected.failed == 0, "{} hours failed; they are tried again next time", collected.failed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn the_default_schedule_fires_once_an_hour() {
        let schedule = Schedule::from_str("0 7 * * * *").unwrap();
        let start = DateTime::from_timestamp(1_782_864_000, 0).unwrap();
        let times: Vec<_> = schedule.after(&start).take(2).map(|t| t.timestamp() - start.timestamp()).collect();
        assert_eq!(times, [420, 4020]);
    }
}
