//! Cache of what was read a moment ago: bounded in number and in age.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Values by name, so many at most, each for so long. When there is no room, all that are older than the newest half go.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    values: Mutex<HashMap<String, (DateTime<Utc>, T)>>,
    most: usize,
    age: TimeDelta,
}

impl<T: Clone> Cached<T> {
    /// An empty cache.
    pub(crate) fn new(most: usize, age: TimeDelta) -> Self {
        Self { values: Mutex::default(), most, age }
    }

    /// A value that is young enough.
    pub(crate) fn get(&self, name: &str, now: DateTime<Utc>) -> Option<T> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, value) = values.get(name)?;
        (now - *since < self.age).then(|| value.clone())
    }

    /// Returns true when there is a value, however old.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// Keeps a value.
    pub(crate) fn put(&self, name: &str, value: T, now: DateTime<Utc>) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= self.most && !values.contains_key(name) {
            let mut ages: Vec<_> = values.values().map(|(since, _)| *since).collect();
            ages.sort_unstable();
            let half = ages.get(ages.len() / 2).copied().unwrap_or(now);
            values.retain(|_, (since, _)| *since > half);
        }
        values.insert(name.to_owned(), (now, value));
    }

    /// Forgets a value.
    pub(crate) fn forget(&self, name: &str) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
