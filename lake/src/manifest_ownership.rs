//! Checks whether the objects a manifest names are its own. A manifest is a file somebody may have edited: it must not
//! lead a reader to another cluster's rows, or out of the lake.

use types::ClusterId;

use crate::manifest::ObjectEntry;

/// A manifest names an object it has no business naming.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "manifest `{manifest}` names `{key}` as its `{table}`, which is not an object below `{folder}`; nobody of ours wrote that: find out who did, then delete the manifest and collect the hour again"
)]
pub struct ForeignObject {
    manifest: String,
    table: String,
    key: String,
    folder: String,
}

/// Checks that every object lies where objects of its table, cluster and day lie, and is named once.
///
/// # Errors
/// [`ForeignObject`] for the first that does not.
pub(crate) fn check(
    manifest: &str,
    cluster: &ClusterId,
    date: &str,
    objects: &[ObjectEntry],
) -> Result<(), ForeignObject> {
    for (n, object) in objects.iter().enumerate() {
        let folder = format!("v1/{}/cluster={cluster}/date={date}/", object.table);
        let name = object.key.strip_prefix(&folder);
        let twice = objects.iter().take(n).any(|other| other.table == object.table);
        if twice || !is_table(&object.table) || !name.is_some_and(is_object) {
            let (table, key) = (object.table.clone(), object.key.chars().take(200).collect());
            return Err(ForeignObject { manifest: manifest.to_owned(), table, key, folder });
        }
    }
    Ok(())
}

fn is_table(name: &str) -> bool {
    name != "manifest"
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `hour=07.parquet`, `day.r2.parquet`: one segment, and nothing hidden.
fn is_object(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'=' || b == b'.';
    name.strip_suffix(".parquet").is_some_and(|stem| {
        stem.starts_with(|c: char| c.is_ascii_lowercase()) && stem.bytes().all(plain) && !stem.contains("..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_key(table: &str, key: &str, accepted: bool) {
        let object = |table: &str, key: &str| ObjectEntry {
            table: table.to_owned(),
            key: key.to_owned(),
            rows: 0,
            bytes: 0,
            sha256: String::new(),
        };
        let outcome = check("m.json", &"a".parse().unwrap(), "2026-07-01", &[object(table, key)]);
        assert_eq!(outcome.is_ok(), accepted, "{table} {key}: {outcome:?}");
    }

    #[test]
    fn only_objects_of_the_same_table_cluster_and_day_are_read() {
        for name in ["hour=07.parquet", "hour=07.r1.parquet", "day.parquet", "day.r12.parquet"] {
            check_key("pod_hour", &format!("v1/pod_hour/cluster=a/date=2026-07-01/{name}"), true);
        }
        for hostile in [
            "/etc/passwd",
            "../../etc/passwd",
            "v1/pod_hour/cluster=a/date=2026-07-01/../../cluster=b/date=2026-07-01/hour=07.parquet",
            "v1/pod_hour/cluster=b/date=2026-07-01/hour=07.parquet",
            "v1/pod_hour/cluster=a/date=2026-07-02/hour=07.parquet",
            "v1/node_hour/cluster=a/date=2026-07-01/hour=07.parquet",
            "v1/pod_hour/cluster=a/date=2026-07-01/hour=07.parquet/x.parquet",
            "v1/pod_hour/cluster=a/date=2026-07-01/.tmp-1.parquet",
            "v1/pod_hour/cluster=a/date=2026-07-01/hour=07.parquet\0",
            "v1/pod_hour/cluster=a/date=2026-07-01/",
            "v1/pod_hour/cluster=a/date=2026-07-01/..parquet",
            "",
        ] {
            check_key("pod_hour", hostile, false);
        }
        check_key("..", "v1/../cluster=a/date=2026-07-01/hour=07.parquet", false);
        check_key("manifest", "v1/manifest/cluster=a/date=2026-07-01/hour=07.parquet", false);
    }
}
