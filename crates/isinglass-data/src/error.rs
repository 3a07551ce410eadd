//! What can be wrong with a data set or a file of texts.

use std::{fmt, io, path::PathBuf};

use crate::Place;

/// Why a data set or a file of texts could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be read.
    #[error("`{path}` could not be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file holds bytes that are no text.
    #[error("line `{line}` of `{path}` is not UTF-8; save the file as UTF-8", path = path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first such byte, from 1.
        line: usize,
    },

    /// A file's name does not say what kind of records it holds.
    #[error(
        "`{path}` is no file of records; its name must end in `.json`, `.jsonl`, `.csv` or `.parquet`",
        path = path.display()
    )]
    NotRecords {
        /// The file.
        path: PathBuf,
    },

    /// A file is too large to be held in memory.
    #[error(
        "`{path}` has, or unfolds to, more than `{most}` bytes, and records are held in memory; divide it, or read \
         texts without labels with `Texts`",
        path = path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes it may have.
        most: u64,
    },

    /// A file or a line of it is not JSON.
    #[error("line `{line}` of `{path}` is not JSON that can be read in one way", path = path.display())]
    BadJson {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said; its line number is the file's too.
        source: serde_json::Error,
    },

    /// A value stands where a record should.
    #[error("in `{path}`, {place} is {found}; a record is a JSON object", path = path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
        /// Where it stands.
        place: Place,
        /// What it is (`a list`).
        found: &'static str,
    },

    /// A JSON file holds no array of records.
    #[error(
        "`{path}` holds no records; it must be a JSON array of objects, or an object that has one under a key; {}",
        Has(found),
        path = path.display()
    )]
    NoArray {
        /// The file.
        path: PathBuf,
        /// The keys of the object, if it is one.
        found: Vec<String>,
    },

    /// A JSON file holds several arrays of records.
    #[error(
        "`{path}` holds records under {}; name one of these keys with `Table::open_array`",
        Names(found),
        path = path.display()
    )]
    SeveralArrays {
        /// The file.
        path: PathBuf,
        /// The keys of the arrays.
        found: Vec<String>,
    },

    /// A JSON file holds no array of records under the key that was asked for.
    #[error("`{path}` has no JSON array of objects under the key `{key}`; {}", Has(found), path = path.display())]
    NoSuchArray {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The keys that have one.
        found: Vec<String>,
    },

    /// A CSV file is not what such a file should be.
    #[error("line `{line}` of `{path}` {fault}", path = path.display())]
    BadCsv {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        fault: CsvFault,
    },

    /// A Parquet file is not what such a file should be.
    #[error("`{path}` is not a Parquet file that can be read; it may be cut off, or encrypted", path = path.display())]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: Box<parquet::errors::ParquetError>,
    },

    /// A column of a Parquet file has values that are not read.
    #[error(
        "column `{column}` of `{path}` holds {kind}; texts, numbers, flags, and lists and structs of them are read, so \
         write the file without that column, or as one of these",
        path = path.display()
    )]
    ParquetColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it holds (`a time`).
        kind: &'static str,
    },

    /// Two columns have one name.
    #[error("`{path}` has two columns `{column}`; give each its own name", path = path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },

    /// A column has no name.
    #[error("column `{column}` (from 0) of `{path}` has no name; give it one", path = path.display())]
    UnnamedColumn {
        /// The file.
        path: PathBuf,
        /// The column, from 0.
        column: usize,
    },

    /// A column is asked for that no row has.
    #[error("`{path}` has no column `{column}`; its columns are {}", Names(columns), path = path.display())]
    NoSuchColumn {
        /// The file.
        path: PathBuf,
        /// The column that was asked for.
        column: String,
        /// Those that there are.
        columns: Vec<String>,
    },

    /// A record lacks a key.
    #[error("in `{path}`, {place} has no `{key}`; {}, and needs `{key}` too", Has(found), path = path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// Where the record stands.
        place: Place,
        /// The key.
        key: String,
        /// The keys that it has.
        found: Vec<String>,
    },

    /// A record has a key that its kind has not.
    #[error("in `{path}`, {place} has the unknown key `{key}`; the keys are {}", Names(known), path = path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Where the record stands.
        place: Place,
        /// The key.
        key: String,
        /// The keys that there may be.
        known: Vec<&'static str>,
    },

    /// A value is not what it must be.
    #[error("in `{path}`, `{key}` in {place} is `{value}`, {kind}; it must be {expected}", path = path.display())]
    WrongValue {
        /// The file.
        path: PathBuf,
        /// Where the record stands.
        place: Place,
        /// The value's key.
        key: String,
        /// The value, or its start.
        value: String,
        /// What kind of value it is (`a text`).
        kind: &'static str,
        /// What would be right (`a whole number`).
        expected: &'static str,
    },

    /// A record has a field without text.
    #[error("in `{path}`, `{key}` in {place} is empty; every field needs text", path = path.display())]
    EmptyText {
        /// The file.
        path: PathBuf,
        /// Where the record stands.
        place: Place,
        /// The field's key.
        key: String,
    },

    /// Two records have one name.
    #[error(
        "in `{path}`, {place} has the name `{id}` of {first} again; splits keep apart what the names tell apart, so give \
         each record its own",
        path = path.display()
    )]
    DuplicateId {
        /// The file.
        path: PathBuf,
        /// Where the second record stands.
        place: Place,
        /// The name.
        id: String,
        /// Where the first one stands.
        first: Place,
    },

    /// One text stands twice.
    ///
    /// In two records it could be on both sides of a split; in one it would have two labels.
    #[error(
        "in `{path}`, {place} repeats a text of {first}; each text may stand once, or held-out scores would be measured \
         on training texts",
        path = path.display()
    )]
    DuplicateText {
        /// The file.
        path: PathBuf,
        /// Where the second occurrence stands.
        place: Place,
        /// Where the first one stands: the same place if two texts of one record are equal.
        first: Place,
    },

    /// The file has no record at all.
    #[error("`{path}` has no records; write at least one", path = path.display())]
    NoRecords {
        /// The file.
        path: PathBuf,
    },

    /// A data set holds records of none of the kinds that are known.
    #[error(
        "`{path}` holds records of no known kind: its keys are {}; read it with `Table`, or with a `Record` of your own",
        Names(found),
        path = path.display()
    )]
    NoKind {
        /// The data file.
        path: PathBuf,
        /// The keys of its records.
        found: Vec<String>,
    },

    /// A file could not be written.
    #[error("`{path}` could not be written", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file that should be new is there already.
    #[error("`{path}` is there already; remove it if it is to be replaced", path = path.display())]
    AlreadyThere {
        /// The file.
        path: PathBuf,
    },

    /// There is no manifest beside the data.
    #[error(
        "`{path}` does not exist; describe the data in such a file, or read data without a manifest with \
         `Dataset::from_file`",
        path = path.display()
    )]
    NoManifest {
        /// Where the manifest was looked for.
        path: PathBuf,
    },

    /// The manifest is not what a manifest should be.
    #[error(
        "`{path}` is not a manifest; it needs `name`, `title`, `file`, `sha256`, `n`, `licence`, `source`, \
         `written_by`, `labelled_by`, `created` and `description`, may have `writer` and `labeller`, each `ai`, `person`, \
         `both` or `program`, and has nothing else",
        path = path.display()
    )]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },

    /// The manifest has a field without text.
    #[error("`{field}` in `{path}` is empty; write `unstated` where nothing is known", path = path.display())]
    EmptyField {
        /// The manifest.
        path: PathBuf,
        /// The field's key.
        field: &'static str,
    },

    /// The manifest describes another file than the one asked for, or one in another folder.
    #[error(
        "`{path}` describes `{expected}`, not `{found}`; a manifest names the one data file beside it",
        path = path.display()
    )]
    OtherFile {
        /// The manifest.
        path: PathBuf,
        /// The file that the manifest names.
        expected: String,
        /// The file that was asked for.
        found: String,
    },

    /// The data are not the bytes that the manifest describes.
    #[error(
        "`{path}` has the SHA-256 `{found}`, but its manifest says `{expected}`; restore the file, or if the change is \
         meant, write the new hash into the manifest",
        path = path.display()
    )]
    HashMismatch {
        /// The data file.
        path: PathBuf,
        /// The manifest's hash.
        expected: String,
        /// The file's hash.
        found: String,
    },

    /// The data are not as many as the manifest says.
    #[error(
        "`{path}` has `{found}` records, but its manifest says `{expected}`; write the number of records into `n`",
        path = path.display()
    )]
    CountMismatch {
        /// The data file.
        path: PathBuf,
        /// The manifest's number of records.
        expected: usize,
        /// The file's number of records.
        found: usize,
    },

    /// What is there is of no kind that holds texts.
    #[error(
        "`{path}` is no file of texts; give a `.txt` file with a text on each line, a `.jsonl` file with a JSON object \
         on each line, or the folder of a data set of pairs",
        path = path.display()
    )]
    NotTexts {
        /// What was asked for.
        path: PathBuf,
    },

    /// The file has no text at all.
    #[error("`{path}` has no texts; write one on each line", path = path.display())]
    NoTexts {
        /// The file.
        path: PathBuf,
    },

    /// A line is longer than any text.
    #[error("line `{line}` of `{path}` has more than `{most}` bytes; write one text a line", path = path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// How many bytes it may have, its end among them.
        most: usize,
    },

    /// A line is not a text in JSON.
    #[error(
        "line `{line}` of `{path}` is not a text; a line is one JSON object with the string `text`, or with `parts`, \
         an array of objects of the strings `name` and `text`, or with `messages`, an array of objects of the strings \
         `role` and `content`",
        path = path.display()
    )]
    BadText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said; its line number is the file's too.
        source: serde_json::Error,
    },

    /// A line has no text, or more than one.
    #[error(
        "line `{line}` of `{path}` must be a JSON object with one of the keys `text`, `parts` and `messages`; \
         it has {}",
        Keys(found),
        path = path.display()
    )]
    NotOneText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Those of the three that it has.
        found: Vec<&'static str>,
    },

    /// A line has a place for text, and none there.
    #[error(
        "`{key}` in line `{line}` of `{path}` has no text; write some, or leave out the line",
        path = path.display()
    )]
    EmptyItem {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key of the place.
        key: &'static str,
    },

    /// More texts are asked for than there are, or backwards.
    #[error(
        "`{path}` has `{n}` texts, of which `{start}..{end}` is no range; give a range within `0..{n}`",
        path = path.display()
    )]
    NoSuchTexts {
        /// The file.
        path: PathBuf,
        /// The first text asked for, from 0.
        start: usize,
        /// The one behind the last.
        end: usize,
        /// How many there are.
        n: usize,
    },

    /// A file is not what it was.
    #[error(
        "`{path}` has changed since it was opened; open it again, and leave it as it is while it is read",
        path = path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong in a line of a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsvFault {
    /// It has more or fewer cells than the first line has names.
    Ragged {
        /// How many names there are.
        expected: usize,
        /// How many cells there are.
        found: usize,
    },
    /// A cell that starts without a quotation mark has one.
    QuoteInCell,
    /// A cell goes on behind its closing quotation mark.
    TextAfterQuote,
    /// A quotation mark opens a cell here, and none closes it.
    OpenQuote,
    /// The parser refuses it.
    Unreadable,
}

impl fmt::Display for CsvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ragged { expected, found } => {
                write!(f, "has `{found}` cells, but the first line has `{expected}` names; give it as many")
            }
            Self::QuoteInCell => f.write_str(
                "has a quotation mark within a cell; put the whole cell between two, and write those within twice",
            ),
            Self::TextAfterQuote => {
                f.write_str("goes on behind a closing quotation mark; a comma or the line's end must follow one")
            }
            Self::OpenQuote => f.write_str("opens a quotation mark that is never closed; close it behind the cell"),
            Self::Unreadable => f.write_str("is not CSV"),
        }
    }
}

/// Keys that were found, for a message.
struct Keys<'a>(&'a [&'static str]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none of them") } else { write!(f, "`{}`", self.0.join("` and `")) }
    }
}

/// Names in a row, for a message.
struct Names<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Names<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let before = match i {
                0 => "",
                i if i + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}`{name}`")?;
        }
        Ok(())
    }
}

/// What an object has, for a message.
struct Has<'a>(&'a [String]);

impl fmt::Display for Has<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("it has none") } else { write!(f, "it has {}", Names(self.0)) }
    }
}
