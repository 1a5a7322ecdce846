//! Pages: what frames them, and how they are sent.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::guard::{Answer, Call};
use crate::problem::Problem;
use crate::rights::Role;

/// Frame around every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Its title, without the name of the program.
    pub title: String,
    /// Who is signed in; empty for nobody.
    pub who: String,
    /// The mark its forms carry.
    pub csrf: String,
    /// The pages that are linked, with whether it is one of them.
    pub links: Vec<Link>,
    /// What the service says on every page just now.
    pub notice: String,
}

/// A link of the bar.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Where it leads.
    pub href: &'static str,
    /// Text of the exposition.
    pub text: &'static str,
    /// `true` when the page is this one.
    pub here: bool,
}

impl Frame {
    /// The frame of a page for somebody; `here` is the path its link has.
    pub(crate) fn of(call: &Call, title: impl Into<String>, here: &str) -> Self {
        let role = call.scope.role();
        let link = |href, text| Link { href, text, here: href == here };
        let mut links = vec![link("/", "Clusters"), link("/costs", "Costs")];
        links.push(link("/showback", "Showback"));
        links.push(link("/what-if", "What-if"));
        links.push(link("/alerts", "Alerts"));
        if role >= Some(Role::Analyst) {
            links.push(link("/access", "Links and tokens"));
        }
        if call.scope.administers() {
            links.push(link("/install", "Install"));
            links.push(link("/audit", "Audit"));
        }
        Self { title: title.into(), who: call.who.subject.clone(), csrf: call.csrf(), links, notice: call.app.notice() }
    }

    /// The frame of a page for somebody who is not signed in.
    pub(crate) fn open(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
}

/// A page, rendered.
///
/// # Errors
/// A [`Problem`] when a template cannot be filled, which memory aside does not happen.
pub(crate) fn page(template: &impl Template) -> Answer {
    page_of(StatusCode::OK, template)
}

/// The same with another status.
///
/// # Errors
/// As [`page`].
pub(crate) fn page_of(status: StatusCode, template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| Problem::internal("render a page", &error))?;
    Ok(typed(status, "text/html; charset=utf-8", text.into_bytes()))
}

/// A body of some type.
pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A file to be saved under a name.
pub(crate) fn download(content_type: &'static str, name: &str, body: Vec<u8>) -> Response {
    let mut response = typed(StatusCode::OK, content_type, body);
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_=".contains(c) { c } else { '-' }).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Sends a browser elsewhere by GET.
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let value = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, value);
    response
}

/// A value as part of a query.
pub(crate) fn escaped(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    detail: String,
    signed_in: bool,
}

/// A problem as people read it.
pub(crate) fn problem(problem: &Problem, signed_in: bool) -> Response {
    let title = problem.status.canonical_reason().unwrap_or("Error").to_owned();
    let detail = types::show::sentence_case(&problem.detail);
    let page = ProblemPage { frame: Frame::open(title), detail, signed_in };
    page_of(problem.status, &page).unwrap_or_else(|problem| problem.json())
}
