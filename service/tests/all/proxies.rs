//! People whom a proxy signs in: the address they come from, links they open, and the end of what they had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use lake::store::DirStore;
use lake::{PutOutcome, Store, StoreError};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};

use super::harness::{SECRET, Service, Session, TOKEN, bearer, put_report, secret};
use super::issuer::Issuer;

/// A proxy on this machine that signs people in.
const PROXY: &str = "[sign_in.proxy]\npeers = [\"127.0.0.0/8\"]\nsign_out = \"/oauth2/sign_out\"\n";

/// A request as a proxy passes it on for somebody of a group.
fn of(request: RequestBuilder, user: &str, group: &str) -> RequestBuilder {
    request.header("x-forwarded-user", user).header("x-forwarded-groups", group)
}

async fn proxied(more: &str) -> Service {
    let service = Service::with("\"none\"", &format!("{PROXY}{more}")).await;
    for cluster in ["prod-1", "test-1"] {
        put_report(service.store.as_ref(), cluster).await;
    }
    service
}

/// The mark of forms on a page that somebody sees through the proxy.
async fn mark(service: &Service, user: &str, group: &str) -> String {
    let page = of(service.get("/access"), user, group).send().await.unwrap().text().await.unwrap();
    page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

async fn post(service: &Service, path: &str, (user, group): (&str, &str), form: &[(&str, &str)]) -> Response {
    let csrf = mark(service, user, group).await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    of(service.post(path, &form), user, group).send().await.unwrap()
}

async fn audited(service: &Service) -> String {
    let mut said = String::new();
    for key in service.store.list("service/audit/").await.unwrap() {
        said.push_str(&String::from_utf8_lossy(&service.store.get(&key).await.unwrap()));
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_all_sessions_ends_what_somebody_has_through_a_proxy_until_they_are_let_in_again() {
    let service = proxied("").await;
    let (ann, root) = (("ann", "prod-analysts"), ("root", "admins"));
    let asks =
        async |user: &str, group: &str, path: &str| of(service.get(path), user, group).send().await.unwrap().status();
    assert_eq!(asks("ann", "prod-analysts", "/").await, StatusCode::OK);
    // What she made: a token, and a link that somebody opened.
    let made = post(&service, "/access/tokens", ann, &[("note", "hers"), ("days", "365")]).await;
    let token = format!("Bearer {}", secret(&made.text().await.unwrap()));
    let form = [("note", "for red"), ("days", "7"), ("cluster", "prod-1")];
    let link = secret(&post(&service, "/access/links", ann, &form).await.text().await.unwrap());
    let link = link.strip_prefix(&service.url).unwrap().to_owned();
    let guest = service.session(&service.post(&link, &[]).send().await.unwrap()).await;
    let other = post(&service, "/access/tokens", root, &[("note", "another’s"), ("days", "1")]).await;
    let other = format!("Bearer {}", secret(&other.text().await.unwrap()));
    let programs =
        async |token: &str| service.get("/api/v1/clusters").header(AUTHORIZATION, token).send().await.unwrap().status();
    assert_eq!((programs(&token).await, guest.text(&service, "/costs").await.0), (StatusCode::OK, StatusCode::OK));

    let ended = post(&service, "/audit/revoke", root, &[("subject", " ann ")]).await;
    assert_eq!(ended.status(), StatusCode::SEE_OTHER);
    let kept_out = of(service.get("/"), "ann", "prod-analysts").send().await.unwrap();
    assert_eq!(kept_out.status(), StatusCode::FORBIDDEN);
    assert!(kept_out.text().await.unwrap().contains("ended your access"), "she is told whom to ask");
    assert_eq!(asks("ann", "prod-analysts", "/sign-in?next=/costs").await, StatusCode::FORBIDDEN);
    assert_eq!(programs(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(service.get(&link).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(guest.text(&service, "/costs").await.0, StatusCode::SEE_OTHER);
    assert_eq!((asks("eve", "prod-analysts", "/").await, programs(&other).await), (StatusCode::OK, StatusCode::OK));

    let page = of(service.get("/audit"), "root", "admins").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("id=\"kept-out\"") && page.contains("aria-label=\"Let ann in again\""), "{page}");
    assert!(page.contains("ended all sessions of") && page.contains("revoked a link or token"), "{page}");
    let let_in = post(&service, "/audit/let-in", root, &[("subject", "ann")]).await;
    assert_eq!(let_in.status(), StatusCode::SEE_OTHER);
    assert_eq!(asks("ann", "prod-analysts", "/").await, StatusCode::OK);
    assert_eq!(programs(&token).await, StatusCode::UNAUTHORIZED, "what was revoked stays so");
    // The only administrator keeps nobody out who could let them in.
    assert_eq!(post(&service, "/audit/revoke", root, &[("subject", "root")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(post(&service, "/audit/revoke", root, &[("subject", " ")]).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(asks("root", "admins", "/audit").await, StatusCode::OK);
    assert!(audited(&service).await.contains("\"let-in-again\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_from_before_an_end_of_all_sessions_is_refused_and_a_later_one_taken() {
    let issuer = Issuer::start().await;
    let more = bearer(&issuer.url);
    let service = Service::with("\"admins\"", &more).await;
    put_report(service.store.as_ref(), "prod-1").await;
    let admin = service.sign_in().await;
    let now = super::harness::now().timestamp();
    let jwt = |issued: Option<i64>| {
        let mut claims = issuer.claims("emp-cost", &["prod-readers"]);
        claims["iat"] = issued.into();
        if issued.is_none() {
            claims.as_object_mut().unwrap().remove("iat");
        }
        format!("Bearer {}", issuer.sign(&claims))
    };
    let ask = async |jwt: &str| service.get("/api/v1/me").header(AUTHORIZATION, jwt).send().await.unwrap().status();
    // One that will have been made well after, as far as clocks may differ, and one that does not say.
    let (before, undated) = (jwt(Some(now - 600)), jwt(None));
    assert_eq!((ask(&before).await, ask(&undated).await), (StatusCode::OK, StatusCode::OK));
    let ended = admin.post(&service, "/audit/revoke", &[("subject", "ann@example.com")]).await;
    assert_eq!(ended.status(), StatusCode::SEE_OTHER);
    assert_eq!((ask(&before).await, ask(&undated).await), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(ask(&jwt(Some(now + 30))).await, StatusCode::UNAUTHORIZED, "clocks may differ by a minute");
    admin.post(&service, "/audit/let-in", &[("subject", "ann@example.com")]).await;
    assert_eq!((ask(&before).await, ask(&undated).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_makes_no_links_and_tokens_that_outlast_its_jwt() {
    let issuer = Issuer::start().await;
    let more = bearer(&issuer.url);
    let service = Service::with("\"admins\"", &more).await;
    put_report(service.store.as_ref(), "prod-1").await;
    let jwt = format!("Bearer {}", issuer.sign(&issuer.claims("emp-cost", &["admins"])));
    for path in ["/access/tokens", "/access/links", "/install"] {
        let form = [("note", "x"), ("days", "365"), ("cluster", "prod-1")];
        let answer = service.post(path, &form).header(AUTHORIZATION, &jwt).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text().await.unwrap().contains("signed in in a browser"), "{path}");
    }
    assert_eq!(service.store.list("service/tokens/").await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_a_link_behind_a_proxy_sees_it_until_they_leave_it() {
    let service = proxied("").await;
    let form = [("note", "for red"), ("days", "7"), ("cluster", "test-1"), ("view", "/costs?cluster=test-1")];
    let link = secret(&post(&service, "/access/links", ("root", "admins"), &form).await.text().await.unwrap());
    let link = link.strip_prefix(&service.url).unwrap().to_owned();
    let reader = |path: &str| of(service.get(path), "ann", "prod-readers");
    assert_eq!(reader("/costs?cluster=test-1").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let page = reader(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("in place of your own"), "{page}");
    let opened = of(service.post(&link, &[]), "ann", "prod-readers").send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let set = opened.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(!set.contains("Max-Age"), "it ends with the browser: {set}");
    let guest = service.session(&opened).await;
    let seen = reader("/costs?cluster=test-1").header(COOKIE, &guest.cookie).send().await.unwrap();
    assert_eq!(seen.status(), StatusCode::OK);
    let text = seen.text().await.unwrap();
    assert!(text.contains("Leave the shared view") && text.contains("You came by a link"), "{text}");
    // Where the link shows nothing, the page says why and offers the way back.
    let outside = reader("/clusters/prod-1").header(COOKIE, &guest.cookie).send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);
    assert!(outside.text().await.unwrap().contains("Leave the shared view"));
    let form = [("csrf", guest.csrf.as_str())];
    let left = of(service.post("/sign-out", &form), "ann", "prod-readers").header(COOKIE, &guest.cookie);
    let left = left.send().await.unwrap();
    assert_eq!((left.status(), left.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/"));
    assert!(left.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let own = reader("/").send().await.unwrap().text().await.unwrap();
    assert!(own.contains("prod-1") && own.contains("ann") && !own.contains("You came by a link"), "{own}");
    // A link that was revoked meanwhile keeps nobody from what is theirs.
    let id = link.split('_').nth(1).unwrap();
    let revoked = post(&service, "/access/revoke", ("root", "admins"), &[("id", id)]).await;
    assert_eq!(revoked.status(), StatusCode::SEE_OTHER);
    let after = reader("/").header(COOKIE, &guest.cookie).send().await.unwrap();
    assert!(after.status() == StatusCode::OK && after.text().await.unwrap().contains("prod-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_account_opens_a_link_that_the_proxy_lets_through() {
    let service = proxied("").await;
    let form = [("note", "x"), ("days", "7"), ("label", "team=red")];
    let link = secret(&post(&service, "/access/links", ("root", "admins"), &form).await.text().await.unwrap());
    let link = link.strip_prefix(&service.url).unwrap().to_owned();
    let guest = service.session(&service.post(&link, &[]).send().await.unwrap()).await;
    let (status, text) = guest.text(&service, "/costs?by=namespace").await;
    assert!(status == StatusCode::OK && text.contains("$6.00") && !text.contains(SECRET), "{text}");
    // Nobody is sent to the one page at which the proxy asks people to sign in, and on to where they wanted to go.
    let nobody = service.get("/costs?by=day").send().await.unwrap();
    assert_eq!(nobody.headers()[LOCATION], "/sign-in?next=%2Fcosts%3Fby%3Dday");
    let known = of(service.get("/sign-in?next=%2Fcosts%3Fby%3Dday"), "ann", "prod-readers").send().await.unwrap();
    assert_eq!((known.status(), known.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/costs?by=day"));
    let page = service.get("/sign-in?next=/costs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("A proxy in front of this service signs people in") && page.contains("href=\"/costs\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_behind_a_proxy_leads_to_where_the_proxy_signs_people_out() {
    let service = proxied("").await;
    let out = post(&service, "/sign-out", ("ann", "prod-analysts"), &[]).await;
    assert_eq!(out.status(), StatusCode::OK);
    let page = out.text().await.unwrap();
    assert!(page.contains("href=\"/oauth2/sign_out\"") && page.contains("a proxy in front"), "{page}");
    let unnamed = Service::with("\"none\"", "[sign_in.proxy]\npeers = [\"127.0.0.1\"]").await;
    put_report(unnamed.store.as_ref(), "prod-1").await;
    let page = post(&unnamed, "/sign-out", ("ann", "prod-analysts"), &[]).await.text().await.unwrap();
    assert!(page.contains("your company") && page.contains("sign_out") && !page.contains("Nobody"), "{page}");
}

/// Sign-ins that are refused for their number, of so many with a wrong token.
async fn slowed(service: &Service, n: u32, address: impl Fn(u32) -> String) -> u32 {
    let mut slowed = 0;
    for n in 0..n {
        let guess = service.post("/sign-in", &[("token", "wrong")]).header("x-forwarded-for", address(n));
        slowed += u32::from(guess.send().await.unwrap().status() == StatusCode::TOO_MANY_REQUESTS);
    }
    slowed
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_go_by_the_address_that_a_trusted_proxy_names_and_no_other() {
    let trusted = Service::with("\"admins\"", "[forwarded]\npeers = [\"127.0.0.1\", \"10.0.0.0/8\"]").await;
    assert_eq!(slowed(&trusted, 30, |n| format!("198.51.100.{n}")).await, 0, "thirty people behind one proxy");
    assert!(slowed(&trusted, 15, |n| format!("1.1.1.{n}, 203.0.113.5")).await >= 4, "one who makes up the rest");
    assert!(slowed(&trusted, 15, |n| format!("203.0.113.6, 10.0.0.{n}")).await >= 4, "one behind several proxies");
    assert!(slowed(&trusted, 15, |n| format!("2001:db8::{n}")).await >= 4, "one network of IPv6");
    let distrusted = Service::with("\"admins\"", "").await;
    assert!(slowed(&distrusted, 15, |n| format!("198.51.100.{n}")).await >= 4, "nobody is trusted unless named");
    let honest = trusted.post("/sign-in", &[("token", TOKEN)]).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(honest.send().await.unwrap().status(), StatusCode::SEE_OTHER);
    assert!(audited(&trusted).await.contains("\"from\":\"192.0.2.1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_that_fail_are_written_down_and_hide_nothing_else() {
    let service = Service::with("\"admins\"", "[forwarded]\npeers = [\"127.0.0.1\"]").await;
    let session = service.sign_in().await;
    slowed(&service, 200, |n| format!("198.51.100.{n}")).await;
    let failed = audited(&service).await.matches("\"sign-in-failed\"").count();
    assert!((20..=60).contains(&failed), "{failed}: some of each minute, not all");
    let (_, page) = session.text(&service, "/audit").await;
    assert!(page.contains("id=\"failed\"") && page.contains("198.51.100.1") && page.contains("that is not the token"));
    assert!(page.contains("<bdi>signed in</bdi>") && page.contains("<bdi>the access token</bdi>"), "{page}");
    assert!(!page.contains("<bdi>static</bdi>") && !audited(&service).await.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_the_provider_that_fails_is_written_down() {
    let issuer = Issuer::start().await;
    let more =
        format!("[sign_in.oidc]\nissuer = \"{}\"\nclient_id = \"emp-cost\"\nalgorithms = [\"ES256\"]", issuer.url);
    let service = Service::with("\"admins\"", &more).await;
    let forged = service.get("/sign-in/callback?code=x&state=y").send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    let said = audited(&service).await;
    assert!(
        said.contains("\"sign-in-failed\"") && said.contains("\"oidc\"") && said.contains("not begun in this browser")
    );
}

/// A directory that counts what it is asked.
#[derive(Debug)]
struct Counted {
    inner: DirStore,
    gets: AtomicUsize,
    lists: AtomicUsize,
}

#[async_trait]
impl Store for Counted {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key).await
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        self.inner.put_new(key, object).await
    }

    async fn replace(&self, key: &str, object: Bytes, content_type: &str) -> Result<(), StoreError> {
        self.inner.replace(key, object, content_type).await
    }

    async fn swap(&self, key: &str, mark: Option<&str>, object: Bytes, kind: &str) -> Result<bool, StoreError> {
        self.inner.swap(key, mark, object, kind).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list_names(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

async fn counted(more: &str) -> (Arc<Counted>, Service) {
    let folder = tempfile::tempdir().unwrap();
    let inner = DirStore::new(folder.path());
    let store = Arc::new(Counted { inner, gets: AtomicUsize::new(0), lists: AtomicUsize::new(0) });
    let seen: Arc<dyn Store> = store.clone();
    let service = Service::over(seen, folder, "\"admins\"", more).await;
    (store, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_tokens_reach_the_store_so_often_and_keep_no_good_one_out() {
    let (store, service) = counted("[limits]\nrequests_a_minute = 30").await;
    let session: Session = service.sign_in().await;
    let good = format!("Bearer {}", session.token(&service, &[]).await);
    let ask = async |token: &str| service.get("/api/v1/me").header(AUTHORIZATION, token).send().await.unwrap().status();
    assert_eq!(ask(&good).await, StatusCode::OK);
    let before = store.gets.load(Ordering::Relaxed);
    let mut slowed = 0;
    for n in 0..500 {
        slowed += u32::from(ask(&format!("Bearer emp_{n:016x}_x")).await == StatusCode::TOO_MANY_REQUESTS);
    }
    let asked = store.gets.load(Ordering::Relaxed) - before;
    assert!((250..450).contains(&asked) && slowed > 50, "{asked} asked, {slowed} slowed");
    assert_eq!(ask(&good).await, StatusCode::OK, "a token that is known is not slowed by others of its address");
    let before = store.gets.load(Ordering::Relaxed);
    for _ in 0..20 {
        ask("Bearer emp_ffffffffffffffff_x").await;
    }
    assert!(store.gets.load(Ordering::Relaxed) - before <= 1, "what is not there is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_store_answers_is_asked_of_it_every_few_seconds_and_no_oftener() {
    let (store, service) = counted("").await;
    let begun = std::time::Instant::now();
    let asks: Vec<_> = (0..100).map(|_| service.get("/readyz").send()).collect();
    for ask in asks {
        let answer = ask.await.unwrap();
        assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "ok\n"));
    }
    let most = usize::try_from(begun.elapsed().as_secs() / 3 + 2).unwrap();
    let asked = store.lists.load(Ordering::Relaxed);
    assert!((1..=most).contains(&asked), "{asked}, not {most} at most");
}
