//! What the families around Llama share: config keys and weight names.

use serde_json::Value;

use super::activation;
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling, Window, Windowed};
use crate::weights::{Matrix, Names, Qkv};

pub(super) const NAMES: Names = Names {
    prefixes: &["model."],
    embed: "embed_tokens",
    pos_embed: "",
    final_norm: "norm",
    unembed: &["lm_head"],
    layer: "layers.{}.",
    n_layers: "num_hidden_layers",
    ln1: "input_layernorm",
    ln2: "post_attention_layernorm",
    ln1_post: "",
    ln2_post: "",
    q_norm: "",
    k_norm: "",
    gain_offset: 0.0,
    qkv: Qkv::Split(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    attn_out: "self_attn.o_proj",
    mlp_pre: "mlp.gate_proj",
    mlp_linear: "mlp.up_proj",
    mlp_down: "mlp.down_proj",
    matrix: Matrix::OutIn,
    interleaved: false,
    ignored: &[".rotary_emb.inv_freq"],
    other_parts: &[],
};

/// What a family takes where its config is silent; `None` is a key that must be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) family: &'static str,
    pub(super) d_model: Option<usize>,
    pub(super) n_heads: Option<usize>,
    /// `None`: as many as query heads.
    pub(super) n_kv_heads: Option<usize>,
    /// `None`: `d_model / n_heads`.
    pub(super) d_head: Option<usize>,
    pub(super) n_layers: Option<usize>,
    pub(super) d_mlp: Option<usize>,
    pub(super) vocab: Option<usize>,
    pub(super) n_ctx: usize,
    pub(super) eps: f64,
    pub(super) theta: f64,
    /// Reads the rotation, from the default base and the width of a head.
    pub(super) rope: fn(&Config, f64, usize) -> Result<Positions, LoadError>,
    pub(super) tied: bool,
    pub(super) activation_key: &'static str,
    pub(super) activation: Activation,
}

impl Defaults {
    /// Those of Llama, under another name.
    pub(super) const fn llama(family: &'static str) -> Self {
        Self {
            family,
            d_model: None,
            n_heads: None,
            n_kv_heads: None,
            d_head: None,
            n_layers: None,
            d_mlp: None,
            vocab: None,
            n_ctx: 2048,
            eps: 1e-6,
            theta: 10_000.0,
            rope,
            tied: false,
            activation_key: "hidden_act",
            activation: Activation::Silu,
        }
    }
}

/// The keys that all of them have; the caller reads its own and finishes the config.
pub(super) fn spec(config: &Config, defaults: &Defaults) -> Result<DecoderSpec, LoadError> {
    let count = |key: &str, default: Option<usize>| match config.count_or(key, default)? {
        Some(count) => Ok(count),
        None => config.count(key),
    };
    let d_model = count("hidden_size", defaults.d_model)?;
    let n_heads = count("num_attention_heads", defaults.n_heads)?;
    let n_kv_heads = count("num_key_value_heads", defaults.n_kv_heads.or(Some(n_heads)))?;
    if !n_heads.is_multiple_of(n_kv_heads) {
        let expected = format!("a divisor of num_attention_heads = {n_heads}");
        return Err(config.wrong("num_key_value_heads", &n_kv_heads.into(), &expected));
    }
    let d_head = match config.count_or("head_dim", defaults.d_head)? {
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
    Ok(DecoderSpec {
        family: defaults.family.into(),
        n_layers: count("num_hidden_layers", defaults.n_layers)?,
        d_model,
        n_heads,
        n_kv_heads,
        d_head,
        d_mlp: count("intermediate_size", defaults.d_mlp)?,
        vocab: count("vocab_size", defaults.vocab)?,
        n_ctx: count("max_position_embeddings", Some(defaults.n_ctx))?,
        norm: Norm::Rms { eps: config.positive_or("rms_norm_eps", Some(defaults.eps))? },
        mlp: Mlp::Gated(activation(config, defaults.activation_key, defaults.activation)?),
        positions: (defaults.rope)(config, defaults.theta, d_head)?,
        residual: Residual::Sequential,
        attn_scale: (d_head as f64).powf(-0.5),
        attn_softcap: None,
        logits_softcap: None,
        embed_scale: None,
        window: None,
        qk_norm: false,
        post_norms: false,
        biases: Biases::default(),
        tied: config.flag_or("tie_word_embeddings", defaults.tied)?,
        end_tokens: config.token_ids("eos_token_id")?,
    })
}

/// Which layers look back at most `size` positions: `layer_types` where the config has it, else the family's way.
pub(super) fn window(
    config: &Config,
    n_layers: usize,
    size: Option<usize>,
    layers: Windowed,
) -> Result<Option<Window>, LoadError> {
    let Some(found) = config.value("layer_types") else {
        return Ok(size.map(|size| Window { size, layers }));
    };
    let kind = |value: &Value| match value.as_str() {
        Some("sliding_attention") => Some(true),
        Some("full_attention") => Some(false),
        _ => None,
    };
    let listed = found.as_array().and_then(|kinds| kinds.iter().map(kind).collect::<Option<Vec<bool>>>());
    let expected = "`sliding_attention` or `full_attention` for each layer";
    let listed =
        listed.filter(|kinds| kinds.len() == n_layers).ok_or_else(|| config.wrong("layer_types", found, expected))?;
    match size {
        _ if !listed.contains(&true) => Ok(None),
        Some(size) => Ok(Some(Window { size, layers: Windowed::Listed(listed) })),
        None => Err(config.wrong("layer_types", found, "no `sliding_attention`, as there is no window")),
    }
}

/// `rope_theta` and `rope_scaling` as the hub's configs have them, or `rope_parameters` as transformers 5 writes them.
pub(super) fn rope(config: &Config, theta: f64, d_rotary: usize) -> Result<Positions, LoadError> {
    let theta = config.at_least_one_or("rope_theta", Some(theta))?;
    let read = |key: &str| -> Result<Option<(f64, RopeScaling)>, LoadError> {
        let Some(parameters) = config.object(key)? else { return Ok(None) };
        let theta = parameters.at_least_one_or("rope_theta", Some(theta))?;
        let scaling = scaling(&parameters)?;
        // Which share of a head is rotated is read by the families that have it.
        parameters.finish(&["partial_rotary_factor"])?;
        Ok(Some((theta, scaling)))
    };
    let (old, new) = (read("rope_scaling")?, read("rope_parameters")?);
    if let (Some((_, old)), Some((_, new)), Some(found)) = (&old, &new, config.value("rope_scaling"))
        && old != new
    {
        return Err(config.wrong("rope_scaling", found, "what `rope_parameters` says"));
    }
    let (theta, scaling) = new.or(old).unwrap_or((theta, RopeScaling::None));
    Ok(Positions::Rotary { d_rotary, theta, scaling, local_theta: None })
}

pub(super) fn scaling(parameters: &Config) -> Result<RopeScaling, LoadError> {
    let (kind, old_kind) = (parameters.text("rope_type")?, parameters.text("type")?);
    match kind.or(old_kind) {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: parameters.at_least_one_or("factor", None)? }),
        Some("llama3") => {
            let low_freq_factor = parameters.positive_or("low_freq_factor", None)?;
            let high_freq_factor = parameters.positive_or("high_freq_factor", None)?;
            if high_freq_factor <= low_freq_factor {
                let expected = format!("a number above low_freq_factor = {low_freq_factor}");
                return Err(parameters.wrong("high_freq_factor", &high_freq_factor.into(), &expected));
            }
            Ok(RopeScaling::Llama3 {
                factor: parameters.at_least_one_or("factor", None)?,
                low_freq_factor,
                high_freq_factor,
                original_context: parameters.count("original_max_position_embeddings")?,
            })
        }
        Some(other) => {
            let key = if kind.is_some() { "rope_type" } else { "type" };
            Err(parameters.wrong(key, &other.into(), "`default`, `linear` or `llama3`"))
        }
    }
}
