//! The delivery file of `emp-cost run --deliver`: who is told, when, and which budgets are watched.

use std::path::PathBuf;

use serde::Deserialize;

/// The content of a delivery file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Thresholds below which nothing is sent; absent: a message for every report.
    pub(super) when: Option<When>,
    /// Monthly budgets.
    #[serde(default)]
    pub(super) budget: Vec<Budget>,
    #[serde(default)]
    pub(super) slack: Vec<Slack>,
    #[serde(default)]
    pub(super) webhook: Vec<Webhook>,
}

/// Thresholds, any one of which is enough for a message. A budget that is exceeded always is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    /// Saving of the recommended alternative in a month, in the currency of the cluster.
    pub(super) saving_at_least: Option<f64>,
    /// Change of today's cost since the report before, up or down, in percent.
    pub(super) cost_change_percent: Option<f64>,
}

/// A monthly budget of a cluster, or of a namespace or a label in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budget {
    /// Cluster id; absent: every cluster.
    pub(super) cluster: Option<String>,
    /// Namespace.
    pub(super) namespace: Option<String>,
    /// Label and value of pods, such as `team=payments`; `run --label team` must ask for the label.
    pub(super) label: Option<String>,
    /// Amount for a month of 730 hours, in the currency of the cluster.
    pub(super) monthly: f64,
}

/// An incoming webhook of Slack, or of what takes the same JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slack {
    /// File with the URL, which is a secret.
    pub(super) url_file: PathBuf,
}

/// A server that takes a message as JSON by POST.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) url: Option<String>,
    /// File with the URL, where that is a secret.
    pub(super) url_file: Option<PathBuf>,
    /// File with a token, sent as `Authorization: Bearer`.
    pub(super) bearer_token_file: Option<PathBuf>,
}

/// Error from reading a delivery file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// Not TOML, or with a field that does not exist.
    #[error("the delivery file is not valid")]
    Toml(#[from] toml::de::Error),
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
    pub(crate) fn read(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        if config.slack.is_empty() && config.webhook.is_empty() {
            return refuse("the delivery file", "names no one to tell; add [[slack]] or [[webhook]]");
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
        Ok(config)
    }
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
        rejected(&format!("{SLACK}[when]\n"), "holds no threshold");
        rejected(&format!("{SLACK}[when]\nsaving_at_least = -1\n"), "not a number from 0");
        rejected(&format!("{SLACK}[[budget]]\nmonthly = 0\n"), "the budget of the cluster: monthly");
        rejected(&format!("{SLACK}[[budget]]\nlabel = \"team\"\nmonthly = 1\n"), "label has no value");
        rejected(&format!("{SLACK}[[budget]]\nnamespace = \"a\"\nlabel = \"t=b\"\nmonthly = 1\n"), "not both");
        rejected("[[slack]]\nurl = \"https://hooks\"\n", "unknown field `url`");
        rejected("[[webhook]]\n", "give `url`");
    }
}
