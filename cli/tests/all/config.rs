//! Options from a file, and what shells and `man` get.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use crate::run::lake_of;

fn emp_cost(args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(args)
        .env_remove("EMP_COST_LAKE")
        .env_remove("EMP_COST_CLUSTER_ID")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Clusters whose reports lie in a lake.
fn reported(lake: &Path) -> Vec<String> {
    let Ok(folders) = fs::read_dir(lake.join("reports")) else { return Vec::new() };
    let names = folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter_map(|name| Some(name.strip_prefix("cluster=")?.to_owned())).collect();
    names.sort();
    names
}

#[test]
fn a_command_takes_its_options_from_a_file_and_the_command_line_wins() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    lake_of(&lake, &["a", "b", "c"]);
    let file = folder.path().join("run.toml");
    let text = format!(
        "lake = \"{}\"\ncluster-id = [\"a\"]\nbill-only = true\nwindow = \"all\"\nformat = [\"html\", \"json\", \"xlsx\"]\nquiet = true\n",
        lake.display()
    );
    fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let output = emp_cost(&["run", "--config", config], &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((reported(&lake), said(&output)), (vec!["a".to_owned()], String::new()));
    let book = fs::read(lake.join("reports/cluster=a/latest/report.xlsx")).unwrap();
    assert!(book.starts_with(b"PK"), "a workbook is a zip archive");
    let output = emp_cost(&["run", "--config", config], &[("EMP_COST_CLUSTER_ID", "b")]);
    assert!(output.status.success() && reported(&lake) == ["a", "b"], "a variable wins over the file");
    let output = emp_cost(&["--config", config, "run", "--cluster-id", "c"], &[("EMP_COST_CLUSTER_ID", "b")]);
    assert_eq!(output.status.code(), Some(2), "it is an option of the command: {}", said(&output));
    let output = emp_cost(&["run", "--cluster-id", "c", "--config", config], &[("EMP_COST_CLUSTER_ID", "b")]);
    assert!(output.status.success() && reported(&lake) == ["a", "b", "c"], "a flag wins over both");
}

#[test]
fn a_file_of_options_with_a_mistake_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.toml");
    let config = file.to_str().unwrap();
    let check = |text: &str, words: &[&str]| {
        fs::write(&file, text).unwrap();
        let output = emp_cost(&["run", "--config", config], &[]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).starts_with("error: "), "{}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "{word} in {}", said(&output));
        }
    };
    check(
        "cluster_id = \"a\"\nspeed = 1\n",
        &["`cluster_id` (write it `cluster-id`)", "`speed`", "run.toml", "emp-cost run"],
    );
    check("lake = \"x\"\nwindow = \"soon\"\n", &["not a span", "note: --window comes from", "run.toml"]);
    check("lake = \n", &["run.toml"]);
    let output = emp_cost(&["run", "--config", "/nowhere/run.toml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("error: read `/nowhere/run.toml`"), "{}", said(&output));
}

#[test]
fn errors_have_one_form() {
    for args in [
        &["run", "--lake", "/nowhere/lake"][..],
        &["report", "--analysis", "/nowhere/analysis.json", "--out", "x"],
        &["analyse"],
    ] {
        let output = emp_cost(args, &[]);
        assert!(said(&output).starts_with("error: ") && output.stdout.is_empty(), "{args:?}: {}", said(&output));
    }
    let output = emp_cost(&["run", "--lake", "/nowhere/lake", "--log-format", "json"], &[]);
    let line: serde_json::Value = serde_json::from_str(said(&output).trim()).unwrap();
    assert!(line["level"] == "ERROR" && line["message"].as_str().unwrap().contains("/nowhere/lake"), "{line}");
}

#[test]
fn every_shell_gets_completions_that_know_the_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = emp_cost(&["completions", shell], &[]);
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["emp-cost", "max-unpriced", "config"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        // Values of an option; two shells are told of options alone.
        assert_eq!(script.contains("right-sizing"), !matches!(shell, "elvish" | "powershell"), "{shell}");
    }
    assert_eq!(emp_cost(&["completions", "tcsh"], &[]).status.code(), Some(2));
}

/// Lines of what a shell offers, the first word of each; `None` where the shell is not there, which is said.
fn offered(shell: &str, script: &str) -> Option<Vec<String>> {
    let output = match Command::new(shell).args(["-c", script]).env("TERM", "dumb").output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Past the capture of the test harness, so that the line is seen.
            let _unseen = writeln!(std::io::stderr(), "skipped: completions of {shell}: it is not on the PATH");
            return None;
        }
        Err(error) => panic!("{shell}: {error}"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().filter_map(|line| line.split_whitespace().next()).map(ToOwned::to_owned).collect();
    assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    Some(words)
}

/// What is typed, and what must be offered for its last word.
const TYPED: [(&str, &[&str]); 6] = [
    ("emp-cost r", &["report", "run"]),
    ("emp-cost run --max", &["--max-unpriced"]),
    ("emp-cost lake ls --cl", &["--cluster-id"]),
    ("emp-cost lake c", &["compact"]),
    ("emp-cost demo --family ", &["overprovisioned", "staggered-peaks", "well-sized"]),
    ("emp-cost completions ba", &["bash"]),
];

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("emp-cost.bash");
    fs::write(&file, emp_cost(&["completions", "bash"], &[]).stdout).unwrap();
    for (typed, expected) in TYPED {
        // As bash does: the function that is registered for the command, with the words and the one the cursor is on.
        let script = format!(
            "source {}; spec=$(complete -p emp-cost); [[ $spec =~ -F\\ ([^ ]+) ]] || exit 3; function=${{BASH_REMATCH[1]}}; \
             IFS=' ' read -r -a COMP_WORDS <<< '{typed}'; [[ '{typed}' == *' ' ]] && COMP_WORDS+=(''); COMP_LINE='{typed}'; \
             COMP_POINT=${{#COMP_LINE}}; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $function emp-cost \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let mut offered = offered("bash", &script).unwrap();
        offered.sort();
        assert_eq!(offered, expected, "{typed}");
    }
    // With an empty word every option is offered.
    let script = format!(
        "source {}; COMP_WORDS=(emp-cost compare --); COMP_CWORD=2; _emp__cost emp-cost -- compare; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let offered = offered("bash", &script).unwrap();
    for option in ["--out", "--config", "--log-format", "--help"] {
        assert!(offered.iter().any(|word| word == option), "{option} in {offered:?}");
    }
}

#[test]
fn fish_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("emp-cost.fish");
    fs::write(&file, emp_cost(&["completions", "fish"], &[]).stdout).unwrap();
    // Fish is told of options and their values, and of no value without an option.
    for (typed, expected) in TYPED.into_iter().filter(|(typed, _)| !typed.starts_with("emp-cost completions")) {
        let script = format!("source {}; complete -C '{typed}'", file.display());
        let Some(mut offered) = offered("fish", &script) else { return };
        offered.sort();
        assert_eq!(offered, expected, "{typed}");
    }
}

#[test]
fn zsh_takes_the_completions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("_emp-cost");
    fs::write(&file, emp_cost(&["completions", "zsh"], &[]).stdout).unwrap();
    // Completions of zsh need a terminal; that the functions are there, and that compinit takes the file, does not.
    let script = format!(
        "fpath=({} $fpath); autoload -Uz compinit; compinit -u -d {}/dump; print ${{_comps[emp-cost]}}; \
         autoload +X _emp-cost && print loaded",
        folder.path().display(),
        folder.path().display()
    );
    let Some(offered) = offered("zsh", &script) else { return };
    assert_eq!(offered, ["_emp-cost", "loaded"]);
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = emp_cost(&["man", folder.path().to_str().unwrap()], &[]);
    assert!(output.status.success(), "{}", said(&output));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|_| panic!("no {name}"));
    let top = read("emp-cost.1");
    assert!(top.contains(".TH emp-cost 1") && top.contains(".SH DESCRIPTION"), "{top}");
    let run = read("emp-cost-run.1");
    for word in [".SH OPTIONS", "max\\-unpriced", "config", "EMP_COST_LAKE", "EMP_COST_CLUSTER_ID"] {
        assert!(run.contains(word), "{word} in {run}");
    }
    read("emp-cost-lake-ls.1");
    read("emp-cost-prices-show.1");
    let pages = fs::read_dir(folder.path()).unwrap().count();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&format!("{pages} pages")));
    // The same pages again, byte for byte.
    emp_cost(&["man", folder.path().to_str().unwrap()], &[]);
    assert_eq!(read("emp-cost-run.1"), run);
}

#[test]
fn a_bucket_without_a_region_is_one_line_with_the_next_step() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["lake", "ls", "--lake", "s3://bucket/prefix"])
        .env_clear()
        .env("HOME", home.path())
        // Nobody answers there, as nobody does outside of EC2.
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("no AWS region is set") && words.contains("set AWS_REGION"), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(!words.contains("Failed {") && !words.contains("source:"), "{words}");
}
