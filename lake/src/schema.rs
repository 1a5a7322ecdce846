//! The data dictionary: every table and column, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use crate::column_values::Kind;
use crate::tables::{Column, ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};

/// A table, described.
#[derive(Debug, Clone, Copy)]
pub struct TableInfo {
    /// Its name.
    pub name: &'static str,
    /// Description of a row.
    pub doc: &'static str,
    /// The columns that make a row of an hour unique, and by which rows are sorted.
    pub key: [&'static str; 2],
    /// Its columns, in order.
    pub columns: &'static [Column],
}

impl TableInfo {
    const fn of<T: Table>() -> Self {
        let [a, b] = T::KEY;
        Self { name: T::NAME, doc: T::DOC, key: [a.name, b.name], columns: T::COLUMNS }
    }
}

/// Every table.
pub const TABLES: [TableInfo; 6] = [
    TableInfo::of::<ContainerHour>(),
    TableInfo::of::<PodHour>(),
    TableInfo::of::<NodeHour>(),
    TableInfo::of::<VolumeHour>(),
    TableInfo::of::<LoadBalancerHour>(),
    TableInfo::of::<QualityHour>(),
];

/// A table by its name.
pub fn table(name: &str) -> Option<&'static TableInfo> {
    TABLES.iter().find(|table| table.name == name)
}

/// The name of a kind as SQL engines that read Parquet call it; Athena's DDL takes it as it is.
const fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Bool => "boolean",
        Kind::Int32 => "int",
        Kind::Int64 => "bigint",
        Kind::Int32BySlot => "array<int>",
        Kind::TextList => "array<string>",
    }
}

/// The columns at the end of every table, which say what the path of the file says.
const HOME: [(&str, &str); 2] = [
    ("cluster", "The cluster, as in the path; not in files of releases before 2026-12."),
    ("date", "The UTC day, as in the path: `2026-07-31`; not in files of releases before 2026-12."),
];

/// Meaning of null in a column; empty where there is none.
fn null_meaning(column: &Column) -> &'static str {
    let in_doc = column.doc.to_lowercase().contains("null");
    match (column.nullable, in_doc) {
        (false, _) => "",
        (true, true) => "as described",
        (true, false) => "not known",
    }
}

/// The dictionary as Markdown: what `emp-cost lake schema` prints and `lake/README.md` holds.
pub fn markdown() -> String {
    let mut text = String::new();
    for table in TABLES {
        let [a, b] = table.key;
        let _ = write!(
            text,
            "### `{}`\n\n{} Unique in an hour, and sorted, by `{a}`, `{b}`.\n\n",
            table.name,
            table.doc.trim()
        );
        text.push_str("| column | type | unit | null | meaning |\n|---|---|---|---|---|\n");
        for column in table.columns {
            let doc = column.doc.split_whitespace().collect::<Vec<_>>().join(" ");
            let (kind, unit, null) = (sql_type(column.kind), column.unit, null_meaning(column));
            let _ = writeln!(text, "| `{}` | {kind} | {unit} | {null} | {} |", column.name, doc.replace('|', "\\|"));
        }
        for (name, doc) in HOME {
            let _ = writeln!(text, "| `{name}` | string |  |  | {doc} |");
        }
        text.push('\n');
    }
    text
}

#[derive(Serialize)]
struct TableJson {
    table: &'static str,
    meaning: &'static str,
    unique_by: [&'static str; 2],
    columns: Vec<ColumnJson>,
}

#[derive(Serialize)]
struct ColumnJson {
    name: &'static str,
    r#type: &'static str,
    unit: Option<&'static str>,
    nullable: bool,
    meaning: String,
}

/// The dictionary as JSON.
///
/// # Errors
/// When the encoder fails, for which it has no reason.
pub fn json() -> Result<String, serde_json::Error> {
    let column = |c: &Column| ColumnJson {
        name: c.name,
        r#type: sql_type(c.kind),
        unit: Some(c.unit).filter(|unit| !unit.is_empty()),
        nullable: c.nullable,
        meaning: c.doc.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let home = |(name, meaning): (&'static str, &str)| ColumnJson {
        name,
        r#type: sql_type(Kind::Text),
        unit: None,
        nullable: false,
        meaning: meaning.to_owned(),
    };
    let tables = TABLES.map(|table| TableJson {
        table: table.name,
        meaning: table.doc.trim(),
        unique_by: table.key,
        columns: table.columns.iter().map(column).chain(HOME.map(home)).collect(),
    });
    serde_json::to_string_pretty(&tables).map(|text| text + "\n")
}

/// The statements for DuckDB that make a view of each table of the lake at `location`, a directory or `s3://bucket/prefix`.
/// The views follow the manifests, so they are right whatever happened to the lake: days compacted or outdated, hours
/// corrected, writers stopped half-way.
pub fn duckdb(location: &str) -> String {
    let mut text = PARTS.replace("'lake'", &format!("'{}'", location.replace('\'', "''")));
    for table in TABLES {
        text.push_str(&view(&table));
    }
    text
}

/// The statements that make the view of one table.
fn view(table: &TableInfo) -> String {
    if table.name != LoadBalancerHour::NAME {
        return VIEW.replace("TABLE", table.name);
    }
    let own = table.columns.iter().map(|column| column.name);
    let columns = own.chain(HOME.map(|(name, _)| name)).map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
    let empty = table.columns.iter().map(|column| format!("NULL::{} AS \"{}\"", duckdb_type(column.kind), column.name));
    let empty = empty.collect::<Vec<_>>().join(", ");
    let view = OPTIONAL_VIEW.replace("COLUMNS", &columns.join(", ")).replace("EMPTY", &empty);
    view.replace("TABLE", table.name)
}

/// The name of a kind in DuckDB.
const fn duckdb_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "VARCHAR",
        Kind::Bool => "BOOLEAN",
        Kind::Int32 => "INTEGER",
        Kind::Int64 => "BIGINT",
        Kind::Int32BySlot => "INTEGER[]",
        Kind::TextList => "VARCHAR[]",
    }
}

/// Which hours of which file count. `lake/README.md` holds it word for word.
const PARTS: &str = include_str!("schema/parts.sql");
/// One view. A table without a file would have no columns, so a lake without hours has no views.
const VIEW: &str = include_str!("schema/view.sql");
/// The view of a table of which a lake may have no file: its columns are written out, and where there is no file, those of
/// another table are looked at, of which no row counts.
const OPTIONAL_VIEW: &str = include_str!("schema/optional_view.sql");

/// The DDL of one table for Athena, over the paths of the lake at `location`, such as `s3://bucket/prefix`. Days are
/// found by partition projection, so no crawler runs and no partition is ever added.
pub fn athena(table: &TableInfo, location: &str) -> String {
    let columns = table.columns.iter().map(|c| format!("  `{}` {}", c.name, sql_type(c.kind)));
    let columns = columns.collect::<Vec<_>>().join(",\n");
    let name = table.name;
    format!(
        "CREATE EXTERNAL TABLE {name} (\n{columns}\n)\nPARTITIONED BY (`cluster` string, `date` string)\nSTORED AS PARQUET\nLOCATION '{location}/v1/{name}/'\nTBLPROPERTIES (\n  'projection.enabled' = 'true',\n  'projection.cluster.type' = 'injected',\n  'projection.date.type' = 'date',\n  'projection.date.format' = 'yyyy-MM-dd',\n  'projection.date.range' = '2025-01-01,NOW',\n  'storage.location.template' = '{location}/v1/{name}/cluster=${{cluster}}/date=${{date}}/'\n);\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");

    #[test]
    fn the_readme_holds_the_dictionary_word_for_word() {
        assert!(
            README.contains(&markdown()),
            "lake/README.md differs from `emp-cost lake schema`; put its output there"
        );
    }

    #[test]
    fn the_readme_holds_the_ddl_of_every_table() {
        for table in &TABLES {
            let ddl = athena(table, "s3://my-bucket/emp-cost");
            assert!(README.contains(&ddl), "lake/README.md lacks:\n{ddl}");
        }
    }

    #[test]
    fn the_readme_holds_the_statements_for_duckdb() {
        let view = VIEW.replace("TABLE", "container_hour");
        assert!(README.contains(PARTS) && README.contains(&view), "lake/README.md lacks:\n{PARTS}{view}");
        assert!(duckdb("s3://b/it's").contains("'s3://b/it''s'"));
        let optional = duckdb("lake");
        assert!(
            optional.contains(r#"NULL::BOOLEAN AS "internet_facing""#) && !optional.contains("EMPTY"),
            "{optional}"
        );
    }

    #[test]
    fn the_json_has_every_column() {
        let json: serde_json::Value = serde_json::from_str(&json().unwrap()).unwrap();
        let count: usize = json.as_array().unwrap().iter().map(|t| t["columns"].as_array().unwrap().len()).sum();
        assert_eq!(count, TABLES.iter().map(|t| t.columns.len() + HOME.len()).sum::<usize>());
        assert!(HOME.map(|(name, _)| name) == crate::parquet_encoding::HOME_COLUMNS);
        assert_eq!(json[0]["columns"][0]["unit"], "second");
    }

    #[test]
    fn a_key_is_made_of_columns() {
        for table in TABLES {
            for key in table.key {
                assert!(table.columns.iter().any(|column| column.name == key && !column.nullable), "{key}");
            }
        }
    }
}
