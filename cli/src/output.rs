//! EDGE: output files, standard output and standard error.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file atomically: under a temporary name first, then renamed.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_file_by(path, |file| Ok(file.write_all(content)?))
}

/// Writes a file atomically, with content from `write`.
pub(crate) fn write_file_by(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("make folder `{}`", folder.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::File::create(&temporary).map_err(anyhow::Error::from).and_then(|mut file| write(&mut file));
    if let Err(error) = written {
        // What is left of it is worth nothing.
        let _not_there = fs::remove_file(&temporary);
        return Err(error).with_context(|| format!("write `{}`", temporary.display()));
    }
    fs::rename(&temporary, path).with_context(|| format!("write `{}`", path.display()))
}

/// Reads a text file named on the command line.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))
}

/// Checks that a file or a folder named on the command line is there.
pub(crate) fn readable(path: &Path) -> anyhow::Result<()> {
    fs::metadata(path).map(|_| ()).with_context(|| format!("read `{}`", path.display()))
}

/// Prints to standard error, ignoring errors.
pub(crate) fn eprint(text: &str) {
    let mut stderr = std::io::stderr();
    // Nobody to tell where that fails.
    let _nobody = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("write to standard output")
}
