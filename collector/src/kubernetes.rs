//! EDGE: the Kubernetes API, an optional source of what metrics do not carry: labels of nodes and parameters of storage
//! classes. Reads `nodes`, and `storageclasses` and `persistentvolumes` where that is granted; never writes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::queries;
use crate::snapshot::Facts;

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
    /// File with the bearer token; read again for each request, since projected tokens rotate.
    pub token_file: PathBuf,
    /// File with the certificates that sign the server's.
    pub ca_file: PathBuf,
}

impl Access {
    /// The service account that is mounted into a pod.
    pub fn in_pod(host: String, port: u16) -> Self {
        let folder = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
        Self { host, port, token_file: folder.join("token"), ca_file: folder.join("ca.crt") }
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
        /// What was asked.
        path: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Not what the API sends.
    #[error("could not read the answer of the Kubernetes API to `{path}`")]
    Answer {
        /// What was asked.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Another status than success.
    #[error("the Kubernetes API answered `{path}` with {status}")]
    Status {
        /// What was asked.
        path: String,
        /// The status.
        status: StatusCode,
    },
    /// A page or a list without end.
    #[error("the Kubernetes API's answer to `{path}` is larger than anything it should be")]
    TooLarge {
        /// What was asked.
        path: String,
    },
}

/// What the API says of nodes, volumes and storage classes now. The default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiFacts {
    nodes: BTreeMap<String, ApiNode>,
    /// By name of the storage class.
    classes: BTreeMap<String, ApiClass>,
    /// Zone, by name of the persistent volume.
    volume_zones: BTreeMap<String, String>,
    /// What could not be read although it was asked for.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ApiNode {
    provider_id: String,
    /// In the spelling of kube-state-metrics.
    labels: BTreeMap<&'static str, String>,
}

/// What the parameters of a storage class of EBS say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ApiClass {
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<i64>,
    pub(crate) iops_per_gib: Option<i64>,
    pub(crate) throughput_mib_per_second: Option<i32>,
}

impl ApiFacts {
    /// What could not be read, to be logged: the hours are collected without it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Nodes known.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What is said of a machine. The API tells of now, and an hour may be long ago: only the same machine counts.
    pub(crate) fn node(&self, name: &str, provider_id: &str) -> Option<Facts> {
        let node = self.nodes.get(name).filter(|node| !provider_id.is_empty() && node.provider_id == provider_id)?;
        Some(Facts { labels: node.labels.clone(), ..Facts::default() })
    }

    pub(crate) fn class(&self, name: &str) -> Option<&ApiClass> {
        self.classes.get(name)
    }

    pub(crate) fn volume_zone(&self, volume: &str) -> Option<&str> {
        self.volume_zones.get(volume).map(String::as_str)
    }
}

/// A client of the API.
#[derive(Debug, Clone)]
pub struct KubernetesApi {
    client: reqwest::Client,
    base: String,
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
            .timeout(TIMEOUT)
            .build()
            .map_err(unusable)?;
        Ok(Self { client, base, token_file: access.token_file.clone() })
    }

    /// Asks for nodes, storage classes and volumes. What is not granted is left out with a warning.
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
        let classes = "/apis/storage.k8s.io/v1/storageclasses";
        self.list(classes, "storageclasses", &mut warnings, &mut |class: Class| {
            if ["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs"].contains(&&*class.provisioner)
            {
                facts.classes.insert(class.metadata.name, ApiClass::of(&class.parameters));
            }
        })
        .await?;
        let volumes = "/api/v1/persistentvolumes";
        self.list(volumes, "persistentvolumes", &mut warnings, &mut |volume: Volume| {
            if let Some(zone) = volume.zone() {
                facts.volume_zones.insert(volume.metadata.name, zone);
            }
        })
        .await?;
        facts.warnings = warnings;
        Ok(facts)
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
fn spelled(key: &str) -> Option<&'static str> {
    let mut name = "label_".to_owned();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    queries::NODE_LABELS.labels.iter().find(|label| **label == name).copied()
}

#[derive(Deserialize)]
struct Page<'a, T> {
    #[serde(borrow, default)]
    metadata: PageMetadata<'a>,
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Deserialize, Default)]
struct PageMetadata<'a> {
    #[serde(rename = "continue", borrow)]
    next: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Node {
    metadata: Metadata,
    #[serde(default)]
    spec: NodeSpec,
}

#[derive(Deserialize, Default)]
struct NodeSpec {
    #[serde(rename = "providerID", default)]
    provider_id: String,
}

#[derive(Deserialize)]
struct Class {
    metadata: Metadata,
    #[serde(default)]
    provisioner: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

impl ApiClass {
    /// The EBS driver takes its keys in any case.
    fn of(parameters: &BTreeMap<String, String>) -> Self {
        let lower: BTreeMap<String, &str> =
            parameters.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.as_str())).collect();
        let number = |key: &str| lower.get(key).and_then(|value| value.parse::<i64>().ok()).filter(|n| *n > 0);
        Self {
            volume_type: lower.get("type").map(|value| value.to_ascii_lowercase()),
            iops: number("iops"),
            iops_per_gib: number("iopspergb"),
            throughput_mib_per_second: number("throughput").and_then(|mib| i32::try_from(mib).ok()),
        }
    }
}

#[derive(Deserialize)]
struct Volume {
    metadata: Metadata,
    #[serde(default)]
    spec: VolumeSpec,
}

#[derive(Deserialize, Default)]
struct VolumeSpec {
    #[serde(rename = "nodeAffinity", default)]
    node_affinity: NodeAffinity,
}

#[derive(Deserialize, Default)]
struct NodeAffinity {
    #[serde(default)]
    required: Required,
}

#[derive(Deserialize, Default)]
struct Required {
    #[serde(rename = "nodeSelectorTerms", default)]
    terms: Vec<Term>,
}

#[derive(Deserialize, Default)]
struct Term {
    #[serde(rename = "matchExpressions", default)]
    expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Volume {
    /// The one zone its nodes must be in.
    fn zone(&self) -> Option<String> {
        let expressions = self.spec.node_affinity.required.terms.iter().flat_map(|term| &term.expressions);
        let of_zone = |expression: &&Expression| {
            ["topology.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone", "failure-domain.beta.kubernetes.io/zone"]
                .contains(&expression.key.as_str())
                && expression.operator == "In"
        };
        let mut zones: Vec<&String> = expressions.filter(of_zone).flat_map(|expression| &expression.values).collect();
        zones.sort_unstable();
        zones.dedup();
        match zones.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spelled_as_kube_state_metrics_does() {
        assert_eq!(spelled("eks.amazonaws.com/capacityType"), Some("label_eks_amazonaws_com_capacity_type"));
        assert_eq!(spelled("node.kubernetes.io/instance-type"), Some("label_node_kubernetes_io_instance_type"));
        assert_eq!(spelled("example.com/other"), None);
    }

    #[test]
    fn a_machine_is_the_one_with_the_provider_id() {
        let node = ApiNode { provider_id: "aws:///a/i-1".to_owned(), ..ApiNode::default() };
        let facts = ApiFacts { nodes: [("n".to_owned(), node)].into(), ..ApiFacts::default() };
        assert!(facts.node("n", "aws:///a/i-1").is_some());
        assert!(facts.node("n", "aws:///a/i-2").is_none() && facts.node("n", "").is_none());
    }

    #[test]
    fn parameters_of_a_class_and_the_zone_of_a_volume_reach_the_rows() {
        let parameters = [("type", "io2"), ("iopsPerGB", "50"), ("throughput", "500")];
        let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let api = ApiFacts {
            classes: [("fast".to_owned(), ApiClass::of(&parameters))].into(),
            volume_zones: [("pvc-1".to_owned(), "us-east-1b".to_owned())].into(),
            ..ApiFacts::default()
        };
        let mut snapshot = crate::snapshot::Snapshot::default();
        let mut claim = crate::snapshot::Claim::default();
        "fast".clone_into(&mut claim.storage_class);
        "pvc-1".clone_into(&mut claim.volume);
        snapshot.claims.insert(("ns".to_owned(), "data".to_owned()), claim);
        let volume = crate::snapshot::Volume { capacity_bytes: Some(107_374_182_400.0), ..Default::default() };
        snapshot.volumes.insert("pvc-1".to_owned(), volume);
        let settings = crate::Settings { api, ..crate::Settings::default() };
        let hour = types::Hour::starting_at(7200).unwrap();
        let row = crate::volume::rows(&snapshot, &[], &settings, hour).remove(0);
        assert_eq!((row.volume_type.as_deref(), row.volume_type_source.as_str()), (Some("io2"), "api"));
        assert_eq!((row.iops, row.throughput_mib_per_second), (Some(5_000), Some(500)));
        assert_eq!((row.zone.as_deref(), row.zone_source.as_deref()), (Some("us-east-1b"), Some("api")));
    }

    #[test]
    fn a_continue_token_is_encoded() {
        assert_eq!(percent_encoded("eyJ2=+/&a"), "eyJ2%3D%2B%2F%26a");
    }
}
