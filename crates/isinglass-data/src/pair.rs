//! The two examples of a matched pair.

use serde::Serialize;

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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{DataError, Dataset, Pair, Place};

    const GOOD: &str = r#"{"pair": "a", "topic": "t", "positive": "It held.", "negative": "It broke."}"#;

    fn check(text: &str) -> Result<Vec<Pair>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.jsonl");
        fs::write(&path, text).unwrap();
        Dataset::from_pairs_file(Path::new(&path)).map(|dataset| dataset.pairs().to_vec())
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
    fn what_is_no_text_is_named_with_the_line_of_the_file() {
        let error = check(&format!("{GOOD}\n\n{}", GOOD.replace("\"a\"", "3"))).unwrap_err();
        let DataError::WrongValue { place, key, value, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*place, key.as_str(), value.as_str()), (Place::Line(3), "pair", "3"));
        let error = check(&format!("{GOOD}\n\n{{\"pair\" 3}}")).unwrap_err();
        let DataError::BadJson { line, source, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*line, source.line()), (3, 3));
    }

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        let extra = GOOD.replace("\"topic\"", "\"label\": 1, \"topic\"");
        assert!(
            matches!(check(&extra), Err(DataError::UnknownKey { place: Place::Line(1), key, .. }) if key == "label")
        );
        let missing = GOOD.replace(r#""topic": "t", "#, "");
        assert!(
            matches!(check(&missing), Err(DataError::MissingKey { place: Place::Line(1), key, .. }) if key == "topic")
        );
    }

    #[test]
    fn empty_texts_are_refused() {
        let error = check(&format!("{GOOD}\n{}", pair("b", "Up.", " "))).unwrap_err();
        assert!(
            matches!(&error, DataError::EmptyText { place: Place::Line(2), key, .. } if key == "negative"),
            "{error:?}"
        );
    }

    #[test]
    fn a_name_stands_once() {
        let error = check(&format!("{GOOD}\n\n{}", pair("a", "Up.", "Down."))).unwrap_err();
        let (place, first) = (Place::Line(3), Place::Line(1));
        assert!(
            matches!(&error, DataError::DuplicateId { place: p, first: f, .. } if (*p, *f) == (place, first)),
            "{error:?}"
        );
    }

    #[test]
    fn a_text_stands_once() {
        let error = check(&format!("{GOOD}\n{}", pair("b", "Up.", "It held."))).unwrap_err();
        assert!(
            matches!(error, DataError::DuplicateText { place: Place::Line(2), first: Place::Line(1), .. }),
            "{error:?}"
        );
        let error = check(&pair("b", "Up.", "Up.")).unwrap_err();
        assert!(
            matches!(error, DataError::DuplicateText { place: Place::Line(1), first: Place::Line(1), .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_file_without_pairs_is_refused() {
        assert!(matches!(check("\n\n"), Err(DataError::NoRecords { .. })));
    }
}
