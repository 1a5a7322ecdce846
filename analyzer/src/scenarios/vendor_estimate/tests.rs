use super::*;
use crate::sums::hour_facts::SlotTotals;
use crate::sums::node_billing::NodeRow;
use crate::sums::window_totals::Observed;
use types::{ComputeType, Hour};

fn kind(instance_type: &str) -> NodeKind {
    NodeKind {
        instance_type: Some(instance_type.to_owned()),
        instance_type_source: "label".to_owned(),
        capacity_type: Some("on-demand".to_owned()),
        compute_type: ComputeType::Ec2,
        arch: Some("amd64".to_owned()),
        os: Some("linux".to_owned()),
        region: Some("us-east-1".to_owned()),
        emp_owned: false,
    }
}

fn node(n: usize, instance_type: &str, zone: &str, span: (i64, i64)) -> NodeRow {
    NodeRow {
        name: format!("node-{n}"),
        provider_id: String::new(),
        kind: kind(instance_type),
        zone: Some(zone.to_owned()),
        cpu_capacity_millicores: None,
        memory_capacity_bytes: None,
        cpu_allocatable_millicores: None,
        memory_allocatable_bytes: None,
        created_seconds: None,
        first_seen_seconds: span.0,
        last_seen_seconds: span.1,
        up_seconds: span.1 - span.0,
        node_group: None,
        kubelet: None,
        root_disk_bytes: None,
        fargate_provisioned: None,
        network_bytes: None,
        public_ipv4_addresses: None,
        seen: crate::sums::node_billing::NodeSlots::default(),
    }
}

fn hour() -> Hour {
    Hour::starting_at(1_782_864_000).unwrap()
}

fn all_hour() -> (i64, i64) {
    (hour().start_seconds(), hour().end_seconds())
}

fn facts(nodes: Vec<NodeRow>) -> HourFacts {
    HourFacts {
        hour: hour(),
        nodes,
        volumes: Vec::new(),
        load_balancers: Vec::new(),
        services_show: false,
        workloads: BTreeMap::new(),
        slots: SlotTotals::default(),
        pod_ids: BTreeMap::new(),
        container_ids: Vec::new(),
        unknown: BTreeMap::new(),
        spread: crate::sums::hour_facts::Spread::default(),
        moved: BTreeMap::new(),
    }
}

fn run(nodes: Vec<NodeRow>, assumptions: &str) -> (Bill, Outcome) {
    run_with(&PriceBook::catalog().unwrap(), nodes, assumptions)
}

fn run_with(book: &PriceBook, nodes: Vec<NodeRow>, assumptions: &str) -> (Bill, Outcome) {
    let assumptions = Assumptions::from_toml(assumptions).unwrap();
    let facts = facts(nodes);
    let mut observed = Observed::new(&[hour()], BTreeSet::new());
    observed.take(&facts);
    let mut vendor = Vendor::new(book, &assumptions);
    vendor.take(&facts);
    let bill = Bill::new(&observed, &crate::sums::node_usage_by_owner::Ledger::default(), book, &assumptions);
    vendor.leave_losing_families(&bill);
    let outcome = vendor.conclude(&bill, &observed, Month { hours_present: 1.0 });
    (bill, outcome)
}

fn fleet(n: usize, zones: &[&str]) -> Vec<NodeRow> {
    (0..n).map(|i| node(i, "m5.4xlarge", zones[i % zones.len()], all_hour())).collect()
}

/// Compute of the hosts and the fee, both as a share of what the nodes cost today.
fn gross_and_net(assumptions: &str, variant: Option<usize>) -> (f64, f64) {
    let (bill, outcome) = run(fleet(15, &["us-east-1a"]), assumptions);
    let before = bill.lines.compute.unwrap().usd();
    match variant {
        None => {
            let (compute, fee) = (outcome.lines.compute.unwrap().usd(), outcome.lines.fee.unwrap().usd());
            (1.0 - compute / before, 1.0 - (compute + fee) / before)
        }
        Some(n) => {
            let variant = &outcome.scenario.variants[n];
            let hosts = variant.host_hours * 4.608;
            (1.0 - hosts / before, variant.saving_monthly_usd / 730.0 / before)
        }
    }
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 5e-4, "{a} and {b}");
}

#[test]
fn fifteen_m5_4xlarge_on_one_m5_metal_save_60_percent_gross_and_45_net() {
    let (gross, net) = gross_and_net("emp.memory_overcommit = 2.5\nemp.cpu_overcommit = 2.5", None);
    assert!((gross - 0.60).abs() < 1e-12 && (net - 0.45).abs() < 1e-12, "{gross} {net}");
    let (_, outcome) = run(fleet(15, &["us-east-1a"]), "emp.memory_overcommit = 2.5\nemp.cpu_overcommit = 2.5");
    let rows: Vec<_> = outcome.scenario.machine_hours.iter().map(|m| (m.kind, &*m.instance_type, m.hours)).collect();
    assert_eq!(rows, [(MachineRole::Host, "m5.metal", 1.0), (MachineRole::Evm, "m5.4xlarge", 15.0)]);
    // The same as the variant of the default scenario.
    let (gross, net) = gross_and_net("", Some(0));
    assert!((gross - 0.60).abs() < 1e-12 && (net - 0.45).abs() < 1e-9, "{gross} {net}");
}

#[test]
fn with_kubevirt_overhead_fourteen_fit_and_save_57_and_43_percent() {
    let (_, outcome) = run(fleet(14, &["us-east-1a"]), "emp.memory_overcommit = 2.5\nemp.cpu_overcommit = 2.5");
    let before = 14.0 * 0.768;
    let heavy = &outcome.scenario.variants[2];
    assert_eq!(heavy.host_hours, 1.0);
    near(1.0 - 4.608 / before, 0.571);
    near(heavy.saving_monthly_usd / 730.0 / before, 0.429);
    let (_, outcome) = run(fleet(15, &["us-east-1a"]), "emp.memory_overcommit = 2.5\nemp.cpu_overcommit = 2.5");
    assert_eq!(outcome.scenario.variants[2].host_hours, 2.0);
}

#[test]
fn three_zones_turn_the_example_into_a_loss_of_20_percent() {
    let (bill, outcome) = run(
        fleet(15, &["us-east-1a", "us-east-1b", "us-east-1c"]),
        "emp.memory_overcommit = 2.5\nemp.cpu_overcommit = 2.5",
    );
    let before = bill.lines.compute.unwrap().usd();
    let zonal = &outcome.scenario.variants[1];
    assert_eq!(zonal.host_hours, 3.0);
    assert!((zonal.saving_monthly_usd / 730.0 / before + 0.20).abs() < 1e-9, "{}", zonal.saving_monthly_usd);
}

#[test]
fn a_saving_of_ten_thousand_costs_a_fee_of_two_and_a_half() {
    let usd = |n: i128| NanoUsd::new(n * 1_000_000_000);
    assert_eq!(replay::fee(usd(20_000), usd(10_000), 0.25), usd(2500));
    // The example of five elastic VMs: 100 before, 50 after.
    assert_eq!(replay::fee(usd(100), usd(50), 0.25), NanoUsd::new(12_500_000_000));
    assert_eq!(replay::fee(usd(10_000), usd(20_000), 0.25), NanoUsd::ZERO);
}

#[test]
fn at_the_documented_ratio_fifteen_need_two_hosts() {
    let (_, outcome) = run(fleet(15, &["us-east-1a"]), "");
    let host = &outcome.scenario.machine_hours[0];
    assert_eq!((host.instance_type.as_str(), host.hours), ("m5.metal", 2.0));
    assert_eq!(outcome.scenario.variants.len(), 4);
}

#[test]
fn a_family_whose_hosts_cost_more_than_its_nodes_stays() {
    let mut nodes = fleet(15, &["a"]);
    nodes.extend((20..25).map(|n| node(n, "r6i.2xlarge", "a", all_hour())));
    let (bill, outcome) = run(nodes.clone(), "");
    let machines: Vec<_> = outcome.scenario.machine_hours.iter().map(|m| (m.kind, &*m.instance_type)).collect();
    assert_eq!(
        machines,
        [(MachineRole::Host, "m5.metal"), (MachineRole::Evm, "m5.4xlarge"), (MachineRole::Node, "r6i.2xlarge")]
    );
    let saved = bill.lines.compute.unwrap() - outcome.lines.compute.unwrap();
    assert!((saved.usd() - (15.0 * 0.768 - 2.0 * 4.608)).abs() < 1e-9, "{saved:?}");
    assert!(outcome.scenario.notes.iter().any(|note| note.text.starts_with("Family r6i stays on EC2")));
    // Alone it has nothing to stay behind from: the loss is shown.
    let (bill, outcome) = run(nodes.split_off(15), "");
    assert!(outcome.lines.compute.unwrap() > bill.lines.compute.unwrap());
}

#[test]
fn around_break_even_the_saving_has_no_step() {
    let mut nodes = fleet(18, &["a"]);
    nodes.extend((20..29).map(|n| node(n, "r6i.2xlarge", "a", all_hour())));
    // Two hosts at 4.608 for eighteen nodes: break-even at 0.512.
    let net = |usd_per_hour: f64| {
        let prices = format!("[[node]]\ninstance_type = \"m5.4xlarge\"\nusd_per_hour = {usd_per_hour}");
        let book = PriceBook::catalog().unwrap().with_user_toml(&prices).unwrap();
        let (bill, outcome) = run_with(&book, nodes.clone(), "");
        (bill.lines.total().unwrap() - outcome.lines.total().unwrap()).usd()
    };
    assert!((net(0.513) - 0.75 * 18.0 * 0.001).abs() < 1e-9, "{}", net(0.513));
    assert!((net(0.511) + 18.0 * 0.001).abs() < 1e-9, "{}", net(0.511));
    let half = |outcome: &Outcome| {
        outcome
            .scenario
            .notes
            .iter()
            .any(|note| note.text.contains("either the nodes or the hosts have a price of yours"))
    };
    let book = PriceBook::catalog()
        .unwrap()
        .with_user_toml("[[node]]\ninstance_type = \"m5.4xlarge\"\nusd_per_hour = 0.6")
        .unwrap();
    assert!(half(&run_with(&book, nodes.clone(), "").1) && !half(&run(nodes, "").1));
}

#[test]
fn a_stricter_reading_leaves_its_own_losing_families() {
    // In one zone r6i gains with a cheap host; with a host in each of three zones it does not.
    let zones = ["a", "b", "c"];
    let mut nodes = fleet(27, &zones);
    nodes.extend((30..39).map(|n| node(n, "r6i.2xlarge", zones[n % 3], all_hour())));
    let book = PriceBook::catalog()
        .unwrap()
        .with_user_toml("[[node]]\ninstance_type = \"r6i.metal\"\nusd_per_hour = 4.0")
        .unwrap();
    let (bill, outcome) = run_with(&book, nodes, "");
    let families: Vec<_> = outcome
        .scenario
        .machine_hours
        .iter()
        .filter(|m| m.kind == MachineRole::Host)
        .map(|m| m.instance_type.as_str())
        .collect();
    assert_eq!(families, ["m5.metal", "r6i.metal"]);
    let zonal = &outcome.scenario.variants[1];
    // Nine m5.4xlarge a zone fit one host; r6i stays out of this reading.
    assert_eq!(zonal.host_hours, 3.0);
    let before = 27.0 * 0.768;
    assert!((zonal.saving_monthly_usd / 730.0 - 0.75 * (before - 3.0 * 4.608)).abs() < 1e-6);
    assert!(bill.lines.compute.is_some());
}

#[test]
fn hosts_are_those_of_the_fullest_moment() {
    let (start, end) = all_hour();
    let middle = start + 1800;
    // Nine all the time; one that is replaced half-way is never an eleventh.
    let mut nodes = fleet(8, &["a"]);
    nodes.push(node(100, "m5.4xlarge", "a", (start, middle)));
    nodes.push(node(101, "m5.4xlarge", "a", (middle, end)));
    let hosts = |nodes| run(nodes, "").1.scenario.machine_hours[0].hours;
    assert_eq!(hosts(nodes.clone()), 1.0);
    nodes.push(node(102, "m5.4xlarge", "a", (middle + 60, middle + 120)));
    assert_eq!(hosts(nodes), 2.0);
}

#[test]
fn what_cannot_move_says_why_and_is_paid_as_today() {
    let check = |change: fn(&mut NodeKind), expect: &str| {
        let mut nodes = fleet(3, &["a"]);
        nodes.iter_mut().for_each(|node| change(&mut node.kind));
        let kind = nodes[0].kind.clone();
        let (bill, outcome) = run(nodes, "");
        let book = PriceBook::catalog().unwrap();
        let assumptions = Assumptions::default();
        let mut vendor = Vendor::new(&book, &assumptions);
        let Fate::Stays(reason) = vendor.fate(&kind) else { panic!("moves") };
        assert!(reason.contains(expect), "{reason}");
        assert_eq!(outcome.lines, bill.lines, "{expect}");
        assert!(outcome.moved_kinds.is_empty());
        let kinds: Vec<_> = outcome.scenario.machine_hours.iter().map(|m| m.kind).collect();
        assert!(kinds.iter().all(|kind| *kind == MachineRole::Node), "{kinds:?}");
    };
    check(|kind| kind.arch = Some("arm64".into()), "x86 only");
    check(|kind| kind.capacity_type = Some("spot".into()), "spot");
    check(|kind| kind.compute_type = ComputeType::AutoMode, "Auto Mode");
    check(|kind| kind.compute_type = ComputeType::Hybrid, "not an EC2");
    check(|kind| kind.emp_owned = true, "already an elastic VM");
    check(|kind| kind.os = Some("windows".into()), "Linux only");
    check(|kind| kind.instance_type = None, "not known");
    check(|kind| kind.instance_type = Some("m99.large".into()), "not in the catalog");
    check(|kind| kind.instance_type = Some("g4dn.xlarge".into()), "GPU");
    check(|kind| kind.instance_type = Some("t3.large".into()), "t3 has no bare metal");
    check(|kind| kind.instance_type = Some("m5.metal".into()), "already bare metal");
    check(|kind| kind.instance_type = Some("m7i.48xlarge".into()), "larger than its host, m7i.metal-24xl");
    check(|kind| kind.region = Some("mars-1".into()), "no price of m5.4xlarge");
}

#[test]
fn a_host_whose_price_is_only_estimated_is_not_used() {
    let book = PriceBook::catalog().unwrap();
    let mut estimated = 0;
    for region in ["us-east-2", "eu-central-1", "ap-southeast-1"] {
        for family in ["m7a", "c7a", "m8i", "r8i", "m6idn"] {
            let pool = Pool { region: region.to_owned(), family: family.to_owned() };
            match choose_host(&pool, &book) {
                Ok(host) => assert_ne!(host.unit.origin.kind, PriceKind::Estimated),
                Err(reason) => {
                    assert!(reason.contains("more than an estimate"), "{reason}");
                    estimated += 1;
                }
            }
        }
    }
    assert!(estimated > 0);
}
