//! What the report was made with beside list prices, in the words of the form's hints.

use types::analysis::AgreedPrices;

const UNKNOWN: &str = "what the report has is not known";

/// Discounts and commitments that are in force, each as the end of a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InForce {
    /// Off every list price.
    pub(super) discount: String,
    /// Off bare metal.
    pub(super) metal_discount: String,
    /// Commitments.
    pub(super) commitments: String,
}

/// Words for what is agreed; `None` where the report cannot be read, or predates it.
pub(super) fn in_words(agreed: Option<&AgreedPrices>, currency: &str) -> InForce {
    let Some(agreed) = agreed else {
        return InForce {
            discount: UNKNOWN.to_owned(),
            metal_discount: UNKNOWN.to_owned(),
            commitments: UNKNOWN.to_owned(),
        };
    };
    let share =
        |share: f64| if share > 0.0 { format!("{share} in the report") } else { "none in the report".to_owned() };
    let commitment = |one: &types::analysis::AgreedCommitment| {
        format!("{} ({}, {} {currency} an hour)", one.name, one.kind.as_str().replace('-', " "), one.usd_per_hour)
    };
    let commitments: Vec<String> = agreed.commitments.iter().map(commitment).collect();
    InForce {
        discount: share(agreed.discount_fraction),
        metal_discount: match agreed.bare_metal_discount_fraction {
            Some(own) => share(own),
            None => "none of its own in the report".to_owned(),
        },
        commitments: match commitments.is_empty() {
            true => "none in the report".to_owned(),
            false => format!("{} in the report", commitments.join(", ")),
        },
    }
}

#[cfg(test)]
mod tests {
    use types::analysis::AgreedCommitment;

    use super::*;

    fn said(agreed: Option<&AgreedPrices>) -> [String; 3] {
        let InForce { discount, metal_discount, commitments } = in_words(agreed, "USD");
        [discount, metal_discount, commitments]
    }

    #[test]
    fn what_is_in_force_is_said_and_so_is_that_nothing_is() {
        assert_eq!(said(None), [UNKNOWN; 3]);
        let none = AgreedPrices::default();
        assert_eq!(said(Some(&none)), ["none in the report", "none of its own in the report", "none in the report"]);
        let plan = |name: &str, usd_per_hour| AgreedCommitment {
            name: name.to_owned(),
            kind: types::CommitmentKind::ComputeSavingsPlan,
            usd_per_hour,
        };
        let agreed = AgreedPrices {
            discount_fraction: 0.07,
            bare_metal_discount_fraction: Some(0.0),
            commitments: vec![plan("base", 4.0), plan("more", 0.5)],
        };
        let [discount, metal, commitments] = said(Some(&agreed));
        assert_eq!((discount.as_str(), metal.as_str()), ("0.07 in the report", "none in the report"));
        let both =
            "base (compute savings plan, 4 USD an hour), more (compute savings plan, 0.5 USD an hour) in the report";
        assert_eq!(commitments, both);
    }
}
