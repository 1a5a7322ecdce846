//! The ways to say who one is, over HTTP: the static token, JWTs and proxies.

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION};
use serde_json::json;

use super::harness::{Service, TOKEN, bearer, put_report};
use super::issuer::Issuer;

#[tokio::test(flavor = "multi_thread")]
async fn the_static_token_is_exchanged_for_a_cookie_and_another_is_not() {
    let service = Service::start("\"admins\"").await;
    let page = service.get("/costs?by=day").send().await.unwrap();
    assert_eq!(page.headers()[LOCATION], "/sign-in?next=%2Fcosts%3Fby%3Dday");
    for wrong in ["", "x", &TOKEN[1..], &format!("{TOKEN} ")] {
        let answer = service.post("/sign-in", &[("token", wrong)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{wrong:?}");
        assert!(answer.headers().get("set-cookie").is_none());
    }
    let session = service.sign_in().await;
    assert_eq!(session.text(&service, "/").await.0, StatusCode::OK);
    let away = service.post("/sign-in", &[("token", TOKEN), ("next", "//evil.example")]).send().await.unwrap();
    assert_eq!(away.headers()[LOCATION], "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_token_is_slowed_down() {
    let service = Service::start("\"admins\"").await;
    let mut refused = 0;
    for _ in 0..30 {
        let answer = service.post("/sign-in", &[("token", "wrong")]).send().await.unwrap();
        refused += u32::from(answer.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 15, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_proxy_count_from_its_addresses_alone() {
    let inside = Service::with("\"none\"", "[sign_in.proxy]\npeers = [\"127.0.0.0/8\"]").await;
    let outside = Service::with("\"none\"", "[sign_in.proxy]\npeers = [\"10.0.0.0/8\"]").await;
    for (service, expect) in [(&inside, StatusCode::OK), (&outside, StatusCode::SEE_OTHER)] {
        put_report(service.store.as_ref(), "prod-1").await;
        let request = service.get("/").header("x-forwarded-user", "ann").header("x-forwarded-groups", "admins");
        assert_eq!(request.send().await.unwrap().status(), expect);
    }
    let twice = inside.get("/").header("x-forwarded-user", "ann").header("x-forwarded-user", "eve");
    let twice = twice.header("x-forwarded-groups", "admins").send().await.unwrap();
    assert_eq!(twice.status(), StatusCode::SEE_OTHER, "one of the two was not the proxy's");
    // A page elsewhere can make the browser send this; without the mark it changes nothing.
    let forged = inside.post("/access/tokens", &[("note", "x"), ("days", "1")]);
    let forged = forged.header("x-forwarded-user", "ann").header("x-forwarded-groups", "admins");
    assert_eq!(forged.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_counts_when_its_issuer_signed_it_for_us_and_now() {
    let issuer = Issuer::start().await;
    let more = bearer(&issuer.url);
    let service = Service::with("\"none\"", &more).await;
    put_report(service.store.as_ref(), "prod-1").await;
    let ask = async |token: String| {
        let request = service.get("/api/v1/clusters").header(AUTHORIZATION, format!("Bearer {token}"));
        request.send().await.unwrap().status()
    };
    let good = issuer.claims("emp-cost", &["prod-readers"]);
    assert_eq!(ask(issuer.sign(&good)).await, StatusCode::OK);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let now = super::harness::now().timestamp();
    let refused = [
        ("another audience", issuer.sign(&with("aud", "other".into()))),
        ("another issuer", issuer.sign(&with("iss", "https://other".into()))),
        ("ended", issuer.sign(&with("exp", (now - 3600).into()))),
        ("not yet", issuer.sign(&with("nbf", (now + 3600).into()))),
        ("no end", issuer.sign(&without("exp"))),
        ("no audience", issuer.sign(&without("aud"))),
        ("no issuer", issuer.sign(&without("iss"))),
        ("nobody", issuer.sign(&without("sub"))),
        ("unsigned", Issuer::unsigned(&good)),
        ("signed with the public key as a secret", issuer.signed_with_public_key(&good)),
        ("signed by another", Issuer::start().await.sign(&good)),
        ("another key id", issuer.sign_as("other", &good)),
        ("changed", issuer.sign(&good).replacen("eyJ", "eyK", 1)),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("long", "a".repeat(20_000)),
    ];
    for (what, token) in refused {
        assert_eq!(ask(token).await, StatusCode::UNAUTHORIZED, "{what}");
    }
    let stranger = issuer.sign(&issuer.claims("emp-cost", &["strangers"]));
    assert_eq!(ask(stranger).await, StatusCode::FORBIDDEN, "known, and in no group of a rule");
    // A token that does not hold makes nobody of whoever has a good cookie too.
    let session = Service::start("\"admins\"").await;
    let cookie = session.sign_in().await.cookie;
    let both = session.get("/").header(COOKIE, cookie).header(AUTHORIZATION, "Bearer nonsense");
    assert_eq!(both.send().await.unwrap().status(), StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_a_provider_and_a_forged_return_does_not() {
    let issuer = Issuer::start().await;
    let more = format!(
        "[sign_in.oidc]\nissuer = \"{}\"\nclient_id = \"emp-cost\"\nclient_secret_file = \"secret\"\nalgorithms = [\"ES256\"]",
        issuer.url
    );
    let service = Service::with("\"none\"", &more).await;
    put_report(service.store.as_ref(), "prod-1").await;
    let begin = async || {
        let answer = service.get("/sign-in/oidc?next=/costs").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let to = reqwest::Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        (to, cookie)
    };
    let back = async |query: &str, cookie: Option<&str>| {
        let mut request = service.get(&format!("/sign-in/callback?{query}"));
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        request.send().await.unwrap()
    };
    let (to, cookie) = begin().await;
    let asked: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    let state = &asked["state"];
    let code = issuer.authorize(&asked, &["prod-readers"]);
    // Another browser, another state, no state, another provider.
    for (query, cookie) in [
        (format!("code={code}&state={state}"), None),
        (format!("code={code}&state=x{state}"), Some(cookie.as_str())),
        (format!("code={code}"), Some(cookie.as_str())),
        (format!("code={code}&state={state}&iss=https://other"), Some(cookie.as_str())),
        (format!("error=access_denied&state={state}"), Some(cookie.as_str())),
    ] {
        assert_eq!(back(&query, cookie).await.status(), StatusCode::FORBIDDEN, "{query}");
    }
    let (_, other_cookie) = begin().await;
    let mixed = back(&format!("code={code}&state={state}"), Some(&other_cookie)).await;
    assert_eq!(mixed.status(), StatusCode::FORBIDDEN, "the cookie of another sign-in");
    let answer = back(&format!("code={code}&state={state}"), Some(&cookie)).await;
    assert_eq!((answer.status(), answer.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/costs"));
    let session = service.session(&answer).await;
    assert!(session.text(&service, "/").await.1.contains("ann@example.com"));
    let replayed = back(&format!("code={code}&state={state}"), Some(&cookie)).await;
    assert_eq!(replayed.status(), StatusCode::FORBIDDEN, "a code is taken once");
    // An ID token of another sign-in carries another nonce.
    let (to, cookie) = begin().await;
    let mut asked: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    asked.insert("nonce".to_owned(), "other".to_owned());
    let code = issuer.authorize(&asked, &["prod-readers"]);
    let state = &asked["state"];
    assert_eq!(back(&format!("code={code}&state={state}"), Some(&cookie)).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_a_token_lacks_are_those_that_the_user_info_says_of_the_same_person() {
    let issuer = Issuer::start().await;
    let more = format!(
        "[sign_in.oidc]\nissuer = \"{}\"\nclient_id = \"emp-cost\"\nclient_secret_file = \"secret\"\nalgorithms = [\"ES256\"]",
        issuer.url
    );
    let service = Service::with("\"none\"", &more).await;
    put_report(service.store.as_ref(), "prod-1").await;
    let readers = json!({"sub": "u1", "groups": ["prod-readers"]});
    let overage = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}}});
    for (what, token, told, expect) in [
        ("the user info has them", json!({}), readers.clone(), StatusCode::OK),
        ("it is somebody else's", json!({}), json!({"sub": "u2", "groups": ["prod-readers"]}), StatusCode::FORBIDDEN),
        ("it is nobody's", json!({}), json!({"groups": ["prod-readers"]}), StatusCode::FORBIDDEN),
        ("it has none either", json!({}), json!({"sub": "u1"}), StatusCode::FORBIDDEN),
        ("it is no object", json!({}), json!("eyJ"), StatusCode::FORBIDDEN),
        ("the token says there are none", json!({"groups": []}), readers.clone(), StatusCode::FORBIDDEN),
        ("there are too many for a token", overage, readers, StatusCode::FORBIDDEN),
    ] {
        issuer.make_thin(token, told);
        let begun = service.get("/sign-in/oidc?next=/costs").send().await.unwrap();
        let to = reqwest::Url::parse(begun.headers()[LOCATION].to_str().unwrap()).unwrap();
        let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let asked: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
        let code = issuer.authorize(&asked, &["admins"]);
        let back = format!("/sign-in/callback?code={code}&state={}", asked["state"]);
        let answer = service.get(&back).header(COOKIE, cookie).send().await.unwrap();
        let seen = service.session(&answer).await.text(&service, "/costs").await.0;
        assert_eq!((answer.status(), seen), (StatusCode::SEE_OTHER, expect), "{what}");
    }
}
