//! Evidence of today's bill: each amount graded by the weakest link of its quantity and its price.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::{Evidence, EvidenceLine, Grade, GradeReason, Raise};
use types::wording::{grade_reason, grade_remedy};

use crate::bill::no_price::NoPrice;
use crate::bill::today::{Bill, hours};

/// Grades the bill.
pub(crate) fn evidence(bill: &Bill) -> Evidence {
    let mut sums: BTreeMap<(GradeReason, &str), NanoUsd> = BTreeMap::new();
    for graded in &bill.graded {
        *sums.entry((graded.reason, graded.line)).or_default() += graded.cost;
    }
    let of = |grade| sums.iter().filter(|((of, _), _)| of.grade() == grade).map(|(_, cost)| *cost).sum::<NanoUsd>();
    let [measured, listed, inferred, assumed] = Grade::ALL.map(of);
    let mut lines: Vec<_> = sums.iter().collect();
    lines.sort_by_key(|((reason, line), cost)| (reason.grade(), Reverse(**cost), *line, grade_reason(*reason)));
    let line = |((reason, line), cost): (&(GradeReason, &str), &NanoUsd)| EvidenceLine {
        line: (*line).to_owned(),
        grade: reason.grade().as_str().to_owned(),
        reason: grade_reason(*reason).to_owned(),
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
fn raise(bill: &Bill, sums: &BTreeMap<(GradeReason, &str), NanoUsd>) -> Vec<Raise> {
    let mut unpriced: BTreeMap<&NoPrice, i64> = BTreeMap::new();
    for node in &bill.nodes {
        if let Err(reason) = &node.cost {
            *unpriced.entry(reason).or_default() += node.billed_seconds;
        }
    }
    let mut unpriced: Vec<_> = unpriced.into_iter().collect();
    unpriced.sort_by_cached_key(|(reason, seconds)| (Reverse(*seconds), reason.to_string()));
    let of_node = |(reason, seconds): (&NoPrice, i64)| Raise {
        what: reason.what(),
        usd: 0.0,
        node_hours: hours(seconds),
        how: reason.remedy().to_owned(),
    };
    let mut raise: Vec<Raise> = unpriced.into_iter().map(of_node).collect();
    let mut by_reason: BTreeMap<GradeReason, NanoUsd> = BTreeMap::new();
    for ((reason, _), cost) in sums {
        *by_reason.entry(*reason).or_default() += *cost;
    }
    let mut by_reason: Vec<_> = by_reason.into_iter().filter(|(_, cost)| *cost != NanoUsd::ZERO).collect();
    by_reason.sort_by_key(|(reason, cost)| (Reverse(*cost), grade_reason(*reason)));
    for (reason, cost) in by_reason {
        if let Some(how) = grade_remedy(reason) {
            let what = grade_reason(reason).to_owned();
            raise.push(Raise { what, usd: cost.usd(), node_hours: 0.0, how: how.to_owned() });
        }
    }
    raise
}
