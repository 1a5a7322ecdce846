//! EDGE: mail by SMTP: the message as HTML and as plain text, the page attached.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use chrono::{DateTime, Utc};
use lettre::address::Envelope;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use reports::export::File;
use reports::{MailContext, Money};
use service::outbound_allowlist::Outbound;
use tokio::net::TcpStream;
use tokio::time::timeout;
use types::analysis::Analysis;

use super::delivery_file::{Mail, TlsMode};
use super::message::Message;
use super::secret;

/// How long a server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Between the parts of a mail. In quoted-printable and base64 no line can be one of these, because `=_` is in neither.
const BOUNDARY: &str = "=_emp-cost-mail";
const INNER_BOUNDARY: &str = "=_emp-cost-text";
const MIB: f64 = 1024.0 * 1024.0;

/// A report that a mail is about.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its analysis.
    pub analysis: &'a Analysis,
    /// Where it lies.
    pub location: &'a str,
    /// The page; `None` where the formats leave it out.
    pub page: Option<&'a File>,
}

/// Sends a mail to every recipient, each by itself, so that one who is refused keeps none of the others from it.
pub async fn send(to: &Mail, message: &Message, report: &Sent<'_>, now: DateTime<Utc>) -> Vec<anyhow::Result<()>> {
    let mail = match composed(to, message, report, now).with_context(|| what(to)) {
        Ok(mail) => mail,
        Err(error) => return vec![Err(error)],
    };
    to_each(to, &to.server, &mail).await
}

/// Sends a message that is about no report, as plain text and within what may be reached: an alert. Its date is the moment
/// of sending.
///
/// # Errors
/// When the server may not be reached, and the first recipient who could not be told; the others are told nevertheless.
pub async fn send_text(to: &Mail, message: &Message, within: &Outbound) -> anyhow::Result<()> {
    let mail = text_alone(to, message).with_context(|| what(to))?;
    let address = reached(to, within).await.with_context(|| what(to))?;
    to_each(to, &address, &mail).await.into_iter().collect()
}

/// The address of the server that answers first, of those it may have.
async fn reached(to: &Mail, within: &Outbound) -> anyhow::Result<String> {
    let addresses = within.addresses(&to.server, to.port()).await?;
    if let [only] = addresses.as_slice() {
        return Ok(only.ip().to_string());
    }
    let answering =
        timeout(TIMEOUT, TcpStream::connect(addresses.as_slice())).await.context("wait for its answer")??;
    Ok(answering.peer_addr()?.ip().to_string())
}

fn what(to: &Mail) -> String {
    format!("send mail by `{}:{}`", to.server, to.port())
}

/// Sends a mail to each recipient by the server at `host`, its name or an address of it.
async fn to_each(to: &Mail, host: &str, mail: &lettre::Message) -> Vec<anyhow::Result<()>> {
    let prepared = || anyhow::Ok((to.recipients()?, transport(to, host)?));
    let (recipients, transport) = match prepared().with_context(|| what(to)) {
        Ok(prepared) => prepared,
        Err(error) => return vec![Err(error)],
    };
    let mut outcomes = Vec::new();
    for recipient in recipients {
        let envelope = Envelope::new(mail.envelope().from().cloned(), vec![recipient.email.clone()]);
        let sent = match envelope {
            Ok(envelope) => transport.send_raw(&envelope, &mail.formatted()).await.map_err(anyhow::Error::from),
            Err(error) => Err(error.into()),
        };
        outcomes.push(sent.map(|_accepted| ()).with_context(|| format!("{} to `{}`", what(to), recipient.email)));
    }
    outcomes
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn transport(to: &Mail, host: &str) -> anyhow::Result<Transport> {
    let tls = match to.tls {
        TlsMode::None => Tls::None,
        TlsMode::StartTls => Tls::Required(parameters(to)?),
        TlsMode::Tls => Tls::Wrapper(parameters(to)?),
    };
    let mut builder = Transport::builder_dangerous(host).port(to.port()).tls(tls).timeout(Some(TIMEOUT));
    if let Some((username, file)) = to.username.as_ref().zip(to.password_file.as_deref()) {
        builder = builder.credentials(Credentials::new(username.clone(), secret(file)?));
    }
    Ok(builder.build())
}

fn parameters(to: &Mail) -> anyhow::Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(to.server.clone());
    if let Some(file) = &to.ca_file {
        let what = || format!("read certificates from `{}`", file.display());
        let pem = fs::read(file).with_context(what)?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).with_context(what)?);
    }
    Ok(parameters.build()?)
}

/// The mail: plain text and HTML as alternatives, then the page. The same arguments give the same bytes.
fn composed(to: &Mail, message: &Message, report: &Sent<'_>, now: DateTime<Utc>) -> anyhow::Result<lettre::Message> {
    let analysis = report.analysis;
    let sender = to.sender()?;
    let (page, attached) = attachment(to, report);
    let context = MailContext {
        location: report.location.to_owned(),
        notices: message.notices.clone(),
        attached: attached.clone(),
    };
    let html = reports::mail(analysis, &Money::native(&analysis.currency), &context).context("render the mail")?;
    let text = if attached.is_empty() { message.text.clone() } else { format!("{}{attached}\n", message.text) };
    let alternatives = MultiPart::alternative()
        .boundary(INNER_BOUNDARY)
        .singlepart(part(ContentType::TEXT_PLAIN, text))
        .singlepart(part(ContentType::TEXT_HTML, html));
    let mut parts = MultiPart::mixed().boundary(BOUNDARY).multipart(alternatives);
    if let Some(page) = page {
        parts = parts.singlepart(
            SinglePart::builder()
                .header(ContentType::TEXT_HTML)
                .header(ContentDisposition::attachment(&name(analysis)))
                .header(ContentTransferEncoding::Base64)
                .body(page.content.clone()),
        );
    }
    let mut mail = lettre::Message::builder()
        .from(sender.clone())
        .subject(message.subject.clone())
        .date(SystemTime::from(now))
        .message_id(Some(id(analysis, now, &sender)));
    for recipient in to.recipients()? {
        mail = mail.to(recipient);
    }
    Ok(mail.multipart(parts)?)
}

fn text_alone(to: &Mail, message: &Message) -> anyhow::Result<lettre::Message> {
    let mut mail = lettre::Message::builder().from(to.sender()?).subject(message.subject.clone());
    for recipient in to.recipients()? {
        mail = mail.to(recipient);
    }
    Ok(mail.singlepart(part(ContentType::TEXT_PLAIN, message.text.clone()))?)
}

fn part(content_type: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(content_type).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// The page to attach, and a sentence about that.
fn attachment<'a>(to: &Mail, report: &Sent<'a>) -> (Option<&'a File>, String) {
    if !to.attach_page {
        return (None, String::new());
    }
    let Some(page) = report.page else {
        return (None, "No page is attached: the formats of this run leave html out.".to_owned());
    };
    let mib = f64::from(u32::try_from(page.content.len()).unwrap_or(u32::MAX)) / MIB;
    if mib > to.attach_at_most_mib {
        let most = to.attach_at_most_mib;
        return (
            None,
            format!(
                "The page is not attached: it has {mib:.1} MiB, and attach_at_most_mib is {most}. Open it where the report is."
            ),
        );
    }
    (Some(page), "The page is attached; it opens in any browser, without a network.".to_owned())
}

/// Name of the attached page.
fn name(analysis: &Analysis) -> String {
    format!("emp-cost-{}-{}.html", plain(&analysis.cluster_id), analysis.window.end.format("%Y-%m-%d"))
}

/// Id of a mail: one for each run of a cluster.
fn id(analysis: &Analysis, now: DateTime<Utc>, sender: &Mailbox) -> String {
    format!("<emp-cost.{}.{}@{}>", plain(&analysis.cluster_id), now.format("%Y%m%dT%H%M%S"), sender.email.domain())
}

/// A name with nothing in it that ends a header or a file's name.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_a_header() {
        assert_eq!(plain("prod-1\r\nBcc: x@y"), "prod-1__Bcc__x_y");
    }
}
