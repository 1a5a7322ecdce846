//! Who sees what, at every route.

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, COOKIE};

use super::harness::{SECRET, Service, Session, put_report, secret, with_reports};

/// Every path that is guarded, with something where a part of it is to be filled in.
fn guarded(service: &Service) -> Vec<(String, String)> {
    let fill = |path: &str| {
        path.replace("{cluster}", "prod-1")
            .replace("{*name}", "index.html")
            .replace("{id}", "0123456789abcdef0123456789ab")
            .replace("{*key}", "v1/manifest/cluster=prod-1/date=2026-07-01/hour=00.json")
    };
    service.routes.iter().map(|route| (route.method.to_string(), fill(route.path))).collect()
}

async fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = service.http.request(method, format!("{}{path}", service.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_without_saying_who_they_are() {
    let service = with_reports("\"admins\"").await;
    assert!(guarded(&service).len() > 25);
    for (method, path) in guarded(&service) {
        let (status, text) = ask(&service, &method, &path, &[]).await;
        let json = path.starts_with("/api/") || path.starts_with("/ingest/");
        let expect = if json { StatusCode::UNAUTHORIZED } else { StatusCode::SEE_OTHER };
        assert_eq!(status, expect, "{method} {path}");
        assert!(!text.contains("prod-1") && !text.contains(SECRET), "{method} {path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_no_group_of_a_rule_gets_nothing() {
    let service = with_reports("\"strangers\"").await;
    let session = service.sign_in().await;
    for (method, path) in guarded(&service) {
        let (status, text) = ask(&service, &method, &path, &[("cookie", &session.cookie)]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        assert!(!text.contains("prod-1") && !text.contains(SECRET), "{method} {path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_a_namespace_sees_nothing_else_at_any_route() {
    let service = with_reports("\"shop\"").await;
    let session = service.sign_in().await;
    let token = session.token(&service, &[]).await;
    let bearer = format!("Bearer {token}");
    for (method, path) in guarded(&service).into_iter().filter(|(method, _)| method == "GET") {
        for query in
            ["", "?by=namespace", "?by=workload&cluster=prod-1", "?namespace=bank", "?by=label:team", "?by=part"]
        {
            for headers in [[("cookie", session.cookie.as_str())], [("authorization", bearer.as_str())]] {
                let (_, text) = ask(&service, &method, &format!("{path}{query}"), &headers).await;
                let echoed =
                    text.replace("namespace=bank", "").replace("namespace: bank", "").replace("value=\"bank\"", "");
                assert!(!echoed.contains(SECRET) && !text.contains("blue\""), "{path}{query}: {text}");
            }
        }
    }
    // What is theirs is there.
    let (status, text) = session.text(&service, "/costs?cluster=prod-1&by=namespace").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("shop") && text.contains("$3.00") && text.contains("You see a part"), "{text}");
    assert_eq!(session.text(&service, "/clusters/prod-1/report").await.0, StatusCode::NOT_FOUND);
    assert_eq!(session.text(&service, "/clusters/prod-1/files/csv/namespaces.csv").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_no_rule_names_look_as_if_they_were_not_there() {
    let service = with_reports("\"prod-readers\"").await;
    let session = service.sign_in().await;
    let (status, text) = session.text(&service, "/").await;
    assert!(status == StatusCode::OK && text.contains("prod-1") && !text.contains("test-1"), "{text}");
    for path in ["/clusters/NAME", "/clusters/NAME/report", "/api/v1/clusters/NAME", "/costs?cluster=NAME"] {
        let there = session.text(&service, &path.replace("NAME", "test-1")).await;
        let absent = session.text(&service, &path.replace("NAME", "nowhere")).await;
        assert_eq!(there.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(there, absent, "{path}");
    }
    let (status, text) = session.text(&service, "/clusters/prod-1/report").await;
    assert!(status == StatusCode::OK && text.contains("whole of bank"));
    let viewer = session.post(&service, "/access/tokens", &[("note", "x"), ("days", "1")]).await;
    assert_eq!(viewer.status(), StatusCode::FORBIDDEN, "a viewer makes no tokens");
    assert_eq!(session.text(&service, "/install").await.0, StatusCode::FORBIDDEN);
}

async fn shared(service: &Service, session: &Session, limits: &[(&str, &str)]) -> String {
    let form: Vec<_> = [("note", "for red"), ("days", "7")].into_iter().chain(limits.iter().copied()).collect();
    let answer = session.post(service, "/access/links", &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    secret(&answer.text().await.unwrap()).strip_prefix(&service.url).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_its_view_until_it_is_revoked() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let link = shared(&service, &session, &[("cluster", "prod-1"), ("label", "team=red")]).await;
    let looked = service.get(&link).send().await.unwrap();
    assert_eq!(looked.status(), StatusCode::OK);
    assert!(looked.headers().get("set-cookie").is_none(), "looking at a link takes no session");
    let opened = service.post(&link, &[]).send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let guest = service.session(&opened).await;
    let (status, text) = guest.text(&service, "/costs?by=namespace").await;
    assert!(
        status == StatusCode::OK && text.contains("$3.00") && !text.contains(SECRET) && !text.contains("test-1"),
        "{text}"
    );
    for path in ["/clusters/prod-1/report", "/access", "/install", "/audit"] {
        let status = guest.text(&service, path).await.0;
        assert!(matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN), "{path} {status}");
    }
    let page = session.text(&service, "/access").await.1;
    let id = page.split("sub name\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(session.post(&service, "/access/revoke", &[("id", id)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(guest.text(&service, "/costs").await.0, StatusCode::SEE_OTHER, "its session ends with it");
    assert_eq!(service.get(&link).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_the_view_it_was_made_from_and_no_page_elsewhere() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let long = format!("/costs?x={}", "y".repeat(3000));
    for (view, opens) in [
        ("/costs?by=workload&label=team%3Dred", "/costs?by=workload&label=team%3Dred"),
        ("", "/costs"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/costs\r\nset-cookie: x=y", "/"),
        (long.as_str(), "/"),
    ] {
        let link = shared(&service, &session, &[("label", "team=red"), ("view", view)]).await;
        let opened = service.post(&link, &[]).send().await.unwrap();
        assert_eq!(opened.headers()["location"], opens, "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_saved_as_parquet_as_far_as_they_may_be_seen() {
    let service = with_reports("\"shop\"").await;
    let session = service.sign_in().await;
    let ask = |path: &str| service.get(path).header(COOKIE, &session.cookie).send();
    let rows = ask("/costs.parquet?cluster=prod-1&from=2026-07-02").await.unwrap().bytes().await.unwrap();
    let rows = lake::workload_day::decode(rows).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.namespace.as_deref() == Some("shop")), "{rows:?}");
    assert_eq!(ask("/costs.parquet").await.unwrap().status(), StatusCode::BAD_REQUEST, "rows are of one cluster");
    assert_eq!(ask("/costs.parquet?cluster=none").await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_kept_is_nobody_elses_and_ends_with_its_reports() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let link = shared(&service, &session, &[("label", "team=red")]).await;
    let guest = service.session(&service.post(&link, &[]).send().await.unwrap()).await;
    for path in ["/costs?by=namespace", "/showback?by=namespace"] {
        for _ in 0..2 {
            let (_, whole) = session.text(&service, path).await;
            let (_, part) = guest.text(&service, path).await;
            assert!(whole.contains(SECRET) && whole.contains("shop"), "{path}: {whole}");
            assert!(!part.contains(SECRET) && part.contains("shop"), "{path}: {part}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reads_what_its_maker_may_and_makes_no_others() {
    let service = with_reports("\"prod-analysts\"").await;
    let session = service.sign_in().await;
    let token = session.token(&service, &[("cluster", "prod-1")]).await;
    let bearer = format!("Bearer {token}");
    let get = |path: &'static str| service.get(path).header(AUTHORIZATION, &bearer).send();
    let clusters: serde_json::Value =
        serde_json::from_str(&get("/api/v1/clusters").await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(clusters["items"].as_array().unwrap().len(), 1);
    assert_eq!(clusters["items"][0]["cluster"], "prod-1");
    let costs: serde_json::Value =
        serde_json::from_str(&get("/api/v1/costs?by=namespace").await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(costs["total_nano_usd"], "34500000000");
    assert_eq!(costs["items"][0]["key"], "bank");
    let rows: serde_json::Value = serde_json::from_str(
        &get("/api/v1/clusters/prod-1/workload-days?limit=4").await.unwrap().text().await.unwrap(),
    )
    .unwrap();
    assert_eq!((rows["items"].as_array().unwrap().len(), rows["next"].as_u64()), (4, Some(4)));
    let form = "note=x&days=1";
    let again = service.http.post(format!("{}/access/tokens", service.url)).header(AUTHORIZATION, &bearer).body(form);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let outside =
        session.post(&service, "/access/tokens", &[("note", "x"), ("days", "1"), ("cluster", "test-1")]).await;
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_signed_out_is_over_wherever_its_cookie_is() {
    let service = with_reports("\"admins\"").await;
    put_report(service.store.as_ref(), "prod-2").await;
    let session = service.sign_in().await;
    let copy = session.clone();
    assert_eq!(session.text(&service, "/").await.0, StatusCode::OK);
    assert_eq!(session.post(&service, "/sign-out", &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(copy.text(&service, "/").await.0, StatusCode::SEE_OTHER);
    let fresh = service.sign_in().await;
    let ended = fresh.post(&service, "/audit/revoke", &[("subject", "local")]).await;
    assert_eq!(ended.status(), StatusCode::SEE_OTHER);
    assert_eq!(fresh.text(&service, "/").await.0, StatusCode::SEE_OTHER, "every session of the name");
    // Who ended it, and what was done before, is written down.
    let later = service.get("/").header(COOKIE, &fresh.cookie).send().await.unwrap();
    assert_eq!(later.status(), StatusCode::SEE_OTHER);
    let keys = service.store.list("service/audit/").await.unwrap();
    let mut said = String::new();
    for key in keys {
        said.push_str(&String::from_utf8_lossy(&service.store.get(&key).await.unwrap()));
    }
    assert!(said.contains("\"signed-in\"") && said.contains("\"sessions-ended\""), "{said}");
    assert!(!said.contains(super::harness::TOKEN));
}
