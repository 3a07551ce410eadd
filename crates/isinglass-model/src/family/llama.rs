//! Llama 1 to 3.x (Touvron et al. 2023, Grattafiori et al. 2024) and models of the same architecture.

use std::path::Path;

use isinglass_formats::{Gguf, TensorFile};

use super::activation;
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling};
use crate::weights::{Matrix, Names, Qkv};

/// Dropout is off at inference; `pretraining_tp` splits a product that is the same in one piece.
const IGNORED: &[&str] = &["attention_dropout", "pretraining_tp"];

pub(super) const NAMES: Names = Names {
    prefixes: &["model."],
    embed: "embed_tokens",
    pos_embed: "",
    final_norm: "norm",
    unembed: "lm_head",
    layer: "layers.{}.",
    ln1: "input_layernorm",
    ln2: "post_attention_layernorm",
    qkv: Qkv::Split(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    attn_out: "self_attn.o_proj",
    mlp_pre: "mlp.gate_proj",
    mlp_linear: "mlp.up_proj",
    mlp_down: "mlp.down_proj",
    matrix: Matrix::OutIn,
    interleaved: false,
    ignored: &[".rotary_emb.inv_freq"],
};

pub(super) const GGUF_NAMES: Names = Names {
    prefixes: &[""],
    embed: "token_embd",
    pos_embed: "",
    final_norm: "output_norm",
    unembed: "output",
    layer: "blk.{}.",
    ln1: "attn_norm",
    ln2: "ffn_norm",
    qkv: Qkv::Split(["attn_q", "attn_k", "attn_v"]),
    attn_out: "attn_output",
    mlp_pre: "ffn_gate",
    mlp_linear: "ffn_up",
    mlp_down: "ffn_down",
    matrix: Matrix::OutIn,
    interleaved: true,
    ignored: &["rope_freqs.weight"],
};

pub(super) fn spec(config: &Config) -> Result<DecoderSpec, LoadError> {
    let (d_model, n_heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    let n_kv_heads = config.count_or("num_key_value_heads", Some(n_heads))?.unwrap_or(n_heads);
    if !n_heads.is_multiple_of(n_kv_heads) {
        let expected = format!("a divisor of num_attention_heads = {n_heads}");
        return Err(config.wrong("num_key_value_heads", &n_kv_heads.into(), &expected));
    }
    let d_head = match config.count_or("head_dim", None)? {
        Some(d_head) => d_head,
        None if d_model.is_multiple_of(n_heads) => d_model / n_heads,
        None => {
            let expected = format!("a divisor of hidden_size = {d_model}");
            return Err(config.wrong("num_attention_heads", &n_heads.into(), &expected));
        }
    };
    if !d_head.is_multiple_of(2) {
        return Err(config.wrong("head_dim", &d_head.into(), "an even number, whose halves rotate"));
    }
    let attention_bias = config.flag_or("attention_bias", false)?;
    let spec = DecoderSpec {
        family: "llama".into(),
        n_layers: config.count("num_hidden_layers")?,
        d_model,
        n_heads,
        n_kv_heads,
        d_head,
        d_mlp: config.count("intermediate_size")?,
        vocab: config.count("vocab_size")?,
        n_ctx: config.count_or("max_position_embeddings", Some(2048))?.unwrap_or_default(),
        norm: Norm::Rms { eps: config.positive_or("rms_norm_eps", Some(1e-6))? },
        mlp: Mlp::Gated(activation(config, "hidden_act", Activation::Silu)?),
        positions: rope(config)?,
        residual: Residual::Sequential,
        qk_norm: false,
        post_norms: false,
        biases: Biases {
            qkv: attention_bias,
            attn_out: attention_bias,
            mlp: config.flag_or("mlp_bias", false)?,
        },
        tied: config.flag_or("tie_word_embeddings", false)?,
        end_tokens: config.token_ids("eos_token_id")?,
    };
    config.finish(IGNORED)?;
    Ok(spec)
}

/// `rope_theta` and `rope_scaling` as the hub's configs have them, or `rope_parameters` as transformers 5 writes them.
fn rope(config: &Config) -> Result<Positions, LoadError> {
    let theta = config.positive_or("rope_theta", Some(10_000.0))?;
    let scaling = config.object("rope_scaling")?;
    let Some(parameters) = config.object("rope_parameters")?.or(scaling) else {
        return Ok(Positions::Rotary { theta, scaling: RopeScaling::None });
    };
    let theta = parameters.positive_or("rope_theta", Some(theta))?;
    let old_name = parameters.text("type")?.map(str::to_owned);
    let scaling = match parameters.text("rope_type")?.or(old_name.as_deref()) {
        None | Some("default") => RopeScaling::None,
        Some("llama3") => RopeScaling::Llama3 {
            factor: parameters.positive_or("factor", None)?,
            low_freq_factor: parameters.positive_or("low_freq_factor", None)?,
            high_freq_factor: parameters.positive_or("high_freq_factor", None)?,
            original_context: parameters.count("original_max_position_embeddings")?,
        },
        Some(other) => return Err(parameters.wrong("rope_type", &other.into(), "`default` or `llama3`")),
    };
    parameters.finish(&[])?;
    Ok(Positions::Rotary { theta, scaling })
}

pub(super) fn gguf_spec(path: &Path, gguf: &Gguf) -> Result<DecoderSpec, LoadError> {
    let wrong = |key: &str, found: String, expected: &str| LoadError::ConfigValue {
        path: path.into(),
        key: key.into(),
        found,
        expected: expected.into(),
    };
    let count = |key: &str| -> Result<usize, LoadError> {
        let found = gguf.get_u64(key)?;
        let count = usize::try_from(found).ok().filter(|n| *n > 0);
        count.ok_or_else(|| wrong(key, found.to_string(), "a whole number of at least 1"))
    };
    let optional = |key: &str| gguf.value(key).is_some().then(|| count(key)).transpose();
    let (d_model, n_heads) = (count("llama.embedding_length")?, count("llama.attention.head_count")?);
    let n_kv_heads = optional("llama.attention.head_count_kv")?.unwrap_or(n_heads);
    if !n_heads.is_multiple_of(n_kv_heads) {
        let expected = format!("a divisor of head_count = {n_heads}");
        return Err(wrong("llama.attention.head_count_kv", n_kv_heads.to_string(), &expected));
    }
    let d_head = optional("llama.attention.key_length")?.unwrap_or(d_model / n_heads);
    if !d_head.is_multiple_of(2) || d_head == 0 {
        return Err(wrong(
            "llama.attention.head_count",
            n_heads.to_string(),
            "one that leaves heads of an even width",
        ));
    }
    let rotated = optional("llama.rope.dimension_count")?.unwrap_or(d_head);
    if rotated != d_head {
        return Err(wrong(
            "llama.rope.dimension_count",
            rotated.to_string(),
            &format!("the head width, {d_head}"),
        ));
    }
    if gguf.value("llama.rope.scaling.type").is_some() {
        let found = gguf.get_str("llama.rope.scaling.type")?;
        if found != "none" {
            return Err(wrong(
                "llama.rope.scaling.type",
                found.into(),
                "`none`, or factors in `rope_freqs.weight`",
            ));
        }
    }
    if gguf.value("llama.expert_count").is_some() && gguf.get_u64("llama.expert_count")? > 0 {
        return Err(wrong("llama.expert_count", "above 0".into(), "0: mixtures of experts are not built"));
    }
    let theta = match gguf.value("llama.rope.freq_base") {
        Some(_) => gguf.get_f64("llama.rope.freq_base")?,
        None => 10_000.0,
    };
    let scaling = match gguf.contains("rope_freqs.weight") {
        true => RopeScaling::Factors(factors(path, gguf, d_head)?),
        false => RopeScaling::None,
    };
    let vocab = gguf.get("token_embd.weight")?.shape().first().copied().unwrap_or_default();
    let mut end_tokens = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
        if gguf.value(key).is_some() {
            let id = gguf.get_u64(key)?;
            end_tokens.push(u32::try_from(id).map_err(|_| wrong(key, id.to_string(), "a token id"))?);
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
        norm: Norm::Rms { eps: eps(path, gguf.get_f64("llama.attention.layer_norm_rms_epsilon")?)? },
        mlp: Mlp::Gated(Activation::Silu),
        positions: Positions::Rotary { theta, scaling },
        residual: Residual::Sequential,
        qk_norm: false,
        post_norms: false,
        biases: Biases {
            qkv: gguf.contains("blk.0.attn_q.bias"),
            attn_out: gguf.contains("blk.0.attn_output.bias"),
            mlp: gguf.contains("blk.0.ffn_gate.bias"),
        },
        tied: !gguf.contains("output.weight"),
        end_tokens,
    })
}

/// Stored as f32: 1e-5 comes back as 9.9999997e-6, which rounds to what the model was trained with.
fn eps(path: &Path, stored: f64) -> Result<f64, LoadError> {
    let rounded: f64 = format!("{stored:.5e}").parse().unwrap_or(stored);
    if rounded.is_finite() && rounded > 0.0 {
        return Ok(rounded);
    }
    Err(LoadError::ConfigValue {
        path: path.into(),
        key: "llama.attention.layer_norm_rms_epsilon".into(),
        found: stored.to_string(),
        expected: "a number above 0".into(),
    })
}

fn factors(path: &Path, gguf: &Gguf, d_head: usize) -> Result<Vec<f32>, LoadError> {
    let view = gguf.get("rope_freqs.weight")?;
    let (found, expected, tensor) = (view.shape().to_vec(), vec![d_head / 2], "rope_freqs.weight".to_owned());
    if found != expected {
        return Err(LoadError::Shape { path: path.into(), tensor, found, expected });
    }
    let factors = view.to_f32()?;
    match factors.iter().position(|f| !f.is_finite() || *f <= 0.0) {
        Some(index) => Err(LoadError::NotFinite { path: path.into(), tensor, index, value: factors[index] }),
        None => Ok(factors),
    }
}
