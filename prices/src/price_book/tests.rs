//! The layers of the book: which price wins, and what is rejected.

use super::*;
use crate::machine_kind::OperatingSystem;

fn book(text: &str) -> PriceBook {
    PriceBook::catalog().unwrap().with_user_toml(text).unwrap()
}

fn rejected(text: &str, expect: &str) {
    let error = PriceBook::catalog().unwrap().with_user_toml(text).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let message = format!("{error}: {source}");
    assert!(message.contains(expect), "{message}");
}

fn row(rest: &str) -> String {
    format!("[[node]]\ninstance_type = \"m5.4xlarge\"\n{rest}")
}

#[test]
fn a_missing_price_is_none_and_never_a_default() {
    let book = PriceBook::catalog().unwrap();
    assert_eq!(book.node("m5.4xlarge", CapacityType::OnDemand, "mars-1"), None);
    assert_eq!(book.node("m99.large", CapacityType::OnDemand, "us-east-1"), None);
    assert_eq!(book.volume("gp9", "us-east-1"), None);
    assert_eq!(book.other("fargate.memory", "mars-1"), None);
    assert_eq!(book.volume("gp3", "ap-southeast-7"), None);
}

#[test]
fn spot_is_the_list_price_less_the_typical_saving_and_says_estimated() {
    let book = PriceBook::catalog().unwrap();
    let list = book.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
    let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
    let saving = f64::from(book.spot_saving("m5.4xlarge", "us-east-1").unwrap().percent) / 100.0;
    assert!((spot.price.usd_per_hour() - list.price.usd_per_hour() * (1.0 - saving)).abs() < 1e-9);
    assert_eq!((list.origin.kind, spot.origin.kind), (PriceKind::Observed, PriceKind::Estimated));
}

#[test]
fn the_users_price_wins_and_the_one_for_the_region_first() {
    let book = book(&[row("usd_per_hour = 0.6"), row("region = \"us-east-1\"\nusd_per_hour = 0.5")].join("\n"));
    let price = |region| book.node("m5.4xlarge", CapacityType::OnDemand, region).unwrap();
    assert_eq!((price("us-east-1").price.usd_per_hour(), price("mars-1").price.usd_per_hour()), (0.5, 0.6));
    assert_eq!(price("us-east-1").origin.kind, PriceKind::User);
    let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
    assert_eq!(spot.origin.kind, PriceKind::Estimated);
}

#[test]
fn a_price_in_another_unit_is_rejected_with_both_numbers() {
    rejected(&row("usd_per_hour = 560.0"), "is 560 USD, and the list says");
    rejected(&row("region = \"us-east-1\"\nusd_per_hour = 0.1"), "is 0.1 USD, and the list says 0.768 USD per hour");
    rejected(&row("usd_per_hour = 99999.0"), "99999 USD per hour is not a price");
    rejected(&row("usd_per_hour = nan"), "is not a price");
    rejected(&row("usd_per_month = 560.0"), "usd_per_month");
    rejected(&[row("usd_per_hour = 0.6"), row("usd_per_hour = 0.7")].join("\n"), "twice");
    rejected("[[node]]\nusd_per_hour = 1.0", "names nothing");
    rejected("[[node]]\nnode_group = \"ours\"\nusd_per_hour = 560.0", "a monthly figure?");
    rejected("[[licence]]\nname = \"agent\"\nusd_per_node_hour = 30.0", "monthly figure");
    rejected("[[item]]\nitem = \"vpc.nat\"\nusd_per_unit = 0.1", "known are data.cross_az");
    rejected("[discount]\nedp_fraction = 8.0", "expected a fraction");
    rejected("[discounts]\nedp_fraction = 0.08", "discounts");
    rejected("[control_plane]\nusd_per_hour = 73.0", "the list says 0.1 USD per hour");
    rejected("[[volume]]\nvolume_type = \"gp3\"\nusd_per_gib_month = 8.0", "per GiB-month");
    let unusual = book(&row("usd_per_hour = 0.1\nunusual = true"));
    let price = unusual.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
    assert_eq!(price.price.usd_per_hour(), 0.1);
    book("[control_plane]\nusd_per_hour = 0.6");
    book("[[node]]\ninstance_type = \"ours.large\"\nusd_per_hour = 7.0");
}

#[test]
fn lists_are_named_with_the_span_of_their_dates() {
    let book = PriceBook::catalog().unwrap();
    let origins: Vec<_> = ["eu-west-1", "us-west-2", "us-east-1"]
        .into_iter()
        .flat_map(|region| ["m5.large", "r5.large", "c6i.large"].map(|t| (t, region)))
        .filter_map(|(t, region)| Some(book.node(t, CapacityType::OnDemand, region)?.origin))
        .collect();
    let lists = book.lists(&origins);
    assert!(lists.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(lists.iter().all(|list| list.oldest <= list.newest && list.sha256.len() == 64));
}

#[test]
fn the_most_particular_row_wins() {
    let text = "[[node]]\ninstance_type = \"m5.large\"\nusd_per_hour = 0.09
[[node]]\nnode_group = \"batch\"\nusd_per_hour = 0.08
[[node]]\nnode = \"ip-1\"\nusd_per_hour = 0.07
[[licence]]\nname = \"agent\"\nusd_per_node_hour = 0.01\nnode_group = \"batch\"";
    let book = book(text);
    let price = |group: Option<&str>, node: Option<&str>| {
        let kind = MachineKind {
            node_group: group.map(ToOwned::to_owned),
            node: node.map(ToOwned::to_owned),
            ..MachineKind::new("m5.large", CapacityType::OnDemand, "us-east-1")
        };
        let rate = book.rate(&kind).unwrap();
        assert_eq!(rate.list.unwrap().usd_per_hour(), 0.096);
        rate.contracted.price.usd_per_hour()
    };
    assert_eq!(price(None, None), 0.09);
    assert_eq!(price(Some("batch"), None), 0.08);
    assert_eq!(price(Some("batch"), Some("ip-1")), 0.07);
    assert_eq!(book.licences(Some("m5.large"), Some("batch")).len(), 1);
    assert_eq!(book.licences(Some("m5.large"), None).len(), 0);
}

#[test]
fn a_discount_on_everything_leaves_the_users_own_prices_alone() {
    let book = book("[discount]\nedp_fraction = 0.1\n[[node]]\ninstance_type = \"m5.large\"\nusd_per_hour = 0.09");
    let of = |name: &str| book.rate(&MachineKind::new(name, CapacityType::OnDemand, "us-east-1")).unwrap();
    assert_eq!(of("m5.large").contracted.price.usd_per_hour(), 0.09);
    let rate = of("m5.4xlarge");
    assert_eq!((rate.list.unwrap().usd_per_hour(), rate.contracted.price.usd_per_hour()), (0.768, 0.6912));
    assert_eq!(book.other("ebs.gp3", "us-east-1").unwrap().price.usd(), 0.072);
    assert_eq!(book.auto_mode_share("m5", "us-east-1").unwrap().now.price.usd(), 0.12);
}

#[test]
fn spot_by_the_users_fraction_is_his_price() {
    let book = book(
        "[[spot]]\nfraction_of_on_demand = 0.5\n[[spot]]\ninstance_type = \"m5.large\"\nfraction_of_on_demand = 0.25",
    );
    let of = |name: &str| book.node(name, CapacityType::Spot, "us-east-1").unwrap();
    assert_eq!((of("m5.large").price.usd_per_hour(), of("m5.4xlarge").price.usd_per_hour()), (0.024, 0.384));
    assert_eq!(of("m5.large").origin.kind, PriceKind::User);
}

#[test]
fn an_imported_price_wins_over_the_catalog_and_says_so() {
    let row = ListPrice {
        kind: "ec2".into(),
        region: "us-east-1".into(),
        name: "m5.large".into(),
        plan: String::new(),
        usd: "0.0990000000".into(),
        unit: "hour".into(),
        date: "2026-07-01".into(),
        source: "AWS price list AmazonEC2".into(),
        currency: "USD".into(),
        effective: String::new(),
    };
    let text = String::from_utf8(write_list([row.clone(), row]).unwrap()).unwrap();
    assert_eq!(text.lines().count(), 2);
    let book = PriceBook::catalog().unwrap().with_list(&text).unwrap();
    let unit = book.node("m5.large", CapacityType::OnDemand, "us-east-1").unwrap();
    assert_eq!((unit.price.usd_per_hour(), unit.origin.layer), (0.099, PriceLayer::Imported));
    let other = book.node("m5.xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
    assert_eq!(other.origin.layer, PriceLayer::Catalog);
    assert_eq!(book.every_list("m5.large", "us-east-1").len(), 2);
    assert!(PriceBook::catalog().unwrap().with_list("a,b\n1,2\n").is_err());
}

#[test]
fn bare_metal_has_a_discount_of_its_own_and_hosts_are_those_that_are_named() {
    let text = "[discount]\nedp_fraction = 0.1\n[bare_metal]\ndiscount_fraction = 0.25\nhosts = [\"m5.metal\"]";
    let own = book(text);
    let of = |book: &PriceBook, name: &str| {
        let rate = book.rate(&MachineKind::new(name, CapacityType::OnDemand, "us-east-1")).unwrap();
        rate.contracted.price.usd_per_hour() / rate.list.unwrap().usd_per_hour()
    };
    assert!((of(&own, "m5.metal") - 0.75).abs() < 1e-6);
    assert!((of(&own, "m5.4xlarge") - 0.9).abs() < 1e-6);
    assert!(own.is_host("m5.metal") && !own.is_host("c5.metal"));
    let none = book("[discount]\nedp_fraction = 0.1\n[bare_metal]\nhosts = []");
    assert!((of(&none, "m5.metal") - 0.9).abs() < 1e-6);
    assert!(none.is_host("c5.metal"));
    rejected("[bare_metal]\ndiscount_fraction = 8.0", "expected a fraction");
    rejected("[bare_metal]\nhosts = [\"m5.large\"]", "`m5.large` is no bare metal");
    rejected("[bare_metal]\nedp_fraction = 0.1", "edp_fraction");
}

#[test]
fn a_discount_on_everything_does_not_cut_what_the_user_says_spot_costs() {
    let book =
        book("[discount]\nedp_fraction = 0.1\n[[spot]]\ninstance_type = \"m5.large\"\nfraction_of_on_demand = 0.5");
    let spot = |name: &str| book.node(name, CapacityType::Spot, "us-east-1").unwrap().price.usd_per_hour();
    assert_eq!(spot("m5.large"), 0.048);
    // Without such a row it is the typical saving off the list, and the discount comes off too.
    let saving = f64::from(book.spot_saving("m5.4xlarge", "us-east-1").unwrap().percent) / 100.0;
    assert!((spot("m5.4xlarge") - 0.768 * (1.0 - saving) * 0.9).abs() < 1e-9);
}

#[test]
fn the_licence_of_rhel_is_taken_by_the_vcpu_in_three_steps_and_that_of_suse_is_not_known() {
    let book = book("");
    let of = |name: &str, os, capacity_type| {
        book.list(&MachineKind { os, ..MachineKind::new(name, capacity_type, "eu-west-1") })
            .map(|price| price.price.usd_per_hour())
    };
    for (name, vcpu, licence) in
        [("m5.large", 2.0, 0.0144), ("m5.4xlarge", 16.0, 0.0108), ("m7a.32xlarge", 128.0, 0.0096)]
    {
        let linux = of(name, OperatingSystem::Linux, CapacityType::OnDemand).unwrap();
        let rhel = of(name, OperatingSystem::Rhel, CapacityType::OnDemand).unwrap();
        assert!((rhel - linux - vcpu * licence).abs() < 1e-9, "{name}: {rhel} and {linux}");
    }
    assert_eq!(of("m5.large", OperatingSystem::Rhel, CapacityType::Spot), None);
    assert_eq!(of("m5.large", OperatingSystem::Suse, CapacityType::OnDemand), None);
}

#[test]
fn the_image_of_a_node_tells_whose_licence_it_needs() {
    for (image, os) in [
        ("Amazon Linux 2023.8.20250808", OperatingSystem::Linux),
        ("Red Hat Enterprise Linux 9.4 (Plow)", OperatingSystem::Rhel),
        ("Red Hat Enterprise Linux CoreOS 415.92.202402201450-0 (Plow)", OperatingSystem::Linux),
        ("SUSE Linux Enterprise Server 15 SP5", OperatingSystem::Suse),
        ("openSUSE Leap 15.6", OperatingSystem::Linux),
        ("Windows Server 2022 Datacenter", OperatingSystem::Windows),
        ("", OperatingSystem::Linux),
    ] {
        assert_eq!(OperatingSystem::of_image(image), os, "{image}");
    }
}

#[test]
fn a_provisioned_control_plane_costs_its_tier_on_top_and_where_that_is_not_listed_nothing_is_known() {
    let book = book("[control_plane]\ntier = \"xl\"");
    let hour = |region, extended| book.control_plane(region, extended).map(|price| price.price.usd());
    assert_eq!(hour("us-east-1", false), Some(1.75));
    assert_eq!(hour("us-east-1", true), Some(2.25));
    assert_eq!(hour("eu-west-1", false), None);
    rejected("[control_plane]\ntier = \"huge\"", "expected one of 2xl, 4xl, 8xl, xl");
    rejected("[control_plane]\ntier = \"xl\"\nusd_per_hour = 0.1", "or `tier` alone");
    rejected("[control_plane]", "give `usd_per_hour`");
}

#[test]
fn surplus_credits_of_windows_have_a_price_of_their_own() {
    let book = book("");
    let of = |family, os| book.surplus_credits(family, os, "eu-west-1").map(|price| price.price.usd());
    assert_eq!(of("t3", OperatingSystem::Linux), Some(0.05));
    assert_eq!(of("t4g", OperatingSystem::Linux), Some(0.04));
    assert_eq!(of("t3", OperatingSystem::Windows), Some(0.096));
    assert_eq!(of("m5", OperatingSystem::Linux), None);
}

/// A price-list file with these rows: kind, region, name, price, date.
fn list(rows: &[[&str; 5]]) -> String {
    let row = |[kind, region, name, usd, date]: &[&str; 5]| {
        let currency = if region.starts_with("cn-") { "CNY" } else { "USD" };
        format!("{kind},{region},{name},,{usd},hour,{date},made up,{currency}\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("kind,region,name,plan,usd,unit,date,source,currency\n{rows}")
}

fn with_list(rows: &[[&str; 5]]) -> PriceBook {
    PriceBook::catalog().unwrap().with_list(&list(rows)).unwrap()
}

#[test]
fn what_costs_nothing_less_or_no_number_is_no_price_of_a_list() {
    for usd in ["0", "0.0000000000", "-0.1", "NaN", "inf", "", "1e9", "0,192"] {
        let text = list(&[["ec2", "us-east-1", "m5.large", usd, "2026-07-01"]]);
        let text = text.replace("0,192", "\"0,192\"");
        let error = PriceBook::catalog().unwrap().with_list(&text).unwrap_err().to_string();
        assert!(error.contains("`m5.large` in `us-east-1`") && error.contains("not a price"), "{usd}: {error}");
    }
}

#[test]
fn of_two_rows_for_one_thing_the_newer_holds_whatever_their_order() {
    let old = ["ec2", "us-east-1", "m5.large", "0.1", "2025-01-01"];
    let new = ["ec2", "us-east-1", "m5.large", "0.097", "2026-07-01T00:00:00Z"];
    for rows in [[old, new], [new, old]] {
        let price = with_list(&rows).node("m5.large", CapacityType::OnDemand, "us-east-1").unwrap().price;
        assert_eq!(price.usd_per_hour(), 0.097);
    }
    // Of one date none is better than the other, unless they agree.
    let other = ["ec2", "us-east-1", "m5.large", "0.2", "2025-01-01"];
    let error = PriceBook::catalog().unwrap().with_list(&list(&[old, other])).unwrap_err().to_string();
    assert!(error.contains("is 0.1 in one row and 0.2 in another"), "{error}");
    with_list(&[old, old]);
}

#[test]
fn a_list_that_mixes_currencies_is_refused_where_it_is_wrong() {
    let yuan = ["ec2", "cn-north-1", "m5.large", "1.0", "2026-07-01"];
    let book = with_list(&[yuan, ["ec2", "us-east-1", "m5.large", "0.1", "2026-07-01"]]);
    let of = |region| book.node("m5.large", CapacityType::OnDemand, region).unwrap().price.usd_per_hour();
    assert_eq!((of("cn-north-1"), of("us-east-1")), (1.0, 0.1));
    let text = list(&[yuan]).replace("CNY", "USD");
    assert!(PriceBook::catalog().unwrap().with_list(&text).unwrap_err().to_string().contains("in CNY"));
}

#[test]
fn a_list_with_licences_prices_what_the_catalog_does_not_know() {
    let day = "2026-07-01";
    let book = with_list(&[
        ["ec2-suse", "us-east-1", "m5.xlarge", "0.248", day],
        ["ec2-rhel", "cn-north-1", "m5.xlarge", "3.1", day],
        ["ec2-windows", "us-east-1", "t2.large", "0.1208", day],
    ]);
    let of = |os, name, region| {
        let machine = MachineKind { os, ..MachineKind::new(name, CapacityType::OnDemand, region) };
        book.rate(&machine).map(|rate| rate.contracted.price.usd_per_hour())
    };
    assert_eq!(of(OperatingSystem::Suse, "m5.xlarge", "us-east-1"), Some(0.248));
    assert_eq!(of(OperatingSystem::Rhel, "m5.xlarge", "cn-north-1"), Some(3.1));
    assert_eq!(of(OperatingSystem::Windows, "t2.large", "us-east-1"), Some(0.1208));
    assert_eq!(of(OperatingSystem::Suse, "m5.2xlarge", "us-east-1"), None);
    assert_eq!(of(OperatingSystem::Linux, "m5.xlarge", "us-east-1"), Some(0.192));
    let spot =
        MachineKind { os: OperatingSystem::Suse, ..MachineKind::new("m5.xlarge", CapacityType::Spot, "us-east-1") };
    assert_eq!(book.rate(&spot), None);
}

#[test]
fn a_place_and_a_type_newer_than_the_catalog_have_the_price_of_a_list_and_no_other() {
    let book = with_list(&[
        ["ec2", "ap-southeast-8", "m5.large", "0.123", "2026-07-01"],
        ["ec2", "us-east-1", "m99i.large", "0.2", "2026-07-01"],
    ]);
    let of = |name, region| book.node(name, CapacityType::OnDemand, region).map(|price| price.price.usd_per_hour());
    assert_eq!((of("m5.large", "ap-southeast-8"), of("m5.xlarge", "ap-southeast-8")), (Some(0.123), None));
    assert_eq!((of("m99i.large", "us-east-1"), of("m99i.xlarge", "us-east-1")), (Some(0.2), None));
    // Of EBS there nothing is known, and what costs the same everywhere is.
    assert_eq!(book.volume("gp3", "ap-southeast-8"), None);
    assert!(book.control_plane("ap-southeast-8", false).is_some());
    // A licence goes by the vCPU, and of a new type nobody knows how many it has.
    let rhel = MachineKind {
        os: OperatingSystem::Rhel,
        ..MachineKind::new("m99i.large", CapacityType::OnDemand, "us-east-1")
    };
    assert_eq!(book.rate(&rhel), None);
}

#[test]
fn govcloud_is_in_dollars_with_prices_of_its_own() {
    let book = PriceBook::catalog().unwrap();
    assert_eq!(PriceBook::currency("us-gov-west-1"), "USD");
    let of = |region| book.node("m5.xlarge", CapacityType::OnDemand, region).unwrap();
    assert_eq!(
        (of("us-gov-west-1").price.usd_per_hour(), of("us-gov-west-1").origin.kind),
        (0.242, PriceKind::Observed)
    );
}

#[test]
fn a_plan_takes_nothing_off_a_licence() {
    let plan =
        "[[commitment]]\nname = \"any\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 5.0\ndiscount_fraction = 0.25";
    let book = book(plan);
    let commitment = &book.commitments()[0];
    let rate = |os| {
        let machine = MachineKind { os, ..MachineKind::new("m5.xlarge", CapacityType::OnDemand, "us-east-1") };
        let list = book.rate(&machine).unwrap().list;
        book.committed_rate(commitment, &machine, list).map(types::UsdPerHour::usd_per_hour)
    };
    // 0.192 x 0.75, and 4 x 0.0144 or 4 x 0.046 in full.
    assert_eq!(rate(OperatingSystem::Linux), Some(0.144));
    assert_eq!(rate(OperatingSystem::Rhel), Some(0.2016));
    assert_eq!(rate(OperatingSystem::Windows), Some(0.328));
    let reserved = plan.replace("compute-savings-plan", "reserved-instances");
    let reserved = self::book(&format!("{reserved}\nfamily = \"m5\"\nregion = \"us-east-1\""));
    let rhel =
        MachineKind { os: OperatingSystem::Rhel, ..MachineKind::new("m5.xlarge", CapacityType::OnDemand, "us-east-1") };
    let list = reserved.rate(&rhel).unwrap().list;
    assert_eq!(reserved.committed_rate(&reserved.commitments()[0], &rhel, list), None);
}

#[test]
fn a_plan_of_three_years_goes_by_its_own_rates() {
    let book = PriceBook::catalog().unwrap();
    let discount = |plan, term| book.commitment_discount("us-east-1", "m5", plan, term).unwrap().price;
    for plan in [catalog::SavingsPlan::Compute, catalog::SavingsPlan::Ec2Instance] {
        assert!(discount(plan, catalog::Term::ThreeYears) > discount(plan, catalog::Term::OneYear) + 0.1);
    }
    let plan = "[[commitment]]\nname = \"three\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 1.0\nterm = \"3yr\"\npayment = \"No Upfront\"";
    let rates = "kind,region,name,plan,usd,unit,date,source,currency\n\
                 savings-plan,us-east-1,m5.large,compute-savings-plan/1yr/No Upfront,0.07,hour,2026-07-01,made up,USD\n\
                 savings-plan,us-east-1,m5.large,compute-savings-plan/3yr/No Upfront,0.048,hour,2026-07-01,made up,USD\n";
    let book = book.with_list(rates).unwrap().with_user_toml(plan).unwrap();
    let machine = MachineKind::new("m5.large", CapacityType::OnDemand, "us-east-1");
    let list = book.rate(&machine).unwrap().list;
    let rate = book.committed_rate(&book.commitments()[0], &machine, list).unwrap();
    assert_eq!(rate.usd_per_hour(), 0.048);
}
