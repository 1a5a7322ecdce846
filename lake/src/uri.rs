//! Where a lake is, as a person writes it.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::store::{DirStore, S3Store, Store};

/// A directory, or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeUri {
    /// A local directory.
    Dir(PathBuf),
    /// A bucket and a prefix, which has no slash at either end and may be empty.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

/// Why a text names no lake.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not a lake; use a directory, or s3://bucket/prefix")]
pub struct InvalidLakeUri {
    given: String,
}

impl FromStr for LakeUri {
    type Err = InvalidLakeUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLakeUri { given: text.to_owned() };
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_matches('/');
            let climbs = prefix.split('/').any(|segment| segment == "." || segment == "..");
            if bucket.is_empty() || climbs || prefix.contains("//") {
                return Err(invalid());
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        }
        if text.is_empty() || text.contains("://") {
            return Err(invalid());
        }
        Ok(Self::Dir(PathBuf::from(text)))
    }
}

impl LakeUri {
    /// Opens the store. Nothing is read yet.
    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Dir(path) => Arc::new(DirStore::new(path)),
            Self::S3 { bucket, prefix } => Arc::new(S3Store::connect(bucket, prefix).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<LakeUri>) {
        assert_eq!(text.parse().ok(), expect, "{text:?}");
    }

    #[test]
    fn a_lake_is_a_directory_or_a_bucket() {
        let s3 = |bucket: &str, prefix: &str| Some(LakeUri::S3 { bucket: bucket.into(), prefix: prefix.into() });
        check("s3://b/p/q/", s3("b", "p/q"));
        check("s3://b", s3("b", ""));
        check("./lake", Some(LakeUri::Dir("./lake".into())));
        for bad in ["", "s3://", "s3:///p", "gs://b/p", "s3://b/a/../c", "s3://b/a//c"] {
            check(bad, None);
        }
    }
}
