//! What a GGUF file says, and every way in which it can be wrong.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use builder::{Folder, array, gguf, gguf_claiming, key, small_gguf, string, tensor};
use isinglass_formats::{Dtype, FormatError, Gguf, Kind, TensorFile, Value, sha256_bytes};

fn open(bytes: &[u8]) -> Result<Gguf, FormatError> {
    Gguf::open(Folder::new().write("m.gguf", bytes))
}

/// Opens a wrong file and compares what is said about it, less its folder.
#[track_caller]
fn check(bytes: &[u8], message: &str) {
    let folder = Folder::new();
    let path = folder.write("m.gguf", bytes);
    let said = Gguf::open(&path).unwrap_err().to_string();
    assert_eq!(said.replace(path.to_str().unwrap(), "m.gguf"), message);
}

#[test]
fn tensors_of_a_small_file() {
    let file = open(&small_gguf()).unwrap();
    assert_eq!(file.version(), 3);
    assert_eq!(file.names(), ["embed.weight", "ffn.weight", "norm.weight"]);
    let norm = file.get("norm.weight").unwrap();
    assert_eq!((norm.dtype(), norm.shape(), norm.n_elements()), (Dtype::F32, &[2, 3][..], 6));
    assert_eq!(norm.to_f32().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let ffn = file.get("ffn.weight").unwrap();
    assert_eq!((ffn.dtype(), ffn.shape(), ffn.bytes().len()), (Dtype::Q4_1, &[2, 32][..], 40));
    assert_eq!(ffn.to_f32().unwrap(), [[1.0; 32], [4.0; 32]].concat());
    let embed = file.get("embed.weight").unwrap();
    assert_eq!((embed.dtype(), embed.shape()), (Dtype::Q8_0, &[32][..]));
    assert_eq!(embed.to_f32().unwrap(), std::array::from_fn::<_, 32, _>(|i| i as f32 - 16.0));
    assert!(file.contains("ffn.weight") && !file.contains("ffn"));
    assert_eq!(file.sha256(), sha256_bytes(&small_gguf()));
    assert_eq!(file.paths().len(), 1);
}

#[test]
fn metadata_of_a_small_file() {
    let file = open(&small_gguf()).unwrap();
    assert_eq!(file.keys().count(), 16);
    assert_eq!(file.get_str("general.architecture").unwrap(), "llama");
    assert_eq!(file.get_u64("k.u8").unwrap(), 200);
    assert_eq!(file.get_u32("k.u16").unwrap(), 60_000);
    assert_eq!(file.get_u32("k.i32").unwrap(), 7);
    assert_eq!(file.get_u64("k.u64").unwrap(), u64::MAX);
    assert!((file.get_f64("k.f32").unwrap() - 0.5).abs() < f64::EPSILON);
    assert!((file.get_f64("k.f64").unwrap() - 0.25).abs() < f64::EPSILON);
    assert!(file.get_bool("k.bool").unwrap());
    assert_eq!(file.get_strings("k.strings").unwrap(), ["a", "", "Ġthe"]);
    assert_eq!(file.get_ints("k.ints").unwrap(), [1, -2, 3]);
    assert!(file.value("none").is_none());
    let Some(Value::Array(nested)) = file.value("k.nested") else { panic!("an array") };
    assert_eq!((nested.kind(), nested.len(), nested.is_empty()), (Kind::Array, 2, false));
    let kinds: Vec<_> = nested
        .iter()
        .map(|item| match item {
            Value::Array(inner) => (inner.kind(), inner.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [(Kind::U8, 2), (Kind::Str, 1)]);
}

#[test]
fn metadata_asked_for_wrongly() {
    let folder = Folder::new();
    let path = folder.write("m.gguf", small_gguf());
    let file = Gguf::open(&path).unwrap();
    let say = |error: FormatError| error.to_string().replace(path.to_str().unwrap(), "m.gguf");
    assert_eq!(
        say(file.get_str("general.architectur").unwrap_err()),
        "`m.gguf` has no key `general.architectur`; the nearest name is `general.architecture`"
    );
    assert_eq!(say(file.get_str("k.u8").unwrap_err()), "key `k.u8` of `m.gguf` is a `u8`, not a string");
    assert_eq!(
        say(file.get_u64("k.i64").unwrap_err()),
        "key `k.i64` of `m.gguf` is -5, which is not an integer of 0 to 2^64 - 1"
    );
    assert_eq!(
        say(file.get_u32("k.u64").unwrap_err()),
        "key `k.u64` of `m.gguf` is 18446744073709551615, which is not an integer of 0 to 2^32 - 1"
    );
    assert_eq!(
        say(file.get_u64("k.f32").unwrap_err()),
        "key `k.f32` of `m.gguf` is a `f32`, not an integer of 0 to 2^64 - 1"
    );
    assert_eq!(
        say(file.get_f64("k.strings").unwrap_err()),
        "key `k.strings` of `m.gguf` is an array of `string`, not a real number"
    );
    assert_eq!(
        say(file.get_strings("k.ints").unwrap_err()),
        "key `k.ints` of `m.gguf` is an array of `i32`, not an array of strings"
    );
    assert_eq!(
        say(file.get_ints("k.strings").unwrap_err()),
        "key `k.strings` of `m.gguf` is an array of `string`, not an array of integers"
    );
    assert_eq!(
        say(file.get_strings("k.bool").unwrap_err()),
        "key `k.bool` of `m.gguf` is a `bool`, not an array of strings"
    );
    assert_eq!(say(file.get_bool("k.u8").unwrap_err()), "key `k.u8` of `m.gguf` is a `u8`, not a boolean");
    assert_eq!(
        say(file.get("zzz").unwrap_err()),
        "`m.gguf` has no tensor `zzz`, nor one like it; list the names it has"
    );
}

#[test]
fn not_gguf() {
    check(b"", "`m.gguf` is empty; copy or download it again");
    check(b"GG", "`m.gguf` is cut short: the magic number needs 4 bytes at byte 0, where 2 are left");
    check(b"PK\x03\x04 and more", "`m.gguf` is not GGUF: it starts with [50, 4b, 03, 04], not with `GGUF`");
    check(b"GGUF\x01\0\0\0", "`m.gguf` is GGUF version 1; versions 2 and 3 can be read");
    check(b"GGUF\0\0\0\x03", "`m.gguf` is big-endian GGUF; convert it to little-endian");
    check(
        b"GGUF\x03\0\0\0\x01",
        "`m.gguf` is cut short: the number of tensors needs 8 bytes at byte 8, where 1 are left",
    );
    assert!(matches!(Gguf::open("tests"), Err(FormatError::NotAFile { .. })));
    assert!(matches!(Gguf::open("none.gguf"), Err(FormatError::Open { .. })));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = small_gguf();
    let folder = Folder::new();
    for n in 0..bytes.len() {
        let error = Gguf::open(folder.write("m.gguf", &bytes[..n])).unwrap_err();
        assert!(
            matches!(
                error,
                FormatError::Empty { .. }
                    | FormatError::Truncated { .. }
                    | FormatError::Count { .. }
                    | FormatError::OutsideFile { .. }
            ),
            "{n}: {error}"
        );
    }
}

#[test]
fn absurd_counts() {
    check(
        &gguf_claiming(u64::MAX, 0, []),
        "`m.gguf` declares 18446744073709551615 tensors, but the bytes left hold at most 0; \
         it is corrupt or cut short",
    );
    check(
        &gguf_claiming(0, u64::MAX, [0; 26]),
        "`m.gguf` declares 18446744073709551615 keys, but the bytes left hold at most 2; \
         it is corrupt or cut short",
    );
    let keys: Vec<_> = (0..1025).map(|i| key(&i.to_string(), 0, [0])).collect();
    check(&gguf(&keys, &[], &[], 1), "`m.gguf` has more than 1024 keys; no model file needs as many");
}

#[test]
fn wrong_keys() {
    let twice = [key("k", 0, [0]), key("k", 0, [1])];
    check(&gguf(&twice, &[], &[], 1), "`m.gguf` has the key `k` twice; names must differ");
    let check = |value: Vec<u8>, message: &str| check(&gguf(&[value], &[], &[], 1), message);
    check(
        key("k", 8, u64::MAX.to_le_bytes()),
        "`m.gguf` is cut short: a metadata string needs 18446744073709551615 bytes at byte 45, where 0 are left",
    );
    check(key("k", 13, [0]), "key `k` of `m.gguf` has kind 13; GGUF has kinds 0 to 12");
    check(key("k", 7, [2]), "key `k` of `m.gguf` has the boolean byte 2; it must be 0 or 1");
    check(key("k", 9, array(7, 2, [1, 3])), "key `k` of `m.gguf` has the boolean byte 3; it must be 0 or 1");
    check(key("k", 8, string(b"ab\xff")), "`m.gguf` has a byte at 47 in a metadata string that is not UTF-8");
    check(
        key("k", 9, array(8, 1 << 61, string("a"))),
        "`m.gguf` declares 2305843009213693952 items of an array, but the bytes left hold at most 1; \
         it is corrupt or cut short",
    );
    check(
        key("k", 9, array(12, u64::MAX, [0; 8])),
        "`m.gguf` declares 18446744073709551615 items of an array, but the bytes left hold at most 1; \
         it is corrupt or cut short",
    );
    let deep = (0..5).fold(array(0, 0, []), |inner, _| array(9, 1, inner));
    check(key("k", 9, deep), "key `k` of `m.gguf` nests arrays more than 4 deep");
    check(key("general.alignment", 4, [0; 4]), "`m.gguf` has `general.alignment` 0; it must be a power of two");
    check(key("general.alignment", 4, [24, 0, 0, 0]), "`m.gguf` has `general.alignment` 24; it must be a power of two");
    check(
        key("general.alignment", 10, [32, 0, 0, 0, 0, 0, 0, 0]),
        "key `general.alignment` of `m.gguf` is a `u64`, not a `u32`",
    );
}

#[test]
fn wrong_tensors() {
    let check = |tensors: &[Vec<u8>], n_data: usize, message: &str| {
        check(&gguf(&[], tensors, &vec![0; n_data], 32), message);
    };
    let one = |dims: &[u64], ggml_type, offset| [tensor("t", dims, ggml_type, offset)];
    check(&one(&[1; 5], 0, 0), 4, "tensor `t` of `m.gguf` has 5 axes; at most 4 are allowed");
    check(
        &one(&[u64::MAX, 2], 0, 0),
        4,
        "tensor `t` of `m.gguf` has shape [2, 18446744073709551615], whose size overflows",
    );
    check(&one(&[1 << 62], 0, 0), 4, "tensor `t` of `m.gguf` has shape [4611686018427387904], whose size overflows");
    check(
        &one(&[8], 0, u64::MAX - 31),
        16,
        "tensor `t` of `m.gguf` has offset 18446744073709551584, from which its size overflows",
    );
    check(
        &one(&[33, 2], 3, 0),
        80,
        "tensor `t` of `m.gguf` has rows of 33 values; dtype `q4_1` needs a multiple of 32",
    );
    check(&one(&[], 8, 0), 80, "tensor `t` of `m.gguf` has rows of 1 values; dtype `q8_0` needs a multiple of 32");
    let unsupported = [
        (9, "q8_1"),
        (10, "q2_k"),
        (11, "q3_k"),
        (15, "q8_k"),
        (16, "iq2_xxs"),
        (17, "iq2_xs"),
        (18, "iq3_xxs"),
        (19, "iq1_s"),
        (20, "iq4_nl"),
        (21, "iq3_s"),
        (22, "iq2_s"),
        (23, "iq4_xs"),
        (29, "iq1_m"),
        (34, "tq1_0"),
        (35, "tq2_0"),
        (39, "mxfp4"),
        (99, "ggml type 99"),
    ];
    for (ggml_type, name) in unsupported {
        check(
            &one(&[256], ggml_type, 0),
            144,
            &format!(
                "tensor `t` of `m.gguf`: quantisation `{name}` is not supported: \
                 use a file of f32, f16, bf16, q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1 or q4_0"
            ),
        );
    }
    check(
        &one(&[288], 12, 0),
        162,
        "tensor `t` of `m.gguf` has rows of 288 values; dtype `q4_k` needs a multiple of 256",
    );
    check(&one(&[4], 0, 16), 64, "tensor `t` of `m.gguf` has offset 16; it must be a multiple of 32");
    check(
        &one(&[4], 0, 32),
        47,
        "tensor `t` of `m.gguf` takes bytes 32 to 48 of the data, which has 47; the file is corrupt or cut short",
    );
    check(
        &[tensor("a", &[9], 0, 0), tensor("b", &[1], 0, 32)],
        64,
        "tensors `a` and `b` of `m.gguf` overlap; each must have bytes of its own",
    );
    check(
        &[tensor("a", &[1], 0, 0), tensor("a", &[1], 0, 32)],
        64,
        "`m.gguf` has the tensor `a` twice; names must differ",
    );
}

#[test]
fn an_odd_but_true_file_opens() {
    // Version 2, no keys, a tensor without elements, one of rank 0, and no padding at the end.
    let mut bytes = gguf(&[], &[tensor("none", &[0, 7], 0, 0), tensor("one", &[], 26, 0)], &[9, 0, 0, 0], 32);
    bytes[4] = 2;
    let file = open(&bytes).unwrap();
    assert_eq!(file.version(), 2);
    assert_eq!(file.get("none").unwrap().to_f32().unwrap(), [0.0; 0]);
    assert_eq!(file.get("one").unwrap().shape(), [0; 0]);
    assert_eq!(file.get("one").unwrap().to_i64().unwrap(), [9]);
    // Nothing at all, not even the padding before the data.
    assert!(open(&gguf_claiming(0, 0, [])).unwrap().names().is_empty());
}
