//! Assumptions that a what-if may change, as the analyzer has them. This crate does not know the analyzer, so they are a
//! table, `assets/assumptions.json`, which a test of `emp-cost` holds against it.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// An assumption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assumption {
    /// Its dotted name in `assumptions.toml`.
    pub name: String,
    /// Unit; empty for a ratio or a name.
    pub unit: String,
    /// Effect of the assumption.
    pub effect: String,
    /// The values it takes.
    #[serde(flatten)]
    pub domain: Domain,
}

/// The values of an assumption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Domain {
    /// A number.
    Number {
        /// In force unless changed.
        default: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// One of some names, the first in force unless changed.
    Name {
        /// The names.
        allowed: Vec<String>,
    },
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { min, max, .. } => write!(f, "a number from {min} to {max}"),
            Self::Name { allowed } => write!(f, "one of {}", allowed.join(", ")),
        }
    }
}

impl Assumption {
    /// Returns what is in force unless changed, as it is written.
    pub fn default_value(&self) -> String {
        match &self.domain {
            Domain::Number { default, .. } => default.to_string(),
            Domain::Name { allowed } => allowed.first().cloned().unwrap_or_default(),
        }
    }

    /// A value as TOML writes it.
    pub fn written(&self, value: &str) -> String {
        match self.domain {
            Domain::Number { .. } => value.to_owned(),
            Domain::Name { .. } => toml::Value::String(value.to_owned()).to_string(),
        }
    }

    fn accept(&self, value: &toml::Value) -> Result<(), String> {
        let number = match value {
            toml::Value::Float(number) => Some(*number),
            toml::Value::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        };
        let good = match &self.domain {
            Domain::Number { min, max, .. } => number.is_some_and(|number| (*min..=*max).contains(&number)),
            Domain::Name { allowed } => value.as_str().is_some_and(|name| allowed.iter().any(|one| one == name)),
        };
        if good { Ok(()) } else { Err(format!("assumption `{}` is {value}; expected {}", self.name, self.domain)) }
    }
}

/// Every assumption, in the order of the report.
pub fn all() -> &'static [Assumption] {
    static ALL: LazyLock<Vec<Assumption>> =
        LazyLock::new(|| serde_json::from_str(include_str!("../assets/assumptions.json")).unwrap_or_default());
    &ALL
}

/// An assumption by its name.
pub fn find(name: &str) -> Option<&'static Assumption> {
    all().iter().find(|one| one.name == name)
}

/// Checks a text in the form of `assumptions.toml`.
///
/// # Errors
/// A sentence that names the key, the value and what is allowed.
pub fn check(text: &str) -> Result<(), String> {
    values(text).map(|_| ())
}

/// The values in a text of that form, by name.
///
/// # Errors
/// As [`check`].
pub fn values(text: &str) -> Result<Vec<(&'static Assumption, toml::Value)>, String> {
    let table = text.parse::<toml::Table>();
    let table = table.map_err(|error| format!("the assumptions are not valid TOML: {}", error.message()))?;
    let mut found = Vec::new();
    read("", &table, &mut found)?;
    Ok(found)
}

fn read(prefix: &str, table: &toml::Table, found: &mut Vec<(&'static Assumption, toml::Value)>) -> Result<(), String> {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match (find(&path), value) {
            (Some(one), value) => {
                one.accept(value)?;
                found.push((one, value.clone()));
            }
            (None, toml::Value::Table(inner)) if !inner.is_empty() => read(&path, inner, found)?,
            (None, _) => return Err(format!("unknown assumption `{path}`; did you mean `{}`?", nearest(&path))),
        }
    }
    Ok(())
}

/// The name most like a path, by edits; the first of equals.
fn nearest(path: &str) -> &'static str {
    let distance = |one: &&Assumption| {
        let last = one.name.rsplit('.').next().unwrap_or(&one.name);
        strsim::damerau_levenshtein(path, &one.name).min(strsim::damerau_levenshtein(path, last))
    };
    all().iter().min_by_key(distance).map_or("", |one| one.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_a_mistake_is_named() {
        assert!(all().len() > 80, "{}", all().len());
        assert_eq!(check("emp.fee_fraction = 0\n[risk]\nhost_loss = 0.5\n"), Ok(()));
        for (text, expect) in [
            ("emp.fee_fraction = 7", "`emp.fee_fraction` is 7; expected a number from 0 to 1"),
            ("emp.fee_fraction = nan", "expected a number from 0 to 1"),
            ("emp.zones = \"three\"", "expected one of all, one, two"),
            ("emp.memory_overcomit = 2", "did you mean `emp.memory_overcommit`?"),
            ("emp = 3", "unknown assumption `emp`"),
            ("emp = [", "not valid TOML"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        }
        assert!(
            all().iter().all(|one| check(&format!("{} = {}", one.name, one.written(&one.default_value()))).is_ok())
        );
    }
}
