//! EDGE: a lake behind a reporting service, which a collector reaches with a token and without rights to the bucket.
//!
//! The service keeps what a collector of one cluster may bring, and nothing is read that is not needed to bring it. What
//! the service cannot do just now is tried again a few times; what it refuses is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;

use super::{PutOutcome, Store, StoreError};

/// Longest time for one request: an object of 64 MiB over a slow line.
const PATIENCE: Duration = Duration::from_secs(120);
/// Times a request is tried.
const TRIES: u32 = 5;
/// The wait after the first try; it doubles.
const WAIT: Duration = Duration::from_millis(500);
/// The longest wait that a service is believed when it asks for one.
const MOST_WAIT: Duration = Duration::from_secs(60);

/// A lake behind a reporting service.
#[derive(Debug, Clone)]
pub struct HttpsStore {
    url: String,
    token_file: PathBuf,
    /// Or why there is none, as where the system has no certificates.
    client: Result<Client, Arc<reqwest::Error>>,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
}

/// Answer of a service that does not do something.
#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    detail: String,
}

/// Outcome of asking.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// It could not be asked, or not answered.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// There is nothing to ask with.
    #[error("no connection can be made")]
    Client(#[source] Arc<reqwest::Error>),
    /// The file with the token cannot be read.
    #[error("the token cannot be read from `{path}`")]
    Token { path: PathBuf, source: std::io::Error },
    /// It said no.
    #[error("the service answers {status}: {detail}")]
    Refused { status: StatusCode, detail: String },
}

impl AskError {
    fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    fn may_pass(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Token { .. } | Self::Client(_) => false,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                "; the token has ended or was revoked: make another on the service's Install page"
            }
            _ => "",
        }
    }
}

impl HttpsStore {
    /// The lake behind the service at `url`, which has no slash at its end, with the token in a file. Nothing is asked yet.
    pub fn new(url: &str, token_file: PathBuf) -> Self {
        // A redirect would take the token elsewhere.
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
        Self { url: url.to_owned(), token_file, client: client.map_err(Arc::new) }
    }

    fn failed(&self, action: &'static str, key: &str, error: AskError) -> StoreError {
        if error.is_not_found() {
            return StoreError::NotFound { key: key.to_owned(), store: self.location() };
        }
        StoreError::Failed {
            action,
            key: key.to_owned(),
            store: self.location(),
            hint: error.hint().to_owned(),
            source: Box::new(error),
        }
    }

    /// Asks, again where that may help. The token is read each time, so that a new one is used as soon as it is there.
    async fn ask(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Response, AskError> {
        let mut wait = WAIT;
        let mut tried = 0;
        loop {
            tried = u32::saturating_add(tried, 1);
            let client = self.client.as_ref().map_err(|error| AskError::Client(Arc::clone(error)))?;
            let mut request = client.request(method.clone(), format!("{}/ingest/v1/{path}", self.url));
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            match self.once(request).await {
                Err(error) if error.may_pass() && tried < TRIES => {
                    tracing::debug!("asking `{}` again: {error}", self.url);
                    tokio::time::sleep(wait.min(MOST_WAIT)).await;
                    wait = wait.saturating_mul(2);
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Response, AskError> {
        let token = tokio::fs::read_to_string(&self.token_file)
            .await
            .and_then(|token| match token.trim() {
                // As of a pipe, which gives what is in it once.
                "" => Err(std::io::Error::other("it is empty; it must hold the token each time it is read")),
                token => Ok(token.to_owned()),
            })
            .map_err(|source| AskError::Token { path: self.token_file.clone(), source })?;
        let answer = request.bearer_auth(token).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.bytes().await.unwrap_or_default();
        let detail = serde_json::from_slice::<Problem>(&text).unwrap_or_default().detail;
        Err(AskError::Refused { status, detail: detail.chars().take(500).collect() })
    }

    async fn listed(&self, path: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
        // Keys have no character that a query would need escaped.
        let path = format!("{path}?prefix={prefix}");
        let answer = async { Ok::<Bytes, AskError>(self.ask(Method::GET, &path, None).await?.bytes().await?) };
        let text: Bytes = answer.await.map_err(|error| self.failed("list", prefix, error))?;
        match serde_json::from_slice::<Listed>(&text) {
            Ok(listed) => Ok(listed.keys),
            Err(error) => Err(self.unreadable("list", prefix, error)),
        }
    }

    fn unreadable(&self, action: &'static str, key: &str, error: serde_json::Error) -> StoreError {
        StoreError::Failed {
            action,
            key: key.to_owned(),
            store: self.location(),
            hint: "; is this the address of a reporting service?".to_owned(),
            source: Box::new(error),
        }
    }
}

#[async_trait]
impl Store for HttpsStore {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let answer = async {
            Ok::<Bytes, AskError>(self.ask(Method::GET, &format!("objects/{key}"), None).await?.bytes().await?)
        };
        answer.await.map_err(|error| self.failed("read", key, error))
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        let path = format!("objects/{key}");
        let answer = async { Ok::<Bytes, AskError>(self.ask(Method::PUT, &path, Some(object)).await?.bytes().await?) };
        let text: Bytes = answer.await.map_err(|error| self.failed("write", key, error))?;
        match serde_json::from_slice::<Outcome>(&text) {
            Ok(Outcome { outcome }) if outcome == "created" => Ok(PutOutcome::Created),
            Ok(Outcome { outcome }) if outcome == "exists" => Ok(PutOutcome::Exists),
            Ok(_) => Err(self.unreadable("write", key, serde::de::Error::custom("neither created nor exists"))),
            Err(error) => Err(self.unreadable("write", key, error)),
        }
    }

    /// The service replaces nothing, by its contract; that it takes the token is tried.
    async fn keeps_what_is_there(&self) -> Result<bool, StoreError> {
        self.listed("names", &crate::object_keys::manifests()).await?;
        Ok(true)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.listed("list", prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.listed("names", prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        Err(StoreError::Failed {
            action: "delete",
            key: key.to_owned(),
            store: self.location(),
            hint: String::new(),
            source: "nothing is deleted through a reporting service".into(),
        })
    }

    fn location(&self) -> String {
        self.url.clone()
    }
}
