//! Kind of server that answers, told from what it says of itself. Pure.

use std::fmt;

use serde::Deserialize;

/// Kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavor {
    /// Prometheus itself
    Prometheus,
    /// Thanos Query, or its query frontend
    Thanos,
    /// Grafana Mimir
    Mimir,
    /// Cortex
    Cortex,
    /// Amazon Managed Service for Prometheus
    AmazonManagedPrometheus,
    /// VictoriaMetrics
    VictoriaMetrics,
    /// Something that speaks the API and does not say what it is
    Unknown,
}

impl Flavor {
    /// Its name in manifests and in `quality_hour`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Thanos => "thanos",
            Self::Mimir => "mimir",
            Self::Cortex => "cortex",
            Self::AmazonManagedPrometheus => "amazon-managed-prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The region of a workspace of Amazon Managed Service for Prometheus, from the host `aps-workspaces.REGION.amazonaws.com`
/// (`aps-workspaces-fips` and `.com.cn` too).
pub(super) fn amazon_region(host: &str) -> Option<&str> {
    let rest = host.strip_prefix("aps-workspaces.").or_else(|| host.strip_prefix("aps-workspaces-fips."))?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    (!region.is_empty() && !region.contains('.')).then_some(region)
}

/// Amazon's flavour, where the host is that of a workspace.
pub(super) fn amazon(host: &str) -> Option<Flavor> {
    amazon_region(host).map(|_| Flavor::AmazonManagedPrometheus)
}

/// Answer of `api/v1/status/buildinfo`. Servers add and leave out fields as they like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct BuildInfo {
    /// Mimir and Cortex name themselves here.
    application: String,
    pub(super) version: String,
    #[serde(rename = "goVersion")]
    go_version: String,
}

impl BuildInfo {
    /// Reads the body of an answer; nothing where it is something else.
    pub(super) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            data: BuildInfo,
        }
        serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.data).unwrap_or_default()
    }

    /// The flavour as far as build information tells it; `None` where a probe must.
    ///
    /// - Mimir and Cortex fill `application` (source: `pkg/api/handlers.go` of Mimir; Cortex sends the same form).
    /// - VictoriaMetrics answers with the version of a Prometheus it stands in for and nothing else, but every
    ///   answer of its HTTP server has the header `X-Server-Hostname` (source: `lib/httpserver`; tested against it).
    /// - Thanos answers in Prometheus' form with its own version, which begins with `0.`; no Prometheus since 2016 does.
    pub(super) fn flavor(&self, victoria_header: bool) -> Option<Flavor> {
        let application = self.application.to_ascii_lowercase();
        if application.contains("mimir") {
            return Some(Flavor::Mimir);
        }
        if application.contains("cortex") {
            return Some(Flavor::Cortex);
        }
        if victoria_header {
            return Some(Flavor::VictoriaMetrics);
        }
        let major: u32 = self.version.trim_start_matches('v').split('.').next()?.parse().ok()?;
        (major >= 2 && !self.go_version.is_empty()).then_some(Flavor::Prometheus)
    }
}

/// The version in the metrics of VictoriaMetrics: `vm_app_version{…,short_version="v1.79.5"}`.
pub(super) fn victoria_version(metrics: &str) -> Option<String> {
    let line = metrics.lines().find(|line| line.starts_with("vm_app_version{"))?;
    let label = |name: &str| line.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value);
    // Builds of distributions leave the short form empty.
    let version = label(",short_version").filter(|v| !v.is_empty()).or_else(|| label("{version"))?;
    Some(version.trim_start_matches("victoria-metrics-").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_information_tells_most_servers() {
        let told = |data: &str, header| BuildInfo::read(format!("{{\"data\":{data}}}").as_bytes()).flavor(header);
        let prometheus = r#"{"version":"2.42.0","revision":"x","goVersion":"go1.19"}"#;
        assert_eq!(told(prometheus, false), Some(Flavor::Prometheus));
        assert_eq!(told(r#"{"application":"Grafana Mimir","version":"2.14.0"}"#, false), Some(Flavor::Mimir));
        assert_eq!(told(r#"{"application":"Cortex","version":"1.18.0"}"#, false), Some(Flavor::Cortex));
        assert_eq!(told(r#"{"version":"2.24.0"}"#, true), Some(Flavor::VictoriaMetrics));
        assert_eq!(told(r#"{"version":"2.24.0"}"#, false), None);
        assert_eq!(told(r#"{"version":"0.35.1","goVersion":"go1.22"}"#, false), None, "a Thanos, perhaps");
        assert_eq!(BuildInfo::read(b"<html>"), BuildInfo::default());
    }

    #[test]
    fn the_region_of_a_workspace_is_in_its_host() {
        for (host, region) in [
            ("aps-workspaces.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("aps-workspaces-fips.us-east-1.amazonaws.com", Some("us-east-1")),
            ("aps-workspaces.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("aps-workspaces.amazonaws.com", None),
            ("aps-workspaces.eu-west-1.amazonaws.com.evil.org", None),
            ("prometheus", None),
        ] {
            assert_eq!(amazon_region(host), region, "{host}");
        }
    }

    #[test]
    fn the_version_of_victoria_metrics_is_in_its_metrics() {
        let text = "a 1\nvm_app_version{version=\"victoria-metrics-2022-v1.79.5\",short_version=\"v1.79.5\"} 1\n";
        assert_eq!(victoria_version(text).as_deref(), Some("v1.79.5"));
        assert_eq!(victoria_version("vm_app_version{version=\"x\",short_version=\"\"} 1").as_deref(), Some("x"));
        assert_eq!(victoria_version("up 1"), None);
    }
}
