//! EDGE: `emp-cost prices update`: fetches list prices from AWS's Price List API.

use std::path::{Path, PathBuf};

use anyhow::Context;
use aws_config::BehaviorVersion;
use aws_sdk_pricing::Client;
use aws_sdk_pricing::config::Region;
use aws_sdk_pricing::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_pricing::types::{Filter, FilterType};
use prices::aws_price_list::read_product;
use prices::{ListPrice, read_list, write_list};
use types::wording::counted;

use crate::exit_codes::Failure;
use crate::output::{print, read_file, write_file};

/// The Price List API has endpoints in three regions; this one has the prices of all regions.
const API_REGION: &str = "us-east-1";

/// Fetch list prices from AWS
///
/// Asks the Price List API for the instances, volumes, Fargate, control plane, NAT gateways and load balancers of each
/// region, and keeps what `import` keeps. Needs credentials that allow pricing:GetProducts; the requests are free.
/// Savings Plans rates are not in that API: import AWS's Savings Plans list for them.
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// Region to fetch, such as eu-west-1; repeatable
    #[arg(long, value_name = "REGION", required = true)]
    region: Vec<String>,

    /// Price list to create or to add to
    #[arg(long, value_name = "FILE", default_value = "prices-imported.csv")]
    out: PathBuf,
}

/// A request: the service, and filters beside the region.
const QUESTIONS: [(&str, &[(&str, &str)]); 8] = [
    (
        "AmazonEC2",
        &[
            ("operatingSystem", "Linux"),
            ("tenancy", "Shared"),
            ("capacitystatus", "Used"),
            ("preInstalledSw", "NA"),
            ("operation", "RunInstances"),
        ],
    ),
    ("AmazonEC2", &[("productFamily", "Storage")]),
    ("AmazonEC2", &[("productFamily", "System Operation")]),
    ("AmazonEC2", &[("productFamily", "Provisioned Throughput")]),
    ("AmazonEC2", &[("productFamily", "NAT Gateway")]),
    ("AmazonECS", &[]),
    ("AmazonEKS", &[]),
    ("AWSELB", &[]),
];

pub(super) async fn run(args: UpdateArgs) -> Result<(), Failure> {
    // A list that cannot be added to is told of before AWS is asked.
    let before = listed(&args.out).map_err(Failure::usage)?;
    let shared = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(API_REGION)).load().await;
    let client = Client::new(&shared);
    let mut fetched = Vec::new();
    for region in &args.region {
        let mut found = Vec::new();
        for (service, filters) in QUESTIONS {
            found.extend(ask(&client, service, filters, region).await?);
        }
        if found.is_empty() {
            let unknown = anyhow::anyhow!("AWS lists no price for region `{region}`; check its name");
            return Err(Failure::usage(unknown));
        }
        fetched.extend(found);
    }
    let count = fetched.len();
    let file = write_list(before.into_iter().chain(fetched)).context("write the price list")?;
    write_file(&args.out, &file)?;
    print(&format!("{}: {} fetched for {}\n", args.out.display(), counted(count, "price"), args.region.join(", ")))?;
    Ok(())
}

/// The prices that are in a list already; none where it is not there yet.
fn listed(path: &Path) -> anyhow::Result<Vec<ListPrice>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    read_list(&read_file(path)?).with_context(|| format!("add to `{}`", path.display()))
}

/// Fetches the prices of a service's products, page by page.
async fn ask(client: &Client, service: &str, filters: &[(&str, &str)], region: &str) -> anyhow::Result<Vec<ListPrice>> {
    let filter = |(field, value): (&str, &str)| {
        let filter = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value);
        filter.build().with_context(|| format!("build the filter `{field}`"))
    };
    let mut filters: Vec<_> = filters.iter().map(|pair| filter(*pair)).collect::<Result<_, _>>()?;
    filters.push(filter(("regionCode", region))?);
    let mut prices = Vec::new();
    let mut next = None;
    loop {
        let request = client.get_products().service_code(service).set_filters(Some(filters.clone()));
        let answer = request.set_next_token(next).send().await.map_err(|error| refused(service, &error))?;
        for product in answer.price_list() {
            let product = read_product(product).with_context(|| format!("read a product of `{service}`"))?;
            prices.extend(product.prices);
        }
        match answer.next_token {
            Some(token) if !token.is_empty() => next = Some(token),
            _ => return Ok(prices),
        }
    }
}

/// Explains why AWS refused, with the next step.
fn refused<E>(service: &str, error: &aws_sdk_pricing::error::SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let said = DisplayErrorContext(error);
    match error.code() {
        Some("AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation") => anyhow::anyhow!(
            "could not ask for prices of `{service}`: the permission pricing:GetProducts is missing; allow it to the credentials in use, or download the lists and use `emp-cost prices import`: {said}"
        ),
        Some("UnrecognizedClientException" | "InvalidClientTokenId" | "ExpiredTokenException") => anyhow::anyhow!(
            "could not ask for prices of `{service}`: AWS does not accept these credentials; renew them: {said}"
        ),
        _ => anyhow::anyhow!(
            "could not ask for prices of `{service}`; check network and credentials (which need pricing:GetProducts), or use `emp-cost prices import`: {said}"
        ),
    }
}
