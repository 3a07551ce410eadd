//! What a probe is fitted to: rows of numbers.

use faer::{Mat, MatRef};
use isinglass_core::{ActivationSource, Rows, SiteId};

use crate::error::FitError;

/// Rows of numbers under a name, such as the activations of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    name: String,
    site: Option<SiteId>,
    width: usize,
    values: Vec<f64>,
}

impl Features {
    /// Rows of this width, one after another.
    ///
    /// # Errors
    /// [`FitError::Ragged`] if the values do not fill whole rows, [`FitError::NotFinite`] if a value is not finite.
    pub fn new(name: impl Into<String>, width: usize, values: Vec<f64>) -> Result<Self, FitError> {
        let name = name.into();
        if width == 0 || values.is_empty() || !values.len().is_multiple_of(width) {
            return Err(FitError::Ragged { name, n_values: values.len(), width });
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(FitError::NotFinite { name, row: at / width, value: values[at] }),
            None => Ok(Self { name, site: None, width, values }),
        }
    }

    /// The activations of one site, from wherever they come.
    ///
    /// # Errors
    /// [`FitError::Source`] if the source fails, and those of [`new`](Self::new).
    pub fn collect(site: impl Into<SiteId>, source: &mut dyn ActivationSource) -> Result<Self, FitError> {
        Self::of_rows(&Rows::collect(site, source)?)
    }

    /// The activations of one site in memory.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn of_rows(rows: &Rows) -> Result<Self, FitError> {
        let values = (0..rows.len()).flat_map(|i| rows.row(i)).map(|v| f64::from(*v)).collect();
        let features = Self::new(rows.site().to_string(), rows.width(), values)?;
        Ok(Self { site: Some(rows.site()), ..features })
    }

    /// What the rows are, such as a site's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The site whose activations these are; none if they come from elsewhere.
    pub fn site(&self) -> Option<SiteId> {
        self.site
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none; there always are.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// All rows, one after another.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Some of the rows, in the order given.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { name: self.name.clone(), site: self.site, width: self.width, values }
    }

    /// As many rows of the same site with these numbers, `[rows, width]`.
    pub(crate) fn with_rows(&self, name: String, rows: MatRef<'_, f64>) -> Self {
        Self::of_matrix(name, self.site, rows)
    }

    /// Rows that are known to be finite, `[rows, width]`.
    pub(crate) fn of_matrix(name: String, site: Option<SiteId>, rows: MatRef<'_, f64>) -> Self {
        let values = rows.row_iter().flat_map(|row| row.iter().copied()).collect();
        Self { name, site, width: rows.ncols(), values }
    }

    /// Some of the rows, `[rows, width]`.
    pub(crate) fn matrix(&self, rows: &[usize]) -> Mat<f64> {
        Mat::from_fn(rows.len(), self.width, |i, j| self.values[rows[i] * self.width + j])
    }
}
