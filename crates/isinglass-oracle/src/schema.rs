//! What an answer has to be.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// A type that a model can answer with: one JSON object of exactly the schema's fields.
pub trait Answer: DeserializeOwned {
    /// The fields; those that deserializing takes.
    fn schema() -> Schema;

    /// What is wrong with an answer that has the right fields; nothing by default.
    ///
    /// Each reason is told to the model when it is asked again.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The fields of a JSON object, all of which it has to have, and no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The fields in the order in which they are asked for.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its key.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// What it says, for the model.
    pub meaning: String,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// Yes or no.
    Flag,
    /// A whole number between two, both included.
    Whole(u64, u64),
    /// One of some strings.
    OneOf(Vec<String>),
    /// An object of exactly these fields.
    Object(Schema),
    /// An object of exactly these fields, or null.
    ObjectOrNull(Schema),
}

impl Schema {
    /// A schema of fields, each with key, what it holds and what it says.
    pub fn of<N: Into<String>, M: Into<String>>(fields: impl IntoIterator<Item = (N, FieldKind, M)>) -> Self {
        let field = |(name, kind, meaning): (N, _, M)| Field { name: name.into(), kind, meaning: meaning.into() };
        Self { fields: fields.into_iter().map(field).collect() }
    }

    /// The schema as a JSON Schema, which is what providers take.
    pub fn to_json_schema(&self) -> Value {
        let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let properties: Map<String, Value> = self.fields.iter().map(|f| (f.name.clone(), f.to_json_schema())).collect();
        json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
    }

    /// The schema in words, for the prompt: a line a field.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        self.describe_into(&mut text, 0);
        text
    }

    fn describe_into(&self, text: &mut String, depth: usize) {
        for Field { name, kind, meaning } in &self.fields {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}- \"{name}\" ({}): {meaning}", "  ".repeat(depth), kind.describe());
            if let FieldKind::Object(schema) | FieldKind::ObjectOrNull(schema) = kind {
                schema.describe_into(text, depth + 1);
            }
        }
    }
}

impl Field {
    fn to_json_schema(&self) -> Value {
        let mut schema = match &self.kind {
            FieldKind::Text => json!({"type": "string"}),
            FieldKind::Texts => json!({"type": "array", "items": {"type": "string"}}),
            FieldKind::Flag => json!({"type": "boolean"}),
            FieldKind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            FieldKind::OneOf(values) => json!({"type": "string", "enum": values}),
            FieldKind::Object(schema) => schema.to_json_schema(),
            FieldKind::ObjectOrNull(schema) => {
                let mut schema = schema.to_json_schema();
                schema["type"] = json!(["object", "null"]);
                schema
            }
        };
        schema["description"] = json!(self.meaning);
        schema
    }
}

impl FieldKind {
    fn describe(&self) -> String {
        match self {
            Self::Text => "string".into(),
            Self::Texts => "array of strings, which may be empty".into(),
            Self::Flag => "true or false".into(),
            Self::Whole(least, most) => format!("whole number from {least} to {most}"),
            Self::OneOf(values) => format!("\"{}\"", values.join("\" or \"")),
            Self::Object(_) => "object of exactly the fields below".into(),
            Self::ObjectOrNull(_) => "null, or an object of exactly the fields below".into(),
        }
    }

    /// Where a value is not of this kind: its path and what it should be.
    fn mismatch(&self, value: &Value, path: &str) -> Option<String> {
        let fits = match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Flag, Value::Bool(_)) | (Self::ObjectOrNull(_), Value::Null) => {
                true
            }
            (Self::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
            (Self::Whole(least, most), Value::Number(number)) => {
                number.as_u64().is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Self::OneOf(values), Value::String(value)) => values.contains(value),
            (Self::Object(schema) | Self::ObjectOrNull(schema), Value::Object(object)) => {
                return schema.mismatch_under(object, &format!("{path}."));
            }
            _ => false,
        };
        (!fits).then(|| format!("`{path}` must be: {}", self.describe()))
    }
}

impl Schema {
    /// What keeps an object from having exactly these fields, if anything does.
    pub(crate) fn mismatch(&self, object: &Map<String, Value>) -> Option<String> {
        self.mismatch_under(object, "")
    }

    fn mismatch_under(&self, object: &Map<String, Value>, under: &str) -> Option<String> {
        let unknown: Vec<_> = object.keys().filter(|key| self.fields.iter().all(|f| f.name != **key)).collect();
        let missing: Vec<_> = self.fields.iter().map(|f| &f.name).filter(|name| !object.contains_key(*name)).collect();
        if !missing.is_empty() || !unknown.is_empty() {
            let list = |what: &str, names: &[&String]| match names {
                [] => String::new(),
                // Of names that a model made up, a few are enough, and not all of each.
                names => format!(
                    " {what}: {};",
                    names.iter().take(8).map(|n| format!("`{under}{}`", short(n, 40))).collect::<Vec<_>>().join(", ")
                ),
            };
            let text = format!("the fields differ:{}{}", list("missing", &missing), list("unknown", &unknown));
            return Some(text.trim_end_matches(';').to_owned());
        }
        self.fields.iter().find_map(|f| f.kind.mismatch(&object[&f.name], &format!("{under}{}", f.name)))
    }
}

/// The start of a text that may be long, for a message.
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let edit = Schema::of([("text", FieldKind::Text, "a text")]);
        Schema::of([
            ("grade", FieldKind::Whole(1, 5), "how good"),
            ("name", FieldKind::OneOf(vec!["a".into(), "b".into()]), "which"),
            ("issues", FieldKind::Texts, "what is wrong"),
            ("fine", FieldKind::Flag, "whether it is"),
            ("edit", FieldKind::ObjectOrNull(edit), "a better one"),
        ])
    }

    fn check(change: impl FnOnce(&mut Map<String, Value>)) -> Option<String> {
        let mut value = json!({"grade": 5, "name": "b", "issues": [], "fine": true, "edit": null});
        change(value.as_object_mut().unwrap());
        schema().mismatch(value.as_object().unwrap())
    }

    #[test]
    fn what_fits() {
        assert_eq!(check(|_| ()), None);
        assert_eq!(check(|o| o["edit"] = json!({"text": "x"})), None);
        assert_eq!(check(|o| o["issues"] = json!(["x", ""])), None);
    }

    #[test]
    fn what_does_not_is_named() {
        let wrong = |key: &str, value: Value| check(|o| o[key] = value).unwrap();
        for value in [json!(0), json!(6), json!(-1), json!(3.5), json!("3"), Value::Null, json!(1e300)] {
            assert_eq!(wrong("grade", value), "`grade` must be: whole number from 1 to 5");
        }
        assert_eq!(wrong("name", json!("A")), "`name` must be: \"a\" or \"b\"");
        assert_eq!(wrong("issues", json!(["x", 1])), "`issues` must be: array of strings, which may be empty");
        assert_eq!(wrong("fine", json!("true")), "`fine` must be: true or false");
        assert_eq!(wrong("edit", json!({})), "the fields differ: missing: `edit.text`");
        assert_eq!(wrong("edit", json!({"text": null})), "`edit.text` must be: string");
        let fields = check(|o| {
            o.remove("fine");
            o.insert("Fine".into(), json!(true));
        });
        assert_eq!(fields.unwrap(), "the fields differ: missing: `fine`; unknown: `Fine`");
    }

    #[test]
    fn many_long_names_make_no_long_message() {
        let message = check(|o| o.extend((0..500).map(|i| ("é".repeat(500) + &i.to_string(), Value::Null)))).unwrap();
        assert!(message.chars().count() < 500, "{message}");
    }

    #[test]
    fn as_json_schema_and_in_words() {
        let json = schema().to_json_schema();
        assert_eq!(json["required"], json!(["grade", "name", "issues", "fine", "edit"]));
        assert_eq!(json["additionalProperties"], json!(false));
        assert_eq!(json["properties"]["edit"]["type"], json!(["object", "null"]));
        assert_eq!(
            json["properties"]["grade"],
            json!({"type": "integer", "minimum": 1, "maximum": 5, "description": "how good"})
        );
        let words = schema().describe();
        assert!(
            words.starts_with("- \"grade\" (whole number from 1 to 5): how good\n- \"name\" (\"a\" or \"b\"): which\n")
        );
        assert!(words.ends_with("\n  - \"text\" (string): a text\n"), "{words}");
    }
}
