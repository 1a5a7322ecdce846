//! Renders the page of an analysis: `page ANALYSIS.json DIR [CURRENCY RATE]` writes DIR/index.html.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (analysis, dir, options) = match args.as_slice() {
        [analysis, dir] => (analysis, dir, reports::Options::default()),
        [analysis, dir, code, rate] => {
            let money = reports::Money::try_new(code, rate.parse()?)?;
            (analysis, dir, reports::Options::default().money(money))
        }
        _ => return Err("usage: page ANALYSIS.json DIR [CURRENCY RATE]".into()),
    };
    let dir = PathBuf::from(dir);
    fs::create_dir_all(&dir)?;
    let analysis = serde_json::from_str(&fs::read_to_string(analysis)?)?;
    fs::write(dir.join("index.html"), reports::page(&analysis, &options)?)?;
    Ok(())
}
