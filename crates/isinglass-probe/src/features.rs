//! What a probe is fitted to: rows of numbers, with labels and groups.

use std::collections::BTreeMap;

use isinglass_core::{ActivationSource, Rows, SiteId};

use crate::error::FitError;

/// Rows of numbers under a name: activations of a site, or what a baseline sees of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    pub(crate) name: String,
    pub(crate) site: Option<SiteId>,
    pub(crate) width: usize,
    pub(crate) values: Vec<f64>,
}

impl Features {
    /// The activations of one site, from wherever they come.
    ///
    /// # Errors
    /// [`FitError::Source`] if the source fails, [`FitError::NotFinite`] if a value is not finite.
    pub fn collect(site: impl Into<SiteId>, source: &mut dyn ActivationSource) -> Result<Self, FitError> {
        Self::of_rows(&Rows::collect(site, source)?)
    }

    /// The activations of one site in memory.
    ///
    /// # Errors
    /// [`FitError::NotFinite`] if a value is not finite.
    pub fn of_rows(rows: &Rows) -> Result<Self, FitError> {
        let values = (0..rows.len()).flat_map(|i| rows.row(i)).map(|v| f64::from(*v)).collect();
        Self { name: rows.site().to_string(), site: Some(rows.site()), width: rows.width(), values }.checked()
    }

    /// A lexical baseline: how often each word occurs, each text scaled to length 1.
    ///
    /// What a probe of activations finds beyond this is more than the choice of words.
    pub fn words<S: AsRef<str>>(texts: &[S]) -> Self {
        let counts: Vec<BTreeMap<String, f64>> = texts.iter().map(|text| count(text.as_ref())).collect();
        let mut vocabulary: Vec<&String> = counts.iter().flat_map(BTreeMap::keys).collect();
        vocabulary.sort_unstable();
        vocabulary.dedup();
        let row = |counts: &BTreeMap<String, f64>| {
            let norm = counts.values().map(|c| c * c).sum::<f64>().sqrt().max(1.0);
            vocabulary.iter().map(|word| counts.get(*word).copied().unwrap_or(0.0) / norm).collect::<Vec<_>>()
        };
        let (width, values) = (vocabulary.len(), counts.iter().flat_map(row).collect());
        Self { name: "words".into(), site: None, width, values }
    }

    /// A length baseline: the number of tokens (or of anything else counted) of each text.
    pub fn lengths(lengths: &[usize]) -> Self {
        Self { name: "length".into(), site: None, width: 1, values: lengths.iter().map(|&n| n as f64).collect() }
    }

    /// What the rows are: a site's name, `words` or `length`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    fn checked(self) -> Result<Self, FitError> {
        match self.values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(FitError::NotFinite { name: self.name, row: at / self.width, value: self.values[at] }),
            None => Ok(self),
        }
    }
}

fn count(text: &str) -> BTreeMap<String, f64> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_lowercase()).or_insert(0.0) += 1.0;
    }
    counts
}

/// Labels and groups of rows. Rows of one group are never on both sides of a split, and a group's labels are shuffled
/// within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    pub(crate) labels: Vec<bool>,
    pub(crate) groups: Vec<u64>,
}

impl Labels {
    /// Labels of pairs: each group holds one row of either label.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if they differ in number.
    pub fn paired(labels: Vec<bool>, groups: Vec<u64>) -> Result<Self, FitError> {
        if labels.len() != groups.len() {
            let (rows, n) = (groups.len(), labels.len());
            return Err(FitError::LengthMismatch { name: "groups".into(), rows, labels: n });
        }
        Ok(Self { labels, groups })
    }

    pub(crate) fn check(&self, features: &Features) -> Result<(), FitError> {
        let (rows, labels) = (features.len(), self.labels.len());
        if rows == labels {
            return Ok(());
        }
        Err(FitError::LengthMismatch { name: features.name.clone(), rows, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_without_case_and_scaled() {
        let features = Features::words(&["The cat, the CAT!", "a dog"]);
        assert_eq!((features.width, features.len()), (4, 2));
        // a, cat, dog, the
        let half = 1.0 / 2.0_f64.sqrt();
        let close = |a: &[f64], b: [f64; 4]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(features.row(0), [0.0, half, 0.0, half]));
        assert!(close(features.row(1), [half, 0.0, half, 0.0]));
    }
}
