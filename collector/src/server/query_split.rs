//! Parts of a query: disjoint, complete, and about equal. Pure.
//!
//! A part is a path of yes-and-no questions about one label. The question of a level is a regular expression, the
//! same for all parts of that level; a part asks for the series that match it (`=~`) or for those that do not
//! (`!~`). Whatever the expression, a series is in exactly one of the two, also a series without the label, and a
//! value that is too short: completeness does not hang on what label values look like, only balance does.
//!
//! The questions are about single characters counted from the end of the value: that is where names of Kubernetes
//! differ (the random suffix of a pod, the number of a StatefulSet, the last digits of an address, a UID). Parts by
//! namespace, the obvious choice, are not balanced: most pods of many clusters live in one or two.

use std::fmt::Write;

/// Deepest level: 4096 parts.
pub(super) const MAX_DEPTH: u8 = 12;

/// Two ways to halve the characters of names. Each class takes about half of the digits, half of the hexadecimal
/// digits, and half of the letters and digits Kubernetes draws random suffixes from
/// (`bcdfghjklmnpqrstvwxz2456789`, source: `k8s.io/apimachinery/pkg/util/rand`), and the second halves both halves
/// of the first.
const CLASSES: [&str; 2] = ["[bdegjlnqsvxio02579BDEGJLNQSVXIO]", "[djnsx059chmrw148DJNSXCHMRW]"];

/// A part of a query: answers to the questions of the levels above it, first level first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Part(Vec<bool>);

impl Part {
    /// The whole.
    pub(super) fn whole() -> Self {
        Self::default()
    }

    /// Times the whole was halved.
    pub(super) fn depth(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// Its halves; `None` at the deepest level.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let half = |answer| Self(self.0.iter().copied().chain([answer]).collect());
        (self.depth() < MAX_DEPTH).then(|| [half(true), half(false)])
    }

    /// The part it is a half of; `None` for the whole.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The matchers that select it, by the values of `label`; empty for the whole.
    pub(super) fn matchers(&self, label: &str) -> String {
        let mut text = String::new();
        for (level, yes) in self.0.iter().enumerate() {
            let separator = if level == 0 { "" } else { "," };
            let operator = if *yes { "=~" } else { "!~" };
            // Writing to a string does not fail.
            let _ = write!(text, "{separator}{label}{operator}\"{}\"", question(label, level));
        }
        text
    }
}

/// The regular expression of a level; servers anchor it at both ends.
///
/// Names of machines and targets end in what they all share, a domain or a port, so for those the count starts before
/// it: `ip-10-0-1-23.ec2.internal` is asked about `3`, `10.0.1.23:9100` too.
fn question(label: &str, level: usize) -> String {
    let class = if level.is_multiple_of(2) { CLASSES[0] } else { CLASSES[1] };
    let after = level / 2;
    match label {
        "node" | "instance" | "nodename" => {
            format!("([0-9.]*{class}[0-9.]{{{after}}}|[^.:]*{class}[^.:]{{{after}}}([.][a-zA-Z][^:]*)?)(:[0-9]+)?")
        }
        _ => format!(".*{class}.{{{after}}}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// Returns whether a server would find a series with this label value in a part, by RE2 semantics.
    fn selects(part: &Part, label: &str, value: &str) -> bool {
        part.0.iter().enumerate().all(|(level, yes)| {
            let anchored = format!("^(?s:{})$", question(label, level));
            Regex::new(&anchored).unwrap().is_match(value) == *yes
        })
    }

    /// Splits leaves of the whole as `choices` says: any shape a run may come to.
    fn tree(choices: &[usize]) -> Vec<Part> {
        let mut leaves = vec![Part::whole()];
        for choice in choices {
            let at = choice % leaves.len();
            if let Some(halves) = leaves[at].halves() {
                leaves.splice(at..=at, halves);
            }
        }
        leaves
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_value_is_in_exactly_one_part(
            choices in prop::collection::vec(0..64_usize, 0..24),
            value in prop_oneof![
                "[a-z0-9.:-]{0,40}", "(?s).{0,6}", "[a-z]{3}-[0-9a-f]{9}-[bcdfghjklmnpqrstvwxz2456789]{5}",
                "ip-10-0-[0-9]{1,3}-[0-9]{1,3}[.]ec2[.]internal", "10[.]0[.][0-9]{1,3}[.][0-9]{1,3}:9100",
            ],
            label in prop::sample::select(vec!["pod", "uid", "node", "instance"]),
        ) {
            let found = tree(&choices).iter().filter(|part| selects(part, label, &value)).count();
            prop_assert_eq!(found, 1);
        }
    }

    /// The share of the largest of the parts at `depth`, in per cent of an equal share.
    fn largest(label: &str, values: &[String], depth: u8) -> usize {
        let mut parts = vec![Part::whole()];
        for _ in 0..depth {
            parts = parts.iter().flat_map(|part| part.halves().unwrap()).collect();
        }
        let count = |part: &Part| values.iter().filter(|value| selects(part, label, value)).count();
        parts.iter().map(count).max().unwrap() * parts.len() * 100 / values.len()
    }

    #[test]
    fn parts_of_real_names_are_about_equal() {
        let suffix = |n: usize| -> String {
            let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
            let digit = |k: u32| char::from(alphabet[(n / 27_usize.pow(k)) % 27]);
            (0..5).rev().map(digit).collect()
        };
        let random: Vec<_> = (0..400).map(|n| format!("web-7d4b9c6f5-{}", suffix(n * 35_317))).collect();
        let ordinal: Vec<_> = (0..400).map(|n| format!("db-{n}")).collect();
        let nodes: Vec<_> = (0..400).map(|n| format!("ip-10-0-{}-{}.ec2.internal", n / 250, n % 250)).collect();
        let targets: Vec<_> = (0..400).map(|n| format!("10.0.{}.{}:9100", n / 250, n % 250)).collect();
        for (label, values) in [("pod", &random), ("pod", &ordinal), ("node", &nodes), ("instance", &targets)] {
            assert!(largest(label, values, 2) < 140, "{label} {}: {}", values[0], largest(label, values, 2));
        }
        assert!(largest("pod", &random, 4) < 160, "{}", largest("pod", &random, 4));
    }

    #[test]
    fn matchers_name_the_path() {
        let [yes, no] = Part::whole().halves().unwrap();
        assert_eq!(Part::whole().matchers("pod"), "");
        assert_eq!(yes.matchers("uid"), r#"uid=~".*[bdegjlnqsvxio02579BDEGJLNQSVXIO].{0}""#);
        assert_eq!(no.matchers("uid"), r#"uid!~".*[bdegjlnqsvxio02579BDEGJLNQSVXIO].{0}""#);
        let deep = no.halves().unwrap()[0].halves().unwrap()[1].clone();
        assert_eq!(deep.matchers("pod").matches(',').count(), 2);
        assert_eq!(deep.parent().unwrap().parent(), Some(no));
    }

    #[test]
    fn halving_ends() {
        let (mut part, mut seen) = (Part::whole(), BTreeSet::new());
        while let Some([half, _]) = part.halves() {
            assert!(seen.insert(half.matchers("pod")));
            part = half;
        }
        assert_eq!(seen.len(), usize::from(MAX_DEPTH));
    }
}
