//! The program as it is started, with what makes no sense; that it serves is tested with `emp-cost`, whose runs it shows.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::{Command, Output};

fn service(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emp-cost-service")).args(args).output().unwrap()
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_and_nothing_is_served() {
    let lake = tempfile::tempdir().unwrap();
    let wrong = service(&["--lake", lake.path().to_str().unwrap(), "--config", "/nowhere"]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(said.contains("could not read `/nowhere`"), "{said}");
}

#[test]
fn help_names_the_lake_and_the_address() {
    let help = service(&["--help"]);
    let said = String::from_utf8_lossy(&help.stdout);
    assert!(
        help.status.success()
            && said.starts_with("Reporting service: ")
            && said.contains("--lake")
            && said.contains("--listen"),
        "{said}"
    );
}
