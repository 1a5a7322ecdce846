//! Sealed values: what a browser keeps for us and can neither read nor change.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// It has no key.
    #[error("the key file has no key; write one with `openssl rand -base64 32`")]
    None,
    /// A line is no key.
    #[error("line {0} of the key file is not 32 bytes in base64; write one with `openssl rand -base64 32`")]
    Line(usize),
}

/// The keys of this installation: the first seals, all of them open, so that a new one can be put in front.
pub struct Keys {
    keys: Vec<Key>,
}

struct Key {
    seal: LessSafeKey,
    sign: hmac::Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

impl Key {
    /// One key for sealing and one for signing, neither of which tells the other.
    fn of(bytes: &[u8]) -> Option<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let seal = hmac::sign(&root, b"emp-cost seal v1");
        let sign = hmac::sign(&root, b"emp-cost sign v1");
        let seal = UnboundKey::new(&AES_256_GCM, seal.as_ref()).ok()?;
        Some(Self { seal: LessSafeKey::new(seal), sign: hmac::Key::new(hmac::HMAC_SHA256, sign.as_ref()) })
    }
}

impl Keys {
    /// Reads a key file: a key a line, 32 bytes in base64, the one in use first.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bytes = STANDARD.decode(line.trim()).ok().filter(|bytes| bytes.len() == KEY_BYTES);
            keys.push(bytes.and_then(|bytes| Key::of(&bytes)).ok_or(KeyError::Line(n + 1))?);
        }
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self { keys }) }
    }

    /// Seals a value for one purpose: what is sealed for another does not open. `None` when the system gives no random
    /// numbers.
    pub fn seal(&self, purpose: &str, value: &impl Serialize) -> Option<String> {
        let key = self.keys.first()?;
        let mut text = serde_json::to_vec(value).ok()?;
        let nonce: [u8; NONCE_LEN] = random()?;
        let tagged = Aad::from(purpose.as_bytes());
        key.seal.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), tagged, &mut text).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &text].concat()))
    }

    /// Opens what [`Self::seal`] made for the same purpose; `None` for anything else.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        self.keys.iter().find_map(|key| {
            let (mut text, nonce) = (text.to_vec(), Nonce::assume_unique_for_key(*nonce));
            let opened = key.seal.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?;
            serde_json::from_slice(opened).ok()
        })
    }

    /// A mark that only we can make of a text.
    pub fn mark(&self, purpose: &str, text: &str) -> String {
        let mark = |key: &Key| hmac::sign(&key.sign, format!("{purpose}\0{text}").as_bytes());
        self.keys.first().map(|key| URL_SAFE_NO_PAD.encode(mark(key))).unwrap_or_default()
    }

    /// Returns true when a mark is one of ours, compared in constant time.
    pub fn is_mark(&self, purpose: &str, text: &str, mark: &str) -> bool {
        let Ok(mark) = URL_SAFE_NO_PAD.decode(mark) else { return false };
        let said = format!("{purpose}\0{text}");
        self.keys.iter().any(|key| hmac::verify(&key.sign, said.as_bytes(), &mark).is_ok())
    }
}

/// Random bytes; `None` when the system gives none.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// A name nobody can guess, of `N` random bytes in base64url.
pub fn random_name<const N: usize>() -> Option<String> {
    random::<N>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// So many random bytes in base64, such as a key file's line; `None` when the system gives none.
pub fn base64_of_chance(bytes: usize) -> Option<String> {
    let mut chance = vec![0; bytes];
    rand::fill(&mut chance).ok()?;
    Some(STANDARD.encode(chance))
}

/// SHA-256 in base64url, for PKCE.
pub fn sha256_url(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// Returns true when two texts are the same, in time that does not tell where they differ.
pub fn same(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Keys {
        let lines: Vec<_> = bytes.iter().map(|byte| STANDARD.encode([*byte; KEY_BYTES])).collect();
        Keys::read(&lines.join("\n")).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_purpose_alone() {
        let keys = keys(&[1]);
        let sealed = keys.seal("session", &("somebody", 7)).unwrap();
        assert_eq!(keys.open("session", &sealed), Some(("somebody".to_owned(), 7)));
        assert_eq!(keys.open::<(String, u8)>("login", &sealed), None);
        assert_eq!(self::keys(&[2]).open::<(String, u8)>("session", &sealed), None);
        assert_ne!(keys.seal("session", &("somebody", 7)).unwrap(), sealed, "each seal has a nonce of its own");
    }

    #[test]
    fn a_changed_seal_does_not_open() {
        let keys = keys(&[1]);
        let sealed = keys.seal("session", &"x").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character has bits that base64 leaves over.
            assert!(changed == sealed || keys.open::<String>("session", &changed).is_none(), "{at}");
        }
        for other in ["", "A", &sealed[1..], "%%%"] {
            assert_eq!(keys.open::<String>("session", other), None);
        }
    }

    #[test]
    fn an_older_key_still_opens_and_no_longer_seals() {
        let (old, rotated) = (keys(&[1]), keys(&[2, 1]));
        assert_eq!(rotated.open("p", &old.seal("p", &1).unwrap()), Some(1));
        assert_eq!(old.open::<i32>("p", &rotated.seal("p", &1).unwrap()), None);
        assert!(rotated.is_mark("csrf", "a", &old.mark("csrf", "a")));
        assert!(!rotated.is_mark("csrf", "b", &old.mark("csrf", "a")));
        assert!(!rotated.is_mark("other", "a", &old.mark("csrf", "a")));
    }

    #[test]
    fn a_line_that_is_no_key_is_named() {
        assert_eq!(Keys::read("\n \n").unwrap_err(), KeyError::None);
        assert_eq!(Keys::read("c2hvcnQ=").unwrap_err(), KeyError::Line(1));
    }
}
