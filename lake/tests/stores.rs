//! What every store promises, run on each of them; S3 as a real server over HTTP.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use fixtures::s3::S3Server;
use fixtures::services;
use lake::store::{DirStore, MemoryStore, S3Store};
use lake::{PutOutcome, Store, StoreError};

async fn store_contract(store: &dyn Store) {
    let key = "v1/t/cluster=a/date=2026-01-01/hour=00.parquet";
    assert!(matches!(store.get(key).await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.list("v1/").await.unwrap(), Vec::<String>::new());

    assert_eq!(store.put_new(key, Bytes::from_static(b"one")).await.unwrap(), PutOutcome::Created);
    assert_eq!(store.put_new(key, Bytes::from_static(b"two")).await.unwrap(), PutOutcome::Exists);
    assert_eq!(store.get(key).await.unwrap(), "one");

    for other in ["v1/t/cluster=b/x", "v1/t/cluster=a/date=2026-01-02/hour=00.parquet", "v1/u/y"] {
        store.put_new(other, Bytes::from_static(b"")).await.unwrap();
    }
    assert_eq!(store.get("v1/u/y").await.unwrap(), "");
    let below = store.list("v1/t/cluster=a/").await.unwrap();
    assert_eq!(below, [key, "v1/t/cluster=a/date=2026-01-02/hour=00.parquet"]);
    assert_eq!(store.list_names("v1/t/").await.unwrap(), ["cluster=a", "cluster=b"]);
    assert_eq!(store.list_names("v1/").await.unwrap(), ["t", "u"]);
    assert_eq!(store.list_names("v2/").await.unwrap(), Vec::<String>::new());

    store.delete("v1/u/y").await.unwrap();
    store.delete("v1/u/y").await.unwrap();
    assert!(matches!(store.get("v1/u/y").await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.list("v1/u/").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.put_new("v1/u/y", Bytes::from_static(b"again")).await.unwrap(), PutOutcome::Created);
}

/// Of many writers of one key exactly one creates it, and what it wrote is what is there.
async fn one_of_many_writers_wins(store: Arc<dyn Store>) {
    let write = |n: u8| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { (n, store.put_new("v1/race", Bytes::from(vec![n; 4096])).await.unwrap()) })
    };
    let writers: Vec<_> = (0..16).map(write).collect();
    let mut winners = Vec::new();
    for writer in writers {
        let (n, outcome) = writer.await.unwrap();
        winners.extend((outcome == PutOutcome::Created).then_some(n));
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.get("v1/race").await.unwrap(), vec![winners[0]; 4096]);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_contract() {
    store_contract(&MemoryStore::default()).await;
    one_of_many_writers_wins(Arc::new(MemoryStore::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    store_contract(&DirStore::new(folder.path().join("lake"))).await;
    one_of_many_writers_wins(Arc::new(DirStore::new(folder.path().join("race")))).await;
}

/// A server with the buckets `lake` and `race`; `None` where there is none, which is said.
async fn s3_server(test: &str) -> Option<S3Server> {
    if !services::wanted() {
        services::skip(test, "COST_TEST_SERVICES is not 1");
        return None;
    }
    let Some(binary) = services::find_program("minio") else {
        services::skip(test, "no `minio` on the PATH; `scripts/install.sh s3` builds one where Go is installed");
        return None;
    };
    let server = S3Server::start(&binary).await.unwrap();
    server.make_bucket("lake").unwrap();
    server.make_bucket("race").unwrap();
    Some(server)
}

fn client(server: &S3Server, secret: &str) -> Client {
    let config = aws_sdk_s3::config::Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new(S3Server::REGION))
        .credentials_provider(Credentials::new(S3Server::ACCESS_KEY, secret, None, None, "test"))
        .force_path_style(true);
    Client::from_conf(config.build())
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_keeps_the_contract() {
    let Some(server) = s3_server("s3_keeps_the_contract").await else { return };
    let client = client(&server, S3Server::SECRET_KEY);
    store_contract(&S3Store::with_client(client.clone(), "lake", "")).await;
    store_contract(&S3Store::with_client(client.clone(), "lake", "some/prefix")).await;
    one_of_many_writers_wins(Arc::new(S3Store::with_client(client, "race", "p"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_s3_refuses_is_told_with_bucket_key_and_reason() {
    let Some(server) = s3_server("what_s3_refuses_is_told_with_bucket_key_and_reason").await else { return };
    let check = async |store: S3Store, words: &[&str]| {
        let error = store.put_new("v1/t/x", Bytes::from_static(b"x")).await.unwrap_err();
        let mut said = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said = format!("{said}: {cause}");
            source = cause.source();
        }
        for word in words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    };
    let missing = S3Store::with_client(client(&server, S3Server::SECRET_KEY), "absent", "p");
    check(missing, &["could not write `v1/t/x` in `s3://absent/p`", "the bucket does not exist"]).await;
    let forged = S3Store::with_client(client(&server, "wrong"), "lake", "p");
    check(forged, &["could not write `v1/t/x` in `s3://lake/p`", "SignatureDoesNotMatch"]).await;
}
