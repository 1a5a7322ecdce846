//! Names as text in YAML and JSON, whatever they hold.

/// A string as a double-quoted scalar of YAML, in ASCII without angle brackets: it can neither end a line, nor a
/// comment of Markdown, nor turn the direction of what follows.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '<' | '>' => quoted.push_str(&format!("\\x{:02X}", u32::from(c))),
            ' '..='~' => quoted.push(c),
            c if u32::from(c) <= 0xFF => quoted.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xFFFF => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// A string of JSON.
fn json(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if u32::from(c) < 0x20 => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// A list of strings in JSON.
pub(crate) fn json_list(texts: &[&str]) -> String {
    let items: Vec<String> = texts.iter().map(|text| json(text)).collect();
    format!("[{}]", items.join(", "))
}

/// An object of strings in JSON.
pub(crate) fn json_object(pairs: &[(&str, &str)]) -> String {
    let items: Vec<String> = pairs.iter().map(|(key, value)| format!("{}: {}", json(key), json(value))).collect();
    format!("{{{}}}", items.join(", "))
}
