//! JSON and JSONL.

use std::{io, io::Read as _};

use crate::{DataError, Place, Value};

use super::Table;

/// A JSON array, or the one that an object has under a key.
pub(super) fn read_array(text: &str, key: Option<&str>, table: &mut Table) -> Result<(), DataError> {
    let path = || table.path.clone();
    let value = serde_json::from_str(text).map_err(|source| DataError::BadJson {
        path: path(),
        line: source_line(&source),
        source,
    })?;
    let rows = match (value, key) {
        (Value::List(rows), None) => rows,
        (Value::Map(object), key) => {
            let (arrays, others): (Vec<_>, Vec<_>) = object.into_iter().partition(|(_, value)| is_of_objects(value));
            let is_wanted = |name: &str| key.is_none_or(|key| key == name);
            let n_wanted = arrays.iter().filter(|(name, _)| is_wanted(name)).count();
            match (key, n_wanted) {
                (None, 0) => {
                    let found = others.into_iter().map(|(key, _)| key).collect();
                    return Err(DataError::NoArray { path: path(), found });
                }
                (Some(key), 0) => {
                    let found = arrays.into_iter().map(|(key, _)| key).collect();
                    return Err(DataError::NoSuchArray { path: path(), key: key.to_owned(), found });
                }
                (_, 1) => {}
                (_, _) => {
                    let found = arrays.into_iter().map(|(key, _)| key).collect();
                    return Err(DataError::SeveralArrays { path: path(), found });
                }
            }
            match arrays.into_iter().find(|(name, _)| is_wanted(name)) {
                Some((_, Value::List(rows))) => rows,
                _ => Vec::new(),
            }
        }
        (Value::List(_), Some(key)) => {
            return Err(DataError::NoSuchArray { path: path(), key: key.to_owned(), found: Vec::new() });
        }
        (_, _) => return Err(DataError::NoArray { path: path(), found: Vec::new() }),
    };
    rows.into_iter().enumerate().try_for_each(|(item, row)| table.push_object(Place::Item(item), row))
}

/// Whether a value is an array of objects alone; an empty one could be of anything.
fn is_of_objects(value: &Value) -> bool {
    matches!(value, Value::List(values) if !values.is_empty() && values.iter().all(|value| matches!(value, Value::Map(_))))
}

/// An object on each line.
pub(super) fn read_lines(text: &str, table: &mut Table) -> Result<(), DataError> {
    for (line, content) in (1..).zip(text.lines()).filter(|(_, content)| !content.trim().is_empty()) {
        let value = parse_line(content, line).map_err(|source| {
            let path = table.path.clone();
            DataError::BadJson { path, line, source }
        })?;
        table.push_object(Place::Line(line), value)?;
    }
    Ok(())
}

/// Parses one line; a failure is found again behind as many line ends as the file has before it,
/// so that the parser's own message counts lines as the file does.
fn parse_line(content: &str, line: usize) -> Result<Value, serde_json::Error> {
    serde_json::from_str(content).or_else(|_| {
        // Not in memory: there may be millions.
        serde_json::from_reader(io::repeat(b'\n').take(line as u64 - 1).chain(content.as_bytes()))
    })
}

fn source_line(source: &serde_json::Error) -> usize {
    source.line().max(1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(name: &str, text: &str) -> Result<Table, DataError> {
        Table::parse(text.as_bytes().to_vec(), Path::new(name), None)
    }

    fn keyed(text: &str, key: &str) -> Result<Table, DataError> {
        Table::parse(text.as_bytes().to_vec(), Path::new("a.json"), Some(key))
    }

    #[test]
    fn an_array_is_found_alone_or_under_a_key() {
        let rows = r#"[{"a": "x"}, {"b": "y", "a": "z"}]"#;
        let alone = check("a.json", rows).unwrap();
        assert_eq!(alone.columns(), ["a", "b"]);
        assert_eq!(alone.row(1).keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(alone.get(0, "b").unwrap(), None);
        assert_eq!(alone.row(1).place(), Place::Item(1));
        let other = format!(r#"{{"n": 2, "tags": ["x"], "none": [], "rows": {rows}}}"#);
        assert_eq!(check("a.json", &other).unwrap(), alone);
        assert_eq!(keyed(&other, "rows").unwrap().len(), 2);
    }

    #[test]
    fn an_array_that_cannot_be_told_is_refused() {
        let two = r#"{"a": [{"x": 1}], "b": [{"y": 2}], "c": 3}"#;
        let DataError::SeveralArrays { found, .. } = check("a.json", two).unwrap_err() else { panic!() };
        assert_eq!(found, ["a", "b"]);
        assert_eq!(keyed(two, "b").unwrap().columns(), ["y"]);
        let DataError::NoSuchArray { found, .. } = keyed(two, "c").unwrap_err() else { panic!() };
        assert_eq!(found, ["a", "b"]);
        assert!(matches!(keyed("[{}]", "c"), Err(DataError::NoSuchArray { .. })));
        for text in ["3", "\"a\"", "null", "{}", r#"{"a": [], "b": [1]}"#] {
            assert!(matches!(check("a.json", text), Err(DataError::NoArray { .. })), "{text}");
        }
        assert!(matches!(check("a.json", "[]"), Err(DataError::NoRecords { .. })));
    }

    #[test]
    fn what_is_no_object_is_named_with_its_place() {
        let error = check("a.json", "[{}, [1]]").unwrap_err();
        assert!(matches!(error, DataError::NotAnObject { place: Place::Item(1), found: "a list", .. }), "{error:?}");
        let error = check("a.jsonl", "{}\n\n\"x\"\n").unwrap_err();
        assert!(matches!(error, DataError::NotAnObject { place: Place::Line(3), found: "a text", .. }), "{error:?}");
    }

    #[test]
    fn bad_json_is_named_with_its_line() {
        for (name, text) in [
            ("a.json", "[{\"a\": 1},\n\n{\"a\" 2}]"),
            ("a.jsonl", "{\"a\": 1}\r\n\r\n{\"a\" 2}\r\n"),
            ("a.jsonl", "{\"a\": 1}\n \n{\"a\": 1} {\"a\": 2}\n"),
            ("a.jsonl", "{\"a\": 1}\n \n{\"a\": 1, \"a\": 2}\n"),
        ] {
            let error = check(name, text).unwrap_err();
            let DataError::BadJson { line: 3, source, .. } = &error else { panic!("{text}: {error:?}") };
            assert_eq!(source.line(), 3, "{text}: {source}");
        }
        assert!(matches!(check("a.json", ""), Err(DataError::BadJson { line: 1, .. })));
        assert!(matches!(check("a.json", "[1"), Err(DataError::BadJson { .. })));
    }

    #[test]
    fn marks_and_windows_line_ends_are_no_text() {
        let table = check("a.jsonl", "\u{feff}{\"a\": \"x\"}\r\n\r\n{\"a\": \"y\"}\r\n").unwrap();
        assert_eq!(table.texts("a").unwrap(), ["x", "y"]);
        assert_eq!(table.row(1).place(), Place::Line(3));
        assert_eq!(check("a.json", "\u{feff}[{\"a\": 1}]").unwrap().len(), 1);
        assert!(matches!(check("a.jsonl", "\n \r\n"), Err(DataError::NoRecords { .. })));
    }

    #[test]
    fn rows_with_keys_of_their_own_take_no_room_for_the_others() {
        // A dense table of these would have 400 million places.
        let lines: Vec<_> = (0..20_000).map(|i| format!("{{\"k{i}\": {i}}}")).collect();
        let table = check("a.jsonl", &lines.join("\n")).unwrap();
        assert_eq!(table.columns().len(), 20_000);
        assert_eq!(table.row(19_999).integer("k19999").unwrap(), 19_999);
    }
}
