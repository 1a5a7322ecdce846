//! The verdict as data: what is recommended and why, how every scenario was judged, what would make a rejected one
//! acceptable and at what price, and how far the result can be trusted. The sentence is rendered from this.
//!
//! Amounts are USD a month of 730 hours, measured on the reported hours ([`Verdict::reported_hours`]).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The conclusion.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// One sentence.
    pub text: String,
    /// Recommended scenario id; `null` when the evidence does not carry a recommendation.
    pub recommendation: Option<String>,
    /// Saving of the best elastic machine pool ([`Verdict::best_pool`]) against today over the window, in USD, and where
    /// nothing could be replayed of `emp-vendor`; `null` when it cannot be formed.
    pub saving_vs_today_usd: Option<f64>,
    /// Saving of the same pool against its rival ([`Judged::rival`]) over the window, in USD: EC2 with the same requests,
    /// its policy chosen as the pool's ratios are, and what does not move treated alike. It is not what the best of EC2 with
    /// other requests would save; less than zero where EC2 is cheaper. `null` where nothing was replayed.
    #[serde(default)]
    pub saving_vs_best_ec2_usd: Option<f64>,
    /// Least and greatest of that over the assumptions tried, one at a time.
    #[serde(default)]
    pub range_usd: Option<[f64; 2]>,
    /// Bootstrap interval; only with eight whole weeks, so `null` otherwise.
    #[serde(default)]
    pub interval_usd: Option<[f64; 2]>,
    /// Why the recommendation is what it is; `null` in analyses that predate it.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Amounts of the recommended scenario against today; `null` where none is recommended.
    #[serde(default)]
    pub amounts: Option<Amounts>,
    /// Confidence in the conclusion, also in one that nothing can be recommended; `null` in analyses that predate it.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Every scenario that was judged, the largest saving first.
    #[serde(default)]
    pub judged: Vec<Judged>,
    /// Remedies that would make scenarios hold that break a limit, and that make those hold that do, with the price.
    #[serde(default)]
    pub remedies: Vec<Remedy>,
    /// Limits that today's machines are over themselves, replayed: each with today's figure as its value, and as what is allowed
    /// the limit as it is set. Today is the reference and never fails; other scenarios may come to a tenth more than this.
    #[serde(default)]
    pub today_breaches: Vec<LimitCheck>,
    /// Hours scenarios are compared on: the last whole week or more; those before serve choices and the warm-up. Zero in
    /// analyses that predate it.
    #[serde(default)]
    pub reported_hours: u32,
    /// Hours that variants were chosen on, before the reported ones; zero where nothing was chosen.
    #[serde(default)]
    pub chosen_hours: u32,
}

/// A scenario by its stable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioId {
    /// Today's bill, as measured.
    Ec2Today,
    /// Today's machine types and policy, replayed: the back-test.
    Ec2TodayReplayed,
    /// Repacked on EC2 as Karpenter would.
    Ec2RepackedKarpenter,
    /// Repacked on EC2 at the default policy.
    Ec2Repacked,
    /// Repacked on EC2, with the policy chosen from variants.
    Ec2Tuned,
    /// Right-sized and repacked on EC2.
    Ec2Rightsized,
    /// The arithmetic of the vendor's published examples.
    EmpVendor,
    /// The elastic machine pool at the documented ratios.
    Emp,
    /// The elastic machine pool, with ratios chosen from variants.
    EmpTuned,
    /// The elastic machine pool with right-sized requests.
    EmpRightsized,
}

impl ScenarioId {
    /// Every scenario, the one that changes least first: between equals the earlier is recommended.
    pub const ALL: [Self; 10] = [
        Self::Ec2Today,
        Self::Ec2TodayReplayed,
        Self::Ec2RepackedKarpenter,
        Self::Ec2Repacked,
        Self::Ec2Tuned,
        Self::Ec2Rightsized,
        Self::EmpVendor,
        Self::Emp,
        Self::EmpTuned,
        Self::EmpRightsized,
    ];

    /// The id as it is written in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2Today => "ec2-today",
            Self::Ec2TodayReplayed => "ec2-today-replayed",
            Self::Ec2RepackedKarpenter => "ec2-repacked-karpenter",
            Self::Ec2Repacked => "ec2-repacked",
            Self::Ec2Tuned => "ec2-tuned",
            Self::Ec2Rightsized => "ec2-rightsized",
            Self::EmpVendor => "emp-vendor",
            Self::Emp => "emp",
            Self::EmpTuned => "emp-tuned",
            Self::EmpRightsized => "emp-rightsized",
        }
    }

    /// The scenario of an id; `None` for an unknown one.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == id)
    }

    /// Returns true when it has elastic VMs.
    pub const fn is_emp(self) -> bool {
        match self {
            Self::Ec2Today | Self::Ec2TodayReplayed | Self::Ec2RepackedKarpenter => false,
            Self::Ec2Repacked | Self::Ec2Tuned | Self::Ec2Rightsized => false,
            Self::EmpVendor | Self::Emp | Self::EmpTuned | Self::EmpRightsized => true,
        }
    }

    /// Returns true when it differs from today and was replayed, so that it can be recommended as a change.
    pub const fn is_change(self) -> bool {
        match self {
            Self::Ec2Today | Self::Ec2TodayReplayed | Self::EmpVendor => false,
            Self::Ec2RepackedKarpenter | Self::Ec2Repacked | Self::Ec2Tuned | Self::Ec2Rightsized => true,
            Self::Emp | Self::EmpTuned | Self::EmpRightsized => true,
        }
    }

    /// Returns true when it may be recommended: every change but Karpenter's packer, which `ec2-repacked` stands for.
    pub const fn may_be_recommended(self) -> bool {
        match self {
            Self::Ec2Today | Self::Ec2TodayReplayed | Self::EmpVendor | Self::Ec2RepackedKarpenter => false,
            Self::Ec2Repacked | Self::Ec2Tuned | Self::Ec2Rightsized => true,
            Self::Emp | Self::EmpTuned | Self::EmpRightsized => true,
        }
    }

    /// The scenario on EC2 that it is compared with like for like; `None` for those on EC2, and where nothing is replayed.
    pub const fn rival(self) -> Option<Self> {
        match self {
            Self::Ec2Today | Self::Ec2TodayReplayed | Self::Ec2RepackedKarpenter | Self::EmpVendor => None,
            Self::Ec2Repacked | Self::Ec2Tuned | Self::Ec2Rightsized => None,
            Self::Emp => Some(Self::Ec2Repacked),
            Self::EmpTuned => Some(Self::Ec2Tuned),
            Self::EmpRightsized => Some(Self::Ec2Rightsized),
        }
    }

    /// Returns true when pods get right-sized requests.
    pub const fn is_rightsized(self) -> bool {
        match self {
            Self::Ec2Rightsized | Self::EmpRightsized => true,
            Self::Ec2Today | Self::Ec2TodayReplayed | Self::Ec2RepackedKarpenter | Self::Ec2Repacked => false,
            Self::Ec2Tuned | Self::EmpVendor | Self::Emp | Self::EmpTuned => false,
        }
    }
}

impl std::fmt::Display for ScenarioId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The least that a recommended scenario saves, as a share of the bill: less is not worth a change.
pub const LEAST_SAVING_FRACTION: f64 = 0.03;
/// The largest share of core-seconds or GiB-seconds without a sample that carries a recommendation.
pub const MOST_SILENT_FRACTION: f64 = 0.05;

/// Why the verdict is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The recommended scenario saves most of those that hold every limit.
    SavesMost,
    /// Another scenario saves a little more, but within what the model can tell apart; the recommended one changes less.
    ChangesLess,
    /// No scenario is cheaper than today.
    NothingSaves,
    /// The saving is below 3 % of the bill, or below the error of the back-test.
    SavesTooLittle,
    /// Cheaper scenarios exist, but each breaks a limit.
    LimitsBroken,
    /// No pod runs, so there is nothing to compare.
    NoPods,
    /// The window is too short to judge by.
    WindowTooShort,
    /// Usage is missing for too much of the CPU or memory that pods use.
    UsageMissing,
    /// Something that decides the comparison has no price.
    Unpriced,
    /// No scenario could be replayed.
    NotReplayed,
}

/// Level of confidence in a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceLevel {
    /// May turn around.
    Low,
    /// The direction holds; the amount may change.
    Medium,
    /// Direction and amount hold for the weeks measured.
    High,
}

/// What becomes of a recommendation at another value of an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Flip {
    /// It breaks a limit on risk.
    BreaksLimit,
    /// It saves too little to be recommended.
    SavesTooLittle,
    /// Another scenario is recommended.
    #[default]
    AnotherWins,
}

/// Doubt that limits the confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Doubt {
    /// The recommendation turns around within the values one assumption may have.
    FlipsWith {
        /// Key of the assumption.
        key: String,
        /// The value at which it turns around.
        value: String,
        /// What becomes of the recommendation there.
        #[serde(default)]
        then: Flip,
    },
    /// The window is under three whole weeks, so nothing was tuned and little was seen.
    ShortWindow {
        /// Hours present.
        hours: u32,
    },
    /// Facts about the elastic machine pool end in 2025.
    EmpFactsDated,
    /// Usage is missing in the busiest hours of the day.
    SilentBusyHours,
    /// Horizontal pod autoscalers run more replicas with smaller requests, which the saving does not count.
    AutoscalersAddReplicas {
        /// Share of the CPU requested that is theirs.
        share: f64,
    },
    /// Usage is missing for some of the CPU or memory that pods use.
    UsagePartlyMissing {
        /// Share of core-seconds or GiB-seconds, the larger.
        share: f64,
    },
    /// Hours are missing from the window.
    HoursMissing {
        /// Share of the hours.
        share: f64,
    },
    /// The replay of today's machines differs from today's bill.
    BackTest {
        /// The difference, as a share of today's compute cost.
        share: f64,
    },
    /// A cost that changes is not priced.
    Unpriced {
        /// Name of the thing.
        what: String,
    },
    /// The saving is near what is needed to recommend anything.
    SavingNearThreshold {
        /// Saving as a share of the bill.
        share: f64,
    },
    /// There was nothing to compare: no pod ran, or no scenario could be replayed.
    NothingCompared,
}

impl Doubt {
    /// Returns the most that confidence can be under it.
    pub fn level(&self) -> ConfidenceLevel {
        /// Hours of one week.
        const WEEK: u32 = 168;
        /// Share that the back-test may be off by before it is low.
        const FAR_OFF: f64 = 0.1;
        let low = match self {
            Self::FlipsWith { .. } | Self::SavingNearThreshold { .. } | Self::NothingCompared => true,
            Self::ShortWindow { hours } => *hours < WEEK,
            Self::UsagePartlyMissing { share } => *share > MOST_SILENT_FRACTION,
            Self::BackTest { share } => share.abs() > FAR_OFF,
            Self::EmpFactsDated | Self::SilentBusyHours | Self::Unpriced { .. } => false,
            Self::AutoscalersAddReplicas { .. } | Self::HoursMissing { .. } => false,
        };
        if low { ConfidenceLevel::Low } else { ConfidenceLevel::Medium }
    }
}

/// The confidence in a conclusion and what limits it, the gravest first. Where nothing can be recommended it is low.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confidence {
    /// The level.
    pub level: ConfidenceLevel,
    /// Why it is not higher; empty at the highest.
    pub doubts: Vec<Doubt>,
}

/// Limit that a scenario may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// CPU asked for beyond what machines and hosts have, as a share of CPU used.
    CpuLost,
    /// The same for the workload that loses most.
    WorkloadCpuLost,
    /// Share of the pods' memory that is on machines and hosts whose mean memory is over capacity.
    MemoryOverMean,
    /// Share of the pods' memory that is on machines and hosts whose largest memory is over capacity.
    MemoryOverMax,
    /// Evictions by the scenario per pod of a service and day.
    Evictions,
    /// The same for stateful sets and single replicas.
    SingleEvictions,
    /// Most pods on one machine or host, as a share of all.
    BlastRadius,
    /// Share of the time in which the rest of a zone could not take over from a lost host.
    HostLoss,
    /// Share of starts of services later than a minute.
    LateServices,
    /// Share of starts of batch pods later than a minute and a tenth of their length.
    LateBatch,
    /// Periodic runs that started after the next one was due.
    OvertakenRuns,
    /// Share of the pods' time in which they never get a machine.
    Unplaceable,
    /// Cost of warm machines, as a share of compute.
    HeadroomCost,
}

/// Check of a scenario against one limit, outside the first day, on the reported hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitCheck {
    /// The limit.
    pub limit: Limit,
    /// Value of the scenario; `null` where it cannot be known.
    pub value: Option<f64>,
    /// The most allowed: the default, or 1.1 times today's replayed where that is more.
    pub allowed: f64,
    /// The same measure in the replay of today's machines; `null` where it cannot be known.
    pub today: Option<f64>,
    /// `true` when it holds.
    pub holds: bool,
    /// Where it is worst, such as a workload; `null` where that says nothing.
    pub worst: Option<String>,
}

/// Machines kept ready beyond what pods ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Headroom {
    /// Warm machines in each lot: machines of one zone, architecture, OS and capacity type.
    pub warm_machines: u32,
    /// Their instance types.
    pub instance_types: Vec<String>,
    /// Seconds an empty machine is kept.
    pub empty_seconds: u32,
    /// Cost beyond the same scenario without headroom, in USD a month.
    pub monthly_usd: f64,
}

/// A scenario as it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judged {
    /// The scenario.
    pub scenario: ScenarioId,
    /// Cost in USD a month, headroom, spare hosts and work owed included, over the lines priced in it and today.
    pub monthly_usd: f64,
    /// Saving in USD a month against today, over the same lines; negative where it costs more.
    pub saving_monthly_usd: f64,
    /// That saving as a share of today's cost over the same lines; `null` where that is zero.
    pub saving_fraction: Option<f64>,
    /// The scenario on EC2 it is compared with like for like; `null` for those on EC2.
    pub rival: Option<ScenarioId>,
    /// Saving against that rival.
    pub saving_vs_rival_monthly_usd: Option<f64>,
    /// Cost in USD a month on the hours choices were made on; `null` where nothing was chosen.
    pub chosen_monthly_usd: Option<f64>,
    /// `true` when it holds every limit.
    pub holds: bool,
    /// Every limit, those that do not hold first.
    pub limits: Vec<LimitCheck>,
    /// Headroom that is kept ready; `null` where nothing is.
    pub headroom: Option<Headroom>,
    /// Spare hosts priced in each zone, so that a lost host can be taken over from.
    pub spare_hosts_per_zone: u32,
    /// Hosts that stand mostly empty because each zone needs its own; `null` where it is not zones that decide how many
    /// there are, and without hosts.
    #[serde(default)]
    pub zone_hosts: Option<ZoneHosts>,
    /// Work that is owed at the end of the reported hours, in its cost; `null` where none is.
    #[serde(default)]
    pub work_owed: Option<WorkOwed>,
}

/// Work of jobs, CronJobs and bare pods that a scenario has not done by the end of the reported hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkOwed {
    /// Pod-hours.
    pub pod_hours: f64,
    /// CPU requested for them, in core-hours.
    pub core_hours: f64,
    /// Memory requested for them, in GiB-hours.
    pub gib_hours: f64,
    /// Its price in USD a month, at what the scenario's own work costs; `null` where it did none.
    pub monthly_usd: Option<f64>,
}

/// Hosts that each zone needs for itself, where together they would be fewer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ZoneHosts {
    /// Zones with hosts.
    pub zones: u32,
    /// Hosts at once, on average over the reported hours, spare ones included.
    pub hosts: f64,
    /// Fill on average: the larger of the shares of CPU and of memory in use.
    pub fill_fraction: f64,
}

/// Kind of remedy for a scenario that breaks limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RemedyKind {
    /// Machines kept warm.
    KeepWarm {
        /// Machines that are kept, and for how long.
        headroom: Headroom,
    },
    /// A spare host in each zone.
    SpareHosts {
        /// Number in each zone.
        per_zone: u32,
    },
    /// No level of headroom tried makes it hold.
    NoneFound,
}

/// A remedy with its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Remedy {
    /// The scenario it is for.
    pub scenario: ScenarioId,
    /// The limits the scenario breaks without it.
    pub mends: Vec<Limit>,
    /// Measure to take.
    pub what: RemedyKind,
    /// Cost in USD a month; `null` where none was found.
    pub monthly_usd: Option<f64>,
    /// `true` when it is part of the scenario's cost.
    pub included: bool,
}

/// Commitments paid unused in one month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StrandedMonth {
    /// Year and month, such as `2026-08`; the first and the last may be in part.
    pub month: String,
    /// Amount in that month; one whose end the prices file does not give is listed for twelve months.
    pub usd: f64,
}

/// Amounts of the recommended scenario, in USD a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Amounts {
    /// Today, over the lines compared.
    pub today_monthly_usd: f64,
    /// The recommended scenario, over the same lines.
    pub monthly_usd: f64,
    /// The difference: what is saved.
    pub saving_monthly_usd: f64,
    /// As a share of today's.
    pub saving_fraction: Option<f64>,
    /// Of the cost, unused commitments that are paid until they expire.
    pub stranded_monthly_usd: f64,
    /// The same month by month from the end of the window until the last has expired.
    #[serde(default)]
    pub stranded_by_month: Vec<StrandedMonth>,
    /// Saving once they have expired.
    pub saving_after_commitments_monthly_usd: f64,
    /// Saving from each date on at which commitments expire, the earliest first; empty where none has a date after the
    /// window.
    #[serde(default)]
    pub after_expiries: Vec<AfterExpiry>,
    /// Running old and new side by side while moving, once, in USD: to a pool for two weeks of each step, on EC2 while a
    /// new node boots and takes over the pods of an old one. Nobody's working time is in it. `null` where it is not known.
    pub transition_usd: Option<f64>,
    /// Days until the saving has paid for that.
    pub payback_days: Option<f64>,
    /// Least and greatest saving over the assumptions tried one at a time; `null` where none was.
    pub range_monthly_usd: Option<[f64; 2]>,
    /// The cost lines compared.
    pub lines: Vec<String>,
}

/// What is saved once commitments have expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AfterExpiry {
    /// The first day without them, in UTC.
    pub from: NaiveDate,
    /// Names of the commitments that end with the day before.
    pub commitments: Vec<String>,
    /// Saving from then on, in USD a month, until others expire.
    pub saving_monthly_usd: f64,
}

impl Verdict {
    /// The scenario that is recommended; `None` where none is.
    pub fn recommended(&self) -> Option<ScenarioId> {
        self.recommendation.as_deref().and_then(ScenarioId::parse)
    }

    /// Returns the judgement of a scenario.
    pub fn judged(&self, scenario: ScenarioId) -> Option<&Judged> {
        self.judged.iter().find(|judged| judged.scenario == scenario)
    }

    /// The elastic machine pool to speak of: the one recommended, else the one that saves most of those that hold every
    /// limit, else of all.
    pub fn best_pool(&self) -> Option<&Judged> {
        self.best(true)
    }

    /// The same of the alternatives on EC2.
    pub fn best_on_ec2(&self) -> Option<&Judged> {
        self.best(false)
    }

    fn best(&self, emp: bool) -> Option<&Judged> {
        let changes = || self.changes().filter(|judged| judged.scenario.is_emp() == emp);
        let recommended = self.recommended();
        changes()
            .find(|judged| Some(judged.scenario) == recommended)
            .or_else(|| saves_most(changes().filter(|judged| judged.holds)))
            .or_else(|| saves_most(changes()))
    }

    /// Scenarios that can be recommended as a change: Karpenter’s packer is not named beside the one that stands for it.
    pub fn changes(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.scenario.may_be_recommended())
    }
}

/// The scenario that saves most; of equals the one that changes less.
pub fn saves_most<'a>(scenarios: impl Iterator<Item = &'a Judged>) -> Option<&'a Judged> {
    scenarios
        .max_by(|a, b| a.saving_monthly_usd.total_cmp(&b.saving_monthly_usd).then_with(|| b.scenario.cmp(&a.scenario)))
}
