//! A bill beside the believable cluster.

use types::analysis::{
    Analysis, BillCompared, BillExport, BillHours, BillLine, BilledCommitment, BilledElsewhere, BilledMachine,
    BilledPurchase, BilledUnit, INVOICE_SCHEMA, Invoice, NegotiatedDiscount, Note, OnlyBilled, OnlySeen,
};

use super::{HOURS, full, start};

fn line(line: &str, estimated: Option<f64>, list: Option<f64>, billed: Option<f64>, elsewhere: f64) -> BillLine {
    BillLine {
        line: line.to_owned(),
        estimated_usd: estimated,
        list_usd: list,
        billed_usd: billed,
        elsewhere_usd: elsewhere,
    }
}

fn purchase(purchase: &str, hours: f64, price: f64) -> BilledPurchase {
    BilledPurchase {
        purchase: purchase.to_owned(),
        hours,
        list_usd_per_hour: Some(0.768),
        billed_usd_per_hour: Some(price),
        billed_usd: hours * price,
    }
}

/// A cluster whose estimate is a fifth above its bill.
pub(crate) fn billed() -> Analysis {
    let mut analysis = full();
    let end = analysis.window.end;
    let purchases = vec![purchase("on-demand", 9_000.0, 0.714_24), purchase("savings-plan", 3_960.0, 0.560_64)];
    let hours: f64 = purchases.iter().map(|of| of.hours).sum();
    let billed_usd: f64 = purchases.iter().map(|of| of.billed_usd).sum();
    analysis.invoice = Some(Invoice {
        schema: INVOICE_SCHEMA.to_owned(),
        cluster_id: analysis.cluster_id.clone(),
        currency: "USD".to_owned(),
        export: BillExport {
            location: "s3://my-bills/cur/monthly".to_owned(),
            format: "CUR 2.0".to_owned(),
            files: 3,
            lines: 1_204_331,
            start: start(),
            end,
            hours_per_line: 1,
            cluster_names: vec!["shop".to_owned()],
        },
        hours: BillHours { in_lake: HOURS, in_both: HOURS, start: start(), end },
        compared: Some(BillCompared {
            estimated_usd: 12_840.0,
            billed_usd: 10_610.0,
            deviation: Some(0.21),
            lines: vec!["compute".to_owned(), "control_plane".to_owned()],
        }),
        lines: vec![
            line("compute", Some(12_768.0), Some(12_768.0), Some(10_543.0), 41_200.0),
            line("control_plane", Some(72.0), Some(72.0), Some(67.0), 134.0),
            line("data_transfer", None, Some(310.0), Some(288.0), 1_020.0),
            line("support", None, None, None, 1_000.0),
        ],
        machines: vec![BilledMachine {
            instance_type: "m5.4xlarge".to_owned(),
            capacity_type: "on-demand".to_owned(),
            seen_hours: 12_950.0,
            billed_hours: hours,
            estimated_usd_per_hour: Some(0.768),
            list_usd_per_hour: Some(0.768),
            billed_usd_per_hour: Some(billed_usd / hours),
            billed_usd,
            purchases,
        }],
        units: vec![BilledUnit {
            line: "volumes".to_owned(),
            what: "VolumeUsage.gp3".to_owned(),
            quantity: 4_120.0,
            list_usd_per_unit: Some(0.08),
            billed_usd_per_unit: Some(0.0744),
            billed_usd: 306.5,
        }],
        discount: Some(NegotiatedDiscount {
            list_usd: 6_912.0,
            billed_usd: 6_428.16,
            fraction: Some(0.07),
            uniform: true,
            edp_usd: 483.84,
        }),
        commitments: vec![BilledCommitment {
            id: "arn:aws:savingsplans::111122223333:savingsplan/0a1b2c3d".to_owned(),
            kind: types::CommitmentKind::ComputeSavingsPlan,
            family: None,
            region: None,
            committed_usd: 2_880.0,
            used_usd: 2_700.0,
            unused_usd: 180.0,
            utilisation: Some(0.9375),
            by_this_cluster_usd: 2_220.0,
            covered_list_usd: 3_041.0,
            discount_fraction: Some(0.27),
            ends: Some("2027-07-01T00:00:00.000Z".to_owned()),
        }],
        only_billed: vec![OnlyBilled {
            line: "compute".to_owned(),
            resource: "i-0feedfacefeedface".to_owned(),
            what: "m5.large".to_owned(),
            reason: "not_seen".to_owned(),
            quantity: 720.0,
            billed_usd: 64.28,
        }],
        only_seen: vec![OnlySeen {
            line: "volumes".to_owned(),
            resource: "vol-0123".to_owned(),
            name: "data/postgres-0".to_owned(),
            what: "gp3".to_owned(),
            hours: 24.0,
            estimated_usd: Some(1.2),
        }],
        elsewhere: vec![
            BilledElsewhere {
                cluster: Some("other".to_owned()),
                line: "compute".to_owned(),
                service: String::new(),
                billed_usd: 41_200.0,
            },
            BilledElsewhere {
                cluster: None,
                line: "other".to_owned(),
                service: "AmazonRDS".to_owned(),
                billed_usd: 900.0,
            },
        ],
        notes: vec![Note::warning("The estimate is 21 % above the bill.")],
    });
    analysis
}
