//! Who may ask: each kind of authentication against a server that checks it, in front of a real Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use collector::server::{Auth, Secret, ServerOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::bench::*;
use super::proxy::{Act, Proxy, Request};

const DENIED: Act = Act::Answer(401, "", "who are you?");

fn forward_if(allowed: bool) -> Act {
    if allowed { Act::Forward(0) } else { DENIED }
}

/// Checks that an hour collected with `options` is the hour.
async fn check_collects(options: &ServerOptions, real: &str) {
    assert_eq!(undisturbed(options).await.objects(), undisturbed(&quick(real)).await.objects());
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_authentication_is_sent_and_its_refusal_does_not_show_the_password() {
    let Some(real) = holding("basic", several(), &[]).await else { return };
    // `Aladdin:open sesame`, the example of RFC 7617.
    let script = |request: &Request, _| {
        forward_if(request.header("authorization") == Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let auth = |password: &str| Auth::Basic { user: "Aladdin".to_owned(), password: Secret::new(password) };
    check_collects(&ServerOptions { auth: auth("open sesame"), ..quick(&proxy.url) }, real.url()).await;
    let error = refused(&ServerOptions { auth: auth("hunter2"), ..quick(&proxy.url) }).await.to_string();
    assert!(error.contains("401") && error.contains("basic authentication as `Aladdin`"), "{error}");
    assert!(error.contains("who are you?") && !error.contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_replaced_in_the_middle_of_an_hour_is_read_again() {
    let Some(real) = holding("bearer", several(), &[]).await else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "token-0\n").unwrap();
    let (path, served) = (file.path().to_owned(), AtomicUsize::new(0));
    // Every tenth answer comes with a new token; the old one is worth nothing from then on.
    let script = move |request: &Request, _| {
        let now = served.load(Ordering::Relaxed) / 10;
        let allowed = request.header("authorization") == Some(format!("Bearer token-{now}").as_str());
        let next = (served.fetch_add(1, Ordering::Relaxed) + 1) / 10;
        std::fs::write(&path, format!("token-{next}\n")).unwrap();
        forward_if(allowed)
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let auth = Auth::BearerFile(file.path().to_owned());
    check_collects(&ServerOptions { auth, ..quick(&proxy.url) }, real.url()).await;
    assert!(proxy.seen().len() > 20);

    let gone = Auth::BearerFile("/nowhere/token".into());
    let error = refused(&ServerOptions { auth: gone, ..quick(&proxy.url) }).await.to_string();
    assert!(error.contains("`/nowhere/token`") && error.contains("No such file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_tenant_are_sent_with_each_request() {
    let Some(real) = holding("headers", several(), &[]).await else { return };
    let script = |request: &Request, _| {
        forward_if(request.header("x-scope-orgid") == Some("team-a") && request.header("x-api-key") == Some("hunter2"))
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let headers = vec![("X-Api-Key".to_owned(), Secret::new("hunter2"))];
    let options = ServerOptions { headers, tenant: Some("team-a".to_owned()), ..quick(&proxy.url) };
    check_collects(&options, real.url()).await;
    let other = ServerOptions { tenant: Some("team-b".to_owned()), ..options };
    assert!(!refused(&other).await.to_string().contains("hunter2"));
}

/// Recomputes the signature over what arrived, from the secret alone.
pub(crate) fn is_signed(request: &Request, secret: &Credentials) -> bool {
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let authorization = header("authorization");
    let Some(names) = authorization.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next()) else {
        return false;
    };
    let time = chrono::NaiveDateTime::parse_from_str(&header("x-amz-date"), "%Y%m%dT%H%M%SZ").unwrap();
    let identity = secret.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("aps")
        .time(time.and_utc().into())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    // The signer adds these itself.
    let own = ["host", "x-amz-date", "x-amz-security-token"];
    let names: Vec<_> = names.split(';').filter(|name| !own.contains(name)).collect();
    let signed = names.iter().map(|name| (*name, request.header(name).unwrap()));
    let url = format!("http://{}{}", header("host"), request.path);
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(&request.method, url, signed, body).unwrap();
    let (instructions, signature) = sign(signable, &params).unwrap().into_parts();
    let expect =
        instructions.headers().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).unwrap().1.to_owned();
    authorization == expect && authorization.contains(&signature) && authorization.contains("/eu-west-1/aps/")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_for_amazon() {
    let Some(real) = holding("sigv4", several(), &[]).await else { return };
    let credentials = |secret: &str| Credentials::new("AKIDEXAMPLE", secret, Some("session".to_owned()), None, "test");
    let script = move |request: &Request, _| {
        let allowed =
            is_signed(request, &Credentials::new("AKIDEXAMPLE", "s3cret", Some("session".to_owned()), None, "test"))
                && request.header("x-amz-security-token") == Some("session");
        if allowed {
            Act::Forward(0)
        } else {
            Act::Answer(403, "", r#"{"message":"The request signature does not match"}"#)
        }
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let auth = |secret: &str| Auth::SigV4 {
        region: "eu-west-1".to_owned(),
        credentials: Some(SharedCredentialsProvider::new(credentials(secret))),
    };
    check_collects(&ServerOptions { auth: auth("s3cret"), ..quick(&proxy.url) }, real.url()).await;
    let error = refused(&ServerOptions { auth: auth("hunter2"), ..quick(&proxy.url) }).await.to_string();
    assert!(error.contains("403") && error.contains("Signature Version 4 for `aps` in `eu-west-1`"), "{error}");
    assert!(error.contains("signature does not match") && error.contains("aps:QueryMetrics"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("s3cret"), "{error}");
}

/// An authority of its own, with a server that asks for certificates of the same authority.
struct Authority {
    ca_pem: String,
    client_pem: String,
    acceptor: TlsAcceptor,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let leaf = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        (certificate, key)
    };
    let (server, server_key) = leaf("localhost");
    let (client, client_key) = leaf("client");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.der().to_vec())).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![CertificateDer::from(server.der().to_vec())], key)
        .unwrap();
    Authority {
        ca_pem: ca.pem(),
        client_pem: format!("{}\n{}", client_key.serialize_pem(), client.pem()),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_and_an_authority_of_ones_own_work() {
    let Some(real) = holding("mtls", several(), &[]).await else { return };
    let Authority { ca_pem, client_pem, acceptor } = authority();
    let proxy = Proxy::start(&[real.url()], Some(acceptor), |_, _| Act::Forward(0)).await;
    let with = |ca: Option<&str>, client: Option<&str>| ServerOptions {
        ca: ca.map(|pem| pem.as_bytes().to_vec()),
        client_identity: client.map(Secret::new),
        ..quick(&proxy.url)
    };
    check_collects(&with(Some(&ca_pem), Some(&client_pem)), real.url()).await;
    let stranger = authority();
    for (ca, client) in [
        (None, Some(client_pem.as_str())),
        (Some(ca_pem.as_str()), None),
        (Some(ca_pem.as_str()), Some(stranger.client_pem.as_str())),
    ] {
        let error = refused(&with(ca, client)).await.to_string();
        assert!(error.contains("https://localhost"), "{error}");
    }
}
