//! Where the usage of containers is read from: cAdvisor's own metrics, or rules that a server recorded from them where
//! it does not keep those.

/// The rule of kubernetes-mixin with the mean rate of the last five minutes, in cores.
pub const RATE_RULE: &str = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m";
/// Its rule with the rate between the last two scrapes, in cores.
pub const INSTANT_RATE_RULE: &str = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate";
/// Its rule with the working set, in bytes.
pub const MEMORY_RULE: &str = "node_namespace_pod_container:container_memory_working_set_bytes";
/// Metric that [`MEMORY_RULE`] is recorded from.
const MEMORY: &str = "container_memory_working_set_bytes";

/// The metrics of which any may stand in for cAdvisor's counter and its gauge.
pub(crate) const STAND_INS: [&str; 4] = [RATE_RULE, INSTANT_RATE_RULE, MEMORY_RULE, MEMORY];

/// Where the usage of containers is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageSource {
    /// cAdvisor's counters and gauges.
    #[default]
    Cadvisor,
    /// Rules, for CPU at least.
    Recorded {
        /// The rates.
        cpu: Rates,
        /// Tells whether memory comes from a rule too.
        memory_rule: bool,
    },
}

/// Span that a recorded rate is a mean over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// The five minutes before it.
    FiveMinutes,
    /// The time between the two scrapes before it.
    TwoScrapes,
}

impl UsageSource {
    /// Picks the source that the metrics that are there allow, of those in [`STAND_INS`]; `None` when they do not
    /// suffice. The rate over five minutes comes before the other: at the end of a slot it has the whole of the slot in
    /// it, and of the other only those moments are known at which the rule was evaluated.
    pub(crate) fn recorded(there: &[&str]) -> Option<Self> {
        let cpu = match () {
            () if there.contains(&RATE_RULE) => Rates::FiveMinutes,
            () if there.contains(&INSTANT_RATE_RULE) => Rates::TwoScrapes,
            () => return None,
        };
        // The rule first: the gauge may be that of another exporter, whose series are not told apart by images.
        let memory_rule = there.contains(&MEMORY_RULE);
        (memory_rule || there.contains(&MEMORY)).then_some(Self::Recorded { cpu, memory_rule })
    }

    /// The rule that CPU comes from; `None` when it is cAdvisor's counter.
    pub fn cpu_rule(self) -> Option<&'static str> {
        match self {
            Self::Cadvisor => None,
            Self::Recorded { cpu: Rates::FiveMinutes, .. } => Some(RATE_RULE),
            Self::Recorded { cpu: Rates::TwoScrapes, .. } => Some(INSTANT_RATE_RULE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_in_only_where_both_cpu_and_memory_are_told() {
        let recorded = |cpu, memory_rule| Some(UsageSource::Recorded { cpu, memory_rule });
        assert_eq!(UsageSource::recorded(&STAND_INS), recorded(Rates::FiveMinutes, true));
        assert_eq!(UsageSource::recorded(&[RATE_RULE, MEMORY]), recorded(Rates::FiveMinutes, false));
        assert_eq!(UsageSource::recorded(&[RATE_RULE, MEMORY_RULE]), recorded(Rates::FiveMinutes, true));
        assert_eq!(UsageSource::recorded(&[INSTANT_RATE_RULE, MEMORY_RULE]), recorded(Rates::TwoScrapes, true));
        assert_eq!(UsageSource::recorded(&[RATE_RULE]), None);
        assert_eq!(UsageSource::recorded(&[MEMORY, MEMORY_RULE]), None);
    }
}
