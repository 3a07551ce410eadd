//! `config.json`: every key is handled, ignored by name, or refused.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use isinglass_formats::{Gguf, Value as Metadata};
use serde_json::{Map, Value};

use crate::error::LoadError;

/// Keys that say nothing about the forward pass, whatever the family.
const IGNORED: &[&str] = &[
    "_attn_implementation",
    "_name_or_path",
    "add_cross_attention",
    "architectures",
    "auto_map",
    "bos_token_id",
    "chunk_size_feed_forward",
    "dtype",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_encoder_decoder",
    "is_llama_config",
    "keys_to_ignore_at_inference",
    "label2id",
    "max_length",
    "model_type",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",
    "problem_type",
    "return_dict",
    "task_specific_params",
    "tokenizer_class",
    "torch_dtype",
    "transformers.js_config",
    "transformers_version",
    "unsloth_fixed",
    "unsloth_version",
    "use_cache",
];

/// A configuration that knows which of its keys were read.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    family: &'static str,
    /// What the keys are called in messages before their own name: `rope_scaling.`, or nothing.
    within: String,
    keys: Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Config {
    pub(crate) fn new(path: &Path, family: &'static str, keys: Map<String, Value>) -> Self {
        Self { path: path.into(), family, within: String::new(), keys, read: RefCell::default() }
    }

    /// The metadata of a GGUF about its architecture, keys without the architecture's name.
    pub(crate) fn of_gguf(path: &Path, family: &'static str, gguf: &Gguf) -> Self {
        let within = format!("{family}.");
        let own = |key: &str| Some((key.strip_prefix(&within)?.to_owned(), json(gguf.value(key)?)));
        let keys = gguf.keys().filter_map(own).collect();
        Self { within, ..Self::new(path, family, keys) }
    }

    /// The value under a key; JSON's null is no value.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.read.borrow_mut().insert(key.into());
        self.keys.get(key).filter(|v| !v.is_null())
    }

    /// Whether a key is there with no value, which some families tell from a key that is absent.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(Value::is_null)
    }

    /// A sub-object under a key, as a configuration of its own.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, LoadError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(keys)) => {
                let object = Self::new(&self.path, self.family, keys.clone());
                Ok(Some(Self { within: format!("{}{key}.", self.within), ..object }))
            }
            Some(found) => Err(self.wrong(key, found, "an object")),
        }
    }

    /// A count of at least 1.
    pub(crate) fn count(&self, key: &str) -> Result<usize, LoadError> {
        self.count_or(key, None)?.ok_or_else(|| self.missing(key))
    }

    /// A count of at least 1, or the default where the key is absent.
    pub(crate) fn count_or(&self, key: &str, default: Option<usize>) -> Result<Option<usize>, LoadError> {
        let Some(found) = self.value(key) else { return Ok(default) };
        let count = found.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
        count.map(Some).ok_or_else(|| self.wrong(key, found, "a whole number of at least 1"))
    }

    /// A whole number, 0 included, or the default where the key is absent.
    pub(crate) fn whole_or(&self, key: &str, default: usize) -> Result<usize, LoadError> {
        let Some(found) = self.value(key) else { return Ok(default) };
        let count = found.as_u64().and_then(|n| usize::try_from(n).ok());
        count.ok_or_else(|| self.wrong(key, found, "a whole number"))
    }

    /// A positive finite number, or the default where the key is absent.
    pub(crate) fn positive_or(&self, key: &str, default: Option<f64>) -> Result<f64, LoadError> {
        self.number_or(key, default, |x| x > 0.0, "a number above 0")
    }

    /// A finite number of at least 1, or the default where the key is absent.
    pub(crate) fn at_least_one_or(&self, key: &str, default: Option<f64>) -> Result<f64, LoadError> {
        self.number_or(key, default, |x| x >= 1.0, "a number of at least 1")
    }

    fn number_or(
        &self,
        key: &str,
        default: Option<f64>,
        is_right: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<f64, LoadError> {
        let Some(found) = self.value(key) else { return default.ok_or_else(|| self.missing(key)) };
        let number = found.as_f64().filter(|x| x.is_finite() && is_right(*x));
        number.ok_or_else(|| self.wrong(key, found, expected))
    }

    /// A truth value, or the default where the key is absent.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool, LoadError> {
        let Some(found) = self.value(key) else { return Ok(default) };
        found.as_bool().ok_or_else(|| self.wrong(key, found, "true or false"))
    }

    /// A text, if there is one.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, LoadError> {
        let Some(found) = self.value(key) else { return Ok(None) };
        found.as_str().map(Some).ok_or_else(|| self.wrong(key, found, "a text"))
    }

    /// A token id or a list of them.
    pub(crate) fn token_ids(&self, key: &str) -> Result<Vec<u32>, LoadError> {
        let Some(found) = self.value(key) else { return Ok(Vec::new()) };
        let ids = match found {
            Value::Array(ids) => ids.iter().map(token_id).collect(),
            one => token_id(one).map(|id| vec![id]),
        };
        ids.ok_or_else(|| self.wrong(key, found, "a token id or a list of them"))
    }

    /// Refuses a key whose value is anything but the one this code computes.
    pub(crate) fn only(&self, key: &str, supported: &Value) -> Result<(), LoadError> {
        match self.value(key) {
            Some(found) if found != supported => Err(self.wrong(key, found, &supported.to_string())),
            _ => Ok(()),
        }
    }

    /// Refuses the keys that nobody read and nobody ignores by name.
    pub(crate) fn finish(&self, ignored: &[&str]) -> Result<(), LoadError> {
        let read = self.read.borrow();
        let known = |key: &str| read.contains(key) || ignored.contains(&key) || IGNORED.contains(&key);
        match self.keys.keys().find(|key| !known(key)) {
            Some(key) => Err(LoadError::UnknownConfigKey {
                path: self.path.clone(),
                family: self.family,
                key: self.named(key),
                value: short(&self.keys[key]),
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn wrong(&self, key: &str, found: &Value, expected: &str) -> LoadError {
        LoadError::ConfigValue {
            path: self.path.clone(),
            key: self.named(key),
            found: short(found),
            expected: expected.into(),
        }
    }

    fn missing(&self, key: &str) -> LoadError {
        LoadError::MissingConfigKey { path: self.path.clone(), key: self.named(key) }
    }

    fn named(&self, key: &str) -> String {
        format!("{}{key}", self.within)
    }
}

/// A metadata value as JSON would have it.
fn json(value: Metadata<'_>) -> Value {
    match value {
        // The shortest decimal that is this f32: 1e-5, which the model was trained with, and not 9.9999997e-6.
        Metadata::F32(x) => number(x.to_string().parse().unwrap_or(f64::from(x))),
        Metadata::F64(x) => number(x),
        Metadata::Bool(x) => x.into(),
        Metadata::Str(x) => x.into(),
        // No key of an architecture that is built holds one.
        Metadata::Array(_) => "an array".into(),
        int => int.as_int().map_or(Value::Null, |x| u64::try_from(x).map_or_else(|_| (x as i64).into(), Value::from)),
    }
}

fn number(x: f64) -> Value {
    serde_json::Number::from_f64(x).map_or_else(|| Value::String(x.to_string()), Value::Number)
}

fn token_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// A value as it stands in the file, cut to the length of a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
