//! What is there before anybody is signed in: health, style and scripts, and the ways to sign in. No data.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{RequestExt, http::HeaderMap};
use chrono::{DateTime, Utc};

use crate::access_rules::rules_of;
use crate::access_tokens::{Kind, Token};
use crate::app_state::App;
use crate::assets;
use crate::audit::{self, Event};
use crate::authentication::identify;
use crate::authorization::{Answered, FORM_BYTES, Pairs, read, same_origin};
use crate::client_address::Addresses;
use crate::cookie::Cookie;
use crate::identity::{How, Identity, SESSION};
use crate::identity_signers::Said;
use crate::page_frame::{self, Frame, inside, page, see_other};
use crate::problem::{Answer, Problem};
use crate::rate_limiter::throttle;
use crate::{oidc, sealed_values};

/// Tries to sign in a minute from one address.
const TRIES_A_MINUTE: u32 = 10;
/// Sign-ins that failed of which a replica writes into the audit log in a minute, from wherever they came.
const FAILURES_A_MINUTE: u32 = 30;
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { named("/healthz", "ok\n".into_response()) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/assets/{name}", get(asset))
        .route("/sign-in", get(sign_in).post(by_static_token))
        .route("/sign-in/oidc", get(oidc_start))
        .route("/sign-in/callback", get(oidc_back))
        .route("/s/{secret}", get(shared).post(open_shared))
        .with_state(app)
}

fn named(route: &'static str, mut response: Response) -> Response {
    response.extensions_mut().insert(Answered { route, who: None });
    response
}

fn told(route: &'static str, answer: Answer) -> Response {
    named(route, answer.unwrap_or_else(|problem| page_frame::problem(&problem, None)))
}

/// Ready when the bucket answers, or did a moment ago.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let response = match app.is_ready().await {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the storage does not answer\n").into_response(),
    };
    named("/readyz", response)
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.count_open_jobs().await;
    named("/metrics", page_frame::typed(StatusCode::OK, OPENMETRICS, app.metrics.exposition().into_bytes()))
}

async fn asset(mut request: Request) -> Response {
    let params = request.extract_parts::<RawPathParams>().await;
    let name = params.ok().and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
    let response = match name.as_deref().and_then(assets::find) {
        Some(asset) => {
            let mut response = page_frame::typed(StatusCode::OK, asset.content_type, asset.parts.concat().into_bytes());
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            response
        }
        None => page_frame::problem(&Problem::not_found(), None),
    };
    named("/assets/{name}", response)
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    oidc: Option<(String, String)>,
    token: bool,
    /// `true` where a proxy or a load balancer signs people in.
    proxied: bool,
    wrong: bool,
}

fn sign_in_page(app: &App, next: &str, wrong: bool) -> Answer {
    let label = app.config.sign_in.oidc.as_ref().map(|oidc| oidc.label.clone());
    let oidc = label.map(|label| (format!("/sign-in/oidc?next={}", page_frame::escaped(next)), label));
    let token = app.secrets.static_token.is_some();
    let ways = &app.config.sign_in;
    let proxied = ways.proxy.is_some() || ways.alb.is_some();
    let page = SignInPage { frame: Frame::open("Sign in"), next: next.to_owned(), oidc, token, proxied, wrong };
    page_frame::page_of(if wrong { StatusCode::FORBIDDEN } else { StatusCode::OK }, &page)
}

async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Response {
    let (from, query, headers) = (Addresses::of(&request), query(&request), request.headers().clone());
    told("/sign-in", signed_in_or_page(&app, from, &query, &headers).await)
}

/// Sends on whom a proxy has signed in meanwhile: it may do so on this page alone.
async fn signed_in_or_page(app: &App, from: Addresses, query: &Pairs, headers: &HeaderMap) -> Answer {
    let next = inside(query.get("next"));
    let known = identify(app, headers, from, app.now()).await?;
    match known {
        Some((who, _)) if matches!(who.how, How::Proxy | How::Alb) => Ok(see_other(next)),
        _ => sign_in_page(app, next, false),
    }
}

/// Writes down that a sign-in failed, as far as the log has room: nothing was done, so nobody is kept from an answer.
async fn failed(app: &App, how: How, why: &str, from: Addresses, now: DateTime<Utc>) {
    let event = Event::failed(how, why, from.client, now);
    tracing::warn!(how = event.how, client = %from.client, why, "a sign-in failed");
    if throttle(&app.limiter, "sign-ins that failed", FAILURES_A_MINUTE, now).is_err() {
        return;
    }
    if let Err(problem) = audit::write(app.store.as_ref(), &event).await {
        tracing::error!("could not write down a sign-in that failed: {}", problem.detail);
    }
}

async fn by_static_token(State(app): State<Arc<App>>, request: Request) -> Response {
    told("/sign-in", static_token(&app, request).await)
}

async fn static_token(app: &App, request: Request) -> Answer {
    let (now, from) = (app.now(), Addresses::of(&request));
    throttle(&app.limiter, &format!("sign-in {}", from.share()), TRIES_A_MINUTE, now)?;
    let (parts, body) = request.into_parts();
    if !same_origin(app, &parts.headers) {
        return Err(Problem::forbidden("sign in from the page of this service"));
    }
    let form = Pairs::read(&read(body, FORM_BYTES).await?);
    let next = inside(form.get("next"));
    let (Some(token), Some(config)) = (&app.secrets.static_token, &app.config.sign_in.token) else {
        return Err(Problem::not_found());
    };
    if !form.get("token").is_some_and(|given| sealed_values::same(given, token)) {
        failed(app, How::Static, "that is not the token", from, now).await;
        return sign_in_page(app, next, true);
    }
    let said = Said { subject: "local".to_owned(), groups: config.groups.clone(), how: How::Static };
    begin(app, &said, from, next, now).await
}

/// Begins a session and sends its browser on.
async fn begin(app: &App, said: &Said, from: Addresses, next: &str, now: DateTime<Utc>) -> Answer {
    let rules = rules_of(&app.config.rules, &said.groups);
    let who = Identity::person(&said.subject, said.how, rules, now, app.config.session_hours);
    let who = who.ok_or_else(Problem::no_chance)?;
    let event = Event::of(&who, "signed-in", who.rules.join(" "), now).coming_from(from.client);
    audit::write(app.store.as_ref(), &event).await?;
    with_session(app, &who, next, now)
}

fn with_session(app: &App, who: &Identity, next: &str, now: DateTime<Utc>) -> Answer {
    let https = app.config.is_https();
    let sealed = app.secrets.keys.seal(SESSION, who).unwrap_or_default();
    // A link is opened for as long as its reader looks; without its session they may be somebody again.
    let seconds = (who.how != How::Share).then(|| (who.until - now).num_seconds().max(0));
    let cookie = Cookie::Session.set(&sealed, seconds, https);
    // Browsers keep no cookie of more than 4096 bytes, and say nothing.
    let cookie = cookie.filter(|cookie| cookie.len() < 4000).ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "your groups match more rules than a cookie holds; ask whoever runs this to give rules shorter names",
        )
    })?;
    let mut response = see_other(next);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    if let Some(gone) = Cookie::Login.set("", Some(0), https) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

async fn oidc_start(State(app): State<Arc<App>>, request: Request) -> Response {
    let (from, query) = (Addresses::of(&request), query(&request));
    told("/sign-in/oidc", start(&app, from, &query).await)
}

/// Returns what stands after the `?` of a request.
fn query(request: &Request) -> Pairs {
    Pairs::read(request.uri().query().unwrap_or_default().as_bytes())
}

async fn start(app: &App, from: Addresses, query: &Pairs) -> Answer {
    let now = app.now();
    throttle(&app.limiter, &format!("oidc {}", from.share()), TRIES_A_MINUTE * 6, now)?;
    let (to, login) = oidc::start(app, inside(query.get("next")), now).await?;
    let sealed = app.secrets.keys.seal(oidc::PURPOSE, &login).unwrap_or_default();
    let cookie = Cookie::Login.set(&sealed, Some(oidc::MINUTES * 60), app.config.is_https());
    let mut response = see_other(&to);
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

async fn oidc_back(State(app): State<Arc<App>>, request: Request) -> Response {
    let (from, query) = (Addresses::of(&request), query(&request));
    told("/sign-in/callback", back(&app, from, &query, request.headers().clone()).await)
}

async fn back(app: &App, from: Addresses, query: &Pairs, headers: HeaderMap) -> Answer {
    let now = app.now();
    throttle(&app.limiter, &format!("oidc {}", from.share()), TRIES_A_MINUTE * 6, now)?;
    match signed_in(app, query, &headers, now).await {
        Ok((said, next)) => begin(app, &said, from, inside(Some(&next)), now).await,
        Err(problem) => {
            // Of a provider that does not answer nobody is to blame who signs in.
            if problem.status == StatusCode::FORBIDDEN {
                failed(app, How::Oidc, &problem.detail, from, now).await;
            }
            Err(problem)
        }
    }
}

/// Who came back from the provider, and the page they began at.
async fn signed_in(
    app: &App,
    query: &Pairs,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Result<(Said, String), Problem> {
    let login = Cookie::Login.of(headers, app.config.is_https());
    let login = login.and_then(|sealed| app.secrets.keys.open::<oidc::Login>(oidc::PURPOSE, sealed));
    let login = login.ok_or_else(|| Problem::forbidden("this sign-in was not begun in this browser; begin again"))?;
    Ok((oidc::finish(app, &login, query, now).await?, login.next))
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedPage {
    frame: Frame,
    note: String,
    by: String,
    until: String,
    proxied: bool,
}

async fn shared(State(app): State<Arc<App>>, request: Request) -> Response {
    let answer = match link(&app, request).await {
        Ok(link) => page(&SharedPage {
            frame: Frame::open("A shared view"),
            note: link.token.note.clone(),
            by: link.token.by.clone(),
            until: reports::number_format::moment(link.token.until),
            proxied: app.config.sign_in.proxy.is_some() || app.config.sign_in.alb.is_some(),
        }),
        Err(problem) => Err(problem),
    };
    told("/s/{secret}", answer)
}

/// A browser opens a link by a button, so that nothing that only looks at links takes a session.
async fn open_shared(State(app): State<Arc<App>>, request: Request) -> Response {
    told("/s/{secret}", open(&app, request).await)
}

async fn open(app: &App, request: Request) -> Answer {
    let (now, from) = (app.now(), Addresses::of(&request));
    let Link { token, view, headers } = link(app, request).await?;
    let who = token.identity();
    if !same_origin(app, &headers) {
        return Err(Problem::forbidden("open the link itself"));
    }
    let opened = Event::of(&who, "link-opened", who.id.clone(), now).coming_from(from.client);
    audit::write(app.store.as_ref(), &opened).await?;
    with_session(app, &who, &view, now)
}

/// A link that holds.
struct Link {
    token: Token,
    /// The page it opens.
    view: String,
    headers: HeaderMap,
}

async fn link(app: &App, mut request: Request) -> Result<Link, Problem> {
    let now = app.now();
    throttle(&app.limiter, &format!("link {}", Addresses::of(&request).share()), TRIES_A_MINUTE * 3, now)?;
    let params = request.extract_parts::<RawPathParams>().await.map_err(|_| Problem::not_found())?;
    let secret = params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
    let token = app.tokens.check(app.store.as_ref(), &secret, now).await?;
    let ended = || Problem::new(StatusCode::NOT_FOUND, "this link has ended, or never was");
    let token = token.ok_or_else(ended)?;
    let view = match &token.kind {
        Kind::Share { view, .. } => inside(Some(view.as_str())).to_owned(),
        _ => return Err(ended()),
    };
    Ok(Link { token, view, headers: request.headers().clone() })
}
