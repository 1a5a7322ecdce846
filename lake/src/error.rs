//! Why the lake could not be written or read.

use types::{ClusterId, Hour};

use crate::manifest_ownership::ForeignObject;
use crate::parquet_encoding::DecodeError;
use crate::store::StoreError;

/// Why the lake could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object is not what its manifest says.
    #[error(
        "object `{key}` is damaged: its content does not match its manifest; restore it from a copy, or delete it and `{manifest}` and collect the hour again"
    )]
    Damaged {
        /// Key of the object.
        key: String,
        /// Key of the manifest that names it.
        manifest: String,
    },
    /// An object matches its manifest and still cannot be read.
    #[error("could not decode object `{key}`")]
    Decode {
        /// Key of the object.
        key: String,
        /// Why.
        source: DecodeError,
    },
    /// A manifest cannot be read.
    #[error("manifest `{key}` is not one this version reads")]
    Manifest {
        /// Key of the manifest.
        key: String,
        /// Why, when it is not JSON of the expected shape.
        source: Option<serde_json::Error>,
    },
    /// A manifest names an object that is not of its cluster and day.
    #[error(transparent)]
    Foreign(#[from] ForeignObject),
    /// Too many attempts left objects without a manifest.
    #[error("object `{key}` and twenty revisions of it exist without a manifest; delete them")]
    Abandoned {
        /// Key of the first.
        key: String,
    },
    /// Others wrote the same day each time this one was about to.
    #[error("other writers were quicker with `{key}` five times; compact again, once they are done")]
    Raced {
        /// Key of the day's manifest.
        key: String,
    },
    /// A manifest has a number that nobody gets to by counting.
    #[error(
        "manifest `{key}` has the greatest number there is, so that no revision can follow it; nobody of ours wrote that: find out who did, then delete it"
    )]
    LastRevision {
        /// Key of the manifest.
        key: String,
    },
    /// Two rows of one hour have the same key, or rows could not be encoded.
    #[error("could not encode table `{table}`: {reason}")]
    Encode {
        /// The table.
        table: &'static str,
        /// Why.
        reason: String,
    },
    /// An hour that was listed has no manifest any more.
    #[error("hour {hour} of cluster `{cluster}` is not in the lake any more; it was removed while it was to be read")]
    Gone {
        /// The cluster.
        cluster: ClusterId,
        /// The hour.
        hour: Hour,
    },
    /// An object holds columns of a later version, which a rewrite by this one would lose.
    #[error("object `{key}` has a column `{column}` this version does not know; compact the day with a newer version")]
    Newer {
        /// Key of the object.
        key: String,
        /// The column.
        column: String,
    },
    /// A day object does not hold what the manifests of its hours say.
    #[error(
        "day object `{key}` does not hold what the manifests of its hours say: {reason}; keep the hours, and report this"
    )]
    DayDiffers {
        /// Key of the object.
        key: String,
        /// The difference.
        reason: String,
    },
    /// The thread that merges died.
    #[error("the thread that merges died; this is a fault of the program, and the lake is as it was")]
    Died,
    /// A task died.
    #[error("a task of the lake died")]
    Task(#[from] tokio::task::JoinError),
}

impl LakeError {
    /// Returns whether an object or manifest is not there; a reader that follows an older listing looks again.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Store(StoreError::NotFound { .. }) | Self::Gone { .. })
    }
}
