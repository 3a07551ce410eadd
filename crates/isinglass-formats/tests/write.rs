//! Files are written whole or not at all, and read back as they were.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "support/builder.rs"]
mod builder;

use std::collections::BTreeMap;

use builder::Folder;
use isinglass_formats::{Dtype, FormatError, NewTensor, Safetensors, TensorFile, save_safetensors, write_atomically};

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
    let check = |name: &str, shape: &[usize], message: &str| {
        let tensors = Tensors::from([(name.to_string(), NewTensor::new(shape, vec![1_i64, 2]))]);
        let said = save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(said.replace(path.to_str().unwrap(), "t.st"), message);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
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
