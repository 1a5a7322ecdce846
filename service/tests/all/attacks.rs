//! Three hundred hostile requests and more, each of which is refused: a table by kind, counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fixtures::{Cluster, services};
use lake::store::MemoryStore;
use lake::{HourOrigin, Lake, Store, object_keys};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use service::outbound_allowlist::Outbound;
use types::{ClusterId, Hour, Window};

use super::harness::{SECRET, Service, Session, bearer, forged, put_report, secret};
use super::hostile::raw;
use super::issuer::Issuer;

/// What an answer may be that refuses.
const REFUSED: [StatusCode; 9] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

/// What stands in a record that nobody may read.
const KEPT: &str = "kept-to-itself";

/// What was tried, by kind.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    /// Counts an attack, which must have been refused.
    fn count(&mut self, kind: &'static str, refused: bool, what: &str) {
        assert!(refused, "{kind}: {what}");
        *self.0.entry(kind).or_default() += 1;
    }

    /// Counts an attack by its answer, which must refuse, begin no session and tell nothing.
    async fn answered(&mut self, kind: &'static str, what: &str, answer: Response) {
        let status = answer.status();
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        // Who is nobody is sent to sign in, from a page.
        let sent_away = status == StatusCode::SEE_OTHER && to.starts_with("/sign-in?next=");
        let session = answer.headers().get_all(SET_COOKIE).iter().any(|set| {
            set.to_str().unwrap().starts_with("emp-session=") && !set.to_str().unwrap().contains("Max-Age=0")
        });
        let text = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        let refused = (REFUSED.contains(&status) || sent_away) && !session;
        assert!(!text.contains(SECRET) && !text.contains(KEPT), "{kind}: {what} tells: {text}");
        self.count(kind, refused, &format!("{what}: {status} {to} {text}"));
    }
}

struct Field {
    service: Service,
    issuer: Issuer,
    session: Session,
}

async fn field() -> Field {
    let issuer = Issuer::start().await;
    let more = format!(
        "[sign_in.oidc]\nissuer = \"{0}\"\nclient_id = \"emp-cost\"\nclient_secret_file = \"secret\"\nalgorithms = [\"ES256\"]\n\
         {1}\
         [sign_in.proxy]\npeers = [\"10.0.0.0/8\"]\n\
         [sign_in.alb]\npeers = [\"10.0.0.0/8\"]\narn = \"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/1\"\nregion = \"eu-west-1\"\nissuer = \"{0}\"\n\
         [limits]\nrequests_a_minute = 60000\ningest_a_minute = 60000\n",
        issuer.url,
        bearer(&issuer.url)
    );
    let service = Service::with("\"admins\"", &more).await;
    for cluster in ["prod-1", "test-1"] {
        put_report(service.store.as_ref(), cluster).await;
    }
    service.store.replace("service/tokens/0123456789abcdef.json", KEPT.into(), "").await.unwrap();
    let session = service.sign_in().await;
    Field { service, issuer, session }
}

async fn traversal(field: &Field, tally: &mut Tally) {
    let names = [
        "../../../../service/tokens/0123456789abcdef.json",
        "..%2f..%2f..%2f..%2fservice%2ftokens%2f0123456789abcdef.json",
        "%2e%2e/%2e%2e/report.json",
        "....//....//report.json",
        "%252e%252e%252fservice",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "index.html%00.json",
        "csv/../index.html",
        "csv\\..\\index.html",
        ".",
        "~root",
    ];
    for cluster in ["prod-1", "prod-1/..", "..", "%2e%2e", "prod-1%2f..%2fprod-1", "PROD-1", "*"] {
        for name in names {
            let path = format!("/clusters/{cluster}/files/{name}");
            let answer = raw(&field.service, &format!("GET {path} HTTP/1.1\r\ncookie: {}", field.session.cookie)).await;
            let status = answer.lines().next().unwrap_or_default().to_owned();
            let refused = (status.contains(" 404 ") || status.contains(" 400 "))
                && !answer.contains(KEPT)
                && !answer.contains("root:");
            tally.count("traversal", refused, &format!("{path}: {status}"));
        }
    }
    for path in ["/what-if/../../audit/x", "/what-if/..%2f..%2ftokens%2f0123456789abcdef", "/install/..%2f..%2fx"] {
        let answer = field.service.get(path).header(COOKIE, &field.session.cookie).send().await.unwrap();
        tally.answered("traversal", path, answer).await;
    }
}

async fn cookies(field: &Field, tally: &mut Tally) {
    let value = field.session.cookie.split_once('=').unwrap().1;
    let mut forged = vec![String::new(), "null".to_owned(), "{}".to_owned(), "eyJzdWJqZWN0IjoiYWRtaW4ifQ".to_owned()];
    forged.extend([value[..20].to_owned(), value.repeat(2), value.to_uppercase(), format!("{value}A")]);
    for at in (0..value.len() - 1).step_by(7) {
        let mut changed = value.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(changed).unwrap());
    }
    for cookie in forged.iter().map(|value| format!("emp-session={value}")).chain([
        format!("emp-login={value}"),
        format!("__Host-emp-session={value}"),
        format!("EMP-SESSION={value}"),
        format!("emp-session={value}; emp-session={value}"),
        format!("emp-session=\"{value}\""),
    ]) {
        let answer = field.service.get("/").header(COOKIE, &cookie).send().await.unwrap();
        tally.answered("forged cookie", &cookie, answer).await;
    }
}

/// A sign-in that was begun: what was asked of the provider, and the cookie of its browser.
async fn begun(service: &Service) -> (HashMap<String, String>, String) {
    let answer = service.get("/sign-in/oidc?next=/costs").send().await.unwrap();
    let to = reqwest::Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (to.query_pairs().into_owned().collect(), cookie)
}

async fn states(field: &Field, tally: &mut Tally) {
    let Field { service, issuer, session } = field;
    let back = async |query: &str, cookie: Option<&str>| {
        let request = service.get(&format!("/sign-in/callback?{query}"));
        let request = match cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        request.send().await.unwrap()
    };
    let (asked, cookie) = begun(service).await;
    let (_, other) = begun(service).await;
    let state = &asked["state"];
    let code = issuer.authorize(&asked, &["admins"]);
    let good = format!("code={code}&state={state}");
    for (what, query, cookie) in [
        ("no cookie", good.clone(), None),
        ("the cookie of another sign-in", good.clone(), Some(other.as_str())),
        ("a session as its cookie", good.clone(), Some(session.cookie.as_str())),
        ("an empty cookie", good.clone(), Some("emp-login=")),
        ("a longer state", format!("code={code}&state=x{state}"), Some(cookie.as_str())),
        ("a shorter state", format!("code={code}&state={}", &state[1..]), Some(cookie.as_str())),
        ("another case", format!("code={code}&state={}", state.to_uppercase()), Some(cookie.as_str())),
        ("no state", format!("code={code}"), Some(cookie.as_str())),
        ("an empty state", format!("code={code}&state="), Some(cookie.as_str())),
        ("another issuer", format!("{good}&iss=https://other.example"), Some(cookie.as_str())),
        ("an error", format!("error=access_denied&state={state}"), Some(cookie.as_str())),
        ("no code", format!("state={state}"), Some(cookie.as_str())),
        ("another code", format!("code=guessed&state={state}"), Some(cookie.as_str())),
    ] {
        tally.answered("forged state", what, back(&query, cookie).await).await;
    }
    // A code that was redeemed, by whoever replays it.
    let (asked, cookie) = begun(service).await;
    let code = issuer.authorize(&asked, &["admins"]);
    let good = format!("code={code}&state={}", asked["state"]);
    assert_eq!(back(&good, Some(&cookie)).await.status(), StatusCode::SEE_OTHER);
    for _ in 0..3 {
        tally.answered("replayed code", "the same browser", back(&good, Some(&cookie)).await).await;
    }
    tally.answered("replayed code", "another browser", back(&good, Some(&other)).await).await;
    // A code of a sign-in with other words: another nonce, another challenge, another address to return to.
    for (name, value) in [
        ("nonce", "other"),
        ("code_challenge", "other"),
        ("redirect_uri", "https://evil.example/x"),
        ("client_id", "other"),
    ] {
        let (mut asked, cookie) = begun(service).await;
        let state = asked["state"].clone();
        asked.insert(name.to_owned(), value.to_owned());
        let code = issuer.authorize(&asked, &["admins"]);
        let answer = back(&format!("code={code}&state={state}"), Some(&cookie)).await;
        tally.answered("swapped code", name, answer).await;
    }
}

async fn jwts(field: &Field, tally: &mut Tally) {
    let Field { service, issuer, .. } = field;
    let now = super::harness::now().timestamp();
    let good = issuer.claims("emp-cost", &["admins"]);
    let ask = async |token: &str| {
        service.get("/api/v1/clusters").header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap()
    };
    assert_eq!(ask(&issuer.sign(&good)).await.status(), StatusCode::OK);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        issuer.sign(&claims)
    };
    let signed = issuer.sign(&good);
    let [head, body, signature] = signed.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other = Issuer::start().await;
    let mut table: Vec<(&'static str, String, String)> = vec![
        ("wrong audience", "another".to_owned(), with("aud", "other".into())),
        ("wrong audience", "several others".to_owned(), with("aud", json!(["a", "b"]))),
        ("wrong audience", "none in a list".to_owned(), with("aud", json!([]))),
        ("wrong audience", "a prefix".to_owned(), with("aud", "emp-cos".into())),
        ("wrong audience", "another case".to_owned(), with("aud", "EMP-COST".into())),
        ("wrong audience", "null".to_owned(), with("aud", Value::Null)),
        ("wrong audience", "missing".to_owned(), without("aud")),
        ("wrong issuer", "another".to_owned(), with("iss", "https://other.example".into())),
        ("wrong issuer", "a slash more".to_owned(), with("iss", format!("{}/", issuer.url).into())),
        ("wrong issuer", "another case".to_owned(), with("iss", issuer.url.to_uppercase().into())),
        ("wrong issuer", "a list".to_owned(), with("iss", json!(["https://other.example"]))),
        ("wrong issuer", "missing".to_owned(), without("iss")),
        ("wrong issuer", "its own key".to_owned(), other.sign(&good)),
        ("wrong issuer", "its own key and name".to_owned(), other.sign(&other.claims("emp-cost", &["admins"]))),
        ("wrong time", "ended".to_owned(), with("exp", (now - 3600).into())),
        ("wrong time", "at the beginning".to_owned(), with("exp", 0.into())),
        ("wrong time", "before the beginning".to_owned(), with("exp", (-1).into())),
        ("wrong time", "in words".to_owned(), with("exp", "never".into())),
        ("wrong time", "no end".to_owned(), without("exp")),
        ("wrong time", "not yet".to_owned(), with("nbf", (now + 3600).into())),
        ("wrong subject", "nobody".to_owned(), without("sub")),
        ("changed", "another body".to_owned(), format!("{head}.{}.{signature}", body.replacen('e', "f", 1))),
        ("changed", "no signature".to_owned(), format!("{head}.{body}.")),
        ("changed", "no third part".to_owned(), format!("{head}.{body}")),
        ("changed", "half a signature".to_owned(), format!("{head}.{body}.{}", &signature[..40])),
        ("changed", "a longer signature".to_owned(), format!("{signed}AAAA")),
        ("changed", "five parts".to_owned(), format!("{signed}.{signature}.{signature}")),
        ("changed", "a signature of nothing".to_owned(), format!("{head}.{body}.{}", "A".repeat(86))),
        ("changed", "empty".to_owned(), String::new()),
        ("changed", "dots".to_owned(), "..".to_owned()),
        ("changed", "long".to_owned(), "a".repeat(20_000)),
        ("alg games", "HS256 with the public key".to_owned(), issuer.signed_with_public_key(&good)),
    ];
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        table.push(("alg games", format!("unsigned as {alg:?}"), Issuer::unsigned_as(alg, &good)));
    }
    for alg in ["HS256", "HS384", "HS512", "RS256", "RS512", "PS256", "ES384", "ES512", "EdDSA", "dir", "x"] {
        table.push(("alg games", alg.to_owned(), issuer.sign_with(&json!({"alg": alg, "kid": "one"}), &good)));
    }
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"});
    for (what, header) in [
        ("no algorithm", json!({"kid": "one"})),
        ("another key", json!({"alg": "ES256", "kid": "other"})),
        ("no key", json!({"alg": "ES256"})),
        ("an empty key", json!({"alg": "ES256", "kid": ""})),
        ("a path as key", json!({"alg": "ES256", "kid": "../../keys"})),
        ("a key that cannot sign", json!({"alg": "ES256", "kid": "odd"})),
        ("a key of its own", json!({"alg": "ES256", "jwk": jwk})),
        ("a key elsewhere", json!({"alg": "ES256", "kid": "two", "jku": format!("{}/keys", other.url)})),
        ("a certificate elsewhere", json!({"alg": "ES256", "kid": "two", "x5u": format!("{}/keys", other.url)})),
    ] {
        table.push(("alg games", what.to_owned(), issuer.sign_with(&header, &good)));
    }
    for (kind, what, token) in &table {
        tally.answered(kind, what, ask(token).await).await;
    }
    for scheme in ["Basic", "Token", "Bearer:", "Bearer Bearer", ""] {
        let request = service.get("/api/v1/me").header(AUTHORIZATION, format!("{scheme} {signed}"));
        tally.answered("alg games", scheme, request.send().await.unwrap()).await;
    }
}

async fn forgeries(field: &Field, tally: &mut Tally) {
    let Field { service, session, .. } = field;
    let other = service.sign_in().await;
    let posts = service.routes.iter().filter(|route| route.method == Method::POST).map(|route| route.path);
    for path in posts {
        for (what, request) in forged(service, path, session, &other) {
            tally.answered("CSRF", &format!("{path}, {what}"), request.send().await.unwrap()).await;
        }
    }
    assert_eq!(session.text(service, "/").await.0, StatusCode::OK, "still signed in");
    assert_eq!(service.store.list("service/tokens/").await.unwrap().len(), 1, "no token was made");
}

/// Addresses that messages must not go to. They come from a file, and no request names one.
fn elsewhere(tally: &mut Tally) {
    let hosts =
        ["hooks.example.com", "localhost", "127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "[fd00:ec2::254]"];
    let hosts: Vec<String> = hosts.map(ToOwned::to_owned).into();
    let outbound = Outbound::new(&hosts, &[]);
    assert!(outbound.checked("https://hooks.example.com/services/T0").is_ok());
    for url in [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "file:///etc/passwd",
        "gopher://hooks.example.com/x",
        "https://evil.example/x",
        "https://hooks.example.com.evil.example/x",
        "https://evil.example/hooks.example.com",
        "https://evil.example#hooks.example.com",
        "https://evil.example\\@hooks.example.com/",
        "https://hooks.example.com@evil.example/x",
        "https://user:secret@hooks.example.com/x",
        "https://sub.hooks.example.com/x",
        "https://hooks.example.com./x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://0x7f000001/x",
        "https://0177.0.0.1/x",
        "https://2130706433/x",
        "https://169.254.169.254/latest/meta-data",
        "https://0xa9fea9fe/latest/meta-data",
        "https://2852039166/latest/meta-data",
        "https://10.0.0.1/x",
        "https://012.0.0.1/x",
        "https://[::1]/x",
        "https://[0:0:0:0:0:0:0:1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://[fd00:ec2::254]/latest",
        "http://127.0.0.1/x",
        "http://localhost/x",
        "https://１２７.0.0.1/x",
        "//hooks.example.com/x",
        "hooks.example.com/x",
        "https:///x",
        "",
        "https://",
        "javascript:alert(1)",
        "data:text/plain,x",
    ] {
        tally.count("SSRF", outbound.checked(url).is_err(), url);
    }
}

async fn headers(field: &Field, tally: &mut Tally) {
    let service = &field.service;
    let claims = field.issuer.sign(&field.issuer.claims("emp-cost", &["admins"]));
    let table: Vec<Vec<(&str, String)>> = vec![
        vec![("x-forwarded-user", "ann".into()), ("x-forwarded-groups", "admins".into())],
        vec![
            ("x-forwarded-user", "ann".into()),
            ("x-forwarded-groups", "admins".into()),
            ("x-forwarded-for", "10.0.0.1".into()),
        ],
        vec![
            ("x-forwarded-user", "ann".into()),
            ("x-forwarded-groups", "admins".into()),
            ("forwarded", "for=10.0.0.1".into()),
        ],
        vec![
            ("x-forwarded-user", "ann".into()),
            ("x-forwarded-groups", "admins".into()),
            ("x-real-ip", "10.0.0.1".into()),
        ],
        vec![
            ("x-forwarded-user", "ann".into()),
            ("x-forwarded-groups", "admins".into()),
            ("via", "1.1 10.0.0.1".into()),
        ],
        vec![("X-FORWARDED-USER", "ann".into()), ("X-Forwarded-Groups", "admins".into())],
        vec![("x-forwarded-email", "ann@example.com".into()), ("x-forwarded-groups", "admins".into())],
        vec![("x-auth-request-user", "ann".into()), ("x-auth-request-groups", "admins".into())],
        vec![("x-forwarded-preferred-username", "ann".into()), ("x-forwarded-groups", "admins".into())],
        vec![("remote-user", "ann".into()), ("x-forwarded-groups", "admins".into())],
        vec![("x-amzn-oidc-data", claims.clone())],
        vec![("x-amzn-oidc-data", claims.clone()), ("x-forwarded-for", "10.0.0.1".into())],
        vec![("x-amzn-oidc-identity", "ann".into()), ("x-amzn-oidc-accesstoken", claims.clone())],
        vec![("x-original-url", "/audit".into())],
        vec![("x-rewrite-url", "/audit".into())],
        vec![("x-http-method-override", "GET".into())],
    ];
    for headers in table {
        let mut request = service.get("/");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        tally.answered("spoofed header", &format!("{headers:?}"), request.send().await.unwrap()).await;
    }
    // From the balancer's own addresses, with what it never signed.
    let more = "[sign_in.alb]\npeers = [\"127.0.0.0/8\"]\narn = \"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/1\"\nregion = \"eu-west-1\"\nissuer = \"https://i\"";
    let behind = Service::with("\"none\"", more).await;
    put_report(behind.store.as_ref(), "prod-1").await;
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/1";
    for header in [
        json!({"alg": "ES256", "kid": "one"}),
        json!({"alg": "ES256", "kid": "one", "signer": "arn:aws:elasticloadbalancing:eu-west-1:2:loadbalancer/app/x/1"}),
        json!({"alg": "none", "kid": "one", "signer": arn}),
        json!({"alg": "HS256", "kid": "one", "signer": arn}),
        json!({"alg": "RS256", "kid": "one", "signer": arn}),
        json!({"alg": "ES256", "signer": arn}),
        json!({"alg": "ES256", "kid": "", "signer": arn}),
        json!({"alg": "ES256", "kid": "../other", "signer": arn}),
        json!({"alg": "ES256", "kid": "x/../../y", "signer": arn}),
        json!({"alg": "ES256", "kid": "@evil.example/x", "signer": arn}),
        json!({"alg": "ES256", "kid": "a".repeat(200), "signer": arn}),
    ] {
        let token = field.issuer.sign_with(&header, &json!({"iss": "https://i", "sub": "ann", "groups": ["admins"]}));
        let answer = behind.get("/").header("x-amzn-oidc-data", token).send().await.unwrap();
        tally.answered("spoofed header", &header.to_string(), answer).await;
    }
}

async fn tokens(field: &Field, tally: &mut Tally) {
    let Field { service, session, .. } = field;
    let good = session.token(service, &[]).await;
    let id = good.split('_').nth(1).unwrap().to_owned();
    let bare = good.rsplit('_').next().unwrap();
    let revoked = session.token(service, &[]).await;
    let gone = revoked.split('_').nth(1).unwrap();
    assert_eq!(session.post(service, "/access/revoke", &[("id", gone)]).await.status(), StatusCode::SEE_OTHER);
    let form = [("note", "x"), ("days", "1"), ("cluster", "prod-1")];
    let link = secret(&session.post(service, "/access/links", &form).await.text().await.unwrap());
    let link = link.rsplit('/').next().unwrap().to_owned();
    for (what, token) in [
        ("no secret", format!("emp_{id}_")),
        ("no id", format!("emp__{bare}")),
        ("another id", format!("emp_0123456789abcdef_{bare}")),
        ("a path as id", format!("emp_../x_{bare}")),
        ("its own hash", format!("emp_{id}_{}", lake::digest(bare.as_bytes()))),
        ("the half of its secret", format!("emp_{id}_{}", &bare[..bare.len() / 2])),
        ("one character more", format!("{good}x")),
        ("another case", good.to_uppercase()),
        ("a line break", format!("{good}%0a")),
        ("revoked", revoked.clone()),
        ("a link as a token", link.clone()),
    ] {
        let answer =
            service.get("/api/v1/clusters").header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
        tally.answered("forged token", what, answer).await;
    }
    for (what, path) in [
        ("a token as a link", format!("/s/{good}")),
        ("a link that never was", "/s/emp_0123456789abcdef_x".to_owned()),
        ("a path as a link", "/s/..%2f..%2fx".to_owned()),
    ] {
        tally.answered("forged token", what, service.get(&path).send().await.unwrap()).await;
        tally.answered("forged token", what, service.post(&path, &[]).send().await.unwrap()).await;
    }
    let cookie = format!("emp-session={good}");
    tally
        .answered("forged token", "a token as a cookie", service.get("/").header(COOKIE, cookie).send().await.unwrap())
        .await;
    // What a token may not do: administer, hand on, bring hours.
    let bearer = format!("Bearer {good}");
    for path in ["/install", "/audit", "/ingest/v1/names?prefix=v1/manifest/"] {
        tally
            .answered("forged token", path, service.get(path).header(AUTHORIZATION, &bearer).send().await.unwrap())
            .await;
    }
    for path in ["/access/tokens", "/access/links", "/access/revoke", "/install", "/audit/revoke", "/alerts/test"] {
        let request = service.http.post(format!("{}{path}", service.url)).header(AUTHORIZATION, &bearer);
        let answer = request.body("note=x&days=1&cluster=prod-1&subject=local").send().await.unwrap();
        tally.answered("forged token", path, answer).await;
    }
}

/// An hour of two clusters as their collectors write them: bodies by key.
async fn hour_of(cluster: &str, hour: Hour) -> BTreeMap<String, Vec<u8>> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let id: ClusterId = cluster.parse().unwrap();
    let window = Window::try_new(hour.start(), hour.next().start()).unwrap();
    let rows = Cluster::generate(7, window).hour_rows(hour);
    Lake::new(Arc::clone(&store)).write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
    let mut all = BTreeMap::new();
    for key in store.list("v1/").await.unwrap() {
        all.insert(key.clone(), store.get(&key).await.unwrap().to_vec());
    }
    all
}

async fn objects(field: &Field, tally: &mut Tally) {
    let Field { service, session, .. } = field;
    let token = super::ingest::token(service, session, "prod-1").await;
    let put = async |key: &str, body: Vec<u8>| {
        let request = service.http.put(format!("{}/ingest/v1/objects/{key}", service.url)).bearer_auth(&token);
        request.body(body).send().await.unwrap()
    };
    let hour = Hour::starting_at(1_782_907_200).unwrap();
    let (own, foreign) = (hour_of("prod-1", hour).await, hour_of("prod-2", hour).await);
    let id: ClusterId = "prod-1".parse().unwrap();
    let key = object_keys::hour_object("pod_hour", &id, hour);
    let pods = own[&key].clone();
    let other_key = object_keys::hour_object("pod_hour", &"prod-2".parse().unwrap(), hour);
    let footer = |length: u32| {
        let mut long = pods.clone();
        let at = long.len() - 8;
        long[at..at + 4].copy_from_slice(&length.to_le_bytes());
        long
    };
    let mut bombs: Vec<(String, Vec<u8>)> = vec![
        ("nothing".to_owned(), Vec::new()),
        ("a page".to_owned(), b"<html>".to_vec()),
        ("magic alone".to_owned(), b"PAR1PAR1".to_vec()),
        ("zeros".to_owned(), vec![0; 100_000]),
        ("a footer of 4 GiB".to_owned(), footer(u32::MAX)),
        ("a footer of 2 MiB".to_owned(), footer(2 << 20)),
        ("a footer of nothing".to_owned(), footer(0)),
        ("a footer longer than the object".to_owned(), footer(u32::try_from(pods.len()).unwrap())),
        ("encrypted".to_owned(), [&pods[..pods.len() - 4], b"PARE"].concat()),
        ("the object of another cluster".to_owned(), foreign[&other_key].clone()),
        ("the object of another table".to_owned(), own[&object_keys::hour_object("node_hour", &id, hour)].clone()),
        (
            "the object of another hour".to_owned(),
            hour_of("prod-1", hour.next()).await[&object_keys::hour_object("pod_hour", &id, hour.next())].clone(),
        ),
    ];
    for at in [1, pods.len() / 4, pods.len() / 2, pods.len() - 1] {
        bombs.push((format!("the first {at} bytes"), pods[..at].to_vec()));
    }
    for at in [40, 60, 80, 120, 200] {
        // In the footer, where schema, places and sizes are.
        let mut damaged = pods.clone();
        let at = damaged.len() - at;
        damaged[at] ^= 0xff;
        damaged[at + 1] ^= 0x7f;
        bombs.push((format!("damaged at {at}"), damaged));
    }
    let mut damaged = 0;
    for (what, body) in bombs {
        let answer = put(&key, body).await;
        // Bits of a footer that say nothing may be changed without harm; they are no attack then.
        if what.starts_with("damaged") && answer.status().is_success() {
            damaged += 1;
            continue;
        }
        tally.answered("Parquet bomb", &what, answer).await;
    }
    assert!(damaged < 4, "footers are read");
    let too_large = service.http.put(format!("{}/ingest/v1/objects/{key}", service.url)).bearer_auth(&token);
    match too_large.body(vec![0; (64 << 20) + 1]).send().await {
        Ok(answer) => tally.answered("Parquet bomb", "larger than 64 MiB", answer).await,
        // It is not read to its end, which some clients take badly.
        Err(error) => tally.count("Parquet bomb", error.is_request() || error.is_body(), "larger than 64 MiB"),
    }

    for key in [
        "service/revoked.json",
        "service/tokens/0123456789abcdef.json",
        "reports/cluster=prod-1/latest/report.json",
        "v1/pod_hour/cluster=test-1/date=2026-07-01/hour=00.parquet",
        "v1/manifest/cluster=prod-1/date=2026-07-01/day.json",
        "v1/pod_hour/cluster=prod-1/date=2026-07-01/hour=24.parquet",
        "v1/pod_hour/cluster=prod-1/date=2026-13-01/hour=00.parquet",
        "v1/pod_hour/cluster=prod-1/hour=00.parquet",
        "v1/other/cluster=prod-1/date=2026-07-01/hour=00.parquet",
        "v2/pod_hour/cluster=prod-1/date=2026-07-01/hour=00.parquet",
        "v1/pod_hour/cluster=prod-1%2f..%2fcluster=test-1/date=2026-07-01/hour=00.parquet",
    ] {
        tally.answered("foreign key", key, put(key, pods.clone()).await).await;
        let read = service.get(&format!("/ingest/v1/objects/{key}")).bearer_auth(&token).send().await.unwrap();
        tally.answered("foreign key", key, read).await;
    }
    for prefix in ["", "v1/", "service/", "reports/", "v1/manifest/cluster=test-1/", "v1/manifest/cluster=prod-1/../"] {
        for list in ["list", "names"] {
            let path = format!("/ingest/v1/{list}?prefix={prefix}");
            tally.answered("foreign key", &path, service.get(&path).bearer_auth(&token).send().await.unwrap()).await;
        }
    }

    // Manifests that name what is not theirs, or not there.
    let manifest_key = object_keys::hour_manifest(&id, hour);
    let manifest: Value = serde_json::from_slice(&own[&manifest_key]).unwrap();
    let with = |change: fn(&mut Value)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        changed.to_string().into_bytes()
    };
    for (what, body) in [
        ("before its objects", with(|_| {})),
        ("of another cluster", with(|m| m["cluster_id"] = "test-1".into())),
        ("of another hour", with(|m| m["hour_start_seconds"] = 0.into())),
        ("with a foreign object", with(|m| m["objects"][0]["key"] = "service/revoked.json".into())),
        (
            "with an object of another cluster",
            with(|m| m["objects"][0]["key"] = "v1/pod_hour/cluster=test-1/date=2026-07-01/hour=00.parquet".into()),
        ),
        ("with a climbing object", with(|m| m["objects"][0]["key"] = "v1/../service/revoked.json".into())),
        ("without a name", with(|m| m["cluster_id"] = Value::Null)),
        ("as a list", b"[]".to_vec()),
        ("as nothing", Vec::new()),
        ("nested without end", [vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        ("larger than 1 MiB", vec![b' '; (1 << 20) + 1]),
        ("as text", b"\xff\xfe".to_vec()),
    ] {
        tally.answered("forged manifest", what, put(&manifest_key, body).await).await;
    }
    let there = service.store.list("v1/manifest/").await.unwrap();
    assert_eq!(there, [""; 0], "no hour came of it");
}

async fn shapes(field: &Field, tally: &mut Tally) {
    let Field { service, session, .. } = field;
    for method in ["DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "PUT", "PROPFIND", "X"] {
        let answer = raw(service, &format!("{method} / HTTP/1.1\r\ncookie: {}", session.cookie)).await;
        tally.count(
            "odd request",
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            &format!("{method}: {answer}"),
        );
    }
    for head in [
        "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5",
        "GET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6",
        "POST /sign-in HTTP/1.1\r\ntransfer-encoding: chunked, identity",
        "GET  / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET /\0 HTTP/1.1",
        "GET / HTTP/1.1\r\n folded: x",
        "GET / HTTP/1.1\r\nno colon",
    ] {
        let answer = raw(service, head).await;
        // A connection that is closed without an answer is refused too; nobody is signed in by any of these.
        let refused =
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.contains("\r\nlocation: /sign-in");
        tally.count("odd request", refused, &format!("{head}: {answer}"));
    }
    for (what, request) in [
        ("a long header", service.get("/").header("x-long", "a".repeat(600_000))),
        ("many headers", (0..500).fold(service.get("/"), |request, n| request.header(format!("x-{n}"), "a"))),
        ("a long path", service.get(&format!("/{}", "a".repeat(70_000)))),
    ] {
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::URI_TOO_LONG => tally.count("odd request", true, what),
            Ok(answer) => tally.answered("odd request", what, answer).await,
            Err(_) => tally.count("odd request", true, what),
        }
    }
    for path in [
        "/costs?by=nothing",
        "/costs?by=label:",
        "/costs?from=yesterday",
        "/costs?label=x",
        "/costs?cluster=..%2F..",
        "/showback?by=day",
        "/showback?by=label:",
        "/showback?cluster=..",
        "/clusters/prod-1/compare?from=../../x",
        "/api/v1/costs?limit=0",
        "/api/v1/costs?limit=10001",
        "/api/v1/costs?limit=99999999999999999999",
        "/api/v1/costs?offset=-1",
        "/api/v1/costs?offset=1e3",
        "/audit?day=../../x",
        "/what-if?cluster=prod-1&from=../../x",
    ] {
        let answer = service.get(path).header(COOKIE, &session.cookie).send().await.unwrap();
        tally.answered("odd value", path, answer).await;
    }
    let large = "x".repeat(100_000);
    for form in [
        vec![("note", "x"), ("days", "0")],
        vec![("note", "x"), ("days", "-1")],
        vec![("note", "x"), ("days", "100000")],
        vec![("note", " "), ("days", "1")],
        vec![("note", "x"), ("days", "1"), ("role", "admin")],
        vec![("note", "x"), ("days", "1"), ("label", "team")],
        vec![("note", large.as_str()), ("days", "1")],
    ] {
        tally.answered("odd value", "a form", session.post(service, "/access/tokens", &form).await).await;
    }
    // Where a sign-in leads is a path of ours whatever was asked for.
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\r\nset-cookie: x",
        "\\\\evil",
    ] {
        let query = form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
        let page = service.get(&format!("/sign-in?next={query}")).send().await.unwrap().text().await.unwrap();
        tally.count("open redirect", page.contains("name=\"next\" value=\"/\"") && !page.contains("evil"), next);
    }
}

async fn floods(tally: &mut Tally) {
    let service = Service::with("\"admins\"", "[limits]\nrequests_a_minute = 30\ningest_a_minute = 30").await;
    let (session, other) = (service.sign_in().await, service.sign_in().await);
    let slowed = async |n: u32, ask: &dyn Fn() -> reqwest::RequestBuilder| {
        let mut slowed = 0;
        for _ in 0..n {
            slowed += u32::from(ask().send().await.unwrap().status() == StatusCode::TOO_MANY_REQUESTS);
        }
        slowed
    };
    let pages = slowed(60, &|| service.get("/").header(COOKIE, &session.cookie)).await;
    tally.count("flood", (20..60).contains(&pages), &format!("{pages} pages slowed"));
    tally.count("flood", other.text(&service, "/").await.0 == StatusCode::OK, "others are not slowed");
    let nobody = slowed(400, &|| service.get("/api/v1/me")).await;
    tally.count("flood", nobody > 50, &format!("{nobody} requests of nobody slowed"));
    let guesses = slowed(30, &|| service.post("/sign-in", &[("token", "wrong")])).await;
    tally.count("flood", guesses >= 15, &format!("{guesses} guesses slowed"));
    let links = slowed(60, &|| service.get("/s/emp_0123456789abcdef_x")).await;
    tally.count("flood", links >= 20, &format!("{links} guesses of links slowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_hostile_requests_are_refused() {
    let field = field().await;
    let mut tally = Tally::default();
    traversal(&field, &mut tally).await;
    cookies(&field, &mut tally).await;
    states(&field, &mut tally).await;
    jwts(&field, &mut tally).await;
    forgeries(&field, &mut tally).await;
    elsewhere(&mut tally);
    headers(&field, &mut tally).await;
    tokens(&field, &mut tally).await;
    objects(&field, &mut tally).await;
    shapes(&field, &mut tally).await;
    floods(&mut tally).await;
    let all: usize = tally.0.values().sum();
    services::say(&format!("hostile requests: {all} refused, {:?}", tally.0));
    assert!(all >= 300, "{all}");
    for kind in [
        "traversal",
        "forged cookie",
        "forged state",
        "replayed code",
        "wrong issuer",
        "wrong audience",
        "alg games",
        "CSRF",
        "SSRF",
        "spoofed header",
        "Parquet bomb",
        "flood",
    ] {
        assert!(tally.0.get(kind).is_some_and(|n| *n >= 4), "{kind}: {:?}", tally.0);
    }
    // Whoever is honest is still answered.
    assert_eq!(field.session.text(&field.service, "/").await.0, StatusCode::OK);
}
