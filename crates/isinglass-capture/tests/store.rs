//! A store holds the rows of its capture, whoever wrote which part of it, and gives them back in any order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/tiny.rs"]
mod tiny;

use std::collections::BTreeSet;
use std::fs;

use isinglass_capture::{Capture, Link, Part, Pos, Precision, Store, Stored};
use isinglass_core::site::{mlp_post, resid_post};
use isinglass_core::{ActivationSource, Rows, Sampler, device};
use isinglass_formats::{Safetensors, TensorFile};
use isinglass_testkit::contents;
use tiny::{capture, model, subject, texts};

#[test]
fn a_store_has_the_rows_of_the_capture() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let in_memory = capture().rows(&model, &texts(), |_| {}).unwrap();
    let stored = capture().store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    assert!(stored.is_complete() && stored.n_shards > 5 && stored.written == stored.n_shards, "{stored:?}");
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.len(), in_memory.origins().len() as u64);
    for rows in in_memory.iter() {
        assert_eq!(store.rows(rows.site()).unwrap(), *rows);
        let mut source = store.source(rows.site(), &device("cpu").unwrap()).unwrap().batch_rows(13);
        assert_eq!(Rows::collect(rows.site(), &mut source).unwrap(), *rows);
    }
    assert_eq!(store.origins(0..store.len()).unwrap(), in_memory.origins());
    assert_eq!(store.origins(31..77).unwrap(), in_memory.origins()[31..77]);
    store.verify(|_| {}).unwrap();

    let again = capture().store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    assert_eq!(again, Stored { written: 0, ..stored });
}

#[test]
fn the_manifest_says_what_the_store_is_of() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    capture().store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    let store = Store::open(folder.path()).unwrap().of_model(&subject(&model).weights_sha256).unwrap();
    let manifest = store.manifest();
    assert_eq!(manifest.subject, subject(&model));
    assert_eq!(manifest.texts.n, texts().len());
    assert_eq!(manifest.texts.n_tokens, texts().iter().map(|t| t.ids().len() as u64).sum::<u64>());
    assert_eq!(manifest.sites.iter().map(|s| s.width).collect::<Vec<_>>(), [32, 64]);
    assert_eq!(store.sites().collect::<Vec<_>>(), [resid_post(1).id(), mlp_post(2).id()]);
    assert_eq!(manifest.shard_starts.last(), Some(&texts().len()));
    let text = fs::read_to_string(folder.path().join("manifest.json")).unwrap();
    assert!(text.contains("\"synthetic\": true") && text.contains("\"rule\": \"each\""), "{text}");
}

/// A shard as the format's own reader sees it.
#[test]
fn shards_are_plain_safetensors() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    for (precision, dtype) in [
        (Precision::F32, safetensors::Dtype::F32),
        (Precision::Bf16, safetensors::Dtype::BF16),
        (Precision::F16, safetensors::Dtype::F16),
    ] {
        let folder = folder.path().join(precision.to_string());
        capture().precision(precision).store(&model, &texts(), &subject(&model), &folder, |_| {}).unwrap();
        let bytes = fs::read(folder.join("shards/000001.safetensors")).unwrap();
        let shard = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let values = shard.tensor("blocks.1.hook_resid_post").unwrap();
        assert_eq!((values.dtype(), values.shape()[1]), (dtype, 32));
        let n_rows = values.shape()[0];
        let names: BTreeSet<_> = shard.names().into_iter().collect();
        let expected = [
            "blocks.1.hook_resid_post",
            "blocks.1.hook_resid_post.crc32",
            "blocks.2.mlp.hook_post",
            "blocks.2.mlp.hook_post.crc32",
            "n_tokens",
            "pos",
            "text",
            "token",
        ];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!(shard.tensor("token").unwrap().shape(), [n_rows]);
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = metadata.metadata().clone().unwrap();
        assert_eq!((metadata["origin"].as_str(), metadata["shard"].as_str()), ("synthetic", "1"));
    }
}

#[test]
fn shorter_types_round_and_nothing_more() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let exact = capture().rows(&model, &texts(), |_| {}).unwrap();
    let exact = exact.rows(resid_post(1)).unwrap();
    for (precision, bits) in [(Precision::Bf16, 8), (Precision::F16, 11)] {
        let folder = folder.path().join(precision.to_string());
        capture().precision(precision).store(&model, &texts(), &subject(&model), &folder, |_| {}).unwrap();
        let kept = Store::open(&folder).unwrap().rows(resid_post(1)).unwrap();
        let (mut worst, mut differs) = (0.0_f32, false);
        for row in 0..exact.len() {
            for (a, b) in exact.row(row).iter().zip(kept.row(row)) {
                worst = worst.max((a - b).abs() / a.abs().max(1e-4));
                differs |= a.to_bits() != b.to_bits();
            }
        }
        assert!(differs && worst <= 0.5_f32.powi(bits), "{precision}: {worst}");
    }
}

#[test]
fn a_shuffled_store_gives_every_row_once_and_goes_on_anywhere() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    capture().store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let cpu = device("cpu").unwrap();
    let source = |seed| store.source(mlp_post(2), &cpu).unwrap().batch_rows(29).shuffled(seed);
    let in_order = store.rows(mlp_post(2)).unwrap();

    let mut shuffled = source(7);
    let mut numbers = Vec::new();
    let mut values: Vec<f32> = Vec::new();
    loop {
        numbers.extend(shuffled.next_rows());
        let Some(batch) = shuffled.next_batch().unwrap() else { break };
        values.extend(batch.into_data().iter::<f32>());
    }
    for (row, values) in numbers.iter().zip(values.chunks_exact(64)) {
        assert_eq!(values, in_order.row(*row as usize));
    }
    assert_ne!(numbers, (0..store.len()).collect::<Vec<_>>());
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len() as u64, store.len());
    assert_ne!(source(8).next_rows(), numbers[..29]);

    // Interrupted after any batch, the rest is what would have come.
    for batches in [0, 1, 5] {
        let mut first = source(7);
        for _ in 0..batches {
            first.next_batch().unwrap().unwrap();
        }
        let mut rest = source(7).starting_at(first.position());
        let rest = Rows::collect(mlp_post(2), &mut rest).unwrap();
        let given = batches * 29;
        assert_eq!(rest.len(), numbers.len() - given);
        assert_eq!(rest.row(0), &values[given * 64..(given + 1) * 64]);
    }
}

#[test]
fn parts_make_the_same_bytes_in_one_folder_or_merged_from_several() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    let run = |part: &str, folder: &str| {
        let part: Part = part.parse().unwrap();
        capture().part(part).store(&model, &texts(), &subject(&model), path(folder), |_| {}).unwrap()
    };
    let whole = run("0/1", "whole");
    assert!(whole.is_complete());

    for (i, part) in ["2/3", "0/3", "1/3"].iter().enumerate() {
        let stored = run(part, "shared");
        assert_eq!(stored.is_complete(), i == 2);
        run(part, &format!("own{i}"));
    }
    assert_eq!(contents(&path("shared")), contents(&path("whole")));

    let own = ["own0", "own1", "own2"].map(path);
    for link in [Link::Hard, Link::Symbolic] {
        let into = path(&format!("{link:?}"));
        let store = Store::merge(&own, &into, link).unwrap();
        store.verify(|_| {}).unwrap();
        assert_eq!(contents(&into), contents(&path("whole")));
        assert_eq!(
            contents(&Store::merge(&own, &into, link).map(|s| s.folder().to_owned()).unwrap()).len(),
            whole.n_shards + 1
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let inode = |path: &std::path::Path| fs::metadata(path.join("shards/000000.safetensors")).unwrap().ino();
        assert_eq!(inode(&path("Hard")), inode(&own[1]), "linked, not copied");
    }
    // A part may be the folder that all are merged into.
    let store = Store::merge(&own, &own[0], Link::Hard).unwrap();
    assert_eq!(contents(store.folder()), contents(&path("whole")));
}

#[test]
fn the_bytes_follow_from_the_capture_alone() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    for name in ["a", "b"] {
        capture().store(&model, &texts(), &subject(&model), path(name), |_| {}).unwrap();
    }
    assert_eq!(contents(&path("a")), contents(&path("b")));
    let more = capture().precision(Precision::Bf16);
    more.store(&model, &texts(), &subject(&model), path("c"), |_| {}).unwrap();
    assert_ne!(contents(&path("a")), contents(&path("c")));
}

/// A model may add nothing to any of the texts.
#[test]
fn a_store_may_have_no_rows() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let nothing = capture().of("generated").generating(Sampler::greedy(0));
    nothing.store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.verify(|_| {}).unwrap();
    assert!(store.is_empty() && store.rows(resid_post(1)).unwrap().is_empty());
    let cpu = device("cpu").unwrap();
    let mut source = store.source(resid_post(1), &cpu).unwrap().shuffled(1);
    assert!(source.next_batch().unwrap().is_none());
    assert!(store.origins(0..0).unwrap().is_empty());
}

#[test]
fn shards_end_where_they_are_told_to() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let limit = 20_000;
    let capture = Capture::new(resid_post(1), Pos::Each).shard_bytes(limit).shard_tokens(usize::MAX);
    capture.store(&model, &texts(), &subject(&model), folder.path(), |_| {}).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path().join("shards")).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(files.len() > 3);
    for file in files {
        let header = 2048;
        assert!(fs::metadata(&file).unwrap().len() <= limit + header);
        let n_texts: BTreeSet<_> =
            Safetensors::open(&file).unwrap().get("text").unwrap().to_i64().unwrap().into_iter().collect();
        assert!(n_texts.len() > 1);
    }
}
