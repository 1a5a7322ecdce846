//! Inputs of an analysis: the window, and the files that say what is assumed, paid and moved.

use std::path::PathBuf;

use analyzer::{Assumptions, BillToRead, PriceBook, Profile, Request, Sharing};
use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use invoice::ExportUri;
use lake::Lake;
use types::time_parsing::parse_moment;
use types::{ClusterId, Window};

use crate::exit_codes::Failure;
use crate::output::{read_file, readable};
use crate::time_range::RangeArgs;

/// Inputs of an analysis other than the lake.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArgs {
    /// Your assumptions, which override the documented defaults (TOML)
    #[arg(long, value_name = "FILE")]
    assumptions: Option<PathBuf>,

    /// Your own prices, discounts and commitments, which override list prices (TOML)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Price list made by `emp-cost prices import`, which overrides the built-in one
    #[arg(long, value_name = "FILE")]
    price_list: Option<PathBuf>,

    /// Which pods may move to elastic VMs: a ConfigMap `emp-profile-cm` (YAML) [default: every pod that can]
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Price today's bill only and skip the replay, which takes most of the time
    #[arg(long, conflicts_with = "profile")]
    bill_only: bool,

    /// Distribute the cost of this namespace over the others; repeatable
    #[arg(long, value_name = "NAMESPACE")]
    shared_namespace: Vec<String>,

    /// Break the bill down by this pod label, which the collector must keep; repeatable
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,

    #[command(flatten)]
    bill: BillArgs,
}

/// The inputs as read. Each file is read once, since a pipe cannot be read twice.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    assumptions: Assumptions,
    prices: PriceBook,
    /// The user's own prices, as they were written; empty without.
    pub(crate) own_prices: String,
    profile: Option<Profile>,
    sharing: Sharing,
    bill_only: bool,
    /// A bill of AWS to compare with.
    pub(crate) bill: Option<BillToRead>,
}

impl InputArgs {
    /// Reads and checks the files, so that a bad one is reported before any work is done.
    pub(crate) fn read(&self) -> Result<Inputs, Failure> {
        let (prices, own_prices) = prices(self.price_list.clone(), self.prices.clone())?;
        Ok(Inputs {
            assumptions: assumptions(self.assumptions.clone()).map_err(Failure::usage)?,
            prices,
            own_prices,
            profile: profile(self.profile.clone()).map_err(Failure::usage)?,
            sharing: Sharing { shared_namespaces: self.shared_namespace.clone(), labels: self.label.clone() },
            bill_only: self.bill_only,
            bill: self.bill.bill().map_err(Failure::usage)?,
        })
    }
}

impl Inputs {
    /// Documented assumptions and list prices, with the bill broken down by these labels.
    pub(crate) fn documented(labels: Vec<String>) -> Result<Self, Failure> {
        let sharing = Sharing { labels, ..Sharing::default() };
        let (assumptions, (prices, own_prices)) = (Assumptions::default(), prices(None, None)?);
        Ok(Self { assumptions, prices, own_prices, profile: None, sharing, bill_only: false, bill: None })
    }

    /// The price book with other prices of the user's.
    pub(crate) fn priced(&self, own: &str) -> anyhow::Result<PriceBook> {
        Ok(self.prices.clone().with_user_toml(own)?)
    }

    /// Builds the request for this cluster and window.
    pub(crate) fn request(&self, cluster: ClusterId, window: Option<Window>) -> Request {
        let Self { assumptions, prices, own_prices: _, profile, sharing, bill_only, bill: _ } = self.clone();
        Request { cluster, window, assumptions, prices, sharing, profile, bill_only }
    }
}

/// A bill as an input of an analysis.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BillArgs {
    /// Compare with this AWS bill export: a file, a folder, or s3://bucket/prefix; see `emp-cost invoice`
    #[arg(long, value_name = "EXPORT")]
    invoice: Option<ExportUri>,

    /// Name of the cluster in AWS [default: what the tags of its instances in the bill say]
    #[arg(long, value_name = "NAME", requires = "invoice")]
    eks_cluster: Option<String>,
}

impl BillArgs {
    fn bill(&self) -> anyhow::Result<Option<BillToRead>> {
        let Some(export) = self.invoice.clone() else { return Ok(None) };
        there(&export)?;
        Ok(Some(BillToRead { export, eks_cluster: self.eks_cluster.clone() }))
    }
}

/// Checks that an export on the disk is there, before any work is done.
pub(crate) fn there(export: &ExportUri) -> anyhow::Result<()> {
    match export {
        ExportUri::Path(path) => readable(path),
        ExportUri::S3(_) => Ok(()),
    }
}

/// Resolves the window: an open end is the end of the lake's newest hour. `None` when both ends are open or the lake
/// has no hour.
pub(crate) async fn window(
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
    // Hours that the lake cannot have yet are not missing. A range that begins after all of it is reported as empty.
    let end = to.or(newest.filter(|newest| *newest > from)).unwrap_or(now);
    Ok(Some(Window::try_new(from, end).map_err(Failure::usage)?))
}

/// Reads the assumptions file; the documented defaults without one.
pub(crate) fn assumptions(file: Option<PathBuf>) -> anyhow::Result<Assumptions> {
    let Some(path) = file else { return Ok(Assumptions::default()) };
    let text = read_file(&path)?;
    Assumptions::from_toml(&text).with_context(|| format!("read assumptions from `{}`", path.display()))
}

/// Reads the profile file. Reports name it by its file name only, without the path.
fn profile(file: Option<PathBuf>) -> anyhow::Result<Option<Profile>> {
    let Some(path) = file else { return Ok(None) };
    let text = read_file(&path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let profile = Profile::from_config_map(&text, name);
    Ok(Some(profile.with_context(|| format!("read the profile `{}`", path.display()))?))
}

/// Builds the price book: the user's prices, whose text is returned too, over an imported list over the built-in one.
pub(crate) fn prices(list: Option<PathBuf>, user: Option<PathBuf>) -> Result<(PriceBook, String), Failure> {
    book(list, user).map_err(Failure::usage)
}

fn book(list: Option<PathBuf>, user: Option<PathBuf>) -> anyhow::Result<(PriceBook, String)> {
    let mut own = String::new();
    let mut book = PriceBook::catalog().context("read the built-in price list")?;
    if let Some(path) = list {
        let text = read_file(&path)?;
        book = book.with_list(&text).with_context(|| format!("read the price list `{}`", path.display()))?;
    }
    if let Some(path) = user {
        let text = read_file(&path)?;
        // Such as a pipe that was already read.
        if text.trim().is_empty() {
            let path = path.display();
            anyhow::bail!("`{path}` is empty, so it gives no price; leave --prices out");
        }
        book = book.with_user_toml(&text).with_context(|| format!("read prices from `{}`", path.display()))?;
        own = text;
    }
    Ok((book, own))
}
