//! Layout of reports in a store, and the order in which their objects are written.
//!
//! `reports/cluster=ID/date=YYYY-MM-DD/report=DIGITS/` holds one report and never changes. `report.json` in the folder
//! of the date, and in `latest/`, points to the newest of them; `reports/fleet.html` covers all clusters. Pointers,
//! copies and fleet pages are the only objects that are ever replaced, and are no part of the lake's contract.

use anyhow::Context;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError, WorkloadDay, digest};
use reports::Standing;
use reports::export::{File, content_type};
use serde_json::{Value, json};
use types::analysis::Analysis;
use types::{ClusterId, Hour};

use crate::analysis_file;

/// The schema of `report.json`.
const SCHEMA: &str = "emp-cost/report/v1";
/// Most earlier reports in a trend.
const EARLIER: usize = 12;
const DATE: &str = "date=";
const LATEST: &str = "latest";
/// Prefix of the folder of one report, before the digits of its content's digest.
const REPORT: &str = "report=";
const ID_DIGITS: usize = 12;
/// Name of the pointer object in a folder.
const POINTER: &str = "report.json";
/// Most attempts to swap a pointer while other writers do so too.
const MOST_RACES: u32 = 20;

fn folder(cluster: &ClusterId, name: &str) -> String {
    format!("reports/cluster={cluster}/{name}/")
}

/// Link from the fleet's page to a cluster's latest page.
pub(crate) fn link(cluster: &ClusterId) -> String {
    format!("cluster={cluster}/latest/index.html")
}

/// Date in the path of a report: that of the last hour of its window.
pub(crate) fn date(analysis: &Analysis) -> String {
    Hour::containing(analysis.window.end - TimeDelta::seconds(1)).date()
}

/// Writes a cluster's report into a new folder, then swaps the pointers of its date and of `latest/` to it.
///
/// A pointer is swapped atomically, and never to a window that ends earlier. The folder it names never changes, so
/// readers find a whole report at any moment, whatever other writers do or leave unfinished. Copies for people are
/// written last. Returns the location of the page, or of the folder where there is no page.
pub(crate) async fn put(
    store: &dyn Store,
    cluster: &ClusterId,
    analysis: &Analysis,
    files: &[File],
) -> anyhow::Result<String> {
    let (date, latest) = (date(analysis), folder(cluster, LATEST));
    let named: Vec<Value> = files
        .iter()
        .map(|file| json!({"name": file.name, "sha256": digest(&file.content), "bytes": file.content.len()}))
        .collect();
    let content = serde_json::to_vec(&named).context("name the files of the report")?;
    let id = digest(&content).get(..ID_DIGITS).unwrap_or_default().to_owned();
    let dated = folder(cluster, &format!("{DATE}{date}"));
    let own = format!("{dated}{REPORT}{id}/");
    write(store, &own, files).await?;
    let pointer = json!({
        "schema": SCHEMA,
        "cluster_id": cluster,
        "date": date,
        "folder": own,
        "window": {"start": analysis.window.start, "end": analysis.window.end},
        "hours_present": analysis.window.hours_present,
        "hours_expected": analysis.window.hours_expected,
        "tool_version": analysis.provenance.tool_version,
        "files": named,
    });
    point(store, &dated, &pointer, analysis.window.end).await?;
    if point(store, &latest, &pointer, analysis.window.end).await? {
        copy(store, &latest, &own, files).await?;
    } else {
        tracing::warn!("cluster `{cluster}` has a report of a later window; `{latest}` stays as it is");
    }
    let page = files.iter().find(|file| file.name == "index.html").map_or("", |file| file.name.as_str());
    Ok(format!("{}/{own}{page}", store.location()))
}

/// Cost of each workload on each day, as the file that lies beside every report and that drill-downs are answered from.
pub(crate) fn workload_days(rows: Vec<WorkloadDay>) -> anyhow::Result<File> {
    let content = lake::workload_day::encode(rows).context("write the costs by workload and day")?.to_vec();
    Ok(File::new(lake::workload_day::FILE, content))
}

/// Replaces the pointer of a folder; returns false when the present one is of a window that ends later.
async fn point(store: &dyn Store, folder: &str, pointer: &Value, end: DateTime<Utc>) -> anyhow::Result<bool> {
    let key = format!("{folder}{POINTER}");
    let mut text = serde_json::to_vec_pretty(pointer).context("write report.json")?;
    text.push(b'\n');
    let text = Bytes::from(text);
    for _ in 0..MOST_RACES {
        let (there, mark) = match store.get_marked(&key).await {
            Ok((there, mark)) => (Some(there), Some(mark)),
            Err(StoreError::NotFound { .. }) => (None, None),
            Err(error) => return Err(error.into()),
        };
        if there.as_ref() == Some(&text) {
            return Ok(true);
        }
        if there.as_deref().and_then(window_end).is_some_and(|there| there > end) {
            return Ok(false);
        }
        if store.swap(&key, mark.as_deref(), text.clone(), "application/json").await? {
            return Ok(true);
        }
    }
    anyhow::bail!("others were quicker with `{key}` {MOST_RACES} times; run again")
}

/// Reads the end of a pointer's window; `None` for a pointer that cannot be read, which is replaced.
fn window_end(pointer: &[u8]) -> Option<DateTime<Utc>> {
    let pointer: Value = serde_json::from_slice(pointer).ok()?;
    pointer.pointer("/window/end")?.as_str()?.parse().ok()
}

/// Copies the files beside their pointer, so that the page has a stable name. When another report became the latest
/// meanwhile, its files are copied instead.
async fn copy(store: &dyn Store, latest: &str, own: &str, files: &[File]) -> anyhow::Result<()> {
    write(store, latest, files).await?;
    for _ in 0..MOST_RACES {
        let pointer: Value =
            serde_json::from_slice(&store.get(&format!("{latest}{POINTER}")).await?).unwrap_or_default();
        let Some(newest) = pointer.get("folder").and_then(Value::as_str).filter(|newest| *newest != own) else { break };
        let named = pointer.get("files").and_then(Value::as_array).into_iter().flatten();
        for name in named.filter_map(|file| file.get("name")?.as_str()) {
            let content = store.get(&format!("{newest}{name}")).await?;
            store.replace(&format!("{latest}{name}"), content, content_type(name)).await?;
        }
        let again: Value = serde_json::from_slice(&store.get(&format!("{latest}{POINTER}")).await?).unwrap_or_default();
        if again == pointer {
            break;
        }
    }
    Ok(())
}

/// Writes the fleet's files, beside the folders of its clusters.
pub(crate) async fn put_fleet(store: &dyn Store, files: &[File]) -> anyhow::Result<()> {
    write(store, "reports/", files).await
}

async fn write(store: &dyn Store, folder: &str, files: &[File]) -> anyhow::Result<()> {
    for file in files {
        let content = Bytes::from(file.content.clone());
        store.replace(&format!("{folder}{}", file.name), content, file.content_type).await?;
    }
    Ok(())
}

/// Reads the last twelve reports of days before `date` that hold an analysis, newest first. One that cannot be read is
/// logged and left out, so that a trend never fails a run.
pub(crate) async fn earlier(store: &dyn Store, cluster: &ClusterId, date: &str) -> anyhow::Result<Vec<Standing>> {
    let names = store.list_names(&format!("reports/cluster={cluster}/")).await?;
    let mut dates: Vec<&str> =
        names.iter().filter_map(|name| name.trim_end_matches('/').strip_prefix(DATE)).filter(|d| *d < date).collect();
    dates.sort_unstable();
    let mut standings = Vec::new();
    for date in dates.into_iter().rev() {
        if standings.len() == EARLIER {
            break;
        }
        standings.extend(standing(store, &folder(cluster, &format!("{DATE}{date}"))).await?);
    }
    Ok(standings)
}

/// Reads the latest report of a cluster; `None` without one.
pub(crate) async fn latest(store: &dyn Store, cluster: &ClusterId) -> anyhow::Result<Option<Standing>> {
    standing(store, &folder(cluster, LATEST)).await
}

/// Returns true for a folder below which reports are kept.
fn is_own(folder: &str) -> bool {
    folder.starts_with("reports/cluster=") && folder.ends_with('/') && !folder.contains("..")
}

async fn standing(store: &dyn Store, folder: &str) -> anyhow::Result<Option<Standing>> {
    // Beside a pointer lie copies at most, and beside none, of an earlier version, the files themselves.
    let of_pointer = match store.get(&format!("{folder}{POINTER}")).await {
        Ok(pointer) => serde_json::from_slice::<Value>(&pointer).unwrap_or_default(),
        Err(StoreError::NotFound { .. }) => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let folder = of_pointer.get("folder").and_then(Value::as_str).filter(|own| is_own(own)).unwrap_or(folder);
    let key = format!("{folder}analysis.json");
    let content = match store.get(&key).await {
        Ok(content) => content,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match analysis_file::parse(&content) {
        Ok(analysis) => Ok(Some(Standing::of(&analysis))),
        Err(error) => {
            tracing::warn!("`{key}` is left out of the trend: {error:#}");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lake::store::{DirStore, MemoryStore};

    use super::*;

    /// A pointer at the report of a window that ends on this day.
    fn pointer(day: u32) -> (Value, DateTime<Utc>) {
        let end: DateTime<Utc> = format!("2026-07-{day:02}T00:00:00Z").parse().unwrap();
        (json!({"folder": format!("reports/cluster=a/date=x/report={day}/"), "window": {"end": end}}), end)
    }

    async fn check_the_latest_window_wins(store: Arc<dyn Store>) {
        let writers = (1..=24).map(|n| {
            let (store, (pointer, end)) = (Arc::clone(&store), pointer(1 + n * 7 % 25));
            tokio::spawn(async move {
                // Others may be quicker more often than one writer tries, where two dozen write at once.
                while point(store.as_ref(), "reports/cluster=a/latest/", &pointer, end).await.is_err() {}
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let left = store.get("reports/cluster=a/latest/report.json").await.unwrap();
        assert_eq!(window_end(&left), Some(pointer(25).1));
        let (old, end) = pointer(24);
        assert!(!point(store.as_ref(), "reports/cluster=a/latest/", &old, end).await.unwrap());
        let (same, end) = pointer(25);
        assert!(point(store.as_ref(), "reports/cluster=a/latest/", &same, end).await.unwrap(), "it is there");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whichever_of_many_runs_is_slower_the_latest_window_wins() {
        check_the_latest_window_wins(Arc::new(MemoryStore::default())).await;
        let folder = tempfile::tempdir().unwrap();
        check_the_latest_window_wins(Arc::new(DirStore::new(folder.path()))).await;
    }

    #[tokio::test]
    async fn a_pointer_that_cannot_be_read_is_replaced_and_leads_nowhere_else() {
        let store = MemoryStore::default();
        store.replace("reports/cluster=a/latest/report.json", Bytes::from_static(b"<html>"), "").await.unwrap();
        let (new, end) = pointer(3);
        assert!(point(&store, "reports/cluster=a/latest/", &new, end).await.unwrap());
        for (folder, own) in [
            ("reports/cluster=a/date=2026-07-01/report=0f/", true),
            ("reports/cluster=a/../../v1/", false),
            ("v1/pod_hour/", false),
            ("/etc/", false),
        ] {
            assert_eq!(is_own(folder), own, "{folder}");
        }
    }
}
