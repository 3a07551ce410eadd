//! Writing GGUF files of a fixture's weights.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use isinglass_formats::{Safetensors, ShardedSafetensors, TensorFile};
use isinglass_model::{LoadError, Model};
use isinglass_testkit::in_root;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::load;

/// How a tensor is stored, by ggml's number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stored {
    F32 = 0,
    F16 = 1,
    Q2K = 10,
    I32 = 26,
    Bf16 = 30,
}

/// A GGUF to be written: metadata as JSON (a whole number is a `u32`, another one an `f32`), tensors as `f32`.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) keys: Map<String, Value>,
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, Stored, Vec<f32>)>,
}

impl Draft {
    pub(crate) fn set(mut self, key: &str, value: Value) -> Self {
        self.keys.insert(key.into(), value);
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        assert!(self.keys.shift_remove(key).is_some(), "{key}");
        self
    }

    pub(crate) fn tensor(mut self, name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        self.tensors.insert(name.into(), (shape.into(), Stored::F32, values));
        self
    }

    /// The matrices stored so; one-dimensional tensors stay as llama.cpp has them, in `f32`.
    pub(crate) fn stored(mut self, stored: Stored) -> Self {
        for (shape, as_what, _) in self.tensors.values_mut() {
            *as_what = if shape.len() == 1 { Stored::F32 } else { stored };
        }
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let string = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let mut out = [b"GGUF", &3_u32.to_le_bytes()[..], &(self.tensors.len() as u64).to_le_bytes()].concat();
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            let (kind, bytes) = metadata(value);
            out.extend([&*string(key), &kind.to_le_bytes(), &bytes].concat());
        }
        let mut data = Vec::new();
        for (name, (shape, stored, values)) in &self.tensors {
            out.extend([&*string(name), &(shape.len() as u32).to_le_bytes()].concat());
            out.extend(shape.iter().rev().flat_map(|d| (*d as u64).to_le_bytes()));
            out.extend((*stored as u32).to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            match stored {
                Stored::F32 => data.extend(values.iter().flat_map(|x| x.to_le_bytes())),
                Stored::F16 => data.extend(
                    values.iter().flat_map(|x| exact(*x, f16::from_f32(*x).to_f32(), f16::from_f32(*x).to_le_bytes())),
                ),
                Stored::Bf16 => data.extend(
                    values
                        .iter()
                        .flat_map(|x| exact(*x, bf16::from_f32(*x).to_f32(), bf16::from_f32(*x).to_le_bytes())),
                ),
                Stored::I32 => data.extend(values.iter().flat_map(|x| (*x as i32).to_le_bytes())),
                Stored::Q2K => data.resize(data.len() + values.len().div_ceil(256) * 84, 0),
            }
            data.resize(data.len().next_multiple_of(32), 0);
        }
        out.resize(out.len().next_multiple_of(32), 0);
        [out, data].concat()
    }

    /// The file in a folder of its own.
    pub(crate) fn written(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, self.bytes()).unwrap();
        (folder, path)
    }

    pub(crate) fn loaded(&self) -> Model {
        let (_folder, path) = self.written();
        load(&path).unwrap()
    }

    /// What is said of the file, without its folder.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (LoadError, String) {
        let (folder, path) = self.written();
        let error = load(&path).unwrap_err();
        let message = error.to_string().replace(&format!("{}/", folder.path().display()), "");
        (error, message)
    }

    /// The file is refused with a [`LoadError::ConfigValue`] of this message.
    #[track_caller]
    pub(crate) fn wrong_value(&self, message: &str) {
        let (error, found) = self.refusal();
        assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
        assert_eq!(found, message);
    }
}

fn exact(x: f32, back: f32, bytes: [u8; 2]) -> [u8; 2] {
    assert_eq!(x.to_bits(), back.to_bits(), "not exact in 16 bits");
    bytes
}

/// The kind and the bytes of a metadata value.
fn metadata(value: &Value) -> (u32, Vec<u8>) {
    match value {
        Value::Bool(x) => (7, vec![u8::from(*x)]),
        Value::String(x) => (8, [&(x.len() as u64).to_le_bytes(), x.as_bytes()].concat()),
        Value::Number(x) if x.is_u64() => (4, u32::try_from(x.as_u64().unwrap()).unwrap().to_le_bytes().into()),
        Value::Number(x) if x.is_i64() => (5, i32::try_from(x.as_i64().unwrap()).unwrap().to_le_bytes().into()),
        Value::Number(x) => (6, (x.as_f64().unwrap() as f32).to_le_bytes().into()),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(metadata).collect();
            let kind = items.first().map_or(8, |(kind, _)| *kind);
            let all: Vec<u8> = items.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            (9, [&kind.to_le_bytes()[..], &(items.len() as u64).to_le_bytes(), &all].concat())
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    in_root("models").unwrap().join(name)
}

pub(crate) fn config(fixture: &Path) -> Value {
    serde_json::from_slice(&fs::read(fixture.join("config.json")).unwrap()).unwrap()
}

/// Shapes and values of every tensor of a model folder.
pub(crate) fn tensors(folder: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let single = folder.join("model.safetensors");
    let file: Box<dyn TensorFile> = if single.is_file() {
        Box::new(Safetensors::open(single).unwrap())
    } else {
        Box::new(ShardedSafetensors::open(folder.join("model.safetensors.index.json")).unwrap())
    };
    let read = |name: &str| {
        let view = file.get(name).unwrap();
        (name.to_owned(), (view.shape().to_vec(), view.to_f32().unwrap()))
    };
    file.names().into_iter().map(read).collect()
}

/// A Llama of a folder as llama.cpp's converter would write it.
pub(crate) fn draft(folder: &Path) -> Draft {
    let config = config(folder);
    let heads = |key: &str| config[key].as_u64().unwrap() as usize;
    let mut keys = Map::new();
    let mut set = |key: &str, value: Value| drop(keys.insert(key.into(), value));
    set("general.architecture", json!("llama"));
    set("general.name", json!("from the fixture"));
    set("llama.rope.dimension_count", json!(heads("hidden_size") / heads("num_attention_heads")));
    for (key, from) in [
        ("llama.block_count", "num_hidden_layers"),
        ("llama.context_length", "max_position_embeddings"),
        ("llama.embedding_length", "hidden_size"),
        ("llama.feed_forward_length", "intermediate_size"),
        ("llama.attention.head_count", "num_attention_heads"),
        ("llama.attention.head_count_kv", "num_key_value_heads"),
        ("llama.attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        ("llama.rope.freq_base", "rope_theta"),
        ("llama.vocab_size", "vocab_size"),
    ] {
        set(key, config[from].clone());
    }
    match &config["eos_token_id"] {
        Value::Array(ids) => {
            set("tokenizer.ggml.eos_token_id", ids[0].clone());
            set("tokenizer.ggml.eot_token_id", ids[1].clone());
        }
        id => set("tokenizer.ggml.eos_token_id", id.clone()),
    }
    let mut draft = Draft { keys, tensors: BTreeMap::new() };
    for (name, (shape, values)) in tensors(folder) {
        let values = match &name {
            n if n.contains("q_proj") => interleaved(&shape, &values, heads("num_attention_heads")),
            n if n.contains("k_proj") => interleaved(&shape, &values, heads("num_key_value_heads")),
            _ => values,
        };
        draft = draft.tensor(&gguf_name(&name), &shape, values);
    }
    if !config["rope_scaling"].is_null() {
        let factors = rope_factors(&config);
        draft = draft.tensor("rope_freqs.weight", &[factors.len()], factors);
    }
    draft
}

fn gguf_name(name: &str) -> String {
    let parts = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers.", "blk."),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    parts.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// Rows of q or k as llama.cpp wants them: in each head, row i comes at 2i and row i + width / 2 at 2i + 1.
fn interleaved(shape: &[usize], values: &[f32], heads: usize) -> Vec<f32> {
    let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
    let half = rows / heads / 2;
    let row = |r: usize| &values[r * columns..(r + 1) * columns];
    let order = (0..heads).flat_map(|h| (0..half).flat_map(move |i| [2 * h * half + i, (2 * h + 1) * half + i]));
    order.flat_map(row).copied().collect()
}

/// Llama 3's scaling as the factors that llama.cpp's converter computes.
fn rope_factors(config: &Value) -> Vec<f32> {
    let of = |key: &str| config["rope_scaling"][key].as_f64().unwrap();
    let (factor, low, high) = (of("factor"), of("low_freq_factor"), of("high_freq_factor"));
    let (context, base) = (of("original_max_position_embeddings"), config["rope_theta"].as_f64().unwrap());
    let d_head = config["hidden_size"].as_u64().unwrap() / config["num_attention_heads"].as_u64().unwrap();
    let of_pair = |i: u64| {
        let wavelength = TAU * base.powf(2.0 * i as f64 / d_head as f64);
        if wavelength < context / high {
            1.0
        } else if wavelength > context / low {
            factor
        } else {
            let smooth = (context / wavelength - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    (0..d_head / 2).map(|i| of_pair(i) as f32).collect()
}
