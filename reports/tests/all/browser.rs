//! The page in a real browser: Chromium, with axe-core looking for what keeps people out.
//!
//! axe runs in a copy of the page, because the page itself forbids every script; the page as it is must leave nothing
//! on the console.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use crate::sample;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::dom::Dom;
use reports::export::{Format, Report, files};
use reports::{Comparison, Member, Money, Options, Standing, focus};
use serde_json::Value;
use types::analysis::Analysis;

/// Browser that a run needs; `None`, said in one line, where it is to be skipped. In CI nothing may be skipped.
pub(crate) struct Browser {
    chromium: PathBuf,
    axe: String,
}

pub(crate) fn browser(test: &str) -> Option<Browser> {
    let skip = |why: &str| {
        let is = |name: &str, value: &str| std::env::var_os(name).as_deref() == Some(OsStr::new(value));
        assert!(!(is("CI", "true") && is("COST_TEST_SERVICES", "1")), "`{test}` may not be skipped in CI: {why}");
        // Past the capture of the test harness, so that the line is seen.
        let _unseen = writeln!(std::io::stderr(), "skipped: {test}: {why}");
        None
    };
    if std::env::var_os("COST_TEST_SERVICES").as_deref() != Some(OsStr::new("1")) {
        return skip("COST_TEST_SERVICES is not 1");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file());
    let Some(chromium) = found else {
        return skip("no `chromium` on the PATH; `scripts/install.sh browser` installs it");
    };
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/axe/node_modules/axe-core/axe.min.js");
    match fs::read_to_string(axe) {
        Ok(axe) => Some(Browser { chromium, axe }),
        Err(_) => skip("no axe-core; `scripts/install.sh browser` installs it"),
    }
}

/// Look of a page: its width, scheme and medium.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) dark: bool,
}

impl Browser {
    /// Opens a page in a window 900 pixels high, unless `more` says otherwise.
    pub(crate) fn open(&self, page: &str, look: Look, more: &[&str]) -> (Output, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        fs::write(&file, page).unwrap();
        let output = Command::new(&self.chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr"])
            .args(["--force-device-scale-factor=1", &format!("--window-size={},900", look.width)])
            .arg(format!("--blink-settings=preferredColorScheme={}", if look.dark { 0 } else { 1 }))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(more)
            .arg(format!("file://{}", file.display()))
            .output()
            .unwrap();
        (output, folder)
    }

    /// Runs axe on a copy of the page, with every fold opened.
    fn axe(&self, page: &str, look: Look) -> Value {
        self.framed(page, look, &format!("{}</script><script>{RUN}", self.axe))
    }

    /// Returns what a script in a copy of the page leaves in the page around it.
    fn framed(&self, page: &str, look: Look, script: &str) -> Value {
        // A frame, because a window is never narrower than some browsers allow.
        let script = format!("<script>{script}</script></body>");
        // A mail has no policy: mail programs run no script in any case.
        let policy = page.split("<meta http-equiv=\"Content-Security-Policy\"").nth(1);
        let policy = policy.map_or("", |rest| rest.split('>').next().unwrap());
        let inner = page
            .replacen(&format!("<meta http-equiv=\"Content-Security-Policy\"{policy}>"), "", 1)
            .replacen("</body>", &script, 1);
        let framed = format!(
            "<!DOCTYPE html><html lang=\"en\"><title>frame</title><body style=\"margin:0\"><iframe id=\"page\" \
             style=\"border:0;width:{}px;height:900px\" srcdoc=\"{}\"></iframe><pre id=\"found\"></pre></body></html>",
            look.width,
            inner.replace('&', "&amp;").replace('"', "&quot;")
        );
        let wide = Look { width: look.width.max(800), ..look };
        self.found(&framed, wide)
    }

    /// Returns what the script of a page leaves in its element `found`, as JSON.
    pub(crate) fn found(&self, page: &str, look: Look) -> Value {
        // Time is the page's own: it passes when nothing is left to do, so nothing is waited for.
        let (output, _folder) = self.open(page, look, &["--virtual-time-budget=600000", "--dump-dom"]);
        let dom = Dom::parse(&String::from_utf8(output.stdout).unwrap());
        let found = dom.elements.iter().find(|element| element.attribute("id") == Some("found"));
        serde_json::from_str(&found.unwrap().text)
            .unwrap_or_else(|_| panic!("the script said nothing: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Lines that a page leaves on the console.
    fn console(&self, page: &str) -> Vec<String> {
        let (output, _folder) = self.open(page, Look { width: 1280, dark: false }, &["--dump-dom"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("</html>"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
    }
}

/// Runs axe with every fold open and hands what it finds to the frame around the page.
///
/// Where axe cannot tell the contrast of a text, because a gradient or a shape lies behind it, it is computed here: against
/// every colour that may be behind, the worst of which counts.
const RUN: &str = "
const rgba = (text) => {
  const parts = (text.match(/rgba?\\(([^)]*)\\)/) || [, '0,0,0,0'])[1].split(/[ ,\\/]+/).map(Number);
  return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
};
const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
const luminance = (colour) => {
  const [r, g, b] = colour.map((value) => value / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
const page = () => over(rgba(getComputedStyle(document.body).backgroundColor), [255, 255, 255, 1]);
const behindHtml = (element) => {
  const colours = [];
  for (let one = element; one; one = one.parentElement) {
    const style = getComputedStyle(one);
    colours.push(...(style.backgroundImage.match(/rgba?\\([^)]*\\)/g) || []).map(rgba).map((stop) => over(stop, page())));
    const colour = rgba(style.backgroundColor);
    if (colour[3] > 0) { colours.push(over(colour, page())); }
    if (colour[3] === 1) { return colours; }
  }
  return colours.concat([page()]);
};
const behindShape = (text) => {
  text.scrollIntoView({ block: 'center', inline: 'center' });
  const box = text.getBoundingClientRect();
  const colours = [];
  for (const part of [0.1, 0.5, 0.9]) {
    const below = document.elementsFromPoint(box.left + box.width * part, box.top + box.height / 2);
    const shape = below.find((one) => one !== text && one.ownerSVGElement && !text.contains(one) && !one.contains(text)
      && one.tagName !== 'text' && one.tagName !== 'tspan' && rgba(getComputedStyle(one).fill)[3] > 0);
    colours.push(shape ? over(rgba(getComputedStyle(shape).fill), page()) : page());
  }
  return colours;
};
const worst = (element) => {
  const style = getComputedStyle(element);
  const drawn = element.ownerSVGElement;
  const colour = rgba(drawn ? style.fill : style.color);
  const behind = drawn ? behindShape(element) : behindHtml(element);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const least = Math.min(...behind.map((one) => contrast(over(colour, one), one)));
  return { least: Math.round(least * 100) / 100, needed: large ? 3 : 4.5, html: element.outerHTML.slice(0, 200) };
};
addEventListener('load', async () => {
  document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
  const overflow = document.documentElement.scrollWidth - innerWidth;
  const result = await axe.run(document, { resultTypes: ['violations', 'incomplete'] });
  const node = (node) => node.html.slice(0, 200) + ' ' + node.failureSummary;
  const violations = result.violations.map((one) => [one.id, one.nodes.length, ...one.nodes.slice(0, 3).map(node)]);
  const undecided = result.incomplete.filter((one) => one.id === 'color-contrast').flatMap((one) => one.nodes);
  const texts = undecided.map((node) => document.querySelector(node.target[0])).filter((one) => one);
  const computed = texts.map(worst);
  const dim = computed.filter((one) => !(one.least >= one.needed));
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const ran = result.passes.length;
  parent.document.getElementById('found').textContent =
    JSON.stringify({ width: innerWidth, dark, overflow, ran, violations, undecided: undecided.length,
      computed: computed.length, dim: dim.slice(0, 5), dim_count: dim.length });
  frameElement.remove();
});
";

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &reports::Options::default()).unwrap()
}

fn check(browser: &Browser, name: &str, page: &str, look: Look) {
    let found = browser.axe(page, look);
    assert_eq!(found["violations"], Value::Array(Vec::new()), "{name} {look:?}: {found:#}");
    assert_eq!((&found["width"], &found["dark"]), (&look.width.into(), &look.dark.into()), "{name} {look:?}");
    assert_eq!(found["overflow"], 0, "{name} {look:?}: the page is wider than its window");
    assert!(found["ran"].as_u64().unwrap() >= 20, "{name} {look:?}: {found}");
    assert_eq!(
        found["computed"], found["undecided"],
        "{name} {look:?}: a text whose contrast nobody told is not found"
    );
    assert_eq!(found["dim_count"], 0, "{name} {look:?}: texts that are hard to read: {:#}", found["dim"]);
}

pub(crate) const WIDTHS: [u32; 5] = [390, 641, 834, 1280, 1440];

#[test]
fn axe_finds_nothing_at_any_width_light_or_dark() {
    let Some(browser) = browser("axe_finds_nothing_at_any_width_light_or_dark") else { return };
    let full = page(&sample::full());
    for width in WIDTHS {
        for dark in [false, true] {
            check(&browser, "full", &full, Look { width, dark });
        }
    }
    let others = [
        ("losing", sample::full_losing(), Look { width: 1440, dark: true }),
        ("half unpriced", sample::half_unpriced(), Look { width: 390, dark: false }),
        ("without replays", sample::believable(), Look { width: 834, dark: false }),
        ("right-sizing", sample::right_sizing(), Look { width: 390, dark: false }),
        ("nothing pays", sample::nothing_pays(), Look { width: 641, dark: true }),
        ("pool wins", sample::pool_wins(), Look { width: 1440, dark: true }),
        ("empty", sample::empty(), Look { width: 390, dark: true }),
        ("hostile", sample::hostile(), Look { width: 390, dark: false }),
    ];
    for (name, analysis, look) in others {
        check(&browser, name, &page(&analysis), look);
    }
    let members: Vec<Member> = sample::decided()
        .into_iter()
        .map(|(name, mut analysis)| {
            analysis.cluster_id = name.to_owned();
            Member { now: Standing::of(&analysis), earlier: Vec::new(), link: None }
        })
        .collect();
    let fleet = reports::fleet(&members, &Money::default(), None).unwrap();
    let (before, after) = (sample::pool_wins(), sample::right_sizing());
    let compared = Comparison::try_new(&before, &after).unwrap().page(&Money::default()).unwrap();
    let mut labelled = after.clone();
    labelled.window.end += chrono::TimeDelta::days(7);
    let trend = reports::page(&labelled, &Options::default().earlier(vec![Standing::of(&after)])).unwrap();
    assert!(trend.contains("id=\"trend\""), "the page has its trend");
    let (options, focus) = (Options::default(), focus::Settings::default());
    let report = Report { analysis: &after, json: b"{}", options: &options, focus: &focus };
    let team =
        files(&report, &[Format::Labels]).unwrap().into_iter().find(|file| file.name.ends_with(".html")).unwrap();
    let team = String::from_utf8(team.content).unwrap();
    let context = reports::MailContext {
        location: "https://example.com/report".to_owned(),
        notices: vec!["Over budget: the cluster costs $2 a month; the budget is $1".to_owned()],
        attached: "The page is attached.".to_owned(),
    };
    let mail = reports::mail(&after, &Money::default(), &context).unwrap();
    let billed = page(&sample::billed());
    assert!(billed.contains("id=\"invoice\""), "the page has its invoice");
    let invoice = reports::invoice_page(&sample::billed().invoice.unwrap(), &Money::default()).unwrap();
    let pages = [
        ("fleet", fleet),
        ("compare", compared),
        ("trend", trend),
        ("team", team),
        ("mail", mail),
        ("billed", billed),
        ("invoice", invoice.clone()),
    ];
    for (name, page) in pages {
        check(&browser, name, &page, Look { width: 390, dark: true });
        check(&browser, name, &page, Look { width: 1280, dark: false });
    }
    for width in WIDTHS {
        check(&browser, "invoice", &invoice, Look { width, dark: width % 2 == 0 });
    }
}

#[test]
fn axe_finds_nothing_on_paper() {
    let Some(browser) = browser("axe_finds_nothing_on_paper") else { return };
    let full = page(&sample::full());
    // Rules for paper, on a screen as wide as a sheet; the page itself prints.
    let paper = full.replacen("@media print {", "@media all {", 1);
    assert_ne!(paper, full);
    check(&browser, "paper", &paper, Look { width: 794, dark: false });
    let target = tempfile::tempdir().unwrap();
    let pdf = target.path().join("page.pdf");
    let print = format!("--print-to-pdf={}", pdf.display());
    browser.open(&full, Look { width: 1280, dark: true }, &["--no-pdf-header-footer", &print]);
    let pdf = fs::read(pdf).unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    let text = String::from_utf8_lossy(&pdf);
    let pages = text.matches("/Type /Page").count() - text.matches("/Type /Pages").count();
    assert!((4..60).contains(&pages), "{pages} pages");
}

/// Where things end on a page as it opens, in CSS pixels from its top.
const MEASURE: &str = "
addEventListener('load', () => {
  const end = (of) => { const one = document.querySelector(of); return one ? one.getBoundingClientRect().bottom : 0; };
  const measured = { width: innerWidth, page: document.documentElement.scrollHeight, answers: end('.answers'),
    tiles: end('.figures'), recommended: end('#steps > .scroll') };
  parent.document.getElementById('found').textContent = JSON.stringify(measured);
  frameElement.remove();
});
";

#[test]
fn the_first_screen_has_the_answer_and_the_page_is_not_endless() {
    let Some(browser) = browser("the_first_screen_has_the_answer_and_the_page_is_not_endless") else { return };
    for (name, analysis) in sample::decided() {
        let page = page(&analysis);
        let wide = browser.framed(&page, Look { width: 1280, dark: false }, MEASURE);
        let at = |found: &Value, key: &str| found[key].as_f64().unwrap();
        assert!(at(&wide, "page") <= 9_000.0, "{name}: {wide}");
        assert!(at(&wide, "tiles") > 300.0 && at(&wide, "answers") <= 800.0, "{name}: {wide}");
        // The first screen of a phone is 844 pixels high.
        let narrow = browser.framed(&page, Look { width: 390, dark: false }, MEASURE);
        assert_eq!(narrow["width"], 390);
        assert!(at(&narrow, "tiles") > 200.0 && at(&narrow, "answers") <= 844.0, "{name}: {narrow}");
        // The first sheet: 269 mm of A4 at 96 pixels to the inch.
        let paper = page.replacen("@media print {", "@media all {", 1);
        let paper = browser.framed(&paper, Look { width: 688, dark: false }, MEASURE);
        assert!(at(&paper, "recommended") <= 1_016.0, "{name}: {paper}");
    }
}

#[test]
fn the_console_stays_empty() {
    let Some(browser) = browser("the_console_stays_empty") else { return };
    // What would be seen: a script that the policy of the page forbids.
    let full = page(&sample::full());
    let forbidden = full.replacen("</body>", "<script>1</script></body>", 1);
    assert!(!browser.console(&forbidden).is_empty(), "a message on the console is not seen");
    for (name, analysis) in [("full", sample::full()), ("hostile", sample::hostile()), ("gaps", sample::with_gaps())] {
        assert_eq!(browser.console(&page(&analysis)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn contrast_that_axe_leaves_open_is_computed() {
    let Some(browser) = browser("contrast_that_axe_leaves_open_is_computed") else { return };
    let look = Look { width: 834, dark: false };
    let shown = page(&sample::empty());
    let with = |color: &str| {
        let text = format!(
            "<p style=\"color:{color};background:linear-gradient(#fff,#eee)\">read me</p>\
             <svg width=\"200\" height=\"40\"><rect width=\"200\" height=\"40\" fill=\"#eee\"></rect>\
             <text x=\"10\" y=\"24\" fill=\"{color}\">read me too</text></svg></main>"
        );
        browser.axe(&shown.replacen("</main>", &text, 1), look)
    };
    let (dark, dim) = (with("#222"), with("#999"));
    assert!(dark["undecided"].as_u64().unwrap() >= 1 && dark["dim_count"] == 0, "{dark:#}");
    assert!(dim["dim_count"] == 2, "{dim:#}");
}

#[test]
fn axe_would_find_something() {
    let Some(browser) = browser("axe_would_find_something") else { return };
    let broken =
        page(&sample::empty()).replacen(" lang=\"en\"", "", 1).replacen("</main>", "<img src=\"data:,\"></main>", 1);
    let found = browser.axe(&broken, Look { width: 834, dark: false });
    let ids: Vec<&str> = found["violations"].as_array().unwrap().iter().filter_map(|one| one[0].as_str()).collect();
    assert!(ids.contains(&"html-has-lang") && ids.contains(&"image-alt"), "{ids:?}");
}
