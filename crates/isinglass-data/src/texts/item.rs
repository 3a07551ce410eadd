//! One text, and the line that holds it.

use std::{io, io::Read as _, path::Path};

use serde::{Deserialize, Serialize};

use crate::DataError;

/// One text of a file: plain, in named parts, or a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextItem {
    /// A text as it is.
    Plain(String),
    /// Parts that follow one another, so that each can be found again in the whole.
    Parts(Vec<Part>),
    /// Turns of a conversation, which a model's chat template makes into a text.
    Chat(Vec<Turn>),
}

/// A part of a text, with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called (`scenario`).
    pub name: String,
    /// The text itself.
    pub text: String,
}

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Whose turn it is (`user`).
    pub role: String,
    /// What is said.
    pub content: String,
}

/// How a line holds its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As it is.
    Plain,
    /// In a JSON object.
    Json,
}

/// A line in JSON; other keys are skipped.
#[derive(Deserialize)]
struct Object {
    text: Option<String>,
    parts: Option<Vec<Part>>,
    messages: Option<Vec<Turn>>,
}

impl Format {
    /// The text of a line that is not blank; `path` is for the errors alone.
    pub(super) fn parse(self, content: &str, path: &Path, line: usize) -> Result<TextItem, DataError> {
        if self == Self::Plain {
            return Ok(TextItem::Plain(content.to_owned()));
        }
        // serde would also take an array of the three, in the order of the fields.
        if !content.trim_start().starts_with('{') {
            return Err(DataError::NotOneText { path: path.to_owned(), line, found: Vec::new() });
        }
        let object: Object =
            from_line(content, line).map_err(|source| DataError::BadText { path: path.to_owned(), line, source })?;
        let (key, has_text, item) = match object {
            Object { text: Some(text), parts: None, messages: None } => {
                ("text", says_something(&text), TextItem::Plain(text))
            }
            Object { text: None, parts: Some(parts), messages: None } => {
                ("parts", parts.iter().any(|part| says_something(&part.text)), TextItem::Parts(parts))
            }
            Object { text: None, parts: None, messages: Some(turns) } => {
                ("messages", turns.iter().any(|turn| says_something(&turn.content)), TextItem::Chat(turns))
            }
            Object { text, parts, messages } => {
                let keys = [("text", text.is_some()), ("parts", parts.is_some()), ("messages", messages.is_some())];
                let found = keys.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
                return Err(DataError::NotOneText { path: path.to_owned(), line, found });
            }
        };
        if has_text { Ok(item) } else { Err(DataError::EmptyItem { path: path.to_owned(), line, key }) }
    }
}

fn says_something(text: &str) -> bool {
    !text.trim().is_empty()
}

/// Parses one line; a failure is found again behind as many line ends as the file has before it,
/// so that the parser's own message counts lines as the file does.
fn from_line(content: &str, line: usize) -> Result<Object, serde_json::Error> {
    serde_json::from_str(content).or_else(|_| {
        // Not in memory: there may be millions.
        serde_json::from_reader(io::repeat(b'\n').take(line as u64 - 1).chain(content.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str) -> Result<TextItem, DataError> {
        Format::Json.parse(content, Path::new("some.jsonl"), 3)
    }

    fn message(content: &str) -> String {
        check(content).unwrap_err().to_string()
    }

    fn parts(parts: &[(&str, &str)]) -> TextItem {
        TextItem::Parts(parts.iter().map(|(name, text)| Part { name: (*name).into(), text: (*text).into() }).collect())
    }

    #[test]
    fn the_three_kinds_of_text() {
        assert_eq!(check(r#" {"text": " a\nb "} "#).unwrap(), TextItem::Plain(" a\nb ".into()));
        let two = r#"{"parts": [{"name": "scenario", "text": "It rains."}, {"text": "", "name": "end"}]}"#;
        assert_eq!(check(two).unwrap(), parts(&[("scenario", "It rains."), ("end", "")]));
        let turns = r#"{"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "Hi"}]}"#;
        let turn = |role: &str, content: &str| Turn { role: role.into(), content: content.into() };
        assert_eq!(check(turns).unwrap(), TextItem::Chat(vec![turn("system", ""), turn("user", "Hi")]));
        assert_eq!(Format::Plain.parse("{\"text\"", Path::new(""), 1).unwrap(), TextItem::Plain("{\"text\"".into()));
    }

    #[test]
    fn other_keys_are_not_read() {
        let line = r#"{"id": [1, {"text": "x"}], "messages": null, "text": "a", "label": 0.5, "part": "b"}"#;
        assert_eq!(check(line).unwrap(), TextItem::Plain("a".into()));
    }

    #[test]
    fn just_one_of_the_three() {
        let none = "line `3` of `some.jsonl` must be a JSON object with one of the keys `text`, `parts` and \
                    `messages`; it has none of them";
        for line in ["{}", r#"{"texts": "a"}"#, r#"{"text": null}"#, r#"["a", null, null]"#, "\"a\"", "3", "It rains."]
        {
            assert_eq!(message(line), none, "{line}");
        }
        let two = message(r#"{"messages": [], "text": "a"}"#);
        assert!(two.ends_with("; it has `text` and `messages`"), "{two}");
        let three = check(r#"{"messages": [], "text": "a", "parts": []}"#).unwrap_err();
        assert!(matches!(&three, DataError::NotOneText { found, .. } if *found == ["text", "parts", "messages"]));
    }

    #[test]
    fn bad_json_is_named_with_the_line_of_the_file() {
        for line in [
            "{",
            r#"{"text": "a"} {"text": "b"}"#,
            r#"{"text": 3}"#,
            r#"{"text": "a", "text": "b"}"#,
            r#"{"text": "\ud800"}"#,
            r#"{"parts": ["a"]}"#,
            r#"{"parts": [{"name": "a"}]}"#,
            r#"{"parts": [{"name": "a", "text": "b", "colour": "red"}]}"#,
            r#"{"messages": [{"role": "user", "text": "a"}]}"#,
            r#"{"messages": "a"}"#,
        ] {
            let error = check(line).unwrap_err();
            let DataError::BadText { line: 3, source, .. } = &error else { panic!("{line}: {error:?}") };
            assert_eq!(source.line(), 3, "{line}: {source}");
            assert!(error.to_string().starts_with("line `3` of `some.jsonl` is not a text; "), "{error}");
        }
    }

    #[test]
    fn a_text_says_something() {
        assert_eq!(
            message(r#"{"text": " \n"}"#),
            "`text` in line `3` of `some.jsonl` has no text; write some, or leave out the line"
        );
        for line in [
            r#"{"parts": []}"#,
            r#"{"parts": [{"name": "a", "text": ""}, {"name": "b", "text": " "}]}"#,
            r#"{"messages": []}"#,
            r#"{"messages": [{"role": "user", "content": ""}]}"#,
        ] {
            let error = check(line).unwrap_err();
            assert!(matches!(error, DataError::EmptyItem { line: 3, key: "parts" | "messages", .. }), "{error:?}");
        }
    }
}
