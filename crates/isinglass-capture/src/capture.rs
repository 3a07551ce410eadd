//! Running many texts for one row each.

use std::collections::BTreeMap;

use isinglass_core::{BatchError, Forward, Kind, Rows, Run, RunError, SiteId, SiteSet, SourceError, TokenBatch};

use crate::gather::{Gather, Pos};

/// Which sites and positions to keep, and how many tokens to run at once.
///
/// ```
/// use isinglass_capture::{Capture, Pos};
/// use isinglass_core::{Run, device, site::resid_post};
/// use isinglass_model::Model;
///
/// let model = Model::load("tiny", &device("cpu")?)?;
/// let texts = [vec![5, 6, 7], vec![8]];
/// let captured = Capture::new(resid_post(2), Pos::Last).rows(&model, &texts, |_| {})?;
/// assert_eq!(captured.rows(resid_post(2))?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Capture {
    sites: SiteSet,
    pos: Pos,
    batch_tokens: usize,
}

/// Why a capture failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// A site whose activations have no row per position.
    #[error(
        "site `{site}` holds a matrix of query and key positions, which gives no row per text: choose another site"
    )]
    NoRows {
        /// The site.
        site: SiteId,
    },
    /// A site that was not captured.
    #[error("site `{site}` was not captured: name it in `Capture::new`")]
    NotCaptured {
        /// The site.
        site: SiteId,
    },
    /// A text without tokens, or no texts.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The model refused to run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The rows do not fit together.
    #[error(transparent)]
    Rows(#[from] SourceError),
}

impl Capture {
    /// Keeps these sites at this position; heads of a site of rank 4 are laid side by side.
    pub fn new(sites: impl Into<SiteSet>, pos: Pos) -> Self {
        Self { sites: sites.into(), pos, batch_tokens: 2048 }
    }

    /// Runs at most this many tokens at once, padding included; a longer text runs alone.
    #[must_use]
    pub const fn batch_tokens(mut self, batch_tokens: usize) -> Self {
        self.batch_tokens = batch_tokens;
        self
    }

    /// One row per text and site, in the order of the texts.
    ///
    /// Texts of like length run together, and nothing after the last site is computed.
    /// `progress` is told the number of texts done after each batch.
    ///
    /// # Errors
    /// [`CaptureError`] if a site has no rows, a text no tokens, or the model refuses them.
    pub fn rows(
        &self,
        model: &dyn Forward,
        texts: &[Vec<u32>],
        mut progress: impl FnMut(usize),
    ) -> Result<Captured, CaptureError> {
        if let Some(site) = self.sites.iter().find(|s| matches!(s.kind(), Kind::Scores | Kind::Pattern)) {
            return Err(CaptureError::NoRows { site });
        }
        if let Some(row) = texts.iter().position(Vec::is_empty) {
            return Err(BatchError::EmptyRow { row }.into());
        }
        let mut found: BTreeMap<SiteId, Vec<Vec<f32>>> =
            self.sites.iter().map(|site| (site, vec![Vec::new(); texts.len()])).collect();
        let mut done = 0;
        for batch in self.batches(texts) {
            let tokens = TokenBatch::new(batch.iter().map(|&i| texts[i].clone()))?;
            let mut gather = Gather::new(self.sites.clone(), self.pos);
            model.activations(&tokens, &mut gather)?;
            for (site, rows) in gather.rows {
                let [_, width] = rows.dims();
                let values: Vec<f32> = rows.into_data().iter::<f32>().collect();
                if let Some(all) = found.get_mut(&site) {
                    for (&text, row) in batch.iter().zip(values.chunks_exact(width)) {
                        all[text] = row.to_vec();
                    }
                }
            }
            done += batch.len();
            progress(done);
        }
        let rows = |(site, rows): (SiteId, Vec<Vec<f32>>)| {
            let width = rows.first().map_or(1, Vec::len);
            Ok((site, Rows::new(site, width, rows.concat())?))
        };
        Ok(Captured(found.into_iter().map(rows).collect::<Result<_, SourceError>>()?))
    }

    /// Indices of texts that run together, shortest first.
    fn batches(&self, texts: &[Vec<u32>]) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| texts[i].len());
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for text in order {
            match batches.last_mut() {
                Some(batch) if (batch.len() + 1) * texts[text].len() <= self.batch_tokens => batch.push(text),
                _ => batches.push(vec![text]),
            }
        }
        batches
    }
}

/// Rows of each site, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured(BTreeMap<SiteId, Rows>);

impl Captured {
    /// The rows of a site.
    ///
    /// # Errors
    /// [`CaptureError::NotCaptured`] if it was not among the sites.
    pub fn rows(&self, site: impl Into<SiteId>) -> Result<&Rows, CaptureError> {
        let site = site.into();
        self.0.get(&site).ok_or(CaptureError::NotCaptured { site })
    }

    /// The rows of every site, in the order of the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = &Rows> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isinglass_core::site::resid_post;

    #[test]
    fn batches_hold_texts_of_like_length_within_the_budget() {
        let texts: Vec<Vec<u32>> = [5, 1, 9, 2, 30].iter().map(|&n| vec![1; n]).collect();
        let capture = Capture::new(resid_post(0), Pos::Last).batch_tokens(15);
        assert_eq!(capture.batches(&texts), [vec![1, 3, 0], vec![2], vec![4]]);
    }
}
