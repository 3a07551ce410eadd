//! The rows of one shard, in memory: batches run, rows put back into the order of their texts.

use std::ops::Range;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Forward, Generate, Passage, Run, SiteId, Tensor, TokenBatch};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::gather::Gather;
use crate::passages::Passages;
use crate::plan::GENERATED;
use crate::position::{Picks, Pos};

/// Which token of which text a row is the activation of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowOrigin {
    /// Index of the text.
    pub text: usize,
    /// Position of the token; of a mean, of the last token in it.
    pub pos: usize,
    /// Id of that token.
    pub token: u32,
    /// Number of tokens that the row is the mean of; 1 if it is none.
    pub n_tokens: usize,
}

/// Rows of one site.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SiteRows {
    pub(crate) site: SiteId,
    pub(crate) width: usize,
    /// `[rows, width]`
    pub(crate) values: Vec<f32>,
}

/// Rows of some texts at every site, in the order of the texts and, in a text, of its positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) origins: Vec<RowOrigin>,
    pub(crate) sites: Vec<SiteRows>,
}

impl Capture {
    /// The rows of a text.
    pub(crate) fn picks(&self, text: usize, passage: &Passage) -> Result<Picks, CaptureError> {
        let positions = self.positions();
        let is_empty = |span: &isinglass_core::Span| span.name == GENERATED && span.tokens.is_empty();
        // A model may have nothing to say, which is no fault of the text.
        if positions.span.as_deref() == Some(GENERATED)
            && self.generation.is_some()
            && passage.spans().iter().any(is_empty)
            && positions.rule != Pos::TurnBoundary
        {
            return Ok(Picks::At(Vec::new()));
        }
        positions.of(passage).map_err(|source| CaptureError::Position { text, source })
    }

    /// Runs these texts; `used` is a block that is no longer needed, whose memory will do, and `done` is told how many texts
    /// and tokens each batch had.
    pub(crate) fn block(
        &self,
        model: &dyn Forward,
        first_text: usize,
        mut passages: Vec<Passage>,
        used: Option<Block>,
        done: &mut dyn FnMut(usize, u64),
    ) -> Result<Block, CaptureError> {
        if self.generation.is_some() {
            self.generate(model, &mut passages)?;
        }
        let texts = first_text..first_text + passages.len();
        let picks = texts.clone().zip(&passages).map(|(text, p)| self.picks(text, p)).collect::<Result<Vec<_>, _>>()?;
        let mut origins = Vec::new();
        let mut starts = vec![0];
        for ((text, passage), picks) in texts.zip(&passages).zip(&picks) {
            let origin = |(pos, n_tokens)| RowOrigin { text, pos, token: passage.ids()[pos], n_tokens };
            origins.extend(picks.places().into_iter().map(origin));
            starts.push(origins.len());
        }
        let width = |site: SiteId| site.shape(model.spec(), 1, 1, 0).iter().product();
        let mut used = used.map(|block| block.sites).unwrap_or_default().into_iter();
        let rows_of = |site: SiteId| {
            let width: usize = width(site);
            // Every row is put once, so what an earlier block left need not be cleared.
            let mut values = used.next().map(|rows| rows.values).unwrap_or_default();
            values.resize(origins.len() * width, 0.0);
            SiteRows { site, width, values }
        };
        let mut sites: Vec<SiteRows> = self.sites.iter().map(rows_of).collect();

        let lens: Vec<usize> = passages.iter().map(|passage| passage.ids().len()).collect();
        for batch in self.batches(model.spec(), &lens) {
            let tokens = TokenBatch::new(batch.iter().map(|&i| passages[i].ids().to_vec()))?;
            let wanted: Vec<&Picks> = batch.iter().map(|&i| &picks[i]).collect();
            if wanted.iter().any(|picks| picks.len() > 0) {
                let mut gather = Gather::new(&self.sites, tokens.layout(), &wanted, model.device());
                model.activations(&tokens, &mut gather)?;
                let index = gather.index;
                // On this thread, as a device may care which thread takes its tensors; the copies are for all of them.
                let rows: Vec<TensorData> = gather.rows.into_values().map(Tensor::into_data).collect();
                let placed = sites.par_iter_mut().zip(&rows).try_for_each(|(site, rows)| {
                    let rows = rows.as_slice().ok()?;
                    put(rows, index.as_deref(), &batch, &starts, site);
                    Some(())
                });
                placed.ok_or(CaptureError::NotF32)?;
            }
            done(batch.len(), batch.iter().map(|&i| lens[i] as u64).sum());
        }
        let block = Block { origins, sites };
        block.check()?;
        Ok(block)
    }

    /// Lets the model continue each text.
    fn generate(&self, model: &dyn Forward, passages: &mut [Passage]) -> Result<(), CaptureError> {
        let Some(sampler) = &self.generation else { return Ok(()) };
        let lens: Vec<usize> = passages.iter().map(|p| p.ids().len() + sampler.max_new_tokens()).collect();
        for batch in self.batches(model.spec(), &lens) {
            let prompts = TokenBatch::new(batch.iter().map(|&i| passages[i].ids().to_vec()))?;
            for (&i, generation) in batch.iter().zip(model.generate(&prompts, sampler, ())?) {
                passages[i] = passages[i].clone().continued(GENERATED, &generation.tokens);
            }
        }
        Ok(())
    }
}

/// The texts, if they can be had.
pub(crate) fn read<P: Passages + ?Sized>(texts: &P, range: Range<usize>) -> Result<Vec<Passage>, CaptureError> {
    let (first, last) = (range.start, range.end - 1);
    let expected = range.len();
    let found = texts.read(range).map_err(|source| CaptureError::Texts { first, last, source })?;
    if found.len() == expected { Ok(found) } else { Err(CaptureError::TextCount { first, last, found: found.len() }) }
}

/// Puts the rows of a batch where their texts' rows start: all of them in order, or those of an index.
fn put(rows: &[f32], index: Option<&[usize]>, batch: &[usize], starts: &[usize], site: &mut SiteRows) {
    let width = site.width;
    let mut next = 0;
    for &text in batch {
        let (place, n) = (starts[text] * width, starts[text + 1] - starts[text]);
        let to = &mut site.values[place..place + n * width];
        match index {
            None => to.copy_from_slice(&rows[next * width..(next + n) * width]),
            Some(index) => {
                for (to, from) in to.chunks_exact_mut(width).zip(&index[next..next + n]) {
                    to.copy_from_slice(&rows[from * width..(from + 1) * width]);
                }
            }
        }
        next += n;
    }
}

impl Block {
    /// Puts later texts after these.
    pub(crate) fn extend(&mut self, later: Self) {
        self.origins.extend(later.origins);
        for (rows, later) in self.sites.iter_mut().zip(later.sites) {
            rows.values.extend(later.values);
        }
    }

    /// Refuses infinities and NaNs, which would spoil whatever is made of the rows.
    fn check(&self) -> Result<(), CaptureError> {
        self.sites.par_iter().try_for_each(|SiteRows { site, width, values }| {
            // Without a way out of the loop, which is vectorised then.
            if values.iter().fold(true, |fine, v| fine & v.is_finite()) {
                return Ok(());
            }
            let Some(at) = values.iter().position(|v| !v.is_finite()) else { return Ok(()) };
            let RowOrigin { text, pos, .. } = self.origins[at / width];
            Err(CaptureError::NotFinite { site: *site, text, pos, found: values[at] })
        })
    }
}
