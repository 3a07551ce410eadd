//! Activations as rows: what algorithms take, wherever the rows came from.

use burn::tensor::{Device, Tensor, TensorData};

use crate::forward::RunError;
use crate::site::SiteId;

/// Rows of activations, a batch at a time: what training and fitting take instead of a model.
pub trait ActivationSource {
    /// Width of a row.
    fn width(&self) -> usize;

    /// The next batch, `[rows, width]`, or `None` after the last.
    ///
    /// # Errors
    /// [`SourceError`] if the rows cannot be produced.
    fn next_batch(&mut self) -> Result<Option<Tensor<2>>, SourceError>;
}

/// Why a source could not go on, or its rows could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The model behind the source refused to run.
    #[error("the model behind the source refused to run")]
    Run(#[from] RunError),
    /// What keeps or makes the rows could not give them.
    #[error("rows of `{site}` could not be had")]
    Unavailable {
        /// The site.
        site: SiteId,
        /// What went wrong there.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Values do not fill whole rows.
    #[error("{n_values} values do not fill rows of width {width}")]
    Ragged {
        /// Number of values.
        n_values: usize,
        /// Width of a row.
        width: usize,
    },
}

/// Rows of one site in memory, in the order of their texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    site: SiteId,
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Rows of this width, one after another.
    ///
    /// # Errors
    /// [`SourceError::Ragged`] if the values do not fill whole rows.
    pub fn new(site: impl Into<SiteId>, width: usize, values: Vec<f32>) -> Result<Self, SourceError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(SourceError::Ragged { n_values: values.len(), width });
        }
        Ok(Self { site: site.into(), width, values })
    }

    /// Every row of a source, whose site is named here.
    ///
    /// # Errors
    /// What the source reports.
    pub fn collect(site: impl Into<SiteId>, source: &mut dyn ActivationSource) -> Result<Self, SourceError> {
        let mut values = Vec::new();
        while let Some(batch) = source.next_batch()? {
            values.extend(batch.into_data().iter::<f32>());
        }
        Self::new(site, source.width(), values)
    }

    /// The site the rows come from.
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Width of a row.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// Mean length of the rows: the scale that a steering strength is relative to.
    pub fn mean_norm(&self) -> f64 {
        let norm = |row: &[f32]| row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        self.values.chunks_exact(self.width).map(norm).sum::<f64>() / self.len().max(1) as f64
    }

    /// These rows as a source of batches of `batch_rows`.
    pub fn source(&self, batch_rows: usize, device: &Device) -> RowsSource<'_> {
        RowsSource { rows: self, next: 0, batch_rows: batch_rows.max(1), device: device.clone() }
    }
}

/// Rows in memory as an [`ActivationSource`]; made by [`Rows::source`].
#[derive(Debug, Clone)]
pub struct RowsSource<'a> {
    rows: &'a Rows,
    next: usize,
    batch_rows: usize,
    device: Device,
}

impl ActivationSource for RowsSource<'_> {
    fn width(&self) -> usize {
        self.rows.width
    }

    fn next_batch(&mut self) -> Result<Option<Tensor<2>>, SourceError> {
        let end = (self.next + self.batch_rows).min(self.rows.len());
        if self.next == end {
            return Ok(None);
        }
        let width = self.rows.width;
        let values = self.rows.values[self.next * width..end * width].to_vec();
        let batch = Tensor::from_data(TensorData::new(values, [end - self.next, width]), &self.device);
        self.next = end;
        Ok(Some(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::resid_post;

    #[test]
    fn rows_come_back_through_a_source_in_order() {
        let rows = Rows::new(resid_post(1), 2, (0..10_u8).map(f32::from).collect()).unwrap();
        let mut source = rows.source(2, &Device::flex());
        assert_eq!(Rows::collect(resid_post(1), &mut source).unwrap(), rows);
        assert_eq!(rows.row(4), [8.0, 9.0]);
    }

    #[test]
    fn ragged_values_are_refused() {
        assert!(Rows::new(resid_post(1), 3, vec![0.0; 4]).is_err());
        assert!(Rows::new(resid_post(1), 0, vec![]).is_err());
    }
}
