//! Faults between us and S3, done to a real server's real answers: after each, the right bytes or a clear
//! error, and never half an object or another one's.

mod careless;
mod proxy;

use std::sync::Arc;

use bytes::Bytes;
use careless::{Careless, Says};
use fixtures::s3::S3Server;
use fixtures::services;
use lake::store::S3Store;
use lake::tables::PodHour;
use lake::{HourOrigin, HourRows, Lake, PutOutcome, S3Options, Store, StoreError, WriteOutcome};
use proxy::{Fault, Proxy};
use types::{ClusterId, Hour};

const KEY: &str = "v1/t/cluster=a/date=2026-01-01/hour=00.parquet";

struct Setup {
    _server: S3Server,
    proxy: Proxy,
    /// Through the proxy.
    store: Arc<dyn Store>,
    /// Past it, to see what is really there.
    direct: S3Store,
}

fn store(endpoint: &str) -> S3Store {
    S3Store::with_config(&S3Server::client(endpoint, S3Server::SECRET_KEY), "lake", "p", S3Options::default())
}

/// A server and a proxy before it; `None` where there is no server, which is said.
async fn setup(test: &str) -> Option<Setup> {
    let binary = services::program(test, "minio", "s3")?;
    let server = S3Server::start(&binary).await.unwrap();
    server.make_bucket("lake").unwrap();
    let proxy = Proxy::start(&server.endpoint()).await;
    let (through, direct) = (store(&proxy.endpoint()), store(&server.endpoint()));
    // The first write of a store tries whether the server honours conditions; what follows is not about that.
    through.put_new("first", Bytes::from_static(b"x")).await.unwrap();
    Some(Setup { _server: server, proxy, store: Arc::new(through), direct })
}

fn object() -> Bytes {
    (0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>().into()
}

fn said(error: &StoreError) -> String {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    said
}

/// Returns faults that pass after one or two tries.
fn passing_faults() -> Vec<Fault> {
    vec![
        Fault::Answer(500, "InternalError", "We encountered an internal error.", ""),
        Fault::Answer(503, "SlowDown", "Please reduce your request rate.", ""),
        Fault::Answer(503, "", "", ""),
        Fault::CutRequest,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_outlives_what_passes() {
    let Some(setup) = setup("a_write_outlives_what_passes").await else { return };
    let conflict = Fault::Answer(409, "ConditionalRequestConflict", "A conflicting operation occurred.", "");
    for (n, fault) in passing_faults().into_iter().chain([conflict]).enumerate() {
        let key = format!("v1/t/{n}");
        setup.proxy.then(&[fault.clone(), fault.clone()]);
        let outcome = setup.store.put_new(&key, object()).await;
        assert_eq!(outcome.unwrap(), PutOutcome::Created, "{fault:?}");
        assert_eq!(setup.proxy.seen(), 3, "{fault:?}");
        assert_eq!(setup.direct.get(&key).await.unwrap(), object(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_outlives_what_passes() {
    let Some(setup) = setup("a_read_outlives_what_passes").await else { return };
    setup.direct.put_new(KEY, object()).await.unwrap();
    for fault in passing_faults().into_iter().chain([Fault::LoseAnswer, Fault::CutAnswer, Fault::DamageAnswer]) {
        setup.proxy.then(&[fault.clone(), fault.clone()]);
        assert_eq!(setup.store.get(KEY).await.unwrap(), object(), "{fault:?}");
        assert_eq!(setup.proxy.seen(), 3, "{fault:?}");
    }
    setup.proxy.then(&[Fault::CutAnswer, Fault::Answer(503, "SlowDown", "", "")]);
    assert_eq!(setup.store.list("v1/").await.unwrap(), [KEY]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrives_whole_is_an_error_and_no_object() {
    let Some(setup) = setup("what_never_arrives_whole_is_an_error_and_no_object").await else { return };
    for fault in [Fault::CutRequest, Fault::DamageRequest] {
        setup.proxy.always(fault.clone());
        let error = setup.store.put_new(KEY, object()).await.unwrap_err();
        assert!(said(&error).contains(&format!("could not write `{KEY}` in `s3://lake/p`")), "{}", said(&error));
        assert!(matches!(setup.direct.get(KEY).await, Err(StoreError::NotFound { .. })), "{fault:?}");
    }
    setup.direct.put_new(KEY, object()).await.unwrap();
    for fault in [Fault::CutAnswer, Fault::DamageAnswer] {
        setup.proxy.always(fault);
        let error = said(&setup.store.get(KEY).await.unwrap_err());
        assert!(error.contains(&format!("could not read `{KEY}`")) && error.contains("damaged on the way"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_there_is_never_replaced() {
    let Some(setup) = setup("an_object_that_is_there_is_never_replaced").await else { return };
    setup.direct.put_new(KEY, Bytes::from_static(b"first")).await.unwrap();
    for fault in passing_faults().into_iter().chain([Fault::Pass, Fault::LoseAnswer]) {
        setup.proxy.then(&[fault]);
        assert_eq!(setup.store.put_new(KEY, object()).await.unwrap(), PutOutcome::Exists);
        assert_eq!(setup.direct.get(KEY).await.unwrap(), "first");
    }
    setup.proxy.then(&[Fault::Answer(412, "PreconditionFailed", "", "")]);
    assert_eq!(setup.store.put_new(KEY, object()).await.unwrap(), PutOutcome::Exists);
}

/// The server stores the object and its answer is lost; the retry meets our own object.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_answers_are_lost_is_written_once() {
    let Some(setup) = setup("an_hour_whose_answers_are_lost_is_written_once").await else { return };
    let lake = Lake::new(Arc::clone(&setup.store));
    let cluster: ClusterId = "a".parse().unwrap();
    let hour = Hour::starting_at(1_782_864_000).unwrap();
    let pod = PodHour { pod_uid: "u".to_owned(), hour_start_seconds: hour.start_seconds(), ..PodHour::default() };
    let rows = || HourRows { pods: vec![pod.clone()], ..HourRows::default() };
    // Of every two answers the first is lost: each call has to be made twice.
    let plan: Vec<_> = (0..40).flat_map(|_| [Fault::LoseAnswer, Fault::Pass]).collect();
    setup.proxy.then(&plan);
    let outcome = lake.write_hour(&cluster, hour, rows(), HourOrigin::generator()).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Written { .. } | WriteOutcome::Same), "{outcome:?}");
    setup.proxy.then(&[]);
    let again = lake.write_hour(&cluster, hour, rows(), HourOrigin::generator()).await.unwrap();
    assert_eq!(again, WriteOutcome::Same);
    assert_eq!(setup.direct.list("v1/").await.unwrap().len(), 6, "five tables and a manifest, no revision");
    let read = lake.manifest(&cluster, hour).await.unwrap();
    assert_eq!(lake.rows::<PodHour>(&read).await.unwrap(), [pod]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_must_mend_is_said_at_once() {
    let Some(setup) = setup("what_a_person_must_mend_is_said_at_once").await else { return };
    let check = async |fault: Fault, words: &[&str]| {
        setup.proxy.always(fault.clone());
        let error = setup.store.put_new(KEY, object()).await.unwrap_err();
        for word in words {
            assert!(said(&error).contains(word), "{fault:?}: no `{word}` in: {}", said(&error));
        }
        assert!(matches!(setup.direct.get(KEY).await, Err(StoreError::NotFound { .. })));
    };
    let place = format!("could not write `{KEY}` in `s3://lake/p`");
    let denied = Fault::Answer(403, "AccessDenied", "Access Denied", "");
    let arn = format!("`s3:PutObject` on `arn:aws:s3:::lake/p/{KEY}`");
    check(denied, &[&place, &arn, "access key ending in `test`", "Access Denied"]).await;
    let wrong = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
    check(Fault::Answer(400, "AuthorizationHeaderMalformed", wrong, ""), &[&place, "AWS_REGION=eu-west-1"]).await;
    let moved = Fault::Answer(301, "PermanentRedirect", "use the endpoint", "x-amz-bucket-region: eu-north-1\r\n");
    check(moved, &[&place, "AWS_REGION=eu-north-1"]).await;
    let date = "Date: Sat, 04 Jul 2026 09:00:00 GMT\r\n";
    let skewed = Fault::Answer(403, "RequestTimeTooSkewed", "The difference is too large.", date);
    check(skewed, &[&place, "clock of this machine", "04 Jul 2026 09:00:00"]).await;
    check(Fault::Answer(400, "ExpiredToken", "expired", ""), &[&place, "renew"]).await;
    check(Fault::Answer(404, "NoSuchBucket", "no", ""), &[&place, "the bucket does not exist"]).await;
    check(Fault::Answer(503, "SlowDown", "slow", ""), &[&place, "run again later"]).await;
    check(Fault::Answer(409, "ConditionalRequestConflict", "busy", ""), &[&place, "ConditionalRequestConflict"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_named() {
    let gone = store("http://127.0.0.1:1");
    let error = said(&gone.put_new(KEY, object()).await.unwrap_err());
    assert!(error.contains("s3://lake/p") && error.contains("check the network"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ignores_conditions_is_noticed_and_nothing_that_is_there_is_replaced() {
    for says in [Says::ETag, Says::Nothing] {
        let server = Careless::start(says).await;
        let first = store(&server.endpoint());
        assert_eq!(first.put_new(KEY, Bytes::from_static(b"first")).await.unwrap(), PutOutcome::Created, "{says:?}");
        // This writer and every other looks before it writes.
        for store in [&first, &store(&server.endpoint())] {
            assert_eq!(store.put_new(KEY, object()).await.unwrap(), PutOutcome::Exists, "{says:?}");
            assert!(!store.keeps_what_is_there().await.unwrap());
        }
        assert_eq!(server.object(&format!("/lake/p/{KEY}")).unwrap(), b"first");
    }
    let Some(setup) = setup("a_server_that_ignores_conditions_is_noticed").await else { return };
    assert!(setup.store.keeps_what_is_there().await.unwrap(), "a server that honours them is told from those");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_place_of_a_server_is_no_success() {
    let server = Careless::start(Says::Page).await;
    let store = store(&server.endpoint());
    let error = said(&store.put_new(KEY, object()).await.unwrap_err());
    assert!(error.contains(&format!("could not write `{KEY}`")) && error.contains("sign-in page"), "{error}");
    let lake = Lake::new(Arc::new(store.clone()));
    let hour = Hour::starting_at(1_782_864_000).unwrap();
    let written = lake.write_hour(&"a".parse().unwrap(), hour, HourRows::default(), HourOrigin::generator()).await;
    assert!(written.is_err(), "{written:?}");
    let error = said(&store.replace("reports/x", object(), "text/html").await.unwrap_err());
    assert!(error.contains("could not write `reports/x`") && error.contains("answers in its place"), "{error}");
    let error = store.swap("reports/x", None, object(), "text/html").await.unwrap_err();
    assert!(said(&error).contains("sign-in page"), "{}", said(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_conditional_writes_is_told_from_one_that_is_down() {
    let server = Careless::start(Says::NoConditions).await;
    let store = store(&server.endpoint());
    let put = store.put_new(KEY, object()).await.unwrap_err();
    let probe = store.keeps_what_is_there().await.unwrap_err();
    let swap = store.swap("reports/x", None, object(), "application/json").await.unwrap_err();
    for error in [put, probe, swap] {
        let said = said(&error);
        for word in ["501", "conditional writes", "`If-None-Match`", "MinIO"] {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
        assert!(!said.contains("run again later"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_over_what_is_there_says_that_it_is_there() {
    let server = Careless::start(Says::Conflict).await;
    let store = store(&server.endpoint());
    assert!(store.keeps_what_is_there().await.unwrap());
    assert!(store.keeps_what_is_there().await.unwrap());
    assert_eq!(store.put_new(KEY, Bytes::from_static(b"first")).await.unwrap(), PutOutcome::Created);
    assert_eq!(store.put_new(KEY, object()).await.unwrap(), PutOutcome::Exists);
    assert_eq!(server.object(&format!("/lake/p/{KEY}")).unwrap(), b"first");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_lacks_to_replace_what_was_read_is_said() {
    const POINTER: &str = "reports/latest.json";
    for (says, lacks) in [
        (Says::WeakTags, None),
        (Says::NoTags, Some("gave no ETag")),
        (Says::NoMatch, Some("refused a write with `If-Match` although the object is as it was read")),
    ] {
        let server = Careless::start(says).await;
        let store = store(&server.endpoint());
        let put = async |mark: Option<&str>, text: &'static str| {
            store.swap(POINTER, mark, Bytes::from_static(text.as_bytes()), "application/json").await
        };
        assert!(put(None, "first").await.unwrap(), "{says:?}");
        let (there, mark) = store.get_marked(POINTER).await.unwrap();
        assert_eq!(there, Bytes::from_static(b"first"));
        let again = put(Some(&mark), "second").await;
        let kept = server.object(&format!("/lake/p/{POINTER}")).unwrap();
        match lacks {
            None => assert!(again.unwrap() && kept == b"second", "{says:?}"),
            Some(word) => {
                let said = said(&again.unwrap_err());
                assert!(said.contains(word) && said.contains("proxy") && said.contains("`If-Match`"), "{said}");
                assert!(said.contains(&format!("could not replace `{POINTER}`")), "{said}");
                assert_eq!(kept, b"first");
            }
        }
    }
}
