//! Weights with one thing wrong.

use std::fs;

use isinglass_formats::{FormatError, NewTensor, Values};
use isinglass_model::LoadError;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{GPT2, Keys, LLAMA, SHARDED, copy, load, refusal, rewritten, with_key};

#[test]
fn tensors_that_are_missing_or_too_many() {
    for name in ["lm_head.weight", "model.norm.weight", "model.layers.3.mlp.up_proj.weight"] {
        let folder = rewritten(LLAMA, |tensors| drop(tensors.remove(name)));
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::MissingTensor { .. }), "{error:?}");
        let expected = format!("`model.safetensors` lacks the tensor `{name}` that a llama model of this config needs");
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
        let expected =
            format!("`model.safetensors`: tensor `{name}` has shape {shape:?}, the config makes it [64, 112]");
        assert_eq!(message, expected);
    }
    let integers = rewritten(LLAMA, |tensors| {
        tensors.insert(name.into(), NewTensor::new([64, 112], vec![1_i64; 64 * 112]));
    });
    let (error, message) = refusal(integers.path());
    assert!(matches!(error, LoadError::Dtype { .. }), "{error:?}");
    let expected =
        format!("`model.safetensors`: tensor `{name}` has dtype `i64`, a weight must be a float or a quantised float");
    assert_eq!(message, expected);
}

#[test]
fn weights_that_are_not_finite() {
    for (fixture, name) in [(LLAMA, "model.layers.2.self_attn.k_proj.weight"), (GPT2, "h.1.mlp.c_fc.bias")] {
        for (value, named) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let folder = rewritten(fixture, |tensors| {
                let tensor = tensors.get_mut(name).unwrap();
                let Values::F32(values) = &mut tensor.values else { panic!("{name}") };
                // The first of two counts.
                values.to_mut()[77] = value;
                values.to_mut()[80] = f32::NAN;
            });
            let (error, message) = refusal(folder.path());
            assert!(matches!(error, LoadError::NotFinite { index: 77, .. }), "{error:?}");
            let expected =
                format!("`model.safetensors`: tensor `{name}` holds `{named}` at element 77: weights must be finite");
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
