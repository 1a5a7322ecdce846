//! Writing hours: objects first, manifest last, nothing ever in place.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use types::{ClusterId, Hour};

use crate::day_listing::DayListing;
use crate::digest::digest;
use crate::error::LakeError;
use crate::hour_rows::{EncodedHour, HourOrigin, HourRows, encode_hour};
use crate::manifest::{Manifest, ObjectEntry};
use crate::object_keys;
use crate::store::{PutOutcome, Store};
use crate::tables::{QualityHour, Table};
use crate::utc_day::Day;

/// Outcome of writing an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The hour is new.
    Written {
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
    /// The hour was there, with the same content.
    Same,
    /// The hour was there with other content, which was kept.
    Different,
}

/// Outcome of asking for an hour again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectOutcome {
    /// The hour was not there and is now.
    Written {
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
    /// A revision was written, which readers prefer from now on.
    Corrected {
        /// Its number.
        revision: u32,
        /// Rows in all tables.
        rows: u64,
        /// Bytes in all tables.
        bytes: u64,
    },
    /// The hour that was there is kept: the new answer is no better. That this was tried is marked in the lake.
    NotBetter,
}

/// Abandoned attempts that are stepped over before a person has to look.
const MAX_REVISIONS: u32 = 20;
/// Times a correction starts over because another writer was quicker.
const MAX_RACES: u32 = 5;

/// A lake: what is kept in a store by the contract of this crate.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) store: Arc<dyn Store>,
}

impl Lake {
    /// The lake in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Where it is, for people.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Writes an hour: every object, then the manifest. Writing the same rows again changes nothing; an hour
    /// that is there with other content is left as it is.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails; then the hour does not exist, unless it did before.
    /// [`LakeError::Encode`] when rows of a table share a key.
    pub async fn write_hour(
        &self,
        cluster: &ClusterId,
        hour: Hour,
        rows: HourRows,
        origin: HourOrigin,
    ) -> Result<WriteOutcome, LakeError> {
        let encoded = encoded(cluster, hour, rows, origin).await?;
        self.write_encoded(encoded).await
    }

    /// Writes an hour that is bytes already, as [`Self::write_hour`] does.
    ///
    /// # Errors
    /// [`LakeError::Store`] as there.
    pub async fn write_encoded(&self, encoded: EncodedHour) -> Result<WriteOutcome, LakeError> {
        let EncodedHour { cluster, hour, mut manifest, objects } = encoded;
        let cluster = &cluster;
        if let Some(there) = self.manifest_if_any(cluster, hour).await? {
            return Ok(compare(&manifest, &there.manifest));
        }
        let key = object_keys::hour_manifest(cluster, hour);
        let written = self.commit(&key, 0, &mut manifest, objects, &BTreeSet::new()).await?;
        if written == PutOutcome::Exists {
            let there = self.manifest(cluster, hour).await?;
            return Ok(compare(&manifest, &there.manifest));
        }
        let (rows, bytes) = size(&manifest.objects);
        Ok(WriteOutcome::Written { rows, bytes })
    }

    /// Writes what an hour's second asking gave, as a revision that readers prefer, when it is better: the hour
    /// that is there is incomplete, this one is complete or has fewer faults, and no table of it is shorter.
    /// An hour that is not there is written as by [`Self::write_hour`].
    ///
    /// A revision names objects of its own, so nothing that another manifest names is touched or shared.
    ///
    /// # Errors
    /// As [`Self::write_hour`].
    pub async fn correct_hour(
        &self,
        cluster: &ClusterId,
        hour: Hour,
        rows: HourRows,
        origin: HourOrigin,
    ) -> Result<CorrectOutcome, LakeError> {
        let encoded = encoded(cluster, hour, rows, origin).await?;
        self.correct_encoded(encoded).await
    }

    /// Writes an hour that is bytes already, as [`Self::correct_hour`] does.
    ///
    /// # Errors
    /// [`LakeError::Store`] as there.
    pub async fn correct_encoded(&self, encoded: EncodedHour) -> Result<CorrectOutcome, LakeError> {
        let (cluster, hour) = (&encoded.cluster, encoded.hour);
        for _ in 0..MAX_RACES {
            let listing = self.listing(cluster, Day::of(hour)).await?;
            let revisions = listing.hours.get(&hour).cloned().unwrap_or_default();
            let first = object_keys::hour_manifest(cluster, hour);
            let mut taken = BTreeSet::new();
            let mut newest: Option<Manifest> = None;
            for revision in revisions {
                let read = self.read_manifest(cluster, hour, object_keys::revision(&first, revision)).await?;
                taken.extend(read.manifest.objects.iter().map(|object| object.key.clone()));
                newest = Some(read.manifest);
            }
            let EncodedHour { mut manifest, objects, .. } = encoded.clone();
            if let Some(there) = newest.filter(|there| !better(&manifest, there)) {
                return self.not_better(cluster, hour, &listing, &there).await;
            }
            let revision = listing.next_revision(cluster, hour)?;
            let key = object_keys::revision(&first, revision);
            if self.commit(&key, revision, &mut manifest, objects, &taken).await? == PutOutcome::Created {
                let (rows, bytes) = size(&manifest.objects);
                return Ok(match revision {
                    0 => CorrectOutcome::Written { rows, bytes },
                    _ => CorrectOutcome::Corrected { revision, rows, bytes },
                });
            }
            // Another writer was quicker; what it wrote is what this one is now compared with.
        }
        Err(LakeError::Raced { key: object_keys::hour_manifest(cluster, hour) })
    }

    /// Marks that an hour was asked for again in vain, so that this ends some day.
    async fn not_better(
        &self,
        cluster: &ClusterId,
        hour: Hour,
        listing: &DayListing,
        there: &Manifest,
    ) -> Result<CorrectOutcome, LakeError> {
        if !there.complete {
            let n = listing.tries.get(&hour).map_or(1, |tries| tries.saturating_add(1));
            let mark = Bytes::from_static(b"asked again; the answer was no better\n");
            // Where another collector marked the same try, one mark is enough.
            self.store.put_new(&object_keys::hour_try(cluster, hour, n), mark).await?;
        }
        tracing::info!(%cluster, %hour, "the hour was asked for again and is no better; what is there stays");
        Ok(CorrectOutcome::NotBetter)
    }

    /// Puts objects, then the manifest under `key`, which has the number `revision`, unless one is there.
    async fn commit(
        &self,
        key: &str,
        revision: u32,
        manifest: &mut Manifest,
        objects: Vec<Bytes>,
        taken: &BTreeSet<String>,
    ) -> Result<PutOutcome, LakeError> {
        for (entry, object) in manifest.objects.iter_mut().zip(objects) {
            self.put_object(entry, revision, object, taken).await?;
        }
        Ok(self.store.put_new(key, manifest_text(manifest, key)?).await?)
    }

    /// Writes an object of the manifest with the number `from` under the same number, or, where that is `taken` or an
    /// attempt that never got as far as its manifest left other bytes, under the next free one. The manifest will name
    /// the key that was used.
    ///
    /// No writer begins below the number of its manifest. So once a manifest is there, nobody who may still publish one
    /// touches an object with its number or a lower one: what lies there without a name is abandoned for good.
    pub(crate) async fn put_object(
        &self,
        entry: &mut ObjectEntry,
        from: u32,
        object: Bytes,
        taken: &BTreeSet<String>,
    ) -> Result<(), LakeError> {
        let first = entry.key.clone();
        let most = MAX_REVISIONS.saturating_add(u32::try_from(taken.len()).unwrap_or(0)).saturating_add(from);
        for revision in from..=most.min(object_keys::MOST_REVISIONS) {
            entry.key = object_keys::revision(&first, revision);
            if taken.contains(&entry.key) {
                continue;
            }
            if self.store.put_new(&entry.key, object.clone()).await? == PutOutcome::Created
                || digest(&self.store.get(&entry.key).await?) == entry.sha256
            {
                return Ok(());
            }
        }
        Err(LakeError::Abandoned { key: first })
    }
}

async fn encoded(
    cluster: &ClusterId,
    hour: Hour,
    rows: HourRows,
    origin: HourOrigin,
) -> Result<EncodedHour, LakeError> {
    let cluster = cluster.clone();
    tokio::task::spawn_blocking(move || encode_hour(&cluster, hour, rows, origin)).await?
}

/// Rows and bytes of some objects.
pub(crate) fn size(objects: &[ObjectEntry]) -> (u64, u64) {
    (total(objects.iter().map(|object| object.rows)), total(objects.iter().map(|object| object.bytes)))
}

/// The sum of counts that manifests say, which anybody may have written: at most what a count can be.
pub(crate) fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// Returns whether the objects of two manifests have the same bytes, wherever they lie.
fn same_content(ours: &[ObjectEntry], there: &[ObjectEntry]) -> bool {
    let content = |objects: &[ObjectEntry]| {
        objects.iter().map(|object| (object.table.clone(), object.sha256.clone())).collect::<BTreeSet<_>>()
    };
    content(ours) == content(there)
}

/// Returns whether the hour that is there holds what was to be written.
fn compare(ours: &Manifest, there: &Manifest) -> WriteOutcome {
    if same_content(&ours.objects, &there.objects) {
        return WriteOutcome::Same;
    }
    let hour = ours.hour().map(|hour| hour.to_string()).unwrap_or_default();
    tracing::warn!(cluster = %ours.cluster_id, hour, "the hour is in the lake with other content; the first one stays");
    WriteOutcome::Different
}

/// Returns whether `ours` may take the place of `there`.
///
/// Fewer rows of anything that is paid for would mean that the server has begun to forget the hour; what it said
/// of its queries does not count.
fn better(ours: &Manifest, there: &Manifest) -> bool {
    let rows = |manifest: &Manifest, table: &str| manifest.object(table).map_or(0, |object| object.rows);
    let shorter = |object: &ObjectEntry| object.table != QualityHour::NAME && rows(ours, &object.table) < object.rows;
    let fewer_faults = ours.complete || ours.faults.len() < there.faults.len();
    !there.complete && fewer_faults && !there.objects.iter().any(shorter)
}

/// A manifest as it is written.
pub(crate) fn manifest_text(manifest: &impl Serialize, key: &str) -> Result<Bytes, LakeError> {
    let mut text = serde_json::to_vec_pretty(manifest)
        .map_err(|e| LakeError::Manifest { key: key.to_owned(), source: Some(e) })?;
    text.push(b'\n');
    Ok(text.into())
}

#[cfg(test)]
mod tests;
