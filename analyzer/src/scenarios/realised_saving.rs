//! Saving of elastic VMs that run already: the vendor's Before and After, over the hours they were seen.

use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::Realised;

use crate::assumptions::Assumptions;
use crate::monthly_scaling::Month;
use crate::number::float;
use crate::prices::{CapacityType, MachineKind, PriceBook};
use crate::sums::window_totals::Observed;

/// Before less After for the elastic VMs seen; `None` where there are none.
///
/// Before is what they would cost as EC2 instances of their type at contracted prices. After is what the user says their
/// hosts cost in a month, for the hours of the window: no metric of the cluster shows hosts.
pub(crate) fn realised(
    observed: &Observed,
    book: &PriceBook,
    assumptions: &Assumptions,
    month: Month,
) -> Option<Realised> {
    let mut by_type: BTreeMap<Option<&str>, i64> = BTreeMap::new();
    for (kind, sums) in observed.nodes.iter().filter(|(kind, _)| kind.emp_owned) {
        *by_type.entry(kind.instance_type.as_deref()).or_default() += sums.up_seconds;
    }
    let seconds: i64 = by_type.values().sum();
    if seconds == 0 {
        return None;
    }
    let region = observed.region();
    let price = |(name, seconds): (&Option<&str>, &i64)| {
        let machine = MachineKind::new((*name)?, CapacityType::OnDemand, region?);
        Some(book.rate(&machine)?.contracted.price.for_seconds(*seconds).cost())
    };
    let before: Option<NanoUsd> = by_type.iter().map(price).sum();
    let hosts = assumptions.terms.emp_running_hosts_usd_per_month;
    let after = (hosts > 0.0).then(|| month.of_window(hosts));
    let fee = before.zip(after).map(|(before, after)| replay::fee(before, after, assumptions.replay.emp_fee_fraction));
    let hours = |seconds: i64| float(seconds.into()) / 3600.0;
    let mut evm_types: Vec<_> =
        by_type.iter().map(|(name, seconds)| (name.unwrap_or("unknown").to_owned(), hours(*seconds))).collect();
    evm_types.sort_by(|(a_name, a), (b_name, b)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    let saving = before.zip(after).zip(fee).map(|((before, after), fee)| before - after - fee);
    Some(Realised {
        evm_hours: hours(seconds),
        evm_types,
        before_usd: before.map(NanoUsd::usd),
        after_usd: after.map(NanoUsd::usd),
        fee_usd: fee.map(NanoUsd::usd),
        saving_usd: saving.map(NanoUsd::usd),
    })
}
