//! Cancelling a what-if: by who asked for it or an administrator, and nobody else.

use reqwest::StatusCode;
use service::jobs::{self, Asked, Changes, State};

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
    jobs::submit(service.store.as_ref(), asked, now()).await.unwrap().id
}

async fn state(service: &Service, id: &str) -> State {
    jobs::get(service.store.as_ref(), id).await.unwrap().unwrap().job.state
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
