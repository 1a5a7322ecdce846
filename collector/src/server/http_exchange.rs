//! EDGE: one exchange with the server: the request as it goes out, the body as it comes in.

use std::time::Duration;

use prometheus_http_query::Client;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;

use super::auth::{Authority, deepest};
use super::options::{Auth, ServerOptions};
use super::query_error::{MAX_BODY_BYTES, QueryError};
use super::server_flavor::Flavor;
use super::server_url::{self, Unusable, shown};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of an unexpected answer that are quoted.
const QUOTED_CHARS: usize = 200;
/// Bytes of an unexpected answer that are looked at.
const MOST_REFUSAL_BYTES: usize = 64 * 1024;

/// Said with each query, against answers that leave stores out without failing. Servers ignore what they do not know,
/// and a proxy may hide what is behind it, so they are sent to all (not to Amazon's, which is none of these).
///
/// Thanos answers partially by default, from downsampled blocks if it likes, and tells replicas apart only on request
/// (source: the Querier's and Query API's page of its documentation). A VictoriaMetrics cluster answers partially
/// with `"isPartial":true` and no warning, unless denied (source: its cluster page).
const WHOLE_ANSWERS: [(&str, &str); 4] =
    [("dedup", "true"), ("partial_response", "false"), ("max_source_resolution", "0s"), ("deny_partial_response", "1")];

/// Reach of the samples as they were scraped that are asked for at one moment: the hour and the look-ahead.
const REACH_SECONDS: i64 = types::window::HOUR_SECONDS + crate::queries::LOOK_AHEAD_SECONDS;

/// When an expression is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Times {
    /// Once, at the server's own now.
    Now,
    /// Once.
    At(i64),
    /// From, to, and the step, in seconds.
    Range(i64, i64, i64),
}

impl Times {
    /// Milliseconds between its points; a slot's where there is one point.
    pub(super) const fn step_milliseconds(self) -> i64 {
        match self {
            Self::Range(_, _, step) => step.saturating_mul(1000),
            Self::Now | Self::At(_) => 1000 * types::SLOT_SECONDS,
        }
    }

    /// Returns whether samples from one moment to another, in milliseconds, are of these times. Without a tolerance
    /// they are also on the grid of a range. What is asked for at one moment carries that moment, whatever its samples are
    /// of; a selector of a range gives samples as they were scraped, `over_time`, none older than [`REACH_SECONDS`]. Servers
    /// that leave out the newest samples may be off by a slot.
    pub(super) fn hold(self, (first, last): (i64, i64), over_time: bool, tolerance: i64) -> bool {
        let milliseconds = |seconds: i64| seconds.saturating_mul(1000);
        match self {
            Self::Now => true,
            Self::At(at) => {
                let reach = if over_time { REACH_SECONDS } else { 0 };
                let oldest = milliseconds(at.saturating_sub(reach).saturating_sub(types::SLOT_SECONDS));
                let newest = milliseconds(at.saturating_add(types::SLOT_SECONDS));
                first >= oldest && last <= newest
            }
            Self::Range(from, to, _) => {
                let (from, to) = (milliseconds(from), milliseconds(to));
                let on_grid =
                    tolerance > 0 || first.saturating_sub(from).checked_rem(self.step_milliseconds()) == Some(0);
                first >= from.saturating_sub(tolerance) && last <= to.saturating_add(tolerance) && on_grid
            }
        }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::At(at) => write!(f, "{}", moment(*at)),
            Self::Range(from, to, step) => write!(f, "{} to {} every {step} s", moment(*from), moment(*to)),
        }
    }
}

/// A moment in seconds since the epoch, for messages.
pub(super) fn moment(seconds: i64) -> String {
    let moment = chrono::DateTime::from_timestamp(seconds, 0);
    moment.map_or_else(|| format!("second {seconds}"), |moment| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Follows an answer that sends on only to the same scheme, host and port. Elsewhere it would take headers of ours, of
/// which the library strips those it knows and none that a person named.
pub(crate) fn within_the_server() -> Policy {
    Policy::custom(|attempt| {
        let same = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
        match attempt.previous().len() {
            _ if !same => attempt.stop(),
            0..=5 => attempt.follow(),
            _ => attempt.error("it sends on in a circle"),
        }
    })
}

/// The connection to one server.
pub(super) struct Connection {
    client: Client,
    /// Where it is, without credentials.
    pub(super) url: String,
    authority: Authority,
    query_timeout: Duration,
    total_timeout: Duration,
}

/// A failed exchange.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: QueryError,
    /// Pause the server asked for.
    pub(super) retry_after: Option<Duration>,
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Connection {
    pub(super) fn new(options: &ServerOptions) -> Result<Self, QueryError> {
        let place = shown(&options.url);
        let invalid = |unusable: Unusable| QueryError::Url { url: place.clone(), next: unusable.next_step() };
        server_url::parse(&options.url).map_err(invalid)?;
        let authority = Authority::new(options);
        let hide = |text: String| authority.as_ref().map_or_else(|_| text.clone(), |authority| authority.hide(&text));
        let setup = |reason: String| QueryError::Setup { url: place.clone(), reason: hide(reason) };
        let total_timeout = options.query_timeout.saturating_add(options.answer_grace);
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(total_timeout)
            .redirect(within_the_server())
            .user_agent(concat!("emp-cost-collector/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &options.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| setup(deepest(&error)))?;
            http = http.tls_certs_only(certificates);
        }
        if let Some(pem) = &options.client_identity {
            let identity = reqwest::Identity::from_pem(pem.reveal().as_bytes());
            http = http.identity(identity.map_err(|error| setup(deepest(&error)))?);
        }
        let http = http.build().map_err(|error| setup(deepest(&error)))?;
        // The library puts a slash between base and path, and two of them are another path to some proxies.
        let client = Client::from(http, options.url.trim_end_matches('/')).map_err(|_| invalid(Unusable::NotHttp))?;
        let url = shown(client.base_url().as_str());
        Ok(Self {
            url,
            authority: authority.map_err(|reason| QueryError::Setup { url: place.clone(), reason })?,
            client,
            query_timeout: options.query_timeout,
            total_timeout,
        })
    }

    /// The host of its URL.
    pub(super) fn host(&self) -> &str {
        self.client.base_url().host_str().unwrap_or_default()
    }

    /// The URL of a path of the server.
    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.client.base_url().as_str().trim_end_matches('/'))
    }

    /// The body of the answer to an expression.
    pub(super) async fn query(
        &self,
        query: &str,
        promql: &str,
        times: Times,
        flavor: Option<Flavor>,
    ) -> Result<Vec<u8>, Failure> {
        let more: &[_] = if flavor == Some(Flavor::AmazonManagedPrometheus) { &[] } else { &WHOLE_ANSWERS };
        let headers = self.authority.headers().await.map_err(|reason| self.no_credentials(query, reason))?;
        let response = if self.authority.signs() {
            self.signed(query, promql, times, more, headers).await?
        } else {
            self.built(promql, times, more, headers).await.map_err(|error| self.broken(query, &error))?
        };
        self.body(query, response).await
    }

    /// Lets prometheus-http-query build and send the request.
    async fn built(
        &self,
        promql: &str,
        times: Times,
        more: &[(&'static str, &str)],
        headers: HeaderMap,
    ) -> Result<reqwest::Response, prometheus_http_query::Error> {
        let timeout = i64::try_from(self.query_timeout.as_millis()).unwrap_or(i64::MAX);
        // The builders append; each header has its name once or was meant to be there twice.
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        match times {
            Times::Now | Times::At(_) => {
                let request = self.client.query(promql).timeout(timeout);
                let request = match times {
                    Times::At(at) => request.at(at),
                    _ => request,
                };
                let request = more.iter().fold(request, |request, (name, value)| request.query(name, *value));
                headers.fold(request, |request, (name, value)| request.header(name, value)).post_raw().await
            }
            Times::Range(from, to, step) => {
                #[expect(clippy::as_conversions, reason = "three hundred")]
                let request = self.client.query_range(promql, from, to, step as f64).timeout(timeout);
                let request = more.iter().fold(request, |request, (name, value)| request.query(name, *value));
                headers.fold(request, |request, (name, value)| request.header(name, value)).post_raw().await
            }
        }
    }

    /// Builds the request here, with the same client: a signature covers the bytes that are sent, and the builders of
    /// prometheus-http-query send theirs without showing them.
    async fn signed(
        &self,
        query: &str,
        promql: &str,
        times: Times,
        more: &[(&'static str, &str)],
        headers: HeaderMap,
    ) -> Result<reqwest::Response, Failure> {
        let mut form = vec![("query", promql.to_owned()), ("timeout", format!("{}ms", self.query_timeout.as_millis()))];
        let path = match times {
            Times::Now => "api/v1/query",
            Times::At(at) => {
                form.push(("time", at.to_string()));
                "api/v1/query"
            }
            Times::Range(from, to, step) => {
                form.extend([("start", from.to_string()), ("end", to.to_string()), ("step", step.to_string())]);
                "api/v1/query_range"
            }
        };
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let url = self.at(path);
        let request = self.client.inner().post(url).form(&form).headers(headers).build();
        let mut request = request.map_err(|error| self.broken(query, &error))?;
        self.authority.sign(&mut request).await.map_err(|reason| self.no_credentials(query, reason))?;
        Ok(self.client.inner().execute(request).await.map_err(|error| self.broken(query, &error))?)
    }

    /// The body and the headers of what lies at a path of the server; for its own word about itself.
    pub(super) async fn get(&self, what: &str, path: &str) -> Result<(Vec<u8>, HeaderMap), Failure> {
        let headers = self.authority.headers().await.map_err(|reason| self.no_credentials(what, reason))?;
        let request = self.client.inner().get(self.at(path)).headers(headers).build();
        let mut request = request.map_err(|error| self.broken(what, &error))?;
        self.authority.sign(&mut request).await.map_err(|reason| self.no_credentials(what, reason))?;
        let response = self.client.inner().execute(request).await.map_err(|error| self.broken(what, &error))?;
        self.check_not_sent_on(what, &response)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.bytes(what, response).await?;
        match status.is_success() {
            true => Ok((body, headers)),
            false => Err(self.refusal(what, status.as_u16(), &body).into()),
        }
    }

    /// An answer that sends on to another server was not followed, so it is the last.
    fn check_not_sent_on(&self, query: &str, response: &reqwest::Response) -> Result<(), QueryError> {
        if !response.status().is_redirection() {
            return Ok(());
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        let to = response.url().join(to).map_or_else(|_| shown(to), |to| shown(to.as_str()));
        Err(QueryError::Redirected { url: self.url.clone(), query: query.to_owned(), to: self.authority.hide(&to) })
    }

    async fn bytes(&self, query: &str, mut response: reqwest::Response) -> Result<Vec<u8>, QueryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(query, &error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(QueryError::TooLarge { query: query.to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn body(&self, query: &str, response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let status = response.status();
        self.check_not_sent_on(query, &response)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|asked| wait_asked_for(asked, header(DATE)));
        let body = self.bytes(query, response).await?;
        if status.is_success() && body.starts_with(b"{") {
            return Ok(body);
        }
        let error = self.refusal(query, status.as_u16(), &body);
        Err(Failure { error, retry_after })
    }

    /// Reads an answer that is not a success, or not from the API.
    fn refusal(&self, query: &str, status: u16, body: &[u8]) -> QueryError {
        let (url, query) = (self.url.clone(), query.to_owned());
        // Before anything is cut off, which might leave half of a secret.
        let text = String::from_utf8_lossy(body.get(..body.len().min(MOST_REFUSAL_BYTES)).unwrap_or_default());
        let text = self.authority.hide(&text);
        let body = text.as_bytes();
        let said = api_error(body);
        let from_api = said.is_some();
        let message = said.unwrap_or_else(|| head(body));
        match status {
            401 | 403 => {
                let auth = self.authority.auth();
                let text: String = text.chars().take(4 * QUOTED_CHARS).collect();
                let next = rbac_step(&text).unwrap_or_else(|| next_step(auth).to_owned());
                QueryError::NotAllowed { url, query, status, auth: auth.describe(), message, next: next.into() }
            }
            // Proxies and overloaded servers answer these with a page of their own.
            413 | 422 | 429 | 500.. => QueryError::Refused { query, status, message },
            _ if from_api => QueryError::Refused { query, status, message },
            _ => QueryError::NotPrometheus { url, query, status, head: message },
        }
    }

    /// Reads a failed exchange: nobody there, an answer that broke off, or one that took too long.
    fn broken(&self, query: &str, error: &(dyn std::error::Error + 'static)) -> QueryError {
        let (mut connected, mut in_time) = (true, true);
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<reqwest::Error>() {
                connected &= !error.is_connect();
                in_time &= !error.is_timeout();
            }
            cause = error.source();
        }
        let (url, query, reason) = (self.url.clone(), query.to_owned(), self.authority.hide(&deepest(error)));
        match (connected, in_time) {
            (false, _) => QueryError::Unreachable { url, reason },
            (true, false) => QueryError::TimedOut { url, query, seconds: self.total_timeout.as_secs() },
            (true, true) => QueryError::Interrupted { url, query, reason },
        }
    }

    fn no_credentials(&self, query: &str, reason: String) -> QueryError {
        let reason = self.authority.hide(&reason);
        QueryError::Credentials { query: query.to_owned(), auth: self.authority.auth().describe(), reason }
    }
}

/// Pause that `Retry-After` asks for: so many seconds, or a moment, counted from the `Date` of the same answer, so that
/// nobody's clock has to be right.
fn wait_asked_for(asked: &str, date: Option<&str>) -> Option<Duration> {
    let moment = |text: &str| chrono::DateTime::parse_from_rfc2822(text.trim()).ok();
    match asked.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => moment(asked)?.signed_duration_since(moment(date?)?).to_std().ok(),
    }
}

/// Next step when the server does not accept who asks.
fn next_step(auth: &Auth) -> &'static str {
    match auth {
        Auth::None => {
            "give --prometheus-user, --prometheus-bearer-token-file, --prometheus-sigv4-region or a client certificate"
        }
        Auth::Basic { .. } => "check user and password",
        Auth::BearerFile(_) => "check that the token is of a service account that may query, and not expired",
        Auth::SigV4 { .. } => "allow aps:QueryMetrics on the workspace to this role, and check the region",
    }
}

/// Next step when kube-rbac-proxy refuses, as before the servers of OpenShift: it names what it asked the Kubernetes
/// API for, as `Forbidden (user=U, verb=V, resource=R, subresource=S)`. The verb is `create` where a query is posted.
fn rbac_step(message: &str) -> Option<String> {
    let (_, inside) = message.split_once("Forbidden (")?;
    let inside = inside.split(')').next()?;
    let said = |name: &str| {
        let pair = inside.split(',').filter_map(|pair| pair.trim().split_once('='));
        pair.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
    };
    let (user, verb, resource) = (said("user")?, said("verb")?, said("resource")?);
    if resource != "prometheuses" {
        return Some(format!(
            "`{user}` came to a port that serves single namespaces (it asks for `{verb}` on `{resource}`); use the one for all of the cluster, such as https://thanos-querier.openshift-monitoring.svc:9091"
        ));
    }
    let object = said("subresource").map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
    Some(format!(
        "allow `{user}` to `{verb}` `{object}` of the API group monitoring.coreos.com; on OpenShift the cluster role `cluster-monitoring-view` does"
    ))
}

/// Beginning of an unexpected answer.
fn head(body: &[u8]) -> String {
    let quoted = body.get(..body.len().min(4 * QUOTED_CHARS)).unwrap_or_default();
    let text = String::from_utf8_lossy(quoted).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.is_empty() {
        true => "(nothing)".to_owned(),
        false => text.chars().take(QUOTED_CHARS).collect(),
    }
}

/// The text of an error in the API's own form.
fn api_error(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = answer.get("error").or_else(|| answer.get("message"))?;
    Some(text.as_str()?.chars().take(4 * QUOTED_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_asked_for_is_read_as_seconds_and_as_a_date() {
        let date = Some("Tue, 30 Jun 2026 12:00:00 GMT");
        for (asked, date, seconds) in [
            ("7", None, Some(7)),
            ("Tue, 30 Jun 2026 12:02:00 GMT", date, Some(120)),
            ("Tue, 30 Jun 2026 11:59:00 GMT", date, None),
            ("Tue, 30 Jun 2026 12:02:00 GMT", None, None),
            ("soon", date, None),
        ] {
            assert_eq!(wait_asked_for(asked, date), seconds.map(Duration::from_secs), "{asked}");
        }
    }

    #[test]
    fn what_kube_rbac_proxy_misses_is_told() {
        let user = "user=system:serviceaccount:emp:collector";
        let said =
            rbac_step(&format!("Forbidden ({user}, verb=create, resource=prometheuses, subresource=api)")).unwrap();
        assert!(said.contains("`create` `prometheuses/api`") && said.contains("cluster-monitoring-view"), "{said}");
        assert!(said.contains("`system:serviceaccount:emp:collector`"), "{said}");
        let said = rbac_step(&format!("Forbidden ({user}, verb=get, resource=pods, subresource=)")).unwrap();
        assert!(said.contains(":9091"), "{said}");
        for other in ["Forbidden", "Forbidden (", "denied by policy", "Forbidden (user=, verb=get, resource=pods)"] {
            assert_eq!(rbac_step(other), None, "{other}");
        }
    }

    #[test]
    fn samples_are_of_the_times_asked_for_or_not() {
        let hour = Times::Range(3600, 7200, 300);
        for (span, exact, roughly) in [
            ((3_600_000, 7_200_000), true, true),
            ((3_900_000, 3_900_000), true, true),
            ((3_601_000, 7_200_000), false, true),
            ((3_300_000, 7_200_000), false, true),
            ((3_600_000, 7_500_000), false, true),
            ((0, 3_000_000), false, false),
            ((90_000_000, 93_600_000), false, false),
        ] {
            assert_eq!((hour.hold(span, true, 0), hour.hold(span, true, 300_000)), (exact, roughly), "{span:?}");
        }
        let at = Times::At(86_400);
        for (span, over_time, expect) in [
            ((86_400_000, 86_400_000), false, true),
            ((86_100_000, 86_700_000), false, true),
            // An hour before, as a cache may have it, and one later.
            ((82_800_000, 82_800_000), false, false),
            ((90_000_000, 90_000_000), false, false),
            ((82_680_000, 86_390_000), true, true),
            ((82_680_000, 82_680_000), true, true),
            ((79_080_000, 82_790_000), true, false),
            ((86_400_000, 172_800_000), true, false),
        ] {
            assert_eq!(at.hold(span, over_time, 0), expect, "{span:?} {over_time}");
        }
        assert!(Times::Now.hold((0, 0), false, 0));
    }
}
