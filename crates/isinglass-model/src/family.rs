//! Model families: config keys and weight names, no tensor code.

mod gpt2;
mod llama;

use std::path::Path;

use isinglass_formats::Gguf;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, DecoderSpec};
use crate::weights::Names;

/// The decoder that a `config.json` describes, and what its tensors are called.
pub(crate) fn of_config(path: &Path, keys: Map<String, Value>) -> Result<(DecoderSpec, &'static Names), LoadError> {
    let kind = match keys.get("model_type") {
        None => return Err(LoadError::MissingConfigKey { path: path.into(), key: "model_type".into() }),
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => other.to_string(),
    };
    match kind.as_str() {
        "gpt2" => Ok((gpt2::spec(&Config::new(path, "gpt2", keys))?, &gpt2::NAMES)),
        "llama" => Ok((llama::spec(&Config::new(path, "llama", keys))?, &llama::NAMES)),
        _ => Err(LoadError::UnsupportedArchitecture {
            path: path.into(),
            architecture: kind,
            supported: "`gpt2`, `llama` (key `model_type`)",
        }),
    }
}

/// The decoder that a GGUF's metadata describes, and what its tensors are called.
pub(crate) fn of_gguf(path: &Path, gguf: &Gguf) -> Result<(DecoderSpec, &'static Names), LoadError> {
    match gguf.get_str("general.architecture")? {
        "llama" => Ok((llama::gguf_spec(path, gguf)?, &llama::GGUF_NAMES)),
        other => Err(LoadError::UnsupportedArchitecture {
            path: path.into(),
            architecture: other.into(),
            supported: "`llama` (key `general.architecture`)",
        }),
    }
}

/// The activation function under a key, by the name transformers gives it.
fn activation(config: &Config, key: &str, default: Activation) -> Result<Activation, LoadError> {
    match config.text(key)? {
        None => Ok(default),
        Some("silu" | "swish") => Ok(Activation::Silu),
        Some("gelu") => Ok(Activation::Gelu),
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Ok(Activation::GeluTanh),
        Some("relu") => Ok(Activation::Relu),
        Some(other) => Err(config.wrong(key, &other.into(), "`silu`, `gelu`, `gelu_new` or `relu`")),
    }
}
