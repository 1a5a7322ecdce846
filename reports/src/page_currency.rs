//! The currency of a page: the one place that turns an amount into text with its sign.

use types::wording::{self, UNKNOWN};

use crate::number_format;

/// Amounts of an analysis are in the currency AWS bills its region in, nearly always USD; a page may show those in USD in
/// another currency, at a rate somebody gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Money {
    code: String,
    /// Units of the currency for one of the analysis'.
    rate: f64,
    /// `true` when amounts are in this currency already.
    native: bool,
}

/// Why amounts cannot be shown in a currency.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not one of ISO 4217's form.
    #[error("currency `{0}` is not a code of three capital letters; give one such as EUR")]
    Code(String),
    /// The rate is not a positive number.
    #[error("rate {rate} for `{code}` is not a positive number; give the units of {code} for one USD")]
    Rate {
        /// The currency.
        code: String,
        /// Rate that was given.
        rate: f64,
    },
    /// USD were to be converted into USD.
    #[error("rate {0} for `USD` is not 1; amounts are in USD already")]
    UsdRate(f64),
}

impl Default for Money {
    fn default() -> Self {
        Self::native("USD")
    }
}

impl Money {
    /// The currency that amounts are in already. A code that an analysis made elsewhere names loses what steers a terminal.
    pub fn native(code: &str) -> Self {
        Self { code: crate::scenario_words::plain(code), rate: 1.0, native: true }
    }

    /// Another currency at `rate` units for one USD: `EUR` at 0.92.
    ///
    /// # Errors
    /// When the code does not look like one, when the rate is not a positive number, or when USD get another than 1.
    pub fn try_new(code: &str, rate: f64) -> Result<Self, MoneyError> {
        if code.len() != 3 || !code.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(MoneyError::Code(code.to_owned()));
        }
        if !rate.is_finite() || rate <= 0.0 {
            return Err(MoneyError::Rate { code: code.to_owned(), rate });
        }
        if code == "USD" && rate != 1.0 {
            return Err(MoneyError::UsdRate(rate));
        }
        Ok(Self { code: code.to_owned(), rate, native: code == "USD" })
    }

    /// The code of the currency.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Shows an amount given in USD: `$1,234`, `−€1,135`, `CHF 1,086`.
    pub fn show(&self, usd: f64) -> String {
        self.signed(wording::usd(usd * self.rate))
    }

    /// Shows an estimate given in USD, to three digits where it has more: `about $124,000`.
    pub(crate) fn about(&self, usd: f64) -> String {
        self.signed(wording::usd_about(usd * self.rate))
    }

    /// Shows an amount given in USD that may not be known.
    pub fn show_or_unknown(&self, usd: Option<f64>) -> String {
        usd.map_or_else(|| UNKNOWN.to_owned(), |usd| self.show(usd))
    }

    /// Shows the price of one unit, given in USD, with up to four decimals: `$0.768`.
    pub fn unit_price(&self, usd: f64) -> String {
        self.signed(number_format::usd_per_hour(usd * self.rate))
    }

    /// Shows an amount in a few characters, for a mark in a chart: `$950`, `−$2.9k`, `$1.24M`.
    pub fn short(&self, usd: f64) -> String {
        self.axis(self.convert(usd))
    }

    /// The amount in this currency.
    pub(crate) fn convert(&self, usd: f64) -> f64 {
        usd * self.rate
    }

    /// Shows an amount in this currency in a few characters.
    pub(crate) fn axis(&self, amount: f64) -> String {
        let size = amount.abs();
        let (scaled, unit) = match size {
            size if size >= 999_500.0 => (size / 1e6, "M"),
            size if size >= 999.5 => (size / 1e3, "k"),
            _ => (size, ""),
        };
        let decimals = if unit.is_empty() || scaled >= 99.95 { 0 } else { 1 };
        if !amount.is_finite() {
            return UNKNOWN.to_owned();
        }
        let text = wording::grouped(scaled, decimals);
        let text = text.strip_suffix(".0").unwrap_or(&text);
        if text.chars().all(|c| matches!(c, '0' | '.')) {
            return self.signed("$0".to_owned());
        }
        self.signed(format!("{}${text}{unit}", if amount < 0.0 { "\u{2212}" } else { "" }))
    }

    /// Converts the dollars in a sentence of the analysis, which writes them as this page does: `$1,234`.
    pub(crate) fn sentence(&self, text: &str) -> String {
        if self.code == "USD" {
            return text.to_owned();
        }
        let mut pieces = text.split('$');
        let mut converted = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (digits, rest) = amount(piece);
            match digits.replace(',', "").parse::<f64>() {
                Ok(usd) if digits.split_once('.').is_some_and(|(_, cents)| cents.len() > 2) => {
                    converted.push_str(&self.unit_price(usd));
                }
                Ok(usd) => converted.push_str(&self.show(usd)),
                Err(_) => {
                    converted.push('$');
                    converted.push_str(digits);
                }
            }
            converted.push_str(rest);
        }
        converted
    }

    /// Says what was converted and how; `None` where nothing was.
    pub(crate) fn converted(&self) -> Option<String> {
        (!self.native).then(|| {
            format!(
                "Converted from USD at {} {} for 1 USD; the values of assumptions keep the unit they name.",
                self.rate, self.code
            )
        })
    }

    /// Puts the sign of this currency where the formatter of dollars put theirs.
    fn signed(&self, dollars: String) -> String {
        match self.code.as_str() {
            "USD" => dollars,
            "EUR" => dollars.replace('$', "€"),
            "GBP" => dollars.replace('$', "£"),
            "JPY" => dollars.replace('$', "¥"),
            "INR" => dollars.replace('$', "₹"),
            code => dollars.replace('$', &format!("{code}{}", number_format::SPACE)),
        }
    }
}

/// Splits digits with their commas and decimals off the front; a comma or a point that ends a clause is not theirs.
fn amount(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.').unwrap_or(text.len());
    let (digits, _) = text.split_at(end);
    let digits = digits.trim_end_matches([',', '.']);
    text.split_at(digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_in_sentences_are_converted_like_all_others() {
        let euro = Money::try_new("EUR", 0.5).unwrap();
        for (text, expect) in [
            ("saves $2,983 a month, $10.", "saves €1,492 a month, €5.00."),
            ("\u{2212}$1,160 and $0.768 an hour", "\u{2212}€580 and €0.384 an hour"),
            ("costs $, or $x", "costs $, or $x"),
            ("nothing", "nothing"),
            ("$1.50, then", "€0.75, then"),
        ] {
            assert_eq!(euro.sentence(text), expect);
            assert_eq!(Money::default().sentence(text), text);
        }
    }

    #[test]
    fn a_currency_without_a_sign_is_named() {
        let francs = Money::try_new("CHF", 0.9).unwrap();
        assert_eq!(francs.show(-1234.0), "\u{2212}CHF\u{a0}1,111");
        assert_eq!([francs.about(123_456.0), francs.about(100.0)], ["about CHF\u{a0}111,000", "CHF\u{a0}90"]);
        assert_eq!(francs.show_or_unknown(None), "not known");
        assert_eq!(francs.unit_price(4.608), "CHF\u{a0}4.1472");
    }

    #[test]
    fn amounts_that_are_in_a_currency_already_are_named_and_not_converted() {
        let yuan = Money::native("CNY");
        assert_eq!((yuan.show(1234.0), yuan.converted()), ("CNY\u{a0}1,234".to_owned(), None));
        assert_eq!(yuan.sentence("saves $2,983 a month"), "saves CNY\u{a0}2,983 a month");
        assert!(Money::try_new("EUR", 0.9).unwrap().converted().is_some());
    }

    #[test]
    fn marks_are_short() {
        let money = Money::default();
        for (usd, expect) in [
            (0.2, "$0"),
            (950.0, "$950"),
            (-2884.6, "\u{2212}$2.9k"),
            (123_400.0, "$123k"),
            (999_600.0, "$1M"),
            (5_000.0, "$5k"),
            (f64::NAN, "not known"),
        ] {
            assert_eq!(money.short(usd), expect);
        }
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        assert!(Money::try_new("eur", 0.9).unwrap_err().to_string().contains("`eur`"));
        assert!(Money::try_new("EUR", 0.0).unwrap_err().to_string().contains("rate 0"));
        assert!(Money::try_new("EUR", f64::NAN).is_err() && Money::try_new("USD", 2.0).is_err());
        assert_eq!(Money::try_new("USD", 1.0), Ok(Money::default()));
    }
}
