//! Phi-1 to Phi-2 (Gunasekar et al. 2023) and Phi-3 to Phi-4 (Abdin et al. 2024).

use serde_json::Value;

use super::llamalike::{self, Defaults};
use super::{activation, partial};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling, Windowed};
use crate::weights::{Names, Qkv};

const IGNORED: &[&str] = &["attention_dropout", "embd_pdrop", "resid_pdrop"];

const PHI2: Defaults = Defaults { activation: Activation::GeluTanh, rope: half, ..Defaults::llama("phi") };
const PHI3: Defaults = Defaults { n_ctx: 4096, eps: 1e-5, rope: long, ..Defaults::llama("phi3") };

pub(super) const PHI2_NAMES: Names = Names {
    final_norm: "final_layernorm",
    ln2: "",
    attn_out: "self_attn.dense",
    mlp_pre: "mlp.fc1",
    mlp_linear: "",
    mlp_down: "mlp.fc2",
    ..llamalike::NAMES
};

pub(super) const PHI3_NAMES: Names =
    Names { qkv: Qkv::Fused("self_attn.qkv_proj"), mlp_pre: "mlp.gate_up_proj", mlp_linear: "", ..llamalike::NAMES };

pub(super) fn phi2(config: &Config) -> Result<DecoderSpec, LoadError> {
    config.only("qk_layernorm", &Value::Bool(false))?;
    let norm = Norm::Layer { eps: config.positive_or("layer_norm_eps", Some(1e-5))? };
    let mlp = Mlp::Plain(activation(config, "hidden_act", Activation::GeluTanh)?);
    let spec = llamalike::spec(config, &PHI2)?;
    let biases = Biases { qkv: true, attn_out: true, mlp: true, unembed: !spec.tied };
    config.finish(IGNORED)?;
    Ok(DecoderSpec { norm, mlp, residual: Residual::ParallelOneNorm, biases, ..spec })
}

pub(super) fn phi3(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = llamalike::spec(config, &PHI3)?;
    let size = config.count_or("sliding_window", None)?;
    let window = llamalike::window(config, spec.n_layers, size, Windowed::Every)?;
    config.only("attention_bias", &Value::Bool(false))?;
    config.finish(IGNORED)?;
    Ok(DecoderSpec { window, ..spec })
}

/// Half of each head is rotated unless the config says otherwise.
fn half(config: &Config, theta: f64, d_head: usize) -> Result<Positions, LoadError> {
    llamalike::rope(config, theta, partial(config, "partial_rotary_factor", 0.5, d_head)?)
}

/// Factors for sequences within the original context and others for those past it.
fn long(config: &Config, theta: f64, d_head: usize) -> Result<Positions, LoadError> {
    let d_rotary = partial(config, "partial_rotary_factor", 1.0, d_head)?;
    let n_ctx = config.count_or("max_position_embeddings", Some(4096))?.unwrap_or(4096);
    let original = config.count_or("original_max_position_embeddings", None)?;
    for key in ["rope_parameters", "rope_scaling"] {
        let Some(parameters) = config.object(key)? else { continue };
        let kind = parameters.text("rope_type")?.or(parameters.text("type")?);
        // The first checkpoints call it `su`, some `yarn`; it never was anything else.
        if !matches!(kind, Some("longrope" | "su" | "yarn")) {
            continue;
        }
        let theta = config.at_least_one_or("rope_theta", Some(theta))?;
        let theta = parameters.at_least_one_or("rope_theta", Some(theta))?;
        let own = parameters.count_or("original_max_position_embeddings", None)?;
        // transformers 5 moves it into the object; earlier configs have it beside.
        let original_context = original.or(own).unwrap_or(n_ctx);
        let factor = parameters.positive_or("factor", Some(n_ctx as f64 / original_context as f64))?;
        let usual = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original_context as f64).ln()).sqrt() };
        let magnitude = parameters.positive_or("attention_factor", Some(usual))?;
        let [short, long] =
            [factors(&parameters, "short_factor", d_rotary)?, factors(&parameters, "long_factor", d_rotary)?];
        parameters.finish(&["partial_rotary_factor"])?;
        let scaling = RopeScaling::Long { short, long, original_context, magnitude };
        return Ok(Positions::Rotary { d_rotary, theta, scaling, local_theta: None });
    }
    llamalike::rope(config, theta, d_rotary)
}

/// One positive factor for each pair that rotates.
fn factors(parameters: &Config, key: &str, d_rotary: usize) -> Result<Vec<f32>, LoadError> {
    let expected = format!("a list of {} numbers above 0", d_rotary / 2);
    let Some(found) = parameters.value(key) else { return Err(parameters.wrong(key, &Value::Null, &expected)) };
    let number = |value: &Value| value.as_f64().map(|x| x as f32).filter(|x| x.is_finite() && *x > 0.0);
    let factors = found.as_array().and_then(|list| list.iter().map(number).collect::<Option<Vec<f32>>>());
    factors.filter(|list| list.len() == d_rotary / 2).ok_or_else(|| parameters.wrong(key, found, &expected))
}
