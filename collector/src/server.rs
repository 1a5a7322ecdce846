//! EDGE: the server that is asked, gently: one query at a time, smaller where it is too much, later where it is busy.
//!
//! What can be decided without the network stands apart: [`options`](ServerOptions) and [`args`](ServerArgs) say how,
//! [`flavor`](Flavor) whom, `shard` and `sizes` in which parts, [`error`](QueryError) what to do about a failure.
//! `auth` and `send` make one exchange.

mod args;
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
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use types::{Hour, SLOT_SECONDS};

use crate::decode::{Answer, DecodeError, decode};
use crate::queries::{LOOK_AHEAD_SECONDS, Question, Shape};
pub use args::{ConfigError, ServerArgs};
pub use error::QueryError;
use error::Remedy;
pub use event::{Event, Listener};
use flavor::BuildInfo;
pub use flavor::Flavor;
pub use options::{Auth, Backoff, ServerOptions};
pub use secret::Secret;
use send::{Connection, Failure, Times};
use shard::Part;
use sizes::Sizes;

/// A server that speaks the Prometheus HTTP API. Its clones are one: together they have one query in flight.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    flavor: Flavor,
    version: String,
    /// Whether it ever answered: until then, nobody waits for one that cannot be reached.
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
    /// What was in it, all parts together. Warnings that are known to be harmless are left out.
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

/// Takes in the body of an answer, or of a part of one.
pub type Take<'a> = dyn FnMut(&[u8]) -> Result<Answer, DecodeError> + Send + 'a;

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

    /// What kind of server it is.
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

    /// Asks a query of an hour, in as many parts as it takes, and hands each body to `take`. After an error, what
    /// `take` got is not the whole answer.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, query: &Question, hour: Hour, take: &mut Take<'_>) -> Result<Reply, AskError> {
        let inner = &*self.inner;
        let asked = inner.ask(query, hour, take).await;
        if let Err(error) = &asked {
            inner.tell(&Event::Failed { query: query.name, reason: &error.to_string() });
        }
        asked
    }

    /// The body of the answer to an expression evaluated after the hour, such as
    /// [`queries::pods_seen`](crate::queries::pods_seen). It is asked whole, and again when the server is busy.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask_after(&self, name: &str, promql: &str, hour: Hour) -> Result<Vec<u8>, QueryError> {
        let at = Times::At(hour.end_seconds() + LOOK_AHEAD_SECONDS);
        self.inner.patiently(name, promql, at, &mut 0).await
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
        self.inner.patiently(name, promql, Times::Range(start, end, step_seconds), &mut 0).await
    }

    /// Tells the listener of something that is not about one exchange.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.inner.tell(event);
    }

    /// What the server takes for now; `None` when it does not say.
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

    async fn ask(&self, query: &Question, hour: Hour, take: &mut Take<'_>) -> Result<Reply, AskError> {
        let times = match (query.shape, query.shape.bounds(hour)) {
            (Shape::Once, (_, end)) => Times::At(end),
            (_, (start, end)) => Times::Range(start, end, SLOT_SECONDS),
        };
        let known = self.sizes().parts(query.name, self.samples_budget);
        if known.len() > 1 {
            tracing::debug!(query = query.name, parts = known.len(), "asked in parts");
        }
        let mut reply = Reply::default();
        let (mut answered, mut split) = (Vec::new(), false);
        // A stack: the next part is at its end.
        let mut waiting: Vec<Part> = known.into_iter().rev().collect();
        while let Some(part) = waiting.pop() {
            let promql = query.expression(&part.matchers(query.shard_by));
            let started = Instant::now();
            match self.patiently(query.name, &promql, times, &mut reply.requests).await {
                Ok(body) => {
                    let seconds = started.elapsed().as_secs_f64();
                    let mut answer = take(&body)?;
                    answer.warnings.retain(|warning| !event::is_harmless(warning));
                    for warning in &answer.warnings {
                        self.tell(&Event::Warned { query: query.name, warning });
                    }
                    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
                    let (series, samples) = (answer.series, answer.samples);
                    self.tell(&Event::Answered { query: query.name, seconds, bytes, series, samples });
                    answered.push((part, answer.series));
                    reply.add(answer);
                }
                Err(error) => {
                    let remedy = error.remedy();
                    let halves = match remedy {
                        Remedy::Split | Remedy::SplitLater => part.halves(),
                        Remedy::Again | Remedy::GiveUp => None,
                    };
                    let Some([one, other]) = halves else { return Err(error.into()) };
                    split = true;
                    waiting.extend([other, one]);
                    let (parts, reason) = (answered.len() + waiting.len(), error.to_string());
                    tracing::debug!(query = query.name, parts, reason, "split in two");
                    self.tell(&Event::Split { query: query.name, parts, reason: &reason });
                    if remedy == Remedy::SplitLater {
                        let again = u32::from(part.depth()) + 1;
                        tokio::time::sleep(self.backoff.pause(again, None, fastrand::f64())).await;
                    }
                }
            }
        }
        self.sizes().answered(query.name, answered, split);
        Ok(reply)
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
            *requests += 1;
            let Failure { error, retry_after } = {
                // Never closed, so a permit always comes.
                let _permit = self.in_flight.acquire().await;
                match self.connection.query(query, promql, times, Some(self.flavor)).await {
                    Ok(body) => return Ok(body),
                    Err(failure) => failure,
                }
            };
            let hopeless = !self.connected && matches!(error, QueryError::Unreachable { .. });
            if hopeless || error.remedy() != Remedy::Again || tries >= self.backoff.tries {
                return Err(error);
            }
            let wait = self.backoff.pause(tries, retry_after, fastrand::f64());
            let (reason, wait_seconds) = (error.to_string(), wait.as_secs_f64());
            tracing::debug!(query, reason, wait_seconds, "asked again after a pause");
            self.tell(&Event::Retried { query, reason: &reason, wait_seconds });
            tokio::time::sleep(wait).await;
            tries += 1;
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
        let Answer { series, samples, not_finite, histograms_only, warnings } = &mut self.answer;
        *series += part.series;
        *samples += part.samples;
        *not_finite += part.not_finite;
        *histograms_only += part.histograms_only;
        for warning in part.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        self.parts = self.parts.saturating_add(1);
    }
}
