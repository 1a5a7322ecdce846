use super::*;
use crate::parquet_encoding;
use crate::store::MemoryStore;
use crate::tables::PodHour;
use crate::{HourOrigin, HourRows, Lake, Manifest};
use types::Hour;

const HOUR: i64 = 1_782_864_000;

fn pod(uid: &str, start: i64) -> PodHour {
    PodHour { hour_start_seconds: start, pod_uid: uid.to_owned(), ..PodHour::default() }
}

fn hour() -> Hour {
    Hour::starting_at(HOUR).unwrap()
}

const OBJECT: &str = "v1/pod_hour/cluster=c1/date=2026-07-01/hour=00.parquet";
const MANIFEST: &str = "v1/manifest/cluster=c1/date=2026-07-01/hour=00.json";

/// A lake with one good hour, changed object by object: `None` takes one away.
async fn changed(changes: &[(&str, Option<Bytes>)]) -> Arc<dyn Store> {
    let good: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let rows = HourRows { pods: vec![pod("a", HOUR), pod("b", HOUR)], ..HourRows::default() };
    let cluster = "c1".parse().unwrap();
    Lake::new(Arc::clone(&good)).write_hour(&cluster, hour(), rows, HourOrigin::generator()).await.unwrap();
    let lake: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for key in good.list("v1/").await.unwrap() {
        if !changes.iter().any(|(changed, _)| *changed == key) {
            lake.put_new(&key, good.get(&key).await.unwrap()).await.unwrap();
        }
    }
    for (key, object) in changes {
        if let Some(object) = object {
            lake.put_new(key, object.clone()).await.unwrap();
        }
    }
    lake
}

async fn faults(changes: &[(&str, Option<Bytes>)]) -> Vec<Fault> {
    verify(&changed(changes).await, &Scope::default()).await.unwrap().faults
}

/// Checks that exactly one fault is found, at `key`, with `words` in it.
async fn check(changes: &[(&str, Option<Bytes>)], key: &str, words: &str) {
    let faults = faults(changes).await;
    assert!(matches!(&faults[..], [one] if one.key == key && one.problem.contains(words)), "{words}: {faults:#?}");
}

/// The manifest of the good hour, with something changed.
async fn manifest(change: impl FnOnce(&mut Manifest)) -> Option<Bytes> {
    let text = changed(&[]).await.get(MANIFEST).await.unwrap();
    let mut manifest: Manifest = serde_json::from_slice(&text).unwrap();
    change(&mut manifest);
    Some(serde_json::to_vec(&manifest).unwrap().into())
}

/// Replaces the pods by `rows`, with a manifest that agrees with them byte for byte.
async fn consistent(rows: &[PodHour]) -> [(&'static str, Option<Bytes>); 2] {
    consistent_of(rows, "c1", "2026-07-01").await
}

async fn consistent_of(rows: &[PodHour], cluster: &str, date: &str) -> [(&'static str, Option<Bytes>); 2] {
    let home = parquet_encoding::Home { cluster: cluster.to_owned(), date: date.to_owned() };
    let object: Bytes = parquet_encoding::encode_of(rows, &[], home).unwrap().into();
    let held = object.clone();
    let text = manifest(|manifest| {
        let entry = manifest.objects.iter_mut().find(|entry| entry.table == "pod_hour").unwrap();
        entry.rows = rows.len().try_into().unwrap();
        (entry.bytes, entry.sha256) = (held.len().try_into().unwrap(), digest(&held));
    });
    [(MANIFEST, text.await), (OBJECT, Some(object))]
}

#[tokio::test]
async fn a_sound_lake_has_no_fault() {
    let found = verify(&changed(&[]).await, &Scope::default()).await.unwrap();
    assert_eq!((found.manifests, found.objects, found.rows), (1, 5, 2));
    assert_eq!((found.faults, found.unfinished), (vec![], vec![]));
}

#[tokio::test]
async fn what_is_missing_or_changed_is_found() {
    check(&[(OBJECT, None)], OBJECT, "not there").await;
    check(&[(OBJECT, Some(Bytes::from_static(b"short")))], OBJECT, "5 bytes").await;
    let mut same_size = changed(&[]).await.get(OBJECT).await.unwrap().to_vec();
    same_size[40] ^= 1;
    check(&[(OBJECT, Some(same_size.into()))], OBJECT, "sha256").await;
    check(&[(MANIFEST, Some(Bytes::from_static(b"<html>")))], MANIFEST, "read as a manifest").await
}

#[tokio::test]
async fn a_manifest_that_is_not_its_own_is_found() {
    check(&[(MANIFEST, manifest(|m| m.version = 2).await)], MANIFEST, "layout 2").await;
    check(&[(MANIFEST, manifest(|m| m.cluster_id = "c2".parse().unwrap()).await)], MANIFEST, "cluster `c2`").await;
    check(&[(MANIFEST, manifest(|m| m.hour_start_seconds += 3600).await)], MANIFEST, "another hour").await;
    let rows = manifest(|m| m.objects.iter_mut().filter(|o| o.table == "pod_hour").for_each(|o| o.rows = 3)).await;
    check(&[(MANIFEST, rows)], OBJECT, "2 rows, its manifest says 3").await;
}

#[tokio::test]
async fn a_hostile_manifest_is_named_and_not_followed() {
    let hostile = manifest(|m| m.objects.iter_mut().for_each(|o| o.key = format!("../{}", o.key))).await;
    let found = verify(&changed(&[(MANIFEST, hostile)]).await, &Scope::default()).await.unwrap();
    assert_eq!(found.objects, 0);
    assert!(found.faults.iter().any(|f| f.key == MANIFEST && f.problem.contains("`../v1/")), "{found:#?}");
}

#[tokio::test]
async fn rows_of_another_hour_and_keys_held_twice_are_found() {
    assert_eq!(faults(&consistent(&[pod("a", HOUR), pod("c", HOUR)]).await).await, []);
    check(&consistent(&[pod("a", HOUR), pod("b", HOUR + 3600)]).await, OBJECT, "hours overlap").await;
    check(&consistent(&[pod("a", HOUR), pod("a", HOUR)]).await, OBJECT, "`a`").await;
}

#[tokio::test]
async fn objects_nobody_names_are_told_apart_from_hours_under_way() {
    let revision = "v1/pod_hour/cluster=c1/date=2026-07-01/hour=00.r1.parquet";
    let good = changed(&[]).await.get(OBJECT).await.unwrap();
    let renamed = manifest(|m| m.objects.iter_mut().filter(|o| o.key == OBJECT).for_each(|o| o.key = revision.into()));
    let left = [(MANIFEST, renamed.await), (OBJECT, Some(Bytes::from_static(b"old"))), (revision, Some(good))];
    // The attempt that wrote it was stopped, and another wrote the manifest: no fault, and nothing anybody will name.
    let lake = changed(&left).await;
    let found = verify(&lake, &Scope::default()).await.unwrap();
    assert_eq!((found.faults, found.unfinished, found.abandoned), (vec![], vec![], vec![OBJECT.to_owned()]));
    verify(&lake, &Scope { clean: true, ..Scope::default() }).await.unwrap();
    assert_eq!(sound(&lake).await.abandoned, [""; 0]);
    // A correction may be about to name its objects.
    let found = verify(&changed(&[(revision, Some(Bytes::from_static(b"x")))]).await, &Scope::default()).await.unwrap();
    assert_eq!((found.faults, found.unfinished), (vec![], vec![revision.to_owned()]));
    let other = "v1/pod_hour/cluster=c1/date=2026-07-01/hour=01.parquet";
    let found = verify(&changed(&[(other, Some(Bytes::from_static(b"x")))]).await, &Scope::default()).await.unwrap();
    assert_eq!((found.faults, found.unfinished), (vec![], vec![other.to_owned()]));
}

/// A compaction was stopped after its objects, and before it was run again an hour was corrected.
#[tokio::test]
async fn what_a_stopped_compaction_left_is_no_fault_and_goes_with_the_hours() {
    let (store, lake, cluster, day) = day_with_a_correction().await;
    let stopped = "v1/pod_hour/cluster=c1/date=2026-07-01/day.r1.parquet";
    store.put_new(stopped, Bytes::from_static(b"of a compaction that was stopped")).await.unwrap();
    let found = verify(&store, &Scope::default()).await.unwrap();
    assert_eq!((&found.faults, &found.unfinished), (&vec![], &vec![stopped.to_owned()]));
    compact(&lake, &cluster, day).await;
    let found = verify(&store, &Scope::default()).await.unwrap();
    assert_eq!((&found.faults, &found.unfinished, &found.abandoned), (&vec![], &vec![], &vec![stopped.to_owned()]));
    assert!(lake.delete_hours(&cluster, day).await.unwrap().contains(&stopped.to_owned()));
    assert_eq!(sound(&store).await.abandoned, [""; 0]);
}

/// Totals of manifests that say anything at all.
#[tokio::test]
async fn counts_that_nobody_counted_are_faults_and_no_panic() {
    let counts = manifest(|m| m.objects.iter_mut().for_each(|o| (o.rows, o.bytes) = (u64::MAX, u64::MAX))).await;
    let lake = changed(&[(MANIFEST, counts)]).await;
    let found = verify(&lake, &Scope::default()).await.unwrap();
    assert_eq!((found.faults.len(), found.rows), (5, u64::MAX));
    let listed = crate::inventory::list(&lake, None, None).await.unwrap();
    assert_eq!((listed[0].rows, listed[0].days[0].bytes), (u64::MAX, u64::MAX));
}

#[tokio::test]
async fn two_manifests_that_name_one_object_are_found() {
    let next = "v1/manifest/cluster=c1/date=2026-07-01/hour=01.json";
    let copy = manifest(|m| m.hour_start_seconds += 3600).await;
    let faults = faults(&[(next, copy)]).await;
    assert!(faults.iter().any(|f| f.key == next && f.problem.contains("count twice")), "{faults:#?}");
}

#[tokio::test]
async fn a_scope_leaves_the_rest_alone() {
    let lake = changed(&[(OBJECT, None)]).await;
    let elsewhere = Window::try_new(hour().plus(24).start(), hour().plus(25).start()).unwrap();
    for scope in [
        Scope { cluster: Some("c2".parse().unwrap()), ..Scope::default() },
        Scope { window: Some(elsewhere), ..Scope::default() },
    ] {
        assert_eq!(verify(&lake, &scope).await.unwrap(), Verified::default());
    }
}

const FAULTS: &[&str] = &["a warning"];

/// A day of which every hour was there, one incomplete: compacted, its hours deleted, then one hour corrected.
async fn day_with_a_correction() -> (Arc<dyn Store>, Lake, ClusterId, Day) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (lake, cluster) = (Lake::new(Arc::clone(&store)), "c1".parse().unwrap());
    let day = Day::of(hour());
    for (n, hour) in day.hours().enumerate() {
        let faults = if n == 4 { FAULTS } else { &[] }.iter().map(|fault| (*fault).to_owned()).collect();
        let origin = HourOrigin { faults, ..HourOrigin::generator() };
        let rows = HourRows { pods: vec![pod("a", hour.start_seconds())], ..HourRows::default() };
        lake.write_hour(&cluster, hour, rows, origin).await.unwrap();
    }
    compact(&lake, &cluster, day).await;
    assert_eq!(lake.delete_hours(&cluster, day).await.unwrap().len(), 24 * 5);
    let fourth = hour().plus(4);
    let rows = HourRows {
        pods: vec![pod("a", fourth.start_seconds()), pod("b", fourth.start_seconds())],
        ..HourRows::default()
    };
    lake.correct_hour(&cluster, fourth, rows, HourOrigin::generator()).await.unwrap();
    (store, lake, cluster, day)
}

async fn compact(lake: &Lake, cluster: &ClusterId, day: Day) {
    let outcome = lake.compact_day(cluster, day, crate::Compaction::default(), day.end()).await.unwrap();
    assert!(matches!(outcome, crate::CompactOutcome::Compacted { .. }), "{outcome:?}");
}

async fn sound(store: &Arc<dyn Store>) -> Verified {
    let found = verify(store, &Scope::default()).await.unwrap();
    assert_eq!((&found.faults, &found.unfinished), (&vec![], &vec![]));
    found
}

#[tokio::test]
async fn days_corrections_and_deleted_hours_are_sound() {
    let (store, lake, cluster, day) = day_with_a_correction().await;
    // 24 hours, a day, a correction; the objects of the day and of the correction.
    let found = sound(&store).await;
    assert_eq!((found.manifests, found.objects, found.rows), (26, 10, 24 + 2));
    compact(&lake, &cluster, day).await;
    assert_eq!(sound(&store).await.objects, 15);
    lake.delete_hours(&cluster, day).await.unwrap();
    assert_eq!((sound(&store).await.objects, sound(&store).await.rows), (5, 25));
    lake.prune(&cluster, day.plus(1), false).await.unwrap();
    assert_eq!(sound(&store).await, Verified::default());
}

#[tokio::test]
async fn what_a_reader_needs_of_days_and_corrections_is_missed() {
    let corrected = "v1/pod_hour/cluster=c1/date=2026-07-01/hour=04.r1.parquet";
    for key in ["v1/pod_hour/cluster=c1/date=2026-07-01/day.parquet", corrected] {
        let (store, ..) = day_with_a_correction().await;
        store.delete(key).await.unwrap();
        let found = verify(&store, &Scope::default()).await.unwrap();
        assert!(
            matches!(&found.faults[..], [one] if one.key == key && one.problem.contains("not there")),
            "{found:#?}"
        );
    }
    // The day is compacted again, and what the correction named is no longer needed.
    let (store, lake, cluster, day) = day_with_a_correction().await;
    compact(&lake, &cluster, day).await;
    store.delete(corrected).await.unwrap();
    sound(&store).await;
}

#[tokio::test]
async fn a_file_that_says_it_belongs_elsewhere_is_found() {
    let rows = [pod("a", HOUR)];
    check(&consistent_of(&rows, "c2", "2026-07-01").await, OBJECT, "`cluster` does not say `c1`").await;
    check(&consistent_of(&rows, "c1", "2026-07-02").await, OBJECT, "`date` does not say `2026-07-01`").await;
}

#[tokio::test]
async fn rows_out_of_order_are_found() {
    check(&consistent(&[pod("b", HOUR), pod("a", HOUR)]).await, OBJECT, "out of order").await;
}

#[tokio::test]
async fn a_hostile_manifest_of_a_day_is_named_and_no_reader_or_deletion_follows_it() {
    let hostile = "v1/pod_hour/cluster=victim/date=2026-07-01/hour=00.parquet";
    for of_hours in [false, true] {
        let (store, lake, cluster, day) = day_with_a_correction().await;
        let key = "v1/manifest/cluster=c1/date=2026-07-01/day.json";
        let mut manifest: crate::DayManifest = serde_json::from_slice(&store.get(key).await.unwrap()).unwrap();
        let objects = if of_hours { &mut manifest.hours[0].manifest.objects } else { &mut manifest.objects };
        objects.iter_mut().filter(|o| o.table == "pod_hour").for_each(|o| o.key = hostile.to_owned());
        store.delete(key).await.unwrap();
        store.put_new(key, serde_json::to_vec(&manifest).unwrap().into()).await.unwrap();
        let found = verify(&store, &Scope::default()).await.unwrap();
        assert!(found.faults.iter().any(|f| f.key == key && f.problem.contains(hostile)), "{found:#?}");
        for error in [lake.parts(&cluster, day, None).await.err(), lake.delete_hours(&cluster, day).await.err()] {
            assert!(matches!(error, Some(LakeError::Foreign(_))), "{error:?}");
        }
    }
}
