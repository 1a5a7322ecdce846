//! Impossible measurements: counted, and named in the hour's manifest.

use std::collections::{BTreeMap, BTreeSet};

/// Samples that are taken as unknown because no machine can have made them, by the query that brought them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Doubts {
    by_query: BTreeMap<&'static str, Doubt>,
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
        self.by_query.iter().map(fault).chain(self.others.iter().cloned()).collect()
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
    }
}
