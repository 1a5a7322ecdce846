//! Signing in at a real, certified OpenID provider, in the way a browser does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use fixtures::services;
use lake::store::DirStore;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};

use super::harness::{Service, free_port, put_report};

/// The provider as a process, which ends with the test.
struct Provider {
    process: Child,
    issuer: String,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The folder with the provider's modules; `None` where it is not installed, which is said.
fn modules(test: &str) -> Option<(PathBuf, PathBuf)> {
    let node = services::program(test, "node", "oidc")?;
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/oidc"));
    let folder = std::env::var_os("COST_TEST_OIDC").map_or(own, PathBuf::from);
    if folder.join("node_modules/oidc-provider").exists() {
        return Some((node, folder));
    }
    services::skip(test, "no npm package `oidc-provider`; `scripts/install.sh oidc` installs it");
    None
}

impl Provider {
    fn start((node, modules): (PathBuf, PathBuf), redirect: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/provider/provider.mjs");
        let mut process = Command::new(node)
            .arg(script)
            .arg(modules)
            .arg(redirect)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut issuer).unwrap();
        // A pipe that nobody reads ends it when it says more.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { process, issuer: issuer.trim().to_owned() }
    }
}

/// A browser that keeps cookies by host.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    async fn ask(&mut self, service: &Service, method: Method, url: &str, form: &str) -> Response {
        let host = reqwest::Url::parse(url).unwrap().authority().to_owned();
        let cookies = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let cookies: Vec<_> = cookies.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = service.http.request(method.clone(), url).header(COOKIE, cookies.join("; "));
        if method == Method::POST {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let answer = request.send().await.unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert((host.clone(), name.to_owned()), value.to_owned());
        }
        answer
    }

    /// Asks, and follows where it is sent as long as that is elsewhere or not a page of somebody's.
    async fn follow(&mut self, service: &Service, url: &str) -> (String, Response) {
        let (mut url, mut hops) = (url.to_owned(), 0);
        loop {
            let answer = self.ask(service, Method::GET, &url, "").await;
            let Some(to) = answer.headers().get(LOCATION) else { return (url, answer) };
            url = reqwest::Url::parse(&url).unwrap().join(to.to_str().unwrap()).unwrap().into();
            hops += 1;
            assert!(hops < 12, "{url}");
        }
    }

    /// Signs somebody in: their name, then their consent.
    async fn sign_in(&mut self, service: &Service, login: &str) -> (String, Response) {
        let (page, _) = self.follow(service, &format!("{}/sign-in/oidc?next=/", service.url)).await;
        let form = format!("prompt=login&login={login}&password=x");
        let answer = self.ask(service, Method::POST, &page, &form).await;
        let (page, _) = self.follow(service, answer.headers()[LOCATION].to_str().unwrap()).await;
        let answer = self.ask(service, Method::POST, &page, "prompt=consent").await;
        self.follow(service, answer.headers()[LOCATION].to_str().unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_a_certified_provider_and_see_what_their_groups_give() {
    let Some(modules) = modules("people_sign_in_at_a_certified_provider") else { return };
    let port = free_port();
    let provider = Provider::start(modules, &format!("http://127.0.0.1:{port}/sign-in/callback"));
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(DirStore::new(folder.path()));
    let more = format!(
        "[sign_in.oidc]\nissuer = \"{}\"\nclient_id = \"emp-cost\"\nclient_secret_file = \"x\"",
        provider.issuer
    );
    let service = Service::at(port, store, folder, "\"none\"", &more).await;
    for cluster in ["prod-1", "test-1"] {
        put_report(service.store.as_ref(), cluster).await;
    }
    for (login, expect, sees, sees_not) in [
        ("ann:prod-readers", StatusCode::OK, "prod-1", "test-1"),
        ("root:admins", StatusCode::OK, "test-1", "nothing"),
        ("eve:strangers", StatusCode::FORBIDDEN, "no rule of this installation", "prod-1"),
        ("bob", StatusCode::FORBIDDEN, "no rule of this installation", "prod-1"),
    ] {
        let mut browser = Browser::default();
        let (url, answer) = browser.sign_in(&service, login).await;
        assert!(url.starts_with(&service.url), "{login} ends at {url}");
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, expect, "{login}: {text}");
        assert!(text.to_lowercase().contains(sees) && !text.contains(sees_not), "{login}: {text}");
    }
}
