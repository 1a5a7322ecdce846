//! How cells of a workbook are shown: by the unit at the end of their column's name.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder};

/// The formats of a workbook.
pub(super) struct Formats {
    /// The head of a column.
    pub(super) head: Format,
    /// Text in several lines.
    pub(super) wrapped: Format,
    /// Text in one line.
    plain: Format,
    /// Text that Excel would take for a formula once somebody edits it, in one line and in several.
    quoted: [Format; 2],
    /// Digits that stay text.
    pub(super) exact: Format,
    pub(super) count: Format,
    pub(super) moment: Format,
    amount: Format,
    price: Format,
    share: Format,
    ratio: Format,
    /// A number in no unit that a format is known for.
    any: Format,
}

impl Formats {
    /// Formats of a workbook whose amounts are in `currency`.
    pub(super) fn of(currency: &str) -> Self {
        let sign = match currency {
            "USD" => "[$$-409]".to_owned(),
            "CNY" => "[$¥-804]".to_owned(),
            // A code that is none would be a format of its own: it is left out, and `contents` names it.
            other if other.len() == 3 && other.bytes().all(|c| c.is_ascii_uppercase()) => format!("[${other}] "),
            _ => String::new(),
        };
        let amount = |digits: &str| {
            let number = format!("{sign}#,##0.{digits}");
            Format::new().set_num_format(format!("{number};-{number}"))
        };
        let top = Format::new().set_align(FormatAlign::Top);
        let wrapped = top.clone().set_text_wrap();
        Self {
            head: Format::new()
                .set_bold()
                .set_background_color(Color::RGB(0x00E8_EEF4))
                .set_border_bottom(FormatBorder::Thin)
                .set_align(FormatAlign::Top),
            quoted: [top.clone().set_quote_prefix(), wrapped.clone().set_quote_prefix()],
            plain: top.clone(),
            wrapped,
            exact: top.set_align(FormatAlign::Right).set_num_format("@"),
            count: Format::new().set_num_format("#,##0"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            amount: amount("00"),
            price: amount("00####"),
            share: Format::new().set_num_format("0.0%"),
            ratio: Format::new().set_num_format("#,##0.00"),
            any: Format::new(),
        }
    }

    /// The format of a text.
    pub(super) fn text(&self, text: &str, in_lines: bool) -> &Format {
        let [line, lines] = &self.quoted;
        match (text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']), in_lines) {
            (true, false) => line,
            (true, true) => lines,
            (false, false) => &self.plain,
            (false, true) => &self.wrapped,
        }
    }

    /// The format of a number in a column.
    pub(super) fn number(&self, column: &str) -> &Format {
        let ends = |endings: &[&str]| endings.iter().any(|ending| column.ends_with(ending));
        if column.starts_with("usd_per_") {
            &self.price
        } else if ends(&["_usd"]) {
            &self.amount
        } else if ends(&["_fraction"]) {
            &self.share
        } else if ends(&["_hours", "_gib", "_cores", "_mean", "_ratio", "_days", "_mib", "_at_peaks"]) {
            &self.ratio
        } else {
            &self.any
        }
    }
}
