//! Where a server is, as people may see it. What else a URL may hold is a secret, or taken for one.

use reqwest::Url;

/// Why a text is not the URL of a server. Says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Not a URL of HTTP with a host.
    NotHttp,
    /// An `@` after the host has begun: of a password with a `/`, a `?` or a `#` in it, whose rest would pass for a path.
    At,
    /// A query or a fragment, which the API's paths do not keep: a token in it would never be sent.
    Query,
}

impl Unusable {
    /// Next step.
    pub(super) const fn next_step(self) -> &'static str {
        match self {
            Self::NotHttp => "use one such as http://prometheus-server.monitoring:80",
            Self::At => {
                "it has an `@` behind a `/`, `?` or `#`: give user and password with --prometheus-user and --prometheus-password-file, or write the characters of the password as %2F, %3F, %23 and %40"
            }
            Self::Query => {
                "it has a query or a fragment, which is not sent: give a token with --prometheus-bearer-token-file or --prometheus-header"
            }
        }
    }
}

/// Reads the URL of a server.
pub(super) fn parse(text: &str) -> Result<Url, Unusable> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let behind = rest.find(['/', '?', '#']).and_then(|end| rest.get(end..)).unwrap_or_default();
    if behind.contains('@') {
        return Err(Unusable::At);
    }
    let url = Url::parse(text).map_err(|_| Unusable::NotHttp)?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        false => Err(Unusable::NotHttp),
        true if url.query().is_some() || url.fragment().is_some() => Err(Unusable::Query),
        true => Ok(url),
    }
}

/// A URL, or what was given for one, without anything that may be a secret: scheme, host, port and path.
pub(super) fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let ends = |text: &str| text.find(['?', '#']).unwrap_or(text.len());
    // Whatever stands before the last `@` may be a part of a password, and a path before it too.
    let (public, hides) = match rest.rsplit_once('@') {
        Some((before, host)) => (host, before.contains(['/', '?', '#'])),
        None => (rest, false),
    };
    let mut public = public.get(..ends(public)).unwrap_or_default();
    if hides {
        public = public.split('/').next().unwrap_or_default();
    }
    match scheme {
        "" => public.to_owned(),
        scheme => format!("{scheme}://{public}"),
    }
}

/// Texts that nobody may see, taken out of what servers and libraries say.
#[derive(Clone, Default)]
pub(super) struct Hidden(Vec<String>);

/// Length of the shortest secret: anything shorter would take words apart.
const LEAST_SECRET: usize = 4;

impl Hidden {
    /// Notes a secret.
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= LEAST_SECRET && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            // The longest first, so that no part of one is left.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// A text without the secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(hidden)"))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_be_a_secret_is_shown() {
        for (url, expect) in [
            ("http://user:s3cret@host:9090/p", "http://host:9090/p"),
            ("https://user:s3@cret@host", "https://host"),
            ("http://user:s3/cret@host:9090/p", "http://host:9090"),
            ("http://user:12/s3cret@host/p", "http://host"),
            ("http://user:s3?cret@host", "http://host"),
            ("http://user:s3#cret@host", "http://host"),
            ("http://host/p?token=s3cret", "http://host/p"),
            ("http://host?token=s3cret@x", "http://x"),
            ("http://host/p#s3cret", "http://host/p"),
            ("user:s3cret@host", "host"),
            ("host", "host"),
            ("s3cret@", ""),
        ] {
            assert_eq!(shown(url), expect, "{url}");
        }
    }

    #[test]
    fn a_url_that_would_lose_or_show_a_part_of_itself_is_refused() {
        for (url, expect) in [
            ("http://user:p%2Fq@host:9090/p", None),
            ("http://user:p@q@host", None),
            ("https://host/prometheus/", None),
            ("http://user:12/s3cret@host", Some(Unusable::At)),
            ("http://host/a@b", Some(Unusable::At)),
            ("http://user:s3?cret@host", Some(Unusable::At)),
            ("http://host/?token=s3cret", Some(Unusable::Query)),
            ("http://host#x", Some(Unusable::Query)),
            ("ftp://host", Some(Unusable::NotHttp)),
            ("host:9090", Some(Unusable::NotHttp)),
            ("", Some(Unusable::NotHttp)),
        ] {
            assert_eq!(parse(url).err(), expect, "{url}");
        }
    }

    #[test]
    fn secrets_are_taken_out_of_what_others_say() {
        let mut hidden = Hidden::default();
        ["s3cret", "s3cret-and-more", "", "of"].iter().for_each(|secret| hidden.add(secret));
        assert_eq!(hidden.hide("the token s3cret-and-more of s3cret"), "the token (hidden) of (hidden)");
        assert!(!format!("{hidden:?}").contains("s3cret"));
    }
}
