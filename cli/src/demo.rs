//! EDGE: `emp-cost demo`: the whole pipeline on a synthetic cluster, through a real Prometheus.

mod demo_lake;
mod demo_service;
mod generated_cluster;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use analyzer::{Assumptions, PriceBook, Request, Sharing};
use anyhow::Context;
use chrono::{DateTime, Utc};
use collector::Settings;
use collector::server::{Server, ServerOptions};
use fixtures::{Cluster, prometheus};
use lake::store::DirStore;
use lake::{HourOrigin, Lake};
use types::{Hour, Window};

pub(crate) use demo_lake::DemoArgs;
use demo_lake::{END_SECONDS, Stage, TEAM, fresh_lake};

use crate::exit_codes::Failure;
use crate::output::{print, write_file};
use crate::progress::{Progress, Step};
use crate::report_formats::FormatArgs;
use crate::{analyze, collect, report};

pub(crate) async fn run(args: DemoArgs, now: fn() -> DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    if args.serve {
        return demo_service::run(&args, now, progress).await;
    }
    let begun = Instant::now();
    let stage = set_up(&args)?;
    match prometheus::find_binary() {
        Some(binary) => through_prometheus(&stage, &binary, progress).await?,
        None => {
            tracing::warn!(
                "no `prometheus` on the PATH, so the last {} from the generator too; install the Debian package `prometheus` to see the real way",
                if args.hours == 1 { "hour comes".to_owned() } else { format!("{} hours come", args.hours) }
            );
            let whole = Window::try_new(stage.generated.start(), stage.scraped.end())?;
            generate(&stage, whole, &progress.step("generate")).await?;
        }
    }
    let step = progress.step("analyze");
    let request = Request {
        cluster: stage.id.clone(),
        window: None,
        assumptions: Assumptions::default(),
        prices: stage.prices.clone(),
        sharing: Sharing { labels: vec![TEAM.to_owned()], ..Sharing::default() },
        profile: None,
        bill_only: false,
    };
    let analysis = analyze::analyze(&stage.lake, request, &step).await?;
    step.finish(&format!("{} of {} hours", analysis.window.hours_present, analysis.window.hours_expected));
    let files = FormatArgs::page_and_analysis().files(&analysis, &analyze::json(&analysis)?, Vec::new(), None)?;
    report::write(&args.out, &files)?;
    let page = args.out.join("index.html");
    progress.clear();
    let page = page.canonicalize().unwrap_or(page);
    print(&format!("{}\n{} in {:.0} s\n", reports::summary(&analysis), page.display(), begun.elapsed().as_secs_f64()))?;
    Ok(())
}

fn set_up(args: &DemoArgs) -> Result<Stage, Failure> {
    let end = Hour::starting_at(END_SECONDS).context("place the demo in time")?;
    let generated = Window::try_new(end.plus(-24 * args.family.days()).start(), end.plus(-args.hours).start())?;
    let scraped = Window::try_new(generated.end(), end.start())?;
    let whole = Window::try_new(generated.start(), scraped.end())?;
    let lake_dir = args.out.join("lake");
    fresh_lake(&lake_dir)?;
    let mut prices = PriceBook::catalog()?;
    if let Some(terms) = args.family.prices() {
        let file = args.out.join("prices.toml");
        write_file(&file, terms.as_bytes())?;
        prices = prices.with_user_toml(terms).with_context(|| format!("read `{}`", file.display()))?;
    }
    Ok(Stage {
        cluster: Arc::new(Cluster::of_family(args.family.family(), args.seed, whole)),
        id: args.cluster_id.clone(),
        prices,
        lake: Lake::new(Arc::new(DirStore::new(lake_dir))),
        generated,
        scraped,
    })
}

/// Loads the last hours into a Prometheus and collects them; the days before are generated meanwhile.
async fn through_prometheus(stage: &Stage, binary: &Path, progress: &Progress) -> Result<(), Failure> {
    let server = prometheus::Server::start(binary).await.context("start Prometheus")?;
    let (load, generate_step) = (progress.step("load"), progress.step("generate"));
    let loading = async {
        let span = Cluster::scrape_span(stage.scraped);
        let loaded = prometheus::load(&stage.cluster, span, server.url(), |_| {}).await?;
        load.finish(&format!("{} samples of {} series in Prometheus", loaded.samples, loaded.series));
        anyhow::Ok(())
    };
    let (loaded, generated) = tokio::join!(loading, generate(stage, stage.generated, &generate_step));
    loaded.context("load the samples into Prometheus")?;
    generated?;
    let step = progress.step("collect");
    let settings = Settings { pod_labels: vec![TEAM.to_owned()], ..Settings::default() };
    let client = Server::connect(&ServerOptions::new(server.url()), None).await?;
    let collected = collect::hours(&client, &stage.lake, &stage.id, stage.scraped, &settings, &step).await?;
    step.finish(&collect::describe(&collected));
    let all = u32::try_from(stage.scraped.hours().count()).unwrap_or(u32::MAX);
    if collected.written != all {
        return Err(anyhow::anyhow!("{} of {all} hours were collected from Prometheus", collected.written).into());
    }
    Ok(())
}

/// Writes hours straight from the generator, through the same encoder.
async fn generate(stage: &Stage, window: Window, step: &Step) -> anyhow::Result<()> {
    let hours: Vec<Hour> = window.hours().collect();
    for (done, hour) in hours.iter().enumerate() {
        let (cluster, hour) = (Arc::clone(&stage.cluster), *hour);
        let mut rows = tokio::task::spawn_blocking(move || cluster.hour_rows(hour)).await?;
        for pod in &mut rows.pods {
            pod.labels = Some(vec![format!("{TEAM}={}", fixtures::team(&pod.namespace))]);
        }
        stage.lake.write_hour(&stage.id, hour, rows, HourOrigin::generator()).await?;
        step.set(done + 1, hours.len());
    }
    step.finish(&format!("{} from the generator", types::wording::counted(hours.len(), "hour")));
    Ok(())
}
