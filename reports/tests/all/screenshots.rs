//! Screenshots of pages in Chromium, compared with those that were looked at and stored.
//!
//! What is stored is small: the mean colour of every square of eight pixels, in sixteen steps. `COST_SCREENSHOTS=renew` stores
//! them anew; on a difference the new image and one that marks the difference are written beside, to be looked at. Pages are
//! shown in DejaVu Sans, which every Debian with fontconfig has; where texts come out at other widths, one line says so.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use crate::sample;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reports::{Member, Money, Options, Standing};
use serde_json::Value;

use crate::browser::{Browser, Look, WIDTHS, browser};

/// Height of what is compared, from the top.
const HEIGHT: u32 = 4_000;
/// Side of a square, in pixels.
const SQUARE: u32 = 8;
/// Difference of a square's mean, of 255 in one channel, from which it counts as another.
const TOLERANCE: u32 = 32;
/// Squares that may differ: as many as some words have, of which a shifted line or another colour has more.
const MOST_SQUARES: u64 = 24;
/// Bytes that are stored at most.
const MOST_BYTES: u64 = 1_000_000;
/// Fonts of the page, and the one it is shown in here.
const FONTS: [(&str, &str); 2] = [
    (
        "-apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", \"Liberation Sans\", Arial, sans-serif",
        "\"DejaVu Sans\"",
    ),
    ("ui-monospace, SFMono-Regular, Menlo, Consolas, \"Liberation Mono\", monospace", "\"DejaVu Sans Mono\""),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all/screenshots")
}

fn renews() -> bool {
    std::env::var_os("COST_SCREENSHOTS").as_deref() == Some(OsStr::new("renew"))
}

/// The page in the fonts of the stored screenshots.
fn in_known_fonts(page: &str) -> String {
    FONTS.iter().fold(page.to_owned(), |page, (stack, font)| {
        assert!(page.contains(stack), "the style sheet has other fonts than this test knows");
        page.replace(stack, font)
    })
}

/// Debian's version and the widths of two texts: what stored screenshots depend on beside the page.
fn surroundings(browser: &Browser) -> [String; 2] {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or("unknown").trim_matches('"').to_owned()
    };
    let probe = format!(
        "<!DOCTYPE html><html lang=\"en\"><title>fonts</title><body><span id=\"a\" style='font:100px {}'>{TEXT}</span><br>\
         <span id=\"b\" style='font:bold 100px {}'>{TEXT}</span><br><span id=\"c\" style='font:100px {}'>{TEXT}</span>\
         <pre id=\"found\"></pre><script>document.getElementById('found').textContent = JSON.stringify(['a', 'b', 'c'].map(\
         (id) => Math.round(document.getElementById(id).getBoundingClientRect().width)))</script></body></html>",
        FONTS[0].1, FONTS[0].1, FONTS[1].1
    );
    let widths = browser.found(&probe, Look { width: 1280, dark: false });
    [format!("{} {}", value("ID"), value("VERSION_ID")), format!("widths {widths}")]
}

/// Text whose width tells fonts apart.
const TEXT: &str = "Saves $10,062 a m";

/// Returns true when stored screenshots can be compared with what this machine draws. Where it is the Debian that they were
/// made on, texts that come out otherwise are a fault of its fonts.
fn are_comparable(browser: &Browser, test: &str) -> bool {
    let (file, here) = (folder().join("surroundings.txt"), surroundings(browser));
    let text = format!("{}\n", here.join("\n"));
    if renews() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(file, text).unwrap();
        return true;
    }
    let stored = fs::read_to_string(file).unwrap();
    let stored: Vec<&str> = stored.lines().collect();
    if stored[1] == here[1] {
        return true;
    }
    let in_ci = std::env::var_os("CI").as_deref() == Some(OsStr::new("true"));
    assert!(
        !(in_ci && stored[0] == here[0]),
        "fonts differ from those of the stored screenshots on the same {}: {} and {}",
        here[0],
        stored[1],
        here[1]
    );
    let _unseen = writeln!(
        std::io::stderr(),
        "skipped: {test}: texts are drawn at other widths than in the stored screenshots ({}; {}), so fonts differ",
        here[1],
        stored[1]
    );
    false
}

/// A page as an image, its top, in a frame that may be narrower than a window.
fn shot(browser: &Browser, page: &str, look: Look) -> Vec<u8> {
    let framed = format!(
        "<!DOCTYPE html><html lang=\"en\"><title>frame</title><body style=\"margin:0\"><iframe style=\"border:0;display:block;\
         width:{}px;height:{HEIGHT}px\" srcdoc=\"{}\"></iframe></body></html>",
        look.width,
        page.replace('&', "&amp;").replace('"', "&quot;")
    );
    let target = tempfile::tempdir().unwrap();
    let image = target.path().join("shot.png");
    let (width, height) = (look.width.max(800), HEIGHT + 200);
    let more = [format!("--window-size={width},{height}"), format!("--screenshot={}", image.display())];
    let (output, _folder) = browser.open(&framed, look, &[more[0].as_str(), more[1].as_str()]);
    fs::read(image).unwrap_or_else(|_| panic!("no screenshot: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Reduces an image to its squares, compares them with those stored, and draws what differs.
const COMPARE: &str = "
const load = (src) => new Promise((ok, no) => {
  const image = new Image(); image.onload = () => ok(image); image.onerror = no; image.src = src;
});
const canvas = (width, height) => Object.assign(document.createElement('canvas'), { width, height });
const pixels = (image, width, height) => {
  const context = canvas(width, height).getContext('2d');
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height);
};
const url = (data) => {
  const one = canvas(data.width, data.height);
  one.getContext('2d').putImageData(data, 0, 0);
  return one.toDataURL('image/png');
};
(async () => {
  const full = pixels(await load(SHOT), WIDTH, HEIGHT);
  const [columns, rows] = [Math.floor(WIDTH / SQUARE), Math.floor(HEIGHT / SQUARE)];
  const means = new ImageData(columns, rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let y = 0; y < SQUARE; y += 1) {
          for (let x = 0; x < SQUARE; x += 1) {
            sum += full.data[((row * SQUARE + y) * WIDTH + column * SQUARE + x) * 4 + channel];
          }
        }
        means.data[(row * columns + column) * 4 + channel] = sum / SQUARE / SQUARE;
      }
      means.data[(row * columns + column) * 4 + 3] = 255;
    }
  }
  const stored = STORED === '' ? null : pixels(await load(STORED), columns, rows);
  let off = 0;
  for (let n = 0; stored && n < columns * rows; n += 1) {
    const difference = Math.max(...[0, 1, 2].map((c) => Math.abs(means.data[n * 4 + c] - stored.data[n * 4 + c])));
    if (difference <= TOLERANCE) { continue; }
    off += 1;
    const [top, left] = [Math.floor(n / columns) * SQUARE, (n % columns) * SQUARE];
    for (let y = 0; y < SQUARE; y += 1) {
      for (let x = 0; x < SQUARE; x += 1) {
        const at = ((top + y) * WIDTH + left + x) * 4;
        full.data[at] = 255; full.data[at + 1] /= 2; full.data[at + 2] /= 2;
      }
    }
  }
  for (let n = 0; n < means.data.length; n += 1) { means.data[n] = Math.round(means.data[n] / 17) * 17; }
  const marked = stored && off > 0 ? url(full) : '';
  document.getElementById('found').textContent = JSON.stringify({ off, squares: url(means), marked });
})();
";

/// Squares that differ from those stored, the squares as an image, and the page with what differs marked.
fn compared(browser: &Browser, image: &[u8], stored: Option<&[u8]>, width: u32) -> (u64, Vec<u8>, Option<Vec<u8>>) {
    let url = |image: &[u8]| format!("'data:image/png;base64,{}'", STANDARD.encode(image));
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><title>compare</title><body><pre id=\"found\"></pre><script>const WIDTH = {width}, \
         HEIGHT = {HEIGHT}, SQUARE = {SQUARE}, TOLERANCE = {TOLERANCE}, SHOT = {}, STORED = {};{COMPARE}</script></body></html>",
        url(image),
        stored.map_or_else(|| "''".to_owned(), url)
    );
    let found = browser.found(&page, Look { width: 800, dark: false });
    let decoded = |value: &Value| {
        let text = value.as_str().unwrap().strip_prefix("data:image/png;base64,")?;
        Some(STANDARD.decode(text).unwrap())
    };
    (found["off"].as_u64().unwrap(), decoded(&found["squares"]).unwrap(), decoded(&found["marked"]))
}

/// Compares a page with what is stored of it, or stores it.
fn check(browser: &Browser, name: &str, page: &str, look: Look) -> Result<(), String> {
    let name = format!("{name}-{}{}", look.width, if look.dark { "-dark" } else { "" });
    let file = |ending: &str| folder().join(format!("{name}{ending}"));
    let image = shot(browser, &in_known_fonts(page), look);
    let stored = fs::read(file(".png")).ok().filter(|_| !renews());
    let (off, squares, marked) = compared(browser, &image, stored.as_deref(), look.width);
    if renews() {
        fs::write(file(".png"), squares).unwrap();
        // Beside it, to be looked at; git ignores it.
        fs::write(file(".new.png"), image).unwrap();
        return Ok(());
    }
    if stored.is_some() && off <= MOST_SQUARES {
        return Ok(());
    }
    fs::write(file(".new.png"), image).unwrap();
    if let Some(marked) = marked {
        fs::write(file(".diff.png"), marked).unwrap();
    }
    Err(match stored {
        Some(_) => {
            format!("{name}: {off} squares of {SQUARE} pixels differ; look at {name}.new.png and {name}.diff.png")
        }
        None => format!("{name}: none is stored; look at {name}.new.png"),
    })
}

/// Every page with its name and the looks it is stored in.
fn pages() -> Vec<(&'static str, String, Vec<Look>)> {
    let look = |width, dark| Look { width, dark };
    let all: Vec<Look> = WIDTHS.into_iter().flat_map(|width| [look(width, false), look(width, true)]).collect();
    let some = vec![look(390, false), look(1280, true)];
    let page = |analysis| reports::page(&analysis, &Options::default()).unwrap();
    let right_sizing = page(sample::right_sizing());
    // The rules for paper, on a screen as wide as what A4 leaves between its margins.
    let paper = right_sizing.replacen("@media print {", "@media all {", 1);
    let members: Vec<Member> = sample::decided()
        .into_iter()
        .map(|(name, mut analysis)| {
            analysis.cluster_id = name.to_owned();
            Member { now: Standing::of(&analysis), earlier: Vec::new(), link: None }
        })
        .collect();
    vec![
        ("right-sizing", right_sizing, all),
        ("paper", paper, vec![look(688, false)]),
        ("pool-wins", page(sample::pool_wins()), some.clone()),
        ("nothing-pays", page(sample::nothing_pays()), some.clone()),
        ("fleet", reports::fleet(&members, &Money::default(), None).unwrap(), some),
    ]
}

#[test]
fn pages_look_as_they_did_when_somebody_looked_at_them() {
    let test = "pages_look_as_they_did_when_somebody_looked_at_them";
    let Some(browser) = browser(test).filter(|browser| are_comparable(browser, test)) else { return };
    let mut names = Vec::new();
    let mut differences = Vec::new();
    for (name, page, looks) in pages() {
        for look in looks {
            names.push(format!("{name}-{}{}.png", look.width, if look.dark { "-dark" } else { "" }));
            differences.extend(check(&browser, name, &page, look).err());
        }
    }
    assert!(
        differences.is_empty(),
        "in {}:\n{}\nCOST_SCREENSHOTS=renew stores them anew where they are right",
        folder().display(),
        differences.join("\n")
    );
    let kept = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let kept: Vec<_> = kept
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.ends_with(".png") && !name.ends_with(".new.png") && !name.ends_with(".diff.png")
        })
        .collect();
    let bytes: u64 = kept.iter().map(|entry| entry.metadata().unwrap().len()).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes are stored");
    let mut there: Vec<String> = kept.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    there.sort();
    names.sort();
    assert_eq!(there, names, "what is stored is what is compared");
}

#[test]
fn a_page_that_looks_otherwise_is_told_from_one_that_does_not() {
    let test = "a_page_that_looks_otherwise_is_told_from_one_that_does_not";
    let Some(browser) = browser(test) else { return };
    let page = reports::page(&sample::right_sizing(), &Options::default()).unwrap();
    let look = Look { width: 834, dark: false };
    let (_, squares, _) = compared(&browser, &shot(&browser, &page, look), None, look.width);
    let off = |changed: &str| compared(&browser, &shot(&browser, changed, look), Some(&squares), look.width).0;
    assert_eq!(off(&page), 0, "the same page is drawn the same");
    let another = |from: &str, to: &str| {
        assert!(page.contains(from), "{from}");
        off(&page.replacen(from, to, 1))
    };
    // A gain in the colour of a loss, a figure that is gone, and a line more above all else.
    for (from, to) in [
        ("--gain: #0a6b52;", "--gain: #a4261d;"),
        (".figure .value {", ".figure .value { visibility: hidden;"),
        ("<p class=\"eyebrow\">", "<p>One more line.</p><p class=\"eyebrow\">"),
    ] {
        let off = another(from, to);
        assert!(off > MOST_SQUARES, "{to}: {off} squares");
    }
}
