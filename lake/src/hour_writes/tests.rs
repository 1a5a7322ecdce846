use types::Window;

use super::*;
use crate::store::MemoryStore;
use crate::tables::{NodeHour, PodHour};

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
    store.put_new(&object_keys::hour_object("pod_hour", &cluster, hour), Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), []);
    assert_eq!(lake.clusters().await.unwrap(), []);
}

#[tokio::test]
async fn an_abandoned_attempt_with_other_bytes_does_not_block_the_hour() {
    let (store, lake, cluster, hour) = setup();
    store.put_new(&object_keys::hour_object("pod_hour", &cluster, hour), Bytes::from_static(b"old")).await.unwrap();
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
    assert!(error.contains(&object_keys::hour_object("pod_hour", &cluster, hour)), "{error}");
}

#[tokio::test]
async fn rows_with_the_same_key_are_refused() {
    let (_, lake, cluster, hour) = setup();
    let written = lake.write_hour(&cluster, hour, rows(&["a", "a"]), HourOrigin::generator()).await;
    assert!(matches!(written, Err(LakeError::Encode { table: "pod_hour", .. })));
    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), []);
}

fn faulty(faults: &[&str]) -> HourOrigin {
    HourOrigin { faults: faults.iter().map(|fault| (*fault).to_owned()).collect(), ..HourOrigin::generator() }
}

async fn uids(lake: &Lake, cluster: &ClusterId, hour: Hour) -> Vec<String> {
    let read = lake.manifest(cluster, hour).await.unwrap();
    lake.rows::<PodHour>(&read).await.unwrap().into_iter().map(|pod| pod.pod_uid).collect()
}

#[tokio::test]
async fn an_incomplete_hour_is_corrected_beside_what_is_there() {
    let (store, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a"]), faulty(&["x", "y"])).await.unwrap();
    let before: Vec<_> = store.list("v1/").await.unwrap();
    let first = store.get(&object_keys::hour_manifest(&cluster, hour)).await.unwrap();
    let incomplete = lake.coverage(&cluster, window(hour)).await.unwrap().incomplete;
    assert!(matches!(incomplete.as_slice(), [one] if one.hour == hour && one.faults == ["x", "y"] && one.tries == 0));

    let fewer = lake.correct_hour(&cluster, hour, rows(&["a", "b"]), faulty(&["x"])).await.unwrap();
    assert!(matches!(fewer, CorrectOutcome::Corrected { revision: 1, rows: 2, .. }), "{fewer:?}");
    assert_eq!(uids(&lake, &cluster, hour).await, ["a", "b"]);
    let whole = lake.correct_hour(&cluster, hour, rows(&["a", "b", "c"]), faulty(&[])).await.unwrap();
    assert!(matches!(whole, CorrectOutcome::Corrected { revision: 2, rows: 3, .. }), "{whole:?}");
    assert_eq!(uids(&lake, &cluster, hour).await, ["a", "b", "c"]);

    assert_eq!(lake.hours(&cluster, window(hour)).await.unwrap(), [hour]);
    assert_eq!(lake.coverage(&cluster, window(hour)).await.unwrap().incomplete, []);
    assert_eq!(store.get(&object_keys::hour_manifest(&cluster, hour)).await.unwrap(), first);
    let after = store.list("v1/").await.unwrap();
    assert!(before.iter().all(|key| after.contains(key)), "nothing goes");
}

#[tokio::test]
async fn an_answer_that_is_no_better_changes_nothing_and_is_counted() {
    let (_, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a", "b"]), faulty(&["x"])).await.unwrap();
    let worse = [
        (rows(&["a", "b"]), faulty(&["x"])),
        (rows(&["a", "b", "c"]), faulty(&["x", "y"])),
        // The server has begun to forget the hour: no fault is said, and a pod is gone.
        (rows(&["a"]), faulty(&[])),
    ];
    for (n, (rows, origin)) in (1..).zip(worse) {
        assert_eq!(lake.correct_hour(&cluster, hour, rows, origin).await.unwrap(), CorrectOutcome::NotBetter);
        assert_eq!(uids(&lake, &cluster, hour).await, ["a", "b"]);
        let incomplete = lake.coverage(&cluster, window(hour)).await.unwrap().incomplete;
        assert!(matches!(incomplete.as_slice(), [one] if one.tries == n), "{incomplete:?}");
    }
}

#[tokio::test]
async fn a_complete_hour_is_never_corrected() {
    let (store, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a"]), faulty(&[])).await.unwrap();
    let before = format!("{store:?}");
    let outcome = lake.correct_hour(&cluster, hour, rows(&["a", "b"]), faulty(&[])).await.unwrap();
    assert_eq!(outcome, CorrectOutcome::NotBetter);
    assert_eq!(format!("{store:?}"), before);
}

#[tokio::test]
async fn a_correction_never_takes_the_key_of_an_object_another_manifest_names() {
    let (store, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a"]), faulty(&["x"])).await.unwrap();
    // As after `delete_hours`: the manifest is there, its objects are not.
    let first = lake.manifest(&cluster, hour).await.unwrap();
    for object in &first.manifest.objects {
        store.delete(&object.key).await.unwrap();
    }
    lake.correct_hour(&cluster, hour, rows(&["a", "b"]), faulty(&[])).await.unwrap();
    let second = lake.manifest(&cluster, hour).await.unwrap();
    for object in &second.manifest.objects {
        assert!(first.manifest.objects.iter().all(|other| other.key != object.key), "{}", object.key);
    }
    assert_eq!(uids(&lake, &cluster, hour).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_that_race_end_in_the_best_one() {
    let (_, lake, cluster, hour) = setup();
    lake.write_hour(&cluster, hour, rows(&["a"]), faulty(&["x", "y", "z"])).await.unwrap();
    let answers: [(&[&str], &[&str]); 3] = [(&["a"], &["x", "y"]), (&["a", "b"], &["x"]), (&["a", "b", "c"], &[])];
    let tasks = answers.map(|(pods, faults)| {
        let (lake, cluster, rows, origin) = (lake.clone(), cluster.clone(), rows(pods), faulty(faults));
        tokio::spawn(async move { lake.correct_hour(&cluster, hour, rows, origin).await.unwrap() })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(uids(&lake, &cluster, hour).await, ["a", "b", "c"]);
    assert!(lake.manifest(&cluster, hour).await.unwrap().manifest.complete);
}
