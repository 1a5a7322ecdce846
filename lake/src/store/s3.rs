//! EDGE: a lake in an S3 bucket, or in any server that speaks S3 and honours conditional writes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use bytes::Bytes;
use std::time::Duration;

use super::{PutOutcome, Store, StoreError};

/// How long one attempt may take before it is retried: objects are a few megabytes at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a conflicting conditional write is tried again; each time another writer was mid-flight.
const CONFLICT_TRIES: u32 = 5;

/// Objects in a bucket below a prefix.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Store {
    /// The lake at `s3://bucket/prefix`, with credentials, region and endpoint from the default chain:
    /// environment, profile, web identity, Pod Identity, instance metadata.
    ///
    /// A server other than AWS is named by `AWS_ENDPOINT_URL`; it is then addressed by path.
    pub async fn connect(bucket: &str, prefix: &str) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let shared = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        let by_path = shared.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(by_path).build();
        Self::with_client(Client::from_conf(config), bucket, prefix)
    }

    /// The lake at `s3://bucket/prefix`, through a client that is configured already.
    pub fn with_client(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    fn full_key(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    fn failed<E>(&self, action: &'static str, permission: &str, key: &str, error: SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let hint = match (&error, error.code()) {
            (_, Some("AccessDenied")) => format!("; the identity in use needs `{permission}` there"),
            (_, Some("NoSuchBucket")) => "; the bucket does not exist".to_owned(),
            (_, Some("PermanentRedirect" | "AuthorizationHeaderMalformed")) => {
                "; the bucket is in another region: set AWS_REGION to it".to_owned()
            }
            (SdkError::DispatchFailure(failure), _) if failure.is_other() => {
                "; set AWS_REGION, and credentials the AWS SDK can find".to_owned()
            }
            _ => String::new(),
        };
        StoreError::Failed { action, key: key.to_owned(), store: self.location(), hint, source: Box::new(error) }
    }

    async fn put_once(&self, key: &str, object: Bytes) -> Result<PutOutcome, SdkError<PutObjectError>> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.full_key(key));
        let request = request.if_none_match("*").body(object.into());
        match request.send().await {
            Ok(_) => Ok(PutOutcome::Created),
            Err(error) if status(&error) == Some(412) => Ok(PutOutcome::Exists),
            Err(error) => Err(error),
        }
    }
}

/// The HTTP status of an answer that is an error.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let response = self.client.get_object().bucket(&self.bucket).key(self.full_key(key)).send().await;
        let object = response.map_err(|error| match error.as_service_error() {
            Some(GetObjectError::NoSuchKey(_)) => StoreError::NotFound { key: key.to_owned(), store: self.location() },
            _ => self.failed("read", "s3:GetObject", key, error),
        })?;
        let body = object.body.collect().await.map_err(|error| StoreError::Failed {
            action: "read",
            key: key.to_owned(),
            store: self.location(),
            hint: String::new(),
            source: Box::new(error),
        })?;
        Ok(body.into_bytes())
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.put_once(key, object.clone()).await {
                // 409: another conditional write of this key is under way; its outcome decides ours.
                Err(error) if status(&error) == Some(409) && tries < CONFLICT_TRIES => {
                    tokio::time::sleep(Duration::from_millis(100) * tries).await;
                }
                outcome => return outcome.map_err(|error| self.failed("write", "s3:PutObject", key, error)),
            }
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(self.full_key(prefix));
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("list", "s3:ListBucket", prefix, error))?;
            let full_keys = page.contents().iter().filter_map(|object| object.key());
            let below = self.full_key("");
            keys.extend(full_keys.filter_map(|key| key.strip_prefix(&below)).map(ToOwned::to_owned));
        }
        keys.sort_unstable();
        Ok(keys)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let full = self.full_key(prefix);
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&full).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut names = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("list", "s3:ListBucket", prefix, error))?;
            let folders = page.common_prefixes().iter().filter_map(|common| common.prefix());
            let objects = page.contents().iter().filter_map(|object| object.key());
            let rests = folders.chain(objects).filter_map(|key| key.strip_prefix(&full));
            names.extend(rests.map(|rest| rest.trim_end_matches('/').to_owned()));
        }
        Ok(names.into_iter().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(self.full_key(key)).send().await;
        deleted.map(|_| ()).map_err(|error| self.failed("delete", "s3:DeleteObject", key, error))
    }

    fn location(&self) -> String {
        if self.prefix.is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{}", self.bucket, self.prefix)
        }
    }
}
