//! Every type of a GGUF tensor, bit for bit as the `gguf` Python package reads it.
//!
//! `fixtures/make_gguf_blocks.py` writes the file: random bytes under finite scales that are also zero, negative,
//! denormal and the greatest there are.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::path::Path;

use isinglass_formats::{Dtype, FormatError, Gguf, TensorFile};

/// What a GGUF may hold.
const TYPES: [Dtype; 16] = [
    Dtype::F64,
    Dtype::F32,
    Dtype::F16,
    Dtype::Bf16,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q5_0,
    Dtype::Q5_1,
    Dtype::Q8_0,
    Dtype::Q4K,
    Dtype::Q5K,
    Dtype::Q6K,
    Dtype::I64,
    Dtype::I32,
    Dtype::I16,
    Dtype::I8,
];

#[test]
fn every_type_is_read_as_by_gguf_itself() {
    let file = Gguf::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf_blocks.gguf")).unwrap();
    let mut seen = BTreeMap::new();
    for name in file.names() {
        if name.ends_with(".expected") {
            assert!(file.contains(name.trim_end_matches(".expected")), "{name} is of no tensor");
            continue;
        }
        let (tensor, expected) = (file.get(name).unwrap(), file.get(&format!("{name}.expected")).unwrap());
        assert_eq!(tensor.shape(), expected.shape(), "{name}");
        assert_eq!(tensor.dtype().to_string(), name);
        if tensor.dtype().is_float() {
            assert_eq!(bits(tensor.to_f32()), bits(expected.to_f32()), "{name}");
        } else {
            assert_eq!(tensor.to_i64().unwrap(), expected.to_i64().unwrap(), "{name}");
            assert!(matches!(tensor.to_f32(), Err(FormatError::WrongDtype { .. })), "{name} is no weight");
        }
        seen.insert(name.to_owned(), tensor.n_elements());
    }
    for dtype in TYPES {
        assert!(seen.remove(&dtype.to_string()).is_some_and(|n| n >= 32), "no tensor of {dtype}");
    }
    assert!(seen.is_empty(), "tensors of types that are not in TYPES: {seen:?}");
}

fn bits(numbers: Result<Vec<f32>, FormatError>) -> Vec<u32> {
    numbers.unwrap().into_iter().map(f32::to_bits).collect()
}
