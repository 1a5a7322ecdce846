//! Usage of all containers of a node together, held against what the node has: each may be possible and the sum not.

use std::collections::BTreeMap;

use lake::tables::ContainerHour;
use types::window::HOUR_SECONDS;

use crate::machine_limits::Limits;
use crate::snapshot::Name;

/// Tolerance of the comparison, in hundredths of what the node has: samples of containers are not of one moment.
const MARGIN_PERCENT: i64 = 5;

/// Sums of one node over the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    core_milliseconds: i64,
    kib_seconds: i64,
}

/// Sums by node.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeUse(BTreeMap<Name, Sums>);

impl NodeUse {
    /// Takes in the containers of a pod.
    pub(crate) fn add(&mut self, node: &Name, containers: &[ContainerHour]) {
        let sums = self.0.entry(Name::clone(node)).or_default();
        for container in containers {
            let (cpu, memory) = (container.cpu_core_milliseconds, container.memory_kib_seconds);
            sums.core_milliseconds = sums.core_milliseconds.saturating_add(cpu.unwrap_or(0));
            sums.kib_seconds = sums.kib_seconds.saturating_add(memory.unwrap_or(0));
        }
    }

    /// Faults in words: nodes of known size whose containers used more than that.
    pub(crate) fn faults(&self, limits: &BTreeMap<String, Limits>) -> Vec<String> {
        let known = self.0.iter().filter_map(|(node, sums)| Some((node, sums, limits.get(&**node)?)));
        known.flat_map(|(node, sums, limits)| sums.faults(node, *limits)).collect()
    }
}

impl Sums {
    fn faults(self, node: &str, limits: Limits) -> Vec<String> {
        let over = |sum: i64, most: i64| {
            let mean = sum / HOUR_SECONDS;
            (mean > most.saturating_add((most / 100).saturating_mul(MARGIN_PERCENT))).then_some(mean)
        };
        let most_kib = crate::numbers::whole(limits.memory_bytes / 1024.0).unwrap_or(i64::MAX);
        let fault = |used: i64, has: i64, unit: &str| {
            format!(
                "containers on node `{node}` are said to have used {used} {unit} of its {has} over the hour, so some are \
                 measured too high"
            )
        };
        let cpu =
            over(self.core_milliseconds, limits.millicores).map(|used| fault(used, limits.millicores, "millicores"));
        let memory = over(self.kib_seconds, most_kib).map(|used| fault(used >> 10, most_kib >> 10, "MiB"));
        cpu.into_iter().chain(memory).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_containers_use_together_is_at_most_what_the_node_has() {
        let limits = BTreeMap::from([(
            "n".to_owned(),
            Limits { millicores: 16_000, memory_bytes: 64.0 * 1024.0 * 1024.0 * 1024.0 },
        )]);
        let container = |millicores: i64, mib: i64| ContainerHour {
            cpu_core_milliseconds: Some(millicores * 3600),
            memory_kib_seconds: Some(mib * 1024 * 3600),
            ..ContainerHour::default()
        };
        let check = |node: &str, containers: &[ContainerHour], expect: &[&str]| {
            let mut used = NodeUse::default();
            for container in containers {
                used.add(&node.into(), std::slice::from_ref(container));
            }
            let faults = used.faults(&limits);
            assert_eq!(faults.len(), expect.len(), "{faults:?}");
            assert!(faults.iter().zip(expect).all(|(fault, word)| fault.contains(word)), "{faults:?}");
        };
        check("n", &[container(8_000, 32_768), container(8_500, 33_000)], &[]);
        check(
            "n",
            &[container(12_000, 60_000), container(12_000, 60_000)],
            &["24000 millicores of its 16000", "120000 MiB of its 65536"],
        );
        check("unknown", &[container(12_000, 60_000), container(12_000, 60_000)], &[]);
        check("n", &[container(0, 0), ContainerHour::default()], &[]);
    }
}
