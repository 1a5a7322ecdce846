//! The user's prices file, and the prices that come of it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prices::{CapacityType, MachineKind, PriceBook};

static CATALOG: LazyLock<PriceBook> = LazyLock::new(|| PriceBook::catalog().unwrap());

fuzz_target!(|text: &str| {
    let Ok(book) = CATALOG.clone().with_user_toml(text) else { return };
    for capacity_type in [CapacityType::OnDemand, CapacityType::Spot] {
        let machine = MachineKind::new("m5.large", capacity_type, "us-east-1");
        let Some(rate) = book.rate(&machine) else { continue };
        assert!((0.0..=10_000.0).contains(&rate.contracted.price.usd_per_hour()));
        for commitment in book.commitments() {
            let _not_covered = book.committed_rate(&commitment, &machine, rate.list);
        }
    }
    let _unknown = (book.control_plane("us-east-1", true), book.volume("gp3", "eu-west-1"));
});
