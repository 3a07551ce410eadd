//! Rows that come in texts.

use faer::Mat;
use isinglass_core::{Rows, SiteId};

use crate::error::FitError;
use crate::features::Features;

/// Texts of several rows each, such as the activations of a site at every token; texts may differ in length.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequences {
    name: String,
    site: Option<SiteId>,
    width: usize,
    values: Vec<f64>,
    /// Where each text begins, in rows, and where the last one ends.
    bounds: Vec<usize>,
}

impl Sequences {
    /// Rows of this width, one after another, for each text.
    ///
    /// # Errors
    /// [`FitError::Ragged`] without texts, or if the values of a text do not fill whole rows, of which it needs one;
    /// [`FitError::NotFinite`] if a value is not finite.
    pub fn new(name: impl Into<String>, width: usize, texts: &[Vec<f64>]) -> Result<Self, FitError> {
        let name = name.into();
        let mut bounds = vec![0];
        for (i, text) in texts.iter().enumerate() {
            if width == 0 || text.is_empty() || !text.len().is_multiple_of(width) {
                return Err(FitError::Ragged { name: format!("{name}, text {i}"), n_values: text.len(), width });
            }
            bounds.push(bounds[i] + text.len() / width);
        }
        // The features' own checks of what rows are.
        Features::new(name.clone(), width, texts.concat())?;
        Ok(Self { name, site: None, width, values: texts.concat(), bounds })
    }

    /// The activations of one site in memory, text after text, of these numbers of rows.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if the numbers do not add up to the rows, and those of [`new`](Self::new).
    pub fn of_rows(rows: &Rows, lengths: &[usize]) -> Result<Self, FitError> {
        let (name, total) = (rows.site().to_string(), lengths.iter().sum::<usize>());
        if total != rows.len() {
            return Err(FitError::LengthMismatch { name, rows: rows.len(), labels: total });
        }
        let mut at = 0;
        let texts: Vec<Vec<f64>> = lengths
            .iter()
            .map(|length| {
                at += length;
                (at - length..at).flat_map(|i| rows.row(i)).map(|v| f64::from(*v)).collect()
            })
            .collect();
        Ok(Self { site: Some(rows.site()), ..Self::new(name, rows.width(), &texts)? })
    }

    /// What the rows are, such as a site's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The site whose activations these are; none if they come from elsewhere.
    pub fn site(&self) -> Option<SiteId> {
        self.site
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Whether there are none; there always are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows of one text, in order.
    pub fn text(&self, index: usize) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values[self.bounds[index] * self.width..self.bounds[index + 1] * self.width].chunks_exact(self.width)
    }

    /// The mean of the rows of each text.
    pub fn mean_pooled(&self) -> Features {
        let means = Mat::from_fn(self.len(), self.width, |i, j| {
            self.text(i).map(|row| row[j]).sum::<f64>() / self.text(i).len() as f64
        });
        Features::of_matrix(format!("{}, mean of each text", self.name), self.site, means.as_ref())
    }

    /// The rows of some texts, `[rows, width]`, and where each text begins in them, and where the last one ends.
    pub(crate) fn matrix(&self, texts: &[usize]) -> (Mat<f64>, Vec<usize>) {
        let mut bounds = vec![0];
        let mut rows = Vec::new();
        for &text in texts {
            rows.extend(self.bounds[text]..self.bounds[text + 1]);
            bounds.push(rows.len());
        }
        (Mat::from_fn(rows.len(), self.width, |i, j| self.values[rows[i] * self.width + j]), bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_different_lengths_keep_their_rows() {
        let two = Sequences::new("two", 2, &[vec![1.0, 2.0, 3.0, 6.0], vec![5.0, 7.0]]).unwrap();
        assert_eq!((two.len(), two.text(0).len(), two.text(1).next()), (2, 2, Some(&[5.0, 7.0][..])));
        let pooled = two.mean_pooled();
        assert_eq!((pooled.row(0), pooled.row(1)), (&[2.0, 4.0][..], &[5.0, 7.0][..]));
        let (rows, bounds) = two.matrix(&[1, 0]);
        assert_eq!((bounds, rows[(0, 0)], rows[(2, 1)]), (vec![0, 1, 3], 5.0, 6.0));
    }

    #[test]
    fn rows_of_a_site_are_dealt_to_texts() {
        let rows = Rows::new(isinglass_core::site::resid_post(1), 1, vec![1.0, 2.0, 3.0]).unwrap();
        let texts = Sequences::of_rows(&rows, &[1, 2]).unwrap();
        assert_eq!((texts.text(1).nth(1), texts.site()), (Some(&[3.0][..]), Some(rows.site())));
        assert!(matches!(Sequences::of_rows(&rows, &[1, 1]), Err(FitError::LengthMismatch { rows: 3, labels: 2, .. })));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let refused = |texts: &[Vec<f64>]| Sequences::new("x", 2, texts).unwrap_err();
        assert!(matches!(refused(&[]), FitError::Ragged { .. }));
        assert!(matches!(refused(&[vec![1.0, 2.0], vec![]]), FitError::Ragged { name, .. } if name == "x, text 1"));
        assert!(matches!(refused(&[vec![1.0, 2.0, 3.0]]), FitError::Ragged { n_values: 3, .. }));
        assert!(matches!(refused(&[vec![1.0, f64::INFINITY]]), FitError::NotFinite { .. }));
    }
}
