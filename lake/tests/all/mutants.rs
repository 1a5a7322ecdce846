//! Lakes with one thing in them that is not as it was written: whatever it is, it is found, and no reader takes wrong rows
//! for right ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use fixtures::{Cluster, services};
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, VolumeHour};
use lake::verification::{Scope, verify};
use lake::{CompactOutcome, Compaction, Day, HourOrigin, HourRows, Lake, LakeError, Store, Table, batches};
use types::{ClusterId, Hour, Window};

const ID: &str = "c1";
const DAY: &str = "2026-06-30";

type Objects = BTreeMap<String, Bytes>;

fn cluster() -> ClusterId {
    ID.parse().unwrap()
}

fn day() -> Day {
    DAY.parse().unwrap()
}

/// A few rows of each table: what there is of a lake matters here, not how much.
fn few(mut rows: HourRows) -> HourRows {
    rows.containers.truncate(5);
    rows.pods.truncate(4);
    rows.nodes.truncate(2);
    rows.volumes.truncate(2);
    let hour_start_seconds = rows.nodes[0].hour_start_seconds;
    rows.quality.push(QualityHour { hour_start_seconds, query: "pod_info".to_owned(), ..QualityHour::default() });
    let object = "Service/a/b".to_owned();
    rows.load_balancers.push(LoadBalancerHour { hour_start_seconds, object, ..LoadBalancerHour::default() });
    rows
}

/// The objects of a lake of two hours, as they are written or as a day.
async fn written(compacted: bool) -> Objects {
    let store = Arc::new(MemoryStore::default());
    let lake = Lake::new(Arc::<MemoryStore>::clone(&store));
    let hours: Vec<Hour> = day().hours().take(2).collect();
    let window = Window::try_new(hours[0].start(), hours[1].end()).unwrap();
    let synthetic = Cluster::generate(7, window);
    for hour in hours {
        lake.write_hour(&cluster(), hour, few(synthetic.hour_rows(hour)), HourOrigin::generator()).await.unwrap();
    }
    if compacted {
        let outcome = lake.compact_day(&cluster(), day(), Compaction::default(), day().plus(9).end()).await.unwrap();
        assert!(matches!(outcome, CompactOutcome::Compacted { hours: 2, .. }), "{outcome:?}");
        lake.delete_hours(&cluster(), day()).await.unwrap();
    }
    let mut objects = Objects::new();
    for key in store.list("v1/").await.unwrap() {
        objects.insert(key.clone(), store.get(&key).await.unwrap());
    }
    objects
}

async fn store_of(objects: &Objects) -> Arc<dyn Store> {
    let store = MemoryStore::default();
    for (key, object) in objects {
        store.put_new(key, object.clone()).await.unwrap();
    }
    Arc::new(store)
}

/// The rows of one table as text, in order.
async fn table<T: Table>(lake: &Lake) -> Result<String, LakeError> {
    let mut rows = String::new();
    for part in lake.parts(&cluster(), day(), None).await? {
        let Some((key, bytes)) = lake.part_bytes::<T>(&part).await? else { continue };
        let unreadable = |source| LakeError::Decode { key: key.clone(), source };
        for batch in batches(bytes, T::COLUMNS, 1024).map_err(unreadable)? {
            rows.push_str(&format!("{:?}\n", batch.map_err(unreadable)?));
        }
    }
    Ok(rows)
}

/// What a reader gets of the day, or why it gets nothing.
async fn read(store: &Arc<dyn Store>) -> Result<Vec<String>, LakeError> {
    let lake = Lake::new(Arc::clone(store));
    let mut tables = vec![table::<ContainerHour>(&lake).await?, table::<PodHour>(&lake).await?];
    tables.extend([table::<NodeHour>(&lake).await?, table::<VolumeHour>(&lake).await?]);
    tables.extend([table::<QualityHour>(&lake).await?, table::<LoadBalancerHour>(&lake).await?]);
    Ok(tables)
}

/// One change of one object: a bit, a byte, a piece, its end, or all of it.
fn mutated(object: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = object.to_vec();
    let at = random.usize(..bytes.len());
    match random.u8(..6) {
        0 => bytes[at] ^= 1 << random.u8(..8),
        1 => bytes[at] = random.u8(..),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, random.u8(..)),
        4 => drop(bytes.drain(at..(at + 1 + random.usize(..16)).min(object.len()))),
        _ => bytes[at..].reverse(),
    }
    bytes
}

async fn check_mutants(objects: &Objects, mutants: u32, seed: u64) -> u32 {
    let right = read(&store_of(objects).await).await.unwrap();
    let keys: Vec<&String> = objects.keys().collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut tried, mut refused) = (0, 0);
    while tried < mutants {
        let key = keys[random.usize(..keys.len())];
        let bytes = mutated(&objects[key], &mut random);
        if bytes == objects[key] {
            continue;
        }
        tried += 1;
        let mut with = objects.clone();
        with.insert(key.clone(), bytes.into());
        let store = store_of(&with).await;
        let got = read(&store).await;
        let found = verify(&store, &Scope::default()).await.unwrap();
        let what = format!("mutant {tried} (seed {seed}) of `{key}`");
        if key.ends_with(".parquet") {
            assert!(got.is_err(), "{what}: a reader took it");
            assert!(found.faults.iter().any(|fault| fault.key == *key), "{what}: {:?}", found.faults);
        } else if let Ok(got) = got {
            // A manifest says more than where rows are; what it says of that holds, or nothing is read.
            let some_hours = got.iter().zip(&right).all(|(got, right)| got == right || right.contains(got.as_str()));
            assert!(got == right || (some_hours && !found.faults.is_empty()), "{what}: other rows, {:?}", found.faults);
        }
        refused += u32::from(!found.faults.is_empty());
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutant_of_a_lake_is_read_as_something_else() {
    let mutants = services::times("COST_TEST_MUTANTS", 600);
    for (compacted, seed) in [(false, 1), (true, 2)] {
        let objects = written(compacted).await;
        let refused = check_mutants(&objects, mutants / 2, seed).await;
        services::say(&format!(
            "no_mutant_of_a_lake_is_read_as_something_else: {} mutants, {refused} named by verify",
            mutants / 2
        ));
    }
}

/// The numbers of a manifest's objects as large as numbers are.
fn with_largest_counts(objects: &Objects) -> Objects {
    let largest = |mut manifest: serde_json::Value| {
        for object in manifest["objects"].as_array_mut().unwrap() {
            object["rows"] = u64::MAX.into();
            object["bytes"] = u64::MAX.into();
        }
        Bytes::from(manifest.to_string())
    };
    let manifest = |(key, text): (&String, &Bytes)| {
        let text = if key.ends_with(".json") { largest(serde_json::from_slice(text).unwrap()) } else { text.clone() };
        (key.clone(), text)
    };
    objects.iter().map(manifest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_a_manifest_makes_a_list_or_a_check_fail() {
    for compacted in [false, true] {
        let store = store_of(&with_largest_counts(&written(compacted).await)).await;
        let listed = lake::inventory::list(&store, None, None).await.unwrap();
        assert_eq!(listed.len(), 1, "the cluster is there");
        let found = verify(&store, &Scope::default()).await.unwrap();
        assert!(!found.faults.is_empty(), "nothing has so many rows");
        // A reader may take what is there or refuse it; it does not fail otherwise.
        let _read = read(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_a_row_makes_a_write_a_compaction_or_a_check_fail() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let lake = Lake::new(Arc::clone(&store));
    let hours: Vec<Hour> = day().hours().collect();
    let window = Window::try_new(hours[0].start(), hours[1].end()).unwrap();
    let synthetic = Cluster::generate(7, window);
    for (n, hour) in hours.iter().enumerate() {
        let mut rows = few(synthetic.hour_rows(hours[0]));
        let (small, large) = if n % 2 == 0 { (i32::MAX, i64::MAX) } else { (i32::MIN, i64::MIN) };
        for row in &mut rows.containers {
            row.hour_start_seconds = hour.start_seconds();
            (row.instances, row.running_seconds) = (small, Some(small));
            (row.cpu_core_milliseconds, row.memory_kib_seconds) = (Some(large), Some(large));
            (row.cpu_request_millicores, row.memory_request_bytes) = (Some(small), Some(large));
        }
        for row in &mut rows.pods {
            row.hour_start_seconds = hour.start_seconds();
            (row.created_seconds, row.ended_seconds) = (Some(large), Some(large));
            row.memory_effective_request_bytes = Some(large);
        }
        for row in &mut rows.nodes {
            row.hour_start_seconds = hour.start_seconds();
            (row.first_seen_seconds, row.last_seen_seconds, row.up_seconds) = (large, large, small);
            row.network_receive_bytes = Some(large);
        }
        for row in &mut rows.volumes {
            row.hour_start_seconds = hour.start_seconds();
            (row.capacity_bytes, row.present_seconds) = (Some(large), small);
        }
        for row in &mut rows.load_balancers {
            row.hour_start_seconds = hour.start_seconds();
            row.present_seconds = small;
        }
        for row in &mut rows.quality {
            row.hour_start_seconds = hour.start_seconds();
            (row.series, row.samples) = (large, large);
        }
        lake.write_hour(&cluster(), *hour, rows, HourOrigin::generator()).await.unwrap();
    }
    let before = read(&store).await.unwrap().concat();
    assert!(before.contains(&i64::MAX.to_string()) && before.contains(&i64::MIN.to_string()));
    let outcome = lake.compact_day(&cluster(), day(), Compaction::default(), day().plus(9).end()).await.unwrap();
    assert!(matches!(outcome, CompactOutcome::Compacted { hours: 24, .. }), "{outcome:?}");
    lake.delete_hours(&cluster(), day()).await.unwrap();
    let found = verify(&store, &Scope::default()).await.unwrap();
    assert_eq!((found.faults.as_slice(), found.rows > 0), (&[][..], true));
    assert!(read(&store).await.unwrap().concat().contains(&i64::MIN.to_string()));
}
