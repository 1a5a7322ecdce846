use super::*;
use crate::store::MemoryStore;

fn rows(pods: &[&str]) -> HourRows {
    let pod = |uid: &&str| PodHour { pod_uid: (*uid).to_owned(), ..PodHour::default() };
    HourRows { pods: pods.iter().map(pod).collect(), ..HourRows::default() }
}

fn setup() -> (Arc<MemoryStore>, Lake, ClusterId, Hour) {
    let store = Arc::new(MemoryStore::default());
    let lake = Lake::new(Arc::<MemoryStore>::clone(&store));
    (store, lake, "c1".parse().unwrap(), Hour::starting_at(1_782_864_000).unwrap())
}

fn window(hour: Hour) -> Window {
    Window::try_new(hour.plus(-30).start(), hour.plus(30).start()).unwrap()
}

#[tokio::test]
async fn an_hour_is_read_as_it_was_written_and_sorted() {
    let (_, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["b", "a"]), HourOrigin::generator()).await.unwrap();
    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), [hour]);
    assert_eq!(lake.clusters().await.unwrap(), std::slice::from_ref(&cluster));
    let read = lake.manifest(&cluster, hour).await.unwrap();
    let uids: Vec<_> = lake.rows::<PodHour>(&read).await.unwrap().into_iter().map(|p| p.pod_uid).collect();
    assert_eq!(uids, ["a", "b"]);
    assert_eq!(lake.rows::<NodeHour>(&read).await.unwrap(), []);
}

#[tokio::test]
async fn writing_twice_changes_no_byte_and_the_first_content_stays() {
    let (store, lake, cluster, hour) = setup();
    let write = |pods: &'static [&'static str]| lake.write_hour(&cluster, hour, rows(pods), HourOrigin::generator());
    assert!(matches!(write(&["a", "b"]).await.unwrap(), WriteOutcome::Written { rows: 2, .. }));
    let before = format!("{store:?}");
    assert_eq!(write(&["b", "a"]).await.unwrap(), WriteOutcome::Same);
    assert_eq!(write(&["c"]).await.unwrap(), WriteOutcome::Different);
    assert_eq!(format!("{store:?}"), before);
}

#[tokio::test]
async fn an_hour_without_a_manifest_does_not_exist() {
    let (store, lake, cluster, hour) = setup();
    store.put_new(&keys::hour_object("pod_hour", &cluster, hour), Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), []);
    assert_eq!(lake.clusters().await.unwrap(), []);
}

#[tokio::test]
async fn an_abandoned_attempt_with_other_bytes_does_not_block_the_hour() {
    let (store, lake, cluster, hour) = setup();
    store.put_new(&keys::hour_object("pod_hour", &cluster, hour), Bytes::from_static(b"old")).await.unwrap();
    let outcome = lake.write_hour(&cluster, hour, rows(&["a"]), HourOrigin::generator()).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Written { rows: 1, .. }));
    let read = lake.manifest(&cluster, hour).await.unwrap();
    assert_eq!(lake.rows::<PodHour>(&read).await.unwrap().len(), 1);
    assert!(read.manifest.object("pod_hour").unwrap().key.ends_with("hour=00.r1.parquet"));
}

#[tokio::test]
async fn a_damaged_object_is_named() {
    let (_, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a"]), HourOrigin::generator()).await.unwrap();
    let mut read = lake.manifest(&cluster, hour).await.unwrap();
    read.manifest.objects.iter_mut().for_each(|object| object.sha256 = "00".repeat(32));
    let error = lake.rows::<PodHour>(&read).await.unwrap_err().to_string();
    assert!(error.contains(&keys::hour_object("pod_hour", &cluster, hour)), "{error}");
}

#[tokio::test]
async fn rows_with_the_same_key_are_refused() {
    let (_, lake, cluster, hour) = setup();
    let written = lake.write_hour(&cluster, hour, rows(&["a", "a"]), HourOrigin::generator()).await;
    assert!(matches!(written, Err(LakeError::Encode { table: "pod_hour", .. })));
    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), []);
}
