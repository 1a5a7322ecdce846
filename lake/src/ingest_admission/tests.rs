use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::*;
use crate::hour_rows::{HourOrigin, HourRows, encode_hour};
use crate::store::MemoryStore;
use crate::tables::{ContainerHour, PodHour, Table};

fn cluster() -> ClusterId {
    "prod-1".parse().unwrap()
}

fn hour() -> Hour {
    Hour::starting_at(1_782_950_400 - 3600).unwrap()
}

/// An hour of some rows as a collector writes it: keys with what lies under them, the manifest last.
fn written(cluster: &ClusterId, hour: Hour) -> Vec<(String, Bytes)> {
    let pod = |n: i32| PodHour { pod_uid: format!("uid-{n}"), namespace: "shop".into(), ..PodHour::default() };
    let container = |n: i32| ContainerHour {
        pod_uid: format!("uid-{n}"),
        container: "app".into(),
        cpu_core_milliseconds: Some(i64::from(n) * 1_000_003),
        ..ContainerHour::default()
    };
    let rows = HourRows {
        pods: (0..3000).map(pod).collect(),
        containers: (0..3000).map(container).collect(),
        ..HourRows::default()
    };
    let encoded = encode_hour(cluster, hour, rows, HourOrigin::generator()).unwrap();
    let keys = encoded.manifest.objects.iter().map(|entry| entry.key.clone());
    let mut all: Vec<_> = keys.zip(encoded.objects.clone()).collect();
    let text = serde_json::to_vec(&encoded.manifest).unwrap();
    all.push((object_keys::hour_manifest(cluster, hour), text.into()));
    all
}

#[tokio::test]
async fn an_hour_as_collectors_write_it_is_taken() {
    let store = MemoryStore::default();
    for (key, object) in written(&cluster(), hour()) {
        let what = admitted(&cluster(), &key).unwrap();
        check_object(&cluster(), &what, &object).unwrap();
        if let Admitted::Manifest { hour } = what {
            check_manifest(&store, &cluster(), hour, &object).await.unwrap();
        }
        store.put_new(&key, object).await.unwrap();
    }
}

#[test]
fn a_collector_writes_hours_of_its_own_cluster_and_nothing_else() {
    let admits = |key: &str| admitted(&cluster(), key).is_some();
    for key in [
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=23.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=23.r2.parquet",
        "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.json",
        "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.r1.json",
        "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.try1",
    ] {
        assert!(admits(key), "{key}");
    }
    for key in [
        "",
        "v1/",
        "/v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=23.parquet",
        "v1/pod_hour/cluster=prod-2/date=2026-07-01/hour=23.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/../hour=23.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-7-1/hour=23.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=24.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/day.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=23.try1.parquet",
        "v1/other/cluster=prod-1/date=2026-07-01/hour=23.parquet",
        "v1/manifest/cluster=prod-1/date=2026-07-01/day.json",
        "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.parquet",
        "reports/cluster=prod-1/latest/report.json",
        "service/tokens/0123456789abcdef.json",
        "v1/../service/tokens/0123456789abcdef.json",
    ] {
        assert!(!admits(key), "{key}");
    }
    for (prefix, own) in [
        ("v1/manifest/cluster=prod-1/", true),
        ("v1/manifest/cluster=prod-1/date=2026-07-01/", true),
        ("v1/pod_hour/cluster=prod-1/date=2026-07-01/", true),
        ("v1/manifest/", false),
        ("v1/manifest/cluster=prod-2/", false),
        ("v1/manifest/cluster=prod-1/../cluster=prod-2/", false),
        ("v1/manifest/cluster=prod-1", false),
        ("service/", false),
        ("", false),
    ] {
        assert_eq!(is_own_prefix(&cluster(), prefix), own, "{prefix}");
    }
}

/// Asserts that an object is refused, and why.
fn check(table: &str, object: &[u8], expect: &str) {
    let what = Admitted::Object { table: schema::table(table).unwrap().name, hour: hour() };
    let error = check_object(&cluster(), &what, &object.to_vec().into()).unwrap_err().to_string();
    assert!(error.contains(expect), "{error}, not {expect}");
}

fn object(table: &str) -> Vec<u8> {
    let key = object_keys::hour_object(table, &cluster(), hour());
    written(&cluster(), hour()).into_iter().find(|(found, _)| *found == key).unwrap().1.to_vec()
}

#[test]
fn an_object_that_is_not_its_table_is_refused() {
    check("pod_hour", b"", "not Parquet");
    check("pod_hour", b"<html>", "not Parquet");
    check("pod_hour", &object("pod_hour")[..500], "not Parquet");
    check("node_hour", &object("pod_hour"), "is none of table `node_hour`");
    let of = |cluster: &str, hour: Hour| {
        let cluster = cluster.parse().unwrap();
        let key = object_keys::hour_object("pod_hour", &cluster, hour);
        written(&cluster, hour).into_iter().find(|(found, _)| *found == key).unwrap().1.to_vec()
    };
    check("pod_hour", &of("prod-2", hour()), "of another cluster");
    check("pod_hour", &of("prod-1", hour().next()), "of another hour");
    let mut long = object("pod_hour");
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    check("pod_hour", &long, "larger than 1 MiB");
}

#[test]
fn whatever_is_damaged_makes_no_panic() {
    let object = object("container_hour");
    let what = Admitted::Object { table: "container_hour", hour: hour() };
    let mut refused = 0;
    for at in (0..object.len()).step_by(7) {
        for bits in [0x01, 0x80, 0xff] {
            let mut damaged = object.clone();
            damaged[at] ^= bits;
            let damaged = Bytes::from(damaged);
            match check_object(&cluster(), &what, &damaged) {
                Err(_) => refused += 1,
                // What is let in may be damaged inside of its pages: a reader says so, and reads no more than was said.
                // Reading takes long, so not all of them are read.
                Ok(rows) if at % 210 == 0 => {
                    let columns = schema::table("container_hour").unwrap().columns;
                    let read = crate::read_batches(damaged, columns)
                        .map_or(0, |batches| batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>());
                    assert!(u64::try_from(read).unwrap() <= rows.unwrap(), "{at} {bits}");
                }
                Ok(_) => {}
            }
        }
    }
    assert!(refused > 20, "footers and headers are looked at: {refused}");
}

#[tokio::test]
async fn a_manifest_that_says_something_else_than_lies_there_is_refused() {
    let store = MemoryStore::default();
    let mut all = written(&cluster(), hour());
    let (_, text) = all.pop().unwrap();
    let missing = check_manifest(&store, &cluster(), hour(), &text).await.unwrap_err().to_string();
    assert!(missing.contains("is not there"), "{missing}");
    for (key, object) in all {
        store.put_new(&key, object).await.unwrap();
    }
    check_manifest(&store, &cluster(), hour(), &text).await.unwrap();
    type Change = fn(&mut Manifest);
    let changes: [(Change, &str); 6] = [
        (|m| m.objects[0].sha256 = "0".repeat(64), "is not what the manifest says"),
        (|m| m.objects[0].rows += 1, "is not what the manifest says"),
        (|m| m.cluster_id = "prod-2".parse().unwrap(), "another cluster"),
        (|m| m.hour_start_seconds += 3600, "another cluster, hour"),
        (|m| m.objects[0].key = "service/revoked.json".to_owned(), "not an object below"),
        (|m| m.faults = vec![String::new(); 1000], "more faults"),
    ];
    for (change, expect) in changes {
        let mut manifest: Manifest = serde_json::from_slice(&text).unwrap();
        change(&mut manifest);
        let changed = serde_json::to_vec(&manifest).unwrap().into();
        let error = check_manifest(&store, &cluster(), hour(), &changed).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}, not {expect}");
    }
}

/// A file of pods as some other writer makes it: so many batches of so many rows, in each of which every name is `text`.
fn pods(batches: usize, rows: usize, text: &str, dictionary: bool) -> Vec<u8> {
    let name = || text.to_owned();
    let pod = PodHour {
        pod_uid: name(),
        namespace: name(),
        pod: name(),
        node: name(),
        workload_kind: name(),
        workload: name(),
        ..PodHour::default()
    };
    let schema = Arc::new(crate::parquet_encoding::arrow_schema(PodHour::COLUMNS));
    let batch = RecordBatch::try_new(schema, PodHour::to_columns(&vec![pod; rows])).unwrap();
    let said = [("emp-cost.cluster", cluster().to_string()), ("emp-cost.hour", hour().to_string())];
    let said = said.map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_dictionary_enabled(dictionary)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(said.into()))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    for _ in 0..batches {
        writer.write(&batch).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn an_object_of_more_than_an_hour_has_is_refused_by_its_footer() {
    let what = Admitted::Object { table: "pod_hour", hour: hour() };
    let small = pods(2, 5, "x", true);
    assert_eq!(check_object(&cluster(), &what, &small.into()).unwrap(), Some(10), "such a file is taken");
    // Rows that are as good as nothing, each the same: few bytes, packed or not.
    check("pod_hour", &pods(21, 100_000, "x", true), "at most 2000000 rows are taken");
    let mib = "x".repeat(1 << 20);
    // Six texts a row: 1.05 GiB, of which a few hundred KiB are left when it is packed.
    check("pod_hour", &pods(18, 10, &mib, false), "at most 1073741824 bytes are taken");
    let kib = mib.get(..64 << 10).unwrap();
    check("pod_hour", &pods(10, 50, kib, false), "at most 2000 times its own");
}

#[test]
fn an_hour_that_is_not_over_is_refused_but_for_some_minutes_that_clocks_differ_by() {
    let (over, what) = (hour().next().start(), Admitted::Manifest { hour: hour() });
    check_over(&what, over).unwrap();
    check_over(&what, over - CLOCK_SKEW).unwrap();
    check_over(&what, over + TimeDelta::days(400)).unwrap();
    for of in [what, Admitted::Object { table: "pod_hour", hour: hour() }, Admitted::Try { hour: hour() }] {
        let error = check_over(&of, over - CLOCK_SKEW - TimeDelta::seconds(1)).unwrap_err().to_string();
        assert!(error.contains(&hour().to_string()) && error.contains("is not over"), "{error}");
        assert!(check_over(&of, over - TimeDelta::days(400)).is_err());
    }
}
