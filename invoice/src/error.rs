//! Reasons for which a bill cannot be held against the lake.

/// Error from reading an export.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    /// Nothing there can be read.
    #[error(
        "`{location}` holds no CSV or Parquet file of a cost export; name the folder or the file that AWS delivered"
    )]
    Nothing {
        /// Where it was looked.
        location: String,
    },
    /// A file could not be opened or read.
    #[error("could not read `{file}`")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A form of file that is not read.
    #[error("`{file}` is a {form} file; {hint}")]
    Form {
        /// The file.
        file: String,
        /// Kind of file.
        form: &'static str,
        /// The next step.
        hint: &'static str,
    },
    /// It is no export, or one without a column that is needed.
    #[error("`{file}` lacks {columns}; {hint}")]
    Columns {
        /// The file.
        file: String,
        /// The columns, in words.
        columns: String,
        /// Format the file was taken for, and the next step.
        hint: String,
    },
    /// A value is not what its column holds.
    #[error("`{file}`, row {row}: `{value}` in column `{column}` is not {expected}")]
    Value {
        /// The file.
        file: String,
        /// The row, counted from one after the head.
        row: u64,
        /// The column as the file names it.
        column: String,
        /// Value that is there.
        value: String,
        /// Value that should be there.
        expected: &'static str,
    },
    /// Several deliveries of one month.
    #[error(
        "`{location}` holds several deliveries of {period}, in `{first}` and `{second}`, and no manifest says which is the last; name the folder of one"
    )]
    Versions {
        /// Where it was looked.
        location: String,
        /// The billing period.
        period: String,
        /// A folder.
        first: String,
        /// Another.
        second: String,
    },
    /// Another currency than the analysis'.
    #[error(
        "the bill is in {given}, and amounts of this cluster's region are in {expected}; export the bill in {expected}"
    )]
    Currency {
        /// Of the bill.
        given: String,
        /// Of the analysis.
        expected: String,
    },
    /// No hour is in both.
    #[error(
        "no hour is in both: the export covers {export}, and the lake's hours of `{cluster}` are from {from} to {to}; export that month, or analyze the export's with --from and --to"
    )]
    Elsewhere {
        /// Span of the export, in words.
        export: String,
        /// The cluster.
        cluster: String,
        /// First hour of the lake.
        from: String,
        /// End of its last.
        to: String,
    },
    /// A task died.
    #[error("a task that read the bill died")]
    Task(#[from] tokio::task::JoinError),
}
