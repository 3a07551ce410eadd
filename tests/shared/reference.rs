//! Reference values of statistics and probes, from scikit-learn, scipy and statsmodels: one JSON file for each topic.
//!
//! A file knows which of its values were compared: one that no test looked at fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How near a value must come.
#[derive(Debug, Clone, Copy)]
pub enum Within {
    /// A closed form: 1e-9 of the value.
    Closed,
    /// A tail probability, or a quantile of one: 1e-7 of the value.
    Tail,
    /// What an optimiser found: 1e-6 of the greatest value beside it.
    Optimum,
    /// As far as the reference itself got, relative to the greatest value beside it.
    Relative(f64),
}

/// One file of reference values.
#[derive(Debug)]
pub struct Reference {
    pub topic: String,
    input: Value,
    expected: Value,
    seen: RefCell<BTreeSet<String>>,
}

/// Every file of the folder, in order of name: `stats` below `ISINGLASS_FIXTURES`, or the one in this repository.
///
/// # Panics
/// If there is none: a test that walks nothing must not pass.
pub fn all() -> Vec<Reference> {
    let root = env::var_os("ISINGLASS_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures"), PathBuf::from);
    let folder = root.join("stats");
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "no reference values in {}", folder.display());
    paths.iter().map(|path| Reference::read(path)).collect()
}

/// Compares every file that `is_ours`, and fails with all that went wrong.
///
/// # Panics
/// If a value differs, was not compared, or a check panics.
pub fn walk(is_ours: impl Fn(&str) -> bool, check: impl Fn(&Reference)) {
    let ours: Vec<Reference> = all().into_iter().filter(|reference| is_ours(&reference.topic)).collect();
    assert!(!ours.is_empty(), "no file is ours");
    let failed: Vec<String> = ours
        .iter()
        .filter_map(|reference| {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                check(reference);
                reference.assert_all_seen();
            }));
            outcome.is_err().then(|| reference.topic.clone())
        })
        .collect();
    assert!(failed.is_empty(), "these files do not pass, each for the reason above: {failed:?}");
}

impl Reference {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        Self {
            topic: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            input: file["input"].take(),
            expected: file["expected"].take(),
            seen: RefCell::default(),
        }
    }

    /// What went into the reference.
    pub fn input(&self, path: &[&str]) -> &Value {
        at(&self.input, path)
    }

    /// Numbers that went in.
    pub fn floats(&self, path: &[&str]) -> Vec<f64> {
        flat(self.input(path))
    }

    /// Classes, groups or indices that went in.
    pub fn indices(&self, path: &[&str]) -> Vec<usize> {
        self.floats(path).into_iter().map(|v| v as usize).collect()
    }

    /// Labels 0 and 1 that went in.
    pub fn labels(&self, path: &[&str]) -> Vec<bool> {
        self.floats(path).into_iter().map(|v| v == 1.0).collect()
    }

    /// A matrix that went in, row after row, and its width.
    pub fn matrix(&self, path: &[&str]) -> (Vec<f64>, usize) {
        let rows = self.input(path).as_array().unwrap();
        (flat(self.input(path)), rows[0].as_array().unwrap().len())
    }

    /// An expected value that is not compared as a number, such as a list of names; it counts as looked at.
    pub fn expected(&self, path: &[&str]) -> &Value {
        let value = at(&self.expected, path);
        self.see(&mut path.iter().map(|&p| p.to_owned()).collect(), value);
        value
    }

    /// Names of what is below a place of the expected values.
    pub fn keys(&self, path: &[&str]) -> Vec<String> {
        at(&self.expected, path).as_object().unwrap().keys().cloned().collect()
    }

    /// Compares one number.
    ///
    /// # Panics
    /// If it differs.
    pub fn check(&self, path: &[&str], got: f64, within: Within) {
        self.check_all(path, &[got], within);
    }

    /// Compares an array of any depth, row after row.
    ///
    /// # Panics
    /// If a value differs, or there are more or fewer.
    pub fn check_all(&self, path: &[&str], got: &[f64], within: Within) {
        let expected = flat(self.expected(path));
        let place = || format!("{} {}", self.topic, path.join(" / "));
        assert_eq!(got.len(), expected.len(), "{}: number of values", place());
        let greatest = expected.iter().fold(0.0_f64, |max, v| if v.is_finite() { max.max(v.abs()) } else { max });
        for (i, (&got, &expected)) in got.iter().zip(&expected).enumerate() {
            let allowed = match within {
                // Zeros that the reference computed are roundings of its own.
                Within::Closed => 1e-9 * expected.abs() + 1e-12 * greatest.max(1e-3),
                Within::Tail => 1e-7 * expected.abs() + 1e-300,
                Within::Optimum => 1e-6 * greatest,
                Within::Relative(share) => share * greatest,
            };
            let equal = got == expected || (got - expected).abs() <= allowed;
            assert!(equal, "{} [{i}]: got {got:e}, expected {expected:e} within {within:?}", place());
        }
    }

    /// # Panics
    /// If a value was not compared.
    pub fn assert_all_seen(&self) {
        let mut all = Vec::new();
        leaves(&mut Vec::new(), &self.expected, &mut all);
        let seen = self.seen.borrow();
        let missed: Vec<&String> = all.iter().filter(|leaf| !seen.contains(*leaf)).collect();
        assert!(missed.is_empty(), "{}: nothing looked at {missed:?}", self.topic);
    }

    fn see(&self, path: &mut Vec<String>, value: &Value) {
        let mut found = Vec::new();
        leaves(path, value, &mut found);
        self.seen.borrow_mut().extend(found);
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| value.get(key).unwrap_or_else(|| panic!("no `{key}` of {path:?}")))
}

/// Every place that is no object.
fn leaves(path: &mut Vec<String>, value: &Value, found: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            path.push(key.clone());
            leaves(path, value, found);
            path.pop();
        }
    } else {
        found.push(path.join(" / "));
    }
}

/// The numbers of a value, row after row; the reference writes infinities as text and truths as booleans.
fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        Value::Bool(value) => vec![f64::from(u8::from(*value))],
        Value::String(text) => vec![text.parse().unwrap()],
        value => vec![value.as_f64().unwrap_or_else(|| panic!("`{value}` is no number"))],
    }
}
