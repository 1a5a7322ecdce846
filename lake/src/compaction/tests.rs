use std::sync::Arc;

use types::{Hour, Window};

use super::*;
use crate::hour_rows::{HourOrigin, HourRows};
use crate::store::{MemoryStore, Store};

fn setup() -> (Arc<MemoryStore>, Lake, ClusterId, Day) {
    let store = Arc::new(MemoryStore::default());
    let lake = Lake::new(Arc::<MemoryStore>::clone(&store));
    (store, lake, "c1".parse().unwrap(), "2026-06-30".parse().unwrap())
}

/// Pods that come and go, two containers each, and a node.
fn rows(hour: Hour) -> HourRows {
    let start = hour.start_seconds();
    let mut rows = HourRows::default();
    for n in 0..40 {
        let pod_uid = format!("uid-{:03}", (n * 7 + hour.of_day() * (n % 3)) % 97);
        if rows.pods.iter().any(|pod: &PodHour| pod.pod_uid == pod_uid) {
            continue;
        }
        rows.pods.push(PodHour { hour_start_seconds: start, pod_uid: pod_uid.clone(), ..PodHour::default() });
        for container in ["app", "proxy"] {
            rows.containers.push(ContainerHour {
                hour_start_seconds: start,
                pod_uid: pod_uid.clone(),
                container: container.to_owned(),
                cpu_core_milliseconds: (n % 4 != 0).then_some(n * 1000),
                cpu_mean_millicores_by_slot: (n % 5 != 0).then_some([Some(7); 12]),
                ..ContainerHour::default()
            });
        }
    }
    rows.nodes.push(NodeHour { hour_start_seconds: start, node: "n".into(), ..NodeHour::default() });
    rows
}

async fn write(lake: &Lake, cluster: &ClusterId, hours: impl Iterator<Item = Hour>) {
    for hour in hours {
        lake.write_hour(cluster, hour, rows(hour), HourOrigin::generator()).await.unwrap();
    }
}

/// All rows of a table by way of the parts, sorted.
async fn read<T: Table>(lake: &Lake, cluster: &ClusterId, day: Day) -> Vec<(i64, T)> {
    let mut rows = Vec::new();
    for part in lake.parts(cluster, day, None).await.unwrap() {
        let (_, bytes) = lake.part_bytes::<T>(&part).await.unwrap().unwrap();
        let batches = crate::read_batches(bytes, T::COLUMNS).unwrap();
        for batch in &batches {
            let starts = batch.column_by_name("hour_start_seconds").unwrap();
            let starts: &arrow::array::Int64Array = arrow::array::AsArray::as_primitive(starts.as_ref());
            let of_part = (0..batch.num_rows()).filter(|row| part.holds(starts.value(*row)));
            rows.extend(of_part.map(|row| (starts.value(row), T::from_batch(batch, row).unwrap())));
        }
    }
    rows.sort_by(|(a_hour, a), (b_hour, b)| (a_hour, a.key()).cmp(&(b_hour, b.key())));
    rows
}

const NOW: &str = "2026-07-01T00:10:00Z";
const LATER: &str = "2026-07-04T00:00:00Z";

async fn compact(lake: &Lake, cluster: &ClusterId, day: Day, now: &str) -> CompactOutcome {
    lake.compact_day(cluster, day, Compaction::default(), now.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_day_holds_what_its_hours_hold_sorted_and_is_written_once() {
    let (store, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours()).await;
    let before: Vec<(i64, ContainerHour)> = read(&lake, &cluster, day).await;
    let outcome = compact(&lake, &cluster, day, NOW).await;
    assert!(matches!(outcome, CompactOutcome::Compacted { hours: 24, revision: 0, .. }), "{outcome:?}");
    assert_eq!(read::<ContainerHour>(&lake, &cluster, day).await, before);
    let objects = format!("{store:?}");
    assert_eq!(compact(&lake, &cluster, day, NOW).await, CompactOutcome::UpToDate);
    assert_eq!(format!("{store:?}"), objects);

    let parts = lake.parts(&cluster, day, None).await.unwrap();
    assert!(matches!(parts.as_slice(), [part] if part.whole && part.hours.len() == 24));
    let (_, bytes) = lake.part_bytes::<ContainerHour>(&parts[0]).await.unwrap().unwrap();
    let rows: Vec<ContainerHour> = crate::parquet_encoding::decode(bytes).unwrap();
    assert!(rows.is_sorted_by_key(|row| (row.pod_uid.clone(), row.container.clone(), row.hour_start_seconds)));
    assert_eq!(rows.len(), before.len());
}

#[tokio::test]
async fn an_hour_whose_object_is_gone_is_named_and_nothing_is_written() {
    let (store, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours()).await;
    let gone = "v1/container_hour/cluster=c1/date=2026-06-30/hour=07.parquet";
    store.delete(gone).await.unwrap();
    let now = "2026-07-01T00:10:00Z".parse().unwrap();
    let error = lake.compact_day(&cluster, day, Compaction::default(), now).await.unwrap_err();
    assert!(error.to_string().contains(gone), "{error}");
    assert!(store.list("v1/manifest/").await.unwrap().iter().all(|key| !key.contains("day")));
}

#[tokio::test]
async fn a_day_stays_open_while_hours_may_come() {
    let (_, lake, cluster, day) = setup();
    assert_eq!(compact(&lake, &cluster, day, NOW).await, CompactOutcome::Empty);
    write(&lake, &cluster, day.hours().take(23)).await;
    assert_eq!(compact(&lake, &cluster, day, NOW).await, CompactOutcome::Open { hours: 23 });
    let outcome = compact(&lake, &cluster, day, LATER).await;
    assert!(matches!(outcome, CompactOutcome::Compacted { hours: 23, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_late_or_corrected_hour_is_read_from_its_own_object_until_the_next_revision() {
    let (_, lake, cluster, day) = setup();
    let first = day.first_hour();
    let faulty = HourOrigin { faults: vec!["x".into()], ..HourOrigin::generator() };
    lake.write_hour(&cluster, first, HourRows::default(), faulty).await.unwrap();
    write(&lake, &cluster, day.hours().skip(1).take(22)).await;
    compact(&lake, &cluster, day, LATER).await;
    // Also with the hours' objects gone, so that the day is all there is of them.
    assert!(!lake.delete_hours(&cluster, day).await.unwrap().is_empty());
    write(&lake, &cluster, day.hours().skip(23)).await;
    lake.correct_hour(&cluster, first, rows(first), HourOrigin::generator()).await.unwrap();

    let parts = lake.parts(&cluster, day, None).await.unwrap();
    let hours: Vec<_> = parts.iter().map(|part| (part.whole, part.hours.len())).collect();
    assert_eq!(hours, [(true, 1), (false, 22), (true, 1)]);
    let mixed = read::<ContainerHour>(&lake, &cluster, day).await;
    let outcome = compact(&lake, &cluster, day, LATER).await;
    assert!(matches!(outcome, CompactOutcome::Compacted { hours: 24, revision: 1, .. }), "{outcome:?}");
    assert_eq!(read::<ContainerHour>(&lake, &cluster, day).await, mixed);

    // The same as a day that never was anything else.
    let (_, other, _, _) = setup();
    write(&other, &cluster, day.hours()).await;
    compact(&other, &cluster, day, NOW).await;
    assert_eq!(read::<ContainerHour>(&other, &cluster, day).await, mixed);
    let digests = async |lake: &Lake| {
        let parts = lake.parts(&cluster, day, None).await.unwrap();
        parts[0].objects.iter().map(|object| object.sha256.clone()).collect::<Vec<_>>()
    };
    assert_eq!(digests(&lake).await, digests(&other).await);
    assert_eq!(lake.delete_hours(&cluster, day).await.unwrap().len(), 5 * 3);
    assert_eq!(read::<ContainerHour>(&lake, &cluster, day).await, mixed);
}

#[tokio::test]
async fn only_wanted_hours_are_parts_and_one_that_is_gone_is_said() {
    let (_, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours().take(3)).await;
    compact(&lake, &cluster, day, LATER).await;
    let hours: Vec<_> = day.hours().collect();
    let parts = lake.parts(&cluster, day, Some(&hours[1..2])).await.unwrap();
    assert!(matches!(parts.as_slice(), [part] if !part.whole && part.holds(hours[1].start_seconds())));
    let error = lake.parts(&cluster, day, Some(&hours[2..4])).await.unwrap_err();
    assert!(error.is_gone(), "{error}");
}

#[tokio::test]
async fn hours_are_deleted_only_when_the_day_was_read_again_whole() {
    let (store, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours()).await;
    assert_eq!(lake.delete_hours(&cluster, day).await.unwrap(), Vec::<String>::new());
    compact(&lake, &cluster, day, NOW).await;
    let key = object_keys::day_object("pod_hour", &cluster, day);
    let good = store.get(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    let keys_before = store.list("v1/").await.unwrap();
    assert!(lake.delete_hours(&cluster, day).await.is_err());
    store.put_new(&key, bytes::Bytes::from_static(b"damaged")).await.unwrap();
    assert!(matches!(lake.delete_hours(&cluster, day).await, Err(LakeError::Damaged { .. })));
    store.delete(&key).await.unwrap();
    assert_eq!(store.list("v1/").await.unwrap(), keys_before);
    store.put_new(&key, good).await.unwrap();
    let deleted = lake.delete_hours(&cluster, day).await.unwrap();
    assert_eq!(deleted.len(), 24 * 5);
    assert_eq!(lake.hours(&cluster, whole(day)).await.unwrap().len(), 24, "the hours exist as before");
    assert_eq!(lake.delete_hours(&cluster, day).await.unwrap(), Vec::<String>::new());
}

fn whole(day: Day) -> Window {
    Window::try_new(day.first_hour().start(), day.end()).unwrap()
}

#[tokio::test]
async fn a_merge_refuses_a_row_that_is_there_twice() {
    let (_, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours().take(1)).await;
    let part = &lake.parts(&cluster, day, None).await.unwrap()[0];
    let (key, bytes) = lake.part_bytes::<PodHour>(part).await.unwrap().unwrap();
    let input = || Input { key: key.clone(), bytes: bytes.clone(), hours: None };
    assert!(merge::<PodHour>(vec![input()], &[], Home::default()).is_ok());
    assert!(merge::<PodHour>(vec![input(), input()], &[], Home::default()).is_err());
}

#[tokio::test]
async fn retention_takes_whole_days_and_says_first_what_it_would_take() {
    let (store, lake, cluster, day) = setup();
    write(&lake, &cluster, day.hours()).await;
    write(&lake, &cluster, day.plus(1).hours().take(2)).await;
    let other = "other".parse().unwrap();
    write(&lake, &other, day.hours().take(1)).await;
    compact(&lake, &cluster, day, NOW).await;
    // What a crash in the middle of an earlier run leaves.
    store.put_new("v1/pod_hour/cluster=c1/date=2026-06-01/day.parquet", bytes::Bytes::new()).await.unwrap();
    let all = store.list("v1/").await.unwrap();
    let would = lake.prune(&cluster, day.plus(1), true).await.unwrap();
    assert_eq!(store.list("v1/").await.unwrap(), all);
    assert_eq!(would.days, ["2026-06-01".parse().unwrap(), day]);
    assert_eq!(would.keys.len(), 25 + 24 * 5 + 5 + 1);
    assert!(would.keys[..25].iter().all(|key| key.starts_with("v1/manifest/")));
    assert!(would.keys[24].ends_with("day.json"));
    assert_eq!(lake.prune(&cluster, day.plus(1), false).await.unwrap(), would);
    let left = store.list("v1/").await.unwrap();
    assert_eq!(left.len() + would.keys.len(), all.len());
    assert!(left.iter().all(|key| key.contains("cluster=other") || key.contains("date=2026-07-01")));
    assert_eq!(lake.days(&cluster).await.unwrap(), [day.plus(1)]);
}

/// A store in which a correction of an hour arrives just after the day's manifests were listed.
#[derive(Debug)]
struct Meddled {
    store: Arc<MemoryStore>,
    correct: tokio::sync::Mutex<Option<(ClusterId, Hour)>>,
    /// Listings of manifests that go by before it arrives.
    after: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl Store for Meddled {
    async fn get(&self, key: &str) -> Result<bytes::Bytes, crate::StoreError> {
        self.store.get(key).await
    }

    async fn put_new(&self, key: &str, object: bytes::Bytes) -> Result<PutOutcome, crate::StoreError> {
        self.store.put_new(key, object).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, crate::StoreError> {
        let listed = self.store.list(prefix).await?;
        let order = std::sync::atomic::Ordering::SeqCst;
        if prefix.starts_with("v1/manifest/") && self.after.fetch_sub(1, order) == 1 {
            let correct = self.correct.lock().await.take();
            let (cluster, hour) = correct.unwrap();
            let lake = Lake::new(Arc::<MemoryStore>::clone(&self.store));
            let outcome = lake.correct_hour(&cluster, hour, rows(hour), HourOrigin::generator()).await.unwrap();
            assert!(matches!(outcome, crate::CorrectOutcome::Corrected { .. }), "{outcome:?}");
        }
        Ok(listed)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, crate::StoreError> {
        self.store.list_names(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), crate::StoreError> {
        self.store.delete(key).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}

#[tokio::test]
async fn a_correction_that_arrives_while_hours_are_deleted_is_kept() {
    for after in 1..=3 {
        let (store, lake, cluster, day) = setup();
        let first = day.first_hour();
        let faulty = HourOrigin { faults: vec!["x".into()], ..HourOrigin::generator() };
        lake.write_hour(&cluster, first, HourRows::default(), faulty).await.unwrap();
        write(&lake, &cluster, day.hours().skip(1)).await;
        compact(&lake, &cluster, day, NOW).await;
        let correct = tokio::sync::Mutex::new(Some((cluster.clone(), first)));
        let meddled = Meddled { store, correct, after: after.into() };
        let meddled = Arc::new(meddled);
        let slow = Lake::new(Arc::<Meddled>::clone(&meddled));
        let deleted = slow.delete_hours(&cluster, day).await.unwrap();
        assert_eq!(meddled.correct.lock().await.is_none(), after <= 2, "{after}");
        if after <= 2 {
            assert!(deleted.iter().all(|key| !key.contains(".r1.")), "{deleted:?}");
            let corrected: Vec<(i64, ContainerHour)> = read(&lake, &cluster, day).await;
            assert_eq!(corrected.iter().filter(|(start, _)| *start == first.start_seconds()).count(), 80, "{after}");
        }
        // The next compaction takes the correction up.
        compact(&lake, &cluster, day, NOW).await;
        assert!(is_up_to_date(&lake.parts(&cluster, day, None).await.unwrap()));
    }
}
