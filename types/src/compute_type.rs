//! Compute type: what a node runs on.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Compute type: what a node runs on. Ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Box<str>", into = "Box<str>")]
pub enum ComputeType {
    /// An EC2 machine.
    Ec2,
    /// Fargate, which has no node to share.
    Fargate,
    /// A machine of EKS Auto Mode.
    AutoMode,
    /// A hybrid node: a machine of the user's own.
    Hybrid,
    /// An EC2 machine on an Outpost.
    Outpost,
    /// An EC2 machine in a Local Zone.
    LocalZone,
    /// An EC2 machine in a Wavelength Zone.
    Wavelength,
    /// A name that this version does not know.
    Other(Box<str>),
}

impl ComputeType {
    const KNOWN: [Self; 7] =
        [Self::Ec2, Self::Fargate, Self::AutoMode, Self::Hybrid, Self::Outpost, Self::LocalZone, Self::Wavelength];

    /// Its name in the lake and in `analysis.json`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ec2 => "ec2",
            Self::Fargate => "fargate",
            Self::AutoMode => "auto",
            Self::Hybrid => "hybrid",
            Self::Outpost => "outpost",
            Self::LocalZone => "local-zone",
            Self::Wavelength => "wavelength",
            Self::Other(name) => name,
        }
    }

    /// Reads its name.
    pub fn of(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|one| one.as_str() == name);
        known.unwrap_or_else(|| Self::Other(name.into()))
    }
}

impl From<Box<str>> for ComputeType {
    fn from(name: Box<str>) -> Self {
        Self::of(&name)
    }
}

impl From<ComputeType> for Box<str> {
    fn from(of: ComputeType) -> Self {
        of.as_str().into()
    }
}

impl fmt::Display for ComputeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Ord for ComputeType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for ComputeType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_written_as_it_is() {
        for name in ["ec2", "fargate", "auto", "hybrid", "outpost", "local-zone", "wavelength", "", "EC2", "lambda"] {
            assert_eq!(ComputeType::of(name).to_string(), name);
        }
        assert_eq!(ComputeType::of("auto"), ComputeType::AutoMode);
        assert_eq!(ComputeType::of("lambda"), ComputeType::Other("lambda".into()));
    }

    #[test]
    fn the_order_is_that_of_the_names() {
        let mut names = ["wavelength", "ec2", "lambda", "outpost", "auto"];
        let mut types = names.map(ComputeType::of);
        names.sort_unstable();
        types.sort_unstable();
        assert_eq!(types.map(|of| of.to_string()), names);
    }
}
