//! Rate of requests that one person, token or address may send.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use crate::problem::Problem;

/// The most names that are told apart; past that those that have not asked for a minute are forgotten.
const MOST_NAMES: usize = 50_000;
const MINUTE_MS: i64 = 60_000;

/// A bucket for each name, which fills in a minute.
#[derive(Debug, Default)]
pub struct Limiter {
    /// When a name's bucket will be full again, in milliseconds since the epoch.
    full_at: Mutex<HashMap<String, i64>>,
}

impl Limiter {
    /// Takes one request; otherwise how many seconds to wait.
    ///
    /// # Errors
    /// The seconds after which the next request is let in.
    pub fn take(&self, name: &str, a_minute: u32, now: DateTime<Utc>) -> Result<(), i64> {
        let (now, one) = (now.timestamp_millis(), MINUTE_MS / i64::from(a_minute.clamp(1, 60_000)));
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST_NAMES {
            full_at.retain(|_, full| *full > now);
            // Everybody at once: rather start anew than let memory grow.
            if full_at.len() >= MOST_NAMES {
                full_at.clear();
            }
        }
        let full = full_at.get(name).copied().unwrap_or(now).max(now);
        if full + one > now + MINUTE_MS {
            return Err((full + one - now - MINUTE_MS).div_euclid(1000) + 1);
        }
        full_at.insert(name.to_owned(), full + one);
        Ok(())
    }
}

/// Takes one request of somebody's share; a problem where it is used up.
pub(crate) fn throttle(limiter: &Limiter, name: &str, a_minute: u32, now: DateTime<Utc>) -> Result<(), Problem> {
    let wait =
        |seconds: i64| Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many requests; wait {seconds} s"));
    limiter.take(name, a_minute, now).map_err(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let limiter = Limiter::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap();
        for _ in 0..60 {
            assert_eq!(limiter.take("a", 60, at(0)), Ok(()));
        }
        assert_eq!(limiter.take("a", 60, at(0)), Err(2));
        assert_eq!(limiter.take("b", 60, at(0)), Ok(()), "another name has a bucket of its own");
        assert_eq!(limiter.take("a", 60, at(1)), Ok(()));
        assert!(limiter.take("a", 60, at(1)).is_err());
    }
}
