//! A cursor over JSON that borrows what it reads and skips what nobody wants.

use std::borrow::Cow;

use memchr::memchr2;

/// Where a body stops being JSON of the expected shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub struct Malformed {
    /// Offset in the body.
    pub at: usize,
    /// The fault.
    pub what: &'static str,
}

/// A position in a body.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'de> {
    bytes: &'de [u8],
    at: usize,
}

impl<'de> Cursor<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }

    /// The rest.
    fn rest(&self) -> &'de [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not white space; nothing is passed but the space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Passes one byte, after white space.
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Malformed> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            _ => self.fail(what),
        }
    }

    /// Returns whether the body is through.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_none() { Ok(()) } else { self.fail("something after the end of the answer") }
    }

    /// Reads an object, handing each key to `each`, which must pass its value.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.expect(b'{', "no object")?;
        self.list_until(b'}', |cursor| {
            let key = cursor.string()?;
            cursor.expect(b':', "no `:` after a key")?;
            each(cursor, &key)
        })
    }

    /// Reads an array, calling `each` before every element, which it must pass.
    pub(super) fn array(&mut self, each: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.expect(b'[', "no array")?;
        self.list_until(b']', each)
    }

    fn list_until(
        &mut self,
        close: u8,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("neither `,` nor an end"),
            }
        }
    }

    /// The bytes between two quotes, and whether there are escapes among them.
    fn quoted(&mut self) -> Result<(&'de [u8], bool), Malformed> {
        self.expect(b'"', "no text")?;
        let start = self.at;
        let mut escapes = false;
        loop {
            match memchr2(b'"', b'\\', self.rest()) {
                None => return self.fail("text without an end"),
                Some(n) if self.bytes.get(self.at + n) == Some(&b'"') => {
                    let text = self.bytes.get(start..self.at + n).unwrap_or_default();
                    self.at += n + 1;
                    return Ok((text, escapes));
                }
                Some(n) => {
                    escapes = true;
                    self.at += n + 2;
                }
            }
        }
    }

    /// A text, borrowed from the body where it has no escapes.
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>, Malformed> {
        let (text, escapes) = self.quoted()?;
        if !escapes {
            return match std::str::from_utf8(text) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => self.fail("text that is not UTF-8"),
            };
        }
        let quoted = [b"\"", text, b"\""].concat();
        match serde_json::from_slice(&quoted) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(_) => self.fail("text with an escape that is none"),
        }
    }

    /// A number in quotes, as the API writes values: `"0.25"`, `"NaN"`, `"+Inf"`.
    pub(super) fn quoted_number(&mut self) -> Result<f64, Malformed> {
        if let Some((number, len)) = self.rest().strip_prefix(b"\"").and_then(plain_number) {
            self.at += len + 2;
            return Ok(number);
        }
        let (text, _) = self.quoted()?;
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.map_or_else(|| self.fail("a value that is no number"), Ok)
    }

    /// A time in seconds, up to three digits after the point, as whole milliseconds.
    pub(super) fn milliseconds(&mut self) -> Result<i64, Malformed> {
        self.peek();
        let rest = self.rest();
        if let Some((time, len)) = whole_seconds(rest) {
            self.at += len;
            return Ok(time);
        }
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let number = rest.get(..len).unwrap_or_default();
        let Some(time) = plain_milliseconds(number).or_else(|| any_milliseconds(number)) else {
            return self.fail("a time that is none, or out of range");
        };
        self.at += len;
        Ok(time)
    }

    /// Passes a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => drop(self.quoted()?),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'+' | b'.') => {
                    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                    let rest = self.rest();
                    self.at += rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
                }
                _ => return self.fail("no value"),
            }
            // The marks between the parts of an object or array belong to it, and end nothing.
            let between = matches!(self.peek(), Some(b',' | b':')) && depth > 0;
            if depth == 0 && !between {
                return Ok(());
            }
        }
    }
}

/// A time of ten digits and nothing behind them but the mark before the value: what every point of a grid has.
#[allow(clippy::arithmetic_side_effects, reason = "of ten digits")]
fn whole_seconds(text: &[u8]) -> Option<(i64, usize)> {
    const DIGITS: usize = 10;
    let (digits, rest) = text.split_at_checked(DIGITS)?;
    let plain = rest.first() == Some(&b',') && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| (digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0')) * 1000, DIGITS))
}

/// The number before the next quote, and its length, where it is written in plain digits, few enough that they and the
/// power of ten they are divided by are exact as `f64`: then the quotient is the nearest there is to what is written, as
/// the library's would be.
#[allow(clippy::arithmetic_side_effects, reason = "of at most fifteen digits")]
fn plain_number(text: &[u8]) -> Option<(f64, usize)> {
    /// Fewer than 2^53.
    const MOST_DIGITS: usize = 15;
    const POWERS: [f64; MOST_DIGITS + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut digits, mut point, mut number) = (0_usize, None, 0_u64);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' if digits < MOST_DIGITS => {
                number = number * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() && digits > 0 => point = Some(digits),
            b'"' if digits > 0 => {
                let power = POWERS.get(digits - point.unwrap_or(digits))?;
                #[expect(clippy::as_conversions, reason = "of at most fifteen digits")]
                let number = number as f64;
                return Some((number / power, at));
            }
            _ => return None,
        }
    }
    None
}

/// `1753920000` or `1753920000.123` in whole milliseconds; `None` for every other way to write a time.
#[allow(clippy::arithmetic_side_effects, reason = "of at most twelve digits")]
fn plain_milliseconds(number: &[u8]) -> Option<i64> {
    // More digits would not fit the product below, and lie ten thousand years ahead.
    const MOST_DIGITS: usize = 12;
    let digits = |part: &[u8]| {
        let plain = (1..=MOST_DIGITS).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
        plain.then(|| part.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let seconds = digits(parts.next()?)? * 1000;
    match parts.next() {
        None => Some(seconds),
        Some(part @ [_]) => Some(seconds + digits(part)? * 100),
        Some(part @ [_, _]) => Some(seconds + digits(part)? * 10),
        Some(part @ [_, _, _]) => Some(seconds + digits(part)?),
        Some(_) => None,
    }
}

fn any_milliseconds(number: &[u8]) -> Option<i64> {
    let seconds: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let millis = (seconds * 1000.0).round();
    #[expect(clippy::as_conversions, reason = "checked to lie far inside i64")]
    (millis.abs() < 1e15).then_some(millis as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn milliseconds(text: &str) -> Option<i64> {
        Cursor::new(text.as_bytes()).milliseconds().ok()
    }

    #[test]
    fn times_are_whole_milliseconds_however_they_are_written() {
        for (text, expect) in [
            ("1753920000", Some(1_753_920_000_000)),
            ("1753920000.5", Some(1_753_920_000_500)),
            ("1753920000.12", Some(1_753_920_000_120)),
            ("1753920000.123", Some(1_753_920_000_123)),
            ("1753920000.1236", Some(1_753_920_000_124)),
            ("1.75392e9", Some(1_753_920_000_000)),
            ("-1.5", Some(-1500)),
            ("1e300", None),
            ("", None),
            ("-", None),
            ("1753920000.", Some(1_753_920_000_000)),
            ("9999999999999999999", None),
        ] {
            assert_eq!(milliseconds(text), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_reads_as_the_library_reads_it(seconds in 0_i64..99_999_999_999, millis in 0_i64..1000) {
            let text = format!("{seconds}.{millis:03}");
            prop_assert_eq!(milliseconds(&text), Some(seconds * 1000 + millis));
            prop_assert_eq!(any_milliseconds(text.as_bytes()), Some(seconds * 1000 + millis));
        }

        #[test]
        fn a_value_reads_as_the_library_reads_it(
            text in prop_oneof![
                "[0-9]{1,17}", "[0-9]{1,9}[.][0-9]{0,9}", "[-+]?[0-9]{1,3}[.]?[0-9]{0,3}(e[-+]?[0-9]{1,3})?", "[0-9.]{1,4}",
                any::<f64>().prop_map(|value| value.to_string()),
            ],
        ) {
            let quoted = format!("\"{text}\",x");
            let mut cursor = Cursor::new(quoted.as_bytes());
            match (cursor.quoted_number(), text.parse::<f64>()) {
                (Ok(ours), Ok(theirs)) => {
                    prop_assert_eq!(ours.to_bits(), theirs.to_bits());
                    prop_assert_eq!(cursor.at, text.len() + 2);
                }
                (ours, theirs) => prop_assert_eq!(ours.is_err(), theirs.is_err(), "{}", text),
            }
        }

        #[test]
        fn texts_read_as_the_library_reads_them(text in "\\PC*|[\"\\\\\n\t\u{1}a]*") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Cursor::new(json.as_bytes()).string().unwrap(), text);
        }

        #[test]
        fn what_is_skipped_ends_where_the_value_ends(key in "\\PC*", number: f64, nested: Vec<Option<bool>>) {
            let value = serde_json::json!({ key: [number, nested, {}, [], "]}\"", null] });
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let text = format!(" {json} ,x");
                let mut cursor = Cursor::new(text.as_bytes());
                cursor.skip().unwrap();
                prop_assert_eq!(cursor.peek(), Some(b','));
                prop_assert_eq!(cursor.at, text.len() - 2);
            }
        }
    }
}
