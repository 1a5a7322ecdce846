//! EDGE: signing in at an OpenID provider: authorization code flow with PKCE, state and nonce.
//!
//! Four requests, of which the first and the last are ours: discovery, the browser to the provider and back, and the code for an ID
//! token, which is verified as any other JWT is. Groups that it lacks are asked for where the provider has user info. No token
//! of the provider is kept.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::app_state::App;
use crate::authorization::Pairs;
use crate::config::Oidc;
use crate::identity::How;
use crate::identity_signers::Said;
use crate::jwt::{Claims, Issuer, JwtError};
use crate::problem::Problem;
use crate::sealed_values::{random_name, same, sha256_url};

/// The purpose a sign-in under way is sealed for.
pub(crate) const PURPOSE: &str = "login";
/// Time that somebody may take at the provider, in minutes.
pub(crate) const MINUTES: i64 = 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer with a token.
const MOST_BYTES: usize = 256 * 1024;

/// A sign-in under way, as its browser keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go after.
    pub next: String,
    until: DateTime<Utc>,
}

#[derive(Default, Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
}

fn provider(app: &App) -> Result<(&Oidc, &Issuer), Problem> {
    app.config.sign_in.oidc.as_ref().zip(app.signers.oidc.as_ref()).ok_or_else(Problem::not_found)
}

fn failed(error: &JwtError) -> Problem {
    let problem = Problem::internal("sign in at the provider", error);
    match error {
        JwtError::Refused(_) => Problem { status: StatusCode::FORBIDDEN, ..problem },
        _ => Problem { status: StatusCode::BAD_GATEWAY, ..problem },
    }
}

/// A provider that does not offer what a sign-in needs, which whoever signs in cannot change.
fn unfit(what: &str) -> Problem {
    tracing::error!("nobody can sign in: {what}");
    Problem::new(StatusCode::BAD_GATEWAY, format!("{what}; tell whoever runs this service"))
}

fn redirect_uri(app: &App) -> String {
    format!("{}/sign-in/callback", app.config.public_url)
}

/// Where to send a browser, and what it has to bring back.
///
/// # Errors
/// A [`Problem`] when there is no provider or it does not answer.
pub(crate) async fn start(app: &App, next: &str, now: DateTime<Utc>) -> Result<(String, Login), Problem> {
    let (config, issuer) = provider(app)?;
    let discovery = issuer.discovery(now).await.map_err(|error| failed(&error))?;
    let endpoint = discovery.authorization_endpoint.unwrap_or_default();
    let mut to = reqwest::Url::parse(&endpoint).map_err(|_| unfit("the provider names no page to sign in at"))?;
    let name = || random_name::<32>().ok_or_else(Problem::no_chance);
    let until = now + TimeDelta::minutes(MINUTES);
    let login = Login { state: name()?, nonce: name()?, verifier: name()?, next: next.to_owned(), until };
    let scopes: Vec<&str> = std::iter::once("openid").chain(config.scopes.iter().map(String::as_str)).collect();
    to.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &config.client_id)
        .append_pair("redirect_uri", &redirect_uri(app))
        .append_pair("scope", &scopes.join(" "))
        .append_pair("state", &login.state)
        .append_pair("nonce", &login.nonce)
        .append_pair("code_challenge", &sha256_url(&login.verifier))
        .append_pair("code_challenge_method", "S256");
    Ok((to.into(), login))
}

/// Who came back from the provider.
///
/// # Errors
/// A [`Problem`] when the browser brings something else than it was sent for, or the provider refuses.
pub(crate) async fn finish(app: &App, login: &Login, query: &Pairs, now: DateTime<Utc>) -> Result<Said, Problem> {
    let (config, issuer) = provider(app)?;
    let again = |what: &str| Problem::forbidden(format!("{what}; sign in again"));
    if now >= login.until || !query.get("state").is_some_and(|state| same(state, &login.state)) {
        return Err(again("this sign-in was not begun here, or too long ago"));
    }
    // RFC 9207: an answer of another provider must not be taken for this one's.
    if query.get("iss").is_some_and(|iss| iss != config.issuer) {
        return Err(again("another provider answers"));
    }
    let code = query.get("code").ok_or_else(|| again("the provider did not sign you in"))?;
    let (token, access) = redeem(app, config, issuer, (code, &login.verifier), now).await?;
    let claims = issuer.verify(&token, &config.client_id, now).await.map_err(|error| failed(&error))?;
    if !claims.text("nonce").is_some_and(|nonce| same(nonce, &login.nonce)) {
        return Err(again("the provider's answer is not of this sign-in"));
    }
    // With several audiences the token says for whom it was made.
    if claims.texts("aud").len() > 1 && claims.text("azp") != Some(config.client_id.as_str()) {
        return Err(again("the provider's answer was made for another program"));
    }
    let subject = claims.subject().ok_or_else(|| again("the provider names nobody"))?.to_owned();
    let groups = match claims.has(&config.groups_claim) {
        true => claims.texts(&config.groups_claim),
        false => other_groups((app, config, issuer), &claims, access.as_deref(), now).await,
    };
    Ok(Said { subject, groups, how: How::Oidc })
}

/// The groups of somebody whose ID token has no claim with them: those of the user info, where the provider has it. What
/// cannot be asked counts as no group, and is said in the log.
async fn other_groups(
    (app, config, issuer): (&App, &Oidc, &Issuer),
    claims: &Claims,
    access: Option<&str>,
    now: DateTime<Utc>,
) -> Vec<String> {
    let (claim, subject) = (&config.groups_claim, claims.subject().unwrap_or_default());
    if claims.is_elsewhere(claim) {
        tracing::warn!(
            "`{subject}` is in more groups than the provider writes into a token (`_claim_names`), and counts as in none; \
             let the provider name only the groups that are assigned to this application"
        );
        return Vec::new();
    }
    let endpoint = issuer.discovery(now).await.ok().and_then(|discovery| discovery.userinfo_endpoint);
    let (Some(endpoint), Some(access)) = (endpoint, access) else { return Vec::new() };
    let request = app.signers.http.get(&endpoint).timeout(PATIENCE).bearer_auth(access);
    let told = match received(request).await {
        Ok(body) => serde_json::from_slice(&body).map(Claims::of).ok(),
        Err(error) => {
            tracing::warn!("the user info of `{subject}` cannot be asked for, so they are in no group: {error}");
            return Vec::new();
        }
    };
    // What is told of somebody else, as where an answer was mixed up, must not count (OpenID Connect Core 5.3.2).
    match told.filter(|told| told.text("sub").is_some() && told.text("sub") == claims.text("sub")) {
        Some(told) => told.texts(claim),
        None => {
            tracing::warn!("the user info of `{subject}` is not theirs or cannot be read, so they are in no group");
            Vec::new()
        }
    }
}

/// Exchanges a code for an ID token, and the access token that comes with it.
async fn redeem(
    app: &App,
    config: &Oidc,
    issuer: &Issuer,
    (code, verifier): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(String, Option<String>), Problem> {
    let discovery = issuer.discovery(now).await.map_err(|error| failed(&error))?;
    let endpoint = discovery.token_endpoint.ok_or_else(|| unfit("the provider names no token endpoint"))?;
    let redirect = redirect_uri(app);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect),
        ("code_verifier", verifier),
        ("client_id", &config.client_id),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = app.signers.http.post(&endpoint).timeout(PATIENCE);
    request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    if let Some(secret) = &app.secrets.client_secret {
        // RFC 6749: both are escaped as in a form before they are joined.
        let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        request = request.basic_auth(escaped(&config.client_id), Some(escaped(secret)));
    }
    let asking = |source| failed(&JwtError::Provider { url: endpoint.clone(), source });
    let answer = received(request).await.map_err(asking)?;
    let answer = serde_json::from_slice::<TokenAnswer>(&answer).unwrap_or_default();
    let token = answer.id_token.ok_or_else(|| {
        tracing::warn!("the provider gives no ID token: {}", answer.error.unwrap_or_default());
        Problem::forbidden("the provider does not take this sign-in; sign in again")
    })?;
    Ok((token, answer.access_token))
}

/// What a request is answered with, as much of it as an honest provider sends.
async fn received(request: reqwest::RequestBuilder) -> Result<Vec<u8>, reqwest::Error> {
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            break;
        }
    }
    Ok(body)
}
