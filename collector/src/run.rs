//! Collecting: which hours, one after another, and what became of each.

use lake::manifest::Source;
use lake::{HourOrigin, Lake, LakeError, WriteOutcome};
use tokio::task::JoinHandle;
use types::{ClusterId, Hour, Window};

use crate::ask::{Asked, ask, check_server};
use crate::decode::DecodeError;
use crate::queries;
use crate::server::{QueryError, Server};
use crate::settings::Settings;

/// Hours in a row whose queries fail before a run gives up: the server has a trouble that is not one hour's.
const MOST_FAILURES: u32 = 3;

/// Why an hour was not collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The server gave no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The server's answer cannot be read.
    #[error("could not read the answer to query `{query}` for {hour}")]
    Answer {
        /// Name of the query.
        query: String,
        /// The hour.
        hour: Hour,
        /// Why.
        source: DecodeError,
    },
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The write was cut off.
    #[error("writing was interrupted: {0}")]
    Interrupted(String),
    /// The series of a metric lack a label without which they cannot be told apart.
    #[error(
        "the series of `{metric}` have no `{label}` label in {hour}, so the hour was not written; check the relabeling of the scrape job"
    )]
    MissingLabel {
        /// The metric.
        metric: &'static str,
        /// The label.
        label: &'static str,
        /// The hour.
        hour: Hour,
    },
    /// The server holds several clusters.
    #[error(
        "this server holds {count} clusters (label `cluster`: {names}), which would be added up as one; use a server, or a tenant, of one cluster"
    )]
    ManyClusters {
        /// How many.
        count: usize,
        /// Their names, the first few.
        names: String,
    },
    /// The server renamed the labels of kube-state-metrics.
    #[error(
        "the pods of kube-state-metrics are in `exported_pod`, so every pod would look like its own; set `honor_labels: true` in the job that scrapes it"
    )]
    Renamed,
    /// A metric without which an hour says nothing has no series, although others have.
    #[error(
        "`{metric}` has no series in {hour}, so the hour was not written; check that Prometheus scrapes {exporter}"
    )]
    Missing {
        /// The metric.
        metric: &'static str,
        /// The hour.
        hour: Hour,
        /// What exposes it.
        exporter: &'static str,
    },
}

/// What became of one hour.
#[derive(Debug)]
pub enum HourResult {
    /// It is new in the lake.
    Written {
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
    /// It was in the lake already.
    Present,
    /// It was in the lake with other content, which stays.
    Different,
    /// The server has samples in too few of its slots: it lies before what is retained, or in an outage.
    NoData {
        /// Slots with samples of both kube-state-metrics and cAdvisor, of twelve.
        slots: usize,
    },
    /// It could not be collected.
    Failed(CollectError),
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Hours written.
    pub written: u32,
    /// Hours that were there.
    pub present: u32,
    /// Hours that were there with other content.
    pub different: u32,
    /// Hours the server knows nothing of.
    pub no_data: u32,
    /// Hours that failed.
    pub failed: u32,
    /// Rows written.
    pub rows: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Queries sent.
    pub queries: u64,
    /// Samples received.
    pub samples: i64,
}

/// Collects every hour of `window` that is not in the lake yet, oldest first; each is told to `each`.
///
/// While one hour is encoded and written, the next is asked for: still one query at a time. A failed hour does not
/// stop the others, unless [`MOST_FAILURES`] in a row fail. An hour is in the lake whole or not at all.
///
/// # Errors
/// [`CollectError::Lake`] when the lake cannot be listed, [`CollectError::Query`] when the server is gone or keeps
/// failing, [`CollectError::ManyClusters`] and [`CollectError::Renamed`] when what it holds is not one cluster's.
pub async fn collect(
    server: &Server,
    lake: &Lake,
    cluster: &ClusterId,
    window: Window,
    settings: &Settings,
    each: &mut (dyn FnMut(Hour, &HourResult) + Send),
) -> Result<Collected, CollectError> {
    let present = lake.hours(cluster, window).await?;
    if let Some(hour) = window.hours().rfind(|hour| present.binary_search(hour).is_err()) {
        check_server(server, hour).await?;
    }
    let mut failures_in_a_row = 0;
    let mut collected = Collected::default();
    let mut writing: Option<(Hour, JoinHandle<HourResult>)> = None;
    for hour in window.hours() {
        let asked = match present.binary_search(&hour) {
            Ok(_) => Err(HourResult::Present),
            Err(_) => ask(server, hour, settings, &mut collected).await,
        };
        if let Some((before, write)) = writing.take() {
            let result = finished(write).await;
            collected.count(&result);
            each(before, &result);
        }
        match asked {
            Ok(asked) => writing = Some((hour, spawn_write(server, lake, cluster, hour, asked))),
            Err(result) => {
                collected.count(&result);
                each(hour, &result);
                match result {
                    HourResult::Failed(error @ CollectError::Query(QueryError::Unreachable { .. })) => {
                        return Err(error);
                    }
                    HourResult::Failed(error @ CollectError::Query(_)) => {
                        failures_in_a_row += 1;
                        if failures_in_a_row == MOST_FAILURES {
                            return Err(error);
                        }
                    }
                    _ => failures_in_a_row = 0,
                }
            }
        }
    }
    if let Some((hour, write)) = writing {
        let result = finished(write).await;
        collected.count(&result);
        each(hour, &result);
    }
    Ok(collected)
}

impl Collected {
    fn count(&mut self, result: &HourResult) {
        match result {
            HourResult::Written { rows, bytes } => {
                self.written += 1;
                self.rows += rows;
                self.bytes += bytes;
            }
            HourResult::Present => self.present += 1,
            HourResult::Different => self.different += 1,
            HourResult::NoData { .. } => self.no_data += 1,
            HourResult::Failed(_) => self.failed += 1,
        }
    }
}

fn spawn_write(server: &Server, lake: &Lake, cluster: &ClusterId, hour: Hour, asked: Asked) -> JoinHandle<HourResult> {
    let origin = HourOrigin {
        source: Source::Prometheus,
        server: server.describe(),
        query_set: queries::query_set(),
        faults: asked.faults,
    };
    let (lake, cluster) = (lake.clone(), cluster.clone());
    tokio::spawn(async move {
        match lake.write_hour(&cluster, hour, asked.rows, origin).await {
            Ok(WriteOutcome::Written { rows, bytes }) => HourResult::Written { rows, bytes },
            Ok(WriteOutcome::Same) => HourResult::Present,
            Ok(WriteOutcome::Different) => HourResult::Different,
            Err(error) => HourResult::Failed(error.into()),
        }
    })
}

async fn finished(write: JoinHandle<HourResult>) -> HourResult {
    write.await.unwrap_or_else(|error| HourResult::Failed(CollectError::Interrupted(error.to_string())))
}
