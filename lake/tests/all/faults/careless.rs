//! An S3 server that ignores conditions, as some that speak S3 do: it writes whatever it is told, whatever is there. And
//! one that is none, and answers everything with a page.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::proxy::{body_length, head_length, read_body, read_head};

const WEAK_E_TAG: &str = "ETag: W/\"0123456789abcdef0123456789abcdef\"\r\n";
const E_TAG: &str = "ETag: \"0123456789abcdef0123456789abcdef\"\r\n";

pub(crate) struct Careless {
    address: SocketAddr,
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    task: JoinHandle<()>,
}

/// Habit of the server. The first two are about its answer to a write: what S3 says, or nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    ETag,
    Nothing,
    /// A page, to everything.
    Page,
    /// A write with a condition is not implemented.
    NoConditions,
    /// A write over what is there, where nothing may be, is a conflict.
    Conflict,
    /// Tags are weak, as behind a proxy that compresses, and the strong one is what matches.
    WeakTags,
    /// Nothing has a tag.
    NoTags,
    /// No tag ever matches.
    NoMatch,
}

impl Says {
    /// The answer to a write with a condition that this server does not meet.
    fn refusal(self, head: &str, is_there: bool) -> Option<(u16, &'static str)> {
        let head = head.to_ascii_lowercase();
        let has = |start: &str| head.lines().any(|line| line.starts_with(start));
        match self {
            Self::NoConditions if has("if-none-match:") || has("if-match:") => Some((501, "NotImplemented")),
            Self::Conflict if has("if-none-match:") && is_there => Some((409, "Conflict")),
            Self::WeakTags if has("if-match:") && !has("if-match: \"0123456789abcdef") => {
                Some((412, "PreconditionFailed"))
            }
            Self::NoMatch if has("if-match:") => Some((412, "PreconditionFailed")),
            _ => None,
        }
    }

    const fn e_tag(self) -> &'static str {
        match self {
            Self::WeakTags => WEAK_E_TAG,
            Self::NoTags => "",
            _ => E_TAG,
        }
    }
}

impl Careless {
    pub(crate) async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let objects = Arc::<Mutex<BTreeMap<String, Vec<u8>>>>::default();
        let shared = Arc::clone(&objects);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let objects = Arc::clone(&shared);
                // A client that hangs up is not our concern.
                tokio::spawn(async move { serve(client, &objects, says).await.ok() });
            }
        });
        Self { address, objects, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(key).cloned()
    }
}

impl Drop for Careless {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut client: TcpStream, objects: &Mutex<BTreeMap<String, Vec<u8>>>, says: Says) -> std::io::Result<()> {
    let mut request = read_head(&mut client).await?;
    read_body(&mut client, &mut request).await?;
    let head = String::from_utf8_lossy(&request[..head_length(&request).unwrap()]).into_owned();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let key = path.split('?').next().unwrap_or_default().replace("%3D", "=");
    let is_there = objects.lock().unwrap().contains_key(&key);
    let refusal = says.refusal(&head, is_there).filter(|_| method == "PUT");
    let (status, headers, body) = match (method, says) {
        _ if refusal.is_some() => {
            let (status, code) = refusal.unwrap();
            let body = format!("<Error><Code>{code}</Code><Message>not this</Message></Error>");
            (status, "Content-Type: application/xml\r\n", body.into_bytes())
        }
        (_, Says::Page) => (200, "Content-Type: text/html\r\n", b"<html>Sign in to continue</html>".to_vec()),
        ("PUT", _) => {
            let body = request[request.len() - body_length(&request)..].to_vec();
            objects.lock().unwrap().insert(key, body);
            (200, if says == Says::ETag { E_TAG } else { "" }, Vec::new())
        }
        _ => match objects.lock().unwrap().get(&key) {
            Some(object) => (200, says.e_tag(), object.clone()),
            None => (404, "Content-Type: application/xml\r\n", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        },
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    client.write_all(answer.as_bytes()).await?;
    if method != "HEAD" {
        client.write_all(&body).await?;
    }
    client.shutdown().await
}
