//! A query as it is sent: narrowed to one cluster and one replica, in the dialect of the server, with the labels asked for.

use super::old_cadvisor::{self, OLD_SHARD, beside_old_names, old_name};
use super::query_template::{Fact, JOINED, Query, SHARD, Shape};
use crate::dialect::{Dialect, label_columns};
use crate::promql_quoting::{alternatives, label_name, quoted};
use crate::settings::Settings;

/// Labels that a server renames to `exported_…` where it scrapes without `honor_labels` and its targets have labels of
/// the same names. Which series it renamed is not asked: wherever the renamed one is there, it is the exporter's own.
const EXPORTED: [(&str, &str); 6] = [
    // Of a server that federates others: the target itself, which may be one of hundreds behind the same address.
    ("instance", "exported_instance"),
    ("namespace", "exported_namespace"),
    ("pod", "exported_pod"),
    ("container", "exported_container"),
    ("node", "exported_node"),
    ("service", "exported_service"),
];

/// Labels that tell the jobs apart that scrape cAdvisor. Two of them see a container at moments of their own, so that
/// what they say is not the same, and the greater of it is neither's.
const JOB: [&str; 3] = ["job", "metrics_path", "exported_job"];
/// Facts that are asked by job where there are several.
const BY_JOB: [Fact; 3] = [Fact::ContainerCpu, Fact::ContainerMemoryMean, Fact::ContainerMemoryMax];

/// A query of an hour, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Fact it asks for.
    pub fact: Fact,
    /// Its name in `quality_hour` and in messages.
    pub name: &'static str,
    /// The metric, for messages about what is missing.
    pub metric: &'static str,
    /// The label by which the question is asked in parts where the server cannot answer it whole.
    pub shard_by: &'static str,
    /// When it is evaluated.
    pub shape: Shape,
    /// The labels read from the answer: those of the query, then those the settings or the dialect ask for, then other
    /// names of either.
    pub labels: Vec<String>,
    /// Which of [`Self::labels`], where it is there, stands in for which.
    pub(crate) aliases: Vec<(usize, usize)>,
    /// The expression, with [`SHARD`] at the start of every selector, and another mark at that of old names.
    pub promql: String,
}

impl Question {
    /// The expression for a part: `matchers` makes those that select it by the values of a label, such as
    /// `uid=~".*[0-7]"`; none for the whole.
    pub fn expression(&self, matchers: impl Fn(&str) -> String) -> String {
        let part = |label: &str| match matchers(label) {
            whole if whole.is_empty() => whole,
            matchers => format!("{matchers},"),
        };
        let promql = self.promql.replace(OLD_SHARD, &part(old_name(self.shard_by)));
        promql.replace(SHARD, &part(self.shard_by))
    }

    /// The question for what the counters of containers showed before the hour, or after it; of the pods named, or of
    /// all where there are none.
    pub(crate) fn beyond(&self, shape: Shape, pods: &[&str]) -> Self {
        let narrowed = |label: &str, mark: &str| match pods {
            [] => mark.to_owned(),
            _ => format!("{label}=~\"{}\",{mark}", alternatives(pods)),
        };
        let promql = self.promql.replace(OLD_SHARD, &narrowed(old_name(self.shard_by), OLD_SHARD));
        Self {
            fact: Fact::ContainerCpuBeyond,
            name: if shape == Shape::Before { "container_cpu_before" } else { "container_cpu_after" },
            shape,
            promql: promql.replace(SHARD, &narrowed(self.shard_by, SHARD)),
            ..self.clone()
        }
    }

    /// The question for what the counters of node exporters showed before the hour, or after it; of those whose `label` has
    /// one of the values, or of all where there are none. `None` of a question about something else.
    pub(crate) fn beyond_of_nodes(&self, shape: Shape, label: &str, exporters: &[&str]) -> Option<Self> {
        let (fact, name) = match self.fact {
            Fact::NodeCpu => (Fact::NodeCpuBeyond, "node_cpu_beyond"),
            Fact::NodeIo => (Fact::NodeIoBeyond, "node_io_beyond"),
            _ => return None,
        };
        let narrowed = match exporters {
            [] => SHARD.to_owned(),
            _ => format!("{label}=~\"{}\",{SHARD}", alternatives(exporters)),
        };
        Some(Self { fact, name, shape, promql: self.promql.replace(SHARD, &narrowed), ..self.clone() })
    }

    /// The question for when the samples were scraped that the counters of containers show at the moments of `shape`; of
    /// the pods named, or of all where there are none. `None` where a counter is added up of parts.
    pub(crate) fn scraped(&self, shape: Shape, pods: &[&str]) -> Option<Self> {
        let beyond = self.beyond(shape, pods);
        let promql = beyond.promql.replace("last_over_time(", "timestamp(").replace("[5m]", "");
        let is_whole = !promql.contains("sum by");
        is_whole.then_some(Self { fact: Fact::ContainerCpuScraped, name: "container_cpu_scraped", promql, ..beyond })
    }

    pub(crate) fn new(query: &Query, settings: &Settings, dialect: &Dialect) -> Self {
        let mut labels: Vec<String> = query.labels.iter().map(|label| (*label).to_owned()).collect();
        let mut by_more = String::new();
        if query.fact == Fact::PodSpec {
            for column in label_columns(&settings.pod_labels) {
                by_more.push(',');
                by_more.push_str(&column.label);
                labels.push(column.label);
            }
        }
        if query.fact == Fact::ContainerStart {
            labels.push(JOINED.to_owned());
        }
        if dialect.cadvisor_jobs && BY_JOB.contains(&query.fact) {
            by_more.extend(JOB.map(|label| format!(",{label}")));
            labels.extend(JOB.map(ToOwned::to_owned));
        }
        let mut renamed = EXPORTED.to_vec();
        let mut promql = query.text();
        if dialect.old_cadvisor && promql.contains("container!=") {
            renamed.extend(old_cadvisor::LABELS);
            promql = beside_old_names(&promql);
        }
        let mut aliases = Vec::new();
        for (own, other) in &renamed {
            if let Some(place) = query.labels.iter().position(|label| label == own) {
                aliases.push((labels.len(), place));
                labels.push((*other).to_owned());
            }
        }
        let promql = grouped_by_more(&promql, &renamed, &by_more);
        let own = matchers(settings, dialect);
        let promql = promql.replace(OLD_SHARD, &format!("{own}{OLD_SHARD}"));
        let promql = promql.replace(SHARD, &format!("{own}{SHARD}"));
        Self {
            fact: query.fact,
            name: query.name,
            metric: query.metric,
            shard_by: query.shard_by,
            shape: query.shape,
            labels,
            aliases,
            promql,
        }
    }
}

/// Beginning of every selector: the cluster, and the replica that was pinned.
pub(crate) fn matchers(settings: &Settings, dialect: &Dialect) -> String {
    let mut matchers = String::new();
    if let Some((label, value)) = &settings.selector {
        matchers.push_str(&format!("{}={},", label_name(label), quoted(value)));
    }
    if let Some((label, replica)) = &dialect.pinned {
        // What one server scrapes for all has no replica, and stays.
        let pattern = format!("{}|", alternatives(&[replica]));
        matchers.push_str(&format!("{label}=~\"{pattern}\","));
    }
    matchers
}

/// The expression with the other names of labels, and `more`, in every list that is grouped by.
fn grouped_by_more(promql: &str, renamed: &[(&str, &str)], more: &str) -> String {
    let mut pieces = promql.split("by (");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (list, rest) = piece.split_once(')').unwrap_or((piece, ""));
        text.push_str("by (");
        text.push_str(list);
        for (own, other) in renamed {
            if list.split(',').any(|label| label == *own) {
                text.push(',');
                text.push_str(other);
            }
        }
        text.push_str(more);
        text.push(')');
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{CONTAINER_CPU, POD_INFO, POD_SPEC, dialect_probe, questions};
    use super::*;

    fn asked(query: &Query, settings: &Settings, dialect: &Dialect) -> String {
        Question::new(query, settings, dialect).expression(|_| String::new())
    }

    #[test]
    fn every_selector_is_narrowed_to_the_cluster_and_the_replica() {
        let settings = Settings { selector: Some(("cluster".into(), "a\"b".into())), ..Settings::default() };
        let dialect = Dialect { pinned: Some(("replica".into(), "r.0".into())), ..Dialect::default() };
        for question in questions(&settings, &dialect) {
            let narrowed = question.promql.matches(r#"{cluster="a\"b",replica=~"r\\.0|",$shard,"#).count();
            assert_eq!(narrowed, question.promql.matches('{').count(), "{}", question.promql);
        }
    }

    #[test]
    fn labels_beyond_letters_are_quoted_in_every_selector() {
        let settings = Settings { selector: Some(("k8s.cluster.name".into(), "p".into())), ..Settings::default() };
        for question in questions(&settings, &Dialect::default()) {
            let narrowed = question.promql.matches(r#"{"k8s.cluster.name"="p",$shard,"#).count();
            assert_eq!(narrowed, question.promql.matches('{').count(), "{}", question.promql);
        }
        assert!(dialect_probe(&settings).contains(r#"{"k8s.cluster.name"="p","#));
        for (name, expect) in
            [("cluster", "cluster"), ("_x1", "_x1"), ("1x", "\"1x\""), ("a-b", "\"a-b\""), ("ö", "\"ö\"")]
        {
            assert_eq!(label_name(name), expect);
        }
    }

    #[test]
    fn renamed_labels_are_grouped_by_and_read() {
        let text = asked(&POD_INFO, &Settings::default(), &Dialect::default());
        assert!(text.contains("host_network,exported_namespace,exported_pod,exported_node)"), "{text}");
        let question = Question::new(&POD_INFO, &Settings::default(), &Dialect::default());
        for (alias, place) in &question.aliases {
            assert_eq!(question.labels[*alias], format!("exported_{}", question.labels[*place]));
        }
        assert_eq!(question.aliases.len(), 3);
    }

    #[test]
    fn old_cadvisor_is_asked_in_its_own_names_beside_todays() {
        let dialect = Dialect { old_cadvisor: true, ..Dialect::default() };
        let question = Question::new(&CONTAINER_CPU, &Settings::default(), &dialect);
        let (today, old) = (
            "container!=\"\",container!=\"POD\",image!=\"\"}",
            "container=\"\",container_name!=\"\",container_name!=\"POD\",image!=\"\"}",
        );
        let text = question.expression(|_| String::new());
        assert!(text.contains(&format!("{{{today}")) && text.contains(&format!("{{{old}")), "{text}");
        assert!(text.contains("pod_name,container_name)"), "{text}");
        // Each in parts of its own label.
        let text = question.expression(|label| format!("{label}=~\"a\""));
        assert!(text.contains(&format!("{{pod=~\"a\",{today}")), "{text}");
        assert!(text.contains(&format!("{{pod_name=~\"a\",{old}")), "{text}");
        let before = question.beyond(Shape::Before, &["p.1"]).expression(|_| String::new());
        assert!(before.contains(&format!(r#"{{pod=~"p\\.1",{today}"#)), "{before}");
        assert!(before.contains(&format!(r#"{{pod_name=~"p\\.1",{old}"#)), "{before}");
        let settings = Settings { selector: Some(("cluster".into(), "a".into())), ..Settings::default() };
        for question in questions(&settings, &dialect) {
            let text = question.expression(|_| String::new());
            assert_eq!(text.matches("{cluster=\"a\",").count(), text.matches('{').count(), "{text}");
            assert!(!text.contains('$'), "{text}");
        }
    }

    #[test]
    fn usage_is_asked_by_job_where_several_scrape_cadvisor() {
        let dialect = Dialect { cadvisor_jobs: true, ..Dialect::default() };
        for question in questions(&Settings::default(), &dialect) {
            let by_job = question.promql.contains(",job,metrics_path,exported_job)");
            assert_eq!(by_job, BY_JOB.contains(&question.fact), "{}", question.promql);
            let reads = JOB.iter().all(|label| question.labels.iter().any(|read| read == label));
            assert_eq!(by_job, reads, "{:?}", question.labels);
        }
    }

    #[test]
    fn parts_of_a_counter_are_added_where_there_is_no_total() {
        let dialect = Dialect { per_cpu: true, cadvisor_jobs: true, ..Dialect::default() };
        let questions = questions(&Settings::default(), &dialect);
        let cpu = questions.iter().find(|question| question.fact == Fact::ContainerCpu).unwrap();
        let parts = "sum by (namespace,pod,container,id,exported_namespace,exported_pod,exported_container,job,";
        assert!(cpu.promql.contains(parts) && cpu.promql.contains(" or "), "{}", cpu.promql);
    }

    #[test]
    fn when_samples_were_scraped_is_asked_of_the_same_series() {
        let question = Question::new(&CONTAINER_CPU, &Settings::default(), &Dialect::default());
        let scraped = question.scraped(Shape::Before, &["p.1"]).unwrap();
        assert_eq!(
            scraped.expression(|_| String::new()),
            r#"max by (namespace,pod,container,id,exported_namespace,exported_pod,exported_container) (timestamp(container_cpu_usage_seconds_total{pod=~"p\\.1",container!="",container!="POD",image!=""}))"#
        );
        let parts = Dialect { per_cpu: true, ..Dialect::default() };
        let parts = questions(&Settings::default(), &parts);
        let cpu = parts.iter().find(|question| question.fact == Fact::ContainerCpu).unwrap();
        assert_eq!(cpu.scraped(Shape::Edges, &[]), None);
    }

    #[test]
    fn pod_labels_are_grouped_by_in_every_spelling() {
        let settings = Settings { pod_labels: vec!["team/costCenter".into()], ..Settings::default() };
        let text = asked(&POD_SPEC, &settings, &Dialect::default());
        assert!(text.contains("label_team_costCenter") && text.contains("label_team_cost_center"), "{text}");
    }
}
