//! Model folders with one thing wrong: each is refused, by the file, the key or tensor, and what would be right.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests too")]

#[path = "broken/config.rs"]
mod config;
#[path = "broken/text.rs"]
mod text;
#[path = "broken/weights.rs"]
mod weights;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use isinglass_core::device;
use isinglass_formats::{NewTensor, Safetensors, TensorFile, save_safetensors};
use isinglass_model::{LoadError, Model};
use isinglass_testkit::in_root;
use serde_json::{Map, Value};
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
    let error = load(folder).unwrap_err();
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
        if value.is_null() {
            keys.shift_remove(key)
        } else {
            keys.insert(key.into(), value)
        };
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
