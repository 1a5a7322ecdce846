//! The rows of an hour, and the objects and the manifest they become.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use types::{ClusterId, Hour};

use crate::encode;
use crate::error::LakeError;
use crate::keys;
use crate::manifest::{Manifest, ObjectEntry, Source, VERSION};
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

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A manifest, and the objects it names in the same order.
pub(crate) type EncodedHour = (Manifest, Vec<Bytes>);

/// Sorts and encodes the rows of an hour.
pub(crate) fn encode_hour(
    cluster: &ClusterId,
    hour: Hour,
    rows: HourRows,
    origin: HourOrigin,
) -> Result<EncodedHour, LakeError> {
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
    Ok(object::<T>(keys::hour_object(T::NAME, cluster, hour), rows.len(), bytes))
}

/// An object and its entry in a manifest.
pub(crate) fn object<T: Table>(key: String, rows: usize, bytes: Vec<u8>) -> (ObjectEntry, Bytes) {
    let entry = ObjectEntry {
        table: T::NAME.to_owned(),
        key,
        rows: u64::try_from(rows).unwrap_or(u64::MAX),
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: digest(&bytes),
    };
    (entry, bytes.into())
}
