//! EDGE: messages by HTTPS, to Slack and to webhooks.

use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use service::outbound_allowlist::Outbound;

use super::delivery_file::{Slack, Webhook};
use super::message::Message;
use super::secret;

/// Longest time a server may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Length of an error's body that is quoted.
const QUOTED_CHARS: usize = 200;

/// Posts a message to Slack, within what may be reached where that is limited.
///
/// # Errors
/// When the server does not take it.
pub async fn slack(to: &Slack, message: &Message, within: Option<&Outbound>) -> anyhow::Result<()> {
    let url = secret(&to.url_file)?;
    post(&url, None, within, &json!({"text": escaped(&format!("*{}*\n{}", message.subject, message.text))}))
        .await
        .with_context(|| format!("post to Slack by the URL in `{}`", to.url_file.display()))
}

/// Posts a message to a webhook, as JSON, within what may be reached where that is limited.
///
/// # Errors
/// When the server does not take it.
pub async fn webhook(to: &Webhook, message: &Message, within: Option<&Outbound>) -> anyhow::Result<()> {
    let token = to.bearer_token_file.as_deref().map(secret).transpose()?;
    let (url, what) = match (&to.url, &to.url_file) {
        (Some(url), _) => (url.clone(), place(url)),
        (None, Some(file)) => (secret(file)?, file.display().to_string()),
        (None, None) => return Err(anyhow!("a [[webhook]] has no URL")),
    };
    post(&url, token.as_deref(), within, &message.json).await.with_context(|| format!("post to the webhook `{what}`"))
}

/// The server of a URL: its path, its query and a user in it may be secrets.
fn place(url: &str) -> String {
    let server = reqwest::Url::parse(url.trim()).ok().map(|url| url.origin().ascii_serialization());
    server.unwrap_or_else(|| "an address that is no URL".to_owned())
}

/// Sends JSON; an answer outside of 2xx is an error. The URL may be a secret, so no error shows it.
async fn post(url: &str, token: Option<&str>, within: Option<&Outbound>, body: &Value) -> anyhow::Result<()> {
    let client = match within {
        Some(outbound) => {
            outbound.checked(url)?;
            outbound.client(TIMEOUT)?
        }
        None => client()?,
    };
    let mut request = client.post(url).header("content-type", "application/json").body(body.to_string());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    match refusal(response).await {
        Some((status, said)) => Err(anyhow!("it answered {status}: {said}")),
        None => Ok(()),
    }
}

/// A client that waits for so long and follows nobody elsewhere.
///
/// # Errors
/// When no client can be made.
pub fn client() -> reqwest::Result<Client> {
    Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()
}

/// The status of an answer outside of 2xx, with the beginning of what it says; `None` for any other.
pub async fn refusal(response: Response) -> Option<(StatusCode, String)> {
    let status = response.status();
    if status.is_success() {
        return None;
    }
    let said = response.text().await.unwrap_or_default();
    Some((status, said.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS).collect()))
}

/// Escapes what Slack takes for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_the_server_is_shown() {
        for (url, expect) in [
            ("https://hooks.example.com/T0/hunter2?token=hunter2", "https://hooks.example.com"),
            ("http://u:hunter2@127.0.0.1:8080/x#hunter2", "http://127.0.0.1:8080"),
            ("hunter2", "an address that is no URL"),
        ] {
            assert_eq!(place(url), expect);
        }
    }
}
