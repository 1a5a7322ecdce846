//! Why the server gave no usable answer, and what can be done about it.

/// The largest answer accepted; what is larger is asked in parts. An answer is in memory while it is read, and the next
/// while it arrives, so this bounds the collector's, however large the cluster: 50,000 containers on thirteen points are
/// near 30 MB.
pub(super) const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Why the server gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The URL is not one.
    #[error("`{url}` is not the URL of a Prometheus server; {next}")]
    Url {
        /// The URL as given, without credentials.
        url: String,
        /// Next step.
        next: &'static str,
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
        /// Time waited.
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
        /// Beginning of the answer.
        head: String,
    },
    /// The answer is about other times than those asked for.
    #[error(
        "`{url}` was asked query `{query}` for {asked} and answered with samples of {got}; something before the server, such as a cache, gives an answer it kept: go past it, or have it keep nothing"
    )]
    OtherTimes {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// The times asked for.
        asked: String,
        /// Those of the samples.
        got: String,
    },
    /// The answer sends on to another server.
    #[error(
        "`{url}` sends query `{query}` on to `{to}`, which was not asked: it would get the headers and credentials meant for the first; give that URL where it is the right one"
    )]
    Redirected {
        /// The server.
        url: String,
        /// Name of the query.
        query: String,
        /// Where to.
        to: String,
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
        /// Error message, or the beginning of the answer.
        message: String,
        /// Next step.
        next: Box<str>,
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
        /// Error message, or the beginning of the answer.
        message: String,
    },
    /// The answer is larger than accepted.
    #[error("the answer to query `{query}` is larger than {MAX_BODY_BYTES} bytes, asked in its smallest parts")]
    TooLarge {
        /// Name of the query.
        query: String,
    },
}

/// Next step about a query that failed.
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
    /// Remedy.
    ///
    /// Statuses as the servers use them: Prometheus answers 422 to a query that runs into a limit or an error, 503
    /// to one that timed out, 400 to one it cannot parse (source: `web/api/v1/api.go`); Mimir and Amazon Managed
    /// Prometheus answer 422 over limits and 429 when throttled; proxies answer 502 and 504 to a backend that takes
    /// too long.
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::TimedOut { .. } | Self::TooLarge { .. } => Remedy::Split,
            Self::Refused { message, .. } if is_hopeless(message) => Remedy::GiveUp,
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

impl QueryError {
    /// Returns whether it is about the server or the way to it, so that no question would be answered.
    pub(crate) fn is_of_the_server(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::NotAllowed { .. }
                | Self::Credentials { .. }
                | Self::Redirected { .. }
                | Self::Setup { .. }
                | Self::Url { .. }
        )
    }

    /// Returns whether it is about what was asked, so that another question may be answered.
    pub(super) fn is_of_the_question(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::TooLarge { .. } => true,
            Self::Refused { .. } => matches!(self.remedy(), Remedy::Split | Remedy::GiveUp),
            _ => false,
        }
    }
}

/// Messages of servers about a query that no part of it would mend.
///
/// Mimir and Cortex, and with them Amazon's service, answer 422 to limits of every kind. Those on series, chunks, bytes,
/// samples and memory are met with less; those on the span, the text or the query as such are not (source: the catalogue
/// of errors in Mimir's `pkg/util/globalerror`, `pkg/util/validation` of Cortex). Neither is an expression that cannot be
/// evaluated (`promql/engine.go` of Prometheus), or one that is too long for VictoriaMetrics.
const HOPELESS: [&str; 9] = [
    "err-mimir-max-query-length",
    "err-mimir-max-total-query-length",
    "err-mimir-max-query-expression-size-bytes",
    "err-mimir-query-blocked",
    "query time range exceeds the limit",
    "same labelset",
    "many-to-many matching",
    "duplicate series for the match group",
    "-search.maxquerylen",
];

fn is_hopeless(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    HOPELESS.iter().any(|words| message.contains(words))
}

/// Returns whether a refusal is about the time a query took: `query timed out in query execution` from Prometheus,
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

    fn remedy(status: u16, message: &str) -> Remedy {
        QueryError::Refused { query: "q".to_owned(), status, message: message.to_owned() }.remedy()
    }

    #[test]
    fn limits_of_managed_servers_are_met_with_less_where_less_is_within_them() {
        // Texts of Mimir, Cortex (Amazon's service among them) and VictoriaMetrics.
        for message in [
            "the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query). Consider reducing the time range and/or number of series selected by the query.",
            "the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query).",
            "the query exceeded the aggregated chunks size limit (limit: 1073741824 bytes) (err-mimir-max-chunks-bytes-per-query).",
            "the estimated number of chunks for the query exceeded the maximum allowed (limit: 4000000 chunks) (err-mimir-max-estimated-chunks-per-query).",
            "the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: 1000000000 bytes) (err-mimir-max-estimated-memory-consumption-per-query)",
            "expanding series: the query hit the max number of series limit (limit: 100000 series)",
            "expanding series: the query hit the max number of chunks limit (limit: 20000000 chunks)",
            "expanding series: the query hit the aggregated data size limit",
            "query processing would load too many samples into memory in query execution",
            "query timed out in query execution",
            "cannot select more than -search.maxSamplesPerQuery=1000000000 samples; possible solutions: to increase the -search.maxSamplesPerQuery",
            "the number of matching timeseries exceeds 300000; either narrow down the search or increase -search.max* command-line flag values",
            // A store that broke down is told with the same status; what is asked for then is asked again, in halves.
            "attempted to read series at index 0 from store-gateway chunks stream, but the stream has failed: rpc error: code = Internal",
        ] {
            assert_eq!(remedy(422, message), Remedy::Split, "{message}");
        }
    }

    #[test]
    fn what_no_part_of_a_query_would_mend_is_not_asked_in_parts() {
        for message in [
            "the query time range exceeds the limit (query length: 361h0m0s, limit: 360h0m0s) (err-mimir-max-query-length).",
            "the total query time range exceeds the limit (query length: 800h0m0s, limit: 768h0m0s) (err-mimir-max-total-query-length).",
            "expanding series: the query time range exceeds the limit (query length: 900h0m0s, limit: 768h0m0s)",
            "the raw query size in bytes exceeds the limit (query size: 9000, limit: 4096) (err-mimir-max-query-expression-size-bytes).",
            "the request has been blocked by the cluster administrator (err-mimir-query-blocked)",
            "vector cannot contain metrics with the same labelset",
            "found duplicate series for the match group {pod=\"a\"} on the right hand-side of the operation; many-to-many matching not allowed: matching labels must be unique on one side",
            "too long query; got 20000 bytes; mustn't exceed `-search.maxQueryLen=16384` bytes",
        ] {
            assert_eq!(remedy(422, message), Remedy::GiveUp, "{message}");
        }
    }

    #[test]
    fn what_is_throttled_is_asked_again_as_it_was() {
        for message in [
            "the request has been rejected because the tenant exceeded the request rate limit (err-mimir-tenant-max-request-rate)",
            "too many outstanding requests",
            "Rate exceeded",
        ] {
            assert_eq!(remedy(429, message), Remedy::Again, "{message}");
        }
    }
}
