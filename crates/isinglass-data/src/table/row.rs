//! One row, and what is asked of its values.

use crate::{DataError, Place, Table, Value};

use super::Cells;

/// One row of a [`Table`], asked for its values by key.
///
/// What a row has not, or has otherwise, is an error that names the file, the place, the key, the value and what would
/// be right.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    table: &'a Table,
    cells: &'a Cells,
}

/// What can be read from a row.
///
/// # Examples
///
/// A record of one's own:
///
/// ```
/// use isinglass_data::{DataError, FromRow, Row, Table};
///
/// struct Ferry {
///     name: String,
///     seats: i64,
/// }
///
/// impl FromRow for Ferry {
///     fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
///         row.expect_keys(&["name", "seats"], &["notes"])?;
///         Ok(Self { name: row.text("name")?.to_owned(), seats: row.integer("seats")? })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ferries.jsonl");
/// std::fs::write(&path, "{\"name\": \"Ulla\", \"seats\": 40}")?;
/// let ferries: Vec<Ferry> = Table::open(&path)?.records()?;
/// assert_eq!((ferries[0].name.as_str(), ferries[0].seats), ("Ulla", 40));
/// # Ok(())
/// # }
/// ```
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    ///
    /// Where the row is something else: [`DataError::MissingKey`], [`DataError::UnknownKey`],
    /// [`DataError::WrongValue`] or [`DataError::EmptyText`].
    fn from_row(row: &Row<'_>) -> Result<Self, DataError>;
}

impl<'a> Row<'a> {
    pub(super) fn new(table: &'a Table, cells: &'a Cells) -> Self {
        Self { table, cells }
    }

    /// Where the row stands in its file.
    pub fn place(&self) -> Place {
        self.cells.place
    }

    /// The keys that the row has, in its own order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.cells.cells.iter().map(|&(column, _)| self.table.columns[column].as_str())
    }

    /// The value of a key, if the row has it.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        let column = *self.table.column_of.get(key)?;
        self.cells.cells.iter().find(|(of, _)| *of == column).map(|(_, value)| value)
    }

    /// The value of a key that may be absent: none too where it is null, or an empty cell of a CSV file.
    pub fn optional(&self, key: &str) -> Option<&'a Value> {
        self.get(key).filter(|value| match value {
            Value::Null => false,
            Value::Text(text) => self.table.is_typed || !text.is_empty(),
            _ => true,
        })
    }

    /// A text, which may be empty.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::WrongValue`].
    pub fn text(&self, key: &str) -> Result<&'a str, DataError> {
        let value = self.required(key)?;
        value.as_text().ok_or_else(|| self.wrong(key, value, "a text"))
    }

    /// A text that says something.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), and [`DataError::EmptyText`].
    pub fn words(&self, key: &str) -> Result<String, DataError> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            let path = self.table.path.clone();
            return Err(DataError::EmptyText { path, place: self.place(), key: key.to_owned() });
        }
        Ok(text.to_owned())
    }

    /// A name: a text that says something, or a whole number as one would write it.
    ///
    /// # Errors
    ///
    /// As [`words`](Self::words).
    pub fn name(&self, key: &str) -> Result<String, DataError> {
        match self.required(key)? {
            Value::Integer(integer) => Ok(integer.to_string()),
            Value::Text(_) => self.words(key),
            value => Err(self.wrong(key, value, "a name: a text or a whole number")),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::WrongValue`].
    pub fn integer(&self, key: &str) -> Result<i64, DataError> {
        let value = self.required(key)?;
        match value {
            Value::Integer(integer) => Some(*integer),
            Value::Text(text) if !self.table.is_typed => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(key, value, "a whole number"))
    }

    /// A finite number, whole or not.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::WrongValue`].
    pub fn number(&self, key: &str) -> Result<f64, DataError> {
        let value = self.required(key)?;
        match value {
            Value::Integer(integer) => Some(*integer as f64),
            Value::Number(number) => Some(*number),
            Value::Text(text) if !self.table.is_typed => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
        .ok_or_else(|| self.wrong(key, value, "a finite number"))
    }

    /// True or false; in a CSV file `true` or `false`, in any case.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::WrongValue`].
    pub fn flag(&self, key: &str) -> Result<bool, DataError> {
        let value = self.required(key)?;
        match value {
            Value::Flag(flag) => Some(*flag),
            Value::Text(text) if !self.table.is_typed => text.to_lowercase().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(key, value, "`true` or `false`"))
    }

    /// A list of texts, which may be empty.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::WrongValue`].
    pub fn texts(&self, key: &str) -> Result<Vec<String>, DataError> {
        let value = self.required(key)?;
        let texts = match value {
            Value::List(values) => values.iter().map(|value| value.as_text().map(str::to_owned)).collect(),
            _ => None,
        };
        texts.ok_or_else(|| self.wrong(key, value, "a list of texts"))
    }

    /// Refuses a row that lacks one of the required keys, or has one that is neither required nor optional.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingKey`], [`DataError::UnknownKey`].
    pub fn expect_keys(&self, required: &[&'static str], optional: &[&'static str]) -> Result<(), DataError> {
        if let Some(key) = self.keys().find(|key| !required.contains(key) && !optional.contains(key)) {
            return Err(DataError::UnknownKey {
                path: self.table.path.clone(),
                place: self.place(),
                key: key.to_owned(),
                known: required.iter().chain(optional).copied().collect(),
            });
        }
        required.iter().try_for_each(|key| self.required(key).map(|_| ()))
    }

    /// The error that a value is not what it must be, as `expected` says it (`a text`).
    pub fn wrong(&self, key: &str, value: &Value, expected: &'static str) -> DataError {
        DataError::WrongValue {
            path: self.table.path.clone(),
            place: self.place(),
            key: key.to_owned(),
            value: value.to_string(),
            kind: value.kind(),
            expected,
        }
    }

    fn required(&self, key: &str) -> Result<&'a Value, DataError> {
        self.get(key).ok_or_else(|| DataError::MissingKey {
            path: self.table.path.clone(),
            place: self.place(),
            key: key.to_owned(),
            found: self.keys().map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn table(name: &str, text: &str) -> Table {
        Table::parse(text.as_bytes().to_vec(), Path::new(name), None).unwrap()
    }

    #[test]
    fn values_are_what_they_are_asked_for() {
        let table = table(
            "a.jsonl",
            r#"{"t": "x", "i": -7, "n": 0.5, "f": true, "l": ["a", ""], "s": "7", "e": " ", "z": null}"#,
        );
        let row = table.row(0);
        assert_eq!((row.text("t").unwrap(), row.integer("i").unwrap(), row.flag("f").unwrap()), ("x", -7, true));
        assert!((row.number("n").unwrap() - 0.5).abs() < 1e-15 && (row.number("i").unwrap() + 7.0).abs() < 1e-15);
        assert_eq!(row.texts("l").unwrap(), ["a", ""]);
        assert_eq!((row.name("i").unwrap(), row.name("t").unwrap()), ("-7".into(), "x".into()));
        assert!(row.optional("z").is_none() && row.optional("y").is_none() && row.optional("e").is_some());
        // A text is no number where numbers can be written.
        assert!(matches!(row.integer("s"), Err(DataError::WrongValue { kind: "a text", .. })));
        assert!(matches!(row.words("e"), Err(DataError::EmptyText { .. })));
        for key in ["t", "i", "n", "z"] {
            assert!(matches!(row.texts(key), Err(DataError::WrongValue { .. })), "{key}");
        }
    }

    #[test]
    fn cells_are_texts_until_a_number_is_asked_for() {
        let table = table("a.csv", "a,b,c,d\n007,1e999,TRUE,\n");
        let row = table.row(0);
        assert_eq!((row.text("a").unwrap(), row.integer("a").unwrap()), ("007", 7));
        assert!(matches!(row.number("b"), Err(DataError::WrongValue { .. })));
        assert!(row.flag("c").unwrap());
        assert!(row.optional("d").is_none() && row.text("d").unwrap().is_empty());
    }

    #[test]
    fn errors_name_everything() {
        let table = table("a.jsonl", "{\"a\": 1, \"b\": [1]}\n\n{\"a\": \"x\", \"c\": 2}\n");
        let message = |result: Result<(), DataError>| result.unwrap_err().to_string();
        assert_eq!(
            message(table.row(1).integer("a").map(|_| ())),
            "in `a.jsonl`, `a` in line `3` is `x`, a text; it must be a whole number"
        );
        assert_eq!(
            message(table.row(1).text("b").map(|_| ())),
            "in `a.jsonl`, line `3` has no `b`; it has `a` and `c`, and needs `b` too"
        );
        assert_eq!(
            message(table.row(0).expect_keys(&["a"], &["d"])),
            "in `a.jsonl`, line `1` has the unknown key `b`; the keys are `a` and `d`"
        );
        assert_eq!(
            message(table.get(0, "e").map(|_| ())),
            "`a.jsonl` has no column `e`; its columns are `a`, `b` and `c`"
        );
    }
}
