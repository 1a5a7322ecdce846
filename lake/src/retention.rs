//! Retention: whole days away, manifests first.

use types::ClusterId;

use crate::error::LakeError;
use crate::hour_writes::Lake;
use crate::object_keys::{self, ManifestName};
use crate::utc_day::Day;

/// Days and keys that retention removed, or would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The days, oldest first; also those of which only objects without a manifest were left.
    pub days: Vec<Day>,
    /// The keys, in the order they are removed.
    pub keys: Vec<String>,
}

impl Lake {
    /// Removes all days of a cluster before `before`; with `dry_run` only says which.
    ///
    /// Manifests go before objects, those of hours before that of their day, so that a reader never follows one to
    /// an object that is gone because of a crash. What a crash leaves, a later run removes: days are found by their
    /// objects too.
    ///
    /// # Errors
    /// [`LakeError::Store`]; then part of it is removed.
    pub async fn prune(&self, cluster: &ClusterId, before: Day, dry_run: bool) -> Result<Pruned, LakeError> {
        let mut pruned = Pruned::default();
        let mut folders = vec![object_keys::cluster_manifests(cluster)];
        let manifests = object_keys::manifests();
        for table in self.store.list_names(&object_keys::layout()).await? {
            let folder = object_keys::cluster_objects(&table, cluster);
            if !folder.starts_with(&manifests) {
                folders.push(folder);
            }
        }
        for folder in folders {
            for name in self.store.list_names(&folder).await? {
                let day = name.strip_prefix("date=").and_then(|date| date.parse::<Day>().ok());
                let Some(day) = day.filter(|day| *day < before) else { continue };
                let mut keys = self.store.list(&format!("{folder}date={day}/")).await?;
                // In a directory, the empty folder of a day that was removed before.
                if !keys.is_empty() {
                    pruned.days.push(day);
                }
                keys.sort_by_key(|key| matches!(object_keys::manifest_name(key), Some(ManifestName::Day { .. })));
                if !dry_run {
                    for key in &keys {
                        self.store.delete(key).await?;
                    }
                }
                pruned.keys.extend(keys);
            }
        }
        pruned.days.sort_unstable();
        pruned.days.dedup();
        Ok(pruned)
    }
}
