//! What a safetensors file says, one file or several, and every way in which it can be wrong.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use std::collections::BTreeMap;
use std::path::Path;

use builder::{Folder, safetensors, small_safetensors};
use isinglass_formats::{Dtype, FormatError, Safetensors, ShardedSafetensors, TensorFile};

/// Opens a wrong file and compares what is said about it, less its folder.
#[track_caller]
fn check(bytes: &[u8], message: &str) {
    let folder = Folder::new();
    let path = folder.write("m.st", bytes);
    let said = Safetensors::open(&path).unwrap_err().to_string();
    assert_eq!(said.replace(path.to_str().unwrap(), "m.st"), message);
}

#[test]
fn a_small_file() {
    let folder = Folder::new();
    let file = Safetensors::open(folder.write("m.st", small_safetensors())).unwrap();
    assert_eq!(file.names(), ["b", "ids", "w"]);
    let metadata = [("a\nb", "Ġ"), ("format", "pt")].map(|(key, value)| (key.to_string(), value.to_string()));
    assert_eq!(*file.metadata(), BTreeMap::from(metadata));
    let b = file.get("b").unwrap();
    assert_eq!((b.dtype(), b.shape(), b.to_f32().unwrap()), (Dtype::Bf16, &[][..], vec![1.5]));
    assert_eq!(file.get("ids").unwrap().to_i64().unwrap(), [3, -4]);
    let w = file.get("w").unwrap();
    assert_eq!((w.dtype(), w.shape()), (Dtype::F32, &[2, 2][..]));
    assert_eq!(w.to_f32().unwrap(), [1.0, 2.0, 3.0, -4.0]);
    assert!(file.contains("w") && !file.contains("__metadata__"));
    assert_eq!(file.get("idz").unwrap_err().to_string().split_once("; ").unwrap().1, "the nearest name is `ids`");
}

#[test]
fn the_data_need_not_be_aligned() {
    let header = r#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "y":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#;
    let folder = Folder::new();
    let path = folder.write("m.st", safetensors(header, [7, 0, 0, 0xc0, 0x3f]));
    assert_eq!(Safetensors::open(path).unwrap().get("y").unwrap().to_f32().unwrap(), [1.5]);
}

#[test]
fn wrong_lengths() {
    check(b"", "`m.st` is empty; copy or download it again");
    check(b"abc", "`m.st` is cut short: the length of the header needs 8 bytes at byte 0, where 3 are left");
    check(
        &[0xff; 12],
        "`m.st` declares a header of 18446744073709551615 bytes, but 4 follow; it is cut short or not safetensors",
    );
    check(
        &safetensors("{}", [0; 3]),
        "`m.st` has 3 bytes at byte 10 that belong to no tensor; tensors must follow one another",
    );
    check(&safetensors([b'{', 0xff], []), "`m.st` has a byte at 9 in the header that is not UTF-8");
    assert!(matches!(Safetensors::open("tests"), Err(FormatError::NotAFile { .. })));
}

#[test]
fn wrong_json() {
    for header in [
        "",
        "[]",
        "null",
        "{",
        "{} {}",
        "{\"a\":1}",
        "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":[]}",
        r#"{"a":["U8",[4],[0,4]]}"#,
        r#"{"a":{"dtype":"F32","shape":[1]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        r#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        &"[".repeat(10_000),
        &format!("{{\"a\":{}", "[".repeat(10_000)),
    ] {
        check(&safetensors(header, [0; 4]), "the header of `m.st` is not that of a safetensors file");
    }
}

#[test]
fn wrong_tensors() {
    let check = |header: &str, n_data: usize, message: &str| {
        check(&safetensors(header, vec![0; n_data]), message);
    };
    let one = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    check(
        &one("F8_E4M3", "[4]", "[0,4]"),
        4,
        "tensor `t` of `m.st` has dtype `F8_E4M3`, which cannot be read; \
         f64, f32, f16, bf16, integers and bool can",
    );
    check(&one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "tensor `t` of `m.st` has 9 axes; at most 8 are allowed");
    check(
        &one("F32", "[4294967296,4294967296]", "[0,4]"),
        4,
        "tensor `t` of `m.st` has shape [4294967296, 4294967296], whose size overflows",
    );
    check(
        &one("F32", "[4611686018427387904]", "[0,4]"),
        4,
        "tensor `t` of `m.st` has shape [4611686018427387904], whose size overflows",
    );
    check(
        &one("F32", "[1]", "[18446744073709551614,18446744073709551615]"),
        4,
        "tensor `t` of `m.st` has offset 18446744073709551614, from which its size overflows",
    );
    check(&one("F32", "[2]", "[0,4]"), 4, "tensor `t` of `m.st` has 4 bytes; dtype `f32` and shape [2] need 8");
    check(&one("F32", "[1]", "[4,0]"), 4, "tensor `t` of `m.st` has data offsets [4, 0]; the end must not be first");
    check(
        &one("F32", "[2]", "[0,8]"),
        7,
        "tensor `t` of `m.st` takes bytes 0 to 8 of the data, which has 7; the file is corrupt or cut short",
    );
    check(
        &one("F32", "[1]", "[2,6]"),
        6,
        "`m.st` has 2 bytes at byte 62 that belong to no tensor; tensors must follow one another",
    );
    let two = |a: &str, b: &str, offsets: &str| {
        format!(
            r#"{{"{a}":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}},"{b}":{{"dtype":"U8","shape":[4],"data_offsets":{offsets}}}}}"#
        )
    };
    check(&two("a", "b", "[2,6]"), 6, "tensors `a` and `b` of `m.st` overlap; each must have bytes of its own");
    check(
        &two("a", "b", "[5,9]"),
        9,
        "`m.st` has 1 bytes at byte 117 that belong to no tensor; tensors must follow one another",
    );
    check(&two("a", "a", "[4,8]"), 8, "`m.st` has the tensor `a` twice; names must differ");
    check(r#"{"__metadata__":{"a":"","a":""}}"#, 0, "`m.st` has the key `a` twice; names must differ");
    check(r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "`m.st` has the key `__metadata__` twice; names must differ");
    let keys: Vec<_> = (0..1025).map(|i| format!("\"{i}\":\"\"")).collect();
    check(
        &format!("{{\"__metadata__\":{{{}}}}}", keys.join(",")),
        0,
        "`m.st` has more than 1024 keys; no model file needs as many",
    );
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = small_safetensors();
    let folder = Folder::new();
    for n in 0..bytes.len() {
        let error = Safetensors::open(folder.write("m.st", &bytes[..n])).unwrap_err();
        assert!(
            matches!(
                error,
                FormatError::Empty { .. }
                    | FormatError::Truncated { .. }
                    | FormatError::HeaderLength { .. }
                    | FormatError::OutsideFile { .. }
            ),
            "{n}: {error}"
        );
    }
}

fn data() -> &'static Path {
    Path::new("tests/data")
}

#[test]
fn a_sharded_model_agrees_with_the_reference_reader() {
    let model = ShardedSafetensors::open(data().join("model.safetensors.index.json")).unwrap();
    assert_eq!(model.names().len(), 20);
    assert_eq!(model.paths().len(), 3);
    assert!(model.names().is_sorted() && model.contains("model.norm.weight"));
    let mut n_compared = 0;
    for shard in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        let bytes = std::fs::read(data().join(shard)).unwrap();
        for (name, theirs) in safetensors::SafeTensors::deserialize(&bytes).unwrap().iter() {
            let ours = model.get(name).unwrap();
            assert_eq!((ours.name(), ours.shape(), ours.bytes()), (name, theirs.shape(), theirs.data()));
            assert_eq!(ours.dtype(), Dtype::Bf16);
            assert_eq!(ours.to_f32().unwrap().len(), ours.n_elements());
            n_compared += 1;
        }
    }
    assert_eq!(n_compared, 20);
    let error = model.get("model.norm.wait").unwrap_err().to_string();
    assert!(error.contains("index.json") && error.ends_with("`model.norm.weight`"), "{error}");
}

#[test]
fn wrong_indexes() {
    let folder = Folder::new();
    folder.write("a.safetensors", small_safetensors());
    folder.write("cut.safetensors", &small_safetensors()[..100]);
    let check = |index: &str, message: &str| {
        let path = folder.write("m.index.json", index);
        let said = ShardedSafetensors::open(&path).unwrap_err().to_string();
        assert_eq!(said.replace(path.parent().unwrap().to_str().unwrap(), ""), message);
    };
    let no_index = "`/m.index.json` is not the index of a sharded safetensors model; it needs an object `weight_map`";
    for index in [
        "{}",
        "[",
        r#"{"weight_map":[]}"#,
        r#"{"weight_map":{"w":1}}"#,
        r#"{"weight_map":{}"#,
        r#"{"weight_map":{},"weight_map":{}}"#,
    ] {
        check(index, no_index);
    }
    check("", "`/m.index.json` is empty; copy or download it again");
    let map = |entries: &str| format!(r#"{{"metadata":{{"total_size":1}},"weight_map":{{{entries}}}}}"#);
    for shard in ["../a.safetensors", "/a.safetensors", "x/a.safetensors", "..", ""] {
        check(
            &map(&format!(r#""w":"{shard}""#)),
            &format!(
                "`/m.index.json` names the shard `{shard}`; a shard must be the plain name of a `.safetensors` file beside its index"
            ),
        );
    }
    check(
        &map(r#""w":"b.safetensors""#),
        "`/m.index.json` names the shard `b.safetensors`, which is not beside it; download it too",
    );
    check(
        &map(r#""w":"a.safetensors","v":"a.safetensors""#),
        "`/m.index.json` places tensor `v` in the shard `a.safetensors`, which has none of that name",
    );
    check(
        &map(r#""w":"a.safetensors","w":"a.safetensors""#),
        "`/m.index.json` has the tensor `w` twice; names must differ",
    );
    check(
        &map(r#""w":"cut.safetensors""#),
        "`/cut.safetensors` declares a header of 239 bytes, but 92 follow; it is cut short or not safetensors",
    );
    let many: Vec<_> = (0..1025).map(|i| format!("\"{i}\":\"{i}.safetensors\"")).collect();
    check(&map(&many.join(",")), "`/m.index.json` has more than 1024 shards; no model file needs as many");
    // The index decides which tensors there are.
    let path = folder.write("m.index.json", map(r#""w":"a.safetensors""#));
    assert_eq!(ShardedSafetensors::open(path).unwrap().names(), ["w"]);
}
