//! A file of records as a table: any JSON, JSONL, CSV or Parquet file.

mod csv;
mod json;
mod parquet;
mod row;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{DataError, Place, Value};

pub use row::{FromRow, Row};

/// The most bytes of a file of records, and of what a compressed one unfolds to: all of it is held in memory.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// What some programs write at the start of a file to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file of records, whatever they are: rows, each with a value for some of the columns.
///
/// The file's name says how it is read:
///
/// | ending | what is in it |
/// | --- | --- |
/// | `.json` | an array of objects, or an object that has one such array; of several, [`open_array`](Self::open_array) takes the one with a name |
/// | `.jsonl` | an object on each line; blank lines are skipped |
/// | `.csv` | cells as RFC 4180 has them, in lines with as many cells as the first line has names |
/// | `.parquet` | texts, numbers, flags, and lists and structs of them, plain or compressed by Snappy or Zstandard |
///
/// A file may start with a byte order mark, and lines may end as on Windows.
/// A key or column that stands twice is an error, as is whatever else could be read in two ways.
/// A missing number (`NaN`) in a Parquet file counts as [`Value::Null`].
///
/// A file has at most one GiB, and so have the values that a Parquet file is unfolded to.
/// A table of texts takes about twice the memory of its file, and four times while it is read; each value takes 40 bytes
/// beside its text, so a table of single digits takes some twenty times its file.
///
/// # Examples
///
/// ```
/// use isinglass_data::{Table, Value};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ferries.csv");
/// std::fs::write(&path, "text,label\n\"It left, late.\",007\nIt sank.,3\n")?;
///
/// let table = Table::open(&path)?;
/// assert_eq!(table.columns(), ["text", "label"]);
/// assert_eq!(table.get(0, "text")?, Some(&Value::Text("It left, late.".into())));
/// assert_eq!((table.row(0).text("label")?, table.row(0).integer("label")?), ("007", 7));
///
/// let error = table.row(1).integer("text").unwrap_err().to_string();
/// assert!(error.ends_with("`text` in line `3` is `It sank.`, a text; it must be a whole number"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    path: PathBuf,
    /// Whether values have types of their own: cells of a CSV file do not.
    is_typed: bool,
    columns: Vec<String>,
    column_of: BTreeMap<String, usize>,
    rows: Vec<Cells>,
}

/// The values of one row, each with its column: what a row lacks takes no room.
#[derive(Clone, Debug, PartialEq)]
struct Cells {
    place: Place,
    cells: Vec<(usize, Value)>,
}

/// How a file holds its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Jsonl,
    Csv,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match extension.as_str() {
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(DataError::NotRecords { path: path.to_owned() }),
        }
    }
}

impl Table {
    /// Reads a file of records.
    ///
    /// # Errors
    ///
    /// - [`DataError::NotRecords`]: the file's name has another ending.
    /// - [`DataError::Read`], [`DataError::TooLarge`]: the file is not there or not readable, or above a GiB.
    /// - [`DataError::NotUtf8`]: it is no text, and not Parquet.
    /// - [`DataError::BadJson`], [`DataError::NotAnObject`], [`DataError::NoArray`], [`DataError::SeveralArrays`],
    ///   [`DataError::BadCsv`], [`DataError::BadParquet`], [`DataError::ParquetColumn`]: it is not what its ending says.
    /// - [`DataError::DuplicateColumn`], [`DataError::UnnamedColumn`]: a column has another's name, or none.
    /// - [`DataError::NoRecords`]: it has no row.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        Format::of(path)?;
        Self::parse(read(path)?, path, None)
    }

    /// Reads the array that has this key in a `.json` file that holds one object.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`DataError::NoSuchArray`]: there is no such array, or the file is not in JSON.
    pub fn open_array(path: impl AsRef<Path>, key: &str) -> Result<Self, DataError> {
        let path = path.as_ref();
        if Format::of(path)? != Format::Json {
            return Err(DataError::NoSuchArray { path: path.to_owned(), key: key.to_owned(), found: Vec::new() });
        }
        Self::parse(read(path)?, path, Some(key))
    }

    /// The table in a file's bytes; the path says how they are read.
    pub(crate) fn parse(bytes: Vec<u8>, path: &Path, key: Option<&str>) -> Result<Self, DataError> {
        let format = Format::of(path)?;
        let mut table = Self {
            path: path.to_owned(),
            is_typed: format != Format::Csv,
            columns: Vec::new(),
            column_of: BTreeMap::new(),
            rows: Vec::new(),
        };
        match format {
            Format::Json => json::read_array(text(&bytes, path)?, key, &mut table)?,
            Format::Jsonl => json::read_lines(text(&bytes, path)?, &mut table)?,
            Format::Csv => csv::read(text(&bytes, path)?, &mut table)?,
            Format::Parquet => parquet::read(bytes, &mut table)?,
        }
        if table.rows.is_empty() { Err(DataError::NoRecords { path: path.to_owned() }) } else { Ok(table) }
    }

    /// A table of objects that stand in another value, at these places.
    pub(crate) fn of_objects(path: &Path, objects: Vec<Value>) -> Result<Self, DataError> {
        let mut table = Self {
            path: path.to_owned(),
            is_typed: true,
            columns: Vec::new(),
            column_of: BTreeMap::new(),
            rows: Vec::new(),
        };
        for (item, object) in objects.into_iter().enumerate() {
            table.push_object(Place::Item(item), object)?;
        }
        Ok(table)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns' names, in the order in which the file has them first.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none, which [`open`](Self::open) refuses.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Row<'_> {
        Row::new(self, &self.rows[row])
    }

    /// The rows in the file's order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row::new(self, cells))
    }

    /// The value in a row and a column; none where the row has no such key.
    ///
    /// # Errors
    ///
    /// [`DataError::NoSuchColumn`]: no row has it.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn get(&self, row: usize, column: &str) -> Result<Option<&Value>, DataError> {
        self.expect_column(column)?;
        Ok(self.row(row).get(column))
    }

    /// The texts of a column, one for each row.
    ///
    /// # Errors
    ///
    /// - [`DataError::NoSuchColumn`]: no row has the column.
    /// - [`DataError::MissingKey`], [`DataError::WrongValue`]: a row lacks it, or has something else than a text there.
    pub fn texts(&self, column: &str) -> Result<Vec<&str>, DataError> {
        self.expect_column(column)?;
        self.rows.iter().map(|cells| Row::new(self, cells).text(column)).collect()
    }

    /// What each row says.
    ///
    /// # Errors
    ///
    /// What [`FromRow::from_row`] gives.
    pub fn records<R: FromRow>(&self) -> Result<Vec<R>, DataError> {
        self.rows().map(|row| R::from_row(&row)).collect()
    }

    fn expect_column(&self, column: &str) -> Result<(), DataError> {
        if self.column_of.contains_key(column) {
            return Ok(());
        }
        Err(DataError::NoSuchColumn {
            path: self.path.clone(),
            column: column.to_owned(),
            columns: self.columns.clone(),
        })
    }

    /// The number of a column, which is new if no row had it before.
    fn column(&mut self, name: String) -> usize {
        let next = self.columns.len();
        *self.column_of.entry(name).or_insert_with_key(|name| {
            self.columns.push(name.clone());
            next
        })
    }

    /// Makes columns of names that a file has at its start.
    fn name_columns(&mut self, names: impl IntoIterator<Item = String>) -> Result<(), DataError> {
        for (expected, name) in names.into_iter().enumerate() {
            if name.trim().is_empty() {
                return Err(DataError::UnnamedColumn { path: self.path.clone(), column: expected });
            }
            if self.column(name.clone()) != expected {
                return Err(DataError::DuplicateColumn { path: self.path.clone(), column: name });
            }
        }
        Ok(())
    }

    fn push(&mut self, place: Place, cells: Vec<(usize, Value)>) {
        self.rows.push(Cells { place, cells });
    }

    fn push_object(&mut self, place: Place, value: Value) -> Result<(), DataError> {
        let Value::Map(object) = value else {
            return Err(DataError::NotAnObject { path: self.path.clone(), place, found: value.kind() });
        };
        let cells = object.into_iter().map(|(key, value)| (self.column(key), value)).collect();
        self.push(place, cells);
        Ok(())
    }
}

/// The bytes of a file that is not too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let n_bytes = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    if n_bytes <= MOST_BYTES {
        bytes.reserve_exact(n_bytes as usize);
        // What is no plain file may have more than it says; one byte more than may be tells.
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if n_bytes.max(bytes.len() as u64) > MOST_BYTES {
        return Err(DataError::TooLarge { path: path.to_owned(), most: MOST_BYTES });
    }
    Ok(bytes)
}

/// A file's text, without the mark at its start.
pub(crate) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, DataError> {
    str::from_utf8(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)).map_err(|error| {
        let start = bytes.len() - bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).len();
        let before = &bytes[..start + error.valid_up_to()];
        let line = before.split(|&byte| byte == b'\n').count();
        DataError::NotUtf8 { path: path.to_owned(), line }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        // All hole, so it takes no room.
        File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert!(matches!(Table::open(&path), Err(DataError::TooLarge { .. })));
    }

    #[test]
    fn the_ending_says_how_a_file_is_read() {
        let rows = b"a,b\n1,2\n".to_vec();
        assert_eq!(Table::parse(rows.clone(), Path::new("A.CSV"), None).unwrap().len(), 1);
        for path in ["a", "a.txt", "csv", "a.csv.gz"] {
            let error = Table::open(path).unwrap_err();
            assert!(matches!(error, DataError::NotRecords { .. }), "{path}: {error:?}");
        }
        assert!(matches!(Table::open("nowhere.csv"), Err(DataError::Read { .. })));
        assert!(matches!(Table::open_array("nowhere.csv", "a"), Err(DataError::NoSuchArray { .. })));
    }
}
