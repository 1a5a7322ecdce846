//! EDGE: the command: what it is given, and the time from its start to its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use lake::LakeUri;
use service::alerts::Deliver;
use service::outbound_allowlist::Outbound;
use service::{Config, Secrets};

use crate::deliver::Channels;

/// Serve reports, costs by team and an API over a lake
///
/// Shows what `emp-cost run` wrote beside the data to people who sign in and to programs with tokens, and takes hours from
/// collectors that have a token. All state is kept below `service/` in the lake; there is no database. docs/service.md
/// describes the configuration. SIGTERM and Ctrl-C end it after the requests in progress.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
    lake: LakeUri,

    /// The configuration (TOML)
    #[arg(long, value_name = "FILE", env = "EMP_COST_CONFIG")]
    config: PathBuf,

    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "EMP_COST_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// Threads for what blocks, such as decoding rows: each keeps memory of its own for the next. None waits for another.
const BLOCKING_THREADS: usize = 4;

/// The threads that a service runs on.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()
}

/// A service that can begin: its files are read and make sense.
#[derive(Debug)]
pub struct Ready {
    lake: LakeUri,
    listen: SocketAddr,
    config: Config,
    secrets: Secrets,
    delivery: Option<Arc<dyn Deliver>>,
}

/// Reads what the arguments name.
///
/// # Errors
/// Wrong usage: a file that cannot be read, or says what makes no sense.
pub fn prepared(args: ServeArgs) -> anyhow::Result<Ready> {
    let (config, secrets) = service::config_files::read(&args.config)?;
    anyhow::ensure!(
        config.is_https() || args.listen.ip().is_loopback(),
        "`public_url` is http, so sessions cross the network in the clear; listen on 127.0.0.1, or put a proxy with TLS before it and write its https URL"
    );
    let delivery = told_by(&config)?;
    Ok(Ready { lake: args.lake, listen: args.listen, config, secrets, delivery })
}

/// Serves until somebody asks the process to end.
///
/// # Errors
/// When the port cannot be used, or no client for providers can be made.
pub async fn run(ready: Ready, now: fn() -> DateTime<Utc>) -> anyhow::Result<()> {
    let store = ready.lake.open().await;
    let app = service::App::new(ready.config, ready.secrets, store, now);
    let mut app = app.context("make a client for providers")?;
    if let Some(delivery) = ready.delivery {
        app = app.with_delivery(delivery);
    }
    let app = Arc::new(app);
    let url = app.config.public_url.clone();
    let shown = Arc::clone(&app);
    let started = move |address: SocketAddr| {
        tracing::info!(%address, url, "serving");
        // Reports are read ahead from here on: nobody waits for that before the port answers. It ends with the program.
        tokio::spawn(service::read_new_reports(shown));
    };
    service::serve(app, ready.listen, ended(), started).await.context("serve reports")?;
    tracing::info!("ended, everything answered");
    Ok(())
}

/// Those who are told of alerts. A rule that names somebody else is an error.
fn told_by(config: &Config) -> anyhow::Result<Option<Arc<dyn Deliver>>> {
    let alerts = &config.alerts;
    let delivery = match &alerts.deliver_file {
        Some(path) => Some(Channels::read(path, Outbound::new(&alerts.hosts, &alerts.private_networks))?),
        None => None,
    };
    let known = delivery.as_ref().map(Deliver::recipients).unwrap_or_default();
    for rule in &config.alert_rules {
        if let Some(name) = rule.to.iter().find(|name| !known.contains(name)) {
            anyhow::bail!(
                "alert `{}` tells `{name}`, who is not in the delivery file; there are: {}",
                rule.name,
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
        }
    }
    Ok(delivery.map(|delivery| -> Arc<dyn Deliver> { Arc::new(delivery) }))
}

/// Waits until somebody asks the process to end.
pub async fn ended() {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        },
        Err(_) => {
            let _interrupted = interrupted.await;
        }
    }
}
