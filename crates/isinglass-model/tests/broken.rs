//! Model folders with one thing wrong: each is refused, by the file, the key or tensor, and what would be right.
//!
//! Long because each way of being wrong is a case with its whole message.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::Path;

use isinglass_core::{Forward, Generate, Run, RunError, Sampler, TokenBatch, device};
use isinglass_formats::{FormatError, NewTensor, Safetensors, TensorFile, save_safetensors};
use isinglass_model::{LoadError, Message, Model, TextError};
use isinglass_testkit::in_root;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const GPT2: &str = "gpt2";
const LLAMA: &str = "llama31";
const SHARDED: &str = "llama_sharded_bf16";

type Keys = Map<String, Value>;
type Tensors = BTreeMap<String, NewTensor<'static>>;

/// A copy of a fixture's model.
fn copy(fixture: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(in_root("models").unwrap().join(fixture)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "config.json" || name.starts_with("model") {
            fs::copy(&path, copy.path().join(name)).unwrap();
        }
    }
    copy
}

fn load(folder: &Path) -> Result<Model, LoadError> {
    Model::load(folder.to_str().unwrap(), &device("cpu").unwrap())
}

/// What is said of a folder that cannot be loaded, without the folder's own path.
#[track_caller]
fn refusal(folder: &Path) -> (LoadError, String) {
    let error = load(folder).expect_err("it must be refused");
    let message = error.to_string().replace(&format!("{}/", folder.display()), "");
    (error, message)
}

/// A copy of a fixture whose `config.json` was edited.
fn configured(fixture: &str, edit: impl FnOnce(&mut Keys)) -> TempDir {
    let folder = copy(fixture);
    let path = folder.path().join("config.json");
    let mut keys: Keys = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut keys);
    fs::write(path, serde_json::to_vec(&keys).unwrap()).unwrap();
    folder
}

/// A copy of a fixture with one key of its config set; null removes it.
fn with_key(fixture: &str, key: &str, value: Value) -> TempDir {
    configured(fixture, |keys| {
        if value.is_null() { keys.shift_remove(key) } else { keys.insert(key.into(), value) };
    })
}

/// A copy of a fixture whose `model.safetensors` was rewritten.
fn rewritten(fixture: &str, edit: impl FnOnce(&mut Tensors)) -> TempDir {
    let folder = copy(fixture);
    let path = folder.path().join("model.safetensors");
    let mut tensors = Tensors::new();
    {
        let file = Safetensors::open(&path).unwrap();
        for name in file.names() {
            let view = file.get(name).unwrap();
            tensors.insert(name.into(), NewTensor::new(view.shape(), view.to_f32().unwrap()));
        }
    }
    edit(&mut tensors);
    save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
    folder
}

/// The refusal of a fixture with one key set is a [`LoadError::ConfigValue`] of this message.
#[track_caller]
fn wrong_value(fixture: &str, key: &str, value: Value, message: &str) {
    let (error, found) = refusal(with_key(fixture, key, value).path());
    assert!(matches!(error, LoadError::ConfigValue { .. }), "{error:?}");
    assert_eq!(found, message);
}

/// The refusal of a fixture with one key set is a [`LoadError::Shape`] of this message.
#[track_caller]
fn wrong_shape(fixture: &str, key: &str, value: Value, message: &str) {
    let (error, found) = refusal(with_key(fixture, key, value).path());
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_eq!(found, message);
}

#[test]
fn unedited_copies_load() {
    for fixture in [GPT2, LLAMA, SHARDED] {
        load(configured(fixture, |_| ()).path()).unwrap();
    }
    load(rewritten(LLAMA, |_| ()).path()).unwrap();
    // A key without a value is a key that is not there.
    load(configured(GPT2, |keys| drop(keys.insert("n_inner".into(), Value::Null))).path()).unwrap();
}

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
            "`config.json`: architecture `{named}` is not supported: use one of `gpt2`, `llama` (key `model_type`)"
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
        (json!(1e18), "1000000000000000000.0"),
        (json!(64.5), "64.5"),
        (json!([64]), "[64]"),
    ] {
        for (fixture, key) in [(LLAMA, "hidden_size"), (LLAMA, "vocab_size"), (GPT2, "n_positions")] {
            let message =
                format!("`config.json`: key `{key}` is `{named}`, expected a whole number of at least 1");
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
    wrong_value(
        GPT2,
        "n_head",
        json!(5),
        "`config.json`: key `n_head` is `5`, expected a divisor of n_embd = 48",
    );
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
        [(LLAMA, "num_hidden_layers", 39), (GPT2, "n_layer", 40), (SHARDED, "num_hidden_layers", 20)]
    {
        for n in [1_000_000_000_000_000, n_tensors + 1] {
            let message = format!(
                "`config.json`: key `{key}` is `{n}`, expected at most the {n_tensors} tensors in the weights"
            );
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
        let message = format!(
            "`model.safetensors`: tensor `wpe.weight` has shape [64, 48], the config makes it [{n_ctx}, 48]"
        );
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
        "`config.json`: key `rope_scaling.rope_type` is `\"yarn\"`, expected `default` or `llama3`",
    );
    wrong_value(
        LLAMA,
        "rope_scaling",
        json!({ "type": "linear", "factor": 2.0 }),
        "`config.json`: key `rope_scaling.type` is `\"linear\"`, expected `default` or `llama3`",
    );
    wrong_value(
        LLAMA,
        "rope_scaling",
        json!("llama3"),
        "`config.json`: key `rope_scaling` is `\"llama3\"`, expected an object",
    );
    for (value, named) in [(json!(0), "0"), (json!(-8.0), "-8.0"), (json!("8"), "\"8\"")] {
        for key in ["factor", "low_freq_factor", "high_freq_factor"] {
            scaled(
                &|s| s[key] = value.clone(),
                &format!("`config.json`: key `rope_scaling.{key}` is `{named}`, expected a number above 0"),
            );
        }
        wrong_value(
            LLAMA,
            "rope_theta",
            value,
            &format!("`config.json`: key `rope_theta` is `{named}`, expected a number above 0"),
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
        let message =
            format!("`config.json`: key `eos_token_id` is `{named}`, expected a token id or a list of them");
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

#[test]
fn tensors_that_are_missing_or_too_many() {
    for name in ["lm_head.weight", "model.norm.weight", "model.layers.3.mlp.up_proj.weight"] {
        let folder = rewritten(LLAMA, |tensors| drop(tensors.remove(name)));
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
        let expected =
            format!("`model.safetensors` lacks the tensor `{name}` that a llama model of this config needs");
        assert_eq!(message, expected);
    }
    // One layer more than there is.
    let (error, message) = refusal(with_key(LLAMA, "num_hidden_layers", json!(5)).path());
    assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
    assert!(message.contains("lacks the tensor `model.layers.4."), "{message}");
    // Biases that the config speaks of and the file does not have.
    let (error, message) = refusal(with_key(LLAMA, "attention_bias", json!(true)).path());
    assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
    assert!(message.contains("lacks the tensor `model.layers.0.self_attn.q_proj.bias`"), "{message}");

    let extra = rewritten(LLAMA, |tensors| {
        for name in ["model.layers.0.self_attn.q_norm.weight", "model.zzz"] {
            tensors.insert(name.into(), NewTensor::new([2], vec![1.0_f32, 1.0]));
        }
    });
    let (error, message) = refusal(extra.path());
    assert!(matches!(error, LoadError::ExtraTensors { n: 2, .. }), "{error:?}");
    let expected = "`model.safetensors` holds tensors that a llama model of this config has no place for: \
                    `model.layers.0.self_attn.q_norm.weight` is the first of 2";
    assert_eq!(message, expected);
    // One layer less than there is.
    let (error, message) = refusal(with_key(SHARDED, "num_hidden_layers", json!(1)).path());
    assert!(matches!(error, LoadError::ExtraTensors { n: 9, .. }), "{error:?}");
    assert!(message.starts_with("`model.safetensors.index.json` holds tensors that a llama"), "{message}");
    // Buffers and the copy of a tied matrix are no surprise.
    let buffers = rewritten(GPT2, |tensors| {
        tensors.insert("h.0.attn.bias".into(), NewTensor::new([1, 1, 2, 2], vec![1_i64; 4]));
        tensors.insert("h.0.attn.masked_bias".into(), NewTensor::new([], vec![-1e4_f32]));
        tensors.insert("lm_head.weight".into(), tensors["wte.weight"].clone());
    });
    load(buffers.path()).unwrap();
    let buffers = rewritten(LLAMA, |tensors| {
        let name = "model.layers.0.self_attn.rotary_emb.inv_freq";
        tensors.insert(name.into(), NewTensor::new([1], vec![1.0_f32]));
    });
    load(buffers.path()).unwrap();
}

#[test]
fn tensors_of_the_wrong_shape_or_type() {
    let name = "model.layers.1.mlp.down_proj.weight";
    for shape in [vec![112, 64], vec![64 * 112], vec![1, 64, 112]] {
        let folder = rewritten(LLAMA, |tensors| {
            let values = tensors[name].values.clone();
            tensors.insert(name.into(), NewTensor { shape: shape.clone(), values });
        });
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
        let expected = format!(
            "`model.safetensors`: tensor `{name}` has shape {shape:?}, the config makes it [64, 112]"
        );
        assert_eq!(message, expected);
    }
    let integers = rewritten(LLAMA, |tensors| {
        tensors.insert(name.into(), NewTensor::new([64, 112], vec![1_i64; 64 * 112]));
    });
    let (error, message) = refusal(integers.path());
    assert!(matches!(error, LoadError::Dtype { .. }), "{error:?}");
    let expected = format!(
        "`model.safetensors`: tensor `{name}` has dtype `i64`, a weight must be a float or a quantised float"
    );
    assert_eq!(message, expected);
}

#[test]
fn weights_that_are_not_finite() {
    for (fixture, name) in [(LLAMA, "model.layers.2.self_attn.k_proj.weight"), (GPT2, "h.1.mlp.c_fc.bias")] {
        for (value, named) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let folder = rewritten(fixture, |tensors| {
                let tensor = tensors.get_mut(name).unwrap();
                let isinglass_formats::Values::F32(values) = &mut tensor.values else { panic!("{name}") };
                // The first of two counts.
                values.to_mut()[77] = value;
                values.to_mut()[80] = f32::NAN;
            });
            let (error, message) = refusal(folder.path());
            assert!(matches!(error, LoadError::NotFinite { index: 77, .. }), "{error:?}");
            let expected = format!(
                "`model.safetensors`: tensor `{name}` holds `{named}` at element 77: weights must be finite"
            );
            assert_eq!(message, expected);
        }
    }
}

/// The refusal of a fixture whose weights are these bytes.
#[track_caller]
fn of_bytes(edit: impl FnOnce(&mut Vec<u8>)) -> (FormatError, String) {
    let folder = copy(LLAMA);
    let path = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    edit(&mut bytes);
    fs::write(&path, bytes).unwrap();
    match refusal(folder.path()) {
        (LoadError::Format(error), message) => (error, message),
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn files_that_are_damaged() {
    let (error, message) = of_bytes(|bytes| bytes.truncate(bytes.len() - 1));
    assert!(matches!(error, FormatError::OutsideFile { .. }), "{error:?}");
    assert!(message.contains("of `model.safetensors` takes bytes"), "{message}");
    let (error, message) = of_bytes(|bytes| bytes.truncate(100));
    assert!(matches!(error, FormatError::HeaderLength { room: 92, .. }), "{error:?}");
    assert!(message.starts_with("`model.safetensors` declares a header of"), "{message}");
    let (error, message) = of_bytes(|bytes| bytes[..8].fill(0xff));
    assert!(matches!(error, FormatError::HeaderLength { found: u64::MAX, .. }), "{error:?}");
    assert!(message.contains("a header of 18446744073709551615 bytes"), "{message}");
    let (error, message) = of_bytes(Vec::clear);
    assert!(matches!(error, FormatError::Empty { .. }), "{error:?}");
    assert_eq!(message, "`model.safetensors` is empty; copy or download it again");
    let (error, message) = of_bytes(|bytes| bytes[8] = b'?');
    assert!(matches!(error, FormatError::Header { .. }), "{error:?}");
    assert_eq!(message, "the header of `model.safetensors` is not that of a safetensors file");
    let (error, message) = of_bytes(|bytes| {
        let at = bytes.windows(5).position(|w| w == b"\"F32\"").unwrap();
        bytes[at..at + 5].copy_from_slice(b"\"F9\" ");
    });
    assert!(matches!(error, FormatError::UnknownDtype { .. }), "{error:?}");
    assert!(message.contains("of `model.safetensors` has dtype `F9`, which cannot be read"), "{message}");
}

#[test]
fn shards_that_do_not_fit() {
    let format = |folder: &TempDir| match refusal(folder.path()) {
        (LoadError::Format(error), message) => (error, message),
        (other, _) => panic!("{other:?}"),
    };
    let folder = copy(SHARDED);
    fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    let (error, message) = format(&folder);
    assert!(matches!(error, FormatError::MissingShard { .. }), "{error:?}");
    let expected = "`model.safetensors.index.json` names the shard `model-00002-of-00002.safetensors`, \
                    which is not beside it; download it too";
    assert_eq!(message, expected);

    let indexed = |edit: &dyn Fn(&mut Keys)| {
        let folder = copy(SHARDED);
        let path = folder.path().join("model.safetensors.index.json");
        let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(index["weight_map"].as_object_mut().unwrap());
        fs::write(path, index.to_string()).unwrap();
        folder
    };
    let first = json!("model-00001-of-00002.safetensors");
    let (error, message) = format(&indexed(&|map| drop(map.insert("model.extra".into(), first.clone()))));
    assert!(matches!(error, FormatError::NotInShard { .. }), "{error:?}");
    let expected = "`model.safetensors.index.json` places tensor `model.extra` in the shard \
                    `model-00001-of-00002.safetensors`, which has none of that name";
    assert_eq!(message, expected);
    let (error, message) = format(&indexed(&|map| {
        map.insert("model.norm.weight".into(), json!("../model-00001-of-00002.safetensors"));
    }));
    assert!(matches!(error, FormatError::ShardName { .. }), "{error:?}");
    assert!(message.contains("a shard must be the plain name of a `.safetensors` file"), "{message}");
    let (error, message) = refusal(indexed(&|map| drop(map.shift_remove("model.norm.weight"))).path());
    assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
    let expected = "`model.safetensors.index.json` lacks the tensor `model.norm.weight` that a llama model of this \
                    config needs";
    assert_eq!(message, expected);

    let folder = copy(SHARDED);
    fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, LoadError::NoModel { .. }), "{error:?}");
    let expected = format!(
        "`{}` is no model: expected a directory with `model.safetensors` or `model.safetensors.index.json` in it",
        folder.path().display()
    );
    assert_eq!(error.to_string(), expected);
    // One shard, named as if it were the model.
    let (error, _) = refusal(&folder.path().join("model-00002-of-00002.safetensors"));
    assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
}

/// A byte-level `tokenizer.json` with `a`, `b` and their pair.
fn tokenizer() -> Value {
    json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 9 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<s>",
        },
        "added_tokens": [{
            "id": 0, "content": "<s>", "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        }],
        "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": { "<s>": 0, "a": 1, "b": 2, "ab": 3, "Ġ": 4 }, "merges": ["a b"],
        },
    })
}

#[test]
fn tokenizers_that_cannot_be_read() {
    let folder = copy(LLAMA);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("tokenizer.json", &tokenizer().to_string());
    let model = load(folder.path()).unwrap();
    // Cutting and filling up are left over from training.
    assert_eq!(model.tokenizer().unwrap().encode("ab a b", isinglass_model::Specials::Add).unwrap(), [3, 4, 1, 4, 2]);
    assert!(matches!(model.tokenize_chat(&[Message::user("a")]), Err(TextError::NoChatTemplate { .. })));

    write("tokenizer_config.json", r#"{"chat_template": "{% for m in %}", "bos_token": {"content": "<s>"}}"#);
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
    let start = "`tokenizer_config.json`: the tokenizer cannot be read: chat template: ";
    assert!(message.starts_with(start), "{message}");
    write("chat_template.jinja", "{{ unclosed");
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
    assert!(message.starts_with("`chat_template.jinja`: the tokenizer cannot be read: "), "{message}");
    write("chat_template.jinja", "{{ bos_token }}{{ messages[0].content }}");
    let model = load(folder.path()).unwrap();
    assert_eq!(model.tokenize_chat(&[Message::user("ab")]).unwrap().row(0), [0, 3]);
    assert!(matches!(model.tokenize_chat(&[]), Err(TextError::Chat(_)) | Ok(_)));

    write("tokenizer_config.json", "[]");
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Json { .. }), "{error:?}");
    assert_eq!(message, "`tokenizer_config.json` is not a JSON object");
    for broken in ["", "{}", r#"{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": ["x y"]}}"#] {
        write("tokenizer.json", broken);
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
        assert!(message.starts_with("`tokenizer.json`: the tokenizer cannot be read: "), "{message}");
    }
}

#[test]
fn prompts_that_cannot_be_run() {
    for (fixture, vocab, n_ctx) in [(GPT2, 160, 64), (LLAMA, 160, 512)] {
        let folder = copy(fixture);
        let model = load(folder.path()).unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        let run = |rows: Vec<Vec<u32>>| {
            let batch = TokenBatch::new(rows).unwrap();
            let error = model.run(&batch, ()).unwrap_err();
            assert_eq!(model.generate(&batch, &Sampler::greedy(1), ()).unwrap_err(), error);
            error
        };
        for id in [vocab, u32::MAX] {
            let error = run(vec![vec![1], vec![3, 5, id]]);
            assert!(matches!(error, RunError::TokenOutOfRange { .. }), "{error:?}");
            let expected = format!(
                "token id {id} at position 2 of row 1 is outside the vocabulary of `{name}`: ids go from 0 to {}",
                vocab - 1
            );
            assert_eq!(error.to_string(), expected);
        }
        let error = run(vec![vec![1; n_ctx + 1]]);
        assert!(matches!(error, RunError::PastContext { .. }), "{error:?}");
        let expected = format!("row 0 has {} tokens, the context of `{name}` holds {n_ctx}: shorten it", n_ctx + 1);
        assert_eq!(error.to_string(), expected);
        model.run_last(&TokenBatch::one(vec![1; n_ctx]).unwrap(), ()).unwrap();

        let no_tokenizer = format!(
            "model `{name}` came without a tokenizer: give token ids, or put `tokenizer.json` beside its weights"
        );
        let errors = [
            model.tokenize(["text"]).unwrap_err(),
            model.tokenize_chat(&[Message::user("text")]).unwrap_err(),
            model.text(&[1]).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, TextError::NoTokenizer { .. }), "{error:?}");
            assert_eq!(error.to_string(), no_tokenizer);
        }
    }
    assert_eq!(TokenBatch::one([]).unwrap_err().to_string(), "row 0 is empty: a prompt needs at least one token");
    let tiny = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let error = tiny.tokenize(["a", ""]).unwrap_err();
    assert!(matches!(error, TextError::NoTokens { index: 1 }), "{error:?}");
    assert_eq!(error.to_string(), "text 1 gives no tokens: a prompt needs at least one");
    let error = tiny.tokenize(Vec::<String>::new()).unwrap_err();
    assert!(matches!(error, TextError::NoTexts), "{error:?}");
    assert_eq!(error.to_string(), "no texts were given");
}
