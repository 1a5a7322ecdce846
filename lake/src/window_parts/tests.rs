use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use types::{ClusterId, Hour, Window};

use crate::store::{MemoryStore, PutOutcome, Store, StoreError};
use crate::{HourOrigin, HourRows, Lake};

/// A store that counts what is listed.
#[derive(Debug, Default)]
struct Counted {
    store: MemoryStore,
    listings: AtomicUsize,
}

#[async_trait::async_trait]
impl Store for Counted {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.store.get(key).await
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        self.store.put_new(key, object).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        self.store.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        self.store.list_names(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}

#[tokio::test]
async fn a_window_of_years_lists_the_days_that_are_there() {
    let store = Arc::new(Counted::default());
    let lake = Lake::new(Arc::<Counted>::clone(&store));
    let cluster: ClusterId = "c1".parse().unwrap();
    let first = Hour::starting_at(1_782_864_000).unwrap();
    let hours = [first, first.plus(1), first.plus(30), first.plus(24 * 400)];
    for hour in hours {
        lake.write_hour(&cluster, hour, HourRows::default(), HourOrigin::generator()).await.unwrap();
    }
    let check = async |window: (i64, i64), expect: &[Hour], most: usize| {
        let window = Window::try_new(first.plus(window.0).start(), first.plus(window.1).start()).unwrap();
        store.listings.store(0, Ordering::SeqCst);
        assert_eq!(lake.hours(&cluster, window).await.unwrap(), expect);
        let listings = store.listings.load(Ordering::SeqCst);
        assert!(listings <= most, "{listings}");
    };
    check((-24 * 7 * 2_000, 24 * 500), &hours, 4).await;
    check((1, 24 * 300), &hours[1..3], 3).await;
    check((-24 * 100, -24), &[], 1).await;
    // Of a short one it costs nothing more.
    check((0, 24), &hours[..2], 1).await;
}
