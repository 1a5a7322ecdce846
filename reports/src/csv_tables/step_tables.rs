//! Tables of what to do: next steps, waste, and right-sized requests.

use types::analysis::{Analysis, ContainerSize, Step};

use super::csv_table::Sheet;
use super::safe_cells::{joined, row};
use crate::rightsizing::{caution, skip_reason};

pub(super) const NEXT_STEPS: Sheet = Sheet {
    name: "next-steps",
    about: "One row for each step, in the order to take them. Amounts are per month of 730 hours.",
    columns: &[
        ("rank", "its place, from 1"),
        ("step", "its kind, such as `right_size`"),
        ("what", "what to do"),
        ("saving_monthly_usd", "what it saves; negative where it costs, empty where that is not known"),
        (
            "asked_monthly_usd",
            "the discount to ask for, or what is saved where limits are held or lifted; in no sum, empty for other steps",
        ),
        ("of_recommended", "whether it is a part of the recommended change; the others come on top"),
        ("effort", "`low`, `medium` or `high`"),
        ("risk", "`low`, `medium` or `high`"),
        ("subjects", "names it is about, at most ten, joined by `;`"),
        ("subjects_count", "how many there are in all"),
        ("place", "where it is done"),
        ("caution", "what to mind"),
    ],
    rows: |analysis| {
        let steps = analysis.next_steps.iter().flat_map(|steps| &steps.steps);
        let of = |(rank, step): (u32, &Step)| {
            row![
                rank,
                step.kind.as_str(),
                &step.what,
                step.saving_monthly_usd,
                step.asked_monthly_usd,
                step.of_recommended,
                step.effort.name(),
                step.risk.name(),
                joined(&step.subjects),
                step.subjects_count,
                &step.place,
                &step.caution,
            ]
        };
        (1..).zip(steps).map(of).collect()
    },
};

pub(super) const WASTE: Sheet = Sheet {
    name: "waste",
    about: "One row for each part of what is paid for and does no work, the largest first.",
    columns: &[
        ("part", "`idle_nodes`, `reserved_unused`, `unmounted_volumes` or `unused_commitments`"),
        ("monthly_usd", "its amount, per month of 730 hours"),
    ],
    rows: |analysis| {
        let parts = analysis.waste.iter().flat_map(|waste| &waste.parts);
        parts.map(|part| row![part.kind.as_str(), part.monthly_usd]).collect()
    },
};

pub(super) const RIGHT_SIZING: Sheet = Sheet {
    name: "right-sizing",
    about: "One row for each container whose requests should change, the largest saving first.",
    columns: &[
        ("namespace", "namespace of its workload"),
        ("workload_kind", "kind of its workload"),
        ("workload", "name of its workload"),
        ("container", "the container"),
        ("pods_mean", "pods at once, on average over the days looked at"),
        ("days_seen", "days with a sample of its usage"),
        ("cpu_request_millicores", "CPU request now; empty for none"),
        ("cpu_target_millicores", "CPU request to set"),
        ("memory_request_mib", "memory request now; empty for none"),
        ("memory_target_mib", "memory request to set"),
        ("cpu_limit_millicores", "CPU limit now; empty for none"),
        ("memory_limit_mib", "memory limit now; empty for none"),
        ("cpu_p50_millicores", "median of five-minute CPU means"),
        ("cpu_p95_millicores", "95th percentile of them"),
        ("cpu_p99_millicores", "99th percentile of them"),
        ("cpu_max_millicores", "the largest of them"),
        ("memory_max_mib", "largest memory seen"),
        ("saving_monthly_usd", "what the change frees at today's price; negative where a request rises"),
        ("cautions", "what to mind, such as `cpu_throttled`, joined by `;`"),
    ],
    rows: |analysis| {
        let of = |one: &ContainerSize| {
            let cautions: Vec<String> = one.cautions.iter().map(|one| caution(*one).to_owned()).collect();
            row![
                &one.namespace,
                &one.workload_kind,
                &one.workload,
                &one.container,
                one.pods_mean,
                one.days_seen,
                one.cpu_request_millicores,
                one.cpu_target_millicores,
                one.memory_request_mib,
                one.memory_target_mib,
                one.cpu_limit_millicores,
                one.memory_limit_mib,
                one.cpu_p50_millicores,
                one.cpu_p95_millicores,
                one.cpu_p99_millicores,
                one.cpu_max_millicores,
                one.memory_max_mib,
                one.saving_monthly_usd,
                joined(&cautions),
            ]
        };
        sizes(analysis).map(of).collect()
    },
};

pub(super) const NOT_RIGHT_SIZED: Sheet = Sheet {
    name: "right-sizing-skipped",
    about: "One row for each container without a target, by name.",
    columns: &[
        ("namespace", "namespace of its workload"),
        ("workload_kind", "kind of its workload"),
        ("workload", "name of its workload"),
        ("container", "the container"),
        ("reason", "`fits`, `no_usage`, `too_few_days` or `no_owner`"),
    ],
    rows: |analysis| {
        let skipped = analysis.right_sizing.iter().flat_map(|sizes| &sizes.skipped);
        let skipped = skipped.map(|one| {
            row![&one.namespace, &one.workload_kind, &one.workload, &one.container, skip_reason(one.reason)]
        });
        skipped.collect()
    },
};

fn sizes(analysis: &Analysis) -> impl Iterator<Item = &ContainerSize> {
    analysis.right_sizing.iter().flat_map(|sizes| &sizes.containers)
}
