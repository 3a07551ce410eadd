//! Tables whose numbers are counts or estimates.

use isinglass_stats::Estimate;
use serde::Serialize;

use crate::ReportError;

/// One cell of a [`Table`]: words, a count, or an estimate.
///
/// There is no cell for a float.
/// A number that was computed comes as an [`Estimate`], with its interval and its count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Words, such as the name of a site.
    Text(String),
    /// A count or an index, such as a layer.
    Integer(i64),
    /// A computed number.
    Estimate(Estimate),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<i32> for Cell {
    fn from(integer: i32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Integer(count as i64)
    }
}

impl From<Estimate> for Cell {
    fn from(estimate: Estimate) -> Self {
        Self::Estimate(estimate)
    }
}

impl From<&Estimate> for Cell {
    fn from(estimate: &Estimate) -> Self {
        Self::Estimate(estimate.clone())
    }
}

/// Rows under a heading.
///
/// ```
/// use isinglass_report::Table;
/// use isinglass_stats::auroc_delong;
///
/// let estimate = auroc_delong(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// let table = Table::new("The five best heads", ["layer", "head", "AUROC"])
///     .row([12.into(), 3.into(), estimate.into()]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
///
/// A bare float does not fit:
///
/// ```compile_fail,E0277
/// isinglass_report::Table::new("Coherence", ["score"]).row([0.7.into()]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    heading: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new<C: Into<String>>(heading: impl Into<String>, columns: impl IntoIterator<Item = C>) -> Self {
        Self { heading: heading.into(), columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }

    pub(crate) fn heading(&self) -> &str {
        &self.heading
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(crate) fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    pub(crate) fn check(&self) -> Result<(), ReportError> {
        match self.rows.iter().position(|row| row.len() != self.columns.len()) {
            None => Ok(()),
            Some(row) => Err(ReportError::RaggedTable {
                table: self.heading.clone(),
                row,
                cells: self.rows[row].len(),
                columns: self.columns.len(),
            }),
        }
    }
}
