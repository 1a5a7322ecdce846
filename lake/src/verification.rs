//! Checks whether a lake is what its manifests say: every object read, every promise of the contract checked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use chrono::NaiveDate;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use serde::Serialize;
use tokio::sync::Semaphore;
use types::{ClusterId, Window};

use crate::digest::digest;
use crate::error::LakeError;
use crate::hour_writes::Lake;
use crate::inventory::{AnyManifest, Period, Place, manifests, parse};
use crate::manifest::{ObjectEntry, VERSION};
use crate::manifest_ownership;
use crate::parquet_encoding::{HOME_COLUMNS, batches};
use crate::schema::{self, TableInfo};
use crate::store::{InOrder, READS, Store, StoreError, get_many};
use crate::utc_day::Day;
use crate::window_parts::plan;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The object it was found in.
    pub key: String,
    /// Description.
    pub problem: String,
    /// Remedy.
    pub next_step: String,
}

/// Result of a check of a lake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Manifests read.
    pub manifests: u64,
    /// Objects read.
    pub objects: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their size.
    pub bytes: u64,
    /// Faults, by key.
    pub faults: Vec<Fault>,
    /// Objects no manifest names yet: of a write, a correction or a compaction that was interrupted, or is under way.
    /// No reader sees them.
    pub unfinished: Vec<String>,
    /// Objects of attempts that were stopped or came too late: no manifest names them, and none will. No reader sees them;
    /// they may be deleted, and [`Scope::clean`] does.
    pub abandoned: Vec<String>,
    /// Temporary files of writers that died.
    pub leftovers: Vec<String>,
}

impl Verified {
    /// Returns whether nothing was there to check.
    pub fn is_empty(&self) -> bool {
        self.manifests == 0 && self.unfinished.is_empty() && self.abandoned.is_empty() && self.faults.is_empty()
    }
}

/// Which part of a lake to check, and whether to tidy up.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// One cluster, or all.
    pub cluster: Option<ClusterId>,
    /// The days that have a moment in this window, or all.
    pub window: Option<Window>,
    /// Tells whether abandoned objects and temporary files of writers that died are removed.
    pub clean: bool,
}

/// Rows of an object held decoded.
const ROWS: usize = 8 * 1024;
/// KiB of objects held at once, unless one alone is larger: sixteen days of a large cluster would be 160 MiB.
const HELD_KIB: u32 = 48 * 1024;

const COLLECT_AGAIN: &str = "restore it from a copy, or delete it and its manifest and collect again";
const COMPACT_AGAIN: &str = "restore it from a copy; where the objects of the day's hours are still there, you may delete it and the manifest of the day, and compact the day again";

/// Remedy for something of an hour, or of a day.
fn mend(period: Period) -> &'static str {
    match period {
        Period::Hour(_) => COLLECT_AGAIN,
        Period::Day => COMPACT_AGAIN,
    }
}

/// Checks the lake in `store`, reading every manifest and every object of `scope`, 16 at a time.
///
/// # Errors
/// [`LakeError::Store`] when the store fails; what is wrong with the lake itself is a [`Fault`].
pub async fn verify(store: &Arc<dyn Store>, scope: &Scope) -> Result<Verified, LakeError> {
    let mut found = Verified { leftovers: store.leftovers(scope.clean).await?, ..Verified::default() };
    for key in store.no_objects().await? {
        let problem = "it is a link, a pipe or another thing that is no file, so no reader follows it";
        found.faults.push(fault(
            &key,
            problem,
            "remove it; put what it stands for in its place where that is of the lake",
        ));
    }
    // Data before manifests: an hour written meanwhile then has its manifest, and no object of it is suspected.
    let (data, clusters) = data_objects(store, scope).await?;
    let mut claims = NamedObjects::default();
    for cluster in clusters {
        let places = manifests(store, &cluster, scope.window).await?;
        check_manifests(store, places, &mut claims, &mut found).await?;
    }
    let missing = check_objects(store, &claims, &mut found).await?;
    found.faults.extend(missed(store, missing).await?);
    for place in data.into_iter().filter(|place| !claims.objects.contains_key(&place.key)) {
        let day = (place.cluster.clone(), place.date);
        if claims.unreadable.contains(&day) {
            // What the manifest named is not known, so nothing can be said of what it may have named.
            continue;
        }
        // Listed before the manifests were: see `compact::is_abandoned`.
        let newest = claims.newest.get(&(day.0, day.1, place.period));
        if newest.is_none_or(|newest| place.revision > *newest) {
            found.unfinished.push(place.key);
        } else {
            if scope.clean {
                store.delete(&place.key).await?;
            }
            found.abandoned.push(place.key);
        }
    }
    found.faults.sort();
    found.unfinished.sort();
    found.abandoned.sort();
    Ok(found)
}

/// Claim of a manifest about an object.
#[derive(Debug, Clone)]
struct NamedObject {
    /// The place of the manifest.
    place: Place,
    entry: ObjectEntry,
    /// The starts of the hours whose rows the object may hold.
    hours: Arc<BTreeSet<i64>>,
}

/// Claims of the manifests.
#[derive(Debug, Default)]
struct NamedObjects {
    /// Each object, with the place of the manifest that names it.
    objects: BTreeMap<String, NamedObject>,
    /// The greatest number of a manifest of each hour and day.
    newest: BTreeMap<(ClusterId, NaiveDate, Period), u32>,
    /// Days that have a manifest which cannot be read.
    unreadable: BTreeSet<(ClusterId, NaiveDate)>,
}

/// Of objects that are named and not there, those a reader needs. What a superseded manifest names may be deleted: the
/// objects of a compacted day's hours, of a corrected hour, of an earlier revision of a day.
///
/// Asked after the objects were, so that a compaction under way is no fault.
async fn missed(store: &Arc<dyn Store>, missing: Vec<NamedObject>) -> Result<Vec<Fault>, LakeError> {
    let days: BTreeSet<_> = missing.iter().map(|claim| (claim.place.cluster.clone(), claim.place.date)).collect();
    let mut current = BTreeSet::new();
    for (cluster, date) in &days {
        current.extend(current_manifests(store, cluster, *date).await?);
    }
    let needed = missing.into_iter().filter(|claim| current.contains(&claim.place.key));
    let said = |claim: NamedObject| {
        let problem = format!("`{}` names it, and it is not there", claim.place.key);
        fault(&claim.entry.key, &problem, mend(claim.place.period))
    };
    Ok(needed.map(said).collect())
}

/// The keys of the manifests by which a reader reads a day: those of hours, and of the day in place of some.
///
/// None where the day's own manifest cannot be read, which is a fault already: what it holds is not known.
async fn current_manifests(
    store: &Arc<dyn Store>,
    cluster: &ClusterId,
    date: NaiveDate,
) -> Result<Vec<String>, LakeError> {
    let lake = Lake::new(Arc::clone(store));
    let day = Day::containing(date.and_time(chrono::NaiveTime::MIN).and_utc());
    let listing = lake.listing(cluster, day).await?;
    let of_day = match lake.day_manifest(cluster, day, &listing).await {
        Ok(of_day) => of_day,
        Err(error @ LakeError::Store(_)) if !error.is_gone() => return Err(error),
        Err(_) => return Ok(Vec::new()),
    };
    let (day_part, single) = plan(cluster, &listing, of_day, None);
    let of_hours = single.into_iter().map(|(_, key)| key);
    Ok(of_hours.chain(day_part.map(|part| part.manifest_key)).collect())
}

/// The data objects of the scope, of whatever table, and the clusters that have any object.
async fn data_objects(store: &Arc<dyn Store>, scope: &Scope) -> Result<(Vec<Place>, BTreeSet<ClusterId>), LakeError> {
    let (mut data, mut clusters) = (Vec::new(), BTreeSet::new());
    for table in store.list_names("v1/").await? {
        for name in store.list_names(&format!("v1/{table}/")).await? {
            let cluster = name.strip_prefix("cluster=").and_then(|id| id.parse::<ClusterId>().ok());
            let Some(cluster) = cluster.filter(|id| scope.cluster.as_ref().is_none_or(|only| only == id)) else {
                continue;
            };
            if table != "manifest" {
                let keys = store.list(&format!("v1/{table}/cluster={cluster}/")).await?;
                let places = keys.iter().filter_map(|key| Place::parse(key));
                data.extend(places.filter(|place| place.in_days_of(scope.window)));
            }
            clusters.insert(cluster);
        }
    }
    Ok((data, clusters))
}

async fn check_manifests(
    store: &Arc<dyn Store>,
    places: Vec<Place>,
    claims: &mut NamedObjects,
    found: &mut Verified,
) -> Result<(), LakeError> {
    let mut reads = get_many(store, places.iter().map(|place| place.key.clone()).collect());
    for place in places {
        let Some((key, text)) = reads.next().await else { break };
        // Pruned since it was listed.
        let Some(text) = if_any(text)? else { continue };
        found.manifests = found.manifests.saturating_add(1);
        let newest = claims.newest.entry((place.cluster.clone(), place.date, place.period)).or_default();
        *newest = place.revision.max(*newest);
        let manifest = match parse(&key, &text) {
            Ok(manifest) => manifest,
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                claims.unreadable.insert((place.cluster.clone(), place.date));
                found.faults.push(fault(
                    &key,
                    &format!("it cannot be read as a manifest: {source}"),
                    mend(place.period),
                ));
                continue;
            }
        };
        found.faults.extend(manifest_faults(&place, &manifest));
        let hours: BTreeSet<_> = match place.period {
            Period::Hour(_) => [place.start_seconds()].into(),
            Period::Day => manifest.hours.iter().map(|hour| hour.manifest.hour_start_seconds).collect(),
        };
        let hours = Arc::new(hours);
        for object in manifest.objects {
            if let Some(NamedObject { place: other, .. }) = claims.objects.get(&object.key)
                && (&other.cluster, other.date, other.period) != (&place.cluster, place.date, place.period)
            {
                let problem = format!("`{}` names `{}` too: rows would count twice", other.key, object.key);
                found.faults.push(fault(&place.key, &problem, "delete the manifest that is wrong, and collect again"));
            }
            let claim = NamedObject { place: place.clone(), hours: Arc::clone(&hours), entry: object };
            claims.objects.insert(claim.entry.key.clone(), claim);
        }
    }
    Ok(())
}

/// Checks a manifest, without looking at its objects.
fn manifest_faults(place: &Place, manifest: &AnyManifest) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |problem: String| faults.push(fault(&place.key, &problem, mend(place.period)));
    if manifest.version != VERSION {
        wrong(format!("it is of layout {}, this program reads layout {VERSION}", manifest.version));
    }
    if manifest.cluster_id != place.cluster {
        wrong(format!("it says it is of cluster `{}`", manifest.cluster_id));
    }
    if manifest.hour_start_seconds.is_some_and(|start| start != place.start_seconds()) {
        wrong("it says it is of another hour than its key".to_owned());
    }
    match place.period {
        Period::Hour(_) if manifest.hour_start_seconds.is_none() => {
            wrong("it does not say of which hour it is".to_owned())
        }
        Period::Day if manifest.date.as_ref() != Some(&place.date.to_string()) => {
            wrong("it does not say that it is of the day of its key".to_owned());
        }
        _ => {}
    }
    let day = place.date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    let said = manifest.hours.iter().map(|hour| hour.manifest.hour_start_seconds);
    if let Some(outside) =
        said.clone().find(|start| !(day..day.saturating_add(86_400)).contains(start) || start.rem_euclid(3600) != 0)
    {
        wrong(format!("it says it holds the hour {outside}, which is not of its day"));
    }
    if said.clone().collect::<BTreeSet<_>>().len() != said.count() {
        wrong("it says that it holds an hour twice".to_owned());
    }
    let date = place.date.to_string();
    let of_hours = manifest.hours.iter().map(|hour| &hour.manifest.objects);
    for objects in std::iter::once(&manifest.objects).chain(of_hours) {
        if let Err(foreign) = manifest_ownership::check(&place.key, &place.cluster, &date, objects) {
            wrong(foreign.to_string());
        }
    }
    faults
}

/// Checks the objects, and gives those that are not there.
async fn check_objects(
    store: &Arc<dyn Store>,
    claims: &NamedObjects,
    found: &mut Verified,
) -> Result<Vec<NamedObject>, LakeError> {
    // Keys that lead elsewhere are a fault of their manifest, and never followed.
    let own: Vec<_> = claims.objects.values().filter(|claim| claim.is_own()).cloned().collect();
    let store = Arc::clone(store);
    let room = Arc::new(Semaphore::new(usize::try_from(HELD_KIB).unwrap_or(usize::MAX)));
    let checks = own.clone().into_iter().map(move |claim| check_object(Arc::clone(&store), claim, Arc::clone(&room)));
    let mut checks = InOrder::new(checks, READS);
    let mut missing = Vec::new();
    for claim in own {
        let Some(checked) = checks.next().await else { break };
        let Some(checked) = checked? else {
            missing.push(claim);
            continue;
        };
        found.objects = found.objects.saturating_add(1);
        found.rows = found.rows.saturating_add(claim.entry.rows);
        found.bytes = found.bytes.saturating_add(checked.bytes);
        found.faults.extend(checked.faults);
    }
    Ok(missing)
}

/// Reads and checks an object; `None` when it is not there.
async fn check_object(
    store: Arc<dyn Store>,
    claim: NamedObject,
    room: Arc<Semaphore>,
) -> Result<Option<Checked>, LakeError> {
    let kib = u32::try_from(claim.entry.bytes / 1024).map_or(HELD_KIB, |kib| kib.clamp(1, HELD_KIB));
    // Nobody closes it, so there is room in the end.
    let _held = room.acquire_many_owned(kib).await;
    let Some(object) = if_any(store.get(&claim.entry.key).await)? else { return Ok(None) };
    let bytes = u64::try_from(object.len()).unwrap_or(u64::MAX);
    let checking = tokio::task::spawn_blocking(move || object_faults(&claim, object));
    let faults = checking.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    Ok(Some(Checked { bytes, faults }))
}

impl NamedObject {
    fn is_own(&self) -> bool {
        let date = self.place.date.to_string();
        manifest_ownership::check(&self.place.key, &self.place.cluster, &date, std::slice::from_ref(&self.entry))
            .is_ok()
    }
}

struct Checked {
    bytes: u64,
    faults: Vec<Fault>,
}

fn if_any(read: Result<Bytes, StoreError>) -> Result<Option<Bytes>, LakeError> {
    match read {
        Err(StoreError::NotFound { .. }) => Ok(None),
        read => Ok(Some(read?)),
    }
}

fn fault(key: &str, problem: &str, next_step: &str) -> Fault {
    Fault { key: key.to_owned(), problem: problem.to_owned(), next_step: next_step.to_owned() }
}

/// Checks an object, given what its manifest says of it.
fn object_faults(claim: &NamedObject, bytes: Bytes) -> Vec<Fault> {
    let entry = &claim.entry;
    let problems = if u64::try_from(bytes.len()).ok() != Some(entry.bytes) {
        vec![format!("it has {} bytes, its manifest says {}", bytes.len(), entry.bytes)]
    } else if digest(&bytes) != entry.sha256 {
        vec!["its content is not what its manifest's sha256 says".to_owned()]
    } else if let Some(table) = schema::table(&entry.table) {
        content_problems(claim, table, bytes)
    } else {
        // A table of a later version: its bytes are right, and nothing more is known of it.
        Vec::new()
    };
    problems.iter().map(|problem| fault(&entry.key, problem, mend(claim.place.period))).collect()
}

fn content_problems(claim: &NamedObject, table: &TableInfo, bytes: Bytes) -> Vec<String> {
    let reader = match ParquetRecordBatchReaderBuilder::try_new(bytes.clone()) {
        Ok(reader) => reader,
        Err(error) => return vec![format!("it cannot be read as Parquet: {error}")],
    };
    let mut problems = Vec::new();
    let held = reader.metadata().file_metadata().num_rows();
    let rows = claim.entry.rows;
    if u64::try_from(held).ok() != Some(rows) {
        problems.push(format!("it has {held} rows, its manifest says {rows}"));
    }
    problems.extend(home_problem(claim, reader.metadata()));
    for column in table.columns {
        match reader.schema().field_with_name(column.name) {
            Err(_) if column.nullable => {}
            Err(_) => problems.push(format!("it has no column `{}`", column.name)),
            Ok(field) if !column.kind.is(field.data_type()) => {
                problems.push(format!(
                    "column `{}` is {}, not {}",
                    column.name,
                    field.data_type(),
                    column.kind.arrow_type()
                ));
            }
            Ok(_) => {}
        }
    }
    if problems.is_empty() {
        problems.extend(row_problem(&claim.hours, table, bytes));
    }
    problems
}

/// Returns whether the columns that say where the file belongs say so, by the least and the greatest value of each.
/// Files of releases before 2026-12 have none.
fn home_problem(claim: &NamedObject, metadata: &ParquetMetaData) -> Option<String> {
    let own = [claim.place.cluster.to_string(), claim.place.date.to_string()];
    for (name, own) in HOME_COLUMNS.into_iter().zip(own) {
        for group in metadata.row_groups() {
            let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == name);
            let Some(chunk) = chunk.filter(|chunk| chunk.num_values() > 0) else { continue };
            let said = chunk.statistics().map(|said| [said.min_bytes_opt(), said.max_bytes_opt()]);
            if said.is_none_or(|said| said.iter().any(|value| *value != Some(own.as_bytes()))) {
                return Some(format!("its column `{name}` does not say `{own}`, as its path does"));
            }
        }
    }
    None
}

/// The first row that is of another hour, out of order, has a key that another row has, or cannot be read. Some
/// thousand rows are held at a time: rows are sorted, so the one before tells.
fn row_problem(hours: &BTreeSet<i64>, table: &TableInfo, bytes: Bytes) -> Option<String> {
    // Every column is decoded, so that damage anywhere is found; only three are looked at.
    let batches = match batches(bytes, table.columns, ROWS) {
        Ok(batches) => batches,
        Err(error) => return Some(format!("it cannot be read: {error}")),
    };
    let (mut number, mut last) = (0_u64, None::<(String, String, i64)>);
    for batch in batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Some(format!("it cannot be read: {error}")),
        };
        let [a, b] = table.key;
        let starts = batch.column_by_name("hour_start_seconds")?.as_primitive_opt::<Int64Type>()?;
        let (a, b) =
            (batch.column_by_name(a)?.as_string_opt::<i32>()?, batch.column_by_name(b)?.as_string_opt::<i32>()?);
        for row in 0..batch.num_rows() {
            let start = starts.value(row);
            if !hours.contains(&start) {
                return Some(format!(
                    "row {number} is of the hour that starts at {start}, outside its own: hours overlap"
                ));
            }
            if a.is_null(row) || b.is_null(row) {
                return Some(format!("row {number} has no key"));
            }
            let key = (a.value(row), b.value(row), start);
            let before = last.as_ref().map(|(a, b, start)| key.cmp(&(a.as_str(), b.as_str(), *start)));
            match before {
                Some(Ordering::Equal) => {
                    return Some(format!("two rows of the hour {start} have the key `{}`, `{}`", key.0, key.1));
                }
                Some(Ordering::Less) => {
                    return Some(format!("row {number} is out of order: rows are sorted by key, then by hour"));
                }
                _ => last = Some((key.0.to_owned(), key.1.to_owned(), start)),
            }
            number = u64::saturating_add(number, 1);
        }
    }
    None
}

#[cfg(test)]
mod tests;
