//! From sums to what is written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use types::analysis::{
    BillCompared, BillExport, BillHours, BillLine, BilledElsewhere, BilledMachine, BilledPurchase, BilledUnit,
    ExactLines, INVOICE_SCHEMA, Invoice, NegotiatedDiscount, Note, OnlyBilled, OnlySeen,
};
use types::number::{count, float, ratio};
use types::window::HOUR_SECONDS;
use types::{CapacityType, HOURS_PER_MONTH, NanoUsd};

use crate::amount::Pico;
use crate::charge::Purchase;
use crate::charges_by_owner::{Key, Matcher, Owner, Sums};
use crate::cluster_tags;
use crate::commitments::commitments;
use crate::line_categories::Line;

/// Rows written at most of what is in one of both alone.
const MOST_ROWS: usize = 200;
/// The difference between instance types up to which a discount is taken for one on everything.
const UNIFORM: f64 = 0.005;
/// The deviation from which the estimate is called off.
const OFF: f64 = 0.05;

/// Estimate of the same hours by this program.
#[derive(Debug, Default)]
pub struct Estimate {
    /// Today's bill, by line.
    pub lines: ExactLines,
    /// Parts of those lines that a bill has on other lines: by that line.
    pub apart: BTreeMap<Line, NanoUsd>,
}

/// Terms under which an invoice is concluded.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The cluster, as it is named in the lake.
    pub cluster_id: String,
    /// Currency of its region.
    pub currency: String,
    /// Name in AWS, where somebody said it.
    pub eks_cluster: Option<String>,
}

/// Concludes what a bill from `export`, in so many files, says beside an estimate of the hours in both.
pub fn conclude(export: &str, files: usize, mut matcher: Matcher, estimate: &Estimate, terms: &Terms) -> Invoice {
    matcher.settle();
    let names = cluster_names(&matcher, terms);
    let of_cluster = |name: &str| names.iter().any(|own| cluster_tags::same(own, name));
    let mine: Vec<(&Key, Line, Sums)> = matcher
        .sums
        .iter()
        .filter(|(key, _)| match &key.owner {
            Owner::Seen | Owner::OtherHours => true,
            Owner::Cluster(name) => of_cluster(name),
            Owner::Nobody => false,
        })
        .map(|(key, sums)| (key, line_of(key), *sums))
        .collect();
    let only_billed = only_billed(&matcher, &of_cluster);
    let only_seen = only_seen(&matcher);
    let elsewhere = elsewhere(&matcher, &of_cluster);
    let lines = lines(&matcher, estimate, &mine, &elsewhere);
    let compared = compared(&lines);
    let machines = machines(&matcher, &mine);
    let hours: Vec<i64> = matcher.both_hours().collect();
    let moment = |seconds: i64| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
    let (start, end) = matcher.span.unwrap_or_default();
    let formats: Vec<&str> = matcher.formats.iter().map(|format| format.name()).collect();
    let mut invoice = Invoice {
        schema: INVOICE_SCHEMA.to_owned(),
        cluster_id: terms.cluster_id.clone(),
        currency: terms.currency.clone(),
        export: BillExport {
            location: export.to_owned(),
            format: formats.join(" and ").trim_start_matches("a ").to_owned(),
            files: count(files),
            lines: matcher.lines,
            start: moment(start),
            end: moment(end),
            hours_per_line: u32::try_from(matcher.longest.saturating_add(HOUR_SECONDS - 1) / HOUR_SECONDS)
                .unwrap_or(u32::MAX),
            cluster_names: names.iter().cloned().collect(),
        },
        hours: BillHours {
            in_lake: count(matcher.seen.hours().len()),
            in_both: count(hours.len()),
            start: moment(hours.first().copied().unwrap_or_default()),
            end: moment(hours.last().map_or(0, |hour| hour.saturating_add(HOUR_SECONDS))),
        },
        compared,
        lines,
        units: units(&mine),
        discount: discount(&mine),
        commitments: commitments(&matcher.commitments, |start, end, amount| matcher.share(start, end, amount)),
        machines,
        only_billed,
        only_seen,
        elsewhere,
        notes: Vec::new(),
    };
    invoice.notes = notes(&invoice, &matcher);
    invoice
}

/// Finds the name of the cluster in AWS: as somebody said, else as the tags of its instances say, else as the lake does where the
/// bill knows that name.
fn cluster_names(matcher: &Matcher, terms: &Terms) -> BTreeSet<String> {
    if let Some(name) = &terms.eks_cluster {
        return BTreeSet::from([name.clone()]);
    }
    let most = matcher.tagged.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
    if let Some((name, _)) = most {
        return BTreeSet::from([name.clone()]);
    }
    let named = matcher.sums.keys().filter_map(|key| match &key.owner {
        Owner::Cluster(name) if cluster_tags::same(name, &terms.cluster_id) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

/// The line of a sum of this cluster's, of whose volumes the lake did not see those that are under its nodes.
fn line_of(key: &Key) -> Line {
    match (key.line, &key.owner) {
        (Line::Ebs, Owner::Cluster(_)) => Line::RootDisks,
        (line, _) => line,
    }
}

fn list_of(sums: &Sums) -> Option<f64> {
    (sums.listless == 0).then(|| sums.list.float())
}

fn lines(
    matcher: &Matcher,
    estimate: &Estimate,
    mine: &[(&Key, Line, Sums)],
    elsewhere: &[BilledElsewhere],
) -> Vec<BillLine> {
    let leftovers = leftovers(matcher, mine);
    let mut billed: BTreeMap<Line, Sums> = BTreeMap::new();
    for (_, line, sums) in mine {
        billed.entry(*line).or_default().add(*sums);
    }
    // Volumes of claims that the lake did not see came with those that belong to no claim.
    if leftovers.billed != Pico::ZERO {
        if let Some(disks) = billed.get_mut(&Line::RootDisks) {
            disks.add(leftovers.mapped(|amount| -amount));
        }
        billed.entry(Line::Volumes).or_default().add(leftovers);
    }
    let row = |line: Line| {
        let estimated = estimated(line, estimate).map(NanoUsd::usd);
        let of_line = billed.get(&line);
        let others = elsewhere.iter().filter(|row| row.line == line.as_str());
        BillLine {
            line: line.as_str().to_owned(),
            estimated_usd: estimated.filter(|usd| *usd != 0.0 || of_line.is_some()),
            list_usd: of_line.and_then(list_of),
            billed_usd: of_line.map(|sums| sums.billed.float()),
            elsewhere_usd: others.map(|row| row.billed_usd).sum(),
        }
    };
    let rows = Line::ALL.into_iter().map(row);
    rows.filter(|row| row.estimated_usd.is_some() || row.billed_usd.is_some() || row.elsewhere_usd != 0.0).collect()
}

/// Volumes that were made for claims of this cluster and that the lake did not see.
fn leftovers(matcher: &Matcher, mine: &[(&Key, Line, Sums)]) -> Sums {
    let owners: BTreeSet<&Owner> = mine.iter().map(|(key, ..)| &key.owner).collect();
    let mut sums = Sums::default();
    let volumes =
        matcher.resources.iter().filter(|(one, _)| one.claim && one.line == Line::Ebs && owners.contains(&one.owner));
    volumes.for_each(|(_, of)| sums.add(*of));
    sums
}

/// Estimates a line; `None` where this program does not know it.
fn estimated(line: Line, estimate: &Estimate) -> Option<NanoUsd> {
    let part = |line: Line| estimate.apart.get(&line).copied();
    match line {
        Line::Compute => estimate.lines.compute,
        Line::Fargate => estimate.lines.fargate,
        Line::RootDisks => estimate.lines.root_disks,
        Line::Volumes => estimate.lines.volumes.map(|all| {
            let others = [Line::Snapshots, Line::Other].into_iter().filter_map(part);
            all - others.sum::<NanoUsd>()
        }),
        Line::AutoMode => estimate.lines.auto_mode,
        Line::CpuCredits => estimate.lines.cpu_credits,
        Line::ControlPlane => estimate.lines.control_plane,
        Line::UnusedCommitments => estimate.lines.unused_commitments,
        Line::Snapshots | Line::NatGateways | Line::InterfaceEndpoints => part(line),
        Line::PublicIpv4 => estimate.lines.public_ipv4,
        Line::LoadBalancers => estimate.lines.load_balancers,
        Line::Ebs | Line::DataTransfer | Line::Support | Line::Tax | Line::Credits | Line::Other => None,
    }
}

fn compared(lines: &[BillLine]) -> Option<BillCompared> {
    let both: Vec<(&str, f64, f64)> =
        lines.iter().filter_map(|row| Some((row.line.as_str(), row.estimated_usd?, row.billed_usd?))).collect();
    let estimated_usd: f64 = both.iter().map(|(_, estimated, _)| estimated).sum();
    let billed_usd: f64 = both.iter().map(|(.., billed)| billed).sum();
    (!both.is_empty()).then(|| BillCompared {
        estimated_usd,
        billed_usd,
        deviation: ratio(estimated_usd, billed_usd).filter(|_| billed_usd > 0.0).map(|times| times - 1.0),
        lines: both.iter().map(|(line, ..)| (*line).to_owned()).collect(),
    })
}

fn machines(matcher: &Matcher, mine: &[(&Key, Line, Sums)]) -> Vec<BilledMachine> {
    type Of<'a> = BTreeMap<(&'a str, CapacityType), (i64, NanoUsd, i64, BTreeMap<Purchase, Sums>)>;
    let mut rows: Of<'_> = BTreeMap::new();
    for node in matcher.seen.nodes.values().filter(|node| !node.about.instance_type.is_empty()) {
        let (seconds, _) = node.track.seconds(matcher.both());
        if seconds > 0 {
            let row = rows.entry((node.about.instance_type.as_str(), node.about.capacity_type)).or_default();
            row.0 = row.0.saturating_add(seconds);
            if let Some(price) = node.about.price {
                row.1 += price.for_seconds(seconds).cost();
                row.2 = row.2.saturating_add(seconds);
            }
        }
    }
    for (key, line, sums) in mine {
        if *line == Line::Compute {
            let row = rows.entry((key.what.as_str(), key.purchase.capacity_type())).or_default();
            row.3.entry(key.purchase).or_default().add(*sums);
        }
    }
    let mut machines: Vec<BilledMachine> = rows
        .into_iter()
        .map(|((instance_type, capacity_type), (seen, estimated, priced, purchases))| {
            let mut all = Sums::default();
            purchases.values().for_each(|sums| all.add(*sums));
            BilledMachine {
                instance_type: instance_type.to_owned(),
                capacity_type: capacity_type.to_string(),
                seen_hours: hours(seen),
                billed_hours: all.quantity.float(),
                estimated_usd_per_hour: ratio(estimated.usd(), hours(priced)),
                list_usd_per_hour: list_per_unit(&all),
                billed_usd_per_hour: all.billed.over(all.quantity),
                billed_usd: all.billed.float(),
                purchases: purchases.iter().map(|(purchase, sums)| of_purchase(*purchase, sums)).collect(),
            }
        })
        .collect();
    machines.sort_by(|a, b| {
        b.billed_usd
            .total_cmp(&a.billed_usd)
            .then_with(|| (&a.instance_type, &a.capacity_type).cmp(&(&b.instance_type, &b.capacity_type)))
    });
    machines
}

fn of_purchase(purchase: Purchase, sums: &Sums) -> BilledPurchase {
    BilledPurchase {
        purchase: purchase.as_str().to_owned(),
        hours: sums.quantity.float(),
        list_usd_per_hour: list_per_unit(sums),
        billed_usd_per_hour: sums.billed.over(sums.quantity),
        billed_usd: sums.billed.float(),
    }
}

fn list_per_unit(sums: &Sums) -> Option<f64> {
    sums.list.over(sums.quantity).filter(|_| sums.listless == 0)
}

fn units(mine: &[(&Key, Line, Sums)]) -> Vec<BilledUnit> {
    let mut rows: BTreeMap<(Line, &str), Sums> = BTreeMap::new();
    for (key, line, sums) in mine.iter().filter(|(_, line, _)| *line != Line::Compute) {
        rows.entry((*line, key.what.as_str())).or_default().add(*sums);
    }
    let unit = |((line, what), sums): ((Line, &str), Sums)| BilledUnit {
        line: line.as_str().to_owned(),
        what: what.to_owned(),
        quantity: sums.quantity.float(),
        list_usd_per_unit: list_per_unit(&sums),
        billed_usd_per_unit: sums.billed.over(sums.quantity),
        billed_usd: sums.billed.float(),
    };
    rows.into_iter().map(unit).collect()
}

/// Finds the discount off list prices that nothing but a negotiation explains: on demand, without commitments.
fn discount(mine: &[(&Key, Line, Sums)]) -> Option<NegotiatedDiscount> {
    let on_demand = mine.iter().filter(|(key, line, _)| *line == Line::Compute && key.purchase == Purchase::OnDemand);
    let mut by_type: BTreeMap<&str, Sums> = BTreeMap::new();
    on_demand.for_each(|(key, _, sums)| by_type.entry(&key.what).or_default().add(*sums));
    by_type.retain(|_, sums| sums.listless == 0 && sums.list != Pico::ZERO);
    let mut all = Sums::default();
    by_type.values().for_each(|sums| all.add(*sums));
    if by_type.is_empty() {
        return None;
    }
    let shares = by_type.values().filter_map(|sums| sums.billed.over(sums.list)).map(|paid| 1.0 - paid);
    let (least, most) = shares.fold((f64::MAX, f64::MIN), |(least, most), share| (least.min(share), most.max(share)));
    Some(NegotiatedDiscount {
        list_usd: all.list.float(),
        billed_usd: all.billed.float(),
        fraction: all.billed.over(all.list).map(|paid| 1.0 - paid),
        uniform: most - least <= UNIFORM,
        edp_usd: (-all.edp).float(),
    })
}

fn only_billed(matcher: &Matcher, of_cluster: &dyn Fn(&str) -> bool) -> Vec<OnlyBilled> {
    let rows = matcher.resources.iter().filter_map(|(one, sums)| {
        let (reason, mine) = match &one.owner {
            Owner::OtherHours => ("other_hours", true),
            Owner::Cluster(name) => ("not_seen", of_cluster(name) && (one.line == Line::Compute || one.claim)),
            Owner::Seen | Owner::Nobody => ("", false),
        };
        mine.then(|| OnlyBilled {
            line: if one.line == Line::Ebs { Line::Volumes } else { one.line }.as_str().to_owned(),
            resource: one.id.clone(),
            what: one.what.clone(),
            reason: reason.to_owned(),
            quantity: sums.quantity.float(),
            billed_usd: sums.billed.float(),
        })
    });
    let mut rows: Vec<OnlyBilled> = rows.collect();
    rows.sort_by(|a, b| {
        b.billed_usd.total_cmp(&a.billed_usd).then_with(|| (&a.resource, &a.what).cmp(&(&b.resource, &b.what)))
    });
    if rows.len() > MOST_ROWS {
        let rest = rows.split_off(MOST_ROWS);
        rows.push(OnlyBilled {
            line: String::new(),
            resource: String::new(),
            what: format!("{} more", rest.len()),
            reason: String::new(),
            quantity: rest.iter().map(|row| row.quantity).sum(),
            billed_usd: rest.iter().map(|row| row.billed_usd).sum(),
        });
    }
    rows
}

fn only_seen(matcher: &Matcher) -> Vec<OnlySeen> {
    let nodes = matcher.seen.nodes.iter().filter_map(|(id, node)| {
        let (_, missing) = node.track.seconds(matcher.both());
        (missing > 0).then(|| OnlySeen {
            line: "compute".to_owned(),
            resource: id.clone(),
            name: node.about.name.clone(),
            what: node.about.instance_type.clone(),
            hours: hours(missing),
            estimated_usd: node.about.price.map(|price| price.for_seconds(missing).cost().usd()),
        })
    });
    let volumes = matcher.seen.volumes.iter().filter_map(|(id, volume)| {
        let (_, missing) = volume.track.seconds(matcher.both());
        let cost = || {
            let gib_hours = float(volume.about.bytes?.into()) / 1_073_741_824.0 * hours(missing);
            Some(volume.about.price?.usd() * gib_hours / HOURS_PER_MONTH)
        };
        (missing > 0).then(|| OnlySeen {
            line: "volumes".to_owned(),
            resource: id.clone(),
            name: volume.about.claim.clone(),
            what: volume.about.volume_type.clone(),
            hours: hours(missing),
            estimated_usd: cost(),
        })
    });
    let mut rows: Vec<OnlySeen> = nodes.chain(volumes).collect();
    let size = |row: &OnlySeen| row.estimated_usd.unwrap_or_default();
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.resource.cmp(&b.resource)));
    if rows.len() > MOST_ROWS {
        let rest = rows.split_off(MOST_ROWS);
        rows.push(OnlySeen {
            line: String::new(),
            resource: String::new(),
            name: format!("{} more", rest.len()),
            what: String::new(),
            hours: rest.iter().map(|row| row.hours).sum(),
            estimated_usd: Some(rest.iter().filter_map(|row| row.estimated_usd).sum()),
        });
    }
    rows
}

fn elsewhere(matcher: &Matcher, of_cluster: &dyn Fn(&str) -> bool) -> Vec<BilledElsewhere> {
    let mut sums: BTreeMap<(Option<&str>, Line, &str), Pico> = BTreeMap::new();
    for (key, of) in &matcher.sums {
        let cluster = match &key.owner {
            Owner::Cluster(name) if !of_cluster(name) => Some(name.as_str()),
            Owner::Nobody => None,
            _ => continue,
        };
        *sums.entry((cluster, key.line, key.service.as_str())).or_default() += of.billed;
    }
    let row = |((cluster, line, service), billed): ((Option<&str>, Line, &str), Pico)| BilledElsewhere {
        cluster: cluster.map(ToOwned::to_owned),
        line: line.as_str().to_owned(),
        service: service.to_owned(),
        billed_usd: billed.float(),
    };
    let mut rows: Vec<BilledElsewhere> =
        sums.into_iter().filter(|(_, billed)| *billed != Pico::ZERO).map(row).collect();
    rows.sort_by(|a, b| b.billed_usd.total_cmp(&a.billed_usd));
    rows
}

fn notes(invoice: &Invoice, matcher: &Matcher) -> Vec<Note> {
    let mut notes = Vec::new();
    let hours = &invoice.hours;
    if let Some(deviation) = invoice.compared.as_ref().and_then(|compared| compared.deviation)
        && deviation.abs() > OFF
    {
        let side = if deviation > 0.0 { "above" } else { "below" };
        notes.push(Note::warning(format!(
            "The estimate is {:.0} % {side} the bill. Write the billed prices with --write-prices FILE and analyze again with --prices FILE.",
            deviation.abs() * 100.0
        )));
    }
    if invoice.export.cluster_names.is_empty() {
        notes.push(Note::warning("No line of the bill names this cluster, so its root disks, Fargate pods, control plane and load balancers cannot be told from those of others. Activate the cost allocation tag `aws:eks:cluster-name`, or give the cluster's name in AWS with --eks-cluster."));
    }
    if invoice.lines.iter().any(|row| row.line == "compute" && row.billed_usd.is_none()) {
        notes.push(Note::warning("No instance of the cluster is in the bill: it may be of another account, or a management account's export is needed."));
    }
    if hours.in_both < hours.in_lake {
        notes.push(Note::info(format!(
            "The export covers {} of the {} hours that were analyzed; only these are compared.",
            hours.in_both, hours.in_lake
        )));
    }
    if let Some(by) = by_more_than_an_hour(invoice.export.hours_per_line) {
        notes.push(Note::info(format!(
            "The export is by the {by}: instances and volumes are matched by id and {by}, instances charged for the hours in which \
             the lake saw them, and everything else given to hours in proportion. What was billed for one hour and not for another \
             cannot be told; an hourly export is exact."
        )));
    }
    if matcher.sums.values().any(|sums| sums.listless > 0) {
        notes.push(Note::info(
            "Some lines of the bill have no list price, so what they list at and discounts are not known for all.",
        ));
    }
    notes.sort_by_key(|note| note.gravity);
    notes
}

/// Span of the lines of an export, where that is more than an hour.
fn by_more_than_an_hour(hours_per_line: u32) -> Option<&'static str> {
    match hours_per_line {
        0 | 1 => None,
        2..=25 => Some("day"),
        _ => Some("month"),
    }
}

fn hours(seconds: i64) -> f64 {
    float(seconds.into()) / 3600.0
}
