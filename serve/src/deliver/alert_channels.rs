//! Alerts of the reporting service, sent by what sends the messages of `emp-cost run`.

use std::path::Path;

use anyhow::Context;
use service::alerts::{Deliver, Delivering, Notice};
use service::outbound_allowlist::Outbound;

use super::delivery_file::Config;
use super::message::Message;
use super::{mail, slack_and_webhooks, text};

/// The rows of a delivery file as those who can be told of alerts.
#[derive(Debug)]
pub struct Channels {
    config: Config,
    outbound: Outbound,
}

impl Channels {
    /// Reads a delivery file. Its thresholds and budgets are those of `emp-cost run`; alerts have rules of their own.
    ///
    /// # Errors
    /// When it cannot be read, a row of it makes no sense, or a mail server is none that messages may go to.
    pub fn read(path: &Path, outbound: Outbound) -> anyhow::Result<Self> {
        let config =
            Config::read(&text(path)?).with_context(|| format!("read deliveries from `{}`", path.display()))?;
        for mail in &config.mail {
            outbound.named(&mail.server).with_context(|| format!("take mail servers from `{}`", path.display()))?;
        }
        Ok(Self { config, outbound })
    }

    async fn sent(&self, recipient: &str, message: &Message) -> anyhow::Result<()> {
        let (kind, n) = recipient.rsplit_once('-').unwrap_or_default();
        let n = n.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let unknown = || format!("find `{recipient}` in the delivery file");
        let n = n.with_context(unknown)?;
        let within = Some(&self.outbound);
        match kind {
            "slack" => {
                slack_and_webhooks::slack(self.config.slack.get(n).with_context(unknown)?, message, within).await
            }
            "webhook" => {
                slack_and_webhooks::webhook(self.config.webhook.get(n).with_context(unknown)?, message, within).await
            }
            "mail" => mail::send_text(self.config.mail.get(n).with_context(unknown)?, message, &self.outbound).await,
            _ => Err(anyhow::anyhow!(unknown())),
        }
    }
}

impl Deliver for Channels {
    /// By kind and place in the file, from 1: `slack-1`, `webhook-2`, `mail-1`.
    fn recipients(&self) -> Vec<String> {
        let config = &self.config;
        let kinds = [("slack", config.slack.len()), ("webhook", config.webhook.len()), ("mail", config.mail.len())];
        kinds.into_iter().flat_map(|(kind, all)| (1..=all).map(move |n| format!("{kind}-{n}"))).collect()
    }

    fn send<'a>(&'a self, recipient: &'a str, notice: &'a Notice) -> Delivering<'a> {
        let message = Message {
            subject: notice.subject.clone(),
            text: notice.text.clone(),
            json: notice.json.clone(),
            notices: Vec::new(),
        };
        Box::pin(async move { self.sent(recipient, &message).await.map_err(|error| format!("{error:#}")) })
    }
}
