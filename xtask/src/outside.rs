//! A project outside the workspace that depends on the packaged crates and runs the README's example.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Below the folder that cargo packages into.
const OUTSIDE: &str = "target/outside";
const PACKAGES: &str = "target/package";

/// Unpacks what `cargo package` made, writes a project that depends on it, builds it and runs it.
pub(crate) fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().map_err(|e| e.to_string())?;
    let outside = root.join(OUTSIDE);
    let failed = |what: &Path, e: &io::Error| format!("{}: {e}", what.display());
    if outside.exists() {
        fs::remove_dir_all(&outside).map_err(|e| failed(&outside, &e))?;
    }
    let source = outside.join("user/src");
    fs::create_dir_all(&source).map_err(|e| failed(&source, &e))?;
    let crates = unpacked(&root.join(PACKAGES), &outside)?;
    if !crates.iter().any(|(name, _)| name == "isinglass") {
        return Err(format!("{PACKAGES} holds no packaged `isinglass`: run `cargo xtask ci package`"));
    }
    let readme = root.join("README.md");
    let readme = fs::read_to_string(&readme).map_err(|e| failed(&readme, &e))?;
    let example = example(&readme).ok_or("README.md holds no example between ```rust and ```")?;
    let write = |path: PathBuf, text: &str| fs::write(&path, text).map_err(|e| failed(&path, &e));
    write(source.join("main.rs"), example)?;
    write(outside.join("user/Cargo.toml"), &manifest(&crates))?;
    // The versions that were tested.
    let lock = root.join("Cargo.lock");
    fs::copy(&lock, outside.join("user/Cargo.lock")).map_err(|e| failed(&lock, &e))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--release"])
        .current_dir(outside.join("user"))
        .env("CARGO_TARGET_DIR", root.join("target"))
        .status()
        .map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the README's example outside the workspace: {status}")) }
}

/// The packaged crates, unpacked below `to`: their names and folders.
fn unpacked(packages: &Path, to: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let entries = fs::read_dir(packages).map_err(|e| format!("{}: {e}", packages.display()))?;
    let mut crates = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_none_or(|ending| ending != "crate") {
            continue;
        }
        // Packages bear one date for ever, by which cargo would take a new one for what it has compiled: `m` dates them now.
        let status = Command::new("tar").arg("-xzmf").arg(&path).arg("-C").arg(to).status();
        if !status.map_err(|e| format!("tar: {e}"))?.success() {
            return Err(format!("{} cannot be unpacked", path.display()));
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let name = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
        crates.push((name.to_owned(), to.join(stem)));
    }
    crates.sort();
    Ok(crates)
}

/// What a user's `Cargo.toml` says, with the packaged crates in the registry's place.
fn manifest(crates: &[(String, PathBuf)]) -> String {
    let mut text = String::from(
        "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         isinglass = \"0.1\"\n\n[workspace]\n\n[patch.crates-io]\n",
    );
    for (name, folder) in crates {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} = {{ path = {:?} }}", folder.display().to_string());
    }
    text
}

/// The first example in Rust.
fn example(readme: &str) -> Option<&str> {
    let (_, rest) = readme.split_once("```rust\n")?;
    rest.split_once("```").map(|(example, _)| example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_an_example_that_is_a_program() {
        let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
        assert!(example(&readme).unwrap().contains("fn main()"));
        assert_eq!(example("text\n```sh\nls\n```\n"), None);
        assert_eq!(example("```rust\nfn main() {}\n```\n```rust\nlater\n```"), Some("fn main() {}\n"));
    }

    #[test]
    fn the_manifest_patches_every_crate() {
        let text = manifest(&[("isinglass-core".into(), "/x/isinglass-core-0.1.0".into())]);
        assert!(text.ends_with("[patch.crates-io]\nisinglass-core = { path = \"/x/isinglass-core-0.1.0\" }\n"));
    }
}
