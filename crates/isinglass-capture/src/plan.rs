//! How texts are divided: into shards, which are files, and each shard into batches, which are run at once.
//!
//! Both follow from the texts, the sites and the settings alone. So whoever runs a shard, and when, makes the same batches,
//! and of them the same bytes.

use std::ops::Range;

use isinglass_core::{Forward, ModelSpec, Passage, SiteSet};
use isinglass_formats::Sha256Hasher;

use crate::block::{Outline, read};
use crate::capture::{Capture, Progress, Stage};
use crate::error::CaptureError;
use crate::passages::Passages;

/// Which texts each shard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The first text of each shard, and the number of texts at the end.
    pub(crate) starts: Vec<usize>,
    /// Tokens of all texts, without those that are to be generated.
    pub(crate) n_tokens: u64,
    /// SHA-256 of ids, specials and spans of all texts.
    pub(crate) texts_sha256: String,
    /// The same of each shard's.
    shards_sha256: Vec<String>,
}

impl Plan {
    pub(crate) fn n_shards(&self) -> usize {
        self.starts.len() - 1
    }

    /// The texts of a shard.
    pub(crate) fn texts(&self, shard: usize) -> Range<usize> {
        self.starts[shard]..self.starts[shard + 1]
    }
}

/// Texts read at a time: enough to be worth the call, few enough not to count.
const PIECE: usize = 256;

impl Capture {
    /// Reads all texts once: lays out the shards and finds whatever could not be run later.
    pub(crate) fn plan<P: Passages + ?Sized>(
        &self,
        model: &dyn Forward,
        texts: &P,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Plan, CaptureError> {
        if texts.is_empty() {
            return Err(CaptureError::NoTexts);
        }
        if u32::try_from(texts.len()).is_err() {
            return Err(CaptureError::TooManyTexts { found: texts.len(), most: u32::MAX });
        }
        let row_bytes = self.row_bytes(model.spec());
        let (mut whole_hash, mut shard_hash) = (Sha256Hasher::new(), Sha256Hasher::new());
        let (mut starts, mut shards_sha256, mut n_tokens) = (vec![0], Vec::new(), 0);
        let mut filled = (0, 0);
        for start in (0..texts.len()).step_by(PIECE) {
            let piece = start..(start + PIECE).min(texts.len());
            for (text, passage) in piece.clone().zip(read(texts, piece)?) {
                check(model.spec(), text, &passage)?;
                n_tokens += passage.ids().len() as u64;
                let whole = self.longest(&passage);
                let rows = self.picks(text, &whole)?.len();
                let full = (filled.0 + whole.ids().len(), filled.1 + rows as u64 * row_bytes);
                // A text alone may be more than a shard should hold: then it is one.
                if text > starts[starts.len() - 1] && (full.0 > self.shard_tokens || full.1 > self.shard_bytes) {
                    starts.push(text);
                    shards_sha256.push(std::mem::take(&mut shard_hash).finish());
                    filled = (whole.ids().len(), rows as u64 * row_bytes);
                } else {
                    filled = full;
                }
                hash(&mut whole_hash, &passage);
                hash(&mut shard_hash, &passage);
            }
            let texts_done = (start + PIECE).min(texts.len());
            progress(Progress { stage: Stage::Planning, texts: texts_done, of: texts.len(), tokens: n_tokens });
        }
        starts.push(texts.len());
        shards_sha256.push(shard_hash.finish());
        Ok(Plan { starts, n_tokens, texts_sha256: whole_hash.finish(), shards_sha256 })
    }

    /// Reads the texts of a shard, which must be those that it was planned for.
    pub(crate) fn outline_shard<P: Passages + ?Sized>(
        &self,
        model: &dyn Forward,
        texts: &P,
        plan: &Plan,
        shard: usize,
    ) -> Result<Outline, CaptureError> {
        let range = plan.texts(shard);
        let passages = read(texts, range.clone())?;
        let mut hasher = Sha256Hasher::new();
        for passage in &passages {
            hash(&mut hasher, passage);
        }
        if hasher.finish() != plan.shards_sha256[shard] {
            return Err(CaptureError::TextsChanged { first: range.start, last: range.end - 1 });
        }
        self.outline(model, range.start, passages)
    }

    /// The text as long as it can get.
    fn longest(&self, passage: &Passage) -> Passage {
        let Some(sampler) = &self.generation else { return passage.clone() };
        let plain = (0..u32::MAX).find(|id| !passage.specials().contains(id)).unwrap_or(0);
        passage.clone().continued(GENERATED, &vec![plain; sampler.max_new_tokens()])
    }

    /// Bytes that a row takes in a shard, all sites together.
    fn row_bytes(&self, spec: &ModelSpec) -> u64 {
        let site = |width: usize| width * self.precision.n_bytes() + size_of::<u32>();
        let bytes: usize = self.sites.iter().map(|id| site(width(&SiteSet::from(id), spec))).sum();
        (bytes + INDEX_BYTES) as u64
    }

    /// Bytes that a token of a batch takes while it is run, padding too: the stream and its norms, queries, keys and values,
    /// the MLP, the rows wanted, all in f32; and the cache, where text is generated.
    pub(crate) fn token_bytes(&self, spec: &ModelSpec) -> usize {
        let heads = (spec.n_heads + 2 * spec.n_kv_heads) * spec.d_head;
        let cache = if self.generation.is_some() { 2 * spec.n_layers * spec.n_kv_heads * spec.d_head } else { 0 };
        let values = 4 * spec.d_model + heads + 3 * spec.d_mlp + width(&self.sites, spec) + cache;
        values * size_of::<f32>()
    }

    /// How texts of these lengths are run together: indices of each batch, shortest texts first, each batch with its padding
    /// within the budget of [`batch_bytes`](Self::batch_bytes), or a text alone.
    ///
    /// Of all ways to divide the texts in the order of their lengths, the one with the least padding and the fewest passes, a
    /// pass counting as 32 tokens.
    pub fn batches(&self, spec: &ModelSpec, lens: &[usize]) -> Vec<Vec<usize>> {
        let most = (self.batch_bytes / self.token_bytes(spec).max(1) as u64) as usize;
        let mut order: Vec<usize> = (0..lens.len()).collect();
        order.sort_by_key(|&i| lens[i]);
        // The least cost of the first `n` texts, and where their last batch starts.
        let mut best: Vec<(usize, usize)> = vec![(0, 0)];
        for (last, &text) in order.iter().enumerate() {
            let cost = |first: usize| best[first].0 + (last + 1 - first) * lens[text] + PASS;
            let fits = |first: &usize| *first == last || (last + 1 - first) * lens[text] <= most;
            let starts = (0..=last).rev().take_while(fits);
            let (cost, first) = starts.map(|first| (cost(first), first)).min().unwrap_or((cost(last), last));
            best.push((cost, first));
        }
        let mut batches = Vec::new();
        let mut end = order.len();
        while end > 0 {
            let first = best[end].1;
            batches.push(order[first..end].to_vec());
            end = first;
        }
        batches.reverse();
        batches
    }
}

/// Tokens that a pass costs besides its own: reading the weights, waking threads, what is done once a layer.
const PASS: usize = 32;

/// Bytes of what a shard says of each row besides its values.
const INDEX_BYTES: usize = 4 * size_of::<u32>();

/// The span that holds what the model wrote.
pub(crate) const GENERATED: &str = "generated";

/// Values of a row at all of these sites.
pub(crate) fn width(sites: &SiteSet, spec: &ModelSpec) -> usize {
    sites.iter().map(|site| site.shape(spec, 1, 1, 0).iter().product::<usize>()).sum()
}

/// What [`Run`](isinglass_core::Run) would refuse, before hours of work.
fn check(spec: &ModelSpec, text: usize, passage: &Passage) -> Result<(), CaptureError> {
    let (len, n_ctx) = (passage.ids().len(), spec.n_ctx);
    if len > n_ctx {
        return Err(CaptureError::TooLong { text, len, n_ctx });
    }
    match passage.ids().iter().find(|&&id| id as usize >= spec.vocab) {
        Some(&id) => Err(CaptureError::TokenOutOfRange { text, id, last: spec.vocab.saturating_sub(1) }),
        None => Ok(()),
    }
}

fn hash(hasher: &mut Sha256Hasher, passage: &Passage) {
    let mut number = |n: usize| hasher.update(&(n as u64).to_le_bytes());
    number(passage.ids().len());
    number(passage.spans().len());
    for span in passage.spans() {
        number(span.tokens.start);
        number(span.tokens.end);
        number(span.name.len());
    }
    for (pos, id) in passage.ids().iter().enumerate() {
        hasher.update(&id.to_le_bytes());
        hasher.update(&[u8::from(passage.is_special(pos))]);
    }
    for span in passage.spans() {
        hasher.update(span.name.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use isinglass_core::site::resid_post;
    use isinglass_core::{Forward as _, device};
    use isinglass_model::Model;

    use super::*;
    use crate::position::Pos;

    /// Lengths of the texts of each batch, where a batch may have so many tokens.
    fn batches(tokens: usize, lens: &[usize]) -> Vec<Vec<usize>> {
        let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
        let capture = Capture::new(resid_post(0), Pos::Last);
        let capture = capture.clone().batch_bytes((tokens * capture.token_bytes(model.spec())) as u64);
        let found = capture.batches(model.spec(), lens);
        found.into_iter().map(|batch| batch.into_iter().map(|i| lens[i]).collect()).collect()
    }

    #[test]
    fn batches_hold_texts_of_like_length_within_the_budget() {
        assert_eq!(batches(15, &[5, 1, 9, 2, 30]), [vec![1, 2, 5], vec![9], vec![30]]);
        assert_eq!(batches(1, &[3, 2]), [[2], [3]]);
        // A pass is worth less than padding two short texts to a long one's length, and more than padding one to another's.
        assert_eq!(batches(1000, &[10, 100, 12]), [vec![10, 12], vec![100]]);
        assert_eq!(batches(1000, &[90, 100, 95]), [[90, 95, 100]]);
        assert_eq!(batches(200, &[90, 100, 95]), [vec![90], vec![95, 100]]);
        assert!(batches(9, &[]).is_empty());
    }

    /// Against every way to divide them.
    #[test]
    fn no_other_batches_cost_less() {
        let mut state = 1_usize;
        for _ in 0..200 {
            let mut lens: Vec<usize> = (0..9)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    1 + (state >> 33) % 80
                })
                .collect();
            lens.sort_unstable();
            let cost = |batches: &[Vec<usize>]| -> Option<usize> {
                batches
                    .iter()
                    .map(|b| {
                        (b.len() == 1 || b.len() * b[b.len() - 1] <= 150).then_some(b.len() * b[b.len() - 1] + PASS)
                    })
                    .sum()
            };
            let divided = |cuts: usize| -> Vec<Vec<usize>> {
                let mut batches = vec![vec![lens[0]]];
                for (i, len) in lens.iter().enumerate().skip(1) {
                    if cuts >> (i - 1) & 1 == 1 {
                        batches.push(Vec::new());
                    }
                    batches.last_mut().unwrap().push(*len);
                }
                batches
            };
            let least = (0..1 << 8).filter_map(|cuts| cost(&divided(cuts))).min();
            assert_eq!(cost(&batches(150, &lens)), least, "{lens:?}");
        }
    }
}
