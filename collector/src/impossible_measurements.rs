//! Impossible measurements: counted, and named in the hour's manifest.

use std::collections::{BTreeMap, BTreeSet};

/// Samples that are taken as unknown because no machine can have made them, by the query that brought them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Doubts {
    by_query: BTreeMap<&'static str, Doubt>,
    /// Objects that were not measured through all of the hour, by the query that did not bring them.
    cut_off: BTreeMap<&'static str, BTreeSet<String>>,
    /// Other things that are not believed.
    others: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Doubt {
    samples: i64,
    objects: i64,
    /// The first of the objects.
    first: String,
}

impl Doubts {
    /// Takes in how many samples of an object are not believed; `object` names it, where there are any.
    pub(crate) fn add(&mut self, query: &'static str, samples: usize, object: impl FnOnce() -> String) {
        if samples == 0 {
            return;
        }
        let doubt = self.by_query.entry(query).or_default();
        doubt.samples = doubt.samples.saturating_add(i64::try_from(samples).unwrap_or(i64::MAX));
        doubt.objects = doubt.objects.saturating_add(1);
        if doubt.objects == 1 {
            doubt.first = object();
        }
    }

    /// Takes in that an object was not measured at the beginning or the end of its time in the hour.
    pub(crate) fn cut_off(&mut self, query: &'static str, object: &str) {
        self.cut_off.entry(query).or_default().insert(object.to_owned());
    }

    /// Takes in something else that is not believed, in words.
    pub(crate) fn say(&mut self, what: String) {
        self.others.insert(what);
    }

    /// Counts the samples of a query that are not believed.
    pub(crate) fn samples(&self, query: &str) -> i64 {
        self.by_query.get(query).map_or(0, |doubt| doubt.samples)
    }

    /// Faults, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let fault = |(query, doubt): (&&str, &Doubt)| {
            let Doubt { samples, objects, first } = doubt;
            format!(
                "query `{query}`: {samples} values of {objects} objects, such as `{first}`, are more than the machine \
                 can do or less than was there before, so they are taken as unknown"
            )
        };
        let cut_off = self.cut_off.iter().map(|(query, objects)| {
            let first = objects.first().map(String::as_str).unwrap_or_default();
            format!(
                "query `{query}`: {} objects, such as `{first}`, have no samples at the beginning or the end of the hour, so \
                 what they counted in it is not known",
                objects.len()
            )
        });
        self.by_query.iter().map(fault).chain(cut_off).chain(self.others.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_are_counted_and_the_first_object_is_named() {
        let mut doubts = Doubts::default();
        doubts.add("container_cpu", 0, || "nobody".to_owned());
        assert_eq!(doubts.faults(), Vec::<String>::new());
        doubts.add("container_cpu", 2, || "ns/a".to_owned());
        doubts.add("container_cpu", 1, || "ns/b".to_owned());
        assert_eq!((doubts.samples("container_cpu"), doubts.samples("node_cpu")), (3, 0));
        let faults = doubts.faults();
        assert!(faults[0].contains("`container_cpu`: 3 values of 2 objects, such as `ns/a`"), "{faults:?}");
        doubts.cut_off("node_io", "n2");
        doubts.cut_off("node_io", "n1");
        doubts.cut_off("node_io", "n2");
        let faults = doubts.faults();
        assert!(faults[1].contains("`node_io`: 2 objects, such as `n1`, have no samples"), "{faults:?}");
    }
}
