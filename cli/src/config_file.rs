//! EDGE: `--config FILE`: options of a command from a TOML file, for those that are not on the command line.
//!
//! The file is turned into flags before the command line is parsed, so that both are checked by the same rules. A flag
//! wins over an environment variable, and that over the file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, ValueHint};
use types::secret_redaction::line_of;

use crate::output::read_file;

/// Name of the option.
const CONFIG: &str = "config";
/// Its id, by which it is told from a `--config` of a command's own.
const ID: &str = "options_file";
/// Options that a file cannot give.
const NOT_IN_A_FILE: [&str; 3] = [CONFIG, "help", "version"];

/// A command line with the options of a file in it.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    pub(crate) args: Vec<OsString>,
    /// The file, and the names of the options that come from it.
    from: Option<(PathBuf, Vec<String>)>,
}

/// Error from a file of options.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(String);

/// Adds `--config` to every command that has options and no `--config` of its own, as `serve` has.
pub(crate) fn with_config(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    if !names.is_empty() {
        return names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_config));
    }
    let longs: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
    if longs.is_empty() || longs.contains(&CONFIG) {
        return command;
    }
    command.arg(
        Arg::new(ID)
            .long(CONFIG)
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .action(ArgAction::Set)
            .help("Read options from this file (TOML), such as `cluster-id = \"prod-1\"`; what is on the command line wins")
            .help_heading("Messages")
            .display_order(899),
    )
}

/// Puts the options of the file that `--config` names, where it is given, into a command line.
///
/// # Errors
/// When the file cannot be read, or has a key that is no option of the command; all such keys are named.
pub(crate) fn expanded(
    args: Vec<OsString>,
    command: &Command,
    has_variable: impl Fn(&str) -> bool,
) -> Result<Expanded, ConfigError> {
    let words: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Some(path) = given_file(&words) else { return Ok(Expanded { args, from: None }) };
    // Only a command that was built has the options that every command has.
    let mut built = command.clone();
    built.build();
    let (command, name) = addressed(&built, &words);
    if !command.get_arguments().any(|arg| arg.get_id() == ID) {
        return Ok(Expanded { args, from: None });
    }
    let shown = path.display().to_string();
    let text = read_file(&path).map_err(|error| ConfigError(format!("{error:#}")))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error: toml::de::Error| {
        // The line itself may hold a password.
        let line = line_of(&text, error.span().map_or(0, |span| span.start));
        ConfigError(format!("read options from `{shown}`: line {line}: {}", error.message().trim_end()))
    })?;
    let unknown: Vec<String> =
        table.keys().filter(|key| option(command, key).is_none()).map(|key| unknown(command, key)).collect();
    if !unknown.is_empty() {
        return Err(ConfigError(format!(
            "read options from `{shown}`: `{name}` has no option {}; `{name} --help` lists them",
            unknown.join(", ")
        )));
    }
    let given = given_names(&words);
    let mut from_file = Vec::new();
    let mut more = Vec::new();
    for (key, value) in &table {
        let Some(arg) = option(command, key) else { continue };
        let is_set = arg.get_env().and_then(|name| name.to_str()).is_some_and(&has_variable);
        if given.contains(key.as_str()) || is_set {
            continue;
        }
        more.extend(
            flags(arg, key, value)
                .map_err(|wrong| ConfigError(format!("read options from `{shown}`: `{key}` {wrong}")))?,
        );
        from_file.push(key.clone());
    }
    // Before a `--` that ends the options, if there is one.
    let end = words.iter().position(|word| word == "--").unwrap_or(args.len());
    let mut args = args;
    args.splice(end..end, more.into_iter().map(OsString::from));
    Ok(Expanded { args, from: Some((path, from_file)) })
}

impl Expanded {
    /// A line about the file, where an error is about an option that it gave.
    pub(crate) fn note(&self, error: &str) -> Option<String> {
        let (path, names) = self.from.as_ref()?;
        let name = names.iter().find(|name| {
            let flag = format!("--{name}");
            error
                .split(flag.as_str())
                .skip(1)
                .any(|rest| !rest.starts_with(|c: char| c == '-' || c.is_ascii_alphanumeric()))
        })?;
        Some(format!("note: --{name} comes from `{}`\n", path.display()))
    }
}

/// The command that a command line addresses, such as `lake ls`, and its full name.
fn addressed<'a>(command: &'a Command, words: &[String]) -> (&'a Command, String) {
    let mut current = command;
    let mut name = command.get_name().to_owned();
    for word in words.iter().skip(1).take_while(|word| *word != "--") {
        if let Some(inner) = current.find_subcommand(word) {
            current = inner;
            name = format!("{name} {}", inner.get_name());
        }
    }
    (current, name)
}

/// The file that `--config` names.
fn given_file(words: &[String]) -> Option<PathBuf> {
    let mut words = words.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if let Some(path) = word.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
        if word == "--config" {
            return words.next().map(PathBuf::from);
        }
    }
    None
}

/// Names of the options on a command line.
fn given_names(words: &[String]) -> BTreeSet<&str> {
    let options = words.iter().skip(1).take_while(|word| *word != "--").filter_map(|word| word.strip_prefix("--"));
    options.map(|option| option.split('=').next().unwrap_or(option)).collect()
}

/// The option of this name, if a file may give it.
fn option<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let of_name = |arg: &&Arg| arg.get_long() == Some(key) && !arg.is_hide_set();
    command.get_arguments().find(of_name).filter(|_| !NOT_IN_A_FILE.contains(&key))
}

/// A key that is no option, with the option it may stand for.
fn unknown(command: &Command, key: &str) -> String {
    let dashed = key.replace('_', "-");
    match option(command, &dashed) {
        Some(_) => format!("`{key}` (write it `{dashed}`)"),
        None => format!("`{key}`"),
    }
}

/// A value as flags; an error says what the value must be.
fn flags(arg: &Arg, key: &str, value: &toml::Value) -> Result<Vec<String>, String> {
    let takes_value = arg.get_action().takes_values();
    match value {
        toml::Value::Boolean(set) if !takes_value => Ok(set.then(|| format!("--{key}")).into_iter().collect()),
        _ if !takes_value => Err("is a switch; give true or false".to_owned()),
        toml::Value::Array(values) => {
            let single = values.len() > 1 && !matches!(arg.get_action(), ArgAction::Append);
            if single {
                return Err("takes one value, and a list is given".to_owned());
            }
            values.iter().map(|value| Ok(format!("--{key}={}", text(value)?))).collect()
        }
        value => Ok(vec![format!("--{key}={}", text(value)?)]),
    }
}

fn text(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        toml::Value::Datetime(moment) => Ok(moment.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => {
            Err("is a table or a list of lists; give a text, a number, true or false, or a list of them".to_owned())
        }
    }
}

/// Whether a variable is in the environment of the process.
pub(crate) fn in_environment(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The command line of the process.
pub(crate) fn command_line() -> Vec<OsString> {
    std::env::args_os().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let value = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Set);
        let run = Command::new("run")
            .arg(value("cluster-id").env("EMP_TEST_CLUSTER"))
            .arg(Arg::new("label").long("label").action(ArgAction::Append))
            .arg(Arg::new("bill-only").long("bill-only").action(ArgAction::SetTrue));
        let serve = Command::new("serve").arg(value(CONFIG));
        with_config(Command::new("emp-cost").subcommand(run).subcommand(serve))
    }

    fn check(file: &str, line: &[&str], variable: bool) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("emp.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let line: Vec<OsString> = ["emp-cost", "run", &config].iter().chain(line).map(OsString::from).collect();
        let expanded = expanded(line, &command(), |_| variable).map_err(|error| error.to_string())?;
        Ok(expanded.args.iter().skip(3).map(|arg| arg.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn the_file_gives_what_the_command_line_does_not() {
        let file = "cluster-id = \"a\"\nlabel = [\"x\", \"y\"]\nbill-only = true\n";
        assert_eq!(check(file, &[], false).unwrap(), ["--bill-only", "--cluster-id=a", "--label=x", "--label=y"]);
        let given = check(file, &["--cluster-id", "b", "--label=z"], false).unwrap();
        assert_eq!(given, ["--cluster-id", "b", "--label=z", "--bill-only"]);
        assert_eq!(check("cluster-id = \"a\"", &[], true).unwrap(), Vec::<String>::new(), "a variable wins");
        assert_eq!(check("bill-only = false", &[], false).unwrap(), Vec::<String>::new());
        assert_eq!(check("label = \"x\"", &["--", "rest"], false).unwrap(), ["--label=x", "--", "rest"]);
    }

    #[test]
    fn what_is_no_option_is_refused_by_name() {
        let error = check("cluster_id = \"a\"\nnope = 1\nhelp = true\n", &[], false).unwrap_err();
        for word in ["`cluster_id` (write it `cluster-id`)", "`nope`", "`help`", "emp-cost run --help", "emp.toml"] {
            assert!(error.contains(word), "{word} in {error}");
        }
        for (file, wrong) in [
            ("bill-only = \"yes\"", "`bill-only` is a switch"),
            ("cluster-id = [\"a\", \"b\"]", "`cluster-id` takes one value"),
            ("[label]\na = 1", "is a table"),
            ("cluster-id = ", "read options from"),
        ] {
            let error = check(file, &[], false).unwrap_err();
            assert!(error.contains(wrong), "{file}: {error}");
        }
    }

    #[test]
    fn a_command_with_a_config_of_its_own_keeps_it() {
        let line: Vec<OsString> = ["emp-cost", "serve", "--config", "/nowhere"].iter().map(OsString::from).collect();
        assert_eq!(expanded(line.clone(), &command(), |_| false).unwrap().args, line);
    }

    #[test]
    fn an_error_about_an_option_of_the_file_names_the_file() {
        let expanded = Expanded { args: Vec::new(), from: Some((PathBuf::from("e.toml"), vec!["label".to_owned()])) };
        assert_eq!(expanded.note("for '--label <LABEL>'").unwrap(), "note: --label comes from `e.toml`\n");
        assert_eq!(expanded.note("for '--label-set'"), None);
    }
}
