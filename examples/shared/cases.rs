//! What is timed: fixed inputs, and the work done with them.
#![allow(dead_code, reason = "each example uses some of it")]

use std::cell::Cell;
use std::error::Error;

use clap::Args;
use isinglass::prelude::*;

/// What a piece of work gives: a number made of its result, which shows that two programs do the same.
pub(crate) type Checked = Result<f64, Box<dyn Error>>;

/// A piece of work.
pub(crate) struct Case<'a> {
    pub(crate) name: &'static str,
    /// How many tokens it runs or makes, padding not counted.
    pub(crate) tokens: usize,
    pub(crate) work: Work<'a>,
}

type Work<'a> = Box<dyn Fn() -> Checked + 'a>;

/// How much work.
#[derive(Debug, Args)]
pub(crate) struct Sizes {
    /// Length of the prompt, in tokens
    #[arg(long, default_value_t = 512)]
    pub(crate) tokens: usize,
    /// New tokens of the decoding case
    #[arg(long, default_value_t = 64)]
    pub(crate) new_tokens: usize,
    /// Texts of the ragged case, each of 8 to 128 tokens
    #[arg(long, default_value_t = 256)]
    pub(crate) texts: usize,
}

/// A fixed sequence of numbers, the one that the scripts this is compared with take.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self(12_345)
    }

    fn next(&mut self) -> u64 {
        self.0 = (1_103_515_245 * self.0 + 12_345) % (1 << 31);
        self.0
    }

    /// Token ids past the first, which are often special.
    pub(crate) fn ids(&mut self, n: usize, vocab: usize) -> Vec<u32> {
        let plain = vocab.saturating_sub(17).max(1) as u64;
        (0..n).map(|_| ((17 + self.next() % plain) % vocab as u64) as u32).collect()
    }

    /// Texts of 8 to 128 tokens.
    fn texts(&mut self, n: usize, vocab: usize) -> Vec<Vec<u32>> {
        let text = |_| {
            let len = 8 + self.next() % 121;
            self.ids(len as usize, vocab)
        };
        (0..n).map(text).collect()
    }
}

/// Everything that the cases run on.
pub(crate) struct Inputs {
    prompt: TokenBatch,
    /// Its first 64 tokens.
    begun: TokenBatch,
    texts: Vec<Vec<u32>>,
    every_post: SiteSet,
    everything: SiteSet,
    greedy: Sampler,
    new_tokens: usize,
}

impl Inputs {
    pub(crate) fn new(model: &Model, sizes: &Sizes) -> Result<Self, Box<dyn Error>> {
        let vocab = model.spec().vocab;
        let ids = Numbers::new().ids(sizes.tokens, vocab);
        // What TransformerLens caches unless told otherwise: not each head's own output, nor what it has no name for.
        let beyond = [Kind::Result, Kind::AttnRaw, Kind::MlpRaw, Kind::FinalNorm, Kind::Logits];
        Ok(Self {
            begun: TokenBatch::one(&ids[..ids.len().min(64)])?,
            prompt: TokenBatch::one(ids)?,
            texts: Numbers::new().texts(sizes.texts, vocab),
            every_post: model.sites().clone().of(Kind::ResidPost),
            everything: model.sites().iter().filter(|site| !beyond.contains(&site.kind())).collect(),
            greedy: Sampler::greedy(sizes.new_tokens).ignore_end(),
            new_tokens: sizes.new_tokens,
        })
    }

    /// Every case, in the order in which they are run.
    pub(crate) fn cases<'a>(&'a self, model: &'a Model) -> Vec<Case<'a>> {
        let last_layer = model.spec().n_layers.saturating_sub(1);
        // After half of the layers.
        let (middle, last) = (resid_post(last_layer / 2), resid_post(last_layer));
        let prompt = &self.prompt;
        let n = prompt.row(0).len();
        let ragged = self.texts.iter().map(Vec::len).sum();
        let case = |name, tokens, work: Work<'a>| Case { name, tokens, work };
        let one = move |site: Site<3>| -> Work<'a> {
            Box::new(move || Ok(size(model.cache(prompt, site)?.get(site)?.clone())))
        };
        vec![
            case("prefill_all_logits", n, Box::new(|| Ok(greatest(model.run(&self.prompt, ())?)))),
            case("prefill_last_logits", n, Box::new(|| last_logits(model, &self.prompt, ()))),
            case(
                "observing_hook",
                n,
                Box::new(move || {
                    let seen = Cell::new(0);
                    last_logits(model, prompt, observe(middle, |_, _| seen.set(seen.get() + 1)))
                }),
            ),
            case(
                "every_resid_post",
                n,
                Box::new(move || Ok(size(model.cache(prompt, self.every_post.clone())?.get(last)?.clone()))),
            ),
            case("last_resid_post", n, one(last)),
            case("middle_resid_post", n, one(middle)),
            case(
                "everything_cached",
                n,
                Box::new(|| {
                    let cache = model.cache(&self.prompt, self.everything.clone())?;
                    Ok((cache.streams().count() + cache.heads().count()) as f64)
                }),
            ),
            case(
                "ragged",
                ragged,
                Box::new(move || {
                    let captured = Capture::new(middle, Pos::Last).rows(model, &self.texts, |_| {})?;
                    let rows = captured.rows(middle)?;
                    Ok(mean_size(&(0..rows.len()).flat_map(|row| rows.row(row)).copied().collect::<Vec<_>>()))
                }),
            ),
            case(
                "generate",
                self.new_tokens,
                Box::new(|| {
                    let made = model.generate(&self.begun, &self.greedy, ())?;
                    Ok(made.first().and_then(|row| row.tokens.first()).map_or(-1.0, |id| f64::from(*id)))
                }),
            ),
        ]
    }
}

fn last_logits(model: &Model, prompt: &TokenBatch, hook: impl Hook) -> Checked {
    Ok(greatest(model.run_last(prompt, hook)?.unsqueeze()))
}

/// The greatest logit at the last position.
fn greatest(logits: Tensor<3>) -> f64 {
    f64::from(last_position(logits).into_iter().fold(f32::NEG_INFINITY, f32::max))
}

/// The mean size of the last position's values.
fn size(x: Tensor<3>) -> f64 {
    mean_size(&last_position(x))
}

fn last_position(x: Tensor<3>) -> Vec<f32> {
    let [_, n, width] = x.dims();
    x.slice([0..1, n - 1..n, 0..width]).into_data().iter::<f32>().collect()
}

fn mean_size(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(x.abs())).sum::<f64>() / values.len() as f64
}
