//! Assumptions, each with its default, its source and what it changes; and the file that changes it.

pub(crate) mod choices;

use replay::{AssumptionsError, Key, in_force, read_assumptions};
use types::analysis::{Assumption, Combine};

use choices::{
    CpuCredits, EksSupport, MoveSpot, PoolVolumes, RootDiskType, Subscriptions, TodayConsolidates, UnknownVolumeType,
    UnlabelledCapacityType,
};

replay::assumption_set! {
    /// Assumptions in force of prices, the bill and the choice of pods.
    pub struct Terms;

    emp_webinar_overcommit = "emp.webinar_overcommit", "", { number 2.5, 1.0, 10.0 },
        "implied by the vendor's webinar: 15 m5.4xlarge on one m5.metal",
        "the variant with this ratio for memory and for CPU";
    ec2_unlabelled_capacity_type = "ec2.unlabelled_capacity_type", "", { choice UnlabelledCapacityType },
        "self-managed node groups carry no label and are on-demand unless asked otherwise",
        "how a node is priced, and whether it moves, when no label says on-demand or spot";
    ec2_today_consolidates = "ec2.today_consolidates", "", { choice TodayConsolidates },
        "inferred: nodes on-demand that leave with pods that go on elsewhere, and in whose place none comes, were drained",
        "`ec2-today-replayed`: whether today's nodes are drained as Karpenter does, or leave only once they are empty; `seen`: as it was seen";
    ec2_root_disk_type = "ec2.root_disk_type", "", { choice RootDiskType },
        "what EKS and Karpenter give a node unless told otherwise; the metrics show the size, not the type",
        "price of root disks; `none` says that none are paid for";
    ec2_subscriptions = "ec2.subscriptions", "", { choice Subscriptions },
        "images of RHEL and SUSE from AWS carry a subscription that AWS bills by the vCPU; no metric tells them from your own",
        "who is paid for RHEL and SUSE on nodes: `own` prices them as Linux, and what you pay goes into [[licence]]";
    ec2_cpu_credits = "ec2.cpu_credits", "", { choice CpuCredits },
        "T3, T3a and T4g are in unlimited mode unless told otherwise, T2 is in standard mode",
        "whether CPU beyond the baseline of burstable machines is paid for";
    eks_support = "eks.support", "", { choice EksSupport },
        "the newest kubelet tells the least version of the control plane, and the calendar of EKS its support",
        "price of the control plane";
    network_nat_gateways = "network.nat_gateways", "", { number 0.0, 0.0, 100.0 },
        "nothing in a cluster's metrics shows them",
        "NAT gateways paid for by the hour, without their traffic";
    network_public_ipv4_addresses = "network.public_ipv4_addresses", "", { number 0.0, 0.0, 100_000.0 },
        "0: those that nodes show, and the least that internet-facing load balancers have",
        "public IPv4 addresses in use, those that metrics show among them, paid for by the hour";
    network_application_load_balancers = "network.application_load_balancers", "", { number 0.0, 0.0, 10_000.0 },
        "0: those that Services, Ingresses and Gateways show",
        "application load balancers, those that metrics show among them, paid for by the hour, without their capacity units";
    network_network_load_balancers = "network.network_load_balancers", "", { number 0.0, 0.0, 10_000.0 },
        "0: those that Services and Gateways show",
        "network load balancers, those that metrics show among them, paid for by the hour, without their capacity units";
    network_interface_endpoints = "network.interface_endpoints", "", { number 0.0, 0.0, 10_000.0 },
        "nothing in a cluster's metrics shows them",
        "interface endpoints paid for by the hour, one for each zone they are in, without their traffic";
    volumes_snapshot_gib = "volumes.snapshot_gib", "GiB", { number 0.0, 0.0, 1e8 },
        "nothing in a cluster's metrics shows them",
        "EBS snapshots kept, as they are billed: blocks changed, not volumes copied";
    allocation_cpu_core_to_memory_gib = "allocation.cpu_core_to_memory_gib", "", { number 7.46, 0.1, 100.0 },
        "OpenCost's ratio of a core to a GiB on AWS; a regression over instance families gives 10.4",
        "how the price of a node is split into CPU and memory: who pays, never how much in all";
    fargate_memory_overhead_gib = "fargate.memory_overhead_gib", "GiB", { number 0.25, 0.0, 4.0 },
        "AWS: 256 MiB a pod for the kubelet and its companions",
        "memory added to a Fargate pod's request before it is rounded up to a size Fargate sells";
    volumes_unknown_type = "volumes.unknown_type", "", { choice UnknownVolumeType },
        "nothing is defaulted",
        "type by which volumes are priced whose type nothing names; `none` leaves them unpriced";
    emp_host_disk_gib = "emp.host_disk_gib", "GiB", { number 300.0, 0.0, 65_536.0 },
        "ours: a root disk, and swap for half of the 384 GiB that an m5.metal has; no source says",
        "disk of each host of a pool";
    emp_volumes = "emp.volumes", "", { choice PoolVolumes },
        "the vendor asks for io2 with multi-attach where a migration must not pause pods; without, it pauses some 7 s",
        "type of the persistent volumes under a machine pool: `io2` prices gp2, gp3 and io1 as io2 with the IOPS they have";
    emp_move_spot = "emp.move_spot", "", { choice MoveSpot },
        "spot capacity costs less than an elastic VM does after the fee, at the documented ratios",
        "whether pods seen on spot capacity may move to elastic VMs";
    emp_profile_combine = "emp.profile_combine", "", { choice Combine },
        "the vendor's pages say both; the one that selects less is the careful one",
        "a pod moves when all of a profile selects it (a namespace it names, and each label) or when any part does";
    emp_running_hosts_usd_per_month = "emp.running_hosts_usd_per_month", "USD", { number 0.0, 0.0, 1e9 },
        "nothing in a cluster's metrics shows the hosts under its elastic VMs; 0 stands for not said",
        "what the hosts of a pool that runs already cost in a month: the After of realised savings";
}

impl Terms {
    /// Returns true when pods seen on spot capacity may move.
    pub(crate) fn moves_spot(&self) -> bool {
        self.emp_move_spot == MoveSpot::Yes
    }
}

/// Every assumption in force: the defaults, and what a file changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assumptions {
    /// Those of prices, the bill, and the choice of pods.
    pub terms: Terms,
    /// Those of the replay, some of which other scenarios use too.
    pub replay: replay::Assumptions,
}

impl Assumptions {
    /// Reads `assumptions.toml`: dotted tables, every key optional.
    ///
    /// # Errors
    /// [`AssumptionsError`] names the key, the value and what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, AssumptionsError> {
        Self::default().changed_by(text)
    }

    /// These, with what a text of the same form changes.
    ///
    /// # Errors
    /// As [`Self::from_toml`].
    pub fn changed_by(mut self, text: &str) -> Result<Self, AssumptionsError> {
        read_assumptions(text, &mut [&mut self.replay, &mut self.terms])?;
        Ok(self)
    }

    /// Every key there is, in the order in which they are shown.
    pub fn keys() -> impl Iterator<Item = &'static Key> {
        replay::Assumptions::KEYS.iter().chain(Terms::KEYS)
    }

    /// Every assumption, for the report.
    pub fn in_force(&self) -> Vec<Assumption> {
        in_force(&self.replay).into_iter().chain(in_force(&self.terms)).collect()
    }
}

#[cfg(test)]
mod tests {
    use replay::Domain;

    use super::*;

    fn check(text: &str, expect: &str) {
        let error = Assumptions::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(expect), "{text:?} gives {error:?}");
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        check("[emp]\nmemory_overcomit = 2", "`emp.memory_overcomit`; did you mean `emp.memory_overcommit`?");
        check("fee_fraction = 0.2", "`fee_fraction`; did you mean `emp.fee_fraction`?");
        check("[volume]\nunknown_type = \"gp3\"", "did you mean `volumes.unknown_type`?");
        check("volumes.unknown_typ = 1", "did you mean `volumes.unknown_type`?");
        check("[emp.memory_overcommit]\nx = 1", "`emp.memory_overcommit` is");
        check("[emp]\nx = {}", "unknown assumption `emp.x`");
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        check("emp.memory_overcommit = 0.5", "`emp.memory_overcommit` is 0.5; expected a number from 1 to 10");
        check("emp.fee_fraction = \"25%\"", "is \"25%\"; expected a number from 0 to 1");
        check("emp.cpu_overcommit = nan", "expected a number from 1 to 32");
        check("volumes.unknown_type = \"gp4\"", "expected one of none, gp2, gp3");
        check("volumes = 3", "unknown assumption `volumes`");
        check("emp = [", "not valid TOML");
    }

    #[test]
    fn what_is_changed_is_marked_and_the_rest_is_the_default() {
        let assumptions = Assumptions::from_toml("emp.cpu_overcommit = 16\n[volumes]\nunknown_type = \"gp3\"").unwrap();
        assert_eq!(assumptions.replay.emp_cpu_overcommit, 16.0);
        assert_eq!(assumptions.terms.volumes_unknown_type, UnknownVolumeType::Gp3);
        assert_eq!(assumptions.replay.emp_memory_overcommit, 1.5);
        let changed: Vec<_> = assumptions.in_force().into_iter().filter(|a| a.changed).map(|a| a.key).collect();
        assert_eq!(changed, ["emp.cpu_overcommit", "volumes.unknown_type"]);
        assert!(Assumptions::default().in_force().iter().all(|a| !a.changed && a.value == a.default));
    }

    #[test]
    fn every_word_of_a_choice_is_read_and_shown_as_it_is() {
        for key in Assumptions::keys() {
            let Domain::Name { allowed } = key.domain else { continue };
            for word in allowed {
                let assumptions = Assumptions::from_toml(&format!("{} = \"{word}\"", key.name)).unwrap();
                let shown = assumptions.in_force().into_iter().find(|row| row.key == key.name).unwrap();
                assert_eq!(shown.value, *word, "{}", key.name);
            }
        }
    }

    #[test]
    fn every_key_is_unique_and_explained_and_its_default_is_allowed() {
        let mut names: Vec<_> = Assumptions::keys().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Assumptions::keys().count());
        for key in Assumptions::keys() {
            assert!(!key.source.is_empty() && !key.effect.is_empty(), "{}", key.name);
            match key.domain {
                Domain::Number { default, min, max } => assert!((min..=max).contains(&default)),
                Domain::Name { allowed } => assert!(allowed.len() > 1),
            }
        }
    }
}
