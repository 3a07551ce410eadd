//! Files built byte by byte.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, reason = "it is part of tests")]

use std::io::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// A folder for a test, which goes with it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

/// A key: its name, its kind, its value's bytes.
pub fn key(name: &str, kind: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    [&*string(name), &kind.to_le_bytes(), value.as_ref()].concat()
}

/// An array's bytes: kind, length, items.
pub fn array(kind: u32, len: u64, items: impl AsRef<[u8]>) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), items.as_ref()].concat()
}

/// A tensor's place in a GGUF header; `dims` fastest first.
pub fn tensor(name: &str, dims: &[u64], ggml_type: u32, offset: u64) -> Vec<u8> {
    let mut bytes = string(name);
    bytes.extend((dims.len() as u32).to_le_bytes());
    bytes.extend(dims.iter().flat_map(|d| d.to_le_bytes()));
    bytes.extend(ggml_type.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

/// A GGUF header that claims counts of its own choosing.
pub fn gguf_claiming(n_tensors: u64, n_keys: u64, rest: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GGUF", &3_u32.to_le_bytes()[..], &n_tensors.to_le_bytes(), &n_keys.to_le_bytes(), rest.as_ref()].concat()
}

/// A GGUF file, its data at the next multiple of `alignment`.
pub fn gguf(keys: &[Vec<u8>], tensors: &[Vec<u8>], data: &[u8], alignment: usize) -> Vec<u8> {
    let header = [keys.concat(), tensors.concat()].concat();
    let mut bytes = gguf_claiming(tensors.len() as u64, keys.len() as u64, header);
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
    bytes.extend(data);
    bytes
}

/// A GGUF file with a value of every kind and three tensors.
pub fn small_gguf() -> Vec<u8> {
    let keys = [
        key("general.alignment", 4, 32_u32.to_le_bytes()),
        key("general.architecture", 8, string("llama")),
        key("k.u8", 0, [200]),
        key("k.i8", 1, [0xff]),
        key("k.u16", 2, 60_000_u16.to_le_bytes()),
        key("k.i16", 3, (-2_i16).to_le_bytes()),
        key("k.i32", 5, 7_i32.to_le_bytes()),
        key("k.f32", 6, 0.5_f32.to_le_bytes()),
        key("k.bool", 7, [1]),
        key("k.u64", 10, u64::MAX.to_le_bytes()),
        key("k.i64", 11, (-5_i64).to_le_bytes()),
        key("k.f64", 12, 0.25_f64.to_le_bytes()),
        key("k.strings", 9, array(8, 3, [string("a"), string(""), string("Ġthe")].concat())),
        key("k.ints", 9, array(5, 3, [1_i32, -2, 3].map(i32::to_le_bytes).concat())),
        key("k.bools", 9, array(7, 2, [0, 1])),
        key("k.nested", 9, array(9, 2, [array(0, 2, [1, 2]), array(8, 1, string("x"))].concat())),
    ];
    let tensors = [
        tensor("norm.weight", &[3, 2], 0, 0),
        tensor("ffn.weight", &[32, 2], 3, 32),
        tensor("embed.weight", &[32], 8, 96),
    ];
    let mut data: Vec<u8> = (1..=6_u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
    data.resize(32, 0);
    for d in [0x3c, 0x40] {
        // d = 1, then 2; m = 0; every nibble 1, then 2
        data.extend([0, d, 0, 0]);
        data.extend([if d == 0x3c { 0x11 } else { 0x22 }; 16]);
    }
    data.resize(96, 0);
    data.extend([0, 0x3c]);
    data.extend((0..32_u8).map(|x| x.wrapping_sub(16)));
    gguf(&keys, &tensors, &data, 32)
}

/// A safetensors file of that header and data.
pub fn safetensors(header: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Vec<u8> {
    [string(header), data.as_ref().to_vec()].concat()
}

/// A safetensors file with metadata and three tensors.
pub fn small_safetensors() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"pt","a\nb":"Ġ"},
        "ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},
        "w":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]},
        "b":{"dtype":"BF16","shape":[],"data_offsets":[32,34]}}"#;
    let mut data = [3_i64, -4].map(i64::to_le_bytes).concat();
    data.extend([1.0_f32, 2.0, 3.0, -4.0].map(f32::to_le_bytes).concat());
    data.extend([0xc0, 0x3f]);
    safetensors(header, data)
}

/// A zip of those members, each stored or deflated.
pub fn zip(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Where the last occurrence of `needle` starts.
pub fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).rposition(|window| window == needle).unwrap()
}
