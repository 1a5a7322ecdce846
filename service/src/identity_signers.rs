//! Those who say who somebody is beside us: issuers of JWTs, proxies and load balancers.

use std::net::IpAddr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use serde_json::Value;

use crate::config::{Alb, Config, Proxy};
use crate::identity::How;
use crate::jwt::{Claims, Issuer, JwtError, document};
use crate::read_cache::Cached;

/// Base64url with padding or without: load balancers pad, which the standard forbids.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Claims about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who it is.
    pub subject: String,
    /// In which groups.
    pub groups: Vec<String>,
    /// By what.
    pub how: How,
}

/// Those who are asked.
#[derive(Debug)]
pub struct Signers {
    /// The OpenID provider.
    pub oidc: Option<Issuer>,
    /// The issuer of programs' JWTs.
    pub bearer: Option<Issuer>,
    /// Keys by which a load balancer signed something for us.
    alb_keys: Cached<Vec<u8>>,
    /// Keys that AWS does not have, apart from the others: made-up ones must not push those out.
    alb_absent: Cached<()>,
    /// For requests to them.
    pub http: reqwest::Client,
}

impl Signers {
    /// Those of a configuration.
    pub fn new(config: &Config, http: reqwest::Client) -> Self {
        let oidc = config.sign_in.oidc.as_ref().map(|oidc| Issuer::new(&oidc.issuer, &oidc.algorithms, http.clone()));
        let bearer = config.sign_in.bearer.as_ref();
        let bearer = bearer.map(|bearer| Issuer::new(&bearer.issuer, &bearer.algorithms, http.clone()));
        let (alb_keys, alb_absent) = (Cached::new(16, TimeDelta::hours(1)), Cached::new(256, TimeDelta::seconds(30)));
        Self { oidc, bearer, alb_keys, alb_absent, http }
    }

    /// Who a load balancer says it is. A key that is not known is asked for if `may_ask` says so.
    ///
    /// # Errors
    /// [`JwtError`] when its header is not what it signed for us.
    pub async fn alb(
        &self,
        alb: &Alb,
        token: &str,
        now: DateTime<Utc>,
        may_ask: impl FnOnce() -> bool,
    ) -> Result<Said, JwtError> {
        let unsigned = AlbToken::read(token, alb)?;
        let name = format!("{}/{}", alb.region, unsigned.key_id);
        if let Some(key) = self.alb_keys.get(&name, now) {
            return unsigned.verify(&key, alb, now);
        }
        if self.alb_absent.get(&name, now).is_some() {
            return Err(refused("AWS does not have its key"));
        }
        if !may_ask() {
            return Err(refused("its address names too many keys that are not known"));
        }
        let url = format!("https://public-keys.auth.elb.{}.amazonaws.com/{}", alb.region, unsigned.key_id);
        let key = match document(&self.http, &url).await {
            Ok(text) => pem(&text).ok_or_else(|| refused("its key is no PEM"))?,
            Err(error) => {
                if matches!(error, JwtError::Answer { .. }) {
                    self.alb_absent.put(&name, (), now);
                }
                return Err(error);
            }
        };
        let said = unsigned.verify(&key, alb, now)?;
        self.alb_keys.put(&name, key, now);
        Ok(said)
    }
}

fn refused(what: &str) -> JwtError {
    JwtError::Refused(what.to_owned())
}

/// A token of a load balancer whose header fits and whose signature is not looked at yet.
struct AlbToken<'a> {
    key_id: String,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> AlbToken<'a> {
    fn read(token: &'a str, alb: &Alb) -> Result<Self, JwtError> {
        let no_token = || refused("it is no token of a load balancer");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(no_token)?;
        let (header, payload) = signed.split_once('.').ok_or_else(no_token)?;
        let header = URL_SAFE.decode(header).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let header = header.ok_or_else(no_token)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("alg") != "ES256" {
            return Err(refused("it is not signed with ES256"));
        }
        if text("signer") != alb.arn {
            return Err(refused("another load balancer signed it"));
        }
        let key_id = text("kid").to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if key_id.is_empty() || key_id.len() > 64 || !key_id.bytes().all(plain) {
            return Err(refused("it names no key"));
        }
        let signature = URL_SAFE.decode(signature).map_err(|_| no_token())?;
        Ok(Self { key_id, signed, payload, signature })
    }

    /// Checks the signature, which is over the text as it came, padding and all.
    fn verify(&self, key: &[u8], alb: &Alb, now: DateTime<Utc>) -> Result<Said, JwtError> {
        // A key in SPKI ends in the point, which is 65 bytes.
        let point = key.len().checked_sub(65).and_then(|from| key.get(from..));
        let point =
            point.filter(|point| point.first() == Some(&4)).ok_or_else(|| refused("its key is none of P-256"))?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(self.signed.as_bytes(), &self.signature).map_err(|_| refused("its signature is wrong"))?;
        let payload = URL_SAFE.decode(self.payload).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let claims = Claims::of(payload.ok_or_else(|| refused("its claims cannot be read"))?);
        if claims.text("iss") != Some(alb.issuer.as_str()) {
            return Err(refused("another issuer's user"));
        }
        if claims.number("exp").is_none_or(|ends| ends <= now.timestamp()) {
            return Err(refused("it has ended"));
        }
        let subject = claims.subject().ok_or_else(|| refused("it names nobody"))?.to_owned();
        Ok(Said { subject, groups: claims.texts(&alb.groups_claim), how: How::Alb })
    }
}

/// The bytes in a PEM block.
fn pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).ok()
}

/// Returns true when a request comes from one of these addresses.
pub(crate) fn is_from(peers: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peers.iter().any(|net| net.contains(&peer))
}

/// Who a proxy says it is: nobody unless the request comes from one.
pub(crate) fn proxied(proxy: &Proxy, peer: IpAddr, headers: &HeaderMap) -> Option<Said> {
    if !is_from(&proxy.peers, peer) {
        return None;
    }
    let subject = one(headers, &proxy.user_header)?.to_owned();
    let groups = one(headers, &proxy.groups_header).unwrap_or_default();
    let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(ToOwned::to_owned).collect();
    Some(Said { subject, groups, how: How::Proxy })
}

/// A header that is there once: of two, one was brought by somebody else.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok().filter(|value| !value.is_empty())?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests;
