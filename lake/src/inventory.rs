//! What a lake holds, by its manifests: clusters, days, hours, gaps, rows and bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use types::{ClusterId, Hour, Window};

use crate::hour::LakeError;
use crate::keys;
use crate::manifest::ObjectEntry;
use crate::store::{Store, get_many};

/// What a manifest or a data object is about, by its name.
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
        if layout != "v1" || segments.next().is_some() || date.to_string() != date_text {
            return None;
        }
        let stem = name.strip_suffix(if table == "manifest" { ".json" } else { ".parquet" })?;
        let (period, revision) = match stem.split_once(".r") {
            Some((period, digits)) => {
                (period, digits.parse().ok().filter(|n: &u32| *n > 0 && n.to_string() == digits)?)
            }
            None => (stem, 0),
        };
        let period = match period.strip_prefix("hour=") {
            Some(digits) if digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Period::Hour(digits.parse().ok().filter(|hour| (0..24).contains(hour))?)
            }
            None if period == "day" => Period::Day,
            _ => return None,
        };
        Some(Self { key: key.to_owned(), table: table.to_owned(), cluster, date, period, revision })
    }

    /// The first second of what it is about, since the epoch.
    pub(crate) fn start_seconds(&self) -> i64 {
        let midnight = self.date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        match self.period {
            Period::Hour(hour) => midnight + 3600 * hour,
            Period::Day => midnight,
        }
    }

    /// Whether its day and `window` have a moment in common; every day is in no window.
    pub(crate) fn in_days_of(&self, window: Option<Window>) -> bool {
        let midnight = self.date.and_time(chrono::NaiveTime::MIN).and_utc();
        window.is_none_or(|w| midnight < w.end() && midnight + chrono::TimeDelta::days(1) > w.start())
    }
}

/// What every manifest says, whether of an hour or of a day.
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
    #[serde(default)]
    pub(crate) complete: Option<bool>,
    pub(crate) objects: Vec<ObjectEntry>,
}

/// An hour in the manifest of a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct HourOfDay {
    pub(crate) manifest: HourSaid,
}

/// What the manifest of an hour said when the day was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct HourSaid {
    pub(crate) hour_start_seconds: i64,
    pub(crate) complete: bool,
}

/// A run of hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first missing hour.
    pub from: String,
    /// The hour after the last missing one.
    pub to: String,
    /// How many are missing.
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
    /// Whether the day is compacted into one object a table.
    pub compacted: bool,
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
    let keys = store.list(&keys::cluster_manifests(cluster)).await?;
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
    let names = store.list_names(&keys::manifests()).await?;
    let clusters = names.iter().filter_map(|name| name.strip_prefix("cluster=")?.parse::<ClusterId>().ok());
    let mut listings = Vec::new();
    for cluster in clusters.filter(|cluster| only.is_none_or(|only| only == cluster)) {
        let places = manifests(store, &cluster, window).await?;
        listings.extend(list_cluster(store, cluster, places).await?);
    }
    Ok(listings)
}

async fn list_cluster(
    store: &Arc<dyn Store>,
    cluster: ClusterId,
    places: Vec<Place>,
) -> Result<Option<ClusterListing>, LakeError> {
    // Sorted by revision, so the last of a period is the one that counts.
    let current: BTreeMap<_, _> = places.iter().map(|place| ((place.date, place.period), place.clone())).collect();
    let mut days: BTreeMap<NaiveDate, DayListing> = BTreeMap::new();
    let mut hours = BTreeSet::new();
    let keys = current.values().map(|place| place.key.clone()).collect();
    let mut reads = get_many(store, keys);
    for place in current.values() {
        let Some((key, text)) = reads.next().await else { break };
        let manifest = parse(&key, &text?)?;
        let day = days.entry(place.date).or_default();
        day.date = place.date.to_string();
        let rows: u64 = manifest.objects.iter().map(|object| object.rows).sum();
        let bytes: u64 = manifest.objects.iter().map(|object| object.bytes).sum();
        match place.period {
            Period::Hour(_) => {
                hours.extend(Hour::starting_at(place.start_seconds()));
                day.hours += 1;
                day.incomplete_hours += u64::from(manifest.complete == Some(false));
                day.rows += rows;
                day.bytes += bytes;
            }
            // Sorted after the hours of its day, whose objects a reader then leaves alone; some may be deleted.
            Period::Day => {
                for said in manifest.hours.iter().map(|hour| &hour.manifest) {
                    if Hour::starting_at(said.hour_start_seconds).is_some_and(|hour| hours.insert(hour)) {
                        day.hours += 1;
                        day.incomplete_hours += u64::from(!said.complete);
                    }
                }
                (day.compacted, day.rows, day.bytes) = (true, rows, bytes);
            }
        }
    }
    for superseded in places.iter().filter(|place| place.revision > 0 && place.period != Period::Day) {
        days.entry(superseded.date).or_default().revisions += 1;
    }
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok(None) };
    Ok(Some(ClusterListing {
        cluster_id: cluster,
        first_hour: first.to_string(),
        last_hour: last.to_string(),
        hours: days.values().map(|day| day.hours).sum(),
        rows: days.values().map(|day| day.rows).sum(),
        bytes: days.values().map(|day| day.bytes).sum(),
        gaps: gaps(&hours),
        days: days.into_values().collect(),
    }))
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
            hours: u64::try_from((b.start_seconds() - a.end_seconds()) / 3600).unwrap_or(0),
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
    }

    #[tokio::test]
    async fn gaps_and_sums_are_those_of_the_hours() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let lake = Lake::new(Arc::clone(&store));
        let cluster: ClusterId = "c1".parse().unwrap();
        let first = Hour::starting_at(1_782_864_000).unwrap();
        for n in [0, 1, 4, 30] {
            let pod = PodHour { pod_uid: "a".to_owned(), ..PodHour::default() };
            let rows = HourRows { pods: vec![pod], ..HourRows::default() };
            let faults = if n == 4 { vec!["a warning".to_owned()] } else { Vec::new() };
            let origin = HourOrigin { faults, ..HourOrigin::generator() };
            lake.write_hour(&cluster, first.plus(n), rows, origin).await.unwrap();
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
