//! EDGE: asks the Kubernetes API for `nodes`, and for `storageclasses` and `persistentvolumes` where that is granted; never
//! writes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::facts::{ApiClass, ApiFacts, ApiNode};
use super::objects::{Class, Node, Page, Volume};
use crate::dialect::label_spellings;
use crate::queries;

/// Objects asked for at once: pages keep the API server from building one huge answer.
const PAGE: usize = 500;
/// Longest wait for one page.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of one page. A node with all its status is about 20 KiB.
const MOST_BYTES: usize = 64 << 20;
/// Most pages of one list: a server that keeps sending `continue` must not keep us for ever.
const MOST_PAGES: usize = 1_000;

/// Where the API is and who we are. In a pod: the environment variables `KUBERNETES_SERVICE_HOST` and
/// `KUBERNETES_SERVICE_PORT`, and the files under `/var/run/secrets/kubernetes.io/serviceaccount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Host or address of the API server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Tells whether to ask for storage classes and persistent volumes beside nodes.
    pub storage: bool,
    /// File with the bearer token; read again for each request, since projected tokens rotate.
    pub token_file: PathBuf,
    /// File with the certificates that sign the server's.
    pub ca_file: PathBuf,
}

impl Access {
    /// The service account that is mounted into a pod.
    pub fn in_pod(host: String, port: u16) -> Self {
        let folder = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
        Self { host, port, storage: true, token_file: folder.join("token"), ca_file: folder.join("ca.crt") }
    }
}

/// Why the API cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// A file of the service account cannot be read.
    #[error("could not read `{}`; mount the service account token into the pod", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificates or the address are not usable.
    #[error("could not set up the connection to the Kubernetes API at `{url}`")]
    Client {
        /// Where.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// No answer.
    #[error("the Kubernetes API did not answer `{path}`")]
    Request {
        /// Path that was asked for.
        path: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Not what the API sends.
    #[error("could not read the answer of the Kubernetes API to `{path}`")]
    Answer {
        /// Path that was asked for.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Another status than success.
    #[error("the Kubernetes API answered `{path}` with {status}")]
    Status {
        /// Path that was asked for.
        path: String,
        /// The status.
        status: StatusCode,
    },
    /// A page or a list without end.
    #[error("the Kubernetes API's answer to `{path}` is larger than anything it should be")]
    TooLarge {
        /// Path that was asked for.
        path: String,
    },
}

/// A client of the API.
#[derive(Debug, Clone)]
pub struct KubernetesApi {
    client: reqwest::Client,
    base: String,
    storage: bool,
    token_file: PathBuf,
}

impl KubernetesApi {
    /// Reads the certificates; sends nothing.
    ///
    /// # Errors
    /// [`KubernetesError`] when they cannot be read or used.
    pub async fn connect(access: &Access) -> Result<Self, KubernetesError> {
        let host = if access.host.contains(':') { format!("[{}]", access.host) } else { access.host.clone() };
        let base = format!("https://{host}:{}", access.port);
        let pem = read_file(&access.ca_file).await?;
        let unusable = |source| KubernetesError::Client { url: base.clone(), source };
        let authorities = reqwest::Certificate::from_pem_bundle(&pem).map_err(unusable)?;
        // Only the cluster's own authority counts, and no proxy of the environment stands before the cluster's API.
        let client = reqwest::Client::builder()
            .tls_certs_only(authorities)
            .https_only(true)
            .no_proxy()
            .redirect(crate::server::within_the_server())
            .timeout(TIMEOUT)
            .user_agent(concat!("emp-cost-collector/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(unusable)?;
        Ok(Self { client, base, storage: access.storage, token_file: access.token_file.clone() })
    }

    /// Asks for nodes, and for storage classes and volumes where that is wanted. What is not granted is left out with a
    /// warning.
    ///
    /// # Errors
    /// [`KubernetesError`] when the API does not answer, or not as the API does.
    pub async fn read(&self) -> Result<ApiFacts, KubernetesError> {
        let mut facts = ApiFacts::default();
        let mut warnings = Vec::new();
        let nodes = "/api/v1/nodes";
        self.list(nodes, "nodes", &mut warnings, &mut |node: Node| {
            let labels = node.metadata.labels.iter().filter_map(|(key, value)| Some((spelled(key)?, value.clone())));
            let api = ApiNode { provider_id: node.spec.provider_id, labels: labels.collect() };
            facts.nodes.insert(node.metadata.name, api);
        })
        .await?;
        if self.storage {
            self.read_storage(&mut facts, &mut warnings).await?;
        }
        facts.warnings = warnings;
        Ok(facts)
    }

    async fn read_storage(&self, facts: &mut ApiFacts, warnings: &mut Vec<String>) -> Result<(), KubernetesError> {
        let classes = "/apis/storage.k8s.io/v1/storageclasses";
        self.list(classes, "storageclasses", warnings, &mut |class: Class| {
            if ["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs"].contains(&&*class.provisioner)
            {
                facts.classes.insert(class.metadata.name, ApiClass::of(&class.parameters));
            }
        })
        .await?;
        let volumes = "/api/v1/persistentvolumes";
        self.list(volumes, "persistentvolumes", warnings, &mut |volume: Volume| {
            if let Some(zone) = volume.zone() {
                facts.volume_zones.insert(volume.metadata.name, zone);
            }
        })
        .await
    }

    /// Every object of a list, page by page.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        resource: &str,
        warnings: &mut Vec<String>,
        each: &mut (dyn FnMut(T) + Send),
    ) -> Result<(), KubernetesError> {
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let (status, body) = self.get(path, &next).await?;
            match status {
                status if status.is_success() => {}
                StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                    warnings.push(format!(
                        "the Kubernetes API does not allow to list `{resource}` ({status}); grant `get` and `list` on it to the service account, or go without"
                    ));
                    return Ok(());
                }
                // The list changed for too long while it was read: from the start, in what is then one more page.
                StatusCode::GONE if !next.is_empty() => {
                    next.clear();
                    continue;
                }
                status => return Err(KubernetesError::Status { path: path.to_owned(), status }),
            }
            let page: Page<'_, T> = serde_json::from_slice(&body)
                .map_err(|source| KubernetesError::Answer { path: path.to_owned(), source })?;
            page.items.into_iter().for_each(&mut *each);
            next = page.metadata.next.map(Cow::into_owned).unwrap_or_default();
            if next.is_empty() {
                return Ok(());
            }
        }
        Err(KubernetesError::TooLarge { path: path.to_owned() })
    }

    async fn get(&self, path: &str, next: &str) -> Result<(StatusCode, Vec<u8>), KubernetesError> {
        let failed =
            |source: reqwest::Error| KubernetesError::Request { path: path.to_owned(), source: source.without_url() };
        let token = read_file(&self.token_file).await?;
        let token = String::from_utf8_lossy(&token);
        let mut url = format!("{}{path}?limit={PAGE}", self.base);
        if !next.is_empty() {
            url.push_str("&continue=");
            url.push_str(&percent_encoded(next));
        }
        let mut response = self.client.get(url).bearer_auth(token.trim()).send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(KubernetesError::TooLarge { path: path.to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, KubernetesError> {
    tokio::fs::read(path).await.map_err(|source| KubernetesError::File { path: path.to_owned(), source })
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A label as kube-state-metrics spells it, when it is one that is read.
pub(super) fn spelled(key: &str) -> Option<&'static str> {
    let name = label_spellings(key).pop()?;
    queries::NODE_LABELS.labels.iter().find(|label| **label == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_is_encoded() {
        assert_eq!(percent_encoded("eyJ2=+/&a"), "eyJ2%3D%2B%2F%26a");
    }
}
