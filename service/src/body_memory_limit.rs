//! EDGE: bodies, so many bytes of them at a time: a replica of little memory takes many clusters' hours one after the other,
//! and a flood of large objects waits.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;

/// The unit of room, in bytes.
const UNIT: usize = 4096;
/// How long a request waits for room. Collectors ask again by themselves.
const WAITS: Duration = Duration::from_secs(30);
/// How long a body may take, however fast it comes.
const ARRIVES: Duration = Duration::from_secs(120);

/// Room for bodies.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    all: u32,
}

impl Room {
    /// Room for so many MiB.
    pub(crate) fn new(mib: usize) -> Self {
        let units = (mib.max(1).saturating_mul(1 << 20) / UNIT).min(Semaphore::MAX_PERMITS);
        let all = u32::try_from(units).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(units))), all }
    }

    /// Takes room for so many bytes, all of it for more than there is.
    ///
    /// # Errors
    /// A [`Problem`] when there is none for long.
    pub(crate) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.all);
        match timeout(WAITS, Arc::clone(&self.free).acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "this replica takes as much as it can hold; try again",
            )),
        }
    }
}

/// Waits for a body, but not for ever.
///
/// # Errors
/// That of the body, or a [`Problem`] when it does not end.
pub(crate) async fn arrived<T>(body: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    match timeout(ARRIVES, body).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took more than two minutes")),
    }
}
