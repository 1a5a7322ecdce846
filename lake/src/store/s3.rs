//! EDGE: a lake in an S3 bucket, or in any server that speaks S3 and honours conditional writes.

mod caller_identity;
mod error_remedies;
mod write_options;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::types::ServerSideEncryption;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::store_contract::{CONDITION_PROBE, CONDITION_TEXT, PutOutcome, Store, StoreError};
pub use caller_identity::provider_name;
use caller_identity::{Identity, Observed};
use error_remedies::{Attempt, Refusal};
pub use write_options::S3Options;

/// Longest time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one attempt before it is retried: objects are a few megabytes at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for all attempts of one call together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(180);
/// Times a call is tried: after 500, 503, 429, a connection that broke. The SDK waits between attempts, longer
/// each time, by a random share.
const ATTEMPTS: u32 = 5;
/// The longest of those waits.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Times an object is read whose body broke off or failed its checksum, which the SDK does not retry.
const BODY_TRIES: u32 = 4;
/// Times a conflicting conditional write is tried again; each time another writer was mid-flight.
const CONFLICT_TRIES: u32 = 8;

/// What mends a missing region.
const SET_REGION: &str = "; set AWS_REGION to the region of the bucket, or `region` in a profile of ~/.aws/config";

/// No place where the AWS SDK looks has a region.
#[derive(Debug, thiserror::Error)]
#[error("no AWS region is set")]
struct NoRegion;

/// Objects in a bucket below a prefix.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    options: S3Options,
    identity: Arc<Identity>,
    /// Tells whether the server honours `If-None-Match`, once a write has shown it.
    conditional: Arc<OnceCell<bool>>,
}

impl S3Store {
    /// The lake at `s3://bucket/prefix`, with credentials, region and endpoint from the default chain:
    /// environment, profile, web identity, Pod Identity, instance metadata. Which one won is logged.
    ///
    /// A server other than AWS is named by `AWS_ENDPOINT_URL`; it is then addressed by path.
    pub async fn connect(bucket: &str, prefix: &str, options: S3Options) -> Self {
        let shared = aws_config::defaults(BehaviorVersion::latest()).load().await;
        Self::with_config(&shared, bucket, prefix, options)
    }

    /// The lake at `s3://bucket/prefix`, with credentials, region and endpoint of `shared`. Timeouts, retries and
    /// checksums are this store's own.
    pub fn with_config(shared: &SdkConfig, bucket: &str, prefix: &str, options: S3Options) -> Self {
        let identity = Arc::new(Identity::new(shared));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let mut config = aws_sdk_s3::config::Builder::from(shared)
            .force_path_style(shared.endpoint_url().is_some())
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(MAX_BACKOFF))
            .request_checksum_calculation(RequestChecksumCalculation::WhenSupported)
            .response_checksum_validation(ResponseChecksumValidation::WhenSupported);
        if let Some(inner) = shared.credentials_provider() {
            config = config.credentials_provider(Observed { inner, identity: Arc::clone(&identity) });
        }
        let client = Client::from_conf(config.build());
        let (bucket, prefix, conditional) = (bucket.to_owned(), prefix.to_owned(), Arc::default());
        Self { client, bucket, prefix, options, identity, conditional }
    }

    fn full_key(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    async fn failed<E>(&self, action: &'static str, permission: &str, key: &str, error: SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (hint, source): (_, Box<dyn std::error::Error + Send + Sync>) = match Refusal::of(&error) {
            Some(refusal) => {
                let arn = match permission {
                    "s3:ListBucket" => format!("arn:aws:s3:::{}", self.bucket),
                    _ => format!("arn:aws:s3:::{}/{}", self.bucket, self.full_key(key)),
                };
                let identity = match refusal.status {
                    400..=403 => self.identity.describe().await,
                    _ => String::new(),
                };
                let attempt = Attempt { permission, arn: &arn, bucket: &self.bucket };
                (refusal.hint(attempt, &identity), Box::new(refusal))
            }
            None if self.client.config().region().is_none() => (SET_REGION.to_owned(), Box::new(NoRegion)),
            None => (unanswered(&error).to_owned(), Box::new(error)),
        };
        StoreError::Failed { action, key: key.to_owned(), store: self.location(), hint, source }
    }

    /// A conditional write; what the server calls the content, where it wrote it.
    async fn put_once(&self, key: &str, object: Bytes) -> Result<Put, SdkError<PutObjectError>> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.full_key(key));
        let mut request = request.if_none_match("*").set_tagging(self.options.tagging()).body(object.into());
        if let Some(kms_key) = &self.options.kms_key {
            request = request.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(kms_key);
        }
        match request.send().await {
            Ok(put) => Ok(Put::Written(put.e_tag().unwrap_or_default().to_owned())),
            Err(error) if status(&error) == Some(412) => Ok(Put::Exists),
            Err(error) => Err(error),
        }
    }

    /// A conditional write, again while others write the same key.
    async fn put_patiently(&self, key: &str, object: &Bytes) -> Result<Put, StoreError> {
        let mut tries = 0;
        loop {
            tries = u32::saturating_add(tries, 1);
            let put = self.put_once(key, object.clone()).await;
            // 409: another conditional write of this key is under way, whose outcome decides ours; or, as some servers say
            // it, an object is there.
            let is_conflict = put.as_ref().err().and_then(status) == Some(409);
            if is_conflict && self.is_there(key).await.unwrap_or(false) {
                return Ok(Put::Exists);
            }
            match put {
                Err(_) if is_conflict && tries < CONFLICT_TRIES => back_off(tries).await,
                Err(error) => return Err(self.failed("write", "s3:PutObject", key, error).await),
                Ok(put) => return Ok(put),
            }
        }
    }

    /// Returns whether an object is there. A refusal is no answer, nor is a page; the write that follows tells them
    /// better.
    async fn is_there(&self, key: &str) -> Result<bool, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(self.full_key(key)).send().await {
            // What has no name for the content is no answer of S3.
            Ok(there) => Ok(there.e_tag().is_some()),
            Err(error) if status(&error).is_some_and(|status| (400..500).contains(&status)) => Ok(false),
            Err(error) => Err(self.failed("write", "s3:GetObject", key, error).await),
        }
    }

    /// Reads back what was written, where the answer does not look like that of S3: proxies and sign-in pages answer 200 to
    /// anything.
    async fn check_written(&self, key: &str, object: &Bytes, e_tag: &str) -> Result<(), StoreError> {
        if is_e_tag(e_tag) {
            return Ok(());
        }
        match self.get(key).await {
            Ok(there) if there == *object => return Ok(()),
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        Err(StoreError::Failed {
            action: "write",
            key: key.to_owned(),
            store: self.location(),
            hint: "; something between here and S3, such as a proxy or a sign-in page, answers in its place: check AWS_ENDPOINT_URL and the proxy".to_owned(),
            source: "the answer was a success, and the object is not there as it was written".into(),
        })
    }

    /// Writes the same once more, which must be refused, and says what is at risk where it is not. Known once, it is not
    /// tried again.
    async fn check_condition(&self, key: &str, object: &Bytes) -> Result<bool, StoreError> {
        let tried = self.conditional.get_or_try_init(|| async {
            match self.put_patiently(key, object).await? {
                Put::Exists => Ok(true),
                Put::Written(e_tag) => {
                    self.check_written(key, object, &e_tag).await?;
                    let store = self.location();
                    tracing::warn!(
                        store,
                        "this server ignores `If-None-Match`: of two writers at the same moment, such as two collectors or a collector that is restarted, one may replace what the other wrote, and `emp-cost lake verify` then finds damaged objects; run one writer at a time, or use a server that honours it"
                    );
                    Ok(false)
                }
            }
        });
        tried.await.copied()
    }

    /// A write over what `mark` is of, or of what is not there yet where it is `None`.
    async fn swap_once(
        &self,
        key: &str,
        mark: Option<&str>,
        object: &Bytes,
        content_type: &str,
    ) -> Result<Swap, StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.full_key(key)).content_type(content_type);
        let mut request = request.set_tagging(self.options.tagging()).body(object.clone().into());
        request = match mark {
            // Proxies that compress make a tag weak. No weak one matches anything, and S3 still calls it by the strong.
            Some(mark) => request.if_match(mark.strip_prefix("W/").unwrap_or(mark)),
            None => request.if_none_match("*"),
        };
        if let Some(kms_key) = &self.options.kms_key {
            request = request.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(kms_key);
        }
        match request.send().await {
            Ok(put) => {
                self.check_written(key, object, put.e_tag().unwrap_or_default()).await?;
                Ok(Swap::Written)
            }
            Err(error) => match status(&error) {
                Some(412) => Ok(Swap::Refused),
                // Being changed, or gone since it was read.
                Some(409) => Ok(Swap::Busy),
                Some(404) if mark.is_some() => Ok(Swap::Busy),
                _ => Err(self.failed("write", "s3:PutObject", key, error).await),
            },
        }
    }

    /// Returns whether an object is called what it was called when it was read; false where that is not said.
    async fn is_still(&self, key: &str, mark: &str) -> bool {
        let there = self.client.head_object().bucket(&self.bucket).key(self.full_key(key)).send().await;
        there.is_ok_and(|there| there.e_tag() == Some(mark))
    }

    /// A server by whose answers it cannot be seen whether another writer was quicker.
    fn without_marks(&self, key: &str, source: &'static str) -> StoreError {
        StoreError::Failed {
            action: "replace",
            key: key.to_owned(),
            store: self.location(),
            hint: "; the server, or a proxy before it, must give every object an ETag and honour it in `If-Match`, by which it is seen that nobody else was quicker: have the proxy pass both on as they are, or use a server with conditional writes, as AWS and MinIO do".to_owned(),
            source: source.into(),
        }
    }

    fn broke_off(&self, key: &str, tries: u32, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Failed {
            action: "read",
            key: key.to_owned(),
            store: self.location(),
            hint: format!("; its content broke off or was damaged on the way, {tries} times: run again"),
            source: Box::new(error),
        }
    }

    async fn get_once(&self, key: &str) -> Result<GetObjectOutput, StoreError> {
        let response = self.client.get_object().bucket(&self.bucket).key(self.full_key(key)).send().await;
        match response {
            Ok(object) => Ok(object),
            Err(error) => Err(match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => {
                    StoreError::NotFound { key: key.to_owned(), store: self.location() }
                }
                _ => self.failed("read", "s3:GetObject", key, error).await,
            }),
        }
    }
}

/// Outcome of a conditional write.
enum Put {
    /// It wrote, and the server calls the content this.
    Written(String),
    /// An object is there.
    Exists,
}

/// Outcome of a write over what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    Written,
    /// It is not what was read, by what the server says.
    Refused,
    /// Others are at it.
    Busy,
}

/// Returns whether it is what S3 calls a content that came in one piece: 32 hexadecimal digits in quotes.
fn is_e_tag(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    inside.len() == 32 && inside.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Remedy for a call that got no answer.
fn unanswered<E>(error: &SdkError<E>) -> &'static str {
    match error {
        SdkError::DispatchFailure(failure) if failure.is_other() => {
            "; set AWS_REGION, and credentials the AWS SDK can find"
        }
        SdkError::ConstructionFailure(_) => "; set AWS_REGION, and credentials the AWS SDK can find",
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
            "; check the network and, for a server other than AWS, AWS_ENDPOINT_URL, then run again"
        }
        _ => "",
    }
}

/// The HTTP status of an answer that is an error.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Waits before try `tries + 1`: longer each time, by a random share, so that writers who collided do not again.
async fn back_off(tries: u32) {
    let longest = Duration::from_millis(50).saturating_mul(2_u32.saturating_pow(tries.min(6)));
    tokio::time::sleep(longest.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let mut tries = 0;
        loop {
            tries = u32::saturating_add(tries, 1);
            // Ends in an error when the body breaks off, or is not what the checksum of the object says.
            match self.get_once(key).await?.body.collect().await {
                Ok(body) => return Ok(body.into_bytes()),
                Err(error) if tries < BODY_TRIES => {
                    tracing::debug!(key, tries, error = %error, "the body broke off; reading again");
                    back_off(tries).await;
                }
                Err(error) => return Err(self.broke_off(key, tries, error)),
            }
        }
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        // Until the server is known to honour the condition, and where it does not, nothing that is there is put at risk.
        if self.conditional.get() != Some(&true) && self.is_there(key).await? {
            return Ok(PutOutcome::Exists);
        }
        match self.put_patiently(key, &object).await? {
            Put::Exists => Ok(PutOutcome::Exists),
            Put::Written(e_tag) => {
                self.check_written(key, &object, &e_tag).await?;
                self.check_condition(key, &object).await?;
                Ok(PutOutcome::Created)
            }
        }
    }

    async fn keeps_what_is_there(&self) -> Result<bool, StoreError> {
        let object = Bytes::from_static(CONDITION_TEXT);
        if let Put::Written(e_tag) = self.put_patiently(CONDITION_PROBE, &object).await? {
            self.check_written(CONDITION_PROBE, &object, &e_tag).await?;
        }
        self.check_condition(CONDITION_PROBE, &object).await
    }

    async fn get_marked(&self, key: &str) -> Result<(Bytes, String), StoreError> {
        let object = self.get_once(key).await?;
        let mark = object.e_tag().unwrap_or_default().to_owned();
        match object.body.collect().await {
            Ok(body) => Ok((body.into_bytes(), mark)),
            Err(error) => Err(self.broke_off(key, 1, error)),
        }
    }

    async fn swap(&self, key: &str, mark: Option<&str>, object: Bytes, content_type: &str) -> Result<bool, StoreError> {
        let Some(mark) = mark else {
            let outcome = self.swap_once(key, None, &object, content_type).await?;
            return Ok(outcome == Swap::Written);
        };
        if mark.is_empty() {
            return Err(self.without_marks(key, "it gave no ETag with the object"));
        }
        // Twice, since another may have changed it and changed it back.
        for _ in 0..2 {
            match self.swap_once(key, Some(mark), &object, content_type).await? {
                Swap::Written => return Ok(true),
                Swap::Refused if self.is_still(key, mark).await => {}
                Swap::Refused | Swap::Busy => return Ok(false),
            }
        }
        Err(self.without_marks(key, "it refused a write with `If-Match` although the object is as it was read"))
    }

    async fn replace(&self, key: &str, object: Bytes, content_type: &str) -> Result<(), StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(self.full_key(key)).content_type(content_type);
        let mut request = request.set_tagging(self.options.tagging()).body(object.clone().into());
        if let Some(kms_key) = &self.options.kms_key {
            request = request.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(kms_key);
        }
        match request.send().await {
            Ok(put) => self.check_written(key, &object, put.e_tag().unwrap_or_default()).await,
            Err(error) => Err(self.failed("write", "s3:PutObject", key, error).await),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(self.full_key(prefix));
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        let below = self.full_key("");
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.failed("list", "s3:ListBucket", prefix, error).await),
            };
            let full_keys = page.contents().iter().filter_map(|object| object.key());
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
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.failed("list", "s3:ListBucket", prefix, error).await),
            };
            let folders = page.common_prefixes().iter().filter_map(|common| common.prefix());
            let objects = page.contents().iter().filter_map(|object| object.key());
            let rests = folders.chain(objects).filter_map(|key| key.strip_prefix(&full));
            names.extend(rests.map(|rest| rest.trim_end_matches('/').to_owned()));
        }
        Ok(names.into_iter().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(self.full_key(key)).send().await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("delete", "s3:DeleteObject", key, error).await),
        }
    }

    fn location(&self) -> String {
        if self.prefix.is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{}", self.bucket, self.prefix)
        }
    }
}
