//! The keys themselves. `MODEL.md` holds them as a table, which a test compares.

use super::choices::{EvmConsolidation, PoolZones, PredictorChoice};
use crate::placement::Score;
use crate::scenario_setup::{MemoryModel, Zones};

crate::assumption_set! {
    /// Every assumption of the replay in force.
    pub struct Assumptions;

    emp_memory_overcommit = "emp.memory_overcommit", "", { number 1.5, 1.0, 10.0 },
        "vendor's documentation of EVM pools: 9 instead of 6 m5.4xlarge on one m5.metal",
        "memory of elastic VMs a host takes, as a multiple of its own";
    emp_cpu_overcommit = "emp.cpu_overcommit", "", { number 3.0, 1.0, 32.0 },
        "vendor's sample pools use 3 and 16; the careful one",
        "vCPU of elastic VMs a host takes, as a multiple of its threads";
    emp_memory_model = "emp.memory_model", "", { choice MemoryModel },
        "no source mentions a balloon, so freed pages are not returned to the host",
        "memory of an elastic VM that is resident: what its pods use, the most they ever used, or page cache too";
    emp_host_threshold = "emp.host_threshold", "", { number 0.8, 0.1, 1.0 },
        "vendor's documentation of the rebalancer: 80 % of CPU or memory",
        "share of a host's usable CPU and memory it is filled to and rebalanced above";
    emp_settled_share = "emp.settled_share", "", { number 0.75, 0.1, 1.0 },
        "ours: a little under the threshold, so that a host is not hot again at once",
        "share rebalancing brings a host to, and its target may reach";
    emp_consolidate_below = "emp.consolidate_below", "", { number 0.65, 0.0, 1.0 },
        "ours: well under the threshold, so that releasing a host makes no other hot",
        "share up to which the elastic VMs of a host must fit elsewhere for it to be released";
    emp_consolidate_slots = "emp.consolidate_slots", "slot", { number 6.0, 1.0, 288.0 },
        "ours: half an hour",
        "slots for which they must fit";
    emp_reserved_threads = "emp.reserved_threads", "thread", { number 2.0, 0.0, 64.0 },
        "ours: the host's Kubernetes, network and storage agents",
        "threads of a host that elastic VMs do not get";
    emp_usable_memory_fraction = "emp.usable_memory_fraction", "", { number 0.98, 0.5, 1.0 },
        "Linux sees about 98 % of the nominal memory of an EC2 machine",
        "memory of a host there is at all";
    emp_reserved_mib = "emp.reserved_mib", "MiB", { number 8192.0, 0.0, 131_072.0 },
        "ours: the same agents, and what the kernel keeps",
        "memory of a host that elastic VMs do not get";
    emp_host_overhead_mib = "emp.host_overhead_mib", "MiB", { number 360.0, 0.0, 65_536.0 },
        "KubeVirt's agents on each host",
        "memory of a host in use before the first elastic VM";
    emp_evm_overhead_fraction = "emp.evm_overhead_fraction", "", { number 0.002, 0.0, 0.5 },
        "KubeVirt's memory overhead: page tables",
        "memory an elastic VM costs its host, as a share of its own";
    emp_evm_overhead_mib = "emp.evm_overhead_mib", "MiB", { number 218.0, 0.0, 65_536.0 },
        "KubeVirt's memory overhead: its processes for one VM",
        "memory an elastic VM costs its host, whatever its size";
    emp_evm_overhead_mib_per_vcpu = "emp.evm_overhead_mib_per_vcpu", "MiB", { number 8.0, 0.0, 1024.0 },
        "KubeVirt's memory overhead: 8 MiB a vCPU",
        "memory an elastic VM costs its host for each vCPU";
    emp_guest_millicores = "emp.guest_millicores", "millicore", { number 100.0, 0.0, 4000.0 },
        "ours: kubelet, container runtime and kernel of a node at rest",
        "CPU of an elastic VM beside its pods and daemons";
    emp_guest_mib = "emp.guest_mib", "MiB", { number 1024.0, 0.0, 16_384.0 },
        "ours: the same",
        "memory of an elastic VM beside its pods and daemons";
    emp_predictor = "emp.predictor", "", { choice PredictorChoice },
        "ours: the most careful of those in Google's study (EuroSys 2021)",
        "what is expected of a host at admission and consolidation";
    emp_predictor_hours = "emp.predictor_hours", "h", { number 24.0, 1.0, 24.0 },
        "ours: a day has one rhythm",
        "hours the predictor looks back";
    emp_predictor_sigmas = "emp.predictor_sigmas", "", { number 5.0, 0.0, 10.0 },
        "Google's study ran 5",
        "standard deviations of the predictor `n_sigma`";
    emp_predictor_percentile = "emp.predictor_percentile", "", { number 99.0, 1.0, 100.0 },
        "Google's study ran 99",
        "percentile of the predictor `percentile`";
    emp_predictor_needs_slots = "emp.predictor_needs_slots", "slot", { number 24.0, 1.0, 288.0 },
        "ours: two hours",
        "slots after which an elastic VM is predicted from its own use";
    emp_evm_consolidation = "emp.evm_consolidation", "", { choice EvmConsolidation },
        "vendor's blog: an elastic VM leaves once it is empty",
        "whether elastic VMs are also drained, as Karpenter would";
    emp_migration_bytes_per_second = "emp.migration_bytes_per_second", "B/s", { number 1e9, 1e6, 1e11 },
        "ours: 8 of the 25 Gbit/s of an m5.metal",
        "bandwidth of live migrations";
    emp_migration_dirty_share = "emp.migration_dirty_share", "", { number 0.25, 0.0, 10.0 },
        "ours; the vendor's busy example (4 min 50 s) lies above what it gives, its stressed one at the cap",
        "rate at which a guest writes to memory, as a share of the bandwidth";
    emp_migration_rounds = "emp.migration_rounds", "", { number 3.0, 0.0, 100.0 },
        "ours: rounds of pre-copy after the first",
        "rounds after the first in which memory is sent again";
    emp_migration_longest_seconds = "emp.migration_longest_seconds", "s", { number 1200.0, 1.0, 86_400.0 },
        "vendor's documentation of live migration: 20 min under memory stress",
        "longest migration";
    emp_migration_millicores = "emp.migration_millicores", "millicore", { number 1000.0, 0.0, 16_000.0 },
        "QEMU sends with one thread",
        "CPU of a migration on its source and on its target";
    emp_migration_pause_seconds = "emp.migration_pause_seconds", "s", { number 7.0, 0.0, 600.0 },
        "vendor's documentation of live migration: about 7 s with gp3",
        "time an elastic VM stands still where it holds a volume that cannot be attached twice";
    emp_migrations_per_host = "emp.migrations_per_host", "", { number 2.0, 1.0, 100.0 },
        "KubeVirt's default for migrations out of a node",
        "migrations into and out of a host at a time";
    emp_rest_seconds = "emp.rest_seconds", "s", { number 1800.0, 0.0, 86_400.0 },
        "ours",
        "time an elastic VM is left alone after a migration";
    emp_min_hosts_per_zone = "emp.min_hosts_per_zone", "", { number 1.0, 1.0, 1000.0 },
        "vendor's documentation of bare-metal pools: at least one in each zone",
        "hosts each zone in use keeps";
    emp_max_hosts_per_zone = "emp.max_hosts_per_zone", "", { number 0.0, 0.0, 100_000.0 },
        "the customer's own choice; 0 is no limit",
        "hosts the pool may have in a zone; beyond, elastic VMs wait";
    emp_spare_hosts_per_zone = "emp.spare_hosts_per_zone", "", { number 0.0, 0.0, 100.0 },
        "the vendor documents none; without one a lone host can neither migrate nor be patched",
        "hosts paid for in each zone and kept empty";
    emp_zones = "emp.zones", "", { choice PoolZones },
        "each zone keeps a host of its own; fewer zones are cheaper, and make traffic cross zones",
        "zones the pool is in, those in which pods request most; pods with volumes in others stay on EC2";
    emp_evm_boot_seconds = "emp.evm_boot_seconds", "s", { number 240.0, 0.0, 3600.0 },
        "vendor's blog: a pod ran 3 min 53 s after it had to wait",
        "from the request of an elastic VM, or its host's readiness, to its own";
    emp_host_boot_seconds = "emp.host_boot_seconds", "s", { number 900.0, 0.0, 7200.0 },
        "ours: bare metal boots in 10 to 15 min; the vendor names 30 for a whole installation",
        "from the request of a host to its readiness";
    emp_fee_fraction = "emp.fee_fraction", "", { number 0.25, 0.0, 1.0 },
        "vendor's pricing page: 25 % of the saving",
        "fee, as a share of the elastic VMs at EC2 prices less what the hosts cost, over the window";
    emp_evm_disk_gib = "emp.evm_disk_gib", "GiB", { number 50.0, 0.0, 16_384.0 },
        "vendor's sample pool",
        "root disk of an elastic VM";
    ec2_boot_seconds = "ec2.boot_seconds", "s", { number 75.0, 0.0, 3600.0 },
        "from the launch of an EC2 node to its registration, about",
        "boot of an EC2 node, in every scenario";
    ec2_least_machines = "ec2.least_machines", "", { number 2.0, 0.0, 1000.0 },
        "ours: one node that carries every replica of a service is no rival to anything",
        "machines that repacking keeps in each zone and platform where services run";
    ec2_largest_machine = "ec2.largest_machine", "", { number 2.0, 0.25, 64.0 },
        "ours: a failed node takes its pods with it, so nodes many times the size of today's are no like for like",
        "vCPU and memory of the largest machine that repacking buys, as a multiple of today's largest";
    ec2_disruption_budget = "ec2.disruption_budget", "", { number 0.1, 0.0, 1.0 },
        "Karpenter's default: a tenth of the nodes at a time",
        "share of the machines of a zone that may be drained in one slot";
    ec2_consolidate_after_seconds = "ec2.consolidate_after_seconds", "s", { number 600.0, 0.0, 86_400.0 },
        "ours; Karpenter's own default is none, which restarts pods more often",
        "time a machine is left alone after it came up";
    ec2_spot_interruptions = "ec2.spot_interruptions", "per month", { number 0.05, 0.0, 10.0 },
        "upper end of the lowest band of AWS's Spot Instance Advisor, under 5 % a month",
        "share of spot machines that AWS takes back in a month; their pods restart";
    machine_empty_seconds = "machine.empty_seconds", "s", { number 600.0, 0.0, 86_400.0 },
        "Cluster Autoscaler's default",
        "time after which an empty machine leaves";
    machine_warm = "machine.warm", "", { number 0.0, 0.0, 1000.0 },
        "none unless needed; scenarios that pods would wait in are tried with one, two and four",
        "machines kept ready in each zone and platform, in every scenario but today's";
    machine_least_billed_seconds = "machine.least_billed_seconds", "s", { number 60.0, 0.0, 3600.0 },
        "EC2 bills at least a minute",
        "least that is billed of a host or a node";
    machine_smt_yield = "machine.smt_yield", "", { number 1.0, 0.5, 1.0 },
        "1: a thread delivers all it did when it was measured; 0.625: two busy siblings deliver 1.25 cores",
        "what a thread delivers when its sibling is busy, on every machine of every scenario";
    scheduler_score = "scheduler.score", "", { choice Score },
        "kube-scheduler's default",
        "which of the machines with room a pod gets";
    scheduler_zones = "scheduler.zones", "", { choice Zones },
        "topology spread and zonal traffic are not exported",
        "whether pods without a volume may change zone";
    sizing_days = "sizing.days", "d", { number 7.0, 1.0, 14.0 },
        "a week has one rhythm",
        "days right-sizing looks back";
    sizing_cpu_percentile = "sizing.cpu_percentile", "", { number 95.0, 1.0, 100.0 },
        "as the Vertical Pod Autoscaler's upper figures do",
        "percentile of slot means that becomes the CPU request";
    sizing_memory_margin = "sizing.memory_margin", "", { number 0.15, 0.0, 5.0 },
        "Vertical Pod Autoscaler's default margin",
        "what is added to the largest memory";
    sizing_floor_millicores = "sizing.floor_millicores", "millicore", { number 10.0, 0.0, 10_000.0 },
        "ours",
        "smallest CPU request of a container";
    sizing_floor_mib = "sizing.floor_mib", "MiB", { number 100.0, 0.0, 65_536.0 },
        "ours",
        "smallest memory request of a container";
    sizing_tolerance = "sizing.tolerance", "", { number 0.1, 0.0, 10.0 },
        "ours: a rollout for less is not worth it",
        "share by which a request must change for running pods to be rolled";
    risk_cpu_lost = "risk.cpu_lost", "", { number 0.001, 0.0, 1.0 },
        "ours: a thousandth is below what steal and throttling take on EC2 unnoticed",
        "largest share of the CPU asked for that machines and hosts may lack";
    risk_workload_cpu_lost = "risk.workload_cpu_lost", "", { number 0.01, 0.0, 1.0 },
        "ours: a mean over all pods must not hide one workload that is starved",
        "the same for each workload that uses over 0.1 core";
    risk_memory_over_mean = "risk.memory_over_mean", "", { number 0.00001, 0.0, 1.0 },
        "ours: a node kills pods and a host swaps while the mean is over capacity; one part in a hundred thousand is chance",
        "largest share of the pods' memory on machines and hosts whose mean memory is over capacity";
    risk_memory_over_max = "risk.memory_over_max", "", { number 0.0001, 0.0, 1.0 },
        "ours: largest samples of different pods rarely fall together",
        "the same of the largest memory of each pod in the slot, added up";
    risk_evictions = "risk.evictions", "per pod and day", { number 0.1, 0.0, 1000.0 },
        "ours: a restart every ten days is about what node updates cost",
        "evictions by a scenario's own draining, for each pod of a service and day";
    risk_single_evictions = "risk.single_evictions", "per pod and day", { number 0.03, 0.0, 1000.0 },
        "ours: once a month, since nothing stands in while a single replica restarts",
        "the same for stateful sets and workloads with one replica";
    risk_blast_radius = "risk.blast_radius", "", { number 0.2, 0.0, 1.0 },
        "ours: a lost machine should not take more than a fifth of the cluster, or than a zone where it is spread over some",
        "largest share of all pods on one machine or host";
    risk_host_loss = "risk.host_loss", "", { number 0.0, 0.0, 1.0 },
        "ours: live migration does not help when a host fails; 1 accepts that pods wait for a new one",
        "share of the time in which a zone may be unable to take over from a lost host; spare hosts are priced where it is more";
    risk_late_services = "risk.late_services", "", { number 0.01, 0.0, 1.0 },
        "ours: one start in a hundred",
        "largest share of starts of services that may be late";
    risk_late_batch = "risk.late_batch", "", { number 0.01, 0.0, 1.0 },
        "ours: the 99th percentile",
        "largest share of starts of jobs that may be late";
    risk_overtaken = "risk.overtaken", "", { number 0.0001, 0.0, 1.0 },
        "ours: a run that starts after the next is due is a run missed, and one in ten thousand is chance",
        "largest share of CronJob runs that may still wait when the next one is due";
    risk_today_factor = "risk.today_factor", "", { number 1.1, 0.0, 100.0 },
        "ours: what is a tenth worse than today goes unnoticed",
        "each limit is at least this multiple of what the replay of today's machines comes to";
    risk_headroom_cost = "risk.headroom_cost", "", { number 0.1, 0.0, 10.0 },
        "ours: who pays more than a tenth for machines that stand ready has bought the wrong thing",
        "largest cost of spare machines that are kept ready, as a share of compute, that makes a scenario acceptable";
    risk_warm_up_seconds = "risk.warm_up_seconds", "s", { number 86_400.0, 0.0, 2_592_000.0 },
        "ours: the first placement knows no usage",
        "time from the start whose risk does not count; its cost does";
    wait_late_seconds = "wait.late_seconds", "s", { number 60.0, 0.0, 3600.0 },
        "ours: about as long as a pod may take to pull its image",
        "how much later than recorded a pod may start before it counts as late";
    wait_batch_share = "wait.batch_share", "", { number 0.1, 0.0, 10.0 },
        "ours: who waits three hours for a job does not mind ten minutes",
        "share of its length by which work may start late, where that is more";
}
