//! Many that go over the same hours, on as many threads as there are processors.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Hours that are ready before the last of all has come to them: enough that who is fast need not wait for who is slow.
const HOURS_AHEAD: usize = 4;

/// How far everybody is.
struct Progress<H> {
    /// Hours that somebody has yet to take, and the number of those before them.
    hours: VecDeque<Arc<H>>,
    over: usize,
    /// `true` once no hour comes any more, or somebody has panicked.
    ended: bool,
    panicked: bool,
    /// Hours that each has taken, and whether it takes the next one now.
    taken: Vec<(usize, bool)>,
}

/// The same as all threads see it.
struct Shared<H> {
    progress: Mutex<Progress<H>>,
    changed: Condvar,
}

/// An hour that somebody takes.
struct Turn<'s, H> {
    shared: &'s Shared<H>,
    who: usize,
    hour: Arc<H>,
}

impl<H> Drop for Turn<'_, H> {
    fn drop(&mut self) {
        let mut progress = self.shared.progress();
        if std::thread::panicking() {
            (progress.ended, progress.panicked) = (true, true);
        }
        if let Some((taken, busy)) = progress.taken.get_mut(self.who) {
            (*taken, *busy) = (*taken + 1, false);
        }
        let least = progress.taken.iter().map(|(taken, _)| *taken).min().unwrap_or_default();
        while progress.over < least {
            progress.hours.pop_front();
            progress.over += 1;
        }
        self.shared.changed.notify_all();
    }
}

impl<H> Shared<H> {
    fn new(n: usize) -> Self {
        let taken = vec![(0, false); n];
        let progress = Progress { hours: VecDeque::new(), over: 0, ended: false, panicked: false, taken };
        Self { progress: Mutex::new(progress), changed: Condvar::new() }
    }

    fn progress(&self) -> MutexGuard<'_, Progress<H>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'m>(&self, progress: MutexGuard<'m, Progress<H>>) -> MutexGuard<'m, Progress<H>> {
        self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an hour once there is room for it. Returns false when nobody takes any more.
    fn add(&self, hour: H) -> bool {
        let mut progress = self.progress();
        while progress.hours.len() >= HOURS_AHEAD && !progress.panicked {
            progress = self.wait(progress);
        }
        progress.hours.push_back(Arc::new(hour));
        self.changed.notify_all();
        !progress.panicked
    }

    fn end(&self) {
        self.progress().ended = true;
        self.changed.notify_all();
    }

    /// The next hour for who is furthest behind of those that wait for one; `None` at the end.
    fn next(&self) -> Option<Turn<'_, H>> {
        let mut progress = self.progress();
        loop {
            let there = progress.over + progress.hours.len();
            let open = |(_, (taken, busy)): &(usize, &(usize, bool))| !busy && *taken < there;
            let next = progress.taken.iter().enumerate().filter(open).min_by_key(|(who, (taken, _))| (*taken, *who));
            if let Some((who, (taken, _))) = next.filter(|_| !progress.panicked)
                && let Some(hour) = progress.hours.get(taken - progress.over).cloned()
            {
                progress.taken.get_mut(who).into_iter().for_each(|(_, busy)| *busy = true);
                return Some(Turn { shared: self, who, hour });
            }
            let is_over = progress.taken.iter().all(|(taken, _)| *taken == there);
            if progress.panicked || progress.ended && is_over {
                return None;
            }
            progress = self.wait(progress);
        }
    }
}

/// Ends the hours, however its scope is left.
struct Ending<'s, H>(&'s Shared<H>);

impl<H> Drop for Ending<'_, H> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Has each of `many` take every hour in order, on as many threads as there are processors, while the next hours come; which
/// thread is faster changes nothing.
///
/// A thread for each of many scenarios would have memory of its own and hours in flight of its own; here nobody is further
/// ahead than by some hours.
pub fn side_by_side<T: Send, H: Send + Sync>(
    many: &mut [T],
    hours: impl Iterator<Item = H>,
    take: impl Fn(&mut T, &H) + Sync,
) {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let n = many.len();
    if n == 0 {
        return;
    }
    let shared = Shared::new(n);
    let many: Vec<Mutex<&mut T>> = many.iter_mut().map(Mutex::new).collect();
    let work = || {
        while let Some(turn) = shared.next() {
            // Nobody else has this one while it is busy.
            let own = many.get(turn.who).map(|own| own.lock().unwrap_or_else(PoisonError::into_inner));
            own.into_iter().for_each(|mut own| take(&mut own, &turn.hour));
        }
    };
    std::thread::scope(|threads| {
        // Before the threads: where one cannot be had, the others end too.
        let _ending = Ending(&shared);
        (0..processors.min(n)).for_each(|_| {
            threads.spawn(work);
        });
        for hour in hours {
            if !shared.add(hour) {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_takes_every_hour_in_order() {
        for n in [0, 1, 2, 7] {
            let mut many: Vec<(usize, Vec<usize>)> = (0..n).map(|who| (who, Vec::new())).collect();
            side_by_side(&mut many, 0..100, |(who, taken), hour| {
                if hour % 7 == *who {
                    std::thread::yield_now();
                }
                taken.push(*hour);
            });
            assert!(many.iter().all(|(_, taken)| taken.iter().copied().eq(0..100)));
        }
    }

    #[test]
    fn who_panics_stops_all() {
        let all = std::panic::catch_unwind(|| {
            side_by_side(&mut [1, 2, 3], 0.., |who, hour| assert!(*who != 2 || *hour < 9, "so far"));
        });
        assert!(all.is_err());
    }
}
