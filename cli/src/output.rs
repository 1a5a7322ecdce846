//! EDGE: files written for a person, and standard output.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file whole or not at all: under another name first, then renamed.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("make folder `{}`", folder.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    fs::write(&temporary, content).with_context(|| format!("write `{}`", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("write `{}`", path.display()))
}

/// Reads a file named by the user.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))
}

/// Prints a result.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("write to standard output")
}
