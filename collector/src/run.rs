//! Collecting: which hours, one after another, and what became of each.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use lake::{CorrectOutcome, EncodedHour, Lake, LakeError, WriteOutcome};
use tokio::task::JoinHandle;
use types::window::HOUR_SECONDS;
use types::{ClusterId, Hour, Window};

use crate::ask::{ask, check_server};
use crate::decode::{DecodeError, decode};
use crate::dialect::Dialect;
use crate::queries;
use crate::schedule;
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
    /// Something in the hour makes this program fail.
    #[error(
        "hour {hour} was left out, because something in it makes this program fail: {reason}; other hours are collected. Please report this, with the version"
    )]
    Fault {
        /// The hour.
        hour: Hour,
        /// What the program said.
        reason: String,
    },
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
        "this server holds {count} clusters (label `{label}`: {names}), which would be added up as one; name yours with `--prometheus-cluster-label {label}=NAME`, or use a server, or a tenant, of one cluster"
    )]
    ManyClusters {
        /// The label that tells them apart.
        label: String,
        /// How many.
        count: usize,
        /// Their names, the first few.
        names: String,
    },
    /// Two of a thing of which one cluster has one at a time were there at once.
    #[error(
        "{what} `{name}` is there twice at once in {hour} (`{}` and `{}`), so this server holds more than one cluster, which would be added up as one; put a label on all series of each, name yours with `--prometheus-cluster-label LABEL=NAME`, or use a server, or a tenant, of one cluster", ids[0], ids[1]
    )]
    TwiceAtOnce {
        /// What it is, such as `node`.
        what: &'static str,
        /// Its name.
        name: String,
        /// Their provider ids, or uids.
        ids: [String; 2],
        /// The hour.
        hour: Hour,
    },
    /// A metric that an hour needs has series, and none with the label of the cluster.
    #[error(
        "`{metric}` has no series with {label}=`{value}` in {hour} and has others, so the hour was not written; every series of the cluster needs that label: add it to the job that scrapes {exporter} too"
    )]
    MissingLabelled {
        /// The metric.
        metric: &'static str,
        /// The label.
        label: String,
        /// Its value.
        value: String,
        /// The hour.
        hour: Hour,
        /// What exposes the metric.
        exporter: &'static str,
    },
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
    /// It was in the lake with something missing, and a better answer now stands beside that one.
    Corrected {
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
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
    /// Hours that were there with something missing, and of which more is known now.
    pub corrected: u32,
    /// Hours that were there with other content.
    pub different: u32,
    /// Hours the server has too little of.
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
    /// Hours the server has and the lake has not, after the run.
    pub left: usize,
    /// The newest hour of the window that is in the lake.
    pub newest: Option<Hour>,
}

/// What bounds a run beside its window. The default bounds nothing.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Hours asked for at most.
    pub most: Option<usize>,
    /// Set from outside to end the run after the hour it is at.
    pub stop: Arc<AtomicBool>,
}

/// How often an hour of which something is missing is asked for again: what the server did not have an hour later it may
/// have had an outage for, and will not have.
const MOST_REPAIRS: u32 = 3;

/// Missing hours from which on the server is first asked which of them it has samples of: one query then spares two an
/// hour that it knows nothing of, at every run.
const WORTH_ASKING: usize = 3;

/// Collects the hours of `window` that are not in the lake yet, the newest first, then the oldest; each is told to `each`.
/// Hours that are there with something missing are asked for again, after all others and a bounded number of times.
///
/// While one hour is written, the next is asked for: still one query at a time. A failed hour does not
/// stop the others, unless [`MOST_FAILURES`] in a row fail. An hour is in the lake whole or not at all.
///
/// # Errors
/// [`CollectError::Lake`] when the lake cannot be listed, [`CollectError::Query`] when the server is gone or keeps
/// failing, [`CollectError::ManyClusters`] when what it holds is not one cluster's.
pub async fn collect(
    server: &Server,
    lake: &Lake,
    cluster: &ClusterId,
    window: Window,
    settings: &Settings,
    bounds: &Bounds,
    each: &mut (dyn FnMut(Hour, &HourResult) + Send),
) -> Result<Collected, CollectError> {
    let mut collected = Collected::default();
    let mut told = |hour: Hour, result: &HourResult, collected: &mut Collected| {
        collected.count(hour, result);
        each(hour, result);
    };
    let standing = lake.standing(cluster, window).await?;
    let present: BTreeSet<Hour> = standing.present.into_iter().collect();
    for hour in &present {
        told(*hour, &HourResult::Present, &mut collected);
    }
    let unknown = unknown_hours(server, window, &present, settings, &mut collected).await?;
    for hour in &unknown {
        told(*hour, &HourResult::NoData { slots: 0 }, &mut collected);
    }
    let settled = present.union(&unknown).copied().collect();
    let missing = schedule::plan(window, &settled);
    collected.left = missing.len();
    let repairs =
        standing.incomplete.into_iter().filter(|hour| hour.tries < MOST_REPAIRS).map(|hour| (hour.hour, Kind::Repair));
    let missing = missing.into_iter().map(|hour| (hour, Kind::Missing));
    let hours: Vec<_> = missing.chain(repairs).take(bounds.most.unwrap_or(usize::MAX)).collect();
    let dialect = match hours.first() {
        Some((newest, _)) => check_server(server, *newest, settings).await?,
        None => Dialect::default(),
    };
    let mut failures_in_a_row = 0;
    let mut writing: Option<(Hour, JoinHandle<HourResult>)> = None;
    let mut gave_up = None;
    for (hour, kind) in hours {
        if bounds.stop.load(Ordering::Relaxed) {
            break;
        }
        let asking = ask(server, cluster, hour, settings, &dialect, &mut collected);
        let asked = caught(asking).await.unwrap_or_else(|reason| {
            // One hour that nobody foresaw must not keep all that come after it out of the lake.
            Err(HourResult::Failed(CollectError::Fault { hour, reason }))
        });
        if let Some((before, write)) = writing.take() {
            told(before, &finished(before, write).await, &mut collected);
        }
        match asked {
            Ok(encoded) => {
                failures_in_a_row = 0;
                writing = Some((hour, spawn_write(lake, kind, encoded)));
            }
            // What is in the lake stays; the server has less of it than it had.
            Err(HourResult::NoData { .. }) if kind == Kind::Repair => {}
            Err(result) => {
                told(hour, &result, &mut collected);
                match result {
                    HourResult::Failed(error @ CollectError::Query(_)) => {
                        failures_in_a_row += 1;
                        let gone = matches!(error, CollectError::Query(QueryError::Unreachable { .. }));
                        if gone || failures_in_a_row == MOST_FAILURES {
                            gave_up = Some(error);
                            break;
                        }
                    }
                    _ => failures_in_a_row = 0,
                }
            }
        }
    }
    if let Some((hour, write)) = writing {
        told(hour, &finished(hour, write).await, &mut collected);
    }
    gave_up.map_or(Ok(collected), Err)
}

/// The missing hours of which the server has no sample at all: before its retention, or in an outage. When it has no
/// sample of any, the newest few are asked for all the same, because then the reason may be another, which that tells.
async fn unknown_hours(
    server: &Server,
    window: Window,
    present: &BTreeSet<Hour>,
    settings: &Settings,
    collected: &mut Collected,
) -> Result<BTreeSet<Hour>, CollectError> {
    let missing: BTreeSet<Hour> = window.hours().filter(|hour| !present.contains(hour)).collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(BTreeSet::new()) };
    if missing.len() <= WORTH_ASKING {
        return Ok(BTreeSet::new());
    }
    let mut known = BTreeSet::new();
    let promql = queries::hours_known(settings);
    let mut from = *first;
    while from <= *last {
        let to = from.plus(POINTS_AT_ONCE - 1).min(*last);
        let bounds = (from.end_seconds(), to.end_seconds());
        for body in server.ask_spans("hours_known", &promql, bounds, HOUR_SECONDS).await? {
            collected.queries += 1;
            let unreadable = |source| CollectError::Answer { query: "hours_known".to_owned(), hour: from, source };
            let answer = decode(&body, &[], &mut |series| {
                known.extend(series.points.iter().filter_map(|(ms, _)| Hour::starting_at(ms / 1000 - HOUR_SECONDS)));
            });
            collected.samples += answer.map_err(unreadable)?.samples;
        }
        from = to.next();
    }
    if known.is_empty() {
        return Ok(missing.into_iter().rev().skip(WORTH_ASKING).collect());
    }
    Ok(missing.difference(&known).copied().collect())
}

/// Points asked for in one range query: a server gives 11,000 at most.
const POINTS_AT_ONCE: i64 = 10_000;

impl Collected {
    fn count(&mut self, hour: Hour, result: &HourResult) {
        if matches!(
            result,
            HourResult::Written { .. } | HourResult::Corrected { .. } | HourResult::Present | HourResult::Different
        ) {
            self.newest = self.newest.max(Some(hour));
        }
        match result {
            HourResult::Written { rows, bytes } => {
                self.written += 1;
                self.left = self.left.saturating_sub(1);
                self.rows += rows;
                self.bytes += bytes;
            }
            HourResult::Corrected { rows, bytes } => {
                self.corrected += 1;
                self.rows += rows;
                self.bytes += bytes;
            }
            HourResult::Present => self.present += 1,
            HourResult::Different => self.different += 1,
            HourResult::NoData { slots } => {
                self.no_data += 1;
                // Asked for and left out; the server will not have more of it.
                self.left = self.left.saturating_sub(usize::from(*slots > 0));
            }
            HourResult::Failed(_) => self.failed += 1,
        }
    }
}

fn spawn_write(lake: &Lake, kind: Kind, encoded: EncodedHour) -> JoinHandle<HourResult> {
    let lake = lake.clone();
    tokio::spawn(async move {
        let result = match kind {
            Kind::Missing => lake.write_encoded(encoded).await.map(HourResult::from),
            Kind::Repair => lake.correct_encoded(encoded).await.map(HourResult::from),
        };
        result.unwrap_or_else(|error| HourResult::Failed(error.into()))
    })
}

/// Why an hour is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is not in the lake.
    Missing,
    /// It is, and something of it is missing.
    Repair,
}

impl From<WriteOutcome> for HourResult {
    fn from(outcome: WriteOutcome) -> Self {
        match outcome {
            WriteOutcome::Written { rows, bytes } => Self::Written { rows, bytes },
            WriteOutcome::Same => Self::Present,
            WriteOutcome::Different => Self::Different,
        }
    }
}

impl From<CorrectOutcome> for HourResult {
    fn from(outcome: CorrectOutcome) -> Self {
        match outcome {
            CorrectOutcome::Written { rows, bytes } => Self::Written { rows, bytes },
            CorrectOutcome::Corrected { rows, bytes, .. } => Self::Corrected { rows, bytes },
            CorrectOutcome::NotBetter => Self::Present,
        }
    }
}

async fn finished(hour: Hour, write: JoinHandle<HourResult>) -> HourResult {
    write.await.unwrap_or_else(|error| {
        HourResult::Failed(match error.try_into_panic() {
            Ok(panic) => CollectError::Fault { hour, reason: words(&*panic) },
            Err(error) => CollectError::Interrupted(error.to_string()),
        })
    })
}

/// What a future gives, or what it said when it panicked. Nothing of it is used after that.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(words(&*panic))),
        }
    })
    .await
}

/// The words of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it did not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_what_panicked_and_says_its_words() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let late = async {
            tokio::task::yield_now().await;
            let words: Result<u8, std::num::ParseIntError> = "x".parse();
            words.unwrap_or_else(|_| panic!("a number"))
        };
        assert_eq!(caught(late).await, Err("a number".to_owned()));
    }
}
