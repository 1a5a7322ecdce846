//! Output formats of a report: the arguments that `report` and `run` share.

use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use reports::export::{File, Format, Report};
use reports::{Money, Options, Standing, focus};
use types::analysis::Analysis;

use crate::exit_codes::Failure;

/// Display currency of amounts.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct MoneyArgs {
    /// Show amounts in this currency, such as EUR, on pages and in the summary; needs --rate. Other files stay in USD
    #[arg(long, value_name = "CODE", requires = "rate")]
    currency: Option<String>,

    /// Exchange rate: units of that currency for one USD, such as 0.92
    #[arg(long, value_name = "RATE", requires = "currency", allow_negative_numbers = true)]
    rate: Option<f64>,
}

impl MoneyArgs {
    /// Resolves the display currency for amounts in `currency`.
    pub(crate) fn money(&self, currency: &str) -> Result<Money, Failure> {
        match self.currency.as_deref().zip(self.rate) {
            Some((code, rate)) if currency == "USD" => Money::try_new(code, rate).map_err(Failure::usage),
            Some((code, _)) => Err(Failure::usage(anyhow!(
                "the amounts are in {currency}, and a rate from USD to {code} says nothing of them; leave --currency and --rate out"
            ))),
            None => Ok(Money::native(currency)),
        }
    }
}

/// Output formats of a report, with the options of each.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FormatArgs {
    /// Formats to write, separated by commas
    #[arg(
        long,
        value_name = "FORMATS",
        value_delimiter = ',',
        default_value = "html,json",
        value_parser = formats(),
    )]
    format: Vec<Format>,

    #[command(flatten)]
    money: MoneyArgs,

    /// FOCUS version to write: 1.2, or 1.3, which has columns for split costs
    #[arg(long, value_name = "VERSION", default_value_t = focus::Version::default())]
    focus_version: focus::Version,

    /// Billing account for FOCUS files, which no metric of a cluster shows
    #[arg(long, value_name = "ID")]
    billing_account_id: Option<String>,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    let named = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(named).try_map(|name| name.parse::<Format>())
}

impl FormatArgs {
    /// The formats that `demo --serve` writes: all that somebody may want to save, and no drafts.
    pub(crate) fn of_demo() -> Self {
        let wanted = |format: &Format| !matches!(format, Format::Drafts | Format::Labels | Format::Markdown);
        Self { format: Format::ALL.into_iter().filter(wanted).collect(), ..Self::page_and_analysis() }
    }

    /// The formats that `demo` writes.
    pub(crate) fn page_and_analysis() -> Self {
        Self {
            format: vec![Format::Html, Format::Json],
            money: MoneyArgs::default(),
            focus_version: focus::Version::default(),
            billing_account_id: None,
        }
    }

    /// Resolves the display currency for amounts in `currency`.
    pub(crate) fn money(&self, currency: &str) -> Result<Money, Failure> {
        self.money.money(currency)
    }

    /// Renders the files of a report; the page says on which day it was made, where one is given.
    pub(crate) fn files(
        &self,
        analysis: &Analysis,
        json: &[u8],
        earlier: Vec<Standing>,
        made_on: Option<NaiveDate>,
    ) -> Result<Vec<File>, Failure> {
        let options = Options::default().money(self.money(&analysis.currency)?).earlier(earlier);
        let options = made_on.into_iter().fold(options, Options::made_on);
        let focus =
            focus::Settings { version: self.focus_version, billing_account_id: self.billing_account_id.clone() };
        let report = Report { analysis, json, options: &options, focus: &focus };
        Ok(reports::export::files(&report, &self.format).context("make the report")?)
    }
}
