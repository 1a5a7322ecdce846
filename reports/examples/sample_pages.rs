//! Renders the sample analyses into a directory, to be looked at: `sample_pages DIR`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

#[path = "../tests/all/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("usage: sample_pages DIR")?);
    fs::create_dir_all(&dir)?;
    for (name, analysis) in sample::all() {
        fs::write(dir.join(format!("{name}.html")), reports::page(&analysis, &reports::Options::default())?)?;
        fs::write(dir.join(format!("{name}.txt")), reports::summary(&analysis))?;
    }
    Ok(())
}
