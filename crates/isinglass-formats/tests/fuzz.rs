//! Changed, cut and spliced files are errors or true files: never a panic, never more memory than twice the file.
//!
//! The files changed are true ones: small ones with everything a format has, the fixture with every type of GGUF, and ones
//! of 1500 tensors, whose headers are large enough for the bound to mean something.
//! The memory is that of opening, at its worst, and may be twice the file and [`ALLOWANCE`].
//!
//! The seed is fixed (7), so that each run makes the same changes: 1000 cases of each of six tests, in release 2.6
//! seconds of processor time (up to 14 seconds on two cores that were busy otherwise).
//! `ISINGLASS_FUZZ_CASES=n` runs `n` cases of each instead: 100,000 of each passed, in 12 minutes on two busy cores
//! (4 minutes of processor time).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;
#[path = "support/changes.rs"]
mod changes;
#[path = "support/peak.rs"]
mod peak;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use builder::{Folder, array, gguf, key, safetensors, small_gguf, small_safetensors, string, tensor, zip};
use changes::{changed, changes};
use isinglass_formats::{FormatError, Gguf, Safetensors, ShardedSafetensors, TensorFile, Value};
use peak::peak;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A message, a path, the metadata of a small file: what opening takes however small the file is.
const ALLOWANCE: usize = 8 << 10;

/// Tensors of a large file.
const MANY: usize = 1500;

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);

static GGUFS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf_blocks.gguf");
    [small_gguf(), std::fs::read(fixture).unwrap(), large_gguf()]
});

static ALL_SAFETENSORS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let (header, n_data) = large_header();
    [small_safetensors(), safetensors(header, vec![1; n_data])]
});

static INDICES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let entry = |i| format!("\n    \"model.layers.{i}.weight\": \"{}.safetensors\"", ["s", "t"][i % 2]);
    let large = (0..MANY).map(entry).collect::<Vec<_>>().join(",");
    let index = |map: &str| format!(r#"{{"metadata": {{"total_size": 34}}, "weight_map": {{{map}}}}}"#).into_bytes();
    [index(r#""w":"s.safetensors","b":"t.safetensors""#), index(&large)]
});

fn large_gguf() -> Vec<u8> {
    let words = (0..MANY).flat_map(|i| string(format!("Ġword{i}"))).collect::<Vec<_>>();
    let keys = [
        key("general.architecture", 8, string("llama")),
        key("tokenizer.ggml.tokens", 9, array(8, MANY as u64, words)),
        key("tokenizer.ggml.scores", 9, array(6, MANY as u64, vec![0; 4 * MANY])),
    ];
    let entry = |i| tensor(&format!("blk.{i}.attn_q.weight"), &[4, 2], 0, 32 * i);
    gguf(&keys, &(0..MANY as u64).map(entry).collect::<Vec<_>>(), &vec![1; 32 * MANY], 32)
}

fn large_header() -> (String, usize) {
    let entry = |i| {
        let (start, end) = (16 * i, 16 * i + 16);
        format!(r#""model.layers.{i}.weight":{{"dtype":"F32","shape":[2,2],"data_offsets":[{start},{end}]}}"#)
    };
    (format!("{{{}}}", (0..MANY).map(entry).collect::<Vec<_>>().join(",")), 16 * MANY)
}

/// Opens a file of `n_bytes` within the bound.
fn bounded<T>(n_bytes: usize, open: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    let (opened, peak) = peak(open);
    assert!(peak <= 2 * n_bytes + ALLOWANCE, "{peak} bytes for a file of {n_bytes}: {:?}", opened.err());
    opened
}

/// Asks a file that opened for everything it has.
fn exhaust(file: Result<impl TensorFile, FormatError>) {
    match file {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(file) => {
            for name in file.names() {
                let tensor = file.get(name).unwrap();
                let (real, int) = (tensor.to_f32(), tensor.to_i64());
                assert_eq!(real.is_ok(), tensor.dtype().is_float());
                assert!(real.is_err() || int.is_err());
                assert!(real.is_ok_and(|x| x.len() == tensor.n_elements()) || !tensor.dtype().is_float());
            }
            assert!(file.get("no such tensor").is_err() && !format!("{file:?}").is_empty());
        }
    }
}

fn exhaust_gguf(file: Result<Gguf, FormatError>) {
    if let Ok(file) = &file {
        for key in file.keys() {
            let value = file.value(key).unwrap();
            if let Value::Array(array) = value {
                assert_eq!(array.iter().count(), array.len());
            }
            let _ = (file.get_str(key), file.get_u32(key), file.get_u64(key), file.get_f64(key));
            let _ = (file.get_bool(key), file.get_strings(key), file.get_ints(key));
        }
    }
    exhaust(file);
}

fn write(name: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.write(name, bytes)
}

fn open_gguf(name: &str, bytes: &[u8]) -> Result<Gguf, FormatError> {
    let path = write(name, bytes);
    bounded(bytes.len(), || Gguf::open(path))
}

fn open_safetensors(name: &str, bytes: &[u8]) -> Result<Safetensors, FormatError> {
    let path = write(name, bytes);
    bounded(bytes.len(), || Safetensors::open(path))
}

/// Opens an index beside the shards `n_shards` bytes long.
fn open_index(name: &str, bytes: &[u8], n_shards: usize) -> Result<ShardedSafetensors, FormatError> {
    let path = write(name, bytes);
    bounded(bytes.len() + n_shards, || ShardedSafetensors::open(path))
}

/// Any of the files, and another one.
fn two(n: usize) -> impl Strategy<Value = (usize, usize)> {
    (0..n, 0..n)
}

fn config(least: u32) -> ProptestConfig {
    let asked = env::var("ISINGLASS_FUZZ_CASES").ok();
    let cases = asked.map_or(least, |n| n.parse().expect("ISINGLASS_FUZZ_CASES is a number of cases"));
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

#[test]
fn unchanged_files_open() {
    for bytes in &*GGUFS {
        assert!(!open_gguf("whole.gguf", bytes).unwrap().names().is_empty());
    }
    for bytes in &*ALL_SAFETENSORS {
        assert!(!open_safetensors("whole.safetensors", bytes).unwrap().names().is_empty());
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn ggufs((file, other) in two(3), changes in changes()) {
        exhaust_gguf(open_gguf("a.gguf", &changed(&GGUFS[file], &GGUFS[other], &changes)));
    }

    #[test]
    fn whole_safetensors((file, other) in two(2), changes in changes()) {
        let bytes = changed(&ALL_SAFETENSORS[file], &ALL_SAFETENSORS[other], &changes);
        exhaust(open_safetensors("a.safetensors", &bytes));
    }

    #[test]
    fn safetensors_headers((file, other) in two(2), changes in changes()) {
        // The length of the header stays right, so that the JSON is what is wrong.
        let of = |file: usize| {
            let (n, rest) = ALL_SAFETENSORS[file].split_first_chunk().unwrap();
            rest.split_at(u64::from_le_bytes(*n) as usize)
        };
        let ((header, data), (other, _)) = (of(file), of(other));
        exhaust(open_safetensors("b.safetensors", &safetensors(changed(header, other, &changes), data)));
    }

    #[test]
    fn indices((file, other) in two(2), thin: bool, changes in changes()) {
        // Beside small shards the bound is that of the index alone, whether they have what it names or not.
        let shard = &ALL_SAFETENSORS[if thin { 0 } else { file }];
        for name in ["s.safetensors", "t.safetensors"] {
            write(name, shard);
        }
        let bytes = changed(&INDICES[file], &INDICES[other], &changes);
        exhaust(open_index("i.json", &bytes, 2 * shard.len()));
    }

    #[test]
    fn wheels(changes in changes(), deflated: bool) {
        let bytes = zip(&[("a.py", b"pass"), ("m.gguf", &small_gguf())], deflated);
        exhaust_gguf(Gguf::open_in_wheel(write("a.whl", &changed(&bytes, &bytes, &changes))));
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exhaust_gguf(open_gguf("n", &bytes));
        exhaust(open_safetensors("n", &bytes));
        exhaust(open_index("n", &bytes, 0));
        exhaust_gguf(Gguf::open_in_wheel(write("n", &bytes)));
        exhaust_gguf(open_gguf("n", &builder::gguf_claiming(1, 1, &bytes)));
        exhaust(open_safetensors("n", &safetensors(&bytes, [])));
    }
}
