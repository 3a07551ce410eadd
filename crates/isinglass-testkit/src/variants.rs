//! Random models of every kind the decoder can be.

use isinglass_core::Device;
use isinglass_model::{
    Activation, Biases, DecoderSpec, Mlp, Model, Norm, Positions, Residual, RopeScaling, Window, Windowed,
};

/// Families whose checkpoints load, by the name that their configs give.
pub const fn built() -> &'static [&'static str] {
    &[
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "gpt2",
        "gpt_neox",
        "llama",
        "mistral",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
    ]
}

/// One random model for each way a decoder can be put together: what the built families use, and what the decoder's data
/// allows beyond them.
pub fn variants(device: &Device) -> Vec<Model> {
    let tiny = Model::load("tiny", device).unwrap().decoder_spec().clone();
    let llama = DecoderSpec {
        n_layers: 3,
        d_model: 24,
        d_mlp: 40,
        vocab: 50,
        n_ctx: 64,
        tied: false,
        end_tokens: vec![],
        ..tiny
    };
    let all = Biases { qkv: true, attn_out: true, mlp: true, unembed: false };
    let gpt2 = DecoderSpec {
        family: "gpt2".into(),
        n_kv_heads: 4,
        norm: Norm::Layer { eps: 1e-5 },
        mlp: Mlp::Plain(Activation::GeluTanh),
        positions: Positions::Learned,
        biases: all,
        tied: true,
        ..llama.clone()
    };
    let scaling = RopeScaling::Linear { factor: 4.0 };
    let parallel = DecoderSpec {
        family: "parallel".into(),
        residual: Residual::Parallel,
        mlp: Mlp::Plain(Activation::Gelu),
        positions: Positions::Rotary { d_rotary: 4, theta: 10_000.0, scaling: scaling.clone(), local_theta: None },
        ..gpt2.clone()
    };
    let one_norm = DecoderSpec {
        family: "one_norm".into(),
        residual: Residual::ParallelOneNorm,
        tied: false,
        biases: Biases { unembed: true, ..all },
        ..parallel.clone()
    };
    let long = RopeScaling::Long {
        short: vec![1.0, 1.5, 2.0, 3.0],
        long: vec![2.0, 4.0, 9.0, 9.0],
        original_context: 5,
        magnitude: 1.2,
    };
    let longer = DecoderSpec {
        family: "longer".into(),
        positions: Positions::Rotary { d_rotary: 8, theta: 10_000.0, scaling: long, local_theta: None },
        ..llama.clone()
    };
    let normed = DecoderSpec {
        family: "normed".into(),
        qk_norm: true,
        post_norms: true,
        attn_scale: 0.3,
        attn_softcap: Some(3.0),
        logits_softcap: Some(5.0),
        embed_scale: Some(1.7),
        window: Some(Window { size: 3, layers: Windowed::AllButEvery(2) }),
        positions: Positions::Rotary { d_rotary: 8, theta: 10_000.0, scaling, local_theta: Some(100.0) },
        ..llama.clone()
    };
    // Not gated ReLU with norms on both sides: they would cancel any change of scale.
    let biased =
        DecoderSpec { family: "biased".into(), biases: all, mlp: Mlp::Gated(Activation::Relu), ..llama.clone() };
    let specs = [llama, gpt2, parallel, one_norm, longer, normed, biased];
    specs.into_iter().map(|spec| Model::random(&spec.family.clone(), spec, 11, device)).collect()
}
