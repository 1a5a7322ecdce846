//! Small JSON objects that the service keeps by id, a folder of the bucket for each kind.

use bytes::Bytes;
use lake::{Store, StoreError};
use serde::Serialize;

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

    /// The ids there are, in their order.
    pub(crate) async fn ids(&self, store: &dyn Store) -> Result<Vec<String>, StoreError> {
        let names = store.list_names(self.folder).await?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".json")).filter(|id| self.is_id(id));
        Ok(ids.map(ToOwned::to_owned).collect())
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

/// A record as it is kept.
pub(crate) fn text(record: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec_pretty(record).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
