//! Whatever goes wrong with a store, nothing that was complete is lost, and the error says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/tiny.rs"]
mod tiny;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use isinglass_capture::{Capture, CaptureError, Link, Pos, Precision, Store, StoreError, Stored, Subject};
use isinglass_core::burn::tensor::TensorData;
use isinglass_core::site::resid_post;
use isinglass_core::{Device, Forward, ModelSpec, Passage, Sampler, SiteSet, Taps, Tensor, TokenBatch, device};
use isinglass_testkit::contents;
use tempfile::TempDir;
use tiny::{capture, model, subject, texts};

/// A store that is complete, and a folder for others.
struct Made {
    folder: TempDir,
    whole: BTreeMap<PathBuf, Vec<u8>>,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(&folder.path().join("whole")).unwrap();
        Self { whole: contents(&folder.path().join("whole")), folder }
    }

    /// A copy of it, to be spoilt.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        for (path, bytes) in &self.whole {
            fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
            fs::write(copy.join(path), bytes).unwrap();
        }
        copy
    }

    /// Runs the capture again, which must repair the store.
    fn repaired(&self, store: &Path) {
        assert!(run(store).unwrap().is_complete());
        assert_eq!(contents(store), self.whole);
    }
}

fn run(folder: &Path) -> Result<Stored, CaptureError> {
    let model = model();
    capture().store(&model, &texts(), &subject(&model), folder, |_| {})
}

fn refused(result: Result<impl Sized, CaptureError>) -> StoreError {
    match result {
        Err(CaptureError::Store(error)) => *error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

fn shard(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("shards/{number:06}.safetensors"))
}

/// The device that is always full takes the place of the file that is being written.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_keeps_what_is_complete() {
    let made = Made::new();
    let store = made.copy("full");
    for number in [1, 3, 4] {
        fs::remove_file(shard(&store, number)).unwrap();
    }
    let partial = store.join("shards/000003.safetensors.partial");
    std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
    let error = refused(run(&store));
    let StoreError::Write { path, source } = &error else { panic!("{error}") };
    assert_eq!(path, &shard(&store, 3));
    assert!(error.to_string().ends_with("stays, and the same capture goes on from there"), "{error}");
    assert!(source.source().unwrap().to_string().contains("No space left"), "{source:?}");
    // The one before it was written, what was there is there, and nothing half done is left.
    let left = contents(&store);
    assert!(left.iter().all(|(path, bytes)| made.whole[path] == *bytes));
    assert!(left.contains_key(Path::new("shards/000001.safetensors")));
    assert!(!partial.is_symlink());
    made.repaired(&store);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let error = refused(run(&file.join("store")));
    assert!(error.to_string().contains("store"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

/// What a killed process left under the temporary name is written over.
#[test]
fn half_written_files_are_written_over() {
    let made = Made::new();
    let store = made.copy("partial");
    fs::remove_file(shard(&store, 2)).unwrap();
    fs::write(store.join("shards/000002.safetensors.partial"), vec![7; 100_000]).unwrap();
    made.repaired(&store);
    fs::remove_file(store.join("manifest.json")).unwrap();
    fs::write(store.join("manifest.json.partial"), "{").unwrap();
    made.repaired(&store);
}

#[test]
fn a_shard_that_another_process_writes_is_left_to_it() {
    let made = Made::new();
    let store = made.copy("busy");
    fs::remove_file(shard(&store, 2)).unwrap();
    let other = fs::File::create(store.join("shards/000002.safetensors.partial")).unwrap();
    other.lock().unwrap();
    let error = refused(run(&store));
    assert!(matches!(&error, StoreError::Busy { path } if *path == shard(&store, 2)), "{error}");
    drop(other);
    made.repaired(&store);
}

#[test]
fn a_truncated_shard_is_found_when_the_store_is_opened_or_gone_on_with() {
    let made = Made::new();
    for keep in [0, 5, 700, 4000] {
        let store = made.copy(&format!("cut{keep}"));
        let path = shard(&store, 1);
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() > keep);
        fs::write(&path, &bytes[..keep]).unwrap();
        let message = Store::open(&store).unwrap_err().to_string();
        assert!(
            message.contains("000001.safetensors` is damaged: delete it and run the same capture again"),
            "{message}"
        );
        assert!(matches!(refused(run(&store)), StoreError::Broken { .. }));
        // It is not thrown away unasked.
        assert_eq!(fs::read(&path).unwrap(), &bytes[..keep]);
        fs::remove_file(&path).unwrap();
        made.repaired(&store);
    }
}

/// Each byte of a shard in turn, all its bits turned: none goes unnoticed.
#[test]
fn any_flipped_byte_is_found() {
    let made = Made::new();
    let store = made.copy("flipped");
    let path = shard(&store, 0);
    let good = fs::read(&path).unwrap();
    let mut by_row = 0;
    for at in 0..good.len() {
        // Values are many and alike: every byte of the header, then a sample.
        if at > 2000 && at % 53 != 0 {
            continue;
        }
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        fs::write(&path, &bad).unwrap();
        let found = Store::open(&store).and_then(|store| store.verify(|_| {}));
        let error = found.expect_err(&format!("byte {at} of {}", good.len()));
        let in_shard = error.to_string().contains("000000.safetensors");
        assert!(in_shard, "byte {at}: {error}");
        by_row += usize::from(matches!(error, StoreError::DamagedRow { .. }));
    }
    assert!(by_row > 100, "{by_row}");
    fs::write(&path, &good).unwrap();
    Store::open(&store).unwrap().verify(|_| {}).unwrap();
}

/// A row is never given back other than it was written, and the others still are.
#[test]
fn a_damaged_row_is_refused_when_it_is_read() {
    use isinglass_core::ActivationSource;
    let made = Made::new();
    let path = made.copy("row");
    let file = shard(&path, 0);
    let mut bytes = fs::read(&file).unwrap();
    let store = Store::open(&path).unwrap();
    let row = store.rows(resid_post(1)).unwrap().row(5).to_vec();
    let needle: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
    let at = bytes.windows(needle.len()).position(|w| w == needle).unwrap();
    bytes[at + 17] ^= 1;
    fs::write(&file, bytes).unwrap();

    let store = Store::open(&path).unwrap();
    let mut source = store.source(resid_post(1), &device("cpu").unwrap()).unwrap().batch_rows(5);
    assert!(source.next_batch().unwrap().is_some());
    let error = source.next_batch().unwrap_err();
    assert_eq!(error.to_string(), "rows of `blocks.1.hook_resid_post` could not be had");
    let cause = error.source().unwrap().to_string();
    assert!(cause.starts_with("row 5 of `blocks.1.hook_resid_post` in shard `"), "{cause}");
    assert_eq!(source.position(), 5);
    assert!(source.starting_at(6).next_batch().unwrap().is_some());
}

#[test]
fn a_shard_that_is_cut_while_the_store_is_open_is_an_error_not_a_crash() {
    let made = Made::new();
    let path = made.copy("open");
    let store = Store::open(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(shard(&path, 0)).unwrap();
    file.set_len(3000).unwrap();
    let message = store.rows(resid_post(1)).unwrap_err().to_string();
    assert!(message.contains("cut short after it was opened"), "{message}");
}

#[test]
fn what_is_no_store_of_ours_is_told_apart() {
    let made = Made::new();
    let store = made.copy("manifests");
    let path = store.join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    let check = |text: &str, expected: &str| {
        fs::write(&path, text).unwrap();
        for error in [Store::open(&store).unwrap_err(), refused(run(&store))] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    };
    check("{\"format\": \"arrow\"}", "is no manifest of a store: its `format` is \"arrow\"");
    check("[1, 2]", "its `format` is null");
    check("{", "is damaged: restore it");
    check(&manifest[..200], "is damaged: restore it");
    let newer = manifest.replace("\"version\": 1", "\"version\": 2");
    check(&newer, "has version 2, this program reads up to version 1: use a newer isinglass");
    check(&manifest.replace("\"texts\"", "\"text\""), "is damaged");
    check(&manifest.replace("\"width\": 32", "\"width\": 0"), "names no site with rows");
    check(&manifest.replace("\"n\": 60", "\"n\": 61"), "shards that are not those of its texts");
    fs::write(&path, &manifest).unwrap();
    made.repaired(&store);

    let other = made.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    assert!(matches!(Store::open(&other), Err(StoreError::NotAStore { .. })));
    fs::write(other.join("thesis.tex"), "years of work").unwrap();
    let message = refused(run(&other)).to_string();
    assert!(message.contains("holds other files (`thesis.tex`) and no store"), "{message}");
    assert_eq!(contents(&other).len(), 1);
}

#[test]
fn a_store_of_another_capture_is_refused_by_what_differs() {
    let made = Made::new();
    let store = made.copy("others");
    let model = model();
    let check = |capture: Capture, texts: &[Passage], subject: &Subject, key: &str| {
        let error = refused(capture.store(&model, texts, subject, &store, |_| {}));
        let StoreError::OtherCapture { key: found, .. } = &error else { panic!("{error}") };
        assert_eq!(found, key, "{error}");
        assert_eq!(contents(&store), made.whole);
    };
    let (texts, subject) = (texts(), subject(&model));
    let other = |weights_sha256: &str| Subject { weights_sha256: weights_sha256.into(), ..subject.clone() };
    check(capture(), &texts, &other("f00"), "subject.weights_sha256");
    let tokenizer = Subject { tokenizer_sha256: Some("f00".into()), ..subject.clone() };
    check(capture(), &texts, &tokenizer, "subject.tokenizer_sha256");
    check(capture(), &texts, &Subject { data_sha256: "f00".into(), ..subject.clone() }, "subject.data_sha256");
    check(capture(), &texts[1..], &subject, "texts.n");
    let mut changed = texts.clone();
    changed.swap(3, 4);
    check(capture(), &changed, &subject, "texts.sha256");
    let other_site = Capture::new(resid_post(0), Pos::Each).shard_tokens(100).batch_bytes(400_000);
    check(other_site, &texts, &subject, "sites");
    check(capture().with_special_tokens(), &texts, &subject, "positions.special_tokens");
    check(capture().precision(Precision::Bf16), &texts, &subject, "precision");
    check(capture().batch_bytes(1), &texts, &subject, "batch_bytes");
    check(capture().generating(Sampler::greedy(1)), &texts, &subject, "generation");
    check(capture().shard_tokens(99), &texts, &subject, "shard_starts");

    let store = Store::open(&store).unwrap().of_model("f00");
    let message = store.unwrap_err().to_string();
    assert!(message.contains("has activations of `tiny`") && message.contains("not f00"), "{message}");
}

#[test]
fn a_shard_of_another_store_is_not_taken_for_ours() {
    let made = Made::new();
    let (store, other) = (made.copy("ours"), made.folder.path().join("theirs"));
    let model = model();
    let theirs = Subject { weights_sha256: "f00".into(), ..subject(&model) };
    capture().store(&model, &texts(), &theirs, &other, |_| {}).unwrap();
    fs::copy(shard(&other, 1), shard(&store, 1)).unwrap();
    assert!(matches!(Store::open(&store), Err(StoreError::ForeignShard { .. })));
    assert!(matches!(refused(run(&store)), StoreError::ForeignShard { .. }));
    let merged = Store::merge(&[made.folder.path().join("whole"), other], made.folder.path().join("m"), Link::Hard);
    assert!(matches!(merged, Err(StoreError::OtherCapture { .. })));
    // A shard of ours under the number of another.
    fs::copy(shard(&store, 2), shard(&store, 1)).unwrap();
    assert!(matches!(Store::open(&store), Err(StoreError::Damaged { .. })));
}

#[test]
fn what_is_missing_is_counted() {
    let made = Made::new();
    let store = made.copy("missing");
    for number in [2, 5] {
        fs::remove_file(shard(&store, number)).unwrap();
    }
    let n = made.whole.len() - 1;
    let message = Store::open(&store).unwrap_err().to_string();
    assert!(message.contains(&format!("has {} of {n} shards, the first missing is 2", n - 2)), "{message}");
    let merged = Store::merge(std::slice::from_ref(&store), made.folder.path().join("merged"), Link::Hard);
    assert!(matches!(merged, Err(StoreError::Incomplete { first_missing: 2, .. })));
    assert!(!made.folder.path().join("merged").exists());
    assert!(matches!(Store::merge::<&Path>(&[], &store, Link::Hard), Err(StoreError::NoParts)));
    made.repaired(&store);

    let store = Store::open(&store).unwrap();
    let cpu = device("cpu").unwrap();
    let message = store.source(resid_post(3), &cpu).unwrap_err().to_string();
    assert!(message.ends_with("it has `blocks.1.hook_resid_post`, `blocks.2.mlp.hook_post`"), "{message}");
    let rows = store.len();
    assert!(matches!(store.origins(0..rows + 1), Err(StoreError::NoRow { row, .. }) if row == rows));
}

/// A model whose activations are its token ids, a thousand times over; id 9 has none.
struct Echo(ModelSpec, Device);

impl Forward for Echo {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }
    fn device(&self) -> &Device {
        &self.1
    }
    fn forward(&self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        let (rows, width) = (tokens.layout().rows(), tokens.layout().width());
        let value = |id: i64| if id == 9 { f32::NAN } else { 1000.0 * id as f32 };
        let ids = tokens.ids(&self.1).into_data();
        let values: Vec<f32> = ids.iter::<i64>().flat_map(|id| vec![value(id); self.0.d_model]).collect();
        let x = Tensor::from_data(TensorData::new(values, [rows, width, self.0.d_model]), &self.1);
        taps.stream(resid_post(0), x)
    }
}

#[test]
fn values_that_cannot_be_kept_are_refused_by_name() {
    let model = model();
    let spec = ModelSpec { sites: SiteSet::from(resid_post(0)), ..model.spec().clone() };
    let echo = Echo(spec, device("cpu").unwrap());
    let run = |texts: &[Vec<u32>], precision| {
        let folder = tempfile::tempdir().unwrap();
        let capture = Capture::new(resid_post(0), Pos::Each).precision(precision);
        capture.store(&echo, texts, &subject(&model), folder.path(), |_| {})
    };
    assert!(run(&[vec![1, 2], vec![70, 65]], Precision::Bf16).is_ok());
    let message = refused(run(&[vec![1, 2], vec![65, 70]], Precision::F16)).to_string();
    let at = "the activation of text 1 at position 1 of `blocks.0.hook_resid_post` holds 70000";
    assert!(message.starts_with(at) && message.contains("beyond f16: keep it as bf16 or f32"), "{message}");
    let error = run(&[vec![1], vec![2, 9]], Precision::F32).unwrap_err();
    assert!(matches!(error, CaptureError::NotFinite { text: 1, pos: 1, .. }), "{error}");
    assert!(error.to_string().contains("holds NaN"), "{error}");
}
