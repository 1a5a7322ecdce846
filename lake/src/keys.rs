//! Where each object lies, relative to the root of the lake. Contract: readers exist.

use types::{ClusterId, Hour};

/// The layout all keys below belong to.
const LAYOUT: &str = "v1";

/// The object that holds one table of one hour.
pub fn hour_object(table: &str, cluster: &ClusterId, hour: Hour) -> String {
    format!("{LAYOUT}/{table}/cluster={cluster}/date={}/hour={:02}.parquet", hour.date(), hour.of_day())
}

/// Revision `n` of an object's key: `hour=07.parquet`, `hour=07.r1.parquet`, and so on.
pub fn revision(key: &str, n: u32) -> String {
    match key.strip_suffix(".parquet") {
        Some(stem) if n > 0 => format!("{stem}.r{n}.parquet"),
        _ => key.to_owned(),
    }
}

/// The manifest of one hour.
pub fn hour_manifest(cluster: &ClusterId, hour: Hour) -> String {
    format!("{}hour={:02}.json", day_manifests(cluster, hour), hour.of_day())
}

/// What all manifests of the day that contains `hour` start with.
pub fn day_manifests(cluster: &ClusterId, hour: Hour) -> String {
    format!("{}date={}/", cluster_manifests(cluster), hour.date())
}

/// What all manifests of a cluster start with.
pub fn cluster_manifests(cluster: &ClusterId) -> String {
    format!("{}cluster={cluster}/", manifests())
}

/// What all manifests start with.
pub fn manifests() -> String {
    format!("{LAYOUT}/manifest/")
}

/// The hour of the day a manifest key names, `0..24`; `None` for other keys, which a reader ignores.
pub fn hour_of_manifest(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next()?;
    let digits = name.strip_prefix("hour=")?.strip_suffix(".json")?;
    if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|hour| (0..24).contains(hour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_contract() {
        let cluster = "prod-1".parse().unwrap();
        let hour = Hour::starting_at(1_782_950_400 - 3600).unwrap();
        assert_eq!(
            hour_object("pod_hour", &cluster, hour),
            "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=23.parquet"
        );
        let manifest = hour_manifest(&cluster, hour);
        assert_eq!(manifest, "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.json");
        assert_eq!(hour_of_manifest(&manifest), Some(23));
        for other in ["hour=24.json", "hour=7.json", "day.json", "hour=07.json.tmp", "hour=+7.json"] {
            assert_eq!(hour_of_manifest(other), None, "{other}");
        }
    }
}
