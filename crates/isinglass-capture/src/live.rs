//! Rows straight from the model, without a store.

use std::fmt;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{ActivationSource, Forward, SiteId, SourceError, Tensor};

use crate::block::{Block, RowOrigin, SiteRows};
use crate::capture::Capture;
use crate::error::CaptureError;
use crate::passages::Passages;
use crate::plan::{Plan, width};

/// Rows of one site as the model computes them, batch after batch; made by [`Capture::live`].
///
/// They are the rows that a store of the same capture would hold, to the last bit and in the same order; a shard's worth of
/// them is in memory. There is no shuffling, for which the rows would have to be kept: that is what a store is for.
pub struct LiveSource<'a, P: ?Sized> {
    capture: Capture,
    model: &'a dyn Forward,
    texts: &'a P,
    plan: Plan,
    site: SiteId,
    batch_rows: usize,
    next_shard: usize,
    block: Option<Block>,
    /// Rows of the block that were given.
    given: usize,
    origins: Vec<RowOrigin>,
}

impl<'a, P: Passages + ?Sized> LiveSource<'a, P> {
    pub(crate) fn new(
        capture: Capture,
        model: &'a dyn Forward,
        texts: &'a P,
        site: SiteId,
    ) -> Result<Self, CaptureError> {
        let plan = capture.plan(model, texts, &mut |_| {})?;
        Ok(Self {
            capture,
            model,
            texts,
            plan,
            site,
            batch_rows: 4096,
            next_shard: 0,
            block: None,
            given: 0,
            origins: Vec::new(),
        })
    }

    /// Gives at most so many rows at a time, 4096 otherwise; fewer where a shard of the capture ends.
    #[must_use]
    pub fn batch_rows(mut self, n: usize) -> Self {
        self.batch_rows = n.max(1);
        self
    }

    /// What the rows given last are the activations of.
    pub fn origins(&self) -> &[RowOrigin] {
        &self.origins
    }

    /// The next block with rows that were not given.
    fn next_block(&mut self) -> Result<Option<Block>, CaptureError> {
        loop {
            if let Some(block) = self.block.take_if(|block| self.given < block.origins.len()) {
                return Ok(Some(block));
            }
            if self.next_shard == self.plan.n_shards() {
                return Ok(None);
            }
            let outline = self.capture.outline_shard(self.model, self.texts, &self.plan, self.next_shard)?;
            self.block = Some(self.capture.block(self.model, outline, self.block.take(), &mut |_, _| {})?);
            self.next_shard += 1;
            self.given = 0;
        }
    }
}

impl<P: ?Sized> fmt::Debug for LiveSource<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSource")
            .field("capture", &self.capture)
            .field("model", &self.model.spec().name)
            .field("site", &self.site)
            .field("next_shard", &self.next_shard)
            .finish_non_exhaustive()
    }
}

impl<P: Passages + ?Sized> ActivationSource for LiveSource<'_, P> {
    fn width(&self) -> usize {
        width(&self.site.into(), self.model.spec())
    }

    fn next_batch(&mut self) -> Result<Option<Tensor<2>>, SourceError> {
        let site = self.site;
        let failed = |source| SourceError::Unavailable { site, source: Box::new(source) };
        let Some(block) = self.next_block().map_err(failed)? else { return Ok(None) };
        let rows = self.given..(self.given + self.batch_rows).min(block.origins.len());
        self.origins = block.origins[rows.clone()].to_vec();
        self.given = rows.end;
        // Of the one site that there is.
        let SiteRows { width, values, .. } = &block.sites[0];
        let values = values[rows.start * width..rows.end * width].to_vec();
        let data = TensorData::new(values, [rows.len(), *width]);
        self.block = Some(block);
        Ok(Some(Tensor::from_data(data, self.model.device())))
    }
}
