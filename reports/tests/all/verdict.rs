//! Page, summary, terminal and tables say what the verdict's data says, and the same.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use reports::csv_tables::SHEETS;
use reports::{Member, Money, Options, Standing};
use types::analysis::{
    Analysis, ConfidenceLevel, Doubt, Flip, Limit, LimitCheck, NextSteps, OfferPrices, TornadoBar, WorkOwed,
};
use types::wording;

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &Options::default()).unwrap()
}

/// Text of the elements of a class.
fn of_class(dom: &Dom, class: &str) -> Vec<String> {
    let of = dom.elements.iter().filter(|element| element.attribute("class") == Some(class));
    of.map(|element| element.text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn head(analysis: &Analysis) -> (Dom, String) {
    let dom = Dom::parse(&page(analysis));
    let said = ["demo", "question", "stance", "saves", "answers", "lead"]
        .map(|class| of_class(&dom, class))
        .concat()
        .join(" ");
    (dom, said)
}

#[test]
fn the_head_says_what_to_do_how_much_how_sure_and_what_next() {
    for (name, analysis, stance, says, sure, next) in [
        (
            "right-sizing",
            sample::right_sizing(),
            "Right-size requests and repack.",
            "with one spare m5a.large ready in each zone ($125 a month, already taken off the saving)",
            "How sure Medium: our simulation of today’s cluster is 2.3 % below your bill.",
            "Do first 1. Keep one spare m5a.large ready in each zone, so that new pods do not wait for a boot (costs $125 a month, already taken off the saving). 2. Lower the requests of five containers to what they use, which brings $5,569 of the saving; repacking brings the rest.",
        ),
        (
            "pool-wins",
            sample::pool_wins(),
            "Move to an elastic machine pool.",
            "one spare host in each zone ($2,225 a month, already taken off the saving)",
            "How sure Low: if the vendor’s fee is 35 %, not 20 %, another option saves more.",
            "Do first 1. Get the vendor’s fee in writing. 2. If confirmed, keep",
        ),
        (
            "nothing-pays",
            sample::nothing_pays(),
            "Stay as you are.",
            "Nothing saves more than 3 % of today's cost.",
            "How sure Medium: it stands on 336 hours",
            "Do first Delete two volumes that no pod mounted",
        ),
        (
            "limits-broken",
            sample::limits_broken(),
            "Stay as you are.",
            "It would hold with four spare m5a.large ready in each zone, for $1,210 a month.",
            "How sure Medium: 2.1 % of the hours are missing.",
            "Do first Decide whether",
        ),
        (
            "undecided",
            sample::undecided(),
            "No recommendation.",
            "Usage is missing for 8.3 % of the CPU or memory that pods use",
            "How sure Not enough data for an answer.",
            "",
        ),
    ] {
        let (_, said) = head(&analysis);
        let said = said.replace('\u{a0}', " ");
        for part in [stance, says, sure, next] {
            assert!(said.contains(part), "{name}: {part:?} is not in {said}");
        }
        assert!(!said.contains("limits.") && !said.contains("risk."), "{name}: a key in {said}");
    }
    let (_, said) = head(&sample::right_sizing());
    assert!(said.contains("pay here? No, it costs more than today."), "a pool that costs more saves nothing: {said}");
    assert!(said.contains("Risk Requests set too low starve pods"), "what can go wrong is said: {said}");
    assert!(said.contains("Warnings: 696 of 720 hours are synthetic, and 1 more."), "a warning is named: {said}");
    let synthetic = "Demo on synthetic data: do not act on these amounts.";
    assert!(said.replace('\u{a0}', " ").contains(synthetic), "{said}");
    assert!(
        said.replace('\u{a0}', " ").contains("Saves about $8,420 a month, $101,000 a year, 47 % of today’s cost."),
        "{said}"
    );
}

/// An analysis whose answer turns around at another value of an assumption: with what is saved there, and how much more that
/// is than as assumed, in USD a month.
fn sure_with(mut analysis: Analysis, (key, value): (&str, &str), then: Flip, [saving, change]: [f64; 2]) -> Analysis {
    let over_window = |monthly: f64| Some(monthly / analysis.window.months().unwrap());
    let breaks = LimitCheck {
        limit: Limit::OvertakenRuns,
        value: Some(0.000_303),
        allowed: 0.000_1,
        today: Some(0.0),
        holds: false,
        worst: None,
    };
    let bar = TornadoBar {
        key: key.to_owned(),
        value: value.to_owned(),
        saving_usd: over_window(saving),
        change_usd: over_window(change),
        holds_target: then != Flip::BreaksLimit,
        breaks: (then == Flip::BreaksLimit).then_some(breaks),
        turns_around: true,
    };
    analysis.what_if.as_mut().unwrap().tornado = vec![bar];
    let doubt = Doubt::FlipsWith { key: key.to_owned(), value: value.to_owned(), then };
    let confidence = analysis.verdict.confidence.as_mut().unwrap();
    (confidence.level, confidence.doubts) = (ConfidenceLevel::Low, vec![doubt]);
    analysis
}

#[test]
fn a_pool_that_stands_on_what_nobody_tried_is_to_be_tested_first() {
    let mut analysis =
        sure_with(sample::pool_wins(), ("emp.memory_model", "touched"), Flip::SavesTooLittle, [-500.0, -7_300.0]);
    analysis.next_steps = Some(NextSteps::of(&analysis, &OfferPrices::default()));
    let (_, said) = head(&analysis);
    let said = said.replace('\u{a0}', " ");
    for part in [
        "pay here? Only if a test confirms it.",
        "Test an elastic machine pool. Moving would save about $6,810 a month",
        "Do first 1. Test on one host for a week whether elastic VMs return page cache to the host. 2. If confirmed, keep one spare",
        "If not, repacking on EC2 with a tuned policy is next best.",
        "Risk If the test fails, the pool would cost more than today.",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    // What somebody must say, and no machine, leaves the headline as it is.
    let asked = sure_with(sample::pool_wins(), ("emp.fee_fraction", "0.35"), Flip::AnotherWins, [3_806.0, -3_000.0]);
    let (_, said) = head(&asked);
    assert!(
        said.contains("Yes, on these assumptions; confidence is low. Move to an elastic machine pool. Saves"),
        "{said}"
    );
}

#[test]
fn what_turns_the_answer_around_is_said_with_its_amounts() {
    const CACHE: (&str, &str) = ("emp.memory_model", "touched");
    let pool = sample::pool_wins;
    let bill = pool().verdict.amounts.unwrap().today_monthly_usd;
    let mut staying = sample::nothing_pays();
    staying.what_if.as_mut().unwrap().tornado_of = Some("emp".to_owned());
    let cases = [
        (
            sure_with(sample::right_sizing(), ("ec2.boot_seconds", "150"), Flip::BreaksLimit, [8_400.0, -17.0]),
            "Saving: high. Service: low: if a node takes 150 s to boot, 0.03 % of CronJob runs would start \
             after the next was due (the limit set here is 0.01 %).",
        ),
        (
            sure_with(pool(), CACHE, Flip::BreaksLimit, [bill * 0.12, -bill * 0.2]),
            "Low: if elastic VMs keep page cache instead of returning it to the host, this change still saves 12 % of today’s cost, but 0.03 % of CronJob runs",
        ),
        (
            sure_with(pool(), CACHE, Flip::SavesTooLittle, [bill * 0.012, -6_000.0]),
            "Low: if elastic VMs keep page cache instead of returning it to the host, this change would save 1.2 % of today’s cost, under the 3 % that a change \
             must save.",
        ),
        (
            sure_with(pool(), CACHE, Flip::SavesTooLittle, [bill * 0.0299, -6_000.0]),
            "this change would save 2.99 % of today’s cost, under the 3 % that",
        ),
        (
            sure_with(pool(), CACHE, Flip::SavesTooLittle, [bill * 0.05, -6_000.0]),
            "this change would save 5 % of today’s cost, within the model’s error.",
        ),
        (
            sure_with(pool(), CACHE, Flip::SavesTooLittle, [-500.0, -7_300.0]),
            "this change would cost $500 a month more than today.",
        ),
        (sure_with(pool(), CACHE, Flip::SavesTooLittle, [0.2, -6_800.0]), "this change would save nothing."),
        (
            sure_with(pool(), ("emp.fee_fraction", "0.35"), Flip::AnotherWins, [3_806.0, -3_000.0]),
            "not 20 %, repacking on EC2 with a tuned policy would save $947 a month more.",
        ),
        (
            sure_with(pool(), ("emp.fee_fraction", "0.35"), Flip::AnotherWins, [6_800.0, -6.0]),
            "not 20 %, another option saves more.",
        ),
        (
            sure_with(sample::right_sizing(), ("host_discount", "0.3"), Flip::AnotherWins, [9_000.0, 600.0]),
            "an elastic machine pool with right-sized requests would save $600 a month more.",
        ),
        (
            sure_with(staying, ("emp.fee_fraction", "0.1"), Flip::AnotherWins, [bill * 0.05, 900.0]),
            "an elastic machine pool with right-sized requests would save $888 a month (5 %).",
        ),
    ];
    for (analysis, expect) in cases {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, head) = head(&analysis);
        let texts = [head, reports::markdown(&analysis, &Money::default()), reports::summary(&analysis)];
        for text in texts.map(|text| one_line(&text)) {
            assert!(text.contains(expect), "{expect:?} is not in {text}");
        }
    }
    // Amounts are shown in the currency of the page.
    let costs = sure_with(pool(), CACHE, Flip::SavesTooLittle, [-500.0, -7_300.0]);
    let euro = Options::default().money(Money::try_new("EUR", 0.5).unwrap());
    assert!(reports::page(&costs, &euro).unwrap().contains("this change would cost €250 a month more"));
}

#[test]
fn colour_says_gain_or_loss_of_what_is_recommended() {
    for (name, analysis) in sample::decided() {
        let (dom, _) = head(&analysis);
        let classes: Vec<&str> = dom.elements.iter().filter_map(|element| element.attribute("class")).collect();
        let pays = classes.contains(&"verdict pays");
        let gains = classes.iter().filter(|class| **class == "figure gain").count();
        let changes = ["right-sizing", "pool-wins"].contains(&name);
        assert_eq!((pays, gains), (changes, usize::from(changes)), "{name}");
        assert!(!classes.contains(&"verdict loses") && !classes.contains(&"figure loss"), "{name}: red over no loss");
    }
}

#[test]
fn tiles_are_today_ec2_and_the_pool_in_this_order() {
    for (name, analysis, labels) in [
        (
            "right-sizing",
            sample::right_sizing(),
            ["Today, per month", "Recommended on EC2, per month", "Elastic machine pool, per month"],
        ),
        (
            "pool-wins",
            sample::pool_wins(),
            ["Today, per month", "Best on EC2, per month", "Recommended pool, per month"],
        ),
        (
            "nothing-pays",
            sample::nothing_pays(),
            ["Today (recommended: no change), per month", "Best on EC2, per month", "Elastic machine pool, per month"],
        ),
    ] {
        let dom = Dom::parse(&page(&analysis));
        let tiles = dom.named("dt").into_iter().take(3).map(|dt| dt.text.trim().to_owned());
        assert_eq!(tiles.collect::<Vec<_>>(), labels, "{name}");
    }
    let subs = |analysis: &Analysis| of_class(&Dom::parse(&page(analysis)), "sub")[..3].to_vec();
    let mut pool = sample::pool_wins();
    let [_, ec2, fee] = <[String; 3]>::try_from(subs(&pool)).unwrap();
    assert_eq!(fee, "tuned overcommit, with the vendor’s fee");
    assert_eq!(ec2, "repacking with a tuned policy: $4,754 less than today, $2,053 more than the pool");
    pool.plan.as_mut().unwrap().scenario = Some("emp-tuned".to_owned());
    assert_eq!(subs(&pool)[2], "assumes overcommit of 1.5× memory, 3× CPU; with the vendor’s fee");
    assert_eq!(subs(&sample::right_sizing())[2], "right-sized, with the vendor’s fee: $180 more than today");
    // The headline has the amount of what would save most.
    let little = subs(&sample::nothing_pays());
    assert_eq!(little[1].replace('\u{a0}', " "), "right-sizing requests: 1.2 % less than today");
    let values = of_class(&Dom::parse(&page(&sample::undecided())), "value");
    assert_eq!(values[1], "cannot be said", "no amount where nothing can be recommended");
    let analysis = sample::right_sizing();
    let amounts = analysis.verdict.amounts.as_ref().unwrap();
    let values = of_class(&Dom::parse(&page(&analysis)), "value");
    let tiles = [amounts.today_monthly_usd, amounts.monthly_usd].map(wording::usd);
    assert_eq!(values[..2], tiles);
    let year = wording::usd_about(amounts.saving_monthly_usd * 12.0);
    let year = format!(" a month, {} a year,", year.trim_start_matches("about "));
    assert!(page(&analysis).contains(&year), "{year}");
}

#[test]
fn no_amount_stands_twice_on_the_first_screen() {
    for (name, analysis) in sample::decided() {
        let (dom, _) = head(&analysis);
        let said = ["stance", "saves", "answers"].map(|class| of_class(&dom, class)).concat().join(" ");
        let tiles = dom.elements.iter().filter(|element| element.attribute("aria-label") == Some("Figures"));
        let tiles: String = tiles.map(|tiles| tiles.text.clone()).collect();
        let text = format!("{said} {tiles}");
        let mut amounts: Vec<String> = text
            .split('$')
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect::<String>())
            .map(|amount| amount.trim_end_matches(',').to_owned())
            .collect();
        let all = amounts.len();
        amounts.sort();
        amounts.dedup();
        assert_eq!(amounts.len(), all, "{name}: {text}");
    }
}

#[test]
fn scenarios_stand_beside_each_other_with_the_limits_they_break() {
    let dom = Dom::parse(&page(&sample::pool_wins()));
    let money = dom.section("money").unwrap().replace('\u{a0}', " ");
    for part in [
        "Every scenario by the same limits",
        "Tuning used the first 504 hours; costs and limits are of the last 168 hours.",
        "Late starts of services 2.1 %, limit 1 %, today 0.1 %",
        "; 1 more",
        "CPU short 0.104 %, limit 0.1 %, today 0.031 %",
        "Four spare m5a.large ready in each zone",
        "no, added to it",
        "None of the levels of headroom tried is enough",
        "checkout/checkout-api",
        "within all",
    ] {
        assert!(money.contains(part), "{part:?} is not in {money}");
    }
    let sure = dom.section("sure").unwrap().replace('\u{a0}', " ");
    assert!(sure.contains("Confidence is low: the recommendation may change."), "{sure}");
    assert!(sure.contains("Traffic between zones has no price."), "{sure}");
    assert!(!sure.contains("over the risk target") && !money.contains("over the risk target"));
}

#[test]
fn hosts_that_zones_force_are_said() {
    let text = page(&sample::right_sizing()).replace('\u{a0}', " ");
    assert!(text.contains("its three zones need three hosts, which stand 45 % full"), "{text}");
}

#[test]
fn commitments_and_moving_are_said_beside_the_saving() {
    let text = page(&sample::pool_wins());
    assert!(text.contains("$900 a month is for commitments that are paid until they expire"));
    assert!(
        text.contains("$2,140 once for running old and new side by side, which the saving has paid for after 12 days")
    );
}

#[test]
fn page_summary_and_terminal_say_the_same() {
    for (name, analysis) in sample::decided() {
        let text = wording::verdict(&analysis.verdict, "USD");
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let terminal = reports::summary(&analysis);
        assert!(one_line(&terminal).contains(&one_line(&text)), "{name}: {terminal}");
        let markdown = reports::markdown(&analysis, &Money::default());
        assert!(markdown.contains(&format!("**{text}**")), "{name}: {markdown}");
        let (_, said) = head(&analysis);
        assert!(said.contains(&one_line(&wording::grounds(&analysis.verdict, "USD"))), "{name}: {said}");
    }
}

#[test]
fn the_terminal_shows_what_is_recommended() {
    insta::assert_snapshot!("terminal_right_sizing", reports::summary(&sample::right_sizing()));
    insta::assert_snapshot!("terminal_limits_broken", reports::summary(&sample::limits_broken()));
}

#[test]
fn the_markdown_shows_what_was_judged() {
    insta::assert_snapshot!(reports::markdown(&sample::pool_wins(), &Money::default()));
}

#[test]
fn tables_hold_the_verdict() {
    let analysis = sample::pool_wins();
    let rows = |name: &str| -> Vec<csv::StringRecord> {
        let bytes = SHEETS.iter().find(|sheet| sheet.name == name).unwrap().csv(&analysis).unwrap();
        csv::Reader::from_reader(bytes.as_slice()).into_records().map(Result::unwrap).collect()
    };
    let verdict = rows("verdict");
    assert_eq!((verdict.len(), &verdict[0][0], &verdict[0][1]), (1, "emp-tuned", "saves_most"));
    assert_eq!(&verdict[0][14], "low");
    assert_eq!(rows("judged").len(), analysis.verdict.judged.len());
    let limits: usize = analysis.verdict.judged.iter().map(|judged| judged.limits.len()).sum();
    assert_eq!(rows("limits").len(), limits);
    let remedies = rows("remedies");
    assert_eq!((&remedies[0][1], &remedies[0][2], &remedies[2][2]), ("host_loss", "spare_hosts", "none_found"));
    assert_eq!(&remedies[2][4], "", "a price that is not known is empty");
    let doubts = rows("doubts");
    assert_eq!((&doubts[0][0], &doubts[0][2], &doubts[0][3]), ("flips_with", "emp.fee_fraction", "0.35"));
}

#[test]
fn what_today_is_over_itself_is_said_once_and_work_owed_stands_beside_its_scenario() {
    let mut analysis = sample::right_sizing();
    let said = "Today itself is over the limit on ";
    let [page, markdown] = both(&analysis);
    assert!(!page.contains(said) && !markdown.contains(said) && !page.contains("jobs not done by the end"));
    analysis.verdict.today_breaches = vec![sample::today_is_late()];
    let owed = WorkOwed { pod_hours: 120.0, core_hours: 240.0, gib_hours: 480.0, monthly_usd: Some(31.0) };
    analysis.verdict.judged[0].work_owed = Some(owed);
    // Less than a dollar says nothing.
    analysis.verdict.judged[1].work_owed = Some(WorkOwed { monthly_usd: Some(0.4), ..owed });
    let [page, markdown] = both(&analysis);
    assert_eq!((page.matches(said).count(), markdown.matches(said).count()), (1, 1));
    assert_eq!(page.to_lowercase().matches("jobs not done by the end cost $31 a month more").count(), 1, "{page}");
    let limits = SHEETS.iter().find(|sheet| sheet.name == "limits").unwrap().csv(&analysis).unwrap();
    let limits = csv::Reader::from_reader(limits.as_slice()).into_records().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!((&limits[0][0], &limits[0][1], &limits[0][3]), ("ec2-today-replayed", "late_batch", "0.021"));
}

/// The page, and the Markdown, with spaces that break.
fn both(analysis: &Analysis) -> [String; 2] {
    let texts = [page(analysis), reports::markdown(analysis, &Money::default())];
    texts.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_fleet_adds_up_what_is_recommended() {
    let members: Vec<Member> = sample::decided()
        .into_iter()
        .map(|(name, mut analysis)| {
            analysis.cluster_id = name.to_owned();
            Member { now: Standing::of(&analysis), earlier: Vec::new(), link: None }
        })
        .collect();
    let saved = |analysis: Analysis| analysis.verdict.amounts.unwrap().saving_monthly_usd;
    let sum = saved(sample::right_sizing()) + saved(sample::pool_wins());
    let page = reports::fleet(&members, &Money::default(), None).unwrap();
    assert!(
        page.contains(&format!("What is recommended saves {} a month on 2 of 5 clusters.", wording::usd(sum))),
        "{page}"
    );
    assert!(page.contains("low confidence") && page.contains("medium confidence"));
    assert!(page.contains("Right-size requests and repack"));
    assert!(!page.contains("figure loss"), "a pool that is not recommended is no loss");
    let total = page.split("class=\"total\"").nth(1).unwrap();
    assert!(total.contains(&format!("Saves {}", wording::usd(sum))) && total.contains("on 2 of 5 clusters"), "{total}");
    assert!(page.contains("As of 1 Jul 2025 (UTC).") && !page.contains("Made on"), "no day is made up");
    let made = reports::fleet(&members, &Money::default(), "2025-07-03".parse().ok()).unwrap();
    assert!(made.contains("Made on 3 Jul 2025 from hours until 1 Jul 2025 (UTC)."));
    let csv = String::from_utf8(reports::fleet_csv(&members).unwrap()).unwrap();
    assert!(csv.contains(",medium,") && csv.contains(",low,"), "{csv}");
}
