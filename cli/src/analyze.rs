//! `emp-cost analyze`: prices a cluster as it ran, and replays the same hours on each alternative.

use std::path::PathBuf;

use analyzer::Request;
use anyhow::Context;
use chrono::{DateTime, Utc};
use lake::{Lake, LakeUri};
use types::ClusterId;
use types::analysis::Analysis;

use crate::analysis_inputs::{InputArgs, window};
use crate::exit_codes::Failure;
use crate::invoice;
use crate::output::{print, write_file};
use crate::progress::{Progress, Step};
use crate::time_range::RangeArgs;

/// Price a cluster from the lake, today and on an elastic machine pool
///
/// Writes analysis.json and prints a summary. Without --from and --to, analyzes every hour in the lake; missing hours
/// are left out of every scenario. analyzer/ANALYSIS.md describes the assumptions and prices files.
#[derive(Debug, clap::Args)]
pub(crate) struct AnalyzeArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
    lake: LakeUri,

    /// Cluster id, as given to the collector
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: ClusterId,

    #[command(flatten)]
    range: RangeArgs,

    #[command(flatten)]
    inputs: InputArgs,

    /// Directory for analysis.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) async fn run(args: AnalyzeArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let inputs = args.inputs.read()?;
    let lake = Lake::new(args.lake.open().await);
    let window = window(&args.range, &lake, &args.cluster_id, now).await?;
    let request = inputs.request(args.cluster_id, window);
    let step = progress.step("analyze");
    let mut analysis = analyze(&lake, request.clone(), &step).await?;
    step.finish(&types::wording::counted(analysis.window.hours_present, "hour"));
    if let Some(bill) = &inputs.bill {
        let step = progress.step("invoice");
        invoice::beside(&mut analysis, &lake, &request, bill, &step).await?;
        step.finish("compared");
    }
    let path = args.out.join("analysis.json");
    write_file(&path, &json(&analysis)?)?;
    print(&format!("{}{}\n", reports::summary(&analysis), path.display()))?;
    Ok(())
}

/// Runs the analysis and shows its progress.
pub(crate) async fn analyze(lake: &Lake, request: Request, step: &Step) -> Result<Analysis, Failure> {
    Ok(analyzer::analyze(lake, request, |done, all| step.set(done, all)).await?)
}

/// Serializes an analysis as the content of `analysis.json`.
pub(crate) fn json(analysis: &Analysis) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(analysis).context("write the analysis as JSON")?;
    text.push(b'\n');
    Ok(text)
}
