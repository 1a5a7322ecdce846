//! The PromQL the collector sends for each hour, one query a fact, for the whole cluster at once.
//!
//! Two habits run through all of them. `max by (identity)` collapses duplicates, such as a second kube-state-metrics; what
//! two jobs measure of one container is told apart by job where there are two. And facts that hardly change are asked once, over the hour and a little more:
//! the look-ahead is what tells that a pod ended in the last seconds of the hour.

mod containers;
mod dialect_probes;
mod exporter_scrapes;
mod load_balancers;
mod narrowed_query;
mod nodes;
mod old_cadvisor;
mod pods;
mod query_template;
mod recording_rules;
mod volumes;

pub use containers::*;
pub(crate) use dialect_probes::{KUBE_SYSTEMS, stand_ins};
pub use dialect_probes::{dialect_probe, hour_probe, replicas};
pub use exporter_scrapes::*;
use lake::digest;
pub use load_balancers::*;
pub use narrowed_query::Question;
pub(crate) use narrowed_query::matchers;
pub use nodes::*;
pub use pods::*;
pub(crate) use query_template::JOINED;
pub use query_template::{Fact, LOOK_AHEAD_SECONDS, Query, SHARD, Shape};
pub use recording_rules::*;
use types::SLOT_SECONDS;
use types::window::HOUR_SECONDS;
pub use volumes::*;

use crate::dialect::Dialect;
use crate::promql_quoting::alternatives;
use crate::settings::Settings;

/// Every query of an hour, in the order they are sent: first those that tell whether the server has the hour at all.
/// [`questions`] leaves out what a server does not have by its dialect.
pub const ALL: [Query; 28] = [
    NODE_CREATED,
    CONTAINER_CPU,
    POD_INFO,
    NODE_INFO,
    CONTAINER_MEMORY_MEAN,
    CONTAINER_MEMORY_MAX,
    CONTAINER_CPU_PEAK,
    CONTAINER_START,
    CONTAINER_RESOURCES,
    POD_LAST_SEEN,
    POD_FACTS,
    POD_ENDED,
    POD_SPEC,
    POD_NODE_SELECTOR,
    OWNERS,
    EXPORTERS,
    DUPLICATES,
    NODE_LAST_SEEN,
    NODE_RESOURCES,
    NODE_LABELS,
    NODE_CPU,
    NODE_MEMORY,
    NODE_IO,
    NODE_EXPORTERS,
    LOAD_BALANCERS,
    CLAIM_INFO,
    VOLUME_INFO,
    VOLUME_USED,
];

/// The queries of an hour, in the order of [`ALL`]: those that the server can answer by its dialect.
pub fn questions(settings: &Settings, dialect: &Dialect) -> Vec<Question> {
    let asked = ALL.iter().filter_map(|query| dialect_probes::substitute(dialect, query));
    asked.map(|query| Question::new(query, settings, dialect)).collect()
}

/// Number of the first of [`ALL`] that decide whether the others are sent.
pub const DECISIVE: usize = 2;

/// Query for the samples of an hour, evaluated at its end: those of the node that was scraped
/// most.
pub fn hours_known(settings: &Settings) -> String {
    format!("max(count_over_time(kube_node_created{{{}}}[1h]))", matchers(settings, &Dialect::default()))
}

/// All samples of the named pods over the hour and the look-ahead, of the series that `matchers` select: asked for pods
/// that vanished, to learn when they were last seen.
pub fn pods_seen(matchers: &str, uids: &[&str]) -> String {
    format!("kube_pod_info{{{matchers}node!=\"\",uid=~\"{}\"}}[62m]", alternatives(uids))
}

/// Those of the named pods that were running whenever they were scraped over the hour and the look-ahead: asked for pods of
/// which nothing was measured.
pub fn pods_running(matchers: &str, uids: &[&str]) -> String {
    format!(
        "max by (uid) (min_over_time(kube_pod_status_phase{{{matchers}phase=\"Running\",uid=~\"{}\"}}[62m])) == 1",
        alternatives(uids)
    )
}

/// All samples of the named nodes over the hour and the look-ahead; `label` is where their names are.
pub fn nodes_seen(matchers: &str, label: &str, nodes: &[&str]) -> String {
    format!("kube_node_info{{{matchers}{label}=~\"{}\"}}[62m]", alternatives(nodes))
}

/// Everything said of the named nodes over the hour and the look-ahead: asked for nodes whose labels changed and for names
/// that two machines had, to tell by time what is said of which.
pub fn nodes_changed(matchers: &str, label: &str, nodes: &[&str]) -> String {
    format!(
        "{{{matchers}__name__=~\"kube_node_created|kube_node_labels|kube_node_spec_taint|kube_node_status_capacity|\
         kube_node_status_allocatable|kube_node_status_addresses\",{label}=~\"{}\"}}[62m]",
        alternatives(nodes)
    )
}

/// Owners and labels of the named pods over the hour and the look-ahead: asked for pods of which two
/// things are said, to tell by time which was said last.
pub fn pods_changed(matchers: &str, uids: &[&str]) -> String {
    format!(
        "{{{matchers}__name__=~\"kube_pod_owner|kube_pod_labels\",owner_is_controller=~\"true|\",uid=~\"{}\"}}[62m]",
        alternatives(uids)
    )
}

/// The same of the owners of the named replica sets.
pub fn replicasets_changed(matchers: &str, names: &[&str]) -> String {
    format!(
        "kube_replicaset_owner{{{matchers}owner_kind!=\"<none>\",owner_is_controller=~\"true|\",replicaset=~\"{}\"}}[62m]",
        alternatives(names)
    )
}

/// The same of the owners of the named jobs.
pub fn jobs_changed(matchers: &str, names: &[&str]) -> String {
    format!(
        "kube_job_owner{{{matchers}owner_kind!=\"<none>\",owner_is_controller=~\"true|\",job_name=~\"{}\"}}[62m]",
        alternatives(names)
    )
}

/// A short hash of everything asked, recorded with each hour: hours of different hashes were asked differently. What a
/// dialect changes about names and duplicates makes no difference, where usage is read from does.
pub fn query_set(settings: &Settings, dialect: &Dialect) -> String {
    let dialect = Dialect { usage: dialect.usage, ..Dialect::default() };
    let mut text = format!("look-ahead {LOOK_AHEAD_SECONDS} hour {HOUR_SECONDS} slot {SLOT_SECONDS}\n");
    for query in questions(settings, &dialect) {
        text.push_str(query.name);
        text.push(' ');
        text.push_str(&query.promql);
        text.push('\n');
    }
    digest(text.as_bytes()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use types::Hour;

    use super::*;
    use crate::usage_source::{Rates, UsageSource};

    #[test]
    fn every_label_read_is_a_label_grouped_by() {
        for query in ALL {
            // What is counted adds up over any parts, so its part need not show; and what has keys in the names of its
            // labels is not grouped.
            if matches!(query.fact, Fact::Duplicates | Fact::PodNodeSelector) {
                continue;
            }
            for label in query.labels {
                assert!(query.text().contains(label), "{}: {label}", query.name);
            }
            assert!(query.labels.contains(&query.shard_by), "{}", query.name);
        }
    }

    #[test]
    fn every_selector_can_be_narrowed() {
        for text in ALL.map(|query| query.text()) {
            let selectors = text.matches('{').count();
            assert!(selectors > 0 && text.matches(SHARD).count() == selectors, "{text}");
            assert_eq!(text.matches(&format!("{{{SHARD}")).count(), selectors, "{text}");
        }
    }

    #[test]
    fn nothing_is_asked_in_a_sub_query() {
        let is_sub_query = |promql: &str| {
            let spans = promql.split('[').skip(1).filter_map(|rest| rest.split(']').next());
            let of_time = |span: &str| span.chars().all(|c| c.is_ascii_digit() || "smhdw:".contains(c));
            spans.filter(|span| of_time(span)).any(|span| span.contains(':'))
        };
        assert!(is_sub_query("max_over_time(rate(a[5m])[1h:5m])"));
        let of_rules =
            [RECORDED_RATE, RECORDED_INSTANT_RATE, RECORDED_MEMORY_MEAN, RECORDED_MEMORY_MAX, WHOLE_MEMORY_MEAN];
        for query in ALL.iter().chain(&of_rules) {
            assert!(!is_sub_query(&query.text()), "{}", query.name);
        }
    }

    #[test]
    fn an_hour_takes_thirty_queries_or_one_more_with_distinct_names() {
        let mut names: Vec<_> = ALL.iter().map(|q| q.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        // With the look at the hour, and which replica is read.
        assert!(1 + 1 + names.len() <= 30);
        // Where rules stand in: these two, the two that decide, which rules there are, and what is not yet asked.
        let usage = UsageSource::Recorded { cpu: Rates::FiveMinutes, memory_rule: true };
        let recorded = questions(&Settings::default(), &Dialect { usage, ..Dialect::default() }).len();
        assert!(1 + 1 + DECISIVE + 1 + recorded - 1 <= 31, "{recorded}");
    }

    #[test]
    fn grids_lie_on_the_slots_of_the_hour() {
        let hour = Hour::starting_at(7200).unwrap();
        assert_eq!(Shape::Edges.bounds(hour), (7200, 10800));
        assert_eq!(Shape::Slots.bounds(hour), (7500, 10800));
        assert_eq!(Shape::SlotsAndNext.bounds(hour), (7500, 11100));
        assert_eq!(Shape::Around.bounds(hour), (3900, 14400));
        assert_eq!(Shape::Once.bounds(hour), (10920, 10920));
    }

    #[test]
    fn names_in_a_pattern_match_only_themselves() {
        assert_eq!(alternatives(&["ip-10-0-0-1.ec2.internal", "b"]), r"ip-10-0-0-1\\.ec2\\.internal|b");
        assert_eq!(alternatives(&["a\"} or x"]), r#"a\"\\}\\ or\\ x"#);
    }
}
