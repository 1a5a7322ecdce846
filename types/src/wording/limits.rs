//! Limits in words: their names, their values, and what it means to break one.

use super::quantities::numbers_apart;
use super::{count, told_apart};
use crate::analysis::{Limit, LimitCheck};

/// The name of a limit, as a table has it.
pub fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::CpuLost => "CPU short",
        Limit::WorkloadCpuLost => "CPU short in one workload",
        Limit::MemoryOverMean => "memory short on average",
        Limit::MemoryOverMax => "memory short at peaks",
        Limit::Evictions => "evictions of service pods",
        Limit::SingleEvictions => "evictions of stateful sets and single replicas",
        Limit::BlastRadius => "pods on one machine",
        Limit::HostLoss => "loss of a host",
        Limit::LateServices => "late starts of services",
        Limit::LateBatch => "late starts of batch pods",
        Limit::OvertakenRuns => "late CronJob runs",
        Limit::Unplaceable => "pods without a machine",
        Limit::HeadroomCost => "cost of spare nodes",
    }
}

/// Describes what a limit measures, with its unit.
pub fn limit_what(limit: Limit) -> &'static str {
    match limit {
        Limit::CpuLost => "CPU asked for beyond what machines and hosts have, of the CPU used",
        Limit::WorkloadCpuLost => "the same for the workload that loses most",
        Limit::MemoryOverMean => "memory of pods on machines whose mean memory is over capacity",
        Limit::MemoryOverMax => "memory of pods on machines whose peak memory is over capacity",
        Limit::Evictions => "evictions per pod of a service and day",
        Limit::SingleEvictions => "the same for stateful sets and single replicas",
        Limit::BlastRadius => "most pods on one machine or host, of all",
        Limit::HostLoss => "time in which the rest of a zone could not take over from a lost host",
        Limit::LateServices => "starts of services more than a minute late",
        Limit::LateBatch => "starts of batch pods later than a minute and a tenth of their length",
        Limit::OvertakenRuns => "CronJob runs that still wait when their next run is due",
        Limit::Unplaceable => "time of pods that never get a machine",
        Limit::HeadroomCost => "cost of spare nodes that are kept ready, of compute",
    }
}

/// A value and its limit, with as many digits as it takes to see that they differ.
pub fn limit_values(of: Limit, value: f64, allowed: f64) -> [String; 2] {
    match of {
        Limit::Evictions | Limit::SingleEvictions => numbers_apart(value, allowed),
        _ => told_apart(value, allowed),
    }
}

/// Describes what breaking a limit means, as a clause after "but", with the limit and whose it is.
pub fn breach(check: &LimitCheck) -> String {
    let Some(value) = check.value else {
        return format!("whether it keeps within the limit on {} is not known", limit(check.limit));
    };
    let [value, allowed] = limit_values(check.limit, value, check.allowed);
    let what = match check.limit {
        Limit::CpuLost => format!("pods would lack {value} of the CPU they use"),
        Limit::WorkloadCpuLost => format!("one workload would lack {value} of the CPU it uses"),
        Limit::MemoryOverMean => format!("{value} of the pods' memory would be on machines that run out of it"),
        Limit::MemoryOverMax => format!("{value} of the pods' memory would be on machines whose peaks exceed it"),
        Limit::Evictions => format!("each service pod would be evicted {value} times a day"),
        Limit::SingleEvictions => {
            format!("stateful sets and single replicas would be evicted {value} times per pod and day")
        }
        Limit::BlastRadius => format!("one machine would carry {value} of all pods"),
        Limit::HostLoss => format!("a zone could not make up for a lost host {value} of the time"),
        Limit::LateServices => format!("{value} of service starts would be more than a minute late"),
        Limit::LateBatch => format!("{value} of batch starts would be late"),
        Limit::OvertakenRuns => format!("{value} of CronJob runs would start after the next was due"),
        Limit::Unplaceable => format!("pods would have no machine for {value} of their time"),
        Limit::HeadroomCost => format!("the spare nodes it needs would be {value} of its compute cost"),
    };
    let allowed = if check.allowed == 0.0 { "zero".to_owned() } else { allowed };
    let above_today = if follows_today(check) { ", a tenth above today’s" } else { "" };
    format!("{what} (the limit set here is {allowed}{above_today})")
}

/// Returns true when a limit is not the one that is set, but a tenth above what today comes to, which is more.
fn follows_today(check: &LimitCheck) -> bool {
    /// Multiple of today's own measure that other scenarios may come to.
    const TODAY_FACTOR: f64 = 1.1;
    let of_today = check.today.map(|today| today * TODAY_FACTOR).filter(|of_today| *of_today > 0.0);
    of_today.is_some_and(|of_today| (check.allowed - of_today).abs() < 1e-9 * of_today)
}

/// Says which limits today itself is over, with figures, in a sentence; `None` where it is over none.
pub fn today_breaches(breaches: &[LimitCheck]) -> Option<String> {
    let figures = breaches.iter().filter_map(|check| {
        let [value, set] = limit_values(check.limit, check.value?, check.allowed);
        Some(format!("{} ({value}; the limit set here is {set})", limit(check.limit)))
    });
    let figures: Vec<String> = figures.collect();
    let them = if figures.len() == 1 { "it" } else { "them" };
    (!figures.is_empty()).then(|| {
        let figures = figures.join("; ");
        format!(
            "Today itself is over the limit on {figures}; a change may come to a tenth more than today under {them}."
        )
    })
}

/// Counts the other limits that are broken, as a clause.
pub(super) fn and_more(n: usize) -> String {
    match u32::try_from(n).unwrap_or(u32::MAX) {
        0 => String::new(),
        1 => ", and one more limit breaks".to_owned(),
        n => format!(", and {} more limits break", count(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: Limit, value: Option<f64>, allowed: f64) -> LimitCheck {
        LimitCheck { limit, value, allowed, today: None, holds: false, worst: None }
    }

    #[test]
    fn a_breach_names_what_it_comes_to_and_the_limit() {
        for (limit, value, allowed, expect) in [
            (
                Limit::LateServices,
                0.021,
                0.01,
                "2.1\u{a0}% of service starts would be more than a minute late (the limit set here is 1\u{a0}%)",
            ),
            (
                Limit::OvertakenRuns,
                0.000_303,
                0.000_1,
                "0.03\u{a0}% of CronJob runs would start after the next was due (the limit set here is 0.01\u{a0}%)",
            ),
            (
                Limit::MemoryOverMean,
                0.004,
                0.0,
                "0.4\u{a0}% of the pods' memory would be on machines that run out of it (the limit set here is zero)",
            ),
            (
                Limit::Evictions,
                0.1004,
                0.1,
                "each service pod would be evicted 0.1004 times a day (the limit set here is 0.1)",
            ),
        ] {
            assert_eq!(breach(&check(limit, Some(value), allowed)), expect);
        }
        // Where today is over what is set, others are held to a tenth more than today.
        let of_today = LimitCheck { today: Some(0.02), ..check(Limit::LateServices, Some(0.03), 0.022) };
        assert!(breach(&of_today).ends_with("late (the limit set here is 2.2\u{a0}%, a tenth above today’s)"));
        assert_eq!(today_breaches(&[]), None);
        let two = [check(Limit::LateServices, Some(0.021), 0.01), check(Limit::Evictions, Some(0.2), 0.1)];
        assert_eq!(
            today_breaches(&two[..1]).unwrap(),
            format!(
                "Today itself is over the limit on {} (2.1\u{a0}%; the limit set here is 1\u{a0}%); a change may come to a tenth \
                 more than today under it.",
                limit(Limit::LateServices)
            )
        );
        assert!(
            today_breaches(&two).unwrap().ends_with(
                "(0.2; the limit set here is 0.1); a change may come to a tenth more than today under them."
            )
        );
        assert_eq!(
            breach(&check(Limit::HostLoss, None, 0.0)),
            "whether it keeps within the limit on loss of a host is not known"
        );
    }
}
