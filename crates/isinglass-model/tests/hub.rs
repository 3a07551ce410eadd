//! A model by its name on a hub: downloaded, loaded, run. The hub is played on this machine; no network.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "../../isinglass-formats/tests/support/hub.rs"]
mod local;

use std::fs;
use std::path::Path;

use isinglass_core::{Forward, Run, TokenBatch, device};
use isinglass_formats::hub::{HubConfig, HubError};
use isinglass_model::{LoadError, Model, ModelSource};
use local::Hub;

#[test]
fn a_sharded_model_is_loaded_by_its_name() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models/llama_sharded_bf16");
    let files: Vec<_> = fs::read_dir(&fixture)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    let files: Vec<_> = files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    let hub = Hub::new("org/Llama-tiny", &files);
    let cache = tempfile::tempdir().unwrap();
    let config = hub.config(cache.path());
    let device = device("cpu").unwrap();

    let source = ModelSource::parse_with("org/Llama-tiny@main", &config).unwrap();
    assert!(matches!(source, ModelSource::Hub(_)), "{source:?}");
    // What it is can be seen before its weights are fetched.
    let description = source.describe(&config).unwrap();
    let inspected = Model::inspect_at(&description).unwrap();
    assert_eq!((inspected.name.as_str(), inspected.file), ("Llama-tiny", None));
    let source = ModelSource::parse_with("org/Llama-tiny@main", &config).unwrap();
    assert!(matches!(source, ModelSource::Hub(_)), "{source:?}");
    let mut fetched = Vec::new();
    let folder = source
        .fetch(&config, |progress| {
            if progress.done == progress.total {
                fetched.push(progress.file.to_owned());
            }
        })
        .unwrap();
    assert!(!fetched.contains(&"config.json".into()), "fetched before: {fetched:?}");
    assert_eq!(fetched.iter().filter(|file| file.ends_with(".safetensors")).count(), 2, "{fetched:?}");
    let model = Model::open(&folder, &device).unwrap();
    assert_eq!(model.spec().name, "Llama-tiny");

    // The same model as from its folder, in the same bits.
    let local = Model::load(fixture.to_str().unwrap(), &device).unwrap();
    let batch = TokenBatch::one(vec![1, 2, 3]).unwrap();
    let logits = |model: &Model| model.run(&batch, ()).unwrap().into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(logits(&model), logits(&local));
    assert_eq!(model.weights_sha256().unwrap(), local.weights_sha256().unwrap());

    // Once it is there, its name is a folder, and nothing is asked.
    hub.asked();
    assert_eq!(ModelSource::parse_with("org/Llama-tiny", &config).unwrap(), folder);
    assert!(hub.asked().is_empty());
}

#[test]
fn a_model_that_cannot_be_had_says_why() {
    let hub = Hub::new("org/name", &[]);
    let cache = tempfile::tempdir().unwrap();
    let fetch = |name: &str, config: &HubConfig| {
        ModelSource::parse_with(name, config).and_then(|source| source.fetch(config, |_| {})).unwrap_err()
    };
    let online = hub.config(cache.path());
    let error = fetch("org/other", &online);
    assert!(matches!(error, LoadError::Hub(HubError::NoRepository { .. })), "{error:?}");
    let error = fetch("org/name", &online);
    assert!(matches!(error, LoadError::Hub(HubError::NotAModel { file: "config.json", .. })), "{error:?}");
    let offline = HubConfig { offline: true, ..online };
    let error = fetch("org/name", &offline);
    assert!(matches!(error, LoadError::Hub(HubError::Offline { .. })), "{error:?}");
    assert!(matches!(fetch("name", &offline), LoadError::NotFound { .. }));
}
