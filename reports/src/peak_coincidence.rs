//! Coincidence of peaks, and the overcommit that the window would have borne.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Analysis, Coincidence, CoincidenceRow, SafeOvercommit};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "peak_coincidence.html")]
pub(crate) struct Peaks {
    coincidence: Table,
    overcommit: Table,
}

impl HtmlSafe for Peaks {}

impl Peaks {
    /// The part; `None` for an analysis that predates it.
    pub(crate) fn new(analysis: &Analysis) -> Option<Self> {
        let ledger = analysis.utilisation.coincidence.as_ref()?;
        Some(Self { coincidence: coincidence(ledger), overcommit: overcommit(ledger) })
    }
}

fn coincidence(ledger: &Coincidence) -> Table {
    let row = |(cpu, memory): (&CoincidenceRow, &CoincidenceRow)| {
        let of = |row: &CoincidenceRow, unit: fn(f64) -> String| {
            [
                Cell::new(unit(row.sum_of_peaks)).sub(format!("together {}", unit(row.peak_of_sum))),
                Cell::new(number_format::percent_or_unknown(row.coincidence)),
            ]
        };
        let [cpu_peaks, cpu_meet] = of(cpu, number_format::cores);
        let [memory_peaks, memory_meet] = of(memory, number_format::gib);
        let name = scenario_words::plain(&format!("each {} by itself", cpu.level));
        Row::new(vec![Cell::new(scenario_words::sentence(&name)), cpu_peaks, cpu_meet, memory_peaks, memory_meet])
    };
    Table::new(
        "Sum of peaks against peak of the sum, in the day of the highest peak",
        vec![
            Column::text("Peaks of"),
            Column::number("CPU", "sum of peaks"),
            Column::number("Meets", "of that"),
            Column::number("Memory", "sum of peaks"),
            Column::number("Meets", "of that"),
        ],
        ledger.cpu.iter().zip(&ledger.memory).map(row).collect(),
    )
}

fn overcommit(ledger: &Coincidence) -> Table {
    let row = |row: &SafeOvercommit| {
        let measure = match (row.resource.as_str(), row.measure.as_str()) {
            ("cpu", _) => "CPU in use",
            (_, "used") => "memory in use",
            (_, "high_water") => "memory, the most each node ever used",
            _ => "memory touched, page cache included",
        };
        Some(Row::new(vec![
            Cell::new(scenario_words::sentence(measure)),
            Cell::new(number_format::percent_or_unknown(row.worst_of_capacity)),
            Cell::new(format!("× {}", number_format::tenths(row.ratio?))),
        ]))
    };
    Table::new(
        "Overcommit that would have held",
        vec![
            Column::text("Counting"),
            Column::number("Fullest slot", "of all capacity"),
            Column::number("Overcommit", "at 80 % full"),
        ],
        ledger.safe_overcommit.iter().filter_map(row).collect(),
    )
}
