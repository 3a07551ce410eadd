//! Files are written whole or not at all, and read back as they were.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use builder::Folder;
use isinglass_formats::{
    Dtype, FormatError, NewTensor, Safetensors, SafetensorsLayout, TensorFile, save_safetensors, write_atomically,
    write_safetensors,
};

type Tensors = BTreeMap<String, NewTensor<'static>>;

fn tensors() -> Tensors {
    BTreeMap::from([
        ("a".to_string(), NewTensor::new([3], vec![1.5_f32, -0.0, f32::NAN])),
        ("b".to_string(), NewTensor::new([2, 1], vec![i64::MIN, 7])),
        ("c".to_string(), NewTensor::new([], &[2.5_f32][..])),
        ("none \"quoted\"\n".to_string(), NewTensor::new([0, 4], vec![0.0_f32; 0])),
    ])
}

fn metadata() -> BTreeMap<String, String> {
    (0..20).map(|i| (format!("key {i}"), format!("\"{i}\""))).collect()
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new();
    let path = folder.path("t.safetensors");
    save_safetensors(&path, &tensors(), &metadata()).unwrap();
    let file = Safetensors::open(&path).unwrap();
    assert_eq!(file.names(), ["a", "b", "c", "none \"quoted\"\n"]);
    assert_eq!(*file.metadata(), metadata());
    let bits =
        |name: &str| -> Vec<u32> { file.get(name).unwrap().to_f32().unwrap().into_iter().map(f32::to_bits).collect() };
    assert_eq!(bits("a"), [1.5_f32, -0.0, f32::NAN].map(f32::to_bits));
    assert_eq!(bits("c"), [2.5_f32.to_bits()]);
    assert_eq!(file.get("b").unwrap().to_i64().unwrap(), [i64::MIN, 7]);
    assert_eq!(file.get("b").unwrap().dtype(), Dtype::I64);
    assert_eq!(file.get("none \"quoted\"\n").unwrap().shape(), [0, 4]);
    // The reference reader agrees, and every tensor is aligned.
    let bytes = std::fs::read(&path).unwrap();
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), 4);
    for (name, tensor) in theirs.iter() {
        let ours = file.get(name).unwrap();
        assert_eq!((ours.shape(), ours.bytes()), (tensor.shape(), tensor.data()));
        let offset = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert!(offset.is_multiple_of(ours.dtype().block().1), "{name}");
    }
}

/// The dtypes of safetensors, with the reference crate's own.
const DTYPES: [(Dtype, safetensors::Dtype); 13] = [
    (Dtype::F64, safetensors::Dtype::F64),
    (Dtype::F32, safetensors::Dtype::F32),
    (Dtype::F16, safetensors::Dtype::F16),
    (Dtype::Bf16, safetensors::Dtype::BF16),
    (Dtype::I64, safetensors::Dtype::I64),
    (Dtype::I32, safetensors::Dtype::I32),
    (Dtype::I16, safetensors::Dtype::I16),
    (Dtype::I8, safetensors::Dtype::I8),
    (Dtype::U64, safetensors::Dtype::U64),
    (Dtype::U32, safetensors::Dtype::U32),
    (Dtype::U16, safetensors::Dtype::U16),
    (Dtype::U8, safetensors::Dtype::U8),
    (Dtype::Bool, safetensors::Dtype::BOOL),
];

/// A file filled in place by its layout is the file written whole.
#[test]
fn a_layout_says_where_everything_will_be() {
    let tensors = tensors();
    let shape = |name: &str, dtype| (name.to_string(), (dtype, tensors[name].shape.clone()));
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    let described = names.iter().map(|name| shape(name, if *name == "b" { Dtype::I64 } else { Dtype::F32 }));
    let described: BTreeMap<_, _> = described.collect();
    let layout = SafetensorsLayout::new(Path::new("none"), &described, &metadata()).unwrap();

    let folder = Folder::new();
    let path = folder.path("t.safetensors");
    save_safetensors(&path, &tensors, &metadata()).unwrap();
    let written = std::fs::read(&path).unwrap();
    assert!(written.starts_with(layout.header()));
    let file = Safetensors::open(&path).unwrap();
    for name in names {
        assert_eq!(layout.offset(name), Some(file.offset(name).unwrap()), "{name}");
    }
    assert_eq!(layout.offset("d"), None);

    let impossible = BTreeMap::from([("a".to_string(), (Dtype::F32, vec![usize::MAX, 2]))]);
    let error = SafetensorsLayout::new(Path::new("none"), &impossible, &metadata()).unwrap_err();
    assert!(matches!(error, FormatError::ShapeOverflow { .. }), "{error}");
}

#[test]
fn raw_bytes_of_every_dtype() {
    let n_bytes = |dtype: Dtype| 3 * dtype.block().1;
    let bytes = |dtype: Dtype| (0..n_bytes(dtype)).map(|i| i as u8 % 2).collect::<Vec<u8>>();
    let named = |(dtype, _): (Dtype, _)| (format!("{dtype}"), NewTensor::raw([3, 1], dtype, bytes(dtype)));
    let mut written = Vec::new();
    let tensors: BTreeMap<_, _> = DTYPES.into_iter().map(named).collect();
    write_safetensors(&mut written, Path::new("none"), &tensors, &metadata()).unwrap();
    let theirs = safetensors::SafeTensors::deserialize(&written).unwrap();
    let folder = Folder::new();
    let file = Safetensors::open(folder.write("t.safetensors", &written)).unwrap();
    assert_eq!((theirs.len(), file.names().len()), (13, 13));
    for (dtype, their_dtype) in DTYPES {
        let (name, bytes) = (dtype.to_string(), bytes(dtype));
        let theirs = theirs.tensor(&name).unwrap();
        assert_eq!((theirs.dtype(), theirs.shape(), theirs.data()), (their_dtype, &[3, 1][..], &*bytes));
        let ours = file.get(&name).unwrap();
        assert_eq!((ours.dtype(), ours.shape(), ours.bytes()), (dtype, &[3, 1][..], &*bytes));
        let place = file.offset(&name).unwrap();
        assert_eq!(written[place.start as usize..place.end as usize], bytes);
        assert!(place.start.is_multiple_of(dtype.block().1 as u64), "{name}");
    }
    assert!(matches!(file.offset("boo"), Err(FormatError::NoSuchTensor { nearest: Some(name), .. }) if name == "bool"));

    // Raw or typed, borrowed or owned, the file is the same.
    let numbers = [1.5_f32, -2.0];
    let save = |tensor| {
        let (mut out, tensors) = (Vec::new(), BTreeMap::from([("t".to_string(), tensor)]));
        write_safetensors(&mut out, Path::new("none"), &tensors, &BTreeMap::new()).unwrap();
        out
    };
    let bytes = numbers.map(f32::to_le_bytes).concat();
    assert_eq!(save(NewTensor::raw([2], Dtype::F32, &bytes)), save(NewTensor::new([2], &numbers[..])));
}

#[test]
fn numbers_that_take_several_pieces() {
    // Two pieces and a part of one; the next tensor begins where they end.
    let reals: Vec<f32> = (0..2 * (1 << 14) + 5).map(|i| i as f32 - 0.5).collect();
    let integers: Vec<i64> = (0..2 * (1 << 13) + 5).map(|i| i * -1_000_000_007).collect();
    let tensors = BTreeMap::from([
        ("integers".to_string(), NewTensor::new([integers.len()], &integers[..])),
        ("reals".to_string(), NewTensor::new([reals.len()], &reals[..])),
    ]);
    let folder = Folder::new();
    let path = folder.path("t.safetensors");
    save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let file = Safetensors::open(&path).unwrap();
    assert_eq!(file.get("reals").unwrap().to_f32().unwrap(), reals);
    assert_eq!(file.get("integers").unwrap().to_i64().unwrap(), integers);
    let mut written = Vec::new();
    write_safetensors(&mut written, &path, &tensors, &BTreeMap::new()).unwrap();
    assert!(written == std::fs::read(&path).unwrap());
}

#[test]
fn a_writer_that_fails_is_an_error() {
    /// Takes some bytes and then no more; or all, but fails at the end.
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 -= self.0.min(bytes.len());
            if self.0 == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    for room in [1, 100, 1000, usize::MAX] {
        let error = write_safetensors(&mut Full(room), Path::new("far"), &tensors(), &metadata()).unwrap_err();
        assert!(matches!(error, FormatError::Write { .. }), "{error:?}");
        assert_eq!(error.to_string(), "cannot write `far`; its folder must exist and be writable");
    }
}

#[test]
fn the_same_tensors_give_the_same_bytes() {
    let folder = Folder::new();
    let save = |name: &str| {
        save_safetensors(folder.path(name), &tensors(), &metadata()).unwrap();
        std::fs::read(folder.path(name)).unwrap()
    };
    assert_eq!(save("1"), save("2"));
    save_safetensors(folder.path("3"), &Tensors::new(), &BTreeMap::new()).unwrap();
    assert_eq!(std::fs::read(folder.path("3")).unwrap(), b"\x08\0\0\0\0\0\0\0{}      ");
}

#[test]
fn wrong_tensors_leave_what_was_there() {
    let folder = Folder::new();
    let path = folder.write("t.safetensors", "before");
    let check_tensor = |name: &str, tensor: NewTensor<'static>, message: &str| {
        let tensors = Tensors::from([(name.to_string(), tensor)]);
        let said = save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(said.replace(path.to_str().unwrap(), "t.st"), message);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
    };
    let check =
        |name, shape: &[usize], message: &str| check_tensor(name, NewTensor::new(shape, vec![1_i64, 2]), message);
    let raw = |shape: &[usize], dtype, n_bytes, message: &str| {
        check_tensor("t", NewTensor::raw(shape, dtype, vec![0; n_bytes]), message);
    };
    check("t", &[3], "tensor `t` for `t.st` has 2 values; its shape [3] asks for another number");
    check(
        "t",
        &[usize::MAX, 2],
        "tensor `t` for `t.st` has 2 values; its shape [18446744073709551615, 2] asks for another number",
    );
    check(
        "__metadata__",
        &[2],
        "a tensor for `t.st` is named `__metadata__`, which safetensors keeps for metadata; rename it",
    );
    raw(&[2, 3], Dtype::F16, 6, "tensor `t` of `t.st` has 6 bytes; dtype `f16` and shape [2, 3] need 12");
    raw(&[3], Dtype::I32, 13, "tensor `t` of `t.st` has 13 bytes; dtype `i32` and shape [3] need 12");
    let overflows = "tensor `t` of `t.st` has shape [9223372036854775807, 2], whose size overflows";
    raw(&[usize::MAX / 2, 2], Dtype::F16, 2, overflows);
    raw(
        &[32],
        Dtype::Q8_0,
        34,
        "tensor `t` for `t.st` has dtype `q8_0`, which safetensors does not have; \
         f64, f32, f16, bf16, integers and bool can be written",
    );
}

#[test]
fn any_bytes_atomically() {
    let folder = Folder::new();
    let path = folder.write("report.json", "before");
    write_atomically(&path, b"after").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"after");
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
    let error = write_atomically(folder.path("no/such/folder"), b"x").unwrap_err();
    assert!(matches!(error, FormatError::Write { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn others_may_read_what_the_umask_lets_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let mode = |name| std::fs::metadata(folder.path(name)).unwrap().permissions().mode();
    folder.write("plain", "x");
    write_atomically(folder.path("ours"), b"x").unwrap();
    assert_eq!(mode("ours"), mode("plain"));
}
