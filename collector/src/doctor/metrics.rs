//! Which metrics are there, and how far back.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{DAY_SECONDS, DAYS, Finding, Severity, history, instant, last, narrowed};
use crate::server::{QueryError, Server};
use crate::usage::{INSTANT_RATE_RULE, STAND_INS, Usage};

/// How much a metric is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Without it no report can be made.
    Required,
    /// Without it a report says less, or is less sure.
    Recommended,
    /// Its objects need not exist on every cluster.
    Optional,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricReport {
    /// Its name.
    pub metric: &'static str,
    /// What exposes it.
    pub exporter: &'static str,
    /// How much it is needed.
    pub need: Need,
    /// What it is for.
    pub purpose: &'static str,
    /// Series now.
    pub series: i64,
    /// Days back to the first sample found, in whole days, up to thirty; `None` without samples.
    pub days_back: Option<i64>,
}

const KSM: &str = "kube-state-metrics";
const CADVISOR: &str = "cAdvisor";
const NODE_EXPORTER: &str = "node-exporter";
const KUBELET: &str = "kubelet";
/// What CPU is read from.
const CPU: &str = "container_cpu_usage_seconds_total";

/// Metric, what restricts it, its exporter, the need, and what it is for.
const METRICS: [(&str, &str, &str, Need, &str); 26] = [
    ("kube_node_created", "", KSM, Need::Required, "which nodes there were"),
    ("kube_node_info", "", KSM, Need::Required, "provider id and kubelet of nodes"),
    ("kube_node_status_capacity", "", KSM, Need::Required, "size of nodes"),
    ("kube_pod_info", "", KSM, Need::Required, "which pods ran where"),
    ("kube_pod_container_resource_requests", "", KSM, Need::Required, "what pods reserve"),
    (CPU, "{container!=\"\",container!=\"POD\",image!=\"\"}", CADVISOR, Need::Required, "CPU that containers use"),
    (
        "container_memory_working_set_bytes",
        "{container!=\"\",container!=\"POD\",image!=\"\"}",
        CADVISOR,
        Need::Required,
        "memory that containers use",
    ),
    (
        "container_start_time_seconds",
        "{container!=\"\",image!=\"\"}",
        CADVISOR,
        Need::Recommended,
        "restarts to the second",
    ),
    ("kube_node_status_allocatable", "", KSM, Need::Recommended, "what nodes keep for themselves"),
    ("kube_node_labels", "", KSM, Need::Recommended, "what nodes are"),
    ("kube_pod_created", "", KSM, Need::Recommended, "lives of pods to the second"),
    ("kube_pod_status_scheduled_time", "", KSM, Need::Recommended, "lives of pods to the second"),
    ("kube_pod_status_phase", "", KSM, Need::Recommended, "ends of pods"),
    ("kube_pod_owner", "", KSM, Need::Recommended, "the workload of a pod"),
    ("kube_replicaset_owner", "", KSM, Need::Recommended, "the deployment of a pod"),
    ("kube_pod_container_resource_limits", "", KSM, Need::Recommended, "limits"),
    (
        "node_cpu_seconds_total",
        "{mode=\"user\",cpu=\"0\"}",
        NODE_EXPORTER,
        Need::Recommended,
        "use and steal of whole nodes",
    ),
    ("node_memory_MemTotal_bytes", "", NODE_EXPORTER, Need::Recommended, "memory of whole nodes"),
    ("node_uname_info", "", NODE_EXPORTER, Need::Recommended, "which node an exporter runs on"),
    ("node_dmi_info", "", NODE_EXPORTER, Need::Optional, "the instance type where no label says it"),
    ("kube_persistentvolumeclaim_info", "", KSM, Need::Optional, "volumes and who pays for them"),
    ("kube_persistentvolume_info", "", KSM, Need::Optional, "volumes"),
    ("kube_persistentvolume_capacity_bytes", "", KSM, Need::Optional, "size of volumes"),
    ("kubelet_volume_stats_used_bytes", "", KUBELET, Need::Optional, "how full volumes are"),
    ("kube_pod_nodeselectors", "", KSM, Need::Optional, "which pods are bound to nodes by a selector"),
    ("kube_horizontalpodautoscaler_info", "", KSM, Need::Optional, "workloads that scale by themselves"),
];

pub(super) async fn examine(
    server: &Server,
    own: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<MetricReport>, QueryError> {
    let mut reports = Vec::new();
    for (metric, selector, exporter, need, purpose) in METRICS {
        // Counted once a day: thirty-one cheap points tell both how many there are and since when.
        let promql = format!("count({metric}{})", narrowed(own, selector));
        let end = now.timestamp();
        let points = history(server, &promql, end, DAYS * DAY_SECONDS, DAY_SECONDS).await?;
        let current: Vec<_> = points.iter().filter(|(ms, _)| *ms == end * 1000).copied().collect();
        let days_back = points.first().map(|(ms, _)| (end - ms / 1000) / DAY_SECONDS);
        reports.push(MetricReport { metric, exporter, need, purpose, series: last(&current), days_back });
    }
    let rules = format!("count by (__name__) ({})", narrowed(own, &format!("__name__=~\"{}\"", STAND_INS.join("|"))));
    let found = instant(server, &rules, &["__name__"], now).await?;
    let there: Vec<&str> = found.iter().flat_map(|(names, _)| names).map(String::as_str).collect();
    for exporter in [KSM, CADVISOR, NODE_EXPORTER] {
        findings.extend(missing(exporter, &reports, &there));
    }
    findings.extend(no_peaks(&reports, &there));
    findings.extend(no_node_selectors(&reports));
    Ok(reports)
}

/// Whether cAdvisor's counter of CPU is there.
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

/// That nobody can tell which pods may run on which nodes, which kube-state-metrics tells only where it is asked to.
fn no_node_selectors(reports: &[MetricReport]) -> Option<Finding> {
    let lacks = |name: &str| reports.iter().any(|report| report.metric == name && report.series == 0);
    (lacks("kube_pod_nodeselectors") && !lacks("kube_pod_info")).then(|| Finding {
        severity: Severity::Weakens,
        what: "node selectors of pods are not known, so pods that are bound to some nodes look as if they could run on any"
            .to_owned(),
        next: "let kube-state-metrics expose them, which it does only when asked: \
               `--metric-opt-in-list=kube_pod_nodeselectors`, with its Helm chart in `extraArgs`"
            .to_owned(),
    })
}

/// What is missing of an exporter, as one finding; `there` are the metrics that may stand in for cAdvisor's.
fn missing(exporter: &str, reports: &[MetricReport], there: &[&str]) -> Option<Finding> {
    let of: Vec<_> =
        reports.iter().filter(|report| report.exporter == exporter && report.need != Need::Optional).collect();
    let absent: Vec<_> = of.iter().filter(|report| report.series == 0).collect();
    // The collector takes rules only where the counter of CPU is not there.
    let rule = Usage::recorded(there).and_then(Usage::cpu_rule).filter(|_| exporter == CADVISOR && !has_cpu(reports));
    let worst = if rule.is_none() && absent.iter().any(|report| report.need == Need::Required) {
        Severity::Blocks
    } else {
        Severity::Weakens
    };
    if absent.is_empty() {
        return None;
    }
    let names = absent.iter().map(|report| format!("`{}` ({})", report.metric, report.purpose)).collect::<Vec<_>>();
    let what = if absent.len() == of.len() {
        format!("{exporter} is not scraped: none of its metrics is there")
    } else {
        format!("{exporter} does not bring {}", names.join(", "))
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
        KSM => {
            "with Helm chart kube-prometheus-stack: `kubeStateMetrics.enabled: true`; check `metricDenylist` and the relabelings of its ServiceMonitor"
        }
        CADVISOR => {
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

    fn check(absent: &[&str], exporter: &str, expect: Option<(Severity, &str)>) {
        check_beside(&[], absent, exporter, expect);
    }

    fn check_beside(there: &[&str], absent: &[&str], exporter: &str, expect: Option<(Severity, &str)>) {
        let reports: Vec<_> = METRICS
            .iter()
            .map(|(metric, _, exporter, need, purpose)| MetricReport {
                metric,
                exporter,
                need: *need,
                purpose,
                series: i64::from(!absent.contains(metric)),
                days_back: None,
            })
            .collect();
        let found = missing(exporter, &reports, there);
        assert_eq!(found.as_ref().map(|f| f.severity), expect.map(|(severity, _)| severity), "{found:?}");
        if let (Some(found), Some((_, words))) = (found, expect) {
            assert!(found.what.contains(words), "{}", found.what);
        }
    }

    #[test]
    fn what_is_missing_blocks_only_where_it_is_required() {
        check(&[], KSM, None);
        check(&["kube_pod_info"], KSM, Some((Severity::Blocks, "does not bring `kube_pod_info`")));
        check(&["kube_pod_owner"], KSM, Some((Severity::Weakens, "the workload of a pod")));
        check(&["kube_horizontalpodautoscaler_info"], KSM, None);
        let exporter: Vec<_> = METRICS.iter().filter(|m| m.2 == NODE_EXPORTER).map(|m| m.0).collect();
        check(&exporter, NODE_EXPORTER, Some((Severity::Weakens, "node-exporter is not scraped")));
        let cadvisor: Vec<_> = METRICS.iter().filter(|m| m.2 == CADVISOR).map(|m| m.0).collect();
        check(&cadvisor, CADVISOR, Some((Severity::Blocks, "cAdvisor is not scraped")));
        check_beside(&STAND_INS, &cadvisor, CADVISOR, Some((Severity::Weakens, "sum_rate5m` stands in")));
        // Nothing stands in for memory, or for CPU where its counter is there.
        check_beside(&[INSTANT_RATE_RULE], &cadvisor, CADVISOR, Some((Severity::Blocks, "is not scraped")));
        check_beside(&STAND_INS, &["container_memory_working_set_bytes"], CADVISOR, Some((Severity::Blocks, "memory")));
    }
}
