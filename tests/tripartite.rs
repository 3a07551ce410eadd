//! The tripartite study as its users run it: phase by phase, stopped and started again, and all at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/program.rs"]
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isinglass::formats::sha256_bytes;
use program::program;
use serde_json::Value;
use tempfile::TempDir;

/// Characters of each text that the tiny model, whose tokens are bytes, is given.
const CHARACTERS: usize = 60;

/// A folder with every fourth item of the four data sets, each text cut short, under manifests of their own.
fn small(into: &Path) {
    let sets = ["empathy_triplets", "controls_non_empathy", "controls_valence_stripped", "register_pairs"];
    for set in sets {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(set);
        let manifest: toml::Table = fs::read_to_string(from.join("manifest.toml")).unwrap().parse().unwrap();
        let file = manifest["file"].as_str().unwrap();
        let all = fs::read_to_string(from.join(file)).unwrap();
        let lines: Vec<String> = all.lines().step_by(4).map(cut).collect();
        let text = lines.concat();
        let mut manifest = manifest.clone();
        manifest.insert("n".into(), (lines.len() as i64).into());
        manifest.insert("sha256".into(), sha256_bytes(text.as_bytes()).into());
        fs::create_dir_all(into.join(set)).unwrap();
        fs::write(into.join(set).join(file), text).unwrap();
        fs::write(into.join(set).join("manifest.toml"), manifest.to_string()).unwrap();
    }
}

/// A record with its texts cut, and its name and class in each, so that none stands twice.
fn cut(line: &str) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    let id = record["id"].as_str().unwrap().to_owned();
    let texts = record.as_object_mut().unwrap().iter_mut();
    for (key, text) in texts.filter(|(key, _)| !["id", "triplet_id", "topic"].contains(&key.as_str())) {
        let short: String = text.as_str().unwrap().chars().take(CHARACTERS).collect();
        *text = format!("{short} {id} {key}.").into();
    }
    format!("{record}\n")
}

struct Work(TempDir);

impl Work {
    fn new() -> Self {
        let work = Self(tempfile::tempdir().unwrap());
        small(&work.path("data"));
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A phase with few folds, shuffles and resamples where it takes them.
    fn run(&self, example: &str, arguments: &[&str]) -> Output {
        let statistics = ["--folds", "3", "--permutations", "19", "--resamples", "40"];
        let mut command = Command::new(program(example));
        command.current_dir(self.0.path()).args(arguments).args(["--data", "data"]);
        if example != "tripartite_extract" {
            command.args(statistics);
        }
        command.output().unwrap()
    }

    fn fine(&self, example: &str, arguments: &[&str]) -> String {
        let output = self.run(example, arguments);
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, example: &str, arguments: &[&str], why: &str) {
        let output = self.run(example, arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn phases_read_one_another_and_go_on_where_they_were() {
    let work = Work::new();
    work.refused("tripartite_probe", &["out/tripartite/tiny"], "is no store");
    let folder = work.fine("tripartite_extract", &["--model", "tiny"]);
    assert_eq!(folder, "out/tripartite/tiny\n");
    work.refused("tripartite_validate", &["out/tripartite/tiny"], "run the phase `tripartite_probe` first");
    let printed = work.fine("tripartite_probe", &["out/tripartite/tiny"]);
    assert!(printed.contains("all three classes"), "{printed}");
    let verdicts = work.fine("tripartite_validate", &["out/tripartite/tiny"]);
    assert!(verdicts.contains("not testable   The directions cause the kind of reply"), "{verdicts}");

    // As when it was stopped before its last checks: what is there is read, what is not is computed, to the same end.
    let report = work.path("out/tripartite/tiny/validate.json");
    let whole = fs::read_to_string(&report).unwrap();
    for gone in ["checks/length.json", "checks/emotion.json", "validate.json"] {
        fs::remove_file(work.path("out/tripartite/tiny").join(gone)).unwrap();
    }
    assert_eq!(work.fine("tripartite_validate", &["out/tripartite/tiny"]), verdicts);
    assert!(fs::read_to_string(&report).unwrap() == whole, "another report than without interruption");

    let other = ["out/tripartite/tiny", "--seed", "1"];
    work.refused("tripartite_validate", &other, "made with another `seed`: 0, not 1");
    fs::write(work.path("out/tripartite/tiny/probed.json"), "{").unwrap();
    work.refused("tripartite_validate", &["out/tripartite/tiny"], "is no result of this phase");

    // Other texts than those that were captured.
    let path = work.path("data/register_pairs/pairs.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replacen("The", "Thy", 1)).unwrap();
    work.refused("tripartite_probe", &["out/tripartite/tiny"], "SHA-256");
}

#[test]
fn all_at_once_ends_in_one_report() {
    let work = Work::new();
    let printed = work.fine("tripartite", &["--model", "tiny", "--out", "study"]);
    assert!(printed.contains("report: study/tripartite.md"), "{printed}");
    let json: Value = serde_json::from_slice(&fs::read(work.path("study/tripartite.json")).unwrap()).unwrap();
    assert_eq!(json["provenance"]["origin"], "synthetic");
    let markdown = fs::read_to_string(work.path("study/tripartite.md")).unwrap();
    assert!(markdown.contains("synthetic") && markdown.contains("## Verdicts"), "{markdown}");
    for file in ["tripartite.html", "tripartite.models.svg", "tiny/probe.md", "tiny/validate.html"] {
        assert!(work.path("study").join(file).is_file(), "{file}");
    }
}
