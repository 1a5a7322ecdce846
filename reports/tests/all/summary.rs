//! The summary a terminal shows.

use crate::sample;

use types::analysis::Analysis;

#[test]
fn says_what_is_paid_and_what_is_saved() {
    insta::assert_snapshot!(reports::summary(&sample::believable()), @r#"
    Cluster   shop-production in us-east-1
    Window    1 Jun 2025 to 1 Jul 2025 (UTC)
    Coverage  720 of 720 hours: 696 synthetic and 24 from a real Prometheus

                                                    a month   a year, about
    Today (partial)                                 $17,523        $210,000
    With EMP, vendor's arithmetic (partial)         $11,684        $140,000
    Saving (on nominal sizes only)                   $5,839         $70,100  33.3 %

    By the vendor's published ratios, moving 31 of 44 nodes to elastic VMs on two m5.metal
    hosts would have cost about a quarter less than today, after the fee; your own peaks
    have not been replayed yet.
    "#);
}

#[test]
fn says_when_it_does_not_pay() {
    insta::assert_snapshot!(reports::summary(&sample::losing()), @r#"
    Cluster   shop-production in us-east-1
    Window    1 Jun 2025 to 1 Jul 2025 (UTC)
    Coverage  720 of 720 hours: 696 synthetic and 24 from a real Prometheus

                                                    a month   a year, about
    Today (partial)                                 $17,523        $210,000
    With EMP, vendor's arithmetic (partial)         $18,682        $224,000
    Saving (it does not pay)                        −$1,160        −$13,900  −6.6 %

    Moving to elastic VMs would have cost more than today: the cluster is too small to fill
    a host in each zone.
    "#);
}

#[test]
fn says_when_it_cannot_be_said() {
    insta::assert_snapshot!(reports::summary(&sample::empty()), @r#"
    Cluster   shop-production
    Window    1 Jun 2025 to 1 Jul 2025 (UTC)
    Coverage  0 of 720 hours

                                                    a month   a year, about
    Today (partial)                               not known       not known
    With EMP, vendor's arithmetic (partial)       not known       not known
    Saving                                   cannot be said  cannot be said

    It cannot be said whether an elastic machine pool pays: nothing in this window could be
    priced.
    "#);
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut analysis = sample::believable();
    analysis.cluster_id = "shop\u{1b}[2J\u{202e}\nTotal $0".to_owned();
    let summary = reports::summary(&analysis);
    assert_eq!(summary.lines().next(), Some("Cluster   shop\u{fffd}[2J\u{fffd}\u{fffd}Total $0 in us-east-1"));
}

#[test]
fn amounts_of_a_region_of_china_are_in_yuan_everywhere() {
    for mut analysis in [sample::believable(), sample::losing(), sample::right_sizing(), sample::pool_wins()] {
        let dollars = reports::summary(&analysis);
        analysis.currency = "CNY".to_owned();
        let yuan = reports::summary(&analysis);
        assert!(dollars.contains('$'), "{dollars}");
        assert!(!yuan.contains('$') && yuan.contains("CNY"), "{yuan}");
    }
}

#[test]
fn a_saving_on_nominal_sizes_alone_is_marked_in_markdown_too() {
    let markdown = |analysis: Analysis| reports::markdown(&analysis, &reports::Money::default());
    let marked = "(33.3\u{a0}%), on nominal sizes only |";
    let arithmetic = markdown(sample::believable());
    assert!(arithmetic.contains(marked), "{arithmetic}");
    // What was replayed is no arithmetic.
    assert!(!markdown(sample::full()).contains("nominal sizes only"));
}

#[test]
fn a_key_between_backticks_is_code_on_a_page_and_in_markdown() {
    let analysis = sample::pool_wins();
    let page = reports::page(&analysis, &reports::Options::default()).unwrap();
    assert!(page.contains("then <code>emp.fee_fraction</code> in the assumptions"));
    // A reason why something has no price too.
    assert!(page.contains("add <code>node.kubernetes.io/instance-type</code> to the labels"));
    let markdown = reports::markdown(&analysis, &reports::Money::default());
    assert!(markdown.contains("then `emp.fee_fraction` in the assumptions"), "{markdown}");
}
