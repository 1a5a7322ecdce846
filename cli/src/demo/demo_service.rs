//! EDGE: `emp-cost demo --serve`: three synthetic clusters with weekly reports, in a service on a loopback port.
//!
//! The service starts with the first report; what is left is made beside it, the newest reports first. A demo that was
//! made whole is served again at once.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use lake::Store;
use lake::store::DirStore;
use reports::Member;
use serve::ended;
use service::App;

use super::demo_lake::{DemoArgs, MARKER, fresh_lake};
use super::generated_cluster::{LABELS, Making, Report, WEEKS};
use crate::exit_codes::Failure;
use crate::output::print;
use crate::progress::Progress;
use crate::report_formats::FormatArgs;
use crate::{report, report_store, work};

/// The clusters, by name.
const CLUSTERS: [&str; 3] = ["shop-prod", "data-prod", "shop-staging"];
/// Alerts that the demo's page of alerts shows; nobody is told.
const ALERTS: &str = r#"
[[alert]]
name = "budget of team payments"
label = "team=payments"
monthly_cost_above = 500
[[alert]]
name = "a saving worth a look"
monthly_saving_above = 1000
[[alert]]
name = "hours are missing"
coverage_below_percent = 95
"#;

pub(super) async fn run(args: &DemoArgs, now: fn() -> DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let folder = args.out.join("lake");
    let whole = format!("serve {} {} weeks {WEEKS}\n", env!("CARGO_PKG_VERSION"), args.seed);
    let there = fs::read_to_string(folder.join(MARKER)).is_ok_and(|made| made == whole);
    if !there {
        fresh_lake(&folder)?;
    }
    let store: Arc<dyn Store> = Arc::new(DirStore::new(&folder));
    let mut first = None;
    if !there {
        let making = Making::new(&store, CLUSTERS[0], args.seed)?;
        let report = making.week(0, progress).await?;
        making.publish(&report).await?;
        first = Some((making, report));
    }
    progress.clear();
    let (app, address, words) = app(&args.out, &store, now)?;
    print(&words)?;
    let marker = folder.join(MARKER);
    let (making_app, worker_store, seed) = (Arc::clone(&app), Arc::clone(&store), args.seed);
    // Threads of their own, which end with the process: an analysis would leave nothing to those who wait for pages.
    beside("the other reports cannot be made", move || async move {
        if let Some(first) = first {
            making_app.say("The reports of the other clusters are being made. They appear here within some minutes.");
            others(&store, first, seed).await?;
            fs::write(&marker, whole).context("write down that the demo is whole")?;
            making_app.say("");
        }
        Ok(())
    });
    beside("what-ifs are no longer replayed", move || async move {
        work::queue(worker_store, &work::Worker::of_demo(LABELS)?, now).await
    });
    service::serve(app, address, ended(), |_| ()).await.context("serve reports")?;
    Ok(())
}

/// Runs something on a thread with a runtime of its own, and logs that it failed.
fn beside<F>(failed: &'static str, run: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = Result<(), Failure>>,
{
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        match runtime.map(|runtime| runtime.block_on(run())) {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tracing::error!("{failed}: {failure}"),
            Err(error) => tracing::error!("{failed}: {error}"),
        }
    });
}

/// The reports that are left: the newest of every cluster, then the weeks before, each in a thread of its own.
async fn others(store: &Arc<dyn Store>, first: (Making, Report), seed: u64) -> Result<(), Failure> {
    let progress = Progress::lines();
    let mut made = vec![first];
    for (name, seed) in CLUSTERS.into_iter().zip(seed..).skip(1) {
        let making = Making::new(store, name, seed)?;
        let report = making.week(0, &progress).await?;
        making.publish(&report).await?;
        made.push((making, report));
    }
    let mut members: Vec<Member> = Vec::new();
    for (making, last) in &made {
        members.push(making.weeks_before(last, &progress).await?);
    }
    let page = report::fleet(&members, &FormatArgs::of_demo(), None)?;
    report_store::put_fleet(store.as_ref(), &page).await?;
    Ok(())
}

/// The service over the demo's lake, with a configuration of its own that is kept beside it, the address it is to listen
/// on, and what to tell whoever started it.
fn app(
    out: &Path,
    store: &Arc<dyn Store>,
    now: fn() -> DateTime<Utc>,
) -> Result<(Arc<App>, std::net::SocketAddr, String), Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("find a port")?;
    let address = listener.local_addr().context("find a port")?;
    drop(listener);
    let secret = |bytes: usize| service::sealed_values::base64_of_chance(bytes).context("get random numbers");
    let token = secret(24)?;
    keep(&out.join("cookie.key"), &secret(32)?)?;
    keep(&out.join("token"), &token)?;
    let url = format!("http://{address}");
    let config = format!(
        "public_url = \"{url}\"\nkey_file = {:?}\n[sign_in.static]\ntoken_file = {:?}\ngroups = [\"demo\"]\n[reports]\nstale_after_days = 36500\n[[rule]]\nname = \"demo\"\ngroups = [\"demo\"]\nrole = \"admin\"\nclusters = [\"*\"]\n{ALERTS}",
        out.join("cookie.key"),
        out.join("token"),
    );
    let path = out.join("config.toml");
    keep(&path, &config)?;
    let (config, secrets) = service::config_files::read(&path)?;
    let app = App::new(config, secrets, Arc::clone(store), now).context("make a client for providers")?;
    Ok((Arc::new(app), address, format!("Open {url} and sign in with\n\n    {token}\n\nCtrl-C ends it.\n")))
}

/// Writes a file that only its owner may read.
fn keep(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let _replaced = fs::remove_file(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.as_mut().map_or(Ok(()), |file| file.write_all(text.as_bytes()));
    file.map(|_| ()).and(written).with_context(|| format!("write `{}`", path.display()))
}
