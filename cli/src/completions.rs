//! `emp-cost completions` and `emp-cost man`: what shells and `man` need to know of the commands.

use std::path::PathBuf;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use crate::exit_codes::Failure;
use crate::output::{print, write_file};

/// Print completions for a shell
///
/// bash: emp-cost completions bash > ~/.local/share/bash-completion/completions/emp-cost. zsh: into a file _emp-cost in a
/// folder of $fpath. fish: emp-cost completions fish > ~/.config/fish/completions/emp-cost.fish.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write man pages, one for each command
///
/// Read them with `man -l DIR/emp-cost.1`, or write them into a folder `man1` of the MANPATH.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Directory for the pages
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, &name, &mut script);
    let mut script = String::from_utf8(script).context("write the completions")?;
    if args.shell == Shell::Bash {
        // clap_complete takes the hyphen of the name for a subcommand in one of the two places that must agree, so that
        // no option would ever be offered.
        script = script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    }
    print(&script)?;
    Ok(())
}

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    for (name, page) in &pages {
        write_file(&args.dir.join(name), page)?;
    }
    print(&format!("{} pages in {}\n", pages.len(), args.dir.display()))?;
    Ok(())
}

/// Renders the page of a command and of those below it.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page).context("render a man page")?;
    pages.push((man.get_filename(), page));
    command.get_subcommands().try_for_each(|inner| collect(inner, pages))
}
