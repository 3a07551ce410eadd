//! Changed and cut files are errors or true files, never panics.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use std::path::Path;
use std::sync::LazyLock;

use builder::{Folder, safetensors, small_gguf, small_safetensors, zip};
use isinglass_formats::{FormatError, Gguf, Safetensors, ShardedSafetensors, TensorFile, Value};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);

/// A change to a file.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    /// Eight bytes, where a count or an offset may be.
    Wide(usize, u64),
    Cut(usize),
    /// Bytes taken out.
    Remove(usize, usize),
    /// Bytes written twice.
    Repeat(usize, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let n = bytes.len().max(1);
        match *self {
            Self::Set(at, byte) => bytes.iter_mut().skip(at % n).take(1).for_each(|b| *b = byte),
            Self::Wide(at, x) => {
                bytes.iter_mut().skip(at % n).zip(x.to_le_bytes()).for_each(|(b, new)| *b = new);
            }
            Self::Cut(at) => bytes.truncate(at % n),
            Self::Remove(at, len) => drop(bytes.drain(at % n..(at % n + len % 40).min(bytes.len()))),
            Self::Repeat(at, len) => {
                bytes.extend_from_within(at % n..(at % n + len % 400).min(bytes.len()));
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let wide = prop_oneof![any::<u64>(), 0..100_u64, Just(u64::MAX), (0..64_u32).prop_map(|b| 1 << b)];
    let change = prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (any::<usize>(), wide).prop_map(|(at, x)| Change::Wide(at, x)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(at, len)| Change::Remove(at, len)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(at, len)| Change::Repeat(at, len)),
    ];
    prop::collection::vec(change, 1..4)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        change.apply(&mut bytes);
    }
    bytes
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

fn write(name: &str, bytes: &[u8]) -> impl AsRef<Path> + use<> {
    FOLDER.write(name, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn gguf(changes in changes()) {
        exhaust_gguf(Gguf::open(write("a.gguf", &changed(small_gguf(), &changes))));
    }

    #[test]
    fn safetensors_whole(changes in changes()) {
        exhaust(Safetensors::open(write("a.safetensors", &changed(small_safetensors(), &changes))));
    }

    #[test]
    fn safetensors_header(changes in changes()) {
        // The length of the header stays right, so that the JSON is what is wrong.
        let small = small_safetensors();
        let (header, data) = small[8..].split_at(small.len() - 8 - 34);
        let bytes = safetensors(changed(header.to_vec(), &changes), data);
        exhaust(Safetensors::open(write("b.safetensors", &bytes)));
    }

    #[test]
    fn index(changes in changes()) {
        write("s.safetensors", &small_safetensors());
        let index = br#"{"metadata":{},"weight_map":{"w":"s.safetensors","b":"s.safetensors"}}"#;
        exhaust(ShardedSafetensors::open(write("i.json", &changed(index.to_vec(), &changes))));
    }

    #[test]
    fn wheel(changes in changes(), deflated: bool) {
        let bytes = zip(&[("a.py", b"pass"), ("m.gguf", &small_gguf())], deflated);
        exhaust_gguf(Gguf::open_in_wheel(write("a.whl", &changed(bytes, &changes))));
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exhaust_gguf(Gguf::open(write("n", &bytes)));
        exhaust(Safetensors::open(write("n", &bytes)));
        exhaust(ShardedSafetensors::open(write("n", &bytes)));
        exhaust_gguf(Gguf::open_in_wheel(write("n", &bytes)));
        exhaust_gguf(Gguf::open(write("n", &builder::gguf_claiming(1, 1, &bytes))));
        exhaust(Safetensors::open(write("n", &safetensors(&bytes, []))));
    }
}
