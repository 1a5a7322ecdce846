//! Which metrics are there, and how far back.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::{Finding, Severity};
use super::series_by_label::{DAY_SECONDS, DAYS, history, instant, last, narrowed};
use crate::metric_catalogue::{Exporter, METRICS, Metric, Need};
use crate::server::{QueryError, Server};
use crate::usage_source::{INSTANT_RATE_RULE, STAND_INS, UsageSource};

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricReport {
    /// Its name.
    pub metric: &'static str,
    /// Its exporter.
    pub exporter: &'static str,
    /// Its importance.
    pub need: Need,
    /// Its purpose.
    pub purpose: &'static str,
    /// Series now.
    pub series: i64,
    /// Days back to the first sample found, in whole days, up to thirty; `None` without samples.
    pub days_back: Option<i64>,
}

/// Metric that CPU is read from.
const CPU: &str = "container_cpu_usage_seconds_total";

impl MetricReport {
    /// The report of a metric that has no series.
    fn of(metric: &Metric) -> Self {
        let Metric { name, need, purpose, exporter, .. } = *metric;
        Self { metric: name, exporter: exporter.name(), need, purpose, series: 0, days_back: None }
    }
}

pub(super) async fn examine(
    server: &Server,
    own: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<MetricReport>, QueryError> {
    let mut reports = Vec::new();
    // What a rule records is looked at below.
    for metric in METRICS.iter().filter(|metric| metric.exporter != Exporter::RecordingRule) {
        // Counted once a day: thirty-one cheap points tell both how many there are and since when.
        let promql = format!("count({}{})", metric.name, narrowed(own, metric.counted()));
        let end = now.timestamp();
        let points = history(server, &promql, end, DAYS * DAY_SECONDS, DAY_SECONDS).await?;
        let current: Vec<_> = points.iter().filter(|(ms, _)| *ms == end.saturating_mul(1000)).copied().collect();
        let days_back = points.first().map(|(ms, _)| end.saturating_sub(ms / 1000) / DAY_SECONDS);
        reports.push(MetricReport { series: last(&current), days_back, ..MetricReport::of(metric) });
    }
    let rules = format!("count by (__name__) ({})", narrowed(own, &format!("__name__=~\"{}\"", STAND_INS.join("|"))));
    let found = instant(server, &rules, &["__name__"], now).await?;
    let there: Vec<&str> = found.iter().flat_map(|(names, _)| names).map(String::as_str).collect();
    for exporter in [Exporter::KubeStateMetrics, Exporter::Cadvisor, Exporter::NodeExporter] {
        findings.extend(missing(exporter, &reports, &there));
    }
    findings.extend(no_peaks(&reports, &there));
    findings.extend(not_opted_in(&reports));
    Ok(reports)
}

/// Returns whether cAdvisor's counter of CPU is there.
fn has_cpu(reports: &[MetricReport]) -> bool {
    reports.iter().any(|report| report.metric == CPU && report.series > 0)
}

/// That nothing tells of CPU within a slot, where it could be told.
fn no_peaks(reports: &[MetricReport], there: &[&str]) -> Option<Finding> {
    (has_cpu(reports) && !there.contains(&INSTANT_RATE_RULE)).then(|| Finding {
        severity: Severity::Note,
        what: "peaks of CPU within five minutes are not known: no rule records them".to_owned(),
        next: "with Helm chart kube-prometheus-stack: `defaultRules.rules.k8sContainerCpuUsageSecondsTotal: true`"
            .to_owned(),
    })
}

/// Metrics that kube-state-metrics exposes only where it is asked to, and is not.
fn not_opted_in(reports: &[MetricReport]) -> Option<Finding> {
    let lacks = |name: &str| reports.iter().any(|report| report.metric == name && report.series == 0);
    let opt_in = METRICS.iter().filter(|metric| !metric.flag.is_empty());
    let absent: Vec<&Metric> = opt_in.filter(|metric| lacks(metric.name) && !lacks("kube_pod_info")).collect();
    let list = |text: fn(&Metric) -> String| absent.iter().map(|metric| text(metric)).collect::<Vec<_>>().join("; ");
    (!absent.is_empty()).then(|| Finding {
        severity: Severity::Weakens,
        what: list(|metric| format!("`{}` is not there, so {}", metric.name, metric.otherwise)),
        next: format!(
            "kube-state-metrics exposes that only when it is started with {}, as in the Helm values below",
            list(|metric| format!("`{}`", metric.flag))
        ),
    })
}

/// Finds the missing metrics of an exporter, as one finding; `there` are the metrics that may stand in for cAdvisor's.
fn missing(exporter: Exporter, reports: &[MetricReport], there: &[&str]) -> Option<Finding> {
    let of: Vec<_> =
        reports.iter().filter(|report| report.exporter == exporter.name() && report.need != Need::Optional).collect();
    let absent: Vec<_> = of.iter().filter(|report| report.series == 0).collect();
    // The collector takes rules only where the counter of CPU is not there.
    let rule = UsageSource::recorded(there)
        .and_then(UsageSource::cpu_rule)
        .filter(|_| exporter == Exporter::Cadvisor && !has_cpu(reports));
    let worst = if rule.is_none() && absent.iter().any(|report| report.need == Need::Required) {
        Severity::Blocks
    } else {
        Severity::Weakens
    };
    if absent.is_empty() {
        return None;
    }
    let name = exporter.name();
    let names = absent.iter().map(|report| format!("`{}` ({})", report.metric, report.purpose)).collect::<Vec<_>>();
    let what = if absent.len() == of.len() {
        format!("{name} is not scraped: none of its metrics is there")
    } else {
        format!("{name} does not bring {}", names.join(", "))
    };
    if let Some(rule) = rule {
        return Some(Finding {
            severity: worst,
            what: format!(
                "{what}; the rule `{rule}` stands in: usage is inferred from rates, and restarts and what lives for a minute or two are not seen"
            ),
            next: format!(
                "keep `{CPU}`, `container_memory_working_set_bytes` and `container_start_time_seconds` on this server, as in `writeRelabelConfigs` of the one that scrapes"
            ),
        });
    }
    let next = match exporter {
        Exporter::KubeStateMetrics => {
            "with Helm chart kube-prometheus-stack: `kubeStateMetrics.enabled: true`; check `metricDenylist` and the relabelings of its ServiceMonitor"
        }
        Exporter::Cadvisor => {
            "with Helm chart kube-prometheus-stack: `kubelet.enabled: true` and `kubelet.serviceMonitor.cAdvisor: true`; check `cAdvisorMetricRelabelings`"
        }
        _ => {
            "with Helm chart kube-prometheus-stack: `nodeExporter.enabled: true`; without it the use of whole nodes is not known"
        }
    };
    Some(Finding { severity: worst, what, next: next.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(absent: &[&str], exporter: Exporter, expect: Option<(Severity, &str)>) {
        check_beside(&[], absent, exporter, expect);
    }

    fn check_beside(there: &[&str], absent: &[&str], exporter: Exporter, expect: Option<(Severity, &str)>) {
        let series = |metric: &Metric| i64::from(!absent.contains(&metric.name));
        let reports: Vec<_> =
            METRICS.iter().map(|metric| MetricReport { series: series(metric), ..MetricReport::of(metric) }).collect();
        let found = missing(exporter, &reports, there);
        assert_eq!(found.as_ref().map(|f| f.severity), expect.map(|(severity, _)| severity), "{found:?}");
        if let (Some(found), Some((_, words))) = (found, expect) {
            assert!(found.what.contains(words), "{}", found.what);
        }
    }

    fn of(exporter: Exporter) -> Vec<&'static str> {
        METRICS.iter().filter(|metric| metric.exporter == exporter).map(|metric| metric.name).collect()
    }

    #[test]
    fn what_is_opted_in_is_asked_for_where_it_is_not_there() {
        let series = |metric: &Metric| MetricReport { series: 1, ..MetricReport::of(metric) };
        let mut reports: Vec<_> = METRICS.iter().map(series).collect();
        assert_eq!(not_opted_in(&reports), None);
        reports.iter_mut().filter(|report| report.metric == "kube_pod_nodeselectors").for_each(|r| r.series = 0);
        let found = not_opted_in(&reports).unwrap();
        assert!(found.what.contains("look as if they could run on any"), "{}", found.what);
        assert!(found.next.contains("`--metric-opt-in-list=kube_pod_nodeselectors`"), "{}", found.next);
    }

    #[test]
    fn what_is_missing_blocks_only_where_it_is_required() {
        check(&[], Exporter::KubeStateMetrics, None);
        check(
            &["kube_pod_info"],
            Exporter::KubeStateMetrics,
            Some((Severity::Blocks, "does not bring `kube_pod_info`")),
        );
        check(&["kube_pod_owner"], Exporter::KubeStateMetrics, Some((Severity::Weakens, "the workload of a pod")));
        check(&["kube_horizontalpodautoscaler_info"], Exporter::KubeStateMetrics, None);
        let exporter = of(Exporter::NodeExporter);
        check(&exporter, Exporter::NodeExporter, Some((Severity::Weakens, "node-exporter is not scraped")));
        let cadvisor = of(Exporter::Cadvisor);
        check(&cadvisor, Exporter::Cadvisor, Some((Severity::Blocks, "cAdvisor is not scraped")));
        check_beside(&STAND_INS, &cadvisor, Exporter::Cadvisor, Some((Severity::Weakens, "sum_rate5m` stands in")));
        // Nothing stands in for memory, or for CPU where its counter is there.
        check_beside(&[INSTANT_RATE_RULE], &cadvisor, Exporter::Cadvisor, Some((Severity::Blocks, "is not scraped")));
        check_beside(
            &STAND_INS,
            &["container_memory_working_set_bytes"],
            Exporter::Cadvisor,
            Some((Severity::Blocks, "memory")),
        );
    }
}
