//! Evictions of the last seven days.

use std::collections::VecDeque;

use crate::outcome::Evictions;

/// Hours the limit looks back.
const HOURS: usize = 168;

/// Evictions of the hours the limit looks back on, and of the hour in work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    pub(crate) hours: VecDeque<Evictions>,
    pub(crate) now: Evictions,
    pub(crate) sum: Evictions,
    /// Slots in which replicas of workloads restart, by their starts: this one, and those in which machines that are being
    /// replaced hand their pods over.
    pub(crate) restarts: Vec<(i64, u32)>,
}

impl Recent {
    /// Forgets what was before, since what is judged begins now.
    pub(crate) fn begin(&mut self) {
        (self.hours, self.sum) = (VecDeque::new(), Evictions::default());
    }

    /// Ends the hour, in which pods were there for so long.
    pub(crate) fn end_hour(&mut self, there: &Evictions) -> Evictions {
        let hour = Evictions { pods: self.now.pods, singles: self.now.singles, ..*there };
        self.now = Evictions::default();
        self.sum = self.sum.plus(&hour);
        self.hours.push_back(hour);
        if self.hours.len() > HOURS
            && let Some(oldest) = self.hours.pop_front()
        {
            self.sum = self.sum.less(&oldest);
        }
        hour
    }
}
