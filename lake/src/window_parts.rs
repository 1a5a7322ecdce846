//! Reading: listings of days, manifests, and the parts a window is read in.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::task::JoinSet;
use types::{ClusterId, Hour, Window};

use crate::day_listing::DayListing;
use crate::digest::digest;
use crate::error::LakeError;
use crate::hour_writes::Lake;
use crate::manifest::{DayManifest, Manifest, ObjectEntry, VERSION};
use crate::manifest_ownership;
use crate::object_keys;
use crate::parquet_encoding;
use crate::store::StoreError;
use crate::tables::Table;
use crate::utc_day::Day;

/// Manifests read at once.
const READS: usize = 16;

/// One hour as its manifest names it; its tables are fetched when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadHour {
    /// The hour.
    pub hour: Hour,
    /// Key of the manifest that holds for it, its newest revision.
    pub key: String,
    /// SHA-256 of that manifest, in hexadecimal: the same whether the rows come from the hour or from its day.
    pub sha256: String,
    /// Its manifest.
    pub manifest: Manifest,
}

/// An hour of which something is known to be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteHour {
    /// The hour.
    pub hour: Hour,
    /// Its faults.
    pub faults: Vec<String>,
    /// Times it was asked for again without a better answer.
    pub tries: u32,
}

/// Objects that are read together: those of one hour, or those of a day, of which some hours may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The hours whose rows belong to it, oldest first.
    pub hours: Vec<ReadHour>,
    /// Key of the manifest that names the objects.
    pub manifest_key: String,
    /// The objects.
    pub objects: Vec<ObjectEntry>,
    /// Tells whether the objects hold these hours and no others. Else rows of other hours are to be skipped: they are
    /// outside of what was asked for, or a later revision of them is in a part of its own.
    pub whole: bool,
}

impl Part {
    /// Returns whether rows of the hour that starts at this second belong to it.
    pub fn holds(&self, hour_start_seconds: i64) -> bool {
        self.hours.binary_search_by_key(&hour_start_seconds, |read| read.hour.start_seconds()).is_ok()
    }

    /// The object of a table.
    pub fn object(&self, table: &str) -> Option<&ObjectEntry> {
        self.objects.iter().find(|object| object.table == table)
    }
}

impl From<ReadHour> for Part {
    fn from(read: ReadHour) -> Self {
        let (manifest_key, objects) = (read.key.clone(), read.manifest.objects.clone());
        Self { hours: vec![read], manifest_key, objects, whole: true }
    }
}

/// Days of a window beyond which it is first asked which of them are there.
const WORTH_ASKING: usize = 3;

impl Lake {
    /// The clusters that have a manifest, sorted.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn clusters(&self) -> Result<Vec<ClusterId>, LakeError> {
        let names = self.store.list_names(&object_keys::manifests()).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix("cluster=")?.parse().ok()).collect())
    }

    /// The days of a cluster that have a manifest, oldest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn days(&self, cluster: &ClusterId) -> Result<Vec<Day>, LakeError> {
        let names = self.store.list_names(&object_keys::cluster_manifests(cluster)).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix("date=")?.parse().ok()).collect())
    }

    /// The first and last date with manifests, as in their keys; `None` when the cluster has none.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn dates(&self, cluster: &ClusterId) -> Result<Option<(String, String)>, LakeError> {
        let days = self.days(cluster).await?;
        Ok(days.first().zip(days.last()).map(|(first, last)| (first.to_string(), last.to_string())))
    }

    /// The hours of `window` that exist, oldest first. One listing for each day that is there; nothing is read.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn hours(&self, cluster: &ClusterId, window: Window) -> Result<Vec<Hour>, LakeError> {
        let mut present = Vec::new();
        for day in self.days_of(cluster, window).await? {
            let listing = self.listing(cluster, day).await?;
            let inside = |hour: &Hour| hour.start() >= window.start() && hour.end() <= window.end();
            present.extend(listing.hours.into_keys().filter(inside));
        }
        Ok(present)
    }

    /// The days of a window that may be there. Of a long one most may not be: one listing tells, instead of one each.
    async fn days_of(&self, cluster: &ClusterId, window: Window) -> Result<Vec<Day>, LakeError> {
        if Day::of_window(window).nth(WORTH_ASKING).is_none() {
            return Ok(Day::of_window(window).collect());
        }
        let mut days = self.days(cluster).await?;
        days.retain(|day| day.end() > window.start() && day.first_hour().start() < window.end());
        Ok(days)
    }

    /// The names of a day's manifests.
    pub(crate) async fn listing(&self, cluster: &ClusterId, day: Day) -> Result<DayListing, LakeError> {
        let keys = self.store.list(&object_keys::day_manifests(cluster, day.first_hour())).await?;
        Ok(DayListing::of(day, &keys))
    }

    /// The manifest that holds for an hour: its newest revision.
    ///
    /// # Errors
    /// [`LakeError::Store`] when there is none, [`LakeError::Manifest`] when it cannot be read.
    pub async fn manifest(&self, cluster: &ClusterId, hour: Hour) -> Result<ReadHour, LakeError> {
        let listing = self.listing(cluster, Day::of(hour)).await?;
        let key = listing.newest(cluster, hour).unwrap_or_else(|| object_keys::hour_manifest(cluster, hour));
        self.read_manifest(cluster, hour, key).await
    }

    pub(crate) async fn manifest_if_any(&self, cluster: &ClusterId, hour: Hour) -> Result<Option<ReadHour>, LakeError> {
        match self.manifest(cluster, hour).await {
            Err(LakeError::Store(StoreError::NotFound { .. })) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Reads the manifest of an hour under a key.
    pub(crate) async fn read_manifest(
        &self,
        cluster: &ClusterId,
        hour: Hour,
        key: String,
    ) -> Result<ReadHour, LakeError> {
        let text = self.store.get(&key).await?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|e| LakeError::Manifest { key: key.clone(), source: Some(e) })?;
        if !manifest.describes(cluster, hour) {
            return Err(LakeError::Manifest { key, source: None });
        }
        manifest_ownership::check(&key, cluster, &hour.date(), &manifest.objects)?;
        Ok(ReadHour { hour, key, sha256: digest(&text), manifest })
    }

    /// The newest manifest of a day, with its key.
    pub(crate) async fn day_manifest(
        &self,
        cluster: &ClusterId,
        day: Day,
        listing: &DayListing,
    ) -> Result<Option<(String, DayManifest)>, LakeError> {
        let Some(revision) = listing.days.last() else { return Ok(None) };
        let key = object_keys::revision(&object_keys::day_manifest(cluster, day), *revision);
        let text = self.store.get(&key).await?;
        let manifest: DayManifest =
            serde_json::from_slice(&text).map_err(|e| LakeError::Manifest { key: key.clone(), source: Some(e) })?;
        if manifest.version != VERSION || manifest.cluster_id != *cluster || manifest.date != day.to_string() {
            return Err(LakeError::Manifest { key, source: None });
        }
        manifest_ownership::check(&key, cluster, &manifest.date, &manifest.objects)?;
        // What its hours named is followed too, by the deletion of what is outdated.
        for hour in &manifest.hours {
            manifest_ownership::check(&key, cluster, &manifest.date, &hour.manifest.objects)?;
        }
        Ok(Some((key, manifest)))
    }

    /// Parts to read for a day, in order of its hours: the day's objects for the hours they hold as they are now,
    /// and hours that came or were corrected since from their own. No hour is in two parts.
    ///
    /// With `wanted`, sorted, only those hours, each of which must be there.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Manifest`], [`LakeError::Gone`].
    pub async fn parts(&self, cluster: &ClusterId, day: Day, wanted: Option<&[Hour]>) -> Result<Vec<Part>, LakeError> {
        let listing = self.listing(cluster, day).await?;
        let present = |hour: &&Hour| !listing.hours.contains_key(hour);
        if let Some(hour) = wanted.into_iter().flatten().find(present) {
            return Err(LakeError::Gone { cluster: cluster.clone(), hour: *hour });
        }
        self.parts_of_listing(cluster, day, &listing, wanted).await
    }

    pub(crate) async fn parts_of_listing(
        &self,
        cluster: &ClusterId,
        day: Day,
        listing: &DayListing,
        wanted: Option<&[Hour]>,
    ) -> Result<Vec<Part>, LakeError> {
        let of_day = self.day_manifest(cluster, day, listing).await?;
        let (day_part, single) = plan(cluster, listing, of_day, wanted);
        let mut parts: Vec<Part> = self.read_manifests(cluster, single).await?.into_iter().map(Part::from).collect();
        parts.extend(day_part);
        parts.sort_by_key(|part| part.hours.first().map(|read| read.hour));
        Ok(parts)
    }

    /// Reads manifests, a few at once, and gives them in the order asked for.
    async fn read_manifests(
        &self,
        cluster: &ClusterId,
        asked: Vec<(Hour, String)>,
    ) -> Result<Vec<ReadHour>, LakeError> {
        let mut left = asked.into_iter();
        let mut reads = JoinSet::new();
        let mut done = Vec::with_capacity(left.len());
        loop {
            while reads.len() < READS
                && let Some((hour, key)) = left.next()
            {
                let (lake, cluster) = (self.clone(), cluster.clone());
                reads.spawn(async move { lake.read_manifest(&cluster, hour, key).await });
            }
            match reads.join_next().await {
                Some(read) => done.push(read??),
                None => break,
            }
        }
        done.sort_by_key(|read| read.hour);
        Ok(done)
    }

    /// The key and bytes of one table of a part, checked against its manifest; `None` when it has no such table.
    ///
    /// # Errors
    /// [`LakeError::Damaged`] when they are not the bytes that were written. An error for which
    /// [`LakeError::is_gone`] says yes means that the day was compacted since: ask for its parts again.
    pub async fn part_bytes<T: Table>(&self, part: &Part) -> Result<Option<(String, Bytes)>, LakeError> {
        match part.object(T::NAME) {
            Some(entry) => Ok(Some((entry.key.clone(), self.object_bytes(entry, &part.manifest_key).await?))),
            None => Ok(None),
        }
    }

    /// The bytes of one table of an hour, checked against the manifest; `None` when the hour has no such table.
    ///
    /// # Errors
    /// [`LakeError::Damaged`] when they are not the bytes that were written.
    pub async fn table_bytes<T: Table>(&self, hour: &ReadHour) -> Result<Option<(String, Bytes)>, LakeError> {
        match hour.manifest.object(T::NAME) {
            Some(entry) => Ok(Some((entry.key.clone(), self.object_bytes(entry, &hour.key).await?))),
            None => Ok(None),
        }
    }

    pub(crate) async fn object_bytes(&self, entry: &ObjectEntry, manifest: &str) -> Result<Bytes, LakeError> {
        let bytes = self.store.get(&entry.key).await?;
        // Hashing a day's object takes longer than a task may hold its thread.
        let (digest, bytes) = tokio::task::spawn_blocking(move || (digest(&bytes), bytes)).await?;
        if digest != entry.sha256 {
            return Err(LakeError::Damaged { key: entry.key.clone(), manifest: manifest.to_owned() });
        }
        Ok(bytes)
    }

    /// The rows of one table of an hour, from the hour's own object.
    ///
    /// # Errors
    /// As [`Self::table_bytes`], and [`LakeError::Decode`].
    pub async fn rows<T: Table>(&self, hour: &ReadHour) -> Result<Vec<T>, LakeError> {
        match self.table_bytes::<T>(hour).await? {
            None => Ok(Vec::new()),
            Some((key, bytes)) => parquet_encoding::decode(bytes).map_err(|source| LakeError::Decode { key, source }),
        }
    }
}

/// Plan of a reader: from the day's objects the hours they hold as they are now, where there are any,
/// and every other hour by its own newest manifest.
pub(crate) fn plan(
    cluster: &ClusterId,
    listing: &DayListing,
    of_day: Option<(String, DayManifest)>,
    wanted: Option<&[Hour]>,
) -> (Option<Part>, Vec<(Hour, String)>) {
    let mut known = BTreeMap::new();
    let mut day_part = None;
    if let Some((manifest_key, manifest)) = of_day {
        let objects = manifest.objects;
        day_part = Some((Part { hours: Vec::new(), manifest_key, objects, whole: true }, manifest.hours.len()));
        known.extend(manifest.hours.into_iter().map(|hour| (hour.key.clone(), hour)));
    }
    let mut single = Vec::new();
    for hour in listing.hours.keys().filter(|hour| wanted.is_none_or(|wanted| wanted.contains(hour))) {
        let Some(key) = listing.newest(cluster, *hour) else { continue };
        match (known.remove(&key), &mut day_part) {
            (Some(read), Some((part, _))) if read.manifest.describes(cluster, *hour) => {
                part.hours.push(ReadHour { hour: *hour, key, sha256: read.sha256, manifest: read.manifest });
            }
            _ => single.push((*hour, key)),
        }
    }
    let day_part = day_part.filter(|(part, _)| !part.hours.is_empty()).map(|(mut part, held)| {
        part.whole = part.hours.len() == held;
        part
    });
    (day_part, single)
}

#[cfg(test)]
mod tests;
