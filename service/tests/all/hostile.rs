//! Requests that no honest browser, program or collector sends.

use reqwest::header::COOKIE;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Service, TOKEN, forged, with_reports};

/// Sends a request line as it is, which a client library would tidy up.
pub(crate) async fn raw(service: &Service, head: &str) -> String {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_a_report() {
    let service = with_reports("\"admins\"").await;
    service.store.replace("service/tokens/0123456789abcdef.json", "planted-secret".into(), "").await.unwrap();
    let session = service.sign_in().await;
    let names = [
        "../../../../service/tokens/0123456789abcdef.json",
        "..%2f..%2f..%2f..%2fservice%2ftokens%2f0123456789abcdef.json",
        "%2e%2e/%2e%2e/report.json",
        "....//....//report.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "index.html%00.json",
        "report.json",
        "csv/../index.html",
        "csv\\..\\index.html",
        "",
        ".",
    ];
    for name in names {
        for cluster in ["prod-1", "prod-1/..", "..", "%2e%2e", "prod-1%2f..%2fprod-1", "PROD-1", "*"] {
            let path = format!("/clusters/{cluster}/files/{name}");
            let answer = raw(&service, &format!("GET {path} HTTP/1.1\r\ncookie: {}", session.cookie)).await;
            let status = answer.lines().next().unwrap_or_default();
            assert!(status.contains(" 404 ") || status.contains(" 400 "), "{path}: {status}");
            assert!(!answer.contains("planted-secret") && !answer.contains("root:"), "{path}");
        }
    }
    let there = session.text(&service, "/clusters/prod-1/files/csv/namespaces.csv").await;
    assert_eq!(there, (StatusCode::OK, "namespace\nbank\nshop\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_is_not_ours_is_nobodys() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let value = session.cookie.split_once('=').unwrap().1;
    let mut tried = 0;
    let mut refuse = Vec::new();
    for at in (0..value.len() - 1).step_by(5) {
        let mut changed = value.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        refuse.push(String::from_utf8(changed).unwrap());
    }
    refuse.extend(
        ["", "null", "{}", "eyJzdWJqZWN0IjoiYWRtaW4ifQ", &value[..20], &value.repeat(2)].map(ToOwned::to_owned),
    );
    for forged in refuse {
        let answer = service.get("/").header(COOKIE, format!("emp-session={forged}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{forged}");
        tried += 1;
    }
    assert!(tried > 30);
    // The cookie of a sign-in under way is sealed for another purpose, and the name for https does not count here.
    for name in ["emp-login", "__Host-emp-session", "EMP-SESSION"] {
        let answer = service.get("/").header(COOKIE, format!("{name}={value}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{name}");
    }
    let two = format!("emp-session={value}; emp-session={value}");
    assert_eq!(service.get("/").header(COOKIE, two).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    let another = with_reports("\"admins\"").await;
    assert_eq!(session.text(&another, "/").await.0, StatusCode::OK, "replicas share keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_changes_nothing_with_somebodys_cookie() {
    let service = with_reports("\"admins\"").await;
    let (session, other) = (service.sign_in().await, service.sign_in().await);
    let posts: Vec<_> =
        service.routes.iter().filter(|route| route.method == Method::POST).map(|route| route.path).collect();
    assert!(posts.len() > 6);
    for path in posts {
        for (what, request) in forged(&service, path, &session, &other) {
            assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{path}, {what}");
        }
    }
    assert_eq!(service.store.list("service/tokens/").await.unwrap(), [""; 0]);
    assert_eq!(session.text(&service, "/").await.0, StatusCode::OK, "still signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_makes_no_sense_is_refused() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let large = "x".repeat(100_000);
    let answer = session.post(&service, "/access/tokens", &[("note", &large), ("days", "1")]).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for path in [
        "/costs?by=nothing",
        "/costs?by=label:",
        "/costs?from=yesterday",
        "/costs?label=x",
        "/costs?cluster=..%2F..",
        "/api/v1/costs?limit=0",
        "/api/v1/costs?limit=99999999999999999999",
        "/api/v1/costs?offset=-1",
        "/audit?day=../../x",
    ] {
        let (status, text) = session.text(&service, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {text}");
    }
    for form in [
        vec![("note", "x"), ("days", "0")],
        vec![("note", "x"), ("days", "100000")],
        vec![("note", " "), ("days", "1")],
        vec![("note", "x"), ("days", "1"), ("role", "admin")],
        vec![("note", "x"), ("days", "1"), ("label", "team")],
    ] {
        assert_eq!(session.post(&service, "/access/tokens", &form).await.status(), StatusCode::BAD_REQUEST, "{form:?}");
    }
    for name in ["", "../x", "A", "a b", "a/b", &"a".repeat(64)] {
        let answer = session.post(&service, "/install", &[("cluster", name)]).await;
        assert!(!answer.text().await.unwrap().contains("helm upgrade"), "{name}");
    }
    for method in ["DELETE", "PATCH", "TRACE", "OPTIONS"] {
        let answer = raw(&service, &format!("{method} / HTTP/1.1\r\ncookie: {}", session.cookie)).await;
        assert!(answer.starts_with("HTTP/1.1 405") || answer.starts_with("HTTP/1.1 4"), "{method}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_that_keep_it_in_its_place() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    for path in [
        "/",
        "/costs",
        "/clusters/prod-1/report",
        "/sign-in",
        "/nothing",
        "/healthz",
        "/assets/style.css",
        "/api/v1/me",
    ] {
        let answer = service.get(path).header(COOKIE, &session.cookie).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe-inline") || path == "/clusters/prod-1/report", "{path}");
        assert!(!policy.contains("unsafe-eval") && !policy.contains('*'), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        let kept = header("cache-control");
        assert_eq!(kept == "no-store", path != "/assets/style.css", "{path}: {kept}");
    }
    let metrics = service.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("emp_cost_service_requests_total") && metrics.contains("route=\"/clusters/{cluster}/report\"")
    );
    assert!(!metrics.contains("prod-1") && !metrics.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_slowed_down_and_others_are_not() {
    let service = Service::with("\"admins\"", "[limits]\nrequests_a_minute = 30").await;
    let session = service.sign_in().await;
    let other = service.sign_in().await;
    let mut slowed = 0;
    for _ in 0..60 {
        slowed += u32::from(session.text(&service, "/").await.0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!((20..60).contains(&slowed), "{slowed}");
    assert_eq!(other.text(&service, "/").await.0, StatusCode::OK);
}
