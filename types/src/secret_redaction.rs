//! Texts as people may see them, without what may be a secret.

/// Names in the query of a lake's location whose values are no secret.
const PUBLIC: [&str; 3] = ["kms-key", "tag", "token-file"];
/// Text in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Returns a URL, or what was given for one, without user and password, the values of a query that may be a token, and a
/// fragment. Any other text stays as it is.
///
/// Whatever stands before the last `@` may be a part of a password, a `/` in it too.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.rsplit_once('@') {
            Some((before, host)) if before.contains(':') => format!("{HIDDEN}@{host}"),
            _ => text.to_owned(),
        };
    };
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("(hidden)@", rest));
    let (rest, fragment) = rest.split_once('#').map_or((rest, ""), |(rest, _)| (rest, "#(hidden)"));
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let query = query.map_or_else(String::new, |query| format!("?{}", shown(query)));
    format!("{scheme}://{user}{place}{query}{fragment}")
}

/// Returns the number of the line, from one on, in which the byte at a place is. Said of a file that may hold secrets, in
/// the place of the line.
pub fn line_of(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    before.filter(|byte| **byte == b'\n').count().saturating_add(1)
}

/// A query without values that may be secrets.
fn shown(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        _ if pair.is_empty() => String::new(),
        Some((name, _)) if PUBLIC.contains(&name) => pair.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_by_its_number() {
        let text = "a\nb\n";
        assert_eq!([0, 1, 2, 4, 9].map(|place| line_of(text, place)), [1, 1, 2, 3, 3]);
    }

    #[test]
    fn nothing_that_may_be_a_secret_is_shown() {
        for (text, expect) in [
            ("s3://KEY:s3cret@bucket/p", "s3://(hidden)@bucket/p"),
            ("s3://KEY:s3/cr@et@bucket/p", "s3://(hidden)@bucket/p"),
            ("s3://bucket/p?kms-key=k&tag=a=b", "s3://bucket/p?kms-key=k&tag=a=b"),
            ("s3://bucket?", "s3://bucket?"),
            ("https://u:s3cret@host?token-file=f", "https://(hidden)@host?token-file=f"),
            ("https://host?token=s3cret&token-file=f", "https://host?token=(hidden)&token-file=f"),
            ("https://host/p?s3cret#s3cret", "https://host/p?(hidden)#(hidden)"),
            ("https://host/p#a?token=s3cret", "https://host/p#(hidden)"),
            ("me:s3cret@host", "(hidden)@host"),
            ("a@b", "a@b"),
            ("./lake", "./lake"),
            ("3y", "3y"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), expect, "{text}");
        }
    }
}
