//! A decoder described by data: everything the forward pass needs to know about a family.

use isinglass_core::site;
use isinglass_core::{ModelSpec, SiteId, SiteSet};
use serde::{Deserialize, Serialize};

/// Normalisation over the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// `x / sqrt(mean(x²) + eps) · gain` (Zhang & Sennrich 2019).
    Rms {
        /// Added to the mean square.
        eps: f64,
    },
    /// `(x − mean) / sqrt(var + eps) · gain + bias`, biased variance (Ba et al. 2016).
    Layer {
        /// Added to the variance.
        eps: f64,
    },
}

/// Activation function of the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x · sigmoid(x)`.
    Silu,
    /// `x · Φ(x)` with the error function.
    Gelu,
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// Shape of the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mlp {
    /// `down(act(gate(x)) · up(x))`.
    Gated(Activation),
    /// `down(act(up(x)))`.
    Plain(Activation),
}

/// How attention and MLP join the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// The MLP reads the stream after attention was added.
    Sequential,
    /// Both read the same stream, through a norm each.
    Parallel,
    /// Both read the same stream through the same norm.
    ParallelOneNorm,
}

/// How rotary frequencies are stretched for longer contexts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Llama 3's: low frequencies divided by `factor`, high ones kept, those between interpolated.
    Llama3 {
        /// Stretch of the low frequencies.
        factor: f64,
        /// Wavelengths above `original_context / low_freq_factor` are low frequencies.
        low_freq_factor: f64,
        /// Wavelengths below `original_context / high_freq_factor` are high frequencies.
        high_freq_factor: f64,
        /// Context length before stretching, in tokens.
        original_context: usize,
    },
    /// All frequencies divided by one factor.
    Linear {
        /// Stretch of every frequency.
        factor: f64,
    },
    /// Each frequency divided by its factor, as GGUF files store it.
    Factors(Vec<f32>),
    /// Each frequency divided by its factor, another one for sequences past the original context; cosines and sines
    /// multiplied by `magnitude` (`LongRoPE`, Ding et al. 2024).
    Long {
        /// Factors of sequences of at most `original_context` tokens.
        short: Vec<f32>,
        /// Factors of longer ones.
        long: Vec<f32>,
        /// Context length before stretching, in tokens.
        original_context: usize,
        /// What cosines and sines are multiplied by.
        magnitude: f64,
    },
}

impl RopeScaling {
    /// Whether a sequence of so many tokens is past the context from which on other factors hold.
    pub(crate) const fn is_long(&self, len: usize) -> bool {
        matches!(self, Self::Long { original_context, .. } if len > *original_context)
    }
}

/// How positions enter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// Queries and keys are rotated, first half against second half of each head's first `d_rotary` (Su et al. 2021).
    Rotary {
        /// Width of each head that is rotated; the rest passes.
        d_rotary: usize,
        /// Base of the geometric series of wavelengths.
        theta: f64,
        /// How it is stretched.
        scaling: RopeScaling,
        /// Base of layers with a window, never stretched, where it is another.
        local_theta: Option<f64>,
    },
    /// A learned vector per position is added to the embedding.
    Learned,
}

/// Which layers have a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Windowed {
    /// All of them.
    Every,
    /// All but the last of each so many.
    AllButEvery(usize),
    /// Those from this layer on.
    From(usize),
    /// One truth value a layer.
    Listed(Vec<bool>),
}

/// Attention that looks back only so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Positions a query sees, itself included.
    pub size: usize,
    /// Which layers are so.
    pub layers: Windowed,
}

/// Which projections have a bias.
#[expect(clippy::struct_excessive_bools, reason = "one for each projection")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Biases {
    /// Query, key and value projections.
    pub qkv: bool,
    /// Output projection of attention.
    pub attn_out: bool,
    /// Every projection of the MLP.
    pub mlp: bool,
    /// The unembedding.
    pub unembed: bool,
}

/// A decoder described by data.
///
/// A family is a function from its `config.json` to one of these, and a table of weight names; the forward pass is
/// written once, for all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecoderSpec {
    /// Model family, for instance `llama`.
    pub family: String,
    /// Number of layers.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Neurons of the MLP.
    pub d_mlp: usize,
    /// Number of token ids.
    pub vocab: usize,
    /// Longest sequence, in tokens.
    pub n_ctx: usize,
    /// Norm of every layer and the last one.
    pub norm: Norm,
    /// Shape of the MLP.
    pub mlp: Mlp,
    /// How positions enter.
    pub positions: Positions,
    /// How attention and MLP join the stream.
    pub residual: Residual,
    /// What query · key is multiplied by.
    pub attn_scale: f64,
    /// Scores `s` become `cap · tanh(s / cap)`.
    pub attn_softcap: Option<f64>,
    /// Logits `l` become `cap · tanh(l / cap)`.
    pub logits_softcap: Option<f64>,
    /// What the token embedding is multiplied by.
    pub embed_scale: Option<f64>,
    /// Attention that looks back only so far.
    pub window: Option<Window>,
    /// Whether queries and keys are normed per head before rotation.
    pub qk_norm: bool,
    /// Whether what attention and MLP add to the stream is normed first.
    pub post_norms: bool,
    /// Which projections have a bias.
    pub biases: Biases,
    /// Whether the unembedding is the embedding.
    pub tied: bool,
    /// Ids at which generation stops.
    pub end_tokens: Vec<u32>,
}

impl DecoderSpec {
    /// How far back a layer looks, where that is limited.
    pub fn window_of(&self, layer: usize) -> Option<usize> {
        let window = self.window.as_ref()?;
        let has = match &window.layers {
            Windowed::Every => true,
            Windowed::AllButEvery(n) => !(layer + 1).is_multiple_of(*n),
            Windowed::From(first) => layer >= *first,
            Windowed::Listed(layers) => layers.get(layer).copied().unwrap_or(false),
        };
        has.then_some(window.size)
    }

    /// Sizes, limits and sites of a model of this kind.
    pub fn model_spec(&self, name: impl Into<String>) -> ModelSpec {
        ModelSpec {
            name: name.into(),
            family: self.family.clone(),
            n_layers: self.n_layers,
            d_model: self.d_model,
            n_heads: self.n_heads,
            n_kv_heads: self.n_kv_heads,
            d_head: self.d_head,
            d_mlp: self.d_mlp,
            vocab: self.vocab,
            n_ctx: self.n_ctx,
            end_tokens: self.end_tokens.clone(),
            sites: self.sites(),
        }
    }

    fn sites(&self) -> SiteSet {
        let mut sites: Vec<SiteId> = vec![
            site::embed().id(),
            site::final_norm_scale().id(),
            site::final_normalized().id(),
            site::final_norm().id(),
            site::logits().id(),
        ];
        if self.positions == Positions::Learned {
            sites.push(site::pos_embed().id());
        }
        (0..self.n_layers).for_each(|layer| self.layer_sites(layer, &mut sites));
        sites.into_iter().collect()
    }

    fn layer_sites(&self, l: usize, sites: &mut Vec<SiteId>) {
        use site::{
            attn_out, attn_raw, k, k_norm_normalized, k_norm_scale, k_normed, ln1_normalized, ln1_post_normalized,
            ln1_post_scale, ln1_scale, ln2_normalized, ln2_post_normalized, ln2_post_scale, ln2_scale, mlp_out,
            mlp_post, mlp_pre, mlp_pre_linear, mlp_raw, pattern, q, q_norm_normalized, q_norm_scale, q_normed,
            resid_mid, resid_post, resid_pre, result, rot_k, rot_q, scores, v, z,
        };
        sites.extend([resid_pre(l), ln1_scale(l), ln1_normalized(l), attn_raw(l), attn_out(l)].map(SiteId::from));
        sites.extend([q(l), k(l), v(l), scores(l), pattern(l), z(l), result(l)].map(SiteId::from));
        sites.extend([mlp_pre(l), mlp_post(l), mlp_raw(l), mlp_out(l), resid_post(l)].map(SiteId::from));
        if self.residual != Residual::ParallelOneNorm {
            sites.extend([ln2_scale(l), ln2_normalized(l)].map(SiteId::from));
        }
        if self.residual == Residual::Sequential {
            sites.push(resid_mid(l).id());
        }
        if matches!(self.mlp, Mlp::Gated(_)) {
            sites.push(mlp_pre_linear(l).id());
        }
        if matches!(self.positions, Positions::Rotary { .. }) {
            sites.extend([rot_q(l), rot_k(l)].map(SiteId::from));
        }
        if self.qk_norm {
            let norms = [q_norm_scale(l), q_norm_normalized(l), q_normed(l)];
            sites.extend(norms.map(SiteId::from));
            sites.extend([k_norm_scale(l), k_norm_normalized(l), k_normed(l)].map(SiteId::from));
        }
        if self.post_norms {
            let norms = [ln1_post_scale(l), ln1_post_normalized(l), ln2_post_scale(l), ln2_post_normalized(l)];
            sites.extend(norms.map(SiteId::from));
        }
    }
}
