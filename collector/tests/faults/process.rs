//! The program itself, where what is tested is what it finds around it: credentials, a disk.

use std::process::{Command, Output};

use aws_credential_types::Credentials;

use crate::access::is_signed;
use crate::bench::*;
use crate::proxy::{Act, Proxy, Request};
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
