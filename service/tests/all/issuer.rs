//! An issuer in the test's own hands, which also signs what no honest one would; `provider.rs` signs in at a real one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Codes that were given out: what was asked for, and the groups of who signed in.
type Codes = Arc<Mutex<HashMap<String, (HashMap<String, String>, Vec<String>)>>>;

/// Claims that ID tokens have in place of the groups, and what the user info says.
type Thin = Arc<Mutex<Option<(Value, Value)>>>;

#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    key: Arc<EcdsaKeyPair>,
    codes: Codes,
    thin: Thin,
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

impl Issuer {
    /// An issuer on a port of its own, for as long as the test runs.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let issuer = Self { url: url.clone(), key, codes: Codes::default(), thin: Thin::default() };
        let (discovery, keys, tokens, told) = (issuer.discovery(), issuer.keys(), issuer.clone(), issuer.clone());
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(|| async move { discovery.to_string() }))
            .route("/keys", get(|| async move { keys.to_string() }))
            .route("/userinfo", get(move |request: Request| async move { told.user_info(&request) }))
            .route("/token", post(move |request: Request| async move { tokens.redeem(request).await }));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        issuer
    }

    fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}/{path}", self.url);
        json!({"issuer": self.url, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"), "userinfo_endpoint": at("userinfo"), "jwks_uri": at("keys")})
    }

    /// From now on ID tokens have these claims in place of the groups, and the user info says this.
    pub(crate) fn make_thin(&self, claims: Value, user_info: Value) {
        *self.thin.lock().unwrap() = Some((claims, user_info));
    }

    /// What is said of who signed in, to whoever has the access token.
    fn user_info(&self, request: &Request) -> String {
        let bearer = request.headers().get("authorization").is_some_and(|value| value == "Bearer x");
        let thin = self.thin.lock().unwrap().clone();
        thin.filter(|_| bearer).map(|(_, told)| told.to_string()).unwrap_or_default()
    }

    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let odd = json!({"kty": "magic", "kid": "odd"});
        json!({"keys": [odd, {"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256", "x": x, "y": y}]})
    }

    /// Claims that hold for an hour.
    pub(crate) fn claims(&self, audience: &str, groups: &[&str]) -> Value {
        let now = super::harness::now().timestamp();
        json!({"iss": self.url, "aud": audience, "sub": "u1", "email": "ann@example.com", "groups": groups, "iat": now, "exp": now + 3600})
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as("one", claims)
    }

    pub(crate) fn sign_as(&self, kid: &str, claims: &Value) -> String {
        self.sign_with(&json!({"alg": "ES256", "kid": kid}), claims)
    }

    /// Signs with its own key whatever the header says.
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn unsigned(claims: &Value) -> String {
        Self::unsigned_as("none", claims)
    }

    pub(crate) fn unsigned_as(alg: &str, claims: &Value) -> String {
        format!("{}.{}.", part(&json!({"alg": alg, "kid": "one"})), part(claims))
    }

    pub(crate) fn signed_with_public_key(&self, claims: &Value) -> String {
        let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "one"})), part(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key().as_ref());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
    }

    /// Signs somebody in who was sent with this query; the code they bring back.
    pub(crate) fn authorize(&self, asked: &HashMap<String, String>, groups: &[&str]) -> String {
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        codes.insert(code.clone(), (asked.clone(), groups));
        code
    }

    /// Takes a code once, from whoever has the verifier and the client's secret.
    async fn redeem(&self, request: Request) -> String {
        let credentials =
            request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let body = axum::body::to_bytes(request.into_body(), 65_536).await.unwrap();
        let form: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
        let expect = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("emp-cost:client-secret"));
        let refused = json!({"error": "invalid_grant"}).to_string();
        if credentials != Some(expect) {
            return refused;
        }
        let Some((asked, groups)) = self.codes.lock().unwrap().remove(&form["code"]) else { return refused };
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_bytes());
        if asked["code_challenge"] != URL_SAFE_NO_PAD.encode(challenge) || asked["redirect_uri"] != form["redirect_uri"]
        {
            return refused;
        }
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let mut claims = self.claims(&asked["client_id"], &groups);
        claims["nonce"] = asked["nonce"].clone().into();
        if let Some((instead, _)) = self.thin.lock().unwrap().clone() {
            let claims = claims.as_object_mut().unwrap();
            claims.remove("groups");
            claims.extend(instead.as_object().unwrap().clone());
        }
        json!({"id_token": self.sign(&claims), "token_type": "Bearer", "access_token": "x"}).to_string()
    }
}
