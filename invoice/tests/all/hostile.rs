//! A bill with numbers in it that cannot be: it is read or refused by file and column, and its sums stay sums.

use std::error::Error;
use std::sync::LazyLock;

use fixtures::invoice::BillPlan;
use lake::HourRows;
use proptest::prelude::*;
use types::Hour;

use crate::planted::{FORMATS, bill, hours, read, seen};

/// Values that exports have been seen to hold, and those at the ends of what a number or a moment can be.
const HOSTILE: [&str; 22] = [
    "",
    "-1",
    "0",
    "NaN",
    "inf",
    "-inf",
    "1e300",
    "-1e300",
    "1e-300",
    "1e2147483647",
    "1e-2147483648",
    "18446744073709551616",
    "-9223372036854775808",
    "9223372036854775807",
    "170141183460469231731687303715884105727",
    "99999999999999999999999999.999999999999",
    "-99999999999999999999999999",
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "262142-12-31T23:59:59Z",
    "2026-07-01T00:00:00.999999999999Z",
];

/// The hours of a lake, and bills of them.
type Bills = (Vec<(Hour, HourRows)>, Vec<String>);

/// The cluster's hours, and their bill in each format.
static BILLS: LazyLock<Bills> = LazyLock::new(|| {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    let texts = FORMATS.map(|format| bill.csv(format)).to_vec();
    (hours, texts)
});

/// The text with some cells replaced that hold a number or a moment: about one in `one_in`.
fn with_hostile_cells(text: &str, choices: &[usize], one_in: usize) -> String {
    let mut choices = choices.iter().copied().cycle();
    let mut lines = text.lines();
    let mut hostile = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        hostile.push('\n');
        for (n, cell) in line.split(',').enumerate() {
            let is_value = cell.parse::<f64>().is_ok() || cell.starts_with("2026-");
            let choice = choices.next().unwrap_or_default();
            let chosen = HOSTILE.get(choice / one_in % HOSTILE.len()).filter(|_| is_value && choice % one_in == 0);
            hostile.push_str(if n > 0 { "," } else { "" });
            hostile.push_str(chosen.unwrap_or(&cell));
        }
    }
    hostile
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_number_of_a_bill_makes_a_panic_or_an_amount_that_is_none(
        choices in prop::collection::vec(0_usize..100_000, 50..600),
        one_in in 20_usize..2_000,
        format in 0_usize..4,
    ) {
        let (hours, texts) = &*BILLS;
        let text = texts.get(format).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), with_hostile_cells(text, &choices, one_in)).unwrap();
        match read(folder.path(), seen(hours), None) {
            Ok(invoice) => {
                // JSON has no number that is none: it would be null, and not read back.
                let text = serde_json::to_string(&invoice).unwrap();
                let again: types::analysis::Invoice = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
            }
            Err(error) => {
                let mut said = error.to_string();
                let mut source = error.source();
                while let Some(error) = source {
                    said.push_str(&error.to_string());
                    source = error.source();
                }
                let is_named = said.contains("`a.csv`") || said.contains("no hour is in both") || said.contains("the bill is in");
                prop_assert!(is_named, "{}", said);
            }
        }
    }
}
