//! Model families: config keys and weight names, no tensor code.

mod gemma;
mod gguf;
mod gpt2;
mod llama;
mod llamalike;
mod mistral;
mod neox;
mod phi;
mod qwen;

use std::path::Path;

use serde_json::{Map, Value};

pub(crate) use self::gguf::of_gguf;
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
    if kind == "gemma3" {
        return Ok((gemma::gemma3(&text_config(path, keys)?)?, &gemma::GEMMA3_NAMES));
    }
    let (family, spec, names): (_, Read, &'static Names) = match kind.as_str() {
        "gemma" => ("gemma", gemma::gemma, &gemma::NAMES),
        "gemma2" => ("gemma2", gemma::gemma2, &gemma::GEMMA2_NAMES),
        "gemma3_text" => ("gemma3", gemma::gemma3, &gemma::GEMMA3_NAMES),
        "gpt2" => ("gpt2", gpt2::spec, &gpt2::NAMES),
        "gpt_neox" => ("gpt_neox", neox::spec, &neox::NAMES),
        "llama" => ("llama", llama::spec, &llamalike::NAMES),
        "phi" => ("phi", phi::phi2, &phi::PHI2_NAMES),
        "phi3" => ("phi3", phi::phi3, &phi::PHI3_NAMES),
        "mistral" => ("mistral", mistral::spec, &llamalike::NAMES),
        "qwen2" => ("qwen2", qwen::qwen2, &llamalike::NAMES),
        "qwen3" => ("qwen3", qwen::qwen3, &qwen::QWEN3_NAMES),
        _ => {
            return Err(LoadError::UnsupportedArchitecture {
                path: path.into(),
                architecture: kind,
                supported: SUPPORTED,
            });
        }
    };
    Ok((spec(&Config::new(path, family, keys))?, names))
}

const SUPPORTED: &str = "`gemma`, `gemma2`, `gemma3`, `gemma3_text`, `gpt2`, `gpt_neox`, `llama`, `mistral`, `phi`, \
    `phi3`, `qwen2`, `qwen3` (key `model_type`)";

/// A family's reading of its config.
type Read = fn(&Config) -> Result<DecoderSpec, LoadError>;

/// The language model of a multimodal config, with what the outer config says of its end.
fn text_config(path: &Path, mut keys: Map<String, Value>) -> Result<Config, LoadError> {
    let end = keys.remove("eos_token_id");
    let outer = Config::new(path, "gemma3", keys);
    let Some(found) = outer.value("text_config") else {
        return Err(LoadError::MissingConfigKey { path: path.into(), key: "text_config".into() });
    };
    let Value::Object(inner) = found else { return Err(outer.wrong("text_config", found, "an object")) };
    let mut inner = inner.clone();
    // The vision model is not run; images are not among the tokens.
    outer.finish(&[
        "boi_token_index",
        "eoi_token_index",
        "image_token_index",
        "image_token_id",
        "mm_tokens_per_image",
        "tie_word_embeddings",
        "vision_config",
    ])?;
    if let Some(end) = end {
        inner.insert("eos_token_id".into(), end);
    }
    Ok(Config::new(path, "gemma3", inner))
}

/// How much of a head is rotated, where the config gives a share of it; transformers 5 moves the share into
/// `rope_parameters`.
fn partial(config: &Config, key: &str, default: f64, d_head: usize) -> Result<usize, LoadError> {
    let old = config.positive_or(key, Some(default))?;
    let share = match config.object("rope_parameters")? {
        Some(new) => new.positive_or("partial_rotary_factor", Some(old))?,
        None => old,
    };
    let d_rotary = (d_head as f64 * share) as usize;
    if share > 1.0 || d_rotary == 0 || !d_rotary.is_multiple_of(2) {
        let expected = format!("at most 1, and an even number of the {d_head} dimensions of a head");
        return Err(config.wrong(key, &share.into(), &expected));
    }
    Ok(d_rotary)
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
