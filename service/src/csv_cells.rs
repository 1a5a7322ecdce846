//! Cells of a CSV file: exact amounts, and names that are no formulas.

/// An amount with its nine decimals, exact.
pub(crate) fn decimal(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// A text in a CSV: quoted, and never the beginning of a formula, which a name of a cluster could be.
pub(crate) fn field(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = text.replace('"', "\"\"");
    format!("\"{}{text}\"", if risky { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_exactly_and_a_name_is_no_formula() {
        assert_eq!(decimal(-1_500_000_001), "-1.500000001");
        assert_eq!(decimal(7), "0.000000007");
        assert_eq!(field("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(field("a\"b"), "\"a\"\"b\"");
    }
}
