//! The metadata of a GGUF of architecture `llama`.

use std::path::Path;

use isinglass_formats::{Gguf, TensorFile};

use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling};
use crate::weights::{Matrix, Names, Qkv};

pub(super) const NAMES: Names = Names {
    prefixes: &[""],
    embed: "token_embd",
    pos_embed: "",
    final_norm: "output_norm",
    unembed: &["output"],
    layer: "blk.{}.",
    n_layers: "llama.block_count",
    ln1: "attn_norm",
    ln2: "ffn_norm",
    ln1_post: "",
    ln2_post: "",
    q_norm: "",
    k_norm: "",
    gain_offset: 0.0,
    qkv: Qkv::Split(["attn_q", "attn_k", "attn_v"]),
    attn_out: "attn_output",
    mlp_pre: "ffn_gate",
    mlp_linear: "ffn_up",
    mlp_down: "ffn_down",
    matrix: Matrix::OutIn,
    interleaved: true,
    ignored: &["rope_freqs.weight"],
    other_parts: &[],
};

/// The keys of a GGUF that are handled, or that say nothing about the forward pass.
const GGUF_KEYS: &[&str] = &[
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.layer_norm_rms_epsilon",
    // A value head of another width would be a tensor of another shape.
    "llama.attention.value_length",
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.feed_forward_length",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scale_linear",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.finetuned",
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.type",
    "llama.tensor_data_layout",
    "llama.vocab_size",
];

pub(super) fn spec(path: &Path, gguf: &Gguf) -> Result<DecoderSpec, LoadError> {
    let wrong = |key: &str, found: String, expected: &str| wrong(path, key, found, expected);
    if let Some(key) = gguf.keys().find(|key| key.starts_with("llama.") && !GGUF_KEYS.contains(key)) {
        let value = gguf.value(key).map(|value| format!("{value:?}")).unwrap_or_default();
        let (path, key) = (path.into(), key.into());
        return Err(LoadError::UnknownConfigKey { path, family: "llama", key, value });
    }
    let count = |key: &str| -> Result<usize, LoadError> {
        let found = gguf.get_u64(key)?;
        let count = usize::try_from(found).ok().filter(|n| *n > 0);
        count.ok_or_else(|| wrong(key, found.to_string(), "a whole number of at least 1"))
    };
    let optional = |key: &str| gguf.value(key).is_some().then(|| count(key)).transpose();
    let (d_model, n_heads) = (count("llama.embedding_length")?, count("llama.attention.head_count")?);
    let n_kv_heads = optional("llama.attention.head_count_kv")?.unwrap_or(n_heads);
    if !n_heads.is_multiple_of(n_kv_heads) {
        let expected = format!("a divisor of llama.attention.head_count = {n_heads}");
        return Err(wrong("llama.attention.head_count_kv", n_kv_heads.to_string(), &expected));
    }
    let d_head = match optional("llama.attention.key_length")? {
        Some(d_head) => d_head,
        None if d_model.is_multiple_of(n_heads) => d_model / n_heads,
        None => {
            let expected = format!("a divisor of llama.embedding_length = {d_model}");
            return Err(wrong("llama.attention.head_count", n_heads.to_string(), &expected));
        }
    };
    if !d_head.is_multiple_of(2) {
        let expected = "an even number, whose pairs rotate";
        return Err(wrong("llama.attention.key_length", d_head.to_string(), expected));
    }
    let rotated = optional("llama.rope.dimension_count")?.unwrap_or(d_head);
    if rotated != d_head {
        let expected = format!("the head width, {d_head}");
        return Err(wrong("llama.rope.dimension_count", rotated.to_string(), &expected));
    }
    if gguf.value("llama.expert_count").is_some() {
        let experts = gguf.get_u64("llama.expert_count")?;
        if experts > 0 {
            let expected = "0: mixtures of experts are not built";
            return Err(wrong("llama.expert_count", experts.to_string(), expected));
        }
    }
    let embed = gguf.get("token_embd.weight")?;
    let Some(vocab) = embed.shape().first().copied().filter(|n| *n > 0) else {
        let found = format!("of shape {:?}", embed.shape());
        return Err(wrong("token_embd.weight", found, "a matrix of at least one row"));
    };
    let mut end_tokens = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
        if gguf.value(key).is_some() {
            end_tokens.push(gguf.get_u32(key)?);
        }
    }
    Ok(DecoderSpec {
        family: "llama".into(),
        n_layers: count("llama.block_count")?,
        d_model,
        n_heads,
        n_kv_heads,
        d_head,
        d_mlp: count("llama.feed_forward_length")?,
        vocab,
        n_ctx: count("llama.context_length")?,
        norm: Norm::Rms { eps: gguf_eps(path, gguf)? },
        mlp: Mlp::Gated(Activation::Silu),
        positions: gguf_rope(path, gguf, d_head)?,
        residual: Residual::Sequential,
        attn_scale: (d_head as f64).powf(-0.5),
        attn_softcap: None,
        logits_softcap: None,
        embed_scale: None,
        window: None,
        qk_norm: false,
        post_norms: false,
        biases: Biases {
            qkv: gguf.contains("blk.0.attn_q.bias"),
            attn_out: gguf.contains("blk.0.attn_output.bias"),
            mlp: gguf.contains("blk.0.ffn_gate.bias"),
            unembed: false,
        },
        tied: !gguf.contains("output.weight"),
        end_tokens,
    })
}

fn wrong(path: &Path, key: &str, found: String, expected: &str) -> LoadError {
    LoadError::ConfigValue { path: path.into(), key: key.into(), found, expected: expected.into() }
}

/// Stored as f32: 1e-5 comes back as 9.9999997e-6, which rounds to what the model was trained with.
fn gguf_eps(path: &Path, gguf: &Gguf) -> Result<f64, LoadError> {
    let key = "llama.attention.layer_norm_rms_epsilon";
    let stored = gguf.get_f64(key)?;
    if !stored.is_finite() || stored <= 0.0 {
        return Err(wrong(path, key, stored.to_string(), "a number above 0"));
    }
    Ok(format!("{stored:.5e}").parse().unwrap_or(stored))
}

fn gguf_rope(path: &Path, gguf: &Gguf, d_head: usize) -> Result<Positions, LoadError> {
    let key = "llama.rope.scaling.type";
    let refused = |key, found: String| Err(wrong(path, key, found, "none, or factors in `rope_freqs.weight`"));
    if gguf.value(key).is_some() {
        let found = gguf.get_str(key)?;
        if found != "none" {
            return refused(key, found.into());
        }
    } else {
        // What llama.cpp takes for linear scaling where no type is given; 0 and 1 scale nothing.
        for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
            if gguf.value(key).is_some() {
                let found = gguf.get_f64(key)?;
                if ![0.0, 1.0].contains(&found) {
                    return refused(key, found.to_string());
                }
            }
        }
    }
    let key = "llama.rope.freq_base";
    let theta = if gguf.value(key).is_some() { gguf.get_f64(key)? } else { 10_000.0 };
    if !theta.is_finite() || theta < 1.0 {
        return Err(wrong(path, key, theta.to_string(), "a number of at least 1"));
    }
    let scaling = if gguf.contains("rope_freqs.weight") {
        RopeScaling::Factors(factors(path, gguf, d_head)?)
    } else {
        RopeScaling::None
    };
    Ok(Positions::Rotary { d_rotary: d_head, theta, scaling, local_theta: None })
}

fn factors(path: &Path, gguf: &Gguf, d_head: usize) -> Result<Vec<f32>, LoadError> {
    let view = gguf.get("rope_freqs.weight")?;
    let (found, expected) = (view.shape().to_vec(), vec![d_head / 2]);
    if found != expected {
        let tensor = "rope_freqs.weight".into();
        return Err(LoadError::Shape { path: path.into(), tensor, found, expected });
    }
    let factors = view.to_f32()?;
    match factors.iter().position(|f| !f.is_finite() || *f <= 0.0) {
        Some(index) => {
            let key = format!("rope_freqs.weight[{index}]");
            Err(wrong(path, &key, factors[index].to_string(), "a number above 0"))
        }
        None => Ok(factors),
    }
}
