//! The counters and gauges of a collector.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};

use chrono::{DateTime, Utc};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::collection_results::HourResult;
use crate::server::Event;

/// Upper edges of the buckets for durations, in seconds: from an answer out of a cache to the time-out of a query.
const SECONDS: [f64; 12] = [0.01, 0.03, 0.1, 0.3, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQuery {
    query: String,
}

/// Beginning of the line of the lag.
const LAG: &str = "emp_cost_collector_lag_hours ";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByExporter {
    exporter: &'static str,
}

/// Everything the collector counts of itself.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    hours: Family<ByOutcome, Counter>,
    rows: Counter,
    bytes: Counter,
    queries: Family<ByQuery, Counter>,
    query_seconds: Histogram,
    hour_seconds: Histogram,
    tick_seconds: Histogram,
    response_bytes: Counter,
    samples: Counter,
    splits: Family<ByQuery, Counter>,
    retries: Family<ByQuery, Counter>,
    failed_queries: Family<ByQuery, Counter>,
    warnings: Family<ByQuery, Counter>,
    failed_ticks: Counter,
    last_success: Gauge<i64, AtomicI64>,
    lag_hours: Gauge<f64, AtomicU64>,
    missing_hours: Gauge<i64, AtomicI64>,
    exporter_series: Family<ByExporter, Gauge<i64, AtomicI64>>,
}

impl Metrics {
    pub(super) fn new(cluster: &str) -> Self {
        let durations = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("emp_cost_collector"),
            hours: Family::default(),
            rows: Counter::default(),
            bytes: Counter::default(),
            queries: Family::default(),
            query_seconds: durations(),
            hour_seconds: durations(),
            tick_seconds: durations(),
            response_bytes: Counter::default(),
            samples: Counter::default(),
            splits: Family::default(),
            retries: Family::default(),
            failed_queries: Family::default(),
            warnings: Family::default(),
            failed_ticks: Counter::default(),
            last_success: Gauge::default(),
            lag_hours: Gauge::default(),
            missing_hours: Gauge::default(),
            exporter_series: Family::default(),
        };
        metrics.register(cluster);
        metrics
    }

    fn register(&mut self, cluster: &str) {
        let r = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("cluster", cluster.to_owned())]);
        r.register("build", "Version of the collector, and the cluster it collects", build);
        r.register("hours", "Hours handled, by what became of them", self.hours.clone());
        r.register("rows_written", "Rows written to the lake", self.rows.clone());
        r.register("bytes_written", "Bytes written to the lake", self.bytes.clone());
        r.register("queries", "Queries answered, by name", self.queries.clone());
        r.register("query_duration_seconds", "Time from sending a query to its last byte", self.query_seconds.clone());
        r.register(
            "hour_duration_seconds",
            "Time from the first query of an hour to its last encoded byte",
            self.hour_seconds.clone(),
        );
        r.register("tick_duration_seconds", "Time of one run over what is missing", self.tick_seconds.clone());
        r.register("response_bytes", "Bytes of answers", self.response_bytes.clone());
        r.register("samples", "Samples received", self.samples.clone());
        r.register("splits", "Queries that had to be asked in parts, by name", self.splits.clone());
        r.register("retries", "Queries asked again after a pause, by name", self.retries.clone());
        r.register("failed_queries", "Queries that failed for good, by name", self.failed_queries.clone());
        r.register("warnings", "Warnings of the server, by query", self.warnings.clone());
        r.register("failed_ticks", "Runs that ended before their hours were through", self.failed_ticks.clone());
        r.register(
            "last_success_timestamp_seconds",
            "When a run last ended without a failed hour; 0 before the first",
            self.last_success.clone(),
        );
        r.register(
            "lag_hours",
            "Hours since the end of the newest hour in the lake; no value before one is known",
            self.lag_hours.clone(),
        );
        r.register(
            "missing_hours",
            "Hours of the reach that the server has and the lake has not",
            self.missing_hours.clone(),
        );
        r.register(
            "exporter_series",
            "Series that each exporter brought in the hour last asked for, by which its presence shows",
            self.exporter_series.clone(),
        );
    }

    pub(super) fn hour(&self, result: &HourResult) {
        let outcome = match result {
            HourResult::Written { rows, bytes } => {
                self.rows.inc_by(*rows);
                self.bytes.inc_by(*bytes);
                "written"
            }
            HourResult::Corrected { rows, bytes } => {
                self.rows.inc_by(*rows);
                self.bytes.inc_by(*bytes);
                "corrected"
            }
            HourResult::Present => "present",
            HourResult::Different => "different",
            HourResult::NoData { .. } => "no_data",
            HourResult::Failed(_) => "failed",
        };
        self.hours.get_or_create(&ByOutcome { outcome }).inc();
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        let by_query = |query: &str| ByQuery { query: query.to_owned() };
        match event {
            Event::Answered { query, seconds, bytes, samples, .. } => {
                self.queries.get_or_create(&by_query(query)).inc();
                self.query_seconds.observe(*seconds);
                self.response_bytes.inc_by(*bytes);
                self.samples.inc_by(u64::try_from(*samples).unwrap_or_default());
            }
            Event::Split { query, .. } => drop(self.splits.get_or_create(&by_query(query)).inc()),
            Event::Retried { query, .. } => drop(self.retries.get_or_create(&by_query(query)).inc()),
            Event::Warned { query, .. } => drop(self.warnings.get_or_create(&by_query(query)).inc()),
            Event::HourReady { seconds } => self.hour_seconds.observe(*seconds),
            Event::Failed { query, .. } => drop(self.failed_queries.get_or_create(&by_query(query)).inc()),
        }
    }

    pub(super) fn succeeded(&self, now: DateTime<Utc>) {
        self.last_success.set(now.timestamp());
    }

    pub(super) fn tick_failed(&self) {
        self.failed_ticks.inc();
    }

    pub(super) fn missing_hours(&self, hours: usize) {
        self.missing_hours.set(i64::try_from(hours).unwrap_or(i64::MAX));
    }

    pub(super) fn exporter_series(&self, series: BTreeMap<&'static str, i64>) {
        for (exporter, series) in series {
            self.exporter_series.get_or_create(&ByExporter { exporter }).set(series);
        }
    }

    pub(super) fn lag_hours(&self, seconds: i64) {
        #[expect(clippy::as_conversions, reason = "seconds of a few years")]
        self.lag_hours.set(seconds as f64 / 3600.0);
    }

    /// A run over what is missing took `seconds`.
    pub fn tick_took(&self, seconds: f64) {
        self.tick_seconds.observe(seconds);
    }

    /// Without a lag where none is known: 0 would say that there is none.
    pub(super) fn exposition(&self, lag_is_known: bool) -> String {
        let mut exposition = String::new();
        // Writing to a string does not fail.
        let _infallible = text::encode(&mut exposition, &self.registry);
        if !lag_is_known {
            let lines = exposition.split_inclusive('\n').filter(|line| !line.starts_with(LAG));
            exposition = lines.collect();
        }
        exposition
    }
}
