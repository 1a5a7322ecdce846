//! Results of collecting: of one hour, and of a run.

use lake::{CorrectOutcome, LakeError, WriteOutcome};
use types::Hour;

use crate::decode::DecodeError;
use crate::server::QueryError;

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
        /// Message of the program.
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
        "this server holds {count} clusters in {hour} (label `{label}`: {names}), which would be added up as one; name yours with `--prometheus-cluster-label {label}=NAME`, or use a server, or a tenant, of one cluster"
    )]
    ManyClusters {
        /// The label that tells them apart.
        label: String,
        /// Number of them.
        count: usize,
        /// Their names, the first few.
        names: String,
        /// The hour.
        hour: Hour,
    },
    /// Two of a thing of which one cluster has one at a time were there at once.
    #[error(
        "{what} `{name}` is there twice at once in {hour} (`{}` and `{}`), so this server holds more than one cluster, which would be added up as one; put a label on all series of each, name yours with `--prometheus-cluster-label LABEL=NAME`, or use a server, or a tenant, of one cluster", ids[0], ids[1]
    )]
    TwiceAtOnce {
        /// Its kind, such as `node`.
        what: &'static str,
        /// Its name.
        name: String,
        /// Their provider ids, or uids.
        ids: [String; 2],
        /// The hour.
        hour: Hour,
    },
    /// The namespace that every cluster has from its beginning began more than once.
    #[error(
        "namespace `kube-system` was created at {count} moments by the series of {hour}, so this server holds {count} clusters, which would be added up as one; put a label on all series of each, name yours with `--prometheus-cluster-label LABEL=NAME`, or use a server, or a tenant, of one cluster"
    )]
    ManyKubeSystems {
        /// Number of them.
        count: i64,
        /// The hour.
        hour: Hour,
    },
    /// Nodes are in two regions, in which one EKS cluster cannot have any.
    #[error(
        "nodes are in two regions in {hour} (`{}` in {}, `{}` in {}), so this server holds more than one cluster, which would be added up as one; put a label on all series of each, name yours with `--prometheus-cluster-label LABEL=NAME`, or use a server, or a tenant, of one cluster", one.0, one.1, other.0, other.1
    )]
    TwoRegions {
        /// A node and its region.
        one: (String, String),
        /// A node of another.
        other: (String, String),
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
        /// Exporter of the metric.
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
        /// Its exporter.
        exporter: &'static str,
    },
}

/// Outcome of one hour.
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

impl HourResult {
    /// Returns whether the hour was left out for what is in it, which another run is likely to find there again.
    pub fn is_left_out(&self) -> bool {
        match self {
            Self::NoData { slots } => *slots > 0,
            Self::Failed(error) => {
                !matches!(error, CollectError::Query(_) | CollectError::Lake(_) | CollectError::Interrupted(_))
            }
            Self::Written { .. } | Self::Present | Self::Corrected { .. } | Self::Different => false,
        }
    }
}

/// Counts of a run.
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

impl Collected {
    pub(crate) fn count(&mut self, hour: Hour, result: &HourResult) {
        if matches!(
            result,
            HourResult::Written { .. } | HourResult::Corrected { .. } | HourResult::Present | HourResult::Different
        ) {
            self.newest = self.newest.max(Some(hour));
        }
        match result {
            HourResult::Written { rows, bytes } => {
                self.written = self.written.saturating_add(1);
                self.left = self.left.saturating_sub(1);
                self.rows = self.rows.saturating_add(*rows);
                self.bytes = self.bytes.saturating_add(*bytes);
            }
            HourResult::Corrected { rows, bytes } => {
                self.corrected = self.corrected.saturating_add(1);
                self.rows = self.rows.saturating_add(*rows);
                self.bytes = self.bytes.saturating_add(*bytes);
            }
            HourResult::Present => self.present = self.present.saturating_add(1),
            HourResult::Different => self.different = self.different.saturating_add(1),
            HourResult::NoData { slots } => {
                self.no_data = self.no_data.saturating_add(1);
                // Asked for and left out; the server will not have more of it.
                self.left = self.left.saturating_sub(usize::from(*slots > 0));
            }
            HourResult::Failed(_) => self.failed = self.failed.saturating_add(1),
        }
    }
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
