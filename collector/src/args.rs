//! EDGE: reads the files that options name. The options of collecting, shared by `emp-cost` and the in-cluster binary.
//!
//! What has a form of its own is taken as text and checked together, so that somebody who sets up a collector sees
//! everything that is wrong at once, and not one thing at a time.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use clap::error::{ContextKind, ContextValue};
use cron::Schedule;
use lake::LakeUri;
use types::ClusterId;
use types::time_parsing::parse_moment;

use crate::kubernetes::{Access, KubernetesApi, KubernetesError};
use crate::overrides::Overrides;
use crate::server::{ServerArgs, ServerOptions};
use crate::settings::Settings;

/// When to collect, without `--schedule`: five past every hour, when the hour before has settled.
pub const DEFAULT_SCHEDULE: &str = "0 5 * * * *";
/// Minutes after its end at which an hour is taken to be settled in the server: the last scrapes are in, and the lives
/// of pods that ended in its last seconds are known.
pub const SETTLE_MINUTES: i64 = 5;

/// Where to collect from, and where to.
#[derive(Debug, Clone, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// The lake: a directory, or s3://bucket/prefix (credentials and region as the AWS CLI finds them)
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
    lake: String,

    /// Name of the cluster in the lake: a-z, 0-9 and `-`
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: String,
}

/// Whom to ask, and what is told of the cluster beside.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    facts: FactArgs,
}

/// Settings about the cluster beside its metrics.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cluster")]
pub struct FactArgs {
    /// Label and value that every series of this cluster has, on a server that holds several: NAME=VALUE
    #[arg(long, value_name = "LABEL", env = "EMP_COST_PROMETHEUS_CLUSTER_LABEL")]
    prometheus_cluster_label: Option<String>,

    /// Keys of pod labels to keep, such as `team,app.kubernetes.io/name`; kube-state-metrics must expose them
    #[arg(long, value_name = "KEYS", value_delimiter = ',', env = "EMP_COST_POD_LABELS")]
    pod_labels: Vec<String>,

    /// File (TOML) with what you know better than the metrics: instance types of nodes, parameters of storage classes
    #[arg(long, value_name = "FILE", env = "EMP_COST_OVERRIDES")]
    overrides: Option<PathBuf>,

    /// Ask the Kubernetes API of this cluster for nodes and storage classes; the service account needs `get` and `list`
    /// on them
    #[arg(long, env = "EMP_COST_KUBERNETES_API")]
    kubernetes_api: bool,

    /// Ask it for storage classes and persistent volumes too; `false` where the service account may not read them
    #[arg(
        long,
        value_name = "BOOL",
        env = "EMP_COST_KUBERNETES_STORAGE",
        default_value_t = true,
        action = clap::ArgAction::Set,
        hide_possible_values = true
    )]
    kubernetes_storage: bool,

    /// Host of the Kubernetes API; set in every pod
    #[arg(long, value_name = "HOST", env = "KUBERNETES_SERVICE_HOST", hide = true)]
    kubernetes_host: Option<String>,

    /// Port of the Kubernetes API; set in every pod
    #[arg(long, value_name = "PORT", env = "KUBERNETES_SERVICE_PORT", hide = true)]
    kubernetes_port: Option<String>,
}

/// A server and what was said of the cluster, checked.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    /// The server.
    pub server: ServerOptions,
    /// Further settings.
    pub settings: Settings,
    /// The Kubernetes API, where it is to be asked.
    pub kubernetes: Option<Access>,
}

impl SourcePlan {
    /// The settings, with what the Kubernetes API says now, where it is to be asked.
    ///
    /// # Errors
    /// [`KubernetesError`] when it does not answer.
    pub async fn settings_of_now(&self) -> Result<Settings, KubernetesError> {
        let Some(access) = &self.kubernetes else { return Ok(self.settings.clone()) };
        let api = KubernetesApi::connect(access).await?.read().await?;
        for warning in api.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(Settings { api, ..self.settings.clone() })
    }
}

/// When to collect.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Schedule")]
pub struct ScheduleArgs {
    /// When to collect, as cron says it, in UTC: `minute hour day-of-month month day-of-week`, seconds before them if
    /// wanted
    #[arg(long, value_name = "CRON", env = "EMP_COST_SCHEDULE", default_value = DEFAULT_SCHEDULE)]
    schedule: String,

    /// How far back to look for hours that are missing: RFC 3339, or a span such as 10d
    #[arg(long, value_name = "TIME", env = "EMP_COST_REACH", default_value = "15d")]
    reach: String,

    /// Hours collected each time at most, so that catching up is spread out
    #[arg(long, value_name = "HOURS", env = "EMP_COST_HOURS_PER_RUN", default_value = "48")]
    hours_per_run: String,

    /// Where to tell of the collector's health: /livez, /readyz and /metrics; empty for nowhere
    #[arg(long, value_name = "ADDRESS", env = "EMP_COST_LISTEN", default_value = "0.0.0.0:9090")]
    listen: String,
}

/// Checked settings of a collection.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Where they come from.
    pub source: SourcePlan,
    /// Where hours go.
    pub lake: LakeUri,
    /// The cluster.
    pub cluster: ClusterId,
}

/// When to collect, checked.
#[derive(Debug, Clone)]
pub struct CollectionPlan {
    /// The times.
    pub schedule: Schedule,
    /// Reach into the past, as it was written: a span moves on with the clock.
    pub reach: String,
    /// Hours each time at most.
    pub hours_per_run: usize,
    /// Where to tell of health.
    pub listen: Option<SocketAddr>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigErrors(Vec<String>);

impl ConfigErrors {
    /// Takes a value, or notes what is wrong with it.
    fn take<T, E: fmt::Display>(&mut self, flag: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.0.push(format!("--{flag}: {error}"))).ok()
    }

    /// Both lists as one.
    pub fn and<A, B>(a: Result<A, Self>, b: Result<B, Self>) -> Result<(A, B), Self> {
        match (a, b) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (a, b) => {
                let mut all = a.err().unwrap_or_default();
                all.0.extend(b.err().unwrap_or_default().0);
                Err(all)
            }
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => f.write_str(one),
            all => {
                write!(f, "{} settings are wrong", all.len())?;
                all.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl CollectArgs {
    /// The arguments, checked.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn resolve(&self) -> Result<Collection, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let lake = errors.take("lake", LakeUri::from_str(&self.lake));
        let cluster = errors.take("cluster-id", ClusterId::from_str(&self.cluster_id));
        let source = self.source.checked(&mut errors);
        match (lake, cluster, source) {
            (Some(lake), Some(cluster), Some(source)) => Ok(Collection { source, lake, cluster }),
            _ => Err(errors),
        }
    }
}

impl SourceArgs {
    /// The arguments, checked.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn resolve(&self) -> Result<SourcePlan, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        self.checked(&mut errors).ok_or(errors)
    }

    fn checked(&self, errors: &mut ConfigErrors) -> Option<SourcePlan> {
        let server = match self.server.options() {
            Ok(server) => Some(server),
            Err(wrong) => {
                errors.0.extend(wrong.iter().map(ToString::to_string));
                None
            }
        };
        let selector = self.facts.selector(errors);
        let pod_labels = self.facts.pod_labels(errors);
        let overrides = self.facts.overrides(errors);
        let kubernetes = self.facts.kubernetes(errors);
        let (selector, pod_labels, overrides) = (selector?, pod_labels?, overrides?);
        let settings = Settings { selector, pod_labels, overrides, ..Settings::default() };
        Some(SourcePlan { server: server?, settings, kubernetes: kubernetes? })
    }
}

impl FactArgs {
    /// The label of the cluster; the inner `None` where none is named.
    fn selector(&self, errors: &mut ConfigErrors) -> Option<Option<(String, String)>> {
        let Some(text) = &self.prometheus_cluster_label else { return Some(None) };
        let wrong = || format!("`{text}` is not a label and its value; use one such as cluster=prod");
        // Any text may be the name of a label since Prometheus 3; what no one would call one is a slip.
        let is_label = |name: &str| {
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "{}\"'`,~!".contains(c))
        };
        let parts = text.split_once('=').filter(|(name, value)| is_label(name) && !value.is_empty());
        let owned = parts.map(|(name, value)| (name.to_owned(), value.to_owned()));
        errors.take("prometheus-cluster-label", owned.ok_or_else(wrong)).map(Some)
    }

    fn pod_labels(&self, errors: &mut ConfigErrors) -> Option<Vec<String>> {
        let mut keys = Vec::new();
        for key in &self.pod_labels {
            let wrong = || format!("`{key}` is not the key of a label; use one such as app.kubernetes.io/name");
            let is_key = |key: &&String| {
                let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
                !key.is_empty() && key.chars().all(known) && key.matches('/').count() <= 1
            };
            keys.push(errors.take("pod-labels", Some(key).filter(is_key).cloned().ok_or_else(wrong)));
        }
        keys.into_iter().collect()
    }

    fn overrides(&self, errors: &mut ConfigErrors) -> Option<Overrides> {
        let Some(file) = &self.overrides else { return Some(Overrides::default()) };
        let unreadable = |error| format!("could not read `{}`: {error}", file.display());
        let text = errors.take("overrides", std::fs::read_to_string(file).map_err(unreadable))?;
        match Overrides::read(&text) {
            Ok(overrides) => {
                overrides.warnings().iter().for_each(|warning| tracing::warn!("{}: {warning}", file.display()));
                Some(overrides)
            }
            Err(wrong) => {
                errors.0.extend(wrong.iter().map(|error| format!("--overrides: `{}`: {error}", file.display())));
                None
            }
        }
    }

    /// The API of the cluster this runs in; the inner `None` where it is not to be asked.
    fn kubernetes(&self, errors: &mut ConfigErrors) -> Option<Option<Access>> {
        if !self.kubernetes_api {
            return Some(None);
        }
        let port = self.kubernetes_port.as_deref().and_then(|port| port.parse().ok());
        let access = self
            .kubernetes_host
            .clone()
            .zip(port)
            .map(|(host, port)| Access { storage: self.kubernetes_storage, ..Access::in_pod(host, port) });
        let outside = "needs KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which are set inside a pod";
        errors.take("kubernetes-api", access.ok_or(outside)).map(Some)
    }
}

impl ScheduleArgs {
    /// Arguments that another command line took.
    pub fn new(schedule: String, reach: String, hours_per_run: String, listen: String) -> Self {
        Self { schedule, reach, hours_per_run, listen }
    }

    /// The arguments, checked. `now` tells whether the reach is one.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn resolve(&self, now: DateTime<Utc>) -> Result<CollectionPlan, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let schedule = errors.take("schedule", schedule(&self.schedule));
        let reach = errors.take("reach", reach(&self.reach, now));
        let hours_per_run = errors.take("hours-per-run", positive(&self.hours_per_run));
        let listen = errors.take("listen", address(&self.listen));
        match (schedule, reach, hours_per_run, listen) {
            (Some(schedule), Some(()), Some(hours_per_run), Some(listen)) => {
                Ok(CollectionPlan { schedule, reach: self.reach.clone(), hours_per_run, listen })
            }
            _ => Err(errors),
        }
    }
}

/// A cron expression. The five fields of `crontab` mean second zero.
fn schedule(text: &str) -> Result<Schedule, String> {
    let with_seconds = if text.split_whitespace().count() == 5 { format!("0 {text}") } else { text.to_owned() };
    let schedule = Schedule::from_str(&with_seconds);
    schedule
        .map_err(|error| format!("`{text}` is not a cron expression ({error}); five past every hour is `5 * * * *`"))
}

fn reach(text: &str, now: DateTime<Utc>) -> Result<(), String> {
    let from = parse_moment(text, now).map_err(|error| error.to_string())?;
    if now.signed_duration_since(from) < TimeDelta::hours(2) {
        return Err(format!("`{text}` reaches back less than two hours, so no hour in it is ever closed; use 15d"));
    }
    Ok(())
}

fn positive(text: &str) -> Result<usize, String> {
    let wrong = || format!("`{text}` is not a number of hours; use 1 or more");
    text.parse().ok().filter(|hours| *hours > 0).ok_or_else(wrong)
}

fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| format!("`{text}` is not an address and a port; use one such as 0.0.0.0:9090");
    text.parse().map(Some).map_err(wrong)
}

/// An error of the command line, without secrets: it quotes what was given, which may be a URL with a password in it.
#[must_use]
pub fn without_secrets(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg] {
        let Some(ContextValue::String(given)) = error.get(kind) else { continue };
        let shown = types::secret_redaction::without_secrets(given);
        error.insert(kind, ContextValue::String(shown));
    }
    error
}

/// Amount and form of the log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Messages")]
pub struct LogArgs {
    /// Say only what went wrong
    #[arg(long, global = true, env = "EMP_COST_QUIET", display_order = 900)]
    pub quiet: bool,

    /// Form of the log lines
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = LogFormat::Text,
        value_name = "FORMAT",
        env = "EMP_COST_LOG_FORMAT",
        display_order = 901
    )]
    pub log_format: LogFormat,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_782_864_000, 0).unwrap()
    }

    fn plan(change: impl FnOnce(&mut ScheduleArgs)) -> Result<CollectionPlan, String> {
        let mut args = ScheduleArgs {
            schedule: DEFAULT_SCHEDULE.to_owned(),
            reach: "15d".to_owned(),
            hours_per_run: "48".to_owned(),
            listen: "0.0.0.0:9090".to_owned(),
        };
        change(&mut args);
        args.resolve(now()).map_err(|errors| errors.to_string())
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let error = plan(|args| {
            args.schedule = "hourly".to_owned();
            args.reach = "1h".to_owned();
            args.hours_per_run = "0".to_owned();
            args.listen = "9090".to_owned();
        })
        .unwrap_err();
        for words in [
            "4 settings are wrong",
            "--schedule: `hourly`",
            "--reach: `1h`",
            "--hours-per-run: `0`",
            "--listen: `9090`",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(plan(|args| args.reach = "x".to_owned()).unwrap_err().starts_with("--reach: `x` is not a time"));
    }

    #[test]
    fn a_schedule_may_be_written_as_in_a_crontab() {
        let next = |text: &str| {
            let plan = plan(|args| args.schedule = text.to_owned()).unwrap();
            (crate::hours_to_collect::next(&plan.schedule, now()).unwrap() - now()).num_seconds()
        };
        assert_eq!([next("5 * * * *"), next("0 5 * * * *"), next("30 10 * * * *")], [300, 300, 630]);
    }

    #[test]
    fn health_may_be_told_nowhere() {
        assert_eq!(plan(|args| args.listen = String::new()).unwrap().listen, None);
    }
}
