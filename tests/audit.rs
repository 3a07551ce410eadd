//! `audit_dataset` as its users run it: what it finds, what it writes, and its exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/program.rs"]
mod program;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isinglass::formats::sha256_bytes;
use program::program;
use serde_json::Value;
use tempfile::TempDir;

/// A folder of files.
struct Work(TempDir);

impl Work {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Few folds, splits and shuffles; the report into `out`.
    fn run(&self, arguments: &[&str]) -> Output {
        let out = self.path("out");
        let quick = ["--folds", "3", "--splits", "2", "--permutations", "20", "--out", out.to_str().unwrap()];
        let mut command = Command::new(program("audit_dataset"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).args(quick).output().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("out/audit.json")).unwrap()).unwrap()
    }
}

fn printed(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Panics unless a run ends with exit code 2, prints nothing, and says this.
fn refused(output: &Output, says: &str) {
    assert_eq!(printed(output, 2), "");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(says), "{error}");
}

const THINGS: [&str; 6] = ["ferry", "kettle", "ladder", "garden", "meeting", "train"];

/// Texts of which one class opens in one way, a column for each class.
fn wide() -> String {
    let mut csv = "scene,warm,cold\n".to_owned();
    for (i, thing) in THINGS.iter().enumerate() {
        let _ = writeln!(csv, "s{i},\"I like the old {thing}, number {i}.\",\"Away with the {thing}, number {i}.\"");
    }
    csv
}

#[test]
fn a_file_is_audited_and_reported() {
    let work = Work::new();
    let file = work.write("mine.csv", &wide());
    let columns: [&str; 7] = [&file, "--classes", "warm,cold", "--group", "scene", "--licence", "CC0-1.0"];
    let found = printed(&work.run(&columns), 0);
    assert!(found.starts_with("warm: 6 texts in 6 groups\ncold: 6 texts in 6 groups\n"), "{found}");
    let line = |what: &str| found.lines().find(|line| line.contains(what)).unwrap().to_owned();
    assert!(line("first three words").starts_with("over ") && line("first three words").contains("1.000"));
    assert!(line("final marks").starts_with("ok ") && line("duplicates across groups").starts_with("ok "));

    for file in
        ["audit.md", "audit.html", "audit.tf_idf.svg", "audit.first_words.svg", "audit.length.svg", "audit.words.svg"]
    {
        assert!(work.path("out").join(file).is_file(), "{file}");
    }
    let json = work.json();
    let provenance = &json["provenance"];
    assert_eq!((&json["origin"], &provenance["model"]), (&"measured".into(), &"".into()));
    assert_eq!(provenance["data"][0]["sha256"], sha256_bytes(wide().as_bytes()));
    assert_eq!(
        (&provenance["data"][0]["name"], &provenance["data"][0]["licence"]),
        (&"mine.csv".into(), &"CC0-1.0".into())
    );
    assert_eq!((&provenance["settings"]["folds"], &provenance["seed"]), (&3.into(), &0.into()));

    // The same again gives the same bytes, whatever is said by the exit code.
    let strict = printed(&work.run(&[&columns[..], &["--strict"]].concat()), 1);
    assert_eq!((strict, work.json()), (found, json));
    let lenient = ["--limit-first-words", "1", "--limit-tf-idf", "1", "--limit-length", "1", "--strict"];
    printed(&work.run(&[&columns[..], &lenient].concat()), 0);
}

/// Texts and labels in columns say the same, if the classes stand in the same order.
#[test]
fn labels_may_have_a_column() {
    let work = Work::new();
    let by_columns = work.write("wide.csv", &wide());
    let mut lines = String::new();
    for row in wide().lines().skip(1) {
        let (scene, texts) = row.split_once(',').unwrap();
        for (label, text) in ["warm", "cold"].iter().zip(texts.trim_matches('"').split("\",\"")) {
            let _ = writeln!(lines, "{}", serde_json::json!({"text": text, "label": label, "of": scene}));
        }
    }
    let by_labels = work.write("long.jsonl", &lines);
    let expected = printed(&work.run(&[&by_columns, "--classes", "warm,cold"]), 0);
    let long: [&str; 7] = [&by_labels, "--text", "text", "--label", "label", "--group", "of"];
    assert_eq!(printed(&work.run(&long), 0), expected);
    let turned = printed(&work.run(&[&long[..], &["--classes", "cold,warm"]].concat()), 0);
    assert!(turned.starts_with("cold: 6 texts in 6 groups\nwarm"), "{turned}");
}

#[test]
fn a_data_set_is_known_by_its_manifest() {
    let work = Work::new();
    let found = printed(&work.run(&["datasets/quickstart_pairs", "--strict"]), 0);
    assert!(found.contains("0 of 8 limits are passed over"), "{found}");
    let data = work.json()["provenance"]["data"][0].clone();
    assert_eq!((&data["name"], &data["licence"]), (&"quickstart_pairs".into(), &"CC0-1.0".into()));
}

#[test]
fn bad_input_is_refused() {
    let work = Work::new();
    let file = work.write("mine.csv", &wide());
    refused(&work.run(&[&file]), "the columns are `scene`, `warm`, `cold`");
    refused(&work.run(&[&file, "--classes", "warm,tepid"]), "tepid");
    refused(&work.run(&[&file, "--classes", "warm,cold", "--limit-tf-idf", "2"]), "greatest AUROC by TF-IDF");
    refused(&work.run(&["datasets/quickstart_pairs", "--group", "pair"]), "a data set's folder says its own columns");
    refused(&work.run(&["datasets/nowhere.csv", "--classes", "a,b"]), "nowhere.csv");
    let few = work.write("few.csv", &wide().lines().take(3).collect::<Vec<_>>().join("\n"));
    refused(&work.run(&[&few, "--classes", "warm,cold"]), "class `warm` has texts in 2 groups, and 3 folds need 3");
    assert!(!Path::new(&work.path("out")).exists());
}
