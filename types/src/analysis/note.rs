//! Notes that a reader must know beside the numbers.

use serde::{Deserialize, Serialize};

/// Gravity of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// A number on the page is incomplete or may mislead.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something a reader must know beside the numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// Gravity of the note.
    pub gravity: Gravity,
    /// One or two sentences, with the next step where there is one.
    pub text: String,
}

impl Note {
    /// A note on something incomplete or misleading.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, text: text.into() }
    }

    /// A note worth knowing.
    pub fn info(text: impl Into<String>) -> Self {
        Self { gravity: Gravity::Info, text: text.into() }
    }
}
