//! Llama 1 to 3.x (Touvron et al. 2023, Grattafiori et al. 2024) and models of the same architecture.

use serde_json::Value;

use super::llamalike::{self, Defaults};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Biases, DecoderSpec};

/// Dropout is off at inference; `pretraining_tp` splits a product that is the same in one piece.
const IGNORED: &[&str] = &["attention_dropout", "pretraining_tp"];

pub(super) fn spec(config: &Config) -> Result<DecoderSpec, LoadError> {
    config.only("rope_interleaved", &Value::Bool(false))?;
    let bias = config.flag_or("attention_bias", false)?;
    let biases = Biases { qkv: bias, attn_out: bias, mlp: config.flag_or("mlp_bias", false)?, unembed: false };
    let spec = DecoderSpec { biases, ..llamalike::spec(config, &Defaults::llama("llama"))? };
    config.finish(IGNORED)?;
    Ok(spec)
}
