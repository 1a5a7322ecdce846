//! Key figures: the big numbers at the top of a page and of a mail.

/// One big number, with what it is and how to take it.
#[derive(Debug)]
pub(crate) struct KeyFigure {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) sub: String,
    pub(crate) class: &'static str,
    pub(crate) badge: &'static str,
}
