//! A set of assumptions is a struct, one field a key; the macro that makes one of a table, and what all sets share.

use types::analysis::Assumption;

use super::allowed_values::{AssumptionsError, Key, Value};

/// Assumptions of one part of the program.
pub trait AssumptionSet {
    /// Its keys, in the order in which they are shown.
    fn keys(&self) -> &'static [Key];
    /// Returns what is in force under a key; `None` where it is not one of these.
    fn get(&self, name: &str) -> Option<Value>;
    /// Puts a value in force, which its domain has accepted; nothing happens where the key is not one of these.
    fn set(&mut self, name: &str, value: Value);
}

/// Makes a set of assumptions of a table: for each key its field, name, unit, `{ number default, min, max }` or
/// `{ choice Name }`, an enum as [`choice!`](crate::choice!) makes it, the source of the default, and what it changes.
#[macro_export]
macro_rules! assumption_set {
    (@type number $($domain:tt)+) => { f64 };
    (@type choice $choice:ty) => { $choice };
    (@domain number $default:expr, $min:expr, $max:expr) => {
        $crate::Domain::Number { default: $default, min: $min, max: $max }
    };
    (@domain choice $choice:ty) => {
        $crate::Domain::Name { allowed: <$choice>::WORDS }
    };
    (@default number $default:expr, $min:expr, $max:expr) => { $default };
    (@default choice $choice:ty) => { <$choice>::default() };
    (@value $field:expr, number $($domain:tt)+) => { $crate::Value::Number($field) };
    (@value $field:expr, choice $choice:ty) => { $crate::Value::Name($field.as_str()) };
    (@set $field:expr, $value:expr, number $($domain:tt)+) => {
        if let $crate::Value::Number(number) = $value { $field = number; }
    };
    (@set $field:expr, $value:expr, choice $choice:ty) => {
        if let $crate::Value::Name(word) = $value && let Some(choice) = <$choice>::of(word) { $field = choice; }
    };
    (
        $(#[$meta:meta])* $vis:vis struct $set:ident;
        $( $field:ident = $name:literal, $unit:literal, { $($domain:tt)+ }, $source:literal, $effect:literal; )+
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        $vis struct $set {
            $( #[doc = concat!("`", $name, "`: ", $effect, ".")] pub $field: $crate::assumption_set!(@type $($domain)+), )+
        }

        impl $set {
            /// Every key, in the order in which they are shown.
            pub const KEYS: &'static [$crate::Key] = &[$(
                $crate::Key {
                    name: $name,
                    unit: $unit,
                    domain: $crate::assumption_set!(@domain $($domain)+),
                    source: $source,
                    effect: $effect,
                }
            ),+];
        }

        impl Default for $set {
            fn default() -> Self {
                Self { $( $field: $crate::assumption_set!(@default $($domain)+), )+ }
            }
        }

        impl $crate::AssumptionSet for $set {
            fn keys(&self) -> &'static [$crate::Key] {
                Self::KEYS
            }

            fn get(&self, name: &str) -> Option<$crate::Value> {
                match name {
                    $( $name => Some($crate::assumption_set!(@value self.$field, $($domain)+)), )+
                    _ => None,
                }
            }

            fn set(&mut self, name: &str, value: $crate::Value) {
                match name {
                    $( $name => $crate::assumption_set!(@set self.$field, value, $($domain)+), )+
                    _ => {}
                }
            }
        }
    };
}

/// Reads `assumptions.toml` into the sets its keys belong to: dotted tables, every key optional.
///
/// # Errors
/// [`AssumptionsError`] names the key, the value and what is allowed.
pub fn read_assumptions(text: &str, sets: &mut [&mut dyn AssumptionSet]) -> Result<(), AssumptionsError> {
    read("", &text.parse::<toml::Table>()?, sets)
}

fn read(prefix: &str, table: &toml::Table, sets: &mut [&mut dyn AssumptionSet]) -> Result<(), AssumptionsError> {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let mut known = None;
        for set in &mut *sets {
            if let Some(key) = set.keys().iter().find(|key| key.name == path) {
                known = Some((key, set));
                break;
            }
        }
        match (known, value) {
            (Some((key, set)), value) => set.set(key.name, key.accept(value)?),
            (None, toml::Value::Table(inner)) if !inner.is_empty() => read(&path, inner, sets)?,
            (None, _) => return Err(AssumptionsError::UnknownKey { nearest: nearest(&path, sets), key: path }),
        }
    }
    Ok(())
}

/// Every assumption of a set, for the report.
pub fn in_force(set: &dyn AssumptionSet) -> Vec<Assumption> {
    let row = |key: &Key| {
        let default = key.domain.default_value();
        let value = set.get(key.name).unwrap_or(default);
        Assumption {
            key: key.name.to_owned(),
            value: value.to_string(),
            unit: key.unit.to_owned(),
            default: default.to_string(),
            changed: value != default,
            source: key.source.to_owned(),
            effect: key.effect.to_owned(),
        }
    };
    set.keys().iter().map(row).collect()
}

impl Key {
    /// The value a file gives this key.
    ///
    /// # Errors
    /// [`AssumptionsError::Value`] when the key does not take it.
    pub fn accept(&self, value: &toml::Value) -> Result<Value, AssumptionsError> {
        self.domain.accept(value).ok_or_else(|| AssumptionsError::Value {
            key: self.name.to_owned(),
            value: value.to_string(),
            expected: self.domain.to_string(),
        })
    }
}

/// The known key most like `path`, by edits; the first of equals.
fn nearest(path: &str, sets: &[&mut dyn AssumptionSet]) -> &'static str {
    let distance = |key: &&Key| {
        let last = key.name.rsplit('.').next().unwrap_or(key.name);
        strsim::damerau_levenshtein(path, key.name).min(strsim::damerau_levenshtein(path, last))
    };
    sets.iter().flat_map(|set| set.keys()).min_by_key(distance).map_or("", |key| key.name)
}
