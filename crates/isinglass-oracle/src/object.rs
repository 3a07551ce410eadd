//! The one JSON object in a reply.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use crate::ask::{Fault, Note};

/// The most bytes of a reply that are looked at: no answer is as long.
const LONGEST: usize = 1 << 20;

/// An object that was found in a reply.
pub(crate) struct Found<'a> {
    /// The object.
    pub(crate) object: Map<String, Value>,
    /// Its text.
    pub(crate) text: &'a str,
    /// What stands around it.
    pub(crate) notes: Vec<Note>,
}

/// The object of a reply that has one and no other.
///
/// The first brace has to begin it: where more braces come before or behind, it is not clear which object is meant.
pub(crate) fn one_object(reply: &str) -> Result<Found<'_>, Fault> {
    if reply.len() > LONGEST {
        return Err(Fault::TooLong { n_bytes: reply.len(), most: LONGEST });
    }
    let Some(start) = reply.find('{') else { return Err(Fault::NoObject) };
    let before = reply[..start].trim();
    if before.ends_with('[') {
        return Err(Fault::NotAlone);
    }
    let mut deserializer = Deserializer::from_str(&reply[start..]).into_iter::<Object>();
    let object = match deserializer.next() {
        Some(Ok(object)) => object.0,
        Some(Err(error)) => return Err(Fault::Malformed { reason: error.to_string() }),
        None => return Err(Fault::NoObject),
    };
    let end = start + deserializer.byte_offset();
    let behind = reply[end..].trim();
    if behind.contains(['{', '}']) {
        return Err(Fault::NotAlone);
    }
    let (opened, closed) = (before.ends_with("```json") || before.ends_with("```"), behind.starts_with("```"));
    let mut notes = Vec::new();
    if opened || closed {
        notes.push(Note::Fenced);
    }
    let before = before.strip_suffix("```json").or_else(|| before.strip_suffix("```")).unwrap_or(before);
    if !before.trim().is_empty() || !behind.strip_prefix("```").unwrap_or(behind).trim().is_empty() {
        notes.push(Note::Surrounded);
    }
    Ok(Found { object, text: &reply[start..end], notes })
}

/// An object that has each of its keys once.
struct Object(Map<String, Value>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Map::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if object.contains_key(&key) {
                        return Err(A::Error::custom(format!(
                            "the field `{}` stands twice",
                            crate::schema::short(&key, 40)
                        )));
                    }
                    object.insert(key, value);
                }
                Ok(Object(object))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Whether a text is an object in JSON, with nothing around it.
#[cfg(test)]
fn is_object(text: &str) -> bool {
    use serde::Deserializer as _;
    let mut deserializer = Deserializer::from_str(text);
    (&mut deserializer).deserialize_map(serde::de::IgnoredAny).is_ok() && deserializer.end().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(reply: &str) -> Result<(String, Vec<Note>), Fault> {
        one_object(reply).map(|Found { object, text, notes }| {
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), Value::Object(object));
            (text.to_owned(), notes)
        })
    }

    #[test]
    fn alone_fenced_and_surrounded() {
        let object = r#"{"a": "a } in a \" string {"}"#;
        let with = |notes: &[Note]| (object.to_owned(), notes.to_vec());
        assert_eq!(check(object).unwrap(), with(&[]));
        assert_eq!(check(&format!("\n {object}\n")).unwrap(), with(&[]));
        assert_eq!(check(&format!("```json\n{object}\n```\n")).unwrap(), with(&[Note::Fenced]));
        assert_eq!(check(&format!("```\n{object}\n```")).unwrap(), with(&[Note::Fenced]));
        assert_eq!(check(&format!("Here it is:\n{object}")).unwrap(), with(&[Note::Surrounded]));
        let both = format!("Sure!\n```json\n{object}\n```\nAnything else?");
        assert_eq!(check(&both).unwrap(), with(&[Note::Fenced, Note::Surrounded]));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(check("").unwrap_err(), Fault::NoObject);
        assert_eq!(check("I would rather not.").unwrap_err(), Fault::NoObject);
        assert_eq!(check("[1, 2]").unwrap_err(), Fault::NoObject);
        for two in
            [r#"{"a": 1} {"a": 2}"#, r#"{"a": 1} or {"#, r#"[{"a": 1}]"#, r#"so: [ {"a": 1}, 3]"#, r#"{"a": 1}}"#]
        {
            assert_eq!(check(two).unwrap_err(), Fault::NotAlone, "{two}");
        }
        for broken in
            [r#"{"a": 1"#, r#"{"a": {"b": 1}, "c"#, "{a: 1}", r#"{"a": 1,}"#, r#"{I hope} {"a": 1}"#, "{\"a\": \"\n\"}"]
        {
            assert!(matches!(check(broken).unwrap_err(), Fault::Malformed { .. }), "{broken}");
        }
    }

    #[test]
    fn a_field_stands_once() {
        let Fault::Malformed { reason } = check(r#"{"a": 1, "b": 2, "a": 1}"#).unwrap_err() else { panic!() };
        assert!(reason.starts_with("the field `a` stands twice"), "{reason}");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(matches!(check(&deep).unwrap_err(), Fault::Malformed { .. }));
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(LONGEST));
        assert!(matches!(check(&long).unwrap_err(), Fault::TooLong { .. }));
    }

    proptest! {
        #[test]
        fn no_reply_panics(reply in ".{0,60}") {
            let _ = one_object(&reply);
        }

        #[test]
        fn nor_one_of_braces(reply in "[{}\\[\\]\",:a1`\\\\ é]{0,40}") {
            if let Ok(Found { text, .. }) = one_object(&reply) {
                prop_assert!(is_object(text));
            }
        }
    }
}
