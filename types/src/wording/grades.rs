//! Reasons of grades in words, and what would make more of the bill known.

use crate::analysis::GradeReason;

/// Remedy where a price of the region would help.
const IMPORT: &str = "import AWS's price list of the region: emp-cost prices import --from index.csv --out prices.csv, then emp-cost analyze --price-list prices.csv";
/// Remedy where EKS says it.
const DESCRIBE: &str = "set the assumption eks.support to what `aws eks describe-cluster` says of the version";

/// Returns the reason for a grade, as `analysis.json` has it.
pub const fn grade_reason(reason: GradeReason) -> &'static str {
    match reason {
        GradeReason::OwnPrice => "quantity seen, price yours",
        GradeReason::BilledPrice => "quantity seen, price measured from the invoice",
        GradeReason::ListPrice => "quantity seen, price from a public list",
        GradeReason::TypicalSpotSaving => "spot priced at a typical saving off the list",
        GradeReason::EstimatedPrice => "price estimated from another region",
        GradeReason::DerivedPrice => "price derived from another size of the family",
        GradeReason::LicenceSurcharge => "licence of Windows is taken as a surcharge by the vCPU",
        GradeReason::CapacityType => "no label says on-demand or spot",
        GradeReason::InstanceType => "instance type follows from the size of the node",
        GradeReason::OperatingSystem => "operating system is taken for Linux",
        GradeReason::Subscriptions => "subscriptions of RHEL and SUSE are taken to be billed by AWS",
        GradeReason::FargateSize => "size on Fargate follows from requests",
        GradeReason::RootDiskType => "type of root disks is assumed",
        GradeReason::VolumeType => "volume type is assumed",
        GradeReason::EfsUsage => "what EFS stores is taken from the kubelet's statistics of each claim",
        GradeReason::AutoModeShare => "the fee is taken as one share for every type of a class",
        GradeReason::CpuCredits => "surplus CPU credits follow from CPU beyond the baseline over each day",
        GradeReason::NewestKubelet => "support of the control plane follows from the newest kubelet",
        GradeReason::NoVersion => "Kubernetes version not known, so standard support is assumed",
        GradeReason::UnsupportedVersion => {
            "no kubelet is of a version that EKS still supports, so extended support is assumed"
        }
        GradeReason::HybridTiers => "tiers of the fee for hybrid nodes are those of this cluster alone",
        GradeReason::Counted => "their number is assumed",
        GradeReason::IngressGroups => "load balancers of Ingresses follow from their classes and groups",
        GradeReason::LeastOfClass => "one load balancer is counted for each class of Ingresses, the least there can be",
        GradeReason::LeastAddresses => "addresses of internet-facing load balancers are the least there can be",
    }
}

/// Returns what would make such a part known better; `None` where it is known as well as it can be.
pub const fn grade_remedy(reason: GradeReason) -> Option<&'static str> {
    Some(match reason {
        GradeReason::OwnPrice | GradeReason::BilledPrice => return None,
        GradeReason::ListPrice => {
            "give your own prices, EDP and commitments in the prices file: emp-cost analyze --prices prices.toml"
        }
        GradeReason::TypicalSpotSaving => {
            "give what spot costs you as [[spot]] fraction_of_on_demand in the prices file"
        }
        GradeReason::EstimatedPrice | GradeReason::DerivedPrice => IMPORT,
        GradeReason::LicenceSurcharge => {
            "give what your Windows nodes cost as [[node]] with their node_group in the prices file"
        }
        GradeReason::CapacityType => {
            "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[eks.amazonaws.com/capacityType,karpenter.sh/capacity-type]]; `emp-cost doctor` prints all that help"
        }
        GradeReason::InstanceType => {
            "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[node.kubernetes.io/instance-type]]; `emp-cost doctor` prints all that help"
        }
        GradeReason::OperatingSystem => {
            "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[kubernetes.io/os]]; `emp-cost doctor` prints all that help"
        }
        GradeReason::Subscriptions => {
            "set the assumption ec2.subscriptions to own where your images bring their subscription"
        }
        GradeReason::FargateSize => {
            "Helm value of kube-prometheus-stack: kube-state-metrics.metricAnnotationsAllowList: [pods=[CapacityProvisioned]], or accept that sizes are rounded as AWS does"
        }
        GradeReason::RootDiskType => "set the assumption ec2.root_disk_type to what your launch templates say",
        GradeReason::VolumeType => {
            "name volume types in the overrides of the collector, or let it ask EC2 (ec2:DescribeVolumes)"
        }
        GradeReason::EfsUsage => "read the bill of EFS: claims that share a file system each show all of it",
        GradeReason::AutoModeShare => "give the share you pay as [[item]] eks.auto_mode_share in the prices file",
        GradeReason::CpuCredits => "set the assumption ec2.cpu_credits to standard where your launch templates say so",
        GradeReason::NewestKubelet | GradeReason::UnsupportedVersion => DESCRIBE,
        GradeReason::NoVersion => {
            "collect kube_node_info, whose label kubelet_version tells it, or set the assumption eks.support"
        }
        GradeReason::HybridTiers => {
            "give the price of your tier as [[item]] in the prices file, where other clusters have hybrid nodes too"
        }
        GradeReason::Counted => "count them in the AWS console; the cluster does not show them",
        GradeReason::IngressGroups => {
            "count them in the AWS console; parameters of an Ingress class may group Ingresses too"
        }
        GradeReason::LeastOfClass => {
            "Helm value of kube-prometheus-stack: kube-state-metrics.metricAnnotationsAllowList: [ingresses=[alb.ingress.kubernetes.io/group.name,alb.ingress.kubernetes.io/scheme]]; or set the assumption network.application_load_balancers to their number"
        }
        GradeReason::LeastAddresses => {
            "set the assumption network.public_ipv4_addresses to the number in use, nodes and load balancers together"
        }
    })
}
