//! Why an analysis could not be made.

use lake::LakeError;
use polars::prelude::PolarsError;
use tokio::task::JoinError;
use types::ClusterId;

/// An analysis could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The cluster is not in the lake.
    #[error("no cluster `{cluster}` in lake `{lake}`; {known}")]
    UnknownCluster {
        /// The cluster asked for.
        cluster: ClusterId,
        /// The lake.
        lake: String,
        /// Those that are there, in words.
        known: String,
    },
    /// The window holds no hour that exists.
    #[error("no hours of cluster `{cluster}` from {from} to {to}; the lake holds hours from {first} to {last}")]
    NoHours {
        /// The cluster.
        cluster: ClusterId,
        /// Start of the window.
        from: String,
        /// End of the window.
        to: String,
        /// First date with hours.
        first: String,
        /// Last date with hours.
        last: String,
    },
    /// The lake failed, or an object in it is damaged.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// An object matches its manifest and cannot be read.
    #[error("could not read object `{key}`")]
    Unreadable {
        /// Key of the object.
        key: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A pipeline over the hours failed.
    #[error("could not sum the hours of {date}")]
    Pipeline {
        /// The day.
        date: String,
        /// Why.
        source: PolarsError,
    },
    /// Something in a day makes this program fail.
    #[error(
        "something in the hours of {date} makes this program fail: {reason}; leave that day out with --from and --to, and report this with the version"
    )]
    Fault {
        /// The day.
        date: String,
        /// Message of the program.
        reason: String,
    },
    /// A task died.
    #[error("a task of the analysis died")]
    Task(#[from] JoinError),
}
