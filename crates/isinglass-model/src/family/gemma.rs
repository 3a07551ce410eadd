//! Gemma 1, 2 and 3 (Gemma Team 2024, 2024, 2025), text only.

use serde_json::Value;

use super::llamalike::{self, Defaults};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Positions, RopeScaling, Window, Windowed};
use crate::weights::Names;

const IGNORED: &[&str] = &["attention_dropout", "cache_implementation"];

const GEMMA: Defaults = Defaults {
    d_head: Some(256),
    n_ctx: 8192,
    tied: true,
    activation_key: "hidden_activation",
    activation: Activation::GeluTanh,
    ..Defaults::llama("gemma")
};

const GEMMA2: Defaults = Defaults { family: "gemma2", n_kv_heads: Some(4), ..GEMMA };

/// The multimodal checkpoints leave most of these out.
const GEMMA3: Defaults = Defaults {
    family: "gemma3",
    d_model: Some(2304),
    n_heads: Some(8),
    n_kv_heads: Some(4),
    n_layers: Some(26),
    d_mlp: Some(9216),
    vocab: Some(262_208),
    n_ctx: 131_072,
    theta: 1_000_000.0,
    rope: two_bases,
    ..GEMMA
};

/// Gains are stored as their difference from 1.
pub(super) const NAMES: Names = Names { gain_offset: 1.0, ..llamalike::NAMES };

pub(super) const GEMMA2_NAMES: Names = Names {
    ln1_post: "post_attention_layernorm",
    ln2: "pre_feedforward_layernorm",
    ln2_post: "post_feedforward_layernorm",
    ..NAMES
};

pub(super) const GEMMA3_NAMES: Names = Names {
    prefixes: &["model.", "language_model.model.", "model.language_model."],
    q_norm: "self_attn.q_norm",
    k_norm: "self_attn.k_norm",
    other_parts: &[
        "vision_tower.",
        "multi_modal_projector.",
        "model.vision_tower.",
        "model.multi_modal_projector.",
        // A copy of the tied embedding.
        "language_model.lm_head.",
    ],
    ..GEMMA2_NAMES
};

pub(super) fn gemma(config: &Config) -> Result<DecoderSpec, LoadError> {
    // `gelu` is a legacy value: these models were always run with the tanh form.
    if let Some(found) = config.value("hidden_act")
        && !matches!(found.as_str(), Some("gelu" | "gelu_pytorch_tanh"))
    {
        return Err(config.wrong("hidden_act", found, "`gelu` or `gelu_pytorch_tanh`, which both mean the tanh form"));
    }
    let spec = scaled(config, llamalike::spec(config, &GEMMA)?)?;
    config.finish(IGNORED)?;
    Ok(spec)
}

pub(super) fn gemma2(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = capped(config, llamalike::spec(config, &GEMMA2)?, Some(50.0), Some(30.0))?;
    let size = config.count_or("sliding_window", Some(4096))?;
    let window = llamalike::window(config, spec.n_layers, size, Windowed::AllButEvery(2))?;
    config.finish(&[IGNORED, &["hidden_act"]].concat())?;
    Ok(DecoderSpec { window, ..spec })
}

pub(super) fn gemma3(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = capped(config, llamalike::spec(config, &GEMMA3)?, None, None)?;
    // transformers 5 writes the old key with an underscore, some configs have both.
    let every = config.count_or("_sliding_window_pattern", Some(6))?;
    let every = config.count_or("sliding_window_pattern", every)?.unwrap_or(6);
    let size = config.count_or("sliding_window", Some(4096))?;
    let window: Option<Window> = llamalike::window(config, spec.n_layers, size, Windowed::AllButEvery(every))?;
    config.finish(IGNORED)?;
    Ok(DecoderSpec { window, qk_norm: true, ..spec })
}

/// What all of them do to the embedding, and the keys all of them have.
fn scaled(config: &Config, spec: DecoderSpec) -> Result<DecoderSpec, LoadError> {
    let bias = config.flag_or("attention_bias", false)?;
    config.only("use_bidirectional_attention", &Value::Bool(false))?;
    let biases = Biases { qkv: bias, attn_out: bias, mlp: false, unembed: false };
    Ok(DecoderSpec { embed_scale: Some((spec.d_model as f64).sqrt()), biases, ..spec })
}

/// What Gemma 2 and 3 add: norms after each block, a scale of their own, caps.
fn capped(
    config: &Config,
    spec: DecoderSpec,
    scores: Option<f64>,
    logits: Option<f64>,
) -> Result<DecoderSpec, LoadError> {
    let cap = |key: &str, default: Option<f64>| -> Result<Option<f64>, LoadError> {
        let default = default.filter(|_| !config.is_null(key));
        if default.is_none() && config.value(key).is_none() {
            return Ok(None);
        }
        config.positive_or(key, default).map(Some)
    };
    let spec = scaled(config, spec)?;
    Ok(DecoderSpec {
        attn_scale: config.positive_or("query_pre_attn_scalar", Some(256.0))?.powf(-0.5),
        attn_softcap: cap("attn_logit_softcapping", scores)?,
        logits_softcap: cap("final_logit_softcapping", logits)?,
        post_norms: true,
        ..spec
    })
}

/// Layers with a window have a base of their own and are never stretched.
fn two_bases(config: &Config, theta: f64, d_head: usize) -> Result<Positions, LoadError> {
    let local = config.at_least_one_or("rope_local_base_freq", Some(10_000.0))?;
    let Some(both) = config.object("rope_parameters")? else {
        return match llamalike::rope(config, theta, d_head)? {
            Positions::Rotary { d_rotary, theta, scaling, .. } => {
                Ok(Positions::Rotary { d_rotary, theta, scaling, local_theta: Some(local) })
            }
            learned @ Positions::Learned => Ok(learned),
        };
    };
    let of = |kind: &str, theta: f64| -> Result<(f64, RopeScaling), LoadError> {
        let Some(parameters) = both.object(kind)? else { return Ok((theta, RopeScaling::None)) };
        let read = (parameters.at_least_one_or("rope_theta", Some(theta))?, llamalike::scaling(&parameters)?);
        parameters.finish(&[])?;
        Ok(read)
    };
    let (theta, scaling) = of("full_attention", theta)?;
    let (local, local_scaling) = of("sliding_attention", local)?;
    if local_scaling != RopeScaling::None {
        let found = Value::from("scaled");
        return Err(both.wrong("sliding_attention", &found, "`default`: layers with a window are not stretched"));
    }
    both.finish(&[])?;
    Ok(Positions::Rotary { d_rotary: d_head, theta, scaling, local_theta: Some(local) })
}
