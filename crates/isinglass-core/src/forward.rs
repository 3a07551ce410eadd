//! Running a model: what a model implements, and what everyone else calls.

use burn::tensor::{Device, Tensor};

use crate::cache::Cache;
use crate::gradient::Gradients;
use crate::hook::Hook;
use crate::sampler::SamplerError;
use crate::site::SiteId;
use crate::site_set::SiteSet;
use crate::spec::ModelSpec;
use crate::taps::{Output, Taps};
use crate::tokens::TokenBatch;

/// Implemented by models.
pub trait Forward {
    /// Sizes, limits and sites.
    fn spec(&self) -> &ModelSpec;

    /// Where the weights are.
    fn device(&self) -> &Device;

    /// One pass: logits `[batch, pos, vocab]`, or `[batch, 1, vocab]` if only the last are asked for.
    ///
    /// Callers have checked tokens and sites. When no logits are asked for, the pass may return the stream of the
    /// layer at which [`Taps::finished`] let it stop.
    fn forward(&self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3>;

    /// A decoding session with a KV cache for rows of at most `columns` columns, if the model has one.
    fn session(&self, columns: usize) -> Option<Box<dyn Session + '_>> {
        let _ = columns;
        None
    }
}

/// A model that remembers the keys and values of earlier passes.
pub trait Session {
    /// The next columns, after those of earlier steps.
    fn step(&mut self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3>;

    /// Goes on as `rows` rows that all begin with what the one row so far holds: a prefix is run once and continued
    /// in several ways.
    fn fork(&mut self, rows: usize);
}

/// Why a run was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A hook wants a site that the model does not have.
    #[error("model `{model}` has no site `{site}` (it has {n_layers} layers): did you mean `{nearest}`?")]
    NoSuchSite {
        /// The model's name.
        model: String,
        /// The site wanted.
        site: SiteId,
        /// Number of layers.
        n_layers: usize,
        /// The model's site nearest to it.
        nearest: String,
    },
    /// A token id is outside the vocabulary.
    #[error(
        "token id {id} at position {pos} of row {row} is outside the vocabulary of `{model}`: ids go from 0 to {last}"
    )]
    TokenOutOfRange {
        /// The model's name.
        model: String,
        /// Row of the batch.
        row: usize,
        /// Position in the row.
        pos: usize,
        /// The id.
        id: u32,
        /// The greatest id.
        last: usize,
    },
    /// A row is longer than the model's context.
    #[error("row {row} has {len} tokens, the context of `{model}` holds {n_ctx}: shorten it")]
    PastContext {
        /// The model's name.
        model: String,
        /// Row of the batch.
        row: usize,
        /// Its length in tokens.
        len: usize,
        /// The model's context length.
        n_ctx: usize,
    },
    /// A hook returned a tensor of another shape.
    #[error("the hook at `{site}` returned shape {found:?}, it must return {expected:?}")]
    Reshaped {
        /// The site.
        site: SiteId,
        /// The shape given to the hook.
        expected: Vec<usize>,
        /// The shape it returned.
        found: Vec<usize>,
    },
    /// Vectors that are not of the residual stream were to be unembedded.
    #[error("vectors of width {found} were given, the residual stream of `{model}` has width {d_model}")]
    Width {
        /// The model's name.
        model: String,
        /// Their width.
        found: usize,
        /// The stream's width.
        d_model: usize,
    },
    /// A setting of the sampler makes no sense.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
}

/// Used by everyone: checks tokens and sites, then runs. Implemented for every [`Forward`].
pub trait Run: Forward {
    /// The model's sites.
    fn sites(&self) -> &SiteSet {
        &self.spec().sites
    }

    /// Logits at every position.
    ///
    /// # Shapes
    /// `[batch, pos, vocab]`; columns of padding hold values without meaning.
    ///
    /// # Errors
    /// [`RunError`] if a token or a wanted site is not the model's, or a hook changes a shape.
    fn run(&self, tokens: &TokenBatch, mut hook: impl Hook) -> Result<Tensor<3>, RunError> {
        let wanted = check(self, tokens, &hook)?;
        pass(tokens, &mut hook, wanted, Output::Logits, |taps| self.forward(tokens, taps))
    }

    /// Logits at each row's last token only, which spares most of the unembedding.
    ///
    /// # Shapes
    /// `[batch, vocab]`
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn run_last(&self, tokens: &TokenBatch, mut hook: impl Hook) -> Result<Tensor<2>, RunError> {
        let wanted = check(self, tokens, &hook)?;
        let logits = pass(tokens, &mut hook, wanted, Output::LastLogits, |taps| self.forward(tokens, taps))?;
        let [batch, _, vocab] = logits.dims();
        Ok(logits.reshape([batch, vocab]))
    }

    /// Runs for the hook's sake only: no logits, and nothing after the last wanted site is computed.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn activations(&self, tokens: &TokenBatch, mut hook: impl Hook) -> Result<(), RunError> {
        let wanted = check(self, tokens, &hook)?;
        pass(tokens, &mut hook, wanted, Output::Nothing, |taps| self.forward(tokens, taps)).map(drop)
    }

    /// The activations at these sites; nothing after the last of them is computed.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn cache(&self, tokens: &TokenBatch, sites: impl Into<SiteSet>) -> Result<Cache, RunError> {
        let mut cache = Cache::at(sites);
        self.activations(tokens, &mut cache)?;
        Ok(cache)
    }

    /// Gradients of a scalar made from the logits, with respect to the activations at any sites, in one backward pass.
    ///
    /// `hook` runs before the gradients are taken, so an edited activation's gradient is that of its edited value.
    /// `objective` gets the logits `[batch, pos, vocab]`; its result is summed.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn gradients<const R: usize>(
        &self,
        tokens: &TokenBatch,
        sites: impl Into<SiteSet>,
        hook: impl Hook,
        objective: impl FnOnce(Tensor<3>) -> Tensor<R>,
    ) -> Result<Gradients, RunError> {
        let mut gradients = Gradients::at(sites);
        let logits = self.run(tokens, (hook, &mut gradients))?;
        gradients.backward(&objective(logits).sum());
        Ok(gradients)
    }
}

impl<M: Forward + ?Sized> Run for M {}

/// The sites a hook wants, if the model can run it on these tokens.
pub(crate) fn check<M: Forward + ?Sized>(
    model: &M,
    tokens: &TokenBatch,
    hook: &impl Hook,
) -> Result<SiteSet, RunError> {
    let spec = model.spec();
    let wanted = hook.sites();
    spec.expect_sites(&wanted)?;
    for row in 0..tokens.layout().rows() {
        let (ids, len) = (tokens.row(row), tokens.layout().len(row));
        if len > spec.n_ctx {
            return Err(RunError::PastContext { model: spec.name.clone(), row, len, n_ctx: spec.n_ctx });
        }
        if let Some(pos) = ids.iter().position(|&id| id as usize >= spec.vocab) {
            let (model, last) = (spec.name.clone(), spec.vocab.saturating_sub(1));
            return Err(RunError::TokenOutOfRange { model, row, pos, id: ids[pos], last });
        }
    }
    Ok(wanted)
}

/// One pass with its taps set up; refuses the result if a hook changed a shape.
pub(crate) fn pass(
    tokens: &TokenBatch,
    hook: &mut dyn Hook,
    wanted: SiteSet,
    output: Output,
    forward: impl FnOnce(&mut Taps<'_>) -> Tensor<3>,
) -> Result<Tensor<3>, RunError> {
    let mut taps = Taps::new(hook, wanted, tokens.layout(), output);
    let out = forward(&mut taps);
    match taps.into_reshaped() {
        Some(r) => Err(RunError::Reshaped { site: r.site, expected: r.expected, found: r.found }),
        None => Ok(out),
    }
}
