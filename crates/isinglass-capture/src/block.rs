//! The rows of one shard: batches run, rows put back into the order of their texts.

use std::ops::Range;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Forward, Generate, Passage, Run, SiteId, TokenBatch};
use serde::{Deserialize, Serialize};

use crate::capture::Capture;
use crate::error::CaptureError;
use crate::gather::Gather;
use crate::passages::Passages;
use crate::plan::{GENERATED, width};
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

    /// Finds the rows of these texts, which the model continues first if it is to.
    pub(crate) fn outline(
        &self,
        model: &dyn Forward,
        first_text: usize,
        mut passages: Vec<Passage>,
    ) -> Result<Outline, CaptureError> {
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
        Ok(Outline { passages, picks, origins, starts })
    }

    /// Runs the texts of an outline and hands over their rows, those of each site to its own of `keepers`; `done` is told how
    /// many texts and tokens each batch had.
    pub(crate) fn run(
        &self,
        model: &dyn Forward,
        outline: &Outline,
        keepers: &mut [impl KeepRows],
        done: &mut dyn FnMut(usize, u64),
    ) -> Result<(), CaptureError> {
        let Outline { passages, picks, .. } = outline;
        let lens: Vec<usize> = passages.iter().map(|passage| passage.ids().len()).collect();
        let sites: Vec<SiteId> = self.sites.iter().collect();
        for batch in self.batches(model.spec(), &lens) {
            let tokens = TokenBatch::new(batch.iter().map(|&i| passages[i].ids().to_vec()))?;
            let wanted: Vec<&Picks> = batch.iter().map(|&i| &picks[i]).collect();
            if wanted.iter().any(|picks| picks.len() > 0) {
                let mut kept = Ok(());
                let mut sink = |site, rows: &TensorData, index: Option<&[usize]>| {
                    if let (Ok(()), Some(i)) = (&kept, sites.iter().position(|of| *of == site)) {
                        kept = outline.hand_over(site, rows, index, &batch, &mut keepers[i]);
                    }
                };
                model.activations(
                    &tokens,
                    Gather::new(&self.sites, tokens.layout(), &wanted, model.device(), &mut sink),
                )?;
                kept?;
            }
            done(batch.len(), batch.iter().map(|&i| lens[i] as u64).sum());
        }
        Ok(())
    }

    /// The rows of an outline in memory; `used` is a block that is no longer needed, whose memory will do.
    pub(crate) fn block(
        &self,
        model: &dyn Forward,
        outline: Outline,
        used: Option<Block>,
        done: &mut dyn FnMut(usize, u64),
    ) -> Result<Block, CaptureError> {
        let mut used = used.map(|block| block.sites).unwrap_or_default().into_iter();
        let rows_of = |site: SiteId| {
            let width = width(&site.into(), model.spec());
            // Every row is put once, so what an earlier block left need not be cleared.
            let mut values = used.next().map(|rows| rows.values).unwrap_or_default();
            values.resize(outline.origins.len() * width, 0.0);
            SiteRows { site, width, values }
        };
        let mut sites: Vec<SiteRows> = self.sites.iter().map(rows_of).collect();
        self.run(model, &outline, &mut sites, done)?;
        Ok(Block { origins: outline.origins, sites })
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

/// Texts with the rows that they will have.
#[derive(Debug)]
pub(crate) struct Outline {
    passages: Vec<Passage>,
    picks: Vec<Picks>,
    pub(crate) origins: Vec<RowOrigin>,
    /// The first row of each text, and the number of rows at the end.
    starts: Vec<usize>,
}

/// Keeps the rows of one site.
pub(crate) trait KeepRows: Send {
    /// Keeps the rows of some texts.
    fn keep(&mut self, texts: &[TextRows<'_>]) -> Result<(), CaptureError>;
}

/// The rows of one text at one site.
pub(crate) struct TextRows<'b> {
    pub(crate) site: SiteId,
    width: usize,
    /// The number of the first in its outline.
    pub(crate) first: usize,
    pub(crate) origins: &'b [RowOrigin],
    /// `[n, width]`: these rows among others, or those of an index.
    rows: &'b [f32],
    index: Option<&'b [usize]>,
}

impl TextRows<'_> {
    /// The values, all finite; `chosen` is memory for those that do not lie side by side.
    pub(crate) fn values<'v>(&'v self, chosen: &'v mut Vec<f32>) -> Result<&'v [f32], CaptureError> {
        let (rows, width) = (self.rows, self.width);
        let values = match self.index {
            None => rows,
            // The rows of a text mostly follow each other.
            Some([from, .., last]) if last - from == self.origins.len() - 1 => &rows[from * width..(last + 1) * width],
            Some(index) => {
                chosen.clear();
                chosen.extend(index.iter().flat_map(|from| &rows[from * width..(from + 1) * width]));
                chosen
            }
        };
        check_finite(self.site, width, self.origins, values)?;
        Ok(values)
    }
}

impl KeepRows for SiteRows {
    fn keep(&mut self, texts: &[TextRows<'_>]) -> Result<(), CaptureError> {
        let mut chosen = Vec::new();
        for text in texts {
            let values = text.values(&mut chosen)?;
            self.values[text.first * self.width..][..values.len()].copy_from_slice(values);
        }
        Ok(())
    }
}

impl Outline {
    /// Hands over the rows of a batch at one site.
    fn hand_over(
        &self,
        site: SiteId,
        rows: &TensorData,
        index: Option<&[usize]>,
        batch: &[usize],
        keeper: &mut impl KeepRows,
    ) -> Result<(), CaptureError> {
        let width = rows.shape().iter().next_back().copied().unwrap_or(1);
        let rows: &[f32] = rows.as_slice().map_err(|_| CaptureError::NotF32)?;
        let mut next = 0;
        let texts = batch.iter().map(|&text| {
            let places = self.starts[text]..self.starts[text + 1];
            let own = next..next + places.len();
            next = own.end;
            let (rows, index) = match index {
                None => (&rows[own.start * width..own.end * width], None),
                Some(index) => (rows, Some(&index[own])),
            };
            TextRows { site, width, first: places.start, origins: &self.origins[places], rows, index }
        });
        keeper.keep(&texts.collect::<Vec<_>>())
    }
}

/// Refuses infinities and NaNs, which would spoil whatever is made of the rows.
fn check_finite(site: SiteId, width: usize, origins: &[RowOrigin], values: &[f32]) -> Result<(), CaptureError> {
    // Without a way out of the loop, which is vectorised then.
    if values.iter().fold(true, |fine, v| fine & v.is_finite()) {
        return Ok(());
    }
    let Some(at) = values.iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let RowOrigin { text, pos, .. } = origins[at / width];
    Err(CaptureError::NotFinite { site, text, pos, found: values[at] })
}

impl Block {
    /// Puts later texts after these.
    pub(crate) fn extend(&mut self, later: Self) {
        self.origins.extend(later.origins);
        for (rows, later) in self.sites.iter_mut().zip(later.sites) {
            rows.values.extend(later.values);
        }
    }
}
