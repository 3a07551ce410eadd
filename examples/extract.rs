//! Keeps the activations of a file of texts in a store on disk: resumable, shared between machines, merged, checked.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/extraction.rs"]
mod extraction;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use extraction::{bars, captured, subject, tokenised};
use isinglass::capture::{Link, Part};
use isinglass::prelude::*;

/// Keep the activations of a file of texts in a store on disk.
///
/// Killed or out of space, the same command goes on where it was and ends with the same bytes. `--shard i/n` does one of n
/// parts, on any machine, into the same folder or one of its own; `--merge` makes one store of several without copying.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  extract --data texts.jsonl --sites resid_post --pos mean --span response --out out/acts
  extract --data chats.jsonl --pos boundary --dtype bf16 --out out/acts --shard $SLURM_ARRAY_TASK_ID/8
  extract --merge out/part0 out/part1 --out out/acts
  extract --verify --out out/acts

A line of texts.jsonl has one of
  {\"text\": \"…\"}
  {\"parts\": [{\"name\": \"prompt\", \"text\": \"…\"}, {\"name\": \"response\", \"text\": \"…\"}]}   spans by these names
  {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}                           spans `user`, `assistant`, …
and of texts.txt a text. A folder is a data set of pairs with its manifest.")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    #[command(flatten)]
    capture: extraction::CaptureArgs,
    /// Texts: a .jsonl or .txt file, or the folder of a data set
    #[arg(long, default_value = "datasets/quickstart_pairs")]
    data: PathBuf,
    /// Folder of the store
    #[arg(long, default_value = "out/extract")]
    out: PathBuf,
    /// Do part I of N, counted from 0: every N-th shard
    #[arg(long, value_name = "I/N", default_value_t = Part::ALL)]
    shard: Part,
    /// Make one store in `--out` of these folders, which hold parts of it, by hard links
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Merge by symbolic links, which may point to another file system
    #[arg(long, requires = "merge")]
    symbolic: bool,
    /// Hold every byte of the store in `--out` against its checksums
    #[arg(long, conflicts_with = "merge")]
    verify: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    if !arguments.merge.is_empty() {
        let link = if arguments.symbolic { Link::Symbolic } else { Link::Hard };
        let store = Store::merge(&arguments.merge, &arguments.out, link)?;
        println!("{}", extraction::summary(&store));
        return Ok(());
    }
    if arguments.verify {
        let store = Store::open(&arguments.out)?;
        let bar = cli::progress(store.manifest().n_shards(), "shards");
        store.verify(|done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        println!("{}\nevery row is as it was written", extraction::summary(&store));
        return Ok(());
    }
    let texts = Texts::open(&arguments.data)?;
    let model = arguments.model.load()?;
    let passages = tokenised(&texts, &model, arguments.capture.max_tokens);
    let subject = subject(&arguments.model, &model, &texts)?;
    let capture = captured(&arguments.capture, &model)?.part(arguments.shard);
    let (bar, progress) = bars(texts.len());
    let stored = capture.store(&model, &passages, &subject, &arguments.out, progress)?;
    bar.finish_and_clear();
    if stored.is_complete() {
        println!("{}", extraction::summary(&Store::open(&arguments.out)?));
    } else {
        let (out, present, n) = (arguments.out.display(), stored.present, stored.n_shards);
        println!("{out}: {present} of {n} shards; this part ({}) is done, others are not", arguments.shard);
    }
    Ok(())
}
