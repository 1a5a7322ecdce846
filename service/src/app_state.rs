//! State that every request is answered from.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lake::Store;
use tokio::sync::Mutex;

use crate::access_tokens::Tokens;
use crate::alerts::{self, Deliver};
use crate::answer_cache::Answers;
use crate::body_memory_limit::Room;
use crate::config::Config;
use crate::identity_signers::Signers;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::published_reports::Shelf;
use crate::rate_limiter::Limiter;
use crate::read_cache::Cached;
use crate::revoked_sessions::Revoked;
use crate::sealed_values::Keys;
use crate::what_if_queue;

/// Time for which it is remembered whether the store answers.
const READY_KEPT: TimeDelta = TimeDelta::seconds(3);
/// Time between two looks for new reports, where nobody asks.
const LOOK_FOR_REPORTS: Duration = Duration::from_secs(600);

/// The secrets that the configuration names, read from their files.
#[derive(Debug)]
pub struct Secrets {
    /// The keys of cookies.
    pub keys: Keys,
    /// The static token, where there is one.
    pub static_token: Option<String>,
    /// The secret of the OpenID client.
    pub client_secret: Option<String>,
}

/// The state of one replica: what it can lose at any moment.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The secrets.
    pub secrets: Secrets,
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// The reports in it.
    pub shelf: Arc<Shelf>,
    /// The tokens in it.
    pub tokens: Tokens,
    /// Revoked tokens and links.
    pub revoked: Revoked,
    /// Issuers of JWTs.
    pub signers: Signers,
    /// Requests, each person's or address' own.
    pub limiter: Limiter,
    /// Large bodies, so many bytes at a time.
    pub(crate) room: Room,
    /// What `/metrics` says.
    pub metrics: Metrics,
    /// How people are told of alerts; nobody is without.
    pub delivery: Option<Arc<dyn Deliver>>,
    /// The name of this replica in leases.
    pub(crate) replica: String,
    /// What every page says at its top, as long as there is something to say.
    notice: RwLock<String>,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
    open_jobs: Cached<()>,
    /// Whether the store answered, and when it was asked.
    ready: Mutex<Option<(DateTime<Utc>, bool)>>,
    /// Answers over many clusters, of what is asked again.
    pub(crate) answers: Answers,
}

impl App {
    /// The state at the start.
    ///
    /// # Errors
    /// When no client for the providers can be made.
    pub fn new(
        config: Config,
        secrets: Secrets,
        store: Arc<dyn Store>,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Self, reqwest::Error> {
        // Redirects would lead to addresses that nobody configured.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self {
            signers: Signers::new(&config, http),
            room: Room::new(config.limits.held_mib),
            shelf: Arc::new(Shelf::new(Arc::clone(&store))),
            config,
            secrets,
            store,
            tokens: Tokens::default(),
            revoked: Revoked::default(),
            limiter: Limiter::default(),
            metrics: Metrics::default(),
            delivery: None,
            replica: alerts::replica(),
            notice: RwLock::default(),
            now,
            open_jobs: Cached::new(1, TimeDelta::seconds(30)),
            ready: Mutex::default(),
            answers: Answers::default(),
        })
    }

    /// The same with a way to tell people of alerts.
    #[must_use]
    pub fn with_delivery(self, delivery: Arc<dyn Deliver>) -> Self {
        Self { delivery: Some(delivery), ..self }
    }

    /// Says something at the top of every page; nothing when it is empty.
    pub fn say(&self, notice: &str) {
        notice.clone_into(&mut self.notice.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is said at the top of every page.
    pub(crate) fn notice(&self) -> String {
        self.notice.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts what-ifs that wait or run for `/metrics`, by which workers are scaled, at most every half minute, and clusters
    /// whose report cannot be read. Where the store does not answer, the last count stays.
    pub async fn count_open_jobs(&self) {
        const NAME: &str = "open";
        if let Some(unread) = self.shelf.count_unread(self.now()) {
            self.metrics.reports_unread(i64::try_from(unread).unwrap_or(i64::MAX));
        }
        if self.open_jobs.get(NAME, self.now()).is_some() {
            return;
        }
        // Before the store is asked, so that a store that does not answer is not asked by each request.
        self.open_jobs.put(NAME, (), self.now());
        if let Ok(jobs) = what_if_queue::newest(&self.store).await {
            let open = jobs.iter().filter(|job| job.is_open()).count();
            self.metrics.jobs_open.set(i64::try_from(open).unwrap_or(i64::MAX));
        }
    }

    /// Returns true when the store answers, as it was found a moment ago: requests of anybody must not become as many
    /// requests to the store.
    pub(crate) async fn is_ready(&self) -> bool {
        let mut known = self.ready.lock().await;
        if let Some((asked, ready)) = *known
            && (self.now() - asked).abs() < READY_KEPT
        {
            return ready;
        }
        let answer = self.store.list_names("service/").await;
        let ready = answer.is_ok();
        if let Err(error) = answer {
            tracing::error!("not ready: {}", Problem::from(error).detail);
        }
        *known = Some((self.now(), ready));
        ready
    }

    /// The moment.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }
}

/// Looks for new reports again and again, so that what is asked of them first is known before somebody asks.
pub async fn read_new_reports(app: Arc<App>) {
    loop {
        app.shelf.count_unread(app.now());
        tokio::time::sleep(LOOK_FOR_REPORTS).await;
    }
}
