//! EDGE: Arguments of the demo, and the lake it writes to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analyzer::PriceBook;
use anyhow::Context;
use fixtures::{Cluster, Family};
use lake::Lake;
use types::{ClusterId, Window};

/// Start of the first hour after the demo: 2026-07-01T00:00:00Z. Fixed, so that the same seed gives the same bytes
/// on any day.
pub(super) const END_SECONDS: i64 = 1_782_864_000;
/// The most hours that may go through Prometheus: two days are nearly sixty million samples.
const MAX_HOURS: i64 = 48;
/// Key of the pods' label that the demo sums costs up by.
pub(super) const TEAM: &str = "team";
/// Terms of the family whose nodes a commitment covers: an EC2 Instance Savings Plan for all eighteen machines.
const COMMITTED: &str = r#"# Of the synthetic cluster: a plan that covers every node in every hour.
[[commitment]]
name = "m6a-2026"
kind = "ec2-instance-savings-plan"
family = "m6a"
region = "us-east-1"
usd_per_hour = 7.46
discount_fraction = 0.40
"#;

/// Kind of cluster that the demo makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum FamilyName {
    /// Pods request several times what they use: right-sizing or packing saves most
    #[default]
    Overprovisioned,
    /// Engines of tenants that each need all they request, at different times of the day: a pool saves most
    StaggeredPeaks,
    /// Requests are right, nodes full and committed to: nothing saves
    WellSized,
}

impl FamilyName {
    pub(super) fn family(self) -> Family {
        match self {
            Self::Overprovisioned => Family::Overprovisioned,
            Self::StaggeredPeaks => Family::StaggeredPeaks,
            Self::WellSized => Family::WellSized,
        }
    }

    /// Days that a report covers: three whole weeks are what variants can be chosen on.
    pub(super) fn days(self) -> i64 {
        match self {
            Self::Overprovisioned => 30,
            Self::StaggeredPeaks | Self::WellSized => 21,
        }
    }

    /// Prices file of its report; `None` for list prices.
    pub(super) fn prices(self) -> Option<&'static str> {
        (self == Self::WellSized).then_some(COMMITTED)
    }
}

/// Marks a lake as the demo's own, which it may replace.
pub(super) const MARKER: &str = ".emp-cost-demo";

/// Make a report of a synthetic EKS cluster, through a real Prometheus
///
/// Generates some weeks of a realistic cluster, by default of about 40 nodes and 500 pods, loads its last hours into a
/// real Prometheus on a loopback port and collects them, writes the earlier days into the same lake directly, and makes
/// the analysis and the page. The page says which hours are which.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Directory for the lake, analysis.json and index.html
    #[arg(long, value_name = "DIR", default_value = "out/demo")]
    pub(super) out: PathBuf,

    /// Number of hours, the latest ones, that go through Prometheus
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=MAX_HOURS))]
    pub(super) hours: i64,

    /// Kind of cluster
    #[arg(long, value_name = "NAME", value_enum, default_value_t)]
    pub(super) family: FamilyName,

    /// Seed of the generator: the same seed makes the same cluster
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(super) seed: u64,

    /// Name of the cluster in the lake and on the page
    #[arg(long, value_name = "ID", default_value = Cluster::ID)]
    pub(super) cluster_id: ClusterId,

    /// Make weekly reports of three clusters without Prometheus, and serve them on a loopback port with a token to sign in
    #[arg(long, conflicts_with_all = ["hours", "family"])]
    pub(super) serve: bool,
}

impl DemoArgs {
    /// Returns true when it runs until it is stopped.
    pub(crate) fn keeps_running(&self) -> bool {
        self.serve
    }
}

/// The demo's cluster and where its hours go.
pub(super) struct Stage {
    pub(super) cluster: Arc<Cluster>,
    pub(super) id: ClusterId,
    pub(super) prices: PriceBook,
    pub(super) lake: Lake,
    /// Hours that the generator writes.
    pub(super) generated: Window,
    /// Hours that go through Prometheus.
    pub(super) scraped: Window,
}

/// Makes an empty folder for the lake. Only a lake that an earlier demo made is replaced.
pub(super) fn fresh_lake(path: &Path) -> anyhow::Result<()> {
    let marker = path.join(MARKER);
    if path.exists() {
        anyhow::ensure!(
            marker.exists(),
            "`{}` exists and is not a demo's; choose another folder with --out",
            path.display()
        );
        fs::remove_dir_all(path).with_context(|| format!("remove the earlier demo's `{}`", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("make folder `{}`", path.display()))?;
    fs::write(&marker, "").with_context(|| format!("write `{}`", marker.display()))
}
