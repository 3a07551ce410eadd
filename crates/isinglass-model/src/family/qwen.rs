//! Qwen2, Qwen2.5 and Qwen3 (Yang et al. 2024, 2025).

use super::llamalike::{self, Defaults};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Biases, DecoderSpec, Window, Windowed};
use crate::weights::Names;

const IGNORED: &[&str] = &["attention_dropout", "use_mrope"];

const QWEN2: Defaults = Defaults { n_ctx: 32_768, ..Defaults::llama("qwen2") };
const QWEN3: Defaults = Defaults { d_head: Some(128), n_ctx: 32_768, ..Defaults::llama("qwen3") };

pub(super) const QWEN3_NAMES: Names =
    Names { q_norm: "self_attn.q_norm", k_norm: "self_attn.k_norm", ..llamalike::NAMES };

pub(super) fn qwen2(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = llamalike::spec(config, &QWEN2)?;
    let window = window(config, spec.n_layers)?;
    config.finish(IGNORED)?;
    Ok(DecoderSpec { window, biases: Biases { qkv: true, ..spec.biases }, ..spec })
}

pub(super) fn qwen3(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = llamalike::spec(config, &QWEN3)?;
    let window = window(config, spec.n_layers)?;
    let bias = config.flag_or("attention_bias", false)?;
    config.finish(IGNORED)?;
    let biases = Biases { qkv: bias, attn_out: bias, mlp: false, unembed: false };
    Ok(DecoderSpec { window, qk_norm: true, biases, ..spec })
}

/// Off unless switched on, and then only from a layer on.
fn window(config: &Config, n_layers: usize) -> Result<Option<Window>, LoadError> {
    let (size, from) = (config.count_or("sliding_window", Some(4096))?, config.whole_or("max_window_layers", 28)?);
    let on = config.flag_or("use_sliding_window", false)?;
    llamalike::window(config, n_layers, size.filter(|_| on), Windowed::From(from))
}
