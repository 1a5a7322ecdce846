//! Billed prices as a prices file, so that the next analysis charges what AWS does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use types::analysis::{BilledCommitment, BilledMachine, Invoice};
use types::{CapacityType, CommitmentKind};

use crate::line_categories::storage_type;

/// The value of `source` by which a report marks a price as measured from the invoice.
const SOURCE: &str = "invoice";
/// The greatest share off a price that a prices file accepts.
const MOST_OFF: f64 = 0.95;

/// Other items of the catalog, by what of which line of the bill measures them.
const ITEMS: [(&str, &str, &str); 6] = [
    ("nat_gateways", "NatGateway-Hours", "vpc.nat_gateway"),
    ("nat_gateways", "NatGateway-Bytes", "vpc.nat_gateway.data"),
    ("fargate", "Fargate-vCPU-Hours", "fargate.vcpu"),
    ("fargate", "Fargate-GB-Hours", "fargate.memory"),
    ("public_ipv4", "PublicIPv4:InUseAddress", "vpc.public_ipv4"),
    ("snapshots", "SnapshotUsage", "ebs.snapshot"),
];

/// Writes what the bill charges this cluster as TOML for `--prices`: prices of instance types on demand and at spot, the
/// part of commitments that it uses, what is negotiated on everything, volumes and the control plane. Rows say
/// `source = "invoice"`. `region` is the cluster's.
pub fn price_file(invoice: &Invoice, region: Option<&str>) -> String {
    let end = invoice.hours.end;
    let date = end.checked_sub_signed(chrono::TimeDelta::seconds(1)).unwrap_or(end);
    let date = date.format("%Y-%m-%d").to_string();
    let mut text = format!(
        "# Prices measured from the invoice of cluster {}: {}, {} hours from {} to {}.\n# Made by `emp-cost invoice`, for `--prices`. Commitments are the part that this cluster used, on average over these hours.\n",
        comment(&invoice.cluster_id),
        comment(&invoice.export.format),
        invoice.hours.in_both,
        invoice.hours.start.format("%Y-%m-%d %H:%M"),
        invoice.hours.end.format("%Y-%m-%d %H:%M"),
    );
    if invoice.currency != "USD" {
        let _infallible = writeln!(text, "\ncurrency = {}", quoted(&invoice.currency));
    }
    let rows = Rows { region, date: &date };
    invoice.machines.iter().for_each(|machine| rows.machine(&mut text, machine));
    rows.volumes(&mut text, invoice);
    rows.items(&mut text, invoice);
    rows.control_plane(&mut text, invoice);
    let off = invoice.discount.as_ref().filter(|discount| discount.uniform).and_then(|discount| discount.fraction);
    if let Some(off) = off.filter(|off| (0.0005..=MOST_OFF).contains(off)) {
        let _infallible = writeln!(text, "\n[discount]\nedp_fraction = {}", rounded(off));
    }
    for commitment in &invoice.commitments {
        rows.commitment(&mut text, commitment, invoice.hours.in_both);
    }
    text
}

struct Rows<'a> {
    region: Option<&'a str>,
    date: &'a str,
}

impl Rows<'_> {
    /// The region, the date and the source that end a row.
    fn end(&self, text: &mut String) {
        if let Some(region) = self.region {
            let _infallible = writeln!(text, "region = {}", quoted(region));
        }
        let _infallible = writeln!(text, "date = {}\nsource = {}", quoted(self.date), quoted(SOURCE));
    }

    fn machine(&self, text: &mut String, machine: &BilledMachine) {
        let wanted = CapacityType::of(&machine.capacity_type).unwrap_or_default().as_str();
        let bought = machine.purchases.iter().find(|of| of.purchase == wanted && of.hours > 0.0);
        let Some(price) = bought.and_then(|of| of.billed_usd_per_hour) else { return };
        let _infallible = writeln!(
            text,
            "\n[[node]]\ninstance_type = {}\ncapacity_type = {}\nusd_per_hour = {}",
            quoted(&machine.instance_type),
            quoted(wanted),
            rounded(price)
        );
        self.end(text);
    }

    fn volumes(&self, text: &mut String, invoice: &Invoice) {
        let mut by_type: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for unit in invoice.units.iter().filter(|unit| unit.line == "volumes" || unit.line == "root_disks") {
            if let Some(kind) = storage_type(&unit.what) {
                let (quantity, billed) = by_type.entry(kind).or_default();
                *quantity += unit.quantity;
                *billed += unit.billed_usd;
            }
        }
        for (kind, (quantity, billed)) in by_type.into_iter().filter(|(_, (quantity, _))| *quantity > 0.0) {
            let _infallible = writeln!(
                text,
                "\n[[volume]]\nvolume_type = {}\nusd_per_gib_month = {}",
                quoted(kind),
                rounded(billed / quantity)
            );
            self.end(text);
        }
    }

    fn items(&self, text: &mut String, invoice: &Invoice) {
        for (line, what, item) in ITEMS {
            let units = invoice.units.iter().filter(|unit| unit.line == line && unit.what.starts_with(what));
            let (quantity, billed) =
                units.fold((0.0, 0.0), |(quantity, billed), unit| (quantity + unit.quantity, billed + unit.billed_usd));
            if quantity > 0.0 && billed > 0.0 {
                let _infallible = writeln!(
                    text,
                    "\n[[item]]\nitem = {}\nusd_per_unit = {}",
                    quoted(item),
                    rounded(billed / quantity)
                );
                self.end(text);
            }
        }
    }

    fn control_plane(&self, text: &mut String, invoice: &Invoice) {
        let of = invoice.units.iter().filter(|unit| unit.line == "control_plane" && !unit.what.contains("Hybrid"));
        let billed: f64 = of.map(|unit| unit.billed_usd).sum();
        if billed > 0.0 && invoice.hours.in_both > 0 {
            let _infallible = writeln!(
                text,
                "\n[control_plane]\nusd_per_hour = {}\ndate = {}\nsource = {}",
                rounded(billed / f64::from(invoice.hours.in_both)),
                quoted(self.date),
                quoted(SOURCE)
            );
        }
    }

    fn commitment(&self, text: &mut String, commitment: &BilledCommitment, hours: u32) {
        let per_hour = if hours > 0 { commitment.by_this_cluster_usd / f64::from(hours) } else { 0.0 };
        let off = commitment.discount_fraction.filter(|off| (0.0..=MOST_OFF).contains(off));
        let Some(off) = off.filter(|_| per_hour > 0.0) else { return };
        let used = commitment.utilisation.map_or_else(String::new, |used| format!(", {:.1} % used", used * 100.0));
        let _infallible = writeln!(
            text,
            "\n# Of {} an hour for the whole account{used}.",
            rounded(commitment.committed_usd / f64::from(hours)),
        );
        // One that stays with a family needs to name it; where the bill does not, it is taken to follow any machine.
        let family = commitment.family.as_deref().zip(commitment.region.as_deref().or(self.region));
        let kind = if family.is_some() { commitment.kind } else { CommitmentKind::ComputeSavingsPlan };
        let _infallible = writeln!(
            text,
            "[[commitment]]\nname = {}\nkind = {}\nusd_per_hour = {}\ndiscount_fraction = {}",
            quoted(&commitment.id),
            quoted(kind.as_str()),
            rounded(per_hour),
            rounded(off)
        );
        if let Some((family, region)) = family.filter(|_| kind != CommitmentKind::ComputeSavingsPlan) {
            let _infallible = writeln!(text, "family = {}\nregion = {}", quoted(family), quoted(region));
        }
        let ends = commitment.ends.as_deref().and_then(|ends| ends.get(..10));
        if let Some(day) = ends.filter(|day| day.parse::<chrono::NaiveDate>().is_ok()) {
            let _infallible = writeln!(text, "expires = \"{day}\"");
        }
    }
}

/// With nine decimals at most, without those that are zero.
fn rounded(value: f64) -> String {
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _infallible = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text in a comment: on its line.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_toml() {
        assert_eq!([0.1, 0.729_600_000_4, 3.0, 0.0].map(rounded), ["0.1", "0.7296", "3.0", "0.0"]);
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
        assert_eq!(comment("a\nb = 1"), "ab = 1");
    }
}
