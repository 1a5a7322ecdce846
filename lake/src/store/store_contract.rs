//! The seam to storage: what every store does, and how it fails.

use async_trait::async_trait;
use bytes::Bytes;

/// The object by which it is tried whether a server honours conditions.
pub const CONDITION_PROBE: &str = "probe/conditional-write.txt";
/// Its content.
pub(super) const CONDITION_TEXT: &[u8] = b"emp-cost writes this twice to see whether the second write is refused\n";

/// Tells whether a conditional put wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object did not exist and does now.
    Created,
    /// An object with this key exists; it was left as it is.
    Exists,
}

/// Errors of a store, by what the caller can do about them.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("no object `{key}` in `{store}`")]
    NotFound {
        /// The key.
        key: String,
        /// The store.
        store: String,
    },
    /// The store refused, or could not be reached.
    #[error("could not {action} `{key}` in `{store}`{hint}")]
    Failed {
        /// The action, as a verb.
        action: &'static str,
        /// The key or prefix.
        key: String,
        /// The store.
        store: String,
        /// Remedy; starts with `; ` or is empty.
        hint: String,
        /// Error of the store.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a store that keeps only what never changes replaces nothing.
fn never_replaced(store: String, key: &str) -> StoreError {
    StoreError::Failed {
        action: "replace",
        key: key.to_owned(),
        store,
        hint: String::new(),
        source: "objects of this store are never replaced".into(),
    }
}

/// Somewhere objects are kept by key. Objects are never changed once written; retention removes them.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The whole object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Failed`] when the store cannot say.
    async fn get(&self, key: &str) -> Result<Bytes, StoreError>;

    /// Writes an object unless one with this key exists. After a return the object is complete and durable.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then nothing is visible under the key.
    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError>;

    /// Writes an object, whatever was there, whole or not at all. For what is no part of the lake's contract and may
    /// change, such as reports: objects under `v1/` are only ever written by [`Self::put_new`]. `content_type` is
    /// what a browser is told where the store can tell it. A store that keeps only what never changes refuses.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then what was there is there still.
    async fn replace(&self, key: &str, _object: Bytes, _content_type: &str) -> Result<(), StoreError> {
        Err(never_replaced(self.location(), key))
    }

    /// The whole object, and a mark of the content for [`Self::swap`].
    ///
    /// # Errors
    /// As [`Self::get`].
    async fn get_marked(&self, key: &str) -> Result<(Bytes, String), StoreError> {
        let object = self.get(key).await?;
        let mark = crate::digest::digest(&object);
        Ok((object, mark))
    }

    /// Replaces an object if its content is still what `mark` is of, or writes it if there is none and `mark` is `None`;
    /// false when another writer was quicker, and then nothing was written. Of objects that [`Self::replace`] is for.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then what was there is there still.
    async fn swap(
        &self,
        key: &str,
        _mark: Option<&str>,
        _object: Bytes,
        _content_type: &str,
    ) -> Result<bool, StoreError> {
        Err(never_replaced(self.location(), key))
    }

    /// Returns whether the store can be written, and never replaces an object that [`Self::put_new`] finds there, as
    /// its contract says: tried with an object that stays, [`CONDITION_PROBE`].
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn keeps_what_is_there(&self) -> Result<bool, StoreError> {
        self.put_new(CONDITION_PROBE, Bytes::from_static(CONDITION_TEXT)).await?;
        Ok(self.put_new(CONDITION_PROBE, Bytes::from_static(CONDITION_TEXT)).await? == PutOutcome::Exists)
    }

    /// Things among objects that are none: links, pipes and other things that are no file. No reader follows them.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn no_objects(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// The keys that start with `prefix`, which ends in `/`, sorted.
    ///
    /// # Errors
    /// [`StoreError::Failed`]. A prefix under which nothing lies is no error.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// The names directly below `prefix`, which ends in `/`, sorted: those of objects and of further prefixes.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Leftovers of writers that died, which no reader sees; with `remove`, it is removed. Nothing of a
    /// writer that lives is touched. Stores whose writes leave nothing behind have none.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn leftovers(&self, _remove: bool) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Where this is, for people: `s3://bucket/prefix` or a path.
    fn location(&self) -> String;
}
