//! Mistral 7B and its kin (Jiang et al. 2023).

use super::llamalike::{self, Defaults};
use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{DecoderSpec, Windowed};

const DEFAULTS: Defaults = Defaults { n_kv_heads: Some(8), n_ctx: 131_072, ..Defaults::llama("mistral") };

pub(super) fn spec(config: &Config) -> Result<DecoderSpec, LoadError> {
    let spec = llamalike::spec(config, &DEFAULTS)?;
    // Absent means 4096; null, as v0.2 and v0.3 have it, means none.
    let default = (!config.is_null("sliding_window")).then_some(4096);
    let size = config.count_or("sliding_window", default)?;
    let window = llamalike::window(config, spec.n_layers, size, Windowed::Every)?;
    config.finish(&["attention_dropout"])?;
    Ok(DecoderSpec { window, ..spec })
}
