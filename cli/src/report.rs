//! `emp-cost report`: a page of an analysis.

use std::path::{Path, PathBuf};

use anyhow::Context;
use types::analysis::{Analysis, SCHEMA};

use crate::failure::Failure;
use crate::output::{print, read_file, write_file};

/// Make an HTML page of an analysis
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The analysis: a file that `emp-cost analyze` wrote
    #[arg(long, value_name = "FILE")]
    analysis: PathBuf,

    /// Where to put index.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: ReportArgs) -> Result<(), Failure> {
    let analysis = read(&args.analysis)?;
    let page = write(&analysis, &args.out)?;
    print(&format!("{}\n", page.display()))?;
    Ok(())
}

/// Renders the page of an analysis into a folder; returns its path.
pub(crate) fn write(analysis: &Analysis, out: &Path) -> anyhow::Result<PathBuf> {
    let html = reports::page(analysis, &reports::Options::default()).context("render the page")?;
    let path = out.join("index.html");
    write_file(&path, html.as_bytes())?;
    Ok(path)
}

fn read(path: &Path) -> anyhow::Result<Analysis> {
    let text = read_file(path)?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("read `{}` as JSON", path.display()))?;
    let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    anyhow::ensure!(
        schema == SCHEMA,
        "`{}` has schema `{schema}`, this version reads `{SCHEMA}`; make it again with `emp-cost analyze`",
        path.display()
    );
    serde_json::from_value(value).with_context(|| format!("read `{}` as an analysis", path.display()))
}
