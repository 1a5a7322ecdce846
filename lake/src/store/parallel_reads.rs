//! Many reads at once, in order, with bounded memory.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::store_contract::{Store, StoreError};

/// Reads under way at once: enough to hide the delay of a store, few enough for its limits and our memory.
pub const READS: usize = 16;

/// Results of futures in the order of the futures, of which a fixed number run ahead of what has been asked for.
///
/// No more than that number of results exist at a time, however slowly they are taken. What is still running when
/// this is dropped is stopped.
#[derive(Debug)]
pub struct InOrder<I, T> {
    waiting: I,
    running: VecDeque<JoinHandle<T>>,
    limit: usize,
}

impl<I, F, T> InOrder<I, T>
where
    I: Iterator<Item = F>,
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Runs `futures`, at most `limit` of them at a time.
    pub fn new(futures: I, limit: usize) -> Self {
        Self { waiting: futures, running: VecDeque::new(), limit: limit.max(1) }
    }

    /// The next result; `None` after the last. A panic in a future goes on here.
    pub async fn next(&mut self) -> Option<T> {
        while self.running.len() < self.limit
            && let Some(future) = self.waiting.next()
        {
            self.running.push_back(tokio::spawn(future));
        }
        match self.running.pop_front()?.await {
            Ok(result) => Some(result),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<I, T> Drop for InOrder<I, T> {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// One read: of which key, and what came of it.
pub type Read = (String, Result<Bytes, StoreError>);

/// Reads objects, [`READS`] at a time, and hands them over in the order of `keys`.
pub fn get_many(
    store: &Arc<dyn Store>,
    keys: Vec<String>,
) -> InOrder<impl Iterator<Item = impl Future<Output = Read> + Send + 'static>, Read> {
    let store = Arc::clone(store);
    let reads = keys.into_iter().map(move |key| {
        let store = Arc::clone(&store);
        async move {
            let object = store.get(&key).await;
            (key, object)
        }
    });
    InOrder::new(reads, READS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread")]
    async fn results_keep_their_order_and_few_run_at_a_time() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let futures = (0..200).map(|n| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..n % 7 {
                    tokio::task::yield_now().await;
                }
                running.fetch_sub(1, Ordering::SeqCst);
                n
            }
        });
        let mut in_order = InOrder::new(futures, 4);
        let mut seen = Vec::new();
        while let Some(n) = in_order.next().await {
            seen.push(n);
        }
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
        assert!((1..=4).contains(&most.load(Ordering::SeqCst)));
    }
}
