//! Choices among a few words, each as an assumption takes it.

use types::CapacityType;

replay::choice! {
    /// Capacity type of nodes whose labels name none.
    pub enum UnlabelledCapacityType {
        /// On-demand.
        OnDemand = "on-demand",
        /// Spot.
        Spot = "spot",
        /// None: they have no price, and stay.
        Unpriced = "unpriced",
    }
}

impl UnlabelledCapacityType {
    /// The capacity type; `None` where there is to be none.
    pub fn capacity_type(self) -> Option<CapacityType> {
        match self {
            Self::OnDemand => Some(CapacityType::OnDemand),
            Self::Spot => Some(CapacityType::Spot),
            Self::Unpriced => None,
        }
    }
}

replay::choice! {
    /// Whether today's nodes are drained as Karpenter does.
    pub enum TodayConsolidates {
        /// As it was seen.
        Seen = "seen",
        /// They are.
        Yes = "yes",
        /// They leave only once they are empty.
        No = "no",
    }
}

replay::choice! {
    /// Type of root disks.
    pub enum RootDiskType {
        /// gp3.
        Gp3 = "gp3",
        /// None are paid for.
        None = "none",
        /// gp2.
        Gp2 = "gp2",
        /// io1.
        Io1 = "io1",
        /// io2.
        Io2 = "io2",
    }
}

impl RootDiskType {
    /// The volume type by which they are priced; `None` where none are paid for.
    pub fn volume_type(self) -> Option<&'static str> {
        (self != Self::None).then(|| self.as_str())
    }
}

replay::choice! {
    /// Who is paid for RHEL and SUSE.
    pub enum Subscriptions {
        /// AWS, by the vCPU.
        Aws = "aws",
        /// Whoever the user has subscriptions from.
        Own = "own",
    }
}

replay::choice! {
    /// Mode of burstable machines.
    pub enum CpuCredits {
        /// CPU beyond the baseline is paid for.
        Unlimited = "unlimited",
        /// There is none beyond the credits earned.
        Standard = "standard",
    }
}

replay::choice! {
    /// Support of EKS that the control plane pays for.
    pub enum EksSupport {
        /// That of the newest kubelet's version.
        ByVersion = "by_version",
        /// Standard support.
        Standard = "standard",
        /// Extended support.
        Extended = "extended",
    }
}

replay::choice! {
    /// Type of volumes whose type nothing names.
    pub enum UnknownVolumeType {
        /// None: they have no price.
        None = "none",
        /// gp2.
        Gp2 = "gp2",
        /// gp3.
        Gp3 = "gp3",
        /// io1.
        Io1 = "io1",
        /// io2.
        Io2 = "io2",
        /// st1.
        St1 = "st1",
        /// sc1.
        Sc1 = "sc1",
    }
}

impl UnknownVolumeType {
    /// The volume type by which they are priced; `None` where they are not.
    pub fn volume_type(self) -> Option<&'static str> {
        (self != Self::None).then(|| self.as_str())
    }
}

replay::choice! {
    /// Type of the persistent volumes under a machine pool.
    pub enum PoolVolumes {
        /// That which they have.
        AsTheyAre = "as_they_are",
        /// io2 in place of gp2, gp3 and io1.
        Io2 = "io2",
    }
}

replay::choice! {
    /// Whether pods seen on spot capacity may move to elastic VMs.
    pub enum MoveSpot {
        /// They stay.
        No = "no",
        /// They may.
        Yes = "yes",
    }
}
