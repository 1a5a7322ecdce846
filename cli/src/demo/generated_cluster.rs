//! EDGE: one cluster of `emp-cost demo --serve`: its hours from the generator, and its weekly reports.

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing};
use anyhow::Context;
use fixtures::Cluster;
use lake::{HourOrigin, Lake, Store};
use reports::export::File;
use reports::{Member, Standing};
use types::analysis::Analysis;
use types::{ClusterId, Hour, Window};

use super::demo_lake::END_SECONDS;
use crate::exit_codes::Failure;
use crate::progress::Progress;
use crate::report_formats::FormatArgs;
use crate::{analyze, report_store};

/// Weeks of data of each cluster, each with a report.
pub(super) const WEEKS: i64 = 2;
/// Labels of pods that costs are summed up by, as the generator gives them.
pub(super) const LABELS: [&str; 1] = ["team"];
/// Hours in a week.
const WEEK: i64 = 7 * 24;

/// A cluster that is being made.
#[derive(Clone)]
pub(super) struct Making {
    name: &'static str,
    id: ClusterId,
    store: Arc<dyn Store>,
    lake: Lake,
    cluster: Arc<Cluster>,
}

/// A report, as it is before it is published.
pub(super) struct Report {
    analysis: Analysis,
    days: File,
}

impl Making {
    pub(super) fn new(store: &Arc<dyn Store>, name: &'static str, seed: u64) -> Result<Self, Failure> {
        let (first, last) = (week(WEEKS - 1)?, week(0)?);
        let whole = Window::try_new(first.start(), last.end())?;
        let (store, cluster) = (Arc::clone(store), Arc::new(Cluster::generate(seed, whole)));
        Ok(Self { name, id: name.parse()?, lake: Lake::new(Arc::clone(&store)), store, cluster })
    }

    /// Makes the hours of a week, so many weeks before the last, and its report. Every processor makes hours.
    pub(super) async fn week(&self, back: i64, progress: &Progress) -> Result<Report, Failure> {
        let window = week(back)?;
        let step = progress.step(self.name);
        let hours: Vec<Hour> = window.hours().collect();
        let lanes = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..lanes {
            let (making, hours) = (self.clone(), hours.iter().copied().skip(lane).step_by(lanes).collect());
            tasks.spawn(async move { making.generate(hours).await });
        }
        let mut done = 0;
        while let Some(lane) = tasks.join_next().await {
            done += lane.context("make hours")??;
            step.set(done, hours.len());
        }
        step.finish(&format!("{} from the generator", types::wording::counted(done, "hour")));
        let request = Request {
            cluster: self.id.clone(),
            window: Some(window),
            assumptions: Assumptions::default(),
            prices: PriceBook::catalog()?,
            sharing: Sharing { labels: LABELS.map(ToOwned::to_owned).into(), ..Sharing::default() },
            profile: None,
            bill_only: false,
        };
        let step = progress.step("analyze");
        let (analysis, days) = analyzer::analyze_with_days(&self.lake, request, |n, of| step.set(n, of)).await?;
        step.finish(&format!("{}, {} hours", self.name, analysis.window.hours_present));
        Ok(Report { analysis, days: report_store::workload_days(days)? })
    }

    /// Writes hours, whose pods are labelled with the team that runs their namespace.
    async fn generate(&self, hours: Vec<Hour>) -> anyhow::Result<usize> {
        for hour in &hours {
            let (cluster, hour) = (Arc::clone(&self.cluster), *hour);
            let mut rows = tokio::task::spawn_blocking(move || cluster.hour_rows(hour)).await?;
            for pod in &mut rows.pods {
                pod.labels = Some(vec![format!("team={}", team(&pod.namespace))]);
            }
            self.lake.write_hour(&self.id, hour, rows, HourOrigin::generator()).await?;
        }
        Ok(hours.len())
    }

    /// Puts a report where the service finds it, with the trend of those that lie there.
    pub(super) async fn publish(&self, report: &Report) -> Result<Member, Failure> {
        let Report { analysis, days } = report;
        let earlier = report_store::earlier(self.store.as_ref(), &self.id, &report_store::date(analysis)).await?;
        let mut files = vec![days.clone()];
        files.extend(FormatArgs::of_demo().files(analysis, &analyze::json(analysis)?, earlier.clone(), None)?);
        report_store::put(self.store.as_ref(), &self.id, analysis, &files).await?;
        Ok(Member { now: Standing::of(analysis), earlier, link: Some(report_store::link(&self.id)) })
    }

    /// The weeks before one that is published, and that one again, with its trend.
    pub(super) async fn weeks_before(&self, last: &Report, progress: &Progress) -> Result<Member, Failure> {
        for back in (1..WEEKS).rev() {
            let report = self.week(back, progress).await?;
            self.publish(&report).await?;
        }
        self.publish(last).await
    }
}

/// A week of the demo, so many weeks before the last.
fn week(back: i64) -> Result<Window, Failure> {
    let end = Hour::starting_at(END_SECONDS).context("place the demo in time")?.plus(-WEEK * back);
    Ok(Window::try_new(end.plus(-WEEK).start(), end.start())?)
}

/// The team of a namespace: what stands before the first dash, and the platform's for those of the cluster itself.
fn team(namespace: &str) -> &str {
    match namespace.split('-').next().unwrap_or_default() {
        "kube" | "monitoring" | "karpenter" | "" => "platform",
        team => team,
    }
}
