//! A mail about one report, as HTML that mail programs show: tables and inline styles, no script, no image, no request.

use askama::Template;
use types::analysis::Analysis;

use crate::error::RenderError;
use crate::first_screen::{self, Answer};
use crate::key_figure::KeyFigure;
use crate::page_currency::Money;
use crate::page_view::View;
use crate::scenario_words;

/// Steps that a mail names; the page has the others.
const MOST_STEPS: usize = 5;

/// What a mail says beside the analysis.
#[derive(Debug, Clone, Default)]
pub struct MailContext {
    /// Location of the report.
    pub location: String,
    /// Lines that come first, such as a budget that is exceeded.
    pub notices: Vec<String>,
    /// What is attached, or why nothing is, as a sentence; empty for nothing to say.
    pub attached: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Mail<'a> {
    cluster_id: String,
    window: String,
    /// That the data is synthetic, as a sentence; empty where it is not.
    synthetic: String,
    stance: String,
    /// Colour of the stance.
    color: &'static str,
    answer: Option<Answer>,
    /// The first warning and how many more there are; empty for none.
    warnings: String,
    figures: Vec<KeyFigure>,
    steps: Vec<StepLine>,
    /// How many steps only the page has, as a sentence; empty for none.
    more_steps: String,
    basis: String,
    context: &'a MailContext,
    /// Whether the location can be opened by a browser.
    is_link: bool,
}

/// A step in a line.
struct StepLine {
    what: String,
    saves: String,
}

/// Renders the mail about a report. The same arguments give the same bytes.
///
/// # Errors
/// When the template cannot be written, which memory aside does not happen.
pub fn mail(analysis: &Analysis, money: &Money, context: &MailContext) -> Result<String, RenderError> {
    let view = &View::new(analysis, money);
    let (tone, stance) = first_screen::stance(view);
    let steps = analysis.next_steps.as_ref().map(|steps| steps.steps.as_slice()).unwrap_or_default();
    let line = |step: &types::analysis::Step| StepLine {
        what: view.sentence(&step.what),
        saves: crate::next_steps::saving(step, money),
    };
    let mail = Mail {
        cluster_id: scenario_words::plain(&analysis.cluster_id),
        window: scenario_words::window(analysis),
        synthetic: first_screen::synthetic(view),
        stance,
        color: if tone == "pays" { "#0a6b52" } else { "#16191f" },
        answer: Answer::new(view),
        warnings: crate::headline::warnings(view),
        figures: first_screen::figures(view),
        steps: steps.iter().take(MOST_STEPS).map(line).collect(),
        more_steps: match steps.len().saturating_sub(MOST_STEPS) {
            0 => String::new(),
            1 => "One more step stands on the page.".to_owned(),
            n => format!("{n} more steps stand on the page."),
        },
        basis: first_screen::basis(view),
        context,
        is_link: context.location.starts_with("https://") || context.location.starts_with("http://"),
    };
    Ok(mail.render()?)
}
