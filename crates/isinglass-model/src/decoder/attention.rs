//! Causal attention with grouped heads.

use isinglass_core::burn::tensor::activation::softmax;
use isinglass_core::site;
use isinglass_core::{Layout, Taps, Tensor};

use super::kv_cache::KvCache;
use super::linear::Linear;
use super::norm::NormBlock;
use super::{Shared, capped};
use isinglass_kernels::Cpu;

/// Weights of one attention block.
#[derive(Debug)]
pub(crate) struct Attention {
    pub(crate) q: Linear,
    pub(crate) k: Linear,
    pub(crate) v: Linear,
    pub(crate) o: Linear,
    /// Norms of queries and keys, where the family has them.
    pub(crate) qk_norms: Option<(NormBlock, NormBlock)>,
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) d_head: usize,
    /// What query · key is multiplied by.
    pub(crate) scale: f64,
    pub(crate) softcap: Option<f64>,
}

impl Attention {
    /// Values mixed by the pattern, `[batch, pos, head, d_head]`: what the output projection reads.
    pub(crate) fn z(
        &self,
        layer: usize,
        x: &Tensor<3>,
        shared: &Shared,
        cache: Option<&mut KvCache>,
        taps: &mut Taps<'_>,
    ) -> Tensor<4> {
        let [batch, pos, _] = x.dims();
        let heads = |y: Tensor<3>, n: usize| y.reshape([batch, pos, n, self.d_head]);
        let [q, k, v] = Linear::forward_all([&self.q, &self.k, &self.v], x);
        let q = taps.heads(site::q(layer), heads(q, self.n_heads));
        let k = taps.heads(site::k(layer), heads(k, self.n_kv_heads));
        let v = taps.heads(site::v(layer), heads(v, self.n_kv_heads));
        let (q, k) = self.normed(layer, q, k, taps);
        let (q, k) = match &shared.rotation {
            Some(rotation) => {
                let q = taps.heads(site::rot_q(layer), rotation.apply(q));
                (q, taps.heads(site::rot_k(layer), rotation.apply(k)))
            }
            None => (q, k),
        };
        let (k, v) = (k.swap_dims(1, 2), v.swap_dims(1, 2));
        let (k, v) = match cache {
            Some(cache) => cache.append(layer, taps.layout().past(), k, v),
            None => (k, v),
        };
        let z = self.mixed(layer, q, k, v, shared, taps);
        taps.heads(site::z(layer), z)
    }

    fn normed(&self, layer: usize, q: Tensor<4>, k: Tensor<4>, taps: &mut Taps<'_>) -> (Tensor<4>, Tensor<4>) {
        let Some((q_norm, k_norm)) = &self.qk_norms else { return (q, k) };
        let q = q_norm.heads(q, site::q_norm_scale(layer), site::q_norm_normalized(layer), taps);
        let q = taps.heads(site::q_normed(layer), q);
        let k = k_norm.heads(k, site::k_norm_scale(layer), site::k_norm_normalized(layer), taps);
        (q, taps.heads(site::k_normed(layer), k))
    }

    /// `q` is `[batch, pos, head, d_head]`, `k` and `v` are `[batch, kv_head, key, d_head]`.
    fn mixed(
        &self,
        layer: usize,
        q: Tensor<4>,
        k: Tensor<4>,
        v: Tensor<4>,
        shared: &Shared,
        taps: &mut Taps<'_>,
    ) -> Tensor<4> {
        let cpu = Cpu::of(&q).filter(|_| [&k, &v].iter().all(|x| Cpu::of(x).is_some()));
        if let Some(cpu) = cpu
            && !taps.wants(site::scores(layer))
            && !taps.wants(site::pattern(layer))
        {
            return cpu.attention(q, k, v, &shared.scores);
        }
        let scores = match cpu {
            Some(cpu) => cpu.scores(q, k, &shared.scores),
            None => self.plain_scores(q, k, shared, taps.layout()),
        };
        let scores = taps.heads(site::scores(layer), scores);
        // Asked anew each time: a hook may have put a tensor that gradients follow in its place.
        let pattern = match Cpu::of(&scores) {
            Some(cpu) => cpu.softmax(scores),
            None => softmax(scores, 3),
        };
        let pattern = taps.heads(site::pattern(layer), pattern);
        match Cpu::of(&pattern).and(Cpu::of(&v)) {
            Some(cpu) => cpu.mixed(pattern, v),
            None => plain_mixed(pattern, v),
        }
    }

    fn plain_scores(&self, q: Tensor<4>, k: Tensor<4>, shared: &Shared, layout: &Layout) -> Tensor<4> {
        let ([batch, pos, n_heads, d_head], [_, n_kv_heads, keys, _]) = (q.dims(), k.dims());
        // The heads that share a key head are folded into its rows, which repeats nothing.
        let group = n_heads / n_kv_heads;
        let q = q.swap_dims(1, 2).reshape([batch, n_kv_heads, group * pos, d_head]);
        let scores = (q.matmul(k.swap_dims(2, 3)) * self.scale).reshape([batch, n_heads, pos, keys]);
        let scores = capped(scores, self.softcap);
        match shared.mask(layout, &scores.device()) {
            Some(mask) => scores.mask_fill(mask.expand([batch, n_heads, pos, keys]), f32::NEG_INFINITY),
            None => scores,
        }
    }

    /// Back to the stream; head by head only if somebody looks.
    pub(crate) fn output(&self, layer: usize, z: Tensor<4>, taps: &mut Taps<'_>) -> Tensor<3> {
        if !taps.wants(site::result(layer)) {
            return taps.stream(site::attn_raw(layer), self.o.forward(side_by_side(z)));
        }
        let [batch, pos, n_heads, d_head] = z.dims();
        let [_, d_model] = self.o.weight.dims();
        let weight = self.o.weight().reshape([1, n_heads, d_head, d_model]);
        let result = z.swap_dims(1, 2).matmul(weight.expand([batch, n_heads, d_head, d_model])).swap_dims(1, 2);
        let result = taps.heads(site::result(layer), result);
        let sum = result.sum_dim(2).reshape([batch, pos, d_model]);
        let sum = match &self.o.bias {
            Some(bias) => sum + bias.clone().unsqueeze::<3>(),
            None => sum,
        };
        taps.stream(site::attn_raw(layer), sum)
    }
}

/// `pattern · v`, `[batch, pos, head, d_head]`.
fn plain_mixed(pattern: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
    let ([batch, n_heads, pos, keys], [_, n_kv_heads, _, d_head]) = (pattern.dims(), v.dims());
    let z = pattern.reshape([batch, n_kv_heads, n_heads / n_kv_heads * pos, keys]).matmul(v);
    z.reshape([batch, n_heads, pos, d_head]).swap_dims(1, 2)
}

/// `[batch, pos, head, d_head]` to `[batch, pos, head · d_head]`.
pub(crate) fn side_by_side(z: Tensor<4>) -> Tensor<3> {
    let [batch, pos, n_heads, d_head] = z.dims();
    z.reshape([batch, pos, n_heads * d_head])
}
