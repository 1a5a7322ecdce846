//! Grades of how well a part of a bill is known, and the reasons that it is known no better.

/// Grade of how well something is known, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Seen, and paid for at your own price.
    Measured,
    /// Seen, and priced from a public list.
    Listed,
    /// Derived from something else by a rule.
    Inferred,
    /// Assumed, or estimated from another region.
    Assumed,
}

impl Grade {
    /// Every grade, best first.
    pub const ALL: [Self; 4] = [Self::Measured, Self::Listed, Self::Inferred, Self::Assumed];

    /// Its name in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Listed => "listed",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }
}

/// Reason that a part of the bill has its grade; in words, [`grade_reason`](crate::wording::grade_reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GradeReason {
    /// The price is the user's own.
    OwnPrice,
    /// The price was measured from the invoice.
    BilledPrice,
    /// The price is from a public list.
    ListPrice,
    /// The price is a typical saving of spot off the list.
    TypicalSpotSaving,
    /// The price is estimated from another region.
    EstimatedPrice,
    /// The price is derived from another size of the family.
    DerivedPrice,
    /// The price is that of Linux with a surcharge for a licence.
    LicenceSurcharge,
    /// No label says the capacity type.
    CapacityType,
    /// The instance type follows from the size of the node.
    InstanceType,
    /// The operating system is taken for Linux.
    OperatingSystem,
    /// Subscriptions of Linux are taken to be billed by AWS.
    Subscriptions,
    /// The size of a Fargate pod follows from its requests.
    FargateSize,
    /// The type of root disks is assumed.
    RootDiskType,
    /// The type of a volume is assumed.
    VolumeType,
    /// The size of what EFS stores is the kubelet's.
    EfsUsage,
    /// The fee of EKS Auto Mode is one share for a class of types.
    AutoModeShare,
    /// CPU credits follow from usage beyond the baseline.
    CpuCredits,
    /// The support of the control plane follows from the newest kubelet.
    NewestKubelet,
    /// The version of Kubernetes is not known.
    NoVersion,
    /// No kubelet is of a version that is still supported.
    UnsupportedVersion,
    /// The tiers of a fee see the hybrid nodes of this cluster alone.
    HybridTiers,
    /// The number is assumed.
    Counted,
    /// Load balancers follow from classes and groups of Ingresses.
    IngressGroups,
    /// One load balancer is counted for each class of Ingresses.
    LeastOfClass,
    /// The least number of addresses is counted.
    LeastAddresses,
}

impl GradeReason {
    /// The grade it gives.
    pub const fn grade(self) -> Grade {
        match self {
            Self::OwnPrice | Self::BilledPrice => Grade::Measured,
            Self::ListPrice => Grade::Listed,
            Self::DerivedPrice
            | Self::LicenceSurcharge
            | Self::InstanceType
            | Self::FargateSize
            | Self::EfsUsage
            | Self::AutoModeShare
            | Self::CpuCredits
            | Self::NewestKubelet
            | Self::HybridTiers
            | Self::IngressGroups
            | Self::LeastOfClass
            | Self::LeastAddresses => Grade::Inferred,
            Self::TypicalSpotSaving
            | Self::EstimatedPrice
            | Self::CapacityType
            | Self::OperatingSystem
            | Self::Subscriptions
            | Self::RootDiskType
            | Self::VolumeType
            | Self::NoVersion
            | Self::UnsupportedVersion
            | Self::Counted => Grade::Assumed,
        }
    }
}
