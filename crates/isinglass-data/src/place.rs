//! Where in a file a record stands.

use std::fmt;

/// Where in a file a record stands, counted as the file's kind is best counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A line of a JSONL or CSV file, from 1; of a record that takes several lines, the first.
    Line(usize),
    /// A place in a JSON array, from 0.
    Item(usize),
    /// A row of a Parquet file, from 0.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line `{line}`"),
            Self::Item(item) => write!(f, "item `{item}` (from 0)"),
            Self::Row(row) => write!(f, "row `{row}` (from 0)"),
        }
    }
}
