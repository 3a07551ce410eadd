//! Inspection without weights: known models' sizes, what is in a folder, what is refused; prints docs/MODELS.md's table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use isinglass_core::{Forward, device};
use isinglass_model::{Inspection, Model};
use isinglass_testkit::{folders, own};
use serde_json::Value;

/// An inspection of a folder with only this config.
fn of_config(config: &Value) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    Model::inspect(folder.path().to_str().unwrap()).unwrap_or_else(|e| panic!("{e}: {config}"))
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

fn kibibytes(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

/// Parameter counts are those the models' publishers state, and the table in docs/MODELS.md is the one computed.
#[test]
fn known_models_have_their_published_size_and_the_table_is_theirs() {
    let configs: Vec<Value> = serde_json::from_str(include_str!("inspect/configs.json")).unwrap();
    assert_eq!(configs.len(), 19);
    let mut table = "| model | parameters | weights f32 | weights bf16, f16 | KV per token f32 | KV per token bf16, f16 | context | \
        KV at full context f32 | resid_post of all layers per token f32 |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n"
        .to_owned();
    for known in &configs {
        let (name, found) = (known["name"].as_str().unwrap(), of_config(&known["config"]));
        let total = found.parameters.total;
        if let Some(published) = known["published"].as_u64() {
            assert_eq!(total, published, "{name}");
        } else {
            let rest = (total - found.parameters.embedding + 500_000) / 1_000_000;
            assert_eq!(rest, known["published_without_embedding_millions"].as_u64().unwrap(), "{name}");
        }
        let [single, half, other_half] = &found.memory[..] else { panic!("{:?}", found.memory) };
        assert_eq!((half.weights, half.kv_per_token), (other_half.weights, other_half.kv_per_token));
        let [weights, halved, full] = [single.weights, half.weights, single.kv_full_context].map(gibibytes);
        let [kv, kv_half, resid] = [single.kv_per_token, half.kv_per_token, single.resid_post_per_token].map(kibibytes);
        let context = found.spec.n_ctx;
        writeln!(
            table,
            "| {name} | {total} | {weights} | {halved} | {kv} | {kv_half} | {context} | {full} | {resid} |"
        )
        .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/MODELS.md");
    let document = fs::read_to_string(&path).unwrap();
    if env::var_os("ISINGLASS_UPDATE").is_some() {
        let start = document.find("| model | parameters |").unwrap();
        let end = document[start..].find("\n\n").map_or(document.len(), |end| start + end + 1);
        fs::write(&path, format!("{}{table}{}", &document[..start], &document[end..])).unwrap();
        return;
    }
    assert!(document.contains(&table), "docs/MODELS.md differs from the code: run with ISINGLASS_UPDATE=1");
}

/// What inspection says is what loading gives, tensor by tensor.
#[test]
fn an_inspection_is_what_is_loaded() {
    for folder in folders("models") {
        let name = folder.to_str().unwrap();
        let Ok(model) = Model::load(name, &device("cpu").unwrap()) else { continue };
        let found = Model::inspect(name).unwrap();
        assert_eq!((&found.name, &found.spec), (&model.spec().name, model.decoder_spec()));
        let kinds: usize = found.sites.iter().map(|kind| kind.layers.map_or(1, |(first, last)| last - first + 1)).sum();
        assert_eq!(kinds, model.spec().sites.len(), "{name}");
        let post = found.sites.iter().find(|kind| kind.function == "resid_post").unwrap();
        assert_eq!(post.shape, format!("[batch, pos, {}]", model.spec().d_model));
        assert_eq!(post.layers, Some((0, model.spec().n_layers - 1)));
        let file = found.file.as_ref().unwrap();
        assert!(!file.tensors.is_empty() && file.n_elements >= found.parameters.total);
        let summed: u64 = file.tensors.iter().map(|tensor| tensor.bytes).sum();
        assert_eq!((file.bytes, file.dtypes.values().map(|of| of.bytes).sum::<u64>()), (summed, summed));
        assert_eq!(found.memory[0].weights, found.parameters.total * 4);
        assert_eq!(found.tokenizer.is_some(), model.tokenizer().is_ok());
        let json: Inspection = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
        assert_eq!(json, found);
    }
}

#[test]
fn a_config_alone_says_all_but_the_tensors() {
    let folder = own().join("models/gemma2");
    let config: Value = serde_json::from_str(&fs::read_to_string(folder.join("config.json")).unwrap()).unwrap();
    let (alone, whole) = (of_config(&config), Model::inspect(folder.to_str().unwrap()).unwrap());
    assert!(alone.file.is_none() && whole.file.is_some());
    assert_eq!((alone.spec, alone.parameters, alone.memory), (whole.spec, whole.parameters, whole.memory));
    assert_eq!(alone.sites, whole.sites);
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let error = || Model::inspect(name).unwrap_err().to_string();
    assert!(error().contains("`config.json`"), "{}", error());
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(own().join("models/gpt2/config.json")).unwrap()).unwrap();
    config["n_layer"] = 1_000_000_000_000_u64.into();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    assert!(error().ends_with("expected at most 10000, which no model reaches"), "{}", error());
    fs::write(folder.path().join("model.safetensors"), b"broken").unwrap();
    assert!(error().contains("model.safetensors"), "{}", error());
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    fs::write(folder.path().join("model.safetensors.index.json"), b"{}").unwrap();
    assert!(error().contains("index.json"), "{}", error());
}
