//! Messages to people and servers, as a delivery file says: Slack, webhooks and mail.

mod alert_channels;
mod budget_month;
pub mod delivery_file;
pub mod mail;
pub mod message;
pub mod slack_and_webhooks;

use std::path::Path;

use anyhow::Context;

pub use alert_channels::Channels;
pub use budget_month::SoFar;
pub use delivery_file::Config;
pub use message::Message;

/// Reads a secret from a file, without the line break at its end.
///
/// # Errors
/// When the file cannot be read or is empty.
pub fn secret(path: &Path) -> anyhow::Result<String> {
    let text = text(path)?;
    let secret = text.trim_end();
    anyhow::ensure!(!secret.is_empty(), "`{}` is empty; it must hold the secret", path.display());
    Ok(secret.to_owned())
}

/// EDGE: a text file that somebody named.
fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))
}
