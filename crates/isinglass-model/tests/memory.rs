//! Loading takes little more memory than the weights themselves: files are mapped, and each tensor is cast on its own.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "an allocator that counts, and helpers that fail as the test does"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use isinglass_core::device;
use isinglass_formats::{NewTensor, Safetensors, ShardedSafetensors, TensorFile, save_safetensors};
use isinglass_model::Model;
use isinglass_testkit::folders;
use serde_json::Value;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(n: usize) {
    let live = LIVE.fetch_add(n, Relaxed) + n;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: every call is handed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, n: usize) -> *mut u8 {
        // The new is counted before the old is gone, as if it were copied.
        grow(n);
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(at, layout, n) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Every width of a fixture times this, so that its weights outweigh everything that is not weights.
const SCALE: usize = 8;

/// What a load may take at its peak, as a multiple of the weights in f32.
const BOUND: f64 = 1.15;

const WIDTHS: &[&str] =
    &["hidden_size", "intermediate_size", "vocab_size", "head_dim", "n_embd", "n_positions", "n_ctx"];

fn scaled(config: &mut Value) {
    for (key, value) in config.as_object_mut().unwrap() {
        match value {
            Value::Number(n) if WIDTHS.contains(&key.as_str()) => {
                *value = (n.as_u64().unwrap() * SCALE as u64).into();
            }
            // One factor for each pair of dimensions.
            Value::Array(list) if key.ends_with("_factor") => {
                *value = list.iter().flat_map(|x| std::iter::repeat_n(x.clone(), SCALE)).collect();
            }
            Value::Object(_) => scaled(value),
            _ => {}
        }
    }
}

/// A fixture's model with wider layers, all weights `weight`; and the bytes of its weights in f32.
fn wider(fixture: &Path, to: &Path, weight: f32) -> usize {
    let mut config = serde_json::from_slice(&fs::read(fixture.join("config.json")).unwrap()).unwrap();
    scaled(&mut config);
    fs::write(to.join("config.json"), config.to_string()).unwrap();
    let single = fixture.join("model.safetensors");
    let file: Box<dyn TensorFile> = if single.is_file() {
        Box::new(Safetensors::open(single).unwrap())
    } else {
        Box::new(ShardedSafetensors::open(fixture.join("model.safetensors.index.json")).unwrap())
    };
    let no_weights = [".attn.bias", ".attention.bias", ".masked_bias", ".inv_freq"];
    let mut tensors = BTreeMap::new();
    let mut bytes = 0;
    for name in file.names() {
        if no_weights.iter().any(|end| name.ends_with(end)) || name.starts_with("vision") || name.starts_with("multi") {
            continue;
        }
        let shape: Vec<usize> = file.get(name).unwrap().shape().iter().map(|n| n * SCALE).collect();
        let n = shape.iter().product();
        bytes += n * size_of::<f32>();
        tensors.insert(name.to_owned(), NewTensor::new(shape, vec![weight; n]));
    }
    save_safetensors(to.join("model.safetensors"), &tensors, &BTreeMap::new()).unwrap();
    bytes
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_load_takes_little_more_than_the_weights() {
    let cpu = device("cpu").unwrap();
    let mut n = 0;
    // The second is a bf16, in which matrices are kept then.
    for (weight, least, most) in [(0.01, 1.0, BOUND), (0.5, 0.5, BOUND / 2.0)] {
        for fixture in folders("models") {
            let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
            let folder = tempfile::tempdir().unwrap();
            let weights = wider(&fixture, folder.path(), weight);
            let before = LIVE.load(Relaxed);
            PEAK.store(before, Relaxed);
            let model = Model::load(folder.path().to_str().unwrap(), &cpu).unwrap_or_else(|e| panic!("{name}: {e}"));
            let (peak, held) = (PEAK.load(Relaxed) - before, LIVE.load(Relaxed) - before);
            let ratios = [peak, held].map(|bytes| bytes as f64 / weights as f64);
            println!("{name}: {weights} bytes of weights, peak {:.3} of them, {:.3} held", ratios[0], ratios[1]);
            assert!(ratios[0] <= BOUND, "{name}: a peak of {peak} bytes for {weights} bytes of weights");
            assert!((least..=most).contains(&ratios[1]), "{name}: {held} bytes held for {weights} bytes of weights");
            drop(model);
            n += 1;
        }
    }
    assert!(n > 20, "{n}");
}
