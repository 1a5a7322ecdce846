//! Waste and next steps, which follow from everything else in an analysis, and the prices that they need beside it.

use types::analysis::{Analysis, CommitmentOffer, NextSteps, OfferPrices, Waste};

use crate::number::ratio;
use crate::prices::PriceBook;

/// The analysis with its waste and its next steps.
pub(crate) fn with(mut analysis: Analysis, book: &PriceBook, commitment: Option<CommitmentOffer>) -> Analysis {
    analysis.waste = Waste::of(&analysis);
    let prices = OfferPrices { commitment, ..prices(&analysis, book) };
    analysis.next_steps = Some(NextSteps::of(&analysis, &prices));
    analysis
}

fn prices(analysis: &Analysis, book: &PriceBook) -> OfferPrices {
    let Some(region) = analysis.region.as_deref() else { return OfferPrices::default() };
    let volume = |volume_type: &str| book.volume(volume_type, region).map(|priced| priced.price.usd());
    OfferPrices {
        gp3_over_gp2: volume("gp3").zip(volume("gp2")).and_then(|(gp3, gp2)| ratio(gp3, gp2)),
        control_plane_usd_per_hour: book.control_plane(region, false).map(|priced| priced.price.usd()),
        spot_saving_fraction: spot_saving(analysis, book, region),
        commitment: None,
    }
}

/// Returns the saving of spot on today's on-demand machines, on average by their hours; `None` where it is known of
/// none.
fn spot_saving(analysis: &Analysis, book: &PriceBook, region: &str) -> Option<f64> {
    let today = analysis.scenarios.iter().find(|scenario| scenario.id == "ec2-today")?;
    let on_demand = today.machine_hours.iter().filter(|row| row.are_on_demand_nodes());
    let known = on_demand.filter_map(|row| Some((row.hours, book.spot_saving(&row.instance_type, region)?)));
    let (mut hours, mut saved) = (0.0, 0.0);
    for (of, saving) in known {
        hours += of;
        saved += of * f64::from(saving.percent) / 100.0;
    }
    ratio(saved, hours)
}
