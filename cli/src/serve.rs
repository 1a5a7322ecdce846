//! EDGE: `emp-cost serve`: the reporting service over a lake.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use lake::LakeUri;
use service::alerts::Deliver;
use service::outbound::Outbound;

use crate::failure::Failure;
use crate::run::Channels;
use crate::stop::ended;

/// Serve reports, costs by team and an API over a lake
///
/// Shows what `emp-cost run` wrote beside the data to people who sign in and to programs with tokens, and takes hours from
/// collectors that have a token. All state is kept below `service/` in the lake; there is no database. docs/service.md
/// describes the configuration. SIGTERM and Ctrl-C end it after the requests in progress.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    lake: LakeUri,

    /// The configuration (TOML)
    #[arg(long, value_name = "FILE", env = "EMP_COST_CONFIG")]
    config: PathBuf,

    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "EMP_COST_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: ServeArgs, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let (config, secrets) = service::files::read(&args.config).map_err(Failure::usage)?;
    if !config.is_https() && !args.listen.ip().is_loopback() {
        return Err(Failure::usage(anyhow::anyhow!(
            "`public_url` is http, so sessions cross the network in the clear; listen on 127.0.0.1, or put a proxy with TLS before it and write its https URL"
        )));
    }
    let store = args.lake.open().await;
    let delivery = told_by(&config)?;
    let app = service::App::new(config, secrets, store, crate::work::replays(), now);
    let mut app = app.context("make a client for providers")?;
    if let Some(delivery) = delivery {
        app = app.with_delivery(delivery);
    }
    let app = Arc::new(app);
    let url = app.config.public_url.clone();
    let started = |address: SocketAddr| tracing::info!(%address, url, "serving");
    service::serve(app, args.listen, ended(), started).await.context("serve reports")?;
    tracing::info!("ended, everything answered");
    Ok(())
}

/// Those who are told of alerts. A rule that names somebody else is an error.
fn told_by(config: &service::Config) -> Result<Option<Arc<dyn Deliver>>, Failure> {
    let alerts = &config.alerts;
    let delivery = match &alerts.deliver_file {
        Some(path) => Some(Channels::read(path, Outbound::new(&alerts.hosts, &alerts.private_networks))?),
        None => None,
    };
    let known = delivery.as_ref().map(Deliver::recipients).unwrap_or_default();
    for rule in &config.alert_rules {
        if let Some(name) = rule.to.iter().find(|name| !known.contains(name)) {
            return Err(Failure::usage(anyhow::anyhow!(
                "alert `{}` tells `{name}`, who is not in the delivery file; there are: {}",
                rule.name,
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )));
        }
    }
    Ok(delivery.map(|delivery| -> Arc<dyn Deliver> { Arc::new(delivery) }))
}
