//! Checks that what proves who asks reaches the server that was named, and nobody else: no other host, no text, no
//! file.

use std::process::Command;

use collector::server::{Secret, ServerOptions};

use super::bench::*;
use super::proxy::{Act, Proxy, Request};

const ANSWER: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}"#;

fn with_header(url: &str) -> ServerOptions {
    let headers = vec![("X-Api-Key".to_owned(), Secret::new("hunter2-of-the-header"))];
    ServerOptions { headers, tenant: Some("team-a".to_owned()), ..quick(url) }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_follows_a_server_that_sends_on_to_another() {
    for status in [301, 302, 303, 307, 308] {
        let other = Proxy::start(&[], None, |_: &Request, _| Act::Answer(200, "", ANSWER)).await;
        let to: &'static str = format!("location: {}/api/v1/query?token=hunter2-of-theirs", other.url).leak();
        let proxy = Proxy::start(&[], None, move |_: &Request, _| Act::Answer(status, to, "")).await;
        let said = refused(&with_header(&proxy.url)).await.to_string();
        assert!(other.seen().is_empty(), "{status}: {:?}", other.seen());
        assert!(said.contains(&proxy.url) && said.contains(&other.url) && said.contains("was not asked"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_send_on_within_itself() {
    let Some(real) = holding("within itself", several(), &[]).await else { return };
    // Prometheus behind a path, by a proxy that puts a slash between.
    let proxy = Proxy::start(&[real.url()], None, |request: &Request, _| match request.path.strip_prefix("/here") {
        Some(rest) => Act::Answer(308, format!("location: {rest}").leak(), ""),
        None => Act::Forward(0),
    })
    .await;
    let through = undisturbed(&with_header(&format!("{}/here", proxy.url))).await;
    assert_eq!(through.objects(), undisturbed(&quick(real.url())).await.objects());
    let circle = Proxy::start(&[], None, |_: &Request, _| Act::Answer(308, "location: /again", "")).await;
    assert!(refused(&with_header(&circle.url)).await.to_string().contains("circle"));
}

/// Everything a run with these arguments says, and leaves in its lake.
fn everything_said(args: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let rest = ["--lake", lake, "--cluster-id", "c1", "--once", "--reach", "3h", "--listen", ""];
    let mut said = String::new();
    for format in ["text", "json"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
        command.args(args).args(rest).args(["--log-format", format]).envs(environment.iter().copied());
        let output = command.env("RUST_BACKTRACE", "1").output().unwrap();
        assert!(!output.status.success(), "nothing here can succeed");
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    let written = Command::new("grep").args(["-r", "hunter2", lake]).output().unwrap();
    said + &String::from_utf8_lossy(&written.stdout)
}

/// A scanner over all output: whatever is given as a secret, wherever, and whatever a server makes of it, none of it shows.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_is_said() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "hunter2-of-the-token\n").unwrap();
    let token = token.path().to_str().unwrap();
    // Servers that say back everything they were told, in every way there is.
    for (status, header) in [
        (200, "content-type: text/html"),
        (400, "content-type: text/plain"),
        (401, "www-authenticate: Basic"),
        (403, "content-type: application/json"),
        (422, "content-type: text/plain"),
        (404, "content-type: text/plain"),
    ] {
        let proxy = Proxy::start(&[], None, move |_: &Request, _| Act::Echo(status, header)).await;
        let (host, port) = proxy.url.trim_start_matches("http://").split_once(':').unwrap();
        let basic = format!("http://me:hunter2-of-the-url@{host}:{port}");
        for args in [
            vec!["--prometheus-url", &basic],
            vec!["--prometheus-url", &proxy.url, "--prometheus-header", "X-Api-Key: hunter2-of-the-header"],
            vec!["--prometheus-url", &proxy.url, "--prometheus-header", "Authorization: Bearer hunter2-of-the-header"],
            vec![
                "--prometheus-url",
                &proxy.url,
                "--prometheus-user",
                "me",
                "--prometheus-password",
                "hunter2-of-the-flag",
            ],
            vec!["--prometheus-url", &proxy.url, "--prometheus-bearer-token-file", token],
        ] {
            let said = tokio::task::block_in_place(|| everything_said(&args, &[]));
            assert!(said.contains(port), "it says which server: {said}");
            check_hidden(&args, &said);
        }
    }
    // Nobody there, and URLs that are none.
    for url in [
        "http://me:hunter2@127.0.0.1:1/p",
        "http://me:hunter2/q@127.0.0.1:1",
        "http://me:12/hunter2@127.0.0.1:1",
        "http://me:hunter2?q@127.0.0.1:1",
        "http://me:hunter2#q@127.0.0.1:1",
        "http://127.0.0.1:1/?token=hunter2",
        "http://127.0.0.1:1/p#hunter2",
        "ftp://me:hunter2@127.0.0.1",
        "me:hunter2@127.0.0.1",
        "http://me:hunter2@",
    ] {
        let said = tokio::task::block_in_place(|| everything_said(&["--prometheus-url", url], &[]));
        check_hidden(&[url], &said);
        let said = tokio::task::block_in_place(|| everything_said(&[], &[("EMP_COST_PROMETHEUS_URL", url)]));
        check_hidden(&[url], &said);
    }
    let proxied = [("HTTP_PROXY", "http://me:hunter2@127.0.0.1:1"), ("http_proxy", "http://me:hunter2@127.0.0.1:1")];
    let said = tokio::task::block_in_place(|| everything_said(&["--prometheus-url", "http://192.0.2.1"], &proxied));
    check_hidden(&["a proxy"], &said);
}

/// The lake is a place too, and people write into it what they write into URLs.
#[test]
fn no_secret_of_a_lake_is_in_anything_that_is_said() {
    for lake in [
        "https://host?token=hunter2",
        "https://u:hunter2@host?token-file=f",
        "https://:hunter2@host?token-file=f",
        "s3://KEY:hunter2@bucket/p",
        "s3://KEY:hun/hunter2@bucket/p",
        "s3://bucket/p?secret=hunter2",
        "gs://u:hunter2@bucket",
    ] {
        for (args, environment) in [(vec!["--lake", lake], None), (Vec::new(), Some(lake))] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
            command.args(["--prometheus-url", "http://127.0.0.1:1", "--cluster-id", "c1", "--once"]).args(&args);
            command.env_remove("EMP_COST_LAKE").envs(environment.map(|lake| ("EMP_COST_LAKE", lake)));
            let output = command.env("RUST_BACKTRACE", "1").output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(2), "{lake}: {said}");
            assert!(said.contains("is not a lake") && said.contains("leave secrets out"), "{lake}: {said}");
            check_hidden(&[lake], &said);
            let help = command.arg("--help").output().unwrap();
            check_hidden(&[lake, "--help"], &String::from_utf8_lossy(&help.stdout));
        }
    }
}

fn check_hidden(what: &[&str], said: &str) {
    // As it is, and as basic authentication sends it: `hunter2` in base 64, at each of the three offsets.
    for secret in ["hunter2", "aHVudGVyM", "h1bnRlcj", "odW50ZXIy"] {
        assert!(!said.contains(secret), "{what:?} shows `{secret}`: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}
