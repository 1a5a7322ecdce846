//! `emp-cost report`: renders analyses as pages and files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, NaiveDate, Utc};
use lake::LakeUri;
use reports::export::File;
use reports::{Member, Standing};
use types::ClusterId;
use types::analysis::Analysis;

use crate::analysis_file::parse;
use crate::exit_codes::Failure;
use crate::output::{print, read_file, write_file};
use crate::report_formats::FormatArgs;
use crate::report_store;

/// Render an analysis as a page, and as files for other tools
///
/// The report of one cluster is written into the directory itself. With several clusters, each gets a subdirectory with
/// its name, and fleet.html and fleet.csv rank them. In a bucket, the layout is that of `emp-cost run`: a folder below
/// `reports/cluster=ID/date=YYYY-MM-DD/`, to which `latest/report.json` points. docs/exports.md describes every file.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// analysis.json, as written by `emp-cost analyze`; repeatable, for several clusters
    #[arg(long, value_name = "FILE", required = true)]
    analysis: Vec<PathBuf>,

    /// analysis.json of an earlier window of one of these clusters, for the trend; repeatable
    #[arg(long, value_name = "FILE")]
    earlier: Vec<PathBuf>,

    /// Output location: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LOCATION")]
    out: LakeUri,

    #[command(flatten)]
    formats: FormatArgs,
}

/// An analysis with the bytes it was parsed from.
pub(crate) struct Given {
    pub(crate) analysis: Analysis,
    pub(crate) json: Vec<u8>,
}

pub(crate) async fn run(args: ReportArgs, now: DateTime<Utc>) -> Result<(), Failure> {
    let given = args.analysis.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeMap::new();
    for (path, given) in args.analysis.iter().zip(&given) {
        if let Some(other) = seen.insert(given.analysis.cluster_id.clone(), path) {
            return Err(Failure::usage(anyhow!(
                "`{}` and `{}` are both of cluster `{}`; give the earlier one with --earlier",
                other.display(),
                path.display(),
                given.analysis.cluster_id
            )));
        }
    }
    let earlier = earlier(&args.earlier, &given)?;
    let mut written = Vec::new();
    let place = match &args.out {
        LakeUri::Dir(folder) => Place::Folder { folder: folder.clone(), several: given.len() > 1 },
        bucket @ LakeUri::S3 { .. } => Place::Shelf(bucket.open().await),
        LakeUri::Https { url, .. } => {
            return Err(Failure::usage(anyhow!(
                "`{url}` is a reporting service, which takes hours and no reports; give the bucket behind it"
            )));
        }
    };
    // A name that cannot be a folder's is told of before the first report is written.
    if given.len() > 1 || matches!(place, Place::Shelf(_)) {
        given.iter().try_for_each(|given| id(&given.analysis).map(|_| ())).map_err(Failure::usage)?;
    }
    let mut members = Vec::new();
    for Given { analysis, json } in &given {
        let mine = earlier.iter().filter(|standing| standing.cluster_id() == analysis.cluster_id).cloned();
        let earlier = place.earlier(analysis, mine.collect()).await?;
        let files = args.formats.files(analysis, json, earlier.clone(), Some(now.date_naive()))?;
        written.push(place.put(analysis, &files).await?);
        members.push(Member { now: Standing::of(analysis), earlier, link: place.link(analysis) });
    }
    if members.len() > 1 {
        written.push(place.put_fleet(&fleet(&members, &args.formats, Some(now.date_naive()))?).await?);
    }
    print(&format!("{}\n", written.join("\n")))?;
    Ok(())
}

/// Renders the files of a fleet, the page last, which says on which day it was made where one is given. Clusters in
/// different currencies cannot be ranked or added up.
pub(crate) fn fleet(
    members: &[Member],
    formats: &FormatArgs,
    made_on: Option<NaiveDate>,
) -> Result<Vec<File>, Failure> {
    let currency = members.first().map_or("USD", |member| member.now.currency());
    if let Some(other) = members.iter().find(|member| member.now.currency() != currency) {
        return Err(anyhow!(
            "cluster `{}` is in {} and others are in {currency}, which one page cannot add up; report on them apart",
            other.now.cluster_id(),
            other.now.currency()
        )
        .into());
    }
    let money = formats.money(currency)?;
    let table = File::new("fleet.csv", reports::fleet_csv(members).context("write the fleet's table")?);
    let page = File::new("fleet.html", reports::fleet(members, &money, made_on).context("render the fleet's page")?);
    Ok(vec![table, page])
}

/// The analyses of earlier windows. One of a cluster that is not reported on, or of a window that is not earlier, is a
/// mistake worth telling of.
fn earlier(paths: &[PathBuf], given: &[Given]) -> Result<Vec<Standing>, Failure> {
    let mut standings = Vec::new();
    for path in paths {
        let analysis = read(path)?.analysis;
        let Some(now) = given.iter().find(|given| given.analysis.cluster_id == analysis.cluster_id) else {
            return Err(Failure::usage(anyhow!(
                "`{}` is of cluster `{}`, of which no analysis is given",
                path.display(),
                analysis.cluster_id
            )));
        };
        let (ends, now) = (analysis.window.end, now.analysis.window.end);
        if ends >= now {
            return Err(Failure::usage(anyhow!(
                "`{}` ends at {}, which is not earlier than the analysis it is given with, which ends at {}; leave it out, \
                 or swap the two",
                path.display(),
                ends.to_rfc3339(),
                now.to_rfc3339()
            )));
        }
        standings.push(Standing::of(&analysis));
    }
    Ok(standings)
}

/// Output location of reports.
enum Place {
    /// A directory: one report as it is, several in a subdirectory for each cluster.
    Folder { folder: PathBuf, several: bool },
    /// A store, with the layout of `emp-cost run`.
    Shelf(std::sync::Arc<dyn lake::Store>),
}

impl Place {
    /// Collects earlier windows: those given, and those already at the location.
    async fn earlier(&self, analysis: &Analysis, mut given: Vec<Standing>) -> anyhow::Result<Vec<Standing>> {
        if let Self::Shelf(store) = self {
            given.extend(report_store::earlier(store.as_ref(), &id(analysis)?, &report_store::date(analysis)).await?);
        }
        Ok(given)
    }

    async fn put(&self, analysis: &Analysis, files: &[File]) -> anyhow::Result<String> {
        match self {
            Self::Folder { folder, several } => {
                let folder = if *several { folder.join(id(analysis)?.as_str()) } else { folder.clone() };
                write(&folder, files)
            }
            Self::Shelf(store) => report_store::put(store.as_ref(), &id(analysis)?, analysis, files).await,
        }
    }

    async fn put_fleet(&self, files: &[File]) -> anyhow::Result<String> {
        match self {
            Self::Folder { folder, .. } => write(folder, files),
            Self::Shelf(store) => {
                report_store::put_fleet(store.as_ref(), files).await?;
                Ok(format!("{}/reports/fleet.html", store.location()))
            }
        }
    }

    /// Link from the fleet's page to a cluster's page.
    fn link(&self, analysis: &Analysis) -> Option<String> {
        let cluster = id(analysis).ok()?;
        Some(match self {
            Self::Folder { .. } => format!("{cluster}/index.html"),
            Self::Shelf(_) => report_store::link(&cluster),
        })
    }
}

/// Checks a cluster's name that becomes part of a path.
fn id(analysis: &Analysis) -> anyhow::Result<ClusterId> {
    analysis.cluster_id.parse().context("name a folder after the cluster")
}

/// Writes files into a folder; returns what there is now, a line for each file or folder of files, the page last.
pub(crate) fn write(folder: &Path, files: &[File]) -> anyhow::Result<String> {
    for file in files {
        write_file(&folder.join(&file.name), &file.content)?;
    }
    let mut written: Vec<String> = Vec::new();
    for file in files {
        let name = file.name.split_once('/').map_or(file.name.as_str(), |(inner, _)| inner);
        let path = folder.join(name).display().to_string();
        if !written.contains(&path) {
            written.push(path);
        }
    }
    Ok(written.join("\n"))
}

/// Reads an analysis that the command line names.
pub(crate) fn read(path: &Path) -> Result<Given, Failure> {
    let json = read_file(path).map_err(Failure::usage)?.into_bytes();
    let analysis = parse(&json).with_context(|| format!("read `{}`", path.display())).map_err(Failure::usage)?;
    Ok(Given { analysis, json })
}
