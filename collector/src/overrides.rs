//! Corrections of a user to the metrics: instance types of nodes, and what storage classes are made of.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

/// EBS volume types, as the EC2 API spells them.
pub(crate) const VOLUME_TYPES: [&str; 7] = ["gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"];
/// Tables of the file.
const TOP: [&str; 2] = ["instance_types", "storage_classes"];
/// Keys by which instance types are given.
const BY: [&str; 3] = ["instances", "node_groups", "nodes"];
/// Keys of a storage class.
const CLASS: [&str; 3] = ["iops", "throughput_mib_per_second", "volume_type"];
/// Similarity of two words from which one is a misspelling of the other, from 0 to 1.
const ALIKE: f64 = 0.7;
/// More than any EBS volume has, by a factor of a few: beyond it a unit was mistaken.
/// (source: EBS user guide, io2 Block Express: 256,000 IOPS, 4,000 MiB/s; read 2026.)
const MOST_IOPS: i64 = 1_000_000;
const MOST_MIB_PER_SECOND: i64 = 20_000;

/// Content of the override file. The default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    nodes: BTreeMap<String, String>,
    node_groups: BTreeMap<String, String>,
    /// By instance id or provider id.
    instances: BTreeMap<String, String>,
    storage_classes: BTreeMap<String, StorageClass>,
}

/// Properties of the volumes of a storage class. One that is not given is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageClass {
    /// EBS volume type.
    pub volume_type: Option<String>,
    /// Provisioned IOPS of each volume.
    pub iops: Option<i64>,
    /// Provisioned throughput of each volume.
    pub throughput_mib_per_second: Option<i32>,
}

/// One thing wrong with the override file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideError {
    /// Not TOML.
    Syntax {
        /// Message of the parser.
        message: String,
    },
    /// A key that does not exist.
    UnknownKey {
        /// Its path.
        key: String,
        /// The key it resembles.
        nearest: Option<&'static str>,
        /// All keys that exist there.
        known: &'static [&'static str],
    },
    /// A value that cannot be what its key says.
    Value {
        /// The path of its key.
        key: String,
        /// Expected value.
        expected: String,
    },
}

impl fmt::Display for OverrideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => write!(f, "the override file is not valid TOML: {}", message.trim()),
            Self::UnknownKey { key, nearest: Some(nearest), .. } => {
                write!(f, "`{key}` is not a key of the override file; did you mean `{nearest}`?")
            }
            Self::UnknownKey { key, known, .. } => {
                write!(f, "`{key}` is not a key of the override file; the keys there are `{}`", known.join("`, `"))
            }
            Self::Value { key, expected } => write!(f, "`{key}` is not {expected}"),
        }
    }
}

impl std::error::Error for OverrideError {}

impl Overrides {
    /// Reads the text of an override file.
    ///
    /// ```
    /// let text = r#"
    ///     [instance_types.node_groups]
    ///     workers = "m5.4xlarge"
    ///     [storage_classes.fast]
    ///     volume_type = "io2"
    ///     iops = 16000
    /// "#;
    /// let overrides = collector::Overrides::read(text).unwrap();
    /// assert_eq!(overrides.instance_type("node-1", "", None, Some("workers")), Some("m5.4xlarge"));
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the keys.
    pub fn read(text: &str) -> Result<Self, Vec<OverrideError>> {
        let file: Table = text
            .parse()
            .map_err(|error: toml::de::Error| vec![OverrideError::Syntax { message: error.to_string() }])?;
        let mut reader = Reader::default();
        let mut overrides = Self::default();
        for (key, value) in &file {
            match (key.as_str(), value) {
                ("instance_types", Value::Table(by)) => reader.instance_types(by, &mut overrides),
                ("storage_classes", Value::Table(classes)) => {
                    for (name, class) in classes {
                        let class = reader.storage_class(&format!("{key}.{name}"), class);
                        overrides.storage_classes.insert(name.clone(), class);
                    }
                }
                ("instance_types" | "storage_classes", _) => reader.value(key, "a table"),
                _ => reader.unknown("", key, &TOP),
            }
        }
        if reader.errors.is_empty() { Ok(overrides) } else { Err(reader.errors) }
    }

    /// The instance type of a machine: by its instance or provider id, else by the name of its node, else by its node
    /// group.
    pub fn instance_type(
        &self,
        node: &str,
        provider_id: &str,
        instance_id: Option<&str>,
        node_group: Option<&str>,
    ) -> Option<&str> {
        let by_id = instance_id.and_then(|id| self.instances.get(id)).or_else(|| self.instances.get(provider_id));
        let by_name = || self.nodes.get(node);
        let by_group = || node_group.and_then(|group| self.node_groups.get(group));
        by_id.or_else(by_name).or_else(by_group).map(String::as_str)
    }

    /// Properties of the volumes of a storage class.
    pub fn storage_class(&self, name: &str) -> Option<&StorageClass> {
        self.storage_classes.get(name)
    }

    /// Warnings for a person: instance types that the catalog does not know. They are taken all the same, since
    /// new types appear; a report lists them as unpriced.
    pub fn warnings(&self) -> Vec<String> {
        let types = catalog::instance_types().unwrap_or_default();
        let given = [&self.instances, &self.node_groups, &self.nodes].into_iter().flatten();
        let unknown = given.filter(|(_, kind)| !types.contains_key(*kind));
        unknown
            .map(|(key, kind)| match nearest(kind, types.keys().map(String::as_str)) {
                Some(like) => format!(
                    "instance type `{kind}` of `{key}` in the override file is not in the catalog; did you mean `{like}`?"
                ),
                None => format!(
                    "instance type `{kind}` of `{key}` in the override file is not in the catalog; give its price in the prices file"
                ),
            })
            .collect()
    }
}

/// Collects what is wrong while it reads on.
#[derive(Default)]
struct Reader {
    errors: Vec<OverrideError>,
}

impl Reader {
    fn unknown(&mut self, path: &str, key: &str, known: &'static [&'static str]) {
        let key_path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let nearest = nearest(key, known.iter().copied());
        self.errors.push(OverrideError::UnknownKey { key: key_path, nearest, known });
    }

    fn value(&mut self, key: &str, expected: &str) {
        self.errors.push(OverrideError::Value { key: key.to_owned(), expected: expected.to_owned() });
    }

    fn instance_types(&mut self, by: &Table, overrides: &mut Overrides) {
        for (key, value) in by {
            let path = format!("instance_types.{key}");
            let into = match key.as_str() {
                "instances" => &mut overrides.instances,
                "node_groups" => &mut overrides.node_groups,
                "nodes" => &mut overrides.nodes,
                _ => {
                    self.unknown("instance_types", key, &BY);
                    continue;
                }
            };
            let Value::Table(types) = value else {
                self.value(&path, "a table");
                continue;
            };
            for (name, kind) in types {
                match kind.as_str().filter(|kind| is_instance_type(kind)) {
                    Some(kind) => drop(into.insert(name.clone(), kind.to_owned())),
                    None => self.value(&format!("{path}.{name}"), "an instance type, such as \"m5.4xlarge\""),
                }
            }
        }
    }

    fn storage_class(&mut self, path: &str, value: &Value) -> StorageClass {
        let mut class = StorageClass::default();
        let Value::Table(fields) = value else {
            self.value(path, "a table");
            return class;
        };
        for (key, value) in fields {
            let at = format!("{path}.{key}");
            match key.as_str() {
                "volume_type" => match value.as_str().filter(|kind| VOLUME_TYPES.contains(kind)) {
                    Some(kind) => class.volume_type = Some(kind.to_owned()),
                    None => self.value(&at, &format!("one of `{}`", VOLUME_TYPES.join("`, `"))),
                },
                "iops" => match value.as_integer().filter(|iops| (1..=MOST_IOPS).contains(iops)) {
                    Some(iops) => class.iops = Some(iops),
                    None => self.value(&at, &format!("a whole number from 1 to {MOST_IOPS}")),
                },
                "throughput_mib_per_second" => {
                    let mib = value.as_integer().filter(|mib| (1..=MOST_MIB_PER_SECOND).contains(mib));
                    match mib.and_then(|mib| i32::try_from(mib).ok()) {
                        Some(mib) => class.throughput_mib_per_second = Some(mib),
                        None => self.value(&at, &format!("a whole number from 1 to {MOST_MIB_PER_SECOND}")),
                    }
                }
                _ => self.unknown(path, key, &CLASS),
            }
        }
        class
    }
}

/// Returns whether a word has the form of an EC2 instance type: a family with a digit in it, a dot, a size.
pub(crate) fn is_instance_type(word: &str) -> bool {
    let plain = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let dash = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    word.split_once('.').is_some_and(|(family, size)| {
        plain(family)
            && plain(size)
            && family.chars().all(dash)
            && size.chars().all(dash)
            && family.contains(|c: char| c.is_ascii_digit())
    })
}

/// The word most like another, when it is like enough.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|other| (strsim::jaro_winkler(word, other), other));
    // Of two as like, the first by name.
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    best.filter(|(score, _)| *score >= ALIKE).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        Overrides::read(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ids_win_over_names_and_names_over_groups() {
        let text = r#"
            [instance_types.instances]
            i-0abc = "m5.large"
            "aws:///us-east-1a/i-0def" = "m5.xlarge"
            [instance_types.nodes]
            "ip-10-0-0-1.ec2.internal" = "c5.large"
            [instance_types.node_groups]
            workers = "r5.large"
        "#;
        let overrides = Overrides::read(text).unwrap();
        let node = "ip-10-0-0-1.ec2.internal";
        assert_eq!(overrides.instance_type(node, "x", Some("i-0abc"), Some("workers")), Some("m5.large"));
        assert_eq!(overrides.instance_type(node, "aws:///us-east-1a/i-0def", None, None), Some("m5.xlarge"));
        assert_eq!(overrides.instance_type(node, "", None, Some("workers")), Some("c5.large"));
        assert_eq!(overrides.instance_type("other", "", None, Some("workers")), Some("r5.large"));
        assert_eq!(overrides.instance_type("other", "", None, Some("others")), None);
        assert_eq!(Overrides::read("").unwrap(), Overrides::default());
    }

    #[test]
    fn all_errors_come_at_once_with_the_nearest_key() {
        let text = r#"
            instance_type = 1
            [instance_types.node_group]
            a = "m5.large"
            [instance_types.nodes]
            n1 = "m5"
            n2 = 5
            [storage_classes.fast]
            iopps = 3
            iops = -1
            volume_type = "gp4"
            throughput_mib_per_second = 250000
            [zzz]
        "#;
        insta::assert_snapshot!(errors(text).join("\n"));
        assert!(errors("a = ")[0].starts_with("the override file is not valid TOML: "));
    }

    #[test]
    fn a_type_the_catalog_does_not_know_is_taken_with_a_warning() {
        let overrides =
            Overrides::read("[instance_types.nodes]\nn1 = \"m5.4xlrge\"\nn2 = \"m5.large\"\nn3 = \"q99.huge\"")
                .unwrap();
        assert_eq!(overrides.instance_type("n3", "", None, None), Some("q99.huge"));
        let warnings = overrides.warnings();
        assert!(warnings[0].contains("`m5.4xlrge` of `n1`") && warnings[0].contains("`m5.4xlarge`"), "{warnings:?}");
        assert!(warnings[1].contains("`q99.huge` of `n3`") && warnings.len() == 2, "{warnings:?}");
    }

    #[test]
    fn an_instance_type_has_a_family_and_a_size() {
        for name in ["m5.large", "c7i-flex.xlarge", "u-6tb1.metal", "c7i.metal-24xl", "q99.huge"] {
            assert!(is_instance_type(name), "{name}");
        }
        for name in ["m5", "VMware7.1", "Standard PC", "m5.", ".large", "r650.Dell Inc", "HVM domU", "pc.q35"] {
            assert!(!is_instance_type(name), "{name}");
        }
    }
}
