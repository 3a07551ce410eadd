//! GGUF files with one thing wrong.

use std::fs;

use isinglass_core::{Forward, Run};
use isinglass_formats::FormatError;
use isinglass_model::{LoadError, Message};
use isinglass_testkit::values;
use serde_json::json;

use crate::draft::{Stored, draft, fixture};
use crate::text::speaking;
use crate::{SHARDED, assert_reference, load, logits};

#[test]
fn metadata_that_is_wrong() {
    let plain = draft(&fixture(SHARDED));
    let (error, message) = plain.clone().set("general.architecture", json!("mamba")).refusal();
    assert!(matches!(error, LoadError::UnsupportedArchitecture { .. }), "{error:?}");
    assert_eq!(
        message,
        "`m.gguf`: architecture `mamba` is not supported: use one of `gemma`, `gemma2`, `gemma3`, `gpt2`, `llama`, `phi3`, \
         `qwen2`, `qwen3` (key `general.architecture`)"
    );
    let (error, message) = plain.clone().without("general.architecture").refusal();
    assert!(matches!(error, LoadError::Format(FormatError::NoSuchKey { .. })), "{error:?}");
    assert!(message.starts_with("`m.gguf` has no key `general.architecture`"), "{message}");
    for key in [
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
    ] {
        let (error, message) = plain.clone().without(key).refusal();
        assert!(matches!(error, LoadError::MissingConfigKey { .. }), "{error:?}");
        assert_eq!(message, format!("`m.gguf` lacks the key `{key}`"));
        for (wrong, named) in
            [(json!(["x"]), "\"an array\""), (json!("x"), "\"x\""), (json!(-1), "-1"), (json!(true), "true")]
        {
            let (error, message) = plain.clone().set(key, wrong).refusal();
            assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
            assert!(message.starts_with(&format!("`m.gguf`: key `{key}` is `{named}`, expected a ")), "{message}");
        }
    }
    let (error, message) = plain.clone().set("llama.logit_scale", json!(0.5)).refusal();
    assert!(matches!(error, LoadError::UnknownConfigKey { .. }), "{error:?}");
    assert!(message.starts_with("`m.gguf`: llama config key `llama.logit_scale` (value `0.5`) is"), "{message}");
    for (key, value, message) in [
        ("llama.block_count", json!(0), "key `llama.block_count` is `0`, expected a whole number of at least 1"),
        (
            "llama.block_count",
            json!(4_000_000_000_u32),
            "key `llama.block_count` is `4000000000`, expected at most the 20 tensors in the weights",
        ),
        (
            "llama.attention.head_count",
            json!(3),
            "key `llama.attention.head_count` is `3`, expected a divisor of llama.embedding_length = 32",
        ),
        (
            "llama.attention.head_count",
            json!(64),
            "key `llama.attention.head_count` is `64`, expected a divisor of llama.embedding_length = 32",
        ),
        (
            "llama.attention.head_count_kv",
            json!(3),
            "key `llama.attention.head_count_kv` is `3`, expected a divisor of llama.attention.head_count = 4",
        ),
        (
            "llama.attention.key_length",
            json!(7),
            "key `llama.attention.key_length` is `7`, expected an even number, whose pairs rotate",
        ),
        ("llama.rope.dimension_count", json!(4), "key `llama.rope.dimension_count` is `4`, expected the head width, 8"),
        (
            "llama.expert_count",
            json!(8),
            "key `llama.expert_count` is `8`, expected 0: mixtures of experts are not built",
        ),
        ("llama.rope.freq_base", json!(0.0), "key `llama.rope.freq_base` is `0.0`, expected a number of at least 1"),
        ("llama.rope.freq_base", json!(-1.5), "key `llama.rope.freq_base` is `-1.5`, expected a number of at least 1"),
        (
            "llama.attention.layer_norm_rms_epsilon",
            json!(0.0),
            "key `llama.attention.layer_norm_rms_epsilon` is `0.0`, expected a number above 0",
        ),
        (
            "llama.rope.scaling.type",
            json!("yarn"),
            "key `llama.rope.scaling.type` is `\"yarn\"`, expected `none` or `linear`",
        ),
        (
            "llama.rope.scaling.factor",
            json!(-8.0),
            "key `llama.rope.scaling.factor` is `-8.0`, expected a number of at least 1",
        ),
        (
            "llama.rope.scale_linear",
            json!(0.5),
            "key `llama.rope.scale_linear` is `0.5`, expected a number of at least 1",
        ),
    ] {
        plain.clone().set(key, value).wrong_value(&format!("`m.gguf`: {message}"));
    }
}

#[test]
fn metadata_that_changes_nothing() {
    let plain = draft(&fixture(SHARDED));
    // What scales nothing is no scaling; more context than llama.cpp would give is only a bound.
    let same = [
        ("llama.rope.scaling.type", json!("none")),
        ("llama.rope.scale_linear", json!(1.0)),
        ("llama.expert_count", json!(0)),
        ("llama.context_length", json!(u32::MAX)),
        ("llama.attention.key_length", json!(8)),
    ];
    for (key, value) in same {
        assert_reference(&plain.clone().set(key, value).loaded(), &fixture(SHARDED), key);
    }
    let without = plain.clone().without("llama.vocab_size").without("llama.rope.dimension_count");
    assert_reference(&without.without("llama.rope.freq_base").loaded(), &fixture(SHARDED), "defaults");
}

/// Whatever stands under a key, the file is refused or the model runs.
#[test]
fn every_key_survives_every_value() {
    let absurd = [
        json!(0),
        json!(1),
        json!(3),
        json!(u32::MAX),
        json!(-1),
        json!(0.0),
        json!(-1.5),
        json!(1e-45),
        json!(1e-30),
        json!(1e30),
        json!(1e300),
        json!(true),
        json!(false),
        json!(""),
        json!("none"),
        json!("llama-bpe"),
        json!([]),
        json!([1, 2]),
        json!(["a"]),
    ];
    let draft = speaking("smollm").set("llama.attention.key_length", json!(16)).set("llama.expert_count", json!(0));
    let draft = draft.set("llama.rope.scaling.type", json!("none")).set("tokenizer.ggml.add_bos_token", json!(true));
    let draft = draft.set("llama.rope.scaling.factor", json!(0.0)).set("general.alignment", json!(32));
    let (_folder, path) = draft.written();
    let (mut loaded, mut refused) = (0, 0);
    for key in draft.keys.keys() {
        for value in &absurd {
            fs::write(&path, draft.clone().set(key, value.clone()).bytes()).unwrap();
            let Ok(model) = load(&path) else {
                refused += 1;
                continue;
            };
            loaded += 1;
            if let Ok(batch) = model.tokenize(["hello 12<s>"])
                && batch.layout().width() <= model.spec().n_ctx
            {
                let logits = values(model.run(&batch, ()).unwrap());
                assert!(logits.iter().all(|x| x.is_finite()), "{key}: {value}");
            }
            _ = model.tokenize_chat(&[Message::user("hello")]);
            assert!(logits(&model, vec![1]).iter().all(|x| x.is_finite()), "{key}: {value}");
        }
    }
    assert!(loaded > 50 && refused > 200, "{loaded} {refused}");
}

#[test]
fn tensors_that_are_wrong() {
    let plain = draft(&fixture(SHARDED));
    let (error, message) = plain.clone().set("llama.block_count", json!(3)).refusal();
    assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
    assert_eq!(message, "`m.gguf` lacks the tensor `blk.2.attn_q.weight` that a llama model of this config needs");
    let (error, message) = plain.clone().set("llama.block_count", json!(1)).refusal();
    assert!(matches!(error, LoadError::ExtraTensors { n: 9, .. }), "{error:?}");
    assert_eq!(
        message,
        "`m.gguf` holds tensors that a llama model of this config has no place for: `blk.1.attn_k.weight` is the first of 9"
    );
    let (error, message) = plain.clone().set("llama.feed_forward_length", json!(u32::MAX)).refusal();
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_eq!(
        message,
        "`m.gguf`: tensor `blk.0.ffn_up.weight` has shape [64, 32], the config makes it [4294967295, 32]"
    );
    let (error, message) =
        plain.clone().set("llama.embedding_length", json!(64)).without("llama.rope.dimension_count").refusal();
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_eq!(message, "`m.gguf`: tensor `token_embd.weight` has shape [96, 32], the config makes it [96, 64]");

    let with = |name: &str, shape: &[usize], stored: Stored, values: Vec<f32>| {
        let mut draft = plain.clone();
        draft.tensors.insert(name.into(), (shape.into(), stored, values));
        draft
    };
    let (error, message) = with("blk.0.attn_v.weight", &[8, 256], Stored::Q2K, vec![0.0; 2048]).refusal();
    assert!(matches!(error, LoadError::Format(FormatError::Quantisation { .. })), "{error:?}");
    assert!(
        message.starts_with("tensor `blk.0.attn_v.weight` of `m.gguf`: quantisation `q2_k` is not supported: use"),
        "{message}"
    );
    let (error, message) = with("blk.0.attn_v.weight", &[8, 32], Stored::I32, vec![1.0; 256]).refusal();
    assert!(matches!(error, LoadError::Dtype { .. }), "{error:?}");
    assert!(message.starts_with("`m.gguf`: tensor `blk.0.attn_v.weight` has dtype `i32`, a weight must"), "{message}");
    let mut norm = vec![1.0; 32];
    norm[9] = f32::NAN;
    let (error, message) = with("blk.1.ffn_norm.weight", &[32], Stored::F32, norm).refusal();
    assert!(matches!(error, LoadError::NotFinite { .. }), "{error:?}");
    assert_eq!(message, "`m.gguf`: tensor `blk.1.ffn_norm.weight` holds `NaN` at element 9: weights must be finite");
    for shape in [&[0, 32][..], &[]] {
        let values = vec![1.0; shape.iter().product()];
        with("token_embd.weight", shape, Stored::F32, values).refusal();
    }
    with("token_embd.weight", &[0, 32], Stored::F32, vec![])
        .wrong_value("`m.gguf`: key `token_embd.weight` is `of shape [0, 32]`, expected a matrix of at least one row");
    let mut none = plain.clone();
    none.tensors.remove("token_embd.weight");
    let (error, message) = none.refusal();
    assert!(matches!(error, LoadError::Format(FormatError::NoSuchTensor { .. })), "{error:?}");
    assert!(message.starts_with("`m.gguf` has no tensor `token_embd.weight`"), "{message}");

    let (error, message) = with("rope_freqs.weight", &[8], Stored::F32, vec![1.0; 8]).refusal();
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_eq!(message, "`m.gguf`: tensor `rope_freqs.weight` has shape [8], the config makes it [4]");
    for (factor, named) in [(0.0, "0"), (-2.0, "-2"), (f32::INFINITY, "inf"), (f32::NAN, "NaN")] {
        with("rope_freqs.weight", &[4], Stored::F32, vec![1.0, 1.0, factor, 1.0])
            .wrong_value(&format!("`m.gguf`: key `rope_freqs.weight[2]` is `{named}`, expected a number above 0"));
    }
    let (folder, path) = plain.written();
    let bytes = plain.bytes();
    for n in [0, 3, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..n]).unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, LoadError::Format(_)), "{error:?}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}
