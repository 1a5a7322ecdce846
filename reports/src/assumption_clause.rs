//! An assumption at another value, as a clause that a reader needs no glossary for: `if a node takes 150 s to boot, not 60 s`.

use crate::scenario_words;

/// The clause, with the value that is assumed where that says more; names in it cannot turn the text around.
pub(crate) fn changed(key: &str, value: &str, assumed: Option<&str>) -> String {
    let shown = scenario_words::value(key, value);
    if key == "sizing.cpu_percentile" {
        let not = assumed.map(|assumed| format!(", not {}", percentile(assumed))).unwrap_or_default();
        return format!("if CPU requests are {} percentile{not}", percentile(value));
    }
    let not = assumed.map(|assumed| format!(", not {}", scenario_words::value(key, assumed))).unwrap_or_default();
    if let Some(clause) = named(key, value) {
        return format!("if {clause}");
    }
    let clause = match key {
        "emp.fee_fraction" => format!("the vendor’s fee is {shown}"),
        "emp.host_threshold" => format!("hosts are filled to {shown}"),
        "emp.guest_mib" => format!("a guest’s system takes {shown} MiB"),
        "emp.spare_hosts_per_zone" if value == "1" => "each zone has one spare host".to_owned(),
        "emp.spare_hosts_per_zone" => format!("each zone has {shown} spare hosts"),
        "ec2.boot_seconds" => format!("a node takes {shown} to boot"),
        "ec2.least_machines" => format!("each zone and kind keeps {shown} nodes"),
        "ec2.largest_machine" => format!("no node may be larger than {shown} today’s largest"),
        "host_discount" => format!("the discount on hosts is {shown}"),
        "ec2_discount" => format!("the discount on EC2 is {shown}"),
        "sizing.memory_margin" => format!("memory requests are {shown} above the peak"),
        limit if limit.starts_with("risk.") && scenario_words::assumption(limit).starts_with("Limit") => {
            format!("the {} is {shown}", scenario_words::assumption(limit).replacen('L', "l", 1))
        }
        other => format!("“{}” is {shown}", scenario_words::assumption(other)),
    };
    format!("if {clause}{not}")
}

/// A percentile by its place: `the 95th`.
fn percentile(value: &str) -> String {
    let place = value.parse().ok().map(types::wording::ordinal);
    place.map_or_else(|| scenario_words::plain(value), |place| format!("the {place}"))
}

/// The clause of a value that is a name or says all by itself.
fn named(key: &str, value: &str) -> Option<String> {
    let clause = match (key, value) {
        ("scheduler.zones", "free") => "pods may run in any zone",
        ("scheduler.score", "most_allocated") => "the scheduler fills nodes first (MostAllocated)",
        ("scheduler.score", "least_allocated") => "the scheduler spreads pods (LeastAllocated)",
        ("emp.memory_model", "touched") => "elastic VMs keep page cache instead of returning it to the host",
        ("emp.memory_model", "working_set") => "elastic VMs keep only memory in use",
        ("emp.memory_model", "high_water") => "elastic VMs keep all memory they ever used",
        ("emp.evm_consolidation", "drain") => "elastic VMs are drained to free hosts",
        ("emp.evm_consolidation", "empty_only") => "elastic VMs only leave once empty",
        ("emp.zones", "one") => "the pool is in one zone",
        ("emp.zones", "two") => "the pool is in two zones",
        ("ec2.largest_machine", "1") => "no node may be larger than today’s largest",
        ("machine.smt_yield", _) => {
            let cores = value.parse::<f64>().ok().filter(|of| of.is_finite())?;
            return Some(format!(
                "two busy threads do the work of {} cores",
                crate::number_format::quantity(2.0 * cores)
            ));
        }
        _ => return None,
    };
    Some(clause.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_that_is_tried_has_a_clause() {
        for (key, value, assumed, expect) in [
            ("scheduler.zones", "free", Some("keep"), "if pods may run in any zone"),
            ("scheduler.score", "most_allocated", None, "if the scheduler fills nodes first (MostAllocated)"),
            ("emp.memory_model", "touched", None, "if elastic VMs keep page cache instead of returning it to the host"),
            ("emp.memory_model", "working_set", None, "if elastic VMs keep only memory in use"),
            ("emp.evm_consolidation", "drain", None, "if elastic VMs are drained to free hosts"),
            ("emp.zones", "one", None, "if the pool is in one zone"),
            ("emp.host_threshold", "0.7", Some("0.8"), "if hosts are filled to 70\u{a0}%, not 80\u{a0}%"),
            ("emp.spare_hosts_per_zone", "1", Some("0"), "if each zone has one spare host, not 0"),
            ("emp.guest_mib", "512", Some("1024"), "if a guest’s system takes 512 MiB, not 1024"),
            ("emp.fee_fraction", "0.35", Some("0.25"), "if the vendor’s fee is 35\u{a0}%, not 25\u{a0}%"),
            ("machine.smt_yield", "0.625", Some("1"), "if two busy threads do the work of 1.25 cores"),
            ("ec2.largest_machine", "1", Some("0"), "if no node may be larger than today’s largest"),
            ("ec2.boot_seconds", "150", Some("60"), "if a node takes 150\u{a0}s to boot, not 60\u{a0}s"),
            ("ec2.least_machines", "3", Some("1"), "if each zone and kind keeps 3 nodes, not 1"),
            ("risk.evictions", "0.05", None, "if the limit on evictions is 0.05 a pod and day"),
            ("sizing.cpu_percentile", "90", Some("95"), "if CPU requests are the 90th percentile, not the 95th"),
            (
                "sizing.memory_margin",
                "0.3",
                Some("0.15"),
                "if memory requests are 30\u{a0}% above the peak, not 15\u{a0}%",
            ),
            ("new.key\u{202e}", "x", None, "if “new.key\u{fffd}” is x"),
        ] {
            assert_eq!(changed(key, value, assumed), expect);
        }
    }
}
