//! Sentences in which a name or a key stands between backticks: code on a page and in Markdown, plain in a terminal.

use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};

/// A sentence as HTML: what stands between backticks is code, and everything is escaped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prose<T>(pub(crate) T);

impl<T: AsRef<str>> fmt::Display for Prose<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in parts(self.0.as_ref()) {
            match part {
                Part::Text(text) => Html.write_escaped_str(&mut *f, text)?,
                Part::Code(code) => {
                    f.write_str("<code>")?;
                    Html.write_escaped_str(&mut *f, code)?;
                    f.write_str("</code>")?;
                }
            }
        }
        Ok(())
    }
}

impl<T: AsRef<str>> HtmlSafe for Prose<T> {}

/// A part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Words; a backtick in them has no other.
    Text(&'a str),
    /// Text between two backticks, without them.
    Code(&'a str),
}

/// The parts of a sentence, in their order.
pub(crate) fn parts(sentence: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), sentence);
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, then)) = after.split_once('`') else { break };
        parts.extend([Part::Text(before), Part::Code(code)]);
        rest = then;
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_all_is_escaped() {
        for (text, expect) in [
            ("no code", "no code"),
            ("then `emp.fee_fraction` in it", "then <code>emp.fee_fraction</code> in it"),
            ("`<b>` & <i>", "<code>&#60;b&#62;</code> &#38; &#60;i&#62;"),
            ("one ` alone <", "one ` alone &#60;"),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ] {
            assert_eq!(Prose(text).to_string(), expect, "{text:?}");
        }
    }
}
