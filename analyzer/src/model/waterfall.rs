//! From today's cost to the recommended scenario's, by one path whose steps add up.

use types::NanoUsd;
use types::analysis::{ExactLines, Verdict, Waterfall, WaterfallStep};

use super::Conclusion;
use crate::scenarios::today;

/// Lines of a machine pool that EC2 alone does not have in this form.
const POOL_LINES: [&str; 3] = ["pool_network", "root_disks", "licences"];

/// The scenarios that a path leads over, and what changes on reaching each.
fn path(to: &str) -> &'static [(&'static str, &'static str)] {
    const BACK_TEST: (&str, &str) = ("ec2-today-replayed", "back_test");
    const REPACK: (&str, &str) = ("ec2-repacked", "repack");
    const RIGHT_SIZE: (&str, &str) = ("ec2-rightsized", "right_size");
    match to {
        "ec2-repacked" | "emp" | "emp-tuned" => &[BACK_TEST, REPACK],
        _ => &[BACK_TEST, REPACK, RIGHT_SIZE],
    }
}

/// The steps; `None` where a scenario of the path was not replayed or has no line in common with the others.
pub(crate) fn waterfall(conclusion: &Conclusion, today: &ExactLines, verdict: &Verdict) -> Option<Waterfall> {
    let chosen = verdict.recommendation.as_deref().filter(|id| *id != today::ID);
    let to = chosen.filter(|id| conclusion.scenario(id).is_some()).unwrap_or("emp");
    let end = conclusion.scenario(to)?;
    let mut rungs = Vec::new();
    for (id, what) in path(to) {
        rungs.push((*id, *what, &conclusion.scenario(id)?.lines));
    }
    let all: Vec<&ExactLines> = std::iter::once(today)
        .chain(rungs.iter().map(|(.., lines)| *lines))
        .chain(std::iter::once(&end.lines))
        .collect();
    let names: Vec<&'static str> = today
        .named()
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| all.iter().all(|lines| lines.line(name).is_some()))
        .collect();
    if names.is_empty() {
        return None;
    }
    let total = |lines: &ExactLines, of: &dyn Fn(&str) -> bool| -> NanoUsd {
        names.iter().filter(|name| of(name)).filter_map(|name| lines.line(name)).sum()
    };
    let everything = |_: &str| true;
    let step = |what: &str, scenario: Option<&str>, usd: NanoUsd| WaterfallStep {
        what: what.to_owned(),
        scenario: scenario.map(ToOwned::to_owned),
        usd: usd.usd(),
    };
    let (mut steps, mut reached) = (Vec::new(), today);
    for (id, what, lines) in rungs {
        steps.push(step(what, Some(id), total(lines, &everything) - total(reached, &everything)));
        reached = lines;
    }
    if to.starts_with("emp") {
        let change = |of: &dyn Fn(&str) -> bool| total(&end.lines, of) - total(reached, of);
        let pool = |name: &str| POOL_LINES.contains(&name);
        let rest = |name: &str| !pool(name) && name != "compute" && name != "fee";
        steps.push(step("overcommit", None, change(&|name| name == "compute")));
        steps.push(step("pool", None, change(&pool)));
        steps.push(step("leftovers", None, change(&rest)));
        steps.push(step("fee", Some(to), change(&|name| name == "fee")));
    }
    Some(Waterfall {
        from: today::ID.to_owned(),
        to: to.to_owned(),
        from_usd: total(today, &everything).usd(),
        to_usd: total(&end.lines, &everything).usd(),
        steps,
        lines: names.into_iter().map(ToOwned::to_owned).collect(),
    })
}
