//! Manifests: what belongs to an hour or a day, how to check it, and how good it is.

use serde::{Deserialize, Serialize};
use types::{ClusterId, Hour, HourSource};

/// The layout version a manifest of this writer names.
pub const VERSION: u32 = 1;

/// Prefix of the name of a rule in [`Manifest::query_set`].
pub const USAGE_RULE: &str = "container-usage=";

/// Names the objects of one closed hour. Written last: an hour exists when its manifest does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout version.
    pub version: u32,
    /// The cluster.
    pub cluster_id: ClusterId,
    /// Start of the hour, in seconds since the epoch.
    pub hour_start_seconds: i64,
    /// Where the hour comes from.
    pub source: HourSource,
    /// The server it was collected from, such as `prometheus 2.42.0`; empty for synthetic hours.
    pub server: String,
    /// Hash of the queries that collected it; after it, behind [`USAGE_RULE`], the rule that the CPU of containers comes
    /// from where cAdvisor's counters were not there. Empty for synthetic hours.
    pub query_set: String,
    /// False when the server warned, or part of the data is known to be missing.
    pub complete: bool,
    /// Faults of the hour, in words.
    pub faults: Vec<String>,
    /// The objects, by table.
    pub objects: Vec<ObjectEntry>,
}

/// Names the objects of one day, made from those of its hours. Written last, like that of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayManifest {
    /// Layout version.
    pub version: u32,
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The date, as in the key.
    pub date: String,
    /// The hours whose rows the objects hold, oldest first.
    pub hours: Vec<DayHour>,
    /// The objects, by table.
    pub objects: Vec<ObjectEntry>,
}

/// One hour of a day, as it was when the day was made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHour {
    /// Key of the manifest that held for the hour. A newer one means that the day's rows of it are outdated.
    pub key: String,
    /// SHA-256 of that manifest, in hexadecimal.
    pub sha256: String,
    /// Its content, so that a reader of the day needs to read nothing else.
    pub manifest: Manifest,
}

/// One object of an hour or a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// The table.
    pub table: String,
    /// The key, relative to the root of the lake.
    pub key: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The hour it describes; `None` when the file names none.
    pub fn hour(&self) -> Option<Hour> {
        Hour::starting_at(self.hour_start_seconds)
    }

    /// Returns whether it is a manifest this version reads, of this hour of this cluster.
    pub(crate) fn describes(&self, cluster: &ClusterId, hour: Hour) -> bool {
        self.version == VERSION && self.hour() == Some(hour) && self.cluster_id == *cluster
    }

    /// The recording rule that the CPU of containers comes from; `None` when it comes from cAdvisor's counters, as it
    /// should.
    pub fn usage_rule(&self) -> Option<&str> {
        self.query_set.split(' ').find_map(|word| word.strip_prefix(USAGE_RULE))
    }

    /// The object of a table.
    pub fn object(&self, table: &str) -> Option<&ObjectEntry> {
        self.objects.iter().find(|object| object.table == table)
    }
}
