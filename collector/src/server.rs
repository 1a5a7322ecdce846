//! EDGE: the server that is asked, gently: one query at a time, smaller where it is too much, later where it is busy.
//!
//! Decisions without the network stand apart: [`options`](ServerOptions) and [`args`](ServerArgs) say how,
//! [`server_flavor`](Flavor) whom, `query_split` and `query_sizes` in which parts, [`query_error`](QueryError) what to do about a failure.
//! `auth` and `http_exchange` make one exchange, `retries` repeats it, `query_pipeline` makes those of an hour.

mod args;
mod auth;
mod http_exchange;
mod options;
mod query_error;
mod query_events;
mod query_pipeline;
mod query_sizes;
mod query_split;
mod reply;
mod retries;
mod secret;
mod server_flavor;
mod server_url;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use types::Hour;

use crate::decode::decode;
use crate::queries::LOOK_AHEAD_SECONDS;
pub use args::{ConfigError, ServerArgs};
use http_exchange::Times;
pub(crate) use http_exchange::within_the_server;
pub use options::{Auth, Backoff, ServerOptions};
pub use query_error::QueryError;
pub use query_events::{Event, Listener};
pub use query_pipeline::{Asking, Take};
pub use reply::{AskError, Reply};
use retries::Inner;
pub use secret::Secret;
pub use server_flavor::Flavor;

/// Shortest span that is asked by itself: a day. No server limits queries to less.
const LEAST_SPAN_SECONDS: i64 = 86_400;

/// A server that speaks the Prometheus HTTP API. Its clones are one: together they have one query in flight.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { connection, flavor, version, .. } = &*self.inner;
        f.debug_struct("Server")
            .field("url", &connection.url)
            .field("flavor", flavor)
            .field("version", version)
            .finish()
    }
}

impl Server {
    /// Connects, and finds out what it is. `listener` is told of everything that happens from then on.
    ///
    /// # Errors
    /// [`QueryError`] when nothing there speaks the API, or the options cannot be used.
    pub async fn connect(options: &ServerOptions, listener: Option<Listener>) -> Result<Self, QueryError> {
        Ok(Self { inner: Arc::new(Inner::connect(options, listener).await?) })
    }

    /// Kind of server.
    pub fn flavor(&self) -> Flavor {
        self.inner.flavor
    }

    /// The server's version; empty when it does not say.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// Flavour and version, as the manifest has them: `prometheus 2.42.0`.
    pub fn describe(&self) -> String {
        format!("{} {}", self.flavor(), self.version()).trim_end().to_owned()
    }

    /// Where it is, without the credentials the URL may hold.
    pub fn url(&self) -> &str {
        &self.inner.connection.url
    }

    /// The queries of an hour, one after the other.
    pub fn asking(&self, hour: Hour) -> Asking<'_> {
        Asking::new(&self.inner, hour)
    }

    /// The body of the answer to an expression evaluated after the hour, such as
    /// [`queries::pods_seen`](crate::queries::pods_seen). It is asked whole, and again when the server is busy.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_after(&self, name: &str, promql: &str, hour: Hour) -> Result<Vec<u8>, QueryError> {
        let at = Times::At(hour.end_seconds().saturating_add(LOOK_AHEAD_SECONDS));
        self.inner.of_these_times(name, promql, at).await
    }

    /// The body of the answer to any expression at any moment, in seconds since the epoch. It is asked whole, and
    /// again when the server is busy.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_at(&self, name: &str, promql: &str, at_seconds: i64) -> Result<Vec<u8>, QueryError> {
        self.inner.patiently(name, promql, Times::At(at_seconds), &mut 0).await
    }

    /// The body of the answer to any expression from one moment to another, both inclusive, every `step_seconds`. It
    /// is asked whole, and again when the server is busy.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_range(
        &self,
        name: &str,
        promql: &str,
        (start, end): (i64, i64),
        step_seconds: i64,
    ) -> Result<Vec<u8>, QueryError> {
        self.inner.of_these_times(name, promql, Times::Range(start, end, step_seconds)).await
    }

    /// The bodies of the answers to an expression over a long span, which together cover it. Where a server refuses the
    /// whole, as those do that limit how far back one query may reach, it is asked in halves, down to a day.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_spans(
        &self,
        name: &str,
        promql: &str,
        span: (i64, i64),
        step_seconds: i64,
    ) -> Result<Vec<Vec<u8>>, QueryError> {
        let mut bodies = Vec::new();
        // A stack: the next span is at its end.
        let mut waiting = vec![span];
        while let Some((start, end)) = waiting.pop() {
            match self.ask_range(name, promql, (start, end), step_seconds).await {
                Ok(body) => bodies.push(body),
                Err(error) => {
                    let seconds = end.saturating_sub(start);
                    let points = seconds.checked_div(step_seconds).map_or(1, |steps| steps.saturating_add(1));
                    if !error.is_of_the_question() || points < 2 || seconds <= LEAST_SPAN_SECONDS {
                        return Err(error);
                    }
                    tracing::debug!(query = name, %error, days = seconds / LEAST_SPAN_SECONDS, "asked in two spans");
                    let middle = start.saturating_add((points / 2).saturating_mul(step_seconds));
                    waiting.extend([(middle, end), (start, middle.saturating_sub(step_seconds))]);
                }
            }
        }
        Ok(bodies)
    }

    /// Tells the listener of something that is not about one exchange.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.inner.tell(event);
    }

    /// Clock of the server; `None` when it does not say.
    ///
    /// # Errors
    /// [`QueryError`] when it does not answer.
    pub async fn now(&self) -> Result<Option<DateTime<Utc>>, QueryError> {
        let body = self.inner.patiently("clock", "vector(time())", Times::Now, &mut 0).await?;
        let mut seconds = None;
        // An answer that cannot be read says nothing of the time.
        let _unreadable = decode(&body, &[], &mut |series| seconds = series.points.last().map(|(ms, _)| ms / 1000));
        Ok(seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    }
}
