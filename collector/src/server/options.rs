//! Options for asking a server: where it is, who asks, and how much at once.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;

use super::secret::Secret;
use super::server_flavor::Flavor;

/// The longest one query may run, and the grace for its answer to arrive.
const QUERY_TIMEOUT: Duration = Duration::from_secs(120);
const ANSWER_GRACE: Duration = Duration::from_secs(10);
/// Samples a query may make the server read: a fifth of what Prometheus allows by default (`--query.max-samples`,
/// 50 million), so that dashboards and rules find room beside it.
const SAMPLES_BUDGET: i64 = 10_000_000;

/// Options for asking a server. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where it is; the API's path `api/v1` comes after it.
    pub url: String,
    /// Who asks.
    pub auth: Auth,
    /// A certificate and its key, in PEM, to show the server.
    pub client_identity: Option<Secret>,
    /// The certificates, in PEM, of the only authorities trusted; those of the system when `None`.
    pub ca: Option<Vec<u8>>,
    /// Headers sent with each request.
    pub headers: Vec<(String, Secret)>,
    /// The tenant, sent as `X-Scope-OrgID` to Mimir, Cortex and what follows them.
    pub tenant: Option<String>,
    /// The longest one query may run on the server; sent to it as `timeout`.
    pub query_timeout: Duration,
    /// Longest time after that until the answer has arrived.
    pub answer_grace: Duration,
    /// Samples a query may make the server read, by the estimate of [`Sizes`](super::query_sizes::Sizes).
    pub samples_budget: i64,
    /// Kind of server, where that is known better than it can be found out.
    pub flavor: Option<Flavor>,
    /// Pauses before a busy server is asked again.
    pub backoff: Backoff,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Nobody in particular.
    None,
    /// A user.
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// The bearer of the token in a file. It is read for each request: projected tokens are replaced every hour.
    BearerFile(PathBuf),
    /// An AWS principal, by Signature Version 4 for the service `aps`.
    SigV4 {
        /// The region the requests are signed for.
        region: String,
        /// Where the credentials come from; the default chain of the AWS SDK when `None`.
        credentials: Option<SharedCredentialsProvider>,
    },
}

impl Auth {
    /// The kind, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::None => "no authentication".to_owned(),
            Self::Basic { user, .. } => format!("basic authentication as `{user}`"),
            Self::BearerFile(path) => format!("the bearer token in `{}`", path.display()),
            Self::SigV4 { region, .. } => format!("AWS Signature Version 4 for `aps` in `{region}`"),
        }
    }
}

/// Pauses before a busy server is asked again: they double from `first` to `most`, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest pause, also of those the server asks for.
    pub most: Duration,
    /// Times one query is asked, the first included.
    pub tries: u32,
}

impl Default for Backoff {
    /// 1, 2, 4, 8 seconds: a restart of a small Prometheus fits in; a longer outage is the next run's.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: 5 }
    }
}

impl Backoff {
    /// The pause before asking for the `again`-th time, from one on: what the server asks for, else half to all of
    /// the doubled pause, by `jitter` from 0 to 1.
    pub(super) fn pause(&self, again: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        if let Some(asked) = retry_after {
            return asked.min(self.most);
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(again.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.most).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

impl ServerOptions {
    /// A server at `url` that asks for no credentials.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            auth: Auth::None,
            client_identity: None,
            ca: None,
            headers: Vec::new(),
            tenant: None,
            query_timeout: QUERY_TIMEOUT,
            answer_grace: ANSWER_GRACE,
            samples_budget: SAMPLES_BUDGET,
            flavor: None,
            backoff: Backoff::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_under_the_cap() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(5), tries: 9 };
        let full: Vec<_> = (1..6).map(|again| backoff.pause(again, None, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 5, 5]);
        assert_eq!(backoff.pause(1, None, 0.0), Duration::from_millis(500));
        assert_eq!(backoff.pause(1, Some(Duration::from_secs(3)), 0.0), Duration::from_secs(3));
        assert_eq!(backoff.pause(1, Some(Duration::from_secs(3600)), 0.0), Duration::from_secs(5));
        assert_eq!(backoff.pause(99, None, 1.0), Duration::from_secs(5));
    }
}
