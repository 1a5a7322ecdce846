//! From sums and scenarios to what is written.

pub(crate) mod next_steps;
mod notes;
pub(crate) mod provenance;
pub(crate) mod rightsizing;
mod utilisation;

use std::collections::BTreeMap;

use types::analysis::{
    AgreedCommitment, AgreedPrices, Analysis, Assumption, Inventory, Movable, NamespaceUsage, NodeGroup, Note,
    Provenance, SCHEMA, Saving, SourceHours, Verdict, WindowCoverage,
};
use types::wording::money;
use types::{ClusterId, HourSource, Window};

use crate::assumptions::Assumptions;
use crate::assumptions::choices::TodayConsolidates;
use crate::bill::allocation::allocate;
use crate::bill::today::{Bill, NodeCost, hours};
use crate::monthly_scaling::Month;
use crate::number::{count, float, ratio};
use crate::prices::{Commitment, PriceBook};
use crate::scenarios::model::{self, Model};
use crate::scenarios::realised_saving::realised;
use crate::scenarios::saving;
use crate::scenarios::vendor_estimate::{Fate, Outcome, Vendor};
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::window_totals::Observed;
use crate::units::{GIB, core_hours, gib_hours};
use notes::{implausible_notes, ledger_notes, notes};
use provenance::Origins;
use rightsizing::Sizes;
use utilisation::utilisation;

/// Namespaces listed at most.
const MOST_NAMESPACES: usize = 100;

/// Everything the conclusion is drawn from.
pub(crate) struct Evidence<'a> {
    pub(crate) cluster: ClusterId,
    pub(crate) lake: String,
    pub(crate) window: Window,
    pub(crate) origins: Origins,
    pub(crate) observed: Observed,
    pub(crate) ledger: Ledger,
    pub(crate) bill: Bill,
    pub(crate) model: Option<Model<'a>>,
    pub(crate) sizes: Sizes,
    pub(crate) assumptions: &'a Assumptions,
    pub(crate) book: &'a PriceBook,
    pub(crate) shared_namespaces: &'a [String],
}

/// Draws the conclusion.
pub(crate) fn conclude(evidence: Evidence<'_>, mut vendor: Vendor<'_>) -> Analysis {
    let Evidence {
        cluster,
        lake,
        window,
        origins,
        observed,
        ledger,
        bill,
        model,
        sizes,
        assumptions,
        book,
        shared_namespaces,
    } = evidence;
    let month = Month { hours_present: observed.known_hours() };
    vendor.leave_losing_families(&bill);
    let unmatched = unmatched_prices(&observed, &bill, &vendor, book);
    let inventory = inventory(&observed, &bill, &mut vendor);
    let outcome = vendor.conclude(&bill, &observed, month);
    let today = bill.scenario(month);
    let saving = saving((&today, &bill.lines), (&outcome.scenario, &outcome.lines), month);
    let coverage = coverage(window, &origins);
    let reported =
        model.as_ref().map_or(month, |model| model.pricer.month(model.windows.reported_from..model.windows.hours));
    let replayed = model.as_ref().map(|model| model::conclude(model, &bill, month));
    let missing = coverage.hours_expected.saturating_sub(coverage.hours_present);
    let of_replays = model.as_ref().zip(replayed.as_ref()).map(|(model, replayed)| {
        model::verdict(&model::Grounds {
            end: window.end(),
            currency: observed.currency(),
            conclusion: replayed,
            today: (&today, &bill.lines),
            window: month,
            reported,
            chosen_hours: if model.windows.tuned { count(model.windows.choosing().len()) } else { 0 },
            hours_missing: ratio(
                f64::from(missing) + float_of(observed.hours.len()) - observed.known_hours(),
                f64::from(coverage.hours_expected),
            )
            .unwrap_or_default(),
            ec2_boot_seconds: assumptions.replay.ec2_boot_seconds,
        })
    });
    let mut savings: Vec<_> = saving.iter().cloned().collect();
    let verdict = match of_replays {
        Some((verdict, more)) => {
            savings.extend(more);
            verdict
        }
        None => verdict(&observed, &bill, &outcome, saving.as_ref()),
    };
    let allocation = allocate(&bill, &ledger, &observed, assumptions, shared_namespaces);
    let mut notes = notes(&coverage, &origins, &observed, &inventory, &today);
    notes.extend(implausible_notes(&ledger));
    notes.extend(ledger_notes(&ledger, &allocation, shared_namespaces, observed.currency()));
    if assumptions.terms.ec2_today_consolidates == TodayConsolidates::Seen && model.is_some() {
        notes.extend(observed.drained.note());
    }
    notes.splice(0..0, unmatched);
    notes.extend(replayed.iter().flat_map(|replayed| replayed.notes.clone()));
    notes.sort_by_key(|note| note.gravity);
    let of_replays = replayed.iter().flat_map(|replayed| &replayed.origins);
    let prices = book.lists(bill.origins.iter().chain(&outcome.origins).chain(of_replays));
    let model_optimism = replayed.as_ref().and_then(|replayed| replayed.basis.optimism);
    let mut scenarios = vec![today, outcome.scenario];
    let realised = realised(&observed, book, assumptions, month);
    let waterfall = model
        .as_ref()
        .zip(replayed.as_ref())
        .and_then(|(model, replayed)| model::waterfall(model, replayed, &verdict, (month, reported)));
    let (mut selection, mut exclusions) = (None, Vec::new());
    let (mut silence, mut back_test) = (None, None);
    let offer = replayed.as_ref().and_then(|replayed| replayed.offer);
    let (mut hosts_considered, mut movability, mut what_if, mut plan) = (Vec::new(), Vec::new(), None, None);
    if let Some(replayed) = replayed {
        scenarios.extend(replayed.scenarios.into_iter().map(|made| made.scenario));
        (hosts_considered, movability) = (replayed.hosts, replayed.movability);
        (what_if, plan) = (replayed.what_if, replayed.plan);
        (selection, exclusions) = (Some(replayed.selection), replayed.exclusions);
        (silence, back_test) = (replayed.basis.silence, replayed.back_test);
    }
    let analysis = Analysis {
        right_sizing: Some(sizes.conclude(&allocation)),
        waste: None,
        next_steps: None,
        invoice: None,
        schema: SCHEMA.to_owned(),
        cluster_id: cluster.to_string(),
        region: observed.region().map(ToOwned::to_owned),
        currency: observed.currency().to_owned(),
        utilisation: utilisation(&observed, &ledger, &origins),
        window: coverage,
        inventory,
        allocation: Some(allocation),
        evidence: Some(crate::bill::evidence_grades::evidence(&bill)),
        scenarios,
        savings,
        verdict,
        model_optimism,
        hosts_considered,
        what_if,
        movability,
        selection,
        exclusions,
        waterfall,
        realised,
        back_test,
        silence,
        plan,
        assumptions: assumptions.in_force().into_iter().map(|one| in_currency(one, observed.currency())).collect(),
        notes,
        provenance: Provenance {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            lake,
            manifests_sha256: lake::digest(origins.manifests.as_bytes()),
            query_sets: origins.query_sets.into_iter().collect(),
            servers: origins.servers.into_iter().collect(),
            prices,
            replays: model.as_ref().map(|model| model.replays),
            agreed: Some(agreed(book, window)),
        },
    };
    next_steps::with(analysis, book, offer)
}

/// What is agreed with AWS, as the report was made with it.
fn agreed(book: &PriceBook, window: Window) -> AgreedPrices {
    let commitment = |one: Commitment| AgreedCommitment {
        name: one.name,
        kind: one.kind,
        usd_per_hour: one.usd_per_hour.usd_per_hour(),
    };
    let in_force = |one: &Commitment| one.expires_seconds.is_none_or(|end| end > window.end().timestamp());
    AgreedPrices {
        discount_fraction: book.edp_fraction(),
        bare_metal_discount_fraction: book.bare_metal_fraction(),
        commitments: book.commitments().into_iter().filter(in_force).map(commitment).collect(),
    }
}

/// An assumption whose amount is in the analysis' currency, as every amount is.
fn in_currency(one: Assumption, currency: &str) -> Assumption {
    if one.unit == "USD" { Assumption { unit: currency.to_owned(), ..one } } else { one }
}

fn coverage(window: Window, origins: &Origins) -> WindowCoverage {
    let mut by_source: BTreeMap<HourSource, SourceHours> = BTreeMap::new();
    for (hour, source) in &origins.sources {
        let hours = by_source.entry(*source).or_insert_with(|| SourceHours {
            source: *source,
            hours: 0,
            first: hour.start(),
            last: hour.end(),
        });
        hours.hours += 1;
        hours.last = hour.end();
    }
    let mut hours_by_source: Vec<_> = by_source.into_values().collect();
    hours_by_source.sort_by_key(|hours| (hours.first, hours.source));
    WindowCoverage {
        start: window.start(),
        end: window.end(),
        hours_expected: count(window.hours().count()),
        hours_present: count(origins.sources.len()),
        hours_by_source,
    }
}

fn float_of(n: usize) -> f64 {
    float(i128::try_from(n).unwrap_or_default())
}

fn inventory(observed: &Observed, bill: &Bill, vendor: &mut Vendor<'_>) -> Inventory {
    let [nodes, pods, containers, claims] = observed.distinct();
    let window_hours = float(observed.seconds()) / 3600.0;
    let mean = |seconds: i128| ratio(float(seconds) / 3600.0, window_hours).unwrap_or_default();
    let mut usd: BTreeMap<_, types::NanoUsd> = BTreeMap::new();
    for node in &bill.nodes {
        *usd.entry(&node.kind).or_default() += node.cost.as_ref().map(|price| price.usd).unwrap_or_default();
    }
    let mut kinds: Vec<_> = observed.nodes.iter().collect();
    kinds.sort_by(|(a_kind, a), (b_kind, b)| {
        let dearest = |kind| usd.get(kind).copied().unwrap_or_default();
        let by_cost = dearest(*b_kind).cmp(&dearest(*a_kind));
        by_cost.then_with(|| b.up_seconds.cmp(&a.up_seconds)).then_with(|| a_kind.cmp(b_kind))
    });
    let mut by_namespace: Vec<_> = observed
        .namespaces
        .iter()
        .map(|(namespace, sums)| NamespaceUsage {
            namespace: namespace.clone(),
            pods: count(sums.pods),
            cpu_request_core_hours: core_hours(sums.requested.cpu),
            cpu_used_core_hours: core_hours(sums.used.cpu),
            memory_request_gib_hours: gib_hours(sums.requested.memory),
            memory_used_gib_hours: gib_hours(sums.used.memory),
        })
        .collect();
    by_namespace.sort_by(|a, b| {
        let by_memory = b.memory_request_gib_hours.total_cmp(&a.memory_request_gib_hours);
        by_memory.then_with(|| a.namespace.cmp(&b.namespace))
    });
    by_namespace.truncate(MOST_NAMESPACES);
    Inventory {
        node_groups: kinds.into_iter().map(|(kind, sums)| node_group(kind, sums, vendor)).collect(),
        nodes: count(nodes),
        nodes_mean: mean(observed.hours.iter().map(|hour| hour.node_seconds).sum()),
        pods: count(pods),
        pods_mean: mean(observed.alive_seconds),
        containers: count(containers),
        // Containers without a pod row name no workload.
        workloads: count(observed.workloads.keys().filter(|key| !key.kind.is_empty()).count()),
        namespaces: count(observed.namespaces.len()),
        volume_claims: count(claims),
        volume_gib_mean: ratio(gib_hours(observed.volumes.values().map(|sums| sums.byte_seconds).sum()), window_hours)
            .unwrap_or_default(),
        by_namespace,
        pod_hours_without_requests: float(observed.alive_seconds_without_requests) / 3600.0,
        container_hours_without_usage: float(observed.container_seconds_without_usage) / 3600.0,
    }
}

fn node_group(
    kind: &crate::sums::node_billing::NodeKind,
    sums: &crate::sums::window_totals::NodeSums,
    vendor: &mut Vendor<'_>,
) -> NodeGroup {
    let movable = match vendor.fate(kind) {
        Fate::Moves(_, pool) => Movable { moves: true, reason: format!("onto bare metal of family {}", pool.family) },
        Fate::Stays(reason) => Movable { moves: false, reason },
    };
    NodeGroup {
        instance_type: kind.instance_type.clone(),
        instance_type_source: kind.instance_type_source.clone(),
        capacity_type: kind.capacity_type.clone(),
        compute_type: kind.compute_type.clone(),
        arch: kind.arch.clone(),
        zones: sums.zones.iter().cloned().collect(),
        nodes: count(sums.nodes),
        node_hours: hours(sums.up_seconds),
        cpu_capacity_cores: sums.cpu_capacity_millicores.map(|millicores| float(millicores.into()) / 1000.0),
        memory_capacity_gib: sums.memory_capacity_bytes.map(|bytes| float(bytes.into()) / GIB),
        movable,
    }
}

fn verdict(observed: &Observed, bill: &Bill, outcome: &Outcome, saving: Option<&Saving>) -> Verdict {
    let priced = bill.lines.compute.is_some();
    let saving = saving.filter(|_| priced);
    let text = match saving {
        None => "Today's machines could not be priced, so no saving can be formed; the list of what is unpriced says what is missing.".to_owned(),
        Some(_) if outcome.moved_kinds.is_empty() => {
            "Nothing here could move to elastic VMs, for the reasons the inventory gives, so there is nothing to save by them.".to_owned()
        }
        Some(saving) => verdict_text(observed, outcome, saving),
    };
    Verdict {
        text,
        recommendation: None,
        saving_vs_today_usd: saving.map(|saving| saving.window_usd),
        saving_vs_best_ec2_usd: None,
        range_usd: None,
        interval_usd: None,
        confidence: Some(model::nothing_compared()),
        ..Verdict::default()
    }
}

/// The share of a saving below which the verdict says that nothing is left of it.
const NOTHING_LEFT: f64 = 0.005;

fn verdict_text(observed: &Observed, outcome: &Outcome, saving: &Saving) -> String {
    let at_once = |seconds: i64| ratio(float(seconds.into()), float(observed.seconds())).unwrap_or_default();
    let moved =
        at_once(outcome.moved_kinds.iter().filter_map(|kind| observed.nodes.get(kind)).map(|s| s.up_seconds).sum());
    let of = at_once(observed.nodes.values().map(|sums| sums.up_seconds).sum());
    let percent = saving.fraction.map(|fraction| format!(", {:.0}\u{a0}%", fraction.abs() * 100.0)).unwrap_or_default();
    let usd = |amount: f64| money(amount, observed.currency());
    let amount = format!("{} a month{percent}", usd(saving.monthly_usd.abs()));
    let what = format!("{moved:.0} of {of:.0} nodes (on average)");
    let strict = outcome.strictest_saving_monthly_usd;
    if saving.window_usd <= 0.0 {
        return format!(
            "Moving {what} to elastic VMs does not pay even by the arithmetic of the vendor's published examples: it would cost more than today by {amount}."
        );
    }
    let head = format!(
        "The arithmetic of the vendor's published examples implies a saving of {amount}, for moving {what} to elastic VMs; this is arithmetic on nominal sizes and not yet a replay of the cluster's hours"
    );
    match strict {
        Some(strict) if strict.abs() < saving.monthly_usd * NOTHING_LEFT => {
            format!("{head}, and with hosts in every zone in use and KubeVirt's overhead nothing is left of it.")
        }
        Some(strict) if strict <= 0.0 => format!(
            "{head}, and with hosts in every zone in use and KubeVirt's overhead it turns into a loss of {} a month.",
            usd(strict.abs())
        ),
        Some(strict) if strict < saving.monthly_usd => format!(
            "{head}, and with hosts in every zone in use and KubeVirt's overhead it shrinks to {} a month.",
            usd(strict.abs())
        ),
        _ => format!("{head}."),
    }
}

/// A warning for each price of the user's that matches nothing here.
fn unmatched_prices(observed: &Observed, bill: &Bill, vendor: &Vendor<'_>, book: &PriceBook) -> Vec<Note> {
    let node = |node: &NodeCost| Some(node.cost.as_ref().ok()?.machine.clone());
    let nodes = vendor.host_machines_priced().chain(bill.nodes.iter().filter_map(node)).collect();
    let volumes = observed.volumes.keys().filter_map(|kind| kind.price_name()).collect();
    let warn =
        |what| Note::warning(format!("Your {what} matches nothing in this cluster; check its spelling and region."));
    book.unmatched(observed.region(), &nodes, &volumes).into_iter().map(warn).collect()
}
