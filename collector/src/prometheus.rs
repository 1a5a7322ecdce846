//! EDGE: the server that is asked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_http_query::Client;
use types::{Hour, SLOT_SECONDS};

use crate::decode::decode;
use crate::queries::{LOOK_AHEAD_SECONDS, Question, Shape};

/// The longest one query may run on the server; also sent to it as `timeout`.
const QUERY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer accepted: 100,000 containers on thirteen points are near 60 MB.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;
/// How much of an unexpected answer is quoted.
const QUOTED_CHARS: usize = 200;

/// A server that speaks the Prometheus HTTP API.
#[derive(Clone)]
pub struct Server {
    client: Client,
    /// Where it is, without credentials.
    url: String,
    version: String,
}

/// Why the server gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The URL is not one.
    #[error("`{url}` is not the URL of a Prometheus server; use one such as http://prometheus-server.monitoring:80")]
    Url {
        /// What was given.
        url: String,
    },
    /// No answer.
    #[error("could not reach Prometheus at `{url}`: {reason}; check the address, and that the server is up")]
    Unreachable {
        /// The server.
        url: String,
        /// Why, from the bottom of the chain of causes.
        reason: String,
    },
    /// The server was reached and the answer did not come through.
    #[error("the answer of `{url}` to query `{query}` broke off: {reason}")]
    Interrupted {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// Why, from the bottom of the chain of causes.
        reason: String,
    },
    /// An answer that is not from the API.
    #[error(
        "`{url}` answered `{status}` with something that is not Prometheus' API: {head}; check the URL and its path"
    )]
    NotPrometheus {
        /// The server.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How the answer begins.
        head: String,
    },
    /// The server refused the query.
    #[error("Prometheus refused query `{query}` with status {status}: {message}")]
    Refused {
        /// Name of the query.
        query: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer is larger than accepted.
    #[error("the answer to query `{query}` is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge {
        /// Name of the query.
        query: String,
    },
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("url", &self.url()).field("version", &self.version).finish()
    }
}

impl Server {
    /// Connects, and asks for the version.
    ///
    /// # Errors
    /// [`QueryError`] when nothing there speaks the API.
    pub async fn connect(url: &str) -> Result<Self, QueryError> {
        let invalid = || QueryError::Url { url: without_credentials(url) };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(QUERY_TIMEOUT + CONNECT_TIMEOUT)
            .user_agent(concat!("emp-cost-collector/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| invalid())?;
        // A base without a closing slash would lose its last path segment when the API's path is joined to it.
        let base = format!("{}/", url.trim_end_matches('/'));
        let client = Client::from(http, &base).map_err(|_| invalid())?;
        if !matches!(client.base_url().scheme(), "http" | "https") {
            return Err(invalid());
        }
        let mut server = Self { url: without_credentials(client.base_url().as_str()), client, version: String::new() };
        // A constant tells that the API is there; not every server that speaks it reports a version.
        server.ask_at("probe", "vector(1)", 0).await?;
        if let Ok(build) = server.client.build_information().await {
            server.version = build.version().to_owned();
        }
        Ok(server)
    }

    /// The server's version; empty when it does not say.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it is, without the credentials the URL may hold.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body of the answer to a query of an hour.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask(&self, query: &Question, hour: Hour) -> Result<Vec<u8>, QueryError> {
        let (start, end) = query.shape.bounds(hour);
        if query.shape == Shape::Once {
            return self.ask_at(query.name, &query.expression(""), end).await;
        }
        #[expect(clippy::as_conversions, reason = "three hundred")]
        let step = SLOT_SECONDS as f64;
        let request = self.client.query_range(query.expression(""), start, end, step).timeout(timeout_ms());
        self.body(query.name, request.post_raw().await).await
    }

    /// The body of the answer to an expression evaluated after the hour, such as
    /// [`queries::pods_seen`](crate::queries::pods_seen).
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_after(&self, name: &str, promql: &str, hour: Hour) -> Result<Vec<u8>, QueryError> {
        self.ask_at(name, promql, hour.end_seconds() + LOOK_AHEAD_SECONDS).await
    }

    /// The body of the answer to an expression at a moment, in seconds since the epoch; at the server's own now without.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn evaluate(&self, name: &str, promql: &str, at_seconds: Option<i64>) -> Result<Vec<u8>, QueryError> {
        let request = self.client.query(promql).timeout(timeout_ms());
        let request = match at_seconds {
            Some(at) => request.at(at),
            None => request,
        };
        self.body(name, request.post_raw().await).await
    }

    /// The body of the answer to an expression from one moment to another, both inclusive, every `step` seconds.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn evaluate_range(
        &self,
        name: &str,
        promql: &str,
        (start, end): (i64, i64),
        step_seconds: i64,
    ) -> Result<Vec<u8>, QueryError> {
        #[expect(clippy::as_conversions, reason = "at most a day")]
        let request = self.client.query_range(promql, start, end, step_seconds as f64).timeout(timeout_ms());
        self.body(name, request.post_raw().await).await
    }

    /// What the server takes for now; `None` when it does not say.
    ///
    /// # Errors
    /// [`QueryError`] when it does not answer.
    pub async fn now(&self) -> Result<Option<DateTime<Utc>>, QueryError> {
        let body = self.evaluate("clock", "vector(time())", None).await?;
        let mut seconds = None;
        // An answer that cannot be read says nothing of the time.
        let _unreadable = decode(&body, &[], &mut |series| seconds = series.points.last().map(|(ms, _)| ms / 1000));
        Ok(seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    }

    /// What it is and its version, for people: `prometheus 2.42.0`.
    pub fn description(&self) -> String {
        format!("prometheus {}", self.version).trim_end().to_owned()
    }

    async fn ask_at(&self, name: &str, promql: &str, at_seconds: i64) -> Result<Vec<u8>, QueryError> {
        let request = self.client.query(promql).at(at_seconds).timeout(timeout_ms());
        self.body(name, request.post_raw().await).await
    }

    async fn body(
        &self,
        query: &str,
        response: Result<reqwest::Response, prometheus_http_query::Error>,
    ) -> Result<Vec<u8>, QueryError> {
        let mut response = response.map_err(|error| self.broken(query, &error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(query, &error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(QueryError::TooLarge { query: query.to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() && body.starts_with(b"{") {
            return Ok(body);
        }
        if let Some(message) = api_error(&body) {
            return Err(QueryError::Refused { query: query.to_owned(), status: status.as_u16(), message });
        }
        let head = String::from_utf8_lossy(&body).split_whitespace().collect::<Vec<_>>().join(" ");
        Err(QueryError::NotPrometheus {
            url: self.url().to_owned(),
            status: status.as_u16(),
            head: head.chars().take(QUOTED_CHARS).collect(),
        })
    }

    /// What a failed exchange means: nobody there, or an answer that broke off.
    fn broken(&self, query: &str, error: &(dyn std::error::Error + 'static)) -> QueryError {
        let mut cause = error;
        let mut connected = true;
        loop {
            connected &= !cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
            match cause.source() {
                Some(deeper) => cause = deeper,
                None => break,
            }
        }
        let (url, reason) = (self.url.clone(), cause.to_string());
        match connected {
            true => QueryError::Interrupted { url, query: query.to_owned(), reason },
            false => QueryError::Unreachable { url, reason },
        }
    }
}

/// A URL without user name and password, for messages.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned(),
    }
}

fn timeout_ms() -> i64 {
    i64::try_from(QUERY_TIMEOUT.as_millis()).unwrap_or(i64::MAX)
}

/// The text of an error in the API's own form.
fn api_error(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("error")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_never_hold_credentials() {
        for (url, shown) in [
            ("http://user:s3cret@host:9090/p", "http://host:9090/p"),
            ("https://user:p@ss@host", "https://host"),
            ("http://host/a@b", "http://host/a@b"),
            ("user:s3cret@host", "host"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
