//! Any bytes as the manifest of an hour, and as that of its day: every reader reads it or refuses it, and never panics.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use lake::ingest_admission::{Admitted, check_object};
use lake::store::MemoryStore;
use lake::verification::{Scope, verify};
use lake::{Day, Lake, Store, object_keys};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use types::{ClusterId, Hour, Window};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|text: &[u8]| {
    let cluster: ClusterId = "c1".parse().expect("a name");
    let hour = Hour::starting_at(1_782_820_800).expect("an hour");
    let day = Day::of(hour);
    let window = Window::try_new(day.first_hour().start(), day.end()).expect("a day");
    let text = Bytes::copy_from_slice(text);
    let _admitted = check_object(&cluster, &Admitted::Manifest { hour }, &text);
    RUNTIME.block_on(async {
        for key in [object_keys::hour_manifest(&cluster, hour), object_keys::day_manifest(&cluster, day)] {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
            store.put_new(&key, text.clone()).await.expect("memory takes it");
            let lake = Lake::new(Arc::clone(&store));
            let _read = lake.manifest(&cluster, hour).await;
            let _parts = lake.parts(&cluster, day, None).await;
            let _coverage = lake.coverage(&cluster, window).await;
            let found = verify(&store, &Scope::default()).await.expect("memory answers");
            // Whatever it names is not there.
            assert!(!found.faults.is_empty() || found.objects == 0);
        }
    });
});
