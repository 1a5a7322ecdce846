//! The one way to a handler: who is asking becomes a [`Scope`], and only then is there a [`Call`].
//!
//! A [`Call`] cannot be made elsewhere, and every handler of data takes one, so that a route without a scope does not
//! compile. Routes for those who are not signed in yet are in [`crate::public_routes`], which hands out no data.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use axum::{RequestExt, body::Body};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;
use types::ClusterId;

use crate::access_rules::{Role, Scope};
use crate::app_state::App;
use crate::authentication::identify;
use crate::body_memory_limit::arrived;
use crate::client_address::Addresses;
use crate::identity::{How, Identity};
use crate::identity_signers;
use crate::page_frame::{self, Frame, Reader};
use crate::problem::{Answer, Problem};
use crate::rate_limiter::throttle;

/// Most bytes of a form.
pub const FORM_BYTES: usize = 64 * 1024;
/// The purpose marks in forms are made for.
const CSRF: &str = "csrf";
/// The field of a form, or the header of a request, with the mark.
pub const CSRF_FIELD: &str = "csrf";

/// Need that a route has of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be somebody, and to be able to do this somewhere.
    Role(Role),
    /// To administer everything.
    Admin,
    /// To bring the hours of a cluster.
    Ingest,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its path, as axum writes it.
    pub path: &'static str,
    /// Its method; GET answers HEAD too.
    pub method: Method,
    /// Fact that it asks for.
    pub need: Need,
    /// The most bytes of a body.
    pub body: usize,
}

/// A request of somebody whose scope is known. Made in this file alone.
#[derive(Debug)]
pub struct Call {
    /// State it is answered from.
    pub app: Arc<App>,
    /// Scope of what may be seen.
    pub scope: Scope,
    /// Who is asking.
    pub who: Identity,
    /// When.
    pub now: DateTime<Utc>,
    /// The query, decoded.
    pub query: Pairs,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    path: Vec<(String, String)>,
    /// The room its body has, as long as it is being answered.
    _room: Option<OwnedSemaphorePermit>,
    _made_here: (),
}

/// Names and values, of a query or a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads what stands after a `?`, or a form.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a name that are not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

impl Call {
    /// A part of the path by its name.
    pub fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The cluster in the path, of which something may be seen.
    ///
    /// # Errors
    /// [`Problem::not_found`] for a name of no cluster, and for one of which nothing may be seen.
    pub fn cluster(&self) -> Result<ClusterId, Problem> {
        let cluster: ClusterId = self.path("cluster").parse().map_err(|_| Problem::not_found())?;
        if self.scope.sees(&cluster) { Ok(cluster) } else { Err(Problem::not_found()) }
    }

    /// The form in the body.
    pub fn form(&self) -> Pairs {
        Pairs::read(&self.body)
    }

    /// The frame of a page for whoever asks; `here` is the path its link has.
    pub(crate) fn frame(&self, title: impl Into<String>, here: &str) -> Frame {
        let reader = Reader {
            who: self.who.subject.clone(),
            csrf: self.csrf(),
            role: self.scope.role(),
            administers: self.scope.administers(),
            notice: self.app.notice(),
            guest: self.who.how == How::Share,
        };
        Frame::of(reader, title, here)
    }

    /// The mark that forms of this session carry.
    pub fn csrf(&self) -> String {
        self.app.secrets.keys.mark(CSRF, &mark_of(&self.who))
    }
}

/// Returns what a session's mark is of. People behind a proxy have no session of ours, so it is of their name.
fn mark_of(who: &Identity) -> String {
    match who.how {
        How::Proxy | How::Alb => format!("{} {}", who.how.as_str(), who.subject),
        _ => who.id.clone(),
    }
}

/// The route a response belongs to, and who asked, for the access log.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The route as it is written.
    pub route: &'static str,
    /// Who asked, and how that is known.
    pub who: Option<(String, &'static str)>,
}

/// Routes, each behind the guard.
#[derive(Debug)]
pub struct Routes {
    router: Router,
    app: Arc<App>,
    /// Routes, for tests and for the description of the API.
    pub list: Vec<Route>,
}

impl Routes {
    /// No routes yet.
    pub fn new(app: Arc<App>) -> Self {
        Self { router: Router::new(), app, list: Vec::new() }
    }

    /// Adds a route.
    #[must_use]
    pub fn add<F, Fut>(mut self, route: Route, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        let (app, path) = (Arc::clone(&self.app), route.path);
        self.list.push(route.clone());
        let method = on(filter, move |request: Request| {
            let (app, handler, route) = (Arc::clone(&app), handler.clone(), route.clone());
            async move { answered(app, route, request, handler).await }
        });
        self.router = self.router.route(path, method);
        self
    }

    /// The router, to be merged with others.
    pub fn router(self) -> Router {
        self.router
    }
}

async fn answered<F, Fut>(app: Arc<App>, route: Route, request: Request, handler: F) -> Response
where
    F: Fn(Call) -> Fut,
    Fut: Future<Output = Answer>,
{
    let (asked, wants) = (request.uri().clone(), Wants::of(&request));
    let (mut who, mut frame) = (None, None);
    let outcome = match admitted(&app, &route, request).await {
        Ok(call) => {
            who = Some((call.who.subject.clone(), call.who.how.as_str()));
            frame = (wants == Wants::Page).then(|| call.frame("", ""));
            handler(call).await
        }
        Err(problem) => Err(problem),
    };
    let mut response = match outcome {
        Ok(response) => response,
        Err(problem) => wants.told(&problem, frame, asked.path_and_query().map_or("/", |asked| asked.as_str())),
    };
    response.extensions_mut().insert(Answered { route: route.path, who });
    response
}

/// Form in which a problem is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Page,
    Json,
}

impl Wants {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        if path.starts_with("/api/") || path.starts_with("/ingest/") { Self::Json } else { Self::Page }
    }

    fn told(self, problem: &Problem, frame: Option<Frame>, asked: &str) -> Response {
        match self {
            Self::Json => {
                let mut response = problem.json();
                if problem.status == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                }
                response
            }
            Self::Page if problem.status == StatusCode::UNAUTHORIZED => page_frame::see_other(&format!(
                "/sign-in?{}",
                form_urlencoded::Serializer::new(String::new()).append_pair("next", asked).finish()
            )),
            Self::Page => page_frame::problem(problem, frame),
        }
    }
}

/// Turns a request into a call, or says why not.
async fn admitted(app: &Arc<App>, route: &Route, mut request: Request) -> Result<Call, Problem> {
    let now = app.now();
    let from = Addresses::of(&request);
    let path = request.extract_parts::<RawPathParams>().await.map_err(|_| Problem::not_found())?;
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (parts, body) = request.into_parts();
    let known = identify(app, &parts.headers, from, now).await?;
    let Some((who, scope)) = known else {
        throttle(&app.limiter, &from.share(), app.config.limits.of_nobody(), now)?;
        return Err(Problem::unauthorized());
    };
    let limits = &app.config.limits;
    let a_minute = if scope.ingests().is_some() { limits.ingest_a_minute } else { limits.requests_a_minute };
    throttle(&app.limiter, &mark_of(&who), a_minute, now)?;
    allowed(route.need, &scope)?;
    // A form is small; what a collector brings finds room first.
    let room = match route.body > FORM_BYTES {
        true => Some(app.room.take(announced(&parts.headers).unwrap_or(route.body).min(route.body)).await?),
        false => None,
    };
    let body = arrived(read(body, route.body)).await?;
    if who.how.is_ambient() && !matches!(parts.method, Method::GET | Method::HEAD) {
        from_our_page(app, &who, &parts.headers, &body)?;
    }
    let query = Pairs::read(parts.uri.query().unwrap_or_default().as_bytes());
    Ok(Call {
        app: Arc::clone(app),
        scope,
        who,
        now,
        query,
        headers: parts.headers,
        body,
        path,
        _room: room,
        _made_here: (),
    })
}

/// How many bytes a body says that it has.
fn announced(headers: &HeaderMap) -> Option<usize> {
    identity_signers::one(headers, "content-length")?.parse().ok()
}

fn allowed(need: Need, scope: &Scope) -> Result<(), Problem> {
    let good = match need {
        Need::Role(role) => scope.role() >= Some(role),
        Need::Admin => scope.administers(),
        Need::Ingest => scope.ingests().is_some(),
    };
    match (good, need) {
        (true, _) => Ok(()),
        (false, Need::Role(Role::Viewer)) => Err(Problem::forbidden(
            "no rule of this installation gives you anything; ask whoever runs it to name one of your groups",
        )),
        (false, _) => Err(Problem::forbidden("your role does not allow this")),
    }
}

/// A body, if it is not larger than it may be.
pub(crate) async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes"));
    to_bytes(body, most).await.map_err(too_large)
}

/// Refuses a request that some other page made a browser send: it must say that it comes from ours, and bring the mark
/// that only our pages have.
fn from_our_page(app: &App, who: &Identity, headers: &HeaderMap, body: &Bytes) -> Result<(), Problem> {
    let refused =
        || Problem::forbidden("this request does not come from a page of ours; open the page again and repeat it");
    if !same_origin(app, headers) {
        return Err(refused());
    }
    let form = Pairs::read(body);
    let mark = identity_signers::one(headers, "x-csrf").or_else(|| form.get(CSRF_FIELD));
    let good = mark.is_some_and(|mark| app.secrets.keys.is_mark(CSRF, &mark_of(who), mark));
    if good { Ok(()) } else { Err(refused()) }
}

/// Returns true when a browser says that a page of ours sent the request.
pub(crate) fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    match (identity_signers::one(headers, "sec-fetch-site"), identity_signers::one(headers, "origin")) {
        (Some("same-origin"), origin) => origin.is_none_or(|origin| origin == app.config.public_url),
        (None, Some(origin)) => origin == app.config.public_url,
        _ => false,
    }
}
