//! `emp-cost doctor`: checks that a Prometheus has what a report needs, and says how to fix what it lacks.

use chrono::{DateTime, Utc};
use collector::args::SourceArgs;
use collector::doctor::{Diagnosis, Finding, LabelReport, MetricReport, Need, Severity, examine, helm_values};
use collector::server::Server;
use lake::LakeUri;
use types::time_parsing::parse_moment;
use types::wording::{UNKNOWN, counted, grouped};

use crate::exit_codes::Failure;
use crate::output;

/// Check whether a Prometheus has what a report needs, and how to fix what is missing
///
/// Runs a few dozen cheap queries, and collects the newest closed hour without keeping it. Writes nothing, except with
/// --lake: a small object that tests conditional writes. The last line is the verdict; the exit code is 1 when no report
/// could be made.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Check the server as of this time: RFC 3339, a date, or a span before now such as 36h
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// Also check that this lake can be written to, and that its server refuses to overwrite objects: a directory, or
    /// s3://bucket/prefix
    #[arg(long, value_name = "LAKE")]
    lake: Option<LakeUri>,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(crate) async fn run(args: DoctorArgs, now: DateTime<Utc>) -> Result<(), Failure> {
    let at = args.at.as_deref().map(|text| parse_moment(text, now)).transpose().map_err(Failure::usage)?;
    let source = args.source.resolve().map_err(Failure::usage)?;
    let server = Server::connect(&source.server, None).await?;
    let settings = source.settings_of_now().await?;
    let mut diagnosis = examine(&server, &settings, now, at.unwrap_or(now)).await?;
    if let Some(lake) = &args.lake {
        try_lake(lake, &mut diagnosis).await;
    }
    match args.format {
        Format::Text => output::print(&text(&diagnosis))?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&diagnosis).map_err(anyhow::Error::from)?;
            output::print(&format!("{json}\n"))?;
        }
    }
    if diagnosis.ready { Ok(()) } else { Err(Failure::Told) }
}

/// Checks that a lake can be written to, and adds a finding when it cannot.
async fn try_lake(lake: &LakeUri, diagnosis: &mut Diagnosis) {
    let store = lake.open().await;
    let place = store.location();
    let finding = match store.keeps_what_is_there().await {
        Ok(true) => return,
        Ok(false) => Finding {
            severity: Severity::Weakens,
            what: format!("the server of `{place}` ignores `If-None-Match`, so two writers at the same moment may replace what the other wrote"),
            next: "run one collector and one analysis at a time, or keep the lake on a server that honours conditional writes, as AWS and MinIO do".to_owned(),
        },
        Err(error) => {
            diagnosis.ready = false;
            diagnosis.verdict = format!("not ready: the lake `{place}` cannot be written");
            Finding {
                severity: Severity::Blocks,
                what: collector::logging::chain(&error),
                next: "fix the error above; docs/iam.md has the policies".to_owned(),
            }
        }
    };
    diagnosis.findings.push(finding);
    diagnosis.findings.sort_by_key(|finding| finding.severity);
}

/// Formats the diagnosis for people: what was found, what is wrong, how to fix it, and the verdict last.
fn text(diagnosis: &Diagnosis) -> String {
    let mut sections = vec![server(diagnosis), metrics(&diagnosis.metrics)];
    if !diagnosis.jobs.is_empty() {
        sections.push(jobs(diagnosis));
    }
    sections.push(labels(diagnosis.nodes, &diagnosis.node_labels));
    sections.extend(sample(diagnosis));
    if !diagnosis.findings.is_empty() {
        sections.push(findings(&diagnosis.findings));
    }
    if diagnosis.findings.iter().any(|finding| finding.next.contains("Helm values below")) {
        sections.push(helm_values());
    }
    sections.push(format!("{}\n", diagnosis.verdict));
    sections.join("\n")
}

fn server(diagnosis: &Diagnosis) -> String {
    let clock = diagnosis.clock_ahead_seconds.map_or("clock not known".to_owned(), |s| format!("clock {s:+} s"));
    format!("{} at {}, {clock}\n", diagnosis.server_version, diagnosis.server)
}

fn metrics(reports: &[MetricReport]) -> String {
    let mut rows = vec![row(["metric", "from", "needed", "series", "days back"])];
    for report in reports {
        let need = match report.need {
            Need::Required => "yes",
            Need::Recommended => "advised",
            Need::Optional => "optional",
        };
        let back = report.days_back.map_or(UNKNOWN.to_owned(), |days| days.to_string());
        rows.push(row([report.metric, report.exporter, need, &count(report.series), &back]));
    }
    table(&rows)
}

fn jobs(diagnosis: &Diagnosis) -> String {
    let mut rows = vec![row(["scrape job", "brings", "targets", "every", "scrapes that succeeded"])];
    for job in &diagnosis.jobs {
        let every = job.interval_seconds.map_or(UNKNOWN.to_owned(), |seconds| format!("{seconds} s"));
        let share = job.succeeded_per_thousand;
        let share = share.map_or(UNKNOWN.to_owned(), |share| format!("{}.{} %", share / 10, share % 10));
        rows.push(row([&job.job, job.metric, &count(job.targets), &every, &share]));
    }
    table(&rows)
}

fn labels(nodes: i64, reports: &[LabelReport]) -> String {
    let mut rows = vec![row(["node label for", "nodes", "", "", "where it is missing"])];
    for report in reports {
        let of = format!("{} of {}", report.nodes, nodes);
        let otherwise = if report.nodes < nodes { report.otherwise } else { "" };
        rows.push(row([report.fact, &of, "", "", otherwise]));
    }
    table(&rows)
}

fn sample(diagnosis: &Diagnosis) -> Option<String> {
    let hour = diagnosis.sample.as_ref()?;
    let [containers, pods, nodes, volumes] = hour.rows;
    let mut text = format!(
        "hour {}: {}, {}, {}, {} in {} queries and {} samples\n",
        hour.hour,
        counted(containers, "container"),
        counted(pods, "pod"),
        counted(nodes, "node"),
        counted(volumes, "volume"),
        hour.queries,
        count(hour.samples)
    );
    for fault in &hour.faults {
        text.push_str(&format!("  incomplete: {fault}\n"));
    }
    text.push_str(&format!(
        "a backfill of the {} that the server has takes about {} queries and {} samples\n",
        counted(diagnosis.hours_available, "hour"),
        count(i64::try_from(hour.backfill_queries).unwrap_or(i64::MAX)),
        count(hour.backfill_samples)
    ));
    Some(text)
}

fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Blocks => "blocks ",
            Severity::Weakens => "weakens",
            Severity::Note => "note   ",
        };
        text.push_str(&format!("{severity}  {}\n         {}\n", finding.what, finding.next));
    }
    text
}

#[expect(clippy::as_conversions, reason = "counts lie far below two to the fifty-third")]
fn count(count: i64) -> String {
    grouped(count as f64, 0)
}

fn row<const N: usize>(cells: [&str; N]) -> [String; N] {
    cells.map(ToOwned::to_owned)
}

/// Aligns cells in columns, two spaces apart.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let line: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}
