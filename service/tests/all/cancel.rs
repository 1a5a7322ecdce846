//! Cancelling and keeping a what-if: by who asked for it or an administrator, and nobody else.

use chrono::TimeDelta;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use service::what_if_queue::{self, Asked, Changes, State};

use super::harness::{Service, folder_of, now, with_reports};

/// Puts a what-if on `prod-1` into the queue; its id.
async fn waiting(service: &Service, by: &str) -> String {
    let asked = Asked {
        cluster: "prod-1".parse().unwrap(),
        title: "one zone".to_owned(),
        changes: Changes { assumptions: "emp.zones = \"one\"\n".to_owned(), ..Changes::default() },
        base: folder_of("prod-1"),
        window: ("2026-07-01T00:00:00Z".parse().unwrap(), "2026-07-04T00:00:00Z".parse().unwrap()),
        by: by.to_owned(),
    };
    what_if_queue::submit(service.store.as_ref(), asked, now()).await.unwrap().id
}

async fn state(service: &Service, id: &str) -> State {
    what_if_queue::get(service.store.as_ref(), id).await.unwrap().unwrap().job.state
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_cancels_a_what_if_and_an_administrator_and_nobody_else() {
    for (groups, own, expect) in [
        ("\"prod-analysts\"", true, StatusCode::SEE_OTHER),
        ("\"prod-analysts\"", false, StatusCode::FORBIDDEN),
        ("\"admins\"", false, StatusCode::SEE_OTHER),
        ("\"prod-readers\"", true, StatusCode::FORBIDDEN),
        ("\"shop\"", true, StatusCode::NOT_FOUND),
    ] {
        let service = with_reports(groups).await;
        let session = service.sign_in().await;
        let (_, me) = session.text(&service, "/api/v1/me").await;
        let me: serde_json::Value = serde_json::from_str(&me).unwrap();
        let id = waiting(&service, if own { me["subject"].as_str().unwrap() } else { "somebody-else" }).await;
        let path = format!("/what-if/{id}/cancel");
        let (_, page) = session.text(&service, &format!("/what-if/{id}")).await;
        let may = expect == StatusCode::SEE_OTHER;
        assert_eq!(page.contains(&path), may, "{groups} {own}: {page}");
        assert_eq!(session.post(&service, &path, &[]).await.status(), expect, "{groups} {own}");
        assert_eq!(state(&service, &id).await, if may { State::Cancelled } else { State::Waiting });
        let (_, page) = session.text(&service, &format!("/what-if/{id}")).await;
        assert_eq!(page.contains("It was cancelled by"), may, "{page}");
        let audit = service.store.list("service/audit/").await.unwrap();
        let mut said = String::new();
        for key in audit {
            said.push_str(&String::from_utf8_lossy(&service.store.get(&key).await.unwrap()));
        }
        assert_eq!(said.contains("\"what-if-cancelled\""), may);
        // A second time nothing happens.
        assert_eq!(session.post(&service, &path, &[]).await.status(), expect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_cancels_by_the_api_what_its_token_may() {
    let service = with_reports("\"prod-analysts\"").await;
    let session = service.sign_in().await;
    let token = session.token(&service, &[("role", "analyst"), ("cluster", "prod-1")]).await;
    let reader = session.token(&service, &[("role", "viewer"), ("cluster", "prod-1")]).await;
    let cancel = async |id: &str, token: &str| {
        let url = format!("{}/api/v1/what-ifs/{id}/cancel", service.url);
        let answer = service.http.post(url).header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).unwrap())
    };
    let me = service.get("/api/v1/me").header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
    let me: serde_json::Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
    let own = waiting(&service, me["subject"].as_str().unwrap()).await;
    let other = waiting(&service, "somebody-else").await;
    assert_eq!(cancel(&own, &reader).await.0, StatusCode::FORBIDDEN);
    assert_eq!(cancel(&other, &token).await.0, StatusCode::FORBIDDEN);
    assert_eq!(cancel("0123456789abcdef0123456789ab", &token).await.0, StatusCode::NOT_FOUND);
    assert_eq!((state(&service, &own).await, state(&service, &other).await), (State::Waiting, State::Waiting));
    // A second time it is answered as it is.
    for _ in 0..2 {
        let (status, answer) = cancel(&own, &token).await;
        assert_eq!((status, answer["state"].as_str()), (StatusCode::OK, Some("cancelled")), "{answer}");
        assert_eq!(answer["kept"], false);
    }
    assert_eq!(state(&service, &own).await, State::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_keeps_by_the_api_what_its_token_may_and_lets_it_go_again() {
    let service = with_reports("\"prod-analysts\"").await;
    let session = service.sign_in().await;
    let token = session.token(&service, &[("role", "analyst"), ("cluster", "prod-1")]).await;
    let reader = session.token(&service, &[("role", "viewer"), ("cluster", "prod-1")]).await;
    let keep = async |id: &str, token: &str, body: &'static str| {
        let url = format!("{}/api/v1/what-ifs/{id}/keep", service.url);
        let request = service.http.post(url).header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).unwrap())
    };
    let kept = async |id: &str| what_if_queue::get(service.store.as_ref(), id).await.unwrap().unwrap().job.kept;
    let me = service.get("/api/v1/me").header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
    let me: serde_json::Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
    let own = waiting(&service, me["subject"].as_str().unwrap()).await;
    let other = waiting(&service, "somebody-else").await;
    let (yes, no) = (r#"{"kept": true}"#, r#"{"kept": false}"#);
    assert_eq!(keep(&own, &reader, yes).await.0, StatusCode::FORBIDDEN);
    assert_eq!(keep(&other, &token, yes).await.0, StatusCode::FORBIDDEN);
    assert_eq!(keep("0123456789abcdef0123456789ab", &token, yes).await.0, StatusCode::NOT_FOUND);
    for body in ["", "{}", r#"{"kept": "yes"}"#, r#"{"kept": true, "days": 3}"#] {
        assert_eq!(keep(&own, &token, body).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!((kept(&own).await, kept(&other).await), (false, false));
    // A second time it is answered as it is.
    for (body, expect) in [(yes, true), (yes, true), (no, false)] {
        let (status, answer) = keep(&own, &token, body).await;
        assert_eq!((status, answer["kept"].as_bool()), (StatusCode::OK, Some(expect)), "{answer}");
        assert_eq!(kept(&own).await, expect);
    }
    let mut said = String::new();
    for key in service.store.list("service/audit/").await.unwrap() {
        said.push_str(&String::from_utf8_lossy(&service.store.get(&key).await.unwrap()));
    }
    assert_eq!((said.matches("\"what-if-kept\"").count(), said.matches("\"what-if-not-kept\"").count()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_outlasts_the_time_and_what_is_pruned_is_not_found() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let (kept, other) = (waiting(&service, "ann").await, waiting(&service, "ann").await);
    for id in [&kept, &other] {
        assert!(what_if_queue::cancel(service.store.as_ref(), id, "ann", now()).await.unwrap());
    }
    let (_, page) = session.text(&service, &format!("/what-if/{kept}")).await;
    assert!(page.contains("It is removed 30 days after its end"), "{page}");
    let answer = session.post(&service, &format!("/what-if/{kept}/keep"), &[("kept", "yes")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let (_, page) = session.text(&service, &format!("/what-if/{kept}")).await;
    assert!(page.contains("It is kept for good"), "{page}");
    let later = now() + TimeDelta::days(31);
    assert_eq!(what_if_queue::prune(&service.store, TimeDelta::days(30), later).await.unwrap(), 1);
    assert_eq!(session.text(&service, &format!("/what-if/{kept}")).await.0, StatusCode::OK);
    assert_eq!(session.text(&service, &format!("/what-if/{other}")).await.0, StatusCode::NOT_FOUND);
    let answer = session.post(&service, &format!("/what-if/{other}/keep"), &[("kept", "yes")]).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    // Whoever may neither cancel it nor administer its cluster does not decide.
    let readers = with_reports("\"prod-analysts\"").await;
    let (session, id) = (readers.sign_in().await, waiting(&readers, "ann").await);
    let answer = session.post(&readers, &format!("/what-if/{id}/keep"), &[("kept", "yes")]).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}
