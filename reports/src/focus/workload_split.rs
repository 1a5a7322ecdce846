//! Today's cost by workload: one charge, the cluster, split among those who hold it.
//!
//! Every row has the dimensions of the cluster's charge, so that the charge can be put together again: a charge of so many
//! dollars, each of which costs one. Costs and quantities add up to the total, shares to one, all of them exactly.

use serde_json::json;
use types::analysis::{Allocation, Analysis, WorkloadCost};

use super::columns::{Allocated, Row, Service};
use super::decimal::Decimal;
use super::version::Version;

/// Method by which the cost was split: documented in `docs/exports.md`.
const METHOD: &str = "emp-cost/max-request-usage";

/// A part of the cluster's cost, in nano-dollars.
struct Part<'a> {
    part: &'static str,
    name: &'a str,
    workload: Option<&'a WorkloadCost>,
    nanos: i128,
}

/// The rows: workloads and daemonsets dearest first, then what is nobody's.
pub(super) fn rows(analysis: &Analysis, allocation: &Allocation, version: Version) -> Vec<Row> {
    let parts = parts(allocation);
    let total: i128 = parts.iter().map(|part| part.nanos).sum();
    let shares = shares(&parts, total);
    parts.iter().zip(shares).map(|(part, share)| row(analysis, part, share, version)).collect()
}

fn nanos(text: &str) -> i128 {
    text.parse().unwrap_or_default()
}

fn parts(allocation: &Allocation) -> Vec<Part<'_>> {
    let of = |w| Part { part: "workload", name: "", workload: Some(w), nanos: nanos(&w.workload_nano_usd) };
    let (daemonsets, workloads): (Vec<_>, Vec<_>) = allocation.by_workload.iter().partition(|w| w.overhead);
    let mut parts: Vec<Part<'_>> = workloads.into_iter().map(of).collect();
    // What was shared out changes namespaces, not workloads; what no workload accounts for keeps the identity.
    let named: i128 = parts.iter().map(|part| part.nanos).sum();
    let lump = |part, name, nanos| Part { part, name, workload: None, nanos };
    parts.push(lump("workload", "workloads that are not listed", nanos(&allocation.total.workloads_nano_usd) - named));
    let mut each_daemonset: Vec<_> = daemonsets.into_iter().map(of).collect();
    each_daemonset.iter_mut().for_each(|part| part.part = "daemonset");
    let mut of_daemonsets: i128 = each_daemonset.iter().map(|part| part.nanos).sum();
    parts.append(&mut each_daemonset);
    for overhead in &allocation.overhead {
        let mut nanos = nanos(&overhead.nano_usd);
        if overhead.what == "daemonsets" {
            nanos -= std::mem::take(&mut of_daemonsets);
        }
        parts.push(lump("overhead", &overhead.what, nanos));
    }
    // No lump names daemonsets: then they are in none of the others.
    let overhead: i128 = parts.iter().filter(|p| ["overhead", "daemonset"].contains(&p.part)).map(|p| p.nanos).sum();
    let total = &allocation.total;
    parts.push(lump("overhead", "overhead that is not listed", nanos(&total.overhead_nano_usd) - overhead));
    parts.push(lump("idle", "idle", nanos(&total.idle_nano_usd)));
    parts.push(lump("oversubscribed", "oversubscribed", -nanos(&total.oversubscribed_nano_usd)));
    parts.push(lump("residual", "residual", nanos(&total.residual_nano_usd)));
    parts.retain(|part| part.nanos != 0);
    parts
}

/// Each part's share of the total to twelve decimals; what rounding leaves goes to the largest part.
fn shares(parts: &[Part<'_>], total: i128) -> Vec<Decimal> {
    let mut shares: Vec<Decimal> =
        parts.iter().map(|part| Decimal::new(part.nanos).over(Decimal::new(total))).collect();
    let sum: Decimal = shares.iter().copied().sum();
    let largest = shares.iter().enumerate().max_by_key(|(n, share)| (**share, std::cmp::Reverse(*n))).map(|(n, _)| n);
    if let Some(share) = largest.and_then(|n| shares.get_mut(n)) {
        *share = Decimal::new(share.trillionths() + Decimal::ONE.trillionths() - sum.trillionths());
    }
    shares
}

fn row(analysis: &Analysis, part: &Part<'_>, share: Decimal, version: Version) -> Row {
    let cost = Decimal::new(part.nanos * 1_000);
    let tags = part.workload.map(|w| {
        json!({
            "kubernetes/namespace": w.namespace,
            "kubernetes/workload": w.workload,
            "kubernetes/workload-kind": w.workload_kind,
        })
        .to_string()
    });
    let split = version >= Version::V1_3;
    let allocated = split.then(|| Allocated {
        method: METHOD,
        details: format!("{{\"Elements\":[{{\"AllocatedRatio\":{share}}}]}}"),
        resource: part
            .workload
            .map(|w| (format!("{}/{}/{}", w.namespace, w.workload_kind, w.workload), w.workload.clone())),
        tags: tags.clone(),
    });
    Row {
        description: format!("Kubernetes cluster {}, everything priced", analysis.cluster_id),
        service: Service {
            category: "Compute",
            subcategory: "Containers",
            name: "Amazon Elastic Kubernetes Service",
            provider: "AWS",
        },
        sku: "cluster".to_owned(),
        sku_price: format!("cluster/{}", analysis.cluster_id),
        meter: "Share of the cluster".to_owned(),
        pricing_category: "Other",
        quantity: cost,
        unit: analysis.currency.clone(),
        list_unit_price: Decimal::ONE,
        contracted_unit_price: Decimal::ONE,
        list: cost,
        contracted: cost,
        effective: cost,
        tags: if split { None } else { tags },
        allocated,
        list_basis: "contracted",
        part: Some(part.part.to_owned()),
        namespace: part.workload.map(|w| w.namespace.clone()),
        workload_kind: part.workload.map(|w| w.workload_kind.clone()),
        workload: part.workload.map(|w| w.workload.clone()),
        part_name: (!part.name.is_empty()).then(|| part.name.to_owned()),
        ..Row::default()
    }
}
