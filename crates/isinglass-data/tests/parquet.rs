//! Parquet files as pyarrow writes them, and files that are broken.

use std::{error::Error, fs, path::PathBuf};

use isinglass_data::{
    DataError, Table, Value,
    originals::{self, Question},
};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn questions_are_read_whatever_compresses_them() -> Result<(), Box<dyn Error>> {
    let snappy = originals::read::<Question>(fixture("questions_snappy.parquet"))?;
    assert!(snappy.unread.is_empty());
    assert_eq!(snappy.records.len(), 3);
    let expected = Question {
        question_id: 72,
        question: "Où est le café?".into(),
        options: ["Là", "Ici", "N/A"].map(str::to_owned).to_vec(),
        answer: 'B',
        answer_index: 1,
        cot_content: String::new(),
        category: "other".into(),
        src: "made-up".into(),
    };
    assert_eq!(snappy.records[2], expected);
    assert_eq!(snappy.records[1].cot_content, "A: It has four.");
    assert_eq!(originals::read::<Question>(fixture("questions_zstd.parquet"))?, snappy);
    Ok(())
}

#[test]
fn every_kind_of_value_is_read() -> Result<(), Box<dyn Error>> {
    let text = |text: &str| Value::Text(text.into());
    let expected = [
        ("text", [text("a"), Value::Null, text("")]),
        ("large", [text("b"), text("c"), Value::Null]),
        ("int8", [Value::Integer(-128), Value::Integer(127), Value::Null]),
        ("uint32", [Value::Integer(0), Value::Integer(4_294_967_295), Value::Null]),
        ("float", [Value::Number(0.5), Value::Null, Value::Null]),
        ("double", [Value::Number(-0.1), Value::Number(3.0), Value::Null]),
        ("flag", [Value::Flag(true), Value::Flag(false), Value::Null]),
        ("list", [Value::List(vec![Value::Integer(1), Value::Null]), Value::List(Vec::new()), Value::Null]),
        (
            "struct",
            [
                Value::Map(vec![("x".into(), text("y")), ("n".into(), Value::Integer(1))]),
                Value::Map(vec![("x".into(), Value::Null), ("n".into(), Value::Integer(2))]),
                Value::Null,
            ],
        ),
        ("dictionary", [text("p"), text("q"), text("p")]),
    ];
    let table = Table::open(fixture("kinds.parquet"))?;
    assert_eq!(table.columns().len(), expected.len());
    for (column, values) in expected {
        for (row, value) in values.iter().enumerate() {
            let found = table.get(row, column)?;
            // pyarrow writes the members of a struct in its own order.
            match (found, value) {
                (Some(Value::Map(found)), Value::Map(value)) => {
                    assert_eq!(found.len(), value.len());
                    assert!(value.iter().all(|field| found.contains(field)), "{column} {row}: {found:?}");
                }
                _ => assert_eq!(found, Some(value), "{column} {row}"),
            }
        }
    }
    let error = table.row(1).integer("large").map(|_| ()).map_err(|error| error.to_string());
    let message = "`large` in row `1` (from 0) is `c`, a text; it must be a whole number";
    assert!(error.as_ref().is_err_and(|error| error.ends_with(message)), "{error:?}");
    Ok(())
}

#[test]
fn a_column_that_cannot_be_read_is_named() {
    let result = Table::open(fixture("when.parquet"));
    let is_named = matches!(&result, Err(DataError::ParquetColumn { column, kind: "a time", .. }) if column == "when");
    assert!(is_named, "{result:?}");
}

#[test]
fn what_is_no_parquet_file_is_refused() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.parquet");
    let whole = fs::read(fixture("questions_snappy.parquet"))?;
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"{\"a\": 1}", &whole[..whole.len() / 2], &whole[1..]] {
        fs::write(&path, bytes)?;
        assert!(matches!(Table::open(&path), Err(DataError::BadParquet { .. })));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]
    /// A broken file is read, if the fault is in a value, or refused.
    #[test]
    fn changed_bytes_do_no_harm(
        name in prop::sample::select(vec!["questions_snappy.parquet", "questions_zstd.parquet", "kinds.parquet"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = fs::read(fixture(name)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        let folder = tempfile::tempdir().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let path = folder.path().join("a.parquet");
        fs::write(&path, bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        if let Ok(table) = Table::open(&path) {
            prop_assert!(!table.is_empty());
        }
    }
}
