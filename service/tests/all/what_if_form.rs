//! Values in force in the form of a what-if: those that the report was made with.

use chrono::TimeDelta;
use types::analysis::{AgreedCommitment, AgreedPrices};

use super::alone::analysis;
use super::harness::{Service, now, put_report_with};

#[tokio::test(flavor = "multi_thread")]
async fn discounts_and_commitments_of_the_report_are_shown_where_they_can_be_changed() {
    let service = Service::start("\"admins\"").await;
    let mut made = analysis("prod-1", "USD", now() - TimeDelta::days(1), 500.0);
    let unknown = made.clone();
    made.provenance.agreed = Some(AgreedPrices {
        discount_fraction: 0.07,
        bare_metal_discount_fraction: None,
        commitments: vec![AgreedCommitment {
            name: "base".to_owned(),
            kind: types::CommitmentKind::ComputeSavingsPlan,
            usd_per_hour: 4.0,
        }],
    });
    put_report_with(service.store.as_ref(), "prod-1", Some(&made)).await;
    put_report_with(service.store.as_ref(), "prod-2", Some(&unknown)).await;
    let session = service.sign_in().await;
    let hints = async |cluster: &str| {
        let (_, page) = session.text(&service, &format!("/what-if?cluster={cluster}")).await;
        ["discount-hint\">", "metal-discount-hint\">", "commitments-hint\">"].map(|hint| {
            let text = page.split(&format!("id=\"{hint}")).nth(1).and_then(|rest| rest.split('<').next());
            text.unwrap().rsplit("; ").next().unwrap().to_owned()
        })
    };
    let [discount, metal, commitments] = hints("prod-1").await;
    assert_eq!((discount.as_str(), metal.as_str()), ("0.07 in the report", "none of its own in the report"));
    assert_eq!(commitments, "base (compute savings plan, 4 USD an hour) in the report");
    assert_eq!(hints("prod-2").await, ["what the report has is not known"; 3]);
}
