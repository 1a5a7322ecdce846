//! Small JSON objects that the service keeps by id, a folder of the bucket for each kind.

use lake::{Store, StoreError};

/// A kind of record.
pub(crate) struct Records {
    /// Its folder, with a slash at the end.
    pub folder: &'static str,
    /// Hexadecimal digits of an id.
    pub digits: usize,
}

impl Records {
    /// The key of a record.
    pub(crate) fn key(&self, id: &str) -> String {
        format!("{}{id}.json", self.folder)
    }

    /// Returns true when a text is an id: hexadecimal digits alone, so that nothing leads out of the folder.
    pub(crate) fn is_id(&self, id: &str) -> bool {
        id.len() == self.digits && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }

    /// Why nothing was written.
    pub(crate) fn failed(&self, store: &dyn Store, said: &'static str) -> StoreError {
        StoreError::Failed {
            action: "write",
            key: self.folder.to_owned(),
            store: store.location(),
            hint: String::new(),
            source: said.into(),
        }
    }
}
