//! Where the reports of a cluster lie, and in which order they come there.

use anyhow::Context;
use bytes::Bytes;
use lake::{Store, digest};
use serde_json::json;
use types::ClusterId;
use types::analysis::Analysis;

use crate::analyze;

/// What a browser is told of a page.
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// The schema of `report.json`.
const SCHEMA: &str = "emp-cost/report/v1";

/// Writes a cluster's report under its date, then as its latest, whose `report.json` comes last: it names the files and
/// their SHA-256, so a reader that was too early sees that they differ and reads again. Returns where the page is.
pub(super) async fn put(
    store: &dyn Store,
    cluster: &ClusterId,
    date: &str,
    analysis: &Analysis,
) -> anyhow::Result<String> {
    let page = reports::page(analysis, &reports::Options::default()).context("render the page")?.into_bytes();
    let files = [("analysis.json", JSON, Bytes::from(analyze::json(analysis)?)), ("index.html", HTML, page.into())];
    let (dated, latest) =
        (format!("reports/cluster={cluster}/date={date}/"), format!("reports/cluster={cluster}/latest/"));
    for folder in [&dated, &latest] {
        for (name, content_type, content) in &files {
            store.replace(&format!("{folder}{name}"), content.clone(), content_type).await?;
        }
    }
    let named =
        files.iter().map(|(name, _, content)| json!({"name": name, "sha256": digest(content), "bytes": content.len()}));
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
    store.replace(&format!("{latest}report.json"), pointer.into(), JSON).await?;
    Ok(format!("{}/{dated}index.html", store.location()))
}
