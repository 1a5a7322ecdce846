//! Volumes belong to the workload that mounts them; what nothing mounts is idle.

use std::collections::BTreeMap;

use types::analysis::ClaimCost;
use types::{NanoUsd, split};

use super::costs_by_owner::{Books, OwnerCost, Parts};
use crate::bill::today::Bill;
use crate::number::{float, ratio};
use crate::sums::hour_facts::WorkloadKey;
use crate::sums::node_usage_by_owner::{ClaimName, Ledger, VolumeOf, VolumeShare};
use crate::sums::volume_billing::VolumeKind;
use crate::units::GIB;

/// Whose a volume is: an owner, if one mounts it, and its claim.
type Whose<'l> = (Option<(&'l WorkloadKey, &'l Vec<String>)>, (&'l ClaimName, u32));

/// One claim over the window.
#[derive(Debug, Default)]
struct Sum<'l> {
    volume_type: Option<&'l str>,
    share: VolumeShare,
    mounted: bool,
    cost: Option<NanoUsd>,
}

/// Gives the volumes' cost out; what each claim costs, dearest first.
pub(super) fn give(books: &mut Books, bill: &Bill, ledger: &Ledger) -> Vec<ClaimCost> {
    let mut by_kind: BTreeMap<&VolumeKind, Vec<(Whose<'_>, &VolumeShare)>> = BTreeMap::new();
    for (VolumeOf { kind, claim, owner }, share) in &ledger.volumes {
        if let Some(name) = ledger.claims.name(*claim) {
            let owner = owner.and_then(|owner| ledger.owner_key(owner));
            by_kind.entry(kind).or_default().push(((owner, (name, *claim)), share));
        }
    }
    let mut claims: BTreeMap<(&ClaimName, u32), Sum<'_>> = BTreeMap::new();
    for (kind, mut shares) in by_kind {
        shares.sort_by_key(|(whose, _)| *whose);
        let given = bill.volumes.get(kind).map(|cost| {
            let bytes: Vec<_> = shares.iter().map(|(_, share)| share.byte_seconds).collect();
            let seconds: Vec<_> = shares.iter().map(|(_, share)| share.seconds).collect();
            let none = || vec![NanoUsd::ZERO; shares.len()];
            let storage = split(cost.storage, &bytes).unwrap_or_else(none);
            let performance = split(cost.performance, &seconds).unwrap_or_else(none);
            storage.into_iter().zip(performance).map(|(storage, performance)| storage + performance).collect()
        });
        let given: Vec<Option<NanoUsd>> = match given {
            Some(given) => Vec::into_iter(given).map(Some).collect(),
            None => vec![None; shares.len()],
        };
        for (((owner, claim), share), cost) in shares.into_iter().zip(given) {
            let sum = claims.entry(claim).or_default();
            sum.volume_type = kind.volume_type.as_deref();
            sum.share.byte_seconds += share.byte_seconds;
            sum.share.seconds += share.seconds;
            sum.share.sized_seconds += share.sized_seconds;
            sum.mounted |= owner.is_some();
            let Some(cost) = cost else { continue };
            sum.cost = Some(sum.cost.unwrap_or_default() + cost);
            let parts = match owner {
                Some((workload, labels)) => {
                    let cost = OwnerCost { volumes: cost, ..OwnerCost::default() };
                    books.give((workload.clone(), labels.clone()), cost)
                }
                None => Parts { total: cost, idle: cost, ..Parts::default() },
            };
            books.book(None, parts);
        }
    }
    let mut rows: Vec<_> = claims.into_iter().collect();
    rows.sort_by(|(a_claim, a), (b_claim, b)| b.cost.cmp(&a.cost).then_with(|| a_claim.cmp(b_claim)));
    let class = |claim: u32| ledger.storage_classes.get(&claim).cloned().flatten();
    rows.into_iter().map(|((claim, number), sum)| row(claim, class(number), &sum)).collect()
}

fn row(claim: &ClaimName, storage_class: Option<String>, sum: &Sum<'_>) -> ClaimCost {
    let gib = ratio(float(sum.share.byte_seconds) / GIB, float(sum.share.sized_seconds));
    // Without a size its storage is not priced, and zero would say that it is free.
    let cost = sum.cost.filter(|cost| gib.is_some() || *cost > NanoUsd::ZERO);
    ClaimCost {
        namespace: claim.namespace.clone(),
        claim: claim.name.clone(),
        storage_class,
        volume_type: sum.volume_type.map(ToOwned::to_owned),
        gib_mean: gib,
        hours: float(sum.share.seconds) / 3600.0,
        unmounted: !sum.mounted,
        usd: cost.map(NanoUsd::usd),
    }
}
