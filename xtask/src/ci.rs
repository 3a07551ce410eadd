//! The steps of CI, and how they are run.
//!
//! Every step that compiles uses the release profile, so that Burn is compiled once for each kind of artefact,
//! and the committed lock file.

use std::{
    env,
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// One step of CI: commands that have to succeed in order.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    tool: Option<Tool>,
    env: &'static [(&'static str, &'static str)],
    commands: &'static [&'static [&'static str]],
}

/// A program that does not come with Rust.
#[derive(Debug)]
struct Tool {
    /// A command that succeeds where the program is there.
    probe: &'static [&'static str],
    /// How to get it.
    install: &'static str,
}

/// Where the examples of the `examples` step write.
const OUT: &str = "target/ci";

/// A short text for the examples to work on.
const TEXT: &str = "The ferry was late, but we caught the last bus home.";

/// Every step, the quick ones first.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "the sources are formatted",
        tool: Some(Tool { probe: &["cargo", "fmt", "--version"], install: "rustup component add rustfmt" }),
        env: &[],
        commands: &[&["cargo", "fmt", "--all", "--check"]],
    },
    Step {
        name: "typos",
        about: "nothing is misspelt",
        tool: Some(Tool {
            probe: &["typos", "--version"],
            install: "python3 -m pip install typos==1.52.0 (or: cargo install typos-cli --locked --version 1.52.0)",
        }),
        env: &[],
        commands: &[&["typos"]],
    },
    Step {
        name: "deny",
        about: "the dependencies' licences, sources and versions are in order",
        tool: Some(Tool {
            probe: &["cargo", "deny", "--version"],
            install: "cargo install cargo-deny --locked --version 0.20.2",
        }),
        env: &[],
        // Not `advisories`: their database is fetched anew each time, and CI must not fail for the day's news.
        commands: &[&["cargo", "deny", "--locked", "check", "bans", "licenses", "sources"]],
    },
    Step {
        name: "clippy",
        about: "the house's lints are silent",
        tool: Some(Tool { probe: &["cargo", "clippy", "--version"], install: "rustup component add clippy" }),
        env: &[],
        commands: &[&[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--release",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]],
    },
    Step {
        name: "test",
        about: "the tests pass, those in the documentation too",
        tool: None,
        env: &[],
        commands: &[&["cargo", "test", "--workspace", "--release", "--locked"]],
    },
    Step {
        name: "plain",
        about: "the reference is met without the fused kernels too",
        tool: None,
        env: &[("ISINGLASS_KERNELS", "off")],
        commands: &[&[
            "cargo",
            "test",
            "--workspace",
            "--release",
            "--locked",
            "--test",
            "parity",
            "--test",
            "invariants",
            "--test",
            "score",
            "--test",
            "smollm2",
        ]],
    },
    Step {
        name: "doc",
        about: "the documentation builds without a warning",
        tool: None,
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        commands: &[&["cargo", "doc", "--workspace", "--no-deps", "--release", "--locked"]],
    },
    Step {
        name: "examples",
        about: "the examples run on the tiny model",
        tool: None,
        env: &[],
        commands: &[
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "audit_dataset",
                "--",
                "datasets/quickstart_pairs",
                "--strict",
                "--splits",
                "2",
                "--out",
                "target/ci/audit",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "quickstart",
                "--",
                "--model",
                "tiny",
                "--out",
                "target/ci/quickstart",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "capture",
                "--",
                "--model",
                "tiny",
                "--text",
                TEXT,
                "--sites",
                "all",
                "--out",
                "target/ci/capture.safetensors",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "extract",
                "--",
                "--model",
                "tiny",
                "--out",
                "target/ci/extract",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "extract",
                "--",
                "--verify",
                "--out",
                "target/ci/extract",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "store_timings",
                "--",
                "--model",
                "tiny",
                "--texts",
                "30",
                "--repeats",
                "2",
                "--gib",
                "0.01",
                "--sizes",
                "10,100",
                "--out",
                "target/ci/store",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "generate",
                "--",
                "--model",
                "tiny",
                "--prompt",
                TEXT,
                "--json",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "score",
                "--",
                "--model",
                "tiny",
                "--prompt",
                TEXT,
                "--continuation",
                " We slept.",
                "--json",
            ],
            &[
                "cargo",
                "run",
                "--release",
                "--locked",
                "--example",
                "logit_lens",
                "--",
                "--model",
                "tiny",
                "--text",
                TEXT,
                "--out",
                "target/ci/logit_lens",
            ],
            &["cargo", "run", "--release", "--locked", "--example", "inspect", "--", "--model", "tiny"],
        ],
    },
    Step {
        name: "benches",
        about: "every benchmark runs once",
        tool: None,
        env: &[],
        commands: &[&["cargo", "bench", "--locked", "--", "--test"]],
    },
    Step {
        name: "package",
        about: "the crates can be packaged, and a project outside builds the README's example on them",
        tool: Some(Tool { probe: &["tar", "--version"], install: "the system's package manager" }),
        env: &[],
        commands: &[
            &[
                "cargo",
                "package",
                "--workspace",
                "--exclude",
                "xtask",
                "--exclude",
                "isinglass-testkit",
                // What is built is what the project outside needs.
                "--no-verify",
                "--allow-dirty",
                "--locked",
            ],
            &["cargo", "xtask", "outside"],
        ],
    },
];

/// Why CI failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A program is not installed.
    MissingTool { step: &'static str, tool: String, install: &'static str },
    /// A program could not be started, or the output folder not be made.
    Start { step: &'static str, what: String, source: io::Error },
    /// A command failed; no code if a signal ended it.
    Command { step: &'static str, command: String, code: Option<i32> },
}

impl Failure {
    /// The exit code to pass on: the failed command's own, where it has one.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::MissingTool { .. } => 127,
            Self::Start { .. } => 126,
            Self::Command { code, .. } => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTool { step, tool, install } => {
                write!(f, "step `{step}` needs `{tool}`, which is not installed; install it with: {install}")
            }
            Self::Start { step, what, source } => write!(f, "step `{step}`: `{what}`: {source}"),
            Self::Command { step, command, code: Some(code) } => {
                write!(f, "step `{step}` failed: `{command}` ended with exit code {code}")
            }
            Self::Command { step, command, code: None } => {
                write!(f, "step `{step}` failed: `{command}` was ended by a signal")
            }
        }
    }
}

/// The steps with these names in the order of CI, all of them if there are no names;
/// the first name that is no step's, otherwise.
pub(crate) fn steps<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    match names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        Some(unknown) => Err(unknown),
        None => Ok(STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect()),
    }
}

/// Runs steps up to the first that fails, and says how long each took.
pub(crate) fn run(steps: &[&'static Step]) -> Result<(), Failure> {
    let start = Instant::now();
    let mut took = Vec::new();
    let mut result = Ok(());
    for step in steps {
        println!("==> {}: {}", step.name, step.about);
        let step_start = Instant::now();
        result = run_step(step);
        let duration = step_start.elapsed();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("<== {}: {verdict} in {}", step.name, seconds(duration));
        took.push((step.name, verdict, duration));
        if result.is_err() {
            break;
        }
    }
    println!("\n{}", summary(&took, start.elapsed()));
    result
}

fn run_step(step: &'static Step) -> Result<(), Failure> {
    if let Some(tool) = &step.tool {
        let found = command(tool.probe).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            let words = tool.probe.iter().take_while(|word| !word.starts_with('-'));
            let tool_name = words.copied().collect::<Vec<_>>().join(" ");
            return Err(Failure::MissingTool { step: step.name, tool: tool_name, install: tool.install });
        }
    }
    fs::create_dir_all(root().join(OUT)).map_err(|source| Failure::Start {
        step: step.name,
        what: OUT.to_owned(),
        source,
    })?;
    for words in step.commands {
        let shown = shown(words);
        println!("  $ {shown}");
        let status = command(words).envs(step.env.iter().copied()).status();
        let status = status.map_err(|source| Failure::Start { step: step.name, what: shown.clone(), source })?;
        if !status.success() {
            return Err(Failure::Command { step: step.name, command: shown, code: status.code() });
        }
    }
    Ok(())
}

/// A command in the workspace's root; `cargo` is the one that runs us.
fn command(words: &[&str]) -> Command {
    let (program, args) = words.split_first().unwrap_or((&"", &[]));
    let program = match *program {
        "cargo" => env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        program => program.into(),
    };
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words as one would type them.
fn shown(words: &[&str]) -> String {
    let quoted = |word: &&str| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn summary(took: &[(&str, &str, Duration)], total: Duration) -> String {
    let mut text = String::new();
    for (name, verdict, duration) in took {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10}{verdict:<8}{:>10}", seconds(*duration));
    }
    let _ = write!(text, "{:<18}{:>10}", "all", seconds(total));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str]) -> Vec<&'static str> {
        steps(wanted).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn no_name_means_every_step_and_names_run_in_the_order_of_ci() {
        assert_eq!(
            names(&[]),
            ["fmt", "typos", "deny", "clippy", "test", "plain", "doc", "examples", "benches", "package"]
        );
        assert_eq!(names(&["doc", "fmt"]), ["fmt", "doc"]);
    }

    #[test]
    fn an_unknown_step_is_an_error() {
        assert_eq!(steps(&["fmt", "bench"]).unwrap_err(), "bench");
    }

    #[test]
    fn whatever_compiles_uses_one_profile_and_the_lock_file() {
        for words in STEPS.iter().flat_map(|step| step.commands) {
            if let ["cargo", "clippy" | "test" | "doc" | "run", ..] = words {
                assert!(words.contains(&"--release") && words.contains(&"--locked"), "{}", shown(words));
            }
        }
    }

    #[test]
    fn a_missing_tool_is_a_failure_that_says_how_to_get_it() {
        static STEP: Step = Step {
            name: "polish",
            about: "",
            tool: Some(Tool { probe: &["isinglass-no-such-tool", "--version"], install: "buy it" }),
            env: &[],
            commands: &[],
        };
        let failure = run_step(&STEP).unwrap_err();
        let message = "step `polish` needs `isinglass-no-such-tool`, which is not installed; install it with: buy it";
        assert_eq!(failure.to_string(), message);
        assert_eq!(failure.exit_code(), 127);
    }

    #[test]
    fn a_commands_exit_code_is_passed_on() {
        let failure = |code| Failure::Command { step: "test", command: "cargo test".to_owned(), code };
        assert_eq!(failure(Some(101)).exit_code(), 101);
        assert_eq!(failure(None).exit_code(), 1);
    }
}
