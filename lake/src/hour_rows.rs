//! The rows of an hour, and the objects and the manifest they become.

use bytes::Bytes;
use parquet::errors::ParquetError;
use types::{ClusterId, Hour, HourSource};

use crate::digest::digest;
use crate::error::LakeError;
use crate::manifest::{Manifest, ObjectEntry, VERSION};
use crate::object_keys;
use crate::parquet_encoding::{self, Home, TableWriter};
use crate::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};

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
    /// Load balancers.
    pub load_balancers: Vec<LoadBalancerHour>,
    /// Queries.
    pub quality: Vec<QualityHour>,
}

/// Facts about an hour beside its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOrigin {
    /// Where it comes from.
    pub source: HourSource,
    /// The server, such as `prometheus 2.42.0`.
    pub server: String,
    /// Hash of the queries.
    pub query_set: String,
    /// Its faults; empty when nothing is.
    pub faults: Vec<String>,
}

impl HourOrigin {
    /// The origin of an hour that a generator wrote.
    pub fn generator() -> Self {
        Self { source: HourSource::Generator, server: String::new(), query_set: String::new(), faults: Vec::new() }
    }
}

/// An hour as bytes, ready to be written: its manifest, and the objects it names in the same order.
#[derive(Debug, Clone)]
pub struct EncodedHour {
    pub(crate) cluster: ClusterId,
    pub(crate) hour: Hour,
    pub(crate) manifest: Manifest,
    pub(crate) objects: Vec<Bytes>,
}

impl EncodedHour {
    /// The manifest of the hour. The keys of its objects are those of a first writing.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// Encodes the tables of an hour one after another, so that a writer need not hold all of its rows at once.
#[derive(Debug)]
pub struct HourEncoder {
    cluster: ClusterId,
    hour: Hour,
    source: HourSource,
    query_set: String,
    encoded: Vec<(ObjectEntry, Bytes)>,
}

impl HourEncoder {
    /// The encoder of one hour.
    pub fn new(cluster: &ClusterId, hour: Hour, source: HourSource, query_set: &str) -> Self {
        Self { cluster: cluster.clone(), hour, source, query_set: query_set.to_owned(), encoded: Vec::new() }
    }

    /// Begins a table; what it becomes is handed to [`Self::add`]. Several may be begun at once.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when the library refuses, for which it has no reason.
    pub fn table<T: Table>(&self) -> Result<TableEncoder<T>, LakeError> {
        let metadata = [
            ("emp-cost.layout", VERSION.to_string()),
            ("emp-cost.cluster", self.cluster.to_string()),
            ("emp-cost.hour", self.hour.to_string()),
            ("emp-cost.source", self.source.as_str().to_owned()),
            ("emp-cost.query_set", self.query_set.clone()),
        ];
        let home = Home { cluster: self.cluster.to_string(), date: self.hour.date() };
        let writer = TableWriter::of_hour(&metadata, home).map_err(|e| refused::<T>(&e))?;
        Ok(TableEncoder { writer, waiting: Vec::new(), last_key: None, rows: 0 })
    }

    /// Takes in a table whose rows are all there.
    ///
    /// # Errors
    /// [`LakeError::Encode`].
    pub fn add<T: Table>(&mut self, table: TableEncoder<T>) -> Result<(), LakeError> {
        let rows = table.rows;
        let bytes = table.finish()?;
        self.encoded.push(object::<T>(object_keys::hour_object(T::NAME, &self.cluster, self.hour), rows, bytes));
        Ok(())
    }

    /// Encodes a whole table from rows in any order.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when two rows share a key.
    pub fn add_rows<T: Table>(&mut self, mut rows: Vec<T>) -> Result<(), LakeError> {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut table = self.table()?;
        for row in rows {
            table.push(row)?;
        }
        self.add(table)
    }

    /// The same of a table that an hour without rows of it does not have.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when two rows share a key.
    pub fn add_rows_if_any<T: Table>(&mut self, rows: Vec<T>) -> Result<(), LakeError> {
        if rows.is_empty() { Ok(()) } else { self.add_rows(rows) }
    }

    /// The hour, with what was wrong with it; empty when nothing was.
    #[must_use]
    pub fn finish(self, server: String, faults: Vec<String>) -> EncodedHour {
        let mut encoded = self.encoded;
        encoded.sort_by(|a, b| a.0.table.cmp(&b.0.table));
        let (entries, objects) = encoded.into_iter().unzip();
        let manifest = Manifest {
            version: VERSION,
            cluster_id: self.cluster.clone(),
            hour_start_seconds: self.hour.start_seconds(),
            source: self.source,
            server,
            query_set: self.query_set,
            complete: faults.is_empty(),
            faults,
            objects: entries,
        };
        EncodedHour { cluster: self.cluster, hour: self.hour, manifest, objects }
    }
}

/// Encodes one table of an hour, row after row in the order of its key.
pub struct TableEncoder<T> {
    writer: TableWriter<T>,
    waiting: Vec<T>,
    /// The key of the last row that is no longer waiting.
    last_key: Option<(String, String)>,
    rows: usize,
}

impl<T: Table> TableEncoder<T> {
    /// Takes in a row.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when its key is not after that of the row before.
    pub fn push(&mut self, row: T) -> Result<(), LakeError> {
        let before = match (self.waiting.last(), &self.last_key) {
            (Some(last), _) => Some(last.key()),
            (None, Some((a, b))) => Some((a.as_str(), b.as_str())),
            (None, None) => None,
        };
        if before.is_some_and(|before| before >= row.key()) {
            let reason = match before == Some(row.key()) {
                true => format!("two rows have the key {:?}", row.key()),
                false => format!("a row with the key {:?} comes after {:?}", row.key(), before.unwrap_or_default()),
            };
            return Err(LakeError::Encode { table: T::NAME, reason });
        }
        self.waiting.push(row);
        self.rows += 1;
        if self.waiting.len() == parquet_encoding::BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        if let Some(last) = self.waiting.last() {
            let (a, b) = last.key();
            self.last_key = Some((a.to_owned(), b.to_owned()));
        }
        self.writer.write_rows(&self.waiting).map_err(|e| refused::<T>(&e))?;
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, LakeError> {
        self.flush()?;
        self.writer.finish().map_err(|e| refused::<T>(&e))
    }
}

fn refused<T: Table>(error: &ParquetError) -> LakeError {
    LakeError::Encode { table: T::NAME, reason: error.to_string() }
}

/// Sorts and encodes the rows of an hour.
pub(crate) fn encode_hour(
    cluster: &ClusterId,
    hour: Hour,
    rows: HourRows,
    origin: HourOrigin,
) -> Result<EncodedHour, LakeError> {
    let mut encoder = HourEncoder::new(cluster, hour, origin.source, &origin.query_set);
    encoder.add_rows(rows.containers)?;
    encoder.add_rows(rows.pods)?;
    encoder.add_rows(rows.nodes)?;
    encoder.add_rows(rows.volumes)?;
    encoder.add_rows_if_any(rows.load_balancers)?;
    encoder.add_rows(rows.quality)?;
    Ok(encoder.finish(origin.server, origin.faults))
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
