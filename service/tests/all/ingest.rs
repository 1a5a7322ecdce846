//! A collector without rights to the bucket brings hours through the service.

use std::sync::Arc;

use fixtures::Cluster;
use lake::store::HttpsStore;
use lake::{HourOrigin, Lake, PutOutcome, Store, StoreError, WriteOutcome, object_keys};
use reqwest::StatusCode;
use types::{ClusterId, Hour, Window};

use super::harness::{Service, Session, bucket};

fn first() -> Hour {
    Hour::starting_at(1_782_907_200).unwrap()
}

fn id(text: &str) -> ClusterId {
    text.parse().unwrap()
}

/// The token of a cluster, as the Install page gives it.
pub(crate) async fn token(service: &Service, session: &Session, cluster: &str) -> String {
    let page = session.post(service, "/install", &[("cluster", cluster)]).await.text().await.unwrap();
    let command = super::harness::secret(&page);
    assert!(command.contains(&format!("--set clusterId={cluster} ")), "{command}");
    assert!(command.contains(&format!("--set empProfiler.empReportSync={} ", service.url)), "{command}");
    let token = command.split("empProfiler.token=").nth(1).and_then(|rest| rest.split([' ', '\n']).next());
    token.unwrap().to_owned()
}

/// A store behind the service, with a token.
fn behind(service: &Service, token: &str, folder: &tempfile::TempDir) -> HttpsStore {
    let file = folder.path().join(format!("token-{}", lake::digest(token.as_bytes())));
    std::fs::write(&file, format!("{token}\n")).unwrap();
    HttpsStore::new(&service.url, file)
}

async fn hours_arrive(service: Service) {
    let folder = tempfile::tempdir().unwrap();
    let session = service.sign_in().await;
    let token = token(&service, &session, "prod-1").await;
    let waiting = session.text(&service, "/install/prod-1").await.1;
    assert!(waiting.contains("No hour has arrived yet") && waiting.contains("Look again"));
    let store: Arc<dyn Store> = Arc::new(behind(&service, &token, &folder));
    assert!(store.keeps_what_is_there().await.unwrap());
    let (there, bucket) = (Lake::new(Arc::clone(&store)), Lake::new(Arc::clone(&service.store)));
    assert_eq!(there.clusters().await.unwrap(), []);
    let window = Window::try_new(first().start(), first().plus(2).start()).unwrap();
    let cluster = Cluster::generate(7, window);
    for hour in window.hours() {
        let rows = cluster.hour_rows(hour);
        let written = there.write_hour(&id("prod-1"), hour, rows.clone(), HourOrigin::generator()).await.unwrap();
        assert!(matches!(written, WriteOutcome::Written { .. }), "{written:?}");
        let again = there.write_hour(&id("prod-1"), hour, rows, HourOrigin::generator()).await.unwrap();
        assert_eq!(again, WriteOutcome::Same);
    }
    assert_eq!(bucket.hours(&id("prod-1"), window).await.unwrap().len(), 2);
    assert_eq!(there.hours(&id("prod-1"), window).await.unwrap().len(), 2);
    assert_eq!(there.clusters().await.unwrap(), [id("prod-1")]);
    // Two collectors of one hour, as when one is slow to end: one of them writes it, and it is whole.
    let hour = first().plus(5);
    let window = Window::try_new(hour.start(), hour.next().start()).unwrap();
    let rows = Cluster::generate(7, window).hour_rows(hour);
    let both = [(), ()].map(|()| {
        let (lake, rows) = (Lake::new(Arc::clone(&store)), rows.clone());
        tokio::spawn(async move { lake.write_hour(&id("prod-1"), hour, rows, HourOrigin::generator()).await.unwrap() })
    });
    for writer in both {
        assert_ne!(writer.await.unwrap(), WriteOutcome::Different);
    }
    assert_eq!(bucket.hours(&id("prod-1"), window).await.unwrap(), [hour]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_arrive_in_a_directory() {
    hours_arrive(Service::start("\"admins\"").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_arrive_in_a_bucket() {
    let Some((server, store)) = bucket("hours_arrive_in_a_bucket").await else { return };
    let service = Service::over(store, tempfile::tempdir().unwrap(), "\"admins\"", "").await;
    hours_arrive(service).await;
    drop(server);
}

/// Returns true when a store refused, and with which status.
fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::NotFound { .. }) => "404".to_owned(),
        Err(error) => std::error::Error::source(&error).unwrap().to_string(),
        Ok(done) => panic!("{done:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_reaches_its_own_hours_and_nothing_else() {
    let service = super::harness::with_reports("\"admins\"").await;
    let (session, folder) = (service.sign_in().await, tempfile::tempdir().unwrap());
    let store = behind(&service, &token(&service, &session, "prod-1").await, &folder);
    for key in [
        "reports/cluster=prod-1/latest/report.json",
        "service/tokens/0123456789abcdef.json",
        "v1/manifest/cluster=test-1/date=2026-07-01/hour=00.json",
        "v1/manifest/cluster=prod-1/date=2026-07-01/day.json",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/../../../../service/revoked.json",
    ] {
        assert!(refused(store.get(key).await).contains("40"), "{key}");
        assert!(refused(store.put_new(key, "x".into()).await).contains("40"), "{key}");
        assert!(service.store.get(key).await.is_err() || key.starts_with("reports/"), "{key}");
    }
    for prefix in ["v1/", "service/", "reports/", "v1/manifest/cluster=test-1/"] {
        assert!(refused(store.list(prefix).await).contains("403"), "{prefix}");
        assert!(refused(store.list_names(prefix).await).contains("403"), "{prefix}");
    }
    let hour = object_keys::hour_object("pod_hour", &id("prod-1"), first());
    let nonsense = refused(store.put_new(&hour, "<html>".into()).await);
    assert!(nonsense.contains("422") && nonsense.contains("not Parquet"), "{nonsense}");
    let manifest = object_keys::hour_manifest(&id("prod-1"), first());
    let empty = refused(store.put_new(&manifest, "{}".into()).await);
    assert!(empty.contains("422") && empty.contains("manifest cannot be read"), "{empty}");
    assert_eq!(service.store.list("v1/").await.unwrap(), [""; 0], "nothing of it was kept");
    // Its token opens no page, and a person's session brings no hours.
    let secret = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let bearer = format!("Bearer {}", std::fs::read_to_string(secret).unwrap().trim());
    for path in ["/api/v1/clusters", "/api/v1/costs", "/clusters/prod-1/report"] {
        let answer = service.get(path).header("authorization", &bearer).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let (status, _) = session.text(&service, "/ingest/v1/list?prefix=v1/manifest/cluster=prod-1/").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_brings_nothing_and_says_what_to_do() {
    let service = Service::start("\"admins\"").await;
    let (session, folder) = (service.sign_in().await, tempfile::tempdir().unwrap());
    let secret = token(&service, &session, "prod-1").await;
    let store = behind(&service, &secret, &folder);
    store.list("v1/manifest/cluster=prod-1/").await.unwrap();
    let id = secret.split('_').nth(1).unwrap();
    assert_eq!(session.post(&service, "/access/revoke", &[("id", id)]).await.status(), StatusCode::SEE_OTHER);
    let error = store.list("v1/manifest/cluster=prod-1/").await.unwrap_err();
    assert!(error.to_string().contains("make another on the service's Install page"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_there_stays() {
    let service = Service::start("\"admins\"").await;
    let (session, folder) = (service.sign_in().await, tempfile::tempdir().unwrap());
    let store = behind(&service, &token(&service, &session, "prod-1").await, &folder);
    let key = object_keys::hour_try(&id("prod-1"), first(), 1);
    assert_eq!(store.put_new(&key, "one".into()).await.unwrap(), PutOutcome::Created);
    assert_eq!(store.put_new(&key, "two".into()).await.unwrap(), PutOutcome::Exists);
    assert_eq!(store.get(&key).await.unwrap(), "one");
    assert!(store.delete(&key).await.is_err() && store.replace(&key, "x".into(), "").await.is_err());
    let unreachable = HttpsStore::new("http://127.0.0.1:1", folder.path().join("none"));
    let error = unreachable.get(&key).await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("token cannot be read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_wait_for_room_and_none_of_them_is_lost() {
    use tokio::io::AsyncWriteExt;
    let service = Service::with("\"admins\"", "[limits]\nobject_mib = 1\nheld_mib = 1").await;
    let session = service.sign_in().await;
    let token = token(&service, &session, "prod-1").await;
    let key = object_keys::hour_object("pod_hour", &id("prod-1"), first());
    // Somebody announces an object that fills the room, and sends half of it.
    let address = service.url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "PUT /ingest/v1/objects/{key} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: 1048576\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&[0; 1000]).await.unwrap();
    let put = |body: Vec<u8>| {
        let request = service.http.put(format!("{}/ingest/v1/objects/{key}", service.url)).bearer_auth(&token);
        tokio::spawn(request.body(body).send())
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let waiting: Vec<_> = (0..4).map(|_| put(vec![0; 500_000])).collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(waiting.iter().all(|one| !one.is_finished()), "there is no room for them yet");
    // Pages need none of it.
    assert_eq!(session.text(&service, "/").await.0, StatusCode::OK);
    drop(slow);
    for one in waiting {
        let answer = one.await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "it was looked at, and is no Parquet");
    }
}
