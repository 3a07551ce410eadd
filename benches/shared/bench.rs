//! What the benchmarks share: a seeded model, texts for it, and how long is measured.
#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::time::Duration;

use criterion::Criterion;
use isinglass::core::burn::tensor::TensorData;
use isinglass::model::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling};
use isinglass::prelude::*;

/// As the examples have it, and as a program should.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Short enough that all benchmarks end in a few minutes; flags of the command line override it.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

/// Four Llama layers, 0.9 million parameters in them.
pub(crate) fn spec() -> DecoderSpec {
    DecoderSpec {
        family: "llama".into(),
        n_layers: 4,
        d_model: 128,
        n_heads: 4,
        n_kv_heads: 2,
        d_head: 32,
        d_mlp: 448,
        vocab: 4096,
        n_ctx: 2048,
        norm: Norm::Rms { eps: 1e-5 },
        mlp: Mlp::Gated(Activation::Silu),
        positions: Positions::Rotary { d_rotary: 32, theta: 10_000.0, scaling: RopeScaling::None, local_theta: None },
        residual: Residual::Sequential,
        attn_scale: 32_f64.powf(-0.5),
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

pub(crate) fn model() -> Model {
    Model::random("bench", spec(), 0, &Device::flex())
}

/// The same numbers each time, between −1 and 1.
pub(crate) fn values(n: usize) -> Vec<f32> {
    let mut x = 12_345_u32;
    let next = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(next).collect()
}

pub(crate) fn tensor<const R: usize>(shape: [usize; R]) -> Tensor<R> {
    Tensor::from_data(TensorData::new(values(shape.iter().product()), shape), &Device::flex())
}

/// A text of `n` tokens.
pub(crate) fn text(n: usize) -> Vec<u32> {
    values(n).into_iter().map(|x| ((x + 1.0) * 2000.0) as u32 + 1).collect()
}
