//! Admission of what a collector that is not trusted with the store brings: objects and manifests of one cluster's
//! hours, each of which is what it says before anybody reads it.
//!
//! An object is judged by its footer and the headers of its pages, before anything is unpacked: what says that it becomes
//! too much, or says one thing and holds another, is refused.

mod page_headers;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use types::{ClusterId, Hour};

use crate::manifest::{Manifest, ObjectEntry};
use crate::object_keys::{self, ManifestName, manifest_name};
use crate::parquet_encoding::{HOME_COLUMNS, check_places};
use crate::schema::{self, TableInfo};
use crate::store::{Store, StoreError};
use crate::utc_day::Day;

/// The largest footer of an object.
const MOST_FOOTER: usize = 1 << 20;
/// The most rows of one table of one hour.
const MOST_ROWS: i64 = 2_000_000;
/// The most bytes an object may say that it unpacks to.
const MOST_UNPACKED: i64 = 1 << 30;
/// The most bytes an object may unpack to for each of its own. Repetitive columns of real hours come to some hundred.
const MOST_RATIO: i64 = 2_000;
/// The largest manifest.
pub const MOST_MANIFEST: usize = 1 << 20;
/// The largest mark of a try.
const MOST_MARK: usize = 4096;
/// Difference that is allowed between the clock of a collector and that of whoever lets it in.
pub const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
/// Faults a manifest may list, and the characters of each.
const MOST_FAULTS: (usize, usize) = (200, 2000);

/// Thing that a key of a collector names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// One table of an hour.
    Object {
        /// The table.
        table: &'static str,
        /// The hour.
        hour: Hour,
    },
    /// The manifest of an hour.
    Manifest {
        /// The hour.
        hour: Hour,
    },
    /// The mark that an hour was asked for again.
    Try {
        /// The hour.
        hour: Hour,
    },
}

impl Admitted {
    /// The hour it is of.
    pub fn hour(&self) -> Hour {
        match self {
            Self::Object { hour, .. } | Self::Manifest { hour } | Self::Try { hour } => *hour,
        }
    }
}

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// It is not what a collector of this cluster writes.
    #[error("{0}")]
    Refused(String),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused(why: impl Into<String>) -> AdmitError {
    AdmitError::Refused(why.into())
}

/// Reads a key that a collector of this cluster may write: nothing but hours of its own.
pub fn admitted(cluster: &ClusterId, key: &str) -> Option<Admitted> {
    let rest = key.strip_prefix(&object_keys::layout())?;
    let (table, rest) = rest.split_once('/')?;
    let (of, rest) = rest.split_once('/')?;
    let (day, name) = rest.split_once('/')?;
    if of.strip_prefix("cluster=")? != cluster.as_str() || name.contains('/') {
        return None;
    }
    let day: Day = day.strip_prefix("date=")?.parse().ok()?;
    let hour = |of_day: i64| day.first_hour().plus(of_day);
    if table == "manifest" {
        return match manifest_name(name)? {
            ManifestName::Hour { of_day, .. } => Some(Admitted::Manifest { hour: hour(of_day) }),
            ManifestName::Try { of_day, .. } => Some(Admitted::Try { hour: hour(of_day) }),
            ManifestName::Day { .. } => None,
        };
    }
    let table = schema::table(table)?.name;
    // An object is named as its manifest is, with another ending.
    let stem = name.strip_suffix(".parquet")?;
    match manifest_name(&format!("{stem}.json"))? {
        ManifestName::Hour { of_day, .. } => Some(Admitted::Object { table, hour: hour(of_day) }),
        _ => None,
    }
}

/// Returns whether what a prefix names is a collector's of this cluster to see.
pub fn is_own_prefix(cluster: &ClusterId, prefix: &str) -> bool {
    let own = |rest: &str| {
        let Some((table, rest)) = rest.split_once('/') else { return false };
        let known = table == "manifest" || schema::table(table).is_some();
        let below = rest.strip_prefix(&format!("cluster={cluster}/"));
        let plain = |segment: &str| segment.strip_prefix("date=").is_some_and(|day| day.parse::<Day>().is_ok());
        known && below.is_some_and(|below| below.is_empty() || below.strip_suffix('/').is_some_and(plain))
    };
    prefix.strip_prefix(&object_keys::layout()).is_some_and(own)
}

/// Refuses what is of an hour that is not over: nothing of it can be known, and whoever looks for the newest hour would find
/// it for as long as it lies ahead.
///
/// # Errors
/// [`AdmitError::Refused`] names the hour and the moment it was compared with.
pub fn check_over(what: &Admitted, now: DateTime<Utc>) -> Result<(), AdmitError> {
    let hour = what.hour();
    if now.checked_add_signed(CLOCK_SKEW).is_none_or(|latest| hour.next().start() <= latest) {
        return Ok(());
    }
    Err(refused(format!(
        "hour {hour} is not over at {}; set the clock of the collector, and that of its Prometheus",
        now.format("%Y-%m-%dT%H:%MZ")
    )))
}

/// Checks what is to lie under a key; how many rows it has, where it is a table.
///
/// # Errors
/// [`AdmitError::Refused`] says what is wrong with it.
pub fn check_object(cluster: &ClusterId, what: &Admitted, object: &Bytes) -> Result<Option<u64>, AdmitError> {
    match what {
        Admitted::Object { table, hour } => check_table(cluster, table, *hour, object).map(Some),
        Admitted::Manifest { hour } => read_manifest(cluster, *hour, object).map(|_| None),
        Admitted::Try { .. } if object.len() <= MOST_MARK => Ok(None),
        Admitted::Try { .. } => Err(refused("the mark of a try is larger than 4 KiB")),
    }
}

fn check_table(cluster: &ClusterId, table: &str, hour: Hour, object: &Bytes) -> Result<u64, AdmitError> {
    let info = schema::table(table).ok_or_else(|| refused("no such table"))?;
    check_footer_size(object)?;
    let unreadable = |error: &dyn std::fmt::Display| refused(format!("the object is not Parquet: {error}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new(object.clone()).map_err(|error| unreadable(&error))?;
    check_places(builder.metadata()).map_err(|error| unreadable(&error))?;
    check_columns(info, builder.schema())?;
    let metadata = builder.metadata();
    let said = metadata.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    let value = |key: &str| said.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    if value("emp-cost.cluster") != Some(cluster.as_str()) {
        return Err(refused("the object says that it is of another cluster"));
    }
    if value("emp-cost.hour") != Some(hour.to_string().as_str()) {
        return Err(refused("the object says that it is of another hour"));
    }
    let (mut rows, mut unpacked) = (0_i64, 0_i64);
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows());
        unpacked = unpacked.saturating_add(
            group.columns().iter().map(|chunk| chunk.uncompressed_size().max(0)).fold(0, i64::saturating_add),
        );
    }
    let size = i64::try_from(object.len()).unwrap_or(i64::MAX);
    let more = |than: String| {
        refused(format!(
            "the object says that it unpacks to {rows} rows of {unpacked} bytes, more than an hour has: {than}"
        ))
    };
    if !(0..=MOST_ROWS).contains(&rows) {
        return Err(more(format!("at most {MOST_ROWS} rows are taken")));
    }
    if unpacked > MOST_UNPACKED {
        return Err(more(format!("at most {MOST_UNPACKED} bytes are taken")));
    }
    if unpacked.checked_div(size.max(1)).is_some_and(|ratio| ratio > MOST_RATIO) {
        return Err(more(format!("at most {MOST_RATIO} times its own {size} bytes are taken")));
    }
    page_headers::check(object, metadata).map_err(refused)?;
    u64::try_from(rows).map_err(|_| refused("the object has less than no rows"))
}

/// Refuses a footer by its length alone, before it is parsed.
fn check_footer_size(object: &Bytes) -> Result<(), AdmitError> {
    let tail = object.last_chunk::<8>().and_then(|tail| tail.split_first_chunk::<4>());
    let length = match tail {
        Some((length, b"PAR1")) => usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX),
        _ => return Err(refused("the object is not Parquet: it does not end as such files do")),
    };
    if length > MOST_FOOTER || length.saturating_add(12) > object.len() {
        return Err(refused("the footer of the object is larger than 1 MiB, or than the object"));
    }
    Ok(())
}

/// The columns are the table's, each of its kind, none beside, and none missing that must have a value.
fn check_columns(info: &TableInfo, found: &arrow::datatypes::SchemaRef) -> Result<(), AdmitError> {
    for field in found.fields() {
        let column = info.columns.iter().find(|column| column.name == field.name());
        let home =
            HOME_COLUMNS.contains(&field.name().as_str()) && *field.data_type() == arrow::datatypes::DataType::Utf8;
        let fits =
            column.is_some_and(|column| column.kind.is(field.data_type()) && (column.nullable || !field.is_nullable()));
        if !home && !fits {
            let name: String = field.name().chars().take(80).collect();
            return Err(refused(format!(
                "column `{name}` is none of table `{}` as this version knows it; update the service",
                info.name
            )));
        }
    }
    let missing = info.columns.iter().find(|column| !column.nullable && found.field_with_name(column.name).is_err());
    match missing {
        Some(column) => Err(refused(format!("column `{}` is missing", column.name))),
        None => Ok(()),
    }
}

/// A manifest of this hour of this cluster that names its own objects alone.
fn read_manifest(cluster: &ClusterId, hour: Hour, text: &Bytes) -> Result<Manifest, AdmitError> {
    if text.len() > MOST_MANIFEST {
        return Err(refused("the manifest is larger than 1 MiB"));
    }
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| refused(format!("the manifest cannot be read: {error}")))?;
    if !manifest.describes(cluster, hour) {
        return Err(refused("the manifest is of another cluster, hour or version than its key"));
    }
    crate::manifest_ownership::check("the manifest", cluster, &hour.date(), &manifest.objects)
        .map_err(|error| refused(error.to_string()))?;
    let own = |entry: &ObjectEntry| {
        let expect = admitted(cluster, &entry.key);
        matches!(expect, Some(Admitted::Object { table, hour: of }) if of == hour && table == entry.table)
    };
    if !manifest.objects.iter().all(own) {
        return Err(refused("the manifest names objects of another hour or table"));
    }
    let (most, characters) = MOST_FAULTS;
    if manifest.faults.len() > most || manifest.faults.iter().any(|fault| fault.chars().count() > characters) {
        return Err(refused("the manifest lists more faults than an hour has"));
    }
    Ok(manifest)
}

/// Checks a manifest against the objects it names, which must be there and be what it says, and what a table may be. Reading
/// and hashing is work for the processor, so it is done on the threads for what blocks.
///
/// # Errors
/// [`AdmitError::Refused`] names the object; [`AdmitError::Store`] when the store cannot say.
pub async fn check_manifest(
    store: &dyn Store,
    cluster: &ClusterId,
    hour: Hour,
    text: &Bytes,
) -> Result<(), AdmitError> {
    let (of, text) = (cluster.clone(), text.clone());
    let manifest = beside(move || read_manifest(&of, hour, &text)).await?;
    for entry in manifest.objects {
        let object = match store.get(&entry.key).await {
            Ok(object) => object,
            Err(StoreError::NotFound { .. }) => {
                return Err(refused(format!("object `{}` of the manifest is not there", entry.key)));
            }
            Err(error) => return Err(error.into()),
        };
        let of = cluster.clone();
        beside(move || check_entry(&of, &entry, &object)).await?;
    }
    Ok(())
}

/// An object is what the entry of a manifest says, and what its table may be.
fn check_entry(cluster: &ClusterId, entry: &ObjectEntry, object: &Bytes) -> Result<(), AdmitError> {
    let what = admitted(cluster, &entry.key).ok_or_else(|| refused("the manifest names a foreign object"))?;
    let rows = check_object(cluster, &what, object)?;
    let size = u64::try_from(object.len()).unwrap_or(u64::MAX);
    if rows != Some(entry.rows) || size != entry.bytes || crate::digest::digest(object) != entry.sha256 {
        return Err(refused(format!("object `{}` is not what the manifest says", entry.key)));
    }
    Ok(())
}

/// Does a check on the threads for what blocks.
async fn beside<T: Send + 'static>(
    check: impl FnOnce() -> Result<T, AdmitError> + Send + 'static,
) -> Result<T, AdmitError> {
    let checked = tokio::task::spawn_blocking(check).await;
    checked.unwrap_or_else(|_| Err(refused("the object makes this program fail, and is not taken")))
}

#[cfg(test)]
mod tests;
