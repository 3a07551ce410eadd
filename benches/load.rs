//! Loading a model: each kind of file in the repository, and a larger one of seeded weights.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use std::collections::BTreeMap;
use std::path::Path;

use isinglass::formats::{NewTensor, save_safetensors};
use isinglass::prelude::*;
use serde_json::json;

/// Writes a Llama of 10 million parameters as Hugging Face lays one out.
fn write(folder: &Path) {
    let (d, d_kv, d_mlp, vocab, layers) = (256, 128, 704, 8192, 8);
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "hidden_size": d, "intermediate_size": d_mlp, "num_attention_heads": 8, "num_key_value_heads": 4,
        "num_hidden_layers": layers, "vocab_size": vocab, "max_position_embeddings": 512, "rope_theta": 10000.0,
        "tie_word_embeddings": false, "eos_token_id": 0, "bos_token_id": 1,
    });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let mut tensors = BTreeMap::new();
    let mut add = |name: &str, shape: &[usize]| {
        let values = bench::values(shape.iter().product());
        tensors.insert(name.to_owned(), NewTensor::new(shape, values));
    };
    add("model.embed_tokens.weight", &[vocab, d]);
    add("lm_head.weight", &[vocab, d]);
    add("model.norm.weight", &[d]);
    for layer in 0..layers {
        let mut add = |name: &str, shape: &[usize]| add(&format!("model.layers.{layer}.{name}.weight"), shape);
        add("input_layernorm", &[d]);
        add("post_attention_layernorm", &[d]);
        add("self_attn.q_proj", &[d, d]);
        add("self_attn.k_proj", &[d_kv, d]);
        add("self_attn.v_proj", &[d_kv, d]);
        add("self_attn.o_proj", &[d, d]);
        add("mlp.gate_proj", &[d_mlp, d]);
        add("mlp.up_proj", &[d_mlp, d]);
        add("mlp.down_proj", &[d, d_mlp]);
    }
    save_safetensors(folder.join("model.safetensors"), &tensors, &BTreeMap::new()).unwrap();
}

fn main() {
    let mut criterion = bench::criterion();
    let mut group = criterion.benchmark_group("load");
    let device = Device::flex();
    let larger = tempfile::tempdir().unwrap();
    write(larger.path());
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    for (what, path) in [
        ("safetensors", format!("{fixtures}/models/qwen3")),
        ("sharded_bf16", format!("{fixtures}/models/llama_sharded_bf16")),
        ("gguf", format!("{fixtures}/gguf/llama.gguf")),
        ("safetensors_10m", larger.path().to_str().unwrap().to_owned()),
    ] {
        group.bench_function(what, |bencher| bencher.iter(|| Model::load(&path, &device).unwrap()));
    }
    group.finish();
    criterion.final_summary();
}
