//! Contradictory facts about pods and owners, told apart by time: the last of the hour stays.
//!
//! An answer over the whole hour has one series for each thing that was said in it, and no word of when. So whatever
//! disagrees is noted while answers are read, and asked for again with its samples.

use std::collections::{BTreeMap, BTreeSet};

use types::Hour;

use super::pod_series::labels_of;
use super::{Name, Names, SmallMap, Snapshot};
use crate::decode::{Answer, DecodeError, Series, decode};
use crate::queries::POD_SPEC;

/// Age of the last sample of a label, against that of the others, from which the label is taken to be removed: as long
/// as Prometheus itself looks back. A second exporter that shows fewer labels is scraped more often than that.
const GONE_AFTER_MS: i64 = 300_000;

/// Pods of which one series shows labels that another does not, up to which a label is taken to have come or gone. More
/// have two exporters that show different labels all the time, and asking for them all by name would find nothing out.
const MOST_DIFFERENT: usize = 200;

/// Which objects between pods and workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Between {
    ReplicaSets,
    Jobs,
}

/// The last moment within the hour at which a series has a sample, in milliseconds since the epoch; `None` where it has
/// one in the look-ahead alone, which is older than any.
pub(super) fn last_in_hour(series: &Series<'_, '_>, hour: Hour) -> Option<i64> {
    let end = hour.end_seconds().saturating_mul(1000);
    series.points.iter().rev().map(|(ms, _)| *ms).find(|ms| *ms <= end)
}

/// Facts about one pod, each with when it was said last.
#[derive(Debug, Default)]
struct Said {
    owners: Vec<(Option<i64>, Option<Names>)>,
    labels: Vec<(Option<i64>, SmallMap<Name, Name>)>,
}

impl Snapshot {
    /// Uids of pods of which two owners, or two sets of labels, were said.
    pub(crate) fn changed_pods(&self) -> Vec<String> {
        let some_differ = self.pods.values().filter(|pod| pod.labels_differ).count() <= MOST_DIFFERENT;
        let changed = self.pods.iter().filter(|(_, pod)| pod.changed || (pod.labels_differ && some_differ));
        changed.map(|(uid, _)| uid.to_string()).collect()
    }

    /// Names of replica sets, or of jobs, of which two owners were said.
    pub(crate) fn changed_owners(&self, what: Between) -> Vec<String> {
        let names: BTreeSet<&Name> =
            self.changed_owners.iter().filter(|(of, _)| *of == what).map(|(_, name)| name).collect();
        names.into_iter().map(|name| name.to_string()).collect()
    }

    /// Takes in when what was said of pods that changed.
    pub(crate) fn read_changed_pods(&mut self, body: &[u8], hour: Hour) -> Result<Answer, DecodeError> {
        let columns: Vec<String> = self.label_columns.iter().map(|column| column.label.clone()).collect();
        let own = POD_SPEC.labels.iter().copied().chain(columns.iter().map(String::as_str));
        let labels: Vec<&str> = own.collect();
        let mut said: BTreeMap<Name, Said> = BTreeMap::new();
        let answer = decode(body, &labels, &mut |series| {
            let Some(uid) = series.label("uid").map(|uid| self.name(uid)) else { return };
            let of_pod = said.entry(uid).or_default();
            let last = last_in_hour(&series, hour);
            match series.label("__name__") {
                Some("kube_pod_owner") => {
                    let owner = series.label("owner_kind").zip(series.label("owner_name"));
                    let owner = owner.map(|(kind, name)| (self.name(kind), self.name(name)));
                    of_pod.owners.push((last, owner));
                }
                Some("kube_pod_labels") => of_pod.labels.push((last, labels_of(self, &series))),
                _ => {}
            }
        })?;
        for (uid, said) in said {
            let Some(pod) = self.pods.get_mut(&uid) else { continue };
            if let Some((_, owner)) = said.owners.into_iter().max() {
                pod.owner = owner;
            }
            if !said.labels.is_empty() {
                pod.labels = Some(latest(said.labels));
            }
        }
        Ok(answer)
    }

    /// Takes in when which owner was said of replica sets, or of jobs.
    pub(crate) fn read_changed_owners(
        &mut self,
        what: Between,
        body: &[u8],
        hour: Hour,
    ) -> Result<Answer, DecodeError> {
        let object = if what == Between::ReplicaSets { "replicaset" } else { "job_name" };
        let labels = ["namespace", "exported_namespace", object, "owner_kind", "owner_name"];
        let mut said: BTreeMap<Names, Vec<(Option<i64>, Names)>> = BTreeMap::new();
        let answer = decode(body, &labels, &mut |series| {
            let mut own = |label| series.label(label).map(|name| self.name(name));
            let (Some(namespace), Some(name)) = (own("exported_namespace").or_else(|| own("namespace")), own(object))
            else {
                return;
            };
            let Some(owner) = own("owner_kind").zip(own("owner_name")) else { return };
            said.entry((namespace, name)).or_default().push((last_in_hour(&series, hour), owner));
        })?;
        let owners = match what {
            Between::ReplicaSets => &mut self.replicaset_owners,
            Between::Jobs => &mut self.job_owners,
        };
        for (object, said) in said {
            if let (Some(there), Some((_, owner))) = (owners.get_mut(&object), said.into_iter().max()) {
                *there = owner;
            }
        }
        Ok(answer)
    }
}

/// The value of each label that was said last, without labels that were no longer said.
fn latest(said: Vec<(Option<i64>, SmallMap<Name, Name>)>) -> SmallMap<Name, Name> {
    let newest = said.iter().map(|(last, _)| *last).max().flatten();
    let still_said = |last: Option<i64>| match (newest, last) {
        (Some(newest), Some(last)) => newest.saturating_sub(last) <= GONE_AFTER_MS,
        (newest, _) => newest.is_none(),
    };
    let mut values: BTreeMap<Name, (Option<i64>, Name)> = BTreeMap::new();
    for (last, labels) in said.iter().filter(|(last, _)| still_said(*last)) {
        for (key, value) in labels.iter() {
            let value = (*last, Name::clone(value));
            let there = values.entry(Name::clone(key)).or_insert_with(|| value.clone());
            *there = std::mem::take(there).max(value);
        }
    }
    values.into_iter().map(|(key, (_, value))| (key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Pod;

    type Labels<'a> = &'a [(&'a str, &'a str)];

    fn check(said: &[(Option<i64>, Labels<'_>)], expect: Labels<'_>) {
        let few = |labels: Labels<'_>| labels.iter().map(|(k, v)| (Name::from(*k), Name::from(*v))).collect();
        let mut said: Vec<(Option<i64>, SmallMap<Name, Name>)> = said.iter().map(|(last, l)| (*last, few(l))).collect();
        for _ in 0..said.len() {
            said.rotate_left(1);
            assert_eq!(latest(said.clone()), few(expect), "{said:?}");
        }
    }

    #[test]
    fn exporters_that_show_different_labels_of_every_pod_cost_no_questions() {
        let check = |pods: usize, expect: usize| {
            let mut snapshot = Snapshot::default();
            for n in 0..pods {
                let pod = Pod { labels_differ: true, changed: n == 0, ..Pod::default() };
                snapshot.pods.insert(n.to_string().into(), Box::new(pod));
            }
            assert_eq!(snapshot.changed_pods().len(), expect, "{pods}");
        };
        check(MOST_DIFFERENT, MOST_DIFFERENT);
        check(MOST_DIFFERENT + 1, 1);
    }

    #[test]
    fn of_labels_the_last_word_stays_and_what_is_no_longer_said_does_not() {
        check(&[(Some(1_000), &[("team", "z")]), (Some(900_000), &[("team", "a")])], &[("team", "a")]);
        check(&[(Some(1_000), &[("team", "z"), ("x", "y")]), (Some(900_000), &[("team", "a")])], &[("team", "a")]);
        // Two exporters at the same time: what either shows.
        check(&[(Some(899_000), &[("x", "y")]), (Some(900_000), &[("team", "a")])], &[("team", "a"), ("x", "y")]);
        // Said at the same moment: the greater word, whatever comes first.
        check(&[(Some(1_000), &[("team", "z")]), (Some(1_000), &[("team", "a")])], &[("team", "z")]);
        // Said after the hour.
        check(&[(None, &[("team", "z")]), (Some(1_000), &[("team", "a")])], &[("team", "a")]);
        check(&[(None, &[("team", "z")])], &[("team", "z")]);
    }
}
