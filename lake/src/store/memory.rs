//! A store in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::store_contract::{PutOutcome, Store, StoreError};

/// Objects in a map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let missing = || StoreError::NotFound { key: key.to_owned(), store: self.location() };
        self.objects().get(key).cloned().ok_or_else(missing)
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Ok(PutOutcome::Exists);
        }
        objects.insert(key.to_owned(), object);
        Ok(PutOutcome::Created)
    }

    async fn replace(&self, key: &str, object: Bytes, _content_type: &str) -> Result<(), StoreError> {
        self.objects().insert(key.to_owned(), object);
        Ok(())
    }

    async fn swap(
        &self,
        key: &str,
        mark: Option<&str>,
        object: Bytes,
        _content_type: &str,
    ) -> Result<bool, StoreError> {
        let mut objects = self.objects();
        let same = objects.get(key).map(|there| crate::digest::digest(there)).as_deref() == mark;
        if same {
            objects.insert(key.to_owned(), object);
        }
        Ok(same)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.objects().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let objects = self.objects();
        let rests = objects.keys().filter_map(|key| key.strip_prefix(prefix));
        let names: BTreeSet<_> = rests.filter_map(|rest| rest.split('/').next()).collect();
        Ok(names.into_iter().map(ToOwned::to_owned).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}
