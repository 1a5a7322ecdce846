//! Scenarios and what makes them hold, in words.

use super::{count, duration};
use crate::analysis::{Headroom, RemedyKind, ScenarioId};

/// A scenario as the subject of a sentence: `right-sizing on EC2`.
pub fn scenario(id: ScenarioId) -> &'static str {
    match id {
        ScenarioId::Ec2Today => "today's cluster",
        ScenarioId::Ec2TodayReplayed => "today's cluster, replayed",
        ScenarioId::Ec2RepackedKarpenter => "repacking on EC2 as Karpenter does",
        ScenarioId::Ec2Repacked => "repacking on EC2",
        ScenarioId::Ec2Tuned => "repacking on EC2 with a tuned policy",
        ScenarioId::Ec2Rightsized => "right-sizing requests on EC2",
        ScenarioId::EmpVendor => "an elastic machine pool, by the vendor's arithmetic,",
        ScenarioId::Emp => "an elastic machine pool",
        ScenarioId::EmpTuned => "an elastic machine pool with tuned overcommit",
        ScenarioId::EmpRightsized => "an elastic machine pool with right-sized requests",
    }
}

/// A scenario's name in a table: `EC2 repacked`.
pub fn label(id: ScenarioId) -> &'static str {
    match id {
        ScenarioId::Ec2Today => "EC2 today",
        ScenarioId::Ec2TodayReplayed => "EC2 today, replayed",
        ScenarioId::Ec2RepackedKarpenter => "EC2 repacked as Karpenter would",
        ScenarioId::Ec2Repacked => "EC2 repacked",
        ScenarioId::Ec2Tuned => "EC2 repacked, policy tuned",
        ScenarioId::Ec2Rightsized => "EC2 right-sized and repacked",
        ScenarioId::EmpVendor => "Elastic machine pool, vendor's arithmetic",
        ScenarioId::Emp => "Elastic machine pool",
        ScenarioId::EmpTuned => "Elastic machine pool, overcommit tuned",
        ScenarioId::EmpRightsized => "Elastic machine pool, right-sized",
    }
}

/// Names what is to be done for a scenario: `Right-size requests and repack`.
pub fn action(id: ScenarioId) -> &'static str {
    match id {
        ScenarioId::Ec2Today | ScenarioId::Ec2TodayReplayed => "Stay as you are",
        ScenarioId::Ec2RepackedKarpenter => "Repack on EC2 with Karpenter",
        ScenarioId::Ec2Repacked => "Repack on EC2",
        ScenarioId::Ec2Tuned => "Repack on EC2 with a tuned policy",
        ScenarioId::Ec2Rightsized => "Right-size requests and repack",
        ScenarioId::EmpVendor | ScenarioId::Emp => "Move to an elastic machine pool",
        // Told apart from the one above in tables; a headline leaves the ratios to what stands below it.
        ScenarioId::EmpTuned => "Move to an elastic machine pool with tuned overcommit",
        ScenarioId::EmpRightsized => "Right-size requests and move to an elastic machine pool",
    }
}

/// Describes what is kept ready: `one spare m5a.large ready in each zone`; with elastic VMs of a pool.
pub fn headroom(headroom: &Headroom, of: ScenarioId) -> String {
    match (headroom.warm_machines, headroom.empty_seconds) {
        (0, 0) => "nothing kept ready".to_owned(),
        (0, seconds) => format!("{} kept for {}", empty_machines(of), duration(seconds)),
        _ => spare_machines(headroom, of),
    }
}

/// Tells to keep it ready, and why: `Keep one spare m5a.large ready in each zone, so that new pods do not wait for a boot`;
/// with spare hosts of a pool where there are any. `None` where nothing is kept.
pub fn keep_ready(kept: Option<&Headroom>, spare_hosts_per_zone: u32, of: ScenarioId) -> Option<String> {
    let machines = kept.and_then(|kept| match (kept.warm_machines, kept.empty_seconds) {
        (0, 0) => None,
        (0, seconds) => Some(format!("{} for {}", empty_machines(of), duration(seconds))),
        _ => Some(spare_machines(kept, of)),
    });
    let hosts = (spare_hosts_per_zone > 0).then(|| spare_hosts(spare_hosts_per_zone));
    match (machines, hosts) {
        (None, None) => None,
        (Some(what), None) => Some(format!("Keep {what}, so that new pods do not wait for a boot")),
        (None, Some(hosts)) => Some(format!("Keep {hosts}, so that pods of a host that fails have room")),
        (Some(what), Some(hosts)) => Some(format!("Keep {what} and {hosts}, so that pods do not wait")),
    }
}

/// Nodes, or elastic VMs, that run nothing.
fn empty_machines(of: ScenarioId) -> &'static str {
    if of.is_emp() { "empty elastic VMs" } else { "empty nodes" }
}

fn spare_machines(headroom: &Headroom, of: ScenarioId) -> String {
    let n = headroom.warm_machines;
    let kind = match (of.is_emp(), n) {
        (false, 1) => "node",
        (false, _) => "nodes",
        (true, 1) => "elastic VM",
        (true, _) => "elastic VMs",
    };
    match (headroom.instance_types.as_slice(), of.is_emp()) {
        ([], _) => format!("{} spare {kind} ready in each zone", count(n)),
        ([one], false) => format!("{} spare {one} ready in each zone", count(n)),
        ([one], true) => format!("{} spare {one} {kind} ready in each zone", count(n)),
        (types, _) => {
            format!("{} spare {kind} ready in each zone for each kind of node ({})", count(n), few(types))
        }
    }
}

/// Instance types in a few words: up to three by name, more by their families, most of them first.
fn few(types: &[String]) -> String {
    /// Types, and families, that are named.
    const NAMED: usize = 3;
    if types.len() <= NAMED {
        return types.join(", ");
    }
    let mut families: Vec<(&str, usize)> = Vec::new();
    for name in types {
        let family = name.split('.').next().unwrap_or(name);
        match families.iter_mut().find(|(known, _)| *known == family) {
            Some((_, n)) => *n += 1,
            None => families.push((family, 1)),
        }
    }
    // Stable: families with as many types stay in the order they came in.
    families.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let mut named: Vec<String> = families.iter().take(NAMED).map(|(family, _)| (*family).to_owned()).collect();
    match families.len().saturating_sub(NAMED) {
        0 => {}
        more => named.push(format!("{} more", count(u32::try_from(more).unwrap_or(u32::MAX)))),
    }
    let last = named.pop().unwrap_or_default();
    let first = named.join(", ");
    let of = if first.is_empty() { last } else { format!("{first} and {last}") };
    format!("{} types of {of}", count(u32::try_from(types.len()).unwrap_or(u32::MAX)))
}

/// Spare hosts: `one spare host in each zone`.
pub fn spare_hosts(per_zone: u32) -> String {
    format!("{} spare host{} in each zone", count(per_zone), if per_zone == 1 { "" } else { "s" })
}

/// Describes a remedy.
pub fn remedy(what: &RemedyKind, of: ScenarioId) -> String {
    match what {
        RemedyKind::KeepWarm { headroom: kept } => headroom(kept, of),
        RemedyKind::SpareHosts { per_zone } => spare_hosts(*per_zone),
        RemedyKind::NoneFound => "none of the levels of headroom tried is enough".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(warm_machines: u32, types: &[&str], empty_seconds: u32) -> Headroom {
        let instance_types = types.iter().map(|name| (*name).to_owned()).collect();
        Headroom { warm_machines, instance_types, empty_seconds, monthly_usd: 125.0 }
    }

    #[test]
    fn what_is_kept_ready_is_named() {
        let ec2 = ScenarioId::Ec2Rightsized;
        for (of, kept, expect) in [
            (ec2, kept(1, &["m5a.large"], 600), "one spare m5a.large ready in each zone"),
            (ec2, kept(2, &["m5a.large"], 600), "two spare m5a.large ready in each zone"),
            (ec2, kept(0, &[], 3600), "empty nodes kept for one hour"),
            (ScenarioId::Emp, kept(0, &[], 7200), "empty elastic VMs kept for two hours"),
            (ScenarioId::Emp, kept(4, &["m5.xlarge"], 600), "four spare m5.xlarge elastic VMs ready in each zone"),
            (
                ec2,
                kept(1, &["m5a.large", "m6g.large"], 600),
                "one spare node ready in each zone for each kind of node (m5a.large, m6g.large)",
            ),
        ] {
            assert_eq!(headroom(&kept, of), expect);
        }
        let many = ["m5.large", "m5.xlarge", "r5.large", "c5.large"];
        let expect = "one spare node ready in each zone for each kind of node (four types of m5, r5 and c5)";
        assert_eq!(headroom(&kept(1, &many, 600), ec2), expect);
        let more = ["m5.large", "m5.xlarge", "r5.large", "c5.large", "t3.large", "m6i.large"];
        assert!(headroom(&kept(1, &more, 600), ec2).ends_with("(six types of m5, r5, c5 and two more)"));
        let alike = ["m5.large", "m5.xlarge", "m5.2xlarge", "m5.4xlarge"];
        assert!(headroom(&kept(1, &alike, 600), ec2).ends_with("(four types of m5)"));
        for (of, kept, hosts, expect) in [
            (
                ec2,
                Some(kept(1, &["m5a.large"], 600)),
                0,
                "Keep one spare m5a.large ready in each zone, so that new pods do not wait for a boot",
            ),
            (
                ec2,
                Some(kept(2, &["m5a.large", "m6g.large"], 600)),
                0,
                "Keep two spare nodes ready in each zone for each kind of node (m5a.large, m6g.large), so that new pods do \
                 not wait for a boot",
            ),
            (
                ec2,
                Some(kept(0, &[], 3600)),
                0,
                "Keep empty nodes for one hour, so that new pods do not wait for a boot",
            ),
            (ScenarioId::Emp, None, 1, "Keep one spare host in each zone, so that pods of a host that fails have room"),
            (
                ScenarioId::Emp,
                Some(kept(1, &["m5.xlarge"], 600)),
                1,
                "Keep one spare m5.xlarge elastic VM ready in each zone and one spare host in each zone, so that pods do not wait",
            ),
        ] {
            assert_eq!(keep_ready(kept.as_ref(), hosts, of).as_deref(), Some(expect));
        }
        assert_eq!([keep_ready(None, 0, ec2), keep_ready(Some(&kept(0, &[], 0)), 0, ec2)], [None, None]);
        assert_eq!(spare_hosts(1), "one spare host in each zone");
        assert_eq!(remedy(&RemedyKind::SpareHosts { per_zone: 2 }, ScenarioId::Emp), "two spare hosts in each zone");
    }
}
