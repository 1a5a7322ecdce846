//! Refusals of S3, and their remedies.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

/// An answer that is an error, as text.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("S3 answered {status}{}{}", word(" `", &self.code, "`"), word(": ", &self.message, ""))]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// The region the bucket is in, where S3 tells it.
    pub(super) region: Option<String>,
    /// Clock of the server, where it tells it.
    pub(super) date: Option<String>,
}

fn word(before: &str, text: &str, after: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}{after}") }
}

/// Right that a call needs, to name it when it is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The IAM action.
    pub(super) permission: &'a str,
    /// The ARN it is needed on.
    pub(super) arn: &'a str,
    pub(super) bucket: &'a str,
}

impl Refusal {
    /// The refusal in `error`; `None` when there was no answer at all.
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<Self> {
        let response = error.raw_response()?;
        let header = |name: &str| response.headers().get(name).map(ToOwned::to_owned);
        let service = error.as_service_error();
        let message = service.and_then(|e| e.message()).unwrap_or_default().to_owned();
        let request = service.and_then(|e| e.meta().request_id()).map(|id| format!(" (request `{id}`)"));
        Some(Self {
            status: response.status().as_u16(),
            code: service.and_then(|e| e.code()).unwrap_or_default().to_owned(),
            region: header("x-amz-bucket-region").or_else(|| expected_region(&message)),
            message: message + &request.unwrap_or_default(),
            date: header("date"),
        })
    }

    /// Returns whether the identity lacks a permission.
    pub(super) fn is_denied(&self) -> bool {
        self.code == "AccessDenied" || self.code == "AllAccessDisabled" || (self.status == 403 && self.code.is_empty())
    }

    /// The next step, starting with `; `, or nothing. `identity` is who was refused.
    pub(super) fn hint(&self, attempt: Attempt<'_>, identity: &str) -> String {
        let Attempt { permission, arn, bucket } = attempt;
        match self.code.as_str() {
            _ if self.is_denied() => {
                let key = if self.message.contains("kms:") {
                    ", and `kms:GenerateDataKey` and `kms:Decrypt` on the key that encrypts it"
                } else if permission == "s3:GetObject" {
                    ", and `s3:ListBucket` on the bucket, without which a missing object looks like a refusal"
                } else {
                    ""
                };
                format!("; {identity} needs `{permission}` on `{arn}`{key}")
            }
            "NoSuchBucket" => "; the bucket does not exist: make it, or correct the name".to_owned(),
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "TemporaryRedirect" => self.other_region(bucket),
            _ if self.status == 301 => self.other_region(bucket),
            "RequestTimeTooSkewed" | "RequestExpired" => {
                let theirs = self.date.as_ref().map(|date| format!(" (S3's says {date})")).unwrap_or_default();
                format!("; the clock of this machine is wrong{theirs}: synchronise it, then run again")
            }
            "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId" | "TokenRefreshRequired" => {
                format!("; the credentials of {identity} are not valid (any more): renew them")
            }
            "SignatureDoesNotMatch" => format!(
                "; the secret of {identity} does not belong to its access key, or something between here and S3 rewrites requests"
            ),
            "SlowDown" | "ServiceUnavailable" | "RequestTimeout" => {
                "; S3 asks for fewer requests: run again later, what was written stays".to_owned()
            }
            _ if self.status == 501 && permission == "s3:PutObject" => {
                "; the server does not implement what this write asks for: conditional writes (`If-None-Match`, `If-Match`), without which of two writers one replaces what the other wrote, or else the tags or the encryption of the location: use a server that has them, as AWS and MinIO do".to_owned()
            }
            _ if self.status >= 500 => {
                "; the fault is on the side of S3: run again later, what was written stays".to_owned()
            }
            code if code.starts_with("KMS.") => {
                "; the key that encrypts the objects cannot be used: check its state and policy".to_owned()
            }
            _ => String::new(),
        }
    }

    fn other_region(&self, bucket: &str) -> String {
        match &self.region {
            Some(region) => format!("; bucket `{bucket}` is in region `{region}`: set AWS_REGION={region}"),
            None => format!("; bucket `{bucket}` is in another region: set AWS_REGION to it"),
        }
    }
}

/// The region in `… the region 'us-east-1' is wrong; expecting 'eu-west-1'`.
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    let (region, _) = rest.split_once('\'')?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: &str, message: &str, words: &[&str]) {
        let region = expected_region(message);
        let refusal = Refusal { status, code: code.into(), message: message.into(), region, date: None };
        let attempt = Attempt { permission: "s3:PutObject", arn: "arn:aws:s3:::b/p/v1/x", bucket: "b" };
        let hint = refusal.hint(attempt, "`arn:aws:iam::1:role/r`");
        for word in words {
            assert!(hint.contains(word), "{code}: no `{word}` in {hint}");
        }
        assert!(hint.is_empty() == words.is_empty(), "{code}: {hint}");
    }

    #[test]
    fn a_refusal_comes_with_the_next_step() {
        check(403, "AccessDenied", "Access Denied", &["role/r` needs `s3:PutObject` on `arn:aws:s3:::b/p/v1/x`"]);
        check(403, "AccessDenied", "not authorized to perform: kms:GenerateDataKey", &["kms:Decrypt"]);
        check(403, "", "", &["needs `s3:PutObject`"]);
        let wrong = "the region 'us-east-1' is wrong; expecting 'eu-west-1'";
        check(400, "AuthorizationHeaderMalformed", wrong, &["AWS_REGION=eu-west-1"]);
        check(301, "", "", &["another region"]);
        check(403, "RequestTimeTooSkewed", "", &["clock"]);
        check(403, "ExpiredToken", "", &["renew"]);
        check(400, "KMS.DisabledException", "", &["key that encrypts"]);
        check(503, "SlowDown", "", &["later"]);
        check(500, "InternalError", "", &["on the side of S3"]);
        check(501, "NotImplemented", "A header is not implemented", &["conditional writes", "MinIO"]);
        check(400, "InvalidRequest", "", &[]);
    }

    #[test]
    fn the_text_quotes_what_s3_said() {
        let refusal = Refusal { status: 403, code: "AccessDenied".into(), message: "no".into(), ..Refusal::default() };
        assert_eq!(refusal.to_string(), "S3 answered 403 `AccessDenied`: no");
        assert_eq!(Refusal { status: 502, ..Refusal::default() }.to_string(), "S3 answered 502");
    }
}
