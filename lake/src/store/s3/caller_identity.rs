//! EDGE: who S3 takes us for: which provider of the default chain won, and whose key it gave.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// Longest delay of an error message by naming the identity.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Facts about the credentials in use. Secrets are never kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    provider: String,
    key_tail: String,
}

/// The identity of a store: remembered when credentials are fetched, resolved to a name when S3 refuses.
#[derive(Debug, Default)]
pub(super) struct Identity {
    known: Mutex<Option<Known>>,
    shared: Option<SdkConfig>,
}

impl Identity {
    pub(super) fn new(shared: &SdkConfig) -> Self {
        Self { known: Mutex::default(), shared: Some(shared.clone()) }
    }

    /// Remembers who we are, and says it when it is new: the first time, or when another provider takes over.
    fn learn(&self, credentials: &Credentials) {
        let known = Known { provider: provider_name(credentials), key_tail: tail(credentials.access_key_id()) };
        let mut last = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|last| last.provider != known.provider) {
            tracing::info!(provider = known.provider, "credentials for S3 found");
        }
        *last = Some(known);
    }

    /// Who we are, for an error message: the ARN where STS tells it, and the end of the access key.
    pub(super) async fn describe(&self) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(known) = known else { return "the identity in use".to_owned() };
        let key = format!("access key ending in `{}`, from {}", known.key_tail, known.provider);
        match self.arn().await {
            Some(arn) => format!("`{arn}` ({key})"),
            None => format!("the identity in use ({key})"),
        }
    }

    async fn arn(&self) -> Option<String> {
        let config = aws_sdk_sts::config::Builder::from(self.shared.as_ref()?)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(ASK_TIMEOUT).build())
            .build();
        let answer = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        answer.ok()?.arn().map(ToOwned::to_owned)
    }
}

/// Credentials of another provider, which are remembered in an [`Identity`].
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) inner: SharedCredentialsProvider,
    pub(super) identity: Arc<Identity>,
}

impl ProvideCredentials for Observed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let credentials = self.inner.provide_credentials().await?;
            self.identity.learn(&credentials);
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner.fallback_on_interrupt()
    }
}

/// The name of the provider that gave credentials, as a person knows it. The SDK tells the name only in the text for debugging, which leaves
/// out the secret; a test holds that text to its shape.
pub fn provider_name(credentials: &Credentials) -> String {
    let text = format!("{credentials:?}");
    let name = text.split_once("provider_name: \"").and_then(|(_, rest)| rest.split_once('"'));
    let name = name.map_or("a provider without a name", |(name, _)| name);
    match name {
        "EnvironmentVariable" => "the environment (AWS_ACCESS_KEY_ID)",
        "ProfileFile" => "a profile in ~/.aws",
        "WebIdentityToken" => "web identity (AWS_WEB_IDENTITY_TOKEN_FILE, as IRSA sets it)",
        "EcsContainer" => "the container credentials endpoint (EKS Pod Identity or ECS)",
        "IMDSv2" => "instance metadata (the role of the EC2 instance)",
        "AssumeRoleProvider" => "an assumed role of a profile in ~/.aws",
        other => other,
    }
    .to_owned()
}

/// The last four characters of an access key id: enough to tell keys apart.
fn tail(access_key: &str) -> String {
    let skipped = access_key.chars().count().saturating_sub(4);
    access_key.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, expect: &str) {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "a secret", None, None, name);
        assert!(provider_name(&credentials).starts_with(expect), "{name}: {}", provider_name(&credentials));
    }

    #[test]
    fn the_provider_that_won_is_named_as_people_know_it() {
        check("EnvironmentVariable", "the environment");
        check("WebIdentityToken", "web identity");
        check("EcsContainer", "the container credentials endpoint");
        check("IMDSv2", "instance metadata");
        check("SSO", "SSO");
    }

    #[tokio::test]
    async fn an_identity_is_described_without_a_secret() {
        let identity = Identity::default();
        assert_eq!(identity.describe().await, "the identity in use");
        identity.learn(&Credentials::new("AKIAIOSFODNN7EXAMPLE", "a secret", None, None, "IMDSv2"));
        let said = identity.describe().await;
        assert!(said.contains("`MPLE`") && !said.contains("EXAMPLE") && !said.contains("secret"), "{said}");
        assert!(!format!("{identity:?}").contains("secret"));
    }
}
