//! A matched pair, its lines in a file, and its two examples.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::DataError;

/// Two texts about the same event that differ in the concept under study.
///
/// One line of a pairs file is one of these as a JSON object; other keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The pair's name, unique in its file (`p01`).
    pub pair: String,
    /// What both texts are about, in a word or two.
    pub topic: String,
    /// The text that has the concept.
    pub positive: String,
    /// The text that has its opposite.
    pub negative: String,
}

/// One labelled text, with the group that a split must not divide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The text that the model reads.
    pub text: String,
    /// Whether the text has the concept: true for the positive member of a pair.
    pub label: bool,
    /// The group by number: the pair's place in the file, from 0.
    pub group: u64,
    /// The group by name: the pair's own.
    pub group_name: String,
}

/// The pairs of a file's text; `path` is for the errors alone.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Vec<Pair>, DataError> {
    let mut pairs = Vec::new();
    let mut line_of_name = BTreeMap::new();
    let mut line_of_text = BTreeMap::new();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        let pair =
            parse_line(content, line).map_err(|source| DataError::BadLine { path: path.to_owned(), line, source })?;
        let fields =
            [("pair", &pair.pair), ("topic", &pair.topic), ("positive", &pair.positive), ("negative", &pair.negative)];
        if let Some((field, _)) = fields.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(DataError::EmptyText { path: path.to_owned(), line, field });
        }
        if let Some(first_line) = line_of_name.insert(pair.pair.clone(), line) {
            let pair = pair.pair;
            return Err(DataError::DuplicatePair { path: path.to_owned(), line, pair, first_line });
        }
        for member in [&pair.positive, &pair.negative] {
            if let Some(first_line) = line_of_text.insert(member.clone(), line) {
                return Err(DataError::DuplicateText { path: path.to_owned(), line, first_line });
            }
        }
        pairs.push(pair);
    }
    if pairs.is_empty() { Err(DataError::NoPairs { path: path.to_owned() }) } else { Ok(pairs) }
}

/// Parses one line; a failure is found again behind as many empty lines as the file has before it,
/// so that the parser's own message counts lines as the file does.
fn parse_line(content: &str, line: usize) -> Result<Pair, serde_json::Error> {
    serde_json::from_str(content).or_else(|_| serde_json::from_str(&format!("{}{content}", "\n".repeat(line - 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"pair": "a", "topic": "t", "positive": "It held.", "negative": "It broke."}"#;

    fn check(text: &str) -> Result<Vec<Pair>, DataError> {
        parse(text, Path::new("some.jsonl"))
    }

    fn pair(name: &str, positive: &str, negative: &str) -> String {
        format!(r#"{{"pair": "{name}", "topic": "t", "positive": "{positive}", "negative": "{negative}"}}"#)
    }

    #[test]
    fn blank_lines_and_windows_line_ends_are_no_pairs() {
        let pairs = check(&format!("\r\n{GOOD}\r\n\n  \n{}\n", pair("b", "Up.", "Down."))).unwrap();
        assert_eq!(pairs.iter().map(|p| p.pair.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn bad_json_is_named_with_the_line_of_the_file() {
        let error = check(&format!("{GOOD}\n\n{{\"pair\": 3}}")).unwrap_err();
        let DataError::BadLine { line, source, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*line, source.line()), (3, 3));
        assert!(error.to_string().starts_with("line `3` of `some.jsonl` is not a pair"), "{error}");
    }

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        let extra = GOOD.replace("\"topic\"", "\"label\": 1, \"topic\"");
        assert!(matches!(check(&extra), Err(DataError::BadLine { line: 1, .. })));
        let missing = GOOD.replace(r#""topic": "t", "#, "");
        assert!(matches!(check(&missing), Err(DataError::BadLine { line: 1, .. })));
    }

    #[test]
    fn empty_texts_are_refused() {
        let error = check(&format!("{GOOD}\n{}", pair("b", "Up.", " "))).unwrap_err();
        assert!(matches!(error, DataError::EmptyText { line: 2, field: "negative", .. }), "{error:?}");
    }

    #[test]
    fn a_name_stands_once() {
        let error = check(&format!("{GOOD}\n\n{}", pair("a", "Up.", "Down."))).unwrap_err();
        assert!(matches!(error, DataError::DuplicatePair { line: 3, first_line: 1, .. }), "{error:?}");
    }

    #[test]
    fn a_text_stands_once() {
        let error = check(&format!("{GOOD}\n{}", pair("b", "Up.", "It held."))).unwrap_err();
        assert!(matches!(error, DataError::DuplicateText { line: 2, first_line: 1, .. }), "{error:?}");
        let error = check(&pair("b", "Up.", "Up.")).unwrap_err();
        assert!(matches!(error, DataError::DuplicateText { line: 1, first_line: 1, .. }), "{error:?}");
    }

    #[test]
    fn a_file_without_pairs_is_refused() {
        assert!(matches!(check("\n\n"), Err(DataError::NoPairs { .. })));
    }
}
