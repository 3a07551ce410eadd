//! Seeded random weights: a model of any kind without a file.

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::decoder::{Attention, Block, Decoder, Linear, MlpBlock, NormBlock};
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling};

/// The model behind `--model tiny`: four Llama layers over bytes.
pub(crate) fn tiny_spec() -> DecoderSpec {
    DecoderSpec {
        family: "llama".into(),
        n_layers: 4,
        d_model: 32,
        n_heads: 4,
        n_kv_heads: 2,
        d_head: 8,
        d_mlp: 64,
        vocab: 257,
        n_ctx: 512,
        norm: Norm::Rms { eps: 1e-5 },
        mlp: Mlp::Gated(Activation::Silu),
        positions: Positions::Rotary { d_rotary: 8, theta: 10_000.0, scaling: RopeScaling::None, local_theta: None },
        residual: Residual::Sequential,
        attn_scale: 8_f64.powf(-0.5),
        attn_softcap: None,
        logits_softcap: None,
        embed_scale: None,
        window: None,
        qk_norm: false,
        post_norms: false,
        biases: Biases::default(),
        tied: true,
        end_tokens: vec![0],
    }
}

struct Draw<'a> {
    rng: ChaCha8Rng,
    spec: &'a DecoderSpec,
    device: &'a Device,
}

/// A decoder whose weights are drawn wide enough that every part of it changes the logits.
pub(crate) fn decoder(spec: &DecoderSpec, seed: u64, device: &Device) -> Decoder {
    let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(seed), spec, device };
    let embed: Tensor<2> = draw.uniform([spec.vocab, spec.d_model], 1.0);
    let pos_embed = (spec.positions == Positions::Learned).then(|| draw.uniform([spec.n_ctx, spec.d_model], 0.5));
    let weight = if spec.tied { embed.clone().transpose() } else { draw.uniform([spec.d_model, spec.vocab], 1.0) };
    let blocks = (0..spec.n_layers).map(|_| draw.block()).collect();
    let final_norm = draw.norm(spec.d_model);
    let bias = spec.biases.unembed.then(|| draw.uniform([spec.vocab], 0.5));
    Decoder { embed, pos_embed, blocks, final_norm, unembed: Linear::new(weight, bias) }
}

impl Draw<'_> {
    fn block(&mut self) -> Block {
        let spec = self.spec;
        let (d, d_q, d_kv) = (spec.d_model, spec.n_heads * spec.d_head, spec.n_kv_heads * spec.d_head);
        let Biases { qkv, attn_out, mlp: mlp_bias, .. } = spec.biases;
        let attention = Attention {
            q: self.linear(d, d_q, qkv),
            k: self.linear(d, d_kv, qkv),
            v: self.linear(d, d_kv, qkv),
            o: self.linear(d_q, d, attn_out),
            qk_norms: spec.qk_norm.then(|| (self.norm(spec.d_head), self.norm(spec.d_head))),
            n_heads: spec.n_heads,
            n_kv_heads: spec.n_kv_heads,
            d_head: spec.d_head,
            scale: spec.attn_scale,
            softcap: spec.attn_softcap,
        };
        let (activation, gated) = match spec.mlp {
            Mlp::Gated(activation) => (activation, true),
            Mlp::Plain(activation) => (activation, false),
        };
        let mlp = MlpBlock {
            activation,
            pre: self.linear(d, spec.d_mlp, mlp_bias),
            linear: gated.then(|| self.linear(d, spec.d_mlp, mlp_bias)),
            down: self.linear(spec.d_mlp, d, mlp_bias),
        };
        Block {
            ln1: self.norm(d),
            attention,
            ln1_post: spec.post_norms.then(|| self.norm(d)),
            ln2: (spec.residual != Residual::ParallelOneNorm).then(|| self.norm(d)),
            mlp,
            ln2_post: spec.post_norms.then(|| self.norm(d)),
            residual: spec.residual,
        }
    }

    fn linear(&mut self, d_in: usize, d_out: usize, bias: bool) -> Linear {
        let weight = self.uniform([d_in, d_out], 1.7 / (d_in as f32).sqrt());
        Linear::new(weight, bias.then(|| self.uniform([d_out], 0.2)))
    }

    fn norm(&mut self, width: usize) -> NormBlock {
        let gain = self.uniform([width], 0.3) + 1.0;
        let bias = matches!(self.spec.norm, Norm::Layer { .. }).then(|| self.uniform([width], 0.2));
        NormBlock { norm: self.spec.norm, gain, bias }
    }

    /// Uniform between minus and plus `width`.
    fn uniform<const R: usize>(&mut self, shape: [usize; R], width: f32) -> Tensor<R> {
        let n = shape.iter().product();
        let values: Vec<f32> = (0..n).map(|_| self.rng.random_range(-width..width)).collect();
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }
}
