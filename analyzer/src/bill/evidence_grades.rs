//! Evidence of today's bill: each amount graded by the weakest link of its quantity and its price.

use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::{Evidence, EvidenceLine, Raise};

use crate::bill::grade::{DERIVED, ESTIMATE, Grade, LICENCE, LIST, SPOT};
use crate::bill::today::{
    BY_INGRESSES, BY_KUBELET, Bill, COUNTED, CREDITS, EFS_USED, HYBRID_TIERS, LEAST_ADDRESSES, LEAST_OF_CLASS,
    NO_REGION, NO_TYPE, NO_VERSION, PAST_CALENDAR, SUBSCRIPTIONS, hours,
};

/// Remedies that would make something known that is known for this reason.
const REMEDIES: [(&str, &str); 23] = [
    (LIST, "give your own prices, EDP and commitments in the prices file: emp-cost analyze --prices prices.toml"),
    (SPOT, "give what spot costs you as [[spot]] fraction_of_on_demand in the prices file"),
    (
        ESTIMATE,
        "import AWS's price list of the region: emp-cost prices import --from index.csv --out prices.csv, then emp-cost analyze --price-list prices.csv",
    ),
    (LICENCE, "give what your Windows nodes cost as [[node]] with their node_group in the prices file"),
    (BY_KUBELET, "set the assumption eks.support to what `aws eks describe-cluster` says of the version"),
    (NO_VERSION, "collect kube_node_info, whose label kubelet_version tells it, or set the assumption eks.support"),
    (PAST_CALENDAR, "set the assumption eks.support to what `aws eks describe-cluster` says of the version"),
    (
        HYBRID_TIERS,
        "give the price of your tier as [[item]] in the prices file, where other clusters have hybrid nodes too",
    ),
    (CREDITS, "set the assumption ec2.cpu_credits to standard where your launch templates say so"),
    (EFS_USED, "read the bill of EFS: claims that share a file system each show all of it"),
    (
        DERIVED,
        "import AWS's price list of the region: emp-cost prices import --from index.csv --out prices.csv, then emp-cost analyze --price-list prices.csv",
    ),
    (
        "no label says on-demand or spot",
        "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[eks.amazonaws.com/capacityType,karpenter.sh/capacity-type]]; `emp-cost doctor` prints all that help",
    ),
    (
        "instance type follows from the size of the node",
        "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[node.kubernetes.io/instance-type]]; `emp-cost doctor` prints all that help",
    ),
    (
        "operating system is taken for Linux",
        "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[kubernetes.io/os]]; `emp-cost doctor` prints all that help",
    ),
    (SUBSCRIPTIONS, "set the assumption ec2.subscriptions to own where your images bring their subscription"),
    (
        "size on Fargate follows from requests",
        "Helm value of kube-prometheus-stack: kube-state-metrics.metricAnnotationsAllowList: [pods=[CapacityProvisioned]], or accept that sizes are rounded as AWS does",
    ),
    ("type of root disks is assumed", "set the assumption ec2.root_disk_type to what your launch templates say"),
    (
        "volume type is assumed",
        "name volume types in the overrides of the collector, or let it ask EC2 (ec2:DescribeVolumes)",
    ),
    (
        "the fee is taken as one share for every type of a class",
        "give the share you pay as [[item]] eks.auto_mode_share in the prices file",
    ),
    (BY_INGRESSES, "count them in the AWS console; parameters of an Ingress class may group Ingresses too"),
    (
        LEAST_OF_CLASS,
        "Helm value of kube-prometheus-stack: kube-state-metrics.metricAnnotationsAllowList: [ingresses=[alb.ingress.kubernetes.io/group.name,alb.ingress.kubernetes.io/scheme]]; or set the assumption network.application_load_balancers to their number",
    ),
    (
        LEAST_ADDRESSES,
        "set the assumption network.public_ipv4_addresses to the number in use, nodes and load balancers together",
    ),
    (COUNTED, "count them in the AWS console; the cluster does not show them"),
];

/// Grades the bill.
pub(crate) fn evidence(bill: &Bill) -> Evidence {
    let mut sums: BTreeMap<(Grade, &str, &str), NanoUsd> = BTreeMap::new();
    for graded in &bill.graded {
        *sums.entry((graded.grade, graded.line, graded.reason)).or_default() += graded.cost;
    }
    let of = |grade: Grade| sums.iter().filter(|((of, ..), _)| *of == grade).map(|(_, cost)| *cost).sum::<NanoUsd>();
    let [measured, listed, inferred, assumed] = Grade::ALL.map(of);
    let mut lines: Vec<_> = sums.iter().collect();
    lines.sort_by(|(a_key, a), (b_key, b)| (a_key.0, *b, *a_key).cmp(&(b_key.0, *a, *b_key)));
    let line = |((grade, line, reason), cost): (&(Grade, &str, &str), &NanoUsd)| EvidenceLine {
        line: (*line).to_owned(),
        grade: grade.as_str().to_owned(),
        reason: (*reason).to_owned(),
        usd: cost.usd(),
    };
    let unpriced_seconds: i64 =
        bill.nodes.iter().filter(|node| node.cost.is_err()).map(|node| node.billed_seconds).sum();
    Evidence {
        measured_usd: measured.usd(),
        listed_usd: listed.usd(),
        inferred_usd: inferred.usd(),
        assumed_usd: assumed.usd(),
        unpriced_node_hours: hours(unpriced_seconds),
        raise: raise(bill, &sums),
        lines: lines.into_iter().map(line).collect(),
    }
}

/// Lists what to do, by the amounts it bears on: first what has no price at all.
fn raise(bill: &Bill, sums: &BTreeMap<(Grade, &str, &str), NanoUsd>) -> Vec<Raise> {
    let mut unpriced: BTreeMap<&str, i64> = BTreeMap::new();
    for node in &bill.nodes {
        if let Err(reason) = &node.cost {
            *unpriced.entry(reason).or_default() += node.billed_seconds;
        }
    }
    let mut unpriced: Vec<_> = unpriced.into_iter().collect();
    unpriced.sort_by_key(|(reason, seconds)| (std::cmp::Reverse(*seconds), *reason));
    let mut raise: Vec<Raise> = unpriced
        .into_iter()
        .map(|(reason, seconds)| {
            let (what, how) = match reason {
                NO_TYPE => ("instance type not known", "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[node.kubernetes.io/instance-type]]; `emp-cost doctor` prints all that help; for hours already collected, name the types in the collector's overrides"),
                NO_REGION => ("region not known", "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[topology.kubernetes.io/region,topology.kubernetes.io/zone]]; `emp-cost doctor` prints all that help"),
                other => other.split_once("; ").unwrap_or((other, "give the price as [[node]] in the prices file, where it is one")),
            };
            Raise { what: what.to_owned(), usd: 0.0, node_hours: hours(seconds), how: how.to_owned() }
        })
        .collect();
    let mut by_reason: BTreeMap<&str, NanoUsd> = BTreeMap::new();
    for ((_, _, reason), cost) in sums {
        *by_reason.entry(reason).or_default() += *cost;
    }
    let mut by_reason: Vec<_> = by_reason.into_iter().filter(|(_, cost)| *cost != NanoUsd::ZERO).collect();
    by_reason.sort_by_key(|(reason, cost)| (std::cmp::Reverse(*cost), *reason));
    for (reason, cost) in by_reason {
        if let Some((_, how)) = REMEDIES.iter().find(|(of, _)| *of == reason) {
            raise.push(Raise { what: reason.to_owned(), usd: cost.usd(), node_hours: 0.0, how: (*how).to_owned() });
        }
    }
    raise
}
