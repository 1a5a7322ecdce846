//! Answer to a request that cannot be answered: RFC 9457 for programs, a page for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lake::StoreError;
use serde::Serialize;

/// The answer of a handler.
pub(crate) type Answer = Result<Response, Problem>;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// Fault of this request, and what to do; told to whoever asked.
    pub detail: String,
}

/// The body of RFC 9457.
#[derive(Debug, Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// Returns the problem of something that is not there, or not for whoever asked: the two look alike.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such thing here, or it is not yours to see")
    }

    /// Something in the request makes no sense.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The role does not allow it.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign in, or send a token that is valid")
    }

    /// Something of ours failed. It is logged; whoever asked is told no more than that.
    pub fn internal(what: &str, error: &dyn std::error::Error) -> Self {
        let (mut said, mut cause) = (error.to_string(), error.source());
        while let Some(deeper) = cause {
            said = format!("{said}: {deeper}");
            cause = deeper.source();
        }
        tracing::error!("could not {what}: {said}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("could not {what}; the log of the service says why"))
    }

    /// The problem as programs read it.
    pub fn json(&self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = Body { r#type: "about:blank", title, status: self.status.as_u16(), detail: &self.detail };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::not_found(),
            StoreError::Failed { .. } => {
                let problem = Self::internal("reach the storage", &error);
                Self { status: StatusCode::SERVICE_UNAVAILABLE, ..problem }
            }
        }
    }
}
