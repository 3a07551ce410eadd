//! The one forward pass: every family runs through these lines.

mod attention;
mod kv_cache;
mod linear;
mod mlp;
mod norm;
mod rope;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use isinglass_core::burn::tensor::{Bool, TensorData};
use isinglass_core::site::{
    attn_out, attn_raw, embed, final_norm, final_norm_scale, final_normalized, ln1_normalized, ln1_post_normalized,
    ln1_post_scale, ln1_scale, ln2_normalized, ln2_post_normalized, ln2_post_scale, ln2_scale, logits, mlp_out,
    mlp_raw, pos_embed, resid_mid, resid_post, resid_pre, result,
};
use isinglass_core::{Device, Int, Layout, Output, Taps, Tensor, TokenBatch};
use isinglass_kernels::Scores;

pub(crate) use self::attention::Attention;
use self::attention::side_by_side;
pub(crate) use self::kv_cache::KvCache;
pub(crate) use self::linear::Linear;
use self::linear::in_f32;
pub(crate) use self::mlp::MlpBlock;
pub(crate) use self::norm::NormBlock;
use self::rope::Rotation;
use crate::spec::{DecoderSpec, Positions, Residual, RopeScaling};

/// Weights of one layer.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) ln1: NormBlock,
    pub(crate) attention: Attention,
    pub(crate) ln1_post: Option<NormBlock>,
    /// None where attention and MLP read through one norm.
    pub(crate) ln2: Option<NormBlock>,
    pub(crate) mlp: MlpBlock,
    pub(crate) ln2_post: Option<NormBlock>,
    pub(crate) residual: Residual,
}

/// Weights of a whole decoder.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// `[vocab, d_model]`
    pub(crate) embed: Tensor<2>,
    /// `[n_ctx, d_model]`, where positions are learned.
    pub(crate) pos_embed: Option<Tensor<2>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) final_norm: NormBlock,
    pub(crate) unembed: Linear,
}

/// What the layers of one pass share that look equally far back.
pub(crate) struct Shared {
    /// Rotation of queries and keys, where positions are rotary.
    rotation: Option<Rotation>,
    /// What query · key becomes, and what each query sees.
    scores: Scores,
    window: Option<usize>,
    /// True where attention may not look, `[1 or batch, 1, query, key]`; made when somebody wants the whole pattern.
    mask: OnceCell<Option<Tensor<4, Bool>>>,
}

impl Shared {
    fn new(spec: &DecoderSpec, window: Option<usize>, layout: &Layout) -> Self {
        let rotation = match &spec.positions {
            Positions::Rotary { d_rotary, theta, scaling, local_theta } => Some(match (window, local_theta) {
                (Some(_), Some(theta)) => Rotation::new(*theta, &RopeScaling::None, *d_rotary, layout),
                _ => Rotation::new(*theta, scaling, *d_rotary, layout),
            }),
            Positions::Learned => None,
        };
        let scores = Scores { scale: spec.attn_scale, softcap: spec.attn_softcap, seen: layout.seen(window) };
        Self { rotation, scores, window, mask: OnceCell::new() }
    }

    fn mask(&self, layout: &Layout, device: &Device) -> Option<Tensor<4, Bool>> {
        self.mask.get_or_init(|| layout.mask(self.window, device)).clone()
    }
}

impl Block {
    fn forward(
        &self,
        layer: usize,
        x: Tensor<3>,
        shared: &Shared,
        cache: Option<&mut KvCache>,
        taps: &mut Taps<'_>,
    ) -> Tensor<3> {
        let h = self.ln1.stream(x.clone(), ln1_scale(layer), ln1_normalized(layer), taps);
        let normed = (self.residual == Residual::ParallelOneNorm).then(|| h.clone());
        let z = self.attention.z(layer, &h, shared, cache, taps);
        match self.residual {
            Residual::Sequential => {
                let mid = self.attended(layer, z, x, taps);
                let mid = taps.stream(resid_mid(layer), mid);
                if taps.finished() {
                    return mid;
                }
                let post = self.through_mlp(layer, mid.clone(), mid, taps);
                taps.stream(resid_post(layer), post)
            }
            Residual::Parallel | Residual::ParallelOneNorm => {
                let read = normed.unwrap_or_else(|| x.clone());
                let sum = self.attended(layer, z, x, taps);
                let post = self.through_mlp(layer, read, sum, taps);
                taps.stream(resid_post(layer), post)
            }
        }
    }

    /// The stream `x` with what attention adds to it.
    fn attended(&self, layer: usize, z: Tensor<4>, x: Tensor<3>, taps: &mut Taps<'_>) -> Tensor<3> {
        let sites = [attn_raw(layer), attn_out(layer)];
        if self.ln1_post.is_none() && !taps.wants(result(layer)) && !sites.iter().any(|site| taps.wants(*site)) {
            return self.attention.o.added(side_by_side(z), x);
        }
        let attn = self.attention.output(layer, z, taps);
        let attn = match &self.ln1_post {
            Some(norm) => norm.stream(attn, ln1_post_scale(layer), ln1_post_normalized(layer), taps),
            None => attn,
        };
        x + taps.stream(attn_out(layer), attn)
    }

    /// The stream `onto` with what the MLP makes of `x` added to it.
    fn through_mlp(&self, layer: usize, x: Tensor<3>, onto: Tensor<3>, taps: &mut Taps<'_>) -> Tensor<3> {
        let h = match &self.ln2 {
            Some(norm) => norm.stream(x, ln2_scale(layer), ln2_normalized(layer), taps),
            None => x,
        };
        let neurons = self.mlp.neurons(layer, h, taps);
        let sites = [mlp_raw(layer), mlp_out(layer)];
        if self.ln2_post.is_none() && !sites.iter().any(|site| taps.wants(*site)) {
            return self.mlp.down.added(neurons, onto);
        }
        let mlp = taps.stream(mlp_raw(layer), self.mlp.down.forward(neurons));
        let mlp = match &self.ln2_post {
            Some(norm) => norm.stream(mlp, ln2_post_scale(layer), ln2_post_normalized(layer), taps),
            None => mlp,
        };
        onto + taps.stream(mlp_out(layer), mlp)
    }
}

impl Decoder {
    /// One pass over the columns of `tokens`, after those in the cache.
    pub(crate) fn forward(
        &self,
        spec: &DecoderSpec,
        tokens: &TokenBatch,
        mut cache: Option<&mut KvCache>,
        taps: &mut Taps<'_>,
    ) -> Tensor<3> {
        let mut shared: BTreeMap<Option<usize>, Shared> = BTreeMap::new();
        let mut x = self.embedded(spec.embed_scale, tokens, taps);
        for (layer, block) in self.blocks.iter().enumerate() {
            x = taps.stream(resid_pre(layer), x);
            if taps.finished() {
                return x;
            }
            let new = |window: &Option<usize>| Shared::new(spec, *window, tokens.layout());
            let shared = shared.entry(spec.window_of(layer)).or_insert_with_key(new);
            x = block.forward(layer, x, shared, cache.as_deref_mut(), taps);
            if taps.finished() {
                return x;
            }
        }
        self.unembedded(spec.logits_softcap, x, tokens, taps)
    }

    /// What the end of a pass makes of a stream, without its sites: `[batch, pos, d_model]` to `[batch, pos, vocab]`.
    pub(crate) fn unembed(&self, cap: Option<f64>, x: Tensor<3>) -> Tensor<3> {
        capped(self.unembed.forward(self.final_norm.unwatched(x)), cap)
    }

    fn embedded(&self, scale: Option<f64>, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        let device = self.embed.device();
        let (rows, width) = (tokens.layout().rows(), tokens.layout().width());
        let [_, d_model] = self.embed.dims();
        let ids = tokens.ids(&device).reshape([rows * width]);
        let x = in_f32(self.embed.clone().select(0, ids)).reshape([rows, width, d_model]);
        let x = match scale {
            Some(scale) => x * scale,
            None => x,
        };
        let x = taps.stream(embed(), x);
        let Some(table) = &self.pos_embed else { return x };
        let positions = index(tokens.layout().positions(), &device);
        let [n] = positions.dims();
        let pos = in_f32(table.clone().select(0, positions));
        let pos = pos.reshape([n / width, width, d_model]).expand([rows, width, d_model]);
        x + taps.stream(pos_embed(), pos)
    }

    fn unembedded(&self, cap: Option<f64>, x: Tensor<3>, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        let after = [final_norm_scale(), final_normalized(), final_norm(), logits()];
        let only_last = taps.output() == Output::LastLogits;
        // A hook after the last layer is promised every column.
        let early = only_last && !after.iter().any(|site| taps.wants(*site));
        let x = if early { last_columns(x, tokens) } else { x };
        let h = self.final_norm.stream(x, final_norm_scale(), final_normalized(), taps);
        let h = taps.stream(final_norm(), h);
        if taps.finished() {
            return h;
        }
        let out = taps.stream(logits(), capped(self.unembed.forward(h), cap));
        if only_last && !early { last_columns(out, tokens) } else { out }
    }
}

/// `cap · tanh(x / cap)`, where there is a cap.
pub(crate) fn capped<const R: usize>(x: Tensor<R>, cap: Option<f64>) -> Tensor<R> {
    match cap {
        Some(cap) => (x / cap).tanh() * cap,
        None => x,
    }
}

/// The column of each row's last token: `[batch, 1, width]`.
fn last_columns(x: Tensor<3>, tokens: &TokenBatch) -> Tensor<3> {
    let [rows, width, d] = x.dims();
    let layout = tokens.layout();
    // A row that has ended has no token in this pass; any column will do for it.
    let column = |row| layout.last_column(row).unwrap_or(width - 1);
    let flat = (0..rows).map(|row| row * width + column(row)).collect();
    let picked = index(flat, &x.device());
    x.reshape([rows * width, d]).select(0, picked).reshape([rows, 1, d])
}

fn index(indices: Vec<usize>, device: &Device) -> Tensor<1, Int> {
    let n = indices.len();
    let indices: Vec<i64> = indices.into_iter().map(|i| i as i64).collect();
    Tensor::from_data(TensorData::new(indices, [n]), device)
}

#[cfg(test)]
mod tests {
    use isinglass_core::site::{mlp_post, mlp_raw};
    use isinglass_core::{Cached, Forward, Run, device};

    use super::*;
    use crate::model::Model;
    use crate::random::tiny_spec;
    use crate::spec::{Activation, Biases, Mlp};

    fn values(x: Tensor<3>) -> Vec<f32> {
        x.into_data().iter::<f32>().collect()
    }

    /// The one equation that needs the weights; the others are in tests/invariants.rs.
    fn down_of_the_neurons_is_the_raw_output(decoder: &Decoder, model: &Model) {
        let tokens = TokenBatch::new([vec![5, 1, 3, 2], vec![4, 4]]).unwrap();
        let cache = model.cache(&tokens, model.sites().clone()).unwrap();
        for (layer, block) in decoder.blocks.iter().enumerate() {
            let expected = block.mlp.down.forward(cache.get(mlp_post(layer)).unwrap().clone());
            let raw = values(cache.get(mlp_raw(layer)).unwrap().clone());
            assert_eq!(raw, values(expected), "{}: layer {layer}", model.spec().name);
        }
    }

    #[test]
    fn down_projection_of_mlp_post_is_mlp_raw() {
        let cpu = device("cpu").unwrap();
        let plain = DecoderSpec {
            mlp: Mlp::Plain(Activation::GeluTanh),
            biases: Biases { qkv: true, attn_out: true, mlp: true, unembed: false },
            residual: Residual::Parallel,
            ..tiny_spec()
        };
        let random = [tiny_spec(), plain].map(|spec| Model::random("random", spec, 3, &cpu));
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/models");
        let stored = ["gpt2", "llama31"].map(|name| Model::load(&format!("{fixtures}/{name}"), &cpu).unwrap());
        for model in random.iter().chain(&stored) {
            down_of_the_neurons_is_the_raw_output(model.decoder(), model);
        }
    }
}
