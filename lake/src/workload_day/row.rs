//! A row, and the part of the bill it is of.

use std::sync::Arc;

use serde::Serialize;

/// Part of the bill that a row is of. Summed over all parts, the rows of a report are its bill, to the nano-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A workload, by the greater of request and use.
    Workload,
    /// A daemonset, which is overhead.
    Daemonset,
    /// Overhead but daemonsets: what the kubelet keeps, boots, control plane, network.
    Overhead,
    /// Paid for, and neither requested nor used.
    Idle,
    /// Counted in workloads beyond capacity and paid by nobody: negative.
    Oversubscribed,
    /// Cost that could be given to nothing.
    Residual,
}

impl Part {
    /// Every part, in the order of its name in files.
    pub const ALL: [Self; 6] =
        [Self::Workload, Self::Daemonset, Self::Overhead, Self::Idle, Self::Oversubscribed, Self::Residual];

    /// Its name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Daemonset => "daemonset",
            Self::Overhead => "overhead",
            Self::Idle => "idle",
            Self::Oversubscribed => "oversubscribed",
            Self::Residual => "residual",
        }
    }
}

/// One row: what one workload with one set of labels cost on one group of nodes on one day, or one part of the bill
/// that is no workload's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadDay {
    /// The cluster.
    pub cluster: Arc<str>,
    /// The UTC day, `2026-07-31`; `None` for what cannot be put on a day.
    pub date: Option<Arc<str>>,
    /// Part of the bill.
    pub part: Part,
    /// Namespace of a workload.
    pub namespace: Option<Arc<str>>,
    /// Its kind, such as `Deployment`.
    pub workload_kind: Option<Arc<str>>,
    /// Its name.
    pub workload: Option<Arc<str>>,
    /// Labels that were asked for, as `key=value`, sorted.
    pub labels: Arc<[Arc<str>]>,
    /// Group of nodes; `None` for what does not stand on nodes.
    pub node_group: Option<Arc<str>>,
    /// For CPU, in nano-dollars.
    pub cpu_nano_usd: i64,
    /// For memory.
    pub memory_nano_usd: i64,
    /// For persistent volumes.
    pub volume_nano_usd: i64,
    /// For Fargate.
    pub fargate_nano_usd: i64,
    /// For what is not divided by line: all of a row that is no workload's.
    pub other_nano_usd: i64,
    /// CPU reserved, in core-milliseconds; `None` where it is not a workload's.
    pub cpu_request_core_ms: Option<i64>,
    /// CPU used, in core-milliseconds.
    pub cpu_used_core_ms: Option<i64>,
    /// Memory reserved, in KiB-seconds.
    pub memory_request_kib_s: Option<i64>,
    /// Memory used (working set), in KiB-seconds.
    pub memory_used_kib_s: Option<i64>,
}

impl WorkloadDay {
    /// A row of a cluster of which nothing is said yet: it is of no day and no workload, and costs nothing.
    pub fn of(cluster: &str, part: Part) -> Self {
        Self {
            cluster: cluster.into(),
            date: None,
            part,
            namespace: None,
            workload_kind: None,
            workload: None,
            labels: Arc::default(),
            node_group: None,
            cpu_nano_usd: 0,
            memory_nano_usd: 0,
            volume_nano_usd: 0,
            fargate_nano_usd: 0,
            other_nano_usd: 0,
            cpu_request_core_ms: None,
            cpu_used_core_ms: None,
            memory_request_kib_s: None,
            memory_used_kib_s: None,
        }
    }

    /// Its cost, all lines together, in nano-dollars.
    pub fn nano_usd(&self) -> i128 {
        let lines =
            [self.cpu_nano_usd, self.memory_nano_usd, self.volume_nano_usd, self.fargate_nano_usd, self.other_nano_usd];
        lines.into_iter().map(i128::from).sum()
    }

    /// The value of a label; `None` without it.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find_map(|label| label.strip_prefix(name)?.strip_prefix('='))
    }
}
