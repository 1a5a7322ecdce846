//! A token for a name that brings hours already, and hours of a clock that is wrong.

use std::sync::Arc;

use fixtures::Cluster;
use lake::{HourOrigin, Lake, object_keys};
use reqwest::StatusCode;
use types::{ClusterId, Hour, Window};

use super::harness::{Service, now};
use super::ingest::token;

#[tokio::test(flavor = "multi_thread")]
async fn another_token_for_a_cluster_that_brings_hours_is_confirmed_and_written_down() {
    let service = Service::start("\"admins\"").await;
    let session = service.sign_in().await;
    let id: ClusterId = "prod-1".parse().unwrap();
    token(&service, &session, "prod-1").await;
    let hour = Hour::starting_at(1_782_907_200).unwrap();
    let rows = Cluster::generate(7, Window::try_new(hour.start(), hour.next().start()).unwrap()).hour_rows(hour);
    let lake = Lake::new(Arc::clone(&service.store));
    lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();

    let before = service.store.list("service/tokens/").await.unwrap();
    for slip in [vec![("cluster", "prod-1")], vec![("cluster", "prod-1"), ("again", "prod-2")]] {
        let page = session.post(&service, "/install", &slip).await.text().await.unwrap();
        assert!(page.contains("brings hours already") && !page.contains("helm upgrade"), "{page}");
        assert!(page.contains("name=\"again\" value=\"prod-1\""), "{page}");
    }
    assert_eq!(service.store.list("service/tokens/").await.unwrap(), before, "no token was made");
    let confirmed = session.post(&service, "/install", &[("cluster", "prod-1"), ("again", "prod-1")]).await;
    assert!(confirmed.text().await.unwrap().contains("helm upgrade"));
    let (_, audit) = session.text(&service, "/audit").await;
    assert_eq!(audit.matches("<bdi>install-again</bdi>").count(), 1, "{audit}");
    // A new name needs no second word.
    token(&service, &session, "prod-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_not_over_is_not_let_in() {
    let service = Service::start("\"admins\"").await;
    let session = service.sign_in().await;
    let (token, id) = (token(&service, &session, "prod-1").await, "prod-1".parse::<ClusterId>().unwrap());
    let put = async |key: String| {
        let request = service.http.put(format!("{}/ingest/v1/objects/{key}", service.url)).bearer_auth(&token);
        let answer = request.body("x").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let current = Hour::containing(now());
    let over = put(object_keys::hour_try(&id, current.plus(-1), 1)).await;
    assert_eq!(over.0, StatusCode::CREATED, "{}", over.1);
    for ahead in [2, 24, 24 * 400] {
        let hour = current.plus(ahead);
        for key in [
            object_keys::hour_try(&id, hour, 1),
            object_keys::hour_manifest(&id, hour),
            object_keys::hour_object("pod_hour", &id, hour),
        ] {
            let (status, said) = put(key.clone()).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{key}: {said}");
            assert!(said.contains("is not over") && said.contains("clock"), "{key}: {said}");
        }
    }
    let kept = service.store.list("v1/").await.unwrap();
    assert_eq!(kept, [object_keys::hour_try(&id, current.plus(-1), 1)], "nothing else was kept");
}
