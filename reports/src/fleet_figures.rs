//! The numbers of a [`Standing`], for programs that show a fleet in other ways than its page.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cluster_summary::Standing;
use crate::confidence_words;

/// Where a cluster stands. Costs are per month of 730 hours, in the currency of the analysis; `None` is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The cluster.
    pub cluster_id: String,
    /// AWS region.
    pub region: Option<String>,
    /// Currency of the amounts.
    pub currency: String,
    /// Start of the window.
    pub start: DateTime<Utc>,
    /// First moment after it.
    pub end: DateTime<Utc>,
    /// Hours that were analyzed.
    pub hours_present: u32,
    /// Hours of the window.
    pub hours_expected: u32,
    /// Of the present hours, those that a generator made.
    pub hours_synthetic: u32,
    /// Cost of the cluster today.
    pub today_monthly_usd: Option<f64>,
    /// `true` when that leaves something out.
    pub today_partial: bool,
    /// Cost of the best EC2 alternative, with what makes it hold its limits.
    pub ec2_monthly_usd: Option<f64>,
    /// Cost of an elastic machine pool, with its fee and what makes it hold its limits.
    pub pool_monthly_usd: Option<f64>,
    /// Objection to that pool, in two words.
    pub pool_note: Option<&'static str>,
    /// Saving of a pool against today, over the lines priced on both sides.
    pub saving_vs_today_monthly_usd: Option<f64>,
    /// The same as a fraction.
    pub saving_vs_today_fraction: Option<f64>,
    /// Saving of a pool against the best EC2 alternative; `None` where nothing was replayed.
    pub saving_vs_ec2_monthly_usd: Option<f64>,
    /// The same as a fraction.
    pub saving_vs_ec2_fraction: Option<f64>,
    /// `true` when a change is recommended, `false` when staying as it is is; `None` where the report cannot say, as one of
    /// the bill alone.
    pub change_recommended: Option<bool>,
    /// Recommended action, in words; `None` where no change is recommended.
    pub recommended_action: Option<&'static str>,
    /// Saving of that against today.
    pub recommended_saving_monthly_usd: Option<f64>,
    /// Confidence in that: `high`, `medium` or `low`.
    pub confidence: Option<&'static str>,
    /// Share of today's bill whose quantities were seen and whose prices are own or listed.
    pub seen_fraction: Option<f64>,
    /// Saving of elastic VMs that run already.
    pub realised_monthly_usd: Option<f64>,
}

impl Standing {
    /// Its numbers.
    pub fn figures(&self) -> Figures {
        let (today, ec2) = (self.saving_vs_today.as_ref(), self.saving_vs_ec2.as_ref());
        Figures {
            cluster_id: self.cluster_id.clone(),
            region: self.region.clone(),
            currency: self.currency.clone(),
            start: self.start,
            end: self.end,
            hours_present: self.hours_present,
            hours_expected: self.hours_expected,
            hours_synthetic: self.hours_synthetic,
            today_monthly_usd: self.today.monthly_usd,
            today_partial: self.today.partial,
            ec2_monthly_usd: self.ec2_compared().monthly_usd,
            pool_monthly_usd: self.pool_compared().monthly_usd,
            pool_note: Some(self.pool_note).filter(|note| !note.is_empty()),
            saving_vs_today_monthly_usd: today.map(|saving| saving.monthly_usd),
            saving_vs_today_fraction: today.and_then(|saving| saving.fraction),
            saving_vs_ec2_monthly_usd: ec2.map(|saving| saving.monthly_usd),
            saving_vs_ec2_fraction: ec2.and_then(|saving| saving.fraction),
            change_recommended: self.change_recommended(),
            recommended_action: self.recommended.map(|recommended| types::wording::action(recommended.scenario)),
            recommended_saving_monthly_usd: self.recommended.map(|recommended| recommended.monthly_usd),
            confidence: self.recommended.and_then(|recommended| recommended.confidence).map(confidence_words::level),
            seen_fraction: self.seen_fraction,
            realised_monthly_usd: self.realised_monthly_usd,
        }
    }
}
