//! The workspace's crates depend on one another as docs/ARCHITECTURE.md says, and on nothing more.

use std::{collections::BTreeSet, error::Error, fs, path::Path, process::Command};

use serde_json::Value;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Which of our crates a crate depends on; the same table as in docs/ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("isinglass-core", &[]),
    ("isinglass-formats", &[]),
    ("isinglass-data", &[]),
    ("isinglass-oracle", &["isinglass-data"]),
    ("isinglass-stats", &[]),
    ("isinglass-kernels", &[]),
    ("isinglass-model", &["isinglass-core", "isinglass-formats", "isinglass-kernels"]),
    ("isinglass-capture", &["isinglass-core", "isinglass-formats"]),
    ("isinglass-probe", &["isinglass-core", "isinglass-stats"]),
    ("isinglass-steer", &["isinglass-core", "isinglass-formats"]),
    ("isinglass-report", &["isinglass-stats"]),
    (
        "isinglass-studies",
        &[
            "isinglass-capture",
            "isinglass-core",
            "isinglass-data",
            "isinglass-formats",
            "isinglass-model",
            "isinglass-probe",
            "isinglass-report",
            "isinglass-stats",
        ],
    ),
    (TESTKIT, &["isinglass-core", "isinglass-formats", "isinglass-model"]),
    (
        "isinglass",
        &[
            "isinglass-capture",
            "isinglass-core",
            "isinglass-data",
            "isinglass-formats",
            "isinglass-model",
            "isinglass-oracle",
            "isinglass-probe",
            "isinglass-report",
            "isinglass-stats",
            "isinglass-steer",
            "isinglass-studies",
        ],
    ),
    ("xtask", &[]),
];

/// The crates that know what a tensor is.
const BURN_USERS: &[&str] = &["isinglass-core", "isinglass-kernels"];

/// The crate that only tests see.
const TESTKIT: &str = "isinglass-testkit";

/// Whose default the user must choose; in two parts, so that this file does not hold it.
const DEFAULT_DEVICE: &str = concat!("Device::", "default()");

#[test]
fn our_crates_depend_on_one_another_as_the_table_says() -> Result {
    let packages = packages()?;
    let found: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let expected: BTreeSet<_> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut wrong = differences("crate", &expected, &found);

    for (name, targets) in ARROWS {
        let Some(package) = packages.iter().find(|package| package.name == *name) else { continue };
        let arrow = |target: &str| format!("{name} -> {target}");
        let ours = package.dependencies.iter().filter(|d| !d.is_dev && found.contains(d.name.as_str()));
        let found: BTreeSet<_> = ours.map(|dependency| arrow(&dependency.name)).collect();
        let expected: BTreeSet<_> = targets.iter().map(|target| arrow(target)).collect();
        wrong.extend(differences("arrow", &expected, &found));
    }
    none(&wrong, "the crate graph is not the one of docs/ARCHITECTURE.md; change the code, or both tables")
}

#[test]
fn the_testkit_is_unpublished_and_only_tests_see_it() -> Result {
    let mut wrong = Vec::new();
    for package in packages()? {
        if package.name == TESTKIT && package.is_published {
            wrong.push(format!("{TESTKIT} lacks `publish = false`"));
        }
        if package.dependencies.iter().any(|dependency| dependency.name == TESTKIT && !dependency.is_dev) {
            wrong.push(format!("{} has {TESTKIT} outside its dev-dependencies", package.name));
        }
    }
    none(&wrong, "the testkit is for tests alone; see docs/ARCHITECTURE.md")
}

#[test]
fn burn_is_imported_only_where_tensors_are() -> Result {
    let mut wrong = Vec::new();
    for package in packages()?.iter().filter(|package| !BURN_USERS.contains(&package.name.as_str())) {
        let burn = package.dependencies.iter().filter(|d| d.name == "burn" || d.name.starts_with("burn-"));
        wrong.extend(burn.map(|dependency| format!("new arrow: {} -> {}", package.name, dependency.name)));
    }
    none(&wrong, "only the crates that hold tensors import Burn; see docs/ARCHITECTURE.md")
}

#[test]
fn every_crate_has_the_workspaces_lints() -> Result {
    let mut wrong = Vec::new();
    for package in packages()? {
        if !inherits_lints(&fs::read_to_string(&package.manifest)?) {
            wrong.push(package.manifest);
        }
    }
    none(&wrong, "these manifests lack `[lints]` with `workspace = true`")
}

#[test]
fn no_source_leaves_the_device_to_chance() -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for folder in ["crates", "src", "examples", "benches", "tests"] {
        let folder = root.join(folder);
        if folder.is_dir() {
            find_default_device(&folder, &mut wrong)?;
        }
    }
    none(&wrong, &format!("`{DEFAULT_DEVICE}` hides which device computes; take a device as an argument"))
}

/// CI builds with the toolchain that `rust-version` names; of what we depend on, nothing may ask for a newer one.
#[test]
fn nothing_needs_a_newer_rust_than_we_state() -> Result {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Only what this machine compiles has been downloaded.
    let rustc = Command::new("rustc").arg("-vV").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(manifest)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("cargo metadata: {e}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let own = array(&metadata, "packages")?.iter().find(|package| package["name"] == "isinglass");
    let stated = string(own.ok_or("no package `isinglass`")?, "rust_version")?;
    let readme = fs::read_to_string(manifest.join("README.md"))?;
    assert!(readme.contains(&format!("Rust {stated}")), "README.md does not name Rust {stated}");
    let minor = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok()).unwrap_or(0);
    let mut wrong = Vec::new();
    let packages = array(&metadata, "packages")?;
    for package in packages {
        if let Some(needs) = package["rust_version"].as_str()
            && minor(needs) > minor(&stated)
        {
            wrong.push(format!("{} needs Rust {needs}", package["name"]));
        }
    }
    assert!(packages.len() > 100, "{}", packages.len());
    none(&wrong, &format!("Rust {stated} is enough"))
}

#[test]
fn the_checks_see_what_they_are_for() {
    let expected = BTreeSet::from(["a -> b", "a -> c"]);
    let found = BTreeSet::from(["a -> b", "a -> d"]);
    assert_eq!(differences("arrow", &expected, &found), ["gone arrow: a -> c", "new arrow: a -> d"]);

    assert!(inherits_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"));
    assert!(!inherits_lints("[package]\nversion.workspace = true\n\n[lints]\n\n[features]\nworkspace = true\n"));
}

/// What `cargo metadata` says about one of our crates.
struct Package {
    name: String,
    manifest: String,
    is_published: bool,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    is_dev: bool,
}

fn packages() -> Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    array(&metadata, "packages")?.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let dependency = |value: &Value| -> Result<Dependency> {
        Ok(Dependency { name: string(value, "name")?, is_dev: value["kind"] == "dev" })
    };
    Ok(Package {
        name: string(value, "name")?,
        manifest: string(value, "manifest_path")?,
        // An empty list of registries is `publish = false`; null is any registry.
        is_published: value["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        dependencies: array(value, "dependencies")?.iter().map(dependency).collect::<Result<_>>()?,
    })
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    let array = value[key].as_array().ok_or_else(|| format!("cargo metadata has no array `{key}`"))?;
    Ok(array)
}

fn string(value: &Value, key: &str) -> Result<String> {
    let string = value[key].as_str().ok_or_else(|| format!("cargo metadata has no string `{key}`"))?;
    Ok(string.to_owned())
}

/// What is expected and not found ("gone"), and found and not expected ("new").
fn differences<T: Ord + std::fmt::Display>(what: &str, expected: &BTreeSet<T>, found: &BTreeSet<T>) -> Vec<String> {
    let gone = expected.difference(found).map(|item| format!("gone {what}: {item}"));
    let new = found.difference(expected).map(|item| format!("new {what}: {item}"));
    gone.chain(new).collect()
}

fn inherits_lints(manifest: &str) -> bool {
    let lines = manifest.lines().map(str::trim);
    let mut section = lines.skip_while(|line| *line != "[lints]").skip(1);
    section.find(|line| !line.is_empty() && !line.starts_with('#')) == Some("workspace = true")
}

/// Adds each line under a folder that names the default device, as `path:line`.
fn find_default_device(folder: &Path, found: &mut Vec<String>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_default_device(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(DEFAULT_DEVICE));
            found.extend(lines.map(|(number, _)| format!("{}:{number}", path.display())));
        }
    }
    Ok(())
}

/// An error that lists what is wrong, if anything is.
fn none(wrong: &[String], rule: &str) -> Result {
    if wrong.is_empty() { Ok(()) } else { Err(format!("{rule}\n  {}", wrong.join("\n  ")).into()) }
}
