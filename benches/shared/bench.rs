//! What the benchmarks share: a seeded model, texts for it, and how long is measured.
#![allow(dead_code, clippy::unwrap_used, reason = "each benchmark uses some of it, and fails by panicking")]

use std::time::Duration;

use criterion::Criterion;
use isinglass::core::burn::tensor::TensorData;
use isinglass::model::{DecoderSpec, Positions, RopeScaling};
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

/// The tiny model made wider: four Llama layers, 0.9 million parameters in them.
pub(crate) fn model() -> Model {
    let tiny = Model::load("tiny", &Device::flex()).unwrap();
    let positions = Positions::Rotary { d_rotary: 32, theta: 10_000.0, scaling: RopeScaling::None, local_theta: None };
    let spec = DecoderSpec {
        d_model: 128,
        d_head: 32,
        d_mlp: 448,
        vocab: 4096,
        n_ctx: 2048,
        positions,
        attn_scale: 32_f64.powf(-0.5),
        ..tiny.decoder_spec().clone()
    };
    Model::random("bench", spec, 0, &Device::flex())
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
