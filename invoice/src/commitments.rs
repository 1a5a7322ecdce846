//! Commitments as the lines of a bill show them.

use std::collections::{BTreeMap, BTreeSet};

use types::CommitmentKind;
use types::analysis::BilledCommitment;
use types::number::ratio;

use crate::amount::Pico;
use crate::charge::{Charge, Kind, Purchase};

/// By the span of a line.
pub(crate) type Spans<V> = BTreeMap<(i64, i64), V>;

/// Sums of one commitment over the hours in both.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommitmentSums {
    offering: String,
    family: String,
    region: String,
    ends: String,
    reserved: bool,
    /// Paid, where lines of its fee say how much.
    committed: Pico,
    has_fee: bool,
    /// Effective cost of what it covered.
    used: Pico,
    /// Amount that nothing used.
    unused: Pico,
    /// Amount that nothing used, of lines that span more than a day.
    long_unused: Spans<Pico>,
    /// Of what was used, by this cluster; and at list.
    by_this: Pico,
    covered_list: Pico,
    covered_listless: bool,
    /// Families of the machines it covered.
    families: BTreeSet<String>,
}

impl CommitmentSums {
    /// Takes a charge that it is behind; `part` is of its amounts what falls into the hours of the lake, `None` where that is
    /// known in the end only. `mine` are this cluster's.
    pub(crate) fn take(&mut self, charge: &Charge<'_>, part: Option<&dyn Fn(Pico) -> Pico>, mine: bool, family: &str) {
        let Some(about) = &charge.commitment else { return };
        let fill = |there: &mut String, given: &str| {
            if there.is_empty() && !given.is_empty() {
                given.clone_into(there);
            }
        };
        fill(&mut self.offering, &about.offering);
        fill(&mut self.family, &about.family);
        fill(&mut self.region, &about.region);
        fill(&mut self.ends, &about.ends);
        self.reserved |= charge.purchase == Purchase::Reserved;
        match (charge.kind, part) {
            (Kind::Commitment, Some(part)) => {
                self.unused += part(charge.billed);
                if let Some(committed) = about.committed {
                    self.committed += part(committed);
                    self.has_fee = true;
                }
            }
            (Kind::Commitment, None) => {
                *self.long_unused.entry((charge.start, charge.end)).or_default() += charge.billed
            }
            (Kind::Usage, Some(part)) => {
                self.used += part(charge.billed);
                if !family.is_empty() {
                    self.families.insert(family.to_owned());
                }
                if mine {
                    self.by_this += part(charge.billed);
                    match charge.list {
                        Some(list) => self.covered_list += part(list),
                        None => self.covered_listless = true,
                    }
                }
            }
            _ => {}
        }
    }
}

/// Kind of commitment.
fn kind(sums: &CommitmentSums) -> CommitmentKind {
    if sums.reserved {
        return CommitmentKind::ReservedInstances;
    }
    // `EC2InstanceSavingsPlans` in a report, words in FOCUS.
    if sums.offering.contains("EC2") || !sums.family.is_empty() {
        return CommitmentKind::Ec2InstanceSavingsPlan;
    }
    CommitmentKind::ComputeSavingsPlan
}

/// The commitments as they are written, those that this cluster uses most first. `share` prorates what spans more than
/// a day.
pub(crate) fn commitments(
    all: &BTreeMap<String, CommitmentSums>,
    share: impl Fn(i64, i64, Pico) -> Pico,
) -> Vec<BilledCommitment> {
    let mut rows: Vec<BilledCommitment> = all
        .iter()
        .map(|(id, sums)| {
            let long: Pico = sums.long_unused.iter().map(|((start, end), unused)| share(*start, *end, *unused)).sum();
            let unused = sums.unused + long;
            let committed = if sums.has_fee { sums.committed } else { sums.used + unused };
            let kind = kind(sums);
            let limited = kind != CommitmentKind::ComputeSavingsPlan;
            let of_machines = sums.families.first().filter(|_| sums.families.len() == 1).cloned();
            let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            let known = !sums.covered_listless && sums.covered_list != Pico::ZERO;
            BilledCommitment {
                id: id.clone(),
                kind,
                family: text(&sums.family).or(of_machines).filter(|_| limited),
                region: text(&sums.region).filter(|_| limited),
                committed_usd: committed.float(),
                used_usd: (committed - unused).float(),
                unused_usd: unused.float(),
                utilisation: ratio((committed - unused).float(), committed.float()),
                by_this_cluster_usd: sums.by_this.float(),
                covered_list_usd: sums.covered_list.float(),
                discount_fraction: sums.by_this.over(sums.covered_list).filter(|_| known).map(|paid| 1.0 - paid),
                ends: text(&sums.ends),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.by_this_cluster_usd.total_cmp(&a.by_this_cluster_usd).then_with(|| a.id.cmp(&b.id)));
    rows
}
