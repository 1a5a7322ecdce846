//! The configuration of the service: a TOML file that names every secret by the file it lies in.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::access_rules::Rule;
use crate::alerts::{AlertRule, Alerts};

/// The configuration. Unknown keys are refused, so that a misspelt rule is no open door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where browsers and collectors find the service, such as `https://cost.example.com`.
    pub public_url: String,
    /// The file with the keys that cookies are sealed with; see [`crate::sealed_values::Keys::read`].
    pub key_file: PathBuf,
    /// Length of a session, in hours.
    #[serde(default = "eight")]
    pub session_hours: u32,
    /// Ways to sign in.
    #[serde(default)]
    pub sign_in: SignIn,
    /// Who may see what. Without a rule nobody sees anything.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// Proxies that say whom they pass on.
    #[serde(default)]
    pub forwarded: Forwarded,
    /// Limits on what is let in.
    #[serde(default)]
    pub limits: Limits,
    /// How reports are shown.
    #[serde(default)]
    pub reports: Reports,
    /// How long what-ifs are kept.
    #[serde(default)]
    pub what_ifs: WhatIfs,
    /// How alerts are checked and sent.
    #[serde(default)]
    pub alerts: Alerts,
    /// What alerts are about.
    #[serde(default, rename = "alert")]
    pub alert_rules: Vec<AlertRule>,
    /// What the Install page says.
    #[serde(default)]
    pub install: Install,
}

fn eight() -> u32 {
    8
}

/// The ways to sign in; each is off unless it is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// One token for everybody who has it.
    #[serde(rename = "static")]
    pub token: Option<StaticToken>,
    /// OpenID Connect.
    pub oidc: Option<Oidc>,
    /// JWTs that programs bring.
    pub bearer: Option<Bearer>,
    /// Headers of a proxy that has signed somebody in, such as oauth2-proxy.
    pub proxy: Option<Proxy>,
    /// The header of an AWS application load balancer that has.
    pub alb: Option<Alb>,
}

/// One token for a small installation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticToken {
    /// The file with the token; 24 characters at least.
    pub token_file: PathBuf,
    /// The groups of whoever has it.
    pub groups: Vec<String>,
}

/// OpenID Connect: authorization code flow with PKCE.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The issuer, as its discovery document names it.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// The file with the client's secret; none for a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Scopes beside `openid`.
    #[serde(default = "profile")]
    pub scopes: Vec<String>,
    /// The claim with the groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Algorithms an ID token may be signed with, of RS256, PS256, ES256 and ES384.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// Label of the button.
    #[serde(default = "sign_in")]
    pub label: String,
}

/// JWTs of programs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The issuer; its keys are found by its discovery document.
    pub issuer: String,
    /// The audience a token must name: ours.
    pub audience: String,
    /// The claim with the groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Algorithms a token may be signed with.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
}

/// A proxy that signs people in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The addresses its requests come from. From others the headers are worth nothing.
    #[serde(deserialize_with = "networks")]
    pub peers: Vec<IpNet>,
    /// The header that names the user.
    #[serde(default = "user_header")]
    pub user_header: String,
    /// The header that names the groups, by commas.
    #[serde(default = "groups_header")]
    pub groups_header: String,
    /// Where people sign out of it: a path such as `/oauth2/sign_out`, or an https URL.
    #[serde(default)]
    pub sign_out: Option<String>,
}

/// An AWS application load balancer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alb {
    /// The addresses its requests come from: its subnets.
    #[serde(deserialize_with = "networks")]
    pub peers: Vec<IpNet>,
    /// Its ARN, which the signature must name.
    pub arn: String,
    /// Its region, where its keys lie.
    pub region: String,
    /// The issuer whose users it signs in.
    pub issuer: String,
    /// The claim with the groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Where people sign out at the issuer: an https URL.
    #[serde(default)]
    pub sign_out: Option<String>,
}

/// Proxies before the service, each of which adds the address it was asked from to `X-Forwarded-For`. None is believed
/// unless it is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forwarded {
    /// The addresses of their own requests. From others the header is worth nothing.
    #[serde(deserialize_with = "networks")]
    pub peers: Vec<IpNet>,
}

/// Limits on what is let in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a minute, of one person, token or address.
    pub requests_a_minute: u32,
    /// The same of a collector, which brings seven objects an hour.
    pub ingest_a_minute: u32,
    /// Connections at a time.
    pub connections: usize,
    /// The largest object a collector may bring, in MiB.
    pub object_mib: usize,
    /// Bytes of objects that are held at a time, in MiB; further ones wait.
    pub held_mib: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_a_minute: 600, ingest_a_minute: 3000, connections: 1024, object_mib: 64, held_mib: 96 }
    }
}

impl Limits {
    /// Requests a minute of an address that says who it is by nothing that holds. Many people may share one address.
    pub(crate) fn of_nobody(&self) -> u32 {
        self.requests_a_minute.saturating_mul(10)
    }
}

/// How reports are shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// Days after the end of its window for which a report says what a cluster costs today. An older one is marked, and is
    /// in no sum over clusters. Monthly reports need some days more than a month.
    pub stale_after_days: u32,
}

impl Default for Reports {
    fn default() -> Self {
        Self { stale_after_days: 35 }
    }
}

impl Reports {
    /// Returns true when a report whose window ended then is too old to say what a cluster costs today.
    pub fn is_stale(&self, end: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - end > TimeDelta::days(i64::from(self.stale_after_days))
    }
}

/// How long what-ifs are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhatIfs {
    /// Days after its end for which a what-if that nobody keeps is there, with its result.
    pub keep_days: u32,
}

impl Default for WhatIfs {
    fn default() -> Self {
        Self { keep_days: 30 }
    }
}

/// Content of the Install page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Install {
    /// The chart, as `helm` takes it.
    pub chart: String,
    /// The namespace it goes to.
    pub namespace: String,
    /// The registry that holds the image; whoever installs writes it in where it is left out.
    pub registry: Option<String>,
}

impl Default for Install {
    fn default() -> Self {
        Self { chart: "./charts/emp-cost-agent".to_owned(), namespace: "emp-cost".to_owned(), registry: None }
    }
}

/// Reads networks such as `10.0.0.0/20`, and single addresses.
pub(crate) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: &String| {
        let address = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let wrong = || D::Error::custom(format!("`{text}` is no network; write `10.0.0.0/20`, or one address"));
        text.parse::<IpNet>().ok().or_else(address).ok_or_else(wrong)
    };
    Vec::<String>::deserialize(from)?.iter().map(network).collect()
}

fn profile() -> Vec<String> {
    ["profile", "email", "groups"].map(ToOwned::to_owned).into()
}

fn groups() -> String {
    "groups".to_owned()
}

fn algorithms() -> Vec<String> {
    vec!["RS256".to_owned()]
}

fn sign_in() -> String {
    "Sign in".to_owned()
}

fn user_header() -> String {
    "x-forwarded-user".to_owned()
}

fn groups_header() -> String {
    "x-forwarded-groups".to_owned()
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not TOML of this shape.
    #[error("the configuration cannot be read")]
    Toml(#[from] toml::de::Error),
    /// A value makes no sense.
    #[error("{0}")]
    Value(String),
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names what is wrong.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check().map_err(ConfigError::Value)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let url = &self.public_url;
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("`public_url` is `{url}`, no URL: {error}"))?;
        let origin = parsed.origin().ascii_serialization();
        if *url != origin {
            return Err(format!("`public_url` is `{url}`; write scheme and host alone, such as `{origin}`"));
        }
        if parsed.scheme() != "https" && !is_local(&parsed) {
            return Err(format!(
                "`public_url` is `{url}`: sessions would cross the network in the clear; use https, or http on localhost"
            ));
        }
        if self.session_hours == 0 || self.session_hours > 24 * 30 {
            return Err("`session_hours` is out of range; use 1 to 720".to_owned());
        }
        if let Some(all) = self.forwarded.peers.iter().find(|net| net.prefix_len() == 0) {
            return Err(format!(
                "`forwarded.peers` has `{all}`: any client could say that it is another; name the networks of your proxies"
            ));
        }
        if self.limits.object_mib == 0 || self.limits.held_mib < self.limits.object_mib {
            return Err("`limits.held_mib` is less than `limits.object_mib`, or that is 0: no object would find room"
                .to_owned());
        }
        if self.reports.stale_after_days == 0 || self.reports.stale_after_days > 36_500 {
            return Err("`reports.stale_after_days` is out of range; use 1 to 36500".to_owned());
        }
        if self.what_ifs.keep_days == 0 || self.what_ifs.keep_days > 36_500 {
            return Err("`what_ifs.keep_days` is out of range; use 1 to 36500".to_owned());
        }
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            if rule.name.is_empty() || !names.insert(&rule.name) {
                return Err(format!("two rules are named `{}`, or one has no name; name each once", rule.name));
            }
            if rule.groups.is_empty() || rule.clusters.is_empty() {
                return Err(format!("rule `{}` has no group or no cluster, so it gives nobody anything", rule.name));
            }
        }
        self.check_sign_out()?;
        // They stand in a command that somebody pastes into a shell.
        let install = [Some(&self.install.chart), Some(&self.install.namespace), self.install.registry.as_ref()];
        let plain = |c: char| c.is_ascii_alphanumeric() || "./:_@-".contains(c);
        if let Some(odd) = install.into_iter().flatten().find(|text| text.is_empty() || !text.chars().all(plain)) {
            return Err(format!("`install` has `{odd}`, which does not stand in a command as it is"));
        }
        self.check_alerts()?;
        let issuers = [
            self.sign_in.oidc.as_ref().map(|oidc| &oidc.issuer),
            self.sign_in.bearer.as_ref().map(|bearer| &bearer.issuer),
        ];
        for issuer in issuers.into_iter().flatten() {
            let parsed = reqwest::Url::parse(issuer).map_err(|error| format!("issuer `{issuer}`: {error}"))?;
            if parsed.scheme() != "https" && !is_local(&parsed) {
                return Err(format!("issuer `{issuer}` is not https; its keys could be anybody's"));
            }
        }
        let oidc = self.sign_in.oidc.iter().flat_map(|oidc| &oidc.algorithms);
        for name in oidc.chain(self.sign_in.bearer.iter().flat_map(|bearer| &bearer.algorithms)) {
            if crate::jwt::algorithm(name).is_none() {
                return Err(format!("algorithm `{name}` is none that is taken; use RS256, PS256, ES256 or ES384"));
            }
        }
        Ok(())
    }

    fn check_sign_out(&self) -> Result<(), String> {
        let proxy = self.sign_in.proxy.as_ref().and_then(|proxy| proxy.sign_out.as_ref());
        let alb = self.sign_in.alb.as_ref().and_then(|alb| alb.sign_out.as_ref());
        let is_https = |url: &str| reqwest::Url::parse(url).is_ok_and(|url| url.scheme() == "https");
        let is_path = |url: &str| url != "/" && crate::page_frame::inside(Some(url)) == url;
        match proxy.into_iter().chain(alb).find(|url| !is_path(url) && !is_https(url)) {
            Some(url) => Err(format!(
                "`sign_out` is `{url}`; write a path of the proxy such as `/oauth2/sign_out`, or an https URL"
            )),
            None => Ok(()),
        }
    }

    fn check_alerts(&self) -> Result<(), String> {
        if self.alerts.every_minutes == 0 || self.alerts.every_minutes > 24 * 60 {
            return Err("`alerts.every_minutes` is out of range; use 1 to 1440".to_owned());
        }
        if let Some(host) = self.alerts.hosts.iter().find(|host| host.is_empty() || host.contains(['/', ':', '@', '*']))
        {
            return Err(format!(
                "`alerts.hosts` has `{host}`; write the bare name of a host, such as `hooks.slack.com`"
            ));
        }
        let mut names = BTreeSet::new();
        for rule in &self.alert_rules {
            if rule.name.is_empty() || !names.insert(&rule.name) {
                return Err(format!("two alerts are named `{}`, or one has no name; name each once", rule.name));
            }
            rule.check()?;
        }
        Ok(())
    }

    /// Whether browsers come by https.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

fn is_local(url: &reqwest::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
public_url = "https://cost.example.com"
key_file = "/keys/cookie"
[sign_in.static]
token_file = "/keys/token"
groups = ["local"]
[[rule]]
name = "all"
groups = ["local"]
role = "admin"
clusters = ["*"]
"#;

    fn check(from: &str, to: &str, expect: &str) {
        let error = Config::read(&GOOD.replace(from, to)).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(format!("{error}: {source}").contains(expect), "{error}: {source}");
    }

    #[test]
    fn proxies_are_named_by_network_or_address_and_none_is_trusted_unless_named() {
        assert!(Config::read(GOOD).unwrap().forwarded.peers.is_empty());
        let named = "[forwarded]\npeers = [\"10.0.0.0/20\", \"10.9.9.9\", \"fd00::1\", \"::ffff:10.0.0.1\"]\n[[rule]]";
        let peers = Config::read(&GOOD.replace("[[rule]]", named)).unwrap().forwarded.peers;
        let texts: Vec<_> = peers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.0/20", "10.9.9.9/32", "fd00::1/128", "10.0.0.1/32"]);
    }

    #[test]
    fn a_configuration_is_read_and_a_mistake_named() {
        assert_eq!(Config::read(GOOD).unwrap().rules.len(), 1);
        check("role =", "rolle =", "rolle");
        check("\"admin\"", "\"root\"", "root");
        check("https://cost.example.com", "http://cost.example.com", "in the clear");
        check("https://cost.example.com", "https://cost.example.com/x", "scheme and host alone");
        check("groups = [\"local\"]\nrole", "groups = []\nrole", "gives nobody anything");
        check("[sign_in.static]", "[sign_in.magic]", "magic");
        let again = "\n[[rule]]\nname = \"all\"\ngroups = [\"x\"]\nrole = \"viewer\"\nclusters = [\"*\"]\n";
        check("clusters = [\"*\"]\n", &format!("clusters = [\"*\"]\n{again}"), "two rules are named `all`");
        let alert = "[[alert]]\nname = \"a\"\nhours_behind_above = 3\n";
        check("[[rule]]", &format!("{alert}{alert}[[rule]]"), "two alerts are named `a`");
        check("[[rule]]", "[[alert]]\nname = \"a\"\n[[rule]]", "needs one limit");
        check("[[rule]]", "[alerts]\nhosts = [\"https://hooks.slack.com/x\"]\n[[rule]]", "bare name of a host");
        check("[[rule]]", "[alerts]\nevery_minutes = 0\n[[rule]]", "out of range");
        check("[[rule]]", "[install]\nchart = \"x; rm -r /\"\n[[rule]]", "does not stand in a command");
        check("[[rule]]", "[what_ifs]\nkeep_days = 0\n[[rule]]", "`what_ifs.keep_days` is out of range");
        check("[[rule]]", "[limits]\nobject_mib = 64\nheld_mib = 1\n[[rule]]", "would find room");
        check("[[rule]]", "[forwarded]\npeers = [\"proxy\"]\n[[rule]]", "`proxy` is no network");
        check("[[rule]]", "[forwarded]\npeers = [\"::/0\"]\n[[rule]]", "any client could say");
        let proxy = "[sign_in.proxy]\npeers = [\"10.0.0.1\"]\nsign_out = \"javascript:alert(1)\"\n[[rule]]";
        check("[[rule]]", proxy, "`sign_out` is `javascript:alert(1)`");
        check("[[rule]]", &proxy.replace("javascript:alert(1)", "//other.example"), "`sign_out` is");
        for good in ["/oauth2/sign_out", "https://id.example.com/logout?client_id=a"] {
            assert!(Config::read(&GOOD.replace("[[rule]]", &proxy.replace("javascript:alert(1)", good))).is_ok());
        }
        let bearer = "[sign_in.bearer]\nissuer = \"https://i\"\naudience = \"a\"\nalgorithms = [\"none\"]\n[[rule]]";
        check("[[rule]]", bearer, "algorithm `none`");
    }
}
