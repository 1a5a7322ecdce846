//! The program itself, where what is tested is what it finds around it: credentials, a disk.

use std::process::{Command, Output};

use aws_credential_types::Credentials;

use super::access::is_signed;
use super::bench::*;
use super::proxy::{Act, Proxy, Request};
use crate::world::hour;

/// The arguments of a run over the hour of the tests, and its neighbours, of which there is too little.
fn arguments(url: &str, lake: &str) -> Vec<String> {
    let reach = hour().start().to_rfc3339();
    let own =
        ["--once", "--prometheus-url", url, "--lake", lake, "--cluster-id", "c", "--reach", &reach, "--listen", ""];
    own.into_iter().map(ToOwned::to_owned).collect()
}

async fn run(mut command: Command) -> (Output, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_with_the_credentials_of_the_environment() {
    let Some(real) = holding("sigv4 chain", several(), &[]).await else { return };
    let script = |request: &Request, _| {
        let secret = Credentials::new("AKIDEXAMPLE", "s3cret", Some("session".to_owned()), None, "test");
        match is_signed(request, &secret) && request.header("x-amz-security-token") == Some("session") {
            true => Act::Forward(0),
            false => Act::Answer(403, "", "not signed"),
        }
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let folder = tempfile::tempdir().unwrap();
    let collector = |secret: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
        command.args(arguments(&proxy.url, folder.path().to_str().unwrap()));
        command.args(["--prometheus-sigv4-region", "eu-west-1"]);
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", secret);
        command.env("AWS_SESSION_TOKEN", "session").env("AWS_EC2_METADATA_DISABLED", "true");
        command
    };
    let (output, said) = run(collector("wrong")).await;
    assert!(!output.status.success() && said.contains("403") && !said.contains("wrong"), "{said}");
    let (output, said) = run(collector("s3cret")).await;
    assert!(output.status.success() && said.contains("hour written"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_leaves_no_hour_and_the_next_run_fills_it() {
    let Some(real) = holding("disk full", several(), &[]).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let arguments = arguments(real.url(), folder.path().to_str().unwrap());
    // A limit on the size of files stands in for the end of the disk: writing fails part of the way, with an error of the
    // operating system. Ignored, its signal does not end the process.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_emp-cost-collector")]);
    let (output, said) = run({
        limited.args(&arguments);
        limited
    })
    .await;
    assert!(!output.status.success() && said.contains("File too large") && said.contains("tried again"), "{said}");
    let lake = lake::Lake::new(std::sync::Arc::new(lake::store::DirStore::new(folder.path())));
    assert_eq!(lake.clusters().await.unwrap(), [], "an hour that failed may not be in the lake");
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
    command.args(&arguments);
    let (output, said) = run(command).await;
    assert!(output.status.success() && said.contains("hour written"), "{said}");
}

/// Returns the credentials of the tests: those of [`GIVEN`].
fn given() -> Credentials {
    Credentials::new("ASIAGIVEN", "g1ven", Some("given-session".to_owned()), None, "test")
}

/// The credentials as the container endpoint and the instance metadata give them.
const GIVEN: &str = r#"{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-06-30T12:00:00Z","AccessKeyId":"ASIAGIVEN","SecretAccessKey":"g1ven","Token":"given-session","Expiration":"2099-06-30T12:00:00Z"}"#;

/// The same as STS gives them.
const ASSUMED: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>system:serviceaccount:emp:collector</SubjectFromWebIdentityToken><Credentials><AccessKeyId>ASIAGIVEN</AccessKeyId><SecretAccessKey>g1ven</SecretAccessKey><SessionToken>given-session</SessionToken><Expiration>2099-06-30T12:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#;

/// Collects with the credentials that `source`, a server of them, gives; `environment` says where it is. The requests
/// must be signed with what it gave, and the log must name it.
async fn check_chain(
    test: &str,
    source: impl Fn(&Request) -> Act + Send + Sync + 'static,
    environment: impl Fn(&str, &std::path::Path) -> Vec<(&'static str, String)>,
    named: &str,
) {
    let Some(real) = holding(test, several(), &[]).await else { return };
    let signed = |request: &Request, _| match is_signed(request, &given()) {
        true => Act::Forward(0),
        false => Act::Answer(403, "", "not signed"),
    };
    let proxy = Proxy::start(&[real.url()], None, signed).await;
    let source = Proxy::start(&[], None, move |request, _| source(request)).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "the-token").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
    command.args(arguments(&proxy.url, folder.path().join("lake").to_str().unwrap()));
    command.args(["--prometheus-sigv4-region", "eu-west-1"]);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
    ] {
        command.env_remove(name);
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, folder.path().join("none"));
    }
    command.env("AWS_REGION", "eu-west-1").envs(environment(&source.url, folder.path()));
    let (output, said) = run(command).await;
    assert!(output.status.success() && said.contains("hour written"), "{said}");
    assert!(said.contains("credentials for Prometheus found") && said.contains(named), "{said}");
    assert!(!said.contains("g1ven") && !said.contains("given-session") && !said.contains("the-token"), "{said}");
    assert!(!source.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_with_what_pod_identity_gives() {
    let source = |request: &Request| match (request.path.as_str(), request.header("authorization")) {
        ("/v1/credentials", Some("the-token")) => Act::Answer(200, "content-type: application/json", GIVEN),
        _ => Act::Answer(401, "", "who are you?"),
    };
    let environment = |url: &str, folder: &std::path::Path| {
        vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/v1/credentials")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", folder.join("token").display().to_string()),
        ]
    };
    check_chain("pod identity", source, environment, "the container credentials endpoint (EKS Pod Identity").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_with_what_a_web_identity_is_given() {
    let source = |request: &Request| {
        let form = request.form();
        let has = |name: &str, value: &str| form.iter().any(|(n, v)| n == name && v == value);
        let asked = has("Action", "AssumeRoleWithWebIdentity") && has("WebIdentityToken", "the-token");
        match asked && has("RoleArn", "arn:aws:iam::111122223333:role/r") {
            true => Act::Answer(200, "content-type: text/xml", ASSUMED),
            false => Act::Answer(400, "", "<ErrorResponse/>"),
        }
    };
    let environment = |url: &str, folder: &std::path::Path| {
        vec![
            ("AWS_ENDPOINT_URL_STS", url.to_owned()),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r".to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", folder.join("token").display().to_string()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    };
    check_chain("web identity", source, environment, "web identity (AWS_WEB_IDENTITY_TOKEN_FILE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_with_what_the_instance_metadata_give() {
    // The second version of the service: nothing without a token that was put for.
    let source = |request: &Request| match (request.method.as_str(), request.path.as_str()) {
        ("PUT", "/latest/api/token") => Act::Answer(200, "x-aws-ec2-metadata-token-ttl-seconds: 21600", "imds-token"),
        _ if request.header("x-aws-ec2-metadata-token") != Some("imds-token") => Act::Answer(401, "", ""),
        ("GET", "/latest/meta-data/iam/security-credentials/") => Act::Answer(200, "", "role"),
        ("GET", "/latest/meta-data/iam/security-credentials/role") => Act::Answer(200, "", GIVEN),
        _ => Act::Answer(404, "", ""),
    };
    let environment = |url: &str, _: &std::path::Path| vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.to_owned())];
    check_chain("instance metadata", source, environment, "instance metadata").await;
}
