//! Who is asking: a header, a cookie or a proxy's word becomes an [`Identity`] with its [`Scope`].

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};

use crate::access_rules::{Scope, rules_of};
use crate::access_tokens;
use crate::app_state::App;
use crate::client_address::Addresses;
use crate::cookie::Cookie;
use crate::identity::{How, Identity, SESSION};
use crate::identity_signers::{self, Said};
use crate::problem::Problem;
use crate::rate_limiter::throttle;

/// Keys of load balancers that one address makes the service ask for in a minute.
const KEYS_A_MINUTE: u32 = 60;

/// Somebody, with what they may see; `None` for nobody.
pub(crate) type Known = Option<(Identity, Scope)>;

/// Who is asking, by the first of what they bring that counts; a thing that is brought and does not hold counts for
/// nobody, so that nobody is taken for somebody else.
///
/// A link that somebody opened comes before what a proxy says of them: they opened it to see what it shows. One that has
/// ended is as if it were not there, since its reader could not get rid of it behind a proxy.
pub(crate) async fn identify(
    app: &App,
    headers: &HeaderMap,
    from: Addresses,
    now: DateTime<Utc>,
) -> Result<Known, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        let bearer = identity_signers::one(headers, "authorization").and_then(|value| value.split_once(' '));
        let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
            return Ok(None);
        };
        return by_token(app, token.trim(), from, now).await;
    }
    let sealed = Cookie::Session.of(headers, app.config.is_https());
    let session = sealed.and_then(|sealed| app.secrets.keys.open::<Identity>(SESSION, sealed));
    if let Some(guest) = session.as_ref().filter(|who| who.how == How::Share)
        && let Some(known) = by_session(app, guest.clone(), now).await?
    {
        return Ok(Some(known));
    }
    if let Some(said) = said(app, headers, from, now).await {
        return by_word(app, &said, now).await;
    }
    match session.filter(|who| who.how != How::Share) {
        Some(who) => by_session(app, who, now).await,
        None => Ok(None),
    }
}

/// Who a token of ours, or a JWT, is of.
async fn by_token(app: &App, token: &str, from: Addresses, now: DateTime<Utc>) -> Result<Known, Problem> {
    if token.starts_with("emp_") {
        // The store is asked about tokens that were never seen: an address may make it so only so often.
        if !app.tokens.knows(token, now) {
            let a_minute = app.config.limits.of_nobody();
            throttle(&app.limiter, &format!("unknown token {}", from.share()), a_minute, now)?;
        }
        let token = app.tokens.check(app.store.as_ref(), token, now).await?;
        // A link is for browsers, which exchange it for a session.
        let token = token.filter(|token| !matches!(token.kind, access_tokens::Kind::Share { .. }));
        return Ok(token.map(|token| (token.identity(), access_tokens::scope_of(&token, &app.config.rules))));
    }
    let (Some(issuer), Some(config)) = (&app.signers.bearer, &app.config.sign_in.bearer) else { return Ok(None) };
    let claims = match issuer.verify(token, &config.audience, now).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::info!("a bearer token is refused: {error}");
            return Ok(None);
        }
    };
    let groups = claims.texts(&config.groups_claim);
    let rules = rules_of(&app.config.rules, &groups);
    let subject = claims.subject().unwrap_or_default();
    let Some(mut who) = Identity::person(subject, How::Bearer, rules, now, 1) else { return Ok(None) };
    who.id = format!("bearer {subject}");
    who.since = claims.issued().unwrap_or(Identity::UNDATED);
    if app.revoked.includes(app.store.as_ref(), &who, now).await? {
        return Ok(None);
    }
    let scope = who.scope(&app.config.rules);
    Ok(Some((who, scope)))
}

/// Who a proxy or a load balancer says it is.
async fn said(app: &App, headers: &HeaderMap, from: Addresses, now: DateTime<Utc>) -> Option<Said> {
    if let Some(proxy) = &app.config.sign_in.proxy
        && let Some(said) = identity_signers::proxied(proxy, from.peer, headers)
    {
        return Some(said);
    }
    let alb = app.config.sign_in.alb.as_ref().filter(|alb| identity_signers::is_from(&alb.peers, from.peer))?;
    let token = identity_signers::one(headers, "x-amzn-oidc-data")?;
    let may_ask = || throttle(&app.limiter, &format!("keys {}", from.share()), KEYS_A_MINUTE, now).is_ok();
    match app.signers.alb(alb, token, now, may_ask).await {
        Ok(said) => Some(said),
        Err(error) => {
            tracing::info!("the header of the load balancer is refused: {error}");
            None
        }
    }
}

/// Somebody of whom a proxy says at each request who they are, and never since when.
async fn by_word(app: &App, said: &Said, now: DateTime<Utc>) -> Result<Known, Problem> {
    let rules = rules_of(&app.config.rules, &said.groups);
    let Some(mut who) = Identity::person(&said.subject, said.how, rules, now, 1) else { return Ok(None) };
    who.since = Identity::UNDATED;
    if app.revoked.includes(app.store.as_ref(), &who, now).await? {
        return Err(Problem::forbidden(
            "an administrator has ended your access to this service; ask one to let you in again, on the page Audit",
        ));
    }
    let scope = who.scope(&app.config.rules);
    Ok(Some((who, scope)))
}

/// A session, if it still holds; one that came by a link holds as long as the link does.
async fn by_session(app: &App, who: Identity, now: DateTime<Utc>) -> Result<Known, Problem> {
    if !who.holds(now) || app.revoked.includes(app.store.as_ref(), &who, now).await? {
        return Ok(None);
    }
    if who.how == How::Share {
        let link = app.tokens.by_id(app.store.as_ref(), &who.id, now).await?;
        let link = link.filter(|link| link.holds(now) && matches!(link.kind, access_tokens::Kind::Share { .. }));
        return Ok(link.map(|link| (who, access_tokens::scope_of(&link, &app.config.rules))));
    }
    let scope = who.scope(&app.config.rules);
    Ok(Some((who, scope)))
}
