//! What the description of the API says of every operation alike: errors, and what a parameter may be.

use serde_json::{Map, Value, json};

/// Errors that any operation may answer with, and what they mean.
const ERRORS: [(&str, &str); 7] = [
    ("400", "A value makes no sense"),
    ("401", "No valid token"),
    ("403", "The token does not allow this"),
    ("404", "Not there, or not to be seen"),
    ("429", "Too many requests; the detail says how long to wait"),
    ("500", "Something failed, which the log of the service names"),
    ("503", "The storage does not answer; try again"),
];
const NOT_BLANK: &str = "[A-Za-z0-9]";
/// A day of this century, those at the ends of months among them, and nothing for none.
const DAY: &str = "^(20[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|20([02468][048]|[13579][26])-02-29)?$";
const PROBLEM: &str = "ApiProblem";

/// What a query parameter may be, by its name. An empty value is the same as none.
fn parameter(name: &str) -> Option<Value> {
    Some(match name {
        "offset" => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": 10_000}),
        "by" => json!({
            "type": "string",
            "pattern": "^(cluster|namespace|workload|node_group|day|part|label:[A-Za-z0-9._/-]+)?$"
        }),
        "cluster" => json!({"type": "string", "pattern": "^([a-z0-9][a-z0-9-]{0,62})?$"}),
        "label" => json!({"type": "string", "pattern": "^([A-Za-z0-9._/-]+=[A-Za-z0-9._-]*)?$"}),
        "from" | "to" | "report" => json!({"type": "string", "pattern": DAY}),
        "namespace" | "workload" | "node_group" => json!({"type": "string"}),
        _ => return None,
    })
}

/// The description with what holds of every operation.
pub(crate) fn finished(mut described: Value) -> Value {
    let paths = described.get_mut("paths").and_then(Value::as_object_mut);
    for operation in paths.into_iter().flatten().filter_map(|(_, item)| item.as_object_mut()).flatten() {
        if let Some(operation) = operation.1.as_object_mut() {
            add_errors(operation);
            narrow(operation);
        }
    }
    // What a what-if is called is more than blanks, and so is one of the things it changes.
    if let Some(asked) = described.pointer_mut("/components/schemas/AskWhatIf").and_then(Value::as_object_mut) {
        let title = asked.get_mut("properties").and_then(|fields| fields.get_mut("title"));
        if let Some(title) = title.and_then(Value::as_object_mut) {
            title.insert("pattern".to_owned(), json!(NOT_BLANK));
        }
        asked.insert(
            "anyOf".to_owned(),
            json!([
                {"properties": {"assumptions": {"pattern": NOT_BLANK}}},
                {"required": ["prices"], "properties": {"prices": {"pattern": NOT_BLANK}}},
                {"required": ["namespaces"], "properties": {"namespaces": {"minItems": 1}}},
                {"required": ["labels"], "properties": {"labels": {"minProperties": 1}}},
            ]),
        );
    }
    let schemas = described.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        schemas.insert(PROBLEM.to_owned(), problem());
    }
    described
}

/// RFC 9457.
fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong with this request, and what to do"}
        }
    })
}

fn add_errors(operation: &mut Map<String, Value>) {
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, means) in ERRORS {
        let response = responses.entry(status).or_insert_with(|| json!({"description": means}));
        if let Some(response) = response.as_object_mut() {
            let schema = json!({"schema": {"$ref": format!("#/components/schemas/{PROBLEM}")}});
            response.insert("content".to_owned(), json!({"application/problem+json": schema}));
        }
    }
}

fn narrow(operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for one in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
        let in_query = one.get("in").and_then(Value::as_str) == Some("query");
        let schema = one.get("name").and_then(Value::as_str).and_then(parameter);
        if let Some(schema) = schema.filter(|_| in_query) {
            one.insert("schema".to_owned(), schema);
        }
    }
}
