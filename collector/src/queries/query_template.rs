//! A query as it is written down.

use types::window::HOUR_SECONDS;
use types::{Hour, SLOT_SECONDS};

use crate::metric_catalogue::{Asked, METRICS, Metric};

/// Seconds past the end of the hour to which facts about lives are read: two scrapes of kube-state-metrics at its usual
/// 60 s. An hour is collected only after it settled for longer than that.
pub const LOOK_AHEAD_SECONDS: i64 = 120;

/// When a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Once, [`LOOK_AHEAD_SECONDS`] after the end of the hour.
    Once,
    /// At the end of each of the twelve slots.
    Slots,
    /// At the end of each of the twelve slots and of the one after them: facts with their times. What shows in the last alone
    /// began in the last seconds of the hour.
    SlotsAndNext,
    /// At the end of each slot of the hour before, of the hour itself, and of the one after it: facts whose absence in the
    /// hour tells nothing where they are there before and after.
    Around,
    /// At the start of the hour and at the end of each slot: thirteen points, for differences of counters.
    Edges,
    /// At the edges of the slots of the hour before, without its end.
    Before,
    /// At the edges of the slots of the hour after, without its start.
    After,
}

impl Shape {
    /// First and last moment of evaluation, in seconds since the epoch.
    pub fn bounds(self, hour: Hour) -> (i64, i64) {
        let (start, end) = (hour.start_seconds(), hour.end_seconds());
        match self {
            Self::Once => {
                let at = end.saturating_add(LOOK_AHEAD_SECONDS);
                (at, at)
            }
            Self::Slots => (start.saturating_add(SLOT_SECONDS), end),
            Self::SlotsAndNext => (start.saturating_add(SLOT_SECONDS), end.saturating_add(SLOT_SECONDS)),
            Self::Around => (start.saturating_sub(HOUR_SECONDS - SLOT_SECONDS), end.saturating_add(HOUR_SECONDS)),
            Self::Edges => (start, end),
            Self::Before => (start.saturating_sub(HOUR_SECONDS), start.saturating_sub(SLOT_SECONDS)),
            Self::After => (end.saturating_add(SLOT_SECONDS), end.saturating_add(HOUR_SECONDS)),
        }
    }
}

/// Fact a query asks for. The names of the constants below, as values, so that the compiler sees to it that every
/// answer is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented at the constant of its name")]
pub enum Fact {
    ContainerCpu,
    ContainerCpuBeyond,
    ContainerCpuScraped,
    ContainerRate,
    ContainerCpuPeak,
    ContainerMemoryMean,
    ContainerMemoryMax,
    ContainerStart,
    ContainerResources,
    PodInfo,
    PodLastSeen,
    PodFacts,
    PodEnded,
    PodSpec,
    PodNodeSelector,
    Owners,
    Exporters,
    Duplicates,
    NodeInfo,
    NodeLastSeen,
    NodeCreated,
    NodeResources,
    NodeLabels,
    NodeCpu,
    NodeCpuBeyond,
    NodeMemory,
    NodeIo,
    NodeIoBeyond,
    NodeExporters,
    LoadBalancers,
    ClaimInfo,
    VolumeInfo,
    VolumeUsed,
}

/// One question to the server, as it is written down; [`questions`](super::questions) makes of it what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Fact it asks for.
    pub fact: Fact,
    /// Its name in `quality_hour` and in messages.
    pub name: &'static str,
    /// The metric, for messages about what is missing.
    pub metric: &'static str,
    /// The label by which the question is asked in parts where the server cannot answer it whole; one of
    /// [`Self::labels`], so that what belongs together stays together.
    pub shard_by: &'static str,
    /// When it is evaluated.
    pub shape: Shape,
    /// The labels read from the answer, in this order.
    pub labels: &'static [&'static str],
    /// The expression, with [`SHARD`] at the start of every selector, and marks where [`Self::text`] puts what the catalogue
    /// says.
    pub promql: &'static str,
}

impl Query {
    /// The expression with the metrics in it that by the catalogue are asked for with it.
    pub fn text(&self) -> String {
        match self.fact {
            Fact::ContainerStart => self.of_instances(&METRICS),
            Fact::NodeIo => {
                let counters = METRICS.iter().filter(|metric| metric.asked == Asked::OfDevices);
                let names: Vec<&str> = counters.map(|metric| metric.name).collect();
                self.promql.replace("$counters", &names.join("|"))
            }
            _ => self.promql.to_owned(),
        }
    }

    /// The expression once for each metric that is asked of instances, joined by `or`. That takes no notice of names, so
    /// all but the metric that the query is named for are told apart by the label [`JOINED`].
    fn of_instances(&self, metrics: &[Metric]) -> String {
        let expression = |metric: &Metric| {
            let Asked::OfInstances { function, span } = metric.asked else { return None };
            let name = metric.name;
            let filled = self.promql.replace("$function", function).replace("$metric", name).replace("$span", span);
            Some(match name == self.metric {
                true => filled,
                false => format!("label_replace({filled},\"{JOINED}\",\"{name}\",\"\",\"\")"),
            })
        };
        metrics.iter().filter_map(expression).collect::<Vec<_>>().join(" or ")
    }
}

/// The label of what joined the query of a metric: the name of its own.
pub(crate) const JOINED: &str = "joined";

/// Where the matchers of a part go; nothing when the whole is asked for.
pub const SHARD: &str = "$shard,";

/// Pattern of the label `cpu` of a part of a counter, which is one processor. What is `total`, or has no such label, is all
/// of it.
macro_rules! one_cpu {
    () => {
        "(cpu)?[0-9]+"
    };
}
pub(super) use one_cpu;

#[cfg(test)]
mod tests {
    use super::super::CONTAINER_START;
    use super::*;

    const STARTS: &str = "max by (namespace,pod,container,id) (last_over_time(container_start_time_seconds\
                          {$shard,container!=\"\",container!=\"POD\",image!=\"\"}[62m]))";

    #[test]
    fn what_joins_the_starts_of_containers_is_told_apart_by_its_name() {
        let start = *crate::metric_catalogue::metric("container_start_time_seconds").unwrap();
        let asked = Asked::OfInstances { function: "increase", span: "[1h] offset 2m" };
        assert_eq!(CONTAINER_START.of_instances(&[start]), STARTS);
        let more = Metric { name: "container_periods_total", asked, ..start };
        let expect = format!(
            "{STARTS} or label_replace(max by (namespace,pod,container,id) (increase(container_periods_total\
             {{$shard,container!=\"\",container!=\"POD\",image!=\"\"}}[1h] offset 2m)),\
             \"joined\",\"container_periods_total\",\"\",\"\")"
        );
        assert_eq!(CONTAINER_START.of_instances(&[start, more]), expect);
    }
}
