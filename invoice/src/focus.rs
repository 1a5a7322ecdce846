//! A row of a FOCUS export as a charge: its effective cost is what is paid in the end, whatever the category.

use std::borrow::Cow;

use crate::charge::{Charge, Commitment, Kind, Purchase};
use crate::cluster_tags::{Tags, cluster_of_arn};
use crate::columns::Columns;
use crate::file_rows::{Bad, Row};

/// Reads a row; `None` for a row without a time.
pub(crate) fn charge<'r>(columns: &Columns, row: &'r dyn Row) -> Result<Option<Charge<'r>>, Bad> {
    let billed = row.amount(columns.cost)?.unwrap_or_default();
    let (id, status) = (row.text(columns.commitment), row.text(columns.commitment_status));
    let kind = match row.text(columns.kind).as_ref() {
        "Usage" if status == "Unused" => Kind::Commitment,
        "Usage" => Kind::Usage,
        "Tax" => Kind::Tax,
        "Credit" => Kind::Credit,
        "Adjustment" => Kind::Credit,
        _ => Kind::Fee,
    };
    let usage_type = match row.text(columns.usage_type) {
        text if text.is_empty() => row.text(columns.sku_meter),
        text => text,
    };
    let service = match row.text(columns.service) {
        text if text.is_empty() => row.text(columns.service_name),
        text => text,
    };
    let offering = row.text(columns.commitment_kind);
    let spot = usage_type.contains("SpotUsage") || row.text(columns.pricing_category) == "Dynamic";
    let purchase = match (id.is_empty(), spot) {
        (false, _) if offering.contains("Reserv") => Purchase::Reserved,
        (false, _) => Purchase::SavingsPlan,
        (true, true) => Purchase::Spot,
        (true, false) => Purchase::OnDemand,
    };
    let (Some(start), Some(end)) = (row.moment(columns.start)?, row.moment(columns.end)?) else { return Ok(None) };
    let quantity = match row.amount(columns.quantity)? {
        Some(consumed) => Some(consumed),
        None => row.amount(columns.pricing_quantity)?,
    };
    let resource = row.text(columns.resource);
    let mut tags = Tags::default();
    row.map(columns.tags, &mut |key, value| tags.take(key, value));
    let claim = tags.claim.take();
    let commitment = (!id.is_empty()).then(|| Commitment {
        id: id.clone(),
        offering,
        region: row.text(columns.region),
        ends: Cow::Borrowed(""),
        ..Commitment::default()
    });
    Ok(Some(Charge {
        start,
        end,
        kind,
        service,
        operation: row.text(columns.operation),
        purchase,
        quantity: quantity.filter(|_| kind == Kind::Usage),
        list: row.amount(columns.list)?.filter(|_| kind == Kind::Usage),
        gross: None,
        billed,
        commitment,
        cluster: tags.cluster().or_else(|| cluster_of_arn(&resource)),
        claim,
        currency: row.text(columns.currency),
        usage_type,
        resource,
    }))
}
