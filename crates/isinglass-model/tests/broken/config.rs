//! Configurations with one thing wrong.

use std::error::Error as _;
use std::fs;

use isinglass_core::{Forward, Generate, Run, Sampler, TokenBatch};
use isinglass_model::LoadError;
use isinglass_testkit::values;
use serde_json::{Value, json};

use crate::{GPT2, Keys, LLAMA, SHARDED, configured, copy, load, refusal, with_key, wrong_shape, wrong_value};

#[test]
fn configs_that_are_none() {
    let folder = copy(LLAMA);
    let config = folder.path().join("config.json");
    fs::remove_file(&config).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, LoadError::NoModel { .. }), "{error:?}");
    let own = folder.path().display();
    let message = format!("`{own}` is no model: expected a directory with `config.json` in it");
    assert_eq!(error.to_string(), message);
    // The same of a file whose folder has no config.
    let error = load(&folder.path().join("model.safetensors")).unwrap_err();
    assert_eq!(error.to_string(), message);
    for (text, reason) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"a\": 1,}", "trailing comma at line 1 column 9"),
        ("[1]", "invalid type: sequence, expected a map at line 1 column 0"),
        ("3", "invalid type: integer `3`, expected a map at line 1 column 1"),
    ] {
        fs::write(&config, text).unwrap();
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::Json { .. }), "{error:?}");
        assert_eq!(message, "`config.json` is not a JSON object");
        assert_eq!(error.source().unwrap().to_string(), reason);
    }
    fs::write(&config, [b'"', 0xff, b'"']).unwrap();
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Io { .. }), "{error:?}");
    assert_eq!(message, "cannot read `config.json`");
    assert_eq!(error.source().unwrap().to_string(), "stream did not contain valid UTF-8");
    // Deep nesting ends in an error, not in the end of the stack.
    fs::write(&config, "{\"a\":".to_owned() + &"[".repeat(1_000_000)).unwrap();
    let (error, _) = refusal(folder.path());
    assert!(error.source().unwrap().to_string().starts_with("recursion limit exceeded"));
}

#[test]
fn unknown_keys_and_architectures() {
    for (fixture, family) in [(GPT2, "gpt2"), (LLAMA, "llama")] {
        let (error, message) = refusal(with_key(fixture, "logit_scale", json!(0.25)).path());
        assert!(matches!(error, LoadError::UnknownConfigKey { .. }), "{error:?}");
        let expected = format!(
            "`config.json`: {family} config key `logit_scale` (value `0.25`) is neither handled nor ignored: \
             it may change what the model computes"
        );
        assert_eq!(message, expected);
    }
    // A long value is cut.
    let (_, message) = refusal(with_key(LLAMA, "extra", json!("é".repeat(1000))).path());
    assert!(message.len() < 400 && message.contains("é…`) is neither"), "{message}");
    // Inside an object too, by its whole name.
    let mut scaling = scaling();
    scaling["attention_factor"] = json!(1.5);
    let (error, message) = refusal(with_key(LLAMA, "rope_scaling", scaling).path());
    assert!(matches!(error, LoadError::UnknownConfigKey { .. }), "{error:?}");
    assert!(message.contains("llama config key `rope_scaling.attention_factor` (value `1.5`) is"), "{message}");

    for (kind, named) in [(json!("mamba"), "mamba"), (json!(7), "7"), (json!(""), "")] {
        let (error, message) = refusal(with_key(LLAMA, "model_type", kind).path());
        assert!(matches!(error, LoadError::UnsupportedArchitecture { .. }), "{error:?}");
        let expected = format!(
            "`config.json`: architecture `{named}` is not supported: use one of `gemma`, `gemma2`, `gemma3`, \
             `gemma3_text`, `gpt2`, `gpt_neox`, `llama`, `mistral`, `phi`, `phi3`, `qwen2`, `qwen3` (key `model_type`)"
        );
        assert_eq!(message, expected);
    }
    for (fixture, key) in [(LLAMA, "model_type"), (LLAMA, "num_hidden_layers"), (GPT2, "n_embd")] {
        let (error, message) = refusal(with_key(fixture, key, Value::Null).path());
        assert!(matches!(error, LoadError::MissingConfigKey { .. }), "{error:?}");
        assert_eq!(message, format!("`config.json` lacks the key `{key}`"));
    }
}

#[test]
fn sizes_that_are_none() {
    for (value, named) in [
        (json!(0), "0"),
        (json!(-64), "-64"),
        (json!("64"), "\"64\""),
        (json!(1e18), "1e+18"),
        (json!(64.5), "64.5"),
        (json!([64]), "[64]"),
    ] {
        for (fixture, key) in [(LLAMA, "hidden_size"), (LLAMA, "vocab_size"), (GPT2, "n_positions")] {
            let message = format!("`config.json`: key `{key}` is `{named}`, expected a whole number of at least 1");
            wrong_value(fixture, key, value.clone(), &message);
        }
    }
    wrong_value(
        LLAMA,
        "num_key_value_heads",
        json!(3),
        "`config.json`: key `num_key_value_heads` is `3`, expected a divisor of num_attention_heads = 4",
    );
    wrong_value(
        LLAMA,
        "num_attention_heads",
        json!(6),
        "`config.json`: key `num_attention_heads` is `6`, expected a divisor of hidden_size = 64",
    );
    wrong_value(GPT2, "n_head", json!(5), "`config.json`: key `n_head` is `5`, expected a divisor of n_embd = 48");
    wrong_value(
        LLAMA,
        "head_dim",
        json!(15),
        "`config.json`: key `head_dim` is `15`, expected an even number, whose halves rotate",
    );
    // Heads of width 1, though nobody wrote a width.
    let (error, message) = refusal(
        configured(LLAMA, |keys| {
            keys.insert("num_attention_heads".into(), json!(64));
            keys.insert("num_key_value_heads".into(), json!(64));
        })
        .path(),
    );
    assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
    assert_eq!(message, "`config.json`: key `head_dim` is `1`, expected an even number, whose halves rotate");
}

/// Whatever a config claims is held against the tensors before anything of that size is made.
#[test]
fn absurd_sizes_cost_nothing() {
    const ABSURD: usize = 1_000_000_000_000_000_000;
    for (fixture, key, n_tensors) in
        [(LLAMA, "num_hidden_layers", 39), (GPT2, "n_layer", 43), (SHARDED, "num_hidden_layers", 20)]
    {
        for n in [1_000_000_000_000_000_usize, n_tensors + 1] {
            let message =
                format!("`config.json`: key `{key}` is `{n}`, expected at most the {n_tensors} tensors in the weights");
            wrong_value(fixture, key, json!(n), &message);
        }
    }
    wrong_shape(
        LLAMA,
        "hidden_size",
        json!(ABSURD),
        "`model.safetensors`: tensor `model.embed_tokens.weight` has shape [160, 64], \
         the config makes it [160, 1000000000000000000]",
    );
    for vocab in [161, ABSURD] {
        let message = format!(
            "`model.safetensors`: tensor `model.embed_tokens.weight` has shape [160, 64], \
             the config makes it [{vocab}, 64]"
        );
        wrong_shape(LLAMA, "vocab_size", json!(vocab), &message);
    }
    wrong_shape(
        SHARDED,
        "vocab_size",
        json!(95),
        "`model.safetensors.index.json`: tensor `model.embed_tokens.weight` has shape [96, 32], \
         the config makes it [95, 32]",
    );
    wrong_shape(
        LLAMA,
        "intermediate_size",
        json!(ABSURD),
        "`model.safetensors`: tensor `model.layers.0.mlp.up_proj.weight` has shape [112, 64], \
         the config makes it [1000000000000000000, 64]",
    );
    // 4 heads of this width overflow: the product must not wrap to something that a tensor can be.
    let overflowing = usize::MAX / 4 + 1;
    let message = format!(
        "`model.safetensors`: tensor `model.layers.0.self_attn.q_proj.weight` has shape [64, 64], \
         the config makes it [{}, 64]",
        usize::MAX
    );
    wrong_shape(LLAMA, "head_dim", json!(overflowing), &message);
    for n_ctx in [65, ABSURD] {
        let message =
            format!("`model.safetensors`: tensor `wpe.weight` has shape [64, 48], the config makes it [{n_ctx}, 48]");
        wrong_shape(GPT2, "n_positions", json!(n_ctx), &message);
    }
    // Rotary positions need no table, so a context is only a bound, also when text is generated.
    let long = load(with_key(LLAMA, "max_position_embeddings", json!(ABSURD)).path()).unwrap();
    assert_eq!(long.spec().n_ctx, ABSURD);
    let prompt = TokenBatch::one([5, 6, 7]).unwrap();
    let new = long.generate(&prompt, &Sampler::greedy(3).ignore_end(), ()).unwrap();
    assert_eq!(new[0].tokens.len(), 3);
    // And a wish for more text than the context holds takes no more memory than the context.
    let short = load(with_key(LLAMA, "max_position_embeddings", json!(6)).path()).unwrap();
    let batch = TokenBatch::new([vec![5, 6, 7], vec![8]]).unwrap();
    let new = short.generate(&batch, &Sampler::greedy(1 << 50).ignore_end(), ()).unwrap();
    assert_eq!([new[0].tokens.len(), new[1].tokens.len()], [4, 6]);
}

/// Whatever stands under a key, the folder is refused or the model runs.
#[test]
fn every_key_survives_every_value() {
    let absurd = [
        json!(0),
        json!(1),
        json!(3),
        json!(1_000_000_007),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(-1),
        json!(0.5),
        json!(1e-300),
        json!(1e-30),
        json!(1e30),
        json!(1e300),
        json!(true),
        json!(false),
        json!(""),
        json!("relu"),
        json!([]),
        json!([1, 2]),
        json!({}),
        json!({ "rope_type": "llama3" }),
        json!(null),
    ];
    let (mut loaded, mut refused) = (0, 0);
    for fixture in [GPT2, LLAMA] {
        let folder = copy(fixture);
        let path = folder.path().join("config.json");
        let keys: Keys = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let optional = ["n_inner", "head_dim", "tie_word_embeddings", "add_cross_attention"].map(String::from);
        let mut edits: Vec<Keys> = Vec::new();
        for key in keys.keys().cloned().chain(optional) {
            edits.extend(absurd.iter().map(|value| [(key.clone(), value.clone())].into_iter().collect()));
        }
        if fixture == LLAMA {
            for key in ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"] {
                edits.extend(absurd.iter().map(|value| {
                    let mut scaling = scaling();
                    scaling[key] = value.clone();
                    [("rope_scaling".to_owned(), scaling)].into_iter().collect()
                }));
            }
        }
        for edit in edits {
            let all: Keys = keys.clone().into_iter().chain(edit.clone()).collect();
            fs::write(&path, serde_json::to_vec(&all).unwrap()).unwrap();
            let Ok(model) = load(folder.path()) else {
                refused += 1;
                continue;
            };
            loaded += 1;
            let prompt = TokenBatch::one(vec![1; model.spec().n_ctx.min(3)]).unwrap();
            let logits = values(model.run(&prompt, ()).unwrap());
            assert!(logits.iter().all(|x| x.is_finite()), "{fixture}: {edit:?}");
        }
    }
    assert!(loaded > 100 && refused > 300, "{loaded} {refused}");
}

/// The rotary scaling of the fixture.
fn scaling() -> Value {
    json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    })
}

#[test]
fn rotary_scalings_that_are_not_built() {
    load(with_key(LLAMA, "rope_scaling", scaling()).path()).unwrap();
    let scaled = |edit: &dyn Fn(&mut Value), message: &str| {
        let mut scaling = scaling();
        edit(&mut scaling);
        wrong_value(LLAMA, "rope_scaling", scaling, message);
    };
    scaled(
        &|s| s["rope_type"] = json!("yarn"),
        "`config.json`: key `rope_scaling.rope_type` is `\"yarn\"`, expected `default`, `linear` or `llama3`",
    );
    wrong_value(
        LLAMA,
        "rope_scaling",
        json!({ "type": "dynamic", "factor": 2.0 }),
        "`config.json`: key `rope_scaling.type` is `\"dynamic\"`, expected `default`, `linear` or `llama3`",
    );
    wrong_value(
        LLAMA,
        "rope_scaling",
        json!("llama3"),
        "`config.json`: key `rope_scaling` is `\"llama3\"`, expected an object",
    );
    for (value, named) in [(json!(0), "0"), (json!(-8.0), "-8.0"), (json!("8"), "\"8\"")] {
        for (key, expected) in [
            ("factor", "a number of at least 1"),
            ("low_freq_factor", "a number above 0"),
            ("high_freq_factor", "a number above 0"),
        ] {
            scaled(
                &|s| s[key] = value.clone(),
                &format!("`config.json`: key `rope_scaling.{key}` is `{named}`, expected {expected}"),
            );
        }
        wrong_value(
            LLAMA,
            "rope_theta",
            value,
            &format!("`config.json`: key `rope_theta` is `{named}`, expected a number of at least 1"),
        );
    }
    scaled(
        &|s| s["high_freq_factor"] = json!(1.0),
        "`config.json`: key `rope_scaling.high_freq_factor` is `1.0`, expected a number above low_freq_factor = 1",
    );
    scaled(
        &|s| s["original_max_position_embeddings"] = json!(-1),
        "`config.json`: key `rope_scaling.original_max_position_embeddings` is `-1`, \
         expected a whole number of at least 1",
    );
    let mut short = scaling();
    short.as_object_mut().unwrap().shift_remove("factor");
    let (error, message) = refusal(with_key(LLAMA, "rope_scaling", short).path());
    assert!(matches!(error, LoadError::MissingConfigKey { .. }), "{error:?}");
    assert_eq!(message, "`config.json` lacks the key `rope_scaling.factor`");
    // Under both names, the two must agree.
    let mut other = scaling();
    load(with_key(LLAMA, "rope_parameters", other.clone()).path()).unwrap();
    other["factor"] = json!(4.0);
    let (error, message) = refusal(with_key(LLAMA, "rope_parameters", other).path());
    assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
    assert!(message.starts_with("`config.json`: key `rope_scaling` is `{\"factor\":8.0,"), "{message}");
    assert!(message.ends_with("`, expected what `rope_parameters` says"), "{message}");
}

#[test]
fn values_that_are_not_built() {
    wrong_value(
        LLAMA,
        "hidden_act",
        json!("mish"),
        "`config.json`: key `hidden_act` is `\"mish\"`, expected `silu`, `gelu`, `gelu_new` or `relu`",
    );
    wrong_value(
        GPT2,
        "activation_function",
        json!(true),
        "`config.json`: key `activation_function` is `true`, expected a text",
    );
    for (value, named) in [(json!(-1), "-1"), (json!("2"), "\"2\""), (json!([2, 1.5]), "[2,1.5]")] {
        let message = format!("`config.json`: key `eos_token_id` is `{named}`, expected a token id or a list of them");
        wrong_value(LLAMA, "eos_token_id", value.clone(), &message);
        wrong_value(GPT2, "eos_token_id", value.clone(), &message);
        let folder = copy(LLAMA);
        let generation = folder.path().join("generation_config.json");
        fs::write(generation, json!({ "eos_token_id": value }).to_string()).unwrap();
        let (error, found) = refusal(folder.path());
        assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
        assert_eq!(found, message.replace("config.json", "generation_config.json"));
    }
    wrong_value(
        GPT2,
        "scale_attn_by_inverse_layer_idx",
        json!(true),
        "`config.json`: key `scale_attn_by_inverse_layer_idx` is `true`, expected false",
    );
    wrong_value(
        GPT2,
        "scale_attn_weights",
        json!(false),
        "`config.json`: key `scale_attn_weights` is `false`, expected true",
    );
    wrong_value(
        LLAMA,
        "attention_bias",
        json!("no"),
        "`config.json`: key `attention_bias` is `\"no\"`, expected true or false",
    );
    wrong_value(
        LLAMA,
        "rms_norm_eps",
        json!(0.0),
        "`config.json`: key `rms_norm_eps` is `0.0`, expected a number above 0",
    );
}

#[test]
fn end_tokens_of_both_configs_are_heeded() {
    let folder = copy(LLAMA);
    fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [3, 9]}"#).unwrap();
    assert_eq!(load(folder.path()).unwrap().spec().end_tokens, [2, 3, 9]);
}
