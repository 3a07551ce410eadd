//! The logit lens: what the model would say if it went straight from a place in the stream to its unembedding.

use isinglass_core::{
    Cache, Distribution, Forward, Hook, Run, RunError, SiteId, SiteSet, Tensor, TokenBatch, site::resid_post,
};
use serde::{Deserialize, Serialize};

use crate::model::Model;

/// Logits that are held at once: 16 MB.
const MAX_LOGITS: usize = 1 << 22;

/// A token and how likely it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The token.
    pub id: u32,
    /// Its probability, from 0 to 1.
    pub probability: f64,
}

/// What one place says of the token that did come next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActualNext {
    /// The token.
    pub id: u32,
    /// Its log-probability, in nats.
    pub log_prob: f64,
    /// How many tokens are more likely: 0 is the most likely one.
    pub rank: usize,
}

/// What the lens shows at one site and position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The most likely tokens, the likeliest first.
    pub top: Vec<Candidate>,
    /// The token that came next; none at the last position.
    pub next: Option<ActualNext>,
    /// Rank here of the token that the model itself finds most likely at this position.
    pub final_rank: usize,
    /// Divergence of this from what the model itself says at this position, `KL(final ‖ here)`, in nats: the loss of the
    /// tuned lens (Belrose et al. 2023), 0 if both say the same.
    pub kl: f64,
}

/// What the lens shows of one text: at each site, a reading for each position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// The token ids read: `[pos]`.
    pub ids: Vec<u32>,
    /// What it shows at each site, in the order of the pass.
    pub sites: Vec<LensSite>,
}

/// What the lens shows at one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensSite {
    /// The site.
    pub site: SiteId,
    /// A reading for each position: `[pos]`.
    pub readings: Vec<Reading>,
}

impl LensSite {
    /// Mean of `KL(final ‖ here)` over the positions, in nats.
    pub fn mean_kl(&self) -> f64 {
        self.readings.iter().map(|reading| reading.kl).sum::<f64>() / self.readings.len() as f64
    }

    /// Cross-entropy of the actual next tokens, in nats per token; none of a text of one token.
    pub fn loss(&self) -> Option<f64> {
        let next: Vec<f64> = self.readings.iter().filter_map(|r| r.next).map(|next| next.log_prob).collect();
        (!next.is_empty()).then(|| -next.iter().sum::<f64>() / next.len() as f64)
    }
}

/// Why a text could not be read through the lens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LensError {
    /// A site that does not hold vectors of the stream's width.
    #[error(
        "site `{site}` holds no vectors of the residual stream's width: the lens reads `resid_pre`, `resid_mid`, \
             `resid_post`, `attn_out`, `mlp_out` and the like"
    )]
    NotStream {
        /// The site.
        site: SiteId,
    },
    /// There is nothing to read.
    #[error("the lens was given no {what}: give one at least")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// The model refused to run.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Model {
    /// The logits that vectors of the stream stand for: final norm, unembedding, and the cap on logits where the family
    /// has one.
    ///
    /// Of `resid_post` of the last layer these are the model's own; of an earlier place they are the logit lens
    /// (nostalgebraist 2020). Of what a block adds (`attn_out`, `mlp_out`) they are what that part alone would say, with
    /// the norm taken over it alone: such logits do not sum to those of the stream.
    ///
    /// ```
    /// use isinglass_core::{Cached, Run, device, site::resid_post};
    /// use isinglass_model::Model;
    ///
    /// let model = Model::load("tiny", &device("cpu")?)?;
    /// let cache = model.cache(&model.tokenize(["a text"])?, resid_post(1))?;
    /// let logits = model.unembed(cache.get(resid_post(1))?.clone())?;
    /// assert_eq!(logits.dims(), [1, 6, 257]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Shapes
    /// `[batch, pos, d_model]` to `[batch, pos, vocab]`
    ///
    /// # Errors
    /// [`RunError::Width`] if the vectors are not as wide as the stream.
    pub fn unembed(&self, stream: Tensor<3>) -> Result<Tensor<3>, RunError> {
        let [_, _, found] = stream.dims();
        let spec = self.spec();
        if found != spec.d_model {
            return Err(RunError::Width { model: spec.name.clone(), found, d_model: spec.d_model });
        }
        Ok(self.decoder().unembed(self.decoder_spec().logits_softcap, stream))
    }

    /// Reads one text through the logit lens at these sites, keeping the `top` most likely tokens of each place.
    ///
    /// The text is run once; then one site after another is unembedded, a few positions at a time, so that memory holds
    /// the stream at the sites and never their logits.
    /// What the model itself says is that of its last `resid_post`, after the hook.
    /// `on_reading` is told how many readings are done.
    ///
    /// # Errors
    /// [`LensError`] if there is no token or site, a site is not of the stream, or the run is refused.
    pub fn lens(
        &self,
        ids: &[u32],
        sites: impl Into<SiteSet>,
        top: usize,
        hook: impl Hook,
        mut on_reading: impl FnMut(usize),
    ) -> Result<Lens, LensError> {
        let (sites, spec) = (sites.into(), self.spec());
        if sites.is_empty() {
            return Err(LensError::Nothing { what: "site" });
        }
        let batch = TokenBatch::one(ids).map_err(|_| LensError::Nothing { what: "token" })?;
        let of_stream = |site: SiteId| site.stream().is_some() && site.shape(spec, 1, 1, 0) == [1, 1, spec.d_model];
        if let Some(site) = sites.iter().find(|site| !of_stream(*site)) {
            return Err(LensError::NotStream { site });
        }
        let last = resid_post(spec.n_layers.saturating_sub(1));
        let mut cache = Cache::at(sites.clone().with(last));
        self.activations(&batch, (hook, &mut cache))?;
        let n = ids.len();
        let empty = |site| LensSite { site, readings: Vec::with_capacity(n) };
        let mut read: Vec<LensSite> = sites.iter().map(empty).collect();
        let at_once = (MAX_LOGITS / spec.vocab).clamp(1, n);
        let mut done = 0;
        for from in (0..n).step_by(at_once) {
            let len = at_once.min(n - from);
            let said = |site: SiteId| -> Result<Vec<Distribution>, LensError> {
                let kept = cache.streams().find(|(kept, _)| *kept == site);
                let (_, stream) = kept.ok_or(LensError::NotStream { site })?;
                let logits = self.unembed(stream.clone().narrow(1, from, len))?;
                let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
                Ok(logits.chunks_exact(spec.vocab).map(Distribution::new).collect())
            };
            let own = said(last.id())?;
            for LensSite { site, readings } in &mut read {
                for (i, here) in said(*site)?.iter().enumerate() {
                    readings.push(reading(here, &own[i], ids.get(from + i + 1).copied(), top));
                }
                done += len;
                on_reading(done);
            }
        }
        Ok(Lens { ids: ids.to_vec(), sites: read })
    }
}

fn reading(here: &Distribution, own: &Distribution, next: Option<u32>, top: usize) -> Reading {
    let candidate = |id: u32| Candidate { id, probability: here.probability(id) };
    Reading {
        top: here.top(top).into_iter().map(candidate).collect(),
        next: next.map(|id| ActualNext { id, log_prob: here.log_prob(id), rank: here.rank(id) }),
        final_rank: own.top(1).first().map_or(0, |id| here.rank(*id)),
        kl: own.kl(here),
    }
}
