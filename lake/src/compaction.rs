//! Compaction: the hours of a closed day into one object a table, and the hours' objects away once that is verified.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use types::ClusterId;

use crate::day_listing::DayListing;
use crate::error::LakeError;
use crate::hour_rows::object;
use crate::hour_writes::{Lake, manifest_text, size};
use crate::inventory::{Period, Place};
use crate::manifest::{DayHour, DayManifest, ObjectEntry, VERSION};
use crate::object_keys;
use crate::parquet_encoding::{Home, arrow_schema};
use crate::schema;
use crate::sorted_merge::{Input, Merged, each_batch, merge};
use crate::store::PutOutcome;
use crate::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};
use crate::utc_day::{Day, HOURS_PER_DAY};
use crate::window_parts::Part;
use crate::worker_thread::Worker;

/// When days are compacted, and when the objects of their hours are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Time after its end at which a day with missing hours is compacted as it is; one that has all 24 is at once.
    pub partial_after: TimeDelta,
    /// Time after its end at which the objects of a compacted day's hours are deleted; `None` for never.
    pub delete_hours_after: Option<TimeDelta>,
}

impl Default for Compaction {
    /// Three days for what may still be filled in from Prometheus; hours are kept.
    fn default() -> Self {
        Self { partial_after: TimeDelta::days(3), delete_hours_after: None }
    }
}

/// Outcome of compacting a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactOutcome {
    /// The day has new objects.
    Compacted {
        /// Hours in them.
        hours: usize,
        /// 0 for the first; more when hours came late or were corrected.
        revision: u32,
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
    /// The day's objects hold every hour as it is.
    UpToDate,
    /// Hours are missing that may still come.
    Open {
        /// Hours present.
        hours: usize,
    },
    /// No hour of the day is in the lake.
    Empty,
}

/// Times a compaction starts over because another one, or a correction, was quicker.
const MAX_RACES: u32 = 5;

impl Lake {
    /// Puts the hours of a closed day into one object a table, sorted by key and then hour, and names them in the
    /// day's manifest, which is written last and unless it is there.
    ///
    /// A day is closed when all its hours are there, or `partial_after` its end. Hours that come or are corrected
    /// after that make a new revision, from the day's objects and theirs. Nothing is changed in place, and a crash
    /// leaves objects that no manifest names and that the next run takes up.
    ///
    /// # Errors
    /// [`LakeError`]; then the day is as it was.
    pub async fn compact_day(
        &self,
        cluster: &ClusterId,
        day: Day,
        compaction: Compaction,
        now: DateTime<Utc>,
    ) -> Result<CompactOutcome, LakeError> {
        self.compact_day_on(&Worker::start(), cluster, day, compaction, now).await
    }

    async fn compact_day_on(
        &self,
        worker: &Worker,
        cluster: &ClusterId,
        day: Day,
        compaction: Compaction,
        now: DateTime<Utc>,
    ) -> Result<CompactOutcome, LakeError> {
        for race in 1..=MAX_RACES {
            // One listing for all that follows, so that what is written is what this state of the day asks for.
            let listing = self.listing(cluster, day).await?;
            let parts = self.parts_of_listing(cluster, day, &listing, None).await?;
            let hours: usize = parts.iter().map(|part| part.hours.len()).sum();
            if hours == 0 {
                return Ok(CompactOutcome::Empty);
            }
            if hours < HOURS_PER_DAY && !is_past(now, day, compaction.partial_after) {
                return Ok(CompactOutcome::Open { hours });
            }
            if is_up_to_date(&parts) {
                return Ok(CompactOutcome::UpToDate);
            }
            match self.write_day(worker, cluster, day, &listing, &parts).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                // Another compaction was done, and has deleted what this one was about to read. Where it stays gone, the
                // lake is damaged, and the error names the object.
                Err(error) if error.is_gone() && race < MAX_RACES => {}
                Err(error) => return Err(error),
            }
        }
        Err(LakeError::Raced { key: object_keys::day_manifest(cluster, day) })
    }

    /// Writes the day of `parts`; `None` when another writer was quicker.
    async fn write_day(
        &self,
        worker: &Worker,
        cluster: &ClusterId,
        day: Day,
        listing: &DayListing,
        parts: &[Part],
    ) -> Result<Option<CompactOutcome>, LakeError> {
        let revision = listing.next_day_revision(cluster, day)?;
        let mut taken = BTreeSet::new();
        if let Some((_, there)) = self.day_manifest(cluster, day, listing).await? {
            taken.extend(there.objects.into_iter().map(|object| object.key));
        }
        let mut objects = vec![
            self.merge_table::<ContainerHour>(worker, cluster, day, parts, (revision, &taken)).await?,
            self.merge_table::<NodeHour>(worker, cluster, day, parts, (revision, &taken)).await?,
            self.merge_table::<PodHour>(worker, cluster, day, parts, (revision, &taken)).await?,
            self.merge_table::<QualityHour>(worker, cluster, day, parts, (revision, &taken)).await?,
            self.merge_table::<VolumeHour>(worker, cluster, day, parts, (revision, &taken)).await?,
        ];
        // Hours that show no load balancer have no such table, and a day of them has none either.
        if parts.iter().any(|part| part.object(LoadBalancerHour::NAME).is_some()) {
            let entry = self.merge_table::<LoadBalancerHour>(worker, cluster, day, parts, (revision, &taken)).await?;
            objects.push(entry);
            objects.sort_by(|a, b| a.table.cmp(&b.table));
        }
        let mut hours: Vec<_> = parts.iter().flat_map(|part| part.hours.iter().cloned()).collect();
        hours.sort_by_key(|read| read.hour);
        let held = |read: crate::window_parts::ReadHour| DayHour {
            key: read.key,
            sha256: read.sha256,
            manifest: read.manifest,
        };
        let manifest = DayManifest {
            version: VERSION,
            cluster_id: cluster.clone(),
            date: day.to_string(),
            hours: hours.into_iter().map(held).collect(),
            objects,
        };
        let key = object_keys::revision(&object_keys::day_manifest(cluster, day), revision);
        let text = manifest_text(&manifest, &key)?;
        if self.store.put_new(&key, text).await? == PutOutcome::Exists {
            return Ok(None);
        }
        let (rows, bytes) = size(&manifest.objects);
        Ok(Some(CompactOutcome::Compacted { hours: manifest.hours.len(), revision, rows, bytes }))
    }

    /// Merges and writes one table of a day.
    async fn merge_table<T: Table>(
        &self,
        worker: &Worker,
        cluster: &ClusterId,
        day: Day,
        parts: &[Part],
        (revision, taken): (u32, &BTreeSet<String>),
    ) -> Result<ObjectEntry, LakeError> {
        let mut inputs = Vec::with_capacity(parts.len());
        for part in parts {
            if let Some((key, bytes)) = self.part_bytes::<T>(part).await? {
                let starts = part.hours.iter().map(|read| read.hour.start_seconds());
                inputs.push(Input { key, bytes, hours: (!part.whole).then(|| starts.collect()) });
            }
        }
        let metadata = metadata(cluster, day, parts);
        let home = Home { cluster: cluster.to_string(), date: day.to_string() };
        let merging = worker.run(move || merge::<T>(inputs, &metadata, home));
        let Merged { bytes, rows, rows_by_hour } = merging.await?;
        let key = object_keys::day_object(T::NAME, cluster, day);
        check_rows::<T>(&key, parts, &rows_by_hour)?;
        let (mut entry, bytes) = object::<T>(key, rows, bytes);
        self.put_object(&mut entry, revision, bytes, taken).await?;
        Ok(entry)
    }

    /// Deletes the objects of a day's hours, and of earlier revisions of the day, once the day's objects have been
    /// read again and hold, in order, every row the hours' manifests name. The manifests stay.
    ///
    /// Objects that are abandoned, which an attempt that was stopped left, go with them. Gives the keys that were deleted; none when the day is not compacted, or not as its hours are now. A reader
    /// that had planned to read the hours finds them gone, and plans again. Stopped half-way, a later call goes on.
    ///
    /// # Errors
    /// [`LakeError::DayDiffers`], [`LakeError::Damaged`] or [`LakeError::Decode`] when the day's objects are not
    /// what they should be; then nothing is deleted.
    pub async fn delete_hours(&self, cluster: &ClusterId, day: Day) -> Result<Vec<String>, LakeError> {
        self.delete_hours_on(&Worker::start(), cluster, day).await
    }

    async fn delete_hours_on(&self, worker: &Worker, cluster: &ClusterId, day: Day) -> Result<Vec<String>, LakeError> {
        // Objects before manifests: see `abandoned`.
        let there = self.objects_of(cluster, day).await?;
        // One listing for all that follows: a correction that arrives after it is in none of it.
        let listing = self.listing(cluster, day).await?;
        let parts = self.parts_of_listing(cluster, day, &listing, None).await?;
        let [part] = parts.as_slice() else { return Ok(Vec::new()) };
        if !is_up_to_date(&parts) {
            return Ok(Vec::new());
        }
        let mut outdated = self.outdated(cluster, day, &listing, part, &there).await?;
        if outdated.is_empty() {
            return Ok(outdated);
        }
        self.verify_table::<ContainerHour>(worker, part).await?;
        self.verify_table::<NodeHour>(worker, part).await?;
        self.verify_table::<PodHour>(worker, part).await?;
        self.verify_table::<QualityHour>(worker, part).await?;
        self.verify_table::<VolumeHour>(worker, part).await?;
        match part.object(LoadBalancerHour::NAME) {
            Some(_) => self.verify_table::<LoadBalancerHour>(worker, part).await?,
            // A release that did not know the table has made the day: the hours are all there is of it, and stay.
            None if part.hours.iter().any(|read| read.manifest.object(LoadBalancerHour::NAME).is_some()) => {
                return Ok(Vec::new());
            }
            None => {}
        }
        // Reading the day took a while. A manifest that came meanwhile names objects of its own, so none of these; should
        // it name one all the same, that one stays.
        for key in self.named_since(cluster, day, &listing).await? {
            outdated.retain(|outdated| *outdated != key);
        }
        for key in &outdated {
            self.store.delete(key).await?;
        }
        Ok(outdated)
    }

    /// The objects that manifests which came after `before` was listed name.
    async fn named_since(
        &self,
        cluster: &ClusterId,
        day: Day,
        before: &DayListing,
    ) -> Result<BTreeSet<String>, LakeError> {
        let now = self.listing(cluster, day).await?;
        let mut named = BTreeSet::new();
        for (hour, revisions) in &now.hours {
            let known = before.hours.get(hour);
            for revision in revisions.iter().filter(|revision| known.is_none_or(|known| !known.contains(revision))) {
                let key = object_keys::revision(&object_keys::hour_manifest(cluster, *hour), *revision);
                let read = self.read_manifest(cluster, *hour, key).await?;
                named.extend(read.manifest.objects.into_iter().map(|object| object.key));
            }
        }
        for revision in now.days.iter().filter(|revision| !before.days.contains(revision)) {
            let since = DayListing { days: vec![*revision], ..Default::default() };
            let read = self.day_manifest(cluster, day, &since).await?;
            named.extend(read.into_iter().flat_map(|(_, day)| day.objects).map(|object| object.key));
        }
        Ok(named)
    }

    /// The objects that manifests of the day's hours and earlier ones of the day name, and those that are abandoned, of
    /// what is there. Any other object that no manifest names is left: a correction may be on its way to naming it.
    async fn outdated(
        &self,
        cluster: &ClusterId,
        day: Day,
        listing: &DayListing,
        part: &Part,
        there: &BTreeSet<String>,
    ) -> Result<Vec<String>, LakeError> {
        let mut named = BTreeSet::new();
        for (hour, revisions) in &listing.hours {
            for revision in revisions {
                let key = object_keys::revision(&object_keys::hour_manifest(cluster, *hour), *revision);
                match part.hours.iter().find(|read| read.key == key) {
                    Some(read) => named.extend(read.manifest.objects.iter().map(|object| object.key.clone())),
                    None => {
                        let read = self.read_manifest(cluster, *hour, key).await?;
                        named.extend(read.manifest.objects.into_iter().map(|object| object.key));
                    }
                }
            }
        }
        for revision in &listing.days {
            let key = object_keys::revision(&object_keys::day_manifest(cluster, day), *revision);
            if key != part.manifest_key {
                let earlier = DayListing { days: vec![*revision], ..Default::default() };
                let read = self.day_manifest(cluster, day, &earlier).await?;
                named.extend(read.into_iter().flat_map(|(_, day)| day.objects).map(|object| object.key));
            }
        }
        let of_no_manifest = there.difference(&named).filter(|key| is_abandoned(key, listing, day));
        let mut outdated: BTreeSet<String> = of_no_manifest.chain(named.intersection(there)).cloned().collect();
        for object in &part.objects {
            outdated.remove(&object.key);
        }
        Ok(outdated.into_iter().collect())
    }

    /// The objects of every table of a day.
    async fn objects_of(&self, cluster: &ClusterId, day: Day) -> Result<BTreeSet<String>, LakeError> {
        let mut there = BTreeSet::new();
        for table in schema::TABLES {
            let folder = format!("{}date={day}/", object_keys::cluster_objects(table.name, cluster));
            there.extend(self.store.list(&folder).await?);
        }
        Ok(there)
    }

    /// Reads one table of a day whole: its digest, its order, and the rows of each hour.
    async fn verify_table<T: Table>(&self, worker: &Worker, part: &Part) -> Result<(), LakeError> {
        let missing = || LakeError::DayDiffers { key: part.manifest_key.clone(), reason: format!("no `{}`", T::NAME) };
        let (key, bytes) = self.part_bytes::<T>(part).await?.ok_or_else(missing)?;
        let input = Input { key: key.clone(), bytes, hours: None };
        let reading = worker.run(move || {
            let mut rows = BTreeMap::new();
            let schema = std::sync::Arc::new(arrow_schema(T::COLUMNS));
            each_batch::<T>(vec![input], schema, |_, hours| {
                for hour in hours {
                    let rows = rows.entry(*hour).or_insert(0_u64);
                    *rows = rows.saturating_add(1);
                }
                Ok(())
            })?;
            Ok(rows)
        });
        check_rows::<T>(&key, std::slice::from_ref(part), &reading.await?)
    }

    /// Compacts every day of a cluster that is closed, oldest first, and deletes the objects of hours where
    /// `compaction` says so; each day's outcome, and the keys deleted, are told to `each`.
    ///
    /// # Errors
    /// The first [`LakeError`]; days before it are done, and a later run goes on.
    pub async fn compact(
        &self,
        cluster: &ClusterId,
        compaction: Compaction,
        now: DateTime<Utc>,
        each: &mut (dyn FnMut(Day, CompactOutcome, &[String]) + Send),
    ) -> Result<(), LakeError> {
        let worker = Worker::start();
        for day in self.days(cluster).await? {
            let outcome = self.compact_day_on(&worker, cluster, day, compaction, now).await?;
            let due = compaction.delete_hours_after.is_some_and(|after| is_past(now, day, after));
            let deleted = if due { self.delete_hours_on(&worker, cluster, day).await? } else { Vec::new() };
            each(day, outcome, &deleted);
        }
        Ok(())
    }
}

/// Returns whether an object, listed before `listing` was and named by none of its manifests, was left for good.
///
/// A writer puts objects of the number of its manifest or greater ones, and a number is taken once. So nobody who may
/// still publish a manifest names an object with a number that has one.
pub(crate) fn is_abandoned(key: &str, listing: &DayListing, day: Day) -> bool {
    let Some(place) = Place::parse(key) else { return false };
    let revisions = match place.period {
        Period::Hour(of_day) => listing.hours.get(&day.first_hour().plus(of_day)),
        Period::Day => Some(&listing.days),
    };
    revisions.and_then(|revisions| revisions.last()).is_some_and(|newest| place.revision <= *newest)
}

/// Returns whether one part, that of the day, holds every hour and nothing else.
fn is_up_to_date(parts: &[Part]) -> bool {
    let of_day = |part: &Part| match object_keys::manifest_name(&part.manifest_key) {
        Some(object_keys::ManifestName::Day { .. }) => part.whole,
        _ => false,
    };
    matches!(parts, [part] if of_day(part))
}

/// Compares the rows of each hour with what its manifest says.
fn check_rows<T: Table>(key: &str, parts: &[Part], rows: &BTreeMap<i64, u64>) -> Result<(), LakeError> {
    let mut left = rows.clone();
    for read in parts.iter().flat_map(|part| &part.hours) {
        let expected = read.manifest.object(T::NAME).map_or(0, |object| object.rows);
        let found = left.remove(&read.hour.start_seconds()).unwrap_or(0);
        if found != expected {
            let reason = format!("hour {} has {found} rows of {expected}", read.hour);
            return Err(LakeError::DayDiffers { key: key.to_owned(), reason });
        }
    }
    match left.keys().next() {
        Some(start) => {
            let reason = format!("it has rows of an hour that is none of the day's, starting at {start}");
            Err(LakeError::DayDiffers { key: key.to_owned(), reason })
        }
        None => Ok(()),
    }
}

/// Metadata of the file.
fn metadata(cluster: &ClusterId, day: Day, parts: &[Part]) -> [(&'static str, String); 5] {
    let reads = || parts.iter().flat_map(|part| &part.hours);
    let joined = |texts: BTreeSet<&str>| texts.into_iter().collect::<Vec<_>>().join(",");
    let sources = reads().map(|read| read.manifest.source.as_str()).collect();
    let query_sets = reads().map(|read| read.manifest.query_set.as_str()).filter(|set| !set.is_empty()).collect();
    [
        ("emp-cost.layout", VERSION.to_string()),
        ("emp-cost.cluster", cluster.to_string()),
        ("emp-cost.day", day.to_string()),
        ("emp-cost.source", joined(sources)),
        ("emp-cost.query_set", joined(query_sets)),
    ]
}

/// Returns whether a day ended so long ago. One that ends beyond what a clock shows does not.
fn is_past(now: DateTime<Utc>, day: Day, after: TimeDelta) -> bool {
    day.end().checked_add_signed(after).is_some_and(|at| now >= at)
}

#[cfg(test)]
mod tests;
