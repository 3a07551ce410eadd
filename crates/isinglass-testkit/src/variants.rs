//! Random models of every kind the decoder can be.

use isinglass_core::Device;
use isinglass_model::{Activation, Biases, DecoderSpec, Mlp, Model, Norm, Positions, Residual, RopeScaling};

/// Families whose checkpoints load.
pub const fn built() -> &'static [&'static str] {
    &["gpt2", "llama"]
}

/// One random model for each way a decoder can be put together: the built families, and what the decoder's data allows
/// beyond them.
pub fn variants(device: &Device) -> Vec<Model> {
    let llama = DecoderSpec {
        family: "llama".into(),
        n_layers: 3,
        d_model: 24,
        n_heads: 4,
        n_kv_heads: 2,
        d_head: 8,
        d_mlp: 40,
        vocab: 50,
        n_ctx: 64,
        norm: Norm::Rms { eps: 1e-5 },
        mlp: Mlp::Gated(Activation::Silu),
        positions: Positions::Rotary { theta: 10_000.0, scaling: RopeScaling::None },
        residual: Residual::Sequential,
        qk_norm: false,
        post_norms: false,
        biases: Biases { qkv: false, attn_out: false, mlp: false },
        tied: false,
        end_tokens: vec![],
    };
    let gpt2 = DecoderSpec {
        family: "gpt2".into(),
        n_kv_heads: 4,
        norm: Norm::Layer { eps: 1e-5 },
        mlp: Mlp::Plain(Activation::GeluTanh),
        positions: Positions::Learned,
        biases: Biases { qkv: true, attn_out: true, mlp: true },
        tied: true,
        ..llama.clone()
    };
    let parallel = DecoderSpec {
        family: "parallel".into(),
        residual: Residual::Parallel,
        mlp: Mlp::Plain(Activation::Gelu),
        ..gpt2.clone()
    };
    let normed = DecoderSpec {
        family: "normed".into(),
        qk_norm: true,
        post_norms: true,
        // Not ReLU: a norm before and one after a homogeneous MLP would cancel any change of scale.
        mlp: Mlp::Gated(Activation::Silu),
        ..llama.clone()
    };
    let biased = DecoderSpec {
        family: "biased".into(),
        biases: Biases { qkv: true, attn_out: true, mlp: true },
        mlp: Mlp::Gated(Activation::Relu),
        ..llama.clone()
    };
    let specs = [llama, gpt2, parallel, normed, biased];
    specs.into_iter().map(|spec| Model::random(&spec.family.clone(), spec, 11, device)).collect()
}
