//! Heat maps of readings: one number and one word for each place.

use serde::Serialize;

use crate::ReportError;
use crate::plot::finite;

/// A grid of readings, each a colour with a word on it, such as the likeliest token at each layer and position.
///
/// A reading is what one run shows at one place: no statistic and no estimate, so it carries no interval and holds for
/// nothing else; claims belong into [`Report::estimate`](crate::Report::estimate).
///
/// ```
/// use isinglass_report::HeatMap;
///
/// let map = HeatMap::new("lens", "What each layer would say next")
///     .x_label("token read")
///     .y_label("layer")
///     .range("probability", 0.0, 1.0)
///     .columns(["The", "·cat"])
///     .row("0", [(0.1, "·the"), (0.2, "·is")])
///     .row("1", [(0.3, "·end"), (0.8, "·sat")]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatMap {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) value_label: String,
    pub(crate) range: [f64; 2],
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<HeatRow>,
}

/// A row of the grid, with what stands beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HeatRow {
    pub(crate) label: String,
    pub(crate) cells: Vec<Reading>,
}

/// One number and one word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reading {
    pub(crate) value: f64,
    pub(crate) label: String,
}

impl HeatMap {
    /// An empty map of values from 0 to 1; `name` becomes part of the file name `<report>.<name>.svg`.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            value_label: String::new(),
            range: [0.0, 1.0],
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// What the columns are.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// What the rows are.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// What the colours show, and the values of the lightest and the darkest; values beyond them get these colours.
    #[must_use]
    pub fn range(mut self, label: impl Into<String>, low: f64, high: f64) -> Self {
        self.value_label = label.into();
        self.range = [low, high];
        self
    }

    /// What stands below each column.
    #[must_use]
    pub fn columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row above those before it: a value and a word for each column.
    #[must_use]
    pub fn row<L: Into<String>>(mut self, label: impl Into<String>, cells: impl IntoIterator<Item = (f64, L)>) -> Self {
        let cells = cells.into_iter().map(|(value, label)| Reading { value, label: label.into() }).collect();
        self.rows.push(HeatRow { label: label.into(), cells });
        self
    }

    /// Checks that there is something to draw and that it has a place and a colour.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        if self.columns.is_empty() || self.rows.is_empty() {
            return Err(ReportError::EmptyPlot { plot: self.name.clone() });
        }
        self.range.into_iter().try_for_each(|value| finite(&self.name, "range", value))?;
        for (index, row) in self.rows.iter().enumerate() {
            if row.cells.len() != self.columns.len() {
                return Err(ReportError::RaggedTable {
                    table: self.name.clone(),
                    row: index,
                    cells: row.cells.len(),
                    columns: self.columns.len(),
                });
            }
            row.cells.iter().try_for_each(|cell| finite(&self.name, &row.label, cell.value))?;
        }
        Ok(())
    }
}
