//! EDGE: delivery of reports by `emp-cost run`: messages to people and servers, and metrics in a file.

mod metrics;
mod remote_write;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use lake::WorkloadDay;
use reports::export::File;
use serve::deliver::{Config, Message, SoFar, mail, slack_and_webhooks};
use types::analysis::Analysis;

use crate::exit_codes::Failure;
use crate::output::{read_file, write_file};
use metrics::openmetrics;
use remote_write::RemoteWriteArgs;

/// Options of delivery.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DeliverArgs {
    /// Send a message about each report by Slack, webhook or mail, as this file says (TOML); docs/delivery.md describes it
    #[arg(long, value_name = "FILE")]
    deliver: Option<PathBuf>,

    /// Write cost and saving of every cluster to this file as OpenMetrics, such as for node-exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    #[command(flatten)]
    remote_write: RemoteWriteArgs,
}

/// Delivery as configured, and the analyses it was told of.
#[derive(Debug)]
pub(crate) struct Delivery {
    config: Option<Config>,
    /// The moment of the run, for the date of mails.
    now: DateTime<Utc>,
    metrics_file: Option<PathBuf>,
    remote_write: RemoteWriteArgs,
    /// Bearer token of the remote-write endpoint.
    token: Option<String>,
    analyses: Vec<Analysis>,
}

impl DeliverArgs {
    /// Reads and checks the files that are named, so that a bad one is reported before any work is done.
    pub(crate) fn read(&self, now: DateTime<Utc>) -> Result<Delivery, Failure> {
        let config = self.deliver.as_deref().map(|path| {
            let text = read_file(path)?;
            Config::read(&text).with_context(|| format!("read deliveries from `{}`", path.display()))
        });
        Ok(Delivery {
            config: config.transpose().map_err(Failure::usage)?,
            now,
            metrics_file: self.metrics_file.clone(),
            remote_write: self.remote_write.clone(),
            token: self.remote_write.token().map_err(Failure::usage)?,
            analyses: Vec::new(),
        })
    }
}

impl Delivery {
    /// The part of a report that is in the calendar month in which its window ends; `None` where nobody is to be told.
    pub(crate) fn so_far(&self, analysis: &Analysis, days: &[WorkloadDay]) -> Option<SoFar> {
        SoFar::of(analysis, days, self.config.as_ref()?)
    }

    /// Sends the message about a report to everyone in the delivery file. One that cannot be reached keeps none of the others
    /// from it, and fails the run in the end.
    pub(crate) async fn report(
        &mut self,
        analysis: &Analysis,
        (location, files): (&str, &[File]),
        before: Option<f64>,
        so_far: Option<&SoFar>,
    ) -> anyhow::Result<()> {
        if self.metrics_file.is_some() || self.remote_write.is_wanted() {
            self.analyses.push(analysis.clone());
        }
        let Some(config) = &self.config else { return Ok(()) };
        let Some(message) = Message::about(analysis, location, before, so_far, config) else {
            tracing::info!("cluster `{}`: no threshold is reached, so nothing is sent", analysis.cluster_id);
            return Ok(());
        };
        let mut failed = 0;
        let mut note = |outcome: anyhow::Result<()>| {
            if let Err(error) = outcome {
                tracing::error!("cluster `{}`: {error:#}", analysis.cluster_id);
                failed += 1;
            }
        };
        for to in &config.slack {
            note(slack_and_webhooks::slack(to, &message, None).await);
        }
        for to in &config.webhook {
            note(slack_and_webhooks::webhook(to, &message, None).await);
        }
        let report = mail::Sent { analysis, location, page: files.iter().find(|file| file.name == "index.html") };
        for to in &config.mail {
            for outcome in mail::send(to, &message, &report, self.now).await {
                note(outcome);
            }
        }
        match failed {
            0 => Ok(()),
            _ => Err(anyhow!(
                "the report is written, but {} failed; the lines above say why",
                if failed == 1 { "one delivery".to_owned() } else { format!("{failed} deliveries") }
            )),
        }
    }

    /// Writes the metrics file and pushes metrics, where that is asked for.
    pub(crate) async fn finish(self, now: DateTime<Utc>) -> anyhow::Result<()> {
        if let Some(path) = &self.metrics_file {
            write_file(path, openmetrics(&self.analyses).as_bytes())?;
        }
        self.remote_write.push(self.token, &self.analyses, now.timestamp_millis()).await
    }
}
