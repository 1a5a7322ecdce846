//! The same bills as Parquet files, as AWS writes them: doubles, timestamps, maps, packed with snappy.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, MapBuilder, StringArray, StringBuilder, TimestampMillisecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use fixtures::invoice::{BillFormat, BillPlan};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::planted::{bill, check, hours, read, seen};

/// Columns that are numbers.
const NUMBERS: [&str; 9] = [
    "cost",
    "usage_amount",
    "total_commitment_to_date",
    "used_commitment",
    "effectivecost",
    "listcost",
    "billedcost",
    "consumedquantity",
    "net_unblended_cost",
];

fn is_number(name: &str) -> bool {
    let name = name.to_lowercase();
    NUMBERS.iter().any(|ending| name.ends_with(ending))
}

fn is_moment(name: &str) -> bool {
    ["usage_start_date", "usage_end_date", "ChargePeriodStart", "ChargePeriodEnd"].iter().any(|end| name.ends_with(end))
}

fn column(name: &str, values: &[String]) -> (Field, ArrayRef) {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let array: ArrayRef = if is_number(name) {
        Arc::new(Float64Array::from_iter(values.iter().map(|text| some(text).map(|text| text.parse::<f64>().unwrap()))))
    } else if is_moment(name) {
        let moment =
            |text: &String| some(text)?.parse::<chrono::DateTime<chrono::Utc>>().ok().map(|at| at.timestamp_millis());
        Arc::new(TimestampMillisecondArray::from_iter(values.iter().map(moment)))
    } else if name == "resource_tags" || name == "Tags" {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for text in values {
            let tags: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
            for (key, value) in tags {
                map.keys().append_value(key);
                map.values().append_value(value.as_str().unwrap());
            }
            map.append(true).unwrap();
        }
        Arc::new(map.finish())
    } else {
        Arc::new(StringArray::from_iter(values.iter().map(some)))
    };
    (Field::new(name, array.data_type().clone(), true), array)
}

/// Writes CSV text as Parquet.
pub(crate) fn write(csv: &str, path: &Path) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let mut columns: Vec<Vec<String>> = names.iter().map(|_| Vec::new()).collect();
    for record in reader.records() {
        for (column, value) in columns.iter_mut().zip(record.unwrap().iter()) {
            column.push(value.to_owned());
        }
    }
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        names.iter().zip(&columns).map(|(name, values)| column(name, values)).unzip();
    let schema = Arc::new(Schema::new(fields));
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_max_row_group_row_count(Some(500));
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), Arc::clone(&schema), Some(properties.build())).unwrap();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_says_what_csv_says() {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    for format in [BillFormat::Cur2, BillFormat::Focus10, BillFormat::Focus12] {
        let folder = tempfile::tempdir().unwrap();
        write(&bill.csv(format), &folder.path().join("bill-00001.snappy.parquet"));
        let invoice = read(folder.path(), seen(&hours), None).unwrap();
        check(&invoice, &bill.truth, true);
        assert_eq!(invoice.export.cluster_names, ["demo-eks"], "{format:?}");
    }
}
