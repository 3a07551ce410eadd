//! GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023).

use super::{activation, llamalike};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Residual};
use crate::weights::{Matrix, Names, Qkv};

const IGNORED: &[&str] = &["attention_dropout", "classifier_dropout", "hidden_dropout"];

pub(super) const NAMES: Names = Names {
    prefixes: &["gpt_neox."],
    embed: "embed_in",
    pos_embed: "",
    final_norm: "final_layer_norm",
    // transformers 5 renames it on saving.
    unembed: &["embed_out", "lm_head"],
    layer: "layers.{}.",
    n_layers: "num_hidden_layers",
    ln1: "input_layernorm",
    ln2: "post_attention_layernorm",
    ln1_post: "",
    ln2_post: "",
    q_norm: "",
    k_norm: "",
    gain_offset: 0.0,
    qkv: Qkv::PerHead("attention.query_key_value"),
    attn_out: "attention.dense",
    mlp_pre: "mlp.dense_h_to_4h",
    mlp_linear: "",
    mlp_down: "mlp.dense_4h_to_h",
    matrix: Matrix::OutIn,
    interleaved: false,
    ignored: &[".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
    other_parts: &[],
};

pub(super) fn spec(config: &Config) -> Result<DecoderSpec, LoadError> {
    let (d_model, n_heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    if !d_model.is_multiple_of(n_heads) {
        let expected = format!("a divisor of hidden_size = {d_model}");
        return Err(config.wrong("num_attention_heads", &n_heads.into(), &expected));
    }
    let d_head = d_model / n_heads;
    let bias = config.flag_or("attention_bias", true)?;
    let theta = config.at_least_one_or("rotary_emb_base", Some(10_000.0))?;
    let parallel = config.flag_or("use_parallel_residual", true)?;
    let spec = DecoderSpec {
        family: "gpt_neox".into(),
        n_layers: config.count("num_hidden_layers")?,
        d_model,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.count("intermediate_size")?,
        vocab: config.count("vocab_size")?,
        n_ctx: config.count_or("max_position_embeddings", Some(2048))?.unwrap_or(2048),
        norm: Norm::Layer { eps: config.positive_or("layer_norm_eps", Some(1e-5))? },
        mlp: Mlp::Plain(activation(config, "hidden_act", Activation::Gelu)?),
        positions: llamalike::rope(config, theta, super::partial(config, "rotary_pct", 0.25, d_head)?)?,
        residual: if parallel { Residual::Parallel } else { Residual::Sequential },
        attn_scale: (d_head as f64).powf(-0.5),
        attn_softcap: None,
        logits_softcap: None,
        embed_scale: None,
        window: None,
        qk_norm: false,
        post_norms: false,
        biases: Biases { qkv: bias, attn_out: bias, mlp: true, unembed: false },
        tied: config.flag_or("tie_word_embeddings", false)?,
        end_tokens: config.token_ids("eos_token_id")?,
    };
    config.finish(IGNORED)?;
    Ok(spec)
}
