//! Events while asking, told to whoever keeps count.

use std::sync::Arc;

/// Something that happened while asking.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A query, or a part of one, was answered and read.
    Answered {
        /// Name of the query.
        query: &'a str,
        /// From sending it to the last byte of its answer.
        seconds: f64,
        /// Size of the answer.
        bytes: u64,
        /// Series in it.
        series: i64,
        /// Samples in it.
        samples: i64,
    },
    /// A query, or a part of one, was too much and is asked for in two parts.
    Split {
        /// Name of the query.
        query: &'a str,
        /// Parts of the query known of now.
        parts: usize,
        /// Why: the error, or the budget.
        reason: &'a str,
    },
    /// A query is asked again after a pause.
    Retried {
        /// Name of the query.
        query: &'a str,
        /// Why.
        reason: &'a str,
        /// Pause before that.
        wait_seconds: f64,
    },
    /// The server warned of its own answer.
    Warned {
        /// Name of the query.
        query: &'a str,
        /// The warning.
        warning: &'a str,
    },
    /// Everything of an hour was asked for and encoded.
    HourReady {
        /// From the first query to the last byte encoded.
        seconds: f64,
    },
    /// A query failed for good.
    Failed {
        /// Name of the query.
        query: &'a str,
        /// Why.
        reason: &'a str,
    },
}

/// Who is told.
pub type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Warnings that say nothing about completeness.
///
/// Prometheus 2.48 to 2.55 sent its hints on the query text, such as that a metric might not be a counter, among the
/// warnings; later versions send them as `infos` (source: `util/annotations` of Prometheus). All else counts, above
/// all what Thanos and Mimir say of answers without some of their stores.
pub(super) fn is_harmless(warning: &str) -> bool {
    warning.starts_with("PromQL info: ")
}
