//! Any bytes as an object that somebody else's collector brings: refused, or read to the last row it said it has.
#![no_main]

use bytes::Bytes;
use lake::ingest_admission::{Admitted, check_object};
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, VolumeHour};
use lake::{Table, read_batches};
use libfuzzer_sys::fuzz_target;
use types::{ClusterId, Hour};

/// Rows that a reader gets, if it gets any.
fn rows<T: Table>(object: &Bytes) -> Option<usize> {
    let batches = read_batches(object.clone(), T::COLUMNS).ok()?;
    Some(batches.iter().map(|batch| batch.num_rows()).sum())
}

fuzz_target!(|bytes: &[u8]| {
    let cluster: ClusterId = "frozen".parse().expect("a name");
    let hour = Hour::starting_at(1_782_864_000).expect("an hour");
    let object = Bytes::copy_from_slice(bytes);
    let readers: [(&'static str, fn(&Bytes) -> Option<usize>); 6] = [
        (ContainerHour::NAME, rows::<ContainerHour>),
        (PodHour::NAME, rows::<PodHour>),
        (NodeHour::NAME, rows::<NodeHour>),
        (VolumeHour::NAME, rows::<VolumeHour>),
        (QualityHour::NAME, rows::<QualityHour>),
        (LoadBalancerHour::NAME, rows::<LoadBalancerHour>),
    ];
    for (table, rows) in readers {
        if let Ok(Some(said)) = check_object(&cluster, &Admitted::Object { table, hour }, &object) {
            if let Some(found) = rows(&object) {
                assert_eq!(u64::try_from(found).ok(), Some(said), "{table}");
            }
        }
    }
});
