use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::http::{HeaderName, HeaderValue};
use base64::engine::general_purpose::URL_SAFE as PADDED;
use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/a/1";

fn alb() -> Alb {
    Alb {
        peers: vec!["10.0.0.0/8".parse().unwrap()],
        arn: ARN.to_owned(),
        region: "eu-west-1".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        groups_claim: "groups".to_owned(),
        sign_out: None,
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// A token as a load balancer makes it, padded, with its key.
fn token(header: &Value, claims: &Value) -> (String, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let part = |value: &Value| PADDED.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    (format!("{signed}.{}", PADDED.encode(signature)), pair.public_key().as_ref().to_vec())
}

fn check(header: &Value, claims: &Value, change: impl Fn(String) -> String, expect: Result<&str, &str>) {
    let (token, key) = token(header, claims);
    let token = change(token);
    let outcome = AlbToken::read(&token, &alb()).and_then(|token| token.verify(&key, &alb(), now()));
    let found = outcome.map(|said| said.subject).map_err(|error| error.to_string());
    match expect {
        Ok(subject) => assert_eq!(found.as_deref(), Ok(subject)),
        Err(why) => assert!(found.as_ref().is_err_and(|error| error.contains(why)), "{found:?}, not {why}"),
    }
}

#[test]
fn a_load_balancer_is_believed_what_it_signed_for_us_and_nothing_else() {
    let header = json!({"alg": "ES256", "kid": "1-2", "signer": ARN, "iss": "x"});
    let claims = json!({"iss": "https://issuer.example", "sub": "s", "email": "a@b.c", "exp": 1_790_000_060});
    let same = |token: String| token;
    check(&header, &claims, same, Ok("a@b.c"));
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    check(&with(&header, "alg", json!("none")), &claims, same, Err("not signed with ES256"));
    check(&with(&header, "alg", json!("HS256")), &claims, same, Err("not signed with ES256"));
    check(&with(&header, "signer", json!("arn:other")), &claims, same, Err("another load balancer"));
    check(&with(&header, "kid", json!("../x")), &claims, same, Err("names no key"));
    check(&header, &with(&claims, "iss", json!("https://other")), same, Err("another issuer"));
    check(&header, &with(&claims, "exp", json!(1_790_000_000)), same, Err("has ended"));
    let forged = |token: String| {
        let mut parts: Vec<_> = token.split('.').map(ToOwned::to_owned).collect();
        parts[1] =
            PADDED.encode(json!({"iss": "https://issuer.example", "sub": "admin", "exp": 1_790_000_060}).to_string());
        parts.join(".")
    };
    check(&header, &claims, forged, Err("signature is wrong"));
    check(&header, &claims, |token| token.rsplit_once('.').unwrap().0.to_owned() + ".", Err("signature is wrong"));
    check(&header, &claims, |_| "a.b".to_owned(), Err("no token"));
}

#[test]
fn headers_of_a_proxy_count_from_its_address_alone() {
    let proxy = Proxy {
        peers: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        user_header: "x-forwarded-user".to_owned(),
        groups_header: "x-forwarded-groups".to_owned(),
        sign_out: None,
    };
    let headers = |pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    };
    let good = headers(&[("x-forwarded-user", "ann"), ("x-forwarded-groups", "a, b,,")]);
    let said = |peer: &str, headers: &HeaderMap| proxied(&proxy, peer.parse().unwrap(), headers);
    assert_eq!(said("10.1.2.3", &good).unwrap().groups, ["a", "b"]);
    assert_eq!(said("::ffff:10.1.2.3", &good).unwrap().subject, "ann");
    assert_eq!(said("fd00::1", &good).unwrap().subject, "ann");
    for other in ["11.1.2.3", "127.0.0.1", "::1"] {
        assert_eq!(said(other, &good), None, "{other}");
    }
    let twice = headers(&[("x-forwarded-user", "ann"), ("x-forwarded-user", "admin")]);
    assert_eq!(said("10.1.2.3", &twice), None);
    assert_eq!(said("10.1.2.3", &headers(&[("x-forwarded-groups", "admin")])), None);
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for_only_so_often_and_one_that_is_known_never() {
    let (alb_keys, alb_absent) = (Cached::new(16, TimeDelta::hours(1)), Cached::new(16, TimeDelta::seconds(30)));
    let signers = Signers { oidc: None, bearer: None, alb_keys, alb_absent, http: reqwest::Client::new() };
    let header = json!({"alg": "ES256", "kid": "1-2", "signer": ARN, "iss": "x"});
    let claims = json!({"iss": "https://issuer.example", "sub": "s", "email": "a@b.c", "exp": 1_790_000_060});
    let (token, key) = token(&header, &claims);
    let refused = signers.alb(&alb(), &token, now(), || false).await.unwrap_err();
    assert!(refused.to_string().contains("too many keys"), "{refused}");
    signers.alb_absent.put("eu-west-1/1-2", (), now());
    let absent = signers.alb(&alb(), &token, now(), || panic!("nobody is asked")).await.unwrap_err();
    assert!(absent.to_string().contains("does not have its key"), "{absent}");
    signers.alb_keys.put("eu-west-1/1-2", key, now());
    let said = signers.alb(&alb(), &token, now(), || panic!("nobody is asked")).await.unwrap();
    assert_eq!(said.subject, "a@b.c");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_load_balancer_signed_in_is_led_to_its_sign_out_and_loses_its_cookies() {
    let folder = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let config = format!(
        "public_url = \"{url}\"\nkey_file = \"key\"\n[sign_in.alb]\npeers = [\"127.0.0.0/8\"]\narn = \"{ARN}\"\nregion = \"eu-west-1\"\n\
         issuer = \"https://issuer.example\"\nsign_out = \"https://issuer.example/logout\"\n\
         [[rule]]\nname = \"all\"\ngroups = [\"admins\"]\nrole = \"admin\"\nclusters = [\"*\"]\n"
    );
    let keys = crate::sealed_values::Keys::read("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let secrets = crate::Secrets { keys, static_token: None, client_secret: None };
    let store = std::sync::Arc::new(lake::store::DirStore::new(folder.path()));
    let app = crate::App::new(Config::read(&config).unwrap(), secrets, store, now).unwrap();
    let header = json!({"alg": "ES256", "kid": "1-2", "signer": ARN, "iss": "x"});
    let groups = json!(["admins"]);
    let claims = json!({"iss": "https://issuer.example", "sub": "s", "groups": groups, "exp": 1_790_000_060});
    let (token, key) = token(&header, &claims);
    app.signers.alb_keys.put("eu-west-1/1-2", key, now());
    let (started, up) = tokio::sync::oneshot::channel();
    let up_now = |address| started.send(address).unwrap();
    tokio::spawn(crate::serve(std::sync::Arc::new(app), address, std::future::pending(), up_now));
    up.await.unwrap();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = http.get(format!("{url}/access")).header("x-amzn-oidc-data", &token).send().await.unwrap();
    let page = page.text().await.unwrap();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let sign_out = |csrf: &str| {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("csrf", csrf).finish();
        let request = http.post(format!("{url}/sign-out")).body(form).header("origin", &url);
        request.header("content-type", "application/x-www-form-urlencoded").header("x-amzn-oidc-data", &token)
    };
    let forged = sign_out("").send().await.unwrap();
    assert_eq!(forged.status(), reqwest::StatusCode::FORBIDDEN);
    let out = sign_out(csrf).send().await.unwrap();
    assert_eq!(out.status(), reqwest::StatusCode::OK);
    let gone: Vec<_> = out.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(gone.iter().all(|line| line.contains("Max-Age=0")), "{gone:?}");
    for name in ["emp-session=", "AWSELBAuthSessionCookie-0=", "AWSELBAuthSessionCookie-3="] {
        assert!(gone.iter().any(|line| line.starts_with(name)), "{name}: {gone:?}");
    }
    let page = out.text().await.unwrap();
    assert!(page.contains("href=\"https://issuer.example/logout\"") && page.contains("Stay signed in"), "{page}");
}
