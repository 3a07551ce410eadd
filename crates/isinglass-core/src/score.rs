//! How likely a model finds given continuations.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::forward::{Forward, RunError, Session, check, pass};
use crate::hook::Hook;
use crate::taps::Output;
use crate::tokens::TokenBatch;

/// Logits that one pass over continuations may hold at once: 64 MB.
const MAX_LOGITS: usize = 1 << 24;

/// How likely a model finds one continuation, token by token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Log-probability of each token given all before it, in nats: `[len]`.
    pub log_probs: Vec<f64>,
    /// How many tokens the model found more likely in its place, 0 is its first choice: `[len]`.
    pub ranks: Vec<usize>,
}

impl Likelihood {
    /// Log-probability of the whole continuation, in nats.
    ///
    /// Longer continuations have lower ones; [`loss`](Self::loss) compares across lengths, though not across tokenizers.
    pub fn sum(&self) -> f64 {
        self.log_probs.iter().sum()
    }

    /// Cross-entropy: mean of the negative log-probabilities, in nats per token.
    pub fn loss(&self) -> f64 {
        -self.sum() / self.log_probs.len() as f64
    }
}

/// Why continuations could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Nothing predicts the first token of a continuation.
    #[error(
        "the prefix is empty, so nothing predicts the first token of a continuation: begin it with the model's \
         beginning-of-text token, or move each continuation's first token into it"
    )]
    EmptyPrefix,
    /// There is nothing to score.
    #[error("no continuations were given: give one at least")]
    NoContinuations,
    /// A continuation has no token.
    #[error("continuation {index} is empty: give it one token at least")]
    EmptyContinuation {
        /// Index of the continuation.
        index: usize,
    },
    /// The model refused to run; rows are continuations, positions count from the start of the prefix.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Scoring for every [`Forward`]: the prefix is run once if the model has a KV cache, else with every continuation.
pub trait Score: Forward {
    /// How likely each continuation of `prefix` is, under the hook.
    ///
    /// With a cache the hook sees the prefix in a pass of one row, then all continuations as the rows of one batch, in
    /// several passes if they are long; without one, a pass of one row for each continuation.
    /// [`Layout`](crate::Layout) tells positions either way.
    ///
    /// # Errors
    /// [`ScoreError`] if the prefix or a continuation is empty, a token or a wanted site is not the model's, or a row
    /// without its last token is longer than the context.
    fn score<T: AsRef<[u32]>>(
        &self,
        prefix: &[u32],
        continuations: &[T],
        mut hook: impl Hook,
    ) -> Result<Vec<Likelihood>, ScoreError> {
        let rows: Vec<&[u32]> = continuations.iter().map(AsRef::as_ref).collect();
        let runs = checked(self, prefix, &rows, &hook)?;
        let width = runs.iter().map(|run| run.len()).max().unwrap_or(0);
        let Some(mut session) = self.session(prefix.len() + width) else {
            return recomputing(self, prefix, &rows, hook);
        };
        let prefix_alone = TokenBatch::after(0, &[prefix], 0..prefix.len());
        let first = stepped(self, session.as_mut(), &prefix_alone, &mut hook, Output::LastLogits)?;
        let first = Distribution::new(&first);
        let mut scores: Vec<Likelihood> = rows.iter().map(|row| Likelihood::begin(&first, row[0])).collect();
        if width == 0 {
            return Ok(scores);
        }
        session.fork(rows.len());
        let vocab = self.spec().vocab;
        let at_once = (MAX_LOGITS / vocab / rows.len()).clamp(1, width);
        for from in (0..width).step_by(at_once) {
            let columns = from..width.min(from + at_once);
            let tokens = TokenBatch::after(prefix.len(), &runs, columns.clone());
            let logits = stepped(self, session.as_mut(), &tokens, &mut hook, Output::Logits)?;
            for (row, of_row) in logits.chunks_exact(columns.len() * vocab).enumerate() {
                // Column `c` predicts token `c + 1`.
                for (logits, token) in of_row.chunks_exact(vocab).zip(rows[row].iter().skip(columns.start + 1)) {
                    scores[row].push(&Distribution::new(logits), *token);
                }
            }
        }
        Ok(scores)
    }

    /// Like [`score`](Self::score) without a cache: each continuation is run with the whole prefix.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    fn score_recomputing<T: AsRef<[u32]>>(
        &self,
        prefix: &[u32],
        continuations: &[T],
        hook: impl Hook,
    ) -> Result<Vec<Likelihood>, ScoreError> {
        let rows: Vec<&[u32]> = continuations.iter().map(AsRef::as_ref).collect();
        checked(self, prefix, &rows, &hook)?;
        recomputing(self, prefix, &rows, hook)
    }
}

impl<M: Forward + ?Sized> Score for M {}

impl Likelihood {
    fn begin(said: &Distribution, token: u32) -> Self {
        Self { log_probs: vec![said.log_prob(token)], ranks: vec![said.rank(token)] }
    }

    fn push(&mut self, said: &Distribution, token: u32) {
        self.log_probs.push(said.log_prob(token));
        self.ranks.push(said.rank(token));
    }
}

/// What has to be run of each continuation: all but its last token, after which nothing is asked.
fn checked<'r, M: Forward + ?Sized>(
    model: &M,
    prefix: &[u32],
    rows: &[&'r [u32]],
    hook: &impl Hook,
) -> Result<Vec<&'r [u32]>, ScoreError> {
    if prefix.is_empty() {
        return Err(ScoreError::EmptyPrefix);
    }
    if rows.is_empty() {
        return Err(ScoreError::NoContinuations);
    }
    if let Some(index) = rows.iter().position(|row| row.is_empty()) {
        return Err(ScoreError::EmptyContinuation { index });
    }
    let spec = model.spec();
    for (row, ids) in rows.iter().enumerate() {
        let all = [prefix, ids].concat();
        if let Some(pos) = all.iter().position(|id| *id as usize >= spec.vocab) {
            let (model, last) = (spec.name.clone(), spec.vocab.saturating_sub(1));
            return Err(RunError::TokenOutOfRange { model, row, pos, id: all[pos], last }.into());
        }
        if all.len() - 1 > spec.n_ctx {
            return Err(
                RunError::PastContext { model: spec.name.clone(), row, len: all.len() - 1, n_ctx: spec.n_ctx }.into()
            );
        }
    }
    check(model, &TokenBatch::after(0, &[prefix], 0..prefix.len()), hook)?;
    Ok(rows.iter().map(|row| &row[..row.len() - 1]).collect())
}

/// The logits of the next columns of a session.
fn stepped<M: Forward + ?Sized>(
    model: &M,
    session: &mut (dyn Session + '_),
    tokens: &TokenBatch,
    mut hook: impl Hook,
    output: Output,
) -> Result<Vec<f32>, RunError> {
    let wanted = check(model, tokens, &hook)?;
    pass(tokens, &mut hook, wanted, output, |taps| session.step(tokens, taps)).map(values)
}

fn recomputing<M: Forward + ?Sized>(
    model: &M,
    prefix: &[u32],
    rows: &[&[u32]],
    mut hook: impl Hook,
) -> Result<Vec<Likelihood>, ScoreError> {
    let vocab = model.spec().vocab;
    let mut scores = Vec::with_capacity(rows.len());
    for row in rows {
        let all = [prefix, &row[..row.len() - 1]].concat();
        let tokens = TokenBatch::after(0, &[&all], 0..all.len());
        let wanted = check(model, &tokens, &hook)?;
        let logits = pass(&tokens, &mut hook, wanted, Output::Logits, |taps| model.forward(&tokens, taps))?;
        let logits = values(logits.narrow(1, prefix.len() - 1, row.len()));
        let mut score = Likelihood { log_probs: Vec::new(), ranks: Vec::new() };
        for (logits, token) in logits.chunks_exact(vocab).zip(*row) {
            score.push(&Distribution::new(logits), *token);
        }
        scores.push(score);
    }
    Ok(scores)
}

fn values(x: Tensor<3>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}
