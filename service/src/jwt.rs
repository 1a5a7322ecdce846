//! EDGE: JWTs of an issuer whose keys are found by its discovery document.
//!
//! Issuer, audience and algorithms are the configuration's, never the token's; the clock is an argument.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

/// Longest time of one request to a provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest document a provider may send.
const MOST_BYTES: usize = 512 * 1024;
/// Time after which keys are asked for again, because a token names one that is not known: a flood of made-up names
/// must not become a flood of requests.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Time for which keys are used before they are asked for again.
const FRESH: TimeDelta = TimeDelta::minutes(15);
/// Difference of clocks that is accepted.
const LEEWAY_SECONDS: i64 = 60;
/// The longest token that is looked at.
const MOST_TOKEN: usize = 16 * 1024;

/// Why a token or a sign-in is refused.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// The provider could not be asked.
    #[error("could not ask `{url}`")]
    Provider {
        /// Path that was asked for.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// The provider said something that makes no sense.
    #[error("`{url}` answers {said}")]
    Answer {
        /// Path that was asked for.
        url: String,
        /// Status as it said it.
        said: String,
    },
    /// The token is not signed by the issuer, or not for us.
    #[error("the token is refused: {0}")]
    Refused(String),
}

/// The algorithm of a name; `None` for those that are not taken, `none` and shared secrets among them.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "PS256" => Some(Algorithm::PS256),
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        _ => None,
    }
}

/// Document in which a provider says what it offers.
#[derive(Debug, Clone, Deserialize)]
pub struct Discovery {
    /// Who it is; must be who was asked.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Option<String>,
    /// Where codes become tokens.
    pub token_endpoint: Option<String>,
    /// Where it says more of who signed in, to whoever has an access token of theirs.
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// Where its keys lie.
    pub jwks_uri: String,
}

/// The claims of a verified token.
#[derive(Debug, Clone)]
pub struct Claims(serde_json::Map<String, Value>);

impl Claims {
    /// Claims whose signature the caller has verified.
    pub(crate) fn of(claims: serde_json::Map<String, Value>) -> Self {
        Self(claims)
    }

    /// The text of a claim.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The whole number of a claim.
    pub fn number(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        #[expect(clippy::as_conversions, reason = "a moment in seconds; what does not fit saturates")]
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// The texts of a claim: of a list, or one by itself. A dot in the name leads into an object, as
    /// `realm_access.roles` does.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.find(name) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(self.0.get(first)?, |value, step| value.get(step))
        })
    }

    /// Returns true when there is such a claim, also an empty one.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| !value.is_null())
    }

    /// Returns true when the token only says where a claim is to be asked for, as Entra does of somebody who is in more
    /// groups than it writes into a token.
    pub fn is_elsewhere(&self, name: &str) -> bool {
        self.0.get("_claim_names").is_some_and(|names| names.get(name).is_some())
    }

    /// When the token was made at the earliest, by our clock and its issuer's; `None` where it does not say.
    pub fn issued(&self) -> Option<DateTime<Utc>> {
        let made = self.number("iat")?.checked_sub(LEEWAY_SECONDS)?;
        DateTime::from_timestamp(made, 0)
    }

    /// A name for logs and pages.
    pub fn subject(&self) -> Option<&str> {
        ["email", "preferred_username", "upn", "sub"].iter().find_map(|name| self.text(name))
    }
}

/// A document as text, by GET. No redirects are followed.
///
/// # Errors
/// [`JwtError`].
pub(crate) async fn document(http: &reqwest::Client, url: &str) -> Result<Vec<u8>, JwtError> {
    let failed = |source| JwtError::Provider { url: url.to_owned(), source };
    let mut answer = http.get(url).timeout(PATIENCE).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(JwtError::Answer { url: url.to_owned(), said: answer.status().to_string() });
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(JwtError::Answer { url: url.to_owned(), said: "more than half a megabyte".to_owned() });
        }
    }
    Ok(body)
}

/// An issuer and what is known of it.
#[derive(Debug)]
pub struct Issuer {
    issuer: String,
    algorithms: Vec<Algorithm>,
    http: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    discovery: Option<Discovery>,
    keys: HashMap<String, Jwk>,
    asked: Option<DateTime<Utc>>,
}

impl Issuer {
    /// An issuer that is asked when the first token comes.
    pub fn new(issuer: &str, algorithms: &[String], http: reqwest::Client) -> Self {
        let algorithms = algorithms.iter().filter_map(|name| algorithm(name)).collect();
        Self { issuer: issuer.to_owned(), algorithms, http, known: Mutex::default() }
    }

    /// Returns the document in which it says what it offers.
    ///
    /// # Errors
    /// [`JwtError`].
    pub async fn discovery(&self, now: DateTime<Utc>) -> Result<Discovery, JwtError> {
        let mut known = self.known.lock().await;
        match &known.discovery {
            Some(discovery) => Ok(discovery.clone()),
            None => self.ask(&mut known, now).await,
        }
    }

    async fn ask(&self, known: &mut Known, now: DateTime<Utc>) -> Result<Discovery, JwtError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let wrong = |url: &str, said: String| JwtError::Answer { url: url.to_owned(), said };
        known.asked = Some(now);
        let document = self::document(&self.http, &url).await?;
        let discovery: Discovery = serde_json::from_slice(&document).map_err(|e| wrong(&url, e.to_string()))?;
        if discovery.issuer != self.issuer {
            return Err(wrong(&url, format!("that its issuer is `{}`, not `{}`", discovery.issuer, self.issuer)));
        }
        let keys = self::document(&self.http, &discovery.jwks_uri).await?;
        // A key of a kind that is not known must not hide the others.
        let set: Value = serde_json::from_slice(&keys).map_err(|e| wrong(&discovery.jwks_uri, e.to_string()))?;
        let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
        let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok()).collect();
        known.keys = by_id(JwkSet { keys });
        known.discovery = Some(discovery.clone());
        Ok(discovery)
    }

    async fn key(&self, id: &str, now: DateTime<Utc>) -> Result<Jwk, JwtError> {
        let mut known = self.known.lock().await;
        let age = known.asked.map(|asked| now - asked);
        let stale = match age {
            None => true,
            Some(age) => age > FRESH || (!known.keys.contains_key(id) && age > AGAIN),
        };
        if stale && let Err(error) = self.ask(&mut known, now).await {
            // Keys that were good a moment ago are better than nobody being let in.
            if !known.keys.contains_key(id) {
                return Err(error);
            }
            tracing::warn!("the keys of `{}` could not be renewed: {error}", self.issuer);
        }
        let refused = || JwtError::Refused("it is signed with a key that the issuer does not have".to_owned());
        known.keys.get(id).cloned().ok_or_else(refused)
    }

    /// The claims of a token that this issuer signed for `audience` and that holds now.
    ///
    /// # Errors
    /// [`JwtError`].
    pub async fn verify(&self, token: &str, audience: &str, now: DateTime<Utc>) -> Result<Claims, JwtError> {
        let refused = |what: String| JwtError::Refused(what);
        if token.len() > MOST_TOKEN {
            return Err(refused("it is too long".to_owned()));
        }
        let header = decode_header(token).map_err(|error| refused(error.to_string()))?;
        if !self.algorithms.contains(&header.alg) {
            return Err(refused(format!("it is signed with {:?}", header.alg)));
        }
        let id = header.kid.unwrap_or_default();
        let jwk = self.key(&id, now).await?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|error| refused(error.to_string()))?;
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // By the clock that is handed down, below.
        validation.validate_exp = false;
        let data = decode::<serde_json::Map<String, Value>>(token, &key, &validation)
            .map_err(|error| refused(error.to_string()))?;
        let claims = Claims(data.claims);
        check_times(&claims, now).map_err(|what| refused(what.to_owned()))?;
        Ok(claims)
    }
}

fn check_times(claims: &Claims, now: DateTime<Utc>) -> Result<(), &'static str> {
    let now = now.timestamp();
    let Some(ends) = claims.number("exp") else { return Err("it has no end") };
    if ends.saturating_add(LEEWAY_SECONDS) <= now {
        return Err("it has ended");
    }
    if claims.number("nbf").is_some_and(|begins| begins > now.saturating_add(LEEWAY_SECONDS)) {
        return Err("it does not hold yet");
    }
    if claims.number("iat").is_some_and(|made| made > now.saturating_add(LEEWAY_SECONDS)) {
        return Err("it is from the future");
    }
    Ok(())
}

fn by_id(set: JwkSet) -> HashMap<String, Jwk> {
    set.keys.into_iter().map(|key| (key.common.key_id.clone().unwrap_or_default(), key)).collect()
}
