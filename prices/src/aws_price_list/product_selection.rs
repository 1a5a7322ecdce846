//! Selection of AWS's products that a cluster's bill needs, and their names; shared by CSV and JSON.

use types::CommitmentKind;

/// Attributes of a product that decide whether it is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Product<'a> {
    pub(super) family: &'a str,
    pub(super) instance_type: &'a str,
    pub(super) tenancy: &'a str,
    pub(super) operating_system: &'a str,
    pub(super) capacity_status: &'a str,
    pub(super) installed: &'a str,
    pub(super) licence_model: &'a str,
    pub(super) operation: &'a str,
    pub(super) usage_type: &'a str,
    pub(super) region: &'a str,
}

/// A product that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) kind: &'static str,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) unit: &'static str,
    /// Number of our units that the list's price is for.
    pub(super) per: f64,
}

/// Operating systems of machines: as AWS lists them, the operation that stands for one whose licence AWS bills and that
/// has nothing installed, and the kind of row it becomes.
const SYSTEMS: [(&str, &str, &str); 4] = [
    ("Linux", "RunInstances", "ec2"),
    ("RHEL", "RunInstances:0010", "ec2-rhel"),
    ("SUSE", "RunInstances:000g", "ec2-suse"),
    ("Windows", "RunInstances:0002", "ec2-windows"),
];

/// Items by the suffix of their usage type; the prefix is the region.
const ITEMS: [(&str, &str, &str, f64); 18] = [
    ("EBS:VolumeUsage.gp2", "ebs.gp2", "GiB-month", 1.0),
    ("EBS:VolumeUsage.gp3", "ebs.gp3", "GiB-month", 1.0),
    ("EBS:VolumeUsage.piops", "ebs.io1", "GiB-month", 1.0),
    ("EBS:VolumeUsage.io2", "ebs.io2", "GiB-month", 1.0),
    ("EBS:VolumeUsage.st1", "ebs.st1", "GiB-month", 1.0),
    ("EBS:VolumeUsage.sc1", "ebs.sc1", "GiB-month", 1.0),
    ("EBS:VolumeP-IOPS.gp3", "ebs.gp3.iops_above_3000", "IOPS-month", 1.0),
    // Listed for a GiB/s.
    ("EBS:VolumeP-Throughput.gp3", "ebs.gp3.mib_per_second_above_125", "MiB/s-month", 1024.0),
    ("EBS:VolumeP-IOPS.piops", "ebs.io1.iops", "IOPS-month", 1.0),
    ("EBS:VolumeP-IOPS.io2", "ebs.io2.iops_to_32000", "IOPS-month", 1.0),
    ("EBS:VolumeP-IOPS.io2.tier2", "ebs.io2.iops_32000_to_64000", "IOPS-month", 1.0),
    ("EBS:VolumeP-IOPS.io2.tier3", "ebs.io2.iops_above_64000", "IOPS-month", 1.0),
    ("NatGateway-Hours", "vpc.nat_gateway", "hour", 1.0),
    ("PublicIPv4:InUseAddress", "vpc.public_ipv4", "address-hour", 1.0),
    ("Fargate-vCPU-Hours:perCPU", "fargate.vcpu", "vCPU-hour", 1.0),
    ("Fargate-GB-Hours", "fargate.memory", "GiB-hour", 1.0),
    ("Fargate-EphemeralStorage-GB-Hours", "fargate.storage_above_20_gib", "GiB-hour", 1.0),
    ("AmazonEKS-Hours:perCluster", "eks.control_plane", "cluster-hour", 1.0),
];

/// Items by the family of load balancers, whose usage type is the same.
const LOAD_BALANCERS: [(&str, &str); 3] =
    [("Load Balancer-Application", "elb.alb"), ("Load Balancer-Network", "elb.nlb"), ("Load Balancer", "elb.clb")];

/// Regions by the prefix of usage types.
const REGIONS: [(&str, &str); 36] = [
    ("", "us-east-1"),
    ("USE1", "us-east-1"),
    ("USE2", "us-east-2"),
    ("USW1", "us-west-1"),
    ("USW2", "us-west-2"),
    ("EU", "eu-west-1"),
    ("EUW1", "eu-west-1"),
    ("EUW2", "eu-west-2"),
    ("EUW3", "eu-west-3"),
    ("EUC1", "eu-central-1"),
    ("EUC2", "eu-central-2"),
    ("EUN1", "eu-north-1"),
    ("EUS1", "eu-south-1"),
    ("EUS2", "eu-south-2"),
    ("APN1", "ap-northeast-1"),
    ("APN2", "ap-northeast-2"),
    ("APN3", "ap-northeast-3"),
    ("APS1", "ap-southeast-1"),
    ("APS2", "ap-southeast-2"),
    ("APS3", "ap-south-1"),
    ("APS4", "ap-southeast-3"),
    ("APS5", "ap-south-2"),
    ("APS6", "ap-southeast-4"),
    ("APE1", "ap-east-1"),
    ("CAN1", "ca-central-1"),
    ("CAN2", "ca-west-1"),
    ("SAE1", "sa-east-1"),
    ("MES1", "me-south-1"),
    ("MEC1", "me-central-1"),
    ("AFS1", "af-south-1"),
    ("ILC1", "il-central-1"),
    ("UGW1", "us-gov-west-1"),
    ("UGE1", "us-gov-east-1"),
    ("MXC1", "mx-central-1"),
    ("CNN1", "cn-north-1"),
    ("CNW1", "cn-northwest-1"),
];

/// The region of a usage type such as `EUC1-EBS:VolumeUsage.gp3`, and what comes after it. A place that is not known,
/// such as `LAX1` of a Local Zone, is no region at all.
pub(super) fn region_and_rest(usage_type: &str) -> (Option<&'static str>, &str) {
    let named = |prefix: &str| REGIONS.iter().find(|(known, _)| *known == prefix).map(|(_, region)| *region);
    let is_place = |prefix: &str| {
        prefix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && prefix.bytes().any(|b| b.is_ascii_digit())
            || prefix == "EU"
    };
    match usage_type.split_once('-') {
        Some((prefix, rest)) if !prefix.is_empty() && is_place(prefix) => (named(prefix), rest),
        // `NatGateway-Hours` of us-east-1 has a dash and no prefix.
        _ => (named(""), usage_type),
    }
}

impl Product<'_> {
    /// Selects a product; `None` for one that a cluster's bill does not need.
    pub(super) fn kept(&self) -> Option<Kept> {
        let (by_usage, rest) = region_and_rest(self.usage_type);
        let region = if self.region.is_empty() { by_usage? } else { self.region }.to_owned();
        if self.family.starts_with("Compute Instance") {
            let runs = |(system, operation, _): &&(&str, &str, &str)| {
                *system == self.operating_system && ["", *operation].contains(&self.operation)
            };
            let (.., kind) = SYSTEMS.iter().find(runs)?;
            let wanted = self.tenancy == "Shared"
                && self.capacity_status == "Used"
                && ["NA", ""].contains(&self.installed)
                && !self.licence_model.starts_with("Bring");
            let name = self.instance_type.to_owned();
            return (wanted && !name.is_empty()).then_some(Kept { kind, region, name, unit: "hour", per: 1.0 });
        }
        if rest == "LoadBalancerUsage" {
            let (_, item) = LOAD_BALANCERS.iter().find(|(family, _)| *family == self.family)?;
            return Some(Kept { kind: "item", region, name: (*item).to_owned(), unit: "hour", per: 1.0 });
        }
        let (_, item, unit, per) = ITEMS.iter().find(|(end, ..)| *end == rest)?;
        // Windows on Fargate has the same usage types with another operating system.
        let linux = ["Linux", "NA", ""].contains(&self.operating_system);
        linux.then(|| Kept { kind: "item", region, name: (*item).to_owned(), unit, per: *per })
    }
}

/// The machine that a savings plan's rate is for: `EUW1-BoxUsage:m5.large` run as Linux.
pub(super) fn box_usage<'u>(usage_type: &'u str, operation: &str) -> Option<(Option<&'static str>, &'u str)> {
    let (region, rest) = region_and_rest(usage_type);
    let (used, name) = rest.split_once(':')?;
    (used == "BoxUsage" && ["RunInstances", ""].contains(&operation)).then_some((region, name))
}

/// The key of a plan's rates, as `prices.toml` names kind, term and payment.
pub(super) fn plan(family: &str, term: &str, payment: &str) -> Option<String> {
    let kind = match family {
        "ComputeSavingsPlans" | "ComputeSavingsPlan" => CommitmentKind::ComputeSavingsPlan,
        "EC2InstanceSavingsPlans" | "EC2InstanceSavingsPlan" => CommitmentKind::Ec2InstanceSavingsPlan,
        _ => return None,
    };
    Some(format!("{}/{term}/{payment}", kind.as_str()))
}

/// Returns true when a price in this currency belongs to the region: AWS lists China in CNY and all others in USD.
pub(super) fn is_currency_of(currency: &str, region: &str) -> bool {
    currency == catalog::currency_of(region) || currency.is_empty()
}

/// Returns true when a price holds by the day its list was published; a list may name the next one too.
pub(super) fn in_force(effective: &str, published: &str) -> bool {
    let day = |text: &str| text.get(..10).map(ToOwned::to_owned);
    day(effective).zip(day(published)).is_none_or(|(effective, published)| effective <= published)
}

/// A price for one of our units, as text; `None` for zero and for what is no number.
pub(super) fn usd(text: &str, per: f64) -> Option<String> {
    let price: f64 = text.parse().ok()?;
    if !price.is_finite() || price <= 0.0 {
        return None;
    }
    if per == 1.0 {
        return Some(text.to_owned());
    }
    Some(format!("{:.10}", price / per))
}

/// Name of a list in reports.
pub(super) fn source(offer: &str) -> String {
    format!("AWS price list {offer}").trim_end().to_owned()
}
