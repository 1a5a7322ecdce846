//! EDGE: an exchange, one at a time and again after a pause while the server is busy.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::http_exchange::{Connection, Failure, Times, moment};
use super::options::{Backoff, ServerOptions};
use super::query_error::{QueryError, Remedy};
use super::query_events::{Event, Listener};
use super::query_sizes::Sizes;
use super::server_flavor::{self, BuildInfo, Flavor};
use crate::decode::{Answer, decode};

/// State that all clones of a server share.
pub(super) struct Inner {
    pub(super) connection: Connection,
    pub(super) flavor: Flavor,
    pub(super) version: String,
    /// Tells whether it ever answered: until then, nobody waits for one that cannot be reached.
    connected: bool,
    pub(super) samples_budget: i64,
    pub(super) backoff: Backoff,
    sizes: Mutex<Sizes>,
    in_flight: Semaphore,
    listener: Option<Listener>,
}

impl Inner {
    /// Connects, and finds out what it is.
    ///
    /// # Errors
    /// [`QueryError`] when nothing there speaks the API, or the options cannot be used.
    pub(super) async fn connect(options: &ServerOptions, listener: Option<Listener>) -> Result<Self, QueryError> {
        let connection = Connection::new(options)?;
        let mut inner = Self {
            flavor: options.flavor.or(server_flavor::amazon(connection.host())).unwrap_or(Flavor::Unknown),
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
        Ok(inner)
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }

    pub(super) fn sizes(&self) -> MutexGuard<'_, Sizes> {
        // Nothing panics while it is held; were it so, the sizes would be as good as any.
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of an answer whose samples are of the times asked for, give or take a step: some servers put what is asked
    /// at odd seconds on a grid of their own.
    pub(super) async fn of_these_times(&self, query: &str, promql: &str, times: Times) -> Result<Vec<u8>, QueryError> {
        let body = self.patiently(query, promql, times, &mut 0).await?;
        // What cannot be read is told by whoever reads it.
        if let Ok(answer) = decode(&body, &[], &mut |_| {}) {
            self.check_times(query, times, &answer, times.step_milliseconds())?;
        }
        Ok(body)
    }

    /// Refuses an answer about other times than those asked for, as a cache in between may give: its samples would count
    /// for none of the slots, and the hour would look empty.
    pub(super) fn check_times(
        &self,
        query: &str,
        times: Times,
        answer: &Answer,
        tolerance: i64,
    ) -> Result<(), QueryError> {
        match answer.span.filter(|span| !times.hold(*span, answer.over_time, tolerance)) {
            None => Ok(()),
            Some((first, last)) => Err(QueryError::OtherTimes {
                url: self.connection.url.clone(),
                query: query.to_owned(),
                asked: times.to_string(),
                got: format!("{} to {}", moment(first / 1000), moment(last / 1000)),
            }),
        }
    }

    /// One exchange, repeated after a pause while the server is busy or the connection is lost, a bounded number of
    /// times.
    pub(super) async fn patiently(
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
            if hopeless || error.remedy() != Remedy::Again || tries >= self.backoff.tries {
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
        let amazon = server_flavor::amazon(self.connection.host());
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
                Ok((body, _)) => server_flavor::victoria_version(&String::from_utf8_lossy(&body)).unwrap_or_default(),
                Err(_) => String::new(),
            },
            _ => build.version,
        };
        (flavor, version)
    }
}
