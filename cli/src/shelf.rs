//! Where reports lie in a store, and in which order they come there.
//!
//! `reports/cluster=ID/date=YYYY-MM-DD/` holds the report of a window that ends on that day, `latest/` that of the newest;
//! `reports/fleet.html` is of all clusters. These are the only objects that are ever replaced, and no part of the lake's
//! contract.

use anyhow::Context;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError, digest};
use reports::Standing;
use reports::export::File;
use serde_json::{Value, json};
use types::analysis::Analysis;
use types::{ClusterId, Hour};

use crate::report;

/// The schema of `report.json`.
const SCHEMA: &str = "emp-cost/report/v1";
/// How many earlier reports a trend draws.
const EARLIER: usize = 12;
const DATE: &str = "date=";

fn folder(cluster: &ClusterId, name: &str) -> String {
    format!("reports/cluster={cluster}/{name}/")
}

/// Where a cluster's latest page is, seen from the fleet's.
pub(crate) fn link(cluster: &ClusterId) -> String {
    format!("cluster={cluster}/latest/index.html")
}

/// The date a report lies under: that of the last hour of its window.
pub(crate) fn date(analysis: &Analysis) -> String {
    Hour::containing(analysis.window.end - TimeDelta::seconds(1)).date()
}

/// Writes a cluster's report under its date, then as its latest, whose `report.json` comes last: it names the files and
/// their SHA-256, so a reader that was too early sees that they differ and reads again. A report of a window that ends
/// before that of the latest does not take its place. Returns where the report is: the page, where there is one.
pub(crate) async fn put(
    store: &dyn Store,
    cluster: &ClusterId,
    analysis: &Analysis,
    files: &[File],
) -> anyhow::Result<String> {
    let (date, latest) = (date(analysis), folder(cluster, "latest"));
    let dated = folder(cluster, &format!("{DATE}{date}"));
    write(store, &dated, files).await?;
    if is_newest(store, &latest, analysis.window.end).await? {
        write(store, &latest, files).await?;
        let named = files
            .iter()
            .map(|file| json!({"name": file.name, "sha256": digest(&file.content), "bytes": file.content.len()}));
        let pointer = json!({
            "schema": SCHEMA,
            "cluster_id": cluster,
            "date": date,
            "folder": dated,
            "window": {"start": analysis.window.start, "end": analysis.window.end},
            "hours_present": analysis.window.hours_present,
            "hours_expected": analysis.window.hours_expected,
            "tool_version": analysis.provenance.tool_version,
            "files": named.collect::<Vec<_>>(),
        });
        let mut pointer = serde_json::to_vec_pretty(&pointer).context("write report.json")?;
        pointer.push(b'\n');
        let pointer = File::json("report.json", pointer);
        write(store, &latest, std::slice::from_ref(&pointer)).await?;
    } else {
        tracing::warn!("cluster `{cluster}` has a report of a later window; `{latest}` stays as it is");
    }
    let page = files.iter().find(|file| file.name == "index.html").map_or("", |file| file.name.as_str());
    Ok(format!("{}/{dated}{page}", store.location()))
}

/// Writes the pages of a fleet, beside the folders of its clusters.
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

/// Whether no report of a later window is the latest. A pointer that cannot be read is replaced.
async fn is_newest(store: &dyn Store, latest: &str, end: DateTime<Utc>) -> anyhow::Result<bool> {
    let pointer = match store.get(&format!("{latest}report.json")).await {
        Ok(pointer) => pointer,
        Err(StoreError::NotFound { .. }) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    let pointer: Value = serde_json::from_slice(&pointer).unwrap_or_default();
    let there =
        pointer.pointer("/window/end").and_then(Value::as_str).and_then(|end| end.parse::<DateTime<Utc>>().ok());
    Ok(there.is_none_or(|there| there <= end))
}

/// Where the cluster stood by its reports of days before `date`, the last twelve that hold an analysis. One that cannot
/// be read is told of and left out: a trend is worth no failure.
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

/// Where the cluster stood by its latest report; `None` without one.
pub(crate) async fn latest(store: &dyn Store, cluster: &ClusterId) -> anyhow::Result<Option<Standing>> {
    standing(store, &folder(cluster, "latest")).await
}

async fn standing(store: &dyn Store, folder: &str) -> anyhow::Result<Option<Standing>> {
    let key = format!("{folder}analysis.json");
    let content = match store.get(&key).await {
        Ok(content) => content,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match report::parse(&content) {
        Ok(analysis) => Ok(Some(Standing::of(&analysis))),
        Err(error) => {
            tracing::warn!("`{key}` is left out of the trend: {error:#}");
            Ok(None)
        }
    }
}
