//! Content of a lake, by its manifests: clusters, days, hours, gaps, rows and bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use types::{ClusterId, Hour, Window};

use crate::error::LakeError;
use crate::hour_writes::{Lake, size, total};
use crate::manifest::ObjectEntry;
use crate::object_keys::{self, ManifestName};
use crate::store::{InOrder, Store};
use crate::utc_day::Day;

/// Days listed at once; each reads some manifests at once itself.
const DAYS: usize = 4;

/// Period of a manifest or a data object, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// One hour of the day, `0..24`.
    Hour(i64),
    /// A whole day, compacted.
    Day,
}

/// Where an object lies, taken from its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The key.
    pub key: String,
    /// Its table, or `manifest`.
    pub table: String,
    /// The cluster.
    pub cluster: ClusterId,
    /// The day.
    pub date: NaiveDate,
    /// The hour, or the day as a whole.
    pub period: Period,
    /// 0, or the number of a correction; the highest counts.
    pub revision: u32,
}

impl Place {
    /// Reads a key of the layout; `None` for every other, which readers ignore.
    pub fn parse(key: &str) -> Option<Self> {
        let mut segments = key.split('/');
        let (layout, table) = (segments.next()?, segments.next()?);
        let cluster = segments.next()?.strip_prefix("cluster=")?.parse().ok()?;
        let date_text = segments.next()?.strip_prefix("date=")?;
        let date: NaiveDate = date_text.parse().ok()?;
        let name = segments.next()?;
        if layout != "v1" || segments.next().is_some() || date_text.len() != 10 || date.to_string() != date_text {
            return None;
        }
        // A data object is named like the manifest of its hour or day, but for the extension.
        let beside = match table {
            "manifest" => name.to_owned(),
            _ => format!("{}.json", name.strip_suffix(".parquet")?),
        };
        let (period, revision) = match object_keys::manifest_name(&beside)? {
            ManifestName::Hour { of_day, revision } => (Period::Hour(of_day), revision),
            ManifestName::Day { revision } => (Period::Day, revision),
            // The mark of a try says nothing but how often it was tried.
            ManifestName::Try { .. } => return None,
        };
        Some(Self { key: key.to_owned(), table: table.to_owned(), cluster, date, period, revision })
    }

    /// The first second of what it is about, since the epoch.
    pub(crate) fn start_seconds(&self) -> i64 {
        let midnight = self.date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        match self.period {
            Period::Hour(hour) => midnight.saturating_add(hour.saturating_mul(3600)),
            Period::Day => midnight,
        }
    }

    /// Returns whether its day and `window` have a moment in common; every day is in no window.
    pub(crate) fn in_days_of(&self, window: Option<Window>) -> bool {
        let midnight = self.date.and_time(chrono::NaiveTime::MIN).and_utc();
        let end = midnight.checked_add_days(chrono::Days::new(1)).unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC);
        window.is_none_or(|w| midnight < w.end() && end > w.start())
    }
}

/// Fields of every manifest, of an hour or of a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AnyManifest {
    pub(crate) version: u32,
    pub(crate) cluster_id: ClusterId,
    /// Start of the hour, in the manifest of an hour.
    pub(crate) hour_start_seconds: Option<i64>,
    /// The date, in the manifest of a day.
    pub(crate) date: Option<String>,
    /// The hours a day was made of.
    #[serde(default)]
    pub(crate) hours: Vec<HourOfDay>,
    pub(crate) objects: Vec<ObjectEntry>,
}

/// An hour in the manifest of a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct HourOfDay {
    pub(crate) manifest: HourSaid,
}

/// Manifest of an hour as it was when the day was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct HourSaid {
    pub(crate) hour_start_seconds: i64,
    /// Objects the hour was read from; outdated ones are deleted by these names.
    #[serde(default)]
    pub(crate) objects: Vec<ObjectEntry>,
}

/// A run of hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first missing hour.
    pub from: String,
    /// The hour after the last missing one.
    pub to: String,
    /// Number of missing hours.
    pub hours: u64,
}

/// One day of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DayListing {
    /// The day.
    pub date: String,
    /// Hours that exist.
    pub hours: u64,
    /// Those of them whose manifest says that something is missing.
    pub incomplete_hours: u64,
    /// Corrections: manifests that supersede another.
    pub revisions: u64,
    /// Tells whether the day is compacted into one object a table.
    pub compacted: bool,
    /// Of a compacted day, the hours that came or were corrected since, and are read from their own objects.
    pub newer_hours: u64,
    /// Rows of all tables, as a reader sees them.
    pub rows: u64,
    /// Bytes of the objects a reader fetches for them.
    pub bytes: u64,
}

/// One cluster of a lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterListing {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The first hour that exists.
    pub first_hour: String,
    /// The last hour that exists.
    pub last_hour: String,
    /// Hours that exist.
    pub hours: u64,
    /// Rows of all tables, as a reader sees them.
    pub rows: u64,
    /// Bytes of the objects a reader fetches for them.
    pub bytes: u64,
    /// Hours missing between the first and the last.
    pub gaps: Vec<Gap>,
    /// The days that exist, oldest first.
    pub days: Vec<DayListing>,
}

/// The keys of a cluster's manifests in the days of `window`, oldest first.
///
/// # Errors
/// [`LakeError::Store`].
pub(crate) async fn manifests(
    store: &Arc<dyn Store>,
    cluster: &ClusterId,
    window: Option<Window>,
) -> Result<Vec<Place>, LakeError> {
    let keys = store.list(&object_keys::cluster_manifests(cluster)).await?;
    let places = keys.iter().filter_map(|key| Place::parse(key));
    let mut places: Vec<_> = places.filter(|place| place.in_days_of(window)).collect();
    places.sort_by_key(|place| (place.date, place.period, place.revision));
    Ok(places)
}

/// Lists what the lake in `store` holds, reading its manifests and nothing else; of the days of `window` where one
/// is given.
///
/// # Errors
/// [`LakeError::Store`], and [`LakeError::Manifest`] for a manifest that cannot be read.
pub async fn list(
    store: &Arc<dyn Store>,
    only: Option<&ClusterId>,
    window: Option<Window>,
) -> Result<Vec<ClusterListing>, LakeError> {
    let lake = Lake::new(Arc::clone(store));
    let mut listings = Vec::new();
    for cluster in lake.clusters().await?.into_iter().filter(|cluster| only.is_none_or(|only| only == cluster)) {
        listings.extend(list_cluster(&lake, cluster, window).await?);
    }
    Ok(listings)
}

async fn list_cluster(
    lake: &Lake,
    cluster: ClusterId,
    window: Option<Window>,
) -> Result<Option<ClusterListing>, LakeError> {
    let mut days = lake.days(&cluster).await?;
    days.retain(|day| {
        window.is_none_or(|window| day.first_hour().start() < window.end() && day.end() > window.start())
    });
    let (of_lake, of_cluster) = (lake.clone(), cluster.clone());
    let list = move |day| {
        let (lake, cluster) = (of_lake.clone(), of_cluster.clone());
        async move { list_day(&lake, &cluster, day).await }
    };
    let mut listed = InOrder::new(days.into_iter().map(list), DAYS);
    let (mut days, mut hours) = (Vec::new(), BTreeSet::new());
    while let Some(day) = listed.next().await {
        let (of_day, day) = day?;
        hours.extend(of_day);
        days.extend((day.hours > 0).then_some(day));
    }
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok(None) };
    Ok(Some(ClusterListing {
        cluster_id: cluster,
        first_hour: first.to_string(),
        last_hour: last.to_string(),
        hours: total(days.iter().map(|day| day.hours)),
        rows: total(days.iter().map(|day| day.rows)),
        bytes: total(days.iter().map(|day| day.bytes)),
        gaps: gaps(&hours),
        days,
    }))
}

/// One day, by the parts a reader would read it in.
async fn list_day(lake: &Lake, cluster: &ClusterId, day: Day) -> Result<(Vec<Hour>, DayListing), LakeError> {
    let names = lake.listing(cluster, day).await?;
    let parts = lake.parts_of_listing(cluster, day, &names, None).await?;
    let mut listed = DayListing { date: day.to_string(), ..DayListing::default() };
    let corrections = names.hours.values().flatten().filter(|revision| **revision > 0).count();
    listed.revisions = u64::try_from(corrections).unwrap_or(u64::MAX);
    listed.compacted = !names.days.is_empty();
    let mut hours = Vec::new();
    for part in &parts {
        listed.bytes = listed.bytes.saturating_add(size(&part.objects).1);
        for read in &part.hours {
            hours.push(read.hour);
            listed.hours = listed.hours.saturating_add(1);
            listed.incomplete_hours = listed.incomplete_hours.saturating_add(u64::from(!read.manifest.complete));
            listed.rows = listed.rows.saturating_add(size(&read.manifest.objects).0);
            let is_newer = listed.compacted && read.key == part.manifest_key;
            listed.newer_hours = listed.newer_hours.saturating_add(u64::from(is_newer));
        }
    }
    Ok((hours, listed))
}

/// Reads a manifest of an hour or a day.
pub(crate) fn parse(key: &str, text: &[u8]) -> Result<AnyManifest, LakeError> {
    serde_json::from_slice(text).map_err(|e| LakeError::Manifest { key: key.to_owned(), source: Some(e) })
}

/// The runs of hours missing between the first and the last.
fn gaps(hours: &BTreeSet<Hour>) -> Vec<Gap> {
    let pairs = hours.iter().zip(hours.iter().skip(1));
    pairs
        .filter(|(a, b)| a.next() != **b)
        .map(|(a, b)| Gap {
            from: a.next().to_string(),
            to: b.to_string(),
            hours: u64::try_from(b.start_seconds().saturating_sub(a.end_seconds()) / 3600).unwrap_or(0),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use crate::tables::PodHour;
    use crate::{HourOrigin, HourRows, Lake};

    fn check(key: &str, expect: Option<(Period, u32)>) {
        assert_eq!(Place::parse(key).map(|place| (place.period, place.revision)), expect, "{key}");
    }

    #[test]
    fn a_key_says_what_it_is_about() {
        let below = |name: &str| format!("v1/manifest/cluster=a/date=2026-07-01/{name}");
        check(&below("hour=07.json"), Some((Period::Hour(7), 0)));
        check(&below("hour=07.r12.json"), Some((Period::Hour(7), 12)));
        check(&below("day.json"), Some((Period::Day, 0)));
        check(&below("day.r1.json"), Some((Period::Day, 1)));
        check("v1/pod_hour/cluster=a/date=2026-07-01/hour=23.parquet", Some((Period::Hour(23), 0)));
        for other in ["hour=24.json", "hour=7.json", "hour=07.r0.json", "hour=07.r01.json", "hour=07.parquet", "x.json"]
        {
            check(&below(other), None);
        }
        check("v1/manifest/cluster=../date=2026-07-01/hour=07.json", None);
        check("v1/manifest/cluster=a/date=2026-7-1/hour=07.json", None);
        check("v1/manifest/cluster=a/date=+262142-12-31/hour=07.json", None);
    }

    /// Writes an hour of one pod.
    async fn write(lake: &Lake, cluster: &ClusterId, hour: Hour, faults: &[&str]) {
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        let origin = HourOrigin { faults, ..HourOrigin::generator() };
        lake.write_hour(cluster, hour, one_pod(hour), origin).await.unwrap();
    }

    fn one_pod(hour: Hour) -> HourRows {
        let start = hour.start_seconds();
        let pod = PodHour { hour_start_seconds: start, pod_uid: "a".to_owned(), ..PodHour::default() };
        HourRows { pods: vec![pod], ..HourRows::default() }
    }

    #[tokio::test]
    async fn days_and_corrections_are_listed_as_a_reader_sees_them() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let lake = Lake::new(Arc::clone(&store));
        let cluster: ClusterId = "c1".parse().unwrap();
        let day: Day = "2026-07-01".parse().unwrap();
        let hours: Vec<_> = day.hours().collect();
        for hour in &hours[..23] {
            let faults: &[&str] = if *hour == hours[3] || *hour == hours[5] { &["a warning"] } else { &[] };
            write(&lake, &cluster, *hour, faults).await;
        }
        let listed = async || list(&store, None, None).await.unwrap().remove(0).days.remove(0);
        let facts = |day: &DayListing| {
            (day.hours, day.incomplete_hours, day.revisions, day.compacted, day.newer_hours, day.rows)
        };
        assert_eq!(facts(&listed().await), (23, 2, 0, false, 0, 23));
        // Asked again in vain: a mark, and nothing else.
        let faulty = HourOrigin { faults: vec!["a warning".to_owned()], ..HourOrigin::generator() };
        lake.correct_hour(&cluster, hours[3], one_pod(hours[3]), faulty).await.unwrap();
        assert_eq!(facts(&listed().await), (23, 2, 0, false, 0, 23));
        lake.correct_hour(&cluster, hours[3], one_pod(hours[3]), HourOrigin::generator()).await.unwrap();
        assert_eq!(facts(&listed().await), (23, 1, 1, false, 0, 23));
        let later = day.plus(9).end();
        let compaction = crate::Compaction::default();
        lake.compact_day(&cluster, day, compaction, later).await.unwrap();
        assert!(!lake.delete_hours(&cluster, day).await.unwrap().is_empty());
        assert_eq!(facts(&listed().await), (23, 1, 1, true, 0, 23));
        // One more correction, and an hour that came late, after the day was made.
        lake.correct_hour(&cluster, hours[5], one_pod(hours[5]), HourOrigin::generator()).await.unwrap();
        write(&lake, &cluster, hours[23], &[]).await;
        assert_eq!(facts(&listed().await), (24, 0, 2, true, 2, 24));
        lake.compact_day(&cluster, day, compaction, later).await.unwrap();
        assert_eq!(facts(&listed().await), (24, 0, 2, true, 0, 24));
        lake.prune(&cluster, day.plus(1), false).await.unwrap();
        assert_eq!(list(&store, None, None).await.unwrap(), []);
    }

    #[tokio::test]
    async fn gaps_and_sums_are_those_of_the_hours() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let lake = Lake::new(Arc::clone(&store));
        let cluster: ClusterId = "c1".parse().unwrap();
        let first = Hour::starting_at(1_782_864_000).unwrap();
        for n in [0, 1, 4, 30] {
            let faults: &[&str] = if n == 4 { &["a warning"] } else { &[] };
            write(&lake, &cluster, first.plus(n), faults).await;
        }
        let listing = list(&store, None, None).await.unwrap().remove(0);
        assert_eq!((listing.hours, listing.rows), (4, 4));
        let gaps: Vec<_> = listing.gaps.iter().map(|gap| (gap.from.as_str(), gap.hours)).collect();
        assert_eq!(gaps, [("2026-07-01T02:00Z", 2), ("2026-07-01T05:00Z", 25)]);
        let days: Vec<_> = listing.days.iter().map(|d| (d.date.as_str(), d.hours, d.incomplete_hours)).collect();
        assert_eq!(days, [("2026-07-01", 3, 1), ("2026-07-02", 1, 0)]);
        let window = Window::try_new(first.plus(30).start(), first.plus(31).start()).unwrap();
        assert_eq!(list(&store, Some(&cluster), Some(window)).await.unwrap().remove(0).hours, 1);
        assert_eq!(list(&store, Some(&"other".parse().unwrap()), None).await.unwrap(), []);
    }
}
