//! Tables, summary, trend and fleet: what they promise, whatever the analysis.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use crate::sample;

use chrono::TimeDelta;
use reports::csv_tables::SHEETS;
use reports::export::{self, Format, Report};
use reports::focus::{self, COLUMNS};
use reports::{FLEET_COLUMNS, Member, Money, Options, Standing};
use types::analysis::*;

/// The believable sample with something in every table.
fn full() -> Analysis {
    let mut analysis = sample::believable();
    let today = analysis.scenarios[0].clone();
    let replayed = |id: &str, label: &str, times: f64| {
        let mut scenario = today.clone();
        (scenario.id, scenario.label) = (id.to_owned(), label.to_owned());
        scenario.cost_usd.total = today.cost_usd.total.map(|total| total * times);
        scenario.monthly_usd = today.monthly_usd.map(|monthly| monthly * times);
        scenario.risk = Some(Risk {
            holds_target: true,
            served_fraction: 0.9999,
            machine_slots_over_cpu: 0.0,
            machine_slots_over_memory: 0.0,
            host_slots_over_cpu: None,
            host_slots_over_memory: None,
            lost_core_hours: 0.5,
            lost_core_hours_at_peaks: None,
            swap_gib_hours: 0.0,
            migrations: 3,
            restarted_pods: 2,
            pods_on_busiest: 40,
            workloads_on_busiest: 1,
            worst_slot: None,
        });
        scenario.by_hour = vec![ScenarioHour {
            start: analysis.window.start,
            nodes: 4,
            evms: 0,
            hosts: 0,
            cpu_used_cores: Some(3.5),
            cpu_capacity_cores: None,
            memory_used_gib: None,
            memory_capacity_gib: None,
            hottest_host_fraction: None,
        }];
        scenario
    };
    analysis.scenarios.push(replayed("ec2-repacked", "EC2 repacked", 0.8));
    analysis.scenarios.push(replayed("emp", "Elastic machine pool", 0.7));
    let saving = |from: &str, to: &str, monthly_usd: f64| Saving {
        from: from.to_owned(),
        to: to.to_owned(),
        window_usd: monthly_usd,
        monthly_usd,
        yearly_usd: monthly_usd * 12.0,
        fraction: Some(0.1),
        lines: vec!["compute".to_owned(), "fee".to_owned()],
    };
    analysis.savings.push(saving("ec2-today", "ec2-repacked", 2_000.0));
    analysis.savings.push(saving("ec2-today", "emp", 3_000.0));
    analysis.savings.push(saving("ec2-repacked", "emp", 1_000.0));
    let workload = analysis.allocation.as_ref().unwrap().by_workload.first().cloned();
    analysis.movability = workload
        .map(|w| WorkloadMovability {
            namespace: w.namespace,
            workload_kind: w.workload_kind,
            workload: w.workload,
            verdict: Mobility::Moves,
            reason: "nothing speaks against it".to_owned(),
            pod_hours: 720.0,
            cpu_request_core_hours: 10.0,
            memory_request_gib_hours: 20.0,
            saving_usd: Some(12.5),
        })
        .into_iter()
        .collect();
    analysis.waterfall = Some(Waterfall {
        from: "ec2-today".to_owned(),
        to: "emp".to_owned(),
        from_usd: 100.0,
        to_usd: 70.0,
        steps: vec![WaterfallStep { what: WaterfallChange::Repack, scenario: None, usd: -30.0 }],
        lines: vec!["compute".to_owned()],
    });
    analysis.exclusions = vec![Exclusion {
        reason: "arm64".to_owned(),
        workloads: 2,
        pod_hours: 10.0,
        memory_request_gib_hours: 5.0,
        by_choice: false,
        costs_usd: None,
    }];
    analysis
}

fn records(csv: &[u8]) -> (Vec<String>, Vec<csv::StringRecord>) {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.into_records().map(Result::unwrap).collect())
}

/// A table of a sample as rows of fields.
fn sheet(name: &str, analysis: &Analysis) -> (Vec<String>, Vec<csv::StringRecord>) {
    records(&SHEETS.iter().find(|sheet| sheet.name == name).unwrap().csv(analysis).unwrap())
}

fn field<'a>((header, rows): &'a (Vec<String>, Vec<csv::StringRecord>), row: usize, column: &str) -> &'a str {
    &rows[row][header.iter().position(|name| name == column).unwrap()]
}

#[test]
fn every_table_of_every_sample_can_be_read_back() {
    for (name, analysis) in sample::all().into_iter().chain([("full", full())]) {
        for sheet in SHEETS {
            let bytes = sheet.csv(&analysis).unwrap();
            assert_eq!(bytes, sheet.csv(&analysis).unwrap(), "{name} {}: the same bytes", sheet.name);
            let (header, rows) = records(&bytes);
            let columns: Vec<&str> = sheet.columns.iter().map(|(column, _)| *column).collect();
            assert_eq!(header, columns, "{name} {}", sheet.name);
            for row in &rows {
                assert_eq!(row.len(), columns.len(), "{name} {}", sheet.name);
                let runs = |field: &str| field.starts_with(['=', '+', '@', '\t', '\r']) || field.starts_with("-(");
                assert!(!row.iter().any(runs), "{name} {}: {row:?}", sheet.name);
            }
        }
    }
}

#[test]
fn units_stand_in_the_names_of_columns() {
    const UNITS: [&str; 12] = [
        "_usd",
        "_hours",
        "_gib",
        "_cores",
        "_fraction",
        "_ratio",
        "_days",
        "_max",
        "_mean",
        "_per_hour",
        "_at_peaks",
        "_per_unit",
    ];
    /// Counts, names, yes and no, moments and exact text.
    const BARE: [&str; 7] =
        ["nodes", "workloads", "migrations", "restarted_pods", "wave", "warm_machines", "spare_hosts_per_zone"];
    let analysis = full();
    for sheet in SHEETS {
        let (header, rows) = records(&sheet.csv(&analysis).unwrap());
        for (n, column) in header.iter().enumerate() {
            let number = rows.iter().any(|row| row[n].parse::<f64>().is_ok());
            let named = UNITS.iter().any(|unit| column.ends_with(unit))
                || BARE.contains(&column.as_str())
                || column.ends_with("_nano_usd")
                || column.ends_with("_on_busiest");
            let free = matches!(column.as_str(), "value" | "allowed" | "today" | "default" | "quantity" | "price_date");
            assert!(!number || named || free, "{}: `{column}` holds numbers without a unit", sheet.name);
        }
    }
}

#[test]
fn what_is_not_known_is_empty_and_zero_is_zero() {
    let analysis = full();
    let scenarios = sheet("scenarios", &analysis);
    assert_eq!((field(&scenarios, 0, "scenario"), field(&scenarios, 0, "holds_target")), ("ec2-today", ""));
    assert_eq!((field(&scenarios, 2, "scenario"), field(&scenarios, 2, "holds_target")), ("ec2-repacked", "true"));
    assert_eq!((field(&scenarios, 2, "swap_gib_hours"), field(&scenarios, 2, "lost_core_hours_at_peaks")), ("0", ""));
    let lines = sheet("cost-lines", &analysis);
    let unmodelled = lines.1.iter().find(|row| &row[0] == "ec2-today" && &row[1] == "licences").unwrap();
    assert_eq!(&unmodelled[2], "");
}

#[test]
fn a_workload_has_its_cost_its_movability_and_its_saving_in_one_row() {
    let analysis = full();
    let allocation = analysis.allocation.as_ref().unwrap();
    let workloads = sheet("workloads", &analysis);
    assert_eq!(workloads.1.len(), allocation.by_workload.len());
    if let Some(first) = allocation.by_workload.first() {
        assert_eq!(field(&workloads, 0, "workload"), first.workload);
        assert_eq!(field(&workloads, 0, "movability"), "moves");
        assert_eq!(field(&workloads, 0, "saving_usd"), "12.5");
        assert_eq!(field(&workloads, 0, "workload_nano_usd"), first.workload_nano_usd);
    }
}

/// The names between backticks in the first column of the table below a heading.
fn documented<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading:?}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.split('`').nth(1).unwrap()).collect()
}

#[test]
fn the_documentation_lists_what_the_code_writes() {
    let text = include_str!("../../../docs/exports.md");
    let names: Vec<&str> = SHEETS.iter().map(|sheet| sheet.name).collect();
    assert_eq!(documented(text, "## CSV tables"), names);
    for sheet in SHEETS {
        let heading = format!("### {}.csv", sheet.name);
        let columns: Vec<&str> = sheet.columns.iter().map(|(column, _)| *column).collect();
        assert_eq!(documented(text, &heading), columns, "{heading}");
        assert!(text.contains(sheet.about), "{heading}: {}", sheet.about);
        for (column, about) in sheet.columns {
            assert!(text.contains(&format!("| `{column}` | {about} |")), "{heading}: {column}: {about}");
        }
    }
    let columns: Vec<&str> = FLEET_COLUMNS.iter().map(|(column, _)| *column).collect();
    assert_eq!(documented(text, "### fleet.csv"), columns);
    let columns: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(documented(text, "## FOCUS columns"), columns);
    for column in COLUMNS {
        let level = column.level.name();
        let row = format!("| `{}` | {} | {level} | {} |", column.name, column.since, column.about);
        assert!(text.contains(&row), "{row}");
    }
    for format in Format::ALL {
        assert!(text.contains(&format!("| `{format}` |")), "{format}");
    }
}

#[test]
fn a_report_has_the_files_of_its_formats_and_the_page_last() {
    let analysis = full();
    let (options, focus) = (Options::default(), focus::Settings::default());
    let report = Report { analysis: &analysis, json: b"{}\n", options: &options, focus: &focus };
    let names = |formats: &[Format]| -> Vec<String> {
        export::files(&report, formats).unwrap().into_iter().map(|file| file.name).collect()
    };
    assert_eq!(names(&[Format::Html, Format::Json, Format::Json]), ["analysis.json", "index.html"]);
    assert_eq!(names(&[Format::Markdown]), ["summary.md"]);
    let all = names(&Format::ALL);
    assert_eq!(all.last().unwrap(), "index.html");
    for name in ["csv/workloads.csv", "focus/emp.parquet", "focus/emp.csv", "focus/ec2-today-by-workload.csv"] {
        assert!(all.iter().any(|file| file == name), "{name} is not in {all:?}");
    }
    assert_eq!(names(&[]), Vec::<String>::new());
    for file in export::files(&report, &Format::ALL).unwrap() {
        let expect = match file.name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("json") => "application/json",
            Some("csv") => "text/csv; charset=utf-8",
            Some("parquet") => "application/vnd.apache.parquet",
            Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Some("md") => "text/markdown; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(file.content_type, expect, "{}", file.name);
        assert_eq!(export::content_type(&file.name), expect, "a copy is served as the file is");
    }
    let files = export::files(&report, &[Format::Json]).unwrap();
    assert_eq!(files[0].content, b"{}\n", "the analysis is written as it was read");
}

#[test]
fn the_summary_says_what_the_page_says() {
    insta::assert_snapshot!(reports::markdown(&full(), &Money::default()));
    let euro = reports::markdown(&full(), &Money::try_new("EUR", 0.5).unwrap());
    assert!(euro.contains("€1,500") && !euro.contains('$'), "{euro}");
}

#[test]
fn names_in_the_summary_are_text() {
    for hostile in sample::HOSTILE.into_iter().chain(["`x`", "# x", "| x |", "@everyone #1", "![x](https://x.example)"])
    {
        let mut analysis = full();
        analysis.cluster_id = hostile.to_owned();
        analysis.verdict.text = hostile.to_owned();
        analysis.notes = vec![Note::warning(hostile)];
        analysis.movability.iter_mut().for_each(|workload| workload.workload = hostile.to_owned());
        let text = reports::markdown(&analysis, &Money::default());
        // Code spans aside, no character is left that could begin markup, a link or a mention.
        let mut outside = String::new();
        for line in text.lines() {
            let fence = line.chars().skip_while(|c| *c != '`').take_while(|c| *c == '`').count().max(1);
            outside.push_str(&line.split(&"`".repeat(fence)).step_by(2).collect::<Vec<_>>().join(" "));
            outside.push('\n');
        }
        let mut outside = outside.replace("<sub>", "").replace("</sub>", "");
        // What a backslash stands before is text.
        while let Some(at) = outside.find('\\') {
            let escaped = outside[at + 1..].chars().next().map_or(0, char::len_utf8);
            outside.replace_range(at..at + 1 + escaped, "");
        }
        for markup in ["<", "://", "![", "@e", "#1", "](", "\u{202e}"] {
            assert!(!outside.contains(markup), "{hostile:?} leaves {markup:?} in\n{outside}");
        }
        let tables = text.lines().filter(|line| line.starts_with('|'));
        assert!(tables.into_iter().all(|line| line.matches('|').count() == 4), "{text}");
    }
}

/// The same cluster in a window that ended so many days before, a tenth dearer for each.
fn earlier(analysis: &Analysis, days: i64) -> Standing {
    let mut analysis = analysis.clone();
    analysis.window.start -= TimeDelta::days(days);
    analysis.window.end -= TimeDelta::days(days);
    for scenario in &mut analysis.scenarios {
        scenario.monthly_usd = scenario.monthly_usd.map(|usd| usd * 1.1);
    }
    Standing::of(&analysis)
}

#[test]
fn a_trend_is_drawn_from_earlier_windows_of_the_same_cluster_alone() {
    let analysis = full();
    let page = |earlier: Vec<Standing>| reports::page(&analysis, &Options::default().earlier(earlier)).unwrap();
    let without = page(Vec::new());
    assert!(!without.contains("id=\"trend\""));
    let mut other = analysis.clone();
    other.cluster_id = "another".to_owned();
    assert_eq!(page(vec![earlier(&other, 7)]), without, "another cluster's past is not this one's");
    assert_eq!(page(vec![Standing::of(&analysis)]), without, "the window itself is not earlier");
    let with = page(vec![earlier(&analysis, 7), earlier(&analysis, 14), earlier(&analysis, 7)]);
    let section = with.split("id=\"trend\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(section.matches("<tr>").count(), 4, "a head and three windows");
    assert!(section.contains("Windows overlap"), "{section}");
    assert_eq!(with, page(vec![earlier(&analysis, 14), earlier(&analysis, 7)]), "in any order, the same bytes");
}

fn member(name: &str, saves: Option<(f64, f64)>) -> Member {
    let mut analysis = full();
    analysis.cluster_id = name.to_owned();
    if let Some((against_today, against_ec2)) = saves {
        for saving in analysis.savings.iter_mut().filter(|saving| saving.to == "emp") {
            saving.monthly_usd = if saving.from == "ec2-today" { against_today } else { against_ec2 };
        }
    } else {
        analysis.savings.clear();
    }
    Member {
        now: Standing::of(&analysis),
        earlier: vec![earlier(&analysis, 30)],
        link: Some(format!("{name}/index.html")),
    }
}

#[test]
fn a_fleet_is_ranked_by_what_is_saved_and_totals_what_can_be_compared() {
    let members = [
        member("loses", Some((500.0, -200.0))),
        member("unknown", None),
        member("saves-most", Some((4_000.0, 1_500.0))),
        member("saves-some", Some((9_000.0, 300.0))),
    ];
    let page = reports::fleet(&members, &Money::default(), None).unwrap();
    let at = |name: &str| page.find(&format!("<a href=\"{name}/index.html\">")).unwrap();
    assert!(at("saves-most") < at("saves-some") && at("saves-some") < at("loses") && at("loses") < at("unknown"));
    // 4,000 + 9,000 + 500 of three clusters; the one of which nothing can be said is named.
    assert!(page.contains("3 of 4 clusters would save $13,500 a month against today"), "{page}");
    assert!(page.contains("$1,600 a month against repacking"), "{page}");
    assert!(page.contains("On 2 of them a pool beats the best EC2 alternative, by $1,800 a month in all."), "{page}");
    assert!(page.contains("every total: its saving is not known"));
    assert!(page.contains("id=\"runs\"") && page.contains("31 May 2025"), "earlier runs are there");
    let mut turned = members.to_vec();
    turned.reverse();
    assert_eq!(page, reports::fleet(&turned, &Money::default(), None).unwrap(), "in any order, the same bytes");

    let (header, rows) = records(&reports::fleet_csv(&members).unwrap());
    assert_eq!(header, FLEET_COLUMNS.iter().map(|(column, _)| *column).collect::<Vec<_>>());
    let names: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(names, ["saves-most", "saves-some", "loses", "unknown"]);
}

#[test]
fn a_fleet_says_what_it_does_not_know_and_shows_names_as_text() {
    let page = reports::fleet(&[], &Money::default(), None).unwrap();
    assert!(page.contains("What a pool would save is known for no cluster"));
    let members: Vec<Member> = sample::HOSTILE.iter().map(|name| member(name, Some((1.0, 1.0)))).collect();
    let page = reports::fleet(&members, &Money::default(), None).unwrap();
    for markup in ["<script", "<img", "<b>bold", "\u{202e}desrever</"] {
        assert!(!page.contains(markup) || markup.starts_with('\u{202e}'), "{markup}");
    }
    assert!(page.contains("&#60;script&#62;"));
    assert!(page.matches("<h1>").count() == 1 && !page.contains("http:") && !page.contains("https:"));
}
