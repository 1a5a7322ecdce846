//! The Kubernetes API layer against a server that speaks TLS, checks the token and pages as the API does, with answers
//! in the shape an EKS cluster gives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use collector::kubernetes::{Access, KubernetesApi, KubernetesError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Content of the server: whole lists by path, and the status of those it does not grant.
#[derive(Clone, Default)]
struct Cluster {
    lists: BTreeMap<&'static str, Vec<serde_json::Value>>,
    refused: BTreeMap<&'static str, u16>,
    requests: Arc<AtomicUsize>,
}

fn answer(status: u16, body: String) -> Response {
    Response::builder().status(status).header("content-type", "application/json").body(Body::from(body)).unwrap()
}

/// One object a page, whatever the limit: the API may always give less.
fn page(cluster: &Cluster, token: &str, request: &Request) -> Response {
    cluster.requests.fetch_add(1, Ordering::SeqCst);
    let agent = request.headers().get("user-agent").map(|value| value.to_str().unwrap().to_owned());
    assert!(agent.is_some_and(|agent| agent.starts_with("emp-cost-collector/")), "the audit log names us");
    let bearer = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    if bearer.as_deref() != Some(&format!("Bearer {token}")) {
        return answer(401, r#"{"kind":"Status","status":"Failure","reason":"Unauthorized","code":401}"#.to_owned());
    }
    let path = request.uri().path();
    if let Some(status) = cluster.refused.get(path) {
        let body = format!(r#"{{"kind":"Status","status":"Failure","reason":"Forbidden","code":{status}}}"#);
        return answer(*status, body);
    }
    let Some(list) = cluster.lists.get(path) else { return answer(404, "{}".to_owned()) };
    let query = request.uri().query().unwrap();
    assert!(query.contains("limit="), "{query}");
    // The token of the API is opaque and has characters that must be encoded.
    let from = query
        .split("continue=")
        .nth(1)
        .map_or(0, |token| token.strip_suffix("%2B%3D").unwrap().parse::<usize>().unwrap());
    let next = if from + 1 < list.len() { format!("{}+=", from + 1) } else { String::new() };
    let items: Vec<_> = list.iter().skip(from).take(1).collect();
    let body = serde_json::json!({
        "kind": "List", "apiVersion": "v1", "items": items,
        "metadata": {"resourceVersion": "1", "continue": next, "remainingItemCount": list.len().saturating_sub(from + 1)},
    });
    answer(200, body.to_string())
}

/// A server on a free port, and the access to it; both end with the test.
async fn serve(cluster: Cluster, folder: &std::path::Path, token: &'static str) -> Access {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().fallback(move |request: Request| {
        let cluster = cluster.clone();
        async move { page(&cluster, token, &request) }
    });
    tokio::spawn(axum::serve(Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) }, app).into_future());
    let (token_file, ca_file) = (folder.join("token"), folder.join("ca.crt"));
    std::fs::write(&token_file, format!("{token}\n")).unwrap();
    std::fs::write(&ca_file, authority_certificate.pem()).unwrap();
    Access { host: "127.0.0.1".to_owned(), port, storage: true, token_file, ca_file }
}

struct Tls {
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not trust us hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn node(name: &str) -> serde_json::Value {
    serde_json::json!({
        "metadata": {
            "name": name, "uid": "5b1e", "annotations": {"csi.volume.kubernetes.io/nodeid": "{\"ebs.csi.aws.com\":\"i-0\"}"},
            "labels": {"node.kubernetes.io/instance-type": "m5.4xlarge", "kubernetes.io/arch": "amd64", "team": "a"},
        },
        "spec": {"providerID": format!("aws:///us-east-1a/i-{name}"), "taints": [{"key": "a", "effect": "NoSchedule"}]},
        "status": {"capacity": {"cpu": "16", "memory": "64890000Ki"}},
    })
}

fn cluster() -> Cluster {
    let class = serde_json::json!({
        "metadata": {"name": "fast"}, "provisioner": "ebs.csi.aws.com", "reclaimPolicy": "Delete",
        "parameters": {"type": "io2", "iopsPerGB": "50", "encrypted": "true"},
    });
    let volume = serde_json::json!({
        "metadata": {"name": "pvc-1"},
        "spec": {"capacity": {"storage": "100Gi"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["us-east-1b"]}]}
        ]}}},
    });
    let lists = [
        ("/api/v1/nodes", vec![node("a"), node("b"), node("c")]),
        ("/apis/storage.k8s.io/v1/storageclasses", vec![class]),
        ("/api/v1/persistentvolumes", vec![volume]),
    ];
    Cluster { lists: lists.into(), ..Cluster::default() }
}

#[tokio::test]
async fn every_page_is_read_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = cluster();
    let access = serve(cluster.clone(), folder.path(), "secret").await;
    let facts = KubernetesApi::connect(&access).await.unwrap().read().await.unwrap();
    assert_eq!((facts.nodes(), facts.warnings()), (3, &[][..]));
    // Three pages of nodes, one each of the others.
    assert_eq!(cluster.requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn what_is_not_granted_is_a_warning_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = BTreeMap::from([("/api/v1/persistentvolumes", 403), ("/apis/storage.k8s.io/v1/storageclasses", 403)]);
    let access = serve(Cluster { refused, ..cluster() }, folder.path(), "secret").await;
    let facts = KubernetesApi::connect(&access).await.unwrap().read().await.unwrap();
    assert_eq!(facts.nodes(), 3);
    let [classes, volumes] = facts.warnings() else { panic!("{:?}", facts.warnings()) };
    assert!(classes.contains("`storageclasses`") && classes.contains("403"), "{classes}");
    assert!(volumes.contains("`persistentvolumes`"), "{volumes}");
}

#[tokio::test]
async fn a_token_that_rotates_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let access = serve(cluster(), folder.path(), "second").await;
    std::fs::write(&access.token_file, "first").unwrap();
    let api = KubernetesApi::connect(&access).await.unwrap();
    let refused = api.read().await.unwrap();
    assert_eq!((refused.nodes(), refused.warnings().len()), (0, 3));
    std::fs::write(&access.token_file, "second").unwrap();
    assert_eq!(api.read().await.unwrap().nodes(), 3);
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_spoken_to() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let held = cluster();
    let access = serve(held.clone(), folder.path(), "secret").await;
    let stranger = serve(cluster(), other.path(), "secret").await;
    let wrong = Access { ca_file: stranger.ca_file, ..access };
    let error = KubernetesApi::connect(&wrong).await.unwrap().read().await.unwrap_err();
    assert!(matches!(error, KubernetesError::Request { .. }), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(held.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_error_ends_the_reading_and_a_missing_file_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let refused = BTreeMap::from([("/api/v1/nodes", 500)]);
    let access = serve(Cluster { refused, ..cluster() }, folder.path(), "secret").await;
    let error = KubernetesApi::connect(&access).await.unwrap().read().await.unwrap_err();
    assert_eq!(error.to_string(), "the Kubernetes API answered `/api/v1/nodes` with 500 Internal Server Error");
    let missing = Access { ca_file: folder.path().join("none"), ..access };
    let error = KubernetesApi::connect(&missing).await.unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_is_not_asked_for_where_it_is_not_granted() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        [("/apis/storage.k8s.io/v1/storageclasses", 403), ("/api/v1/persistentvolumes", 403)].into_iter().collect();
    let cluster = Cluster { refused, ..cluster() };
    let requests = Arc::clone(&cluster.requests);
    let access = serve(cluster, folder.path(), "secret").await;
    let without = Access { storage: false, ..access.clone() };
    let facts = KubernetesApi::connect(&without).await.unwrap().read().await.unwrap();
    assert!(facts.nodes() > 0 && facts.warnings().is_empty(), "{:?}", facts.warnings());
    let only_nodes = requests.load(Ordering::SeqCst);
    let facts = KubernetesApi::connect(&access).await.unwrap().read().await.unwrap();
    assert_eq!((facts.warnings().len(), requests.load(Ordering::SeqCst)), (2, 2 * only_nodes + 2));
}
