//! GGUF files and wheels, made here from the fixtures' weights: what they compute, how they cut text, and how they are
//! refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests too")]

#[path = "gguf/architectures.rs"]
mod architectures;
#[path = "gguf/draft.rs"]
mod draft;
#[path = "gguf/refused.rs"]
mod refused;
#[path = "gguf/text.rs"]
mod text;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use half::f16;
use isinglass_core::{Forward, Run, TokenBatch, device};
use isinglass_formats::{FormatError, NewTensor, save_safetensors, sha256_bytes};
use isinglass_model::{LoadError, Model, ModelSource};
use isinglass_testkit::{Expected, assert_close, values};
use serde_json::json;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use self::draft::{Stored, config, draft, fixture, tensors};

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tolerances of the fixtures' logits, as in `parity.rs`.
const LOGITS: f32 = 5e-4;
const RTOL: f32 = 1e-4;

const LLAMA: &str = "llama31";
const SHARDED: &str = "llama_sharded_bf16";

/// Whatever loads can be inspected, and says the same of itself.
fn load(path: &Path) -> Result<Model, LoadError> {
    let model = Model::load(path.to_str().unwrap(), &device("cpu").unwrap())?;
    inspect(path.to_str().unwrap(), &model);
    Ok(model)
}

fn inspect(name: &str, model: &Model) {
    let found = Model::inspect(name).unwrap();
    assert_eq!((&found.name, &found.spec), (&model.spec().name, model.decoder_spec()), "{name}");
    assert_eq!(
        found.tokenizer.map(|t| t.vocab),
        model.tokenizer().ok().map(isinglass_model::Tokenizer::vocab_size),
        "{name}"
    );
    assert!(found.file.unwrap().n_elements >= found.parameters.total, "{name}");
}

fn logits(model: &Model, ids: Vec<u32>) -> Vec<f32> {
    values(model.run(&TokenBatch::one(ids).unwrap(), ()).unwrap())
}

/// The model gives the reference logits of both prompts.
#[track_caller]
fn assert_reference(model: &Model, fixture: &Path, what: &str) {
    let expected = Expected::in_folder(fixture);
    for p in ["p0", "p1"] {
        let actual = logits(model, expected.ids(&format!("{p}.input_ids")));
        let key = format!("{p}.logits");
        assert_close(&actual, &expected.floats(&key), LOGITS, RTOL, &format!("{what}: {key}"));
    }
}

/// The greatest distance of the first prompt's logits from the reference.
fn distance(model: &Model, fixture: &Path) -> f32 {
    let expected = Expected::in_folder(fixture);
    let actual = logits(model, expected.ids("p0.input_ids"));
    actual.iter().zip(expected.floats("p0.logits")).fold(0.0, |m, (a, e)| m.max((a - e).abs()))
}

#[test]
fn the_reference_logits_come_out() {
    for (name, stored) in [(LLAMA, Stored::F32), (SHARDED, Stored::F32), (SHARDED, Stored::Bf16)] {
        let folder = fixture(name);
        let model = draft(&folder).stored(stored).loaded();
        assert_reference(&model, &folder, &format!("{name} as {stored:?}"));
        let from_folder = load(&folder).unwrap();
        let (mut ours, theirs) = (model.spec().clone(), from_folder.spec().clone());
        assert_eq!(ours.name, "m");
        ours.name.clone_from(&theirs.name);
        assert_eq!(ours, theirs);
        assert_eq!(model.decoder_spec().tied, from_folder.decoder_spec().tied);
        assert_eq!(model.decoder_spec().norm, from_folder.decoder_spec().norm);
    }
}

#[test]
fn half_precision_is_read_exactly() {
    // Rounded to f16 in both: the same weights from either file.
    let round = |x: &f32| f16::from_f32(*x).to_f32();
    let folder = tempfile::tempdir().unwrap();
    let mut rounded = BTreeMap::new();
    for (name, (shape, values)) in tensors(&fixture(LLAMA)) {
        rounded.insert(name, NewTensor::new(shape, values.iter().map(round).collect::<Vec<_>>()));
    }
    fs::copy(fixture(LLAMA).join("config.json"), folder.path().join("config.json")).unwrap();
    save_safetensors(folder.path().join("model.safetensors"), &rounded, &BTreeMap::new()).unwrap();
    let half = draft(folder.path()).stored(Stored::F16).loaded();
    let ids = Expected::in_folder(&fixture(LLAMA)).ids("p1.input_ids");
    let expected = logits(&load(folder.path()).unwrap(), ids.clone());
    assert_close(&logits(&half, ids), &expected, 1e-5, 1e-5, "f16");
}

/// What the parity rests on: the order of rows, and the factors.
#[test]
fn rows_and_factors_matter() {
    let folder = fixture(LLAMA);
    let right = draft(&folder);
    assert!(distance(&right.loaded(), &folder) < LOGITS);
    let mut unscaled = right.clone();
    unscaled.tensors.remove("rope_freqs.weight");
    assert!(distance(&unscaled.loaded(), &folder) > 0.01);
    for part in ["attn_q", "attn_k"] {
        let mut plain = right.clone();
        let name = format!("blk.0.{part}.weight");
        let (_, values) = tensors(&folder)[&format!("model.layers.0.self_attn.{}_proj.weight", &part[5..])].clone();
        plain.tensors.get_mut(&name).unwrap().2 = values;
        assert!(distance(&plain.loaded(), &folder) > 0.01, "{part}");
    }
}

#[test]
fn biases_are_read_and_reordered_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&fixture(LLAMA));
    config["attention_bias"] = json!(true);
    config["mlp_bias"] = json!(true);
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut all = BTreeMap::new();
    for (name, (shape, values)) in tensors(&fixture(LLAMA)) {
        if name.contains("_proj") {
            let bias: Vec<f32> = (0..shape[0]).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.01).collect();
            all.insert(name.replace("weight", "bias"), NewTensor::new([shape[0]], bias));
        }
        all.insert(name, NewTensor::new(shape, values));
    }
    save_safetensors(folder.path().join("model.safetensors"), &all, &BTreeMap::new()).unwrap();
    let expected = load(folder.path()).unwrap();
    let model = draft(folder.path()).loaded();
    assert!(model.decoder_spec().biases.qkv && model.decoder_spec().biases.attn_out && model.decoder_spec().biases.mlp);
    let ids = vec![89, 57, 57, 66, 110];
    let biased = logits(&model, ids.clone());
    assert_close(&biased, &logits(&expected, ids.clone()), 1e-4, 1e-5, "with biases");
    let plain = logits(&load(&fixture(LLAMA)).unwrap(), ids);
    assert!(biased.iter().zip(&plain).any(|(a, b)| (a - b).abs() > 0.1), "the biases matter");
}

/// A zip of these members.
fn zipped(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn every_kind_of_source_gives_the_same_model() {
    let fixture = fixture(LLAMA);
    let folder = tempfile::tempdir().unwrap();
    let bytes = draft(&fixture).bytes();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.gguf"), &bytes).unwrap();
    let members: [(&str, &[u8]); 3] = [("p/__init__.py", b"pass"), ("p/inner.gguf", &bytes), ("p/LICENSE", b"")];
    for (name, method) in [
        ("stored-1.0-py3-none-any.whl", CompressionMethod::Stored),
        ("deflated-1.0-py3-none-any.whl", CompressionMethod::Deflated),
        ("deflated.zip", CompressionMethod::Deflated),
    ] {
        fs::write(at(name), zipped(&members, method)).unwrap();
    }
    for (path, name, kind) in [
        (at("a.gguf"), "a", "Gguf"),
        (at("stored-1.0-py3-none-any.whl"), "stored-1.0-py3-none-any", "Wheel"),
        (at("deflated-1.0-py3-none-any.whl"), "deflated-1.0-py3-none-any", "Wheel"),
        (at("deflated.zip"), "deflated", "Wheel"),
        (fixture.join("model.safetensors"), LLAMA, "Safetensors"),
        (fixture.clone(), LLAMA, "Folder"),
    ] {
        let source = ModelSource::parse(path.to_str().unwrap()).unwrap();
        assert!(format!("{source:?}").starts_with(kind), "{source:?}");
        let model = Model::open(&source, &device("cpu").unwrap()).unwrap();
        assert_eq!(model.spec().name, name);
        assert!(!model.is_random());
        assert_reference(&model, &fixture, name);
        // A wheel's weights are those of the GGUF inside, whatever it is wrapped in.
        if kind == "Gguf" || kind == "Wheel" {
            assert_eq!(model.weights_sha256().unwrap(), sha256_bytes(&bytes), "{name}");
        }
    }
    let several = [("a.gguf", &bytes[..]), ("b.gguf", &bytes[..])];
    for (members, expected) in [(&several[..], "several"), (&[("a.txt", &b""[..])][..], "no `.gguf`")] {
        fs::write(at("m.whl"), zipped(members, CompressionMethod::Stored)).unwrap();
        let error = load(&at("m.whl")).unwrap_err();
        assert!(
            matches!(error, LoadError::Format(FormatError::SeveralGgufs { .. } | FormatError::NoGguf { .. })),
            "{error:?}"
        );
        assert!(error.to_string().contains(&format!("m.whl` holds {expected}")), "{error}");
    }
}

/// Set in the child process that plays a user with a cache.
const CHILD: &str = "ISINGLASS_TEST_HUB_ID";

#[test]
fn hub_ids_load_from_the_cache_of_the_environment() {
    if let Ok(id) = env::var(CHILD) {
        let cpu = device("cpu").unwrap();
        let model = Model::load(&id, &cpu).unwrap();
        inspect(&id, &model);
        assert_eq!(model.spec().name, "name-1.0");
        assert_reference(&model, &fixture(SHARDED), &id);
        let error = Model::load("org/other", &cpu).unwrap_err().to_string();
        let looked = env::var("HF_HUB_CACHE").or_else(|_| env::var("HF_HOME").map(|home| format!("{home}/hub")));
        let looked = looked.unwrap();
        let said = if cfg!(feature = "hub") {
            format!("is not complete in the cache `{looked}` and HF_HUB_OFFLINE is set")
        } else {
            format!("is in the local cache (looked in `{looked}`)")
        };
        assert!(error.contains(&said), "{error}");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join("hub");
    let repository = cache.join("models--org--name-1.0");
    let snapshot = repository.join("snapshots/0123abc");
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), "0123abc").unwrap();
    for entry in fs::read_dir(fixture(SHARDED)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, snapshot.join(path.file_name().unwrap())).unwrap();
    }
    for (variable, folder) in [("HF_HUB_CACHE", cache.as_path()), ("HF_HOME", home.path())] {
        for id in ["org/name-1.0", "org/name-1.0@0123abc"] {
            let mut child = Command::new(env::current_exe().unwrap());
            child.args(["--exact", "hub_ids_load_from_the_cache_of_the_environment"]);
            for other in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"] {
                child.env_remove(other);
            }
            let output = child.env(variable, folder).env("HF_HUB_OFFLINE", "1").env(CHILD, id).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{variable} {id}: {text}");
        }
    }
}
