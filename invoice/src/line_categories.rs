//! The lines of a bill by what they are for, in the terms of the analysis.

use crate::charge::{Charge, Kind};

/// Purpose of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Instances.
    Compute,
    /// EBS volumes; which of them pods mount, the lake knows.
    Ebs,
    /// Persistent volumes that the lake saw.
    Volumes,
    /// Volumes of EBS that belong to the cluster and to no claim.
    RootDisks,
    /// Pods on Fargate.
    Fargate,
    /// The fee of EKS Auto Mode.
    AutoMode,
    /// Surplus CPU credits.
    CpuCredits,
    /// The control plane, extended support and hybrid nodes with it.
    ControlPlane,
    /// NAT gateways, by the hour and by the byte.
    NatGateways,
    /// Load balancers.
    LoadBalancers,
    /// Public IPv4 addresses.
    PublicIpv4,
    /// Interface endpoints.
    InterfaceEndpoints,
    /// Traffic between zones, regions and to the internet.
    DataTransfer,
    /// Snapshots of EBS.
    Snapshots,
    /// Commitments that nothing used.
    UnusedCommitments,
    /// Support plans.
    Support,
    /// Taxes.
    Tax,
    /// Credits and refunds.
    Credits,
    /// Everything else.
    Other,
}

impl Line {
    /// Every line, in the order of a report.
    pub(crate) const ALL: [Self; 19] = [
        Self::Compute,
        Self::Fargate,
        Self::RootDisks,
        Self::Volumes,
        Self::Ebs,
        Self::AutoMode,
        Self::CpuCredits,
        Self::ControlPlane,
        Self::NatGateways,
        Self::LoadBalancers,
        Self::PublicIpv4,
        Self::InterfaceEndpoints,
        Self::DataTransfer,
        Self::Snapshots,
        Self::UnusedCommitments,
        Self::Support,
        Self::Tax,
        Self::Credits,
        Self::Other,
    ];

    /// Its name in files; that of the cost line of an analysis where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Ebs => "ebs",
            Self::Volumes => "volumes",
            Self::RootDisks => "root_disks",
            Self::Fargate => "fargate",
            Self::AutoMode => "auto_mode",
            Self::CpuCredits => "cpu_credits",
            Self::ControlPlane => "control_plane",
            Self::NatGateways => "nat_gateways",
            Self::LoadBalancers => "load_balancers",
            Self::PublicIpv4 => "public_ipv4",
            Self::InterfaceEndpoints => "interface_endpoints",
            Self::DataTransfer => "data_transfer",
            Self::Snapshots => "snapshots",
            Self::UnusedCommitments => "unused_commitments",
            Self::Support => "support",
            Self::Tax => "tax",
            Self::Credits => "credits",
            Self::Other => "other",
        }
    }
}

/// The line of a charge, and what of that line it is: an instance type, or such as `gp3 storage`.
pub(crate) fn classify<'c>(charge: &'c Charge<'_>) -> (Line, &'c str) {
    match charge.kind {
        Kind::Tax => return (Line::Tax, ""),
        Kind::Credit => return (Line::Credits, ""),
        Kind::Commitment => return (Line::UnusedCommitments, ""),
        Kind::Usage | Kind::Edp | Kind::Discount | Kind::Fee => {}
    }
    let (service, usage) = (charge.service.as_ref(), charge.usage_type.as_ref());
    let after = |mark: &str| usage.split_once(mark).map(|(_, rest)| rest);
    if service.contains("Support") {
        return (Line::Support, service);
    }
    if service == "AmazonEKS" || service.contains("Kubernetes Service") {
        return of_eks(usage);
    }
    if let Some(instance_type) = INSTANCES.iter().find_map(|mark| after(mark)) {
        return (Line::Compute, instance_type);
    }
    if let Some(kind) = after("CPUCredits:") {
        return (Line::CpuCredits, kind);
    }
    if let Some(of_ebs) = after("EBS:") {
        return of_ebs_usage(of_ebs);
    }
    let by_mark = [
        ("NatGateway", Line::NatGateways),
        ("LoadBalancerUsage", Line::LoadBalancers),
        ("LCUUsage", Line::LoadBalancers),
        ("PublicIPv4", Line::PublicIpv4),
        ("VpcEndpoint", Line::InterfaceEndpoints),
        ("DataTransfer", Line::DataTransfer),
        ("AWS-In-Bytes", Line::DataTransfer),
        ("AWS-Out-Bytes", Line::DataTransfer),
    ];
    match by_mark.into_iter().find(|(mark, _)| usage.contains(mark)) {
        Some((mark, line)) => (line, usage.find(mark).and_then(|at| usage.get(at..)).unwrap_or(usage)),
        None if service == "AWSELB" => (Line::LoadBalancers, usage),
        None => (Line::Other, service),
    }
}

/// Usage types of instances, before the colon and the type.
const INSTANCES: [&str; 5] = ["BoxUsage:", "SpotUsage:", "HeavyUsage:", "DedicatedUsage:", "SchedUsage:"];

fn of_eks(usage: &str) -> (Line, &str) {
    let from = |mark: &str| usage.find(mark).and_then(|at| usage.get(at..)).unwrap_or(usage);
    if usage.contains("Fargate") {
        return (Line::Fargate, from("Fargate"));
    }
    if let Some(at) = usage.find("EKS-Auto") {
        let kind = usage.get(at..).unwrap_or(usage);
        return (Line::AutoMode, kind.split_once(':').map_or(kind, |(_, kind)| kind));
    }
    match ["AmazonEKS-Hours", "AmazonEKS-Hybrid", "Hybrid"].into_iter().find(|mark| usage.contains(mark)) {
        Some(mark) => (Line::ControlPlane, from(mark)),
        // Rows of split cost allocation: pods' parts of instances that are billed in rows of their own.
        None if usage.contains("EKS-EC2") => (Line::Other, "split cost allocation"),
        None => (Line::ControlPlane, usage),
    }
}

fn of_ebs_usage(usage: &str) -> (Line, &str) {
    if usage.starts_with("Snapshot") {
        return (Line::Snapshots, usage);
    }
    if usage.starts_with("Volume") { (Line::Ebs, usage) } else { (Line::Other, "AmazonEC2") }
}

/// The volume type of a usage type that is by the GiB-month, such as `VolumeUsage.gp3`.
pub(crate) fn storage_type(what: &str) -> Option<&str> {
    match what.strip_prefix("VolumeUsage")? {
        "" => Some("standard"),
        rest => rest.strip_prefix('.').map(|kind| if kind == "piops" { "io1" } else { kind }),
    }
}
