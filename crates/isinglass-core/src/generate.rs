//! Generation, with hooks at every step.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use crate::forward::{Forward, RunError, check, pass};
use crate::hook::Hook;
use crate::sampler::Sampler;
use crate::taps::Output;
use crate::tokens::TokenBatch;

/// Why a row stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The model chose this end token, which is not among the tokens.
    End(u32),
    /// As many tokens as were asked for.
    MaxNewTokens,
    /// The model's context is full.
    Context,
    /// The callback of [`Generate::generate_until`] said so, at the last of the tokens.
    Asked,
}

/// One continuation of one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// New token ids, without the prompt and without the end token.
    pub tokens: Vec<u32>,
    /// Why it stopped there.
    pub stop: Stop,
}

/// Generation for every [`Forward`]: with its KV cache if it has one, else by running everything again.
pub trait Generate: Forward {
    /// Continues each prompt, as often as the sampler says: all samples of the first prompt, then those of the second.
    ///
    /// The hook runs in every pass: first over the prompts, then over each new token. In a model with a cache a pass
    /// visits only its new columns; [`Layout`](crate::Layout) tells their positions.
    ///
    /// # Errors
    /// [`RunError`] if a setting of the sampler makes no sense, a token or a wanted site is not the model's, or a hook
    /// changes a shape.
    fn generate(&self, prompts: &TokenBatch, sampler: &Sampler, hook: impl Hook) -> Result<Vec<Generation>, RunError> {
        self.generate_with(prompts, sampler, hook, |_, _| {})
    }

    /// Like [`generate`](Self::generate), telling `on_token` each row and token as it comes: for progress bars.
    ///
    /// Rows are counted as the results are: sample `s` of prompt `p` is row `p · samples + s`.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    fn generate_with(
        &self,
        prompts: &TokenBatch,
        sampler: &Sampler,
        hook: impl Hook,
        mut on_token: impl FnMut(usize, u32),
    ) -> Result<Vec<Generation>, RunError> {
        self.generate_until(prompts, sampler, hook, |row, token| {
            on_token(row, token);
            ControlFlow::Continue(())
        })
    }

    /// Like [`generate_with`](Self::generate_with), for a callback that may end its row: the token it was told is then
    /// the row's last.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    fn generate_until(
        &self,
        prompts: &TokenBatch,
        sampler: &Sampler,
        mut hook: impl Hook,
        on_token: impl FnMut(usize, u32) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>, RunError> {
        let layout = prompts.layout();
        let columns = layout.width().saturating_add(sampler.max_new_tokens);
        let Some(mut session) = self.session(columns) else {
            return recomputing(self, prompts, sampler, hook, on_token);
        };
        steps(self, prompts, sampler, on_token, |tokens| {
            let wanted = check(self, tokens, &hook)?;
            pass(tokens, &mut hook, wanted, Output::LastLogits, |taps| session.step(tokens, taps))
        })
    }

    /// Like [`generate_with`](Self::generate_with) without a cache: every step runs all tokens so far, and hooks see
    /// all of them.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    fn generate_recomputing(
        &self,
        prompts: &TokenBatch,
        sampler: &Sampler,
        hook: impl Hook,
        mut on_token: impl FnMut(usize, u32),
    ) -> Result<Vec<Generation>, RunError> {
        recomputing(self, prompts, sampler, hook, |row, token| {
            on_token(row, token);
            ControlFlow::Continue(())
        })
    }
}

impl<M: Forward + ?Sized> Generate for M {}

/// Every step runs all columns so far.
fn recomputing<M: Forward + ?Sized>(
    model: &M,
    prompts: &TokenBatch,
    sampler: &Sampler,
    mut hook: impl Hook,
    on_token: impl FnMut(usize, u32) -> ControlFlow<()>,
) -> Result<Vec<Generation>, RunError> {
    let mut all: Option<TokenBatch> = None;
    steps(model, prompts, sampler, on_token, |tokens| {
        let joined = match all.take() {
            Some(before) => before.joined(tokens),
            None => tokens.clone(),
        };
        let wanted = check(model, &joined, &hook)?;
        let logits = pass(&joined, &mut hook, wanted, Output::LastLogits, |taps| model.forward(&joined, taps));
        all = Some(joined);
        logits
    })
}

/// The loop that both ways share: `step` gives the logits `[batch, 1, vocab]` after the columns it is handed.
fn steps<M: Forward + ?Sized>(
    model: &M,
    prompts: &TokenBatch,
    sampler: &Sampler,
    mut on_token: impl FnMut(usize, u32) -> ControlFlow<()>,
    mut step: impl FnMut(&TokenBatch) -> Result<Tensor<3>, RunError>,
) -> Result<Vec<Generation>, RunError> {
    sampler.check()?;
    let spec = model.spec();
    let samples = sampler.samples;
    let mut batch = prompts.repeated(samples).left_padded();
    let rows = batch.layout().rows();
    let mut tokens = vec![Vec::new(); rows];
    let mut stops: Vec<Option<Stop>> = vec![(sampler.max_new_tokens == 0).then_some(Stop::MaxNewTokens); rows];
    let choices = |row: usize| sampler.choices(prompts.row(row / samples), row % samples);
    let mut choices: Vec<_> = (0..rows).map(choices).collect();
    while stops.iter().any(Option::is_none) {
        let logits: Vec<f32> = step(&batch)?.into_data().iter::<f32>().collect();
        let mut next = vec![None; rows];
        for (row, logits) in logits.chunks_exact(spec.vocab).enumerate() {
            if stops[row].is_some() {
                continue;
            }
            let token = choices[row].next(logits);
            if spec.end_tokens.contains(&token) && !sampler.ignore_end {
                stops[row] = Some(Stop::End(token));
                continue;
            }
            tokens[row].push(token);
            if on_token(row, token).is_break() {
                stops[row] = Some(Stop::Asked);
            } else if tokens[row].len() == sampler.max_new_tokens {
                stops[row] = Some(Stop::MaxNewTokens);
            } else if batch.layout().len(row) == spec.n_ctx {
                // The token just chosen would be the first past the context, so nothing can follow it.
                stops[row] = Some(Stop::Context);
            } else {
                next[row] = Some(token);
            }
        }
        batch = batch.next(&next);
    }
    let done =
        |(tokens, stop): (Vec<u32>, Option<Stop>)| Generation { tokens, stop: stop.unwrap_or(Stop::MaxNewTokens) };
    Ok(tokens.into_iter().zip(stops).map(done).collect())
}
