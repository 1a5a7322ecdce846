//! Cookies: how they are read and written.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// The cookie of a session, by https.
const SESSION: &str = "__Host-emp-session";
/// The same on localhost, where there is no https.
const LOCAL_SESSION: &str = "emp-session";
/// The cookie of a sign-in under way.
const LOGIN: &str = "__Host-emp-login";
/// The same on localhost.
const LOCAL_LOGIN: &str = "emp-login";

/// Purpose of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// A session.
    Session,
    /// A sign-in under way.
    Login,
}

impl Cookie {
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => SESSION,
            (Self::Session, false) => LOCAL_SESSION,
            (Self::Login, true) => LOGIN,
            (Self::Login, false) => LOCAL_LOGIN,
        }
    }

    /// Its value in a request. Where a browser sends two of one name none counts, since one of them is not ours.
    pub(crate) fn of(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let name = self.name(https);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(n, _)| *n == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The header that sets it for so many seconds, or until the browser is closed; 0 takes it away. `None` for a value
    /// that is none of ours.
    pub(crate) fn set(self, value: &str, seconds: Option<i64>, https: bool) -> Option<HeaderValue> {
        // Lax, since links from elsewhere should find somebody signed in; what changes anything needs more than a cookie.
        set(&format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", self.name(https)), seconds, https)
    }
}

fn set(pair: &str, seconds: Option<i64>, https: bool) -> Option<HeaderValue> {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let secure = if https { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{pair}{age}{secure}")).ok()
}

/// The headers that take away the cookies of an AWS load balancer, which leaves that to the service. A session fills as
/// many of them as it needs, up to four.
pub(crate) fn ended_at_balancer(https: bool) -> Vec<HeaderValue> {
    let ended = |n| set(&format!("AWSELBAuthSessionCookie-{n}=; Path=/; HttpOnly"), Some(0), https);
    (0..4).filter_map(ended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, https: bool, expect: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(line).unwrap());
        assert_eq!(Cookie::Session.of(&headers, https), expect, "{line}");
    }

    #[test]
    fn a_cookie_ends_after_its_time_or_with_the_browser() {
        let set = |seconds, https| Cookie::Session.set("x", seconds, https).unwrap().to_str().unwrap().to_owned();
        assert_eq!(set(Some(60), false), "emp-session=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        assert_eq!(set(None, true), "__Host-emp-session=x; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(ended_at_balancer(true)[3], "AWSELBAuthSessionCookie-3=; Path=/; HttpOnly; Max-Age=0; Secure");
    }

    #[test]
    fn one_cookie_of_the_name_counts_and_two_do_not() {
        check("a=b; __Host-emp-session=x.y", true, Some("x.y"));
        check("emp-session=x", true, None);
        check("emp-session=x", false, Some("x"));
        check("__Host-emp-session=x; __Host-emp-session=y", true, None);
        check("__host-emp-session=x", true, None);
    }
}
