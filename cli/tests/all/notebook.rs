//! The notebook of the documents, its cells run one after the other against a service.

use std::fs;
use std::process::Command;

use fixtures::services;
use serde_json::Value;

use super::serving::{emp_cost, lake_of, run, secret, serve};

#[tokio::test(flavor = "multi_thread")]
async fn the_notebook_reads_a_clusters_days_and_its_sums_are_those_of_the_service() {
    let test = "the_notebook_reads_a_clusters_days";
    let Some(python) = services::find_program("python3") else {
        return services::skip(test, "no `python3` on the PATH");
    };
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1", 3).await;
    let at = lake.path().to_str().unwrap().to_owned();
    run(&mut emp_cost(&["run", "--lake", &at, "--window", "all", "--bill-only"]));
    let serving = serve(&at, folder.path(), "", &[]);
    let who = serving.sign_in().await;
    let made = serving.post("/access/tokens", &who, "note=notebook&days=1&cluster=prod-1").await;
    let token = secret(&made.text().await.unwrap());
    let sums: Value = serde_json::from_str(&serving.page("/api/v1/costs?cluster=prod-1&by=part", &who).await).unwrap();
    let nanos: i128 = sums["total_nano_usd"].as_str().unwrap().parse().unwrap();

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/notebooks/workload-days.ipynb");
    let notebook: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut program = String::new();
    for cell in notebook["cells"].as_array().unwrap().iter().filter(|cell| cell["cell_type"] == "code") {
        assert_eq!(cell["outputs"], Value::Array(Vec::new()), "it is kept without outputs");
        program.extend(cell["source"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()));
        program.push_str("\n\n");
    }
    program.push_str("print('total', total)\n");
    let file = folder.path().join("notebook.py");
    fs::write(&file, program).unwrap();
    let environment =
        [("EMP_COST_URL", serving.url.as_str()), ("EMP_COST_TOKEN", &token), ("EMP_COST_CLUSTER", "prod-1")];
    let output = Command::new(python).arg(&file).envs(environment).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("total {nanos}\n")), "{nanos}: {said}");
    assert!(said.contains("idle and overhead") && said.contains("2026-06-30") && said.contains("core-hours"), "{said}");
}
