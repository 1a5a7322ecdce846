//! Reasons that a node has no price, in words, and what would give it one.

use std::fmt;

use crate::prices::MachineKind;

/// Reason that a node has no price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NoPrice {
    /// It is an elastic VM already.
    ElasticVm,
    /// It is a machine of the user's own.
    Hybrid,
    /// Its operating system, of which no licence is known.
    OperatingSystem(String),
    /// Its instance type is not known.
    InstanceType,
    /// Its region is not known.
    Region,
    /// Its capacity type is not known.
    CapacityType,
    /// It is on an Outpost.
    Outpost,
    /// No list has such a machine, whichever node or group it is of.
    Unlisted(MachineKind),
}

impl NoPrice {
    /// The reason in a few words.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::ElasticVm => "already an elastic VM: AWS bills its host, which the cluster does not show".to_owned(),
            Self::Hybrid => "a hybrid node: your own machine, for which AWS takes only the fee of EKS".to_owned(),
            Self::OperatingSystem(os) => format!("runs {os}, of which the price book knows no licence"),
            Self::InstanceType => "instance type not known".to_owned(),
            Self::Region => "region not known".to_owned(),
            Self::CapacityType => "no label says on-demand or spot".to_owned(),
            Self::Outpost => "on an Outpost, whose rack is paid for whether its machines run or not".to_owned(),
            Self::Unlisted(machine) => format!(
                "no {} price of {}{} in {}",
                machine.capacity_type,
                machine.instance_type,
                machine.os.licence().map(|name| format!(" with {name}")).unwrap_or_default(),
                machine.region
            ),
        }
    }

    /// Remedy as the list of what is unpriced gives it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ElasticVm | Self::Hybrid | Self::CapacityType => None,
            Self::OperatingSystem(_) => Some("give a price as [[node]]"),
            Self::InstanceType => Some("export the label node.kubernetes.io/instance-type through kube-state-metrics"),
            Self::Region => Some("export the label topology.kubernetes.io/region"),
            Self::Outpost => Some("give what an hour of one costs you as [[node]] in the prices file"),
            Self::Unlisted(_) => Some("give one as [[node]] in the prices file, or import AWS's list of AmazonEC2"),
        }
    }

    /// Remedy in full, with Helm values where a label lacks.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::InstanceType => {
                "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[node.kubernetes.io/instance-type]]; `emp-cost doctor` prints all that help; for hours already collected, name the types in the collector's overrides"
            }
            Self::Region => {
                "Helm value of kube-prometheus-stack: kube-state-metrics.metricLabelsAllowlist: [nodes=[topology.kubernetes.io/region,topology.kubernetes.io/zone]]; `emp-cost doctor` prints all that help"
            }
            other => other.hint().unwrap_or("give the price as [[node]] in the prices file, where it is one"),
        }
    }
}

impl fmt::Display for NoPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())?;
        self.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}
