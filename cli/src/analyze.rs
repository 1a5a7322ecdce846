//! `emp-cost analyze`: what the cluster costs, and what its alternatives would have cost.

use std::path::PathBuf;

use analyzer::{Assumptions, PriceBook, Profile, Request, Sharing};
use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Lake, LakeUri};
use types::analysis::Analysis;
use types::moment::parse_moment;
use types::{ClusterId, Window};

use crate::failure::Failure;
use crate::output::{print, read_file, write_file};
use crate::progress::{Progress, Step};
use crate::range::RangeArgs;

/// Price a cluster from the lake, today and on an elastic machine pool
///
/// Writes analysis.json and prints a summary. Without --from and --to, every hour in the lake is analyzed; hours that
/// are missing count in no scenario. analyzer/ANALYSIS.md describes the assumptions and prices files.
#[derive(Debug, clap::Args)]
pub(crate) struct AnalyzeArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    lake: LakeUri,

    /// The cluster, as it was named when it was collected
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: ClusterId,

    #[command(flatten)]
    range: RangeArgs,

    #[command(flatten)]
    inputs: InputArgs,

    /// Where to put analysis.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What an analysis stands on beside the lake.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArgs {
    /// Assumptions other than the documented ones (TOML)
    #[arg(long, value_name = "FILE")]
    assumptions: Option<PathBuf>,

    /// Your own prices, discounts and commitments, which win over list prices (TOML)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// A price list made by `emp-cost prices import`, which wins over the built-in one
    #[arg(long, value_name = "FILE")]
    price_list: Option<PathBuf>,

    /// Which pods may move to elastic VMs: a ConfigMap `emp-profile-cm` (YAML). Everything that can, unless given
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Stop at today's bill: nothing is replayed, which takes most of the time
    #[arg(long, conflicts_with = "profile")]
    bill_only: bool,

    /// Share the cost of this namespace out to the others; may be given again
    #[arg(long, value_name = "NAMESPACE")]
    shared_namespace: Vec<String>,

    /// Sum the bill up by this label of pods, as the collector was told to keep it; may be given again
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
}

/// What an analysis stands on, read: each file once, since one that is piped in has nothing more to give.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    assumptions: Assumptions,
    prices: PriceBook,
    profile: Option<Profile>,
    sharing: Sharing,
    bill_only: bool,
}

impl InputArgs {
    /// Reads the files, so that one that makes no sense is told of before anything else is done.
    pub(crate) fn read(&self) -> Result<Inputs, Failure> {
        Ok(Inputs {
            assumptions: assumptions(self.assumptions.clone())?,
            prices: prices(self.price_list.clone(), self.prices.clone())?,
            profile: profile(self.profile.clone())?,
            sharing: Sharing { shared_namespaces: self.shared_namespace.clone(), labels: self.label.clone() },
            bill_only: self.bill_only,
        })
    }
}

impl Inputs {
    /// Everything as documented, at list prices, summed up by these labels too.
    pub(crate) fn documented(labels: Vec<String>) -> Result<Self, Failure> {
        let sharing = Sharing { labels, ..Sharing::default() };
        let (assumptions, prices) = (Assumptions::default(), prices(None, None)?);
        Ok(Self { assumptions, prices, profile: None, sharing, bill_only: false })
    }

    /// A request for this cluster and window.
    pub(crate) fn request(&self, cluster: ClusterId, window: Option<Window>) -> Request {
        let Self { assumptions, prices, profile, sharing, bill_only } = self.clone();
        Request { cluster, window, assumptions, prices, sharing, profile, bill_only }
    }
}

pub(crate) async fn run(args: AnalyzeArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let inputs = args.inputs.read()?;
    let lake = Lake::new(args.lake.open().await);
    let window = window(&args.range, &lake, &args.cluster_id, now).await?;
    let request = inputs.request(args.cluster_id, window);
    let step = progress.step("analyze");
    let analysis = analyze(&lake, request, &step).await?;
    step.finish(&format!("{} hours", analysis.window.hours_present));
    let path = args.out.join("analysis.json");
    write_file(&path, &json(&analysis)?)?;
    print(&format!("{}{}\n", reports::summary(&analysis), path.display()))?;
    Ok(())
}

/// Analyzes, showing how far it is.
pub(crate) async fn analyze(lake: &Lake, request: Request, step: &Step) -> Result<Analysis, Failure> {
    Ok(analyzer::analyze(lake, request, |done, all| step.set(done, all)).await?)
}

/// The content of `analysis.json`.
pub(crate) fn json(analysis: &Analysis) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(analysis).context("write the analysis as JSON")?;
    text.push(b'\n');
    Ok(text)
}

/// The window asked for, an open end being that of the lake's newest hour; `None` when both are open or the lake has no hour.
async fn window(
    range: &RangeArgs,
    lake: &Lake,
    cluster: &ClusterId,
    now: DateTime<Utc>,
) -> Result<Option<Window>, Failure> {
    let (from, to) = range.moments(now)?;
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let Some((first, last)) = lake.dates(cluster).await? else { return Ok(None) };
    let midnight = |date: &str| parse_moment(date, now).map_err(Failure::usage);
    let (beginning, last) = (midnight(&first)?, midnight(&last)?);
    let of_last_day = Window::try_new(last, last + TimeDelta::days(1)).map_err(Failure::usage)?;
    let newest = lake.hours(cluster, of_last_day).await?.last().map(|hour| hour.end());
    let from = from.unwrap_or(beginning);
    // What the lake does not have yet is not missing. A range that begins after all of it is told of as one without hours.
    let end = to.or(newest.filter(|newest| *newest > from)).unwrap_or(now);
    Ok(Some(Window::try_new(from, end).map_err(Failure::usage)?))
}

/// The assumptions of a file, or the documented ones.
fn assumptions(file: Option<PathBuf>) -> Result<Assumptions, Failure> {
    let Some(path) = file else { return Ok(Assumptions::default()) };
    let text = read_file(&path)?;
    Ok(Assumptions::from_toml(&text).with_context(|| format!("read assumptions from `{}`", path.display()))?)
}

/// The profile of a file, which is named by its own name alone: where it lies is nobody's business.
fn profile(file: Option<PathBuf>) -> Result<Option<Profile>, Failure> {
    let Some(path) = file else { return Ok(None) };
    let text = read_file(&path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let profile = Profile::from_config_map(&text, name);
    Ok(Some(profile.with_context(|| format!("read the profile `{}`", path.display()))?))
}

/// The prices in force: the user's over an imported list over the built-in one.
pub(crate) fn prices(list: Option<PathBuf>, user: Option<PathBuf>) -> Result<PriceBook, Failure> {
    let mut book = PriceBook::catalog().context("read the built-in price list")?;
    if let Some(path) = list {
        let text = read_file(&path)?;
        book = book.with_list(&text).with_context(|| format!("read the price list `{}`", path.display()))?;
    }
    if let Some(path) = user {
        let text = read_file(&path)?;
        // As a pipe is that somebody else has read.
        if text.trim().is_empty() {
            let path = path.display();
            return Err(anyhow::anyhow!("`{path}` is empty, so it gives no price; leave --prices out").into());
        }
        book = book.with_user_toml(&text).with_context(|| format!("read prices from `{}`", path.display()))?;
    }
    Ok(book)
}
