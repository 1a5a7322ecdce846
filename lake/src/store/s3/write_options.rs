//! Options of writing objects to S3.

/// Options of a lake in S3: `s3://bucket/prefix?kms-key=ARN&tag=team=platform&tag=stage=prod`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Options {
    /// The KMS key objects are encrypted with; without one, what the bucket prescribes.
    pub kms_key: Option<String>,
    /// Tags each object gets, at most ten.
    pub tags: Vec<(String, String)>,
}

/// Tags an object may have, by S3.
const MAX_TAGS: usize = 10;

impl S3Options {
    /// Reads what stands after the `?`.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let mut options = Self::default();
        for pair in query.split('&') {
            match pair.split_once('=')? {
                ("kms-key", key) if options.kms_key.is_none() && is_plain(key) => {
                    options.kms_key = Some(key.to_owned());
                }
                ("tag", tag) => {
                    let (name, value) = tag.split_once('=')?;
                    let valid = is_plain(name) && (value.is_empty() || is_plain(value));
                    let known = options.tags.iter().any(|(other, _)| other == name);
                    if !valid || known || options.tags.len() == MAX_TAGS {
                        return None;
                    }
                    options.tags.push((name.to_owned(), value.to_owned()));
                }
                _ => return None,
            }
        }
        Some(options)
    }

    /// The tags as the S3 API takes them; `None` without any.
    pub(crate) fn tagging(&self) -> Option<String> {
        let pairs = self.tags.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        (!self.tags.is_empty()).then(|| pairs.collect::<Vec<_>>().join("&"))
    }
}

/// Not empty, and of the characters S3 allows in tags and KMS in names of keys; so nothing in it needs escaping.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c))
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
