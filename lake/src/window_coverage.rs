//! Hours of a window that are there and those of them that are incomplete, from one listing a day.

use types::{ClusterId, Hour, Window};

use crate::error::LakeError;
use crate::hour_writes::Lake;
use crate::window_parts::IncompleteHour;

/// The hours of a window, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Those that exist.
    pub present: Vec<Hour>,
    /// Those of them of which something is known to be missing.
    pub incomplete: Vec<IncompleteHour>,
}

impl Lake {
    /// Coverage of a window: what a collector has to know before it asks for anything.
    ///
    /// Reads a manifest for every hour that is in no day manifest.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Manifest`].
    pub async fn coverage(&self, cluster: &ClusterId, window: Window) -> Result<Coverage, LakeError> {
        let mut coverage = Coverage::default();
        // Of a long window most days may not be there: one listing tells, instead of one each.
        for day in self.days(cluster).await? {
            if day.end() <= window.start() || day.first_hour().start() >= window.end() {
                continue;
            }
            let listing = self.listing(cluster, day).await?;
            let inside = |hour: &Hour| hour.start() >= window.start() && hour.end() <= window.end();
            let hours: Vec<Hour> = listing.hours.keys().copied().filter(inside).collect();
            let parts = self.parts_of_listing(cluster, day, &listing, Some(&hours)).await?;
            for read in parts.into_iter().flat_map(|part| part.hours).filter(|read| !read.manifest.complete) {
                let tries = listing.tries.get(&read.hour).copied().unwrap_or(0);
                coverage.incomplete.push(IncompleteHour { hour: read.hour, faults: read.manifest.faults, tries });
            }
            coverage.present.extend(hours);
        }
        coverage.incomplete.sort_by_key(|hour| hour.hour);
        Ok(coverage)
    }
}
