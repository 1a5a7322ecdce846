//! Where a lake is, as a person writes it.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use types::secret_redaction::without_secrets;

use crate::store::{DirStore, HttpsStore, S3Options, S3Store, Store};

/// A directory, `s3://bucket/prefix` with options for what is written, or a reporting service that keeps the lake.
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
        /// Options of writing.
        options: S3Options,
    },
    /// A reporting service, to which one cluster's collector brings hours.
    Https {
        /// Its URL, without a slash at the end.
        url: String,
        /// The file with the token.
        token_file: PathBuf,
    },
}

/// Why a text names no lake.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{given}` is not a lake; use a directory, s3://bucket/prefix, which may end in ?kms-key=KEY and &tag=NAME=VALUE, or a reporting service as https://host?token-file=FILE{hint}"
)]
pub struct InvalidLakeUri {
    /// The text, without what may be a secret.
    given: String,
    hint: &'static str,
}

/// Said where a location has credentials in it.
const NO_SECRETS: &str = "; leave secrets out of it: those of S3 come from the environment, a profile or a role, and the token of a service from the file";

impl InvalidLakeUri {
    fn of(text: &str) -> Self {
        let given = without_secrets(text);
        let hint = if given == text { "" } else { NO_SECRETS };
        Self { given, hint }
    }
}

impl FromStr for LakeUri {
    type Err = InvalidLakeUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLakeUri::of(text);
        if let Some(rest) = text.strip_prefix("s3://") {
            let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
            let options = query.map_or(Some(S3Options::default()), S3Options::parse).ok_or_else(invalid)?;
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            let prefix = prefix.trim_matches('/');
            let climbs = prefix.split('/').any(|segment| segment == "." || segment == "..");
            if bucket.is_empty() || climbs || prefix.contains("//") || has_credentials(bucket) {
                return Err(invalid());
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned(), options });
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return service(text).ok_or_else(invalid);
        }
        if text.is_empty() || text.contains("://") {
            return Err(invalid());
        }
        Ok(Self::Dir(PathBuf::from(text)))
    }
}

/// Returns whether what stands for a bucket is a key and a secret, or begins with them. No bucket is called so; the ARN of
/// an access point has colons.
fn has_credentials(bucket: &str) -> bool {
    bucket.contains('@') || (bucket.contains(':') && !bucket.starts_with("arn:"))
}

/// Reads `https://host?token-file=FILE`; http is for localhost alone, where nobody listens in.
fn service(text: &str) -> Option<LakeUri> {
    let (url, query) = text.split_once('?')?;
    let token_file = query.strip_prefix("token-file=").filter(|file| !file.is_empty() && !file.contains(['&', '#']))?;
    let parsed = reqwest::Url::parse(url).ok()?;
    let local = matches!(parsed.host_str()?, "localhost" | "127.0.0.1" | "[::1]");
    let has_user = !parsed.username().is_empty() || parsed.password().is_some() || url.contains('@');
    let good = (parsed.scheme() == "https" || local) && !has_user && parsed.fragment().is_none();
    let url = url.trim_end_matches('/').to_owned();
    good.then(|| LakeUri::Https { url, token_file: PathBuf::from(token_file) })
}

impl LakeUri {
    /// Opens the store. Nothing is read yet.
    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Dir(path) => Arc::new(DirStore::new(path)),
            Self::S3 { bucket, prefix, options } => Arc::new(S3Store::connect(bucket, prefix, options.clone()).await),
            Self::Https { url, token_file } => Arc::new(HttpsStore::new(url, token_file.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<LakeUri>) {
        assert_eq!(text.parse().ok(), expect, "{text:?}");
    }

    fn s3(bucket: &str, prefix: &str, options: S3Options) -> Option<LakeUri> {
        Some(LakeUri::S3 { bucket: bucket.into(), prefix: prefix.into(), options })
    }

    #[test]
    fn a_lake_is_a_directory_or_a_bucket() {
        check("s3://b/p/q/", s3("b", "p/q", S3Options::default()));
        check("s3://b", s3("b", "", S3Options::default()));
        check("./lake", Some(LakeUri::Dir("./lake".into())));
        for bad in ["", "s3://", "s3:///p", "gs://b/p", "s3://b/a/../c", "s3://b/a//c"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_lake_may_be_behind_a_service_that_is_asked_with_a_token() {
        let https = |url: &str, file: &str| Some(LakeUri::Https { url: url.into(), token_file: file.into() });
        check("https://cost.example.com?token-file=/t", https("https://cost.example.com", "/t"));
        check("https://cost.example.com/?token-file=t", https("https://cost.example.com", "t"));
        check("http://127.0.0.1:8080?token-file=t", https("http://127.0.0.1:8080", "t"));
        for bad in [
            "https://cost.example.com",
            "https://cost.example.com?token-file=",
            "https://cost.example.com?token=secret",
            "http://cost.example.com?token-file=t",
            "https://user@cost.example.com?token-file=t",
            "https://?token-file=t",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_location_with_a_secret_in_it_is_refused_and_the_secret_not_shown() {
        for text in [
            "https://host?token=hunter2",
            "https://host?token-file=f&token=hunter2",
            "https://u:hunter2@host?token-file=f",
            "https://:hunter2@host?token-file=f",
            "https://host/hunter2@x?token-file=f",
            "https://host?token-file=f#hunter2",
            "s3://KEY:hunter2@bucket/p",
            "s3://KEY:hun/hunter2@bucket/p",
            "s3://hunter2@bucket",
            "s3://bucket/p?secret=hunter2",
            "gs://u:hunter2@bucket",
        ] {
            let error = text.parse::<LakeUri>().unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("leave secrets out"), "{text}: {error}");
        }
        let error = "gs://b/p".parse::<LakeUri>().unwrap_err().to_string();
        assert!(error.contains("`gs://b/p` is not a lake") && !error.contains("secrets"), "{error}");
        check("s3://arn:aws:s3:eu-west-1:111122223333:accesspoint:x", {
            s3("arn:aws:s3:eu-west-1:111122223333:accesspoint:x", "", S3Options::default())
        });
        check("s3://b/p@q", s3("b", "p@q", S3Options::default()));
    }

    #[test]
    fn a_bucket_may_come_with_a_key_and_tags() {
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab";
        let tags = vec![("team".to_owned(), "a b/c".to_owned()), ("stage".to_owned(), String::new())];
        let options = S3Options { kms_key: Some(arn.to_owned()), tags };
        assert_eq!(options.tagging().unwrap(), "team=a%20b%2Fc&stage=");
        check(&format!("s3://b/p?kms-key={arn}&tag=team=a b/c&tag=stage="), s3("b", "p", options));
        assert_eq!(S3Options::default().tagging(), None);
        for bad in [
            "?",
            "?kms-key=",
            "?kms-key=a&kms-key=b",
            "?tag=a",
            "?tag==b",
            "?tag=a=1&tag=a=2",
            "?acl=public",
            "?tag=a=%41",
        ] {
            check(&format!("s3://b/p{bad}"), None);
        }
    }
}
