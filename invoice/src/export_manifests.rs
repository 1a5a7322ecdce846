//! Finds the files of the last delivery of a month. AWS writes an export anew until the month is closed, and keeps what it
//! wrote before where the export says so.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::InvoiceError;

/// Manifest: the files of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The billing period, as the path or the manifest writes it.
    period: String,
    /// Segments of its path: that of a month lies above those of its deliveries.
    depth: usize,
    name: String,
    /// Keys in the bucket it was written to.
    files: Vec<String>,
}

/// Returns true for a manifest, by its name.
pub(crate) fn is_manifest(name: &str) -> bool {
    name.ends_with("Manifest.json")
}

impl Manifest {
    /// Reads a manifest: `reportKeys` of a Cost and Usage Report, `dataFiles` of Data Exports. `None` where it has neither.
    pub(crate) fn read(name: &str, text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let files = ["reportKeys", "dataFiles"].iter().find_map(|key| json.get(key)?.as_array())?;
        let files = files.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        let period = period(name)?;
        Some(Self { period, depth: name.split('/').count(), name: name.to_owned(), files })
    }

    fn has(&self, name: &str) -> bool {
        self.files.iter().any(|key| key == name || key.ends_with(&format!("/{name}")) || tail(key, name))
    }
}

/// Returns true when a key of a bucket and a path from a folder below it name one file: the path, or all of it from the month on.
fn tail(key: &str, name: &str) -> bool {
    let from = |text: &str| {
        period(text).and_then(|period| text.find(&period).and_then(|at| text.get(at..).map(ToOwned::to_owned)))
    };
    from(name).is_some_and(|of_name| from(key).is_some_and(|of_key| of_key == of_name))
}

/// The billing period in a path: `20260701-20260801`, or `2026-07` of `BILLING_PERIOD=2026-07`.
fn period(path: &str) -> Option<String> {
    let is_digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    path.split('/').find_map(|segment| {
        if let Some((name, value)) = segment.split_once('=') {
            return name.eq_ignore_ascii_case("billing_period").then(|| value.to_owned());
        }
        let (from, to) = segment.split_once('-')?;
        (is_digits(from, 8) && is_digits(to, 8)).then(|| segment.to_owned())
    })
}

/// The files of the last delivery of each month. Files outside any month's folder are all taken.
///
/// # Errors
/// [`InvoiceError::Versions`] where several deliveries of a month are there and no manifest says which is the last.
pub(crate) fn of_last_delivery(
    location: &str,
    files: Vec<String>,
    manifests: &[Manifest],
) -> Result<Vec<String>, InvoiceError> {
    let mut last: BTreeMap<&str, &Manifest> = BTreeMap::new();
    for manifest in manifests {
        let newer = |there: &&Manifest| {
            (manifest.depth, std::cmp::Reverse(&manifest.name)) < (there.depth, std::cmp::Reverse(&there.name))
        };
        if last.get(manifest.period.as_str()).is_none_or(newer) {
            last.insert(&manifest.period, manifest);
        }
    }
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    let mut chosen = Vec::new();
    for file in files {
        let Some(period) = period(&file) else {
            chosen.push(file);
            continue;
        };
        if let Some(manifest) = last.get(period.as_str()) {
            if manifest.has(&file) {
                chosen.push(file);
            }
            continue;
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        match folders.get(&period) {
            Some(first) if *first != folder => {
                let (location, first) = (location.to_owned(), first.clone());
                return Err(InvoiceError::Versions { location, period, first, second: folder });
            }
            Some(_) => {}
            None => {
                folders.insert(period, folder);
            }
        }
        chosen.push(file);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    const MONTH: &str = "20260701-20260801";

    #[test]
    fn the_manifest_of_the_month_says_which_delivery_is_the_last() {
        let old = format!("{MONTH}/aaa/r-00001.csv.gz");
        let new = format!("{MONTH}/bbb/r-00001.csv.gz");
        let of = |delivery: &str| {
            format!(r#"{{"assemblyId":"{delivery}","reportKeys":["p/r/{MONTH}/{delivery}/r-00001.csv.gz"]}}"#)
        };
        let manifests: Vec<Manifest> = [
            Manifest::read(&format!("{MONTH}/aaa/r-Manifest.json"), &of("aaa")),
            Manifest::read(&format!("{MONTH}/r-Manifest.json"), &of("bbb")),
            Manifest::read(&format!("{MONTH}/bbb/r-Manifest.json"), &of("bbb")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let chosen = of_last_delivery("x", files(&[&old, &new]), &manifests).unwrap();
        assert_eq!(chosen, std::slice::from_ref(&new));
        let error = of_last_delivery("x", files(&[&old, &new]), &[]).unwrap_err();
        assert!(error.to_string().contains(MONTH), "{error}");
    }

    #[test]
    fn data_exports_name_their_files_in_the_folder_beside() {
        let manifest = Manifest::read(
            "metadata/BILLING_PERIOD=2026-07/e-Manifest.json",
            r#"{"dataFiles":["s3://b/p/e/data/BILLING_PERIOD=2026-07/e-00001.snappy.parquet"]}"#,
        );
        let all = files(&[
            "data/BILLING_PERIOD=2026-07/e-00001.snappy.parquet",
            "data/BILLING_PERIOD=2026-07/older/e-00001.snappy.parquet",
            "data/BILLING_PERIOD=2026-06/e-00001.snappy.parquet",
            "data/BILLING_PERIOD=2026-06/e-00002.snappy.parquet",
        ]);
        let chosen = of_last_delivery("x", all.clone(), manifest.as_slice()).unwrap();
        assert_eq!(chosen, [all[0].clone(), all[2].clone(), all[3].clone()]);
    }

    #[test]
    fn files_in_no_months_folder_are_parts_of_one_bill() {
        let all = files(&["a/part-1.csv", "b/part-2.csv"]);
        assert_eq!(of_last_delivery("x", all.clone(), &[]).unwrap(), all);
    }
}
