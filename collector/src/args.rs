//! The options of collecting, shared by `emp-cost collect` and the in-cluster binary.

use clap::Args;
use lake::LakeUri;
use types::ClusterId;

/// Where to collect from, and where to.
#[derive(Debug, Clone, Args)]
pub struct CollectArgs {
    /// URL of the Prometheus server, or of anything that speaks its HTTP API
    #[arg(long, value_name = "URL", env = "EMP_COST_PROMETHEUS_URL")]
    pub prometheus_url: String,

    /// The lake: a directory, or s3://bucket/prefix (credentials and region as the AWS CLI finds them)
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    pub lake: LakeUri,

    /// Name of the cluster in the lake: a-z, 0-9 and `-`
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    pub cluster_id: ClusterId,
}

/// How much is said, and in what form.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Messages")]
pub struct LogArgs {
    /// Say only what went wrong
    #[arg(long, global = true, env = "EMP_COST_QUIET", display_order = 900)]
    pub quiet: bool,

    /// Form of the log lines
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = LogFormat::Text,
        value_name = "FORMAT",
        env = "EMP_COST_LOG_FORMAT",
        display_order = 901
    )]
    pub log_format: LogFormat,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
