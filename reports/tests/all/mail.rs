//! The HTML of a mail: what mail programs show and nothing else, with the answer in it.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use reports::{MailContext, Money, mail};

use crate::dom::Dom;
use crate::sample;

/// Elements that every mail program of note shows.
const SHOWN: [&str; 19] = [
    "html", "head", "meta", "title", "body", "div", "table", "tbody", "tr", "td", "th", "p", "h1", "h2", "strong",
    "span", "br", "bdi", "a",
];

fn context() -> MailContext {
    MailContext {
        location: "s3://bucket/reports/cluster=a/latest/index.html".to_owned(),
        notices: vec!["Over budget: namespace <payments> costs $2 a month at this rate; the budget is $1".to_owned()],
        attached: "The page is attached.".to_owned(),
    }
}

fn check(what: &str, analysis: &types::analysis::Analysis, context: &MailContext) -> String {
    let html = mail(analysis, &Money::native(&analysis.currency), context).unwrap();
    let dom = Dom::parse(&html);
    assert_eq!(dom.errors, Vec::<String>::new(), "{what}");
    for element in &dom.elements {
        assert!(SHOWN.contains(&element.name.as_str()), "{what}: <{}>", element.name);
        for (key, value) in &element.attributes {
            assert!(key != "class" && key != "id" && !key.starts_with("on"), "{what}: {key}");
            assert!(key != "style" || !value.contains("url("), "{what}: {value}");
            assert!(key != "href" || value.starts_with("https://"), "{what}: {value}");
        }
    }
    assert!(html.len() < 60_000, "{what}: {} bytes, and mail programs cut at about 100 kB", html.len());
    assert_eq!(html, mail(analysis, &Money::native(&analysis.currency), context).unwrap(), "{what}: the same bytes");
    dom.text()
}

#[test]
fn a_mail_has_the_answer_of_the_first_screen() {
    for (name, analysis) in sample::decided() {
        let text = check(name, &analysis, &context());
        for said in ["Does an elastic machine pool pay here?", "How sure", "The whole report", "namespace <payments>"] {
            assert!(text.contains(said), "{name}: no {said:?} in {text}");
        }
        assert!(text.contains(types::wording::stance(&analysis.verdict)), "{name}: {text}");
        assert!(text.contains("Warnings: 696 of 720 hours are synthetic, and 1 more."), "{name}: {text}");
        for step in analysis.next_steps.as_ref().unwrap().steps.iter().take(5) {
            assert!(text.contains(&step.what), "{name}: {step:?}");
            let expect = match step.kind {
                types::analysis::StepKind::AskDiscount => "if agreed",
                types::analysis::StepKind::HoldLimits => "if decided",
                _ => "",
            };
            assert!(text.contains(expect), "{name}: {step:?} in {text}");
        }
    }
}

#[test]
fn hostile_names_are_text_in_a_mail() {
    for (n, name) in sample::HOSTILE.into_iter().enumerate() {
        let mut analysis = sample::right_sizing();
        analysis.cluster_id = name.to_owned();
        analysis.region = Some(name.to_owned());
        for step in &mut analysis.next_steps.as_mut().unwrap().steps {
            step.what = name.to_owned();
        }
        let context = MailContext { location: format!("https://x/{name}\"onclick=1"), ..context() };
        check(&format!("hostile {n}"), &analysis, &context);
    }
    let older = sample::believable();
    check("older", &older, &context());
    check("empty", &sample::empty(), &context());
}
