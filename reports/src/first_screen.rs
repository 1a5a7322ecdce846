//! The first screen, from the verdict's data: whether a pool pays and what to do instead, what it comes to, how sure it
//! is, and what next.

use types::analysis::{ConfidenceLevel, Judged, Mend, Reason, ScenarioId, Step, StepKind, StrandedMonth, saves_most};
use types::wording::{self, AssumptionTest};

use crate::confidence_words;
use crate::key_figure::KeyFigure;
use crate::number_format;
use crate::page_view::View;
use crate::scenario_words::{self, TODAY};

/// Answer around the verdict.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `true` when a pool pays, in a word or two.
    pub(crate) reply: &'static str,
    /// Saving of the recommended change a month and a year; or what would be there, and at which price.
    pub(crate) saves: String,
    /// Confidence and the gravest doubt, as a sentence.
    pub(crate) sure: String,
    /// Next step, as a sentence; empty where the verdict says it.
    pub(crate) next: String,
    /// Saving of the steps beside the recommended change, as a sentence; empty without any.
    pub(crate) beside: String,
    /// `true` when a change is recommended, on top of which those steps come.
    pub(crate) changes: bool,
    /// What can go wrong with what is recommended, as a sentence; empty where nothing is.
    pub(crate) risk: String,
    /// The section that helps with it, without `#`; empty for none.
    pub(crate) place: &'static str,
}

impl Answer {
    /// The answer; `None` for an analysis that predates the verdict's data.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let reason = analysis.verdict.reason?;
        let saves = saves(analysis);
        // To the dollar, where the saving above is rounded.
        let exact = analysis.verdict.amounts.as_ref().map(|amounts| analysis.usd(amounts.saving_monthly_usd));
        let said = format!("{saves} {} ", exact.unwrap_or_default());
        let (next, place) = next(analysis, reason, &said);
        let beside = analysis.next_steps.as_ref().map_or(0.0, |steps| steps.beside_monthly_usd);
        Some(Self {
            reply: reply(analysis, reason),
            sure: sure(analysis, reason),
            next,
            beside: beside_in_words(analysis, beside),
            changes: change(analysis),
            risk: risk(analysis),
            saves,
            place,
        })
    }
}

/// Returns true when a change is recommended.
fn change(analysis: &View<'_>) -> bool {
    analysis.verdict.recommended().is_some_and(ScenarioId::is_change)
}

/// Says what the steps beside the recommended change save; empty for nothing.
fn beside_in_words(analysis: &View<'_>, usd: f64) -> String {
    if usd < 1.0 {
        return String::new();
    }
    let largest = analysis.next_steps.iter().flat_map(|steps| steps.beside()).next();
    let largest = largest.map(|step| lowered(step.what.split_once(", ").map_or(&step.what, |(first, _)| first)));
    let largest = largest.map(|what| format!(", the largest: {what}")).unwrap_or_default();
    let by = if change(analysis) { "Another {} a month saved by other steps" } else { "{} a month saved" };
    scenario_words::plain(&format!("{}{largest}.", by.replace("{}", &analysis.usd(usd))))
}

/// Says what can go wrong: that the saving turns into a loss, and what to be careful about.
fn risk(analysis: &View<'_>) -> String {
    let confidence = analysis.verdict.confidence.as_ref();
    let loss = confidence.map_or("", |confidence| confidence_words::turns_into_loss(confidence, analysis));
    [loss, &care(analysis)].join(" ").trim().to_owned()
}

/// The first sentence of what to be careful about in the largest step of the recommended change.
fn care(analysis: &View<'_>) -> String {
    let steps = analysis.next_steps.iter().flat_map(|steps| steps.of_recommended());
    let careful = steps.filter(|step| {
        !matches!(step.kind, StepKind::KeepReady | StepKind::TestAssumption) && !step.caution.is_empty()
    });
    let amount = |step: &&Step| step.saving_monthly_usd.unwrap_or_default();
    let Some(step) = careful.max_by(|a, b| amount(a).total_cmp(&amount(b))) else { return staying(analysis) };
    let first = step.caution.split_once(". ").map_or(step.caution.as_str(), |(first, _)| first);
    format!("{}.", analysis.sentence(first.trim_end_matches('.')))
}

/// What can go wrong where nothing is to be changed.
fn staying(analysis: &View<'_>) -> String {
    if analysis.verdict.recommendation.as_deref() == Some(TODAY) {
        "Staying adds no risk; look again when the load, prices or commitments change.".to_owned()
    } else {
        String::new()
    }
}

/// The colour of the stance and what it says: a change that saves is a gain, and staying is no loss.
pub(crate) fn stance(analysis: &View<'_>) -> (&'static str, String) {
    let verdict = &analysis.verdict;
    let gains = verdict.amounts.as_ref().is_some_and(|amounts| amounts.saving_monthly_usd > 0.0);
    (if gains { "pays" } else { "open" }, format!("{}.", wording::stance(verdict)))
}

/// Answer where no pool was replayed: no pod can move to one, or no host has a price.
const NOT_COMPARED: &str = "None could be compared.";

/// Returns true when an elastic machine pool pays.
fn reply(analysis: &View<'_>, reason: Reason) -> &'static str {
    match (reason, analysis.verdict.recommended()) {
        (Reason::SavesMost | Reason::ChangesLess, Some(id)) if id.is_emp() => {
            let level = analysis.verdict.confidence.as_ref().map(|confidence| confidence.level);
            match level {
                _ if AssumptionTest::must_be_tried(&analysis.verdict) => "Only if a test confirms it.",
                Some(ConfidenceLevel::Low) => "Yes, on these assumptions; confidence is low.",
                _ => "Yes.",
            }
        }
        (Reason::SavesMost | Reason::ChangesLess, Some(_)) => match analysis.verdict.best_pool() {
            Some(pool) if pool.saving_monthly_usd <= -wording::WORTH_SAYING => "No, it costs more than today.",
            Some(_) => "No, something else saves more.",
            None => NOT_COMPARED,
        },
        (Reason::NothingSaves | Reason::SavesTooLittle | Reason::LimitsBroken, _)
            if analysis.verdict.best_pool().is_none() =>
        {
            NOT_COMPARED
        }
        (Reason::NothingSaves | Reason::SavesTooLittle, _) => "No.",
        (Reason::LimitsBroken, _) => match analysis.verdict.best_pool() {
            Some(pool) if pool.saving_monthly_usd > 0.0 => "Not within the limits.",
            _ => "No.",
        },
        (Reason::NoPods, _) => "Nothing ran, so nothing can be compared.",
        _ => "It cannot be said yet.",
    }
}

/// Says how sure it is, in every case: high, medium or low with the one reason, or that the data is not enough.
fn sure(analysis: &View<'_>, reason: Reason) -> String {
    match (&analysis.verdict.confidence, reason) {
        (
            _,
            Reason::WindowTooShort | Reason::UsageMissing | Reason::Unpriced | Reason::NotReplayed | Reason::NoPods,
        ) => "Not enough data for an answer.".to_owned(),
        (Some(confidence), _) => analysis.sentence(&confidence_words::how_sure(confidence, Some(analysis))),
        (None, _) => String::new(),
    }
}

/// Says that nearly all hours are synthetic and what that means, as a sentence; empty where enough was measured.
pub(crate) fn synthetic(analysis: &View<'_>) -> String {
    let hours = analysis.window.hours_present;
    let synthetic = crate::cluster_summary::synthetic_hours(analysis);
    let measured = hours.saturating_sub(synthetic);
    // Where a tenth was measured, it is those hours too that the answer stands on.
    if synthetic == 0 || measured.saturating_mul(10) >= hours && measured > 0 {
        return String::new();
    }
    "Demo on synthetic data: do not act on these amounts.".to_owned()
}

/// An amount a month, and twelve of it, both rounded: `about $10,300` and `$124,000`.
fn month_and_year(analysis: &View<'_>, monthly_usd: f64) -> [String; 2] {
    let [month, year] = [1.0, types::MONTHS_PER_YEAR].map(|months| analysis.about(monthly_usd * months));
    // Said of both at once.
    let amount = year.strip_prefix("about ").filter(|_| month.starts_with("about ")).map(str::to_owned);
    [month, amount.unwrap_or(year)]
}

/// The recommended change's saving a month and a year.
fn saves(analysis: &View<'_>) -> String {
    let verdict = &analysis.verdict;
    let change = verdict.recommended().filter(|id| id.is_change());
    if let Some(amounts) = verdict.amounts.as_ref().filter(|_| change.is_some()) {
        let must_be_tried = change.is_some_and(ScenarioId::is_emp) && AssumptionTest::must_be_tried(verdict);
        let month = amounts.saving_monthly_usd;
        let verb = match month {
            month if month < 0.0 => "Costs",
            _ if must_be_tried => "Moving would save",
            _ => "Saves",
        };
        let more = if month < 0.0 { " more" } else { "" };
        let share = amounts.saving_fraction.filter(|_| month > 0.0).map(wording::percent_brief);
        // Beside the longer verb the line has no room for more.
        let share = share.map(|share| match must_be_tried {
            true => format!(" ({share})"),
            false => format!(", {share} of today’s cost"),
        });
        let share = share.unwrap_or_default();
        let [month, year] = month_and_year(analysis, month.abs());
        return format!("{verb} {month} a month{more}, {year} a year{share}.");
    }
    if matches!(verdict.reason, Some(Reason::NothingSaves | Reason::SavesTooLittle)) {
        return nothing_to_save(analysis);
    }
    match analysis.verdict.mend() {
        Some(mend) => mended(analysis, &mend),
        None => rejected(analysis).unwrap_or_default(),
    }
}

/// Says how much there is to save where that is nothing, or too little to change anything for.
fn nothing_to_save(analysis: &View<'_>) -> String {
    let within = analysis.verdict.changes().filter(|judged| judged.holds);
    match saves_most(within).map(|judged| judged.saving_monthly_usd) {
        Some(most) if most >= 1.0 => {
            format!("At most {} a month could be saved, too little to change anything for.", analysis.usd(most))
        }
        _ => "There is nothing to save by changing machines or requests.".to_owned(),
    }
}

/// Says what would be saved most and the first limit that keeps it from being recommended: the reader decides
/// whether the limit suits these workloads. `None` where it is not limits that keep everything as it is.
fn rejected(analysis: &View<'_>) -> Option<String> {
    let (best, broken) = analysis.verdict.largest_rejected()?;
    let broken = broken.first()?;
    let [month, year] = month_and_year(analysis, best.saving_monthly_usd);
    (best.saving_monthly_usd >= 1.0).then(|| {
        scenario_words::plain(&format!(
            "{} would save {month} a month, {year} a year, but {}.",
            scenario_words::sentence(wording::scenario(best.scenario)),
            wording::breach(broken)
        ))
    })
}

/// Says what would be saved with what mends the limits, at its price.
fn mended(analysis: &View<'_>, mend: &Mend<'_>) -> String {
    let what: Vec<String> =
        mend.remedies.iter().map(|remedy| wording::remedy(&remedy.what, mend.judged.scenario)).collect();
    let [month, year] = month_and_year(analysis, mend.net_monthly_usd);
    scenario_words::plain(&format!(
        "{} would save {month} a month, {year} a year, with {} (the price is already counted).",
        scenario_words::sentence(wording::scenario(mend.judged.scenario)),
        what.join(" and "),
    ))
}

/// The first steps, numbered where they are several, with the amount of the first that saves unless it was said before.
fn first(analysis: &View<'_>, said: &str) -> Option<String> {
    let steps = analysis.next_steps.as_ref()?;
    let saved = |step: &Step| step.saving_monthly_usd.filter(|usd| *usd > 0.0).map(|usd| analysis.usd(usd));
    let amount = |step: &Step| {
        let usd = saved(step).filter(|usd| !said.contains(&format!("{usd} ")));
        usd.map(|usd| format!(", which saves {usd} a month")).unwrap_or_default()
    };
    let mut of_recommended = steps.of_recommended().peekable();
    let test = of_recommended.next_if(|step| step.kind == StepKind::TestAssumption);
    let mut texts = Vec::new();
    match of_recommended.next() {
        Some(step) if step.kind == StepKind::KeepReady => {
            let price = step.saving_monthly_usd.filter(|usd| *usd < 0.0).map(|usd| analysis.usd(-usd));
            let price = price.map(|usd| format!(" (costs {usd} a month, already taken off the saving)"));
            texts.push(format!("{}{}", without_types(&step.what), price.unwrap_or_default()));
            texts.extend(of_recommended.next().map(|then| {
                let rest = match of_recommended.next().map(|rest| rest.kind) {
                    Some(StepKind::Pack) => "; repacking brings the rest",
                    Some(_) => "; later steps bring the rest",
                    None => "",
                };
                let part = saved(then).map(|usd| format!(", which brings {usd} of the saving{rest}"));
                format!("{}{}{}", on_page(then), part.unwrap_or_default(), costs_until_later(analysis, then))
            }));
        }
        Some(step) => texts.push(format!("{}{}{}", on_page(step), amount(step), costs_until_later(analysis, step))),
        None => {
            // A contract comes after what makes the bill smaller.
            let is_contract = |step: &&Step| step.kind == StepKind::BuyCommitment;
            let step = steps.beside().find(|step| !is_contract(step));
            texts.push(match step.or_else(|| steps.beside().next()) {
                Some(step) => format!("{}{}", step.what, amount(step)),
                None => {
                    steps.asked().next()?;
                    "Nothing now. Discounts to ask for are among the steps".to_owned()
                }
            });
        }
    }
    if let Some(test) = test {
        // What comes later, if it comes at all, stands with the steps.
        texts.truncate(1);
        if let Some(then) = texts.first_mut() {
            *then = format!("If confirmed, {}", lowered(then));
        }
        texts.insert(0, test.what.clone());
    }
    let fallback = test.and_then(|_| instead(analysis)).unwrap_or_default();
    Some(analysis.sentence(&format!("{}{fallback}", numbered(&texts))))
}

/// Sentences in their order, with numbers where there are several.
fn numbered(texts: &[String]) -> String {
    match texts {
        [one] => format!("{one}."),
        several => {
            let sentences = (1..).zip(several).map(|(n, text): (u32, &String)| format!("{n}. {text}."));
            sentences.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Says what is next best where a pool is recommended and a test of it fails; `None` where that is to stay.
fn instead(analysis: &View<'_>) -> Option<String> {
    let verdict = &analysis.verdict;
    verdict.recommended().filter(|id| id.is_emp())?;
    let rival = verdict.best_on_ec2().filter(|ec2| ec2.holds && ec2.saving_monthly_usd >= 1.0)?;
    Some(format!(" If not, {} is next best.", wording::scenario(rival.scenario).trim_end_matches(',')))
}

/// A step without the types in brackets, which stand with the steps.
fn without_types(text: &str) -> String {
    let (mut short, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(" (") {
        short.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    short + rest
}

/// A step where the page has said which pool that is.
fn on_page(step: &Step) -> String {
    step.what.replace("to the elastic machine pool", "to the pool")
}

/// Price of a wave that costs more than it saves until the next ones fill its hosts, how long that is, and what the whole move
/// costs; empty for a step that costs nothing.
fn costs_until_later(analysis: &View<'_>, step: &Step) -> String {
    /// Weeks that a wave takes, for which old machines run beside the new ones.
    const WEEKS: u32 = 2;
    let price = step.saving_monthly_usd.filter(|usd| *usd < 0.0).map(|usd| analysis.usd(-usd));
    let until = match paying_wave(analysis) {
        Some(n) => {
            let later = wording::count(n.saturating_sub(1).saturating_mul(WEEKS));
            format!("until wave {n}, {later} weeks later")
        }
        None => "until later waves are finished".to_owned(),
    };
    let price = price.map(|usd| format!("costs {usd} a month more than today {until}"));
    let once = analysis.verdict.amounts.as_ref().and_then(|amounts| amounts.transition_usd);
    let once = once.filter(|usd| step.kind == StepKind::MoveToPool && *usd >= wording::WORTH_SAYING);
    let once = once.map(|usd| analysis.usd(usd));
    match (price, once) {
        (Some(price), Some(once)) => format!(" ({price}; running old and new side by side costs {once} in all)"),
        (Some(price), None) => format!(" ({price})"),
        (None, Some(once)) => format!(" (running old and new side by side costs {once} in all)"),
        (None, None) => String::new(),
    }
}

/// Number of the first wave by which what has moved saves something.
fn paying_wave(analysis: &View<'_>) -> Option<u32> {
    let waves = analysis.plan.iter().flat_map(|plan| &plan.waves);
    (1..).zip(waves).find(|(_, wave)| wave.saving_usd.is_some_and(|usd| usd > 0.0)).map(|(n, _)| n)
}

/// A sentence as it goes on after another.
fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn next(analysis: &View<'_>, reason: Reason, said: &str) -> (String, &'static str) {
    let verdict = &analysis.verdict;
    let judged = if verdict.judged.is_empty() { "" } else { "judged" };
    // Where a step says what to decide on, in dollars, it is the step that helps.
    let in_steps = analysis.next_steps.iter().any(|steps| steps.of_limits().next().is_some());
    let decide = if in_steps { "steps" } else { judged };
    let (text, place) = match (reason, verdict.recommended()) {
        (Reason::LimitsBroken, _) if verdict.mend().is_some() => {
            ("Decide whether what would mend the limit is worth its price.", decide)
        }
        (Reason::LimitsBroken, _) => ("See which limits break, and whether they suit these workloads.", decide),
        (Reason::SavesMost | Reason::ChangesLess | Reason::NothingSaves | Reason::SavesTooLittle, recommended) => {
            if let Some(first) = first(analysis, said) {
                return (first, "steps");
            }
            match recommended {
                Some(id) if id.is_emp() && analysis.plan.is_some() => {
                    ("Follow the plan, one wave at a time, and shrink the node groups after each.", "plan")
                }
                Some(id) if id.is_change() => ("See what the recommended scenario changes.", judged),
                _ => ("Nothing now; run the analysis again when the load or the prices have changed.", ""),
            }
        }
        _ => ("", ""),
    };
    (text.to_owned(), place)
}

/// Today, EC2 and the elastic machine pool, always in this order: of the latter two what is recommended, else the best.
pub(crate) fn figures(analysis: &View<'_>) -> Vec<KeyFigure> {
    let verdict = &analysis.verdict;
    let mut figures = vec![today(analysis, verdict.recommendation.as_deref() == Some(TODAY))];
    // Where nothing can be recommended, no other amount can be relied on.
    if verdict.recommendation.is_some() {
        figures.extend(verdict.best_on_ec2().map(|judged| on_ec2(analysis, judged)));
        figures.extend(verdict.best_pool().map(|judged| pool(analysis, judged)));
    }
    if figures.len() == 1 {
        figures.push(KeyFigure {
            label: "Recommended, per month",
            value: "cannot be said".to_owned(),
            sub: String::new(),
            class: "absent",
            badge: "",
        });
    }
    figures
}

/// Compares a scenario with today, in words that need no sign; as a share where the amount was said.
fn against_today(analysis: &View<'_>, judged: &Judged, said: &str) -> String {
    let saved = judged.saving_monthly_usd;
    let usd = analysis.usd(saved.abs());
    let share = judged.saving_fraction.map(|share| wording::percent_brief(share.abs()));
    let amount = share.filter(|_| said.contains(&format!("{usd} "))).unwrap_or(usd);
    match saved {
        saved if saved >= 1.0 => format!("{amount} less than today"),
        saved if saved <= -1.0 => format!("{amount} more than today"),
        _ => "the same cost as today".to_owned(),
    }
}

/// Says that a cost has the vendor's fee in it.
const WITH_FEE: &str = "with the vendor’s fee";

/// The name of a pool beside a figure that is called after pools, and that the fee is in it.
fn with_fee(name: &str) -> String {
    let how = name.strip_prefix("Elastic machine pool").unwrap_or(name).trim_start_matches(", ");
    if how.is_empty() { WITH_FEE.to_owned() } else { format!("{how}, {WITH_FEE}") }
}

/// Overcommit of the pool that is recommended, in its ratios where they are known; that the fee is in its cost.
fn pool_sub(analysis: &View<'_>, id: ScenarioId) -> String {
    let plan = analysis.plan.as_ref().filter(|plan| plan.scenario.as_deref() == Some(id.as_str()));
    let ratios = plan.and_then(|plan| plan.memory_overcommit.zip(plan.cpu_overcommit));
    match ratios {
        Some((memory, cpu)) => {
            let (memory, cpu) = (number_format::quantity(memory), number_format::quantity(cpu));
            format!("assumes overcommit of {memory}× memory, {cpu}× CPU; {WITH_FEE}")
        }
        None if id == ScenarioId::EmpTuned => format!("tuned overcommit, {WITH_FEE}"),
        None => format!("Elastic machine pool, {WITH_FEE}"),
    }
}

fn today(analysis: &View<'_>, is_recommended: bool) -> KeyFigure {
    let monthly = scenario_words::today_monthly(analysis);
    KeyFigure {
        label: if is_recommended { "Today (recommended: no change), per month" } else { "Today, per month" },
        value: analysis.money.show_or_unknown(monthly),
        sub: if monthly.is_some() { ec2_as_it_ran(analysis) } else { "its compute has no price".to_owned() },
        class: if monthly.is_some() { "" } else { "absent" },
        badge: "",
    }
}

/// Says at which prices EC2 ran, where its compute has a list price.
fn ec2_as_it_ran(analysis: &View<'_>) -> String {
    /// Share of the list price that is no discount.
    const LEAST: f64 = 0.001;
    let compute = scenario_words::scenario(analysis, TODAY).and_then(|today| today.compute_cost.as_ref());
    let list = compute.and_then(|compute| Some((compute, compute.list_usd.filter(|list| *list > 0.0)?)));
    match list.map(|(compute, list)| 1.0 - compute.effective_usd / list) {
        None => "EC2 as it ran".to_owned(),
        Some(off) if off > LEAST => {
            let by = match list {
                Some((compute, _)) if compute.effective_usd >= compute.contracted_usd => "",
                Some((compute, list)) if compute.contracted_usd >= list => " by commitments",
                _ => " by your prices and commitments",
            };
            format!("EC2 as it ran, {} under list prices{by}", wording::percent_brief(off))
        }
        Some(off) if off < -LEAST => format!("EC2 as it ran, {} over list prices", wording::percent_brief(-off)),
        Some(_) => "EC2 as it ran, at list prices".to_owned(),
    }
}

/// What is recommended, with its exact amounts.
fn recommended(analysis: &View<'_>, label: &'static str, judged: &Judged, sub: String) -> KeyFigure {
    let amounts = analysis.verdict.amounts.as_ref();
    let saving = amounts.map_or(judged.saving_monthly_usd, |amounts| amounts.saving_monthly_usd);
    let class = if saving >= 0.0 { "gain" } else { "loss" };
    let monthly = amounts.map_or(judged.monthly_usd, |amounts| amounts.monthly_usd);
    KeyFigure { label, value: analysis.usd(monthly), sub, class, badge: "" }
}

fn other(analysis: &View<'_>, label: &'static str, judged: &Judged, sub: String) -> KeyFigure {
    let badge = if judged.holds { "" } else { "breaks a limit" };
    KeyFigure { label, value: analysis.usd(judged.monthly_usd), sub, class: "", badge }
}

/// The tile of a scenario on EC2; beside a pool that is recommended with what EC2 costs more.
fn on_ec2(analysis: &View<'_>, judged: &Judged) -> KeyFigure {
    let verdict = &analysis.verdict;
    if verdict.recommended() == Some(judged.scenario) {
        let name = scenario_words::plain(&scenario_words::scenario_name(analysis, judged.scenario));
        return recommended(analysis, "Recommended on EC2, per month", judged, name);
    }
    let pool = verdict.recommended().filter(|id| id.is_emp()).and_then(|id| verdict.judged(id));
    let more = pool.map(|pool| judged.monthly_usd - pool.monthly_usd).filter(|more| *more >= wording::WORTH_SAYING);
    let more = more.map(|more| format!(", {} more than the pool", analysis.usd(more))).unwrap_or_default();
    let how = wording::scenario(judged.scenario).replace(" on EC2", "");
    let sub = format!("{how}: {}{more}", against_today(analysis, judged, &saves(analysis)));
    other(analysis, "Best on EC2, per month", judged, sub)
}

/// The tile of a pool, with its overcommit where it is recommended and what it costs more for where it is not.
fn pool(analysis: &View<'_>, judged: &Judged) -> KeyFigure {
    if analysis.verdict.recommended() == Some(judged.scenario) {
        let sub = pool_sub(analysis, judged.scenario);
        let label = match AssumptionTest::must_be_tried(&analysis.verdict) {
            true => "Pool to be tested, per month",
            false => "Recommended pool, per month",
        };
        return recommended(analysis, label, judged, sub);
    }
    let name = scenario_words::plain(&scenario_words::scenario_name(analysis, judged.scenario));
    let compared = against_today(analysis, judged, &saves(analysis));
    let most =
        if judged.saving_monthly_usd <= -wording::WORTH_SAYING { most_of_it(analysis, judged.scenario) } else { None };
    let most = most.map(|what| format!(", most of it for {what}")).unwrap_or_default();
    let sub = format!("{}: {compared}{most}", with_fee(&name));
    other(analysis, "Elastic machine pool, per month", judged, sub)
}

/// What more than half of a pool's cost beyond today's is for; `None` where it is no single thing.
fn most_of_it(analysis: &View<'_>, id: ScenarioId) -> Option<&'static str> {
    let today = &scenario_words::scenario(analysis, TODAY)?.cost_usd;
    let pool = &scenario_words::scenario(analysis, id.as_str())?.cost_usd;
    let more = |before: Option<f64>, after: Option<f64>| after.unwrap_or_default() - before.unwrap_or_default();
    let all = pool.total? - today.total?;
    let lines = [
        ("bare-metal hosts", more(today.compute, pool.compute)),
        ("spare hosts", more(today.spare_hosts, pool.spare_hosts)),
        ("commitments that are left unused", more(today.unused_commitments, pool.unused_commitments)),
    ];
    lines.into_iter().find(|(_, usd)| *usd > all / 2.0 && all > 0.0).map(|(what, _)| what)
}

/// Says what the figures are measured on.
pub(crate) fn basis(analysis: &View<'_>) -> String {
    let window = scenario_words::window(analysis).replacen(" to ", " and ", 1);
    let hours = match analysis.verdict.reported_hours {
        0 => format!("scaled from {}", number_format::hours(analysis.window.hours_present)),
        n => format!(
            "scaled from the last {} of {}",
            number_format::count(n),
            number_format::hours(analysis.window.hours_present)
        ),
    };
    format!(
        "Per month of 730 hours, {hours} between {window}; {}. {}",
        scenario_words::prices(analysis),
        scenario_words::ROUNDED
    )
}

/// Lists what a reader must know of the amounts: lines compared, commitments, running old and new side by side.
pub(crate) fn caveats(analysis: &View<'_>) -> Vec<String> {
    let Some(amounts) = &analysis.verdict.amounts else { return Vec::new() };
    let mut caveats = Vec::new();
    let lines: Vec<String> = amounts.lines.iter().map(|line| scenario_words::cost_line(line)).collect();
    if !lines.is_empty() {
        caveats.push(format!("Compared are {}, the lines priced on both sides.", scenario_words::list(&lines)));
    }
    if amounts.stranded_monthly_usd > 0.0 {
        caveats.push(format!(
            "Of the recommended cost {} a month is for commitments that are paid until they expire{}; after that the saving is \
             {} a month.",
            analysis.usd(amounts.stranded_monthly_usd),
            until_expiry(analysis, &amounts.stranded_by_month),
            analysis.usd(amounts.saving_after_commitments_monthly_usd)
        ));
    }
    caveats.extend(amounts.after_expiries.iter().map(|after| {
        format!(
            "From {} on, without {}, the saving is {} a month.",
            after.from,
            scenario_words::list(&after.commitments),
            analysis.usd(after.saving_monthly_usd)
        )
    }));
    if let Some(once) = amounts.transition_usd.filter(|usd| *usd > 0.0) {
        let payback = amounts.payback_days.map(|days| format!(", which the saving has paid for after {}", span(days)));
        caveats.push(format!(
            "Moving costs {} once for running old and new side by side{}.",
            analysis.usd(once),
            payback.unwrap_or_default()
        ));
    }
    caveats
}

/// Says what stays to be paid in all and until when, as a clause: `, $4,100 until 2026-12`.
fn until_expiry(analysis: &View<'_>, months: &[StrandedMonth]) -> String {
    let all: f64 = months.iter().map(|month| month.usd).sum();
    let until = months
        .last()
        .map(|last| format!(", {} until {}", analysis.usd(all), crate::scenario_words::plain(&last.month)));
    until.unwrap_or_default()
}

/// Days in words: less than one is not counted in hundredths.
pub(crate) fn span(days: f64) -> String {
    match days {
        days if days < 1.0 => "less than a day".to_owned(),
        days if days.ceil() < 2.0 => "one day".to_owned(),
        days => format!("{} days", number_format::grouped(days.ceil(), 0)),
    }
}
