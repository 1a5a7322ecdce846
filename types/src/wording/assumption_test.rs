//! The assumption on which a saving depends, and how somebody finds out whether it holds.

use crate::analysis::{ConfidenceLevel, Doubt, Flip, Verdict};

/// How an assumption is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssumptionTest<'a> {
    /// Key of the assumption.
    pub key: &'a str,
    /// Instruction, as a sentence without its full stop.
    pub what: &'static str,
    /// `true` when machines must be tried, `false` when somebody is asked.
    pub on_machines: bool,
}

impl<'a> AssumptionTest<'a> {
    /// The test that should come before the recommended change; `None` where confidence is not low, or no assumption that
    /// can be found out decides on the saving.
    pub fn first_of(verdict: &'a Verdict) -> Option<Self> {
        verdict.recommended().filter(|id| id.is_change())?;
        let confidence = verdict.confidence.as_ref().filter(|of| of.level == ConfidenceLevel::Low)?;
        confidence.doubts.iter().find_map(|doubt| match doubt {
            Doubt::FlipsWith { key, value, then: Flip::SavesTooLittle | Flip::AnotherWins } => Self::new(key, value),
            _ => None,
        })
    }

    /// Returns true when what is recommended depends on an assumption that must first be tried on machines.
    pub fn must_be_tried(verdict: &Verdict) -> bool {
        AssumptionTest::first_of(verdict).is_some_and(|test| test.on_machines)
    }

    fn new(key: &'a str, value: &str) -> Option<Self> {
        let (what, on_machines) = match (key, value) {
            ("emp.memory_model", "touched") => {
                ("Test on one host for a week whether elastic VMs return page cache to the host", true)
            }
            ("emp.memory_model", _) => {
                ("Test on one host for a week whether elastic VMs return memory no longer used", true)
            }
            ("emp.guest_mib", _) => ("Measure on one host how much memory an elastic VM’s own system takes", true),
            ("machine.smt_yield", _) => ("Load-test how much work two busy threads of one core do", true),
            ("emp.host_threshold", _) => {
                ("Ask the vendor how full hosts become before elastic VMs are moved off them", false)
            }
            ("emp.fee_fraction", _) => ("Get the vendor’s fee in writing", false),
            ("host_discount", _) => ("Get the discount on bare-metal hosts in writing", false),
            ("ec2_discount", _) => ("Get the discount on EC2 in writing", false),
            ("ec2.boot_seconds", _) => ("Measure how long it takes until pods start on a new node", true),
            _ => return None,
        };
        Some(Self { key, what, on_machines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_tried_or_asked_is_told_and_policies_are_not() {
        let page_cache = AssumptionTest::new("emp.memory_model", "touched").unwrap();
        assert!(page_cache.on_machines && page_cache.what.ends_with("return page cache to the host"));
        assert_ne!(AssumptionTest::new("emp.memory_model", "high_water"), Some(page_cache));
        assert!(!AssumptionTest::new("emp.fee_fraction", "0.35").unwrap().on_machines);
        assert_eq!(AssumptionTest::new("scheduler.zones", "free"), None);
        assert_eq!(AssumptionTest::new("risk.evictions", "0.05"), None);
    }
}
