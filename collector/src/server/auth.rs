//! EDGE: what a request carries to say who asks: headers, from files read anew, or a signature over its bytes.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use super::options::{Auth, ServerOptions};
use super::server_url::Hidden;

/// The service requests are signed for: Amazon Managed Service for Prometheus.
const SERVICE: &str = "aps";
/// Time before the end of credentials at which they are fetched anew.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);

/// Who asks, and what was fetched to prove it.
#[derive(Debug)]
pub(super) struct Authority {
    auth: Auth,
    /// Headers that are the same for each request.
    fixed: HeaderMap,
    aws: Mutex<Aws>,
    /// Secrets, which must not be in any text.
    hidden: std::sync::Mutex<Hidden>,
}

#[derive(Debug, Default)]
struct Aws {
    provider: Option<SharedCredentialsProvider>,
    credentials: Option<Credentials>,
    /// Who gave them, as was said in the log.
    named: Option<String>,
}

impl Authority {
    /// Checks the headers of `options`. The error says which cannot be sent, not what is in it.
    pub(super) fn new(options: &ServerOptions) -> Result<Self, String> {
        let (mut fixed, mut hidden) = (HeaderMap::new(), Hidden::default());
        if let Ok(url) = reqwest::Url::parse(&options.url) {
            // As it stands in the URL, and as it is sent.
            hidden.add(url.password().unwrap_or_default());
            hidden.add(&base64(format!("{}:{}", url.username(), url.password().unwrap_or_default()).as_bytes()));
        }
        for (name, value) in &options.headers {
            hidden.add(value.reveal());
            // `Bearer TOKEN`: the token alone, too.
            value.reveal().split_whitespace().skip(1).for_each(|word| hidden.add(word));
            let header = HeaderName::try_from(name).map_err(|_| format!("`{name}` is not the name of a header"))?;
            fixed.append(header, sensitive(value.reveal(), &format!("the header `{name}`"))?);
        }
        if let Some(tenant) = &options.tenant {
            fixed.insert(
                "x-scope-orgid",
                HeaderValue::try_from(tenant).map_err(|_| "the tenant is not a header value")?,
            );
        }
        if let Auth::Basic { user, password } = &options.auth {
            let pair = base64(format!("{user}:{}", password.reveal()).as_bytes());
            hidden.add(password.reveal());
            hidden.add(&pair);
            fixed.insert(AUTHORIZATION, sensitive(&format!("Basic {pair}"), "user and password")?);
        }
        let provider = match &options.auth {
            Auth::SigV4 { credentials, .. } => credentials.clone(),
            _ => None,
        };
        let aws = Mutex::new(Aws { provider, ..Aws::default() });
        Ok(Self { auth: options.auth.clone(), fixed, aws, hidden: hidden.into() })
    }

    /// A text of a server or a library, without what proves who asks.
    pub(super) fn hide(&self, text: &str) -> String {
        self.hidden.lock().unwrap_or_else(std::sync::PoisonError::into_inner).hide(text)
    }

    fn keep_secret(&self, secret: &str) {
        self.hidden.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(secret);
    }

    pub(super) fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Returns whether the bytes of a request are part of the proof.
    pub(super) fn signs(&self) -> bool {
        matches!(self.auth, Auth::SigV4 { .. })
    }

    /// The headers of one request, apart from a signature.
    pub(super) async fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = self.fixed.clone();
        if let Auth::BearerFile(path) = &self.auth {
            // Thirty short reads an hour; whatever replaced the token, and however, the next request has it.
            let token = tokio::fs::read_to_string(path).await.map_err(|error| error.to_string())?;
            if token.trim().is_empty() {
                return Err(format!("`{}` is empty; it must hold the token each time it is read", path.display()));
            }
            self.keep_secret(token.trim());
            headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", token.trim()), "the token")?);
        }
        Ok(headers)
    }

    /// Signs a request as it stands, body included.
    pub(super) async fn sign(&self, request: &mut reqwest::Request) -> Result<(), String> {
        let Auth::SigV4 { region, .. } = &self.auth else { return Ok(()) };
        #[expect(clippy::disallowed_methods, reason = "a signature is valid for minutes around the time it carries")]
        let now = SystemTime::now();
        let identity = self.credentials(now).await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(SERVICE)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signed = {
            let headers: Vec<_> = request
                .headers()
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
                .collect();
            let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
            let url = request.url().as_str();
            let body = SignableBody::Bytes(body);
            let signable = SignableRequest::new(request.method().as_str(), url, headers.into_iter(), body)
                .map_err(|error| error.to_string())?;
            sign(signable, &params).map_err(|error| error.to_string())?.into_parts().0
        };
        let (headers, _) = signed.into_parts();
        for header in headers {
            let mut value = HeaderValue::try_from(header.value()).map_err(|error| error.to_string())?;
            value.set_sensitive(header.sensitive());
            request.headers_mut().insert(header.name(), value);
        }
        Ok(())
    }

    /// Credentials that hold for a while yet. The chain is built when first needed: building it reads files and may
    /// ask the instance or the container for a role.
    async fn credentials(&self, now: SystemTime) -> Result<Credentials, String> {
        let mut aws = self.aws.lock().await;
        let fresh = |c: &&Credentials| {
            c.expiry().is_none_or(|expiry| expiry.duration_since(now).is_ok_and(|rest| rest > BEFORE_EXPIRY))
        };
        if let Some(credentials) = aws.credentials.as_ref().filter(fresh) {
            return Ok(credentials.clone());
        }
        let provider = match &aws.provider {
            Some(provider) => provider.clone(),
            None => {
                let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
                config.credentials_provider().ok_or("the default chain has no provider of credentials")?
            }
        };
        let credentials = provider.provide_credentials().await.map_err(|error| deepest(&error))?;
        let named = lake::store::provider_name(&credentials);
        if aws.named.as_ref() != Some(&named) {
            tracing::info!(provider = named, "credentials for Prometheus found");
        }
        aws.named = Some(named);
        self.keep_secret(credentials.secret_access_key());
        self.keep_secret(credentials.session_token().unwrap_or_default());
        aws.provider = Some(provider);
        aws.credentials = Some(credentials.clone());
        Ok(credentials)
    }
}

/// A header value that is never logged.
fn sensitive(text: &str, what: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text).map_err(|_| format!("{what} has characters no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The text at the bottom of a chain of causes.
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Base 64 with padding (RFC 4648, section 4): a few lines instead of a dependency.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = usize::try_from(word >> (18 - 6 * place) & 63).ok().and_then(|at| ALPHABET.get(at));
            match letter {
                Some(letter) if place <= chunk.len() => text.push(char::from(*letter)),
                _ => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expect) in vectors.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expect);
        }
    }
}
