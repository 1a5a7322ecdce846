//! The content of an `analysis.json` that was written before.

use anyhow::Context;
use types::analysis::{Analysis, SCHEMA};

/// Parses the content of an `analysis.json`.
pub(crate) fn parse(content: &[u8]) -> anyhow::Result<Analysis> {
    let value: serde_json::Value = serde_json::from_slice(content).context("read it as JSON")?;
    let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    anyhow::ensure!(
        schema == SCHEMA,
        "its schema is `{schema}`, this version reads `{SCHEMA}`; make it again with `emp-cost analyze`"
    );
    serde_json::from_value(value).context("read it as an analysis")
}
