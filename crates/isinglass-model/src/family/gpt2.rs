//! GPT-2 (Radford et al. 2019).

use serde_json::Value;

use super::activation;
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual};
use crate::weights::{Matrix, Names, Qkv};

/// Dropout is off at inference; the summary head is not a language model's; the mask buffer is ours to build.
const IGNORED: &[&str] = &[
    "attn_pdrop",
    "embd_pdrop",
    "n_ctx",
    "reorder_and_upcast_attn",
    "resid_pdrop",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
];

pub(super) const NAMES: Names = Names {
    prefixes: &["", "transformer."],
    embed: "wte",
    pos_embed: "wpe",
    final_norm: "ln_f",
    unembed: &["lm_head"],
    layer: "h.{}.",
    n_layers: "n_layer",
    ln1: "ln_1",
    ln2: "ln_2",
    ln1_post: "",
    ln2_post: "",
    q_norm: "",
    k_norm: "",
    gain_offset: 0.0,
    qkv: Qkv::Fused("attn.c_attn"),
    attn_out: "attn.c_proj",
    mlp_pre: "mlp.c_fc",
    mlp_linear: "",
    mlp_down: "mlp.c_proj",
    matrix: Matrix::InOut,
    interleaved: false,
    ignored: &[".attn.bias", ".attn.masked_bias"],
    other_parts: &[],
};

pub(super) fn spec(config: &Config) -> Result<DecoderSpec, LoadError> {
    config.only("scale_attn_weights", &Value::Bool(true))?;
    config.only("scale_attn_by_inverse_layer_idx", &Value::Bool(false))?;
    config.only("add_cross_attention", &Value::Bool(false))?;
    let (d_model, n_heads) = (config.count("n_embd")?, config.count("n_head")?);
    if !d_model.is_multiple_of(n_heads) {
        return Err(config.wrong("n_head", &n_heads.into(), &format!("a divisor of n_embd = {d_model}")));
    }
    let spec = DecoderSpec {
        family: "gpt2".into(),
        n_layers: config.count("n_layer")?,
        d_model,
        n_heads,
        n_kv_heads: n_heads,
        d_head: d_model / n_heads,
        d_mlp: config.count_or("n_inner", Some(d_model.saturating_mul(4)))?.unwrap_or_default(),
        vocab: config.count("vocab_size")?,
        n_ctx: config.count("n_positions")?,
        norm: Norm::Layer { eps: config.positive_or("layer_norm_epsilon", Some(1e-5))? },
        mlp: Mlp::Plain(activation(config, "activation_function", Activation::GeluTanh)?),
        positions: Positions::Learned,
        residual: Residual::Sequential,
        attn_scale: ((d_model / n_heads) as f64).powf(-0.5),
        attn_softcap: None,
        logits_softcap: None,
        embed_scale: None,
        window: None,
        qk_norm: false,
        post_norms: false,
        biases: Biases { qkv: true, attn_out: true, mlp: true, unembed: false },
        tied: config.flag_or("tie_word_embeddings", true)?,
        end_tokens: config.token_ids("eos_token_id")?,
    };
    config.finish(IGNORED)?;
    Ok(spec)
}
