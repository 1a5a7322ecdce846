//! What every page promises, whatever the analysis.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod sample;

use types::analysis::Analysis;

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &reports::Options::default()).unwrap()
}

/// The page's elements as (name, the rest of the tag), and its text; enough of a parser for markup we wrote.
fn parse(page: &str) -> (Vec<(String, String)>, String) {
    let (mut tags, mut text) = (Vec::new(), String::new());
    let without_style = match (page.find("<style>"), page.find("</style>")) {
        (Some(from), Some(to)) => format!("{}{}", &page[..from], &page[to + "</style>".len()..]),
        _ => panic!("no style"),
    };
    for piece in without_style.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or_else(|| panic!("tag is not closed: {piece}"));
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        tags.push((name.to_owned(), attributes.to_owned()));
        text.push_str(rest);
        text.push('\n');
    }
    for (entity, plain) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
        text = text.replace(entity, plain);
    }
    (tags, text)
}

fn count(tags: &[(String, String)], name: &str) -> usize {
    tags.iter().filter(|tag| tag.0 == name).count()
}

#[test]
fn another_currency_is_everywhere_and_named() {
    let euro = reports::Money::try_new("EUR", 0.5).unwrap();
    let page = reports::page(&sample::losing(), &reports::Options::default().money(euro)).unwrap();
    assert!(page.contains("Converted from USD at 0.5 EUR for 1 USD"));
    assert!(page.contains("\u{2212}€580"));
    assert_eq!(page.find('$').map(|at| &page[at - 80..at + 40]), None);
}

#[test]
fn asks_for_nothing_outside_the_file() {
    for (name, analysis) in sample::all() {
        let page = page(&analysis);
        let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
        for forbidden in ["url(", "@import", "http:", "https:"] {
            assert!(!style.contains(forbidden), "{name}: style has {forbidden}");
        }
        let (tags, _) = parse(&page);
        let allowed = [
            "!DOCTYPE",
            "html",
            "head",
            "meta",
            "link",
            "title",
            "body",
            "main",
            "header",
            "section",
            "nav",
            "div",
            "p",
            "h1",
            "h2",
            "h3",
            "h4",
            "ul",
            "li",
            "dl",
            "dt",
            "dd",
            "a",
            "strong",
            "span",
            "bdi",
            "figure",
            "figcaption",
            "details",
            "summary",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "svg",
            "desc",
            "polygon",
            "polyline",
            "rect",
            "text",
        ];
        for (tag, attributes) in &tags {
            let element = tag.trim_start_matches('/').trim_end_matches('/');
            assert!(allowed.contains(&element), "{name}: unexpected element {tag} {attributes}");
            for forbidden in ["src=", "url(", "http://", "https://", " on", "javascript:"] {
                let meta = tag == "meta" && forbidden == " on";
                assert!(meta || !attributes.contains(forbidden), "{name}: {tag} {attributes}");
            }
            if let Some((_, target)) = attributes.split_once("href=\"") {
                assert!(target.starts_with('#') || target.starts_with("data:,"), "{name}: {attributes}");
            }
        }
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;"), "{name}");
    }
}

#[test]
fn is_well_formed() {
    const VOID: [&str; 3] = ["!DOCTYPE", "meta", "link"];
    for (name, analysis) in sample::all() {
        let (tags, _) = parse(&page(&analysis));
        let mut open = Vec::new();
        for (tag, attributes) in &tags {
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(closed), "{name}");
            } else if !VOID.contains(&tag.as_str()) && !attributes.ends_with('/') {
                open.push(tag.clone());
            }
        }
        assert_eq!(open, Vec::<String>::new(), "{name}");
        let mut ids: Vec<&str> = tags.iter().filter_map(|tag| tag.1.split("id=\"").nth(1)?.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: an id is there twice");
    }
}

#[test]
fn can_be_read_without_seeing_it() {
    for (name, analysis) in sample::all() {
        let page = page(&analysis);
        let (tags, _) = parse(&page);
        assert_eq!(count(&tags, "h1"), 1, "{name}");
        assert!(tags.iter().any(|tag| tag.0 == "html" && tag.1.contains("lang=\"en\"")), "{name}");
        assert_eq!(count(&tags, "table"), count(&tags, "caption"), "{name}");
        for (tag, attributes) in tags.iter().filter(|tag| tag.0 == "th") {
            assert!(attributes.contains("scope="), "{name}: {tag} {attributes}");
        }
        for svg in page.split("<svg").skip(1) {
            let svg = svg.split("</svg>").next().unwrap_or_default();
            assert!(svg.contains("role=\"img\"") && svg.contains("<title id=") && svg.contains("<desc id="), "{name}");
        }
        // Each chart once for wide screens and once for phones.
        assert_eq!(count(&tags, "svg"), 4, "{name}");
    }
}

#[test]
fn same_analysis_gives_the_same_bytes() {
    for (name, analysis) in sample::all() {
        assert_eq!(page(&analysis), page(&analysis), "{name}");
    }
}

#[test]
fn a_loss_is_called_a_loss() {
    let page = page(&sample::losing());
    assert!(page.contains("It does not pay."));
    assert!(page.contains("\u{2212}$1,160") && page.contains("6.6\u{a0}% dearer"));
    assert!(!page.contains("It pays"));
    assert!(!page.contains("figure gain"));
}

#[test]
fn a_saving_without_a_recommendation_is_one_on_paper() {
    let mut analysis = sample::believable();
    let losing = |scenario: &mut types::analysis::Scenario| scenario.variants.retain(|v| v.saving_monthly_usd > 0.0);
    analysis.scenarios.iter_mut().for_each(losing);
    let page = page(&analysis);
    assert!(page.contains("It pays on paper.") && page.contains("No recommendation"));
    assert!(page.contains("published arithmetic is not a replay"));
}

#[test]
fn a_saving_that_a_stricter_reading_takes_away_says_so_at_the_top() {
    let page = page(&sample::believable());
    assert!(page.contains("Only on nominal sizes.") && !page.contains("It pays"));
    assert!(page.contains("by the strictest reading below"));
}

#[test]
fn what_is_not_known_is_not_zero() {
    let page = page(&sample::empty());
    assert!(page.contains("It cannot be said.") && page.contains("not known") && page.contains("not modelled"));
    assert!(!page.contains("$0") && !page.contains("NaN"));
}

#[test]
fn a_saving_over_volumes_alone_is_no_answer() {
    let mut analysis = sample::believable();
    analysis.verdict.saving_vs_today_usd = None;
    let page = page(&analysis);
    assert!(page.contains("It cannot be said.") && !page.contains("It pays") && !page.contains("figure gain"));
}

#[test]
fn synthetic_hours_and_missing_hours_are_named() {
    let page = page(&sample::with_gaps());
    assert!(page.contains("600 synthetic and 23 from a real Prometheus"), "coverage");
    assert!(page.contains("shaded hours are synthetic"));
    assert!(page.contains("97\u{a0}hours missing"));
    assert!(page.contains("Hours without data (UTC)") && page.contains("no data"));
}

#[test]
fn hostile_names_are_text() {
    let (tags, text) = parse(&page(&sample::hostile()));
    for name in sample::HOSTILE {
        let shown = name.replace(['\u{202e}', '\u{2066}'], "\u{fffd}");
        assert!(text.contains(name) || text.contains(&shown), "{name}");
    }
    assert!(text.contains(&"x".repeat(253)));
    assert!(tags.iter().all(|tag| !["script", "img", "b"].contains(&tag.0.as_str())));
    assert_eq!(count(&tags, "title"), 1 + 4);
}

#[test]
fn long_tables_fold_after_25_rows() {
    let mut analysis = sample::believable();
    let namespaces = &mut analysis.inventory.by_namespace;
    let one = namespaces[0].clone();
    namespaces
        .extend((0..100).map(|i| types::analysis::NamespaceUsage { namespace: format!("team-{i}"), ..one.clone() }));
    let total = namespaces.len();
    assert!(page(&analysis).contains(&format!("The other {} rows", total - 25)));
}

#[test]
fn a_large_page_stays_small() {
    let mut analysis = sample::believable();
    let hour = analysis.utilisation.hourly[0].clone();
    analysis.utilisation.hourly = (0..1440)
        .map(|i| types::analysis::HourPoint {
            hour: analysis.window.start + chrono::TimeDelta::hours(i),
            ..hour.clone()
        })
        .collect();
    analysis.window.end = analysis.window.start + chrono::TimeDelta::hours(1440);
    let one = analysis.inventory.by_namespace[0].clone();
    analysis.inventory.by_namespace =
        (0..5000).map(|i| types::analysis::NamespaceUsage { namespace: format!("team-{i}"), ..one.clone() }).collect();
    assert!(page(&analysis).len() < 5_000_000);
}

/// WCAG contrast of two colours given as `#rrggbb`.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| {
        let channel = |i: usize| {
            let value = f64::from(u8::from_str_radix(&colour[i..i + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_can_be_read_on_light_dark_and_paper() {
    let style = include_str!("../templates/style.css");
    let themes: Vec<&str> = style.split(":root {").skip(1).map(|block| block.split('}').next().unwrap()).collect();
    assert_eq!(themes.len(), 3, "light, dark, paper");
    for theme in themes {
        let colour = |name: &str| {
            let at = theme.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("no {name}")) + name.len() + 4;
            theme[at..at + 7].to_owned()
        };
        let mut pairs = Vec::new();
        for ink in ["ink", "muted", "gain", "loss", "warn", "link", "capacity", "requested", "used"] {
            pairs.push((ink, "page", 4.5));
        }
        pairs.extend([("ink", "wash", 4.5), ("muted", "wash", 4.5), ("muted", "band", 4.5), ("peak", "page", 3.0)]);
        for line in ["compute", "fargate", "volumes", "plane", "network", "licences", "fee"] {
            pairs.push(("on-bar", ["c-", line].concat().leak(), 4.5));
        }
        for (ink, ground, least) in pairs {
            let got = contrast(&colour(ink), &colour(ground));
            assert!(got >= least, "{ink} on {ground}: {got:.2}");
        }
    }
}
