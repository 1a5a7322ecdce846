//! EDGE: `emp-cost demo --serve`: three synthetic clusters with reports of two weeks each, in a service on a loopback port.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing};
use anyhow::Context;
use chrono::{DateTime, Utc};
use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, Lake, Store};
use reports::{Member, Standing};
use types::{ClusterId, Hour, Window};

use super::stage::{DemoArgs, END_SECONDS, Stage, fresh_lake};
use crate::failure::Failure;
use crate::formats::FormatArgs;
use crate::output::print;
use crate::progress::{Progress, Step};
use crate::serve::ended;
use crate::{analyze, report, shelf, work};

/// The clusters, by name.
const CLUSTERS: [&str; 3] = ["shop-prod", "data-prod", "shop-staging"];
/// Days of data of each cluster, and of each report.
const DAYS: i64 = 14;
const REPORT_DAYS: i64 = 7;
/// Labels of pods that costs are summed up by, as the generator gives them.
const LABELS: [&str; 1] = ["team"];

pub(super) async fn run(args: &DemoArgs, now: fn() -> DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let folder = args.out.join("lake");
    fresh_lake(&folder)?;
    let store: Arc<dyn Store> = Arc::new(DirStore::new(&folder));
    let mut members = Vec::new();
    for (name, seed) in CLUSTERS.into_iter().zip(args.seed..) {
        members.push(reported(&store, name, seed, progress).await?);
    }
    let page = report::fleet(&members, &FormatArgs::page_and_analysis())?;
    shelf::put_fleet(store.as_ref(), &page).await?;
    progress.clear();
    serve(&args.out, store, now).await
}

/// A cluster's hours and its two weekly reports.
async fn reported(
    store: &Arc<dyn Store>,
    name: &'static str,
    seed: u64,
    progress: &Progress,
) -> Result<Member, Failure> {
    let end = Hour::starting_at(END_SECONDS).context("place the demo in time")?;
    let whole = Window::try_new(end.plus(-24 * DAYS).start(), end.start())?;
    let id: ClusterId = name.parse()?;
    let stage = Stage {
        cluster: Arc::new(Cluster::generate(seed, whole)),
        id: id.clone(),
        lake: Lake::new(Arc::clone(store)),
        generated: whole,
        scraped: whole,
    };
    generate(&stage, progress.step(name)).await?;
    let mut member = None;
    for back in (0..DAYS / REPORT_DAYS).rev() {
        let end = end.plus(-24 * REPORT_DAYS * back);
        let window = Window::try_new(end.plus(-24 * REPORT_DAYS).start(), end.start())?;
        let request = Request {
            cluster: id.clone(),
            window: Some(window),
            assumptions: Assumptions::default(),
            prices: PriceBook::catalog()?,
            sharing: Sharing { labels: LABELS.map(ToOwned::to_owned).into(), ..Sharing::default() },
            profile: None,
            bill_only: false,
        };
        let step = progress.step("analyze");
        let (analysis, days) = analyzer::analyze_with_days(&stage.lake, request, |n, of| step.set(n, of)).await?;
        step.finish(&format!("{name}, {} hours", analysis.window.hours_present));
        let earlier = shelf::earlier(store.as_ref(), &id, &shelf::date(&analysis)).await?;
        let mut files = vec![shelf::workload_days(days)?];
        let formats = FormatArgs::page_and_analysis();
        files.extend(formats.files(&analysis, &analyze::json(&analysis)?, earlier.clone())?);
        shelf::put(store.as_ref(), &id, &analysis, &files).await?;
        member = Some(Member { now: Standing::of(&analysis), earlier, link: Some(shelf::link(&id)) });
    }
    Ok(member.context("make a report")?)
}

/// Writes the hours of a cluster, whose pods are labelled with the team that runs their namespace.
async fn generate(stage: &Stage, step: Step) -> anyhow::Result<()> {
    let hours: Vec<Hour> = stage.generated.hours().collect();
    for (done, hour) in hours.iter().enumerate() {
        let (cluster, hour) = (Arc::clone(&stage.cluster), *hour);
        let mut rows = tokio::task::spawn_blocking(move || cluster.hour_rows(hour)).await?;
        for pod in &mut rows.pods {
            pod.labels = Some(vec![format!("team={}", team(&pod.namespace))]);
        }
        stage.lake.write_hour(&stage.id, hour, rows, HourOrigin::generator()).await?;
        step.set(done + 1, hours.len());
    }
    step.finish(&format!("{} hours from the generator", hours.len()));
    Ok(())
}

/// The team of a namespace: what stands before the first dash, and the platform's for those of the cluster itself.
fn team(namespace: &str) -> &str {
    match namespace.split('-').next().unwrap_or_default() {
        "kube" | "monitoring" | "karpenter" | "" => "platform",
        team => team,
    }
}

/// Serves the lake with a configuration of the demo's own, which is kept beside it, until it is interrupted. A worker
/// replays what-ifs in the same process.
async fn serve(out: &Path, store: Arc<dyn Store>, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("find a port")?;
    let address = listener.local_addr().context("find a port")?;
    drop(listener);
    let secret = |bytes: usize| service::seal::base64_of_chance(bytes).context("get random numbers");
    let token = secret(24)?;
    keep(&out.join("cookie.key"), &secret(32)?)?;
    keep(&out.join("token"), &token)?;
    let url = format!("http://{address}");
    let config = format!(
        "public_url = \"{url}\"\nkey_file = {:?}\n[sign_in.static]\ntoken_file = {:?}\ngroups = [\"demo\"]\n[[rule]]\nname = \"demo\"\ngroups = [\"demo\"]\nrole = \"admin\"\nclusters = [\"*\"]\n",
        out.join("cookie.key"),
        out.join("token"),
    );
    let path = out.join("config.toml");
    keep(&path, &config)?;
    let (config, secrets) = service::files::read(&path)?;
    let app = service::App::new(config, secrets, Arc::clone(&store), work::replays(), now)
        .context("make a client for providers")?;
    print(&format!("Open {url} and sign in with\n\n    {token}\n\nCtrl-C ends it.\n"))?;
    let worker = work::Worker::of_demo(LABELS)?;
    // A thread of its own, which ends with the process: a replay would leave nothing to those who wait for pages.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let outcome = runtime.map(|runtime| runtime.block_on(work::queue(store, &worker, now)));
        if let Ok(Err(failure)) = outcome {
            tracing::error!("what-ifs are no longer replayed: {failure}");
        }
    });
    service::serve(Arc::new(app), address, ended(), |_| ()).await.context("serve reports")?;
    Ok(())
}

/// Writes a file that only its owner may read.
fn keep(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let _replaced = fs::remove_file(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.as_mut().map_or(Ok(()), |file| file.write_all(text.as_bytes()));
    file.map(|_| ()).and(written).with_context(|| format!("write `{}`", path.display()))
}
