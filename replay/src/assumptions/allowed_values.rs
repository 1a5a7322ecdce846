//! A key of `assumptions.toml`: its name, the values it takes, and why one is refused.

/// One key of `assumptions.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its dotted name.
    pub name: &'static str,
    /// Unit of the value; empty for a ratio or a name.
    pub unit: &'static str,
    /// Domain, and the value when nobody says otherwise.
    pub domain: Domain,
    /// Where the default comes from.
    pub source: &'static str,
    /// Effect of the assumption.
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
    /// One of some names, the first in force unless changed.
    Name {
        /// Every name accepted.
        allowed: &'static [&'static str],
    },
}

/// A value in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A name.
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

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { min, max, .. } => write!(f, "a number from {min} to {max}"),
            Self::Name { allowed } => write!(f, "one of {}", allowed.join(", ")),
        }
    }
}

impl Domain {
    /// Returns what is in force unless changed.
    pub fn default_value(self) -> Value {
        match self {
            Self::Number { default, .. } => Value::Number(default),
            Self::Name { allowed } => Value::Name(allowed.first().copied().unwrap_or_default()),
        }
    }

    pub(super) fn accept(self, value: &toml::Value) -> Option<Value> {
        let number = match value {
            toml::Value::Float(number) => Some(*number),
            // By its digits, since a conversion would hide where it rounds.
            toml::Value::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        };
        match self {
            Self::Number { min, max, .. } => number.filter(|n| (min..=max).contains(n)).map(Value::Number),
            Self::Name { allowed } => {
                let name = value.as_str()?;
                allowed.iter().find(|allowed| **allowed == name).map(|name| Value::Name(name))
            }
        }
    }
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
        /// Form that it takes.
        expected: String,
    },
}
