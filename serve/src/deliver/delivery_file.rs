//! The delivery file of `emp-cost run --deliver`: who is told, when, and which budgets are watched.

use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::Deserialize;
use types::secret_redaction::line_of;

/// The content of a delivery file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Thresholds below which nothing is sent; absent: a message for every report.
    pub when: Option<When>,
    /// Monthly budgets.
    #[serde(default)]
    pub budget: Vec<Budget>,
    /// Channels of Slack.
    #[serde(default)]
    pub slack: Vec<Slack>,
    /// Servers that take JSON.
    #[serde(default)]
    pub webhook: Vec<Webhook>,
    /// Mails.
    #[serde(default)]
    pub mail: Vec<Mail>,
}

/// Thresholds, any one of which is enough for a message. A budget that is exceeded always is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Saving of the recommended alternative in a month, in the currency of the cluster.
    pub saving_at_least: Option<f64>,
    /// Change of today's cost since the report before, up or down, in percent.
    pub cost_change_percent: Option<f64>,
}

/// A monthly budget of a cluster, or of a namespace or a label in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Cluster id; absent: every cluster.
    pub cluster: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Label and value of pods, such as `team=payments`; `run --label team` must ask for the label.
    pub label: Option<String>,
    /// Amount for a calendar month in UTC, in the currency of the cluster.
    pub monthly: f64,
}

/// An incoming webhook of Slack, or of what takes the same JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// File with the URL, which is a secret.
    pub url_file: PathBuf,
}

/// A server that takes a message as JSON by POST.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its URL.
    pub url: Option<String>,
    /// File with the URL, where that is a secret.
    pub url_file: Option<PathBuf>,
    /// File with a token, sent as `Authorization: Bearer`.
    pub bearer_token_file: Option<PathBuf>,
}

/// Recipients of a mail, and the server that takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Name of the SMTP server.
    pub server: String,
    /// Its port; absent: the usual one of the TLS mode.
    pub port: Option<u16>,
    /// Encryption of the connection.
    #[serde(default)]
    pub tls: TlsMode,
    /// File with certificate authorities (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Sender, such as `cost@example.com` or `EMP cost <cost@example.com>`.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Name to sign in with.
    pub username: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Whether the page is attached.
    #[serde(default = "attached")]
    pub attach_page: bool,
    /// Size of the page above which it is not attached, in MiB.
    #[serde(default = "attached_mib")]
    pub attach_at_most_mib: f64,
}

/// Encryption of the connection to a mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// From the start.
    Tls,
    /// By STARTTLS, which the server must offer.
    #[default]
    StartTls,
    /// None.
    None,
}

fn attached() -> bool {
    true
}

/// Servers commonly take 20 to 25 MB, and base64 makes a third more of it.
fn attached_mib() -> f64 {
    10.0
}

/// Error from reading a delivery file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, or with a field that does not exist. The line is not quoted, since it may hold a secret.
    #[error("the delivery file is not valid: line {line}: {message}")]
    Toml {
        /// Its line.
        line: usize,
        /// Fault.
        message: String,
    },
    /// A field that is missing, not allowed or out of range.
    #[error("{what}: {wrong}")]
    Field {
        /// Row, in words.
        what: String,
        /// Fault, and what is expected instead.
        wrong: String,
    },
}

impl Config {
    /// Reads and checks a delivery file.
    ///
    /// # Errors
    /// [`ConfigError`] names the row and what is expected in it.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Toml {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        if config.slack.is_empty() && config.webhook.is_empty() && config.mail.is_empty() {
            return refuse("the delivery file", "names no one to tell; add [[slack]], [[webhook]] or [[mail]]");
        }
        if let Some(when) = &config.when {
            when.check()?;
        }
        config.budget.iter().try_for_each(Budget::check)?;
        for webhook in &config.webhook {
            if webhook.url.is_some() == webhook.url_file.is_some() {
                return refuse("a [[webhook]] row", "give `url`, or `url_file` where the URL is a secret");
            }
        }
        config.mail.iter().try_for_each(Mail::check)?;
        Ok(config)
    }
}

impl Mail {
    /// The port of the server.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            TlsMode::Tls => 465,
            TlsMode::StartTls => 587,
            TlsMode::None => 25,
        })
    }

    /// The sender.
    pub(super) fn sender(&self) -> Result<Mailbox, ConfigError> {
        address("from", &self.from)
    }

    /// The recipients.
    pub(super) fn recipients(&self) -> Result<Vec<Mailbox>, ConfigError> {
        self.to.iter().map(|to| address("to", to)).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        const WHAT: &str = "a [[mail]] row";
        if self.server.trim().is_empty() {
            return refuse(WHAT, "server is empty; give the name of the SMTP server");
        }
        self.sender()?;
        if self.recipients()?.is_empty() {
            return refuse(WHAT, "to names no recipient");
        }
        if self.username.is_some() != self.password_file.is_some() {
            return refuse(WHAT, "give `username` and `password_file` together, or neither");
        }
        if self.tls == TlsMode::None && self.password_file.is_some() {
            return refuse(WHAT, "a password is not sent without TLS; set tls to \"starttls\" or \"tls\"");
        }
        if self.tls == TlsMode::None && self.ca_file.is_some() {
            return refuse(WHAT, "ca_file is of no use without TLS; set tls to \"starttls\" or \"tls\", or remove it");
        }
        if !self.attach_at_most_mib.is_finite() || self.attach_at_most_mib <= 0.0 {
            return refuse(
                WHAT,
                "attach_at_most_mib is not a number above 0; to attach nothing, set attach_page = false",
            );
        }
        Ok(())
    }
}

fn address(key: &str, text: &str) -> Result<Mailbox, ConfigError> {
    text.parse().map_err(|_source| ConfigError::Field {
        what: "a [[mail]] row".to_owned(),
        wrong: format!("{key} `{text}` is not an address; write it as `name@example.com` or `Name <name@example.com>`"),
    })
}

impl When {
    fn check(&self) -> Result<(), ConfigError> {
        if self.saving_at_least.is_none() && self.cost_change_percent.is_none() {
            return refuse(
                "[when]",
                "holds no threshold; give `saving_at_least` or `cost_change_percent`, or remove it",
            );
        }
        for (key, given) in
            [("saving_at_least", self.saving_at_least), ("cost_change_percent", self.cost_change_percent)]
        {
            if given.is_some_and(|given| !given.is_finite() || given < 0.0) {
                return refuse("[when]", &format!("{key} is not a number from 0"));
            }
        }
        Ok(())
    }
}

impl Budget {
    /// The scope in words, such as `namespace "payments"`.
    pub(super) fn what(&self) -> String {
        match (&self.namespace, &self.label) {
            (Some(namespace), _) => format!("namespace {namespace}"),
            (None, Some(label)) => format!("label {label}"),
            (None, None) => "the cluster".to_owned(),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let what = format!("the budget of {}", self.what());
        if self.namespace.is_some() && self.label.is_some() {
            return refuse(&what, "give `namespace` or `label`, not both");
        }
        if self.label.as_ref().is_some_and(|label| !label.contains('=')) {
            return refuse(&what, "label has no value; write it as `team=payments`");
        }
        if !self.monthly.is_finite() || self.monthly <= 0.0 {
            return refuse(&what, "monthly is not an amount above 0");
        }
        Ok(())
    }
}

fn refuse<T>(what: &str, wrong: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Field { what: what.to_owned(), wrong: wrong.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLACK: &str = "[[slack]]\nurl_file = \"/secrets/slack\"\n";

    fn rejected(text: &str, expect: &str) {
        let error = Config::read(text).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let message = format!("{error}: {source}");
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn a_file_is_read_whole_or_rejected_with_the_row() {
        let whole = format!(
            "{SLACK}[when]\nsaving_at_least = 500\n[[budget]]\nnamespace = \"a\"\nmonthly = 10\n[[webhook]]\nurl = \"https://x\"\n"
        );
        let config = Config::read(&whole).unwrap();
        assert_eq!((config.slack.len(), config.webhook.len(), config.budget.len()), (1, 1, 1));
        rejected("", "names no one to tell");
        let broken = format!("{SLACK}[[webhook]]\nurl = \"https://x?token=hunter2\n");
        rejected(&broken, "is not valid: line ");
        assert!(!format!("{:?}", Config::read(&broken)).contains("hunter2"));
        rejected(&format!("{SLACK}[when]\n"), "holds no threshold");
        rejected(&format!("{SLACK}[when]\nsaving_at_least = -1\n"), "not a number from 0");
        rejected(&format!("{SLACK}[[budget]]\nmonthly = 0\n"), "the budget of the cluster: monthly");
        rejected(&format!("{SLACK}[[budget]]\nlabel = \"team\"\nmonthly = 1\n"), "label has no value");
        rejected(&format!("{SLACK}[[budget]]\nnamespace = \"a\"\nlabel = \"t=b\"\nmonthly = 1\n"), "not both");
        rejected("[[slack]]\nurl = \"https://hooks\"\n", "unknown field `url`");
        rejected("[[webhook]]\n", "give `url`");
    }

    #[test]
    fn a_mail_needs_a_server_addresses_and_tls_for_its_password() {
        let mail = "[[mail]]\nserver = \"mx\"\nfrom = \"Cost <cost@example.com>\"\nto = [\"a@example.com\"]\n";
        for (tls, port) in [("", 587), ("tls = \"tls\"\n", 465), ("tls = \"none\"\n", 25), ("port = 2525\n", 2525)] {
            let config = Config::read(&format!("{mail}{tls}")).unwrap();
            assert_eq!(config.mail.first().unwrap().port(), port, "{tls}");
        }
        let password = "username = \"cost\"\npassword_file = \"/p\"\n";
        assert!(Config::read(&format!("{mail}{password}")).is_ok());
        rejected(&format!("{mail}{password}tls = \"none\"\n"), "not sent without TLS");
        rejected(&format!("{mail}username = \"cost\"\n"), "together, or neither");
        rejected(&format!("{mail}attach_at_most_mib = 0\n"), "attach_at_most_mib");
        rejected(&format!("{mail}tls = \"ssl\"\n"), "unknown variant `ssl`");
        rejected(&mail.replace("[\"a@example.com\"]", "[]"), "to names no recipient");
        rejected(&mail.replace("a@example.com", "a"), "to `a` is not an address");
        rejected(&mail.replace("\"mx\"", "\"\""), "server is empty");
    }
}
