//! EDGE: the server that is asked, gently: one query at a time, smaller where it is too much, later where it is busy.
//!
//! Decisions without the network stand apart: [`options`](ServerOptions) and [`args`](ServerArgs) say how,
//! [`flavor`](Flavor) whom, `shard` and `sizes` in which parts, [`error`](QueryError) what to do about a failure.
//! `auth` and `send` make one exchange, `asking` those of an hour.

mod address;
mod args;
mod asking;
mod auth;
mod error;
mod event;
mod flavor;
mod options;
mod secret;
mod send;
mod shard;
mod sizes;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use types::Hour;

use crate::decode::{self, Answer, DecodeError, decode};
use crate::queries::LOOK_AHEAD_SECONDS;
pub use args::{ConfigError, ServerArgs};
pub use asking::{Asking, Take};
pub use error::QueryError;
pub use event::{Event, Listener};
use flavor::BuildInfo;
pub use flavor::Flavor;
pub use options::{Auth, Backoff, ServerOptions};
pub use secret::Secret;
pub(crate) use send::within_the_server;
use send::{Connection, Failure, Times};
use sizes::Sizes;

/// Shortest span that is asked by itself: a day. No server limits queries to less.
const LEAST_SPAN_SECONDS: i64 = 86_400;

/// A server that speaks the Prometheus HTTP API. Its clones are one: together they have one query in flight.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    flavor: Flavor,
    version: String,
    /// Tells whether it ever answered: until then, nobody waits for one that cannot be reached.
    connected: bool,
    samples_budget: i64,
    backoff: Backoff,
    sizes: Mutex<Sizes>,
    in_flight: Semaphore,
    listener: Option<Listener>,
}

/// The answer to a query, put together from its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The answer, all parts together. Warnings that are known to be harmless are left out.
    pub answer: Answer,
    /// Parts it was answered in.
    pub parts: i32,
    /// Requests sent for it, failed ones included.
    pub requests: u64,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server gave none.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It cannot be read.
    #[error(transparent)]
    Answer(#[from] DecodeError),
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
        let connection = Connection::new(options)?;
        let mut inner = Inner {
            flavor: options.flavor.or(flavor::amazon(connection.host())).unwrap_or(Flavor::Unknown),
            version: String::new(),
            connected: false,
            samples_budget: options.samples_budget,
            backoff: options.backoff,
            sizes: Mutex::default(),
            in_flight: Semaphore::new(1),
            listener,
            connection,
        };
        // A constant tells that the API is there; not every server that speaks it says what it is.
        inner.patiently("probe", "vector(1)", Times::At(0), &mut 0).await?;
        inner.connected = true;
        (inner.flavor, inner.version) = inner.identify(options.flavor).await;
        Ok(Self { inner: Arc::new(inner) })
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

impl Inner {
    fn tell(&self, event: &Event<'_>) {
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, Sizes> {
        // Nothing panics while it is held; were it so, the sizes would be as good as any.
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of an answer whose samples are of the times asked for, give or take a step: some servers put what is asked
    /// at odd seconds on a grid of their own.
    async fn of_these_times(&self, query: &str, promql: &str, times: Times) -> Result<Vec<u8>, QueryError> {
        let body = self.patiently(query, promql, times, &mut 0).await?;
        // What cannot be read is told by whoever reads it.
        if let Ok(answer) = decode(&body, &[], &mut |_| {}) {
            self.check_times(query, times, &answer, times.step_milliseconds())?;
        }
        Ok(body)
    }

    /// Refuses an answer about other times than those asked for, as a cache in between may give: its samples would count
    /// for none of the slots, and the hour would look empty.
    fn check_times(&self, query: &str, times: Times, answer: &Answer, tolerance: i64) -> Result<(), QueryError> {
        match answer.span.filter(|span| !times.hold(*span, tolerance)) {
            None => Ok(()),
            Some((first, last)) => Err(QueryError::OtherTimes {
                url: self.connection.url.clone(),
                query: query.to_owned(),
                asked: times.to_string(),
                got: format!("{} to {}", send::moment(first / 1000), send::moment(last / 1000)),
            }),
        }
    }

    /// One exchange, repeated after a pause while the server is busy or the connection is lost, a bounded number of
    /// times.
    async fn patiently(
        &self,
        query: &str,
        promql: &str,
        times: Times,
        requests: &mut u64,
    ) -> Result<Vec<u8>, QueryError> {
        let mut tries = 1;
        loop {
            *requests = requests.saturating_add(1);
            let Failure { error, retry_after } = {
                // Never closed, so a permit always comes.
                let _permit = self.in_flight.acquire().await;
                match self.connection.query(query, promql, times, Some(self.flavor)).await {
                    Ok(body) => return Ok(body),
                    Err(failure) => failure,
                }
            };
            let hopeless = !self.connected && matches!(error, QueryError::Unreachable { .. });
            if hopeless || error.remedy() != error::Remedy::Again || tries >= self.backoff.tries {
                return Err(error);
            }
            let wait = self.backoff.pause(tries, retry_after, fastrand::f64());
            let (reason, wait_seconds) = (error.to_string(), wait.as_secs_f64());
            tracing::debug!(query, reason, wait_seconds, "asked again after a pause");
            self.tell(&Event::Retried { query, reason: &reason, wait_seconds });
            tokio::time::sleep(wait).await;
            tries = u32::saturating_add(tries, 1);
        }
    }

    /// Finds out what it is: from its host, from its build information, and where those do not tell, from a path that
    /// only one kind of server has. Nothing it answers here can fail the connection.
    async fn identify(&self, known: Option<Flavor>) -> (Flavor, String) {
        let (build, headers) = match self.connection.get("buildinfo", "api/v1/status/buildinfo").await {
            Ok((body, headers)) => (BuildInfo::read(&body), headers),
            Err(_) => Default::default(),
        };
        let amazon = flavor::amazon(self.connection.host());
        let told = || build.flavor(headers.contains_key("x-server-hostname"));
        let flavor = match known.or(amazon).or_else(told) {
            Some(flavor) => flavor,
            // Thanos alone lists the stores it asks (source: `pkg/api/query/v1.go`).
            None => match self.connection.get("stores", "api/v1/stores").await {
                Ok((body, _)) if body.starts_with(b"{\"status\":\"success\"") => Flavor::Thanos,
                _ => Flavor::Unknown,
            },
        };
        let version = match flavor {
            // Its build information names the Prometheus it stands in for.
            Flavor::VictoriaMetrics => match self.connection.get("metrics", "metrics").await {
                Ok((body, _)) => flavor::victoria_version(&String::from_utf8_lossy(&body)).unwrap_or_default(),
                Err(_) => String::new(),
            },
            _ => build.version,
        };
        (flavor, version)
    }
}

impl Reply {
    fn add(&mut self, part: Answer) {
        let Answer { series, samples, not_finite, histograms_only, warnings, span } = &mut self.answer;
        *span = decode::joined(*span, part.span);
        *series = series.saturating_add(part.series);
        *samples = samples.saturating_add(part.samples);
        *not_finite = not_finite.saturating_add(part.not_finite);
        *histograms_only = histograms_only.saturating_add(part.histograms_only);
        for warning in part.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        self.parts = self.parts.saturating_add(1);
    }
}
