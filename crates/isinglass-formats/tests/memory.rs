//! Opening a file never takes more memory than a small multiple of the file, whatever its header claims.

#[path = "support/builder.rs"]
mod builder;

#[path = "support/peak.rs"]
mod peak;

use std::path::Path;

use builder::{Folder, array, find, gguf, gguf_claiming, key, safetensors, string, tensor, zip};
use isinglass_formats::{FormatError, Gguf, Safetensors, ShardedSafetensors};
use peak::peak;

/// Metadata trees of at most 1024 keys, the state of an inflater, a message.
const CONSTANT: usize = 128 << 10;

/// Opens `bytes`, and holds the peak of what was allocated meanwhile against `times` their number.
#[track_caller]
fn check<T>(what: &str, bytes: &[u8], times: usize, opens: bool, open: impl Fn(&Path) -> Result<T, FormatError>) {
    let folder = Folder::new();
    let path = folder.write("m", bytes);
    let (opened, peak) = peak(|| open(&path));
    let bound = times * bytes.len() + CONSTANT;
    assert!(peak <= bound, "{what}: {peak} bytes for a file of {}", bytes.len());
    assert_eq!(opened.is_ok(), opens, "{what}: {:?}", opened.err());
}

#[test]
fn ggufs() {
    let check = |what, bytes: &[u8], opens| check(what, bytes, 2, opens, |path| Gguf::open(path));
    check("2^64 tensors", &gguf_claiming(u64::MAX, 0, [0; 100]), false);
    check("2^32 tensors", &gguf_claiming(1 << 32, 0, [0; 100]), false);
    check("2^64 keys", &gguf_claiming(0, u64::MAX, [0; 100]), false);
    check("a key of 2^63 bytes", &gguf_claiming(0, 1, [&(1_u64 << 63).to_le_bytes()[..], &[0; 9]].concat()), false);
    for kind in 0..=12 {
        let claim = array(kind, 1 << 59, [0; 64]);
        check("2^59 items", &gguf(&[key("k", 9, claim)], &[], &[], 1), false);
    }
    let empty = array(8, 200_000, vec![0; 8 * 200_000]);
    check("empty strings", &gguf(&[key("k", 9, empty)], &[], &[], 1), true);
    let nested = array(9, 100_000, array(0, 0, []).repeat(100_000));
    check("empty arrays", &gguf(&[key("k", 9, nested)], &[], &[], 1), true);
    let keys: Vec<_> = (0..1024).map(|i| key(&i.to_string(), 0, [0])).collect();
    check("many keys", &gguf(&keys, &[], &[], 1), true);
    let keys: Vec<_> = (0..100_000).map(|i| key(&i.to_string(), 0, [0])).collect();
    check("too many keys", &gguf(&keys, &[], &[], 1), false);
    check("one long key", &gguf(&[key(&"k".repeat(1 << 20), 0, [0])], &[], &[], 1), true);
    check("a long wrong key", &gguf(&[key(&"k".repeat(1 << 20), 13, [0])], &[], &[], 1), false);
    let same = vec![tensor("", &[0], 0, 0); 100_000];
    check("tensors of one name", &gguf(&[], &same, &[], 1), false);
    let small: Vec<_> = (0..100_000).map(|i| tensor(&i.to_string(), &[0], 0, 0)).collect();
    check("small tensors", &gguf(&[], &small, &[], 32), true);
    let flat: Vec<_> = (0..100_000).map(|i| tensor(&format!("{i:x}"), &[], 24, 32 * i)).collect();
    check("tensors outside", &gguf(&[], &flat, &[], 32), false);
    check("2^62 values", &gguf(&[], &[tensor("t", &[1 << 61], 0, 0)], &[0; 64], 32), false);
}

#[test]
fn all_safetensors() {
    let times = |what: &str, bytes: &[u8], times: usize, opens: bool| {
        check(what, bytes, times, opens, |path| Safetensors::open(path));
    };
    let open = |what: &str, bytes: &[u8], opens: bool| times(what, bytes, 2, opens);
    open("a header of 2^64 bytes", &[0xff; 64], false);
    open("a header of 2^40 bytes", &[&(1_u64 << 40).to_le_bytes()[..], &[b'{'; 64]].concat(), false);
    open("brackets", &safetensors(format!("{{\"a\":{}", "[".repeat(1 << 20)), []), false);
    let one = |shape: &str| format!(r#"{{"t":{{"dtype":"F32","shape":{shape},"data_offsets":[0,4]}}}}"#);
    open("2^20 axes", &safetensors(one(&format!("[1{}]", ",1".repeat(1 << 20))), [0; 4]), false);
    open("2^62 values", &safetensors(one("[4611686018427387903]"), [0; 4]), false);
    let small = |n: usize, shape: &str| {
        let entry = |i| format!(r#""{i:x}":{{"dtype":"U8","shape":{shape},"data_offsets":[0,0]}}"#);
        safetensors(format!("{{{}}}", (0..n).map(entry).collect::<Vec<_>>().join(",")), [])
    };
    // Just above a power of two, where a list that doubles is emptiest.
    open("small tensors", &small((1 << 16) + 1, "[0]"), true);
    open("tensors of rank 8", &small((1 << 16) + 1, "[0,1,1,1,1,1,1,1]"), true);
    open("braces", &safetensors(format!(r#"{{"{}":1}}"#, "{".repeat(1 << 20)), []), false);
    let keys = |n: usize| (0..n).map(|i| format!("\"{i:x}\":\"\"")).collect::<Vec<_>>().join(",");
    open("many keys", &safetensors(format!("{{\"__metadata__\":{{{}}}}}", keys(1024)), []), true);
    open("too many keys", &safetensors(format!("{{\"__metadata__\":{{{}}}}}", keys(100_000)), []), false);
    // The parser undoes escapes in a buffer that doubles; the text, its place in the table and the message that quotes it
    // are beside it.
    let text = "abcdefg\\n".repeat((1 << 17) + 1);
    let escaped = |what: &str, header: String, opens: bool| times(what, &safetensors(header, [0; 4]), 5, opens);
    escaped("long escaped text", format!(r#"{{"__metadata__":{{"k":"{text}"}},{}"#, &one("[1]")[1..]), true);
    escaped("a long escaped name", one("[1]").replace("\"t\"", &format!("\"{text}\"")), true);
    escaped("a long escaped name, wrong", one("[2]").replace("\"t\"", &format!("\"{text}\"")), false);
    escaped("a long escaped dtype", one("[1]").replace("F32", &text), false);
    escaped("a long escaped shape", one(&format!("\"{text}\"")), false);

    let index = |what: &str, text: &str, opens: bool| {
        check(what, text.as_bytes(), 2, opens, |path| ShardedSafetensors::open(path));
    };
    let map = |entries: Vec<String>| format!(r#"{{"weight_map":{{{}}}}}"#, entries.join(","));
    let places = (0..=1 << 16).map(|i| format!(r#""{i:x}":"a.safetensors""#));
    index("many places", &map(places.collect()), false);
    let shards = (0..1 << 16).map(|i| format!(r#""{i:x}":"{i:x}.safetensors""#));
    index("many shards", &map(shards.collect()), false);
    index("many wrong shards", &map((0..1 << 16).map(|i| format!(r#""{i:x}":"{i:x}""#)).collect()), false);
    let elsewhere = vec![r#"".safetensors""#; 1 << 16].join(",");
    index("shards elsewhere", &format!(r#"{{"a":[{elsewhere}],"weight_map":{{}}}}"#), true);
    index("a long shard", &map(vec![format!(r#""a":"{}""#, "a".repeat(1 << 20))]), false);
}

#[test]
fn wheels() {
    let check = |what, bytes: &[u8], times, opens| check(what, bytes, times, opens, |path| Gguf::open_in_wheel(path));
    let many: Vec<_> = (0..60_000).map(|i| format!("{i:x}")).collect();
    let members: Vec<_> = many.iter().map(|name| (&**name, &b""[..])).collect();
    check("many members", &zip(&members, false), 1, false);
    let inside = gguf(&[key("k", 8, string(vec![b'x'; 1 << 20]))], &[], &[], 1);
    check("stored", &zip(&[("m.gguf", &inside)], false), 1, true);
    // Noise does not shrink, so the file is as large as what it holds.
    let mut state = 7_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = (0..1 << 20).map(|_| noise()).collect();
    let inside = gguf(&[key("k", 9, array(0, noise.len() as u64, noise))], &[], &[], 1);
    check("deflated", &zip(&[("m.gguf", &inside)], true), 2, true);

    // A member that declares as much as deflate could make of its bytes, a thousand times what they are.
    let mut wheel = zip(&[("m.gguf", &inside)], true);
    let entry = find(&wheel, b"m.gguf") - 46;
    let packed = u32::from_le_bytes([0, 1, 2, 3].map(|i| wheel[entry + 20 + i]));
    wheel[entry + 24..entry + 28].copy_from_slice(&(packed * 1032).to_le_bytes());
    check("a lie within reason", &wheel, 2, false);
    wheel[entry + 24..entry + 28].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    check("a lie beyond reason", &wheel, 1, false);
    // A bomb: 64 MiB of zeros that declare 64 KiB.
    let mut bomb = zip(&[("m.gguf", &vec![0; 64 << 20])], true);
    let entry = find(&bomb, b"m.gguf") - 46;
    bomb[entry + 24..entry + 28].copy_from_slice(&(1_u32 << 16).to_le_bytes());
    check("a bomb", &bomb, 2, false);
}
