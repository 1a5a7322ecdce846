//! A row of a Cost and Usage Report as a charge.
//!
//! What is paid in the end is spread over the columns by the type of the line: usage under a Savings Plan or a reservation
//! has its effective cost in a column of the plan, its line at the on-demand price is taken back by a line of another
//! type, and of a plan's fee only what nothing used is a cost of its own. Where the account has a negotiated discount,
//! the columns called net hold the amounts after it. (Source: "Understanding Savings Plans" and "Understanding your
//! reservations" in the guide to the report, read 2026-11.)

use std::borrow::Cow;

use crate::amount::Pico;
use crate::charge::{Charge, Commitment, Kind, Purchase};
use crate::cluster_tags::{Tags, cluster_of_arn};
use crate::columns::Columns;
use crate::file_rows::{Bad, Row};

/// Reads a row; `None` for a row that is not a cost of its own.
pub(crate) fn charge<'r>(columns: &Columns, row: &'r dyn Row) -> Result<Option<Charge<'r>>, Bad> {
    // Split cost allocation: a pod's part of an instance, which has a line of its own.
    if !row.text(columns.parent).is_empty() {
        return Ok(None);
    }
    let amount = |place| row.amount(place);
    // Net of negotiated discounts where the export has it.
    let net = |net, gross| {
        Ok::<_, Bad>(match amount(net)? {
            Some(net) => Some(net),
            None => amount(gross)?,
        })
    };
    let kind = row.text(columns.kind);
    let (plan, reservation) = (row.text(columns.plan), row.text(columns.reservation));
    let cost = amount(columns.cost)?.unwrap_or_default();
    let net_cost = net(columns.net_cost, columns.cost)?.unwrap_or_default();
    let usage_type = row.text(columns.usage_type);
    let bought = if usage_type.contains("SpotUsage") { Purchase::Spot } else { Purchase::OnDemand };
    let (kind, purchase, gross, billed) = match kind.as_ref() {
        // Taken back: the line at the on-demand price is not counted either.
        "SavingsPlanNegation" => return Ok(None),
        // Spread over the effective cost of what it covers.
        "SavingsPlanUpfrontFee" => return Ok(None),
        "Fee" if !reservation.is_empty() => return Ok(None),
        "SavingsPlanCoveredUsage" => {
            let gross = amount(columns.plan_cost)?.unwrap_or_default();
            let billed = net(columns.plan_net_cost, columns.plan_cost)?.unwrap_or_default();
            (Kind::Usage, Purchase::SavingsPlan, gross, billed)
        }
        "DiscountedUsage" => {
            let gross = amount(columns.reserved_cost)?.unwrap_or_default();
            let billed = net(columns.reserved_net_cost, columns.reserved_cost)?.unwrap_or_default();
            (Kind::Usage, Purchase::Reserved, gross, billed)
        }
        "SavingsPlanRecurringFee" => {
            let committed = amount(columns.plan_committed)?.unwrap_or_default();
            let unused = committed - amount(columns.plan_used)?.unwrap_or_default();
            (Kind::Commitment, Purchase::SavingsPlan, unused, unused)
        }
        "RIFee" => {
            let of = |upfront, recurring| {
                Ok::<_, Bad>(amount(upfront)?.unwrap_or_default() + amount(recurring)?.unwrap_or_default())
            };
            let gross = of(columns.unused_upfront, columns.unused_recurring)?;
            let has_net = columns.unused_net_upfront.is_some() && columns.unused_net_recurring.is_some();
            let billed = if has_net { of(columns.unused_net_upfront, columns.unused_net_recurring)? } else { gross };
            (Kind::Commitment, Purchase::Reserved, gross, billed)
        }
        "Tax" => (Kind::Tax, bought, cost, net_cost),
        "Credit" | "Refund" => (Kind::Credit, bought, cost, net_cost),
        "EdpDiscount" => (Kind::Edp, bought, Pico::ZERO, net_cost),
        of if of.ends_with("Discount") => (Kind::Discount, bought, Pico::ZERO, net_cost),
        "Usage" => (Kind::Usage, bought, cost, net_cost),
        _ => (Kind::Fee, bought, cost, net_cost),
    };
    let (Some(start), Some(end)) = (row.moment(columns.start)?, row.moment(columns.end)?) else { return Ok(None) };
    let list = match (kind, amount(columns.list)?) {
        (Kind::Usage, Some(list)) => Some(list),
        // The line of covered usage is at the on-demand price.
        (Kind::Usage, None) if purchase == Purchase::SavingsPlan => Some(cost),
        _ => None,
    };
    let resource = row.text(columns.resource);
    let mut tags = Tags::default();
    columns.tag_columns.iter().for_each(|(place, key)| tags.take(key, &row.text(Some(*place))));
    row.map(columns.tags, &mut |key, value| tags.take(key, value));
    let claim = tags.claim.take();
    Ok(Some(Charge {
        start,
        end,
        kind,
        service: row.text(columns.service),
        operation: row.text(columns.operation),
        purchase,
        quantity: amount(columns.quantity)?.filter(|_| kind == Kind::Usage),
        list,
        gross: Some(gross),
        billed,
        commitment: commitment(columns, row, (plan, reservation), kind)?,
        cluster: tags.cluster().or_else(|| cluster_of_arn(&resource)),
        claim,
        currency: row.text(columns.currency),
        usage_type,
        resource,
    }))
}

fn commitment<'r>(
    columns: &Columns,
    row: &'r dyn Row,
    (plan, reservation): (Cow<'r, str>, Cow<'r, str>),
    kind: Kind,
) -> Result<Option<Commitment<'r>>, Bad> {
    if !plan.is_empty() {
        let fee = kind == Kind::Commitment;
        return Ok(Some(Commitment {
            id: plan,
            offering: row.text(columns.plan_offering),
            family: row.text(columns.plan_family),
            region: row.text(columns.plan_region),
            ends: row.text(columns.plan_end),
            committed: row.amount(columns.plan_committed)?.filter(|_| fee),
            used: row.amount(columns.plan_used)?.filter(|_| fee),
        }));
    }
    if reservation.is_empty() {
        return Ok(None);
    }
    Ok(Some(Commitment {
        id: reservation,
        offering: Cow::Borrowed("Reserved Instances"),
        region: row.text(columns.region),
        ends: row.text(columns.reservation_end),
        ..Commitment::default()
    }))
}
