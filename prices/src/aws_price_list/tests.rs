//! Lists in AWS's own layout, with prices made up.

use std::collections::BTreeMap;

use types::analysis::PriceLayer;

use super::*;

const EC2_CSV: &str = r#""FormatVersion","v1.0"
"Disclaimer","Made up, for a test"
"Publication Date","2026-07-15T20:00:00Z"
"Version","20260715200000"
"OfferCode","AmazonEC2"
"SKU","OfferTermCode","RateCode","TermType","PriceDescription","EffectiveDate","StartingRange","EndingRange","Unit","PricePerUnit","Currency","Product Family","serviceCode","Location","Instance Type","Tenancy","Operating System","License Model","usageType","operation","CapacityStatus","Region Code","Pre Installed S/W","Volume API Name"
"A1","JRTC","A1.JRTC.6YS6","OnDemand","$0.2 per On Demand Linux m5.xlarge","2026-07-01","0","Inf","Hrs","0.2140000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Shared","Linux","No License required","EU-BoxUsage:m5.xlarge","RunInstances","Used","eu-west-1","NA",""
"A2","JRTC","A2.JRTC.6YS6","OnDemand","dedicated","2026-07-01","0","Inf","Hrs","0.2270000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Dedicated","Linux","No License required","EU-DedicatedUsage:m5.xlarge","RunInstances","Used","eu-west-1","NA",""
"A3","JRTC","A3.JRTC.6YS6","OnDemand","windows","2026-07-01","0","Inf","Hrs","0.3980000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Shared","Windows","License Included","EU-BoxUsage:m5.xlarge","RunInstances:0002","Used","eu-west-1","NA",""
"A4","JRTC","A4.JRTC.6YS6","OnDemand","with SQL","2026-07-01","0","Inf","Hrs","0.6000000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Shared","Linux","No License required","EU-BoxUsage:m5.xlarge","RunInstances:0004","Used","eu-west-1","SQL Std",""
"A5","JRTC","A5.JRTC.6YS6","OnDemand","reservation not used","2026-07-01","0","Inf","Hrs","0.2140000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Shared","Linux","No License required","EU-UnusedBox:m5.xlarge","RunInstances","UnusedCapacityReservation","eu-west-1","NA",""
"A1","38NP","A1.38NP.6YS6","Reserved","reserved","2026-07-01",,,"Hrs","0.1350000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","m5.xlarge","Shared","Linux","No License required","EU-BoxUsage:m5.xlarge","RunInstances","Used","eu-west-1","NA",""
"B1","JRTC","B1.JRTC.6YS6","OnDemand","bare metal","2026-07-01","0","Inf","Hrs","5.1360000000","USD","Compute Instance (bare metal)","AmazonEC2","EU (Ireland)","m5.metal","Shared","Linux","No License required","EU-BoxUsage:m5.metal","RunInstances","Used","eu-west-1","NA",""
"B2","JRTC","B2.JRTC.6YS6","OnDemand","bare metal, dedicated","2026-07-01","0","Inf","Hrs","5.6500000000","USD","Compute Instance (bare metal)","AmazonEC2","EU (Ireland)","m5.metal","Dedicated","Linux","No License required","EU-DedicatedUsage:m5.metal","RunInstances","Used","eu-west-1","NA",""
"C1","JRTC","C1.JRTC.6YS6","OnDemand","$0.088 per GB-month of gp3","2026-07-01","0","Inf","GB-Mo","0.0880000000","USD","Storage","AmazonEC2","EU (Ireland)","","","","","EU-EBS:VolumeUsage.gp3","","","eu-west-1","","gp3"
"C2","JRTC","C2.JRTC.6YS6","OnDemand","throughput","2026-07-01","0","Inf","GiBps-mo","45.0560000000","USD","Provisioned Throughput","AmazonEC2","EU (Ireland)","","","","","EU-EBS:VolumeP-Throughput.gp3","","","eu-west-1","","gp3"
"D1","JRTC","D1.JRTC.6YS6","OnDemand","free","2026-07-01","0","Inf","Hrs","0.0000000000","USD","Compute Instance","AmazonEC2","EU (Ireland)","z9.large","Shared","Linux","No License required","EU-BoxUsage:z9.large","RunInstances","Used","eu-west-1","NA",""
"#;

const EC2_JSON: &str = r#"{
  "formatVersion" : "v1.0", "disclaimer" : "made up", "offerCode" : "AmazonEC2", "version" : "20260715200000",
  "publicationDate" : "2026-07-15T20:00:00Z",
  "products" : {
    "A1" : { "sku" : "A1", "productFamily" : "Compute Instance", "attributes" : {
      "servicecode" : "AmazonEC2", "location" : "EU (Ireland)", "instanceType" : "m5.xlarge", "tenancy" : "Shared",
      "operatingSystem" : "Linux", "capacitystatus" : "Used", "preInstalledSw" : "NA", "operation" : "RunInstances",
      "usagetype" : "EU-BoxUsage:m5.xlarge", "regionCode" : "eu-west-1" } },
    "A2" : { "sku" : "A2", "productFamily" : "Compute Instance", "attributes" : {
      "instanceType" : "m5.xlarge", "tenancy" : "Dedicated", "operatingSystem" : "Linux", "capacitystatus" : "Used",
      "preInstalledSw" : "NA", "operation" : "RunInstances", "usagetype" : "EU-DedicatedUsage:m5.xlarge" } },
    "B1" : { "sku" : "B1", "productFamily" : "Compute Instance (bare metal)", "attributes" : {
      "instanceType" : "m5.metal", "tenancy" : "Shared", "operatingSystem" : "Linux", "capacitystatus" : "Used",
      "preInstalledSw" : "NA", "operation" : "RunInstances", "usagetype" : "EU-BoxUsage:m5.metal" } },
    "N1" : { "sku" : "N1", "productFamily" : "NAT Gateway", "attributes" : { "usagetype" : "NatGateway-Hours" } }
  },
  "terms" : {
    "OnDemand" : {
      "A1" : { "A1.JRTC" : { "offerTermCode" : "JRTC", "sku" : "A1", "priceDimensions" : { "A1.JRTC.6YS6" : {
        "unit" : "Hrs", "beginRange" : "0", "endRange" : "Inf", "pricePerUnit" : { "USD" : "0.2140000000" } } } } },
      "A2" : { "A2.JRTC" : { "priceDimensions" : { "A2.JRTC.6YS6" : { "pricePerUnit" : { "USD" : "0.227" } } } } },
      "B1" : { "B1.JRTC" : { "priceDimensions" : { "B1.JRTC.6YS6" : { "pricePerUnit" : { "USD" : "5.1360000000" } } } } },
      "N1" : { "N1.JRTC" : { "priceDimensions" : { "N1.JRTC.6YS6" : { "pricePerUnit" : { "USD" : "0.0450000000" } } } } }
    },
    "Reserved" : { "A1" : { "A1.38NP" : { "priceDimensions" : { "x" : { "pricePerUnit" : { "USD" : "0.135" } } } } } }
  }
}"#;

const PLANS_JSON: &str = r#"{
  "version" : "20260715200000", "publicationDate" : "2026-07-15T20:00:00Z", "regionCode" : "eu-west-1",
  "products" : [
    { "sku" : "P1", "productFamily" : "ComputeSavingsPlans", "serviceCode" : "ComputeSavingsPlans",
      "usageType" : "ComputeSP:1yrNoUpfront", "operation" : "",
      "attributes" : { "purchaseOption" : "No Upfront", "granularity" : "hourly", "purchaseTerm" : "1yr" } },
    { "sku" : "P2", "productFamily" : "EC2InstanceSavingsPlans", "serviceCode" : "ComputeSavingsPlans",
      "usageType" : "EU-EC2SP:m5.3yrAllUpfront", "operation" : "",
      "attributes" : { "purchaseOption" : "All Upfront", "instanceType" : "m5", "purchaseTerm" : "3yr" } } ],
  "terms" : { "savingsPlan" : [
    { "sku" : "P1", "description" : "1 year No Upfront Compute Savings Plan", "rates" : [
      { "discountedSku" : "A1", "discountedUsageType" : "EU-BoxUsage:m5.xlarge", "discountedOperation" : "RunInstances",
        "discountedServiceCode" : "AmazonEC2", "rateCode" : "P1.A1", "unit" : "Hrs",
        "discountedRate" : { "price" : "0.157", "currency" : "USD" } },
      { "discountedSku" : "A3", "discountedUsageType" : "EU-BoxUsage:m5.xlarge", "discountedOperation" : "RunInstances:0002",
        "discountedServiceCode" : "AmazonEC2", "discountedRate" : { "price" : "0.341", "currency" : "USD" } },
      { "discountedSku" : "F1", "discountedUsageType" : "EU-Fargate-GB-Hours", "discountedServiceCode" : "AmazonECS",
        "discountedRate" : { "price" : "0.003", "currency" : "USD" } } ] },
    { "sku" : "P2", "description" : "3 year All Upfront m5", "rates" : [
      { "discountedUsageType" : "EU-BoxUsage:m5.xlarge", "discountedOperation" : "RunInstances",
        "discountedRate" : { "price" : "0.082", "currency" : "USD" } } ] } ] }
}"#;

const ECS_CSV: &str = r#""FormatVersion","v1.0"
"Publication Date","2026-07-15T20:00:00Z"
"OfferCode","AmazonECS"
"SKU","TermType","StartingRange","Unit","PricePerUnit","Currency","Product Family","Tenancy","Operating System","usageType","operation","Region Code"
"F1","OnDemand","0","hours","0.0404800000","USD","Compute","Shared","Linux","EU-Fargate-vCPU-Hours:perCPU","","eu-west-1"
"F2","OnDemand","0","GB-Hours","0.0044450000","USD","Compute","Shared","","EU-Fargate-GB-Hours","","eu-west-1"
"F3","OnDemand","0","hours","0.0323800000","USD","Compute","Shared","Linux","EU-Fargate-ARM-vCPU-Hours:perCPU","","eu-west-1"
"F4","OnDemand","0","hours","0.0910000000","USD","Compute","Shared","Windows","EU-Fargate-vCPU-Hours:perCPU","","eu-west-1"
"#;

fn kept(text: &str) -> Vec<(String, String)> {
    let bulk = read_bulk(text.as_bytes()).unwrap();
    assert_eq!(bulk.published, "2026-07-15T20:00:00Z");
    bulk.prices.iter().for_each(|price| assert_eq!(price.date, bulk.published));
    let of =
        |p: &ListPrice| (format!("{} {} {} {}", p.kind, p.region, p.name, p.plan).trim_end().to_owned(), p.usd.clone());
    let mut kept: Vec<_> = bulk.prices.iter().map(of).collect();
    kept.sort();
    kept
}

fn pair(key: &str, usd: &str) -> (String, String) {
    (key.to_owned(), usd.to_owned())
}

#[test]
fn of_machines_shared_linux_rows_are_kept_and_bare_metal_among_them() {
    let expect = [
        pair("ec2 eu-west-1 m5.metal", "5.1360000000"),
        pair("ec2 eu-west-1 m5.xlarge", "0.2140000000"),
        pair("ec2-windows eu-west-1 m5.xlarge", "0.3980000000"),
        pair("item eu-west-1 ebs.gp3", "0.0880000000"),
        pair("item eu-west-1 ebs.gp3.mib_per_second_above_125", "0.0440000000"),
    ];
    assert_eq!(kept(EC2_CSV), expect);
}

#[test]
fn json_says_the_same_as_csv_and_a_region_may_be_known_by_its_usage_type_alone() {
    let expect = [
        pair("ec2 eu-west-1 m5.metal", "5.1360000000"),
        pair("ec2 eu-west-1 m5.xlarge", "0.2140000000"),
        pair("item us-east-1 vpc.nat_gateway", "0.0450000000"),
    ];
    assert_eq!(kept(EC2_JSON), expect);
}

#[test]
fn a_place_that_is_not_known_is_no_region() {
    // An old list without the column `Region Code`: what is sold in Los Angeles is not the price of Virginia.
    let list = r#""Publication Date","2026-07-15T20:00:00Z"
"OfferCode","AmazonEC2"
"SKU","TermType","StartingRange","PricePerUnit","Currency","Product Family","Instance Type","Tenancy","Operating System","usageType","operation","CapacityStatus","Pre Installed S/W"
"A","OnDemand","0","0.1920000000","USD","Compute Instance","m5.xlarge","Shared","Linux","BoxUsage:m5.xlarge","RunInstances","Used","NA"
"B","OnDemand","0","0.2300000000","USD","Compute Instance","m5.xlarge","Shared","Linux","LAX1-BoxUsage:m5.xlarge","RunInstances","Used","NA"
"C","OnDemand","0","0.0900000000","USD","Storage","","","","LAX1-EBS:VolumeUsage.gp3","","",""
"D","OnDemand","0","0.0450000000","USD","NAT Gateway","","","","NatGateway-Hours","","",""
"#;
    assert_eq!(
        kept(list),
        [pair("ec2 us-east-1 m5.xlarge", "0.1920000000"), pair("item us-east-1 vpc.nat_gateway", "0.0450000000")]
    );
    // With the column both stand, each where it is.
    let named = list.replace("\"Pre Installed S/W\"", "\"Pre Installed S/W\",\"Region Code\"").replace(
        "\"LAX1-BoxUsage:m5.xlarge\",\"RunInstances\",\"Used\",\"NA\"",
        "\"LAX1-BoxUsage:m5.xlarge\",\"RunInstances\",\"Used\",\"NA\",\"us-west-2-lax-1\"",
    );
    assert!(kept(&named).contains(&pair("ec2 us-west-2-lax-1 m5.xlarge", "0.2300000000")), "{:?}", kept(&named));
}

#[test]
fn load_balancers_are_told_apart_by_their_family() {
    let row = |sku: &str, price: &str, family: &str, usage: &str| {
        format!("{sku},OnDemand,0,{price},USD,{family},EU-{usage},eu-west-1\n")
    };
    let list = [
        "\"OfferCode\",\"AWSELB\"\n\"Publication Date\",\"2026-07-15T20:00:00Z\"\n".to_owned(),
        "SKU,TermType,StartingRange,PricePerUnit,Currency,Product Family,usageType,Region Code\n".to_owned(),
        row("A", "0.0252", "Load Balancer-Application", "LoadBalancerUsage"),
        row("B", "0.0251", "Load Balancer-Network", "LoadBalancerUsage"),
        row("C", "0.0280", "Load Balancer", "LoadBalancerUsage"),
        row("D", "0.0125", "Load Balancer-Gateway", "LoadBalancerUsage"),
        row("E", "0.0080", "Load Balancer-Application", "LCUUsage"),
    ];
    let expect = [
        pair("item eu-west-1 elb.alb", "0.0252"),
        pair("item eu-west-1 elb.nlb", "0.0251"),
        pair("item eu-west-1 elb.clb", "0.0280"),
    ];
    let mut found = kept(&list.concat());
    found.sort();
    let mut expect = expect.to_vec();
    expect.sort();
    assert_eq!(found, expect);
}

#[test]
fn china_is_in_yuan_and_nothing_else_is() {
    let list = |currency: &str, region: &str| {
        format!(
            "\"OfferCode\",\"AmazonEC2\"\n\"Publication Date\",\"2026-07-15T20:00:00Z\"\nSKU,TermType,StartingRange,PricePerUnit,Currency,Product Family,usageType,Region Code\nY,OnDemand,0,0.5312,{currency},Storage,EBS:VolumeUsage.gp3,{region}\n"
        )
    };
    let bulk = read_bulk(list("CNY", "cn-north-1").as_bytes()).unwrap();
    assert_eq!((bulk.prices[0].usd.as_str(), bulk.prices[0].currency.as_str()), ("0.5312", "CNY"));
    assert!(kept(&list("USD", "cn-north-1")).is_empty() && kept(&list("CNY", "eu-west-1")).is_empty());
    let api = r#"{"product": {"sku": "Y", "productFamily": "Storage", "attributes": {"usagetype": "CNW1-EBS:VolumeUsage.gp3", "regionCode": "cn-northwest-1"}},
        "serviceCode": "AmazonEC2", "terms": {"OnDemand": {"Y.J": {"priceDimensions": {"Y.J.6": {"pricePerUnit": {"CNY": "0.5312"}}}}}}}"#;
    let bulk = read_product(api).unwrap();
    assert_eq!((bulk.prices[0].region.as_str(), bulk.prices[0].currency.as_str()), ("cn-northwest-1", "CNY"));
}

#[test]
fn json_prices_are_handed_on_as_they_are_read_once_their_date_is_known() {
    let rate = |n: u32| {
        let usage = format!("EU-BoxUsage:m5.{n}xlarge");
        format!(
            r#"{{"discountedUsageType":"{usage}","discountedOperation":"RunInstances","discountedRegionCode":"eu-west-1","discountedRate":{{"price":"0.1"}}}}"#
        )
    };
    let rates: Vec<String> = (0..25_000).map(rate).collect();
    let plan = r#"{"sku":"P","productFamily":"ComputeSavingsPlans","attributes":{"purchaseTerm":"1yr","purchaseOption":"No Upfront"}}"#;
    let body =
        format!(r#""products":[{plan}],"terms":{{"savingsPlan":[{{"sku":"P","rates":[{}]}}]}}"#, rates.join(","));
    let (head, mut sizes) =
        (r#""offerCode":"ComputeSavingsPlan","publicationDate":"2026-07-15T20:00:00Z""#, Vec::new());
    let mut take = |prices: Vec<ListPrice>| {
        assert!(prices.iter().all(|price| price.date == "2026-07-15T20:00:00Z" && !price.source.is_empty()));
        sizes.push(prices.len());
        Ok(())
    };
    read_bulk_in(format!("{{{head},{body}}}").as_bytes(), &mut take).unwrap();
    read_bulk_in(format!("{{{body},{head}}}").as_bytes(), &mut take).unwrap();
    assert_eq!(sizes, [10_000, 10_000, 5_000, 25_000]);
    let mut refuse = |_: Vec<ListPrice>| Err(std::io::Error::other("no room"));
    let error = read_bulk_in(format!("{{{head},{body}}}").as_bytes(), &mut refuse).unwrap_err();
    assert!(matches!(error, BulkError::Io(_)), "{error:?}");
}

#[test]
fn rates_of_savings_plans_are_kept_by_kind_term_and_payment() {
    let expect = [
        pair("savings-plan eu-west-1 m5.xlarge compute-savings-plan/1yr/No Upfront", "0.157"),
        pair("savings-plan eu-west-1 m5.xlarge ec2-instance-savings-plan/3yr/All Upfront", "0.082"),
    ];
    assert_eq!(kept(PLANS_JSON), expect);
}

#[test]
fn fargate_on_arm_and_windows_is_left_out() {
    let expect =
        [pair("item eu-west-1 fargate.memory", "0.0044450000"), pair("item eu-west-1 fargate.vcpu", "0.0404800000")];
    assert_eq!(kept(ECS_CSV), expect);
}

#[test]
fn what_is_no_price_list_or_breaks_off_is_refused() {
    let refused = |text: &str, expect: &str| {
        let error = read_bulk(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused("", "empty");
    refused("  \n ", "empty");
    refused("a,b\n1,2\n", "`SKU`");
    refused("{\"regions\": {}}", "no `products`");
    refused(&EC2_JSON[..EC2_JSON.len() / 2], "not a whole JSON");
    refused("{\"terms\": {}}", "not a whole JSON");
}

#[test]
fn a_product_of_the_api_is_read_like_one_of_a_list() {
    let product = r#"{"product":{"productFamily":"Compute Instance","sku":"A1","attributes":{"instanceType":"m5.xlarge",
        "tenancy":"Shared","operatingSystem":"Linux","capacitystatus":"Used","preInstalledSw":"NA","operation":"RunInstances",
        "usagetype":"EU-BoxUsage:m5.xlarge","regionCode":"eu-west-1"}},"serviceCode":"AmazonEC2",
        "terms":{"OnDemand":{"A1.JRTC":{"priceDimensions":{"A1.JRTC.6YS6":{"unit":"Hrs","beginRange":"0",
        "pricePerUnit":{"USD":"0.2140000000"}}}}}},"version":"1","publicationDate":"2026-07-15T20:00:00Z"}"#;
    let bulk = read_product(product).unwrap();
    assert_eq!(bulk.prices[0].usd, "0.2140000000");
    assert_eq!(bulk.prices[0].source, "AWS price list AmazonEC2");
    assert!(read_product(&product.replace("Shared", "Dedicated")).unwrap().prices.is_empty());
    assert!(read_product("[]").is_err());
}

#[test]
fn a_list_read_becomes_the_layer_above_the_catalog() {
    let prices = [EC2_CSV, PLANS_JSON, ECS_CSV].map(|text| read_bulk(text.as_bytes()).unwrap().prices);
    let file = crate::price_book::write_list(prices.into_iter().flatten()).unwrap();
    let text = String::from_utf8(file).unwrap();
    let plan = "[[commitment]]\nname = \"c\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 1.0\nterm = \"1yr\"\npayment = \"No Upfront\"";
    let book = crate::PriceBook::catalog().unwrap();
    assert!(book.clone().with_user_toml(plan).unwrap_err().to_string().contains("no rates of"));
    let book = book.with_list(&text).unwrap().with_user_toml(plan).unwrap();
    let machine = crate::MachineKind::new("m5.xlarge", crate::CapacityType::OnDemand, "eu-west-1");
    let commitment = &book.commitments()[0];
    assert_eq!(
        book.committed_rate(commitment, &machine, book.list(&machine).map(|list| list.price)).unwrap().usd_per_hour(),
        0.157
    );
    let rate = book.rate(&machine).unwrap();
    assert_eq!((rate.contracted.price.usd_per_hour(), rate.contracted.origin.layer), (0.214, PriceLayer::Imported));
    assert_eq!(book.volume("gp3", "eu-west-1").unwrap().origin.source, "AWS price list AmazonEC2");
}

/// A list of one machine with these rows: operating system, operation, licence model, first day, price, currency.
fn machines(rows: &[[&str; 6]]) -> String {
    let row = |[system, operation, model, effective, usd, currency]: &[&str; 6]| {
        format!(
            "S,OnDemand,{effective},0,{usd},{currency},Compute Instance,m5.xlarge,Shared,{system},{model},EU-BoxUsage:m5.xlarge,{operation},Used,NA\n"
        )
    };
    let rows: String = rows.iter().map(row).collect();
    format!(
        "\"Publication Date\",\"2026-07-15T20:00:00Z\"\n\"OfferCode\",\"AmazonEC2\"\nSKU,TermType,EffectiveDate,StartingRange,PricePerUnit,Currency,Product Family,Instance Type,Tenancy,Operating System,License Model,usageType,operation,CapacityStatus,Pre Installed S/W\n{rows}"
    )
}

#[test]
fn machines_with_a_licence_that_aws_bills_are_kept_apart() {
    let day = "2026-07-01";
    let list = machines(&[
        ["Linux", "RunInstances", "No License required", day, "0.214", "USD"],
        ["RHEL", "RunInstances:0010", "No License required", day, "0.2716", "USD"],
        ["RHEL", "RunInstances:1010", "No License required", day, "0.3", "USD"],
        ["SUSE", "RunInstances:000g", "No License required", day, "0.27", "USD"],
        ["Windows", "RunInstances:0002", "No License required", day, "0.398", "USD"],
        ["Windows", "RunInstances:0800", "Bring your own license", day, "0.214", "USD"],
        ["Windows", "RunInstances:0006", "No License required", day, "0.878", "USD"],
    ]);
    let expect = [
        pair("ec2 eu-west-1 m5.xlarge", "0.214"),
        pair("ec2-rhel eu-west-1 m5.xlarge", "0.2716"),
        pair("ec2-suse eu-west-1 m5.xlarge", "0.27"),
        pair("ec2-windows eu-west-1 m5.xlarge", "0.398"),
    ];
    assert_eq!(kept(&list), expect);
}

#[test]
fn of_two_rows_of_one_machine_the_one_in_force_holds_whatever_their_order() {
    let model = "No License required";
    let old = ["Linux", "RunInstances", model, "2025-01-01", "0.3", "USD"];
    let now = ["Linux", "RunInstances", model, "2026-07-01", "0.214", "USD"];
    let next = ["Linux", "RunInstances", model, "2026-08-01", "0.2", "USD"];
    for rows in [[old, now, next], [next, now, old], [now, next, old]] {
        let bulk = read_bulk(machines(&rows).as_bytes()).unwrap();
        let file = String::from_utf8(crate::price_book::write_list(bulk.prices).unwrap()).unwrap();
        assert_eq!(
            crate::price_book::read_list(&file).unwrap().into_iter().map(|row| row.usd).collect::<Vec<_>>(),
            ["0.214"]
        );
    }
    // The same from JSON, whose terms stand in no order.
    let term = |code: &str, effective: &str, usd: &str| {
        format!(
            r#""{code}":{{"effectiveDate":"{effective}","priceDimensions":{{"{code}.6":{{"beginRange":"0","pricePerUnit":{{"USD":"{usd}"}}}}}}}}"#
        )
    };
    let terms = [
        term("A.Z", "2025-01-01T00:00:00Z", "0.3"),
        term("A.B", "2026-07-01T00:00:00Z", "0.214"),
        term("A.A", "2026-08-01T00:00:00Z", "0.2"),
    ];
    let json = format!(
        r#"{{"publicationDate":"2026-07-15T20:00:00Z","offerCode":"AmazonEC2","products":{{"A":{{"sku":"A","productFamily":"Compute Instance","attributes":{{"instanceType":"m5.xlarge","tenancy":"Shared","operatingSystem":"Linux","capacitystatus":"Used","usagetype":"EU-BoxUsage:m5.xlarge"}}}}}},"terms":{{"OnDemand":{{"A":{{{}}}}}}}}}"#,
        terms.join(",")
    );
    let bulk = read_bulk(json.as_bytes()).unwrap();
    let file = String::from_utf8(crate::price_book::write_list(bulk.prices).unwrap()).unwrap();
    assert!(file.contains(",0.214,") && file.lines().count() == 2, "{file}");
}

#[test]
fn reserved_terms_and_worthless_prices_are_left_out_and_other_currencies_counted() {
    let model = "No License required";
    let row = |usd, currency| ["Linux", "RunInstances", model, "2026-07-01", usd, currency];
    for usd in ["0.0000000000", "-0.1", "NaN", "inf", "", "free"] {
        assert_eq!(kept(&machines(&[row(usd, "USD")])), [], "{usd}");
    }
    let reserved = machines(&[row("0.1", "USD")]).replace("OnDemand", "Reserved");
    assert_eq!(kept(&reserved), []);
    let mixed = read_bulk(machines(&[row("0.214", "USD"), row("1.9", "CNY"), row("0.2", "EUR")]).as_bytes()).unwrap();
    assert_eq!(mixed.prices.len(), 1);
    assert_eq!(mixed.other_currencies, BTreeMap::from([("CNY".to_owned(), 1), ("EUR".to_owned(), 1)]));
    // A plan's rate in another currency than its region is billed in is none either.
    let yuan = PLANS_JSON.replace("\"currency\" : \"USD\"", "\"currency\" : \"CNY\"");
    assert_eq!(kept(&yuan), []);
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    /// Files that the fuzz targets start from.
    const CORPUS: [&[u8]; 3] = [
        include_bytes!("../../fuzz/corpus/list/ec2.csv"),
        include_bytes!("../../fuzz/corpus/list/ec2.json"),
        include_bytes!("../../fuzz/corpus/list/imported.csv"),
    ];

    proptest! {
        #[test]
        fn a_list_with_changed_bytes_is_read_or_refused_and_what_is_kept_can_be_written_and_read(
            which in 0..CORPUS.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            end in any::<prop::sample::Index>(),
        ) {
            let mut bytes = CORPUS[which].to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() / 2 + end.index(bytes.len()) / 2 + 1);
            if let Ok(bulk) = read_bulk(&bytes[..]) && !bulk.prices.is_empty() {
                let file = crate::price_book::write_list(bulk.prices).unwrap();
                let text = String::from_utf8(file).unwrap();
                let book = crate::PriceBook::catalog().unwrap();
                prop_assert!(book.with_list(&text).is_ok(), "{}", text);
            }
        }
    }
}
