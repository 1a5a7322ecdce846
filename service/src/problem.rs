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

    /// The system gives no random numbers, without which nothing can be kept secret.
    pub fn no_chance() -> Self {
        tracing::error!("the system gives no random numbers");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the system gives no random numbers; tell whoever runs this")
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

    /// The problem in a few words for people, and what to do next where the detail may not say.
    pub(crate) fn in_words(&self) -> (&'static str, &'static str) {
        match self.status {
            StatusCode::BAD_REQUEST => {
                ("This was not understood", "Go back, change what is named here, and try again.")
            }
            StatusCode::FORBIDDEN => ("This is not allowed", ""),
            StatusCode::NOT_FOUND => (
                "Not found",
                "Check the address. If somebody gave it to you, ask whoever runs this service to let one of your groups see it.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("This address opens another way", "Go back, and use the button on the page.")
            }
            StatusCode::REQUEST_TIMEOUT => ("This took too long", "Try again."),
            StatusCode::CONFLICT => ("Somebody else changed this", "Try again."),
            StatusCode::PAYLOAD_TOO_LARGE => ("This is too large", "Go back, and send less at a time."),
            StatusCode::UNPROCESSABLE_ENTITY => ("This cannot be read", ""),
            StatusCode::TOO_MANY_REQUESTS => ("Too many requests", ""),
            StatusCode::BAD_GATEWAY => (
                "Something that this service needs failed",
                "Try again in a minute; then tell whoever runs this service.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => {
                ("The service cannot answer now", "Try again in a minute; then tell whoever runs this service.")
            }
            _ => ("Something failed here", "Try again; if it fails again, tell whoever runs this service."),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_in_words_and_programs_by_the_standard() {
        for status in 400..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let Some(standard) = status.canonical_reason() else { continue };
            let problem = Problem::new(status, "why");
            let (title, next) = problem.in_words();
            assert!(!title.is_empty() && !title.contains("Entity") && title != "Bad Request", "{status}");
            assert!(next.is_empty() || next.ends_with('.'), "{status}: {next}");
            assert!(status != StatusCode::BAD_REQUEST || title != standard);
            assert_eq!(problem.json().status(), status);
        }
    }
}
