//! The rules of FOCUS that can be checked without its validator, on every sample.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, reason = "a test stops where it fails")]

use crate::sample;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, TimeUnit, TimestampMillisecondType};
use chrono::{DateTime, SecondsFormat, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use reports::focus::{self, COLUMNS, Kind, Level, Settings, Version};
use types::CommitmentKind;
use types::analysis::*;

/// The columns that 1.2 wants in every file, by its requirements model 1.2.0.1.
const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];

/// The believable sample, with commitments, spot, a list price that is higher, and a whole allocation.
fn committed() -> Analysis {
    let mut analysis = sample::believable();
    let today = &mut analysis.scenarios[0];
    today.cost_usd.unused_commitments = Some(12.5);
    let compute: f64 = today.machine_hours.iter().filter_map(|machine| machine.cost_usd).sum();
    for machine in &mut today.machine_hours {
        machine.cost_usd = machine.cost_usd.map(|usd| usd * 0.9);
    }
    today.cost_usd.compute = Some(compute * 0.9);
    today.cost_usd.total = Some(today.cost_usd.lines().iter().filter_map(|line| line.1).sum());
    let commitment = |name: &str, kind: CommitmentKind, unused_usd: f64| CommitmentUse {
        name: name.to_owned(),
        kind,
        committed_usd: 100.0,
        used_usd: 100.0 - unused_usd,
        unused_usd,
        covered_on_demand_usd: 150.0,
        utilisation: Some(1.0 - unused_usd / 100.0),
    };
    today.compute_cost = Some(ComputeCost {
        list_usd: Some(compute * 1.1),
        contracted_usd: compute,
        effective_usd: compute * 0.9,
        commitments: vec![
            commitment("three-years", CommitmentKind::ComputeSavingsPlan, 7.5),
            commitment("reserved", CommitmentKind::ReservedInstances, 5.0),
            commitment("used-up", CommitmentKind::Ec2InstanceSavingsPlan, 0.0),
        ],
    });
    analysis.allocation = Some(allocation());
    analysis
}

/// Three workloads, a daemonset, and everything that is nobody's; in nano-dollars that do not divide evenly.
fn allocation() -> Allocation {
    let usd = |nanos: i64| nanos as f64 / 1e9;
    let workload = |name: &str, overhead: bool, nanos: i64| WorkloadCost {
        namespace: "shop".to_owned(),
        workload_kind: if overhead { "DaemonSet" } else { "Deployment" }.to_owned(),
        workload: name.to_owned(),
        overhead,
        workload_usd: usd(nanos),
        workload_nano_usd: nanos.to_string(),
        cpu_usd: usd(nanos),
        memory_usd: 0.0,
        volume_usd: 0.0,
        fargate_usd: 0.0,
        on_demand_usd: None,
        cpu_request_core_hours: 1.0,
        cpu_used_core_hours: 0.5,
        memory_request_gib_hours: 2.0,
        memory_used_gib_hours: 1.5,
    };
    let overhead =
        |what: &str, nanos: i64| OverheadCost { what: what.to_owned(), usd: usd(nanos), nano_usd: nanos.to_string() };
    let (workloads, over, idle, oversubscribed, residual) =
        (7_000_000_000_001_i64, 3_000_000_000_003, 2_000_000_000_007, 1_000_000_001, 13);
    let total = workloads + over + idle - oversubscribed + residual;
    Allocation {
        total: Shares {
            total_usd: usd(total),
            total_nano_usd: total.to_string(),
            workloads_usd: usd(workloads),
            workloads_nano_usd: workloads.to_string(),
            overhead_usd: usd(over),
            overhead_nano_usd: over.to_string(),
            idle_usd: usd(idle),
            idle_nano_usd: idle.to_string(),
            oversubscribed_usd: usd(oversubscribed),
            oversubscribed_nano_usd: oversubscribed.to_string(),
            residual_usd: usd(residual),
            residual_nano_usd: residual.to_string(),
        },
        overhead: vec![overhead("control plane", 2_000_000_000_000), overhead("daemonsets", 1_000_000_000_003)],
        residual_causes: vec!["rounding".to_owned()],
        shared_namespaces: Vec::new(),
        by_namespace: Vec::new(),
        by_workload: vec![
            workload("api", false, 4_000_000_000_000),
            workload("web", false, 2_000_000_000_000),
            workload("cache", false, 1_000_000_000_001),
            workload("agent", true, 1_000_000_000_003),
        ],
        by_node_group: Vec::new(),
        by_zone: Vec::new(),
        by_label: Vec::new(),
        by_volume_claim: Vec::new(),
    }
}

fn samples() -> Vec<(&'static str, Analysis)> {
    let mut all = sample::all();
    all.push(("committed", committed()));
    all
}

fn settings(version: Version) -> Settings {
    Settings { version, billing_account_id: Some("123456789012".to_owned()) }
}

type Records = Vec<BTreeMap<String, String>>;

/// A CSV file as rows by column; an empty field is null.
fn records(csv: &[u8]) -> Records {
    let mut reader = ::csv::Reader::from_reader(csv);
    reader.deserialize().map(Result::unwrap).collect()
}

/// Every file of every sample and version, by name.
fn each(mut check: impl FnMut(&str, Version, &focus::Table, &Records)) {
    for (sample, analysis) in samples() {
        for version in Version::ALL {
            for table in focus::tables(&analysis, &settings(version)) {
                let rows = records(&table.csv().unwrap());
                check(&format!("{sample} {} {version}", table.name), version, &table, &rows);
            }
        }
    }
}

/// A decimal in trillionths; panics on what FOCUS does not take for a number.
fn number(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(!whole.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{text:?} is no number");
    sign * (whole.parse::<i128>().unwrap() * 1_000_000_000_000 + format!("{decimals:0<12}").parse::<i128>().unwrap())
}

#[test]
fn the_columns_that_the_specification_wants_are_there_and_come_first() {
    let mandatory: Vec<&str> =
        COLUMNS.iter().filter(|c| c.level == Level::Mandatory && c.since == Version::V1_2).map(|c| c.name).collect();
    assert_eq!(mandatory, MANDATORY);
    each(|name, version, table, _| {
        let names: Vec<&str> = table.columns().map(|column| column.name).collect();
        let (standard, ours): (Vec<&str>, Vec<&str>) = names.iter().partition(|column| !column.starts_with("x_"));
        assert_eq!([standard.clone(), ours.clone()].concat(), names, "{name}: ours come after");
        assert!(standard.is_sorted() && standard.len() == standard.iter().collect::<BTreeSet<_>>().len(), "{name}");
        assert!(MANDATORY.iter().all(|column| standard.contains(column)), "{name}");
        assert!(names.iter().all(|column| column.len() <= 50), "{name}");
        assert_eq!(names.contains(&"AllocatedMethodId"), version == Version::V1_3, "{name}");
        assert!(ours.iter().all(|column| column[2..].bytes().all(|b| b.is_ascii_alphanumeric())), "{name}");
    });
}

#[test]
fn parquet_is_typed_and_says_what_the_csv_says() {
    each(|name, _, table, rows| {
        let bytes = table.parquet().unwrap();
        assert_eq!(bytes, table.parquet().unwrap(), "{name}: the same bytes");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        let columns: Vec<_> = table.columns().collect();
        let mut seen = 0;
        for batch in &batches {
            for (n, column) in columns.iter().enumerate() {
                let (schema, array) = (batch.schema(), batch.column(n));
                let field = schema.field(n);
                let expect = match column.kind {
                    Kind::Text => DataType::Utf8,
                    Kind::Decimal => DataType::Decimal128(38, 12),
                    Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                };
                assert_eq!((field.name().as_str(), field.data_type()), (column.name, &expect), "{name}");
                assert_eq!(field.is_nullable(), column.nullable, "{name} {}", column.name);
                for row in 0..batch.num_rows() {
                    let csv = &rows[seen + row][column.name];
                    if array.is_null(row) {
                        assert!(csv.is_empty() && column.nullable, "{name} {}", column.name);
                        continue;
                    }
                    match column.kind {
                        Kind::Text => {
                            let text = array.as_string::<i32>().value(row);
                            assert_eq!(csv.strip_prefix('\'').unwrap_or(csv), text.strip_prefix('\'').unwrap_or(text));
                        }
                        Kind::Decimal => assert_eq!(number(csv), array.as_primitive::<Decimal128Type>().value(row)),
                        Kind::Time => {
                            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
                            let moment: DateTime<Utc> = DateTime::from_timestamp_millis(millis).unwrap();
                            assert_eq!(*csv, moment.to_rfc3339_opts(SecondsFormat::Secs, true));
                        }
                    }
                }
            }
            seen += batch.num_rows();
        }
        assert_eq!(seen, rows.len(), "{name}");
    });
}

#[test]
fn null_stands_only_where_it_may() {
    each(|name, _, table, rows| {
        for (column, row) in table.columns().flat_map(|column| rows.iter().map(move |row| (column, row))) {
            assert!(column.nullable || !row[column.name].trim().is_empty(), "{name}: {} is null", column.name);
        }
        for row in rows {
            let null = |column: &str| row[column].is_empty();
            // Pairs that are null together.
            for (one, other) in [
                ("PricingQuantity", "PricingUnit"),
                ("ConsumedQuantity", "ConsumedUnit"),
                ("CommitmentDiscountQuantity", "CommitmentDiscountUnit"),
                ("CommitmentDiscountId", "CommitmentDiscountStatus"),
                ("CommitmentDiscountId", "CommitmentDiscountCategory"),
                ("CommitmentDiscountId", "CommitmentDiscountType"),
                ("RegionId", "RegionName"),
                ("ResourceId", "ResourceType"),
                ("SkuId", "SkuPriceId"),
            ] {
                assert_eq!(null(one), null(other), "{name}: {one} and {other}");
            }
            // Of usage and purchases that are no corrections.
            for never in
                ["ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingCategory", "SkuId", "SkuPriceId"]
            {
                assert!(!null(never), "{name}: {never}");
            }
            assert_eq!(null("ConsumedQuantity"), row["CommitmentDiscountStatus"] == "Unused", "{name}");
            // The pricing currency is the billing currency.
            for (one, other) in [
                ("PricingCurrencyContractedUnitPrice", "ContractedUnitPrice"),
                ("PricingCurrencyEffectiveCost", "EffectiveCost"),
                ("PricingCurrencyListUnitPrice", "ListUnitPrice"),
            ] {
                assert_eq!(row[one], row[other], "{name}: {one}");
            }
        }
    });
}

#[test]
fn words_are_those_of_the_specification() {
    each(|name, _, _, rows| {
        for row in rows {
            let is = |column: &str, allowed: &[&str]| {
                assert!(allowed.contains(&row[column].as_str()), "{name}: {column} is {:?}", row[column]);
            };
            is("ChargeCategory", &["Usage"]);
            is("ChargeClass", &[""]);
            is("ChargeFrequency", &["One-Time", "Recurring", "Usage-Based"]);
            is("PricingCategory", &["Standard", "Dynamic", "Committed", "Other"]);
            is("CommitmentDiscountCategory", &["", "Spend", "Usage"]);
            is("CommitmentDiscountStatus", &["", "Used", "Unused"]);
            is("BillingCurrency", &["USD"]);
            is("PricingCurrency", &["USD"]);
            is(
                "ServiceSubcategory",
                match row["ServiceCategory"].as_str() {
                    "Compute" => &["Containers", "Serverless Compute", "Virtual Machines"],
                    "Storage" => &["Block Storage"],
                    "Networking" => &["Network Infrastructure"],
                    "Other" => &["Other (Other)"],
                    other => panic!("{name}: ServiceCategory is {other:?}"),
                },
            );
            if !row["CommitmentDiscountId"].is_empty() {
                assert_eq!(row["PricingCategory"], "Committed", "{name}");
            }
        }
    });
}

#[test]
fn periods_are_utc_end_exclusive_and_within_each_other() {
    each(|name, _, _, rows| {
        for row in rows {
            let at = |column: &str| -> DateTime<Utc> {
                assert!(row[column].len() == 20 && row[column].ends_with('Z'), "{name}: {column} {}", row[column]);
                row[column].parse().unwrap()
            };
            let order =
                [at("BillingPeriodStart"), at("ChargePeriodStart"), at("ChargePeriodEnd"), at("BillingPeriodEnd")];
            assert!(order.is_sorted() && order[1] < order[2], "{name}: {order:?}");
            for edge in ["BillingPeriodStart", "BillingPeriodEnd"] {
                assert!(row[edge].ends_with("-01T00:00:00Z"), "{name}: {edge} {}", row[edge]);
            }
        }
    });
}

#[test]
fn a_unit_price_times_its_quantity_is_the_cost() {
    each(|name, _, _, rows| {
        for row in rows {
            let of = |column: &str| number(&row[column]) as f64 / 1e12;
            for (price, cost) in [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")] {
                assert!(of(price) >= 0.0, "{name}: {price}");
                let (is, expect) = (of(price) * of("PricingQuantity"), of(cost));
                assert!((is - expect).abs() <= 1e-9 * expect.abs().max(1.0), "{name}: {cost} {expect}, product {is}");
            }
            assert_eq!(number(&row["BilledCost"]), 0, "{name}: nothing was invoiced");
        }
    });
}

#[test]
fn the_rows_of_a_scenario_add_up_to_its_total() {
    for (sample, analysis) in samples() {
        let tables = focus::tables(&analysis, &settings(Version::V1_2));
        for scenario in &analysis.scenarios {
            let table = tables.iter().find(|table| table.name == scenario.id).unwrap();
            let rows = records(&table.csv().unwrap());
            let sum: i128 = rows.iter().map(|row| number(&row["EffectiveCost"])).sum();
            let total = scenario.cost_usd.total.unwrap_or_default();
            assert!((sum as f64 / 1e12 - total).abs() < 1e-6, "{sample} {}: {sum} is not {total}", scenario.id);
            // And line by line.
            for (line, usd) in scenario.cost_usd.lines() {
                let of_line = rows.iter().filter(|row| row["x_CostLine"] == line);
                let sum: i128 = of_line.map(|row| number(&row["EffectiveCost"])).sum();
                let usd = usd.unwrap_or_default();
                assert!((sum as f64 / 1e12 - usd).abs() < 1e-8, "{sample} {} {line}", scenario.id);
            }
            for row in &rows {
                assert_eq!((row["x_Scenario"].as_str(), row["x_View"].as_str()), (scenario.id.as_str(), "charges"));
            }
        }
    }
}

#[test]
fn commitments_stand_in_contracted_and_effective_cost_and_unused_ones_apart() {
    let tables = focus::tables(&committed(), &settings(Version::V1_2));
    let rows = records(&tables[0].csv().unwrap());
    let unused: Vec<_> = rows.iter().filter(|row| row["CommitmentDiscountStatus"] == "Unused").collect();
    let names: Vec<_> = unused.iter().map(|row| row["CommitmentDiscountId"].as_str()).collect();
    assert_eq!(names, ["three-years", "reserved"], "of one that is used up there is no row");
    let sum = |column: &str, line: &str| -> i128 {
        rows.iter().filter(|row| row["x_CostLine"] == line).map(|row| number(&row[column])).sum()
    };
    assert_eq!(sum("EffectiveCost", "unused_commitments"), number("12.5"));
    let compute = |column| sum(column, "compute") as f64;
    assert!((compute("EffectiveCost") / compute("ContractedCost") - 0.9).abs() < 1e-9);
    assert!((compute("ListCost") / compute("ContractedCost") - 1.1).abs() < 1e-9);
    let covered = rows.iter().filter(|row| row["x_CostLine"] == "compute" && row["x_CapacityType"] != "spot");
    assert!(covered.clone().count() > 0);
    for row in covered {
        assert_eq!((row["PricingCategory"].as_str(), row["x_ListCostBasis"].as_str()), ("Other", "shared"));
    }
}

#[test]
fn by_workload_adds_up_exactly_and_names_what_is_nobodys() {
    let analysis = committed();
    let expect: i128 = allocation().total.total_nano_usd.parse().unwrap();
    for version in Version::ALL {
        let tables = focus::tables(&analysis, &settings(version));
        let table = tables.iter().find(|table| table.name == "ec2-today-by-workload").unwrap();
        let rows = records(&table.csv().unwrap());
        let sum: i128 = rows.iter().map(|row| number(&row["EffectiveCost"])).sum();
        assert_eq!(sum, expect * 1_000, "to the nano-dollar");
        assert_eq!(
            rows.iter().map(|row| number(&row["PricingQuantity"])).sum::<i128>(),
            expect * 1_000,
            "quantities too"
        );
        let parts: Vec<(&str, &str)> =
            rows.iter().map(|row| (row["x_Part"].as_str(), row["x_Workload"].as_str())).collect();
        assert_eq!(
            parts,
            [
                ("workload", "api"),
                ("workload", "web"),
                ("workload", "cache"),
                ("daemonset", "agent"),
                ("overhead", ""),
                ("idle", ""),
                ("oversubscribed", ""),
                ("residual", "")
            ]
        );
        assert!(number(&rows[6]["EffectiveCost"]) < 0, "what is promised twice is paid once");
        let tags = |column: &str| serde_json::from_str::<serde_json::Value>(&rows[0][column]).unwrap();
        match version {
            Version::V1_2 => assert_eq!(tags("Tags")["kubernetes/workload"], "api"),
            Version::V1_3 => split_cost_follows_the_rules(&rows),
        }
    }
}

/// FOCUS 1.3: the allocated charges of one origin charge.
fn split_cost_follows_the_rules(rows: &Records) {
    let ours = |column: &str| column.starts_with("x_") || column.starts_with("Allocated");
    let summable = [
        "ConsumedQuantity",
        "PricingQuantity",
        "ContractedCost",
        "EffectiveCost",
        "PricingCurrencyEffectiveCost",
        "ListCost",
    ];
    for (column, value) in &rows[0] {
        if !ours(column) && !summable.contains(&column.as_str()) {
            assert!(rows.iter().all(|row| row[column] == *value), "{column} is that of the origin in every row");
        }
    }
    let mut ratios = 0;
    for row in rows {
        assert_eq!(row["AllocatedMethodId"], "emp-cost/max-request-usage");
        let details = &row["AllocatedMethodDetails"];
        assert!(serde_json::from_str::<serde_json::Value>(details).unwrap()["Elements"][0].is_object(), "{details}");
        let ratio = details.rsplit(':').next().unwrap().trim_end_matches(['}', ']']);
        ratios += number(ratio);
        assert_eq!(row["AllocatedResourceId"].is_empty(), row["x_Workload"].is_empty());
        assert_eq!(row["AllocatedTags"].is_empty(), row["x_Workload"].is_empty());
        assert!(row["Tags"].is_empty(), "tags of the resource are not said twice");
    }
    assert_eq!(ratios, number("1"));
    assert_eq!(rows[0]["AllocatedResourceId"], "shop/Deployment/api");
}

#[test]
fn what_no_metric_says_is_said_by_the_user_or_named_as_unknown() {
    let analysis = sample::believable();
    let account = |id: Option<&str>| {
        let settings = Settings { version: Version::V1_2, billing_account_id: id.map(str::to_owned) };
        records(&focus::tables(&analysis, &settings)[0].csv().unwrap())[0]["BillingAccountId"].clone()
    };
    assert_eq!(account(Some("123456789012")), "123456789012");
    assert_eq!(account(None), "cluster/shop-production");
}
