//! What the collector says of itself: whether it lives, whether its last hour went well, and counts of what it did.
//!
//! Pure state; [`crate::listen`] serves it over HTTP. The names begin with `emp_cost_collector_`, so that no query for
//! `kube_*` or `container_*` ever counts them.

mod metrics;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use types::Hour;

use crate::run::{Collected, HourResult};
use crate::server::Event;
use metrics::Metrics;

/// How long nothing may move before the collector counts as stuck: every step of it, also waiting, reports more often.
/// The longest silence that is none is one query with its time-out and the pause before the next try.
const STUCK_AFTER: Duration = Duration::from_secs(15 * 60);

/// The health of one collector.
#[derive(Debug)]
pub struct Health {
    metrics: Metrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last_progress: Instant,
    /// The end of the newest hour known to be in the lake.
    newest_end: Option<DateTime<Utc>>,
    standing: Standing,
}

/// How the last thing that was attempted went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Nothing was attempted yet.
    Starting,
    Good(String),
    Trouble(String),
}

/// An answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whether all is well.
    pub good: bool,
    /// Why, in a line.
    pub reason: String,
}

impl Health {
    /// A collector that has just started.
    pub fn new(cluster: &str) -> Self {
        let state = State { last_progress: Instant::now(), newest_end: None, standing: Standing::Starting };
        Self { metrics: Metrics::new(cluster), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something moved.
    pub fn progress(&self) {
        self.state().last_progress = Instant::now();
    }

    /// Something happened while asking.
    pub fn event(&self, event: &Event<'_>) {
        self.metrics.event(event);
        self.progress();
    }

    /// What became of an hour.
    pub fn hour(&self, hour: Hour, result: &HourResult) {
        self.metrics.hour(result);
        let mut state = self.state();
        state.last_progress = Instant::now();
        let standing = match result {
            HourResult::Written { .. } => Standing::Good(format!("hour {hour} written")),
            HourResult::Corrected { .. } => Standing::Good(format!("hour {hour} corrected")),
            HourResult::Present => Standing::Good(format!("hour {hour} is in the lake")),
            HourResult::Different => Standing::Good(format!("hour {hour} is in the lake with other content, kept")),
            HourResult::Failed(error) => Standing::Trouble(format!("hour {hour}: {}", crate::logging::chain(error))),
            HourResult::NoData { .. } => return,
        };
        if matches!(standing, Standing::Good(_)) {
            state.newest_end = state.newest_end.max(Some(hour.end()));
        }
        // One good hour does not make up for one that failed in the same tick; the tick says how it ended.
        if !matches!((&state.standing, &standing), (Standing::Trouble(_), Standing::Good(_))) {
            state.standing = standing;
        }
    }

    /// A run over what is missing ended at `now`: with what it did, or why it did not go on.
    pub fn tick_ended(&self, outcome: Result<&Collected, &str>, now: DateTime<Utc>) {
        let mut state = self.state();
        state.last_progress = Instant::now();
        match outcome {
            Ok(collected) => {
                self.metrics.missing_hours(collected.left);
                if collected.failed == 0 {
                    self.metrics.succeeded(now);
                    let newest = collected.newest.map_or("no hour".to_owned(), |hour| format!("newest hour {hour}"));
                    state.standing = Standing::Good(format!("the last run went well; {newest} in the lake"));
                }
            }
            Err(reason) => {
                self.metrics.tick_failed();
                state.standing = Standing::Trouble(reason.to_owned());
            }
        }
    }

    /// What the connection to the server reports.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the process moves. False calls for a restart.
    pub fn live(&self) -> Probe {
        let still = self.state().last_progress.elapsed();
        let reason = format!("last progress {} s ago", still.as_secs());
        Probe { good: still < STUCK_AFTER, reason }
    }

    /// Whether what was last attempted went well. False calls for a person, not for a restart.
    pub fn ready(&self) -> Probe {
        match &self.state().standing {
            Standing::Starting => Probe { good: false, reason: "the first run has not brought an hour yet".to_owned() },
            Standing::Good(reason) => Probe { good: true, reason: reason.clone() },
            Standing::Trouble(reason) => Probe { good: false, reason: reason.clone() },
        }
    }

    /// Everything counted, in the text format of OpenMetrics.
    pub fn exposition(&self, now: DateTime<Utc>) -> String {
        if let Some(newest_end) = self.state().newest_end {
            self.metrics.lag_hours((now - newest_end).num_seconds());
        }
        self.metrics.exposition()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::CollectError;

    fn hour() -> Hour {
        Hour::starting_at(1_782_864_000).unwrap()
    }

    fn failed() -> HourResult {
        HourResult::Failed(CollectError::Interrupted("the disk is full".to_owned()))
    }

    #[test]
    fn a_collector_that_has_done_nothing_is_alive_and_not_ready() {
        let health = Health::new("prod");
        assert!(health.live().good);
        assert_eq!(health.ready().reason, "the first run has not brought an hour yet");
    }

    #[test]
    fn an_hour_that_failed_is_told_until_a_tick_goes_well() {
        let health = Health::new("prod");
        health.hour(hour(), &HourResult::Written { rows: 10, bytes: 100 });
        assert!(health.ready().good);
        health.hour(hour().next(), &failed());
        health.hour(hour().plus(2), &HourResult::Written { rows: 10, bytes: 100 });
        let probe = health.ready();
        assert!(!probe.good && probe.reason.contains("the disk is full"), "{probe:?}");
        health.tick_ended(Ok(&Collected { failed: 1, ..Collected::default() }), hour().end());
        assert!(!health.ready().good);
        health.tick_ended(Ok(&Collected::default()), hour().end());
        assert!(health.ready().good);
        health.tick_ended(Err("could not reach Prometheus"), hour().end());
        assert_eq!(health.ready(), Probe { good: false, reason: "could not reach Prometheus".to_owned() });
    }

    #[test]
    fn what_is_counted_is_exposed() {
        let health = Health::new("prod");
        health.hour(hour(), &HourResult::Written { rows: 10, bytes: 100 });
        health.hour(hour().next(), &failed());
        health.tick_ended(Ok(&Collected { left: 3, ..Collected::default() }), hour().end());
        let text = health.exposition(hour().plus(3).start());
        for line in [
            "emp_cost_collector_hours_total{outcome=\"written\"} 1",
            "emp_cost_collector_hours_total{outcome=\"failed\"} 1",
            "emp_cost_collector_rows_written_total 10",
            "emp_cost_collector_bytes_written_total 100",
            "emp_cost_collector_missing_hours 3",
            "emp_cost_collector_lag_hours 2.0",
            "emp_cost_collector_last_success_timestamp_seconds 1782867600",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(text.lines().all(|l| l.starts_with('#') || l.starts_with("emp_cost_collector_")), "{text}");
    }
}
