//! `extract` as its users run it: killed, shared out, out of space, asked for nonsense.
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
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use isinglass::prelude::*;
use isinglass_testkit::contents;
use program::program;
use tempfile::TempDir;

/// A file of texts, and stores beside it.
struct Work(TempDir);

impl Work {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = |i: usize| format!("{{\"text\": \"{} is number {i}\", \"id\": {i}}}\n", "x".repeat(i * 7 % 40));
        fs::write(folder.path().join("texts.jsonl"), (0..300).map(line).collect::<String>()).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Every token of two kinds of sites of the tiny model, in shards of a few hundred tokens.
    fn command(&self, out: &str) -> Command {
        self.command_with(out, &[])
    }

    /// With other flags, in pairs with their values; an own one goes before.
    fn command_with(&self, out: &str, flags: &[&str]) -> Command {
        let (out, data) = (self.path(out), self.path("texts.jsonl"));
        let own = ["--model", "tiny", "--sites", "resid_post,mlp_out", "--pos", "each", "--shard-tokens", "300"];
        let files = ["--data", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let own = [&files[..], &own].concat();
        let kept = own.chunks_exact(2).filter(|pair| !flags.contains(&pair[0])).flatten();
        let mut command = Command::new(program("extract"));
        command.args(kept).args(flags).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The store that nothing disturbed.
    fn undisturbed(&self) -> (Contents, Duration) {
        let start = Instant::now();
        assert!(self.command("undisturbed").status().unwrap().success());
        let time = start.elapsed();
        let store = Store::open(self.path("undisturbed")).unwrap();
        assert!(store.manifest().n_shards() > 20);
        store.verify(|_| {}).unwrap();
        (contents(&self.path("undisturbed")), time)
    }
}

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Numbers in `0..1` that look random, the same each time.
fn instants() -> impl Iterator<Item = f64> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    })
}

/// Kills a process after a time (SIGKILL, which it cannot notice); whether it was still running.
fn killed(mut child: Child, after: Duration) -> bool {
    thread::sleep(after);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "it neither finished nor was killed: {status}");
    !status.success()
}

#[test]
fn killed_at_fifty_instants_it_ends_with_the_same_bytes() {
    let work = Work::new();
    let (expected, time) = work.undisturbed();
    let mut instants = instants();
    let (mut kills, mut stores) = (0, 0);
    while kills < 50 {
        // Each store is killed until a run gets through.
        let out = format!("killed{stores}");
        loop {
            let after = time.mul_f64(1.1 * instants.next().unwrap());
            let child = work.command(&out).spawn().unwrap();
            if !killed(child, after) {
                break;
            }
            kills += 1;
            // Whatever is there under its own name is whole at any time.
            for (path, bytes) in contents(&work.path(&out)) {
                let name = path.to_string_lossy();
                assert!(name.ends_with(".partial") || expected[&path] == bytes, "{name} after kill {kills}");
            }
        }
        assert_eq!(contents(&work.path(&out)), expected);
        stores += 1;
    }
    println!("{kills} kills, {stores} stores, {time:?} undisturbed");
    assert!(stores > 2, "too few runs got through: {stores} of {kills}");
}

#[test]
fn writers_at_the_same_time_make_the_same_bytes_as_one() {
    let work = Work::new();
    let (expected, time) = work.undisturbed();
    let start = |part: usize, out: &str| work.command(out).args(["--shard", &format!("{part}/4")]).spawn().unwrap();
    for round in 0..3 {
        let out = format!("together{round}");
        let mut writers: Vec<Child> = (0..4).map(|part| start(part, &out)).collect();
        // One dies and is started again beside the others.
        killed(writers.remove(1), time.mul_f64(0.2 + 0.2 * f64::from(round)));
        writers.push(start(1, &out));
        for mut writer in writers {
            assert!(writer.wait().unwrap().success());
        }
        assert_eq!(contents(&work.path(&out)), expected);
    }

    // On machines that share no disk: a folder each, merged.
    let parts: Vec<String> = (0..4).map(|part| format!("part{part}")).collect();
    let writers: Vec<Child> = parts.iter().enumerate().map(|(part, out)| start(part, out)).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let merged = |parts: &[String], out: &str| {
        let mut command = Command::new(program("extract"));
        command.arg("--merge").args(parts.iter().map(|part| work.path(part))).arg("--out").arg(work.path(out));
        command.output().unwrap()
    };
    refused(&merged(&parts[..3], "merged"), "shards, the first missing is 3");
    assert!(!work.path("merged").exists());
    assert!(merged(&parts, "merged").status.success());
    assert_eq!(contents(&work.path("merged")), expected);
}

/// Exit code 2, and this on stderr.
fn refused(output: &Output, says: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.starts_with("error: ") && message.contains(says), "{message}");
}

fn output(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_and_a_folder_one_may_not_write_to_lose_nothing() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let work = Work::new();
    let (expected, _) = work.undisturbed();
    let out = work.path("full");
    fs::create_dir_all(out.join("shards")).unwrap();
    std::os::unix::fs::symlink("/dev/full", out.join("shards/000007.safetensors.partial")).unwrap();
    refused(&output(&mut work.command("full")), "No space left on device");
    assert!(contents(&out).iter().all(|(path, bytes)| expected[path] == *bytes));
    assert!(contents(&out).len() >= 8);

    // Root may write anywhere, so as root this is run as another user.
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let copy = work.path("extract");
    fs::copy(program("extract"), &copy).unwrap();
    for folder in [work.0.path(), &out, &out.join("shards")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let before = contents(&out);
    let template = work.command("full");
    let mut command = Command::new(&copy);
    command.args(template.get_args()).current_dir(work.0.path());
    if root {
        command.uid(65_534).gid(65_534);
    }
    refused(&output(&mut command), "Permission denied");
    assert_eq!(contents(&out), before);
    for folder in [work.0.path(), &out, &out.join("shards")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert!(work.command("full").status().unwrap().success());
    assert_eq!(contents(&out), expected);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_changed() {
    let work = Work::new();
    let (expected, _) = work.undisturbed();
    let refuse = |arguments: &[&str], says: &str| {
        refused(&output(&mut work.command_with("undisturbed", arguments)), says);
        assert_eq!(contents(&work.path("undisturbed")), expected);
    };
    refuse(&["--dtype", "bf16"], "is a store of another capture: its `precision` is \"f32\"");
    refuse(&["--pos", "mean", "--span", "response"], "text 0 has no row");
    refuse(&["--pos", "first"], "is no rule for positions");
    refuse(&["--shard", "4/4"], "parts of 4 are `0/4` to `3/4`");
    refuse(&["--dtype", "fp8"], "use `f32`, `bf16` or `f16`");
    refuse(&["--max-tokens", "5"], "its `texts.n_tokens` is");
    refuse(&["--generate", "2", "--temperature", "-1"], "the temperature is `-1`");

    let bad = work.path("bad.jsonl");
    fs::write(&bad, "{\"text\": \"fine\"}\n{\"words\": \"none\"}\n").unwrap();
    refused(&output(&mut work.command_with("new", &["--data", bad.to_str().unwrap()])), "line `2`");
    assert!(!work.path("new").exists());

    let mut verify = Command::new(program("extract"));
    verify.arg("--verify").arg("--out").arg(work.path("undisturbed"));
    assert!(output(&mut verify).status.success());
    let shard = work.path("undisturbed/shards/000003.safetensors");
    let mut bytes = fs::read(&shard).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    fs::write(&shard, bytes).unwrap();
    refused(&output(&mut verify), "000003.safetensors");
}

/// Parts, chats and generated text from files, against the library.
#[test]
fn files_of_parts_and_chats_give_the_rows_of_their_spans() {
    let work = Work::new();
    let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let run = |lines: &str, out: &str, arguments: &[&str]| -> Store {
        fs::write(work.path("texts.jsonl"), lines).unwrap();
        let result = output(&mut work.command_with(out, arguments));
        assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
        assert!(String::from_utf8_lossy(&result.stdout).contains("synthetic: random weights"));
        Store::open(work.path(out)).unwrap()
    };
    let parts =
        "{\"parts\": [{\"name\": \"prompt\", \"text\": \"Say it: \"}, {\"name\": \"response\", \"text\": \"now\"}]}\n";
    let store = run(parts, "parts", &["--pos", "mean", "--span", "response"]);
    let passage = model.passage_of(&[("prompt", "Say it: "), ("response", "now")]).unwrap();
    let alone = Capture::new(resid_post(1), Pos::Mean).of("response").rows(&model, &[passage], |_| {}).unwrap();
    assert_eq!(store.rows(resid_post(1)).unwrap(), *alone.rows(resid_post(1)).unwrap());
    assert_eq!(store.origins(0..1).unwrap(), alone.origins());
    assert_eq!(store.origins(0..1).unwrap()[0].n_tokens, 3);

    let chats = "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}\n\
        {\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n";
    let store = run(chats, "chats", &["--pos", "boundary"]);
    let places: Vec<_> = store.origins(0..store.len()).unwrap().iter().map(|o| (o.text, o.pos)).collect();
    let before = |text: &str| text.len() - 1;
    assert_eq!(places, [(0, before("user: hi\nassistant: ")), (1, before("user: a\nassistant: "))]);

    let generate = ["--pos", "first:3", "--span", "generated", "--generate", "4", "--temperature", "1", "--seed", "5"];
    let store = run("{\"text\": \"once\"}\n", "generated", &generate);
    let prompt = model.tokenize(["once"]).unwrap();
    let new = model.generate(&prompt, &Sampler::new(4, 5).temperature(1.0), ()).unwrap().remove(0).tokens;
    let tokens: Vec<u32> = store.origins(0..store.len()).unwrap().iter().map(|o| o.token).collect();
    assert_eq!(tokens, new[..new.len().min(3)]);
}
