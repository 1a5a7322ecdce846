//! Where each object lies, relative to the root of the lake. Contract: readers exist.

use types::{ClusterId, Hour};

use crate::utc_day::Day;

/// The layout all keys below belong to.
const LAYOUT: &str = "v1";

/// The object that holds one table of one hour.
pub fn hour_object(table: &str, cluster: &ClusterId, hour: Hour) -> String {
    format!("{}date={}/hour={:02}.parquet", cluster_objects(table, cluster), hour.date(), hour.of_day())
}

/// The object that holds one table of one day.
pub fn day_object(table: &str, cluster: &ClusterId, day: Day) -> String {
    format!("{}date={day}/day.parquet", cluster_objects(table, cluster))
}

/// Prefix of all objects of one table of a cluster.
pub fn cluster_objects(table: &str, cluster: &ClusterId) -> String {
    format!("{LAYOUT}/{table}/cluster={cluster}/")
}

/// Revision `n` of a key: `hour=07.parquet`, `hour=07.r1.parquet`, and so on; the same for manifests.
pub fn revision(key: &str, n: u32) -> String {
    match key.rsplit_once('.') {
        Some((stem, extension)) if n > 0 => format!("{stem}.r{n}.{extension}"),
        _ => key.to_owned(),
    }
}

/// The first manifest of one hour; corrections are its [`revision`]s.
pub fn hour_manifest(cluster: &ClusterId, hour: Hour) -> String {
    format!("{}hour={:02}.json", day_manifests(cluster, hour), hour.of_day())
}

/// The first manifest of one day; later ones are its [`revision`]s.
pub fn day_manifest(cluster: &ClusterId, day: Day) -> String {
    format!("{}day.json", day_manifests(cluster, day.first_hour()))
}

/// The mark that an hour was asked for again, for the `n`th time, without a better answer. Readers ignore it.
pub fn hour_try(cluster: &ClusterId, hour: Hour, n: u32) -> String {
    format!("{}hour={:02}.try{n}", day_manifests(cluster, hour), hour.of_day())
}

/// Prefix of all manifests of the day that contains `hour`.
pub fn day_manifests(cluster: &ClusterId, hour: Hour) -> String {
    format!("{}date={}/", cluster_manifests(cluster), hour.date())
}

/// Prefix of all manifests of a cluster.
pub fn cluster_manifests(cluster: &ClusterId) -> String {
    format!("{}cluster={cluster}/", manifests())
}

/// Prefix of all manifests.
pub fn manifests() -> String {
    format!("{LAYOUT}/manifest/")
}

/// Prefix of all keys of the layout.
pub fn layout() -> String {
    format!("{LAYOUT}/")
}

/// Thing that the last segment of a key beside the manifests names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestName {
    /// The manifest of an hour.
    Hour {
        /// Hour of the day, `0..24`.
        of_day: i64,
        /// 0 for the first, more for corrections.
        revision: u32,
    },
    /// The manifest of a day.
    Day {
        /// 0 for the first.
        revision: u32,
    },
    /// The mark of a try to correct an hour.
    Try {
        /// Hour of the day, `0..24`.
        of_day: i64,
        /// Its number, from 1.
        n: u32,
    },
}

/// Reads a key beside the manifests; `None` for a key of nobody's, which a reader ignores.
pub fn manifest_name(key: &str) -> Option<ManifestName> {
    let name = key.rsplit('/').next()?;
    if let Some((stem, n)) = name.rsplit_once(".try") {
        return Some(ManifestName::Try { of_day: of_day(stem)?, n: number(n)? });
    }
    let name = name.strip_suffix(".json")?;
    let (stem, revision) = match name.split_once(".r") {
        Some((stem, n)) => (stem, number(n)?),
        None => (name, 0),
    };
    match stem {
        "day" => Some(ManifestName::Day { revision }),
        _ => Some(ManifestName::Hour { of_day: of_day(stem)?, revision }),
    }
}

/// The hour of the day the first manifest of an hour names, `0..24`; `None` for other keys.
pub fn hour_of_manifest(key: &str) -> Option<i64> {
    match manifest_name(key) {
        Some(ManifestName::Hour { of_day, revision: 0 }) => Some(of_day),
        _ => None,
    }
}

fn of_day(stem: &str) -> Option<i64> {
    let digits = stem.strip_prefix("hour=")?;
    if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|hour| (0..24).contains(hour))
}

/// The greatest number of a revision or a try. Nobody gets there by counting, and there is always room for one more.
pub const MOST_REVISIONS: u32 = 999_999_999;

/// A number from 1 as this crate writes it: no sign, no zero in front, nine digits at most.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|number| plain && *number <= MOST_REVISIONS)
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
        assert_eq!(
            day_object("pod_hour", &cluster, Day::of(hour)),
            "v1/pod_hour/cluster=prod-1/date=2026-07-01/day.parquet"
        );
        let manifest = hour_manifest(&cluster, hour);
        assert_eq!(manifest, "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.json");
        assert_eq!(hour_of_manifest(&manifest), Some(23));
        let correction = revision(&manifest, 2);
        assert_eq!(correction, "v1/manifest/cluster=prod-1/date=2026-07-01/hour=23.r2.json");
        assert_eq!(manifest_name(&correction), Some(ManifestName::Hour { of_day: 23, revision: 2 }));
        let day = revision(&day_manifest(&cluster, Day::of(hour)), 12);
        assert_eq!(day, "v1/manifest/cluster=prod-1/date=2026-07-01/day.r12.json");
        assert_eq!(manifest_name(&day), Some(ManifestName::Day { revision: 12 }));
        assert_eq!(manifest_name(&hour_try(&cluster, hour, 3)), Some(ManifestName::Try { of_day: 23, n: 3 }));
    }

    #[test]
    fn a_key_of_nobodys_is_ignored() {
        for other in [
            "hour=24.json",
            "hour=7.json",
            "hour=07.json.tmp",
            "hour=+7.json",
            "hour=07.r0.json",
            "hour=07.r01.json",
            "hour=07.r+1.json",
            "hour=07.r1.r2.json",
            "hour=07.r.json",
            "day.rx.json",
            "days.json",
            "hour=07.try0",
            "hour=07.parquet",
        ] {
            assert_eq!(manifest_name(other), None, "{other}");
        }
    }
}
