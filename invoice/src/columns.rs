//! The columns of an export by what they hold. AWS spells the same column three ways: `lineItem/UsageStartDate`,
//! `line_item_usage_start_date`, and in older tables `reservation_reservation_a_r_n`.
//!
//! Names after the data dictionaries of the Cost and Usage Report, of CUR 2.0, and of FOCUS 1.0 and 1.2 with AWS columns,
//! read 2026-11; FOCUS 1.2 calls `SkuMeter` what 1.0 has as `x_UsageType`.

use crate::cluster_tags::{Tags, plain};
use crate::error::InvoiceError;
use crate::export_format::Format;

/// Place of a column in a row; `None` where the export does not have it.
pub(crate) type Place = Option<usize>;

macro_rules! columns {
    ($( $(#[doc = $doc:literal])* $field:ident: $cur:literal, $focus:literal; )+) => {
        /// Places of the columns.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct Columns {
            $( $(#[doc = $doc])* pub(crate) $field: Place, )+
            /// Columns of one tag each, with the key.
            pub(crate) tag_columns: Vec<(usize, String)>,
        }

        impl Columns {
            fn find(names: &[String], format: Format) -> Self {
                let place = |cur: &str, focus: &str| {
                    let wanted = plain(if format.is_focus() { focus } else { cur });
                    if wanted.is_empty() { None } else { names.iter().position(|name| plain(name) == wanted) }
                };
                let tags = names.iter().enumerate().filter(|(_, name)| is_tag(name) && Tags::tells(name));
                let tag_columns = tags.map(|(n, name)| (n, name.clone())).collect();
                Self { $( $field: place($cur, $focus), )+ tag_columns }
            }

            /// Every place that is read.
            pub(crate) fn places(&self) -> Vec<usize> {
                let mut places: Vec<usize> = [$(self.$field),+].into_iter().flatten().collect();
                places.extend(self.tag_columns.iter().map(|(n, _)| *n));
                places.sort_unstable();
                places.dedup();
                places
            }

            /// The same columns where those at `places` alone are left, in that order.
            pub(crate) fn among(&self, places: &[usize]) -> Self {
                let to = |place: Place| place.and_then(|n| places.binary_search(&n).ok());
                let tags = self.tag_columns.iter();
                let tag_columns = tags.filter_map(|(n, key)| Some((to(Some(*n))?, key.clone()))).collect();
                Self { $( $field: to(self.$field), )+ tag_columns }
            }
        }
    };
}

columns! {
    /// First moment.
    start: "lineItem/UsageStartDate", "ChargePeriodStart";
    end: "lineItem/UsageEndDate", "ChargePeriodEnd";
    /// Type of the line item, or category of the charge.
    kind: "lineItem/LineItemType", "ChargeCategory";
    service: "lineItem/ProductCode", "x_ServiceCode";
    service_name: "", "ServiceName";
    usage_type: "lineItem/UsageType", "x_UsageType";
    sku_meter: "", "SkuMeter";
    operation: "lineItem/Operation", "x_Operation";
    resource: "lineItem/ResourceId", "ResourceId";
    quantity: "lineItem/UsageAmount", "ConsumedQuantity";
    pricing_quantity: "", "PricingQuantity";
    cost: "lineItem/UnblendedCost", "EffectiveCost";
    net_cost: "lineItem/NetUnblendedCost", "";
    list: "pricing/publicOnDemandCost", "ListCost";
    currency: "lineItem/CurrencyCode", "BillingCurrency";
    plan: "savingsPlan/SavingsPlanARN", "";
    plan_cost: "savingsPlan/SavingsPlanEffectiveCost", "";
    plan_net_cost: "savingsPlan/NetSavingsPlanEffectiveCost", "";
    plan_committed: "savingsPlan/TotalCommitmentToDate", "";
    plan_used: "savingsPlan/UsedCommitment", "";
    plan_offering: "savingsPlan/OfferingType", "";
    plan_family: "savingsPlan/InstanceTypeFamily", "";
    plan_region: "savingsPlan/Region", "";
    plan_end: "savingsPlan/EndTime", "";
    reservation: "reservation/ReservationARN", "";
    reserved_cost: "reservation/EffectiveCost", "";
    reserved_net_cost: "reservation/NetEffectiveCost", "";
    unused_upfront: "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "";
    unused_recurring: "reservation/UnusedRecurringFee", "";
    unused_net_upfront: "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod", "";
    unused_net_recurring: "reservation/NetUnusedRecurringFee", "";
    reservation_end: "reservation/EndTime", "";
    region: "product/regionCode", "RegionId";
    parent: "splitLineItem/ParentResourceId", "";
    pricing_category: "", "PricingCategory";
    commitment: "", "CommitmentDiscountId";
    commitment_kind: "", "CommitmentDiscountType";
    commitment_status: "", "CommitmentDiscountStatus";
    /// All tags as a map.
    tags: "resource_tags", "Tags";
}

fn is_tag(name: &str) -> bool {
    name.starts_with("resourceTags/") || name.starts_with("resource_tags_")
}

impl Columns {
    /// Finds the columns by the names in the file.
    ///
    /// # Errors
    /// [`InvoiceError::Columns`] names those that are needed and are not there.
    pub(crate) fn resolve(names: &[String], file: &str) -> Result<(Format, Self), InvoiceError> {
        let Some(format) = Format::of(names) else {
            return Err(InvoiceError::Columns {
                file: file.to_owned(),
                columns: "the columns of a cost export".to_owned(),
                hint: "a Cost and Usage Report has `lineItem/UsageStartDate` or `line_item_usage_start_date`, a FOCUS export `ChargePeriodStart`".to_owned(),
            });
        };
        let columns = Self::find(names, format);
        let needed: &[(Place, &str, &str)] = &[
            (columns.start, "lineItem/UsageStartDate", "ChargePeriodStart"),
            (columns.end, "lineItem/UsageEndDate", "ChargePeriodEnd"),
            (columns.kind, "lineItem/LineItemType", "ChargeCategory"),
            (columns.usage_type.or(columns.sku_meter), "lineItem/UsageType", "x_UsageType or SkuMeter"),
            (columns.resource, "lineItem/ResourceId", "ResourceId"),
            (columns.cost, "lineItem/UnblendedCost", "EffectiveCost"),
            (columns.currency, "lineItem/CurrencyCode", "BillingCurrency"),
        ];
        let missing: Vec<String> = needed
            .iter()
            .filter(|(place, ..)| place.is_none())
            .map(|(_, cur, focus)| {
                format!("`{}`", if format.is_focus() { (*focus).to_owned() } else { spelled(cur, format) })
            })
            .collect();
        if missing.is_empty() {
            return Ok((format, columns));
        }
        let hint = match columns.resource.is_none() && !format.is_focus() {
            true => "switch on “Include resource IDs” in the export, without which no line can be matched to a machine",
            false => "choose them in the export",
        };
        Err(InvoiceError::Columns {
            file: file.to_owned(),
            columns: format!("{} of {}", missing.join(", "), format.name()),
            hint: hint.to_owned(),
        })
    }
}

/// A column's name as this format spells it.
fn spelled(legacy: &str, format: Format) -> String {
    if format == Format::Cur {
        return legacy.to_owned();
    }
    let mut text = String::new();
    for c in legacy.chars() {
        match c {
            '/' => text.push('_'),
            c if c.is_ascii_uppercase() => {
                if !text.ends_with('_') {
                    text.push('_');
                }
                text.push(c.to_ascii_lowercase());
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_column_is_found_however_aws_spells_it() {
        let cur = names(&[
            "line_item_usage_start_date",
            "line_item_usage_end_date",
            "line_item_line_item_type",
            "line_item_usage_type",
            "line_item_resource_id",
            "line_item_unblended_cost",
            "line_item_currency_code",
            "reservation_reservation_a_r_n",
            "savings_plan_savings_plan_arn",
            "resource_tags_user_team",
            "resource_tags_aws_eks_cluster_name",
        ]);
        let (format, columns) = Columns::resolve(&cur, "f").unwrap();
        assert_eq!(format, Format::CurTable);
        assert_eq!((columns.reservation, columns.plan), (Some(7), Some(8)));
        assert_eq!(columns.tag_columns, [(10, "resource_tags_aws_eks_cluster_name".to_owned())]);
        let left = columns.among(&columns.places());
        assert_eq!((left.plan, left.tag_columns.first().map(|(n, _)| *n)), (Some(8), Some(9)));
    }

    #[test]
    fn what_is_missing_is_named_as_the_export_would_spell_it() {
        let error =
            Columns::resolve(&names(&["lineItem/UsageStartDate", "lineItem/UsageEndDate"]), "f.csv").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`lineItem/ResourceId`") && text.contains("Include resource IDs"), "{text}");
        let error = Columns::resolve(&names(&["ChargePeriodStart", "EffectiveCost"]), "f.csv").unwrap_err();
        assert!(error.to_string().contains("`x_UsageType or SkuMeter`"), "{error}");
        let error = Columns::resolve(&names(&["line_item_usage_start_date"]), "f").unwrap_err();
        assert!(error.to_string().contains("`line_item_line_item_type`"), "{error}");
        assert!(Columns::resolve(&names(&["a", "b"]), "f.csv").unwrap_err().to_string().contains("ChargePeriodStart"));
    }
}
