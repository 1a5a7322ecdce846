//! Why the server gave no usable answer, and what can be done about it.

use super::send::MAX_BODY_BYTES;

/// Why the server gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The URL is not one.
    #[error("`{url}` is not the URL of a Prometheus server; use one such as http://prometheus-server.monitoring:80")]
    Url {
        /// What was given, without credentials.
        url: String,
    },
    /// The connection's own settings cannot be used.
    #[error("could not set up the connection to `{url}`: {reason}; check the certificates and headers given")]
    Setup {
        /// The server.
        url: String,
        /// Why.
        reason: String,
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
    /// The answer took longer than allowed, although little was asked for.
    #[error(
        "`{url}` did not answer query `{query}` within {seconds} s, asked in its smallest parts; allow more with --prometheus-timeout, or give the server more CPU"
    )]
    TimedOut {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// An answer that is not from the API.
    #[error(
        "`{url}` answered query `{query}` with status {status} and something that is not Prometheus' API: {head}; check the URL and its path"
    )]
    NotPrometheus {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// The HTTP status.
        status: u16,
        /// How the answer begins.
        head: String,
    },
    /// The server does not accept who asks.
    #[error("`{url}` answered query `{query}` with status {status}, asked with {auth}: {message}; {next}")]
    NotAllowed {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// The HTTP status: 401 or 403.
        status: u16,
        /// The kind of authentication used.
        auth: String,
        /// What it said, or how the answer begins.
        message: String,
        /// What to do.
        next: &'static str,
    },
    /// The credentials to ask with cannot be had.
    #[error("could not get the credentials for query `{query}`, {auth}: {reason}")]
    Credentials {
        /// Name of the query.
        query: String,
        /// The kind of authentication.
        auth: String,
        /// Why.
        reason: String,
    },
    /// The server refused the query.
    #[error("Prometheus refused query `{query}` with status {status}: {message}")]
    Refused {
        /// Name of the query.
        query: String,
        /// The HTTP status.
        status: u16,
        /// What it said, or how the answer begins.
        message: String,
    },
    /// The answer is larger than accepted.
    #[error("the answer to query `{query}` is larger than {MAX_BODY_BYTES} bytes, asked in its smallest parts")]
    TooLarge {
        /// Name of the query.
        query: String,
    },
}

/// What to do about a query that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Ask for less, at once: the server said that this was too much.
    Split,
    /// Ask for less, after a pause: the server, or what stands before it, is in trouble.
    SplitLater,
    /// Ask the same again, after a pause: nothing was wrong with the question.
    Again,
    /// Nothing: asking again brings the same.
    GiveUp,
}

impl QueryError {
    /// What may help.
    ///
    /// Statuses as the servers use them: Prometheus answers 422 to a query that runs into a limit or an error, 503
    /// to one that timed out, 400 to one it cannot parse (source: `web/api/v1/api.go`); Mimir and Amazon Managed
    /// Prometheus answer 422 over limits and 429 when throttled; proxies answer 502 and 504 to a backend that takes
    /// too long.
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::TimedOut { .. } | Self::TooLarge { .. } => Remedy::Split,
            Self::Unreachable { .. } | Self::Interrupted { .. } => Remedy::Again,
            Self::Refused { status: 422 | 413, .. } => Remedy::Split,
            Self::Refused { status: 429, .. } => Remedy::Again,
            Self::Refused { status: 503, message, .. } if timed_out(message) => Remedy::Split,
            Self::Refused { status: 503, .. } => Remedy::Again,
            Self::Refused { status, .. } if *status >= 500 => Remedy::SplitLater,
            _ => Remedy::GiveUp,
        }
    }
}

/// Whether a refusal is about the time a query took: `query timed out in query execution` from Prometheus,
/// `context deadline exceeded` from what is built on it.
fn timed_out(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["timed out", "timeout", "deadline exceeded", "took too long"].iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_with_less_and_a_busy_server_with_patience() {
        let refused = |status, message: &str| {
            QueryError::Refused { query: "q".to_owned(), status, message: message.to_owned() }.remedy()
        };
        assert_eq!(refused(422, "query processing would load too many samples"), Remedy::Split);
        assert_eq!(refused(503, "query timed out in expression evaluation"), Remedy::Split);
        assert_eq!(refused(503, "service unavailable"), Remedy::Again);
        assert_eq!(refused(429, "too many outstanding requests"), Remedy::Again);
        assert_eq!(refused(504, "<html>"), Remedy::SplitLater);
        assert_eq!(refused(400, "parse error"), Remedy::GiveUp);
    }
}
