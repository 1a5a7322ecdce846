//! EDGE: collecting on a schedule, for as long as the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use lake::Lake;
use tokio::signal::unix::{Signal, SignalKind, signal};
use types::Hour;
use types::time_parsing::parse_moment;

use crate::args::{Collection, CollectionPlan, SETTLE_MINUTES};
use crate::collection_results::{Collected, HourResult};
use crate::collection_run::{Bounds, collect};
use crate::health::Health;
use crate::health_port::Listener;
use crate::server::Server;
use crate::{hours_to_collect, logging};

/// The longest wait before the clock is looked at again.
const STEP: TimeDelta = TimeDelta::seconds(20);
/// Time an hour that is being written has to end after a signal: Kubernetes kills after thirty seconds, and
/// the promise is ten.
const GRACE: Duration = Duration::from_secs(8);

/// Collects what is missing at every time of the schedule, the first time at once, until SIGTERM or an interrupt. A run
/// that fails is logged; the next one tries the same hours again.
///
/// # Errors
/// When the port is taken, signals cannot be listened for, or the schedule has no further time.
pub async fn run(collection: &Collection, plan: &CollectionPlan, now: fn() -> DateTime<Utc>) -> anyhow::Result<()> {
    let mut daemon = Daemon::new(collection, plan, now).await;
    let health = Arc::clone(&daemon.health);
    if let Some(address) = plan.listen {
        let listener = Listener::bind(address).await?;
        tracing::info!(address = ?listener.address().unwrap_or(address), "health at /livez, /readyz and /metrics");
        tokio::spawn(listener.serve(Arc::clone(&health), now));
    }
    let mut stop = Stop::listen()?;
    loop {
        let flag = Arc::new(AtomicBool::new(false));
        let mut tick = std::pin::pin!(daemon.tick(Arc::clone(&flag)));
        tokio::select! {
            () = &mut tick => {}
            () = stop.asked() => {
                tracing::info!("asked to stop; the hour at hand is finished or given up");
                flag.store(true, Ordering::Relaxed);
                if tokio::time::timeout(GRACE, tick).await.is_err() {
                    tracing::warn!("the hour at hand was given up; it is collected again at the next start");
                }
                return Ok(());
            }
        }
        let mut due =
            hours_to_collect::next(&plan.schedule, now()).context("find the schedule's next time; it has none left")?;
        tracing::info!(next = %due.to_rfc3339(), "waiting");
        while let Some(pause) = hours_to_collect::pause(due, now(), STEP) {
            health.progress();
            tokio::select! {
                () = tokio::time::sleep(pause.to_std().unwrap_or_default()) => {}
                () = stop.asked() => return Ok(()),
            }
            due = hours_to_collect::due(&plan.schedule, due, now());
        }
    }
}

/// Collects what is missing now, once.
///
/// # Errors
/// When the run could not go on; hours that failed are counted.
pub async fn once(
    collection: &Collection,
    plan: &CollectionPlan,
    now: fn() -> DateTime<Utc>,
) -> anyhow::Result<Collected> {
    Daemon::new(collection, plan, now).await.attempt(Arc::default()).await
}

/// State that stays from one run to the next.
struct Daemon<'a> {
    collection: &'a Collection,
    plan: &'a CollectionPlan,
    now: fn() -> DateTime<Utc>,
    health: Arc<Health>,
    lake: Lake,
    /// Kept, because it remembers which queries have to be asked in parts; connected anew after a run that failed.
    server: Option<Server>,
    /// Hours left out for what is in them: said once, and asked for after all others from then on.
    left_out: BTreeSet<Hour>,
}

impl<'a> Daemon<'a> {
    async fn new(collection: &'a Collection, plan: &'a CollectionPlan, now: fn() -> DateTime<Utc>) -> Self {
        Self {
            collection,
            plan,
            now,
            health: Arc::new(Health::new(collection.cluster.as_str())),
            lake: Lake::new(collection.lake.open().await),
            server: None,
            left_out: BTreeSet::new(),
        }
    }

    /// One run, its outcome told to log and health.
    async fn tick(&mut self, stop: Arc<AtomicBool>) {
        let begun = Instant::now();
        self.health.progress();
        match self.attempt(stop).await {
            Ok(collected) => self.health.tick_ended(Ok(&collected), (self.now)()),
            Err(error) => {
                tracing::error!("{error:#}");
                self.health.tick_ended(Err(&format!("{error:#}")), (self.now)());
                self.server = None;
            }
        }
        self.health.metrics().tick_took(begun.elapsed().as_secs_f64());
    }

    async fn attempt(&mut self, stop: Arc<AtomicBool>) -> anyhow::Result<Collected> {
        let Collection { source, cluster, .. } = self.collection;
        let server = match self.server.take() {
            Some(server) => server,
            None => Server::connect(&source.server, Some(listener(&self.health))).await?,
        };
        let server = self.server.insert(server);
        let here = (self.now)();
        let there = server.now().await?;
        if let Some(ahead) =
            there.map(|there| there.signed_duration_since(here)).filter(|ahead| ahead.abs() > hours_to_collect::SKEW)
        {
            tracing::warn!(
                seconds = ahead.num_seconds(),
                "the server's clock differs from ours; the earlier one decides"
            );
        }
        let from = parse_moment(&self.plan.reach, here)?;
        let Some(window) = hours_to_collect::closed(from, here, there, TimeDelta::minutes(SETTLE_MINUTES)) else {
            return Ok(Collected::default());
        };
        let settings = source.settings_of_now().await?;
        self.left_out.retain(|hour| hour.start() >= window.start());
        let bounds = Bounds { most: Some(self.plan.hours_per_run), last: self.left_out.clone(), stop };
        let (health, left_out, mut again) = (&self.health, &mut self.left_out, Vec::new());
        let mut each = |hour: Hour, result: &HourResult| {
            health.hour(hour, result);
            if result.is_left_out() && !left_out.insert(hour) {
                tracing::debug!(%hour, "left out again");
                again.extend(matches!(result, HourResult::Failed(_)).then_some(hour));
                return;
            }
            if !result.is_left_out() {
                left_out.remove(&hour);
            }
            log(hour, result);
        };
        let collected = collect(server, &self.lake, cluster, window, &settings, &bounds, &mut each).await?;
        tracing::info!(
            written = collected.written,
            corrected = collected.corrected,
            present = collected.present,
            no_data = collected.no_data,
            failed = collected.failed,
            left = collected.left,
            queries = collected.queries,
            samples = collected.samples,
            "collected"
        );
        Ok(Collected { failed: failed_anew(&collected, &again), ..collected })
    }
}

/// Hours that failed, without those that were told by a run before and that newer ones in the lake have overtaken: nobody
/// can mend them, and a collector that goes on is well.
fn failed_anew(collected: &Collected, again: &[Hour]) -> u32 {
    let overtaken = again.iter().filter(|hour| collected.newest.is_some_and(|newest| newest > **hour)).count();
    collected.failed.saturating_sub(u32::try_from(overtaken).unwrap_or(u32::MAX))
}

/// Has everything that happens while asking told to health.
fn listener(health: &Arc<Health>) -> crate::server::Listener {
    let health = Arc::clone(health);
    Arc::new(move |event| health.event(event))
}

fn log(hour: Hour, result: &HourResult) {
    match result {
        HourResult::Written { rows, bytes } => tracing::info!(%hour, rows, bytes, "hour written"),
        HourResult::Corrected { rows, bytes } => tracing::info!(%hour, rows, bytes, "hour corrected"),
        HourResult::Failed(error) if result.is_left_out() => {
            tracing::error!(%hour, "{}; the hour is left out, and tried again after all others", logging::chain(error));
        }
        HourResult::Failed(error) => tracing::error!(%hour, "{}; it is tried again next time", logging::chain(error)),
        HourResult::NoData { slots } if *slots > 0 => {
            tracing::warn!(%hour, slots, "samples in too few of 12 slots; the hour is left out");
        }
        HourResult::Present | HourResult::Different | HourResult::NoData { .. } => {}
    }
}

/// The signals that end the process.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
        Ok(Self { terminate, interrupt })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_was_told_and_overtaken_is_no_failure_of_later_runs() {
        let hour = |n: i64| Hour::starting_at(1_782_864_000).unwrap().plus(n);
        let collected = |newest| Collected { failed: 2, newest, ..Collected::default() };
        assert_eq!(failed_anew(&collected(Some(hour(9))), &[hour(1), hour(2)]), 0);
        assert_eq!(failed_anew(&collected(Some(hour(9))), &[hour(1)]), 1, "the other is new");
        // The newest of all still fails: so does the collector.
        assert_eq!(failed_anew(&collected(Some(hour(1))), &[hour(1), hour(2)]), 2);
        assert_eq!(failed_anew(&collected(None), &[hour(1), hour(2)]), 2);
    }
}
