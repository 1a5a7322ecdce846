//! Savings Plan that AWS offers for what runs always, after the change that is recommended.

use std::collections::BTreeMap;

use types::Hour;
use types::analysis::{CommitmentOffer, ScenarioId};

use crate::prices::{CommitmentKind, MachineKind, Offer, Term, offers};
use crate::scenarios::model::costs::spare_hosts::spared;
use crate::scenarios::model::judgement::limits_and_remedies::{Judgement, in_force};
use crate::scenarios::model::replays::all_replays::Model;

/// The offer for a year of a Compute Savings Plan, for the machines of the recommended scenario, or today's where none is
/// recommended; `None` where nothing runs always that a plan covers, or it would save nothing.
pub(crate) fn offer(
    model: &Model<'_>,
    judgement: &Judgement,
    recommended: Option<ScenarioId>,
) -> Option<CommitmentOffer> {
    let change = recommended.filter(|id| id.is_change());
    let after = change.and_then(|id| Some((in_force(model, id)?, judgement.spares(id))));
    let hours: Vec<(Hour, BTreeMap<MachineKind, i64>)> = match after {
        Some((after, spares)) => model.pricer.used(after, &spared(&after.whole, spares)).collect(),
        None => model.pricer.observed().to_vec(),
    };
    let offers = offers(model.pricer.book(), &hours);
    let yearly = |offer: &&Offer| offer.kind == CommitmentKind::ComputeSavingsPlan && offer.term == Term::OneYear;
    let of = offers.iter().find(yearly)?;
    let most = offers.first().filter(|most| most.saving_monthly() > of.saving_monthly());
    Some(CommitmentOffer {
        usd_per_hour: of.usd_per_hour.usd_per_hour(),
        base_load_usd_per_hour: of.base_load_per_hour(),
        saving_monthly_usd: of.saving_monthly(),
        break_even_months: of.break_even_months(),
        most_monthly_usd: most.map(Offer::saving_monthly),
    })
}
