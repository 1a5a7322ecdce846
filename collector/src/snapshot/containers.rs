//! What cAdvisor measures of containers, and what their specs ask for.

use super::{Edges, Slots, Snapshot, edges, slots, text, value, value_seconds};
use crate::decode::Series;

/// One instance of a container: what runs between two restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InstanceKey {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    /// The cgroup.
    pub(crate) id: String,
}

/// What cAdvisor says of one instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Instance {
    pub(crate) cpu_core_seconds: Edges,
    pub(crate) memory_mean_bytes: Slots,
    pub(crate) memory_max_bytes: Slots,
    pub(crate) start_seconds: Option<i64>,
}

/// Requests and limits of a container.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Resources {
    pub(crate) cpu_request_cores: Option<f64>,
    pub(crate) memory_request_bytes: Option<f64>,
    pub(crate) cpu_limit_cores: Option<f64>,
    pub(crate) memory_limit_bytes: Option<f64>,
    /// Declared among the init containers.
    pub(crate) init: bool,
    /// An init container that keeps running.
    pub(crate) sidecar: bool,
}

pub(super) fn cpu(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.instance(series)?.cpu_core_seconds = edges(series, start);
    Some(())
}

pub(super) fn memory_mean(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.instance(series)?.memory_mean_bytes = slots(series, start);
    Some(())
}

pub(super) fn memory_max(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.instance(series)?.memory_max_bytes = slots(series, start);
    Some(())
}

pub(super) fn start(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    s.instance(series)?.start_seconds = value_seconds(series);
    Some(())
}

pub(super) fn init_containers(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let container = text(series, 3)?.to_owned();
    let always = text(series, 4) == Some("Always");
    let resources = s.pod(series, 2)?.containers.entry(container).or_default();
    resources.init = true;
    resources.sidecar = always;
    Some(())
}

pub(super) fn resources(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let container = text(series, 4)?.to_owned();
    let cpu = text(series, 5)? == "cpu";
    let resources = s.pod(series, 3)?.containers.entry(container).or_default();
    resources.init |= metric.starts_with("kube_pod_init_");
    let field = match (metric.ends_with("_limits"), cpu) {
        (false, true) => &mut resources.cpu_request_cores,
        (false, false) => &mut resources.memory_request_bytes,
        (true, true) => &mut resources.cpu_limit_cores,
        (true, false) => &mut resources.memory_limit_bytes,
    };
    *field = value(series);
    Some(())
}
