//! The API as its description says: asked by schemathesis, which reads the description and tries what it allows and more.

use std::path::Path;
use std::process::Command;

use fixtures::services;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::harness::with_reports;

/// Every check, of every operation. Assumptions and prices of a what-if are TOML in a text field, more than a schema can say:
/// what is no TOML may be refused with 400 though the schema takes it. So may costs of an earlier report without a cluster,
/// since a description cannot say that one parameter needs another.
const CHECKS: &str = r#"
[checks]
enabled = true
[[operations]]
include-name = "POST /api/v1/what-ifs"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "429", "5xx"]
[[operations]]
include-name = "GET /api/v1/costs"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "429", "5xx"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_is_not_described() {
    let test = "schemathesis_finds_no_answer_that_is_not_described";
    if !services::wanted() {
        return services::skip(test, "COST_TEST_SERVICES is not 1");
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/schemathesis/bin/schemathesis");
    if !program.exists() {
        return services::skip(test, "no schemathesis; `scripts/install.sh schemathesis` installs it");
    }
    let service = super::harness::Service::with("\"admins\"", "[limits]\nrequests_a_minute = 60000").await;
    for cluster in ["prod-1", "test-1"] {
        super::harness::put_report(service.store.as_ref(), cluster).await;
    }
    let session = service.sign_in().await;
    let token = session.token(&service, &[("role", "analyst")]).await;
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("openapi.json");
    let text = service.get("/api/v1/openapi.json").header(AUTHORIZATION, format!("Bearer {token}"));
    std::fs::write(&schema, text.send().await.unwrap().text().await.unwrap()).unwrap();
    std::fs::write(folder.path().join("checks.toml"), CHECKS).unwrap();
    let (url, place) = (service.url.clone(), folder.path().to_owned());
    let output = tokio::task::spawn_blocking(move || {
        Command::new(program)
            .current_dir(place)
            .args(["--config-file", "checks.toml", "run"])
            .arg(schema)
            .args(["--url", &url, "--header", &format!("Authorization: Bearer {token}")])
            .args(["--max-examples", "20", "--seed", "20", "--generation-deterministic"])
            .args(["--phases", "examples,coverage,fuzzing", "--no-color"])
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let last =
        said.lines().rev().find(|line| line.contains("generated") || line.contains("passed")).unwrap_or_default();
    services::say(&format!("schemathesis: {last}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_described_as_they_are_sent() {
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    let (_, text) = session.text(&service, "/api/v1/openapi.json").await;
    let described: Value = serde_json::from_str(&text).unwrap();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for status in ["401", "403", "429"] {
                let body = &operation["responses"][status]["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(body, "#/components/schemas/ApiProblem", "{method} {path} {status}");
            }
        }
    }
}
