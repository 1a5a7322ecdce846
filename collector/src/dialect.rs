//! Names used by the exporters and the server, where that differs from today's names.
//!
//! Most of it needs no choice: both names of a metric or a label are asked for at once, so that an upgrade within the
//! span collected makes no difference, and what was seen is recorded. Only what changes a selector is probed for.

use std::collections::BTreeMap;

use types::SLOTS_PER_HOUR;

use crate::usage_source::UsageSource;

/// Labels by which servers tell the replicas of a highly available pair apart, the most usual first.
pub const REPLICA_LABELS: [&str; 3] = ["prometheus_replica", "__replica__", "replica"];

/// Number of targets seen, slot by slot.
pub type Slots = [Option<f64>; SLOTS_PER_HOUR];

/// Targets seen by replicas in an hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// By replica.
    pub by_replica: BTreeMap<String, Slots>,
    /// All of them together.
    pub together: Slots,
}

/// Properties of a server that have to be known before it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dialect {
    /// Some cAdvisor has `pod_name` and `container_name`, as before Kubernetes 1.16; others may have today's names.
    pub old_cadvisor: bool,
    /// cAdvisor is scraped by more than one job, or on more than one path.
    pub cadvisor_jobs: bool,
    /// cAdvisor has a series for each processor.
    pub per_cpu: bool,
    /// The label that tells replicas apart, where more than one shows.
    pub replica_label: Option<String>,
    /// The label and the replica that is read in this hour.
    pub pinned: Option<(String, String)>,
    /// Tells whether all replicas are read in this hour, because none saw everything.
    pub joined: bool,
    /// Where the usage of containers is read from in this hour.
    pub usage: UsageSource,
}

impl Dialect {
    /// Takes in one thing that the probe found.
    pub fn found(&mut self, what: &str) {
        if what == "old_cadvisor" {
            self.old_cadvisor = true;
        } else if what == "cadvisor_jobs" {
            self.cadvisor_jobs = true;
        } else if what == "per_cpu" {
            self.per_cpu = true;
        } else if let Some(place) = REPLICA_LABELS.iter().position(|label| *label == what) {
            let before = self.replica_label.as_deref();
            let there = before.and_then(|label| REPLICA_LABELS.iter().position(|other| *other == label));
            if there.is_none_or(|there| place < there) {
                self.replica_label = Some(what.to_owned());
            }
        }
    }

    /// Pins the replica that saw the most, of equal ones the first by name, where it saw in each slot whatever any of them
    /// did. Else what they saw is put together: one of them has a gap that the other fills, or each scrapes targets of its
    /// own, as the shards of an operator's Prometheus do under the same label.
    #[must_use]
    pub fn pinned_to_best(&self, seen: &Seen) -> Self {
        let total = |slots: &Slots| slots.iter().flatten().sum::<f64>();
        let best = seen.by_replica.iter().min_by(|(a, n), (b, m)| total(m).total_cmp(&total(n)).then_with(|| a.cmp(b)));
        let whole = best.filter(|(_, slots)| slots.iter().zip(&seen.together).all(|(own, all)| own >= all));
        let pinned = self.replica_label.clone().zip(whole.map(|(replica, _)| replica.clone()));
        let joined = best.is_some() && pinned.is_none();
        Self { pinned, joined, ..self.clone() }
    }

    /// In words, for the hour's quality; empty for today's names.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.old_cadvisor {
            words.push("cadvisor-container_name".to_owned());
        }
        if self.per_cpu {
            words.push("cadvisor-per-cpu".to_owned());
        }
        if let Some((label, replica)) = &self.pinned {
            words.push(format!("{label}={replica}"));
        }
        if let Some(label) = self.replica_label.as_ref().filter(|_| self.joined) {
            words.push(format!("{label}=*"));
        }
        words.extend(self.usage_word());
        words
    }

    /// The rule that CPU comes from, as the manifest has it.
    pub(crate) fn usage_word(&self) -> Option<String> {
        self.usage.cpu_rule().map(|rule| format!("{}{rule}", lake::manifest::USAGE_RULE))
    }
}

/// A label of `kube_pod_labels` that may hold an allow-listed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelColumn {
    /// The key as it was allow-listed.
    pub(crate) key: String,
    /// The name of the label.
    pub(crate) label: String,
    /// Another key has the same spelling, so nobody can tell whose value it is.
    pub(crate) conflict: bool,
}

/// The names that the label of a Kubernetes key has: what is no letter or digit becomes `_`, and camel case snake case,
/// except where a relabeling rather than kube-state-metrics 2 made the name.
pub(crate) fn label_spellings(key: &str) -> Vec<String> {
    let plain = format!("label_{}", key.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let snake = snake_case(&plain);
    if plain == snake { vec![plain] } else { vec![plain, snake] }
}

/// The labels in which allow-listed keys may be, in every spelling. Each label name comes once.
pub(crate) fn label_columns(keys: &[String]) -> Vec<LabelColumn> {
    let mut columns: Vec<LabelColumn> = Vec::new();
    for key in keys {
        let spellings = label_spellings(key);
        let conflicts = spellings.last().into_iter().flat_map(|snake| [1, 2].map(|n| format!("{snake}_conflict{n}")));
        let conflicts: Vec<_> = conflicts.map(|label| (label, true)).collect();
        for (label, conflict) in spellings.into_iter().map(|label| (label, false)).chain(conflicts) {
            if !columns.iter().any(|column| column.label == label) {
                columns.push(LabelColumn { key: key.clone(), label, conflict });
            }
        }
    }
    columns
}

/// `aB` to `a_b`, all in lower case.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before_may_split = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before_may_split {
            snake.push('_');
        }
        before_may_split = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_columns(keys: &[&str], expect: &[&str]) {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        let columns = label_columns(&keys);
        let plain: Vec<_> = columns.iter().filter(|c| !c.conflict).map(|c| c.label.as_str()).collect();
        assert_eq!(plain, expect);
    }

    #[test]
    fn keys_are_spelled_as_kube_state_metrics_does_and_as_relabelings_do() {
        check_columns(&["app.kubernetes.io/name"], &["label_app_kubernetes_io_name"]);
        let both = ["label_eks_amazonaws_com_capacityType", "label_eks_amazonaws_com_capacity_type"];
        check_columns(&["eks.amazonaws.com/capacityType"], &both);
        check_columns(&["cost-center"], &["label_cost_center"]);
        // Two keys of one spelling share its column: the server cannot tell them apart either.
        check_columns(&["a.b", "a-b"], &["label_a_b"]);
    }

    fn seen(by_replica: &[(&str, [u8; 2])], together: [u8; 2]) -> Seen {
        let slots = |counts: [u8; 2]| {
            let mut slots = Slots::default();
            slots.iter_mut().zip(counts).for_each(|(slot, count)| *slot = (count > 0).then(|| f64::from(count)));
            slots
        };
        let by_replica = by_replica.iter().map(|(name, counts)| ((*name).to_owned(), slots(*counts))).collect();
        Seen { by_replica, together: slots(together) }
    }

    #[test]
    fn the_replica_that_saw_everything_is_pinned_and_else_all_are_read() {
        let dialect = Dialect { replica_label: Some("replica".into()), ..Dialect::default() };
        let check = |by_replica: &[(&str, [u8; 2])], together: [u8; 2], expect: Option<&str>, joined: bool| {
            let pinned = dialect.pinned_to_best(&seen(by_replica, together));
            let expect = expect.map(|replica| ("replica".to_owned(), replica.to_owned()));
            assert_eq!((pinned.pinned, pinned.joined), (expect, joined), "{by_replica:?}");
        };
        check(&[("b", [5, 5]), ("a", [5, 5]), ("c", [5, 0])], [5, 5], Some("a"), false);
        check(&[("b", [5, 5]), ("a", [5, 4])], [5, 5], Some("b"), false);
        // Each has a gap that the other fills; each has targets of its own.
        check(&[("b", [5, 0]), ("a", [0, 5])], [5, 5], None, true);
        check(&[("b", [3, 3]), ("a", [2, 2])], [5, 5], None, true);
        check(&[], [0, 0], None, false);
    }

    #[test]
    fn the_most_usual_replica_label_is_taken() {
        for order in [["replica", "prometheus_replica"], ["prometheus_replica", "replica"]] {
            let mut dialect = Dialect::default();
            order.iter().for_each(|what| dialect.found(what));
            assert_eq!(dialect.replica_label.as_deref(), Some("prometheus_replica"));
        }
    }
}
