//! What is assumed, each with its default, its source and what it changes; and the file that changes it.

use std::collections::BTreeMap;

use types::analysis::Assumption;

/// One key of `assumptions.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its dotted name.
    pub name: &'static str,
    /// Unit of the value; empty for a ratio or a name.
    pub unit: &'static str,
    /// What it may be, and is when nobody says otherwise.
    pub domain: Domain,
    /// Where the default comes from.
    pub source: &'static str,
    /// What it changes.
    pub effect: &'static str,
}

/// The values a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Domain {
    /// A number from `min` to `max`.
    Number {
        /// In force unless changed.
        default: f64,
        /// The smallest accepted.
        min: f64,
        /// The largest accepted.
        max: f64,
    },
    /// One of some names.
    Name {
        /// In force unless changed.
        default: &'static str,
        /// Every name accepted.
        allowed: &'static [&'static str],
    },
}

const fn number(default: f64, min: f64, max: f64) -> Domain {
    Domain::Number { default, min, max }
}

macro_rules! keys {
    ($( $id:ident = $name:literal, $unit:literal, $domain:expr, $source:literal, $effect:literal; )+) => {
        $( pub(crate) const $id: Key =
            Key { name: $name, unit: $unit, domain: $domain, source: $source, effect: $effect }; )+
        /// Every key, in the order in which they are shown.
        pub const KEYS: &[Key] = &[$($id),+];
    };
}

keys! {
    MEMORY_OVERCOMMIT = "emp.memory_overcommit", "", number(1.5, 1.0, 10.0),
        "vendor's documentation of EVM pools: 9 instead of 6 m5.4xlarge on one m5.metal",
        "memory of elastic VMs a host takes, as a multiple of its own";
    CPU_OVERCOMMIT = "emp.cpu_overcommit", "", number(3.0, 1.0, 32.0),
        "vendor's sample pools use 3 and 16; the careful one",
        "vCPU of elastic VMs a host takes, as a multiple of its threads";
    FEE_FRACTION = "emp.fee_fraction", "", number(0.25, 0.0, 1.0),
        "vendor's pricing page: 25 % of the saving",
        "fee, as a share of what the moved nodes cost today less what the hosts cost; none when that is negative";
    WEBINAR_OVERCOMMIT = "emp.webinar_overcommit", "", number(2.5, 1.0, 10.0),
        "implied by the vendor's webinar: 15 m5.4xlarge on one m5.metal",
        "the variant with this ratio for memory and for CPU";
    EVM_OVERHEAD_FRACTION = "emp.evm_overhead_fraction", "", number(0.002, 0.0, 0.5),
        "KubeVirt's memory overhead: page tables",
        "variants with overhead: memory an elastic VM costs its host, as a share of its own";
    EVM_OVERHEAD_MIB = "emp.evm_overhead_mib", "MiB", number(218.0, 0.0, 65536.0),
        "KubeVirt's memory overhead: its processes for one VM",
        "variants with overhead: memory an elastic VM costs its host, whatever its size";
    EVM_OVERHEAD_MIB_PER_VCPU = "emp.evm_overhead_mib_per_vcpu", "MiB", number(8.0, 0.0, 1024.0),
        "KubeVirt's memory overhead: 8 MiB a vCPU",
        "variants with overhead: memory an elastic VM costs its host for each vCPU";
    HOST_OVERHEAD_MIB = "emp.host_overhead_mib", "MiB", number(360.0, 0.0, 65536.0),
        "KubeVirt's agents on each host",
        "variants with overhead: memory of a host that no elastic VM gets";
    BOOT_SECONDS = "ec2.boot_seconds", "s", number(75.0, 0.0, 3600.0),
        "from the launch of an EC2 node to its registration, about; the same for every scenario",
        "billed once for each node created in the window, before it was first seen";
    UNLABELLED_CAPACITY_TYPE = "ec2.unlabelled_capacity_type", "",
        Domain::Name { default: "on-demand", allowed: &["on-demand", "spot", "unpriced"] },
        "self-managed node groups carry no label and are on-demand unless asked otherwise",
        "how a node is priced, and whether it moves, when no label says on-demand or spot";
    ROOT_DISK_TYPE = "ec2.root_disk_type", "",
        Domain::Name { default: "gp3", allowed: &["none", "gp2", "gp3", "io1", "io2"] },
        "what EKS and Karpenter give a node unless told otherwise; the metrics show the size, not the type",
        "price of root disks; `none` leaves them unpriced";
    EKS_SUPPORT = "eks.support", "",
        Domain::Name { default: "standard", allowed: &["standard", "extended"] },
        "a Kubernetes version in its first 14 months has standard support",
        "price of the control plane";
    NAT_GATEWAYS = "network.nat_gateways", "", number(0.0, 0.0, 100.0),
        "nothing in a cluster's metrics shows them",
        "NAT gateways paid for by the hour, without their traffic";
    PUBLIC_IPV4 = "network.public_ipv4_addresses", "", number(0.0, 0.0, 100_000.0),
        "nothing in a cluster's metrics shows them",
        "public IPv4 addresses in use, paid for by the hour";
    CPU_TO_MEMORY = "allocation.cpu_core_to_memory_gib", "", number(7.46, 0.1, 100.0),
        "OpenCost's ratio of a core to a GiB on AWS; a regression over instance families gives 10.4",
        "how the price of a node is split into CPU and memory: who pays, never how much in all";
    FARGATE_OVERHEAD_GIB = "fargate.memory_overhead_gib", "GiB", number(0.25, 0.0, 4.0),
        "AWS: 256 MiB a pod for the kubelet and its companions",
        "memory added to a Fargate pod's request before it is rounded up to a size Fargate sells";
    VOLUMES_UNKNOWN_TYPE = "volumes.unknown_type", "",
        Domain::Name { default: "none", allowed: &["none", "gp2", "gp3", "io1", "io2", "st1", "sc1"] },
        "nothing is defaulted",
        "type by which volumes are priced whose type nothing names; `none` leaves them unpriced";
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Name(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// Every assumption in force: the defaults, and what a file changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assumptions {
    set: BTreeMap<&'static str, Value>,
    /// Those of the replay, some of which other scenarios use too.
    replay: replay::Assumptions,
}

/// Why an assumptions file was rejected.
#[derive(Debug, thiserror::Error)]
pub enum AssumptionsError {
    /// The file is not TOML.
    #[error("the assumptions file is not valid TOML")]
    Toml(#[from] toml::de::Error),
    /// A key that does not exist.
    #[error("unknown assumption `{key}`; did you mean `{nearest}`?")]
    UnknownKey {
        /// The key given.
        key: String,
        /// The known key most like it.
        nearest: &'static str,
    },
    /// A value the key does not take.
    #[error("assumption `{key}` is {value}; expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value given.
        value: String,
        /// What it takes.
        expected: String,
    },
}

impl Assumptions {
    /// Reads `assumptions.toml`: dotted tables, every key optional.
    ///
    /// # Errors
    /// [`AssumptionsError`] names the key, the value and what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, AssumptionsError> {
        let mut assumptions = Self::default();
        assumptions.read_table("", &text.parse::<toml::Table>()?)?;
        Ok(assumptions)
    }

    fn read_table(&mut self, prefix: &str, table: &toml::Table) -> Result<(), AssumptionsError> {
        for (name, value) in table {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let known = KEYS.iter().find(|key| key.name == path);
            let inner = names().any(|name| name.starts_with(&format!("{path}.")));
            let of_replay = self.replay.take(&path, value).map_err(AssumptionsError::from)?;
            match (known, value) {
                (None, _) if of_replay => {}
                (Some(key), value) => {
                    let value = key.domain.accept(value).ok_or_else(|| AssumptionsError::Value {
                        key: path.clone(),
                        value: value.to_string(),
                        expected: key.domain.to_string(),
                    })?;
                    self.set.insert(key.name, value);
                }
                (None, toml::Value::Table(table)) if inner || !table.is_empty() => self.read_table(&path, table)?,
                (None, _) => return Err(AssumptionsError::UnknownKey { nearest: nearest(&path), key: path }),
            }
        }
        Ok(())
    }

    /// The number in force under `key`.
    pub(crate) fn number(&self, key: &Key) -> f64 {
        match (self.set.get(key.name), key.domain) {
            (Some(Value::Number(number)), _) => *number,
            (_, Domain::Number { default, .. }) => default,
            (_, Domain::Name { .. }) => 0.0,
        }
    }

    /// The name in force under `key`.
    pub(crate) fn name(&self, key: &Key) -> &'static str {
        match (self.set.get(key.name), key.domain) {
            (Some(Value::Name(name)), _) => name,
            (_, Domain::Name { default, .. }) => default,
            (_, Domain::Number { .. }) => "",
        }
    }

    /// Every assumption, for the report.
    pub fn in_force(&self) -> Vec<Assumption> {
        let row = |key: &Key| {
            let default = key.domain.default_value();
            let value = self.set.get(key.name).unwrap_or(&default);
            Assumption {
                key: key.name.to_owned(),
                value: value.to_string(),
                unit: key.unit.to_owned(),
                default: default.to_string(),
                changed: *value != default,
                source: key.source.to_owned(),
                effect: key.effect.to_owned(),
            }
        };
        let own = KEYS.iter().filter(|key| replay::KEYS.iter().all(|other| other.name != key.name));
        self.replay.in_force().into_iter().chain(own.map(row)).collect()
    }

    /// Those of the replay.
    pub(crate) fn replay(&self) -> &replay::Assumptions {
        &self.replay
    }
}

/// The names of all keys.
fn names() -> impl Iterator<Item = &'static str> {
    replay::KEYS.iter().map(|key| key.name).chain(KEYS.iter().map(|key| key.name))
}

impl From<replay::AssumptionsError> for AssumptionsError {
    fn from(error: replay::AssumptionsError) -> Self {
        match error {
            replay::AssumptionsError::Toml(error) => Self::Toml(error),
            replay::AssumptionsError::UnknownKey { key, nearest } => Self::UnknownKey { key, nearest },
            replay::AssumptionsError::Value { key, value, expected } => Self::Value { key, value, expected },
        }
    }
}

impl Domain {
    fn default_value(self) -> Value {
        match self {
            Self::Number { default, .. } => Value::Number(default),
            Self::Name { default, .. } => Value::Name(default),
        }
    }

    /// The value, where it is one of the domain.
    fn accept(self, value: &toml::Value) -> Option<Value> {
        match (self, value) {
            (Self::Number { min, max, .. }, toml::Value::Float(number)) => {
                (min..=max).contains(number).then_some(Value::Number(*number))
            }
            (Self::Number { min, max, .. }, toml::Value::Integer(number)) => {
                let number = crate::number::float(i128::from(*number));
                (min..=max).contains(&number).then_some(Value::Number(number))
            }
            (Self::Name { allowed, .. }, toml::Value::String(name)) => {
                allowed.iter().find(|allowed| *allowed == name).map(|name| Value::Name(name))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { min, max, .. } => write!(f, "a number from {min} to {max}"),
            Self::Name { allowed, .. } => write!(f, "one of {}", allowed.join(", ")),
        }
    }
}

/// The known key most like `path`, by edits; the first of equals.
fn nearest(path: &str) -> &'static str {
    let distance = |name: &&str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        strsim::damerau_levenshtein(path, name).min(strsim::damerau_levenshtein(path, last))
    };
    names().min_by_key(distance).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let error = Assumptions::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(expect), "{text:?} gives {error:?}");
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        check("[emp]\nmemory_overcomit = 2", "`emp.memory_overcomit`; did you mean `emp.memory_overcommit`?");
        check("fee_fraction = 0.2", "`fee_fraction`; did you mean `emp.fee_fraction`?");
        check("[volume]\nunknown_type = \"gp3\"", "did you mean `volumes.unknown_type`?");
        check("volumes.unknown_typ = 1", "did you mean `volumes.unknown_type`?");
        check("[emp.memory_overcommit]\nx = 1", "`emp.memory_overcommit` is");
        check("[emp]\nx = {}", "unknown assumption `emp.x`");
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        check("emp.memory_overcommit = 0.5", "`emp.memory_overcommit` is 0.5; expected a number from 1 to 10");
        check("emp.fee_fraction = \"25%\"", "is \"25%\"; expected a number from 0 to 1");
        check("emp.cpu_overcommit = nan", "expected a number from 1 to 32");
        check("volumes.unknown_type = \"gp4\"", "expected one of none, gp2, gp3");
        check("volumes = 3", "unknown assumption `volumes`");
        check("emp = [", "not valid TOML");
    }

    #[test]
    fn what_is_changed_is_marked_and_the_rest_is_the_default() {
        let assumptions = Assumptions::from_toml("emp.cpu_overcommit = 16\n[volumes]\nunknown_type = \"gp3\"").unwrap();
        assert_eq!(assumptions.number(&CPU_OVERCOMMIT), 16.0);
        assert_eq!(assumptions.name(&VOLUMES_UNKNOWN_TYPE), "gp3");
        assert_eq!(assumptions.number(&MEMORY_OVERCOMMIT), 1.5);
        let changed: Vec<_> = assumptions.in_force().into_iter().filter(|a| a.changed).map(|a| a.key).collect();
        assert_eq!(changed, ["emp.cpu_overcommit", "volumes.unknown_type"]);
        assert!(Assumptions::default().in_force().iter().all(|a| !a.changed && a.value == a.default));
    }

    #[test]
    fn a_key_of_both_is_the_same_in_both_and_shown_once() {
        let assumptions = Assumptions::default();
        for key in KEYS {
            let Some(other) = replay::KEYS.iter().find(|other| other.name == key.name) else { continue };
            assert_eq!(
                other.domain.default_value().to_string(),
                key.domain.default_value().to_string(),
                "{}",
                key.name
            );
            assert_eq!((other.domain.to_string(), other.unit), (key.domain.to_string(), key.unit), "{}", key.name);
        }
        let mut shown: Vec<_> = assumptions.in_force().into_iter().map(|row| row.key).collect();
        shown.sort();
        let all = shown.len();
        shown.dedup();
        assert_eq!(shown.len(), all);
        let changed = Assumptions::from_toml("emp.memory_overcommit = 2\nrisk.swap = 0.01").unwrap();
        assert_eq!((changed.number(&MEMORY_OVERCOMMIT), changed.replay().emp_memory_overcommit), (2.0, 2.0));
        assert_eq!(changed.replay().risk_swap, 0.01);
    }

    #[test]
    fn every_key_is_unique_and_explained_and_its_default_is_allowed() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
        for key in KEYS {
            assert!(!key.source.is_empty() && !key.effect.is_empty(), "{}", key.name);
            match key.domain {
                Domain::Number { default, min, max } => assert!((min..=max).contains(&default)),
                Domain::Name { default, allowed } => assert!(allowed.contains(&default)),
            }
        }
    }
}
