//! Metrics of the service itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the time a request takes, in seconds.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0];

/// Which requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Requests {
    /// The route as it is written, never the path that was asked for.
    pub route: &'static str,
    /// The method.
    pub method: String,
    /// The status.
    pub status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// The metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Requests, Counter>,
    seconds: Family<Route, Histogram>,
    /// Objects that collectors brought.
    pub ingested: Counter,
    /// Bytes of them.
    pub ingested_bytes: Counter,
    /// Objects that were refused.
    pub ingest_refused: Counter,
    /// Gauge of what-ifs that wait or run, as the last look at the queue found them.
    pub jobs_open: Gauge,
    /// Alerts that fire, as this replica's last look found them.
    pub alerts_firing: Gauge,
    /// Messages about alerts that arrived.
    pub alert_messages: Counter,
    /// Messages about alerts that did not.
    pub alert_messages_failed: Counter,
    /// Without labels; a family has no series until something is known.
    reports_unread: Family<Vec<(String, String)>, Gauge>,
}

fn durations() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("emp_cost_service");
        let (requests, ingested, ingested_bytes) = (Family::default(), Counter::default(), Counter::default());
        let (ingest_refused, jobs_open) = (Counter::default(), Gauge::default());
        let seconds: Family<Route, Histogram> = Family::new_with_constructor(durations);
        registry.register("requests", "Requests answered", Family::clone(&requests));
        registry.register_with_unit("request", "Time until the answer began", Unit::Seconds, seconds.clone());
        registry.register("ingested_objects", "Objects accepted from collectors", ingested.clone());
        registry.register_with_unit("ingested", "Bytes of them", Unit::Bytes, ingested_bytes.clone());
        registry.register("ingest_refused", "Objects refused", ingest_refused.clone());
        registry.register("jobs_open", "What-ifs that wait or run", jobs_open.clone());
        let (alerts_firing, alert_messages, alert_messages_failed) =
            (Gauge::default(), Counter::default(), Counter::default());
        registry.register("alerts_firing", "Alerts that fire", alerts_firing.clone());
        registry.register("alert_messages", "Messages about alerts that arrived", alert_messages.clone());
        registry.register(
            "alert_messages_failed",
            "Messages about alerts that a server did not take",
            alert_messages_failed.clone(),
        );
        let reports_unread: Family<Vec<(String, String)>, Gauge> = Family::default();
        registry.register(
            "reports_unreadable",
            "Clusters whose latest report cannot be read, as the last look found it",
            reports_unread.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            ingested,
            ingested_bytes,
            ingest_refused,
            jobs_open,
            alerts_firing,
            alert_messages,
            alert_messages_failed,
            reports_unread,
        }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn answered(&self, route: &'static str, method: &str, status: u16, seconds: f64) {
        // A method that nobody has must not become a series.
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE"];
        let method = if known.contains(&method) { method } else { "OTHER" };
        self.requests.get_or_create(&Requests { route, method: method.to_owned(), status }).inc();
        self.seconds.get_or_create(&Route { route }).observe(seconds);
    }

    /// Says how many clusters have a report that cannot be read.
    pub fn reports_unread(&self, clusters: i64) {
        self.reports_unread.get_or_create(&Vec::new()).set(clusters);
    }

    /// All of it as OpenMetrics text.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}
