//! Writing and reading whole hours: objects first, manifest last; readers follow manifests.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use types::{ClusterId, Hour, Window};

use crate::encode::{self, DecodeError};
use crate::foreign::{self, ForeignObject};
use crate::keys;
use crate::manifest::{Manifest, ObjectEntry, Source, VERSION};
use crate::store::{PutOutcome, Store, StoreError};
use crate::tables::{ContainerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};

/// The rows of one hour, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HourRows {
    /// Containers.
    pub containers: Vec<ContainerHour>,
    /// Pods.
    pub pods: Vec<PodHour>,
    /// Nodes.
    pub nodes: Vec<NodeHour>,
    /// Volumes.
    pub volumes: Vec<VolumeHour>,
    /// Queries.
    pub quality: Vec<QualityHour>,
}

/// What is said of an hour beside its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOrigin {
    /// Where it comes from.
    pub source: Source,
    /// The server, such as `prometheus 2.42.0`.
    pub server: String,
    /// Hash of the queries.
    pub query_set: String,
    /// What is wrong with it; empty when nothing is.
    pub faults: Vec<String>,
}

impl HourOrigin {
    /// The origin of an hour that a generator wrote.
    pub fn generator() -> Self {
        Self { source: Source::Generator, server: String::new(), query_set: String::new(), faults: Vec::new() }
    }
}

/// What writing an hour did.
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

/// Why the lake could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object is not what its manifest says.
    #[error(
        "object `{key}` is damaged: its content does not match its manifest; restore it from a copy, or delete it and `{manifest}` and collect the hour again"
    )]
    Damaged {
        /// Key of the object.
        key: String,
        /// Key of the manifest that names it.
        manifest: String,
    },
    /// An object matches its manifest and still cannot be read.
    #[error("could not decode object `{key}`")]
    Decode {
        /// Key of the object.
        key: String,
        /// Why.
        source: DecodeError,
    },
    /// A manifest cannot be read.
    #[error("manifest `{key}` is not one this version reads")]
    Manifest {
        /// Key of the manifest.
        key: String,
        /// Why, when it is not JSON of the expected shape.
        source: Option<serde_json::Error>,
    },
    /// A manifest names an object that is not of its cluster and day.
    #[error(transparent)]
    Foreign(#[from] ForeignObject),
    /// Too many attempts at the hour left objects without a manifest.
    #[error("object `{key}` and twenty revisions of it exist without a manifest; delete them")]
    Abandoned {
        /// Key of the first.
        key: String,
    },
    /// Two rows of one hour have the same key, or rows could not be encoded.
    #[error("could not encode table `{table}`: {reason}")]
    Encode {
        /// The table.
        table: &'static str,
        /// Why.
        reason: String,
    },
}

/// How many abandoned attempts at an hour are stepped over before a person has to look.
const MAX_REVISIONS: u32 = 20;

/// A lake: what is kept in a store by the contract of this crate.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<dyn Store>,
}

/// One hour as its manifest names it; its tables are fetched when asked for.
#[derive(Debug, Clone)]
pub struct ReadHour {
    /// The hour.
    pub hour: Hour,
    /// Its manifest.
    pub manifest: Manifest,
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
        let task_cluster = cluster.clone();
        let encoding = tokio::task::spawn_blocking(move || encode_hour(&task_cluster, hour, rows, origin));
        let (mut manifest, objects) =
            encoding.await.map_err(|e| LakeError::Encode { table: "all", reason: e.to_string() })??;
        if let Some(there) = self.manifest_if_any(cluster, hour).await? {
            return Ok(compare(&manifest, &there));
        }
        for (entry, object) in manifest.objects.iter_mut().zip(objects) {
            self.put_object(entry, object).await?;
        }
        let key = keys::hour_manifest(cluster, hour);
        let text = manifest_text(&manifest, &key)?;
        if self.store.put_new(&key, text).await? == PutOutcome::Exists {
            let there = self.manifest(cluster, hour).await?;
            return Ok(compare(&manifest, &there));
        }
        Ok(WriteOutcome::Written {
            rows: manifest.objects.iter().map(|o| o.rows).sum(),
            bytes: manifest.objects.iter().map(|o| o.bytes).sum(),
        })
    }

    /// Writes an object under its key, or, where an attempt that never got as far as its manifest left other
    /// bytes, under the next free revision of it. The manifest will name the key that was used.
    async fn put_object(&self, entry: &mut ObjectEntry, object: Bytes) -> Result<(), LakeError> {
        let first = entry.key.clone();
        for revision in 0..=MAX_REVISIONS {
            entry.key = keys::revision(&first, revision);
            if self.store.put_new(&entry.key, object.clone()).await? == PutOutcome::Created
                || digest(&self.store.get(&entry.key).await?) == entry.sha256
            {
                return Ok(());
            }
        }
        Err(LakeError::Abandoned { key: first })
    }

    async fn manifest_if_any(&self, cluster: &ClusterId, hour: Hour) -> Result<Option<ReadHour>, LakeError> {
        match self.manifest(cluster, hour).await {
            Err(LakeError::Store(StoreError::NotFound { .. })) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The clusters that have a manifest, sorted.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn clusters(&self) -> Result<Vec<ClusterId>, LakeError> {
        let names = self.store.list_names(&keys::manifests()).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix("cluster=")?.parse().ok()).collect())
    }

    /// The hours of `window` that exist, oldest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn hours(&self, cluster: &ClusterId, window: Window) -> Result<Vec<Hour>, LakeError> {
        let mut present = Vec::new();
        let mut day = None;
        for hour in window.hours() {
            let prefix = keys::day_manifests(cluster, hour);
            if day.as_ref().is_none_or(|(listed, _)| *listed != prefix) {
                let names = self.store.list(&prefix).await?;
                let hours: Vec<_> = names.iter().filter_map(|key| keys::hour_of_manifest(key)).collect();
                day = Some((prefix, hours));
            }
            if day.as_ref().is_some_and(|(_, hours)| hours.contains(&hour.of_day())) {
                present.push(hour);
            }
        }
        Ok(present)
    }

    /// The first and last date with manifests, as in their keys; `None` when the cluster has none.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn dates(&self, cluster: &ClusterId) -> Result<Option<(String, String)>, LakeError> {
        let names = self.store.list_names(&keys::cluster_manifests(cluster)).await?;
        let mut dates = names.iter().filter_map(|name| name.strip_prefix("date=")).map(ToOwned::to_owned);
        let Some(first) = dates.next() else { return Ok(None) };
        let last = dates.next_back().unwrap_or_else(|| first.clone());
        Ok(Some((first, last)))
    }

    /// The manifest of an hour.
    ///
    /// # Errors
    /// [`LakeError::Store`] when it is not there, [`LakeError::Manifest`] when it cannot be read.
    pub async fn manifest(&self, cluster: &ClusterId, hour: Hour) -> Result<ReadHour, LakeError> {
        let key = keys::hour_manifest(cluster, hour);
        let text = self.store.get(&key).await?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|e| LakeError::Manifest { key: key.clone(), source: Some(e) })?;
        if manifest.version != VERSION || manifest.hour() != Some(hour) || manifest.cluster_id != *cluster {
            return Err(LakeError::Manifest { key, source: None });
        }
        foreign::check(&key, cluster, &hour.date(), &manifest.objects)?;
        Ok(ReadHour { hour, manifest })
    }

    /// The bytes of one table of an hour, checked against the manifest; `None` when the hour has no such table.
    ///
    /// # Errors
    /// [`LakeError::Damaged`] when they are not the bytes that were written.
    pub async fn table_bytes<T: Table>(&self, hour: &ReadHour) -> Result<Option<(String, Bytes)>, LakeError> {
        let Some(entry) = hour.manifest.object(T::NAME) else { return Ok(None) };
        let bytes = self.store.get(&entry.key).await?;
        if digest(&bytes) != entry.sha256 {
            let manifest = keys::hour_manifest(&hour.manifest.cluster_id, hour.hour);
            return Err(LakeError::Damaged { key: entry.key.clone(), manifest });
        }
        Ok(Some((entry.key.clone(), bytes)))
    }

    /// The rows of one table of an hour.
    ///
    /// # Errors
    /// As [`Self::table_bytes`], and [`LakeError::Decode`].
    pub async fn rows<T: Table>(&self, hour: &ReadHour) -> Result<Vec<T>, LakeError> {
        match self.table_bytes::<T>(hour).await? {
            None => Ok(Vec::new()),
            Some((key, bytes)) => encode::decode(bytes).map_err(|source| LakeError::Decode { key, source }),
        }
    }
}

/// Whether the hour that is there holds what was to be written.
fn compare(ours: &Manifest, there: &ReadHour) -> WriteOutcome {
    let content = |m: &Manifest| m.objects.iter().map(|o| (o.table.clone(), o.sha256.clone())).collect::<Vec<_>>();
    if content(ours) == content(&there.manifest) {
        return WriteOutcome::Same;
    }
    tracing::warn!(cluster = %ours.cluster_id, hour = %there.hour, "the hour is in the lake with other content; the first one stays");
    WriteOutcome::Different
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn manifest_text(manifest: &Manifest, key: &str) -> Result<Bytes, LakeError> {
    let mut text = serde_json::to_vec_pretty(manifest)
        .map_err(|e| LakeError::Manifest { key: key.to_owned(), source: Some(e) })?;
    text.push(b'\n');
    Ok(text.into())
}

type EncodedHour = (Manifest, Vec<Bytes>);

fn encode_hour(cluster: &ClusterId, hour: Hour, rows: HourRows, origin: HourOrigin) -> Result<EncodedHour, LakeError> {
    let mut encoded = vec![
        encode_table(cluster, hour, rows.containers, &origin)?,
        encode_table(cluster, hour, rows.pods, &origin)?,
        encode_table(cluster, hour, rows.nodes, &origin)?,
        encode_table(cluster, hour, rows.volumes, &origin)?,
        encode_table(cluster, hour, rows.quality, &origin)?,
    ];
    encoded.sort_by(|a, b| a.0.table.cmp(&b.0.table));
    let (entries, objects) = encoded.into_iter().unzip();
    let manifest = Manifest {
        version: VERSION,
        cluster_id: cluster.clone(),
        hour_start_seconds: hour.start_seconds(),
        source: origin.source,
        server: origin.server,
        query_set: origin.query_set,
        complete: origin.faults.is_empty(),
        faults: origin.faults,
        objects: entries,
    };
    Ok((manifest, objects))
}

fn encode_table<T: Table>(
    cluster: &ClusterId,
    hour: Hour,
    mut rows: Vec<T>,
    origin: &HourOrigin,
) -> Result<(ObjectEntry, Bytes), LakeError> {
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    if let Some(pair) = rows.windows(2).find(|pair| matches!(pair, [a, b] if a.key() == b.key())) {
        let key = pair.first().map(|row| format!("{:?}", row.key())).unwrap_or_default();
        return Err(LakeError::Encode { table: T::NAME, reason: format!("two rows have the key {key}") });
    }
    let metadata = [
        ("emp-cost.layout", VERSION.to_string()),
        ("emp-cost.cluster", cluster.to_string()),
        ("emp-cost.hour", hour.to_string()),
        ("emp-cost.source", origin.source.as_str().to_owned()),
        ("emp-cost.query_set", origin.query_set.clone()),
    ];
    let bytes =
        encode::encode(&rows, &metadata).map_err(|e| LakeError::Encode { table: T::NAME, reason: e.to_string() })?;
    let entry = ObjectEntry {
        table: T::NAME.to_owned(),
        key: keys::hour_object(T::NAME, cluster, hour),
        rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: digest(&bytes),
    };
    Ok((entry, bytes.into()))
}

#[cfg(test)]
mod tests;
