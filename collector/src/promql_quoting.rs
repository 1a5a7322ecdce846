//! Names and texts as PromQL takes them.

/// The name of a label as PromQL has it: in quotes where it is more than letters, digits and `_`, as names are that come
/// with OpenTelemetry (`k8s.cluster.name`).
pub(crate) fn label_name(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { quoted(name) }
}

/// A PromQL string.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A regular expression that matches exactly the given names, inside a PromQL string.
pub(crate) fn alternatives(names: &[&str]) -> String {
    let mut pattern = String::new();
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            pattern.push('|');
        }
        for c in name.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => pattern.push(c),
                '"' => pattern.push_str("\\\""),
                '\\' => pattern.push_str("\\\\\\\\"),
                '\n' => pattern.push_str("\\n"),
                _ => {
                    pattern.push_str("\\\\");
                    pattern.push(c);
                }
            }
        }
    }
    pattern
}
