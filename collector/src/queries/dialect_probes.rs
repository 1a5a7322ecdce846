//! Questions by which a server's dialect is told apart, and the queries that stand in for others by it.

use super::containers::{CONTAINER_CPU_PARTS, ONE_CPU};
use super::narrowed_query::matchers;
use super::query_template::{Fact, Query};
use super::recording_rules::{
    INSTANT_RATE_PEAK, RECORDED_INSTANT_RATE, RECORDED_MEMORY_MAX, RECORDED_MEMORY_MEAN, RECORDED_RATE,
    WHOLE_MEMORY_MAX, WHOLE_MEMORY_MEAN,
};
use crate::dialect::{Dialect, REPLICA_LABELS};
use crate::settings::Settings;
use crate::single_cluster_check;
use crate::usage_source::{Rates, STAND_INS, UsageSource};

/// The name under which the probe tells of more than one namespace `kube-system`.
pub(crate) const KUBE_SYSTEMS: &str = "kube_systems";

/// One look at an hour before it is asked for: the labels of its nodes, by which several clusters show, and what
/// [`dialect_probe`] asks.
pub fn hour_probe(settings: &Settings) -> String {
    let own = matchers(settings, &Dialect::default());
    format!("{} or {}", single_cluster_check::nodes(&own), dialect_probe(settings))
}

/// One question that tells the dialect apart: a series for each thing found, named in `found`.
pub fn dialect_probe(settings: &Settings) -> String {
    let own = matchers(settings, &Dialect::default());
    // Over all of the hour: scrapes may have ended in it.
    let cpu = |matchers: &str, span: &str| {
        format!("last_over_time(container_cpu_usage_seconds_total{{{own}image!=\"\"{matchers}}}[{span}])")
    };
    // And over the hour before, where a counter is looked for that was not scraped at the first edge of this one.
    let old = cpu(",container_name!=\"\",container=\"\"", "122m");
    // As far back as a counter is looked for at the first edge of the hour, where the greatest part is no total.
    let parts = cpu(&format!(",cpu=~\"{ONE_CPU}\""), "67m");
    let mut probe = format!(
        "label_replace(count({old}) > 0,\"found\",\"old_cadvisor\",\"\",\"\") or \
         label_replace(count(count by (job,metrics_path,exported_job) ({})) > 1,\"found\",\"cadvisor_jobs\",\"\",\"\") or \
         label_replace(count({parts}) > 0,\"found\",\"per_cpu\",\"\",\"\")",
        cpu("", "62m")
    );
    probe.push_str(&format!(" or label_replace({},\"found\",\"{KUBE_SYSTEMS}\",\"\",\"\")", kube_systems(&own)));
    for label in REPLICA_LABELS {
        probe.push_str(&format!(
            " or label_replace(count(count by ({label}) (last_over_time(kube_node_info{{{own}{label}!=\"\"}}[62m]))) > 1,\
             \"found\",\"{label}\",\"\",\"\")"
        ));
    }
    probe
}

/// The question at how many moments the namespace was created that every cluster has from its beginning; `own` is what
/// selectors begin with. A server without `honor_labels` keeps its name in another label.
fn kube_systems(own: &str) -> String {
    let created = |which: &str| format!("last_over_time(kube_namespace_created{{{own}{which}}}[62m])");
    let plain = created("namespace=\"kube-system\",exported_namespace=\"\"");
    let renamed = created("exported_namespace=\"kube-system\"");
    format!("count(count_values(\"created\",{plain} or {renamed})) > 1")
}

/// The question how many targets each replica saw in each slot of an hour, and how many all of them saw, which has no
/// label; `None` where there are no replicas.
pub fn replicas(dialect: &Dialect, settings: &Settings) -> Option<String> {
    let label = dialect.replica_label.as_deref()?;
    let own = matchers(settings, &Dialect::default());
    let seen = format!(
        "last_over_time({{{own}__name__=~\"kube_node_created|machine_memory_bytes|node_memory_MemTotal_bytes\",\
         {label}!=\"\"}}[5m])"
    );
    Some(format!(
        "count by ({label}) (count by ({label},__name__,instance,exported_instance) ({seen})) or \
         count(count by (__name__,instance,exported_instance) ({seen}))"
    ))
}

/// The question which of the metrics that can stand in for cAdvisor's counters an hour has, evaluated after it.
pub(crate) fn stand_ins(matchers: &str) -> String {
    format!("count by (__name__) (last_over_time({{{matchers}__name__=~\"{}\"}}[62m]))", STAND_INS.join("|"))
}

/// The query that is asked in the place of one of [`super::ALL`]; `None` where none is.
pub(super) fn substitute(dialect: &Dialect, query: &'static Query) -> Option<&'static Query> {
    match query.fact {
        Fact::ContainerCpu if dialect.per_cpu && dialect.usage == UsageSource::Cadvisor => Some(&CONTAINER_CPU_PARTS),
        _ => of_usage(dialect.usage, query),
    }
}

/// The query that is asked in the place of one of [`super::ALL`]; `None` where none is.
fn of_usage(usage: UsageSource, query: &'static Query) -> Option<&'static Query> {
    let UsageSource::Recorded { cpu, memory_rule } = usage else { return Some(query) };
    Some(match query.fact {
        Fact::ContainerCpu => match cpu {
            Rates::FiveMinutes => &RECORDED_RATE,
            Rates::TwoScrapes => &RECORDED_INSTANT_RATE,
        },
        Fact::ContainerCpuPeak if cpu == Rates::TwoScrapes => &INSTANT_RATE_PEAK,
        Fact::ContainerMemoryMean if memory_rule => &RECORDED_MEMORY_MEAN,
        Fact::ContainerMemoryMean => &WHOLE_MEMORY_MEAN,
        Fact::ContainerMemoryMax if memory_rule => &RECORDED_MEMORY_MAX,
        Fact::ContainerMemoryMax => &WHOLE_MEMORY_MAX,
        // Rules have no instances, so nothing could be done with their starts.
        Fact::ContainerStart => return None,
        _ => query,
    })
}
