//! Where a cluster stood at the end of one window: the few numbers that are compared between windows and clusters.

use chrono::{DateTime, Utc};
use types::HourSource;
use types::analysis::{Analysis, ConfidenceLevel, Judged, Saving, Scenario, ScenarioId};

use crate::scenario_words::{self, REPACKED, TODAY};

/// The few numbers of an analysis that a trend and a fleet compare. Costs are per month of 730 hours, so that windows of
/// different length compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub(crate) cluster_id: String,
    pub(crate) region: Option<String>,
    pub(crate) currency: String,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) hours_present: u32,
    pub(crate) hours_expected: u32,
    /// Of the present hours, those that no server was asked for.
    pub(crate) hours_synthetic: u32,
    pub(crate) today: Cost,
    /// Repacked on EC2 with the same requests; not known where nothing was replayed.
    pub(crate) ec2: Cost,
    /// The elastic machine pool that the page speaks of.
    pub(crate) pool: Cost,
    pub(crate) pool_id: String,
    /// The same two as they were judged, with what makes them hold their limits; the savings are formed with these.
    pub(crate) ec2_judged_usd: Option<f64>,
    pub(crate) pool_judged_usd: Option<f64>,
    /// Objection to that pool, in two words; empty where there is none.
    pub(crate) pool_note: &'static str,
    pub(crate) recommendation: Option<String>,
    /// Recommendation, where the verdict has its data and a change is recommended.
    pub(crate) recommended: Option<Recommended>,
    pub(crate) saving_vs_today: Option<Compared>,
    pub(crate) saving_vs_ec2: Option<Compared>,
    pub(crate) cpu_used_of_capacity: Option<f64>,
    pub(crate) cpu_requested_of_capacity: Option<f64>,
    pub(crate) memory_used_of_capacity: Option<f64>,
    pub(crate) memory_requested_of_capacity: Option<f64>,
    /// Share of today's bill whose quantities were seen and whose prices are the user's own or in a public list.
    pub(crate) seen_fraction: Option<f64>,
    /// Saving of elastic VMs that run already, per month.
    pub(crate) realised_monthly_usd: Option<f64>,
}

/// Of the present hours, those that no server was asked for.
pub(crate) fn synthetic_hours(analysis: &Analysis) -> u32 {
    let parts = analysis.window.hours_by_source.iter();
    parts.filter(|part| part.source != HourSource::Prometheus).map(|part| part.hours).sum()
}

/// Cost of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Cost {
    pub(crate) monthly_usd: Option<f64>,
    /// `true` when it leaves something out.
    pub(crate) partial: bool,
}

/// A saving over the lines priced in both scenarios.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) monthly_usd: f64,
    pub(crate) fraction: Option<f64>,
    pub(crate) lines: Vec<String>,
}

/// A change that is recommended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recommended {
    pub(crate) scenario: ScenarioId,
    /// Saving against today.
    pub(crate) monthly_usd: f64,
    pub(crate) fraction: Option<f64>,
    pub(crate) confidence: Option<ConfidenceLevel>,
}

impl Standing {
    /// The numbers of an analysis.
    pub fn of(analysis: &Analysis) -> Self {
        let window = &analysis.window;
        let cost = |id: &str| scenario_words::scenario(analysis, id).map_or_else(Cost::default, Cost::of);
        let pool_id = scenario_words::pool(analysis);
        let pool = analysis.verdict.best_pool();
        let rival = pool.and_then(|pool| pool.rival).map_or(REPACKED, ScenarioId::as_str);
        let saving = |from: &str| {
            let pair = analysis.savings.iter().find(|saving| saving.from == from && saving.to == pool_id);
            pair.filter(|_| analysis.verdict.saving_vs_today_usd.is_some()).map(Compared::of)
        };
        let (cpu, memory) = (&analysis.utilisation.cpu, &analysis.utilisation.memory);
        let months = scenario_words::months_per_window(analysis);
        Self {
            cluster_id: analysis.cluster_id.clone(),
            region: analysis.region.clone(),
            currency: analysis.currency.clone(),
            start: window.start,
            end: window.end,
            hours_present: window.hours_present,
            hours_expected: window.hours_expected,
            hours_synthetic: synthetic_hours(analysis),
            today: cost(TODAY),
            ec2: cost(rival),
            pool: cost(pool_id),
            pool_id: pool_id.to_owned(),
            ec2_judged_usd: pool.and_then(|pool| analysis.verdict.judged(pool.rival?)).map(|rival| rival.monthly_usd),
            pool_judged_usd: pool.map(|pool| pool.monthly_usd),
            pool_note: match pool {
                Some(judged) if !judged.holds => "breaks a limit",
                None if pool_id == scenario_words::VENDOR => "not replayed",
                _ => "",
            },
            recommendation: analysis.verdict.recommendation.clone(),
            recommended: Recommended::of(analysis),
            saving_vs_today: pool.map_or_else(|| saving(TODAY), |pool| Some(Compared::with_today(analysis, pool))),
            saving_vs_ec2: pool.map_or_else(|| saving(REPACKED), |pool| Compared::with_rival(analysis, pool)),
            cpu_used_of_capacity: cpu.used_of_capacity,
            cpu_requested_of_capacity: cpu.requested_of_capacity,
            memory_used_of_capacity: memory.used_of_capacity,
            memory_requested_of_capacity: memory.requested_of_capacity,
            seen_fraction: seen(analysis),
            realised_monthly_usd: analysis
                .realised
                .as_ref()
                .and_then(|realised| realised.saving_usd)
                .zip(months)
                .map(|(usd, months)| usd * months),
        }
    }

    /// The cluster, as it is named in the lake.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Returns true when its pool is the vendor's arithmetic and no replay.
    pub(crate) fn is_arithmetic(&self) -> bool {
        self.pool_id == scenario_words::VENDOR
    }

    /// Returns true when a change is recommended, and false when the conclusion is to stay; `None` without a conclusion.
    pub(crate) fn change_recommended(&self) -> Option<bool> {
        match self.recommended {
            Some(_) => Some(true),
            None => {
                let concluded = self.recommendation.as_deref().and_then(ScenarioId::parse)?;
                (!concluded.is_change()).then_some(false)
            }
        }
    }

    /// The best on EC2 as it was judged, which its savings are formed with; as it was replayed where it was not judged.
    pub(crate) fn ec2_compared(&self) -> Cost {
        Cost { monthly_usd: self.ec2_judged_usd.or(self.ec2.monthly_usd), ..self.ec2 }
    }

    /// The pool in the same way.
    pub(crate) fn pool_compared(&self) -> Cost {
        Cost { monthly_usd: self.pool_judged_usd.or(self.pool.monthly_usd), ..self.pool }
    }

    /// The currency of its amounts.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Cost today in a month of 730 hours; `None` when it is not known.
    pub fn today_monthly(&self) -> Option<f64> {
        self.today.monthly_usd
    }

    /// First moment after the window.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }
}

impl Cost {
    fn of(scenario: &Scenario) -> Self {
        Self { monthly_usd: scenario.monthly_usd, partial: scenario.partial }
    }
}

impl Recommended {
    fn of(analysis: &Analysis) -> Option<Self> {
        let verdict = &analysis.verdict;
        let scenario = verdict.recommended().filter(|scenario| scenario.is_change())?;
        let amounts = verdict.amounts.as_ref()?;
        Some(Self {
            scenario,
            monthly_usd: amounts.saving_monthly_usd,
            fraction: amounts.saving_fraction,
            confidence: verdict.confidence.as_ref().map(|confidence| confidence.level),
        })
    }
}

impl Compared {
    /// A pool as it was judged, against today.
    fn with_today(analysis: &Analysis, pool: &Judged) -> Self {
        Self {
            monthly_usd: pool.saving_monthly_usd,
            fraction: pool.saving_fraction,
            lines: lines(analysis, TODAY, pool.scenario),
        }
    }

    /// The same against its like on EC2.
    fn with_rival(analysis: &Analysis, pool: &Judged) -> Option<Self> {
        let (rival, monthly_usd) = (pool.rival?, pool.saving_vs_rival_monthly_usd?);
        let of = analysis.verdict.judged(rival).map(|rival| rival.monthly_usd).filter(|usd| *usd > 0.0);
        Some(Self {
            monthly_usd,
            fraction: of.map(|of| monthly_usd / of),
            lines: lines(analysis, rival.as_str(), pool.scenario),
        })
    }

    fn of(saving: &Saving) -> Self {
        Self { monthly_usd: saving.monthly_usd, fraction: saving.fraction, lines: saving.lines.clone() }
    }
}

/// Cost lines that a pair of scenarios is compared over; none where the analysis does not list the pair.
fn lines(analysis: &Analysis, from: &str, to: ScenarioId) -> Vec<String> {
    let pair = analysis.savings.iter().find(|saving| saving.from == from && saving.to == to.as_str());
    pair.map(|saving| saving.lines.clone()).unwrap_or_default()
}

fn seen(analysis: &Analysis) -> Option<f64> {
    let evidence = analysis.evidence.as_ref()?;
    let seen = evidence.measured_usd + evidence.listed_usd;
    let all = seen + evidence.inferred_usd + evidence.assumed_usd;
    (all > 0.0).then(|| seen / all)
}
