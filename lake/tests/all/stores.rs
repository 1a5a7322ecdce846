//! Promises of every store, run on each of them; S3 as a real server over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use fixtures::s3::S3Server;
use fixtures::services;
use lake::store::{DirStore, InOrder, MemoryStore, S3Store, get_many};
use lake::{PutOutcome, S3Options, Store, StoreError};

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

    // What is no part of the layout may change; it comes whole, and nothing else with it.
    for page in ["<p>one</p>", "<p>another</p>", "<p></p>"] {
        store.replace("reports/a/index.html", Bytes::from(page), "text/html").await.unwrap();
        assert_eq!(store.get("reports/a/index.html").await.unwrap(), page);
    }
    assert_eq!(store.list("reports/").await.unwrap(), ["reports/a/index.html"]);
    assert_eq!(store.put_new("reports/a/index.html", Bytes::new()).await.unwrap(), PutOutcome::Exists);

    // A pointer is swapped only by whoever knows what it is.
    let pointer = "reports/a/report.json";
    let swap = |mark: Option<String>, content: &'static str| async move {
        store.swap(pointer, mark.as_deref(), Bytes::from(content), "application/json").await.unwrap()
    };
    assert!(swap(None, "one").await);
    assert!(!swap(None, "another").await, "there is one");
    let (content, mark) = store.get_marked(pointer).await.unwrap();
    assert_eq!(content, "one");
    assert!(swap(Some(mark.clone()), "two").await);
    assert!(!swap(Some(mark.clone()), "three").await, "it is another by now");
    assert_eq!(store.get(pointer).await.unwrap(), "two");
    store.delete(pointer).await.unwrap();
    assert!(!swap(Some(mark), "four").await, "it is gone");
    assert!(matches!(store.get_marked(pointer).await, Err(StoreError::NotFound { .. })));
    assert!(store.keeps_what_is_there().await.unwrap());

    store.delete("v1/u/y").await.unwrap();
    store.delete("v1/u/y").await.unwrap();
    assert!(matches!(store.get("v1/u/y").await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.list("v1/u/").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.put_new("v1/u/y", Bytes::from_static(b"again")).await.unwrap(), PutOutcome::Created);
}

/// Keys with characters an encoding could trip over, an object larger than one part of a multipart upload, and more
/// keys than one page of a listing.
async fn odd_and_large_objects_survive(store: Arc<dyn Store>, many: usize) {
    let odd = ["v1/odd/a b+c%2F&d", "v1/odd/cluster=a/hour=00.r1.parquet", "v1/odd/ä~(1)"];
    for key in odd {
        store.put_new(key, Bytes::from(key.to_owned())).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), key);
    }
    assert_eq!(store.list("v1/odd/").await.unwrap(), odd);

    let large: Bytes = (0..2_500_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>().into();
    store.put_new("v1/large", large.clone()).await.unwrap();
    assert_eq!(store.get("v1/large").await.unwrap(), large);

    let keys: Vec<_> = (0..many).map(|n| format!("v1/many/{n:05}/x")).collect();
    let writing = keys.clone().into_iter().map(|key| {
        let store = Arc::clone(&store);
        async move { store.put_new(&key, Bytes::from(key.clone())).await.unwrap() }
    });
    let mut writers = InOrder::new(writing, 16);
    while let Some(outcome) = writers.next().await {
        assert_eq!(outcome, PutOutcome::Created);
    }
    assert_eq!(store.list("v1/many/").await.unwrap(), keys);
    assert_eq!(store.list_names("v1/many/").await.unwrap().len(), many);
    let mut reads = get_many(&store, keys.clone());
    for key in keys {
        let (read, object) = reads.next().await.unwrap();
        assert_eq!((&read, object.unwrap().as_ref()), (&key, key.as_bytes()));
    }
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
    odd_and_large_objects_survive(Arc::new(MemoryStore::default()), 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    store_contract(&DirStore::new(folder.path().join("lake"))).await;
    one_of_many_writers_wins(Arc::new(DirStore::new(folder.path().join("race")))).await;
    odd_and_large_objects_survive(Arc::new(DirStore::new(folder.path().join("odd"))), 100).await;
}

/// Names the folder in which [`a_full_disk_leaves_nothing_behind`] runs itself again, as a process that may not
/// write files of more than a few kilobytes.
const FULL_DISK: &str = "LAKE_TEST_FULL_DISK";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_behind() {
    let small = Bytes::from(vec![1; 100]);
    if let Some(folder) = std::env::var_os(FULL_DISK) {
        let store = DirStore::new(&folder);
        let error = store.put_new("v1/t/large", Bytes::from(vec![1; 1 << 20])).await.unwrap_err();
        assert!(error.to_string().contains("could not write `v1/t/large`"), "{error}");
        assert_eq!(store.put_new("v1/t/small", small).await.unwrap(), PutOutcome::Created);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The signal is ignored so that the write fails as on a full disk, instead of ending the process.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact stores::a_full_disk_leaves_nothing_behind";
    let mut again = std::process::Command::new("sh");
    again.args(["-c", script]).arg(std::env::current_exe().unwrap()).env(FULL_DISK, folder.path());
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let names: Vec<_> =
        std::fs::read_dir(folder.path().join("v1/t")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(names, ["small"], "no half object and no temporary file");
    assert_eq!(DirStore::new(folder.path()).get("v1/t/small").await.unwrap(), small);
}

/// A server with the buckets `lake` and `race`; `None` where there is none, which is said.
async fn s3_server(test: &str) -> Option<S3Server> {
    let binary = services::program(test, "minio", "s3")?;
    let server = S3Server::start(&binary).await.unwrap();
    server.make_bucket("lake").unwrap();
    server.make_bucket("race").unwrap();
    Some(server)
}

fn store(server: &S3Server, secret: &str, bucket: &str, prefix: &str) -> S3Store {
    S3Store::with_config(&S3Server::client(&server.endpoint(), secret), bucket, prefix, S3Options::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_keeps_the_contract() {
    let Some(server) = s3_server("s3_keeps_the_contract").await else { return };
    let store = |bucket, prefix| store(&server, S3Server::SECRET_KEY, bucket, prefix);
    store_contract(&store("lake", "")).await;
    store_contract(&store("lake", "some/prefix")).await;
    one_of_many_writers_wins(Arc::new(store("race", "p"))).await;
    odd_and_large_objects_survive(Arc::new(store("race", "odd")), 1100).await;
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
    let missing = store(&server, S3Server::SECRET_KEY, "absent", "p");
    check(missing, &["could not write `v1/t/x` in `s3://absent/p`", "the bucket does not exist"]).await;
    let forged = store(&server, "wrong", "lake", "p");
    check(forged, &["could not write `v1/t/x` in `s3://lake/p`", "SignatureDoesNotMatch"]).await;
}
