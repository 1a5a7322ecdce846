//! Machines as they are priced: type, region, capacity type, operating system.

use types::CapacityType;

/// The operating system of a machine, as far as AWS takes a licence fee for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum OperatingSystem {
    /// Linux without a fee, such as Amazon Linux, Bottlerocket or Ubuntu.
    #[default]
    Linux,
    /// Red Hat Enterprise Linux, whose subscription AWS bills by the vCPU unless the account brings its own.
    Rhel,
    /// SUSE Linux Enterprise Server: a fee that no list of the catalog has.
    Suse,
    /// Windows Server.
    Windows,
}

impl OperatingSystem {
    /// Name of what AWS takes a fee for; `None` for Linux without one.
    pub const fn licence(self) -> Option<&'static str> {
        match self {
            Self::Linux => None,
            Self::Rhel => Some("RHEL"),
            Self::Suse => Some("SUSE"),
            Self::Windows => Some("Windows"),
        }
    }

    /// Returns true for a subscription of Linux, which an account may also bring along.
    pub const fn is_subscription(self) -> bool {
        matches!(self, Self::Rhel | Self::Suse)
    }

    /// Reads what the kubelet calls the image of its node, such as `Red Hat Enterprise Linux 9.4 (Plow)`.
    ///
    /// Red Hat Enterprise Linux CoreOS belongs to OpenShift, which has a price of its own: it counts as Linux.
    pub fn of_image(os_image: &str) -> Self {
        let name = os_image.trim().to_ascii_lowercase();
        match name.as_str() {
            name if name.starts_with("windows") || name.starts_with("microsoft") => Self::Windows,
            name if name.starts_with("red hat enterprise linux coreos") => Self::Linux,
            name if name.starts_with("red hat enterprise linux") => Self::Rhel,
            name if name.starts_with("suse linux enterprise") => Self::Suse,
            _ => Self::Linux,
        }
    }
}

/// Everything that determines the price of a machine. Simulated machines have no `node_group` and no `node`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineKind {
    /// EC2 instance type.
    pub instance_type: String,
    /// Region, or the Local Zone or Wavelength Zone, as price lists name it.
    pub region: String,
    /// Capacity type.
    pub capacity_type: CapacityType,
    /// Operating system.
    pub os: OperatingSystem,
    /// Node group, where the user prices that.
    pub node_group: Option<String>,
    /// Name of the node, where the user prices that.
    pub node: Option<String>,
}

impl MachineKind {
    /// Any machine of a type.
    pub fn new(instance_type: &str, capacity_type: CapacityType, region: &str) -> Self {
        Self {
            instance_type: instance_type.to_owned(),
            region: region.to_owned(),
            capacity_type,
            os: OperatingSystem::Linux,
            node_group: None,
            node: None,
        }
    }

    /// Its family, such as `m5`.
    pub fn family(&self) -> &str {
        self.instance_type.split('.').next().unwrap_or(&self.instance_type)
    }
}
