//! EDGE: cost and saving pushed to a Prometheus by its remote-write protocol, for jobs that end before anybody scrapes
//! them.
//!
//! `WriteRequest { repeated TimeSeries timeseries = 1 }`, `TimeSeries { repeated Label labels = 1; repeated Sample
//! samples = 2 }`, `Label { string name = 1; string value = 2 }`, `Sample { double value = 1; int64 timestamp = 2 }`;
//! labels sorted by name, the whole packed with snappy. (Source: Prometheus remote-write specification 1.0.)

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serve::deliver::{secret, slack_and_webhooks};
use types::analysis::Analysis;

use super::metrics::families;

/// Field tags: the field's number times eight, plus the wire type.
const FIRST_MESSAGE: u8 = 0x0a;
const SECOND_MESSAGE: u8 = 0x12;
const FIRST_DOUBLE: u8 = 0x09;
const SECOND_VARINT: u8 = 0x10;

/// Place that metrics are pushed to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RemoteWriteArgs {
    /// Push cost and saving of every cluster to this remote-write endpoint, such as http://prometheus:9090/api/v1/write
    #[arg(long, value_name = "URL")]
    remote_write_url: Option<reqwest::Url>,

    /// File with a bearer token for it
    #[arg(long, value_name = "FILE", requires = "remote_write_url")]
    remote_write_token_file: Option<PathBuf>,
}

impl RemoteWriteArgs {
    /// Returns true when anything is to be pushed.
    pub(super) fn is_wanted(&self) -> bool {
        self.remote_write_url.is_some()
    }

    /// Reads the token, where a file has one; once, since a pipe cannot be read twice.
    pub(super) fn token(&self) -> anyhow::Result<Option<String>> {
        self.remote_write_token_file.as_deref().map(secret).transpose()
    }

    /// Pushes the metrics as of this moment, where an endpoint is given.
    pub(super) async fn push(
        &self,
        token: Option<String>,
        analyses: &[Analysis],
        milliseconds: i64,
    ) -> anyhow::Result<()> {
        let Some(url) = &self.remote_write_url else { return Ok(()) };
        let body = snap::raw::Encoder::new().compress_vec(&request(analyses, milliseconds)).context("pack metrics")?;
        let mut request = slack_and_webhooks::client()?
            .post(url.clone())
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let place =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let sent = request.send().await.map_err(reqwest::Error::without_url);
        let response = sent.with_context(|| format!("push metrics to `{place}`"))?;
        let Some((status, said)) = slack_and_webhooks::refusal(response).await else { return Ok(()) };
        let hint = if status.as_u16() == 404 {
            "; Prometheus takes them only with --web.enable-remote-write-receiver"
        } else {
            ""
        };
        Err(anyhow!("could not push metrics to `{place}`: it answered {status}: {said}{hint}"))
    }
}

/// The message, not packed.
fn request(analyses: &[Analysis], milliseconds: i64) -> Vec<u8> {
    let mut message = Vec::new();
    for family in families(analyses) {
        for (labels, value) in &family.samples {
            let mut labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            labels.push(("__name__", family.name));
            labels.sort_unstable();
            let mut series = Vec::new();
            for (name, value) in labels {
                let mut label = Vec::new();
                field(&mut label, FIRST_MESSAGE, name.as_bytes());
                field(&mut label, SECOND_MESSAGE, value.as_bytes());
                field(&mut series, FIRST_MESSAGE, &label);
            }
            let mut sample = vec![FIRST_DOUBLE];
            sample.extend_from_slice(&value.to_le_bytes());
            sample.push(SECOND_VARINT);
            varint(&mut sample, u64::try_from(milliseconds).unwrap_or_default());
            field(&mut series, SECOND_MESSAGE, &sample);
            field(&mut message, FIRST_MESSAGE, &series);
        }
    }
    message
}

/// Appends a field that has a length.
fn field(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    varint(out, u64::try_from(content.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_what_the_specification_says() {
        for (value, expect) in [(0, vec![0]), (1, vec![1]), (300, vec![0xac, 0x02]), (16_384, vec![0x80, 0x80, 0x01])] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out, expect, "{value}");
        }
        let mut out = Vec::new();
        field(&mut out, FIRST_MESSAGE, b"up");
        assert_eq!(out, [0x0a, 2, b'u', b'p']);
    }
}
