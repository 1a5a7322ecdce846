//! A service on a port of its own, over a bucket with the reports of two clusters.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fixtures::s3::S3Server;
use fixtures::services;
use lake::store::{DirStore, S3Store};
use lake::workload_day::{self, Part};
use lake::{S3Options, Store, WorkloadDay};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::json;
use service::{App, Config, Secrets};
use tokio::sync::oneshot;
use types::analysis::Analysis;

/// The static token of every test.
pub(crate) const TOKEN: &str = "a-token-of-more-than-24-characters";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Something that stands in what nobody of a part may see.
pub(crate) const SECRET: &str = "bank";

/// A service, which ends when this is dropped.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) http: Client,
    pub(crate) routes: Vec<service::authorization::Route>,
    end: Option<oneshot::Sender<()>>,
    _folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = self.end.take().map(|end| end.send(()));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is where the clock comes from")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A port that nobody has: it must be known before the configuration that names it.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A configuration with the static token and these further lines.
pub(crate) fn config(url: &str, groups: &str, more: &str) -> String {
    format!(
        r#"
public_url = "{url}"
key_file = "key"
[sign_in.static]
token_file = "token"
groups = [{groups}]
{more}
[[rule]]
name = "everything"
groups = ["admins"]
role = "admin"
clusters = ["*"]
[[rule]]
name = "prod"
groups = ["prod-readers"]
role = "viewer"
clusters = ["prod-*"]
[[rule]]
name = "prod-analysts"
groups = ["prod-analysts"]
role = "analyst"
clusters = ["prod-*"]
[[rule]]
name = "shop"
groups = ["shop"]
role = "analyst"
clusters = ["*"]
namespaces = ["shop"]
"#
    )
}

/// Lines of configuration by which JWTs of an issuer count.
pub(crate) fn bearer(issuer: &str) -> String {
    format!("[sign_in.bearer]\nissuer = \"{issuer}\"\naudience = \"emp-cost\"\nalgorithms = [\"ES256\"]\n")
}

impl Service {
    /// A service over a directory, whose static token is of these groups.
    pub(crate) async fn start(groups: &str) -> Self {
        Self::with(groups, "").await
    }

    /// The same with further lines of configuration.
    pub(crate) async fn with(groups: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(DirStore::new(folder.path()));
        Self::over(store, folder, groups, more).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>, folder: tempfile::TempDir, groups: &str, more: &str) -> Self {
        Self::at(free_port(), store, folder, groups, more).await
    }

    pub(crate) async fn at(
        port: u16,
        store: Arc<dyn Store>,
        folder: tempfile::TempDir,
        groups: &str,
        more: &str,
    ) -> Self {
        let url = format!("http://127.0.0.1:{port}");
        let config = Config::read(&config(&url, groups, more)).unwrap();
        let secrets = Secrets {
            keys: service::sealed_values::Keys::read(KEY).unwrap(),
            static_token: Some(TOKEN.to_owned()),
            client_secret: Some("client-secret".to_owned()),
        };
        let app = Arc::new(App::new(config, secrets, Arc::clone(&store), now).unwrap());
        let routes = service::http_server::guarded(&app).list;
        let (end, ended) = oneshot::channel::<()>();
        let (started, up) = oneshot::channel::<SocketAddr>();
        tokio::spawn(async move {
            let wait = async {
                let _ended = ended.await;
            };
            let up = |address| {
                let _unheard = started.send(address);
            };
            service::serve(app, format!("127.0.0.1:{port}").parse().unwrap(), wait, up).await.unwrap();
        });
        up.await.unwrap();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url, store, http, routes, end: Some(end), _folder: folder }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    /// A form as a page of ours sends it.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        request.header("content-type", "application/x-www-form-urlencoded").header("origin", &self.url)
    }

    /// Signs in with the static token; the cookie, and the mark of forms.
    pub(crate) async fn sign_in(&self) -> Session {
        let answer = self.post("/sign-in", &[("token", TOKEN), ("next", "/costs")]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()[LOCATION], "/costs");
        self.session(&answer).await
    }

    /// The session that an answer begins.
    pub(crate) async fn session(&self, answer: &Response) -> Session {
        let set = answer.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let cookie = set.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("emp-session="));
        let cookie = cookie.unwrap().to_owned();
        let page = self.get("/costs").header(COOKIE, &cookie).send().await.unwrap();
        let page = page.text().await.unwrap();
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        Session { cookie, csrf: csrf.unwrap_or_default().to_owned() }
    }
}

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl Session {
    pub(crate) async fn text(&self, service: &Service, path: &str) -> (StatusCode, String) {
        let answer = service.get(path).header(COOKIE, &self.cookie).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Sends a form with the mark.
    pub(crate) async fn post(&self, service: &Service, path: &str, form: &[(&str, &str)]) -> Response {
        let form: Vec<_> = form.iter().copied().chain([("csrf", self.csrf.as_str())]).collect();
        service.post(path, &form).header(COOKIE, &self.cookie).send().await.unwrap()
    }

    /// Makes a token for programs, and gives it.
    pub(crate) async fn token(&self, service: &Service, more: &[(&str, &str)]) -> String {
        let form: Vec<_> = [("note", "test"), ("days", "1")].into_iter().chain(more.iter().copied()).collect();
        let answer = self.post(service, "/access/tokens", &form).await;
        assert_eq!(answer.status(), StatusCode::OK);
        secret(&answer.text().await.unwrap())
    }
}

/// Returns what a page shows once.
pub(crate) fn secret(page: &str) -> String {
    let shown = page.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next());
    shown.unwrap().to_owned()
}

fn row(cluster: &str, day: u32, namespace: Option<&str>, team: &str, cents: i64) -> WorkloadDay {
    WorkloadDay {
        cluster: cluster.into(),
        date: Some(format!("2026-07-{day:02}").into()),
        part: if namespace.is_some() { Part::Workload } else { Part::Idle },
        namespace: namespace.map(Into::into),
        workload_kind: namespace.map(|_| "Deployment".into()),
        workload: namespace.map(|name| format!("{name}-web").into()),
        labels: namespace.map(|_| -> Arc<str> { format!("team={team}").into() }).into_iter().collect(),
        node_group: Some("spot".into()),
        cpu_nano_usd: cents * 10_000_000,
        memory_nano_usd: 0,
        volume_nano_usd: 0,
        fargate_nano_usd: 0,
        other_nano_usd: 0,
        cpu_request_core_ms: Some(7_200_000),
        cpu_used_core_ms: Some(3_600_000),
        memory_request_kib_s: Some(0),
        memory_used_kib_s: Some(0),
    }
}

/// Puts a report of a cluster as `emp-cost run` does: files, then the pointer.
pub(crate) async fn put_report(store: &dyn Store, cluster: &str) {
    put_report_with(store, cluster, None).await;
}

/// Returns the folder of the report that [`put_report`] puts.
pub(crate) fn folder_of(cluster: &str) -> String {
    format!("reports/cluster={cluster}/date=2026-07-03/report=0123456789ab/")
}

/// The same with an analysis, whose window the report then has.
pub(crate) async fn put_report_with(store: &dyn Store, cluster: &str, analysis: Option<&Analysis>) {
    let mut rows = Vec::new();
    for day in 1..=3 {
        rows.push(row(cluster, day, Some("shop"), "red", 100));
        rows.push(row(cluster, day, Some(SECRET), "blue", 1000));
        rows.push(row(cluster, day, None, "", 50));
    }
    let page = format!("<!DOCTYPE html><title>{cluster}</title><p>whole of {SECRET}</p>");
    let mut files = vec![
        (workload_day::FILE, workload_day::encode(rows).unwrap()),
        ("index.html", Bytes::from(page)),
        ("csv/namespaces.csv", Bytes::from_static(b"namespace\nbank\nshop\n")),
    ];
    let mut window = json!({"start": "2026-07-01T00:00:00Z", "end": "2026-07-04T00:00:00Z"});
    if let Some(analysis) = analysis {
        window = json!({"start": analysis.window.start, "end": analysis.window.end});
        files.push(("analysis.json", serde_json::to_vec(analysis).unwrap().into()));
    }
    let folder = folder_of(cluster);
    let mut named = Vec::new();
    for (name, content) in files {
        named.push(json!({"name": name, "sha256": lake::digest(&content), "bytes": content.len()}));
        store.replace(&format!("{folder}{name}"), content, "").await.unwrap();
    }
    let pointer = json!({
        "schema": "emp-cost/report/v1", "cluster_id": cluster, "date": "2026-07-03", "folder": folder,
        "window": window,
        "hours_present": 72, "hours_expected": 72, "tool_version": "0", "files": named,
    });
    for at in ["latest", "date=2026-07-03"] {
        let key = format!("reports/cluster={cluster}/{at}/report.json");
        store.replace(&key, pointer.to_string().into(), "application/json").await.unwrap();
    }
}

/// A service with the reports of `prod-1` and `test-1`.
pub(crate) async fn with_reports(groups: &str) -> Service {
    let service = Service::start(groups).await;
    for cluster in ["prod-1", "test-1"] {
        put_report(service.store.as_ref(), cluster).await;
    }
    service
}

/// What a page elsewhere could send to `path` with the cookie of `session`: from another site, or without its mark.
pub(crate) fn forged(
    service: &Service,
    path: &str,
    session: &Session,
    other: &Session,
) -> Vec<(&'static str, RequestBuilder)> {
    let ours = Some(service.url.as_str());
    let mark = Some(session.csrf.as_str());
    let forgeries = [
        ("no origin", None, None, mark),
        ("another origin", Some("https://evil.example"), None, mark),
        ("an origin without a name", Some("null"), None, mark),
        ("from another site", ours, Some("cross-site"), mark),
        ("from a neighbour", ours, Some("same-site"), mark),
        ("an origin that lies", Some("https://evil.example"), Some("same-origin"), mark),
        ("no mark", ours, Some("same-origin"), None),
        ("an empty mark", ours, Some("same-origin"), Some("")),
        ("a mark of nothing", ours, Some("same-origin"), Some("AAAA")),
        ("the mark of another session", ours, Some("same-origin"), Some(other.csrf.as_str())),
    ];
    let request = |(what, origin, site, csrf): (_, Option<&str>, Option<&str>, Option<&str>)| {
        let body = csrf.map(|mark| format!("csrf={mark}&note=x&days=1&cluster=prod-1")).unwrap_or_default();
        let mut request =
            service.http.post(format!("{}{path}", service.url)).body(body).header(COOKIE, &session.cookie);
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        (what, request)
    };
    forgeries.into_iter().map(request).collect()
}

/// A bucket on a real S3 server; `None` where there is none, which is said.
pub(crate) async fn bucket(test: &str) -> Option<(S3Server, Arc<dyn Store>)> {
    let binary = services::program(test, "minio", "s3")?;
    let server = S3Server::start(Path::new(&binary)).await.unwrap();
    server.make_bucket("lake").unwrap();
    let client = S3Server::client(&server.endpoint(), S3Server::SECRET_KEY);
    let store = S3Store::with_config(&client, "lake", "p", S3Options::default());
    Some((server, Arc::new(store)))
}
