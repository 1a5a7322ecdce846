//! `emp-cost run`: compacts, analyzes and reports every cluster of a lake, for schedulers.

mod deliver;

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use lake::{CompactOutcome, Compaction, Day, Lake, LakeUri};
use reports::{Member, Standing};
use types::analysis::{Analysis, MachineRole, Note};
use types::time_parsing::parse_span;
use types::{ClusterId, Hour, Window};

use crate::analysis_inputs::{InputArgs, Inputs};
use crate::exit_codes::Failure;
use crate::output::print;
use crate::progress::Progress;
use crate::report_formats::FormatArgs;
use crate::time_range::SETTLE;
use crate::{analyze, invoice, report, report_store};
use deliver::{DeliverArgs, Delivery};

/// Compact, analyze and report the clusters of a lake, for schedulers
///
/// For each cluster, compacts days that are over, analyzes the window that ends with the newest closed hour, and writes
/// the report into a new folder below `reports/cluster=ID/date=YYYY-MM-DD/` beside the data.
/// `reports/cluster=ID/latest/` then holds a copy, and a report.json that points to the folder. The page shows the
/// trend over the last twelve reports. When the lake has several clusters and none is named, reports/fleet.html ranks
/// them. Nothing is written to the local disk. When a cluster fails, the others still get their reports, and the exit
/// code is 1.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
    lake: LakeUri,

    /// Cluster ids, separated by commas [default: every cluster of the lake]
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID", value_delimiter = ',')]
    cluster_id: Vec<ClusterId>,

    /// Length of the window, such as 4w, or `all`. Whole weeks weigh every hour of the week equally; from 8w on the
    /// saving has a confidence interval. Hours before the first hour in the lake are left out
    #[arg(long, value_name = "SPAN", default_value = "4w")]
    window: Reach,

    #[command(flatten)]
    inputs: InputArgs,

    #[command(flatten)]
    formats: FormatArgs,

    /// Exit with an error, after the report is written, when more than this share of the node-hours has no price
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    max_unpriced: Option<u8>,

    /// Location for reports: a directory, or s3://bucket/prefix [default: the lake]
    #[arg(long, value_name = "LOCATION")]
    reports: Option<LakeUri>,

    #[command(flatten)]
    deliver: DeliverArgs,
}

/// Results of the clusters done so far.
#[derive(Debug)]
struct Done {
    reported: BTreeMap<ClusterId, Member>,
    delivery: Delivery,
}

/// Length of the window of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// From the first hour in the lake.
    All,
    /// A span before its end.
    Span(TimeDelta),
}

impl FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let span = parse_span(text).filter(|span| *span >= TimeDelta::hours(1));
        span.map(Self::Span).ok_or_else(|| {
            "not a span of an hour or more; write it as a number and h, d or w, such as 4w, or `all`".to_owned()
        })
    }
}

pub(crate) async fn run(args: RunArgs, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    // A bad file must fail once, not for every cluster.
    let inputs = args.inputs.read()?;
    args.formats.money("USD")?;
    let mut done = Done { reported: BTreeMap::new(), delivery: args.deliver.read(now)? };
    let store = args.lake.open().await;
    let shelf = match &args.reports {
        Some(place) => place.open().await,
        None => store.clone(),
    };
    let lake = Lake::new(store);
    let there = lake.clusters().await?;
    let clusters = if args.cluster_id.is_empty() { there.clone() } else { args.cluster_id.clone() };
    if clusters.is_empty() {
        return Err(
            anyhow!("no cluster is in `{}` yet; a collector writes its first hour there", lake.location()).into()
        );
    }
    let mut failed = 0;
    for cluster in &clusters {
        let outcome = match there.contains(cluster) {
            true => one((&args, &inputs), &lake, shelf.as_ref(), cluster, now, progress, &mut done).await,
            false => Err(anyhow!("it has no hour in `{}` yet; see the log of its collector", lake.location()).into()),
        };
        if let Err(failure) = outcome {
            progress.clear();
            tracing::error!("cluster `{cluster}`: {failure}");
            failed += 1;
        }
    }
    if args.cluster_id.is_empty() && clusters.len() > 1 {
        let step = progress.step("fleet");
        let members = members(shelf.as_ref(), &clusters, done.reported).await?;
        let files = report::fleet(&members, &args.formats, Some(now.date_naive()))?;
        report_store::put_fleet(shelf.as_ref(), &files).await?;
        step.finish(&format!("{} of {} clusters", members.len(), clusters.len()));
        print(&format!("{}/reports/fleet.html\n", shelf.location()))?;
    }
    done.delivery.finish(now).await?;
    match failed {
        0 => Ok(()),
        _ => Err(anyhow!("{failed} of {} clusters failed; the lines above say why", clusters.len()).into()),
    }
}

/// Collects the members of the fleet's page: as reported just now, or for a cluster that failed, as of its latest
/// report.
async fn members(
    shelf: &dyn lake::Store,
    clusters: &[ClusterId],
    mut reported: BTreeMap<ClusterId, Member>,
) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::new();
    for cluster in clusters {
        if let Some(member) = reported.remove(cluster) {
            members.push(member);
            continue;
        }
        let Some(now) = report_store::latest(shelf, cluster).await? else { continue };
        let date = Hour::containing(now.end() - TimeDelta::seconds(1)).date();
        let earlier = report_store::earlier(shelf, cluster, &date).await?;
        members.push(Member { now, earlier, link: Some(report_store::link(cluster)) });
    }
    Ok(members)
}

async fn one(
    (args, inputs): (&RunArgs, &Inputs),
    lake: &Lake,
    shelf: &dyn lake::Store,
    cluster: &ClusterId,
    now: DateTime<Utc>,
    progress: &Progress,
    done: &mut Done,
) -> Result<(), Failure> {
    // A day that cannot be compacted can often be read all the same; it still fails the run, once there is a report.
    let compacted = compact(lake, cluster, now, progress).await;
    if let Err(failure) = &compacted {
        progress.clear();
        tracing::warn!("cluster `{cluster}`: could not compact, analyzing hours as they are: {failure}");
    }
    let window = window(args.window, lake, cluster, now).await?;
    let request = inputs.request(cluster.clone(), Some(window));
    let step = progress.step("analyze");
    let (mut analysis, days) =
        analyzer::analyze_with_days(lake, request.clone(), |done, all| step.set(done, all)).await?;
    step.finish(&format!("{} of {} hours", analysis.window.hours_present, analysis.window.hours_expected));
    let billed = held(&mut analysis, inputs, lake, &request, progress).await;
    let earlier = report_store::earlier(shelf, cluster, &report_store::date(&analysis)).await?;
    let so_far = done.delivery.so_far(&analysis, &days);
    let mut files = vec![report_store::workload_days(days)?];
    let made_on = Some(now.date_naive());
    files.extend(args.formats.files(&analysis, &analyze::json(&analysis)?, earlier.clone(), made_on)?);
    let page = report_store::put(shelf, cluster, &analysis, &files).await?;
    let before = earlier.iter().max_by_key(|standing| standing.end()).and_then(Standing::today_monthly);
    let member = Member { now: Standing::of(&analysis), earlier, link: Some(report_store::link(cluster)) };
    done.reported.insert(cluster.clone(), member);
    print(&format!("{}{page}\n", reports::summary(&analysis)))?;
    let delivered = done.delivery.report(&analysis, (&page, &files), before, so_far.as_ref()).await;
    let unpriced = unpriced_percent(&analysis);
    if let (Some(most), Some(share)) = (args.max_unpriced, unpriced)
        && share > f64::from(most)
    {
        return Err(anyhow!(
            "the report is written, but {share:.1} % of the node-hours have no price, more than {most} %; the report lists them, and a prices file gives them one"
        )
        .into());
    }
    delivered?;
    billed?;
    compacted
}

/// Compares the bill with the analysis, where one is given. A report without it is worth having all the same; what is wrong
/// with the bill fails the run in the end.
async fn held(
    analysis: &mut Analysis,
    inputs: &Inputs,
    lake: &Lake,
    request: &analyzer::Request,
    progress: &Progress,
) -> Result<(), Failure> {
    let Some(bill) = &inputs.bill else { return Ok(()) };
    let step = progress.step("invoice");
    let held = invoice::beside(analysis, lake, request, bill, &step).await;
    match &held {
        Ok(()) => step.finish("compared"),
        Err(failure) => {
            progress.clear();
            tracing::warn!("cluster `{}`: reported without the invoice: {failure}", analysis.cluster_id);
            analysis.notes.insert(0, Note::warning(format!("The invoice could not be compared: {failure}.")));
        }
    }
    held
}

async fn compact(lake: &Lake, cluster: &ClusterId, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let (mut compacted, mut done) = (0, 0);
    let days = lake.days(cluster).await?.len();
    let step = progress.step("compact");
    let mut each = |_: Day, outcome: CompactOutcome, _: &[String]| {
        done += 1;
        step.set(done, days);
        compacted += usize::from(matches!(outcome, CompactOutcome::Compacted { .. }));
    };
    lake.compact(cluster, Compaction::default(), now, &mut each).await?;
    step.finish(&format!("{compacted} of {days} days"));
    Ok(())
}

/// The window that ends with the newest hour a collector may have written, and begins with the first hour there is in
/// the reach: a cluster that has been collected for three days is not short of the other twenty-seven.
async fn window(reach: Reach, lake: &Lake, cluster: &ClusterId, now: DateTime<Utc>) -> Result<Window, Failure> {
    let end = Hour::containing(now - SETTLE).start();
    // Before its first day a lake has nothing, however far back one looks, be it before the calendar begins.
    let first = lake.days(cluster).await?.first().map_or(end, |day| day.first_hour().start());
    let from = match reach {
        Reach::Span(span) => {
            end.checked_sub_signed(span).map_or(first, |from| Hour::containing(from).start().max(first))
        }
        Reach::All => first,
    };
    let hours = match Window::try_new(from, end) {
        Ok(window) => lake.hours(cluster, window).await?,
        Err(_empty) => Vec::new(),
    };
    let none = || format!("find an hour from {from} to {end}; collect, or look further back with --window");
    let first = hours.first().with_context(none)?;
    Ok(Window::try_new(first.start(), end)?)
}

/// Returns the share of today's node-hours without a price, in percent; `None` without node-hours.
fn unpriced_percent(analysis: &Analysis) -> Option<f64> {
    let today = analysis.scenarios.iter().find(|scenario| scenario.id == "ec2-today")?;
    let nodes = today.machine_hours.iter().filter(|row| row.kind == MachineRole::Node);
    let (all, without) = nodes.fold((0.0, 0.0), |(all, without), row| {
        (all + row.hours, if row.usd_per_hour.is_none() { without + row.hours } else { without })
    });
    (all > 0.0).then(|| 100.0 * without / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_span_of_an_hour_or_more_or_everything() {
        for (text, expect) in [
            ("all", Some(Reach::All)),
            ("30d", Some(Reach::Span(TimeDelta::days(30)))),
            ("1h", Some(Reach::Span(TimeDelta::hours(1)))),
            ("59m", None),
            ("0d", None),
            ("a month", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Reach>().ok(), expect, "{text:?}");
        }
    }
}
