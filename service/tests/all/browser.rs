//! The pages in a real browser: Chromium, with axe-core looking for what keeps people out.
//!
//! axe runs in a copy of each page with its style sheet in it, because the pages themselves forbid every script but ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use fixtures::services;
use serde_json::Value;

use super::harness::{Service, Session, with_reports};

struct Browser {
    chromium: PathBuf,
    axe: String,
}

/// Browser that a run needs; `None`, said in one line, where it is to be skipped.
fn browser(test: &str) -> Option<Browser> {
    let chromium = services::program(test, "chromium", "browser")?;
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/axe/node_modules/axe-core/axe.min.js");
    match fs::read_to_string(axe) {
        Ok(axe) => Some(Browser { chromium, axe }),
        Err(_) => {
            services::skip(test, "no axe-core; `scripts/install.sh browser` installs it");
            None
        }
    }
}

/// Runs axe and hands what it finds to the frame around the page.
const RUN: &str = "
addEventListener('load', async () => {
  const overflow = document.documentElement.scrollWidth - innerWidth;
  const result = await axe.run(document, { resultTypes: ['violations'] });
  const node = (node) => node.html.slice(0, 200) + ' ' + node.failureSummary;
  const violations = result.violations.map((one) => [one.id, ...one.nodes.slice(0, 3).map(node)]);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const found = JSON.stringify({ width: innerWidth, dark, overflow, ran: result.passes.length, violations });
  parent.document.getElementById('found').textContent = encodeURIComponent(found);
  frameElement.remove();
});
";

impl Browser {
    fn open(&self, address: &str, width: u32, dark: bool, more: &[&str]) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(&self.chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--dump-dom"])
            .arg(format!("--window-size={},900", width.max(800)))
            .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)))
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .args(more)
            .arg(address)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(output.stdout), text(output.stderr))
    }

    fn axe(&self, page: &str, width: u32, dark: bool) -> Value {
        let script = format!("<script>{}</script><script>{RUN}</script></body>", self.axe);
        let inner = page.replacen("</body>", &script, 1);
        // A frame, because a window is never narrower than some browsers allow.
        let framed = format!(
            "<!DOCTYPE html><html lang=\"en\"><title>frame</title><body style=\"margin:0\"><iframe id=\"page\" \
             style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{}\"></iframe><pre id=\"found\"></pre></body></html>",
            inner.replace('&', "&amp;").replace('"', "&quot;")
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        fs::write(&file, framed).unwrap();
        let address = format!("file://{}", file.display());
        let (dom, said) = self.open(&address, width, dark, &["--virtual-time-budget=600000"]);
        let found = dom.split("id=\"found\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        let found = percent_encoding::percent_decode_str(found).decode_utf8_lossy().into_owned();
        serde_json::from_str(&found).unwrap_or_else(|_| panic!("axe said nothing: {said}"))
    }
}

/// A page with its style sheet in it.
async fn page(service: &Service, session: Option<&Session>, path: &str) -> String {
    let text = match session {
        Some(session) => session.text(service, path).await.1,
        None => service.get(path).send().await.unwrap().text().await.unwrap(),
    };
    let style = service.get("/assets/style.css").send().await.unwrap().text().await.unwrap();
    let link = "<link rel=\"stylesheet\" href=\"/assets/style.css\">";
    assert!(text.contains(link), "{path}: {text}");
    text.replacen(link, &format!("<style>{style}</style>"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_wide_or_narrow_light_or_dark() {
    let Some(browser) = browser("axe_finds_nothing_on_any_page") else { return };
    let service = with_reports("\"admins\"").await;
    let session = service.sign_in().await;
    session.token(&service, &[]).await;
    let made = session.post(&service, "/install", &[("cluster", "prod-9")]).await.text().await.unwrap();
    let style = service.get("/assets/style.css").send().await.unwrap().text().await.unwrap();
    let link = "<link rel=\"stylesheet\" href=\"/assets/style.css\">";
    let mut pages = vec![("installed".to_owned(), made.replacen(link, &format!("<style>{style}</style>"), 1))];
    for path in [
        "/",
        "/clusters/prod-1",
        "/costs",
        "/costs?cluster=prod-1&by=workload&namespace=shop&from=2026-07-01",
        "/showback",
        "/alerts",
        "/what-if",
        "/what-if?cluster=prod-1",
        "/access",
        "/install",
        "/install/prod-9",
        "/audit",
        "/nothing",
    ] {
        pages.push((path.to_owned(), page(&service, Some(&session), path).await));
    }
    pages.push(("/sign-in".to_owned(), page(&service, None, "/sign-in").await));
    for (name, page) in pages {
        for (width, dark) in [(390, false), (1280, true)] {
            let found = browser.axe(&page, width, dark);
            assert_eq!(found["violations"], Value::Array(Vec::new()), "{name} {width}: {found:#}");
            assert_eq!((&found["width"], &found["dark"]), (&width.into(), &dark.into()), "{name}");
            assert_eq!(found["overflow"], 0, "{name} {width}: the page is wider than its window");
            assert!(found["ran"].as_u64().unwrap() >= 12, "{name} {width}: {found}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_as_it_is_served_leaves_nothing_on_the_console() {
    let Some(browser) = browser("a_page_as_it_is_served") else { return };
    let service = with_reports("\"admins\"").await;
    for path in ["/sign-in", "/nothing"] {
        let (dom, said) = browser.open(&format!("{}{path}", service.url), 1280, false, &[]);
        assert!(dom.contains("</html>") && dom.contains("EMP Cost Analyzer"), "{path}: {dom}");
        let lines: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        // That a page is not there is what the browser says of it.
        let expected = |line: &&str| path == "/nothing" && line.contains("404");
        assert!(lines.iter().all(expected), "{path}: {lines:?}");
    }
}

/// A proxy that has signed Ann in, as oauth2-proxy does; what was asked through it by a script.
async fn proxied(service: &Service) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (to, http, asked) = (service.url.clone(), service.http.clone(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&asked);
    let pass = move |request: axum::extract::Request| {
        let (to, http, noted) = (to.clone(), http.clone(), Arc::clone(&noted));
        async move {
            let path = request.uri().path_and_query().unwrap().as_str().to_owned();
            if request.headers().contains_key("hx-request") {
                noted.lock().unwrap().push(path.clone());
            }
            let request = http.get(format!("{to}{path}")).header("x-forwarded-user", "ann");
            let answer = request.header("x-forwarded-groups", "admins").send().await.unwrap();
            let mut response = axum::response::Response::new(axum::body::Body::empty());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            response.headers_mut().remove("transfer-encoding");
            *response.body_mut() = axum::body::Body::from(answer.bytes().await.unwrap());
            response
        }
    };
    let router = axum::Router::new().fallback(pass);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_add_a_chart_to_zoom_and_a_page_that_looks_again_by_itself_and_break_no_rule() {
    let Some(browser) = browser("scripts_add_a_chart_to_zoom") else { return };
    let service = Service::with("\"none\"", "[sign_in.proxy]\npeers = [\"127.0.0.0/8\"]").await;
    super::harness::put_report(service.store.as_ref(), "prod-1").await;
    let (url, asked) = proxied(&service).await;
    for (path, there, absent) in [
        ("/costs?cluster=prod-1", "class=\"zoom\"", "never there"),
        ("/install/prod-9", "hx-trigger=\"every 5s\"", "class=\"zoom\""),
        ("/showback", "Showback", "class=\"zoom\""),
        ("/alerts", "No alert is configured", "class=\"zoom\""),
    ] {
        let (dom, said) = browser.open(&format!("{url}{path}"), 1280, false, &["--virtual-time-budget=12000"]);
        assert!(dom.contains(there) && !dom.contains(absent), "{path}: {dom}");
        assert_eq!(dom.contains("<canvas"), path.starts_with("/costs"), "{path}: {dom}");
        let lines: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(lines.is_empty(), "{path}: {lines:?}");
    }
    let asked = asked.lock().unwrap().clone();
    assert!(asked.iter().any(|path| path == "/install/prod-9"), "{asked:?}");
    // Without scripts the drawing and the numbers are there.
    let page = reqwest::get(format!("{url}/costs?cluster=prod-1")).await.unwrap();
    let dom = page.text().await.unwrap();
    assert!(
        dom.contains("class=\"day-bar\"") && dom.contains("<td class=\"number\">") && !dom.contains("<canvas"),
        "{dom}"
    );
}
