//! Mail by `emp-cost run`: what an SMTP server on loopback really gets, in plain text and by STARTTLS and TLS.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![allow(clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::deliver::{run, said, secret};
use crate::run::lake_of;

/// A mail as the server got it.
#[derive(Debug)]
pub(crate) struct Got {
    is_encrypted: bool,
    login: Option<String>,
    from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

/// Encryption that a server offers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Offers {
    Nothing,
    StartTls,
    Tls,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) got: Receiver<Got>,
    /// Its certificate, as PEM.
    certificate: String,
}

/// A server that takes mail from anybody who follows the protocol, but refuses recipients with `refused` in their name.
pub(crate) fn server(offers: Offers) -> Server {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, got) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, send) = (config.clone(), send.clone());
            std::thread::spawn(move || serve(stream.unwrap(), offers, &config, &send));
        }
    });
    Server { port, got, certificate: cert.pem() }
}

fn encrypted(stream: TcpStream, config: &Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
}

fn serve(stream: TcpStream, offers: Offers, config: &Arc<ServerConfig>, send: &Sender<Got>) {
    if offers == Offers::Tls {
        converse(&mut BufReader::new(encrypted(stream, config)), true, None, send);
        return;
    }
    let again = stream.try_clone().unwrap();
    let mut plain = BufReader::new(stream);
    if converse(&mut plain, false, (offers == Offers::StartTls).then_some(()), send) {
        // Greeted already: the client starts anew with EHLO.
        let mut reader = BufReader::new(encrypted(again, config));
        commands(&mut reader, true, None, send);
    }
}

fn converse<S: Read + Write>(
    stream: &mut BufReader<S>,
    is_encrypted: bool,
    starttls: Option<()>,
    send: &Sender<Got>,
) -> bool {
    say(stream, "220 test ESMTP");
    commands(stream, is_encrypted, starttls, send)
}

fn say<S: Read + Write>(stream: &mut BufReader<S>, line: &str) {
    let _gone = stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
    let _gone = stream.get_mut().flush();
}

/// Follows the commands of a client; whether it asked for TLS.
fn commands<S: Read + Write>(
    stream: &mut BufReader<S>,
    is_encrypted: bool,
    starttls: Option<()>,
    send: &Sender<Got>,
) -> bool {
    let (mut login, mut from, mut to) = (None, String::new(), Vec::new());
    let mut line = String::new();
    loop {
        line.clear();
        if !stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            return false;
        }
        let command = line.trim_end().to_owned();
        if command.starts_with("EHLO ") {
            let tls = if starttls.is_some() { "250-STARTTLS\r\n" } else { "" };
            let auth = if is_encrypted { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
            say(stream, &format!("250-test\r\n{tls}{auth}250 8BITMIME"));
        } else if command == "STARTTLS" && starttls.is_some() {
            say(stream, "220 go on");
            return true;
        } else if let Some(given) = command.strip_prefix("AUTH PLAIN ") {
            let given = String::from_utf8(STANDARD.decode(given).unwrap()).unwrap();
            let is_right = given == "\0cost\0s3cret";
            login = Some(given);
            say(stream, if is_right { "235 welcome" } else { "535 5.7.8 credentials are wrong" });
        } else if let Some(address) = command.strip_prefix("MAIL FROM:") {
            from = address.to_owned();
            say(stream, "250 ok");
        } else if let Some(address) = command.strip_prefix("RCPT TO:") {
            if address.contains("refused") {
                say(stream, "550 5.1.1 nobody of that name");
            } else {
                to.push(address.to_owned());
                say(stream, "250 ok");
            }
        } else if command == "DATA" {
            say(stream, "354 go on");
            let mut data = String::new();
            while !data.ends_with("\r\n.\r\n") {
                assert!(stream.read_line(&mut data).unwrap() > 0, "the mail breaks off");
            }
            let data = data.strip_suffix(".\r\n").unwrap().replace("\r\n..", "\r\n.");
            say(stream, "250 taken");
            let (from, to) = (std::mem::take(&mut from), std::mem::take(&mut to));
            send.send(Got { is_encrypted, login: login.clone(), from, to, data }).unwrap();
        } else if command == "QUIT" {
            say(stream, "221 bye");
            return false;
        } else {
            say(stream, "250 ok");
        }
    }
}

/// A part of a mail: its headers by lower-case name, unfolded, and what is in it, decoded.
#[derive(Debug)]
struct Part {
    headers: BTreeMap<String, String>,
    content: Vec<u8>,
}

impl Part {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let headers: BTreeMap<String, String> = unfolded
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let content = match headers.get("content-transfer-encoding").map(String::as_str) {
            Some("base64") => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            Some("quoted-printable") => quoted_printable(body),
            _ => body.as_bytes().to_vec(),
        };
        Self { headers, content }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    /// The parts of a part of several.
    fn parts(&self) -> Vec<Self> {
        let boundary = self.headers["content-type"].split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
        let text = format!("\r\n{}", self.text());
        let (inside, rest) = text.split_once(&format!("\r\n--{boundary}--")).unwrap();
        assert!(rest.trim().is_empty(), "{rest}");
        inside.split(&format!("\r\n--{boundary}\r\n")).skip(1).map(Self::read).collect()
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        if *first == b'=' {
            let code = std::str::from_utf8(&more[..2]).unwrap();
            bytes.push(u8::from_str_radix(code, 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    bytes
}

fn row(port: u16, more: &str) -> String {
    format!(
        "[[mail]]\nserver = \"localhost\"\nport = {port}\nfrom = \"EMP cost <cost@example.com>\"\nto = [\"Finance <finops@example.com>\", \"lead@example.com\"]\n{more}\n"
    )
}

fn lake() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["prod-1"]);
    folder
}

fn received(server: &Server) -> Got {
    server.got.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn a_mail_has_text_html_and_the_page_and_every_recipient_gets_one() {
    let (folder, server) = (lake(), server(Offers::Nothing));
    let deliver = row(server.port, "tls = \"none\"\n[[budget]]\nmonthly = 1\n");
    let output = run(folder.path(), &deliver, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let (got, other) = (received(&server), received(&server));
    assert_eq!((got.from.as_str(), got.is_encrypted, &got.login), ("<cost@example.com>", false, &None));
    assert_eq!(
        (got.to.clone(), other.to.clone()),
        (vec!["<finops@example.com>".to_owned()], vec!["<lead@example.com>".to_owned()])
    );
    assert_eq!(got.data, other.data, "both get the same mail");
    let mail = Part::read(&got.data);
    let from = &mail.headers["from"];
    assert!(from.contains("EMP cost") && from.ends_with("<cost@example.com>"), "{from}");
    assert!(mail.headers["to"].contains("finops@example.com") && mail.headers["to"].contains("lead@example.com"));
    assert!(mail.headers["subject"].starts_with("prod-1: $") && mail.headers["subject"].ends_with(", over budget"));
    assert!(mail.headers["message-id"].starts_with("<emp-cost.prod-1.") && mail.headers.contains_key("date"));
    assert!(got.data.lines().all(|line| line.len() <= 998 && line.is_ascii()), "lines that any server takes");
    let parts = mail.parts();
    assert!(mail.headers["content-type"].starts_with("multipart/mixed") && parts.len() == 2, "{:?}", mail.headers);
    assert!(parts[0].headers["content-type"].starts_with("multipart/alternative"), "{:?}", parts[0].headers);
    let alternatives = parts[0].parts();
    let types: Vec<&str> = alternatives.iter().map(|part| part.headers["content-type"].as_str()).collect();
    assert_eq!(types, ["text/plain; charset=utf-8", "text/html; charset=utf-8"]);
    let text = alternatives[0].text();
    assert!(text.contains("Cost today: $") && text.contains("Over budget: the cluster costs $"), "{text}");
    assert!(text.contains("The page is attached"), "{text}");
    let html = alternatives[1].text();
    assert!(html.contains("<bdi>prod-1</bdi>") && html.contains("Over budget: the cluster costs $"), "{html}");
    for word in ["<script", "<style", "<link", "<img", "url(", "class=", "<svg"] {
        assert!(!html.contains(word), "{word} in {html}");
    }
    assert_eq!(html.matches("<table").count(), html.matches("</table>").count());
    assert!(html.len() < 90_000, "mail programs cut what is longer than about 100 kB");
    let page = fs::read(folder.path().join("reports/cluster=prod-1/latest/index.html")).unwrap();
    assert!(parts[1].content == page, "the attachment is the page");
    let disposition = &parts[1].headers["content-disposition"];
    assert!(disposition.starts_with("attachment; filename=\"emp-cost-prod-1-") && disposition.ends_with(".html\""));
}

#[test]
fn a_password_goes_by_starttls_or_tls_to_a_server_whose_certificate_is_trusted() {
    let folder = lake();
    let password = secret(folder.path(), "password", "s3cret\n");
    for (offers, mode) in [(Offers::StartTls, "starttls"), (Offers::Tls, "tls")] {
        let server = server(offers);
        let authority = secret(folder.path(), "ca.pem", &server.certificate);
        let of = |password: &str, more: &str| {
            let login = format!("username = \"cost\"\npassword_file = \"{password}\"\ntls = \"{mode}\"\n{more}");
            row(server.port, &login)
        };
        let trusted = format!("ca_file = \"{authority}\"");
        let output = run(folder.path(), &of(&password, &trusted), &[]);
        assert!(output.status.success(), "{mode}: {}", said(&output));
        let got = received(&server);
        assert_eq!((got.is_encrypted, got.login.as_deref()), (true, Some("\0cost\0s3cret")), "{mode}");
        // Nobody vouches for the certificate.
        let output = run(folder.path(), &of(&password, ""), &[]);
        assert_eq!(output.status.code(), Some(1), "{mode}");
        assert!(said(&output).contains("certificate") && !said(&output).contains("s3cret"), "{}", said(&output));
        let wrong = secret(folder.path(), "wrong", "hunter2");
        let output = run(folder.path(), &of(&wrong, &trusted), &[]);
        let words = said(&output);
        assert!(output.status.code() == Some(1) && words.contains("535"), "{mode}: {words}");
        assert!(!words.contains("hunter2"), "{words}");
    }
}

#[test]
fn a_server_without_starttls_gets_no_mail() {
    let (folder, server) = (lake(), server(Offers::Nothing));
    let output = run(folder.path(), &row(server.port, ""), &[]);
    let words = said(&output);
    assert!(output.status.code() == Some(1) && words.contains("localhost:"), "{words}");
    assert!(server.got.try_recv().is_err());
}

#[test]
fn a_recipient_who_is_refused_keeps_no_other_from_the_mail() {
    let (folder, server) = (lake(), server(Offers::Nothing));
    let deliver = row(server.port, "tls = \"none\"").replace("Finance <finops@example.com>", "refused@example.com");
    let output = run(folder.path(), &deliver, &[]);
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("to `refused@example.com`") && words.contains("nobody of that name"), "{words}");
    assert_eq!(received(&server).to, ["<lead@example.com>"]);
}

#[test]
fn a_page_that_is_too_large_is_not_attached_and_the_mail_says_so() {
    let (folder, server) = (lake(), server(Offers::Nothing));
    let plain = "tls = \"none\"\n";
    let count = |deliver: &str, more: &[&str]| {
        let output = run(folder.path(), deliver, more);
        assert!(output.status.success(), "{}", said(&output));
        let mail = Part::read(&received(&server).data);
        let _same = received(&server);
        let parts = mail.parts();
        (parts.len(), parts[0].parts()[0].text().to_owned())
    };
    let (parts, text) = count(&row(server.port, &format!("{plain}attach_at_most_mib = 0.01")), &[]);
    assert!(
        parts == 1 && text.contains("not attached: it has") && text.contains("attach_at_most_mib is 0.01"),
        "{text}"
    );
    let (parts, text) = count(&row(server.port, &format!("{plain}attach_page = false")), &[]);
    assert!(parts == 1 && !text.contains("attached"), "{text}");
    let (parts, text) = count(&row(server.port, plain), &["--format", "json"]);
    assert!(parts == 1 && text.contains("No page is attached"), "{text}");
}

#[test]
fn a_delivery_file_with_a_mistake_stops_before_any_work() {
    let folder = lake();
    let output = run(folder.path(), &row(25, "tls = \"none\"\nusername = \"cost\"\npassword_file = \"/p\""), &[]);
    assert!(output.status.code() == Some(2) && said(&output).contains("not sent without TLS"), "{}", said(&output));
    assert!(!folder.path().join("reports").exists());
}
