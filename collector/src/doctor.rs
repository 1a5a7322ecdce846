//! Looks at a server before anyone waits for a report: is all there that a report needs, and what would mend what is not.
//!
//! It asks a few dozen cheap questions, and collects the newest closed hour without keeping it: what that took is the
//! only estimate of a backfill worth giving.

mod finding;
mod metric_presence;
mod node_labels;
mod series_by_label;

use chrono::{DateTime, Utc};
use lake::Table as _;
use lake::tables::{ContainerHour, NodeHour, PodHour, VolumeHour};
use serde::Serialize;
use types::window::HOUR_SECONDS;
use types::wording::counted;
use types::{Hour, Window};

use crate::collection_results::{Collected, HourResult};
use crate::dialect::Dialect;
use crate::hour_fetch::fetch;
use crate::queries;
use crate::server::{QueryError, Server};
use crate::settings::Settings;

pub use crate::metric_catalogue::Need;
pub use finding::{Finding, Severity};
pub use metric_presence::MetricReport;
pub use node_labels::{ALLOW, LabelReport, helm_values, opt_in_flags};
use series_by_label::{DAY_SECONDS, DAYS, history, instant, last, narrowed, number, whole};

/// Scrapes in a thousand that may be missing before it is worth a word.
const COVERAGE_PER_THOUSAND: i64 = 990;

/// Result of an examination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The server, without credentials.
    pub server: String,
    /// Name and version of the server, such as `prometheus 2.42.0`.
    pub server_version: String,
    /// Seconds its clock is ahead of ours; negative when behind.
    pub clock_ahead_seconds: Option<i64>,
    /// Each metric that is asked for.
    pub metrics: Vec<MetricReport>,
    /// Objects that more than one series describes.
    pub duplicates: Vec<DuplicateReport>,
    /// The jobs that scrape the exporters.
    pub jobs: Vec<JobReport>,
    /// Nodes that exist, without those of Fargate.
    pub nodes: i64,
    /// The node labels that say what a node is.
    pub node_labels: Vec<LabelReport>,
    /// Hours of the last thirty days that the server has samples of.
    pub hours_available: i64,
    /// The newest closed hour, collected and thrown away; `None` where that failed.
    pub sample: Option<SampleHour>,
    /// Findings, the worst first.
    pub findings: Vec<Finding>,
    /// Tells whether a report can be made.
    pub ready: bool,
    /// The verdict, in one line.
    pub verdict: String,
}

/// A metric of which one object has several series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuplicateReport {
    /// The metric.
    pub metric: &'static str,
    /// Its series.
    pub series: i64,
    /// The objects they describe.
    pub objects: i64,
}

/// A scrape job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobReport {
    /// The metric it brings.
    pub metric: &'static str,
    /// Its name.
    pub job: String,
    /// Its targets now.
    pub targets: i64,
    /// Scrapes of the last day that succeeded, in a thousand; `None` where the server has no `up` for it.
    pub succeeded_per_thousand: Option<i64>,
    /// Seconds between scrapes.
    pub interval_seconds: Option<i64>,
}

/// One hour, as it was collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SampleHour {
    /// Its start.
    pub hour: String,
    /// Queries it took.
    pub queries: u64,
    /// Samples the server sent.
    pub samples: i64,
    /// Containers, pods, nodes and volumes found.
    pub rows: [usize; 4],
    /// Its faults.
    pub faults: Vec<String>,
    /// Queries for every available hour of thirty days.
    pub backfill_queries: u64,
    /// Samples for every available hour of thirty days.
    pub backfill_samples: i64,
}

/// Asks everything there is to ask of a server as it was `at` a time; `now` is only compared with its clock.
///
/// # Errors
/// [`QueryError`] when the server does not answer; what it answers badly is a finding.
pub async fn examine(
    server: &Server,
    settings: &Settings,
    now: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<Diagnosis, QueryError> {
    let own = queries::matchers(settings, &Dialect::default());
    let mut findings = Vec::new();
    let clock_ahead_seconds = clock(server, now, &mut findings).await?;
    let metrics = metric_presence::examine(server, &own, at, &mut findings).await?;
    let duplicates = duplicates(server, &own, at, &mut findings).await?;
    let jobs = jobs(server, &own, at, &mut findings).await?;
    let (nodes, node_labels) = node_labels::examine(server, &own, at, &mut findings).await?;
    let hours_available = hours_available(server, settings, at, &mut findings).await?;
    let sample = sample(server, settings, at, hours_available, &mut findings).await;
    findings.sort_by_key(|finding| finding.severity);
    let ready = !findings.iter().any(|finding| finding.severity == Severity::Blocks);
    Ok(Diagnosis {
        server: server.url().to_owned(),
        server_version: server.describe(),
        clock_ahead_seconds,
        metrics,
        duplicates,
        jobs,
        nodes,
        node_labels,
        hours_available,
        sample,
        verdict: verdict(&findings, hours_available),
        ready,
        findings,
    })
}

async fn clock(server: &Server, now: DateTime<Utc>, findings: &mut Vec<Finding>) -> Result<Option<i64>, QueryError> {
    let ahead = server.now().await?.map(|there| there.signed_duration_since(now).num_seconds());
    if let Some(seconds) = ahead.filter(|seconds| seconds.abs() > crate::hours_to_collect::SKEW.num_seconds()) {
        findings.push(Finding {
            severity: Severity::Note,
            what: format!("the clock of the server differs from this machine's by {seconds} s"),
            next: "set both by NTP; hours are closed by the earlier of the two".to_owned(),
        });
    }
    Ok(ahead)
}

/// Metrics with what identifies an object of theirs.
const IDENTITIES: [(&str, &str, &str); 3] = [
    ("kube_pod_info", "", "uid"),
    ("kube_node_info", "", "node,provider_id"),
    (
        "container_cpu_usage_seconds_total",
        "{container!=\"\",container!=\"POD\",image!=\"\"}",
        // A series for each processor is a part and no duplicate.
        "namespace,pod,container,id,cpu",
    ),
];

async fn duplicates(
    server: &Server,
    own: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<DuplicateReport>, QueryError> {
    let mut reports = Vec::new();
    for (metric, selector, identity) in IDENTITIES {
        let selector = narrowed(own, selector);
        let all = number(server, &format!("count({metric}{selector})"), now).await?.map_or(0, whole);
        let distinct = format!("count(count by ({identity}) ({metric}{selector}))");
        let objects = number(server, &distinct, now).await?.map_or(0, whole);
        if all > objects {
            findings.push(Finding {
                severity: Severity::Note,
                what: format!("`{metric}` has {all} series for {objects} objects: it is scraped more than once"),
                next: "nothing has to be done, each object counts once; one scrape job less would spare the server"
                    .to_owned(),
            });
        }
        reports.push(DuplicateReport { metric, series: all, objects });
    }
    Ok(reports)
}

/// The metrics by which the jobs of the three exporters are found, and what restricts them.
const EXPORTERS: [(&str, &str); 3] = [
    ("kube_node_info", ""),
    ("container_cpu_usage_seconds_total", "{container!=\"\",image!=\"\"}"),
    ("node_memory_MemTotal_bytes", ""),
];

async fn jobs(
    server: &Server,
    own: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<JobReport>, QueryError> {
    let mut reports: Vec<JobReport> = Vec::new();
    for (metric, selector) in EXPORTERS {
        let expression = format!("{metric}{}", narrowed(own, selector));
        let found =
            instant(server, &format!("count by (job) (count by (job,instance) ({expression}))"), &["job"], now).await?;
        for (labels, points) in found {
            let job = labels.into_iter().next().unwrap_or_default();
            let up = format!("up{{{own}job={}}}", crate::promql_quoting::quoted(&job));
            let share = number(server, &format!("avg(avg_over_time({up}[1d]))"), now).await?;
            let scrapes = |span: &'static str| format!("max(count_over_time({up}[{span}]))");
            let minutes = number(server, &scrapes("10m"), now).await?.map(whole);
            let scrapes = number(server, &scrapes("1h"), now).await?.map(whole);
            let succeeded_per_thousand = share.map(|share| whole((share * 1000.0).floor()));
            // A share that is none, of a server that calls something else `up`, says nothing.
            let failed_per_thousand = succeeded_per_thousand.and_then(|share| 1000_i64.checked_sub(share));
            let failed_per_thousand = failed_per_thousand.filter(|failed| (0..=1000).contains(failed));
            if let Some(failed) = failed_per_thousand.filter(|failed| *failed > 1000 - COVERAGE_PER_THOUSAND) {
                findings.push(Finding {
                    severity: Severity::Weakens,
                    what: format!(
                        "{}.{} % of the scrapes of job `{job}` failed within a day",
                        failed / 10,
                        failed % 10
                    ),
                    next: "look at the targets page of the server for the reason".to_owned(),
                });
            }
            let interval_seconds = scrapes.and_then(|scrapes| interval_of(scrapes, minutes?));
            reports.push(JobReport { metric, job, targets: last(&points), succeeded_per_thousand, interval_seconds });
        }
    }
    Ok(reports)
}

/// The scrape interval of a target that was scraped so often in an hour, and so often in its last ten minutes. `None` where
/// these do not go together: the server has not scraped it for an hour yet, or not all of the time.
fn interval_of(scrapes: i64, in_ten_minutes: i64) -> Option<i64> {
    // More than one a second is no count of scrapes.
    let scrapes = Some(scrapes).filter(|scrapes| (1..=HOUR_SECONDS).contains(scrapes))?;
    let apart = scrapes.saturating_sub(in_ten_minutes.saturating_mul(6)).saturating_abs();
    (apart <= (scrapes / 20).saturating_add(6)).then(|| interval(scrapes))
}

/// The scrape interval of a target that was scraped so often in an hour, in seconds: one of the usual ones where it is
/// near, since an hour may hold a scrape more or less.
fn interval(scrapes: i64) -> i64 {
    let exact = HOUR_SECONDS.checked_div(scrapes).unwrap_or(HOUR_SECONDS);
    let usual = [5, 10, 15, 20, 30, 60, 120, 300];
    let is_near =
        |usual: &i64| HOUR_SECONDS.checked_div(*usual).unwrap_or(0).saturating_sub(scrapes).saturating_abs() <= 1;
    usual.into_iter().find(is_near).unwrap_or(exact)
}

/// Hours of the last thirty days in which kube-state-metrics was scraped.
async fn hours_available(
    server: &Server,
    settings: &Settings,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<i64, QueryError> {
    let span = DAYS * DAY_SECONDS - HOUR_SECONDS;
    let end = now.timestamp().div_euclid(HOUR_SECONDS).saturating_mul(HOUR_SECONDS);
    let points = history(server, &queries::hours_known(settings), end, span, HOUR_SECONDS).await?;
    let hours = i64::try_from(points.len()).unwrap_or_default();
    if (1..DAYS * 24).contains(&hours) {
        findings.push(Finding {
            severity: if hours < 7 * 24 { Severity::Weakens } else { Severity::Note },
            what: format!("the server has {hours} of the {} hours of the last {DAYS} days", DAYS * 24),
            next: "a report can start from these; run the collector from now on, and the lake grows to what the server forgets"
                .to_owned(),
        });
    }
    Ok(hours)
}

/// Collects the newest closed hour and throws it away.
async fn sample(
    server: &Server,
    settings: &Settings,
    now: DateTime<Utc>,
    hours: i64,
    findings: &mut Vec<Finding>,
) -> Option<SampleHour> {
    let blocked = |what: String, next: &str| Finding { severity: Severity::Blocks, what, next: next.to_owned() };
    let settle = chrono::TimeDelta::minutes(crate::args::SETTLE_MINUTES);
    let closed = Window::try_new(now.checked_sub_days(chrono::Days::new(1))?, now).ok()?.closed_at(now, settle)?;
    let hour: Hour = closed.hours().next_back()?;
    let mut collected = Collected::default();
    // Nothing is written, so any name will do.
    let cluster = "doctor".parse().ok()?;
    let asked = match fetch(server, &cluster, hour, settings, &mut collected).await {
        Ok(asked) => asked,
        Err(HourResult::Failed(error)) => {
            findings.push(blocked(
                format!("hour {hour} could not be collected: {}", crate::logging::chain(&error)),
                "see above",
            ));
            return None;
        }
        Err(_) => {
            findings.push(blocked(
                format!("hour {hour} has too few samples to be collected"),
                "wait until the server has scraped for an hour, or check that it still does",
            ));
            return None;
        }
    };
    let manifest = asked.manifest();
    let rows = |table| manifest.object(table).and_then(|object| usize::try_from(object.rows).ok()).unwrap_or_default();
    let count = |per_hour: u64| per_hour.saturating_mul(u64::try_from(hours).unwrap_or_default());
    Some(SampleHour {
        hour: hour.to_string(),
        queries: collected.queries,
        samples: collected.samples,
        rows: [ContainerHour::NAME, PodHour::NAME, NodeHour::NAME, VolumeHour::NAME].map(rows),
        faults: manifest.faults.clone(),
        backfill_queries: count(collected.queries),
        backfill_samples: collected.samples.saturating_mul(hours),
    })
}

fn verdict(findings: &[Finding], hours: i64) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let things = |n: usize| counted(n, "thing");
    let hours = counted(hours, "hour");
    match (count(Severity::Blocks), count(Severity::Weakens)) {
        (0, 0) => format!("ready: a report can be made from {hours} of data"),
        (0, weak) => {
            format!("ready: a report can be made from {hours} of data; {} would make it better", things(weak))
        }
        (blocks, _) => format!("not ready: {} must be mended first", things(blocks)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_usual_one_where_an_hour_holds_a_scrape_more_or_less() {
        assert_eq!([59, 60, 61, 120, 119, 240, 90].map(interval), [60, 60, 60, 30, 30, 15, 40]);
    }

    #[test]
    fn a_server_that_began_a_moment_ago_tells_no_interval() {
        // Two scrapes in the hour, both in its last ten minutes: that is no half an hour between them.
        assert_eq!([interval_of(2, 2), interval_of(9, 9), interval_of(0, 0)], [None; 3]);
        assert_eq!([interval_of(60, 10), interval_of(120, 20), interval_of(6, 1)], [Some(60), Some(30), Some(600)]);
        // It stopped being scraped.
        assert_eq!(interval_of(60, 0), None);
    }

    #[test]
    fn the_verdict_counts_what_is_wrong() {
        let finding = |severity| Finding { severity, what: String::new(), next: String::new() };
        assert_eq!(verdict(&[], 720), "ready: a report can be made from 720 hours of data");
        let weak = [finding(Severity::Weakens), finding(Severity::Note)];
        assert_eq!(
            verdict(&weak, 20),
            "ready: a report can be made from 20 hours of data; 1 thing would make it better"
        );
        let blocked = [finding(Severity::Blocks), finding(Severity::Blocks), finding(Severity::Weakens)];
        assert_eq!(verdict(&blocked, 20), "not ready: 2 things must be mended first");
    }
}
