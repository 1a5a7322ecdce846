use std::collections::BTreeSet;

use super::*;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

/// Every priced type of a region, estimates among them.
fn prices(catalog: &Catalog, region: &str) -> BTreeMap<&'static str, Listed<UsdPerHour>> {
    let names = catalog.on_demand.names();
    names.filter_map(|name| Some((name, catalog.on_demand(region, name)?))).collect()
}

#[test]
fn every_file_is_sorted_without_duplicates_and_small() {
    let mut bytes = 0;
    for (text, keys) in [
        (INSTANCE_TYPES, 1),
        (ON_DEMAND, 1),
        (ESTIMATES, 1),
        (SPOT_SAVINGS, 1),
        (COMMITMENT_DISCOUNTS, 1),
        (OTHER_PRICES, 1),
        (PRICE_CHANGES, 2),
        (EKS_VERSIONS, 1),
    ] {
        bytes += text.len();
        let key = |line: &str| line.split(',').take(keys).map(ToOwned::to_owned).collect::<Vec<_>>();
        let lines: Vec<_> = text.lines().skip(1).map(key).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{}", &text[..60]);
    }
    assert!(bytes < 500_000, "{bytes}");
}

#[test]
fn every_price_is_positive_and_of_a_known_kind_and_has_a_source() {
    let catalog = Catalog::read().unwrap();
    let kinds = BTreeSet::from([PriceKind::Observed, PriceKind::Derived, PriceKind::Estimated]);
    assert_eq!(catalog.regions().count(), 37);
    for region in catalog.regions() {
        let prices = prices(&catalog, region);
        assert!(prices.len() > 200, "{region}: {}", prices.len());
        for (name, listed) in prices {
            assert!(listed.price.usd_per_hour() > 0.0, "{region} {name}");
            assert!(kinds.contains(&listed.from.kind) && !listed.from.date.is_empty(), "{region} {name}");
            assert!(!listed.from.source.is_empty(), "{region} {name}");
        }
    }
    let mut cells = 0;
    for item in catalog.items() {
        for region in catalog.other.regions().filter(|region| catalog.other.cell(region, item).is_some()) {
            let listed = catalog.other(region, item).unwrap();
            assert!(listed.price > NanoUsd::ZERO && kinds.contains(&listed.from.kind), "{region} {item}");
            cells += 1;
        }
    }
    assert!(cells > 1_500, "{cells}");
    for region in catalog.spot.regions() {
        for name in catalog.spot.names().filter(|name| catalog.spot.cell(region, name).is_some()) {
            let saving = catalog.spot(region, name).unwrap().price.percent;
            assert!((-100..100).contains(&saving), "{region} {name}: {saving}");
            assert!(catalog.types.contains_key(name), "{name}");
        }
    }
}

#[test]
fn priced_types_without_a_shape_are_few_and_old() {
    let catalog = Catalog::read().unwrap();
    let unknown: BTreeSet<_> =
        catalog.on_demand.names().filter(|name| !catalog.types.contains_key(*name)).map(family).collect();
    let old = ["c6gn", "cc2", "cr1", "dl1", "f1", "g2", "g3", "g3s", "hs1", "i3", "i3p", "p2", "p3"];
    let large = ["u-12tb1", "u-18tb1", "u-24tb1", "u-9tb1"];
    assert_eq!(unknown, old.into_iter().chain(large).collect());
}

#[test]
fn metal_costs_what_the_vm_of_its_shape_costs_everywhere() {
    let catalog = Catalog::read().unwrap();
    let shape = |t: &InstanceType| (t.family().to_owned(), t.vcpu, t.memory_mib);
    let vms: BTreeMap<_, _> = catalog.types.values().filter(|t| !t.bare_metal).map(|t| (shape(t), t)).collect();
    let mut compared = 0;
    for region in catalog.regions().filter(|region| currency_of(region) == "USD") {
        for metal in catalog.types.values().filter(|t| t.bare_metal) {
            let Some(vm) = vms.get(&shape(metal)) else { continue };
            let price = |name: &str| catalog.on_demand(region, name).map(|listed| listed.price.usd_per_hour());
            let Some((a, b)) = price(&metal.name).zip(price(&vm.name)) else { continue };
            assert!(near(a, b, 1e-3), "{region} {} {}", metal.name, vm.name);
            compared += 1;
        }
    }
    assert!(compared > 1_500, "{compared}");
}

#[test]
fn prices_of_a_family_are_linear_in_size() {
    let catalog = Catalog::read().unwrap();
    // Bursting types sell memory by the size; c4.8xlarge and d2.8xlarge have 36 threads, g6f slices a GPU, x8i
    // ends dearer, sizes of hpc7g and u-6tb1 are one machine with fewer threads on, m1 is from 2006.
    let not_linear = ["t2", "t3", "t3a", "t4g", "t8i", "c4", "d2", "g6f", "x8i", "hpc7g", "u-6tb1", "m1"];
    let mut rates: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (name, listed) in prices(&catalog, BASE_REGION) {
        let Some(shape) = catalog.types.get(name) else { continue };
        if shape.accelerators == 0 && !not_linear.contains(&shape.family()) {
            let rate = listed.price.usd_per_hour() / f64::from(i32::try_from(shape.vcpu).unwrap());
            let (low, high) = rates.entry(shape.family()).or_insert((rate, rate));
            (*low, *high) = (low.min(rate), high.max(rate));
        }
    }
    assert!(rates.len() > 80, "{}", rates.len());
    for (family, (low, high)) in rates {
        assert!(near(low, high, 0.01), "{family}: {low} to {high} USD per vCPU-hour");
    }
}

#[test]
fn the_figures_everyone_quotes_are_there() {
    let catalog = Catalog::read().unwrap();
    let price = |region: &str, name: &str| catalog.on_demand(region, name).unwrap().price.usd_per_hour();
    assert_eq!((price(BASE_REGION, "m5.4xlarge"), price(BASE_REGION, "m5.metal")), (0.768, 4.608));
    let london = catalog.on_demand("eu-west-2", "m5.4xlarge").unwrap();
    assert_eq!((london.price.usd_per_hour(), london.from.kind), (0.888, PriceKind::Observed));
    let metal = &catalog.types["m5.metal"];
    assert_eq!((metal.vcpu, metal.memory_mib, metal.bare_metal), (96, 384 * 1024, true));
    assert_eq!((metal.family(), metal.size(), metal.arch.as_str()), ("m5", "metal", "amd64"));
}

#[test]
fn an_estimate_is_the_base_price_times_the_ratio_of_its_family() {
    let catalog = Catalog::read().unwrap();
    let base = catalog.on_demand(BASE_REGION, "c4.8xlarge").unwrap().price.usd_per_hour();
    let cape = catalog.on_demand("af-south-1", "c4.8xlarge").unwrap();
    let estimate = catalog.estimate("af-south-1", "c4").unwrap();
    assert!(near(cape.price.usd_per_hour(), base * estimate.ratio, 1e-6));
    assert_eq!((cape.from.kind, estimate.via_family.as_str()), (PriceKind::Estimated, "c5"));
}

#[test]
fn families_whose_ratios_tell_nothing_of_each_other_get_no_estimate() {
    let catalog = Catalog::read().unwrap();
    // inf1 once stood for inf2, 28 % off in London, and p2 for p5, 37 % off in Mumbai.
    for name in ["p5.48xlarge", "inf2.xlarge", "g6.xlarge", "t3a.large"] {
        let without: Vec<_> =
            catalog.regions().filter(|region| catalog.on_demand.cell(region, name).is_none()).collect();
        assert!(!without.is_empty(), "{name}");
        assert!(without.into_iter().all(|region| catalog.on_demand(region, name).is_none()), "{name}");
    }
}

#[test]
fn what_every_cluster_pays_is_there_in_nearly_every_region() {
    let catalog = Catalog::read().unwrap();
    // EBS of the newest regions is not known, and of China next to nothing.
    let no_ebs = ["ap-east-2", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "mx-central-1"];
    for region in catalog.regions().filter(|region| currency_of(region) == "USD") {
        for item in ["eks.control_plane", "eks.control_plane_extended", "eks.auto_mode_share", "fargate.vcpu"]
            .into_iter()
            .chain(["fargate.memory", "vpc.nat_gateway", "vpc.public_ipv4", "efs.standard"])
        {
            assert!(catalog.other(region, item).is_some(), "{region} {item}");
        }
        for item in ["ebs.gp2", "ebs.gp3", "ebs.gp3.iops_above_3000", "ebs.io1", "ebs.io1.iops", "ebs.io2"]
            .into_iter()
            .chain(["ebs.io2.iops_to_32000", "ebs.io2.iops_32000_to_64000", "ebs.io2.iops_above_64000"])
            .chain(["ebs.gp3.mib_per_second_above_125", "ebs.st1", "ebs.sc1", "ebs.snapshot"])
        {
            assert_eq!(catalog.other(region, item).is_some(), !no_ebs.contains(&region), "{region} {item}");
        }
    }
}

#[test]
fn nothing_listed_in_dollars_is_taken_for_yuan() {
    let catalog = Catalog::read().unwrap();
    for region in ["cn-north-1", "cn-northwest-1"] {
        assert_eq!(currency_of(region), "CNY");
        for item in ["eks.control_plane", "vpc.public_ipv4", "ec2.os.windows", "eks.hybrid_nodes.vcpu_hours_to_576000"]
        {
            assert_eq!(catalog.other(region, item), None, "{region} {item}");
        }
        assert_eq!(catalog.other(region, "eks.auto_mode_share").unwrap().price.usd(), 0.12);
    }
    // Karpenter's table for Beijing, in yuan.
    assert_eq!(catalog.on_demand("cn-north-1", "m5.xlarge").unwrap().price.usd_per_hour(), 2.026);
    assert_eq!(catalog.on_demand("cn-north-1", "m7i.xlarge"), None);
}

#[test]
fn a_price_that_changed_is_known_before_and_after() {
    let catalog = Catalog::read().unwrap();
    let earlier = catalog.earlier("eu-west-1", "p4d.24xlarge").unwrap();
    assert_eq!(catalog.on_demand("eu-west-1", "p4d.24xlarge").unwrap().price.usd_per_hour(), 23.71569);
    assert_eq!(earlier.before.price.usd_per_hour(), 35.3965);
    assert_eq!(earlier.until_seconds, 1_748_736_000); // 2025-06-01
    // Seen in us-east-1 only since: that it changed is known, what it was is not.
    assert_eq!(catalog.earlier(BASE_REGION, "p4d.24xlarge"), None);
    assert_eq!(catalog.changed(BASE_REGION, "p4d.24xlarge"), Some(1_748_736_000));
    // Seen only before the change: carried over by what us-east-2 shows of it, which saw both.
    let tokyo = catalog.on_demand("ap-northeast-1", "p5en.48xlarge").unwrap();
    assert_eq!(tokyo.from.kind, PriceKind::Derived);
    assert!(near(tokyo.price.usd_per_hour(), 106.0 * 63.296 / 84.8, 1e-4));
    let share = catalog.other_earlier("eu-west-1", "eks.auto_mode_share.g").unwrap();
    assert_eq!((share.before.price.usd(), share.until_seconds), (0.12, 1_782_864_000)); // 2026-07-01
    assert_eq!(catalog.other("eu-west-1", "eks.auto_mode_share.g").unwrap().price.usd(), 0.078);
    // Two lists that differ without a known change: the newer one holds, and there is no before.
    assert_eq!(catalog.earlier("eu-north-1", "r5b.large"), None);
    assert_eq!(catalog.sightings("eu-north-1", "r5b.large").len(), 2);
}

#[test]
fn metal_and_flex_of_spain_follow_the_cut_that_the_vms_show() {
    let catalog = Catalog::read().unwrap();
    let spain = |name: &str| catalog.on_demand("eu-south-2", name).unwrap();
    assert_eq!(spain("c7i.metal-48xl").price, spain("c7i.48xlarge").price);
    assert_eq!(spain("c7a.metal-48xl").price, spain("c7a.48xlarge").price);
    let flex = spain("c7i-flex.large");
    assert_eq!(flex.from.kind, PriceKind::Derived);
    assert!(near(flex.price.usd_per_hour(), 0.95 * spain("c7i.large").price.usd_per_hour(), 1e-3));
}

/// Numbers below a bound, always the same ones.
fn draw(seed: &mut u64, below: usize) -> usize {
    // Xorshift.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % u64::try_from(below).unwrap()).unwrap()
}

/// A table of facts as a spreadsheet would read it, without a line of the code under test: (region, name, cell).
fn facts(file: &str, keys: usize) -> Vec<(String, String, String)> {
    let path = format!("{}/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut cells = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        let filled = header.iter().zip(row.iter()).skip(keys).filter(|(_, cell)| !cell.is_empty());
        cells.extend(filled.map(|(region, cell)| (region.to_owned(), row[0].to_owned(), cell.to_owned())));
    }
    cells
}

/// The figure a reader of the facts would take: of what lists observed the newest, else what was derived newest.
fn newest_of(cell: &str, lists: &BTreeMap<String, (String, String)>) -> (f64, String) {
    let mut figures = Vec::new();
    for part in cell.split(' ') {
        let digits = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        for letter in part[digits..].chars() {
            let (date, kind) = &lists[&letter.to_string()];
            figures.push((kind == "observed", date.clone(), part[..digits].parse().unwrap(), kind.clone()));
        }
    }
    figures.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let (_, _, price, kind) = figures.pop().unwrap();
    (price, kind)
}

#[test]
fn two_hundred_facts_drawn_at_random_are_answered_as_they_stand() {
    let mut lists = BTreeMap::new();
    for row in csv::Reader::from_path(format!("{}/data/price_lists.csv", env!("CARGO_MANIFEST_DIR"))).unwrap().records()
    {
        let row = row.unwrap();
        lists.insert(row[0].to_owned(), (row[2].to_owned(), row[3].to_owned()));
    }
    let catalog = Catalog::read().unwrap();
    let (machines, items) = (facts("on_demand.csv", 1), facts("other_prices.csv", 2));
    assert!(machines.len() > 18_000 && items.len() > 1_500, "{} {}", machines.len(), items.len());
    let mut seed = 20_261_129;
    let (mut agreed, mut changed) = (0, 0);
    while agreed < 200 {
        let of_machines = draw(&mut seed, 10) < 7;
        let table = if of_machines { &machines } else { &items };
        let (region, name, cell) = &table[draw(&mut seed, table.len())];
        let (price, kind) = newest_of(cell, &lists);
        let (found, from) = if of_machines {
            let listed = catalog.on_demand(region, name).unwrap();
            (listed.price.usd_per_hour(), listed.from)
        } else {
            let listed = catalog.other(region, name).unwrap();
            (listed.price.usd(), listed.from)
        };
        // What was seen only before prices changed is carried over, which is no fact any more.
        if from.kind == PriceKind::Derived && kind == "observed" {
            changed += 1;
            assert!(changed < 5, "{region} {name}");
            continue;
        }
        assert!((found - price).abs() <= 1e-9, "{region} {name}: {found}, and the facts say {price}");
        agreed += 1;
    }
}

#[test]
fn discounts_for_commitments_are_answered_as_they_stand_and_are_plausible() {
    let catalog = Catalog::read().unwrap();
    let discount = |region, family, plan, term| catalog.commitment_discount(region, family, plan, term);
    let of = |plan, term| discount(BASE_REGION, "c5", plan, term).unwrap().price;
    assert_eq!((of(SavingsPlan::Compute, Term::OneYear), of(SavingsPlan::Compute, Term::ThreeYears)), (0.2755, 0.5175));
    assert_eq!(discount(BASE_REGION, "m99", SavingsPlan::Compute, Term::OneYear), None);
    assert_eq!(discount("cn-north-1", "c5", SavingsPlan::Compute, Term::OneYear), None);
    let cells = facts("commitment_discounts.csv", 1);
    assert!(cells.len() > 1_800, "{}", cells.len());
    for (region, family, cell) in cells {
        let all = [
            (SavingsPlan::Compute, Term::OneYear),
            (SavingsPlan::Compute, Term::ThreeYears),
            (SavingsPlan::Ec2Instance, Term::OneYear),
            (SavingsPlan::Ec2Instance, Term::ThreeYears),
        ];
        let found =
            all.map(|(plan, term)| catalog.commitment_discount(&region, &family, plan, term).map(|found| found.price));
        let expect: Vec<_> = cell.split(' ').map(|number| number.parse::<f64>().ok().map(|n| n / 10_000.0)).collect();
        assert_eq!(found[..], expect[..], "{region} {family}");
        assert!(found.iter().flatten().all(|share| (0.05..0.7).contains(share)), "{region} {family}: {found:?}");
        // A longer term and a narrower commitment save more.
        for (less, more) in [(0, 1), (2, 3), (0, 2), (1, 3)] {
            let pair = found[less].zip(found[more]);
            assert!(pair.is_none_or(|(less, more)| less <= more + 1e-9), "{region} {family}: {found:?}");
        }
    }
}
