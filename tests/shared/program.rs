//! The examples' programs, which `cargo test` builds before it runs the tests.

use std::path::PathBuf;

/// The program of an example of this package.
pub(crate) fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "run `cargo test --workspace --release`");
    path
}
