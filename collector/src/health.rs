//! Health and metrics of the collector: whether it lives, whether its last hour went well, and counts of what it did.
//!
//! Pure state; [`crate::health_port`] serves it over HTTP. The names begin with `emp_cost_collector_`, so that no query for
//! `kube_*` or `container_*` ever counts them.

mod collector_metrics;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use types::Hour;

use crate::collection_results::{Collected, HourResult};
use crate::queries;
use crate::server::Event;
use collector_metrics::Metrics;

/// Time without any progress after which the collector counts as stuck: every step of it, also waiting, reports more
/// often. The longest silence that is none is one query with its time-out and the pause before the next try.
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
    condition: Condition,
    /// Hours of the run under way of which the server had too little.
    without_data: u32,
    /// Series of the hour that is asked for, by exporter.
    series: BTreeMap<&'static str, i64>,
    /// The last of them, and the slots with samples.
    last_without_data: Option<(Hour, usize)>,
}

/// The exporter that a query tells the presence of, by the series it brings; `None` for the other queries.
fn exporter_of(query: &str) -> Option<&'static str> {
    match query {
        name if name == queries::NODE_CREATED.name => Some("kube-state-metrics"),
        name if name == queries::CONTAINER_CPU.name => Some("cadvisor"),
        name if name == queries::NODE_CPU.name => Some("node-exporter"),
        _ => None,
    }
}

impl State {
    /// State after a run in which nothing failed. Without an hour in the lake that is nothing to call ready: a
    /// collector that asks the wrong server, or one that scrapes nothing, never fails.
    fn after_a_good_run(&self) -> Condition {
        if let Some(end) = self.newest_end {
            let newest = Hour::containing(end).plus(-1);
            return Condition::Good(format!("the last run went well; newest hour {newest} in the lake"));
        }
        let seen = match self.last_without_data {
            Some((hour, 0)) => {
                format!("the server has no samples of {} hours, such as {hour}", self.without_data)
            }
            Some((hour, slots)) => format!("the server has samples in {slots} of 12 slots of {hour}, too few"),
            None => "no hour is closed yet".to_owned(),
        };
        Condition::Waiting(format!("no hour is in the lake yet: {seen}; emp-cost doctor says what the server lacks"))
    }
}

/// Outcome of the last attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// Nothing was attempted yet.
    Starting,
    /// Nothing failed, and yet no hour is known to be in the lake.
    Waiting(String),
    Good(String),
    Trouble(String),
}

/// An answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Tells whether all is well.
    pub good: bool,
    /// Why, in a line.
    pub reason: String,
}

impl Health {
    /// A collector that has just started.
    pub fn new(cluster: &str) -> Self {
        let state = State {
            last_progress: Instant::now(),
            newest_end: None,
            condition: Condition::Starting,
            without_data: 0,
            series: BTreeMap::new(),
            last_without_data: None,
        };
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
        let mut state = self.state();
        state.last_progress = Instant::now();
        match event {
            Event::Answered { query, series, .. } => {
                if let Some(exporter) = exporter_of(query) {
                    let all = state.series.entry(exporter).or_default();
                    *all = all.saturating_add(*series);
                }
            }
            Event::HourReady { .. } => self.metrics.exporter_series(std::mem::take(&mut state.series)),
            _ => {}
        }
    }

    /// Records the outcome of an hour.
    pub fn hour(&self, hour: Hour, result: &HourResult) {
        self.metrics.hour(result);
        let mut state = self.state();
        state.last_progress = Instant::now();
        if matches!(result, HourResult::NoData { .. } | HourResult::Failed(_)) {
            // Asked for in vain, so it never became ready.
            self.metrics.exporter_series(std::mem::take(&mut state.series));
        }
        let condition = match result {
            HourResult::NoData { slots } => {
                state.without_data = state.without_data.saturating_add(1);
                state.last_without_data = Some((hour, *slots));
                return;
            }
            HourResult::Written { .. } => Condition::Good(format!("hour {hour} written")),
            HourResult::Corrected { .. } => Condition::Good(format!("hour {hour} corrected")),
            HourResult::Present => Condition::Good(format!("hour {hour} is in the lake")),
            HourResult::Different => Condition::Good(format!("hour {hour} is in the lake with other content, kept")),
            HourResult::Failed(error) => Condition::Trouble(format!("hour {hour}: {}", crate::logging::chain(error))),
        };
        if matches!(condition, Condition::Good(_)) {
            state.newest_end = state.newest_end.max(Some(hour.end()));
        }
        // One good hour does not make up for one that failed in the same tick; the tick says how it ended.
        if !matches!((&state.condition, &condition), (Condition::Trouble(_), Condition::Good(_))) {
            state.condition = condition;
        }
    }

    /// A run over what is missing ended at `now`: with what it did, or why it did not go on.
    pub fn tick_ended(&self, outcome: Result<&Collected, &str>, now: DateTime<Utc>) {
        let mut state = self.state();
        state.last_progress = Instant::now();
        match outcome {
            Ok(collected) => {
                self.metrics.missing_hours(collected.left);
                state.newest_end = state.newest_end.max(collected.newest.map(Hour::end));
                if collected.failed == 0 {
                    self.metrics.succeeded(now);
                    state.condition = state.after_a_good_run();
                }
                (state.without_data, state.last_without_data) = (0, None);
            }
            Err(reason) => {
                self.metrics.tick_failed();
                state.condition = Condition::Trouble(reason.to_owned());
            }
        }
    }

    /// Metrics of the connection to the server.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns whether the process moves. False calls for a restart.
    pub fn live(&self) -> Probe {
        let still = self.state().last_progress.elapsed();
        let reason = format!("last progress {} s ago", still.as_secs());
        Probe { good: still < STUCK_AFTER, reason }
    }

    /// Returns whether an hour is in the lake, and what was last attempted went well. False calls for a person, not for
    /// a restart.
    pub fn ready(&self) -> Probe {
        match &self.state().condition {
            Condition::Starting => {
                Probe { good: false, reason: "the first run has not brought an hour yet".to_owned() }
            }
            Condition::Good(reason) => Probe { good: true, reason: reason.clone() },
            Condition::Waiting(reason) | Condition::Trouble(reason) => Probe { good: false, reason: reason.clone() },
        }
    }

    /// Everything counted, in the text format of OpenMetrics.
    pub fn exposition(&self, now: DateTime<Utc>) -> String {
        let newest_end = self.state().newest_end;
        if let Some(newest_end) = newest_end {
            self.metrics.lag_hours(now.signed_duration_since(newest_end).num_seconds());
        }
        self.metrics.exposition(newest_end.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection_results::CollectError;

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
        assert_eq!(
            health.ready().reason,
            format!("the last run went well; newest hour {} in the lake", hour().plus(2))
        );
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

    #[test]
    fn a_collector_that_never_gets_data_is_not_ready_and_has_no_lag() {
        let health = Health::new("prod");
        let lag =
            |health: &Health| health.exposition(hour().plus(3).start()).contains("\nemp_cost_collector_lag_hours ");
        health.tick_ended(Ok(&Collected::default()), hour().end());
        assert!(health.ready().reason.contains("no hour is closed yet"), "{:?}", health.ready());
        for _ in 0..2 {
            health.hour(hour(), &HourResult::NoData { slots: 0 });
            health.hour(hour().next(), &HourResult::NoData { slots: 0 });
            health.tick_ended(Ok(&Collected { no_data: 2, ..Collected::default() }), hour().end());
            let probe = health.ready();
            assert!(!probe.good && probe.reason.contains("no samples of 2 hours"), "{probe:?}");
        }
        assert!(!lag(&health), "nothing is known of a lag");
        health.hour(hour(), &HourResult::Written { rows: 10, bytes: 100 });
        health.tick_ended(Ok(&Collected { newest: Some(hour()), ..Collected::default() }), hour().end());
        assert!(health.ready().good && lag(&health));
        // An hour without data does not undo what is in the lake; the lag tells of it.
        health.hour(hour().next(), &HourResult::NoData { slots: 0 });
        health.tick_ended(Ok(&Collected { no_data: 1, ..Collected::default() }), hour().end());
        assert!(health.ready().good, "{:?}", health.ready());
    }

    #[test]
    fn what_each_exporter_brought_is_told_and_a_vanished_one_is_zero() {
        let health = Health::new("prod");
        let answered = |query: &str, series| {
            health.event(&Event::Answered { query, seconds: 0.1, bytes: 1, series, samples: series });
        };
        let line = |exporter: &str, series: i64| {
            let line = format!("emp_cost_collector_exporter_series{{exporter=\"{exporter}\"}} {series}");
            let text = health.exposition(hour().end());
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        };
        // In two parts.
        for (query, series) in [("node_created", 3), ("container_cpu", 40), ("container_cpu", 2), ("node_cpu", 9)] {
            answered(query, series);
        }
        health.event(&Event::HourReady { seconds: 1.0 });
        for (exporter, series) in [("kube-state-metrics", 3), ("cadvisor", 42), ("node-exporter", 9)] {
            line(exporter, series);
        }
        answered("node_created", 3);
        answered("container_cpu", 0);
        health.hour(hour(), &HourResult::NoData { slots: 0 });
        line("cadvisor", 0);
        // Of an exporter that was not asked for, nothing new is known.
        line("node-exporter", 9);
    }
}
