//! CSV, as RFC 4180 has it.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

use crate::{CsvFault, DataError, Place, Value};

use super::Table;

/// A line of names, and lines with as many cells.
pub(super) fn read(text: &str, table: &mut Table) -> Result<(), DataError> {
    check_quotes(text).map_err(|(line, fault)| DataError::BadCsv { path: table.path.clone(), line, fault })?;
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| bad(&error, text, table))?.clone();
    table.name_columns(names.iter().map(str::to_owned))?;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| bad(&error, text, table))? {
        let line = record.position().map_or(1, |position| start(text, position));
        let cells = record.iter().map(|cell| Value::Text(cell.to_owned())).enumerate().collect();
        table.push(Place::Line(line), cells);
    }
    Ok(())
}

/// The line of a record whose position may be that of blank lines before it.
fn start(text: &str, position: &Position) -> usize {
    let rest = &text.as_bytes()[position.byte() as usize..];
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() as usize + blank.count()
}

fn bad(error: &csv::Error, text: &str, table: &Table) -> DataError {
    let line = error.position().map_or(1, |position| start(text, position));
    let fault = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            CsvFault::Ragged { expected: *expected_len as usize, found: *len as usize }
        }
        // The text is UTF-8 already, and reading memory does not fail.
        _ => CsvFault::Unreadable,
    };
    DataError::BadCsv { path: table.path.clone(), line, fault }
}

/// Refuses quotation marks that readers understand differently; the line is that of the fault.
fn check_quotes(text: &str) -> Result<(), (usize, CsvFault)> {
    enum In {
        Start,
        Plain,
        Quoted { since: usize },
        Closed { since: usize },
    }
    let (mut state, mut line) = (In::Start, 1);
    for byte in text.bytes() {
        state = match (state, byte) {
            (In::Start, b'"') => In::Quoted { since: line },
            (In::Quoted { since }, b'"') => In::Closed { since },
            // The second case: a mark in the cell, which is written twice.
            (In::Quoted { since }, _) | (In::Closed { since }, b'"') => In::Quoted { since },
            (_, b',' | b'\n' | b'\r') => In::Start,
            (In::Plain, b'"') => return Err((line, CsvFault::QuoteInCell)),
            (In::Start | In::Plain, _) => In::Plain,
            (In::Closed { .. }, _) => return Err((line, CsvFault::TextAfterQuote)),
        };
        line += usize::from(byte == b'\n');
    }
    if let In::Quoted { since } = state { Err((since, CsvFault::OpenQuote)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(text: &str) -> Result<Table, DataError> {
        Table::parse(text.as_bytes().to_vec(), Path::new("a.csv"), None)
    }

    fn fault(text: &str) -> (usize, CsvFault) {
        match check(text).unwrap_err() {
            DataError::BadCsv { line, fault, .. } => (line, fault),
            error => panic!("{error:?}"),
        }
    }

    #[test]
    fn cells_and_their_lines() {
        let table = check("\u{feff}a,b\r\n\"x, \"\"y\"\"\r\nz\",1\r\n\r\n\r\n -2 ,\"\"\r\n3,\u{e9}").unwrap();
        assert_eq!(table.columns(), ["a", "b"]);
        assert_eq!(table.texts("a").unwrap(), ["x, \"y\"\r\nz", " -2 ", "3"]);
        assert_eq!(table.texts("b").unwrap(), ["1", "", "\u{e9}"]);
        let places: Vec<_> = table.rows().map(|row| row.place()).collect();
        assert_eq!(places, [Place::Line(2), Place::Line(6), Place::Line(7)]);
    }

    #[test]
    fn lines_are_counted_with_unix_ends_too() {
        let table = check("a\n1\n\n\n2\n\"3\n4\"\n5\n").unwrap();
        let places: Vec<_> = table.rows().map(|row| row.place()).collect();
        assert_eq!(places, [2, 5, 6, 8].map(Place::Line));
    }

    #[test]
    fn a_line_has_as_many_cells_as_names() {
        assert_eq!(fault("a,b\n1,2\n3\n"), (3, CsvFault::Ragged { expected: 2, found: 1 }));
        assert_eq!(fault("a,b\r\n1,2\r\n\r\n1,2,3\r\n"), (4, CsvFault::Ragged { expected: 2, found: 3 }));
        let message = check("a,b\n3\n").unwrap_err().to_string();
        assert_eq!(message, "line `2` of `a.csv` has `1` cells, but the first line has `2` names; give it as many");
    }

    #[test]
    fn names_stand_once_and_say_something() {
        assert!(matches!(check("a,b,a\n1,2,3\n"), Err(DataError::DuplicateColumn { column, .. }) if column == "a"));
        assert!(matches!(check("a, \n1,2\n"), Err(DataError::UnnamedColumn { column: 1, .. })));
    }

    #[test]
    fn quotation_marks_are_read_in_one_way_alone() {
        assert_eq!(fault("a\nb\n5\" pipe\n"), (3, CsvFault::QuoteInCell));
        assert_eq!(fault("a,b\n\"x\"y,2\n"), (2, CsvFault::TextAfterQuote));
        assert_eq!(fault("a\n1\n\"x\n\"\"\n2\n"), (3, CsvFault::OpenQuote));
        assert_eq!(check("a\n\"\"\"\"\n").unwrap().texts("a").unwrap(), ["\""]);
    }

    #[test]
    fn nothing_is_refused() {
        for text in ["", "a,b\n", "\n\n", "\u{feff}"] {
            assert!(matches!(check(text), Err(DataError::NoRecords { .. })), "{text:?}: {:?}", check(text));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_line() {
        for bytes in [&b"a\n1\n\xff\n"[..], b"\xef\xbb\xbfa\n1\n\xff"] {
            let error = Table::parse(bytes.to_vec(), Path::new("a.csv"), None).unwrap_err();
            assert!(matches!(error, DataError::NotUtf8 { line: 3, .. }), "{error:?}");
        }
    }
}
