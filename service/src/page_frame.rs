//! Pages: what frames them, and how they are sent.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::access_rules::Role;
use crate::problem::{Answer, Problem};

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
    /// `true` for somebody who came by a link, whatever else they may be.
    pub guest: bool,
}

/// Somebody who is signed in, as far as a frame shows.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Who.
    pub who: String,
    /// The mark of forms.
    pub csrf: String,
    /// The most that may be done anywhere.
    pub role: Option<Role>,
    /// `true` for an administrator of everything.
    pub administers: bool,
    /// What the service says on every page just now.
    pub notice: String,
    /// `true` for somebody who came by a link.
    pub guest: bool,
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
    pub(crate) fn of(reader: Reader, title: impl Into<String>, here: &str) -> Self {
        let link = |href, text| Link { href, text, here: href == here };
        let mut links = vec![link("/", "Clusters"), link("/costs", "Costs")];
        links.push(link("/showback", "Showback"));
        links.push(link("/what-if", "What-if"));
        links.push(link("/alerts", "Alerts"));
        if reader.role >= Some(Role::Analyst) {
            links.push(link("/access", "Links and tokens"));
        }
        if reader.administers {
            links.push(link("/install", "Install"));
            links.push(link("/audit", "Audit"));
        }
        let Reader { who, csrf, notice, guest, .. } = reader;
        Self { title: title.into(), who, csrf, links, notice, guest }
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

/// A path of ours; anything else is the first page. A browser takes `//host` and `/\host` for other hosts.
pub(crate) fn inside(next: Option<&str>) -> &str {
    let good = |next: &&str| {
        next.len() < 2000
            && next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(good).unwrap_or("/")
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
    next: &'static str,
    signed_in: bool,
}

/// A problem as people read it; `frame` is that of somebody who is signed in.
pub(crate) fn problem(problem: &Problem, frame: Option<Frame>) -> Response {
    let (title, next) = problem.in_words();
    let (detail, signed_in) = (types::wording::sentence_case(&problem.detail), frame.is_some());
    let frame = Frame { title: title.to_owned(), ..frame.unwrap_or_default() };
    let page = ProblemPage { frame, detail, next, signed_in };
    page_of(problem.status, &page).unwrap_or_else(|problem| problem.json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_host() {
        for (next, to) in [
            (None, "/"),
            (Some("/costs?by=day"), "/costs?by=day"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\r\nset-cookie: x"), "/"),
            (Some("costs"), "/"),
        ] {
            assert_eq!(inside(next), to, "{next:?}");
        }
    }
}
