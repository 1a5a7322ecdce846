//! Choices that no other part of the engine has a name for.

crate::choice! {
    /// Predictor of what a host will use, its numbers apart.
    pub enum PredictorChoice {
        /// The most seen in the hours before.
        Max = "max",
        /// The mean and some standard deviations of the hours before.
        NSigma = "n_sigma",
        /// A percentile of the hours before.
        Percentile = "percentile",
        /// The larger of five standard deviations over ten hours and the 99th percentile of a day.
        Larger = "larger",
    }
}

crate::choice! {
    /// How elastic VMs leave.
    pub enum EvmConsolidation {
        /// Once they are empty.
        EmptyOnly = "empty_only",
        /// Drained too, as Karpenter would.
        Drain = "drain",
    }
}

crate::choice! {
    /// Zones that a pool has hosts in.
    pub enum PoolZones {
        /// Every zone of the cluster.
        All = "all",
        /// The one in which pods request most.
        One = "one",
        /// The two in which pods request most.
        Two = "two",
    }
}
